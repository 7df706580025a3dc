"""Draws of members from ordinary to extreme: none hangs, logarithms have the right law, fits work.

A family fits its own draws, or the draws show that no member fits them.
"""

import itertools
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import numpy as np
import pytest
from scipy import special, stats

from ingd_ref import families
from ingd_ref.errors import DomainError, IngdError, NonFiniteError, OptionError
from ingd_ref.families import ExponentialFamily
from validation.oracles.precise import MP

Family = ExponentialFamily
Classical = dict[str, object]

# --- logarithms -----------------------------------------------------------------------------------

DRAWS = 20_000
# The tests of this section compare fewer than 300 means; 1e-8 each leaves a chance below 1e-5 that
# a correct sampler fails for a new seed.
Z_LIMIT = stats.norm.isf(0.5e-8)
SHAPES = (1e-300, 1e-8, 0.003, 0.3, 1.0, 2.5, 1e4, 1e12)


def psi(order: int, *signed: tuple[float, float]) -> float:
    """Σ s ψ⁽ᵏ⁾(a) over pairs (s, a), which may cancel."""
    return float(MP.fsum(sign * MP.psi(order, MP.mpf(a)) for sign, a in signed))


def z_score(values: np.ndarray, mean: float, variance: float) -> float:
    return float(abs(np.mean(values) - mean) / np.sqrt(variance / len(values)))


def logs(family: Family, classical: Classical, seed: int = 1) -> np.ndarray:
    theta = family.natural(**classical)
    drawn = family.sample(theta, DRAWS, np.random.default_rng(seed), log=True)
    assert np.all(np.isfinite(drawn))
    return drawn


@pytest.mark.parametrize("shape", SHAPES)
def test_logarithms_of_gamma_variates(shape: float) -> None:
    """E log x = ψ(α) − log β, and of each relative; at α = 0.003 clipped draws are off by 16 z."""
    mean, variance = psi(0, (1, shape)), psi(1, (1, shape))
    log3 = np.log(3.0)
    for family, classical, expected in (
        (families.Gamma(), {"shape": shape, "rate": 3.0}, mean - log3),
        (families.InverseGamma(), {"shape": shape, "scale": 3.0}, log3 - mean),
        (families.ChiSquared(), {"degrees_of_freedom": 2 * shape}, mean + np.log(2.0)),
    ):
        assert z_score(logs(family, classical)[:, 0], expected, variance) < Z_LIMIT


@pytest.mark.parametrize("beta", [1e-8, 0.02, 5.0, 1e12])
@pytest.mark.parametrize("alpha", SHAPES[1:])
def test_logarithms_of_beta_variates(alpha: float, beta: float) -> None:
    """Both sides: with (5, 0.02) 1 − x underflows for half of all draws."""
    drawn = logs(families.Beta(), {"alpha": alpha, "beta": beta})
    assert drawn.shape == (DRAWS, 2)
    total = MP.mpf(alpha) + MP.mpf(beta)
    for column, shape in enumerate((alpha, beta)):
        mean, variance = (psi(k, (1, shape), (-1, total)) for k in (0, 1))
        assert z_score(drawn[:, column], mean, variance) < Z_LIMIT
    np.testing.assert_allclose(special.logsumexp(drawn, axis=1), 0.0, atol=1e-15)


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1.0, 1e6])
def test_logarithms_of_points_of_the_simplex(scale: float) -> None:
    concentration = scale * np.asarray([1.0, 0.5, 0.25])
    drawn = logs(families.Dirichlet(3), {"concentration": concentration})
    total = MP.fsum(concentration.tolist())
    for column, shape in enumerate(concentration.tolist()):
        mean, variance = (psi(k, (1, shape), (-1, total)) for k in (0, 1))
        assert z_score(drawn[:, column], mean, variance) < Z_LIMIT
    np.testing.assert_allclose(special.logsumexp(drawn, axis=1), 0.0, atol=1e-15)


@pytest.mark.parametrize(
    ("dim", "freedom"), [(2, 1.0001), (2, 1.1), (2, 5.0), (3, 2.01), (3, 40.0)]
)
def test_factors_of_wishart_matrices(dim: int, freedom: float) -> None:
    """E log det X, which draws of X lose at ν = 1.1, and E X = νV from the same factors."""
    scale = np.eye(dim) + 0.5
    drawn = logs(families.Wishart(dim), {"scale": scale, "degrees_of_freedom": freedom})
    rows, columns = np.tril_indices(dim)
    halves = [(1.0, (MP.mpf(freedom) - j) / 2) for j in range(dim)]
    expected = psi(0, *halves) + dim * np.log(2.0) + np.linalg.slogdet(scale)[1]
    log_det = 2.0 * np.sum(drawn[:, rows == columns], axis=1)
    assert z_score(log_det, expected, psi(1, *halves)) < Z_LIMIT
    lower = np.zeros((DRAWS, dim, dim))
    lower[:, rows, columns] = np.where(rows == columns, np.exp(drawn), drawn)
    x = lower @ np.swapaxes(lower, 1, 2)
    for i, j in itertools.product(range(dim), repeat=2):
        variance = freedom * (scale[i, j] ** 2 + scale[i, i] * scale[j, j])
        assert z_score(x[:, i, j], freedom * scale[i, j], variance) < Z_LIMIT


EULER = float(np.euler_gamma)


@pytest.mark.parametrize(
    ("family", "classical", "mean", "variance"),
    [
        (families.Exponential(), {"rate": 3.0}, -EULER - np.log(3.0), np.pi**2 / 6),
        (families.Rayleigh(), {"scale": 2.0}, 1.5 * np.log(2.0) - EULER / 2, np.pi**2 / 24),
        (families.Weibull(1e-3), {"scale": 2.0}, np.log(2.0) - 1e3 * EULER, 1e6 * np.pi**2 / 6),
        (
            families.Maxwell(),
            {"scale": 2.0},
            1.5 * np.log(2.0) + psi(0, (1, 1.5)) / 2,
            psi(1, (1, 1.5)) / 4,
        ),
        (families.Pareto(2.5), {"shape": 1e-3}, np.log(2.5) + 1e3, 1e6),
        (families.LogNormal(), {"log_mean": 1e4, "log_variance": 9.0}, 1e4, 9.0),
    ],
    ids=lambda value: value.name if isinstance(value, ExponentialFamily) else None,
)
def test_logarithms_of_positive_numbers(
    family: Family, classical: Classical, mean: float, variance: float
) -> None:
    """Also where the numbers themselves overflow, as those of Weibull(0.001) and e^10000 do."""
    assert z_score(logs(family, classical)[:, 0], mean, variance) < Z_LIMIT


@pytest.mark.parametrize(("mean", "shape"), [(1.0, 1.0), (1e100, 1e-100), (3.0, 1e-8), (1e-8, 5.0)])
def test_logarithms_of_inverse_gaussian_variates(mean: float, shape: float) -> None:
    """λ(x − m)²/(m²x) is χ² with one degree of freedom, and x < m as often as SciPy says."""
    drawn = logs(families.InverseGaussian(), {"mean": mean, "shape": shape})[:, 0] - np.log(mean)
    ratio = shape / mean
    square = np.exp(np.log(ratio) + 2.0 * np.log(np.abs(np.expm1(drawn))) - drawn)
    assert stats.kstest(square, stats.chi2(1).cdf).pvalue > 1e-8
    if ratio > 1e-3:
        below = stats.invgauss(mean / shape, scale=ratio).cdf(1.0)
        assert z_score(drawn < 0, below, below * (1.0 - below)) < Z_LIMIT


def test_logarithms_of_products_and_batches_and_float32() -> None:
    family = families.Product((families.Gamma(), families.Dirichlet(2)))
    theta = np.asarray([[2.0, -3.0, 1.0, 1e-3], [1e-3, -1.0, 5.0, 2.0]], dtype=np.float32)
    drawn = family.sample(theta, 7, np.random.default_rng(2), log=True)
    assert drawn.shape == (2, 7, 3)
    assert drawn.dtype == np.float32
    assert np.all(np.isfinite(drawn))


def test_families_without_logarithms_of_draws() -> None:
    gaussian, matrices = families.Gaussian(), families.InverseWishart(2)
    with pytest.raises(OptionError, match="points of Gaussian have none: they are not positive"):
        gaussian.sample(gaussian.natural(mean=0.0, variance=1.0), 2, 1, log=True)
    theta = matrices.natural(scale=np.eye(2), degrees_of_freedom=3.0)
    with pytest.raises(OptionError, match="draw that of its inverse, Wishart with scale"):
        matrices.sample(theta, 2, 1, log=True)
    with pytest.raises(OptionError, match="log must be True or False, got 'yes'"):
        gaussian.sample(gaussian.natural(mean=0.0, variance=1.0), 2, 1, log="yes")


# --- the whole range of exponents -----------------------------------------------------------------

DOUBLE = (
    5e-324,
    1e-300,
    1e-150,
    1e-30,
    1e-8,
    1e-3,
    0.5,
    3.0,
    1e3,
    1e8,
    1e30,
    1e150,
    1e300,
    1.7e308,
)
SINGLE = (1e-44, 1e-37, 1e-20, 1e-8, 1e-3, 0.01, 0.5, 3.0, 1e3, 1e8, 1e20, 1e37, 3e38)
MATRIX = np.asarray([[2.0, 1.0], [1.0, 1.0]])
THIRDS = np.asarray([0.5, 0.5, 1.0])
LIMIT = 5.0  # seconds for 40 draws, which take about one millisecond


def one_parameter(a: float) -> Iterator[tuple[Family, Classical]]:
    yield families.Exponential(), {"rate": a}
    yield families.Rayleigh(), {"scale": a}
    yield families.Maxwell(), {"scale": a}
    yield families.Laplace(1.5), {"scale": a}
    yield families.Pareto(2.5), {"shape": a}
    yield families.Weibull(0.75), {"scale": a}
    yield families.ChiSquared(), {"degrees_of_freedom": a}
    yield families.Poisson(), {"rate": a}
    yield families.VonMises(), {"mean_direction": 0.3, "concentration": a}
    for dim in (2, 3, 50):
        north = np.full(dim, dim**-0.5)
        yield families.VonMisesFisher(dim), {"mean_direction": north, "concentration": a}
    yield families.Dirichlet(3), {"concentration": [a, 0.5, 2.0]}
    yield families.Dirichlet(3), {"concentration": [a, a, a]}
    yield families.CentredGaussian(2), {"covariance": MATRIX * a}
    for freedom in (1.0001, 3.0, 1e3, 1e10, 1e300):
        classical = {"scale": MATRIX * a, "degrees_of_freedom": freedom}
        yield families.Wishart(2), classical
        yield families.InverseWishart(2), classical


def two_parameters(a: float, b: float) -> Iterator[tuple[Family, Classical]]:
    yield families.Gamma(), {"shape": a, "rate": b}
    yield families.InverseGamma(), {"shape": a, "scale": b}
    yield families.Beta(), {"alpha": a, "beta": b}
    yield families.InverseGaussian(), {"mean": a, "shape": b}
    yield families.Gaussian(), {"mean": -a, "variance": b}
    yield families.LogNormal(), {"log_mean": a, "log_variance": b}
    yield families.DiagonalGaussian(2), {"mean": [a, 0.0], "variance": [b, 1.0]}
    yield families.IsotropicGaussian(2), {"mean": [a, 0.0], "variance": b}
    yield families.MultivariateGaussian(2), {"mean": [a, 0.0], "covariance": MATRIX * b}


def probabilities(p: float) -> Iterator[tuple[Family, Classical]]:
    shares = np.asarray([0.5 * p, 0.5 * p, 1.0 - p])
    yield families.Bernoulli(), {"probability": p}
    yield families.Binomial(12), {"probability": p}
    yield families.Binomial(10**15), {"probability": p}
    yield families.Geometric(), {"probability": p}
    yield families.NegativeBinomial(0.5), {"probability": p}
    yield families.NegativeBinomial(1e10), {"probability": p}
    yield families.Categorical(3), {"probabilities": shares}
    yield families.Multinomial(7, 3), {"probabilities": shares}


def all_members(dtype: type, step: int) -> Iterator[tuple[Family, np.ndarray]]:
    """Natural parameters that the type holds, of every ``step``-th exponent."""
    range_ = (DOUBLE if dtype is np.float64 else SINGLE)[::step]
    with np.errstate(over="ignore"):
        cases = [case for a in range_ for case in one_parameter(a)]
        for pair in itertools.product(range_, range_):
            cases += two_parameters(*pair)
    chances = (1e-300, 1e-30, 1e-8, 0.3, 1 - 1e-10) if dtype is np.float64 else (1e-30, 1e-4, 0.9)
    cases += [case for p in chances for case in probabilities(p)]
    for field in (0.0, 0.1, 1.0, 10.0, 1e3):
        ising = {"field": [field, -field, 0.0], "coupling": field * (np.eye(3)[::-1] > 2)}
        cases.append((families.Ising(3), ising))
    for family, classical in cases:
        with np.errstate(all="ignore"):
            values = {name: np.asarray(value, dtype=dtype) for name, value in classical.items()}
            try:
                yield family, family.natural(**values)
            except IngdError:  # no member whose parameters are numbers
                continue


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after so many seconds, out of a loop in Python at least."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def collapsed(family: Family, x: np.ndarray) -> bool:
    """Whether draws show that no member fits them, from the points alone."""
    kind = type(family).__name__
    trials = getattr(family, "trials", 0)
    if kind in ("Bernoulli", "Binomial"):
        most = max(trials, 1)
        return bool(np.all(x == 0) or np.all(x == most))
    if kind == "Categorical":
        return len(np.unique(x)) < family.categories
    if kind == "Multinomial":
        return bool(np.any(np.all(x == 0, axis=0)))
    if kind in ("Poisson", "Geometric", "NegativeBinomial", "Exponential"):
        return bool(np.all(x == 0))
    if kind in ("Laplace", "Pareto"):
        return bool(np.all(x == np.asarray(getattr(family, "location", 2.5), dtype=x.dtype)))
    if kind in ("VonMises", "VonMisesFisher"):
        return bool(np.max(np.ptp(x, axis=0)) <= 4 * np.finfo(x.dtype).eps)
    if kind in ("DiagonalGaussian", "MultivariateGaussian"):
        return bool(np.any(np.ptp(x, axis=0) == 0)) or rank(x) < 2
    if kind == "Dirichlet":
        # The sums of points are rounded by eps, and the concentrations come from variances.
        return bool(np.all(np.var(x.astype(np.float64), axis=0) < np.finfo(x.dtype).eps))
    if kind == "Ising":
        return True  # a linear program decides this in test_fits_without_maximum
    return bool(np.all(x == x[:1]))


def rank(x: np.ndarray) -> int:
    """Rank of points, up to the rounding of numbers as large as these."""
    apart = x - np.mean(x.astype(np.float64), axis=0)
    sizes = np.max(np.abs(apart), axis=0)
    loss = np.max(np.abs(x), axis=0) / np.where(sizes > 0, sizes, 1.0)
    tolerance = float(64 * np.finfo(x.dtype).eps * np.max(loss))
    return int(np.linalg.matrix_rank(apart / np.where(sizes > 0, sizes, 1.0), tol=tolerance))


def rejected(family: Family, x: np.ndarray) -> str:
    """Return why points determine no member, nothing if they have a fit."""
    try:
        with within(LIMIT):
            assert np.all(family.contains(family.fit(x)))
    except DomainError as error:
        return str(error)
    return ""


def draw_and_fit(dtype: type, step: int) -> tuple[int, int, int]:
    """Return how many members were tried, drew what collapsed, and have no classical parameters."""
    number = alone = beyond = 0
    for family, theta in all_members(dtype, step):
        number += 1
        name = f"{family!r} at {theta!r}"
        try:
            with within(LIMIT):
                x = family.sample(theta, 40, np.random.default_rng(7))
        except DomainError as error:
            beyond += "cannot be represented" in str(error)
            continue
        assert np.all(np.isfinite(x)), name
        with suppress(NonFiniteError):  # 1/x of a draw can be beyond the largest number
            family.statistics(x)
        reason = rejected(family, x)
        alone += bool(reason)
        fair = not reason or "can hold" in reason or collapsed(family, x)
        assert fair, f"{name}: {reason}"
        try:
            with within(LIMIT):
                drawn = family.sample(theta, 40, np.random.default_rng(7), log=True)
        except OptionError:
            continue
        assert np.all(np.isfinite(drawn)), name
    return number, alone, beyond


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_family_fits_its_own_draws(dtype: type) -> None:
    number, alone, beyond = draw_and_fit(dtype, 4)
    assert number > 100
    assert alone < 0.6 * number
    assert beyond < 0.05 * number


@pytest.mark.long
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_family_fits_its_own_draws_at_every_exponent(dtype: type) -> None:
    number, alone, beyond = draw_and_fit(dtype, 1)
    assert number > 1000
    assert alone < 0.6 * number
    assert beyond < 0.05 * number


@pytest.mark.parametrize("concentration", [1e19, 1e21, 1e154, 1e200, 1.7e308])
def test_directions_of_any_concentration(concentration: float) -> None:
    """κφ² is χ² with one degree of freedom, next to a direction of zero."""
    with within(LIMIT):
        x = families.VonMises().sample(
            np.asarray([concentration, 0.0]), DRAWS, np.random.default_rng(3)
        )
    square = x[:, 0] ** 2 * concentration if concentration < 1e300 else (x[:, 0] * 1e154) ** 2 * 1.7
    assert stats.kstest(square, stats.chi2(1).cdf).pvalue > 1e-8


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [0.003, 0.01, 0.1])
def test_densities_of_clipped_draws(dtype: type, shape: float) -> None:
    """A draw that is clipped to the smallest or the largest number still has a density."""
    small = np.asarray(shape, dtype=dtype)
    for family, classical in (
        (families.Gamma(), {"shape": small, "rate": 1.0}),
        (families.InverseGamma(), {"shape": small, "scale": 1.0}),
        (families.Beta(), {"alpha": small, "beta": small}),
        (families.ChiSquared(), {"degrees_of_freedom": small}),
        (families.Dirichlet(2), {"concentration": small * np.ones(2, dtype=dtype)}),
    ):
        theta = family.natural(**classical)
        x = family.sample(theta, 500, np.random.default_rng(8))
        assert np.all(np.isfinite(family.log_prob(theta, x)))
