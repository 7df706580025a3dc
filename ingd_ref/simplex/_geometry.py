"""The open probability simplex with the Fisher-Rao metric (B1).

A point is a vector of n positive probabilities; a tangent vector is a signed measure, n numbers
that sum to zero.
"""

from __future__ import annotations

from typing import Any

from ingd_ref import _checks
from ingd_ref._special.logarithm import log_remainder
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    is_array,
    is_array_like,
    item,
)
from ingd_ref.backend._operations import softmax
from ingd_ref.errors import DomainError
from ingd_ref.simplex._arguments import distribution, measure, require_broadcast, tangent

__all__ = [
    "centred",
    "cosine",
    "fisher_cosine",
    "fisher_metric",
    "fisher_rao_distance",
    "geodesic",
    "relative_entropy",
    "simplex_gradient",
]

CONNECTIONS = ("fisher-rao", "mixture", "exponential")


@_checks.guarded
def fisher_metric(p: Array, a: Array, b: Array) -> Array:
    r"""Return the Fisher-Rao inner product of two tangent vectors, equation (B1).

    .. math:: \langle a, b\rangle_p = \sum_x a_x b_x / p_x

    Parameters
    ----------
    p : array (..., n)
        Probabilities, positive, summing to one.
    a, b : array (..., n)
        Tangent vectors: signed measures that sum to zero.

    Returns
    -------
    array (...)

    Raises
    ------
    DomainError
        If p is not positive or does not sum to one, or if a or b does not sum to zero.

    Notes
    -----
    Leading axes are batches and broadcast. Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> u = np.array([0.5, -0.5])
    >>> fisher_metric(np.array([0.5, 0.5]), u, u)
    np.float64(1.0)
    """
    xp, p, a, b = _tangents(p, a, b)
    return xp.sum(a * b / p, axis=-1)


@_checks.guarded
def fisher_cosine(p: Array, a: Array, b: Array) -> Array:
    r"""Return the cosine of the Fisher-Rao angle between two tangent vectors, equation (B6).

    .. math::
        \cos_p(a, b) = \langle a, b\rangle_p / \sqrt{\langle a, a\rangle_p \langle b, b\rangle_p}

    Parameters
    ----------
    p, a, b : array (..., n)
        As for :func:`fisher_metric`.

    Returns
    -------
    array (...)
        Between −1 and 1.

    Raises
    ------
    DomainError
        If a or b is zero somewhere, or as for :func:`fisher_metric`.

    Examples
    --------
    >>> import numpy as np
    >>> p = np.full(3, 1.0 / 3.0)
    >>> a, b = np.array([1.0, -1.0, 0.0]), np.array([1.0, 1.0, -2.0])
    >>> fisher_cosine(p, a, np.stack([a, -a, b])).round(12)
    array([ 1., -1.,  0.])
    """
    xp, p, a, b = _tangents(p, a, b)
    for name, vector in (("a", a), ("b", b)):
        if not item(xp.all(xp.any(vector != 0, axis=-1))):
            raise DomainError(f"{name} must not be zero: no angle with it is defined")
    return cosine(xp, p, a, b)


def cosine(xp: Namespace, p: Array, a: Array, b: Array) -> Array:
    """Return :func:`fisher_cosine` of checked arguments."""
    a, b = _unit(xp, p, a), _unit(xp, p, b)
    return xp.clip(xp.sum(a * b, axis=-1), -1.0, 1.0)


def _unit(xp: Namespace, p: Array, a: Array) -> Array:
    """Return a/√p divided by its length; NaN for zero."""
    whitened = a / xp.sqrt(p)
    # Divided by its largest entry first, so that squares neither overflow nor underflow.
    size = xp.max(xp.abs(whitened), axis=-1, keepdims=True)
    scaled = whitened / xp.where(size > 0, size, xp.ones_like(size))
    length = xp.linalg.vector_norm(scaled, axis=-1, keepdims=True)
    return scaled / xp.where(length > 0, length, xp.full_like(length, xp.nan))


@_checks.guarded
def simplex_gradient(p: Array, derivative: Array) -> Array:
    r"""Return the Fisher-Rao gradient of a loss on the simplex, equation (B1).

    .. math:: \operatorname{grad} L = p \circ (\partial L - \mathbb E_p\, \partial L)

    It is the tangent vector u with :math:`\langle u, a\rangle_p = \sum_x a_x \partial_x L` for
    every tangent vector a.

    Parameters
    ----------
    p : array (..., n)
        Probabilities, positive, summing to one.
    derivative : array (..., n)
        ∂L, the partial derivatives of L in p. A constant added to all of them changes nothing.

    Returns
    -------
    array (..., n)
        Tangent vector.

    Notes
    -----
    Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> simplex_gradient(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    array([ 0.25, -0.25])
    """
    xp = array_namespace(p=p, derivative=derivative)
    p = distribution(p, "p", xp)
    return p * centred(xp, p, measure(derivative, "derivative", xp, p.shape[-1], like=p))


# Below this share of p, the difference p − q is p to rounding, and the ratio p/q may overflow.
FAR = 2.0**-60


def centred(xp: Namespace, p: Array, f: Array) -> Array:
    """Return f − E_p f."""
    return f - xp.sum(p * f, axis=-1, keepdims=True)


def relative_entropy(xp: Namespace, q: Array, p: Array) -> Array:
    """Return KL(q‖p) = Σ q (r − 1 − log r), r = p/q: all digits are kept where p is close to q."""
    # Where q is so small that the ratio overflows, p − q + q log(q/p) has lost nothing.
    far = q < FAR * p
    near = xp.where(far, p, q)
    terms = near * log_remainder(xp, p / near, (p - near) / near)
    return xp.sum(xp.where(far, p - q + q * (xp.log(q) - xp.log(p)), terms), axis=-1)


@_checks.guarded
def geodesic(p: Array, q: Array, t: Any, connection: str = "fisher-rao") -> Array:
    r"""Return points on a geodesic from p to q, for the Fisher-Rao metric by default.

    .. math::
        \text{Fisher-Rao:} \quad & \sqrt{p(t)} = \frac{\sin((1-t)\phi)}{\sin\phi} \sqrt p
            + \frac{\sin(t\phi)}{\sin\phi} \sqrt q, \qquad \phi = \tfrac12 d(p, q) \\
        \text{mixture:} \quad & p(t) = (1 - t)\, p + t\, q \\
        \text{exponential:} \quad & p(t) = p^{1-t} q^t / \textstyle\sum_x p_x^{1-t} q_x^t

    Parameters
    ----------
    p, q : array (..., n)
        Ends, positive, summing to one.
    t : float or array (...)
        Position from 0 at p to 1 at q. Its shape broadcasts with the batch shapes, so k positions
        between two points give (k, n).
    connection : {"fisher-rao", "mixture", "exponential"}
        Whose geodesic. Default "fisher-rao", a great circle of the square roots.

    Returns
    -------
    array (..., n)

    Raises
    ------
    DomainError
        If p or q is not positive or does not sum to one, or if t lies outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.array([0.2, 0.8]), np.array([0.8, 0.2])
    >>> geodesic(p, q, 0.5).round(12)
    array([0.5, 0.5])
    >>> geodesic(p, q, 0.25, "mixture").round(12)
    array([0.35, 0.65])
    """
    _checks.choice(connection, "connection", CONNECTIONS)
    xp, p, q, t = _ends(p, q, t)
    if connection == "mixture":
        return (1.0 - t) * p + t * q
    if connection == "exponential":
        return softmax(xp, (1.0 - t) * xp.log(p) + t * xp.log(q))
    angle = 0.5 * _distance(xp, p, q)[..., None]
    sine = xp.sin(angle)
    apart = sine > 0
    divisor = xp.where(apart, sine, xp.ones_like(sine))

    def part(share: Array) -> Array:
        return xp.where(apart, xp.sin(share * angle) / divisor, share)

    root = part(1.0 - t) * xp.sqrt(p) + part(t) * xp.sqrt(q)
    return root * root / xp.sum(root * root, axis=-1, keepdims=True)


def fisher_rao_distance(p: Array, q: Array) -> Array:
    r"""Return the length of the shortest path in the Fisher-Rao metric.

    .. math::
        d(p, q) = 2 \arccos \sum_x \sqrt{p_x q_x} = 4 \arcsin \tfrac12 \|\sqrt p - \sqrt q\|

    Parameters
    ----------
    p, q : array (..., n)
        Probabilities, not negative, summing to one.

    Returns
    -------
    array (...)
        Between 0 and π. The second form is used, which keeps its digits for near points:
        :math:`\sqrt{p} - \sqrt{q} = (p - q)/(\sqrt p + \sqrt q)`.

    Examples
    --------
    >>> import numpy as np
    >>> (fisher_rao_distance(np.array([1.0, 0.0]), np.array([0.0, 1.0])) / np.pi).round(15)
    np.float64(1.0)
    >>> p, step = np.array([0.5, 0.5]), np.array([2.0**-40, -(2.0**-40)])
    >>> fisher_rao_distance(p, p + step).item() * 2.0**39
    1.0
    """
    xp = array_namespace(p=p, q=q)
    p = distribution(p, "p", xp, closed=True)
    return _distance(xp, p, distribution(q, "q", xp, p.shape[-1], like=p, closed=True))


def _distance(xp: Namespace, p: Array, q: Array) -> Array:
    roots = xp.sqrt(p) + xp.sqrt(q)
    divisor = xp.where(roots > 0, roots, xp.ones_like(roots))
    chord = xp.linalg.vector_norm((p - q) / divisor, axis=-1)
    # Two roots of length one are at most a right angle apart; rounding may say otherwise.
    return 4.0 * xp.asin(xp.clip(0.5 * chord, 0.0, 0.5**0.5))


def _tangents(p: Array, a: Array, b: Array) -> tuple[Namespace, Array, Array, Array]:
    xp = array_namespace(p=p, a=a, b=b)
    p = distribution(p, "p", xp)
    return xp, p, tangent(a, "a", xp, p.shape[-1], p), tangent(b, "b", xp, p.shape[-1], p)


def _ends(p: Array, q: Array, t: Any) -> tuple[Namespace, Array, Array, Array]:
    """Return the checked ends, and the position as an array (..., 1)."""
    listed = is_array(t) or is_array_like(t)
    xp = array_namespace(p=p, q=q, t=t if listed else None)
    p = distribution(p, "p", xp)
    q = distribution(q, "q", xp, p.shape[-1], like=p)
    position = _checks.number_or_array(t, "t", xp, like=p)
    if not item(xp.all((position >= 0) & (position <= 1))):
        raise DomainError("t must lie between 0 and 1")
    require_broadcast(position[..., None], "t", p)
    require_broadcast(position[..., None], "t", q)
    return xp, p, q, position[..., None]
