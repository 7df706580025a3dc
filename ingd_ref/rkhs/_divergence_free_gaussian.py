"""The divergence-free Gaussian kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.equations._numbers import exp
from ingd_ref.errors import ShapeError
from ingd_ref.rkhs._radial import RadialKernel

__all__ = ["DivergenceFreeGaussian"]


@dataclass(frozen=True)
class DivergenceFreeGaussian(RadialKernel):
    r"""Divergence-free Gaussian kernel, for d ≥ 2.

    .. math:: K(x,y) = \left( -\Delta I + \nabla\nabla^\top \right) k
              = \frac{k}{\sigma^2} \left[ (d - 1 - \|\rho\|^2)\, I + \rho\rho^\top \right],
              \quad k = e^{-\|\rho\|^2/2}, \quad \rho = (x-y)/\sigma

    Parameters
    ----------
    bandwidth : float > 0
        σ, in the units of x.

    Raises
    ------
    DomainError, NonFiniteError
        If the bandwidth is not a positive finite number.
    ShapeError
        When evaluated at points with one coordinate.

    Notes
    -----
    The flow keeps volumes: particles are stirred, never squeezed. The gradient Gaussian kernel (K5)
    and this one add up to (d − q) k/σ² times I, which splits a field into its two parts.

    Examples
    --------
    >>> import numpy as np
    >>> DivergenceFreeGaussian(1.0)(np.zeros((1, 3)), np.zeros((1, 3)))[0, 0]
    array([[2., 0., 0.],
           [0., 2., 0.],
           [0., 0., 2.]])
    """

    words: ClassVar = {"divergence-free": {}}
    divergence_free: ClassVar[bool] = True
    least_dimension: ClassVar[int] = 2

    def profile(self, xp: Namespace, q: Array, dim: int) -> tuple[Array, Array]:
        if dim < 2:
            raise ShapeError("DivergenceFreeGaussian needs points with at least two coordinates")
        k = xp.exp(-0.5 * q)
        return (dim - 1.0 - q) * k, k

    def definition(self, x: Any, y: Any) -> Any:
        rho = (x - y) / self.bandwidth
        q = rho @ rho
        shape = (len(x) - 1 - q) * np.eye(len(x), dtype=int) + np.outer(rho, rho)
        return exp(-q / 2) * shape / self.bandwidth / self.bandwidth
