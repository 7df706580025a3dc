"""Shared parts of generators that map uniform latent points to one coordinate."""

from __future__ import annotations

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.generators._base import Linearisation

__all__ = ["linearisation", "open_uniform", "unit_interval"]


def linearisation(xp: Namespace, x: Array, jacobian: Array) -> Linearisation:
    """Return samples x (n,) with the products of a Jacobian (n, p) that is held as an array."""

    def push(tangents: Array) -> Array:
        return xp.matmul(tangents, xp.matrix_transpose(jacobian))[..., None]

    def pull(cotangents: Array) -> Array:
        return xp.matmul(cotangents[..., 0], jacobian)

    return Linearisation(x[:, None], push, pull)


def unit_interval(z: Array) -> dict[str, Array]:
    """Return the requirement that latent points lie in (0, 1)."""
    return {"latents in (0, 1)": (z > 0) & (z < 1)}


def open_uniform(rng: np.random.Generator, number: int) -> np.ndarray:
    """Draw odd multiples of 2⁻²⁴ in (0, 1): float32 holds them, so none is rounded to 0 or 1."""
    return (rng.integers(2**23, size=(number, 1)) + 0.5) / 2**23
