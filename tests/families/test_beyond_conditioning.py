"""Claims that are stronger than backward stability.

Accurate as functions of the given doubles, where condition numbers are huge.

No condition number enters the tolerances here, which are roundings of the formulas in units of u =
2⁻⁵³ (2⁻²⁴ in float32).
"""

import numpy as np
import pytest

from ingd_ref.families import Gamma, Gaussian
from tests.families.judge import UNIT
from tests.families.members import CASES, GAUSSIAN, IDS, SHAPES, Case
from validation.oracles.precise import MP, precise
from validation.oracles.statement import slopes

TYPES = pytest.mark.parametrize(("dtype", "unit"), [(np.float64, 2.0**-53), (np.float32, 2.0**-24)])


@pytest.fixture(autouse=True)
def _hundred_digits():
    with MP.workdps(100):
        yield


@TYPES
def test_variance_from_two_moments_that_agree_to_every_digit_but_the_last(
    dtype: type, unit: float
) -> None:
    """The smallest variance that second moments can still hold, and multiples of it.

    The condition number is κ = 1/u, and the error a few u.
    """
    for m in (1.0, 3.0, 12345.0, 0.1):
        first = dtype(m)
        for steps in (1, 2, 7, 1000):
            second = dtype(first * first)
            for _ in range(steps):
                second = np.nextafter(second, dtype(np.inf))
            theta = Gaussian().natural_from_mean(np.asarray([first, second]))
            m, square = precise(first), precise(second)
            variance = square - m**2
            for value, true in zip(theta, [m / variance, -1 / (2 * variance)], strict=True):
                assert abs(precise(value) - true) <= 4 * unit * abs(true), (first, second, value)


@TYPES
def test_density_of_a_gaussian_far_from_zero(dtype: type, unit: float) -> None:
    """x − m to the last digits, with m = −θ₁/(2θ₂) never rounded.

    The mean of these doubles is not a double.
    """
    family = Gaussian()
    theta = family.natural(mean=dtype(1e4), variance=dtype(1e-3))
    x = dtype(1e4) + np.asarray([-0.125, -0.0078125, 0.0, 0.0625], dtype=dtype)
    for point, value in zip(x, family.log_prob(theta, x[:, None]), strict=True):
        truth = GAUSSIAN.oracle.log_prob(precise(theta), precise([point]))
        assert abs(precise(value) - truth) <= 8 * unit * max(1, abs(truth)), (point, value)


@TYPES
def test_mean_logarithm_of_a_gamma_with_mean_one(dtype: type, unit: float) -> None:
    """ψ(α) − log β at α = β, about −1/(2α): the literal difference loses 2α log β."""
    shape = np.asarray(SHAPES, dtype=dtype)
    mu = Gamma().mean(Gamma().natural(shape=shape, rate=shape))
    for a, value in zip(shape, mu[:, 0], strict=True):
        truth = MP.psi(0, precise(a)) - MP.log(precise(a))
        assert abs(precise(value) - truth) <= 8 * unit * abs(truth), (a, value)


@TYPES
def test_log_partition_of_a_gamma_with_mean_one(dtype: type, unit: float) -> None:
    """log Γ(α) − α log α, about −α: the literal difference loses a factor log α (26 u)."""
    shape = np.concatenate([SHAPES, np.logspace(6.0, 9.0, 31)]).astype(dtype)
    values = Gamma().log_partition(Gamma().natural(shape=shape, rate=shape))
    for a, value in zip(shape, values, strict=True):
        truth = MP.loggamma(precise(a)) - precise(a) * MP.log(precise(a))
        assert abs(precise(value) - truth) <= 8 * unit * max(1, abs(truth)), (a, value)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_statistics_and_jacobian(case: Case) -> None:
    """f against its formula, and ∇f against differences of it at 100 digits."""
    points = np.asarray([1e-8, 0.3, 1.0, 7.0, 1e8])
    values = case.family.statistics(points[:, None])
    jacobian = case.family.statistics_jacobian(points[:, None])
    assert (values.shape, jacobian.shape) == ((5, 2), (5, 1, 2))
    for x, row, slope in zip(precise(points), precise(values), precise(jacobian), strict=True):
        for found, truth in (
            (row, case.oracle.statistics(np.asarray([x]))),
            (slope, slopes(case.oracle.statistics, np.asarray([x]))),
        ):
            assert np.all(np.abs(found - truth) <= 2 * UNIT * np.abs(truth))


def test_base_measure_completes_the_density() -> None:
    """Log h + ⟨θ, f⟩ − A is the textbook log-density at moderate members.

    A few roundings of terms below 5.
    """
    for family, classical, density in (
        (
            Gaussian(),
            {"mean": 0.5, "variance": 2.0},
            lambda x: -((x - 0.5) ** 2) / 4 - np.log(4 * np.pi) / 2,
        ),
        (Gamma(), {"shape": 2.0, "rate": 3.0}, lambda x: np.log(9 * x) - 3 * x),
    ):
        theta, x = family.natural(**classical), np.asarray([0.2, 0.9, 1.7])
        total = (
            family.log_base_measure(x[:, None])
            + family.statistics(x[:, None]) @ theta
            - family.log_partition(theta)
        )
        np.testing.assert_allclose(total, density(x), rtol=0, atol=32 * UNIT)
