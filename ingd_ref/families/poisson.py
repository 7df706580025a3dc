"""The Poisson family of counts of rare events."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.counting import count_deviance, factorial_excess
from ingd_ref._special.counting_entropy import poisson_entropy
from ingd_ref._special.exponential import expm1_remainder
from ingd_ref._special.gamma import lgamma
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._common import counts, identity, positive_mean
from ingd_ref.families._draws import draw_poisson
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements

__all__ = ["Poisson"]


@dataclass(frozen=True)
class Poisson(ExponentialFamily):
    r"""Poisson distribution on x = 0, 1, 2, ….

    The classical parameter is the ``rate`` λ > 0, which is the mean.

    .. math::
        f(x) &= x, \quad h(x) = 1/x!, \quad \theta = \log\lambda & \text{(E1)} \\
        A(\theta) &= e^\theta & \text{(E1)} \\
        \nabla A(\theta) &= e^\theta & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= \log\mu & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= \nabla^3 A(\theta) = e^\theta, \quad F^{-1} = e^{-\theta}
            & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= e^\theta (e^\delta - 1 - \delta), \quad
            \delta = \theta' - \theta & \text{(E5)} \\
        d(\theta, \theta') &= 2\,|\sqrt{\lambda'} - \sqrt{\lambda}|

    The entropy, which has no closed form, is an integral of a positive function. Parameters θ whose
    e^θ leaves the range of the floating type count as outside of the family.

    Examples
    --------
    >>> family = Poisson()
    >>> family.entropy(family.natural(rate=[1.0, 1e8])).round(6)
    array([ 1.304842, 10.629279])
    """

    name = "Poisson"
    dim = 1
    number = 1
    parameters = (Parameter("rate", POSITIVE),)

    _mean_domain = positive_mean
    _support = counts
    _statistics = identity

    def _natural(self, xp: Namespace, rate: Array) -> Array:
        return xp.log(rate)[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"rate": xp.exp(theta[..., 0])}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        largest = math.log(float(xp.finfo(theta.dtype).max))
        return {
            f"|theta[0]| < {largest:.6g}, so that the rate exp(theta[0]) is a number": xp.abs(
                theta[..., 0]
            )
            < largest
        }

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return -lgamma(xp, x[..., 0] + 1.0)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return xp.exp(theta[..., 0])

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return xp.exp(theta)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return xp.log(mu)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        return matrix(xp, [[xp.exp(theta[..., 0])]])

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return matrix(xp, [[xp.exp(-theta[..., 0])]])

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return xp.exp(-theta) * grad

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return xp.exp(theta)[..., None, None]

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        rate1 = xp.exp(theta1[..., 0])
        rate2 = xp.exp(theta2[..., 0])
        change = (theta2 - theta1)[..., 0]
        near = xp.abs(change) < 1.0
        small = xp.where(near, change, xp.zeros_like(change))
        return xp.where(near, rate1 * expm1_remainder(xp, small), (rate2 - rate1) - rate1 * change)

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        lower, upper = xp.minimum(theta1, theta2)[..., 0], xp.maximum(theta1, theta2)[..., 0]
        return 2.0 * xp.exp(0.5 * upper) * -xp.expm1(-0.5 * (upper - lower))

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return xp.exp(theta[..., 0]) * (theta[..., 0] - 1.0)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return poisson_entropy(xp, xp.exp(theta[..., 0]))

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        rate, x = xp.exp(theta[..., 0]), x[..., 0]
        return -count_deviance(xp, x, rate) - factorial_excess(xp, x)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], rate: np.ndarray
    ) -> np.ndarray:
        return draw_poisson(rng, np.broadcast_to(rate, size))[..., None]

    scipy_name = "poisson"

    def _to_scipy(self, rate: np.ndarray) -> dict[str, Any]:
        return {"mu": rate}

    @classmethod
    def _from_scipy(cls, mu: np.ndarray) -> tuple[Poisson, dict[str, np.ndarray]]:
        return cls(), {"rate": mu}
