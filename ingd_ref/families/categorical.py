"""The categorical family of one outcome among several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.counting import remaining
from ingd_ref._special.exponential import (
    log_softmax,
    with_reference,
)
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.errors import DomainError
from ingd_ref.families import _categories
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._categories import SIMPLEX
from ingd_ref.families._common import constant_base_measure, everywhere
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
        f_i(x) &= 1 \text{ if } x = i \text{ else } 0, \quad h(x) = 1, \quad
            \theta_i = \log(p_i/p_K) & \text{(E1)} \\
        A(\theta) &= \log\textstyle\sum_k e^{\theta_k} & \text{(E1)} \\
        \nabla A(\theta) &= (p_1, \dots, p_{K-1}) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu)_i &= \log(\mu_i/(1 - \textstyle\sum_j\mu_j)) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= \operatorname{diag}(p_i) - p_i p_j, \quad
            F^{-1} = \operatorname{diag}(1/p_i) + 1/p_K & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \log\big(1 + \textstyle\sum_k p_k (e^{\delta_k} - 1
            - \delta_k)\big), \quad
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
    trials = 1

    _domain = everywhere
    _log_base_measure = constant_base_measure

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "categories", _checks.positive_integer(self.categories, "categories")
        )
        if self.categories < 2:
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

    example_parameters = _categories.example_parameters

    _natural = _categories.natural
    _classical = _categories.classical
    _natural_jacobian = _categories.natural_jacobian
    _log_partition = _categories.log_partition
    _mean = _categories.mean
    _natural_from_mean = _categories.natural_from_mean
    _fisher = _categories.fisher
    _inverse_fisher = _categories.inverse_fisher
    _natural_gradient = _categories.natural_gradient
    _third_cumulant = _categories.third_cumulant
    _kl = _categories.kl
    _fisher_rao_distance = _categories.fisher_rao_distance
    _conjugate = _categories.conjugate

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

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return -self._conjugate(xp, theta)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        logs = log_softmax(xp, with_reference(xp, theta))
        chosen = x == xp.arange(self.categories, dtype=x.dtype, device=device(x))
        return xp.sum(xp.where(chosen, logs, xp.zeros_like(logs)), axis=-1)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        categories = xp.arange(self.categories, dtype=x.dtype, device=device(x))
        return _categories.fitted(xp, self.name, xp.astype(x == categories, x.dtype), weights)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], probabilities: np.ndarray
    ) -> np.ndarray:
        return draw_index(rng, size, probabilities)[..., None]

    scipy_name = "multinomial"

    def _to_scipy(self, probabilities: np.ndarray) -> dict[str, Any]:
        """A category is a unit vector in SciPy, one multinomial trial."""
        return {"n": 1, "p": probabilities}
