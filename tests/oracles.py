"""Independent evaluation of the equations, written for the eye: one point, one pair, one sum at a time.

The velocities (K1)-(K7) are those of the direct evaluation in :mod:`ingd_ref.conformance`, which
shares no code with the kernels of the package (a test in tests/laws holds it to that). What other
parts of the package are judged by stands here, and imports nothing of it. Sums and products run in
``numpy.longdouble`` (64-bit mantissa on x86, so about three digits more than the code that is
judged), parameter derivatives come from the complex step, and small linear systems are also solved
by mpmath at fifty digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from ingd_ref.conformance._direct import (
    coordinate_problems,
    delta,
    design,
    fisher,
    gram,
    king,
    king_coordinatewise,
    mean_statistics,
    regulariser,
    solve,
)
from ingd_ref.conformance._precision import REAL, Array, real
from ingd_ref.conformance._problem import Problem, Solution, masked, uniform
from ingd_ref.equations.kernels import gaussian

__all__ = [
    "COMPLEX",
    "REAL",
    "STEP",
    "Array",
    "Problem",
    "Solution",
    "coordinate_problems",
    "delta",
    "descent_velocity",
    "design",
    "distances",
    "energy_distance",
    "energy_velocity",
    "fisher",
    "gaussian",
    "gradient",
    "gram",
    "kde_score",
    "king",
    "king_coordinatewise",
    "log_ratio",
    "masked",
    "mean_statistics",
    "median_bandwidth",
    "mmd",
    "mmd_velocity",
    "moment_residual",
    "ratio_gap",
    "real",
    "regulariser",
    "sliced_wasserstein",
    "solve",
    "solve_exactly",
    "squared_distances",
    "squared_mmd",
    "svgd_velocity",
    "uniform",
    "wasserstein_1d",
    "wgf_velocity",
]


COMPLEX = np.clongdouble
# A complex step has no cancellation, so its truncation, of relative size h², may be far below eps.
STEP = 1e-30


def solve_exactly(matrix: Array, rhs: Array, digits: int = 50) -> Array:
    """The same system by mpmath at ``digits`` digits, for small problems."""
    with mpmath.workdps(digits):
        solution = mpmath.lu_solve(mpmath.matrix(matrix.tolist()), mpmath.matrix(rhs.tolist()))
        return np.array([float(value) for value in solution])


# --------------------------------------------------------------------------------------------------


def kde_score(x: Array, sample: Array, bandwidth: float, weights: Array | None = None) -> Array:
    """Score of a Gaussian kernel density estimate: gradient over density, both summed by mpmath without any rescaling."""
    rho = np.full(len(sample), 1 / len(sample)) if weights is None else weights
    with mpmath.workdps(50):
        s2 = mpmath.mpf(float(bandwidth)) ** 2
        scores = []
        for point in np.asarray(x, dtype=float).tolist():
            density, gradient = mpmath.mpf(0), [mpmath.mpf(0)] * len(point)
            for weight, center in zip(rho, np.asarray(sample, dtype=float).tolist(), strict=True):
                difference = [
                    mpmath.mpf(c) - mpmath.mpf(p) for c, p in zip(center, point, strict=True)
                ]
                bump = mpmath.mpf(float(weight)) * mpmath.exp(
                    -mpmath.fsum(u * u for u in difference) / (2 * s2)
                )
                density += bump
                gradient = [g + bump * u / s2 for g, u in zip(gradient, difference, strict=True)]
            scores.append([float(g / density) for g in gradient])
    return np.array(scores)


def wgf_velocity(
    x: Array,
    y: Array,
    bandwidth: float,
    weights: Array | None = None,
    target_weights: Array | None = None,
) -> Array:
    """(W1): ∇log p̂ − ∇log q̂ at the particles."""
    return kde_score(x, y, bandwidth, target_weights) - kde_score(x, x, bandwidth, weights)


def squared_distances(x: Array, y: Array) -> Array:
    return np.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=2)


def distances(x: Array, y: Array) -> Array:
    """Euclidean distances, analytic where the points differ; zero, with a vanishing derivative, where their real parts agree."""
    squared = squared_distances(x, y)
    apart = np.any(x[:, None, :].real != y[None, :, :].real, axis=2)
    return np.where(apart, np.sqrt(np.where(apart, squared, 1)), 0)


def energy_distance(
    x: Array, y: Array, weights: Array | None = None, target_weights: Array | None = None
) -> Any:
    """(Q2) as a V-statistic: 2E‖x − y‖ − E‖x − x'‖ − E‖y − y'‖."""
    return _discrepancy(lambda a, b: -distances(a, b), x, y, weights, target_weights)


def squared_mmd(
    x: Array,
    y: Array,
    bandwidth: float,
    weights: Array | None = None,
    target_weights: Array | None = None,
) -> Any:
    """The square of (Q1), biased: E k(x,x') − 2E k(x,y) + E k(y,y')."""
    return _discrepancy(
        lambda a, b: np.exp(-squared_distances(a, b) / (2 * REAL(bandwidth) ** 2)),
        x,
        y,
        weights,
        target_weights,
    )


def _discrepancy(
    function: Callable[[Array, Array], Any],
    x: Array,
    y: Array,
    weights: Array | None,
    target_weights: Array | None,
) -> Any:
    pi = uniform(len(x)) if weights is None else real(weights)
    rho = uniform(len(y)) if target_weights is None else real(target_weights)
    x, y = (np.asarray(z, dtype=COMPLEX if np.iscomplexobj(z) else REAL) for z in (x, y))
    return pi @ function(x, x) @ pi - 2 * pi @ function(x, y) @ rho + rho @ function(y, y) @ rho


def gradient(energy: Callable[[Array], Any], x: Array) -> Array:
    """∂E/∂x by the complex step, one coordinate of one particle at a time."""
    result = np.zeros(x.shape, dtype=REAL)
    for index in np.ndindex(x.shape):
        moved = np.asarray(x, dtype=COMPLEX).copy()
        moved[index] += 1j * REAL(STEP)
        result[index] = np.imag(energy(moved)) / REAL(STEP)
    return result


def descent_velocity(
    energy: Callable[[Array, Array], Any], x: Array, weights: Array | None
) -> Array:
    """v_i = −(1/π_i) ∂E/∂x_i: steepest descent of E(x, π) in the Wasserstein metric; −n ∂E/∂x_i for uniform weights.

    Particles without weight get the limit, by a weight far below rounding; ∂E/∂x_i is proportional
    to π_i without any cancellation.
    """
    pi = (
        uniform(len(x))
        if weights is None
        else np.where(real(weights) > 0, real(weights), REAL(STEP))
    )
    return -gradient(lambda z: energy(z, pi), x) / pi[:, None]


def energy_velocity(
    x: Array, y: Array, weights: Array | None = None, target_weights: Array | None = None
) -> Array:
    """(W2)."""
    return descent_velocity(lambda z, pi: energy_distance(z, y, pi, target_weights), x, weights)


def mmd_velocity(
    x: Array,
    y: Array,
    bandwidth: float,
    weights: Array | None = None,
    target_weights: Array | None = None,
) -> Array:
    """(W3), for the squared discrepancy, of which (W2) is the case with kernel −‖x − y‖."""
    return descent_velocity(
        lambda z, pi: squared_mmd(z, y, bandwidth, pi, target_weights), x, weights
    )


def svgd_velocity(x: Array, score: Array, bandwidth: float, weights: Array | None = None) -> Array:
    """(W4): Σ_j π_j [k(x_j,x_i) s(x_j) + ∇_{x_j} k(x_j,x_i)], the kernel's gradient by the complex step."""
    pi = uniform(len(x)) if weights is None else real(weights)
    result = np.zeros(x.shape, dtype=REAL)
    for i, j in np.ndindex(len(x), len(x)):
        attraction = gaussian(real(x[j]), real(x[i]), REAL(bandwidth)) * real(score[j])
        repulsion = gradient(lambda z, i=i: gaussian(z, real(x[i]), REAL(bandwidth)), real(x[j]))
        result[i] += pi[j] * (attraction + repulsion)
    return result


# --------------------------------------------------------------------------------------------------


def median_bandwidth(x: Array, rule: str = "midpoint") -> float:
    """(K8): sqrt(median of the positive squared distances / 2); ``lower`` takes the lower of two middle values."""
    squared = sorted(
        s for a, b in itertools.combinations(real(x), 2) if (s := np.sum((a - b) ** 2)) > 0
    )
    low, high = squared[(len(squared) - 1) // 2], squared[len(squared) // 2]
    return float(np.sqrt((low if rule == "lower" else (low + high) / 2) / 2))


def mmd(
    x: Array,
    y: Array,
    bandwidth: float,
    weights: Array | None = None,
    target_weights: Array | None = None,
) -> float:
    """(Q1): square root of the biased estimate."""
    return float(np.sqrt(max(squared_mmd(x, y, bandwidth, weights, target_weights), REAL(0))))


def moment_residual(p: Problem) -> float:
    """(Q4): sqrt(Δᵀ F̂⁻¹ Δ)."""
    return float(np.sqrt(delta(p) @ solve(fisher(p), delta(p))))


def wasserstein_1d(x: Array, y: Array, pi: Array, rho: Array, order: float) -> float:
    """∫|Q_x(u) − Q_y(u)|^order du over the common refinement of the two step quantile functions; no root is taken."""
    levels = [np.minimum(np.cumsum(w[np.argsort(z)]), 1.0) for z, w in ((x, pi), (y, rho))]
    jumps = np.unique(np.concatenate([[0.0, 1.0], *levels]))
    total = 0.0
    for low, high in itertools.pairwise(jumps):
        middle = (low + high) / 2
        total += (high - low) * abs(_quantile(x, pi, middle) - _quantile(y, rho, middle)) ** order
    return float(total)


def _quantile(x: Array, weights: Array, level: float) -> float:
    order = np.argsort(x)
    place = np.searchsorted(np.cumsum(weights[order]), level)
    return float(x[order[min(place, len(x) - 1)]])


def sliced_wasserstein(
    x: Array,
    y: Array,
    directions: Array,
    order: float = 2,
    weights: Array | None = None,
    target_weights: Array | None = None,
) -> float:
    """(Q5): (mean over unit directions of the one-dimensional W_p^p)^(1/p)."""
    pi = np.full(len(x), 1 / len(x)) if weights is None else weights
    rho = np.full(len(y), 1 / len(y)) if target_weights is None else target_weights
    return float(
        np.mean([wasserstein_1d(x @ u, y @ u, pi, rho, order) for u in directions]) ** (1 / order)
    )


def log_ratio(points: Array, centers: Array, bandwidth: float, log_coefficients: Array) -> Array:
    """(Q3): log r(z) = log Σ_l α_l k(z, c_l)."""
    exponents = real(log_coefficients) - squared_distances(real(points), real(centers)) / (
        2 * REAL(bandwidth) ** 2
    )
    top = np.max(exponents, axis=1)
    return top + np.log(np.sum(np.exp(exponents - top[:, None]), axis=1))


def ratio_gap(
    x: Array, y: Array, bandwidth: float, log_coefficients: Array, pi: Array, rho: Array
) -> float:
    """Optimality gap of (Q3) with centres y: largest slope of the mean of log r along a feasible direction, max_l g_l − 1.

    Along r → (1−t) r + t ψ_l with ψ_l = k(·, c_l)/Σ_i π_i k(x_i, c_l), which keeps Σ_i π_i r(x_i) =
    1, the slope is Σ_j ρ_j ψ_l(y_j)/r(y_j) − 1.
    """
    s2 = 2 * REAL(bandwidth) ** 2
    mass = pi @ np.exp(-squared_distances(real(x), real(y)) / s2)
    bumps = np.exp(-squared_distances(real(y), real(y)) / s2) / mass
    ratio = np.exp(log_ratio(y, y, bandwidth, log_coefficients))
    return float(np.max(rho @ (bumps / ratio[:, None])) - 1)
