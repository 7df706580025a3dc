"""Error-free products against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingd_ref._special.products import difference_of_products, two_product

# Away from overflow, and from the subnormal range where the low half of a product has no room.
factors = st.one_of(st.floats(1e-60, 1e60), st.floats(-1e60, -1e-60), st.just(0.0))
ONE_ULP_ABOVE_ONE = 1.0 + 2.0**-52


@given(factors, factors)
@example(ONE_ULP_ABOVE_ONE, ONE_ULP_ABOVE_ONE)
@example(1e8 + 1, 1e8 - 1)
def test_product_and_error_are_exact(a: float, b: float) -> None:
    product, error = two_product(np, np.asarray(a), np.asarray(b))
    assert product == a * b
    assert Fraction(float(product)) + Fraction(float(error)) == Fraction(a) * Fraction(b)


@given(factors, factors, factors, st.sampled_from([1.0, 1 + 1e-15, 1 - 1e-12, 1 + 1e-3, -1.0, 0.0]))
@example(1e8 + 1, 1e8 + 1, 1e16, 1.0)
def test_difference_is_good_to_two_units(a: float, b: float, c: float, closeness: float) -> None:
    """With d chosen so that cd is close to ab.

    2 u is the proved bound of ab − cd with both product errors added back.
    """
    d = a * b / c * closeness if c else 0.0
    if not 1e-200 < abs(d) < 1e200:
        d = 0.0
    value = difference_of_products(np, *(np.asarray(x) for x in (a, b, c, d)))
    truth = Fraction(a) * Fraction(b) - Fraction(c) * Fraction(d)
    assert abs(Fraction(float(value)) - truth) <= 2 * Fraction(1, 2**53) * abs(truth) * Fraction(
        1001, 1000
    )


@pytest.mark.parametrize("seed", range(3))
def test_float32_splits_at_its_own_precision(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 1000)).astype(np.float32)
    product, error = two_product(np, a, b)
    assert product.dtype == error.dtype == np.float32
    np.testing.assert_array_equal(
        product.astype(np.float64) + error.astype(np.float64),
        a.astype(np.float64) * b.astype(np.float64),
    )
