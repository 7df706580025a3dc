"""Independent evaluation of the equations, written for the eye: one point, one pair, one sum at a time.

Nothing here imports the package. Sums and products run in ``numpy.longdouble`` (64-bit mantissa on x86, so about three digits more than
the code that is judged), parameter derivatives come from the complex step, and small linear systems are also solved by mpmath at fifty
digits. Symbols follow the documentation: particles x with weights π, target samples y with weights ρ, statistics f with Jacobian ∇f of
shape (d, b), matrix kernel K of shape (d, d), F̂ the covariance of f, G the Gram matrix of (K3), Δ = E_p f − E_q f.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
from scipy import special

Array = np.ndarray[Any, Any]
REAL = np.longdouble
COMPLEX = np.clongdouble
# A complex step has no cancellation, so it may be so small that its truncation error, of relative size h², is below any rounding error.
STEP = 1e-30


def real(x: Any) -> Array:
    return np.asarray(x, dtype=REAL)


# ---------------------------------------------------------------------------------------------------------------- sufficient statistics


@dataclass(frozen=True, eq=False)
class RBF:
    """f_m(x) = exp(−‖x − c_m‖² / 2σ²)."""

    centers: Array
    bandwidth: float
    radial = True

    def value(self, x: Array) -> Array:
        return real([np.exp(-np.sum((x - c) ** 2) / (2 * REAL(self.bandwidth) ** 2)) for c in real(self.centers)])

    def jacobian(self, x: Array) -> Array:
        columns = [-(x - c) / REAL(self.bandwidth) ** 2 * f for c, f in zip(real(self.centers), self.value(x), strict=True)]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Polynomial:
    """f_m(x) = (⟨x, c_m⟩ + offset)^degree."""

    centers: Array
    degree: int = 2
    offset: float = 1.0
    radial = True

    def value(self, x: Array) -> Array:
        return real([(np.sum(x * c) + REAL(self.offset)) ** self.degree for c in real(self.centers)])

    def jacobian(self, x: Array) -> Array:
        columns = [self.degree * (np.sum(x * c) + REAL(self.offset)) ** (self.degree - 1) * c for c in real(self.centers)]
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Monomials:
    """All products of coordinates of total degree 1 to ``degree``, in graded lexicographic order."""

    degree: int
    radial = False

    def value(self, x: Array) -> Array:
        return real([np.prod(x[list(index)]) for index in monomial_indices(len(x), self.degree)])

    def jacobian(self, x: Array) -> Array:
        columns = []
        for index in monomial_indices(len(x), self.degree):
            column = np.zeros(len(x), dtype=REAL)
            for place, coordinate in enumerate(index):
                others = list(index[:place] + index[place + 1 :])
                column[coordinate] += np.prod(x[others])
            columns.append(column)
        return np.stack(columns, axis=1)


def monomial_indices(dim: int, degree: int) -> list[tuple[int, ...]]:
    return [index for total in range(1, degree + 1) for index in itertools.combinations_with_replacement(range(dim), total)]


@dataclass(frozen=True, eq=False)
class Fourier:
    """f_m(x) = sqrt(2/b) cos(⟨ω_m, x⟩ + φ_m)."""

    frequencies: Array
    phases: Array
    radial = False

    def value(self, x: Array) -> Array:
        scale = np.sqrt(REAL(2) / len(self.phases))
        return real([scale * np.cos(np.sum(w * x) + p) for w, p in zip(real(self.frequencies), real(self.phases), strict=True)])

    def jacobian(self, x: Array) -> Array:
        scale = np.sqrt(REAL(2) / len(self.phases))
        columns = [-scale * np.sin(np.sum(w * x) + p) * w for w, p in zip(real(self.frequencies), real(self.phases), strict=True)]
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Pairwise:
    """f(x) = x_a x_b for a < b, in lexicographic order."""

    radial = False

    def value(self, x: Array) -> Array:
        return real([x[a] * x[b] for a, b in itertools.combinations(range(len(x)), 2)])

    def jacobian(self, x: Array) -> Array:
        columns = []
        for a, b in itertools.combinations(range(len(x)), 2):
            column = np.zeros(len(x), dtype=REAL)
            column[a], column[b] = x[b], x[a]
            columns.append(column)
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Mapped:
    """T f(x) + c: other statistics of the same family, or of a larger one when T is tall."""

    base: Statistics
    matrix: Array
    shift: Array
    radial = False

    def value(self, x: Array) -> Array:
        return real(self.matrix) @ self.base.value(x) + real(self.shift)

    def jacobian(self, x: Array) -> Array:
        return self.base.jacobian(x) @ real(self.matrix).T


Statistics = RBF | Polynomial | Monomials | Fourier | Pairwise | Mapped


# ---------------------------------------------------------------------------------------------------------------------- matrix kernels


def gaussian(x: Array, y: Array, bandwidth: float) -> Any:
    return np.exp(-np.sum((x - y) ** 2) / (2 * REAL(bandwidth) ** 2))


@dataclass(frozen=True)
class GradientKernel:
    """(K5): K(x,y) = ∂²k/∂x_a∂y_b, entry by entry."""

    bandwidth: float
    radial = True
    coordinatewise = False

    def __call__(self, x: Array, y: Array) -> Array:
        d, s2 = len(x), REAL(self.bandwidth) ** 2
        matrix = np.zeros((d, d), dtype=REAL)
        for a, b in itertools.product(range(d), repeat=2):
            matrix[a, b] = gaussian(x, y, self.bandwidth) * ((a == b) / s2 - (x[a] - y[a]) * (x[b] - y[b]) / s2**2)
        return matrix


@dataclass(frozen=True)
class ScalarKernel:
    """(K6): K(x,y) = k(x,y) I; ``coordinatewise`` asks for a separate system for each coordinate of the velocity."""

    bandwidth: float
    coordinatewise: bool = False
    radial = True

    def __call__(self, x: Array, y: Array) -> Array:
        return gaussian(x, y, self.bandwidth) * np.eye(len(x), dtype=REAL)


@dataclass(frozen=True, eq=False)
class TangentKernel:
    """(K7) from its definition: Jacobians of the network's outputs over every weight and bias, one complex step for each of them."""

    layers: tuple[tuple[Array, Array], ...]
    activation: str = "tanh"
    mode: str = "diagonal"
    jacobians: dict[bytes, Array] = field(default_factory=dict, init=False, repr=False)
    radial = False
    coordinatewise = False

    def parameter_jacobian(self, x: Array) -> Array:
        key = np.asarray(x, dtype=float).tobytes()
        if key not in self.jacobians:
            self.jacobians[key] = network_jacobian(self.layers, self.activation, np.asarray(x, dtype=float))
        return self.jacobians[key]

    def __call__(self, x: Array, y: Array) -> Array:
        full = real(self.parameter_jacobian(x) @ self.parameter_jacobian(y).T)
        if self.mode == "full":
            return full
        if self.mode == "diagonal":
            return np.diag(np.diag(full))
        if self.mode == "trace":
            return np.trace(full) / len(x) * np.eye(len(x), dtype=REAL)
        raise ValueError(self.mode)


@dataclass(frozen=True, eq=False)
class ScaledKernel:
    """factor · K."""

    base: GradientKernel | ScalarKernel | TangentKernel
    factor: float
    coordinatewise = False

    def __call__(self, x: Array, y: Array) -> Array:
        return REAL(self.factor) * self.base(x, y)


Kernel = GradientKernel | ScalarKernel | TangentKernel | ScaledKernel

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "relu": lambda a: np.where(a.real > 0, a, 0 * a),
    "silu": lambda a: a / (1 + np.exp(-a)),
    "gelu": lambda a: a * (1 + special.erf(a / math.sqrt(2))) / 2,
}


def network(layers: tuple[tuple[Array, Array], ...], activation: str, x: Array) -> Array:
    """Output of a multilayer perceptron; columns of ``x`` or of the biases may be batches."""
    h = x
    for number, (weight, bias) in enumerate(layers):
        a = weight @ h + bias
        h = ACTIVATIONS[activation](a) if number < len(layers) - 1 else a
    return h


def network_jacobian(layers: tuple[tuple[Array, Array], ...], activation: str, x: Array) -> Array:
    """Jacobian (d_out, parameters) of the network's output over its parameters."""
    columns = []
    for number, position in itertools.product(range(len(layers)), range(2)):
        for index in np.ndindex(layers[number][position].shape):
            changed = [[np.asarray(part, dtype=complex) for part in layer] for layer in layers]
            changed[number][position][index] += 1j * STEP
            columns.append(network(tuple((w, b) for w, b in changed), activation, x).imag / STEP)
    return np.stack(columns, axis=1)


# ------------------------------------------------------------------------------------------------------------------ particle velocities


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that (K1)-(K9) depend on. ``seed`` feeds the random choices that a law makes, such as which rotation."""

    x: Array
    y: Array
    features: Statistics
    kernel: Kernel
    ridge: float = 1e-3
    jitter: float = 1e-3
    ddof: int = 0
    weights: Array | None = None
    target_weights: Array | None = None
    mask: Array | None = None
    seed: int = 0

    def change(self, **changes: Any) -> Problem:
        return replace(self, **changes)

    @property
    def dim(self) -> int:
        return int(self.x.shape[1])

    @property
    def pi(self) -> Array:
        return uniform(len(self.x)) if self.weights is None else real(self.weights)

    @property
    def rho(self) -> Array:
        return uniform(len(self.y)) if self.target_weights is None else real(self.target_weights)

    @cached_property
    def jacobians(self) -> list[Array]:
        return [self.features.jacobian(point) for point in real(self.x)]

    @cached_property
    def kernels(self) -> dict[tuple[int, int], Array]:
        x = real(self.x)
        return {(i, j): masked(self.kernel(x[i], x[j]), self.mask) for i, j in np.ndindex(len(x), len(x))}


@dataclass(frozen=True, eq=False)
class Solution:
    """What (K2)-(K4) give, in the names of the package's result. For the coordinate-wise variant coefficients are (d, b)."""

    velocity: Array
    coefficients: Array
    fisher: Array
    gram: Array
    delta: Array
    moment_rate: Array
    field: Callable[[Array], Array]


def uniform(number: int) -> Array:
    return np.full(number, REAL(1) / number)


def masked(matrix: Array, mask: Array | None) -> Array:
    """P K P: the kernel of velocities that leave the coordinates outside ``mask`` alone."""
    if mask is None:
        return matrix
    projection = np.diag(real(mask))
    return projection @ matrix @ projection


def mean_statistics(features: Statistics, points: Array, weights: Array) -> Array:
    return np.sum([w * features.value(point) for w, point in zip(weights, real(points), strict=True)], axis=0)


def delta(p: Problem) -> Array:
    """Δ = Σ_j ρ_j f(y_j) − Σ_i π_i f(x_i)."""
    return mean_statistics(p.features, p.y, p.rho) - mean_statistics(p.features, p.x, p.pi)


def fisher(p: Problem) -> Array:
    """F̂ = Σ_i π_i (f_i − f̄)(f_i − f̄)ᵀ / (1 − ddof·Σπ²), which is the usual n − ddof for uniform weights."""
    center = mean_statistics(p.features, p.x, p.pi)
    centred = [p.features.value(x) - center for x in real(p.x)]
    total = np.sum([w * np.outer(f, f) for w, f in zip(p.pi, centred, strict=True)], axis=0)
    return total / (1 - p.ddof * np.sum(p.pi**2))


def gram(p: Problem) -> Array:
    """(K3), the double sum as it stands: G = Σ_ij π_i π_j ∇f(x_i)ᵀ K(x_i,x_j) ∇f(x_j)."""
    total = np.zeros((len(p.jacobians[0].T),) * 2, dtype=REAL)
    for i, j in np.ndindex(len(p.x), len(p.x)):
        total += p.pi[i] * p.pi[j] * p.jacobians[i].T @ (p.kernels[i, j] @ p.jacobians[j])
    return total


def design(p: Problem, points: Array) -> Array:
    """(K2): matrices U with v(z) = U(z) c, U(z) = Σ_i π_i K(z,x_i) ∇f(x_i); shape (points, d, b)."""
    rows = []
    for z in real(points):
        rows.append(sum(w * masked(p.kernel(z, x), p.mask) @ df for w, x, df in zip(p.pi, real(p.x), p.jacobians, strict=True)))
    return real(rows)


def regulariser(p: Problem) -> Array:
    """λF̂ + εI of (K1)."""
    statistics = fisher(p)
    return REAL(p.ridge) * statistics + REAL(p.jitter) * np.eye(len(statistics), dtype=REAL)


def king(p: Problem) -> Solution:
    """Velocity, coefficients and diagnostics of (K2)-(K4)."""
    if p.kernel.coordinatewise:
        return king_coordinatewise(p)
    difference, total = delta(p), gram(p)
    c = solve(total + regulariser(p), difference)
    return Solution(design(p, p.x) @ c, c, fisher(p), total, difference, total @ c, lambda points: design(p, points) @ c)


def coordinate_problems(p: Problem) -> list[Problem]:
    """The problems, one for each coordinate that moves, that the coordinate-wise variant of (K6) solves."""
    moving = [a for a in range(p.dim) if p.mask is None or p.mask[a]]
    plain = ScalarKernel(p.kernel.bandwidth)
    return [p.change(kernel=plain, mask=np.arange(p.dim) == a) for a in moving]


def king_coordinatewise(p: Problem, one_system: Callable[[Problem], Solution] = king) -> Solution:
    """The coordinate-wise variant of (K6): the velocity along each axis is that of a problem in which only this axis moves."""
    parts = [one_system(part) for part in coordinate_problems(p)]
    coefficients = np.zeros((p.dim, len(parts[0].delta)), dtype=REAL)
    for part, problem in zip(parts, coordinate_problems(p), strict=True):
        coefficients[np.flatnonzero(problem.mask)[0]] = part.coefficients
    return Solution(
        velocity=np.sum([part.velocity for part in parts], axis=0),
        coefficients=coefficients,
        fisher=parts[0].fisher,
        gram=np.sum([part.gram for part in parts], axis=0),
        delta=parts[0].delta,
        moment_rate=np.sum([part.moment_rate for part in parts], axis=0),
        field=lambda points: np.sum([part.field(points) for part in parts], axis=0),
    )


def solve(matrix: Array, rhs: Array) -> Array:
    """Gaussian elimination with row exchanges, in extended precision."""
    a = np.column_stack([real(matrix), real(rhs)])
    size = len(a)
    for k in range(size):
        pivot = k + int(np.argmax(np.abs(a[k:, k])))
        if a[pivot, k] == 0:
            raise ArithmeticError("the matrix is singular")
        a[[k, pivot]] = a[[pivot, k]]
        a[k + 1 :] -= np.outer(a[k + 1 :, k] / a[k, k], a[k])
    for k in reversed(range(size)):
        a[k, size] = (a[k, size] - a[k, k + 1 : size] @ a[k + 1 :, size]) / a[k, k]
    return a[:, size]


def solve_exactly(matrix: Array, rhs: Array, digits: int = 50) -> Array:
    """The same system by mpmath at ``digits`` digits, for small problems."""
    with mpmath.workdps(digits):
        solution = mpmath.lu_solve(mpmath.matrix(matrix.tolist()), mpmath.matrix(rhs.tolist()))
        return np.array([float(value) for value in solution])


# ------------------------------------------------------------------------------------------------------------------------- comparisons


def kde_score(x: Array, sample: Array, bandwidth: float, weights: Array | None = None) -> Array:
    """Score of a Gaussian kernel density estimate: gradient over density, both summed by mpmath without any rescaling."""
    rho = np.full(len(sample), 1 / len(sample)) if weights is None else weights
    with mpmath.workdps(50):
        s2 = mpmath.mpf(float(bandwidth)) ** 2
        scores = []
        for point in np.asarray(x, dtype=float).tolist():
            density, gradient = mpmath.mpf(0), [mpmath.mpf(0)] * len(point)
            for weight, center in zip(rho, np.asarray(sample, dtype=float).tolist(), strict=True):
                difference = [mpmath.mpf(c) - mpmath.mpf(p) for c, p in zip(center, point, strict=True)]
                bump = mpmath.mpf(float(weight)) * mpmath.exp(-mpmath.fsum(u * u for u in difference) / (2 * s2))
                density += bump
                gradient = [g + bump * u / s2 for g, u in zip(gradient, difference, strict=True)]
            scores.append([float(g / density) for g in gradient])
    return np.array(scores)


def wgf_velocity(x: Array, y: Array, bandwidth: float, weights: Array | None = None, target_weights: Array | None = None) -> Array:
    """(W1): ∇log p̂ − ∇log q̂ at the particles."""
    return kde_score(x, y, bandwidth, target_weights) - kde_score(x, x, bandwidth, weights)


def squared_distances(x: Array, y: Array) -> Array:
    return np.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=2)


def distances(x: Array, y: Array) -> Array:
    """Euclidean distances, analytic where the points differ; zero, with a vanishing derivative, where their real parts agree."""
    squared = squared_distances(x, y)
    apart = np.any(x[:, None, :].real != y[None, :, :].real, axis=2)
    return np.where(apart, np.sqrt(np.where(apart, squared, 1)), 0)


def energy_distance(x: Array, y: Array, weights: Array | None = None, target_weights: Array | None = None) -> Any:
    """(Q2) as a V-statistic: 2E‖x − y‖ − E‖x − x'‖ − E‖y − y'‖."""
    return _discrepancy(lambda a, b: -distances(a, b), x, y, weights, target_weights)


def squared_mmd(x: Array, y: Array, bandwidth: float, weights: Array | None = None, target_weights: Array | None = None) -> Any:
    """The square of (Q1), biased: E k(x,x') − 2E k(x,y) + E k(y,y')."""
    return _discrepancy(lambda a, b: np.exp(-squared_distances(a, b) / (2 * REAL(bandwidth) ** 2)), x, y, weights, target_weights)


def _discrepancy(function: Callable[[Array, Array], Any], x: Array, y: Array, weights: Array | None, target_weights: Array | None) -> Any:
    pi = uniform(len(x)) if weights is None else real(weights)
    rho = uniform(len(y)) if target_weights is None else real(target_weights)
    x, y = (np.asarray(z, dtype=COMPLEX if np.iscomplexobj(z) else REAL) for z in (x, y))
    return pi @ function(x, x) @ pi - 2 * pi @ function(x, y) @ rho + rho @ function(y, y) @ rho


def gradient(energy: Callable[[Array], Any], x: Array) -> Array:
    """∂E/∂x by the complex step, one coordinate of one particle at a time."""
    result = np.zeros(x.shape, dtype=REAL)
    for index in np.ndindex(x.shape):
        moved = np.asarray(x, dtype=COMPLEX).copy()
        moved[index] += 1j * REAL(STEP)
        result[index] = np.imag(energy(moved)) / REAL(STEP)
    return result


def descent_velocity(energy: Callable[[Array, Array], Any], x: Array, weights: Array | None) -> Array:
    """v_i = −(1/π_i) ∂E/∂x_i: steepest descent of E(x, π) in the Wasserstein metric; −n ∂E/∂x_i for uniform weights.

    Particles without weight get the limit, by a weight far below rounding; ∂E/∂x_i is proportional to π_i without any cancellation.
    """
    pi = uniform(len(x)) if weights is None else np.where(real(weights) > 0, real(weights), REAL(STEP))
    return -gradient(lambda z: energy(z, pi), x) / pi[:, None]


def energy_velocity(x: Array, y: Array, weights: Array | None = None, target_weights: Array | None = None) -> Array:
    """(W2)."""
    return descent_velocity(lambda z, pi: energy_distance(z, y, pi, target_weights), x, weights)


def mmd_velocity(x: Array, y: Array, bandwidth: float, weights: Array | None = None, target_weights: Array | None = None) -> Array:
    """(W3), for the squared discrepancy, of which (W2) is the case with kernel −‖x − y‖."""
    return descent_velocity(lambda z, pi: squared_mmd(z, y, bandwidth, pi, target_weights), x, weights)


def svgd_velocity(x: Array, score: Array, bandwidth: float, weights: Array | None = None) -> Array:
    """(W4): Σ_j π_j [k(x_j,x_i) s(x_j) + ∇_{x_j} k(x_j,x_i)], the kernel's gradient by the complex step."""
    pi = uniform(len(x)) if weights is None else real(weights)
    result = np.zeros(x.shape, dtype=REAL)
    for i, j in np.ndindex(len(x), len(x)):
        attraction = gaussian(real(x[j]), real(x[i]), bandwidth) * real(score[j])
        repulsion = gradient(lambda z, i=i: gaussian(z, real(x[i]), bandwidth), real(x[j]))
        result[i] += pi[j] * (attraction + repulsion)
    return result


# ----------------------------------------------------------------------------------------------------------------------------- metrics


def median_bandwidth(x: Array, rule: str = "midpoint") -> float:
    """(K8): sqrt(median of the positive squared distances / 2); ``lower`` takes the lower of two middle values."""
    squared = sorted(s for a, b in itertools.combinations(real(x), 2) if (s := np.sum((a - b) ** 2)) > 0)
    low, high = squared[(len(squared) - 1) // 2], squared[len(squared) // 2]
    return float(np.sqrt((low if rule == "lower" else (low + high) / 2) / 2))


def mmd(x: Array, y: Array, bandwidth: float, weights: Array | None = None, target_weights: Array | None = None) -> float:
    """(Q1): square root of the biased estimate."""
    return float(np.sqrt(max(squared_mmd(x, y, bandwidth, weights, target_weights), REAL(0))))


def moment_residual(p: Problem) -> float:
    """(Q4): sqrt(Δᵀ F̂⁻¹ Δ)."""
    return float(np.sqrt(delta(p) @ solve(fisher(p), delta(p))))


def wasserstein_1d(x: Array, y: Array, pi: Array, rho: Array, order: float) -> float:
    """∫|Q_x(u) − Q_y(u)|^order du over the common refinement of the two step quantile functions; no root is taken."""
    levels = [np.minimum(np.cumsum(w[np.argsort(z)]), 1.0) for z, w in ((x, pi), (y, rho))]
    jumps = np.unique(np.concatenate([[0.0, 1.0], *levels]))
    total = 0.0
    for low, high in itertools.pairwise(jumps):
        middle = (low + high) / 2
        total += (high - low) * abs(_quantile(x, pi, middle) - _quantile(y, rho, middle)) ** order
    return float(total)


def _quantile(x: Array, weights: Array, level: float) -> float:
    order = np.argsort(x)
    place = np.searchsorted(np.cumsum(weights[order]), level)
    return float(x[order[min(place, len(x) - 1)]])


def sliced_wasserstein(
    x: Array, y: Array, directions: Array, order: float = 2, weights: Array | None = None, target_weights: Array | None = None
) -> float:
    """(Q5): (mean over unit directions of the one-dimensional W_p^p)^(1/p)."""
    pi = np.full(len(x), 1 / len(x)) if weights is None else weights
    rho = np.full(len(y), 1 / len(y)) if target_weights is None else target_weights
    return float(np.mean([wasserstein_1d(x @ u, y @ u, pi, rho, order) for u in directions]) ** (1 / order))


def log_ratio(points: Array, centers: Array, bandwidth: float, log_coefficients: Array) -> Array:
    """(Q3): log r(z) = log Σ_l α_l k(z, c_l)."""
    exponents = real(log_coefficients) - squared_distances(real(points), real(centers)) / (2 * REAL(bandwidth) ** 2)
    top = np.max(exponents, axis=1)
    return top + np.log(np.sum(np.exp(exponents - top[:, None]), axis=1))


def ratio_gap(x: Array, y: Array, bandwidth: float, log_coefficients: Array, pi: Array, rho: Array) -> float:
    """Optimality gap of (Q3) with centres y: largest slope of the mean of log r along a feasible direction, max_l g_l − 1.

    Along r → (1−t) r + t ψ_l with ψ_l = k(·, c_l)/Σ_i π_i k(x_i, c_l), which keeps Σ_i π_i r(x_i) = 1, the slope is
    Σ_j ρ_j ψ_l(y_j)/r(y_j) − 1.
    """
    s2 = 2 * REAL(bandwidth) ** 2
    mass = pi @ np.exp(-squared_distances(real(x), real(y)) / s2)
    bumps = np.exp(-squared_distances(real(y), real(y)) / s2) / mass
    ratio = np.exp(log_ratio(y, y, bandwidth, log_coefficients))
    return float(np.max(rho @ (bumps / ratio[:, None])) - 1)
