"""Weighted points whose moments are those of a distribution to rounding.

Particles without Monte-Carlo noise.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from validation.oracles.precise import Array

__all__ = ["gamma_nodes", "gaussian_nodes", "laguerre_nodes"]


def gaussian_nodes(mean: float, deviation: float, number: int) -> tuple[Array, Array]:
    """Gauss-Hermite points (n, 1) and weights (n,).

    Moments of degree below 2n are those of N(mean, deviation²).
    """
    nodes, weights = special.roots_hermitenorm(number)
    return (mean + deviation * nodes)[:, None], weights / np.sum(weights)


def laguerre_nodes(shape: float, rate: float, number: int) -> tuple[Array, Array]:
    """Generalised Gauss-Laguerre points (n, 1) and weights (n,).

    Powers of x of degree below 2n have the moments of Gamma(shape, rate).
    """
    nodes, weights = special.roots_genlaguerre(number, shape - 1)
    return nodes[:, None] / rate, weights / np.sum(weights)


def gamma_nodes(shape: float, rate: float) -> tuple[Array, Array]:
    """Trapezoidal points in u = log x.

    Moments of log x and of x together are those of Gamma(shape, rate).

    The density of u, ∝ exp(shape·u − rate·e^u), has the characteristic function Γ(shape +
    iω)/Γ(shape) up to a phase. By Poisson's summation formula the trapezoidal rule with step h errs
    by its values at the multiples of 2π/h; the step is halved until the first is below 1e-19, which
    leaves room for the factors u and e^u of the statistics. The range is cut where the density
    falls below e^−60 of its top.
    """
    step = 0.5 / np.sqrt(max(shape, 1.0))
    while special.loggamma(shape + 2j * np.pi / step).real - special.gammaln(shape) > np.log(1e-19):
        step /= 2
    peak = np.log(shape / rate)
    left, right = (
        peak - 60.0 / shape - 8.0 / np.sqrt(shape),
        peak + np.log1p(70.0 / shape + 16.0 / np.sqrt(shape)),
    )
    u = peak + step * np.arange(np.floor((left - peak) / step), np.ceil((right - peak) / step) + 1)
    weights = np.exp(shape * (u - peak) - shape * np.expm1(u - peak))
    keep = weights > 0
    return np.exp(u[keep])[:, None], weights[keep] / np.sum(weights[keep])
