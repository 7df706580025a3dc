"""(W1) to (W4) against derivatives in fifty digits, stored arrays and laws of gradient flows."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingd_ref as ir
from tests.metrics import naive

EPS = np.finfo(float).eps
SIGMA = 0.8
SHAPES = [(1, 1, 1), (1, 6, 2), (5, 1, 3), (6, 7, 2)]


def gaussian_score(x):
    """∇ log of the normal density with mean 1 and variance 2."""
    return (1.0 - x) / 2.0


VELOCITIES = {
    "wgf": lambda x, y, pi=None, rho=None: ir.flows.wgf_velocity(x, y, SIGMA, pi, rho),
    "energy": lambda x, y, pi=None, rho=None: ir.flows.energy_velocity(x, y, pi, rho),
    "mmd": lambda x, y, pi=None, rho=None: ir.flows.mmd_velocity(x, y, SIGMA, pi, rho),
    "svgd": lambda x, y, pi=None, rho=None: ir.flows.svgd_velocity(x, gaussian_score, SIGMA, pi),
}
every_velocity = pytest.mark.parametrize("velocity", VELOCITIES.values(), ids=VELOCITIES)
towards_a_sample = pytest.mark.parametrize(
    "velocity",
    [VELOCITIES[name] for name in ("wgf", "energy", "mmd")],
    ids=["wgf", "energy", "mmd"],
)


def clouds(seed, n, m, d):
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(n, d)),
        rng.normal(0.5, 1.2, size=(m, d)),
        rng.dirichlet(np.ones(n)),
        rng.dirichlet(np.ones(m)),
    )


def tolerance(x, y, width=SIGMA):
    """Bound of rounding: terms of size spread/σ², wrong by as much as their exponents are large.

    The exponent is spread²/2σ², and costs its own size in units of rounding.
    """
    both = np.concatenate([x, y])
    spread = np.max(np.linalg.norm(both[:, None] - both, axis=2)) + width
    return 16 * EPS * (spread / width**2) * (1 + spread**2 / (2 * width**2))


def steepest_descent(functional, x, pi):
    """−(1/π_i) ∂/∂x_i by differences in fifty digits; ``functional`` takes a list of points."""
    result = []
    for i, point in enumerate(x):
        others = [[mpmath.mpf(float(s)) for s in row] for row in x]
        result.append(
            -naive.gradient(
                lambda p, i=i, others=others: functional([*others[:i], p, *others[i + 1 :]]), point
            )
            / float(pi[i])
        )
    return np.array(result)


def functional_of_clouds(kernel, y, pi, rho):
    """Σ ππ h(x, x') − 2 Σ πρ h(x, y): the discrepancy up to the constant of the target."""

    def pair(a, b):
        return kernel(mpmath.fsum((s - t) ** 2 for s, t in zip(a, b, strict=True)))

    target = [
        ([mpmath.mpf(float(t)) for t in point], float(r)) for point, r in zip(y, rho, strict=True)
    ]

    def functional(points):
        particles = [(point, float(p)) for point, p in zip(points, pi, strict=True)]
        # The pairs i = j are constant, and the root of their zero distance has no derivative.
        own = mpmath.fsum(
            2 * p * q * pair(a, b) for (a, p), (b, q) in itertools.combinations(particles, 2)
        )
        return own - 2 * mpmath.fsum(
            p * r * pair(a, b) for (a, p), (b, r) in itertools.product(particles, target)
        )

    return functional


@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_wgf_is_the_difference_of_two_scores(n, m, d, weighted):
    x, y, pi, rho = clouds(n + m, n, m, d)
    weights, target_weights = (pi, rho) if weighted else (None, None)
    expected = [
        naive.gradient(
            lambda q: (
                naive.kde_log_density(q, y, SIGMA, target_weights)
                - naive.kde_log_density(q, x, SIGMA, weights)
            ),
            point,
        )
        for point in x
    ]
    assert np.max(
        np.abs(ir.flows.wgf_velocity(x, y, SIGMA, weights, target_weights) - expected)
    ) <= tolerance(x, y)


@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_energy_velocity_is_steepest_descent_of_the_energy_distance(n, m, d, weighted):
    x, y, pi, rho = clouds(n + m, n, m, d)
    pi, rho = (pi, rho) if weighted else (np.full(n, 1 / n), np.full(m, 1 / m))
    expected = steepest_descent(functional_of_clouds(lambda s: -mpmath.sqrt(s), y, pi, rho), x, pi)
    velocity = (
        ir.flows.energy_velocity(x, y, pi, rho) if weighted else ir.flows.energy_velocity(x, y)
    )
    # Unit vectors, each wrong by d + 3 roundings, in two means multiplied by two.
    assert np.max(np.abs(velocity - expected)) <= 40 * EPS


@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_mmd_velocity_is_steepest_descent_of_the_squared_mmd(n, m, d, weighted):
    x, y, pi, rho = clouds(n + m, n, m, d)
    pi, rho = (pi, rho) if weighted else (np.full(n, 1 / n), np.full(m, 1 / m))
    variance = mpmath.mpf(SIGMA) ** 2
    expected = steepest_descent(
        functional_of_clouds(lambda s: mpmath.exp(-s / (2 * variance)), y, pi, rho), x, pi
    )
    velocity = (
        ir.flows.mmd_velocity(x, y, SIGMA, pi, rho)
        if weighted
        else ir.flows.mmd_velocity(x, y, SIGMA)
    )
    assert np.max(np.abs(velocity - expected)) <= tolerance(x, y)


@pytest.mark.parametrize(("n", "m", "d"), SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_svgd_velocity_is_the_stein_operator_of_the_kernel(n, m, d, weighted):
    x, _, pi, _ = clouds(n + m, n, m, d)
    pi = pi if weighted else np.full(n, 1 / n)
    variance, expected = mpmath.mpf(SIGMA) ** 2, np.zeros_like(x)
    for j, i in np.ndindex(n, n):
        k = float(mpmath.exp(-naive.squared_distance(x[i], x[j]) / (2 * variance)))
        moved = naive.gradient(
            lambda q, j=j: mpmath.exp(
                -mpmath.fsum((s - mpmath.mpf(float(t))) ** 2 for s, t in zip(q, x[j], strict=True))
                / (2 * variance)
            ),
            x[i],
        )
        expected[j] += pi[i] * (k * gaussian_score(x[i]) + moved)
    for score in (gaussian_score, gaussian_score(x)):
        assert np.max(np.abs(ir.flows.svgd_velocity(x, score, SIGMA, pi) - expected)) <= tolerance(
            x, x
        )


def test_kde_score_far_from_the_sample_is_that_of_the_nearest_point():
    sample, weights = np.array([[0.0], [1.0], [7.0]]), np.array([0.5, 0.5, 0.0])
    # The other point of positive weight has the share exp(−(1000² − 999²)/2) = 0; the nearest one
    # of all has weight zero.
    assert ir.flows.gaussian_kde_score(np.array([[1000.0]]), sample, 1.0, weights)[0, 0] == -999.0


@pytest.mark.parametrize("case", naive.CASES)
def test_the_published_program_gives_the_same_wgf_velocity(case):
    stored = naive.golden()
    x, y, expected, sigma = (
        stored[f"{case}/{name}"] for name in ("particles", "target", "v_wgf", "kernel_bandwidth")
    )
    # The published program divides two sums of kernels instead of shifting exponents, in float64:
    # 5e-12 seen.
    assert np.max(np.abs(ir.flows.wgf_velocity(x, y, float(sigma)) - expected)) <= 1e-10 * np.max(
        np.abs(expected)
    )


@pytest.mark.parametrize("case", naive.CASES)
def test_the_energy_velocity_is_right_where_the_published_program_expands_its_distances(case):
    stored = naive.golden()
    x, y, published = (
        stored[f"{case}/{name}"] for name in ("particles", "target", "grad_energy_distance")
    )
    n, (xl, yl) = len(x), (x.astype(np.longdouble), y.astype(np.longdouble))

    def unit_vectors(a, b):
        difference = a[:, None] - b
        distance = np.sqrt(np.sum(difference**2, axis=-1, keepdims=True))
        return np.sum(difference / np.where(distance > 0, distance, 1), axis=1) / len(b)

    exact = 2 * (unit_vectors(xl, xl) - unit_vectors(xl, yl))
    velocity = ir.flows.energy_velocity(x, y)
    assert np.max(np.abs(velocity - exact)) <= 1e-13
    # In the published program ‖x − x‖ is zero or the root of a multiple of a rounding, at least
    # √(EPS/2) r with r = ‖x‖. The gradient of an expanded distance is x Σ_k c_ik − Σ_k c_ik x_k
    # with c = 1/distance, where the term k = i cancels only up to the rounding of both sums: at
    # most n + 2 times EPS/2 · r / (√(EPS/2) r) each. It enters with 2/n² (both arguments), and the
    # velocity is n times that.
    bound = 2 * 2 * (n + 2) * math.sqrt(EPS / 2) / n
    assert np.max(np.abs(-n * published - exact)) <= bound


@towards_a_sample
def test_particles_that_are_the_target_rest(velocity):
    x, _, pi, _ = clouds(0, 9, 1, 2)
    assert np.all(velocity(x, x.copy(), pi, pi) == 0)
    repeated = np.repeat(x, 2, axis=0)[::-1]
    assert np.max(np.abs(velocity(x, repeated))) <= tolerance(x, x)


@every_velocity
def test_coincident_particles_and_single_points_have_a_velocity(velocity):
    for n, m in ((1, 1), (4, 1), (1, 4), (4, 4)):
        x = np.full((n, 2), 3.0)
        v = velocity(x, np.full((m, 2), 3.0))
        assert v.shape == x.shape
        assert np.all(np.isfinite(v))
        assert np.all(v == v[0])


@every_velocity
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 7), m=st.integers(1, 7), d=st.integers(1, 3)
)
def test_order_of_points_and_repetition_do_not_matter(velocity, seed, n, m, d):
    x, y, pi, rho = clouds(seed, n, m, d)
    rng, v = np.random.default_rng(seed), velocity(x, y, pi, rho)
    p, q = rng.permutation(n), rng.permutation(m)
    assert np.max(np.abs(velocity(x[p], y[q], pi[p], rho[q]) - v[p])) <= tolerance(x, y)
    counts = rng.integers(1, 4, size=n)
    repeated = velocity(np.repeat(x, counts, axis=0), y, None, rho)
    assert np.max(
        np.abs(np.repeat(velocity(x, y, counts / counts.sum(), rho), counts, axis=0) - repeated)
    ) <= tolerance(x, y)


@towards_a_sample
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 7), m=st.integers(1, 7), d=st.integers(1, 3)
)
def test_rotation_reflection_and_translation_carry_the_velocity_along(velocity, seed, n, m, d):
    x, y, pi, rho = clouds(seed, n, m, d)
    rng = np.random.default_rng(seed)
    basis, shift = np.linalg.qr(rng.normal(size=(d, d)))[0], rng.normal(size=d)
    moved = velocity(x @ basis + shift, y @ basis + shift, pi, rho)
    expected = velocity(x, y, pi, rho) @ basis
    # Rotated points err by 4 roundings, which unit vectors between near points divide by their
    # distance.
    both = np.concatenate([x, y])
    distance = np.linalg.norm(both[:, None] - both, axis=2)
    nearest = np.min(distance[distance > 0], initial=1.0)
    assert np.max(np.abs(moved - expected)) <= 10 * tolerance(x, y) / min(nearest, 1.0)


@towards_a_sample
def test_clouds_far_from_the_origin_keep_their_digits(velocity):
    # Coordinates are multiples of 2^-10, so a shift by 2^40 leaves every difference as it was.
    x, y, pi, rho = clouds(5, 8, 9, 2)
    x, y = np.round(2**10 * x) / 2**10, np.round(2**10 * y) / 2**10
    np.testing.assert_array_equal(
        velocity(x + 2.0**40, y + 2.0**40, pi, rho), velocity(x, y, pi, rho)
    )


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 7), d=st.integers(1, 3))
@pytest.mark.parametrize("name", ["energy", "mmd"])
def test_particles_do_not_push_their_own_centre(name, seed, n, d):
    x, y, pi, _ = clouds(seed, n, 1, d)
    far = y + 1e3
    total = pi @ VELOCITIES[name](x, far, pi)
    alone = np.sum([p * VELOCITIES[name](x[i : i + 1], far)[0] for i, p in enumerate(pi)], axis=0)
    assert np.max(np.abs(total - alone)) <= tolerance(x, x)


@every_velocity
def test_a_particle_of_weight_zero_is_carried_along_without_acting(velocity):
    x, y, pi, rho = clouds(1, 6, 5, 2)
    extra = np.concatenate([x, [[0.1, 0.2]]])
    v = velocity(extra, y, np.append(pi, 0.0), rho)
    assert np.max(np.abs(v[:6] - velocity(x, y, pi, rho))) <= tolerance(x, y)
    # Its velocity is the limit of small weights; the other particles' weights change by 1e-9 of
    # themselves.
    limit = velocity(extra, y, np.append(pi * (1 - 1e-9), 1e-9), rho)
    assert np.max(np.abs(v[6] - limit[6])) <= 1e-9 * 20


@pytest.mark.parametrize(
    ("name", "functional"),
    [
        ("energy", ir.metrics.energy_distance),
        ("mmd", lambda x, y, pi, rho: ir.metrics.mmd(x, y, SIGMA, pi, rho) ** 2),
    ],
)
def test_the_metric_falls_at_the_rate_of_the_squared_speed(name, functional):
    x, y, pi, rho = clouds(2, 8, 9, 2)
    v, step = VELOCITIES[name](x, y, pi, rho), 1e-5
    rate = (functional(x + step * v, y, pi, rho) - functional(x - step * v, y, pi, rho)) / (
        2 * step
    )
    # Central differences: truncation step² times a third derivative of order 1/nearest² ~ 1e2,
    # rounding EPS/step = 2e-11.
    assert abs(rate + np.sum(pi[:, None] * v**2)) <= 1e-7


def test_svgd_rests_on_average_where_the_score_is_that_of_the_particles():
    """Stein's identity: with Gauss-Hermite nodes of the target as particles, the field is zero."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    x, weights = nodes[:, None], weights / np.sum(weights)
    v = ir.flows.svgd_velocity(x, lambda z: -z, 2.0, weights)
    # 40 nodes integrate polynomials of degree 79; exp(−(x − c)²/8) times x is resolved to better
    # than 1e-9 for |c| ≤ 3.
    assert np.max(np.abs(v[np.abs(nodes) <= 3])) <= 1e-9


FLOWS = {
    "wgf": (
        lambda **kw: ir.flows.WGF(**kw),
        lambda x, y, s, pi, rho: ir.flows.wgf_velocity(x, y, s, pi, rho),
    ),
    "mmd": (
        lambda **kw: ir.flows.MMDFlow(**kw),
        lambda x, y, s, pi, rho: ir.flows.mmd_velocity(x, y, s, pi, rho),
    ),
    "svgd": (
        lambda **kw: ir.flows.SVGD(score=gaussian_score, **kw),
        lambda x, y, s, pi, rho: ir.flows.svgd_velocity(x, gaussian_score, s, pi),
    ),
}
every_flow = pytest.mark.parametrize(("make", "function"), FLOWS.values(), ids=FLOWS)


@every_flow
def test_a_flow_settles_its_bandwidth_at_the_start_of_a_step(make, function):
    x, y, pi, rho = clouds(3, 8, 5, 2)
    elsewhere, rng = 2.0 * x + 1.0, np.random.default_rng(0)
    for options, sigma in (
        ({}, ir.metrics.median_bandwidth(x)),
        ({"median_rule": "lower"}, ir.metrics.median_bandwidth(x, "lower")),
        ({"bandwidth": 0.3}, 0.3),
    ):
        velocity = make(**options).prepare(x, y, rng, pi, rho)
        np.testing.assert_array_equal(velocity(elsewhere), function(elsewhere, y, sigma, pi, rho))


def test_the_energy_flow_is_its_velocity():
    x, y, pi, rho = clouds(3, 8, 5, 2)
    velocity = ir.flows.EnergyFlow().prepare(x, y, np.random.default_rng(0), pi, rho)
    np.testing.assert_array_equal(velocity(x + 1.0), ir.flows.energy_velocity(x + 1.0, y, pi, rho))


@pytest.mark.parametrize(
    "flow",
    [
        ir.flows.WGF(),
        ir.flows.EnergyFlow(),
        ir.flows.MMDFlow(),
        ir.flows.SVGD(score=lambda x: 3.0 - x),
    ],
    ids=lambda flow: type(flow).__name__,
)
def test_every_flow_brings_particles_to_the_target(flow):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), rng.normal(3.0, 1.0, size=(40, 2))
    result = ir.run_flow(flow, x, y, steps=60, step_size=0.3, rng=rng, progress=False)
    assert ir.metrics.energy_distance(result.particles, y) < 0.2 * ir.metrics.energy_distance(x, y)


@every_flow
def test_bad_settings_are_named(make, function):
    with pytest.raises(ir.errors.OptionError, match="'median', got 'mean'"):
        make(bandwidth="mean")
    with pytest.raises(ir.errors.DomainError, match="bandwidth must be greater than zero"):
        make(bandwidth=-1.0)
    with pytest.raises(ir.errors.OptionError, match="median_rule"):
        make(median_rule="upper")


def test_bad_scores_are_named():
    x = np.zeros((3, 2))
    with pytest.raises(ir.errors.ShapeError, match="score must have the shape of x"):
        ir.flows.svgd_velocity(x, lambda z: z[:, 0], 1.0)
    with pytest.raises(ir.errors.BackendError, match="score must be an array"):
        ir.flows.svgd_velocity(x, "normal", 1.0)
    with pytest.raises(ir.errors.NonFiniteError, match="score holds"):
        ir.flows.svgd_velocity(x, np.full((3, 2), np.nan), 1.0)
    with pytest.raises(ir.errors.OptionError, match="because they move"):
        ir.flows.SVGD(score=np.zeros((3, 2)))


@towards_a_sample
def test_bad_points_are_named(velocity):
    x, y = np.zeros((3, 2)), np.ones((4, 2))
    with pytest.raises(ir.errors.ShapeError, match=r"x\[:, None\]"):
        velocity(x[:, 0], y)
    with pytest.raises(ir.errors.ShapeError, match=r"must have shape \(n, 2\), got \(4, 1\)"):
        velocity(x, y[:, :1])
    with pytest.raises(ir.errors.NonFiniteError, match=r"index \(2, 1\)"):
        velocity(x, np.where(np.arange(8).reshape(4, 2) == 5, np.nan, y))
    with pytest.raises(ir.errors.DomainError, match="weights must sum to 1"):
        velocity(x, y, np.ones(3))
    with pytest.raises(ir.errors.BackendError, match="must be an array"):
        velocity({0.0}, y)


@every_velocity
def test_arguments_stay_as_they_are_and_float32_stays_float32(velocity):
    x, y, pi, rho = (a.astype(np.float32) for a in clouds(4, 8, 7, 2))
    copies = [a.copy() for a in (x, y, pi, rho)]
    for a in (x, y, pi, rho):
        a.flags.writeable = False
    pi, rho = pi / pi.sum(), rho / rho.sum()
    v = velocity(x, y, pi, rho)
    assert v.dtype == np.float32
    assert not np.shares_memory(v, x)
    double = velocity(*(a.astype(float) for a in (x, y, pi, rho)))
    assert np.max(np.abs(v - double)) <= tolerance(x, y) * np.finfo(np.float32).eps / EPS
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(y, copies[1])
