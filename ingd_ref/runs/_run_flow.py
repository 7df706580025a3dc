"""The public function that lets particles flow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    is_array,
    to_backend,
    to_host,
)
from ingd_ref.errors import OptionError, ShapeError
from ingd_ref.flows import Flow, VelocityFunction
from ingd_ref.runs._integrators import Stepping
from ingd_ref.runs._loop import run
from ingd_ref.runs._options import Callback, Options, Report
from ingd_ref.runs._result import FlowResult
from ingd_ref.runs._target_run import (
    DrawTarget,
    Metric,
    Sample,
    Schedule,
    Subject,
    Target,
    TargetRun,
)

__all__ = ["run_flow"]


@_checks.quiet
def run_flow(
    flow: Flow,
    particles: Array,
    target: Sample,
    *,
    steps: int = 100,
    step_size: float = 1.0,
    rng: RandomSource = None,
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
    r"""Let particles flow to a target sample, equation (K9).

    The particles follow :math:`\dot x_i = v(x_i)` for ``steps`` steps of ``step_size`` flow time.

    Parameters
    ----------
    flow : Flow
        The velocity rule.
    particles : array (n, d)
        Where the particles start.
    target : array (m, d) or callable
        Sample of the target, or a function of the random generator that draws one, afresh for each
        step.
    steps : int ≥ 1
        Number of steps.
    step_size : float > 0
        Flow time of one step, η.
    rng : numpy.random.Generator or seed, optional
        The only source of randomness; it is advanced. Default: a fresh one.
    integrator : {"euler", "heun", "rk4", "adaptive"}
        Runge-Kutta method of order 1, 2 or 4, or the pair of Dormand and Prince with as many
        sub-steps as the tolerances need.
    rtol : float ≥ 0
    atol : float > 0
        Adaptive integrator: a sub-step moves each coordinate of each particle with an estimated
        error of at most ``atol + rtol * |x|``; ``atol`` has the units of x.
    mask : (d,) of bool, optional
        Coordinates that move; the others condition and keep their values exactly. Default: all
        move.
    weights : array (n,), optional
        Weights π of the particles. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample. Default: 1/m.
    redraw : bool
        Whether the flow settles its random and data-dependent parts before each step, or once at
        the start.
    metrics : mapping of str to callable, optional
        Functions of the particles (n, d) that return one number.
    record_every : int ≥ 1
        The metrics are evaluated at the start and after every so many steps.
    keep_every : int ≥ 1
        The trajectory keeps the start and every so many steps.
    callback : callable, optional
        Called with a :class:`StepInfo` after each step; a true answer ends the run with status
        "stopped".
    progress : bool or callable
        ``True``: a bar if the standard error stream is a terminal; a callable is called with a
        :class:`StepInfo` after each step.
    checkpoint : path, optional
        An ``.npz`` file, and a journal ``<path>.journal`` next to it. If the file exists, the
        run continues from there.
    checkpoint_every : int ≥ 1
        The checkpoint is written at the start, after every so many steps and at the end.

    Returns
    -------
    FlowResult

    Raises
    ------
    ShapeError, BackendError, DomainError, OptionError
        If an argument does not fit.
    NonFiniteError
        If an input, a velocity or a particle is not finite; the message names the first.
    CheckpointError
        If the checkpoint cannot be written, is damaged, or belongs to another run (the message
        names what differs).

    Notes
    -----
    An exception that ends a run after its start carries what was done in its attribute ``partial``,
    a :class:`FlowResult`. Ctrl-C is not an error: the result of the completed steps is returned
    with status "interrupted". Either way the generator and the checkpoint are left as they were
    after the last completed step.

    A resumed run equals an uninterrupted one bit for bit. It may ask for more steps than before,
    but must otherwise be the same run: flow, starting particles, target and options are compared,
    and the state of ``rng`` if one is given. Functions (a callable target, metrics) are compared by
    name only; they must draw from the generator they are given and keep no state of their own, and
    a flow must not spawn generators. A run that its callback stopped continues when it is resumed.

    Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.flows import Flow
    >>> class Attraction(Flow):
    ...     def prepare(self, particles, target, rng, weights=None, target_weights=None, mask=None):
    ...         return lambda x: np.mean(target, axis=0) - x
    >>> start, target = np.array([[1.0], [3.0]]), np.array([[0.0]])
    >>> result = run_flow(Attraction(), start, target, steps=2, step_size=0.5)
    >>> result.trajectory[:, :, 0]
    array([[1.  , 3.  ],
           [0.5 , 1.5 ],
           [0.25, 0.75]])
    """
    if not isinstance(flow, Flow):
        raise OptionError(f"flow must be a Flow, got {type(flow).__name__}")
    options = Options(steps, rng, callback, progress, checkpoint, checkpoint_every)
    xp = array_namespace(
        particles=particles,
        weights=weights,
        target_weights=target_weights,
        target=target if is_array(target) else None,
    )
    start = xp.asarray(_checks.points(particles, "particles", xp), copy=True)
    number, dim = start.shape
    if weights is not None:
        weights = _checks.weights(weights, "weights", number, xp, like=start)
    moving = None if mask is None else _checked_mask(mask, start)
    process = TargetRun(
        xp,
        _Particles(xp, start, flow, weights, moving),
        Target.checked(target, target_weights, dim, like=start),
        Stepping(step_size, integrator, rtol, atol).over(options.steps),
        Schedule(redraw, metrics, record_every, keep_every),
    )
    return run(process, options)


@dataclass(frozen=True, eq=False)
class _Particles(Subject):
    """Particles whose velocity a flow gives."""

    xp: Namespace
    start: Array
    flow: Flow
    weights: Array | None
    mask: Array | None

    name, position, member = "particles", "position", "particle"

    def parts(self) -> dict[str, Any]:
        return {
            "flow": self.flow,
            "particles": self.start,
            "weights": self.weights,
            "mask": self.mask,
        }

    def prepare(
        self, position: Array, rng: np.random.Generator, draw: DrawTarget
    ) -> VelocityFunction:
        target, target_weights = draw(rng, position)
        weights = {"weights": self.weights, "target_weights": target_weights}
        return self.flow.prepare(position, target, rng, **weights, mask=self.mask)

    def sample(self, position: Array) -> Array:
        return position

    def restricted(self, velocity: Array) -> Array:
        if self.mask is None:
            return velocity
        return self.xp.where(self.mask, velocity, self.xp.zeros_like(velocity))

    def outcome(self, position: Array, frames: Array) -> dict[str, Array]:
        return {"particles": position, "trajectory": frames}


def _checked_mask(mask: Array | Sequence[bool], start: Array) -> Array:
    host = to_host(mask) if is_array(mask) else np.asarray(mask)
    if host.dtype != np.bool_ or host.shape != (start.shape[1],):
        raise ShapeError(
            f"mask must be {start.shape[1]} values of True or False, "
            f"got shape {host.shape} of {host.dtype}"
        )
    return to_backend(host, like=start)
