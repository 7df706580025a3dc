"""Formulas of the families whose statistic is Gamma distributed with known shape k and rate −θ.

They have A(θ) = −k log(−cθ) in common: the exponential, Laplace, Pareto and Weibull families with
k = 1, Rayleigh and Maxwell with k = 1 and 3/2. A family names the formulas that it uses, as in
``_mean = _rate.mean``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ingd_ref._special.logarithm import log_ratio, log_remainder
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._edge import matrix

__all__ = ["RateFormulas"]


@dataclass(frozen=True)
class RateFormulas:
    r"""What follows from A(θ) = −k log(−cθ) with k = ``shape`` and c = ``factor``.

    .. math::
        \nabla A(\theta) &= -k/\theta, \quad (\nabla A)^{-1}(\mu) = -k/\mu & \text{(E2), (E6)} \\
        F &= k/\theta^2, \quad F^{-1} = \theta^2/k & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= k(\rho - 1 - \log\rho), \quad \rho = \theta'/\theta
            & \text{(E5)} \\
        \nabla^3 A(\theta) &= -2k/\theta^3, \quad d(\theta, \theta') = \sqrt k\,|\log\rho|
    """

    shape: float = 1.0
    factor: float = 1.0

    def log_partition(self, xp: Namespace, theta: Array) -> Array:
        return -self.shape * xp.log(-self.factor * theta[..., 0])

    def mean(self, xp: Namespace, theta: Array) -> Array:
        return -self.shape / theta

    def natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return -self.shape / mu

    def fisher(self, xp: Namespace, theta: Array) -> Array:
        return matrix(xp, [[self.shape / theta[..., 0] ** 2]])

    def inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return matrix(xp, [[theta[..., 0] ** 2 / self.shape]])

    def natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return theta * theta * grad / self.shape

    def third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return -2.0 * self.shape / theta[..., None, None] ** 3

    def kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        excess = (theta2 - theta1) / theta1
        return self.shape * log_remainder(xp, theta2 / theta1, excess)[..., 0]

    def fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return math.sqrt(self.shape) * xp.abs(log_ratio(xp, theta2, theta1))[..., 0]

    def conjugate(self, xp: Namespace, theta: Array) -> Array:
        return self.shape * (xp.log(-self.factor * theta[..., 0]) - 1.0)
