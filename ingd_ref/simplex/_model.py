"""Models on the simplex: probabilities p(ξ), their Jacobian, and what is hidden (B2)."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.errors import ShapeError
from ingd_ref.simplex._marginalisation import Marginalisation

__all__ = ["FiniteModel", "required"]


class FiniteModel(ABC):
    """A parametrised family of probabilities p(ξ) on n states, part of which is hidden.

    A subclass gives p and J of equation (B2). The parameters may leave the set where p(ξ) is
    positive: a model is a formula, and functions that need positive probabilities check them.

    Attributes
    ----------
    parameters : int
        Number d of parameters ξ.
    marginalisation : Marginalisation
        Map of the n states onto their m visible cells.
    """

    parameters: int
    marginalisation: Marginalisation

    @abstractmethod
    def _probabilities(self, xp: Namespace, xi: Array) -> Array:
        """Return p(ξ) of shape (..., n) at checked parameters."""

    @abstractmethod
    def _with_jacobian(self, xp: Namespace, xi: Array) -> tuple[Array, Array]:
        """Return p(ξ) (..., n) and J = ∂p/∂ξ (..., n, d) at checked parameters."""

    @abstractmethod
    def random_parameters(self, size: int, rng: RandomSource) -> np.ndarray:
        """Draw parameters well inside the model.

        Parameters
        ----------
        size : int
            Number of points.
        rng : numpy.random.Generator or seed
            The only source of randomness.

        Returns
        -------
        numpy.ndarray (size, d)
            On the host.
        """

    @property
    def states(self) -> int:
        """Number n of states."""
        return self.marginalisation.states

    @_checks.guarded
    def probabilities(self, xi: Array) -> Array:
        """Return the probabilities p(ξ) of the states, equation (B2).

        Parameters
        ----------
        xi : array (..., d)
            Parameters.

        Returns
        -------
        array (..., n)
            They sum to one, and need not be positive.
        """
        xp, xi = self.checked(xi)
        return self._probabilities(xp, xi)

    @_checks.guarded
    def jacobian(self, xi: Array) -> Array:
        """Return the Jacobian J = ∂p/∂ξ, equation (B2).

        Parameters
        ----------
        xi : array (..., d)
            Parameters.

        Returns
        -------
        array (..., n, d)
            Each column sums to zero.
        """
        return self.with_jacobian(xi)[1]

    @_checks.guarded
    def with_jacobian(self, xi: Array) -> tuple[Array, Array]:
        """Return :meth:`probabilities` and :meth:`jacobian` for the cost of the latter.

        Parameters
        ----------
        xi : array (..., d)
            Parameters.

        Returns
        -------
        array (..., n)
            p(ξ).
        array (..., n, d)
            J.
        """
        xp, xi = self.checked(xi)
        return self._with_jacobian(xp, xi)

    def checked(self, xi: Array) -> tuple[Namespace, Array]:
        """Check parameters.

        Parameters
        ----------
        xi : array (..., d)
            Parameters.

        Returns
        -------
        module
            Their array-API namespace.
        array (..., d)
            Finite floating-point numbers.

        Raises
        ------
        ShapeError, NonFiniteError
            If the shape is not (..., d), or a number is not finite.
        """
        xp = array_namespace(xi=xi)
        return xp, self._point(xp, xi)

    def _point(self, xp: Namespace, xi: Array) -> Array:
        """Return the parameters as finite floating-point numbers (..., d)."""
        xi = _checks.as_array(xi, "xi")
        if xi.ndim < 1 or xi.shape[-1] != self.parameters or 0 in xi.shape:
            raise ShapeError(f"xi must have shape (..., {self.parameters}), got {tuple(xi.shape)}")
        return _checks.finite(_checks.real_array(xi, "xi", xp), "xi", xp)


def required(model: object) -> FiniteModel:
    """Return ``model`` if it is a finite model."""
    checked: FiniteModel = _checks.instance(model, "model", FiniteModel, "a FiniteModel")
    return checked
