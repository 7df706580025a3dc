"""Gaussian and Gamma distributions at eighty digits, from their textbook densities in classical parameters.

Natural parameters come in as exact numbers; everything else follows from the log density, from
closed forms of the moments, or by differences of the log-partition function.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from validation.oracles.precise import MP, Array, differences, precise, solve

__all__ = ["Family", "GammaOracle", "GaussianOracle"]


class Family(ABC):
    """An exponential family of two statistics, evaluated at one natural parameter at a time."""

    name: str

    @abstractmethod
    def natural(self, *classical: Any) -> Array:
        """θ (2,) of the classical parameters."""

    @abstractmethod
    def classical(self, theta: Array) -> tuple[Any, Any]:
        """Classical parameters of θ."""

    @abstractmethod
    def statistics(self, x: Any) -> Array:
        """f(x) (2,)."""

    @abstractmethod
    def log_base_measure(self, x: Any) -> Any:
        """Logarithm of h(x)."""

    @abstractmethod
    def log_density(self, theta: Array, x: Any) -> Any:
        """Logarithm of the density, from the textbook."""

    @abstractmethod
    def log_partition(self, theta: Array) -> Any:
        """A(θ)."""

    @abstractmethod
    def mean(self, theta: Array) -> Array:
        """E f from the textbook."""

    @abstractmethod
    def entropy(self, theta: Array) -> Any:
        """Differential entropy from the textbook."""

    @abstractmethod
    def kl(self, theta1: Array, theta2: Array) -> Any:
        """Kullback-Leibler divergence from the textbook; it cancels, but at eighty digits that does no harm."""

    @abstractmethod
    def mean_log_base_measure(self, theta: Array) -> Any:
        """E log h."""

    def fisher(self, theta: Array) -> Array:
        """F = ∂μ/∂θ by differences of the textbook moments."""
        return differences(self.mean, theta)

    def solve_fisher(self, theta: Array, rhs: Array) -> Array:
        """F⁻¹ rhs."""
        return solve(self.fisher(theta), rhs)


class GaussianOracle(Family):
    """N(m, s²) in mean and variance (E12)."""

    name = "Gaussian"

    def natural(self, *classical: Any) -> Array:
        """(m/s², −1/(2s²))."""
        mean, variance = map(precise, classical)
        return np.array([mean / variance, -1 / (2 * variance)])

    def classical(self, theta: Array) -> tuple[Any, Any]:
        """Mean and variance."""
        variance = -1 / (2 * theta[1])
        return theta[0] * variance, variance

    def statistics(self, x: Any) -> Array:
        """(x, x²)."""
        return np.array([x, x * x])

    def log_base_measure(self, x: Any) -> Any:
        """−½ log 2π."""
        return -MP.log(2 * MP.pi) / 2

    def log_density(self, theta: Array, x: Any) -> Any:
        """−(x − m)²/(2s²) − ½ log 2πs²."""
        mean, variance = self.classical(theta)
        return -((x - mean) ** 2) / (2 * variance) - MP.log(2 * MP.pi * variance) / 2

    def log_partition(self, theta: Array) -> Any:
        """−θ₁²/(4θ₂) − ½ log(−2θ₂)."""
        return -(theta[0] ** 2) / (4 * theta[1]) - MP.log(-2 * theta[1]) / 2

    def mean(self, theta: Array) -> Array:
        """(m, m² + s²)."""
        mean, variance = self.classical(theta)
        return np.array([mean, mean**2 + variance])

    def entropy(self, theta: Array) -> Any:
        """½ log 2πes²."""
        return (1 + MP.log(2 * MP.pi * self.classical(theta)[1])) / 2

    def kl(self, theta1: Array, theta2: Array) -> Any:
        """½ (log s₂²/s₁² + (s₁² + (m₁ − m₂)²)/s₂² − 1)."""
        (mean1, variance1), (mean2, variance2) = self.classical(theta1), self.classical(theta2)
        return (
            MP.log(variance2 / variance1) + (variance1 + (mean1 - mean2) ** 2) / variance2 - 1
        ) / 2

    def mean_log_base_measure(self, theta: Array) -> Any:
        """The base measure is constant."""
        return self.log_base_measure(0)


class GammaOracle(Family):
    """Gamma distribution in shape and rate (E13)."""

    name = "Gamma"

    def natural(self, *classical: Any) -> Array:
        """(α, −β)."""
        shape, rate = map(precise, classical)
        return np.array([shape, -rate])

    def classical(self, theta: Array) -> tuple[Any, Any]:
        """Shape and rate."""
        return theta[0], -theta[1]

    def statistics(self, x: Any) -> Array:
        """(log x, x)."""
        return np.array([MP.log(x), x])

    def log_base_measure(self, x: Any) -> Any:
        """−log x."""
        return -MP.log(x)

    def log_density(self, theta: Array, x: Any) -> Any:
        """α log β − log Γ(α) + (α − 1) log x − βx."""
        shape, rate = self.classical(theta)
        return shape * MP.log(rate) - MP.loggamma(shape) + (shape - 1) * MP.log(x) - rate * x

    def log_partition(self, theta: Array) -> Any:
        """Log Γ(α) − α log β."""
        shape, rate = self.classical(theta)
        return MP.loggamma(shape) - shape * MP.log(rate)

    def mean(self, theta: Array) -> Array:
        """(ψ(α) − log β, α/β)."""
        shape, rate = self.classical(theta)
        return np.array([MP.digamma(shape) - MP.log(rate), shape / rate])

    def entropy(self, theta: Array) -> Any:
        """α − log β + log Γ(α) + (1 − α)ψ(α)."""
        shape, rate = self.classical(theta)
        return shape - MP.log(rate) + MP.loggamma(shape) + (1 - shape) * MP.digamma(shape)

    def kl(self, theta1: Array, theta2: Array) -> Any:
        """Sum of a term of the shapes and one of the rates."""
        (shape1, rate1), (shape2, rate2) = self.classical(theta1), self.classical(theta2)
        shapes = (shape1 - shape2) * MP.digamma(shape1) - MP.loggamma(shape1) + MP.loggamma(shape2)
        return shapes + shape2 * MP.log(rate1 / rate2) + shape1 * (rate2 - rate1) / rate1

    def mean_log_base_measure(self, theta: Array) -> Any:
        """−E log x."""
        return -self.mean(theta)[0]
