"""The scaled exponential integral against mpmath."""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref._special.exponential_integral import (
    scaled_exponential_integral,
    scaled_exponential_integral_excess,
)

ARGUMENTS = np.concatenate(
    [10.0 ** np.linspace(-30, 30, 121), np.linspace(0.05, 5, 100), np.nextafter(1.0, [0, 2])]
)


@pytest.mark.parametrize(("dtype", "unit"), [(np.float64, 2.0**-53), (np.float32, 2.0**-24)])
def test_both_parts(dtype: type, unit: float) -> None:
    """Below 1 the integral is a difference that keeps a quarter of its larger term.

    4 times the 3 roundings of either, 12 u.
    """
    t = ARGUMENTS.astype(dtype)
    integrals, excesses = (
        scaled_exponential_integral(np, t),
        scaled_exponential_integral_excess(np, t),
    )
    assert integrals.dtype == excesses.dtype == dtype
    with mpmath.workdps(60):
        for argument, integral, excess in zip(t, integrals, excesses, strict=True):
            x = mpf(float(argument))
            # Kummer's second function: U(1, 1, x) = eˣE₁(x).
            truth = mpmath.hyperu(1, 1, x)
            assert abs(mpf(float(integral)) / truth - 1) <= 12 * unit, (argument, integral)
            remainder = truth + mpmath.log(x) + mpmath.euler
            assert abs(mpf(float(excess)) / remainder - 1) <= 12 * unit, (argument, excess)
