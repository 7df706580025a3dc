"""(Q1)-(Q5) against integrals: of smoothed samples, distribution functions and quantiles."""

import itertools

import numpy as np
import pytest

from ingd_ref.equations import LABELS
from tests.equations.digits import MP, ROUNDING, close, exact, linear_solve, random, weights

SIGMA = MP.mpf("1.3")


@pytest.fixture(params=[(1, 1), (3, 2), (4, 5)], ids="n={0[0]},m={0[1]}".format)
def line(request):
    """Samples x and y on a line, with weights."""
    n, m = request.param
    return random(n, n, 1), random(m + 10, m, 1), weights(n, n), weights(m, m)


def trapezoid(step, end):
    """Nodes of a rule for entire functions that fall like Gaussians, on [−end, end]."""
    count = int(end / step)
    return [step * k for k in range(-count, count + 1)]


def test_discrepancy_is_the_distance_of_smoothed_samples(line):
    """k(x, y) ∝ ∫ φ(u − x) φ(u − y) du with φ of variance σ²/2.

    The trapezoidal rule is off by exp(−π²σ²/(2h²)·…) < 1e-50 at h = 0.2, and by tails below 1e-60.
    """
    x, y, pi, rho = line

    def smoothed(u):
        parts = [w * MP.exp(-((u - z) ** 2) / SIGMA**2) for w, (z,) in zip(pi, x, strict=True)]
        parts += [-w * MP.exp(-((u - z) ** 2) / SIGMA**2) for w, (z,) in zip(rho, y, strict=True)]
        return sum(parts) ** 2

    step = MP.mpf("0.2")
    integral = step * sum(smoothed(u) for u in trapezoid(step, 18))
    expected = MP.sqrt(integral / (SIGMA * MP.sqrt(MP.pi / 2)))
    close(LABELS["Q1"](x, y, pi, rho, SIGMA), expected, 1e-40)


def test_discrepancy_of_a_sample_from_itself_is_zero_in_any_order():
    """Rounding leaves −1e-17 of the square in one order or another, which has no square root."""
    x, pi = np.random.default_rng(1).normal(size=(5, 2)), np.full(5, 0.2)
    found = [LABELS["Q1"](x, x[list(p)], pi, pi, 1.3) for p in itertools.permutations(range(5))]
    assert max(found) < 1e-7  # the root of thirty roundings


def distribution_functions(x, y, pi, rho):
    """Lengths of the pieces between points, with both distribution functions on each."""
    ends = sorted([*x[:, 0], *y[:, 0]])
    for left, right in itertools.pairwise(ends):
        F, G = (
            sum(w for w, (z,) in zip(mass, points, strict=True) if z <= left)
            for points, mass in ((x, pi), (y, rho))
        )
        yield right - left, F, G


def test_energy_distance_on_a_line_is_the_integral_over_distribution_functions(line):
    expected = 2 * sum(length * (F - G) ** 2 for length, F, G in distribution_functions(*line))
    close(LABELS["Q2"](*line), expected, ROUNDING)


def test_energy_distance_in_the_plane():
    """One point against two: 2(3·5 + 1·1)/4 − 2·3/16·‖y₁ − y₂‖ for distances 5, 1 and √20."""
    x, y = exact(np.array([[0, 0]])), exact(np.array([[3, 4], [1, 0]]))
    rho = exact(np.array([0.75, 0.25]))
    expected = 8 - 6 * MP.sqrt(20) / 16
    close(LABELS["Q2"](x, y, exact(np.array([1])), rho), expected, ROUNDING)


def test_density_ratio_of_gaussians_gives_their_divergence():
    """q = N(0, 1) and r ∝ k(·, c) make p a Gaussian with precision 1 + 1/σ² and mean c/(σ² + 1).

    Trapezoidal nodes at h = ¼ hold both densities to 1e-60.
    """
    c = MP.mpf("0.8")
    variance = SIGMA**2 / (SIGMA**2 + 1)
    mean = c / (SIGMA**2 + 1)
    nodes = np.array(trapezoid(MP.mpf("0.25"), 17))
    pi = np.array([MP.exp(-(z**2) / 2) for z in nodes])
    rho = np.array([MP.exp(-((z - mean) ** 2) / (2 * variance)) for z in nodes])
    found = LABELS["Q3"](
        exact(np.array([7])),
        nodes[:, None],
        nodes[:, None],
        pi / np.sum(pi),
        rho / np.sum(rho),
        np.array([[c]]),
        SIGMA,
    )
    close(found, (variance + mean**2 - 1 - MP.log(variance)) / 2, 1e-40)


def test_density_ratio_with_several_centers_by_hand():
    x, held_out, centers = random(1, 3, 2), random(2, 2, 2), random(3, 2, 2)
    pi, rho, alpha = weights(1, 3), weights(2, 2), exact(np.array([0.3, 1.1]))

    def r(z):
        terms = [
            a * MP.exp(-sum((z - c) ** 2) / (2 * SIGMA**2))
            for a, c in zip(alpha, centers, strict=True)
        ]
        return sum(terms)

    scale = sum(w * r(z) for w, z in zip(pi, x, strict=True))
    expected = sum(w * (MP.log(r(z)) - MP.log(scale)) for w, z in zip(rho, held_out, strict=True))
    found = LABELS["Q3"](alpha, x, held_out, pi, rho, centers, SIGMA)
    close(found, expected, ROUNDING)


@pytest.mark.parametrize("b", [1, 3])
def test_moment_residual_is_a_norm(b):
    Delta, factor, jitter = random(1, b), random(2, b, b + 1), MP.mpf("0.01")
    F = factor @ factor.T
    square = Delta @ linear_solve(F + jitter * np.eye(b, dtype=int), Delta)
    close(LABELS["Q4"](Delta, F, jitter), MP.sqrt(square), 1e-42)


def quantile(points, mass, t):
    """The least point up to which there is mass t."""
    total = 0
    for point, weight in sorted(zip(points, mass, strict=True)):
        total += weight
        if t <= total:
            return point
    return max(points)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_distance_on_a_line_is_the_integral_over_quantiles(line, p):
    """Midpoints of the pieces on which both quantile functions are constant integrate exactly."""
    x, y, pi, rho = line
    jumps = []
    for points, mass in ((x[:, 0], pi), (y[:, 0], rho)):
        order = np.argsort(points)
        jumps += list(np.cumsum(mass[order]))
    total = 0
    for left, right in itertools.pairwise(sorted([MP.mpf(0), *jumps])):
        t = (left + right) / 2
        gap = abs(quantile(x[:, 0], pi, t) - quantile(y[:, 0], rho, t))
        total += (right - left) * gap**p
    found = LABELS["Q5"](x, y, pi, rho, exact(np.array([[1]])), p)
    close(found, MP.root(total, p), ROUNDING)


def test_first_distance_on_a_line_is_the_area_between_distribution_functions(line):
    expected = sum(length * abs(F - G) for length, F, G in distribution_functions(*line))
    close(LABELS["Q5"](*line, exact(np.array([[1]])), 1), expected, ROUNDING)


def test_sliced_distance_averages_powers_over_directions():
    """Along (1, 0) the sorted gaps are 1 and 2, along (0, 1) they are 0 and 3."""
    x, y = exact(np.array([[0, 0], [1, 0]])), exact(np.array([[3, 0], [1, 3]]))
    half = exact(np.array([0.5, 0.5]))
    for p in (2, 3):
        expected = MP.root((1 + MP.mpf(2) ** p + 0 + MP.mpf(3) ** p) / 4, p)
        close(LABELS["Q5"](x, y, half, half, exact(np.eye(2)), p), expected, ROUNDING)


def test_points_without_weight_do_not_count():
    x, y = np.array([[5.0], [0.0], [9.0]]), np.array([[1.0]])
    pi = np.array([0.0, 1.0, 0.0])
    assert LABELS["Q5"](x, y, pi, np.array([1.0]), np.eye(1), 2) == 1.0
