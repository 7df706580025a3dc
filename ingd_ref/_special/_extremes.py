"""Members and points whose products, squares or exponentials leave the range of floats."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ingd_ref._special._wide import NAMESPACE, Wide, wide
from ingd_ref.backend._namespace import Array, Namespace, item, to_backend, to_host
from ingd_ref.errors import SingularSystemError

__all__ = ["anywhere", "by_wide_numbers", "moderate"]

# Products of seven numbers of a moderate size are in the range of the floating type.
MODERATE_BITS = {64: 128, 32: 18}
LARGEST = {"d": 2.0 ** MODERATE_BITS[64], "f": 2.0 ** MODERATE_BITS[32]}
# Up to this many numbers, a loop over them takes less time than four functions of arrays.
FEW = 24

Formula = Callable[..., Array]


def moderate(xp: Namespace, *arrays: Array) -> bool:
    """Return whether all numbers are zero or of a moderate size.

    Examples
    --------
    >>> moderate(np, np.asarray([0.0, -1e30])), moderate(np, np.asarray([1e-300]))
    (True, False)
    """
    return all(_all_moderate(xp, x) for x in arrays)


def anywhere(xp: Namespace, formula: Formula, *rows: Array) -> Array:
    """Return ``formula(xp, *rows)``, by wide numbers for extreme rows and results.

    A formula that leaves its namespace (it calls NumPy, or a function of a user that does) is
    evaluated by floats alone.

    Parameters
    ----------
    xp : module
        Namespace of the rows.
    formula : callable
        Takes a namespace and arrays (..., b), (..., c), ... whose batch shapes broadcast, and
        returns an array of that batch shape. Each row decides its result alone.
    *rows : array (..., b)
        Arguments.

    Raises
    ------
    SingularSystemError
        If the formula solves a system that is singular in floats, and cannot run on wide numbers.

    Examples
    --------
    >>> anywhere(np, lambda xp, x: xp.sqrt(xp.sum(x * x, axis=-1)), np.asarray([3e300, 4e300]))
    array(5.e+300)
    """
    with np.errstate(all="ignore"):
        if not moderate(xp, *rows):
            return _split(xp, formula, rows)
        try:
            result = formula(xp, *rows)
        except np.linalg.LinAlgError as error:
            return _again(xp, formula, rows, error)
        return result if _all_finite(xp, result) else _replaced(xp, formula, rows, result)


def _all_moderate(xp: Namespace, x: Array) -> bool:
    if type(x) is not np.ndarray:
        return bool(item(xp.all(_moderate(xp, x))))
    largest = LARGEST[x.dtype.char]
    smallest = 1.0 / largest
    if x.size <= FEW:
        for t in x.ravel().tolist():
            if not (smallest < t < largest or smallest < -t < largest or t == 0.0):
                return False
        return True
    size = np.abs(x)
    if not np.max(size) < largest:
        return False
    return bool(np.min(size) > smallest or np.all(_moderate(np, x)))


def _moderate(xp: Namespace, x: Array) -> Array:
    largest = 2.0 ** MODERATE_BITS[xp.finfo(x.dtype).bits]
    size = xp.abs(x)
    return ((size > 1.0 / largest) & (size < largest)) | (size == 0)


def _all_finite(xp: Namespace, x: Array) -> bool:
    if type(x) is np.float64:
        return math.isfinite(x)
    if type(x) is np.ndarray and x.size <= FEW:
        return all(map(math.isfinite, x.ravel().tolist()))
    return x.dtype == xp.bool or bool(item(xp.all(xp.isfinite(x))))


def _again(xp: Namespace, formula: Formula, rows: tuple[Array, ...], error: Exception) -> Array:
    """Evaluate rows by wide numbers of which at least one has a singular matrix in floats."""
    shape, flat = _flat(rows)
    result = by_wide_numbers(formula, *flat)
    if result is None:
        raise SingularSystemError(f"a matrix is singular in {rows[0].dtype}: {error}") from error
    return to_backend(np.reshape(result, (*shape, *result.shape[1:])), like=rows[0])


def _split(xp: Namespace, formula: Formula, rows: tuple[Array, ...]) -> Array:
    """Evaluate moderate rows as usual, and the others by wide numbers."""
    shape, flat = _flat(rows)
    usual = np.all([np.all(_moderate(np, row), axis=-1) for row in flat], axis=0)
    extreme = by_wide_numbers(formula, *(row[~usual] for row in flat))
    if extreme is None:
        return formula(xp, *rows)
    result = extreme
    if np.any(usual):
        chosen = (to_backend(row[usual], like=given) for row, given in zip(flat, rows, strict=True))
        result = np.empty((usual.size, *extreme.shape[1:]), dtype=extreme.dtype)
        result[usual] = to_host(anywhere(xp, formula, *chosen))
        result[~usual] = extreme
    return to_backend(np.reshape(result, (*shape, *result.shape[1:])), like=rows[0])


def _replaced(xp: Namespace, formula: Formula, rows: tuple[Array, ...], result: Array) -> Array:
    """Evaluate the rows again whose result is not finite."""
    shape, flat = _flat(rows)
    whole = to_host(result)
    whole = np.array(np.broadcast_to(whole, (*shape, *whole.shape[len(shape) :])))
    entries = np.reshape(whole, (math.prod(shape), -1))
    bad = ~np.all(np.isfinite(entries), axis=-1)
    again = by_wide_numbers(formula, *(row[bad] for row in flat))
    if again is None:
        return result
    entries[bad] = np.reshape(again, (again.shape[0], -1))
    return to_backend(np.reshape(entries, whole.shape), like=rows[0])


def _flat(rows: tuple[Array, ...]) -> tuple[tuple[int, ...], list[np.ndarray]]:
    """Return the batch shape, and the rows (n, b), (n, c), ... on the host."""
    shape = np.broadcast_shapes(*(tuple(row.shape[:-1]) for row in rows))
    host = [np.broadcast_to(to_host(row), (*shape, row.shape[-1])) for row in rows]
    return shape, [np.reshape(row, (-1, row.shape[-1])) for row in host]


def by_wide_numbers(formula: Formula, *rows: np.ndarray) -> np.ndarray | None:
    """Return the formula of host rows, rounded once, or None if it leaves its namespace.

    Examples
    --------
    >>> by_wide_numbers(lambda xp, x: x * x / x, np.asarray([[1e300]]))
    array([[1.e+300]])
    """
    try:
        result: Any = formula(NAMESPACE, *(wide(row.astype(np.float64)) for row in rows))
    except (TypeError, AttributeError):
        return None
    if isinstance(result, Wide):
        result = result.rounded()
    return np.asarray(result if result.dtype == bool else result.astype(rows[0].dtype))
