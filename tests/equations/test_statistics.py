"""Statistics against formulas by hand, their Jacobians against mpmath, moments, and (F1)."""

import itertools

import numpy as np
import pytest

from ingd_ref.equations import LABELS, statistics
from tests.equations.digits import (
    MP,
    ROUNDING,
    SLOPE,
    close,
    exact,
    partial,
    random,
    weights,
)

CENTERS, FREQUENCIES, PHASES = random(1, 4, 3), random(2, 5, 3), random(3, 5)
WIDTH, OFFSET = MP.mpf("1.2"), MP.mpf("0.5")


def inner(a, b):
    return sum(p * q for p, q in zip(a, b, strict=True))


def square(a):
    return inner(a, a)


#: Name → (function of the module, its Jacobian, the same values by hand).
STATISTICS = {
    "rbf": (
        lambda x: statistics.gaussian_rbf(x, CENTERS, WIDTH),
        lambda x: statistics.gaussian_rbf_jacobian(x, CENTERS, WIDTH),
        lambda x: [MP.exp(-square(x - c) / (2 * WIDTH**2)) for c in CENTERS],
    ),
    "cubic": (
        lambda x: statistics.polynomial(x, CENTERS, 3, OFFSET),
        lambda x: statistics.polynomial_jacobian(x, CENTERS, 3, OFFSET),
        lambda x: [(inner(x, c) + OFFSET) ** 3 for c in CENTERS],
    ),
    "linear": (
        lambda x: statistics.polynomial(x, CENTERS, 1, 0),
        lambda x: statistics.polynomial_jacobian(x, CENTERS, 1, 0),
        lambda x: [inner(x, c) for c in CENTERS],
    ),
    "monomials": (
        lambda x: statistics.monomials(x, 3),
        lambda x: statistics.monomials_jacobian(x, 3),
        lambda x: [
            *x,
            *(x[a] * x[c] for a in range(3) for c in range(a, 3)),
            *(x[a] * x[c] * x[e] for a in range(3) for c in range(a, 3) for e in range(c, 3)),
        ],
    ),
    "pairs": (
        statistics.pairwise_products,
        statistics.pairwise_products_jacobian,
        lambda x: [x[0] * x[1], x[0] * x[2], x[1] * x[2]],
    ),
    "fourier": (
        lambda x: statistics.random_fourier(x, FREQUENCIES, PHASES),
        lambda x: statistics.random_fourier_jacobian(x, FREQUENCIES, PHASES),
        lambda x: [
            MP.sqrt(MP.mpf(2) / 5) * MP.cos(inner(w, x) + p)
            for w, p in zip(FREQUENCIES, PHASES, strict=True)
        ],
    ),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_are_those_written_out_by_hand(name):
    f, _, by_hand = STATISTICS[name]
    x = random(4, 3)
    close(f(x), by_hand(x), ROUNDING)


@pytest.mark.parametrize("name", STATISTICS)
def test_jacobians_are_derivatives(name):
    f, jacobian, _ = STATISTICS[name]
    x = random(5, 3)
    expected = [[partial(lambda z, s=s: f(z)[s], x, a) for s in range(len(f(x)))] for a in range(3)]
    close(jacobian(x), expected, ROUNDING)


def test_moments_are_weighted_sums_over_pairs():
    """Cov f = ½ Σ_ij π_i π_j (f_i − f_j)(f_i − f_j)ᵀ, which needs no mean."""
    x, pi = random(6, 5, 3), weights(7, 5)
    values = [STATISTICS["cubic"][0](z) for z in x]
    close(statistics.mean(x, STATISTICS["cubic"][0], pi), pi @ np.array(values), ROUNDING)
    terms = (
        pi[i] * pi[j] / 2 * np.outer(values[i] - values[j], values[i] - values[j])
        for i, j in itertools.product(range(5), repeat=2)
    )
    close(statistics.covariance(x, STATISTICS["cubic"][0], pi), sum(terms), ROUNDING)


def test_regulariser_has_its_two_terms():
    F, ridge, jitter = random(8, 2, 2), MP.mpf("0.3"), MP.mpf("0.02")
    expected = [[ridge * F[i, j] + (jitter if i == j else 0) for j in (0, 1)] for i in (0, 1)]
    close(statistics.regulariser(F, ridge, jitter), expected, ROUNDING)


@pytest.mark.parametrize("d", [1, 2])
def test_least_denoising_loss_of_a_gaussian(d):
    """E = −‖x − m‖²/(2(S² + s²)) leaves d(1/s² − 1/(S² + s²)) when x ~ N(m, S²), noise N(0, s²).

    The residual is linear in x and noise, so points at m ± S with noise ±s, all combined, have the
    moments that count.
    """
    S, s, m = MP.mpf("1.4"), MP.mpf("0.6"), random(9, d)
    signs = exact(np.array(list(itertools.product((-1, 1), repeat=2 * d))))
    x, noise = m + S * signs[:, :d], s * signs[:, d:]
    loss = LABELS["F1"](lambda z: -square(z - m) / (2 * (S**2 + s**2)), x, noise, s)
    close(loss, d * (1 / s**2 - 1 / (S**2 + s**2)), SLOPE)


def test_denoising_loss_of_any_energy():
    """E = tanh⟨w, x⟩ has the gradient (1 − tanh²) w."""
    w, x, noise, s = random(10, 2), random(11, 4, 2), random(12, 4, 2), MP.mpf("0.7")
    terms = []
    for z, e in zip(x, noise, strict=True):
        slope = 1 - MP.tanh(inner(w, z + e)) ** 2
        terms += [(slope * a + b / s**2) ** 2 for a, b in zip(w, e, strict=True)]
    loss = LABELS["F1"](lambda z: MP.tanh(inner(w, z)), x, noise, s)
    close(loss, sum(terms) / 4, SLOPE)
