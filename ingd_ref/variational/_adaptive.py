"""Adaptive Gauss–Kronrod quadrature for Gaussian predictors, for many data at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from ingd_ref.errors import NonFiniteError
from ingd_ref.variational._terms import ROUNDINGS

__all__ = ["Evaluate", "adaptive_integrals"]

# Terms (3, N, k) at predictors t (N, k), on the host.
Evaluate = Callable[[np.ndarray], np.ndarray]

# Half of the 21 Kronrod nodes, with their weights and those of the 10 Gauss nodes among them.
HALF_NODES = np.array(
    [
        0.995657163025808080735527280689003,
        0.973906528517171720077964012084452,
        0.930157491355708226001207180059508,
        0.865063366688984510732096688423493,
        0.780817726586416897063717578345042,
        0.679409568299024406234327365114874,
        0.562757134668604683339000099272694,
        0.433395394129247190799265943165784,
        0.294392862701460198131126603103866,
        0.148874338981631210884826001129720,
    ]
)
HALF_KRONROD = np.array(
    [
        0.011694638867371874278064396062192,
        0.032558162307964727478818972459390,
        0.054755896574351996031381300244580,
        0.075039674810919952767043140916190,
        0.093125454583697605535065465083366,
        0.109387158802297641899210590325805,
        0.123491976262065851077958109831074,
        0.134709217311473325928054001771707,
        0.142775938577060080797094273138717,
        0.147739104901338491374841515972068,
    ]
)
HALF_GAUSS = np.array(
    [
        0.066671344308688137593568809893332,
        0.149451349150580593145776339657697,
        0.219086362515982043995534934228163,
        0.269266719309996355091226921569469,
        0.295524224714752870173892994651338,
    ]
)
NODES = np.concatenate([-HALF_NODES, [0.0], HALF_NODES[::-1]])
KRONROD = np.concatenate([HALF_KRONROD, [0.149445554002916905664936468389821], HALF_KRONROD[::-1]])
GAUSS = np.zeros(21)
GAUSS[1:10:2], GAUSS[11::2] = HALF_GAUSS, HALF_GAUSS[::-1]
# Interpolation from the nodes to both ends. A jump closer to an end than the last node is seen only
# there; GAP is the length in which it hides.
ENDS = np.linalg.solve(
    np.polynomial.legendre.legvander(NODES, 20).T,
    np.polynomial.legendre.legvander(np.array([-1.0, 1.0]), 20).T,
)
GAP = 1.0 - HALF_NODES[0]
# A jump between two nodes costs at most 1.23 times the difference of the rules.
SAFETY = 2.0

# First panels in standard deviations. A term below the largest number times e^{−54²/2} is nothing.
BREAKS = np.array([2.5, 5.0, 8.0, 12.0, 20.0, 32.0, 54.0])
BREAKS = np.concatenate([-BREAKS[::-1], [0.0], BREAKS])
# First panels around knots, in standard deviations: a spike is seen if it is wider than 1e-10 of
# them, because the outermost Kronrod nodes are at 2e-3 of the length of a panel.
STEPS = np.array([-1e-2, -1e-5, -1e-8, 0.0, 1e-8, 1e-5, 1e-2])

# A jump takes a panel for each bit of its place, on either side.
MOST_PANELS, MOST_ROUNDS = 1000, 80
# Numbers that are evaluated at once.
CHUNK = 2**20
# Below this a sum is exact enough: its digits may be lost to subnormal numbers.
TINY = 1e-300


class _Panels(NamedTuple):
    """Intervals [lower, upper] of data, with (3, P): integrals, errors, sizes and roundings."""

    datum: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    size: np.ndarray
    rounding: np.ndarray

    def joined(self, other: Self) -> _Panels:
        """Return both lists as one."""
        return _Panels(*(np.concatenate(pair, axis=-1) for pair in zip(self, other, strict=True)))

    def where(self, chosen: np.ndarray) -> _Panels:
        """Return the chosen panels."""
        return _Panels(*(part[..., chosen] for part in self))


def _times_density(terms: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return terms (3, P, k) times the standard normal density at z (P, k).

    The density of z = 54 is no number, but its root is, and a term may be as large.
    """
    root = np.exp(-0.25 * z * z)
    return np.asarray(terms * root * root / np.sqrt(2.0 * np.pi))


class _Problem:
    """Data with Gaussian predictors, and how their terms are evaluated."""

    def __init__(
        self, evaluate: Evaluate, mean: np.ndarray, deviation: np.ndarray, dtype: np.dtype
    ) -> None:
        self.evaluate, self.mean, self.deviation, self.dtype = evaluate, mean, deviation, dtype
        self.eps = float(np.finfo(dtype).eps)

    def terms(self, datum: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Return the terms (3, P, 23), from evaluations for all data with as many panels each."""
        order = np.argsort(datum, kind="stable")
        count = np.bincount(datum, minlength=self.mean.size)
        place = np.arange(datum.size) - np.repeat(np.cumsum(count) - count, count)
        found = np.empty((3, *t.shape))
        size = max(1, CHUNK // (t.shape[1] * self.mean.size))
        for start in range(0, int(np.max(count)), size):
            taken = (place >= start) & (place < start + size)
            chosen, slot = order[taken], place[taken] - start
            width = int(np.max(slot)) + 1
            full = np.empty((self.mean.size, width, t.shape[1]))
            full[...] = self.mean[:, None, None]
            full[datum[chosen], slot] = t[chosen]
            values = self.evaluate(full.reshape(self.mean.size, -1)).reshape(3, *full.shape)
            found[:, chosen] = values[:, datum[chosen], slot]
        return found

    def panels(self, datum: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> _Panels:
        """Return the integrals over intervals of data."""
        t, z, moved = self.nodes(datum, lower, upper)
        terms = self.terms(datum, t)
        weighted, inner = _times_density(terms, z), slice(1, -1)
        inside = weighted[..., inner]
        fine, coarse = inside @ KRONROD, inside @ GAUSS
        missed = np.sum(np.abs(inside @ ENDS - weighted[..., [0, -1]]), axis=-1)
        # A term may be infinite at the end of a panel, but where it is not finite inside nothing is
        # known.
        hidden = GAP * np.nan_to_num(missed, nan=0.0, posinf=0.0)
        error = SAFETY * np.nan_to_num(np.abs(fine - coarse) + hidden, nan=np.inf, posinf=np.inf)
        half = 0.5 * (upper - lower) / self.deviation[datum]
        # Moved nodes change the density, and the term by its own variation.
        tilt = np.finfo(np.float64).eps * z * z + np.abs(z) * moved
        rounding = half * ((np.abs(inside) * tilt[:, inner]) @ KRONROD)
        change = _times_density(np.abs(np.diff(terms[..., inner], axis=-1)), z[:, 1:-2])
        rounding += self._place_error(datum, lower, upper) * np.sum(change, axis=-1)
        return _Panels(
            datum,
            lower,
            upper,
            fine * half,
            error * half,
            np.abs(inside) @ KRONROD * half,
            rounding,
        )

    def _place_error(self, datum: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Return how far rounding moves nodes of panels (P,), in standard deviations."""
        ends = np.maximum(np.abs(lower), np.abs(upper))
        return np.asarray(self.eps * ends / self.deviation[datum])

    def nodes(
        self, datum: np.ndarray, lower: np.ndarray, upper: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return nodes and ends t (P, 23), as the terms will see them, z, and the error of z.

        Next to the mean z keeps more digits than t, and the density is taken at the exact node.
        Elsewhere it is taken at the rounded one, so that both factors belong to the same t.
        """
        mean, deviation = self.mean[datum, None], self.deviation[datum, None]
        low, up = lower[:, None], upper[:, None]
        middle, half = 0.5 * (low + up), 0.5 * (up - low)
        t = np.concatenate([low, middle + half * NODES, up], axis=1)
        t = np.asarray(t.astype(self.dtype), dtype=np.float64)
        offset = 0.5 * ((low - mean) + (up - mean))
        exact = np.concatenate([low - mean, offset + half * NODES, up - mean], axis=1)
        near = np.abs(offset) < np.abs(middle)
        z = np.where(near, exact, t - mean) / deviation
        return t, z, np.where(near, 0.0, self._place_error(datum, lower, upper)[:, None])

    def totals(self, parts: np.ndarray, panels: _Panels) -> np.ndarray:
        """Return the sums (3, N) of what panels contribute (3, P)."""
        size = self.mean.size
        return np.stack([np.bincount(panels.datum, part, minlength=size) for part in parts])


def adaptive_integrals(
    evaluate: Evaluate,
    mean: np.ndarray,
    deviation: np.ndarray,
    knots: np.ndarray,
    chosen: np.ndarray,
    aim: float,
    dtype: np.dtype,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return expectations, errors and roundings (3, N), zero for data that are not chosen.

    Parameters
    ----------
    evaluate : callable
        Terms (3, N, k) at predictors (N, k).
    mean, deviation : numpy.ndarray (N,)
        Of the Gaussian predictors.
    knots : numpy.ndarray (N, j)
        Where panels end at the start.
    chosen : numpy.ndarray (N,) of bool
        The data whose expectations to compute.
    aim : float
        Relative error at which refinement ends.
    dtype : numpy.dtype
        The floating type in which ``evaluate`` computes.

    Notes
    -----
    Every interval is halved where the rules of 10 and 21 nodes differ too much in any of the three
    terms. Nodes are made in the units of the predictor, so that those next to a bend keep their
    digits however wide the Gaussian is.
    """
    problem = _Problem(evaluate, mean, deviation, dtype)
    rows = np.flatnonzero(chosen)
    edges = _edges(mean[rows], deviation[rows], knots[rows])
    panels = _first(problem, rows, edges)
    tails = np.zeros((3, mean.size))
    if not np.all(np.isfinite(panels.size)):
        edges, tails[:, rows] = _trimmed(problem, rows, edges)
        panels = _first(problem, rows, edges)
    for _ in range(MOST_ROUNDS):
        coarse = _too_coarse(problem, panels, aim)
        if not np.any(coarse):
            break
        panels = panels.where(~coarse).joined(_halves(problem, panels.where(coarse)))
    parts = (panels.mean, panels.error, panels.size, panels.rounding)
    means, errors, sizes, roundings = (problem.totals(part, panels) for part in parts)
    _require_finite(problem, means, errors, sizes, tails, aim)
    return means, errors + tails, ROUNDINGS * problem.eps * sizes + roundings


def _edges(mean: np.ndarray, deviation: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the ends of the first panels (C, e), in order."""
    m, s = mean[:, None], deviation[:, None]
    around = (knots[:, :, None] + (s * STEPS)[:, None, :]).reshape(len(mean), -1)
    edges = np.concatenate([m + s * BREAKS, around], axis=1)
    return np.sort(np.clip(edges, m + s * BREAKS[0], m + s * BREAKS[-1]), axis=1)


def _first(problem: _Problem, rows: np.ndarray, edges: np.ndarray) -> _Panels:
    """Return the panels between edges (C, e) of data; those without a length are left out."""
    lower, upper = edges[:, :-1], edges[:, 1:]
    wide = upper > lower
    datum = np.broadcast_to(rows[:, None], lower.shape)
    return problem.panels(datum[wide], lower[wide], upper[wide])


def _halves(problem: _Problem, panels: _Panels) -> _Panels:
    """Return both halves of every panel."""
    middle = 0.5 * (panels.lower + panels.upper)
    lower = np.concatenate([panels.lower, middle])
    upper = np.concatenate([middle, panels.upper])
    return problem.panels(np.tile(panels.datum, 2), lower, upper)


def _too_coarse(problem: _Problem, panels: _Panels, aim: float) -> np.ndarray:
    """Say which panels have more than their share of an error that is too large."""
    size, error = (problem.totals(part, panels) for part in (panels.size, panels.error))
    allowed = np.maximum(aim * size, TINY)
    number = np.bincount(panels.datum, minlength=problem.mean.size)
    unfinished = np.any(~(error <= allowed), axis=0) & (number < MOST_PANELS)
    share = (allowed / np.maximum(2 * number, 1))[:, panels.datum]
    rounding = ROUNDINGS * problem.eps * panels.size
    ends = np.maximum(np.abs(panels.lower), np.abs(panels.upper))
    divisible = panels.upper - panels.lower > 8.0 * problem.eps * ends
    worst = np.any(~(panels.error <= np.maximum(share, rounding)), axis=0)
    return np.asarray(worst & divisible & unfinished[panels.datum])


def _trimmed(
    problem: _Problem, rows: np.ndarray, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return edges within the part of the line where terms are finite, and what it cuts off (3, C).

    The terms of a likelihood may overflow far out, where the Gaussian has no weight. The part kept
    is that around the mean. A standard deviation of the last finite integrand is more than what is
    cut off if the integrand falls; nothing is known if it rises.
    """
    edges, tails = edges.copy(), np.zeros((3, rows.size))
    for index, row in enumerate(rows):
        lower, upper = edges[index, :-1], edges[index, 1:]
        wide = upper > lower
        datum = np.full(int(np.sum(wide)), row)
        t, z = (part[:, 1:-1] for part in problem.nodes(datum, lower[wide], upper[wide])[:2])
        weighted = _times_density(problem.terms(datum, t), z).reshape(3, -1)
        kept = _around(np.all(np.isfinite(weighted), axis=0), t.ravel() < problem.mean[row])
        if kept.size < 2:
            tails[:, index] = np.inf
        elif kept.size < t.size:
            places, sizes = t.ravel()[kept], np.abs(weighted[:, kept])
            edges[index] = np.clip(edges[index], places[0], places[-1])
            if kept[0] > 0:
                tails[:, index] += _cut(sizes[:, 0], sizes[:, 1])
            if kept[-1] + 1 < t.size:
                tails[:, index] += _cut(sizes[:, -1], sizes[:, -2])
    return edges, tails


def _around(finite: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return the indices of the finite nodes around the last of those on the left."""
    centre = int(np.sum(left))
    broken = np.flatnonzero(~finite)
    start = broken[broken < centre]
    end = broken[broken >= centre]
    return np.arange(start[-1] + 1 if start.size else 0, end[0] if end.size else finite.size)


def _cut(last: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the size of a tail from the integrand at the last two nodes before it."""
    return np.where(last <= before, last, np.inf)


def _require_finite(
    problem: _Problem,
    means: np.ndarray,
    errors: np.ndarray,
    sizes: np.ndarray,
    tails: np.ndarray,
    aim: float,
) -> None:
    """Raise if an expectation is not finite, or terms are not where the Gaussian has weight."""
    finite = np.isfinite(means) & np.isfinite(errors) & np.isfinite(sizes)
    bad = np.flatnonzero(np.any(~finite | (tails > np.maximum(aim * sizes, TINY)), axis=0))
    if bad.size:
        row = int(bad[0])
        raise NonFiniteError(
            f"the expected terms of {bad.size} data are not finite, or overflow where the "
            f"predictor has weight; the first is datum {row} with a predictor of "
            f"{problem.mean[row]:.6g} ± {problem.deviation[row]:.6g}"
        )
