"""Maximum likelihood from samples close about a point.

Shapes up to 1e16 from the exact doubles, against mpmath.

The oracle takes the mean statistics of the very points and weights at 80 digits and refines the
estimate by Newton's iteration there. A fit from mean logarithms rounded to u would be off by u
times the shape.
"""

import numpy as np
import pytest

from ingd_ref.errors import DomainError
from ingd_ref.families import Beta, Dirichlet, ExponentialFamily, Gamma, InverseGamma
from validation.oracles.precise import MP, log, precise
from validation.oracles.textbook import textbook

UNIT = 2.0**-53
# The gap and the mean to a few u each, and the inversion to a few more; 17 u are the most seen, at
# a total of 1e16.
ROUNDINGS = 32
POINTS = 12


def weights(seed: int) -> np.ndarray:
    w = np.random.default_rng(seed).uniform(0.1, 1.0, POINTS)
    return w / np.sum(w)


def mean(values: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Weighted mean by weights that sum to one exactly, unlike those of a caller."""
    return precise(w) @ values / np.sum(precise(w))


def assert_solves(family: ExponentialFamily, fitted: np.ndarray, mu: np.ndarray) -> None:
    truth = textbook(family).natural_from_mean(mu, precise(fitted))
    assert np.all(np.abs(precise(fitted) - truth) <= ROUNDINGS * UNIT * truth), fitted


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
    exact = precise(x)
    assert_solves(family, family.fit(x, w), mean(log(np.hstack([exact, 1 - exact])), w))


@pytest.mark.parametrize(
    ("shares", "total"),
    [(p, s) for p in SIMPLEX for s in TOTALS[:-1] if s * min(p) > 0.05],
    ids=str,
)
def test_dirichlet(shares: tuple[float, ...], total: float) -> None:
    """Points that sum to one but for rounding are taken as they are, which at α₀ = 1e12 is worth
    1e-4 of it.
    """
    family, w = Dirichlet(len(shares)), weights(2)
    x = family.sample(
        family.natural(concentration=total * np.asarray(shares)), POINTS, np.random.default_rng(3)
    )
    assert_solves(family, family.fit(x, w), mean(log(precise(x)), w))


@pytest.mark.parametrize("family", [Gamma(), InverseGamma()], ids=lambda family: family.name)
@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-6, 1e-9, 1e-13, 1e-15])
def test_gamma_and_its_inverse(family: ExponentialFamily, spread: float) -> None:
    """Down to points that are a few numbers apart, where the rounding of their mean is as large as
    they are far from it.
    """
    x, w = 3.7 * np.exp(spread * np.random.default_rng(4).standard_normal((POINTS, 1))), weights(5)
    points = precise(x[:, 0]) if family.name == "Gamma" else 1 / precise(x[:, 0])
    gap = MP.log(mean(points, w)) - mean(log(points), w)
    shape = precise(float(next(iter(family.classical(family.fit(x, w)).values()))))
    reached = MP.log(shape) - MP.psi(0, shape)
    assert abs(reached - gap) <= ROUNDINGS * UNIT * gap


@pytest.mark.parametrize("number", [1, 2, 7, 10, 49])
@pytest.mark.parametrize(
    "family", [Gamma(), InverseGamma(), Beta(), Dirichlet(3)], ids=lambda family: family.name
)
def test_equal_points_determine_no_member(family: ExponentialFamily, number: int) -> None:
    """Whatever the rounding of their mean; a point without weight does not count."""
    point = np.asarray([0.3, 0.2, 0.5] if family.dim == 3 else [0.3])
    with pytest.raises(DomainError, match=f"x determines no {family.name}: .* weight"):
        family.fit(np.stack([point] * number))
    with pytest.raises(DomainError, match=f"x determines no {family.name}: .* weight"):
        family.fit(
            np.stack([point] * number + [point[::-1] * 0.5 + 0.5 / 3]),
            np.asarray([1.0 / number] * number + [0.0]),
        )


def test_float32_keeps_its_digits() -> None:
    """A shape of 1e5 from points in float32, compared with the same points in float64."""
    x = Beta().sample(np.asarray([3e5, 7e5], dtype=np.float32), 50, np.random.default_rng(6))
    fitted = Beta().fit(x)
    assert x.dtype == fitted.dtype == np.float32
    np.testing.assert_allclose(fitted, Beta().fit(x.astype(np.float64)), rtol=ROUNDINGS * 2.0**-24)


@pytest.mark.parametrize("family", [Beta(), Dirichlet(3)], ids=lambda family: family.name)
def test_third_cumulants(family: ExponentialFamily) -> None:
    """(E1) in the third derivative.

    ψ″(α_i) where all indices are i, less ψ″(α₀), where α₀ ≫ α_i and where α_i is nearly all of it.
    """
    rows = 10.0 ** np.random.default_rng(7).uniform(-8, 8, (40, family.number))
    tensors, diagonal = family.third_cumulant(rows), np.arange(family.number)
    for row, tensor in zip(precise(rows), precise(tensors), strict=True):
        truth = np.full(tensor.shape, -MP.psi(2, np.sum(row)))
        truth[diagonal, diagonal, diagonal] += np.asarray([MP.psi(2, a) for a in row])
        assert np.all(np.abs(tensor - truth) <= 12 * UNIT * np.abs(truth)), row
