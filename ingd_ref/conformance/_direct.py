"""The equations (K2)-(K4) evaluated for the eye: one point, one pair, one sum at a time.

Sums and products run in extended precision and share no code with the kernels of the package.
Symbols follow the documentation: particles x with weights π, target samples y with weights ρ,
statistics f with Jacobian ∇f of shape (d, b), matrix kernel K of shape (d, d), F̂ the covariance of
f, G the Gram matrix of (K3), Δ = E_p f − E_q f.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ingd_ref.conformance._matrix_kernels import ScalarKernel
from ingd_ref.conformance._precision import REAL, Array, real
from ingd_ref.conformance._problem import Problem, Solution, masked
from ingd_ref.conformance._statistics import Statistics

__all__ = [
    "coordinate_problems",
    "delta",
    "design",
    "fisher",
    "gram",
    "king",
    "king_coordinatewise",
    "mean_statistics",
    "regulariser",
    "solve",
]


def mean_statistics(features: Statistics, points: Array, weights: Array) -> Array:
    return real(
        np.sum(
            [w * features.value(point) for w, point in zip(weights, real(points), strict=True)],
            axis=0,
        )
    )


def delta(p: Problem) -> Array:
    """Δ = Σ_j ρ_j f(y_j) − Σ_i π_i f(x_i)."""
    return mean_statistics(p.features, p.y, p.rho) - mean_statistics(p.features, p.x, p.pi)


def fisher(p: Problem) -> Array:
    """F̂ = Σ_i π_i (f_i − f̄)(f_i − f̄)ᵀ / (1 − ddof·Σπ²), which is the usual n − ddof for uniform weights."""
    center = mean_statistics(p.features, p.x, p.pi)
    centred = [p.features.value(x) - center for x in real(p.x)]
    total = np.sum([w * np.outer(f, f) for w, f in zip(p.pi, centred, strict=True)], axis=0)
    return real(total / (1 - p.ddof * np.sum(p.pi**2)))


def gram(p: Problem) -> Array:
    """(K3), the double sum as it stands: G = Σ_ij π_i π_j ∇f(x_i)ᵀ K(x_i,x_j) ∇f(x_j)."""
    total = np.zeros((len(p.jacobians[0].T),) * 2, dtype=REAL)
    for i, j in np.ndindex(len(p.x), len(p.x)):
        total += p.pi[i] * p.pi[j] * p.jacobians[i].T @ (p.kernels[i, j] @ p.jacobians[j])
    return total


def design(p: Problem, points: Array) -> Array:
    """(K2): matrices U with v(z) = U(z) c, U(z) = Σ_i π_i K(z,x_i) ∇f(x_i); shape (points, d, b)."""
    rows = []
    for z in real(points):
        rows.append(
            sum(
                w * masked(p.kernel(z, x), p.mask) @ df
                for w, x, df in zip(p.pi, real(p.x), p.jacobians, strict=True)
            )
        )
    return real(rows)


def regulariser(p: Problem) -> Array:
    """λF̂ + εI of (K1)."""
    statistics = fisher(p)
    return REAL(p.ridge) * statistics + REAL(p.jitter) * np.eye(len(statistics), dtype=REAL)


def king(p: Problem) -> Solution:
    """Velocity, coefficients and diagnostics of (K2)-(K4)."""
    if p.kernel.coordinatewise:
        return king_coordinatewise(p)
    difference, total = delta(p), gram(p)
    c = solve(total + regulariser(p), difference)
    return Solution(
        design(p, p.x) @ c,
        c,
        fisher(p),
        total,
        difference,
        total @ c,
        lambda points: design(p, points) @ c,
    )


def coordinate_problems(p: Problem) -> list[Problem]:
    """The problems, one for each coordinate that moves, that the coordinate-wise variant of (K6) solves."""
    moving = [a for a in range(p.dim) if p.mask is None or p.mask[a]]
    plain = ScalarKernel(p.kernel.bandwidth)
    return [p.change(kernel=plain, mask=np.arange(p.dim) == a) for a in moving]


def king_coordinatewise(p: Problem, one_system: Callable[[Problem], Solution] = king) -> Solution:
    """The coordinate-wise variant of (K6): the velocity along each axis is that of a problem in which only this axis moves."""
    parts = [one_system(part) for part in coordinate_problems(p)]
    coefficients = np.zeros((p.dim, len(parts[0].delta)), dtype=REAL)
    for part, problem in zip(parts, coordinate_problems(p), strict=True):
        coefficients[int(np.argmax(real(problem.mask)))] = part.coefficients
    return Solution(
        velocity=np.sum([part.velocity for part in parts], axis=0),
        coefficients=coefficients,
        fisher=parts[0].fisher,
        gram=np.sum([part.gram for part in parts], axis=0),
        delta=parts[0].delta,
        moment_rate=np.sum([part.moment_rate for part in parts], axis=0),
        field=lambda points: np.sum([part.field(points) for part in parts], axis=0),
    )


def solve(matrix: Array, rhs: Array) -> Array:
    """Gaussian elimination with row exchanges, in extended precision."""
    a = np.column_stack([real(matrix), real(rhs)])
    size = len(a)
    for k in range(size):
        pivot = k + int(np.argmax(np.abs(a[k:, k])))
        if a[pivot, k] == 0:
            raise ArithmeticError("the matrix is singular")
        a[[k, pivot]] = a[[pivot, k]]
        a[k + 1 :] -= np.outer(a[k + 1 :, k] / a[k, k], a[k])
    for k in reversed(range(size)):
        a[k, size] = (a[k, size] - a[k, k + 1 : size] @ a[k + 1 :, size]) / a[k, k]
    return a[:, size]
