"""Batches of weighted samples: their checks and their moments."""

from __future__ import annotations

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.backend._operations import symmetrise
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.features import Features, require_features

__all__ = [
    "centred",
    "covariance",
    "pushed_statistics",
    "sample_batch",
    "sample_weights",
    "statistics",
    "weighted_mean",
    "without_each",
]


def sample_batch(
    x: Array,
    name: str,
    xp: Namespace,
    like: Array | None = None,
    shape: tuple[int, ...] | None = None,
) -> Array:
    """Return samples (..., n, d) in a floating-point type, all finite, of the shape if given."""
    x = _checks.as_array(x, name)
    if shape is not None and tuple(x.shape) != shape:
        raise ShapeError(f"{name} must have shape {shape}, got {tuple(x.shape)}")
    if x.ndim < 2:
        hint = f"; for one-dimensional samples pass {name}[:, None]" if x.ndim == 1 else ""
        raise ShapeError(f"{name} must have shape (..., n, d), got {tuple(x.shape)}{hint}")
    if 0 in x.shape:
        raise ShapeError(
            f"{name} must hold at least one sample with at least one coordinate, "
            f"got shape {tuple(x.shape)}"
        )
    return _checks.finite(_checks.real_array(x, name, xp, like), name, xp)


def sample_weights(weights: Array | None, xp: Namespace, like: Array) -> Array:
    """Return checked weights (..., n) of samples (..., n, d); one row (n,) suits a batch."""
    shape = tuple(like.shape[:-1])
    weights = None if weights is None else _checks.as_array(weights, "weights")
    if weights is None or weights.ndim == 1:
        row = _checks.weights(weights, "weights", shape[-1], xp, like)
        return xp.asarray(xp.broadcast_to(row, shape), copy=True)
    if tuple(weights.shape) != shape:
        raise ShapeError(
            f"weights must have shape ({shape[-1]},) or {shape}, got {tuple(weights.shape)}"
        )
    weights = _checks.finite(_checks.real_array(weights, "weights", xp, like), "weights", xp)
    if item(xp.any(weights < 0)):
        raise DomainError(
            f"weights must be non-negative, got a smallest entry of {item(xp.min(weights)):g}"
        )
    totals = xp.sum(weights, axis=-1, keepdims=True)
    worst = item(xp.max(xp.abs(totals - 1.0)))
    if worst > _checks.SUM_TOLERANCE:
        raise DomainError(
            f"each row of weights must sum to 1, one of them is off by {worst:g}; "
            "divide by the sums first"
        )
    return weights / totals


def without_each(xp: Namespace, weights: Array) -> Array:
    """Return π_i/(1 − π_i), the weight of a sample relative to all others."""
    if not item(xp.max(weights)) < 1.0 - float(xp.finfo(weights.dtype).eps):
        raise DomainError(
            "a standard error needs at least two samples of positive weight, at each time"
        )
    return weights / (1.0 - weights)


def statistics(xp: Namespace, features: Features, samples: Array, implementation: str) -> Array:
    """Return the statistics (..., n, b) of samples (..., n, d)."""
    require_features(features)
    values = features(xp.reshape(samples, (-1, samples.shape[-1])), implementation)
    return xp.reshape(values, (*samples.shape[:-1], values.shape[-1]))


def pushed_statistics(
    xp: Namespace, features: Features, samples: Array, velocities: Array, implementation: str
) -> tuple[Array, Array]:
    """Return the statistics and their rates ∇f(x_i)ᵀ v_i (P4), both (..., n, b)."""
    require_features(features)
    points, moves = (xp.reshape(array, (-1, samples.shape[-1])) for array in (samples, velocities))
    values, jacobian = features.values_and_jacobian(points, implementation)
    rates = xp.matmul(moves[:, None, :], jacobian)[:, 0, :]
    shape = (*samples.shape[:-1], values.shape[-1])
    return xp.reshape(values, shape), xp.reshape(rates, shape)


def weighted_mean(xp: Namespace, values: Array, weights: Array) -> Array:
    """Return Σ_i π_i f_i, shape (..., b)."""
    return xp.matmul(weights[..., None, :], values)[..., 0, :]


def centred(xp: Namespace, values: Array, weights: Array) -> Array:
    """Return the deviations f_i − f̄, shape (..., n, b)."""
    return values - weighted_mean(xp, values, weights)[..., None, :]


def covariance(xp: Namespace, deviations: Array, weights: Array) -> Array:
    """Return Σ_i π_i (f_i − f̄)(f_i − f̄)ᵀ, shape (..., b, b)."""
    weighted = xp.matrix_transpose(deviations * weights[..., None])
    return symmetrise(xp, xp.matmul(weighted, deviations))
