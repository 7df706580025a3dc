"""Marginalisation of finite states and its geometry: lifts, and the vertical and horizontal parts of tangent vectors (B5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item, to_backend
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.simplex._arguments import (
    beside,
    distribution,
    measure,
    of_point,
    place,
    positive_cells,
    tangent,
)

__all__ = ["Marginalisation", "conditional", "pulled", "pushed", "recognition"]


@dataclass(frozen=True)
class Marginalisation:
    r"""A map of n states onto m visible cells, and what it does to measures: :math:`(\Pi u)_v = \sum_{x \mapsto v} u_x`.

    The states with the same visible cell form its fibre; they differ in what is hidden. At a point
    p of the simplex the vertical space :math:`V_p = \ker \Pi` holds the tangent vectors that change
    nothing visible, and the horizontal space :math:`H_p` is its complement in the Fisher-Rao
    metric, equation (B5). Π maps H_p onto the tangent vectors of the visible simplex without
    changing their lengths.

    Parameters
    ----------
    cells : sequence of int (n,)
        Visible cell 0, …, m − 1 of each state.
    visible : int, optional
        Number m of visible cells. Default: one more than the largest of ``cells``.

    Raises
    ------
    ShapeError
        If there are no states.
    DomainError
        If a cell is out of range, or has no state: the map must be onto.

    Notes
    -----
    Source: [A25].

    Examples
    --------
    Two bits of which the first is hidden:

    >>> import numpy as np
    >>> marginal = Marginalisation.hiding((2, 2), [0])
    >>> marginal.cells
    (0, 1, 0, 1)
    >>> p = np.array([0.1, 0.2, 0.3, 0.4])
    >>> marginal.push(p)
    array([0.4, 0.6])
    >>> marginal.lift(p, np.array([0.4, -0.4])).round(12)
    array([ 0.1       , -0.13333333,  0.3       , -0.26666667])
    """

    cells: Sequence[int]
    visible: int = field(default=0)

    def __post_init__(self) -> None:
        cells = tuple(_cell(cell) for cell in self.cells)
        if not cells:
            raise ShapeError("cells must name the visible cell of at least one state")
        number = (
            _checks.positive_integer(self.visible, "visible") if self.visible else max(cells) + 1
        )
        outside = next((state for state, cell in enumerate(cells) if not 0 <= cell < number), None)
        if outside is not None:
            raise DomainError(
                f"cells must lie in 0, ..., {number - 1}, but that of state {outside} is {cells[outside]}"
            )
        missed = next((cell for cell in range(number) if cell not in set(cells)), None)
        if missed is not None:
            raise DomainError(
                f"the marginalisation must be onto its {number} visible cells, but no state belongs to cell {missed}"
            )
        object.__setattr__(self, "cells", cells)
        object.__setattr__(self, "visible", number)

    @classmethod
    def hiding(cls, shape: Sequence[int], hidden: Sequence[int]) -> Marginalisation:
        """Sum over some axes of an array of states.

        Parameters
        ----------
        shape : sequence of int
            Number of values of each variable. State i is the i-th entry of an array of that shape,
            the last variable changing fastest.
        hidden : sequence of int
            Axes that are summed over; the visible cells keep the order of the others.

        Returns
        -------
        Marginalisation

        Raises
        ------
        DomainError
            For an axis that does not exist.

        Examples
        --------
        >>> Marginalisation.hiding((2, 3), [1]).cells
        (0, 0, 0, 1, 1, 1)
        """
        shape = [_checks.positive_integer(length, "shape") for length in shape]
        unknown = [axis for axis in hidden if axis not in range(len(shape))]
        if unknown:
            raise DomainError(f"hidden axes must lie in 0, ..., {len(shape) - 1}, got {unknown[0]}")
        kept = [1 if axis in hidden else length for axis, length in enumerate(shape)]
        cells = np.broadcast_to(np.arange(math.prod(kept)).reshape(kept), shape)
        return cls(cells.ravel().tolist())

    @property
    def states(self) -> int:
        """Number n of states."""
        return len(self.cells)

    @cached_property
    def _table(self) -> np.ndarray:
        table: np.ndarray = np.equal.outer(np.arange(self.visible), np.asarray(self.cells)).astype(
            float
        )
        return table

    def matrix(self, like: Array) -> Array:
        """Π as a matrix of zeros and ones.

        Parameters
        ----------
        like : array
            Whose library, device and floating type it takes.

        Returns
        -------
        array (m, n)
        """
        return to_backend(self._table, like)

    def push(self, u: Array) -> Array:
        """Push measures forward: Πu, the sums over the fibres.

        Parameters
        ----------
        u : array (..., n)
            Measures on the states: probabilities or tangent vectors.

        Returns
        -------
        array (..., m)

        Raises
        ------
        ShapeError, NonFiniteError, BackendError
            For an array that does not fit.
        """
        xp = array_namespace(u=u)
        u = measure(u, "u", xp, self.states)
        return pushed(xp, self.matrix(u), u)

    def conditional(self, p: Array) -> Array:
        """Conditional probabilities p(h|v) of the states given their visible cells.

        Parameters
        ----------
        p : array (..., n)
            Probabilities, positive, summing to one.

        Returns
        -------
        array (..., n)
            They sum to one over each fibre.

        Raises
        ------
        ShapeError, NonFiniteError, BackendError, DomainError
            For an array that does not fit.
        """
        xp = array_namespace(p=p)
        return self._conditional(xp, distribution(p, "p", xp, self.states))

    def complete(self, visible: Array, conditional: Array) -> Array:
        """Complete visible probabilities by conditional ones: p*(v) q(h|v), the joint q of (B3).

        Parameters
        ----------
        visible : array (..., m)
            Probabilities of the visible cells, positive, summing to one.
        conditional : array (..., n)
            q(h|v), positive, summing to one over each fibre.

        Returns
        -------
        array (..., n)

        Raises
        ------
        ShapeError, NonFiniteError, BackendError, DomainError
            For arrays that do not fit.
        """
        xp = array_namespace(visible=visible, conditional=conditional)
        visible = distribution(visible, "visible", xp, self.visible)
        pi = self.matrix(visible)
        q = recognition(xp, pi, conditional, "conditional")
        beside(q, "conditional", visible)
        return pulled(xp, pi, visible) * q

    def lift(self, p: Array, w: Array) -> Array:
        """Lift a visible tangent vector horizontally: u(h, v) = p(h|v) w(v), equation (B5).

        Parameters
        ----------
        p : array (..., n)
            Probabilities, positive, summing to one.
        w : array (..., m)
            Tangent vector of the visible simplex.

        Returns
        -------
        array (..., n)
            The shortest tangent vector that Π maps to w.

        Raises
        ------
        ShapeError, NonFiniteError, BackendError, DomainError
            For arrays that do not fit.
        """
        xp = array_namespace(p=p, w=w)
        p = distribution(p, "p", xp, self.states)
        return self._conditional(xp, p) * pulled(
            xp, self.matrix(p), tangent(w, "w", xp, self.visible, p)
        )

    def horizontal(self, p: Array, u: Array) -> Array:
        """Project a tangent vector on the horizontal space: the lift of Πu, equation (B5).

        Parameters
        ----------
        p : array (..., n)
            Probabilities, positive, summing to one.
        u : array (..., n)
            Tangent vector.

        Returns
        -------
        array (..., n)

        Raises
        ------
        ShapeError, NonFiniteError, BackendError, DomainError
            For arrays that do not fit.
        """
        xp = array_namespace(p=p, u=u)
        p = distribution(p, "p", xp, self.states)
        pi = self.matrix(p)
        return self._conditional(xp, p) * pulled(
            xp, pi, pushed(xp, pi, tangent(u, "u", xp, self.states, p))
        )

    def vertical(self, p: Array, u: Array) -> Array:
        """Project a tangent vector on the vertical space, which Π maps to zero, equation (B5).

        Parameters
        ----------
        p : array (..., n)
            Probabilities, positive, summing to one.
        u : array (..., n)
            Tangent vector.

        Returns
        -------
        array (..., n)
            What :meth:`horizontal` leaves of u.

        Raises
        ------
        ShapeError, NonFiniteError, BackendError, DomainError
            For arrays that do not fit.
        """
        xp = array_namespace(p=p, u=u)
        horizontal = self.horizontal(p, u)
        return xp.astype(u, horizontal.dtype, copy=False) - horizontal

    def _conditional(self, xp: Namespace, p: Array) -> Array:
        return conditional(xp, self.matrix(p), p)


def _cell(cell: Any) -> int:
    """A whole number, as an int."""
    if isinstance(cell, bool) or not hasattr(cell, "__index__"):
        raise DomainError(f"cells must be whole numbers, got {cell!r}")
    return int(cell.__index__())


def pushed(xp: Namespace, pi: Array, u: Array) -> Array:
    """Πu for measures (..., n)."""
    return xp.matmul(u, xp.matrix_transpose(pi))


def pulled(xp: Namespace, pi: Array, f: Array) -> Array:
    """Return f ∘ Π for functions (..., m) of the visible cell: each state gets the value of its cell."""
    return xp.matmul(f, pi)


def conditional(xp: Namespace, pi: Array, p: Array) -> Array:
    """p(h|v) of each state."""
    return p / pulled(xp, pi, pushed(xp, pi, p))


def recognition(xp: Namespace, pi: Array, q: Array, name: str) -> Array:
    """Check conditional probabilities q(h|v) (..., n), and divide the rounding of their sums out."""
    q = measure(q, name, xp, pi.shape[1], like=pi[0, :])
    positive_cells(q, name, xp)
    sums = pushed(xp, pi, q)
    good = xp.abs(sums - 1.0) <= _checks.SUM_TOLERANCE
    if not item(xp.all(good)):
        cell, point = place(xp, good)
        total = item(sums[(*point, cell)])
        where = f"cell {cell}{of_point(point)}"
        raise DomainError(
            f"{name} must sum to 1 over the states of each visible cell, but over those of {where} it sums to {total:g}"
        )
    return q / pulled(xp, pi, sums)
