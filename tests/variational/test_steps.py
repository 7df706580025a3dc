"""Natural-gradient steps: exact for quadratic ℓ, equal to those of families, and low rank."""

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.errors import (
    DomainError,
    NonFiniteError,
    OptionError,
    ShapeError,
    SingularSystemError,
)
from ingd_ref.variational import (
    BayesianLinearRegression,
    Expected,
    FullGaussian,
    LogisticRegression,
    LowRankGaussian,
    MeanFieldGaussian,
    Quadrature,
    conjugate_step,
    elbo,
    expected_under,
    mean_gradient,
    natural_step,
    plain_gradient_step,
)
from ingd_ref.variational._curvature import DenseCurvature, DiagonalCurvature, FactoredCurvature

EPS = np.finfo(float).eps
RNG = np.random.default_rng(11)
DESIGN = RNG.normal(size=(40, 5))
RESPONSE = DESIGN @ RNG.normal(size=5) + RNG.normal(size=40)
LINEAR = BayesianLinearRegression(
    DESIGN, RESPONSE, noise_precision=2.0, prior_precision=0.5, prior_mean=0.3
)


def random_full(rng, dim=5, scale=1.0):
    square = rng.normal(size=(dim, 2 * dim))
    return FullGaussian.from_precision(scale * rng.normal(size=dim), square @ square.T)


# --- quadratic ℓ ----------------------------------------------------------------------------------


def normal_equations():
    """Posterior by augmented least squares, which shares no formula with the package."""
    augmented = np.concatenate([np.sqrt(2.0) * DESIGN, np.sqrt(0.5) * np.eye(5)])
    right = np.concatenate([np.sqrt(2.0) * RESPONSE, np.sqrt(0.5) * np.full(5, 0.3)])
    return np.linalg.lstsq(augmented, right, rcond=None)[0], augmented.T @ augmented


@pytest.mark.parametrize("seed", range(20))
def test_one_step_reaches_the_exact_posterior_from_anywhere(seed):
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-2, 3)
    q = random_full(rng, scale=scale)
    moved = natural_step(q, LINEAR.expected(q))
    mean, precision = normal_equations()
    assert np.max(np.abs(moved.precision - precision)) <= 1e-12 * np.max(np.abs(precision))
    # The gradient at the start is a sum of terms of the size of P·start, so the mean is right to
    # 1e-12 of the way that it went.
    assert np.max(np.abs(moved.mean - mean)) <= 1e-12 * max(1.0, scale)
    assert np.all(
        LINEAR.expected(moved).gradient <= 1e-12 * max(1.0, scale) * np.linalg.norm(precision)
    )


def test_the_conjugate_form_forgets_the_start_to_the_last_digit():
    rng = np.random.default_rng(3)
    mean, precision = normal_equations()
    target = None
    for scale in (1.0, 1e6):
        q = random_full(rng, scale=scale)
        step = conjugate_step(
            q.family,
            q.natural_parameters,
            None,
            np.concatenate([precision @ mean, dual(-0.5 * precision)]),
        )
        target = step.theta if target is None else target
        np.testing.assert_array_equal(step.theta, target)


def dual(matrix):
    return np.array([matrix[i, j] * (1 if i == j else 2) for i in range(5) for j in range(i, 5)])


def test_elbo_of_the_posterior_is_the_log_evidence():
    mean, precision = normal_equations()
    q = FullGaussian.from_precision(mean, precision)
    covariance = np.eye(40) / 2.0 + DESIGN @ DESIGN.T / 0.5
    residual = RESPONSE - DESIGN @ np.full(5, 0.3)
    evidence = -0.5 * (
        residual @ np.linalg.solve(covariance, residual)
        + np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    assert elbo(LINEAR, q) == pytest.approx(
        evidence, abs=1e-12 * abs(evidence) * 10
    )  # sums of forty terms of this size
    assert elbo(LINEAR, random_full(RNG)) < evidence


def test_mean_field_step_takes_the_diagonal_of_the_posterior_precision():
    """The best factorised Gaussian for a Gaussian has its mean and its diagonal precision."""
    mean, precision = normal_equations()
    q = MeanFieldGaussian(np.zeros(5), np.ones(5))
    for _ in range(200):
        q = natural_step(q, LINEAR.expected(q), 0.7)
    np.testing.assert_allclose(q.precisions, np.diag(precision), rtol=1e-13)
    np.testing.assert_allclose(q.mean, mean, rtol=1e-10)


# --- the natural gradient -------------------------------------------------------------------------


def logistic_model(rng, dim):
    design = rng.normal(size=(12, dim))
    return LogisticRegression(design, np.where(rng.random(12) < 0.5, 1.0, 0.0), prior_precision=0.7)


@pytest.mark.parametrize("form", ["full", "mean field"])
def test_step_is_the_natural_gradient_of_the_family(form):
    """(E7) by the Fisher matrix of the family and differences of the ELBO, against the update."""
    rng = np.random.default_rng(8)
    model = logistic_model(rng, 3)
    q = (
        random_full(rng, dim=3, scale=0.4)
        if form == "full"
        else MeanFieldGaussian(rng.normal(size=3), rng.uniform(1, 3, size=3))
    )
    family, theta = q.family, q.natural_parameters

    def bound(t):
        classical = family.classical(t)
        if form == "full":
            member = FullGaussian.from_covariance(classical["mean"], classical["covariance"])
        else:
            member = MeanFieldGaussian(classical["mean"], 1 / classical["variance"])
        return elbo(model, member)

    step = 1e-4
    steps = step * np.eye(len(theta))
    # Fourth-order central differences: truncation step⁴/30 of a fifth derivative, rounding 1e-15 ·
    # |ELBO| / step.
    gradient = (
        np.array(
            [
                (
                    8 * (bound(theta + h) - bound(theta - h))
                    - (bound(theta + 2 * h) - bound(theta - 2 * h))
                )
                / 12
                for h in steps
            ]
        )
        / step
    )
    natural = family.natural_gradient(theta, gradient)
    for rho in (0.1, 0.6):
        moved = natural_step(q, expected_under(model, q), rho)
        np.testing.assert_allclose(
            moved.natural_parameters, theta + rho * natural, rtol=0, atol=2e-8
        )


@pytest.mark.parametrize("form", ["full", "mean field"])
@pytest.mark.parametrize("rho", [1.0, 0.3])
def test_step_and_conjugate_step_are_the_same(form, rho):
    rng = np.random.default_rng(9)
    model = logistic_model(rng, 4)
    q = (
        random_full(rng, dim=4)
        if form == "full"
        else MeanFieldGaussian(rng.normal(size=4), rng.uniform(1, 3, size=4))
    )
    expected = expected_under(model, q)
    moved = natural_step(q, expected, rho)
    theta = conjugate_step(
        q.family, q.natural_parameters, None, mean_gradient(q, expected), rho
    ).theta
    # Both are short sums of numbers of the size of θ, the mean through a solution with a matrix of
    # condition below 100.
    np.testing.assert_allclose(
        moved.natural_parameters, theta, rtol=0, atol=1e3 * EPS * np.max(np.abs(theta))
    )


def test_gain_is_half_the_squared_fisher_length_of_the_natural_gradient():
    rng = np.random.default_rng(10)
    model = logistic_model(rng, 3)
    for q in (
        random_full(rng, dim=3),
        MeanFieldGaussian(rng.normal(size=3), rng.uniform(1, 3, size=3)),
    ):
        expected = expected_under(model, q)
        natural = mean_gradient(q, expected) - q.natural_parameters
        length = natural @ q.family.fisher(q.natural_parameters) @ natural
        assert q.squared_gradient(expected) == pytest.approx(length, rel=1e-9)


def test_positive_and_standard_steps_agree_to_first_order():
    rng = np.random.default_rng(12)
    square = rng.normal(size=(4, 4))
    q, expected = (
        random_full(rng, dim=4),
        Expected(np.zeros(()), rng.normal(size=4), DenseCurvature(square + square.T)),
    )
    gaps = []
    for rho in (1e-2, 1e-3):
        first, second = (
            natural_step(q, expected, rho, step).precision for step in ("standard", "positive")
        )
        gaps.append(np.linalg.norm(second - first))
        gap = expected.curvature.matrix() - q.precision
        np.testing.assert_allclose(
            second - first,
            0.5 * rho**2 * gap @ np.linalg.solve(q.precision, gap),
            rtol=0,
            atol=1e-12,
        )
    assert gaps[0] / gaps[1] == pytest.approx(100.0, rel=1e-6)  # rounding 1e-15 of 1e-5


def test_positive_steps_of_size_one_converge_quadratically_on_quadratic_problems():
    """In units of the target the precision follows s → ½(s + 1/s), Newton's square root of one."""
    target = np.diag([1.0, 4.0])
    expected = Expected(np.zeros(()), np.zeros(2), DenseCurvature(target))
    q = FullGaussian.from_precision(np.zeros(2), np.diag([100.0, 0.5]))
    ratios = np.array([100.0, 0.125])
    for _ in range(13):
        q = natural_step(q, expected, 1.0, "positive")
        ratios = 0.5 * (ratios + 1 / ratios)
        np.testing.assert_allclose(np.diag(q.precision) / np.diag(target), ratios, rtol=1e-14)
    np.testing.assert_allclose(q.precision, target, rtol=1e-14, atol=1e-14)


def test_where_there_is_no_best_gaussian_positive_steps_end_at_a_point_that_shows():
    """T = −1 always: P ends at ρ/(2 − ρ), where the squared gradient is 2/ρ² and not zero."""
    expected = Expected(np.zeros(()), np.zeros(1), DenseCurvature(-np.eye(1)))
    for rho in (1.0, 0.5):
        q = FullGaussian.from_precision(np.zeros(1), np.eye(1))
        for _ in range(100):
            q = natural_step(q, expected, rho, "positive")
        assert q.precision[0, 0] == pytest.approx(rho / (2 - rho), rel=1e-12)
        assert q.squared_gradient(expected) == pytest.approx(2 / rho**2, rel=1e-11)


def test_plain_gradient_is_the_gradient():
    """Differences of the ELBO in m, Σ and the Cholesky factor of Σ with a logarithmic diagonal."""
    rng = np.random.default_rng(13)
    model = logistic_model(rng, 2)
    q = random_full(rng, dim=2, scale=0.3)
    eta, h = 1e-3, 1e-5
    expected = expected_under(model, q)

    def slope(place):
        return (place(h) - place(-h)) / (2 * h)

    unit = np.eye(2)
    by_mean = [
        slope(lambda t, a=a: elbo(model, FullGaussian(q.mean + t * unit[a], q.factor)))
        for a in range(2)
    ]
    for chart in ("covariance", "cholesky"):
        np.testing.assert_allclose(
            plain_gradient_step(q, expected, eta, chart).mean - q.mean,
            eta * np.array(by_mean),
            atol=eta * 1e-8,
        )
    covariance = q.covariance
    moved = plain_gradient_step(q, expected, eta, "covariance").covariance
    for i, j in ((0, 0), (0, 1), (1, 1)):
        direction = 0.5 * (np.outer(unit[i], unit[j]) + np.outer(unit[j], unit[i]))
        found = slope(
            lambda t, e=direction: elbo(
                model, FullGaussian.from_covariance(q.mean, covariance + t * e)
            )
        )
        assert (moved - covariance)[i, j] / eta == pytest.approx(found, abs=1e-7)
    lower = np.linalg.cholesky(covariance)
    moved = np.linalg.cholesky(plain_gradient_step(q, expected, eta, "cholesky").covariance)
    for i, j in ((0, 0), (1, 0), (1, 1)):

        def nudged(t, i=i, j=j):
            other = lower.copy()
            other[i, j] = lower[i, i] * np.exp(t) if i == j else lower[i, j] + t
            return elbo(model, FullGaussian.from_covariance(q.mean, other @ other.T))

        change = np.log(moved[i, i] / lower[i, i]) if i == j else moved[i, j] - lower[i, j]
        assert change / eta == pytest.approx(slope(nudged), abs=1e-7)


# --- low rank -------------------------------------------------------------------------------------


def low_rank(rng, dim, rank):
    return LowRankGaussian(
        rng.normal(size=dim), rng.uniform(0.5, 2.0, size=dim), rng.normal(size=(dim, rank))
    )


@pytest.mark.parametrize("step", ["standard", "positive"])
@pytest.mark.parametrize("rho", [0.3, 1.0])
def test_low_rank_step_is_exact_where_the_rank_suffices(step, rho):
    """Rank d loses nothing of the full step if M − Ω is positive semi-definite."""
    rng = np.random.default_rng(14)
    q = low_rank(rng, 4, 4)
    curvature = FactoredCurvature(
        q.diagonal, rng.normal(size=(4, 6)), rng.uniform(0.1, 1.0, size=6)
    )
    expected = Expected(np.zeros(()), rng.normal(size=4), curvature)
    full = FullGaussian.from_precision(q.mean, q.precision)
    moved, reference = natural_step(q, expected, rho, step), natural_step(full, expected, rho, step)
    np.testing.assert_allclose(moved.precision, reference.precision, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moved.mean, reference.mean, rtol=1e-11)


def test_low_rank_finds_a_posterior_of_low_rank():
    """Three data, so the posterior precision is diagonal plus rank three."""
    rng = np.random.default_rng(15)
    design = rng.normal(size=(3, 8))
    model = BayesianLinearRegression(
        design, rng.normal(size=3), prior_precision=rng.uniform(0.5, 2.0, size=8)
    )
    q = LowRankGaussian(10.0 * rng.normal(size=8), np.full(8, 3.0), rng.normal(size=(8, 3)))
    moved = natural_step(q, model.expected(q))
    posterior = model.posterior_precision()
    np.testing.assert_allclose(moved.precision, posterior, rtol=0, atol=1e-13 * np.max(posterior))
    np.testing.assert_allclose(
        moved.mean, np.linalg.solve(posterior, design.T @ model.response), rtol=0, atol=1e-11
    )


@pytest.mark.parametrize("kind", ["factored", "dense", "diagonal"])
@pytest.mark.parametrize("rank", [1, 2, 5])
def test_low_rank_standard_step_keeps_the_diagonal_exactly(kind, rank):
    rng = np.random.default_rng(16)
    q = low_rank(rng, 5, rank)
    square = rng.normal(size=(5, 5))
    curvature = {
        "factored": FactoredCurvature(
            rng.uniform(0.5, 2.0, size=5), rng.normal(size=(5, 9)), rng.uniform(size=9)
        ),
        "dense": DenseCurvature(square @ square.T),
        "diagonal": DiagonalCurvature(rng.uniform(0.5, 2.0, size=5)),
    }[kind]
    moved = natural_step(q, Expected(np.zeros(()), np.zeros(5), curvature), 0.4)
    whole = 0.6 * q.precision + 0.4 * curvature.matrix()
    np.testing.assert_allclose(np.diag(moved.precision), np.diag(whole), rtol=1e-13)
    assert moved.rank == rank
    if rank == 5 and kind != "dense":
        np.testing.assert_allclose(moved.precision, whole, rtol=1e-12, atol=1e-12)


def test_low_rank_truncation_is_the_one_documented():
    """The k leading eigenpairs of Ω^{-1/2}(M − Ω)Ω^{-1/2}, from a dense matrix."""
    rng = np.random.default_rng(17)
    q = low_rank(rng, 6, 2)
    curvature = FactoredCurvature(
        rng.uniform(0.5, 2.0, size=6), rng.normal(size=(6, 4)), np.array([1.0, 2.0, -0.01, 0.5])
    )
    moved = natural_step(q, Expected(np.zeros(()), np.zeros(6), curvature), 0.5)
    omega = 0.5 * q.diagonal + 0.5 * curvature.base
    root = np.sqrt(omega)
    values, vectors = np.linalg.eigh(
        (0.5 * q.precision + 0.5 * curvature.matrix() - np.diag(omega)) / np.outer(root, root)
    )
    leading = root[:, None] * vectors[:, -2:] * np.sqrt(values[-2:])
    np.testing.assert_allclose(
        moved.factor @ moved.factor.T, leading @ leading.T, rtol=1e-11, atol=1e-12
    )


def test_low_rank_fixed_point_has_the_diagonal_of_the_curvature():
    rng = np.random.default_rng(18)
    model = logistic_model(rng, 6)
    for rank in (1, 3):
        q = LowRankGaussian(np.zeros(6), np.ones(6), np.zeros((6, rank)))
        for _ in range(300):
            q = natural_step(q, expected_under(model, q), 0.7)
        expected = expected_under(model, q)
        np.testing.assert_allclose(np.diag(q.precision), expected.curvature.diagonal(), rtol=1e-12)
        assert np.max(np.abs(expected.gradient)) < 1e-12
        assert q.squared_gradient(expected) < 1e-20


# --- what raises ----------------------------------------------------------------------------------


@pytest.mark.parametrize("step_size", [0.0, -0.5, 1.0 + 1e-9, 2.0])
def test_step_sizes_outside_the_unit_interval(step_size):
    q = random_full(np.random.default_rng(0))
    with pytest.raises(DomainError, match="step_size must"):
        natural_step(q, LINEAR.expected(q), step_size)


def test_unknown_steps_and_charts():
    q = random_full(np.random.default_rng(0))
    with pytest.raises(OptionError, match="step must be one of 'standard', 'positive'"):
        natural_step(q, LINEAR.expected(q), 1.0, "Newton")
    with pytest.raises(OptionError, match="chart must be one of"):
        plain_gradient_step(q, LINEAR.expected(q), 0.1, "natural")


def test_standard_step_out_of_the_cone():
    expected = Expected(np.zeros(()), np.zeros(2), DenseCurvature(-np.eye(2)))
    starts = (
        FullGaussian.from_precision(np.zeros(2), np.eye(2)),
        MeanFieldGaussian(np.zeros(2), np.ones(2)),
        LowRankGaussian(np.zeros(2), np.ones(2), np.zeros((2, 1))),
    )
    for q in starts:
        assert np.all(np.linalg.eigvalsh(natural_step(q, expected, 0.49).precision) > 0)
        with pytest.raises(DomainError, match="after a standard step is not positive"):
            natural_step(q, expected, 0.51)
    factored = Expected(
        np.zeros(()), np.zeros(2), FactoredCurvature(-np.ones(2), np.zeros((2, 1)), np.zeros(1))
    )
    with pytest.raises(DomainError, match="diagonal part of the precision"):
        natural_step(starts[2], factored, 0.51)


def test_plain_step_that_is_far_too_long():
    """The diagonal of the Cholesky factor underflows to zero."""
    q = FullGaussian.from_precision(np.zeros(2), np.eye(2))
    expected = Expected(np.zeros(()), np.zeros(2), DenseCurvature(1e3 * np.eye(2)))
    with pytest.raises(SingularSystemError, match="singular to working precision"):
        plain_gradient_step(q, expected, 10.0)
    with pytest.raises(DomainError, match="covariance is not positive definite"):
        plain_gradient_step(q, expected, 10.0, "covariance")


def test_low_rank_has_no_mean_parameters():
    q = LowRankGaussian(np.zeros(5), np.ones(5), np.zeros((5, 1)))
    with pytest.raises(OptionError, match="not an exponential family"):
        mean_gradient(q, LINEAR.expected(q))


def test_what_is_no_approximation_is_refused():
    with pytest.raises(OptionError, match="q must be a FullGaussian"):
        expected_under(LINEAR, ir.families.Gaussian())
    with pytest.raises(OptionError, match="expectation must be"):
        expected_under(LINEAR, random_full(np.random.default_rng(0)), Quadrature)


def test_expectations_of_another_batch_or_with_infinities_do_not_change_an_approximation():
    q = FullGaussian.from_precision(np.zeros(2), np.eye(2))
    batched = Expected(np.zeros(3), np.ones((3, 2)), np.eye(2))
    with pytest.raises(ShapeError, match=r"mean must keep its shape \(2,\), got \(3, 2\)"):
        natural_step(q, batched)
    several = Expected(np.zeros(3), np.ones(2), np.stack([np.eye(2)] * 3))
    with pytest.raises(ShapeError, match="factor must keep its shape"):
        natural_step(q, several)
    infinite = Expected(np.zeros(()), np.array([np.inf, 0.0]), np.eye(2))
    with pytest.raises(NonFiniteError, match="mean holds"):
        natural_step(q, infinite)


def test_a_curvature_may_be_an_array():
    q = FullGaussian.from_precision(np.zeros(2), np.eye(2))
    moved = natural_step(q, Expected(np.zeros(()), np.ones(2), np.array([[2.0, 1.0], [0.0, 1.0]])))
    np.testing.assert_allclose(moved.precision, [[2.0, 0.5], [0.5, 1.0]], rtol=1e-15)
