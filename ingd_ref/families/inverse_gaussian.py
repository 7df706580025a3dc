"""The inverse Gaussian family."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.exponential_integral import (
    scaled_exponential_integral,
    scaled_exponential_integral_excess,
)
from ingd_ref._special.logarithm import log_ratio, log_remainder
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._samples import moments

__all__ = ["InverseGaussian"]

# Above e^300, 1 + r and r are the same number, and r² is one still.
LARGEST_LOG = 300.0


@dataclass(frozen=True)
class InverseGaussian(ExponentialFamily):
    r"""Inverse Gaussian (Wald) distribution on x > 0.

    It is the law of the time at which Brownian motion with drift first reaches a level.

    Classical parameters are ``mean`` m > 0 and ``shape`` λ > 0, both in the units of x; the
    variance is m³/λ. With E₁ the exponential integral and t = 2λ/m,

    .. math::
        f(x) &= (x,\, 1/x), \quad h(x) = 1/\sqrt{2\pi x^3}, \quad
            \theta = (-\lambda/(2m^2),\, -\lambda/2) & \text{(E1)} \\
        A(\theta) &= -2\sqrt{\theta_1\theta_2} - ½\log(-2\theta_2) = -\lambda/m - ½\log\lambda
            & \text{(E1)} \\
        \nabla A(\theta) &= (m,\, 1/m + 1/\lambda) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -\frac{(1/\mu_1,\, \mu_1)}{2(\mu_1\mu_2 - 1)} & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= \begin{pmatrix} m^3/\lambda & -m/\lambda \\
                -m/\lambda & 1/(m\lambda) + 2/\lambda^2 \end{pmatrix}
            & \text{(E3)} \\
        F^{-1} &= 2\theta\theta^\top + (\lambda/m^3)\, e_1 e_1^\top & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= ½(r - 1 - \log r)
            + \frac{\lambda'}{2m}\Big(\frac{m}{m'} - 1\Big)^2,
            \quad r = \lambda'/\lambda & \text{(E5)} \\
        H(\theta) &= ½\log(2\pi e/\lambda) + \tfrac32\,\mathrm{E}\log x, \quad
            \mathrm{E}\log x = \log m - e^t E_1(t) = \log 2\lambda + \gamma - G(t)

    with γ Euler's constant and G(t) = eᵗE₁(t) + log t + γ → 0 for small t. Two differences are
    formed to two units in the last place whatever cancels: μ₁μ₂ − 1, and m²/m′² − 1 as a
    determinant in θ and θ′.

    Examples
    --------
    >>> family = InverseGaussian()
    >>> theta = family.natural(mean=1.0, shape=2.0)
    >>> family.mean(theta)
    array([1. , 1.5])
    >>> near = family.natural(mean=1.0 + 2.0**-30, shape=2.0)
    >>> f"{family.kl(theta, near).item() * 2.0**60:.6f}"  # λ/(2m³) to first order
    '1.000000'
    """

    name = "inverse Gaussian"
    dim = 1
    number = 2
    parameters = (Parameter("mean", POSITIVE), Parameter("shape", POSITIVE))
    bounds = (0.0, math.inf)

    def _natural(self, xp: Namespace, mean: Array, shape: Array) -> Array:
        return xp.stack([-0.5 * shape / mean / mean, -0.5 * shape], axis=-1)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"mean": xp.sqrt(theta[..., 1] / theta[..., 0]), "shape": -2.0 * theta[..., 1]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {
            "shape/mean**2 = -2 theta[0] > 0": theta[..., 0] < 0,
            "shape = -2 theta[1] > 0": theta[..., 1] < 0,
        }

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return {
            "mu[0] > 0": mu[..., 0] > 0,
            "mean/shape = mu[0] mu[1] - 1 > 0": _dispersion(xp, mu) > 0,
        }

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat([x, 1.0 / x], axis=-1)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return xp.stack([xp.ones_like(x), -1.0 / x / x], axis=-1)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return -0.5 * math.log(2.0 * math.pi) - 1.5 * xp.log(x[..., 0])

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        mean, shape = self._classical(xp, theta).values()
        return -shape / mean - 0.5 * xp.log(shape)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        mean, shape = self._classical(xp, theta).values()
        return xp.stack([mean, 1.0 / mean + 1.0 / shape], axis=-1)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        twice = 2.0 * _dispersion(xp, mu)
        return xp.stack([-1.0 / mu[..., 0] / twice, -mu[..., 0] / twice], axis=-1)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        mean, shape = self._classical(xp, theta).values()
        dispersion = mean / shape
        return matrix(
            xp,
            [
                [dispersion * mean * mean, -dispersion],
                [-dispersion, (1.0 / mean + 2.0 / shape) / shape],
            ],
        )

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        first, second = theta[..., 0], theta[..., 1]
        cross = 2.0 * first * second
        return matrix(
            xp,
            [
                [2.0 * first * (first - xp.sqrt(first / second)), cross],
                [cross, 2.0 * second * second],
            ],
        )

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        first, second = theta[..., 0], theta[..., 1]
        inner = difference_of_products(xp, first, grad[..., 0], -second, grad[..., 1])  # ⟨θ, ∇L⟩
        return 2.0 * xp.stack(
            [first * (inner - xp.sqrt(first / second) * grad[..., 0]), second * inner], axis=-1
        )

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        second1 = theta1[..., 1]
        second2 = theta2[..., 1]
        _, excess = _mean_ratio(xp, theta1, theta2)
        weight = -second2 * xp.sqrt(theta1[..., 0] / second1)  # λ′/(2m)
        return (
            0.5 * log_remainder(xp, second2 / second1, (second2 - second1) / second1)
            + weight * excess * excess
        )

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        mean, shape = self._classical(xp, theta).values()
        zero = xp.zeros_like(mean)
        return matrix(xp, [[shape / mean / mean / mean, zero], [zero, 0.5 / shape / shape]])

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        mean, shape = self._classical(xp, theta).values()
        last = mean / shape / shape  # of (x, 1/x, 1/x), but for its sign
        zeroth = 3.0 * last * mean**4
        first = -last * mean * mean
        second = (3.0 / mean + 8.0 / shape) / shape / shape
        return xp.stack(
            [
                matrix(xp, [[zeroth, first], [first, -last]]),
                matrix(xp, [[first, -last], [-last, second]]),
            ],
            axis=-3,
        )

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        """Distance in a half-plane of curvature −½ in (√(2/m), 1/√λ): 2√2 arsinh of half the chord.

        Each leg of the chord is a difference of roots.
        """
        second1 = theta1[..., 1]
        second2 = theta2[..., 1]
        ratio, excess = _mean_ratio(xp, theta1, theta2)
        step = excess / (1.0 + xp.sqrt(ratio))  # √(m/m′) − 1
        # (1/√m′ − 1/√m)² √(λλ′)/2
        across = (
            -second1 * xp.sqrt(theta1[..., 0] / second1) * xp.sqrt(second2 / second1) * step * step
        )
        along = xp.sinh(0.25 * log_ratio(xp, second2, second1))
        return 2.0 * math.sqrt(2.0) * xp.asinh(xp.sqrt(across + along * along))

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        """By means and 1/λ, which do not cancel as μ₂ − 1/μ₁ does."""
        mean1, shape1 = self._classical(xp, theta1).values()
        mean2, shape2 = self._classical(xp, theta2).values()
        t = t[..., 0]
        mean = (1.0 - t) * mean1 + t * mean2
        ratio, excess = _mean_ratio(xp, theta1, theta2)
        spread = t * (1.0 - t) * excess * (excess / ratio) / mean  # (1 − t)/m + t/m′ − 1/mean
        return self._natural(xp, mean=mean, shape=1.0 / ((1.0 - t) / shape1 + t / shape2 + spread))

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return 0.5 * (xp.log(-2.0 * theta[..., 1]) - 1.0)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        """For small t, log m cancels against the logarithm in E₁; for large t, log λ does."""
        mean, shape = self._classical(xp, theta).values()
        t = 2.0 * shape / mean
        diffuse = xp.log(shape) + 1.5 * (
            math.log(2.0) + np.euler_gamma - scaled_exponential_integral_excess(xp, t)
        )
        narrow = (
            xp.log(mean) + 0.5 * xp.log(mean / shape) - 1.5 * scaled_exponential_integral(xp, t)
        )
        return 0.5 * math.log(2.0 * math.pi * math.e) + xp.where(t < 1.0, diffuse, narrow)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        (mean, shape), x = self._classical(xp, theta).values(), x[..., 0]
        deviation = (x - mean) / x
        return (
            0.5 * xp.log(shape / (2.0 * math.pi * x))
            - xp.log(x)
            + theta[..., 0] * x * deviation * deviation
        )

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        mean, deviation, _, _ = moments(xp, self.name, x, weights)
        deviation = deviation / mean[..., None, :]
        # m/λ = E x E 1/x − 1, of the points in units of their mean
        twice = 2.0 * xp.sum(weights * (mean[..., None, :] / x) * deviation**2, axis=-2)
        return xp.concat([-1.0 / mean / twice, -mean / twice], axis=-1)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], mean: np.ndarray, shape: np.ndarray
    ) -> np.ndarray:
        """Method of Michael, Schucany and Haas.

        z = x/m and 1/z give the same λ(x − m)²/(m²x), which is χ² with one degree of freedom.
        """
        r = 0.5 * mean / shape * rng.standard_normal(size) ** 2
        # The smaller root of z + 1/z = 2 + 2r, in a form without a difference.
        z = 1.0 / (1.0 + r + np.sqrt(r * (r + 2.0)))
        smaller = rng.random(size) * (1.0 + z) < 1.0
        return np.asarray(mean * np.where(smaller, z, 1.0 / z))[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], mean: np.ndarray, shape: np.ndarray
    ) -> np.ndarray:
        """Like :meth:`_draw`, with −log z = arcosh(1 + r), about log 2r for large r."""
        normal = np.abs(rng.standard_normal(size))
        log_r = np.log(0.5 * mean) - np.log(shape) + 2.0 * np.log(normal)
        r = np.exp(np.minimum(log_r, LARGEST_LOG))
        far = np.where(
            log_r < LARGEST_LOG, np.log1p(r + np.sqrt(r * (r + 2.0))), log_r + np.log(2.0)
        )
        smaller = rng.random(size) * (1.0 + np.exp(-far)) < 1.0
        return np.asarray(np.log(mean) + np.where(smaller, -far, far))[..., None]

    scipy_name = "invgauss"

    def _to_scipy(self, mean: np.ndarray, shape: np.ndarray) -> dict[str, Any]:
        return {"mu": mean / shape, "scale": shape}

    @classmethod
    def _from_scipy(
        cls, mu: np.ndarray, scale: np.ndarray
    ) -> tuple[InverseGaussian, dict[str, np.ndarray]]:
        return cls(), {"mean": mu * scale, "shape": scale}


def _dispersion(xp: Namespace, mu: Array) -> Array:
    """m/λ = μ₁μ₂ − 1 to two units in the last place."""
    return difference_of_products(
        xp, mu[..., 0], mu[..., 1], xp.ones_like(mu[..., 0]), xp.ones_like(mu[..., 0])
    )


def _mean_ratio(xp: Namespace, theta1: Array, theta2: Array) -> tuple[Array, Array]:
    """Return m/m′, and m/m′ − 1 from m²/m′² − 1, which is a determinant in θ and θ′."""
    first1 = theta1[..., 0]
    second1 = theta1[..., 1]
    first2 = theta2[..., 0]
    second2 = theta2[..., 1]
    ratio = xp.sqrt((second1 / first1) / (second2 / first2))
    determinant = difference_of_products(xp, second1, first2, first1, second2)
    return ratio, determinant / first1 / second2 / (1.0 + ratio)
