"""Wasserstein gradient flow of the reverse KL divergence, with kernel density scores (W1)."""

from __future__ import annotations

from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.backend._scaling import quiet, representable
from ingd_ref.flows._arguments import Samples
from ingd_ref.flows._bandwidth import BandwidthFlow

__all__ = ["WGF", "gaussian_kde_score", "wgf_velocity"]


@_checks.guarded
def gaussian_kde_score(
    x: Array,
    sample: Array,
    bandwidth: float,
    weights: Array | None = None,
    implementation: str = "auto",
) -> Array:
    r"""Score of a Gaussian kernel density estimate, as equation (W1) needs it.

    .. math:: \nabla \log \hat p(x) = \sum_j r_j(x)\,(y_j - x) / \sigma^2, \qquad
              r(x) = \operatorname{softmax}_j\bigl(\log\rho_j - \|x-y_j\|^2/(2\sigma^2)\bigr)

    Parameters
    ----------
    x : array (n, d)
        Points at which the score is evaluated.
    sample : array (m, d)
        The sample y that the estimate is built from.
    bandwidth : float > 0
        Standard deviation σ of the kernel, in the units of x.
    weights : array (m,), optional
        Weights ρ of the sample, non-negative, summing to one. Default: 1/m.
    implementation : {"auto", "readable", "fused"}
        Which kernel runs. Default "auto".

    Returns
    -------
    array (n, d)
        Same namespace, device and dtype as x; in units of 1/x.

    Raises
    ------
    ShapeError, NonFiniteError, BackendError
        If the arrays do not fit each other, or hold NaN or infinity.
    DomainError, OptionError
        If the bandwidth or a weight is out of range, or there is no such implementation.

    Notes
    -----
    Responsibilities r are a softmax, so a point far from the sample keeps its true score instead of
    0/0. Source: [L25], baseline WGF.

    Examples
    --------
    >>> import numpy as np
    >>> gaussian_kde_score(np.array([[30.0]]), np.array([[0.0], [1.0]]), 1.0)
    array([[-29.]])
    """
    xp = array_namespace(x=x, sample=sample, weights=weights)
    x = _checks.points(x, "x", xp)
    sample = _checks.points(sample, "sample", xp, dim=x.shape[1], like=x)
    weights = _checks.weights(weights, "weights", sample.shape[0], xp, x)
    bandwidth = _checks.positive(bandwidth, "bandwidth")
    return _score(x, sample, bandwidth, weights, implementation)


def _score(x: Array, sample: Array, bandwidth: float, weights: Array, implementation: str) -> Array:
    run = kernel("gaussian_kde_score", x, sample, weights, implementation=implementation)
    return run(x, sample, weights, bandwidth)


@_checks.guarded
def wgf_velocity(
    x: Array,
    y: Array,
    bandwidth: float,
    weights: Array | None = None,
    target_weights: Array | None = None,
    implementation: str = "auto",
) -> Array:
    r"""Velocity of the reverse-KL Wasserstein gradient flow, equation (W1).

    .. math:: v(x_i) = \nabla \log \hat p(x_i) - \nabla \log \hat q(x_i),

    the negative Wasserstein gradient :math:`-\nabla \log(q/p)` of KL(q‖p), with both scores from
    kernel density estimates (:func:`gaussian_kde_score`) of one bandwidth: of p from the target
    sample, of q from the particles themselves, x_i included.

    Parameters
    ----------
    x : array (n, d)
        Particles.
    y : array (m, d)
        Sample of the target.
    bandwidth : float > 0
        Standard deviation σ of both kernels, in the units of x. The published code takes rule (K8)
        on the particles.
    weights : array (n,), optional
        Weights π of the particles, non-negative, summing to one. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample, as those of the particles. Default: 1/m.
    implementation : {"auto", "readable", "fused"}
        Which kernel runs. Default "auto".

    Returns
    -------
    array (n, d)
        Same namespace, device and dtype as x.

    Raises
    ------
    ShapeError, NonFiniteError, BackendError, DomainError, OptionError
        As :func:`gaussian_kde_score`.

    Notes
    -----
    A particle of weight zero moves with the field of the others and does not act on them. Source:
    [L25], baseline WGF.

    Examples
    --------
    >>> import numpy as np
    >>> wgf_velocity(np.array([[0.0]]), np.array([[3.0]]), bandwidth=1.0)
    array([[3.]])
    """
    samples = Samples.checked(x, y, weights, target_weights)
    return _velocity(samples, _checks.positive(bandwidth, "bandwidth"), implementation)


def _velocity(samples: Samples, bandwidth: float, implementation: str) -> Array:
    """(W1) for checked arguments."""
    x, y = samples.x, samples.y
    attraction = _score(x, y, bandwidth, samples.target_weights, implementation)
    repulsion = _score(x, x, bandwidth, samples.weights, implementation)
    with quiet():
        return representable(attraction - repulsion, "the velocity")


@dataclass(frozen=True)
class WGF(BandwidthFlow):
    """The flow of :func:`wgf_velocity`, equation (W1).

    Parameters are those of :class:`BandwidthFlow`.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[0.0], [2.0]]), np.array([[1.0]])
    >>> WGF().prepare(x, y, np.random.default_rng(0))(x).round(3)
    array([[ 0.231],
           [-0.231]])
    """

    def _velocity(self, samples: Samples, bandwidth: float) -> Array:
        return _velocity(samples, bandwidth, self.implementation)
