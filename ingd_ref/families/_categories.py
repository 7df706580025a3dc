"""What the families on finitely many categories share: points of the simplex, and the moments of indicators under them."""

from __future__ import annotations

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.exponential import other_sums, with_reference
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.backend._operations import softmax
from ingd_ref.families._parameters import Constraint, require

__all__ = [
    "SIMPLEX",
    "example_probabilities",
    "indicator_covariance",
    "indicator_third_cumulant",
    "inverse_indicator_covariance",
    "inverse_probability_jacobian",
    "invertible_probabilities",
    "third_moment",
]

# Weights that a caller has normalised sum to one within rounding; see the checks of weights
# elsewhere.
SIMPLEX = Constraint(
    "positive and sum to one",
    lambda xp, value: (
        xp.all(value > 0, axis=-1) & (xp.abs(xp.sum(value, axis=-1) - 1.0) < _checks.SUM_TOLERANCE)
    ),
)


def example_probabilities(categories: int) -> np.ndarray:
    """Three points of the simplex (3, K): its centre, and two that prefer the first and the last category."""
    rising = np.arange(1.0, categories + 1.0)
    return np.stack(
        [
            np.full(categories, 1.0 / categories),
            rising / rising.sum(),
            rising[::-1] ** 2 / np.sum(rising**2),
        ]
    )


def invertible_probabilities(xp: Namespace, theta: Array, name: str) -> Array:
    """Probabilities of which each has a reciprocal, and a few of those a sum, in the floating type."""
    p = softmax(xp, with_reference(xp, theta))
    smallest = 4.0 * float(xp.finfo(theta.dtype).smallest_normal)
    invertible = {"every probability > 0 in this precision": xp.all(p > smallest, axis=-1)}
    require(
        xp,
        invertible,
        "theta",
        f"the members of {name} whose Fisher information has an inverse",
        theta,
    )
    return p


def indicator_covariance(xp: Namespace, p: Array) -> Array:
    """Covariance diag(p_i) − p_i p_j of all indicators but the last, with p_i (1 − p_i) from the sum of the other probabilities."""
    others, q = other_sums(xp, p)[..., :-1], p[..., :-1]
    one = xp.eye(q.shape[-1], dtype=p.dtype, device=device(p))
    return one * (q * others)[..., None] - (1.0 - one) * q[..., :, None] * q[..., None, :]


def inverse_indicator_covariance(xp: Namespace, p: Array) -> Array:
    """Inverse diag(1/p_i) + 1/p_K of :func:`indicator_covariance`."""
    one = xp.eye(p.shape[-1] - 1, dtype=p.dtype, device=device(p))
    return one / p[..., :-1, None] + 1.0 / p[..., -1:, None]


def inverse_probability_jacobian(xp: Namespace, p: Array) -> Array:
    """Jacobian ∂ log(p_i/p_K)/∂p_j (..., K − 1, K)."""
    one = xp.eye(p.shape[-1], dtype=p.dtype, device=device(p))
    return (one[:-1, :] - one[-1:, :]) / p[..., None, :]


def indicator_third_cumulant(xp: Namespace, p: Array) -> Array:
    """Σ_k p_k c_k ⊗ c_k ⊗ c_k, c_k the centred indicators of all categories but the last."""
    number = p.shape[-1] - 1
    indicators = xp.eye(p.shape[-1], dtype=p.dtype, device=device(p))[:, :-1]
    return third_moment(xp, p, indicators - p[..., None, :number])


def third_moment(xp: Namespace, p: Array, centred: Array) -> Array:
    """Σ_k p_k c_k ⊗ c_k ⊗ c_k for centred statistics c (..., K, b)."""
    batch, number = tuple(p.shape[:-1]), centred.shape[-1]
    pairs = xp.reshape(
        centred[..., :, None] * centred[..., None, :], (*batch, p.shape[-1], number * number)
    )
    weighted = xp.matrix_transpose(p[..., None] * centred)
    return xp.reshape(xp.matmul(weighted, pairs), (*batch, number, number, number))
