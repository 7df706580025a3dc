"""The Fisher information five times over, in float64, each with a model of its own error.

All use the standardised parameter s, θ = θ₀ + diag(1/√F_aa) s, in which F is a correlation matrix:
one step h then suits both parameters, and errors are in units of √(F_aa F_bb). A method with error
T h^p + R h^−q is used at the step that makes this least.

T comes from third and fourth derivatives of A, by differences at eighty digits. R comes from the
rounding of what is differenced: the sizes of the terms that are added up, in units of the last
place, and the rounding of θ itself, which a function turns into that of its value by its slope.
Special functions are taken to be good to a few units.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from validation.oracles.precise import MP, Array, precise
from validation.oracles.quadrature import gamma_nodes, gaussian_nodes
from validation.oracles.statement import Textbook
from validation.oracles.textbook import gamma, gaussian

__all__ = ["EstimateOfFisher", "FloatFamily", "Method", "estimates", "float_family", "methods"]

UNIT = 2.0**-53
#: Units in the last place that a library's log Γ or ψ may be off by, and the roundings of the few
#: sums and products around them.
FUNCTION_ULPS = 4.0


@dataclass(frozen=True)
class FloatFamily:
    """A family in plain float64 formulas, with the sizes of the terms in each."""

    oracle: Textbook
    theta: Array
    log_partition: Callable[[Array], float]
    mean: Callable[[Array], Array]
    kl: Callable[[Array, Array], float]
    log_density: Callable[[Array, Array], Array]
    statistics: Callable[[Array], Array]
    nodes: tuple[Array, Array]
    size_of_log_partition: float
    size_of_mean: Array
    size_of_kl: float
    size_of_log_density: Array

    @property
    def scale(self) -> Array:
        """Steps in θ that correspond to one unit of the standardised parameter: 1/√F_aa."""
        exact = self.oracle.fisher(precise(self.theta))
        return np.array([1 / math.sqrt(exact[a, a]) for a in range(2)])


def float_family(kind: str, first: float, second: float) -> FloatFamily:
    """Gaussian with mean and deviation, or Gamma with shape and rate."""
    return _gaussian(first, second) if kind == "Gaussian" else _gamma(first, second)


def _gaussian(mean: float, deviation: float) -> FloatFamily:
    theta = np.array([mean / deviation**2, -1 / (2 * deviation**2)])
    nodes = gaussian_nodes(mean, deviation, 20)

    def parts(t: Array) -> tuple[float, float]:
        variance = -1 / (2 * t[1])
        return t[0] * variance, variance

    def kl(t1: Array, t2: Array) -> float:
        (m1, v1), (m2, v2) = parts(t1), parts(t2)
        return 0.5 * (math.log(v2 / v1) + (v1 + (m1 - m2) ** 2) / v2 - 1)

    def log_density(t: Array, x: Array) -> Array:
        m, v = parts(t)
        return -((x - m) ** 2) / (2 * v) - 0.5 * math.log(2 * math.pi * v)

    x = nodes[0][:, 0]
    return FloatFamily(
        gaussian(None),
        theta,
        log_partition=lambda t: -(t[0] ** 2) / (4 * t[1]) - 0.5 * math.log(-2 * t[1]),
        mean=lambda t: np.array([parts(t)[0], parts(t)[0] ** 2 + parts(t)[1]]),
        kl=kl,
        log_density=log_density,
        statistics=lambda z: np.stack([z, z * z], axis=1),
        nodes=nodes,
        size_of_log_partition=mean**2 / (2 * deviation**2) + abs(math.log(deviation)) + 1,
        size_of_mean=np.array([abs(mean), mean**2 + deviation**2]),
        # A difference of means is formed from two numbers of size |m|, then squared: it adds |m|
        # times that difference, below one unit.
        size_of_kl=2 + abs(mean) / deviation,
        size_of_log_density=(x - mean) ** 2 / (2 * deviation**2)
        + np.abs(x - mean) * abs(mean) / deviation**2
        + 2,
    )


def _gamma(shape: float, rate: float) -> FloatFamily:
    def kl(t1: Array, t2: Array) -> float:
        (a1, b1), (a2, b2) = (t1[0], -t1[1]), (t2[0], -t2[1])
        shapes = (a1 - a2) * special.digamma(a1) - special.gammaln(a1) + special.gammaln(a2)
        return float(shapes + a2 * math.log(b1 / b2) + a1 * (b2 - b1) / b1)

    def log_density(t: Array, x: Array) -> Array:
        return -special.gammaln(t[0]) + t[0] * math.log(-t[1]) + (t[0] - 1) * np.log(x) + t[1] * x

    nodes = gamma_nodes(shape, rate)
    x = nodes[0][:, 0]
    size = abs(special.gammaln(shape)) + shape * abs(math.log(rate))
    return FloatFamily(
        gamma(None),
        np.array([shape, -rate]),
        log_partition=lambda t: float(special.gammaln(t[0]) - t[0] * math.log(-t[1])),
        mean=lambda t: np.array([special.digamma(t[0]) - math.log(-t[1]), -t[0] / t[1]]),
        kl=kl,
        log_density=log_density,
        statistics=lambda z: np.stack([np.log(z), z], axis=1),
        nodes=nodes,
        size_of_log_partition=size + 1,
        size_of_mean=np.array(
            [abs(special.digamma(shape)) + abs(math.log(rate)) + 1, shape / rate]
        ),
        size_of_kl=2 * abs(special.gammaln(shape)) + shape + 1,
        size_of_log_density=size + abs(shape - 1) * np.abs(np.log(x)) + rate * x,
    )


@dataclass(frozen=True)
class Method:
    """One way to F, with error ≤ T h^p + R h^−q at step h in standardised parameters."""

    name: str
    estimate: Callable[[float], Array]
    truncation: float
    truncation_power: int
    rounding: float
    rounding_power: int

    def error(self, step: Any) -> Any:
        """Predicted error at a step (or an array of steps)."""
        return (
            self.truncation * step**self.truncation_power
            + self.rounding / step**self.rounding_power
        )

    @property
    def best_step(self) -> float:
        """The step at which the predicted error is least."""
        p, q = self.truncation_power, self.rounding_power
        if p == 0:
            return 1.0
        return float((q * self.rounding / (p * self.truncation)) ** (1 / (p + q)))


@dataclass(frozen=True)
class EstimateOfFisher:
    """F in standardised parameters by one method at its best step."""

    method: str
    step: float
    fisher: Array
    error: float


def methods(family: FloatFamily) -> list[Method]:
    """Return the five methods for a family at its θ₀."""
    scale, theta = family.scale, family.theta
    third, fourth = _high_derivatives(family, scale)
    slope = np.abs(np.array([float(m) for m in family.oracle.mean(precise(theta))]))
    # θ is rounded after each step: the value moves by the slope of the function times half a unit
    # of θ.
    rounding_of_theta = UNIT * np.abs(theta)
    fisher = np.array([[float(v) for v in row] for row in family.oracle.fisher(precise(theta))])

    value_noise = FUNCTION_ULPS * UNIT * family.size_of_log_partition + float(
        rounding_of_theta @ slope
    )
    mean_noise = (
        FUNCTION_ULPS * UNIT * family.size_of_mean + np.abs(fisher) @ rounding_of_theta
    ) * scale
    kl_noise = FUNCTION_ULPS * UNIT * family.size_of_kl + float(
        rounding_of_theta / scale @ np.ones(2)
    )
    score_noise = _score_noise(family, scale, rounding_of_theta)

    def at(*shifts: float) -> Array:
        return theta + scale * np.array(shifts)

    def hessian(function: Callable[[Array], float]) -> Callable[[float], Array]:
        def estimate(h: float) -> Array:
            result = np.empty((2, 2))
            for a, c in itertools.product(range(2), repeat=2):
                i, k = h * np.eye(2)[a], h * np.eye(2)[c]
                corners = (
                    function(at(*(i + k)))
                    - function(at(*(i - k)))
                    - function(at(*(k - i)))
                    + function(at(*(-i - k)))
                )
                result[a, c] = corners / (4 * h * h)
            return result

        return estimate

    def of_mean(h: float) -> Array:
        rows = [
            (family.mean(at(*(h * axis))) - family.mean(at(*(-h * axis)))) / (2 * h)
            for axis in np.eye(2)
        ]
        return np.array(rows) * scale

    def of_score(h: float) -> Array:
        x, weights = family.nodes[0][:, 0], family.nodes[1]
        score = [
            (family.log_density(at(*(h * e)), x) - family.log_density(at(*(-h * e)), x)) / (2 * h)
            for e in np.eye(2)
        ]
        return np.array(score) * weights @ np.array(score).T

    def covariance(_: float) -> Array:
        values, weights = family.statistics(family.nodes[0][:, 0]), family.nodes[1]
        centred = (values - weights @ values) * scale
        return (centred * weights[:, None]).T @ centred

    values = family.statistics(family.nodes[0][:, 0]) * scale
    # Weighted sums of n products of centred statistics: the centre is off by n roundings of the
    # largest mean, and so is each sum.
    sum_noise = UNIT * len(values) * (2 + 4 * float(np.max(family.nodes[1] @ np.abs(values))))
    mixed = (
        float(np.max(fourth)) / 3
    )  # (∂_a³∂_c + ∂_a∂_c³)/6; the diagonal has ∂⁴/3, since its corners are 2h apart
    return [
        Method("second differences of A", hessian(family.log_partition), mixed, 2, value_noise, 2),
        Method(
            "differences of μ", of_mean, float(np.max(fourth)) / 6, 2, float(np.max(mean_noise)), 1
        ),
        Method("covariance by quadrature", covariance, sum_noise, 0, 0.0, 0),
        # The KL divergence has A's derivatives from the second on.
        Method(
            "Hessian of KL by differences",
            hessian(lambda t: family.kl(theta, t)),
            mixed,
            2,
            kl_noise,
            2,
        ),
        # A score is linear in f, so truncation shifts it by a constant t = h²∂³A/6 without
        # correlation: E[(s + t)(s + t)ᵀ] = F + ttᵀ.
        Method(
            "outer product of scores", of_score, (float(np.max(third)) / 6) ** 2, 4, score_noise, 1
        ),
    ]


def estimates(family: FloatFamily) -> list[EstimateOfFisher]:
    """F by each method at its best step, with the error that the model allows there."""
    found = []
    for method in methods(family):
        step = method.best_step
        found.append(
            EstimateOfFisher(method.name, step, method.estimate(step), float(method.error(step)))
        )
    return found


def _score_noise(family: FloatFamily, scale: Array, rounding_of_theta: Array) -> float:
    """Rounding of E[s sᵀ] times h.

    A difference of log densities is off by their noise, and multiplies a score of size one.
    """
    x, weights = family.nodes[0][:, 0], family.nodes[1]
    centred = np.abs(family.statistics(x) - weights @ family.statistics(x))
    noise = FUNCTION_ULPS * UNIT * family.size_of_log_density + centred @ rounding_of_theta
    score = centred * scale
    return float(2 * np.max(weights * noise @ score))


def _high_derivatives(family: FloatFamily, scale: Array) -> tuple[Array, Array]:
    """All third (2,2,2) and fourth (2,2,2,2) derivatives of A, in absolute value."""
    theta, unit = precise(family.theta), precise(scale)
    h = (
        MP.mpf(10) ** -12
    )  # fourth differences at eighty digits: h² = 1e-24 of truncation, 1e-80/1e-48 of rounding

    def derivative(order: tuple[int, ...]) -> float:
        total = MP.mpf(0)
        for signs in itertools.product((1, -1), repeat=len(order)):
            shift = np.array([MP.mpf(0), MP.mpf(0)])
            for sign, a in zip(signs, order, strict=True):
                shift[a] += sign * h * unit[a]
            total += math.prod(signs) * family.oracle.log_partition(theta + shift)
        return abs(float(total / (2 * h) ** len(order)))

    def derivatives(rank: int) -> Array:
        return np.array(
            [derivative(order) for order in itertools.product(range(2), repeat=rank)]
        ).reshape((2,) * rank)

    return derivatives(3), derivatives(4)
