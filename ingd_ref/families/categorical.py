"""The categorical family of one outcome among several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.counting import remaining
from ingd_ref._special.exponential import (
    log_softmax,
    log_sum_exp,
    log_sum_exp_bregman,
    simplex_distance,
    with_reference,
)
from ingd_ref._special.logarithm import log_ratio
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.backend._operations import softmax
from ingd_ref.errors import DomainError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._categories import (
    SIMPLEX,
    example_probabilities,
    indicator_covariance,
    indicator_third_cumulant,
    inverse_indicator_covariance,
    inverse_probability_jacobian,
    invertible_probabilities,
)
from ingd_ref.families._draws import draw_index
from ingd_ref.families._parameters import Parameter, Requirements

__all__ = ["Categorical"]


@dataclass(frozen=True)
class Categorical(ExponentialFamily):
    r"""Categorical distribution on x ∈ {0, 1, …, K − 1}.

    The classical parameter is the vector of ``probabilities`` (p₁, …, p_K), positive and summing to
    one. The last category is the reference, so that b = K − 1 and the parameters are minimal; i and
    j count the others, and θ_K = δ_K = 0.

    .. math::
        f_i(x) &= 1 \text{ if } x = i \text{ else } 0, \quad h(x) = 1, \quad \theta_i = \log(p_i/p_K) & \text{(E1)} \\
        A(\theta) &= \log\textstyle\sum_k e^{\theta_k} & \text{(E1)} \\
        \nabla A(\theta) &= (p_1, \dots, p_{K-1}) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu)_i &= \log(\mu_i/(1 - \textstyle\sum_j\mu_j)) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= \operatorname{diag}(p_i) - p_i p_j, \quad
            F^{-1} = \operatorname{diag}(1/p_i) + 1/p_K & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \log\big(1 + \textstyle\sum_k p_k (e^{\delta_k} - 1 - \delta_k)\big), \quad
            \delta = \theta' - \theta - \textstyle\sum_k p_k(\theta' - \theta)_k & \text{(E5)} \\
        d(\theta, \theta') &= 2\arccos\textstyle\sum_k\sqrt{p_k p'_k}

    The inverse of F exists only for probabilities that do not underflow.

    Parameters
    ----------
    categories : int ≥ 2
        Number K of outcomes.

    Examples
    --------
    >>> family = Categorical(categories=3)
    >>> theta = family.natural(probabilities=[0.25, 0.25, 0.5])
    >>> family.fisher(theta)
    array([[ 0.1875, -0.0625],
           [-0.0625,  0.1875]])
    """

    categories: int

    name = "categorical"
    dim = 1

    def __post_init__(self) -> None:
        if _checks.positive_integer(self.categories, "categories") < 2:
            raise DomainError(f"categories must be at least 2, got {self.categories}")

    @property
    def number(self) -> int:
        """Number K − 1 of statistics."""
        return self.categories - 1

    @property
    def parameters(self) -> Sequence[Parameter]:
        """The probabilities."""
        return (Parameter("probabilities", SIMPLEX, (self.categories,)),)

    @classmethod
    def examples(cls) -> Sequence[Categorical]:
        """Two categories, which is the Bernoulli family, and several."""
        return (cls(2), cls(4))

    def example_parameters(self) -> Mapping[str, np.ndarray]:
        """Equal probabilities, and some that differ."""
        return {"probabilities": example_probabilities(self.categories)}

    def _natural(self, xp: Namespace, probabilities: Array) -> Array:
        return log_ratio(xp, probabilities[..., :-1], probabilities[..., -1:])

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"probabilities": softmax(xp, with_reference(xp, theta))}

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        return inverse_probability_jacobian(xp, self._probabilities(xp, theta))

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return {
            "mu > 0": xp.all(mu > 0, axis=-1),
            "1 - sum(mu) > 0": remaining(xp, 1.0, mu) > 0,
        }

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        inside = (x >= 0) & (x < self.categories) & (x == xp.floor(x))
        return {f"x = 0, ..., {self.categories - 1}": xp.all(inside, axis=-1)}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.astype(x == xp.arange(self.number, dtype=x.dtype, device=device(x)), x.dtype)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.zeros_like(x[..., 0])

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return log_sum_exp(xp, with_reference(xp, theta))

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return softmax(xp, with_reference(xp, theta))[..., :-1]

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return log_ratio(xp, mu, remaining(xp, 1.0, mu)[..., None])

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        return indicator_covariance(xp, softmax(xp, with_reference(xp, theta)))

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return inverse_indicator_covariance(xp, self._probabilities(xp, theta))

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        p = self._probabilities(xp, theta)
        return grad / p[..., :-1] + xp.sum(grad, axis=-1, keepdims=True) / p[..., -1:]

    def _probabilities(self, xp: Namespace, theta: Array) -> Array:
        return invertible_probabilities(xp, theta, self.name)

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return indicator_third_cumulant(xp, softmax(xp, with_reference(xp, theta)))

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return log_sum_exp_bregman(xp, with_reference(xp, theta1), with_reference(xp, theta2))

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return simplex_distance(xp, with_reference(xp, theta1), with_reference(xp, theta2))

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        logits = with_reference(xp, theta)
        return xp.sum(softmax(xp, logits) * log_softmax(xp, logits), axis=-1)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return -self._conjugate(xp, theta)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        logs = log_softmax(xp, with_reference(xp, theta))
        chosen = x == xp.arange(self.categories, dtype=x.dtype, device=device(x))
        return xp.sum(xp.where(chosen, logs, xp.zeros_like(logs)), axis=-1)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], probabilities: np.ndarray
    ) -> np.ndarray:
        return draw_index(rng, size, probabilities)[..., None]

    scipy_name = "multinomial"

    def _to_scipy(self, probabilities: np.ndarray) -> dict[str, Any]:
        """A category is a unit vector in SciPy, one multinomial trial."""
        return {"n": 1, "p": probabilities}
