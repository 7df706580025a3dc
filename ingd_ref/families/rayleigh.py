"""The Rayleigh family: lengths of centred isotropic Gaussian vectors in the plane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import positive_mean
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._rate import RateFormulas

__all__ = ["Rayleigh"]

ENTROPY = 1.0 + 0.5 * np.euler_gamma - math.log(2.0)  # H(θ) at θ = −1


@dataclass(frozen=True)
class Rayleigh(ExponentialFamily):
    r"""Rayleigh distribution on x > 0: the length of an N(0, σ²I) vector in the plane.

    The classical parameter is the ``scale`` σ > 0, in the units of x; with γ Euler's constant,

    .. math::
        f(x) &= x^2, \quad h(x) = x, \quad \theta = -1/(2\sigma^2) & \text{(E1)} \\
        A(\theta) &= -\log(-2\theta) & \text{(E1)} \\
        \nabla A(\theta) &= -1/\theta = 2\sigma^2 & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -1/\mu & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= 1/\theta^2 & \text{(E3)} \\
        F^{-1} &= \theta^2 & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \rho - 1 - \log\rho, \quad \rho = \theta'/\theta
            & \text{(E5)} \\
        \nabla^3 A(\theta) &= -2/\theta^3, \quad d(\theta, \theta') = |\log\rho| \\
        H(\theta) &= 1 + \gamma/2 - \log 2 - ½\log(-\theta)

    Examples
    --------
    >>> family = Rayleigh()
    >>> family.mean(family.natural(scale=3.0))  # E x² = 2σ²
    array([18.])
    """

    name = "Rayleigh"
    dim = 1
    number = 1
    parameters = (Parameter("scale", POSITIVE),)
    bounds = (0.0, math.inf)

    _mean_domain = positive_mean
    _rate = RateFormulas(factor=2.0)
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

    def _natural(self, xp: Namespace, scale: Array) -> Array:
        return (-0.5 / scale / scale)[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"scale": xp.sqrt(-0.5 / theta[..., 0])}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"1/scale**2 = -2 theta[0] > 0": theta[..., 0] < 0}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return x * x

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return 2.0 * x[..., None]

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.log(x[..., 0])

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return ENTROPY - 0.5 * xp.log(-theta[..., 0])

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        slope = theta[..., 0] * x[..., 0]
        return xp.log(-2.0 * slope) + slope * x[..., 0]

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], scale: np.ndarray
    ) -> np.ndarray:
        return np.asarray(scale * np.sqrt(2.0 * rng.standard_exponential(size)))[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], scale: np.ndarray
    ) -> np.ndarray:
        return np.asarray(np.log(scale) + 0.5 * np.log(2.0 * rng.standard_exponential(size)))[
            ..., None
        ]

    scipy_name = "rayleigh"

    @classmethod
    def _from_scipy(cls, scale: np.ndarray) -> tuple[Rayleigh, dict[str, np.ndarray]]:
        return cls(), {"scale": scale}
