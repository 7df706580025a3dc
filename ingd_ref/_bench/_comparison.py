"""Time, memory and error of a computation and of alternatives, measured in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from typing import Any

from ingd_ref import _checks
from ingd_ref._bench._machine import machine, require
from ingd_ref._bench._measure import limited_threads, paired_seconds, peak_bytes

__all__ = ["BENCHMARKS", "OURS", "Comparison", "compare"]

OURS = "ingd_ref"

#: Benchmarks that compare implementations, by name. The module ``_NAME`` has their ``comparisons``.
BENCHMARKS: dict[str, str] = {
    "families": "families against SciPy and efax",
    "generator": "iNGD against an explicit parameter Jacobian",
    "cosines": "finite models in batches against single points",
}

LIBRARIES = ("torch", "jax", "efax")


@dataclass(frozen=True, eq=False)
class Comparison:
    """One computation, by the package and by alternatives.

    Attributes
    ----------
    case : str
        The computation and its size.
    function : callable
        The computation by the package, without arguments.
    others : mapping of str to callable
        Alternatives by name. Default: none.
    error : callable, optional
        Relative error of a result. Default: none is reported.
    """

    case: str
    function: Callable[[], Any]
    others: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    error: Callable[[Any], float] | None = None


def compare(
    name: str,
    backend: str = "numpy",
    threads: Sequence[int] = (1, 2),
    repeats: int = 5,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Run a benchmark that compares implementations.

    Parameters
    ----------
    name : str
        One of :data:`BENCHMARKS`.
    backend : {"numpy", "cupy"}
        Array library. Default ``"numpy"``.
    threads : sequence of int
        Numbers of threads to measure. Default (1, 2). A GPU uses the first alone, for the host.
    repeats : int ≥ 1
        Number of timed rounds; the median is reported. Default 5.
    progress : callable, optional
        Called with a line of text before each comparison.

    Returns
    -------
    dict
        Ready for JSON: ``date``, ``benchmark``, ``backend``, ``rows`` (one per case, number of
        threads and method), ``machine``, ``method``.

    Raises
    ------
    BackendError
        If the backend is not installed or has no device.
    OptionError, DomainError
        If the name is unknown, or a number unusable.
    """
    _checks.choice(name, "name", tuple(BENCHMARKS))
    repeats = _checks.positive_integer(repeats, "repeats")
    require(backend)
    say = progress if progress is not None else lambda line: None
    comparisons: Callable[[str], Iterable[Comparison]] = import_module(
        f"ingd_ref._bench._{name}"
    ).comparisons
    rows = []
    for comparison in comparisons(backend):
        for number in threads if backend == "numpy" else threads[:1]:
            say(f"{comparison.case}, {number} thread{'s' if number > 1 else ''}")
            with limited_threads(number):
                rows += _rows(comparison, number, backend, repeats)
    method = (
        f"Medians of {repeats} rounds in which the methods of a case take turns; the ratio is the "
        "median over rounds. Memory is the peak beyond what was held before."
    )
    return {
        "date": date.today().isoformat(),
        "benchmark": name,
        "backend": backend,
        "rows": rows,
        "machine": machine(*LIBRARIES),
        "method": method,
    }


def _rows(comparison: Comparison, threads: int, backend: str, repeats: int) -> list[dict[str, Any]]:
    functions = {OURS: comparison.function, **comparison.others}
    seconds = paired_seconds(functions, repeats, backend)
    return [
        {
            "case": comparison.case,
            "threads": threads,
            "method": method,
            "milliseconds": 1e3 * statistics.median(seconds[method]),
            "ratio": statistics.median(
                other / own for other, own in zip(seconds[method], seconds[OURS], strict=True)
            ),
            "peak_bytes": peak_bytes(function, backend),
            "error": None if comparison.error is None else comparison.error(function()),
        }
        for method, function in functions.items()
    ]
