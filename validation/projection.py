"""Projections of moving distributions.

By moments (P1), by tangents (P2)-(P4), over windows (P5), sparsely (P6), and where exact (P7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np

import ingd_ref as ir
from ingd_ref.backend._operations import logsumexp
from ingd_ref.projection import _time_quadrature
from validation.backends import Arrays
from validation.oracles import projection as oracle
from validation.oracles.precise import MP, Array, axes, differences, exp, log, precise, solve
from validation.oracles.quadrature import gamma_nodes, gaussian_nodes
from validation.registry import EPS, Measured, case, compared

CONDITIONED = (
    "40 eps times the condition of the covariance scaled to unit "
    "variances: sums of a dozen terms, and a solve of three unknowns"
)
ISSUE = (
    "1e-12 of the largest entry: quadrature particles leave rounding "
    "alone, times conditions below a hundred"
)


def pairs(x: Array) -> Array:
    """Statistics (x₁, x₂, x₁x₂) of a point of the plane."""
    return np.array([x[0], x[1], x[0] * x[1]])


PAIRS = ir.features.PairwiseProducts(linear=True)


def allowed(matrix: Array) -> float:
    """What a solve with a covariance or system matrix may err by, relative to the solution."""
    plain = matrix.astype(float)
    scale = np.sqrt(np.diagonal(plain))
    return 40 * EPS * float(np.linalg.cond(plain / np.outer(scale, scale)))


@cache
def cloud() -> tuple[Array, Array, Array, Array]:
    """Seven points of the plane, velocities, scores and weights."""
    rng = np.random.default_rng(31)
    return (
        rng.normal(size=(7, 2)) + 0.5,
        rng.normal(size=(7, 2)),
        rng.normal(size=7),
        rng.dirichlet(np.full(7, 5.0)),
    )


# --------------------------------------------------------------------------------------------------


@case("P1", oracle="closed form and root finding at eighty digits")
def moment_matching(arrays: Arrays) -> Iterator[Measured]:
    """Gaussian and Gamma members with the moments of a weighted sample."""
    rng = np.random.default_rng(32)
    x, weights = rng.gamma(3.0, 0.5, size=(6, 1)), rng.dirichlet(np.full(6, 4.0))
    points, pi = precise(x[:, 0]), precise(weights) / sum(precise(weights))
    mean, mean_log = np.sum(pi * points), np.sum(pi * log(points))
    variance = np.sum(pi * (points - mean) ** 2)
    expected = {
        "Gaussian": (
            ir.families.Gaussian(),
            np.array([mean / variance, -1 / (2 * variance)]),
            [0.0, -0.5],
            (mean / MP.sqrt(variance)) ** 2,
        ),
        "Gamma": (
            ir.families.Gamma(),
            oracle.gamma_from_moments(mean_log, mean),
            [1.0, -1.0],
            mean / (MP.log(mean) - mean_log),
        ),
    }
    for name, (family, theta, start, condition) in expected.items():
        for method in ("inverse", "newton"):
            found = ir.projection.m_projection(
                family,
                arrays(x),
                arrays(weights),
                method=method,
                start=arrays(np.array(start)) if method == "newton" else None,
            )
            reason = (
                "20 eps times what cancels between the moments: E x² − (E x)², or log E x − E log x"
            )
            tolerance = 20 * EPS * (1 + float(condition))
            yield compared(f"{name}, {method}", arrays.host(found.theta), theta, tolerance, reason)
            reason = (
                "Newton's last step, of eps, and the rounding of moments in standard deviations"
            )
            yield Measured(
                f"{name}, {method}, residual", arrays.number(found.residual), 200 * EPS, reason
            )


@case(
    "P1", oracle="member whose moments are enumerated at eighty digits", backends=("numpy", "torch")
)
def newton_on_the_dual(arrays: Arrays) -> Iterator[Measured]:
    """Newton's method on a user-defined A finds the couplings of three spins from their moments."""
    states = np.array([[i, j, k] for i in (-1.0, 1.0) for j in (-1.0, 1.0) for k in (-1.0, 1.0)])
    table = np.concatenate(
        [states, states[:, [0]] * states[:, [1]], states[:, [1]] * states[:, [2]]], axis=1
    )
    theta = np.array([0.3, -0.6, 0.2, 0.9, -0.7])

    def log_partition(parameters: Array) -> Any:
        return log(np.sum(exp(precise(table) @ parameters)))

    mu = differences(log_partition, precise(theta))

    def mean_parameters(natural: Any) -> Any:
        return differences(log_partition, natural)

    fisher = differences(mean_parameters, precise(theta)).astype(float)
    values = arrays(table)

    def probabilities(t: Any) -> Any:
        powers = ir.backend.array_namespace(t=t).exp(values @ t)
        return powers / powers.sum()

    def hessian(t: Any) -> Any:
        p = probabilities(t)
        centred = values - p @ values
        return (centred * p[:, None]).T @ centred

    for start in (np.zeros(5), np.array([2.0, 2.0, -2.0, -2.0, 1.0])):
        found = ir.projection.match_moments(
            arrays(mu.astype(float)),
            log_partition=lambda t: logsumexp(ir.backend.array_namespace(t=t), values @ t),
            gradient=lambda t: probabilities(t) @ values,
            hessian=hessian,
            start=arrays(start),
        )
        tolerance = 10 * EPS * float(np.linalg.norm(np.linalg.inv(fisher), 2))
        reason = "10 eps of rounding in the moments, times the norm of F⁻¹"
        yield compared(
            f"θ from {start[0]:g}", arrays.host(found.theta), theta, tolerance, reason, scale=1.0
        )


# --------------------------------------------------------------------------------------------------


@case("P2", oracle="weighted regression with an intercept at eighty digits")
def regression_of_time_scores(arrays: Arrays) -> Iterator[Measured]:
    """Slopes of the regression of given time scores, weighted or not.

    And no slope lowers the mean square further.
    """
    x, _, scores, weights = cloud()
    for name, given in (("plain", None), ("weighted", weights)):
        pi = precise(np.full(7, 1.0) if given is None else given)
        pi = pi / np.sum(pi)
        found = ir.projection.tangent_projection(
            PAIRS,
            arrays(x),
            scores=arrays(scores),
            weights=None if given is None else arrays(given),
        )
        fisher = oracle.moments(np.array([pairs(p) for p in precise(x)]), pi)[1]
        expected = oracle.tangent_from_scores(pairs, x, scores, pi)
        yield compared(
            f"θ̇, {name}", arrays.host(found.rate), expected, allowed(fisher), CONDITIONED
        )


@case("P3", "P4", oracle="naive sums, differences of f and elimination at eighty digits")
def tangent_of_velocities(arrays: Arrays) -> Iterator[Measured]:
    """θ̇, the covariance and the moment rate of a weighted cloud, and of a batch."""
    x, v, _, weights = cloud()
    pi = precise(weights) / np.sum(precise(weights))
    mean_rate = sum(
        w * (u @ differences(pairs, p)) for w, p, u in zip(pi, precise(x), precise(v), strict=True)
    )
    fisher = oracle.moments(np.array([pairs(p) for p in precise(x)]), pi)[1]
    for ridge in (0.0, 0.3):
        found = ir.projection.tangent_projection(
            PAIRS, arrays(x), velocities=arrays(v), weights=arrays(weights), ridge=ridge
        )
        expected = oracle.tangent_from_velocities(pairs, x, v, pi, ridge)
        yield compared(
            f"θ̇, ridge {ridge:g}", arrays.host(found.rate), expected, allowed(fisher), CONDITIONED
        )
    reason = "sums of seven terms of order one"
    yield compared(
        "∂_t E f", arrays.host(found.moment_rate), mean_rate, 20 * EPS, reason, scale=1.0
    )
    yield compared("F̂", arrays.host(found.covariance), fisher, 40 * EPS, reason, scale=1.0)
    batch = ir.projection.tangent_projection(
        PAIRS,
        arrays(np.stack([x, 2 * x])),
        velocities=arrays(np.stack([v, v])),
        weights=arrays(weights),
    )
    expected = np.stack(
        [oracle.tangent_from_velocities(pairs, scale * x, v, pi) for scale in (1.0, 2.0)]
    )
    yield compared("θ̇, batch", arrays.host(batch.rate), expected, allowed(fisher), CONDITIONED)


@case("P3", oracle="naive sums and elimination at eighty digits; spins")
def tangent_of_pairs(arrays: Arrays) -> Iterator[Measured]:
    """Central differences between paired samples of points, and of spins."""
    x, v, _, weights = cloud()
    spins = np.random.default_rng(33).choice([-1.0, 1.0], size=(2, 12, 2))
    for name, before, after, given in (("points", x - v, x + v, weights), ("spins", *spins, None)):
        pi = precise(np.ones(len(before)) if given is None else given)
        pi = pi / np.sum(pi)
        low, high = (np.array([pairs(p) for p in precise(side)]) for side in (before, after))
        fisher = (oracle.moments(low, pi)[1] + oracle.moments(high, pi)[1]) / 2
        expected = solve(fisher, pi @ (high - low) / (2 * precise(0.25)))
        found = ir.projection.paired_tangent_projection(
            PAIRS,
            arrays(before),
            arrays(after),
            0.25,
            weights=None if given is None else arrays(given),
        )
        yield compared(name, arrays.host(found.rate), expected, allowed(fisher), CONDITIONED)


def _of_normalised(estimate: Callable[[Array], Array], weights: Array) -> Array:
    return estimate(weights / np.sum(weights))


@case("P2", "P3", oracle="differences of the naive estimate in the weights, at eighty digits")
def tangent_sandwich(arrays: Arrays) -> Iterator[Measured]:
    """Influence of each sample and the sandwich, from velocities and from scores."""
    x, v, scores, weights = cloud()
    pi = precise(weights) / np.sum(precise(weights))
    values = np.array([pairs(p) for p in precise(x)])
    fisher = oracle.moments(values, pi)[1]
    estimates: dict[str, tuple[Callable[[Array], Array], dict[str, Any]]] = {
        "velocities": (
            lambda w: oracle.tangent_from_velocities(pairs, x, v, w),
            {"velocities": arrays(v)},
        ),
        "velocities and ridge": (
            lambda w: oracle.tangent_from_velocities(pairs, x, v, w, 0.3),
            {"velocities": arrays(v), "ridge": 0.3},
        ),
        "scores": (
            lambda w: oracle.tangent_from_scores(pairs, x, scores, w),
            {"scores": arrays(scores)},
        ),
    }
    for name, (estimate, options) in estimates.items():
        found = ir.projection.tangent_projection(
            PAIRS, arrays(x), weights=arrays(weights), **options
        )
        # With weights that do not sum to one along the way, means of the oracle would not be means:
        # it is given normalised ones.
        normalised = partial(_of_normalised, estimate)
        expected = oracle.influences(normalised, pi)
        tolerance = 4 * allowed(fisher)
        yield compared(
            f"influence, {name}",
            arrays.host(found.influence),
            expected,
            tolerance,
            CONDITIONED + ", for two solves in a row",
        )
        deletion = oracle.deletions(values, pi, expected, float(options.get("ridge", 0.0)))
        # Without one of seven samples the covariance is worse conditioned, and deletions are larger
        # by as much.
        yield compared(
            f"deletion, {name}",
            arrays.host(found.deletion),
            deletion,
            4 * tolerance,
            CONDITIONED + ", less a sample",
        )
        sandwich = (deletion * (pi**2)[:, None]).T @ deletion
        yield compared(
            f"sandwich, {name}",
            arrays.host(found.rate_covariance),
            sandwich,
            8 * tolerance,
            CONDITIONED + ", less a sample, squared",
        )


# --------------------------------------------------------------------------------------------------


def line(t: Any) -> Any:
    """Where a time of the window from 1 to 3 lies between its ends."""
    return (t - 1) / 2


KNOT: Any = precise(0.45)
BASES: dict[str, tuple[Any, Callable[[Any], Array]]] = {
    "constant": (ir.projection.Polynomial(0), lambda t: np.array([MP.mpf(1)])),
    "polynomial": (
        ir.projection.Polynomial(2),
        lambda t: np.array([MP.mpf(1), 2 * line(t) - 1, (3 * (2 * line(t) - 1) ** 2 - 1) / 2]),
    ),
    "Fourier": (
        ir.projection.Fourier(1),
        lambda t: np.array([MP.mpf(1), MP.cos(2 * MP.pi * line(t)), MP.sin(2 * MP.pi * line(t))]),
    ),
    "spline": (
        ir.projection.BSpline(knots=(0.45,), degree=1),
        lambda t: np.array(
            [
                max(1 - line(t) / KNOT, 0),
                min(line(t) / KNOT, (1 - line(t)) / (1 - KNOT)),
                max(line(t) - KNOT, 0) / (1 - KNOT),
            ]
        ),
    ),
}
WEIGHTS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "parabola": (ir.projection.Power(), lambda t: line(t) * (1 - line(t))),
    "cube": (ir.projection.Power(3), lambda t: (line(t) * (1 - line(t))) ** 3),
    "sine": (ir.projection.Sine(), lambda t: MP.sin(MP.pi * line(t))),
    "bump": (
        ir.projection.Bump(),
        lambda t: 0 if not 0 < line(t) < 1 else MP.exp(1 - 1 / (4 * line(t) * (1 - line(t)))),
    ),
}


@cache
def snapshots() -> tuple[Array, Array, Array]:
    """Irregular times from 1 to 3, samples (6, 5, 2) and weights (6, 5)."""
    rng = np.random.default_rng(34)
    times = np.array([1.0, 1.25, 1.75, 2.0, 2.625, 3.0])
    return (
        times,
        rng.normal(size=(6, 5, 2)) + np.sin(times)[:, None, None],
        rng.dirichlet(np.full(5, 8.0), size=6),
    )


def trapezoid(times: Array) -> Array:
    """Half the distance between the neighbours of each time, exactly."""
    gaps = np.diff(precise(times))
    return np.array([*gaps, MP.mpf(0)]) / 2 + np.array([MP.mpf(0), *gaps]) / 2


def window_problem(
    basis: str, weight: str, weights: Array | None = None, ridge: float = 0.0, ddof: int = 0
) -> oracle.WindowProblem:
    """The oracle's view of the snapshots."""
    times, x, _ = snapshots()
    values = np.array([[pairs(p) for p in row] for row in precise(x)])
    pi = precise(np.ones(x.shape[:2]) if weights is None else weights)
    pi = pi / np.sum(pi, axis=1, keepdims=True)
    return oracle.WindowProblem(
        values,
        pi,
        precise(times),
        trapezoid(times),
        BASES[basis][1],
        WEIGHTS[weight][1],
        ridge,
        ddof,
    )


@case("P5", oracle="Kronecker products, differences in time and elimination at eighty digits")
def window_coefficients(arrays: Arrays) -> Iterator[Measured]:
    """C, c and a for each basis and weight, with weights, a ridge, and ddof."""
    times, x, weights = snapshots()
    variants: list[tuple[str, str, dict[str, Any]]] = [(basis, "parabola", {}) for basis in BASES]
    variants += [("polynomial", weight, {}) for weight in WEIGHTS if weight != "parabola"]
    variants += [
        ("polynomial", "parabola", more)
        for more in ({"weights": weights}, {"ridge": 0.1}, {"ddof": 1})
    ]
    for basis, weight, more in variants:
        problem = window_problem(basis, weight, **more)
        matrix, vector = problem.system()
        options = {key: arrays(value) if key == "weights" else value for key, value in more.items()}
        found = ir.projection.window_projection(
            PAIRS, times, arrays(x), basis=BASES[basis][0], weight=WEIGHTS[weight][0], **options
        )
        name = ", ".join([basis, weight, *more])
        reason = (
            "a hundred eps of the largest entry: sums of thirty products of "
            "rounded statistics, basis and weight"
        )
        yield compared(f"C, {name}", arrays.host(found.system.matrix), matrix, 100 * EPS, reason)
        yield compared(f"c, {name}", arrays.host(found.system.vector), vector, 100 * EPS, reason)
        tolerance = allowed(matrix + precise(problem.ridge) * np.array(axes(len(vector))))
        error = np.ravel(arrays.host(found.coefficients))
        yield compared(
            f"a, {name}",
            error,
            problem.coefficients(),
            tolerance,
            "40 eps times the condition of C + εI with a diagonal of ones",
        )


@cache
def window_covariance(coupled: bool) -> tuple[oracle.WindowProblem, Array]:
    """The oracle's covariance of the coefficients, computed once for all backends."""
    _, _, weights = snapshots()
    problem = window_problem(
        "polynomial", "parabola", np.broadcast_to(weights[0], weights.shape) if coupled else weights
    )
    return problem, problem.covariance(coupled)


@case("P5", oracle="differences of the naive estimate in the weights, at eighty digits")
def window_sandwich(arrays: Arrays) -> Iterator[Measured]:
    """Covariance of the coefficients, and standard errors of θ̇(t).

    Samples are independent, or the same particles at all times.
    """
    times, x, weights = snapshots()
    for coupled, given in ((False, weights), (True, weights[0])):
        problem, expected = window_covariance(coupled)
        found = ir.projection.window_projection(
            PAIRS,
            times,
            arrays(x),
            basis=ir.projection.Polynomial(2),
            weights=arrays(given),
            coupled=coupled,
        )
        name = "coupled" if coupled else "independent"
        tolerance = 4 * allowed(problem.system()[0])
        reason = "160 eps times the condition of C: two solves with it on either side"
        yield compared(
            f"covariance, {name}",
            arrays.host(found.coefficient_covariance),
            expected,
            tolerance,
            reason,
        )
        phi = np.kron(BASES["polynomial"][1](precise(1.5))[:, None], np.array(axes(3)))
        errors = np.array([MP.sqrt(entry) for entry in np.diagonal(phi.T @ expected @ phi)])
        yield compared(
            f"standard error, {name}",
            arrays.host(found.standard_error(1.5)),
            errors,
            tolerance,
            reason,
        )


@case("P5", oracle="integrals of powers of time")
def rules_in_time(arrays: Arrays) -> Iterator[Measured]:
    """Trapezoidal, Simpson's and Gauss's rule on irregular times, odd and even numbers of them.

    Powers that they integrate exactly.
    """
    reason = "ten roundings of weights and powers of order ten"
    for times in (
        np.array([1.0, 1.25, 1.75, 2.0, 2.625, 3.0]),
        np.array([1.0, 1.5, 1.625, 2.25, 3.0]),
    ):
        for name, rule, degree in (
            ("trapezoid", _time_quadrature.trapezoid_weights, 1),
            ("simpson", _time_quadrature.simpson_weights, 2),
        ):
            weights = rule(times)
            for power in range(degree + 1):
                expected = (MP.mpf(3) ** (power + 1) - 1) / (power + 1)
                yield compared(
                    f"{name}, t^{power}, {len(times)} times",
                    weights @ times**power,
                    expected,
                    10 * EPS,
                    reason,
                )
    nodes, weights = ir.projection.gauss_legendre_times(1.0, 3.0, 4)
    for power in range(8):
        yield compared(
            f"gauss, t^{power}",
            weights @ nodes**power,
            (MP.mpf(3) ** (power + 1) - 1) / (power + 1),
            20 * EPS,
            reason,
        )


# --------------------------------------------------------------------------------------------------


@case("P6", oracle="the best of the stationary points of all sign patterns, at eighty digits")
def sparse_minima(arrays: Arrays) -> Iterator[Measured]:
    """Minima for strong, moderate and no penalties, with free coefficients; zeros must be exact."""
    rng = np.random.default_rng(35)
    root = rng.normal(size=(9, 4))
    matrix, vector = root.T @ root / 9, rng.normal(size=4)
    condition = float(np.linalg.cond(matrix))
    for name, kappa, weights in (
        ("κ = 0", 0.0, np.ones(4)),
        ("κ = 0.2", 0.2, np.ones(4)),
        ("κ = 0.5, one free", 0.5, np.array([1.0, 0.0, 0.5, 2.0])),
        ("κ = 10", 10.0, np.ones(4)),
    ):
        expected = oracle.sparse_minimum(
            precise(matrix), precise(vector), list(precise(kappa) * precise(weights))
        )
        found = ir.projection.sparse_minimum(
            arrays(matrix), arrays(vector), kappa, penalty_weights=arrays(weights)
        )
        a = arrays.host(found.coefficients)
        tolerance = 1e-14 * condition * float(np.max(np.abs(vector)) / np.linalg.norm(matrix, 2))
        reason = "forty roundings of c, times the norm of C⁻¹"
        yield compared(f"a, {name}", a, expected, tolerance, reason, scale=1.0)
        wrong = int(np.sum((a == 0) != (expected == 0)))
        yield Measured(f"support, {name}", float(wrong), 0.0, "a zero is exact")


@case("P6", oracle="the best of the stationary points of all sign patterns, at eighty digits")
def sparse_windows(arrays: Arrays) -> Iterator[Measured]:
    """The sparse projection of snapshots, its path, and its optimality conditions."""
    times, x, _ = snapshots()
    problem = window_problem("constant", "parabola")
    matrix, vector = problem.system()
    system = ir.projection.window_system(PAIRS, times, arrays(x))
    path = ir.projection.regularisation_path(system, number=4, ratio=0.05)
    tolerance = 10 * allowed(matrix) + 1e-14 * float(np.linalg.cond(matrix.astype(float)))
    reason = "roundings of the system, times the condition of C"
    for kappa, along in zip(path.kappas, arrays.host(path.coefficients), strict=True):
        expected = oracle.sparse_minimum(matrix, vector, [precise(kappa)] * 3)
        found = ir.projection.sparse_window_projection(system, float(kappa))
        scale = float(np.max(np.abs(solve(matrix, vector).astype(float))))
        yield compared(
            f"a, κ = {kappa:.3f}",
            np.ravel(arrays.host(found.coefficients)),
            expected,
            tolerance,
            reason,
            scale=scale,
        )
        yield compared(
            f"on the path, κ = {kappa:.3f}",
            np.ravel(along),
            expected,
            tolerance,
            reason,
            scale=scale,
        )
        violation = max(abs(g) - precise(kappa) for g in matrix @ precise(np.ravel(along)) + vector)
        size = float(np.max(np.abs(vector.astype(float))))
        yield Measured(
            f"gradient beyond κ = {kappa:.3f}",
            max(0.0, float(violation)),
            1e-13 * size,
            "some hundred roundings of c",
        )


# --------------------------------------------------------------------------------------------------


def gaussian_path(t: Any) -> tuple[Any, Any, Any, Any]:
    """Mean, deviation, and their rates, of a Gaussian on the move, as floats."""
    return 0.5 * np.sin(t), np.exp(-0.3 * t), 0.5 * np.cos(t), -0.3 * np.exp(-0.3 * t)


@case("P7", "P3", oracle="closed forms, and differences of θ(t) at eighty digits; Gauss nodes")
def gaussian_and_gamma_rates(arrays: Arrays) -> Iterator[Measured]:
    """Where the distribution stays in the family, the tangent is the family's own θ̇.

    Gaussian; Gamma of moving rate and of moving shape.
    """
    gaussian, gamma = (
        ir.features.FamilyStatistics(family)
        for family in (ir.families.Gaussian(), ir.families.Gamma())
    )
    for t in (0.0, 0.7, 2.0):
        m, s, m_rate, s_rate = gaussian_path(t)
        z, weights = gaussian_nodes(0.0, 1.0, 6)
        found = ir.projection.tangent_projection(
            gaussian,
            arrays(m + s * z),
            velocities=arrays(m_rate + s_rate * z),
            weights=arrays(weights),
        )
        expected = np.array([m_rate / s**2 - 2 * m * s_rate / s**3, s_rate / s**3])
        yield compared(f"Gaussian, t = {t:g}", arrays.host(found.rate), expected, 1e-12, ISSUE)
        differences_in_time = oracle.central_difference(_gaussian_parameters, t)
        yield compared(
            f"Gaussian, differences, t = {t:g}",
            arrays.host(found.rate),
            differences_in_time,
            1e-12,
            ISSUE,
        )
    for shape, rate, rate_rate, shape_rate in (
        (2.5, 1.5, 0.7, 0.0),
        (2.5, 1.5, 0.0, 0.4),
        (6.0, 0.5, -0.2, 0.9),
    ):
        x, weights = gamma_nodes(shape, 1.0)
        moved = oracle.gamma_shape_velocity(x, shape).astype(float)[:, None]
        velocities = shape_rate * moved / rate - rate_rate * x / rate**2
        found = ir.projection.tangent_projection(
            gamma, arrays(x / rate), velocities=arrays(velocities), weights=arrays(weights)
        )
        expected = np.array([shape_rate, -rate_rate])
        yield compared(
            f"Gamma({shape:g}), α̇ = {shape_rate:g}, β̇ = {rate_rate:g}",
            arrays.host(found.rate),
            expected,
            1e-12,
            ISSUE,
        )


def _gaussian_parameters(t: Any) -> Array:
    """θ(t) of :func:`gaussian_path`."""
    m, s = MP.sin(t) / 2, MP.exp(-precise(0.3) * t)
    return np.array([m / s**2, -1 / (2 * s**2)])


def straight_snapshots(times: Array) -> tuple[Array, Array]:
    """Gauss nodes (k, n, 1) and weights (n,) of θ(t) = (1 + t/2, −1/2 − 2t/5)."""
    variance = 1.0 / (1.0 + 0.8 * times)
    nodes, weights = gaussian_nodes(0.0, 1.0, 4)
    return ((1.0 + 0.5 * times) * variance)[:, None, None] + np.sqrt(variance)[
        :, None, None
    ] * nodes, weights


@case("P7", "P5", oracle="closed form; Gauss nodes in x and in t")
def window_on_the_family(arrays: Arrays) -> Iterator[Measured]:
    """Where θ̇(t) is in the span of the basis, the window returns it, up to its quadrature in time.

    Gauss's rule leaves rounding.
    """
    gaussian = ir.features.FamilyStatistics(ir.families.Gaussian())
    times, masses = ir.projection.gauss_legendre_times(0.0, 1.0, 24)
    samples, weights = straight_snapshots(times)
    for basis in (
        ir.projection.Polynomial(0),
        ir.projection.Polynomial(2),
        ir.projection.BSpline(4),
    ):
        found = ir.projection.window_projection(
            gaussian,
            times,
            arrays(samples),
            basis=basis,
            weights=arrays(weights),
            window=(0.0, 1.0),
            time_weights=masses,
        )
        for t in (0.0, 0.4, 1.0):
            # Five coefficients instead of one raise the condition to 1e3; the integrands are
            # analytic with a pole at t = −5/4.
            reason = (
                "1e-11 of the largest entry: eps times conditions below 1e4"
                if basis != ir.projection.Polynomial(0)
                else ISSUE
            )
            tolerance = 1e-12 if basis == ir.projection.Polynomial(0) else 1e-11
            yield compared(
                f"{type(basis).__name__}, t = {t:g}",
                arrays.host(found.rate(t)),
                np.array([0.5, -0.4]),
                tolerance,
                reason,
            )


@case("P5", "P7", oracle="closed form; the slope of log error over log gap")
def window_orders(arrays: Arrays) -> Iterator[Measured]:
    """The error of the window falls with the gap between times as the rule in time says."""
    gaussian = ir.features.FamilyStatistics(ir.families.Gaussian())
    for rule, weight, order in (
        ("trapezoid", ir.projection.Power(), 2.0),
        ("trapezoid", ir.projection.Power(3), 4.0),
        ("simpson", ir.projection.Power(), 4.0),
    ):
        errors = []
        for number in (33, 65):
            times = np.linspace(0.0, 1.0, number)
            samples, weights = straight_snapshots(times)
            found = ir.projection.window_projection(
                gaussian,
                times,
                arrays(samples),
                weights=arrays(weights),
                weight=weight,
                time_weights=rule,
            )
            errors.append(np.max(np.abs(arrays.host(found.rate(0.5)) - np.array([0.5, -0.4]))))
        slope = float(np.log2(errors[0] / errors[1]))
        reason = (
            "the next term of the expansion is smaller by the square of the gap, "
            "and a few per cent at 1/32"
        )
        yield Measured(
            f"{rule}, {type(weight).__name__}: order {slope:.3f}", abs(slope - order), 0.05, reason
        )
