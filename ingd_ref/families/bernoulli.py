"""The Bernoulli family of one event that happens or does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.exponential import (
    log_softmax,
    with_reference,
)
from ingd_ref._special.logistic import logistic
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import constant_base_measure, everywhere, identity
from ingd_ref.families._parameters import PROBABILITY, Requirements
from ingd_ref.families.binomial import Binomial, fitted_logit

__all__ = ["Bernoulli"]


@dataclass(frozen=True)
class Bernoulli(ExponentialFamily):
    r"""Bernoulli distribution on x ∈ {0, 1}.

    The classical parameter is the ``probability`` 0 < p < 1 of x = 1; q = 1 − p.

    .. math::
        f(x) &= x, \quad h(x) = 1, \quad \theta = \log(p/q) & \text{(E1)} \\
        A(\theta) &= \log(1 + e^\theta) & \text{(E1)} \\
        \nabla A(\theta) &= p = 1/(1 + e^{-\theta}) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= \log(\mu/(1 - \mu)) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= pq, \quad \nabla^3 A(\theta) = pq(q - p), \quad
            F^{-1} = 1/p + 1/q & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \log\big(1 + p\,(e^{q\delta} - 1 - q\delta)
            + q\,(e^{-p\delta} - 1 + p\delta)\big), \quad
            \delta = \theta' - \theta & \text{(E5)} \\
        d(\theta, \theta') &= 2\,|\arctan e^{\theta'/2} - \arctan e^{\theta/2}|

    The inverse of F exists only for p and q that do not underflow.

    Examples
    --------
    >>> family = Bernoulli()
    >>> theta = family.natural(probability=0.25)
    >>> family.fisher(theta), family.inverse_fisher(theta)
    (array([[0.1875]]), array([[5.33333333]]))
    """

    name = "Bernoulli"
    dim = 1
    number = 1
    parameters = (PROBABILITY,)

    _domain = everywhere
    _statistics = identity
    _log_base_measure = constant_base_measure
    _binomial = Binomial(trials=1)
    _natural = _binomial._natural
    _classical = _binomial._classical
    _natural_jacobian = _binomial._natural_jacobian
    _mean_domain = _binomial._mean_domain
    _log_partition = _binomial._log_partition
    _mean = _binomial._mean
    _natural_from_mean = _binomial._natural_from_mean
    _fisher = _binomial._fisher
    _inverse_fisher = _binomial._inverse_fisher
    _natural_gradient = _binomial._natural_gradient
    _third_cumulant = _binomial._third_cumulant
    _kl = _binomial._kl
    _fisher_rao_distance = _binomial._fisher_rao_distance

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return {"x = 0 or x = 1": xp.all((x == 0) | (x == 1), axis=-1)}

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return -self._entropy(xp, theta)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        theta = theta[..., 0]
        log_p, log_q = self._log_probabilities(xp, theta)
        return -logistic(xp, theta) * log_p - logistic(xp, -theta) * log_q

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        log_p, log_q = self._log_probabilities(xp, theta[..., 0])
        return xp.where(x[..., 0] > 0, log_p, log_q)

    def _log_probabilities(self, xp: Namespace, theta: Array) -> tuple[Array, Array]:
        logs = log_softmax(xp, with_reference(xp, theta[..., None]))
        return logs[..., 0], logs[..., 1]

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        return fitted_logit(xp, self.name, x, 1, weights)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], probability: np.ndarray
    ) -> np.ndarray:
        return np.asarray(rng.random(size) < probability, dtype=np.float64)[..., None]

    scipy_name = "bernoulli"

    def _to_scipy(self, probability: np.ndarray) -> dict[str, Any]:
        return {"p": probability}

    @classmethod
    def _from_scipy(cls, p: np.ndarray) -> tuple[Bernoulli, dict[str, np.ndarray]]:
        return cls(), {"probability": p}
