"""(B1)-(B6) against the arrays that were published with [A25], where they are at hand.

They are not part of this project. The environment variable INGD_REF_ELBO_ARRAYS can name a NumPy
archive with them: flows of the two models, 500 Euler steps of 0.01 each (every tenth state
stored), and natural gradients, cosines and angles of naive Bayes at 200 of 50,000 sampled points.
"""

import os
from functools import cache

import numpy as np
import pytest

from ingd_ref import simplex

NAME = "INGD_REF_ELBO_ARRAYS"
pytestmark = pytest.mark.skipif(
    not os.environ.get(NAME), reason=f"needs the published arrays: set {NAME} to their file"
)

PRODUCT, NAIVE = simplex.independence_model(), simplex.naive_bayes()
FLOWS = ("joint", "rec", "vis")


@cache
def published():
    with np.load(os.environ[NAME]) as file:
        return dict(file)


def target(name):
    """Visible target and fixed recognition of a joint that was published."""
    p = published()[name]
    return NAIVE.marginalisation.push(p), NAIVE.marginalisation.conditional(p)


@cache
def flow(model, kind):
    arrays = published()
    p, start = (
        (arrays["cyl_p_star"], arrays["cyl_theta0"])
        if model is PRODUCT
        else (arrays["noncyl_p_star"], arrays["noncyl_theta0"])
    )
    visible, recognition = model.marginalisation.push(p), model.marginalisation.conditional(p)
    options = {"steps": int(arrays["n_states"]) - 1, "step_size": float(arrays["dt"])}
    if kind == "vis":
        return simplex.run_evidence_flow(model, start, visible, **options)
    return simplex.run_elbo_flow(
        model, start, visible, recognition if kind == "joint" else "held", **options
    )


def test_states_are_in_the_same_order():
    arrays = published()
    np.testing.assert_array_equal(NAIVE.marginalisation.matrix(np.zeros(1)), arrays["pi"])
    for model, name in ((PRODUCT, "cyl"), (NAIVE, "noncyl")):
        # Products of three numbers with two decimals.
        np.testing.assert_allclose(
            model.probabilities(arrays[f"{name}_theta_opt"]), arrays[f"{name}_p_star"], rtol=1e-15
        )


def test_starts_come_from_the_legacy_generator():
    legacy = np.random.RandomState(13)
    np.testing.assert_array_equal(
        np.round(legacy.random_sample(5), 2), published()["noncyl_theta_opt"]
    )
    np.testing.assert_array_equal(
        legacy.random_sample(40).reshape(8, 5), published()["noncyl_theta0"]
    )


# Both programs round at each of 499 steps, and the published one replaced some numbers by fractions
# close to them, by up to 1.6e-14.
@pytest.mark.parametrize("kind", FLOWS)
@pytest.mark.parametrize("name", ["cyl", "noncyl2"])
def test_trajectories(name, kind):
    arrays = published()
    model, simulation = (PRODUCT, ()) if name == "cyl" else (NAIVE, (1,))
    result = flow(model, kind)
    assert result.status == "finished"
    steps = arrays["step_index"]
    for field, stored in (
        (result.parameters, "theta"),
        (result.probabilities, "p"),
        (result.evidence, "kl"),
    ):
        found = field[(steps, *simulation)]
        np.testing.assert_allclose(found, arrays[f"{name}_{kind}_{stored}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("letter", ["a", "b"])
def test_cosines_and_their_histograms(letter):
    arrays = published()
    cosines = simplex.direction_cosines(
        NAIVE, arrays["pool_theta"][:200], *target(f"target_{letter}")
    )
    for found, stored in ((cosines.elbo, "elbo"), (cosines.perfect, "rec"), (cosines.gap, "gap")):
        expected = arrays[f"cos_{letter}_{stored}"]
        np.testing.assert_allclose(
            found, expected, rtol=0, atol=1e-10
        )  # conditions up to 1e6 of points near the boundary
        counts = [np.histogram(values, arrays["hist_edges"])[0] for values in (found, expected)]
        np.testing.assert_array_equal(*counts)


def test_share_of_directions_that_oppose():
    """11.528 % and 0.008 % of 50,000, of which 6,080 are stored: within four standard errors."""
    arrays = published()
    for letter, share in (("a", 0.11528), ("b", 0.00008)):
        cosines = simplex.direction_cosines(
            NAIVE, arrays["pool_theta"], *target(f"target_{letter}")
        )
        assert np.all(cosines.perfect > 0)
        number = len(cosines.elbo)
        # Neighbours in the sampler's chain are correlated over three to five rows: five times the
        # variance of independent ones.
        assert abs(np.mean(cosines.elbo < 0) - share) <= 4 * np.sqrt(5 * share / number)


def test_natural_gradients():
    arrays = published()
    xi, (visible, recognition) = arrays["pool_theta"][:200], target("target_a")
    solutions = {
        "joint": simplex.elbo_gradient(NAIVE, xi, visible, recognition),
        "rec": simplex.elbo_gradient(NAIVE, xi, visible, "substituted"),
        "vis": simplex.evidence_gradient(NAIVE, xi, visible),
    }
    for kind, solution in solutions.items():
        expected = arrays[f"ng_a_{kind}"]
        error = np.abs(solution.coordinates - expected).max(axis=1) / np.abs(expected).max(axis=1)
        assert error.max() <= 1e-9  # eps times conditions up to 1e6
        np.testing.assert_allclose(solution.visible, arrays[f"push_a_{kind}"], rtol=0, atol=1e-8)


def test_angles_and_information():
    arrays = published()
    angles = simplex.principal_angles(NAIVE, arrays["pool_theta"][:200])
    np.testing.assert_allclose(angles.defect, arrays["defect"], rtol=0, atol=1e-10)
    np.testing.assert_allclose(angles.cosines, arrays["principal_cos"], rtol=0, atol=1e-10)
    xi = arrays["pool_theta"][:20]
    for found, stored in (
        (simplex.fisher_information(NAIVE, xi), "joint"),
        (simplex.fisher_information(NAIVE, xi, visible=True), "vis"),
    ):
        expected = arrays[f"fisher_{stored}"]
        size = np.abs(expected).max(axis=(1, 2), keepdims=True)
        assert np.all(np.abs(found - expected) <= 1e-12 * size)


def test_networks_of_three_nodes():
    arrays = published()
    for adjacency, expected in zip(arrays["dag3_adj"], arrays["dag3_cyl"], strict=True):
        parents = {
            child: [parent for parent, edge in zip("ABC", column, strict=True) if edge]
            for child, column in zip("ABC", adjacency.T, strict=True)
        }
        for hidden, cylindrical in zip(arrays["dag3_hidden"], expected, strict=True):
            network = simplex.BayesianNetwork(
                parents, [name for name, chosen in zip("ABC", hidden, strict=True) if chosen]
            )
            assert network.is_cylindrical_by_graph() == cylindrical
            assert simplex.is_cylindrical(network, rng=np.random.default_rng(1)) == cylindrical
