"""The multivariate Gaussian family with diagonal covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.families import _gaussian
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families.gaussian import Gaussian

__all__ = ["DiagonalGaussian"]

COORDINATE = Gaussian()


@dataclass(frozen=True)
class DiagonalGaussian(ExponentialFamily):
    r"""Gaussian N(m, diag(s₁², …, s_d²)) on R^d with independent coordinates.

    Classical parameters are ``mean`` m and ``variance`` s² > 0, both vectors; P_i = 1/s_i² are the
    precisions, and b = 2d. Every formula is that of (E12) for each coordinate; potentials and
    divergences are sums over them.

    .. math::
        f(x) &= (x,\, x^2), \quad h(x) = (2\pi)^{-d/2}, \quad \theta = (m/s^2,\, -1/(2s^2))
            & \text{(E1)} \\
        A(\theta) &= \sum_i ½P_im_i^2 - ½\log P_i & \text{(E1)} \\
        \nabla A(\theta) &= (m,\, m^2 + s^2) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (\mu_1,\, -½)/(\mu_2 - \mu_1^2) & \text{(E6)} \\
        F &= \begin{pmatrix} \operatorname{diag} s^2 & \operatorname{diag} 2ms^2 \\
            \operatorname{diag} 2ms^2 & \operatorname{diag}(4m^2s^2 + 2s^4) \end{pmatrix}
                & \text{(E3)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \sum_i ½(r_i - 1 - \log r_i) + ½P_i'(m_i
            - m_i')^2, \quad r_i = P_i'/P_i & \text{(E5)}

    Parameters
    ----------
    dimension : int ≥ 1
        Dimension d of a point. Default 2.

    Examples
    --------
    >>> family = DiagonalGaussian(2)
    >>> theta = family.natural(mean=[1.0, 2.0], variance=[1.0, 4.0])
    >>> theta
    array([ 1.   ,  0.5  , -0.5  , -0.125])
    >>> family.mean(theta)
    array([1., 2., 2., 8.])
    """

    dimension: int = 2
    name = "diagonal Gaussian"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))

    @property
    def dim(self) -> int:
        """Dimension d of a point x."""
        return self.dimension

    @property
    def number(self) -> int:
        """Number b = 2d of statistics."""
        return 2 * self.dimension

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Means and variances of the coordinates."""
        return (
            Parameter("mean", shape=(self.dimension,)),
            Parameter("variance", POSITIVE, shape=(self.dimension,)),
        )

    def _coordinates(self, xp: Namespace, vector: Array) -> Array:
        """Parameters (..., 2d) as those of d univariate Gaussians (..., d, 2)."""
        return xp.stack([vector[..., : self.dimension], vector[..., self.dimension :]], axis=-1)

    def _joined(self, xp: Namespace, pairs: Array) -> Array:
        return xp.concat([pairs[..., 0], pairs[..., 1]], axis=-1)

    def _blocks(self, xp: Namespace, matrices: Array) -> Array:
        """Matrices (..., d, 2, 2) of the coordinates as one (..., 2d, 2d)."""
        unit = xp.eye(self.dimension, dtype=matrices.dtype, device=device(matrices))
        rows = [
            xp.concat([unit * matrices[..., None, :, row, column] for column in (0, 1)], axis=-1)
            for row in (0, 1)
        ]
        return xp.concat(rows, axis=-2)

    def _natural(self, xp: Namespace, mean: Array, variance: Array) -> Array:
        return self._joined(xp, COORDINATE._natural(xp, mean=mean, variance=variance))

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return COORDINATE._classical(xp, self._coordinates(xp, theta))

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {
            "variance = -1/(2 theta[d:]) > 0": xp.all(theta[..., self.dimension :] < 0, axis=-1)
        }

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        (good,) = COORDINATE._mean_domain(xp, self._coordinates(xp, mu)).values()
        return {"variance = mu[d:] - mu[:d]**2 > 0": xp.all(good, axis=-1)}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat([x, x * x], axis=-1)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        unit = xp.broadcast_to(
            xp.eye(self.dimension, dtype=x.dtype, device=device(x)), (*x.shape, self.dimension)
        )
        return xp.concat([unit, 2.0 * x[..., None] * unit], axis=-1)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.sum(COORDINATE._log_base_measure(xp, x[..., None]), axis=-1)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return xp.sum(COORDINATE._log_partition(xp, self._coordinates(xp, theta)), axis=-1)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return self._joined(xp, COORDINATE._mean(xp, self._coordinates(xp, theta)))

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return self._joined(xp, COORDINATE._natural_from_mean(xp, self._coordinates(xp, mu)))

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        return self._blocks(xp, COORDINATE._fisher(xp, self._coordinates(xp, theta)))

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return self._blocks(xp, COORDINATE._inverse_fisher(xp, self._coordinates(xp, theta)))

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        gradient = COORDINATE._natural_gradient(
            xp, self._coordinates(xp, theta), self._coordinates(xp, grad)
        )
        return self._joined(xp, gradient)

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        return self._blocks(xp, COORDINATE._classical_fisher(xp, self._coordinates(xp, theta)))

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        # (..., d, 2, 2, 2)
        cumulants = COORDINATE._third_cumulant(xp, self._coordinates(xp, theta))
        unit = xp.eye(self.dimension, dtype=theta.dtype, device=device(theta))
        slabs = []
        for first in (0, 1):
            blocks = self._blocks(xp, cumulants[..., first, :, :])
            axis = xp.concat([unit, unit], axis=-1)
            slabs.append(axis[..., :, :, None] * blocks[..., None, :, :])
        return xp.concat(slabs, axis=-3)

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        """A product of half-planes, so squared distances add."""
        distances = COORDINATE._fisher_rao_distance(
            xp, self._coordinates(xp, theta1), self._coordinates(xp, theta2)
        )
        return xp.sqrt(xp.sum(distances * distances, axis=-1))

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        return self._joined(
            xp,
            COORDINATE._mixture(
                xp, self._coordinates(xp, theta1), self._coordinates(xp, theta2), t[..., None]
            ),
        )

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return xp.sum(
            COORDINATE._kl(xp, self._coordinates(xp, theta1), self._coordinates(xp, theta2)),
            axis=-1,
        )

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return xp.sum(COORDINATE._conjugate(xp, self._coordinates(xp, theta)), axis=-1)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return xp.sum(COORDINATE._entropy(xp, self._coordinates(xp, theta)), axis=-1)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        return xp.sum(COORDINATE._log_prob(xp, self._coordinates(xp, theta), x[..., None]), axis=-1)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        return xp.concat(_gaussian.fitted(xp, self.name, x, weights), axis=-1)

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        mean: np.ndarray,
        variance: np.ndarray,
    ) -> np.ndarray:
        return rng.normal(mean, np.sqrt(variance), (*size, self.dimension))

    scipy_name = "multivariate_normal"

    def _to_scipy(self, mean: np.ndarray, variance: np.ndarray) -> dict[str, Any]:
        return {"mean": mean, "cov": np.diag(variance)}
