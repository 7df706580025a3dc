"""The condition on a sample under which its likelihood has a maximum."""

from __future__ import annotations

import math

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._parameters import Requirements, require

__all__ = ["differ", "require_fit"]


def differ(xp: Namespace, x: Array, weights: Array) -> Array:
    """Whether the points (..., n, d) of positive weight (n, 1) differ at all.

    Rounded means do not show it.
    """
    counted = weights > 0
    lowest = xp.min(xp.where(counted, x, xp.full_like(x, math.inf)), axis=-2)
    highest = xp.max(xp.where(counted, x, xp.full_like(x, -math.inf)), axis=-2)
    return xp.any(lowest < highest, axis=-1)


def require_fit(xp: Namespace, name: str, requirements: Requirements) -> None:
    """Raise :class:`DomainError` unless the samples x determine a member of the family."""
    article = "an" if name[0] in "aeiou" else "a"
    require(xp, requirements, "x", f"the samples that determine {article} {name}")
