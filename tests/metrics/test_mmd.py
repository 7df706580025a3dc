"""(Q1): mmd and MMD against sums in fifty digits, closed forms and stored arrays."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingd_ref as ir
from tests.metrics import naive

EPS = np.finfo(float).eps
# The square is a difference of three means of at most one. A product of 1/n and a matrix-vector sum
# err by (n + m) units of rounding at the very worst; blocked and pairwise sums stay near log n, so
# 8 units of each of the four unit-sized terms bounds what is computed.
SQUARE_ERROR = 32 * EPS


def clouds(seed, n, m, d):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, d)),
        rng.normal(0.5, 1.2, size=(m, d)),
        rng.dirichlet(np.ones(n)),
        rng.dirichlet(np.ones(m)),
    )


@pytest.mark.parametrize("bandwidth", [0.05, 0.7, 30.0])
@pytest.mark.parametrize(("n", "m", "d"), [(1, 1, 1), (1, 7, 2), (6, 1, 3), (7, 9, 2)])
@pytest.mark.parametrize("weighted", [False, True])
def test_square_equals_the_sum_in_fifty_digits(n, m, d, bandwidth, weighted):
    x, y, pi, rho = clouds(n + m, n, m, d)
    weights, target_weights = (pi, rho) if weighted else (None, None)
    expected = float(naive.squared_mmd(x, y, bandwidth, weights, target_weights))
    assert (
        abs(ir.metrics.mmd(x, y, bandwidth, weights, target_weights) ** 2 - expected)
        <= SQUARE_ERROR
    )
    assert (
        abs(ir.metrics.MMD(y, target_weights)(x, bandwidth, weights) ** 2 - expected)
        <= SQUARE_ERROR
    )


def test_two_points_have_the_closed_form():
    for distance in (1e-3, 1.0, 10.0):
        expected = -2.0 * math.expm1(-(distance**2) / 2.0)
        assert (
            abs(
                ir.metrics.mmd(np.array([[5.0]]), np.array([[5.0 + distance]]), 1.0) ** 2 - expected
            )
            <= SQUARE_ERROR + 5 * EPS * distance
        )


@pytest.mark.parametrize("case", naive.CASES)
def test_the_published_program_gives_the_same_value(case):
    stored = naive.golden()
    x, y, bandwidth = (
        stored[f"{case}/{name}"] for name in ("particles", "target", "kernel_bandwidth")
    )
    # The root of a square with error SQUARE_ERROR, twice: theirs and ours.
    expected = float(stored[f"{case}/mmd_rbf"])
    assert abs(ir.metrics.mmd(x, y, float(bandwidth)) - expected) <= 2 * SQUARE_ERROR / expected


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 6),
    m=st.integers(1, 6),
    d=st.integers(1, 3),
    log_bandwidth=st.floats(-3, 3),
)
def test_it_is_a_distance_of_mixtures(seed, n, m, d, log_bandwidth):
    x, y, pi, rho = clouds(seed, n, m, d)
    z, bandwidth = np.random.default_rng(seed + 1).normal(size=(4, d)), 10.0**log_bandwidth
    xy, yx = ir.metrics.mmd(x, y, bandwidth, pi, rho), ir.metrics.mmd(y, x, bandwidth, rho, pi)
    assert abs(xy**2 - yx**2) <= SQUARE_ERROR
    assert 0 <= xy <= math.sqrt(2) * (1 + 4 * EPS)
    xz, zy = ir.metrics.mmd(x, z, bandwidth, pi), ir.metrics.mmd(z, y, bandwidth, None, rho)
    assert xy <= xz + zy + 3 * math.sqrt(SQUARE_ERROR)
    # Halfway between the two distributions lies half the distance: the mean embedding is linear.
    middle, mixed = np.concatenate([x, y]), np.concatenate([pi, rho]) / 2
    assert abs(ir.metrics.mmd(x, middle, bandwidth, pi, mixed) ** 2 - xy**2 / 4) <= SQUARE_ERROR


def test_weights_stand_for_repeated_points():
    x, y, _, _ = clouds(3, 4, 5, 2)
    counts = np.array([1, 3, 0, 2])
    repeated = ir.metrics.mmd(np.repeat(x, counts, axis=0), y, 0.8)
    assert abs(ir.metrics.mmd(x, y, 0.8, counts / 6) ** 2 - repeated**2) <= SQUARE_ERROR


def test_degenerate_clouds_are_at_distance_zero():
    x = np.random.default_rng(0).normal(size=(30, 3))
    for a, b in [
        (x, x),
        (x, x[::-1]),
        (np.repeat(x, 2, axis=0), x),
        (np.full((5, 2), 7.0), np.full((3, 2), 7.0)),
        (x[:1], x[:1]),
    ]:
        for value in (ir.metrics.mmd(a, b, 1.0), ir.metrics.MMD(b)(a, 1.0)):
            assert 0 <= value <= math.sqrt(SQUARE_ERROR)


def test_clouds_far_from_the_origin_keep_their_digits():
    # Coordinates are multiples of 2^-10, so a shift by 2^40 leaves every difference as it was.
    x, y = (np.round(2**10 * z) / 2**10 for z in clouds(5, 8, 9, 2)[:2])
    assert ir.metrics.mmd(x + 2.0**40, y + 2.0**40, 0.5) == ir.metrics.mmd(x, y, 0.5)


@pytest.mark.parametrize("distance", np.geomspace(0.1, 60.0, 25))
def test_the_interpolant_follows_every_length_within_an_octave(distance):
    target = ir.metrics.MMD(np.array([[0.0], [distance]]))
    for bandwidth in np.geomspace(1.001, 1.999, 40):
        expected = 0.5 + 0.5 * math.exp(-0.5 * (distance / bandwidth) ** 2)
        # The error bound of the class, for half of the sum, is below one rounding; node values,
        # basis and the exponent make up the rest.
        assert abs(target.target_term(bandwidth) - expected) <= 8 * EPS


@given(log_bandwidth=st.floats(-4, 4), seed=st.integers(0, 2**32 - 1))
def test_the_interpolated_target_term_is_exact_to_rounding(log_bandwidth, seed):
    y, rho = (
        np.random.default_rng(seed).normal(size=(12, 2)),
        np.random.default_rng(seed).dirichlet(np.ones(12)),
    )
    squares, bandwidth = (
        np.sum((y[:, None] - y) ** 2, axis=-1).astype(np.longdouble),
        10.0**log_bandwidth,
    )
    expected = rho @ np.exp(-squares / (2 * np.longdouble(bandwidth) ** 2)) @ rho
    # Truncation 7e-17, and 25 node values with a rounding of their own, weighted by basis functions
    # whose moduli sum to less than 3.1.
    assert abs(ir.metrics.MMD(y, rho).target_term(bandwidth) - expected) <= 8 * EPS


def test_the_interpolant_meets_its_nodes_and_forgets_its_history():
    y = np.random.default_rng(0).normal(size=(40, 2))
    first, second = ir.metrics.MMD(y), ir.metrics.MMD(y)
    for bandwidth in (0.5, 1.0, 2.0, 2.0**0.5, np.nextafter(1.0, 0.0)):
        assert (
            abs(
                first.target_term(bandwidth)
                - ir.metrics.mmd(y, np.full((1, 2), 1e6), bandwidth) ** 2
                + 1.0
            )
            <= SQUARE_ERROR
        )
    values = [first.target_term(s) for s in (0.3, 3.0, 0.31)]
    assert values == [second.target_term(s) for s in (0.31, 3.0, 0.3)][::-1]


def test_the_target_is_copied():
    y = np.random.default_rng(0).normal(size=(10, 2))
    distance, x = ir.metrics.MMD(y), y + 1.0
    before = distance(x, 1.0)
    y[:] = 0.0
    assert distance(x, 1.0) == before


def test_particles_of_another_dimension_are_refused():
    with pytest.raises(ir.errors.ShapeError, match=r"x must have shape \(n, 2\), got \(3, 1\)"):
        ir.metrics.MMD(np.zeros((4, 2)))(np.zeros((3, 1)), 1.0)


def test_points_that_are_infinitely_many_bandwidths_apart_are_as_far_as_can_be():
    value = ir.metrics.mmd(np.array([[1e200]]), np.array([[1.0]]), 1e-200)
    assert abs(value - np.sqrt(2.0)) <= 1e-15
