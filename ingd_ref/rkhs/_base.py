"""What a matrix-valued reproducing kernel has to offer to a flow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.backend._operations import contract, symmetrise

__all__ = ["MatrixKernel"]


class MatrixKernel(ABC):
    """A kernel K(x, y) ∈ R^{d×d} of a space of vector fields, as sections 4's velocities (K1)-(K4) use it."""

    coordinatewise: bool = False

    def __call__(self, x: Array, y: Array) -> Array:
        """Return the matrices K(x_i, y_j).

        Parameters
        ----------
        x : array (n, d)
            Points.
        y : array (m, d)
            Points.

        Returns
        -------
        array (n, m, d, d)
            Formed in full: for reading and testing. Flows use :meth:`contract`, which never holds
            it.

        Raises
        ------
        ShapeError, NonFiniteError, BackendError
            For points that do not fit each other or the kernel.
        """
        xp = array_namespace(x=x, y=y)
        x = _checks.points(x, "x", xp)
        return self._matrix(x, _checks.points(y, "y", xp, dim=x.shape[1], like=x))

    @abstractmethod
    def contract(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> Array:
        """Return V_j = Σ_i π_i K(p_j, x_i) ∇f(x_i) (K4), without forming K.

        Parameters
        ----------
        points : array (m, d)
            Where V is wanted.
        x : array (n, d)
            Particles.
        jacobian : array (n, d, b)
            ∇f at the particles, or any b vector fields there.
        weights : array (n,)
            Weights π of the particles.
        implementation : {"auto", "readable", "fused"}
            Default ``"auto"``.

        Returns
        -------
        array (m, d, b)
        """

    def gram(
        self, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return G of (K3) and the velocities v(x_j) = V_j c (K2) at the particles as a function of c.

        Parameters
        ----------
        x : array (n, d)
            Particles.
        jacobian : array (n, d, b)
            ∇f at the particles.
        weights : array (n,)
            Weights π of the particles.
        implementation : {"auto", "readable", "fused"}
            Default ``"auto"``.

        Returns
        -------
        gram : array (b, b)
            G = Σ_j π_j ∇f(x_j)ᵀ V_j.
        velocity : callable
            Takes c, an array (b,), and returns an array (n, d).
        """
        xp = array_namespace(x=x)
        contraction = self.contract(x, x, jacobian, weights, implementation)
        gram = symmetrise(
            xp, contract(xp, "jas,jat->st", weights[:, None, None] * jacobian, contraction)
        )
        return gram, lambda c: xp.matmul(contraction, c)

    def uses_cores(self, x: Array, jacobian: Array, implementation: str) -> bool:
        """Whether :meth:`gram` shares its work among threads of its own, which the threads of the BLAS library would disturb."""
        return False

    @abstractmethod
    def _matrix(self, x: Array, y: Array) -> Array:
        """K(x_i, y_j) for checked points."""

    def draw(self, x: Array, y: Array, rng: np.random.Generator) -> MatrixKernel:
        """Return the kernel of one step of a flow: this one. Rules such as a median bandwidth depend on the samples."""
        return self
