"""Laws of coordinates that do not move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingd_ref.conformance._law import Solver, compare, fresh_points, law, require
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import ANY, RADIAL
from ingd_ref.conformance._rounding import rounding
from ingd_ref.features import GaussianRBF


@law(replace(ANY, masks=(True,)))
def masked_coordinates_rest(solve: Solver, p: Problem) -> None:
    """Coordinates outside the mask do not move at all, at particles or elsewhere."""
    s, held = solve(p), np.asarray(p.mask, dtype=bool)
    fields = [("particles", s.velocity)] + (
        [("other points", s.field(fresh_points(p)))] if hasattr(s, "field") else []
    )
    for name, v in fields:
        require(
            np.all(np.asarray(v)[:, ~held] == 0), f"a coordinate outside the mask moves at {name}"
        )


@law(replace(ANY, masks=(False,)))
def full_mask(solve: Solver, p: Problem) -> None:
    """A mask of all coordinates changes nothing."""
    everything = p.change(mask=np.ones(p.dim, dtype=bool))
    compare(
        solve(everything).velocity,
        solve(p).velocity,
        2 * rounding(p).velocity,
        "velocity under a full mask",
    )


@law(replace(RADIAL, features=("rbf",), needs=(*RADIAL.needs, "same in subspaces"), d=(2, 3)))
def dead_coordinate(solve: Solver, p: Problem) -> None:
    """A coordinate in which particles, target and anchors agree stays, and changes no other."""
    x, y, centers = (np.asarray(z, dtype=float).copy() for z in (p.x, p.y, p.features.centers))
    for z in (x, y, centers):
        z[:, -1] = 0.625
    flat = p.change(x=x, y=y, features=GaussianRBF(centers, p.features.bandwidth))
    without = flat.change(
        x=x[:, :-1], y=y[:, :-1], features=GaussianRBF(centers[:, :-1], p.features.bandwidth)
    )
    s = solve(flat)
    require(np.all(np.asarray(s.velocity)[:, -1] == 0), "a coordinate without spread moves")
    compare(
        s.velocity[:, :-1],
        solve(without).velocity,
        rounding(flat).velocity + rounding(without).velocity,
        "the other coordinates",
    )
