"""Numbers as unevaluated sums of two floating-point numbers, with twice as many digits.

A symmetric matrix with condition number κ loses log₁₀ κ of its digits when it is factored. With
twice the digits none that the caller can see are lost up to κ = 1/u: every entry of an inverse is
then the correct function of the given numbers, rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingd_ref._special.products import two_product
from ingd_ref.backend._namespace import Array, Namespace, device

__all__ = ["DoubleWord", "double_word", "two_sum"]


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return s and e with s = fl(a + b) and s + e = a + b exactly (Knuth).

    Examples
    --------
    >>> import numpy as np
    >>> two_sum(np.asarray(1.0), np.asarray(2.0**-60))[1].item() == 2.0**-60
    True
    """
    total = a + b
    shift = total - a
    return total, (a - (total - shift)) + (b - shift)


@dataclass(frozen=True)
class DoubleWord:
    """The numbers ``high + low``, |low| at most half a unit in the last place of high.

    Sums, differences, products and quotients have a relative error of a few u² (u = 2⁻⁵³, or 2⁻²⁴
    in float32), also where the operands of a sum have opposite signs. Operands broadcast; an
    operand that is an array or a Python number counts as exact.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    high : array (...)
        The numbers, rounded.
    low : array (...)
        What the rounding left.

    Examples
    --------
    >>> import numpy as np
    >>> third = double_word(np, np.asarray(1.0)) / 3.0
    >>> (third * 3.0 - 1.0).rounded().item()
    0.0
    """

    xp: Namespace
    high: Array
    low: Array

    def rounded(self) -> Array:
        """Return the numbers in one word."""
        return self.high + self.low

    def map(self, function: Callable[[Array], Array]) -> DoubleWord:
        """Apply a function that only moves numbers: an index, a transpose, a change of shape."""
        return DoubleWord(self.xp, function(self.high), function(self.low))

    def __getitem__(self, index: Any) -> DoubleWord:
        return self.map(lambda part: part[index])

    @property
    def transposed(self) -> DoubleWord:
        """The transposed matrices."""
        return self.map(self.xp.matrix_transpose)

    def sum(self, axis: int = -1) -> DoubleWord:
        """Sum along one axis, term by term."""
        size = self.high.shape[axis]
        front = (Ellipsis,) if axis < 0 else ()
        back = (slice(None),) * (-axis - 1)
        total = self[(*front, 0, *back)]
        for k in range(1, size):
            total = total + self[(*front, k, *back)]
        return total

    def __neg__(self) -> DoubleWord:
        return DoubleWord(self.xp, -self.high, -self.low)

    def __add__(self, other: DoubleWord | Array) -> DoubleWord:
        other = double_word(self.xp, other, like=self.high)
        high, error = two_sum(self.high, other.high)
        low, low_error = two_sum(self.low, other.low)
        high, error = _fast_two_sum(high, error + low)
        return DoubleWord(self.xp, *_fast_two_sum(high, error + low_error))

    def __sub__(self, other: DoubleWord | Array) -> DoubleWord:
        return self + (-other)

    def __mul__(self, other: DoubleWord | Array) -> DoubleWord:
        other = double_word(self.xp, other, like=self.high)
        product, error = two_product(self.xp, self.high, other.high)
        return DoubleWord(
            self.xp,
            *_fast_two_sum(product, error + (self.high * other.low + self.low * other.high)),
        )

    def __truediv__(self, other: DoubleWord | Array) -> DoubleWord:
        other = double_word(self.xp, other, like=self.high)
        first = self.high / other.high
        second = (self - other * first).high / other.high
        return DoubleWord(self.xp, *_fast_two_sum(first, second))


def double_word(
    xp: Namespace, x: DoubleWord | Array | float, like: Array | None = None
) -> DoubleWord:
    """Return ``x`` as double words, with a low part of zero if it is not yet one.

    A Python number takes the type and device of ``like``.
    """
    if isinstance(x, DoubleWord):
        return x
    if like is not None and isinstance(x, (int, float)):
        x = xp.asarray(x, dtype=like.dtype, device=device(like))
    return DoubleWord(xp, x, xp.zeros_like(x))


def _fast_two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Like :func:`two_sum` for |a| ≥ |b| or a = 0 (Dekker)."""
    total = a + b
    return total, b - (total - a)
