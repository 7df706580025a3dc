"""Kernels that are second derivatives of a radial function."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.kernels import _extreme
from ingd_ref.rkhs._base import MatrixKernel

__all__ = ["RadialKernel"]


@dataclass(frozen=True)
class RadialKernel(MatrixKernel):
    r"""A kernel of second derivatives of a radial function, given by its profile.

    .. math:: K(x,y) = \frac{1}{\sigma^2} \left[ a(q)\, I + b(q)\, \rho\rho^\top \right],
              \quad \rho = (x-y)/\sigma, \quad q = \|\rho\|^2

    A subclass defines :meth:`profile`. The product with a vector costs O(d), and the kernel is
    tiled as :class:`GradientGaussian` is.

    Parameters
    ----------
    bandwidth : float > 0
        σ, in the units of x.

    Raises
    ------
    DomainError, NonFiniteError
        If the bandwidth is not a positive finite number.

    Examples
    --------
    The gradient Gaussian kernel (K5):

    >>> import numpy as np
    >>> class Gradient(RadialKernel):
    ...     def profile(self, xp, q, dim):
    ...         k = xp.exp(-q / 2)
    ...         return k, -k
    >>> Gradient(2.0)(np.zeros((1, 2)), np.zeros((1, 2)))[0, 0]
    array([[0.25, 0.  ],
           [0.  , 0.25]])
    """

    bandwidth: float

    radial: ClassVar[bool] = True
    length_power: ClassVar[int | None] = -2

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", _checks.positive(self.bandwidth, "bandwidth"))

    @abstractmethod
    def profile(self, xp: Namespace, q: Array, dim: int) -> tuple[Array, Array]:
        """Return a(q) and b(q) for squared distances q in units of σ, in d = ``dim``."""

    def contract(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> Array:
        run = kernel("radial_contraction", points, x, jacobian, implementation=implementation)
        return run(points, x, jacobian, weights, self.bandwidth, self.profile)

    def _matrix(self, x: Array, y: Array) -> Array:
        return kernel("radial_matrix", x, y)(x, y, self.bandwidth, self.profile)

    def contract_parts(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> tuple[Array, int]:
        return _extreme.radial_parts(points, x, jacobian, weights, self.bandwidth, self.profile)
