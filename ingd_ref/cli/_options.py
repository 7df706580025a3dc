"""Options that several commands share, and types of options that click lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = ["BACKEND", "OUT", "QUIET", "bandwidth", "values"]

BACKEND = click.option(
    "--backend",
    type=click.Choice(["numpy", "cupy"]),
    default="numpy",
    show_default=True,
    help="Array library.",
)
OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Directory for the results.",
)
QUIET = click.option("--quiet", is_flag=True, help="Show neither progress nor results.")


def values(kind: Callable[[str], Any], plural: str) -> Callable[[Any], tuple[Any, ...]]:
    """Return a type of options: values of one kind, called ``plural`` in messages, with commas.

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
            message = f"{text!r} is not a list of {plural} separated by commas"
            raise click.BadParameter(message) from None

    read.__name__ = f"{plural},..."
    return read


def bandwidth(text: str) -> float | str:
    """Read a positive number, or "median" for the median rule.

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
        raise click.BadParameter(f"{text!r} is neither 'median' nor a positive number")
    return number
