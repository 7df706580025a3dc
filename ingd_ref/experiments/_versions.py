"""Versions of all libraries that can change a number."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from ingd_ref._version import __version__

__all__ = ["versions"]

LIBRARIES = ("numpy", "scipy", "numba", "cupy", "scikit-learn")
CUPY_WHEELS = ("cupy", "cupy-cuda12x", "cupy-cuda13x")


def versions() -> dict[str, str]:
    """Return the versions of this package, Python and the installed libraries, by name.

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
