"""Functions of Gaussian predictors, and their expectations with error estimates."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace, to_backend

__all__ = [
    "ROUNDINGS",
    "Estimated",
    "Integrals",
    "Method",
    "Predictors",
    "Terms",
    "rounding_of",
    "target",
    "third_derivative",
]

# Units of rounding of a term, of its weight, and of the sum.
ROUNDINGS = 16.0


class Terms(NamedTuple):
    """φ_i(t), φ_i′(t) and −φ_i″(t) at predictors t of any shape (..., n, k)."""

    value: Array
    slope: Array
    bend: Array


class Predictors(NamedTuple):
    """Predictors t_i ~ N(mean, deviation²) (..., n), and the terms that depend on them.

    ``knots`` (..., n, j) are predictors at which the terms may bend sharply.
    """

    terms: Callable[[Array], Terms]
    mean: Array
    deviation: Array
    knots: Array


class Integrals(NamedTuple):
    """Expectations of the three terms, along the last axis of arrays (..., n, 3).

    ``error`` estimates how far ``mean`` is off apart from rounding, and ``rounding`` how far
    rounding moves it.
    """

    mean: Array
    error: Array
    rounding: Array


class Estimated(NamedTuple):
    """Expectations (..., n, 3), and a function that computes them with their errors."""

    mean: Array
    judged: Callable[[], Integrals]


# A method of quadrature.
Method = Callable[[Predictors], Estimated]


def rounding_of(xp: Namespace, given: Predictors, size: Array, third: Array) -> Array:
    """Return the rounding errors of expectations.

    A term has some units of rounding itself, and those of t times its derivative. The expectations
    of the absolute values are ``size`` (..., n, 3) for the terms and ``third`` (..., n) for φ_i‴.
    """
    derivative = xp.stack([size[..., 1], size[..., 2], third], axis=-1)
    place = (xp.abs(given.mean) + given.deviation)[..., None]
    return float(xp.finfo(size.dtype).eps) * (ROUNDINGS * size + place * derivative)


def third_derivative(
    xp: Namespace, bend: Array, nodes: np.ndarray, weights: np.ndarray, deviation: Array
) -> Array:
    """Return E|φ_i‴| (..., n) from the differences of φ_i″ (..., n, k) between nodes (k,)."""
    slopes = to_backend((weights[1:] / np.diff(nodes))[:, None], like=bend)
    found = xp.matmul(xp.abs(bend[..., 1:] - bend[..., :-1]), slopes)[..., 0]
    wide = deviation > 0
    return xp.where(wide, found / xp.where(wide, deviation, xp.ones_like(deviation)), 0.0 * found)


def target(xp: Namespace, dtype: object) -> float:
    """Return the relative error that quadrature aims at: 1e-13, or some units of rounding."""
    return max(1e-13, 32.0 * float(xp.finfo(dtype).eps))
