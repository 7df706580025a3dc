"""Bessel ratios, logarithms and their Bregman remainders against mpmath's I_ν, at orders from 0 to
10⁶ and arguments from 1e-300 to 1e300.

Errors are in units of u = 2⁻⁵³ (2⁻²⁴ in float32). Sums of positive terms along a recurrence of at
most twenty steps: twice the most seen is allowed, as stated at each tolerance.
"""

import array_api_strict
import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref._special.bessel import (
    bessel_ratio,
    bessel_ratio_curvature,
    inverse_bessel_ratio,
    log_bessel,
    reduced_log_bessel,
    reduced_log_bessel_bregman,
)
from ingd_ref._special.logarithm import t_minus_log1p
from ingd_ref.backend import to_host

UNITS = {np.float64: 2.0**-53, np.float32: 2.0**-24}
# Integer and half-integer orders of spheres, an odd one, and both sides of the order from which the
# recurrence is as short as it gets.
ORDERS = (0.0, 0.5, 1.0, 1.75, 4.0, 9.0, 17.5, 18.5, 24.0, 49.0, 500.0)
ARGUMENTS = np.concatenate(
    [np.logspace(-8, 8, 33), np.asarray([0.3, 2.0, 3.0, 5.0, 7.0, 12.0, 18.0, 20.0, 30.0, 45.0])]
)
TYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def digits_for(*kappas: float) -> int:
    """R′ and the remainders cancel like κ⁻² for large and κ² for small arguments.

    50 digits are left.
    """
    return 50 + 4 * max(abs(int(np.log10(kappa))) if kappa > 0 else 0 for kappa in kappas)


def literal(order: float, kappa: float) -> dict[str, mpf]:
    """The functions as they are defined, at twice the digits and more."""
    with mpmath.workdps(digits_for(kappa)):
        nu, x = mpf(order), mpf(kappa)
        low = mpmath.besseli(nu, x)
        ratio = mpmath.besseli(nu + 1, x) / low
        slope = 1 - ratio**2 - (2 * nu + 1) * ratio / x
        return {
            "value": ratio,
            "complement": 1 - ratio,
            "over_argument": ratio / x,
            "slope": slope,
            "anisotropy": ratio / x - slope,
            "curvature": (2 * nu + 1) * (ratio / x - slope) / x - 2 * ratio * slope,
            "log": mpmath.log(low),
            "reduced": mpmath.loggamma(nu + 1) + nu * mpmath.log(2 / x) + mpmath.log(low),
        }


def bregman(order: float, a: float, b: float) -> mpf:
    with mpmath.workdps(2 * digits_for(a, b) + 40):
        nu, x, y = mpf(order), mpf(a), mpf(b)

        def reduced(z: mpf) -> mpf:
            return (
                mpmath.loggamma(nu + 1) + nu * mpmath.log(2 / z) + mpmath.log(mpmath.besseli(nu, z))
                if z > 0
                else mpf(0)
            )

        return (
            reduced(y)
            - reduced(x)
            - ((y - x) * mpmath.besseli(nu + 1, x) / mpmath.besseli(nu, x) if x > 0 else 0)
        )


def assert_close(
    value: float, truth: mpf, units: float, dtype: type, where: object, floor: float = 0.0
) -> None:
    error = abs(mpf(float(value)) - truth)
    allowed = units * UNITS[dtype] * max(abs(truth), mpf(floor))
    assert error <= allowed, (
        f"{where}: got {value!r}, truth {mpmath.nstr(truth, 20)}, error {mpmath.nstr(error, 3)}"
    )


@TYPES
@pytest.mark.parametrize("order", ORDERS)
def test_ratio_and_logarithm(order: float, dtype: type) -> None:
    """Most seen: 13 u in R′, 22 u in R/κ − R′, 8 u in R″, 11 u elsewhere, all of them at the
    lowest orders.
    """
    grid = ARGUMENTS.astype(dtype)
    curvature = bessel_ratio_curvature(np, order, grid)
    assert curvature.dtype == dtype
    tiny = (
        float(np.finfo(dtype).smallest_normal) / UNITS[dtype]
    )  # intermediate underflow leaves no digits
    result, reduced = (
        bessel_ratio(np, order, grid),
        reduced_log_bessel(np, order, grid),
    )
    for k, kappa in enumerate(grid):
        truth = literal(order, float(kappa))
        assert_close(curvature[k], truth["curvature"], 16, dtype, ("curvature", kappa), floor=tiny)
        for name in ("value", "complement", "over_argument", "slope", "anisotropy"):
            value = getattr(result, name)[k]
            assert value.dtype == dtype
            assert_close(
                value,
                truth[name],
                44 if name == "anisotropy" else 26,
                dtype,
                (name, kappa),
                floor=tiny,
            )
        assert reduced[k].dtype == dtype
        assert_close(reduced[k], truth["reduced"], 24, dtype, ("reduced", kappa))


@pytest.mark.parametrize("order", [0.0, 0.5, 9.0, 49.0, 500.0])
def test_logarithm(order: float) -> None:
    """Relative to the largest of its terms, as its docstring says."""
    values = log_bessel(np, order, ARGUMENTS)
    for kappa, value in zip(ARGUMENTS, values, strict=True):
        size = max(1.0, kappa, abs(order * np.log(0.5 * kappa)), float(mpmath.loggamma(order + 1)))
        assert_close(value, literal(order, float(kappa))["log"], 8, np.float64, kappa, floor=size)


@TYPES
@pytest.mark.parametrize("order", ORDERS)
def test_inverse(order: float, dtype: type) -> None:
    """As a function of R where R < ½ and of 1 − R elsewhere, whose conditions R/(κR′) ≤ 2 and (1 −
    R)/(κR′) ≤ 1 are part of the 40 u.
    """
    exact = {kappa: literal(order, float(kappa)) for kappa in ARGUMENTS}
    ratio, complement = (
        np.asarray([float(exact[kappa][name]) for kappa in ARGUMENTS], dtype=dtype)
        for name in ("value", "complement")
    )
    kappas = inverse_bessel_ratio(np, order, ratio, complement)
    assert kappas.dtype == dtype
    for kappa, value in zip(ARGUMENTS, kappas, strict=True):
        assert_close(value, mpf(float(kappa)), 40, dtype, kappa)


FACTORS = (
    0.0,
    1e-6,
    0.1,
    0.35,
    0.45,
    0.5,
    0.99,
    1 - 1e-4,
    1 - 1e-8,
    1 + 1e-12,
    1 + 1e-10,
    1 + 1e-6,
    1 + 1e-2,
    1.5,
    2.1,
    2.4,
    3.0,
    1e3,
    1e6,
)


@TYPES
@pytest.mark.parametrize("order", [0.0, 0.5, 18.5, 49.0])
def test_bregman_remainders(order: float, dtype: type) -> None:
    """At any distance, and on both sides of the joint of quadrature and closed form.

    18 u is the most seen, 64 u allowed.
    """
    for start in (1e-6, 0.4, 1.0, 2.5, 9.0, 25.0, 80.0, 1e3, 1e8):
        a = dtype(start)
        b = a * np.asarray(FACTORS, dtype=dtype)
        difference = b - a  # exact, or nearly so where they are far from each other
        for first, second, sign in ((np.full_like(b, a), b, 1), (b, np.full_like(b, a), -1)):
            values = reduced_log_bessel_bregman(np, order, first, second, sign * difference)
            assert values.dtype == dtype
            for x, y, value in zip(first, second, values, strict=True):
                truth = bregman(order, float(x), float(y))
                if truth >= np.finfo(dtype).smallest_normal or truth == 0:
                    assert_close(value, truth, 64, dtype, (x, y))
                assert value >= 0


@pytest.mark.parametrize("order", [0.0, 0.5, 49.0, 1e6])
def test_the_ends_of_the_range(order: float) -> None:
    """Leading terms at κ = 1e-300 … 1e300, where squares overflow and underflow."""
    alpha = order + 0.5
    large = np.asarray([1e160, 1e300])
    result = bessel_ratio(np, order, large)
    np.testing.assert_array_equal(result.value, 1.0)
    np.testing.assert_allclose(result.complement, alpha / large, rtol=1e-15)
    np.testing.assert_allclose(result.over_argument, 1.0 / large, rtol=1e-15)
    np.testing.assert_allclose(
        inverse_bessel_ratio(np, order, result.value, result.complement), large, rtol=4e-15
    )
    np.testing.assert_allclose(reduced_log_bessel(np, order, large), large, rtol=1e-15)
    for factor in (0.5, 1.0 + 2.0**-30, 2.0, 1e4):
        difference = factor * large - large
        remainder = reduced_log_bessel_bregman(np, order, large, factor * large, difference)
        np.testing.assert_allclose(
            remainder, alpha * t_minus_log1p(np, difference / large), rtol=1e-14
        )
    small = np.asarray([0.0, 1e-300, 1e-170])
    result = bessel_ratio(np, order, small)
    np.testing.assert_allclose(result.value, small / (2.0 * order + 2.0), rtol=4e-15)
    np.testing.assert_allclose(result.slope, 0.5 / (order + 1.0), rtol=4e-15)
    np.testing.assert_array_equal(result.complement, 1.0)
    np.testing.assert_array_equal(result.anisotropy, 0.0)
    np.testing.assert_allclose(
        inverse_bessel_ratio(np, order, result.value, result.complement), small, rtol=4e-15
    )
    np.testing.assert_array_equal(reduced_log_bessel(np, order, small), 0.0)


def test_start_of_the_inversion() -> None:
    """Newton's iteration starts within 2 % of the root, for every order.

    Three steps of it are taken.
    """
    for order in (0.0, 0.5, 1.0, 4.0, 49.0, 1e4):
        kappa = np.logspace(-8, 8, 2001)
        exact = bessel_ratio(np, order, kappa)
        alpha, width = order + 0.5, exact.complement * (1.0 + exact.value)
        start = (
            exact.value
            * (alpha + np.sqrt(alpha**2 + (alpha + (alpha + 1.0) * width) * width))
            / width
        )
        assert np.max(np.abs(np.log(start / kappa))) < 0.02
        np.testing.assert_allclose(
            inverse_bessel_ratio(np, order, exact.value, exact.complement),
            kappa,
            rtol=64 * 2.0**-53,
        )


@pytest.mark.parametrize("name", ["CPU_DEVICE", "device1", "device2"])
def test_strict_arrays(name: str) -> None:
    """Only functions of the array standard are used, on the device of the argument."""
    xp, place = array_api_strict, array_api_strict.Device(name)
    host = np.asarray(
        [0.0, 1e-3, 0.5, 3.0, 40.0, 1e4], dtype=np.float32 if name == "device2" else np.float64
    )
    kappa = xp.asarray(host, device=place)
    for function in (
        lambda namespace, x: bessel_ratio(namespace, 0.5, x).slope,
        lambda namespace, x: bessel_ratio(namespace, 0.5, x).anisotropy,
        lambda namespace, x: reduced_log_bessel(namespace, 0.0, x),
        lambda namespace, x: log_bessel(namespace, 2.0, x + 1.0),
        lambda namespace, x: reduced_log_bessel_bregman(namespace, 0.0, x, 1.5 * x, 0.5 * x),
        lambda namespace, x: inverse_bessel_ratio(namespace, 0.0, x / (x + 1.0), 1.0 / (x + 1.0)),
    ):
        value = function(xp, kappa)
        assert (value.device, value.dtype) == (place, kappa.dtype)
        # Two libraries' logarithms and roots differ by a unit in the last place or two, times the
        # roundings of the sums.
        np.testing.assert_allclose(
            to_host(value), function(np, host), rtol=100 * np.finfo(host.dtype).eps
        )
