"""(Q2): the energy distance against sums in fifty digits, SciPy and stored arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import ingd_ref as ir
from tests.metrics import naive

EPS = np.finfo(float).eps


def tolerance(x, y):
    """Four means of at most the diameter of both clouds, each with a few units of rounding."""
    both = np.concatenate([x, y])
    return 32 * EPS * np.max(np.linalg.norm(both - both[0], axis=1))


def clouds(seed, n, m, d):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, d)),
        rng.normal(0.5, 1.2, size=(m, d)),
        rng.dirichlet(np.ones(n)),
        rng.dirichlet(np.ones(m)),
    )


@pytest.mark.parametrize(("n", "m", "d"), [(1, 1, 1), (1, 7, 2), (6, 1, 3), (7, 9, 2)])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_equals_the_sum_in_fifty_digits(n, m, d, weighted):
    x, y, pi, rho = clouds(n + m, n, m, d)
    weights, target_weights = (pi, rho) if weighted else (None, None)
    expected = float(naive.energy_distance(x, y, weights, target_weights))
    assert abs(ir.metrics.energy_distance(x, y, weights, target_weights) - expected) <= tolerance(
        x, y
    )


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 8), m=st.integers(1, 8))
def test_in_one_dimension_scipy_returns_its_square_root(seed, n, m):
    x, y, pi, rho = clouds(seed, n, m, 1)
    expected = stats.energy_distance(x[:, 0], y[:, 0], pi, rho) ** 2
    assert abs(ir.metrics.energy_distance(x, y, pi, rho) - expected) <= tolerance(x, y)


# Powers of two scale the points without rounding, which near points would magnify.
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 6),
    m=st.integers(1, 6),
    d=st.integers(1, 3),
    scale=st.sampled_from([2.0**-20, 1.0, 2.0**20]),
)
def test_symmetry_scaling_and_mixtures(seed, n, m, d, scale):
    x, y, pi, rho = clouds(seed, n, m, d)
    value = ir.metrics.energy_distance(x, y, pi, rho)
    assert value >= 0
    assert abs(ir.metrics.energy_distance(y, x, rho, pi) - value) <= tolerance(x, y)
    assert abs(
        ir.metrics.energy_distance(scale * x, scale * y, pi, rho) / scale - value
    ) <= 2 * tolerance(x, y)
    middle, mixed = np.concatenate([x, y]), np.concatenate([pi, rho]) / 2
    assert abs(ir.metrics.energy_distance(x, middle, pi, mixed) - value / 4) <= tolerance(x, y)


def test_weights_stand_for_repeated_points():
    x, y, _, _ = clouds(3, 4, 5, 2)
    counts = np.array([1, 3, 0, 2])
    repeated = ir.metrics.energy_distance(np.repeat(x, counts, axis=0), y)
    assert abs(ir.metrics.energy_distance(x, y, counts / 6) - repeated) <= tolerance(x, y)


def test_degenerate_clouds_are_at_distance_zero():
    x = np.random.default_rng(0).normal(size=(30, 3))
    for a, b in [
        (x, x),
        (x, x[::-1]),
        (np.repeat(x, 2, axis=0), x),
        (np.full((5, 2), 7.0), np.full((3, 2), 7.0)),
        (x[:1], x[:1]),
    ]:
        assert 0 <= ir.metrics.energy_distance(a, b) <= tolerance(a, b)


@pytest.mark.parametrize("case", naive.CASES)
def test_the_value_is_right_where_the_published_program_expands_its_distances(case):
    """Above 25 points the published ‖x‖² + ‖y‖² − 2⟨x, y⟩ moves a point away from itself."""
    stored = naive.golden()
    x, y, published = (
        stored[f"{case}/{name}"] for name in ("particles", "target", "energy_distance")
    )
    exact = float(naive.energy_distance(x, y))
    assert abs(ir.metrics.energy_distance(x, y) - exact) <= 1e-13 * exact
    # The three terms of the expansion of ‖x − x‖² have size r², r = ‖x‖, twice and 2r²; their
    # d-term sums and their own sum err by at most (d + 3) units of rounding EPS/2 of 4r². The
    # distance is at most the root of that, √(2(d + 3)EPS) r, and the V-statistic holds its mean
    # over the n points divided by n, for both clouds. Between distinct points the same error is
    # divided by the distance: 1e-15.
    d = x.shape[1]
    bound = sum(
        np.sqrt(2 * (d + 3) * EPS) * np.mean(np.linalg.norm(z, axis=1)) / len(z) for z in (x, y)
    )
    assert abs(published - exact) <= bound + 1e-13 * exact
    # One dimension is exempt there, because x·x is formed by the same multiplication as x².
    assert (abs(published - exact) > 1e-12 * exact) == (case != "gauss1d")


def test_overflow_is_an_error_and_not_a_nan():
    # Twice the distance 1.7e308.
    with pytest.raises(ir.errors.NonFiniteError, match="energy distance is beyond the largest"):
        ir.metrics.energy_distance(np.array([[1.7e308]]), np.array([[1.0]]))
