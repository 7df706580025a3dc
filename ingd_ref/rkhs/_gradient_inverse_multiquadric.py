"""The gradient inverse multiquadric kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.equations._numbers import sqrt
from ingd_ref.rkhs._radial import RadialKernel

__all__ = ["GradientInverseMultiquadric"]


@dataclass(frozen=True)
class GradientInverseMultiquadric(RadialKernel):
    r"""Gradient (curl-free) inverse multiquadric kernel.

    .. math:: K(x,y) = \nabla_x \nabla_y^\top k
              = \frac{u^{-3/2}}{\sigma^2} \left[ I - \frac{3}{u} \rho\rho^\top \right],
              \quad k = u^{-1/2}, \quad u = 1 + \|\rho\|^2, \quad \rho = (x-y)/\sigma

    Parameters
    ----------
    bandwidth : float > 0
        σ, in the units of x.

    Raises
    ------
    DomainError, NonFiniteError
        If the bandwidth is not a positive finite number.

    Notes
    -----
    It decays like 1/r³, so particles far from the rest still move together, where a Gaussian
    kernel leaves them alone. K(x, x) = I/σ², as for :class:`GradientGaussian`. Values below 1e-184
    of that, at more than 1e61 bandwidths, are lost.

    Examples
    --------
    >>> import numpy as np
    >>> GradientInverseMultiquadric(1.0)(np.array([[0.0]]), np.array([[1.0]])).round(4)
    array([[[[-0.1768]]]])
    """

    words: ClassVar = {"gradient-inverse-multiquadric": {}}
    curl_free: ClassVar[bool] = True

    def profile(self, xp: Namespace, q: Array, dim: int) -> tuple[Array, Array]:
        s = 1.0 / xp.sqrt(1.0 + q)
        return s**3, -3.0 * s**5

    def definition(self, x: Any, y: Any) -> Any:
        rho = (x - y) / self.bandwidth
        u = 1 + rho @ rho
        shape = np.eye(len(x), dtype=int) - 3 * np.outer(rho, rho) / u
        return shape / (u * sqrt(u)) / self.bandwidth / self.bandwidth
