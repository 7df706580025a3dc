"""Products whose rounding error is known, so that differences of products do not cancel."""

from __future__ import annotations

import math

from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["difference_of_products", "two_product"]


def two_product(xp: Namespace, a: Array, b: Array) -> tuple[Array, Array]:
    """Return p = fl(ab) and e with p + e = ab exactly, by Dekker's splitting.

    Exact unless a product overflows or falls into the subnormal range.

    Examples
    --------
    >>> import numpy as np
    >>> p, e = two_product(np, np.asarray(1.0 + 2.0**-52), np.asarray(1.0 + 2.0**-52))
    >>> p.item() == 1.0 + 2.0**-51, e.item() == 2.0**-104
    (True, True)
    """
    product = a * b
    a_high, a_low = _split(xp, a)
    b_high, b_low = _split(xp, b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def difference_of_products(xp: Namespace, a: Array, b: Array, c: Array, d: Array) -> Array:
    """Return ab − cd to two units in the last place, however close the two products are.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.asarray(1e8 + 1)
    >>> one = np.asarray(1.0)
    >>> difference_of_products(np, x, x, 1e16 * one, one).item(), (x * x - 1e16).item()
    (200000001.0, 200000000.0)
    """
    first, first_error = two_product(xp, a, b)
    second, second_error = two_product(xp, c, d)
    return (first - second) + (first_error - second_error)


def _split(xp: Namespace, a: Array) -> tuple[Array, Array]:
    """Split a into halves of its significand, whose products are exact (Veltkamp)."""
    digits = 1 - round(math.log2(xp.finfo(a.dtype).eps))
    shifted = a * (2.0 ** ((digits + 1) // 2) + 1.0)
    high = shifted - (shifted - a)
    return high, a - high
