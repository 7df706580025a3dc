"""The Dirichlet family on the simplex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.beta import (
    dirichlet_entropy,
    inverse_log_beta_gradient,
    inverse_log_beta_hessian_product,
    log_beta,
    log_beta_bregman,
    log_beta_conjugate,
    log_beta_gradient,
    log_beta_hessian,
    log_beta_third_derivative,
    mean_log_gap,
    reduced_log_beta,
)
from ingd_ref._special.beta_fit import concentration_gap, fitted_concentrations
from ingd_ref._special.counting import remaining
from ingd_ref._special.log_means import jensen_gap
from ingd_ref._special.logarithm import log_remainder
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.errors import DomainError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._draws import draw_log_weights, log_shares
from ingd_ref.families._parameters import POSITIVE, Parameter, Requirements
from ingd_ref.families._samples import require_different, require_fit

__all__ = ["Dirichlet"]


@dataclass(frozen=True)
class Dirichlet(ExponentialFamily):
    r"""Dirichlet distribution on points x of the simplex: x_k > 0, Σ x_k = 1.

    The classical parameter is the vector ``concentration`` α = (α₁, …, α_K) > 0; α₀ = Σ α_k, and
    the mean is p = α/α₀. With B the multivariate beta function, ψ the digamma function, S(a) = log
    Γ(a) − a log a + a and R(ρ) = ρ − 1 − log ρ,

    .. math::
        f(x) &= (\log x_1, \dots, \log x_K), \quad h(x) = 1/\textstyle\prod_k x_k, \quad
            \theta = \alpha & \text{(E1)} \\
        A(\theta) &= \log B(\alpha) = \textstyle\sum_k (S(\alpha_k) + \alpha_k\log p_k)
            - S(\alpha_0) & \text{(E1)} \\
        \nabla A(\theta)_k &= \psi(\alpha_k) - \psi(\alpha_0) & \text{(E2)} \\
        F = \nabla^2 A(\theta) &= \operatorname{diag}(\psi'(\alpha_k)) - \psi'(\alpha_0)
            & \text{(E3)} \\
        F^{-1} &= \operatorname{diag}(u) + u u^\top/g, \quad u_k = 1/\psi'(\alpha_k), \quad
            g = 1/\psi'(\alpha_0) - \textstyle\sum_k u_k & \text{(E4)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \textstyle\sum_k \big(\alpha'_k R(p_k/p'_k)
            + B_S(\alpha_k, \alpha'_k)\big)
            - B_S(\alpha_0, \alpha'_0) & \text{(E5)}

    where B_S is the Bregman remainder of S. The inverse of ∇A (E6) is found by Newton's iteration.
    The differences of ψ, ψ′, 1/ψ′ and B_S are formed term by term and lose nothing, however unequal
    the α_k are. The density is that of the first K − 1 coordinates. Points may sum to one within
    1e-6, and are taken as they are.

    Parameters
    ----------
    categories : int ≥ 2
        Number K of coordinates.

    Examples
    --------
    >>> family = Dirichlet(categories=3)
    >>> theta = family.natural(concentration=[1.0, 1.0, 1.0])
    >>> family.mean(theta)
    array([-1.5, -1.5, -1.5])
    >>> family.natural_from_mean(family.mean(theta))
    array([1., 1., 1.])
    """

    categories: int

    name = "Dirichlet"
    bounds = (0.0, 1.0)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "categories", _checks.positive_integer(self.categories, "categories")
        )
        if self.categories < 2:
            raise DomainError(f"categories must be at least 2, got {self.categories}")

    @property
    def dim(self) -> int:
        """Number K of coordinates."""
        return self.categories

    @property
    def number(self) -> int:
        """Number K of statistics."""
        return self.categories

    @property
    def parameters(self) -> Sequence[Parameter]:
        """The concentration."""
        return (Parameter("concentration", POSITIVE, (self.categories,)),)

    @classmethod
    def examples(cls) -> Sequence[Dirichlet]:
        """Two coordinates, which is the Beta family, and three."""
        return (cls(2), cls(3))

    def example_parameters(self) -> Mapping[str, np.ndarray]:
        """A uniform distribution, and others that are peaked inside and at the corners."""
        rising = np.arange(1.0, self.categories + 1.0)
        return {"concentration": np.stack([np.ones(self.categories), rising + 1.5, 0.4 / rising])}

    def _natural(self, xp: Namespace, concentration: Array) -> Array:
        return concentration

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"concentration": theta}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {"concentration = theta > 0": xp.all(theta > 0, axis=-1)}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        negative = xp.all(mu < 0, axis=-1)
        gap = mean_log_gap(
            xp, xp.where(negative[..., None], mu, xp.full_like(mu, -1.0 - self.categories))
        )
        return {"mu < 0": negative, "1 - sum(exp(mu)) > 0": gap > 0}

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        inside = xp.all((x > 0) & (x < 1), axis=-1)
        return {
            "0 < x < 1": inside,
            "sum(x) = 1": xp.abs(xp.sum(x, axis=-1) - 1.0) < _checks.SUM_TOLERANCE,
        }

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.log(x)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        return xp.eye(self.categories, dtype=x.dtype, device=device(x)) / x[..., None]

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return -xp.sum(xp.log(x), axis=-1)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return log_beta(xp, theta)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return log_beta_gradient(xp, theta)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return inverse_log_beta_gradient(xp, mu)

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        return log_beta_hessian(xp, theta)

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        one = xp.eye(self.categories, dtype=theta.dtype, device=device(theta))
        return inverse_log_beta_hessian_product(xp, theta, one)

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return inverse_log_beta_hessian_product(xp, theta, grad[..., None, :])[..., 0, :]

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return log_beta_bregman(xp, theta1, theta2)

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return log_beta_third_derivative(xp, theta)

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        return log_beta_conjugate(xp, theta)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return dirichlet_entropy(xp, theta)

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        total = xp.sum(theta, axis=-1)
        error = -remaining(xp, total, theta)[..., None]  # of the sum
        # α₀ (x − p)
        shift = difference_of_products(xp, x, total[..., None], theta, xp.ones_like(x)) + x * error
        remainders = theta * log_remainder(xp, x * (total[..., None] / theta), shift / theta)
        defect = total * remaining(xp, 1.0, x)  # α₀ (1 − Σ x), zero but for rounding
        return (
            -xp.sum(xp.log(x), axis=-1)
            - reduced_log_beta(xp, theta)
            - xp.sum(remainders, axis=-1)
            - defect
        )

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        require_different(xp, self.name, x)
        mean = xp.sum(weights * x, axis=-2, keepdims=True)
        gap = jensen_gap(xp, x / mean, (x - mean) / mean, weights)
        # Points sum to one up to rounding.
        defect = -xp.sum(weights[..., 0] * remaining(xp, 1.0, x), axis=-1)
        determined = concentration_gap(xp, mean[..., 0, :], gap, defect) > 0
        require_fit(xp, self.name, {"1 - sum(exp(mean(log x))) > 0": determined})
        return fitted_concentrations(xp, mean[..., 0, :], gap, defect)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], concentration: np.ndarray
    ) -> np.ndarray:
        logs = draw_log_weights(rng, size, concentration)
        powers = np.exp(logs - np.max(logs, axis=-1, keepdims=True))
        return np.asarray(powers / np.sum(powers, axis=-1, keepdims=True))

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], concentration: np.ndarray
    ) -> np.ndarray:
        return log_shares(draw_log_weights(rng, size, concentration))

    scipy_name = "dirichlet"

    def _to_scipy(self, concentration: np.ndarray) -> dict[str, Any]:
        return {"alpha": concentration}

    @classmethod
    def _from_scipy(cls, alpha: np.ndarray) -> tuple[Dirichlet, dict[str, np.ndarray]]:
        return cls(alpha.shape[-1]), {"concentration": alpha}
