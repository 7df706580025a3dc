"""The multivariate Gaussian family with isotropic covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.double_words import double_word
from ingd_ref._special.logarithm import log_remainder
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace, device, item
from ingd_ref.families import _gaussian
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._positive_definite import blocks
from ingd_ref.families._samples import deviations, plain, require_different, square_scale

__all__ = ["IsotropicGaussian"]


@dataclass(frozen=True)
class IsotropicGaussian(ExponentialFamily):
    r"""Gaussian N(m, s²I) on R^d: one variance for all coordinates.

    Classical parameters are ``mean`` m, a vector, and ``variance`` s² > 0, a number; P = 1/s², η =
    Pm, and b = d + 1.

    .. math::
        f(x) &= (x,\, \|x\|^2), \quad h(x) = (2\pi)^{-d/2}, \quad \theta = (\eta,\, -½P)
            & \text{(E1)} \\
        A(\theta) &= ½\|\eta\|^2/P - ½d\log P & \text{(E1)} \\
        \nabla A(\theta) &= (m,\, \|m\|^2 + ds^2) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (\mu_1,\, -½)/s^2, \quad ds^2 = \mu_2 - \|\mu_1\|^2 & \text{(E6)} \\
        F &= \begin{pmatrix} s^2I & 2s^2m \\ 2s^2m^\top & 4s^2\|m\|^2 + 2ds^4 \end{pmatrix}
            & \text{(E3)} \\
        \nabla^3 A(v, v, v) &= 6s^4c\,\|u\|^2 + 24s^4c^2\,m^\top u + 8s^4c^3(3\|m\|^2
            + ds^2), \quad v = (u, c) & \text{(E3)} \\
        F^{-1} &= (2/d)\,\theta\theta^\top + P\begin{pmatrix} I & 0 \\ 0 & 0 \end{pmatrix}
            & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= ½d(r - 1 - \log r) + ½P'\|m - m'\|^2, \quad r = P'/P
            & \text{(E5)}

    Parameters
    ----------
    dimension : int ≥ 1
        Dimension d of a point. Default 2.

    Examples
    --------
    >>> family = IsotropicGaussian(2)
    >>> theta = family.natural(mean=[1.0, 2.0], variance=2.0)
    >>> theta
    array([ 0.5 ,  1.  , -0.25])
    >>> family.mean(theta)
    array([1., 2., 9.])
    """

    dimension: int = 2
    name = "isotropic Gaussian"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))

    @property
    def dim(self) -> int:
        """Dimension d of a point x."""
        return self.dimension

    @property
    def number(self) -> int:
        """Number b = d + 1 of statistics."""
        return self.dimension + 1

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Mean and the common variance."""
        return (Parameter("mean", shape=(self.dimension,)), Parameter("variance", POSITIVE))

    _log_base_measure = _gaussian.log_base_measure
    _fisher_rao_distance = _gaussian.fisher_rao_distance

    def _spread(self, xp: Namespace, mu: Array) -> Array:
        """ds² = μ₂ − ‖μ₁‖², of which no digit is lost that μ still holds."""
        mean = double_word(xp, mu[..., :-1])
        return (-(mean * mean).sum() + mu[..., -1]).rounded()

    def _natural(self, xp: Namespace, mean: Array, variance: Array) -> Array:
        return xp.concat([mean / variance[..., None], -0.5 / variance[..., None]], axis=-1)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"mean": -0.5 * theta[..., :-1] / theta[..., -1:], "variance": -0.5 / theta[..., -1]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"variance = -1/(2 theta[d]) > 0": theta[..., -1] < 0}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return {"variance = (mu[d] - |mu[:d]|**2)/d > 0": self._spread(xp, mu) > 0}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat([x, xp.sum(x * x, axis=-1, keepdims=True)], axis=-1)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        unit = xp.broadcast_to(
            xp.eye(self.dimension, dtype=x.dtype, device=device(x)), (*x.shape, self.dimension)
        )
        return xp.concat([unit, 2.0 * x[..., None]], axis=-1)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        linear, precision = theta[..., :-1], -2.0 * theta[..., -1]
        return 0.5 * xp.sum(
            linear * (linear / precision[..., None]), axis=-1
        ) - 0.5 * self.dimension * xp.log(precision)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        m, variance = self._classical(xp, theta).values()
        second = xp.sum(m * m, axis=-1) + self.dimension * variance
        return xp.concat([m, second[..., None]], axis=-1)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return self._natural(xp, mean=mu[..., :-1], variance=self._spread(xp, mu) / self.dimension)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        m, variance = self._classical(xp, theta).values()
        first = variance[..., None, None] * xp.eye(self.dimension, dtype=m.dtype, device=device(m))
        cross = 2.0 * variance[..., None] * m
        square = 2.0 * variance * (2.0 * xp.sum(m * m, axis=-1) + self.dimension * variance)
        top = xp.concat([first, cross[..., :, None]], axis=-1)
        return xp.concat(
            [top, xp.concat([cross, square[..., None]], axis=-1)[..., None, :]], axis=-2
        )

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        ones = xp.asarray([1.0] * self.dimension + [0.0], dtype=theta.dtype, device=device(theta))
        outer = theta[..., :, None] * theta[..., None, :]
        unit = ones[:, None] * xp.eye(self.number, dtype=theta.dtype, device=device(theta))
        return (2.0 / self.dimension) * outer - 2.0 * theta[..., -1][..., None, None] * unit

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        wide = double_word(xp, theta)
        inner = (wide * grad).sum() / float(self.dimension)  # ⟨θ, ∇L⟩/d
        linear = wide[..., :-1] * inner[..., None] - wide[..., -1:] * grad[..., :-1]
        return 2.0 * xp.concat(
            [linear.rounded(), (wide[..., -1] * inner).rounded()[..., None]], axis=-1
        )

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        """diag(P, …, P, ½dP²)."""
        precision = -2.0 * theta[..., -1:]
        diagonal = xp.concat(
            [
                xp.broadcast_to(precision, (*theta.shape[:-1], self.dimension)),
                0.5 * self.dimension * precision**2,
            ],
            axis=-1,
        )
        return diagonal[..., :, None] * xp.eye(self.number, dtype=theta.dtype, device=device(theta))

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        m, variance = self._classical(xp, theta).values()
        unit = xp.eye(self.dimension, dtype=m.dtype, device=device(m))
        square = (variance * variance)[..., None, None]
        linear, cross = 2.0 * square * unit, 8.0 * square[..., 0] * m
        moment = 3.0 * xp.sum(m * m, axis=-1) + self.dimension * variance
        last = 8.0 * square * moment[..., None, None]
        zero = xp.zeros((*m.shape, self.dimension, self.dimension), dtype=m.dtype, device=device(m))
        slabs = blocks(xp, zero, linear[..., None], cross[..., None, None])  # of (x_i, ·, ·)
        slab = blocks(xp, linear, cross[..., None], last)[..., None, :, :]
        return xp.concat([slabs, slab], axis=-3)

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        """By means and variances, which do not cancel as second moments do."""
        m1, variance1 = self._classical(xp, theta1).values()
        m2, variance2 = self._classical(xp, theta2).values()
        s = t[..., 0]
        apart = xp.sum(_gaussian.mean_shift(xp, theta1, theta2) ** 2, axis=-1)
        spread = s * (1.0 - s) * apart / self.dimension
        return self._natural(
            xp,
            mean=(1.0 - t) * m1 + t * m2,
            variance=(1.0 - s) * variance1 + s * variance2 + spread,
        )

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        last1, last2, shift = (
            theta1[..., -1:],
            theta2[..., -1:],
            _gaussian.mean_shift(xp, theta1, theta2),
        )
        remainder = log_remainder(xp, (last2 / last1)[..., 0], ((last2 - last1) / last1)[..., 0])
        return 0.5 * self.dimension * remainder - xp.sum(last2 * shift * shift, axis=-1)

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return 0.5 * self.dimension * (xp.log(-2.0 * theta[..., -1]) - 1.0)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return 0.5 * self.dimension * (1.0 + xp.log(-math.pi / theta[..., -1]))

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        linear, precision = theta[..., :-1], -2.0 * theta[..., -1:]
        # x − m
        deviation = (
            difference_of_products(xp, precision, x, linear, xp.ones_like(linear)) / precision
        )
        squares = xp.sum(precision * deviation * deviation, axis=-1)
        return 0.5 * (self.dimension * xp.log(precision[..., 0] / (2.0 * math.pi)) - squares)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        mean = xp.sum(weights * x, axis=-2)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = weights * (x - mean[..., None, :]) ** 2
            variance = xp.sum(squares, axis=(-2, -1)) / self.dimension
            ordinary = plain(xp, mean, variance[..., None])
        if item(xp.all(ordinary)):
            return self._natural(xp, mean=mean, variance=variance)
        require_different(xp, self.name, x)
        mean, deviation = deviations(xp, x, weights)
        scale = square_scale(xp, xp.max(xp.abs(deviation), axis=(-2, -1)))[..., None]
        squares = weights * (deviation * scale[..., None]) ** 2
        variance = xp.sum(squares, axis=(-2, -1)) / self.dimension
        theta = self._natural(xp, mean=mean * scale, variance=variance) * scale
        return xp.concat([theta[..., :-1], theta[..., -1:] * scale], axis=-1)

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        mean: np.ndarray,
        variance: np.ndarray,
    ) -> np.ndarray:
        return rng.normal(mean, np.sqrt(variance)[..., None], (*size, self.dimension))

    scipy_name = "multivariate_normal"

    def _to_scipy(self, mean: np.ndarray, variance: np.ndarray) -> dict[str, Any]:
        return {"mean": mean, "cov": variance * np.eye(self.dimension)}
