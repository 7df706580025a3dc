"""The public function that lets the parameters of a generator flow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.features import Features, RandomCenters, require_features
from ingd_ref.flows import VelocityFunction
from ingd_ref.flows._arguments import Samples, System
from ingd_ref.flows._ingd import INGD_SOLVERS, solved
from ingd_ref.generators import Generator
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

__all__ = ["run_ingd"]


@_checks.quiet
def run_ingd(
    generator: Generator,
    parameters: Array,
    target: Sample,
    *,
    features: Features | RandomCenters,
    latents: Array | int = 500,
    shown: int | None = None,
    steps: int = 100,
    step_size: float = 0.2,
    rng: RandomSource = None,
    integrator: str = "euler",
    rtol: float = 1e-4,
    atol: float = 1e-6,
    ridge: float = 1e-3,
    jitter: float = 1e-3,
    ddof: int = 0,
    solver: str = "normal",
    implementation: str = "auto",
    weights: Array | None = None,
    target_weights: Array | None = None,
    batch: int | None = None,
    redraw: bool = True,
    metrics: Mapping[str, Metric] | None = None,
    record_every: int = 1,
    keep_every: int = 1,
    callback: Callback | None = None,
    progress: bool | Report = True,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
) -> FlowResult:
    r"""Let a generator track the natural gradient, equation (N4).

    Its parameters follow :math:`\dot w = u(w)` for ``steps`` steps of ``step_size`` flow time.

    Parameters
    ----------
    generator : Generator
        x = g(z; w).
    parameters : array (p,)
        Where w starts.
    target : array (m, d) or callable
        Sample of the target, or a function of the random generator that draws one, afresh for each
        step.
    features : Features or rule
        Statistics f, or a rule with a ``draw`` method that settles them for a step from the
        generated sample and the target.
    latents : array (n, k) or int ≥ 1
        The latent points of every step; or how many are drawn for each. Default 500.
    shown : int ≥ 1, optional
        Size of the generated sample that metrics, callbacks and the result see. Its latent points
        are drawn once, at the start, and used for nothing else. Default: the sample of
        ``latents`` if these are given, else as many points as a step draws.
    steps : int ≥ 1
        Number of steps. Default 100.
    step_size : float > 0
        Flow time of one step, η. Default 0.2: the noise of newly drawn latent points is averaged
        over about 1/η steps.
    rng : numpy.random.Generator or seed, optional
        The only source of randomness; it is advanced. Default: a fresh one.
    integrator : {"euler", "heun", "rk4", "adaptive"}
        As for :func:`run_flow`.
    rtol : float ≥ 0
    atol : float > 0
        Adaptive integrator: a sub-step moves each parameter with an estimated error of at most
        ``atol + rtol * |w|``.
    ridge, jitter : float ≥ 0
    ddof : {0, 1}
    solver, implementation : str
        As for :func:`~ingd_ref.flows.ingd_velocity`.
    weights : array (n,), optional
        Weights π of the latent points, which must then be given as an array. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample. Default: 1/m.
    batch : int ≥ 1, optional
        Size of the minibatch of the target that a step sees, drawn without repetition; from a
        weighted target with repetition, each point as often as its weight says. Default: all of it.
    redraw : bool
        Whether features, minibatch and latents (unless given) are drawn before each step, or once
        at the start. Default True.
    metrics : mapping of str to callable, optional
        Functions of the generated sample (n, d) that return one number.
    record_every, keep_every : int ≥ 1
    callback : callable, optional
    progress : bool or callable
    checkpoint : path, optional
    checkpoint_every : int ≥ 1
        As for :func:`run_flow`.

    Returns
    -------
    FlowResult
        With ``parameters`` and ``parameter_trajectory``; ``particles`` and ``trajectory`` are the
        samples generated with them.

    Raises
    ------
    ShapeError, NonFiniteError, BackendError, DomainError, OptionError
        If an argument does not fit, or a velocity, parameter or sample is not finite.
    SingularSystemError
        If the system of a step is singular to working precision.
    CheckpointError
        If the checkpoint cannot be written, is damaged, or belongs to another run.

    Notes
    -----
    Interrupts, errors, checkpoints and resumed runs are as for :func:`run_flow`. Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> generator = ir.generators.LocationScale(1)
    >>> target = np.array([[2.0], [4.0]])
    >>> problem = {"features": ir.features.Monomials(2), "latents": np.array([[-1.0], [1.0]])}
    >>> options = {"ridge": 0.0, "jitter": 0.0, "integrator": "rk4", "step_size": 0.1}
    >>> result = run_ingd(generator, np.array([0.0, 2.0]), target, **problem, **options)
    >>> result.parameters.round(3), result.particles.round(3)[:, 0]
    (array([3., 1.]), array([2., 4.]))
    """
    _checks.instance(generator, "generator", Generator, "a Generator")
    options = Options(steps, rng, callback, progress, checkpoint, checkpoint_every)
    xp = array_namespace(
        parameters=parameters,
        weights=weights,
        target_weights=target_weights,
        latents=latents if is_array(latents) else None,
        target=target if is_array(target) else None,
    )
    start = xp.asarray(_checks.vector(parameters, "parameters", generator.size, xp), copy=True)
    aim = Target.checked(target, target_weights, generator.dimension, like=start)
    latents, weights = _checked_latents(latents, weights, generator, xp, start)
    subject = _Parameters(
        xp,
        start,
        generator,
        features,
        latents,
        weights,
        None if shown is None else _checks.positive_integer(shown, "shown"),
        None if batch is None else _checked_batch(batch, aim.sample),
        System.checked(ridge, jitter, ddof, solver, implementation, INGD_SOLVERS),
    )
    stepping = Stepping(step_size, integrator, rtol, atol).over(options.steps)
    schedule = Schedule(redraw, metrics, record_every, keep_every)
    return run(TargetRun(xp, subject, aim, stepping, schedule), options)


@dataclass(frozen=True, eq=False)
class _Parameters(Subject):
    """The parameters of a generator; ``reference`` are the latent points of the shown sample."""

    xp: Namespace
    start: Array
    generator: Generator
    features: Features | RandomCenters
    latents: Array | int
    weights: Array | None
    shown_number: int | None
    batch: int | None
    system: System
    reference: Array | None = None

    name, position, member = "parameters", "parameters", "parameter"

    def parts(self) -> dict[str, Any]:
        return {
            "generator": self.generator,
            "parameters": self.start,
            "features": self.features,
            "latents": self.latents,
            "shown": self.shown_number,
            "weights": self.weights,
            "batch": self.batch,
            **vars(self.system),
        }

    def begun(self, rng: np.random.Generator) -> _Parameters:
        if is_array(self.latents) and self.shown_number is None:
            return replace(self, reference=self.latents)
        number = self.latents if self.shown_number is None else self.shown_number
        return replace(self, reference=self.generator.latents(number, rng, like=self.start))

    def prepare(
        self, position: Array, rng: np.random.Generator, draw: DrawTarget
    ) -> VelocityFunction:
        latents, generator = self.latents, self.generator
        if not is_array(latents):
            latents = generator.latents(latents, rng, like=position)
        x = generator(position, latents)
        target, target_weights = self._minibatch(*draw(rng, x), rng)
        require_features(self.features, "draw")
        features = self.features.draw(x, target, rng)
        samples = Samples.trusted(latents, target, self.weights, target_weights)
        return lambda w: solved(w, samples, generator, features, self.system).velocity

    def _minibatch(
        self, target: Array, target_weights: Array | None, rng: np.random.Generator
    ) -> tuple[Array, Array | None]:
        """``batch`` points of the target with their weights; all of it if there is no batch."""
        if self.batch is None:
            return target, target_weights
        number = target.shape[0]
        if target_weights is None:
            chosen = rng.choice(number, self.batch, replace=False)
        else:
            shares = np.asarray(to_host(target_weights), dtype=np.float64)
            chosen = rng.choice(number, self.batch, p=shares / np.sum(shares))
        return self.xp.take(target, to_backend(chosen, target), axis=0), None

    def sample(self, position: Array) -> Array:
        return self.generator(position, self.reference)

    def shown(self, position: Array) -> dict[str, Array]:
        return {"parameters": self.xp.asarray(position, copy=True)}

    def outcome(self, position: Array, frames: Array) -> dict[str, Array]:
        samples = [self.sample(frames[index, :]) for index in range(frames.shape[0])]
        return {
            "particles": self.sample(position),
            "trajectory": self.xp.stack(samples),
            "parameters": position,
            "parameter_trajectory": frames,
        }


def _checked_latents(
    latents: Array | int, weights: Array | None, generator: Generator, xp: Namespace, like: Array
) -> tuple[Array | int, Array | None]:
    """Latent points with their weights, or how many are to be drawn."""
    if not is_array(latents):
        if weights is not None:
            raise OptionError(
                "weights belong to given latent points: pass latents as an array (n, k)"
            )
        return _checks.positive_integer(latents, "latents"), None
    k = generator.latent_dimension
    latents = xp.asarray(_checks.points(latents, "latents", xp, dim=k, like=like), copy=True)
    if weights is not None:
        weights = _checks.weights(weights, "weights", latents.shape[0], xp, like)
    return latents, weights


def _checked_batch(batch: int, target: Any) -> int:
    """Size of a minibatch, of a target that has as many points."""
    batch = _checks.positive_integer(batch, "batch")
    if not is_array(target):
        raise OptionError(
            "batch belongs to a target sample: a function of the random generator "
            "draws as many points as it likes"
        )
    if batch > target.shape[0]:
        raise DomainError(
            f"batch must be at most the {target.shape[0]} points of the target, got {batch}"
        )
    return batch
