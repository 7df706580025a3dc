"""Metrics: (Q1)-(Q5)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.baselines import BANDWIDTH, KINDS, cloud
from validation.oracles import particles as oracle
from validation.oracles.golden import CASES, Golden
from validation.oracles.precise import MP, Array, precise, solve
from validation.oracles.quadrature import gaussian_nodes
from validation.registry import EPS, Measured, case, compared

SUM = "sums of n² terms of order one, in three means that cancel"


# --------------------------------------------------------------------------------------------------


@case("Q1", oracle="naive double sums at eighty digits")
def mean_discrepancy(arrays: Arrays) -> Iterator[Measured]:
    """The square root of the biased estimate, and the object for repeated use."""
    for kind in KINDS:
        x, y, pi, rho = cloud(kind)
        expected = MP.sqrt(
            oracle.squared_mmd(precise(x), precise(y), precise(pi), precise(rho), BANDWIDTH)
        )
        # The square is known to some thirty eps; a root of size r turns that into fifteen eps over
        # r.
        allowed = 15 * EPS / float(expected) ** 2
        for implementation in arrays.implementations("mean_gaussian"):
            found = ir.metrics.mmd(
                arrays(x), arrays(y), BANDWIDTH, arrays(pi), arrays(rho), implementation
            )
            yield compared(
                f"{kind}, {implementation}",
                found,
                expected,
                allowed,
                SUM + "; half of it after the root",
            )
        reused = ir.metrics.MMD(arrays(y), arrays(rho))(arrays(x), BANDWIDTH, arrays(pi))
        yield compared(
            f"{kind}, reusable", reused, expected, allowed, SUM + "; half of it after the root"
        )


@case("Q1", oracle="closed form for two Gaussians, by quadrature particles")
def discrepancy_of_two_gaussians(arrays: Arrays) -> Iterator[Measured]:
    """E k(x, y) = σ/√(σ² + s² + t²) exp(−(m − l)²/(2(σ² + s² + t²)))."""
    (m, s), (n, t), sigma = (0.0, 1.0), (1.2, 0.7), 1.5

    def mean_kernel(a: float, u: float, c: float, w: float) -> Any:
        spread = precise(sigma) ** 2 + precise(u) ** 2 + precise(w) ** 2
        return (
            precise(sigma)
            / MP.sqrt(spread)
            * MP.exp(-((precise(a) - precise(c)) ** 2) / (2 * spread))
        )

    expected = MP.sqrt(
        mean_kernel(m, s, m, s) + mean_kernel(n, t, n, t) - 2 * mean_kernel(m, s, n, t)
    )
    (x, pi), (y, rho) = gaussian_nodes(m, s, 60), gaussian_nodes(n, t, 60)
    found = ir.metrics.mmd(arrays(x), arrays(y), sigma, arrays(pi), arrays(rho))
    yield compared(
        "MMD",
        found,
        expected,
        100 * EPS / float(expected) ** 2,
        "sums of sixty terms of order one, and rounded weights",
    )


def distance_noise(x: Array, y: Array) -> float:
    """Rounding of (Q2) in absolute terms: thirty eps of the largest distance."""
    return float(
        30
        * EPS
        * np.max(np.linalg.norm(np.concatenate([x, y])[:, None] - np.concatenate([x, y]), axis=2))
    )


@case("Q2", oracle="naive double sums at eighty digits")
def energy_distance(arrays: Arrays) -> Iterator[Measured]:
    """Weighted, unweighted, with a repeated point, and far from the origin."""
    for kind in KINDS:
        x, y, pi, rho = cloud(kind)
        expected = oracle.energy(precise(x), precise(y), precise(pi), precise(rho), oracle.distance)
        for implementation in arrays.implementations("mean_distance"):
            found = ir.metrics.energy_distance(
                arrays(x), arrays(y), arrays(pi), arrays(rho), implementation
            )
            yield compared(
                f"{kind}, {implementation}", found, expected, distance_noise(x, y), SUM, scale=1.0
            )


@case("Q2", oracle="twice the integral of the squared difference of distribution functions")
def energy_distance_on_the_line(arrays: Arrays) -> Iterator[Measured]:
    """In one dimension E = 2∫(F − G)² dx, an exact sum over the merged steps."""
    rng = np.random.default_rng(51)
    x, y, pi, rho = (
        rng.normal(size=7),
        rng.normal(size=5) + 0.5,
        rng.dirichlet(np.ones(7)),
        rng.dirichlet(np.ones(5)),
    )
    points = sorted(precise(np.concatenate([x, y])))
    expected = MP.mpf(0)
    for low, high in itertools.pairwise(points):
        gap = sum(w for w, p in zip(precise(pi), x, strict=True) if p <= low) - sum(
            w for w, p in zip(precise(rho), y, strict=True) if p <= low
        )
        expected += 2 * (high - low) * gap**2
    found = ir.metrics.energy_distance(
        arrays(x[:, None]), arrays(y[:, None]), arrays(pi), arrays(rho)
    )
    yield compared("E", found, expected, distance_noise(x[:, None], y[:, None]), SUM, scale=1.0)


@case("Q1", "Q2", oracle="the definition: zero between a sample and itself")
def discrepancies_vanish_at_equality(arrays: Arrays) -> Iterator[Measured]:
    """Also for one point, and for points that all coincide."""
    for name, x in {
        "cloud": cloud("uniform")[0],
        "one point": np.ones((1, 2)),
        "coincident": np.ones((4, 2)),
    }.items():
        energy = ir.metrics.energy_distance(arrays(x), arrays(x))
        yield Measured(
            f"energy distance, {name}",
            abs(energy),
            distance_noise(x, x) + EPS,
            "thirty eps of the largest distance",
        )
        yield Measured(
            f"MMD, {name}",
            abs(ir.metrics.mmd(arrays(x), arrays(x), 1.0)),
            math.sqrt(30 * EPS),
            "the root of thirty eps",
        )


@case("Q1", "Q2", oracle="arrays of the published code")
def published_metrics(arrays: Arrays) -> Iterator[Measured]:
    """All four inputs of the published code."""
    for name in CASES:
        golden = Golden(name)
        x, y = arrays(golden["particles"]), arrays(golden["target"])
        found = ir.metrics.mmd(x, y, float(golden["kernel_bandwidth"]))
        yield compared(
            f"{name}, Q1",
            found,
            golden["mmd_rbf"],
            1e-12,
            "thirty eps in a square that is above 1e-2, in either program",
        )
        stored = golden["energy_distance"]
        allowed = 1e-13 * float(stored) + golden.distance_noise
        yield compared(
            f"{name}, Q2",
            ir.metrics.energy_distance(x, y),
            stored,
            allowed,
            "the self-distances of expanded squares",
            scale=1.0,
        )


# --------------------------------------------------------------------------------------------------


@case("Q3", oracle="closed form for a single centre, at eighty digits")
def kliep_with_one_centre(arrays: Arrays) -> Iterator[Measured]:
    """With one centre the constraint decides.

    r = k(·, c)/E_q k(·, c), and KL is the mean of its logarithm.
    """
    x, y, pi, rho = cloud("weighted")
    center, sigma = y[:1], 1.1
    fit = ir.metrics.kliep(
        arrays(x),
        arrays(y),
        bandwidth=sigma,
        centers=arrays(center),
        weights=arrays(pi),
        target_weights=arrays(rho),
    )
    exact = precise(center[0])
    mass = MP.fsum(
        w * oracle.gaussian(p, exact, sigma) for w, p in zip(precise(pi), precise(x), strict=True)
    )
    expected = MP.fsum(
        w * MP.log(oracle.gaussian(p, exact, sigma) / mass)
        for w, p in zip(precise(rho), precise(y), strict=True)
    )
    yield compared(
        "KL",
        fit.kl,
        expected,
        50 * EPS,
        "sums of logarithms of order one",
        scale=max(1.0, abs(float(expected))),
    )


@case("Q3", oracle="optimality of a concave problem, recomputed at eighty digits")
def kliep_is_optimal(arrays: Arrays) -> Iterator[Measured]:
    """The returned ratio has mass one under the particles and is optimal."""
    rng = np.random.default_rng(52)
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2)) * 0.7 + 0.5
    fit = ir.metrics.kliep(arrays(x), arrays(y), centers=8)
    alpha = np.array([MP.exp(a) for a in precise(arrays.host(fit.log_coefficients))])
    centers, sigma = precise(arrays.host(fit.centers)), fit.bandwidth

    def basis(points: Array) -> Array:
        return np.array([[oracle.gaussian(p, c, sigma) for c in centers] for p in precise(points)])

    at_particles, at_target = np.mean(basis(x), axis=0), basis(y)
    ratio = at_target @ alpha
    yield compared(
        "mass",
        at_particles @ alpha,
        1.0,
        500 * EPS,
        "logarithms of coefficients, exponentiated, and sums of thirty terms",
    )
    # Jensen: log r* − log r has mean at most max_l g_l − 1, g_l = E_p[ψ_l/r], for the basis ψ
    # normalised to mass one.
    gain = np.mean(at_target / at_particles / ratio[:, None], axis=0)
    # The default tolerance of the solver is √eps.
    yield Measured(
        "distance from the optimum",
        max(0.0, float(np.max(gain) - 1)),
        1.01 * math.sqrt(EPS),
        "the tolerance of the fit, √eps",
    )
    yield compared(
        "KL",
        fit.kl,
        np.mean([MP.log(r) for r in ratio]),
        100 * EPS,
        "sums of twenty logarithms",
        scale=1.0,
    )


@case("Q3", oracle="closed-form KL between two Gaussians, by quadrature particles")
def kliep_recovers_a_ratio_of_the_model(arrays: Arrays) -> Iterator[Measured]:
    """A target whose density ratio lies in the model: q = N(0, 1) tilted at one centre."""
    sigma, c = 1.5, 0.8
    variance = 1 / (1 + 1 / sigma**2)
    mean = variance * c / sigma**2
    (x, pi), (y, rho) = gaussian_nodes(0.0, 1.0, 40), gaussian_nodes(mean, math.sqrt(variance), 40)
    centers = arrays(np.array([[-1.0], [0.1], [c], [2.0]]))
    fit = ir.metrics.kliep(
        arrays(x),
        arrays(y),
        bandwidth=sigma,
        centers=centers,
        weights=arrays(pi),
        target_weights=arrays(rho),
    )
    expected = 0.5 * (variance + mean**2 - 1 - math.log(variance))
    yield compared(
        "KL", fit.kl, expected, 2e-8, "the tolerance of the fit, √eps = 1.5e-8 nats", scale=1.0
    )


# --------------------------------------------------------------------------------------------------


@case("Q4", oracle="elimination at eighty digits")
def moment_residual(arrays: Arrays) -> Iterator[Measured]:
    """Over eight decades of the condition number, with and without jitter, and for a singular F̂."""
    rng = np.random.default_rng(53)
    for condition in (1e0, 1e4, 1e8):
        basis, _ = np.linalg.qr(rng.normal(size=(5, 5)))
        fisher = basis * np.geomspace(1, 1 / condition, 5) @ basis.T
        fisher = 0.5 * (fisher + fisher.T)
        delta = rng.normal(size=5)
        for jitter in (0.0, 1e-2):
            matrix = precise(fisher) + precise(jitter) * precise(np.eye(5))
            expected = MP.sqrt(precise(delta) @ solve(matrix, precise(delta)))
            allowed = 10 * EPS * np.linalg.cond(matrix.astype(float))
            found = ir.metrics.moment_residual(arrays(delta), arrays(fisher), jitter)
            yield compared(
                f"condition {condition:.0e}, jitter {jitter:g}",
                found,
                expected,
                allowed,
                "ten eps times the condition number",
            )
    singular = ir.metrics.moment_residual(arrays(np.array([3.0, 5.0])), arrays(np.diag([9.0, 0.0])))
    yield compared(
        "singular F̂: the pseudo-inverse", singular, 1.0, 4 * EPS, "a division and a root"
    )


@case("Q4", "E5", oracle="twice the divergence between near members of a family")
def residual_is_the_local_divergence(arrays: Arrays) -> Iterator[Measured]:
    """‖μ(θ₁) − μ(θ₀)‖ in the norm of F⁻¹ is √(2 KL) to first order.

    Their ratio is one up to the step.
    """
    family = ir.families.Gamma()
    theta = np.array([3.0, -2.0])
    for h in (1e-3, 1e-5):
        near = theta * (1 + h)
        delta = arrays.host(family.mean(arrays(near))) - arrays.host(family.mean(arrays(theta)))
        size = ir.metrics.moment_residual(arrays(delta), family.fisher(arrays(theta)))
        divergence = arrays.number(family.kl(arrays(theta), arrays(near)))
        # Third derivatives of A over second ones are of order one at this shape; Δ itself is a
        # difference that loses a factor 1/h of eps.
        yield compared(
            f"ratio at h = {h:g}",
            size / math.sqrt(2 * divergence),
            1.0,
            3 * h + 10 * EPS / h,
            "the next term in the step, and eps over the step",
        )


@case("Q5", oracle="the definition: the cheapest of all pairings, for each direction")
def sliced_wasserstein(arrays: Arrays) -> Iterator[Measured]:
    """Six points against six; weights are repetitions, so that unequal weights are pairings too."""
    rng = np.random.default_rng(54)
    x, y, directions = (
        rng.normal(size=(6, 3)),
        rng.normal(size=(6, 3)) + 0.5,
        rng.normal(size=(3, 3)),
    )
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    for order in (1.0, 2.0, 3.0):
        expected = float(np.mean([cheapest(x @ u, y @ u, order) for u in unit]) ** (1 / order))
        found = ir.metrics.sliced_wasserstein(arrays(x), arrays(y), arrays(directions), order)
        yield compared(
            f"uniform, order {order:g}", found, expected, 60 * EPS, "six levels, powers and a root"
        )
        x_few, y_few = x[:3], y[:2]
        paired = np.mean(
            [
                cheapest(np.repeat(x_few @ u, [1, 2, 3]), np.repeat(y_few @ u, [4, 2]), order)
                for u in unit
            ]
        )
        weighted = ir.metrics.sliced_wasserstein(
            arrays(x_few),
            arrays(y_few),
            arrays(directions),
            order,
            weights=arrays(np.array([1, 2, 3]) / 6),
            target_weights=arrays(np.array([4, 2]) / 6),
        )
        yield compared(
            f"weighted, order {order:g}",
            weighted,
            float(paired ** (1 / order)),
            60 * EPS,
            "six levels, powers and a root",
        )


def cheapest(x: Array, y: Array, order: float) -> float:
    """Least mean cost over all 720 pairings of six points."""
    return min(
        float(np.mean(np.abs(x - y[list(pairing)]) ** order))
        for pairing in itertools.permutations(range(len(y)))
    )


@case("Q5", oracle="quantile functions in closed form")
def sliced_wasserstein_of_shifted_samples(arrays: Arrays) -> Iterator[Measured]:
    """A shift by a costs |⟨a, u⟩| in every direction, whatever the sample and the order.

    Scaling on the line scales it.
    """
    rng = np.random.default_rng(55)
    x, shift, directions = rng.normal(size=(9, 2)), np.array([3.0, -1.0]), rng.normal(size=(4, 2))
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    found = ir.metrics.sliced_wasserstein(arrays(x), arrays(x + shift), arrays(directions))
    yield compared(
        "shift",
        found,
        np.sqrt(np.mean((unit @ shift) ** 2)),
        60 * EPS,
        "nine levels, squares and a root",
    )
    z = rng.normal(size=(9, 1))
    scaled = ir.metrics.sliced_wasserstein(arrays(z), arrays(3.0 * z))
    yield compared(
        "scaling on the line",
        scaled,
        2 * np.sqrt(np.mean(z**2)),
        60 * EPS,
        "nine levels, squares and a root",
    )
