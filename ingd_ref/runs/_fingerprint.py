"""A run described as text: two runs are the same if every line agrees."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np

from ingd_ref.backend._namespace import Array, backend_name, is_array, to_host

__all__ = ["describe", "first_difference"]


def describe(name: str, value: Any) -> dict[str, str]:
    """Describe ``value`` line by line, in words that do not depend on the process.

    Numbers and text are given in full, an array by its library, type, shape and SHA-256, a function
    by its name alone (not by what it encloses), a container or an object by its public parts. A
    dataclass field declared with ``compare=False`` is left out.

    Parameters
    ----------
    name : str
        What the value is called.
    value : object
        Anything.

    Returns
    -------
    dict of str to str
        Descriptions by dotted name.

    Examples
    --------
    >>> describe("bandwidth", 0.5)
    {'bandwidth': '0.5'}
    >>> describe("layers", [1, 2])
    {'layers': 'list of 2', 'layers[0]': '1', 'layers[1]': '2'}
    """
    return dict(_lines(name, value, ()))


def first_difference(there: Mapping[str, str], here: Mapping[str, str]) -> str | None:
    """Say which line differs, and how; None if the two descriptions agree."""
    for name in dict.fromkeys((*there, *here)):
        if there.get(name) != here.get(name):
            return (
                f"{name} is {there.get(name, 'absent')} there and {here.get(name, 'absent')} here"
            )
    return None


def _lines(name: str, value: Any, above: tuple[int, ...]) -> list[tuple[str, str]]:
    """Lines of ``value``, which lies inside the objects ``above``."""
    if value is None or isinstance(
        value, bool | int | float | complex | str | bytes | np.generic | np.dtype
    ):
        return [(name, repr(value))]
    if is_array(value):
        return [(name, _digest(value))]
    if isinstance(value, FunctionType | BuiltinFunctionType | type):
        return [(name, f"{value.__module__}.{value.__qualname__}")]
    if id(value) in above:
        return [(name, "itself")]
    kind, parts = _parts(value)
    inside = (*above, id(value))
    return [
        (name, kind),
        *(line for suffix, part in parts for line in _lines(name + suffix, part, inside)),
    ]


def _parts(value: Any) -> tuple[str, list[tuple[str, Any]]]:
    """Kind of ``value``, and its parts with the suffixes that name them."""
    if isinstance(value, Mapping):
        return f"mapping of {len(value)}", [(f"[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of {len(value)}", [
            (f"[{index}]", part) for index, part in enumerate(value)
        ]
    if isinstance(value, MethodType):
        return f"method {value.__func__.__qualname__}", [(".self", value.__self__)]
    if isinstance(value, functools.partial):
        return "partial", [
            (".function", value.func),
            (".arguments", value.args),
            (".keywords", value.keywords),
        ]
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if is_dataclass(value):
        return kind, [
            (f".{field.name}", getattr(value, field.name))
            for field in fields(value)
            if field.compare
        ]
    return kind, [
        (f".{name}", part)
        for name, part in getattr(value, "__dict__", {}).items()
        if not name.startswith("_")
    ]


def _digest(x: Array) -> str:
    host = np.ascontiguousarray(to_host(x))
    digest = hashlib.sha256(host.tobytes()).hexdigest()
    return f"{backend_name(x)} array of {host.dtype} {tuple(x.shape)} with SHA-256 {digest[:16]}"
