"""The conditions on a sample under which its likelihood has a maximum, and its central moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from operator import or_

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.errors import DomainError
from ingd_ref.families._parameters import Requirements

__all__ = [
    "at_index",
    "counted",
    "deviations",
    "moments",
    "plain",
    "reject_where",
    "require_different",
    "require_fit",
    "require_varied",
    "square_scale",
    "varied",
]

# Numbers outside of 2**±(LIMIT times the largest exponent) are multiplied by 2**±(POWER times it)
# before they are squared: 10**±100 and 2**±800 in float64. Then no square over- or underflows.
LIMIT, POWER = 332 / 1024, 800 / 1024


def counted(xp: Namespace, x: Array, weights: Array) -> tuple[Array, Array]:
    """Return points (..., n, d) and weights (n, 1) without points that do not count.

    Those of weight zero, or of a subnormal number, which has lost its digits, become copies of the
    heaviest point with weight zero.
    """
    good = weights >= xp.finfo(x.dtype).smallest_normal
    if item(xp.all(good)):
        return x, weights
    heaviest = item(xp.argmax(weights))
    x = xp.where(good, x, x[..., heaviest : heaviest + 1, :])
    return x, xp.where(good, weights, xp.zeros_like(weights))


def varied(xp: Namespace, x: Array) -> Array:
    """Whether the points (..., n, d) differ, by coordinate (..., d)."""
    return xp.min(x, axis=-2) < xp.max(x, axis=-2)


def deviations(xp: Namespace, x: Array, weights: Array) -> tuple[Array, Array]:
    """Return the mean (..., d) of points (..., n, d), and how far each point is from it.

    The second pass takes back what the rounding of the first mean and of the sum of the weights
    left, which is more than the deviations themselves where the points are close together.
    """
    first = xp.sum(weights * x, axis=-2, keepdims=True)
    apart = x - first
    rest = xp.sum(weights * apart, axis=-2, keepdims=True)
    return (first + rest)[..., 0, :], apart - rest


def square_scale(xp: Namespace, x: Array) -> Array:
    """Return powers of two (...), 1 for ordinary numbers, so that x times them can be squared."""
    exponent = round(math.log2(float(xp.finfo(x.dtype).max)))
    limit, power = 2.0 ** round(LIMIT * exponent), 2.0 ** round(POWER * exponent)
    size, one = xp.abs(x), xp.ones_like(x)
    return xp.where(
        size > limit, one / power, xp.where((size > 0) & (size < 1.0 / limit), one * power, one)
    )


def moments(
    xp: Namespace, name: str, x: Array, weights: Array
) -> tuple[Array, Array, Array, Array]:
    """Return the mean m (..., d), x − m (..., n, d), s² Σ w (x − m)² and s (..., d) of a sample.

    s are powers of two, 1 but for extreme numbers. Every coordinate must take two values.
    """
    mean = xp.sum(weights * x, axis=-2)
    deviation = x - mean[..., None, :]
    with np.errstate(over="ignore", invalid="ignore"):
        variance = xp.sum(weights * deviation**2, axis=-2)
        ordinary = plain(xp, mean, variance)
    if item(xp.all(ordinary)):
        return mean, deviation, variance, xp.ones_like(mean)
    require_varied(xp, name, x)
    mean, deviation = deviations(xp, x, weights)
    scale = square_scale(xp, xp.max(xp.abs(deviation), axis=-2))
    variance = xp.sum(weights * (deviation * scale[..., None, :]) ** 2, axis=-2)
    return mean, deviation, variance, scale


def plain(xp: Namespace, mean: Array, variance: Array) -> Array:
    """Whether the first pass over points gives their variance to nearly all digits.

    Then it is more than the rounding of the mean, and squares neither over- nor underflow.
    """
    info = xp.finfo(mean.dtype)
    eps = float(info.eps)
    least, most = float(info.smallest_normal) / eps**2, float(info.max) * eps**2
    return (variance > eps * mean**2) & (variance > least) & (variance < most)


def require_fit(xp: Namespace, name: str, requirements: Requirements) -> None:
    """Raise :class:`DomainError` unless the samples x determine a member of the family."""
    reject_where(xp, name, {f"{text} fails": ~good for text, good in requirements.items()})


def reject_where(xp: Namespace, name: str, reasons: Requirements) -> None:
    """Raise :class:`DomainError` for the first reason why samples determine no member (...)."""
    if not reasons or not item(xp.any(reduce(or_, reasons.values()))):
        return
    for reason, bad in reasons.items():
        if item(xp.any(bad)):
            place = at_index(_checks.first_false(xp, ~bad))
            raise DomainError(f"x{place} determines no {name}: {reason}")


def at_index(index: Sequence[int]) -> str:
    """Return the words that name a place in a batch, none if there is no batch."""
    return f" at batch index {tuple(index)}" if index else ""


def require_different(xp: Namespace, name: str, x: Array) -> None:
    """Raise :class:`DomainError` unless the points of x (..., n, d) are not all the same."""
    same = ~xp.any(varied(xp, x), axis=-1)
    reject_where(xp, name, {"all points that have weight are the same": same})


def require_varied(xp: Namespace, name: str, x: Array, evident: Array | None = None) -> None:
    """Raise :class:`DomainError` unless every coordinate of x (..., n, d) takes two values.

    Points are exact: two that differ in their last digit do differ. The points are not looked at
    where it is ``evident`` everywhere.
    """
    if evident is not None and item(xp.all(evident)):
        return
    good = varied(xp, x)
    if item(xp.all(good)):
        return
    *batch, column = _checks.first_false(xp, good)
    value = item(x[(*batch, 0, column)])
    raise DomainError(
        f"x{at_index(batch)} determines no {name}: coordinate {column} is {value:g} in every point "
        "that has weight"
    )
