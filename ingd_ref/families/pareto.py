"""The Pareto family with known minimum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.logarithm import log_ratio
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import positive_mean, reciprocal_base_measure
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._rate import RateFormulas
from ingd_ref.families._scipy import single

__all__ = ["Pareto"]


@dataclass(frozen=True)
class Pareto(ExponentialFamily):
    r"""Pareto distribution on x ≥ m with known minimum m: log(x/m) is exponential.

    The classical parameter is the ``shape`` α > 0, the exponent of the tail: P(X > x) = (m/x)^α.

    .. math::
        f(x) &= \log(x/m), \quad h(x) = 1/x, \quad \theta = -\alpha & \text{(E1)} \\
        A(\theta) &= -\log(-\theta) & \text{(E1)} \\
        \nabla A(\theta) &= -1/\theta = 1/\alpha & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -1/\mu & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= 1/\theta^2 & \text{(E3)} \\
        F^{-1} &= \theta^2 & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \rho - 1 - \log\rho, \quad \rho = \theta'/\theta
            & \text{(E5)} \\
        \nabla^3 A(\theta) &= -2/\theta^3, \quad d(\theta, \theta') = |\log\rho| \\
        H(\theta) &= 1 + 1/\alpha - \log(\alpha/m)

    Parameters
    ----------
    minimum : float > 0
        Smallest point m of the support, in the units of x. Default 1. Points of a narrower floating
        type are compared with m rounded to it.

    Raises
    ------
    NonFiniteError, DomainError
        If the minimum is not a finite positive number.

    Examples
    --------
    >>> family = Pareto(minimum=2.0)
    >>> family.mean(family.natural(shape=4.0))  # E log(x/2) = 1/4
    array([0.25])
    """

    minimum: float = 1.0
    name = "Pareto"
    dim = 1
    number = 1
    parameters = (Parameter("shape", POSITIVE),)

    def __post_init__(self) -> None:
        object.__setattr__(self, "minimum", _checks.positive(self.minimum, "minimum"))

    @classmethod
    def examples(cls) -> Sequence[Self]:
        """The unit minimum and another."""
        return (cls(), cls(2.5))

    _rate = RateFormulas()
    _log_partition = _rate.log_partition
    _mean = _rate.mean
    _natural_from_mean = _rate.natural_from_mean
    _fisher = _rate.fisher
    _inverse_fisher = _rate.inverse_fisher
    _natural_gradient = _rate.natural_gradient
    _third_cumulant = _rate.third_cumulant
    _kl = _rate.kl
    _fisher_rao_distance = _rate.fisher_rao_distance
    _conjugate = _rate.conjugate

    _mean_domain = positive_mean
    _log_base_measure = reciprocal_base_measure

    def _natural(self, xp: Namespace, shape: Array) -> Array:
        return -shape[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"shape": -theta[..., 0]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"shape = -theta[0] > 0": theta[..., 0] < 0}

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return {f"x >= {self.minimum:g}": xp.all(x >= self.minimum, axis=-1)}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return log_ratio(xp, x, xp.full_like(x, self.minimum))

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return 1.0 / x[..., None]

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return 1.0 - 1.0 / theta[..., 0] - xp.log(-theta[..., 0] / self.minimum)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        return xp.log(-theta[..., 0] / x[..., 0]) + theta[..., 0] * self._statistics(xp, x)[..., 0]

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], shape: np.ndarray
    ) -> np.ndarray:
        return np.asarray(self.minimum * (1.0 + rng.pareto(shape, size)))[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], shape: np.ndarray
    ) -> np.ndarray:
        return np.asarray(math.log(self.minimum) + rng.standard_exponential(size) / shape)[
            ..., None
        ]

    scipy_name = "pareto"

    def _to_scipy(self, shape: np.ndarray) -> dict[str, Any]:
        return {"b": shape, "scale": self.minimum}

    @classmethod
    def _from_scipy(cls, b: np.ndarray, scale: np.ndarray) -> tuple[Pareto, dict[str, np.ndarray]]:
        return cls(single(scale, "scale")), {"shape": b}
