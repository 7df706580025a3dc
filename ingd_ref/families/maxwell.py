"""The Maxwell family: lengths of centred isotropic Gaussian vectors in space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import positive_mean
from ingd_ref.families._parameters import POSITIVE, Parameter
from ingd_ref.families._rate import RateFormulas
from ingd_ref.families.rayleigh import Rayleigh

__all__ = ["Maxwell"]

ENTROPY = np.euler_gamma - 0.5 + 0.5 * math.log(math.pi)  # H(θ) at θ = −1


@dataclass(frozen=True)
class Maxwell(ExponentialFamily):
    r"""Maxwell (Maxwell-Boltzmann) distribution on x > 0: the length of an N(0, σ²I) vector in R³.

    The classical parameter is the ``scale`` σ > 0, in the units of x; with γ Euler's constant,

    .. math::
        f(x) &= x^2, \quad h(x) = \sqrt{2/\pi}\,x^2, \quad \theta = -1/(2\sigma^2) & \text{(E1)} \\
        A(\theta) &= -(3/2)\log(-2\theta) & \text{(E1)} \\
        \nabla A(\theta) &= -3/(2\theta) = 3\sigma^2 & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -3/(2\mu) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= 3/(2\theta^2) & \text{(E3)} \\
        F^{-1} &= 2\theta^2/3 & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= (3/2)(\rho - 1 - \log\rho), \quad \rho = \theta'/\theta
            & \text{(E5)} \\
        \nabla^3 A(\theta) &= -3/\theta^3, \quad d(\theta, \theta') = \sqrt{3/2}\,|\log\rho| \\
        H(\theta) &= \gamma - ½ + ½\log(-\pi/\theta)

    Examples
    --------
    >>> family = Maxwell()
    >>> family.mean(family.natural(scale=3.0))  # E x² = 3σ²
    array([27.])
    """

    name = "Maxwell"
    dim = 1
    number = 1
    parameters = (Parameter("scale", POSITIVE),)
    bounds = (0.0, math.inf)

    _mean_domain = positive_mean
    _rate = RateFormulas(shape=1.5, factor=2.0)
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

    _rayleigh = Rayleigh()
    _natural = _rayleigh._natural
    _classical = _rayleigh._classical
    _domain = _rayleigh._domain
    _statistics = _rayleigh._statistics
    _statistics_jacobian = _rayleigh._statistics_jacobian

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return 0.5 * math.log(2.0 / math.pi) + 2.0 * xp.log(x[..., 0])

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return ENTROPY - 0.5 * xp.log(-theta[..., 0])

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        precision = -2.0 * theta[..., 0]
        square = precision * x[..., 0] * x[..., 0]
        return xp.log(math.sqrt(2.0 / math.pi) * square * xp.sqrt(precision)) - 0.5 * square

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], scale: np.ndarray
    ) -> np.ndarray:
        return np.asarray(scale * np.sqrt(2.0 * rng.standard_gamma(1.5, size)))[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], scale: np.ndarray
    ) -> np.ndarray:
        return np.asarray(np.log(scale) + 0.5 * np.log(2.0 * rng.standard_gamma(1.5, size)))[
            ..., None
        ]

    scipy_name = "maxwell"

    @classmethod
    def _from_scipy(cls, scale: np.ndarray) -> tuple[Maxwell, dict[str, np.ndarray]]:
        return cls(), {"scale": scale}
