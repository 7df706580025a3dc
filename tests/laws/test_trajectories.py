"""Laws of trajectories: the straight line of the moments, and what need not decrease."""

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.conformance import package_velocity
from tests import oracles, strategies
from tests.laws import faults

SOLVERS = {
    "oracle": faults.correct,
    "readable": package_velocity("readable"),
    "fused": package_velocity("fused"),
}


@pytest.fixture(params=SOLVERS)
def solve(request):
    return SOLVERS[request.param]


def runge_kutta(solve, problem, step):
    """One classical fourth-order step of the particles."""

    def velocity(x):
        return np.asarray(solve(problem.change(x=x)).velocity)

    x = problem.x
    first = velocity(x)
    second = velocity(x + step / 2 * first)
    third = velocity(x + step / 2 * second)
    fourth = velocity(x + step * third)
    return problem.change(x=x + step / 6 * (first + 2 * second + 2 * third + fourth))


def euler(solve, problem, step):
    return problem.change(x=problem.x + step * np.asarray(solve(problem).velocity))


def distance_from_the_line(solve, problem, scheme, steps):
    """Follow the flow for half a unit of time; relative distance of Δ from e^{−t}Δ(0), (E10)."""
    initial = oracles.delta(problem)
    for _ in range(steps):
        problem = scheme(solve, problem, 0.5 / steps)
    return float(
        np.linalg.norm((oracles.delta(problem) - np.exp(-0.5) * initial).astype(float))
        / np.linalg.norm(initial.astype(float))
    )


@pytest.mark.parametrize(("scheme", "order"), [(euler, 1), (runge_kutta, 4)])
@pytest.mark.parametrize("kernel", ["gradient", "scalar"])
def test_moments_follow_the_exponential_line(solve, scheme, order, kernel):
    problem = strategies.build(
        n=9, m=9, d=2, b=2, kernel=kernel, seed=4, ridge=0.0, jitter=0.0, kernel_width=1.5
    )
    coarse, fine = (distance_from_the_line(solve, problem, scheme, steps) for steps in (4, 8))
    # Halving the step divides the leading error term by 2^order; the next term, half as large at
    # these steps, may take a part of that gain or add to it. A constant error, from a wrong
    # velocity, would give a ratio of one.
    assert 2 ** (order - 0.6) < coarse / fine < 2 ** (order + 1.2)
    assert fine < {1: 0.05, 4: 1e-4}[order]


def test_euclidean_residual_may_grow(solve):
    """‖Δ‖² may grow, unlike its form in the metric: with quadratic statistics, for instance."""
    rng = np.random.default_rng(6)
    x, y = (
        rng.normal(size=(8, 2)) * [3, 0.3],
        rng.normal(size=(8, 2)) * [3, 0.3] + rng.normal(size=2),
    )
    problem = oracles.Problem(
        np.round(x, 1),
        np.round(y, 1),
        ir.features.Monomials(2),
        ir.rkhs.GradientGaussian(1.0),
        ridge=1.0,
        jitter=0.0,
    )
    solution = solve(problem)
    difference, rate = (
        np.asarray(solution.delta, dtype=float),
        np.asarray(solution.moment_rate, dtype=float),
    )
    # The system's condition number is 1e4 and that of F̂ 2e5, so rounding cannot change a sign
    # here.
    assert difference @ rate / (np.linalg.norm(difference) * np.linalg.norm(rate)) == pytest.approx(
        -0.6335, abs=1e-4
    )
    assert difference @ np.linalg.solve(np.asarray(solution.fisher, dtype=float), rate) > 0
