"""The multivariate gamma function against its definition at 100 digits, from 1e-8 above its
boundary to 1e8.
"""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref._special.multivariate_gamma import (
    inverse_multivariate_log_minus_digamma,
    multivariate_lgamma,
    multivariate_log_minus_digamma,
    multivariate_reduced_lgamma,
    multivariate_reduced_lgamma_bregman,
    multivariate_tetragamma,
    multivariate_trigamma_excess,
)

ABOVE = (1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 1.0, 2.0, 10.0, 1e2, 1e4, 1e6, 1e8)
DIMENSIONS = pytest.mark.parametrize("d", [1, 2, 3, 10])
TYPES = pytest.mark.parametrize(("dtype", "unit"), [(np.float64, 2.0**-53), (np.float32, 2.0**-24)])


@pytest.fixture(autouse=True)
def _hundred_digits():
    with mpmath.workdps(100):
        yield


def shapes(d: int, dtype: type) -> np.ndarray:
    """Shapes above (d − 1)/2; in float32 those whose distance to it is not lost."""
    above = ABOVE if dtype is np.float64 else ABOVE[3:-1]
    return ((d - 1) / 2 + np.asarray(above)).astype(dtype)


def log_gamma(a: mpf, d: int) -> mpf:
    return mpf(d * (d - 1)) / 4 * mpmath.log(mpmath.pi) + sum(
        mpmath.loggamma(a - mpf(k) / 2) for k in range(d)
    )


def gap(a: mpf, d: int) -> mpf:
    return d * mpmath.log(a) - sum(mpmath.psi(0, a - mpf(k) / 2) for k in range(d))


def excess(a: mpf, d: int) -> mpf:
    return a * sum(mpmath.psi(1, a - mpf(k) / 2) for k in range(d)) - d


def minus_tetragamma(a: mpf, d: int) -> mpf:
    return -sum(mpmath.psi(2, a - mpf(k) / 2) for k in range(d))


def reduced(a: mpf, d: int) -> mpf:
    return log_gamma(a, d) - d * (a * mpmath.log(a) - a)


@DIMENSIONS
@TYPES
def test_values(d: int, dtype: type, unit: float) -> None:
    """Positive functions to 16 u of themselves.

    Logarithms to 16 u of Σ_k (1 + k/2)(1 + |log a_k|), or of themselves if that is more.
    """
    a = shapes(d, dtype)
    positive = (
        (multivariate_log_minus_digamma, gap),
        (multivariate_trigamma_excess, excess),
        (lambda xp, a, d: -multivariate_tetragamma(xp, a, d), minus_tetragamma),
    )
    logarithms = ((multivariate_lgamma, log_gamma), (multivariate_reduced_lgamma, reduced))
    for function, truth in (*positive, *logarithms):
        values = function(np, a, d)
        assert values.dtype == dtype
        for argument, value in zip(a, values, strict=True):
            x = mpf(float(argument))
            true = truth(x, d)
            terms = sum((1 + mpf(k) / 2) * (1 + abs(mpmath.log(x - mpf(k) / 2))) for k in range(d))
            size = abs(true) if (function, truth) in positive else max(abs(true), terms)
            assert abs(mpf(float(value)) - true) <= 16 * unit * size, (function.__name__, argument)


@DIMENSIONS
@TYPES
def test_inverse(d: int, dtype: type, unit: float) -> None:
    """Residual of the equation against its slope.

    10 (1 + κ) u, κ = gap/(a |φ_d′(a)|) ≤ 1 except near the boundary, where a is rounded.
    """
    values = multivariate_log_minus_digamma(np, shapes(d, dtype), d)
    for value, a in zip(values, inverse_multivariate_log_minus_digamma(np, values, d), strict=True):
        x, target = mpf(float(a)), mpf(float(value))
        assert a.dtype == dtype
        slope = excess(x, d) / x
        assert abs((gap(x, d) - target) / slope) <= 10 * unit * (x + target / slope), (value, a)


def test_inverse_at_both_ends() -> None:
    """Gaps of 1e18 and 1e-18, and many rows.

    The result stays above (d − 1)/2, and agrees with both asymptotes.
    """
    for d in (2, 10, 100):
        small, large = inverse_multivariate_log_minus_digamma(np, np.asarray([1e18, 1e-18]), d)
        assert (d - 1) / 2 < small <= (d - 1) / 2 * (1 + 1e-15)
        assert large == pytest.approx(d * (d + 1) / 4 * 1e18, rel=1e-14)
    (a,) = inverse_multivariate_log_minus_digamma(
        np, multivariate_log_minus_digamma(np, np.asarray([60.0]), 100), 100
    )
    assert a == pytest.approx(60.0, rel=1e-13)


@DIMENSIONS
def test_bregman_remainder(d: int) -> None:
    """All pairs of shapes, and pairs at relative distances 1e-12 … 0.5 of the distance from the
    boundary: 128 u, twice what d = 1 has.
    """
    a = shapes(d, np.float64)
    boundary = (d - 1) / 2
    pairs = [(x, y) for x in a for y in a]
    pairs += [
        (x, boundary + (x - boundary) * (1 + step))
        for x in a
        for step in (1e-12, 1e-8, 1e-4, -1e-2, 0.3, -0.5)
    ]
    first, second = (np.asarray(side) for side in zip(*pairs, strict=True))
    values = multivariate_reduced_lgamma_bregman(np, first, second, d)
    for x, y, value in zip(first, second, values, strict=True):
        p, q = mpf(float(x)), mpf(float(y))
        truth = reduced(q, d) - reduced(p, d) + (q - p) * gap(p, d)
        assert value >= 0
        assert (value == 0) == (x == y)
        assert abs(mpf(float(value)) - truth) <= 128 * 2.0**-53 * truth, (x, y, value)
