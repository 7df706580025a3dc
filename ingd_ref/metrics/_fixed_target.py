"""MMD (Q1) from one fixed target, for repeated use with any bandwidth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._dispatch import IMPLEMENTATIONS
from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.metrics._mmd import mean_kernel
from ingd_ref.metrics._value import discrepancy

__all__ = ["MMD"]

# As a function of u = log σ⁻² the target's own term Σ ρ_i ρ_j exp(−e^u ‖y_i − y_j‖² / 2) is
# analytic and bounded by one in the strip |Im u| ≤ π/2. One octave of σ is an interval of
# half-length log 2 in u, so Chebyshev interpolation converges like r^−degree with r = b + √(b² +
# 1), b = (π/2) / log 2, that is r = 4.74, and its error is at most 4 r^−degree / (r − 1) < 7e-17 at
# degree 24.
DEGREE = 24
LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, eq=False)
class MMD:
    r"""Maximum mean discrepancy from a fixed target sample for repeated use, equation (Q1).

    The target's own term :math:`\sum_{ij} \rho_i \rho_j k(y_i, y_j)` depends on the bandwidth
    alone. It is interpolated in :math:`\log\sigma`, octave by octave, from 25 exact values that are
    computed when it is first needed. Memory stays at 25 numbers per octave, and an evaluation
    costs n (n + m) kernel values instead of (n + m)².

    Parameters
    ----------
    target : array (m, d)
        Sample y of the target; it is copied.
    target_weights : array (m,), optional
        Weights ρ of the target sample, non-negative, summing to one. Default: 1/m.
    implementation : {"auto", "readable", "fused"}
        Which kernel sums the Gaussians. Default "auto".

    Notes
    -----
    The interpolant differs from the sum by less than 1e-16, a fraction of the rounding error of
    that sum, and does not depend on earlier evaluations. For a single evaluation :func:`mmd` is
    cheaper.

    Examples
    --------
    >>> import numpy as np
    >>> distance = MMD(np.array([[1.0]]))
    >>> round(distance(np.array([[0.0]]), bandwidth=1.0), 12)
    0.88709564342
    """

    target: Array
    target_weights: Array | None = None
    implementation: str = "auto"
    _octaves: dict[int, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        xp = array_namespace(target=self.target, target_weights=self.target_weights)
        _checks.choice(self.implementation, "implementation", IMPLEMENTATIONS)
        target = xp.asarray(_checks.points(self.target, "target", xp), copy=True)
        number = target.shape[0]
        weights = _checks.weights(self.target_weights, "target_weights", number, xp, target)
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "target_weights", weights)

    @_checks.guarded
    def __call__(self, x: Array, bandwidth: float, weights: Array | None = None) -> float:
        """Return the MMD between particles and the target, equation (Q1).

        Parameters
        ----------
        x : array (n, d)
            Particles.
        bandwidth : float > 0
            Standard deviation σ of the kernel, in the units of x.
        weights : array (n,), optional
            Weights π of the particles, non-negative, summing to one. Default: 1/n.

        Returns
        -------
        float
            As for :func:`mmd`.
        """
        xp = array_namespace(x=x, target=self.target, weights=weights)
        x = _checks.points(x, "x", xp, dim=self.target.shape[1], like=self.target)
        bandwidth = _checks.positive(bandwidth, "bandwidth")
        weights = _checks.weights(weights, "weights", x.shape[0], xp, x)
        y, rho = self.target, self.target_weights
        own = mean_kernel(x, x, weights, weights, bandwidth, self.implementation)
        cross = mean_kernel(x, y, weights, rho, bandwidth, self.implementation)
        squared = own + self.target_term(bandwidth) - 2.0 * cross
        return math.sqrt(discrepancy(squared, "squared MMD"))

    @_checks.guarded
    def target_term(self, bandwidth: float) -> float:
        """Return Σ_ij ρ_i ρ_j k(y_i, y_j), interpolated on the octave [2^k, 2^(k+1)] of σ."""
        bandwidth = _checks.positive(bandwidth, "bandwidth")
        octave = math.floor(math.log2(bandwidth))
        if octave == LAST_OCTAVE:  # its upper end is no number
            return self._exact_term(bandwidth)
        position = 2.0 * (math.log2(bandwidth) - octave) - 1.0
        if octave not in self._octaves:
            exponents = octave + 0.5 * (1.0 + _NODES)
            # The last octave ends at 2^1024, beyond the largest number by a factor 1 + 2^-54.
            bandwidths = [
                min(2.0**e, LARGEST) if e < 1024.0 else LARGEST for e in exponents.tolist()
            ]
            self._octaves[octave] = np.array([self._exact_term(s) for s in bandwidths])
        distance = position - _NODES
        if np.any(distance == 0):
            return float(self._octaves[octave][distance == 0][0])
        ratios = _BARYCENTRIC_WEIGHTS / distance
        return float(ratios @ self._octaves[octave] / np.sum(ratios))

    def _exact_term(self, bandwidth: float) -> float:
        y, rho = self.target, self.target_weights
        return mean_kernel(y, y, rho, rho, bandwidth, self.implementation)


LAST_OCTAVE = 1023
_NODES = np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)
_BARYCENTRIC_WEIGHTS = (-1.0) ** np.arange(DEGREE + 1)
_BARYCENTRIC_WEIGHTS[[0, -1]] *= 0.5
