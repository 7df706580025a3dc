"""Which implementation of a kernel runs: ``implementation=`` decides, :func:`explain` says what it decided and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ingd_ref.backend._namespace import Array, backend_name
from ingd_ref.errors import BackendError, OptionError

__all__ = ["IMPLEMENTATIONS", "Explanation", "explain", "kernel"]

IMPLEMENTATIONS = ("auto", "readable", "fused")
READABLE = "ingd_ref.kernels.readable"
FUSED = {"numpy": "ingd_ref.kernels.numba_fused", "cupy": "ingd_ref.kernels.cupy_fused"}
NEEDS = {"numpy": "numba", "cupy": "cupy"}


@dataclass(frozen=True)
class Explanation:
    """What a kernel call would run, and why.

    Attributes
    ----------
    operation : str
        Name of the kernel, e.g. ``"gaussian_rbf"``.
    backend : str
        Array library of the arguments.
    implementation : str
        ``"readable"`` or ``"fused"``.
    reason : str
        One sentence.
    """

    operation: str
    backend: str
    implementation: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.backend}: {self.implementation} ({self.reason})"


def explain(
    operation: str, *arrays: Array, implementation: str = "auto", **options: Any
) -> Explanation:
    """Say which implementation of ``operation`` would run on ``arrays``, and why.

    Parameters
    ----------
    operation : str
        Name of a function in ``ingd_ref.kernels.readable``.
    *arrays : array
        The positional arguments that the kernel would be given.
    implementation : {"auto", "readable", "fused"}
        As in every public function. Default ``"auto"``.

    Returns
    -------
    Explanation

    Raises
    ------
    OptionError
        If the operation or the implementation does not exist.
    BackendError
        If ``"fused"`` is asked for where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> print(explain("squared_distances", np.zeros((4, 2)), np.zeros((3, 2))))
    squared_distances on numpy: readable (too little work to repay a compiled kernel)
    """
    if implementation not in IMPLEMENTATIONS:
        raise OptionError(
            f"implementation must be one of {', '.join(map(repr, IMPLEMENTATIONS))}, got {implementation!r}"
        )
    if operation not in import_module(READABLE).__all__:
        raise OptionError(f"there is no kernel called {operation!r}")
    backend = backend_name(arrays[0])
    if implementation == "readable":
        return Explanation(operation, backend, "readable", "asked for")
    missing = _missing(operation, backend)
    if implementation == "fused":
        if missing:
            raise BackendError(f"no fused {operation} for {backend} arrays: {missing}")
        return Explanation(operation, backend, "fused", "asked for")
    if missing:
        return Explanation(operation, backend, "readable", missing)
    repays, reason = import_module(FUSED[backend]).REPAYS[operation](*arrays)
    return Explanation(operation, backend, "fused" if repays else "readable", reason)


def kernel(operation: str, *arrays: Array, implementation: str = "auto") -> Callable[..., Any]:
    """Return the function that runs ``operation`` on ``arrays``: the choice that :func:`explain` describes."""
    choice = explain(operation, *arrays, implementation=implementation)
    module = READABLE if choice.implementation == "readable" else FUSED[choice.backend]
    function: Callable[..., Any] = getattr(import_module(module), operation)
    return function


def _missing(operation: str, backend: str) -> str:
    """Why ``operation`` has no fused form for ``backend``, or an empty string if it has one."""
    if backend not in FUSED:
        return f"only {' and '.join(FUSED)} arrays have fused kernels"
    if find_spec(NEEDS[backend]) is None:
        return f"{NEEDS[backend]} is not installed"
    if operation not in import_module(FUSED[backend]).REPAYS:
        return "the readable kernel is already one library call, or nothing was gained by fusing it"
    return ""
