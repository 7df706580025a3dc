"""Quantile generators against distribution functions of mpmath at forty digits."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingd_ref import families
from ingd_ref._special.incomplete_gamma import gamma_quantile
from ingd_ref._special.normal import normal_tail
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.generators import GaussianMixtureQuantile, QuantileGenerator

MP = mpmath.MPContext()
MP.dps = 40
EPS = np.finfo(float).eps

# The tolerance of x and ∂x/∂α, relative: the exponential of log x ≥ −708 rounds 708 eps = 1.6e-13;
# a rounding of log u ≥ −28 moves log x by at most 28 eps/α, but for α = 1e-2 x > 1e-308 only if log
# u ≥ −7, so 1.6e-13 again. Where x is not tiny some 100 eps are left.
QUANTILE = 4e-13


SHAPES = [1e-2, 0.03, 0.3, 0.999, 1.0, 1.7, 12.0, 333.3, 1e4, 1e6]
PROBABILITIES = [2e-12, 1e-7, 1e-3, 0.2, 0.5, 0.7, 0.99, 1.0 - 1e-6, 1.0 - 2e-12]


def tail(a, x, upper):
    """Regularised incomplete gamma function on one side, by a power series of positive terms."""
    term = total = MP.exp(a * MP.log(x) - x - MP.loggamma(a + 1))
    k = 0
    while term > total * MP.eps:
        k += 1
        term *= x / (a + k)
        total += term
    return 1 - total if upper else total


def exact_quantile(a, u, near):
    """x to twenty digits from an x with ten, by one step of Newton's iteration, and ∂x/∂a."""
    a, u, x = MP.mpf(a), MP.mpf(u), MP.mpf(near)
    upper = u > 0.5
    sign, goal = (-1, 1 - u) if upper else (1, u)
    density = MP.exp((a - 1) * MP.log(x) - x - MP.loggamma(a))
    x = x - sign * (tail(a, x, upper) - goal) / density
    density = MP.exp((a - 1) * MP.log(x) - x - MP.loggamma(a))
    h = a * MP.mpf(10) ** -12  # the central difference is off by its square
    slope = (tail(a + h, x, upper) - tail(a - h, x, upper)) / (2 * h)
    return x, -sign * slope / density


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma_quantiles_and_their_derivatives(shape):
    generator = QuantileGenerator()
    probabilities = PROBABILITIES[
        :: 3 if shape > 1e5 else 1
    ]  # the series has tens of thousands of terms there
    u = np.array(probabilities)[:, None]
    w = generator.pack(shape=shape, rate=2.5)
    x, matrix = generator(w, u), generator.jacobian(w, u)
    for i, probability in enumerate(probabilities):
        if x[i, 0] < 1e-290:
            continue  # below the normal floating numbers there are no digits to compare
        exact, slope = exact_quantile(shape, probability, 2.5 * x[i, 0])
        assert abs(2.5 * x[i, 0] / exact - 1) <= QUANTILE
        assert abs(2.5 * matrix[i, 0, 0] / slope - 1) <= QUANTILE
        assert abs(matrix[i, 0, 1] / (-x[i, 0] / 2.5) - 1) <= 4 * EPS


@given(st.floats(-2.0, 6.0), st.floats(-12.0, -0.302), st.booleans())
@settings(max_examples=40)
def test_gamma_quantiles_anywhere(log_shape, log_probability, mirrored):
    shape, u = 10.0**log_shape, 10.0**log_probability
    u = 1.0 - u if mirrored else u
    x, slope = gamma_quantile(np, np.array([shape]), np.array([u]), np.array([1.0 - u]))
    if x[0] < 1e-290:
        return
    exact, derivative = exact_quantile(shape, u, x[0])
    assert abs(x[0] / exact - 1) <= QUANTILE
    assert abs(slope[0] * x[0] / derivative - 1) <= QUANTILE


def test_quantiles_below_the_floating_numbers_are_zero():
    x, slope = gamma_quantile(np, np.array([0.01]), np.array([1e-12]), np.array([1.0 - 1e-12]))
    assert x[0] == 0.0
    # log x = (log u + log Γ(1 + a))/a up to terms of order x, so its slope is (ψ(1 + a) − (log u +
    # log Γ(1 + a))/a)/a
    expected = (MP.digamma(1.01) - (MP.log(1e-12) + MP.loggamma(1.01)) / 0.01) / 0.01
    assert abs(slope[0] / expected - 1) <= QUANTILE


def test_quantiles_increase_with_probability_and_shape():
    u = np.linspace(0.001, 0.999, 400)
    for shape in SHAPES[2:]:
        x, _ = gamma_quantile(np, np.full(400, shape), u, 1.0 - u)
        assert np.all(np.diff(x) > 0)
    shapes = np.geomspace(0.3, 1e5, 400)
    x, slope = gamma_quantile(np, shapes, np.full(400, 0.3), np.full(400, 0.7))
    assert np.all(np.diff(x) > 0)
    assert np.all(slope > 0)


@pytest.mark.parametrize(
    ("family", "classical"),
    [
        (families.Gamma(), {"shape": 2.3, "rate": 0.7}),
        (families.InverseGamma(), {"shape": 2.3, "scale": 0.7}),
        (families.ChiSquared(), {"degrees_of_freedom": 3.4}),
        (families.Exponential(), {"rate": 0.7}),
        (families.Rayleigh(), {"scale": 1.3}),
        (families.Maxwell(), {"scale": 1.3}),
        (families.Weibull(shape=1.6), {"scale": 1.3}),
    ],
    ids=lambda value: repr(value) if not isinstance(value, dict) else "",
)
def test_samples_have_the_distribution_of_the_family(family, classical):
    generator = QuantileGenerator(family)
    w, theta = generator.pack(**classical), family.natural(**classical)
    u = np.linspace(0.02, 0.98, 25)[:, None]
    x = generator(w, u)[:, 0]

    # F(x) = u, with F by quadrature of the family's density, which is a formula of its own: 1e-9 is
    # the tolerance of the adaptive quadrature
    def density(t):
        return float(np.exp(family.log_prob(theta, np.array([t]))))

    from scipy.integrate import quad

    mass = [
        quad(density, low, high, epsabs=1e-11, epsrel=1e-11)[0]
        for low, high in itertools.pairwise(x)
    ]
    assert np.abs(np.array(mass) - np.diff(u[:, 0])).max() <= 1e-9
    assert abs(quad(density, 0.0, x[0], epsabs=1e-11, epsrel=1e-11)[0] - u[0, 0]) <= 1e-9
    # Derivatives by central differences of the generator itself: off by h² and eps/h, h = 1e-5
    step = 1e-5 * np.eye(generator.size)
    differences = np.stack(
        [(generator(w + e, u) - generator(w - e, u)) / 2e-5 for e in step], axis=2
    )
    assert np.abs(generator.jacobian(w, u) - differences).max() <= 1e-8 * max(1.0, np.abs(x).max())


def test_normal_tails():
    z = np.concatenate([np.linspace(-37.0, 8.0, 181), [-1e-9, 0.0, 1e-9]])
    found = normal_tail(np, z)
    exact = np.array([float(MP.ncdf(MP.mpf(float(t)))) for t in z])
    # z²/2 is rounded to eps, and so exp(−z²/2) to z²/2 eps; the weights of the quadrature are good
    # to 16 eps
    assert np.all(np.abs(found / exact - 1) <= (40 + z * z) * EPS)


MIXTURES = [
    {"logits": [0.3, -0.5, 0.1], "locations": [-1.0, 0.2, 1.5], "log_scales": [0.1, -0.7, 0.4]},
    {"logits": [0.0, 2.0, -3.0], "locations": [-6.0, 0.0, 7.0], "log_scales": [-1.0, 0.5, -2.0]},
    {"logits": [0.0, 0.0, 0.0], "locations": [1.0, 1.0, 1.0], "log_scales": [-3.0, 0.0, 2.0]},
]


@pytest.mark.parametrize("mixture", MIXTURES, ids=["overlapping", "separated", "concentric"])
def test_mixture_quantiles_and_their_derivatives(mixture):
    generator = GaussianMixtureQuantile(3)
    w = generator.pack(**{name: np.array(part) for name, part in mixture.items()})
    u = np.array([2e-12, 1e-5, 0.1, 0.35, 0.5, 0.8, 0.999, 1.0 - 2e-12])[:, None]
    x, matrix = generator(w, u)[:, 0], generator.jacobian(w, u)[:, 0, :]
    exact_w = [MP.mpf(float(part)) for part in w]

    def distribution(parameters, point, upper):
        logits, locations, log_scales = parameters[:3], parameters[3:6], parameters[6:]
        powers = [MP.exp(logit) for logit in logits]
        sign = -1 if upper else 1
        tails = [
            MP.ncdf(sign * (point - m) / MP.exp(r))
            for m, r in zip(locations, log_scales, strict=True)
        ]
        return sum(p * t for p, t in zip(powers, tails, strict=True)) / sum(powers)

    for i in range(len(u)):
        upper = u[i, 0] > 0.5
        sign, goal = (-1, 1 - MP.mpf(u[i, 0])) if upper else (1, MP.mpf(u[i, 0]))
        near, h = MP.mpf(x[i]), MP.mpf(10) ** -20
        density = (
            sign
            * (distribution(exact_w, near + h, upper) - distribution(exact_w, near - h, upper))
            / (2 * h)
        )
        point = near - sign * (distribution(exact_w, near, upper) - goal) / density
        # x is as accurate as the rounding of its tail allows: some eps of tail/density, and of x
        # itself; 100 eps of the tail for its quadrature
        assert abs(float(near - point)) <= 100 * EPS * (abs(float(point)) + float(goal / density))
        slopes = []
        for k in range(9):
            ahead, behind = list(exact_w), list(exact_w)
            ahead[k], behind[k] = ahead[k] + h, behind[k] - h
            slopes.append(
                float(
                    -sign
                    * (distribution(ahead, point, upper) - distribution(behind, point, upper))
                    / (2 * h)
                    / density
                )
            )
        # The responsibilities change by the factor ζ²/|x − m| for each unit of x, and ζ is below
        # 100 where they count: 1e-11. Where all derivatives by the logits are zero, what is left is
        # the rounding of the tails.
        for part in (slice(0, 3), slice(3, 6), slice(6, 9)):
            expected = np.array(slopes[part])
            assert np.abs(matrix[i, part] - expected).max() <= 1e-11 * np.abs(
                expected
            ).max() + 10 * EPS * float(goal / density)


def distribution_function(x, logits, locations, log_scales):
    """F(x) of a mixture at forty digits."""
    weights = [MP.exp(MP.mpf(float(logit))) for logit in logits]
    parts = zip(weights, locations, log_scales, strict=True)
    return MP.fsum(
        a * MP.ncdf((x - MP.mpf(float(m))) / MP.exp(MP.mpf(float(r)))) for a, m, r in parts
    ) / MP.fsum(weights)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("separation", [30.0, 60.0, 1000.0])
def test_mixture_quantiles_stay_right_where_distant_components_leave_no_density(separation, dtype):
    logits, locations, log_scales = (
        np.array(part, dtype=dtype)
        for part in ([0.3, -0.7, 1.1], [-separation, 0.0, separation], [0.4, -1.7, 1.2])
    )
    generator = GaussianMixtureQuantile(3)
    w = generator.pack(logits=logits, locations=locations, log_scales=log_scales)
    steps = np.cumsum(np.exp(logits) / np.sum(np.exp(logits)))[:-1]  # F(x) between the components
    u = np.concatenate(
        [
            steps,
            np.nextafter(steps, dtype(0)),
            np.nextafter(steps, dtype(1)),
            steps * dtype(1 - 1e-6),
        ]
    ).astype(dtype)
    x = generator(w, u[:, None])[:, 0]
    # On the plateaus every x is right within some roundings of the tail; elsewhere those of x
    # count, eps |x| f(x).
    eps = float(np.finfo(dtype).eps)
    for point, probability in zip(x, u, strict=True):
        below, above = (
            distribution_function(
                MP.mpf(float(point)) * (1 + sign * 4 * eps), logits, locations, log_scales
            )
            for sign in (-1, 1)
        )
        lower, upper = sorted((below, above))
        allowed = 64 * eps * float(min(probability, 1 - probability))
        assert lower - allowed <= MP.mpf(float(probability)) <= upper + allowed


def test_one_component_is_a_location_scale_generator():
    generator = GaussianMixtureQuantile(1)
    u = np.array([[0.1], [0.5], [0.9]])
    w = generator.pack(logits=3.0, locations=2.0, log_scales=np.log(0.5))
    from scipy.special import ndtri

    assert np.abs(generator(w, u) - (2.0 + 0.5 * ndtri(u))).max() <= 100 * EPS
    matrix = generator.jacobian(w, u)[:, 0, :]
    assert (
        np.abs(matrix - np.concatenate([0.0 * u, 0.0 * u + 1.0, 0.5 * ndtri(u)], axis=1)).max()
        <= 100 * EPS
    )


def test_latent_points_lie_between_zero_and_one():
    for generator in (QuantileGenerator(), GaussianMixtureQuantile(2)):
        u = generator.latents(10000, np.random.default_rng(0))
        assert u.shape == (10000, 1)
        assert u.min() > 0.0
        assert u.max() < 1.0
        assert abs(u.mean() - 0.5) < 5 * np.sqrt(1 / 12 / 10000)
        single = u.astype(np.float32)
        assert single.min() > 0.0
        assert single.max() < 1.0
        w = generator.initial()
        for bad in (0.0, 1.0, -0.3, 1.2):
            with pytest.raises(DomainError, match=r"latents in \(0, 1\)"):
                generator(w, np.array([[0.5], [bad]]))


def test_parameters_outside_their_set():
    generator = QuantileGenerator()
    for name in ("shape", "rate"):
        with pytest.raises(DomainError, match=f"{name} > 0"):
            generator(generator.pack(**{"shape": 1.0, "rate": 1.0, name: -1.0}), np.array([[0.5]]))
    with pytest.raises(OptionError, match="Beta"):
        QuantileGenerator(families.Beta())
