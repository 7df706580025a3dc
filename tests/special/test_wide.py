"""Numbers with an exponent of their own: arithmetic, functions, and formulas that run on them."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingd_ref._special._extremes import anywhere, by_wide_numbers, moderate
from ingd_ref._special._wide import NAMESPACE, wide

# The caller of wide numbers ignores the warnings about what is zero or infinite as a float.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

U = 2.0**-53
mpmath.mp.dps = 400
numbers = st.floats(allow_nan=False, allow_infinity=False)


def exact(x):
    return mpmath.mpf(float(x.fraction)) * mpmath.mpf(2) ** int(x.exponent)


def close(found, truth, units=2):
    assert abs(exact(found) - truth) <= units * U * abs(truth)


@given(numbers, numbers)
@example(5e-324, 1.7976931348623157e308)
@example(1.0, -(2.0**-60))
def test_arithmetic_is_rounded_once_and_never_overflows(a, b):
    x, y, p, q = wide(np.asarray(a)), wide(np.asarray(b)), mpmath.mpf(a), mpmath.mpf(b)
    close(x + y, p + q, 1)
    close(x * y, p * q, 1)
    close((x * y) * x, p * q * p)
    if b != 0:
        close(x / y, p / q, 1)
    assert bool(x < y) == (a < b)
    assert bool(x == y) == (a == b)
    assert (x + 0.0).rounded() == a


@given(st.floats(min_value=5e-324, allow_infinity=False))
@example(5e-324)
@example(1.0 - 2.0**-53)
@example(1.7976931348623157e308)
def test_functions_keep_their_digits(a):
    x, p = wide(np.asarray(a)), mpmath.mpf(a)
    close(NAMESPACE.log(x), mpmath.log(p), 4)
    close(NAMESPACE.sqrt(x), mpmath.sqrt(p))
    close(NAMESPACE.log1p(x), mpmath.log1p(p), 4)
    close(NAMESPACE.asinh(x), mpmath.asinh(p), 8)
    close(NAMESPACE.tanh(x), mpmath.tanh(p), 8)
    close(x**3, p**3, 4)
    close(x**-0.3, p ** mpmath.mpf(-0.3), 8)


@pytest.mark.parametrize("t", [-1e6, -1e3, -1e-300, 1e-20, 709.0, 5e4])
def test_exponentials_lose_what_their_condition_says(t):
    x, units = wide(np.asarray(t)), 2 + abs(t)
    close(NAMESPACE.exp(x), mpmath.exp(t), units)
    close(NAMESPACE.expm1(x), mpmath.expm1(t), units)


def test_sums_maxima_and_products_of_matrices():
    x = wide(np.asarray([[1e300, -2e300], [3e-320, 4e-320]]))
    np.testing.assert_array_equal(NAMESPACE.sum(x, axis=-1).rounded(), [-1e300, 7e-320])
    np.testing.assert_array_equal(NAMESPACE.max(x, axis=-1).rounded(), [1e300, 4e-320])
    np.testing.assert_array_equal(NAMESPACE.argmax(x, axis=-1), [0, 1])
    both = NAMESPACE.matmul(x, NAMESPACE.linalg.inv(wide(np.diag([1e300, 1e-320]))))
    np.testing.assert_allclose(both.rounded()[0, 0], 1.0, rtol=4 * U)


def norm(xp, x):
    return xp.sqrt(xp.sum(x * x, axis=-1))


def test_moderate_rows_are_evaluated_by_floats_whatever_their_neighbours():
    rows = np.random.default_rng(0).normal(size=(7, 3))
    mixed = np.concatenate([rows, [[1e300, 1e300, 0.0], [1e-310, 0.0, 0.0]]])
    found = anywhere(np, norm, mixed)
    np.testing.assert_array_equal(found[:7], norm(np, rows))
    np.testing.assert_allclose(found[7:], [np.sqrt(2.0) * 1e300, 1e-310], rtol=4 * U)


def test_results_that_are_not_finite_are_found_again():
    def one(xp, x):
        return xp.exp(x[..., 0]) / xp.exp(x[..., 0])

    assert anywhere(np, one, np.asarray([800.0])) == 1


def test_a_formula_that_leaves_its_namespace_runs_on_floats():
    assert by_wide_numbers(lambda xp, x: np.exp(x), np.asarray([[1e300]])) is None
    assert np.isinf(anywhere(np, lambda xp, x: np.exp(x[..., 0]), np.asarray([1e300])))


def test_float32_is_extreme_sooner():
    x = np.asarray([1e-10, 1.0])
    assert moderate(np, x)
    assert not moderate(np, x.astype(np.float32))
