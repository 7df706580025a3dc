"""The oracles against published outputs, independent routes, and complex-step derivatives."""

import numpy as np
import pytest

from ingd_ref import features
from tests import oracles, strategies
from tests.laws import golden

# Rounding of a few float64 operations on numbers of order one; derivatives by the complex step have
# no truncation error above it.
ROUNDING = 1e-13


def assert_close(actual, expected, tolerance=ROUNDING):
    actual, expected = np.asarray(actual, dtype=float), np.asarray(expected, dtype=float)
    assert actual.shape == expected.shape
    assert np.max(np.abs(actual - expected)) <= tolerance * np.max(np.abs(expected))


@pytest.mark.parametrize("case", golden.CASES)
def test_oracle_reproduces_moments(case):
    problem = golden.problem(case, golden.gradient_kernel(case))
    assert golden.deviation(case, "delta", oracles.delta(problem)) <= 1
    assert golden.deviation(case, "fisher_nminus1", oracles.fisher(problem)) <= 1


# The five-dimensional case takes seconds in extended precision; one kernel is enough for it.
@pytest.mark.parametrize(
    ("case", "kernel"),
    [(c, k) for c in golden.CASES for k in golden.VELOCITIES if c != "mix5d" or k == "gradient"],
)
def test_oracle_reproduces_velocity(case, kernel):
    name, make = golden.VELOCITIES[kernel]
    assert (
        golden.deviation(case, name, oracles.king(golden.problem(case, make(case))).velocity) <= 1
    )


@pytest.mark.parametrize("case", golden.CASES)
def test_oracle_reproduces_full_tangent_kernel(case):
    kernel, x = golden.tangent_kernel(case, "full"), golden.array(case, "particles")[:5]
    assert (
        golden.deviation(case, "ntk_full_first5", [[kernel.definition(a, b) for b in x] for a in x])
        <= 1
    )


# The larger samples of the other cases are left to the package, which is tested by this oracle.
@pytest.mark.parametrize("case", ["gauss1d", "poly2d"])
def test_oracle_reproduces_comparisons(case):
    x, y, bandwidth = (
        golden.array(case, "particles"),
        golden.array(case, "target"),
        float(golden.array(case, "kernel_bandwidth")),
    )
    assert golden.deviation(case, "energy_distance", oracles.energy_distance(x, y)) <= 1
    root = np.sqrt(oracles.squared_mmd(x, y, bandwidth))
    assert golden.deviation(case, "mmd_rbf", root) <= 1
    slope = -oracles.energy_velocity(x, y) / len(x)
    assert golden.deviation(case, "grad_energy_distance", slope) <= 1
    assert golden.deviation(case, "v_wgf", oracles.wgf_velocity(x, y, bandwidth)) <= 1


@pytest.mark.parametrize(
    ("velocity", "metric"),
    [
        (oracles.energy_velocity, oracles.energy_distance),
        (oracles.mmd_velocity, oracles.squared_mmd),
    ],
)
def test_descent_is_the_gradient_of_the_whole_metric(velocity, metric):
    """−(1/π_i) ∂/∂x_i of all double sums, by differences of h = 1e-4: h² of truncation."""
    rng, h = np.random.default_rng(2), 1e-4
    x, y, pi, rho = (
        rng.normal(size=(4, 2)),
        rng.normal(size=(3, 2)),
        [0.4, 0.3, 0.2, 0.1],
        [1 / 3] * 3,
    )
    options = (0.8,) if metric is oracles.squared_mmd else ()
    found = velocity(x, y, *options, np.array(pi), np.array(rho))
    for i, a in np.ndindex(x.shape):
        step = h * (np.arange(4) == i)[:, None] * (np.arange(2) == a)
        ends = [metric(x + s * step, y, *options, np.array(pi), np.array(rho)) for s in (1, -1)]
        assert abs(found[i, a] + (ends[0] - ends[1]) / (2 * h) / pi[i]) <= 1e-6


def test_oracle_reproduces_bandwidths_by_the_lower_median():
    # In one dimension the published program's self-distances are exactly zero; in the others it
    # counts some of them (see tests/data).
    x, y = golden.array("gauss1d", "particles"), golden.array("gauss1d", "target")
    assert_close(oracles.median_bandwidth(x, "lower"), golden.array("gauss1d", "kernel_bandwidth"))
    assert_close(
        oracles.median_bandwidth(np.concatenate([x, y]), "lower"),
        golden.array("gauss1d", "feature_bandwidth"),
    )


@pytest.mark.parametrize("kind", strategies.FEATURES)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_jacobians_are_derivatives_of_the_statistics(kind, dim):
    problem = strategies.build(features=kind, n=3, d=dim, b=4)
    for point in oracles.real(problem.x):
        steps = [
            np.asarray(point, dtype=oracles.COMPLEX) + 1j * oracles.STEP * axis
            for axis in np.eye(problem.dim)
        ]
        # A complex step through a function that casts to real numbers would return zero and fail
        # here.
        derivative = [
            np.imag(complex_value(problem.features, step)) / oracles.STEP for step in steps
        ]
        values, jacobian = problem.features.definition(point)
        assert_close(values, complex_value(problem.features, point))
        assert_close(jacobian, derivative)


def complex_value(statistics, x):
    """The statistics once more, from their formulas in a line each, for complex arguments."""
    match statistics:
        case features.GaussianRBF():
            return np.exp(
                -np.sum((x - statistics.centers) ** 2, axis=1) / (2 * statistics.bandwidth**2)
            )
        case features.Polynomial():
            return (statistics.centers @ x + statistics.offset) ** statistics.degree
        case features.RandomFourier():
            return np.sqrt(2 / len(statistics.phases)) * np.cos(
                statistics.frequencies @ x + statistics.phases
            )
        case features.Monomials():
            degrees = [
                e
                for e in np.ndindex((statistics.degree + 1,) * len(x))
                if 1 <= sum(e) <= statistics.degree
            ]
            ordered = sorted(degrees, key=lambda e: (sum(e), tuple(-k for k in e)))
            return np.array([np.prod(x ** np.array(e)) for e in ordered])
        case features.PairwiseProducts():
            return np.outer(x, x)[np.triu_indices(len(x), 1)]


def test_three_solvers_agree():
    problem = strategies.build(n=12, d=2, b=5, seed=3, ridge=1e-2, jitter=1e-2)
    matrix, rhs = oracles.gram(problem) + oracles.regulariser(problem), oracles.delta(problem)
    by_elimination = oracles.solve(matrix, rhs)
    # Condition number below 1e3 here, so double precision keeps thirteen digits.
    assert np.linalg.cond(matrix.astype(float)) < 1e3
    assert_close(by_elimination, np.linalg.solve(matrix.astype(float), rhs.astype(float)))
    assert_close(by_elimination, oracles.solve_exactly(matrix, rhs))


def test_one_dimensional_transport_cost_of_equal_sizes_pairs_sorted_samples():
    rng = np.random.default_rng(4)
    x, y, pi = rng.normal(size=9), rng.normal(size=9), np.full(9, 1 / 9)
    assert oracles.wasserstein_1d(x, y, pi, pi, 2) == pytest.approx(
        np.mean((np.sort(x) - np.sort(y)) ** 2), rel=1e-13
    )


def test_weights_of_the_oracle_are_repetitions():
    problem = strategies.build(n=4, m=3, d=2, b=3, seed=5)
    repeated = problem.change(
        x=np.repeat(problem.x, [1, 2, 1, 4], axis=0), y=np.repeat(problem.y, [3, 1, 1], axis=0)
    )
    weighted = problem.change(
        weights=np.array([1, 2, 1, 4]) / 8, target_weights=np.array([3, 1, 1]) / 5
    )
    assert_close(oracles.king(repeated).field(problem.x), oracles.king(weighted).velocity)
