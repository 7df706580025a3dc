"""Every operation of the von Mises and von Mises-Fisher families against 120 digits.

No condition number enters: what is claimed is accuracy as a function of the given doubles, in units
of u = 2⁻⁵³ (2⁻²⁴ in float32), over dimensions from 2 to 100 and concentrations from 1e-8 to 1e8.
The radial functions are within 20 u (tests/special/test_bessel.py) and each operation adds a few
roundings, and √d/2 of them in float sums over the coordinates; the most seen is stated at each
tolerance.
"""

import numpy as np
import pytest

from ingd_ref.families.von_mises import VonMises
from ingd_ref.families.von_mises_fisher import VonMisesFisher
from tests.families.judge import UNIT, UNITS, oracle_of
from tests.families.matrix_cases import roots
from tests.families.members import Case
from validation.oracles.precise import MP, precise
from validation.oracles.textbook import textbook

DIGITS = 120
CONCENTRATIONS = (1e-8, 1e-4, 1e-2, 1.0, 10.0, 1e2, 3e2, 5e2, 7e2, 1e3, 1e4, 1e6, 1e8)
SINGLE_CONCENTRATIONS = (1e-4, 1e-2, 1.0, 10.0, 1e2, 7e2, 1e4)
DIMENSIONS = (2, 3, 10, 100)


def direction(d: int) -> np.ndarray:
    return np.arange(1.0, d + 1) / np.linalg.norm(np.arange(1.0, d + 1))


def length(vector: np.ndarray):
    return MP.sqrt(np.sum(vector * vector))


def log_area(d: int):
    """log S of the unit sphere in d dimensions, which is −log h."""
    return -textbook(VonMisesFisher(d)).log_base_measure(precise(np.eye(d)[0]))


TYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
EVERY_DIMENSION = pytest.mark.parametrize("d", DIMENSIONS)


@pytest.fixture(autouse=True)
def _digits():
    with MP.workdps(DIGITS):
        yield


def members(d: int, dtype: type) -> np.ndarray:
    kappa = np.asarray(
        CONCENTRATIONS if dtype is np.float64 else SINGLE_CONCENTRATIONS, dtype=dtype
    )[:: {10: 4, 100: 6}.get(d, 1)]
    return VonMisesFisher(d).natural(mean_direction=direction(d).astype(dtype), concentration=kappa)


def error(got: np.ndarray, truth, scale) -> float:
    """Largest error of an entry in units u of its scale."""
    found = precise(np.ravel(got)) - np.ravel(np.asarray(truth, dtype=object))
    return float(np.max(np.abs(found) / np.ravel(np.asarray(scale)))) / UNITS[got.dtype.type]


def diagonal_scale(matrix: np.ndarray) -> np.ndarray:
    return np.outer(roots(matrix), roots(matrix))


def scale_of(name: str, truth) -> np.ndarray:
    """What an operation is judged relative to."""
    if name in ("fisher", "inverse_fisher"):
        return diagonal_scale(truth)
    return np.maximum(np.abs(truth), 1) if name == "entropy" else np.abs(truth)


FUNCTIONS = ("log_partition", "mean", "entropy", "fisher", "inverse_fisher")


@TYPES
@EVERY_DIMENSION
def test_functions_of_theta(d: int, dtype: type) -> None:
    """A and μ relative to each entry; H relative to max(1, |H|).

    F and F⁻¹ relative to the roots of their diagonal: 20 u the most seen.
    """
    family, theta = VonMisesFisher(d), members(d, dtype)
    oracle = textbook(family)
    for name in FUNCTIONS:
        few = theta[::2] if d == 100 and name in ("fisher", "inverse_fisher") else theta
        for got, row in zip(getattr(family, name)(few), few, strict=True):
            assert got.dtype == dtype
            truth = getattr(oracle, name)(precise(row))
            assert error(got, truth, scale_of(name, truth)) <= 40, (name, row)


@TYPES
@pytest.mark.parametrize("d", [2, 3, 10])
def test_entries_of_the_fisher_information(d: int, dtype: type) -> None:
    """Each entry of F and F⁻¹ relative to itself, off the diagonal too, where R/κ − R′ is small
    next to either: 30 u the most seen.
    """
    family, theta = VonMisesFisher(d), members(d, dtype)
    fisher, inverse, classical = (
        family.fisher(theta),
        family.inverse_fisher(theta),
        family.fisher(theta, chart="classical"),
    )
    oracle = textbook(family)
    for k, row in enumerate(theta):
        point = precise(row)
        true, inverted = oracle.fisher(point), oracle.inverse_fisher(point)
        assert error(fisher[k], true, np.abs(true)) <= 60, row
        assert error(inverse[k], inverted, np.abs(inverted)) <= 60, row
        # κR(I − mmᵀ) for the direction m, R′ for κ, and nothing between them.
        kappa, m = length(point), point / length(point)
        across = kappa * length(oracle.mean(point)) * (precise(np.eye(d)) - np.outer(m, m))
        along = m @ true @ m
        assert error(classical[k, :d, :d], across, diagonal_scale(across)) <= 40
        assert error(classical[k, d, d], along, along) <= 40
        assert np.all(classical[k, d, :d] == 0)
        assert np.all(classical[k, :d, d] == 0)


@TYPES
@EVERY_DIMENSION
def test_natural_from_mean_and_conjugate(d: int, dtype: type) -> None:
    """As functions of the given doubles even at κ = 1e8, where 1 − ‖μ‖ is 1e-8.

    The most seen is 30 u.
    """
    family = VonMisesFisher(d)
    oracle = textbook(family)
    means = np.asarray([oracle.mean(precise(row)).astype(dtype) for row in members(d, dtype)])
    mu = means[[length(precise(row)) < 1 for row in means]]
    assert len(mu) >= 0.8 * len(means)  # in float32 a mean may round to the sphere or beyond it
    theta, conjugate = family.natural_from_mean(mu), family.conjugate(mu)
    for row, got, value in zip(mu, theta, conjugate, strict=True):
        true = oracle.natural_from_mean(precise(row), precise(got))
        assert error(got, true, np.abs(true)) <= 60, row
        # The error of κ, and of the conjugate itself.
        potential = oracle.conjugate_at(true)
        assert error(value, potential, abs(potential)) <= 80, row


def turned(theta: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Each θ turned by an angle towards a fixed direction."""
    other = np.ones_like(theta) * np.where(np.arange(theta.shape[-1]) % 2, 1, -1).astype(
        theta.dtype
    )
    size = np.linalg.norm(theta, axis=-1, keepdims=True)
    m = theta / size
    other -= np.sum(other * m, axis=-1, keepdims=True) * m
    other /= np.linalg.norm(other, axis=-1, keepdims=True)
    return (size * (np.cos(angle) * m + np.sin(angle) * other)).astype(theta.dtype)


STEPS = (1e-2, -1e-4, 1e-6, -1e-8, 1e-10, 1e-12, 1e-15, -0.5, 1.2, 9.0)
ANGLES = (1e-15, 1e-12, 1e-8, 1e-4, 1e-2, 1.0, 2.0, 3.14)


@TYPES
@EVERY_DIMENSION
def test_kl(d: int, dtype: type) -> None:
    """Never negative, zero only at the same parameters, 64 u at any distance along θ, across it,
    or both (E5): 38 u the most seen.
    """
    family, theta = VonMisesFisher(d), members(d, dtype)
    oracle = oracle_of(Case(family))
    chosen = STEPS if d < 10 else STEPS[::3]
    longer = [theta * dtype(1.0 + step) for step in chosen]
    aside = [
        turned(theta, np.asarray(angle, dtype=dtype))
        for angle in (ANGLES if d < 10 else ANGLES[::3])
    ]
    both = [
        turned(
            theta * dtype(1.0 + 1e-8),
            (1e-8 / np.sqrt(1.0 + np.linalg.norm(theta, axis=-1)))[:, None].astype(dtype),
        )
    ]
    for other in (*longer, *aside, *both, np.zeros_like(theta)):
        for first, second in ((theta, other), (other, theta)):
            for value, row1, row2 in zip(family.kl(first, second), first, second, strict=True):
                true = oracle.kl(precise(row1), precise(row2))
                assert value.dtype == dtype
                assert value >= 0
                assert (value == 0) == (true == 0), (row1, row2, value, true)
                assert abs(precise(value) - true) <= 64 * UNITS[dtype] * true, (
                    row1,
                    row2,
                    value,
                    true,
                )


@TYPES
@EVERY_DIMENSION
def test_log_prob(d: int, dtype: type) -> None:
    """κ(1 − cos) keeps its digits at the peak.

    Relative to the largest of 1, |log S|, |A*| and κ(1 − cos): 16 u the most seen.
    """
    family, theta = VonMisesFisher(d), members(d, dtype)
    oracle, area = oracle_of(Case(family)), log_area(d)
    spread = 1.0 / np.sqrt(1.0 + np.linalg.norm(theta, axis=-1, keepdims=True))
    for factor in (0.0, 1e-6, 1.0, 3.0):
        x = turned(theta, (factor * spread).astype(dtype))
        x = x / np.linalg.norm(x, axis=-1, keepdims=True).astype(dtype)
        for value, row, point in zip(family.log_prob(theta, x), theta, x, strict=True):
            t, p = precise(row), precise(point)
            true = oracle.log_prob(t, p)
            loss = length(t) - np.sum(t * p) / length(p)
            size = max(MP.mpf(1), abs(area), abs(area - oracle.entropy(t)), loss)
            assert abs(precise(value) - true) <= 32 * UNITS[dtype] * size, (row, point)


@TYPES
@pytest.mark.parametrize("d", [2, 3, 10])
def test_natural_gradient(d: int, dtype: type) -> None:
    """F⁻¹g relative to the sum of magnitudes in each entry: 20 u the most seen."""
    family, theta = VonMisesFisher(d), members(d, dtype)
    root = np.sqrt(np.linalg.diagonal(family.fisher(theta)))
    for signs in (np.ones(d), np.where(np.arange(d) % 2, 1.0, -1.0), np.arange(d) == 0):
        grad = (root * signs).astype(dtype)
        for got, row, g in zip(family.natural_gradient(theta, grad), theta, grad, strict=True):
            inverse, gradient = textbook(family).inverse_fisher(precise(row)), precise(g)
            scale = np.abs(inverse) @ np.abs(gradient)
            assert error(got, inverse @ gradient, scale) <= 40


@TYPES
def test_von_mises_is_the_family_of_the_circle(dtype: type) -> None:
    """What depends on θ alone is bitwise the same.

    Densities agree with the literal ones at angles.
    """
    angles, plane = VonMises(), VonMisesFisher(2)
    theta = members(2, dtype)
    for name in ("mean", "fisher", "inverse_fisher", "log_partition", "entropy"):
        np.testing.assert_array_equal(getattr(angles, name)(theta), getattr(plane, name)(theta))
    np.testing.assert_array_equal(angles.kl(theta, theta[::-1]), plane.kl(theta, theta[::-1]))
    kappa = np.linalg.norm(theta, axis=-1)
    for factor in (0.0, 1e-6, 1.0, 3.0):
        x = (np.arctan2(theta[:, 1], theta[:, 0]) + factor / np.sqrt(1.0 + kappa)).astype(dtype)
        for value, row, angle in zip(angles.log_prob(theta, x[:, None]), theta, x, strict=True):
            t, x0 = precise(row), precise(angle)
            true = textbook(angles).log_prob(t, np.asarray([x0]))
            deviation = x0 - MP.atan2(t[1], t[0])
            # The direction of θ is an angle of size one, rounded to u; the density changes by κ sin
            # of the deviation times that.
            size = max(MP.mpf(1), abs(true), length(t) * abs(MP.sin(deviation)))
            assert abs(precise(value) - true) <= 32 * UNITS[dtype] * size, (row, angle)


@pytest.mark.long
@pytest.mark.parametrize("d", [2, 3, 5, 10, 30])
def test_ten_thousand_members(d: int) -> None:
    """Members with log-uniform κ in [1e-8, 1e8] and random directions.

    The tolerances of the grids above.
    """
    family, rng = VonMisesFisher(d), np.random.default_rng(d)
    number = 2000
    m = rng.standard_normal((number, d))
    theta = family.natural(
        mean_direction=m / np.linalg.norm(m, axis=-1, keepdims=True),
        concentration=10.0 ** rng.uniform(-8, 8, number),
    )
    step = 10.0 ** rng.choice([-2.0, -4.0, -6.0, -8.0, -12.0], number)
    radial = theta * (1.0 + step)[:, None]
    across = theta + (step * np.linalg.norm(theta, axis=-1))[:, None] * rng.standard_normal(
        (number, d)
    ) / np.sqrt(d)
    far = family.natural(
        mean_direction=m / np.linalg.norm(m, axis=-1, keepdims=True),
        concentration=10.0 ** rng.uniform(-8, 8, number),
    )
    oracle = oracle_of(Case(family))
    mu = np.asarray([oracle.mean(precise(row)).astype(float) for row in theta])
    got = {name: getattr(family, name)(theta) for name in FUNCTIONS}
    kls = {"kl, radial": radial, "kl, across": across, "kl, far": far}
    divergences = {name: family.kl(theta, other) for name, other in kls.items()}
    naturals = family.natural_from_mean(mu)
    worst = dict.fromkeys([*FUNCTIONS, *kls, "natural_from_mean"], 0.0)
    for k, row in enumerate(theta):
        point = precise(row)
        for name, values in got.items():
            true = getattr(oracle, name)(point)
            worst[name] = max(worst[name], error(values[k], true, scale_of(name, true)))
        for name, other in kls.items():
            true = oracle.kl(point, precise(other[k]))
            worst[name] = max(worst[name], error(divergences[name][k], true, true))
        true = oracle.natural_from_mean(precise(mu[k]), precise(naturals[k]))
        found = error(naturals[k], true, np.abs(true))
        worst["natural_from_mean"] = max(worst["natural_from_mean"], found)
    print(d, {name: f"{found:.0f} u = {found * UNIT:.1e}" for name, found in worst.items()})
    assert max(worst.values()) <= 64
