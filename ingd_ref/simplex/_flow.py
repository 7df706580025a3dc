"""Gradient flows of the evidence and of its lower bounds, equation (B6)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.errors import DomainError, NonFiniteError
from ingd_ref.runs import StepInfo
from ingd_ref.runs._integrators import Stepping
from ingd_ref.runs._loop import NoNextStep, Outcome, Process, run
from ingd_ref.runs._options import Callback, Options, Report
from ingd_ref.runs._state import Record, Series, State
from ingd_ref.simplex._losses import elbo_loss, evidence_loss
from ingd_ref.simplex._model import FiniteModel, required
from ingd_ref.simplex._natural import elbo_gradient, evidence_gradient

__all__ = ["SimplexFlow", "run_elbo_flow", "run_evidence_flow"]


@dataclass(frozen=True, eq=False)
class SimplexFlow:
    """A gradient flow on a model; k states are kept, the start among them.

    Attributes
    ----------
    parameters : array (k, ..., d)
        ξ. It may leave the set where the model is a probability; nothing is clipped.
    probabilities : array (k, ..., n)
        p(ξ).
    evidence : array (k, ...)
        Evidence loss KL(p*_V‖Πp(ξ)).
    loss : array (k, ...)
        The loss that the flow descends.
    times : numpy.ndarray (k,)
        Flow time of each state.
    status : {"finished", "stopped", "interrupted"}
        All steps were done; the next one does not exist, or the callback ended the run; Ctrl-C or
        an error came first.
    reason : str
        Why there is no next step; empty otherwise.
    """

    parameters: Array
    probabilities: Array
    evidence: Array
    loss: Array
    times: np.ndarray
    status: str
    reason: str


@_checks.quiet
def run_evidence_flow(
    model: FiniteModel,
    start: Array,
    target: Array,
    *,
    steps: int = 499,
    step_size: float = 0.01,
    integrator: str = "euler",
    keep_every: int = 1,
    cut: float | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    callback: Callback | None = None,
    progress: bool | Report = True,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
) -> SimplexFlow:
    r"""Natural gradient flow of the evidence in the visible metric, equation (B6).

    .. math:: \dot\xi = -G_V^+ \partial_\xi\, \mathrm{KL}\big(p^*_V \,\|\, \Pi p(\xi)\big)

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    start : array (..., d)
        Parameters at time 0; several flows side by side along the leading axes.
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.
    steps : int ≥ 1
        Default 499, which gives the 500 states of [A25].
    step_size : float > 0
        Flow time of a step. Default 0.01.
    integrator : {"euler", "heun", "rk4", "adaptive"}
        Default: explicit Euler steps ξ ← ξ − dt G⁺ ∂_ξ L.
    keep_every : int ≥ 1
        The start, every so many-th state and the last one are kept. Default: every state.
    cut : float in (0, 1), optional
        As for :func:`evidence_gradient`.
    rtol, atol : float
        Tolerances of the adaptive integrator. Default 1e-6 and 1e-9.
    callback, progress, checkpoint, checkpoint_every
        As for :func:`ingd_ref.run_flow`; a callback finds ξ in ``StepInfo.parameters``.

    Returns
    -------
    SimplexFlow

    Raises
    ------
    ShapeError, NonFiniteError, OptionError, BackendError
        If an argument does not fit.
    DomainError
        If a number is out of range, or the flow cannot start.
    CheckpointError
        If the checkpoint cannot be written, is damaged, or belongs to another run.

    Notes
    -----
    Where G_V is singular, the parameters take the shortest way in their own Euclidean norm, which
    depends on the parametrisation and may lead out of the set where p(ξ) is positive while the
    visible probabilities stay so. That does not stop the flow. But what a model can show may be
    less than the visible simplex and have an edge: a flow towards a target beyond it arrives there
    in finite time, with parameters that move ever faster. Euler steps then jump about, and the
    adaptive integrator stops. Source: [A25].

    Examples
    --------
    Visible probabilities of the product model relax at one rate, whatever the rest does:

    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> model, start = ir.simplex.independence_model(), np.array([0.3, 0.9, 0.2])
    >>> target = model.marginalisation.push(model.probabilities(np.array([0.5, 0.4, 0.6])))
    >>> flow = ir.simplex.run_evidence_flow(model, start, target, steps=10)
    >>> (flow.parameters[-1] - np.array([0.3, 0.4, 0.6])).round(6), round(0.99**10 * 0.5, 6)
    (array([ 0.      ,  0.452191, -0.361753]), 0.452191)
    """
    loss = _Loss(model, target, None, cut)
    options = Options(steps, None, callback, progress, checkpoint, checkpoint_every)
    stepping = Stepping(step_size, integrator, rtol, atol).over(options.steps)
    return run(_Descent(loss, _checked_start(loss, start), stepping, keep_every), options)


@_checks.quiet
def run_elbo_flow(
    model: FiniteModel,
    start: Array,
    target: Array,
    recognition: Array | str,
    *,
    steps: int = 499,
    step_size: float = 0.01,
    integrator: str = "euler",
    keep_every: int = 1,
    cut: float | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    callback: Callback | None = None,
    progress: bool | Report = True,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
) -> SimplexFlow:
    r"""Natural gradient flow of the evidence lower bound, equation (B6).

    .. math:: \dot\xi = -G^+ \partial_\xi\, \mathrm{KL}\big(q \,\|\, p(\xi)\big), \qquad
              q(v, h) = p^*_V(v)\, q(h|v)

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    start : array (..., d)
        Parameters at time 0; several flows side by side along the leading axes.
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.
    recognition : array (n,) or (..., n), or "held" or "substituted"
        Fixed q(h|v), or the perfect recognition of the current ξ at each evaluation; see
        :func:`elbo_gradient`.
    steps, step_size, integrator, keep_every, cut, rtol, atol
    callback, progress, checkpoint, checkpoint_every
        As for :func:`run_evidence_flow`.

    Returns
    -------
    SimplexFlow

    Notes
    -----
    Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> model, start = ir.simplex.naive_bayes(), np.full(5, 0.25)
    >>> best = np.array([0.5, 0.4, 0.7, 0.2, 0.9])
    >>> q = model.probabilities(best)
    >>> target, recognition = model.marginalisation.push(q), model.marginalisation.conditional(q)
    >>> options = {"steps": 2000, "keep_every": 2000}
    >>> flow = ir.simplex.run_elbo_flow(model, start, target, recognition, **options)
    >>> flow.status, flow.parameters[-1].round(6)
    ('finished', array([0.5, 0.4, 0.7, 0.2, 0.9]))
    """
    loss = _Loss(model, target, recognition, cut)
    options = Options(steps, None, callback, progress, checkpoint, checkpoint_every)
    stepping = Stepping(step_size, integrator, rtol, atol).over(options.steps)
    return run(_Descent(loss, _checked_start(loss, start), stepping, keep_every), options)


@dataclass(frozen=True, eq=False)
class _Loss:
    """The evidence loss, or with a recognition the loss of its lower bound."""

    model: FiniteModel
    target: Array
    recognition: Array | str | None
    cut: float | None

    def value(self, xi: Array) -> Array:
        if self.recognition is None:
            return evidence_loss(self.model, xi, self.target)
        return elbo_loss(self.model, xi, self.target, self.recognition)

    def slope(self, xi: Array) -> Array:
        """The negative natural gradient."""
        model, target, cut = self.model, self.target, self.cut
        if self.recognition is None:
            return -evidence_gradient(model, xi, target, cut=cut).coordinates
        return -elbo_gradient(model, xi, target, self.recognition, cut=cut).coordinates


def _checked_start(loss: _Loss, start: Array) -> Array:
    """Return a copy of the parameters; raise where the flow cannot start."""
    xp, xi = required(loss.model).checked(start)
    array_namespace(start=start, target=loss.target)
    xi = xp.asarray(xi, copy=True)
    loss.slope(xi)
    loss.value(xi)
    return xi


class _Descent(Process[SimplexFlow]):
    """Parameters that follow the slope of a loss for as long as it exists."""

    def __init__(self, loss: _Loss, start: Array, stepping: Stepping, keep_every: int) -> None:
        self.loss, self.stepping = loss, stepping
        self.start = State({"parameters": start})
        every = _checks.positive_integer(keep_every, "keep_every")
        self.series = (Series("parameters", start, every),)

    def parts(self) -> dict[str, Any]:
        kept = {"keep_every": self.series[0].every}
        return vars(self.loss) | {"start": self.series[0].like} | self.stepping.parts() | kept

    def step(self, state: State, number: int, rng: np.random.Generator) -> State:
        try:
            xi, memory = self.stepping.advance(
                self._stage, state.arrays["parameters"], state.memory
            )
            self.loss.value(xi)
        except (DomainError, NonFiniteError) as error:
            raise NoNextStep(f"step {number}: {error}") from error
        return State({"parameters": xi}, memory)

    def _stage(self, xi: Array) -> Array:
        """The slope; an error where there is none makes the adaptive integrator step shorter."""
        try:
            return self.loss.slope(xi)
        except DomainError as error:
            raise NonFiniteError(str(error)) from error

    def info(self, step: int, steps: int, state: State, record: Record, seconds: float) -> StepInfo:
        xi = state.arrays["parameters"]
        copy = array_namespace(parameters=xi).asarray(xi, copy=True)
        time = step * self.stepping.step_size
        return StepInfo(step, steps, time, None, {}, seconds, parameters=copy)

    def result(self, outcome: Outcome) -> SimplexFlow:
        loss, kept = self.loss, outcome.kept("parameters")
        at = np.arange(0, outcome.steps + 1, self.series[0].every)
        if at[-1] != outcome.steps:
            kept, at = [*kept, outcome.state.arrays["parameters"]], np.append(at, outcome.steps)
        xp = array_namespace(parameters=kept[0])
        parameters = xp.stack(kept)
        return SimplexFlow(
            parameters=parameters,
            probabilities=loss.model.probabilities(parameters),
            evidence=xp.stack([evidence_loss(loss.model, xi, loss.target) for xi in kept]),
            loss=xp.stack([loss.value(xi) for xi in kept]),
            times=self.stepping.step_size * at,
            status=outcome.status,
            reason=outcome.reason,
        )
