"""Laws of renumbered, shifted, rotated and rescaled problems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingd_ref.conformance._kinds import Multiple
from ingd_ref.conformance._law import Solver, compare, law, random, take
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import ANY, RADIAL, SINGLE
from ingd_ref.conformance._rounding import reach, rounding


@law(ANY)
def particle_permutation(solve: Solver, p: Problem) -> None:
    """Renumbering the particles renumbers their velocities."""
    order = random(p).permutation(len(p.x))
    permuted = solve(p.change(x=p.x[order], weights=take(p.weights, order)))
    compare(
        permuted.velocity,
        solve(p).velocity[order],
        2 * rounding(p).velocity,
        "velocity of renumbered particles",
    )


@law(ANY)
def target_permutation(solve: Solver, p: Problem) -> None:
    """The order of the target sample does not matter."""
    order = random(p).permutation(len(p.y))
    permuted = solve(p.change(y=p.y[order], target_weights=take(p.target_weights, order)))
    compare(
        permuted.velocity,
        solve(p).velocity,
        2 * rounding(p).velocity,
        "velocity towards the renumbered target",
    )


@law(replace(RADIAL, needs=("radial", "shift")))
def translation(solve: Solver, p: Problem) -> None:
    """Shifting particles, target and anchors together does not change velocities (K11)."""
    shift = random(p).normal(size=p.dim) * 10 * p.kernel.bandwidth
    moved = p.change(x=p.x + shift, y=p.y + shift, features=p.features.moved(shift=shift))
    compare(
        solve(moved).velocity,
        solve(p).velocity,
        2 * reach(moved) * rounding(p).velocity,
        "velocity after a shift",
    )


@law(RADIAL)
def orthogonal_transformation(solve: Solver, p: Problem) -> None:
    """Rotating or reflecting particles, target and anchors does the same to velocities (K11)."""
    q = np.linalg.qr(random(p).normal(size=(p.dim, p.dim)))[0]
    turned = p.change(x=p.x @ q, y=p.y @ q, features=p.features.moved(rotation=q))
    compare(
        solve(turned).velocity,
        solve(p).velocity @ q,
        2 * reach(p) * rounding(p).velocity,
        "velocity after a rotation",
    )


@law(replace(ANY, needs=("units", "scale")))
def scale(solve: Solver, p: Problem) -> None:
    """In other units of length, with λ and ε rescaled as G, velocities only change their units.

    G has the unit of K over length²: 1/length⁴ with (K5), 1/length² with (K6).
    """
    s = float(random(p).choice([0.25, 3.0, 8.0]))
    factor = s ** (p.kernel.length_power - 2)
    scaled = p.change(
        x=s * p.x,
        y=s * p.y,
        features=p.features.moved(scale=s),
        kernel=p.kernel.in_units(s),
        ridge=factor * p.ridge,
        jitter=factor * p.jitter,
    )
    compare(
        solve(scaled).velocity / s,
        solve(p).velocity,
        2 * reach(p) * rounding(p).velocity,
        "velocity in other units",
    )


@law(SINGLE)
def kernel_multiple(solve: Solver, p: Problem) -> None:
    """c·K with c·λ and c·ε gives the velocity of K with λ and ε."""
    factor = float(random(p).choice([1e-3, 3.0, 1e4]))
    multiple = p.change(
        kernel=Multiple(p.kernel, factor), ridge=factor * p.ridge, jitter=factor * p.jitter
    )
    compare(
        solve(multiple).velocity,
        solve(p).velocity,
        2 * rounding(p).velocity,
        "velocity with a multiple of the kernel",
    )
