"""Derivatives by a complex step, which is exact to rounding, and by extrapolated differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace, device

__all__ = [
    "complex_step_jacobian",
    "derivative_of_metric",
    "extrapolated_derivative",
    "half_size",
]

# So small that its square is lost against one in every floating type, and so large that nothing
# underflows.
COMPLEX_STEP = 2.0**-70
# Halvings of the first step, from half the size of the parameters down to where rounding dominates,
# and powers of h² that are eliminated.
HALVINGS = 24
ORDERS = 7


def complex_step_jacobian(
    xp: Namespace,
    function: Callable[..., Array],
    arguments: Mapping[str, Array],
    shapes: Mapping[str, tuple[int, ...]],
) -> Array:
    """Return ∂ function/∂ arguments (..., b, p), exact to rounding.

    The last axis counts the entries of all arguments in their order.

    An analytic function has f(ξ + ih) = f(ξ) + ih f′(ξ) + O(h²), so f′ = Im f(ξ + ih)/h without a
    difference of close numbers (Squire and Trapp). The function must be made of analytic
    operations: no absolute values, no conjugates, hence no Cholesky factors.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    function : callable
        Takes the namespace and the arguments by name and returns (..., b).
    arguments : dict of str to array
        Real arguments (..., *shape) of one dtype and batch shape.
    shapes : dict of str to tuple of int
        The shape of one value of each argument.
    """
    field = xp.complex64 if next(iter(arguments.values())).dtype == xp.float32 else xp.complex128
    lifted = {name: xp.astype(value, field) for name, value in arguments.items()}
    columns = []
    for name, shape in shapes.items():
        value, axes = arguments[name], len(shape)
        size = COMPLEX_STEP * xp.where(value == 0, xp.ones_like(value), xp.abs(value))
        for unit in np.eye(math.prod(shape)):
            step = (
                xp.asarray(np.reshape(unit, shape), dtype=value.dtype, device=device(value)) * size
            )
            changed = xp.imag(
                function(xp, **{**lifted, name: lifted[name] + 1j * xp.astype(step, field)})
            )
            length = xp.sum(step, axis=tuple(range(-axes, 0))) if axes else step
            columns.append(changed / length[..., None])
    return xp.stack(columns, axis=-1)


def half_size(xp: Namespace, theta: Array) -> Array:
    """Return half the largest |θ_i| (..., 1), at least ½: the first step of differences."""
    largest = xp.max(xp.abs(theta), axis=-1, keepdims=True)
    return 0.5 * xp.maximum(largest, xp.ones_like(largest))


def derivative_of_metric(
    xp: Namespace, metric: Callable[[Array], Array], inside: Callable[[Array], Array], theta: Array
) -> Array:
    """Return the symmetrised derivative ∂F/∂θ (..., b, b, b) of the Fisher information (E3).

    The first steps are half the size of θ, or one over the standard deviation of a statistic if
    that is less.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    metric : callable
        Maps θ (..., b) to F (..., b, b).
    inside : callable
        Maps θ (..., b) to a boolean array (...): where the metric may be called.
    theta : array (..., b)
        Where to differentiate.
    """
    size = half_size(xp, theta)
    deviation = xp.sqrt(xp.linalg.diagonal(metric(theta)))
    unit = xp.minimum(size, 1.0 / deviation)
    scale = deviation[..., :, None] * deviation[..., None, :]
    tensor = extrapolated_derivative(xp, metric, inside, theta, unit, scale)
    axes = tuple(range(theta.ndim - 1))
    first, second, third = theta.ndim - 1, theta.ndim, theta.ndim + 1
    cyclic = (
        xp.permute_dims(tensor, (*axes, *order))
        for order in ((second, third, first), (third, first, second))
    )
    return sum(cyclic, tensor) / 3.0


def extrapolated_derivative(
    xp: Namespace,
    function: Callable[[Array], Array],
    inside: Callable[[Array], Array],
    theta: Array,
    unit: Array,
    scale: Array,
) -> Array:
    """Return ∂ function/∂θ (..., r, c, b) of a matrix function (..., r, c).

    Central differences with steps h, h/2, h/4, … from h = ``unit`` on, from which Richardson's
    scheme removes h², h⁴, …; of the whole tableau the matrix is returned that agrees best with its
    neighbours (Ridders). Relative errors are 1e-12 or so in float64. Steps that leave the domain
    count for nothing.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    function : callable
        Maps θ (..., b) to (..., r, c).
    inside : callable
        Maps θ (..., b) to a boolean array (...): where the function may be called.
    theta : array (..., b)
        Where to differentiate.
    unit : array (..., b)
        First step in each coordinate.
    scale : array (..., r, c)
        Size of each entry of the function, the unit of the test of agreement.
    """
    powers = xp.asarray(0.5 ** np.arange(HALVINGS), dtype=theta.dtype, device=device(theta))
    powers = xp.reshape(powers, (HALVINGS, *(1,) * theta.ndim))

    def along(k: int) -> Array:
        axis = (
            xp.asarray(np.eye(theta.shape[-1])[k], dtype=theta.dtype, device=device(theta)) * unit
        )
        good = inside(theta + powers * axis) & inside(theta - powers * axis)
        steps = xp.where(good[..., None], powers * axis, xp.zeros_like(theta))
        lengths = (powers * unit)[..., k]
        quotients = (function(theta + steps) - function(theta - steps)) / (
            2.0 * lengths[..., None, None]
        )
        return _ridders(xp, quotients, good, scale, float(xp.finfo(theta.dtype).eps) / lengths)

    return xp.stack([along(k) for k in range(theta.shape[-1])], axis=-1)


def _ridders(xp: Namespace, quotients: Array, good: Array, scale: Array, rounding: Array) -> Array:
    """Return the entry of Richardson's tableau that agrees best with its neighbours.

    Agreement is measured in units of ``scale``, for each batch element.

    Quotients (h, ..., r, c) count where ``good`` (h, ...). Those of the smallest steps are
    quotients of roundings, which may agree by chance; so their ``rounding`` (h, ...) is added to
    the disagreement.
    """
    previous, valid = [quotients[0, ...]], [good[0, ...]]
    best, least = quotients[0, ...], xp.full_like(scale[..., 0, 0], math.inf)
    for halving in range(1, HALVINGS):
        row, agree = [quotients[halving, ...]], [good[halving, ...]]
        for order in range(1, min(halving, ORDERS) + 1):
            value = row[-1] + (row[-1] - previous[order - 1]) / (4.0**order - 1.0)
            usable = agree[-1] & valid[order - 1]
            if order < len(previous):  # three neighbours, since two may agree by chance
                neighbours = (row[-1], previous[order - 1], previous[order])
                change = reduce(
                    xp.maximum, [xp.abs(value - neighbour) / scale for neighbour in neighbours]
                )
                error = xp.max(change, axis=(-2, -1)) + rounding[halving, ...]
                better = usable & valid[order] & (error < least)
                best = xp.where(better[..., None, None], value, best)
                least = xp.where(better, error, least)
            row.append(value)
            agree.append(usable)
        previous, valid = row, agree
    return best
