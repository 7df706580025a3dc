"""The loop of every process in steps: records, checkpoints, interrupts and errors."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from ingd_ref import _checks
from ingd_ref._io import locked
from ingd_ref.backend._namespace import Array
from ingd_ref.backend._threads import blas
from ingd_ref.errors import CheckpointError
from ingd_ref.runs._checkpoint import Checkpoint, Saved
from ingd_ref.runs._fingerprint import describe
from ingd_ref.runs._options import Options
from ingd_ref.runs._progress import reporter
from ingd_ref.runs._state import Record, Series, Snapshot, State, json_state, set_json_state

__all__ = ["NoNextStep", "Outcome", "Process", "run"]

Result = TypeVar("Result")


class NoNextStep(Exception):
    """The process cannot take the next step; the run ends with the status "stopped"."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Last state and records of a run, from which the process makes its result."""

    status: str
    reason: str
    steps: int
    seconds: float
    state: State
    records: list[Record]

    def kept(self, name: str) -> list[Array]:
        """Return the kept arrays of one series."""
        return [record[name] for record in self.records if name in record]


class Process(ABC, Generic[Result]):
    """A process that moves in steps: particles, parameters, or a variational approximation.

    Attributes
    ----------
    start : State
        The state before the first step.
    series : sequence of Series
        What is kept of the steps.
    """

    start: State
    series: Sequence[Series]

    @abstractmethod
    def parts(self) -> dict[str, Any]:
        """Return what must agree between two runs for them to be the same run, by public names."""

    def begin(self, rng: np.random.Generator) -> None:
        """Draw everything that is drawn once, before the first step."""

    def first(self, rng: np.random.Generator) -> State:
        """Return the start with what is derived from it."""
        return self.start

    def restored(self, state: State, rng: np.random.Generator) -> State:
        """Return a state read from a checkpoint with what is derived from it."""
        return state

    @abstractmethod
    def step(self, state: State, number: int, rng: np.random.Generator) -> State:
        """Take the step of this number; raise :class:`NoNextStep` where there is none."""

    def measure(self, name: str, state: State) -> Array:
        """Return what the series of this name keeps of a state."""
        return state.arrays[name]

    @abstractmethod
    def info(self, step: int, steps: int, state: State, record: Record, seconds: float) -> Any:
        """Return what a callback receives after a step."""

    def caption(self, info: Any) -> str:
        """Return a few words for the progress bar."""
        return "flow"

    def converged(self, state: State) -> bool:
        """Whether further steps would change nothing."""
        return False

    @abstractmethod
    def result(self, outcome: Outcome) -> Result:
        """Return the result of the run; it shares no memory with the run."""


def run(process: Process[Result], options: Options) -> Result:
    """Run from the start or the checkpoint to the end; an error carries what was done."""
    if options.checkpoint is None:
        return _driven(process, options)
    path = Path(options.checkpoint)
    lock = locked(path.with_name(f"{path.name}.lock"), f"checkpoint {path}")
    return lock(_driven)(process, options)


def _driven(process: Process[Result], options: Options) -> Result:
    running = _Run(process, options)
    try:
        return running.drive()
    except Exception as error:
        running.roll_back()
        if not isinstance(error, CheckpointError):
            with suppress(CheckpointError):
                running.save()
        vars(error)["partial"] = running.result("interrupted")
        raise


class _Run(Generic[Result]):
    """A running process: the state after the last completed step, and the records of all steps.

    A step counts as completed from the moment at which ``snapshot`` is replaced; until then nothing
    but the generator and the tail of ``records`` has changed, and :meth:`roll_back` undoes both.
    """

    def __init__(self, process: Process[Result], options: Options) -> None:
        self.options, self.reason, self.saved_step = options, "", -1
        self.checkpoint, saved = None, None
        if options.checkpoint is not None:
            parts = (describe(name, part) for name, part in process.parts().items())
            fingerprint = {line: text for part in parts for line, text in part.items()}
            # Its threads and its kernels decide the last bits of a product.
            fingerprint["BLAS"] = blas()
            self.checkpoint = Checkpoint(options.checkpoint, fingerprint, process.series)
            saved = self.checkpoint.load(like=process.start)
        if saved is None:
            self.rng = _checks.generator(options.rng)
            self.rng_start = json_state(self.rng)
        else:
            self.rng_start = saved.rng_start
            same = options.rng is None
            self.rng = _generator_like(self.rng_start) if same else _checks.generator(options.rng)
            self._require_same_run(saved)
        set_json_state(self.rng, self.rng_start)
        self.process = process
        process.begin(self.rng)
        self.clock = time.perf_counter() - (0.0 if saved is None else saved.snapshot.seconds)
        if saved is None:
            self._begin()
        else:
            self._resume(saved)

    def _require_same_run(self, saved: Saved) -> None:
        """Raise if a checkpoint has another random state, or more steps than this run."""
        path, snapshot, steps = self.options.checkpoint, saved.snapshot, self.options.steps
        if json_state(self.rng) not in (saved.rng_start, snapshot.rng_state):
            raise CheckpointError(
                f"checkpoint {path} belongs to another run: rng is in another state there"
            )
        if snapshot.step > steps:
            raise CheckpointError(
                f"checkpoint {path} has reached step {snapshot.step}, beyond steps = {steps}"
            )

    def _begin(self) -> None:
        state = self.process.first(self.rng)
        self.records = [self._record(0, state)]
        self.snapshot = Snapshot(0, state, json_state(self.rng), self.seconds())
        self.save()

    def _resume(self, saved: Saved) -> None:
        snapshot, self.records, self.saved_step = saved.snapshot, saved.records, saved.snapshot.step
        state = self.process.restored(snapshot.state, self.rng)
        self.snapshot = Snapshot(snapshot.step, state, snapshot.rng_state, snapshot.seconds)
        self.roll_back()

    def drive(self) -> Result:
        """Step until an end is reached, or Ctrl-C."""
        try:
            options, status, done = self.options, self.ended(), self.snapshot.step
            with reporter(options.progress, options.steps, done, self.process.caption) as report:
                while not status:
                    status = self.attempt(report) or self.ended()
                    if self.snapshot.step % options.checkpoint_every == 0:
                        self.save()
            self.save()
            return self.result(status)
        except KeyboardInterrupt:
            self.roll_back()
            self.save()
            return self.result("interrupted")

    def ended(self) -> str:
        """Status of a run that has reached its end; empty if there is more to do."""
        if self.process.converged(self.snapshot.state):
            return "converged"
        return "finished" if self.snapshot.step >= self.options.steps else ""

    def attempt(self, report: Callable[[int, Any], object]) -> str:
        """Do one step; return "stopped" if there is none, or the callback ends the run."""
        try:
            return "stopped" if self.step(report) else ""
        except NoNextStep as end:
            self.roll_back()
            self.reason = str(end)
            return "stopped"

    def step(self, report: Callable[[int, Any], object]) -> bool:
        """Do one step; return whether the callback ends the run."""
        number, options = self.snapshot.step + 1, self.options
        state = self.process.step(self.snapshot.state, number, self.rng)
        record, seconds = self._record(number, state), self.seconds()
        info = self.process.info(number, options.steps, state, record, seconds)
        stop = options.callback is not None and bool(options.callback(info))
        self.records.append(record)
        self.snapshot = Snapshot(number, state, json_state(self.rng), seconds)
        report(number, info)
        return stop

    def roll_back(self) -> None:
        """Return to the last completed step."""
        del self.records[self.snapshot.step + 1 :]
        set_json_state(self.rng, self.snapshot.rng_state)

    def save(self) -> None:
        """Write the checkpoint, if there is one and it lags behind."""
        if self.checkpoint is not None and self.saved_step != self.snapshot.step:
            self.checkpoint.save(self.snapshot, self.records, self.rng_start)
            self.saved_step = self.snapshot.step

    def seconds(self) -> float:
        """Time that the run has taken, earlier parts included."""
        return time.perf_counter() - self.clock

    def result(self, status: str) -> Result:
        """Return the result at the last completed step."""
        last, reason = self.snapshot, self.reason if status == "stopped" else ""
        records = list(self.records)
        outcome = Outcome(status, reason, last.step, last.seconds, last.state, records)
        return self.process.result(outcome)

    def _record(self, number: int, state: State) -> Record:
        due = [series.name for series in self.process.series if series.due(number)]
        return {name: self.process.measure(name, state) for name in due}


def _generator_like(state: str) -> np.random.Generator:
    """A generator of the kind whose state this is, and in that state."""
    rng = np.random.Generator(getattr(np.random, json.loads(state)["bit_generator"])())
    set_json_state(rng, state)
    return rng
