"""Share of the processor cores between the BLAS library and compiled kernels."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["blas", "single_blas_thread"]


class _Limit:
    """The limit of the whole process: the first caller sets it, the last one lifts it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.callers = 0
        self.active: Any = None

    def enter(self) -> None:
        with self.lock:
            if self.callers == 0:
                _release()
                self.active = _controller().limit(limits=1, user_api="blas")
            self.callers += 1

    def leave(self) -> None:
        with self.lock:
            self.callers -= 1
            if self.callers == 0:
                self._lift()

    def forget_callers(self) -> None:
        """Lift the limit in a forked process, in which the threads that called do not exist."""
        self.lock = threading.Lock()
        if self.callers:
            self.callers = 0
            self._lift()

    def _lift(self) -> None:
        _release()
        self.active.restore_original_limits()
        _release()


_limit = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_limit.forget_callers)


@cache
def _controller() -> Any:
    # SciPy may bring a BLAS library of its own, which the controller must find.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _release() -> None:
    """Let this thread set the limit of OpenBLAS, whose one pool all threads share.

    threadpoolctl ≥ 3.8 ties that pool to the first thread that limits it, and ignores all others
    without a word; the last caller here is often another thread than the first.
    """
    from threadpoolctl import OpenBLASController  # type: ignore[attr-defined, unused-ignore]

    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


@contextmanager
def single_blas_thread() -> Iterator[None]:
    """Limit the BLAS library of NumPy to one thread while compiled kernels use the cores.

    The idle threads of OpenBLAS spin for a tenth of a second after each product (unless
    OPENBLAS_THREAD_TIMEOUT=4 or so is in the environment), so that a small product between two
    compiled kernels would cost these a core. Calls may nest and overlap, in several threads too.
    """
    _limit.enter()
    try:
        yield
    finally:
        _limit.leave()


def blas() -> str:
    """Describe NumPy's BLAS library and its threads, on which the last bits of a product depend.

    Examples
    --------
    >>> blas().endswith(("thread", "threads", "unknown"))
    True
    """
    libraries = [one for one in _controller().lib_controllers if one.user_api == "blas"]
    # SciPy's wheel holds another one, which multiplies nothing here.
    numpys = [one for one in libraries if "numpy" in one.filepath] or libraries
    return ", ".join(sorted({_described(one.info()) for one in numpys})) or "unknown"


def _described(library: dict[str, Any]) -> str:
    names = (library["internal_api"], library.get("version"), library.get("architecture"))
    number = library["num_threads"]
    return " ".join([*filter(None, names), f"{number} thread{'s' * (number != 1)}"])
