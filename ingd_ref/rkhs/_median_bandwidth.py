"""The median rule for the bandwidth of a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.kernels._bandwidth import MEDIAN_RULES, trusted_median_bandwidth
from ingd_ref.rkhs._base import MatrixKernel
from ingd_ref.rkhs._gaussian import GradientGaussian

__all__ = ["MedianBandwidth"]


@dataclass(frozen=True)
class MedianBandwidth:
    """A kernel with the median bandwidth (K8) of the particles, recomputed at each step.

    Parameters
    ----------
    kernel : type or callable
        Makes a kernel from a bandwidth. Default :class:`GradientGaussian`.
    rule : {"midpoint", "lower"}
        Which median; see :func:`ingd_ref.metrics.median_bandwidth`. Default ``"midpoint"``.

    Examples
    --------
    >>> import numpy as np
    >>> MedianBandwidth().draw(np.array([[0.0], [2.0]]), np.zeros((1, 1)), np.random.default_rng(0))
    GradientGaussian(bandwidth=1.4142135623730951)
    """

    kernel: Callable[[float], MatrixKernel] = GradientGaussian
    rule: str = "midpoint"

    def __post_init__(self) -> None:
        _checks.function(self.kernel, "kernel")
        _checks.choice(self.rule, "rule", MEDIAN_RULES)

    @_checks.guarded
    def draw(self, x: Array, y: Array, rng: RandomSource) -> MatrixKernel:
        """Return the kernel for the particles x (n, d)."""
        _checks.generator(rng)
        x = _checks.table(x, "x", array_namespace(x=x))
        return self.kernel(trusted_median_bandwidth(x, self.rule))
