"""Gradient flows of (B6): recursions in closed form, integrators, leaving the unit box, ends."""

import numpy as np
import pytest

from ingd_ref import errors, simplex
from tests.simplex.cases import MODELS, problem
from validation.oracles.precise import precise
from validation.oracles.simplex import naive_bayes_gradient

EPS = np.finfo(float).eps
NAIVE, PRODUCT = simplex.naive_bayes(), simplex.independence_model()
DT = 0.01


def published_problem():
    """Optimum and starts of [A25] for naive Bayes, from the legacy generator that drew them."""
    legacy = np.random.RandomState(13)
    best = np.round(legacy.random_sample(5), 2)
    return best, legacy.random_sample(40).reshape(8, 5)


def targets(model, best):
    p = model.probabilities(best)
    return model.marginalisation.push(p), model.marginalisation.conditional(p)


def test_starts_are_those_of_the_paper():
    best, starts = published_problem()
    np.testing.assert_array_equal(best, [0.78, 0.24, 0.82, 0.97, 0.97])
    assert starts.shape == (8, 5)
    assert starts[6, 1] == pytest.approx(1.2e-5, rel=0.01)


def test_product_model_decays_geometrically():
    """Visible parameters y* + (1 − dt)^k (y_0 − y*) in all three flows.

    The hidden x moves for the fixed recognition alone.
    """
    best, start = np.array([0.95, 0.1, 0.9]), np.array([0.02, 0.95, 0.02])
    target, recognition = targets(PRODUCT, best)
    decay = (1 - DT) ** np.arange(500)[:, None]
    straight = best + decay * (start - best)
    resting = np.where([True, False, False], start, straight)
    flows = [
        simplex.run_elbo_flow(PRODUCT, start, target, recognition),
        simplex.run_elbo_flow(PRODUCT, start, target, "held"),
        simplex.run_evidence_flow(PRODUCT, start, target),
    ]
    # A rounding or two at each of 500 steps, of which the decay forgets all but the last hundred.
    np.testing.assert_allclose(flows[0].parameters, straight, atol=200 * EPS)
    for flow in flows[1:]:
        np.testing.assert_allclose(flow.parameters, resting, atol=200 * EPS)
    visible = [PRODUCT.marginalisation.push(flow.probabilities) for flow in flows]
    for flow, seen in zip(flows[1:], visible[1:], strict=True):
        np.testing.assert_allclose(seen, visible[0], atol=400 * EPS)
        np.testing.assert_allclose(flow.evidence, flows[0].evidence, atol=4000 * EPS)
    assert flows[0].status == "finished"
    np.testing.assert_allclose(flows[0].times, DT * np.arange(500))


@pytest.mark.parametrize("kind", ["fixed", "held"])
def test_naive_bayes_follows_its_recursion(kind):
    """At eighty digits, for the eight starts of the paper together.

    For the fixed recognition x decays geometrically.
    """
    best, starts = published_problem()
    target, recognition = targets(NAIVE, best)
    steps = 60
    flow = simplex.run_elbo_flow(
        NAIVE, starts, target, recognition if kind == "fixed" else "held", steps=steps
    )
    cells = np.array(NAIVE.marginalisation.cells)
    for number, start in enumerate(precise(starts)):
        xi = start
        for _ in range(steps):
            q = precise(target)[cells] * precise(recognition)
            if kind == "held":
                x, y, z = xi[0], xi[1:3], xi[3:5]
                joint = np.array(
                    [
                        w * a * b
                        for w, s, t in ((x, y[0], z[0]), (1 - x, y[1], z[1]))
                        for a in (s, 1 - s)
                        for b in (t, 1 - t)
                    ]
                )
                q = precise(target)[cells] * joint / (joint[:4] + joint[4:])[cells]
            xi = xi - precise(DT) * naive_bayes_gradient(xi, q)
        # One start has an entry of 1e-5, hence a condition of 600; roundings of 60 steps.
        np.testing.assert_allclose(flow.parameters[-1, number], xi.astype(float), atol=1e-13)
    if kind == "fixed":
        decay = (1 - DT) ** np.arange(steps + 1)[:, None]
        np.testing.assert_allclose(
            flow.parameters[..., 0], best[0] + decay * (starts[:, 0] - best[0]), atol=1e-13
        )


def test_evidence_flow_leaves_the_box_and_goes_on():
    """Six of the eight flows of the paper do. Nothing is clipped; p_V relaxes like e^{-t}."""
    best, starts = published_problem()
    target, _ = targets(NAIVE, best)
    flow = simplex.run_evidence_flow(NAIVE, starts, target)
    assert (flow.status, flow.reason) == ("finished", "")
    outside = np.any((flow.parameters < 0) | (flow.parameters > 1), axis=-1)
    assert np.flatnonzero(outside.any(axis=0)).tolist() == [1, 2, 3, 4, 6, 7]
    assert flow.probabilities.min() < -0.15
    visible = NAIVE.marginalisation.push(flow.probabilities)
    assert visible.min() >= 0.0035
    expected = target + (1 - DT) ** np.arange(500)[:, None, None] * (visible[0] - target)
    # Along a curved chart the Euler steps are straight in p_V to first order only.
    np.testing.assert_allclose(visible, expected, atol=DT)
    assert np.all(np.diff(flow.evidence, axis=0) < 0)


@pytest.mark.parametrize(("integrator", "order"), [("euler", 1), ("heun", 2), ("rk4", 4)])
def test_integrators_have_their_order(integrator, order):
    """p_V → e^{−t} exactly: the visible simplex moves straight."""
    start = np.array([0.4, 0.3, 0.6, 0.7, 0.2])
    target, _ = targets(NAIVE, np.array([0.5, 0.4, 0.7, 0.6, 0.3]))
    exact = target + np.exp(-1.0) * (
        NAIVE.marginalisation.push(NAIVE.probabilities(start)) - target
    )
    errors_found = []
    for steps in (8, 16):
        flow = simplex.run_evidence_flow(
            NAIVE, start, target, steps=steps, step_size=1.0 / steps, integrator=integrator
        )
        errors_found.append(
            np.abs(NAIVE.marginalisation.push(flow.probabilities[-1]) - exact).max()
        )
    assert np.log2(errors_found[0] / errors_found[1]) == pytest.approx(order, abs=0.4)


def test_adaptive_integrator_keeps_its_tolerance():
    start, best = np.array([0.9, 0.2, 0.7]), np.array([0.3, 0.6, 0.5])
    target, recognition = targets(PRODUCT, best)
    flow = simplex.run_elbo_flow(
        PRODUCT,
        start,
        target,
        recognition,
        steps=4,
        step_size=0.5,
        integrator="adaptive",
        rtol=1e-10,
        atol=1e-12,
    )
    expected = best + np.exp(-flow.times)[:, None] * (start - best)
    np.testing.assert_allclose(
        flow.parameters, expected, atol=1e-9
    )  # some sub-steps, each within 1e-10


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_losses_fall(model):
    case = problem(model, 1, size=2)
    start, other = case.xi
    # To a target within reach: the evidence flow runs straight at it on the visible simplex, and
    # what a model can show may have an edge.
    case.target, case.recognition = targets(model, 0.8 * start + 0.2 * other)
    # Where a model is nearly singular, a short way on the simplex is a long one in the parameters,
    # and plain Euler steps overshoot.
    options = {"steps": 4, "step_size": 0.1, "keep_every": 3, "integrator": "adaptive"}
    for flow in (
        simplex.run_elbo_flow(model, start, case.target, case.recognition, **options),
        simplex.run_elbo_flow(model, start, case.target, "substituted", **options),
        simplex.run_evidence_flow(model, start, case.target, **options),
    ):
        assert flow.status == "finished"
        np.testing.assert_allclose(flow.times, [0.0, 0.3, 0.4])
        assert flow.parameters.shape == (3, model.parameters)
        assert np.all(np.diff(flow.loss) <= 4 * EPS)
        np.testing.assert_array_equal(flow.probabilities, model.probabilities(flow.parameters))
        np.testing.assert_allclose(
            flow.evidence,
            [simplex.evidence_loss(model, xi, case.target) for xi in flow.parameters],
            rtol=1e-12,
        )


def test_flow_that_leaves_the_simplex_stops_and_keeps_what_it_has():
    """Steps that are too long carry a bound's flow out of the simplex."""
    best, start = np.array([0.95, 0.1, 0.9]), np.array([0.5, 0.95, 0.02])
    target, recognition = targets(PRODUCT, best)
    flow = simplex.run_elbo_flow(
        PRODUCT, start, target, recognition, steps=9, step_size=2.1, keep_every=5
    )
    assert flow.status == "stopped"
    assert flow.reason.startswith("step 1: p(ξ) must be positive")
    np.testing.assert_array_equal(flow.parameters, start[None])
    slow = simplex.run_elbo_flow(
        PRODUCT,
        np.array([0.94, 0.12, 0.88]),
        target,
        recognition,
        steps=40,
        step_size=2.1,
        keep_every=50,
    )
    assert slow.status == "stopped"
    assert len(slow.times) == 2
    assert slow.times[-1] == pytest.approx(
        2.1 * (int(slow.reason.split(":")[0].removeprefix("step ")) - 1)
    )


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"steps": 0}, errors.DomainError, "steps"),
        ({"step_size": 0.0}, errors.DomainError, "step_size"),
        ({"integrator": "leapfrog"}, errors.OptionError, "integrator"),
        ({"keep_every": 0}, errors.DomainError, "keep_every"),
        ({"rtol": -1.0}, errors.DomainError, "rtol"),
        ({"atol": 0.0}, errors.DomainError, "atol"),
        ({"cut": 2.0}, errors.DomainError, "cut"),
    ],
)
def test_bad_options(options, error, words):
    with pytest.raises(error, match=words):
        simplex.run_evidence_flow(NAIVE, np.full(5, 0.5), np.full(4, 0.25), **options)


def test_flow_that_cannot_start_raises():
    with pytest.raises(errors.DomainError, match="cell 4 of point 0 is 0"):
        simplex.run_elbo_flow(NAIVE, np.array([1.0, 0.5, 0.5, 0.5, 0.5]), np.full(4, 0.25), "held")
