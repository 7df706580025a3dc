"""Which models are cylindrical, and what that means for their natural gradients (B4), (B5)."""

import numpy as np
import pytest

from ingd_ref import errors, simplex
from tests.simplex.cases import CYLINDRICAL, MODELS, OTHERS, problem

EPS = np.finfo(float).eps


@pytest.mark.parametrize("model", CYLINDRICAL.values(), ids=CYLINDRICAL)
def test_cylindrical_models(model):
    xi = model.random_parameters(20, np.random.default_rng(1))
    angles = simplex.principal_angles(model, xi)
    # The tangent space is known up to eps times the condition of its basis.
    assert np.all(angles.defect <= 40 * EPS * angles.condition)
    assert np.all(angles.horizontal_dimension + angles.vertical_dimension == angles.rank)
    assert simplex.is_cylindrical(model, rng=np.random.default_rng(2))


@pytest.mark.parametrize("model", OTHERS.values(), ids=OTHERS)
def test_other_models(model):
    xi = model.random_parameters(40, np.random.default_rng(1))
    angles = simplex.principal_angles(model, xi)
    assert 0.1 <= angles.defect.max() <= 0.5
    # Smallest defect seen anywhere: 3e-4, for the Boltzmann machine of pairs.
    assert angles.defect.min() >= 1e-4
    assert np.all(angles.horizontal_dimension + angles.vertical_dimension < angles.rank)
    assert not simplex.is_cylindrical(model, rng=np.random.default_rng(2))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_defect_is_the_norm_of_the_commutator(model):
    """By dense projectors, without principal vectors."""
    xi = model.random_parameters(1, np.random.default_rng(5))[0]
    p, jacobian = model.with_jacobian(xi)
    whitened = jacobian / np.sqrt(p)[:, None]
    tangent = whitened @ np.linalg.pinv(whitened, rcond=1e-10)
    cells = np.array(model.marginalisation.cells)
    fibres = (cells[:, None] == np.arange(cells.max() + 1)) * np.sqrt(
        model.marginalisation.conditional(p)
    )[:, None]
    horizontal = fibres @ fibres.T
    angles = simplex.principal_angles(model, xi)
    allowed = 100 * EPS * angles.condition
    assert (
        abs(np.linalg.norm(tangent @ horizontal - horizontal @ tangent, 2) - angles.defect)
        <= allowed
    )
    crossed = fibres.T @ tangent @ fibres
    values, vectors = np.linalg.eigh(crossed)
    onto = vectors[:, values > 1e-12] @ vectors[:, values > 1e-12].T
    assert abs(np.linalg.norm(crossed - onto, 2) - angles.evidence_discrepancy) <= allowed


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("seed", [0, 1])
def test_sizes_bound_the_disagreement(model, seed):
    """The gap leaks at most the defect; evidence gradients differ by at most the discrepancy."""
    case = problem(model, seed)
    angles = simplex.principal_angles(model, case.xi)
    fixed = simplex.elbo_gradient(model, case.xi, case.target, case.recognition)
    perfect = simplex.elbo_gradient(model, case.xi, case.target, "held")
    evidence = simplex.evidence_gradient(model, case.xi, case.target)
    p = model.probabilities(case.xi)
    visible = case.marginal.push(p)

    def length(base, u):
        return np.sqrt(np.sum(u * u / base))

    gap = case.marginal.complete(
        case.target, case.marginal.conditional(p)
    ) - case.marginal.complete(case.target, case.recognition)
    slack = 100 * EPS * angles.condition
    assert length(visible, fixed.visible - perfect.visible) <= angles.defect * length(
        p, gap
    ) + slack * (1 + length(p, gap))
    size = length(visible, visible - case.target)
    assert length(
        visible, perfect.visible - evidence.visible
    ) <= angles.evidence_discrepancy * size + slack * (1 + size)


def test_disagreement_is_attained():
    """The worst whitened gap and the worst target, from the principal vectors, attain both."""
    model = simplex.naive_bayes()
    xi = np.array([0.5, 0.4, 0.7, 0.2, 0.9])
    angles = simplex.principal_angles(model, xi)
    p = model.probabilities(xi)
    conditional, visible = model.marginalisation.conditional(p), model.marginalisation.push(p)
    root = np.sqrt(p)
    left, _, _ = np.linalg.svd(model.jacobian(xi) / root[:, None], full_matrices=False)
    fibres = (np.array(model.marginalisation.cells)[:, None] == np.arange(4)) * np.sqrt(
        conditional
    )[:, None]
    _, cosines, directions = np.linalg.svd(fibres.T @ left)
    vector = left @ directions[2]
    worst = vector - fibres @ (
        fibres.T @ vector
    )  # vertical part: a whitened gap gradient of the size s
    gap = 0.02 * root * worst / np.linalg.norm(worst)
    recognition = conditional - gap / np.take(visible, model.marginalisation.cells)
    fixed = simplex.elbo_gradient(model, xi, visible, recognition)
    leak = np.sqrt(np.sum(fixed.visible**2 / visible))
    # 0.02 of a unit, so roundings of order eps count fifty times; the smallest recognition is 0.05
    # or so.
    assert leak == pytest.approx(0.02 * angles.defect, rel=1e-12)
    assert cosines[2] ** 2 + angles.sines[2] ** 2 == pytest.approx(1.0, abs=10 * EPS)

    direction = 0.05 * np.sqrt(visible) * (fibres.T @ vector) / np.linalg.norm(fibres.T @ vector)
    perfect = simplex.elbo_gradient(model, xi, visible + direction, "held")
    difference = perfect.visible + direction
    assert np.sqrt(np.sum(difference**2 / visible)) == pytest.approx(
        0.05 * angles.evidence_discrepancy, rel=1e-12
    )


def test_one_point_is_not_enough():
    """Naive Bayes with effects that ignore the cause, and a machine without interactions."""
    singular = np.array([0.3, 0.6, 0.6, 0.2, 0.2])
    assert simplex.is_cylindrical(simplex.naive_bayes(), points=singular)
    assert not simplex.is_cylindrical(
        simplex.naive_bayes(), points=np.stack([singular, singular + 0.1 * np.eye(5)[1]])
    )
    assert simplex.is_cylindrical(
        simplex.boltzmann_machine(2, 1, "restricted"), points=np.array([0.3, -0.2, 0.5, 0.0, 0.0])
    )


def test_small_defects_keep_their_digits():
    """Near singular points the defect falls like the distance: √(1 − c²) would stop at 1e-8."""
    base = np.array([0.3, 0.6, 0.6, 0.2, 0.2])
    steps = np.array([1e-4, 1e-6])
    xi = base + steps[:, None] * np.array([0.0, 1.0, 0.0, 0.0, 0.0])
    # One effect only depends on the cause: the visible model turns, and its cosine is of the order
    # of the step.
    small, smaller = simplex.cylindrical_defect(simplex.naive_bayes(), xi)
    assert small / smaller == pytest.approx(100.0, rel=1e-3)


@pytest.mark.parametrize("shape", [(2, 4), (3, 5)])
def test_gap_is_vertical_on_the_full_simplex(shape):
    """(B4) at a thousand points.

    Singular vectors are known up to eps times the condition of the whitened chart, which grows like
    1/√min p.
    """
    marginal = simplex.Marginalisation.hiding(shape, [0])
    model = simplex.full_simplex(marginal)
    rng = np.random.default_rng(6)
    p = rng.dirichlet(np.ones(marginal.states), 1000)
    q = rng.dirichlet(np.ones(marginal.states), 1000)
    bound = simplex.elbo_gradient(model, p[:, :-1], marginal.push(q), marginal.conditional(q))
    evidence = simplex.evidence_gradient(model, p[:, :-1], marginal.push(q))
    error = np.abs(bound.visible - evidence.visible).max(axis=-1)
    assert np.all(error <= np.minimum(8 * EPS * bound.condition, 1e-12))
    np.testing.assert_allclose(evidence.visible, marginal.push(p) - marginal.push(q), atol=1e-13)
    np.testing.assert_allclose(bound.tangent, p - q, atol=1e-12)


@pytest.mark.parametrize("name", ["naive_bayes", "independence_model"])
def test_gap_gradient_is_the_difference_and_leaks_no_more_than_the_defect(name):
    """(B4) on models: the gap's gradient, literally, projected to the tangent space."""
    model, rng = getattr(simplex, name)(), np.random.default_rng(8)
    xi = model.random_parameters(50, rng)
    q, marginal = rng.dirichlet(np.ones(8), 50), model.marginalisation
    target, recognition = marginal.push(q), marginal.conditional(q)
    gap = simplex.gap_gradient(model, xi, target, recognition)
    bound = simplex.elbo_gradient(model, xi, target, recognition)
    perfect = simplex.elbo_gradient(model, xi, target, "substituted")
    # differences of gradients up to ten, in a chart of condition up to a hundred
    np.testing.assert_allclose(gap.gradient, bound.gradient - perfect.gradient, atol=1e-12)
    np.testing.assert_allclose(gap.coordinates, bound.coordinates - perfect.coordinates, atol=1e-11)
    p = model.probabilities(xi)
    cells = list(marginal.cells)
    literal = target[:, cells] * (marginal.conditional(p) - recognition)
    np.testing.assert_allclose(literal @ marginal.matrix(p).T, 0.0, atol=1e-15)
    leak = np.sqrt(np.sum(gap.visible**2 / marginal.push(p), axis=1))
    length = np.sqrt(np.sum(literal**2 / p, axis=1))
    defect = simplex.cylindrical_defect(model, xi)
    assert np.all(leak <= defect * length + 1e-13)
    assert np.any(leak > 0.01 * length) == (name == "naive_bayes")


def test_a_perfect_recognition_has_no_gap_gradient():
    with pytest.raises(errors.OptionError, match="closes the gap"):
        simplex.gap_gradient(simplex.naive_bayes(), np.full(5, 0.5), np.full(4, 0.25), "held")


def test_more_parameters_than_states():
    """Redundant statistics do not change the angles: cut directions are not tangent."""
    machine = simplex.boltzmann_machine(2, 1)
    redundant = simplex.LogLinearModel(
        np.concatenate([machine.statistics, 2.0 * machine.statistics, np.ones((8, 1))], axis=1),
        machine.marginalisation,
    )
    xi = np.random.default_rng(7).normal(size=6)
    lifted = np.concatenate([xi, 0.0 * xi, [1.0]])
    ours, theirs = (
        simplex.principal_angles(redundant, lifted),
        simplex.principal_angles(machine, xi),
    )
    assert int(ours.rank) == int(theirs.rank) == 6
    np.testing.assert_allclose(ours.cosines[:6], theirs.cosines, atol=100 * EPS * theirs.condition)
    assert ours.cosines.shape == (13,)
    np.testing.assert_array_equal(ours.cosines[6:], 0.0)
    np.testing.assert_array_equal(ours.sines[6:], 1.0)


def test_model_without_visible_effect():
    """Π J = 0: the whole tangent space is vertical, and the evidence has no gradient."""
    components = np.array([[0.5, 0.25, 0.0, 0.25], [0.25, 0.25, 0.25, 0.25]])
    model = simplex.MixtureModel(components, simplex.Marginalisation.hiding((2, 2), [0]))
    angles = simplex.principal_angles(model, np.array([0.5]))
    assert (int(angles.vertical_dimension), int(angles.horizontal_dimension)) == (1, 0)
    assert angles.defect <= 10 * EPS
    solution = simplex.evidence_gradient(model, np.array([0.5]), np.array([0.25, 0.75]))
    np.testing.assert_array_equal(solution.coordinates, [0.0])
    assert (int(solution.rank), float(solution.condition)) == (0, np.inf)


def test_arguments_are_checked():
    model = simplex.naive_bayes()
    with pytest.raises(errors.OptionError, match="rng must be"):
        simplex.is_cylindrical(model, rng=np.random)
    with pytest.raises(errors.DomainError, match="points"):
        simplex.is_cylindrical(model, points=0, rng=np.random.default_rng(0))
    with pytest.raises(errors.DomainError, match="tolerance"):
        simplex.is_cylindrical(model, rng=np.random.default_rng(0), tolerance=-1.0)
    with pytest.raises(errors.DomainError, match="cut must be less than 1"):
        simplex.cylindrical_defect(model, np.full(5, 0.5), cut=1.5)
    with pytest.raises(
        errors.DomainError, match=r"p\(ξ\) must be positive, but cell 1 of point 0 is 0"
    ):
        simplex.cylindrical_defect(model, np.array([0.5, 1.0, 0.5, 1.0, 0.5]))


def test_a_tangent_space_without_directions_has_no_parts():
    """All statistics are constant, so no parameter moves anything."""
    still = simplex.LogLinearModel(np.ones((4, 2)), simplex.Marginalisation([0, 1, 0, 1]))
    angles = simplex.principal_angles(still, np.zeros(2))
    assert (angles.rank, angles.horizontal_dimension, angles.vertical_dimension, angles.defect) == (
        0,
        0,
        0,
        0.0,
    )
