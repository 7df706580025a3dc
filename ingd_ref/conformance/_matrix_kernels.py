"""Matrix kernels, one pair of points at a time, in extended precision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from ingd_ref.conformance._precision import REAL, STEP, Array, real

__all__ = [
    "ACTIVATIONS",
    "GradientKernel",
    "Kernel",
    "ScalarKernel",
    "ScaledKernel",
    "TangentKernel",
    "gaussian",
    "network",
    "network_jacobian",
]


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
            matrix[a, b] = gaussian(x, y, self.bandwidth) * (
                (a == b) / s2 - (x[a] - y[a]) * (x[b] - y[b]) / s2**2
            )
        return matrix


@dataclass(frozen=True)
class ScalarKernel:
    """(K6): K(x,y) = k(x,y) I; ``coordinatewise`` asks for a separate system for each coordinate of the velocity."""

    bandwidth: float
    coordinatewise: bool = False
    radial = True

    def __call__(self, x: Array, y: Array) -> Array:
        return real(gaussian(x, y, self.bandwidth) * np.eye(len(x), dtype=REAL))


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
            self.jacobians[key] = network_jacobian(
                self.layers, self.activation, np.asarray(x, dtype=float)
            )
        return self.jacobians[key]

    def __call__(self, x: Array, y: Array) -> Array:
        full = real(self.parameter_jacobian(x) @ self.parameter_jacobian(y).T)
        if self.mode == "full":
            return full
        if self.mode == "diagonal":
            return np.diag(np.diag(full))
        if self.mode == "trace":
            return real(np.trace(full) / len(x) * np.eye(len(x), dtype=REAL))
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
