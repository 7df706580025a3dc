"""The same line on floats, extended precision, sixty-digit numbers and balls, for every label."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingd_ref.equations import LABELS
from ingd_ref.equations._numbers import digamma, erf, log, log_gamma, solve, trigamma, unit
from tests.equations.kinds import CASES, DIFFERENCES, FLOAT, LONG, MP60, PRECISE, balls, evaluate

#: Labels that need functions which SciPy has for float64 only.
FLOAT_ONLY = {"E13"}
#: Labels that iterate until differences leave nothing, so that floats take steps of their own.
ITERATED = {"P1"}

drawn = given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 3), d=st.integers(1, 3))
few = settings(max_examples=3, deadline=None, derandomize=True)
on_every_label = pytest.mark.parametrize("label", CASES)
on_both_floats = pytest.mark.parametrize("kind", [FLOAT, LONG], ids=lambda kind: kind.name)


def middle_and_radius(ball):
    """Both as sixty-digit numbers."""
    return tuple(MP60.ldexp(*map(int, number.man_exp())) for number in (ball.mid(), ball.rad()))


def exactly(number):
    """A float as a sixty-digit number: its significand is an integer of at most 64 bits."""
    significand, exponent = np.frexp(number)
    return MP60.ldexp(int(np.ldexp(significand, 64)), int(exponent) - 64)


def bits(kind):
    return 1 - int(np.log2(np.finfo(kind.number).eps))


def test_every_label_is_evaluated():
    assert set(CASES) == set(LABELS)


@on_every_label
@few
@drawn
@example(seed=1, n=1, d=1)
def test_balls_contain_the_value_at_sixty_digits(label, seed, n, d):
    """Balls of fifty digits; values here are of order one.

    No radius shows the truncation of differences: it is u^(7/9) = 1e-39 where differences of
    differences are taken, times constants and conditions below 1e4.
    """
    pytest.importorskip("flint")
    found, expected = evaluate(label, balls(166), seed, n, d), evaluate(label, PRECISE, seed, n, d)
    slack = 1e-35 if label in DIFFERENCES else 1e-49  # (P6) stops within 4u
    for ball, value in zip(found, expected, strict=True):
        middle, radius = middle_and_radius(ball)
        assert abs(middle - value) <= radius + slack * (1 + abs(value))
        assert radius <= 1e-25 * (1 + abs(value))  # so that the ball says something


@on_both_floats
@pytest.mark.parametrize("label", sorted(set(CASES) - ITERATED))
@few
@drawn
@example(seed=1, n=1, d=1)
def test_floats_round_as_balls_of_their_precision_allow(label, kind, seed, n, d):
    """The radius of a ball is a running error bound of the very operations that the floats do.

    Float and middle are both off by at most a radius, and functions of SciPy by a few units more.
    """
    pytest.importorskip("flint")
    if kind is LONG and label in FLOAT_ONLY:
        with pytest.raises(TypeError):
            evaluate(label, kind, seed, n, d)
        return
    found = evaluate(label, kind, seed, n, d)
    expected = evaluate(label, balls(bits(kind)), seed, n, d)
    assert {type(number) for number in found} == {kind.number}
    for number, ball in zip(found, expected, strict=True):
        middle, radius = middle_and_radius(ball)
        assert abs(exactly(number) - middle) <= 2 * radius + abs(middle) * 2.0 ** (3 - bits(kind))


@on_both_floats
@pytest.mark.parametrize("label", sorted(ITERATED))
@few
@drawn
def test_iterations_on_floats_end_near_the_value(label, kind, seed, n, d):
    """Within u^(8/9) of the mean parameters, times the condition of F and constants below 1e4."""
    found, expected = evaluate(label, kind, seed, n, d), evaluate(label, PRECISE, seed, n, d)
    allowed = 1e4 * np.finfo(kind.number).eps ** (8 / 9)
    for number, value in zip(found, expected, strict=True):
        assert abs(exactly(number) - value) <= allowed


@pytest.mark.parametrize("function", [log_gamma, digamma, trigamma])
def test_functions_refuse_extended_precision_that_they_would_round(function):
    with pytest.raises(TypeError):
        function(np.longdouble(1.5))


def test_functions_refuse_plain_numbers_among_precise_ones():
    """Their logarithm would be a float, with sixteen digits of the sixty."""
    with pytest.raises(TypeError, match="int"):
        log(np.array([MP60.mpf(2), 3]))


@pytest.mark.parametrize("x", [-30.0, -3.3, -0.4, 0.0, 1e-9, 0.7, 2.0, 5.5, 9.0])
def test_error_function_in_extended_precision(x):
    """e^{−x²} carries x² units of rounding, and two hundred positive terms a few more."""
    found, expected = exactly(erf(np.longdouble(x))), MP60.erf(x)
    assert abs(found - expected) <= 100 * np.finfo(np.longdouble).eps * abs(expected)


@pytest.mark.parametrize("first", [0, 1])
def test_elimination_keeps_the_wider_kind(first):
    """A matrix or a right side of plain numbers takes on the digits of the other."""
    given = [np.array([[2, 1], [1, 2]]), np.array([1, 0])]
    given[first] = np.frompyfunc(MP60.mpf, 1, 1)(given[first])
    x = solve(*given)
    assert max(abs(x - np.array([2, -1]) / MP60.mpf(3))) < 1e-58


def test_elimination_of_integers_divides():
    np.testing.assert_allclose(solve([[2, 1], [1, 2]], [1, 0]), [2 / 3, -1 / 3], rtol=1e-15)


def test_elimination_exchanges_rows_and_refuses_singular_matrices():
    np.testing.assert_array_equal(
        solve(np.array([[0.0, 2.0], [4.0, 0.0]]), np.ones(2)), [0.25, 0.5]
    )
    with pytest.raises(ZeroDivisionError):
        solve(np.ones((2, 2)), np.ones(2))


def test_unit_of_rounding_is_that_of_the_widest_kind():
    assert unit(np.array([0, MP60.mpf(1)])) == MP60.eps
    assert unit(np.array([1, 2])) == unit(1.0) == np.finfo(float).eps
    assert unit(np.array([1.0], np.float32)) == np.finfo(np.float32).eps
    assert unit(np.array([1.0], np.longdouble)) == np.finfo(np.longdouble).eps


def test_distances_between_equal_balls_are_zero_within_their_radius():
    """Of 1/3 from itself there remains a ball around zero, whose square has no plain root."""
    flint = pytest.importorskip("flint")
    third = np.array([[flint.arb(1) / 3]])
    one = np.array([flint.arb(1)])
    for found in (
        LABELS["Q2"](third, third, one, one),
        LABELS["Q5"](third, third, one, one, np.array([one]), 2),
    ):
        assert found.contains(0)
        assert found.rad() < 1e-10
