"""Clocks, thread counts and memory."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["limited_threads", "paired_seconds", "peak_bytes", "resident_bytes", "synchronize"]

PAUSE = 0.2  # seconds


def synchronize(backend: str) -> None:
    """Wait until the device has finished."""
    if backend == "cupy":
        import_module("cupy").cuda.get_current_stream().synchronize()


def paired_seconds(
    functions: dict[str, Callable[[], Any]], repeats: int, backend: str
) -> dict[str, list[float]]:
    """Time functions in turns, so that noise hits them alike, after one round of warm-up.

    The pause lets the threads of the last function fall asleep: those of OpenBLAS spin for a tenth
    of a second or more, on a core that the next function needs.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(repeats + 1):
        for name, function in functions.items():
            synchronize(backend)
            time.sleep(PAUSE)
            start = time.perf_counter()
            function()
            synchronize(backend)
            if number > 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


@contextmanager
def limited_threads(number: int) -> Iterator[None]:
    """Limit compiled kernels, BLAS and PyTorch to ``number`` threads."""
    import numba
    from threadpoolctl import threadpool_limits

    before = numba.get_num_threads()
    with ExitStack() as stack:
        stack.callback(numba.set_num_threads, before)
        numba.set_num_threads(min(number, int(vars(numba.config)["NUMBA_NUM_THREADS"])))
        stack.enter_context(threadpool_limits(number))
        if find_spec("torch") is not None:
            torch = import_module("torch")
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(number)
        yield


def peak_bytes(function: Callable[[], Any], backend: str) -> int:
    """Return the peak memory of ``function`` beyond what was held before, as allocated."""
    gc.collect()
    if backend == "cupy":
        pool = import_module("cupy").get_default_memory_pool()
        pool.free_all_blocks()
        before = pool.used_bytes()
        function()
        return int(pool.total_bytes() - before)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


# Compilation takes more memory than a small problem, so the high-water mark is reset after it.
CHILD = """
from pathlib import Path
from ingd_ref._bench._problem import Problem

def kibibytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

Problem.draw(64, {1}, 16).velocity("numpy", {3!r})()
Problem.draw(64, {1}, 64).velocity("numpy", "fused")()
run = Problem.draw({0}, {1}, {2}).velocity("numpy", {3!r})
Path("/proc/self/clear_refs").write_text("5")
before = kibibytes("VmRSS")
run()
print(kibibytes("VmHWM") - before)
"""


def resident_bytes(size: tuple[int, int, int], implementation: str) -> int | None:
    """Return the growth of the peak resident set in a fresh process; ``None`` unless on Linux."""
    if not sys.platform.startswith("linux"):
        return None
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-c", CHILD.format(*size, implementation)]
    environment = os.environ | {"PYTHONPATH": path}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return 1024 * int(found.stdout)
