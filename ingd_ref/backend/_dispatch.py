"""Choice of the implementation of a kernel, and the reason for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ingd_ref.backend._namespace import Array, backend_name, is_array, not_an_array
from ingd_ref.errors import BackendError, OptionError

__all__ = ["IMPLEMENTATIONS", "Explanation", "explain", "kernel"]

IMPLEMENTATIONS = ("auto", "readable", "fused")
READABLE = "ingd_ref.kernels.readable"
EXTREME = "ingd_ref.kernels._extreme"
FUSED = {"numpy": "ingd_ref.kernels._numba_fused", "cupy": "ingd_ref.kernels._cupy_fused"}
NEEDS = {"numpy": "numba", "cupy": "cupy"}


@dataclass(frozen=True)
class Explanation:
    """The implementation that a kernel call runs, and why.

    Attributes
    ----------
    operation : str
        Name of the kernel, such as ``"gaussian_rbf"``.
    backend : str
        Array library of the arguments.
    implementation : str
        ``"readable"`` or ``"fused"``.
    reason : str
        Why, in a few words.
    """

    operation: str
    backend: str
    implementation: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.backend}: {self.implementation} ({self.reason})"


def explain(operation: str, *arrays: Array, implementation: str = "auto") -> Explanation:
    """Return which implementation of a kernel runs on ``arrays``, and why.

    Parameters
    ----------
    operation : str
        Name of a function in ``ingd_ref.kernels.readable``.
    *arrays : array
        The positional arguments of the kernel.
    implementation : {"auto", "readable", "fused"}
        The option of that name of every public function. Default ``"auto"``.

    Returns
    -------
    Explanation

    Raises
    ------
    OptionError
        If the operation or the implementation does not exist.
    BackendError
        If ``"fused"`` is requested, and there is none for these arrays.

    Examples
    --------
    >>> import numpy as np
    >>> print(explain("squared_distances", np.zeros((4, 2)), np.zeros((3, 2))))
    squared_distances on numpy: readable (too little work to repay a compiled kernel)
    """
    if not isinstance(implementation, str) or implementation not in IMPLEMENTATIONS:
        known = ", ".join(map(repr, IMPLEMENTATIONS))
        raise OptionError(f"implementation must be one of {known}, got {implementation!r}")
    if not isinstance(operation, str) or operation not in _module(READABLE).__all__:
        raise OptionError(f"operation must name a kernel; there is no kernel called {operation!r}")
    for position, x in enumerate(arrays):
        if not is_array(x):
            raise BackendError(not_an_array(x, f"arrays[{position}]"))
    if not arrays or any(x.ndim < 2 for x in arrays[:2]):
        raise BackendError("arrays must hold those of the call, points (n, d) first")
    backend = backend_name(arrays[0])
    if implementation == "readable":
        return Explanation(operation, backend, "readable", "requested")
    missing = _missing(operation, backend)
    if implementation == "fused":
        if missing:
            raise BackendError(f"no fused {operation} for {backend} arrays: {missing}")
        return Explanation(operation, backend, "fused", "requested")
    if missing:
        return Explanation(operation, backend, "readable", missing)
    repays, reason = _module(FUSED[backend]).REPAYS[operation](*arrays)
    return Explanation(operation, backend, "fused" if repays else "readable", reason)


def kernel(operation: str, *arrays: Array, implementation: str = "auto") -> Callable[..., Any]:
    """Return the implementation of ``operation`` that :func:`explain` chooses for ``arrays``.

    Where squares of lengths would leave the range of the floating type, it computes in scaled form.
    """
    choice = explain(operation, *arrays, implementation=implementation)
    module = READABLE if choice.implementation == "readable" else FUSED[choice.backend]
    function: Callable[..., Any] = getattr(_module(module), operation)
    guarded: Callable[..., Any] = _module(EXTREME).guarded(operation, function)
    return guarded


@cache
def _module(name: str) -> Any:
    return import_module(name)


@cache
def _installed(library: str) -> bool:
    return find_spec(library) is not None


def _missing(operation: str, backend: str) -> str:
    """Return why ``operation`` has no fused form for ``backend``, or an empty string."""
    if backend not in FUSED:
        return f"only {' and '.join(FUSED)} arrays have fused kernels"
    if not _installed(NEEDS[backend]):
        return f"{NEEDS[backend]} is not installed"
    if operation not in _module(FUSED[backend]).REPAYS:
        return "one library call, or no faster when fused"
    return ""
