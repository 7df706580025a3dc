"""Lengths of vectors and angles between them, accurate for small angles and unit vectors too.

Every function works along the last axis, whatever the size of the entries: vectors are scaled by
powers of two first, which is exact.
"""

from __future__ import annotations

import math

from ingd_ref._special.double_words import DoubleWord, double_word
from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["ball_gap", "norm", "versine"]


def norm(xp: Namespace, x: Array) -> Array:
    """Return ‖x‖ over the last axis, without intermediate overflow or underflow.

    Examples
    --------
    >>> import numpy as np
    >>> norm(np, np.asarray([[3e300, 4e300], [0.0, 5e-324]]))
    array([5.e+300, 5.e-324])
    """
    scaled, factor = _scaled(xp, x)
    return xp.sqrt(xp.sum(scaled * scaled, axis=-1)) / factor


def ball_gap(xp: Namespace, x: Array) -> Array:
    """Return 1 − ‖x‖ over the last axis, to a few units in the last place.

    It is positive inside the unit ball, however close to the sphere.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.asarray([1.0 - 2.0**-53, 2.0**-27])
    >>> ball_gap(np, x).item() * 2.0**53  # 1 − 2⁻⁵³ squared, and 2⁻⁵⁴
    0.75
    """
    x = xp.clip(x, min=-2.0, max=2.0)
    word = double_word(xp, x)
    square = (word * word).sum()
    return (1.0 - square.high - square.low) / (1.0 + xp.sqrt(square.high))


def versine(xp: Namespace, a: Array, b: Array) -> Array:
    """Return 1 − cos φ ≥ 0 for the angle φ between a and b over the last axis, 0 if one is zero.

    For acute angles it is sin²φ/(1 + cos φ), and sin φ = ‖(a·a) b − (a·b) a‖/(‖a‖² ‖b‖), formed
    with twice the digits: its error is u times itself plus u².

    Examples
    --------
    >>> import numpy as np
    >>> versine(np, np.asarray([1e-200, 0.0]), np.asarray([[1e8, 1.0], [-3.0, 0.0], [0.0, 0.0]]))
    array([5.e-17, 2.e+00, 0.e+00])
    """
    a, b = (_scaled(xp, vector)[0] for vector in (a, b))
    left, right = double_word(xp, a), double_word(xp, b)
    square, inner = (left * left).sum(), (left * right).sum()
    across = (_column(square) * right - left * _column(inner)).rounded()
    a_square, b_square = square.rounded(), xp.sum(b * b, axis=-1)
    both = (a_square > 0) & (b_square > 0)
    one = xp.ones_like(a_square * b_square)
    a_square, b_square = xp.where(both, a_square, one), xp.where(both, b_square, one)
    cosine = inner.rounded() / xp.sqrt(a_square) / xp.sqrt(b_square)
    square_sine = xp.sum((across / a_square[..., None]) ** 2, axis=-1) / b_square
    acute = cosine > 0
    result = xp.where(acute, square_sine / (1.0 + xp.where(acute, cosine, 0.0 * one)), 1.0 - cosine)
    return xp.where(both, result, 0.0 * one)


def _column(word: DoubleWord) -> DoubleWord:
    return word.map(lambda part: part[..., None])


def _scaled(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """Return x times a power of two, and that power (...).

    The largest entry becomes one in [1, 2), or less if x is almost zero.
    """
    largest = xp.max(xp.abs(x), axis=-1)
    factor = xp.ones_like(largest)
    exponent = round(math.log2(xp.finfo(x.dtype).max)) // 2
    while exponent >= 1:
        down, up = xp.full_like(factor, 2.0**-exponent), xp.full_like(factor, 2.0**exponent)
        small = (largest > 0) & (largest < 2.0 ** (1 - exponent))
        step = xp.where(largest >= 2.0**exponent, down, xp.where(small, up, xp.ones_like(factor)))
        largest, factor = largest * step, factor * step
        exponent //= 2
    return x * factor[..., None], factor
