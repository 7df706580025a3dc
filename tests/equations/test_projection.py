"""(P1)-(P7): Gauss nodes make moments exact, and each argmin is one by brute force."""

import itertools
from functools import cache

import numpy as np
import pytest

from ingd_ref.equations import LABELS
from tests.equations.digits import (
    CURVATURE,
    EXAMPLES,
    MP,
    ROUNDING,
    close,
    exact,
    gauss_hermite,
    gauss_laguerre,
    gauss_legendre,
    linear_solve,
    partial,
    random,
    weights,
)

NODES, RULE = gauss_hermite(6)  # exact below degree 12; the highest power here is x⁴ times a score
M, S, M_DOT, S_DOT = exact(np.array([0.7, 1.3, -0.4, 0.25]))


def statistics(x):
    return np.array([x, x**2])


def slopes(x):
    """∇f, with one row, of samples on a line that are vectors with one entry."""
    return np.array([[MP.mpf(1), 2 * x[0]]])


# A path x_t = m(t) + s(t) z of a Gaussian, at the time when it has these rates.
X = M + S * NODES
TIME_SCORES = -S_DOT / S + (X - M) * M_DOT / S**2 + (X - M) ** 2 * S_DOT / S**3
VELOCITIES = np.array([[M_DOT + S_DOT * z] for z in NODES])
RATE = np.array([M_DOT / S**2 - 2 * M * S_DOT / S**3, S_DOT / S**3])  # d/dt (m/s², −1/(2s²))


@pytest.mark.parametrize("name", ["gaussian", "gamma", "categorical", "poisson"])
def test_m_projection_has_the_moments(name):
    """From other parameters Newton's method finds those whose closed-form means were given."""
    example = EXAMPLES[name]
    start = example.theta * MP.mpf("1.2") + MP.mpf("0.01")
    close(LABELS["P1"](example.mu, example.A, start), example.theta, CURVATURE)


def test_m_projection_of_a_mixture_is_the_gaussian_of_its_moments():
    x = np.concatenate([NODES, 3 + NODES / 2])
    moments = np.concatenate([RULE, RULE]) @ np.array([statistics(z) for z in x]) / 2
    theta = LABELS["P1"](moments, EXAMPLES["gaussian"].A, EXAMPLES["gaussian"].theta)
    m, variance = MP.mpf(3) / 2, (1 + MP.mpf(1) / 4) / 2 + MP.mpf(9) / 4
    close(theta, [m / variance, -1 / (2 * variance)], CURVATURE)


def test_m_projection_halves_steps_that_lead_out():
    """A Newton step from (2, −3) to Gamma(5, 2) leaves the parameter set, where A is NaN."""

    def log_partition(theta):
        return EXAMPLES["gamma"].A(theta) if theta[0] > 0 > theta[1] else MP.nan

    mu = np.array([MP.digamma(5) - MP.log(2), MP.mpf(5) / 2])
    close(LABELS["P1"](mu, log_partition, exact(np.array([2, -3]))), [5, -2], CURVATURE)


def test_tangent_projection_of_a_gaussian_path_is_its_own_rate():
    close(LABELS["P2"](TIME_SCORES, X, statistics, RULE), RATE, ROUNDING)


def test_tangent_projection_minimises_the_regression():
    """For any scores the squared error has slope zero there, and all other δ do worse."""
    x, pi, scores = random(1, 7), weights(2, 7), random(3, 7)
    best = LABELS["P2"](scores, x, statistics, pi)
    centre = sum(w * statistics(z) for w, z in zip(pi, x, strict=True))

    def error(delta):
        residuals = [s - delta @ (statistics(z) - centre) for s, z in zip(scores, x, strict=True)]
        return sum(w * r**2 for w, r in zip(pi, residuals, strict=True))

    assert max(abs(partial(error, best, a)) for a in range(2)) < ROUNDING
    for nudge in random(4, 5, 2):
        assert error(best + nudge / 1000) > error(best)


def test_rate_of_moments_gives_the_same_velocity_without_the_density():
    moments = np.array([M_DOT, 2 * M * M_DOT + 2 * S * S_DOT])
    close(LABELS["P3"](moments, X, statistics, RULE), RATE, ROUNDING)


def test_rate_of_moments_is_the_time_derivative_of_moments():
    close(
        LABELS["P4"](X[:, None], VELOCITIES, slopes, RULE),
        [M_DOT, 2 * M * M_DOT + 2 * S * S_DOT],
        ROUNDING,
    )


def test_rate_of_moments_of_samples_in_the_plane():
    """Against mpmath's derivative of Σ π f(x + tv) for f = (x₁x₂, sin x₁)."""
    x, v, pi = random(5, 4, 2), random(6, 4, 2), weights(7, 4)

    def jacobian(z):
        return np.array([[z[1], MP.cos(z[0])], [z[0], MP.mpf(0)]])

    def moment(t, s):
        moved = [z + t * u for z, u in zip(x, v, strict=True)]
        values = [z[0] * z[1] if s == 0 else MP.sin(z[0]) for z in moved]
        return sum(w * value for w, value in zip(pi, values, strict=True))

    expected = [MP.diff(lambda t, s=s: moment(t, s), 0) for s in range(2)]
    close(LABELS["P4"](x, v, jacobian, pi), expected, ROUNDING)


# --------------------------------------------------------------------------------------------------


END = MP.mpf(2)
SPREAD = MP.mpf("1.3")


def bump(t):
    return t * (END - t)


def bump_slope(t):
    return END - 2 * t


def basis(t):
    """1 and t for each of the two parameters."""
    one, zero = MP.mpf(1), MP.mpf(0)
    return np.array([[one, zero], [t, zero], [zero, one], [zero, t]])


def basis_slope(t):
    one, zero = MP.mpf(1), MP.mpf(0)
    return np.array([[zero, zero], [one, zero], [zero, zero], [zero, one]])


def window(m, times, dt, jitter=0):
    """Apply (P5) to Gaussians with mean m(t) and one variance for all times."""
    means, s2 = [m(t) for t in times], SPREAD**2
    return LABELS["P5"](
        g=[bump(t) for t in times],
        g_dot=[bump_slope(t) for t in times],
        Phi=[basis(t) for t in times],
        Phi_dot=[basis_slope(t) for t in times],
        moments=[np.array([a, a * a + s2]) for a in means],
        covariances=[
            np.array([[s2, 2 * a * s2], [2 * a * s2, 4 * a * a * s2 + 2 * s2**2]]) for a in means
        ],
        dt=dt,
        jitter=jitter,
    )


def test_window_returns_the_rate_of_a_polynomial_path():
    """m = 1 + t − 0.3t² at fixed s² has θ̇ = ((1 − 0.6t)/s², 0), in the span of the basis.

    The integrands are polynomials of degree 8 at most, for which 6 nodes are exact.
    """
    times, dt = gauss_legendre(6, END)
    found = window(lambda t: 1 + t - MP.mpf("0.3") * t**2, times, dt)
    close(found, np.array([1, -MP.mpf("0.6"), 0, 0]) / SPREAD**2, 1e-40)


def test_window_minimises_the_integrated_regression():
    """For a path off the basis, a and ε solve (∫ gΦFΦᵀ + ε) a = ∫ gΦ ∂_t E f, before parts."""
    jitter = MP.mpf("0.01")

    @cache  # every integral asks at the same times
    def entries(t):
        a, s2, g, Phi = MP.sin(t), SPREAD**2, bump(t), basis(t)
        F = np.array([[s2, 2 * a * s2], [2 * a * s2, 4 * a * a * s2 + 2 * s2**2]])
        return g * Phi @ F @ Phi.T, g * Phi @ np.array([MP.cos(t), 2 * a * MP.cos(t)])

    C = [
        [MP.quad(lambda t, i=i, j=j: entries(t)[0][i, j], [0, END]) for j in range(4)]
        for i in range(4)
    ]
    right = [MP.quad(lambda t, i=i: entries(t)[1][i], [0, END]) for i in range(4)]
    expected = linear_solve(np.array(C) + jitter * np.eye(4, dtype=int), right)
    times, dt = gauss_legendre(24, END)  # an entire integrand: the error is below (2/48)^48/48!
    close(window(MP.sin, times, dt, jitter), expected, 1e-35)


# --------------------------------------------------------------------------------------------------


def brute_force_lasso(C, c, kappa):
    """Try all signs of a, and return the solution whose signs agree and that is the least."""

    def objective(a):
        return a @ C @ a / 2 + c @ a + kappa * sum(abs(entry) for entry in a)

    candidates = []
    for signs in itertools.product((-1, 0, 1), repeat=len(c)):
        a, active = c * 0, [j for j, sign in enumerate(signs) if sign]
        if active:
            right = [-c[j] - kappa * signs[j] for j in active]
            a[active] = linear_solve(C[np.ix_(active, active)], right)
        if all(entry * sign >= 0 for entry, sign in zip(a, signs, strict=True)):
            candidates.append(a)
    return min(candidates, key=objective)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kappa", ["0", "0.1", "0.6", "20"])
def test_sparse_coefficients_are_the_best_of_all_signs(seed, kappa):
    factor, c, kappa = random(seed, 6, 4), random(seed + 10, 4), MP.mpf(kappa)
    C = factor.T @ factor / 6
    a = LABELS["P6"](C, c, kappa)
    close(a, brute_force_lasso(C, c, kappa), 1e-42)  # descent stops within 4u of a
    gamma = C @ a + c
    for slope, entry in zip(gamma, a, strict=True):
        violation = abs(slope + kappa * MP.sign(entry)) if entry else max(0, abs(slope) - kappa)
        assert violation < 1e-42


def test_nothing_changes_under_a_penalty_above_all_slopes():
    assert not np.any(LABELS["P6"](exact(np.eye(3)), exact(np.array([1, -2, 0.5])), 2))


def test_exact_rates_are_time_derivatives():
    """Of θ = (m/s², −1/(2s²)) for m = sin t, s = 1 + t², and of (α, −β) for α = eᵗ, β = 2 + t³."""
    t = MP.mpf("0.6")

    def theta(t):
        m, s2 = MP.sin(t), (1 + t**2) ** 2
        return [m / s2, -1 / (2 * s2), MP.exp(t), -(2 + t**3)]

    gaussian, gamma = LABELS["P7"](
        MP.sin(t), 1 + t**2, MP.cos(t), 2 * t, alpha_dot=MP.exp(t), beta_dot=3 * t**2
    )
    expected = [MP.diff(lambda u, a=a: theta(u)[a], t) for a in range(4)]
    close([*gaussian, *gamma], expected, ROUNDING)


def test_samples_of_a_gamma_with_moving_rate_project_on_its_own_rate():
    """x = z/β moves with −xβ̇/β; five Gauss-Laguerre nodes integrate all moments but log x.

    On f = x alone, with α known, Cov f = α/β² and θ̇ = −β̇.
    """
    beta, beta_dot, alpha = MP.mpf("1.7"), MP.mpf("0.3"), 1
    z, rule = gauss_laguerre(5)
    x = (z / beta)[:, None]
    rate = LABELS["P4"](x, -x * beta_dot / beta, lambda z: np.array([[MP.mpf(1)]]), rule)
    found = LABELS["P3"](rate, x, lambda z: z, rule)
    close(rate, [-alpha * beta_dot / beta**2], ROUNDING)
    close(found, LABELS["P7"](0, 1, 0, 0, MP.mpf(0), beta_dot)[1][1:], ROUNDING)
