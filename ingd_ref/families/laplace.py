"""The Laplace family with known location."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import positive_mean
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._rate import RateFormulas
from ingd_ref.families._scipy import single

__all__ = ["Laplace"]


@dataclass(frozen=True)
class Laplace(ExponentialFamily):
    r"""Laplace (double exponential) distribution with known location l: |x − l| is exponential.

    The classical parameter is the ``scale`` s > 0, in the units of x: the mean absolute deviation.

    .. math::
        f(x) &= |x - l|, \quad h(x) = ½, \quad \theta = -1/s & \text{(E1)} \\
        A(\theta) &= -\log(-\theta) & \text{(E1)} \\
        \nabla A(\theta) &= -1/\theta = s & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -1/\mu & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= 1/\theta^2 & \text{(E3)} \\
        F^{-1} &= \theta^2 & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \rho - 1 - \log\rho, \quad \rho = \theta'/\theta
            & \text{(E5)} \\
        \nabla^3 A(\theta) &= -2/\theta^3, \quad d(\theta, \theta') = |\log\rho|

    The statistic has a kink at x = l, where its Jacobian is taken to be 0, the mean of the slopes
    on either side.

    Parameters
    ----------
    location : float
        Median l. Default 0.

    Raises
    ------
    NonFiniteError, DomainError
        If the location is NaN or infinite, or no number.

    Examples
    --------
    >>> family = Laplace(location=1.0)
    >>> theta = family.fit(np.array([[0.0], [4.0]]))  # the mean of 1 and 3
    >>> family.classical(theta)["scale"].item()
    2.0
    """

    location: float = 0.0
    name = "Laplace"
    dim = 1
    number = 1
    parameters = (Parameter("scale", POSITIVE),)

    def __post_init__(self) -> None:
        object.__setattr__(self, "location", _checks.number(self.location, "location"))

    @classmethod
    def examples(cls) -> Sequence[Self]:
        """One location at zero, where points lose no digits, and one elsewhere."""
        return (cls(), cls(-1.5))

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

    def _natural(self, xp: Namespace, scale: Array) -> Array:
        return -1.0 / scale[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"scale": -1.0 / theta[..., 0]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"1/scale = -theta[0] > 0": theta[..., 0] < 0}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.abs(x - self.location)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return xp.sign(x - self.location)[..., None]

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.full_like(x[..., 0], -math.log(2.0))

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return 1.0 - xp.log(-0.5 * theta[..., 0])

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        return xp.log(-0.5 * theta[..., 0]) + theta[..., 0] * self._statistics(xp, x)[..., 0]

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], scale: np.ndarray
    ) -> np.ndarray:
        return np.asarray(rng.laplace(self.location, scale, size))[..., None]

    scipy_name = "laplace"

    def _to_scipy(self, scale: np.ndarray) -> dict[str, Any]:
        return {"loc": self.location, "scale": scale}

    @classmethod
    def _from_scipy(
        cls, loc: np.ndarray, scale: np.ndarray
    ) -> tuple[Laplace, dict[str, np.ndarray]]:
        return cls(single(loc, "loc")), {"scale": scale}
