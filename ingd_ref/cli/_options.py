"""Kinds of options that click does not know, as functions from what was typed to what is meant."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

__all__ = ["bandwidth", "values"]


def values(kind: Callable[[str], Any], plural: str) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that reads values of one kind, separated by commas; ``plural`` is what messages call them.

    Examples
    --------
    >>> values(int, "integers")("1,2")
    (1, 2)
    """

    def read(text: Any) -> tuple[Any, ...]:
        if isinstance(text, tuple):
            return text
        try:
            return tuple(kind(part.strip()) for part in text.split(","))
        except ValueError:
            raise click.BadParameter(
                f"{text!r} is not a list of {plural} separated by commas"
            ) from None

    read.__name__ = f"{plural},..."
    return read


def bandwidth(text: str) -> float | str:
    """Read a positive number, or "median" for the rule of that name.

    Examples
    --------
    >>> bandwidth("0.5")
    0.5
    """
    if text == "median":
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 < number < math.inf:
        raise click.BadParameter(f"{text!r} is neither 'median' nor a number greater than zero")
    return number
