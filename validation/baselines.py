"""Flows to compare with: (W1)-(W4)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.oracles import particles as oracle
from validation.oracles.golden import CASES, Golden
from validation.oracles.precise import MP, Array, differences, precise
from validation.oracles.quadrature import gaussian_nodes
from validation.registry import EPS, Measured, case, compared

BANDWIDTH = 0.9
SUM = "n additions and some twenty roundings in a term, relative to the sum of the absolute terms"


@cache
def cloud(kind: str) -> tuple[Array, Array, Array, Array]:
    """Particles, target and weights, with a repeated particle, optionally far from the origin."""
    rng = np.random.default_rng(41)
    x, y = rng.normal(size=(5, 2)), rng.normal(size=(4, 2)) + 1.0
    x[4] = x[0]
    pi, rho = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(4))
    if kind == "uniform":
        pi, rho = np.full(5, 0.2), np.full(4, 0.25)
    # 64 is a power of two: x keeps its bits below 2^-46, and the oracle sees the points as they are
    # after the shift.
    return (x + 64.0, y + 64.0, pi, rho) if kind == "far" else (x, y, pi, rho)


KINDS = ("uniform", "weighted", "far")


@cache
def expected(flow: str, kind: str) -> Array:
    """The oracle's velocity, once for all backends."""
    x, y, pi, rho = (precise(z) for z in cloud(kind))
    match flow:
        case "energy":
            return oracle.energy_velocity(x, y, pi, rho)
        case "mmd":
            return oracle.mmd_velocity(x, y, pi, rho, BANDWIDTH)
        case "wgf":
            return oracle.wgf_velocity(x, y, pi, rho, BANDWIDTH)
    raise AssertionError(flow)


def judged(
    arrays: Arrays, flow: str, operation: str, scale: float, *options: Any
) -> Iterator[Measured]:
    """Velocity of one flow for every cloud and implementation."""
    for kind in KINDS:
        x, y, pi, rho = cloud(kind)
        for implementation in arrays.implementations(operation):
            found = getattr(ir.flows, f"{flow}_velocity")(
                arrays(x),
                arrays(y),
                *options,
                weights=arrays(pi),
                target_weights=arrays(rho),
                implementation=implementation,
            )
            yield compared(
                f"{kind}, {implementation}",
                arrays.host(found),
                expected(flow, kind),
                30 * EPS,
                SUM,
                scale=scale,
            )


@case("W1", oracle="gradient of the log densities by differences at eighty digits")
def kernel_density_scores(arrays: Arrays) -> Iterator[Measured]:
    """Scores of the two density estimates, for each cloud."""
    # Scores are means of (y − x)/σ², below ten here.
    yield from judged(arrays, "wgf", "gaussian_kde_score", 10 / BANDWIDTH**2, BANDWIDTH)


@case("W1", oracle="gradient of the log density by differences at eighty digits")
def score_far_from_the_sample(arrays: Arrays) -> Iterator[Measured]:
    """Forty bandwidths away the density underflows, its score does not."""
    x, y = np.array([[40.0]]), np.array([[0.0], [1.0]])
    found = arrays.host(ir.flows.wgf_velocity(arrays(x), arrays(y), 1.0))
    rho = precise(np.array([0.5, 0.5]))
    wanted = oracle.wgf_velocity(precise(x), precise(y), precise(np.ones(1)), rho, 1.0)
    yield compared("v", found, wanted, 20 * EPS, "a softmax of two numbers and a mean")


@case("W2", oracle="−(1/π_i) ∂E/∂x_i by differences at eighty digits")
def energy_distance_descent(arrays: Arrays) -> Iterator[Measured]:
    """Repeated particles have distance zero, where the gradient counts as zero."""
    yield from judged(arrays, "energy", "distance_gradient", 4.0)


@case("W3", oracle="−(1/π_i) ∂MMD²/∂x_i by differences at eighty digits")
def maximum_mean_discrepancy_descent(arrays: Arrays) -> Iterator[Measured]:
    """The functional is the square of (Q1)."""
    yield from judged(arrays, "mmd", "gaussian_gradient", 4 / BANDWIDTH, BANDWIDTH)


@case("W4", oracle="scores and kernel gradients by differences at eighty digits")
def stein_variational_velocity(arrays: Arrays) -> Iterator[Measured]:
    """For a Gaussian target in the plane with known score, as numbers and as a function."""
    x, _, pi, _ = cloud("weighted")
    mean, precision = np.array([1.0, -0.5]), np.array([[2.0, 0.5], [0.5, 1.0]])

    def log_target(z: Array) -> Any:
        r = z - precise(mean)
        return -(r @ (precise(precision) @ r)) / 2

    scores = np.array([differences(log_target, point) for point in precise(x)])
    wanted = oracle.svgd_velocity(precise(x), precise(pi), scores, BANDWIDTH)
    score = -(x - mean) @ precision
    centre, matrix = arrays(mean), arrays(precision)
    for name, given in {
        "numbers": arrays(score),
        "a function": lambda z: -(z - centre) @ matrix,
    }.items():
        found = ir.flows.svgd_velocity(arrays(x), given, BANDWIDTH, weights=arrays(pi))
        yield compared(
            f"score as {name}",
            arrays.host(found),
            wanted,
            30 * EPS,
            SUM,
            scale=float(np.max(np.abs(score))) + 1 / BANDWIDTH,
        )


@case("W1", "W2", oracle="arrays of the published code")
def published_comparisons(arrays: Arrays) -> Iterator[Measured]:
    """All four inputs of the published code."""
    for name in CASES:
        golden = Golden(name)
        x, y = arrays(golden["particles"]), arrays(golden["target"])
        found = ir.flows.wgf_velocity(x, y, float(golden["kernel_bandwidth"]))
        yield compared(
            f"{name}, W1",
            arrays.host(found),
            golden.wasserstein_velocity,
            1e-13,
            "expanded squared distances, some hundred eps, in exponents",
        )
        velocity = arrays.host(ir.flows.energy_velocity(x, y))
        gradient = golden["grad_energy_distance"]
        allowed = 1e-13 * np.max(np.abs(gradient)) + golden.gradient_noise
        yield compared(
            f"{name}, W2",
            -velocity / len(velocity),
            gradient,
            allowed,
            "the self-distances of expanded squares",
            scale=1.0,
        )


@case("W4", oracle="the target's own sample does not move on average")
def stein_identity(arrays: Arrays) -> Iterator[Measured]:
    """E_p[k(x, z) s(x) + ∇_x k(x, z)] = 0: with quadrature particles of p the velocity is zero."""
    x, weights = gaussian_nodes(0.5, 1.0, 60)
    inner = np.abs(x[:, 0] - 0.5) < 3
    found = arrays.host(
        ir.flows.svgd_velocity(arrays(x), arrays(0.5 - x), 2.0, weights=arrays(weights))
    )[inner]
    # Gauss-Hermite quadrature with 60 nodes is exact to rounding for these integrands of width two;
    # sixty terms of order one are added.
    yield Measured(
        "v at nodes within three deviations",
        np.max(np.abs(found)),
        100 * EPS,
        "sixty terms of order one",
    )


@case("W3", oracle="minus the gradient of a closed-form MMD between Gaussians")
def descent_of_a_closed_form(arrays: Arrays) -> Iterator[Measured]:
    """From N(0, 1) to N(m, 1) the mean velocity is −∂MMD²/∂m′ at m′ = 0, in closed form."""
    m, sigma = 0.8, 1.5
    x, weights = gaussian_nodes(0.0, 1.0, 60)
    y, target_weights = gaussian_nodes(m, 1.0, 60)
    found = arrays.host(
        ir.flows.mmd_velocity(
            arrays(x),
            arrays(y),
            sigma,
            weights=arrays(weights),
            target_weights=arrays(target_weights),
        )
    )
    # E k(x, y) = σ/√(σ² + 2) exp(−m²/(2(σ² + 2))), and only this cross term, with the factor −2,
    # depends on a shift of the particles.
    spread = sigma**2 + 2
    cross = sigma / MP.sqrt(spread) * MP.exp(-(MP.mpf(m) ** 2) / (2 * spread))
    reason = "sixty times two terms of order one"
    yield compared(
        "mean velocity", weights @ found[:, 0], 2 * cross * m / spread, 200 * EPS, reason, scale=1.0
    )
