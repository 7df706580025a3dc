"""The metrics and the functionals behind the baseline flows, pair by pair in fifty digits.

Nothing here imports the package.
"""

from functools import cache
from pathlib import Path

import mpmath
import numpy as np

mpmath.mp.dps = 50
EPS = np.finfo(float).eps
CASES = ("gauss1d", "gauss2d", "mix5d", "poly2d")


@cache
def golden():
    """Inputs and outputs of the published program."""
    with np.load(Path(__file__).parents[1] / "data" / "ingd_public.npz") as stored:
        return dict(stored)


def uniform(number):
    return [mpmath.mpf(1) / number] * number


def squared_distance(a, b):
    return mpmath.fsum(
        (mpmath.mpf(float(s)) - mpmath.mpf(float(t))) ** 2 for s, t in zip(a, b, strict=True)
    )


def mean_over_pairs(function, x, y, pi, rho):
    """Σ_ij π_i ρ_j function(‖x_i − y_j‖²)."""
    return mpmath.fsum(
        p * r * function(squared_distance(a, b))
        for a, p in zip(x, pi, strict=True)
        for b, r in zip(y, rho, strict=True)
        if p * r
    )


def discrepancy(function, x, y, pi=None, rho=None):
    """E h(x, x') + E h(y, y') − 2 E h(x, y) for the kernel h = function of the squared distance."""
    pi = (
        uniform(len(x))
        if pi is None
        else [mpmath.mpf(float(p)) / mpmath.fsum(map(float, pi)) for p in pi]
    )
    rho = (
        uniform(len(y))
        if rho is None
        else [mpmath.mpf(float(r)) / mpmath.fsum(map(float, rho)) for r in rho]
    )
    own, target = mean_over_pairs(function, x, x, pi, pi), mean_over_pairs(function, y, y, rho, rho)
    return own + target - 2 * mean_over_pairs(function, x, y, pi, rho)


def squared_mmd(x, y, bandwidth, pi=None, rho=None):
    variance = mpmath.mpf(float(bandwidth)) ** 2
    return discrepancy(lambda s: mpmath.exp(-s / (2 * variance)), x, y, pi, rho)


def energy_distance(x, y, pi=None, rho=None):
    return discrepancy(lambda s: -mpmath.sqrt(s), x, y, pi, rho)


def kde_log_density(point, sample, bandwidth, rho=None):
    """Logarithm of the kernel density estimate, up to the constant of its normalisation."""
    rho = uniform(len(sample)) if rho is None else rho
    variance = mpmath.mpf(float(bandwidth)) ** 2
    return mpmath.log(
        mpmath.fsum(
            r * mpmath.exp(-squared(point, b) / (2 * variance))
            for b, r in zip(sample, rho, strict=True)
        )
    )


def squared(point, b):
    return mpmath.fsum((s - mpmath.mpf(float(t))) ** 2 for s, t in zip(point, b, strict=True))


def gradient(function, point):
    """Central differences in fifty digits: truncation of relative order 1e-30, rounding 1e-35."""
    step = mpmath.mpf(10) ** -15
    result = []
    for a in range(len(point)):
        ends = []
        for sign in (1, -1):
            moved = [mpmath.mpf(float(s)) for s in point]
            moved[a] += sign * step
            ends.append(function(moved))
        result.append(float((ends[0] - ends[1]) / (2 * step)))
    return np.array(result)
