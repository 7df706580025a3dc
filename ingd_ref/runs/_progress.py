"""Show the progress of a run: on a terminal, by a function of the caller, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ingd_ref.backend._namespace import Array
from ingd_ref.runs._options import Report

__all__ = ["StepInfo", "progress_bar", "reporter"]


@dataclass(frozen=True, eq=False)
class StepInfo:
    """What a callback receives after a completed step.

    Attributes
    ----------
    step : int
        Steps completed, counted from the start of the run, not from where it was resumed.
    steps : int
        Steps that the run is to do.
    time : float
        Flow time reached.
    particles : array (n, d) or None
        Where the particles are: a copy, which the callback may change. None for finite models.
    metrics : mapping of str to float
        Metrics evaluated after this step; empty if it is not one of those that are recorded.
    seconds : float
        Time that the run has taken, earlier parts of a resumed run included.
    parameters : array (p,) or None
        Parameters of the generator or the finite model, also a copy; None for particles.
    """

    step: int
    steps: int
    time: float
    particles: Array | None = field(repr=False)
    metrics: Mapping[str, float]
    seconds: float
    parameters: Array | None = field(default=None, repr=False)


@contextmanager
def reporter(
    progress: bool | Report, steps: int, done: int, caption: Callable[[Any], str]
) -> Iterator[Callable[[int, Any], object]]:
    """Yield the function to call after each step, and restore the terminal at the end.

    Parameters
    ----------
    progress : bool or callable
        ``True``: a bar on the standard error stream if that is a terminal or a notebook; ``False``:
        nothing; a callable: called with what a callback receives.
    steps : int
        Steps that the run is to do.
    done : int
        Steps that a resumed run starts with.
    caption : callable
        Turns what a callback receives into a few words for the bar.

    Yields
    ------
    callable
        Takes the number of completed steps, and what a callback receives.
    """
    if callable(progress):
        yield lambda _, info: progress(info)
    elif progress:
        with progress_bar("run", steps, done) as show:
            yield lambda step, info: show(step, caption(info))
    else:
        yield lambda step, info: None


@contextmanager
def progress_bar(
    label: str, total: int, done: int = 0, hidden: bool = False
) -> Iterator[Callable[[int, str], object]]:
    """Show a bar if standard error is a terminal; give the function that moves and names it."""
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
    hidden = hidden or not (console.is_terminal or console.is_jupyter)
    with Progress(*columns, console=console, disable=hidden) as bar:
        task = bar.add_task(label, total=total, completed=done)
        yield lambda step, text: bar.update(task, completed=step, description=text)
