"""The multivariate Gaussian family with known covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.cholesky import factor, matvec
from ingd_ref._special.double_words import DoubleWord, double_word
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import any_mean, everywhere, identity
from ingd_ref.families._parameters import Parameter, gather
from ingd_ref.families._positive_definite import POSITIVE_DEFINITE, square_root

__all__ = ["KnownCovarianceGaussian"]

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class KnownCovarianceGaussian(ExponentialFamily):
    r"""Gaussian N(m, Σ) on R^d with known covariance Σ.

    The classical parameter is the ``mean`` m; P = Σ⁻¹ and b = d.

    .. math::
        f(x) &= x, \quad h(x) = \mathrm N(x; 0, \Sigma), \quad \theta = Pm & \text{(E1)} \\
        A(\theta) &= ½\theta^\top\Sigma\theta & \text{(E1)} \\
        \nabla A(\theta) &= \Sigma\theta = m & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= P\mu & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= \Sigma, \quad F^{-1} = P & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= ½(\theta - \theta')^\top\Sigma(\theta - \theta')
            & \text{(E5)}

    Parameters
    ----------
    covariance : array (d, d)
        Known covariance Σ, kept as a tuple of rows, in the units of x squared. Default: the
        identity in two dimensions. For points of a narrower floating type it is rounded to that.

    Raises
    ------
    ShapeError, NonFiniteError, DomainError
        If the covariance is not a symmetric positive definite matrix.

    Examples
    --------
    >>> family = KnownCovarianceGaussian([[2.0, 1.0], [1.0, 1.0]])
    >>> theta = family.natural(mean=[1.0, 2.0])
    >>> theta
    array([-1.,  3.])
    >>> family.kl(theta, family.natural(mean=[1.0, 3.0])).item()
    1.0
    """

    covariance: Rows = ((1.0, 0.0), (0.0, 1.0))
    name = "Gaussian with known covariance"

    def __post_init__(self) -> None:
        given: Any = _checks.host_numbers(self.covariance, "covariance", axes=2)
        expected = Parameter("covariance", POSITIVE_DEFINITE, shape=given.shape[-1:] * 2)
        value = gather(self.name, (expected,), {"covariance": given})[1]["covariance"]
        object.__setattr__(
            self, "covariance", tuple(tuple(row) for row in (0.5 * (value + value.T)).tolist())
        )

    @property
    def dim(self) -> int:
        """Dimension d of a point x."""
        return len(self.covariance)

    @property
    def number(self) -> int:
        """Number b = d of statistics."""
        return len(self.covariance)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The mean."""
        return (Parameter("mean", shape=(self.dim,)),)

    def _covariance(self, xp: Namespace, like: Array) -> Array:
        """Σ for every member of a batch of vectors."""
        value = xp.asarray(
            [list(row) for row in self.covariance], dtype=like.dtype, device=device(like)
        )
        return xp.broadcast_to(value, (*like.shape, self.dim))

    def _precision(self, xp: Namespace, like: Array) -> DoubleWord:
        return factor(xp, self._covariance(xp, like)).inverse()

    _domain = everywhere
    _mean_domain = any_mean
    _statistics = identity

    def _natural(self, xp: Namespace, mean: Array) -> Array:
        return matvec(self._precision(xp, mean), double_word(xp, mean)).rounded()

    def _wide_mean(self, xp: Namespace, theta: Array) -> DoubleWord:
        return matvec(double_word(xp, self._covariance(xp, theta)), double_word(xp, theta))

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"mean": self._mean(xp, theta)}

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        unit = xp.eye(self.dim, dtype=x.dtype, device=device(x))
        return xp.asarray(xp.broadcast_to(unit, (*x.shape, self.dim)), copy=True)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return -self._log_volume(xp, x) - 0.5 * factor(xp, self._covariance(xp, x)).inverse_square(
            double_word(xp, x)
        )

    def _log_volume(self, xp: Namespace, like: Array) -> Array:
        """½ log det(2πΣ)."""
        return 0.5 * (
            factor(xp, self._covariance(xp, like)).log_det() + self.dim * math.log(2.0 * math.pi)
        )

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return 0.5 * factor(xp, self._covariance(xp, theta)).square(double_word(xp, theta))

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return self._wide_mean(xp, theta).rounded()

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return self._natural(xp, mean=mu)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        return xp.asarray(self._covariance(xp, theta), copy=True)

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return self._precision(xp, theta).rounded()

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return self._natural(
            xp, mean=xp.broadcast_to(grad, xp.broadcast_arrays(theta, grad)[0].shape)
        )

    # Its mean is the mean parameter, so both are P.
    _natural_jacobian = _inverse_fisher
    _classical_fisher = _inverse_fisher

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return xp.zeros((*theta.shape, self.dim, self.dim), dtype=theta.dtype, device=device(theta))

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        """The metric is constant: Mahalanobis' distance."""
        return xp.sqrt(2.0 * self._kl(xp, theta1, theta2))

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        difference = double_word(xp, theta1) - theta2
        return 0.5 * factor(xp, self._covariance(xp, difference.high)).square(difference)

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return self._log_partition(xp, theta)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return self._log_volume(xp, theta) + 0.5 * self.dim

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        deviation = -self._wide_mean(xp, theta) + x
        covariance = factor(xp, self._covariance(xp, deviation.high))
        return -self._log_volume(xp, deviation.high) - 0.5 * covariance.inverse_square(deviation)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        return self._natural(xp, mean=xp.sum(weights * x, axis=-2))

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], mean: np.ndarray
    ) -> np.ndarray:
        root = square_root(np.asarray(self.covariance))
        return mean + (root @ rng.standard_normal((*size, self.dim, 1)))[..., 0]

    scipy_name = "multivariate_normal"

    def _to_scipy(self, mean: np.ndarray) -> dict[str, Any]:
        return {"mean": mean, "cov": np.asarray(self.covariance)}
