"""The condition on a sample under which its likelihood has a maximum."""

from __future__ import annotations

import math

from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["differ"]


def differ(xp: Namespace, x: Array, weights: Array) -> Array:
    """Whether the points (..., n, d) of positive weight (n, 1) differ at all.

    Rounded means do not show it.
    """
    counted = weights > 0
    lowest = xp.min(xp.where(counted, x, xp.full_like(x, math.inf)), axis=-2)
    highest = xp.max(xp.where(counted, x, xp.full_like(x, -math.inf)), axis=-2)
    return xp.any(lowest < highest, axis=-1)
