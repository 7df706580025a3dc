"""The negative binomial family of the number of failures before the r-th success, r known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.counting import count_deviance, factorial_excess
from ingd_ref._special.counting_entropy import negative_binomial_entropy
from ingd_ref._special.exponential import log1mexp
from ingd_ref._special.logistic import geometric_distance, geometric_divergence, geometric_odds
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._common import counts, identity, positive_mean
from ingd_ref.families._draws import draw_poisson
from ingd_ref.families._parameters import PROBABILITY, Requirements
from ingd_ref.families._scipy import single

__all__ = ["NegativeBinomial"]


@dataclass(frozen=True)
class NegativeBinomial(ExponentialFamily):
    r"""Negative binomial distribution on x = 0, 1, 2, …: P(x) = Γ(x + r)/(Γ(r) x!) pʳ (1 − p)ˣ.

    The classical parameter is the ``probability`` 0 < p < 1 of a success; x counts the failures
    before the r-th. With the mean rm, m = (1 − p)/p = e^θ/(1 − e^θ),

    .. math::
        f(x) &= x, \quad h(x) = \Gamma(x + r) / (\Gamma(r)\, x!), \quad \theta = \log(1 - p)
            & \text{(E1)} \\
        A(\theta) &= -r\log(1 - e^\theta) & \text{(E1)} \\
        \nabla A(\theta) &= rm & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -\log(1 + r/\mu) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= rm(1 + m), \quad \nabla^3 A(\theta) = F (1 + 2m), \quad
            F^{-1} = 1/F & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= r T(-y) + rm (e^\delta - 1 - \delta), \quad
            y = m (e^\delta - 1), \quad
            \delta = \theta' - \theta & \text{(E5)} \\
        d(\theta, \theta') &= \sqrt r\, |\log\tanh(\theta'/4) - \log\tanh(\theta/4)|

    with T(t) = t − log(1 + t), which is not negative. The entropy is an integral of a positive
    function. Parameters θ whose e^θ leaves the range of the floating type count as outside of the
    family.

    Parameters
    ----------
    successes : float > 0
        The known r, not necessarily whole.

    Examples
    --------
    >>> family = NegativeBinomial(successes=2.0)
    >>> theta = family.natural(probability=0.25)
    >>> family.mean(theta)
    array([6.])
    >>> round(family.entropy(theta).item(), 6)
    2.805418
    """

    successes: float

    name = "negative binomial"
    dim = 1
    number = 1
    parameters = (PROBABILITY,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "successes", _checks.positive(self.successes, "successes"))

    @classmethod
    def examples(cls) -> Sequence[NegativeBinomial]:
        """Members with fewer successes than one, and with several."""
        return (cls(0.5), cls(5.0))

    _mean_domain = positive_mean
    _support = counts
    _statistics = identity

    def _natural(self, xp: Namespace, probability: Array) -> Array:
        return xp.log1p(-probability)[..., None]

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"probability": -xp.expm1(theta[..., 0])}

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        return -xp.exp(-theta)[..., None]

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        largest = math.log(float(xp.finfo(theta.dtype).max))
        smallest = f"theta[0] > {-largest:.6g}, so that exp(theta[0]) is a number"
        return {"theta[0] < 0": theta[..., 0] < 0, smallest: theta[..., 0] > -largest}

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        x, r = x[..., 0], self.successes
        safe = xp.where(x > 0, x, xp.ones_like(x))
        powers = safe * xp.log1p(r / safe) + r * xp.log1p(safe / r)
        return xp.where(x > 0, powers, xp.zeros_like(x)) + self._log_shape(xp, x)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return -self.successes * log1mexp(xp, theta[..., 0])

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return self.successes * geometric_odds(xp, theta)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return -xp.log1p(self.successes / mu)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        odds = geometric_odds(xp, theta[..., 0])
        return matrix(xp, [[self.successes * odds * (1.0 + odds)]])

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        odds = geometric_odds(xp, theta[..., 0])
        return matrix(xp, [[1.0 / odds / (1.0 + odds) / self.successes]])

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        odds = geometric_odds(xp, theta)
        return grad / odds / (1.0 + odds) / self.successes

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        odds = geometric_odds(xp, theta)[..., None, None]
        return self.successes * odds * (1.0 + odds) * (1.0 + 2.0 * odds)

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return self.successes * geometric_divergence(xp, theta1[..., 0], theta2[..., 0])

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return math.sqrt(self.successes) * geometric_distance(xp, theta1[..., 0], theta2[..., 0])

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        theta = theta[..., 0]
        return self.successes * (theta * geometric_odds(xp, theta) + log1mexp(xp, theta))

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return negative_binomial_entropy(xp, self.successes, geometric_odds(xp, theta[..., 0]))

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        theta, x = theta[..., 0], x[..., 0]
        total = x + self.successes
        failures = count_deviance(xp, x, total * xp.exp(theta))
        successes = count_deviance(xp, xp.full_like(x, self.successes), total * -xp.expm1(theta))
        return self._log_shape(xp, x) - failures - successes

    def _log_shape(self, xp: Namespace, x: Array) -> Array:
        """Return log h(x) without its powers: log(r/N) + s(N) − s(r) − s(x), N = x + r.

        s(x) = log x! − x log x + x.
        """
        r = xp.full_like(x, self.successes)
        excess = factorial_excess(xp, x + r) - factorial_excess(xp, r) - factorial_excess(xp, x)
        return excess - xp.log1p(x / r)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], probability: np.ndarray
    ) -> np.ndarray:
        odds = np.maximum(1.0 - probability, 0.0) / probability
        return draw_poisson(rng, rng.standard_gamma(self.successes, size) * odds)[..., None]

    scipy_name = "nbinom"

    def _to_scipy(self, probability: np.ndarray) -> dict[str, Any]:
        return {"n": self.successes, "p": probability}

    @classmethod
    def _from_scipy(
        cls, n: np.ndarray, p: np.ndarray
    ) -> tuple[NegativeBinomial, dict[str, np.ndarray]]:
        return cls(single(n, "n")), {"probability": p}
