"""Geometry, priors, error bounds, products and tilts with closed forms, and their errors."""

import array_api_strict
import numpy as np
import pytest
from scipy import stats

import ingd_ref as ir
from ingd_ref.errors import BackendError, DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.families import Exponential, ExponentialTilt, Gamma, Gaussian, Product
from ingd_ref.families._conditioning import OPERATIONS
from tests.families.judge import DIGITS, UNIT
from tests.families.members import GAMMA, GAUSSIAN, Case
from validation.oracles.distances import fisher_rao_distance
from validation.oracles.precise import MP, precise

CASES = pytest.mark.parametrize("case", [GAMMA, GAUSSIAN], ids=["Gamma", "Gaussian"])


# --- charts and cumulants -------------------------------------------------------------------------


def test_fisher_of_a_gaussian_in_the_classical_chart_has_no_cancellation() -> None:
    family = Gaussian()
    metric = family.fisher(
        family.natural(mean=[1e8, -3.0], variance=[1e-4, 2.0]), chart="classical"
    )
    np.testing.assert_allclose(
        metric, [[[1e4, 0], [0, 5e7]], [[0.5, 0], [0, 0.125]]], rtol=4 * UNIT
    )
    with pytest.raises(
        OptionError, match="chart must be one of 'natural', 'mean', 'classical', got 'flat'"
    ):
        family.fisher(np.asarray([0.0, -0.5]), chart="flat")


def test_fisher_of_skew_families_in_the_classical_chart_has_no_cancellation() -> None:
    """Log-normal diag(1/s², 1/(2s⁴)) and inverse Gaussian diag(λ/m³, 1/(2λ²)), means far above
    their deviations: roots and powers, 8 u.
    """
    family = ir.families.LogNormal()
    metric = family.fisher(
        family.natural(log_mean=[1e8, -1e4], log_variance=[1e-4, 2.0]), chart="classical"
    )
    np.testing.assert_allclose(
        metric, [[[1e4, 0], [0, 5e7]], [[0.5, 0], [0, 0.125]]], rtol=8 * UNIT
    )
    family = ir.families.InverseGaussian()
    metric = family.fisher(family.natural(mean=[1e8, 1e-3], shape=[1e12, 4.0]), chart="classical")
    np.testing.assert_allclose(
        metric, [[[1e-12, 0], [0, 5e-25]], [[4e9, 0], [0, 0.03125]]], rtol=8 * UNIT
    )


def test_a_vector_product_checks_its_vector() -> None:
    family, theta = Gaussian(), np.asarray([0.0, -0.5])
    with pytest.raises(ShapeError, match=r"vector must have shape \(\.\.\., 2\), got \(3,\)"):
        family.fisher_vector_product(theta, np.ones(3))
    with pytest.raises(NonFiniteError, match="vector holds 1"):
        family.fisher_vector_product(theta, np.asarray([1.0, np.nan]))
    with pytest.raises(BackendError, match="theta and vector come from different"):
        family.fisher_vector_product(theta, array_api_strict.asarray([1.0, 2.0]))


# --- geometry -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1e-2, 1.0, 1e3])
def test_fisher_rao_distance_of_gaussians(size: float) -> None:
    """√2 times the hyperbolic distance of (m/√2, s), of near and far members alike: 32 u."""
    family, distance = GAUSSIAN.family, fisher_rao_distance(GAUSSIAN.family)
    for m, v in ((0.0, 1.0), (1e4, 1e-4), (-3.0, 1e6)):
        theta = family.natural(mean=m, variance=v)
        other = family.natural(mean=m + size * np.sqrt(v), variance=v * (1 + size) ** 2)
        with MP.workdps(DIGITS):
            truth = distance(*(GAUSSIAN.oracle.classical(precise(t)) for t in (theta, other)))
            found = precise(family.fisher_rao_distance(theta, other))
            assert abs(found - truth) <= 32 * UNIT * truth


def test_no_closed_distance_is_said_so() -> None:
    with pytest.raises(
        OptionError,
        match="no closed form of the Fisher-Rao distance between members of Gamma is known",
    ):
        Gamma().fisher_rao_distance(np.asarray([1.0, -1.0]), np.asarray([2.0, -1.0]))


def test_mixtures_of_far_gaussians_keep_their_variance() -> None:
    """Second moments at mean 1e8 hold no variance of size one.

    The mixture geodesic never forms them.
    """
    family = Gaussian()
    ends = family.natural(mean=1e8, variance=1.0), family.natural(mean=1e8 + 2, variance=4.0)
    middle = family.classical(family.m_geodesic(*ends, 0.5))
    # The means are θ₁/θ₂ ratios, right to a few u of 1e8, and the variance holds their difference
    # squared, by a determinant: 16 u each.
    np.testing.assert_allclose(middle["mean"], 1e8 + 1, rtol=4 * UNIT)
    np.testing.assert_allclose(middle["variance"], 2.5 + 1.0, rtol=1e-7)


@pytest.mark.parametrize("dimension", [1, 3])
def test_mixtures_of_far_vectors_keep_their_covariance(dimension: int) -> None:
    """(1 − t)Σ + tΣ′ + t(1 − t)(m − m′)(m − m′)ᵀ with means of 1e8.

    η = Pm is rounded, which moves a mean by a few times 1e-8, and a product of differences of means
    up to 3 by less than 2e-7.
    """
    family = ir.families.MultivariateGaussian(dimension)
    spread = np.eye(dimension) + 0.5
    near, far = np.full(dimension, 1e8), 1e8 + np.arange(1.0, dimension + 1.0)
    ends = (
        family.natural(mean=near, covariance=spread),
        family.natural(mean=far, covariance=2.0 * spread),
    )
    middle = family.classical(family.m_geodesic(*ends, 0.25))
    np.testing.assert_allclose(middle["mean"], 0.75 * near + 0.25 * far, rtol=16 * UNIT)
    np.testing.assert_allclose(
        middle["covariance"],
        1.25 * spread + 0.1875 * np.outer(far - near, far - near),
        rtol=0,
        atol=2e-7,
    )


def test_curves_have_the_shape_of_their_positions() -> None:
    family = Gamma()
    ends = family.natural(shape=2.0, rate=[1.0, 2.0, 3.0])
    for curve in (family.e_geodesic, family.m_geodesic):
        assert curve(ends[0], ends[1], np.linspace(0, 1, 5)).shape == (5, 2)
        assert curve(ends, ends[0], 0.5).shape == (3, 2)
        assert curve(ends, ends[0], np.linspace(0, 1, 5)[:, None]).shape == (5, 3, 2)
        np.testing.assert_allclose(
            curve(ends, ends[0], 0.0), ends, rtol=64 * UNIT
        )  # there and back, of shape two
        with pytest.raises(DomainError, match="t must lie between 0 and 1"):
            curve(ends, ends[0], 1.5)
        with pytest.raises(NonFiniteError, match="t must be finite"):
            curve(ends, ends[0], np.nan)
        with pytest.raises(
            ShapeError,
            match=r"shape of t \(2,\) does not broadcast with the batch shapes \(3,\) and \(\)",
        ):
            curve(ends, ends[0], np.asarray([0.1, 0.2]))
        with pytest.raises(DomainError, match="theta2 lies outside"):
            curve(ends, -ends[0], 0.5)


def test_projections_in_closed_form() -> None:
    """The shape-one Gammas with the mean of a Gamma.

    The Gaussian of prescribed second moment nearest to a centred one.
    """
    gamma = Gamma()
    theta = gamma.natural(shape=[3.0, 1e-3, 1e6], rate=[2.0, 10.0, 1e-3])
    found = gamma.m_projection(
        theta, gamma.natural(shape=1.0, rate=1.0), np.asarray([[0.0], [1.0]])
    )
    np.testing.assert_allclose(gamma.classical(found.theta)["rate"], [2 / 3, 1e4, 1e-9], rtol=1e-12)
    assert np.all(found.decrement < 1e-12)
    gaussian = Gaussian()
    found = gaussian.e_projection(
        gaussian.natural(mean=0.0, variance=1.0),
        np.asarray([[0.0], [1.0]]),
        np.asarray([[9.0], [1e-4]]),
    )
    np.testing.assert_allclose(gaussian.classical(found.theta)["variance"], [9.0, 1e-4], rtol=1e-12)
    np.testing.assert_allclose(found.theta[:, 0], 0.0, atol=0)


def test_projections_that_do_not_exist() -> None:
    family, theta = Gaussian(), np.asarray([0.0, -0.5])
    with pytest.raises(DomainError, match="no member of Gaussian with the moments"):
        family.e_projection(
            theta, np.asarray([[0.0], [1.0]]), np.asarray([-1.0])
        )  # a negative second moment
    with pytest.raises(
        ShapeError, match=r"directions must have shape \(2, k\) with k from 1 to 2, got \(2, 3\)"
    ):
        family.m_projection(theta, theta, np.ones((2, 3)))
    with pytest.raises(DomainError, match="origin lies outside"):
        family.m_projection(theta, -theta, np.ones((2, 1)))
    with pytest.raises(ShapeError, match=r"moments must have shape \(\.\.\., 1\)"):
        family.e_projection(theta, np.ones((2, 1)), np.ones(2))


# --- priors ---------------------------------------------------------------------------------------


def test_conjugate_prior_of_the_exponential_is_a_gamma() -> None:
    """With respect to the rate, π ∝ rate^ν e^{−νm rate}: shape ν + 1 and rate νm.

    Logarithms of size 40, a few roundings each.
    """
    x = np.random.default_rng(1).exponential(2.0, (7, 1))
    posterior = Exponential().conjugate_prior(mean=np.asarray([1.5]), strength=2.5).posterior(x)
    law = stats.gamma(posterior.strength + 1, scale=1 / (posterior.strength * posterior.mean[0]))
    assert posterior.strength == 9.5
    np.testing.assert_allclose(posterior.mean, (2.5 * 1.5 + x.sum()) / 9.5, rtol=8 * UNIT)
    mode = -posterior.mode()[0]
    rates = np.asarray([0.1, 0.4, mode, 3.0])
    found = posterior.log_density_below_mode(-rates[:, None])
    np.testing.assert_allclose(found, law.logpdf(rates) - law.logpdf(mode), rtol=0, atol=400 * UNIT)
    assert np.all(found <= 0)


def test_posteriors_add_up() -> None:
    """All points at once, one after the other, or as multiplicities."""
    x = np.random.default_rng(2).normal(3.0, 2.0, (6, 1))
    prior = Gaussian().conjugate_prior(mean=np.asarray([0.0, 1.0]), strength=1.0)
    whole = prior.posterior(x)
    parts = prior.posterior(x[:2]).posterior(x[2:])
    twice = prior.posterior(x[:3], np.full(3, 2.0))
    np.testing.assert_allclose(whole.mean, parts.mean, rtol=16 * UNIT)
    np.testing.assert_allclose(
        twice.mean, prior.posterior(np.concatenate([x[:3], x[:3]])).mean, rtol=16 * UNIT
    )
    assert whole.strength == parts.strength == twice.strength == 7.0
    flat = Gaussian().conjugate_prior(mean=np.asarray([0.0, 1.0]), strength=1e-12).posterior(x)
    np.testing.assert_allclose(flat.mode(), Gaussian().fit(x), rtol=1e-10)


def test_priors_that_are_none() -> None:
    with pytest.raises(DomainError, match="strength must be positive, got -1"):
        Gaussian().conjugate_prior(mean=np.asarray([0.0, 1.0]), strength=-1.0)
    with pytest.raises(DomainError, match="mean parameter space of Gaussian"):
        Gaussian().conjugate_prior(mean=np.asarray([2.0, 1.0]), strength=1.0)
    prior = Gaussian().conjugate_prior(mean=np.asarray([0.0, 1.0]), strength=1.0)
    with pytest.raises(ShapeError, match=r"x must have shape \(\.\.\., n, 1\)"):
        prior.posterior(np.zeros((0, 1)))
    with pytest.raises(DomainError, match="multiplicities must not be negative"):
        prior.posterior(np.ones((2, 1)), np.asarray([1.0, -1.0]))


# --- errors ---------------------------------------------------------------------------------------


# What rounded mean parameters of a member still have to fulfil.
IS_MEAN = {"Gaussian": lambda m: m[1] > m[0] ** 2, "Gamma": lambda m: MP.log(m[1]) > m[0]}


@CASES
@pytest.mark.parametrize("operation", OPERATIONS)
def test_error_bounds_hold_over_the_extremes(case: Case, operation: str) -> None:
    """The true error at 100 digits lies within the bound."""
    family, oracle = case.family, case.oracle
    theta = case.members()[::3]
    with MP.workdps(DIGITS):
        argument, truth = theta, getattr(oracle, operation, None)
        if operation in ("natural_from_mean", "conjugate"):
            means = family.mean(theta)
            argument = means[[IS_MEAN[family.name](precise(mu)) for mu in means]]

            def truth(mu: np.ndarray):
                start = precise(family.natural_from_mean(mu.astype(float)))
                true = oracle.natural_from_mean(mu, start)
                conjugate = np.sum(true * mu) - oracle.log_partition(true)
                return true if operation == "natural_from_mean" else conjugate

        found = family.with_error(operation, argument)
        for row, value, bound in zip(argument, found.value, found.error, strict=True):
            error = np.abs(precise(value) - truth(precise(row)))
            assert np.all(error <= precise(bound)), (row, value)


def test_error_bounds_of_nothing() -> None:
    with pytest.raises(OptionError, match="operation must be one of 'log_partition', 'mean'"):
        Gaussian().with_error("sample", np.asarray([0.0, -0.5]))


# --- products and tilts ---------------------------------------------------------------------------


def test_a_product_is_its_factors_side_by_side() -> None:
    family, gaussian, gamma = Product((Gaussian(), Gamma())), Gaussian(), Gamma()
    first, second = (
        gaussian.natural(mean=1.0, variance=[2.0, 3.0]),
        gamma.natural(shape=2.0, rate=0.5),
    )
    theta = family.natural(mean_1=1.0, variance_1=[2.0, 3.0], shape_2=2.0, rate_2=0.5)
    np.testing.assert_array_equal(theta[:, :2], first)
    np.testing.assert_array_equal(theta[:, 2:], [second, second])
    assert (family.name, family.dim, family.number) == ("Gaussian × Gamma", 2, 4)
    fisher = family.fisher(theta)
    np.testing.assert_array_equal(fisher[:, :2, :2], gaussian.fisher(first))
    np.testing.assert_array_equal(fisher[:, 2:, 2:], [gamma.fisher(second)] * 2)
    assert not np.any(fisher[:, :2, 2:])
    x = family.sample(theta, 50, np.random.default_rng(1))
    assert np.all(x[..., 1] > 0)
    np.testing.assert_allclose(
        family.log_prob(theta[:, None], x),
        gaussian.log_prob(first[:, None], x[..., :1]) + gamma.log_prob(second, x[..., 1:]),
    )
    np.testing.assert_array_equal(family.fit(x[0])[:2], gaussian.fit(x[0, :, :1]))
    np.testing.assert_array_equal(family.fit(x[0])[2:], gamma.fit(x[0, :, 1:]))
    tensor = family.third_cumulant(theta)
    np.testing.assert_array_equal(tensor[:, 2:, 2:, 2:], [gamma.third_cumulant(second)] * 2)
    assert np.count_nonzero(tensor) == np.count_nonzero(tensor[:, :2, :2, :2]) + np.count_nonzero(
        tensor[:, 2:, 2:, 2:]
    )
    with pytest.raises(DomainError, match=r"rate_2 must be positive, got -1\."):
        family.natural(mean_1=0.0, variance_1=1.0, shape_2=1.0, rate_2=-1.0)
    with pytest.raises(DomainError, match=r"rate = -theta\[1\] > 0 of factor 2 \(Gamma\) fails"):
        family.mean(np.asarray([0.0, -1.0, 1.0, 1.0]))
    with pytest.raises(OptionError, match="families must hold at least one family"):
        Product(())


def test_a_draw_of_a_product_stays_in_the_support_of_its_factors() -> None:
    family = Product((Gamma(), Gaussian()))
    x = family.sample(
        family.natural(shape_1=1e-4, rate_1=1.0, mean_2=0.0, variance_2=1.0),
        1000,
        np.random.default_rng(4),
    )
    assert np.min(x[:, 0]) == np.finfo(float).smallest_normal
    assert np.min(x[:, 1]) < 0


def tilted_normal(**options) -> ExponentialTilt:
    """The standard Gaussian measure tilted by x and x².

    N(m, s²) again, with A up to a constant that of (E12) with θ₂ − ½.
    """

    def log_partition(xp, theta):
        precision = 1.0 - 2.0 * theta[..., 1]
        return 0.5 * theta[..., 0] ** 2 / precision - 0.5 * xp.log(precision)

    return ExponentialTilt(
        T=lambda xp, x: xp.concat([x, x * x], axis=-1),
        A=log_partition,
        origin=(0.0, 0.0),
        log_h=lambda xp, x: -0.5 * x[..., 0] ** 2 - 0.5 * np.log(2 * np.pi),
        domain=lambda xp, theta: theta[..., 1] < 0.5,
        **options,
    )


def test_a_tilt_from_its_statistics_and_log_partition_alone() -> None:
    """Against the Gaussian family in closed form.

    Exact first derivatives, and second ones to 1e-10.
    """
    tilt, family = tilted_normal(), Gaussian()
    # Binary fractions, so that θ₂ − ½ is exact for the neighbours too.
    theta = np.asarray([[0.25, 0.25], [-2.0, -3.0], [5.0, 0.375]])
    same = theta - [0.0, 0.5]
    np.testing.assert_allclose(tilt.mean(theta), family.mean(same), rtol=64 * UNIT)
    np.testing.assert_allclose(tilt.fisher(theta), family.fisher(same), rtol=1e-10)
    np.testing.assert_allclose(tilt.natural_from_mean(family.mean(same)), theta, rtol=1e-9)
    x = np.asarray([[0.3], [-2.0], [7.0]])
    np.testing.assert_allclose(tilt.log_prob(theta, x), family.log_prob(same, x), rtol=1e-13)
    np.testing.assert_allclose(
        tilt.statistics_jacobian(x), family.statistics_jacobian(x), rtol=4 * UNIT
    )
    for size in (2.0**-30, 2.0**-16, 2.0**-6, 0.25):
        other = theta * (1 - size)
        np.testing.assert_allclose(
            tilt.kl(theta, other), family.kl(same, other - [0.0, 0.5]), rtol=1e-10
        )
    with pytest.raises(
        DomainError,
        match=r"theta lies outside the natural parameter space of exponential tilt: "
        r"the condition that was given",
    ):
        tilt.mean(np.asarray([0.0, 0.6]))
    with pytest.raises(OptionError, match="the entropy of exponential tilt needs mean_log_h"):
        tilt.entropy(theta)
    with pytest.raises(OptionError, match="samples of exponential tilt need draw"):
        tilt.sample(theta, 3, np.random.default_rng(0))
    with pytest.raises(DomainError, match="no member of exponential tilt"):
        tilt.natural_from_mean(np.asarray([0.0, -1.0]))


def test_the_entropy_of_a_tilt_with_its_base_measure() -> None:
    def mean_log_h(xp, theta):
        precision = 1.0 - 2.0 * theta[..., 1]
        return -0.5 * (1.0 / precision + (theta[..., 0] / precision) ** 2) - 0.5 * np.log(2 * np.pi)

    theta = np.asarray([[0.3, 0.2], [-2.0, -3.0]])
    np.testing.assert_allclose(
        tilted_normal(mean_log_h=mean_log_h).entropy(theta),
        Gaussian().entropy(theta - [0.0, 0.5]),
        rtol=1e-13,
    )
