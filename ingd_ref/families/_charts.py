"""Changes of chart between classical, natural and mean parameters.

These are the methods of :class:`~ingd_ref.families.ExponentialFamily` of the same names, and
``family`` is the object they belong to.
"""

from __future__ import annotations

from typing import Any

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.families._blocks import in_blocks
from ingd_ref.families._edge import checked, checked_mean, require_member, rows
from ingd_ref.families._formulas import Formulas
from ingd_ref.families._parameters import gather

__all__ = ["classical", "contains", "mean", "natural", "natural_from_mean"]


@_checks.guarded
def natural(family: Formulas, /, **classical: Any) -> Array:
    """Return the natural parameters θ of the given classical parameters.

    Parameters
    ----------
    **classical : float or array (...)
        Every parameter of the family by name, as scalars, vectors (..., d) or matrices (..., d, d).
        Batch shapes broadcast. Numbers become NumPy float64 unless another parameter is an array,
        which then sets library, device and dtype.

    Returns
    -------
    array (..., b)

    Raises
    ------
    OptionError
        If a parameter is missing or unknown.
    ShapeError, NonFiniteError
        If a value has the wrong shape, or is not finite.
    DomainError
        If a value violates its constraint; the message names the parameter and the batch index.

    Examples
    --------
    >>> from ingd_ref.families import Gamma
    >>> Gamma().natural(shape=2.0, rate=3.0)
    array([ 2., -3.])
    """
    xp, values = gather(family.name, family.parameters, classical)
    theta = _checks.finite(family._natural(xp, **values), "theta", xp)
    require_member(xp, family, theta)
    return xp.asarray(theta, copy=True)


@_checks.guarded
def classical(family: Formulas, theta: Array) -> dict[str, Array]:
    """Return the classical parameters of θ.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.

    Returns
    -------
    dict of str to array (...)
        By name, in the order of ``parameters``.

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gamma
    >>> {name: value.item() for name, value in Gamma().classical(np.array([2.0, -3.0])).items()}
    {'shape': 2.0, 'rate': 3.0}
    """
    xp, theta = checked(family, theta)
    return family._classical(xp, xp.asarray(theta, copy=True))


@_checks.guarded
def contains(family: Formulas, theta: Array) -> Array:
    """Return whether θ lies in the natural parameter space Θ, for each batch element.

    Parameters
    ----------
    theta : array (..., b)
        Any finite numbers.

    Returns
    -------
    array (...) of bool

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gamma
    >>> Gamma().contains(np.array([[2.0, -3.0], [2.0, 3.0]]))
    array([ True, False])
    """
    xp = array_namespace(theta=theta)
    return family._contains(xp, rows(xp, theta, "theta", family.number))


@_checks.guarded
def mean(family: Formulas, theta: Array) -> Array:
    """Return the mean parameters μ(θ) = ∇A(θ) = E_θ[f], equation (E2).

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.

    Returns
    -------
    array (..., b)

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space.

    Examples
    --------
    >>> from ingd_ref.families import Gaussian
    >>> Gaussian().mean(Gaussian().natural(mean=3.0, variance=4.0))
    array([ 3., 13.])
    """
    xp, theta = checked(family, theta)
    return in_blocks(xp, family._mean, theta)


@_checks.guarded
def natural_from_mean(family: Formulas, mu: Array) -> Array:
    """Return the θ with ∇A(θ) = μ, which is ∇A*(μ) of (E6): the inverse of :meth:`mean`.

    Parameters
    ----------
    mu : array (..., b)
        Mean parameters, in the interior of the set of possible means of f.

    Returns
    -------
    array (..., b)

    Raises
    ------
    DomainError
        If no member of the family has these mean parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gaussian
    >>> Gaussian().natural_from_mean(np.array([3.0, 13.0]))
    array([ 0.75 , -0.125])
    """
    xp, mu = checked_mean(family, mu)
    return in_blocks(xp, family._natural_from_mean, mu)
