"""Flows with one Gaussian bandwidth: a number, or the median rule (K8) at each step."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._dispatch import IMPLEMENTATIONS
from ingd_ref.backend._namespace import Array
from ingd_ref.errors import OptionError
from ingd_ref.flows._arguments import Samples
from ingd_ref.flows._flow import Flow, VelocityFunction
from ingd_ref.kernels._bandwidth import MEDIAN_RULES, trusted_median_bandwidth

__all__ = ["BandwidthFlow"]

MEDIAN = "median"


@dataclass(frozen=True)
class BandwidthFlow(Flow):
    """Base of the flows of one Gaussian kernel, with bandwidth σ.

    Parameters
    ----------
    bandwidth : float > 0 or "median"
        σ, in the units of the particles; "median" (default) is rule (K8) on the particles at the
        start of each step.
    median_rule : {"midpoint", "lower"}
        Median of an even number of distances; the published code has "lower". Default "midpoint".
    implementation : {"auto", "readable", "fused"}
        Which kernels run. Default "auto".

    Raises
    ------
    DomainError, NonFiniteError
        If the bandwidth is not a positive finite number.
    OptionError
        If the bandwidth is a string other than "median", or the rule is unknown.
    """

    bandwidth: float | str = MEDIAN
    median_rule: str = "midpoint"
    implementation: str = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.bandwidth, str):
            object.__setattr__(self, "bandwidth", _checks.positive(self.bandwidth, "bandwidth"))
        elif self.bandwidth != MEDIAN:
            raise OptionError(
                f"bandwidth must be a positive number or {MEDIAN!r}, got {self.bandwidth!r}"
            )
        _checks.choice(self.median_rule, "median_rule", MEDIAN_RULES)
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
        sigma = self.bandwidth
        if isinstance(sigma, str):
            sigma = trusted_median_bandwidth(particles, self.median_rule, self.implementation)
        samples = Samples.trusted(particles, target, weights, target_weights)
        return lambda x: self._velocity(replace(samples, x=x), sigma)

    @abstractmethod
    def _velocity(self, samples: Samples, bandwidth: float) -> Array:
        """Velocities (n, d) of checked particles."""
