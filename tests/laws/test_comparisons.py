"""Baseline velocities and distances against their oracles and their own laws."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings

import ingd_ref as ir
from tests import oracles, strategies

# Errors are counted in units of eps times the number of rounded operations of order one on an
# entry; twenty covers sums of pairs.
C = 20
EPS = np.finfo(float).eps
IMPLEMENTATIONS = ("readable", "fused")
CORNERS = 8
SAMPLES = strategies.Domain(
    features=("rbf",),
    kernels=("scalar",),
    ridge=(0.0,),
    jitter=(0.0,),
    ddof=(0,),
    masks=(False,),
    b=(1, 1),
)


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request):
    return request.param


def on_samples(check, domain=SAMPLES, examples=15):
    """Run ``check(problem)`` on drawn particles, targets and weights, and on the corners."""
    run = settings(max_examples=examples, database=None)(given(strategies.problems(domain))(check))
    for problem in strategies.planned(domain, "samples", CORNERS):
        run = example(problem)(run)
    run()


def diameter(p):
    pooled = np.concatenate([p.x, p.y]).astype(float)
    return float(np.max(np.linalg.norm(pooled[:, None] - pooled[None], axis=2)))


def assert_near(actual, expected, tolerance):
    actual, expected = oracles.real(actual), oracles.real(expected)
    assert actual.shape == expected.shape
    assert np.max(np.abs(actual - expected)) <= tolerance


# --------------------------------------------------------------------------------------------------


def test_energy_velocity_is_the_descent_of_the_energy_distance(implementation):
    def check(p):
        actual = ir.flows.energy_velocity(
            p.x, p.y, p.weights, p.target_weights, implementation=implementation
        )
        # A mean of unit vectors, four times over; each is exact to a few eps because the
        # differences are.
        assert_near(
            actual, oracles.energy_velocity(p.x, p.y, p.weights, p.target_weights), 4 * C * EPS
        )

    on_samples(check)


def test_mmd_velocity_is_the_descent_of_the_squared_mmd(implementation):
    def check(p):
        sigma = p.kernel.bandwidth
        actual = ir.flows.mmd_velocity(
            p.x, p.y, sigma, p.weights, p.target_weights, implementation=implementation
        )
        expected = oracles.mmd_velocity(p.x, p.y, sigma, p.weights, p.target_weights)
        # Terms (r/σ²) exp(−r²/2σ²) ≤ 0.61/σ, whose exponent of size t loses t·eps where e^{−t} has
        # already made it small.
        assert_near(actual, expected, 4 * C * EPS / sigma)

    on_samples(check)


def test_wgf_velocity_is_the_difference_of_two_scores(implementation):
    def check(p):
        sigma = p.kernel.bandwidth
        actual = ir.flows.wgf_velocity(
            p.x, p.y, sigma, p.weights, p.target_weights, implementation=implementation
        )
        expected = oracles.wgf_velocity(p.x, p.y, sigma, p.weights, p.target_weights)
        # Responsibilities have relative errors of eps times their exponents, up to R²/2σ², and
        # multiply displacements up to R over σ².
        assert_near(
            actual, expected, C * EPS * (1 + (diameter(p) / sigma) ** 2) * diameter(p) / sigma**2
        )

    on_samples(check)


def test_svgd_velocity(implementation):
    def check(p):
        sigma, score = p.kernel.bandwidth, -(p.x - np.mean(p.y, axis=0)) / p.kernel.bandwidth**2
        actual = ir.flows.svgd_velocity(p.x, score, sigma, p.weights, implementation=implementation)
        largest = np.max(np.abs(score)) + 1 / sigma
        assert_near(
            actual,
            oracles.svgd_velocity(p.x, score, sigma, p.weights),
            C * EPS * largest * (1 + diameter(p) / sigma),
        )
        by_function = ir.flows.svgd_velocity(
            p.x,
            lambda x: -(x - np.mean(p.y, axis=0)) / sigma**2,
            sigma,
            p.weights,
            implementation=implementation,
        )
        assert np.array_equal(actual, by_function)

    on_samples(check)


def test_scores_far_from_the_sample_are_not_lost(implementation):
    # Densities of e^{−450} to e^{−45000}: the oracle sums them at fifty digits, a quotient of
    # doubles would be 0/0 or inf.
    x, y = np.array([[30.0], [-300.0]]), np.array([[0.0], [1.0], [0.5]])
    actual = ir.flows.wgf_velocity(x, y, 1.0, implementation=implementation)
    assert_near(actual, oracles.wgf_velocity(x, y, 1.0), C * EPS * 330)


VELOCITIES = {
    "energy": (
        lambda p, how: ir.flows.energy_velocity(
            p.x, p.y, p.weights, p.target_weights, implementation=how
        ),
        0,
    ),
    "mmd": (
        lambda p, how: ir.flows.mmd_velocity(
            p.x, p.y, p.kernel.bandwidth, p.weights, p.target_weights, implementation=how
        ),
        -1,
    ),
    "wgf": (
        lambda p, how: ir.flows.wgf_velocity(
            p.x, p.y, p.kernel.bandwidth, p.weights, p.target_weights, implementation=how
        ),
        -1,
    ),
}


@pytest.mark.parametrize("name", VELOCITIES)
def test_euclidean_motions_and_units(name, implementation):
    velocity, power = VELOCITIES[name]

    def check(p):
        rng, sigma = np.random.default_rng([p.seed, 1]), p.kernel.bandwidth
        q, shift = (
            np.linalg.qr(rng.normal(size=(p.dim, p.dim)))[0],
            10 * sigma * rng.normal(size=p.dim),
        )
        moved = p.change(x=p.x @ q + shift, y=p.y @ q + shift)
        # Points move by eps times their distance from the origin. The energy's unit vectors turn by
        # that over the shortest distance.
        rounding = EPS * max(
            np.max(np.linalg.norm(z, axis=1)) for z in (moved.x, moved.y, p.x, p.y)
        )
        shortest = min(sigma, closest(p)) if name == "energy" else sigma
        size = np.max(np.abs(velocity(p, implementation))) + sigma**power
        allowed = C * (EPS + rounding / shortest) * (1 + (diameter(p) / sigma) ** 2) * size
        assert_near(velocity(moved, implementation), velocity(p, implementation) @ q, allowed)
        scaled = p.change(x=8 * p.x, y=8 * p.y, kernel=p.kernel.in_units(8.0))
        assert_near(
            velocity(scaled, implementation) / 8.0**power, velocity(p, implementation), allowed
        )

    on_samples(check, replace(SAMPLES, duplicates=(False,)))


@pytest.mark.parametrize("name", VELOCITIES)
def test_single_precision_and_arguments(name, implementation):
    velocity, power = VELOCITIES[name]

    def check(p):
        before = [z.tobytes() for z in (p.x, p.y)]
        actual = velocity(p, implementation)
        assert actual.dtype == np.float32
        assert [z.tobytes() for z in (p.x, p.y)] == before
        assert not np.shares_memory(actual, p.x)
        doubled = p.change(
            x=p.x.astype(float),
            y=p.y.astype(float),
            weights=normal(p.weights),
            target_weights=normal(p.target_weights),
        )
        # The largest amplification among the three: responsibilities lose eps times their exponent,
        # three powers of the reach.
        size = p.kernel.bandwidth**power * (1 + diameter(p) / p.kernel.bandwidth) ** 3
        assert_near(actual, velocity(doubled, implementation), C * np.finfo(np.float32).eps * size)

    on_samples(check, replace(SAMPLES, dtypes=("float32",)))


def normal(weights):
    """The same weights in double precision, summing to one to that precision."""
    return None if weights is None else weights.astype(float) / np.sum(weights.astype(float))


def closest(p):
    """Smallest distance between two different points."""
    pooled = np.unique(np.concatenate([p.x, p.y]).astype(float), axis=0)
    distances = np.linalg.norm(pooled[:, None] - pooled[None], axis=2)
    return float(np.min(distances[distances > 0], initial=np.inf))


@pytest.mark.parametrize("name", VELOCITIES)
def test_copies_are_weights_and_order_is_free(name, implementation):
    velocity, power = VELOCITIES[name]

    def check(p):
        rng = np.random.default_rng([p.seed, 1])
        k, j = rng.integers(1, 4, size=len(p.x)), rng.integers(1, 4, size=len(p.y))
        weighted = p.change(weights=k / np.sum(k), target_weights=j / np.sum(j))
        order = rng.permutation(np.sum(k))
        copies = p.change(
            x=np.repeat(p.x, k, axis=0)[order],
            y=np.repeat(p.y, j, axis=0),
            weights=None,
            target_weights=None,
        )
        size = p.kernel.bandwidth**power * (1 + diameter(p) / p.kernel.bandwidth) ** 3
        expected = np.repeat(velocity(weighted, implementation), k, axis=0)[order]
        assert_near(velocity(copies, implementation), expected, 4 * C * EPS * size)

    on_samples(check)


@pytest.mark.parametrize("name", ["energy", "mmd", "wgf"])
def test_rest_at_the_target(name, implementation):
    velocity, power = VELOCITIES[name]

    def check(p):
        at_rest = p.change(
            y=p.x[::-1], target_weights=None if p.weights is None else p.weights[::-1]
        )
        size = p.kernel.bandwidth**power * (1 + diameter(p) / p.kernel.bandwidth) ** 3
        assert_near(velocity(at_rest, implementation), np.zeros(p.x.shape), 4 * C * EPS * size)

    on_samples(check)


@pytest.mark.parametrize("name", ["energy", "mmd"])
def test_action_equals_reaction(name, implementation):
    velocity, power = VELOCITIES[name]

    def check(p):
        # Forces between particles cancel in Σ_i π_i v_i; what is left, the pull of the target, is
        # opposite to the pull on the target.
        mirrored = p.change(x=p.y, y=p.x, weights=p.target_weights, target_weights=p.weights)
        total = np.asarray(p.pi, dtype=float) @ velocity(p, implementation)
        reaction = np.asarray(p.rho, dtype=float) @ velocity(mirrored, implementation)
        assert_near(total, -reaction, 4 * C * EPS * p.kernel.bandwidth**power)

    on_samples(check)


# --------------------------------------------------------------------------------------------------


def test_energy_distance(implementation):
    def check(p):
        actual = ir.metrics.energy_distance(
            p.x, p.y, p.weights, p.target_weights, implementation=implementation
        )
        # Four means of distances up to the diameter, which cancel.
        assert_near(
            actual,
            oracles.energy_distance(p.x, p.y, p.weights, p.target_weights),
            4 * C * EPS * diameter(p),
        )

    on_samples(check)


def test_mmd(implementation):
    def check(p):
        actual = ir.metrics.mmd(
            p.x, p.y, p.kernel.bandwidth, p.weights, p.target_weights, implementation=implementation
        )
        # The square is a sum of four means of numbers up to one, which cancel.
        squared = oracles.squared_mmd(p.x, p.y, p.kernel.bandwidth, p.weights, p.target_weights)
        assert_near(actual**2, max(squared, 0), 4 * C * EPS)

    on_samples(check)


@pytest.mark.parametrize("rule", ["midpoint", "lower"])
def test_median_bandwidth(rule, implementation):
    def check(p):
        pooled = np.concatenate([p.x, p.y, p.x[:1]])
        # Every distance is exact to a few eps, because the differences are, and so is its median.
        expected = oracles.median_bandwidth(pooled, rule)
        assert ir.metrics.median_bandwidth(
            pooled, rule=rule, implementation=implementation
        ) == pytest.approx(expected, rel=C * EPS)

    on_samples(check)


def test_median_bandwidth_follows_units_and_ignores_copies():
    def check(p):
        pooled = np.concatenate([p.x, p.y])
        expected = ir.metrics.median_bandwidth(pooled)
        assert ir.metrics.median_bandwidth(np.repeat(pooled, 3, axis=0)) == pytest.approx(
            expected, rel=C * EPS
        )
        assert ir.metrics.median_bandwidth(8 * pooled) == 8 * expected

    on_samples(check)


def test_median_rules_differ_on_an_even_number_of_distances():
    x = np.array([[0.0], [1.0], [3.0], [7.0]])
    # Squared distances 1, 4, 9, 16, 36, 49.
    assert ir.metrics.median_bandwidth(x, rule="lower") == pytest.approx(
        np.sqrt(9 / 2), rel=C * EPS
    )
    assert ir.metrics.median_bandwidth(x, rule="midpoint") == pytest.approx(
        np.sqrt(12.5 / 2), rel=C * EPS
    )


def test_sliced_wasserstein():
    def check(p):
        directions = np.random.default_rng([p.seed, 2]).normal(size=(3, p.dim))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        for order in (1.0, 2.0):
            actual = ir.metrics.sliced_wasserstein(
                p.x, p.y, directions, order, None, p.weights, p.target_weights
            )
            exact = oracles.sliced_wasserstein(
                p.x, p.y, directions, order, p.weights, p.target_weights
            )
            # Levels of quantiles and projections are exact to eps; their p-th powers, up to the
            # reach to the p, are added before the root.
            reach = max(np.max(np.linalg.norm(z, axis=1)) for z in (p.x, p.y))
            assert_near(actual**order, exact**order, 4 * C * EPS * len(p.x) * (2 * reach) ** order)

    on_samples(check)


def test_moment_residual():
    def check(p):
        covariance = np.asarray(oracles.fisher(p), dtype=float)
        difference = np.asarray(oracles.delta(p), dtype=float)
        condition = np.linalg.cond(covariance)
        assert condition * EPS < 1e-4
        exact = np.sqrt(float(difference @ oracles.solve_exactly(covariance, difference)))
        assert ir.metrics.moment_residual(difference, covariance) == pytest.approx(
            exact, rel=C * EPS * condition
        )

    on_samples(check, strategies.REGULAR)


def test_kliep_fit_is_feasible_and_optimal():
    def check(p):
        sigma = p.kernel.bandwidth
        fit = ir.metrics.kliep(
            p.x,
            p.y,
            bandwidth=sigma,
            centers=p.y,
            weights=p.weights,
            target_weights=p.target_weights,
        )
        log_r_x, log_r_y = (
            oracles.log_ratio(z, p.y, sigma, fit.log_coefficients) for z in (p.x, p.y)
        )
        # Exponents up to (diameter/σ)² carry eps each into the logarithms.
        allowed = C * EPS * (1 + (diameter(p) / sigma) ** 2)
        assert float(p.pi @ np.exp(log_r_x)) == pytest.approx(1.0, abs=allowed * 10)
        assert fit.kl == pytest.approx(float(p.rho @ log_r_y), abs=allowed * 10)
        # The gap of the concave problem: no other feasible ratio improves the objective by more
        # than the largest gradient minus one.
        assert oracles.ratio_gap(p.x, p.y, sigma, fit.log_coefficients, p.pi, p.rho) <= 1e-7

    on_samples(check, replace(SAMPLES, duplicates=(False,)))
