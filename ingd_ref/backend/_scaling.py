"""Exact powers of two, which bring numbers of any size to where squares and products fit.

A product with a power of two rounds nothing unless it underflows. So a quantity that scales like a
power of a length is computed of lengths near one, and scaled back, as norms are. Numbers of
ordinary size are left alone, bit for bit: the functions here only look at them.
"""

from __future__ import annotations

import math
from typing import Any

import array_api_compat as compat
import numpy as np

from ingd_ref.backend._namespace import Array, item
from ingd_ref.errors import DomainError

__all__ = [
    "all_finite",
    "common_unit",
    "exponent",
    "extent",
    "is_moderate",
    "quiet",
    "range_of",
    "representable",
    "rescale",
    "rescale_number",
    "smallest",
]

RANGES = {np.dtype(np.float64): 1024, np.dtype(np.float32): 128}  # the usual ones, found quickly


def quiet() -> Any:
    """Return a context in which NumPy does not warn: overflow is looked for in the result."""
    return np.errstate(all="ignore")


def range_of(x: Array) -> int:
    """Return T if the largest number of the floating type of ``x`` is just below 2^T."""
    if type(x) is np.ndarray and x.dtype in RANGES:
        return RANGES[x.dtype]
    return math.frexp(float(compat.array_namespace(x).finfo(x.dtype).max))[1]


def extent(x: Array) -> float:
    """Return log₂ of the Euclidean norm of all entries: −∞ for zeros, ∞ where squares overflow.

    It costs one pass. Squares that underflow are missing, so of small numbers it says too little.
    """
    if type(x) is np.ndarray:
        square = float(np.vdot(x, x))  # of NumPy's products the one that does not warn
    else:
        xp = compat.array_namespace(x)
        with quiet():
            square = float(item(xp.sum(x * x)))
    if square == 0.0:
        return -math.inf
    return 0.5 * math.log2(square) if square < math.inf else math.inf


def is_moderate(x: Array, share: float) -> bool:
    """Return whether the norm of ``x`` lies between 2^−sT and 2^sT, for a share s below ½."""
    return abs(extent(x)) <= share * range_of(x)


def exponent(*numbers: Array | float) -> int:
    """Return e so that the largest magnitude of all is in [2^(e−1), 2^e); 0 for zeros."""
    return math.frexp(max(_largest(x) for x in numbers))[1]


def _largest(x: Array | float) -> float:
    if isinstance(x, float):
        return abs(x)
    if type(x) is np.ndarray:
        return float(np.max(np.abs(x)))
    xp = compat.array_namespace(x)
    return float(item(xp.max(xp.abs(x))))


def common_unit(*arrays: Array) -> int:
    """Return e so that squares of lengths in units of 2^e fit; 0 where they fit already."""
    largest = max(extent(x) for x in arrays)
    return 0 if abs(largest) <= 0.4 * range_of(arrays[0]) else exponent(*arrays)


def smallest(x: Array) -> float:
    """Return the smallest magnitude in ``x`` but zero; ∞ for zeros."""
    xp = np if type(x) is np.ndarray else compat.array_namespace(x)
    sizes = xp.abs(x)
    least = float(item(xp.min(sizes)))
    if least > 0.0:
        return least
    return float(item(xp.min(xp.where(sizes > 0, sizes, xp.full_like(sizes, xp.inf)))))


def rescale(x: Array, power: int) -> Array:
    """Return 2^power · x, rounded only where it underflows; ±∞ beyond the largest number."""
    if power == 0:
        return x
    step = range_of(x) * 3 // 4  # 2^±step are normal numbers of the type
    with quiet():
        while power:
            part = max(-step, min(step, power))
            x, power = x * 2.0**part, power - part
    return x


def rescale_number(x: float, power: int) -> float:
    """Return 2^power · x of a float in the same way."""
    try:
        return math.ldexp(x, power)
    except OverflowError:
        return math.copysign(math.inf, x)


def all_finite(x: Array) -> bool:
    """Return whether no entry is NaN or infinite; one pass where their squares fit."""
    if extent(x) < math.inf:
        return True
    xp = compat.array_namespace(x)
    return bool(item(xp.all(xp.isfinite(x))))


def representable(x: Array, name: str) -> Array:
    """Return ``x`` if it is finite; otherwise the error says that ``name`` is too large."""
    if not all_finite(x):
        raise DomainError(f"{name} is beyond the largest {x.dtype} number")
    return x
