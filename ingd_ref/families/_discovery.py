"""Families are found, not registered: a public module of this package offers what its ``__all__`` names, and that is all it takes.

Nothing is imported before it is asked for: a name is looked for in the module that it would be
called after, ``InverseGamma`` in ``inverse_gamma.py``, and only if that fails in all of them.
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
    """Names of the public modules of this package, in the order of the alphabet."""
    return tuple(
        sorted(
            m.name for m in iter_modules([str(Path(__file__).parent)]) if not m.name.startswith("_")
        )
    )


def offered() -> dict[str, Any]:
    """Everything that the public modules offer in their ``__all__``, by name; imports them all."""
    found = {}
    for name in modules():
        module = import_module(f"{PACKAGE}.{name}")
        found.update({public: getattr(module, public) for public in module.__all__})
    return found


def lookup(name: str) -> Any:
    """What a public module offers under ``name``.

    Raises
    ------
    AttributeError
        If none does.
    """
    home = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if home in modules():
        module = import_module(f"{PACKAGE}.{home}")
        if name in module.__all__:
            return getattr(module, name)
    if name.startswith("_") or name not in (found := offered()):
        raise AttributeError(f"module {PACKAGE!r} has no attribute {name!r}")
    return found[name]


def family_classes() -> tuple[type[ExponentialFamily], ...]:
    """Every family class of this package, in the order of the alphabet.

    Examples
    --------
    >>> import ingd_ref as ir
    >>> ir.families.Gamma in ir.families.family_classes()
    True
    """
    found = offered()
    classes = [found[name] for name in sorted(found) if inspect.isclass(found[name])]
    return tuple(c for c in classes if issubclass(c, ExponentialFamily))


def all_families() -> tuple[ExponentialFamily, ...]:
    """One or more instances of every family, as the family itself proposes them in :meth:`ExponentialFamily.examples`.

    Laws, evidence and tables that shall hold for every family run over these, with the members that
    :meth:`ExponentialFamily.example_parameters` proposes; a new family is covered by them from the
    day on which its file appears.

    Examples
    --------
    >>> import ingd_ref as ir
    >>> ir.families.Gamma() in ir.families.all_families()
    True
    """
    return tuple(family for c in family_classes() for family in c.examples())
