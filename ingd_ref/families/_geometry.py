"""Geodesics of the two flat connections, dual to each other in the Fisher metric.

These are methods of :class:`~ingd_ref.families.ExponentialFamily`, and ``family`` is the object
they belong to.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, is_array, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families._edge import batch_shape, checked_pair
from ingd_ref.families._formulas import Formulas

__all__ = ["e_geodesic", "m_geodesic"]


@_checks.guarded
def e_geodesic(family: Formulas, theta1: Array, theta2: Array, t: Any) -> Array:
    """Return the point θ(t) = (1 − t)θ₁ + tθ₂ of an exponential geodesic, straight in θ.

    The densities on it are normalised geometric means of those at its ends.

    Parameters
    ----------
    theta1, theta2 : array (..., b)
        Natural parameters of the ends.
    t : float or array (...)
        Position, from 0 at θ₁ to 1 at θ₂. Its shape broadcasts with the batch shapes: k positions
        between two members give (k, b).

    Returns
    -------
    array (..., b)
        Natural parameters.

    Raises
    ------
    DomainError
        If θ₁ or θ₂ is not a member, or t lies outside [0, 1].

    Examples
    --------
    The mean is weighted by the precisions, here 1 and 2:

    >>> from ingd_ref.families import Gaussian
    >>> family = Gaussian()
    >>> left, right = family.natural(mean=0.0, variance=1.0), family.natural(mean=3.0, variance=0.5)
    >>> family.classical(family.e_geodesic(left, right, 0.5))["mean"].item()
    2.0
    """
    xp, theta1, theta2 = checked_pair(family, theta1, theta2)
    t = _position(xp, t, theta1, theta2)
    return (1.0 - t) * theta1 + t * theta2


@_checks.guarded
def m_geodesic(family: Formulas, theta1: Array, theta2: Array, t: Any) -> Array:
    """Return the point μ(t) = (1 − t)μ(θ₁) + tμ(θ₂) of a mixture geodesic, straight in μ.

    This is the member closest to the mixture (1 − t)q_θ₁ + t q_θ₂ in the divergence (E5). The
    natural-gradient flow (E10) runs along such a line.

    Parameters
    ----------
    theta1, theta2 : array (..., b)
        Natural parameters of the ends.
    t : float or array (...)
        Position, from 0 at θ₁ to 1 at θ₂. Its shape broadcasts with the batch shapes: k positions
        between two members give (k, b).

    Returns
    -------
    array (..., b)
        Natural parameters.

    Raises
    ------
    DomainError
        If θ₁ or θ₂ is not a member, or t lies outside [0, 1].

    Examples
    --------
    The variance is that within the two members plus that between them:

    >>> from ingd_ref.families import Gaussian
    >>> family = Gaussian()
    >>> left, right = (family.natural(mean=m, variance=1.0) for m in (-1.0, 1.0))
    >>> family.classical(family.m_geodesic(left, right, 0.5))["variance"].item()
    2.0
    """
    xp, theta1, theta2 = checked_pair(family, theta1, theta2)
    t = _position(xp, t, theta1, theta2)
    shape = (*batch_shape(theta1=theta1, theta2=theta2, t=t), family.number)
    return family._mixture(xp, xp.broadcast_to(theta1, shape), xp.broadcast_to(theta2, shape), t)


def _position(xp: Namespace, t: Any, theta1: Array, theta2: Array) -> Array:
    """Return the position as an array (..., 1) that broadcasts with θ₁ and θ₂."""
    if is_array(t):
        array_namespace(theta1=theta1, t=t)
    value = _checks.number_or_array(t, "t", xp, like=theta1)
    if not item(xp.all((value >= 0) & (value <= 1))):
        raise DomainError("t must lie between 0 and 1: beyond its ends a geodesic may leave Θ")
    shapes = (tuple(value.shape), tuple(theta1.shape[:-1]), tuple(theta2.shape[:-1]))
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(
            "the shape of t {} does not broadcast with the batch shapes {} and {}".format(*shapes)
        ) from None
    return value[..., None]
