"""(P2)-(P4): tangents from velocities, scores and pairs, their errors, and samples without one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingd_ref as ir
from ingd_ref.backend import to_host
from ingd_ref.errors import (
    BackendError,
    DomainError,
    NonFiniteError,
    OptionError,
    ShapeError,
    SingularSystemError,
)

EPS = np.finfo(float).eps
GAUSSIAN = ir.features.FamilyStatistics(ir.families.Gaussian())
project = ir.projection.tangent_projection


def rate_of_path(mean, deviation, mean_rate, deviation_rate):
    """(P7) for x = m + s z, written from θ = (m/s², −1/(2s²)) by the quotient rule."""
    return np.array(
        [
            mean_rate / deviation**2 - 2 * mean * deviation_rate / deviation**3,
            deviation_rate / deviation**3,
        ]
    )


def gaussian_samples(
    rng, number, mean=0.4, deviation=0.8, mean_rate=0.5, deviation_rate=-0.3, batch=()
):
    z = rng.normal(size=(*batch, number, 1))
    return (
        mean + deviation * z,
        mean_rate + deviation_rate * z,
        rate_of_path(mean, deviation, mean_rate, deviation_rate),
    )


@given(st.floats(-3, 3), st.floats(0.2, 3), st.floats(-2, 2), st.floats(-2, 2))
def test_quadrature_particles_give_the_closed_form(mean, deviation, mean_rate, deviation_rate):
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    z = nodes[:, None]
    found = project(
        GAUSSIAN,
        mean + deviation * z,
        velocities=mean_rate + deviation_rate * z,
        weights=weights / weights.sum(),
    )
    expected = rate_of_path(mean, deviation, mean_rate, deviation_rate)
    # 1e-12 relative to what is summed, F⁻¹ times the moment rate, times the condition of F, which
    # is that of (m/s)².
    scale = np.max(np.abs(np.linalg.inv(found.covariance)) @ np.abs(found.moment_rate))
    assert np.max(np.abs(found.rate - expected)) <= 1e-12 * (1 + (mean / deviation) ** 2) * scale


@given(st.floats(0.8, 20), st.floats(0.1, 5), st.sampled_from([-2.0, -0.1, 0.3, 1.0]))
def test_gamma_with_a_moving_rate(shape, rate, rate_rate):
    """Trapezoidal nodes in u = log x: the density falls double-exponentially to the right."""
    u = np.linspace(-45.0 / shape - 1.0, np.log1p(60.0 / shape + 12.0 / np.sqrt(shape)), 400)
    weights = np.exp(shape * u - shape * np.expm1(u))
    x = shape / rate * np.exp(u)[:, None]
    family = ir.features.FamilyStatistics(ir.families.Gamma())
    found = project(family, x, velocities=-x * rate_rate / rate, weights=weights / weights.sum())
    # F has a determinant of 1/(2αβ²) and a condition of 4α once scaled; e^{−45} is cut off at the
    # left.
    scale = np.max(np.abs(np.linalg.inv(found.covariance)) @ np.abs(found.moment_rate))
    np.testing.assert_allclose(found.rate, [0.0, -rate_rate], atol=1e-12 * scale)


def test_scores_in_the_span_are_recovered_without_error():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 2))
    features = ir.features.PairwiseProducts(linear=True, squares=True)
    theta_rate = np.array([0.3, -1.0, 0.5, 0.2, -0.4])
    found = project(
        features, x, scores=features(x) @ theta_rate - 7.0
    )  # a constant in the score does not matter
    np.testing.assert_allclose(found.rate, theta_rate, atol=100 * EPS * found.condition)
    assert np.abs(found.influence).max() <= 1e3 * EPS * found.condition
    assert np.all(found.standard_error <= 1e3 * EPS * found.condition)


def test_velocities_and_exact_scores_estimate_the_same():
    rng = np.random.default_rng(2)
    x, v, expected = gaussian_samples(rng, 200_000)
    z = (x - 0.4) / 0.8
    score = (0.5 * z + -0.3 * (z * z - 1)) / 0.8  # ∂_t log q along the path: (ṁ z + ṡ (z² − 1)) / s
    by_velocity, by_score = (
        project(GAUSSIAN, x, velocities=v),
        project(GAUSSIAN, x, scores=score[:, 0]),
    )
    np.testing.assert_allclose(by_score.rate, expected, atol=1e-12)
    assert np.all(np.abs(by_velocity.rate - expected) <= 4.5 * by_velocity.standard_error)


@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_a_batch_is_its_members(ridge):
    rng = np.random.default_rng(3)
    x, v = rng.normal(size=(2, 3, 20, 2)), rng.normal(size=(2, 3, 20, 2))
    weights = rng.dirichlet(np.ones(20), size=(2, 3))
    features = ir.features.GaussianRBF(rng.normal(size=(4, 2)), 1.0)
    together = project(features, x, velocities=v, weights=weights, ridge=ridge)
    for i, j in np.ndindex(2, 3):
        apart = project(features, x[i, j], velocities=v[i, j], weights=weights[i, j], ridge=ridge)
        tolerance = 100 * EPS * apart.condition  # other orders of summation, times the condition
        np.testing.assert_allclose(
            together.rate[i, j],
            apart.rate,
            rtol=tolerance,
            atol=tolerance * np.abs(apart.rate).max(),
        )
        np.testing.assert_allclose(
            together.standard_error[i, j], apart.standard_error, rtol=4 * tolerance
        )


@given(st.integers(0, 2**31))
def test_theta_follows_a_change_of_statistics(seed):
    """With f → T f + c, ⟨θ, f⟩ stays the same up to constants: θ̇ → T⁻ᵀ θ̇."""
    rng = np.random.default_rng(seed)
    x, v = rng.normal(size=(25, 2)), rng.normal(size=(25, 2))
    matrix = rng.normal(size=(2, 2)) + 3 * np.eye(2)
    plain = ir.features.Monomials(1)
    changed = ir.features.UserFeatures(
        lambda z: z @ matrix.T + 5.0, lambda z: np.broadcast_to(matrix.T, (len(z), 2, 2))
    )
    first, second = project(plain, x, velocities=v), project(changed, x, velocities=v)
    tolerance = 200 * EPS * second.condition * np.linalg.cond(matrix)
    np.testing.assert_allclose(
        matrix.T @ second.rate, first.rate, atol=tolerance * np.abs(first.rate).max()
    )


def test_weights_are_repetitions():
    rng = np.random.default_rng(4)
    x, v = rng.normal(size=(6, 1)), rng.normal(size=(6, 1))
    counts = np.array([1, 2, 1, 3, 1, 2])
    weighted = project(GAUSSIAN, x, velocities=v, weights=counts / counts.sum())
    repeated = project(
        GAUSSIAN, np.repeat(x, counts, axis=0), velocities=np.repeat(v, counts, axis=0)
    )
    np.testing.assert_allclose(weighted.rate, repeated.rate, rtol=100 * EPS * weighted.condition)


def test_paired_samples_are_exact_to_second_order():
    """x = t + e^t z at t = 0: halving h divides the error by four."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    z, weights = nodes[:, None], weights / weights.sum()
    errors = []
    for h in (0.05, 0.025):
        found = ir.projection.paired_tangent_projection(
            GAUSSIAN, -h + np.exp(-h) * z, h + np.exp(h) * z, h, weights=weights
        )
        errors.append(np.abs(found.rate - rate_of_path(0.0, 1.0, 1.0, 1.0)).max())
    assert errors[0] / errors[1] == pytest.approx(4.0, abs=0.1)  # the next term is smaller by h²


def test_spins_have_pairs_though_no_velocity():
    """Independent spins with tanh θ(t) as means: θ̇ from independent samples at t ± h."""
    rng = np.random.default_rng(5)
    theta, theta_rate, h, number = np.array([0.3, -0.5]), np.array([0.8, -0.4]), 0.2, 100_000
    low, high = (
        np.where(
            rng.random((number, 2)) < 0.5 * (1 + np.tanh(theta + sign * h * theta_rate)), 1.0, -1.0
        )
        for sign in (-1, 1)
    )
    found = ir.projection.paired_tangent_projection(
        ir.features.PairwiseProducts(linear=True), low, high, h
    )
    # bias of order h²: the third derivative of tanh is at most 2, so (0.8 h)² / 3 of 0.8 < 0.01, on
    # top of 4.5 standard errors
    assert np.all(
        np.abs(found.rate - np.array([0.8, -0.4, 0.0])) <= 0.01 + 4.5 * found.standard_error
    )
    assert np.all(found.standard_error < 0.03)


def test_discrete_families_refuse_velocities():
    x = np.array([[0.0], [1.0], [2.0]])
    with pytest.raises(DomainError, match="discrete"):
        project(ir.features.FamilyStatistics(ir.families.Poisson()), x, velocities=x)


def test_error_falls_like_the_root_of_the_sample_size():
    """Slope of log error over log N, N = 1e2 to 1e4; the run to 1e6 is below, marked long."""
    assert error_slope((100, 1000, 10_000), 1000) == pytest.approx(-0.5, abs=0.05)


@pytest.mark.long
def test_error_falls_like_the_root_of_the_sample_size_to_a_million():
    assert error_slope((100, 1000, 10_000, 100_000, 1_000_000), 60) == pytest.approx(-0.5, abs=0.05)


def error_slope(numbers, replications):
    """Root-mean-square errors over r replications; their logarithm has the error 1/(2√r)."""
    rng = np.random.default_rng(6)
    errors = []
    for number in numbers:
        gaps = []
        for _ in range(replications * number // 1_000_000 + 1):
            batch = min(replications, 1_000_000 // number)
            x, v, expected = gaussian_samples(rng, number, batch=(batch,))
            gaps.append(np.sum((project(GAUSSIAN, x, velocities=v).rate - expected) ** 2, axis=-1))
        errors.append(np.sqrt(np.mean(np.concatenate(gaps))))
    return np.polyfit(np.log(numbers), np.log(errors), 1)[0]


def coverage(found, expected):
    low, high = found.confidence_interval(0.95)
    return np.mean((low <= expected) & (expected <= high), axis=0)


def test_intervals_of_velocities_cover():
    """2000 replications: the share that covers has a standard error of 0.5 %."""
    x, v, expected = gaussian_samples(np.random.default_rng(7), 1000, batch=(2000,))
    shares = coverage(project(GAUSSIAN, x, velocities=v), expected)
    assert np.all((shares >= 0.93) & (shares <= 0.97)), shares


def test_intervals_of_noisy_scores_cover():
    """Scores with noise that grows with |z|, where the plain formula of regression is wrong."""
    rng = np.random.default_rng(8)
    x, _, expected = gaussian_samples(rng, 1000, batch=(2000,))
    z = (x[..., 0] - 0.4) / 0.8
    scores = (0.5 * z - 0.3 * (z * z - 1)) / 0.8 + z * rng.normal(size=z.shape)
    found = project(GAUSSIAN, x, scores=scores)
    shares = coverage(found, expected)
    assert np.all((shares >= 0.93) & (shares <= 0.97)), shares
    noise = np.mean((scores - np.mean(scores)) ** 2)
    plain = np.sqrt(np.linalg.inv(found.covariance)[:, 1, 1] * noise / 1000)
    assert np.mean(np.abs(found.rate[:, 1] - expected[1]) <= 1.96 * plain) < 0.9


def test_intervals_of_pairs_cover():
    """600 replications, whose share has a standard error of 0.9 %."""
    rng, h = np.random.default_rng(9), 1e-3
    z = rng.normal(size=(600, 1000, 1))
    before, after = (0.4 + t * 0.5 + (0.8 - t * 0.3) * z for t in (-h, h))
    shares = coverage(
        ir.projection.paired_tangent_projection(GAUSSIAN, before, after, h),
        rate_of_path(0.4, 0.8, 0.5, -0.3),
    )
    assert np.all((shares >= 0.93) & (shares <= 0.97)), shares


@pytest.mark.parametrize("kind", ["velocities", "scores"])
def test_bootstrap_agrees_with_the_sandwich(kind):
    rng = np.random.default_rng(10)
    x, v, _ = gaussian_samples(rng, 1000)
    weights = rng.dirichlet(np.full(1000, 20.0))
    options = (
        {"velocities": v}
        if kind == "velocities"
        else {"scores": v[:, 0] + x[:, 0] * rng.normal(size=1000)}
    )
    found = project(GAUSSIAN, x, weights=weights, **options)
    replicas = found.bootstrap(600, np.random.default_rng(0))
    assert replicas.shape == (600, 2)
    # a standard deviation from 600 draws is off by 1/sqrt(1200) = 3 %, and the two differ by terms
    # of order n^{-1/2} = 3 %
    np.testing.assert_allclose(np.std(replicas, axis=0), found.standard_error, rtol=0.15)
    again = found.bootstrap(2, np.random.default_rng(0))
    assert np.array_equal(again, replicas[:2])


def test_random_fourier_and_radial_statistics():
    """Without a tractable log-partition function: the regression of a score in the span."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=(400, 2))
    for features in (
        ir.features.GaussianRBF(rng.normal(size=(5, 2)), 1.0),
        ir.features.RandomFourier.gaussian(5, 1.0, rng, like=x),
    ):
        theta_rate = rng.normal(size=5)
        found = project(features, x, scores=features(x) @ theta_rate)
        np.testing.assert_allclose(found.rate, theta_rate, atol=100 * EPS * found.condition)


def test_results_are_on_the_device_of_the_samples(on_device):
    rng = np.random.default_rng(12)
    x, v, weights = rng.normal(size=(9, 2)), rng.normal(size=(9, 2)), rng.dirichlet(np.ones(9))
    features = ir.features.PairwiseProducts(linear=True)
    expected = project(features, x, velocities=v, weights=weights, ridge=0.1)
    found = project(
        features, on_device(x), velocities=on_device(v), weights=on_device(weights), ridge=0.1
    )
    assert found.rate.device == on_device(x).device
    tolerance = 100 * np.finfo(to_host(found.rate).dtype).eps * float(expected.condition)
    for name in ("rate", "standard_error", "influence", "rate_covariance"):
        theirs, ours = to_host(getattr(found, name)), getattr(expected, name)
        np.testing.assert_allclose(theirs, ours, atol=tolerance * np.abs(ours).max())
    assert to_host(found.bootstrap(3, np.random.default_rng(0))).shape == (3, 3)
    low, high = found.confidence_interval(0.9)
    assert np.all(to_host(low) < to_host(high))
    scores = project(features, on_device(x), scores=on_device(v[:, 0]))
    np.testing.assert_allclose(
        to_host(scores.rate),
        project(features, x, scores=v[:, 0]).rate,
        rtol=tolerance,
        atol=tolerance,
    )


def test_arguments_are_left_alone():
    rng = np.random.default_rng(13)
    x, v, weights = rng.normal(size=(9, 1)), rng.normal(size=(9, 1)), np.full(9, 1 / 9)
    copies = [array.copy() for array in (x, v, weights)]
    for array in (x, v, weights):
        array.flags.writeable = False
    found = project(GAUSSIAN, x, velocities=v, weights=weights)
    found.bootstrap(2, rng)
    assert all(np.array_equal(a, b) for a, b in zip((x, v, weights), copies, strict=True))
    assert not np.shares_memory(found.weights, weights)


def test_singular_covariances_are_refused_and_a_ridge_helps():
    x = np.random.default_rng(14).normal(size=(20, 1))
    doubled = ir.features.UserFeatures(lambda z: np.concatenate([z, 2 * z, z**2], axis=1))
    with pytest.raises(SingularSystemError, match=r"rank 2 of 3 .* ridge above zero"):
        project(doubled, x, velocities=x)
    assert np.all(np.isfinite(project(doubled, x, velocities=x, ridge=1e-3).rate))
    with pytest.raises(SingularSystemError, match="rank 1 of 2"):
        project(GAUSSIAN, x[:2], velocities=x[:2])
    with pytest.raises(SingularSystemError, match="rank 0 of 2"):
        project(GAUSSIAN, x[:1], velocities=x[:1])


def test_arguments_that_do_not_fit_are_refused():
    x = np.random.default_rng(15).normal(size=(5, 1))
    with pytest.raises(OptionError, match="either velocities or scores"):
        project(GAUSSIAN, x)
    with pytest.raises(OptionError, match="either velocities or scores"):
        project(GAUSSIAN, x, velocities=x, scores=x[:, 0])
    with pytest.raises(ShapeError, match=r"velocities must have shape \(5, 1\), got \(4, 1\)"):
        project(GAUSSIAN, x, velocities=x[:4])
    with pytest.raises(ShapeError, match=r"scores must have shape \(5,\), got \(4,\)"):
        project(GAUSSIAN, x, scores=x[:4, 0])
    with pytest.raises(ShapeError, match=r"scores must have shape \(5,\), got \(5, 1\)"):
        project(GAUSSIAN, x, scores=x)
    with pytest.raises(ShapeError, match="weights"):
        project(GAUSSIAN, x[None], velocities=x[None], weights=np.ones((2, 5)) / 5)
    with pytest.raises(DomainError, match="each row of weights must sum to 1"):
        project(GAUSSIAN, x[None], velocities=x[None], weights=np.ones((1, 5)))
    with pytest.raises(DomainError, match="weights must be non-negative"):
        project(
            GAUSSIAN, x[None], velocities=x[None], weights=np.array([[-1.0, 1.0, 1.0, 0.0, 0.0]])
        )
    with pytest.raises(NonFiniteError, match="velocities"):
        project(GAUSSIAN, x, velocities=np.full((5, 1), np.inf))
    with pytest.raises(BackendError, match="velocities"):
        project(GAUSSIAN, x, velocities="x")
    with pytest.raises(DomainError, match="ridge"):
        project(GAUSSIAN, x, velocities=x, ridge=-1.0)
    with pytest.raises(DomainError, match="half_step"):
        ir.projection.paired_tangent_projection(GAUSSIAN, x, x, 0.0)
    with pytest.raises(ShapeError, match="after"):
        ir.projection.paired_tangent_projection(GAUSSIAN, x, x[:3], 0.1)
    found = project(GAUSSIAN, x, velocities=x)
    with pytest.raises(DomainError, match="level"):
        found.confidence_interval(1.0)
    with pytest.raises(OptionError, match="rng"):
        found.bootstrap(3, "0")
    with pytest.raises(DomainError, match="two samples of positive weight"):
        _ = project(GAUSSIAN, x[:1], velocities=x[:1], ridge=1.0).standard_error
    window = ir.projection.window_projection(
        ir.features.Monomials(1), [0.0, 0.5, 1.0], x[:3, None, :], ridge=1.0
    )
    with pytest.raises(DomainError, match="two samples of positive weight"):
        window.standard_error(0.5)
    with pytest.raises(DomainError, match="replications"):
        found.bootstrap(0, np.random.default_rng(0))
