"""Every feature map against formulas written by hand, and against numerical derivatives."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import ingd_ref as ir
from ingd_ref.errors import BackendError, DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.features import (
    FamilyStatistics,
    GaussianRBF,
    Monomials,
    PairwiseProducts,
    Polynomial,
    RandomCenters,
    RandomFourier,
    UserFeatures,
)

EPS = np.finfo(float).eps


def by_hand(name, rng, d):
    """Features and the same statistics as a plain function of one complex point."""
    centers = rng.normal(size=(4, d))
    if name == "rbf":
        return GaussianRBF(centers, 1.3), lambda z: [
            np.exp(-sum((z - c) ** 2) / (2 * 1.3**2)) for c in centers
        ]
    if name == "polynomial":
        return Polynomial(centers, 3, 0.5), lambda z: [(sum(z * c) + 0.5) ** 3 for c in centers]
    if name == "linear":
        return Polynomial(centers, 1, 0.0), lambda z: [sum(z * c) for c in centers]
    if name == "monomials":
        exponents = [e for e in itertools.product(range(4), repeat=d) if 1 <= sum(e) <= 3]
        order = sorted(exponents, key=lambda e: (sum(e), [-k for k in e]))
        return Monomials(3), lambda z: [
            math.prod((z[a] ** e[a] for a in range(d)), start=1.0 + 0j) for e in order
        ]
    if name == "fourier":
        frequencies, phases = rng.normal(size=(5, d)), rng.uniform(0, 6, 5)
        return RandomFourier(frequencies, phases), lambda z: [
            math.sqrt(2 / 5) * np.cos(sum(z * w) + p)
            for w, p in zip(frequencies, phases, strict=True)
        ]
    return PairwiseProducts(linear=True, squares=True), lambda z: [
        *z,
        *(z[a] * z[c] for a in range(d) for c in range(a, d)),
    ]


@pytest.mark.parametrize(
    "name", ["rbf", "polynomial", "linear", "monomials", "fourier", "pairwise"]
)
@given(
    n=st.integers(1, 4),
    d=st.integers(1, 4),
    log_scale=st.floats(-3, 1),
    seed=st.integers(0, 2**32 - 1),
)
@example(n=1, d=1, log_scale=0.0, seed=0)
def test_values_and_jacobians_match_the_complex_step(name, n, d, log_scale, seed):
    rng = np.random.default_rng(seed)
    features, function = by_hand(name, rng, d)
    x = rng.normal(size=(n, d)) * 10.0**log_scale
    values, jacobian = features.values_and_jacobian(x)
    step = 1e-150  # the complex step has no rounding and no truncation at this size
    for i in range(n):
        expected = np.array(function(x[i] + 0j)).real
        # a handful of products and one transcendental function of a sum over d terms; the sum's
        # rounding enters the exponent or the angle
        scale = 50 * EPS * (1.0 + np.abs(x[i]).max() ** 2 + np.abs(expected).max())
        assert np.abs(values[i] - expected).max() <= scale
        for a in range(d):
            shifted = x[i] + 0j
            shifted[a] += 1j * step
            derivative = np.array(function(shifted)).imag / step
            assert np.abs(jacobian[i, a] - derivative).max() <= 10 * scale * (
                1.0 + np.abs(derivative).max()
            )
    assert np.array_equal(features(x), values)
    assert np.array_equal(features.jacobian(x), jacobian)


def test_monomials_count_and_order():
    assert Monomials(3)(np.ones((1, 4))).shape[1] == math.comb(4 + 3, 3) - 1
    assert Monomials(1)(np.array([[7.0, 8.0]])).tolist() == [[7.0, 8.0]]


def test_random_fourier_imitates_the_gaussian_kernel():
    x = np.random.default_rng(0).normal(size=(6, 2))
    values = RandomFourier.gaussian(200_000, 1.5, np.random.default_rng(1), x)(x)
    exact = np.exp(-((x[:, None] - x[None]) ** 2).sum(-1) / (2 * 1.5**2))
    # each entry is the mean of 200,000 products of variance at most 2: five standard errors
    assert np.abs(values @ values.T - exact).max() <= 5 * math.sqrt(2 / 200_000)


def test_family_statistics_are_the_family_s():
    gamma = ir.families.Gamma()
    x = np.array([[0.5], [2.0]])
    features = FamilyStatistics(gamma)
    assert np.allclose(
        features(x), np.column_stack([np.log(x[:, 0]), x[:, 0]]), rtol=4 * EPS, atol=0
    )
    assert np.allclose(
        features.jacobian(x)[:, 0, :],
        np.column_stack([1 / x[:, 0], np.ones(2)]),
        rtol=4 * EPS,
        atol=0,
    )


class TestUserFeatures:
    def test_the_numerical_jacobian_reaches_its_stated_error(self):
        x = np.random.default_rng(0).normal(size=(5, 3))
        jacobian = UserFeatures(
            lambda z: np.stack([np.sin(z).sum(1), np.exp(z[:, 0] * z[:, 1])], axis=1)
        ).jacobian(x)
        exponential = np.exp(x[:, 0] * x[:, 1])
        second = np.stack([x[:, 1] * exponential, x[:, 0] * exponential, 0 * exponential], axis=1)
        exact = np.stack([np.cos(x), second], axis=2)
        # central differences round off eps/h = eps^{2/3} times the size of f; Richardson multiplies
        # that by at most (4 + 1)/3
        assert np.abs(jacobian - exact).max() <= 2 * EPS ** (2 / 3) * max(1.0, exponential.max())

    def test_a_supplied_jacobian_is_used_and_can_be_compared(self):
        x = np.random.default_rng(1).normal(size=(4, 2))
        right = UserFeatures(lambda z: z**2, lambda z: 2 * z[:, :, None] * np.eye(2))
        wrong = UserFeatures(lambda z: z**2, lambda z: 3 * z[:, :, None] * np.eye(2))
        assert np.array_equal(right.jacobian(x), 2 * x[:, :, None] * np.eye(2))
        assert right.jacobian_error(x) <= 10 * EPS ** (2 / 3)  # the error of the numerical one
        assert wrong.jacobian_error(x) == pytest.approx(0.5, rel=1e-6)
        with pytest.raises(DomainError, match="no supplied Jacobian"):
            UserFeatures(lambda z: z).jacobian_error(x)

    @pytest.mark.parametrize(
        "function",
        [lambda z: np.abs(z), lambda z: z + 1e-4 * np.sin(1e9 * z)],
        ids=["kink", "noise"],
    )
    def test_a_function_without_a_derivative_is_refused(self, function):
        with pytest.raises(DomainError, match="numerical Jacobian"):
            UserFeatures(function).jacobian(np.array([[1e-7], [2.0]]))

    def test_wrong_results_are_named(self):
        x = np.ones((3, 2))
        with pytest.raises(ShapeError, match=r"\(n, b\)"):
            UserFeatures(lambda z: z.sum(1))(x)
        with pytest.raises(ShapeError, match="jacobian must return"):
            UserFeatures(lambda z: z, lambda z: z).jacobian(x)
        with pytest.raises(NonFiniteError, match="result of function"):
            UserFeatures(lambda z: z / 0.0 if False else z * np.nan)(x)
        with pytest.raises(BackendError, match="result of function"):
            UserFeatures(lambda z: {1.0})(x)


class TestRandomCenters:
    def test_centres_come_from_the_pool_without_repetition(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2))
        drawn = RandomCenters(40).draw(x, y, np.random.default_rng(1))
        pool = {tuple(row) for row in np.vstack([x, y])}
        chosen = {tuple(row) for row in drawn.centers}
        assert len(chosen) == 40
        assert chosen <= pool
        assert np.array_equal(
            drawn.centers, RandomCenters(40).draw(x, y, np.random.default_rng(1)).centers
        )
        assert RandomCenters(99).draw(x, y, rng).centers.shape == (50, 2)
        assert drawn.bandwidth == ir.metrics.median_bandwidth(np.vstack([x, y]))
        assert RandomCenters(3, bandwidth=2).draw(x, y, rng).bandwidth == 2.0

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"number": 0}, DomainError),
            ({"bandwidth": -1.0}, DomainError),
            ({"rule": "upper"}, OptionError),
            ({"bandwidth": "x"}, OptionError),
        ],
    )
    def test_bad_rules_are_refused(self, arguments, error):
        with pytest.raises(error):
            RandomCenters(**arguments)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: GaussianRBF(np.ones((2, 2)), 0.0),
            DomainError,
            "bandwidth must be greater than zero",
        ),
        (lambda: GaussianRBF(np.ones(2), 1.0), ShapeError, r"centers\[:, None\]"),
        (
            lambda: GaussianRBF(np.ones((2, 2)), 1.0)(np.ones((2, 3))),
            ShapeError,
            "x has 3 coordinates, but centers has 2",
        ),
        (
            lambda: GaussianRBF(np.ones((2, 2)), 1.0)({1.0, 2.0}),
            BackendError,
            "x must be an array",
        ),
        (lambda: Polynomial(np.ones((2, 2)), 0), DomainError, "degree"),
        (lambda: Polynomial(np.ones((2, 2)), 2, np.nan), NonFiniteError, "offset"),
        (lambda: Monomials(1.5), DomainError, "degree"),
        (lambda: PairwiseProducts()(np.ones((3, 1))), ShapeError, "two coordinates"),
        (lambda: RandomFourier(np.ones((2, 2)), np.ones(3)), ShapeError, "phases"),
        (lambda: Monomials(2)(np.full((1, 1), np.nan)), NonFiniteError, r"index \(0, 0\)"),
        (lambda: Monomials(2)(np.ones((0, 1))), ShapeError, "at least one point"),
    ],
)
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_features_keep_their_own_copy_and_the_type_of_the_points():
    centers = np.zeros((1, 1))
    features = GaussianRBF(centers, 1.0)
    centers[:] = 99.0
    values, jacobian = features.values_and_jacobian(np.zeros((1, 1), dtype=np.float32))
    assert values[0, 0] == 1.0
    assert values.dtype == jacobian.dtype == np.float32
    assert features(np.zeros((1, 1), dtype=int)).dtype == np.float64


@pytest.mark.parametrize(
    "call",
    [
        lambda x, family: ir.flows.king_velocity(
            x, x, features=family, kernel=ir.rkhs.GradientGaussian(1.0)
        ),
        lambda x, family: ir.run_flow(
            ir.flows.KiNG(family, ir.rkhs.GradientGaussian(1.0)),
            x,
            x,
            steps=1,
            rng=np.random.default_rng(0),
        ),
        lambda x, family: ir.flows.ingd_velocity(
            np.array([0.0, 1.0]), x, x, generator=ir.generators.LocationScale(1), features=family
        ),
        lambda x, family: ir.run_ingd(
            ir.generators.LocationScale(1),
            np.array([0.0, 1.0]),
            x,
            features=family,
            steps=1,
            rng=np.random.default_rng(0),
        ),
        lambda x, family: ir.projection.tangent_projection(family, x, velocities=x),
        lambda x, family: ir.projection.window_projection(
            family, np.array([0.0, 0.5, 1.0]), [x, x, x]
        ),
    ],
)
def test_a_family_where_features_are_meant_is_told_how_to_become_one(call):
    with pytest.raises(
        OptionError, match=r"got Gaussian; wrap a family in ingd_ref\.features\.FamilyStatistics"
    ):
        call(np.array([[0.0], [1.0], [3.0]]), ir.families.Gaussian())
