"""The oracles themselves: densities that integrate to one, entropies by quadrature, and statements that agree with each other."""

import mpmath
import pytest
from mpmath import mpf

from tests.families.positive import IDS, ORACLES, Oracle

pytestmark = pytest.mark.parametrize("oracle", ORACLES, ids=IDS)

MEMBERS = {1: [[mpf("0.7")], [mpf(3)]], 2: [[mpf("0.7"), mpf("1.5")], [mpf(3), mpf("0.25")]]}


def members(oracle: Oracle) -> list[list[mpf]]:
    """Classical parameters, by way of natural ones that the family gives: the oracle states the inverse map alone."""
    found = []
    for values in MEMBERS[len(oracle.names)]:
        theta = [
            mpf(float(t))
            for t in oracle.family.natural(
                **dict(zip(oracle.names, map(float, values), strict=True))
            )
        ]
        # The natural parameters of the family are doubles of those of the oracle: 16 digits.
        assert all(
            abs(c / v - 1) < mpf(10) ** -14
            for c, v in zip(oracle.classical(theta), values, strict=True)
        )
        found.append(theta)
    return found


def support(oracle: Oracle, theta: list[mpf]) -> list[mpf]:
    """Where to split the integral: the ends of the support and points within it."""
    inner = sorted(oracle.points(*oracle.classical(theta)))
    lower = {"Laplace": -mpmath.inf, "Pareto": None}.get(oracle.family.name, mpf(0))
    return ([] if lower is None else [lower]) + inner + [mpmath.inf]


def test_density_and_entropy_by_quadrature(oracle: Oracle) -> None:
    with mpmath.workdps(20):
        for theta in members(oracle):
            ends = support(oracle, theta)
            total = mpmath.quad(lambda x: mpmath.exp(oracle.log_prob(theta, x)), ends)
            # Tanh-sinh quadrature of densities with power-law ends converges to half of the working
            # digits at worst.
            assert abs(total - 1) < mpf("1e-8")
            entropy = mpmath.quad(
                lambda x: -oracle.log_prob(theta, x) * mpmath.exp(oracle.log_prob(theta, x)), ends
            )
            assert abs(entropy - oracle.entropy_at(theta)) < mpf("1e-7")


def test_density_is_of_exponential_family_form(oracle: Oracle) -> None:
    """log q − ⟨θ, f⟩ + A is the same function of x, log h, for two members."""
    with mpmath.workdps(60):
        first, second = members(oracle)
        for x in oracle.points(*oracle.classical(first)):
            values = []
            for theta in (first, second):
                linear = sum(t * f for t, f in zip(theta, oracle.statistics(x), strict=True))
                values.append(oracle.log_prob(theta, x) - linear + oracle.log_partition(theta))
            assert abs(values[0] - values[1]) < mpf("1e-50")


def test_mean_and_its_inverse(oracle: Oracle) -> None:
    """Differences of A with steps of 1e-40 have errors of 1e-80, which no condition number here exceeds."""
    with mpmath.workdps(160):
        for theta in members(oracle):
            mu = oracle.mean(theta)
            assert oracle.is_mean(mu)
            assert all(
                abs(a / b - 1) < mpf("1e-60")
                for a, b in zip(oracle.natural_from_mean(mu), theta, strict=True)
            )


def test_distance_solves_the_eikonal_equation(oracle: Oracle) -> None:
    """|∇d|² = 1 in the inverse metric, and d² = δᵀFδ to first order for a small δ: what makes d the distance of the Fisher metric."""
    if oracle.distance is None:
        assert oracle.family.name in ("chi-squared", "inverse Gamma")  # no closed form is known
        return
    with mpmath.workdps(160):
        first, second = members(oracle)
        step = mpf("1e-30")
        shifted = [
            [t * (1 + sign * step) if k == j else t for k, t in enumerate(second)]
            for j in range(len(second))
            for sign in (1, -1)
        ]
        values = [oracle.distance_at(first, theta) for theta in shifted]
        slope = [
            (values[2 * j] - values[2 * j + 1]) / (2 * step * second[j]) for j in range(len(second))
        ]
        length = sum(
            a * b for a, b in zip(slope, oracle.natural_gradient(second, slope), strict=True)
        )
        assert abs(length - 1) < mpf("1e-25")
        near = [t * (1 + step * (j + 1)) for j, t in enumerate(first)]
        change = [b - a for a, b in zip(first, near, strict=True)]
        square = sum(
            change[i] * entry * change[j]
            for i, row in enumerate(oracle.fisher(first))
            for j, entry in enumerate(row)
        )
        assert abs(oracle.distance_at(first, near) ** 2 / square - 1) < mpf("1e-20")
