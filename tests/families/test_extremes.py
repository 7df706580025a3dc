"""Values of members and points of extreme size, from closed forms and eighty digits."""

import mpmath
import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref._special.counting import factorial_excess
from ingd_ref.errors import DomainError, SingularSystemError

F = ir.families


def vector(*entries, dtype=np.float64):
    return np.asarray(entries, dtype=dtype)


@pytest.mark.parametrize(
    ("family", "theta", "x", "expected"),
    [
        (F.Weibull(2.0), [-1.0], 1e-170, np.log(2.0) - 170 * np.log(10.0)),
        (F.Weibull(2.0), [-1.0], 1e-160, np.log(2.0) - 160 * np.log(10.0)),
        (F.InverseGamma(), [-1e9, -1.0], 1e300, -710498794416.49),
        (F.InverseGamma(), [-1.0, -1.0], 1e305, -1404.57690672637),
        (F.Pareto(1e-300), [-2.0], 1e-299, np.log(2.0) + 299 * np.log(10.0) - 2 * np.log(10.0)),
        (F.Gamma(), [1e-300, -1.0], 1e-300, -300 * np.log(10.0) + 300 * np.log(10.0)),
    ],
)
def test_densities_do_not_depend_on_intermediate_powers(family, theta, x, expected):
    found = family.log_prob(vector(*theta), vector(x))
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize(
    ("family", "first", "second", "expected"),
    [
        (F.Beta(), [1.0, 1.0], [1e-11, 1e-12], 25.726331295743873),
        (F.Gaussian(), [0.0, -5e-201], [0.0, -1e-200], 0.5 * (1.0 - np.log(2.0))),
        (F.Gamma(), [2.0, -1e-310], [2.0, -2e-310], 2.0 * (1.0 - np.log(2.0))),
        (F.Bernoulli(), [-1e300], [1.0], np.log1p(np.e)),
        (F.Bernoulli(), [1.7e308], [1e134], 0.0),
    ],
)
def test_divergences_of_members_far_apart_or_of_extreme_size(family, first, second, expected):
    found = family.kl(vector(*first), vector(*second))
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize(
    "numbers", [[1e-8, 1e-9], [1e-11, 1e-12, 1e-13], [1e-5, 1e-300, 1e-7, 1e-9]]
)
def test_divergences_of_dirichlet_members_far_apart(numbers):
    with mpmath.workdps(700):
        b = [mpmath.mpf(x) for x in numbers]
        one = len(b)
        truth = sum(mpmath.loggamma(x) for x in b) - mpmath.loggamma(sum(b))
        truth += mpmath.loggamma(one)
        slope = mpmath.digamma(1) - mpmath.digamma(one)
        truth -= sum((x - 1) * slope for x in b)
    family = F.Beta() if len(numbers) == 2 else F.Dirichlet(len(numbers))
    found = family.kl(np.ones(len(numbers)), vector(*numbers))
    np.testing.assert_allclose(found, float(truth), rtol=1e-14)


@pytest.mark.parametrize("theta", [-60.0, 60.0, -700.0, -36.0, -3.0])
def test_entropies_of_almost_certain_counts_are_positive(theta):
    with mpmath.workdps(400):
        rare = mpmath.exp(-abs(theta)) / (1 + mpmath.exp(-abs(theta)))
        truth = -rare * mpmath.log(rare) - (1 - rare) * mpmath.log1p(-rare)
    np.testing.assert_allclose(F.Binomial(1).entropy(vector(theta)), float(truth), rtol=2e-14)


@pytest.mark.parametrize("x", [1e-300, 1e-9, 1e-5, 1e-3, 1.0 / 64.0, 0.02])
def test_factorial_excess_of_small_numbers(x):
    with mpmath.workdps(400):
        truth = mpmath.loggamma(1 + mpmath.mpf(x)) - x * mpmath.log(x) + x
    np.testing.assert_allclose(factorial_excess(np, vector(x))[0], float(truth), rtol=1e-14)


@pytest.mark.parametrize("successes", [1e-300, 1e-30, 1e-26, 1e-24])
def test_entropies_of_few_successes(successes):
    with mpmath.workdps(400):
        r, q = mpmath.mpf(successes), mpmath.exp(-1)
        log_p, total = r * mpmath.log1p(-q), mpmath.mpf(0)
        for x in range(120):
            total -= mpmath.exp(log_p) * log_p
            log_p += mpmath.log(q * (x + r) / (x + 1))
    np.testing.assert_allclose(
        F.NegativeBinomial(successes).entropy(vector(-1.0)), float(total), rtol=1e-14
    )


def test_single_precision_is_evaluated_in_double_where_it_overflows():
    tilt = F.NegativeBinomial(1e-4).entropy(vector(-1e-9, dtype=np.float32))
    np.testing.assert_allclose(tilt, 0.04159193, rtol=1e-6)
    assert tilt.dtype == np.float32
    family = F.MultivariateGaussian(1)
    found = family.kl(vector(0.0, -1e-20, dtype=np.float32), vector(1e-7, -1e-20, dtype=np.float32))
    np.testing.assert_allclose(found, (1e-7) ** 2 / 4e-20, rtol=1e-5)


def test_chi_squared_refuses_means_whose_shape_overflows():
    with pytest.raises(DomainError, match="is a number"):
        F.ChiSquared().natural_from_mean(vector(1e3))


def test_a_metric_of_differences_that_vanishes_is_refused():
    bare, full = F.ExponentialTilt.examples()
    with pytest.raises(SingularSystemError):
        bare.inverse_fisher(vector(1e3))
    np.testing.assert_allclose(full.inverse_fisher(vector(30.0))[0, 0], np.cosh(30.0) ** 2)
