"""The multinomial family: counts of several outcomes in a known number of trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.counting import count_deviance, factorial_excess, remaining
from ingd_ref._special.counting_entropy import multinomial_entropy
from ingd_ref._special.exponential import (
    log_softmax,
    with_reference,
)
from ingd_ref._special.logarithm import log_ratio
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.backend._operations import softmax
from ingd_ref.errors import DomainError
from ingd_ref.families import _categories
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._categories import SIMPLEX, probabilities
from ingd_ref.families._common import everywhere
from ingd_ref.families._parameters import Parameter, Requirements
from ingd_ref.families._scipy import single

__all__ = ["Multinomial"]


@dataclass(frozen=True)
class Multinomial(ExponentialFamily):
    r"""Multinomial distribution on counts x ∈ {0, 1, …}ᴷ with Σ x_k = n.

    The classical parameter is the vector of ``probabilities`` (p₁, …, p_K), positive and summing to
    one. The last category is the reference, so that b = K − 1 and the parameters are minimal; i and
    j count the others, and θ_K = δ_K = 0.

    .. math::
        f(x) &= (x_1, \dots, x_{K-1}), \quad h(x) = n!/\textstyle\prod_k x_k!, \quad
            \theta_i = \log(p_i/p_K) & \text{(E1)} \\
        A(\theta) &= n\log\textstyle\sum_k e^{\theta_k} & \text{(E1)} \\
        \nabla A(\theta) &= n\,(p_1, \dots, p_{K-1}) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu)_i &= \log(\mu_i/(n - \textstyle\sum_j\mu_j)) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= n\,(\operatorname{diag}(p_i) - p_i p_j), \quad
            F^{-1} = (\operatorname{diag}(1/p_i) + 1/p_K)/n & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= n\log\big(1 + \textstyle\sum_k p_k (e^{\delta_k} - 1
            - \delta_k)\big), \quad
            \delta = \theta' - \theta - \textstyle\sum_k p_k(\theta' - \theta)_k & \text{(E5)} \\
        d(\theta, \theta') &= 2\sqrt n\arccos\textstyle\sum_k\sqrt{p_k p'_k}

    The entropy is an integral, for n of any size. The inverse of F exists only for
    probabilities that do not underflow.

    Parameters
    ----------
    trials : int ≥ 1
        The known n.
    categories : int ≥ 2
        Number K of outcomes.

    Examples
    --------
    >>> import numpy as np
    >>> family = Multinomial(trials=2, categories=3)
    >>> theta = family.natural(probabilities=[0.25, 0.25, 0.5])
    >>> family.mean(theta), np.exp(family.log_prob(theta, np.array([1, 0, 1]))).round(12)
    (array([0.5, 0.5]), np.float64(0.25))
    """

    trials: int
    categories: int

    name = "multinomial"

    _domain = everywhere

    def __post_init__(self) -> None:
        object.__setattr__(self, "trials", _checks.positive_integer(self.trials, "trials", 2**53))
        object.__setattr__(
            self, "categories", _checks.positive_integer(self.categories, "categories")
        )
        if self.categories < 2:
            raise DomainError(f"categories must be at least 2, got {self.categories}")

    @property
    def dim(self) -> int:
        """Number K of counts."""
        return self.categories

    @property
    def number(self) -> int:
        """Number K − 1 of statistics."""
        return self.categories - 1

    @property
    def parameters(self) -> Sequence[Parameter]:
        """The probabilities."""
        return (Parameter("probabilities", SIMPLEX, (self.categories,)),)

    @classmethod
    def examples(cls) -> Sequence[Multinomial]:
        """Two categories, which is the binomial family, and three."""
        return (cls(3, 2), cls(7, 3))

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
        rest = remaining(xp, float(self.trials), mu)
        return {"mu > 0": xp.all(mu > 0, axis=-1), f"{self.trials} - sum(mu) > 0": rest > 0}

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return {
            "x = 0, 1, 2, ...": xp.all((x >= 0) & (x == xp.floor(x)), axis=-1),
            f"sum(x) = {self.trials}": xp.sum(x, axis=-1) == self.trials,
        }

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return x[..., :-1]

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        positive = x > 0
        safe = xp.where(positive, x, xp.ones_like(x))
        powers = xp.where(
            positive,
            safe * log_ratio(xp, xp.full_like(x, self.trials), safe),
            xp.zeros_like(x),
        )
        return xp.sum(powers, axis=-1) + self._log_shape(xp, x)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return multinomial_entropy(xp, self.trials, probabilities(xp, theta))

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        logits = with_reference(xp, theta)
        log_mean = math.log(self.trials) + log_softmax(xp, logits)
        deviance = count_deviance(xp, x, self.trials * softmax(xp, logits), log_mean)
        return self._log_shape(xp, x) - xp.sum(deviance, axis=-1)

    def _log_shape(self, xp: Namespace, x: Array) -> Array:
        """s(n) − Σ s(x_k), s(x) = log x! − x log x + x."""
        total = factorial_excess(xp, xp.full_like(x[..., 0], self.trials))
        return total - xp.sum(factorial_excess(xp, x), axis=-1)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        return _categories.fitted(xp, self.name, x, weights)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], probabilities: np.ndarray
    ) -> np.ndarray:
        counts = []
        left = np.full(size, self.trials)
        tail = np.cumsum(probabilities[..., ::-1], axis=-1)[..., ::-1]
        for k in range(self.categories - 1):
            share = probabilities[..., k] / np.maximum(tail[..., k], np.finfo(np.float64).tiny)
            counts.append(rng.binomial(left, np.clip(share, 0.0, 1.0), size))
            left = left - counts[-1]
        return np.stack([*counts, left], axis=-1).astype(np.float64)

    scipy_name = "multinomial"

    def _to_scipy(self, probabilities: np.ndarray) -> dict[str, Any]:
        return {"n": self.trials, "p": probabilities}

    @classmethod
    def _from_scipy(cls, n: np.ndarray, p: np.ndarray) -> tuple[Multinomial, dict[str, np.ndarray]]:
        return cls(int(single(n, "n")), p.shape[-1]), {"probabilities": p}
