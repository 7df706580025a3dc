"""The Wishart family."""

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
from ingd_ref._special.multivariate_gamma import (
    inverse_multivariate_log_minus_digamma,
    multivariate_log_minus_digamma,
    multivariate_reduced_lgamma,
    multivariate_reduced_lgamma_bregman,
    multivariate_tetragamma,
    multivariate_trigamma_excess,
)
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
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._parameters import Constraint, Parameter, Requirements
from ingd_ref.families._positive_definite import (
    POSITIVE_DEFINITE,
    bartlett,
    blocks,
    inverse_jacobian,
    log_bartlett_diagonal,
    moved_inside,
    square_root,
    trace_metric,
)
from ingd_ref.families._samples import require_different, require_fit

__all__ = ["Wishart"]


def to_scipy(
    family: ExponentialFamily, scale: np.ndarray, degrees_of_freedom: np.ndarray
) -> dict[str, Any]:
    """Arguments of SciPy's Wishart and inverse Wishart distributions."""
    return {"df": degrees_of_freedom, "scale": scale}


@dataclass(frozen=True)
class Wishart(ExponentialFamily):
    r"""Wishart distribution W(V, n) of positive definite d × d matrices X.

    Classical parameters are ``scale`` V, positive definite, and ``degrees_of_freedom`` n > d − 1;
    the mean is nV. With a = n/2 and B = ½V⁻¹ it is the matrix analogue of the Gamma distribution
    with shape a and rate B. A symmetric matrix among points, statistics and mean parameters means
    its entries i ≤ j, row by row; a natural one T for T_ii and 2T_ij, i < j, so that the inner
    product is a trace. A point has d(d + 1)/2 coordinates, to which its density refers, and
    b = 1 + d(d + 1)/2. With Γ_d the multivariate gamma function, ψ_d = (log Γ_d)′ and
    M = aB⁻¹ = nV,

    .. math::
        f(X) &= (\log\det X,\, X), \quad h(X) = (\det X)^{-(d+1)/2}, \quad \theta = (a,\, -B)
            & \text{(E1)} \\
        A(\theta) &= \log\Gamma_d(a) - a\log\det B = S_d(a) + a(\log\det M - d) & \text{(E1)} \\
        \nabla A(\theta) &= (\log\det M - \varphi_d(a),\, M), \quad
            \varphi_d(a) = d\log a - \psi_d(a) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (a,\, -a\mu_2^{-1}), \quad \varphi_d(a) = \log\det\mu_2 - \mu_1
            & \text{(E6)} \\
        F_{0,0} &= \psi_d'(a), \quad F_{0,ij} = M_{ij}/a, \quad
            F_{ij,kl} = (M_{ik}M_{jl} + M_{il}M_{jk})/(2a) & \text{(E3)} \\
        \nabla^3 A &= (\psi_d''(a),\, 0), \quad
            \nabla^3 A(1, T, T) = \operatorname{tr}(TM)^2/a^2, \quad
            \nabla^3 A(T, T, T) = 2\operatorname{tr}(TM)^3/a^2 & \text{(E3)} \\
        F^{-1}(g, G) &= (\dot a,\, (BGB - \dot aB)/a), \quad
            \dot a = (ag - \operatorname{tr} BG)/(a\psi_d'(a) - d) & \text{(E7)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= B_{S_d}(a, a') + a'(\operatorname{tr}(M'^{-1}M) - d
            - \log\det(M'^{-1}M)) & \text{(E5)}

    where S_d(a) = log Γ_d(a) − d(a log a − a), and B_S its Bregman remainder; nothing on the right
    cancels.

    Parameters
    ----------
    dimension : int ≥ 1
        Number d of rows of a matrix. Default 2.

    Examples
    --------
    >>> family = Wishart(2)
    >>> theta = family.natural(scale=[[1.0, 0.0], [0.0, 0.25]], degrees_of_freedom=3.0)
    >>> theta  # ½n, then −½(V⁻¹)₀₀, −(V⁻¹)₀₁, −½(V⁻¹)₁₁
    array([ 1.5, -0.5, -0. , -2. ])
    >>> family.mean(theta)[1:]
    array([3.  , 0.  , 0.75])
    """

    dimension: int = 2
    name = "Wishart"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))

    @property
    def dim(self) -> int:
        """Number d(d + 1)/2 of coordinates of a point."""
        return self.dimension * (self.dimension + 1) // 2

    @property
    def number(self) -> int:
        """Number b = 1 + d(d + 1)/2 of statistics."""
        return 1 + self.dim

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Scale matrix and degrees of freedom."""
        d = self.dimension
        enough = Constraint(f"greater than {d - 1}", lambda xp, value: value > d - 1)
        return (
            Parameter("scale", POSITIVE_DEFINITE, shape=(d, d)),
            Parameter("degrees_of_freedom", enough),
        )

    def _rate(self, xp: Namespace, theta: Array) -> Array:
        return -from_dual_entries(xp, theta[..., 1:], self.dimension)

    def _matrices(self, xp: Namespace, x: Array) -> Array:
        return from_entries(xp, x, self.dimension)

    def _centre(self, xp: Namespace, theta: Array) -> DoubleWord:
        """M = aB⁻¹, the mean of X."""
        centre: DoubleWord = factor(xp, self._rate(xp, theta)).inverse() * theta[..., 0, None, None]
        return centre

    def _joined(self, xp: Namespace, first: Array, rest: Array) -> Array:
        return xp.concat([first[..., None], rest], axis=-1)

    def _natural(self, xp: Namespace, scale: Array, degrees_of_freedom: Array) -> Array:
        inverse = factor(xp, symmetric(double_word(xp, scale))).inverse().rounded()
        return self._joined(xp, 0.5 * degrees_of_freedom, -0.5 * dual_entries(xp, inverse))

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        scale = factor(xp, self._rate(xp, theta)).inverse().rounded()
        return {"scale": 0.5 * scale, "degrees_of_freedom": 2.0 * theta[..., 0]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        enough = f"degrees_of_freedom = 2 theta[0] > {self.dimension - 1}"
        definite = positive_definite(xp, self._rate(xp, theta))
        return {
            enough: theta[..., 0] > 0.5 * (self.dimension - 1),
            "rate = -theta[1:] positive definite": definite,
        }

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        factors = factor(xp, self._matrices(xp, mu[..., 1:]))
        definite = xp.all(factors.pivots.high > 0, axis=-1)
        gap = xp.where(definite, factors.log_det(), xp.zeros_like(mu[..., 0])) - mu[..., 0]
        return {
            "mu[1:] positive definite": definite,
            "log det mu[1:] - mu[0] > 0": ~definite | (gap > 0),
        }

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return {"x positive definite": positive_definite(xp, self._matrices(xp, x))}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return self._joined(xp, factor(xp, self._matrices(xp, x)).log_det(), x)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        inverse = factor(xp, self._matrices(xp, x)).inverse().rounded()
        first = dual_entries(xp, inverse)  # ∂ log det X/∂X_ij counts X_ij twice off the diagonal
        unit = xp.broadcast_to(
            xp.eye(self.dim, dtype=x.dtype, device=device(x)), (*x.shape, self.dim)
        )
        return xp.concat([first[..., None], unit], axis=-1)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return -0.5 * (self.dimension + 1) * factor(xp, self._matrices(xp, x)).log_det()

    def _log_centre(self, xp: Namespace, theta: Array) -> Array:
        """Return log det M = Σ log(a/D_j) over the pivots D of B."""
        pivots, shape = factor(xp, self._rate(xp, theta)).pivots, theta[..., 0, None]
        excess = ((-pivots + shape) / pivots).rounded()
        near = xp.abs(excess) < 0.5
        logs = xp.log1p(xp.where(near, excess, xp.zeros_like(excess)))
        return xp.sum(xp.where(near, logs, xp.log(shape / pivots.rounded())), axis=-1)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        shape, d = theta[..., 0], self.dimension
        return multivariate_reduced_lgamma(xp, shape, d) + shape * (self._log_centre(xp, theta) - d)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        first = self._log_centre(xp, theta) - multivariate_log_minus_digamma(
            xp, theta[..., 0], self.dimension
        )
        return self._joined(xp, first, entries(xp, self._centre(xp, theta).rounded()))

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        factors = factor(xp, self._matrices(xp, mu[..., 1:]))
        return self._from_gap(xp, factors.log_det() - mu[..., 0], factors)

    def _from_gap(self, xp: Namespace, gap: Array, centre: Factor) -> Array:
        shape = inverse_multivariate_log_minus_digamma(xp, gap, self.dimension)
        rate = (centre.inverse() * shape[..., None, None]).rounded()
        return self._joined(xp, shape, -dual_entries(xp, rate))

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        shape, centre = theta[..., 0], self._centre(xp, theta).rounded()
        first = (self.dimension + multivariate_trigamma_excess(xp, shape, self.dimension)) / shape
        cross = entries(xp, centre) / shape[..., None]
        return _bordered(
            xp, first, cross, wick(xp, centre, centre) / (4.0 * shape[..., None, None])
        )

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        shape, rate = theta[..., 0], self._rate(xp, theta)
        excess = multivariate_trigamma_excess(xp, shape, self.dimension)
        dual = dual_entries(xp, rate)
        added = dual[..., :, None] * dual[..., None, :] / excess[..., None, None]
        square = (2.0 * dual_wick(xp, rate) + added) / shape[..., None, None]
        return _bordered(xp, shape / excess, -dual / excess[..., None], square)

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        shape, rate = theta[..., 0], double_word(xp, self._rate(xp, theta))
        product = matmul(rate, double_word(xp, self._matrices(xp, grad[..., 1:])))  # BG
        trace = product[..., 0, 0]
        for j in range(1, self.dimension):
            trace = trace + product[..., j, j]
        slope = double_word(xp, shape) * grad[..., 0] - trace
        slope = slope / multivariate_trigamma_excess(xp, shape, self.dimension)
        rest = (symmetric(matmul(product, rate)) - rate * slope[..., None, None]) / shape[
            ..., None, None
        ]
        return self._joined(xp, slope.rounded(), dual_entries(xp, rest.rounded()))

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        square = inverse_jacobian(xp, 2.0 * self._rate(xp, theta))
        top, right = xp.zeros_like(square[..., :1, :]), xp.zeros_like(square[..., :, :1])
        corner = xp.full_like(square[..., :1, :1], 0.5)
        return xp.concat(
            [xp.concat([top, corner], axis=-1), xp.concat([square, right], axis=-1)], axis=-2
        )

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        """½n tr(V⁻¹dV V⁻¹dV) + tr(V⁻¹dV)dn + ¼ψ_d′ dn²."""
        inverse = 2.0 * self._rate(xp, theta)
        return self._scale_metric(xp, theta[..., 0], inverse, 0.5 * inverse)

    def _scale_metric(self, xp: Namespace, shape: Array, inverse: Array, cross: Array) -> Array:
        """Return the metric in a scale matrix of the given inverse and degrees of freedom 2a.

        ``cross`` holds the entries that join them.
        """
        square = shape[..., None, None] * trace_metric(xp, inverse)
        side = xp.reshape(cross, (*shape.shape, self.dimension**2, 1))
        excess = multivariate_trigamma_excess(xp, shape, self.dimension)
        last = 0.25 * (self.dimension + excess) / shape
        return blocks(xp, square, side, last[..., None, None])

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        shape, centre = theta[..., 0], self._centre(xp, theta).rounded()
        ring = triple_wick(xp, centre, centre, centre) / (4.0 * shape**2)[..., None, None, None]
        cross = wick(xp, centre, centre) / (4.0 * shape**2)[..., None, None]
        first = _bordered(
            xp,
            multivariate_tetragamma(xp, shape, self.dimension),
            xp.zeros_like(cross[..., 0]),
            cross,
        )
        return xp.concat(
            [first[..., None, :, :], _bordered(xp, xp.zeros_like(cross[..., 0]), cross, ring)],
            axis=-3,
        )

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        first = double_word(xp, self._rate(xp, theta1)) * theta2[..., 0, None, None]  # aa′M⁻¹
        second = double_word(xp, self._rate(xp, theta2)) * theta1[..., 0, None, None]  # aa′M′⁻¹
        divergence = log_det_divergence(xp, factor(xp, first), factor(xp, second), second - first)
        remainder = multivariate_reduced_lgamma_bregman(
            xp, theta1[..., 0], theta2[..., 0], self.dimension
        )
        return remainder + theta2[..., 0] * divergence

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        shape, d = theta[..., 0], self.dimension
        return -multivariate_reduced_lgamma(xp, shape, d) - shape * multivariate_log_minus_digamma(
            xp, shape, d
        )

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        shape, d, half = theta[..., 0], self.dimension, 0.5 * (self.dimension + 1)
        scale_free = (shape - half) * multivariate_log_minus_digamma(xp, shape, d)
        return (
            multivariate_reduced_lgamma(xp, shape, d)
            + scale_free
            + half * self._log_centre(xp, theta)
        )

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        shape, centre = theta[..., 0], self._centre(xp, theta)
        point = double_word(xp, self._matrices(xp, x))
        factors = factor(xp, point)
        divergence = log_det_divergence(xp, factor(xp, centre), factors, point - centre)
        front = multivariate_reduced_lgamma(xp, shape, self.dimension) + shape * divergence
        return -front - 0.5 * (self.dimension + 1) * factors.log_det()

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        require_different(xp, self.name, x)
        return self._fit_points(xp, double_word(xp, self._matrices(xp, x)), weights)

    def _fit_points(self, xp: Namespace, points: DoubleWord, weights: Array) -> Array:
        """Estimate from matrices (..., n, d, d).

        log det of the mean less the mean of log det is the mean divergence of points from the mean.
        """
        rounded = xp.sum(weights[..., None] * points.high, axis=-3, keepdims=True)
        rest = xp.sum(weights[..., None] * (points - rounded).rounded(), axis=-3, keepdims=True)
        mean = double_word(xp, rounded) + rest
        divergence = log_det_divergence(xp, factor(xp, mean), factor(xp, points), points - mean)
        gap = xp.sum(weights[..., 0] * divergence, axis=-1)
        require_fit(xp, self.name, {"log det of the mean - mean of log det > 0": gap > 0})
        return self._from_gap(xp, gap, factor(xp, mean[..., 0, :, :]))

    _moved_inside = moved_inside

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        scale: np.ndarray,
        degrees_of_freedom: np.ndarray,
    ) -> np.ndarray:
        root = square_root(scale) @ bartlett(rng, size, degrees_of_freedom, self.dimension)
        rows, columns = np.triu_indices(self.dimension)
        return np.asarray((root @ np.swapaxes(root, -1, -2))[..., rows, columns])

    def _log_draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        scale: np.ndarray,
        degrees_of_freedom: np.ndarray,
    ) -> np.ndarray:
        """Draw L with X = LLᵀ, row by row, with the logarithms of its diagonal.

        L is the factor of the scale matrix times that of Bartlett.
        """
        root = np.linalg.cholesky(scale)
        logs = log_bartlett_diagonal(rng, size, degrees_of_freedom, self.dimension)
        below = np.tril(rng.standard_normal((*size, self.dimension, self.dimension)), -1)
        entries = root @ (below + np.exp(logs)[..., None] * np.eye(self.dimension))
        diagonal = logs + np.log(np.einsum("...ii->...i", root))
        rows, columns = np.tril_indices(self.dimension)
        triangle = np.where(rows == columns, diagonal[..., rows], entries[..., rows, columns])
        return np.asarray(triangle)

    scipy_name = "wishart"
    _to_scipy = to_scipy

    @classmethod
    def _from_scipy(
        cls, df: np.ndarray, scale: np.ndarray
    ) -> tuple[Wishart, dict[str, np.ndarray]]:
        return cls(len(scale)), {"scale": scale, "degrees_of_freedom": df}


def _bordered(xp: Namespace, corner: Array, border: Array, square: Array) -> Array:
    """Symmetric matrix of a corner (...), a border (..., b − 1) and a block (..., b − 1, b − 1)."""
    return blocks(xp, corner[..., None, None], border[..., None, :], square)
