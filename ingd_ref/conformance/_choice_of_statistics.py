"""Laws of other statistics that span the same family."""

from __future__ import annotations

import numpy as np

from ingd_ref.conformance._kinds import Mapped
from ingd_ref.conformance._law import Solver, compare, law, random
from ingd_ref.conformance._precision import Array
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import ANY, REGULAR
from ingd_ref.conformance._rounding import rounding


def random_matrix(p: Problem, stretch: float) -> Array:
    """Return an invertible b × b matrix of condition stretch², orthogonal for ``stretch`` 1."""
    rng, size = random(p), len(p.values[0])
    left, right = (np.linalg.qr(rng.normal(size=(size, size)))[0] for _ in range(2))
    return np.asarray(left @ np.diag(np.geomspace(1 / stretch, stretch, size)) @ right)


def map_features(p: Problem, matrix: Array, shift: Array) -> Problem:
    return p.change(features=Mapped(p.features, matrix, shift))


@law(REGULAR)
def affine_change_of_statistics(solve: Solver, p: Problem) -> None:
    """T f + c spans the same family: the same velocity when ε = 0."""
    matrix = random_matrix(p, 2.0)
    mapped = map_features(p, matrix, random(p).normal(size=len(matrix)))
    allowed = rounding(mapped).velocity + rounding(p).velocity
    compare(solve(mapped).velocity, solve(p).velocity, allowed, "velocity with T f + c")


@law(ANY)
def orthogonal_change_of_statistics(solve: Solver, p: Problem) -> None:
    """Q f + c with orthogonal Q gives the same velocity for any ε."""
    matrix = random_matrix(p, 1.0)
    mapped = map_features(p, matrix, random(p).normal(size=len(matrix)))
    compare(
        solve(mapped).velocity,
        solve(p).velocity,
        rounding(mapped).velocity + rounding(p).velocity,
        "velocity with Q f + c",
    )


@law(ANY)
def constant_statistic(solve: Solver, p: Problem) -> None:
    """A constant among the statistics, which never moves, changes nothing when ε > 0."""
    size = len(p.values[0])
    mapped = map_features(
        p, np.vstack([np.eye(size), np.zeros((1, size))]), np.append(np.zeros(size), 0.7)
    )
    compare(
        solve(mapped).velocity,
        solve(p).velocity,
        rounding(mapped).velocity + rounding(p).velocity,
        "velocity with a constant statistic",
    )


@law(ANY)
def statistics_twice(solve: Solver, p: Problem) -> None:
    """Every statistic twice is the same as half the ε."""
    eye = np.eye(len(p.values[0]))
    twice, half = (
        map_features(p, np.vstack([eye, eye]), np.zeros(2 * len(eye))),
        p.change(jitter=p.jitter / 2),
    )
    compare(
        solve(twice).velocity,
        solve(half).velocity,
        rounding(twice).velocity + rounding(half).velocity,
        "velocity with statistics twice",
    )
