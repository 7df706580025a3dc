"""Identities (E2)-(E8) on drawn members, with the extremes pinned.

Tolerances are rounding models: each identity is evaluated in float64 (u = 2⁻⁵³), and its defect may
be a small number of roundings of the terms that it sums, or of the product of magnitudes
|F⁻¹||F||v| where a matrix and its inverse meet.
"""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ingd_ref.families import ExponentialFamily, Gamma, Gaussian
from tests.families.judge import UNIT, oracle_of
from tests.families.members import Case
from validation.oracles.precise import MP, precise

GAMMA, GAUSSIAN = Gamma(), Gaussian()

exponents = st.floats(-8.0, 8.0)
powers_of_ten = exponents.map(lambda exponent: 10.0**exponent)
gammas = st.tuples(powers_of_ten, powers_of_ten).map(
    lambda p: (GAMMA, GAMMA.natural(shape=p[0], rate=p[1]))
)
means = st.one_of(st.just(0.0), powers_of_ten, powers_of_ten.map(lambda size: -size))
gaussians = st.tuples(means, powers_of_ten).map(
    lambda p: (GAUSSIAN, GAUSSIAN.natural(mean=p[0], variance=p[1]))
)
members = st.one_of(gammas, gaussians)
# Entries are zero or of ordinary size: the rounding models hold where no product falls into the
# subnormal range.
entries = st.one_of(st.just(0.0), st.floats(1e-6, 1.0), st.floats(-1.0, -1e-6))
directions = st.tuples(entries, entries).map(np.asarray)
relative_steps = st.tuples(st.sampled_from([1e-12, 1e-8, 1e-4, 1e-2, 0.3]), directions).map(
    lambda pair: pair[0] * pair[1]
)

LARGE_GAMMA = (GAMMA, GAMMA.natural(shape=1e8, rate=1e8))
SMALL_GAMMA = (GAMMA, GAMMA.natural(shape=1e-8, rate=1e8))
FAR_GAUSSIAN = (GAUSSIAN, GAUSSIAN.natural(mean=1e8, variance=1.0))
NARROW_GAUSSIAN = (GAUSSIAN, GAUSSIAN.natural(mean=-3.0, variance=1e-8))

Member = tuple[ExponentialFamily, np.ndarray]


def sensitivity(member: Member) -> np.ndarray:
    """Σ_j |∂θ_i/∂μ_j μ_j| / |θ_i|: the condition numbers of mean -> natural at μ(θ), by (E4)."""
    family, theta = member
    moved = np.abs(family.inverse_fisher(theta)) @ np.abs(family.mean(theta))
    return moved / np.where(theta == 0, 1.0, np.abs(theta))


@given(members)
@example(LARGE_GAMMA)
@example(SMALL_GAMMA)
@example(NARROW_GAUSSIAN)
def test_mean_and_its_inverse(member: Member) -> None:
    """(E2), (E6): natural_from_mean ∘ mean is the identity, up to the roundings of μ times its
    condition number.
    """
    family, theta = member
    kappa = sensitivity(member)
    assume(
        np.max(kappa) * UNIT < 1e-3
    )  # beyond that the rounded μ may belong to no member, or to one that is far away
    # 4 u: the error of μ itself, for which test_accuracy found 3.3 u.
    error = np.abs(family.natural_from_mean(family.mean(theta)) - theta)
    assert np.all(error <= (10 + 8 * kappa) * UNIT * np.where(theta == 0, 1.0, np.abs(theta)))


@given(members, directions)
@example(LARGE_GAMMA, np.asarray([1.0, 1.0]))
@example(SMALL_GAMMA, np.asarray([1.0, -1.0]))
@example(FAR_GAUSSIAN, np.asarray([1.0, 1.0]))
def test_fisher_and_its_inverse(member: Member, direction: np.ndarray) -> None:
    """(E3), (E4), (E7): F is symmetric and positive, F⁻¹ its inverse, the natural gradient F⁻¹g."""
    family, theta = member
    fisher, inverse = family.fisher(theta), family.inverse_fisher(theta)
    deviation = np.sqrt(np.diag(fisher))
    assert np.array_equal(fisher, fisher.T)
    assert np.array_equal(inverse, inverse.T)
    # Positive as a matrix: |F_01| ≤ √(F_00 F_11), where equality is reached to rounding when the
    # correlation rounds to one.
    assert np.all(deviation > 0)
    assert abs(fisher[0, 1]) <= deviation[0] * deviation[1] * (1 + 8 * UNIT)
    defect = np.abs(fisher @ inverse - np.eye(2))
    assert np.all(defect <= 20 * UNIT * (np.abs(fisher) @ np.abs(inverse)))
    gradient = direction * deviation
    natural = family.natural_gradient(theta, gradient)
    assert np.all(
        np.abs(natural - inverse @ gradient) <= 20 * UNIT * (np.abs(inverse) @ np.abs(gradient))
    )
    assert np.all(
        np.abs(fisher @ natural - gradient)
        <= 20 * UNIT * (np.abs(fisher) @ np.abs(inverse) @ np.abs(gradient))
    )


@given(members, directions)
@example(LARGE_GAMMA, np.asarray([1.0, 1.0]))
@example(NARROW_GAUSSIAN, np.asarray([1.0, 1.0]))
def test_natural_gradient_is_the_gradient_in_mean_parameters(
    member: Member, slope: np.ndarray
) -> None:
    """(E8) for L = ⟨c, μ(θ)⟩, of which ∇_θ L = F c and ∇_μ L = c."""
    family, theta = member
    inverse, fisher = family.inverse_fisher(theta), family.fisher(theta)
    coefficient = slope / np.sqrt(np.diag(fisher))
    result = family.natural_gradient(theta, fisher @ coefficient)
    assert np.all(
        np.abs(result - coefficient)
        <= 20 * UNIT * (np.abs(inverse) @ np.abs(fisher) @ np.abs(coefficient))
    )


@given(members, relative_steps)
@example(LARGE_GAMMA, np.asarray([1e-8, 1e-8]))
@example(SMALL_GAMMA, np.asarray([1e-12, 0.0]))
@example(FAR_GAUSSIAN, np.asarray([1e-8, 1e-8]))
@example(FAR_GAUSSIAN, np.asarray([0.0, 0.0]))
def test_divergence_is_the_bregman_divergence_of_the_log_partition(
    member: Member, step: np.ndarray
) -> None:
    """(E5) against its three terms at 100 digits.

    Never negative, 64 u relative (see test_accuracy) whatever the distance.
    """
    family, theta = member
    other = theta * (1 + step)
    with MP.workdps(100):
        truth = oracle_of(Case(family)).kl(precise(theta), precise(other))
        value = precise(family.kl(theta, other))
        assert value >= 0
        assert abs(value - truth) <= 64 * UNIT * truth
    assert family.kl(theta, theta) == 0


@given(members, relative_steps)
@example(LARGE_GAMMA, np.asarray([1e-4, 1e-4]))
@example(SMALL_GAMMA, np.asarray([0.3, 0.3]))
def test_conjugate_functions(member: Member, step: np.ndarray) -> None:
    """(E6): A(θ) + A*(μ) = ⟨θ, μ⟩ at μ = μ(θ), and A(θ′) + A*(μ) − ⟨θ′, μ⟩ = KL(θ‖θ′) at any other
    θ′.
    """
    family, theta = member
    assume(np.max(sensitivity(member)) * UNIT < 1e-3)
    mu = family.mean(theta)
    other = theta * (1 + step)
    conjugate = family.conjugate(mu)
    for parameter, divergence in ((theta, 0.0), (other, family.kl(theta, other))):
        terms = np.asarray(
            [family.log_partition(parameter), conjugate, *(-parameter * mu), -divergence]
        )
        # ∇A* = θ, so the 4 u error of μ changes A* by that much of |θ||μ|; the log-partition of a
        # large shape adds a few u of |θ||μ|.
        assert abs(np.sum(terms)) <= 20 * UNIT * (1 + np.sum(np.abs(terms)))


@given(members)
@example(LARGE_GAMMA)
@example(SMALL_GAMMA)
@example(FAR_GAUSSIAN)
def test_classical_and_natural_parameters(member: Member) -> None:
    family, theta = member
    assert np.all(
        np.abs(family.natural(**family.classical(theta)) - theta) <= 4 * UNIT * np.abs(theta)
    )
    assert family.contains(theta)
    assert not family.contains(-theta - 1e-300)


@given(st.lists(st.floats(0.1, 10.0), min_size=2, max_size=20, unique=True), st.booleans())
@example([1.0, 1.0 + 1e-7], True)
def test_fit_matches_the_moments(points: list[float], weighted: bool) -> None:
    """The estimate is where (E9) is stationary: μ(θ) = Σ w f(x), up to rounding of the moments."""
    x = np.asarray(points)[:, None]
    weights = np.arange(1.0, len(points) + 1)
    weights = weights / weights.sum() if weighted else np.full(len(points), 1 / len(points))
    assume(np.ptp(x) > 1e-8)
    for family in (GAMMA, GAUSSIAN):
        moments = weights @ family.statistics(x)
        residual = family.mean(family.fit(x, weights if weighted else None)) - moments
        assert np.all(np.abs(residual) <= 40 * UNIT * (1 + np.abs(moments)))


def test_fit_sees_a_spread_that_the_moments_have_lost() -> None:
    """Points 1e8 ± 1 have variance 1, but Σ w x² − (Σ w x)² keeps none of it; nor for a Gamma of
    shape 1e16.
    """
    x = np.asarray([[1e8 - 1], [1e8 + 1]])
    assert GAUSSIAN.classical(GAUSSIAN.fit(x))["variance"] == 1.0
    # log mean − mean log = −½ log(1 − 1e-16) = ½ 1e-16, and shape ≈ 1/(2 gap) there.
    assert GAMMA.classical(GAMMA.fit(x))["shape"] == pytest.approx(1e16, rel=1e-12)
