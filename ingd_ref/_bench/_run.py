"""The benchmark: medians of paired repeats, the share of the matrix-product rate, memory, and how both grow."""

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

#: (particles n, dimension d, statistics b)
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
GROWTH: tuple[int, ...] = (
    500,
    1000,
    2000,
    4000,
)  # particles of the sizes (n, 5, 200) that the exponents are fitted to
PUBLISHED_LIMIT = (
    8 * 2**30
)  # the published formulation is left out where its arrays over pairs exceed 8 GiB
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
    r"""Time :func:`ingd_ref.flows.king_velocity` with Gaussian RBF statistics and the gradient Gaussian kernel (K3)-(K5) in float64.

    Parameters
    ----------
    backend : {"numpy", "cupy"}
        Whose arrays. Default ``"numpy"``.
    sizes : sequence of (n, d, b), optional
        Particles, dimension, statistics. Default: :data:`SIZES`.
    threads : sequence of int
        Numbers of threads, each measured by itself. Default (1, 2). On a GPU only the first counts,
        for the host.
    repeats : int
        Timed rounds; the median is reported. Default 5.
    baseline : bool
        Also time the published formulation, which forms the (n, n, d, b) and (n, n, b, b) arrays in
        float32 (PyTorch where it is installed, else NumPy), at most three rounds, and only where
        its arrays fit 8 GiB. Default ``True``; never on a GPU.
    implementation : {"auto", "readable", "fused"}
        Default ``"auto"``.
    growth : sequence of int
        Numbers of particles from which the exponents of time and memory in n are fitted, at d = 5
        and b = 200. Empty: not fitted.
    resident : bool
        Cross-check the memory by the resident set of a fresh process (Linux, NumPy). Default
        ``True``.
    progress : callable, optional
        Receives a line before each size.

    Returns
    -------
    dict
        Numbers and strings only, ready for JSON: ``date``, ``rows`` (one for each size and number
        of threads), ``growth``, ``machine``, ``method``.

    Raises
    ------
    BackendError
        If the backend is not installed or has no device.
    OptionError, DomainError
        For an unknown implementation or an unusable number.

    Examples
    --------
    >>> results = run(sizes=[(20, 2, 5)], threads=[1], repeats=1, baseline=False, growth=[], resident=False)
    >>> results["rows"][0]["flops"]
    26000
    """
    _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
    repeats = _checks.positive_integer(repeats, "repeats")
    require(backend)
    say = progress if progress is not None else lambda line: None
    rows = []
    for number in threads if backend == "numpy" else threads[:1]:
        for size in SIZES if sizes is None else sizes:
            say(f"(n, d, b) = {tuple(size)}, {number} thread{'s' if number > 1 else ''}")
            with limited_threads(number):
                rows.append(
                    _row(
                        size,
                        number,
                        backend,
                        implementation,
                        repeats,
                        baseline and backend == "numpy",
                    )
                )
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
        f"Medians of {repeats} rounds in which the velocity, a {MATRIX}×{MATRIX} matrix product and the baseline take turns. GFLOP/s by "
        "the operations of the direct algorithm, 6n²bd + 2ndb²; share and bound are by the rate of that matrix product."
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
    return row | (
        _against_published(problem, velocity, size, min(repeats, PUBLISHED_REPEATS))
        if baseline
        else {}
    )


def _against_published(
    problem: Problem, velocity: Callable[[], Any], size: Size, repeats: int
) -> dict[str, Any]:
    """How much faster than the published formulation, and how far the two velocities are apart (its float32 decides)."""
    if published_bytes(*size) > PUBLISHED_LIMIT:
        return {"published_milliseconds": None, "speedup": None, "published_difference": None}
    seconds = paired_seconds(
        {"velocity": velocity, "published": problem.published}, repeats, "numpy"
    )
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
    """Least-squares slopes of log time and log memory against log n at (d, b) = (5, 200)."""
    times, peaks = [], []
    for number in particles:
        velocity = Problem.draw(number, 5, 200).velocity(backend, implementation)
        times.append(
            statistics.median(
                paired_seconds({"velocity": velocity}, min(repeats, 3), backend)["velocity"]
            )
        )
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
