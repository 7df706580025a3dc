"""The two Gaussian kernels of the paper: the curl-free one of KiNG, and the scalar one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ingd_ref import _checks
from ingd_ref.backend._dispatch import explain, kernel
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.equations import kernels as equations
from ingd_ref.kernels import _extreme
from ingd_ref.rkhs._base import MatrixKernel

__all__ = ["GradientGaussian", "ScalarGaussian"]


@dataclass(frozen=True)
class GradientGaussian(MatrixKernel):
    r"""Gradient (curl-free) Gaussian kernel of KiNG, equation (K5).

    .. math:: K(x,y) = \nabla_x \nabla_y^\top k(x,y)
              = k(x,y) \left[ I/\sigma^2 - (x-y)(x-y)^\top / \sigma^4 \right],
              \quad k(x,y) = e^{-\|x-y\|^2 / (2\sigma^2)}

    Parameters
    ----------
    bandwidth : float > 0
        σ, in the units of x. :func:`ingd_ref.metrics.median_bandwidth` chooses one from the
        particles.

    Raises
    ------
    DomainError, NonFiniteError
        If the bandwidth is not a positive finite number.

    Notes
    -----
    Every field of its space is a gradient. Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> GradientGaussian(2.0)(np.zeros((1, 2)), np.zeros((1, 2)))[0, 0]
    array([[0.25, 0.  ],
           [0.  , 0.25]])
    """

    bandwidth: float

    words: ClassVar = {"gradient": {}}
    radial: ClassVar[bool] = True
    curl_free: ClassVar[bool] = True
    length_power: ClassVar[int | None] = -2

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", _checks.positive(self.bandwidth, "bandwidth"))

    def contract(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> Array:
        run = kernel(
            "gradient_gaussian_contraction", points, x, jacobian, implementation=implementation
        )
        return run(points, x, jacobian, weights, self.bandwidth)

    def gram(
        self, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return G and the velocities as a function of c.

        The fused form uses the symmetry of G and never stores V.
        """
        if not self.uses_cores(x, jacobian, implementation):
            return super().gram(x, jacobian, weights, implementation)
        run = kernel("gradient_gaussian_gram", x, jacobian, implementation=implementation)

        def velocity(c: Array) -> Array:
            sources = array_namespace(c=c).matmul(jacobian, c)[:, :, None]
            return self.contract(x, x, sources, weights, implementation)[:, :, 0]

        return run(x, jacobian, weights, self.bandwidth), velocity

    def uses_cores(self, x: Array, jacobian: Array, implementation: str) -> bool:
        """Return whether the fused form of :meth:`gram` runs."""
        return (
            explain(
                "gradient_gaussian_gram", x, jacobian, implementation=implementation
            ).implementation
            == "fused"
        )

    def _matrix(self, x: Array, y: Array) -> Array:
        return kernel("gradient_gaussian_matrix", x, y)(x, y, self.bandwidth)

    def contract_parts(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> tuple[Array, int]:
        profile = _extreme.gradient_profile
        return _extreme.radial_parts(points, x, jacobian, weights, self.bandwidth, profile)

    def definition(self, x: Any, y: Any) -> Any:
        return equations.gradient_gaussian(x, y, x[0] * 0 + self.bandwidth)


@dataclass(frozen=True)
class ScalarGaussian(MatrixKernel):
    r"""Scalar Gaussian kernel times the identity, equation (K6).

    .. math:: K(x,y) = e^{-\|x-y\|^2 / (2\sigma^2)} \, I

    Parameters
    ----------
    bandwidth : float > 0
        σ, in the units of x.
    coordinatewise : bool
        Solve a separate b×b system for each coordinate of the velocity. Default ``False``: one
        system for all.

    Raises
    ------
    DomainError, NonFiniteError
        If the bandwidth is not a positive finite number.

    Notes
    -----
    The coordinate-wise variant is that of the published code: each coordinate alone should carry
    the whole of Δ. Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> ScalarGaussian(1.0)(np.zeros((1, 2)), np.zeros((1, 2)))[0, 0]
    array([[1., 0.],
           [0., 1.]])
    """

    bandwidth: float
    coordinatewise: bool = False

    words: ClassVar = {
        "scalar": {"coordinatewise": False},
        "coordinatewise": {"coordinatewise": True},
    }
    radial: ClassVar[bool] = True
    length_power: ClassVar[int | None] = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", _checks.positive(self.bandwidth, "bandwidth"))
        _checks.flag(self.coordinatewise, "coordinatewise")

    def contract(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> Array:
        run = kernel(
            "scalar_gaussian_contraction", points, x, jacobian, implementation=implementation
        )
        return run(points, x, jacobian, weights, self.bandwidth)

    def uses_cores(self, x: Array, jacobian: Array, implementation: str) -> bool:
        """Return whether the fused form of ``contract`` runs."""
        return (
            explain(
                "scalar_gaussian_contraction", x, x, jacobian, implementation=implementation
            ).implementation
            == "fused"
        )

    def _matrix(self, x: Array, y: Array) -> Array:
        return kernel("scalar_gaussian_matrix", x, y)(x, y, self.bandwidth)

    def contract_parts(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> tuple[Array, int]:
        profile = _extreme.scalar_profile
        return _extreme.radial_parts(points, x, jacobian, weights, self.bandwidth, profile, 0)

    def definition(self, x: Any, y: Any) -> Any:
        return equations.scalar_gaussian(x, y, x[0] * 0 + self.bandwidth)
