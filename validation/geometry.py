"""Geometry of the families: third cumulants, the classical chart, geodesics and projections, of Gaussian (E12) and Gamma (E13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.families import Pair, judged, pairs, sensitivity
from validation.oracles.precise import Array, differences, precise
from validation.registry import EPS, Measured, case, compared, within


@case("E3", "E12", "E13", oracle="differences of the textbook F at eighty digits")
def third_cumulants(arrays: Arrays) -> Iterator[Measured]:
    """∇³A = ∂F/∂θ, from ordinary to extreme members."""
    for pair in pairs():
        found = arrays.host(pair.ours.third_cumulant(arrays(pair.rows())))
        # The derivative comes first in what the differences return, but ∇³A is symmetric.
        yield from judged("∇³A", found.reshape(len(found), -1), pair, _third(pair))


def _third(pair: Pair) -> Callable[[Array], Array]:
    return lambda theta: differences(lambda t: pair.theirs.fisher(t).ravel(), theta).ravel()


@case("E4", "E12", "E13", oracle="JᵀFJ of textbook parametrisations at eighty digits")
def metric_of_the_classical_chart(arrays: Arrays) -> Iterator[Measured]:
    """The textbook parameters carry the metric JᵀFJ, J from differences of θ."""
    for pair in pairs():
        found = arrays.host(pair.ours.fisher(arrays(pair.rows()), chart="classical"))
        yield from judged("JᵀFJ", found.reshape(len(found), -1), pair, _classical(pair))


def _classical(pair: Pair) -> Callable[[Array], Array]:
    def metric(theta: Array) -> Array:
        classical = np.array(pair.theirs.classical(theta))
        jacobian = differences(lambda c: pair.theirs.natural(*c), classical).T
        exact: Array = (jacobian.T @ pair.theirs.fisher(theta) @ jacobian).ravel()
        return np.where(np.abs(exact) < 1e-30 * np.max(np.abs(exact)), 0, exact)  # the differences' own error, where the truth is zero

    return metric


def ends(pair: Pair) -> tuple[Array, Array]:
    """Two ordinary members, far from each other."""
    if pair.name == "Gaussian":
        return np.array([1.5 / 0.25, -2.0]), np.array([-3.0 / 4.0, -0.125])
    return np.array([0.5, -0.1]), np.array([40.0, -1.0])


@case("E10", "E2", oracle="straight lines in the textbook's mean parameters at eighty digits")
def mixture_geodesics_are_straight(arrays: Arrays) -> Iterator[Measured]:
    """μ along the m-geodesic, on which the exact natural gradient flow runs."""
    for pair in pairs():
        first, second = ends(pair)
        positions = np.array([0.0, 0.125, 0.5, 0.875, 1.0])
        curve = arrays.host(ir.families.m_geodesic(pair.ours, arrays(first), arrays(second), arrays(positions)))
        for t, theta in zip(positions, precise(curve), strict=True):
            expected = (1 - t) * pair.theirs.mean(precise(first)) + t * pair.theirs.mean(precise(second))
            # The curve is in θ, whose roundings μ magnifies by its condition number; the inverse map has the same again.
            allowed = 40 * EPS * (np.abs(expected) + sensitivity(pair.theirs.mean, theta)).astype(float)
            yield within(
                f"{pair.name} at t = {t}", pair.theirs.mean(theta).astype(float), expected, allowed, "forty roundings of θ and of μ"
            )


@case("E5", oracle="textbook divergences at eighty digits")
def projections_obey_pythagoras(arrays: Arrays) -> Iterator[Measured]:
    """KL(p‖r) = KL(p‖q) + KL(q‖r) for the m-projection q of p onto a line through r, and KL(p‖q) is stationary there."""
    for pair in pairs():
        p, r = ends(pair)
        direction = np.array([[0.3], [-1.0]])
        found = ir.families.m_projection(pair.ours, arrays(p), arrays(r), arrays(direction))
        q = precise(arrays.host(found.theta))
        whole = pair.theirs.kl(precise(p), precise(r))
        parts = pair.theirs.kl(precise(p), q) + pair.theirs.kl(q, precise(r))
        # θ of q is off by its roundings, a few hundred of them after Newton's steps; the sum is of first order in them.
        yield compared(
            f"{pair.name}: sum of the legs", parts, whole, 1e-12, "Newton's method to rounding, magnified by ordinary conditioning"
        )
        moments = [direction[:, 0] @ pair.theirs.mean(t) for t in (precise(p), q)]
        yield compared(f"{pair.name}: moment along the line", moments[1], moments[0], 1e-12, "the same")
        back = ir.families.e_projection(pair.ours, arrays(r), arrays(direction), arrays(np.array([float(moments[0])])))
        yield compared(f"{pair.name}: e-projection from r", arrays.host(back.theta), q, 1e-11, "the same, and the rounding of the moment")
