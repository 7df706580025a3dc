"""The one loop that drives every particle flow."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import checks
from ingd_ref.backend import Array, Namespace, array_namespace, is_array, item, to_backend, to_host
from ingd_ref.errors import BackendError, CheckpointError, NonFiniteError, OptionError, ShapeError
from ingd_ref.flows._checkpoint import Checkpoint, Layout, Record, Snapshot, json_state, set_json_state
from ingd_ref.flows._fingerprint import describe
from ingd_ref.flows._flow import Flow, VelocityFunction
from ingd_ref.flows._integrators import INTEGRATORS, advance
from ingd_ref.flows._progress import Report, StepInfo, reporter
from ingd_ref.flows._result import FlowResult, load_result

__all__ = ["FlowResult", "StepInfo", "load_result", "run_flow"]

Target = Array | Callable[[np.random.Generator], Array]
Metric = Callable[[Array], float]
Callback = Callable[[StepInfo], bool | None]


def run_flow(
    flow: Flow,
    particles: Array,
    target: Target,
    *,
    steps: int = 100,
    step_size: float = 1.0,
    rng: np.random.Generator | None = None,
    integrator: str = "euler",
    rtol: float = 1e-4,
    atol: float = 1e-6,
    mask: Array | Sequence[bool] | None = None,
    weights: Array | None = None,
    target_weights: Array | None = None,
    redraw: bool = True,
    metrics: Mapping[str, Metric] | None = None,
    record_every: int = 1,
    keep_every: int = 1,
    callback: Callback | None = None,
    progress: bool | Report = True,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
) -> FlowResult:
    r"""Let particles flow to a target sample, equation (K9): :math:`\dot x_i = v(x_i)`, in ``steps`` steps of ``step_size`` flow time.

    Parameters
    ----------
    flow : Flow
        The velocity rule.
    particles : array (n, d)
        Where the particles start.
    target : array (m, d) or callable
        Sample of the target, or a function of the random generator that draws one, afresh for each step.
    steps : int ≥ 1
        Number of steps.
    step_size : float > 0
        Flow time of one step, η.
    rng : numpy.random.Generator, optional
        The only source of randomness; it is advanced. Default: a fresh one.
    integrator : {"euler", "heun", "rk4", "adaptive"}
        Runge-Kutta method of order 1, 2 or 4, or the pair of Dormand and Prince with as many sub-steps as the tolerances need.
    rtol : float ≥ 0
    atol : float > 0
        Adaptive integrator: a sub-step moves each coordinate of each particle with an estimated error of at most
        ``atol + rtol * |x|``; ``atol`` has the units of x.
    mask : (d,) of bool, optional
        Coordinates that move; the others condition and keep their values exactly. Default: all move.
    weights : array (n,), optional
        Weights π of the particles. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample. Default: 1/m.
    redraw : bool
        Whether the flow settles its random and data-dependent parts before each step, or once at the start.
    metrics : mapping of str to callable, optional
        Functions of the particles (n, d) that return one number.
    record_every : int ≥ 1
        The metrics are evaluated at the start and after every so many steps.
    keep_every : int ≥ 1
        The trajectory keeps the start and every so many steps.
    callback : callable, optional
        Called with a :class:`StepInfo` after each step; a true answer ends the run with status "stopped".
    progress : bool or callable
        ``True``: a bar if the standard error stream is a terminal; a callable is called with a :class:`StepInfo` after each step.
    checkpoint : path, optional
        An ``.npz`` file, and a journal ``<path>.journal`` beside it. If the file exists, the run goes on from there.
    checkpoint_every : int ≥ 1
        The checkpoint is written at the start, after every so many steps and at the end.

    Returns
    -------
    FlowResult

    Raises
    ------
    ShapeError, BackendError, DomainError, OptionError
        For an argument that cannot be used.
    NonFiniteError
        For input that is not finite, or at the first velocity or particle that is not, which the message names.
    CheckpointError
        If the checkpoint cannot be written, is damaged, or belongs to another run (the message names what differs).

    Notes
    -----
    An exception that ends a run after its start carries what was done in its attribute ``partial``, a :class:`FlowResult`. Ctrl-C is no
    error: the result of the completed steps is returned with status "interrupted". Either way the generator and the checkpoint are left
    as they were after the last completed step.

    A resumed run equals an uninterrupted one bit for bit. It may ask for more steps than before, but otherwise has to be the same run:
    flow, starting particles, target and options are compared, and the state of ``rng`` if one is given. Functions (a callable target,
    metrics) are known by name only; they must draw from the generator they are given and keep no state of their own, and a flow must not
    spawn generators. A run that its callback stopped goes on when it is resumed.

    Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> class Attraction(Flow):
    ...     def prepare(self, particles, target, rng, weights=None, target_weights=None, mask=None):
    ...         return lambda x: np.mean(target, axis=0) - x
    >>> result = run_flow(Attraction(), np.array([[1.0], [3.0]]), np.array([[0.0]]), steps=2, step_size=0.5)
    >>> result.trajectory[:, :, 0]
    array([[1.  , 3.  ],
           [0.5 , 1.5 ],
           [0.25, 0.75]])
    """
    if not isinstance(flow, Flow):
        raise OptionError(f"flow must be a Flow, got {type(flow).__name__}")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise OptionError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    xp = array_namespace(particles=particles, weights=weights, target_weights=target_weights, target=target if is_array(target) else None)
    start = xp.asarray(checks.points(particles, "particles", xp), copy=True)
    if is_array(target):
        target = checks.points(target, "target", xp, dim=start.shape[1], like=start)
        if target_weights is not None:
            target_weights = checks.weights(target_weights, "target_weights", target.shape[0], xp, like=start)
    elif not callable(target):
        raise OptionError(f"target must be an array (m, d) or a function of the random generator, got {type(target).__name__}")
    setup = _Setup(
        xp=xp,
        flow=flow,
        start=start,
        target=target,
        weights=None if weights is None else checks.weights(weights, "weights", start.shape[0], xp, like=start),
        target_weights=target_weights,
        mask=None if mask is None else _checked_mask(mask, start),
        step_size=checks.positive(step_size, "step_size"),
        integrator=checks.choice(integrator, "integrator", INTEGRATORS),
        rtol=checks.nonnegative(rtol, "rtol"),
        atol=checks.positive(atol, "atol"),
        redraw=bool(redraw),
        metrics=dict(metrics or {}),
        layout=Layout(
            shape=tuple(start.shape),
            metrics=len(metrics or {}),
            keep_every=checks.positive_integer(keep_every, "keep_every"),
            record_every=checks.positive_integer(record_every, "record_every"),
        ),
    )
    steps, checkpoint_every = checks.positive_integer(steps, "steps"), checks.positive_integer(checkpoint_every, "checkpoint_every")
    run = _Run(setup, rng, None if checkpoint is None else Checkpoint(checkpoint, setup.fingerprint(), setup.layout), steps)
    try:
        return _drive(run, callback, progress, checkpoint_every)
    except Exception as error:
        run.roll_back()
        if not isinstance(error, CheckpointError):
            with suppress(CheckpointError):
                run.save()
        vars(error)["partial"] = run.result("interrupted")
        raise


def _drive(run: _Run, callback: Callback | None, progress: bool | Report, checkpoint_every: int) -> FlowResult:
    """Step until all is done, the callback has had enough, or Ctrl-C."""
    try:
        stop = False
        with reporter(progress, run.steps, run.state.step) as report:
            while run.state.step < run.steps and not stop:
                stop = run.step(callback, report)
                if run.state.step % checkpoint_every == 0:
                    run.save()
        run.save()
        return run.result("stopped" if stop else "finished")
    except KeyboardInterrupt:
        run.roll_back()
        run.save()
        return run.result("interrupted")


@dataclass(frozen=True)
class _Setup:
    """Everything that stays the same during a run, checked; the arguments of :func:`run_flow`."""

    xp: Namespace
    flow: Flow
    start: Array
    target: Target
    weights: Array | None
    target_weights: Array | None
    mask: Array | None
    step_size: float
    integrator: str
    rtol: float
    atol: float
    redraw: bool
    metrics: dict[str, Metric]
    layout: Layout

    def fingerprint(self) -> dict[str, str]:
        """What two runs must share to be the same run, by the names that the caller knows."""
        adaptive = self.integrator == "adaptive"
        parts = {
            "flow": self.flow,
            "particles": self.start,
            "target": self.target,
            "weights": self.weights,
            "target_weights": self.target_weights,
            "mask": self.mask,
            "step_size": self.step_size,
            "integrator": self.integrator,
            "rtol": self.rtol if adaptive else None,
            "atol": self.atol if adaptive else None,
            "redraw": self.redraw,
            "metrics": tuple(self.metrics),
            "record_every": self.layout.record_every,
            "keep_every": self.layout.keep_every,
        }
        return {line: text for name, part in parts.items() for line, text in describe(name, part).items()}

    def prepare(self, x: Array, rng: np.random.Generator) -> VelocityFunction:
        """Velocity for the next step from ``x``, with the target and the flow's random parts drawn."""
        target, target_weights = self.target, self.target_weights
        if not is_array(target):
            target = _beside(x, target(rng), "target(rng)")
            target = checks.points(target, "target(rng)", self.xp, dim=x.shape[1], like=x)
            if target_weights is not None:
                target_weights = checks.weights(target_weights, "target_weights", target.shape[0], self.xp, like=x)
        return self.flow.prepare(x, target, rng, weights=self.weights, target_weights=target_weights, mask=self.mask)

    def checked(self, velocity: VelocityFunction, step: int) -> VelocityFunction:
        """``velocity``, zero where the mask is false; raises where it is not finite or has another shape than the particles."""
        xp = self.xp

        def masked(x: Array) -> Array:
            v = _beside(x, velocity(x), "velocity")
            if v.shape != x.shape:
                raise ShapeError(f"velocity at step {step} has shape {tuple(v.shape)}, the particles have {tuple(x.shape)}")
            v = checks.real_array(v, "velocity", xp, like=x)
            return self.finite(v if self.mask is None else xp.where(self.mask, v, xp.zeros_like(v)), "velocity", step)

        return masked

    def finite(self, x: Array, name: str, step: int) -> Array:
        """Return ``x`` if all of it is finite; else raise and name the step and the first particle that is not."""
        bad = ~self.xp.isfinite(x)
        if item(self.xp.any(bad)):
            rows = np.flatnonzero(to_host(self.xp.any(bad, axis=1)))
            raise NonFiniteError(f"{name} at step {step} is NaN or infinite for {rows.size} particle(s), the first of them is {rows[0]}")
        return x

    def record(self, step: int, x: Array) -> Record:
        """What is kept of a step that ends at ``x``."""
        frame = x if self.layout.keeps_frame(step) else None
        return Record(frame, self.evaluate(x) if self.layout.keeps_metrics(step) else None)

    def evaluate(self, x: Array) -> tuple[float, ...]:
        """All metrics at ``x``, of which they see a copy."""
        shown = self.xp.asarray(x, copy=True)
        return tuple(_number(name, metric(shown)) for name, metric in self.metrics.items())


class _Run:
    """A run under way: the state after the last completed step, and what is kept of all steps so far.

    A step counts as completed from the moment at which ``state`` is replaced; until then nothing but the generator and the tail of
    ``records`` has changed, and :meth:`roll_back` undoes both.
    """

    def __init__(self, setup: _Setup, rng: np.random.Generator | None, checkpoint: Checkpoint | None, steps: int) -> None:
        self.setup, self.checkpoint, self.steps = setup, checkpoint, steps
        saved = None if checkpoint is None else checkpoint.load(like=setup.start)
        self.rng_start = json_state(np.random.default_rng() if rng is None else rng) if saved is None else saved.rng_start
        self.rng = _generator_like(self.rng_start) if rng is None else rng
        if checkpoint is not None and saved is not None:
            if json_state(self.rng) not in (saved.rng_start, saved.snapshot.rng_state):
                raise CheckpointError(f"checkpoint {checkpoint.path} belongs to another run: rng is in another state there")
            if saved.snapshot.step > steps:
                raise CheckpointError(f"checkpoint {checkpoint.path} has reached step {saved.snapshot.step}, beyond steps = {steps}")
        set_json_state(self.rng, self.rng_start)
        self.settled = None if setup.redraw else setup.prepare(setup.start, self.rng)
        self.clock = time.perf_counter() - (0.0 if saved is None else saved.snapshot.seconds)
        self.saved_step = -1
        if saved is None:
            self.records = [setup.record(0, setup.start)]
            self.state = Snapshot(0, setup.start, None, json_state(self.rng), self.seconds())
            self.save()
        else:
            self.records, self.state, self.saved_step = saved.records, saved.snapshot, saved.snapshot.step
            self.roll_back()

    def step(self, callback: Callback | None, report: Report) -> bool:
        """Do one step; return whether the callback wants no more."""
        setup, before, number = self.setup, self.state, self.state.step + 1
        velocity = setup.prepare(before.particles, self.rng) if self.settled is None else self.settled
        x, memory = advance(
            setup.integrator, setup.checked(velocity, number), before.particles, setup.step_size, before.memory, setup.rtol, setup.atol
        )
        record = setup.record(number, setup.finite(x, "position", number))
        metrics = dict(zip(setup.metrics, record.metrics or (), strict=False))
        shown = setup.xp.asarray(x, copy=True)
        info = StepInfo(number, self.steps, number * setup.step_size, shown, metrics, self.seconds())
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
        xp, layout, done = self.setup.xp, self.setup.layout, self.state.step
        steps_kept = np.arange(0, done + 1, layout.keep_every)
        history = np.array([record.metrics for record in self.records if record.metrics is not None])
        return FlowResult(
            particles=self.state.particles,
            trajectory=xp.stack([record.frame for record in self.records if record.frame is not None]),
            times=steps_kept * self.setup.step_size,
            steps_kept=steps_kept,
            history={name: history[:, index].copy() for index, name in enumerate(self.setup.metrics)},
            history_steps=np.arange(0, done + 1, layout.record_every) if layout.metrics else np.arange(0),
            status=status,
            steps_done=done,
            seconds=self.state.seconds,
        )


def _generator_like(state: str) -> np.random.Generator:
    """A generator of the kind whose state this is, and in that state."""
    rng = np.random.Generator(getattr(np.random, json.loads(state)["bit_generator"])())
    set_json_state(rng, state)
    return rng


def _beside(x: Array, value: Array, name: str) -> Array:
    """Return ``value`` if it is an array of the same library and on the same device as the particles ``x``."""
    if not is_array(value):
        raise BackendError(f"{name} must be an array, got {type(value).__name__}")
    array_namespace(**{"particles": x, name: value})
    return value


def _checked_mask(mask: Array | Sequence[bool], start: Array) -> Array:
    host = to_host(mask) if is_array(mask) else np.asarray(mask)
    if host.dtype != np.bool_ or host.shape != (start.shape[1],):
        raise ShapeError(f"mask must be {start.shape[1]} values of True or False, got shape {host.shape} of {host.dtype}")
    return to_backend(host, like=start)


def _number(name: str, value: Any) -> float:
    """The one number that a metric returned."""
    if is_array(value) and value.ndim > 0:
        raise ShapeError(f"metric {name} must return one number, got an array of shape {tuple(value.shape)}")
    return float(item(value) if is_array(value) else value)
