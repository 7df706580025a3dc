"""(K8): the median rule."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingd_ref as ir
from tests.metrics import naive


def positive_squares(x):
    squares = [float(naive.squared_distance(a, b)) for i, a in enumerate(x) for b in x[:i]]
    return sorted(s for s in squares if s > 0)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 8),
    d=st.integers(1, 3),
    grid=st.sampled_from([0, 1, 6]),
)
@pytest.mark.parametrize(
    ("rule", "median"), [("midpoint", statistics.median), ("lower", statistics.median_low)]
)
def test_it_is_the_median_of_the_positive_squares(rule, median, seed, n, d, grid):
    x = np.round(
        np.random.default_rng(seed).normal(size=(n, d)), grid
    )  # grid 0: many coincident points
    squares = positive_squares(x)
    expected = np.sqrt(median(squares) / 2) if squares else 1.0
    # A square of differences errs by (d + 2) roundings of relative size 2^-53, halved by the root;
    # d ≤ 3.
    assert (
        abs(ir.metrics.median_bandwidth(x, rule) - expected) <= 3 * np.finfo(float).eps * expected
    )


def test_repeating_points_changes_nothing():
    x = np.random.default_rng(0).normal(size=(9, 2))
    for rule in ("midpoint", "lower"):
        assert ir.metrics.median_bandwidth(
            np.repeat(x, 3, axis=0), rule
        ) == ir.metrics.median_bandwidth(x, rule)


def test_points_without_a_scale_get_one():
    assert ir.metrics.median_bandwidth(np.full((4, 2), 3.0)) == 1.0
    assert ir.metrics.median_bandwidth(np.array([[3.0]]), "lower") == 1.0


@pytest.mark.parametrize("case", naive.CASES)
def test_the_published_bandwidth_counts_spurious_self_distances(case):
    """Expanded squared distances make some of the n zeros positive and lower the lower median."""
    x, published = (
        naive.golden()[f"{case}/particles"],
        float(naive.golden()[f"{case}/kernel_bandwidth"]),
    )
    twice = np.repeat(positive_squares(x), 2)  # each pair is met in both orders
    candidates = [
        np.sqrt(twice[(len(twice) + spurious - 1) // 2 - spurious] / 2)
        for spurious in range(len(x) + 1)
    ]
    assert abs(ir.metrics.median_bandwidth(x, "lower") - candidates[0]) <= 3e-16 * candidates[0]
    assert np.min(np.abs(np.array(candidates) / published - 1)) <= 1e-12


def test_unknown_rule_is_named():
    with pytest.raises(ir.errors.OptionError, match="'midpoint', 'lower'"):
        ir.metrics.median_bandwidth(np.zeros((2, 1)), "mean")
