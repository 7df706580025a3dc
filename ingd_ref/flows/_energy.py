"""Gradient flow of the energy distance (W2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.flows._flow import Flow, VelocityFunction

__all__ = ["EnergyFlow", "energy_velocity"]


def energy_velocity(
    x: Array,
    y: Array,
    weights: Array | None = None,
    target_weights: Array | None = None,
    implementation: str = "auto",
) -> Array:
    r"""Velocity of the energy-distance gradient flow, equation (W2).

    .. math:: v(x_i) = -\frac{1}{\pi_i} \frac{\partial E}{\partial x_i}
              = 2 \sum_k \pi_k \frac{x_i - x_k}{\|x_i - x_k\|} - 2 \sum_j \rho_j \frac{x_i - y_j}{\|x_i - y_j\|}

    with E the energy distance (Q2), :func:`ingd_ref.metrics.energy_distance`; for uniform weights
    it is :math:`-n\,\partial E/\partial x_i`.

    Parameters
    ----------
    x : array (n, d)
        Particles.
    y : array (m, d)
        Sample of the target.
    weights : array (n,), optional
        Weights π of the particles, non-negative, summing to one. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample, likewise. Default: 1/m.
    implementation : {"auto", "readable", "fused"}
        Which kernel runs. Default "auto".

    Returns
    -------
    array (n, d)
        Same namespace, device and dtype as x; without units, and never longer than 4.

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, OptionError, BackendError

    Notes
    -----
    The right-hand side needs no division by π_i: a particle of weight zero is moved by the others
    without acting on them. Where two points coincide the distance has no gradient, and the term
    counts as zero: the element of smallest norm among its subgradients. This is the squared-MMD
    flow for the kernel −‖x − y‖. Source: [L25], baseline.

    Examples
    --------
    >>> import numpy as np
    >>> energy_velocity(np.array([[0.0]]), np.array([[3.0]]))
    array([[2.]])
    """
    xp = array_namespace(x=x, y=y, weights=weights, target_weights=target_weights)
    x = _checks.points(x, "x", xp)
    y = _checks.points(y, "y", xp, dim=x.shape[1], like=x)
    weights = _checks.weights(weights, "weights", x.shape[0], xp, x)
    target_weights = _checks.weights(target_weights, "target_weights", y.shape[0], xp, x)
    repulsion = kernel("distance_gradient", x, x, weights, implementation=implementation)(
        x, x, weights
    )
    attraction = kernel("distance_gradient", x, y, target_weights, implementation=implementation)(
        x, y, target_weights
    )
    return 2.0 * (repulsion - attraction)


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
    >>> velocity = EnergyFlow().prepare(np.array([[0.0]]), np.array([[3.0]]), np.random.default_rng(0))
    >>> velocity(np.array([[0.0]]))
    array([[2.]])
    """

    implementation: str = "auto"

    def prepare(
        self,
        particles: Array,
        target: Array,
        rng: np.random.Generator,
        weights: Array | None = None,
        target_weights: Array | None = None,
        mask: Array | None = None,
    ) -> VelocityFunction:
        def velocity(x: Array) -> Array:
            return energy_velocity(x, target, weights, target_weights, self.implementation)

        return velocity
