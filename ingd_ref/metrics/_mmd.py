"""Maximum mean discrepancy with a Gaussian kernel (Q1)."""

from __future__ import annotations

import math

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, array_namespace, item
from ingd_ref.metrics._samples import two_samples
from ingd_ref.metrics._value import discrepancy

__all__ = ["mean_kernel", "mmd"]


@_checks.guarded
def mmd(
    x: Array,
    y: Array,
    bandwidth: float,
    weights: Array | None = None,
    target_weights: Array | None = None,
    implementation: str = "auto",
) -> float:
    r"""Return the maximum mean discrepancy between two weighted samples, equation (Q1).

    .. math:: \mathrm{MMD}^2
              = \sum_{ij} \pi_i \pi_j k(x_i, x_j) + \sum_{ij} \rho_i \rho_j k(y_i, y_j)
              - 2 \sum_{ij} \pi_i \rho_j k(x_i, y_j), \qquad k(x, y) = e^{-\|x-y\|^2 / (2\sigma^2)}

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
        Weights ρ of the target sample, in the same way. Default: 1/m.
    implementation : {"auto", "readable", "fused"}
        Which kernel sums the Gaussians. Default "auto".

    Returns
    -------
    float
        Square root of the biased V-statistic (terms i = j included): the distance between the two
        mean embeddings, between 0 and √2.

    Notes
    -----
    The square is a difference of means of size one, known to a few units of rounding ε, so values
    below about √ε (1e-8 in float64, 3e-4 in float32) are zero to working precision; a square that
    rounding leaves negative is returned as 0. Source: [L25].

    See Also
    --------
    MMD : the same number, for repeated use with one target.

    Examples
    --------
    >>> import numpy as np
    >>> round(mmd(np.array([[0.0]]), np.array([[1.0]]), bandwidth=1.0), 12)
    0.88709564342
    """
    xp = array_namespace(x=x, y=y, weights=weights, target_weights=target_weights)
    bandwidth = _checks.positive(bandwidth, "bandwidth")
    x, y, weights, target_weights = two_samples(xp, x, y, weights, target_weights)
    own = mean_kernel(x, x, weights, weights, bandwidth, implementation)
    target = mean_kernel(y, y, target_weights, target_weights, bandwidth, implementation)
    cross = mean_kernel(x, y, weights, target_weights, bandwidth, implementation)
    return math.sqrt(discrepancy(own + target - 2.0 * cross, "squared MMD"))


def mean_kernel(
    x: Array, y: Array, x_weights: Array, y_weights: Array, bandwidth: float, implementation: str
) -> float:
    """Return Σ_ij π_i ρ_j k(x_i, y_j) of checked arguments."""
    mean_gaussian = kernel(
        "mean_gaussian", x, y, x_weights, y_weights, implementation=implementation
    )
    return float(item(mean_gaussian(x, y, x_weights, y_weights, bandwidth)))
