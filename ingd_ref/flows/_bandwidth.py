"""The bandwidth of a baseline flow: a number, or the median rule (K8) at the start of each step."""

from __future__ import annotations

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array
from ingd_ref.errors import OptionError
from ingd_ref.kernels.bandwidth import median_bandwidth

__all__ = ["MEDIAN", "checked_bandwidth", "settled_bandwidth"]

MEDIAN = "median"


def checked_bandwidth(bandwidth: float | str) -> float | str:
    """Return "median", or the bandwidth as a positive float."""
    if isinstance(bandwidth, str):
        if bandwidth != MEDIAN:
            raise OptionError(
                f"bandwidth must be a positive number or {MEDIAN!r}, got {bandwidth!r}"
            )
        return bandwidth
    return _checks.positive(bandwidth, "bandwidth")


def settled_bandwidth(
    bandwidth: float | str, particles: Array, rule: str, implementation: str
) -> float:
    """Return σ for one step: the number itself, or (K8) of ``particles`` (n, d)."""
    if bandwidth == MEDIAN:
        return median_bandwidth(particles, rule, implementation)
    return _checks.positive(bandwidth, "bandwidth")
