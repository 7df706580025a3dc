"""A Gaussian approximation with a full precision matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ingd_ref._special.symmetric import dual_entries
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device, item
from ingd_ref.backend._operations import symmetrise
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families import MultivariateGaussian
from ingd_ref.variational._approximation import GaussianApproximation, as_vectors
from ingd_ref.variational._curvature import Curvature
from ingd_ref.variational._linear_algebra import cholesky, matvec, solve, stacked_factor

__all__ = ["FullGaussian"]


@dataclass(frozen=True, eq=False)
class FullGaussian(GaussianApproximation):
    r"""q = N(m, P⁻¹) with P = LLᵀ, kept by its lower triangular Cholesky factor L.

    A step of size ρ of equation (E11) towards the curvature T = −E_q[∇²ℓ] changes P in one of two
    ways, and then the mean with the new P:

    .. math::
        \text{standard:} \quad P &\leftarrow (1-\rho)P + \rho T \\
        \text{positive:} \quad P &\leftarrow P + \rho G + ½\rho^2\, G P^{-1} G
            = ½\big(P + N P^{-1} N\big), \quad G = T - P, \; N = (1-\rho)P + \rho T \\
        m &\leftarrow m + \rho P^{-1}\, \mathbb E_q[\nabla\ell]

    The second is positive definite for every ρ and every symmetric T, since ½P is and the rest is a
    square. L comes from a QR decomposition of Lᵀ above (1 − ρ)Lᵀ + ρL⁻¹T, so that no small
    eigenvalue is lost in a sum.

    Parameters
    ----------
    mean : array (..., d)
        m.
    factor : array (..., d, d)
        L, lower triangular with a positive diagonal.

    Raises
    ------
    DomainError
        If the diagonal of L is not positive, or L is not triangular.

    Examples
    --------
    >>> import numpy as np
    >>> q = FullGaussian.from_precision(np.zeros(2), np.array([[4.0, 2.0], [2.0, 2.0]]))
    >>> q.factor
    array([[2., 0.],
           [1., 1.]])
    >>> q.variance
    array([0.5, 1. ])
    """

    mean: Array
    factor: Array

    def __post_init__(self) -> None:
        xp = array_namespace(mean=self.mean, factor=self.factor)
        mean = as_vectors(xp, self.mean, "mean")
        factor = as_vectors(xp, self.factor, "factor", like=mean)
        if tuple(factor.shape) != (*mean.shape, mean.shape[-1]):
            raise ShapeError(
                f"factor must have shape {(*mean.shape, mean.shape[-1])} with a mean "
                f"{tuple(mean.shape)}, got {factor.shape}"
            )
        if not item(xp.all(xp.linalg.diagonal(factor) > 0)) or item(
            xp.any(xp.triu(factor, k=1) != 0)
        ):
            raise DomainError("factor must be lower triangular with a positive diagonal")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "factor", factor)

    @classmethod
    def from_precision(cls, mean: Array, precision: Array) -> Self:
        """Return the approximation with a given mean and precision.

        Parameters
        ----------
        mean : array (..., d)
            m.
        precision : array (..., d, d)
            P, symmetric and positive definite.

        Returns
        -------
        FullGaussian

        Raises
        ------
        DomainError
            If P is not symmetric up to rounding, or not positive definite.
        """
        xp, mean, precision = _checked(mean, precision, "precision")
        return cls._made(mean=mean, factor=cholesky(xp, precision, "precision"))

    @classmethod
    def from_covariance(cls, mean: Array, covariance: Array) -> Self:
        """Return the approximation with a given mean and covariance.

        Parameters
        ----------
        mean : array (..., d)
            m.
        covariance : array (..., d, d)
            P⁻¹, symmetric and positive definite.

        Returns
        -------
        FullGaussian

        Raises
        ------
        DomainError
            If the covariance is not symmetric up to rounding, or not positive definite.
        """
        xp, mean, covariance = _checked(mean, covariance, "covariance")
        lower = cholesky(xp, covariance, "covariance")
        unit = xp.broadcast_to(
            xp.eye(mean.shape[-1], dtype=mean.dtype, device=device(mean)), covariance.shape
        )
        return cls._made(mean=mean, factor=stacked_factor(xp, solve(xp, lower, unit)))

    @property
    def precision(self) -> Array:
        xp = array_namespace(factor=self.factor)
        return symmetrise(xp, xp.matmul(self.factor, xp.matrix_transpose(self.factor)))

    @property
    def variance(self) -> Array:
        xp = array_namespace(mean=self.mean)
        return xp.linalg.diagonal(self.covariance)

    @property
    def log_det_precision(self) -> Array:
        xp = array_namespace(factor=self.factor)
        return 2.0 * xp.sum(xp.log(xp.linalg.diagonal(self.factor)), axis=-1)

    @property
    def condition(self) -> Array:
        xp = array_namespace(factor=self.factor)
        singular = xp.linalg.svdvals(self.factor)
        return (singular[..., 0] / singular[..., -1]) ** 2

    @property
    def family(self) -> MultivariateGaussian:
        """The exponential family that q belongs to."""
        return MultivariateGaussian(self.dim)

    @property
    def natural_parameters(self) -> Array:
        """θ = (Pm, −½P) (..., b) in the coordinates of :attr:`family`."""
        xp = array_namespace(mean=self.mean)
        precision = self.precision
        return xp.concat(
            [matvec(xp, precision, self.mean), dual_entries(xp, -0.5 * precision)], axis=-1
        )

    def solve(self, columns: Array) -> Array:
        xp = array_namespace(mean=self.mean, columns=columns)
        return solve(xp, xp.matrix_transpose(self.factor), solve(xp, self.factor, columns))

    def product(self, columns: Array) -> Array:
        xp = array_namespace(mean=self.mean, columns=columns)
        return xp.matmul(self.factor, xp.matmul(xp.matrix_transpose(self.factor), columns))

    def predictor_variance(self, design: Array) -> Array:
        xp = array_namespace(mean=self.mean, design=design)
        whitened = solve(xp, self.factor, xp.matrix_transpose(design))
        return xp.sum(whitened * whitened, axis=-2)

    def coloured(self, noise: Array) -> Array:
        xp = array_namespace(mean=self.mean, noise=noise)
        upper = xp.matrix_transpose(self.factor)
        return xp.matrix_transpose(solve(xp, upper, xp.matrix_transpose(noise)))

    def curvature_gap(self, curvature: Curvature) -> Array:
        xp = array_namespace(mean=self.mean)
        whitened = solve(
            xp, self.factor, xp.matrix_transpose(solve(xp, self.factor, curvature.matrix()))
        )
        gap = whitened - xp.eye(self.dim, dtype=self.mean.dtype, device=device(self.mean))
        return 0.5 * xp.sum(gap * gap, axis=(-2, -1))

    def with_precision_towards(self, curvature: Curvature, step_size: float, step: str) -> Self:
        xp = array_namespace(mean=self.mean)
        if step == "positive":
            upper = xp.matrix_transpose(self.factor)
            whitened = solve(xp, self.factor, curvature.matrix())
            other = (1.0 - step_size) * upper + step_size * whitened
            return self._changed(factor=stacked_factor(xp, upper, other) / 2.0**0.5)
        target = (1.0 - step_size) * self.precision + step_size * curvature.matrix()
        return self._changed(factor=cholesky(xp, target, "the precision after a standard step"))


def _checked(mean: Array, matrix: Array, name: str) -> tuple[Namespace, Array, Array]:
    """Return the mean, and a finite symmetric matrix that fits it."""
    xp = array_namespace(mean=mean, **{name: matrix})
    mean = as_vectors(xp, mean, "mean")
    matrix = as_vectors(xp, matrix, name, like=mean)
    if tuple(matrix.shape) != (*mean.shape, mean.shape[-1]):
        raise ShapeError(
            f"{name} must have shape {(*mean.shape, mean.shape[-1])} with a mean "
            f"{tuple(mean.shape)}, got {tuple(matrix.shape)}"
        )
    difference = xp.max(xp.abs(matrix - xp.matrix_transpose(matrix)))
    # Products such as AᵀA are asymmetric by a few roundings of the size of their entries; more than
    # that is a mistake.
    if item(difference > 1e3 * xp.finfo(matrix.dtype).eps * xp.max(xp.abs(matrix))):
        raise DomainError(
            f"{name} must be symmetric, but differs from its transpose by {item(difference):.3g}"
        )
    return xp, mean, symmetrise(xp, matrix)
