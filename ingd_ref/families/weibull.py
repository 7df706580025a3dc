"""The Weibull family with known shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._common import positive_mean
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._rate import RateFormulas
from ingd_ref.families._scipy import single

__all__ = ["Weibull"]


@dataclass(frozen=True)
class Weibull(ExponentialFamily):
    r"""Weibull distribution on x > 0 with known shape k: xᵏ is exponential.

    The classical parameter is the ``scale`` λ > 0, in the units of x; with γ Euler's constant,

    .. math::
        f(x) &= x^k, \quad h(x) = k x^{k-1}, \quad \theta = -\lambda^{-k} & \text{(E1)} \\
        A(\theta) &= -\log(-\theta) & \text{(E1)} \\
        \nabla A(\theta) &= -1/\theta = \lambda^k & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -1/\mu & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= 1/\theta^2 & \text{(E3)} \\
        F^{-1} &= \theta^2 & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \rho - 1 - \log\rho, \quad \rho = \theta'/\theta
            & \text{(E5)} \\
        \nabla^3 A(\theta) &= -2/\theta^3, \quad d(\theta, \theta') = |\log\rho| \\
        H(\theta) &= 1 + \gamma(1 - 1/k) - \log k - \log(-\theta)/k

    Parameters
    ----------
    shape : float > 0
        Exponent k.

    Raises
    ------
    NonFiniteError, DomainError
        If the shape is not a finite positive number.

    Examples
    --------
    >>> family = Weibull(shape=3.0)
    >>> family.mean(family.natural(scale=2.0))  # E x³ = λ³
    array([8.])
    """

    shape: float
    name = "Weibull"
    dim = 1
    number = 1
    parameters = (Parameter("scale", POSITIVE),)
    bounds = (0.0, math.inf)

    @classmethod
    def examples(cls) -> Sequence[Self]:
        """Shapes below and above one: with and without a pole of the density at zero."""
        return (cls(0.75), cls(2.5))

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checks.positive(self.shape, "shape"))

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

    _mean_domain = positive_mean

    def _natural(self, xp: Namespace, scale: Array) -> Array:
        return -(scale**-self.shape)[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        """The scale, with one step of Newton's method against the rounding of the exponent."""
        scale = (-theta[..., 0]) ** (-1.0 / self.shape)
        excess = -theta[..., 0] * scale**self.shape - 1.0
        return {"scale": scale - scale * excess / self.shape}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"scale**-shape = -theta[0] > 0": theta[..., 0] < 0}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return x**self.shape

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return self.shape * x[..., None] ** (self.shape - 1.0)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return math.log(self.shape) + (self.shape - 1.0) * xp.log(x[..., 0])

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        return matrix(xp, [[(self.shape / self._classical(xp, theta)["scale"]) ** 2]])

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        scale_free = 1.0 + np.euler_gamma * (1.0 - 1.0 / self.shape) - math.log(self.shape)
        return scale_free - xp.log(-theta[..., 0]) / self.shape

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        exponent = theta[..., 0] * x[..., 0] ** self.shape  # −(x/λ)ᵏ
        return xp.log(-self.shape * exponent / x[..., 0]) + exponent

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], scale: np.ndarray
    ) -> np.ndarray:
        return np.asarray(scale * rng.weibull(self.shape, size))[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], scale: np.ndarray
    ) -> np.ndarray:
        return np.asarray(np.log(scale) + np.log(rng.standard_exponential(size)) / self.shape)[
            ..., None
        ]

    scipy_name = "weibull_min"

    def _to_scipy(self, scale: np.ndarray) -> dict[str, Any]:
        return {"c": self.shape, "scale": scale}

    @classmethod
    def _from_scipy(cls, c: np.ndarray, scale: np.ndarray) -> tuple[Weibull, dict[str, np.ndarray]]:
        return cls(single(c, "c")), {"scale": scale}
