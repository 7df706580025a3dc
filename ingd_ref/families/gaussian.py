"""The univariate Gaussian family (E12)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.logarithm import log_remainder
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families import _gaussian
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements

__all__ = ["Gaussian"]


@dataclass(frozen=True)
class Gaussian(ExponentialFamily):
    r"""Univariate Gaussian N(m, s²), equation (E12).

    Classical parameters are ``mean`` m and ``variance`` s² > 0; P = 1/s² = −2θ₂ is the precision.

    .. math::
        f(x) &= (x,\, x^2), \quad h(x) = 1/\sqrt{2\pi}, \quad \theta = (m/s^2,\, -1/(2s^2))
            & \text{(E1)} \\
        A(\theta) &= -\theta_1^2/(4\theta_2) - ½\log(-2\theta_2) & \text{(E1)} \\
        \nabla A(\theta) &= (m,\, m^2 + s^2) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (\mu_1,\, -½) / (\mu_2 - \mu_1^2) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= \begin{pmatrix} s^2 & 2ms^2 \\ 2ms^2 & 4m^2s^2
            + 2s^4 \end{pmatrix} & \text{(E3)} \\
        F^{-1} &= 2\theta\theta^\top + P e_1 e_1^\top & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= ½(r - 1 - \log r) + ½P'(m - m')^2, \quad
            r = \theta_2'/\theta_2 & \text{(E5)}

    Two differences are formed to two units in the last place whatever cancels: s² = μ₂ − μ₁², and m
    − m′ as a determinant in θ and θ′.

    Examples
    --------
    >>> family = Gaussian()
    >>> theta = family.natural(mean=1e8, variance=1.0)
    >>> family.kl(theta, family.natural(mean=1e8 + 1, variance=1.0)).item()
    0.5
    """

    name = "Gaussian"
    dim = 1
    number = 2
    parameters = (Parameter("mean"), Parameter("variance", POSITIVE))

    _fisher_rao_distance = _gaussian.fisher_rao_distance

    def _natural(self, xp: Namespace, mean: Array, variance: Array) -> Array:
        return xp.stack([mean / variance, -0.5 / variance], axis=-1)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"mean": -0.5 * theta[..., 0] / theta[..., 1], "variance": -0.5 / theta[..., 1]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"variance = -1/(2 theta[1]) > 0": theta[..., 1] < 0}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return {"variance = mu[1] - mu[0]**2 > 0": _variance(xp, mu) > 0}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat([x, x * x], axis=-1)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return xp.stack([xp.ones_like(x), 2.0 * x], axis=-1)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.full_like(x[..., 0], -0.5 * math.log(2.0 * math.pi))

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        precision = -2.0 * theta[..., 1]
        return 0.5 * theta[..., 0] * (theta[..., 0] / precision) - 0.5 * xp.log(precision)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        m, variance = self._classical(xp, theta).values()
        return xp.stack([m, m * m + variance], axis=-1)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return self._natural(xp, mean=mu[..., 0], variance=_variance(xp, mu))

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        m, variance = self._classical(xp, theta).values()
        cross = 2.0 * m * variance
        return matrix(xp, [[variance, cross], [cross, 2.0 * variance * (2.0 * m * m + variance)]])

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        first, second = theta[..., 0], theta[..., 1]
        cross = 2.0 * first * second
        return matrix(xp, [[2.0 * (first * first - second), cross], [cross, 2.0 * second * second]])

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        first, second = theta[..., 0], theta[..., 1]
        inner = difference_of_products(xp, first, grad[..., 0], -second, grad[..., 1])  # ⟨θ, ∇L⟩
        return 2.0 * xp.stack(
            [difference_of_products(xp, first, inner, second, grad[..., 0]), second * inner],
            axis=-1,
        )

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        shift = _gaussian.mean_shift(xp, theta1, theta2)[..., 0]
        second1 = theta1[..., 1]
        second2 = theta2[..., 1]
        return (
            0.5 * log_remainder(xp, second2 / second1, (second2 - second1) / second1)
            - second2 * shift * shift
        )

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        precision = -2.0 * theta[..., 1]
        zero = xp.zeros_like(precision)
        return matrix(xp, [[precision, zero], [zero, 0.5 * precision * precision]])

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        m, variance = self._classical(xp, theta).values()
        square = variance * variance
        # The cumulants of (x, x, x), (x, x, x²) and (x, x², x²).
        zero = xp.zeros_like(m)
        first = 2.0 * square
        second = 8.0 * m * square
        last = 8.0 * square * (3.0 * m * m + variance)
        return xp.stack(
            [
                matrix(xp, [[zero, first], [first, second]]),
                matrix(xp, [[first, second], [second, last]]),
            ],
            axis=-3,
        )

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        """By means and variances, which do not cancel as second moments do."""
        m1, variance1 = self._classical(xp, theta1).values()
        m2, variance2 = self._classical(xp, theta2).values()
        t = t[..., 0]
        spread = t * (1.0 - t) * _gaussian.mean_shift(xp, theta1, theta2)[..., 0] ** 2
        return self._natural(
            xp,
            mean=(1.0 - t) * m1 + t * m2,
            variance=(1.0 - t) * variance1 + t * variance2 + spread,
        )

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return 0.5 * (xp.log(-2.0 * theta[..., 1]) - 1.0)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return 0.5 * (1.0 + xp.log(-math.pi / theta[..., 1]))

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        first, precision = theta[..., 0], -2.0 * theta[..., 1]
        # x − m
        deviation = (
            difference_of_products(xp, precision, x[..., 0], first, xp.ones_like(first)) / precision
        )
        return 0.5 * (xp.log(precision / (2.0 * math.pi)) - precision * deviation * deviation)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        return xp.concat(_gaussian.fitted(xp, self.name, x, weights), axis=-1)

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        mean: np.ndarray,
        variance: np.ndarray,
    ) -> np.ndarray:
        return rng.normal(mean, np.sqrt(variance), size)[..., None]

    scipy_name = "norm"

    def _to_scipy(self, mean: np.ndarray, variance: np.ndarray) -> dict[str, Any]:
        return {"loc": mean, "scale": np.sqrt(variance)}

    @classmethod
    def _from_scipy(
        cls, loc: np.ndarray, scale: np.ndarray
    ) -> tuple[Gaussian, dict[str, np.ndarray]]:
        return cls(), {"mean": loc, "variance": scale * scale}


def _variance(xp: Namespace, mu: Array) -> Array:
    """Return μ₂ − μ₁² to two units in the last place.

    Second moments have lost digits already where m ≫ s, so nothing more may be lost here.
    """
    return difference_of_products(xp, mu[..., 1], xp.ones_like(mu[..., 1]), mu[..., 0], mu[..., 0])
