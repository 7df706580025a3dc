"""Independent oracles of particles: one point, one pair, one sum at a time.

The velocities (K1)-(K7) are the literal equations as :mod:`ingd_ref.conformance` evaluates them,
which share no code with the kernels of the package (a test in tests/laws holds them to that).
Baselines, discrepancies and bandwidths are those of `validation.oracles.particles` at eighty
digits. Only (Q3) and (Q5) stand here, in ``numpy.longdouble`` where that helps (64-bit mantissa on
x86, about three digits more than the code that is judged).
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
from validation.oracles import particles
from validation.oracles.precise import precise

__all__ = [
    "COMPLEX",
    "REAL",
    "STEP",
    "Array",
    "Problem",
    "Solution",
    "coordinate_problems",
    "delta",
    "design",
    "energy_distance",
    "energy_velocity",
    "fisher",
    "gaussian",
    "gram",
    "king",
    "king_coordinatewise",
    "log_ratio",
    "masked",
    "mean_statistics",
    "median_bandwidth",
    "mmd_velocity",
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


def exactly(oracle: Callable[..., Any]) -> Callable[..., Array]:
    """Let an oracle of exact numbers take samples in floats, whose weights may be left out."""

    def value(x: Array, y: Array, *rest: Any) -> Array:
        arguments = [part for part in rest if part is None or np.ndim(part)]
        weights, target_weights = [*arguments, None, None][:2]
        options = [part for part in rest if part is not None and not np.ndim(part)]
        pi, rho = _weights(weights, x), _weights(target_weights, y)
        return np.asarray(oracle(precise(x), precise(y), pi, rho, *options), dtype=float)

    return value


def _weights(given: Array | None, points: Array) -> Array:
    return precise(np.ones(len(points))) / len(points) if given is None else precise(given)


energy_velocity = exactly(particles.energy_velocity)  # (W2)
mmd_velocity = exactly(particles.mmd_velocity)  # (W3)
wgf_velocity = exactly(particles.wgf_velocity)  # (W1)
energy_distance = exactly(lambda *a: particles.energy(*a, particles.distance))  # (Q2)
squared_mmd = exactly(particles.squared_mmd)  # (Q1), squared


def svgd_velocity(x: Array, score: Array, bandwidth: float, weights: Array | None = None) -> Array:
    """(W4)."""
    pi = _weights(weights, x)
    return particles.svgd_velocity(precise(x), pi, precise(score), bandwidth).astype(float)


def median_bandwidth(x: Array, rule: str = "midpoint") -> float:
    """(K8)."""
    return float(particles.median_bandwidth(precise(x), rule))


# --------------------------------------------------------------------------------------------------


def squared_distances(x: Array, y: Array) -> Array:
    return np.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=2)


def wasserstein_1d(x: Array, y: Array, pi: Array, rho: Array, order: float) -> float:
    """∫|Q_x(u) − Q_y(u)|^order du over the common steps of both quantile functions; no root."""
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
    """Optimality gap of (Q3) with centres y: the largest slope of the mean of log r, max_l g_l − 1.

    Along r → (1−t) r + t ψ_l with ψ_l = k(·, c_l)/Σ_i π_i k(x_i, c_l), which keeps Σ_i π_i r(x_i) =
    1, the slope is Σ_j ρ_j ψ_l(y_j)/r(y_j) − 1.
    """
    s2 = 2 * REAL(bandwidth) ** 2
    mass = pi @ np.exp(-squared_distances(real(x), real(y)) / s2)
    bumps = np.exp(-squared_distances(real(y), real(y)) / s2) / mass
    ratio = np.exp(log_ratio(y, y, bandwidth, log_coefficients))
    return float(np.max(rho @ (bumps / ratio[:, None])) - 1)
