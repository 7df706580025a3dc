"""The interface of a matrix-valued reproducing kernel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.backend._operations import contract, symmetrise
from ingd_ref.errors import OptionError

__all__ = ["MatrixKernel", "require_kernel"]


class MatrixKernel(ABC):
    """A kernel K(x, y) ∈ R^{d×d} of a space of vector fields.

    A subclass defines :meth:`contract` and ``_matrix``, which receive checked arguments. That is
    enough for a flow. To be tested by the laws (:mod:`ingd_ref.conformance`) it also sets `words`,
    and the other class attributes where their defaults are wrong.

    Attributes
    ----------
    words : dict of str to dict
        The names by which laws and adapters call the kernel, each with the fields that the name
        fixes: ``{"scalar": {}, "coordinatewise": {"coordinatewise": True}}``.
    coordinatewise : bool
        Solve a separate system for each coordinate of the velocity (K6).
    radial : bool
        K(Rx + t, Ry + t) = R K(x, y) Rᵀ for orthogonal R (K11). Such a kernel has a ``bandwidth``.
    curl_free, divergence_free : bool
        Every field of the space is a gradient, or has no divergence.
    length_power : int or None
        p if K(sx, sy) = s^p K(x, y) whenever the bandwidth is multiplied by s too. None (default)
        for a kernel with lengths of its own, such as a network.
    least_dimension : int
        Smallest d. Default 1.
    """

    words: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    coordinatewise: bool = False
    radial: ClassVar[bool] = False
    curl_free: ClassVar[bool] = False
    divergence_free: ClassVar[bool] = False
    length_power: ClassVar[int | None] = None
    least_dimension: ClassVar[int] = 1

    @_checks.guarded
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
            For reading and testing: flows use :meth:`contract`, which never forms it.

        Raises
        ------
        ShapeError
            If the points do not have the same d, or the kernel does not take it.
        NonFiniteError
            If a coordinate is not finite.
        BackendError
            If the arrays belong to different libraries or devices.
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
            Points p at which V is evaluated.
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

    def contract_parts(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> tuple[Array, int]:
        """Return V / 2^e and an exponent e, for V of :meth:`contract` of any size.

        Velocities need it where K or V is beyond the largest number but V c is not. By default e is
        zero.
        """
        return self.contract(points, x, jacobian, weights, implementation), 0

    def gram(
        self, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return G of (K3), and the velocities at the particles (K2) as a function of c.

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
            Takes c, an array (b,), and returns V_j c, an array (n, d).
        """
        xp = array_namespace(x=x)
        contraction = self.contract(x, x, jacobian, weights, implementation)
        gram = symmetrise(
            xp, contract(xp, "jas,jat->st", weights[:, None, None] * jacobian, contraction)
        )
        return gram, lambda c: xp.matmul(contraction, c)

    def uses_cores(self, x: Array, jacobian: Array, implementation: str) -> bool:
        """Return whether :meth:`gram` runs its own threads, which those of BLAS would disturb."""
        return False

    @abstractmethod
    def _matrix(self, x: Array, y: Array) -> Array:
        """Return K(x_i, y_j) for checked points, shape (n, m, d, d)."""

    def draw(self, x: Array, y: Array, rng: RandomSource) -> MatrixKernel:
        """Return the kernel for one step of a flow: itself.

        Rules such as :class:`MedianBandwidth` return one that depends on the samples.
        """
        _checks.generator(rng)
        return self

    def definition(self, x: Any, y: Any) -> Any:
        """Return K(x, y) (d, d) for one pair of points, as its equation reads.

        The laws evaluate it in extended precision. Kernels of the package call the literal function
        in :mod:`ingd_ref.equations`; the default is ``_matrix`` at one pair.
        """
        return self._matrix(x[None, :], y[None, :])[0, 0]

    def in_units(self, factor: float) -> Self:
        """Return the kernel whose bandwidth is ``factor`` times as large."""
        factor, bandwidth = _checks.positive(factor, "factor"), getattr(self, "bandwidth", None)
        if bandwidth is None:
            raise OptionError(f"factor does not apply: {type(self).__name__} has no bandwidth")
        return replace(self, bandwidth=factor * bandwidth)  # type: ignore[type-var]

    @property
    def word(self) -> str:
        """The name in `words` that fits this instance.

        Raises
        ------
        OptionError
            If the kernel does not describe itself.
        """
        for word, fields in self.words.items():
            if all(getattr(self, name) == value for name, value in fields.items()):
                return word
        raise OptionError(
            f"the laws do not know the kernel {type(self).__name__}: set its class attribute words"
        )

    @classmethod
    def example(
        cls, like: Array, length: float, rng: np.random.Generator, activation: str = "tanh"
    ) -> Self:
        """Return an instance on which the laws test the kernel.

        Parameters
        ----------
        like : array (n, d)
            Points whose dimension and floating type the kernel should have.
        length : float
            A bandwidth that suits them.
        rng : numpy.random.Generator or seed
            For random parameters.
        activation : str
            For networks. Default ``"tanh"``.
        """
        return cls(length)  # type: ignore[call-arg]  # a subclass without a bandwidth overrides this


def require_kernel(kernel: object, method: str = "gram") -> None:
    """Raise :class:`OptionError` unless the type of ``kernel`` has the method that is needed."""
    if not hasattr(type(kernel), method):
        found = f"the class {kernel.__name__}" if isinstance(kernel, type) else repr(kernel)
        raise OptionError(
            "kernel must be a MatrixKernel such as ingd_ref.rkhs.GradientGaussian(1.0), "
            f"got {found}"
        )
