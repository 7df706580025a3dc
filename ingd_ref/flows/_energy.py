"""Gradient flow of the energy distance (W2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._dispatch import IMPLEMENTATIONS, kernel
from ingd_ref.backend._namespace import Array
from ingd_ref.flows._arguments import Samples
from ingd_ref.flows._flow import Flow, VelocityFunction

__all__ = ["EnergyFlow", "energy_velocity"]


@_checks.guarded
def energy_velocity(
    x: Array,
    y: Array,
    weights: Array | None = None,
    target_weights: Array | None = None,
    implementation: str = "auto",
) -> Array:
    r"""Velocity of the energy-distance gradient flow, equation (W2).

    .. math:: v(x_i) = -\frac{1}{\pi_i} \frac{\partial E}{\partial x_i}
              = 2 \sum_k \pi_k \frac{x_i - x_k}{\|x_i - x_k\|}
              - 2 \sum_j \rho_j \frac{x_i - y_j}{\|x_i - y_j\|}

    with E the energy distance (Q2), :func:`ingd_ref.metrics.energy_distance`; for uniform weights
    it is :math:`-n\,\partial E/\partial x_i`.

    Parameters
    ----------
    x, y, weights, target_weights, implementation
        As for :func:`wgf_velocity`.

    Returns
    -------
    array (n, d)
        Same namespace, device and dtype as x; without units, and never longer than 4.

    Notes
    -----
    The right-hand side needs no division by π_i: a particle of weight zero moves with the field
    of the others and does not act on them. Where two points coincide the distance has no gradient,
    and the term counts as zero: the element of smallest norm among its subgradients. This is the
    squared-MMD flow for the kernel −‖x − y‖. Source: [L25], baseline.

    Examples
    --------
    >>> import numpy as np
    >>> energy_velocity(np.array([[0.0]]), np.array([[3.0]]))
    array([[2.]])
    """
    return _velocity(Samples.checked(x, y, weights, target_weights), implementation)


def _velocity(samples: Samples, implementation: str) -> Array:
    """(W2) for checked arguments."""

    def gradient(y: Array, weights: Array) -> Array:
        run = kernel("distance_gradient", samples.x, y, weights, implementation=implementation)
        return run(samples.x, y, weights)

    repulsion = gradient(samples.x, samples.weights)
    return 2.0 * (repulsion - gradient(samples.y, samples.target_weights))


@dataclass(frozen=True)
class EnergyFlow(Flow):
    """The flow of :func:`energy_velocity`, equation (W2).

    Parameters
    ----------
    implementation : {"auto", "readable", "fused"}
        Which kernels run. Default "auto".

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[0.0]]), np.array([[3.0]])
    >>> EnergyFlow().prepare(x, y, np.random.default_rng(0))(x)
    array([[2.]])
    """

    implementation: str = "auto"

    def __post_init__(self) -> None:
        _checks.choice(self.implementation, "implementation", IMPLEMENTATIONS)

    def prepare(
        self,
        particles: Array,
        target: Array,
        rng: RandomSource,
        weights: Array | None = None,
        target_weights: Array | None = None,
        mask: Array | None = None,
    ) -> VelocityFunction:
        _checks.generator(rng)
        samples = Samples.trusted(particles, target, weights, target_weights)
        return lambda x: _velocity(replace(samples, x=x), self.implementation)
