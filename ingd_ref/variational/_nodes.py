"""Quadrature nodes for members of families on an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, to_backend
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.families import ExponentialFamily

__all__ = ["scalar_nodes"]

# A density below e^-45 of its top contributes less than a rounding error.
DEPTH = 45.0
DRAWS = 64
BISECTIONS = 6

Height = Callable[[np.ndarray], np.ndarray]


@_checks.guarded
def scalar_nodes(family: ExponentialFamily, theta: Array, number: int = 201) -> tuple[Array, Array]:
    r"""Return quadrature nodes and weights for a member of a family on an interval.

    With them :func:`regression_gradient` has no noise, as the expectations of (E11). The interval
    is stretched to the whole line by a map x(t): t itself, e^t or a logistic function. There the
    trapezoidal rule converges faster than any power of the number of nodes.

    Parameters
    ----------
    family : ExponentialFamily
        A family on an open interval (d = 1) that is not bounded from above alone, with a smooth
        density that has one mode in t.
    theta : array (b,)
        Natural parameters.
    number : int ≥ 2
        Number n of nodes. Default 201.

    Returns
    -------
    x : array (n, 1)
    weights : array (n,)
        They sum to one.

    Raises
    ------
    OptionError
        If the family has several dimensions or lives on a discrete set.

    Notes
    -----
    The rule leaves out densities below e^-45 of the highest one. Between two finite ends a density
    that is infinite at the upper one is wrong within a rounding error of that end.

    Examples
    --------
    >>> from ingd_ref.families import Gamma
    >>> theta = Gamma().natural(shape=3.0, rate=2.0)
    >>> x, weights = scalar_nodes(Gamma(), theta)
    >>> (weights @ x[:, 0]).round(12).item()
    1.5
    """
    _checks.instance(family, "family", ExponentialFamily, "an ExponentialFamily")
    theta = _checks.arrays(theta=theta)[1]
    if theta.ndim != 1:
        raise ShapeError(f"theta must have shape ({family.number},), got {tuple(theta.shape)}")
    if _checks.positive_integer(number, "number") < 2:
        raise DomainError(f"number must be at least 2, got {number}")
    host = _checks.host_numbers(theta, "theta")
    mapping = _line_map(family)

    def height(t: np.ndarray) -> np.ndarray:
        return np.asarray(family.log_prob(host, mapping.place(t)[:, None]) + mapping.log_slope(t))

    # A few fixed draws show where the density is and how wide; the tails are found from there.
    drawn = mapping.back(family.sample(host, DRAWS, np.random.default_rng(0))[:, 0])
    t = np.linspace(_tail_end(height, drawn, -1.0), _tail_end(height, drawn, 1.0), number)
    logits = height(t)
    weights = np.exp(logits - np.max(logits))
    points, weights = mapping.place(t)[:, None], weights / np.sum(weights)
    return to_backend(points, like=theta), to_backend(weights, like=theta)


def _tail_end(height: Height, drawn: np.ndarray, side: float) -> float:
    """Return where the density falls to e^-45 of its top, on one side of all draws."""
    near, level = float(side * np.max(side * drawn)), float(np.max(height(drawn))) - DEPTH
    step = float(np.ptp(drawn)) + np.finfo(np.float64).tiny

    def above(t: float) -> bool:
        return bool(height(np.array([t]))[0] > level)

    while above(near + side * step):
        step *= 2.0
    inner, outer = near, near + side * step
    for _ in range(BISECTIONS):
        middle = 0.5 * (inner + outer)
        inner, outer = (middle, outer) if above(middle) else (inner, middle)
    return outer


class _LineMap(NamedTuple):
    """A map x(t) from the line to an interval, its inverse, and log dx/dt."""

    place: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]
    log_slope: Callable[[np.ndarray], np.ndarray]


def _line_map(family: ExponentialFamily) -> _LineMap:
    """Return the map for the support of a family."""
    lower, upper = family.bounds
    try:
        family.statistics_jacobian(np.full((1, family.dim), _inside(lower, upper)))
        continuous = family.dim == 1
    except DomainError:
        continuous = False
    if not continuous:
        raise OptionError(f"nodes are made for families on an interval, which {family.name} is not")
    if math.isinf(lower) and math.isinf(upper):
        return _LineMap(lambda t: t, lambda x: x, np.zeros_like)
    if math.isinf(upper):
        return _LineMap(
            lambda t: lower + np.exp(t), lambda x: np.asarray(np.log(x - lower)), lambda t: t
        )
    width, least, most = upper - lower, np.nextafter(lower, upper), np.nextafter(upper, lower)
    return _LineMap(
        lambda t: np.clip(lower + width / (1.0 + np.exp(-t)), least, most),
        lambda x: np.asarray(np.log((x - lower) / (upper - x))),
        lambda t: np.asarray(math.log(width) - np.abs(t) - 2.0 * np.log1p(np.exp(-np.abs(t)))),
    )


def _inside(lower: float, upper: float) -> float:
    """Return a point of the interval."""
    if math.isinf(upper):
        return 0.0 if math.isinf(lower) else lower + 1.0
    return 0.5 * (lower + upper)
