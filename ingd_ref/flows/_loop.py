"""The one loop behind :func:`~ingd_ref.flows.run_flow` and :func:`~ingd_ref.flows.run_ingd`: steps, records, checkpoints, interrupts."""

from __future__ import annotations

import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, is_array, item, to_host
from ingd_ref.errors import BackendError, CheckpointError, NonFiniteError, OptionError, ShapeError
from ingd_ref.flows._checkpoint import (
    Checkpoint,
    Layout,
    Record,
    Snapshot,
    json_state,
    set_json_state,
)
from ingd_ref.flows._fingerprint import describe
from ingd_ref.flows._flow import VelocityFunction
from ingd_ref.flows._integrators import INTEGRATORS, advance
from ingd_ref.flows._progress import Report, StepInfo, reporter
from ingd_ref.flows._result import FlowResult

__all__ = [
    "Callback",
    "Metric",
    "Setup",
    "Target",
    "beside",
    "checked_rng",
    "checked_target",
    "pace",
    "run",
]

Target = Array | Callable[[np.random.Generator], Array]
Metric = Callable[[Array], float]
Callback = Callable[[StepInfo], bool | None]


@dataclass(frozen=True, kw_only=True)
class Setup(ABC):
    """Everything that stays the same during a run, checked: the arguments of its public function.

    What moves is an array of any shape, here called the position: particles, or the parameters of a
    generator.
    """

    xp: Namespace
    start: Array
    target: Target
    weights: Array | None
    target_weights: Array | None
    step_size: float
    integrator: str
    rtol: float
    atol: float
    redraw: bool
    metrics: dict[str, Metric]
    layout: Layout

    quantity: ClassVar[str]
    member: ClassVar[str]

    @abstractmethod
    def begun(self, rng: np.random.Generator) -> Self:
        """Return this setup with all that is drawn once, before the first step."""

    @abstractmethod
    def prepare(self, position: Array, rng: np.random.Generator) -> VelocityFunction:
        """Velocity for the next step from ``position``, with everything drawn that is drawn for a step."""

    @abstractmethod
    def sample(self, position: Array) -> Array:
        """Particles (n, d) at a position; metrics and callbacks see them."""

    @abstractmethod
    def outcome(self, position: Array, frames: Array) -> dict[str, Array]:
        """Fields of :class:`FlowResult` that hold the last position and the kept ones (k, ...)."""

    @abstractmethod
    def parts(self) -> dict[str, Any]:
        """What belongs to this kind of run alone and must be equal in two runs that are the same, by the names that the caller knows."""

    def restricted(self, velocity: Array) -> Array:
        """``velocity``, zero where nothing may move."""
        return velocity

    def shown(self, position: Array) -> dict[str, Array]:
        """Further fields of :class:`StepInfo`."""
        return {}

    def fingerprint(self) -> dict[str, str]:
        """What two runs must share to be the same run."""
        adaptive = self.integrator == "adaptive"
        parts = self.parts() | {
            "step_size": self.step_size,
            "integrator": self.integrator,
            "rtol": self.rtol if adaptive else None,
            "atol": self.atol if adaptive else None,
            "redraw": self.redraw,
            "metrics": tuple(self.metrics),
            "record_every": self.layout.record_every,
            "keep_every": self.layout.keep_every,
        }
        return {
            line: text
            for name, part in parts.items()
            for line, text in describe(name, part).items()
        }

    def checked(self, velocity: VelocityFunction, step: int) -> VelocityFunction:
        """``velocity`` where it may act; raises where it is not finite or has another shape than what it moves."""

        def examined(x: Array) -> Array:
            v = beside(x, velocity(x), "velocity")
            if v.shape != x.shape:
                raise ShapeError(
                    f"velocity at step {step} has shape {tuple(v.shape)}, the {self.member}s have {tuple(x.shape)}"
                )
            return self.finite(
                self.restricted(_checks.real_array(v, "velocity", self.xp, like=x)),
                "velocity",
                step,
            )

        return examined

    def finite(self, x: Array, name: str, step: int) -> Array:
        """Return ``x`` if all of it is finite; else raise and name the step and the first member that is not."""
        bad = ~self.xp.isfinite(x)
        if item(self.xp.any(bad)):
            rows = np.flatnonzero(
                to_host(self.xp.any(self.xp.reshape(bad, (x.shape[0], -1)), axis=1))
            )
            count = f"{rows.size} {self.member}(s)"
            raise NonFiniteError(
                f"{name} at step {step} is NaN or infinite for {count}, the first of them is {rows[0]}"
            )
        return x

    def record(self, step: int, position: Array) -> Record:
        """What is kept of a step that ends at ``position``."""
        frame = position if self.layout.keeps_frame(step) else None
        return Record(frame, self.evaluate(position) if self.layout.keeps_metrics(step) else None)

    def evaluate(self, position: Array) -> tuple[float, ...]:
        """All metrics of the particles, of which they see a copy."""
        particles = self.xp.asarray(self.sample(position), copy=True)
        return tuple(_number(name, metric(particles)) for name, metric in self.metrics.items())

    def drawn_target(
        self, rng: np.random.Generator, particles: Array
    ) -> tuple[Array, Array | None]:
        """Target sample for a step, and its weights: the given one, or a fresh one if the target is a function."""
        target, weights = self.target, self.target_weights
        if not is_array(target):
            target = beside(particles, target(rng), "target(rng)")
            target = _checks.points(
                target, "target(rng)", self.xp, dim=particles.shape[1], like=particles
            )
            if weights is not None:
                weights = _checks.weights(
                    weights, "target_weights", target.shape[0], self.xp, like=particles
                )
        return target, weights


def run(
    setup: Setup,
    rng: np.random.Generator | None,
    *,
    steps: int,
    callback: Callback | None,
    progress: bool | Report,
    checkpoint: str | os.PathLike[str] | None,
    checkpoint_every: int,
) -> FlowResult:
    """Run from the start or the checkpoint until all is done, the callback has had enough, Ctrl-C, or an error, which carries the rest."""
    steps, checkpoint_every = (
        _checks.positive_integer(steps, "steps"),
        _checks.positive_integer(checkpoint_every, "checkpoint_every"),
    )
    course = _Run(
        setup,
        rng,
        None if checkpoint is None else Checkpoint(checkpoint, setup.fingerprint(), setup.layout),
        steps,
    )
    try:
        return _drive(course, callback, progress, checkpoint_every)
    except Exception as error:
        course.roll_back()
        if not isinstance(error, CheckpointError):
            with suppress(CheckpointError):
                course.save()
        vars(error)["partial"] = course.result("interrupted")
        raise


def _drive(
    course: _Run, callback: Callback | None, progress: bool | Report, checkpoint_every: int
) -> FlowResult:
    """Step until all is done, the callback has had enough, or Ctrl-C."""
    try:
        stop = False
        with reporter(progress, course.steps, course.state.step) as report:
            while course.state.step < course.steps and not stop:
                stop = course.step(callback, report)
                if course.state.step % checkpoint_every == 0:
                    course.save()
        course.save()
        return course.result("stopped" if stop else "finished")
    except KeyboardInterrupt:
        course.roll_back()
        course.save()
        return course.result("interrupted")


class _Run:
    """A run under way: the state after the last completed step, and what is kept of all steps so far.

    A step counts as completed from the moment at which ``state`` is replaced; until then nothing
    but the generator and the tail of ``records`` has changed, and :meth:`roll_back` undoes both.
    """

    def __init__(
        self,
        setup: Setup,
        rng: np.random.Generator | None,
        checkpoint: Checkpoint | None,
        steps: int,
    ) -> None:
        self.checkpoint, self.steps = checkpoint, steps
        saved = None if checkpoint is None else checkpoint.load(like=setup.start)
        self.rng_start = (
            json_state(np.random.default_rng() if rng is None else rng)
            if saved is None
            else saved.rng_start
        )
        self.rng = _generator_like(self.rng_start) if rng is None else rng
        if checkpoint is not None and saved is not None:
            if json_state(self.rng) not in (saved.rng_start, saved.snapshot.rng_state):
                raise CheckpointError(
                    f"checkpoint {checkpoint.path} belongs to another run: rng is in another state there"
                )
            if saved.snapshot.step > steps:
                raise CheckpointError(
                    f"checkpoint {checkpoint.path} has reached step {saved.snapshot.step}, beyond steps = {steps}"
                )
        set_json_state(self.rng, self.rng_start)
        self.setup = setup = setup.begun(self.rng)
        self.settled = None if setup.redraw else setup.prepare(setup.start, self.rng)
        self.clock = time.perf_counter() - (0.0 if saved is None else saved.snapshot.seconds)
        self.saved_step = -1
        if saved is None:
            self.records = [setup.record(0, setup.start)]
            self.state = Snapshot(0, setup.start, None, json_state(self.rng), self.seconds())
            self.save()
        else:
            self.records, self.state, self.saved_step = (
                saved.records,
                saved.snapshot,
                saved.snapshot.step,
            )
            self.roll_back()

    def step(self, callback: Callback | None, report: Report) -> bool:
        """Do one step; return whether the callback wants no more."""
        setup, before, number = self.setup, self.state, self.state.step + 1
        velocity = (
            setup.prepare(before.position, self.rng) if self.settled is None else self.settled
        )
        x, memory = advance(
            setup.integrator,
            setup.checked(velocity, number),
            before.position,
            setup.step_size,
            before.memory,
            setup.rtol,
            setup.atol,
        )
        record = setup.record(number, setup.finite(x, setup.quantity, number))
        metrics = dict(zip(setup.metrics, record.metrics or (), strict=False))
        shown = setup.xp.asarray(setup.sample(x), copy=True)
        info = StepInfo(
            number,
            self.steps,
            number * setup.step_size,
            shown,
            metrics,
            self.seconds(),
            **setup.shown(x),
        )
        stop = callback is not None and bool(callback(info))
        self.records.append(record)
        self.state = Snapshot(number, x, memory, json_state(self.rng), info.seconds)
        report(info)
        return stop

    def roll_back(self) -> None:
        """Return to the last completed step."""
        del self.records[self.state.step + 1 :]
        set_json_state(self.rng, self.state.rng_state)

    def save(self) -> None:
        """Write the checkpoint, if there is one and it lags behind."""
        if self.checkpoint is not None and self.saved_step != self.state.step:
            self.checkpoint.save(self.state, self.records, self.rng_start)
            self.saved_step = self.state.step

    def seconds(self) -> float:
        """Time that the run has taken, earlier parts included."""
        return time.perf_counter() - self.clock

    def result(self, status: str) -> FlowResult:
        """What the run has come to; shares no memory with it."""
        layout, done = self.setup.layout, self.state.step
        steps_kept = np.arange(0, done + 1, layout.keep_every)
        history = np.array(
            [record.metrics for record in self.records if record.metrics is not None]
        )
        frames = self.setup.xp.stack(
            [record.frame for record in self.records if record.frame is not None]
        )
        return FlowResult(
            **self.setup.outcome(self.state.position, frames),
            times=steps_kept * self.setup.step_size,
            steps_kept=steps_kept,
            history={
                name: history[:, index].copy() for index, name in enumerate(self.setup.metrics)
            },
            history_steps=np.arange(0, done + 1, layout.record_every)
            if layout.metrics
            else np.arange(0),
            status=status,
            steps_done=done,
            seconds=self.state.seconds,
        )


# --- arguments that both public functions share ---------------------------------------------------


def checked_rng(rng: np.random.Generator | None) -> np.random.Generator | None:
    """Return ``rng`` if it is a generator of random numbers or none."""
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise OptionError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    return rng


def checked_target(
    target: Target, target_weights: Array | None, xp: Namespace, like: Array, dim: int
) -> tuple[Target, Array | None]:
    """Target and its weights in the floating type of ``like``; those of a function are checked when it draws."""
    if is_array(target):
        target = _checks.points(target, "target", xp, dim=dim, like=like)
        if target_weights is not None:
            target_weights = _checks.weights(
                target_weights, "target_weights", target.shape[0], xp, like=like
            )
    elif not callable(target):
        raise OptionError(
            f"target must be an array (m, d) or a function of the random generator, got {type(target).__name__}"
        )
    return target, target_weights


def pace(
    shape: tuple[int, ...],
    stem: str,
    *,
    step_size: float,
    integrator: str,
    rtol: float,
    atol: float,
    redraw: bool,
    metrics: Mapping[str, Metric] | None,
    record_every: int,
    keep_every: int,
) -> dict[str, Any]:
    """Fields of :class:`Setup` that say how a run steps and what it keeps, checked; ``stem`` names a position of this shape on disk."""
    return {
        "step_size": _checks.positive(step_size, "step_size"),
        "integrator": _checks.choice(integrator, "integrator", INTEGRATORS),
        "rtol": _checks.nonnegative(rtol, "rtol"),
        "atol": _checks.positive(atol, "atol"),
        "redraw": bool(redraw),
        "metrics": dict(metrics or {}),
        "layout": Layout(
            shape=shape,
            metrics=len(metrics or {}),
            keep_every=_checks.positive_integer(keep_every, "keep_every"),
            record_every=_checks.positive_integer(record_every, "record_every"),
            name=stem,
        ),
    }


def beside(x: Array, value: Array, name: str) -> Array:
    """Return ``value`` if it is an array of the same library and on the same device as the particles or parameters ``x``."""
    if not is_array(value):
        raise BackendError(f"{name} must be an array, got {type(value).__name__}")
    array_namespace(**{"particles": x, name: value})
    return value


def _generator_like(state: str) -> np.random.Generator:
    """A generator of the kind whose state this is, and in that state."""
    rng = np.random.Generator(getattr(np.random, json.loads(state)["bit_generator"])())
    set_json_state(rng, state)
    return rng


def _number(name: str, value: Any) -> float:
    """The one number that a metric returned."""
    if is_array(value) and value.ndim > 0:
        raise ShapeError(
            f"metric {name} must return one number, got an array of shape {tuple(value.shape)}"
        )
    return float(item(value) if is_array(value) else value)
