r"""Symmetric matrices in minimal coordinates, and linear forms on them.

A symmetric matrix M (..., d, d) has d(d+1)/2 free entries M_ij, i ≤ j, taken row by row: 00, 01, …,
0(d−1), 11, …. Statistics and mean parameters are these entries. A linear form M ↦ tr(TM) = Σ_i T_ii
M_ii + Σ_{i<j} 2T_ij M_ij has the dual coordinates T_ii and **2 T_ij**, the off-diagonal entries
doubled; natural parameters are of this kind. So ⟨θ, f⟩ = tr(TM) without a redundant coordinate, and
the Fisher information is invertible.
"""

from __future__ import annotations

from itertools import product

from ingd_ref.backend._namespace import Array, Namespace, device

__all__ = [
    "dual_entries",
    "dual_wick",
    "entries",
    "from_dual_entries",
    "from_entries",
    "triple_wick",
    "wick",
]


def entries(xp: Namespace, matrices: Array) -> Array:
    """Return the entries M_ij, i ≤ j (..., d(d+1)/2) of symmetric matrices (..., d, d).

    Examples
    --------
    >>> import numpy as np
    >>> entries(np, np.asarray([[1.0, 2.0], [2.0, 3.0]]))
    array([1., 2., 3.])
    """
    dim = matrices.shape[-1]
    flat = xp.reshape(matrices, (*matrices.shape[:-2], dim * dim))
    return xp.take(flat, _integers(xp, [i * dim + j for i, j in _pairs(dim)], flat), axis=-1)


def from_entries(xp: Namespace, vector: Array, dim: int) -> Array:
    """Return the symmetric matrices (..., d, d) with the given entries (..., d(d+1)/2).

    Examples
    --------
    >>> import numpy as np
    >>> from_entries(np, np.asarray([1.0, 2.0, 3.0]), 2)
    array([[1., 2.],
           [2., 3.]])
    """
    place = {pair: k for k, pair in enumerate(_pairs(dim))}
    order = [place[min(i, j), max(i, j)] for i in range(dim) for j in range(dim)]
    return xp.reshape(
        xp.take(vector, _integers(xp, order, vector), axis=-1), (*vector.shape[:-1], dim, dim)
    )


def _occurrences(xp: Namespace, dim: int, like: Array) -> Array:
    """How often each entry occurs in the matrix, (d(d+1)/2,): 1 on the diagonal, 2 off it."""
    return xp.asarray(
        [1.0 if i == j else 2.0 for i, j in _pairs(dim)], dtype=like.dtype, device=device(like)
    )


def dual_entries(xp: Namespace, matrices: Array) -> Array:
    """Return the dual coordinates (..., d(d+1)/2) of the linear form M ↦ tr(TM), T (..., d, d).

    They are T_ii and 2 T_ij, i < j.

    Examples
    --------
    >>> import numpy as np
    >>> dual_entries(np, np.asarray([[1.0, 2.0], [2.0, 3.0]]))
    array([1., 4., 3.])
    """
    return entries(xp, matrices) * _occurrences(xp, matrices.shape[-1], matrices)


def from_dual_entries(xp: Namespace, vector: Array, dim: int) -> Array:
    """Return the symmetric matrices T (..., d, d) with the given dual coordinates (..., d(d+1)/2).

    Examples
    --------
    >>> import numpy as np
    >>> from_dual_entries(np, np.asarray([1.0, 4.0, 3.0]), 2)
    array([[1., 2.],
           [2., 3.]])
    """
    return from_entries(xp, vector / _occurrences(xp, dim, vector), dim)


def wick(xp: Namespace, first: Array, second: Array) -> Array:
    """Return the matrices A_ik B_jl + A_jl B_ik + A_il B_jk + A_jk B_il of A and B (..., d, d).

    Rows are the pairs i ≤ j, columns the pairs k ≤ l.

    Half of it at A = B = Σ is the covariance of the products x_i x_j of a centred Gaussian
    (Isserlis' theorem).

    Examples
    --------
    >>> import numpy as np
    >>> 0.5 * wick(np, np.eye(2), np.eye(2))
    array([[2., 0., 0.],
           [0., 1., 0.],
           [0., 0., 2.]])
    """
    i, j = zip(*_pairs(first.shape[-1]), strict=True)
    direct = _block(xp, first, i, i) * _block(xp, second, j, j) + _block(xp, first, j, j) * _block(
        xp, second, i, i
    )
    crossed = _block(xp, first, i, j) * _block(xp, second, j, i) + _block(xp, first, j, i) * _block(
        xp, second, i, j
    )
    return direct + crossed


def triple_wick(xp: Namespace, first: Array, second: Array, third: Array) -> Array:
    """Return the tensors Σ A_jk B_lm C_ni over both orders of the pairs ij, kl and mn.

    At A = B = C = Σ it is the third cumulant of the products x_i x_j of a centred Gaussian
    (Isserlis' theorem), a sum over all ways of joining three pairs to a ring. Pairs are i ≤ j, k ≤
    l, m ≤ n.

    Examples
    --------
    >>> import numpy as np
    >>> triple_wick(np, *[np.asarray([[2.0]])] * 3)  # of x²: 8σ⁶
    array([[[64.]]])
    """
    pair = tuple(zip(*_pairs(first.shape[-1]), strict=True))
    total = xp.zeros_like(first[..., :1, :1, None])
    for (i, j), (k, m), (n, o) in product((pair, pair[::-1]), repeat=3):
        ring = _block(xp, first, j, k)[..., :, :, None] * _block(xp, second, m, n)[..., None, :, :]
        total = total + ring * _block(xp, third, i, o)[..., :, None, :]
    return total


def _block(
    xp: Namespace, matrices: Array, rows: tuple[int, ...], columns: tuple[int, ...]
) -> Array:
    """Return the entries of matrices at these rows and columns, (..., r, c)."""
    taken = xp.take(matrices, _integers(xp, list(rows), matrices), axis=-2)
    return xp.take(taken, _integers(xp, list(columns), matrices), axis=-1)


def dual_wick(xp: Namespace, matrices: Array) -> Array:
    """Return the inverse of ½ :func:`wick` at A = B = P⁻¹.

    It is ¼ (P_ik P_jl + P_il P_jk), doubled once for i < j and once for k < l.

    Examples
    --------
    >>> import numpy as np
    >>> dual_wick(np, np.asarray([[[2.0]]]))
    array([[[2.]]])
    """
    occurs = _occurrences(xp, matrices.shape[-1], matrices)
    return 0.125 * occurs[:, None] * occurs * wick(xp, matrices, matrices)


def _pairs(dim: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(dim) for j in range(i, dim)]


def _integers(xp: Namespace, values: list[int], like: Array) -> Array:
    return xp.asarray(values, dtype=xp.int64, device=device(like))
