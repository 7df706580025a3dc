"""Samples at several times as one array with an index of the time that each belongs to, and sums over the samples of each time."""

from __future__ import annotations

from collections.abc import Sequence
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
    item,
    to_backend,
)
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.features import Features, require_features
from ingd_ref.projection._samples import sample_batch, sample_weights

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
        """Sum of the entries (N, q) of each time, shape (k, q)."""
        if self.equal:
            return self.xp.sum(
                self.xp.reshape(entries, (len(self.lengths), self.lengths[0], entries.shape[1])),
                axis=1,
            )
        ends = np.cumsum(self.lengths).tolist()
        parts = zip((0, *ends), ends, strict=False)
        return self.xp.stack([self.xp.sum(entries[start:end, :], axis=0) for start, end in parts])

    def means(self, entries: Array) -> Array:
        """Weighted mean of the entries (N, q) of each time, shape (k, q)."""
        return self.sums(self.weights[:, None] * entries)

    def spread(self, per_time: Array) -> Array:
        """Row of (k, q) for each sample, shape (N, q)."""
        return self.xp.take(per_time, self.owner, axis=0)

    def deviations(self, entries: Array) -> Array:
        """Entries (N, q) less the mean of their time."""
        return entries - self.spread(self.means(entries))

    def reweighted(self, weights: Array) -> Groups:
        """The same samples with other weights (N,)."""
        return replace(self, weights=weights)

    def redrawn(self, rng: np.random.Generator, coupled: bool) -> Groups:
        """Samples drawn anew with replacement, at each time apart or, if coupled, whole particles: counts times weights, normalised."""
        if coupled:
            number = self.lengths[0]
            counts = np.tile(
                rng.multinomial(number, np.full(number, 1.0 / number)), len(self.lengths)
            )
        else:
            counts = np.concatenate([rng.multinomial(n, np.full(n, 1.0 / n)) for n in self.lengths])
        drawn = to_backend(counts.astype(np.float64), self.weights) * self.weights
        return self.reweighted(drawn / self.spread(self.sums(drawn[:, None]))[:, 0])


def window_statistics(
    features: Features, number: int, samples: Any, weights: Any, coupled: bool, implementation: str
) -> Groups:
    """Check samples, an array (k, n, d) or k arrays (n, d), and their weights, an array (n,) or (k, n) or k arrays (n,)."""
    require_features(features)
    _checks.choice(implementation, "implementation", IMPLEMENTATIONS)
    groups = _one_for_each_time(samples, "samples", number, axes=3)
    xp = array_namespace(**{f"samples[{k}]": group for k, group in enumerate(groups)})
    first = sample_batch(groups[0], "samples[0]", xp)
    points = [
        _checks.points(group, f"samples[{k}]", xp, dim=first.shape[-1], like=first)
        for k, group in enumerate(groups)
    ]
    lengths = tuple(group.shape[0] for group in points)
    if coupled and len(set(lengths)) > 1:
        raise ShapeError(
            "coupled samples are the same particles at every time, but their numbers differ"
        )
    if coupled and not (weights is None or (is_array(weights) and weights.ndim == 1)):
        raise OptionError(
            "coupled samples are the same particles at every time: give one row of weights (n,)"
        )
    flat = xp.concat(points, axis=0)
    owner = to_backend(np.repeat(np.arange(number), lengths), first)
    return Groups(
        xp, features(flat, implementation), _flat_weights(xp, weights, points), lengths, owner
    )


def _one_for_each_time(given: Any, name: str, number: int, axes: int) -> Sequence[Array]:
    """Rows of an array with ``axes`` axes, or the members of a sequence of arrays; one for each time."""
    if is_array(given):
        if given.ndim != axes:
            wanted = "(k, n, d)" if axes == 3 else "(n,) or (k, n)"
            raise ShapeError(
                f"{name} must have shape {wanted} or be a sequence of arrays, got shape {tuple(given.shape)}"
            )
        groups: Sequence[Array] = [given[k, ...] for k in range(given.shape[0])]
    else:
        groups = list(given)
    if len(groups) != number:
        raise ShapeError(f"there are {number} times, but {name} holds {len(groups)} of them")
    return groups


def _flat_weights(xp: Namespace, weights: Any, points: Sequence[Array]) -> Array:
    shared = weights is None or (is_array(weights) and weights.ndim == 1)
    rows = (
        [weights] * len(points)
        if shared
        else _one_for_each_time(weights, "weights", len(points), axes=2)
    )
    checked: dict[tuple[int, int], Array] = {}
    flat = []
    for k, (row, group) in enumerate(zip(rows, points, strict=True)):
        key = (
            -1 if shared else k,
            group.shape[0],
        )  # one row that serves many times is looked at once
        if key not in checked:
            array_namespace(samples=group, weights=row)
            checked[key] = sample_weights(row, xp, group)
        flat.append(checked[key])
    return xp.concat(flat, axis=0)


def shrinkages(groups: Groups, ddof: int) -> Array:
    """1 − ddof Σ_i π_i² of each time, shape (k, 1): divided by it, a population covariance becomes the unbiased one for ddof = 1."""
    squares = groups.sums((groups.weights * groups.weights)[:, None])
    shrinkage = 1.0 - ddof * squares
    if not item(groups.xp.min(shrinkage)) > groups.xp.finfo(groups.values.dtype).eps:
        raise DomainError("ddof=1 needs at least two samples of positive weight at each time")
    return shrinkage
