"""The Gamma family (E13)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.gamma import (
    inverse_log_minus_digamma,
    log_minus_digamma,
    reduced_lgamma,
    reduced_lgamma_bregman,
    stirling_remainder,
    tetragamma,
    trigamma,
    trigamma_excess,
)
from ingd_ref._special.log_means import jensen_gap
from ingd_ref._special.logarithm import log_ratio, log_remainder
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._common import reciprocal_base_measure
from ingd_ref.families._draws import draw_log_gamma
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._samples import require_fit, require_varied

__all__ = ["Gamma"]


@dataclass(frozen=True)
class Gamma(ExponentialFamily):
    r"""Gamma distribution on x > 0, equation (E13).

    Classical parameters are ``shape`` α > 0 and ``rate`` β > 0; the mean is α/β. With ψ the digamma
    function,

    .. math::
        f(x) &= (\log x,\, x), \quad h(x) = 1/x, \quad \theta = (\alpha,\, -\beta) & \text{(E1)} \\
        A(\theta) &= \log\Gamma(\alpha) - \alpha\log\beta = S(\alpha) + \alpha(\log(\alpha/\beta)
            - 1) & \text{(E1)} \\
        \nabla A(\theta) &= (\psi(\alpha) - \log\beta,\, \alpha/\beta), \quad
            \psi(\alpha) - \log\beta = \log(\alpha/\beta) - \varphi(\alpha) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (\alpha,\, -\alpha/\mu_2), \quad
            \varphi(\alpha) = \log\mu_2 - \mu_1 & \text{(E6)} \\
        F = \nabla^2 A(\theta)
            &= \begin{pmatrix} \psi'(\alpha) & 1/\beta \\ 1/\beta & \alpha/\beta^2 \end{pmatrix},
            \quad
            \det F = c(\alpha)/\beta^2 & \text{(E3)} \\
        F^{-1} &= \frac{1}{c(\alpha)}
            \begin{pmatrix} \alpha & -\beta \\ -\beta & \beta^2\psi'(\alpha) \end{pmatrix}
            & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= B_S(\alpha, \alpha') + \alpha'(\rho - 1
            - \log\rho), \quad
            \rho = \frac{\alpha/\beta}{\alpha'/\beta'} & \text{(E5)}

    where nothing on the right cancels: φ(α) = log α − ψ(α), c(α) = αψ′(α) − 1 and S(α) = log Γ(α) −
    α log α + α are evaluated directly, and B_S(α, α′) = S(α′) − S(α) + (α′ − α)φ(α) ≥ 0 is the
    divergence at equal means, to which that of the means is added.

    Examples
    --------
    >>> family = Gamma()
    >>> theta = family.natural(shape=1e8, rate=1e8)
    >>> family.mean(theta)  # −1/(2α) − 1/(12α²) and 1
    array([-5.00000001e-09,  1.00000000e+00])
    >>> near = family.natural(shape=1e8 + 1, rate=1e8 + 1)
    >>> f"{family.kl(theta, near).item():.6e}"  # 1/(4α²) to first order
    '2.500000e-17'
    """

    name = "Gamma"
    dim = 1
    number = 2
    parameters = (Parameter("shape", POSITIVE), Parameter("rate", POSITIVE))
    bounds = (0.0, math.inf)

    _log_base_measure = reciprocal_base_measure

    def _natural(self, xp: Namespace, shape: Array, rate: Array) -> Array:
        return xp.stack([shape, -rate], axis=-1)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"shape": theta[..., 0], "rate": -theta[..., 1]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {
            "shape = theta[0] > 0": theta[..., 0] > 0,
            "rate = -theta[1] > 0": theta[..., 1] < 0,
        }

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        positive = mu[..., 1] > 0
        gap = xp.log(xp.where(positive, mu[..., 1], xp.ones_like(mu[..., 1]))) - mu[..., 0]
        return {"mu[1] > 0": positive, "log(mu[1]) - mu[0] > 0": gap > 0}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat([xp.log(x), x], axis=-1)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return xp.stack([1.0 / x, xp.ones_like(x)], axis=-1)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        shape, rate = self._classical(xp, theta).values()
        return reduced_lgamma(xp, shape) + shape * (log_ratio(xp, shape, rate) - 1.0)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        shape, rate = self._classical(xp, theta).values()
        return xp.stack(
            [
                log_ratio(xp, shape, rate) - log_minus_digamma(xp, shape),
                shape / rate,
            ],
            axis=-1,
        )

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        shape = inverse_log_minus_digamma(xp, xp.log(mu[..., 1]) - mu[..., 0])
        return self._natural(xp, shape=shape, rate=shape / mu[..., 1])

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        shape, rate = self._classical(xp, theta).values()
        return matrix(xp, [[trigamma(xp, shape), 1.0 / rate], [1.0 / rate, shape / rate / rate]])

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        shape, rate = self._classical(xp, theta).values()
        excess = trigamma_excess(xp, shape)
        return matrix(
            xp,
            [
                [shape / excess, -rate / excess],
                [-rate / excess, rate * (rate / shape) * (1.0 + 1.0 / excess)],
            ],
        )

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        shape, rate = self._classical(xp, theta).values()
        first = difference_of_products(
            xp, shape, grad[..., 0], rate, grad[..., 1]
        ) / trigamma_excess(xp, shape)
        return xp.stack([first, rate / shape * (rate * grad[..., 1] - first)], axis=-1)

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        shape1, rate1 = self._classical(xp, theta1).values()
        shape2, rate2 = self._classical(xp, theta2).values()
        ratio = (shape1 / rate1) / (shape2 / rate2)
        excess = difference_of_products(xp, shape1, rate2, shape2, rate1) / (shape2 * rate1)
        return reduced_lgamma_bregman(xp, shape1, shape2) + shape2 * log_remainder(
            xp, ratio, excess
        )

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        shape, rate = self._classical(xp, theta).values()
        zero = xp.zeros_like(shape)
        mixed = 1.0 / rate / rate
        last = 2.0 * shape / rate / rate / rate
        first = matrix(xp, [[tetragamma(xp, shape), zero], [zero, mixed]])
        return xp.stack([first, matrix(xp, [[zero, mixed], [mixed, last]])], axis=-3)

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        shape = theta[..., 0]
        return -reduced_lgamma(xp, shape) - shape * log_minus_digamma(xp, shape)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        shape, rate = self._classical(xp, theta).values()
        scale_free = reduced_lgamma(xp, shape) + (shape - 1.0) * log_minus_digamma(xp, shape)
        return scale_free + log_ratio(xp, shape, rate)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        (shape, rate), x = self._classical(xp, theta).values(), x[..., 0]
        excess = difference_of_products(xp, rate, x, shape, xp.ones_like(x)) / shape  # x/(α/β) − 1
        return -log_front(xp, shape, x) - shape * log_remainder(xp, x / (shape / rate), excess)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        mean = xp.sum(weights * x, axis=-2)
        centre = mean[..., None, :]
        # log E x − E log x
        logs = xp.log(x) - xp.log(centre)
        gap = jensen_gap(xp, x / centre, (x - centre) / centre, weights, logs)[..., 0]
        require_varied(xp, self.name, x, gap > float(xp.finfo(x.dtype).eps))
        require_fit(xp, self.name, {"log(mean) - mean(log) > 0": gap > 0})
        shape = inverse_log_minus_digamma(xp, gap)
        return self._natural(xp, shape=shape, rate=shape / mean[..., 0])

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], shape: np.ndarray, rate: np.ndarray
    ) -> np.ndarray:
        return np.asarray(rng.standard_gamma(shape, size) / rate)[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], shape: np.ndarray, rate: np.ndarray
    ) -> np.ndarray:
        return np.asarray(draw_log_gamma(rng, size, shape) - np.log(rate))[..., None]

    scipy_name = "gamma"

    def _to_scipy(self, shape: np.ndarray, rate: np.ndarray) -> dict[str, Any]:
        return {"a": shape, "scale": 1.0 / rate}

    @classmethod
    def _from_scipy(cls, a: np.ndarray, scale: np.ndarray) -> tuple[Gamma, dict[str, np.ndarray]]:
        return cls(), {"shape": a, "rate": 1.0 / scale}


def log_front(xp: Namespace, shape: Array, x: Array) -> Array:
    """Return S(α) + log x, S(a) = log Γ(a) − a log a + a, for the density of Gamma variables.

    It takes one step of the recurrence of S, so that log x meets −log Γ(α) ≈ log α of a small shape
    in one logarithm.
    """
    ratio = x / shape * xp.sqrt(2.0 * math.pi * (1.0 + shape))
    step = shape * xp.log1p(1.0 / shape) - 1.0 + xp.log(ratio)
    return stirling_remainder(xp, 1.0 + shape) + step
