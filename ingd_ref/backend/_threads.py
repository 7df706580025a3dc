"""Who may use the processor cores: the threads of the BLAS library, or those of the compiled kernels."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["single_blas_thread"]


class _Rest:
    """How many callers want the library's threads to rest; the thread count belongs to the process, so the last one wakes them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.callers = 0
        self.limit: Any = None


_rest = _Rest()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Hold the BLAS library of NumPy to one thread while compiled kernels use the cores.

    After each product its idle threads go on spinning (those of OpenBLAS for a tenth of a second,
    unless OPENBLAS_THREAD_TIMEOUT=4 or so is in the environment); a small product between two
    compiled kernels would cost them a core that they need. Callers may overlap, in one thread or
    several.
    """
    with _rest.lock:
        if _rest.callers == 0:
            _rest.limit = _controller().limit(limits=1, user_api="blas")
        _rest.callers += 1
    try:
        yield
    finally:
        with _rest.lock:
            _rest.callers -= 1
            if _rest.callers == 0:
                _rest.limit.restore_original_limits()
