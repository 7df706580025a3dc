"""Potentials and divergences: A, its conjugate, entropies, and distances in nats.

These are the methods of :class:`~ingd_ref.families.ExponentialFamily` of the same names, and
``family`` is the object they belong to.
"""

from __future__ import annotations

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array
from ingd_ref.families._blocks import in_blocks
from ingd_ref.families._edge import checked, checked_mean, checked_pair
from ingd_ref.families._formulas import Formulas

__all__ = ["conjugate", "cross_entropy", "entropy", "kl", "log_partition"]


@_checks.guarded
def log_partition(family: Formulas, theta: Array) -> Array:
    """Return the log-partition function A(θ) of (E1).

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.

    Returns
    -------
    array (...)

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space.

    Examples
    --------
    >>> from ingd_ref.families import Gaussian
    >>> Gaussian().log_partition(Gaussian().natural(mean=3.0, variance=1.0)).item()
    4.5
    """
    xp, theta = checked(family, theta)
    return in_blocks(xp, family._log_partition, theta)


@_checks.guarded
def conjugate(family: Formulas, mu: Array) -> Array:
    """Return the conjugate function A*(μ) = sup_θ ⟨θ, μ⟩ − A(θ) = −H(q) − E[log h], equation (E6).

    Parameters
    ----------
    mu : array (..., b)
        Mean parameters.

    Returns
    -------
    array (...)

    Raises
    ------
    DomainError
        If no member has these mean parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gaussian
    >>> Gaussian().conjugate(np.array([3.0, 10.0])).item()
    -0.5
    """
    xp, mu = checked_mean(family, mu)
    return in_blocks(
        xp, lambda xp, mu: family._conjugate(xp, family._natural_from_mean(xp, mu)), mu
    )


@_checks.guarded
def entropy(family: Formulas, theta: Array) -> Array:
    """Return the entropy H(q_θ) = −E_θ[log q_θ] in nats, differential or of a discrete law.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.

    Returns
    -------
    array (...)

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space.

    Examples
    --------
    >>> from ingd_ref.families import Gamma
    >>> round(Gamma().entropy(Gamma().natural(shape=1.0, rate=1.0)).item(), 12)
    1.0
    """
    xp, theta = checked(family, theta)
    return in_blocks(xp, family._entropy, theta)


@_checks.guarded
def kl(family: Formulas, theta1: Array, theta2: Array) -> Array:
    """Return the Kullback-Leibler divergence KL(θ₁‖θ₂) ≥ 0 (E5).

    It is accurate however close θ₁ and θ₂ are.

    Parameters
    ----------
    theta1 : array (..., b)
        Natural parameters of the distribution of the expectation.
    theta2 : array (..., b)
        Natural parameters of the other.

    Returns
    -------
    array (...)

    Raises
    ------
    DomainError
        If θ₁ or θ₂ is outside the natural parameter space.

    Examples
    --------
    >>> from ingd_ref.families import Gaussian
    >>> family = Gaussian()
    >>> theta1, theta2 = (family.natural(mean=m, variance=1.0) for m in (0.0, 1e-9))
    >>> family.kl(theta1, theta2).item()
    5e-19
    """
    xp, theta1, theta2 = checked_pair(family, theta1, theta2)
    return in_blocks(xp, family._kl, theta1, theta2)


@_checks.guarded
def cross_entropy(family: Formulas, theta1: Array, theta2: Array) -> Array:
    """Return the cross-entropy −E_θ₁[log q_θ₂] = H(q_θ₁) + KL(θ₁‖θ₂) in nats.

    Parameters
    ----------
    theta1 : array (..., b)
        Natural parameters of the distribution of the expectation.
    theta2 : array (..., b)
        Natural parameters of the other.

    Returns
    -------
    array (...)

    Raises
    ------
    DomainError
        If θ₁ or θ₂ is outside the natural parameter space.

    Examples
    --------
    >>> from ingd_ref.families import Exponential
    >>> family = Exponential()
    >>> theta1, theta2 = family.natural(rate=0.5), family.natural(rate=1.0)
    >>> round(family.cross_entropy(theta1, theta2).item(), 12)  # E x − log 1
    2.0
    """
    xp, theta1, theta2 = checked_pair(family, theta1, theta2)
    return in_blocks(
        xp,
        lambda xp, first, second: family._entropy(xp, first) + family._kl(xp, first, second),
        theta1,
        theta2,
    )
