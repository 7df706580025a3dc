"""The oracles themselves, without the package.

Statements that agree with each other and with sums over points.
"""

import numpy as np
import pytest

from ingd_ref.families._discovery import all_families
from validation.oracles.nodes import nodes
from validation.oracles.precise import MP, precise
from validation.oracles.statement import slopes
from validation.oracles.textbook import textbook

FAMILIES = [family for family in all_families() if textbook(family) is not None]
pytestmark = pytest.mark.parametrize(
    "family", FAMILIES, ids=[f"{type(f).__name__}-{f.number}-{k}" for k, f in enumerate(FAMILIES)]
)
# Differences at eighty digits leave forty, of which conditioning takes a few.
AGREE = 1e-30
# Weights are exponentials of logarithms of size fifty, fifty units of rounding each.
SUMMED = 1e-13


def members(family):
    return family.natural(**family.example_parameters())[:2]


def assert_equal(found, expected, tolerance, size=None):
    size = np.maximum(1, np.abs(expected)) if size is None else size
    assert np.shape(found) == np.shape(expected)
    assert np.all(np.abs(found - expected) <= tolerance * size)


def test_derivatives(family):
    """μ = ∇A and F = ∂μ/∂θ, and F⁻¹ F = I, wherever the textbook states more than A."""
    oracle = textbook(family)
    for theta in precise(members(family)):
        assert_equal(oracle.mean(theta), slopes(oracle.log_partition, theta), AGREE)
        fisher = oracle.fisher(theta)
        assert_equal(fisher, slopes(oracle.mean, theta), AGREE)
        identity = oracle.inverse_fisher(theta) @ fisher
        assert_equal(identity, precise(np.eye(len(theta))), AGREE)


def test_classical_parameters(family):
    """ξ(θ) inverts θ(ξ), and is what the class's docstring calls the classical parameters."""
    oracle = textbook(family)
    if oracle.natural is None:
        pytest.skip("no classical parameters are stated")
    for theta in members(family):
        classical = oracle.classical(precise(theta))
        assert_equal(oracle.natural(classical), precise(theta), AGREE)
        named = family.classical(theta)
        values = np.concatenate([np.ravel(named[p.name]) for p in family.parameters])
        assert_equal(classical.astype(float), values, 1e-12)


def test_sums_over_points(family):
    """A, E f, Cov f and the entropy are sums of the nodes, which know f and log h by themselves."""
    oracle = textbook(family)
    for theta in members(family):
        rule, exact = nodes(family, theta), precise(theta)
        if rule is None:
            pytest.skip("there are no nodes for this family")
        fisher = oracle.fisher(exact).astype(float)
        deviation = np.sqrt(np.diag(fisher))
        log_partition = float(oracle.log_partition(exact))
        if rule.log_mass is not None:
            assert_equal(rule.log_mass, log_partition, SUMMED)
        size = np.maximum(deviation, np.abs(rule.mean()))
        assert_equal(rule.mean(), oracle.mean(exact).astype(float), SUMMED, size)
        assert_equal(rule.covariance(), fisher, SUMMED, np.outer(deviation, deviation))
        entropy = rule.entropy(theta, log_partition)
        assert_equal(entropy, float(oracle.entropy(exact)), SUMMED)


def test_statistics_and_densities_at_points(family):
    """f and log h of the textbook are those of the nodes, to the rounding of a point."""
    oracle = textbook(family)
    for theta in members(family):
        rule = nodes(family, theta)
        if rule is None:
            pytest.skip("there are no nodes for this family")
        deviation = np.sqrt(np.diag(oracle.fisher(precise(theta))).astype(float))
        bulk = np.flatnonzero(rule.weights >= 0.05 * np.max(rule.weights))
        for k in bulk[np.linspace(0, len(bulk) - 1, 6).astype(int)]:
            x = precise(rule.x[k])
            found = oracle.statistics(x).astype(float)
            size = np.abs(found) + deviation
            assert_equal(found, rule.statistics[k], 1e-12, size)
            assert_equal(float(oracle.log_base_measure(x)), rule.log_h[k], 1e-12)


def test_parameters_of_means(family):
    """Newton's method finds θ from its mean at forty digits, starting a per cent away."""
    oracle = textbook(family)
    for theta in members(family):
        exact = precise(theta)
        if not family.contains(theta * 1.01):
            continue
        found = oracle.natural_from_mean(oracle.mean(exact), exact * MP.mpf("1.01"))
        assert_equal(found, exact, 1e-30)
