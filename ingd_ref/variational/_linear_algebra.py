"""Products, solutions and factors over the last axes, with any batch axes before them."""

from __future__ import annotations

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.errors import DomainError, SingularSystemError

__all__ = ["cholesky", "dot", "matvec", "scaled_columns", "solve", "stacked_factor"]

# Every library has an exception of its own for a pivot that is zero, or not positive.
LINEAR_ALGEBRA_ERRORS = ("LinAlgError", "_LinAlgError")


def matvec(xp: Namespace, matrices: Array, vectors: Array) -> Array:
    """Return the products Av (..., n) of A (..., n, m) and v (..., m)."""
    return xp.matmul(matrices, vectors[..., None])[..., 0]


def dot(xp: Namespace, first: Array, second: Array) -> Array:
    """Return the inner products (...) of vectors (..., d)."""
    return xp.sum(first * second, axis=-1)


def scaled_columns(matrices: Array, scales: Array) -> Array:
    """Return A diag(s) (..., n, m) for A (..., n, m) and s (..., m)."""
    return matrices * scales[..., None, :]


def solve(xp: Namespace, matrices: Array, columns: Array) -> Array:
    """Return A⁻¹B (..., d, k) for A (..., d, d) and B (..., d, k), or SingularSystemError.

    Batch axes are broadcast here, because libraries disagree on whether (d, k) next to (k, d, d) is
    one matrix or a batch of vectors.
    """
    batch = np.broadcast_shapes(tuple(matrices.shape[:-2]), tuple(columns.shape[:-2]))
    matrices = xp.broadcast_to(matrices, (*batch, *matrices.shape[-2:]))
    try:
        return xp.linalg.solve(matrices, xp.broadcast_to(columns, (*batch, *columns.shape[-2:])))
    except Exception as error:
        if type(error).__name__ not in LINEAR_ALGEBRA_ERRORS:
            raise
        raise SingularSystemError(
            "the precision or covariance is singular to working precision"
        ) from None


def cholesky(xp: Namespace, matrices: Array, what: str) -> Array:
    """Return the lower triangular L with LLᵀ = A (..., d, d), or DomainError."""
    try:
        lower = xp.linalg.cholesky(matrices)
    except Exception as error:
        if type(error).__name__ not in LINEAR_ALGEBRA_ERRORS:
            raise
        raise DomainError(f"{what} is not positive definite") from None
    if not item(xp.all(xp.linalg.diagonal(lower) > 0)):  # CuPy gives NaN instead of an exception
        raise DomainError(f"{what} is not positive definite")
    return lower


def stacked_factor(xp: Namespace, *blocks: Array) -> Array:
    """Return the lower triangular L with LLᵀ = Σ_k B_kᵀB_k for blocks B_k (..., n_k, d).

    It is the transposed triangle of a QR decomposition of the stacked blocks, with the signs that
    make its diagonal positive. The sum and its squared condition number never appear, so a small
    eigenvalue survives next to a large one.
    """
    upper = xp.linalg.qr(xp.concat(blocks, axis=-2), mode="reduced")[1]
    diagonal = xp.linalg.diagonal(upper)
    signs = xp.where(diagonal < 0, -xp.ones_like(diagonal), xp.ones_like(diagonal))
    return xp.tril(scaled_columns(xp.matrix_transpose(upper), signs))
