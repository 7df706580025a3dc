"""The Beta family on the unit interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref._special.beta import (
    mean_log_gap,
    reduced_log_beta,
)
from ingd_ref._special.beta_fit import concentration_gap, fitted_concentrations
from ingd_ref._special.double_words import two_sum
from ingd_ref._special.gamma import inverse_log_minus_digamma
from ingd_ref._special.log_means import jensen_gap
from ingd_ref._special.logarithm import log_remainder
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._draws import TINY, draw_log_weights, log_shares
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._samples import require_fit, require_varied
from ingd_ref.families.dirichlet import Dirichlet

__all__ = ["Beta"]


@dataclass(frozen=True)
class Beta(ExponentialFamily):
    r"""Beta distribution on 0 < x < 1.

    Classical parameters are ``alpha`` α > 0 and ``beta`` β > 0; the mean is m = α/(α + β). With B
    the beta function, ψ the digamma function, S(a) = log Γ(a) − a log a + a and R(ρ) = ρ − 1 − log
    ρ,

    .. math::
        f(x) &= (\log x,\, \log(1 - x)), \quad h(x) = 1/(x(1 - x)), \quad
            \theta = (\alpha,\, \beta) & \text{(E1)} \\
        A(\theta) &= \log B(\alpha, \beta) = S(\alpha) + S(\beta) - S(\alpha + \beta)
            + \alpha\log m + \beta\log(1 - m) & \text{(E1)} \\
        \nabla A(\theta) &= (\psi(\alpha) - \psi(\alpha + \beta),\, \psi(\beta) - \psi(\alpha
            + \beta)) & \text{(E2)} \\
        F = \nabla^2 A(\theta)
            &= \begin{pmatrix} \psi'(\alpha) & 0 \\ 0 & \psi'(\beta) \end{pmatrix}
            - \psi'(\alpha + \beta) & \text{(E3)} \\
        F^{-1} &= \begin{pmatrix} u & 0 \\ 0 & v \end{pmatrix}
            + \frac1g \begin{pmatrix} u \\ v \end{pmatrix}
            \begin{pmatrix} u & v \end{pmatrix}, \quad
                u = \frac1{\psi'(\alpha)},\; v = \frac1{\psi'(\beta)},\;
            g = \frac1{\psi'(\alpha + \beta)} - u - v & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \alpha' R\big(\tfrac m{m'}\big) + \beta' R\big(\tfrac{1
            - m}{1 - m'}\big)
            + B_S(\alpha, \alpha') + B_S(\beta, \beta') - B_S(\alpha + \beta, \alpha' + \beta')
                & \text{(E5)}

    where B_S is the Bregman remainder of S. The inverse of ∇A (E6) is found by Newton's iteration.
    The differences of ψ, ψ′, 1/ψ′ and B_S are formed term by term and lose nothing, however unequal
    α and β are.

    Examples
    --------
    >>> family = Beta()
    >>> theta = family.natural(alpha=1e8, beta=1e-8)
    >>> family.mean(theta)  # −β/α and −1/β − log α − γ, nearly
    array([-1.00000000e-16, -1.00000019e+08])
    """

    name = "Beta"
    dim = 1
    number = 2
    parameters = (Parameter("alpha", POSITIVE), Parameter("beta", POSITIVE))
    bounds = (0.0, 1.0)

    _dirichlet = Dirichlet(categories=2)
    _log_partition = _dirichlet._log_partition
    _mean = _dirichlet._mean
    _natural_from_mean = _dirichlet._natural_from_mean
    _fisher = _dirichlet._fisher
    _inverse_fisher = _dirichlet._inverse_fisher
    _natural_gradient = _dirichlet._natural_gradient
    _third_cumulant = _dirichlet._third_cumulant
    _kl = _dirichlet._kl
    _conjugate = _dirichlet._conjugate
    _entropy = _dirichlet._entropy

    def _natural(self, xp: Namespace, alpha: Array, beta: Array) -> Array:
        return xp.stack([alpha, beta], axis=-1)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"alpha": theta[..., 0], "beta": theta[..., 1]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"alpha = theta[0] > 0": theta[..., 0] > 0, "beta = theta[1] > 0": theta[..., 1] > 0}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        negative = xp.all(mu < 0, axis=-1)
        gap = mean_log_gap(xp, xp.where(negative[..., None], mu, -xp.ones_like(mu)))
        return {"mu < 0": negative, "1 - exp(mu[0]) - exp(mu[1]) > 0": gap > 0}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat([xp.log(x), xp.log1p(-x)], axis=-1)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return xp.stack([1.0 / x, -1.0 / (1.0 - x)], axis=-1)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return -xp.log(x[..., 0]) - xp.log1p(-x[..., 0])

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        (alpha, beta), x = self._classical(xp, theta).values(), x[..., 0]
        total, error = two_sum(alpha, beta)
        # (α + β)(x − m)
        shift = difference_of_products(xp, x, total, alpha, xp.ones_like(x)) + x * error
        first = alpha * log_remainder(xp, x * (total / alpha), shift / alpha)
        second = beta * log_remainder(xp, (1.0 - x) * (total / beta), -shift / beta)
        return -xp.log(x) - xp.log1p(-x) - reduced_log_beta(xp, theta) - first - second

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        points, x = x, xp.concat([x, 1.0 - x], axis=-1)
        mean = xp.sum(weights * x, axis=-2, keepdims=True)
        # Near 1, x − E x comes from 1 − x, which is exact for x ≥ ½; other points are far away.
        change = xp.where(
            mean[..., :1] < 0.75, x[..., :1] - mean[..., :1], mean[..., 1:] - x[..., 1:]
        )
        excess = xp.concat([change, -change], axis=-1) / mean
        gap = jensen_gap(xp, x / mean, excess, weights, xp.log(x) - xp.log(mean))
        centre, defect = mean[..., 0, :], xp.zeros_like(gap[..., 0])
        left = concentration_gap(xp, centre, gap, defect)
        require_varied(xp, self.name, points, left > float(xp.finfo(x.dtype).eps))
        require_fit(xp, self.name, {"1 - exp(mean(log x)) - exp(mean(log(1 - x))) > 0": left > 0})
        # Where one of E x and E (1 − x) is nothing against the other, the law is Gamma's.
        apart = xp.min(centre, axis=-1, keepdims=True) < float(xp.finfo(x.dtype).eps)
        half = xp.full_like(centre, 0.5)
        concentrations = fitted_concentrations(
            xp, xp.where(apart, half, centre), xp.where(apart, half, gap), defect
        )
        least = xp.sum(xp.where(centre < half, gap, 0.0 * gap), axis=-1, keepdims=True)
        shape = inverse_log_minus_digamma(xp, xp.where(apart, least, half[..., :1]))
        limit = xp.where(centre < half, shape, shape / xp.min(centre, axis=-1, keepdims=True))
        return xp.where(apart, limit, concentrations)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], alpha: np.ndarray, beta: np.ndarray
    ) -> np.ndarray:
        x = rng.beta(alpha, beta, size)
        tiny = np.maximum(alpha, beta) < TINY
        if np.any(tiny):  # rng.beta takes their reciprocals
            x = np.where(tiny, np.exp(self._log_draw(rng, size, alpha, beta)[..., 0]), x)
        return np.asarray(x)[..., None]

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], alpha: np.ndarray, beta: np.ndarray
    ) -> np.ndarray:
        """Draw log x and log(1 − x), since x may round to 1."""
        return log_shares(draw_log_weights(rng, size, np.stack([alpha, beta], axis=-1)))

    scipy_name = "beta"

    def _to_scipy(self, alpha: np.ndarray, beta: np.ndarray) -> dict[str, Any]:
        return {"a": alpha, "b": beta}

    @classmethod
    def _from_scipy(cls, a: np.ndarray, b: np.ndarray) -> tuple[Beta, dict[str, np.ndarray]]:
        return cls(), {"alpha": a, "beta": b}
