"""Regression on a non-linear function, where Gauss–Newton keeps the precision positive definite."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.errors import ShapeError
from ingd_ref.variational._curvature import diagonal_matrix
from ingd_ref.variational._linear_algebra import matvec
from ingd_ref.variational._models import vector_like

__all__ = ["NonlinearRegression"]


@dataclass(frozen=True, eq=False)
class NonlinearRegression:
    r"""y_i = g_i(x) + noise of precision τ, with prior N(m₀, Λ⁻¹) of x; for :class:`Sampling`.

    .. math:: \ell(x) = -½\tau \|y - g(x)\|^2 + \log N(x; m_0, \Lambda^{-1}) + \text{const}, \qquad
              -\nabla^2\ell \approx \tau J^\top J + \Lambda, \quad J = \partial g/\partial x

    ℓ need not be concave. The Gauss–Newton matrix on the right leaves out the curvature of g and is
    positive definite everywhere, so with ``Sampling(curvature="gauss-newton")`` steps of (E11) keep
    the precision positive definite; ``curvature="gradient"`` estimates the true expectation from
    gradients.

    Parameters
    ----------
    function : callable
        g: points (..., s, d) to predictions (..., s, n).
    jacobian : callable
        J: points (..., s, d) to (..., s, n, d).
    response : array (n,)
        y.
    dimension : int ≥ 1
        Dimension d of x.
    noise_precision : float > 0
        τ. Default 1.
    prior_precision : float or array (d,)
        Diagonal of Λ > 0. Default 1.
    prior_mean : float or array (d,)
        m₀. Default 0.

    Examples
    --------
    >>> import numpy as np
    >>> slope = lambda x: np.cos(x)[..., None]
    >>> model = NonlinearRegression(np.sin, slope, np.array([0.5]), dimension=1)
    >>> model.gradient(np.array([[0.0]]))
    array([[0.5]])
    """

    function: Callable[[Array], Array]
    jacobian: Callable[[Array], Array]
    response: Array
    dimension: int
    noise_precision: float = 1.0
    prior_precision: Any = 1.0
    prior_mean: Any = 0.0

    def __post_init__(self) -> None:
        _checks.function(self.function, "function")
        _checks.function(self.jacobian, "jacobian")
        xp, response = _checks.arrays(response=self.response)
        number = response.shape[0] if response.ndim else 0
        if number == 0:
            raise ShapeError(f"response must have shape (n,), got {tuple(response.shape)}")
        response = _checks.vector(response, "response", number, xp)
        dimension = _checks.positive_integer(self.dimension, "dimension")
        like = xp.broadcast_to(response[:1], (dimension,))
        noise_precision = _checks.positive(self.noise_precision, "noise_precision")
        object.__setattr__(self, "response", xp.asarray(response, copy=True))
        object.__setattr__(self, "noise_precision", noise_precision)
        for name in ("prior_precision", "prior_mean"):
            object.__setattr__(self, name, vector_like(xp, getattr(self, name), name, like))

    def _at(self, x: Array) -> tuple[Namespace, Array]:
        """Return the namespace, and finite points (..., s, d)."""
        xp = array_namespace(response=self.response, x=x)
        x, dim = _checks.finite(_checks.real_array(x, "x", xp), "x", xp), self.dimension
        if x.ndim < 2 or x.shape[-1] != dim:
            raise ShapeError(f"x must have shape (..., s, {dim}), got {tuple(x.shape)}")
        return xp, x

    @_checks.guarded
    def log_density(self, x: Array) -> Array:
        """Return ℓ(x) (..., s) at points (..., s, d), normalising constants included."""
        xp, x = self._at(x)
        residual = self.response - self.function(x)
        fit = 0.5 * self.response.shape[0] * math.log(self.noise_precision / (2.0 * math.pi))
        prior = 0.5 * xp.sum(xp.log(self.prior_precision / (2.0 * math.pi)))
        distance = xp.sum(self.prior_precision * (x - self.prior_mean) ** 2, axis=-1)
        misfit = self.noise_precision * xp.sum(residual * residual, axis=-1)
        return fit + prior - 0.5 * (misfit + distance)

    @_checks.guarded
    def gradient(self, x: Array) -> Array:
        """Return ∇ℓ(x) (..., s, d) at points (..., s, d)."""
        xp, x = self._at(x)
        pull = matvec(xp, xp.matrix_transpose(self.jacobian(x)), self.response - self.function(x))
        return self.noise_precision * pull - self.prior_precision * (x - self.prior_mean)

    @_checks.guarded
    def gauss_newton(self, x: Array) -> Array:
        """Return τJᵀJ + Λ (..., s, d, d) at points (..., s, d)."""
        xp, x = self._at(x)
        jacobian = self.jacobian(x)
        squares = xp.matmul(xp.matrix_transpose(jacobian), jacobian)
        return self.noise_precision * squares + diagonal_matrix(xp, self.prior_precision)
