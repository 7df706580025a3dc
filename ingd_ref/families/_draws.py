"""Draws that several families share."""

from __future__ import annotations

import numpy as np

__all__ = ["TINY", "draw_index", "draw_log_gamma", "draw_log_weights", "draw_poisson", "log_shares"]

# Above this rate draws are rounded Gaussian ones, which differ by less than a unit in the last
# place of the mean.
LARGEST_DRAWN = 1e18
# Rates above this one may be infinite; their standard deviation does not count.
MOST = 1e300
# Concentrations below TINY times GROWN are still so small that draws are corners, and their
# reciprocals times a few hundred are numbers.
TINY, GROWN = 1e-200, 2.0**300


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
        rate[large]
        + np.sqrt(np.minimum(rate[large], MOST)) * rng.standard_normal(np.count_nonzero(large))
    )
    return counts


def draw_log_gamma(
    rng: np.random.Generator, size: tuple[int, ...], shape: np.ndarray | float
) -> np.ndarray:
    """Draw logarithms of Gamma variates of rate one.

    The variate is one of shape α + 1 times U^(1/α), U uniform: below α = 1/700 the power underflows
    for half of all draws, but its logarithm never does.
    """
    boosted = np.log(rng.standard_gamma(shape + 1.0, size))
    return np.asarray(boosted - rng.standard_exponential(size) / shape)


def draw_log_weights(
    rng: np.random.Generator, size: tuple[int, ...], concentration: np.ndarray
) -> np.ndarray:
    """Draw logarithms of Gamma variates (*size, K) whose shares are Dirichlet distributed.

    Concentrations that are all tiny draw a corner each, with chances in their ratio, which is all
    that matters of them then.
    """
    largest = np.max(concentration, axis=-1, keepdims=True)
    scaled = concentration * np.where(largest < TINY, GROWN, 1.0)
    return draw_log_gamma(rng, (*size, concentration.shape[-1]), scaled)


def log_shares(logs: np.ndarray) -> np.ndarray:
    """Return log(w_i/Σw) along the last axis from log w, to full accuracy near 0 too."""
    largest = np.argmax(logs, axis=-1)[..., None]
    below = logs - np.take_along_axis(logs, largest, axis=-1)
    powers = np.exp(below)
    np.put_along_axis(powers, largest, 0.0, axis=-1)
    return np.asarray(below - np.log1p(np.sum(powers, axis=-1, keepdims=True)))
