"""Marginalisation of finite states, and vertical and horizontal parts of tangent vectors (B5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.simplex._arguments import (
    constant,
    distribution,
    measure,
    of_point,
    place,
    positive_cells,
    require_broadcast,
    tangent,
)

__all__ = [
    "Marginalisation",
    "checked_conditional",
    "conditional",
    "pulled",
    "pushed",
    "required_map",
]


@dataclass(frozen=True)
class Marginalisation:
    r"""A map of n states onto m visible cells: :math:`(\Pi u)_v = \sum_{x \mapsto v} u_x`.

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
        given = _checks.sequence(self.cells, "cells", "int")
        cells = tuple(_checks.nonnegative_integer(cell, "cells") for cell in given)
        if not cells:
            raise ShapeError("cells must name the visible cell of at least one state")
        number = max(cells) + 1
        if _checks.nonnegative_integer(self.visible, "visible"):
            number = int(self.visible)
        outside = next((state for state, cell in enumerate(cells) if cell >= number), None)
        if outside is not None:
            raise DomainError(
                f"cells must lie in 0, ..., {number - 1}, but that of state {outside} is "
                f"{cells[outside]}"
            )
        known = set(cells)
        missed = next((cell for cell in range(number) if cell not in known), None)
        if missed is not None:
            raise DomainError(
                f"the marginalisation must be onto its {number} visible cells, but no state "
                f"belongs to cell {missed}"
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
            If there is no such axis.

        Examples
        --------
        >>> Marginalisation.hiding((2, 3), [1]).cells
        (0, 0, 0, 1, 1, 1)
        """
        lengths = _checks.sequence(shape, "shape", "int")
        shape = [_checks.positive_integer(length, "shape") for length in lengths]
        axes = _checks.sequence(hidden, "hidden", "int")
        hidden = [_checks.nonnegative_integer(axis, "hidden") for axis in axes]
        unknown = [axis for axis in hidden if axis >= len(shape)]
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
        cells = np.asarray(self.cells)
        return np.asarray(np.equal.outer(np.arange(self.visible), cells), dtype=float)

    def matrix(self, like: Array) -> Array:
        """Return Π as a matrix of zeros and ones, read-only in NumPy.

        Parameters
        ----------
        like : array
            Whose library, device and floating-point type it takes.

        Returns
        -------
        array (m, n)
        """
        return constant(self._table, _checks.floating(like, "like"))

    @_checks.guarded
    def push(self, u: Array) -> Array:
        """Return the push-forward Πu of measures, the sums over the fibres, equation (B5).

        Parameters
        ----------
        u : array (..., n)
            Measures on the states: probabilities or tangent vectors.

        Returns
        -------
        array (..., m)
        """
        xp = array_namespace(u=u)
        u = measure(u, "u", xp, self.states)
        return pushed(xp, self.matrix(u), u)

    @_checks.guarded
    def conditional(self, p: Array) -> Array:
        """Return the probabilities p(h|v) of the states given their visible cells.

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
        DomainError
            If p is not positive or does not sum to one.
        """
        xp = array_namespace(p=p)
        p = distribution(p, "p", xp, self.states)
        return conditional(xp, self.matrix(p), p)

    @_checks.guarded
    def complete(self, visible: Array, conditional: Array) -> Array:
        """Return the joint q(v, h) = p*(v) q(h|v) of equation (B3).

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
        DomainError
            If an argument is not positive or has a wrong sum.
        """
        xp = array_namespace(visible=visible, conditional=conditional)
        visible = distribution(visible, "visible", xp, self.visible)
        pi = self.matrix(visible)
        q = checked_conditional(xp, pi, conditional, "conditional")
        require_broadcast(q, "conditional", visible)
        return pulled(xp, pi, visible) * q

    @_checks.guarded
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
        DomainError
            If p is not positive or does not sum to one, or if w does not sum to zero.
        """
        xp = array_namespace(p=p, w=w)
        p = distribution(p, "p", xp, self.states)
        return self._lifted(xp, p, tangent(w, "w", xp, self.visible, p))

    @_checks.guarded
    def horizontal(self, p: Array, u: Array) -> Array:
        """Return the horizontal part of a tangent vector: the lift of Πu, equation (B5).

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
        DomainError
            If p is not positive or does not sum to one, or if u does not sum to zero.
        """
        return self._parts(p, u)[0]

    @_checks.guarded
    def vertical(self, p: Array, u: Array) -> Array:
        """Return the vertical part of a tangent vector, which Π maps to zero, equation (B5).

        Parameters
        ----------
        p, u : array (..., n)
            As for :meth:`horizontal`.

        Returns
        -------
        array (..., n)
            What :meth:`horizontal` leaves of u.
        """
        return self._parts(p, u)[1]

    def _parts(self, p: Array, u: Array) -> tuple[Array, Array]:
        """Return the horizontal and the vertical part."""
        xp = array_namespace(p=p, u=u)
        p = distribution(p, "p", xp, self.states)
        u = tangent(u, "u", xp, self.states, p)
        horizontal = self._lifted(xp, p, pushed(xp, self.matrix(p), u))
        return horizontal, u - horizontal

    def _lifted(self, xp: Namespace, p: Array, w: Array) -> Array:
        pi = self.matrix(p)
        return conditional(xp, pi, p) * pulled(xp, pi, w)


def required_map(marginalisation: object) -> Marginalisation:
    """Return ``marginalisation`` if it is one."""
    checked: Marginalisation = _checks.instance(
        marginalisation, "marginalisation", Marginalisation, "a Marginalisation"
    )
    return checked


def pushed(xp: Namespace, pi: Array, u: Array) -> Array:
    """Return Πu for measures (..., n)."""
    return xp.matmul(u, xp.matrix_transpose(pi))


def pulled(xp: Namespace, pi: Array, f: Array) -> Array:
    """Return f ∘ Π for functions (..., m): each state gets the value of its visible cell."""
    return xp.matmul(f, pi)


def conditional(xp: Namespace, pi: Array, p: Array) -> Array:
    """Return p(h|v) of each state."""
    return p / pulled(xp, pi, pushed(xp, pi, p))


def checked_conditional(xp: Namespace, pi: Array, q: Array, name: str) -> Array:
    """Return conditional probabilities q(h|v) (..., n), divided by their sums."""
    q = measure(q, name, xp, pi.shape[1], like=pi[0, :])
    positive_cells(q, name, xp)
    sums = pushed(xp, pi, q)
    good = xp.abs(sums - 1.0) <= _checks.SUM_TOLERANCE
    if not item(xp.all(good)):
        cell, point = place(xp, good)
        raise DomainError(
            f"{name} must sum to 1 over the states of each visible cell, but over those of cell "
            f"{cell}{of_point(point)} it sums to {item(sums[(*point, cell)]):g}"
        )
    return q / pulled(xp, pi, sums)
