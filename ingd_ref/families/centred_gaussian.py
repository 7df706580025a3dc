"""The centred Gaussian family: zero mean, free covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.cholesky import (
    Factor,
    factor,
    log_det_divergence,
    matmul,
    positive_definite,
    symmetric,
)
from ingd_ref._special.double_words import DoubleWord, double_word
from ingd_ref._special.symmetric import (
    dual_entries,
    dual_wick,
    entries,
    from_dual_entries,
    from_entries,
    triple_wick,
    wick,
)
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.families import _gaussian
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._parameters import Parameter, Requirements
from ingd_ref.families._positive_definite import (
    POSITIVE_DEFINITE,
    inverse_jacobian,
    square_root,
    trace_metric,
)
from ingd_ref.families._rank import fitted_covariance, unscaled

__all__ = ["CentredGaussian"]


@dataclass(frozen=True)
class CentredGaussian(ExponentialFamily):
    r"""Gaussian N(0, Σ) on R^d with zero mean and free covariance.

    The classical parameter is the ``covariance`` Σ; P = Σ⁻¹ is the precision. A symmetric matrix of
    statistics means its entries i ≤ j, row by row, and a natural one T for T_ii and 2T_ij, i <
    j, so that ⟨θ, f⟩ = tr(Txxᵀ); b = d(d + 1)/2.

    .. math::
        f(x) &= xx^\top, \quad h(x) = (2\pi)^{-d/2}, \quad \theta = -½P & \text{(E1)} \\
        A(\theta) &= -½\log\det P & \text{(E1)} \\
        \nabla A(\theta) &= \Sigma & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= -½\mu^{-1} & \text{(E6)} \\
        F_{ij,kl} &= \Sigma_{ik}\Sigma_{jl} + \Sigma_{il}\Sigma_{jk} & \text{(E3)} \\
        \nabla^3 A(T, T, T) &= 8\operatorname{tr}(T\Sigma)^3 \quad\text{for a symmetric matrix } T
            & \text{(E3)} \\
        F^{-1}G &= ½PGP \quad\text{for a symmetric matrix } G & \text{(E7)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= ½(\operatorname{tr}(P'\Sigma) - d - \log\det(P'\Sigma))
            & \text{(E5)}

    The divergence is a sum of non-negative terms in the factors of P and P′.

    Parameters
    ----------
    dimension : int ≥ 1
        Dimension d of a point. Default 2.

    Examples
    --------
    >>> family = CentredGaussian(2)
    >>> theta = family.natural(covariance=[[2.0, 1.0], [1.0, 1.0]])
    >>> theta  # −½P₀₀, −P₀₁, −½P₁₁
    array([-0.5,  1. , -1. ])
    >>> family.mean(theta)
    array([2., 1., 1.])
    """

    dimension: int = 2
    name = "centred Gaussian"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))

    @property
    def dim(self) -> int:
        """Dimension d of a point x."""
        return self.dimension

    @property
    def number(self) -> int:
        """Number b = d(d + 1)/2 of statistics."""
        return self.dimension * (self.dimension + 1) // 2

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The covariance."""
        return (Parameter("covariance", POSITIVE_DEFINITE, shape=(self.dimension, self.dimension)),)

    _log_base_measure = _gaussian.log_base_measure
    _conjugate = _gaussian.conjugate
    _entropy = _gaussian.entropy

    def _precision(self, xp: Namespace, theta: Array) -> Array:
        return -2.0 * from_dual_entries(xp, theta, self.dimension)

    def _factor(self, xp: Namespace, theta: Array) -> Factor:
        return factor(xp, self._precision(xp, theta))

    def _natural(self, xp: Namespace, covariance: Array | DoubleWord) -> Array:
        covariance = symmetric(double_word(xp, covariance))
        return -0.5 * dual_entries(xp, factor(xp, covariance).inverse().rounded())

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"covariance": self._factor(xp, theta).inverse().rounded()}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return {
            "precision = -2 theta positive definite": positive_definite(
                xp, self._precision(xp, theta)
            )
        }

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        return {
            "covariance = mu positive definite": positive_definite(
                xp, from_entries(xp, mu, self.dimension)
            )
        }

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return entries(xp, x[..., :, None] * x[..., None, :])

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        unit = xp.eye(self.dimension, dtype=x.dtype, device=device(x))
        half = unit[:, :, None] * x[..., None, None, :]  # ∂x_i/∂x_a x_j
        return entries(xp, half + xp.matrix_transpose(half))

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return -0.5 * self._factor(xp, theta).log_det()

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        return entries(xp, self._classical(xp, theta)["covariance"])

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return self._natural(xp, covariance=from_entries(xp, mu, self.dimension))

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        covariance = self._classical(xp, theta)["covariance"]
        return 0.5 * wick(xp, covariance, covariance)

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return dual_wick(xp, self._precision(xp, theta))

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        precision = double_word(xp, self._precision(xp, theta))
        gradient = double_word(xp, from_entries(xp, grad, self.dimension))
        product = matmul(precision, matmul(gradient, precision))
        return 0.5 * dual_entries(xp, symmetric(product).rounded())

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        return inverse_jacobian(xp, self._precision(xp, theta))

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        return 0.5 * trace_metric(xp, self._precision(xp, theta))

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        covariance = self._classical(xp, theta)["covariance"]
        return triple_wick(xp, covariance, covariance, covariance)

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        difference = double_word(xp, self._precision(xp, theta2)) - self._precision(xp, theta1)
        return 0.5 * log_det_divergence(
            xp, self._factor(xp, theta1), self._factor(xp, theta2), difference
        )

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        precision = self._factor(xp, theta)
        return 0.5 * (
            precision.log_det() - precision.square(double_word(xp, x))
        ) + self._log_base_measure(xp, x)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        _, covariance, scale = fitted_covariance(xp, self.name, x, weights, centred=True)
        return unscaled(xp, self._natural(xp, covariance=covariance), scale)

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], covariance: np.ndarray
    ) -> np.ndarray:
        return (square_root(covariance) @ rng.standard_normal((*size, self.dimension, 1)))[..., 0]

    scipy_name = "multivariate_normal"

    def _to_scipy(self, covariance: np.ndarray) -> dict[str, Any]:
        return {"mean": np.zeros(self.dimension), "cov": covariance}
