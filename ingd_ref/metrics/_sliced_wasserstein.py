"""Sliced Wasserstein distance (Q5)."""

from __future__ import annotations

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    is_array,
    is_array_like,
    item,
    to_backend,
)
from ingd_ref.backend._operations import tile_edge, tiles
from ingd_ref.backend._scaling import common_unit, range_of, rescale, rescale_number
from ingd_ref.errors import DomainError
from ingd_ref.metrics._samples import Samples, two_samples
from ingd_ref.metrics._value import discrepancy

__all__ = ["sliced_wasserstein"]


@_checks.guarded
def sliced_wasserstein(
    x: Array,
    y: Array,
    projections: int | Array = 100,
    order: float = 2.0,
    rng: RandomSource = None,
    weights: Array | None = None,
    target_weights: Array | None = None,
) -> float:
    r"""Return the sliced Wasserstein distance between two weighted samples, equation (Q5).

    .. math::

        \mathrm{SW}_p^p = \frac1L \sum_{l=1}^{L} \int_0^1 \bigl| Q_l(t) - R_l(t) \bigr|^p \, dt,

    where :math:`Q_l` and :math:`R_l` are the quantile functions of the projections
    :math:`\langle\omega_l, x_i\rangle` and :math:`\langle\omega_l, y_j\rangle` on the unit vector
    :math:`\omega_l`.

    Parameters
    ----------
    x : array (n, d)
        Particles.
    y : array (m, d)
        Sample of the target; n and m need not agree.
    projections : int or array (L, d)
        Directions ω, of any length but zero; or how many to draw uniformly from the sphere. Default
        100. With d = 1 there is one.
    order : float ≥ 1
        p. Default 2.
    rng : numpy.random.Generator or seed, optional
        Draws the directions. Default: a fresh, unseeded one.
    weights : array (n,), optional
        Weights π of the particles, non-negative, summing to one. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample, in the same way. Default: 1/m.

    Returns
    -------
    float
        SW_p ≥ 0, in the units of x. Given the directions it is exact: quantile functions of samples
        are steps, and the integral is a sum over the merged steps.

    Raises
    ------
    DomainError
        If the order is below one, or a direction has length zero.

    Examples
    --------
    >>> import numpy as np
    >>> sliced_wasserstein(np.array([[0.0], [1.0]]), np.array([[2.0], [3.0], [2.0], [3.0]]))
    2.0
    """
    xp = array_namespace(
        x=x,
        y=y,
        weights=weights,
        target_weights=target_weights,
        projections=projections if is_array(projections) else None,
    )
    order = _checks.positive(order, "order")
    if order < 1.0:
        raise DomainError(f"order must be at least 1, got {order:g}")
    samples = two_samples(xp, x, y, weights, target_weights)
    directions = _directions(xp, projections, samples.x, rng)
    # A common shift changes nothing, and projections of points far from the origin keep their
    # digits.
    unit = common_unit(samples.x, samples.y)
    x, y = rescale(samples.x, -unit), rescale(samples.y, -unit)
    shifted = samples._replace(x=x - x[:1, :], y=y - x[:1, :])
    costs, sizes = zip(
        *(
            _transport_costs(xp, directions[rows, :], shifted, order)
            for rows in tiles(directions.shape[0], _projections_per_tile(*samples[:2]))
        ),
        strict=True,
    )
    distance = rescale_number(_power_mean(xp, xp.concat(costs), xp.concat(sizes), order), unit)
    return discrepancy(distance, "sliced Wasserstein distance")


def _power_mean(xp: Namespace, costs: Array, sizes: Array, order: float) -> float:
    """Return (mean over l of size_l^p cost_l)^(1/p) relative to the largest size."""
    largest = item(xp.max(sizes))
    if largest == 1.0 and item(xp.min(sizes)) == 1.0:
        return float(item(xp.mean(costs)) ** (1.0 / order))
    return float(largest * item(xp.mean(costs * (sizes / largest) ** order)) ** (1.0 / order))


def _directions(xp: Namespace, projections: int | Array, x: Array, rng: RandomSource) -> Array:
    """Return unit vectors (L, d): the given ones, or random ones uniform on the sphere."""
    dim, rng = x.shape[1], _checks.generator(rng)
    if is_array(projections) or is_array_like(projections):
        given = _checks.points(projections, "projections", xp, dim=dim, like=x)
    else:
        number = _checks.positive_integer(projections, "projections")
        drawn = np.ones((1, 1)) if dim == 1 else rng.standard_normal((number, dim))
        given = to_backend(drawn, like=x)
    largest = xp.max(xp.abs(given), axis=1, keepdims=True)
    if not item(xp.all(largest > 0)):
        raise DomainError("projections must not hold a vector of length zero")
    given = given / largest
    return given / xp.sqrt(xp.sum(given * given, axis=1, keepdims=True))


def _transport_costs(
    xp: Namespace, directions: Array, samples: Samples, order: float
) -> tuple[Array, Array]:
    """Return ∫ |Q_l − R_l|^p / size_l^p and size_l for each direction, each of shape (L,).

    The size is one, or the largest gap where its power would leave the range.

    Both quantile functions are constant between consecutive levels of the merged cumulative
    weights. On the step that ends at the k-th level, Q takes the value after as many points of x as
    have their own level before it.
    """
    own, own_levels = _quantile_function(xp, directions, samples.x, samples.weights)
    target, target_levels = _quantile_function(xp, directions, samples.y, samples.target_weights)
    levels = xp.concat([own_levels, target_levels], axis=1)
    merged = xp.argsort(levels, axis=1)
    is_own = xp.astype(merged < own.shape[1], xp.int64)
    is_target = 1 - is_own
    own_index = xp.cumulative_sum(is_own, axis=1) - is_own
    target_index = xp.cumulative_sum(is_target, axis=1) - is_target
    gap = xp.abs(_take(xp, own, own_index) - _take(xp, target, target_index))
    levels = xp.take_along_axis(levels, merged, axis=1)
    width = xp.diff(levels, axis=1, prepend=xp.zeros_like(levels[:, :1]))
    size = _sizes(xp, gap, order)
    return xp.sum(width * (gap / size) ** order, axis=1), size[:, 0]


def _sizes(xp: Namespace, gap: Array, order: float) -> Array:
    """Return what to measure the gaps of each direction in, shape (L, 1)."""
    largest = xp.max(gap, axis=1, keepdims=True)
    ones = xp.ones_like(largest)
    largest = xp.where(largest > 0, largest, ones)
    extreme = order * xp.abs(xp.log2(largest)) > 0.7 * range_of(gap)
    return xp.where(extreme, largest, ones)


def _quantile_function(
    xp: Namespace, directions: Array, x: Array, weights: Array
) -> tuple[Array, Array]:
    """Return projected points in increasing order, and the levels where their steps end (L, n)."""
    projected = xp.matmul(directions, xp.matrix_transpose(x))
    ascending = xp.argsort(projected, axis=1)
    ordered = xp.take(weights, xp.reshape(ascending, (-1,)))
    levels = xp.cumulative_sum(xp.reshape(ordered, ascending.shape), axis=1)
    return xp.take_along_axis(projected, ascending, axis=1), levels


def _take(xp: Namespace, values: Array, index: Array) -> Array:
    """Return entries of each row; beyond the last level, which is rounding, the last value."""
    last = xp.full_like(index, values.shape[1] - 1)
    return xp.take_along_axis(values, xp.where(index > last, last, index), axis=1)


def _projections_per_tile(x: Array, y: Array) -> int:
    """Return how many directions share one batch of sorted projections."""
    return max(1, tile_edge(x, 1) ** 2 // int(x.shape[0] + y.shape[0]))
