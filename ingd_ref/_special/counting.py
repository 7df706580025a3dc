"""The small parts of the probabilities of counts, whose factorials and powers are large."""

from __future__ import annotations

import math

import numpy as np

from ingd_ref._special.gamma import stirling_remainder
from ingd_ref._special.logarithm import log_remainder
from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["count_deviance", "factorial_excess", "remaining"]

# log Γ(1 + x) = −γx + Σ ζ(k)(−x)ᵏ/k; below x = 1/64 the first term left out is 1e-21 of the sum.
SMALL = 1.0 / 64.0
ZETA = (
    1.6449340668482264,
    1.2020569031595943,
    1.0823232337111382,
    1.0369277551433699,
    1.0173430619844491,
    1.0083492773819228,
    1.0040773561979443,
    1.0020083928260822,
    1.0009945751278181,
)
LGAMMA_SERIES = (-np.euler_gamma, *((-1) ** k * zeta / k for k, zeta in enumerate(ZETA, 2)))


def count_deviance(xp: Namespace, x: Array, mean: Array, log_mean: Array | None = None) -> Array:
    """Return x log(x/m) − x + m ≥ 0 for x ≥ 0 and m = ``mean`` > 0.

    Where m underflows its logarithm must be given.

    Examples
    --------
    >>> import numpy as np
    >>> count_deviance(np, np.asarray([0.0, 3.0]), np.asarray([2.0, 3.0]))
    array([2., 0.])
    """
    positive = x > 0
    safe = xp.where(positive, x, xp.ones_like(x))
    if log_mean is None:
        return xp.where(
            positive,
            safe * log_remainder(xp, mean / safe, (mean - safe) / safe),
            mean + xp.zeros_like(x),
        )
    normal = mean >= float(xp.finfo(mean.dtype).smallest_normal)
    ratio = xp.where(normal, mean, safe) / safe
    near = log_remainder(xp, ratio, (xp.where(normal, mean, safe) - safe) / safe)
    return xp.where(
        positive,
        safe * xp.where(normal, near, xp.log(safe) - log_mean - 1.0),
        mean + xp.zeros_like(x),
    )


def factorial_excess(xp: Namespace, x: Array) -> Array:
    """Return log x! − x log x + x for x ≥ 0: ½ log(2πx) and Binet's function, or 0 for x = 0.

    Examples
    --------
    >>> import numpy as np
    >>> factorial_excess(np, np.asarray([0.0, 1.0]))
    array([0., 1.])
    """
    positive, small = x > 0, x < SMALL
    safe = xp.where(positive, x, xp.ones_like(x))
    large = xp.where(small, xp.ones_like(x), safe)
    value = 0.5 * (math.log(2.0 * math.pi) + xp.log(large)) + stirling_remainder(xp, large)
    # Both terms are of the size of log x, and the result of that of x log x.
    series = xp.zeros_like(x)
    for coefficient in reversed(LGAMMA_SERIES):
        series = (series + coefficient) * safe
    value = xp.where(small, safe * (1.0 - xp.log(safe)) + series, value)
    return xp.where(positive, value, xp.zeros_like(value))


def remaining(xp: Namespace, total: float | Array, parts: Array) -> Array:
    """Return total − Σ parts along the last axis to full relative accuracy.

    The rounding errors of the sum are carried along (Knuth).

    Examples
    --------
    >>> import numpy as np
    >>> remaining(np, 1.0, np.asarray([2.0**-60, 1.0 - 2.0**-53])).item() == 2.0**-53 - 2.0**-60
    True
    """
    value = xp.zeros_like(parts[..., 0]) + total
    error = xp.zeros_like(value)
    for index in range(parts.shape[-1]):
        part = parts[..., index]
        lower = value - part
        shift = lower - value
        error = error + ((value - (lower - shift)) - (part + shift))
        value = lower
    return value + error
