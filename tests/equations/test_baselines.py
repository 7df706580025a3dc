"""(W1)-(W4) against mpmath's derivatives of log densities and of the metrics that they descend."""

import numpy as np
import pytest

from ingd_ref.equations import LABELS, baselines
from tests.equations.digits import MP, ROUNDING, close, exact, partial, random, weights

SIGMA = MP.mpf("1.3")


def distance(a, b):
    return MP.sqrt(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)))


def gaussian(a, b):
    return MP.exp(-(distance(a, b) ** 2) / (2 * SIGMA**2))


def discrepancy(kernel, x, y, pi, rho):
    """Σ s_i s_j kernel(z_i, z_j) over both samples, with the signs of π and −ρ."""
    points, signed = [*x, *y], [*pi, *(-rho)]
    return sum(
        s * t * kernel(a, b)
        for s, a in zip(signed, points, strict=True)
        for t, b in zip(signed, points, strict=True)
    )


@pytest.fixture(params=[(1, 1, 1), (3, 2, 1), (3, 4, 2)], ids="n={0[0]},m={0[1]},d={0[2]}".format)
def samples(request):
    n, m, d = request.param
    return random(n, n, d), random(m + 10, m, d), weights(n, n), weights(m, m)


def test_kernel_density_velocity_is_a_difference_of_log_derivatives(samples):
    x, y, pi, rho = samples

    def log_ratio(z):
        p, q = (
            sum(w * gaussian(z, c) for w, c in zip(mass, points, strict=True))
            for points, mass in ((y, rho), (x, pi))
        )
        return MP.log(p / q)

    for z in (x[0], random(30, x.shape[1])):
        expected = [partial(log_ratio, z, a) for a in range(len(z))]
        close(LABELS["W1"](z, x, y, pi, rho, SIGMA), expected, ROUNDING)


def test_kernel_density_score_is_a_log_derivative(samples):
    _, y, _, rho = samples
    z = random(30, y.shape[1])

    def log_density(z):
        return MP.log(sum(w * gaussian(z, c) for w, c in zip(rho, y, strict=True)))

    expected = [partial(log_density, z, a) for a in range(len(z))]
    close(baselines.kde_score(z, y, rho, SIGMA), expected, ROUNDING)


def test_kernel_density_score_survives_where_all_gaussians_underflow():
    """At 1000σ the nearest of two points decides, and a point without weight has no say."""
    x, y = np.array([[0.0]]), np.array([[1000.0], [1001.0], [0.0]])
    rho, pi = np.array([0.5, 0.5, 0.0]), np.array([1.0])
    close(LABELS["W1"](x[0], x, y, pi, rho, 1.0), [1000.0], 1e-15)


def descent(metric, x, pi, i):
    """−(1/π_i) ∂metric/∂x_i."""

    def moved(z):
        return metric([*x[:i], z, *x[i + 1 :]])

    return np.array([-partial(moved, x[i], a) / pi[i] for a in range(x.shape[1])])


def test_energy_velocity_descends_the_energy_distance(samples):
    """Only pairs that move against each other have a slope: a point's distance to itself is 0."""
    x, y, pi, rho = samples
    for i in range(len(x)):

        def metric(points, i=i):
            others = [j for j in range(len(x)) if j != i]
            pulls = sum(r * distance(points[i], c) for r, c in zip(rho, y, strict=True))
            pushes = sum(pi[j] * distance(points[i], points[j]) for j in others)
            return 2 * pi[i] * (pulls - pushes)

        close(LABELS["W2"](x[i], x, y, pi, rho), descent(metric, x, pi, i), ROUNDING)


def test_energy_velocity_counts_coinciding_points_as_nothing():
    x, y = exact(np.array([[1, 2], [1, 2]])), exact(np.array([[1, 2], [4, 6]]))
    half = exact(np.array([0.5, 0.5]))
    close(LABELS["W2"](x[0], x, y, half, half), exact(np.array([3, 4])) / 5, ROUNDING)


def test_mmd_velocity_descends_the_squared_discrepancy(samples):
    x, y, pi, rho = samples
    for i in range(len(x)):
        expected = descent(lambda points: discrepancy(gaussian, points, y, pi, rho), x, pi, i)
        close(LABELS["W3"](x[i], x, y, pi, rho, SIGMA), expected, ROUNDING)


def test_stein_velocity_is_the_mean_of_steins_operator(samples):
    """v(z) = Σ π_i ∇_x [p(x) k(x, z)] / p(x) at x_i, here for p ∝ exp(−x₁⁴ − ‖x‖²/2)."""
    x, _, pi, _ = samples
    z = random(31, x.shape[1])

    def density(c):
        return MP.exp(-(c[0] ** 4) - sum(a * a for a in c) / 2)

    def score(c):
        return np.array([-4 * c[0] ** 3 - c[0], *(-c[1:])])

    expected = [
        sum(
            w * partial(lambda c: density(c) * gaussian(c, z), point, a) / density(point)
            for w, point in zip(pi, x, strict=True)
        )
        for a in range(len(z))
    ]
    close(LABELS["W4"](z, x, pi, score, SIGMA), expected, ROUNDING)
