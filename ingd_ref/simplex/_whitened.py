"""The pseudo-inverse of (B2) by singular values of W = diag(p)^(-1/2) J, in which G = WᵀW."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ingd_ref._checks import positive
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.errors import DomainError
from ingd_ref.simplex._arguments import positive_cells

__all__ = ["CUT", "Whitened", "cancellation", "decompose", "rank_cut", "whiten"]

# Singular values of W below this share of the largest one count as zero. For the visible model of
# naive Bayes the zeros are at most 4e-16 of it, and the others stay above 2e-2 along the flows of
# [A25] and above 4e-5 at thousands of random points.
CUT = 1e-10
# Zeros are a few units of rounding of the largest singular value, or of terms that cancel in the
# Jacobian.
ROUNDINGS = 16.0


@dataclass(frozen=True, eq=False)
class Whitened:
    """W = U S Vᵀ without the directions that were cut.

    Attributes
    ----------
    left : array (..., n, k)
        Orthonormal columns of U; zero where cut.
    inverse : array (..., k)
        Reciprocal singular values; zero where cut.
    right : array (..., k, d)
        Vᵀ.
    rank : array (...) of int
        Number of directions that were kept.
    condition : array (...)
        Largest over smallest kept singular value of W, the square root of the condition number of
        G; infinite where none was kept.
    """

    left: Array
    inverse: Array
    right: Array
    rank: Array
    condition: Array

    def project(self, xp: Namespace, g: Array) -> Array:
        """Return U Uᵀ g, the part of a whitened vector (..., n) that is tangent to the model."""
        return xp.matmul(self.left, self._components(xp, g))[..., 0]

    def solve(self, xp: Namespace, g: Array) -> Array:
        """Return W⁺ g, the shortest least-squares solution (..., d) for a vector (..., n)."""
        scaled = self.inverse[..., None] * self._components(xp, g)
        return xp.matmul(xp.matrix_transpose(self.right), scaled)[..., 0]

    def _components(self, xp: Namespace, g: Array) -> Array:
        return xp.matmul(xp.matrix_transpose(self.left), g[..., None])


def rank_cut(xp: Namespace, cut: float | None, dtype: object) -> float:
    """Return a checked relative cut; the default is CUT, or more in short floating-point types."""
    smallest = ROUNDINGS * float(xp.finfo(dtype).eps)
    if cut is None:
        return max(CUT, smallest)
    if positive(cut, "cut") >= 1:
        raise DomainError(f"cut must be less than 1, got {cut:g}")
    return float(cut)


def whiten(xp: Namespace, p: Array, jacobian: Array, name: str) -> tuple[Array, Array]:
    """Return √p (..., n) and diag(p)^(-1/2) J (..., n, d); DomainError unless p is positive."""
    positive_cells(p, name, xp)
    root = xp.sqrt(p)
    return root, jacobian / root[..., None]


def cancellation(xp: Namespace, terms: Array) -> Array:
    """Return the size of singular values that may be rounding in a matrix of sums.

    ``terms`` (..., n, d) holds the same sums of absolute values.
    """
    size = xp.sqrt(xp.sum(terms * terms, axis=(-2, -1)))
    return ROUNDINGS * float(xp.finfo(terms.dtype).eps) * size


def decompose(xp: Namespace, w: Array, cut: float, rounding: Array | None = None) -> Whitened:
    """Decompose W, without singular values below ``cut`` of the largest or below ``rounding``."""
    left, values, right = xp.linalg.svd(w, full_matrices=False)
    smallest_kept = cut * values[..., :1]
    if rounding is not None:
        smallest_kept = xp.maximum(smallest_kept, rounding[..., None])
    keep = values > smallest_kept
    one, zero = xp.ones_like(values), xp.zeros_like(values)
    smallest = xp.min(xp.where(keep, values, xp.full_like(values, math.inf)), axis=-1)
    some = xp.any(keep, axis=-1)
    condition = values[..., 0] / xp.where(some, smallest, xp.ones_like(smallest))
    return Whitened(
        left=left * xp.astype(keep, w.dtype)[..., None, :],
        inverse=xp.where(keep, one / xp.where(keep, values, one), zero),
        right=right,
        rank=xp.sum(xp.astype(keep, xp.int64), axis=-1),
        condition=xp.where(some, condition, xp.full_like(smallest, math.inf)),
    )
