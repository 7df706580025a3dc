"""The chi-squared family."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.gamma import (
    inverse_digamma,
    lgamma_bregman,
    log_minus_digamma,
    reduced_lgamma,
    tetragamma,
    trigamma,
    trigamma_excess,
)
from ingd_ref._special.logarithm import log_remainder
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._draws import draw_log_gamma
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families.gamma import log_front

__all__ = ["ChiSquared"]


@dataclass(frozen=True)
class ChiSquared(ExponentialFamily):
    r"""Chi-squared distribution on x > 0: the Gamma distribution of shape α = ν/2 and known rate ½.

    The classical parameter is ``degrees_of_freedom`` ν > 0, not necessarily whole. With ψ the
    digamma function, φ(α) = log α − ψ(α) and S(α) = log Γ(α) − α log α + α,

    .. math::
        f(x) &= \log x, \quad h(x) = e^{-x/2}/x, \quad \theta = \nu/2 = \alpha & \text{(E1)} \\
        A(\theta) &= \log\Gamma(\theta) + \theta\log 2 = S(\theta) + \theta(\log 2\theta - 1)
            & \text{(E1)} \\
        \nabla A(\theta) &= \psi(\theta) + \log 2 = \log 2\theta - \varphi(\theta) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= \psi^{-1}(\mu - \log 2) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= \psi'(\theta) & \text{(E3)} \\
        F^{-1} &= 1/\psi'(\theta) & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \log\Gamma(\theta') - \log\Gamma(\theta) - (\theta'
            - \theta)\psi(\theta) & \text{(E5)}

    where the divergence, a Bregman remainder of log Γ, is summed from terms that cannot be
    negative.

    Examples
    --------
    >>> family = ChiSquared()
    >>> theta = family.natural(degrees_of_freedom=2.0)  # exponential of rate ½: 1 + log 2
    >>> round(family.entropy(theta).item(), 12)
    1.69314718056
    """

    name = "chi-squared"
    dim = 1
    number = 1
    parameters = (Parameter("degrees_of_freedom", POSITIVE),)
    bounds = (0.0, math.inf)

    def _natural(self, xp: Namespace, degrees_of_freedom: Array) -> Array:
        return 0.5 * degrees_of_freedom[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"degrees_of_freedom": 2.0 * theta[..., 0]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"degrees_of_freedom = 2 theta[0] > 0": theta[..., 0] > 0}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        largest = math.log(float(xp.finfo(mu.dtype).max)) + math.log(2.0)
        return {f"mu[0] < {largest:.6g}, so that theta[0] is a number": mu[..., 0] < largest}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.log(x)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return 1.0 / x[..., None]

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return -0.5 * x[..., 0] - xp.log(x[..., 0])

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        shape = theta[..., 0]
        return reduced_lgamma(xp, shape) + shape * (xp.log(2.0 * shape) - 1.0)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return xp.log(2.0 * theta) - log_minus_digamma(xp, theta)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return inverse_digamma(xp, mu - math.log(2.0))

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        return matrix(xp, [[trigamma(xp, theta[..., 0])]])

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return matrix(xp, [[theta[..., 0] / (1.0 + trigamma_excess(xp, theta[..., 0]))]])

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return theta * grad / (1.0 + trigamma_excess(xp, theta))

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return lgamma_bregman(xp, theta1[..., 0], theta2[..., 0])

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return tetragamma(xp, theta)[..., None, None]

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        shape = theta[..., 0]
        return shape * (1.0 - log_minus_digamma(xp, shape)) - reduced_lgamma(xp, shape)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        shape = theta[..., 0]
        front = reduced_lgamma(xp, shape) + xp.log(2.0 * shape)
        return front + (shape - 1.0) * log_minus_digamma(xp, shape)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        shape, half = theta[..., 0], 0.5 * x[..., 0]
        return -log_front(xp, shape, x[..., 0]) - shape * log_remainder(
            xp, half / shape, (half - shape) / shape
        )

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], degrees_of_freedom: np.ndarray
    ) -> np.ndarray:
        return np.asarray(2.0 * rng.standard_gamma(0.5 * degrees_of_freedom, size))[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], degrees_of_freedom: np.ndarray
    ) -> np.ndarray:
        return np.asarray(math.log(2.0) + draw_log_gamma(rng, size, 0.5 * degrees_of_freedom))[
            ..., None
        ]

    scipy_name = "chi2"

    def _to_scipy(self, degrees_of_freedom: np.ndarray) -> dict[str, Any]:
        return {"df": degrees_of_freedom}

    @classmethod
    def _from_scipy(cls, df: np.ndarray) -> tuple[ChiSquared, dict[str, np.ndarray]]:
        return cls(), {"degrees_of_freedom": df}
