"""Exponentials, sums of exponentials and the geometric series against mpmath, at any distance and
down to neighbouring numbers.
"""

import itertools

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref._special import exponential, logistic
from ingd_ref._special.counting import count_deviance, factorial_excess, remaining
from ingd_ref._special.exponential import (
    log_mean_exp_excess,
    log_softmax,
    log_softmax_change,
    log_sum_exp,
    log_sum_exp_bregman,
    other_sums,
    simplex_distance,
)
from ingd_ref._special.logistic import geometric_distance, geometric_divergence, logistic_distance

FUNCTIONS = vars(exponential) | vars(logistic)

UNIT = 2.0**-53
SMALL = 10.0 ** np.arange(-18.0, 0.0)
DISTANCES = np.concatenate(
    [
        SMALL,
        -SMALL,
        [0.5, 0.99, 1.0, 1.01, 3.0, 30.0, 300.0],
        [-0.5, -0.99, -1.0, -1.01, -3.0, -30.0, -300.0],
    ]
)


@pytest.fixture(autouse=True)
def _digits():
    with mpmath.workdps(420):  # e⁻⁷⁰⁰ = 10⁻³⁰⁴ next to 1
        yield


def close(value: float, truth: mpf, units: float) -> bool:
    return abs(mpf(float(value)) - truth) <= units * UNIT * abs(truth)


@pytest.mark.parametrize(
    ("name", "literal", "arguments"),
    [
        ("expm1_remainder", lambda x: mpmath.exp(x) - 1 - x, DISTANCES),
        (
            "log1mexp",
            lambda x: mpmath.log(1 - mpmath.exp(x)),
            np.concatenate([DISTANCES[DISTANCES < 0], [-700.0, -0.6931, -0.6932]]),
        ),
        (
            "log_expm1",
            lambda x: mpmath.log(mpmath.exp(x) - 1),
            np.concatenate([DISTANCES[(DISTANCES > 0) & (DISTANCES != 0.5)], [700.0]]),
        ),
        (
            "geometric_odds",
            lambda x: mpmath.exp(x) / (1 - mpmath.exp(x)),
            np.concatenate([DISTANCES[DISTANCES < 0], [-700.0]]),
        ),
        (
            "logistic",
            lambda x: 1 / (1 + mpmath.exp(-x)),
            np.concatenate([DISTANCES, [0.0, 700.0, -700.0]]),
        ),
    ],
)
def test_functions_of_one_number(name: str, literal, arguments: np.ndarray) -> None:
    """A few roundings each; 8 u is four times what is seen.

    log(e^x − 1) passes through zero at log 2, which is not among the arguments.
    """
    for x, value in zip(arguments, FUNCTIONS[name](np, arguments), strict=True):
        assert close(value, literal(mpf(float(x))), 8), (x, value)


LOGITS = (
    [0.0, 0.0],
    [3.0, 0.0],
    [-30.0, 0.0],
    [-300.0, 0.0],
    [1.0, -2.0, 0.5],
    [0.0, -40.0, 40.0, 3.0],
)


def literal_bregman(a: list[mpf], b: list[mpf]) -> mpf:
    total, other = (mpmath.fsum(mpmath.exp(x) for x in logits) for logits in (a, b))
    linear = mpmath.fsum(mpmath.exp(x) / total * (y - x) for x, y in zip(a, b, strict=True))
    return mpmath.log(other / total) - linear


@pytest.mark.parametrize("logits", LOGITS, ids=str)
def test_bregman_remainder_of_log_sum_exp(logits: list[float]) -> None:
    """64 u, and as many u as the exponents are large."""
    a = np.asarray(logits)
    for step, common in itertools.product(DISTANCES, (0.0, 1.0, 1e3)):
        b = a + common
        b[0] += step
        value = log_sum_exp_bregman(np, a, b)
        first, second = [mpf(float(x)) for x in a], [mpf(float(x)) for x in b]
        truth = literal_bregman(first, second)
        exponents = np.sum(np.abs(a)) + np.sum(np.abs(b - common))
        assert value >= 0
        if truth < 1e-300:  # the step was lost in rounding b, or its square underflows
            assert value <= max(
                1e-300, (8 * UNIT**2 * common) ** 2
            )  # what centring twice leaves of the common part
            continue
        assert close(value, truth, 64 + exponents), (
            logits,
            step,
            common,
            value,
            mpmath.nstr(truth, 20),
        )
        if common == 0.0:
            assert (
                close(log_mean_exp_excess(np, a, b - a), truth, 64 + exponents) or abs(step) < 1e-3
            )  # b − a is rounded
    assert log_sum_exp_bregman(np, a, a) == 0


@pytest.mark.parametrize("logits", LOGITS, ids=str)
def test_logarithms_of_probabilities(logits: list[float]) -> None:
    a = [mpf(x) for x in logits]
    total = mpmath.log(mpmath.fsum(mpmath.exp(x) for x in a))
    got = log_softmax(np, np.asarray(logits))
    assert all(close(value, x - total, 8) for value, x in zip(got, a, strict=True))
    assert abs(mpf(float(log_sum_exp(np, np.asarray(logits)))) - total) <= 8 * UNIT * abs(total)


@pytest.mark.parametrize("logits", LOGITS, ids=str)
def test_changes_and_distances(logits: list[float]) -> None:
    """log(q/p) to the size of its largest entry, and the angle between √p and √q.

    The size of the exponents counts again.
    """
    a = np.asarray(logits)
    for step in DISTANCES[np.abs(DISTANCES) > 1e-16]:
        b = a.copy()
        b[0] += step
        p, q = ([mpmath.exp(mpf(float(x))) for x in row] for row in (a, b))
        p, q = ([x / mpmath.fsum(row) for x in row] for row in (p, q))
        truth = [mpmath.log(y / x) for x, y in zip(p, q, strict=True)]
        units = 64 + np.sum(np.abs(a)) + np.sum(np.abs(b))
        change = log_softmax_change(np, a, b)
        size = max(abs(t) for t in truth)
        assert all(
            abs(mpf(float(v)) - t) <= units * UNIT * size
            for v, t in zip(change, truth, strict=True)
        )
        chord = mpmath.sqrt(
            mpmath.fsum((mpmath.sqrt(y) - mpmath.sqrt(x)) ** 2 for x, y in zip(p, q, strict=True))
        )
        distance = simplex_distance(np, a, b)
        assert close(distance, 4 * mpmath.asin(chord / 2), units), (logits, step, distance)
        if len(logits) == 2:
            pair = logistic_distance(np, np.asarray(a[0]), np.asarray(b[0]))
            assert close(pair, 4 * mpmath.asin(chord / 2), units), (logits, step, pair)


def test_geometric_divergence_and_distance() -> None:
    """−log(1 − e^θ): 64 u at any distance, and the size of the exponents."""
    for theta in (-1e-17, -1e-8, -1e-3, -0.5, -1.0, -3.0, -30.0, -600.0):
        for factor in (1 + 1e-12, 1 + 1e-8, 1 - 1e-4, 1.01, 0.5, 3.0, 1e-5, 1e3):
            other = theta * factor
            if other < -700 or other == theta:
                continue
            first, second = mpf(theta), mpf(other)
            mean = mpmath.exp(first) / (1 - mpmath.exp(first))
            truth = mpmath.log((1 - mpmath.exp(first)) / (1 - mpmath.exp(second))) - mean * (
                second - first
            )
            value = geometric_divergence(np, np.asarray(theta), np.asarray(other))
            assert value >= 0
            assert close(value, truth, 64), (theta, other, value)
            length = abs(mpmath.log(mpmath.tanh(second / 4) / mpmath.tanh(first / 4)))
            distance = geometric_distance(np, np.asarray(theta), np.asarray(other))
            assert close(distance, length, 64), (theta, other, distance)
        assert geometric_divergence(np, np.asarray(theta), np.asarray(theta)) == 0


def test_sums_that_leave_one_out() -> None:
    x = np.asarray([[1.0, 1e-20, 3e-20], [2.0, 3.0, 5.0]])
    np.testing.assert_allclose(
        other_sums(np, x), [[4e-20, 1.0, 1.0], [8.0, 7.0, 5.0]], rtol=2 * UNIT
    )


def test_what_remains() -> None:
    """1 − Σ is right to the last digits where the parts sum to nearly 1."""
    rng = np.random.default_rng(4)
    for size in (1, 2, 5, 40):
        parts = rng.dirichlet(np.ones(size)) * (1 - 2.0**-50)
        truth = 1 - mpmath.fsum(mpf(float(part)) for part in parts)
        assert close(remaining(np, 1.0, parts), truth, 2)


def test_deviance_and_factorials() -> None:
    """4 u of the deviance, and of max(1, s).

    a mean that has underflowed is known by its logarithm.
    """
    for x, mean in itertools.product(
        (1.0, 2.0, 7.0, 1e4, 1e8), (1e-300, 1e-3, 1.0, 7.5, 1e4 + 1e-3, 1e8)
    ):
        truth = mpf(x) * mpmath.log(mpf(x) / mpf(mean)) - mpf(x) + mpf(mean)
        value = count_deviance(np, np.asarray(x), np.asarray(mean))
        assert abs(mpf(float(value)) - truth) <= 16 * UNIT * abs(truth)
        excess = mpmath.loggamma(mpf(x) + 1) - mpf(x) * mpmath.log(x) + mpf(x)
        assert abs(mpf(float(factorial_excess(np, np.asarray(x)))) - excess) <= 8 * UNIT * max(
            1, abs(excess)
        )
    tiny = count_deviance(np, np.asarray([3.0, 0.0]), np.zeros(2), np.full(2, -1000.0))
    np.testing.assert_allclose(tiny, [3 * (np.log(3.0) + 1000.0 - 1.0), 0.0], rtol=4 * UNIT)
