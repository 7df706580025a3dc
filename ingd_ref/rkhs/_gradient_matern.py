"""The gradient Matérn 5/2 kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.equations._numbers import exp, sqrt
from ingd_ref.rkhs._radial import RadialKernel

__all__ = ["GradientMatern52"]


@dataclass(frozen=True)
class GradientMatern52(RadialKernel):
    r"""Gradient (curl-free) Matérn 5/2 kernel.

    .. math:: K(x,y) = \nabla_x \nabla_y^\top k
              = \frac{5 e^{-z}}{3\sigma^2} \left[ (1+z) I - 5 \rho\rho^\top \right],
              \quad k = (1 + z + z^2/3)\, e^{-z}, \quad z = \sqrt5\, \|\rho\|, \quad
              \rho = (x-y)/\sigma

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
    k is four times differentiable and no more, so the fields are rougher than those of
    :class:`GradientGaussian`: twice differentiable. K(x, x) = 5/(3σ²) I.

    Examples
    --------
    >>> import numpy as np
    >>> GradientMatern52(1.0)(np.array([[0.0]]), np.array([[0.0]])).round(4)
    array([[[[1.6667]]]])
    """

    words: ClassVar = {"gradient-matern52": {}}
    curl_free: ClassVar[bool] = True

    def profile(self, xp: Namespace, q: Array, dim: int) -> tuple[Array, Array]:
        z = math.sqrt(5.0) * xp.sqrt(q)
        decay = xp.exp(-z) * (5.0 / 3.0)
        return (1.0 + z) * decay, -5.0 * decay

    def definition(self, x: Any, y: Any) -> Any:
        rho = (x - y) / self.bandwidth
        z = sqrt(5 * (rho @ rho))
        shape = (1 + z) * np.eye(len(x), dtype=int) - 5 * np.outer(rho, rho)
        return 5 * exp(-z) / 3 * shape / self.bandwidth / self.bandwidth
