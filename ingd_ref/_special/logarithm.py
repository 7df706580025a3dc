"""Logarithms of ratios close to one, and what they leave of their argument."""

from __future__ import annotations

from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["log_ratio", "log_remainder", "t_minus_log1p"]

# Inside |t| < 0.4 the series in z = t/(2 + t), |z| ≤ 1/4, is used; outside, t − log(1 + t) loses a
# factor t/(t − log(1 + t)) ≤ 6.3 at most.
SERIES_RADIUS = 0.4
# The first term left out is 2z³·z²⁸/31 against a sum of at least z²: z²⁹/15 ≤ 2.3e-19 relative.
SERIES_TERMS = 14


def log_ratio(xp: Namespace, a: Array, b: Array) -> Array:
    """Return log(a/b) for positive a and b, to full relative accuracy near a = b too.

    Examples
    --------
    >>> import numpy as np
    >>> log_ratio(np, np.asarray(1.0 + 2.0**-50), np.asarray(1.0)).item() * 2.0**50
    0.9999999999999996
    """
    excess = (a - b) / b
    near = xp.abs(excess) < 0.5
    return xp.where(near, xp.log1p(xp.where(near, excess, xp.zeros_like(excess))), xp.log(a / b))


def log_remainder(xp: Namespace, ratio: Array, excess: Array) -> Array:
    """Return r − 1 − log r ≥ 0 for r = ``ratio`` > 0, given also ``excess`` = r − 1.

    The excess should be as accurate as the caller can have it.

    The remainder is about (r − 1)²/2 near r = 1, where its accuracy is that of ``excess``; far from
    it, that of ``ratio``. With t = r − 1 and z = t/(2 + t), t − log(1 + t) = zt − 2z³(1/3 + z²/5 +
    z⁴/7 + …).

    Examples
    --------
    >>> import numpy as np
    >>> t = np.asarray([0.0, 1e-12, 1.0])
    >>> log_remainder(np, 1.0 + t, t)
    array([0.00000000e+00, 5.00000000e-25, 3.06852819e-01])
    """
    z = excess / (2.0 + excess)
    square = z * z
    series = xp.zeros_like(z)
    for term in range(SERIES_TERMS - 1, -1, -1):
        series = 1.0 / (2 * term + 3) + square * series
    near = xp.abs(excess) < SERIES_RADIUS
    return xp.where(near, z * (excess - 2.0 * square * series), excess - xp.log(ratio))


def t_minus_log1p(xp: Namespace, t: Array) -> Array:
    """Return t − log(1 + t) ≥ 0 for t > −1 without the cancellation near t = 0.

    Examples
    --------
    >>> import numpy as np
    >>> t_minus_log1p(np, np.asarray([1e-10, -1e-10]))
    array([5.e-21, 5.e-21])
    """
    return log_remainder(xp, 1.0 + t, t)
