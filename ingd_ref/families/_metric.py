"""The Fisher metric: its matrix in each chart, products with it, its derivative, distances.

These are the methods of :class:`~ingd_ref.families.ExponentialFamily` of the same names, and
``family`` is the object they belong to.
"""

from __future__ import annotations

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array
from ingd_ref.families._blocks import in_blocks
from ingd_ref.families._edge import checked, checked_pair, checked_vector
from ingd_ref.families._formulas import Formulas

__all__ = [
    "CHARTS",
    "fisher",
    "fisher_rao_distance",
    "fisher_vector_product",
    "inverse_fisher",
    "natural_gradient",
    "third_cumulant",
]

CHARTS = ("natural", "mean", "classical")


@_checks.guarded
def fisher(family: Formulas, theta: Array, chart: str = "natural") -> Array:
    """Return the Fisher information E_θ[score scoreᵀ] of one observation, (E3) or (E4).

    In natural parameters it is F(θ) = ∇²A(θ) = Cov_θ[f], equation (E3); in mean parameters F(θ)⁻¹,
    and in classical parameters ξ it is JᵀFJ with J = ∂θ/∂ξ, equation (E4).

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.
    chart : {"natural", "mean", "classical"}
        Coordinates of the matrix; "natural" by default. The p classical ones are the entries of all
        classical parameters in their order. Where these obey equations (probabilities that sum to
        one, unit vectors, symmetric matrices) the matrix is for changes that obey them too.

    Returns
    -------
    array (..., b, b) or (..., p, p)

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space.
    OptionError
        If there is no such chart.

    Examples
    --------
    >>> from ingd_ref.families import Gaussian
    >>> theta = Gaussian().natural(mean=1.0, variance=1.0)
    >>> Gaussian().fisher(theta)
    array([[1., 2.],
           [2., 6.]])
    >>> Gaussian().fisher(theta, chart="classical")
    array([[1. , 0. ],
           [0. , 0.5]])
    """
    formulas = {
        "natural": family._fisher,
        "mean": family._inverse_fisher,
        "classical": family._classical_fisher,
    }
    formula = formulas[_checks.choice(chart, "chart", CHARTS)]
    xp, theta = checked(family, theta)
    return in_blocks(xp, formula, theta)


@_checks.guarded
def inverse_fisher(family: Formulas, theta: Array) -> Array:
    """Return the inverse F(θ)⁻¹ of the Fisher information, which is that in mean parameters (E4).

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.

    Returns
    -------
    array (..., b, b)

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space.

    Examples
    --------
    >>> from ingd_ref.families import Gaussian
    >>> Gaussian().inverse_fisher(Gaussian().natural(mean=1.0, variance=1.0))
    array([[ 3. , -1. ],
           [-1. ,  0.5]])
    """
    xp, theta = checked(family, theta)
    return in_blocks(xp, family._inverse_fisher, theta)


@_checks.guarded
def fisher_vector_product(family: Formulas, theta: Array, vector: Array) -> Array:
    """Return the product F(θ)v (E3): the rate of change of μ when θ moves with velocity v.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.
    vector : array (..., b)
        Velocity of the natural parameters.

    Returns
    -------
    array (..., b)

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gaussian
    >>> theta = Gaussian().natural(mean=1.0, variance=1.0)
    >>> Gaussian().fisher_vector_product(theta, np.array([1.0, -1.0]))
    array([-1., -4.])
    """
    xp, theta, vector = checked_vector(family, theta, vector, "vector")
    return in_blocks(xp, family._fisher_vector_product, theta, vector)


@_checks.guarded
def natural_gradient(family: Formulas, theta: Array, grad: Array) -> Array:
    """Return the natural gradient F(θ)⁻¹ ∇_θ L (E7), which is the plain gradient ∇_μ L (E8).

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.
    grad : array (..., b)
        Gradient ∇_θ L of a loss with respect to the natural parameters.

    Returns
    -------
    array (..., b)

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.families import Gaussian
    >>> family = Gaussian()
    >>> theta = family.natural(mean=1.0, variance=1.0)
    >>> family.natural_gradient(theta, family.fisher(theta) @ np.array([5.0, 7.0]))
    array([5., 7.])
    """
    xp, theta, grad = checked_vector(family, theta, grad, "grad")
    return in_blocks(xp, family._natural_gradient, theta, grad)


@_checks.guarded
def third_cumulant(family: Formulas, theta: Array) -> Array:
    """Return the third cumulant ∇³A(θ) = E_θ[(f − μ) ⊗ (f − μ) ⊗ (f − μ)].

    It is the cubic (Amari-Chentsov) tensor in natural parameters.

    It is the derivative of the Fisher information and gives the α-connections:
    Γ⁽ᵅ⁾ = (1 − α)/2 ∇³A.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters.

    Returns
    -------
    array (..., b, b, b)
        Symmetric in its last three axes. Families without a closed form use extrapolated
        differences of the Fisher information, with a relative error of about 1e-12 in float64.

    Raises
    ------
    DomainError
        If θ is outside the natural parameter space.

    Examples
    --------
    >>> from ingd_ref.families import Exponential
    >>> Exponential().third_cumulant(Exponential().natural(rate=0.5)).item()  # of x: 2/rate³
    16.0
    """
    xp, theta = checked(family, theta)
    return in_blocks(xp, family._third_cumulant, theta)


@_checks.guarded
def fisher_rao_distance(family: Formulas, theta1: Array, theta2: Array) -> Array:
    """Return the length of the shortest curve from θ₁ to θ₂ in the Fisher metric.

    Parameters
    ----------
    theta1 : array (..., b)
        Natural parameters of one end.
    theta2 : array (..., b)
        Natural parameters of the other.

    Returns
    -------
    array (...)

    Raises
    ------
    DomainError
        If θ₁ or θ₂ is outside the natural parameter space.
    OptionError
        If no closed form is known for the family.

    Examples
    --------
    >>> import math
    >>> from ingd_ref.families import Gaussian
    >>> family = Gaussian()
    >>> left, right = (family.natural(mean=0.0, variance=v) for v in (1.0, 4.0))
    >>> distance = family.fisher_rao_distance(left, right)
    >>> round(distance.item() / math.log(2.0), 12)  # √2 log(s₂/s₁)
    1.414213562373
    """
    xp, theta1, theta2 = checked_pair(family, theta1, theta2)
    return in_blocks(xp, family._fisher_rao_distance, theta1, theta2)
