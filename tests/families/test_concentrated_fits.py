"""Maximum likelihood from samples close about a point: shapes up to 1e16 from the exact doubles, against mpmath.

The oracle takes the mean statistics of the very points and weights at 80 digits and refines the
estimate by Newton's iteration there. A fit from mean logarithms rounded to u would be off by u
times the shape.
"""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from ingd_ref.errors import DomainError
from ingd_ref.families import Beta, Dirichlet, ExponentialFamily, Gamma, InverseGamma
from tests.families import simplex

UNIT = 2.0**-53
# The gap and the mean to a few u each, and the inversion to a few more; 17 u are the most seen, at
# a total of 1e16.
ROUNDINGS = 32
POINTS = 12


@pytest.fixture(autouse=True)
def _digits():
    with mpmath.workdps(80):
        yield


def weights(seed: int) -> np.ndarray:
    w = np.random.default_rng(seed).uniform(0.1, 1.0, POINTS)
    return w / np.sum(w)


def mean(values: list[mpf], w: np.ndarray) -> mpf:
    """Weighted mean by weights that sum to one exactly, which those of a caller do within rounding."""
    exact = [mpf(float(v)) for v in w]
    return mpmath.fsum(a * v for a, v in zip(exact, values, strict=True)) / mpmath.fsum(exact)


def logs(x: np.ndarray) -> list[mpf]:
    return [mpmath.log(mpf(float(v))) for v in x]


def assert_solves(fitted: np.ndarray, oracle: simplex.Oracle, mu: list[mpf]) -> None:
    truth = oracle.refined([mpf(float(a)) for a in fitted], mu)
    for value, exact in zip(fitted, truth, strict=True):
        assert abs(mpf(float(value)) - exact) <= ROUNDINGS * UNIT * exact, (
            fitted,
            mpmath.nstr(truth, 20),
        )


# No parameter below 0.05: points of such members round to the ends.
TOTALS = (1.0, 1e2, 1e6, 1e9, 1e12, 1e14, 1e16)
SHARES = (0.5, 0.3, 0.7, 0.76, 1e-3, 1 - 1e-3, 1e-9, 1 - 1e-7)
SIMPLEX = ((1.0, 2.0, 3.0), (1e-3, 1.0, 5.0), (1.0, 0.5, 0.3, 1e-4, 0.4))


@pytest.mark.parametrize(
    ("share", "total"), [(p, s) for p in SHARES for s in TOTALS if s * min(p, 1.0 - p) > 0.05]
)
def test_beta(share: float, total: float) -> None:
    alpha, beta = total * share, total * (1.0 - share)
    family, w = Beta(), weights(0)
    x = family.sample(family.natural(alpha=alpha, beta=beta), POINTS, np.random.default_rng(1))
    mu = [mean(logs(x[:, 0]), w), mean([mpmath.log(1 - mpf(float(v))) for v in x[:, 0]], w)]
    assert_solves(family.fit(x, w), simplex.dirichlet(None), mu)


@pytest.mark.parametrize(
    ("shares", "total"),
    [(p, s) for p in SIMPLEX for s in TOTALS[:-1] if s * min(p) > 0.05],
    ids=str,
)
def test_dirichlet(shares: tuple[float, ...], total: float) -> None:
    """Points that sum to one but for rounding are taken as they are, which at α₀ = 1e12 is worth 1e-4 of it."""
    family, w = Dirichlet(len(shares)), weights(2)
    x = family.sample(
        family.natural(concentration=total * np.asarray(shares)), POINTS, np.random.default_rng(3)
    )
    assert_solves(
        family.fit(x, w), simplex.dirichlet(len(shares)), [mean(logs(column), w) for column in x.T]
    )


@pytest.mark.parametrize("family", [Gamma(), InverseGamma()], ids=lambda family: family.name)
@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-6, 1e-9, 1e-13, 1e-15])
def test_gamma_and_its_inverse(family: ExponentialFamily, spread: float) -> None:
    """Down to points that are a few numbers apart, where the rounding of their mean is as large as they are far from it."""
    x, w = 3.7 * np.exp(spread * np.random.default_rng(4).standard_normal((POINTS, 1))), weights(5)
    points = [mpf(float(v)) for v in x[:, 0]]
    if family.name == "inverse Gamma":
        points = [1 / v for v in points]
    gap = mpmath.log(mean(points, w)) - mean([mpmath.log(v) for v in points], w)
    shape = mpf(float(next(iter(family.classical(family.fit(x, w)).values()))))
    reached = mpmath.log(shape) - mpmath.psi(0, shape)
    assert abs(reached - gap) <= ROUNDINGS * UNIT * gap


@pytest.mark.parametrize("number", [1, 2, 7, 10, 49])
@pytest.mark.parametrize(
    "family", [Gamma(), InverseGamma(), Beta(), Dirichlet(3)], ids=lambda family: family.name
)
def test_equal_points_determine_no_member(family: ExponentialFamily, number: int) -> None:
    """Whatever the rounding of their mean; a point without weight does not count."""
    point = np.asarray([0.3, 0.2, 0.5] if family.dim == 3 else [0.3])
    with pytest.raises(
        DomainError, match=r"x lies outside the samples that determine an? .* > 0 fails"
    ):
        family.fit(np.stack([point] * number))
    with pytest.raises(
        DomainError, match=r"x lies outside the samples that determine an? .* > 0 fails"
    ):
        family.fit(
            np.stack([point] * number + [point[::-1] * 0.5 + 0.5 / 3]),
            np.asarray([1.0 / number] * number + [0.0]),
        )


def test_float32_keeps_its_digits() -> None:
    """A shape of 1e5 from points in float32, beside the same points in float64."""
    x = Beta().sample(np.asarray([3e5, 7e5], dtype=np.float32), 50, np.random.default_rng(6))
    fitted = Beta().fit(x)
    assert x.dtype == fitted.dtype == np.float32
    np.testing.assert_allclose(fitted, Beta().fit(x.astype(np.float64)), rtol=ROUNDINGS * 2.0**-24)


@pytest.mark.parametrize("family", [Beta(), Dirichlet(3)], ids=lambda family: family.name)
def test_third_cumulants(family: ExponentialFamily) -> None:
    """(E1) in the third derivative: ψ″(α_i) where all indices are i, less ψ″(α₀), where α₀ ≫ α_i and where α_i is nearly all of it."""
    rows = 10.0 ** np.random.default_rng(7).uniform(-8, 8, (40, family.number))
    tensors = family.third_cumulant(rows)
    for row, tensor in zip(rows, tensors, strict=True):
        a = [mpf(float(x)) for x in row]
        common = mpmath.psi(2, mpmath.fsum(a))
        for index, value in np.ndenumerate(tensor):
            truth = (mpmath.psi(2, a[index[0]]) if len(set(index)) == 1 else 0) - common
            assert abs(mpf(float(value)) - truth) <= 12 * UNIT * abs(truth), (row, index)
