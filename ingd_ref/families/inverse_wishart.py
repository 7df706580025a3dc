"""The inverse Wishart family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.cholesky import factor, log_det_divergence
from ingd_ref._special.double_words import DoubleWord, double_word
from ingd_ref._special.multivariate_gamma import multivariate_reduced_lgamma
from ingd_ref._special.symmetric import dual_entries, entries, from_dual_entries, from_entries, wick
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.errors import OptionError
from ingd_ref.families import _flipped
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._flipped import flip
from ingd_ref.families._parameters import Parameter, Requirements
from ingd_ref.families._positive_definite import (
    bartlett,
    moved_inside,
    square_root,
)
from ingd_ref.families._samples import require_different
from ingd_ref.families.wishart import Wishart, to_scipy

__all__ = ["InverseWishart"]


@dataclass(frozen=True)
class InverseWishart(ExponentialFamily):
    r"""Inverse Wishart distribution of positive definite d × d matrices X, X⁻¹ ~ W(Ψ⁻¹, ν).

    Classical parameters are ``scale`` Ψ, positive definite, and ``degrees_of_freedom`` ν > d − 1;
    the mean is Ψ/(ν − d − 1) where that is positive. a = ν/2 and B = ½Ψ. Symmetric matrices mean
    their entries as in :class:`~ingd_ref.families.wishart.Wishart`: a point has d(d + 1)/2
    coordinates, and b = 1 + d(d + 1)/2.

    .. math::
        f(X) &= (\log\det X,\, X^{-1}), \quad h(X) = (\det X)^{-(d+1)/2}, \quad \theta = (-a,\, -B)
            & \text{(E1)} \\
        A(\theta) &= \log\Gamma_d(a) - a\log\det B & \text{(E1)} \\
        \nabla A(\theta) &= (\log\det B - \psi_d(a),\, aB^{-1}) & \text{(E2)} \\
        (\nabla A)^{-1}(\mu) &= (-a,\, -a\mu_2^{-1}), \quad
            d\log a - \psi_d(a) = \log\det\mu_2 + \mu_1 & \text{(E6)} \\
        F &= TF_{\mathrm W}T, \quad F^{-1} = TF_{\mathrm W}^{-1}T, \quad
            T = \operatorname{diag}(-1, 1, \dots, 1) & \text{(E3), (E4)} \\
        \nabla^3 A(u, v, w) &= \nabla^3 A_{\mathrm W}(Tu, Tv, Tw) & \text{(E3)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \mathrm{KL}_{\mathrm W}(T\theta\,\|\,T\theta')
            & \text{(E5)}

    where W is the Wishart family, of which X⁻¹ with the natural parameters Tθ = (a, −B) is a
    member.

    Parameters
    ----------
    dimension : int ≥ 1
        Number d of rows of a matrix. Default 2.

    Examples
    --------
    >>> family = InverseWishart(2)
    >>> theta = family.natural(scale=[[2.0, 0.0], [0.0, 1.0]], degrees_of_freedom=3.0)
    >>> theta  # −½ν, then −½Ψ₀₀, −Ψ₀₁, −½Ψ₁₁
    array([-1.5, -1. , -0. , -0.5])
    >>> family.mean(theta)[1:]  # νΨ⁻¹
    array([1.5, 0. , 3. ])
    """

    dimension: int = 2
    name = "inverse Wishart"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))

    @property
    def _inverted(self) -> Wishart:
        return Wishart(self.dimension)

    @property
    def dim(self) -> int:
        """Number d(d + 1)/2 of coordinates of a point."""
        return self._inverted.dim

    @property
    def number(self) -> int:
        """Number b = 1 + d(d + 1)/2 of statistics."""
        return self._inverted.number

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Scale matrix and degrees of freedom."""
        return self._inverted.parameters

    def _inverse(self, xp: Namespace, x: Array) -> DoubleWord:
        return factor(xp, from_entries(xp, x, self.dimension)).inverse()

    _log_partition = _flipped.log_partition
    _mean = _flipped.mean
    _natural_from_mean = _flipped.natural_from_mean
    _fisher = _flipped.fisher
    _inverse_fisher = _flipped.inverse_fisher
    _natural_gradient = _flipped.natural_gradient
    _fisher_vector_product = _flipped.fisher_vector_product
    _third_cumulant = _flipped.third_cumulant
    _kl = _flipped.kl
    _conjugate = _flipped.conjugate
    _moved_inside = moved_inside

    def _natural(self, xp: Namespace, scale: Array, degrees_of_freedom: Array) -> Array:
        dual = dual_entries(xp, 0.5 * (scale + xp.matrix_transpose(scale)))
        return -0.5 * xp.concat([degrees_of_freedom[..., None], dual], axis=-1)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        scale = -2.0 * from_dual_entries(xp, theta[..., 1:], self.dimension)
        return {"scale": scale, "degrees_of_freedom": -2.0 * theta[..., 0]}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        enough, definite = self._inverted._domain(xp, flip(xp, theta)).values()
        return {
            f"degrees_of_freedom = -2 theta[0] > {self.dimension - 1}": enough,
            "scale = -2 theta[1:] positive definite": definite,
        }

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        definite, gap = self._inverted._mean_domain(xp, flip(xp, mu)).values()
        return {"mu[1:] positive definite": definite, "log det mu[1:] + mu[0] > 0": gap}

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return self._inverted._support(xp, x)

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        factors = factor(xp, from_entries(xp, x, self.dimension))
        return xp.concat(
            [factors.log_det()[..., None], entries(xp, factors.inverse().rounded())],
            axis=-1,
        )

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        inverse = self._inverse(xp, x).rounded()
        occurs = dual_entries(xp, xp.ones_like(inverse))
        # −∂(X⁻¹)_kl/∂X_ij, twice off the diagonal
        squares = -0.25 * occurs[..., :, None] * wick(xp, inverse, inverse)
        return xp.concat([dual_entries(xp, inverse)[..., None], squares], axis=-1)

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return self._inverted._log_base_measure(xp, x)

    def _natural_jacobian(self, xp: Namespace, theta: Array) -> Array:
        d = self.dimension
        unit = xp.eye(d, dtype=theta.dtype, device=device(theta))
        entry = unit[:, None, :, None] * unit[None, :, None, :]  # E_ab
        columns = xp.reshape(
            -0.25 * dual_entries(xp, entry + xp.matrix_transpose(entry)), (d * d, self.dim)
        )
        below = xp.concat(
            [xp.matrix_transpose(columns), xp.zeros_like(columns[0, :, None])], axis=-1
        )
        top = xp.concat(
            [xp.zeros_like(columns[:, :1]), xp.full_like(columns[:1, :1], -0.5)], axis=0
        )
        jacobian = xp.concat([xp.matrix_transpose(top), below], axis=-2)
        return xp.asarray(
            xp.broadcast_to(jacobian, (*theta.shape[:-1], *jacobian.shape)), copy=True
        )

    def _classical_fisher(self, xp: Namespace, theta: Array) -> Array:
        """½ν tr(Ψ⁻¹dΨ Ψ⁻¹dΨ) − tr(Ψ⁻¹dΨ)dν + ¼ψ_d′ dν²."""
        inverse = factor(xp, self._classical(xp, theta)["scale"]).inverse().rounded()
        return self._inverted._scale_metric(xp, -theta[..., 0], inverse, -0.5 * inverse)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        # The density of X is that of X⁻¹ times det(X)^−(d+1), of mean logarithm −(d + 1)μ₀.
        flipped = flip(xp, theta)
        return (
            self._inverted._entropy(xp, flipped)
            - (self.dimension + 1) * self._inverted._mean(xp, flipped)[..., 0]
        )

    def _log_prob(self, xp: Namespace, theta: Array, x: Array) -> Array:
        shape, d = -theta[..., 0], self.dimension
        first = double_word(xp, from_entries(xp, x, d)) * shape[..., None, None]  # aX
        second = double_word(xp, -from_dual_entries(xp, theta[..., 1:], d))  # B
        divergence = log_det_divergence(xp, factor(xp, first), factor(xp, second), second - first)
        front = multivariate_reduced_lgamma(xp, shape, d) + shape * divergence
        return -front + self._log_base_measure(xp, x)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        require_different(xp, self.name, x)
        return flip(xp, self._inverted._fit_points(xp, self._inverse(xp, x), weights))

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        scale: np.ndarray,
        degrees_of_freedom: np.ndarray,
    ) -> np.ndarray:
        factors = bartlett(rng, size, degrees_of_freedom, self.dimension)
        root = square_root(scale) @ np.swapaxes(np.linalg.inv(factors), -1, -2)
        rows, columns = np.triu_indices(self.dimension)
        return np.asarray((root @ np.swapaxes(root, -1, -2))[..., rows, columns])

    def _log_draw(
        self, rng: np.random.Generator, size: tuple[int, ...], *args: Any, **classical: Any
    ) -> np.ndarray:
        raise OptionError(
            "log=True draws the factor of a Wishart matrix: of an inverse Wishart matrix X with "
            "scale S, draw that of its inverse, Wishart with scale S⁻¹"
        )

    scipy_name = "invwishart"
    _to_scipy = to_scipy

    @classmethod
    def _from_scipy(
        cls, df: np.ndarray, scale: np.ndarray
    ) -> tuple[InverseWishart, dict[str, np.ndarray]]:
        return cls(len(scale)), {"scale": scale, "degrees_of_freedom": df}
