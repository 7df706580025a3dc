"""Where the progress of a run is shown: on a terminal, nowhere, or wherever the caller wants it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ingd_ref.backend._namespace import Array

__all__ = ["StepInfo", "reporter"]


@dataclass(frozen=True, eq=False)
class StepInfo:
    """What a callback is told after a completed step.

    Attributes
    ----------
    step : int
        Steps completed, counted from the start of the run, not from where it was resumed.
    steps : int
        Steps asked for.
    time : float
        Flow time reached.
    particles : array (n, d)
        Where the particles are: a copy, which the callback may change.
    metrics : mapping of str to float
        Metrics evaluated after this step; empty if it is not one of those that are recorded.
    seconds : float
        Time that the run has taken, earlier parts of a resumed run included.
    parameters : array (p,) or None
        The generator's parameters, likewise a copy, in a run of :func:`ingd_ref.run_ingd`.
    """

    step: int
    steps: int
    time: float
    particles: Array = field(repr=False)
    metrics: Mapping[str, float]
    seconds: float
    parameters: Array | None = field(default=None, repr=False)


Report = Callable[[StepInfo], object]


@contextmanager
def reporter(progress: bool | Report, steps: int, done: int) -> Iterator[Report]:
    """Give the function that is to be called after each step, and tidy up the terminal at the end.

    Parameters
    ----------
    progress : bool or callable
        ``True``: a bar on the standard error stream if that is a terminal or a notebook; ``False``:
        nothing; a callable: itself.
    steps : int
        Steps asked for.
    done : int
        Steps that a resumed run starts with.

    Yields
    ------
    callable
        Takes a :class:`StepInfo`.
    """
    if callable(progress):
        yield progress
        return
    if not progress:
        yield _silent
        return
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
    with Progress(
        *columns, console=console, disable=not (console.is_terminal or console.is_jupyter)
    ) as bar:
        task = bar.add_task("flow", total=steps, completed=done)

        def report(info: StepInfo) -> None:
            latest = "".join(f"  {name} {value:.4g}" for name, value in info.metrics.items())
            bar.update(task, completed=info.step, description=f"flow{latest}" if latest else None)

        yield report


def _silent(info: StepInfo) -> None:
    """Show nothing."""
