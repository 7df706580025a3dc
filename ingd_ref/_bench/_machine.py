"""The machine and the versions of a measurement."""

from __future__ import annotations

import math
import os
import platform
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from ingd_ref import _checks
from ingd_ref.errors import BackendError

__all__ = ["machine", "require"]


def require(backend: str) -> None:
    """Raise BackendError if ``backend`` is unusable here, OptionError if it is unknown."""
    _checks.choice(backend, "backend", ("numpy", "cupy"))
    if backend == "numpy":
        return
    if find_spec("cupy") is None or not import_module("cupy").is_available():
        raise BackendError("backend='cupy' needs CuPy and a CUDA device")


def machine(*libraries: str) -> dict[str, Any]:
    """Return processor, load and versions, also of ``libraries`` if they are installed."""
    installed = [name for name in libraries if find_spec(name) is not None]
    load = os.getloadavg() if hasattr(os, "getloadavg") else [math.nan]
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in load],
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "scipy", *installed)},
    }
