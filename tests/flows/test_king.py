"""king_velocity: libraries, devices, solvers, degenerate but legal input, errors, purity.

What the velocity has to be is judged in tests/laws, by laws and by published arrays.
"""

import numpy as np
import pytest

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
from ingd_ref.flows import PUBLISHED, KiNG, king_velocity, published_king, published_ntking
from ingd_ref.rkhs import (
    GradientGaussian,
    MedianBandwidth,
    NeuralTangent,
    RandomNeuralTangent,
    ScalarGaussian,
)

RNG = np.random.default_rng(20)
X, Y, CENTERS = RNG.normal(size=(12, 3)), RNG.normal(size=(9, 3)) + 1.0, RNG.normal(size=(6, 3))
WEIGHTS = RNG.dirichlet(np.ones(12))
NETWORK = [
    (RNG.normal(size=(5, 3)), RNG.normal(size=5)),
    (RNG.normal(size=(3, 5)), RNG.normal(size=3)),
]
MASK = np.array([True, False, True])


def problem(convert):
    """One problem for each kind of features and kernel; ``convert`` makes the arrays."""
    x = convert(X)
    features = [
        ir.features.GaussianRBF(convert(CENTERS), 1.5),
        ir.features.Polynomial(convert(CENTERS), 3),
        ir.features.Monomials(2),
        ir.features.PairwiseProducts(linear=True, squares=True),
        ir.features.RandomFourier.gaussian(7, 1.0, np.random.default_rng(1), x),
        ir.features.UserFeatures(lambda z: z**3),
        ir.features.RandomCenters(8).draw(x, convert(Y), np.random.default_rng(2)),
    ]
    layers = [(convert(matrix), convert(offset)) for matrix, offset in NETWORK]
    kernels = [
        GradientGaussian(1.2),
        ScalarGaussian(1.2),
        ScalarGaussian(1.2, coordinatewise=True),
        *(
            NeuralTangent(layers, activation, "full")
            for activation in ("tanh", "relu", "silu", "gelu")
        ),
        NeuralTangent(layers, mode="diagonal"),
        NeuralTangent(layers, mode="trace"),
        MedianBandwidth().draw(x, x, np.random.default_rng(0)),
        RandomNeuralTangent((4,)).draw(x, x, np.random.default_rng(3)),
    ]
    return x, convert(Y), convert(WEIGHTS), convert(MASK), features, kernels


def pairs(features, kernels):
    """Every kind of features with one kernel, and every kind of kernel with one set of features."""
    return [
        *((feature, kernels[0]) for feature in features),
        *((features[0], kernel) for kernel in kernels[1:]),
    ]


def outputs(convert, solver):
    x, y, weights, mask, features, kernels = problem(convert)
    for feature, kernel in pairs(features, kernels):
        solution = king_velocity(
            x, y, features=feature, kernel=kernel, weights=weights, mask=mask, solver=solver
        )
        yield solution.velocity, solution.field(y), solution.moment_rate, solution.delta


def rounding(solver):
    """What rounding explains of each output, by the model of tests/laws.

    The means whose difference is Δ err by eps of their size; the solve passes that on by ‖M⁻¹‖ and
    adds eps cond(M) |c|; U carries the coefficients to velocities, G to moment rates.
    """
    _, _, _, _, features, kernels = problem(np.asarray)
    for feature, kernel in pairs(features, kernels):
        jacobian = feature.jacobian(X) * MASK[:, None]
        means = np.linalg.norm(WEIGHTS @ np.abs(feature(X))) + np.linalg.norm(
            np.abs(feature(Y)).mean(axis=0)
        )
        solution = king_velocity(
            X, Y, features=feature, kernel=kernel, weights=WEIGHTS, mask=MASK, solver=solver
        )
        s = sum(
            means / system.singular_values[-1]
            + system.condition * np.linalg.norm(system.coefficients)
            for system in solution.systems
        )
        carried = [
            np.linalg.norm(kernel.contract(points, X, jacobian, WEIGHTS)) for points in (X, Y)
        ]
        yield [
            20 * np.finfo(float).eps * size
            for size in (carried[0] * s, carried[1] * s, np.linalg.norm(solution.gram) * s, means)
        ]


def assert_equal_to_rounding(convert, solver):
    for actual, expected, tolerances in zip(
        outputs(convert, solver), outputs(np.asarray, solver), rounding(solver), strict=True
    ):
        assert type(actual[0]) is type(convert(X))
        for a, e, tolerance in zip(actual, expected, tolerances, strict=True):
            assert np.linalg.norm(to_host(a) - e) <= tolerance


@pytest.mark.parametrize("solver", ["cholesky", "eigh"])
@pytest.mark.parametrize("library", ["strict", "strict on another device", "torch"])
def test_every_feature_and_kernel_runs_on_other_libraries(library, solver, guarded_devices):
    if library == "torch":
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        convert = torch.asarray
    else:
        strict = pytest.importorskip("array_api_strict")
        device = strict.Device("device1" if "device" in library else "CPU_DEVICE")

        def convert(a):
            return strict.asarray(a, device=device)

    assert_equal_to_rounding(convert, solver)


def test_float32_on_a_device_that_prefers_it(guarded_devices):
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device2")

    def convert(a):
        return strict.asarray(a, device=device, dtype=None if a.dtype == bool else strict.float32)

    x, y, weights, mask, features, kernels = problem(convert)
    exact = problem(np.asarray)
    for index in (0, 4):  # bounded statistics: float32 holds the powers of the others to few digits
        for kernel, reference_kernel in zip(kernels, exact[5], strict=True):
            options = {"weights": weights, "mask": mask, "ridge": 0.1, "jitter": 0.1}
            solution = king_velocity(x, y, features=features[index], kernel=kernel, **options)
            options |= {"weights": WEIGHTS, "mask": MASK}
            reference = king_velocity(
                X, Y, features=exact[4][index], kernel=reference_kernel, **options
            )
            assert solution.velocity.dtype == strict.float32
            error = (
                np.abs(to_host(solution.velocity) - reference.velocity).max()
                / np.abs(reference.velocity).max()
            )
            # inputs rounded to float32, then a backward-stable solve; Δ is a difference of means of
            # the same size, which costs a few more
            assert error <= 100 * np.finfo(np.float32).eps * reference.condition


@pytest.mark.gpu
def test_cupy_matches_numpy():
    cupy = pytest.importorskip("cupy")
    for solver in ("cholesky", "eigh"):
        assert_equal_to_rounding(cupy.asarray, solver)


def test_matrix_free_and_formed_solutions_agree():
    x, y, weights, mask, features, kernels = problem(np.asarray)
    for kernel in [k for k in kernels if not k.coordinatewise]:
        formed = king_velocity(
            x, y, features=features[0], kernel=kernel, weights=weights, mask=mask
        )
        free = king_velocity(
            x, y, features=features[0], kernel=kernel, weights=weights, mask=mask, solver="cg"
        )
        # CG stops at a relative residual of 1e-12
        assert (
            np.abs(free.velocity - formed.velocity).max()
            <= 1e-11 * formed.condition * np.abs(formed.velocity).max()
        )
        assert free.gram is None
        assert free.condition == pytest.approx(formed.condition, rel=1e-6)
        assert np.allclose(
            free.moment_rate, formed.moment_rate, rtol=0, atol=1e-11 * formed.condition
        )
    with pytest.raises(OptionError, match="coordinate-wise"):
        king_velocity(
            x, y, features=features[0], kernel=ScalarGaussian(1.0, coordinatewise=True), solver="cg"
        )


def test_a_masked_coordinate_stays_and_the_moment_identity_holds_on_the_mask():
    """G c is the derivative of the moments along the masked velocity, by a central difference."""
    x, y, weights, mask, features, kernels = problem(np.asarray)
    step = 1e-5
    for kernel in kernels:
        solution = king_velocity(
            x, y, features=features[0], kernel=kernel, weights=weights, mask=mask
        )
        assert not solution.velocity[:, 1].any()
        assert not solution.field(y)[:, 1].any()
        ahead, behind = (
            weights @ features[0](x + sign * step * solution.velocity) for sign in (1, -1)
        )
        speed = np.abs(solution.velocity).max()
        # central difference: h² |f‴| |v|³ / 6 + eps / h, with |f‴| ≤ 2/σ³ for the RBF
        assert (
            np.abs((ahead - behind) / (2 * step) - solution.moment_rate).max()
            <= step**2 * speed**3 + 1e-10
        )


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("b", [1, 7])
def test_degenerate_but_legal_input_works(n, d, b):
    """One particle, coinciding particles, one feature, more features than n d."""
    rng = np.random.default_rng(0)
    x, y = np.ones((n, d)), rng.normal(size=(1, d))
    features = ir.features.GaussianRBF(rng.normal(size=(b, d)), 1.0)
    for kernel in (
        GradientGaussian(1.0),
        ScalarGaussian(1.0, coordinatewise=True),
        NeuralTangent([(np.eye(d), np.zeros(d))]),
    ):
        for solver in ("cholesky", "eigh"):
            solution = king_velocity(x, y, features=features, kernel=kernel, solver=solver)
            assert np.isfinite(solution.velocity).all()
            assert (
                np.ptp(solution.velocity, axis=0).max() <= 1e-14 * np.abs(solution.velocity).max()
            )
    assert np.isfinite(KiNG().prepare(x, y, rng)(x)).all()


def test_a_singular_system_is_refused_or_given_its_minimum_norm_answer():
    features = ir.features.GaussianRBF(np.repeat(CENTERS, 2, axis=0), 1.5)
    arguments = {"features": features, "kernel": GradientGaussian(1.2), "ridge": 0.0, "jitter": 0.0}
    with pytest.raises(SingularSystemError, match="jitter"):
        king_velocity(X, Y, **arguments)
    solution = king_velocity(X, Y, solver="eigh", **arguments)
    once = king_velocity(X, Y, **(arguments | {"features": ir.features.GaussianRBF(CENTERS, 1.5)}))
    assert solution.systems[0].rank == 6
    # the dropped directions do not enter the velocity: doubled features give what single ones give
    assert np.allclose(
        solution.velocity,
        once.velocity,
        rtol=0,
        atol=100 * np.finfo(float).eps * once.condition * np.abs(once.velocity).max(),
    )


def test_inputs_are_untouched_and_results_are_their_own():
    x, y, weights, mask = X.copy(), Y.copy(), WEIGHTS.copy(), MASK.copy()
    for array in (x, y, weights, mask):
        array.flags.writeable = False
    features, kernel = ir.features.GaussianRBF(CENTERS, 1.5), GradientGaussian(1.2)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    solution = king_velocity(x, y, features=features, kernel=kernel, weights=weights, mask=mask)
    again = king_velocity(x, y, features=features, kernel=kernel, weights=weights, mask=mask)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert np.array_equal(solution.velocity, again.velocity)
    for result in (
        solution.velocity,
        solution.delta,
        solution.fisher,
        solution.gram,
        solution.coefficients,
        solution.field(x),
    ):
        assert not any(np.shares_memory(result, given) for given in (x, y, weights))
    moved = X.copy()
    solution = king_velocity(moved, Y, features=features, kernel=kernel)
    before = solution.field(Y)
    moved += 1.0  # a user who moves the particles in place must not move the field with them
    assert np.array_equal(solution.field(Y), before)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x": X[:, 0]}, ShapeError, r"x must have shape \(n, d\), got \(12,\).*x\[:, None\]"),
        ({"x": X[:0]}, ShapeError, "x must hold at least one point"),
        ({"y": Y[:0]}, ShapeError, "y must hold at least one point"),
        ({"y": Y[:, :2]}, ShapeError, r"y must have shape \(n, 3\)"),
        (
            {"x": np.where(np.arange(36).reshape(12, 3) == 7, np.nan, X)},
            NonFiniteError,
            r"x holds 1 value.*\(2, 1\)",
        ),
        ({"y": np.full((2, 3), np.inf)}, NonFiniteError, "y holds 6 value"),
        ({"x": "X"}, BackendError, "x must be an array"),
        ({"x": X.astype(complex)}, BackendError, "real numbers"),
        ({"ridge": -1.0}, DomainError, "ridge must not be negative"),
        ({"jitter": -1e-9}, DomainError, "jitter must not be negative"),
        ({"jitter": np.nan}, NonFiniteError, "jitter"),
        ({"ddof": 2}, DomainError, "ddof"),
        ({"x": X[:1], "ddof": 1}, DomainError, "at least two particles"),
        ({"weights": np.ones(12)}, DomainError, "weights must sum to 1"),
        ({"weights": -WEIGHTS}, DomainError, "weights must be non-negative"),
        ({"weights": WEIGHTS[:3]}, ShapeError, r"weights must have shape \(12,\)"),
        ({"target_weights": np.ones(9)}, DomainError, "target_weights must sum to 1"),
        ({"mask": np.ones(3)}, ShapeError, "mask must be a boolean"),
        ({"mask": np.ones(2, dtype=bool)}, ShapeError, r"shape \(3,\)"),
        ({"solver": "lu"}, OptionError, "'lu'"),
        ({"implementation": "quick"}, OptionError, "'quick'"),
        ({"kernel": "gaussian"}, OptionError, "MatrixKernel .* got 'gaussian'"),
        ({"kernel": GradientGaussian}, OptionError, "got the class GradientGaussian"),
        ({"kernel": ir.rkhs.MedianBandwidth()}, OptionError, r"got MedianBandwidth\("),
    ],
)
def test_bad_arguments_are_named(change, error, words):
    arguments = {
        "x": X,
        "y": Y,
        "features": ir.features.GaussianRBF(CENTERS, 1.5),
        "kernel": GradientGaussian(1.2),
    } | change
    x, y = arguments.pop("x"), arguments.pop("y")
    with pytest.raises(error, match=words):
        king_velocity(x, y, **arguments)


def test_mixed_libraries_are_refused():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(BackendError, match="different array libraries"):
        king_velocity(
            X, strict.asarray(Y), features=ir.features.Monomials(1), kernel=GradientGaussian(1.0)
        )
    with pytest.raises(BackendError, match="centers"):
        king_velocity(
            X,
            Y,
            features=ir.features.GaussianRBF(strict.asarray(CENTERS), 1.0),
            kernel=GradientGaussian(1.0),
        )
    first, second = (
        strict.asarray(Y, device=strict.Device(name)) for name in ("CPU_DEVICE", "device1")
    )
    with pytest.raises(BackendError, match="different devices"):
        king_velocity(
            first, second, features=ir.features.Monomials(1), kernel=GradientGaussian(1.0)
        )
    solution = king_velocity(X, Y, features=ir.features.Monomials(1), kernel=GradientGaussian(1.0))
    with pytest.raises(BackendError, match="points"):
        solution.field(strict.asarray(X))
    with pytest.raises(ShapeError, match="points"):
        solution.field(X[:, :2])


def test_presets_carry_the_published_numbers():
    for flow in (published_king(50), published_ntking(50)):
        assert (
            {name: getattr(flow, name) for name in PUBLISHED}
            == PUBLISHED
            == {"ridge": 1e-3, "jitter": 1e-3, "ddof": 1}
        )
        assert flow.features.rule == "lower"
        assert flow.features.number == 50
    assert published_king().kernel == MedianBandwidth(rule="lower")
    assert published_ntking().kernel == RandomNeuralTangent((31, 31), "tanh", "diagonal")


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"ridge": -1.0}, DomainError),
        ({"jitter": float("nan")}, NonFiniteError),
        ({"ddof": 2}, DomainError),
        ({"solver": "lu"}, OptionError),
        ({"implementation": "compiled"}, OptionError),
    ],
)
def test_a_flow_checks_its_options_when_it_is_made(option, error):
    with pytest.raises(error, match=next(iter(option))):
        KiNG(**option)


def test_a_flow_needs_a_kernel():
    with pytest.raises(OptionError, match=r"MatrixKernel .* got 'gaussian'"):
        ir.run_flow(KiNG(kernel="gaussian"), X, Y, steps=1, progress=False)
