"""The Gaussian and Gamma families at 100 digits, written literally from (E1)-(E6), (E12), (E13): an oracle that shares no code.

Cancellation is paid for with digits: differences of size 1e-24 next to terms of size 1e10 leave 60
correct digits of 100.
"""

from collections.abc import Callable, Sequence

import mpmath
from mpmath import mpf

DIGITS = 100
UNIT = 2.0**-53  # unit roundoff of float64

Vector = list[mpf]


class Gaussian:
    """(E12)."""

    @staticmethod
    def log_partition(theta: Vector) -> mpf:
        return -(theta[0] ** 2) / (4 * theta[1]) - mpmath.log(-2 * theta[1]) / 2

    @staticmethod
    def mean(theta: Vector) -> Vector:
        m, variance = -theta[0] / (2 * theta[1]), -1 / (2 * theta[1])
        return [m, m**2 + variance]

    @staticmethod
    def is_mean(mu: Vector) -> bool:
        return mu[1] > mu[0] ** 2

    @staticmethod
    def natural_from_mean(mu: Vector) -> Vector:
        variance = mu[1] - mu[0] ** 2
        return [mu[0] / variance, -1 / (2 * variance)]

    @staticmethod
    def fisher(theta: Vector) -> list[Vector]:
        m, variance = -theta[0] / (2 * theta[1]), -1 / (2 * theta[1])
        return [
            [variance, 2 * m * variance],
            [2 * m * variance, 4 * m**2 * variance + 2 * variance**2],
        ]

    @staticmethod
    def entropy(theta: Vector) -> mpf:
        return mpmath.log(2 * mpmath.pi * mpmath.e * (-1 / (2 * theta[1]))) / 2

    @staticmethod
    def mean_log_base_measure(theta: Vector) -> mpf:
        return -mpmath.log(2 * mpmath.pi) / 2

    @staticmethod
    def log_prob(theta: Vector, x: mpf) -> mpf:
        return (
            theta[0] * x
            + theta[1] * x**2
            - Gaussian.log_partition(theta)
            - mpmath.log(2 * mpmath.pi) / 2
        )


class Gamma:
    """(E13)."""

    @staticmethod
    def log_partition(theta: Vector) -> mpf:
        return mpmath.loggamma(theta[0]) - theta[0] * mpmath.log(-theta[1])

    @staticmethod
    def mean(theta: Vector) -> Vector:
        return [mpmath.psi(0, theta[0]) - mpmath.log(-theta[1]), -theta[0] / theta[1]]

    @staticmethod
    def is_mean(mu: Vector) -> bool:
        return mpmath.log(mu[1]) > mu[0]

    @staticmethod
    def natural_from_mean(mu: Vector) -> Vector:
        gap = mpmath.log(mu[1]) - mu[0]
        shape = mpmath.findroot(  # bisection-safeguarded, in log shape: 1/(2 gap) < shape < 1/gap
            lambda t: mpmath.log(gap) - mpmath.log(t - mpmath.psi(0, mpmath.exp(t))),
            (-mpmath.log(2 * gap), -mpmath.log(gap)),
            solver="anderson",
            tol=mpf(10) ** (-2 * DIGITS // 3),
        )
        return [mpmath.exp(shape), -mpmath.exp(shape) / mu[1]]

    @staticmethod
    def fisher(theta: Vector) -> list[Vector]:
        shape, rate = theta[0], -theta[1]
        return [[mpmath.psi(1, shape), 1 / rate], [1 / rate, shape / rate**2]]

    @staticmethod
    def entropy(theta: Vector) -> mpf:
        shape, rate = theta[0], -theta[1]
        return (
            shape - mpmath.log(rate) + mpmath.loggamma(shape) + (1 - shape) * mpmath.psi(0, shape)
        )

    @staticmethod
    def mean_log_base_measure(theta: Vector) -> mpf:
        return -Gamma.mean(theta)[0]

    @staticmethod
    def log_prob(theta: Vector, x: mpf) -> mpf:
        return theta[0] * mpmath.log(x) + theta[1] * x - Gamma.log_partition(theta) - mpmath.log(x)


def inverse_fisher(family: type, theta: Vector) -> list[Vector]:
    (a, b), (_, c) = family.fisher(theta)
    determinant = a * c - b * b
    return [[c / determinant, -b / determinant], [-b / determinant, a / determinant]]


def kl(family: type, theta1: Vector, theta2: Vector) -> mpf:
    """The three terms of (E5)."""
    linear = sum(
        (t2 - t1) * m for t1, t2, m in zip(theta1, theta2, family.mean(theta1), strict=True)
    )
    return family.log_partition(theta2) - family.log_partition(theta1) - linear


def flatten(value: object) -> Vector:
    return (
        [entry for part in value for entry in flatten(part)] if isinstance(value, list) else [value]
    )


def condition(
    function: Callable[[Vector], object], argument: Sequence[mpf], scale: Sequence[mpf]
) -> list[float]:
    """Condition numbers Σ_j |t_j ∂G_i/∂t_j| / scale_i of the entries of G, by central differences at 100 digits (error 1e-50)."""
    step = mpf(10) ** -25
    total = [mpf(0)] * len(scale)
    for j, value in enumerate(argument):
        shifted = [
            [v * (1 + sign * step) if k == j else v for k, v in enumerate(argument)]
            for sign in (1, -1)
        ]
        upper, lower = (flatten(function(point)) for point in shifted)
        if value != 0:
            total = [
                t + abs(u - low) / (2 * step) for t, u, low in zip(total, upper, lower, strict=True)
            ]
    return [float(t / s) if s != 0 else 0.0 for t, s in zip(total, scale, strict=True)]
