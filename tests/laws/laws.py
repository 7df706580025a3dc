"""Laws of particle velocities as callables: ``law.check(solve, problem)`` judges any implementation and raises :class:`LawViolation`.

``solve(problem)`` returns an object with the attributes of :class:`tests.oracles.Solution`; a law looks only at those that it is about.
Random choices, such as which rotation, come from the seed of the problem, so a law is a deterministic function of its arguments.

How large a rounding error may be
---------------------------------
With U the velocities of unit coefficients, v = U c, and M = G + λF̂ + εI, the solution c = M⁻¹Δ inherits a relative error eps from the two
means whose difference is Δ (which may cancel), and eps·cond(M) from the solve. So with C = 20

    |c − exact| ≤ C eps (‖M⁻¹‖ (E_q|f| + E_p|f|) + cond(M) |c|) =: C eps s,   |v − exact| ≤ C eps ‖U‖ s,   |Gc − exact| ≤ C eps ‖M‖ s.

Over 400 random problems the largest ratio seen was 1.5 before the factor C. Problems with eps·cond(M) > 1e-4 are skipped by raising
:class:`IllConditioned`; the tests count them and limit their share. Laws that move the points, by a shift or a rotation, round the points
themselves: a relative error eps of lengths r from the origin is one of eps·r/σ in the features, which multiplies the bound.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests import oracles
from tests.strategies import ONE_SYSTEM, RADIAL_FEATURES, RADIAL_KERNELS, REGULAR, Domain

Array = np.ndarray[Any, Any]
Problem = oracles.Problem
Solver = Callable[[Problem], Any]
C = 20
LARGEST_CONDITION = 1e-4


class LawViolation(AssertionError):
    """An implementation broke a law by more than rounding."""


class IllConditioned(Exception):
    """The problem amplifies rounding errors too much for a law to be judged; without ε, it may have no solution."""


@dataclass(frozen=True)
class Law:
    """A statement, the problems among which it holds, and its check; ``cost`` divides the number of problems that the tests draw."""

    name: str
    statement: str
    domain: Domain
    check: Callable[[Solver, Problem], None]
    cost: int = 1


LAWS: dict[str, Law] = {}


def law(domain: Domain, cost: int = 1) -> Callable[[Callable[[Solver, Problem], None]], Callable[[Solver, Problem], None]]:
    def register(check: Callable[[Solver, Problem], None]) -> Callable[[Solver, Problem], None]:
        assert check.__doc__ is not None
        LAWS[check.__name__] = Law(check.__name__, check.__doc__, domain, check, cost)
        return check

    return register


ANY = Domain()
SINGLE = replace(ANY, kernels=ONE_SYSTEM)
EQUAL_DIVISOR = replace(ANY, ddof=(0,))
RADIAL = Domain(features=RADIAL_FEATURES, kernels=RADIAL_KERNELS, masks=(False,))


# ------------------------------------------------------------------------------------------------------------------------------ rounding


@dataclass(frozen=True)
class Rounding:
    """Absolute errors, in the Euclidean norm, that rounding explains for one problem."""

    coefficients: float
    velocity: float
    moments: float
    matrix: float
    eps: float


@functools.lru_cache(maxsize=256)
def rounding(p: Problem) -> Rounding:
    """Apply the model of the module's docstring; the coordinate-wise variant adds up its systems."""
    parts = oracles.coordinate_problems(p) if p.kernel.coordinatewise else [p]
    bounds = [_rounding_of_one_system(part) for part in parts]
    return Rounding(*(sum(getattr(b, name) for b in bounds) for name in ("coefficients", "velocity", "moments", "matrix")), bounds[0].eps)


def _rounding_of_one_system(p: Problem) -> Rounding:
    eps = float(np.finfo(p.x.dtype).eps)
    matrix = np.asarray(oracles.gram(p) + oracles.regulariser(p), dtype=float)
    singular = np.linalg.svd(matrix, compute_uv=False)
    if not singular[-1] > 0 or eps * singular[0] / singular[-1] > LARGEST_CONDITION:
        raise IllConditioned
    unit = np.asarray(oracles.design(p, p.x), dtype=float).reshape(p.x.size, -1)
    means = sum(np.linalg.norm(np.asarray(mean_size(p.features, z, w), dtype=float)) for z, w in ((p.x, p.pi), (p.y, p.rho)))
    c = np.linalg.solve(matrix, np.asarray(oracles.delta(p), dtype=float))
    s = means / singular[-1] + singular[0] / singular[-1] * np.linalg.norm(c)
    matrix_error = singular[0] * np.linalg.norm(c) + means
    return Rounding(C * eps * s, C * eps * np.linalg.norm(unit, 2) * s, C * eps * (singular[0] * s + means), C * eps * matrix_error, eps)


def mean_size(features: oracles.Statistics, points: Array, weights: Array) -> Array:
    return np.sum([w * np.abs(features.value(z)) for w, z in zip(weights, oracles.real(points), strict=True)], axis=0)


def reach(p: Problem) -> float:
    """Largest distance from the origin in units of the shortest length of the problem, plus one."""
    largest = max(np.max(np.linalg.norm(np.asarray(z, dtype=float), axis=1)) for z in (p.x, p.y))
    lengths = [part.bandwidth for part in (p.features, p.kernel) if hasattr(part, "bandwidth")]
    return 1 + largest / min(lengths)


def compare(actual: Any, expected: Any, tolerance: float, what: str) -> None:
    """Raise unless ``actual`` is finite, has the shape of ``expected`` and lies within ``tolerance`` of it in the Euclidean norm."""
    actual, expected = oracles.real(actual), oracles.real(expected)
    if actual.shape != expected.shape:
        raise LawViolation(f"{what}: shape {actual.shape} instead of {expected.shape}")
    error = float(np.linalg.norm((actual - expected).astype(float)))
    if not error <= tolerance:
        raise LawViolation(f"{what}: differs by {error:.3g}, rounding explains {tolerance:.3g}; size {float(np.max(np.abs(expected))):.3g}")


def require(condition: Any, what: str) -> None:
    if not condition:
        raise LawViolation(what)


def random(p: Problem) -> np.random.Generator:
    return np.random.default_rng([p.seed, 1])


def fresh_points(p: Problem, number: int = 3) -> Array:
    """Points near, but not among, the particles."""
    rng = random(p)
    scale = np.maximum(np.std(p.x, axis=0), np.std(p.y, axis=0)) + 0.1
    return np.mean(p.x, axis=0) + scale * rng.normal(size=(number, p.dim))


def take(weights: Array | None, order: Array) -> Array | None:
    return None if weights is None else weights[order]


# ------------------------------------------------------------------------------------------------------- agreement with direct evaluation


@law(ANY)
def direct_evaluation(solve: Solver, p: Problem) -> None:
    """Velocity, held-out field and moments are those of the double sums (K2), (K3), evaluated term by term in extended precision."""
    bound, exact, actual = rounding(p), oracles.king(p), solve(p)
    compare(actual.velocity, exact.velocity, bound.velocity, "velocity")
    compare(actual.moment_rate, exact.moment_rate, bound.moments, "moment rate")
    at = fresh_points(p)
    unit = np.linalg.norm(np.asarray(oracles.design(p, at), dtype=float).ravel())
    compare(actual.field(at), exact.field(at), unit * bound.coefficients + bound.velocity, "field")


@law(SINGLE)
def direct_moments(solve: Solver, p: Problem) -> None:
    """Δ, F̂ and G are those of their defining sums."""
    bound, exact, actual = rounding(p), oracles.king(p), solve(p)
    sizes = [np.asarray(mean_size(p.features, z, w), dtype=float) for z, w in ((p.x, p.pi), (p.y, p.rho))]
    compare(actual.delta, exact.delta, C * bound.eps * sum(map(np.linalg.norm, sizes)), "delta")
    squares = float(sum(w * np.sum(p.features.value(x) ** 2) for w, x in zip(p.pi, oracles.real(p.x), strict=True)))
    divisor = float(1 - p.ddof * np.sum(p.pi**2))
    compare(actual.fisher, exact.fisher, C * bound.eps * squares / divisor, "Fisher matrix")
    pairs = [abs(p.pi[i] * p.pi[j]) * _size(p.jacobians[i]) * _size(p.kernels[i, j]) * _size(p.jacobians[j]) for i, j in p.kernels]
    # Entries of K that cancel, as 1/σ² − r²/σ⁴ may, are exact to eps times the terms that cancel, at most three times 1/σ².
    compare(actual.gram, exact.gram, 3 * C * bound.eps * float(sum(pairs)) * reach_of_kernel(p), "Gram matrix")


def _size(matrix: Array) -> float:
    return float(np.linalg.norm(matrix.astype(float)))


def reach_of_kernel(p: Problem) -> float:
    """How much larger than its entries the terms of the gradient kernel are: 1 + (r/σ)², r the diameter of the sample."""
    if not isinstance(p.kernel, oracles.GradientKernel):
        return 1.0
    diameter = 2 * np.max(np.linalg.norm(np.asarray(p.x - np.mean(p.x, axis=0), dtype=float), axis=1))
    return float(1 + (diameter / p.kernel.bandwidth) ** 2)


# ---------------------------------------------------------------------------------------------------------------------------- symmetries


@law(ANY)
def particle_permutation(solve: Solver, p: Problem) -> None:
    """Renumbering the particles renumbers their velocities."""
    order = random(p).permutation(len(p.x))
    permuted = solve(p.change(x=p.x[order], weights=take(p.weights, order)))
    compare(permuted.velocity, solve(p).velocity[order], 2 * rounding(p).velocity, "velocity of renumbered particles")


@law(ANY)
def target_permutation(solve: Solver, p: Problem) -> None:
    """The order of the target sample does not matter."""
    order = random(p).permutation(len(p.y))
    permuted = solve(p.change(y=p.y[order], target_weights=take(p.target_weights, order)))
    compare(permuted.velocity, solve(p).velocity, 2 * rounding(p).velocity, "velocity towards the renumbered target")


@law(replace(RADIAL, features=("rbf",)))
def translation(solve: Solver, p: Problem) -> None:
    """Shifting particles, target and anchors together leaves velocities alone."""
    shift = random(p).normal(size=p.dim) * 10 * p.features.bandwidth
    features = replace(p.features, centers=p.features.centers + shift)
    moved = p.change(x=p.x + shift, y=p.y + shift, features=features)
    compare(solve(moved).velocity, solve(p).velocity, 2 * reach(moved) * rounding(p).velocity, "velocity after a shift")


@law(RADIAL)
def orthogonal_transformation(solve: Solver, p: Problem) -> None:
    """Rotating or reflecting particles, target and anchors transforms velocities alike."""
    q = np.linalg.qr(random(p).normal(size=(p.dim, p.dim)))[0]
    features = replace(p.features, centers=p.features.centers @ q)
    turned = p.change(x=p.x @ q, y=p.y @ q, features=features)
    compare(solve(turned).velocity, solve(p).velocity @ q, 2 * reach(p) * rounding(p).velocity, "velocity after a rotation")


@law(replace(RADIAL, features=("rbf",), kernels=(*RADIAL_KERNELS, "coordinatewise"), masks=(False, True)))
def scale(solve: Solver, p: Problem) -> None:
    """In other units of length, with λ and ε in those of K (s⁻⁴ with (K5), s⁻² with (K6)), velocities are the same lengths."""
    s = float(random(p).choice([0.25, 3.0, 8.0]))
    factor = s ** (-4 if isinstance(p.kernel, oracles.GradientKernel) else -2)
    scaled = p.change(
        x=s * p.x,
        y=s * p.y,
        features=oracles.RBF(s * p.features.centers, s * p.features.bandwidth),
        kernel=replace(p.kernel, bandwidth=s * p.kernel.bandwidth),
        ridge=factor * p.ridge,
        jitter=factor * p.jitter,
    )
    compare(solve(scaled).velocity / s, solve(p).velocity, 2 * reach(p) * rounding(p).velocity, "velocity in other units")


@law(SINGLE)
def kernel_multiple(solve: Solver, p: Problem) -> None:
    """c·K with c·λ and c·ε gives the velocity of K with λ and ε."""
    factor = float(random(p).choice([1e-3, 3.0, 1e4]))
    multiple = p.change(kernel=oracles.ScaledKernel(p.kernel, factor), ridge=factor * p.ridge, jitter=factor * p.jitter)
    compare(solve(multiple).velocity, solve(p).velocity, 2 * rounding(p).velocity, "velocity with a multiple of the kernel")


# ---------------------------------------------------------------------------------------------------------------- weights and repetitions


@law(replace(EQUAL_DIVISOR, weights=("uniform",), n=(1, 5)))
def particle_repetition(solve: Solver, p: Problem) -> None:
    """Every particle several times over: the same velocity field, with the population covariance."""
    repeated = solve(p.change(x=np.repeat(p.x, 3, axis=0)))
    single = solve(p)
    compare(repeated.velocity, np.repeat(single.velocity, 3, axis=0), 4 * rounding(p).velocity, "velocity of repeated particles")


@law(replace(ANY, target_weights=("uniform",)))
def target_repetition(solve: Solver, p: Problem) -> None:
    """Every target point several times over is the same target."""
    repeated = solve(p.change(y=np.repeat(p.y, 4, axis=0)))
    compare(repeated.velocity, solve(p).velocity, 2 * rounding(p).velocity, "velocity towards a repeated target")


@law(replace(EQUAL_DIVISOR, weights=("uniform",), target_weights=("uniform",), n=(1, 5), m=(1, 5)))
def weights_are_multiplicities(solve: Solver, p: Problem) -> None:
    """Weights k_i/Σk mean the same as k_i copies, of particles and of target points alike, with the population covariance."""
    rng = random(p)
    k, j = rng.integers(1, 4, size=len(p.x)), rng.integers(1, 4, size=len(p.y))
    copies = p.change(x=np.repeat(p.x, k, axis=0), y=np.repeat(p.y, j, axis=0))
    weighted = p.change(weights=k / np.sum(k), target_weights=j / np.sum(j))
    # Errors grow with the number of copies, √(Σk/n) ≤ 2 in this norm.
    compare(solve(copies).velocity, np.repeat(solve(weighted).velocity, k, axis=0), 4 * rounding(weighted).velocity, "velocity of copies")


@law(replace(ANY, weights=("uniform", "random")))
def weightless_particle(solve: Solver, p: Problem) -> None:
    """A particle without weight changes nothing and is carried by the field of the others."""
    extra = fresh_points(p, 1).astype(p.x.dtype)
    extended = solve(p.change(x=np.concatenate([p.x, extra]), weights=np.append(np.asarray(p.pi, dtype=p.x.dtype), 0)))
    solution, bound = solve(p), rounding(p)
    unit = np.linalg.norm(np.asarray(oracles.design(p, extra), dtype=float))
    compare(extended.velocity[:-1], solution.velocity, 2 * bound.velocity, "velocity beside a weightless particle")
    compare(extended.velocity[-1:], solution.field(extra), 2 * (bound.velocity + unit * bound.coefficients), "the weightless particle's")


@law(ANY)
def mixture_of_targets(solve: Solver, p: Problem) -> None:
    """The velocity towards a mixture of two targets is the mixture of the two velocities, with the same particles."""
    pooled, other = np.concatenate([p.y, p.x[:1] + 0.5]), np.zeros(len(p.y) + 1)
    rho, other[-1], a = np.append(np.asarray(p.rho, dtype=float), 0.0), 1.0, random(p).uniform(0.1, 0.9)
    first, second, mixed = (p.change(y=pooled, target_weights=r) for r in (rho, other, a * rho + (1 - a) * other))
    expected = a * solve(first).velocity + (1 - a) * solve(second).velocity
    compare(solve(mixed).velocity, expected, 2 * (rounding(first).velocity + rounding(second).velocity), "velocity towards a mixture")


@law(ANY)
def linear_in_delta(solve: Solver, p: Problem) -> None:
    """Diluting the target with the particles themselves shrinks Δ, and so the velocity, in proportion."""
    a = random(p).uniform(0.1, 0.9)
    rho = np.concatenate([a * p.rho, (1 - a) * p.pi]).astype(float)
    diluted = solve(p.change(y=np.concatenate([p.y, p.x]), target_weights=rho / np.sum(rho)))
    compare(diluted.velocity, a * solve(p).velocity, 2 * rounding(p).velocity, "velocity towards the diluted target")


@law(ANY)
def rest_at_the_target(solve: Solver, p: Problem) -> None:
    """Particles that are the target do not move, in whatever order the target lists them."""
    order = random(p).permutation(len(p.x))
    at_rest = p.change(y=p.x[order], target_weights=take(p.weights, order))
    compare(solve(at_rest).velocity, np.zeros(p.x.shape), rounding(at_rest).velocity, "velocity at the target")


@law(replace(SINGLE, layouts=("C",)))
def rest_when_moments_match(solve: Solver, p: Problem) -> None:
    """Another sample with the same moments is at rest too: only f is seen. With f(x) = x, the particles mirrored at their mean."""
    mean = np.asarray(p.pi, dtype=float) @ p.x
    matched = p.change(features=oracles.Monomials(1), y=2 * mean - p.x, target_weights=p.weights)
    compare(solve(matched).velocity, np.zeros(p.x.shape), rounding(matched).velocity, "velocity towards matched moments")


# ------------------------------------------------------------------------------------------------------------------- choice of statistics


def random_matrix(p: Problem, stretch: float) -> Array:
    """An invertible b × b matrix, orthogonal for ``stretch`` 1 and of condition number stretch² otherwise."""
    rng, size = random(p), len(p.features.value(oracles.real(p.x[0])))
    left, right = (np.linalg.qr(rng.normal(size=(size, size)))[0] for _ in range(2))
    return left @ np.diag(np.geomspace(1 / stretch, stretch, size)) @ right


def map_features(p: Problem, matrix: Array, shift: Array) -> Problem:
    return p.change(features=oracles.Mapped(p.features, matrix, shift))


@law(replace(REGULAR, kernels=ANY.kernels))
def affine_change_of_statistics(solve: Solver, p: Problem) -> None:
    """T f + c spans the same family: the same velocity when ε = 0."""
    matrix = random_matrix(p, 2.0)
    mapped = map_features(p, matrix, random(p).normal(size=len(matrix)))
    allowed = rounding(mapped).velocity + rounding(p).velocity
    compare(solve(mapped).velocity, solve(p).velocity, allowed, "velocity with T f + c")


@law(ANY)
def orthogonal_change_of_statistics(solve: Solver, p: Problem) -> None:
    """Q f + c with orthogonal Q gives the same velocity for any ε."""
    matrix = random_matrix(p, 1.0)
    mapped = map_features(p, matrix, random(p).normal(size=len(matrix)))
    compare(solve(mapped).velocity, solve(p).velocity, rounding(mapped).velocity + rounding(p).velocity, "velocity with Q f + c")


@law(ANY)
def constant_statistic(solve: Solver, p: Problem) -> None:
    """A constant among the statistics, which never moves, changes nothing when ε > 0."""
    size = len(p.features.value(oracles.real(p.x[0])))
    mapped = map_features(p, np.vstack([np.eye(size), np.zeros((1, size))]), np.append(np.zeros(size), 0.7))
    compare(
        solve(mapped).velocity, solve(p).velocity, rounding(mapped).velocity + rounding(p).velocity, "velocity with a constant statistic"
    )


@law(ANY)
def statistics_twice(solve: Solver, p: Problem) -> None:
    """Every statistic twice is the same as half the ε."""
    eye = np.eye(len(p.features.value(oracles.real(p.x[0]))))
    twice, half = map_features(p, np.vstack([eye, eye]), np.zeros(2 * len(eye))), p.change(jitter=p.jitter / 2)
    compare(
        solve(twice).velocity, solve(half).velocity, rounding(twice).velocity + rounding(half).velocity, "velocity with statistics twice"
    )


# --------------------------------------------------------------------------------------------------------- moments, metric and optimality


@law(SINGLE)
def moment_identity(solve: Solver, p: Problem) -> None:
    """G c is the moment rate, and Δ − G c = (λF̂ + εI) c."""
    s, bound = solve(p), rounding(p)
    c = oracles.real(s.coefficients)
    compare(s.moment_rate, oracles.real(s.gram) @ c, bound.matrix, "moment rate against G c")
    metric = p.ridge * oracles.real(s.fisher) + p.jitter * np.eye(len(c))
    compare(oracles.real(s.delta) - oracles.real(s.moment_rate), metric @ c, bound.matrix, "Δ − G c against (λF̂ + εI) c")


@law(ANY)
def moments_are_transported(solve: Solver, p: Problem) -> None:
    """The moment rate is Σ_i π_i ∇f(x_i)ᵀ v(x_i) for the velocities returned, (P4)."""
    s, bound = solve(p), rounding(p)
    transported = sum(w * df.T @ v for w, df, v in zip(p.pi, p.jacobians, oracles.real(s.velocity), strict=True))
    sizes = sum(w * _size(df) * _size(v) for w, df, v in zip(p.pi, p.jacobians, oracles.real(s.velocity), strict=True))
    # Each velocity is a sum that may cancel: its own error is eps ‖U‖ |c| and reaches the moments through the Jacobians.
    unit = _size(oracles.design(p, p.x)) * _size(oracles.real(s.coefficients))
    jacobians = sum(w * _size(df) for w, df in zip(p.pi, p.jacobians, strict=True))
    compare(s.moment_rate, transported, C * bound.eps * float(sizes + jacobians * unit) + bound.matrix, "moment rate against transport")


@law(replace(REGULAR, kernels=ONE_SYSTEM, ridge=(0.0,)))
def moments_reach_the_target(solve: Solver, p: Problem) -> None:
    """Without λ and ε, and with invertible G, the moments head straight for the target: d/dt E_q f = Δ, (K10)."""
    bound = rounding(p)
    compare(solve(p).moment_rate, oracles.delta(p), bound.moments, "moment rate against Δ")


@law(SINGLE)
def energy_descent(solve: Solver, p: Problem) -> None:
    """½ Δᵀ(λF̂ + εI)⁻¹Δ and ½ Δᵀ(G + λF̂ + εI)⁻¹Δ do not increase at first order, metric held fixed."""
    metric = oracles.regulariser(p)
    for matrix in (metric, metric + oracles.gram(p)):
        require_descent(solve, p, matrix)


@law(replace(REGULAR, kernels=ONE_SYSTEM))
def fisher_energy_descent(solve: Solver, p: Problem) -> None:
    """½ ΔᵀF̂⁻¹Δ does not increase at first order when ε = 0."""
    require_descent(solve, p, oracles.fisher(p))


def require_descent(solve: Solver, p: Problem, matrix: Array) -> None:
    """Raise if the energy ½ Δᵀ matrix⁻¹ Δ grows as the moments move, by more than their rounding explains."""
    bound, s, matrix = rounding(p), solve(p), np.asarray(matrix, dtype=float)
    difference, rate = (np.asarray(v, dtype=float) for v in (s.delta, s.moment_rate))
    slope = difference @ np.linalg.solve(matrix, rate)
    allowed = np.linalg.norm(difference) * bound.moments / float(np.linalg.eigvalsh(matrix)[0])
    require(slope >= -allowed, f"the moment energy increases: slope {-slope:.3g}, rounding explains {allowed:.3g}")


@law(SINGLE)
def positive_semidefinite(solve: Solver, p: Problem) -> None:
    """F̂ and G are symmetric without negative eigenvalues."""
    s, bound = solve(p), rounding(p)
    for name, matrix in (("F̂", s.fisher), ("G", s.gram)):
        matrix = np.asarray(matrix, dtype=float)
        size, smallest = np.linalg.norm(matrix, 2), np.linalg.eigvalsh((matrix + matrix.T) / 2)[0]
        # Sums of products: relative rounding eps of the largest entries, in terms that the gradient kernel's own cancellation amplifies.
        allowed = C * bound.eps * size * reach_of_kernel(p)
        require(
            np.linalg.norm(matrix - matrix.T) <= allowed,
            f"{name} is not symmetric: {np.linalg.norm(matrix - matrix.T):.3g} > {allowed:.3g}",
        )
        require(smallest >= -allowed, f"{name} has the negative eigenvalue {smallest:.3g}, rounding explains {allowed:.3g}")


@law(replace(SINGLE, ridge=(1e-2, 1.0), jitter=(1e-3, 1e-1)))
def stationarity(solve: Solver, p: Problem) -> None:
    """(K1) is minimised: v = Σ_i π_i K(·,x_i) ∇f(x_i) (λF̂ + εI)⁻¹ r everywhere, r = Δ − d/dt E_q f.

    Testing the optimality condition ⟨v,w⟩_H = rᵀ(λF̂ + εI)⁻¹ E_q[∇fᵀw] with w = K(·,z)e gives this by the reproducing property, for any z.
    """
    s, bound, at = solve(p), rounding(p), fresh_points(p)
    metric = oracles.regulariser(p)
    c = oracles.solve(metric, oracles.real(s.delta) - oracles.real(s.moment_rate))
    unit = oracles.design(p, at)
    smallest = float(np.linalg.eigvalsh(np.asarray(metric, dtype=float))[0])
    allowed = _size(unit) * (bound.matrix / smallest + bound.coefficients)
    compare(s.field(at), unit @ c, allowed, "field against the optimality condition")


@law(replace(REGULAR, kernels=ONE_SYSTEM, masks=(False,)))
def monotone_in_ridge(solve: Solver, p: Problem) -> None:
    """As λ grows, with ε = 0, the norm of v falls and the residual ‖Δ − d/dt E_q f‖ in the F̂⁻¹ norm rises."""
    norms, residuals = [], []
    for ridge in (1e-3, 1e-1, 1e1, 1e3):
        changed = p.change(ridge=ridge)
        bound, s = rounding(changed), solve(changed)
        c, r = oracles.real(s.coefficients), oracles.real(s.delta) - oracles.real(s.moment_rate)
        # v and r enter squared; a factor four covers the cross term at an error that is a small part of the size.
        norms.append((float(c @ oracles.gram(p) @ c), 4 * _size(c) * bound.moments))
        inverse_norm = 1 / float(np.linalg.eigvalsh(np.asarray(oracles.fisher(p), dtype=float))[0])
        residuals.append((float(r @ oracles.solve(oracles.fisher(p), r)), 4 * inverse_norm * _size(r) * bound.moments))
    for (low, low_error), (high, high_error) in zip(norms[1:], norms[:-1], strict=True):
        require(low <= high + low_error + high_error, f"‖v‖² rises with λ: {high:.6g} to {low:.6g}")
    for (low, low_error), (high, high_error) in itertools.pairwise(residuals):
        require(low <= high + low_error + high_error, f"the residual falls with λ: {low:.6g} to {high:.6g}")


@law(replace(REGULAR, n=(5, 8), d=(1, 2), ridge=(0.0,), kernels=("gradient", "scalar"), layouts=("C",)), cost=3)
def straight_line_of_moments(solve: Solver, p: Problem) -> None:
    """With f(x) = x, without λ and ε, each Euler step of size h leaves exactly 1 − h of the distance between the means, (E10)."""
    p, h = p.change(features=oracles.Monomials(1), mask=None), 0.25
    allowed = 0.0
    for _ in range(4):
        allowed += 2 * rounding(p).moments
        before = oracles.delta(p)
        p = p.change(x=p.x + h * np.asarray(solve(p).velocity))
        compare(oracles.delta(p), (1 - h) * before, allowed, "distance of the means after a step")


# ----------------------------------------------------------------------------------------------------------------------------- the field


@law(ANY)
def field_at_the_particles(solve: Solver, p: Problem) -> None:
    """The field at the particles is their velocity."""
    s = solve(p)
    compare(s.field(p.x), s.velocity, rounding(p).velocity, "field at the particles")


@law(replace(ANY, n=(49, 53), m=(1, 3), d=(1, 2), b=(1, 3), kernels=("gradient", "scalar", "tangent-diagonal")), cost=10)
def field_in_pieces(solve: Solver, p: Problem) -> None:
    """The field at many points is the field at each, also where their number is no multiple of a tile's edge."""
    s, at = solve(p), fresh_points(p, 101)
    unit = _size(oracles.design(p, at[:4])) * np.sqrt(len(at) / 4)
    pieces = np.concatenate([oracles.real(s.field(part)) for part in np.array_split(at, [1, 7, 48, 55])])
    # The same coefficients meet the same kernel, so only the summation order may differ.
    allowed = rounding(p).eps * C * (unit * _size(oracles.real(s.coefficients)) + _size(pieces))
    compare(s.field(at), pieces, allowed, "field in pieces")
    exact = oracles.king(p)
    compare(s.velocity, exact.velocity, rounding(p).velocity, "velocity of many particles")


@law(Domain(kernels=("gradient",), masks=(False,), d=(2, 3)))
def curl_free(solve: Solver, p: Problem) -> None:
    """Fields of the gradient kernel (K5) have a symmetric Jacobian: they are gradients."""
    s, eps, sigma = solve(p), rounding(p).eps, p.kernel.bandwidth
    point, h = fresh_points(p, 1)[0], eps ** (1 / 3) * p.kernel.bandwidth
    steps = h * np.eye(p.dim)
    jacobian = (np.asarray(s.field(point + steps)) - np.asarray(s.field(point - steps))) / (2 * h)
    amplitude = float(sum(w * _size(df @ oracles.real(s.coefficients)) for w, df in zip(p.pi, p.jacobians, strict=True)))
    # Truncation h²/6 times third derivatives of K, fifth ones of k, below 15/σ⁵ each; rounding eps of K's terms, below 3/σ², over h.
    allowed = p.dim * amplitude * (2.5 * h**2 / sigma**5 + C * 3 * eps * reach(p) / (sigma**2 * h))
    compare(jacobian, jacobian.T, allowed, "Jacobian of the field against its transpose")


@law(Domain(n=(1, 1), features=RADIAL_FEATURES, kernels=RADIAL_KERNELS, masks=(False,), weights=("uniform",), ddof=(0,)))
def single_particle(solve: Solver, p: Problem) -> None:
    """One particle drags space along: v(z) = e^{−r²/2σ²} (I − rrᵀ/σ²) v(x) with (K5), e^{−r²/2σ²} v(x) with (K6), r = z − x."""
    s, at = solve(p), fresh_points(p, 4)
    v, sigma = oracles.real(s.velocity)[0], oracles.REAL(p.kernel.bandwidth)
    expected = []
    for z in at:
        r = oracles.real(z) - oracles.real(p.x[0])
        shape = np.eye(p.dim) - np.outer(r, r) / sigma**2 if isinstance(p.kernel, oracles.GradientKernel) else np.eye(p.dim)
        expected.append(np.exp(-(r @ r) / (2 * sigma**2)) * shape @ v)
    # Both fields are U(z) c for the same coefficients, which may be large and cancel in the sum over the statistics.
    terms = _size(p.kernels[0, 0]) * _size(p.jacobians[0]) * _size(oracles.real(s.coefficients))
    largest = 1 + np.max(np.linalg.norm(at - p.x[0], axis=1)) / float(sigma)
    compare(s.field(at), expected, C * rounding(p).eps * largest**2 * terms * reach(p), "field around one particle")


@law(Domain(kernels=("scalar",), d=(1, 3), n=(2, 8)))
def linear_statistics_in_a_flat_kernel(solve: Solver, p: Problem) -> None:
    """With f(x) = x and K = I every particle moves by (λΣ + (1 + ε)I)⁻¹Δ on the coordinates that may move; Σ the covariance."""
    width = 1e9 * float(np.max(np.abs(p.x)) + 1)
    p = p.change(features=oracles.Monomials(1), kernel=oracles.ScalarKernel(width))
    mean = sum(w * x for w, x in zip(p.pi, oracles.real(p.x), strict=True))
    covariance = sum(w * np.outer(x - mean, x - mean) for w, x in zip(p.pi, oracles.real(p.x), strict=True))
    covariance = covariance / (1 - p.ddof * np.sum(p.pi**2))
    difference = sum(r * y for r, y in zip(p.rho, oracles.real(p.y), strict=True)) - mean
    projection = np.eye(p.dim) if p.mask is None else np.diag(oracles.real(p.mask))
    c = oracles.solve(p.ridge * covariance + p.jitter * np.eye(p.dim) + projection, difference)
    # k differs from one by r²/2σ², below 1e-17 here.
    compare(solve(p).velocity, np.tile(projection @ c, (len(p.x), 1)), rounding(p).velocity, "velocity in a flat kernel")


# ----------------------------------------------------------------------------------------------------------------- coordinates that rest


@law(replace(ANY, masks=(True,)))
def masked_coordinates_rest(solve: Solver, p: Problem) -> None:
    """Coordinates outside the mask do not move at all, at particles or elsewhere."""
    s = solve(p)
    for name, v in (("particles", s.velocity), ("other points", s.field(fresh_points(p)))):
        require(np.all(np.asarray(v)[:, ~p.mask] == 0), f"a coordinate outside the mask moves at {name}")


@law(replace(ANY, masks=(False,)))
def full_mask(solve: Solver, p: Problem) -> None:
    """A mask that holds every coordinate is no mask."""
    everything = p.change(mask=np.ones(p.dim, dtype=bool))
    compare(solve(everything).velocity, solve(p).velocity, 2 * rounding(p).velocity, "velocity under a full mask")


@law(replace(RADIAL, features=("rbf",), d=(2, 3)))
def dead_coordinate(solve: Solver, p: Problem) -> None:
    """A coordinate in which particles, target and anchors agree stays at rest, and the others do not notice it."""
    x, y, centers = (np.asarray(z, dtype=float).copy() for z in (p.x, p.y, p.features.centers))
    for z in (x, y, centers):
        z[:, -1] = 0.625
    flat = p.change(x=x, y=y, features=oracles.RBF(centers, p.features.bandwidth))
    without = flat.change(x=x[:, :-1], y=y[:, :-1], features=oracles.RBF(centers[:, :-1], p.features.bandwidth))
    s = solve(flat)
    require(np.all(np.asarray(s.velocity)[:, -1] == 0), "a coordinate without spread moves")
    compare(s.velocity[:, :-1], solve(without).velocity, rounding(flat).velocity + rounding(without).velocity, "the other coordinates")


# --------------------------------------------------------------------------------------------------------------------- arrays and memory


@law(replace(ANY, layouts=("C",)))
def memory_layout(solve: Solver, p: Problem) -> None:
    """The arrangement of the caller's arrays in memory does not matter."""
    expected = solve(p).velocity
    every_other = np.repeat(p.x, 2, axis=0)[::2]
    for x, y in ((np.asfortranarray(p.x), np.asfortranarray(p.y)), (every_other, p.y), (p.x[::-1].copy()[::-1], p.y)):
        compare(solve(p.change(x=x, y=y)).velocity, expected, 2 * rounding(p).velocity, "velocity from another memory layout")


@law(ANY)
def purity(solve: Solver, p: Problem) -> None:
    """Arguments stay as they are, results own their memory, the global random state rests, and a second call is bitwise equal."""
    arguments = [z for z in (p.x, p.y, p.weights, p.target_weights, p.mask) if z is not None]
    before, state = [z.tobytes() for z in arguments], np.random.get_state()[1].tobytes()  # noqa: NPY002
    first = solve(p)
    kept = np.array(first.velocity)
    second = solve(p)
    require([z.tobytes() for z in arguments] == before, "an argument was changed")
    require(np.random.get_state()[1].tobytes() == state, "the global random state moved")  # noqa: NPY002
    require(np.array_equal(second.velocity, kept) and np.array_equal(first.velocity, kept), "a second call gave another velocity")
    for result in (first.velocity, first.field(p.x)):
        shared = [np.shares_memory(result, z) for z in (*arguments, second.velocity)]
        require(not any(shared), "a result shares memory with an argument or with another result")


@law(replace(ANY, dtypes=("float32",), jitter=(1.0, 30.0), kernels=("gradient", "scalar", "coordinatewise", "tangent-diagonal")))
def single_precision(solve: Solver, p: Problem) -> None:
    """float32 particles get float32 velocities, right to the rounding of float32."""
    bound, s = rounding(p), solve(p)
    for name, v in (("velocity", s.velocity), ("field", s.field(p.x))):
        require(np.asarray(v).dtype == np.float32, f"{name} of float32 particles has dtype {np.asarray(v).dtype}")
    compare(s.velocity, oracles.king(p).velocity, bound.velocity, "velocity in single precision")
