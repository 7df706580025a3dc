"""Samples at several times as one array, with the time of each, and sums over each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._dispatch import IMPLEMENTATIONS
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    is_array,
    is_array_like,
    item,
    to_backend,
)
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.features import Features, require_features
from ingd_ref.projection._samples import sample_batch

__all__ = ["Groups", "shrinkages", "window_statistics"]


@dataclass(frozen=True, eq=False)
class Groups:
    """Statistics of all samples, one after the other, time by time.

    Attributes
    ----------
    values : array (N, b)
        f(x) of every sample.
    weights : array (N,)
        Their weights; those of each time sum to one.
    lengths : tuple of int
        Number of samples at each of the k times.
    owner : array (N,)
        Index of the time of each sample.
    """

    xp: Namespace
    values: Array
    weights: Array
    lengths: tuple[int, ...]
    owner: Array

    @property
    def equal(self) -> bool:
        """Whether every time has the same number of samples."""
        return len(set(self.lengths)) == 1

    def sums(self, entries: Array) -> Array:
        """Return the sums (k, q) of the entries (N, q) over each time."""
        if self.equal:
            shape = (len(self.lengths), self.lengths[0], entries.shape[1])
            return self.xp.sum(self.xp.reshape(entries, shape), axis=1)
        ends = np.cumsum(self.lengths).tolist()
        parts = zip((0, *ends), ends, strict=False)
        return self.xp.stack([self.xp.sum(entries[start:end, :], axis=0) for start, end in parts])

    def means(self, entries: Array) -> Array:
        """Return the weighted means (k, q) of the entries (N, q) over each time."""
        return self.sums(self.weights[:, None] * entries)

    def spread(self, per_time: Array) -> Array:
        """Return the row of (k, q) that belongs to each sample, (N, q)."""
        return self.xp.take(per_time, self.owner, axis=0)

    def deviations(self, entries: Array) -> Array:
        """Return the entries (N, q) minus the mean of their time."""
        return entries - self.spread(self.means(entries))

    def redrawn(self, rng: np.random.Generator, coupled: bool) -> Groups:
        """Draw samples with replacement: counts times weights, normalised.

        Each time is resampled separately or, if coupled, whole particles are.
        """
        if coupled:
            number = self.lengths[0]
            once = rng.multinomial(number, np.full(number, 1.0 / number))
            counts = np.tile(once, len(self.lengths))
        else:
            counts = np.concatenate([rng.multinomial(n, np.full(n, 1.0 / n)) for n in self.lengths])
        drawn = to_backend(counts.astype(np.float64), self.weights) * self.weights
        totals = self.spread(self.sums(drawn[:, None]))[:, 0]
        return replace(self, weights=drawn / totals)


def window_statistics(
    features: Features, number: int, samples: Any, weights: Any, coupled: bool, implementation: str
) -> Groups:
    """Check samples at ``number`` times and their weights, and evaluate their statistics."""
    require_features(features)
    _checks.flag(coupled, "coupled")
    _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
    flat, lengths = _flat_samples(samples, number)
    if coupled and len(set(lengths)) > 1:
        raise ShapeError(
            "coupled samples are the same particles at every time, but their numbers differ"
        )
    if coupled and not (weights is None or (is_array(weights) and weights.ndim == 1)):
        raise OptionError(
            "coupled samples are the same particles at every time: give one row of weights (n,)"
        )
    xp = array_namespace(samples=flat)
    owner = to_backend(np.repeat(np.arange(number), lengths), flat)
    weights = _flat_weights(xp, weights, flat, lengths)
    return Groups(xp, features(flat, implementation), weights, lengths, owner)


def _flat_samples(samples: Any, number: int) -> tuple[Array, tuple[int, ...]]:
    """Return the samples of all times (N, d), and how many there are at each time."""
    if is_array_like(samples) and not isinstance(samples, list | tuple):
        samples = _checks.as_array(samples, "samples")
    _require_one_for_each_time(samples, "samples", number, axes=3)
    if is_array(samples):
        xp = array_namespace(samples=samples)
        samples = sample_batch(samples, "samples", xp)
        return xp.reshape(samples, (-1, samples.shape[-1])), (samples.shape[1],) * number
    groups = {f"samples[{k}]": group for k, group in enumerate(samples)}
    xp = array_namespace(**groups)
    first = sample_batch(groups["samples[0]"], "samples[0]", xp)
    points = [
        _checks.points(group, name, xp, dim=first.shape[-1], like=first)
        for name, group in groups.items()
    ]
    return xp.concat(points, axis=0), tuple(group.shape[0] for group in points)


def _flat_weights(xp: Namespace, weights: Any, like: Array, lengths: tuple[int, ...]) -> Array:
    """Return the weights of all samples (N,)."""
    if weights is None:
        return to_backend(np.repeat(1.0 / np.asarray(lengths), lengths), like)
    if is_array(weights) and weights.ndim == 1:
        array_namespace(samples=like, weights=weights)
        for length in set(lengths):  # all the same, or an error
            row = _checks.weights(weights, "weights", length, xp, like)
        return xp.concat([row] * len(lengths))
    _require_one_for_each_time(weights, "weights", len(lengths), axes=2)
    rows = [weights[k, ...] for k in range(len(lengths))] if is_array(weights) else weights
    array_namespace(samples=like, **{f"weights[{k}]": row for k, row in enumerate(rows)})
    return xp.concat(
        [
            _checks.weights(row, f"weights[{k}]", length, xp, like)
            for k, (row, length) in enumerate(zip(rows, lengths, strict=True))
        ]
    )


def _require_one_for_each_time(given: Any, name: str, number: int, axes: int) -> None:
    """Raise ShapeError unless an array has ``axes`` axes, and there is one entry for each time."""
    if not is_array(given):
        held = len(_checks.sequence(given, name, "arrays"))
    elif given.ndim == axes:
        held = given.shape[0]
    else:
        wanted = "(k, n, d)" if axes == 3 else "(n,) or (k, n)"
        raise ShapeError(
            f"{name} must have shape {wanted} or be a sequence of arrays, "
            f"got shape {tuple(given.shape)}"
        )
    if held != number:
        raise ShapeError(f"there are {number} times, but {name} holds {held} of them")


def shrinkages(groups: Groups, ddof: int) -> Array:
    """Return 1 − ddof Σ_i π_i² of each time, shape (k, 1).

    With ddof = 1, a population covariance divided by it is unbiased.
    """
    squares = groups.sums((groups.weights * groups.weights)[:, None])
    shrinkage = 1.0 - ddof * squares
    if not item(groups.xp.min(shrinkage)) > groups.xp.finfo(groups.values.dtype).eps:
        raise DomainError("ddof=1 needs at least two samples of positive weight at each time")
    return shrinkage
