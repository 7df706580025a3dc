"""Normal confidence intervals, and the weights of bootstrap replications."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace, to_backend
from ingd_ref.errors import DomainError

__all__ = ["normal_interval", "replicated_weights"]


def normal_interval(center: Array, error: Array, level: float) -> tuple[Array, Array]:
    """Return center ± z·error with the normal quantile z of the two-sided level."""
    level = _checks.positive(level, "level")
    if level >= 1:
        raise DomainError(f"level must lie between 0 and 1, got {level:g}; 0.95 means 95 %")
    reach = NormalDist().inv_cdf(0.5 + 0.5 * level) * error
    return center - reach, center + reach


def replicated_weights(
    xp: Namespace, weights: Array, replications: int, rng: RandomSource
) -> Iterator[Array]:
    """Yield weights (..., n) of samples drawn with replacement: normalised counts times weights."""
    rng = _checks.generator(rng)
    number, batch = weights.shape[-1], tuple(weights.shape[:-1])
    for _ in range(_checks.positive_integer(replications, "replications")):
        counts = rng.multinomial(number, np.full(number, 1.0 / number), size=batch)
        drawn = to_backend(counts.astype(np.float64), weights) * weights
        yield drawn / xp.sum(drawn, axis=-1, keepdims=True)
