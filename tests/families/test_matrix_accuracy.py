"""Every operation of the families on vectors and matrices against 200 digits.

Each is right to a few roundings of the given numbers, whatever its condition.

No condition number excuses anything here except where it is named: the formulas work in double
words, so what remains is the rounding of the result. Tolerances in units of the roundoff u: 16 for
a metric, a natural gradient or mean parameters (at most one rounding of each factor of a sum of
four products); 32 for a third cumulant, a sum of eight products of three factors; 64 for a
divergence, as for the univariate families; and 64 d for what sums logarithms of sizes up to log
1e16 = 37, of which there are three for each pivot, and is judged relative to max(1, |value|).
"""

import numpy as np
import pytest

from tests.families.judge import UNIT
from tests.families.matrix_cases import (
    DELTAS,
    KINDS,
    Case,
    case,
    cumulant_error,
    mean_error,
    metric_error,
    natural_gradient_error,
    perturbed,
    random_classical,
    relative_error,
    roots,
    shape_condition,
)
from validation.oracles.precise import MP, precise
from validation.oracles.statement import inverse_and_determinant
from validation.oracles.textbook import symmetric, upper

# The smallest Gaussian has a mean of 1e12 deviations, to the fourth power in κ of F.
DIGITS = 150
ENTRY = 16.0
RING = 32.0
DIVERGENCE = 64.0
LOGARITHMS = 64.0  # times d
SINGLE = 2.0**-24


@pytest.fixture(autouse=True)
def _digits():
    with MP.workdps(DIGITS):
        yield


def members(kind: str, d: int, number: int, dtype: type) -> tuple[Case, dict, np.ndarray, float]:
    """A case, classical parameters, θ and u.

    In float32 within the range that its products allow.
    """
    rng = np.random.default_rng([KINDS.index(kind), d, number])
    decades, condition = (8.0, 12.0) if dtype is np.float64 else (2.0, 3.0)
    member = case(kind, d)
    classical = {
        k: v.astype(dtype)
        for k, v in random_classical(rng, kind, d, number, decades, condition).items()
    }
    return (
        member,
        classical,
        member.family.natural(**classical),
        UNIT if dtype is np.float64 else SINGLE,
    )


TYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
FAMILIES = pytest.mark.parametrize(("kind", "d"), [(kind, d) for kind in KINDS for d in (1, 3)])


@FAMILIES
@TYPES
def test_potentials_means_and_densities(kind: str, d: int, dtype: type) -> None:
    member, _, theta, unit = members(kind, d, 12, dtype)
    family, oracle = member.family, member.oracle
    x = family.sample(theta, 2, np.random.default_rng(1))
    results = {name: getattr(family, name)(theta) for name in ("log_partition", "entropy", "mean")}
    density = family.log_prob(theta[:, None, :], x)
    assert all(value.dtype == dtype for value in (*results.values(), density))
    for i, row in enumerate(theta):
        truth = precise(row)
        for name in ("log_partition", "entropy"):
            assert (
                relative_error(results[name][i], [getattr(oracle, name)(truth)], floor=1.0)
                <= LOGARITHMS * d * unit
            ), (name, row)
        assert (
            mean_error(member, results["mean"][i], oracle.mean(truth)) <= LOGARITHMS * d * unit
        ), row
        for point, value in zip(x[i], density[i], strict=True):
            assert (
                relative_error(value, [oracle.log_prob(truth, precise(point))], floor=1.0)
                <= LOGARITHMS * d * unit
            ), (row, point)


@FAMILIES
@TYPES
def test_metrics(kind: str, d: int, dtype: type) -> None:
    """F against differences of the mean parameters.

    F⁻¹ and the natural gradient against elimination.
    """
    member, _, theta, unit = members(kind, d, 5, dtype)
    rng = np.random.default_rng(2)
    fisher, inverse = member.family.fisher(theta), member.family.inverse_fisher(theta)
    for i, row in enumerate(theta):
        truth = member.oracle.fisher(precise(row))
        inverted, _ = inverse_and_determinant(truth)
        assert metric_error(fisher[i], truth) <= ENTRY * unit, row
        assert metric_error(inverse[i], inverted) <= ENTRY * unit, row
        grad = (rng.standard_normal(len(row)) * roots(truth).astype(float)).astype(dtype)
        assert natural_gradient_error(member, row, grad, inverted) <= ENTRY * unit, (row, grad)


@FAMILIES
@TYPES
def test_third_cumulants(kind: str, d: int, dtype: type) -> None:
    """∇³A against differences of F , relative to √(F_ii F_jj F_kk) or the entry itself, of very
    skew members.
    """
    member, _, theta, unit = members(kind, d, 3, dtype)
    tensor = member.family.third_cumulant(theta)
    assert tensor.dtype == dtype
    for found, row in zip(tensor, theta, strict=True):
        error = cumulant_error(
            found, member.oracle.third_cumulant(precise(row)), member.oracle.fisher(precise(row))
        )
        assert error <= RING * unit, row


@FAMILIES
@TYPES
def test_the_metric_of_the_classical_chart(kind: str, d: int, dtype: type) -> None:
    """JᵀFJ : no digit is lost to means far from zero, nor to the condition of a covariance."""
    member, _, theta, unit = members(kind, d, 4, dtype)
    metric = member.family.fisher(theta, chart="classical")
    assert metric.dtype == dtype
    for found, row in zip(metric, theta, strict=True):
        assert metric_error(found, member.oracle.classical_fisher(precise(row))) <= ENTRY * unit, (
            row
        )


@FAMILIES
@TYPES
def test_natural_from_mean(kind: str, d: int, dtype: type) -> None:
    member, _, theta, unit = members(kind, d, 12, dtype)
    rounded = np.asarray(
        [[float(m) for m in member.oracle.mean(precise(row))] for row in theta], dtype=dtype
    )
    kept = 0
    for mu in rounded:
        try:
            got = member.family.natural_from_mean(mu)
        except ValueError:
            # A narrow Gaussian far from zero has no variance left in its rounded second moment
            continue
        kept += 1
        true = member.oracle.natural_from_mean(precise(mu), precise(got))
        if kind in ("wishart", "inverse_wishart"):
            allowed = 10 * (1 + shape_condition(member, precise(mu), abs(true[0]))) * unit
            assert relative_error(got[0], true[0]) <= allowed, mu
            inverse, _ = inverse_and_determinant(symmetric(precise(mu[1:]), d))
            rate = upper(-abs(precise(got[0])) * inverse, doubled=True)
            assert relative_error(got[1:], rate) <= ENTRY * unit, mu
        else:
            assert relative_error(got, true) <= ENTRY * unit, mu
    assert kept >= 0.5 * len(theta)


@FAMILIES
@TYPES
def test_divergence(kind: str, d: int, dtype: type) -> None:
    """(E5): one parameter changed by 1e-12 … 1e-2, in float64; by what float32 resolves there.

    Never negative.
    """
    member, classical, theta, unit = members(kind, d, 8, dtype)
    rng = np.random.default_rng(3)
    for delta in DELTAS if dtype is np.float64 else (1e-1, 1e-3, 1e-5):
        other = member.family.natural(**perturbed(rng, kind, d, classical, delta))
        for first, second in ((theta, other), (other, theta)):
            values = member.family.kl(first, second)
            assert values.dtype == dtype
            for value, row1, row2 in zip(values, first, second, strict=True):
                true = member.oracle.kl(precise(row1), precise(row2))
                assert value >= 0
                assert abs(precise(value) - true) <= DIVERGENCE * unit * true, (delta, row1, row2)
    assert np.all(member.family.kl(theta, theta) == 0)


@pytest.mark.parametrize("d", [2, 3, 10])
@pytest.mark.parametrize("condition", [1.0, 1e4, 1e8, 1e12])
@pytest.mark.parametrize("mean", [0.0, 1.0, 1e4, 1e8])
def test_gaussian_grid(d: int, condition: float, mean: float) -> None:
    """Precisions Q diag(geomspace(1, condition)) Qᵀ, equal means.

    Potentials, means, the divergences of one parameter scaled by 1 + δ.
    """
    member = case("multivariate", d)
    directions = np.linalg.qr(np.random.default_rng(20260101 + d).standard_normal((d, d)))[0]
    precision = directions @ np.diag(np.geomspace(1.0, condition, d)) @ directions.T
    precision = (precision + precision.T) / 2
    dual = np.where(np.eye(d) > 0, -0.5, -1.0) * precision
    theta = np.concatenate([precision @ np.full(d, mean), dual[np.triu_indices(d)]])
    truth = precise(theta)
    assert (
        relative_error(
            member.family.log_partition(theta), [member.oracle.log_partition(truth)], floor=1.0
        )
        <= LOGARITHMS * d * UNIT
    )
    assert (
        relative_error(member.family.entropy(theta), [member.oracle.entropy(truth)], floor=1.0)
        <= LOGARITHMS * d * UNIT
    )
    mu = member.oracle.mean(truth)
    assert mean_error(member, member.family.mean(theta), mu) <= ENTRY * UNIT
    for delta in (1e-2, 1e-4, 1e-6, 1e-8, 1e-12):
        for other in (
            theta * (1 + delta),
            np.where(np.arange(len(theta)) == d, theta * (1 + delta), theta),
        ):
            true = member.oracle.kl(truth, precise(other))
            value = member.family.kl(theta, other)
            assert value >= 0
            assert abs(precise(value) - true) <= DIVERGENCE * UNIT * true, (delta, value, true)


def test_second_moments_are_inverted_as_far_as_they_hold_a_covariance() -> None:
    """Mean 1e8, variance 1: of the second moments 1e16 + 1 one digit of the variance is left, and
    that digit is found exactly.
    """
    member = case("multivariate", 2)
    mu = np.asarray([1e8, 1e8, 1e16 + 4, 1e16, 1e16 + 8])
    theta = member.family.natural_from_mean(mu)
    assert np.array_equal(theta, [1e8 / 4, 1e8 / 8, -1 / 8, -0.0, -1 / 16])
