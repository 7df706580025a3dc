"""Adaptive quadrature against mpmath: any width, any likelihood, and what it says of its error."""

import itertools
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp

from ingd_ref.errors import NonFiniteError
from ingd_ref.variational import (
    FullGaussian,
    LogisticRegression,
    MeanFieldGaussian,
    PoissonRegression,
    Quadrature,
    expected_under,
    run_nvi,
)
from ingd_ref.variational._quadrature import adaptive, fixed
from ingd_ref.variational._terms import Predictors, Terms

sys.path.insert(0, str(Path(__file__).parent))
import normal_integrals
import user_models

DEVIATIONS = [1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0, 3.5, 5.0, 8.0, 15.0, 30.0, 100.0, 1e3, 1e4, 1e8]
PLACES = [0.0, 0.3, -2.7, 8.1, -11.0, 20.0, -36.0, 1e4, -1e4]
# Below, digits are lost to numbers that are subnormal.
LEAST = 1e-290


def wide(mean, deviation, dtype=np.float64):
    """N(mean, deviation²) for one coefficient."""
    return MeanFieldGaussian(np.array([mean], dtype), np.array([deviation**-2.0], dtype))


@lru_cache
def exact(name, mean, deviation):
    """E of the terms and of their sizes at fifty digits."""
    _, terms, response, places, scale = user_models.MODELS[name]
    if name != "Poisson":
        return normal_integrals.expectations(terms, mean, deviation, response, places, scale)
    with mp.workdps(50):
        m, s, y = mp.mpf(mean), mp.mpf(deviation), mp.mpf(response)
        rate = mp.exp(m + s * s / 2)
        return [y * m - rate, y - rate, rate], [abs(y * m) + rate, y + rate, rate]


def judged(name, mean, deviation, method=adaptive):
    """Errors of the three expectations, and their estimates, in units of E|term|."""
    kind, _, response, _, _ = user_models.MODELS[name]
    model = kind(np.ones((1, 1)), np.array([response]))
    predictors = Predictors(model.terms, np.array([mean]), np.array([deviation]), model.knots())
    found = method(predictors).judged()
    means, sizes = exact(name, mean, deviation)
    pairs = []
    with mp.workdps(50):
        for k in range(3):
            if sizes[k] < LEAST:
                assert abs(found.mean[0, k]) <= 2 * LEAST
                continue
            off = abs(mp.mpf(float(found.mean[0, k])) - means[k])
            estimate = float(found.error[0, k] + found.rounding[0, k])
            pairs.append((k, float(off / sizes[k]), float(estimate / sizes[k])))
    return pairs


CASES = [
    ("logistic, y = 1", 100.0, 0.0),
    ("probit", 1.0, -11.0),
    ("Poisson", 0.5, 20.0),
    ("Poisson", 20.0, -11.0),
    ("Student t", 1e8, 0.0),
    ("hinge", 2.0, -2.7),
    ("Huber", 1e3, 0.0),
    ("mixture with a spike", 1.0, 0.3),
]


@pytest.mark.parametrize(("name", "deviation", "place"), CASES)
def test_every_width(name, deviation, place):
    for _, error, estimate in judged(name, place * deviation, deviation):
        assert error <= min(1e-12, estimate)


@pytest.mark.long
@pytest.mark.parametrize("name", user_models.MODELS)
def test_sweep_of_widths_and_means(name):
    """All deviations and means; where the truth is no float64, the answer is a refusal."""
    worst = [0.0, 0.0, 0.0]
    for deviation, place in itertools.product(DEVIATIONS, PLACES):
        try:
            pairs = judged(name, place * deviation, deviation)
        except NonFiniteError:
            # e^t overflows at t = 709, which is s standard deviations beyond where it matters.
            assert name == "Poisson"
            assert place * deviation + deviation * (deviation + 8) > 700
            continue
        for k, error, estimate in pairs:
            worst[k] = max(worst[k], error)
            assert error <= min(1e-12, estimate), (deviation, place, k)
    print(f"| {name} | " + " | ".join(f"{error:.0e}" for error in worst) + " |")


@pytest.mark.parametrize(("number", "rule"), [(128, "trapezoidal"), (64, "gauss-hermite")])
@pytest.mark.parametrize(("name", "deviation", "place"), CASES[::3])
def test_fixed_rules_know_their_error(name, deviation, place, number, rule):
    for k, error, estimate in judged(name, place * deviation, deviation, fixed(number, rule)):
        assert error <= estimate
        if k == 2 and deviation == 100.0:
            assert estimate > 1e-2  # the nodes are far apart in units of the bend


# --- kinks and jumps at places that are no knots --------------------------------------------------


def kinked(dtype, mean, deviation, place):
    """E of −max(0, t − c) and of its slope by quadrature, with relative errors and estimates."""
    m, s = dtype(mean * deviation), dtype(deviation)
    c = dtype(m + place * s)

    def terms(t):
        zero = np.zeros_like(t)
        return Terms(-np.maximum(t - c, zero), np.where(t > c, zero - 1, zero), zero)

    arrays = (np.array([one]) for one in (m, s))
    found = adaptive(Predictors(terms, *arrays, np.zeros((1, 1), dtype))).judged()
    with mp.workdps(50):
        z = (mp.mpf(float(m)) - mp.mpf(float(c))) / mp.mpf(float(s))
        right = -mp.mpf(float(s)) * (z * mp.ncdf(z) + mp.npdf(z)), -mp.ncdf(z)
        for k in range(2):
            off = abs(mp.mpf(float(found.mean[0, k])) - right[k]) / abs(right[k])
            estimate = float(found.error[0, k] + found.rounding[0, k]) / float(abs(right[k]))
            yield float(off), estimate


@settings(max_examples=25, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 4), st.floats(-6, 6))
@example(0.5, 2.0, 0.0)
@example(0.0, 0.0, 1e-9)
@example(1.0, 0.0, 0.0043)  # between the last node of a panel and its end
def test_kinks_anywhere(mean, exponent, place):
    for error, estimate in kinked(np.float64, mean, 10.0**exponent, place):
        assert error <= min(1e-12, estimate)


def test_kinks_in_single_precision():
    """To 32 units of rounding of the size, 4e-6, times two for the relative size of the tail."""
    rng = np.random.default_rng(3)
    for mean, exponent, place in rng.uniform([-3, -3, -2], [3, 4, 2], size=(30, 3)):
        for error, estimate in kinked(np.float32, mean, 10.0**exponent, place):
            assert error <= min(8e-6, estimate)


# --- what a user sees -----------------------------------------------------------------------------


def test_a_wide_gaussian_has_the_curvature_of_a_step():
    """The logistic curve is a step for N(0, 100²): its curvature is nearly the density at zero."""
    model = LogisticRegression(np.ones((1, 1)), np.array([1.0]))
    found = expected_under(model, FullGaussian.from_covariance(np.zeros(1), np.array([[1e4]])))
    means, _ = exact("logistic, y = 1", 0.0, 100.0)
    assert found.curvature.weights[0] == pytest.approx(float(means[2]), rel=1e-13)
    assert float(means[2]) == pytest.approx(0.00398877, abs=5e-9)
    assert 0 < found.error.curvature[0] <= 1e-12 * float(means[2])


def test_a_batch_mixes_widths():
    """Data that need panels and data that do not, in a batch of two, and a row of zeros."""
    rng = np.random.default_rng(4)
    design = np.concatenate([rng.normal(size=(4, 2)), [[0.0, 0.0], [300.0, 1.0]]])
    labels = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    q = MeanFieldGaussian(rng.normal(size=(2, 2)), np.array([[1.0, 2.0], [1e-4, 0.5]]))
    found = expected_under(LogisticRegression(design, labels), q)
    assert found.error.value.shape == (2,)
    assert found.error.gradient.shape == found.error.curvature.shape == (2, 2)
    for member in range(2):
        for row in range(len(labels)):
            alone = MeanFieldGaussian(q.mean[member], q.precisions[member])
            one = LogisticRegression(design[row : row + 1], labels[row : row + 1])
            weight = expected_under(one, alone).curvature.weights[0]
            # Roundings of the sums for predictor and variance, times their condition.
            assert found.curvature.weights[member, row] == pytest.approx(weight, rel=1e-12)


@pytest.mark.parametrize("deviation", [0.5, 7.0, 300.0])
def test_float32(deviation):
    model = LogisticRegression(np.ones((1, 1), np.float32), np.ones(1, np.float32))
    q = wide(0.25, deviation, np.float32)
    found = expected_under(model, q)
    spread = float(np.sqrt(q.predictor_variance(model.design))[0])
    means, _ = exact("logistic, y = 1", 0.25, spread)
    assert found.gradient.dtype == found.error.length.dtype == np.float32
    # The target is 32 units of rounding, 4e-6.
    assert found.gradient[0] + 0.25 == pytest.approx(float(means[1]), rel=4e-6)
    assert found.curvature.weights[0] == pytest.approx(float(means[2]), rel=4e-6)


def test_strict_arrays():
    xp = pytest.importorskip("array_api_strict", reason="array-api-strict is a test dependency")
    design, labels = np.array([[1.0], [100.0], [9.0]]), np.array([1.0, 0.0, 1.0])
    q = wide(0.5, 2.0)
    right = expected_under(LogisticRegression(design, labels), q)
    moved = MeanFieldGaussian(xp.asarray(q.mean), xp.asarray(q.precisions))
    model = LogisticRegression(xp.asarray(design), xp.asarray(labels))
    found = expected_under(model, moved)
    np.testing.assert_array_equal(np.from_dlpack(found.gradient), right.gradient)
    error = np.from_dlpack(found.error.gradient)
    np.testing.assert_allclose(error, right.error.gradient, rtol=1e-12)


def test_closed_forms_know_their_rounding():
    design, counts = np.array([[1.0], [-0.5]]), np.array([3.0, 0.0])
    model, q = PoissonRegression(design, counts), wide(2.0, 5.0)
    found = expected_under(model, q)
    with mp.workdps(50):
        m, v = mp.mpf(2), 1 / mp.mpf(float(q.precisions[0]))
        rates = [mp.exp(a * m + a * a * v / 2) for a in (mp.mpf(1), mp.mpf(-0.5))]
        gradient = 3 - rates[0] + rates[1] / 2 - m
        assert abs(mp.mpf(float(found.gradient[0])) - gradient) <= float(found.error.gradient[0])
    assert found.error.gradient[0] <= 1e-13 * abs(found.gradient[0])


# --- refusals -------------------------------------------------------------------------------------


class LogOfPredictor(user_models.UserModel):
    """log t: not a number for half of a Gaussian around zero."""

    def terms(self, predictors):
        return Terms(np.log(predictors), 1.0 / predictors, predictors**-2.0)


def test_overflow_is_harmless_only_where_there_is_no_weight():
    poisson = user_models.UserPoisson(np.ones((1, 1)), np.array([2.0]))
    for _, error, _ in judged("Poisson", 0.0, 22.0):  # e^t overflows ten deviations from its peak
        assert error <= 1e-12
    for mean, deviation in ((0.0, 30.0), (-1e6, 1e4), (-1e9, 1e5)):  # the peak is beyond 709
        with pytest.raises(NonFiniteError, match="overflow where the predictor has weight"):
            expected_under(poisson, wide(mean, deviation))
    with pytest.raises(NonFiniteError, match=r"overflow where .* datum 0 .* 0 ± 25"):
        expected_under(poisson, wide(0.0, 25.0))  # it falls at 709, but not by enough
    with pytest.raises(NonFiniteError, match="terms of 1 data are not finite"):
        expected_under(LogOfPredictor(np.ones((1, 1)), np.array([2.0])), wide(1.0, 1.0))
    far = expected_under(LogOfPredictor(np.ones((1, 1)), np.array([2.0])), wide(50.0, 1.0))
    assert far.gradient[0] + 50.0 == pytest.approx(1 / 50 + 1 / 50**3 + 3 / 50**5, rel=1e-6)


def test_an_integral_that_does_not_exist_has_a_large_error():
    """E[1/|t|] is infinite, and E[t⁻²] even more so."""

    class Pole(user_models.UserModel):
        def terms(self, predictors):
            size = np.abs(predictors)
            return Terms(np.log(size), 1.0 / predictors, 1.0 / size)

    q = wide(0.3, 1.0)
    found = expected_under(Pole(np.ones((1, 1)), np.array([2.0])), q)
    assert found.error.curvature[0] > 1e-3


# --- runs -----------------------------------------------------------------------------------------

STEEP = LogisticRegression(np.array([[10.0], [-10.0]]), np.array([1.0, 0.0]), prior_precision=0.01)


def steep(**options):
    start = FullGaussian.from_covariance(np.zeros(1), np.array([[100.0]]))
    return run_nvi(STEEP, start, progress=False, steps=500, **options)


def test_the_fit_of_two_steep_data():
    """The optimum is stationary by mpmath."""
    result = steep(step_size=0.3)
    assert result.status == "converged"
    assert result.reason == ""
    mean, variance = result.mean[0], result.covariance[0, 0]
    assert (round(mean, 3), round(variance**0.5, 3)) == (8.901, 3.398)
    # Both data have the same terms: E φ′ · 10 · 2 = m/100, and P = 1/100 + 200 E[−φ″].
    (_, slope, bend), _ = exact("logistic, y = 1", 10.0 * mean, 10.0 * variance**0.5)
    # A gain of 1e-20 nats leaves a gradient of 1.4e-10 over the standard deviation, 5e-10 of m/100.
    assert 20 * float(slope) == pytest.approx(0.01 * mean, rel=1e-9)
    assert 0.01 + 200 * float(bend) == pytest.approx(1 / variance, rel=1e-9)


def test_a_tolerance_out_of_reach_ends_the_run():
    result = steep(step_size=0.3, expectation=Quadrature(128))
    assert result.status == "stopped"
    assert "within the errors of the expectations" in result.reason
    assert "more than the tolerance of 1e-20" in result.reason
    assert steep(step_size=0.3, expectation=Quadrature(128), tolerance=5.0).status == "converged"


def test_single_precision_ends_at_its_rounding():
    design = STEEP.design.astype(np.float32)
    model = LogisticRegression(design, STEEP.response.astype(np.float32), prior_precision=0.01)
    start = FullGaussian.from_covariance(np.zeros(1, np.float32), np.full((1, 1), 1e2, np.float32))
    result = run_nvi(model, start, progress=False, step_size=0.3, steps=500)
    assert result.status == "stopped"
    assert result.mean[0] == pytest.approx(8.9013333, abs=1e-3)
    assert run_nvi(model, start, progress=False, steps=3, tolerance=0.0).status == "finished"
