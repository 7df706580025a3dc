"""Logarithms near one against mpmath."""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref._special.logarithm import log_ratio, log_remainder, t_minus_log1p

UNIT = 2.0**-53
SMALL = np.concatenate([10.0 ** np.arange(-18.0, 0.0), [0.3, 0.39, 0.4, 0.41, 0.5]])
EXCESSES = np.concatenate([SMALL, -SMALL, [0.9, 3.0, 1e3, 1e8, -0.9, -0.999, -1 + 1e-6]])


@pytest.mark.parametrize(("dtype", "unit"), [(np.float64, UNIT), (np.float32, 2.0**-24)])
def test_t_minus_log1p(dtype: type, unit: float) -> None:
    """Outside the series t and log(1 + t) leave a sixth of the larger.

    6 roundings of each, 16 u; near t = −1, of 1 + t as well.
    """
    t = EXCESSES.astype(dtype)
    values = t_minus_log1p(np, t)
    assert values.dtype == dtype
    assert t_minus_log1p(np, np.asarray(0.0)) == 0
    with mpmath.workdps(60):
        for argument, value in zip(t, values, strict=True):
            truth = mpf(float(argument)) - mpmath.log1p(mpf(float(argument)))
            rounding_of_the_sum = (
                unit / (1 + float(argument)) / float(truth) if abs(argument) >= 0.4 else 0.0
            )
            assert value >= 0
            assert abs(mpf(float(value)) / truth - 1) <= 16 * unit + rounding_of_the_sum, (
                argument,
                value,
            )


def test_log_remainder_uses_the_ratio_far_from_one() -> None:
    """At r = 1e-20 the excess is −1 to the last bit; the remainder still knows r."""
    ratio = np.asarray([1e-20, 1e-8, 1e20])
    with mpmath.workdps(60):
        truth = [float(mpf(float(r)) - 1 - mpmath.log(mpf(float(r)))) for r in ratio]
    np.testing.assert_allclose(log_remainder(np, ratio, ratio - 1), truth, rtol=4 * UNIT)


def test_log_ratio() -> None:
    """Relative to the logarithm itself, also between neighbouring numbers.

    Far apart a/b rounds once: u absolute, ≤ 3 u of log 1.5.
    """
    for b in (1e-8, 0.3, 1.0, 7e8):
        a = np.concatenate(
            [b * (1 + EXCESSES[np.abs(EXCESSES) > 1e-15]), [np.nextafter(b, np.inf), b]]
        )
        values = log_ratio(np, a, np.asarray(b))
        with mpmath.workdps(60):
            for x, value in zip(a, values, strict=True):
                truth = mpmath.log(mpf(float(x)) / mpf(b))
                assert abs(mpf(float(value)) - truth) <= 8 * UNIT * abs(truth), (x, b, value)
