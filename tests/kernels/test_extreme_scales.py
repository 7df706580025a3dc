"""Points and bandwidths of any scale: right where the answer fits, an error where it does not."""

import mpmath
import numpy as np
import pytest

import ingd_ref as ir
from tests.kernels import scales

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(4, 2)), RNG.normal(0.5, 1.0, size=(4, 2))
DTYPES = {"float64": (300, np.float64), "float32": (36, np.float32)}
LONG = {"float64": 60, "float32": 9}  # decades between two scales of the long sweep
IMPLEMENTATIONS = ("readable", "fused")


def grid(dtype, step):
    """Return scales of points and bandwidths, from the smallest to the largest, independently."""
    reach, kind = DTYPES[dtype]
    decades = range(-reach, reach + 1, step)
    return [(10.0**a, 10.0**b, kind) for a in decades for b in decades]


def offsets(size):
    """Return displacements of both samples: none, and one of a few times their size."""
    return (0.0, 3.0 * size)


def problem(size, sigma, dtype, offset=0.0):
    return scales.Problem(X * size + offset, Y * size + offset, sigma, dtype)


def judge(cases, p, how):
    """Compare all cases; return how many, and the worst error in units of its bound."""
    worst, count = 0.0, 0
    for name, call, value, bound, refusable in cases:
        error = scales.compare(p, lambda call=call: call(how), value, bound, refusable)
        assert error <= 1.0, f"{name} at σ = {p.sigma:g}, x ~ {np.abs(p.x).max():g}: {error:.3g}"
        worst, count = max(worst, error), count + 1
    return count, worst


def sweep(points, shifts=2):
    """Judge every function at all scales; return how many values, and the worst error."""
    worst, count = 0.0, 0
    with mpmath.workdps(scales.DIGITS):
        for size, sigma, dtype in points:
            for offset in offsets(size)[:shifts]:
                p = problem(size, sigma, dtype, offset)
                for make in (scales.velocities, scales.distances, scales.features):
                    for how in IMPLEMENTATIONS:
                        number, error = judge(make(p), p, how)
                        worst, count = max(worst, error), count + number
    return count, worst


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_function_at_some_scales(dtype):
    reach, kind = DTYPES[dtype]
    ends = ((reach, reach), (-reach, -reach), (reach, -reach))
    sweep([(10.0**a, 10.0**b, kind) for a, b in ends], shifts=1)


@pytest.mark.long
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_function_at_every_scale(dtype):
    count, worst = sweep(grid(dtype, LONG[dtype]))
    print(f"{dtype}: {count} values, worst error {worst:.3f} of its bound")


REGULARISERS = ((0.0, 0.0), (1e-3, 0.0), (1e-3, 1e-3))


def judge_king(size, sigma, dtype, how):
    """Compare KiNG with every kernel; return how many, and the worst error."""
    worst, count = 0.0, 0
    p = problem(size, sigma, dtype)
    for kernel in scales.matrix_kernels(p):
        for ridge, jitter in REGULARISERS:
            case = scales.king(p, kernel, ridge, jitter, 1.5 * size)
            if case is not None:
                call, value, bound, refusable = case
                error = scales.compare(p, lambda c=call: c(how), value, bound, refusable)
                where = f"{type(kernel).__name__}, σ = {sigma:g}, x ~ {size:g}, {ridge}, {jitter}"
                assert error <= 1.0, f"{where}: {error:.3g}"
                worst, count = max(worst, error), count + 1
    return count, worst


@pytest.mark.parametrize("power", [-900, -300, 300, 900])
def test_king_without_absolute_numbers_scales_with_its_points(power):
    """With λ = ε = 0 the velocity is a length, and scaling by 2^k changes no bit of it."""
    unit = 2.0**power

    def velocity(size):
        options = {"kernel": ir.rkhs.GradientGaussian(0.9 * size), "ridge": 0.0, "jitter": 0.0}
        rbf = ir.features.GaussianRBF(Y[:2] * size, 1.5 * size)
        return ir.flows.king_velocity(X * size, Y * size, features=rbf, **options)

    scaled, other = velocity(unit), velocity(2.0 ** (-power))
    assert np.array_equal(scaled.velocity / unit, other.velocity * unit)
    # Against the system in ordinary units: both carry eps times the condition number.
    reference = velocity(1.0)
    bound = 200 * np.finfo(float).eps * reference.condition * np.abs(reference.velocity).max()
    assert np.abs(scaled.velocity / unit - reference.velocity).max() <= bound
    # The field sums the same terms in another order.
    assert np.abs(scaled.field(X * unit) - scaled.velocity).max() / unit <= bound


def test_the_examples_of_the_report():
    far, near = np.array([[1e160]]), np.array([[0.0], [1.0]])
    assert ir.flows.gaussian_kde_score(far, near, 1.0)[0, 0] == -1e160
    apart = 1e170 / np.sqrt(2.0)
    assert abs(ir.metrics.median_bandwidth(near * 1e170) - apart) <= 4e-16 * apart
    apart = 1e-170 / np.sqrt(2.0)
    assert abs(ir.metrics.median_bandwidth(near * 1e-170) - apart) <= 4e-16 * apart
    directions = np.ones((1, 1))
    value = ir.metrics.sliced_wasserstein(near * 0, near * 0 + 1e-5, directions, order=100.0)
    assert abs(value - 1e-5) <= 1e-20
    small = np.array([[0.0], [1e-25]], np.float32)
    value = ir.metrics.energy_distance(small, small[1:])
    assert abs(value - 0.5e-25) <= 1e-32
    with pytest.raises(ir.errors.DomainError, match="bandwidth = 1e-200"):
        ir.rkhs.GradientGaussian(1e-200)(near, near)


def test_tiny_differences_among_large_ones_count():
    """The squares of 1e-170 and 2e-170 are zero, but the points are three and not one."""
    x = np.array([[0.0], [1e-170], [2e-170], [1.0]])
    # The six distances are 1e-170 twice, 2e-170, and 1 three times: the middle ones 2e-170 and 1.
    assert abs(ir.metrics.median_bandwidth(x) - 0.5) <= 1e-16
    v = ir.flows.energy_velocity(x, np.array([[5.0]]))
    # A quarter of each of the signs to the others, twice, and the pull of the target.
    expected = 2 * np.array([-3.0, -1.0, 1.0, 3.0]) / 4 + 2
    assert np.abs(v[:, 0] - expected).max() <= 1e-15


def test_products_fit_where_partial_products_do_not():
    x = np.array([[1e-200, 1e200], [1e160, 1e-160]])
    values = ir.features.Monomials(3)(np.array([[1e-160, 1e90]]))
    exact = [1e-160, 1e90, 1e-320, 1e-70, 1e180, 0.0, 1e-230, 1e20, 1e270]
    assert np.abs(values[0] - exact).max() <= 1e258
    ratio = np.array(values[0][[3, 6, 7, 8]]) / np.array(exact)[[3, 6, 7, 8]]
    assert np.abs(ratio - 1).max() <= 1e-15
    with pytest.raises(ir.errors.DomainError, match="a feature or its Jacobian"):
        ir.features.Monomials(2)(x)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_systems_of_any_scale(size):
    matrix, rhs = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([3.0, 4.0])
    from ingd_ref import least_squares

    for method in ("cholesky", "eigh"):
        found = least_squares.solve_symmetric(matrix * size, rhs * size, method)
        assert np.abs(found.coefficients - 1.0).max() <= 1e-15
        assert found.residual <= 1e-15
    found = least_squares.solve_operator(lambda c: matrix @ c * size, rhs * size)
    assert np.abs(found.coefficients - 1.0).max() <= 1e-12
    found = least_squares.solve_factored(matrix * size, matrix @ rhs * size, "qr")
    assert np.abs(found.shortest - rhs).max() <= 1e-14


@pytest.mark.long
@pytest.mark.parametrize("dtype", DTYPES)
def test_king_at_every_scale(dtype):
    worst, count = 0.0, 0
    with mpmath.workdps(scales.DIGITS):
        for size, sigma, kind in grid(dtype, LONG[dtype]):
            number, error = judge_king(size, sigma, kind, "auto")
            worst, count = max(worst, error), count + number
    print(f"{dtype}: {count} velocities, worst error {worst:.3f} of its bound")
