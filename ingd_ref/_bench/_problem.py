"""The problem of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from ingd_ref.backend._namespace import Array

__all__ = ["Problem"]

RIDGE = JITTER = 1e-3


@dataclass(frozen=True, eq=False)
class Problem:
    """Particles, as many target samples, centres from both, and the median bandwidth.

    Attributes
    ----------
    x, y : array (n, d)
        Particles and target sample.
    centers : array (b, d)
        Centres of the features.
    bandwidth : float
        Bandwidth σ of features and kernel.
    """

    x: Array
    y: Array
    centers: Array
    bandwidth: float

    @classmethod
    def draw(cls, particles: int, dimension: int, statistics: int) -> Problem:
        """Draw the problem of a size, always the same one."""
        from ingd_ref.metrics import median_bandwidth

        rng = np.random.default_rng(20250207)
        x = rng.normal(size=(particles, dimension))
        y = 0.5 + rng.normal(size=(particles, dimension))
        pooled = np.concatenate([x, y])
        centers = pooled[rng.integers(pooled.shape[0], size=statistics)]
        return cls(x, y, centers + 1e-3 * rng.normal(size=centers.shape), median_bandwidth(x))

    @property
    def flops(self) -> int:
        """Operations of the direct algorithm: 6n²bd for V and 2ndb² for G (K4)."""
        n, d = (int(length) for length in self.x.shape)
        b = int(self.centers.shape[0])
        return 6 * n * n * b * d + 2 * n * d * b * b

    def velocity(self, backend: str, implementation: str) -> Any:
        """Return a function without arguments that computes the velocity."""
        from ingd_ref.features import GaussianRBF
        from ingd_ref.flows import king_velocity
        from ingd_ref.rkhs import GradientGaussian

        library = import_module(backend)
        x, y = library.asarray(self.x), library.asarray(self.y)
        features = GaussianRBF(library.asarray(self.centers), self.bandwidth)
        kernel = GradientGaussian(self.bandwidth)

        options: Any = {"ridge": RIDGE, "jitter": JITTER, "implementation": implementation}
        return lambda: king_velocity(x, y, features=features, kernel=kernel, **options).velocity

    def published(self) -> Array:
        """Compute the velocity in the published formulation."""
        from ingd_ref._bench._published import published_velocity

        return published_velocity(self.x, self.y, self.centers, self.bandwidth, RIDGE, JITTER)
