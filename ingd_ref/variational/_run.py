"""The run of natural-gradient variational inference."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, to_host
from ingd_ref.errors import DomainError, NonFiniteError, OptionError
from ingd_ref.runs._loop import NoNextStep, Outcome, Process, run
from ingd_ref.runs._options import Callback, Options, Report
from ingd_ref.runs._state import Record, Series, State, json_state, set_json_state
from ingd_ref.variational._approximation import STEPS, Expected, GaussianApproximation
from ingd_ref.variational._expectations import Expectation, default_expectation
from ingd_ref.variational._natural_step import checked_step_size, expected_under, natural_step
from ingd_ref.variational._result import NviStep, VariationalResult

__all__ = ["run_nvi"]

StepSize = float | Callable[[int], float]


@_checks.quiet
def run_nvi(
    model: Any,
    start: GaussianApproximation,
    *,
    expectation: Expectation | None = None,
    step: str = "standard",
    step_size: StepSize = 1.0,
    steps: int = 100,
    tolerance: float = 1e-20,
    rng: RandomSource = None,
    callback: Callback | None = None,
    progress: bool | Report = True,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
) -> VariationalResult:
    r"""Fit a Gaussian to a posterior by natural-gradient steps on the ELBO, equation (E11).

    Parameters
    ----------
    model : object
        ℓ(x) = log p(data, x): a :class:`GeneralisedLinearModel`, or any :class:`LogDensity`.
    start : FullGaussian, MeanFieldGaussian or LowRankGaussian
        Where to begin; its type is the form of the precision, and its batch shape that of the
        problems.
    expectation : Expectation, optional
        How expectations are taken. Default as for :func:`expected_under`.
    step : {"standard", "positive"}
        As in :func:`natural_step`. Default "standard".
    step_size : float in (0, 1], or callable
        ρ, or a function of the number of completed steps that returns it. Default 1.
    steps : int ≥ 1
        Steps at most. Default 100.
    tolerance : float ≥ 0
        The run ends once a full step would gain less than this many nats, to second order, in every
        problem of the batch, and errors of the expectations cannot hide as much. Near the optimum
        this is what the ELBO still lacks. Default 1e-20: mean and precision are then right to 1e-10
        of a standard deviation. Where the errors hide more than the tolerance, as in single
        precision, the run stops once the gain is as small as what they hide, and ``reason`` of the
        result says so. 0 takes all steps. Never reached with :class:`Sampling`, whose errors are
        not estimated.
    rng : numpy.random.Generator or seed, optional
        The only source of randomness. Default: a fresh one if the expectations are random.
    callback : callable, optional
        Called with an :class:`NviStep` after each step; a true answer ends the run with status
        "stopped".
    progress : bool or callable
        ``True`` (default): a bar if the standard error stream is a terminal; a callable is called
        with an :class:`NviStep` after each step.
    checkpoint, checkpoint_every
        As for :func:`ingd_ref.run_flow`. A run may resume with more steps or another tolerance.

    Returns
    -------
    VariationalResult

    Raises
    ------
    BackendError, ShapeError, OptionError
        If an argument does not fit.
    NonFiniteError
        If an expectation is not finite; the message names the step.
    DomainError
        If a standard step leaves the positive definite matrices, or a step size is outside (0, 1];
        the message names the step.
    CheckpointError
        If the checkpoint cannot be written, is damaged, or belongs to another run.

    Notes
    -----
    Ctrl-C is not an error: the result of the completed steps is returned with status "interrupted".
    Source: [K18].

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import FullGaussian, LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> design = rng.normal(size=(50, 2))
    >>> response = np.where(rng.random(50) < 0.5 + 0.4 * np.tanh(design[:, 0]), 1.0, 0.0)
    >>> start = FullGaussian.from_precision(np.zeros(2), np.eye(2))
    >>> result = run_nvi(LogisticRegression(design, response), start)
    >>> result.status, result.steps < 20
    ('converged', True)
    """
    if not isinstance(start, GaussianApproximation):
        raise OptionError(
            "start must be a FullGaussian, MeanFieldGaussian or LowRankGaussian, "
            f"got {type(start).__name__}"
        )
    options = Options(steps, rng, callback, progress, checkpoint, checkpoint_every)
    form = _checks.choice(step, "step", STEPS)
    least = _checks.nonnegative(tolerance, "tolerance")
    chosen = default_expectation(model) if expectation is None else expectation
    if not callable(step_size):
        step_size = checked_step_size(step_size)
    return run(_Inference(model, start, chosen, form, step_size, least), options)


class _Measured(NamedTuple):
    """An approximation, and what was measured under it.

    ``hidden`` is the gain that the errors of the expectations may hide.
    """

    q: GaussianApproximation
    expected: Expected
    elbo: np.ndarray
    gain: np.ndarray
    hidden: np.ndarray


class _Inference(Process[VariationalResult]):
    """An approximation that climbs the ELBO.

    A state holds the arrays of q. What was measured under q is derived from it and from the random
    state before, which the state remembers: a resumed run draws the same samples again.
    """

    def __init__(
        self,
        model: Any,
        start: GaussianApproximation,
        expectation: Expectation,
        form: str,
        step_size: StepSize,
        tolerance: float,
    ) -> None:
        self.model, self.expectation, self.initial = model, expectation, start
        self.form, self.step_size, self.tolerance = form, step_size, tolerance
        self.start = State(_arrays(start))
        curve = np.zeros(start.batch, dtype=to_host(start.mean).dtype)
        self.series = (Series("elbo", curve), Series("gain", curve))

    def parts(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "start": self.initial,
            "expectation": self.expectation,
            "step": self.form,
            "step_size": self.step_size,
        }

    def first(self, rng: np.random.Generator) -> State:
        return self._state(self.initial, 0, rng)

    def restored(self, state: State, rng: np.random.Generator) -> State:
        set_json_state(rng, state.memory)
        # Made of the very same numbers: the constructor of an approximation might round them.
        q = object.__new__(type(self.initial))
        for name, array in state.arrays.items():
            object.__setattr__(q, name, array)
        return self._state(q, 0, rng)

    def step(self, state: State, number: int, rng: np.random.Generator) -> State:
        now, size = state.derived, self.step_size
        if self._beyond_reach(now):
            raise NoNextStep(
                f"after {number - 1} steps the gain, {np.max(now.gain):.2g} nats, is within the "
                f"errors of the expectations, which hide {np.max(now.hidden):.2g} nats, more than "
                f"the tolerance of {self.tolerance:g}"
            )
        with _after(number - 1):
            rho = size(number - 1) if callable(size) else size
            q = natural_step(now.q, now.expected, rho, self.form)
        return self._state(q, number, rng)

    def _state(self, q: GaussianApproximation, step: int, rng: np.random.Generator) -> State:
        before = json_state(rng)
        with _after(step):
            expected = expected_under(self.model, q, self.expectation, rng)
            error = expected.error
        elbo = np.array(to_host(expected.value + q.entropy))
        gain = np.array(to_host(0.5 * q.squared_gradient(expected)))
        hidden = np.zeros_like(gain) if error is None else np.array(to_host(0.5 * error.length**2))
        return State(_arrays(q), before, _Measured(q, expected, elbo, gain, hidden))

    def _beyond_reach(self, now: _Measured) -> bool:
        """Whether the tolerance cannot be reached, and the gain is down to what errors hide."""
        met = np.maximum(now.gain, now.hidden) < self.tolerance
        return self.tolerance > 0 and bool(np.all(met | (now.gain <= now.hidden)))

    def measure(self, name: str, state: State) -> np.ndarray:
        now: _Measured = state.derived
        return now.elbo if name == "elbo" else now.gain

    def converged(self, state: State) -> bool:
        now: _Measured = state.derived
        return bool(np.all(np.maximum(now.gain, now.hidden) < self.tolerance))

    def info(self, step: int, steps: int, state: State, record: Record, seconds: float) -> NviStep:
        now = state.derived
        return NviStep(step, steps, now.q, now.elbo, now.gain)

    def caption(self, info: NviStep) -> str:
        return f"elbo {float(np.mean(info.elbo)):.6g}"

    def result(self, outcome: Outcome) -> VariationalResult:
        return VariationalResult(
            outcome.state.derived.q,
            np.stack(outcome.kept("elbo")),
            np.stack(outcome.kept("gain")),
            outcome.status,
            outcome.seconds,
            outcome.reason,
        )


def _arrays(q: GaussianApproximation) -> dict[str, Array]:
    """Return the arrays of an approximation, by name."""
    return {field.name: getattr(q, field.name) for field in fields(q)}  # type: ignore[arg-type]


@contextmanager
def _after(steps: int) -> Iterator[None]:
    """Name the number of completed steps in an error about numbers."""
    try:
        yield
    except (DomainError, NonFiniteError) as error:
        raise type(error)(f"after {steps} steps: {error}") from error
