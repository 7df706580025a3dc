"""The expected negative Hessian of a log density, in the form in which a model has it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device
from ingd_ref.errors import ShapeError
from ingd_ref.variational._linear_algebra import matvec, scaled_columns

__all__ = ["Curvature", "DenseCurvature", "DiagonalCurvature", "FactoredCurvature"]


class Curvature(ABC):
    r"""The symmetric matrix T = −E_q[∇²ℓ] (..., d, d) of (E11): the precision that a full natural-gradient step would take.

    It need not be positive definite where ℓ is not concave.
    """

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension d."""

    @abstractmethod
    def matrix(self) -> Array:
        """T as a matrix (..., d, d)."""

    @abstractmethod
    def diagonal(self) -> Array:
        """Diagonal of T (..., d)."""

    @abstractmethod
    def product(self, columns: Array) -> Array:
        """TX (..., d, k) for columns X (..., d, k)."""


@dataclass(frozen=True, eq=False)
class DenseCurvature(Curvature):
    """T as a matrix.

    Parameters
    ----------
    values : array (..., d, d)
        T, symmetric; the average with its transpose is taken.

    Raises
    ------
    BackendError, ShapeError, NonFiniteError

    Examples
    --------
    >>> import numpy as np
    >>> DenseCurvature(np.array([[2.0, 1.0], [0.0, 1.0]])).matrix()
    array([[2. , 0.5],
           [0.5, 1. ]])
    """

    values: Array

    def __post_init__(self) -> None:
        xp = array_namespace(values=self.values)
        if self.values.ndim < 2 or self.values.shape[-1] != self.values.shape[-2]:
            raise ShapeError(
                f"the curvature must have shape (..., d, d), got {tuple(self.values.shape)}"
            )
        values = _checks.finite(
            _checks.real_array(self.values, "the curvature", xp), "the curvature", xp
        )
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
    """The diagonal of T alone, all that a :class:`MeanFieldGaussian` asks for.

    Parameters
    ----------
    values : array (..., d)
        Diagonal.

    Raises
    ------
    BackendError, ShapeError, NonFiniteError

    Examples
    --------
    >>> import numpy as np
    >>> DiagonalCurvature(np.array([2.0, 1.0])).product(np.ones((2, 1)))
    array([[2.],
           [1.]])
    """

    values: Array

    def __post_init__(self) -> None:
        xp = array_namespace(values=self.values)
        if self.values.ndim < 1:
            raise ShapeError("the diagonal of the curvature must have shape (..., d), got ()")
        object.__setattr__(
            self,
            "values",
            _checks.finite(
                _checks.real_array(self.values, "the curvature", xp), "the curvature", xp
            ),
        )

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
    """T = diag(δ) + W diag(s) Wᵀ, as generalised linear models have it: δ from the prior, W the transposed design.

    Parameters
    ----------
    base : array (..., d)
        δ.
    factor : array (..., d, r)
        W.
    weights : array (..., r)
        s; negative where ℓ is not concave.

    Raises
    ------
    BackendError, ShapeError, NonFiniteError

    Examples
    --------
    >>> import numpy as np
    >>> FactoredCurvature(np.ones(2), np.array([[1.0], [2.0]]), np.array([3.0])).matrix()
    array([[ 4.,  6.],
           [ 6., 13.]])
    """

    base: Array
    factor: Array
    weights: Array

    def __post_init__(self) -> None:
        xp = array_namespace(base=self.base, factor=self.factor, weights=self.weights)
        shapes = (tuple(self.base.shape[-1:]), tuple(self.weights.shape[-1:]))
        if self.factor.ndim < 2 or (*shapes[0], *shapes[1]) != tuple(self.factor.shape[-2:]):
            found = f"{tuple(self.base.shape)}, {tuple(self.factor.shape)} and {tuple(self.weights.shape)}"
            raise ShapeError(
                f"base (..., d), factor (..., d, r) and weights (..., r) of a curvature must fit together, got {found}"
            )
        for name in ("base", "factor", "weights"):
            value: Any = _checks.real_array(getattr(self, name), f"the curvature's {name}", xp)
            object.__setattr__(self, name, _checks.finite(value, f"the curvature's {name}", xp))

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
