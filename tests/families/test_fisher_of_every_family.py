"""The Fisher information (E3) of every family by five ways around its closed form, and by samples.

Four of them use what the family itself says of A, μ, KL and log q, each of which is tested against
textbooks elsewhere: a new family is covered from its first day. Expectations are sums over nodes
and states that share nothing with the package; a family that the table of nodes does not know is
left with the z-test on samples. Error models are in `tests.families.differences`. Entries are in
units of √(F_aa F_bb), and every test asserts that its own allowance is small in these units.
"""

import numpy as np
import pytest

from ingd_ref.families._discovery import all_families
from tests.families.differences import ROUNDINGS, STEP, U, hessian, slopes, units
from validation.oracles.nodes import Nodes, nodes

FAMILIES = all_families()
every_family = pytest.mark.parametrize(
    "family", FAMILIES, ids=[f"{type(f).__name__}-{f.name}-{f.number}" for f in FAMILIES]
)
# A family given by T and A alone has its Fisher information by extrapolated differences, right to
# about 1e-12 as it says.
EXTRAPOLATED = 1e-10


def members(family) -> np.ndarray:
    return family.natural(**family.example_parameters())


def assert_fisher(
    family, theta: np.ndarray, value: np.ndarray, allowed: np.ndarray, teeth: float
) -> None:
    fisher = family.fisher(theta)
    deviation = np.sqrt(np.diag(fisher))
    size = deviation[:, None] * deviation
    own = EXTRAPOLATED if getattr(family, "hessian", family) is None else 4 * ROUNDINGS * U
    assert np.all(allowed <= teeth * size), "the oracle itself is too rough to judge anything"
    assert np.all(np.abs(value - fisher) <= allowed + own * size)


def size_of_terms(family, theta: np.ndarray) -> float:
    """Of what A(θ) is the sum of, and by how much rounding θ moves it."""
    return float(
        abs(family.log_partition(theta)) + 2 * np.abs(theta) @ np.abs(family.mean(theta)) + 1
    )


@every_family
def test_second_differences_of_the_log_partition(family) -> None:
    """F = ∇²A."""
    for theta in members(family)[:2]:
        noise = ROUNDINGS * U * size_of_terms(family, theta)
        assert_fisher(
            family,
            theta,
            *hessian(family.log_partition, theta, units(family, theta), noise),
            teeth=1e-5,
        )


@every_family
def test_differences_of_the_mean(family) -> None:
    """F = ∂μ/∂θ."""
    for theta in members(family)[:2]:
        noise = (
            ROUNDINGS * U * (np.abs(family.mean(theta)) + np.sqrt(np.diag(family.fisher(theta))))
        )
        assert_fisher(
            family, theta, *slopes(family.mean, theta, units(family, theta), noise), teeth=1e-5
        )


@every_family
def test_hessian_of_the_divergence(family) -> None:
    """F = ∇²_δ KL(θ‖θ + δ) at δ = 0.

    a divergence of size h² has errors of its own size, and δ is as the sum θ + δ was rounded.
    """
    for theta in members(family)[:2]:
        unit = units(family, theta)
        b, scale = family.number, (8 * STEP) ** 2
        moved = (
            scale * np.sum(U * np.abs(theta) / (STEP * unit)) / b
        )  # of a quadratic form, by rounding of δ
        noise = b * (ROUNDINGS * 8 * U * scale + moved)
        assert_fisher(
            family,
            theta,
            *hessian(lambda t, base=theta: family.kl(base, t), theta, unit, noise),
            teeth=1e-5,
        )


def representable(family) -> tuple[np.ndarray, Nodes]:
    """A member whose nodes are points of the support in float64 too, with statistics that are
    those of the nodes.
    """
    for theta in members(family):
        rule = nodes(family, theta)
        if rule is None:
            pytest.skip(
                f"there is no table of nodes for {family.name}: its expectations are "
                f"tested by samples"
            )
        kept = rule.weights > 1e-40
        rule = Nodes(rule.x[kept], rule.statistics[kept], rule.log_h[kept], rule.weights[kept])
        inside = np.ones(len(rule.x), dtype=bool)
        for holds in family._support(np, rule.x).values():
            inside = inside & holds
        if not np.all(inside):
            continue
        deviation = np.sqrt(np.diag(rule.covariance()))
        difference = rule.weights @ np.abs(family.statistics(rule.x) - rule.statistics)
        if np.all(difference <= 1e-13 * (deviation + np.abs(rule.mean()))):
            return theta, rule
    raise AssertionError(f"no example of {family.name} has its mass where float64 has numbers")


@every_family
def test_covariance_of_the_statistics(family) -> None:
    """F = Cov f over nodes, with the package's f.

    Probabilities are exponentials of logarithms of size 50: 50 u each; the mean cancels.
    """
    theta, rule = representable(family)
    values = family.statistics(rule.x)
    mean = rule.weights @ values
    centred = values - mean
    deviation = np.sqrt(np.diag(family.fisher(theta)))
    conditioning = 1 + np.max(np.abs(mean) / deviation)
    allowed = 200 * U * conditioning * deviation[:, None] * deviation
    assert_fisher(
        family, theta, (rule.weights[:, None] * centred).T @ centred, allowed, teeth=1e-11
    )


@every_family
def test_second_moment_of_the_score(family) -> None:
    """F = E[score scoreᵀ] over nodes, the score by differences of the package's log q."""
    theta, rule = representable(family)
    unit = units(family, theta)
    terms = (
        np.abs(rule.statistics) @ np.abs(theta) + np.abs(rule.log_h) + size_of_terms(family, theta)
    )
    score, error = slopes(
        lambda t: family.log_prob(t[:, None, :], rule.x), theta, unit, ROUNDINGS * U * terms
    )
    value = (rule.weights * score) @ score.T
    deviation = np.sqrt(rule.weights @ (score**2).T)
    rough = np.sqrt(rule.weights @ (error**2).T)
    allowed = (
        deviation[:, None] * rough
        + rough[:, None] * deviation
        + 200 * U * deviation[:, None] * deviation
    )
    assert_fisher(family, theta, value, allowed, teeth=1e-5)


# Standard errors that an entry may be off. Over the 600 entries of all families, if they were
# normal, one alarm in 3 million runs of other seeds; the heaviest tails here, squares of log x for
# small shapes, are sums of 4000 terms and not far from normal.
ALARM = 6.0
DRAWS = 4000


@every_family
def test_scores_of_samples(family) -> None:
    """F = E[score scoreᵀ] and E score = 0 over samples, entry by entry in standard errors."""
    theta = members(family)[1]
    values = family.statistics(family.sample(theta, DRAWS, np.random.default_rng(2024)))
    score = values - family.mean(theta)
    fisher, deviation = family.fisher(theta), np.sqrt(np.diag(family.fisher(theta)))
    assert np.all(np.abs(np.mean(score, axis=0)) <= ALARM * deviation / np.sqrt(DRAWS))
    products = score[:, :, None] * score[:, None, :]
    errors = np.std(products, axis=0) / np.sqrt(DRAWS)
    assert np.all(
        np.abs(np.mean(products, axis=0) - fisher)
        <= ALARM * errors + 1e-12 * deviation[:, None] * deviation
    )
