"""The last step of a squared discrepancy: clip negative rounding, and reject overflow."""

from __future__ import annotations

import math

from ingd_ref.errors import NonFiniteError

__all__ = ["discrepancy"]


def discrepancy(value: float, name: str) -> float:
    """Return ``value``, at least zero.

    In exact arithmetic the quantity is a squared norm. It is computed as a difference of means that
    agree in their leading digits when the two clouds do, so rounding may leave a negative remainder
    of a few units in the last place of those means.
    """
    if not math.isfinite(value):
        raise NonFiniteError(f"the {name} is beyond the largest number")
    return max(float(value), 0.0)
