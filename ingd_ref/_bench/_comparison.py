"""A computation of the package beside others that come to the same: time, memory and error of each, measured in turns."""

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

#: Benchmarks that are made of comparisons, by name: what each asks. The module of the same name has
#: the function ``comparisons``.
BENCHMARKS: dict[str, str] = {
    "families": "charts of a million Gamma and Beta distributions beside SciPy's functions and efax",
    "generator": "a step of iNGD beside the parameter Jacobian written out",
    "cosines": "natural gradients of finite models at many points beside one point at a time",
}

LIBRARIES = ("torch", "jax", "efax")


@dataclass(frozen=True, eq=False)
class Comparison:
    """One computation, by the package and by others.

    Attributes
    ----------
    case : str
        What is computed, and at which size.
    function : callable
        The computation by the package, without arguments.
    others : mapping of str to callable
        The same by others, under their names. Default: none.
    error : callable, optional
        Takes what one of them returned to its relative error. Default: no error is reported.
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
    """Run the benchmark of that name.

    Parameters
    ----------
    name : str
        One of :data:`BENCHMARKS`.
    backend : {"numpy", "cupy"}
        Whose arrays. Default ``"numpy"``.
    threads : sequence of int
        Numbers of threads, each measured by itself. Default (1, 2). On a GPU only the first counts,
        for the host.
    repeats : int ≥ 1
        Timed rounds; the median is reported. Default 5.
    progress : callable, optional
        Receives a line before each comparison.

    Returns
    -------
    dict
        Numbers and strings only, ready for JSON: ``date``, ``benchmark``, ``rows`` (one for each
        case, number of threads and method), ``machine``, ``method``.

    Raises
    ------
    BackendError
        If the backend is not installed or has no device.
    OptionError, DomainError
        For an unknown name or an unusable number.
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
        f"Medians of {repeats} rounds in which the methods of a case take turns; the ratio is the median of the ratios of the rounds. "
        "Memory is the largest that is held at once beyond what was held before."
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
