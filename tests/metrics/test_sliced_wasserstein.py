"""(Q5): the sliced Wasserstein distance against SciPy, rational arithmetic and closed forms."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import ingd_ref as ir

EPS = np.finfo(float).eps


def clouds(seed, n, m, d):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, d)),
        rng.normal(0.5, 1.2, size=(m, d)),
        rng.dirichlet(np.ones(n)),
        rng.dirichlet(np.ones(m)),
    )


def transport_cost(u, v, u_counts, v_counts, order):
    """∫|Q_u − Q_v|^p by moving mass from left to right, in rational arithmetic."""
    queues = [
        [
            [Fraction(float(z)), Fraction(int(c), int(sum(counts)))]
            for z, c in sorted(zip(points, counts, strict=True))
        ]
        for points, counts in ((u, u_counts), (v, v_counts))
    ]
    total = Fraction(0)
    while queues[0] and queues[1]:
        (a, mass), (b, room) = queues[0][0], queues[1][0]
        moved = min(mass, room)
        total += moved * abs(a - b) ** order
        for queue in queues:
            queue[0][1] -= moved
            if queue[0][1] == 0:
                queue.pop(0)
    return float(total)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 8),
    m=st.integers(1, 8),
    d=st.integers(1, 3),
    order=st.sampled_from([1, 2, 3]),
)
def test_it_is_the_cost_of_carrying_mass_from_left_to_right(seed, n, m, d, order):
    x, y, _, _ = clouds(seed, n, m, d)
    rng = np.random.default_rng(seed)
    counts, target_counts = rng.integers(0, 4, size=n), rng.integers(0, 4, size=m)
    counts[0] += 1
    target_counts[-1] += 1
    directions = rng.normal(size=(4, d))
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    expected = np.mean([transport_cost(x @ u, y @ u, counts, target_counts, order) for u in unit])
    value = ir.metrics.sliced_wasserstein(
        x, y, directions, order, None, counts / counts.sum(), target_counts / target_counts.sum()
    )
    # Projections err by (d + 2) units of the largest norm, levels by n + m units of one: relative
    # to the widest gap to the power p.
    widest = np.max(np.abs(np.concatenate([x, y]))) * 2 * np.sqrt(d)
    assert abs(value**order - expected) <= (n + m + 5) * (order + 1) * EPS * widest**order


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 8), m=st.integers(1, 8))
def test_in_one_dimension_it_is_the_wasserstein_distance_of_scipy(seed, n, m):
    x, y, pi, rho = clouds(seed, n, m, 1)
    expected = stats.wasserstein_distance(x[:, 0], y[:, 0], pi, rho)
    assert abs(
        ir.metrics.sliced_wasserstein(x, y, order=1, weights=pi, target_weights=rho) - expected
    ) <= 50 * EPS * (np.max(np.abs(x)) + np.max(np.abs(y)))  # every cost is at most this sum


@pytest.mark.parametrize("order", [1.0, 2.0, 2.5])
def test_a_translation_costs_its_projections(order):
    x, _, _, _ = clouds(0, 20, 1, 3)
    shift, directions = np.array([3.0, -1.0, 0.5]), np.random.default_rng(1).normal(size=(5, 3))
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    expected = np.mean(np.abs(unit @ shift) ** order) ** (1 / order)
    assert (
        abs(ir.metrics.sliced_wasserstein(x, x + shift, directions, order) / expected - 1)
        <= 100 * EPS
    )


def test_drawn_directions_are_uniform_on_the_sphere():
    shift = np.array([[3.0, 0.0, 0.0, 4.0]])
    value = ir.metrics.sliced_wasserstein(
        np.zeros((1, 4)), shift, 20_000, rng=np.random.default_rng(0)
    )
    # E⟨ω, a⟩² = |a|²/d = 25/4; ⟨ω, a⟩²/|a|² is Beta(1/2, 3/2) with standard deviation 1/4, so the
    # mean errs by 25/4/√20000 = 0.044.
    assert abs(value**2 - 25 / 4) <= 4 * 0.044


def test_the_generator_decides_the_directions():
    x, y, _, _ = clouds(0, 5, 6, 3)
    first, again, other = (
        ir.metrics.sliced_wasserstein(x, y, 10, rng=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert ir.metrics.sliced_wasserstein(x, y, 10) > 0


def test_degenerate_clouds_are_at_distance_zero():
    x = np.random.default_rng(0).normal(size=(30, 3))
    for a, b in [
        (x, x),
        (x, x[::-1]),
        (np.full((5, 2), 7.0), np.full((3, 2), 7.0)),
        (x[:1], x[:1]),
    ]:
        assert ir.metrics.sliced_wasserstein(a, b) == 0.0
    # Repeated points merge levels k/60 and k/30, which agree to rounding only: a sliver of mass of
    # that size may pay for a gap.
    assert (
        ir.metrics.sliced_wasserstein(np.repeat(x, 2, axis=0), x) ** 2
        <= 60 * EPS * np.ptp(x) ** 2 * 3
    )


def test_clouds_far_from_the_origin_keep_their_digits():
    # Coordinates are multiples of 2^-10, so a shift by 2^40 leaves every difference as it was.
    x, y = (np.round(2**10 * z) / 2**10 for z in clouds(0, 9, 7, 2)[:2])
    directions = np.random.default_rng(0).normal(size=(5, 2))
    near, far = (
        ir.metrics.sliced_wasserstein(x + shift, y + shift, directions) for shift in (0.0, 2.0**40)
    )
    assert near == far


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"projections": 0}, ir.errors.DomainError, "projections must be an integer"),
        ({"projections": np.zeros((2, 2))}, ir.errors.DomainError, "length zero"),
        (
            {"projections": np.ones((2, 3))},
            ir.errors.ShapeError,
            r"projections must have shape \(n, 2\)",
        ),
        ({"order": 0.5}, ir.errors.DomainError, "order must be at least 1"),
        (
            {"weights": np.array([1.0, -1.0, 1.0])},
            ir.errors.DomainError,
            "weights must be non-negative",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        ir.metrics.sliced_wasserstein(np.zeros((3, 2)), np.ones((4, 2)), **arguments)
