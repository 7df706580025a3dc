"""The particle equations at eighty digits, one point and one pair at a time.

Statistics are functions R^d → R^b, kernels are functions of two points with values in R^{d×d}, and
every Jacobian is a difference. Particles x with weights π, target samples y with weights ρ.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from validation.oracles import precise as hp
from validation.oracles.precise import MP, Array, differences, mixed_differences, precise

__all__ = [
    "Problem",
    "Solution",
    "distance",
    "energy",
    "energy_velocity",
    "fourier",
    "gaussian",
    "gradient_kernel",
    "kde_score",
    "median_bandwidth",
    "mmd_velocity",
    "monomials",
    "network",
    "pairwise",
    "polynomial",
    "rbf",
    "scalar_kernel",
    "squared_mmd",
    "svgd_velocity",
    "tangent_kernel",
    "wgf_velocity",
]

Statistics = Callable[[Array], Array]
Kernel = Callable[[Array, Array], Array]
Layers = Sequence[tuple[Any, Any]]


# --------------------------------------------------------------------------------------------------


def rbf(centers: Any, bandwidth: float) -> Statistics:
    """exp(−‖x − c‖²/(2σ²)) for each centre."""
    return lambda x: np.array([gaussian(x, c, bandwidth) for c in precise(centers)])


def polynomial(centers: Any, degree: int, offset: float) -> Statistics:
    """(⟨x, c⟩ + offset)^degree for each centre."""
    return lambda x: np.array(
        [(np.sum(x * c) + precise(offset)) ** degree for c in precise(centers)]
    )


def monomials(degree: int) -> Statistics:
    """Products of coordinates, of total degree 1 to ``degree``, in graded lexicographic order."""

    def value(x: Array) -> Array:
        powers = (
            p
            for total in range(1, degree + 1)
            for p in itertools.combinations_with_replacement(x, total)
        )
        return np.array([MP.fprod(factors) for factors in powers])

    return value


def fourier(frequencies: Any, phases: Any) -> Statistics:
    """sqrt(2/b) cos(⟨ω, x⟩ + φ) for each frequency."""
    pairs = list(zip(precise(frequencies), precise(phases), strict=True))
    return lambda x: (
        MP.sqrt(MP.mpf(2) / len(pairs)) * np.array([MP.cos(np.sum(w * x) + p) for w, p in pairs])
    )


def pairwise() -> Statistics:
    """x_a x_c for a < c."""
    return lambda x: np.array([a * c for a, c in itertools.combinations(x, 2)])


# --------------------------------------------------------------------------------------------------


def gaussian(x: Array, y: Array, bandwidth: Any) -> Any:
    """exp(−‖x − y‖²/(2σ²))."""
    return MP.exp(-np.sum((x - y) ** 2) / (2 * precise(bandwidth) ** 2))


def gradient_kernel(bandwidth: float) -> Kernel:
    """(K5) by mixed differences of the scalar kernel."""
    return lambda x, y: mixed_differences(lambda p, q: gaussian(p, q, bandwidth), x, y)


def scalar_kernel(bandwidth: float) -> Kernel:
    """(K6)."""
    return lambda x, y: gaussian(x, y, bandwidth) * np.array(hp.axes(len(x)))


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": MP.tanh,
    "relu": lambda a: a if a > 0 else a * 0,
    "silu": lambda a: a / (1 + MP.exp(-a)),
    "gelu": lambda a: a * (1 + MP.erf(a / MP.sqrt(2))) / 2,
}


def network(
    parameters: Array, shapes: Sequence[tuple[int, int]], activation: str, x: Array
) -> Array:
    """Outputs of a multilayer perceptron whose parameters, by layer, are one vector."""
    h, used = x, 0
    for number, (outputs, inputs) in enumerate(shapes):
        matrix = parameters[used : used + outputs * inputs].reshape(outputs, inputs)
        offset = parameters[used + outputs * inputs : used + outputs * (inputs + 1)]
        used += outputs * (inputs + 1)
        h = matrix @ h + offset
        if number < len(shapes) - 1:
            h = np.array([ACTIVATIONS[activation](a) for a in h])
    return h


def parameter_jacobian(layers: Layers, activation: str) -> Callable[[Array], Array]:
    """Return the function x → ∂h(x)/∂parameters (d, parameters), which computes each point once."""
    parameters = np.concatenate([precise(part).reshape(-1) for layer in layers for part in layer])
    shapes = [np.shape(matrix) for matrix, _ in layers]
    known: dict[tuple[Any, ...], Array] = {}

    def jacobian(x: Array) -> Array:
        if tuple(x) not in known:
            known[tuple(x)] = differences(lambda w: network(w, shapes, activation, x), parameters).T
        return known[tuple(x)]

    return jacobian


def tangent_kernel(layers: Layers, activation: str, mode: str) -> Kernel:
    """(K7) from its definition J_h(x) J_h(y)ᵀ."""
    jacobian = parameter_jacobian(layers, activation)

    def value(x: Array, y: Array) -> Array:
        full = jacobian(x) @ jacobian(y).T
        identity = np.array(hp.axes(len(x)))
        if mode == "full":
            return full
        return full * identity if mode == "diagonal" else np.trace(full) / len(x) * identity

    return value


# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Solution:
    """c, v, G, F̂, Δ and Gc of (K2)-(K4), with V at the particles, (n, d, b)."""

    coefficients: Array
    velocity: Array
    gram: Array
    fisher: Array
    delta: Array
    moment_rate: Array
    contraction: Array
    tolerance: float
    coefficient_tolerance: float


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that the velocity (K2) depends on, in float64 numbers that are taken as exact."""

    x: Array
    y: Array
    statistics: Statistics
    kernel: Kernel
    ridge: float = 1e-3
    jitter: float = 1e-3
    ddof: int = 0
    weights: Array | None = None
    target_weights: Array | None = None
    mask: Array | None = None

    @cached_property
    def pi(self) -> Array:
        """Weights π of the particles."""
        return self._weights(self.weights, len(self.x))

    @cached_property
    def rho(self) -> Array:
        """Weights ρ of the target samples."""
        return self._weights(self.target_weights, len(self.y))

    @cached_property
    def jacobians(self) -> Array:
        """∇f at the particles, (n, d, b)."""
        return np.array([differences(self.statistics, point) for point in precise(self.x)])

    @cached_property
    def values(self) -> Array:
        """Statistics f at the particles, (n, b)."""
        return np.array([self.statistics(point) for point in precise(self.x)])

    @cached_property
    def target_values(self) -> Array:
        """Statistics f at the target samples, (m, b)."""
        return np.array([self.statistics(point) for point in precise(self.y)])

    def contraction(self, points: Array) -> Array:
        """V(z) = Σ_i π_i K(z, x_i) ∇f(x_i) at any points, (k, d, b), as the sum stands."""
        x = precise(self.x)
        total = []
        for z in precise(points):
            terms = (
                w * self._moving(self.kernel(z, p)) @ df
                for w, p, df in zip(self.pi, x, self.jacobians, strict=True)
            )
            total.append(sum(terms))
        return np.array(total)

    def fisher(self) -> Array:
        """F̂ = Σ π (f − f̄)(f − f̄)ᵀ / (1 − ddof Σπ²)."""
        centred = self.values - self.pi @ self.values
        return (centred * self.pi[:, None]).T @ centred / (1 - self.ddof * np.sum(self.pi**2))

    def delta(self) -> Array:
        """Δ = E_p f − E_q f."""
        return self.rho @ self.target_values - self.pi @ self.values

    def solve(self) -> Solution:
        """(K3), then (K2) at the particles."""
        contraction = self.contraction(self.x)
        gram = sum(
            w * df.T @ v for w, df, v in zip(self.pi, self.jacobians, contraction, strict=True)
        )
        fisher, delta = self.fisher(), self.delta()
        matrix = (
            gram
            + precise(self.ridge) * fisher
            + precise(self.jitter) * np.array(hp.axes(len(delta)))
        )
        c = hp.solve(matrix, delta)
        velocity = contraction @ c
        tolerance, coefficient_tolerance = self._tolerances(matrix, contraction, c)
        return Solution(
            c,
            velocity,
            gram,
            fisher,
            delta,
            gram @ c,
            contraction,
            tolerance,
            coefficient_tolerance,
        )

    def _tolerances(self, matrix: Array, contraction: Array, c: Array) -> tuple[float, float]:
        """Bounds on the 2-norm errors of v and of c in float64.

        Δ is a difference of two means and carries their roundings; the system matrix carries one of
        its own size. Both reach c through the inverse, and v through V as well. The factor 20
        covers sums of n and b terms and the rounding of V itself; over 400 random problems the
        largest error was 1.5 without it.
        """
        system, design = matrix.astype(float), contraction.astype(float).reshape(-1, len(c))
        smallest = np.linalg.svd(system, compute_uv=False)[-1]
        means = np.linalg.norm((self.pi @ self.values).astype(float)) + np.linalg.norm(
            (self.rho @ self.target_values).astype(float)
        )
        inner = means / smallest + np.linalg.cond(system) * np.linalg.norm(c.astype(float))
        unit = float(20 * np.finfo(float).eps * inner)
        return unit * float(np.linalg.norm(design, 2)), unit

    def _moving(self, matrix: Array) -> Array:
        if self.mask is None:
            return matrix
        moves = precise(self.mask.astype(float))
        return moves[:, None] * matrix * moves

    @staticmethod
    def _weights(given: Array | None, number: int) -> Array:
        return np.array([MP.mpf(1) / number] * number) if given is None else precise(given)


# --------------------------------------------------------------------------------------------------


def energy(
    x: Array, y: Array, pi: Array, rho: Array, distance: Callable[[Array, Array], Any]
) -> Any:
    """Return 2 E d(x, y) − E d(x, x′) − E d(y, y′).

    It is the energy distance (Q2) for d = ‖·‖ and the squared MMD (Q1) for d = −k.
    """

    def mean(a: Array, b: Array, u: Array, v: Array) -> Any:
        return MP.fsum(
            s * t * distance(p, q)
            for s, p in zip(u, a, strict=True)
            for t, q in zip(v, b, strict=True)
        )

    return 2 * mean(x, y, pi, rho) - mean(x, x, pi, pi) - mean(y, y, rho, rho)


def distance(x: Array, y: Array) -> Any:
    """‖x − y‖."""
    return MP.sqrt(np.sum((x - y) ** 2))


def squared_mmd(x: Array, y: Array, pi: Array, rho: Array, bandwidth: float) -> Any:
    """The square of (Q1)."""
    return energy(x, y, pi, rho, lambda p, q: -gaussian(p, q, bandwidth))


def descent(d: Callable[[Array, Array], Any], x: Array, y: Array, pi: Array, rho: Array) -> Array:
    """Return v_i = −(1/π_i) ∂energy/∂x_i by differences, as the limit where π_i = 0.

    Of the double sums those over the pairs with x_i depend on it: 2π_i E_y d(x_i, y), and twice
    π_i E_x d(x_i, x), in which the other points stay where they are.
    """

    def potential(z: Array) -> Any:
        return MP.fsum(r * d(z, q) for r, q in zip(rho, y, strict=True)) - MP.fsum(
            p * d(z, q) for p, q in zip(pi, x, strict=True)
        )

    return np.array([-2 * differences(potential, point) for point in x])


def energy_velocity(x: Array, y: Array, pi: Array, rho: Array) -> Array:
    """(W2)."""
    return descent(distance, x, y, pi, rho)


def mmd_velocity(x: Array, y: Array, pi: Array, rho: Array, bandwidth: float) -> Array:
    """(W3)."""
    return descent(lambda p, q: -gaussian(p, q, bandwidth), x, y, pi, rho)


def kde_score(point: Array, sample: Array, weights: Array, bandwidth: float) -> Array:
    """∇ log Σ_j w_j k(point, sample_j)."""

    def log_density(z: Array) -> Any:
        return MP.log(
            MP.fsum(w * gaussian(z, p, bandwidth) for w, p in zip(weights, sample, strict=True))
        )

    return differences(log_density, point)


def wgf_velocity(x: Array, y: Array, pi: Array, rho: Array, bandwidth: float) -> Array:
    """(W1)."""
    return np.array([kde_score(p, y, rho, bandwidth) - kde_score(p, x, pi, bandwidth) for p in x])


def svgd_velocity(x: Array, pi: Array, scores: Array, bandwidth: float) -> Array:
    """(W4): v(z) = Σ_i π_i [k(x_i, z) ∇log p(x_i) + ∇_{x_i} k(x_i, z)]."""

    def at(z: Array) -> Array:
        pulls = [gaussian(p, z, bandwidth) * s for p, s in zip(x, scores, strict=True)]
        pushes = [differences(lambda q: gaussian(q, z, bandwidth), p) for p in x]
        return np.sum(
            [w * (pull + push) for w, pull, push in zip(pi, pulls, pushes, strict=True)], axis=0
        )

    return np.array([at(z) for z in x])


def median_bandwidth(x: Array, rule: str) -> Any:
    """(K8): all n² squared distances, the zeros dropped, sorted."""
    squares = sorted(s for p in x for q in x if (s := np.sum((p - q) ** 2)) > 0)
    low, high = squares[(len(squares) - 1) // 2], squares[len(squares) // 2]
    return MP.sqrt((low if rule == "lower" else (low + high) / 2) / 2)
