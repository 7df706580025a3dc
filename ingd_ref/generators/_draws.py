"""Latent points of generators that are not fed with normal numbers."""

from __future__ import annotations

import numpy as np

__all__ = ["open_uniform"]


def open_uniform(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """Draw odd multiples of 2⁻²⁴ between 0 and 1: float32 holds them too, so that no library rounds one to 0 or 1."""
    return (rng.integers(2**23, size=size) + 0.5) / 2**23
