"""The expected negative Hessian of a log density, with the structure that a model gives it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device
from ingd_ref.errors import ShapeError
from ingd_ref.variational._linear_algebra import matvec, scaled_columns

__all__ = ["Curvature", "DenseCurvature", "DiagonalCurvature", "FactoredCurvature"]


class Curvature(ABC):
    r"""The symmetric matrix T = −E_q[∇²ℓ] (..., d, d) of (E11), the precision of a full step.

    It need not be positive definite where ℓ is not concave.
    """

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension d."""

    @abstractmethod
    def matrix(self) -> Array:
        """Return T as a matrix (..., d, d)."""

    @abstractmethod
    def diagonal(self) -> Array:
        """Return the diagonal of T (..., d)."""

    @abstractmethod
    def product(self, columns: Array) -> Array:
        """Return TX (..., d, k) for columns X (..., d, k)."""


@dataclass(frozen=True, eq=False)
class DenseCurvature(Curvature):
    """T as a matrix (..., d, d); the average with its transpose is taken."""

    values: Array

    def __post_init__(self) -> None:
        xp = array_namespace(values=self.values)
        if self.values.ndim < 2 or self.values.shape[-1] != self.values.shape[-2]:
            raise ShapeError(
                f"the curvature must have shape (..., d, d), got {tuple(self.values.shape)}"
            )
        values = _checks.real_array(self.values, "the curvature", xp)
        values = _checks.finite(values, "the curvature", xp)
        object.__setattr__(self, "values", 0.5 * (values + xp.matrix_transpose(values)))

    @property
    def dim(self) -> int:
        return int(self.values.shape[-1])

    def matrix(self) -> Array:
        return self.values

    def diagonal(self) -> Array:
        xp = array_namespace(values=self.values)
        return xp.linalg.diagonal(self.values)

    def product(self, columns: Array) -> Array:
        return array_namespace(values=self.values).matmul(self.values, columns)


@dataclass(frozen=True, eq=False)
class DiagonalCurvature(Curvature):
    """The diagonal of T (..., d), all that a :class:`MeanFieldGaussian` needs."""

    values: Array

    @property
    def dim(self) -> int:
        return int(self.values.shape[-1])

    def matrix(self) -> Array:
        return diagonal_matrix(array_namespace(values=self.values), self.values)

    def diagonal(self) -> Array:
        return self.values

    def product(self, columns: Array) -> Array:
        return self.values[..., None] * columns


@dataclass(frozen=True, eq=False)
class FactoredCurvature(Curvature):
    """T = diag(δ) + W diag(s) Wᵀ of generalised linear models.

    Attributes
    ----------
    base : array (..., d)
        δ, from the prior.
    factor : array (..., d, r)
        W, the transposed design.
    weights : array (..., r)
        s; negative where ℓ is not concave.
    """

    base: Array
    factor: Array
    weights: Array

    @property
    def dim(self) -> int:
        return int(self.factor.shape[-2])

    def matrix(self) -> Array:
        xp = array_namespace(factor=self.factor)
        half = scaled_columns(self.factor, self.weights)
        return diagonal_matrix(xp, self.base) + xp.matmul(half, xp.matrix_transpose(self.factor))

    def diagonal(self) -> Array:
        xp = array_namespace(factor=self.factor)
        return self.base + matvec(xp, self.factor * self.factor, self.weights)

    def product(self, columns: Array) -> Array:
        xp = array_namespace(factor=self.factor)
        inner = self.weights[..., None] * xp.matmul(xp.matrix_transpose(self.factor), columns)
        return self.base[..., None] * columns + xp.matmul(self.factor, inner)


def diagonal_matrix(xp: Namespace, values: Array) -> Array:
    """Return diag(v) (..., d, d) for v (..., d)."""
    return values[..., None] * xp.eye(values.shape[-1], dtype=values.dtype, device=device(values))
