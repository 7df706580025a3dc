"""Polynomial features: powers of inner products, monomials, pairwise products."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, ClassVar, Self

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, to_backend
from ingd_ref.backend._scaling import extent, range_of, smallest
from ingd_ref.equations import statistics as equations
from ingd_ref.errors import ShapeError
from ingd_ref.features._base import Features, Setting

__all__ = ["Monomials", "PairwiseProducts", "Polynomial"]


@dataclass(frozen=True, eq=False)
class Polynomial(Features):
    r"""Powers of inner products with given centres (section 4).

    .. math:: f_s(x) = (\langle x, c_s \rangle + o)^q,
              \qquad \nabla f_s(x) = q\,(\langle x, c_s \rangle + o)^{q-1}\, c_s

    Parameters
    ----------
    centers : array (b, d)
        Centres c.
    degree : int ≥ 1
        q. Default 2.
    offset : float
        o. Default 1.

    Raises
    ------
    ShapeError, NonFiniteError
        If the centres are not finite (b, d) numbers, or the offset is not finite.
    DomainError
        If the degree is not a positive integer.
    BackendError
        If the centres are not an array.

    Notes
    -----
    Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> Polynomial(np.array([[1.0, 1.0]]))(np.array([[1.0, 2.0]]))
    array([[16.]])
    """

    centers: Array
    degree: int = 2
    offset: float = 1.0

    word: ClassVar[str] = "polynomial"
    moves: ClassVar[frozenset[str]] = frozenset({"rotation", "scale"})

    def __post_init__(self) -> None:
        xp = array_namespace(centers=self.centers)
        object.__setattr__(
            self, "centers", xp.asarray(_checks.points(self.centers, "centers", xp), copy=True)
        )
        object.__setattr__(self, "degree", _checks.positive_integer(self.degree, "degree"))
        object.__setattr__(self, "offset", _checks.number(self.offset, "offset"))

    def _values(self, x: Array, implementation: str) -> Array:
        base, _ = self._base(x)
        return base ** (self.degree - 1) * base

    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        base, centers = self._base(x)
        xp = array_namespace(x=x)
        lower = base ** (self.degree - 1)
        return lower * base, self.degree * lower[:, None, :] * xp.matrix_transpose(centers)[
            None, :, :
        ]

    def definition(self, x: Any) -> tuple[Any, Any]:
        arguments = x, x * 0 + self.centers, self.degree, x[0] * 0 + self.offset
        return equations.polynomial(*arguments), equations.polynomial_jacobian(*arguments)

    def moved(self, scale: float = 1.0, rotation: Any = None, shift: Any = 0.0) -> Self:
        turned = self.centers if rotation is None else self.centers @ rotation
        return type(self)(turned / scale, self.degree, self.offset)

    @classmethod
    def example(cls, setting: Setting) -> Polynomial:
        """Return squares at random centres that give inner products of order one."""
        centers = setting.normal(setting.number, setting.dim) / (setting.spread * setting.dim**0.5)
        return cls(centers.astype(setting.points.dtype))

    def _base(self, x: Array) -> tuple[Array, Array]:
        xp = array_namespace(x=x, centers=self.centers)
        _checks.same_dimension(x, "x", self.centers, "centers")
        centers = xp.astype(self.centers, x.dtype, copy=False)
        return xp.matmul(x, xp.matrix_transpose(centers)) + self.offset, centers


class _Products(Features):
    """Products of coordinates; each statistic is the tuple of coordinates that it multiplies."""

    def _factors(self, dim: int) -> list[tuple[int, ...]]:
        raise AssertionError("each kind of product names its factors")

    def _values(self, x: Array, implementation: str) -> Array:
        xp = array_namespace(x=x)
        return xp.stack([_product(xp, x, factor) for factor in self._factors(x.shape[1])], axis=1)

    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        xp = array_namespace(x=x)
        jacobian = xp.stack(
            [_gradient(xp, x, factor) for factor in self._factors(x.shape[1])], axis=2
        )
        return self._values(x, implementation), jacobian


@dataclass(frozen=True)
class Monomials(_Products):
    """All monomials of total degree 1 to q: x_a, x_a x_c (a ≤ c), ... (section 4).

    The constant is left out, because it never moves.

    Parameters
    ----------
    degree : int ≥ 1
        q. There are (d + q choose q) − 1 features, ordered by degree, then by coordinates.

    Raises
    ------
    DomainError
        If the degree is not an integer of at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> Monomials(2)(np.array([[2.0, 3.0]]))
    array([[2., 3., 4., 6., 9.]])
    """

    degree: int

    word: ClassVar[str] = "monomials"

    def __post_init__(self) -> None:
        object.__setattr__(self, "degree", _checks.positive_integer(self.degree, "degree"))

    def definition(self, x: Any) -> tuple[Any, Any]:
        return (
            equations.monomials(x, self.degree),
            equations.monomials_jacobian(x, self.degree),
        )

    @classmethod
    def example(cls, setting: Setting) -> Monomials:
        """Return the monomials of degree 1, or up to 2, by the parity of the number."""
        return cls(1 + setting.number % 2)

    def _factors(self, dim: int) -> list[tuple[int, ...]]:
        return [
            factor
            for q in range(1, self.degree + 1)
            for factor in combinations_with_replacement(range(dim), q)
        ]


@dataclass(frozen=True)
class PairwiseProducts(_Products):
    """Products x_a x_c of coordinates a < c, as in Ising and Gaussian graphical models (section 4).

    Parameters
    ----------
    linear : bool
        Put the coordinates x_a themselves before them. Default ``False``.
    squares : bool
        Include a = c. Default ``False``.

    Raises
    ------
    ShapeError
        When called at points with one coordinate and neither option.

    Examples
    --------
    >>> import numpy as np
    >>> PairwiseProducts()(np.array([[2.0, 3.0, 5.0]]))
    array([[ 6., 10., 15.]])
    """

    linear: bool = False
    squares: bool = False

    word: ClassVar[str] = "pairwise"
    least_dimension: ClassVar[int] = 2

    def __post_init__(self) -> None:
        for name in ("linear", "squares"):
            object.__setattr__(self, name, _checks.flag(getattr(self, name), name))

    def definition(self, x: Any) -> tuple[Any, Any]:
        if self.linear or self.squares:
            return super().definition(x)
        return equations.pairwise_products(x), equations.pairwise_products_jacobian(x)

    @classmethod
    def example(cls, setting: Setting) -> PairwiseProducts:
        """Return the products of different coordinates."""
        return cls()

    def _factors(self, dim: int) -> list[tuple[int, ...]]:
        factors: list[tuple[int, ...]] = [(a,) for a in range(dim)] if self.linear else []
        factors += [(a, c) for a in range(dim) for c in range(a if self.squares else a + 1, dim)]
        if not factors:
            raise ShapeError(
                "PairwiseProducts needs points with at least two coordinates, got one; "
                "squares=True gives x²"
            )
        return factors


def _product(xp: Namespace, x: Array, factor: tuple[int, ...]) -> Array:
    factors = xp.take(x, to_backend(np.asarray(factor), x), axis=1)
    limit = 0.9 * range_of(x) / len(factor)
    if len(factor) < 3 or (extent(x) <= limit and smallest(x) >= 2.0**-limit):
        return xp.prod(factors, axis=1)
    return _product_by_parts(xp, factors)


def _product_by_parts(xp: Namespace, factors: Array) -> Array:
    """Multiply along the second axis, mantissas and exponents apart.

    Partial products may leave the range where the product does not.
    """
    wide = xp.astype(factors, xp.float64)
    sizes = xp.abs(wide)
    powers = xp.floor(xp.log2(xp.where(sizes > 0, sizes, xp.ones_like(sizes))))
    half = xp.floor(powers / 2.0)
    mantissas = wide * 2.0**-half * 2.0 ** (half - powers)
    total = xp.clip(xp.sum(powers, axis=1), -2400.0, 2400.0)
    third = xp.floor(total / 3.0)
    product = xp.prod(mantissas, axis=1) * 2.0**third * 2.0**third * 2.0 ** (total - 2.0 * third)
    return xp.astype(product, factors.dtype, copy=False)


def _gradient(xp: Namespace, x: Array, factor: tuple[int, ...]) -> Array:
    """Return the gradient by Leibniz' rule, leaving each factor out once; shape (n, d)."""
    columns = [xp.zeros_like(x[:, 0])] * x.shape[1]
    for place, coordinate in enumerate(factor):
        others = factor[:place] + factor[place + 1 :]
        rest = _product(xp, x, others) if others else xp.ones_like(x[:, 0])
        columns[coordinate] = columns[coordinate] + rest
    return xp.stack(columns, axis=1)
