"""Double words against exact rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingd_ref._special.double_words import double_word, two_sum

# Products and their errors must stay in the normal range: 2^±(300 + 106) does, in float64.
signs = st.sampled_from([1.0, -1.0])
numbers = st.builds(
    lambda m, e, s: s * m * 2.0**e,
    st.floats(1.0, 2.0, exclude_max=True),
    st.integers(-60, 60),
    signs,
)
fractions_of_a_unit = st.floats(-1.0, 1.0)


def wide(high: float, part: float):
    """A double word near ``high`` and the rational number that it represents."""
    word = double_word(np, np.asarray(high)) + np.asarray(part * abs(high) * 2.0**-54)
    return word, exact(word)


def exact(word) -> Fraction:
    return Fraction(word.high.item()) + Fraction(word.low.item())


@given(numbers, numbers)
@example(1.0, -1.0 + 2.0**-53)
def test_two_sum_is_exact(a: float, b: float) -> None:
    total, error = two_sum(np.asarray(a), np.asarray(b))
    assert Fraction(float(total)) + Fraction(float(error)) == Fraction(a) + Fraction(b)
    assert float(total) == a + b


@given(numbers, fractions_of_a_unit, numbers, fractions_of_a_unit)
@example(1.0, 0.0, -1.0, 1.0)
@example(1.0, 1.0, -1.0, -0.9999)
def test_arithmetic(a: float, p: float, b: float, q: float) -> None:
    """Relative errors of 3 u² for sums of either sign, 8 u² for products and 16 u² for quotients,
    u = 2⁻⁵³.
    """
    (x, x_exact), (y, y_exact) = wide(a, p), wide(b, q)
    for result, truth, roundings in (
        (x + y, x_exact + y_exact, 3),
        (x - y, x_exact - y_exact, 3),
        (x * y, x_exact * y_exact, 8),
        (x / y, x_exact / y_exact, 16),
    ):
        assert abs(exact(result) - truth) <= roundings * Fraction(1, 2**106) * abs(truth)
        assert abs(result.low) <= 2.0**-53 * abs(result.high)
    assert exact(-x) == -x_exact


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_types_shapes_and_numbers(dtype: type) -> None:
    x = double_word(np, np.ones((2, 3), dtype=dtype))
    third = x / 3.0
    for word in (
        third,
        third + 1.0,
        third * np.asarray([1.0, 2.0, 3.0], dtype=dtype),
        third.transposed,
        third[..., 0],
        third.sum(axis=-2),
    ):
        assert word.high.dtype == word.low.dtype == dtype
    assert third.transposed.high.shape == (3, 2)
    assert third.sum(axis=-2).high.shape == (3,)
    unit = np.finfo(dtype).eps / 2
    assert np.all(np.abs((third.sum() - 1.0).rounded()) <= 8 * unit * unit)
    assert double_word(np, third) is third
    assert (double_word(np, np.ones((0, 2), dtype=dtype)) * 2.0).high.shape == (0, 2)
