"""The Bernoulli family of one event that happens or does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

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
from ingd_ref.families._parameters import Constraint, Parameter, Requirements, require

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
        F = \nabla^2 A(\theta) &= pq, \quad \nabla^3 A(\theta) = pq(q - p), \quad F^{-1} = 1/p + 1/q & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \log\big(1 + p\,(e^{q\delta} - 1 - q\delta) + q\,(e^{-p\delta} - 1 + p\delta)\big), \quad
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
    parameters = (
        Parameter(
            "probability",
            Constraint("between 0 and 1", lambda xp, value: (value > 0) & (value < 1)),
        ),
    )

    def _natural(self, xp: Namespace, probability: Array) -> Array:
        return log_ratio(xp, probability, 1.0 - probability)[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"probability": logistic(xp, theta[..., 0])}

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        return self._inverse_fisher(xp, theta)

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return {"mu[0] > 0": mu[..., 0] > 0, "mu[0] < 1": mu[..., 0] < 1}

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return {"x = 0 or x = 1": xp.all((x == 0) | (x == 1), axis=-1)}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return x

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.zeros_like(x[..., 0])

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return log_sum_exp(xp, with_reference(xp, theta))

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return logistic(xp, theta)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return log_ratio(xp, mu, 1.0 - mu)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        return matrix(xp, [[logistic(xp, theta[..., 0]) * logistic(xp, -theta[..., 0])]])

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return (1.0 / self._variance(xp, theta))[..., None]

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return grad / self._variance(xp, theta)

    def _variance(self, xp: Namespace, theta: Array) -> Array:
        variance = self._fisher(xp, theta)[..., 0]
        invertible = {
            "p(1 - p) > 0 in this precision": variance[..., 0]
            > 4.0 * float(xp.finfo(theta.dtype).smallest_normal)
        }
        require(
            xp,
            invertible,
            "theta",
            f"the members of {self.name} whose Fisher information has an inverse",
            theta,
        )
        return variance

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return (self._fisher(xp, theta) * -xp.tanh(0.5 * theta)[..., None])[..., None]

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return log_sum_exp_bregman(xp, with_reference(xp, theta1), with_reference(xp, theta2))

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return logistic_distance(xp, theta1[..., 0], theta2[..., 0])

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
