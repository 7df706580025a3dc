"""Geometry of the families: cumulants, the classical chart, geodesics and projections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.families import Pair, judged, pairs, sensitivity
from validation.oracles.precise import Array, precise
from validation.registry import EPS, Measured, case, compared, within


@case("E3", "E12", "E13", oracle="differences of the textbook F at eighty digits")
def third_cumulants(arrays: Arrays) -> Iterator[Measured]:
    """∇³A = ∂F/∂θ, from ordinary to extreme members."""
    for pair in pairs():
        found = arrays.host(pair.ours.third_cumulant(arrays(pair.rows())))
        # The derivative comes first in what the differences return, but ∇³A is symmetric.
        yield from judged("∇³A", found.reshape(len(found), -1), pair, _third(pair))


def _third(pair: Pair) -> Callable[[Array], Array]:
    return lambda theta: pair.theirs.third_cumulant(theta).ravel()


@case("E4", "E12", "E13", oracle="JᵀFJ of textbook parametrisations at eighty digits")
def metric_of_the_classical_chart(arrays: Arrays) -> Iterator[Measured]:
    """In classical parameters the metric is JᵀFJ, J from differences of θ."""
    for pair in pairs():
        found = arrays.host(pair.ours.fisher(arrays(pair.rows()), chart="classical"))
        yield from judged("JᵀFJ", found.reshape(len(found), -1), pair, _classical(pair))


def _classical(pair: Pair) -> Callable[[Array], Array]:
    def metric(theta: Array) -> Array:
        exact: Array = pair.theirs.classical_fisher(theta).ravel()
        return np.where(
            np.abs(exact) < 1e-30 * np.max(np.abs(exact)), 0, exact
        )  # the differences' own error, where the truth is zero

    return metric


def gauss_hermite(mean: Array, covariance: Array) -> tuple[Array, Array]:
    """Four nodes per axis of the plane, (16, 2), and their weights.

    Exact for polynomials up to degree seven.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    grid = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    return mean + grid @ np.linalg.cholesky(covariance).T, np.outer(
        weights, weights
    ).ravel() / np.sum(weights) ** 2


def gaussian_vectors() -> Iterator[tuple[Any, dict[str, Array], Array, Array, Array]]:
    """Families on the plane, classical parameters, weights, statistics and classical scores.

    Statistics and scores (16, ·) are those at the nodes.
    """
    m, v = np.array([0.5, -2.0]), np.array([[2.0, -0.75], [-0.75, 0.5]])
    for family, mean, covariance, classical in (
        (ir.families.MultivariateGaussian(2), m, v, {"mean": m, "covariance": v}),
        (ir.families.CentredGaussian(2), 0.0 * m, v, {"covariance": v}),
        (
            ir.families.DiagonalGaussian(2),
            m,
            np.diag(np.diag(v)),
            {"mean": m, "variance": np.diag(v)},
        ),
        (
            ir.families.IsotropicGaussian(2),
            m,
            0.5 * np.eye(2),
            {"mean": m, "variance": np.array(0.5)},
        ),
        (ir.families.KnownCovarianceGaussian(tuple(map(tuple, v.tolist()))), m, v, {"mean": m}),
    ):
        x, weights = gauss_hermite(mean, covariance)
        shift = np.linalg.solve(covariance, (x - mean).T).T  # P(x − m)
        slope = 0.5 * (
            shift[:, :, None] * shift[:, None, :] - np.linalg.inv(covariance)
        )  # of the covariance
        own = np.einsum("nii->ni", slope)
        squares = {
            "MultivariateGaussian": (x[:, [0, 0, 1]] * x[:, [0, 1, 1]], slope.reshape(-1, 4)),
            "CentredGaussian": (x[:, [0, 0, 1]] * x[:, [0, 1, 1]], slope.reshape(-1, 4)),
            "DiagonalGaussian": (x * x, own),
            "IsotropicGaussian": (
                np.sum(x * x, axis=1, keepdims=True),
                np.sum(own, axis=1, keepdims=True),
            ),
            "KnownCovarianceGaussian": (x[:, :0], x[:, :0]),
        }[type(family).__name__]
        linear = (x, shift) if "mean" in classical else (x[:, :0], x[:, :0])
        yield (
            family,
            classical,
            weights,
            *(np.concatenate(parts, axis=1) for parts in zip(linear, squares, strict=True)),
        )


@case(
    "E3",
    "E4",
    oracle="products of centred statistics, and of scores, under Gauss-Hermite quadrature",
    quick=True,
)
def cumulants_and_metrics_of_gaussian_vectors(arrays: Arrays) -> Iterator[Measured]:
    """E[(f − μ)³] and E[score scoreᵀ] in means and covariances.

    Polynomials of degree six and four, which the nodes integrate.
    """
    reason = "sums over sixteen nodes of products of differences, some tens of roundings"
    for family, classical, weights, statistics, scores in gaussian_vectors():
        theta = family.natural(**{name: arrays(value) for name, value in classical.items()})
        centred = statistics - weights @ statistics
        deviation = np.sqrt(weights @ centred**2)
        expected = np.einsum("n,ni,nj,nk->ijk", weights, centred, centred, centred)
        size = deviation[:, None, None] * deviation[:, None] * deviation
        yield compared(
            f"{family.name}: ∇³A",
            arrays.host(family.third_cumulant(theta)),
            expected,
            200 * EPS,
            reason,
            size,
        )
        expected, size = (
            np.einsum("n,ni,nj->ij", weights, scores, scores),
            np.sqrt(weights @ scores**2),
        )
        found = arrays.host(family.fisher(theta, chart="classical"))
        yield compared(
            f"{family.name}: classical metric",
            found,
            expected,
            200 * EPS,
            reason,
            size[:, None] * size,
        )


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
        curve = arrays.host(pair.ours.m_geodesic(arrays(first), arrays(second), arrays(positions)))
        for t, theta in zip(positions, precise(curve), strict=True):
            expected = (1 - t) * pair.theirs.mean(precise(first)) + t * pair.theirs.mean(
                precise(second)
            )
            # The curve is in θ, whose roundings μ magnifies by its condition number; the inverse
            # map has the same again.
            allowed = (
                40 * EPS * (np.abs(expected) + sensitivity(pair.theirs.mean, theta)).astype(float)
            )
            yield within(
                f"{pair.name} at t = {t}",
                pair.theirs.mean(theta).astype(float),
                expected,
                allowed,
                "forty roundings of θ and of μ",
            )


@case("E5", oracle="textbook divergences at eighty digits")
def projections_obey_pythagoras(arrays: Arrays) -> Iterator[Measured]:
    """KL(p‖r) = KL(p‖q) + KL(q‖r) for the m-projection q of p onto a line through r.

    KL(p‖q) is stationary there.
    """
    for pair in pairs():
        p, r = ends(pair)
        direction = np.array([[0.3], [-1.0]])
        found = pair.ours.m_projection(arrays(p), arrays(r), arrays(direction))
        q = precise(arrays.host(found.theta))
        whole = pair.theirs.kl(precise(p), precise(r))
        parts = pair.theirs.kl(precise(p), q) + pair.theirs.kl(q, precise(r))
        # θ of q is off by its roundings, a few hundred of them after Newton's steps; the sum is of
        # first order in them.
        yield compared(
            f"{pair.name}: sum of the legs",
            parts,
            whole,
            1e-12,
            "Newton's method to rounding, magnified by ordinary conditioning",
        )
        moments = [direction[:, 0] @ pair.theirs.mean(t) for t in (precise(p), q)]
        yield compared(
            f"{pair.name}: moment along the line", moments[1], moments[0], 1e-12, "the same"
        )
        back = pair.ours.e_projection(
            arrays(r), arrays(direction), arrays(np.array([float(moments[0])]))
        )
        yield compared(
            f"{pair.name}: e-projection from r",
            arrays.host(back.theta),
            q,
            1e-11,
            "the same, and the rounding of the moment",
        )
