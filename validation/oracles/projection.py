"""Projections of moving distributions by naive sums, and paths of known velocity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from validation.oracles.precise import MP, Array, axes, differences, precise, solve

__all__ = [
    "WindowProblem",
    "central_difference",
    "deletions",
    "gamma_from_moments",
    "gamma_shape_velocity",
    "influences",
    "lost_covariance",
    "moments",
    "sparse_minimum",
    "tangent_from_scores",
    "tangent_from_velocities",
]

Statistics = Callable[[Array], Array]  # maps a point (d,) of exact numbers to (b,) of them

STEP = MP.mpf(10) ** -27


def moments(values: Array, weights: Array) -> tuple[Array, Array]:
    """Mean (b,) and population covariance (b, b) of exact values (n, b)."""
    mean = sum(w * row for w, row in zip(weights, values, strict=True))
    return mean, sum(
        w * np.outer(row - mean, row - mean) for w, row in zip(weights, values, strict=True)
    )


def tangent_from_velocities(
    statistics: Statistics, x: Array, v: Array, weights: Array, ridge: float = 0.0
) -> Array:
    """(Cov f + εI)⁻¹ E[∇fᵀ v], with ∇f by differences."""
    mean_rate = sum(
        w * (p_v @ differences(statistics, p))
        for w, p, p_v in zip(weights, precise(x), precise(v), strict=True)
    )
    _, fisher = moments(np.array([statistics(p) for p in precise(x)]), weights)
    return solve(fisher + precise(ridge) * np.array(axes(len(mean_rate))), mean_rate)


def tangent_from_scores(statistics: Statistics, x: Array, scores: Array, weights: Array) -> Array:
    """Slopes of the weighted regression of the scores on f with an intercept.

    Normal equations of the columns (1, f).
    """
    design = np.array([[MP.mpf(1), *statistics(p)] for p in precise(x)])
    weighted = design * weights[:, None]
    return solve(weighted.T @ design, weighted.T @ precise(scores))[1:]


def influences(estimate: Callable[[Array], Array], weights: Array) -> Array:
    """Derivatives of an estimate along (1 − ε) π + ε e_i at ε = 0, shape (n, q)."""

    def towards(unit: Array) -> Array:
        ahead, behind = (estimate(weights + step * (unit - weights)) for step in (STEP, -STEP))
        return (ahead - behind) / (2 * STEP)

    return np.array([towards(unit) for unit in axes(len(weights))])


def lost_covariance(values: Array, weights: Array, i: int) -> Array:
    """What deleting sample i takes from the covariance: Cov − (1 − π_i) Cov of the others."""
    rest = weights.copy()
    rest[i] = MP.mpf(0)
    return (
        moments(values, weights)[1] - (1 - weights[i]) * moments(values, rest / (1 - weights[i]))[1]
    )


def deletions(values: Array, weights: Array, influence: Array, ridge: float = 0.0) -> Array:
    """Influences (n, b) with the covariance that is left without each sample."""
    whole = moments(values, weights)[1] + precise(ridge) * np.array(axes(values.shape[1]))
    rows = enumerate(influence)
    return np.array(
        [solve(whole - lost_covariance(values, weights, i), whole @ row) for i, row in rows]
    )


@dataclass(frozen=True, eq=False)
class WindowProblem:
    """A window projection: statistics (k, n, b), weights (k, n), times (k,), basis, weight g.

    ``functions`` maps a time to the exact values φ_j(t), ``level`` a time to g(t); derivatives are
    taken by differences.
    """

    values: Array
    weights: Array
    times: Array
    masses: Array
    functions: Callable[[Any], Array]
    level: Callable[[Any], Any]
    ridge: float = 0.0
    ddof: int = 0

    def system(self, weights: Array | None = None) -> tuple[Array, Array]:
        """C and c, sums over times of Kronecker products."""
        each = [
            moments(v, w)
            for v, w in zip(self.values, self.weights if weights is None else weights, strict=True)
        ]
        g, phi = [self.level(t) for t in self.times], [self.functions(t) for t in self.times]
        mass = [m * level for m, level in zip(self.masses, g, strict=True)]
        center = sum(m * mean for m, (mean, _) in zip(mass, each, strict=True)) / sum(mass)
        slopes = [self._slope(t) for t in self.times]
        shrinkage = [1 - self.ddof * sum(w * w for w in row) for row in self.weights]
        matrix = sum(
            m * np.kron(np.outer(p, p), cov / s)
            for m, p, (_, cov), s in zip(mass, phi, each, shrinkage, strict=True)
        )
        vector = sum(
            m * np.kron(s, mean - center)
            for m, s, (mean, _) in zip(self.masses, slopes, each, strict=True)
        )
        return matrix, vector

    def coefficients(self, weights: Array | None = None) -> Array:
        """Solve for a = −(C + εI)⁻¹ c."""
        matrix, vector = self.system(weights)
        return solve(matrix + precise(self.ridge) * np.array(axes(len(vector))), -vector)

    def covariance(self, coupled: bool) -> Array:
        """Σ π² D Dᵀ, with D the influence of a sample, or of a particle at all times.

        The differences in the weights leave out the share of C.
        """
        whole, _ = self.system()
        times = self.weights.shape[0]
        total: Any = 0
        for group in [range(times)] if coupled else [[k] for k in range(times)]:

            def estimate(row: Array, group: Any = group) -> Array:
                changed = self.weights.copy()
                changed[list(group)] = row
                return self.coefficients(changed)

            pi = self.weights[group[0]]
            for i, row in enumerate(influences(estimate, pi)):
                change = pi[i] * solve(whole - sum(self._lost(k, i) for k in group), whole @ row)
                total = total + np.outer(change, change)
        return total

    def _lost(self, k: int, i: int) -> Array:
        phi = self.functions(self.times[k])
        return (
            self.masses[k]
            * self.level(self.times[k])
            * np.kron(np.outer(phi, phi), lost_covariance(self.values[k], self.weights[k], i))
        )

    def _slope(self, t: Any) -> Array:
        ahead, behind = (self.level(t + step) * self.functions(t + step) for step in (STEP, -STEP))
        return (ahead - behind) / (2 * STEP)


def sparse_minimum(matrix: Array, vector: Array, penalties: Sequence[Any]) -> Array:
    """Minimum of ½aᵀCa + cᵀa + Σ_j κ_j |a_j| among the points of all 3^q sign patterns."""
    best, least = None, MP.inf
    for signs in product((-1, 0, 1), repeat=len(vector)):
        support = [j for j, sign in enumerate(signs) if sign]
        a = np.array([MP.mpf(0)] * len(vector))
        if support:
            rhs = np.array([-vector[j] - penalties[j] * signs[j] for j in support])
            a[support] = solve(matrix[np.ix_(support, support)], rhs)
        value = (
            a @ matrix @ a / 2
            + vector @ a
            + sum(k * abs(entry) for k, entry in zip(penalties, a, strict=True))
        )
        if value < least:
            best, least = a, value
    return best


def gamma_from_moments(mean_log: Any, mean: Any) -> Array:
    """Natural parameters (α, −β) of the Gamma distribution with given E log x and E x."""
    gap = MP.log(mean) - mean_log
    shape = MP.findroot(lambda a: MP.log(a) - MP.digamma(a) - gap, 1 / (2 * gap))
    return np.array([shape, -shape / mean])


def gamma_shape_velocity(x: Array, shape: float) -> Array:
    """Velocity −∂_α F/∂_x F of the quantiles of Gamma(α, 1), by differences."""
    alpha, step = (
        precise(shape),
        MP.mpf(10) ** -15,
    )  # off by 1e-30 for truncation, and 1e-65 for rounding
    velocities = []
    for point in precise(np.ravel(x)):
        ahead, behind = (
            MP.gammainc(a, 0, point, regularized=True) for a in (alpha + step, alpha - step)
        )
        density = point ** (alpha - 1) * MP.exp(-point) / MP.gamma(alpha)
        velocities.append(-(ahead - behind) / (2 * step) / density)
    return np.array(velocities)


def central_difference(path: Callable[[Any], Array], t: float) -> Array:
    """Derivative of a path of exact numbers at time t."""
    now = precise(t)
    return (path(now + STEP) - path(now - STEP)) / (2 * STEP)
