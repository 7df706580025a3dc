"""Triangular polynomial maps, each coordinate increasing in its own latent one."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.generators._base import Generator, Linearisation

__all__ = ["TriangularPolynomial"]


@dataclass(frozen=True)
class TriangularPolynomial(Generator):
    r"""A monotone triangular (Knothe-Rosenblatt) map with polynomial entries.

    .. math::
        x_j &= \sum_{|\nu| \le q} c_{j\nu}\, z_{<j}^{\,\nu}
             + \int_0^{z_j} \Bigl( \sum_{k \le r} a_{jk} t^k \Bigr)^2 dt
             = \sum_\nu c_{j\nu}\, z_{<j}^{\,\nu}
             + \sum_{k,l} a_{jk} a_{jl} \frac{z_j^{k+l+1}}{k+l+1} \\
        (J u)_j &= \sum_\nu \dot c_{j\nu}\, z_{<j}^{\,\nu}
             + 2 \sum_{k,l} \dot a_{jk} a_{jl} \frac{z_j^{k+l+1}}{k+l+1}

    Parameters
    ----------
    dimension : int
        Number d of coordinates of x and of z.
    degree : int
        Largest degree q ≥ 0 of the polynomials in the coordinates before. Default 2.
    slope_degree : int
        Degree r ≥ 0 of the polynomial whose square is integrated; x_j is of degree 2r + 1 in z_j.
        Default 1.

    Attributes
    ----------
    blocks : dict
        ``polynomial_1`` (1,), ``polynomial_2`` (q + 1,) and so on: coefficients c_jν of all
        monomials of z_1, …, z_{j−1} up to degree q, ordered by degree; and ``slopes`` (d, r + 1),
        the a_jk.

    Raises
    ------
    DomainError
        If ``dimension`` is not an integer of at least 1, or a degree is not one of at least 0.

    Notes
    -----
    Each x_j increases strictly with z_j unless its slope polynomial is zero, so the map is
    one-to-one; every distribution with a density is the image of standard normal z under some
    increasing triangular map. The start is x = z. Moments of x are moments of z of a higher degree,
    which Gauss-Hermite quadrature gives exactly.

    Examples
    --------
    >>> import numpy as np
    >>> generator = TriangularPolynomial(2, degree=1, slope_degree=1)
    >>> generator.blocks
    {'polynomial_1': (1,), 'polynomial_2': (2,), 'slopes': (2, 2)}
    >>> polynomials = {"polynomial_1": 0.0, "polynomial_2": np.array([1.0, 2.0])}
    >>> w = generator.pack(**polynomials, slopes=np.array([[1.0, 0.0], [0.0, 3.0]]))
    >>> generator(w, np.array([[2.0, 1.0]]))  # z_1 and 1 + 2 z_1 + 9 z_2³/3
    array([[2., 8.]])
    """

    dimension: int
    degree: int = 2
    slope_degree: int = 1
    latent_dimension: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))
        object.__setattr__(self, "latent_dimension", self.dimension)
        for name in ("degree", "slope_degree"):
            object.__setattr__(self, name, _checks.nonnegative_integer(getattr(self, name), name))

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """``polynomial_j`` of each coordinate, and ``slopes``."""
        shapes: dict[str, tuple[int, ...]] = {}
        for before in range(self.dimension):
            shapes[f"polynomial_{before + 1}"] = (math.comb(before + self.degree, self.degree),)
        return shapes | {"slopes": (self.dimension, self.slope_degree + 1)}

    def _linearise(self, xp: Namespace, w: Array, z: Array) -> Linearisation:
        slopes = self._parts(xp, w)["slopes"]
        # Row i of the design of x_j holds its derivatives by c_j and by a_j. It is linear in c_j
        # and quadratic in a_j.
        polynomials = [self._monomials(xp, z[:, :j]) for j in range(self.dimension)]
        squares = [
            2.0 * xp.matmul(self._integrals(xp, z[:, j]), slopes[j, :])
            for j in range(self.dimension)
        ]
        halves = self._apply(xp, w[None, :], polynomials, [0.5 * square for square in squares])

        def push(tangents: Array) -> Array:
            return self._apply(xp, tangents, polynomials, squares)

        def pull(cotangents: Array) -> Array:
            by_coefficients = [
                xp.matmul(cotangents[..., j], polynomials[j]) for j in range(self.dimension)
            ]
            by_slopes = [xp.matmul(cotangents[..., j], squares[j]) for j in range(self.dimension)]
            return xp.concat([*by_coefficients, *by_slopes], axis=1)

        return Linearisation(halves[0, ...], push, pull)

    def _apply(
        self, xp: Namespace, w: Array, polynomials: list[Array], squares: list[Array]
    ) -> Array:
        """Return the designs times the parts of the parameters w (s, p), summed: (s, n, d)."""
        *coefficients, slopes = self._parts(xp, w).values()
        moved = []
        for j in range(self.dimension):
            by_coefficients = xp.matmul(coefficients[j], xp.matrix_transpose(polynomials[j]))
            by_slopes = xp.matmul(slopes[:, j, :], xp.matrix_transpose(squares[j]))
            moved.append(by_coefficients + by_slopes)
        return xp.stack(moved, axis=2)

    def _monomials(self, xp: Namespace, z: Array) -> Array:
        """Return all monomials of z (n, j) up to the degree, by degree: (n, number)."""
        columns = []
        for degree in range(self.degree + 1):
            for factors in itertools.combinations_with_replacement(range(z.shape[1]), degree):
                column = xp.ones((z.shape[0],), dtype=z.dtype, device=device(z))
                for coordinate in factors:
                    column = column * z[:, coordinate]
                columns.append(column)
        return xp.stack(columns, axis=1)

    def _integrals(self, xp: Namespace, t: Array) -> Array:
        """Return the integrals of s^{k+l} from 0 to t (n,), for k, l ≤ r: (n, r + 1, r + 1)."""
        powers = [t]
        for exponent in range(2, 2 * self.slope_degree + 2):
            powers.append(powers[-1] * t * ((exponent - 1) / exponent))  # t^m/m from t^{m−1}/(m−1)
        number = self.slope_degree + 1
        return xp.stack([xp.stack(powers[k : k + number], axis=1) for k in range(number)], axis=1)

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        parts = {name: np.zeros(shape) for name, shape in self.blocks.items()}
        parts["slopes"][:, 0] = 1.0
        return parts
