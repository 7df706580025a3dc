"""Weighted moments of statistics: the F̂ and Δ of sections 3 and 4."""

from __future__ import annotations

from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.errors import DomainError

__all__ = ["covariance_factor", "mean_difference", "weighted_covariance", "weighted_mean"]


def weighted_mean(xp: Namespace, values: Array, weights: Array) -> Array:
    """Σ_i π_i f(x_i), shape (b,)."""
    return xp.matmul(weights, values)


def mean_difference(
    xp: Namespace, target_values: Array, target_weights: Array, values: Array, weights: Array
) -> Array:
    """Δ = E_p f − E_q f (E9), shape (b,).

    Both means are taken about the mean of the particles, so that statistics far from zero do not
    cancel twice.
    """
    center = weighted_mean(xp, values, weights)
    return weighted_mean(xp, target_values - center, target_weights) - weighted_mean(
        xp, values - center, weights
    )


def weighted_covariance(xp: Namespace, values: Array, weights: Array, ddof: int) -> Array:
    """F̂ = Σ_i π_i (f_i − f̄)(f_i − f̄)ᵀ / (1 − ddof Σ_i π_i²), shape (b, b), from (E3).

    With uniform weights the divisor turns 1/n into 1/(n − ddof): ``ddof=0`` is the covariance of
    the weighted sample itself, ``ddof=1`` the unbiased estimate.
    """
    centred = values - weighted_mean(xp, values, weights)
    return xp.matmul(xp.matrix_transpose(centred * weights[:, None]), centred) / _divisor(
        xp, values, weights, ddof
    )


def covariance_factor(xp: Namespace, values: Array, weights: Array, ddof: int) -> Array:
    """Φ (b, n) with ΦΦᵀ = F̂: its columns are the centred statistics times √π_i."""
    centred = values - weighted_mean(xp, values, weights)
    return xp.matrix_transpose(
        centred * xp.sqrt(weights / _divisor(xp, values, weights, ddof))[:, None]
    )


def _divisor(xp: Namespace, values: Array, weights: Array, ddof: int) -> float:
    """1 − ddof Σ_i π_i²."""
    divisor = 1.0 - ddof * item(xp.sum(weights * weights)) if ddof else 1.0
    if not divisor > xp.finfo(values.dtype).eps:
        raise DomainError("ddof=1 needs at least two particles of positive weight; use ddof=0")
    return float(divisor)
