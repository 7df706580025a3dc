"""The geometric family of the number of failures before the first success."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.exponential import log1mexp
from ingd_ref._special.logistic import geometric_odds
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.errors import DomainError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import constant_base_measure, counts, identity, positive_mean
from ingd_ref.families._parameters import PROBABILITY
from ingd_ref.families._scipy import single
from ingd_ref.families.negative_binomial import NegativeBinomial

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
        F = \nabla^2 A(\theta) &= m(1 + m), \quad \nabla^3 A(\theta) = F (1 + 2m), \quad
            F^{-1} = 1/F & \text{(E3), (E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= T(-y) + m (e^\delta - 1 - \delta), \quad
            y = m (e^\delta - 1), \quad
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
    parameters = (PROBABILITY,)

    _mean_domain = positive_mean
    _support = counts
    _statistics = identity
    _log_base_measure = constant_base_measure
    _negative_binomial = NegativeBinomial(successes=1.0)
    _natural = _negative_binomial._natural
    _classical = _negative_binomial._classical
    _natural_jacobian = _negative_binomial._natural_jacobian
    _domain = _negative_binomial._domain
    _log_partition = _negative_binomial._log_partition
    _mean = _negative_binomial._mean
    _natural_from_mean = _negative_binomial._natural_from_mean
    _fisher = _negative_binomial._fisher
    _inverse_fisher = _negative_binomial._inverse_fisher
    _natural_gradient = _negative_binomial._natural_gradient
    _third_cumulant = _negative_binomial._third_cumulant
    _kl = _negative_binomial._kl
    _fisher_rao_distance = _negative_binomial._fisher_rao_distance
    _conjugate = _negative_binomial._conjugate

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
        """SciPy counts the trial of the success too, so its support begins at one."""
        return {"p": probability, "loc": -1.0}

    @classmethod
    def _from_scipy(cls, p: np.ndarray, loc: np.ndarray) -> tuple[Geometric, dict[str, np.ndarray]]:
        if single(loc, "loc") != -1.0:
            raise DomainError(
                "scipy.stats.geom counts trials, and this family failures: "
                "they are the same with loc = -1"
            )
        return cls(), {"probability": p}
