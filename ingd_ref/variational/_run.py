"""The loop of natural-gradient variational inference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend import to_host
from ingd_ref.errors import DomainError, NonFiniteError, OptionError
from ingd_ref.variational._approximation import STEPS, Expected, GaussianApproximation
from ingd_ref.variational._expectations import Expectation, default_expectation
from ingd_ref.variational._natural_step import expected_under, natural_step
from ingd_ref.variational._result import NviStep, Report, VariationalResult, reporter

__all__ = ["run_nvi"]

StepSize = float | Callable[[int], float]


def run_nvi(
    model: Any,
    start: GaussianApproximation,
    *,
    expectation: Expectation | None = None,
    step: str = "standard",
    step_size: StepSize = 1.0,
    steps: int = 100,
    tolerance: float = 1e-20,
    rng: np.random.Generator | None = None,
    callback: Callable[[NviStep], bool | None] | None = None,
    progress: bool | Report = True,
) -> VariationalResult:
    r"""Fit a Gaussian to a posterior by natural-gradient steps on the evidence lower bound, equation (E11).

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
        The run ends once a full step would gain less than so many nats, to second order, in every
        problem of the batch. Near the optimum this is what the ELBO is short of. Default 1e-20:
        mean and precision are then right to 1e-10 of a standard deviation. Never reached with
        :class:`Sampling`.
    rng : numpy.random.Generator, optional
        The only source of randomness. Default: a fresh one if the expectations are random.
    callback : callable, optional
        Called with an :class:`NviStep` at the start and after each step; a true answer ends the run
        with status "stopped".
    progress : bool or callable
        ``True`` (default): a bar if the standard error stream is a terminal; a callable is called
        with an :class:`NviStep`.

    Returns
    -------
    VariationalResult

    Raises
    ------
    BackendError, ShapeError, OptionError
    NonFiniteError
        If an expectation is not finite; the message names the step.
    DomainError
        If a standard step leaves the positive definite matrices, or a step size is outside (0, 1];
        the message names the step.

    Notes
    -----
    Ctrl-C is no error: the result of the completed steps is returned with status "interrupted".
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
    _checks.choice(step, "step", STEPS)
    limit, least = (
        _checks.positive_integer(steps, "steps"),
        _checks.nonnegative(tolerance, "tolerance"),
    )
    if not isinstance(start, GaussianApproximation):
        raise OptionError(
            f"start must be a FullGaussian, MeanFieldGaussian or LowRankGaussian, got {type(start).__name__}"
        )
    chosen = default_expectation(model) if expectation is None else expectation
    rng = np.random.default_rng() if rng is None and getattr(chosen, "random", False) else rng
    begun, history, status = time.perf_counter(), [], "interrupted"
    with reporter(progress, limit) as report, suppress(KeyboardInterrupt):
        q = start
        for done in range(limit + 1):
            with _at_step(done):
                expected = expected_under(model, q, chosen, rng)
            history.append(_measured(done, limit, q, expected))
            report(history[-1])
            if callback is not None and callback(history[-1]):
                status = "stopped"
                break
            if np.all(history[-1].gain < least):
                status = "converged"
                break
            if done == limit:
                status = "finished"
                break
            with _at_step(done):
                q = natural_step(
                    q, expected, step_size(done) if callable(step_size) else step_size, step
                )
    if not history:
        raise KeyboardInterrupt
    curves = (np.stack([info.elbo for info in history]), np.stack([info.gain for info in history]))
    return VariationalResult(
        history[-1].approximation, *curves, status, time.perf_counter() - begun
    )


def _measured(done: int, limit: int, q: GaussianApproximation, expected: Expected) -> NviStep:
    """ELBO and gain of an approximation, on the host."""
    return NviStep(
        done,
        limit,
        q,
        np.array(to_host(expected.value + q.entropy)),
        np.array(to_host(0.5 * q.squared_gradient(expected))),
    )


@contextmanager
def _at_step(done: int) -> Iterator[None]:
    """Name the step in an error about its numbers."""
    try:
        yield
    except (DomainError, NonFiniteError) as error:
        raise type(error)(f"after {done} steps: {error}") from error
