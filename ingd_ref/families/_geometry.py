"""The two families of straight lines on the manifold: exponential and mixture geodesics, dual to each other in the Fisher metric."""

from __future__ import annotations

from typing import Any

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device, is_array, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._edge import checked_pair

__all__ = ["e_geodesic", "m_geodesic"]


def e_geodesic(family: ExponentialFamily, theta1: Array, theta2: Array, t: Any) -> Array:
    """Exponential geodesic θ(t) = (1 − t)θ₁ + tθ₂: a straight line in the natural parameters of (E1), geometric means of densities.

    Parameters
    ----------
    family : ExponentialFamily
        Whose members the ends are.
    theta1, theta2 : array (..., b)
        Natural parameters of the ends.
    t : float or array (...)
        Position from 0 at θ₁ to 1 at θ₂; its shape broadcasts with the batch shapes, so k positions
        between two members give (k, b).

    Returns
    -------
    array (..., b)

    Raises
    ------
    BackendError, ShapeError, NonFiniteError
    DomainError
        If an end is no member, or a position lies outside [0, 1].

    Examples
    --------
    >>> import ingd_ref as ir
    >>> family = ir.families.Gaussian()
    >>> left, right = family.natural(mean=0.0, variance=1.0), family.natural(mean=3.0, variance=0.5)
    >>> family.classical(ir.families.e_geodesic(family, left, right, 0.5))["mean"].item()  # precisions 1 and 2 weigh the means
    2.0
    """
    xp, theta1, theta2 = checked_pair(family, theta1, theta2)
    t = _position(xp, t, theta1, theta2)
    return (1.0 - t) * theta1 + t * theta2


def m_geodesic(family: ExponentialFamily, theta1: Array, theta2: Array, t: Any) -> Array:
    """Mixture geodesic: the member whose mean parameters are μ(t) = (1 − t)μ(θ₁) + tμ(θ₂), a straight line in those of (E2).

    It is the member closest to the mixture (1 − t)q_θ₁ + t q_θ₂ in the sense of (E5), and the
    natural gradient flow (E10) runs along it.

    Parameters
    ----------
    family : ExponentialFamily
        Whose members the ends are.
    theta1, theta2 : array (..., b)
        Natural parameters of the ends.
    t : float or array (...)
        Position from 0 at θ₁ to 1 at θ₂; its shape broadcasts with the batch shapes, so k positions
        between two members give (k, b).

    Returns
    -------
    array (..., b)
        Natural parameters.

    Raises
    ------
    BackendError, ShapeError, NonFiniteError
    DomainError
        If an end is no member, or a position lies outside [0, 1].

    Examples
    --------
    >>> import ingd_ref as ir
    >>> family = ir.families.Gaussian()
    >>> left, right = family.natural(mean=-1.0, variance=1.0), family.natural(mean=1.0, variance=1.0)
    >>> family.classical(ir.families.m_geodesic(family, left, right, 0.5))["variance"].item()  # within and between
    2.0
    """
    xp, theta1, theta2 = checked_pair(family, theta1, theta2)
    t = _position(xp, t, theta1, theta2)
    shape = np.broadcast_shapes(
        tuple(theta1.shape), tuple(theta2.shape), (*t.shape[:-1], family.number)
    )
    theta1, theta2 = (xp.broadcast_to(theta, shape) for theta in (theta1, theta2))
    return family._mixture(xp, theta1, theta2, t)


def _position(xp: Namespace, t: Any, theta1: Array, theta2: Array) -> Array:
    """The position as an array (..., 1) beside the batch."""
    if is_array(t):
        array_namespace(theta1=theta1, t=t)
    value = xp.asarray(t, dtype=theta1.dtype, device=device(theta1))
    if not item(xp.all((value >= 0) & (value <= 1))):
        raise DomainError(
            "t must lie between 0 and 1, where both geodesics exist whatever their ends"
        )
    try:
        np.broadcast_shapes(tuple(value.shape), tuple(theta1.shape[:-1]), tuple(theta2.shape[:-1]))
    except ValueError:
        shapes = (tuple(value.shape), tuple(theta1.shape[:-1]), tuple(theta2.shape[:-1]))
        raise ShapeError(
            "the shape of t {} does not broadcast with the batch shapes {} and {}".format(*shapes)
        ) from None
    return value[..., None]
