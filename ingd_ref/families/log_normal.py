"""The log-normal family."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._samples import deviations, require_varied
from ingd_ref.families.gaussian import Gaussian

__all__ = ["LogNormal"]

# A change of variable affects the base measure alone: log x is N(m, s²), so functions of θ are
# those of the Gaussian family.
GAUSSIAN = Gaussian()


@dataclass(frozen=True)
class LogNormal(ExponentialFamily):
    r"""Log-normal distribution on x > 0: log x is N(m, s²).

    Classical parameters are ``log_mean`` m and ``log_variance`` s² > 0, the mean and the variance
    of log x; P = 1/s² = −2θ₂.

    .. math::
        f(x) &= (\log x,\, \log^2 x), \quad h(x) = 1/(x\sqrt{2\pi}), \quad
            \theta = (m/s^2,\, -1/(2s^2)) & \text{(E1)} \\
        A(\theta) &= -\theta_1^2/(4\theta_2) - ½\log(-2\theta_2) & \text{(E1)} \\
        \nabla A(\theta) &= (m,\, m^2 + s^2) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (\mu_1,\, -½) / (\mu_2 - \mu_1^2) & \text{(E6)} \\
        F = \nabla^2 A(\theta) &= \begin{pmatrix} s^2 & 2ms^2 \\ 2ms^2 & 4m^2s^2
            + 2s^4 \end{pmatrix} & \text{(E3)} \\
        F^{-1} &= 2\theta\theta^\top + P e_1 e_1^\top & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= ½(r - 1 - \log r) + ½P'(m - m')^2, \quad
            r = \theta_2'/\theta_2 & \text{(E5)} \\
        H(\theta) &= m + ½\log(2\pi e s^2)

    Examples
    --------
    >>> family = LogNormal()
    >>> theta = family.natural(log_mean=1.0, log_variance=0.25)
    >>> x = family.sample(theta, 100_000, np.random.default_rng(0))
    >>> np.mean(x).round(2), np.exp(1.125).round(2)  # the mean of x is exp(m + s²/2)
    (np.float64(3.08), np.float64(3.08))
    """

    name = "log-normal"
    dim = 1
    number = 2
    parameters = (Parameter("log_mean"), Parameter("log_variance", POSITIVE))
    bounds = (0.0, math.inf)

    _log_partition = GAUSSIAN._log_partition
    _mean = GAUSSIAN._mean
    _natural_from_mean = GAUSSIAN._natural_from_mean
    _fisher = GAUSSIAN._fisher
    _inverse_fisher = GAUSSIAN._inverse_fisher
    _natural_gradient = GAUSSIAN._natural_gradient
    _kl = GAUSSIAN._kl
    _classical_fisher = GAUSSIAN._classical_fisher
    _third_cumulant = GAUSSIAN._third_cumulant
    _fisher_rao_distance = GAUSSIAN._fisher_rao_distance
    _mixture = GAUSSIAN._mixture
    _conjugate = GAUSSIAN._conjugate

    def _natural(self, xp: Namespace, log_mean: Array, log_variance: Array) -> Array:
        return GAUSSIAN._natural(xp, mean=log_mean, variance=log_variance)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        mean, variance = GAUSSIAN._classical(xp, theta).values()
        return {"log_mean": mean, "log_variance": variance}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"log_variance = -1/(2 theta[1]) > 0": theta[..., 1] < 0}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        (holds,) = GAUSSIAN._mean_domain(xp, mu).values()
        return {"log_variance = mu[1] - mu[0]**2 > 0": holds}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return GAUSSIAN._statistics(xp, xp.log(x))

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return GAUSSIAN._statistics_jacobian(xp, xp.log(x)) / x[..., None]

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return -0.5 * math.log(2.0 * math.pi) - xp.log(x[..., 0])

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return GAUSSIAN._entropy(xp, theta) + self._classical(xp, theta)["log_mean"]

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        return GAUSSIAN._log_prob(xp, theta, xp.log(x)) - xp.log(x[..., 0])

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        logs = xp.log(x)
        mean = xp.sum(weights * logs, axis=-2)
        variance = xp.sum(weights * (logs - mean[..., None, :]) ** 2, axis=-2)
        if not item(xp.all(variance > float(xp.finfo(x.dtype).eps) * (1.0 + mean**2))):
            return self._fit_close(xp, x, weights)
        return self._natural(xp, log_mean=mean[..., 0], log_variance=variance[..., 0])

    def _fit_close(self, xp: Namespace, x: Array, weights: Array) -> Array:
        """Estimate from points whose logarithms may round to the same number."""
        require_varied(xp, self.name, x)
        logs = xp.log(x)
        centre = xp.exp(xp.sum(weights * logs, axis=-2, keepdims=True))
        centre = xp.minimum(centre, xp.max(x, axis=-2, keepdims=True))
        near = xp.abs(x - centre) < 0.5 * centre
        excess = xp.where(near, x - centre, xp.zeros_like(x)) / centre
        ratio = xp.where(near, xp.log1p(excess), logs - xp.log(centre))
        shift, deviation = deviations(xp, ratio, weights)
        variance = xp.sum(weights * deviation**2, axis=-2)
        mean = xp.log(centre[..., 0, :]) + shift
        return self._natural(xp, log_mean=mean[..., 0], log_variance=variance[..., 0])

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        log_mean: np.ndarray,
        log_variance: np.ndarray,
    ) -> np.ndarray:
        return rng.lognormal(log_mean, np.sqrt(log_variance), size)[..., None]

    def _log_draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        log_mean: np.ndarray,
        log_variance: np.ndarray,
    ) -> np.ndarray:
        return np.asarray(rng.normal(log_mean, np.sqrt(log_variance), size))[..., None]

    scipy_name = "lognorm"

    def _to_scipy(self, log_mean: np.ndarray, log_variance: np.ndarray) -> dict[str, Any]:
        return {"s": np.sqrt(log_variance), "scale": np.exp(log_mean)}

    @classmethod
    def _from_scipy(
        cls, s: np.ndarray, scale: np.ndarray
    ) -> tuple[LogNormal, dict[str, np.ndarray]]:
        return cls(), {"log_mean": np.log(scale), "log_variance": s * s}
