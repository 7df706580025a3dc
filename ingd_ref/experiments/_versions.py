"""Versions of everything that may change a number."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from ingd_ref._version import __version__

__all__ = ["versions"]

LIBRARIES = ("numpy", "scipy", "numba", "cupy", "scikit-learn")
CUPY_WHEELS = ("cupy", "cupy-cuda12x", "cupy-cuda13x")


def versions() -> dict[str, str]:
    """Versions of this package, Python and the libraries that are present, by name.

    Examples
    --------
    >>> list(versions())[:3]
    ['ingd_ref', 'python', 'numpy']
    """
    found = {"ingd_ref": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        for distribution in CUPY_WHEELS if name == "cupy" else (name,):
            try:
                found[name] = version(distribution)
            except PackageNotFoundError:
                continue
    return found
