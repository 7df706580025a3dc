"""The families on the half-line (and Laplace's, whose statistic lives there) at 160 digits, literally from textbook formulas.

An oracle states A in natural parameters, and the log-density, the entropy and the inverse of the
mean map; the mean parameters and the Fisher information are differences of A, with digits to pay
for them: steps of 1e-40 leave errors of 1e-80 from truncation, and second differences of numbers of
size 1e16 leave 60 digits of 160. That the statements agree with each other and with quadrature is
itself tested.
"""

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
from mpmath import mpf

from ingd_ref.families import (
    ChiSquared,
    Exponential,
    ExponentialFamily,
    InverseGamma,
    InverseGaussian,
    Laplace,
    LogNormal,
    Maxwell,
    Pareto,
    Rayleigh,
    Weibull,
)

DIGITS = 160
STEP = mpf("1e-40")
Vector = list[mpf]


@dataclass(frozen=True)
class Oracle:
    """What textbooks say about one family; ``log_density`` (after x), ``entropy``, ``points`` take classical parameters by position."""

    family: ExponentialFamily
    classical: Callable[[Vector], Vector]
    log_partition: Callable[[Vector], mpf]
    natural_from_mean: Callable[[Vector], Vector]
    is_mean: Callable[[Vector], bool]
    statistics: Callable[[mpf], Vector]
    log_density: Callable[..., mpf]
    entropy: Callable[..., mpf]
    points: Callable[
        ..., Vector
    ]  # where the density is compared: the centre, close to it, and far out on either side
    distance: (
        Callable[[Vector, Vector], mpf] | None
    )  # in the Fisher metric, of two lists of classical parameters
    single: tuple[
        tuple[float, ...], ...
    ]  # values of each classical parameter within the range of float32

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.family.parameters)

    def mean(self, theta: Vector) -> Vector:
        return [
            (self.log_partition(up) - self.log_partition(down)) / (2 * size)
            for up, down, size in _moved(theta)
        ]

    def fisher(self, theta: Vector) -> list[Vector]:
        return [
            [(a - b) / (2 * size) for a, b in zip(self.mean(up), self.mean(down), strict=True)]
            for up, down, size in _moved(theta)
        ]

    def third_cumulant(self, theta: Vector) -> list[list[Vector]]:
        """Differences of the Fisher information, whose steps of 1e-20 leave 1e-40 from truncation and 60 digits of its 80."""
        tensor = []
        for up, down, size in _moved(theta, mpf("1e-20")):
            upper, lower = self.fisher(up), self.fisher(down)
            tensor.append(
                [
                    [(a - b) / (2 * size) for a, b in zip(*rows, strict=True)]
                    for rows in zip(upper, lower, strict=True)
                ]
            )
        return tensor

    def classical_fisher(self, theta: Vector) -> list[Vector]:
        """JᵀFJ (E4), J = ∂θ/∂ξ as the inverse of differences of the map from θ to ξ."""
        columns = [
            [
                (a - b) / (2 * size)
                for a, b in zip(self.classical(up), self.classical(down), strict=True)
            ]
            for up, down, size in _moved(theta)
        ]
        jacobian = mpmath.matrix(columns).T ** -1
        return (jacobian.T * mpmath.matrix(self.fisher(theta)) * jacobian).tolist()

    def distance_at(self, theta1: Vector, theta2: Vector) -> mpf:
        return self.distance(self.classical(theta1), self.classical(theta2))

    def inverse_fisher(self, theta: Vector) -> list[Vector]:
        fisher = self.fisher(theta)
        if len(fisher) == 1:
            return [[1 / fisher[0][0]]]
        (a, b), (_, c) = fisher
        determinant = a * c - b * b
        return [[c / determinant, -b / determinant], [-b / determinant, a / determinant]]

    def natural_gradient(self, theta: Vector, grad: Vector) -> Vector:
        return [
            sum(entry * g for entry, g in zip(row, grad, strict=True))
            for row in self.inverse_fisher(theta)
        ]

    def kl(self, theta1: Vector, theta2: Vector) -> mpf:
        """The three terms of (E5)."""
        linear = sum(
            (t2 - t1) * m for t1, t2, m in zip(theta1, theta2, self.mean(theta1), strict=True)
        )
        return self.log_partition(theta2) - self.log_partition(theta1) - linear

    def entropy_at(self, theta: Vector) -> mpf:
        return self.entropy(*self.classical(theta))

    def log_prob(self, theta: Vector, x: mpf) -> mpf:
        return self.log_density(x, *self.classical(theta))

    def conjugate(self, mu: Vector) -> mpf:
        theta = self.natural_from_mean(mu)
        return sum(t * m for t, m in zip(theta, mu, strict=True)) - self.log_partition(theta)


def _moved(theta: Vector, step: mpf = STEP) -> list[tuple[Vector, Vector, mpf]]:
    """Pairs of points a little above and below θ along each coordinate, and half of their distance."""
    pairs = []
    for i, value in enumerate(theta):
        size = step * (abs(value) if value != 0 else max(abs(t) for t in theta))
        pairs.append(
            (
                [*theta[:i], value + size, *theta[i + 1 :]],
                [*theta[:i], value - size, *theta[i + 1 :]],
                size,
            )
        )
    return pairs


def spread(centre: mpf, deviation: mpf) -> Vector:
    """The centre, a point close to it, and one far out on either side, for a density of relative width ``deviation``."""
    return [
        centre,
        centre * (1 + deviation / 1000),
        centre * (1 + 5 * deviation),
        centre / (1 + 5 * deviation),
    ]


def half_plane(x1: mpf, y1: mpf, x2: mpf, y2: mpf) -> mpf:
    """Distance for the metric 2 (dx² + dy²)/y²."""
    return mpmath.sqrt(2) * mpmath.acosh(1 + ((x1 - x2) ** 2 + (y1 - y2) ** 2) / (2 * y1 * y2))


def _scale_family(
    family: ExponentialFamily,
    k: float = 1.0,
    power: float = 1.0,
    single: tuple[float, ...] = (1e-3, 0.3, 1.0, 7.0, 1e3),
    **given,
) -> Oracle:
    """A family of one parameter, of which θ is a power, whose statistic is Gamma distributed with the known shape k."""
    return Oracle(
        family,
        natural_from_mean=lambda mu: [-mpf(k) / mu[0]],
        is_mean=lambda mu: mu[0] > 0,
        distance=lambda first, second: (
            mpmath.sqrt(k) * power * abs(mpmath.log(second[0] / first[0]))
        ),
        single=(single,),
        **given,
    )


def exponential() -> Oracle:
    return _scale_family(
        Exponential(),
        classical=lambda t: [-t[0]],
        log_partition=lambda t: -mpmath.log(-t[0]),
        statistics=lambda x: [x],
        log_density=lambda x, rate: mpmath.log(rate) - rate * x,
        entropy=lambda rate: 1 - mpmath.log(rate),
        points=lambda rate: spread(1 / rate, mpf(1)),
    )


def rayleigh() -> Oracle:
    return _scale_family(
        Rayleigh(),
        power=2.0,
        classical=lambda t: [mpmath.sqrt(-1 / (2 * t[0]))],
        log_partition=lambda t: -mpmath.log(-2 * t[0]),
        statistics=lambda x: [x**2],
        log_density=lambda x, s: mpmath.log(x / s**2) - x**2 / (2 * s**2),
        entropy=lambda s: 1 + mpmath.log(s / mpmath.sqrt(2)) + mpmath.euler / 2,
        points=lambda s: spread(s, mpf(1)),
    )


def maxwell() -> Oracle:
    return _scale_family(
        Maxwell(),
        k=1.5,
        power=2.0,
        classical=lambda t: [mpmath.sqrt(-1 / (2 * t[0]))],
        log_partition=lambda t: -3 * mpmath.log(-2 * t[0]) / 2,
        statistics=lambda x: [x**2],
        log_density=lambda x, s: (
            mpmath.log(mpmath.sqrt(2 / mpmath.pi) * x**2 / s**3) - x**2 / (2 * s**2)
        ),
        entropy=lambda s: mpmath.log(s * mpmath.sqrt(2 * mpmath.pi)) + mpmath.euler - mpf(1) / 2,
        points=lambda s: spread(s, mpf(1)),
    )


def weibull(shape: float) -> Oracle:
    k = mpf(shape)
    return _scale_family(
        Weibull(shape),
        power=k,
        classical=lambda t: [(-t[0]) ** (-1 / k)],
        log_partition=lambda t: -mpmath.log(-t[0]),
        statistics=lambda x: [x**k],
        log_density=lambda x, s: mpmath.log(k / s * (x / s) ** (k - 1)) - (x / s) ** k,
        entropy=lambda s: mpmath.euler * (1 - 1 / k) + mpmath.log(s / k) + 1,
        points=lambda s: spread(s, 1 / k),
    )


def laplace(location: float) -> Oracle:
    centre = mpf(location)
    return _scale_family(
        Laplace(location),
        classical=lambda t: [-1 / t[0]],
        log_partition=lambda t: -mpmath.log(-t[0]),
        statistics=lambda x: [abs(x - centre)],
        log_density=lambda x, s: -abs(x - centre) / s - mpmath.log(2 * s),
        entropy=lambda s: 1 + mpmath.log(2 * s),
        points=lambda s: [centre, centre + s, centre - s / 1000, centre - 7 * s],
    )


def pareto(minimum: float) -> Oracle:
    m = mpf(minimum)
    return _scale_family(
        Pareto(minimum),
        single=(0.05, 0.3, 1.0, 7.0, 1e3),
        classical=lambda t: [-t[0]],
        log_partition=lambda t: -mpmath.log(-t[0]),
        statistics=lambda x: [mpmath.log(x / m)],
        log_density=lambda x, a: mpmath.log(a * m**a / x ** (a + 1)),
        entropy=lambda a: mpmath.log(m / a) + 1 / a + 1,
        points=lambda a: [
            m * mpmath.exp(factor * min(1 / a, mpf(12))) for factor in (0, 1, mpf("0.001"), 5)
        ],
    )


def chi_squared() -> Oracle:
    def natural_from_mean(mu: Vector) -> Vector:
        y = mu[0] - mpmath.log(2)
        start = mpmath.exp(y) + mpf(1) / 2 if y > -2.22 else -1 / (y + mpmath.euler)
        return [
            mpmath.exp(
                mpmath.findroot(lambda t: mpmath.psi(0, mpmath.exp(t)) - y, mpmath.log(start))
            )
        ]

    return Oracle(
        ChiSquared(),
        classical=lambda t: [2 * t[0]],
        log_partition=lambda t: mpmath.loggamma(t[0]) + t[0] * mpmath.log(2),
        natural_from_mean=natural_from_mean,
        is_mean=lambda mu: True,
        statistics=lambda x: [mpmath.log(x)],
        log_density=lambda x, n: (
            (n / 2 - 1) * mpmath.log(x) - x / 2 - n / 2 * mpmath.log(2) - mpmath.loggamma(n / 2)
        ),
        entropy=lambda n: (
            n / 2 + mpmath.log(2) + mpmath.loggamma(n / 2) + (1 - n / 2) * mpmath.psi(0, n / 2)
        ),
        points=lambda n: spread(n, mpmath.sqrt(2 / n)),
        distance=None,
        single=((1e-3, 0.3, 1.0, 2.0, 7.0, 1e3),),
    )


def inverse_gamma() -> Oracle:
    def natural_from_mean(mu: Vector) -> Vector:
        gap = mpmath.log(mu[1]) + mu[0]
        log_shape = mpmath.findroot(  # safeguarded, in log shape: 1/(2 gap) < shape < 1/gap
            lambda t: mpmath.log(gap) - mpmath.log(t - mpmath.psi(0, mpmath.exp(t))),
            (-mpmath.log(2 * gap), -mpmath.log(gap)),
            solver="anderson",
            tol=mpf(10) ** (-2 * DIGITS // 3),
        )
        return [-mpmath.exp(log_shape), -mpmath.exp(log_shape) / mu[1]]

    return Oracle(
        InverseGamma(),
        classical=lambda t: [-t[0], -t[1]],
        log_partition=lambda t: mpmath.loggamma(-t[0]) + t[0] * mpmath.log(-t[1]),
        natural_from_mean=natural_from_mean,
        is_mean=lambda mu: mpmath.log(mu[1]) + mu[0] > 0,
        statistics=lambda x: [mpmath.log(x), 1 / x],
        log_density=lambda x, a, b: (
            a * mpmath.log(b) - mpmath.loggamma(a) - (a + 1) * mpmath.log(x) - b / x
        ),
        entropy=lambda a, b: a + mpmath.log(b) + mpmath.loggamma(a) - (1 + a) * mpmath.psi(0, a),
        points=lambda a, b: spread(b / a, 1 / mpmath.sqrt(a)),
        distance=None,
        single=((1e-3, 0.1, 1.0, 2.0, 50.0, 1e3), (1e-3, 1.0, 30.0)),
    )


def log_normal() -> Oracle:
    def natural_from_mean(mu: Vector) -> Vector:
        variance = mu[1] - mu[0] ** 2
        return [mu[0] / variance, -1 / (2 * variance)]

    def clipped(exponent: mpf) -> mpf:
        return mpmath.exp(max(min(exponent, mpf(80)), mpf(-80)))

    return Oracle(
        LogNormal(),
        classical=lambda t: [-t[0] / (2 * t[1]), -1 / (2 * t[1])],
        log_partition=lambda t: -(t[0] ** 2) / (4 * t[1]) - mpmath.log(-2 * t[1]) / 2,
        natural_from_mean=natural_from_mean,
        is_mean=lambda mu: mu[1] > mu[0] ** 2,
        statistics=lambda x: [mpmath.log(x), mpmath.log(x) ** 2],
        log_density=lambda x, m, v: (
            -mpmath.log(x) - mpmath.log(2 * mpmath.pi * v) / 2 - (mpmath.log(x) - m) ** 2 / (2 * v)
        ),
        entropy=lambda m, v: m + mpf(1) / 2 + mpmath.log(2 * mpmath.pi * v) / 2,
        points=lambda m, v: [clipped(m + z * mpmath.sqrt(v)) for z in (0, 1, mpf("0.001"), -5)],
        distance=lambda first, second: half_plane(
            first[0] / mpmath.sqrt(2),
            mpmath.sqrt(first[1]),
            second[0] / mpmath.sqrt(2),
            mpmath.sqrt(second[1]),
        ),
        single=((0.0, 1.0, -3.0, 40.0), (1e-4, 1.0, 1e3)),
    )


def inverse_gaussian() -> Oracle:
    def entropy(m: mpf, shape: mpf) -> mpf:
        t = 2 * shape / m
        mean_log = mpmath.log(m) - mpmath.exp(t) * mpmath.e1(t)
        return mpf(1) / 2 + mpmath.log(2 * mpmath.pi / shape) / 2 + 3 * mean_log / 2

    def natural_from_mean(mu: Vector) -> Vector:
        shape = 1 / (mu[1] - 1 / mu[0])
        return [-shape / (2 * mu[0] ** 2), -shape / 2]

    return Oracle(
        InverseGaussian(),
        classical=lambda t: [mpmath.sqrt(t[1] / t[0]), -2 * t[1]],
        log_partition=lambda t: -2 * mpmath.sqrt(t[0] * t[1]) - mpmath.log(-2 * t[1]) / 2,
        natural_from_mean=natural_from_mean,
        is_mean=lambda mu: mu[0] * mu[1] > 1,
        statistics=lambda x: [x, 1 / x],
        log_density=lambda x, m, s: (
            mpmath.log(s / (2 * mpmath.pi * x**3)) / 2 - s * (x - m) ** 2 / (2 * m**2 * x)
        ),
        entropy=entropy,
        points=lambda m, s: spread(m, mpmath.sqrt(m / s)),
        distance=lambda first, second: half_plane(
            mpmath.sqrt(2 / first[0]),
            1 / mpmath.sqrt(first[1]),
            mpmath.sqrt(2 / second[0]),
            1 / mpmath.sqrt(second[1]),
        ),
        single=((1e-2, 0.3, 1.0, 50.0), (1e-2, 1.0, 7.0, 1e3)),
    )


# Known parameters are exact in float32 as well, so that both precisions face the same family.
ORACLES = (
    exponential(),
    rayleigh(),
    maxwell(),
    weibull(0.75),
    weibull(2.5),
    laplace(0.0),
    laplace(-1.5),
    pareto(1.0),
    pareto(2.5),
    chi_squared(),
    inverse_gamma(),
    log_normal(),
    inverse_gaussian(),
)
IDS = tuple(repr(oracle.family) for oracle in ORACLES)
