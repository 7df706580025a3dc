"""Times of the velocity, relative to the rate of a matrix product, and their growth in n."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import date
from importlib import import_module
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._bench._machine import machine, require
from ingd_ref._bench._measure import limited_threads, paired_seconds, peak_bytes, resident_bytes
from ingd_ref._bench._problem import Problem
from ingd_ref._bench._published import PUBLISHED_LIBRARY, published_bytes
from ingd_ref.backend import to_host
from ingd_ref.backend._dispatch import IMPLEMENTATIONS

__all__ = ["SIZES", "run"]

Size = tuple[int, int, int]

# (particles n, dimension d, features b)
SIZES: tuple[Size, ...] = (
    (100, 2, 100),
    (100, 5, 200),
    (100, 20, 200),
    (200, 2, 200),
    (200, 20, 200),
    (1000, 2, 200),
    (1000, 20, 200),
    (5000, 5, 200),
)
GROWTH = (500, 1000, 2000, 4000)  # n of the sizes (n, 5, 200) to which exponents are fitted
PUBLISHED_LIMIT = 8 * 2**30  # bytes of pairwise arrays above which the baseline is left out
PUBLISHED_REPEATS = 3
MATRIX = 1000  # edge of the square matrices whose product gives the rate of the machine


def run(
    backend: str = "numpy",
    sizes: Sequence[Size] | None = None,
    threads: Sequence[int] = (1, 2),
    repeats: int = 5,
    baseline: bool = True,
    implementation: str = "auto",
    growth: Sequence[int] = GROWTH,
    resident: bool = True,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    r"""Time :func:`ingd_ref.flows.king_velocity` with RBF features and the kernel (K5) in float64.

    Parameters
    ----------
    backend : {"numpy", "cupy"}
        Array library. Default ``"numpy"``.
    sizes : sequence of (n, d, b), optional
        Particles, dimension, features. Default: :data:`SIZES`.
    threads : sequence of int
        Numbers of threads to measure. Default (1, 2). A GPU uses the first alone, for the host.
    repeats : int
        Number of timed rounds; the median is reported. Default 5.
    baseline : bool
        Also time the published formulation on the CPU, in float32 and at most three rounds, where
        its (n, n, d, b) and (n, n, b, b) arrays fit into 8 GiB. Default ``True``.
    implementation : {"auto", "readable", "fused"}
        Default ``"auto"``.
    growth : sequence of int
        Numbers of particles to fit the growth of time and memory to, at d = 5 and b = 200. Empty:
        no fit.
    resident : bool
        Also measure the resident set of a fresh process (Linux, NumPy). Default ``True``.
    progress : callable, optional
        Called with a line of text before each size.

    Returns
    -------
    dict
        Ready for JSON: ``date``, ``rows`` (one per size and number of threads), ``growth``,
        ``machine``, ``method``.

    Raises
    ------
    BackendError
        If the backend is not installed or has no device.
    OptionError, DomainError
        If the implementation is unknown, or a number unusable.

    Examples
    --------
    >>> quick = {"threads": [1], "repeats": 1, "growth": []}
    >>> results = run(sizes=[(20, 2, 5)], baseline=False, resident=False, **quick)
    >>> results["rows"][0]["flops"]
    26000
    """
    _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
    repeats = _checks.positive_integer(repeats, "repeats")
    require(backend)
    say = progress if progress is not None else lambda line: None
    rows = []
    against = baseline and backend == "numpy"
    for number in threads if backend == "numpy" else threads[:1]:
        for size in SIZES if sizes is None else sizes:
            say(f"(n, d, b) = {tuple(size)}, {number} thread{'s' if number > 1 else ''}")
            with limited_threads(number):
                rows.append(_row(size, number, backend, implementation, repeats, against))
    if resident and backend == "numpy":
        measured = {
            size: resident_bytes(size, implementation)
            for size in dict.fromkeys((row["n"], row["d"], row["b"]) for row in rows)
        }
        for row in rows:
            row["resident_bytes"] = measured[row["n"], row["d"], row["b"]]
    if len(growth) > 1:
        say("growth in n")
    with limited_threads(threads[0]):
        exponents = _growth(growth, backend, implementation, repeats) if len(growth) > 1 else None
    method = (
        f"Medians of {repeats} rounds in which velocity, {MATRIX}×{MATRIX} matrix product and "
        "baseline take turns. GFLOP/s count the operations of the direct algorithm, "
        "6n²bd + 2ndb²; share and bound refer to the rate of the matrix product."
    )
    return {
        "date": date.today().isoformat(),
        "backend": backend,
        "implementation": implementation,
        "rows": rows,
        "growth": exponents,
        "machine": {"baseline": PUBLISHED_LIBRARY, **machine("torch")},
        "method": method,
    }


def _row(
    size: Size, threads: int, backend: str, implementation: str, repeats: int, baseline: bool
) -> dict[str, Any]:
    problem = Problem.draw(*size)
    velocity = problem.velocity(backend, implementation)
    square = import_module(backend).asarray(np.random.default_rng(0).normal(size=(MATRIX, MATRIX)))
    functions: dict[str, Callable[[], Any]] = {
        "velocity": velocity,
        "product": lambda: square @ square,
    }
    seconds = paired_seconds(functions, repeats, backend)
    rates = [2e-9 * MATRIX**3 / s for s in seconds["product"]]
    multiples = [
        s * rate / (1e-9 * problem.flops)
        for s, rate in zip(seconds["velocity"], rates, strict=True)
    ]
    middle = statistics.median(seconds["velocity"])
    row = dict(zip(("n", "d", "b"), size, strict=True)) | {
        "threads": threads,
        "flops": problem.flops,
        "milliseconds": 1e3 * middle,
        "gflops": 1e-9 * problem.flops / middle,
        "product_gflops": statistics.median(rates),
        "multiple_of_bound": statistics.median(multiples),
        "peak_bytes": peak_bytes(velocity, backend),
        "resident_bytes": None,
    }
    if not baseline:
        return row
    return row | _against_published(problem, velocity, size, min(repeats, PUBLISHED_REPEATS))


def _against_published(
    problem: Problem, velocity: Callable[[], Any], size: Size, repeats: int
) -> dict[str, Any]:
    """Compare time and velocity with the published formulation, whose float32 limits the match."""
    if published_bytes(*size) > PUBLISHED_LIMIT:
        return {"published_milliseconds": None, "speedup": None, "published_difference": None}
    functions = {"velocity": velocity, "published": problem.published}
    seconds = paired_seconds(functions, repeats, "numpy")
    ours, published = to_host(velocity()), to_host(problem.published())
    return {
        "published_milliseconds": 1e3 * statistics.median(seconds["published"]),
        "speedup": statistics.median(
            p / v for p, v in zip(seconds["published"], seconds["velocity"], strict=True)
        ),
        "published_difference": float(np.max(np.abs(ours - published)) / np.max(np.abs(ours))),
    }


def _growth(
    particles: Sequence[int], backend: str, implementation: str, repeats: int
) -> dict[str, Any]:
    """Fit slopes of log time and log memory against log n, at (d, b) = (5, 200)."""
    times, peaks = [], []
    for number in particles:
        velocity = Problem.draw(number, 5, 200).velocity(backend, implementation)
        seconds = paired_seconds({"velocity": velocity}, min(repeats, 3), backend)
        times.append(statistics.median(seconds["velocity"]))
        peaks.append(peak_bytes(velocity, backend))

    def slope(values: Sequence[float]) -> float:
        return float(np.polyfit(np.log(particles), np.log(values), 1)[0])

    return {
        "particles": list(particles),
        "d": 5,
        "b": 200,
        "seconds": times,
        "peak_bytes": peaks,
        "time": slope(times),
        "memory": slope(peaks),
    }
