"""Draws of several discrete families, as floating-point numbers."""

from __future__ import annotations

import numpy as np

__all__ = ["draw_index", "draw_poisson"]

# Above this rate draws are rounded Gaussian ones, which differ by less than a unit in the last
# place of the mean.
LARGEST_DRAWN = 1e18


def draw_index(
    rng: np.random.Generator, size: tuple[int, ...], probabilities: np.ndarray
) -> np.ndarray:
    """Draw the index of a category for each point, by inversion.

    ``probabilities`` (..., 1, K) has an axis of length 1 for the points.
    """
    steps = np.cumsum(probabilities, axis=-1)
    return np.asarray(
        np.sum(rng.random(size)[..., None] * steps[..., -1:] >= steps[..., :-1], axis=-1),
        dtype=np.float64,
    )


def draw_poisson(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    """Draw one count for each entry of ``rate``, as floating-point numbers."""
    counts = np.asarray(rng.poisson(np.minimum(rate, LARGEST_DRAWN)), dtype=np.float64)
    large = rate > LARGEST_DRAWN
    counts[large] = np.rint(
        rate[large] + np.sqrt(rate[large]) * rng.standard_normal(np.count_nonzero(large))
    )
    return counts
