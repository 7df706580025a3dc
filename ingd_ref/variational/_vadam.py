"""Vadam: Adam with perturbed weights as variational inference with factorised Gaussians [K18]."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, array_namespace, item, to_backend, to_host
from ingd_ref.errors import DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.runs._loop import Outcome, Process, run
from ingd_ref.runs._options import Callback, Options, Report
from ingd_ref.runs._state import Record, Series, State
from ingd_ref.variational._approximation import as_vectors
from ingd_ref.variational._mean_field import MeanFieldGaussian
from ingd_ref.variational._models import GeneralisedLinearModel

__all__ = ["Vadam", "VadamResult", "VadamState", "run_vadam"]


@dataclass(frozen=True, eq=False)
class VadamState:
    """State of Vadam between two steps.

    Attributes
    ----------
    mean : array (..., d)
        Mean of q.
    momentum : array (..., d)
        Running average of the gradients.
    scale : array (..., d)
        Running average of the squared gradients, the estimate of the curvature per datum.
    count : int
        Steps completed.
    """

    mean: Array
    momentum: Array
    scale: Array
    count: int = 0

    def __post_init__(self) -> None:
        xp = array_namespace(mean=self.mean, momentum=self.momentum, scale=self.scale)
        mean = _checks.finite(_checks.real_array(self.mean, "mean", xp), "mean", xp)
        object.__setattr__(self, "mean", mean)
        for name in ("momentum", "scale"):
            value = _checks.real_array(getattr(self, name), name, xp, like=mean)
            if value.shape != mean.shape:
                raise ShapeError(f"{name} must have shape {mean.shape}, got {value.shape}")
            object.__setattr__(self, name, _checks.finite(value, name, xp))
        object.__setattr__(self, "count", _checks.nonnegative_integer(self.count, "count"))


@dataclass(frozen=True)
class Vadam:
    r"""The rule of Vadam, diagonal and stochastic.

    With g the minibatch mean of −∇ log p(datum | x) at x = m + z/√(Ns + λ), z standard normal, and
    t the number of the step,

    .. math::
        u &\leftarrow \gamma_1 u + (1-\gamma_1)(g + \lambda m/N), \qquad
        s \leftarrow \gamma_2 s + (1-\gamma_2)\, g \circ g \\
        m &\leftarrow m - \alpha\, \frac{u/(1-\gamma_1^t)}{\sqrt{s/(1-\gamma_2^t)} + \lambda/N}

    Against the step of (E11) for independent coordinates it takes squares of minibatch gradients
    for the curvature, the square root of their average where the precision should stand, momentum,
    and one sample of x. So m is stationary where the ELBO is, on average, but the precision Ns + λ
    is not that of the best q.

    Parameters
    ----------
    data_size : int ≥ 1
        Number N of data.
    prior_precision : float > 0
        λ of a prior N(0, I/λ).
    learning_rate : float > 0
        α. Default 1e-3.
    decay : tuple of float in [0, 1)
        γ₁ and γ₂. Default (0.9, 0.999).

    Raises
    ------
    DomainError, NonFiniteError
        If a number is out of its range or not finite.
    OptionError
        If the decay is not a pair.

    Examples
    --------
    >>> import numpy as np
    >>> rule = Vadam(data_size=10, prior_precision=1.0, learning_rate=0.1)
    >>> state = rule.start(np.array([1.0]), initial_precision=1.0)
    >>> rule.perturbed(state, np.array([0.5]))  # m + z/√λ
    array([1.5])
    >>> rule.step(state, np.array([2.0])).mean.round(6)  # 1 − 0.1 · (2 + 0.1)/(2 + 0.1)
    array([0.9])
    """

    data_size: int
    prior_precision: float
    learning_rate: float = 1e-3
    decay: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        size = _checks.positive_integer(self.data_size, "data_size")
        object.__setattr__(self, "data_size", size)
        for name in ("prior_precision", "learning_rate"):
            object.__setattr__(self, name, _checks.positive(getattr(self, name), name))
        if not isinstance(self.decay, tuple) or len(self.decay) != 2:
            raise OptionError(f"decay must be a pair of numbers, got {self.decay!r}")
        for value in self.decay:
            if _checks.nonnegative(value, "decay") >= 1.0:
                raise DomainError(f"decay must lie in [0, 1), got {self.decay}")

    def start(self, mean: Array, initial_precision: float | None = None) -> VadamState:
        """Return the state at a mean, with Ns + λ equal to ``initial_precision``.

        Parameters
        ----------
        mean : array (..., d)
            m.
        initial_precision : float ≥ λ, optional
            Default: λ + N, that is s = 1.

        Returns
        -------
        VadamState

        Raises
        ------
        BackendError, ShapeError, NonFiniteError
            If the mean is not a finite array (..., d).
        DomainError
            If the initial precision is below that of the prior.
        """
        xp = array_namespace(mean=mean)
        m = as_vectors(xp, mean, "mean")
        prior, size = self.prior_precision, self.data_size
        first = prior + size
        if initial_precision is not None:
            first = _checks.positive(initial_precision, "initial_precision")
        if first < prior:
            raise DomainError(
                f"initial_precision must be at least prior_precision {prior:g}, got {first:g}"
            )
        return VadamState(m, xp.zeros_like(m), xp.full_like(m, (first - prior) / size))

    @_checks.guarded
    def approximation(self, state: VadamState) -> MeanFieldGaussian:
        """Gaussian q = N(m, diag(Ns + λ)⁻¹) of a state."""
        _required(state)
        return MeanFieldGaussian(state.mean, self.data_size * state.scale + self.prior_precision)

    @_checks.guarded
    def perturbed(self, state: VadamState, noise: Array) -> Array:
        """Weights x = m + z/√(Ns + λ) (..., d) for standard normal z (..., d): a draw from q."""
        noise = _checks.returned(noise, "noise", mean=_required(state).mean)
        xp = array_namespace(mean=state.mean)
        noise = _checks.finite(_checks.real_array(noise, "noise", xp, state.mean), "noise", xp)
        if noise.ndim == 0 or noise.shape[-1] != state.mean.shape[-1]:
            raise ShapeError(
                f"noise must have shape (..., {state.mean.shape[-1]}), got {tuple(noise.shape)}"
            )
        return state.mean + noise / xp.sqrt(self.data_size * state.scale + self.prior_precision)

    @_checks.guarded
    def step(self, state: VadamState, gradient: Array) -> VadamState:
        """Take one step.

        Parameters
        ----------
        state : VadamState
            Batch shape (...).
        gradient : array (..., d)
            Minibatch mean g of the gradients of −log p(datum | x) at the perturbed weights, without
            the prior.

        Returns
        -------
        VadamState

        Raises
        ------
        BackendError, ShapeError
            If the gradient does not fit the mean.
        NonFiniteError
            If the gradient is not finite; the message names the step.
        """
        gradient = _checks.returned(gradient, "gradient", mean=_required(state).mean)
        xp = array_namespace(mean=state.mean)
        gradient = _checks.real_array(gradient, "gradient", xp, state.mean)
        if tuple(gradient.shape) != tuple(state.mean.shape):
            raise ShapeError(
                f"gradient must have the shape {tuple(state.mean.shape)} of the mean, "
                f"got {tuple(gradient.shape)}"
            )
        if not item(xp.all(xp.isfinite(gradient))):
            raise NonFiniteError(
                f"after {state.count} steps: the gradient is not finite; "
                "a smaller learning_rate may help"
            )
        (first, second), count = self.decay, state.count + 1
        prior = self.prior_precision / self.data_size
        momentum = first * state.momentum + (1.0 - first) * (gradient + prior * state.mean)
        scale = second * state.scale + (1.0 - second) * gradient * gradient
        direction = momentum / (1.0 - first**count)
        size = xp.sqrt(scale / (1.0 - second**count)) + prior
        mean = state.mean - self.learning_rate * direction / size
        return VadamState(mean, momentum, scale, count)


def _required(state: object) -> VadamState:
    checked: VadamState = _checks.instance(state, "state", VadamState, "a VadamState")
    return checked


@dataclass(frozen=True, eq=False)
class VadamResult:
    """A run of Vadam.

    Attributes
    ----------
    approximation : MeanFieldGaussian
        q after the last step.
    state : VadamState
        From which another run can continue.
    means : numpy.ndarray (steps + 1, d)
        Means at the start and after each step.
    status : {"finished", "stopped", "interrupted"}
        All steps were taken; the callback ended the run; Ctrl-C or an error came first.
    seconds : float
        Time that the run has taken, earlier parts of a resumed run included.
    """

    approximation: MeanFieldGaussian
    state: VadamState
    means: np.ndarray
    status: str
    seconds: float


@_checks.quiet
def run_vadam(
    model: Any,
    rule: Vadam,
    state: VadamState,
    *,
    steps: int = 1000,
    batch_size: int | None = None,
    rng: RandomSource = None,
    callback: Callback | None = None,
    progress: bool | Report = True,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1,
) -> VadamResult:
    """Run Vadam on minibatches drawn without replacement.

    Parameters
    ----------
    model : object
        With a method ``likelihood_gradients(x, rows)``: gradients (k, d) of log p(datum | x) at a
        point (d,) for the given rows (k,), as every :class:`GeneralisedLinearModel` has. Its own
        prior is ignored: that of the rule counts.
    rule : Vadam
        The settings.
    state : VadamState
        From ``rule.start``, or from an earlier run; without batch axes.
    steps : int ≥ 1
        Number of steps. Default 1000.
    batch_size : int ≥ 1, optional
        Data in a minibatch. Default: all of them.
    rng : numpy.random.Generator or seed, optional
        The only source of randomness: minibatches first, then noise. Default: a fresh one.
    callback : callable, optional
        Called with the :class:`VadamState` after each step; a true answer ends the run with status
        "stopped".
    progress : bool or callable
        ``True`` (default): a bar if the standard error stream is a terminal; a callable is called
        with the :class:`VadamState` after each step.
    checkpoint, checkpoint_every
        As for :func:`ingd_ref.run_flow`.

    Returns
    -------
    VadamResult

    Raises
    ------
    BackendError, ShapeError
        If the state or a gradient does not fit.
    OptionError
        If the model has no gradients per datum or another number of data than the rule, or the
        minibatch is larger than the data.
    NonFiniteError
        If a gradient is not finite; the message names the step.
    CheckpointError
        If the checkpoint cannot be written, is damaged, or belongs to another run.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref.variational import BayesianLinearRegression
    >>> rng = np.random.default_rng(0)
    >>> design = rng.normal(size=(200, 1))
    >>> model = BayesianLinearRegression(design, 2.0 * design[:, 0] + rng.normal(size=200))
    >>> rule = Vadam(data_size=200, prior_precision=1.0, learning_rate=0.05)
    >>> result = run_vadam(model, rule, rule.start(np.zeros(1)), steps=400, batch_size=20, rng=rng)
    >>> bool(abs(result.means[200:].mean() - 2.0) < 0.2)
    True
    """
    options = Options(steps, rng, callback, progress, checkpoint, checkpoint_every)
    _checks.instance(rule, "rule", Vadam, "a Vadam")
    _required(state)
    size = rule.data_size
    if batch_size is not None:
        size = _checks.positive_integer(batch_size, "batch_size")
    _require_fit(model, rule, state, size)
    return run(_Training(model, rule, state, size), options)


def _require_fit(model: Any, rule: Vadam, state: VadamState, size: int) -> None:
    """Raise unless the model, the rule, the state and the size of minibatches fit together."""
    if size > rule.data_size:
        raise OptionError(f"batch_size must be at most data_size {rule.data_size}, got {size}")
    if not hasattr(model, "likelihood_gradients"):
        raise OptionError(f"{type(model).__name__} has no method likelihood_gradients(x, rows)")
    if state.mean.ndim != 1:
        raise ShapeError(f"state.mean must have shape (d,), got {tuple(state.mean.shape)}")
    if isinstance(model, GeneralisedLinearModel) and model.response.shape[-1] != rule.data_size:
        raise OptionError(
            f"the rule is made for {rule.data_size} data, "
            f"but the model has {model.response.shape[-1]}"
        )


class _Training(Process[VadamResult]):
    """Vadam on minibatches of a model."""

    def __init__(self, model: Any, rule: Vadam, state: VadamState, size: int) -> None:
        self.model, self.rule, self.size = model, rule, size
        self.start = _frozen(state)
        self.series = (Series("mean", state.mean),)

    def parts(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "rule": self.rule,
            "state": _thawed(self.start),
            "batch_size": self.size,
        }

    def step(self, state: State, number: int, rng: np.random.Generator) -> State:
        rule, now = self.rule, _thawed(state)
        rows = to_backend(rng.permutation(rule.data_size)[: self.size], like=now.mean)
        noise = to_backend(rng.standard_normal(now.mean.shape[0]), like=now.mean)
        gradients = self.model.likelihood_gradients(rule.perturbed(now, noise), rows)
        mean = array_namespace(gradients=gradients).mean(gradients, axis=0)
        return _frozen(rule.step(now, -mean))

    def info(
        self, step: int, steps: int, state: State, record: Record, seconds: float
    ) -> VadamState:
        return _thawed(state)

    def caption(self, info: VadamState) -> str:
        return "Vadam"

    def result(self, outcome: Outcome) -> VadamResult:
        last = _thawed(outcome.state)
        means = np.stack([to_host(mean) for mean in outcome.kept("mean")])
        return VadamResult(
            self.rule.approximation(last), last, means, outcome.status, outcome.seconds
        )


def _frozen(state: VadamState) -> State:
    arrays = {"mean": state.mean, "momentum": state.momentum, "scale": state.scale}
    return State(arrays, state.count)


def _thawed(state: State) -> VadamState:
    return VadamState(**state.arrays, count=state.memory)
