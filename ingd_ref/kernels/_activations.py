"""Activation functions of multilayer perceptrons with first and second derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.backend._operations import erf

__all__ = ["ACTIVATIONS", "CURVATURES"]

Activation = Callable[[Namespace, Array], tuple[Array, Array]]


def tanh(xp: Namespace, a: Array) -> tuple[Array, Array]:
    """Return tanh a and its derivative 1 − tanh² a."""
    value = xp.tanh(a)
    return value, 1.0 - value * value


def relu(xp: Namespace, a: Array) -> tuple[Array, Array]:
    """Return max(a, 0) and its derivative, taken as 0 at the kink."""
    positive = xp.astype(a > 0, a.dtype)
    return a * positive, positive


def silu(xp: Namespace, a: Array) -> tuple[Array, Array]:
    """Return a s(a) with the logistic function s, and its derivative s (1 + a (1 − s))."""
    # s(a) = (1 + tanh(a/2)) / 2 cannot overflow.
    logistic = 0.5 * (1.0 + xp.tanh(0.5 * a))
    return a * logistic, logistic * (1.0 + a * (1.0 - logistic))


def gelu(xp: Namespace, a: Array) -> tuple[Array, Array]:
    """Return a Φ(a), Φ the normal distribution function, and its derivative Φ + a φ."""
    distribution = 0.5 * (1.0 + erf(xp, a / math.sqrt(2.0)))
    density = xp.exp(-0.5 * a * a) / math.sqrt(2.0 * math.pi)
    return a * distribution, distribution + a * density


ACTIVATIONS: dict[str, Activation] = {"tanh": tanh, "relu": relu, "silu": silu, "gelu": gelu}


def tanh_curvature(xp: Namespace, a: Array) -> Array:
    """Return −2 tanh a (1 − tanh² a)."""
    value, slope = tanh(xp, a)
    return -2.0 * value * slope


def relu_curvature(xp: Namespace, a: Array) -> Array:
    """Return 0, also at the kink."""
    return xp.zeros_like(a)


def silu_curvature(xp: Namespace, a: Array) -> Array:
    """Return s (1 − s) (2 + a (1 − 2 s)) with the logistic function s."""
    half = xp.tanh(0.5 * a)
    return 0.25 * (1.0 - half * half) * (2.0 - a * half)


def gelu_curvature(xp: Namespace, a: Array) -> Array:
    """Return φ (2 − a²) with the normal density φ."""
    return xp.exp(-0.5 * a * a) / math.sqrt(2.0 * math.pi) * (2.0 - a * a)


#: Second derivatives, by the name of the activation.
CURVATURES: dict[str, Callable[[Namespace, Array], Array]] = {
    "tanh": tanh_curvature,
    "relu": relu_curvature,
    "silu": silu_curvature,
    "gelu": gelu_curvature,
}
