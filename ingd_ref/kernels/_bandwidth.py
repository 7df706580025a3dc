"""The median rule for the bandwidth of a Gaussian kernel, with its conventions named."""

from __future__ import annotations

import math

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, array_namespace, item
from ingd_ref.kernels import _extreme

__all__ = ["MEDIAN_RULES", "median_bandwidth", "trusted_median_bandwidth"]

MEDIAN_RULES = ("midpoint", "lower")


@_checks.guarded
def median_bandwidth(x: Array, rule: str = "midpoint", implementation: str = "auto") -> float:
    r"""Bandwidth σ by the median rule, equation (K8).

    .. math:: \sigma = \sqrt{\operatorname{median}\{\|x_i - x_j\|^2 > 0\} / 2}

    Parameters
    ----------
    x : array (n, d)
        Points.
    rule : {"midpoint", "lower"}
        Which median of an even number of distances: the mean of the two middle ones (default), or
        the lower one, as the published code.
    implementation : {"auto", "readable", "fused"}
        Default ``"auto"``.

    Returns
    -------
    float
        σ in the units of x. If all points coincide there is no scale in the data and σ is 1.

    Raises
    ------
    ShapeError, NonFiniteError, OptionError, BackendError
        For points that are not finite (n, d) numbers, or an unknown option.

    Notes
    -----
    Distances of exactly zero do not count, so repeating every point changes nothing. Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> median_bandwidth(np.array([[0.0], [2.0]]))
    1.4142135623730951
    """
    _checks.choice(rule, "rule", MEDIAN_RULES)
    x = _checks.points(x, "x", array_namespace(x=x))
    return trusted_median_bandwidth(x, rule, implementation)


def trusted_median_bandwidth(x: Array, rule: str, implementation: str = "auto") -> float:
    """Return :func:`median_bandwidth` of points (n, d) that have been checked."""
    median = kernel("median_squared_distance", x, implementation=implementation)
    if _extreme.separated(x):
        square = item(median(x, rule))
        # Of the whole range of squares, a float32 holds only those of distances 1e-19 … 1e19.
        if array_namespace(x=x).finfo(x.dtype).smallest_normal <= square < math.inf:
            return math.sqrt(square / 2.0)
    return _extreme.median_bandwidth(x, rule)
