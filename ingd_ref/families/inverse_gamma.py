"""The inverse Gamma family."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.gamma import (
    inverse_log_minus_digamma,
    log_minus_digamma,
    reduced_lgamma,
)
from ingd_ref._special.log_means import jensen_gap
from ingd_ref._special.logarithm import log_ratio, log_remainder
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families import _flipped
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import reciprocal_base_measure
from ingd_ref.families._draws import draw_log_gamma
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._samples import require_fit, require_varied, square_scale
from ingd_ref.families.gamma import Gamma, log_front

__all__ = ["InverseGamma"]


@dataclass(frozen=True)
class InverseGamma(ExponentialFamily):
    r"""Inverse Gamma distribution on x > 0: 1/x is Gamma distributed, with rate β.

    Classical parameters are ``shape`` α > 0 and ``scale`` β > 0, in the units of x. With ψ the
    digamma function,

    .. math::
        f(x) &= (\log x,\, 1/x), \quad h(x) = 1/x, \quad \theta = (-\alpha,\, -\beta)
            & \text{(E1)} \\
        A(\theta) &= \log\Gamma(\alpha) - \alpha\log\beta = S(\alpha) + \alpha(\log(\alpha/\beta)
            - 1) & \text{(E1)} \\
        \nabla A(\theta) &= (\log\beta - \psi(\alpha),\, \alpha/\beta), \quad
            \log\beta - \psi(\alpha) = \varphi(\alpha) - \log(\alpha/\beta) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (-\alpha,\, -\alpha/\mu_2), \quad
            \varphi(\alpha) = \log\mu_2 + \mu_1 & \text{(E6)} \\
        F = \nabla^2 A(\theta)
            &= \begin{pmatrix} \psi'(\alpha) & -1/\beta \\ -1/\beta & \alpha/\beta^2 \end{pmatrix}
            & \text{(E3)} \\
        F^{-1} &= \frac{1}{c(\alpha)}
            \begin{pmatrix} \alpha & \beta \\ \beta & \beta^2\psi'(\alpha) \end{pmatrix}
            & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= B_S(\alpha, \alpha') + \alpha'(\rho - 1
            - \log\rho), \quad
            \rho = \frac{\alpha/\beta}{\alpha'/\beta'} & \text{(E5)}

    where nothing on the right cancels: φ(α) = log α − ψ(α), c(α) = αψ′(α) − 1, S(α) = log Γ(α) − α
    log α + α and its Bregman remainder B_S(α, α′) = S(α′) − S(α) + (α′ − α)φ(α) ≥ 0 are evaluated
    directly.

    Examples
    --------
    >>> family = InverseGamma()
    >>> family.fisher(family.natural(shape=2.0, scale=1.0)).round(6)  # ψ′(2) = π²/6 − 1
    array([[ 0.644934, -1.      ],
           [-1.      ,  2.      ]])
    """

    name = "inverse Gamma"
    dim = 1
    number = 2
    parameters = (Parameter("shape", POSITIVE), Parameter("scale", POSITIVE))
    bounds = (0.0, math.inf)

    _log_base_measure = reciprocal_base_measure
    _inverted = Gamma()
    _log_partition = _flipped.log_partition
    _mean = _flipped.mean
    _natural_from_mean = _flipped.natural_from_mean
    _fisher = _flipped.fisher
    _inverse_fisher = _flipped.inverse_fisher
    _natural_gradient = _flipped.natural_gradient
    _fisher_vector_product = _flipped.fisher_vector_product
    _third_cumulant = _flipped.third_cumulant
    _kl = _flipped.kl
    _conjugate = _flipped.conjugate

    def _natural(self, xp: Namespace, shape: Array, scale: Array) -> Array:
        return xp.stack([-shape, -scale], axis=-1)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"shape": -theta[..., 0], "scale": -theta[..., 1]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {
            "shape = -theta[0] > 0": theta[..., 0] < 0,
            "scale = -theta[1] > 0": theta[..., 1] < 0,
        }

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        positive = mu[..., 1] > 0
        gap = xp.log(xp.where(positive, mu[..., 1], xp.ones_like(mu[..., 1]))) + mu[..., 0]
        return {"mu[1] > 0": positive, "log(mu[1]) + mu[0] > 0": gap > 0}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat([xp.log(x), 1.0 / x], axis=-1)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return xp.stack([1.0 / x, -1.0 / x / x], axis=-1)

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        """Mix log E 1/x + E log x instead of the means, which may cancel.

        To the mixture of the two values it adds the Jensen gap of the two means of 1/x.
        """
        shape1, scale1 = self._classical(xp, theta1).values()
        shape2, scale2 = self._classical(xp, theta2).values()
        t = t[..., 0]
        first, second = shape1 / scale1, shape2 / scale2
        mean, difference = (1.0 - t) * first + t * second, (first - second)
        gap = (1.0 - t) * (
            log_minus_digamma(xp, shape1) + log_remainder(xp, first / mean, t * difference / mean)
        )
        gap = gap + t * (
            log_minus_digamma(xp, shape2)
            + log_remainder(xp, second / mean, -(1.0 - t) * difference / mean)
        )
        shape = inverse_log_minus_digamma(xp, gap)
        return self._natural(xp, shape=shape, scale=shape / mean)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        shape, scale = self._classical(xp, theta).values()
        scale_free = reduced_lgamma(xp, shape) + (1.0 + shape) * log_minus_digamma(xp, shape)
        return scale_free - log_ratio(xp, shape, scale)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        (shape, scale), x = self._classical(xp, theta).values(), x[..., 0]
        # (1/x)/(α/β) − 1
        excess = difference_of_products(xp, scale, xp.ones_like(x), shape, x) / (shape * x)
        return -log_front(xp, shape, x) - shape * log_remainder(xp, scale / x / shape, excess)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        mean = xp.sum(weights / x, axis=-2)  # of 1/x
        ratio = (1.0 / x) / mean[..., None, :]
        near = xp.abs(ratio - 1.0) < 0.5
        one, scale = xp.ones_like(x), square_scale(xp, x)
        first = xp.where(near, x * scale, one)
        second = xp.where(near, mean[..., None, :] / scale, one)
        excess = difference_of_products(xp, one, one, first, second) / (first * second)
        excess = xp.where(near, excess, ratio - 1.0)
        logs = -xp.log(x) - xp.log(mean[..., None, :])
        gap = jensen_gap(xp, ratio, excess, weights, logs)[..., 0]  # log E 1/x + E log x
        require_varied(xp, self.name, x, gap > float(xp.finfo(x.dtype).eps))
        require_fit(xp, self.name, {"log(mean of 1/x) + mean(log) > 0": gap > 0})
        shape = inverse_log_minus_digamma(xp, gap)
        return self._natural(xp, shape=shape, scale=shape / mean[..., 0])

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], shape: np.ndarray, scale: np.ndarray
    ) -> np.ndarray:
        with np.errstate(
            divide="ignore", over="ignore"
        ):  # beyond the largest number, of which the base returns the largest
            return np.asarray(scale / rng.standard_gamma(shape, size))[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], shape: np.ndarray, scale: np.ndarray
    ) -> np.ndarray:
        return np.asarray(np.log(scale) - draw_log_gamma(rng, size, shape))[..., None]

    scipy_name = "invgamma"

    def _to_scipy(self, shape: np.ndarray, scale: np.ndarray) -> dict[str, Any]:
        return {"a": shape, "scale": scale}

    @classmethod
    def _from_scipy(
        cls, a: np.ndarray, scale: np.ndarray
    ) -> tuple[InverseGamma, dict[str, np.ndarray]]:
        return cls(), {"shape": a, "scale": scale}
