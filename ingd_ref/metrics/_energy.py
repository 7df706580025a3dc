"""Energy distance (Q2)."""

from __future__ import annotations

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, array_namespace, item
from ingd_ref.backend._scaling import common_unit, rescale, rescale_number
from ingd_ref.metrics._samples import two_samples
from ingd_ref.metrics._value import discrepancy

__all__ = ["energy_distance"]


@_checks.guarded
def energy_distance(
    x: Array,
    y: Array,
    weights: Array | None = None,
    target_weights: Array | None = None,
    implementation: str = "auto",
) -> float:
    r"""Return the energy distance between two weighted samples, equation (Q2).

    .. math:: E = 2 \sum_{ij} \pi_i \rho_j \|x_i - y_j\| - \sum_{ij} \pi_i \pi_j \|x_i - x_j\|
              - \sum_{ij} \rho_i \rho_j \|y_i - y_j\|

    Parameters
    ----------
    x : array (n, d)
        Particles.
    y : array (m, d)
        Sample of the target.
    weights : array (n,), optional
        Weights π of the particles, non-negative, summing to one. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of the target sample, in the same way. Default: 1/m.
    implementation : {"auto", "readable", "fused"}
        Which kernel sums the distances. Default "auto".

    Returns
    -------
    float
        E ≥ 0, in the units of x, without a square root; 0 up to rounding if the two weighted
        samples are the same distribution.

    Notes
    -----
    This is the V-statistic, with the zero distances i = j in its means: the squared MMD for the
    kernel −‖x − y‖. In one dimension it is twice the squared L² distance of the distribution
    functions, and :func:`scipy.stats.energy_distance` returns its square root. The difference of
    means carries a rounding error of a few units of the mean distance; a negative remainder is
    returned as 0. Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> energy_distance(np.array([[0.0], [1.0]]), np.array([[0.5]]))
    0.5
    """
    xp = array_namespace(x=x, y=y, weights=weights, target_weights=target_weights)
    x, y, weights, target_weights = two_samples(xp, x, y, weights, target_weights)

    def mean_distance(a: Array, b: Array, a_weights: Array, b_weights: Array) -> float:
        arrays = (a, b, a_weights, b_weights)
        return float(item(kernel("mean_distance", *arrays, implementation=implementation)(*arrays)))

    unit = common_unit(x, y)
    x, y = rescale(x, -unit), rescale(y, -unit)
    cross = mean_distance(x, y, weights, target_weights)
    own = mean_distance(x, x, weights, weights)
    target = mean_distance(y, y, target_weights, target_weights)
    squared = rescale_number(2.0 * cross - own - target, unit)
    return discrepancy(squared, "energy distance")
