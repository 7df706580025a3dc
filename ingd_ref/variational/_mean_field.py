"""A Gaussian approximation with independent coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ingd_ref.backend._namespace import Array, array_namespace, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families import DiagonalGaussian
from ingd_ref.variational._approximation import GaussianApproximation, as_vectors, require_positive
from ingd_ref.variational._curvature import Curvature, diagonal_matrix

__all__ = ["MeanFieldGaussian"]


@dataclass(frozen=True, eq=False)
class MeanFieldGaussian(GaussianApproximation):
    r"""q = N(m, diag(p)⁻¹): independent coordinates.

    The steps of equation (E11) are those of :class:`FullGaussian` for each coordinate, with t the
    diagonal of T = −E_q[∇²ℓ]:

    .. math::
        \text{standard:} \quad p &\leftarrow (1-\rho)p + \rho t \\
        \text{positive:} \quad p &\leftarrow ½\big(p + n^2/p\big), \quad n = (1-\rho)p + \rho t

    Parameters
    ----------
    mean : array (..., d)
        m.
    precisions : array (..., d)
        p > 0, one over the variances.

    Raises
    ------
    DomainError
        If a precision is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> q = MeanFieldGaussian(np.zeros(2), np.array([4.0, 1.0]))
    >>> q.variance
    array([0.25, 1.  ])
    """

    mean: Array
    precisions: Array

    def __post_init__(self) -> None:
        xp = array_namespace(mean=self.mean, precisions=self.precisions)
        mean = as_vectors(xp, self.mean, "mean")
        precisions = as_vectors(xp, self.precisions, "precisions", like=mean)
        if tuple(precisions.shape) != tuple(mean.shape):
            raise ShapeError(
                f"precisions must have the shape {tuple(mean.shape)} of the mean, "
                f"got {tuple(precisions.shape)}"
            )
        require_positive(xp, precisions, "precisions")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "precisions", precisions)

    @property
    def precision(self) -> Array:
        return diagonal_matrix(array_namespace(mean=self.mean), self.precisions)

    @property
    def variance(self) -> Array:
        return 1.0 / self.precisions

    @property
    def log_det_precision(self) -> Array:
        xp = array_namespace(mean=self.mean)
        return xp.sum(xp.log(self.precisions), axis=-1)

    @property
    def condition(self) -> Array:
        xp = array_namespace(mean=self.mean)
        return xp.max(self.precisions, axis=-1) / xp.min(self.precisions, axis=-1)

    @property
    def family(self) -> DiagonalGaussian:
        """The exponential family that q belongs to."""
        return DiagonalGaussian(self.dim)

    @property
    def natural_parameters(self) -> Array:
        """θ = (p m, −½p) (..., b) in the coordinates of :attr:`family`."""
        xp = array_namespace(mean=self.mean)
        return xp.concat([self.precisions * self.mean, -0.5 * self.precisions], axis=-1)

    def solve(self, columns: Array) -> Array:
        return columns / self.precisions[..., None]

    def product(self, columns: Array) -> Array:
        return columns * self.precisions[..., None]

    def predictor_variance(self, design: Array) -> Array:
        xp = array_namespace(mean=self.mean, design=design)
        return xp.sum(design * design / self.precisions[..., None, :], axis=-1)

    def coloured(self, noise: Array) -> Array:
        xp = array_namespace(mean=self.mean, noise=noise)
        return noise / xp.sqrt(self.precisions)[..., None, :]

    def curvature_gap(self, curvature: Curvature) -> Array:
        xp = array_namespace(mean=self.mean)
        gap = curvature.diagonal() / self.precisions - 1.0
        return 0.5 * xp.sum(gap * gap, axis=-1)

    def with_precision_towards(self, curvature: Curvature, step_size: float, step: str) -> Self:
        xp = array_namespace(mean=self.mean)
        target = (1.0 - step_size) * self.precisions + step_size * curvature.diagonal()
        if step == "positive":
            average = 0.5 * (self.precisions + target / self.precisions * target)
            return self._changed(precisions=average)
        if not item(xp.all(target > 0)):
            raise DomainError("the precision after a standard step is not positive definite")
        return self._changed(precisions=target)
