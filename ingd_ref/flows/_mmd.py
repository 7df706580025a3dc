"""Gradient flow of the squared maximum mean discrepancy with a Gaussian kernel (W3)."""

from __future__ import annotations

from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array
from ingd_ref.backend._scaling import quiet, representable
from ingd_ref.flows._arguments import Samples
from ingd_ref.flows._bandwidth import BandwidthFlow

__all__ = ["MMDFlow", "mmd_velocity"]


@_checks.guarded
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
              = 2 \nabla_p \Bigl[ \sum_j \rho_j k(p, y_j)
              - \sum_k \pi_k k(p, x_k) \Bigr]_{p = x_i}, \qquad
              k(x, y) = e^{-\|x-y\|^2/(2\sigma^2)}

    The functional is the square of :func:`ingd_ref.metrics.mmd` (Q1), without a factor ½; for
    uniform weights :math:`v_i = -n\,\partial\,\mathrm{MMD}^2/\partial x_i`.

    Parameters
    ----------
    x, y, bandwidth, weights, target_weights, implementation
        As for :func:`wgf_velocity`.

    Returns
    -------
    array (n, d)
        Same namespace, device and dtype as x; in units of 1/x.

    Notes
    -----
    The right-hand side needs no division by π_i: a particle of weight zero moves with the field
    of the others and does not influence it. Particles many bandwidths away from the target do not
    move: the gradient of the kernel vanishes there.

    Examples
    --------
    >>> import numpy as np
    >>> mmd_velocity(np.array([[0.0]]), np.array([[1.0]]), bandwidth=1.0).round(6)
    array([[1.213061]])
    """
    samples = Samples.checked(x, y, weights, target_weights)
    return _velocity(samples, _checks.positive(bandwidth, "bandwidth"), implementation)


def _velocity(samples: Samples, bandwidth: float, implementation: str) -> Array:
    """(W3) for checked arguments."""

    def gradient(y: Array, weights: Array) -> Array:
        run = kernel("gaussian_gradient", samples.x, y, weights, implementation=implementation)
        return run(samples.x, y, weights, bandwidth)

    target = gradient(samples.y, samples.target_weights)
    with quiet():
        velocity = 2.0 * (target - gradient(samples.x, samples.weights))
    return representable(velocity, "the velocity")


@dataclass(frozen=True)
class MMDFlow(BandwidthFlow):
    """The flow of :func:`mmd_velocity`, equation (W3).

    Parameters are those of :class:`BandwidthFlow`.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[0.0]]), np.array([[1.0]])
    >>> MMDFlow(bandwidth=1.0).prepare(x, y, np.random.default_rng(0))(x).round(6)
    array([[1.213061]])
    """

    def _velocity(self, samples: Samples, bandwidth: float) -> Array:
        return _velocity(samples, bandwidth, self.implementation)
