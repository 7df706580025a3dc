"""Kinds of options that click does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["NumberList"]

NAMES: dict[Callable[[str], Any], str] = {int: "integers", float: "numbers", str: "names"}


class NumberList(click.ParamType[Any]):
    """Values separated by commas, each of one type.

    Parameters
    ----------
    kind : {int, float, str}
        What each value is.
    """

    def __init__(self, kind: Callable[[str], Any]) -> None:
        self.kind = kind
        self.name = f"{NAMES[self.kind]},..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        """Return the values as a tuple, or fail with a message that repeats them."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(self.kind(part.strip()) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of {NAMES[self.kind]} separated by commas", param, ctx)
