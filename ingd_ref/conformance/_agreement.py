"""Laws that compare with the literal equations."""

from __future__ import annotations

import numpy as np

from ingd_ref.conformance import _direct as direct
from ingd_ref.conformance._law import Solver, compare, fresh_points, law
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import ANY, SINGLE
from ingd_ref.conformance._rounding import C, mean_size, reach_of_kernel, rounding, size_of


@law(ANY)
def direct_evaluation(solve: Solver, p: Problem) -> None:
    """Velocity, held-out field and moments are those of the double sums (K2), (K3)."""
    bound, exact, actual = rounding(p), direct.king(p), solve(p)
    compare(actual.velocity, exact.velocity, bound.velocity, "velocity")
    if hasattr(actual, "moment_rate"):
        compare(actual.moment_rate, exact.moment_rate, bound.moments, "moment rate")
    if not hasattr(actual, "field"):
        return
    at = fresh_points(p)
    unit = np.linalg.norm(np.asarray(direct.design(p, at), dtype=float).ravel())
    compare(actual.field(at), exact.field(at), unit * bound.coefficients + bound.velocity, "field")


@law(SINGLE)
def direct_moments(solve: Solver, p: Problem) -> None:
    """Δ, F̂ and G are those of their defining sums."""
    bound, exact, actual = rounding(p), direct.king(p), solve(p)
    sizes = [
        np.asarray(mean_size(p.features, z, w), dtype=float) for z, w in ((p.x, p.pi), (p.y, p.rho))
    ]
    compare(actual.delta, exact.delta, C * bound.eps * sum(map(np.linalg.norm, sizes)), "delta")
    squares = float(sum(w * np.sum(f**2) for w, f in zip(p.pi, p.values, strict=True)))
    divisor = float(1 - p.ddof * np.sum(p.pi**2))
    compare(actual.fisher, exact.fisher, C * bound.eps * squares / divisor, "Fisher matrix")
    pairs = [
        abs(p.pi[i] * p.pi[j])
        * size_of(p.jacobians[i])
        * size_of(p.kernels[i, j])
        * size_of(p.jacobians[j])
        for i, j in p.kernels
    ]
    # Entries of K that cancel, as 1/σ² − r²/σ⁴ may, are exact to eps times the terms that cancel,
    # at most three times 1/σ².
    compare(
        actual.gram,
        exact.gram,
        3 * C * bound.eps * float(sum(pairs)) * reach_of_kernel(p),
        "Gram matrix",
    )
