"""What a run of natural-gradient variational inference returns, and what it reports on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ingd_ref.backend._namespace import Array
from ingd_ref.variational._approximation import GaussianApproximation

__all__ = ["NviStep", "VariationalResult", "reporter"]


@dataclass(frozen=True, eq=False)
class VariationalResult:
    """A Gaussian approximation, and how it came about.

    Attributes
    ----------
    approximation : FullGaussian, MeanFieldGaussian or LowRankGaussian
        The last one.
    elbo : numpy.ndarray (steps + 1, ...)
        ELBO in nats at the start and after each step; estimates under :class:`Sampling`.
    gain : numpy.ndarray (steps + 1, ...)
        Half the squared Fisher norm of the natural gradient: the gain of a full step to second
        order, in nats.
    status : {"converged", "finished", "stopped", "interrupted"}
        The gain fell below the tolerance; all steps were taken; a callback asked for the end;
        Ctrl-C.
    seconds : float
        Time that the run has taken.
    """

    approximation: GaussianApproximation
    elbo: np.ndarray
    gain: np.ndarray
    status: str
    seconds: float

    @property
    def steps(self) -> int:
        """Number of steps taken."""
        return len(self.elbo) - 1

    @property
    def mean(self) -> Array:
        """Mean (..., d)."""
        return self.approximation.mean

    @property
    def precision(self) -> Array:
        """Precision (..., d, d)."""
        return self.approximation.precision

    @property
    def covariance(self) -> Array:
        """Covariance (..., d, d)."""
        return self.approximation.covariance

    @property
    def condition(self) -> Array:
        """Condition number of the precision (...)."""
        return self.approximation.condition


@dataclass(frozen=True, eq=False)
class NviStep:
    """What a callback is told before each step and at the end.

    Attributes
    ----------
    step : int
        Steps completed.
    steps : int
        Steps asked for.
    approximation : GaussianApproximation
        After so many steps.
    elbo : numpy.ndarray (...)
        Its ELBO.
    gain : numpy.ndarray (...)
        What a full step is about to gain, to second order.
    """

    step: int
    steps: int
    approximation: GaussianApproximation = field(repr=False)
    elbo: np.ndarray
    gain: np.ndarray


Report = Callable[[NviStep], object]


@contextmanager
def reporter(progress: bool | Report, steps: int) -> Iterator[Report]:
    """Give the function that is called after each step: the caller's own, a bar on a terminal, or one that does nothing."""
    if callable(progress):
        yield progress
        return
    if not progress:
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, disable=not (console.is_terminal or console.is_jupyter)
    ) as bar:
        task = bar.add_task("variational inference", total=steps)
        yield lambda info: bar.update(
            task, completed=info.step, description=f"elbo {float(np.mean(info.elbo)):.6g}"
        )


def _silent(info: NviStep) -> None:
    """Show nothing."""
