"""Formulas of the Gaussian families with a covariance matrix that is free, as methods."""

from __future__ import annotations

import math
from typing import Protocol

from ingd_ref._special.cholesky import Factor
from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["conjugate", "entropy", "log_base_measure"]


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
