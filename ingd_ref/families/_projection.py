r"""Projections onto flat sub-families, and the Pythagorean identity that characterises them.

Let B (b, k) hold k directions. An e-flat sub-family is {θ₀ + Bη}, an m-flat one is {θ : Bᵀμ(θ) =
c}; the two kinds are orthogonal complements of each other in the Fisher metric (E3), and meet in at
most one point, which minimises both

.. math::
    \mathrm{KL}(\theta^*\,\|\,\theta_0 + B\eta) \text{ over } \eta \text{, if } c = B^\top\mu(\theta^*), \qquad
    \mathrm{KL}(\theta\,\|\,\theta_0) \text{ over } B^\top\mu(\theta) = c.

So one equation in k unknowns, the gradient of the convex function A(θ₀ + Bη) − ⟨η, c⟩, does for
both. Where p, q, r are a point of the m-flat sub-family, the intersection and a point of the e-flat
one, KL(p‖r) = KL(p‖q) + KL(q‖r).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._edge import checked, checked_pair, rows

__all__ = ["Projection", "e_projection", "intersection", "m_projection"]

# Newton's method doubles the digits in each step once it is close; far away the line search leaves
# it at worst a constant factor a step.
LARGEST_NUMBER_OF_STEPS = 100
HALVINGS = 60
# Below this Newton decrement, in standard deviations, a step that no longer halves it shows that
# rounding is all that is left.
CLOSE = 1e-4


@dataclass(frozen=True, eq=False)
class Projection:
    """Where a projection ends.

    Parameters
    ----------
    theta : array (..., b)
        Natural parameters of the projection.
    coordinates : array (..., k)
        Its coordinates η along the directions: θ = θ₀ + Bη.
    decrement : array (...)
        Length of the last Newton step in the Fisher metric: how many standard deviations the result
        may be off.
    steps : int
        Newton steps that were taken.
    """

    theta: Array
    coordinates: Array
    decrement: Array
    steps: int


def m_projection(
    family: ExponentialFamily, theta: Array, origin: Array, directions: Array
) -> Projection:
    """Member of the e-flat sub-family {θ₀ + Bη} closest to θ: the least KL(θ‖θ₀ + Bη), equation (E5).

    It has the same mean parameters (E2) along the directions, Bᵀμ: moment matching.

    Parameters
    ----------
    family : ExponentialFamily
        Whose members are meant.
    theta : array (..., b)
        Natural parameters of the member to project.
    origin : array (..., b)
        Natural parameters θ₀ of a member of the sub-family.
    directions : array (b, k)
        Linearly independent directions B.

    Returns
    -------
    Projection

    Raises
    ------
    BackendError, ShapeError, NonFiniteError
    DomainError
        If a parameter is outside the natural parameter space, or no closest member was found.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> family = ir.families.Gamma()
    >>> theta = family.natural(shape=3.0, rate=2.0)
    >>> exponential = family.natural(shape=1.0, rate=1.0)
    >>> found = ir.families.m_projection(family, theta, exponential, np.array([[0.0], [1.0]]))  # same mean, shape 1
    >>> {name: round(value.item(), 12) for name, value in family.classical(found.theta).items()}
    {'shape': 1.0, 'rate': 0.666666666667}
    """
    array_namespace(theta=theta, directions=directions)
    xp, theta, origin = checked_pair(family, theta, origin, labels=("theta", "origin"))
    basis = _directions(xp, family, directions, theta)
    target = xp.matmul(family._mean(xp, theta)[..., None, :], basis)[..., 0, :]
    return intersection(xp, family, origin, basis, target)


def e_projection(
    family: ExponentialFamily, theta: Array, directions: Array, moments: Array
) -> Projection:
    """Member with prescribed moments Bᵀμ = c closest to θ: the least KL(·‖θ) among them, equation (E5).

    This is the principle of minimum discrimination information; with moments of data it tilts θ
    exponentially until they fit.

    Parameters
    ----------
    family : ExponentialFamily
        Whose members are meant.
    theta : array (..., b)
        Natural parameters of the member to project.
    directions : array (b, k)
        Linearly independent directions B: combinations of the statistics whose means are
        prescribed.
    moments : array (..., k)
        Their prescribed means c.

    Returns
    -------
    Projection

    Raises
    ------
    BackendError, ShapeError, NonFiniteError
    DomainError
        If θ is outside the natural parameter space, or no member with these moments was found.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> family = ir.families.Gaussian()
    >>> theta = family.natural(mean=0.0, variance=2.0)
    >>> found = ir.families.e_projection(family, theta, np.array([[1.0], [0.0]]), np.array([3.0]))  # a shift keeps the variance
    >>> {name: round(value.item(), 12) for name, value in family.classical(found.theta).items()}
    {'mean': 3.0, 'variance': 2.0}
    """
    array_namespace(theta=theta, directions=directions, moments=moments)
    xp, theta = checked(family, theta)
    basis = _directions(xp, family, directions, theta)
    return intersection(
        xp, family, theta, basis, rows(xp, moments, "moments", basis.shape[1], like=theta)
    )


def _directions(xp: Namespace, family: ExponentialFamily, directions: Array, like: Array) -> Array:
    if (
        directions.ndim != 2
        or directions.shape[0] != family.number
        or not 1 <= directions.shape[1] <= family.number
    ):
        raise ShapeError(
            f"directions must have shape ({family.number}, k) with k from 1 to {family.number}, got {tuple(directions.shape)}"
        )
    return _checks.finite(_checks.real_array(directions, "directions", xp, like), "directions", xp)


def intersection(
    xp: Namespace, family: ExponentialFamily, origin: Array, basis: Array, target: Array
) -> Projection:
    """Solve Bᵀμ(θ₀ + Bη) = c by Newton's method with a line search that looks at slopes only, since values of A would cancel.

    θ is moved along with η instead of being formed anew, so that a distant origin takes no digits
    from it.
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
        theta, eta, last = (
            theta + xp.matmul(moved, xp.matrix_transpose(basis)),
            eta + moved,
            decrement,
        )
    raise DomainError(
        f"no member of {family.name} with the moments of the projection was found in {steps + 1} Newton steps"
    )


def _newton_step(
    xp: Namespace, family: ExponentialFamily, theta: Array, basis: Array, target: Array
) -> tuple[Array, Array]:
    """Newton's step (..., k) and the squared decrement (...); infinite where the metric is no longer invertible."""
    gap = _gap(xp, family, theta, basis, target)
    metric = xp.matmul(xp.matrix_transpose(basis), xp.matmul(family._fisher(xp, theta), basis))
    try:
        step = xp.linalg.solve(metric, gap[..., None])[..., 0]
    except np.linalg.LinAlgError:
        step = xp.full_like(gap, math.inf)
    return step, xp.sum(gap * step, axis=-1)


def _gap(
    xp: Namespace, family: ExponentialFamily, theta: Array, basis: Array, target: Array
) -> Array:
    """What the moments lack: c − Bᵀμ(θ), the negative gradient of the convex function."""
    return target - xp.matmul(family._mean(xp, theta)[..., None, :], basis)[..., 0, :]


def _length(
    xp: Namespace,
    family: ExponentialFamily,
    theta: Array,
    basis: Array,
    target: Array,
    step: Array,
    slope: Array,
) -> Array:
    """The first of 1, ½, ¼, … at which the step stays inside the domain and its slope has not risen beyond half of what it was."""
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
    return length
