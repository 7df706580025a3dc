"""Kernels of second derivatives against their definitions at forty digits, and at their limits."""

import itertools

import mpmath
import numpy as np
import pytest

from ingd_ref.backend import to_host
from ingd_ref.errors import BackendError, DomainError, ShapeError
from ingd_ref.flows import KiNG, king_velocity
from ingd_ref.metrics import median_bandwidth
from ingd_ref.rkhs import (
    DivergenceFreeGaussian,
    GradientGaussian,
    GradientInverseMultiquadric,
    GradientMatern52,
    MedianBandwidth,
    RadialKernel,
)

EPS = np.finfo(float).eps
SIGMA = 0.75
SCALARS = {
    GradientGaussian: lambda q: mpmath.exp(-q / 2),
    GradientInverseMultiquadric: lambda q: 1 / mpmath.sqrt(1 + q),
    GradientMatern52: lambda q: (
        (1 + mpmath.sqrt(5 * q) + 5 * q / 3) * mpmath.exp(-mpmath.sqrt(5 * q))
    ),
    DivergenceFreeGaussian: lambda q: mpmath.exp(-q / 2),
}
every_kernel = pytest.mark.parametrize("kind", SCALARS)
new_kernel = pytest.mark.parametrize("kind", list(SCALARS)[1:])


def curvature(kind, r):
    """∂_a ∂_c k at x − y = r by mpmath's differences."""
    dim = len(r)

    def k(*parts):
        return SCALARS[kind](mpmath.fsum(part**2 for part in parts) / mpmath.mpf(SIGMA) ** 2)

    matrix = mpmath.zeros(dim)
    for a, c in itertools.product(range(dim), repeat=2):
        orders = [int(i == a) + int(i == c) for i in range(dim)]
        matrix[a, c] = mpmath.diff(k, tuple(r), tuple(orders))
    return matrix


def derivatives(kind, x, y):
    """∇_x ∇_yᵀ k = −∇∇ᵀk, or (−Δ I + ∇∇ᵀ) k, at forty digits."""
    second = curvature(kind, [mpmath.mpf(a) - mpmath.mpf(b) for a, b in zip(x, y, strict=True)])
    if kind is not DivergenceFreeGaussian:
        return -second
    trace = mpmath.fsum(second[a, a] for a in range(len(x)))
    return second - trace * mpmath.eye(len(x))


def pairs(dim):
    """Points near, at and far from each other."""
    x = np.random.default_rng(dim).normal(size=dim)
    return [(x, x + step) for step in (0.4, 1e-3, 1e-9, 0.0, 3.0, -8.0)]


@every_kernel
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_closed_forms_are_second_derivatives(kind, dim):
    if kind is DivergenceFreeGaussian and dim == 1:
        pytest.skip("it vanishes in one dimension")
    with mpmath.workdps(40):
        for x, y in pairs(dim):
            expected = np.array(derivatives(kind, x, y).tolist())
            precise = [np.array([mpmath.mpf(part) for part in z]) for z in (x, y)]
            # mpmath's differences keep about half of the digits that it works with
            scale = np.max(np.abs(expected))
            error = np.max(np.abs(kind(SIGMA).definition(*precise) - expected))
            assert error <= 1e-18 * scale
            found = kind(SIGMA)(x[None], y[None])[0, 0]
            # some twenty roundings; an exponent q of the kernel multiplies that of q
            q = float(np.sum((x - y) ** 2)) / SIGMA**2
            assert np.max(np.abs(found - expected)) <= (20 + 2 * q) * EPS * scale


@every_kernel
def test_kernels_are_smooth_where_points_meet(kind):
    """K(x, x + h) tends to K(x, x), which is a multiple of the identity: of the curvature at 0."""
    x = np.array([[0.3, -0.2]])
    middle = kind(SIGMA)(x, x)[0, 0]
    amplitude = 5 / 3 if kind is GradientMatern52 else 1.0
    assert np.allclose(middle, amplitude / SIGMA**2 * np.eye(2), rtol=4 * EPS, atol=0)
    for h in (1e-3, 1e-6, 1e-12, 1e-200):
        near = kind(SIGMA)(x * 0, x * 0 + h)[0, 0]
        # K changes by some h²/σ⁴, a Matérn kernel's by 25/3 of it
        assert np.max(np.abs(near - middle)) <= 20 * h**2 / SIGMA**4 + 4 * EPS * np.max(middle)


@every_kernel
def test_fields_have_no_curl_or_no_divergence(kind):
    """Central differences of K(z, x) w in extended precision, against the other property too."""
    rng = np.random.default_rng(5)
    x, w, z = rng.normal(size=(3, 3)).astype(np.longdouble)
    h = np.longdouble(1e-4)
    step = h * np.eye(3, dtype=np.longdouble)
    kernel = kind(SIGMA)
    field = [kernel.definition(z + a, x) @ w - kernel.definition(z - a, x) @ w for a in step]
    slopes = np.array(field) / (2 * h)
    curl, divergence = np.max(np.abs(slopes - slopes.T)), abs(np.trace(slopes))
    # truncation h²/6 times a third derivative of K, below 200/σ⁵
    zero = 1e-8 * 200 / 6 / SIGMA**5 * np.max(np.abs(w))
    assert (curl <= zero, divergence <= zero) == (kernel.curl_free, kernel.divergence_free)


@every_kernel
def test_units_of_length(kind):
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(2, 4, 3))
    kernel = kind(SIGMA)
    found = kernel.in_units(8.0)(8.0 * x, 8.0 * y) * 8.0**-kernel.length_power
    assert np.array_equal(found, kernel(x, y))  # powers of two round nothing


@new_kernel
def test_single_precision(kind):
    rng = np.random.default_rng(7)
    x, y, slopes, weights = (
        z.astype(np.float32)
        for z in (*rng.normal(size=(2, 20, 2)), rng.normal(size=(20, 2, 3)), np.full(20, 0.05))
    )
    kernel = kind(SIGMA)
    found = kernel.contract(x, y, slopes, weights)
    exact = kernel.contract(*(z.astype(float) for z in (x, y, slopes, weights)))
    assert found.dtype == kernel(x, y).dtype == np.float32
    # sums of forty products of order max |K| |∇f| π
    assert np.max(np.abs(found - exact)) <= 40 * 2.0**-23 * 3 / SIGMA**2


@every_kernel
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_apart_the_kernel_vanishes(kind, dtype):
    """No overflow and no NaN, however far apart points are or however small the bandwidth is."""
    largest = float(np.finfo(dtype).max)
    far = largest ** np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    y = np.stack([far, -far], axis=1).astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        values = kind(1.0)(np.zeros((1, 2), dtype=dtype), y)
        small = kind(1e-15)(np.zeros((1, 2), dtype=dtype), np.ones((1, 2), dtype=dtype))
    assert np.all(np.isfinite(values))
    assert np.all(np.abs(values[0, 0]) <= 40 * far[0] ** -3)
    assert np.all(np.abs(values[0, 1:]) <= 40 * far[1] ** -3)
    assert np.all(np.abs(small) <= 1e-14)


@new_kernel
@pytest.mark.parametrize("bandwidth", [1e-150, 1e-30, 1e30, 1e150])
def test_extreme_bandwidths(kind, bandwidth):
    x = np.array([[0.1, 0.4]]) * bandwidth
    expected = kind(1.0)(x / bandwidth, 0 * x)
    found = kind(bandwidth)(x, 0 * x) * bandwidth * bandwidth
    assert np.allclose(found, expected, rtol=40 * EPS, atol=0)


@new_kernel
def test_contraction_stays_on_its_device(kind, on_device):
    rng = np.random.default_rng(8)
    arrays = (*rng.normal(size=(2, 5, 2)), rng.normal(size=(5, 2, 3)), np.full(5, 0.2))
    found = kind(SIGMA).contract(*(on_device(z) for z in arrays))
    assert found.device == on_device(arrays[0]).device
    eps = 2.0**-23 if "float32" in str(found.dtype) else EPS
    expected = kind(SIGMA).contract(*arrays)
    # ten products of order |K| |∇f| π in each sum
    assert np.max(np.abs(to_host(found) - expected)) <= 40 * eps * 3 / SIGMA**2


@new_kernel
def test_the_median_rule_takes_any_kernel(kind):
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(12, 2)), rng.normal(2.0, 1.0, size=(12, 2))
    rule = MedianBandwidth(kind)
    assert rule.draw(x, y, rng) == kind(median_bandwidth(x))
    assert np.all(np.isfinite(KiNG(kernel=rule).prepare(x, y, rng)(x)))


@new_kernel
def test_bad_arguments_are_named(kind):
    with pytest.raises(DomainError, match="bandwidth"):
        kind(0.0)
    ones = np.ones((2, 2))
    with pytest.raises(BackendError, match="fused"):
        kind(1.0).contract(ones, ones, np.ones((2, 2, 1)), np.ones(2), "fused")


def test_the_divergence_free_kernel_needs_two_coordinates():
    with pytest.raises(ShapeError, match="at least two coordinates"):
        DivergenceFreeGaussian(1.0)(np.ones((1, 1)), np.ones((1, 1)))


def test_a_radial_kernel_is_its_profile():
    """The two Gaussian kernels split (d − q) k/σ², which is minus the Laplacian of k."""

    class MinusLaplacian(RadialKernel):
        def profile(self, xp, q, dim):
            return (dim - q) * xp.exp(-q / 2), 0 * q

    rng = np.random.default_rng(10)
    x, y = rng.normal(size=(2, 6, 3))
    parts = GradientGaussian(SIGMA)(x, y) + DivergenceFreeGaussian(SIGMA)(x, y)
    size = np.max(np.abs(MinusLaplacian(SIGMA)(x, x)))
    assert np.max(np.abs(MinusLaplacian(SIGMA)(x, y) - parts)) <= 20 * EPS * size
    with pytest.raises(TypeError, match="profile"):
        RadialKernel(1.0)


def test_a_kernel_of_a_users_own_moves_particles():
    from ingd_ref.features import Monomials

    class Plain(RadialKernel):
        def profile(self, xp, q, dim):
            return 1 / (1 + q), 0 * q

    rng = np.random.default_rng(11)
    x, y = rng.normal(size=(2, 8, 2))
    options = {"features": Monomials(1), "ridge": 0.0, "jitter": 0.0}
    solution = king_velocity(x, y, kernel=Plain(1.0), **options)
    # a system of two equations with condition below 1e3
    assert np.allclose(solution.moment_rate, y.mean(axis=0) - x.mean(axis=0), rtol=1e-11)
