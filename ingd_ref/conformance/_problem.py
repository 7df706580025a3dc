"""What a velocity depends on, and what its evaluation gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ingd_ref.conformance._precision import REAL, Array, real

__all__ = ["Problem", "Solution", "masked", "uniform"]


@dataclass(frozen=True, eq=False)
class Problem:
    """The arguments of (K1)-(K9).

    Attributes
    ----------
    x, y : array (n, d), (m, d)
        Particles and target sample.
    features : Features
        Statistics f: a class of :mod:`ingd_ref.features`, with its parameters as attributes, or
        T f + c (``base``, ``matrix``, ``shift``).
    kernel : MatrixKernel
        K: a class of :mod:`ingd_ref.rkhs`, with its parameters as attributes, or c·K (``base``,
        ``factor``).
    ridge, jitter : float
        λ and ε of M = λF̂ + εI.
    ddof : int
        The covariance F̂ divides by n − ddof.
    weights, target_weights : array (n,), (m,) or None
        π and ρ, summing to one; None for 1/n and 1/m.
    mask : array (d,) of bool or None
        Coordinates that may move; None for all.
    seed : int
        For random choices of a law, such as a rotation.
    """

    x: Array
    y: Array
    features: Any
    kernel: Any
    ridge: float = 1e-3
    jitter: float = 1e-3
    ddof: int = 0
    weights: Array | None = None
    target_weights: Array | None = None
    mask: Array | None = None
    seed: int = 0

    def change(self, **changes: Any) -> Problem:
        return replace(self, **changes)

    @property
    def dim(self) -> int:
        return int(self.x.shape[1])

    @property
    def pi(self) -> Array:
        return uniform(len(self.x)) if self.weights is None else real(self.weights)

    @property
    def rho(self) -> Array:
        return uniform(len(self.y)) if self.target_weights is None else real(self.target_weights)

    @cached_property
    def values(self) -> list[Array]:
        return [self.features.definition(point)[0] for point in real(self.x)]

    @cached_property
    def jacobians(self) -> list[Array]:
        return [self.features.definition(point)[1] for point in real(self.x)]

    @cached_property
    def kernels(self) -> dict[tuple[int, int], Array]:
        x = real(self.x)
        return {
            (i, j): masked(self.kernel.definition(x[i], x[j]), self.mask)
            for i, j in np.ndindex(len(x), len(x))
        }


@dataclass(frozen=True, eq=False)
class Solution:
    """The solution of (K2)-(K4), in the names of the package's result.

    Coefficients are (d, b) in the coordinate-wise variant.
    """

    velocity: Array
    coefficients: Array
    fisher: Array
    gram: Array
    delta: Array
    moment_rate: Array
    field: Callable[[Array], Array]


def uniform(number: int) -> Array:
    return np.full(number, REAL(1) / number)


def masked(matrix: Array, mask: Array | None) -> Array:
    """Return P K P: velocities leave the coordinates outside ``mask`` alone."""
    if mask is None:
        return matrix
    projection = np.diag(real(mask))
    return real(projection @ matrix @ projection)
