"""The measurement as a whole, and the file that it leaves behind."""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from validation.accuracy import exponents, families, special
from validation.accuracy.grids import grids
from validation.report import versions

__all__ = ["SCHEMA", "dumped", "measure"]

#: Version of the layout of ``accuracy.json``; a reader must reject one that it does not know.
SCHEMA = 1
#: Members of each family in the sweep over exponents.
MEMBERS = 12


def measure(progress: Callable[[str], None] = lambda step: None) -> dict[str, Any]:
    """Measure every special function and every family.

    Parameters
    ----------
    progress : callable
        Called with the name of what is measured next.

    Returns
    -------
    dict
        What ``accuracy.json`` holds: ``special``, a list of functions, and ``families``, a list of
        operations, and ``exponents``, those of the sweep over all exponents, with date and
        versions. Errors that are infinite are written as null.
    """
    start = time.perf_counter()
    functions: list[dict[str, Any]] = []
    for group, entry in special.entries():
        progress(entry.name)
        functions.append({"group": group, **special.measured(entry)})
    operations: list[dict[str, Any]] = []
    for grid in grids():
        progress(f"{grid.family.name} [{grid.family.number}]")
        operations += families.measured(grid)
    extremes: list[dict[str, Any]] = []
    for sweep in exponents.SWEEPS:
        progress(f"{sweep.family.name}, all exponents")
        for dtype in exponents.DTYPES:
            extremes += exponents.measured(sweep, dtype, MEMBERS)
    content = {
        "schema": SCHEMA,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "seconds": round(time.perf_counter() - start, 1),
        "unit": families.U,
        "accurate": families.ACCURATE,
        "roundings": families.ROUNDINGS,
        "operations": families.OPERATIONS,
        "special": functions,
        "families": operations,
        "exponents": extremes,
    }
    finite: dict[str, Any] = _finite(content)
    return finite


def dumped(content: dict[str, Any]) -> bytes:
    """Return the file as text, a measured row to a line, so that two can be compared."""
    parts = []
    for key, value in content.items():
        rows = (
            ",\n".join(json.dumps(row, ensure_ascii=False) for row in value)
            if isinstance(value, list)
            else ""
        )
        parts.append(
            f"{json.dumps(key)}: [\n{rows}\n]"
            if isinstance(value, list)
            else f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
        )
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def _finite(value: Any) -> Any:
    """JSON has no infinity."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
