"""Progress on the standard error stream, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

__all__ = ["pieces_bar", "say"]


@contextmanager
def pieces_bar(label: str, total: int, quiet: bool) -> Iterator[Callable[[int, str], object]]:
    """Yield a function of the number of finished pieces and the name of the latest."""
    from ingd_ref.runs._progress import progress_bar

    with progress_bar(label, total, hidden=quiet) as show:
        yield lambda done, latest: show(done, f"{label}  {latest}".rstrip())


def say(line: str) -> None:
    """Print a line if the standard error stream is a terminal."""
    if sys.stderr.isatty():
        click.echo(line, err=True)
