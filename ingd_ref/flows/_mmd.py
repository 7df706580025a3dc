"""Gradient flow of the squared maximum mean discrepancy with a Gaussian kernel (W3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.flows._bandwidth import MEDIAN, checked_bandwidth, settled_bandwidth
from ingd_ref.flows._flow import Flow, VelocityFunction
from ingd_ref.kernels.bandwidth import MEDIAN_RULES

__all__ = ["MMDFlow", "mmd_velocity"]


def mmd_velocity(
    x: Array,
    y: Array,
    bandwidth: float,
    weights: Array | None = None,
    target_weights: Array | None = None,
    implementation: str = "auto",
) -> Array:
    r"""Velocity of the gradient flow of the squared MMD, equation (W3).

    .. math:: v(x_i) = -\frac{1}{\pi_i} \frac{\partial\, \mathrm{MMD}^2}{\partial x_i}
              = 2 \nabla_p \Bigl[ \sum_j \rho_j k(p, y_j) - \sum_k \pi_k k(p, x_k) \Bigr]_{p = x_i}, \qquad
              k(x, y) = e^{-\|x-y\|^2/(2\sigma^2)}

    The functional is the square of :func:`ingd_ref.metrics.mmd` (Q1), without a factor ½; for
    uniform weights :math:`v_i = -n\,\partial\,\mathrm{MMD}^2/\partial x_i`.

    Parameters
    ----------
    x : array (n, d)
        Particles.
    y : array (m, d)
        Sample of the target.
    bandwidth : float > 0
        Standard deviation σ of the kernel, in the units of x.
    weights : array (n,), optional
        Weights π of the particles, non-negative, summing to one. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample, likewise. Default: 1/m.
    implementation : {"auto", "readable", "fused"}
        Which kernel runs. Default "auto".

    Returns
    -------
    array (n, d)
        Same namespace, device and dtype as x; in units of 1/x.

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, OptionError, BackendError

    Notes
    -----
    The right-hand side needs no division by π_i: a particle of weight zero is moved by the others
    without acting on them. Particles many bandwidths away from the target do not move: the gradient
    of the kernel vanishes there, as the mathematics has it.

    Examples
    --------
    >>> import numpy as np
    >>> mmd_velocity(np.array([[0.0]]), np.array([[1.0]]), bandwidth=1.0).round(6)
    array([[1.213061]])
    """
    xp = array_namespace(x=x, y=y, weights=weights, target_weights=target_weights)
    x = _checks.points(x, "x", xp)
    y = _checks.points(y, "y", xp, dim=x.shape[1], like=x)
    bandwidth = _checks.positive(bandwidth, "bandwidth")
    weights = _checks.weights(weights, "weights", x.shape[0], xp, x)
    target_weights = _checks.weights(target_weights, "target_weights", y.shape[0], xp, x)
    target = kernel("gaussian_gradient", x, y, target_weights, implementation=implementation)(
        x, y, target_weights, bandwidth
    )
    own = kernel("gaussian_gradient", x, x, weights, implementation=implementation)(
        x, x, weights, bandwidth
    )
    return 2.0 * (target - own)


@dataclass(frozen=True)
class MMDFlow(Flow):
    """The flow of :func:`mmd_velocity`, equation (W3).

    Parameters
    ----------
    bandwidth : float > 0 or "median"
        σ, in the units of the particles; "median" is rule (K8) on the particles at the start of
        each step. Default "median".
    median_rule : {"midpoint", "lower"}
        Median of an even number of distances. Default "midpoint".
    implementation : {"auto", "readable", "fused"}
        Which kernels run. Default "auto".

    Raises
    ------
    DomainError, NonFiniteError, OptionError

    Examples
    --------
    >>> import numpy as np
    >>> velocity = MMDFlow(bandwidth=1.0).prepare(np.array([[0.0]]), np.array([[1.0]]), np.random.default_rng(0))
    >>> velocity(np.array([[0.0]])).round(6)
    array([[1.213061]])
    """

    bandwidth: float | str = MEDIAN
    median_rule: str = "midpoint"
    implementation: str = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", checked_bandwidth(self.bandwidth))
        _checks.choice(self.median_rule, "median_rule", MEDIAN_RULES)

    def prepare(
        self,
        particles: Array,
        target: Array,
        rng: np.random.Generator,
        weights: Array | None = None,
        target_weights: Array | None = None,
        mask: Array | None = None,
    ) -> VelocityFunction:
        bandwidth = settled_bandwidth(
            self.bandwidth, particles, self.median_rule, self.implementation
        )

        def velocity(x: Array) -> Array:
            return mmd_velocity(x, target, bandwidth, weights, target_weights, self.implementation)

        return velocity
