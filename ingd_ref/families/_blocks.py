"""Evaluation of formulas on large batches: in blocks that stay in the cache, on all cores."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import numpy as np

from ingd_ref._special._extremes import anywhere
from ingd_ref.backend._namespace import Array, Namespace, backend_name
from ingd_ref.backend._operations import tiles

__all__ = ["in_blocks"]

# Numbers per block and argument. A formula holds a dozen temporaries of half this size: 16384 rows
# of two make 128 KiB each, which fit into the second-level cache together. Smaller blocks spend
# their time in the interpreter. Measured for Gamma.natural_from_mean.
NUMBERS = 2**15


def in_blocks(xp: Namespace, formula: Callable[..., Array], *rows: Array) -> Array:
    """Return ``formula(xp, *rows)`` for a formula that acts on each row of its arguments alone.

    Large batches of NumPy arrays are cut into blocks that the cores share, since NumPy releases the
    interpreter lock while it computes; any other batch is evaluated whole. Each number comes from
    the same operations either way, so results do not depend on the blocks. Rows whose numbers are
    of extreme size, or whose results are not finite, are evaluated by wide numbers on the host.

    Parameters
    ----------
    xp : module
        Namespace of the rows.
    formula : callable
        Takes the namespace and arrays (..., b), (..., c), ... whose batch shapes broadcast; returns
        an array of that batch shape.
    *rows : array (..., b)
        Arguments. They are cut if all those with a batch shape have the same one.

    Returns
    -------
    array (...)
        Shares no memory with the arguments, even where the formula returns one of them.
    """
    batches = {tuple(row.shape[:-1]) for row in rows} - {()}
    length = max(1, NUMBERS // max(1, *(row.shape[-1] for row in rows)))
    if (
        len(batches) != 1
        or backend_name(rows[0]) != "numpy"
        or math.prod(batch := batches.pop()) < 2 * length
    ):
        return anywhere(xp, formula, *(xp.asarray(row, copy=True) for row in rows))
    flat = [row if row.ndim == 1 else np.reshape(row, (-1, row.shape[-1])) for row in rows]
    # Blocks have nearly the same size, so that choices by size are the same for all.
    number = -(-math.prod(batch) // length)
    first, *others = tiles(math.prod(batch), -(-math.prod(batch) // number))

    def at(block: slice) -> Array:
        return anywhere(xp, formula, *(row if row.ndim == 1 else row[block] for row in flat))

    sample = at(first)
    result = np.empty((math.prod(batch), *sample.shape[1:]), dtype=sample.dtype)
    result[first] = sample

    def fill(block: slice) -> None:
        result[block] = at(block)

    with ThreadPoolExecutor(min(_cores(), len(others))) as pool:
        # Each block runs in a copy of the caller's context, in which np.errstate lives.
        for done in [pool.submit(copy_context().run, fill, block) for block in others]:
            done.result()
    return np.reshape(result, (*batch, *sample.shape[1:]))


def _cores() -> int:
    """Return the number of cores of this process, at most that of Numba's threads."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    numba = sys.modules.get("numba")
    return cores if numba is None else min(cores, numba.get_num_threads())
