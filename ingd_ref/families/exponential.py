"""The exponential family of waiting times: the exponential distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import constant_base_measure, identity, positive_mean
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._rate import RateFormulas

__all__ = ["Exponential"]


@dataclass(frozen=True)
class Exponential(ExponentialFamily):
    r"""Exponential distribution on x ≥ 0.

    The classical parameter is the ``rate`` λ > 0; the mean is 1/λ.

    .. math::
        f(x) &= x, \quad h(x) = 1, \quad \theta = -\lambda & \text{(E1)} \\
        A(\theta) &= -\log(-\theta) & \text{(E1)} \\
        \nabla A(\theta) &= -1/\theta = 1/\lambda & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -1/\mu & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= 1/\theta^2 & \text{(E3)} \\
        F^{-1} &= \theta^2 & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \rho - 1 - \log\rho, \quad \rho = \theta'/\theta
            & \text{(E5)} \\
        \nabla^3 A(\theta) &= -2/\theta^3, \quad d(\theta, \theta') = |\log\rho|

    Examples
    --------
    >>> family = Exponential()
    >>> family.mean(family.natural(rate=4.0))
    array([0.25])
    >>> family.entropy(family.natural(rate=1.0)).item()
    1.0
    """

    name = "exponential"
    dim = 1
    number = 1
    parameters = (Parameter("rate", POSITIVE),)
    bounds = (0.0, math.inf)

    _mean_domain = positive_mean
    _statistics = identity
    _log_base_measure = constant_base_measure
    _rate = RateFormulas()
    _log_partition = _rate.log_partition
    _mean = _rate.mean
    _natural_from_mean = _rate.natural_from_mean
    _fisher = _rate.fisher
    _inverse_fisher = _rate.inverse_fisher
    _natural_gradient = _rate.natural_gradient
    _third_cumulant = _rate.third_cumulant
    _kl = _rate.kl
    _fisher_rao_distance = _rate.fisher_rao_distance
    _conjugate = _rate.conjugate

    def _natural(self, xp: Namespace, rate: Array) -> Array:
        return -rate[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"rate": -theta[..., 0]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"rate = -theta[0] > 0": theta[..., 0] < 0}

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return {"x >= 0": xp.all(x >= 0, axis=-1)}

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return xp.ones_like(x)[..., None]

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return 1.0 - xp.log(-theta[..., 0])

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        return xp.log(-theta[..., 0]) + theta[..., 0] * x[..., 0]

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], rate: np.ndarray
    ) -> np.ndarray:
        return np.asarray(rng.standard_exponential(size) / rate)[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], rate: np.ndarray
    ) -> np.ndarray:
        return np.asarray(np.log(rng.standard_exponential(size)) - np.log(rate))[..., None]

    scipy_name = "expon"

    def _to_scipy(self, rate: np.ndarray) -> dict[str, Any]:
        return {"scale": 1.0 / rate}

    @classmethod
    def _from_scipy(cls, scale: np.ndarray) -> tuple[Exponential, dict[str, np.ndarray]]:
        return cls(), {"rate": 1.0 / scale}
