"""Kullback-Leibler divergence by direct estimation of the density ratio, KLIEP (Q3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    is_array,
    is_array_like,
    item,
)
from ingd_ref.backend._operations import logsumexp
from ingd_ref.backend._scaling import quiet
from ingd_ref.errors import OptionError
from ingd_ref.kernels._bandwidth import median_bandwidth
from ingd_ref.kernels._extreme import fits, scaled_squares
from ingd_ref.metrics._mixture_weights import mixture_weights
from ingd_ref.metrics._samples import two_samples

__all__ = ["DensityRatio", "kliep"]


@dataclass(frozen=True, eq=False)
class DensityRatio:
    r"""An estimated ratio of densities, target over particles, from :func:`kliep` (Q3).

    .. math:: r(y) = \sum_l \alpha_l \exp(-\|y-c_l\|^2 / (2\sigma^2))

    Attributes
    ----------
    kl : float
        Mean of log r over the held-out target points: the estimate of KL(p‖q).
    kkt_residual : float
        Bound on how far the fit is from the best one, in nats of the training objective; 0 at the
        optimum.
    centers : array (b, d)
        Centres c.
    bandwidth : float
        Standard deviation σ of the kernels.
    log_coefficients : array (b,)
        log α.
    iterations : int
        Newton steps taken.
    implementation : str
        Which kernel computes the distances.
    """

    kl: float
    kkt_residual: float
    centers: Array
    bandwidth: float
    log_coefficients: Array
    iterations: int
    implementation: str = "auto"

    @_checks.guarded
    def log_ratio(self, points: Array) -> Array:
        """Return log r at ``points`` (m, d), shape (m,); finite however far from the centres."""
        xp = array_namespace(points=points, centers=self.centers)
        points = _checks.points(points, "points", xp, dim=self.centers.shape[1], like=self.centers)
        kernels = _log_kernels(xp, points, self.centers, self.bandwidth, self.implementation)
        return logsumexp(xp, self.log_coefficients + kernels)

    @_checks.guarded
    def ratio(self, points: Array) -> Array:
        """Return r at ``points`` (m, d), shape (m,); ∞ beyond the largest number."""
        log_ratio = self.log_ratio(points)
        with quiet():
            return array_namespace(log_ratio=log_ratio).exp(log_ratio)


@_checks.guarded
def kliep(
    x: Array,
    y: Array,
    held_out: Array | None = None,
    bandwidth: float | str = "median",
    centers: int | Array = 100,
    weights: Array | None = None,
    target_weights: Array | None = None,
    held_out_weights: Array | None = None,
    tolerance: float | None = None,
    max_iterations: int = 200,
    implementation: str = "auto",
) -> DensityRatio:
    r"""Estimate KL(p‖q) between target and particles from samples alone, equation (Q3).

    The ratio of target density to particle density is modelled as a non-negative sum of Gaussians
    and fitted by

    .. math:: \max_{\alpha \ge 0} \sum_j \rho_j \log r(y_j) \quad\text{subject to}\quad
              \sum_i \pi_i r(x_i) = 1, \qquad r(y) = \sum_l \alpha_l e^{-\|y-c_l\|^2/(2\sigma^2)},

    and the divergence is the mean of :math:`\log r` over held-out points of the target.

    Parameters
    ----------
    x : array (n, d)
        Particles, a sample of q.
    y : array (m, d)
        Sample of the target p to fit the ratio to.
    held_out : array (h, d), optional
        Further points of the target to evaluate log r at. Default: y itself, which biases the
        estimate upwards.
    bandwidth : float > 0 or "median"
        σ, in the units of x; "median" is rule (K8) on y, which does not change while particles
        move. Default "median".
    centers : int or array (b, d)
        Centres c, or how many of the first points of y to take (all if there are fewer). Default
        100.
    weights : array (n,), optional
        Weights π of the particles, non-negative, summing to one. Default: 1/n.
    target_weights : array (m,), optional
        Weights ρ of y, in the same way. Default: 1/m.
    held_out_weights : array (h,), optional
        Weights of the held-out points, in the same way. Default: uniform, or ρ for y itself.
    tolerance : float > 0, optional
        Where to stop: the largest ``kkt_residual``. Default: the square root of the rounding unit,
        1.5e-8 in float64.
    max_iterations : int
        Largest number of Newton steps. Default 200.
    implementation : {"auto", "readable", "fused"}
        Which kernel computes the distances. Default "auto".

    Returns
    -------
    DensityRatio
        ``kl``, the fitted ``ratio`` and ``log_ratio``, and ``kkt_residual``, to be compared with
        ``tolerance``.

    Raises
    ------
    OptionError
        If the bandwidth is a word other than "median".

    Notes
    -----
    With :math:`b_l = \sum_i \pi_i k(x_i, c_l)` and :math:`\beta_l = \alpha_l b_l` the constraint is
    that β lies in the simplex, and :math:`r = \sum_l \beta_l \psi_l`, :math:`\psi_l = k(\cdot, c_l)
    / b_l`, is a mixture with unknown proportions: a concave problem for any centres. All kernels
    are kept as logarithms, so particles far from the target give a large divergence and not 0/0.
    For a β in the simplex let :math:`g_l = \sum_j \rho_j \psi_l(y_j) / r(y_j)`, which has
    :math:`\sum_l \beta_l g_l = 1`. The best fit r* exceeds r by :math:`\sum_j \rho_j
    \log(r^*/r)(y_j) \le \log \sum_l \beta^*_l g_l \le \max_l g_l - 1` (Jensen): this is
    ``kkt_residual``, a certificate that needs no knowledge of the optimum. Source: [L25],
    evaluation.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.linspace(-1, 1, 41)[:, None], np.linspace(0, 1, 21)[:, None]
    >>> fit = kliep(x, y, bandwidth=0.1)
    >>> round(fit.kl, 2), fit.kkt_residual < 1e-7
    (0.64, True)
    """
    xp = array_namespace(
        x=x, y=y, held_out=held_out, centers=centers if _listed(centers) else None,
        weights=weights, target_weights=target_weights, held_out_weights=held_out_weights,
    )  # fmt: skip
    x, y, weights, target_weights = two_samples(xp, x, y, weights, target_weights)
    held_out, held_out_weights = _held_out(xp, held_out, held_out_weights, y, target_weights)
    sigma = _bandwidth(bandwidth, y, implementation)
    chosen = _centers(xp, centers, y)
    default = math.sqrt(xp.finfo(x.dtype).eps)
    tolerance = default if tolerance is None else _checks.positive(tolerance, "tolerance")
    max_iterations = _checks.positive_integer(max_iterations, "max_iterations")

    particle_means = _log_means(xp, _log_kernels(xp, x, chosen, sigma, implementation), weights)
    log_densities = _log_kernels(xp, y, chosen, sigma, implementation) - particle_means
    log_proportions, residual, iterations = mixture_weights(
        xp, log_densities, target_weights, tolerance, max_iterations
    )
    log_coefficients = log_proportions - particle_means
    log_ratio = logsumexp(
        xp, log_coefficients + _log_kernels(xp, held_out, chosen, sigma, implementation)
    )
    divergence = float(item(xp.sum(held_out_weights * log_ratio)))
    return DensityRatio(
        divergence, residual, chosen, sigma, log_coefficients, iterations, implementation
    )


def _log_kernels(
    xp: Namespace, points: Array, centers: Array, bandwidth: float, implementation: str
) -> Array:
    """Return log k(p_j, c_l) = −‖p_j − c_l‖² / (2σ²), shape (m, b)."""
    if fits(points, centers, bandwidth=bandwidth):
        distances = kernel("squared_distances", points, centers, implementation=implementation)
        squares = distances(points, centers) / bandwidth / bandwidth
    else:
        squares = scaled_squares(points, centers, bandwidth)
    return -0.5 * _checks.finite(
        squares,
        "the squared distances from the centres, in units of the bandwidth,",
        xp,
    )


def _log_means(xp: Namespace, log_kernels: Array, weights: Array) -> Array:
    """Return log b_l = log Σ_i π_i k(x_i, c_l), shape (b,)."""
    possible = weights > 0
    logs = xp.log(xp.where(possible, weights, xp.ones_like(weights)))
    log_weights = xp.where(possible, logs, xp.full_like(weights, -xp.inf))
    return logsumexp(xp, log_kernels + log_weights[:, None], axis=0)


def _bandwidth(bandwidth: float | str, y: Array, implementation: str) -> float:
    if isinstance(bandwidth, str):
        if bandwidth != "median":
            raise OptionError(f"bandwidth must be a positive number or 'median', got {bandwidth!r}")
        return median_bandwidth(y, implementation=implementation)
    return _checks.positive(bandwidth, "bandwidth")


def _listed(centers: int | Array) -> bool:
    """Whether the centres themselves are given, not their number."""
    return is_array(centers) or is_array_like(centers)


def _centers(xp: Namespace, centers: int | Array, y: Array) -> Array:
    if _listed(centers):
        return xp.asarray(_checks.points(centers, "centers", xp, dim=y.shape[1], like=y), copy=True)
    number = min(_checks.positive_integer(centers, "centers"), y.shape[0])
    return xp.asarray(y[:number, :], copy=True)


def _held_out(
    xp: Namespace, held_out: Array | None, held_out_weights: Array | None, y: Array, weights: Array
) -> tuple[Array, Array]:
    if held_out is None and held_out_weights is None:
        return y, weights
    points = y
    if held_out is not None:
        points = _checks.points(held_out, "held_out", xp, dim=y.shape[1], like=y)
    number = points.shape[0]
    return points, _checks.weights(held_out_weights, "held_out_weights", number, xp, points)
