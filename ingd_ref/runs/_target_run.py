"""A run towards a target sample: what :func:`run_flow` and :func:`run_ingd` have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    is_array,
    is_array_like,
    item,
    to_host,
)
from ingd_ref.errors import BackendError, DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.flows import VelocityFunction
from ingd_ref.runs._integrators import Stepping
from ingd_ref.runs._loop import Outcome, Process
from ingd_ref.runs._progress import StepInfo
from ingd_ref.runs._result import FlowResult
from ingd_ref.runs._state import Record, Series, State

__all__ = ["DrawTarget", "Metric", "Sample", "Schedule", "Subject", "Target", "TargetRun"]

# Particles that a flow of sensible steps carries to a sample stay much nearer to their start.
FAR_AWAY = 1e6

Sample = Array | Callable[[np.random.Generator], Array]
Metric = Callable[[Array], float]
#: Draws the target sample of a step and its weights, for particles that are to reach it.
DrawTarget = Callable[[np.random.Generator, Array], tuple[Array, Array | None]]


@dataclass(frozen=True, eq=False)
class Target:
    """A target sample, or a function that draws one; with its weights."""

    sample: Sample
    weights: Array | None

    @classmethod
    def checked(cls, sample: Sample, weights: Array | None, dim: int, like: Array) -> Target:
        """Check both, in the floating type of ``like``; those of a function when it draws."""
        if is_array(sample) or is_array_like(sample):
            xp = array_namespace(target=sample, particles=like)
            sample = _checks.points(sample, "target", xp, dim=dim, like=like)
            return cls(sample, _given(weights, sample, xp))
        if callable(sample):
            return cls(sample, weights)
        raise OptionError(
            "target must be an array (m, d) or a function of the random generator, "
            f"got {type(sample).__name__}"
        )

    def draw(self, rng: np.random.Generator, particles: Array) -> tuple[Array, Array | None]:
        """Return the target sample for a step and its weights."""
        if is_array(self.sample):
            return self.sample, self.weights
        xp = array_namespace(particles=particles)
        drawn = _returned(self.sample(rng), "target(rng)", particles)
        drawn = _checks.points(drawn, "target(rng)", xp, dim=particles.shape[1], like=particles)
        return drawn, _given(self.weights, drawn, xp)


def _given(weights: Array | None, sample: Array, xp: Namespace) -> Array | None:
    if weights is None:
        return None
    return _checks.weights(weights, "target_weights", sample.shape[0], xp, like=sample)


class Schedule:
    """How often a run redraws, records metrics and keeps frames; checked."""

    def __init__(
        self,
        redraw: bool,
        metrics: Mapping[str, Metric] | None,
        record_every: int,
        keep_every: int,
    ) -> None:
        self.redraw = _checks.flag(redraw, "redraw")
        if metrics is not None:
            _checks.instance(metrics, "metrics", Mapping, "a mapping from names to functions")
        self.metrics = {} if metrics is None else dict(metrics)
        for name, metric in self.metrics.items():
            _checks.function(metric, f"metrics[{name!r}]")
        self.record_every = _checks.positive_integer(record_every, "record_every")
        self.keep_every = _checks.positive_integer(keep_every, "keep_every")

    def parts(self) -> dict[str, Any]:
        """What two runs must share to be the same run; metrics are known by name."""
        return vars(self) | {"metrics": tuple(self.metrics)}


class Subject(ABC):
    """What a run moves: particles, or the parameters of a generator, as one array."""

    start: Array
    #: What the position, and one row of it, is called.
    name: ClassVar[str]
    position: ClassVar[str]
    member: ClassVar[str]

    @abstractmethod
    def parts(self) -> dict[str, Any]:
        """What belongs to this subject alone and distinguishes one run from another."""

    def begun(self, rng: np.random.Generator) -> Self:
        """Return this subject with everything that is drawn once."""
        return self

    @abstractmethod
    def prepare(
        self, position: Array, rng: np.random.Generator, draw: DrawTarget
    ) -> VelocityFunction:
        """Draw what is drawn for a step from ``position``, and return its velocity."""

    @abstractmethod
    def sample(self, position: Array) -> Array:
        """Return the particles (n, d) that metrics and callbacks see."""

    def restricted(self, velocity: Array) -> Array:
        """Return ``velocity``, zero where nothing may move."""
        return velocity

    def shown(self, position: Array) -> dict[str, Array]:
        """Further fields of :class:`StepInfo`."""
        return {}

    @abstractmethod
    def outcome(self, position: Array, frames: Array) -> dict[str, Array]:
        """Fields of :class:`FlowResult` that hold the last position and the kept ones."""


class TargetRun(Process[FlowResult]):
    """A run of a subject towards a target."""

    def __init__(
        self,
        xp: Namespace,
        subject: Subject,
        target: Target,
        stepping: Stepping,
        schedule: Schedule,
    ) -> None:
        self.xp, self.subject, self.target = xp, subject, target
        self.stepping, self.schedule = stepping, schedule
        self.start = State({subject.name: subject.start})
        frames = Series(subject.name, subject.start, schedule.keep_every)
        number = len(schedule.metrics)
        metrics = Series("metrics", np.zeros(number), schedule.record_every)
        self.series = (frames, metrics) if number else (frames,)
        self.settled: VelocityFunction | None = None

    def parts(self) -> dict[str, Any]:
        target = {"target": self.target.sample, "target_weights": self.target.weights}
        return self.subject.parts() | target | self.stepping.parts() | self.schedule.parts()

    def begin(self, rng: np.random.Generator) -> None:
        self.subject = self.subject.begun(rng)
        if not self.schedule.redraw:
            self.settled = self.subject.prepare(self.subject.start, rng, self.target.draw)

    def step(self, state: State, number: int, rng: np.random.Generator) -> State:
        name, subject = self.subject.name, self.subject
        x = state.arrays[name]
        try:
            velocity = self.settled or subject.prepare(x, rng, self.target.draw)
            new, memory = self.stepping.advance(self._checked(velocity, number), x, state.memory)
            return State({name: self._finite(new, subject.position, number)}, memory)
        except (DomainError, NonFiniteError) as error:
            raise type(error)(f"{error}{self._advice(x)}") from error

    def measure(self, name: str, state: State) -> Array:
        if name != "metrics":
            return state.arrays[name]
        particles = self._copied_sample(state)
        metrics = self.schedule.metrics.items()
        return np.array([_number(name, metric(particles)) for name, metric in metrics])

    def info(self, step: int, steps: int, state: State, record: Record, seconds: float) -> StepInfo:
        time, particles = step * self.stepping.step_size, self._copied_sample(state)
        values = record.get("metrics", np.empty(0)).tolist()
        metrics = dict(zip(self.schedule.metrics, values, strict=False))
        shown = self.subject.shown(state.arrays[self.subject.name])
        return StepInfo(step, steps, time, particles, metrics, seconds, **shown)

    def caption(self, info: StepInfo) -> str:
        return "flow" + "".join(f"  {name} {value:.4g}" for name, value in info.metrics.items())

    def result(self, outcome: Outcome) -> FlowResult:
        name, schedule = self.subject.name, self.schedule
        frames, history = self.xp.stack(outcome.kept(name)), np.array(outcome.kept("metrics"))
        steps_kept = np.arange(0, outcome.steps + 1, schedule.keep_every)
        history_steps = np.arange(0, outcome.steps + 1, schedule.record_every)
        return FlowResult(
            **self.subject.outcome(outcome.state.arrays[name], frames),
            times=steps_kept * self.stepping.step_size,
            steps_kept=steps_kept,
            history={name: history[:, i].copy() for i, name in enumerate(schedule.metrics)},
            history_steps=history_steps if schedule.metrics else history_steps[:0],
            status=outcome.status,
            steps_done=outcome.steps,
            seconds=outcome.seconds,
        )

    def _copied_sample(self, state: State) -> Array:
        sample = self.subject.sample(state.arrays[self.subject.name])
        return self.xp.asarray(sample, copy=True)

    def _advice(self, position: Array) -> str:
        """Say that steps were too long, if they led far away."""
        xp, start = self.xp, self.subject.start
        reach, first = (float(item(xp.max(xp.abs(x)))) for x in (position, start))
        if not reach > FAR_AWAY * max(first, 1.0):
            return ""
        return (
            f"; the steps are too long: the {self.subject.member}s, at most {first:.3g} at the "
            f"start, have reached {reach:.3g} by step_size = {self.stepping.step_size:.3g}"
        )

    def _checked(self, velocity: VelocityFunction, step: int) -> VelocityFunction:
        """``velocity`` where it may act; raises where it is not finite or has another shape."""

        def checked(x: Array) -> Array:
            v = _returned(velocity(x), "velocity", x)
            if v.shape != x.shape:
                raise ShapeError(
                    f"velocity at step {step} has shape {tuple(v.shape)}, "
                    f"the {self.subject.member}s have {tuple(x.shape)}"
                )
            v = self.subject.restricted(_checks.real_array(v, "velocity", self.xp, like=x))
            return self._finite(v, "velocity", step)

        return checked

    def _finite(self, x: Array, name: str, step: int) -> Array:
        """Return ``x`` if it is finite; else raise and name the step and the first bad member."""
        good = self.xp.isfinite(x)
        if item(self.xp.all(good)):
            return x
        rows = self.xp.all(self.xp.reshape(good, (x.shape[0], -1)), axis=1)
        bad = np.flatnonzero(~to_host(rows))
        raise NonFiniteError(
            f"{name} at step {step} is NaN or infinite for {bad.size} {self.subject.member}(s), "
            f"the first of them is {bad[0]}"
        )


def _returned(value: Array, name: str, like: Array) -> Array:
    """Return ``value`` if it is an array of the library and on the device of ``like``."""
    if not is_array(value):
        raise BackendError(f"{name} must be an array, got {type(value).__name__}")
    return _checks.returned(value, name, particles=like)


def _number(name: str, value: Any) -> float:
    """The one number that a metric returned."""
    if is_array(value) and value.ndim > 0:
        raise ShapeError(
            f"metric {name} must return one number, got an array of shape {tuple(value.shape)}"
        )
    return float(item(value) if is_array(value) else value)
