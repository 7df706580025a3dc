"""Share of the processor cores between the BLAS library and compiled kernels."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["single_blas_thread"]


class _Limit:
    """The limit of the whole process: the first caller sets it, the last one lifts it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.callers = 0
        self.active: Any = None


_limit = _Limit()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Limit the BLAS library of NumPy to one thread while compiled kernels use the cores.

    The idle threads of OpenBLAS spin for a tenth of a second after each product (unless
    OPENBLAS_THREAD_TIMEOUT=4 or so is in the environment), so that a small product between two
    compiled kernels would cost these a core. Calls may nest and overlap, in several threads too.
    """
    with _limit.lock:
        if _limit.callers == 0:
            _limit.active = _controller().limit(limits=1, user_api="blas")
        _limit.callers += 1
    try:
        yield
    finally:
        with _limit.lock:
            _limit.callers -= 1
            if _limit.callers == 0:
                _limit.active.restore_original_limits()
