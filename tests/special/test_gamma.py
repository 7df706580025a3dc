"""The gamma function and its relatives against mpmath, over sixteen decades and around the joint
of recurrence and series.
"""

import array_api_strict
import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref._special import gamma
from ingd_ref._special.gamma import (
    digamma,
    inverse_digamma,
    inverse_log_minus_digamma,
    lgamma,
    lgamma_bregman,
    log_minus_digamma,
    reduced_lgamma_bregman,
    stirling_remainder,
    trigamma,
    trigamma_excess,
)
from ingd_ref.backend import to_host

UNIT = 2.0**-53
DIGITS = 60
GRID = np.concatenate(
    [
        np.logspace(-8, 8, 65),
        np.linspace(0.05, 12.0, 120),
        np.nextafter(10.0, [0.0, 20.0]),  # both sides of the joint of recurrence and series
        [1e-150, 1e-30, 1e12, 1e15],
    ]
)


def digits_for(a: float) -> int:
    """Digits that the literal forms need.

    They cancel like 1/a² for large a, and lose log a next to 1/a for small a.
    """
    return DIGITS + 2 * abs(int(np.log10(a)))


def literal(name: str, a: float) -> mpf:
    with mpmath.workdps(digits_for(a)):
        x = mpf(a)
        formulas = {
            "log_minus_digamma": lambda: mpmath.log(x) - mpmath.psi(0, x),
            "trigamma_excess": lambda: x * mpmath.psi(1, x) - 1,
            "stirling_remainder": lambda: (
                mpmath.loggamma(x)
                - (x - mpf(0.5)) * mpmath.log(x)
                + x
                - mpmath.log(2 * mpmath.pi) / 2
            ),
            "reduced_lgamma": lambda: mpmath.loggamma(x) - x * mpmath.log(x) + x,
            "lgamma": lambda: mpmath.loggamma(x),
            "digamma": lambda: mpmath.psi(0, x),
            "trigamma": lambda: mpmath.psi(1, x),
        }
        return formulas[name]()


# Errors in units of u. Sums of at most ten positive terms, each with a few roundings: 5 u is the
# most seen, 8 u allowed, while Stirling's series without its last term is off by 10 u at a = 10.
# The functions that pass through zero, or are only ever added to terms of order one, are judged
# relative to max(1, |value|).
@pytest.mark.parametrize(
    ("name", "floor"),
    [
        ("log_minus_digamma", 0.0),
        ("trigamma_excess", 0.0),
        ("trigamma", 0.0),
        ("digamma", 1.0),
        ("lgamma", 1.0),
        ("stirling_remainder", 1.0),
        ("reduced_lgamma", 1.0),
    ],
)
@pytest.mark.parametrize(("dtype", "unit"), [(np.float64, UNIT), (np.float32, 2.0**-24)])
def test_against_mpmath(name: str, floor: float, dtype: type, unit: float) -> None:
    grid = GRID if dtype is np.float64 else GRID[(GRID > 1e-9) & (GRID < 1e9)].astype(dtype)
    values = getattr(gamma, name)(np, grid)
    assert values.dtype == dtype
    for a, value in zip(grid, values, strict=True):
        if not np.isfinite(value):
            pytest.fail(f"{name}({a}) is {value}")
        truth = literal(name, float(a))
        assert abs(mpf(float(value)) - truth) <= 8 * unit * max(abs(truth), mpf(floor)), (
            a,
            value,
            mpmath.nstr(truth, 20),
        )


def bregman(a: float, b: float, reduced: bool) -> mpf:
    with mpmath.workdps(120):
        x, y = mpf(a), mpf(b)
        value = mpmath.loggamma(y) - mpmath.loggamma(x) - (y - x) * mpmath.psi(0, x)
        return value - (y * mpmath.log(y / x) - (y - x)) if reduced else value


FACTORS = (
    1e-6,
    0.1,
    0.5,
    0.99,
    1 - 1e-4,
    1 - 1e-8,
    1 + 1e-12,
    1 + 1e-10,
    1 + 1e-6,
    1 + 1e-2,
    1.5,
    3.0,
    1e3,
    1e6,
)


@pytest.mark.parametrize(
    ("function", "reduced"),
    [(reduced_lgamma_bregman, True), (lgamma_bregman, False)],
)
def test_bregman_remainders(function, reduced: bool) -> None:
    """At any distance, down to neighbouring numbers.

    26 u is the most seen (where a ratio is near 1/2), 64 u allowed.
    """
    for a in (1e-8, 1e-4, 0.1, 0.7, 1.0, 2.5, 9.9, 10.0, 11.0, 1e2, 1e5, 1e8):
        b = a * np.asarray(FACTORS)
        values = function(np, np.asarray(a), b)
        for other, value in zip(b, values, strict=True):
            truth = bregman(a, float(other), reduced)
            assert value > 0
            assert abs(mpf(float(value)) - truth) <= 64 * UNIT * truth, (a, other, value)
        assert function(np, np.asarray(a), np.asarray(a)) == 0


def test_bregman_remainders_in_float32_at_far_ends() -> None:
    """The powers that occur in Stirling's series neither overflow nor turn into NaN in float32."""
    a, b = (x.ravel() for x in np.meshgrid(*[np.logspace(-6, 6, 13, dtype=np.float32)] * 2))
    values = reduced_lgamma_bregman(np, a, b)
    assert values.dtype == np.float32
    for x, y, value in zip(a, b, values, strict=True):
        truth = bregman(float(x), float(y), reduced=True)
        assert abs(mpf(float(value)) - truth) <= 64 * 2.0**-24 * truth, (x, y, value)


@pytest.mark.parametrize(("dtype", "unit"), [(np.float64, UNIT), (np.float32, 2.0**-24)])
def test_inverse_of_log_minus_digamma(dtype: type, unit: float) -> None:
    """φ has condition number |aφ′/φ| between 1/2 and 1, so its inverse is as well conditioned.

    16 u for value and solve.
    """
    gap = np.logspace(-9, 9, 91).astype(dtype)
    a = inverse_log_minus_digamma(np, gap)
    assert a.dtype == dtype
    for value, wanted in zip(a, gap, strict=True):
        reached = literal("log_minus_digamma", float(value))
        assert abs(reached - mpf(float(wanted))) <= 16 * unit * mpf(float(wanted)), (value, wanted)


def test_slope_that_makes_newton_converge() -> None:
    """−1.17 < d log φ(eᵗ)/dt = −(aψ′(a) − 1)/φ(a) < −1.

    Two slopes differ by less than 17 %, and so a Newton step leaves that much.
    """
    for a in np.logspace(-8, 8, 321):
        assert -1.17 < -literal("trigamma_excess", a) / literal("log_minus_digamma", a) < -1


def test_inverse_of_digamma() -> None:
    """The residual ψ(a) − y in units of max(1, |y|).

    The rounding of y, and of a times aψ′(a), which 1 + |ψ(a)| bounds within 2.
    """
    y = np.concatenate(
        [np.linspace(-20.0, 18.0, 77), [-1e8, -1e4, 0.0, -0.5772156649015329, -2.22]]
    )
    a = inverse_digamma(np, y)
    for value, wanted in zip(a, y, strict=True):
        residual = abs(literal("digamma", float(value)) - mpf(float(wanted)))
        assert residual <= 16 * UNIT * max(1.0, abs(wanted)), (value, wanted)


@pytest.mark.parametrize("name", ["CPU_DEVICE", "device1", "device2"])
def test_strict_arrays(name: str) -> None:
    """Only functions of the array standard are used, on the device of the argument."""
    xp, place = array_api_strict, array_api_strict.Device(name)
    host = np.asarray(
        [1e-3, 0.5, 3.0, 9.5, 40.0], dtype=np.float32 if name == "device2" else np.float64
    )
    a = xp.asarray(host, device=place)
    for function in (
        log_minus_digamma,
        trigamma_excess,
        stirling_remainder,
        lgamma,
        digamma,
        trigamma,
        inverse_log_minus_digamma,
        inverse_digamma,
        lambda namespace, x: lgamma_bregman(namespace, x, 1.5 * x),
    ):
        value = function(xp, a)
        assert (value.device, value.dtype) == (place, a.dtype)
        # Two libraries' logarithms differ by a unit in the last place or two, times the roundings
        # of the sums.
        np.testing.assert_allclose(
            to_host(value), function(np, host), rtol=100 * np.finfo(host.dtype).eps
        )
