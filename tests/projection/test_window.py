"""(P5): windows of time, their bases, weights and rules, orders, errors and wrong arguments."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingd_ref as ir
from ingd_ref.backend import to_host
from ingd_ref.errors import (
    BackendError,
    DomainError,
    NonFiniteError,
    OptionError,
    ShapeError,
    SingularSystemError,
)
from ingd_ref.projection import (
    BSpline,
    Bump,
    Fourier,
    Polynomial,
    Power,
    Sine,
    UserWeight,
)
from ingd_ref.projection._time_quadrature import simpson_weights

EPS = np.finfo(float).eps
GAUSSIAN = ir.features.FamilyStatistics(ir.families.Gaussian())
BASES = [
    Polynomial(0),
    Polynomial(1),
    Polynomial(4),
    Fourier(2),
    BSpline(6),
    BSpline(4, degree=1),
    BSpline(knots=(0.2, 0.7), degree=2),
]
WEIGHTS = [Power(), Power(1.5), Power(2), Power(4), Sine(), Bump()]
project = ir.projection.window_projection


def straight_path(times, nodes):
    """Points (k, n, 1) of the Gaussians with θ(t) = (1 + t/2, −1/2 − 2t/5): θ̇ is constant."""
    variance = 1.0 / (1.0 + 0.8 * times)
    return ((1.0 + 0.5 * times) * variance)[:, None, None] + np.sqrt(variance)[
        :, None, None
    ] * nodes


STRAIGHT_RATE = np.array([0.5, -0.4])


def hermite():
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    return nodes[:, None], weights / weights.sum()


@pytest.mark.parametrize("basis", BASES, ids=repr)
def test_derivatives_of_bases(basis):
    tau = np.array([0.03, 0.21, 0.5, 0.77, 0.99])
    h = 1e-5
    differences = (basis(tau + h) - basis(tau - h)) / (2 * h)
    # truncation h²/6 of third derivatives up to (4π)³ or so, and rounding eps/h
    np.testing.assert_allclose(basis.derivative(tau), differences, atol=h * h * 4000 + 20 * EPS / h)
    assert basis(np.array([0.0, 1.0])).shape == (2, basis(tau).shape[1])


@pytest.mark.parametrize("weight", WEIGHTS, ids=repr)
def test_weights_vanish_at_the_ends_and_have_their_derivatives(weight):
    assert np.all(weight(np.array([0.0, 1.0])) == 0)
    tau, h = np.array([0.05, 0.3, 0.5, 0.9]), 1e-5
    differences = (weight(tau + h) - weight(tau - h)) / (2 * h)
    np.testing.assert_allclose(
        weight.derivative(tau), differences, atol=h * h * 4000 + 20 * EPS / h
    )
    assert np.all(np.isfinite(weight.derivative(np.array([0.0, 1e-9, 1.0]))))


def test_splines_sum_to_one_and_polynomials_are_orthogonal():
    tau, weights = ir.projection.gauss_legendre_times(0.0, 1.0, 12)
    for spline in BASES[4:]:
        np.testing.assert_allclose(spline(tau).sum(axis=1), 1.0, rtol=10 * EPS)
    products = (Polynomial(4)(tau) * weights[:, None]).T @ Polynomial(4)(tau)
    np.testing.assert_allclose(products, np.diag(1 / (2 * np.arange(5) + 1)), atol=20 * EPS)


@pytest.mark.parametrize(
    ("rule", "weight", "order"),
    [
        ("trapezoid", Power(), 2),
        ("trapezoid", Power(2), 2),
        ("trapezoid", Power(3), 4),
        ("simpson", Power(), 4),
        ("simpson", Sine(), 4),
    ],
)
def test_error_has_the_order_of_the_rule(rule, weight, order):
    nodes, weights = hermite()
    errors = []
    for number in (33, 65):
        times = np.linspace(0.0, 1.0, number)
        found = project(
            GAUSSIAN,
            times,
            straight_path(times, nodes),
            weights=weights,
            weight=weight,
            time_weights=rule,
        )
        errors.append(np.abs(found.rate(0.5) - STRAIGHT_RATE).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(
        order, abs=0.06
    )  # the next term of the expansion, at gaps of 1/32


def test_a_smooth_bump_beats_every_order():
    nodes, weights = hermite()
    errors = []
    for number in (65, 257):
        times = np.linspace(0.0, 1.0, number)
        found = project(
            GAUSSIAN, times, straight_path(times, nodes), weights=weights, weight=Bump()
        )
        errors.append(np.abs(found.rate(0.5) - STRAIGHT_RATE).max())
    assert np.log2(errors[0] / errors[1]) / 2 > 8


@pytest.mark.parametrize("basis", [Polynomial(0), Polynomial(3), BSpline(5)], ids=repr)
@pytest.mark.parametrize("weight", [Power(), Power(2), Sine()], ids=repr)
def test_gauss_nodes_in_time_leave_rounding(basis, weight):
    nodes, weights = hermite()
    # Splines have kinks in high derivatives at their knots, here 1/2, which a rule that knows of
    # them does not see.
    halves = [ir.projection.gauss_legendre_times(start, start + 0.5, 30) for start in (0.0, 0.5)]
    times, masses = (np.concatenate(parts) for parts in zip(*halves, strict=True))
    found = project(
        GAUSSIAN,
        times,
        straight_path(times, nodes),
        basis=basis,
        weight=weight,
        weights=weights,
        window=(0.0, 1.0),
        time_weights=masses,
    )
    for t in (0.0, 0.3, 1.0):
        np.testing.assert_allclose(found.rate(t), STRAIGHT_RATE, atol=100 * EPS * found.condition)


def test_velocities_that_change_in_time():
    """θ(t) quadratic in t: linear functions of time hold θ̇(t), and it comes back as a function."""
    nodes, weights = hermite()
    times, masses = ir.projection.gauss_legendre_times(-1.0, 2.0, 60)
    theta = np.stack(
        [1.0 + 0.5 * times - 0.2 * times**2, -0.6 - 0.1 * times - 0.15 * times**2], axis=1
    )
    classical = ir.families.Gaussian().classical(theta)
    samples = (
        classical["mean"][:, None, None] + np.sqrt(classical["variance"])[:, None, None] * nodes
    )
    found = project(
        GAUSSIAN,
        times,
        samples,
        basis=Polynomial(1),
        weights=weights,
        window=(-1.0, 2.0),
        time_weights=masses,
    )
    t = np.array([-1.0, 0.1, 1.9])
    expected = np.stack([0.5 - 0.4 * t, -0.1 - 0.3 * t], axis=1)
    np.testing.assert_allclose(found.rate(t), expected, atol=1000 * EPS * found.condition)
    assert found.rate(0.1).shape == (2,)


def test_irregular_times_and_ragged_samples():
    rng = np.random.default_rng(0)
    times = np.sort(np.append(rng.random(60), [0.0, 1.0]))
    numbers = rng.integers(150, 250, size=62)
    samples = [
        straight_path(np.array([t]), rng.normal(size=(n, 1)))[0]
        for t, n in zip(times, numbers, strict=True)
    ]
    found = project(GAUSSIAN, times, samples)
    assert np.all(np.abs(found.rate(0.5) - STRAIGHT_RATE) <= 4.5 * found.standard_error(0.5))
    assert np.all(found.standard_error(0.5) < 0.2)
    weights = [np.full(n, 1.0 / n) for n in numbers]
    again = project(GAUSSIAN, times, samples, weights=weights)
    np.testing.assert_allclose(again.rate(0.5), found.rate(0.5), rtol=1e-12)
    equal = project(GAUSSIAN, times, [x[:150] for x in samples])
    stacked = project(GAUSSIAN, times, np.stack([x[:150] for x in samples]))
    np.testing.assert_allclose(equal.rate(0.5), stacked.rate(0.5), rtol=1e-12)


@given(st.integers(0, 2**31), st.floats(-1e3, 1e3))
def test_constants_in_statistics_and_units_of_time_do_not_matter(seed, constant):
    rng = np.random.default_rng(seed)
    times, samples = (
        np.array([0.0, 0.4, 0.7, 1.0]),
        rng.normal(size=(4, 9, 1)) + np.arange(4.0)[:, None, None],
    )
    plain = project(ir.features.Monomials(2), times, samples)
    shifted = project(
        ir.features.UserFeatures(lambda x: np.concatenate([x, x**2], axis=1) + constant),
        60 * times + 5,
        samples,
    )
    # statistics of size |constant| are rounded by eps times that
    tolerance = 1e3 * EPS * (1 + abs(constant)) * plain.condition
    np.testing.assert_allclose(
        60 * shifted.rate(6.0),
        plain.rate(0.5),
        atol=tolerance * (1 + np.abs(plain.rate(0.5)).max()),
    )


def test_spins_over_a_window():
    """An Ising pair whose coupling grows: discrete samples, no Jacobian."""
    rng = np.random.default_rng(1)
    family = ir.families.Ising(spins=2)
    times = np.linspace(0.0, 1.0, 41)
    theta = np.stack([np.full(41, 0.2), np.full(41, -0.1), 0.8 * times], axis=1)
    samples = family.sample(theta, 400, rng)
    found = project(ir.features.PairwiseProducts(linear=True), times, samples)
    assert np.all(np.abs(found.rate(0.5) - [0.0, 0.0, 0.8]) <= 4.5 * found.standard_error(0.5))
    assert found.standard_error(0.5)[2] < 0.1


def coverage(features, expected, paths, **options):
    """Share of 95 % intervals that cover, with Gauss's rule in time."""
    hits = []
    for samples in paths:
        low, high = project(
            features, GAUSS_TIMES, samples, window=(0.0, 1.0), time_weights=GAUSS_WEIGHTS, **options
        ).confidence_interval(0.5)
        hits.append((low <= expected) & (high >= expected))
    return np.mean(hits, axis=0)


GAUSS_TIMES, GAUSS_WEIGHTS = ir.projection.gauss_legendre_times(0.0, 1.0, 4)


def test_intervals_cover():
    """2000 replications, 0.5 % standard error; four nodes leave a bias of 4e-5 of 1e-1."""
    rng = np.random.default_rng(2)
    shares = coverage(
        GAUSSIAN,
        STRAIGHT_RATE,
        (straight_path(GAUSS_TIMES, rng.normal(size=(4, 150, 1))) for _ in range(2000)),
    )
    assert np.all((shares >= 0.93) & (shares <= 0.97)), shares


def test_intervals_of_coupled_particles_cover():
    """The same particles at all times, x = 3t + z: only their variance is uncertain."""
    rng = np.random.default_rng(2)
    paths = [3.0 * GAUSS_TIMES[:, None, None] + rng.normal(size=(1, 400, 1)) for _ in range(800)]
    shares = coverage(ir.features.Monomials(1), 3.0, paths, coupled=True)
    assert np.all((shares >= 0.93) & (shares <= 0.97)), shares
    wrong = coverage(ir.features.Monomials(1), 3.0, paths[:200], coupled=False)
    assert np.all(np.abs(wrong - 0.95) > 0.04), wrong


def test_bootstrap_agrees_with_the_sandwich():
    rng = np.random.default_rng(3)
    times = np.linspace(0.0, 1.0, 9)
    for coupled in (False, True):
        nodes = rng.normal(size=(1 if coupled else 9, 500, 1))
        found = project(
            GAUSSIAN, times, straight_path(times, nodes), basis=Polynomial(1), coupled=coupled
        )
        replicas = found.bootstrap(400, np.random.default_rng(0))
        assert replicas.shape == (400, 2, 2)
        spread = np.sqrt(np.diagonal(found.coefficient_covariance)).reshape(2, 2)
        # 1/sqrt(800) = 3.5 % for the spread of 400 draws, and as much for terms of order n^{-1/2}
        np.testing.assert_allclose(np.std(replicas, axis=0), spread, rtol=0.17)


def test_unbiased_covariances_for_few_samples_at_many_times():
    """Two samples at each of 4000 times: with 1/n covariances are half and θ̇ twice as large."""
    rng = np.random.default_rng(4)
    times = np.linspace(0.0, 1.0, 4000)
    samples = straight_path(times, rng.normal(size=(4000, 2, 1)))
    right, wrong = (project(GAUSSIAN, times, samples, ddof=ddof).rate(0.5) for ddof in (1, 0))
    error = project(GAUSSIAN, times, samples, ddof=1).standard_error(0.5)
    assert np.all(np.abs(right - STRAIGHT_RATE) <= 4.5 * error)
    np.testing.assert_allclose(
        wrong, 2 * right, rtol=1e-9
    )  # every covariance is half as large, and θ̇ = −C⁻¹ c


def test_results_are_on_the_device_of_the_samples(on_device):
    rng = np.random.default_rng(5)
    times = np.array([0.0, 0.3, 0.8, 1.0])
    samples, weights = rng.normal(size=(4, 7, 2)), rng.dirichlet(np.ones(7), size=4)
    features = ir.features.PairwiseProducts(linear=True)
    expected = project(features, times, samples, weights=weights, basis=Polynomial(1))
    found = project(
        features, times, on_device(samples), weights=on_device(weights), basis=Polynomial(1)
    )
    assert found.coefficients.device == on_device(samples).device
    tolerance = 100 * np.finfo(to_host(found.coefficients).dtype).eps * expected.condition
    # The covariance has two solves, each with a system that lacks one of seven samples at a time
    # and is worse conditioned.
    for name, factor in (("coefficients", 1), ("coefficient_covariance", 10)):
        theirs, ours = to_host(getattr(found, name)), getattr(expected, name)
        np.testing.assert_allclose(theirs, ours, atol=factor * tolerance * np.abs(ours).max())
    np.testing.assert_allclose(
        to_host(found.standard_error([0.2, 0.5])),
        expected.standard_error([0.2, 0.5]),
        rtol=10 * tolerance,
    )
    assert to_host(found.bootstrap(2, np.random.default_rng(0))).shape == (2, 2, 3)
    ragged = project(features, times, [on_device(x[: 5 + k % 2]) for k, x in enumerate(samples)])
    assert to_host(ragged.rate(0.5)).shape == (3,)


def test_simpson_weights_are_exact_for_parabolas():
    times = np.array([0.0, 0.3, 0.4, 0.9, 1.0, 1.5])
    for count in (3, 4, 5, 6):
        weights = simpson_weights(times[:count])
        for power in range(3):
            # ten roundings of weights that sum to the length of the window
            assert weights @ times[:count] ** power == pytest.approx(
                times[count - 1] ** (power + 1) / (power + 1), abs=20 * EPS
            )
    regular = simpson_weights(np.linspace(0, 1, 9))
    assert regular @ np.linspace(0, 1, 9) ** 3 == pytest.approx(0.25, abs=20 * EPS)


def test_a_window_weight_of_ones_own():
    weight = UserWeight(lambda tau: tau**2 * (1 - tau), lambda tau: 2 * tau - 3 * tau**2)
    nodes, weights = hermite()
    times, masses = ir.projection.gauss_legendre_times(0.0, 1.0, 30)
    found = project(
        GAUSSIAN,
        times,
        straight_path(times, nodes),
        weight=weight,
        weights=weights,
        window=(0, 1),
        time_weights=masses,
    )
    np.testing.assert_allclose(found.rate(0.5), STRAIGHT_RATE, atol=100 * EPS * found.condition)


TIMES, SAMPLES = np.array([0.0, 0.5, 1.0]), np.random.default_rng(6).normal(size=(3, 8, 1))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"times": np.array([0.5])}, DomainError, "two times or more, got 1"),
        ({"times": np.array([])}, DomainError, "two times or more, got 0"),
        ({"times": np.array([0.0, 1.0, 0.5])}, DomainError, "0.5 at index 2 comes out of order"),
        ({"times": np.array([0.0, 0.5, 0.5])}, DomainError, "0.5 at index 2 comes twice"),
        ({"times": np.array([0.0, np.nan, 1.0])}, NonFiniteError, "times"),
        ({"times": TIMES[:, None]}, ShapeError, r"times must have shape \(k,\)"),
        ({"times": np.array([0.0, 1.0])}, ShapeError, "there are 2 times, but samples holds 3"),
        ({"window": (1.0, 1.0)}, DomainError, "from 1 to 1 is empty"),
        ({"window": (2.0, 1.0)}, DomainError, "from 2 to 1 is empty"),
        ({"window": (0.0, np.inf)}, NonFiniteError, "window"),
        ({"window": (0.2, 1.0)}, DomainError, "reach beyond the window"),
        ({"window": (0.0, 2.0)}, DomainError, "needs samples at both ends of the window"),
        (
            {"weight": UserWeight(np.ones_like, np.zeros_like)},
            DomainError,
            "integration by parts leaves the boundary terms",
        ),
        (
            {"weight": UserWeight(lambda t: -t * (1 - t), lambda t: 2 * t - 1)},
            DomainError,
            "must not be negative",
        ),
        (
            {"weight": UserWeight(lambda t: t * (1 - t), lambda t: np.zeros(1))},
            ShapeError,
            "slope",
        ),
        ({"time_weights": "midpoint"}, OptionError, "time_weights"),
        ({"time_weights": np.ones(2)}, ShapeError, "time_weights"),
        ({"time_weights": np.array([1.0, np.nan, 1.0])}, NonFiniteError, "time_weights"),
        ({"samples": SAMPLES[:, :, 0]}, ShapeError, r"samples must have shape \(k, n, d\)"),
        (
            {"samples": [SAMPLES[0], SAMPLES[1], np.zeros((4, 2))]},
            ShapeError,
            r"samples\[2\] must have shape \(n, 1\)",
        ),
        ({"samples": [SAMPLES[0], SAMPLES[1], np.zeros((0, 1))]}, ShapeError, r"samples\[2\]"),
        ({"samples": [SAMPLES[0], SAMPLES[1], "x"]}, BackendError, r"samples\[2\]"),
        ({"samples": np.full((3, 8, 1), np.nan)}, NonFiniteError, "samples holds 24"),
        ({"weights": np.ones(8)}, DomainError, "sum to 1"),
        ({"weights": np.ones((2, 8)) / 8}, ShapeError, "there are 3 times, but weights holds 2"),
        ({"ddof": 2}, DomainError, "ddof"),
        (
            {"ddof": 1, "samples": SAMPLES[:, :1]},
            DomainError,
            "two samples of positive weight at each time",
        ),
        ({"ridge": -1.0}, DomainError, "ridge"),
        ({"basis": Polynomial(2)}, SingularSystemError, "the system of the window has rank 2 of 6"),
        ({"coupled": True, "weights": np.ones((3, 8)) / 8}, OptionError, "one row of weights"),
        (
            {"coupled": True, "samples": [SAMPLES[0], SAMPLES[1], SAMPLES[2, :4]]},
            ShapeError,
            "their numbers differ",
        ),
        ({"implementation": "fast"}, OptionError, "implementation"),
    ],
)
def test_windows_that_make_no_sense_are_refused(options, error, message):
    arguments = {"times": TIMES, "samples": SAMPLES} | options
    with pytest.raises(error, match=message):
        project(GAUSSIAN, arguments.pop("times"), arguments.pop("samples"), **arguments)


def test_bases_and_weights_that_make_no_sense_are_refused():
    for wrong in (
        lambda: Polynomial(-1),
        lambda: Fourier(0),
        lambda: BSpline(3),
        lambda: BSpline(knots=(0.5, 0.5)),
        lambda: Power(0.5),
    ):
        with pytest.raises(DomainError):
            wrong()
    with pytest.raises(OptionError, match="either number or knots"):
        BSpline()
    found = project(GAUSSIAN, TIMES, SAMPLES)
    with pytest.raises(DomainError, match="in the window from 0 to 1 only"):
        found.rate(1.5)
    with pytest.raises(ShapeError, match="times must be a number"):
        found.rate(np.zeros((2, 2)))
    with pytest.raises(OptionError, match="rng must be None"):
        found.bootstrap(2, np.random)
    with pytest.raises(DomainError, match="at least three times"):
        simpson_weights(np.array([0.0, 1.0]))


def test_a_singular_window_takes_a_ridge():
    found = project(GAUSSIAN, TIMES, SAMPLES, basis=Polynomial(2), ridge=1e-3)
    assert np.all(np.isfinite(found.rate(np.linspace(0, 1, 5))))
    assert comb(4, 2) == found.coefficients.size
