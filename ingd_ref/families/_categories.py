"""Formulas of the families on finitely many categories, categorical and multinomial.

A family names the formulas that it uses, as in ``_mean = _categories.mean``, and has the number of
trials as ``trials``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.counting import remaining
from ingd_ref._special.exponential import (
    log_softmax,
    log_sum_exp,
    log_sum_exp_bregman,
    other_sums,
    simplex_distance,
    with_reference,
)
from ingd_ref._special.logarithm import log_ratio
from ingd_ref.backend._namespace import Array, Namespace, device, item
from ingd_ref.backend._operations import softmax
from ingd_ref.families._parameters import Constraint, Requirements, require
from ingd_ref.families._samples import reject_where

__all__ = [
    "SIMPLEX",
    "Trials",
    "classical",
    "conjugate",
    "example_parameters",
    "fisher",
    "fisher_rao_distance",
    "fitted",
    "inverse_fisher",
    "invertible_probabilities",
    "kl",
    "log_partition",
    "mean",
    "natural",
    "natural_from_mean",
    "natural_gradient",
    "natural_jacobian",
    "probabilities",
    "require_inverse",
    "third_cumulant",
    "third_moment",
]

# A caller's weights sum to one within rounding, as in the checks of weights elsewhere.
SIMPLEX = Constraint(
    "positive and sum to one",
    lambda xp, value: (
        xp.all(value > 0, axis=-1) & (xp.abs(xp.sum(value, axis=-1) - 1.0) < _checks.SUM_TOLERANCE)
    ),
)


class Categories(Protocol):
    """A family on K categories."""

    @property
    def categories(self) -> int: ...


def example_parameters(family: Categories) -> Mapping[str, np.ndarray]:
    """Return three points of the simplex (3, K): its centre and two that are off it."""
    rising = np.arange(1.0, family.categories + 1.0)
    points = (np.ones(family.categories), rising, rising[::-1] ** 2)
    return {"probabilities": np.stack([point / np.sum(point) for point in points])}


class Trials(Protocol):
    """A family of counts of K categories in a known number of trials, θ_i = log(p_i/p_K)."""

    @property
    def trials(self) -> int: ...


def natural(family: Trials, xp: Namespace, probabilities: Array) -> Array:
    return log_ratio(xp, probabilities[..., :-1], probabilities[..., -1:])


def classical(family: Trials, xp: Namespace, theta: Array) -> dict[str, Array]:
    return {"probabilities": probabilities(xp, theta)}


def natural_jacobian(family: Trials, xp: Namespace, theta: Array) -> Array:
    """Jacobian ∂ log(p_i/p_K)/∂p_j (..., K − 1, K)."""
    p = invertible_probabilities(xp, theta)
    one = xp.eye(p.shape[-1], dtype=p.dtype, device=device(p))
    return (one[:-1, :] - one[-1:, :]) / p[..., None, :]


def log_partition(family: Trials, xp: Namespace, theta: Array) -> Array:
    return family.trials * log_sum_exp(xp, with_reference(xp, theta))


def mean(family: Trials, xp: Namespace, theta: Array) -> Array:
    return family.trials * probabilities(xp, theta)[..., :-1]


def natural_from_mean(family: Trials, xp: Namespace, mu: Array) -> Array:
    return log_ratio(xp, mu, remaining(xp, float(family.trials), mu)[..., None])


def fitted(xp: Namespace, name: str, counts: Array, weights: Array) -> Array:
    """Estimate from the counts (..., n, K) of all categories, which decide what never occurs.

    The mean of the last, as what the others leave, would be the rounding of their sum.
    """
    mean = xp.sum(weights * counts, axis=-2)
    if not item(xp.all(mean > 0)):
        absent = {
            f"category {k} occurs in no point that has weight": mean[..., k] == 0
            for k in range(mean.shape[-1])
        }
        reject_where(xp, name, absent)
    return log_ratio(xp, mean[..., :-1], mean[..., -1:])


def fisher(family: Trials, xp: Namespace, theta: Array) -> Array:
    """Return n (diag(p_i) − p_i p_j), with 1 − p_i from the sum of the other probabilities."""
    p = probabilities(xp, theta)
    others, q = other_sums(xp, p)[..., :-1], p[..., :-1]
    one = xp.eye(q.shape[-1], dtype=p.dtype, device=device(p))
    covariance = one * (q * others)[..., None] - (1.0 - one) * q[..., :, None] * q[..., None, :]
    return family.trials * covariance


def inverse_fisher(family: Trials, xp: Namespace, theta: Array) -> Array:
    """Return (diag(1/p_i) + 1/p_K)/n."""
    p = invertible_probabilities(xp, theta)
    one = xp.eye(p.shape[-1] - 1, dtype=p.dtype, device=device(p))
    return (one / p[..., :-1, None] + 1.0 / p[..., -1:, None]) / family.trials


def natural_gradient(family: Trials, xp: Namespace, theta: Array, grad: Array) -> Array:
    p = invertible_probabilities(xp, theta)
    total = xp.sum(grad, axis=-1, keepdims=True)
    return (grad / p[..., :-1] + total / p[..., -1:]) / family.trials


def third_cumulant(family: Trials, xp: Namespace, theta: Array) -> Array:
    p = probabilities(xp, theta)
    indicators = xp.eye(p.shape[-1], dtype=p.dtype, device=device(p))[:, :-1]
    return family.trials * third_moment(xp, p, indicators - p[..., None, :-1])


def kl(family: Trials, xp: Namespace, theta1: Array, theta2: Array) -> Array:
    first, second = with_reference(xp, theta1), with_reference(xp, theta2)
    return family.trials * log_sum_exp_bregman(xp, first, second)


def fisher_rao_distance(family: Trials, xp: Namespace, theta1: Array, theta2: Array) -> Array:
    first, second = with_reference(xp, theta1), with_reference(xp, theta2)
    return math.sqrt(family.trials) * simplex_distance(xp, first, second)


def conjugate(family: Trials, xp: Namespace, theta: Array) -> Array:
    logits = with_reference(xp, theta)
    return family.trials * xp.sum(softmax(xp, logits) * log_softmax(xp, logits), axis=-1)


def probabilities(xp: Namespace, theta: Array) -> Array:
    """Probabilities (p₁, …, p_K) of all categories."""
    return softmax(xp, with_reference(xp, theta))


def invertible_probabilities(xp: Namespace, theta: Array) -> Array:
    """Return the probabilities if their reciprocals and a few of those together stay finite."""
    p = probabilities(xp, theta)
    smallest = 4.0 * float(xp.finfo(theta.dtype).smallest_normal)
    require_inverse(
        xp, {"every probability > 0 in this precision": xp.all(p > smallest, axis=-1)}, theta
    )
    return p


def require_inverse(xp: Namespace, invertible: Requirements, theta: Array) -> None:
    """Raise :class:`DomainError` where the Fisher information has no inverse."""
    space = "the members whose Fisher information has an inverse"
    require(xp, invertible, "theta", space, theta)


def third_moment(xp: Namespace, p: Array, centred: Array) -> Array:
    """Σ_k p_k c_k ⊗ c_k ⊗ c_k for centred statistics c (..., K, b)."""
    batch, number = tuple(p.shape[:-1]), centred.shape[-1]
    pairs = xp.reshape(
        centred[..., :, None] * centred[..., None, :], (*batch, p.shape[-1], number * number)
    )
    weighted = xp.matrix_transpose(p[..., None] * centred)
    return xp.reshape(xp.matmul(weighted, pairs), (*batch, number, number, number))
