"""Checks of arguments at the public edge; errors name the argument, its value and what fits."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device, item
from ingd_ref.errors import DomainError, NonFiniteError, OptionError, ShapeError

__all__ = [
    "choice",
    "finite",
    "first_false",
    "generator",
    "layers",
    "nonnegative",
    "points",
    "positive",
    "positive_integer",
    "real_array",
    "same_dimension",
    "vector",
    "weights",
]

# Normalised weights sum to one within rounding, n eps at worst and about √n eps as a rule. 1e-6
# admits that in float32 too, and still catches weights that were never normalised.
SUM_TOLERANCE = 1e-6


def real_array(x: Array, name: str, xp: Namespace, like: Array | None = None) -> Array:
    """Return ``x`` in the floating type of ``like``; by default only integers are converted."""
    # NumPy and CuPy tell floating types by a letter, in a tenth of the time of ``isdtype``.
    if getattr(x.dtype, "kind", None) == "f" and (like is None or like.dtype == x.dtype):
        return x
    if xp.isdtype(x.dtype, "complex floating") or xp.isdtype(x.dtype, "bool"):
        raise ShapeError(f"{name} must hold real numbers, got dtype {x.dtype}")
    if like is not None:
        return xp.astype(x, like.dtype, copy=False)
    if xp.isdtype(x.dtype, "real floating"):
        return x
    default = xp.__array_namespace_info__().default_dtypes(device=device(x))["real floating"]
    return xp.asarray(x, dtype=default)


def finite(x: Array, name: str, xp: Namespace) -> Array:
    """Return ``x`` if all entries are finite; the error counts the others and names the first."""
    good = xp.isfinite(x)
    if item(xp.all(good)):
        return x
    count = item(xp.sum(xp.astype(~good, xp.int32)))
    where = f"the first at index {first_false(xp, good)}"
    raise NonFiniteError(f"{name} holds {count} value(s) that are NaN or infinite, {where}")


def first_false(xp: Namespace, good: Array) -> tuple[int, ...]:
    """Return the index of the first entry that is false."""
    flat = item(xp.argmin(xp.astype(xp.reshape(good, (-1,)), xp.int32)))
    return tuple(int(i) for i in np.unravel_index(flat, tuple(good.shape)))


def points(
    x: Array, name: str, xp: Namespace, dim: int | None = None, like: Array | None = None
) -> Array:
    """Return ``x`` as floating (n, d) points: n ≥ 1, d ≥ 1 (d = ``dim`` if given), all finite."""
    expected = f"(n, {dim if dim is not None else 'd'})"
    if x.ndim != 2:
        hint = f"; for one-dimensional points pass {name}[:, None]" if x.ndim == 1 else ""
        raise ShapeError(f"{name} must have shape {expected}, got {tuple(x.shape)}{hint}")
    if 0 in x.shape:
        least = "at least one point with at least one coordinate"
        raise ShapeError(f"{name} must hold {least}, got shape {tuple(x.shape)}")
    if dim is not None and x.shape[1] != dim:
        raise ShapeError(f"{name} must have shape {expected}, got {tuple(x.shape)}")
    return finite(real_array(x, name, xp, like), name, xp)


def same_dimension(x: Array, name: str, other: Array, other_name: str) -> None:
    """Raise :class:`ShapeError` unless ``x`` (n, d) and ``other`` (m, d) have the same d."""
    if x.shape[1] != other.shape[1]:
        raise ShapeError(
            f"{name} has {x.shape[1]} coordinates, but {other_name} has {other.shape[1]}"
        )


def vector(x: Array, name: str, length: int, xp: Namespace, like: Array | None = None) -> Array:
    """Return ``x`` as a floating vector of ``length`` finite numbers."""
    if x.ndim != 1 or x.shape[0] != length:
        raise ShapeError(f"{name} must have shape ({length},), got {tuple(x.shape)}")
    return finite(real_array(x, name, xp, like), name, xp)


def weights(w: Array | None, name: str, number: int, xp: Namespace, like: Array) -> Array:
    """Return non-negative weights of ``number`` points that sum to one; uniform for ``None``."""
    if w is None:
        return xp.full((number,), 1.0 / number, dtype=like.dtype, device=device(like))
    w = vector(w, name, number, xp, like)
    if item(xp.any(w < 0)):
        raise DomainError(f"{name} must be non-negative, got an entry of {item(xp.min(w)):g}")
    total = item(xp.sum(w))
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise DomainError(f"{name} must sum to 1, got {total:g}; divide by the sum first")
    return w / total


def layers(pairs: Sequence[tuple[Array, Array]], name: str) -> list[tuple[Array, Array]]:
    """Return copies of the layers (matrix (out, in), offset (out,)) of a network, if they fit."""
    if len(pairs) == 0:
        raise ShapeError(f"{name} must hold at least one (matrix, offset) pair")
    checked: list[tuple[Array, Array]] = []
    for number, (matrix, offset) in enumerate(pairs):
        names = f"{name}[{number}] matrix", f"{name}[{number}] offset"
        xp = array_namespace(**dict(zip(names, (matrix, offset), strict=True)))
        width = checked[-1][0].shape[0] if checked else None
        matrix = points(matrix, names[0], xp, dim=width)
        offset = vector(offset, names[1], matrix.shape[0], xp, like=matrix)
        checked.append((xp.asarray(matrix, copy=True), xp.asarray(offset, copy=True)))
    return checked


def positive(value: Any, name: str) -> float:
    """Return ``value`` as a float if it is a finite number greater than zero."""
    number = _number(value, name)
    if not number > 0:
        raise DomainError(f"{name} must be greater than zero, got {number:g}")
    return number


def nonnegative(value: Any, name: str) -> float:
    """Return ``value`` as a float if it is a finite number of at least zero."""
    number = _number(value, name)
    if number < 0:
        raise DomainError(f"{name} must not be negative, got {number:g}")
    return number


def positive_integer(value: Any, name: str) -> int:
    """Return ``value`` as an int if it is a whole number of at least one."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
        raise DomainError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value.__index__())


def generator(rng: Any) -> np.random.Generator:
    """Return ``rng`` if it is a random generator."""
    if not isinstance(rng, np.random.Generator):
        raise OptionError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    return rng


def choice(value: str, name: str, options: Collection[str]) -> str:
    """Return ``value`` if it is one of ``options``."""
    if value not in options:
        raise OptionError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise DomainError(f"{name} must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise NonFiniteError(f"{name} must be finite, got {number}")
    return number
