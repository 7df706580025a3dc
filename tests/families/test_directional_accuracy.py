"""Every operation of the von Mises and von Mises-Fisher families against 120 digits.

No condition number enters: what is claimed is accuracy as a function of the given doubles, in units
of u = 2⁻⁵³ (2⁻²⁴ in float32), over dimensions from 2 to 100 and concentrations from 1e-8 to 1e8.
The radial functions are within 20 u (tests/special/test_bessel.py) and each operation adds a few
roundings, and √d/2 of them in float sums over the coordinates; the most seen is stated at each
tolerance.
"""

from collections.abc import Iterator

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref.families.von_mises import VonMises
from ingd_ref.families.von_mises_fisher import VonMisesFisher
from tests.families import directional as oracle
from tests.families.directional import (
    CONCENTRATIONS,
    DIMENSIONS,
    SINGLE_CONCENTRATIONS,
    UNITS,
    exact,
)

TYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
EVERY_DIMENSION = pytest.mark.parametrize("d", DIMENSIONS)


@pytest.fixture(autouse=True)
def _digits():
    with mpmath.workdps(oracle.DIGITS):
        yield


def members(d: int, dtype: type) -> np.ndarray:
    kappa = np.asarray(
        CONCENTRATIONS if dtype is np.float64 else SINGLE_CONCENTRATIONS, dtype=dtype
    )[:: 1 if d < 10 else 4]
    return VonMisesFisher(d).natural(
        mean_direction=oracle.direction(d).astype(dtype), concentration=kappa
    )


def errors(got: np.ndarray, truth: list[mpf], scale: list[mpf]) -> Iterator[float]:
    unit = UNITS[got.dtype.type]
    for value, true, size in zip(np.ravel(got), truth, scale, strict=True):
        yield float(abs(mpf(float(value)) - true) / size / unit)


def flat(matrix: list[list[mpf]]) -> list[mpf]:
    return [entry for row in matrix for entry in row]


def diagonal_scale(matrix: list[list[mpf]]) -> list[mpf]:
    roots = [mpmath.sqrt(row[i]) for i, row in enumerate(matrix)]
    return [a * b for a in roots for b in roots]


@TYPES
@EVERY_DIMENSION
def test_functions_of_theta(d: int, dtype: type) -> None:
    """A and μ relative to each entry; H relative to max(1, |H|); F and F⁻¹ relative to the roots of their diagonal: 20 u the most seen."""
    family, theta = VonMisesFisher(d), members(d, dtype)
    results = {
        name: getattr(family, name)(theta)
        for name in ("log_partition", "mean", "entropy", "fisher", "inverse_fisher")
    }
    for k, row in enumerate(theta):
        point = exact(row)
        truth = {name: getattr(oracle, name)(point) for name in results}
        for name, got in results.items():
            assert got.dtype == dtype
            if name in ("fisher", "inverse_fisher"):
                true, scale, got = (
                    flat(truth[name]),
                    diagonal_scale(truth[name]),
                    got[:, : oracle.BLOCK, : oracle.BLOCK],
                )
            else:
                true = truth[name] if isinstance(truth[name], list) else [truth[name]]
                scale = [max(abs(t), mpf(1)) if name == "entropy" else abs(t) for t in true]
            assert max(errors(got[k], true, scale)) <= 40, (name, row)


@TYPES
@pytest.mark.parametrize("d", [2, 3, 10])
def test_entries_of_the_fisher_information(d: int, dtype: type) -> None:
    """Each entry of F and F⁻¹ relative to itself, off the diagonal too, where R/κ − R′ is small next to either: 30 u the most seen."""
    family, theta = VonMisesFisher(d), members(d, dtype)
    fisher, inverse, classical = (
        family.fisher(theta),
        family.inverse_fisher(theta),
        family.fisher(theta, chart="classical"),
    )
    for k, row in enumerate(theta):
        point = exact(row)
        for got, true in (
            (fisher[k], flat(oracle.fisher(point))),
            (inverse[k], flat(oracle.inverse_fisher(point))),
        ):
            assert max(errors(got, true, [abs(t) for t in true])) <= 60, row
        value, _, along = oracle.radial(point)
        true = oracle.spectral(point, oracle.length(point) * value, mpf(0))
        assert max(errors(classical[k, :d, :d], flat(true), diagonal_scale(true))) <= 40
        assert max(errors(classical[k, d, d], [along], [along])) <= 40
        assert np.all(classical[k, d, :d] == 0)
        assert np.all(classical[k, :d, d] == 0)


@TYPES
@EVERY_DIMENSION
def test_natural_from_mean_and_conjugate(d: int, dtype: type) -> None:
    """As functions of the given doubles even at κ = 1e8, where 1 − ‖μ‖ is 1e-8: 30 u the most seen."""
    family = VonMisesFisher(d)
    rows = [[float(m) for m in oracle.mean(exact(row))] for row in members(d, dtype)]
    mu = np.asarray(rows, dtype=dtype)
    mu = mu[[oracle.length(exact(row)) < 1 for row in mu]]
    assert len(mu) >= 0.8 * len(rows)  # in float32 a mean may round to the sphere or beyond it
    theta, conjugate = family.natural_from_mean(mu), family.conjugate(mu)
    for row, got, value in zip(mu, theta, conjugate, strict=True):
        true = oracle.natural_from_mean(exact(row))
        assert max(errors(got, true, [abs(t) for t in true])) <= 60, row
        potential = oracle.log_area(d) - oracle.entropy(true)
        assert next(errors(value, [potential], [potential])) <= 80, (
            row
        )  # the error of κ, and of the conjugate itself


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
    """Never negative, zero only at the same parameters, 64 u at any distance along θ, across it, or both (E5): 38 u the most seen."""
    family, theta = VonMisesFisher(d), members(d, dtype)
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
                true = oracle.kl(exact(row1), exact(row2))
                assert value.dtype == dtype
                assert value >= 0
                assert (value == 0) == (true == 0), (row1, row2, value, true)
                assert abs(mpf(float(value)) - true) <= 64 * UNITS[dtype] * true, (
                    row1,
                    row2,
                    value,
                    true,
                )


@TYPES
@EVERY_DIMENSION
def test_log_prob(d: int, dtype: type) -> None:
    """κ(1 − cos) keeps its digits at the peak; relative to the largest of 1, |log S|, |A*| and κ(1 − cos): 16 u the most seen."""
    family, theta = VonMisesFisher(d), members(d, dtype)
    spread = 1.0 / np.sqrt(1.0 + np.linalg.norm(theta, axis=-1, keepdims=True))
    for factor in (0.0, 1e-6, 1.0, 3.0):
        x = turned(theta, (factor * spread).astype(dtype))
        x = x / np.linalg.norm(x, axis=-1, keepdims=True).astype(dtype)
        for value, row, point in zip(family.log_prob(theta, x), theta, x, strict=True):
            t, p = exact(row), exact(point)
            true = oracle.log_prob(t, p)
            loss = oracle.length(t) - oracle.dot(t, p) / oracle.length(p)
            size = max(
                mpf(1), abs(oracle.log_area(d)), abs(oracle.log_area(d) - oracle.entropy(t)), loss
            )
            assert abs(mpf(float(value)) - true) <= 32 * UNITS[dtype] * size, (row, point)


@TYPES
@pytest.mark.parametrize("d", [2, 3, 10])
def test_natural_gradient(d: int, dtype: type) -> None:
    """F⁻¹g relative to the sum of magnitudes in each entry: 20 u the most seen."""
    family, theta = VonMisesFisher(d), members(d, dtype)
    root = np.sqrt(np.linalg.diagonal(family.fisher(theta)))
    for signs in (np.ones(d), np.where(np.arange(d) % 2, 1.0, -1.0), np.arange(d) == 0):
        grad = (root * signs).astype(dtype)
        for got, row, g in zip(family.natural_gradient(theta, grad), theta, grad, strict=True):
            inverse, gradient = oracle.inverse_fisher(exact(row)), exact(g)
            true = [oracle.dot(line, gradient) for line in inverse]
            scale = [
                mpmath.fsum(abs(a * b) for a, b in zip(line, gradient, strict=True))
                for line in inverse
            ]
            assert max(errors(got, true, scale)) <= 40


@TYPES
def test_von_mises_is_the_family_of_the_circle(dtype: type) -> None:
    """What depends on θ alone is bitwise the same; densities agree with the literal ones at angles."""
    angles, plane = VonMises(), VonMisesFisher(2)
    theta = members(2, dtype)
    for name in ("mean", "fisher", "inverse_fisher", "log_partition", "entropy"):
        np.testing.assert_array_equal(getattr(angles, name)(theta), getattr(plane, name)(theta))
    np.testing.assert_array_equal(angles.kl(theta, theta[::-1]), plane.kl(theta, theta[::-1]))
    kappa = np.linalg.norm(theta, axis=-1)
    for factor in (0.0, 1e-6, 1.0, 3.0):
        x = (np.arctan2(theta[:, 1], theta[:, 0]) + factor / np.sqrt(1.0 + kappa)).astype(dtype)
        for value, row, angle in zip(angles.log_prob(theta, x[:, None]), theta, x, strict=True):
            t = exact(row)
            deviation = mpf(float(angle)) - mpmath.atan2(t[1], t[0])
            true = oracle.log_prob(
                t, [mpmath.cos(mpf(float(angle))), mpmath.sin(mpf(float(angle)))]
            )
            # The direction of θ is an angle of size one, rounded to u; the density changes by κ sin
            # of the deviation times that.
            size = max(mpf(1), abs(true), oracle.length(t) * abs(mpmath.sin(deviation)))
            assert abs(mpf(float(value)) - true) <= 32 * UNITS[dtype] * size, (row, angle)


@pytest.mark.long
@pytest.mark.parametrize("d", [2, 3, 5, 10, 30])
def test_ten_thousand_members(d: int) -> None:
    """Members with log-uniform κ in [1e-8, 1e8] and random directions; the tolerances of the grids above."""
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
    mu = np.asarray([[float(t) for t in oracle.mean(exact(row))] for row in theta])
    got = {
        name: getattr(family, name)(theta)
        for name in ("log_partition", "mean", "entropy", "fisher", "inverse_fisher")
    }
    kls = {"kl, radial": radial, "kl, across": across, "kl, far": far}
    divergences = {name: family.kl(theta, other) for name, other in kls.items()}
    naturals = family.natural_from_mean(mu)
    worst: dict[str, float] = {}

    def note(name: str, found: float) -> None:
        worst[name] = max(worst.get(name, 0.0), found)

    for k, row in enumerate(theta):
        point = exact(row)
        for name, values in got.items():
            truth = getattr(oracle, name)(point)
            if name in ("fisher", "inverse_fisher"):
                note(
                    name,
                    max(
                        errors(
                            values[k, : oracle.BLOCK, : oracle.BLOCK],
                            flat(truth),
                            diagonal_scale(truth),
                        )
                    ),
                )
            else:
                true = truth if isinstance(truth, list) else [truth]
                note(
                    name,
                    max(
                        errors(values[k], true, [max(abs(t), mpf(name == "entropy")) for t in true])
                    ),
                )
        for name, other in kls.items():
            true = oracle.kl(point, exact(other[k]))
            note(name, next(errors(divergences[name][k], [true], [true])))
        true = oracle.natural_from_mean(exact(mu[k]))
        note("natural_from_mean", max(errors(naturals[k], true, [abs(t) for t in true])))
    print(d, {name: f"{found:.0f} u = {found * oracle.UNIT:.1e}" for name, found in worst.items()})
    assert max(worst.values()) <= 64
