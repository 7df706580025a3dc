r"""Factors A = L D Lᵀ of positive definite matrices in double words, and their divergence.

L is unit lower triangular and D diagonal, so no square root is taken and the pivots D alone decide
whether A is positive definite. With A = L D Lᵀ, B = M E Mᵀ and N = L⁻¹M,

.. math::
    \operatorname{tr}(A^{-1}B) - d - \log\det(A^{-1}B)
        = \sum_j \Big(\frac{E_j}{D_j} - 1 - \log\frac{E_j}{D_j}\Big)
            + \sum_{i>j} N_{ij}^2 \frac{E_j}{D_i},

where every term is non-negative. Near A = B the factors N and E − D are found from B − A itself:
L⁻¹(B − A)L⁻ᵀ = N E Nᵀ − D.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingd_ref._special._extremes import anywhere
from ingd_ref._special._wide import Wide
from ingd_ref._special.double_words import DoubleWord, double_word
from ingd_ref._special.logarithm import log_remainder
from ingd_ref.backend._namespace import Array, Namespace, device

__all__ = [
    "Factor",
    "factor",
    "log_det_divergence",
    "matmul",
    "matvec",
    "outer",
    "positive_definite",
    "symmetric",
]


@dataclass(frozen=True)
class Factor:
    """The factors of A = L D Lᵀ for a batch of symmetric matrices.

    Parameters
    ----------
    columns : tuple of DoubleWord
        Column j of L below its diagonal, (..., d − 1 − j).
    pivots : DoubleWord (..., d)
        D, all positive exactly where A is positive definite.
    """

    columns: tuple[DoubleWord, ...]
    pivots: DoubleWord

    def log_det(self) -> Array:
        """Return log det A (...)."""
        return self.pivots.xp.sum(self.pivots.xp.log(_safe(self.pivots).rounded()), axis=-1)

    def lower(self) -> DoubleWord:
        """Return L (..., d, d)."""
        xp = self.pivots.xp
        one, zero = xp.ones_like(self.pivots.high), xp.zeros_like(self.pivots.high)

        def column(part: Array, unit: Array, j: int) -> Array:
            return xp.concat([zero[..., :j], unit[..., :1], part], axis=-1)

        parts = (*self.columns, double_word(xp, one[..., :0]))
        high = xp.stack([column(part.high, one, j) for j, part in enumerate(parts)], axis=-1)
        return DoubleWord(
            xp, high, xp.stack([column(part.low, zero, j) for j, part in enumerate(parts)], axis=-1)
        )

    def forward(self, right: DoubleWord) -> DoubleWord:
        """Return L⁻¹R for matrices R (..., d, k), whose batch shape is the full one."""
        rows = []
        for column in self.columns:
            rows.append(right[..., 0, :])
            right = right[..., 1:, :] - column[..., :, None] * right[..., 0:1, :]
        return _stack([*rows, right[..., 0, :]], axis=-2)

    def inverse_square(self, vector: DoubleWord) -> Array:
        """Return ‖D^{-1/2} L⁻¹v‖² = vᵀA⁻¹v (...) for v (..., d), a sum of squares."""
        xp = self.pivots.xp
        y = self.forward(vector[..., :, None])[..., 0].rounded()
        return xp.sum(y * y / self.pivots.rounded(), axis=-1)

    def square(self, vector: DoubleWord) -> Array:
        """Return ‖D^{1/2} Lᵀv‖² = vᵀAv (...) for v (..., d)."""
        total = self.pivots.high[..., -1] * vector[..., -1].rounded() ** 2
        for j, column in enumerate(self.columns):
            entry = vector[..., j] + (column * vector[..., j + 1 :]).sum()
            total = total + self.pivots.high[..., j] * entry.rounded() ** 2
        return total

    def inverse(self) -> DoubleWord:
        """Return A⁻¹ (..., d, d), symmetric to the last digit of its high part."""
        high = self.pivots.high
        identity = self.pivots.xp.eye(high.shape[-1], dtype=high.dtype, device=device(high))
        columns = self.forward(
            double_word(
                self.pivots.xp, self.pivots.xp.broadcast_to(identity, (*high.shape, high.shape[-1]))
            )
        )
        return symmetric(matmul(columns.transposed / self.pivots[..., None, :], columns))


def factor(xp: Namespace, a: DoubleWord | Array) -> Factor:
    """Return the factors of symmetric matrices A (..., d, d); only the lower triangle is read.

    Where A is not positive definite the pivots show it, and the rest is finite but means nothing.

    Examples
    --------
    >>> import numpy as np
    >>> factor(np, np.asarray([[4.0, 2.0], [2.0, 2.0]])).pivots.rounded()
    array([4., 1.])
    """
    a = double_word(xp, a)
    columns, pivots = [], []
    for _ in range(a.high.shape[-1] - 1):
        pivot = a[..., 0, 0]
        pivots.append(pivot)
        column = a[..., 1:, 0] / _safe(pivot)[..., None]
        columns.append(column)
        a = a[..., 1:, 1:] - outer(column, a[..., 1:, 0])
    return Factor(tuple(columns), _stack([*pivots, a[..., 0, 0]], axis=-1))


def positive_definite(xp: Namespace, a: DoubleWord | Array) -> Array:
    """Return whether symmetric matrices A (..., d, d) are positive definite, (...) of bool.

    Examples
    --------
    >>> import numpy as np
    >>> positive_definite(np, np.asarray([[[1.0, 0.9], [0.9, 1.0]], [[1.0, 1.1], [1.1, 1.0]]]))
    array([ True, False])
    """
    if isinstance(a, (DoubleWord, Wide)):
        return xp.all(factor(xp, a).pivots.high > 0, axis=-1)
    shape = tuple(a.shape)

    def definite(xp: Namespace, rows: Array) -> Array:
        matrices = xp.reshape(rows, (*rows.shape[:-1], *shape[-2:]))
        return xp.all(factor(xp, matrices).pivots.high > 0, axis=-1)

    return anywhere(xp, definite, xp.reshape(a, (*shape[:-2], shape[-2] * shape[-1])))


def log_det_divergence(
    xp: Namespace, first: Factor, second: Factor, difference: DoubleWord
) -> Array:
    """Return tr(A⁻¹B) − d − log det(A⁻¹B) ≥ 0 (...), however close A and B are.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    first, second : Factor
        Factors of A and of B.
    difference : DoubleWord (..., d, d)
        B − A, as accurately as the caller knows it: where A and B are close, the result is as
        accurate as this.

    Returns
    -------
    array (...)

    Examples
    --------
    >>> import numpy as np
    >>> a = np.asarray([[2.0, 1.0], [1.0, 2.0]])
    >>> b = a * (1.0 + 2.0**-40)
    >>> difference = double_word(np, b) - a
    >>> log_det_divergence(np, factor(np, a), factor(np, b), difference).item() * 2.0**80  # d/2
    0.9999999999993937
    """
    ratio = second.pivots / first.pivots
    near = xp.all(xp.abs(ratio.high - 1.0) < 0.5, axis=-1)
    difference = difference.map(
        lambda part: xp.where(near[..., None, None], part, xp.zeros_like(part))
    )
    apart = xp.sum(log_remainder(xp, ratio.rounded(), (ratio - 1.0).rounded()), axis=-1)
    lower = second.lower().map(lambda part: xp.broadcast_to(part, difference.high.shape))
    apart = apart + _below(first.forward(lower), first, second)
    return xp.where(near, _divergence_by_difference(xp, first, second, difference), apart)


def _divergence_by_difference(
    xp: Namespace, first: Factor, second: Factor, difference: DoubleWord
) -> Array:
    """Return the divergence from B − A alone, without the sum.

    L⁻¹(B − A)L⁻ᵀ + D is eliminated column by column.
    """
    rest = first.forward(first.forward(difference).transposed)
    total = xp.zeros_like(rest.high[..., 0, 0])
    for j in range(first.pivots.high.shape[-1]):
        base, pivot = first.pivots[..., j], second.pivots[..., j]
        total = total + log_remainder(
            xp, (pivot / base).rounded(), (rest[..., 0, 0] / base).rounded()
        )
        column = rest[..., 1:, 0] / pivot[..., None]
        scaled = column.rounded() ** 2 * pivot.high[..., None] / first.pivots.high[..., j + 1 :]
        total = total + xp.sum(scaled, axis=-1)
        rest = rest[..., 1:, 1:] - outer(column, rest[..., 1:, 0])
    return total


def _below(n: DoubleWord, first: Factor, second: Factor) -> Array:
    """Sum of N_ij² E_j/D_i over i > j."""
    xp = n.xp
    squares = n.rounded() ** 2 * (
        second.pivots.high[..., None, :] / first.pivots.high[..., :, None]
    )
    return xp.sum(xp.tril(squares, k=-1), axis=(-2, -1))


def matmul(a: DoubleWord, b: DoubleWord) -> DoubleWord:
    """Return the matrix products AB (..., n, k) of A (..., n, m) and B (..., m, k).

    Examples
    --------
    >>> import numpy as np
    >>> matmul(double_word(np, np.eye(2)), double_word(np, np.ones((2, 1)))).rounded()
    array([[1.],
           [1.]])
    """
    total = a[..., :, 0, None] * b[..., 0:1, :]
    for k in range(1, a.high.shape[-1]):
        total = total + a[..., :, k, None] * b[..., k, None, :]
    return total


def matvec(a: DoubleWord, v: DoubleWord) -> DoubleWord:
    """Return the products Av (..., n) of A (..., n, m) and v (..., m).

    Examples
    --------
    >>> import numpy as np
    >>> matvec(double_word(np, 2.0 * np.eye(2)), double_word(np, np.ones(2))).rounded()
    array([2., 2.])
    """
    return (a * v[..., None, :]).sum()


def outer(a: DoubleWord, b: DoubleWord) -> DoubleWord:
    """Return the products abᵀ (..., n, m) of a (..., n) and b (..., m).

    Examples
    --------
    >>> import numpy as np
    >>> outer(double_word(np, np.ones(2)), double_word(np, np.asarray([1.0, 2.0]))).rounded()
    array([[1., 2.],
           [1., 2.]])
    """
    return a[..., :, None] * b[..., None, :]


def symmetric(a: DoubleWord) -> DoubleWord:
    """Return ½(A + Aᵀ), which removes what rounding left of an asymmetry."""
    return (a + a.transposed) * 0.5


def _stack(parts: list[DoubleWord], axis: int) -> DoubleWord:
    xp = parts[0].xp
    return DoubleWord(
        xp,
        xp.stack([p.high for p in parts], axis=axis),
        xp.stack([p.low for p in parts], axis=axis),
    )


def _safe(pivot: DoubleWord) -> DoubleWord:
    """The pivot, or 1 where it is not positive and the factorisation has failed."""
    good = pivot.high > 0
    xp = pivot.xp
    return DoubleWord(
        xp,
        xp.where(good, pivot.high, xp.ones_like(pivot.high)),
        xp.where(good, pivot.low, xp.zeros_like(pivot.low)),
    )
