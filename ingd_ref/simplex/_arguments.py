"""Checks of probabilities and tangent vectors: an error names the argument, the point and the cell."""

from __future__ import annotations

import math

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.errors import DomainError, ShapeError

__all__ = [
    "beside",
    "distribution",
    "measure",
    "of_point",
    "place",
    "positive_cells",
    "sums_to",
    "tangent",
]


def measure(
    u: Array, name: str, xp: Namespace, cells: int | None = None, like: Array | None = None
) -> Array:
    """Return ``u`` as floating numbers (..., n), all finite; n = ``cells`` if given."""
    expected = f"(..., {cells if cells is not None else 'n'})"
    if u.ndim < 1 or math.prod(u.shape) == 0 or (cells is not None and u.shape[-1] != cells):
        raise ShapeError(f"{name} must have shape {expected}, got {tuple(u.shape)}")
    if like is not None:
        beside(u, name, like)
    return _checks.finite(_checks.real_array(u, name, xp, like), name, xp)


def beside(u: Array, name: str, other: Array) -> None:
    """Raise :class:`ShapeError` unless the leading axes of ``u`` broadcast with those of ``other``."""
    batch, wanted = tuple(u.shape[:-1]), tuple(other.shape[:-1])
    if any(
        a != b and 1 not in (a, b) for a, b in zip(reversed(batch), reversed(wanted), strict=False)
    ):
        raise ShapeError(
            f"{name} has batch shape {batch}, which does not broadcast with the batch shape {wanted} of what comes before it"
        )


def positive_cells(p: Array, name: str, xp: Namespace, closed: bool = False) -> None:
    """Raise :class:`DomainError` at the first cell that is not positive; ``closed`` admits zero."""
    good = p >= 0 if closed else p > 0
    if item(xp.all(good)):
        return
    cell, point = place(xp, good)
    value = item(p[(*point, cell)])
    raise DomainError(
        f"{name} must be {'non-negative' if closed else 'positive'}, but cell {cell}{of_point(point)} is {value:g}"
    )


def sums_to(u: Array, name: str, xp: Namespace, total: float, allowed: Array | float) -> None:
    """Raise :class:`DomainError` at the first vector whose entries do not sum to ``total`` within ``allowed``."""
    sums = xp.sum(u, axis=-1)
    good = xp.abs(sums - total) <= allowed
    if item(xp.all(good)):
        return
    last, point = place(xp, good) if good.ndim else (None, ())
    point = point if last is None else (*point, last)
    raise DomainError(
        f"{name} must sum to {total:g}, but the sum{of_point(point)} is {item(sums[point] if point else sums):g}"
    )


def distribution(
    p: Array,
    name: str,
    xp: Namespace,
    cells: int | None = None,
    like: Array | None = None,
    closed: bool = False,
) -> Array:
    """Return probabilities (..., n), positive and with the rounding of their sum divided out; ``closed`` admits zeros."""
    p = measure(p, name, xp, cells, like)
    positive_cells(p, name, xp, closed)
    sums_to(p, name, xp, 1.0, _checks.SUM_TOLERANCE)
    return p / xp.sum(p, axis=-1, keepdims=True)


def tangent(u: Array, name: str, xp: Namespace, cells: int, like: Array) -> Array:
    """Return a signed measure (..., n) that sums to zero within rounding.

    It may be a difference of probabilities, so that besides its own size that of probabilities
    counts: n roundings of numbers up to one.
    """
    u = measure(u, name, xp, cells, like)
    rounding = cells * float(xp.finfo(u.dtype).eps)
    sums_to(u, name, xp, 0.0, _checks.SUM_TOLERANCE * xp.sum(xp.abs(u), axis=-1) + rounding)
    return u


def place(xp: Namespace, good: Array) -> tuple[int, tuple[int, ...]]:
    """Last index, and the indices before it, of the first entry that is false."""
    first = item(xp.argmin(xp.astype(xp.reshape(good, (-1,)), xp.int32)))
    place = []
    for length in reversed(good.shape):
        first, index = divmod(first, length)
        place.append(index)
    return place[0], tuple(reversed(place[1:]))


def of_point(point: tuple[int, ...]) -> str:
    return f" of point {point if len(point) > 1 else point[0]}" if point else ""
