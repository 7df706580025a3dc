"""Features with their Jacobians (P4), matrix kernels and contractions (K4)-(K7), bandwidth (K8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.oracles import particles as oracle
from validation.oracles.golden import CASES, Golden
from validation.oracles.precise import MP, Array, differences, jacobian, mixed_differences, precise
from validation.registry import EPS, Measured, case, compared

SUM = "n additions and some twenty roundings in a term, relative to the sum of the absolute terms"
ENTRY = "some twenty roundings in an entry, relative to the largest one"
BANDWIDTH = 0.8


# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statistics:
    """Features of the package and those of the oracle."""

    name: str
    dim: int
    ours: Callable[[Arrays], Any]
    theirs: oracle.Statistics
    fused: str = ""


def statistics() -> list[Statistics]:
    """Every kind of statistics, with fixed random parameters."""
    rng = np.random.default_rng(1)
    centers, frequencies, phases = (
        rng.normal(size=(4, 3)),
        rng.normal(size=(4, 3)),
        rng.uniform(0, 6, 4),
    )
    return [
        Statistics(
            "Gaussian RBF",
            3,
            lambda a: ir.features.GaussianRBF(a(centers), 1.3),
            oracle.rbf(centers, 1.3),
            "gaussian_rbf_with_jacobian",
        ),
        Statistics(
            "polynomial",
            3,
            lambda a: ir.features.Polynomial(a(centers), 3, 0.5),
            oracle.polynomial(centers, 3, 0.5),
        ),
        Statistics("monomials", 3, lambda a: ir.features.Monomials(3), oracle.monomials(3)),
        Statistics(
            "random Fourier",
            3,
            lambda a: ir.features.RandomFourier(a(frequencies), a(phases)),
            oracle.fourier(frequencies, phases),
        ),
        Statistics(
            "pairwise products", 3, lambda a: ir.features.PairwiseProducts(), oracle.pairwise()
        ),
        Statistics(
            "Gaussian family",
            1,
            lambda a: ir.features.FamilyStatistics(ir.families.Gaussian()),
            lambda x: np.array([x[0], x[0] ** 2]),
        ),
    ]


@case("P4", oracle="differences of E f along the velocity, at eighty digits")
def moment_rate_of_a_velocity(arrays: Arrays) -> Iterator[Measured]:
    """∂_t E f(x + tv) at t = 0 is E[∇fᵀ v], for every kind of statistics."""
    rng = np.random.default_rng(2)
    weights = rng.dirichlet(np.ones(5))
    for kind in statistics():
        x, v = rng.normal(size=(2, 5, kind.dim))
        values, slopes = kind.ours(arrays).values_and_jacobian(arrays(x))
        rate = np.einsum("n,nds,nd->s", weights, arrays.host(slopes), v)

        def moments(t: Array, kind: Statistics = kind, x: Array = x, v: Array = v) -> Array:
            return precise(weights) @ np.array(
                [kind.theirs(p) for p in precise(x) + t[0] * precise(v)]
            )

        start = np.array([kind.theirs(p) for p in precise(x)])
        yield compared(f"{kind.name}: f", arrays.host(values), start, 20 * EPS, ENTRY)
        yield compared(
            f"{kind.name}: rate", rate, differences(moments, precise(np.zeros(1)))[0], 30 * EPS, SUM
        )


@case("P4", oracle="differences of f at eighty digits")
def jacobians(arrays: Arrays) -> Iterator[Measured]:
    """∇f entry by entry, with the fused kernel where there is one."""
    rng = np.random.default_rng(3)
    for kind in statistics():
        x = rng.normal(size=(4, kind.dim))
        expected = np.array([jacobian(kind.theirs, p) for p in precise(x)])
        for implementation in arrays.implementations(kind.fused) if kind.fused else ("readable",):
            found = kind.ours(arrays).jacobian(arrays(x), implementation)
            yield compared(
                f"{kind.name}, {implementation}", arrays.host(found), expected, 20 * EPS, ENTRY
            )


# --------------------------------------------------------------------------------------------------


@case("K5", oracle="mixed differences of the scalar kernel at eighty digits")
def gradient_gaussian_matrix(arrays: Arrays) -> Iterator[Measured]:
    """K(x, y) = ∇_x ∇_yᵀ k, near, far and at the same point."""
    rng = np.random.default_rng(4)
    for dim in (1, 2, 4):
        x, y = rng.normal(size=(3, dim)), rng.normal(size=(4, dim))
        y[0] = x[0]
        found = arrays.host(ir.rkhs.GradientGaussian(BANDWIDTH)(arrays(x), arrays(y)))
        kernel = oracle.gradient_kernel(BANDWIDTH)
        expected = np.array([[kernel(p, q) for q in precise(y)] for p in precise(x)])
        yield compared(f"d = {dim}", found, expected, 20 * EPS, ENTRY)


# k(q) of each kernel of second derivatives, q the squared distance in units of the bandwidth.
PROFILES: dict[str, Callable[[Any], Any]] = {
    "GradientInverseMultiquadric": lambda q: 1 / MP.sqrt(1 + q),
    "GradientMatern52": lambda q: (1 + MP.sqrt(5 * q) + 5 * q / 3) * MP.exp(-MP.sqrt(5 * q)),
    "DivergenceFreeGaussian": lambda q: MP.exp(-q / 2),
}


def second_derivatives(name: str, x: Array, y: Array) -> Array:
    """∇_x ∇_yᵀ k, or (−Δ I + ∇∇ᵀ) k, by mixed differences of k."""

    def scalar(p: Array, q: Array) -> Any:
        return PROFILES[name](np.sum((p - q) ** 2) / MP.mpf(BANDWIDTH) ** 2)

    mixed = mixed_differences(scalar, x, y)
    if name != "DivergenceFreeGaussian":
        return mixed
    return np.trace(mixed) * np.eye(len(x), dtype=int) - mixed


@case("K5", oracle="mixed differences of the scalar kernel at eighty digits")
def kernels_of_other_functions(arrays: Arrays) -> Iterator[Measured]:
    """The gradient kernels of other k, and the divergence-free one, near, far and at one point."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(3, 3)), rng.normal(size=(4, 3))
    y[0] = x[0]
    for name in PROFILES:
        found = arrays.host(getattr(ir.rkhs, name)(BANDWIDTH)(arrays(x), arrays(y)))
        expected = np.array(
            [[second_derivatives(name, p, q) for q in precise(y)] for p in precise(x)]
        )
        yield compared(name, found, expected, 20 * EPS, ENTRY)


@case(
    "K5", oracle="antisymmetric part of the field's Jacobian, by differences of the package's field"
)
def gradient_gaussian_fields_are_gradients(arrays: Arrays) -> Iterator[Measured]:
    """Every field is curl-free, ∂_a v_c = ∂_c v_a; fields of the scalar kernel are not."""
    rng = np.random.default_rng(5)
    x, forces, z = rng.normal(size=(6, 3)), rng.normal(size=(6, 3, 1)), rng.normal(size=3)
    step = 1e-5
    shifts = step * np.concatenate([np.eye(3), -np.eye(3)])
    weights = arrays(np.full(6, 1 / 6))

    def swirl(kernel: Any) -> float:
        values = arrays.host(
            kernel.contract(arrays(z + shifts), arrays(x), arrays(forces), weights)
        )[:, :, 0]
        slopes = (values[:3] - values[3:]) / (2 * step)
        return float(np.linalg.norm(slopes - slopes.T) / np.linalg.norm(slopes))

    # A central difference at 1e-5 is off by h² = 1e-10 times third derivatives over first ones
    # (below ten at σ = 0.8) and eps/h = 2e-11.
    allowed = 1e-9
    yield Measured(
        "gradient kernel",
        swirl(ir.rkhs.GradientGaussian(BANDWIDTH)),
        allowed,
        "truncation 10h² and rounding eps/h at h = 1e-5",
    )
    yield Measured(
        "scalar kernel has curl",
        max(0.0, 0.1 - swirl(ir.rkhs.ScalarGaussian(BANDWIDTH))),
        0.0,
        "the measure must be able to see a curl of 0.1",
    )


@case("K6", oracle="scalar kernel times identity at eighty digits")
def scalar_gaussian_matrix(arrays: Arrays) -> Iterator[Measured]:
    """K(x, y) = k(x, y) I."""
    rng = np.random.default_rng(6)
    for dim in (1, 3):
        x, y = rng.normal(size=(3, dim)), rng.normal(size=(4, dim))
        found = arrays.host(ir.rkhs.ScalarGaussian(BANDWIDTH)(arrays(x), arrays(y)))
        kernel = oracle.scalar_kernel(BANDWIDTH)
        expected = np.array([[kernel(p, q) for q in precise(y)] for p in precise(x)])
        yield compared(f"d = {dim}", found, expected, 20 * EPS, ENTRY)


def layers(sizes: tuple[int, ...], rng: np.random.Generator) -> list[tuple[Array, Array]]:
    """A random network with activations of order one."""
    return [
        (rng.normal(size=(o, i)) / np.sqrt(i), 0.5 * rng.normal(size=o)) for i, o in pairwise(sizes)
    ]


def tangent(arrays: Arrays, net: list[tuple[Array, Array]], activation: str, mode: str) -> Any:
    """The package's neural tangent kernel of a host network."""
    return ir.rkhs.NeuralTangent([(arrays(w), arrays(b)) for w, b in net], activation, mode)


def tangent_inputs(sizes: tuple[int, ...]) -> tuple[Array, Array, list[tuple[Array, Array]]]:
    """Two pairs of points and a network of the given widths."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(2, 2)), rng.normal(size=(2, 2)), layers(sizes, rng)


@cache
def exact_tangent(sizes: tuple[int, ...], activation: str, mode: str) -> Array:
    """The oracle's matrices, once for all backends."""
    x, y, net = tangent_inputs(sizes)
    kernel = oracle.tangent_kernel(net, activation, mode)
    return np.array([[kernel(p, q) for q in precise(y)] for p in precise(x)])


@case("K7", oracle="J Jᵀ with parameter Jacobians by differences at eighty digits")
def neural_tangent_matrix(arrays: Arrays) -> Iterator[Measured]:
    """Every activation, mode and a few depths."""
    for sizes in ((2, 2), (2, 4, 2), (2, 4, 3, 2)):
        x, y, net = tangent_inputs(sizes)
        for activation in oracle.ACTIVATIONS if len(sizes) > 2 else ("tanh",):
            for mode in ("full", "diagonal", "trace"):
                found = arrays.host(tangent(arrays, net, activation, mode)(arrays(x), arrays(y)))
                expected = exact_tangent(sizes, activation, mode)
                # Roundings accumulate over the layers and the few dozen products in a sum.
                yield compared(
                    f"{sizes}, {activation}, {mode}",
                    found,
                    expected,
                    100 * EPS,
                    "a hundred roundings through four layers",
                )


@case("K7", oracle="arrays of the published code")
def neural_tangent_golden(arrays: Arrays) -> Iterator[Measured]:
    """The full kernel on the first five particles of each input of the published code."""
    for name in CASES:
        golden = Golden(name)
        x = golden["particles"][:5]
        found = tangent(arrays, golden.layers, "tanh", "full")(arrays(x), arrays(x))
        yield compared(
            name,
            arrays.host(found),
            golden["ntk_full_first5"],
            100 * EPS,
            "a hundred roundings through four layers, in either program",
        )


# --------------------------------------------------------------------------------------------------


def contraction(
    kernel: oracle.Kernel, points: Array, x: Array, forces: Array, weights: Array
) -> tuple[Array, float]:
    """Return V_j as a double sum, and the largest sum of absolute terms, which bounds rounding."""
    values = np.array(
        [
            [
                w * (kernel(z, p) @ f)
                for w, p, f in zip(precise(weights), precise(x), precise(forces), strict=True)
            ]
            for z in precise(points)
        ]
    )
    absolute = np.array(
        [
            [
                w * (np.abs(kernel(z, p)) @ np.abs(f))
                for w, p, f in zip(precise(weights), precise(x), precise(forces), strict=True)
            ]
            for z in precise(points)
        ]
    )
    return np.sum(values, axis=1), float(np.max(np.sum(absolute, axis=1)))


@case("K4", oracle="naive double loop at eighty digits")
def contractions(arrays: Arrays) -> Iterator[Measured]:
    """V_j = Σ_i π_i K(p_j, x_i) ∇f(x_i) for each kernel, readable and fused."""
    rng = np.random.default_rng(8)
    n, dim, b = 6, 2, 3
    x, forces, weights = (
        rng.normal(size=(n, dim)),
        rng.normal(size=(n, dim, b)),
        rng.dirichlet(np.ones(n)),
    )
    points = np.concatenate([x[:2], rng.normal(size=(2, dim))])
    net = layers((dim, 4, dim), rng)
    kernels: list[tuple[str, Any, oracle.Kernel]] = [
        (
            "gradient_gaussian_contraction",
            ir.rkhs.GradientGaussian(BANDWIDTH),
            oracle.gradient_kernel(BANDWIDTH),
        ),
        (
            "scalar_gaussian_contraction",
            ir.rkhs.ScalarGaussian(BANDWIDTH),
            oracle.scalar_kernel(BANDWIDTH),
        ),
    ]
    for mode in ("full", "diagonal", "trace"):
        kernels.append(
            (
                "neural_tangent_contraction",
                tangent(arrays, net, "tanh", mode),
                oracle.tangent_kernel(net, "tanh", mode),
            )
        )
    for operation, ours, theirs in kernels:
        expected, size = contraction(theirs, points, x, forces, weights)
        for implementation in arrays.implementations(operation):
            found = ours.contract(
                arrays(points), arrays(x), arrays(forces), arrays(weights), implementation
            )
            name = (
                f"{operation}{' ' + ours.mode if hasattr(ours, 'mode') else ''}, {implementation}"
            )
            yield compared(name, arrays.host(found), expected, (n + 20) * EPS, SUM, scale=size)


@case("K4", oracle="n×n×d×d kernel matrices contracted by einsum", quick=False)
def contractions_over_several_tiles(arrays: Arrays) -> Iterator[Measured]:
    """Sizes at which pairwise work is cut into tiles, with a last tile that is not full."""
    rng = np.random.default_rng(9)
    n, m, dim, b = 701, 333, 3, 11
    x, points, forces, weights = (
        rng.normal(size=(n, dim)),
        rng.normal(size=(m, dim)),
        rng.normal(size=(n, dim, b)),
        rng.dirichlet(np.ones(n)),
    )
    r = (points[:, None, :] - x[None, :, :]) / BANDWIDTH
    k = np.exp(-0.5 * np.sum(r * r, axis=2))[:, :, None, None]
    matrices = {
        "gradient_gaussian_contraction": (
            ir.rkhs.GradientGaussian(BANDWIDTH),
            k * (np.eye(dim) - r[..., :, None] * r[..., None, :]) / BANDWIDTH**2,
        ),
        "scalar_gaussian_contraction": (ir.rkhs.ScalarGaussian(BANDWIDTH), k * np.eye(dim)),
    }
    for operation, (ours, matrix) in matrices.items():
        weighted = matrix * weights[:, None, None]
        expected = np.einsum("jiac,ics->jas", weighted, forces, optimize=True)
        size = np.max(np.einsum("jiac,ics->jas", np.abs(weighted), np.abs(forces), optimize=True))
        for implementation in arrays.implementations(operation):
            found = ours.contract(
                arrays(points), arrays(x), arrays(forces), arrays(weights), implementation
            )
            # The oracle rounds as much as the code does.
            yield compared(
                f"{operation}, {implementation}",
                arrays.host(found),
                expected,
                2 * (n + 20) * EPS,
                SUM,
                scale=float(size),
            )


# --------------------------------------------------------------------------------------------------


@case("K8", oracle="sorted distances at eighty digits")
def median_bandwidth(arrays: Arrays) -> Iterator[Measured]:
    """Both rules, odd and even numbers of distances, repeated points, and a far origin."""
    rng = np.random.default_rng(10)
    clouds = {
        "even": rng.normal(size=(4, 2)),
        "odd": rng.normal(size=(3, 2)),
        "repeated points": np.repeat(rng.normal(size=(5, 3)), 3, axis=0),
        "far from the origin": 1e6 + rng.normal(size=(6, 2)),
    }
    for name, x in clouds.items():
        for rule in ("midpoint", "lower"):
            expected = oracle.median_bandwidth(precise(x), rule)
            for implementation in arrays.implementations("median_squared_distance"):
                found = ir.metrics.median_bandwidth(arrays(x), rule, implementation)
                yield compared(
                    f"{name}, {rule}, {implementation}",
                    found,
                    expected,
                    8 * EPS,
                    "a difference, d squares, a sum, a mean, a root",
                )
    yield compared(
        "no scale in the data",
        ir.metrics.median_bandwidth(arrays(np.ones((3, 2)))),
        1.0,
        0.0,
        "a convention: exactly one",
    )
