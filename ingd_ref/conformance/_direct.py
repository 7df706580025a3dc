"""The velocity of (K2)-(K4) from the literal equations, in extended precision.

Nothing is shared with the kernels of the package. Symbols follow the documentation: particles x
with weights π, target samples y with weights ρ, statistics f with Jacobian ∇f of shape (d, b),
matrix kernel K of shape (d, d), F̂ the covariance of f, G the Gram matrix of (K3),
Δ = E_p f − E_q f.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ingd_ref.conformance._precision import REAL, Array, real
from ingd_ref.conformance._problem import Problem, Solution, masked
from ingd_ref.equations import particles, statistics
from ingd_ref.equations._numbers import solve
from ingd_ref.features import Features

__all__ = [
    "coordinate_problems",
    "delta",
    "design",
    "design_at_particles",
    "fisher",
    "gram",
    "king",
    "king_coordinatewise",
    "mean_statistics",
    "regulariser",
    "solve",
]


#: A law evaluates a problem and a few variations of it.
CACHED = 64


def mean_statistics(features: Features, points: Array, weights: Array) -> Array:
    """E f."""
    return real(statistics.mean(real(points), lambda z: features.definition(z)[0], weights))


def delta(p: Problem) -> Array:
    """Δ = Σ_j ρ_j f(y_j) − Σ_i π_i f(x_i)."""
    return mean_statistics(p.features, p.y, p.rho) - mean_statistics(p.features, p.x, p.pi)


@functools.lru_cache(maxsize=CACHED)
def fisher(p: Problem) -> Array:
    """F̂ = Σ_i π_i (f_i − f̄)(f_i − f̄)ᵀ / (1 − ddof Σπ²): n − ddof for uniform weights."""
    covariance = statistics.covariance(range(len(p.x)), p.values.__getitem__, p.pi)
    return real(covariance / (1 - p.ddof * np.sum(p.pi**2)))


@functools.lru_cache(maxsize=CACHED)
def gram(p: Problem) -> Array:
    """G = Σ_ij π_i π_j ∇f(x_i)ᵀ K(x_i,x_j) ∇f(x_j), the double sum of (K3)."""
    pairs = range(len(p.x)), p.jacobians.__getitem__, lambda i, j: p.kernels[i, j]
    return real(particles.gram(*pairs, p.pi))


def design(p: Problem, points: Array) -> Array:
    """U with v(z) = U(z) c (K2), shape (points, d, b): the field of unit coefficients."""
    x = real(p.x)

    def kernel(z: Array, i: int) -> Any:
        return masked(p.kernel.definition(z, x[i]), p.mask)

    return _unit_fields(p, real(points), kernel)


@functools.lru_cache(maxsize=CACHED)
def design_at_particles(p: Problem) -> Array:
    """U(x_j) of :func:`design`, from the matrices that :func:`gram` needs too."""
    return _unit_fields(p, range(len(p.x)), lambda j, i: p.kernels[j, i])


def _unit_fields(p: Problem, points: Iterable[Any], kernel: Callable[[Any, int], Any]) -> Array:
    unit = np.eye(len(p.values[0]), dtype=int)
    sources = range(len(p.x)), p.jacobians.__getitem__, kernel, p.pi
    return real([particles.field(z, *sources, unit) for z in points])


def regulariser(p: Problem) -> Array:
    """λF̂ + εI of (K1)."""
    return real(statistics.regulariser(fisher(p), REAL(p.ridge), REAL(p.jitter)))


def king(p: Problem) -> Solution:
    """Return velocity, coefficients and diagnostics of (K2)-(K4)."""
    if p.kernel.coordinatewise:
        return king_coordinatewise(p)
    difference, total = delta(p), gram(p)
    c = solve(total + regulariser(p), difference)
    return Solution(
        design_at_particles(p) @ c,
        c,
        fisher(p),
        total,
        difference,
        total @ c,
        lambda points: design(p, points) @ c,
    )


def coordinate_problems(p: Problem) -> list[Problem]:
    """Return the problems of the coordinate-wise variant of (K6), one for each free coordinate."""
    moving = [a for a in range(p.dim) if p.mask is None or p.mask[a]]
    plain = replace(p.kernel, coordinatewise=False)
    return [p.change(kernel=plain, mask=np.arange(p.dim) == a) for a in moving]


def king_coordinatewise(p: Problem, one_system: Callable[[Problem], Solution] = king) -> Solution:
    """Solve the coordinate-wise variant of (K6): along each axis, only this axis moves."""
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
