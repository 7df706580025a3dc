"""How large a rounding error may be.

With U the velocities of unit coefficients, v = U c, and M = G + λF̂ + εI, the solution c = M⁻¹Δ
inherits a relative error eps from the two means whose difference is Δ (which may cancel), and
eps·cond(M) from the solve. So with C = 20

    |c − exact| ≤ C eps (‖M⁻¹‖ (E_q|f| + E_p|f|) + cond(M) |c|) =: C eps s,   |v − exact| ≤ C eps
    ‖U‖ s,   |Gc − exact| ≤ C eps ‖M‖ s.

Over 400 random problems the largest ratio seen was 1.5 before the factor C. Problems with
eps·cond(M) > 1e-4 are skipped by raising :class:`IllConditioned`; the tests count them and limit
their share. Laws that move the points, by a shift or a rotation, round the points themselves: a
relative error eps of lengths r from the origin is one of eps·r/σ in the features, which multiplies
the bound.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ingd_ref.conformance import _direct as direct
from ingd_ref.conformance._precision import Array, real
from ingd_ref.conformance._problem import Problem
from ingd_ref.equations import statistics
from ingd_ref.features import Features

__all__ = [
    "C",
    "IllConditioned",
    "Rounding",
    "mean_size",
    "reach",
    "reach_of_kernel",
    "rounding",
    "size_of",
]

C = 20
LARGEST_CONDITION = 1e-4


class IllConditioned(Exception):
    """Rounding errors are amplified too much for a law to be tested, or there is no solution."""


@dataclass(frozen=True)
class Rounding:
    """Absolute errors, in the Euclidean norm, that rounding explains for one problem."""

    coefficients: float
    velocity: float
    moments: float
    matrix: float
    eps: float


@functools.lru_cache(maxsize=256)
def rounding(p: Problem) -> Rounding:
    """Apply the model above; the coordinate-wise variant adds up its systems."""
    parts = direct.coordinate_problems(p) if p.kernel.coordinatewise else [p]
    bounds = [_rounding_of_one_system(part) for part in parts]
    totals = {
        name: sum(getattr(bound, name) for bound in bounds)
        for name in ("coefficients", "velocity", "moments", "matrix")
    }
    return Rounding(**totals, eps=bounds[0].eps)


def _rounding_of_one_system(p: Problem) -> Rounding:
    eps = float(np.finfo(p.x.dtype).eps)
    matrix = np.asarray(direct.gram(p) + direct.regulariser(p), dtype=float)
    singular = np.linalg.svd(matrix, compute_uv=False)
    if not singular[-1] > 0 or eps * singular[0] / singular[-1] > LARGEST_CONDITION:
        raise IllConditioned
    unit = np.asarray(direct.design_at_particles(p), dtype=float).reshape(p.x.size, -1)
    means = sum(
        np.linalg.norm(np.asarray(mean_size(p.features, z, w), dtype=float))
        for z, w in ((p.x, p.pi), (p.y, p.rho))
    )
    c = np.linalg.solve(matrix, np.asarray(direct.delta(p), dtype=float))
    s = means / singular[-1] + singular[0] / singular[-1] * np.linalg.norm(c)
    matrix_error = singular[0] * np.linalg.norm(c) + means
    return Rounding(
        C * eps * s,
        C * eps * np.linalg.norm(unit, 2) * s,
        C * eps * (singular[0] * s + means),
        C * eps * matrix_error,
        eps,
    )


def mean_size(features: Features, points: Array, weights: Array) -> Array:
    """Return E |f|, which the differences of statistics may be far below."""
    return real(statistics.mean(real(points), lambda z: abs(features.definition(z)[0]), weights))


def reach(p: Problem) -> float:
    """Return one plus the largest distance from the origin, in units of the shortest length."""
    largest = max(np.max(np.linalg.norm(np.asarray(z, dtype=float), axis=1)) for z in (p.x, p.y))
    lengths = [part.bandwidth for part in (p.features, p.kernel) if hasattr(part, "bandwidth")]
    return float(1 + largest / min(lengths))


def size_of(matrix: Array) -> float:
    """Return the Euclidean norm in double precision."""
    return float(np.linalg.norm(matrix.astype(float)))


def reach_of_kernel(p: Problem) -> float:
    """Return how much larger than its entries the terms of a kernel of second derivatives are.

    That is 1 + (r/σ)², r the diameter of the sample.
    """
    if not (p.kernel.curl_free or p.kernel.divergence_free):
        return 1.0
    diameter = 2 * np.max(
        np.linalg.norm(np.asarray(p.x - np.mean(p.x, axis=0), dtype=float), axis=1)
    )
    return float(1 + (diameter / p.kernel.bandwidth) ** 2)
