"""Progress on the standard error stream, if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

__all__ = ["progress_bar", "say"]


@contextmanager
def progress_bar(label: str, total: int, quiet: bool) -> Iterator[Callable[[int, str], None]]:
    """Yield a function of the number of finished pieces and the name of the latest."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)

        def advance(done: int, latest: str) -> None:
            bar.update(task, completed=done, description=f"{label}  {latest}".rstrip())

        yield advance


def say(line: str) -> None:
    """Print a line if the standard error stream is a terminal."""
    if sys.stderr.isatty():
        click.echo(line, err=True)
