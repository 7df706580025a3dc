"""Increments of log Γ and its derivatives, the beta function and the inverse of its gradient
against mpmath, over sixteen decades.
"""

import itertools

import array_api_strict
import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref._special import gamma_increments
from ingd_ref._special.beta import (
    dirichlet_entropy,
    inverse_log_beta_gradient,
    inverse_log_beta_hessian_product,
    log_beta,
    log_beta_bregman,
    log_beta_conjugate,
    log_beta_gradient,
    log_beta_hessian,
    log_beta_third_derivative,
    mean_log_gap,
)
from ingd_ref._special.beta_fit import fitted_concentrations
from ingd_ref._special.counting_entropy import (
    multinomial_entropy,
    negative_binomial_entropy,
    poisson_entropy,
)
from ingd_ref._special.exponential import (
    log_softmax,
    log_sum_exp,
    log_sum_exp_bregman,
    other_sums,
    simplex_distance,
)
from ingd_ref._special.gamma_increments import (
    log_minus_digamma_decrement,
    reduced_lgamma_bregman_drop,
)
from ingd_ref.backend import to_host
from ingd_ref.errors import DomainError
from ingd_ref.kernels import _gamma_fused as gamma_fused

UNIT = 2.0**-53
GRID = (1e-8, 1e-5, 1e-2, 0.3, 0.5, 1.0, 3.0, 9.9, 10.1, 50.0, 1e4, 1e8)
PAIRS = np.asarray(list(itertools.product(GRID, GRID))).T
DIGITS = 120


@pytest.fixture(autouse=True)
def _digits():
    with mpmath.workdps(DIGITS):
        yield


def surplus(a: mpf, b: mpf) -> mpf:
    return 1 / mpmath.psi(1, a + b) - 1 / mpmath.psi(1, a) - 1 / mpmath.psi(1, b)


def log_minus_digamma(a: mpf) -> mpf:
    return mpmath.log(a) - mpmath.psi(0, a)


# Ten positive steps of a few roundings each, as in the recurrences of a single argument; 7, 6, 7, 9
# and 11 u are the most seen.
@pytest.mark.parametrize(
    ("name", "literal", "units"),
    [
        ("digamma_increment", lambda a, b: mpmath.psi(0, a + b) - mpmath.psi(0, a), 12),
        ("trigamma_decrement", lambda a, b: mpmath.psi(1, a) - mpmath.psi(1, a + b), 12),
        ("tetragamma_increment", lambda a, b: mpmath.psi(2, a + b) - mpmath.psi(2, a), 12),
        (
            "log_minus_digamma_decrement",
            lambda a, b: log_minus_digamma(a) - log_minus_digamma(a + b),
            24,
        ),
        ("trigamma_surplus", surplus, 24),
    ],
)
def test_increments(name: str, literal, units: float) -> None:
    for a, b, value in zip(*PAIRS, getattr(gamma_increments, name)(np, *PAIRS), strict=True):
        truth = literal(mpf(float(a)), mpf(float(b)))
        assert abs(mpf(float(value)) - truth) <= units * UNIT * truth, (
            a,
            b,
            value,
            mpmath.nstr(truth, 20),
        )


@pytest.mark.parametrize(
    "name",
    [
        "digamma_increment",
        "trigamma_decrement",
        "tetragamma_increment",
        "log_minus_digamma_decrement",
        "trigamma_surplus",
    ],
)
def test_increments_in_float32(name: str) -> None:
    a, b = PAIRS.astype(np.float32)
    if name == "tetragamma_increment":  # 2/a³ − 2/(a + b)³ is a number of that type for these
        a, b = (x[(a > 1e-6) & (a < 1e6) & (b > 1e-6)] for x in (a, b))
    values = getattr(gamma_increments, name)(np, a, b)
    assert values.dtype == np.float32
    np.testing.assert_allclose(
        values,
        getattr(gamma_increments, name)(np, a.astype(np.float64), b.astype(np.float64)),
        rtol=24 * 2.0**-24,
    )


def reduced(a: mpf) -> mpf:
    return mpmath.loggamma(a) - a * mpmath.log(a) + a


def reduced_bregman(a: mpf, b: mpf) -> mpf:
    return reduced(b) - reduced(a) + (b - a) * (mpmath.log(a) - mpmath.psi(0, a))


def bregman(a: mpf, b: mpf) -> mpf:
    return mpmath.loggamma(b) - mpmath.loggamma(a) - (b - a) * mpmath.psi(0, a)


@pytest.mark.parametrize("signs", [(1, 0), (0, 1), (1, 1), (1, -1)], ids=str)
@pytest.mark.parametrize("step", [1e-12, 1e-6, -1e-2, -0.4, 9.0])
def test_drop_of_the_remainder(step: float, signs: tuple[int, int]) -> None:
    """Judged by what it is a part of, the divergence of two Beta distributions, whose larger
    parameter is the first; 8 u are seen.
    """
    a, r = (x[PAIRS[0] >= PAIRS[1]] for x in PAIRS)
    b, s = a * (1 + step) ** signs[0], r * (1 + step) ** signs[1]
    values = reduced_lgamma_bregman_drop(np, a, b, r, s, s - r)
    for numbers in zip(a, b, r, s, values, strict=True):
        p, q, u, v, value = (mpf(float(x)) for x in numbers)
        truth = reduced_bregman(p, q) - reduced_bregman(p + u, q + v)
        divergence = bregman(p, q) + bregman(u, v) - bregman(p + u, q + v)
        assert abs(value - truth) <= 24 * UNIT * divergence, numbers


def test_gap_of_mean_logarithms() -> None:
    for row in ([-1e-20, -60.0], [-np.log(2), -np.log(2) - 1e-9], [-1.0, -2.0, -0.8]):
        truth = 1 - mpmath.fsum(mpmath.exp(mpf(float(x))) for x in row)
        value = mpf(float(mean_log_gap(np, np.asarray(row))))
        size = -mpmath.expm1(
            mpf(float(max(row)))
        )  # exponentials are taken off this much, and round to u of it
        assert abs(value - truth) <= 4 * UNIT * size


@pytest.mark.parametrize("size", [2, 3, 10])
def test_inverse_gradient_reaches_its_target(size: int) -> None:
    """The residual in units of μ.

    16 u, the rounding of the forward function and of α, which it is no more sensitive to than |μ|.

    Rows of one size, of sizes within a factor of e⁴ or so, and over sixteen decades, all in one
    batch.
    """
    rng = np.random.default_rng(size)
    scale = 10.0 ** rng.uniform(-8, 8, (40, 1))
    alpha = np.concatenate(
        [scale * np.exp(spread * rng.standard_normal((40, size))) for spread in (0.0, 1.0, 4.0)]
    )
    alpha = np.concatenate([alpha, 10.0 ** rng.uniform(-8, 8, (200, size))])
    mu = log_beta_gradient(np, alpha)
    mu = mu[mean_log_gap(np, mu) > 0]
    found = inverse_log_beta_gradient(np, mu)
    for row, target in zip(found, mu, strict=True):
        total = mpmath.psi(0, mpmath.fsum(mpf(float(a)) for a in row))
        for a, m in zip(row, target, strict=True):
            reached = mpmath.psi(0, mpf(float(a))) - total
            assert abs(reached - mpf(float(m))) <= 16 * UNIT * abs(mpf(float(m))), (row, target)


def test_strict_arrays() -> None:
    """Only functions of the array standard are used, on the device of the argument.

    That device has no float64, in which the laws of the families call them on another device.
    """
    xp, place = array_api_strict, array_api_strict.Device("device2")
    host = np.asarray([[0.5, 2.0, 7.0], [30.0, 1.0, 0.01]], dtype=np.float32)
    alpha = xp.asarray(host, device=place)
    for function in (
        log_beta,
        log_beta_gradient,
        log_beta_hessian,
        log_beta_conjugate,
        dirichlet_entropy,
        lambda namespace, a: log_beta_bregman(namespace, a, 1.25 * a),
        lambda namespace, a: inverse_log_beta_gradient(namespace, log_beta_gradient(namespace, a)),
        lambda namespace, a: inverse_log_beta_hessian_product(namespace, a, a[..., None, :]),
        log_beta_third_derivative,
        lambda namespace, a: log_minus_digamma_decrement(namespace, a, 1.25 * a),
        lambda namespace, a: fitted_concentrations(
            namespace,
            a / namespace.sum(a, axis=-1, keepdims=True),
            1.0 / a,
            namespace.zeros_like(a[..., 0]),
        ),
        log_softmax,
        log_sum_exp,
        lambda namespace, a: log_sum_exp_bregman(namespace, a, 1.25 * a),
        lambda namespace, a: simplex_distance(namespace, a, 1.25 * a),
        poisson_entropy,
        lambda namespace, a: negative_binomial_entropy(namespace, 3.0, a),
        lambda namespace, a: multinomial_entropy(namespace, 9, a / 32.0),
    ):
        value = function(xp, alpha)
        assert (value.device, value.dtype) == (place, alpha.dtype)
        np.testing.assert_allclose(
            to_host(value), function(np, host), rtol=400 * np.finfo(host.dtype).eps
        )


@pytest.mark.parametrize("size", [2, 4])
def test_third_derivative(size: int) -> None:
    """Every entry, however small: 12 u for an increment, 8 u for ψ″(α₀), and 3 u from the rounding
    of α₀.
    """
    rng = np.random.default_rng(size)
    for row in 10.0 ** rng.uniform(-8, 8, (40, size)):
        a = [mpf(float(x)) for x in row]
        corner = -mpmath.psi(2, mpmath.fsum(a))
        for index in itertools.product(range(size), repeat=3):
            truth = corner + (mpmath.psi(2, a[index[0]]) if len(set(index)) == 1 else 0)
            assert abs(
                mpf(float(log_beta_third_derivative(np, row)[index])) - truth
            ) <= 12 * UNIT * abs(truth), (row, index)


def mean_of(alpha: np.ndarray) -> list[mpf]:
    total = mpmath.psi(0, mpmath.fsum(mpf(float(a)) for a in alpha))
    return [mpmath.psi(0, mpf(float(a))) - total for a in alpha]


def compiled_inverse(xp, mu: np.ndarray) -> np.ndarray:
    return gamma_fused.inverse_log_beta_gradient(mu)


@pytest.mark.parametrize(
    "inverse",
    [inverse_log_beta_gradient.__wrapped__, compiled_inverse],
    ids=["readable", "compiled"],
)
@pytest.mark.parametrize("size", [2, 3, 200])
def test_inverse_gradient_of_huge_entries(size: int, inverse) -> None:
    """Where rounding moves the scale by 1e-4 (at 1e12) or leaves it open (from 1e14), the residual
    is still a few u of μ in every entry.

    The small entries are the test: they are off by the square of every change of scale that they
    did not take part in. 18 u are seen up to 1e12, and 130 u where the scale is open, since it is
    then not moved again after the first equation.
    """
    rng = np.random.default_rng(size)
    rows = 12 if size < 10 else 1
    for low, high, units in ((2, 12, 32), (12, 12.01, 32), (12, 14, 256), (14, 15, 256)):
        mu = log_beta_gradient(np, 10.0 ** rng.uniform(low, high, (rows, size)))
        mu = mu[mean_log_gap(np, mu) > 0]
        assert len(mu) > 0
        for row, target in zip(inverse(np, mu), mu, strict=True):
            assert np.all(np.isfinite(row) & (row > 0))
            for reached, m in zip(mean_of(row), target, strict=True):
                assert abs(reached - mpf(float(m))) <= units * UNIT * abs(mpf(float(m))), (
                    low,
                    row,
                    target,
                )


@pytest.mark.parametrize("size", [2, 3, 20])
def test_concentrations_of_a_mean_and_what_its_logarithm_exceeds(size: int) -> None:
    """Members of α₀ from 1 to 1e16, from rounded means and gaps.

    16 u, of which their roundings are 2 u, the formula for the gap 8 u.
    """
    rng = np.random.default_rng(size)
    scale, share = 10.0 ** rng.uniform(0, 16, (100, 1)), rng.dirichlet(np.full(size, 0.5), 100)
    alpha = np.maximum(scale * share, 1e-6)
    centre = alpha / np.sum(alpha, axis=-1, keepdims=True)
    gap = log_minus_digamma_decrement(np, alpha, other_sums(np, alpha))
    found = fitted_concentrations(np, centre, gap, np.zeros(100))
    np.testing.assert_allclose(found, alpha, rtol=16 * UNIT)


def very_unequal() -> np.ndarray:
    """Equal concentrations, random ones over sixteen decades, and one that outweighs two tiny
    ones.
    """
    rng = np.random.default_rng(7)
    equal = np.repeat(np.logspace(-8, 8, 17)[:, None], 3, axis=1)
    return np.concatenate(
        [
            equal,
            10.0 ** rng.uniform(-8, 8, (60, 3)),
            [[1e-8, 1.0, 1e8], [1.0, 1.0, 1e8], [1e-8, 1e-8, 1.0]],
        ]
    )


def test_very_unequal_concentrations() -> None:
    """One step of Newton's method at many digits, in units of what the rounding of the gaps moves
    each entry by: 3 u are seen.

    That step is the error if the error is small, and anything but small if it is not.
    """
    alpha = very_unequal()
    centre = alpha / np.sum(alpha, axis=-1, keepdims=True)
    gap, defect = np.empty_like(alpha), np.empty(len(alpha))
    for k, (row, c) in enumerate(zip(alpha, centre, strict=True)):
        gap[k] = [
            float(mpmath.log(mpf(float(y))) - m) for y, m in zip(c, mean_of(row), strict=True)
        ]
        defect[k] = float(mpmath.fsum(mpf(float(y)) for y in c) - 1)
    kept = np.all(
        gap >= 0, axis=1
    )  # a gap that the rounding of c has made negative belongs to no member
    assert np.sum(kept) >= 75
    found = fitted_concentrations(np, centre[kept], gap[kept], defect[kept])
    for row, c, g in zip(found, centre[kept], gap[kept], strict=True):
        a = [mpf(float(x)) for x in row]
        corner = mpmath.psi(1, mpmath.fsum(a))
        inverse = (
            mpmath.matrix(
                [
                    [(mpmath.psi(1, x) if i == j else 0) - corner for j in range(3)]
                    for i, x in enumerate(a)
                ]
            )
            ** -1
        )
        residual = [
            mpmath.log(mpf(float(y))) - mpf(float(z)) - m
            for y, z, m in zip(c, g, mean_of(row), strict=True)
        ]
        for i, x in enumerate(a):
            size = x + mpmath.fsum(abs(inverse[i, j] * mpf(float(g[j]))) for j in range(3))
            assert (
                abs(mpmath.fsum(inverse[i, j] * residual[j] for j in range(3))) <= 16 * UNIT * size
            ), (row, c, g)


def test_means_and_gaps_of_no_concentrations() -> None:
    """Means that sum to more than the gaps leave room for.

    The iteration finds nothing and says so.
    """
    with (
        np.errstate(all="ignore"),
        pytest.raises(
            DomainError, match="x determines no concentrations, up to the rounding of its points"
        ),
    ):
        fitted_concentrations(
            np, np.asarray([0.5, 0.5]), np.asarray([1e-6, 1e-6]), np.asarray(1e-3)
        )


def test_divergence_of_concentrations_that_fall_by_many_decades() -> None:
    """Entries of β that a difference from α rounds to a few digits.

    5 u are seen, of a sum of some twenty terms.
    """
    alpha = np.asarray([3522646.177426364, 2.612139997579976e-06, 8604195.644245729])
    rows = [(alpha, np.asarray([0.891199565919685, 9.125123531516058e-05, 1.5442030598607518e-08]))]
    rng = np.random.default_rng(4)
    rows += [
        tuple(10.0 ** rng.uniform(low, high, (2, 3)))
        for low, high in ((-8, 8), (-8, 8), (-3, 3), (4, 8))
        for _ in range(20)
    ]
    for first, second in rows:
        a, b = ([mpf(float(x)) for x in row] for row in (first, second))
        log_beta = [
            mpmath.fsum(mpmath.loggamma(x) for x in row) - mpmath.loggamma(mpmath.fsum(row))
            for row in (a, b)
        ]
        truth = (
            log_beta[1]
            - log_beta[0]
            - mpmath.fsum((y - x) * m for x, y, m in zip(a, b, mean_of(first), strict=True))
        )
        value = mpf(float(log_beta_bregman(np, first, second)))
        assert abs(value - truth) <= 24 * UNIT * truth, (first, second, float(value / truth - 1))
