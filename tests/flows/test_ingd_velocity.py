"""ingd_velocity: (N1)-(N3′), six solvers, every family's statistics, libraries, bad input."""

from dataclasses import dataclass, field, replace

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingd_ref.backend import array_namespace, to_host
from ingd_ref.errors import (
    BackendError,
    DomainError,
    NonFiniteError,
    OptionError,
    ShapeError,
    SingularSystemError,
)
from ingd_ref.families._discovery import all_families
from ingd_ref.features import FamilyStatistics, GaussianRBF, Monomials, UserFeatures
from ingd_ref.flows import ingd_velocity, king_velocity
from ingd_ref.flows._ingd import INGD_SOLVERS
from ingd_ref.generators import (
    Affine,
    Generator,
    Linearisation,
    LocationScale,
    MultilayerPerceptron,
)
from ingd_ref.rkhs import MatrixKernel, NeuralTangent, ScalarGaussian

EPS = np.finfo(float).eps
RNG = np.random.default_rng(31)
LATENTS, TARGET, CENTERS = (
    RNG.normal(size=(14, 2)),
    RNG.normal(size=(9, 2)) + 1.0,
    RNG.normal(size=(5, 2)),
)
WEIGHTS, TARGET_WEIGHTS = RNG.dirichlet(np.ones(14)), RNG.dirichlet(np.ones(9))
AFFINE = Affine(2)
START = np.concatenate([[0.3, -0.2], [1.1, 0.2, -0.4, 0.8]])
FORMED = ("normal", "eigh", "stacked", "svd")


def velocity(solver="normal", convert=np.asarray, **options):
    """The velocity of an affine generator with Gaussian statistics."""
    arguments = {
        "generator": AFFINE,
        "features": GaussianRBF(convert(CENTERS), 1.5),
        "weights": convert(WEIGHTS),
        "target_weights": convert(TARGET_WEIGHTS),
        "solver": solver,
        "ridge": 0.1,
        "jitter": 1e-2,
    }
    parameters, latents, target = (
        options.pop(name, default)
        for name, default in (("w", START), ("z", LATENTS), ("y", TARGET))
    )
    parameters, latents, target = (
        convert(x) if isinstance(x, np.ndarray) else x for x in (parameters, latents, target)
    )
    return ingd_velocity(parameters, latents, target, **(arguments | options))


# --- the oracle: every Jacobian written out -------------------------------------------------------


def written_out(ddof=0, ridge=0.1, jitter=1e-2):
    """B, F̂, Δ and u from separate formulas: x = m + L z, f_s = exp(−|x − c_s|²/2σ²)."""
    x = START[:2] + LATENTS @ START[2:].reshape(2, 2).T
    jacobian = np.zeros((14, 2, 6))
    for i, z in enumerate(LATENTS):
        jacobian[i] = np.hstack([np.eye(2), np.kron(np.eye(2), z)])

    def statistics(points):
        return np.exp(-((points[:, None, :] - CENTERS) ** 2).sum(axis=2) / (2 * 1.5**2))

    values = statistics(x)
    slopes = values[:, None, :] * (CENTERS.T[None] - x[:, :, None]) / 1.5**2
    b = np.einsum("i,ias,iap->sp", WEIGHTS, slopes, jacobian)
    centred = values - WEIGHTS @ values
    fisher = (WEIGHTS[:, None] * centred).T @ centred / (1 - ddof * np.sum(WEIGHTS**2))
    delta = TARGET_WEIGHTS @ statistics(TARGET) - WEIGHTS @ values
    metric = ridge * fisher + jitter * np.eye(5)
    # (N2) itself: the least-squares problem with the rows M^{-1/2} B and I
    root = np.linalg.inv(np.linalg.cholesky(metric))
    u, *_ = np.linalg.lstsq(
        np.vstack([root @ b, np.eye(6)]), np.concatenate([root @ delta, np.zeros(6)]), rcond=None
    )
    return b, fisher, delta, u, metric


@pytest.mark.parametrize("solver", INGD_SOLVERS)
@pytest.mark.parametrize("ddof", [0, 1])
def test_every_solver_gives_the_minimiser_of_the_stated_objective(solver, ddof):
    b, fisher, delta, u, metric = written_out(ddof)
    solution = velocity(solver, ddof=ddof)
    # Both solves are backward stable; the oracle whitens by M^{-1/2}, which costs the condition
    # number of M once more. CG stops at 1e-12.
    condition = np.linalg.cond(b @ b.T + metric) * np.linalg.cond(metric)
    tolerance = 20 * condition * (1e-12 if solver == "cg" else EPS)
    scale = np.linalg.norm(u)
    assert np.linalg.norm(solution.velocity - u) <= tolerance * scale
    assert np.linalg.norm(
        solution.coefficients - np.linalg.solve(b @ b.T + metric, delta)
    ) <= tolerance * np.linalg.norm(solution.coefficients)
    assert np.linalg.norm(solution.moment_rate - b @ u) <= tolerance * np.linalg.norm(b, 2) * scale
    # sums of fourteen products
    assert np.abs(solution.delta - delta).max() <= 20 * EPS
    assert np.abs(solution.fisher - fisher).max() <= 20 * EPS
    if solver in ("normal", "eigh"):
        assert np.abs(solution.gram - b @ b.T).max() <= 40 * EPS * np.abs(b @ b.T).max()
    else:
        assert solution.gram is None


def test_condition_numbers_are_those_of_what_was_solved():
    b, *_, metric = written_out()
    exact = np.linalg.cond(b @ b.T + metric)
    for solver in INGD_SOLVERS:
        root = solver in ("stacked", "svd", "matrix-free")
        # LSMR estimates by the diagonals of its bidiagonal matrices, within a factor of two here
        assert velocity(solver).condition == pytest.approx(
            np.sqrt(exact) if root else exact, rel=1.0 if solver == "matrix-free" else 1e-6
        )
        assert velocity(solver).residual < 1e-11


@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(-6, 0))
def test_normal_and_stacked_solutions_agree_as_far_as_their_conditions_allow(seed, scale):
    rng = np.random.default_rng(seed)
    generator = MultilayerPerceptron((2, 5, 2))
    w, z, y = generator.initial(rng), rng.normal(size=(12, 2)), rng.normal(size=(9, 2)) + 1
    options = {
        "generator": generator,
        "features": GaussianRBF(rng.normal(size=(4, 2)), 1.0),
        "ridge": 0.0,
        "jitter": 10.0**scale,
    }
    normal, stacked = (
        ingd_velocity(w, z, y, solver=solver, **options) for solver in ("normal", "stacked")
    )
    # Cholesky: b^{3/2} = 8 roundings times the condition number of the system; QR: of its root,
    # plus a residual that the normal equations square. Both inherit the rounding of Δ and B, some
    # twenty eps of their entries.
    allowed = 100 * EPS * normal.condition
    assert np.linalg.norm(normal.velocity - stacked.velocity) <= allowed * np.linalg.norm(
        stacked.velocity
    )


def test_the_stacked_solver_holds_where_the_normal_equations_have_lost_everything():
    """Two statistics that almost agree: cond(BBᵀ) > 1e14, against sixty digits."""
    tilt = 2.0**-25
    features = UserFeatures(
        lambda x: np.stack([x[:, 0], x[:, 0] + tilt * x[:, 1]], axis=1),
        lambda x: np.broadcast_to(np.array([[1.0, 1.0], [0.0, tilt]]), (x.shape[0], 2, 2)),
    )
    z, y = np.array([[1.0, 0.5], [-1.0, 0.25]]), np.array([[2.0, 3.0]])
    w = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    options = {"generator": AFFINE, "features": features, "ridge": 0.0, "jitter": 0.0}
    with mpmath.workdps(60):
        points = [mpmath.matrix(row) for row in z.tolist()]
        b = mpmath.zeros(2, 6)
        for x in points:  # rows ∂f/∂x ∂x/∂w with ∂x/∂w = [I, I ⊗ zᵀ]; both points have weight ½
            for s, (first, second) in enumerate(((1, 0), (1, mpmath.mpf(tilt)))):
                for p, part in enumerate(
                    (first, second, first * x[0], first * x[1], second * x[0], second * x[1])
                ):
                    b[s, p] += part / 2
        mean = [sum(x[a] for x in points) / 2 for a in (0, 1)]
        gap = [mpmath.mpf(y[0, a]) - mean[a] for a in (0, 1)]
        gram = b * b.T
        exact = np.array(
            (b.T * mpmath.lu_solve(gram, mpmath.matrix([gap[0], gap[0] + tilt * gap[1]]))).tolist(),
            dtype=float,
        )[:, 0]
        condition = float(
            (gram[0, 0] + gram[1, 1]) ** 2 / mpmath.det(gram)
        )  # λ₁/λ₂ = (λ₁ + λ₂)²/(λ₁λ₂) up to terms of 1e-14
    assert condition > 1e14
    stacked = ingd_velocity(w, z, y, solver="stacked", **options)
    # Q R of a 2-column factor of condition 1e8: a dozen roundings times that
    assert np.linalg.norm(
        stacked.velocity - exact
    ) <= 12 * EPS * stacked.condition * np.linalg.norm(exact)
    assert stacked.condition == pytest.approx(
        np.sqrt(condition), rel=1e-6
    )  # its least singular value, 1e-8, is known to an eps of the largest
    with pytest.raises(SingularSystemError, match="jitter"):
        ingd_velocity(w, z, y, solver="normal", **options)


# --- the same velocity by other roads -------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TangentKernel(MatrixKernel):
    """K(x_i, x_j) = J_i J_jᵀ of a generator at fixed latent points."""

    jacobians: np.ndarray

    def contract(self, points, x, jacobian, weights, implementation="auto"):
        return np.einsum(
            "jap,icp,i,ics->jas", self.jacobians, self.jacobians, weights, jacobian, optimize=True
        )

    def _matrix(self, x, y):
        return np.einsum("iap,jcp->ijac", self.jacobians, self.jacobians)


NETWORK = MultilayerPerceptron((2, 6, 2), activation="silu")
NETWORK_START = NETWORK.initial(np.random.default_rng(5))


@pytest.mark.parametrize("generator", [AFFINE, NETWORK], ids=["affine", "perceptron"])
def test_particles_move_by_the_kernel_velocity_of_the_generators_own_tangent_kernel(generator):
    w = START if generator is AFFINE else NETWORK_START
    x = generator(w, LATENTS)
    options = {
        "features": GaussianRBF(CENTERS, 1.5),
        "weights": WEIGHTS,
        "ridge": 0.1,
        "jitter": 1e-2,
    }
    found = ingd_velocity(w, LATENTS, TARGET, generator=generator, **options)
    expected = king_velocity(
        x, TARGET, kernel=TangentKernel(generator.jacobian(w, LATENTS)), **options
    )
    # the same system by other sums: some twenty roundings times its condition number
    tolerance = 20 * EPS * expected.condition
    assert np.linalg.norm(
        found.particle_velocity - expected.velocity
    ) <= tolerance * np.linalg.norm(expected.velocity)
    assert np.abs(found.gram - expected.gram).max() <= 100 * EPS * np.abs(expected.gram).max()
    assert np.abs(found.particles - x).max() == 0


def test_that_kernel_is_the_neural_tangent_kernel_of_the_network():
    parts = NETWORK.split(NETWORK_START)
    layers = [(parts[f"matrix_{k}"], parts[f"offset_{k}"]) for k in (1, 2)]
    closed = NeuralTangent(layers, activation="silu", mode="full")(LATENTS, LATENTS)
    own = TangentKernel(NETWORK.jacobian(NETWORK_START, LATENTS))(LATENTS, LATENTS)
    assert np.abs(closed - own).max() <= 100 * EPS * np.abs(own).max()


def test_one_parameter_step_is_a_particle_step_to_first_order():
    solution = ingd_velocity(
        NETWORK_START, LATENTS, TARGET, generator=NETWORK, features=GaussianRBF(CENTERS, 1.5)
    )
    steps = 0.02 / 2.0 ** np.arange(6)
    gaps = [
        np.linalg.norm(
            NETWORK(NETWORK_START + h * solution.velocity, LATENTS)
            - solution.particles
            - h * solution.particle_velocity
        )
        for h in steps
    ]
    # the next term, of third order, is smaller by the step
    assert abs(np.polyfit(np.log(steps), np.log(gaps), 1)[0] - 2) < 0.05


def test_moments_move_as_the_rate_says():
    solution = velocity()
    h = 1e-5
    ahead, behind = (
        WEIGHTS @ GaussianRBF(CENTERS, 1.5)(AFFINE(START + t * solution.velocity, LATENTS))
        for t in (h, -h)
    )
    # central difference: h² times a third derivative of order one, and eps / h
    assert np.abs((ahead - behind) / (2 * h) - solution.moment_rate).max() < 1e-9


def test_weights_are_repetitions_and_the_target_itself_is_at_rest():
    weighted = velocity(z=LATENTS[:3], weights=np.array([0.5, 0.25, 0.25]))
    repeated = velocity(z=LATENTS[[0, 0, 1, 2]], weights=None)
    assert np.abs(weighted.velocity - repeated.velocity).max() <= 100 * EPS * weighted.condition
    at_rest = velocity(y=AFFINE(START, LATENTS), target_weights=WEIGHTS)
    assert not at_rest.velocity.any()
    assert at_rest.residual == 0


# --- statistics of families -----------------------------------------------------------------------


@dataclass(frozen=True)
class Drift(Generator):
    """x = z + R(z) w with smooth R: at w = 0 it reproduces the latent points, in any support."""

    dimension: int
    size_of_w: int
    latent_dimension: int = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "latent_dimension", self.dimension)

    @property
    def blocks(self):
        return {"amplitudes": (self.size_of_w,)}

    def _initial(self, rng):
        return {"amplitudes": np.zeros(self.size_of_w)}

    def _linearise(self, xp, w, z):
        rng = np.random.default_rng(8)
        frequencies, phases = (
            rng.normal(size=(self.dimension, self.dimension * self.size_of_w)),
            rng.uniform(0, 6, self.size_of_w),
        )
        scale = np.std(z, axis=0) + 1e-300
        fields = (
            np.cos(
                np.reshape((z / scale) @ frequencies, (len(z), self.dimension, self.size_of_w))
                + phases
            )
            * scale[:, None]
        )
        return Linearisation(
            z + fields @ w,
            lambda u: np.einsum("nap,sp->sna", fields, u),
            lambda c: np.einsum("nap,sna->sp", fields, c),
        )


def members(family):
    """Samples of two ordinary members."""
    values = {name: np.asarray(value) for name, value in family.example_parameters().items()}
    thetas = [family.natural(**{name: value[k] for name, value in values.items()}) for k in (0, 1)]
    points = [
        np.asarray(family.sample(theta, 60, np.random.default_rng(seed)))
        for seed, theta in enumerate(thetas)
    ]
    return [x.reshape(60, -1) for x in points]


def continuous(family):
    try:
        family.statistics_jacobian(members(family)[0])
    except DomainError:
        return False
    return True


FAMILIES = all_families()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.name}-{family.dim}")
def test_every_familys_statistics_serve_as_features(family):
    features = FamilyStatistics(family)
    x, y = members(family)
    b = features(x).shape[1]
    generator = Drift(x.shape[1], b + 3)
    if not continuous(family):
        with pytest.raises(DomainError, match="discrete set"):
            ingd_velocity(np.zeros(b + 3), x, y, generator=generator, features=features)
        with pytest.raises(DomainError, match="discrete set"):
            king_velocity(x, y, features=features, kernel=ScalarGaussian(1.0))
        return
    # With b ≤ p nothing keeps Bu from Δ once M = 0: what is left is the residual, some eps ‖G‖‖c‖
    # of backward stable solves.
    found = ingd_velocity(
        np.zeros(b + 3),
        x,
        y,
        generator=generator,
        features=features,
        ridge=0.0,
        jitter=0.0,
        solver="stacked",
    )
    gram = ingd_velocity(np.zeros(b + 3), x, y, generator=generator, features=features).gram
    bound = 50 * EPS * np.sqrt(np.linalg.norm(gram, 2)) * np.linalg.norm(found.velocity)
    assert np.linalg.norm(found.moment_rate - found.delta) <= bound + 50 * EPS * np.linalg.norm(
        found.delta
    )
    assert np.linalg.norm(found.moment_rate - found.delta) < 1e-8 * np.linalg.norm(found.delta)
    particles = king_velocity(
        x,
        y,
        features=features,
        kernel=ScalarGaussian(np.std(x)),
        ridge=0.0,
        jitter=0.0,
        solver="eigh",
    )
    bound = (
        50 * b * EPS * np.linalg.norm(particles.gram, 2) * np.linalg.norm(particles.coefficients)
    )
    assert np.linalg.norm(particles.moment_rate - particles.delta) <= bound


# --- libraries, devices and floating types --------------------------------------------------------


def assert_close_to_numpy(convert, solver):
    found, expected = velocity(solver, convert), velocity(solver)
    for name in (
        "velocity",
        "coefficients",
        "particles",
        "particle_velocity",
        "delta",
        "moment_rate",
        "fisher",
    ):
        value, exact = getattr(found, name), getattr(expected, name)
        assert type(value) is type(convert(START))
        assert array_namespace(value=value, like=convert(START)) is not None
        # other sums in other orders: a hundred roundings times the condition number
        assert np.abs(to_host(value) - exact).max() <= 100 * EPS * expected.condition * max(
            1.0, np.abs(exact).max()
        )


@pytest.mark.parametrize("solver", FORMED)
@pytest.mark.parametrize("library", ["strict", "strict on another device", "torch"])
def test_other_libraries(library, solver, guarded_devices):
    if library == "torch":
        assert_close_to_numpy(
            pytest.importorskip("torch", reason="PyTorch is not installed").asarray, solver
        )
        return
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device1" if "device" in library else "CPU_DEVICE")
    assert_close_to_numpy(lambda a: strict.asarray(a, device=device), solver)


@pytest.mark.gpu
@pytest.mark.parametrize("solver", INGD_SOLVERS)
def test_cupy_matches_numpy(solver):
    cupy = pytest.importorskip("cupy")
    found, expected = velocity(solver, cupy.asarray), velocity(solver)
    allowed = 100 * (1e-12 if solver == "cg" else EPS) * velocity("normal").condition
    assert (
        np.abs(cupy.asnumpy(found.velocity) - expected.velocity).max()
        <= allowed * np.abs(expected.velocity).max()
    )


def test_single_precision_on_a_device_that_prefers_it(guarded_devices):
    strict = pytest.importorskip("array_api_strict")

    def convert(a):
        return strict.asarray(a.astype(np.float32), device=strict.Device("device2"))

    expected = velocity("normal")
    for solver in FORMED:
        found = velocity(solver, convert)
        assert found.velocity.dtype == found.moment_rate.dtype == strict.float32
        # inputs rounded to float32, then a backward stable solve
        allowed = 100 * np.finfo(np.float32).eps * expected.condition
        assert (
            np.abs(to_host(found.velocity) - expected.velocity).max()
            <= allowed * np.abs(expected.velocity).max()
        )


def test_other_arguments_take_the_floating_type_of_the_parameters():
    w = START.astype(np.float32)
    mixed = velocity(w=w)
    assert mixed.velocity.dtype == mixed.particles.dtype == np.float32
    # Integers become float64.
    assert velocity(w=np.array([0, 0, 1, 0, 0, 1])).velocity.dtype == np.float64


@pytest.mark.parametrize("solver", ["matrix-free", "cg"])
def test_matrix_free_solvers_say_where_they_work(solver):
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(BackendError, match="NumPy or CuPy"):
        velocity(solver, strict.asarray)


# --- degenerate but legal input, and purity -------------------------------------------------------


@pytest.mark.parametrize("solver", INGD_SOLVERS)
def test_one_latent_point_one_statistic_one_target(solver):
    options = {
        "generator": LocationScale(1),
        "features": Monomials(1),
        "ridge": 0.0,
        "jitter": 0.0,
        "solver": solver,
    }
    solution = ingd_velocity(np.array([1.0, 2.0]), np.array([[0.5]]), np.array([[5.0]]), **options)
    # B = (1, z), Δ = 5 − 2: u = Bᵀ 3/(1 + z²)
    assert np.abs(solution.velocity - np.array([1.0, 0.5]) * 3 / 1.25).max() < 1e-12


def test_inputs_are_not_changed_and_not_shared():
    w, z, y = START.copy(), LATENTS.copy(), TARGET.copy()
    for array in (w, z, y):
        array.flags.writeable = False
    solution = velocity(w=w, z=z, y=y)
    assert not any(
        np.shares_memory(value, other)
        for value in (solution.velocity, solution.particles)
        for other in (w, z, y)
    )


@pytest.mark.parametrize("solver", ["stacked", "svd"])
def test_without_regularisation_more_parameters_than_statistics_give_the_shortest_velocity(solver):
    b, _, delta, *_ = written_out()
    found = velocity(solver, ridge=0.0, jitter=0.0)
    expected = np.linalg.pinv(b) @ delta
    assert np.linalg.norm(found.velocity - expected) <= 100 * EPS * np.linalg.cond(
        b
    ) * np.linalg.norm(expected)


# --- bad input ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken(LocationScale):
    """A user's generator with a mistake."""

    mistake: str = ""

    def _linearise(self, xp, w, z):
        linear = super()._linearise(xp, w, z)
        if self.mistake == "value":
            return replace(linear, value=linear.value[:, None, :])
        if self.mistake == "product":
            return replace(linear, pull=lambda c: linear.pull(c)[:, :1])
        if self.mistake == "scale":
            return replace(linear, pull=lambda c: linear.pull(c) * xp.asarray([1.0, np.nan]))
        return replace(linear, value=linear.value + np.inf)


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        ("value", ShapeError, r"generator returned shape \(14, 1, 1\), expected \(14, 1\)"),
        ("product", ShapeError, "vector-Jacobian product has shape"),
        ("scale", NonFiniteError, "Jacobian with respect to 'scale'"),
        ("sample", NonFiniteError, "sample"),
    ],
)
@pytest.mark.parametrize("solver", INGD_SOLVERS)
def test_a_generator_with_a_mistake_is_told_so(mistake, error, message, solver):
    with pytest.raises(error, match=message):
        ingd_velocity(
            np.array([0.0, 1.0]),
            LATENTS[:, :1],
            TARGET[:, :1],
            generator=Broken(1, mistake=mistake),
            features=Monomials(2),
            solver=solver,
        )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"w": START[:5]}, ShapeError, r"parameters must have shape \(6,\), got \(5,\)"),
        ({"w": np.full(6, np.nan)}, NonFiniteError, "parameters"),
        ({"z": LATENTS[:, :1]}, ShapeError, "latents"),
        ({"y": TARGET[:, :1]}, ShapeError, "target"),
        ({"y": TARGET + np.inf}, NonFiniteError, "target"),
        ({"weights": WEIGHTS[:3]}, ShapeError, "weights"),
        ({"weights": -WEIGHTS}, DomainError, "weights"),
        ({"target_weights": np.ones(9)}, DomainError, "target_weights must sum to 1"),
        ({"ridge": -1.0}, DomainError, "ridge"),
        ({"jitter": np.nan}, NonFiniteError, "jitter"),
        ({"ddof": 2}, DomainError, "ddof"),
        ({"solver": "luck"}, OptionError, "'luck'"),
        ({"implementation": "magic"}, OptionError, "'magic'"),
        ({"w": "six"}, BackendError, "must be an array"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        velocity(**options)


def test_arrays_of_several_libraries_or_devices_are_refused():
    strict = pytest.importorskip("array_api_strict")
    options = {"generator": AFFINE, "features": GaussianRBF(CENTERS, 1.5)}
    with pytest.raises(BackendError, match="different array libraries"):
        ingd_velocity(START, strict.asarray(LATENTS), TARGET, **options)
    with pytest.raises(BackendError, match="device"):
        velocity(
            convert=strict.asarray, weights=strict.asarray(WEIGHTS, device=strict.Device("device1"))
        )


@pytest.mark.parametrize("solver", ["normal", "stacked", "matrix-free", "cg"])
def test_a_singular_system_says_what_to_do(solver):
    """Two parameters cannot steer four statistics without regularisation."""
    options = {"generator": LocationScale(1), "features": Monomials(4), "ridge": 0.0, "jitter": 0.0}
    arguments = (np.array([0.5, 1.0]), LATENTS[:, :1], TARGET[:, :1])
    with pytest.raises(
        SingularSystemError, match=r"4 statistics, 2 parameters, ridge = 0 and jitter = 0.*"
    ) as caught:
        ingd_velocity(*arguments, solver=solver, **options)
    assert "jitter" in str(caught.value)
    for remedy in ({"solver": "eigh"}, {"solver": "svd"}, {"jitter": 1e-3}):
        assert np.all(np.isfinite(ingd_velocity(*arguments, **(options | remedy)).velocity))
