r"""The multivariate gamma function of positive definite d × d matrices, without cancellation.

.. math::
    \log\Gamma_d(a) &= \tfrac14 d(d-1)\log\pi + \sum_k \log\Gamma(a_k), \quad
        a_k = a - k/2, \; k = 0, \dots, d-1 \\
    \varphi_d(a) &= d\log a - \psi_d(a) = \sum_k \varphi(a_k) + \log(a/a_k) \\
    a\psi_d'(a) - d &= \sum_k (a/a_k)\,(a_k\psi'(a_k) - 1) + k/(2a_k) \\
    S_d(a) &= \log\Gamma_d(a) - d(a\log a - a), \quad S_d' = -\varphi_d

for a > (d − 1)/2. Every term of φ_d and of aψ_d′ − d is positive, and a − k/2 is exact wherever a
is below 2⁵² or so.
"""

from __future__ import annotations

import math

from ingd_ref._special.gamma import (
    lgamma,
    log_minus_digamma,
    reduced_lgamma,
    reduced_lgamma_bregman,
    tetragamma,
    trigamma_excess,
)
from ingd_ref._special.logarithm import log_ratio, log_remainder
from ingd_ref.backend._namespace import Array, Namespace, device

__all__ = [
    "inverse_multivariate_log_minus_digamma",
    "multivariate_lgamma",
    "multivariate_log_minus_digamma",
    "multivariate_reduced_lgamma",
    "multivariate_reduced_lgamma_bregman",
    "multivariate_tetragamma",
    "multivariate_trigamma_excess",
]

# The slope of log φ_d over log c changes by less than 1/4 per unit of log c, and is −1 at both
# ends. Ten steps bring every c in [1e-18, 1e18] to rounding up to d = 100, six up to d = 10.
NEWTON_STEPS = 10


def multivariate_lgamma(xp: Namespace, a: Array, dim: int) -> Array:
    """Return log Γ_d(a) for a > (d − 1)/2.

    Examples
    --------
    >>> import numpy as np
    >>> multivariate_lgamma(np, np.asarray(1.5), 2).round(12)  # log(√π Γ(3/2) Γ(1))
    np.float64(0.451582705289)
    """
    return xp.sum(lgamma(xp, a[..., None] - _halves(xp, dim, a)), axis=-1) + 0.25 * dim * (
        dim - 1
    ) * math.log(math.pi)


def multivariate_log_minus_digamma(xp: Namespace, a: Array, dim: int) -> Array:
    """Return φ_d(a) = d log a − ψ_d(a) > 0.

    It is about 1/c for small c = a − (d − 1)/2 and d(d + 1)/(4a) for large a.

    Examples
    --------
    >>> import numpy as np
    >>> multivariate_log_minus_digamma(np, np.asarray(1e8), 2)
    np.float64(1.5000000054166667e-08)
    """
    a = a[..., None]
    shifted = a - _halves(xp, dim, a)
    return xp.sum(log_minus_digamma(xp, shifted) + log_ratio(xp, a, shifted), axis=-1)


def multivariate_trigamma_excess(xp: Namespace, a: Array, dim: int) -> Array:
    """Return aψ_d′(a) − d > 0; then ψ_d′(a) = (d + excess)/a.

    Examples
    --------
    >>> import numpy as np
    >>> multivariate_trigamma_excess(np, np.asarray(1e8), 2)
    np.float64(1.5000000108333335e-08)
    """
    a, halves = a[..., None], _halves(xp, dim, a)
    shifted = a - halves
    return xp.sum((a * trigamma_excess(xp, shifted) + halves) / shifted, axis=-1)


def multivariate_tetragamma(xp: Namespace, a: Array, dim: int) -> Array:
    """Return ψ_d″(a) < 0 for a > (d − 1)/2, a sum of terms of one sign.

    Examples
    --------
    >>> import numpy as np
    >>> multivariate_tetragamma(np, np.asarray(1e4), 1).round(12)  # −1/a² − 1/a³
    np.float64(-1.0001e-08)
    """
    a = a[..., None]
    return xp.sum(tetragamma(xp, a - _halves(xp, dim, a)), axis=-1)


def multivariate_reduced_lgamma(xp: Namespace, a: Array, dim: int) -> Array:
    """Return S_d(a) = log Γ_d(a) − d (a log a − a).

    Its error is a few units in the last place of Σ_k (1 + k/2) |log a_k|.

    Examples
    --------
    >>> import numpy as np
    >>> multivariate_reduced_lgamma(np, np.asarray(1.5), 2).round(12)
    np.float64(2.235187380965)
    """
    a, halves = a[..., None], _halves(xp, dim, a)
    shifted = a - halves
    terms = (
        reduced_lgamma(xp, shifted)
        - halves * xp.log(shifted)
        + (halves - a * log_ratio(xp, a, shifted))
    )
    return xp.sum(terms, axis=-1) + 0.25 * dim * (dim - 1) * math.log(math.pi)


def multivariate_reduced_lgamma_bregman(xp: Namespace, a: Array, b: Array, dim: int) -> Array:
    r"""Return S_d(b) − S_d(a) + (b − a) φ_d(a) ≥ 0, accurate however close a and b are.

    To the remainders of S at a_k and b_k those of (a − s) log(a − s) − a log a are added, s = k/2,
    which are convex: with v = (b − a)/(a − s), w = sv/b and T(t) = t − log(1 + t) they are

    .. math:: s\,T(v) - b\,T(w) = b\log(1+w) - s\log(1+v), \quad 1+v = \frac{b-s}{a-s}, \quad
        1+w = \frac{a(b-s)}{b(a-s)},

    the first form for |w| < 1/2, the second otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> step = 2.0**-20
    >>> a, b = np.asarray(1e3), np.asarray(1e3 + step)
    >>> round(multivariate_reduced_lgamma_bregman(np, a, b, 2).item() / step**2 * 2e6, 6)
    1.501084
    """
    a, b, halves = a[..., None], b[..., None], _halves(xp, dim, a)
    low, high = a - halves, b - halves
    ratio, step = high / low, (b - a) / low
    inner_ratio, inner_step = (a / b) * ratio, halves * step / b
    near = halves * log_remainder(xp, ratio, step) - b * log_remainder(xp, inner_ratio, inner_step)
    far = b * xp.log(inner_ratio) - halves * xp.log(ratio)
    added = xp.where(xp.abs(inner_step) < 0.5, near, far)
    return xp.sum(
        reduced_lgamma_bregman(xp, low, high) + xp.where(added > 0, added, xp.zeros_like(added)),
        axis=-1,
    )


def inverse_multivariate_log_minus_digamma(xp: Namespace, gap: Array, dim: int) -> Array:
    """Return the a > (d − 1)/2 with d log a − ψ_d(a) = ``gap`` > 0.

    Newton's iteration on log φ_d over log c, c = a − (d − 1)/2, of which the start knows both ends:
    1/c and d(d + 1)/(4c).

    Examples
    --------
    >>> import numpy as np
    >>> gap = multivariate_log_minus_digamma(np, np.asarray([1.5, 1e6]), 3)
    >>> inverse_multivariate_log_minus_digamma(np, gap, 3)
    array([1.5e+00, 1.0e+06])
    """
    top = 0.5 * (dim - 1)
    c = (0.25 * dim * (dim + 1) + gap) / gap / (1.0 + gap)
    for _ in range(NEWTON_STEPS):
        value, slope = _above_the_boundary(xp, c, dim)
        c = c * xp.exp(xp.log(value / gap) * value / slope)
    # A c that is lost against (d − 1)/2 must not leave the domain.
    least = top * (1.0 + xp.finfo(c.dtype).eps)
    return xp.where(c + top > top, c + top, xp.full_like(c, least))


def _above_the_boundary(xp: Namespace, c: Array, dim: int) -> tuple[Array, Array]:
    """φ_d and −c φ_d′ at a = c + (d − 1)/2, without rounding a."""
    c, halves, top = c[..., None], _halves(xp, dim, c), 0.5 * (dim - 1)
    shifted = c + halves
    value = xp.sum(log_minus_digamma(xp, shifted) + xp.log1p((top - halves) / shifted), axis=-1)
    return value, xp.sum(
        c / shifted * (trigamma_excess(xp, shifted) + (top - halves) / (c + top)), axis=-1
    )


def _halves(xp: Namespace, dim: int, like: Array) -> Array:
    """The shifts 0, 1/2, …, (d − 1)/2."""
    return 0.5 * xp.arange(dim, dtype=like.dtype, device=device(like))
