"""Gradient flows of the evidence and of its lower bounds, equation (B6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.errors import DomainError, NonFiniteError
from ingd_ref.flows._integrators import INTEGRATORS, StepMemory, advance
from ingd_ref.simplex._losses import elbo_loss, evidence_loss
from ingd_ref.simplex._model import FiniteModel
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
    status : {"finished", "stopped"}
        All steps were done, or the next one could not be.
    reason : str
        What stopped it; empty if nothing did.
    """

    parameters: Array
    probabilities: Array
    evidence: Array
    loss: Array
    times: np.ndarray
    status: str
    reason: str


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

    Returns
    -------
    SimplexFlow

    Raises
    ------
    ShapeError, NonFiniteError, OptionError, BackendError
        For arguments that do not fit.
    DomainError
        For numbers out of range, and where the flow cannot start.

    Notes
    -----
    Where G_V is singular, the parameters take the shortest way in their own Euclidean norm, which
    depends on the parametrisation and may lead out of the set where p(ξ) is positive while the
    visible probabilities stay so. That is no reason to stop. But what a model can show may be less
    than the visible simplex and have an edge: a flow towards a target beyond it arrives there in
    finite time, with parameters that move ever faster. Euler steps then jump about, and the
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

    def slope(xi: Array) -> Array:
        return -evidence_gradient(model, xi, target, cut=cut).coordinates

    options = _Steps(steps, step_size, integrator, keep_every, rtol, atol)
    return _run(model, start, target, slope, lambda xi: evidence_loss(model, xi, target), options)


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
) -> SimplexFlow:
    r"""Natural gradient flow of the evidence lower bound, equation (B6).

    .. math:: \dot\xi = -G^+ \partial_\xi\, \mathrm{KL}\big(q \,\|\, p(\xi)\big), \qquad q(v, h) = p^*_V(v)\, q(h|v)

    Parameters
    ----------
    model : FiniteModel
        With n states, m visible cells and d parameters.
    start : array (..., d)
        Parameters at time 0; several flows side by side along the leading axes.
    target : array (m,) or (..., m)
        p*_V, positive, summing to one.
    recognition : array (n,) or (..., n), or "held" or "substituted"
        Fixed q(h|v), or the perfect recognition of the current ξ, anew at each evaluation; see
        :func:`elbo_gradient`.
    steps : int ≥ 1
        Default 499, which gives the 500 states of [A25].
    step_size : float > 0
        Flow time of a step. Default 0.01.
    integrator : {"euler", "heun", "rk4", "adaptive"}
        Default: explicit Euler steps ξ ← ξ − dt G⁺ ∂_ξ L.
    keep_every : int ≥ 1
        The start, every so many-th state and the last one are kept. Default: every state.
    cut : float in (0, 1), optional
        As for :func:`elbo_gradient`.
    rtol, atol : float
        Tolerances of the adaptive integrator. Default 1e-6 and 1e-9.

    Returns
    -------
    SimplexFlow

    Raises
    ------
    ShapeError, NonFiniteError, OptionError, BackendError
        For arguments that do not fit.
    DomainError
        For numbers out of range, and where the flow cannot start.

    Notes
    -----
    Source: [A25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> model, start, best = ir.simplex.naive_bayes(), np.full(5, 0.25), np.array([0.5, 0.4, 0.7, 0.2, 0.9])
    >>> q = model.probabilities(best)
    >>> target, recognition = model.marginalisation.push(q), model.marginalisation.conditional(q)
    >>> flow = ir.simplex.run_elbo_flow(model, start, target, recognition, steps=2000, keep_every=2000)
    >>> flow.status, flow.parameters[-1].round(6)
    ('finished', array([0.5, 0.4, 0.7, 0.2, 0.9]))
    """

    def slope(xi: Array) -> Array:
        return -elbo_gradient(model, xi, target, recognition, cut=cut).coordinates

    options = _Steps(steps, step_size, integrator, keep_every, rtol, atol)
    return _run(
        model, start, target, slope, lambda xi: elbo_loss(model, xi, target, recognition), options
    )


@dataclass(frozen=True)
class _Steps:
    """How a flow is followed."""

    steps: int
    step_size: float
    integrator: str
    keep_every: int
    rtol: float
    atol: float

    def __post_init__(self) -> None:
        _checks.positive_integer(self.steps, "steps")
        _checks.positive(self.step_size, "step_size")
        _checks.choice(self.integrator, "integrator", INTEGRATORS)
        _checks.positive_integer(self.keep_every, "keep_every")
        _checks.nonnegative(self.rtol, "rtol")
        _checks.positive(self.atol, "atol")


def _run(
    model: FiniteModel,
    start: Array,
    target: Array,
    slope: Callable[[Array], Array],
    loss: Callable[[Array], Array],
    options: _Steps,
) -> SimplexFlow:
    """Follow ``slope`` until the end, or until it cannot be evaluated; bad arguments have raised before the first step."""
    _, xi = model.checked(start)
    xp = array_namespace(start=start, target=target)
    xi = xp.asarray(xi, copy=True)
    for evaluate in (slope, loss):  # what cannot start raises here
        evaluate(xi)

    def stage(state: Array) -> Array:
        """The slope; where it does not exist, an error that tells the adaptive integrator to try a shorter step."""
        try:
            return slope(state)
        except DomainError as error:
            raise NonFiniteError(str(error)) from error

    memory: StepMemory | None = None
    kept, at, done, reason = [xi], [0], 0, ""
    while done < options.steps and not reason:
        try:
            new, memory = advance(
                options.integrator, stage, xi, options.step_size, memory, options.rtol, options.atol
            )
            loss(new)
            xi, done = new, done + 1
        except (DomainError, NonFiniteError) as error:
            reason = f"step {done + 1}: {error}"
        if done > at[-1] and (done % options.keep_every == 0 or done == options.steps or reason):
            kept.append(xi)
            at.append(done)
    parameters = xp.stack(kept)
    values = [loss(state) for state in kept]
    evidence = [evidence_loss(model, state, target) for state in kept]
    return SimplexFlow(
        parameters=parameters,
        probabilities=model.probabilities(parameters),
        evidence=xp.stack(evidence),
        loss=xp.stack(values),
        times=options.step_size * np.array(at),
        status="stopped" if reason else "finished",
        reason=reason,
    )
