"""Checks of probabilities and tangent vectors; an error names the argument, the point and the cell.

Each check looks at an array once. Only where it fails does a second look find the fault to name.
"""

from __future__ import annotations

import math

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, item, to_backend
from ingd_ref.errors import DomainError, ShapeError

__all__ = [
    "constant",
    "distribution",
    "measure",
    "of_point",
    "place",
    "positive_cells",
    "require_broadcast",
    "sums_to",
    "tangent",
]


def measure(
    u: Array, name: str, xp: Namespace, cells: int | None = None, like: Array | None = None
) -> Array:
    """Return ``u`` (..., n) in a floating-point type, all finite; n = ``cells`` if given."""
    return _checks.finite(_shaped(u, name, xp, cells, like), name, xp)


def distribution(
    p: Array,
    name: str,
    xp: Namespace,
    cells: int | None = None,
    like: Array | None = None,
    closed: bool = False,
) -> Array:
    """Return probabilities (..., n) divided by their sums; ``closed`` admits zeros."""
    p = _shaped(p, name, xp, cells, like)
    # NaN is not positive, and the sum of an infinity is not one.
    if not item(xp.all(p >= 0 if closed else p > 0)):
        _checks.finite(p, name, xp)
        positive_cells(p, name, xp, closed)
    totals = xp.sum(p, axis=-1, keepdims=True)
    if not item(xp.all(xp.abs(totals - 1.0) <= _checks.SUM_TOLERANCE)):
        _checks.finite(p, name, xp)
        sums_to(p, name, xp, 1.0, _checks.SUM_TOLERANCE)
    return p / totals


def tangent(u: Array, name: str, xp: Namespace, cells: int, like: Array) -> Array:
    """Return a signed measure (..., n) that sums to zero up to rounding."""
    u = _shaped(u, name, xp, cells, like)
    size = xp.sum(xp.abs(u), axis=-1)
    if not item(xp.all(size < math.inf)):
        _checks.finite(u, name, xp)
    # It may be a difference of probabilities, whose n roundings count besides those of its own.
    rounding = cells * float(xp.finfo(u.dtype).eps)
    sums_to(u, name, xp, 0.0, _checks.SUM_TOLERANCE * size + rounding)
    return u


def require_broadcast(u: Array, name: str, other: Array) -> None:
    """Raise ShapeError unless the leading axes of ``u`` broadcast with those of ``other``."""
    batch, wanted = tuple(u.shape[:-1]), tuple(other.shape[:-1])
    pairs = zip(reversed(batch), reversed(wanted), strict=False)
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        raise ShapeError(
            f"{name} has batch shape {batch}, which does not broadcast with the batch shape "
            f"{wanted} of the arguments before it"
        )


def positive_cells(p: Array, name: str, xp: Namespace, closed: bool = False) -> None:
    """Raise DomainError at the first cell that is not positive; ``closed`` admits zero."""
    good = p >= 0 if closed else p > 0
    if item(xp.all(good)):
        return
    cell, point = place(xp, good)
    kind, value = "non-negative" if closed else "positive", item(p[(*point, cell)])
    raise DomainError(f"{name} must be {kind}, but cell {cell}{of_point(point)} is {value:g}")


def sums_to(u: Array, name: str, xp: Namespace, total: float, allowed: Array | float) -> None:
    """Raise DomainError at the first vector that does not sum to ``total`` within ``allowed``."""
    sums = xp.sum(u, axis=-1)
    good = xp.abs(sums - total) <= allowed
    if item(xp.all(good)):
        return
    last, point = place(xp, good) if good.ndim else (None, ())
    point = point if last is None else (*point, last)
    found = item(sums[point] if point else sums)
    raise DomainError(f"{name} must sum to {total:g}, but the sum{of_point(point)} is {found:g}")


def constant(table: np.ndarray, like: Array) -> Array:
    """Return a table of a model in the library, device and type of ``like``, without a copy."""
    if isinstance(like, np.ndarray) and table.dtype in (like.dtype, np.int64):
        table.flags.writeable = False
        return table
    return to_backend(table, like)


def place(xp: Namespace, good: Array) -> tuple[int, tuple[int, ...]]:
    """Return the last index, and the indices before it, of the first entry that is false."""
    *point, cell = _checks.first_false(xp, good)
    return cell, tuple(point)


def of_point(point: tuple[int, ...]) -> str:
    return f" of point {point if len(point) > 1 else point[0]}" if point else ""


def _shaped(u: Array, name: str, xp: Namespace, cells: int | None, like: Array | None) -> Array:
    """Return ``u`` (..., n) in a floating-point type, that of ``like`` if given."""
    u = _checks.as_array(u, name)
    if u.ndim < 1 or 0 in u.shape or (cells is not None and u.shape[-1] != cells):
        expected = f"(..., {cells if cells is not None else 'n'})"
        raise ShapeError(f"{name} must have shape {expected}, got {tuple(u.shape)}")
    if like is not None:
        require_broadcast(u, name, like)
    return _checks.real_array(u, name, xp, like)
