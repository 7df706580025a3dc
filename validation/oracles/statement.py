"""What a textbook states about a family of distributions, and what follows from it by differences.

Everything here runs at the precision of ``MP``, at least eighty digits, and shares nothing with the
package: the Fisher information is the difference of the means unless the textbook states it, F⁻¹
comes from elimination, θ(μ) from Newton's method, and the divergence is the three terms of (E5),
whose cancellation only costs digits.

Steps are relative to a coordinate of θ. With D digits, first differences use 10^(−D/3), which
leaves 10^(−2D/3) from truncation and as much from rounding; second differences use 10^(−D/4), which
leaves 10^(−D/2) of either: forty digits of eighty.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from validation.oracles.precise import MP, Array, axes

__all__ = ["OutOfReach", "Textbook", "inverse_and_determinant", "slopes", "units"]


class OutOfReach(ArithmeticError):
    """The oracle would need more terms than it is worth."""


@dataclass(frozen=True)
class Textbook:
    """One family; θ, μ (b,), points x (d,) and classical parameters ξ (k,) are exact numbers.

    ``natural`` and ``classical`` convert between ξ and θ; ``stated_fisher`` and
    ``stated_inverse`` are closed forms, for families of which differences would be slow.
    """

    family: Any
    log_partition: Callable[[Array], Any]
    mean: Callable[[Array], Array]
    mean_log_base_measure: Callable[[Array], Any]
    statistics: Callable[[Array], Array]
    log_base_measure: Callable[[Array], Any]
    natural: Callable[[Array], Array] | None = None
    classical: Callable[[Array], Array] | None = None
    stated_fisher: Callable[[Array], Array] | None = None
    stated_inverse: Callable[[Array], Array] | None = None

    def log_prob(self, theta: Array, x: Array) -> Any:
        """Return log q = log h(x) + ⟨θ, f(x)⟩ − A(θ)."""
        linear = np.sum(theta * self.statistics(x))
        return self.log_base_measure(x) + linear - self.log_partition(theta)

    def fisher(self, theta: Array) -> Array:
        """F = ∂μ/∂θ (b, b)."""
        stated = self.stated_fisher
        return slopes(self.mean, theta) if stated is None else stated(theta)

    def third_cumulant(self, theta: Array) -> Array:
        """∇³A (b, b, b) by first differences of F, whose steps keep the size they have at θ."""
        sizes = units(theta)
        if self.stated_fisher is not None:
            return slopes(self.stated_fisher, theta, sizes)
        return slopes(lambda t: slopes(self.mean, t, sizes), theta, sizes)

    def classical_fisher(self, theta: Array) -> Array:
        """JᵀFJ (k, k) of the classical parameters ξ (E4), with J = ∂θ/∂ξ by first differences."""
        if self.natural is None or self.classical is None:
            raise OutOfReach(f"no classical parameters of {self.family.name} are stated")
        jacobian = slopes(self.natural, self.classical(theta))
        result: Array = jacobian @ self.fisher(theta) @ jacobian.T
        return result

    def curvature(self, theta: Array) -> Array:
        """F = ∇²A (b, b) by second differences of A."""
        return _second(self.log_partition, theta)

    def curvature_of_divergence(self, theta: Array) -> Array:
        """F (b, b) as the Hessian of δ ↦ KL(θ‖θ + δ) at 0."""
        return _second(lambda t: self.kl(theta, t), theta)

    def inverse_fisher(self, theta: Array) -> Array:
        """F⁻¹ (b, b) by elimination."""
        if self.stated_inverse is not None:
            return self.stated_inverse(theta)
        return inverse_and_determinant(self.fisher(theta))[0]

    def natural_gradient(self, theta: Array, gradient: Array) -> Array:
        """F⁻¹ g (b,)."""
        return _vector(self.inverse_fisher(theta) @ gradient)

    def kl(self, theta1: Array, theta2: Array) -> Any:
        """A(θ₂) − A(θ₁) − ⟨θ₂ − θ₁, μ(θ₁)⟩."""
        linear = np.sum((theta2 - theta1) * self.mean(theta1))
        return self.log_partition(theta2) - self.log_partition(theta1) - linear

    def conjugate_at(self, theta: Array) -> Any:
        """A* at μ(θ): ⟨θ, μ⟩ − A."""
        return np.sum(theta * self.mean(theta)) - self.log_partition(theta)

    def entropy(self, theta: Array) -> Any:
        """−E log q = A − ⟨θ, μ⟩ − E log h."""
        return -self.conjugate_at(theta) - self.mean_log_base_measure(theta)

    def natural_from_mean(self, mu: Array, start: Array) -> Array:
        """θ with mean μ, to more than half of the digits, by Newton's method from close to it.

        A is strictly convex, so a θ with this mean is the only one. Steps below 10⁻⁸ keep F, and
        so gain eight digits or more each; one of 10^(−3D/10) is the last.
        """
        theta, sizes, inverse = start, units(start), self.inverse_fisher(start)
        for _ in range(40):
            step = inverse @ (mu - self.mean(theta))
            theta = theta + step
            size = np.max(np.abs(step) / sizes)
            if size <= MP.mpf(10) ** (-3 * MP.dps // 10):
                return theta
            if size > 1e-8:
                inverse = self.inverse_fisher(theta)
        raise OutOfReach(f"Newton's method found no {self.family.name} with the mean {mu}")


def _vector(values: Any) -> Array:
    return np.array(list(values), dtype=object)


def units(theta: Array) -> Array:
    """Size of each coordinate; where it is zero, of the largest one, or one."""
    largest = max(abs(t) for t in theta)
    return np.array([abs(t) if t != 0 else (largest if largest != 0 else MP.mpf(1)) for t in theta])


def slopes(function: Callable[[Array], Any], theta: Array, sizes: Array | None = None) -> Array:
    """∂function/∂θ_a along the first axis, then the shape of the result."""
    h = MP.mpf(10) ** (-MP.dps // 3)
    sizes = units(theta) if sizes is None else sizes
    steps = [h * size * axis for size, axis in zip(sizes, axes(len(theta)), strict=True)]
    return np.array([(function(theta + s) - function(theta - s)) / (2 * np.sum(s)) for s in steps])


def _second(function: Callable[[Array], Any], theta: Array) -> Array:
    """All second derivatives of a scalar function by central differences."""
    h = MP.mpf(10) ** (-MP.dps // 4)
    sizes = units(theta) * h
    steps = [size * axis for size, axis in zip(sizes, axes(len(theta)), strict=True)]
    result = np.empty((len(theta), len(theta)), dtype=object)
    for a, c in itertools.combinations_with_replacement(range(len(theta)), 2):
        i, k = steps[a], steps[c]
        corners = (
            function(theta + i + k)
            - function(theta + i - k)
            - function(theta - i + k)
            + function(theta - i - k)
        )
        result[a, c] = result[c, a] = corners / (4 * sizes[a] * sizes[c])
    return result


def inverse_and_determinant(matrix: Array) -> tuple[Array, Any]:
    """Eliminate without pivoting, which a positive definite matrix does not need."""
    n = len(matrix)
    work = np.concatenate([np.asarray(matrix, dtype=object), np.array(axes(n))], axis=1)
    determinant = MP.mpf(1)
    for k in range(n):
        determinant *= work[k, k]
        work[k] = work[k] / work[k, k]
        factors = work[:, k].copy()
        factors[k] = MP.mpf(0)
        work = work - factors[:, None] * work[k]
    return work[:, n:], determinant
