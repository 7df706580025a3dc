"""Generators at eighty digits, one latent point at a time.

Functions of exact parameters w and of one point z.

Quantiles are found by Newton's iteration on distribution functions that are summed as series.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from validation.oracles.particles import network
from validation.oracles.precise import MP, Array, exp

__all__ = [
    "Generator",
    "affine",
    "gamma_quantile",
    "location_scale",
    "mixture_quantile",
    "perceptron",
    "polynomial",
]

Generator = Callable[[Array, Array], Array]
# Newton's iteration doubles the digits with each step once it has a few; the rough starts below
# need ten or twenty steps to have them.
STEPS = 60
CONVERGED = MP.mpf(10) ** -50  # the step after which the next one leaves an error of 1e-100


def location_scale(shared: bool, logarithmic: bool) -> Generator:
    """M + s z, with one s or one for each coordinate, or its logarithm."""

    def generate(w: Array, z: Array) -> Array:
        scale = exp(w[len(z) :]) if logarithmic else w[len(z) :]
        return np.array([w[a] + scale[0 if shared else a] * z[a] for a in range(len(z))])

    return generate


def affine(kind: str) -> Generator:
    """M + L z, with the entries of L row by row."""

    def generate(w: Array, z: Array) -> Array:
        entries, x = iter(w[len(z) :]), list(w[: len(z)])
        for row, column in itertools.product(range(len(z)), repeat=2):
            if kind == "full" or (kind == "triangular" and column <= row) or column == row:
                x[row] += next(entries) * z[column]
        return np.array(x)

    return generate


def polynomial(degree: int, slope_degree: int) -> Generator:
    """A polynomial of earlier coordinates plus the integral of a square in the coordinate."""

    def generate(w: Array, z: Array) -> Array:
        coefficients, x = iter(w), []
        for j in range(len(z)):
            total = MP.mpf(0)
            for order in range(degree + 1):
                for factors in itertools.combinations_with_replacement(range(j), order):
                    total += next(coefficients) * MP.fprod(z[a] for a in factors)
            x.append(total)
        for j in range(len(z)):
            slopes = [next(coefficients) for _ in range(slope_degree + 1)]
            for (k, a), (m, c) in itertools.product(enumerate(slopes), repeat=2):
                x[j] += a * c * z[j] ** (k + m + 1) / (k + m + 1)
        return np.array(x)

    return generate


def perceptron(sizes: Sequence[int], activation: str, residual: bool) -> Generator:
    """A network, to whose output its input may be added."""
    shapes = [(outputs, inputs) for inputs, outputs in itertools.pairwise(sizes)]

    def generate(w: Array, z: Array) -> Array:
        x = network(w, shapes, activation, z)
        return x + z if residual else x

    return generate


def gamma_quantile(w: Array, z: Array) -> Array:
    """The quantile x of the Gamma distribution of shape w_0 and rate w_1 at z_0."""
    shape, rate = w

    def distribution(x: Any) -> Any:
        # Power series of the lower incomplete gamma function: all terms are positive.
        term = total = MP.exp(shape * MP.log(x) - x - MP.loggamma(shape + 1))
        k = 0
        while term > total * MP.eps:
            k += 1
            term *= x / (shape + k)
            total += term
        return total

    def slope(log_x: Any) -> Any:
        return MP.exp(shape * log_x - MP.exp(log_x) - MP.loggamma(shape))

    # log F is concave in log x, and log x = (log u + log Γ(a + 1))/a is on the left of the root:
    # Newton's iteration rises to it.
    log_x = (MP.log(z[0]) + MP.loggamma(shape + 1)) / shape
    for _ in range(STEPS):
        probability = distribution(MP.exp(log_x))
        step = MP.log(z[0] / probability) * probability / slope(log_x)
        log_x += step
        if abs(step) < CONVERGED:
            break
    return np.array([MP.exp(log_x) / rate])


def mixture_quantile(w: Array, z: Array) -> Array:
    """The quantile x of a mixture of Gaussians at the probability z_0."""
    logits, locations, log_scales = (list(part) for part in np.reshape(w, (3, -1)))
    powers = [MP.exp(logit) for logit in logits]

    def distribution(x: Any) -> Any:
        parts = [
            p * MP.ncdf((x - m) / MP.exp(r))
            for p, m, r in zip(powers, locations, log_scales, strict=True)
        ]
        return sum(parts) / sum(powers)

    # Bisection to where Newton's iteration takes over: any bracket that holds all components will
    # do.
    reach = 40 * max(MP.exp(r) for r in log_scales)
    low, high = min(locations) - reach, max(locations) + reach
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if distribution(middle) < z[0] else (low, middle)
    x = (low + high) / 2
    for _ in range(STEPS):
        densities = [
            p * MP.npdf(x, m, MP.exp(r))
            for p, m, r in zip(powers, locations, log_scales, strict=True)
        ]
        step = (z[0] - distribution(x)) * sum(powers) / sum(densities)
        x += step
        if abs(step) < CONVERGED:
            break
    return np.array([x])
