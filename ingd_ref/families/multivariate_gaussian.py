"""The multivariate Gaussian family with full covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.cholesky import (
    Factor,
    factor,
    log_det_divergence,
    matmul,
    matvec,
    outer,
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
    blocks,
    inverse_jacobian,
    square_root,
    trace_metric,
)
from ingd_ref.families._rank import fitted_covariance, unscaled

__all__ = ["MultivariateGaussian"]


@dataclass(frozen=True)
class MultivariateGaussian(ExponentialFamily):
    r"""Gaussian N(m, Σ) on R^d with full covariance.

    Classical parameters are ``mean`` m and ``covariance`` Σ; P = Σ⁻¹ is the precision and η = Pm. A
    symmetric matrix of statistics means its entries i ≤ j, row by row, and a natural one T for
    T_ii and 2T_ij, i < j, so that ⟨θ, f⟩ = ηᵀx + tr(Txxᵀ); b = d + d(d + 1)/2.

    .. math::
        f(x) &= (x,\, xx^\top), \quad h(x) = (2\pi)^{-d/2}, \quad \theta = (\eta,\, -½P)
            & \text{(E1)} \\
        A(\theta) &= ½\eta^\top P^{-1}\eta - ½\log\det P & \text{(E1)} \\
        \nabla A(\theta) &= (m,\, \Sigma + mm^\top) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (\Sigma^{-1}m,\, -½\Sigma^{-1}), \quad \Sigma = \mu_2 - mm^\top
            & \text{(E6)} \\
        F_{i,k} &= \Sigma_{ik}, \quad F_{i,kl} = \Sigma_{ik}m_l + \Sigma_{il}m_k & \text{(E3)} \\
        F_{ij,kl} &= \Sigma_{ik}\Sigma_{jl} + \Sigma_{il}\Sigma_{jk} + \Sigma_{ik}m_jm_l
            + \Sigma_{jl}m_im_k + \Sigma_{il}m_jm_k + \Sigma_{jk}m_im_l & \text{(E3)} \\
        \nabla^3 A(T, T, T) &= 8\operatorname{tr}(T\Sigma)^3
            + 24\,m^\top(T\Sigma)^2Tm \quad\text{for a quadratic form } T & \text{(E3)} \\
        F^{-1}(g, G) &= (P(g - D\eta),\, ½PDP), \quad D = G - gm^\top - mg^\top & \text{(E7)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= ½(\operatorname{tr}(P'\Sigma) - d - \log\det(P'\Sigma))
            + ½r^\top P'^{-1}r, \quad
            r = \eta - \eta' + (P' - P)m & \text{(E5)}

    and in mean and covariance the metric is dmᵀP dm + ½tr(P dΣ P dΣ) (E4). The first part of the
    divergence is a sum of non-negative terms in the factors of P and P′, and r = P′(m − m′). All of
    it is evaluated in double words: between close members neither a condition number of 1e12 nor a
    mean of 1e8 standard deviations costs a digit. Between distant members r may cancel beyond that,
    where the divergence is as ill-conditioned.

    Parameters
    ----------
    dimension : int ≥ 1
        Dimension d of a point. Default 2.

    Examples
    --------
    >>> family = MultivariateGaussian(2)
    >>> theta = family.natural(mean=[1.0, 2.0], covariance=[[2.0, 1.0], [1.0, 1.0]])
    >>> theta  # η, then −½P₀₀, −P₀₁, −½P₁₁
    array([-1. ,  3. , -0.5,  1. , -1. ])
    >>> sigma = [[2.0, 1.0], [1.0, 1.0]]
    >>> far, farther = (family.natural(mean=[m, m], covariance=sigma) for m in (1e8, 1e8 + 1))
    >>> family.kl(far, farther).item()
    0.5
    """

    dimension: int = 2
    name = "multivariate Gaussian"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))

    @property
    def dim(self) -> int:
        """Dimension d of a point x."""
        return self.dimension

    @property
    def number(self) -> int:
        """Number b = d + d(d + 1)/2 of statistics."""
        return self.dimension * (self.dimension + 3) // 2

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Mean and covariance."""
        d = self.dimension
        return (
            Parameter("mean", shape=(d,)),
            Parameter("covariance", POSITIVE_DEFINITE, shape=(d, d)),
        )

    _log_base_measure = _gaussian.log_base_measure
    _conjugate = _gaussian.conjugate
    _entropy = _gaussian.entropy

    def _linear(self, theta: Array) -> Array:
        return theta[..., : self.dimension]

    def _precision(self, xp: Namespace, theta: Array) -> Array:
        return -2.0 * from_dual_entries(xp, theta[..., self.dimension :], self.dimension)

    def _factor(self, xp: Namespace, theta: Array) -> Factor:
        return factor(xp, self._precision(xp, theta))

    def _moments(self, xp: Namespace, theta: Array) -> tuple[DoubleWord, DoubleWord]:
        """Mean m and covariance Σ."""
        precision = double_word(xp, self._precision(xp, theta))
        linear = double_word(xp, self._linear(theta))
        covariance = factor(xp, precision).inverse()
        m = matvec(covariance, linear)
        residual = linear - matvec(precision, m)
        return m + matvec(covariance, residual), covariance

    def _joined(self, xp: Namespace, vectors: Array, matrices: Array) -> Array:
        return xp.concat([vectors, dual_entries(xp, matrices)], axis=-1)

    def _centred(self, xp: Namespace, mu: Array) -> DoubleWord:
        """μ₂ − mmᵀ, of which no digit is lost that μ still holds."""
        m = double_word(xp, mu[..., : self.dimension])
        return double_word(xp, from_entries(xp, mu[..., self.dimension :], self.dimension)) - outer(
            m, m
        )

    def _natural(
        self,
        xp: Namespace,
        mean: Array | DoubleWord,
        covariance: Array | DoubleWord,
    ) -> Array:
        precision = factor(xp, symmetric(double_word(xp, covariance))).inverse()
        linear = matvec(precision, double_word(xp, mean))
        return self._joined(xp, linear.rounded(), -0.5 * precision.rounded())

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        m, covariance = self._moments(xp, theta)
        return {"mean": m.rounded(), "covariance": covariance.rounded()}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        good = positive_definite(xp, self._precision(xp, theta))
        return {"precision = -2 (quadratic part of theta) positive definite": good}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        good = positive_definite(xp, self._centred(xp, mu))
        return {"covariance = (quadratic part of mu) - mean mean^T positive definite": good}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return xp.concat([x, entries(xp, x[..., :, None] * x[..., None, :])], axis=-1)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        unit = xp.eye(self.dimension, dtype=x.dtype, device=device(x))
        half = unit[:, :, None] * x[..., None, None, :]  # ∂x_i/∂x_a x_j
        squares = entries(xp, half + xp.matrix_transpose(half))
        return xp.concat([xp.broadcast_to(unit, (*x.shape, self.dimension)), squares], axis=-1)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        precision = self._factor(xp, theta)
        return 0.5 * (
            precision.inverse_square(double_word(xp, self._linear(theta))) - precision.log_det()
        )

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        m, covariance = self._moments(xp, theta)
        second = covariance + outer(m, m)
        return xp.concat([m.rounded(), entries(xp, second.rounded())], axis=-1)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        return self._natural(xp, mean=mu[..., : self.dimension], covariance=self._centred(xp, mu))

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        m, covariance = self._classical(xp, theta).values()
        half = covariance[..., :, :, None] * m[..., None, None, :]
        cross = entries(xp, half + xp.matrix_transpose(half))
        square = wick(xp, covariance, 0.5 * covariance + m[..., :, None] * m[..., None, :])
        return blocks(xp, covariance, cross, square)

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        linear, precision = self._linear(theta), self._precision(xp, theta)
        stretch = 1.0 + self._factor(xp, theta).inverse_square(double_word(xp, linear))
        first = stretch[..., None, None] * precision + linear[..., :, None] * linear[..., None, :]
        half = precision[..., :, :, None] * linear[..., None, None, :]
        cross = -0.5 * dual_entries(xp, half + xp.matrix_transpose(half))
        return blocks(xp, first, cross, dual_wick(xp, precision))

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        g = double_word(xp, grad[..., : self.dimension])
        precision = double_word(xp, self._precision(xp, theta))
        half = outer(g, self._moments(xp, theta)[0])
        change = double_word(xp, from_entries(xp, grad[..., self.dimension :], self.dimension)) - (
            half + half.transposed
        )
        linear = matvec(precision, g - matvec(change, double_word(xp, self._linear(theta))))
        square = symmetric(matmul(precision, matmul(change, precision)))
        return self._joined(xp, linear.rounded(), 0.5 * square.rounded())

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        """Return ∂(η, −½P)/∂(m, Σ).

        P and 0 for m; for entry ab of Σ, −½(P_a η_b + P_b η_a) and the change of the inverse.
        """
        precision, d = self._precision(xp, theta), self.dimension
        half = precision[..., :, :, None] * self._linear(theta)[..., None, None, :]
        linear = xp.reshape(
            -0.5 * (half + xp.matrix_transpose(half)), (*precision.shape[:-1], d * d)
        )
        square = inverse_jacobian(xp, precision)
        below = xp.zeros_like(square[..., :d])
        return xp.concat(
            [xp.concat([precision, linear], axis=-1), xp.concat([below, square], axis=-1)], axis=-2
        )

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        precision = self._precision(xp, theta)
        square = 0.5 * trace_metric(xp, precision)
        return blocks(xp, precision, xp.zeros_like(square[..., : self.dimension, :]), square)

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        """Third cumulant of the products of (x, 1), among which are x and xxᵀ.

        It sums rings of three pairs joined by Σ, in which mmᵀ may take the place of one Σ.
        """
        m, covariance = self._classical(xp, theta).values()
        d, corner = self.dimension, xp.zeros_like(m[..., :1, None])
        extended = xp.concat([m, xp.ones_like(m[..., :1])], axis=-1)
        square = extended[..., :, None] * extended[..., None, :]
        side = xp.zeros_like(m[..., :, None])
        spread = blocks(xp, covariance, side, corner)
        tensor = triple_wick(xp, spread, spread, spread + square)
        tensor = tensor + triple_wick(xp, spread, square, spread)
        tensor = tensor + triple_wick(xp, square, spread, spread)
        pairs = [(i, j) for i in range(d + 1) for j in range(i, d + 1)]
        order = [k for k, (_, j) in enumerate(pairs[:-1]) if j == d]
        order += [k for k, (_, j) in enumerate(pairs) if j < d]
        for axis in (-3, -2, -1):
            tensor = xp.take(tensor, xp.asarray(order, device=device(tensor)), axis=axis)
        return tensor

    def _mixture(self, xp: Namespace, theta1: Array, theta2: Array, t: Array) -> Array:
        """By means and covariances, which do not cancel as second moments do."""
        (m1, covariance1), (m2, covariance2) = self._moments(xp, theta1), self._moments(xp, theta2)
        shift, s = m2 - m1, t[..., None]
        covariance = (
            covariance1 * (1.0 - s) + covariance2 * s + outer(shift, shift) * (s * (1.0 - s))
        )
        return self._natural(xp, mean=m1 + shift * t, covariance=covariance)

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        difference = double_word(xp, self._precision(xp, theta2)) - self._precision(xp, theta1)
        linear = double_word(xp, self._linear(theta1)) - self._linear(theta2)
        shift = linear + matvec(difference, self._moments(xp, theta1)[0])
        first, second = self._factor(xp, theta1), self._factor(xp, theta2)
        return 0.5 * (
            log_det_divergence(xp, first, second, difference) + second.inverse_square(shift)
        )

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        precision = double_word(xp, self._precision(xp, theta))
        shift = matvec(precision, double_word(xp, x)) - self._linear(theta)  # P(x − m)
        factors = factor(xp, precision)
        return 0.5 * (
            factors.log_det()
            - factors.inverse_square(shift)
            - self.dimension * math.log(2.0 * math.pi)
        )

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        mean, covariance, scale = fitted_covariance(xp, self.name, x, weights, centred=False)
        theta = self._natural(xp, mean=mean * scale, covariance=covariance)
        quadratic = unscaled(xp, theta[..., self.dimension :], scale)
        return xp.concat([self._linear(theta) * scale, quadratic], axis=-1)

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        mean: np.ndarray,
        covariance: np.ndarray,
    ) -> np.ndarray:
        normal = rng.standard_normal((*size, self.dimension, 1))
        return mean + (square_root(covariance) @ normal)[..., 0]

    scipy_name = "multivariate_normal"

    def _to_scipy(self, mean: np.ndarray, covariance: np.ndarray) -> dict[str, Any]:
        return {"mean": mean, "cov": covariance}

    @classmethod
    def _from_scipy(
        cls, mean: np.ndarray, cov: np.ndarray
    ) -> tuple[MultivariateGaussian, dict[str, np.ndarray]]:
        return cls(len(mean)), {"mean": mean, "covariance": cov}
