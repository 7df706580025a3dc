"""Nested trapezoidal rules for a standard normal variable: the quick route of quadrature."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item, to_backend
from ingd_ref.variational._terms import (
    Integrals,
    Predictors,
    Terms,
    rounding_of,
    target,
    third_derivative,
)

__all__ = ["doubling_error", "nested_integrals"]

# Nodes lie on [−12, 12]. Only a term that grows like e^{st} with s > 3.6 has weight beyond.
REACH = 12
# The first rule has the step 1/4 and contains those of steps 1/2 and 1; each level halves it.
FIRST, LEVELS = 4, 3
# Relative changes at each level above which the last level is not worth reaching: halving the step
# squares those of smooth terms.
HOPEFUL = (0.1, 1e-2, 1e-4)
# Share that the rule of step 1 makes of the density, 2e^{−2π²}, with room for its moments.
DENSITY = 3e-8
# Places beyond the nodes, in standard deviations, where a term that grows may have its weight.
PROBES = np.array([-54.0, -42.0, -30.0, -18.0, 18.0, 30.0, 42.0, 54.0])
# Estimates are this much larger than what two differences promise.
SAFETY = 4.0


def nested_integrals(given: Predictors) -> tuple[Integrals, Array]:
    r"""Return expectations by trapezoidal rules, and for which data (..., n) they are right.

    What the last unit of the range contributes bounds what lies beyond the range.
    """
    xp = array_namespace(mean=given.mean)
    sums, found, third, calm = _first(given)
    before, last = xp.abs(sums[..., 0] - sums[..., 1]), xp.abs(sums[..., 1] - sums[..., 2])
    mean, size, tail = sums[..., 2], found[..., 0], found[..., 1]
    # The step 1 is too long for the density itself, so so small a change says nothing of a term.
    before = xp.where(before > DENSITY * size, before, last)
    aim = target(xp, mean.dtype)
    for level in range(1, LEVELS + 2):
        error = doubling_error(xp, before, last) + tail
        right = calm & xp.all(error <= aim * size, axis=-1)
        if level > LEVELS:
            break
        converging = (last <= HOPEFUL[level - 1] * size) & (tail <= aim * size)
        if not item(xp.any(xp.all(converging, axis=-1) & calm & ~right)):
            break
        finer, more = _sums(_terms(given, level), level)
        refined = 0.5 * mean + finer[..., 0]
        before, last = last, xp.abs(refined - mean)
        mean, size, tail = refined, 0.5 * size + more[..., 0], 0.5 * tail + more[..., 1]
    return Integrals(mean, error, rounding_of(xp, given, size, third)), right


def doubling_error(xp: Namespace, before: Array, last: Array) -> Array:
    r"""Return the error of a trapezoidal rule from its last two changes when steps were halved.

    With changes d₁ and d₂, d₂ min(1, d₂/d₁) bounds the error of smooth terms, which fall like
    e^{−c/h} with the step h, and is three quarters of that of terms with a kink, which fall like
    h².
    """
    ratio = xp.where(before > 0, last / before, xp.ones_like(before))
    return SAFETY * last * xp.clip(ratio, max=1.0)


def _first(given: Predictors) -> tuple[Array, Array, Array, Array]:
    """Return the sums of the first three rules, sizes, E|φ‴|, and which data look resolved.

    A term that is larger at a knot than its sum over all nodes has a spike that the nodes miss; one
    that is zero at every node, or grows beyond them, may have its weight there.
    """
    xp = array_namespace(mean=given.mean)
    mean, deviation = given.mean[..., None], given.deviation[..., None]
    near = xp.abs(given.knots - mean) < REACH * deviation
    probes = to_backend(PROBES, like=mean)
    places = xp.concat([xp.where(near, given.knots, mean), mean + deviation * probes], axis=-1)
    sizes_there = [xp.abs(term) for term in given.terms(places)]
    number = given.knots.shape[-1]
    peak = xp.stack([xp.max(one[..., :number], axis=-1) for one in sizes_there], axis=-1)
    # The density there is no number in single precision, but its logarithm is.
    far = [xp.log(one[..., number:]) - 0.5 * probes * probes for one in sizes_there]
    beyond = xp.exp(xp.stack([xp.max(one, axis=-1) for one in far], axis=-1))
    terms = _terms(given, 0)
    sums, found = _sums(terms, 0)
    nodes, _, sizes = _table(0)
    third = third_derivative(xp, terms.bend, nodes, sizes[:, 0], given.deviation)
    seen = (found[..., 0] > 0) | (deviation == 0)
    calm = (peak <= found[..., 2]) & seen & (beyond <= target(xp, mean.dtype) * found[..., 0])
    return sums, found, third, xp.all(calm, axis=-1)


def _terms(given: Predictors, level: int) -> Terms:
    """Return the terms at the nodes of a level."""
    nodes = to_backend(_table(level)[0], like=given.mean)
    return given.terms(given.mean[..., None] + given.deviation[..., None] * nodes)


def _sums(terms: Terms, level: int) -> tuple[Array, Array]:
    """Return sums and sizes of terms at the nodes of a level."""
    xp = array_namespace(terms=terms.value)
    weights, sizes = (to_backend(one, like=terms.value) for one in _table(level)[1:])
    sums = xp.stack([xp.matmul(term, weights) for term in terms], axis=-2)
    return sums, xp.stack([xp.matmul(xp.abs(term), sizes) for term in terms], axis=-2)


@lru_cache(maxsize=LEVELS + 1)
def _table(level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the nodes of a level, their weights, and those of the size, its tail, and a plain sum.

    Level 0 has a column of weights for each of its three rules.
    """
    per_unit = FIRST * 2**level
    count = np.arange(-REACH * per_unit, REACH * per_unit + 1)
    count = count if level == 0 else count[count % 2 == 1]
    nodes = count / per_unit
    density = np.exp(-0.5 * nodes * nodes) / np.sqrt(2.0 * np.pi)
    steps = (4, 2, 1) if level == 0 else (1,)
    columns = [np.where(count % step == 0, step, 0) * density / per_unit for step in steps]
    tail = np.where(np.abs(nodes) >= REACH - 1, columns[-1], 0.0)
    sizes = np.stack([columns[-1], tail, np.ones_like(nodes)], axis=-1)
    return nodes, np.stack(columns, axis=-1), sizes
