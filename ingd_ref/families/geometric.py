"""The geometric family of the number of failures before the first success."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.exponential import log1mexp
from ingd_ref._special.logistic import geometric_distance, geometric_divergence, geometric_odds
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.errors import DomainError
from ingd_ref.families._base import ExponentialFamily, matrix
from ingd_ref.families._parameters import Constraint, Parameter, Requirements
from ingd_ref.families._scipy import single

__all__ = ["Geometric"]


@dataclass(frozen=True)
class Geometric(ExponentialFamily):
    r"""Geometric distribution on x = 0, 1, 2, …: P(x) = p (1 − p)ˣ.

    The classical parameter is the ``probability`` 0 < p < 1 of a success; x counts the failures
    before the first. With the mean m = (1 − p)/p = e^θ/(1 − e^θ),

    .. math::
        f(x) &= x, \quad h(x) = 1, \quad \theta = \log(1 - p) & \text{(E1)} \\
        A(\theta) &= -\log(1 - e^\theta) & \text{(E1)} \\
        \nabla A(\theta) &= m & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -\log(1 + 1/\mu) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= m(1 + m), \quad \nabla^3 A(\theta) = F (1 + 2m), \quad F^{-1} = 1/F & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= T(-y) + m (e^\delta - 1 - \delta), \quad y = m (e^\delta - 1), \quad
            \delta = \theta' - \theta & \text{(E5)} \\
        d(\theta, \theta') &= |\log\tanh(\theta'/4) - \log\tanh(\theta/4)|

    with T(t) = t − log(1 + t), which is not negative. Parameters θ whose e^θ leaves the range of
    the floating type count as outside of the family.

    Examples
    --------
    >>> import numpy as np
    >>> family = Geometric()
    >>> family.mean(np.array([-1e-17]))  # 1 − p and 1 are the same number
    array([1.e+17])
    """

    name = "geometric"
    dim = 1
    number = 1
    parameters = (
        Parameter(
            "probability",
            Constraint("between 0 and 1", lambda xp, value: (value > 0) & (value < 1)),
        ),
    )

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

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return {"mu[0] > 0": mu[..., 0] > 0}

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return {"x = 0, 1, 2, ...": xp.all((x >= 0) & (x == xp.floor(x)), axis=-1)}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return x

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.zeros_like(x[..., 0])

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return -log1mexp(xp, theta[..., 0])

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return geometric_odds(xp, theta)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return -xp.log1p(1.0 / mu)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        mean = geometric_odds(xp, theta[..., 0])
        return matrix(xp, [[mean * (1.0 + mean)]])

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        mean = geometric_odds(xp, theta[..., 0])
        return matrix(xp, [[1.0 / mean / (1.0 + mean)]])

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        mean = geometric_odds(xp, theta)
        return grad / mean / (1.0 + mean)

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        mean = geometric_odds(xp, theta)[..., None, None]
        return mean * (1.0 + mean) * (1.0 + 2.0 * mean)

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return geometric_divergence(xp, theta1[..., 0], theta2[..., 0])

    def _fisher_rao_distance(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return geometric_distance(xp, theta1[..., 0], theta2[..., 0])

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return -self._entropy(xp, theta)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        theta = theta[..., 0]
        return -log1mexp(xp, theta) - theta * geometric_odds(xp, theta)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        return theta[..., 0] * x[..., 0] + log1mexp(xp, theta[..., 0])

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], probability: np.ndarray
    ) -> np.ndarray:
        rate = -np.log1p(-np.minimum(probability, 1.0 - 2.0**-53))
        return np.asarray(np.floor(rng.standard_exponential(size) / rate))[..., None]

    scipy_name = "geom"

    def _to_scipy(self, probability: np.ndarray) -> dict[str, Any]:
        """SciPy counts the trial of the success too, from one on; this family counts failures, from zero on."""
        return {"p": probability, "loc": -1.0}

    @classmethod
    def _from_scipy(cls, p: np.ndarray, loc: np.ndarray) -> tuple[Geometric, dict[str, np.ndarray]]:
        if single(loc, "loc") != -1.0:
            raise DomainError(
                "scipy.stats.geom counts trials and this family failures: with loc = -1 they are the same"
            )
        return cls(), {"probability": p}
