"""Laws of weights, repetitions and mixtures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingd_ref.conformance import _direct as direct
from ingd_ref.conformance._law import Solver, compare, fresh_points, law, random, take
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import ANY, EQUAL_DIVISOR, SINGLE
from ingd_ref.conformance._rounding import rounding
from ingd_ref.features import Monomials


@law(replace(EQUAL_DIVISOR, weights=("uniform",), n=(1, 5)))
def particle_repetition(solve: Solver, p: Problem) -> None:
    """Every particle several times: the same velocity field, for the population covariance."""
    repeated = solve(p.change(x=np.repeat(p.x, 3, axis=0)))
    single = solve(p)
    compare(
        repeated.velocity,
        np.repeat(single.velocity, 3, axis=0),
        4 * rounding(p).velocity,
        "velocity of repeated particles",
    )


@law(replace(ANY, target_weights=("uniform",)))
def target_repetition(solve: Solver, p: Problem) -> None:
    """Every target point several times over is the same target."""
    repeated = solve(p.change(y=np.repeat(p.y, 4, axis=0)))
    compare(
        repeated.velocity,
        solve(p).velocity,
        2 * rounding(p).velocity,
        "velocity towards a repeated target",
    )


@law(replace(EQUAL_DIVISOR, weights=("uniform",), target_weights=("uniform",), n=(1, 5), m=(1, 5)))
def weights_are_multiplicities(solve: Solver, p: Problem) -> None:
    """Weights k_i/Σk are k_i copies of particles or targets, for the population covariance."""
    rng = random(p)
    k, j = rng.integers(1, 4, size=len(p.x)), rng.integers(1, 4, size=len(p.y))
    copies = p.change(x=np.repeat(p.x, k, axis=0), y=np.repeat(p.y, j, axis=0))
    weighted = p.change(weights=k / np.sum(k), target_weights=j / np.sum(j))
    # Errors grow with the number of copies, √(Σk/n) ≤ 2 in this norm.
    compare(
        solve(copies).velocity,
        np.repeat(solve(weighted).velocity, k, axis=0),
        4 * rounding(weighted).velocity,
        "velocity of copies",
    )


@law(replace(ANY, weights=("uniform", "random")))
def weightless_particle(solve: Solver, p: Problem) -> None:
    """A particle of weight zero changes nothing and moves with the field of the others."""
    extra = fresh_points(p, 1).astype(p.x.dtype)
    extended = solve(
        p.change(
            x=np.concatenate([p.x, extra]), weights=np.append(np.asarray(p.pi, dtype=p.x.dtype), 0)
        )
    )
    solution, bound = solve(p), rounding(p)
    unit = np.linalg.norm(np.asarray(direct.design(p, extra), dtype=float))
    compare(
        extended.velocity[:-1],
        solution.velocity,
        2 * bound.velocity,
        "velocity of the others",
    )
    compare(
        extended.velocity[-1:],
        solution.field(extra),
        2 * (bound.velocity + unit * bound.coefficients),
        "the weightless particle's",
    )


@law(ANY)
def mixture_of_targets(solve: Solver, p: Problem) -> None:
    """The velocity towards a mixture of two targets is the mixture of the two velocities."""
    pooled, other = np.concatenate([p.y, p.x[:1] + 0.5]), np.zeros(len(p.y) + 1)
    rho, other[-1], a = (
        np.append(np.asarray(p.rho, dtype=float), 0.0),
        1.0,
        random(p).uniform(0.1, 0.9),
    )
    first, second, mixed = (
        p.change(y=pooled, target_weights=r) for r in (rho, other, a * rho + (1 - a) * other)
    )
    expected = a * solve(first).velocity + (1 - a) * solve(second).velocity
    compare(
        solve(mixed).velocity,
        expected,
        2 * (rounding(first).velocity + rounding(second).velocity),
        "velocity towards a mixture",
    )


@law(ANY)
def linear_in_delta(solve: Solver, p: Problem) -> None:
    """Diluting the target with the particles shrinks Δ, and so the velocity, in proportion."""
    a = random(p).uniform(0.1, 0.9)
    rho = np.concatenate([a * p.rho, (1 - a) * p.pi]).astype(float)
    diluted = solve(p.change(y=np.concatenate([p.y, p.x]), target_weights=rho / np.sum(rho)))
    compare(
        diluted.velocity,
        a * solve(p).velocity,
        2 * rounding(p).velocity,
        "velocity towards the diluted target",
    )


@law(ANY)
def rest_at_the_target(solve: Solver, p: Problem) -> None:
    """Particles that are the target do not move, in whatever order the target lists them."""
    order = random(p).permutation(len(p.x))
    at_rest = p.change(y=p.x[order], target_weights=take(p.weights, order))
    compare(
        solve(at_rest).velocity,
        np.zeros(p.x.shape),
        rounding(at_rest).velocity,
        "velocity at the target",
    )


@law(replace(SINGLE, layouts=("C",)))
def rest_when_moments_match(solve: Solver, p: Problem) -> None:
    """Only moments count: with f(x) = x, particles stay if the target is their mirror image."""
    mean = np.asarray(p.pi, dtype=float) @ p.x
    matched = p.change(features=Monomials(1), y=2 * mean - p.x, target_weights=p.weights)
    compare(
        solve(matched).velocity,
        np.zeros(p.x.shape),
        rounding(matched).velocity,
        "velocity towards matched moments",
    )
