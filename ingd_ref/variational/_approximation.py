"""What the loop asks of a Gaussian approximation, whatever the form of its precision."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device
from ingd_ref.errors import ShapeError
from ingd_ref.variational._curvature import Curvature
from ingd_ref.variational._linear_algebra import matvec

__all__ = ["STEPS", "Expected", "GaussianApproximation", "as_vectors"]

#: The two ways to change a precision: along a straight line in natural parameters, or so that it
#: stays positive definite.
STEPS = ("standard", "positive")


@dataclass(frozen=True, eq=False)
class Expected:
    """What a step needs to know of ℓ under the current approximation q.

    Attributes
    ----------
    value : array (...)
        E_q[ℓ], in nats.
    gradient : array (..., d)
        E_q[∇ℓ].
    curvature : Curvature
        T = −E_q[∇²ℓ].
    """

    value: Array
    gradient: Array
    curvature: Curvature


class GaussianApproximation(ABC):
    r"""A Gaussian q = N(m, P⁻¹) on R^d, or a batch of them, that natural-gradient steps change.

    Results live in the library, on the device and in the floating type of the mean. Subclasses say
    how the precision P is kept.
    """

    mean: Array

    @property
    def dim(self) -> int:
        """Dimension d."""
        return int(self.mean.shape[-1])

    @property
    def batch(self) -> tuple[int, ...]:
        """Batch shape."""
        return tuple(self.mean.shape[:-1])

    @property
    @abstractmethod
    def precision(self) -> Array:
        """P as a matrix (..., d, d)."""

    @property
    @abstractmethod
    def variance(self) -> Array:
        """Diagonal of P⁻¹ (..., d)."""

    @property
    @abstractmethod
    def log_det_precision(self) -> Array:
        """Logarithm of det P (...)."""

    @property
    @abstractmethod
    def condition(self) -> Array:
        """Condition number of P (...): its largest eigenvalue over its smallest."""

    @abstractmethod
    def solve(self, columns: Array) -> Array:
        """P⁻¹X (..., d, k) for columns X (..., d, k)."""

    @abstractmethod
    def product(self, columns: Array) -> Array:
        """PX (..., d, k) for columns X (..., d, k)."""

    @abstractmethod
    def predictor_variance(self, design: Array) -> Array:
        """Variances a_iᵀP⁻¹a_i (..., n) of linear predictors a_iᵀx, for rows a_i of a design (..., n, d)."""

    @abstractmethod
    def coloured(self, noise: Array) -> Array:
        """Deviations from the mean (..., s, d) with covariance P⁻¹, made of standard normal numbers (..., s, d)."""

    @abstractmethod
    def curvature_gap(self, curvature: Curvature) -> Array:
        """Squared Fisher norm ½ tr[(P⁻¹(T − P))²] (...) of the change that the precision is asked for."""

    @abstractmethod
    def with_precision_towards(self, curvature: Curvature, step_size: float, step: str) -> Self:
        """The same mean, with a precision moved towards T by ``step_size``."""

    @abstractmethod
    def moved_to(self, mean: Array) -> Self:
        """The same precision, with another mean (..., d)."""

    @property
    def covariance(self) -> Array:
        """P⁻¹ (..., d, d)."""
        xp = array_namespace(mean=self.mean)
        unit = xp.eye(self.dim, dtype=self.mean.dtype, device=device(self.mean))
        found = self.solve(xp.broadcast_to(unit, (*self.batch, self.dim, self.dim)))
        return 0.5 * (found + xp.matrix_transpose(found))

    @property
    def entropy(self) -> Array:
        """Entropy ½d(1 + log 2π) − ½ log det P (...), in nats."""
        return 0.5 * (self.dim * (1.0 + math.log(2.0 * math.pi)) - self.log_det_precision)

    def predictor_mean(self, design: Array) -> Array:
        """Means a_iᵀm (..., n) of linear predictors, for rows a_i of a design (..., n, d)."""
        if design.shape[-1] != self.dim:
            raise ShapeError(
                f"the design has {design.shape[-1]} columns, but the approximation has dimension {self.dim}"
            )
        return matvec(array_namespace(mean=self.mean, design=design), design, self.mean)

    def squared_gradient(self, expected: Expected) -> Array:
        r"""Squared length of the natural gradient of the ELBO in the Fisher metric, (E7) with (E11).

        .. math:: \mathbb E[\nabla\ell]^\top P^{-1}\, \mathbb E[\nabla\ell] + ½\operatorname{tr}[(P^{-1}(T - P))^2]

        Half of it is what a full step is about to gain, to second order, in nats. For
        :class:`LowRankGaussian` the trace is that of the diagonals, since the projection on low
        rank keeps the rest of T − P from vanishing.

        Parameters
        ----------
        expected : Expected
            Of ℓ under this approximation.

        Returns
        -------
        array (...)
        """
        xp = array_namespace(mean=self.mean, gradient=expected.gradient)
        column = expected.gradient[..., None]
        return xp.sum(column * self.solve(column), axis=(-2, -1)) + self.curvature_gap(
            expected.curvature
        )


def as_vectors(xp: Namespace, values: Array, name: str, like: Array | None = None) -> Array:
    """Return a finite floating copy of vectors (..., d), d ≥ 1."""
    if values.ndim == 0 or 0 in values.shape:
        raise ShapeError(
            f"{name} must have shape (..., d) with d ≥ 1 and no empty axis, got {tuple(values.shape)}"
        )
    return xp.asarray(
        _checks.finite(_checks.real_array(values, name, xp, like), name, xp), copy=True
    )
