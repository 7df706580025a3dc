"""The Fisher information against the five oracles that know nothing of its closed form.

Each oracle is a difference quotient or a quadrature of textbook functions from SciPy. A difference
quotient with step h has a truncation error C h² and a rounding error of the size of
u·|function|/hᵏ. The step is the one that balances them, h = (48u)^¼ s for second and h = (3u)^⅓ s
for first differences, s the scale on which the function varies; then C h² is estimated by the
change |D(2h) − D(h)| = 3 C h², which is allowed in full, and the rounding error is bounded from the
size of the terms. Each test also asserts that this allowance is small next to the Fisher
information, so that it can fail.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import special, stats

from ingd_ref.families import ExponentialFamily, Gamma, Gaussian

UNIT = 2.0**-53
SECOND_STEP = (48 * UNIT) ** 0.25
FIRST_STEP = (3 * UNIT) ** (1 / 3)
# SciPy's gammaln, digamma and logpdf are within a few units in the last place of their largest
# intermediate term.
FUNCTION_ROUNDINGS = 8


@dataclass(frozen=True)
class Member:
    """One member of a family in textbook form.

    Quadrature nodes and weights for its expectations, and its functions of θ.
    """

    family: ExponentialFamily
    theta: np.ndarray
    scale: np.ndarray  # how far each θ_i may move before anything changes by a factor of order one
    nodes: np.ndarray
    weights: np.ndarray
    statistics: np.ndarray  # (nodes, 2)
    log_partition: Callable[[np.ndarray], float]
    mean: Callable[[np.ndarray], np.ndarray]
    log_density: Callable[[np.ndarray], np.ndarray]

    @property
    def fisher(self) -> np.ndarray:
        return self.family.fisher(self.theta)

    @property
    def size(self) -> np.ndarray:
        """√(F_ii F_jj), the natural size of entry (i, j)."""
        deviation = np.sqrt(np.diag(self.fisher))
        return deviation[:, None] * deviation


def gaussian(m: float, variance: float) -> Member:
    deviation = np.sqrt(variance)
    nodes = (
        m + deviation * np.arange(-40, 41) / 3
    )  # trapezoidal rule: error e^{-2π²·9} of an entire integrand
    theta = np.asarray([m / variance, -0.5 / variance])

    def classical(t: np.ndarray) -> tuple[float, float]:
        return -t[0] / (2 * t[1]), np.sqrt(-0.5 / t[1])

    return Member(
        Gaussian(),
        theta,
        np.asarray([1 / deviation, 0.5 / variance]) / (1 + abs(m) / deviation),
        nodes,
        stats.norm.pdf(nodes, m, deviation) * deviation / 3,
        np.stack([nodes, nodes**2], axis=-1),
        lambda t: -(t[0] ** 2) / (4 * t[1]) - 0.5 * np.log(-2 * t[1]),
        lambda t: np.asarray([classical(t)[0], classical(t)[0] ** 2 - 0.5 / t[1]]),
        lambda t: stats.norm.logpdf(nodes, *classical(t)),
    )


def gamma(shape: float, rate: float) -> Member:
    # Trapezoidal rule in log x, where the integrand is analytic in a strip of half-width π/2 and
    # √(1/shape) wide: error e^{-π²/step}.
    step = min(0.2, 0.3 / np.sqrt(shape))
    upper = np.log((shape + 12 * np.sqrt(shape) + 50) / rate)
    lower = np.log(shape / rate) - max(45 / shape, 12 / np.sqrt(shape))
    nodes = np.exp(lower + step * np.arange(int((upper - lower) / step)))
    return Member(
        Gamma(),
        np.asarray([shape, -rate]),
        np.asarray([shape, rate]) / np.sqrt(1 + shape),
        nodes,
        stats.gamma.pdf(nodes, shape, scale=1 / rate) * nodes * step,
        np.stack([np.log(nodes), nodes], axis=-1),
        lambda t: special.gammaln(t[0]) - t[0] * np.log(-t[1]),
        lambda t: np.asarray([special.digamma(t[0]) - np.log(-t[1]), -t[0] / t[1]]),
        lambda t: stats.gamma.logpdf(nodes, t[0], scale=-1 / t[1]),
    )


MEMBERS = {
    "standard Gaussian": gaussian(0.0, 1.0),
    "shifted Gaussian": gaussian(3.0, 0.5),
    "wide Gaussian": gaussian(-2.0, 40.0),
    "Gamma of shape 0.3": gamma(0.3, 2.0),
    "exponential": gamma(1.0, 1.0),
    "Gamma of shape 4": gamma(4.0, 0.1),
    "Gamma of shape 30": gamma(30.0, 5.0),
}


@pytest.fixture(params=MEMBERS.values(), ids=MEMBERS.keys())
def member(request) -> Member:
    return request.param


def pairs() -> Iterator[tuple[int, int]]:
    yield from ((0, 0), (0, 1), (1, 1))


def second_difference(
    function: Callable[[np.ndarray], float], at: np.ndarray, i: int, j: int, step: np.ndarray
) -> float:
    """Central difference for ∂²/∂θ_i∂θ_j."""
    first, second = np.eye(2)[i] * step[i], np.eye(2)[j] * step[j]
    corners = (
        function(at + first + second)
        - function(at + first - second)
        - function(at - first + second)
        + function(at - first - second)
    )
    return corners / (4 * step[i] * step[j])


def assert_within(
    member: Member, i: int, j: int, value: float, allowed: float, teeth: float
) -> None:
    assert allowed <= teeth * member.size[i, j], "the oracle itself is too rough to judge anything"
    assert abs(value - member.fisher[i, j]) <= allowed


def test_second_differences_of_the_log_partition(member: Member) -> None:
    """(E3) F = ∇²A."""
    for i, j in pairs():
        step = SECOND_STEP * member.scale
        value, doubled = (
            second_difference(member.log_partition, member.theta, i, j, factor * step)
            for factor in (1, 2)
        )
        size = (
            abs(member.log_partition(member.theta))
            + abs(member.theta @ member.mean(member.theta))
            + 1
        )
        rounding = FUNCTION_ROUNDINGS * UNIT * size / (step[i] * step[j])
        assert_within(member, i, j, value, abs(doubled - value) + rounding, teeth=1e-4)


def test_differences_of_the_mean(member: Member) -> None:
    """(E3) F = ∂μ/∂θ."""
    for i, j in pairs():
        step = FIRST_STEP * member.scale

        def slope(h: float, i: int = i, j: int = j) -> float:
            return (
                member.mean(member.theta + np.eye(2)[j] * h)[i]
                - member.mean(member.theta - np.eye(2)[j] * h)[i]
            ) / (2 * h)

        value, doubled = slope(step[j]), slope(2 * step[j])
        rounding = FUNCTION_ROUNDINGS * UNIT * (abs(member.mean(member.theta)[i]) + 1) / step[j]
        assert_within(member, i, j, value, abs(doubled - value) + rounding, teeth=1e-6)


def test_covariance_of_the_statistics(member: Member) -> None:
    """(E3) F = Cov f by quadrature.

    The density at a node is exp of a logarithm of size 50 at most: 50 u, and cancellation of the
    mean.
    """
    total = np.sum(member.weights)
    centred = member.statistics - member.weights @ member.statistics / total
    covariance = (member.weights[:, None] * centred).T @ centred / total
    conditioning = np.max(np.abs(member.weights @ member.statistics) / np.sqrt(np.diag(covariance)))
    np.testing.assert_array_less(
        np.abs(covariance - member.fisher), 100 * UNIT * (1 + conditioning) * member.size
    )
    assert abs(total - 1) <= 100 * UNIT


def test_hessian_of_the_divergence(member: Member) -> None:
    """∂²/∂δ² KL(θ‖θ+δ) = F at δ = 0, the divergence by quadrature of the textbook log-densities."""
    base = member.log_density(member.theta)

    def divergence(theta: np.ndarray) -> float:
        return member.weights @ (base - member.log_density(theta))

    for i, j in pairs():
        step = SECOND_STEP * member.scale
        value, doubled = (
            second_difference(divergence, member.theta, i, j, factor * step) for factor in (1, 2)
        )
        size = member.weights @ np.abs(base) + abs(member.theta @ member.mean(member.theta)) + 1
        rounding = FUNCTION_ROUNDINGS * UNIT * size / (step[i] * step[j])
        assert_within(member, i, j, value, abs(doubled - value) + rounding, teeth=1e-4)


def test_second_moment_of_the_score(member: Member) -> None:
    """F = E[score scoreᵀ], the score by differences of the textbook log-density at the nodes."""

    def score(factor: float) -> np.ndarray:
        columns = []
        for i in range(2):
            shift = np.eye(2)[i] * factor * FIRST_STEP * member.scale[i]
            columns.append(
                (
                    member.log_density(member.theta + shift)
                    - member.log_density(member.theta - shift)
                )
                / (2 * shift[i])
            )
        return np.stack(columns, axis=-1)

    value, doubled = ((member.weights[:, None] * s).T @ s for s in (score(1), score(2)))
    # A log-density at a node rounds with the size of its terms; averaged over q their root mean
    # square counts.
    terms = (
        np.abs(member.statistics * member.theta).sum(axis=-1)
        + np.abs(member.log_density(member.theta))
        + 1
    )
    noise = (
        FUNCTION_ROUNDINGS * UNIT * np.sqrt(member.weights @ terms**2) / (FIRST_STEP * member.scale)
    )
    deviation = np.sqrt(np.diag(member.fisher))
    rounding = deviation[:, None] * noise + noise[:, None] * deviation
    for i, j in pairs():
        assert_within(
            member, i, j, value[i, j], abs(doubled - value)[i, j] + rounding[i, j], teeth=1e-6
        )
