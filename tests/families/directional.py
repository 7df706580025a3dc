"""The von Mises-Fisher family at 120 digits, written literally from (E1)-(E6) with mpmath's I_ν: an oracle that shares no code.

R′ loses 2 log₁₀ κ digits of these at large κ and a divergence between members 1e-12 apart another
24 + 2 log₁₀ κ; 60 of them are left.
"""

import mpmath
import numpy as np
from mpmath import mpf

DIGITS = 120
UNIT = 2.0**-53
UNITS = {np.float64: UNIT, np.float32: 2.0**-24}

Vector = list[mpf]

CONCENTRATIONS = (1e-8, 1e-4, 1e-2, 1.0, 10.0, 1e2, 3e2, 5e2, 7e2, 1e3, 1e4, 1e6, 1e8)
SINGLE_CONCENTRATIONS = (1e-4, 1e-2, 1.0, 10.0, 1e2, 7e2, 1e4)
DIMENSIONS = (2, 3, 10, 100)
BLOCK = 10  # rows and columns of a matrix that are looked at


def direction(d: int) -> np.ndarray:
    return np.arange(1.0, d + 1) / np.linalg.norm(np.arange(1.0, d + 1))


def exact(row: np.ndarray) -> Vector:
    return [mpf(float(value)) for value in row]


def dot(a: Vector, b: Vector) -> mpf:
    return mpmath.fsum(x * y for x, y in zip(a, b, strict=True))


def length(a: Vector) -> mpf:
    return mpmath.sqrt(dot(a, a))


def order(theta: Vector) -> mpf:
    return mpf(len(theta)) / 2 - 1


def log_area(d: int) -> mpf:
    return mpmath.log(2) + mpf(d) / 2 * mpmath.log(mpmath.pi) - mpmath.loggamma(mpf(d) / 2)


def log_partition(theta: Vector) -> mpf:
    nu, kappa = order(theta), length(theta)
    if kappa == 0:
        return mpf(0)
    return (
        mpmath.loggamma(nu + 1) + nu * mpmath.log(2 / kappa) + mpmath.log(mpmath.besseli(nu, kappa))
    )


def ratio(nu: mpf, kappa: mpf) -> mpf:
    return mpmath.besseli(nu + 1, kappa) / mpmath.besseli(nu, kappa)


def mean(theta: Vector) -> Vector:
    kappa = length(theta)
    return (
        [ratio(order(theta), kappa) / kappa * t for t in theta] if kappa else [mpf(0)] * len(theta)
    )


def radial(theta: Vector) -> tuple[mpf, mpf, mpf]:
    """R, R/κ and R′."""
    nu, kappa = order(theta), length(theta)
    value = ratio(nu, kappa)
    return value, value / kappa, 1 - value**2 - (2 * nu + 1) * value / kappa


def spectral(theta: Vector, across: mpf, along: mpf) -> list[Vector]:
    """The matrix with eigenvalue ``along`` for θ and ``across`` for what is orthogonal to it; its first rows and columns if it is large."""
    square, few = dot(theta, theta), theta[:BLOCK]
    return [
        [across * (i == j) + (along - across) * a * b / square for j, b in enumerate(few)]
        for i, a in enumerate(few)
    ]


def fisher(theta: Vector) -> list[Vector]:
    _, across, along = radial(theta)
    return spectral(theta, across, along)


def inverse_fisher(theta: Vector) -> list[Vector]:
    _, across, along = radial(theta)
    return spectral(theta, 1 / across, 1 / along)


def entropy(theta: Vector) -> mpf:
    return log_area(len(theta)) + log_partition(theta) - dot(theta, mean(theta))


def log_prob(theta: Vector, x: Vector) -> mpf:
    return dot(theta, x) / length(x) - log_partition(theta) - log_area(len(theta))


def natural_from_mean(mu: Vector) -> Vector:
    """Root of R(κ) = ‖μ‖ by Newton's iteration, from below in log κ where that converges."""
    nu, r = order(mu), length(mu)
    kappa = r * (2 * nu + 2 - r**2) / (1 - r**2)
    for _ in range(60):
        value = ratio(nu, kappa)
        slope = 1 - value**2 - (2 * nu + 1) * value / kappa
        step = (r - value) / (slope * kappa)
        kappa *= mpmath.exp(step)
        if abs(step) < mpf(10) ** -40:
            return [kappa / r * m for m in mu]
    raise ArithmeticError(f"no convergence at {mpmath.nstr(r, 20)}")


def kl(theta1: Vector, theta2: Vector) -> mpf:
    """The three terms of (E5)."""
    step = [b - a for a, b in zip(theta1, theta2, strict=True)]
    return log_partition(theta2) - log_partition(theta1) - dot(step, mean(theta1))
