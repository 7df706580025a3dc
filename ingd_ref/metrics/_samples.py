"""Checks of two weighted samples."""

from __future__ import annotations

from typing import NamedTuple

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["Samples", "two_samples"]


class Samples(NamedTuple):
    """Points (n, d) and (m, d) with their weights π and ρ."""

    x: Array
    y: Array
    weights: Array
    target_weights: Array


def two_samples(
    xp: Namespace, x: Array, y: Array, weights: Array | None, target_weights: Array | None
) -> Samples:
    """Return both samples in the floating-point type of x, and weights that sum to one."""
    x = _checks.points(x, "x", xp)
    y = _checks.points(y, "y", xp, dim=x.shape[1], like=x)
    weights = _checks.weights(weights, "weights", x.shape[0], xp, x)
    return Samples(
        x, y, weights, _checks.weights(target_weights, "target_weights", y.shape[0], xp, y)
    )
