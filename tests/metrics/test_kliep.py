"""(Q3): the density ratio against closed forms, an independent optimiser and optimality."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

import ingd_ref as ir

EPS = np.finfo(float).eps


def kernels(points, centers, bandwidth):
    return np.array(
        [[np.exp(-np.sum((p - c) ** 2) / (2 * bandwidth**2)) for c in centers] for p in points]
    )


def objective(fit, y, rho):
    return rho @ np.log(kernels(y, fit.centers, fit.bandwidth) @ np.exp(fit.log_coefficients))


def clouds(seed, n, m, d):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, d)),
        rng.normal(0.4, 0.8, size=(m, d)),
        rng.dirichlet(np.ones(n)),
        rng.dirichlet(np.ones(m)),
    )


def test_one_centre_has_the_closed_form():
    x, y, pi, rho = clouds(0, 6, 5, 2)
    center, bandwidth = np.array([[0.3, -0.2]]), 0.9
    fit = ir.metrics.kliep(
        x, y, bandwidth=bandwidth, centers=center, weights=pi, target_weights=rho
    )
    expected = kernels(y, center, bandwidth)[:, 0] / (pi @ kernels(x, center, bandwidth)[:, 0])
    np.testing.assert_allclose(
        fit.ratio(y), expected, rtol=50 * EPS
    )  # exponentials of numbers up to 10, each with relative error EPS
    assert abs(fit.kl - rho @ np.log(expected)) <= 50 * EPS
    assert fit.kkt_residual <= 50 * EPS


def test_two_centres_agree_with_a_search_along_the_only_free_direction():
    x, y, pi, rho = clouds(1, 8, 9, 1)
    centers, bandwidth = np.array([[-0.5], [1.0]]), 0.7
    fit = ir.metrics.kliep(
        x, y, bandwidth=bandwidth, centers=centers, weights=pi, target_weights=rho, tolerance=1e-12
    )
    densities = kernels(y, centers, bandwidth) / (pi @ kernels(x, centers, bandwidth))
    slope = densities[:, 0] - densities[:, 1]
    share = optimize.brentq(
        lambda t: rho @ (slope / (densities[:, 1] + t * slope)), 0.0, 1.0, xtol=1e-15
    )
    found = np.exp(fit.log_coefficients) * (pi @ kernels(x, centers, bandwidth))
    # The objective is missed by at most 1e-12, so the share by √(2·1e-12 / curvature).
    curvature = rho @ (slope / (densities[:, 1] + share * slope)) ** 2
    assert np.max(np.abs(found - [share, 1 - share])) <= np.sqrt(2e-12 / curvature)


@pytest.mark.parametrize("bandwidth", [0.3, 1.0])
def test_no_other_optimiser_does_better(bandwidth):
    x, y, pi, rho = clouds(2, 20, 15, 2)
    fit = ir.metrics.kliep(x, y, bandwidth=bandwidth, weights=pi, target_weights=rho)
    densities = kernels(y, y, bandwidth) / (pi @ kernels(x, y, bandwidth))
    other = optimize.minimize(
        lambda beta: -rho @ np.log(densities @ beta),
        np.full(15, 1 / 15),
        jac=lambda beta: -(rho / (densities @ beta)) @ densities,
        bounds=[(1e-12, 1)] * 15,
        constraints={"type": "eq", "fun": lambda beta: np.sum(beta) - 1, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert fit.kkt_residual <= 1.5e-8
    reached, best = objective(fit, y, rho), -other.fun
    # From below the certificate; from above the accuracy that the other optimiser stops at.
    assert best - 1.5e-8 <= reached <= best + 1e-7


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 12),
    m=st.integers(1, 12),
    d=st.integers(1, 3),
    log_bandwidth=st.floats(-1, 1),
)
def test_normalisation_and_optimality_hold_for_any_sample(seed, n, m, d, log_bandwidth):
    x, y, pi, rho = clouds(seed, n, m, d)
    bandwidth = 10.0**log_bandwidth
    fit = ir.metrics.kliep(x, y, bandwidth=bandwidth, weights=pi, target_weights=rho)
    # log r = log Σ exp(numbers up to size·EPS wrong), size = largest squared distance in
    # bandwidths, and the normaliser has the same.
    size = max(np.max(np.sum((p - y) ** 2, axis=1)) for p in x) / (2 * bandwidth**2) + 10
    assert abs(pi @ fit.ratio(x) - 1) <= 20 * size * EPS
    log_densities = (
        -np.array([[np.sum((p - c) ** 2) for c in y] for p in y]) / (2 * bandwidth**2)
        + fit.log_coefficients
    )
    gradient_times_share = rho @ (np.exp(log_densities) / np.exp(fit.log_ratio(y))[:, None])
    assert abs(np.sum(gradient_times_share) - 1) <= 20 * size * EPS
    assert 0 <= fit.kkt_residual <= 1.5e-8


def test_the_certificate_bounds_what_an_unfinished_fit_lacks():
    x, y, _, _ = clouds(4, 30, 20, 2)
    rho = np.full(20, 1 / 20)
    best = objective(ir.metrics.kliep(x, y, bandwidth=0.5, tolerance=1e-12), y, rho)
    for steps in (1, 2, 3, 5, 8, 13):
        fit = ir.metrics.kliep(x, y, bandwidth=0.5, max_iterations=steps)
        assert fit.iterations == steps
        assert best - objective(fit, y, rho) <= fit.kkt_residual
        assert fit.kkt_residual > 1.5e-8


def test_it_estimates_the_divergence_of_two_gaussians():
    rng = np.random.default_rng(0)
    x, y, held_out = (
        rng.normal(size=(1000, 1)),
        rng.normal(0.6, 1.0, size=(1000, 1)),
        rng.normal(0.6, 1.0, size=(4000, 1)),
    )
    fit = ir.metrics.kliep(x, y, held_out, centers=30)
    # KL = 0.6²/2 = 0.18; log r has standard deviation 0.6, so means over 1000 and 4000 points have
    # errors 0.019 and 0.0095: four of them together, 0.085. The true ratio exp(0.6 y − 0.18) is no
    # mixture, but one of width 1 approximates it well over the sample.
    assert abs(fit.kl - 0.18) <= 0.085
    grid = np.linspace(-1.5, 2.5, 9)[:, None]
    assert np.max(np.abs(fit.log_ratio(grid) - (0.6 * grid[:, 0] - 0.18))) <= 0.35


def test_a_held_out_sample_is_judged_by_its_own_weights():
    x, y, _, _ = clouds(5, 10, 8, 2)
    held_out, weights = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0.25, 0.75])
    fit = ir.metrics.kliep(x, y, held_out, held_out_weights=weights)
    assert abs(fit.kl - weights @ np.asarray(fit.log_ratio(held_out))) <= 10 * EPS


def test_weights_stand_for_repeated_points():
    x, y, _, _ = clouds(6, 5, 4, 2)
    counts, target_counts = np.array([1, 3, 0, 2, 1]), np.array([2, 1, 1, 3])
    weighted = ir.metrics.kliep(
        x, y, bandwidth=0.8, weights=counts / 7, target_weights=target_counts / 7, tolerance=1e-10
    )
    repeated = ir.metrics.kliep(
        np.repeat(x, counts, axis=0),
        np.repeat(y, target_counts, axis=0),
        bandwidth=0.8,
        centers=y,
        tolerance=1e-10,
    )
    assert abs(weighted.kl - repeated.kl) <= 2e-10


def test_translation_and_scale_change_nothing():
    x, y, _, _ = clouds(7, 10, 8, 2)
    x, y = np.round(2**10 * x) / 2**10, np.round(2**10 * y) / 2**10
    fit = ir.metrics.kliep(x, y)
    # Coordinates are multiples of 2^-10, so a shift by 2^40 and a scale of 4 leave every difference
    # and every ratio as it was.
    for scale, shift in ((4.0, 0.0), (1.0, 2.0**40)):
        assert ir.metrics.kliep(scale * x + shift, scale * y + shift).kl == fit.kl


def test_particles_far_from_the_target_give_a_large_divergence_and_not_nan():
    y = np.random.default_rng(0).normal(size=(20, 2))
    fit = ir.metrics.kliep(y + 1e4, y, bandwidth=1.0)
    # r is about exp(‖c − x‖²/2) for the nearest pair, with ‖c − x‖ = √2·1e4 up to the width of the
    # clouds.
    assert abs(fit.kl / 1e8 - 1) <= 1e-3
    assert np.isfinite(fit.log_ratio(y)).all()


@pytest.mark.parametrize(
    ("x", "y"), [(np.zeros((1, 1)), np.zeros((1, 1))), (np.ones((3, 2)), np.ones((4, 2)))]
)
def test_coincident_points_have_divergence_zero(x, y):
    fit = ir.metrics.kliep(x, y)
    assert abs(fit.kl) <= 1e-12
    assert fit.bandwidth == 1.0


def test_defaults_are_the_median_rule_on_the_target_and_its_first_hundred_points():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 1)), rng.normal(size=(150, 1))
    fit = ir.metrics.kliep(x, y)
    assert fit.bandwidth == ir.metrics.median_bandwidth(y)
    np.testing.assert_array_equal(fit.centers, y[:100])
    assert ir.metrics.kliep(x, y, centers=7).centers.shape == (7, 1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"bandwidth": "mean"}, ir.errors.OptionError, "'median', got 'mean'"),
        ({"bandwidth": 0.0}, ir.errors.DomainError, "bandwidth must be greater than zero"),
        ({"bandwidth": 1e-200}, ir.errors.NonFiniteError, "in units of the bandwidth"),
        ({"centers": 0}, ir.errors.DomainError, "centers must be an integer"),
        ({"centers": np.zeros((2, 3))}, ir.errors.ShapeError, r"centers must have shape \(n, 2\)"),
        ({"held_out": np.zeros((2, 1))}, ir.errors.ShapeError, "held_out"),
        ({"held_out_weights": np.ones(4)}, ir.errors.DomainError, "held_out_weights must sum to 1"),
        ({"tolerance": -1.0}, ir.errors.DomainError, "tolerance"),
        ({"max_iterations": 0}, ir.errors.DomainError, "max_iterations"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    x, y, _, _ = clouds(8, 5, 4, 2)
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(error, match=message):
        ir.metrics.kliep(x, y, **arguments)
