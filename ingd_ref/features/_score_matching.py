"""Denoising score matching (F1): statistics learned from the sample that a flow is to reach."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item, to_backend, to_host
from ingd_ref.backend._scaling import exponent, quiet, range_of
from ingd_ref.errors import DomainError, NonFiniteError, ShapeError
from ingd_ref.features._network import EnergyNetwork
from ingd_ref.kernels._activations import ACTIVATIONS, CURVATURES

__all__ = ["TrainedNetwork", "denoising_loss", "train_energy_network"]

FIRST_DECAY, SECOND_DECAY, FLOOR = 0.9, 0.999, 1e-8  # Adam's usual constants


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """Result of :func:`train_energy_network`.

    Attributes
    ----------
    network : EnergyNetwork
        The network.
    losses : array (steps,)
        The loss (F1) of each minibatch, per point, on the host.
    """

    network: EnergyNetwork
    losses: np.ndarray


@_checks.guarded
def denoising_loss(
    network: EnergyNetwork, x: Array, disturbance: Array, noise: float
) -> tuple[float, EnergyNetwork]:
    r"""The loss of denoising score matching and its gradient over the parameters, equation (F1).

    .. math:: L = \frac1n \sum_i \| \nabla E(x_i + \epsilon_i) + \epsilon_i / s^2 \|^2

    Parameters
    ----------
    network : EnergyNetwork
        E.
    x : array (n, d)
        The sample.
    disturbance : array (n, d)
        ε, drawn from N(0, s²I).
    noise : float > 0
        s, in the units of x.

    Returns
    -------
    float
        L.
    EnergyNetwork
        ∂L over the parameters, in the shape of the network.

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, BackendError
        If points or disturbance do not fit the network, or the noise is not positive.

    Notes
    -----
    With residuals r_i = (2/n)(∇E + ε_i/s²) held fixed, the gradient is that of Σ⟨r_i, ∇E(x_i +
    ε_i)⟩: the derivative of ∇_W E along x → x + τr: one forward tangent through back-propagation,
    and no second derivative is ever stored. Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> network = EnergyNetwork([(np.eye(1), np.zeros(1))], np.array([-2.0]), activation="relu")
    >>> loss, gradient = denoising_loss(network, np.array([[3.0]]), np.array([[0.5]]), noise=1.0)
    >>> loss, gradient.head
    (2.25, array([-3.]))
    """
    xp = array_namespace(x=x, disturbance=disturbance)
    x = _checks.points(x, "x", xp)
    disturbance = _checks.points(disturbance, "disturbance", xp, dim=x.shape[1], like=x)
    if disturbance.shape[0] != x.shape[0]:
        raise ShapeError(
            f"disturbance must have a row for each of the {x.shape[0]} points of x, "
            f"got {disturbance.shape[0]}"
        )
    _checks.instance(network, "network", EnergyNetwork, "an EnergyNetwork")
    noise = _checks.positive(noise, "noise")
    with quiet():
        moved = x + disturbance
        residual = network.score(moved) + _over_variance(disturbance, noise)
        number = x.shape[0]
        loss = item(xp.sum(residual * residual)) / number
        if not math.isfinite(loss):
            raise NonFiniteError(f"the loss is beyond the largest number, with noise = {noise:g}")
        return loss, _tangent_of_gradient(xp, network, moved, residual * (2.0 / number))


def _over_variance(disturbance: Array, noise: float) -> Array:
    """Return ε/s², also where s² is not a normal number."""
    if abs(exponent(noise)) <= 0.4 * range_of(disturbance):
        return disturbance / noise**2
    return disturbance / noise / noise


def _tangent_of_gradient(
    xp: Namespace, network: EnergyNetwork, x: Array, direction: Array
) -> EnergyNetwork:
    """Return d/dτ Σ_i ∂E(x_i + τ r_i)/∂(parameters) at τ = 0.

    Back-propagation (δ, h) runs together with its forward tangent (δ̇, ḣ).
    """
    phi, curvature = ACTIVATIONS[network.activation], CURVATURES[network.activation]
    inputs, slopes, bends, rates = [(x, direction)], [], [], []
    for matrix, offset in network.layers:
        transposed = xp.matrix_transpose(matrix)
        a, rate = (
            xp.matmul(inputs[-1][0], transposed) + offset,
            xp.matmul(inputs[-1][1], transposed),
        )
        value, slope = phi(xp, a)
        inputs.append((value, slope * rate))
        slopes.append(slope)
        bends.append(curvature(xp, a))
        rates.append(rate)
    head = xp.sum(inputs[-1][1], axis=0)
    back = xp.broadcast_to(network.head[None, :], inputs[-1][0].shape)
    back_rate = xp.zeros_like(back)
    gradients = []
    for level in range(len(network.layers) - 1, -1, -1):
        delta_rate = bends[level] * rates[level] * back + slopes[level] * back_rate
        delta = slopes[level] * back
        value, rate = inputs[level]
        gradient = xp.matmul(xp.matrix_transpose(delta_rate), value) + xp.matmul(
            xp.matrix_transpose(delta), rate
        )
        gradients.append((gradient, xp.sum(delta_rate, axis=0)))
        matrix = network.layers[level][0]
        back, back_rate = xp.matmul(delta, matrix), xp.matmul(delta_rate, matrix)
    return EnergyNetwork(gradients[::-1], head, network.activation)


def train_energy_network(
    sample: Array,
    noise: float,
    rng: RandomSource,
    *,
    widths: Sequence[int] = (64, 64),
    activation: str = "silu",
    steps: int = 2000,
    batch: int = 128,
    learning_rate: float = 1e-3,
    weights: Array | None = None,
    start: EnergyNetwork | None = None,
    progress: bool | Callable[[int, float], object] = False,
) -> TrainedNetwork:
    """Train an energy-based network on a sample by denoising score matching, equation (F1).

    Parameters
    ----------
    sample : array (m, d)
        The sample whose statistics are to be learned.
    noise : float > 0
        s, in the units of the sample: details finer than it are smoothed away.
    rng : numpy.random.Generator or seed
        Draws the start, the minibatches and the noise, on the host.
    widths : sequence of int
        Widths of the hidden layers; the last is the number b of statistics. Default (64, 64).
    activation : {"tanh", "relu", "silu", "gelu"}
        Default ``"silu"``.
    steps : int ≥ 1
        Minibatches. Default 2000.
    batch : int ≥ 1
        Points in each, drawn with replacement. Default 128.
    learning_rate : float > 0
        Of Adam; it falls to zero along half a cosine. Default 1e-3.
    weights : array (m,), optional
        Weights of the sample, summing to one: the probabilities with which points are drawn.
        Default: 1/m.
    start : EnergyNetwork, optional
        Network to continue from, which fixes widths and activation. Default: a random one.
    progress : bool or callable
        ``True`` shows a bar on the standard error stream; a callable receives the step and its
        loss. Default ``False``.

    Returns
    -------
    TrainedNetwork
        Its ``network.features`` are statistics for a flow.

    Raises
    ------
    ShapeError, DomainError, OptionError, BackendError
        If an argument has the wrong shape, range, name or library.
    NonFiniteError
        If training diverges; the message names the step.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> trained = train_energy_network(rng.normal(size=(200, 1)), 0.5, rng, widths=(8,), steps=50)
    >>> trained.network.features(np.zeros((3, 1))).shape
    (3, 8)
    """
    xp = array_namespace(sample=sample)
    sample = _checks.points(sample, "sample", xp)
    rng = _checks.generator(rng)
    if not callable(progress):
        _checks.flag(progress, "progress")
    noise, learning_rate = (
        _checks.positive(noise, "noise"),
        _checks.positive(learning_rate, "learning_rate"),
    )
    steps, batch = (
        _checks.positive_integer(steps, "steps"),
        _checks.positive_integer(batch, "batch"),
    )
    probabilities = (
        None
        if weights is None
        else _probabilities(_checks.weights(weights, "weights", sample.shape[0], xp, like=sample))
    )
    if start is not None:
        _checks.instance(start, "start", EnergyNetwork, "an EnergyNetwork")
    network = _random_network(sample, widths, activation, rng) if start is None else start
    optimiser = _Adam(network)
    losses = np.zeros(steps)
    for step in _shown(steps, progress):
        chosen = rng.choice(sample.shape[0], batch, p=probabilities)
        x = xp.take(sample, to_backend(chosen, sample), axis=0)
        rate = 0.5 * learning_rate * (1.0 + math.cos(math.pi * step / steps))
        try:
            losses[step], gradient = denoising_loss(
                network, x, to_backend(noise * rng.standard_normal(x.shape), sample), noise
            )
            network = optimiser.step(network, gradient, rate)
        except (DomainError, NonFiniteError) as error:
            raise NonFiniteError(
                f"training diverged in step {step}; try a smaller learning_rate"
            ) from error
        if callable(progress):
            progress(step, float(losses[step]))
    return TrainedNetwork(network, losses)


def _probabilities(weights: Array) -> np.ndarray:
    """Return weights on the host that sum to one in float64."""
    host = np.asarray(to_host(weights), dtype=np.float64)
    return np.asarray(host / np.sum(host))


def _shown(steps: int, progress: bool | Callable[[int, float], object]) -> Iterable[int]:
    """Return the numbers of the steps, with a progress bar if it is requested."""
    if progress is not True:
        return range(steps)
    from rich.console import Console
    from rich.progress import track

    return track(range(steps), description="score matching", console=Console(stderr=True))


def _random_network(
    sample: Array, widths: Sequence[int], activation: str, rng: np.random.Generator
) -> EnergyNetwork:
    """Draw layers uniform on ±1/√inputs, as :class:`ingd_ref.rkhs.RandomNeuralTangent` does."""
    widths = _checks.sequence(widths, "widths", "int")
    sizes = (sample.shape[1], *(_checks.positive_integer(width, "widths") for width in widths))
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        bound = 1.0 / math.sqrt(inputs)
        matrix, offset = (
            rng.uniform(-bound, bound, (outputs, inputs)),
            rng.uniform(-bound, bound, outputs),
        )
        layers.append((to_backend(matrix, sample), to_backend(offset, sample)))
    bound = 1.0 / math.sqrt(sizes[-1])
    return EnergyNetwork(
        layers, to_backend(rng.uniform(-bound, bound, sizes[-1]), sample), activation
    )


class _Adam:
    """Adam: a step is the mean gradient over the root of the mean square, both bias-corrected."""

    def __init__(self, network: EnergyNetwork) -> None:
        self.first = [0.0 * part for part in _parts(network)]
        self.second = [0.0 * part for part in _parts(network)]
        self.count = 0

    def step(self, network: EnergyNetwork, gradient: EnergyNetwork, rate: float) -> EnergyNetwork:
        xp = array_namespace(head=network.head)
        self.count += 1
        scale = 1.0 - FIRST_DECAY**self.count, 1.0 - SECOND_DECAY**self.count
        moved = []
        for k, (part, slope) in enumerate(zip(_parts(network), _parts(gradient), strict=True)):
            self.first[k] = FIRST_DECAY * self.first[k] + (1.0 - FIRST_DECAY) * slope
            self.second[k] = SECOND_DECAY * self.second[k] + (1.0 - SECOND_DECAY) * slope * slope
            moved.append(
                part
                - rate * (self.first[k] / scale[0]) / (xp.sqrt(self.second[k] / scale[1]) + FLOOR)
            )
        return EnergyNetwork(
            list(zip(moved[:-1:2], moved[1:-1:2], strict=True)), moved[-1], network.activation
        )


def _parts(network: EnergyNetwork) -> list[Array]:
    """List all arrays of parameters, the head last."""
    return [*itertools.chain.from_iterable(network.layers), network.head]
