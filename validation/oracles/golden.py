"""Arrays that the code published with [L25] returned, in float64."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from validation.oracles.precise import Array

__all__ = ["CASES", "FILE", "Golden"]

FILE = Path(__file__).parents[2] / "tests" / "data" / "ingd_public.npz"
CASES = ("gauss1d", "gauss2d", "mix5d", "poly2d")


@cache
def _stored() -> dict[str, Array]:
    with np.load(FILE, allow_pickle=False) as stored:
        return dict(stored)


@dataclass(frozen=True)
class Golden:
    """One of the four inputs and what was returned for it; ``golden["delta"]``."""

    name: str

    def __getitem__(self, key: str) -> Array:
        return _stored()[f"{self.name}/{key}"]

    @property
    def layers(self) -> list[tuple[Array, Array]]:
        """The network of the neural tangent kernel."""
        return [(self[f"net/fc{k}.weight"], self[f"net/fc{k}.bias"]) for k in (1, 2, 3)]

    @property
    def distance_noise(self) -> float:
        """Absolute error of the stored energy distance.

        The published program expands squared distances, so the distance of a point at radius r from
        itself comes out as up to 2√eps·r instead of zero, and its mean over the n² pairs of a
        sample adds 2√eps·r/n.
        """
        noise = 2 * np.sqrt(np.finfo(float).eps)
        return float(
            sum(
                noise * np.max(np.linalg.norm(self[z], axis=1)) / len(self[z])
                for z in ("particles", "target")
            )
        )

    @property
    def gradient_noise(self) -> float:
        """Absolute error of the stored gradient of the energy distance.

        About eight roundings of size eps·r are divided by a self-distance of at least √(eps/2)·r,
        with weight 1/n².
        """
        return float(8 * np.sqrt(2 * np.finfo(float).eps) / len(self["particles"]) ** 2)

    @property
    def wasserstein_velocity(self) -> Array:
        """The stored velocity (W1), without the 1e-12 that the program adds to its sums.

        A score Σ_j k_j (y_j − x)/σ² / (Σ_j k_j + 1e-12) is below the true one by a fraction
        1e-12/Σ_j k_j, up to 4e-12 here; a fit of the stored arrays finds this constant to three
        digits in all four cases.
        """
        x, sigma = self["particles"], float(self["kernel_bandwidth"])

        def shortfall(sample: Array) -> Array:
            difference = sample[None, :, :] - x[:, None, :]
            kernel = np.exp(-np.sum(difference**2, axis=2) / (2 * sigma**2))
            total = np.sum(kernel, axis=1, keepdims=True)
            return 1e-12 / total * np.einsum("ij,ija->ia", kernel, difference) / sigma**2 / total

        return self["v_wgf"] + shortfall(self["target"]) - shortfall(x)
