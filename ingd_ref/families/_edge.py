"""What happens to arguments and results at the public edge of a family: checks and copies before the formulas, roundings after them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ingd_ref import checks
from ingd_ref.backend import Array, Namespace
from ingd_ref.errors import ShapeError

__all__ = ["broadcastable", "matrix", "moved_inside", "rows"]


def rows(xp: Namespace, x: Array, label: str, length: int, like: Array | None = None) -> Array:
    """Return a finite floating copy of ``x`` whose last axis has the given length."""
    if x.ndim == 0 or x.shape[-1] != length:
        hint = f"; for one-dimensional points pass {label}[:, None]" if label == "x" and length == 1 and x.ndim == 1 else ""
        raise ShapeError(f"{label} must have shape (..., {length}), got {tuple(x.shape)}{hint}")
    return xp.asarray(checks.finite(checks.real_array(x, label, xp, like), label, xp), copy=True)


def broadcastable(**arrays: Array) -> None:
    """Raise :class:`ShapeError` unless the batch shapes (all axes but the last) broadcast."""
    try:
        np.broadcast_shapes(*(tuple(value.shape[:-1]) for value in arrays.values()))
    except ValueError:
        described = " and ".join(f"{name} {tuple(value.shape)}" for name, value in arrays.items())
        raise ShapeError(f"the batch shapes of {described} do not broadcast") from None


def matrix(xp: Namespace, entries: Sequence[Sequence[Array]]) -> Array:
    """Stack entries of shape (...) into matrices (..., r, c)."""
    return xp.stack([xp.stack(list(row), axis=-1) for row in entries], axis=-2)


def moved_inside(xp: Namespace, x: Array, lower: float, upper: float) -> Array:
    """Move points that rounded to an end of the open interval to the number next to it."""
    info = xp.finfo(x.dtype)
    if not math.isinf(lower):
        x = xp.clip(x, min=lower + max(float(info.smallest_normal), abs(lower) * float(info.eps)))
    if not math.isinf(upper):
        x = xp.clip(x, max=upper - max(float(info.smallest_normal), abs(upper) * float(info.eps) / 2))
    return x
