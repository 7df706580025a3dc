"""The KiNG velocity (K1)-(K3), its steps (K9), exact paths (K10) and symmetries (K11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.kernels import BANDWIDTH, layers, tangent
from validation.oracles import particles as oracle
from validation.oracles.golden import CASES, Golden
from validation.oracles.precise import MP, Array, axes, precise, solve
from validation.oracles.quadrature import gamma_nodes, gaussian_nodes
from validation.registry import EPS, Measured, case, compared

PERTURBATION = "20 eps times the norms of V, of the inverse system and of what cancels in Δ"
GOLDEN = "1e-10 of the largest entry: the published code solves systems of condition 1e5 in float64"
CONFIRMED = "1e-13 of the largest entry: a few hundred roundings in either program"

FEATURE_WIDTH = 1.2


@dataclass(frozen=True, eq=False)
class Setting:
    """A problem in float64, the source of the arguments of both package and oracle."""

    x: Array
    y: Array
    centers: Array
    kind: str = "gradient"
    ridge: float = 1e-2
    jitter: float = 1e-3
    ddof: int = 0
    weights: Array | None = None
    target_weights: Array | None = None
    mask: Array | None = None
    net: tuple[tuple[Array, Array], ...] = ()

    def velocity(self, arrays: Arrays, implementation: str = "auto", **options: Any) -> Any:
        """Return the velocity of the package."""

        def given(host: Array | None) -> Any:
            return None if host is None else arrays(host)

        arguments: dict[str, Any] = {
            "features": ir.features.GaussianRBF(arrays(self.centers), FEATURE_WIDTH),
            "kernel": self.kernel(arrays),
            "ridge": self.ridge,
            "jitter": self.jitter,
            "ddof": self.ddof,
            "weights": given(self.weights),
            "target_weights": given(self.target_weights),
            "mask": given(self.mask),
            "implementation": implementation,
        }
        return ir.flows.king_velocity(arrays(self.x), arrays(self.y), **(arguments | options))

    def kernel(self, arrays: Arrays) -> Any:
        """The package's matrix kernel."""
        if self.kind.startswith("tangent"):
            return tangent(arrays, list(self.net), "tanh", self.kind.removeprefix("tangent-"))
        if self.kind == "gradient":
            return ir.rkhs.GradientGaussian(BANDWIDTH)
        return ir.rkhs.ScalarGaussian(BANDWIDTH, self.kind == "coordinatewise")

    def problem(self) -> oracle.Problem:
        """The oracle's problem."""
        if self.kind.startswith("tangent"):
            kernel = oracle.tangent_kernel(self.net, "tanh", self.kind.removeprefix("tangent-"))
        else:
            kernel = (oracle.gradient_kernel if self.kind == "gradient" else oracle.scalar_kernel)(
                BANDWIDTH
            )
        return oracle.Problem(
            self.x,
            self.y,
            oracle.rbf(self.centers, FEATURE_WIDTH),
            kernel,
            self.ridge,
            self.jitter,
            self.ddof,
            self.weights,
            self.target_weights,
            self.mask,
        )


@cache
def setting(kind: str = "gradient", variant: str = "plain") -> Setting:
    """A small problem with five particles and four target points in the plane."""
    rng = np.random.default_rng(21)
    x, y = rng.normal(size=(5, 2)), rng.normal(size=(4, 2)) + np.array([1.0, -0.5])
    net = tuple(layers((2, 4, 2), rng))
    plain = Setting(x, y, np.concatenate([x, y])[[0, 3, 7]] + 0.2, kind, net=net)
    match variant:
        case "weighted":
            return replace(
                plain,
                weights=rng.dirichlet(np.ones(5)),
                target_weights=rng.dirichlet(np.ones(4)),
                ridge=0.5,
            )
        case "unbiased covariance":
            return replace(plain, ddof=1, ridge=0.5)
        case "masked":
            return replace(plain, mask=np.array([True, False]))
        case "ill-conditioned":
            return replace(plain, ridge=1e-9, jitter=1e-9)
    return plain


VARIANTS = ("plain", "weighted", "unbiased covariance", "masked", "ill-conditioned")


@cache
def solution(kind: str, variant: str) -> oracle.Solution:
    """The oracle's answer, computed once for all backends."""
    return setting(kind, variant).problem().solve()


def off(found: Array, expected: Array) -> float:
    """2-norm of the difference, formed at eighty digits."""
    return float(np.linalg.norm((np.asarray(found).astype(object) - expected).astype(float)))


# --------------------------------------------------------------------------------------------------


@case("K2", "K3", oracle="naive double sums and elimination at eighty digits")
def velocity_and_coefficients(arrays: Arrays) -> Iterator[Measured]:
    """Velocity and coefficients for kernels, weights, ddof, masks, an ill-conditioned system."""
    for kind in ("gradient", "scalar", "tangent-full", "tangent-diagonal"):
        for variant in VARIANTS if kind == "gradient" else VARIANTS[:2]:
            expected, found = solution(kind, variant), setting(kind, variant).velocity(arrays)
            yield Measured(
                f"v, {kind}, {variant}",
                off(arrays.host(found.velocity), expected.velocity),
                expected.tolerance,
                PERTURBATION,
            )
            error = off(arrays.host(found.coefficients), expected.coefficients)
            yield Measured(
                f"c, {kind}, {variant}", error, expected.coefficient_tolerance, PERTURBATION
            )


@case("K3", "E9", oracle="naive double sums at eighty digits")
def ingredients(arrays: Arrays) -> Iterator[Measured]:
    """Δ, F̂ and G, and the rate G c at which the moments move."""
    for variant in VARIANTS[:4]:
        expected, found = (
            solution("gradient", variant),
            setting("gradient", variant).velocity(arrays),
        )
        reason = "n additions and some twenty roundings in a term, relative to terms of order one"
        yield compared(
            f"Δ, {variant}", arrays.host(found.delta), expected.delta, 25 * EPS, reason, scale=1.0
        )
        yield compared(
            f"F̂, {variant}", arrays.host(found.fisher), expected.fisher, 30 * EPS, reason, scale=1.0
        )
        yield compared(
            f"G, {variant}",
            arrays.host(found.gram),
            expected.gram,
            60 * EPS,
            reason,
            scale=1.0 / BANDWIDTH**2,
        )
        # d/dt E f = G c is bounded by what c is off, times G, whose norm is below that of V times
        # one gradient of f.
        allowed = expected.coefficient_tolerance * float(
            np.linalg.norm(expected.gram.astype(float), 2)
        )
        yield Measured(
            f"G c, {variant}",
            off(arrays.host(found.moment_rate), expected.moment_rate),
            allowed,
            PERTURBATION,
        )


@case("K2", "K9", oracle="naive sum over particles at eighty digits")
def field_at_held_out_points(arrays: Arrays) -> Iterator[Measured]:
    """The field anywhere, and its agreement with the velocity at the particles."""
    rng = np.random.default_rng(22)
    points = rng.normal(size=(3, 2))
    for kind in ("gradient", "scalar", "tangent-full"):
        wanted, found = solution(kind, "weighted"), setting(kind, "weighted").velocity(arrays)
        design = setting(kind, "weighted").problem().contraction(points)
        allowed = wanted.coefficient_tolerance * float(
            np.linalg.norm(design.astype(float).reshape(-1, design.shape[2]), 2)
        )
        yield Measured(
            f"{kind}, held out",
            off(arrays.host(found.field(arrays(points))), design @ wanted.coefficients),
            allowed,
            PERTURBATION,
        )
        at_particles = arrays.host(found.field(arrays(setting(kind, "weighted").x)))
        yield Measured(
            f"{kind}, at particles",
            off(at_particles, wanted.velocity),
            wanted.tolerance,
            PERTURBATION,
        )


@case("K1", oracle="primal least squares over network parameters, by elimination at eighty digits")
def minimiser_in_parameter_space(arrays: Arrays) -> Iterator[Measured]:
    """For K = J Jᵀ the velocity must be J u for the u of (N2), computed without a kernel."""
    chosen = setting("tangent-full", "weighted")
    problem = chosen.problem()
    jacobian = oracle.parameter_jacobian(chosen.net, "tanh")
    at_particles = np.array([jacobian(p) for p in precise(chosen.x)])
    rate = sum(
        w * df.T @ j for w, df, j in zip(problem.pi, problem.jacobians, at_particles, strict=True)
    )
    metric = precise(chosen.ridge) * problem.fisher() + precise(chosen.jitter) * np.array(
        axes(rate.shape[0])
    )
    # Normal equations of ‖M^{-1/2}(Bu − Δ)‖² + ‖u‖² in u: (BᵀM⁻¹B + I) u = BᵀM⁻¹Δ.
    weighted = np.array([solve(metric, column) for column in rate.T])
    u = solve(weighted @ rate + np.array(axes(rate.shape[1])), weighted @ problem.delta())
    found = arrays.host(chosen.velocity(arrays).velocity)
    yield Measured(
        "v",
        off(found, at_particles @ u),
        solution("tangent-full", "weighted").tolerance,
        PERTURBATION,
    )


@case("K1", oracle="value of the functional at eighty digits, around the solution")
def functional_is_least(arrays: Arrays) -> Iterator[Measured]:
    """No change of the coefficients lowers the functional; its gradient is zero to rounding."""
    problem, exact = setting("gradient", "weighted").problem(), solution("gradient", "weighted")
    metric = (
        exact.gram * 0
        + precise(problem.ridge) * exact.fisher
        + precise(problem.jitter) * np.array(axes(3))
    )
    c = precise(arrays.host(setting("gradient", "weighted").velocity(arrays).coefficients))

    def functional(k: Array) -> Any:
        residual = exact.gram @ k - exact.delta
        return residual @ solve(metric, residual) + k @ exact.gram @ k

    at_solution = functional(c)
    rng = np.random.default_rng(23)
    for trial in range(3):
        direction = precise(rng.normal(size=3))
        size = precise(1e-3) * MP.sqrt(np.sum(c * c))
        rise = (functional(c + size * direction) - at_solution) / at_solution
        # The functional is quadratic: it rises by size² times a curvature of order one, and a
        # misplaced minimum would show to first order.
        yield Measured(
            f"rise in direction {trial}",
            max(0.0, -float(rise)),
            0.0,
            "the minimum of a strictly convex function",
        )
    h = precise(1e-12)
    gradient = [float((functional(c + h * e) - functional(c - h * e)) / (2 * h)) for e in axes(3)]
    hessian = 2 * (exact.gram @ np.array([solve(metric, g) for g in exact.gram]) + exact.gram)
    curvature = float(np.linalg.norm(hessian.astype(float), 2))
    allowed = curvature * exact.coefficient_tolerance
    yield Measured(
        "gradient of the functional",
        float(np.linalg.norm(gradient)),
        allowed,
        "its curvature times the error allowed in c",
    )


@case("K6", oracle="one masked problem for each coordinate at eighty digits")
def coordinatewise_velocity(arrays: Arrays) -> Iterator[Measured]:
    """Each coordinate alone has to achieve all of Δ."""
    for variant in ("plain", "weighted"):
        found = arrays.host(setting("coordinatewise", variant).velocity(arrays).velocity)
        problem = setting("scalar", variant).problem()
        parts = [replace(problem, mask=axis).solve() for axis in np.eye(2, dtype=bool)]
        yield Measured(
            variant,
            off(found, sum(part.velocity for part in parts)),
            sum(part.tolerance for part in parts),
            PERTURBATION,
        )


@case("K2", "K3", "K5", "K6", "K7", oracle="arrays of the published code")
def published_velocities(arrays: Arrays) -> Iterator[Measured]:
    """All four inputs of the published code, its three kernels, and its moments."""
    for name in CASES:
        golden = Golden(name)
        centers, width = arrays(golden["centers"]), float(golden["feature_bandwidth"])
        features = (
            ir.features.Polynomial(centers)
            if name == "poly2d"
            else ir.features.GaussianRBF(centers, width)
        )
        sigma = float(golden["kernel_bandwidth"])
        kernels = {
            "v_king_gradient_kernel": ir.rkhs.GradientGaussian(sigma),
            "v_king_scalar_kernel": ir.rkhs.ScalarGaussian(sigma, coordinatewise=True),
            "v_ntking_diagonal": tangent(arrays, golden.layers, "tanh", "diagonal"),
        }
        x, y = arrays(golden["particles"]), arrays(golden["target"])
        for key, kernel in kernels.items():
            found = ir.flows.king_velocity(
                x, y, features=features, kernel=kernel, **ir.flows.PUBLISHED
            )
            yield compared(
                f"{name}, {key}", arrays.host(found.velocity), golden[key], 1e-10, GOLDEN
            )
        yield compared(f"{name}, Δ", arrays.host(found.delta), golden["delta"], 1e-13, CONFIRMED)
        yield compared(
            f"{name}, F̂", arrays.host(found.fisher), golden["fisher_nminus1"], 1e-13, CONFIRMED
        )


@case("K3", oracle="eighty digits, judged at the precision of float32")
def single_precision(arrays: Arrays) -> Iterator[Measured]:
    """Float32 in, float32 out, and no worse than its rounding allows."""
    chosen = _rounded(setting("gradient", "weighted"))
    found = ir.flows.king_velocity(
        arrays(chosen.x, "float32"),
        arrays(chosen.y, "float32"),
        features=ir.features.GaussianRBF(arrays(chosen.centers, "float32"), FEATURE_WIDTH),
        kernel=chosen.kernel(arrays),
        ridge=chosen.ridge,
        jitter=chosen.jitter,
        weights=arrays(chosen.weights, "float32"),
        target_weights=arrays(chosen.target_weights, "float32"),
    )
    velocity, expected = arrays.host(found.velocity), chosen.problem().solve()
    yield Measured(
        "dtype",
        float(velocity.dtype != np.float32),
        0.0,
        "the result has the type of the particles",
    )
    ratio = float(np.finfo(np.float32).eps) / EPS
    reason = "the bound of float64, times the ratio of the epsilons"
    yield Measured("v", off(velocity, expected.velocity), expected.tolerance * ratio, reason)


def _rounded(chosen: Setting) -> Setting:
    """The same setting in numbers that float32 can hold."""
    names = ("x", "y", "centers", "weights", "target_weights")
    changes: dict[str, Any] = {
        name: np.asarray(getattr(chosen, name), dtype=np.float32).astype(float) for name in names
    }
    return replace(chosen, **changes)


# --------------------------------------------------------------------------------------------------


class Frozen(ir.flows.Flow):
    """A flow whose velocity is a given function of the positions."""

    def __init__(self, velocity: Callable[[Any], Any]) -> None:
        self.velocity = velocity

    def prepare(
        self,
        particles: Any,
        target: Any,
        rng: Any,
        weights: Any = None,
        target_weights: Any = None,
        mask: Any = None,
    ) -> Any:
        """There is nothing to settle."""
        return self.velocity


@case("K9", oracle="x + ηv with v from naive sums at eighty digits")
def explicit_step(arrays: Arrays) -> Iterator[Measured]:
    """One Euler step of the flow; with a mask the other coordinates keep their bits."""
    for variant in ("plain", "masked"):
        chosen, expected = setting("gradient", variant), solution("gradient", variant)
        features = ir.features.GaussianRBF(arrays(chosen.centers), FEATURE_WIDTH)
        flow = ir.flows.KiNG(
            features, chosen.kernel(arrays), ridge=chosen.ridge, jitter=chosen.jitter
        )
        mask = None if chosen.mask is None else arrays(chosen.mask)
        result = ir.run_flow(
            flow,
            arrays(chosen.x),
            arrays(chosen.y),
            steps=1,
            step_size=0.5,
            mask=mask,
            progress=False,
        )
        moved = arrays.host(result.particles)
        allowed = 0.5 * expected.tolerance + EPS * float(np.linalg.norm(chosen.x))
        yield Measured(
            f"particles, {variant}",
            off(moved, precise(chosen.x) + expected.velocity / 2),
            allowed,
            PERTURBATION,
        )
        if chosen.mask is not None:
            stays = ~chosen.mask
            yield Measured(
                "masked coordinates",
                np.max(np.abs(moved[:, stays] - chosen.x[:, stays])),
                0.0,
                "they are not touched",
            )


@case("K9", oracle="matrix exponential of a rotation")
def orders_of_the_integrators(arrays: Arrays) -> Iterator[Measured]:
    """Halving the step divides the error of a method of order p by 2^p, on v(x) = (x₂, −x₁)."""
    start = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
    exact = start @ np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])
    turn = arrays(np.array([[0.0, -1.0], [1.0, 0.0]]))
    flow = Frozen(lambda x: x @ turn)
    for integrator, order in {"euler": 1, "heun": 2, "rk4": 4}.items():
        errors = []
        for steps in (32, 64):
            options: dict[str, Any] = {
                "integrator": integrator,
                "steps": steps,
                "step_size": 1.0 / steps,
                "progress": False,
            }
            end = arrays.host(ir.run_flow(flow, arrays(start), arrays(start), **options).particles)
            errors.append(np.max(np.abs(end - exact)))
        # The next term of the error is smaller by a factor of the step times a constant of order
        # one: 1/32 of the order's logarithm.
        found = float(np.log2(errors[0] / errors[1]))
        yield Measured(
            f"order of {integrator}",
            abs(found - order),
            0.05,
            "the next term of the error, about h = 1/32",
        )
    adaptive = ir.run_flow(
        flow,
        arrays(start),
        arrays(start),
        integrator="adaptive",
        steps=1,
        step_size=1.0,
        rtol=1e-9,
        atol=1e-9,
        progress=False,
    )
    end = arrays.host(adaptive.particles)
    # A rotation does not amplify errors; each sub-step may err by its tolerance, and there are
    # fewer than fifty.
    yield Measured(
        "adaptive",
        np.max(np.abs(end - exact)),
        50 * 3e-9,
        "fifty sub-steps, each within atol + rtol |x|",
    )


# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trajectory:
    """A family whose exact path is known, with quadrature particles at the start and the target."""

    family: str
    start: tuple[Array, Array]
    target: tuple[Array, Array]
    moments: Callable[[Array], Array]
    goal: Array
    bandwidth: float

    def features(self) -> Any:
        """Its statistics as features of the package."""
        return ir.features.FamilyStatistics(getattr(ir.families, self.family)())


def trajectories() -> list[Trajectory]:
    """N(0, 1) → N(1, 1.5²) and Gamma(4, 2) → Gamma(12, 5); the goals are closed forms.

    The Gamma target is one towards which every particle moves away from zero: a smooth velocity
    field would push the quadrature points next to zero out of the support if the target
    had more mass there, whatever the step.
    """
    log_mean = float(MP.digamma(12) - MP.log(5))
    return [
        Trajectory(
            "Gaussian",
            gaussian_nodes(0.0, 1.0, 12),
            gaussian_nodes(1.0, 1.5, 12),
            lambda x: np.concatenate([x, x * x], axis=1),
            np.array([1.0, 1.0 + 1.5**2]),
            1.0,
        ),
        Trajectory(
            "Gamma",
            gamma_nodes(4.0, 2.0),
            gamma_nodes(12.0, 5.0),
            lambda x: np.concatenate([np.log(x), x], axis=1),
            np.array([log_mean, 2.4]),
            2.0,
        ),
    ]


def king_flow(arrays: Arrays, path: Trajectory) -> Callable[[Any], Any]:
    """A velocity without regularisation: its moments must follow (E10)."""
    y, weights, target_weights = (
        arrays(path.target[0]),
        arrays(path.start[1]),
        arrays(path.target[1]),
    )
    features, kernel = path.features(), ir.rkhs.GradientGaussian(path.bandwidth)

    def velocity(x: Any) -> Any:
        return ir.flows.king_velocity(
            x,
            y,
            features=features,
            kernel=kernel,
            ridge=0.0,
            jitter=0.0,
            weights=weights,
            target_weights=target_weights,
        ).velocity

    return velocity


def trajectory_error(
    arrays: Arrays, velocity: Callable[[Any], Any], path: Trajectory, integrator: str, steps: int
) -> float:
    """Largest distance of the moments from (E10) at time one, relative to the initial distance."""
    x, weights = path.start
    options: dict[str, Any] = {
        "integrator": integrator,
        "steps": steps,
        "step_size": 1.0 / steps,
        "progress": False,
    }
    end = arrays.host(ir.run_flow(Frozen(velocity), arrays(x), arrays(x), **options).particles)
    start = weights @ path.moments(x)
    expected = path.goal + np.exp(-1.0) * (start - path.goal)
    return float(
        np.max(np.abs(weights @ path.moments(end) - expected)) / np.max(np.abs(start - path.goal))
    )


@case("K10", "E9", "E10", oracle="closed-form moments of quadrature particles")
def moment_rate_is_the_whole_difference(arrays: Arrays) -> Iterator[Measured]:
    """Without regularisation ∂_t E f = Δ, and Δ is the difference of the closed forms μ(θ)."""
    for path in trajectories():
        y, weights, target_weights = (
            arrays(path.target[0]),
            arrays(path.start[1]),
            arrays(path.target[1]),
        )
        found = ir.flows.king_velocity(
            arrays(path.start[0]),
            y,
            features=path.features(),
            kernel=ir.rkhs.GradientGaussian(path.bandwidth),
            ridge=0.0,
            jitter=0.0,
            weights=weights,
            target_weights=target_weights,
        )
        start = {
            "Gaussian": np.array([0.0, 1.0]),
            "Gamma": np.array([float(MP.digamma(4) - MP.log(2)), 2.0]),
        }[path.family]
        reason = "the rounding of n weights and n terms"
        size = float(np.max(np.abs(path.goal)) + np.max(np.abs(start)))
        count = len(path.start[0]) + len(path.target[0])
        yield compared(
            f"{path.family}: Δ",
            arrays.host(found.delta),
            path.goal - start,
            count * EPS,
            reason,
            scale=size,
        )
        # Gc is formed as G times the solved c: its residual is eps times the condition number at
        # worst.
        yield compared(
            f"{path.family}: rate",
            arrays.host(found.moment_rate),
            path.goal - start,
            (count + 20 * found.condition) * EPS,
            reason,
            scale=size,
        )


@case("K10", "E10", oracle="the straight line μ(t) = E_p f + e^{−t}(μ(0) − E_p f)", quick=False)
def moments_move_straight(arrays: Arrays) -> Iterator[Measured]:
    """The flow's moments approach the line at the order of the integrator."""
    for path in trajectories():
        velocity = king_flow(arrays, path)
        for integrator, order, steps in (("euler", 1, (40, 80)), ("rk4", 4, (16, 32))):
            errors = [trajectory_error(arrays, velocity, path, integrator, k) for k in steps]
            found = float(np.log2(errors[0] / errors[1]))
            # The next term of the error is smaller by a factor of a few h: log2(1 + 3h) = 0.13 at h
            # = 1/32.
            yield Measured(
                f"{path.family}: order of {integrator}",
                abs(found - order),
                0.2,
                "the next term of the error at h = 1/32",
            )
        # On ẏ = −y the method errs by e^{−1} h⁴/120 = 3e-9; curved statistics may add a few dozen
        # times as much.
        yield Measured(
            f"{path.family}: rk4 at h = 1/32", errors[1], 1e-7, "thirty times its error on ẏ = −y"
        )


@case("K10", oracle="the geometric sequence (1 − h)^k")
def linear_statistics_step_exactly(arrays: Arrays) -> Iterator[Measured]:
    """For f(x) = x an Euler step of length h shrinks Δ by exactly 1 − h."""
    rng = np.random.default_rng(24)
    x, y = rng.normal(size=(6, 2)), rng.normal(size=(5, 2)) + 1.0
    flow = ir.flows.KiNG(
        ir.features.Monomials(1), ir.rkhs.GradientGaussian(2.0), ridge=0.0, jitter=0.0
    )
    result = ir.run_flow(flow, arrays(x), arrays(y), steps=10, step_size=0.3, progress=False)
    goal, start = np.mean(y, axis=0), np.mean(x, axis=0)
    means = np.mean(arrays.host(result.trajectory), axis=1)
    expected = goal + 0.7 ** np.arange(11)[:, None] * (start - goal)
    # The 2×2 system has a condition number below ten, so each step rounds by some hundred eps and
    # the next one shrinks it.
    yield compared(
        "means after each step",
        means,
        expected,
        1000 * EPS,
        "a hundred roundings a step, ten steps",
    )


# --------------------------------------------------------------------------------------------------


def reference(arrays: Arrays, chosen: Setting) -> tuple[Array, float]:
    """Velocity of a setting, and twice the bound on its error: two evaluations are compared."""
    return arrays.host(chosen.velocity(arrays).velocity), 2 * chosen.problem().solve().tolerance


TWICE = "twice the perturbation bound of one velocity"


@case("K11", oracle="symmetry: the velocity turns, shifts and permutes with the particles")
def equivariances(arrays: Arrays) -> Iterator[Measured]:
    """Particles and target permuted, turned and shifted."""
    chosen = setting("gradient", "weighted")
    v, allowed = reference(arrays, chosen)
    turn = np.array(
        [[np.cos(0.7), np.sin(0.7)], [np.sin(0.7), -np.cos(0.7)]]
    )  # a rotation with a reflection
    assert chosen.weights is not None
    order, target_order = np.array([3, 0, 4, 2, 1]), np.array([2, 3, 1, 0])
    permuted = replace(chosen, x=chosen.x[order], weights=chosen.weights[order])
    yield Measured(
        "particles permuted",
        off(arrays.host(permuted.velocity(arrays).velocity), v[order]),
        allowed,
        TWICE,
    )
    assert chosen.target_weights is not None
    relabelled = replace(
        chosen, y=chosen.y[target_order], target_weights=chosen.target_weights[target_order]
    )
    yield Measured(
        "target permuted", off(arrays.host(relabelled.velocity(arrays).velocity), v), allowed, TWICE
    )
    turned = replace(chosen, x=chosen.x @ turn, y=chosen.y @ turn, centers=chosen.centers @ turn)
    yield Measured(
        "rotation and reflection",
        off(arrays.host(turned.velocity(arrays).velocity), v @ turn),
        allowed,
        TWICE,
    )
    shift = np.array([16.0, -8.0])
    shifted = replace(
        chosen, x=chosen.x + shift, y=chosen.y + shift, centers=chosen.centers + shift
    )
    # The shift itself rounds the points, by half an ulp of 16 where they had an ulp of one.
    yield Measured(
        "translation",
        off(arrays.host(shifted.velocity(arrays).velocity), v),
        16 * allowed,
        TWICE + ", times the shift's own rounding",
    )


@case("K11", oracle="symmetry: repetition, linearity, scale and change of statistics")
def invariances(arrays: Arrays) -> Iterator[Measured]:
    """Repetition, weights, equality with the target, mixtures, statistics of the same span."""
    plain = setting("gradient", "plain")
    v, allowed = reference(arrays, plain)
    twice = replace(plain, x=np.repeat(plain.x, 2, axis=0), y=np.repeat(plain.y, 3, axis=0))
    yield Measured(
        "points repeated",
        off(arrays.host(twice.velocity(arrays).velocity), np.repeat(v, 2, axis=0)),
        2 * allowed,
        TWICE,
    )
    weighted = replace(plain, x=plain.x[:4], weights=np.array([0.4, 0.2, 0.2, 0.2]))
    repeated = replace(plain, x=plain.x[[0, 0, 1, 2, 3]])
    once = arrays.host(weighted.velocity(arrays).velocity)
    _, bound = reference(arrays, weighted)
    yield Measured(
        "weights are repetitions",
        off(arrays.host(repeated.velocity(arrays).velocity)[1:], once),
        bound,
        TWICE,
    )
    own = replace(plain, y=plain.x)
    yield Measured(
        "v = 0 at the target",
        np.max(np.abs(arrays.host(own.velocity(arrays).velocity))),
        0.0,
        "Δ is a difference of equal numbers",
    )
    yield from _linear_in_delta(arrays, plain, allowed)
    yield from _change_of_statistics(arrays)


def _linear_in_delta(arrays: Arrays, plain: Setting, allowed: float) -> Iterator[Measured]:
    """A mixture of two targets has the mixture of their velocities."""
    halves = [replace(plain, y=plain.y[:2]), replace(plain, y=plain.y[2:])]
    mixed = 0.25 * arrays.host(halves[0].velocity(arrays).velocity) + 0.75 * arrays.host(
        halves[1].velocity(arrays).velocity
    )
    both = replace(plain, target_weights=np.array([0.125, 0.125, 0.375, 0.375]))
    yield Measured(
        "mixture of targets",
        off(arrays.host(both.velocity(arrays).velocity), mixed),
        2 * allowed,
        TWICE,
    )


def _change_of_statistics(arrays: Arrays) -> Iterator[Measured]:
    """With ε = 0 the velocity depends only on the span of the statistics and constants."""
    rng = np.random.default_rng(25)
    x, y = rng.normal(size=(8, 2)), rng.normal(size=(8, 2)) + 1.0
    matrix, constant = arrays(np.array([[2.0, 1.0], [0.5, -1.0]])), arrays(np.array([3.0, -2.0]))
    slopes = np.array([[2.0, 1.0], [0.5, -1.0]])
    changed = ir.features.UserFeatures(
        lambda z: z @ matrix + constant,
        lambda z: arrays(np.broadcast_to(slopes, (z.shape[0], 2, 2))),
    )
    options: dict[str, Any] = {"kernel": ir.rkhs.GradientGaussian(2.0), "ridge": 0.3, "jitter": 0.0}
    v = ir.flows.king_velocity(arrays(x), arrays(y), features=ir.features.Monomials(1), **options)
    w = ir.flows.king_velocity(arrays(x), arrays(y), features=changed, **options)
    # Two systems of condition below a hundred; statistics of order ten.
    yield compared(
        "other statistics of the same span",
        arrays.host(w.velocity),
        arrays.host(v.velocity),
        1e4 * EPS,
        "eps times conditions below 1e2, twice",
    )


@case("K11", oracle="first-order change of the moment energy, by differences along the field")
def moment_energy_descends(arrays: Arrays) -> Iterator[Measured]:
    """½ Δᵀ M⁻¹ Δ with M = G + λF̂ + εI frozen falls at the rate −Δᵀ M⁻¹ G c."""
    for kind in ("gradient", "scalar", "tangent-full"):
        exact = solution(kind, "weighted")
        chosen = setting(kind, "weighted")
        metric = (
            exact.gram
            + precise(chosen.ridge) * exact.fisher
            + precise(chosen.jitter) * np.array(axes(3))
        )
        v = precise(arrays.host(chosen.velocity(arrays).velocity))
        h = MP.mpf(10) ** -20  # off by h² = 1e-40, and by 1e-80/h = 1e-60 for rounding
        slope = (_moment_energy(chosen, metric, h * v) - _moment_energy(chosen, metric, -h * v)) / (
            2 * h
        )
        expected = -(exact.delta @ solve(metric, exact.moment_rate))
        yield Measured(
            f"{kind}: energy rises",
            max(0.0, float(slope)),
            0.0,
            "the rate is minus a positive quadratic form",
        )
        # The velocity's error, in units of the velocity, moves the slope by as much of itself, up
        # to the geometry of five particles.
        allowed = 10 * exact.tolerance / float(np.linalg.norm(exact.velocity.astype(float)))
        yield compared(
            f"{kind}: rate",
            float(slope),
            expected,
            allowed,
            "ten times the relative perturbation bound of the velocity",
        )


def _moment_energy(chosen: Setting, metric: Array, shift: Array) -> Any:
    """½ Δᵀ M⁻¹ Δ of the shifted particles."""
    problem, statistics = chosen.problem(), oracle.rbf(chosen.centers, FEATURE_WIDTH)
    delta = problem.rho @ problem.target_values - problem.pi @ np.array(
        [statistics(p) for p in precise(chosen.x) + shift]
    )
    return delta @ solve(metric, delta) / 2
