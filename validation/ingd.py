"""The natural gradient of a generator's parameters.

Its velocity (N1)-(N3′), its steps (N4), and paths known exactly (E10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.oracles import particles as oracle
from validation.oracles.precise import MP, Array, axes, differences, precise, solve
from validation.oracles.quadrature import gaussian_nodes
from validation.registry import EPS, Measured, case, compared, within

SPARSE = ("numpy", "cupy")  # libraries with matrix-free solvers
FEATURE_WIDTH = 1.2
PERTURBATION = "20 eps times the norms of B, of the inverse system and of what cancels in Δ"
SHAPES = ((3, 2), (2, 3))


# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Setting:
    """A small problem in float64, for the package and for the exact answer."""

    kind: str
    w: Array
    z: Array
    y: Array
    centers: Array
    weights: Array
    target_weights: Array
    ridge: float = 0.3
    jitter: float = 1e-2
    ddof: int = 0

    def generator(self) -> Any:
        """The package's generator."""
        if self.kind == "perceptron":
            return ir.generators.MultilayerPerceptron((2, 3, 2), activation="tanh")
        return ir.generators.Affine(2)

    def velocity(self, arrays: Arrays, solver: str) -> Any:
        """Return the velocity of the package."""
        return ir.flows.ingd_velocity(
            arrays(self.w),
            arrays(self.z),
            arrays(self.y),
            generator=self.generator(),
            features=ir.features.GaussianRBF(arrays(self.centers), FEATURE_WIDTH),
            ridge=self.ridge,
            jitter=self.jitter,
            ddof=self.ddof,
            weights=arrays(self.weights),
            target_weights=arrays(self.target_weights),
            solver=solver,
        )

    def sample(self, w: Array) -> Array:
        """x_i = g(z_i; w), from the definition of the generator."""
        if self.kind == "perceptron":
            return np.array([oracle.network(w, SHAPES, "tanh", z) for z in precise(self.z)])
        return np.array([w[:2] + w[2:].reshape(2, 2) @ z for z in precise(self.z)])

    def moments(self, w: Array) -> Array:
        """E_q f."""
        statistics = oracle.rbf(self.centers, FEATURE_WIDTH)
        return self.pi @ np.array([statistics(x) for x in self.sample(w)])

    @cached_property
    def pi(self) -> Array:
        """Weights of the latent points, summing to one exactly."""
        weights = precise(self.weights)
        return weights / np.sum(weights)

    @cached_property
    def exact(self) -> Exact:
        """B by differences of the moments, and everything that follows from it."""
        statistics, rho = oracle.rbf(self.centers, FEATURE_WIDTH), precise(self.target_weights)
        values = np.array([statistics(x) for x in self.sample(precise(self.w))])
        target = np.array([statistics(y) for y in precise(self.y)])
        mean = self.pi @ values
        fisher = (
            (values - mean).T
            @ (self.pi[:, None] * (values - mean))
            / (1 - self.ddof * np.sum(self.pi**2))
        )
        delta = rho @ target / np.sum(rho) - mean
        sizes = self.pi @ np.abs(values) + rho @ np.abs(target)
        return Exact(
            differences(self.moments, precise(self.w)).T,
            fisher,
            delta,
            precise(self.ridge),
            precise(self.jitter),
            sizes,
        )


@dataclass(frozen=True, eq=False)
class Exact:
    """B (b, p), F̂, Δ and the answers to (N2) and (N3), with the effect of rounding."""

    b: Array
    fisher: Array
    delta: Array
    ridge: Any
    jitter: Any
    sizes: Array

    @cached_property
    def metric(self) -> Array:
        """M = λF̂ + εI."""
        return self.ridge * self.fisher + self.jitter * np.array(axes(len(self.delta)))

    @cached_property
    def minimiser(self) -> Array:
        """Where the gradient of (N2) vanishes: (BᵀM⁻¹B + I) u = BᵀM⁻¹Δ, a p×p system."""
        whitened = np.array([solve(self.metric, column) for column in self.b.T]).T
        return solve(
            self.b.T @ whitened + np.array(axes(self.b.shape[1])),
            self.b.T @ solve(self.metric, self.delta),
        )

    @cached_property
    def coefficients(self) -> Array:
        """C of (N3)."""
        return solve(self.b @ self.b.T + self.metric, self.delta)

    @cached_property
    def condition(self) -> float:
        """Condition number of BBᵀ + M."""
        return float(np.linalg.cond((self.b @ self.b.T + self.metric).astype(float)))

    @cached_property
    def tolerance(self) -> float:
        """Means err by eps of their size, which the inverse system passes on.

        The solve adds eps times its condition number.
        """
        b, system = self.b.astype(float), (self.b @ self.b.T + self.metric).astype(float)
        inverse = 1 / np.linalg.svd(system, compute_uv=False)[-1]
        c = float(np.linalg.norm(self.coefficients.astype(float)))
        return float(
            20
            * EPS
            * np.linalg.norm(b, 2)
            * (np.linalg.norm(self.sizes.astype(float)) * inverse + self.condition * c)
        )


@cache
def setting(kind: str, variant: str = "plain") -> Setting:
    """Five latent points and four target points in the plane, three statistics."""
    rng = np.random.default_rng(41)
    size = {"affine": 6, "perceptron": 17}[kind]
    z, y = rng.normal(size=(5, 2)), rng.normal(size=(4, 2)) + np.array([1.0, -0.5])
    plain = Setting(
        kind,
        rng.normal(size=size),
        z,
        y,
        rng.normal(size=(3, 2)),
        rng.dirichlet(np.ones(5)),
        rng.dirichlet(np.ones(4)),
    )
    match variant:
        case "unbiased covariance":
            return replace(plain, ddof=1, ridge=2.0)
        case "ill-conditioned":
            return replace(
                plain,
                centers=plain.centers[0] + 1e-3 * rng.normal(size=(3, 2)),
                ridge=1e-9,
                jitter=1e-9,
            )
        case "unregularised":
            return replace(plain, ridge=0.0, jitter=0.0)
    return plain


SETTINGS = [
    (kind, variant)
    for kind in ("affine", "perceptron")
    for variant in ("plain", "unbiased covariance", "ill-conditioned")
]


def off(found: Array, expected: Array) -> float:
    """2-norm of the difference, formed at eighty digits."""
    return float(np.linalg.norm((precise(found) - expected).astype(float)))


@case(
    "N2",
    "N3",
    "N1",
    oracle="zero of the gradient of the objective over parameters, by elimination at eighty digits",
)
def parameter_velocity(arrays: Arrays) -> Iterator[Measured]:
    """U against the p×p system that (N2) leads to, with B from differences of the moments.

    c, Δ, F̂ and Bu with it.
    """
    for kind, variant in SETTINGS:
        chosen = setting(kind, variant)
        exact, name = chosen.exact, f"{kind}, {variant}"
        for solver in ("normal", "eigh"):
            found = chosen.velocity(arrays, solver)
            u = arrays.host(found.velocity)
            yield Measured(
                f"{name}, {solver}: u", off(u, exact.minimiser), exact.tolerance, PERTURBATION
            )
            # B itself rounds by some twenty eps of its size, and passes on the error of u.
            norm = float(np.linalg.norm(exact.b.astype(float), 2))
            allowed = norm * (exact.tolerance + 20 * EPS * float(np.linalg.norm(u)))
            yield Measured(
                f"{name}, {solver}: Bu",
                off(arrays.host(found.moment_rate), exact.b @ exact.minimiser),
                allowed,
                PERTURBATION,
            )
        yield within(
            f"{name}: Δ",
            arrays.host(found.delta),
            exact.delta,
            20 * EPS * exact.sizes.astype(float),
            "means of nine roundings",
        )
        yield compared(
            f"{name}: F̂",
            arrays.host(found.fisher),
            exact.fisher,
            20 * EPS,
            "sums of five products of differences",
            scale=1.0,
        )


@case("N3′", "N3", oracle="elimination at eighty digits")
def stacked_parameter_velocity(arrays: Arrays) -> Iterator[Measured]:
    """The stacked solvers err by the condition number of the factor [B, √λ Φ, √ε I].

    It is the root of that of the normal equations.
    """
    for kind, variant in [*SETTINGS, ("affine", "unregularised"), ("perceptron", "unregularised")]:
        chosen = setting(kind, variant)
        exact = chosen.exact
        u = exact.b.T @ exact.coefficients
        for solver in ("stacked", "svd"):
            found = arrays.host(chosen.velocity(arrays, solver).velocity)
            # The shortest solution z of A z = Δ has the length sqrt(cᵀΔ); a change of A or Δ by eps
            # of itself moves it by cond(A) eps.
            root = np.sqrt(exact.condition)
            length = float(np.sqrt(float(exact.coefficients @ exact.delta)))
            smallest = (
                float(
                    np.sqrt(
                        np.linalg.eigvalsh((exact.b @ exact.b.T + exact.metric).astype(float))[-1]
                    )
                )
                / root
            )
            allowed = (
                20
                * EPS
                * (root * length + float(np.linalg.norm(exact.sizes.astype(float))) / smallest)
            )
            yield Measured(
                f"{kind}, {variant}, {solver}: u",
                off(found, u),
                allowed,
                "20 eps times the condition number of the factor",
            )


@case("N3′", oracle="elimination at eighty digits")
def stacked_system_beyond_the_normal_equations(arrays: Arrays) -> Iterator[Measured]:
    """Two statistics x₁ and x₁ + x₂/2²⁵.

    The condition number of BBᵀ is beyond 1e14, and the stacked solver keeps seven digits.
    """
    tilt = 2.0**-25
    slopes = arrays(np.array([[1.0, 1.0], [0.0, tilt]]))
    features = ir.features.UserFeatures(
        lambda x: x @ slopes, lambda x: slopes[None, :, :] + 0 * x[:, :, None]
    )
    w, z, y = (
        np.array([0.0, 0.0, 1.0, 0.0, 0.0, 1.0]),
        np.array([[1.0, 0.5], [-1.0, 0.25]]),
        np.array([[2.0, 3.0]]),
    )

    def moments(w: Array) -> Array:
        x = np.mean([w[:2] + w[2:].reshape(2, 2) @ point for point in precise(z)], axis=0)
        return np.array([x[0], x[0] + precise(tilt) * x[1]])

    b = differences(moments, precise(w)).T
    delta = np.array([precise(2.0), precise(2.0) + precise(tilt) * 3]) - moments(precise(w))
    gram = b @ b.T
    expected = b.T @ solve(gram, delta)
    root = float(
        MP.sqrt((gram[0, 0] + gram[1, 1]) ** 2 / (gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2))
    )
    yield Measured(
        "1e14 in units of the condition number of BBᵀ",
        1e14 / root**2,
        1.0,
        "what the case is about",
    )
    options: dict[str, Any] = {
        "generator": ir.generators.Affine(2),
        "features": features,
        "ridge": 0.0,
        "jitter": 0.0,
    }
    for solver in ("stacked", "svd"):
        found = ir.flows.ingd_velocity(arrays(w), arrays(z), arrays(y), solver=solver, **options)
        scale = float(np.linalg.norm(expected.astype(float)))
        error = off(arrays.host(found.velocity), expected) / scale
        yield Measured(
            solver, error, 20 * EPS * root, "20 eps times the condition number of the factor, 1e8"
        )


@case("N3", "N3′", oracle="elimination at eighty digits", backends=SPARSE)
def matrix_free_parameter_velocity(arrays: Arrays) -> Iterator[Measured]:
    """Products with B and Bᵀ alone, by LSMR and by conjugate gradients."""
    for kind in ("affine", "perceptron"):
        chosen = setting(kind)
        exact = chosen.exact
        u = exact.b.T @ exact.coefficients
        free = arrays.host(chosen.velocity(arrays, "matrix-free").velocity)
        yield Measured(
            f"{kind}: LSMR", off(free, u), 20 * exact.tolerance, "its stopping rule at eps"
        )
        gradients = arrays.host(chosen.velocity(arrays, "cg").velocity)
        allowed = exact.tolerance + 1e-12 * exact.condition * float(np.linalg.norm(u.astype(float)))
        yield Measured(
            f"{kind}: conjugate gradients",
            off(gradients, u),
            allowed,
            "the requested residual, 1e-12, times the condition number",
        )


@case("N1", "N4", oracle="Taylor's theorem")
def particles_follow_parameters(arrays: Arrays) -> Iterator[Measured]:
    """A step ηu of the parameters moves the particles by ηJu up to second order in η."""
    for kind in ("affine", "perceptron"):
        chosen = setting(kind)
        found = chosen.velocity(arrays, "normal")
        u, v = precise(arrays.host(found.velocity)), precise(arrays.host(found.particle_velocity))
        w, speed = precise(chosen.w), float(np.linalg.norm(arrays.host(found.particle_velocity)))
        x = chosen.sample(w)
        gaps = [
            np.linalg.norm((chosen.sample(w + h * u) - x - h * v).astype(float))
            for h in (precise(1e-4), precise(1e-4) / 2)
        ]
        if kind == "affine":  # x is linear in w: nothing but the rounding of v is left
            yield Measured(
                "affine: remainder",
                float(gaps[0]),
                20 * EPS * 1e-4 * max(1.0, speed),
                "rounding of v",
            )
        else:
            yield Measured(
                "perceptron: order",
                abs(float(np.log2(gaps[0] / gaps[1])) - 2),
                0.05,
                "the next term, smaller by 1e-4",
            )


# --------------------------------------------------------------------------------------------------


POLYNOMIALS: dict[str, Callable[[float], float]] = {
    "euler": lambda h: 1 - h,
    "heun": lambda h: 1 - h + h**2 / 2,
    "rk4": lambda h: 1 - h + h**2 / 2 - h**3 / 6 + h**4 / 24,
}


@case("N4", oracle="powers of the stability polynomials of the integrators")
def parameter_steps(arrays: Arrays) -> Iterator[Measured]:
    """Where f(x) = x and the latent points have mean zero, u = Δ in the location.

    Each step multiplies Δ by a polynomial in η.
    """
    z, y, eta = np.array([[-1.5], [0.5], [1.0]]), np.array([[2.0], [4.0]]), 0.3
    options: dict[str, Any] = {
        "features": ir.features.Monomials(1),
        "latents": arrays(z),
        "ridge": 0.0,
        "jitter": 0.0,
        "progress": False,
    }
    for integrator, polynomial in POLYNOMIALS.items():
        run = ir.run_ingd(
            ir.generators.LocationScale(1),
            arrays([1.0, 0.7]),
            arrays(y),
            steps=8,
            step_size=eta,
            integrator=integrator,
            **options,
        )
        path = arrays.host(run.parameter_trajectory)
        expected = np.stack([3.0 - 2.0 * polynomial(eta) ** np.arange(9), np.full(9, 0.7)], axis=1)
        yield compared(
            f"{integrator}: location and scale",
            path,
            expected,
            200 * EPS,
            "eight steps of a few dozen roundings",
        )


@dataclass(frozen=True)
class Path:
    """A generator with statistics of its family, whose parameters move along (E10) exactly."""

    name: str
    generator: Any
    family: Any
    latents: Array
    weights: Array
    start: tuple[float, ...]
    target: tuple[float, ...]
    exact: Callable[[Any], Any]
    steps: tuple[int, int]


def gaussian_path() -> Path:
    """N(0, 1) → N(1, 1.5²): mean and second moment move straight."""
    nodes, weights = gaussian_nodes(0.0, 1.0, 12)

    def exact(t: float) -> Array:
        left = np.exp(-t)
        mean, square = (1 - left) * 1.0, (1 - left) * (1 + 1.5**2) + left
        return np.array([mean, np.sqrt(square - mean**2)])

    return Path(
        "Gaussian",
        ir.generators.LocationScale(1),
        ir.families.Gaussian(),
        nodes,
        weights,
        (0.0, 1.0),
        (1.0, 1.5),
        exact,
        (80, 160),
    )


def gamma_path() -> Path:
    """Gamma(4, 2) → Gamma(12, 5): E log x and E x move straight, and shape and rate solve for them.

    The latent points are those of the trapezoidal rule in log(u/(1 − u)), which converges
    geometrically; cutting it at ±27 costs 5e-11.
    """
    logits = np.arange(-54, 55) / 2
    u = 1 / (1 + np.exp(-logits))
    start, target = (4.0, 2.0), (12.0, 5.0)
    moments = [np.array([float(MP.digamma(a) - MP.log(b)), a / b]) for a, b in (start, target)]

    def exact(t: float) -> Array:
        log_mean, mean = moments[1] + np.exp(-t) * (moments[0] - moments[1])
        shape = MP.findroot(lambda a: MP.log(a) - MP.digamma(a) - (MP.log(mean) - log_mean), 7)
        return np.array([float(shape), float(shape / mean)])

    weights = u * (1 - u)
    family = ir.families.Gamma()
    generator = ir.generators.QuantileGenerator(family)
    return Path(
        "Gamma",
        generator,
        family,
        u[:, None],
        weights / np.sum(weights),
        start,
        target,
        exact,
        (8, 16),
    )


def path_error(arrays: Arrays, path: Path, integrator: str, steps: int) -> float:
    """Largest relative error of the parameters during a unit of flow time."""
    weights = arrays(path.weights)
    run = ir.run_ingd(
        path.generator,
        arrays(np.array(path.start)),
        path.generator(arrays(np.array(path.target)), arrays(path.latents)),
        features=ir.features.FamilyStatistics(path.family),
        latents=arrays(path.latents),
        weights=weights,
        target_weights=weights,
        ridge=0.0,
        jitter=0.0,
        steps=steps,
        step_size=1.0 / steps,
        integrator=integrator,
        keep_every=max(1, steps // 4),
        progress=False,
    )
    expected = np.array([path.exact(t) for t in run.times])
    return float(
        np.max(
            np.abs(arrays.host(run.parameter_trajectory) - expected)
            / np.max(np.abs(expected), axis=0)
        )
    )


def order_and_error(arrays: Arrays, path: Path) -> Iterator[Measured]:
    """Order of RK4, and eight digits at the finer step."""
    errors = [path_error(arrays, path, "rk4", steps) for steps in path.steps]
    found = float(np.log2(errors[0] / errors[1]))
    yield Measured(
        "order of rk4", abs(found - 4), 0.2, "the next term of the error, smaller by the step"
    )
    yield Measured(
        "rk4 at the finer step",
        errors[1],
        1e-8,
        "h⁴/120 per unit of time, times the curvature of the path",
    )


@case(
    "E10",
    "N4",
    "N3",
    oracle="location and scale along the straight line, in closed form",
    quick=False,
)
def location_and_scale_at_the_order_of_the_integrator(arrays: Arrays) -> Iterator[Measured]:
    """N(0, 1) → N(1, 1.5²)."""
    yield from order_and_error(arrays, gaussian_path())


@case(
    "E10",
    "N4",
    "N3",
    oracle="shape and rate along the straight line, by Newton's method at eighty digits",
    quick=False,
    backends=SPARSE,
)
def shape_and_rate_at_the_order_of_the_integrator(arrays: Arrays) -> Iterator[Measured]:
    """Gamma(4, 2) → Gamma(12, 5).

    Hundreds of short arrays of quantiles, which the checked stand-ins take minutes for.
    """
    yield from order_and_error(arrays, gamma_path())


@case("E10", "N4", oracle="location and scale along the straight line, in closed form")
def location_and_scale_follow_the_exact_path(arrays: Arrays) -> Iterator[Measured]:
    """The same with few steps."""
    path = gaussian_path()
    # On ẏ = −y the method errs by e^{−1} h⁴/120 = 1e-8; the square root of a difference of moments
    # adds a few dozen times as much.
    yield Measured(
        "rk4 at h = 1/24",
        path_error(arrays, path, "rk4", 24),
        1e-6,
        "a hundred times its error on ẏ = −y",
    )
