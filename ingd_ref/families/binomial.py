"""The binomial family of the number of successes in a known number of trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.counting import count_deviance, factorial_excess
from ingd_ref._special.counting_entropy import multinomial_entropy
from ingd_ref._special.exponential import (
    log_softmax,
    log_sum_exp,
    log_sum_exp_bregman,
    with_reference,
)
from ingd_ref._special.logarithm import log_ratio
from ingd_ref._special.logistic import logistic, logistic_distance
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._categories import require_inverse
from ingd_ref.families._common import everywhere, identity
from ingd_ref.families._parameters import PROBABILITY, Requirements
from ingd_ref.families._samples import reject_where
from ingd_ref.families._scipy import single

__all__ = ["Binomial"]


@dataclass(frozen=True)
class Binomial(ExponentialFamily):
    r"""Binomial distribution on x = 0, 1, …, n.

    The classical parameter is the ``probability`` 0 < p < 1 of a success; q = 1 − p.

    .. math::
        f(x) &= x, \quad h(x) = \tbinom nx, \quad \theta = \log(p/q) & \text{(E1)} \\
        A(\theta) &= n\log(1 + e^\theta) & \text{(E1)} \\
        \nabla A(\theta) &= np = n/(1 + e^{-\theta}) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= \log(\mu/(n - \mu)) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= npq, \quad \nabla^3 A(\theta) = npq(q - p), \quad F^{-1} = 1/F
            & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= n\log\big(1 + p\,(e^{q\delta} - 1 - q\delta)
            + q\,(e^{-p\delta} - 1 + p\delta)\big), \quad
            \delta = \theta' - \theta & \text{(E5)} \\
        d(\theta, \theta') &= 2\sqrt n\,|\arctan e^{\theta'/2} - \arctan e^{\theta/2}|

    The entropy is an integral, for n of any size. The inverse of F exists only for p and q
    that do not underflow.

    Parameters
    ----------
    trials : int ≥ 1
        The known n.

    Examples
    --------
    >>> family = Binomial(trials=4)
    >>> theta = family.natural(probability=0.5)
    >>> family.mean(theta), family.log_prob(theta, family.mean(theta)).round(6)  # log(6/16)
    (array([2.]), np.float64(-0.980829))
    """

    trials: int

    name = "binomial"
    dim = 1
    number = 1
    parameters = (PROBABILITY,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trials", _checks.positive_integer(self.trials, "trials", 2**53))

    @classmethod
    def examples(cls) -> Sequence[Binomial]:
        """One trial, which is the Bernoulli family, and several."""
        return (cls(1), cls(12))

    _domain = everywhere
    _statistics = identity

    def _natural(self, xp: Namespace, probability: Array) -> Array:
        return log_ratio(xp, probability, 1.0 - probability)[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"probability": logistic(xp, theta[..., 0])}

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        return self.trials * self._inverse_fisher(xp, theta)

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return {"mu[0] > 0": mu[..., 0] > 0, f"mu[0] < {self.trials}": mu[..., 0] < self.trials}

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        inside = (x >= 0) & (x <= self.trials) & (x == xp.floor(x))
        return {f"x = 0, 1, ..., {self.trials}": xp.all(inside, axis=-1)}

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        x = x[..., 0]
        powers = xp.zeros_like(x)
        for count in (x, self.trials - x):
            safe = xp.where(count > 0, count, xp.ones_like(x))
            powers = powers + count * log_ratio(xp, xp.full_like(x, self.trials), safe)
        return powers + self._log_shape(xp, x)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return self.trials * log_sum_exp(xp, with_reference(xp, theta))

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return self.trials * logistic(xp, theta)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return log_ratio(xp, mu, self.trials - mu)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        return matrix(
            xp,
            [[self.trials * logistic(xp, theta[..., 0]) * logistic(xp, -theta[..., 0])]],
        )

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return (1.0 / self._variance(xp, theta))[..., None]

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return grad / self._variance(xp, theta)

    def _variance(self, xp: Namespace, theta: Array) -> Array:
        variance = self._fisher(xp, theta)[..., 0]
        smallest = 4.0 * self.trials * float(xp.finfo(theta.dtype).smallest_normal)
        invertible = {"p(1 - p) > 0 in this precision": variance[..., 0] > smallest}
        require_inverse(xp, invertible, theta)
        return variance

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return (self._fisher(xp, theta) * -xp.tanh(0.5 * theta)[..., None])[..., None]

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        first, second = with_reference(xp, theta1), with_reference(xp, theta2)
        return self.trials * log_sum_exp_bregman(xp, first, second)

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return math.sqrt(self.trials) * logistic_distance(xp, theta1[..., 0], theta2[..., 0])

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        p = xp.concat([logistic(xp, theta), logistic(xp, -theta)], axis=-1)
        return self.trials * xp.sum(p * log_softmax(xp, with_reference(xp, theta)), axis=-1)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        p = xp.concat([logistic(xp, theta), logistic(xp, -theta)], axis=-1)
        return multinomial_entropy(xp, self.trials, p)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        x = x[..., 0]
        log_mean = math.log(self.trials) + log_softmax(xp, with_reference(xp, theta))
        theta = theta[..., 0]
        successes = count_deviance(xp, x, self.trials * logistic(xp, theta), log_mean[..., 0])
        failures = count_deviance(
            xp, self.trials - x, self.trials * logistic(xp, -theta), log_mean[..., 1]
        )
        return self._log_shape(xp, x) - successes - failures

    def _log_shape(self, xp: Namespace, x: Array) -> Array:
        """s(n) − s(x) − s(n − x), s(x) = log x! − x log x + x."""
        trials = xp.full_like(x, self.trials)
        parts = factorial_excess(xp, x) + factorial_excess(xp, trials - x)
        return factorial_excess(xp, trials) - parts

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        return fitted_logit(xp, self.name, x, self.trials, weights)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], probability: np.ndarray
    ) -> np.ndarray:
        return np.asarray(rng.binomial(self.trials, probability, size), dtype=np.float64)[..., None]

    scipy_name = "binom"

    def _to_scipy(self, probability: np.ndarray) -> dict[str, Any]:
        return {"n": self.trials, "p": probability}

    @classmethod
    def _from_scipy(cls, n: np.ndarray, p: np.ndarray) -> tuple[Binomial, dict[str, np.ndarray]]:
        return cls(int(single(n, "n"))), {"probability": p}


def fitted_logit(xp: Namespace, name: str, x: Array, trials: int, weights: Array) -> Array:
    """Estimate from the numbers x (..., n, 1) of successes in ``trials``.

    The mean of the failures, as what that of the successes leaves, would be the rounding of both.
    """
    successes, failures = xp.sum(weights * x, axis=-2), xp.sum(weights * (trials - x), axis=-2)
    absent = {
        "no point that has weight holds a success": successes[..., 0] == 0,
        "no point that has weight holds a failure": failures[..., 0] == 0,
    }
    reject_where(xp, name, absent)
    return log_ratio(xp, successes, failures)
