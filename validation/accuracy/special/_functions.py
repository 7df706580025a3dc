"""The special functions of the package by name: everything its modules list in ``__all__``."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import Any

from ingd_ref import _special

__all__ = ["functions"]


def _listed() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in iter_modules(_special.__path__, f"{_special.__name__}."):
        if not module.name.rpartition(".")[2].startswith("_"):
            listed = import_module(module.name)
            found |= {name: getattr(listed, name) for name in listed.__all__}
    return found


functions: Any = SimpleNamespace(**_listed())
