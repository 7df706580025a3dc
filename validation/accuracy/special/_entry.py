"""What is measured: a function, its definition, where it is tried, and what SciPy offers instead.

A definition is evaluated literally, with digits to pay for its cancellation. Errors are relative to
the value unless an entry says otherwise; a NaN, an infinity or a wrong shape counts as infinitely
wrong.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from validation.oracles.precise import MP

__all__ = ["AT_LEAST_ONE", "Entry", "at_least_one", "flat", "measured"]

Rows = tuple[Any, ...]
ONE = "its value"
AT_LEAST_ONE = "max(1, value)"


@dataclass(frozen=True)
class Entry:
    """One function of the package.

    Attributes
    ----------
    name : str
        Name in a module of ``ingd_ref._special``.
    over : str
        Where it is tried, in words.
    rows : tuple of array
        Its arguments, each (n, ...).
    ours : callable
        The package's function of them, (n, ...).
    exact : callable
        The definition, of the exact numbers of one row.
    size : callable or None
        What an error is measured in units of, from the exact arguments and the exact value; None
        for the value.
    relative_to : str
        The same in words.
    scipy : callable or None
        What a user of SciPy would write.
    peer : str
        The same in words.
    digits : int
        Precision of the definition.
    """

    name: str
    over: str
    rows: Rows
    ours: Callable[..., Any]
    exact: Callable[..., Any]
    size: Callable[..., Any] | None = None
    relative_to: str = ONE
    scipy: Callable[..., Any] | None = None
    peer: str = ""
    digits: int = 120


def measured(entry: Entry) -> dict[str, Any]:
    """Worst error of a function over its grid, where, and that of its counterpart."""
    with MP.workdps(entry.digits), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # SciPy's, about series that it gives up; the numbers speak for themselves
        rows = list(zip(*(_exactly(argument) for argument in entry.rows), strict=True))
        truths = [entry.exact(*row) for row in rows]
        sizes = [
            None if entry.size is None else entry.size(*row, truth)
            for row, truth in zip(rows, truths, strict=True)
        ]
        errors = [
            _error(f, t, s)
            for f, t, s in zip(_results(entry.ours, entry.rows), truths, sizes, strict=True)
        ]
        worst = int(np.argmax(errors))
        found: dict[str, Any] = {
            "name": entry.name,
            "over": entry.over,
            "points": len(rows),
            "relative_to": entry.relative_to,
            "error": errors[worst],
            "at": [np.asarray(argument[worst]).tolist() for argument in entry.rows],
        }
        if entry.scipy is not None:
            theirs = [
                _error(f, t, s)
                for f, t, s in zip(_results(entry.scipy, entry.rows), truths, sizes, strict=True)
            ]
            finite = [e for e in theirs if math.isfinite(e)]
            found["scipy"] = {
                "form": entry.peer,
                "error": max(finite),
                "failures": len(theirs) - len(finite),
            }
    return found


def _exactly(argument: Any) -> list[Any]:
    """The rows of an array as exact numbers: a number, a list, or a matrix as a list of lists."""
    return [_nested(row) for row in np.asarray(argument, dtype=float).tolist()]


def _nested(value: Any) -> Any:
    return [_nested(v) for v in value] if isinstance(value, list) else MP.mpf(value)


def flat(value: Any) -> list[Any]:
    """Entries of nested lists and tuples, in their order."""
    if isinstance(value, list | tuple):
        return [entry for part in value for entry in flat(part)]
    return [value]


def _results(function: Callable[..., Any], rows: Rows) -> list[list[Any]]:
    """Results row by row, of arrays or of several of them."""
    result = function(*(np.asarray(argument) for argument in rows))
    parts = result if isinstance(result, tuple) else (result,)
    number = len(rows[0])
    return [
        [x for part in parts for x in np.reshape(np.asarray(part)[k], -1).tolist()]
        for k in range(number)
    ]


def _error(found: list[Any], truth: Any, size: Any) -> float:
    """Largest error of an entry in units of its size."""
    target = flat(truth)
    if len(found) != len(target):
        return math.inf
    units = (
        [abs(t) for t in target]
        if size is None
        else (flat(size) * len(target) if len(flat(size)) == 1 else flat(size))
    )
    worst = 0.0
    for f, t, u in zip(found, target, units, strict=True):
        if not math.isfinite(f):
            return math.inf
        error = abs(MP.mpf(f) - t)
        worst = max(worst, 0.0 if error == 0 else (float(error / u) if u else math.inf))
    return worst


def at_least_one(*arguments: Any) -> Any:
    """The larger of one and the value, which comes last."""
    return max(MP.mpf(1), abs(arguments[-1]))
