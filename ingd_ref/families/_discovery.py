"""Families are found, not registered: this package offers what its public modules list.

Modules load on demand. A name is looked up in the module named after it, ``InverseGamma`` in
``inverse_gamma.py``, and only if that fails in all of them.
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from ingd_ref.families._base import ExponentialFamily

__all__ = ["all_families", "family_classes", "lookup", "offered"]

PACKAGE = "ingd_ref.families"


@cache
def modules() -> tuple[str, ...]:
    """Return the names of the public modules of this package, sorted."""
    return tuple(
        sorted(
            m.name for m in iter_modules([str(Path(__file__).parent)]) if not m.name.startswith("_")
        )
    )


def offered() -> dict[str, Any]:
    """Import all public modules and return what they list in ``__all__``, by name."""
    found = {}
    for name in modules():
        module = import_module(f"{PACKAGE}.{name}")
        found.update({public: getattr(module, public) for public in module.__all__})
    return found


def lookup(name: str) -> Any:
    """Return what a public module lists under ``name``, or raise :class:`AttributeError`."""
    home = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if home in modules():
        module = import_module(f"{PACKAGE}.{home}")
        if name in module.__all__:
            return getattr(module, name)
    if name.startswith("_") or name not in (found := offered()):
        raise AttributeError(f"module {PACKAGE!r} has no attribute {name!r}")
    return found[name]


def family_classes() -> tuple[type[ExponentialFamily], ...]:
    """Return every family class of this package, sorted by name."""
    found = offered()
    classes = [found[name] for name in sorted(found) if inspect.isclass(found[name])]
    return tuple(c for c in classes if issubclass(c, ExponentialFamily))


def all_families() -> tuple[ExponentialFamily, ...]:
    """Return the instances that each family proposes in :meth:`ExponentialFamily.examples`.

    Laws, evidence and tables run over these, with the members of
    :meth:`ExponentialFamily.example_parameters`, so they cover a new family from its first day.
    """
    return tuple(family for c in family_classes() for family in c.examples())
