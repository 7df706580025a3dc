"""Positive definite matrices as classical parameters: constraint, square roots, draws."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from ingd_ref._special.cholesky import positive_definite
from ingd_ref._special.symmetric import dual_entries, entries, from_entries
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.families._draws import draw_log_gamma
from ingd_ref.families._parameters import Constraint

__all__ = [
    "POSITIVE_DEFINITE",
    "bartlett",
    "blocks",
    "inverse_jacobian",
    "log_bartlett_diagonal",
    "moved_inside",
    "square_root",
    "trace_metric",
]

# Bounds of χ² draws, and the power of the largest floating-point number that bounds the entries of
# drawn matrices: their determinants, inverses and divergences neither overflow nor underflow.
TINY, HUGE = 1e-100, 1e100
LARGEST_POWER = 0.4


class OfMatrices(Protocol):
    """A family of d × d matrices."""

    @property
    def dimension(self) -> int: ...


def square_root(matrices: np.ndarray) -> np.ndarray:
    """Return R (..., d, d) with R Rᵀ = M for host matrices M, slightly indefinite ones included.

    The square root is that of the correlations, whose eigenvalues do not depend on the units of
    the coordinates.
    """
    deviation = np.sqrt(np.einsum("...ii->...i", matrices))[..., :, None]
    values, vectors = np.linalg.eigh(matrices / deviation / np.swapaxes(deviation, -1, -2))
    return np.asarray(deviation * vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :])


def inverse_jacobian(xp: Namespace, inverse: Array) -> Array:
    """Return the Jacobian (..., d(d+1)/2, d²) of the dual coordinates of −½M⁻¹, from P = M⁻¹.

    The columns belong to all entries of M.

    Column ab is the effect of ½(E_ab + E_ba), which is ¼(P_a P_bᵀ + P_b P_aᵀ) with the columns of
    P.
    """
    direct = inverse[..., :, None, :, None] * inverse[..., None, :, None, :]
    columns = 0.25 * dual_entries(xp, direct + xp.matrix_transpose(direct))
    return xp.matrix_transpose(
        xp.reshape(columns, (*inverse.shape[:-2], inverse.shape[-1] ** 2, columns.shape[-1]))
    )


def trace_metric(xp: Namespace, inverse: Array) -> Array:
    """Return the metric tr(P dM P dM) in all entries of M (..., d², d²), from P = M⁻¹.

    It is ½(P_ac P_bd + P_ad P_bc) for the entries ab and cd of a symmetric M.
    """
    d = inverse.shape[-1]
    direct = inverse[..., :, None, :, None] * inverse[..., None, :, None, :]
    return xp.reshape(
        0.5 * (direct + xp.matrix_transpose(direct)), (*inverse.shape[:-2], d * d, d * d)
    )


def blocks(xp: Namespace, first: Array, cross: Array, square: Array) -> Array:
    """Return the symmetric matrix of blocks (..., p, p), (..., p, q) and (..., q, q)."""
    top = xp.concat([first, cross], axis=-1)
    return xp.concat([top, xp.concat([xp.matrix_transpose(cross), square], axis=-1)], axis=-2)


def bartlett(
    rng: np.random.Generator, size: tuple[int, ...], degrees_of_freedom: np.ndarray, dim: int
) -> np.ndarray:
    """Draw lower triangular host matrices R (*size, d, d) with R Rᵀ Wishart W(I, n) (Bartlett).

    Below the diagonal the entries are standard normal; the square of diagonal entry j is χ² with n
    − j degrees of freedom.
    """
    below = np.tril(rng.standard_normal((*size, dim, dim)), -1)
    shapes = 0.5 * (degrees_of_freedom[..., None] - np.arange(dim))
    squares = 2.0 * rng.standard_gamma(shapes, (*size, dim))
    diagonal = np.sqrt(np.clip(squares, TINY, HUGE))
    return np.asarray(below + diagonal[..., None] * np.eye(dim))


def log_bartlett_diagonal(
    rng: np.random.Generator, size: tuple[int, ...], degrees_of_freedom: np.ndarray, dim: int
) -> np.ndarray:
    """Draw the logarithms (*size, d) of the diagonal of Bartlett's factor."""
    shapes = 0.5 * (degrees_of_freedom[..., None] - np.arange(dim))
    return 0.5 * (math.log(2.0) + draw_log_gamma(rng, (*size, dim), shapes))


def moved_inside(family: OfMatrices, xp: Namespace, x: Array) -> Array:
    """Return drawn matrices (..., d(d+1)/2) with those mended that rounding left indefinite.

    Off-diagonal entries shrink by 4d roundings, which mends an almost singular matrix. Of a matrix
    that overflowed only the diagonal is left.
    """
    dim = family.dimension
    info = xp.finfo(x.dtype)
    unit = entries(xp, xp.eye(dim, dtype=x.dtype, device=device(x)))
    bound = float(info.max) ** LARGEST_POWER
    x = x / xp.clip(xp.max(xp.abs(x), axis=-1, keepdims=True) / bound, min=1.0)
    x = xp.where(unit > 0, xp.clip(x, min=1.0 / bound), x)
    for shrinkage in (4.0 * dim * float(info.eps), 1.0):
        good = positive_definite(xp, from_entries(xp, x, dim))[..., None]
        x = xp.where(good, x, x * (1.0 - shrinkage * (1.0 - unit)))
    return x


def _is_positive_definite(xp: Namespace, value: Array) -> Array:
    """Test for symmetry, to a few roundings as in a product AAᵀ, and for positive pivots."""
    diagonal = xp.linalg.diagonal(value)
    scale = xp.sqrt(xp.abs(diagonal))
    slack = 32.0 * xp.finfo(value.dtype).eps * scale[..., :, None] * scale[..., None, :]
    even = xp.all(xp.abs(value - xp.matrix_transpose(value)) <= slack, axis=(-2, -1))
    return even & positive_definite(xp, value)


POSITIVE_DEFINITE = Constraint("a symmetric positive definite matrix", _is_positive_definite)
