"""Losses and natural gradients on models, (B2), (B3), (B6): closed forms, invariances, batches."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingd_ref import errors, simplex
from ingd_ref.simplex import _points
from tests.simplex.cases import CYLINDRICAL, MODELS, problem
from validation.oracles.precise import precise
from validation.oracles.simplex import naive_bayes_gradient

EPS = np.finfo(float).eps
NAIVE = simplex.naive_bayes()
tables = st.lists(st.floats(0.01, 0.99), min_size=5, max_size=5).map(np.array)
seeds = st.integers(0, 2**32 - 1)


def completed(case, p):
    """The joints q of fixed and of perfect recognition."""
    return case.q, case.marginal.complete(case.target, case.marginal.conditional(p))


@given(tables)
def test_fisher_information_of_naive_bayes_is_diagonal(xi):
    x, y1, y2, z1, z2 = xi
    expected = [
        1 / (x * (1 - x)),
        *(w / (t * (1 - t)) for t, w in ((y1, x), (y2, 1 - x), (z1, x), (z2, 1 - x))),
    ]
    # Off the diagonal, sums of four terms of the size of the diagonal cancel.
    np.testing.assert_allclose(
        simplex.fisher_information(NAIVE, xi),
        np.diag(expected),
        rtol=20 * EPS,
        atol=40 * EPS * max(expected),
    )


@given(tables, seeds)
def test_natural_gradient_of_naive_bayes_in_closed_form(xi, seed):
    case = problem(NAIVE, seed)
    for q, recognition in zip(
        completed(case, NAIVE.probabilities(xi)), (case.recognition, "held"), strict=True
    ):
        expected = naive_bayes_gradient(precise(xi), precise(q)).astype(float)
        found = simplex.elbo_gradient(NAIVE, xi, case.target, recognition)
        # W⁺g errs by eps κ ‖W⁺‖ ‖g‖ with ‖W⁺‖ ≤ 1/2 in the chart of a table row that is never used
        # less than once in a hundred.
        w = NAIVE.jacobian(xi) / np.sqrt(NAIVE.probabilities(xi))[:, None]
        g = (NAIVE.probabilities(xi) - q) / np.sqrt(NAIVE.probabilities(xi))
        allowed = (
            20 * EPS * found.condition * np.linalg.norm(np.linalg.pinv(w), 2) * np.linalg.norm(g)
        )
        np.testing.assert_allclose(found.coordinates, expected, atol=allowed)


@given(tables, seeds)
def test_evidence_gradient_of_naive_bayes(xi, seed):
    """The visible model is the whole simplex, so p_V moves straight, by the shortest velocity."""
    case = problem(NAIVE, seed)
    solution = simplex.evidence_gradient(NAIVE, xi, case.target)
    if (
        int(solution.rank) < 3
    ):  # effects that do not depend on the cause leave directions that cannot be seen
        return
    visible = case.marginal.push(NAIVE.probabilities(xi))
    np.testing.assert_allclose(
        solution.visible, visible - case.target, atol=20 * EPS * max(1.0, solution.condition)
    )
    slopes = np.stack([case.marginal.push(column) for column in NAIVE.jacobian(xi).T], axis=1)
    whitened = slopes / np.sqrt(visible)[:, None]
    shortest = np.linalg.lstsq(whitened, (visible - case.target) / np.sqrt(visible), rcond=1e-10)[0]
    allowed = 100 * EPS * solution.condition**2 * np.linalg.norm(shortest)
    np.testing.assert_allclose(solution.coordinates, shortest, atol=allowed)


@given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=3).map(np.array), seeds)
def test_gradients_of_the_product_model(xi, seed):
    """Visible coordinates relax alike in all three; the hidden one only for a fixed recognition."""
    model = simplex.independence_model()
    case = problem(model, seed)
    table = case.q.reshape(2, 2, 2)
    best = np.array([table[0].sum(), table[:, 0].sum(), table[:, :, 0].sum()])
    allowed = 400 * EPS / min(xi.min(), 1 - xi.max())
    fixed, perfect, evidence = (
        simplex.elbo_gradient(model, xi, case.target, case.recognition),
        simplex.elbo_gradient(model, xi, case.target, "substituted"),
        simplex.evidence_gradient(model, xi, case.target),
    )
    np.testing.assert_allclose(fixed.coordinates, xi - best, atol=allowed)
    np.testing.assert_allclose(perfect.coordinates, (xi - best) * [0, 1, 1], atol=allowed)
    np.testing.assert_allclose(evidence.coordinates, (xi - best) * [0, 1, 1], atol=allowed)
    assert (int(fixed.rank), int(evidence.rank)) == (3, 2)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_held_and_substituted_recognition_agree(model):
    case = problem(model, 3, size=6)
    held, substituted = (
        simplex.elbo_gradient(model, case.xi, case.target, name) for name in ("held", "substituted")
    )
    for field in ("coordinates", "tangent", "visible", "gradient"):
        ours, theirs = getattr(held, field), getattr(substituted, field)
        # One is added to the size for the model without visible effect, whose gradients are sums
        # that cancel.
        np.testing.assert_allclose(
            ours, theirs, atol=100 * EPS * held.condition.max() * (1.0 + np.abs(theirs).max())
        )
    evidence = simplex.evidence_gradient(model, case.xi, case.target)
    np.testing.assert_allclose(
        held.gradient, evidence.gradient, atol=1000 * EPS * (1.0 + np.abs(evidence.gradient).max())
    )


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_losses_and_gap(model):
    """L − L_V is the mean divergence of recognition and posterior; a perfect one closes it."""
    case = problem(model, 4, size=6)
    p = model.probabilities(case.xi)
    bound = simplex.elbo_loss(model, case.xi, case.target, case.recognition)
    evidence = simplex.evidence_loss(model, case.xi, case.target)
    gap = np.sum(case.q * np.log(case.recognition / case.marginal.conditional(p)), axis=-1)
    np.testing.assert_allclose(
        bound - evidence, gap, atol=100 * EPS
    )  # logarithms of order ten at most
    assert np.all(bound >= evidence)
    for name in ("held", "substituted"):
        np.testing.assert_array_equal(
            simplex.elbo_loss(model, case.xi, case.target, name), evidence
        )


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_plain_gradients_by_differences(model):
    case = problem(model, 5)
    step = 6e-6  # eps^(1/3): truncation and rounding near 1e-10 for third derivatives of ten
    pieces = [
        (
            simplex.evidence_gradient(model, case.xi, case.target),
            lambda xi: simplex.evidence_loss(model, xi, case.target),
        ),
        (
            simplex.elbo_gradient(model, case.xi, case.target, case.recognition),
            lambda xi: simplex.elbo_loss(model, xi, case.target, case.recognition),
        ),
    ]
    for solution, loss in pieces:
        slopes = [
            (loss(case.xi + step * e) - loss(case.xi - step * e)) / (2 * step)
            for e in np.eye(model.parameters)
        ]
        np.testing.assert_allclose(
            solution.gradient, slopes, atol=1e-7 * max(1.0, np.abs(slopes).max())
        )


@given(seeds)
def test_tangent_does_not_depend_on_the_chart(seed):
    """The full simplex by probabilities and by logits: one projection on one tangent space."""
    rng = np.random.default_rng(seed)
    marginal = simplex.Marginalisation.hiding((2, 3), [0])
    p = rng.dirichlet(np.full(6, 3.0))
    logits = simplex.LogLinearModel(np.eye(6)[:, :5], marginal)
    derivative = rng.normal(size=6)
    ours = simplex.natural_gradient(simplex.full_simplex(marginal), p[:-1], derivative)
    theirs = simplex.natural_gradient(logits, np.log(p[:-1] / p[-1]), derivative)
    exact = simplex.simplex_gradient(p, derivative)
    np.testing.assert_allclose(ours.tangent, exact, atol=20 * EPS * ours.condition)
    np.testing.assert_allclose(theirs.tangent, exact, atol=20 * EPS * theirs.condition)
    np.testing.assert_allclose(ours.visible, marginal.push(exact), atol=20 * EPS * ours.condition)


@pytest.mark.parametrize("model", CYLINDRICAL.values(), ids=CYLINDRICAL)
def test_visible_directions_agree_on_cylindrical_models(model):
    case = problem(model, 6, size=5)
    fixed = simplex.elbo_gradient(model, case.xi, case.target, case.recognition)
    perfect = simplex.elbo_gradient(model, case.xi, case.target, "held")
    evidence = simplex.evidence_gradient(model, case.xi, case.target)
    # 100 eps times the condition, in the size of whitened gradients of targets above 0.01.
    allowed = 1000 * EPS * fixed.condition.max()
    np.testing.assert_allclose(fixed.visible, evidence.visible, atol=allowed)
    np.testing.assert_allclose(perfect.visible, evidence.visible, atol=allowed)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_evidence_never_rises_along_the_perfect_bound(model):
    case = problem(model, 7, size=30)
    cosines = simplex.direction_cosines(model, case.xi, case.target, case.recognition)
    angles = simplex.principal_angles(model, case.xi)
    seen = angles.cosines > 1e-8
    if not np.any(seen):  # a model without visible effect has no directions
        assert np.all(np.isnan(cosines.perfect))
        return
    lowest = np.where(seen, angles.cosines, np.inf).min(axis=-1)
    bound = 2 * lowest * angles.cosines[:, 0] / (lowest**2 + angles.cosines[:, 0] ** 2)
    # The bound is attained, so that the rounding of both sides decides: eps times the condition.
    assert np.all(cosines.perfect >= bound - 100 * EPS * angles.condition)
    assert np.all(bound > 0)


def test_cosines_match_the_gradients():
    case = problem(NAIVE, 8, size=20)
    cosines = simplex.direction_cosines(NAIVE, case.xi, case.target, case.recognition)
    solutions = [
        simplex.elbo_gradient(NAIVE, case.xi, case.target, case.recognition),
        simplex.elbo_gradient(NAIVE, case.xi, case.target, "held"),
        simplex.evidence_gradient(NAIVE, case.xi, case.target),
    ]
    visible = case.marginal.push(NAIVE.probabilities(case.xi))
    for found, a, b in ((cosines.elbo, 0, 2), (cosines.perfect, 1, 2), (cosines.gap, 0, 1)):
        np.testing.assert_allclose(
            found,
            simplex.fisher_cosine(visible, solutions[a].visible, solutions[b].visible),
            atol=1e-13,
        )


def test_singular_points_keep_their_rank():
    """Where the effects ignore the cause, a pseudo-inverse of G_V would see rounding."""
    solution = simplex.evidence_gradient(
        NAIVE, np.array([0.3, 0.6, 0.6, 0.2, 0.2]), np.full(4, 0.25)
    )
    assert int(solution.rank) == 2
    assert solution.condition < 10
    assert np.all(np.abs(solution.coordinates) < 1)


def test_closed_loss_has_no_gradient():
    xi = np.array([0.3, 0.6, 0.5, 0.2, 0.7])
    p = NAIVE.probabilities(xi)
    target, recognition = NAIVE.marginalisation.push(p), NAIVE.marginalisation.conditional(p)
    assert simplex.elbo_loss(NAIVE, xi, target, recognition) <= EPS**1.5
    assert (
        np.abs(simplex.elbo_gradient(NAIVE, xi, target, recognition).coordinates).max() <= 10 * EPS
    )
    assert np.abs(simplex.evidence_gradient(NAIVE, xi, target).coordinates).max() <= 50 * EPS


@pytest.mark.parametrize("shape", [(7,), (2, 3), (1, 1, 4)])
def test_batches_equal_single_points(shape):
    """Leading axes, one target for all or one for each, in tiles or at once."""
    case = problem(NAIVE, 9, size=int(np.prod(shape)))
    xi = case.xi.reshape(*shape, 5)
    rng = np.random.default_rng(10)
    q = rng.dirichlet(np.full(8, 2.0), shape)
    target, recognition = case.marginal.push(q), case.marginal.conditional(q)
    whole = simplex.elbo_gradient(NAIVE, xi, target, recognition)
    shared = simplex.evidence_gradient(NAIVE, xi, case.target)
    angles = simplex.principal_angles(NAIVE, xi)
    for place in np.ndindex(*shape):
        single = simplex.elbo_gradient(NAIVE, xi[place], target[place], recognition[place])
        for field in ("coordinates", "tangent", "visible", "gradient", "rank", "condition"):
            np.testing.assert_allclose(
                getattr(whole, field)[place], getattr(single, field), rtol=1e-13, atol=1e-14
            )
        np.testing.assert_allclose(
            shared.coordinates[place],
            simplex.evidence_gradient(NAIVE, xi[place], case.target).coordinates,
            rtol=1e-12,
            atol=1e-13,
        )
        np.testing.assert_allclose(
            angles.defect[place],
            simplex.cylindrical_defect(NAIVE, xi[place]),
            rtol=1e-12,
            atol=1e-14,
        )


def test_tiles_change_nothing(monkeypatch):
    case = problem(NAIVE, 11, size=50)
    whole = simplex.direction_cosines(NAIVE, case.xi, case.target, case.recognition)
    sizes = []
    original = NAIVE._with_jacobian
    monkeypatch.setattr(
        type(NAIVE),
        "_with_jacobian",
        lambda self, xp, xi: (sizes.append(len(xi)), original(xp, xi))[1],
    )
    monkeypatch.setattr(_points, "CPU_TILE_BYTES", 8 * 10 * 8 * 7 * 16)
    tiled = simplex.direction_cosines(NAIVE, case.xi, case.target, case.recognition)
    assert sizes == [16, 16, 16, 2]
    for field in ("elbo", "perfect", "gap"):
        # Products of matrices of another size may be summed in another order.
        np.testing.assert_allclose(getattr(tiled, field), getattr(whole, field), atol=1e-13)


def test_memory_does_not_grow_with_the_points():
    """Beyond arguments and results: two tiles of 8 MiB at most."""
    case = problem(NAIVE, 13, size=30_000)
    tracemalloc.start()
    try:
        simplex.direction_cosines(NAIVE, case.xi, case.target, case.recognition)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Jacobians alone would take 9.6 MB, and everything that is held for each point ten times as
    # much.
    assert peak <= 16 * 2**20


def test_arguments_are_left_alone():
    case = problem(NAIVE, 12, size=3)
    for array in (case.xi, case.target, case.recognition):
        array.flags.writeable = False
    solution = simplex.elbo_gradient(NAIVE, case.xi, case.target, case.recognition)
    assert not np.shares_memory(solution.coordinates, case.xi)


TARGET, XI = np.full(4, 0.25), np.full(5, 0.5)


@pytest.mark.parametrize(
    ("xi", "target", "recognition", "error", "words"),
    [
        (
            XI,
            np.full(4, 0.2),
            "held",
            errors.DomainError,
            "target must sum to 1, but the sum is 0.8",
        ),
        (
            XI,
            np.array([0.5, 0.5, 0.0, 0.0]),
            "held",
            errors.DomainError,
            "target must be positive, but cell 2 is 0",
        ),
        (
            XI,
            np.full((2, 4), 0.25),
            "held",
            errors.ShapeError,
            r"target must have shape \(4,\), got \(2, 4\)",
        ),
        (
            XI,
            np.full(3, 1 / 3),
            "held",
            errors.ShapeError,
            r"target must have shape \(..., 4\), got \(3,\)",
        ),
        (XI, np.array([np.inf, 0.5, 0.25, 0.25]), "held", errors.NonFiniteError, "target"),
        (
            XI,
            TARGET,
            "perfect",
            errors.OptionError,
            "recognition must be one of 'held', 'substituted', got 'perfect'",
        ),
        (XI, TARGET, None, errors.BackendError, "recognition must be an array or one of"),
        (XI, TARGET, np.full(8, 0.25), errors.DomainError, "over those of cell 0 it sums to 0.5"),
        (
            XI,
            TARGET,
            np.array([1.0] * 4 + [0.0] * 4),
            errors.DomainError,
            "recognition must be positive, but cell 4 is 0",
        ),
        (XI, TARGET, np.full(4, 0.5), errors.ShapeError, r"recognition must have shape \(..., 8\)"),
        (
            np.array([1.0, 0.5, 0.5, 0.5, 0.5]),
            TARGET,
            "held",
            errors.DomainError,
            "must be positive, but cell 4 of point 0 is 0",
        ),
        (
            np.array([[0.5] * 5, [-0.5] * 5]),
            TARGET,
            "held",
            errors.DomainError,
            "must be positive, but cell 0 of point 1 is -0.125",
        ),
    ],
)
def test_bad_arguments_of_the_bound(xi, target, recognition, error, words):
    with pytest.raises(error, match=words):
        simplex.elbo_gradient(NAIVE, xi, target, recognition)


def test_other_bad_arguments():
    with pytest.raises(errors.DomainError, match=r"Πp\(ξ\) must be positive"):
        simplex.evidence_gradient(NAIVE, np.array([0.5, 2.0, 2.0, 0.5, 0.5]), TARGET)
    with pytest.raises(errors.DomainError, match=r"Πp\(ξ\) must be positive"):
        simplex.evidence_loss(NAIVE, np.array([0.5, 2.0, 2.0, 0.5, 0.5]), TARGET)
    with pytest.raises(errors.DomainError, match="cut"):
        simplex.evidence_gradient(NAIVE, XI, TARGET, cut=0.0)
    with pytest.raises(errors.OptionError, match="must be an array here"):
        simplex.direction_cosines(NAIVE, XI, TARGET, "held")
    with pytest.raises(errors.ShapeError, match="derivative"):
        simplex.natural_gradient(NAIVE, XI, np.ones(4))
    with pytest.raises(errors.DomainError, match=r"a must sum to 0, but the sum is 0\.5"):
        simplex.fisher_metric(TARGET, np.array([0.5, 0.5, -0.5, 0.0]), np.zeros(4))
    with pytest.raises(errors.DomainError, match="t must lie between 0 and 1"):
        simplex.geodesic(TARGET, TARGET, 1.5)
    with pytest.raises(errors.DomainError, match=r"p must be non-negative, but cell 0 is -0\.5"):
        simplex.fisher_rao_distance(np.array([-0.5, 1.5]), np.array([0.5, 0.5]))


def test_batches_that_do_not_broadcast_are_named():
    model, rng = simplex.naive_bayes(), np.random.default_rng(31)
    three, two = rng.dirichlet(np.ones(4), 3), rng.dirichlet(np.ones(4), 2)
    xi, recognition = np.full((3, 5), 0.4), np.full((2, 8), 0.5)
    with pytest.raises(
        errors.ShapeError, match=r"q has batch shape \(2,\), which does not broadcast"
    ):
        simplex.fisher_rao_distance(three, two)
    with pytest.raises(errors.ShapeError, match=r"a has batch shape \(2,\)"):
        simplex.fisher_metric(three, two - 0.25, two - 0.25)
    with pytest.raises(errors.ShapeError, match=r"t has batch shape \(2,\)"):
        simplex.geodesic(three, three, np.array([0.1, 0.2]))
    with pytest.raises(errors.ShapeError, match=r"target has batch shape \(2,\)"):
        simplex.evidence_loss(model, xi, two)
    with pytest.raises(errors.ShapeError, match=r"recognition has batch shape \(2,\)"):
        simplex.elbo_loss(model, xi, three, recognition)
    with pytest.raises(
        errors.ShapeError, match=r"recognition must have shape \(8,\) or \(3, 8\), got \(2, 8\)"
    ):
        simplex.elbo_gradient(model, xi, three, recognition)
    with pytest.raises(
        errors.ShapeError, match=r"recognition must have shape \(8,\) or \(3, 8\), got \(2, 8\)"
    ):
        simplex.direction_cosines(model, xi, three, recognition)
    with pytest.raises(errors.ShapeError, match=r"target must have shape \(4,\), got \(2, 4\)"):
        simplex.elbo_gradient(model, xi[0], two, "held")
    with pytest.raises(errors.ShapeError, match=r"conditional has batch shape \(2,\)"):
        model.marginalisation.complete(three, recognition)
    with pytest.raises(errors.ShapeError, match=r"w has batch shape \(2,\)"):
        model.marginalisation.lift(np.full((3, 8), 0.125), two - 0.25)
    assert simplex.elbo_loss(model, xi[0], two, "held").shape == (2,)
    assert simplex.geodesic(three[0], three[1], np.zeros(4)).shape == (4, 4)


def test_arguments_of_the_wrong_kind_are_named():
    with pytest.raises(errors.DomainError, match=r"cells must be an integer .* got 0\.5"):
        simplex.Marginalisation([0.5, 1])
    with pytest.raises(errors.DomainError, match="t must be a number"):
        simplex.geodesic(np.full(2, 0.5), np.full(2, 0.5), "middle")
    with pytest.raises(errors.BackendError, match="function must return an array"):
        simplex.UserModel(lambda xi: [0.5, 0.5], 1, simplex.Marginalisation([0, 1])).probabilities(
            np.array([0.3])
        )


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_found_before_wrong_sums(wrong):
    """Infinities of both signs would make a sum NaN with a warning, which is an error here."""
    half, u = np.full(4, 0.25), np.array([wrong, -wrong, 0.0, 0.0])
    with pytest.raises(errors.NonFiniteError, match="a holds 2 value"):
        simplex.fisher_metric(half, u, u)
    with pytest.raises(errors.NonFiniteError, match="p holds 2 value"):
        simplex.simplex_gradient(u, half)
    with pytest.raises(errors.NonFiniteError, match="q holds 1 value"):
        simplex.fisher_rao_distance(half, np.array([wrong, 0.25, 0.5, 0.25]))
