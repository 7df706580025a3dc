"""Formulas that Gaussian families share."""

from __future__ import annotations

import math
from typing import Protocol

from ingd_ref._special.cholesky import Factor
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._samples import moments

__all__ = [
    "conjugate",
    "entropy",
    "fisher_rao_distance",
    "fitted",
    "log_base_measure",
    "mean_shift",
]


class FreeCovariance(Protocol):
    """What these formulas ask of a family: d, and the Cholesky factor of the precision P."""

    @property
    def dimension(self) -> int: ...
    def _factor(self, xp: Namespace, theta: Array) -> Factor: ...


class Dimension(Protocol):
    """What the base measure asks of a family."""

    @property
    def dimension(self) -> int: ...


def log_base_measure(family: Dimension, xp: Namespace, x: Array) -> Array:
    """Logarithm of (2π)^(−d/2)."""
    return xp.full_like(x[..., 0], -0.5 * family.dimension * math.log(2.0 * math.pi))


def conjugate(family: FreeCovariance, xp: Namespace, theta: Array) -> Array:
    """½(log det P − d)."""
    return 0.5 * (family._factor(xp, theta).log_det() - family.dimension)


def entropy(family: FreeCovariance, xp: Namespace, theta: Array) -> Array:
    """½(d(1 + log 2π) − log det P)."""
    constant = family.dimension * (1.0 + math.log(2.0 * math.pi))
    return 0.5 * (constant - family._factor(xp, theta).log_det())


def fitted(xp: Namespace, name: str, x: Array, weights: Array) -> tuple[Array, Array]:
    """Return m/s² and −1/(2s²) (..., d) of samples (..., n, d)."""
    mean, _, variance, scale = moments(xp, name, x, weights)
    return mean * scale / variance * scale, -0.5 / variance * scale * scale


def mean_shift(xp: Namespace, theta1: Array, theta2: Array) -> Array:
    """Return m₁ − m₂ (..., d) of two members (Pm, −½P), P a number, as determinants in θ₁ and θ₂.

    The error is a few units in the last place, however close the means are.
    """
    last1, last2 = theta1[..., -1:], theta2[..., -1:]
    determinants = difference_of_products(xp, last1, theta2[..., :-1], theta1[..., :-1], last2)
    return determinants / (2.0 * last1 * last2)


def fisher_rao_distance(family: object, xp: Namespace, theta1: Array, theta2: Array) -> Array:
    """Return the Fisher-Rao distance of two members (Pm, −½P), P a number.

    The space is hyperbolic of curvature −1/(2d): the distance is 2√(2d) arsinh of half the chord,
    whose square is (‖m₁ − m₂‖²/(2d) + (s₁ − s₂)²)/(4s₁s₂) with P = 1/s².
    """
    shift, dim = mean_shift(xp, theta1, theta2), theta1.shape[-1] - 1
    last1, last2 = theta1[..., -1], theta2[..., -1]
    ratio = xp.sqrt(last1 / last2)  # s₂/s₁
    stretch = (last1 - last2) / last2 / (1.0 + ratio)  # s₂/s₁ − 1
    across = xp.sum(shift * shift, axis=-1) / dim * -last1
    square = 0.25 * (across + stretch * stretch) / ratio
    return 2.0 * math.sqrt(2.0 * dim) * xp.asinh(xp.sqrt(square))
