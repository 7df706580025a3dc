r"""Projections onto flat sub-families, and the Pythagorean identity that characterises them.

Let B (b, k) hold k directions. An e-flat sub-family is {θ₀ + Bη}, an m-flat one is
{θ : Bᵀμ(θ) = c}. The two kinds are orthogonal complements of each other in the Fisher metric (E3)
and meet in at most one point, which minimises both

.. math::
    \mathrm{KL}(\theta^*\,\|\,\theta_0 + B\eta) \text{ over } \eta
        \text{, if } c = B^\top\mu(\theta^*), \qquad
    \mathrm{KL}(\theta\,\|\,\theta_0) \text{ over } B^\top\mu(\theta) = c.

So one equation in k unknowns gives both: the gradient of the convex function A(θ₀ + Bη) − ⟨η, c⟩
is zero. Where p, q, r are a point of the m-flat sub-family, the intersection and a point of the
e-flat one, KL(p‖r) = KL(p‖q) + KL(q‖r).

:func:`m_projection` and :func:`e_projection` are methods of
:class:`~ingd_ref.families.ExponentialFamily`, and ``family`` is the object they belong to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families._edge import checked, checked_pair, rows
from ingd_ref.families._formulas import Formulas

__all__ = ["Projection", "e_projection", "intersection", "m_projection"]

# Close to the solution each Newton step doubles the digits; far away the line search still gains a
# constant factor a step.
LARGEST_NUMBER_OF_STEPS = 100
HALVINGS = 60
# Below this Newton decrement, in standard deviations, a step that does not halve it shows that only
# rounding is left.
CLOSE = 1e-4


@dataclass(frozen=True, eq=False)
class Projection:
    """Result of a projection.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters of the projection.
    coordinates : array (..., k)
        Its coordinates η along the directions: θ = θ₀ + Bη.
    decrement : array (...)
        Length of the last Newton step in the Fisher metric: a bound of the error of the result, in
        standard deviations.
    steps : int
        Number of Newton steps.
    """

    theta: Array
    coordinates: Array
    decrement: Array
    steps: int


@_checks.guarded
def m_projection(family: Formulas, theta: Array, origin: Array, directions: Array) -> Projection:
    """Return the member of the e-flat sub-family {θ₀ + Bη} with the least KL(θ‖θ₀ + Bη).

    It has the same mean parameters (E2) along the directions, Bᵀμ: moment matching.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters of the member to project.
    origin : array (..., b)
        Natural parameters θ₀ of a member of the sub-family.
    directions : array (b, k)
        Linearly independent directions B.

    Returns
    -------
    Projection
        ``theta``, ``coordinates`` η, ``decrement`` and ``steps`` of Newton's method.

    Raises
    ------
    DomainError
        If θ or θ₀ is not a member, or no closest member was found.

    Examples
    --------
    Among the Gamma distributions of shape 1, the closest has the same mean:

    >>> import numpy as np
    >>> from ingd_ref.families import Gamma
    >>> family = Gamma()
    >>> theta = family.natural(shape=3.0, rate=2.0)
    >>> exponential = family.natural(shape=1.0, rate=1.0)
    >>> found = family.m_projection(theta, exponential, np.array([[0.0], [1.0]]))
    >>> {name: round(value.item(), 12) for name, value in family.classical(found.theta).items()}
    {'shape': 1.0, 'rate': 0.666666666667}
    """
    array_namespace(theta=theta, directions=directions)
    xp, theta, origin = checked_pair(family, theta, origin, labels=("theta", "origin"))
    basis = _directions(xp, family, directions, theta)
    target = xp.matmul(family._mean(xp, theta)[..., None, :], basis)[..., 0, :]
    return intersection(xp, family, origin, basis, target)


@_checks.guarded
def e_projection(family: Formulas, theta: Array, directions: Array, moments: Array) -> Projection:
    """Return the member with moments Bᵀμ = c that has the least KL(·‖θ).

    This is the principle of minimum discrimination information: θ is tilted exponentially until the
    moments fit.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters of the member to project.
    directions : array (b, k)
        Linearly independent directions B: combinations of the statistics whose means are given.
    moments : array (..., k)
        Their means c.

    Returns
    -------
    Projection
        ``theta``, ``coordinates`` η, ``decrement`` and ``steps`` of Newton's method.

    Raises
    ------
    DomainError
        If θ is not a member, or no member with these moments was found.

    Examples
    --------
    A Gaussian tilted to another mean keeps its variance:

    >>> import numpy as np
    >>> from ingd_ref.families import Gaussian
    >>> family = Gaussian()
    >>> theta = family.natural(mean=0.0, variance=2.0)
    >>> found = family.e_projection(theta, np.array([[1.0], [0.0]]), np.array([3.0]))
    >>> {name: round(value.item(), 12) for name, value in family.classical(found.theta).items()}
    {'mean': 3.0, 'variance': 2.0}
    """
    array_namespace(theta=theta, directions=directions, moments=moments)
    xp, theta = checked(family, theta)
    basis = _directions(xp, family, directions, theta)
    return intersection(
        xp, family, theta, basis, rows(xp, moments, "moments", basis.shape[1], like=theta)
    )


def _directions(xp: Namespace, family: Formulas, directions: Array, like: Array) -> Array:
    b, directions = family.number, _checks.as_array(directions, "directions")
    if directions.ndim != 2 or directions.shape[0] != b or not 1 <= directions.shape[1] <= b:
        raise ShapeError(
            f"directions must have shape ({b}, k) with k from 1 to {b}, "
            f"got {tuple(directions.shape)}"
        )
    return _checks.finite(_checks.real_array(directions, "directions", xp, like), "directions", xp)


def intersection(
    xp: Namespace, family: Formulas, origin: Array, basis: Array, target: Array
) -> Projection:
    """Solve Bᵀμ(θ₀ + Bη) = c by Newton's method.

    The line search uses slopes only, since values of A would cancel. θ moves along with η instead
    of being computed from it, so that a distant origin costs no digits.
    """
    batch = xp.broadcast_arrays(origin[..., 0], target[..., 0])[0].shape
    theta = xp.asarray(xp.broadcast_to(origin, (*batch, family.number)), copy=True)
    eta = xp.zeros_like(xp.matmul(theta, basis))
    last = xp.full_like(eta[..., 0], math.inf)
    for steps in range(LARGEST_NUMBER_OF_STEPS):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            step, slope = _newton_step(xp, family, theta, basis, target)
        if not item(xp.all(xp.isfinite(step))):
            break  # the moments are those of no member, and θ has run away
        decrement = xp.sqrt(xp.abs(slope))
        if item(xp.all((decrement == 0) | ((decrement < CLOSE) & (decrement > 0.5 * last)))):
            return Projection(theta, eta, decrement, steps)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            moved = _length(xp, family, theta, basis, target, step, slope)[..., None] * step
        if not item(xp.any(moved != 0)):
            break  # no step inside Θ gains
        theta = theta + xp.matmul(moved, xp.matrix_transpose(basis))
        eta = eta + moved
        last = decrement
    raise DomainError(
        f"no member of {family.name} with the moments of the projection was found in "
        f"{steps + 1} Newton steps"
    )


def _newton_step(
    xp: Namespace, family: Formulas, theta: Array, basis: Array, target: Array
) -> tuple[Array, Array]:
    """Return Newton's step (..., k) and the squared decrement (...), infinite if F is singular."""
    gap = _gap(xp, family, theta, basis, target)
    metric = xp.matmul(xp.matrix_transpose(basis), xp.matmul(family._fisher(xp, theta), basis))
    try:
        step = xp.linalg.solve(metric, gap[..., None])[..., 0]
    except np.linalg.LinAlgError:
        step = xp.full_like(gap, math.inf)
    return step, xp.sum(gap * step, axis=-1)


def _gap(xp: Namespace, family: Formulas, theta: Array, basis: Array, target: Array) -> Array:
    """Return c − Bᵀμ(θ), the negative gradient of the convex function."""
    return target - xp.matmul(family._mean(xp, theta)[..., None, :], basis)[..., 0, :]


def _length(
    xp: Namespace,
    family: Formulas,
    theta: Array,
    basis: Array,
    target: Array,
    step: Array,
    slope: Array,
) -> Array:
    """Return the first of 1, ½, ¼, … at which the step is inside Θ and its slope at most halved.

    It is 0 where there is none.
    """
    direction = xp.matmul(step, xp.matrix_transpose(basis))
    length = xp.ones_like(slope)
    for _ in range(HALVINGS):
        moved = theta + length[..., None] * direction
        inside = family._contains(xp, moved) & xp.all(xp.isfinite(moved), axis=-1)
        gap = _gap(xp, family, xp.where(inside[..., None], moved, theta), basis, target)
        good = inside & (-xp.sum(gap * step, axis=-1) <= 0.5 * xp.abs(slope))
        if item(xp.all(good)):
            break
        length = xp.where(good, length, 0.5 * length)
    return xp.where(good, length, xp.zeros_like(length))
