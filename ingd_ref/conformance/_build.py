"""Make a problem from a few plain numbers; conditioned by construction, so that a law is judged and not the rounding of its inputs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ingd_ref.conformance._matrix_kernels import GradientKernel, ScalarKernel, TangentKernel
from ingd_ref.conformance._precision import Array
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._statistics import (
    RBF,
    Fourier,
    Monomials,
    Pairwise,
    Polynomial,
    Statistics,
)
from ingd_ref.errors import OptionError

__all__ = ["FEATURES", "KERNELS", "LAYOUTS", "WEIGHTS", "build"]

FEATURES = ("rbf", "polynomial", "monomials", "fourier", "pairwise")
KERNELS = (
    "gradient",
    "scalar",
    "coordinatewise",
    "tangent-diagonal",
    "tangent-full",
    "tangent-trace",
)
LAYOUTS = ("C", "F", "strided", "reversed", "read-only")
WEIGHTS = ("uniform", "random", "one zero")


def build(
    *,
    n: int = 5,
    m: int = 5,
    d: int = 2,
    b: int = 3,
    features: str = "rbf",
    kernel: str = "gradient",
    seed: int = 0,
    spread: float = 1.0,
    location: float = 0.0,
    feature_width: float = 1.0,
    kernel_width: float = 1.0,
    ridge: float = 1e-3,
    jitter: float = 1e-3,
    ddof: int = 0,
    weights: str = "uniform",
    target_weights: str = "uniform",
    mask: bool = False,
    duplicates: bool = False,
    layout: str = "C",
    dtype: str = "float64",
    activation: str = "tanh",
) -> Problem:
    """Make a problem whose lengths are in units of ``spread``, away from the origin by ``location`` spreads, from one seed.

    Raises
    ------
    OptionError
        For an unknown word.
    """
    for name, word, words in (
        ("features", features, FEATURES),
        ("kernel", kernel, KERNELS),
        ("layout", layout, LAYOUTS),
        ("weights", weights, WEIGHTS),
        ("target_weights", target_weights, WEIGHTS),
    ):
        if word not in words:
            raise OptionError(f"{name} must be one of {', '.join(words)}, got {word!r}")
    rng = np.random.default_rng(seed)
    x = spread * (location + rng.normal(size=(n, d)))
    y = spread * (
        location + rng.uniform(-1, 1, size=d) + rng.uniform(0.5, 1.5) * rng.normal(size=(m, d))
    )
    if duplicates:
        x[(n + 1) // 2 :] = x[: n // 2]
    x, y = (arranged(z.astype(dtype), layout) for z in (x, y))
    pi, rho = draw_weights(weights, n, rng), draw_weights(target_weights, m, rng)
    return Problem(
        x,
        y,
        make_features(features, x, y, b, spread, feature_width, rng),
        make_kernel(kernel, d, spread, kernel_width, activation, dtype, rng),
        ridge=ridge,
        jitter=jitter,
        ddof=ddof if effective_number(pi, n) > 1.2 else 0,
        weights=None if pi is None else pi.astype(dtype),
        target_weights=None if rho is None else rho.astype(dtype),
        mask=draw_mask(d, rng) if mask else None,
        seed=seed,
    )


def effective_number(weights: Array | None, n: int) -> float:
    """1/Σπ²; the unbiased covariance divides by 1 − Σπ² and does not exist when one particle carries all the weight."""
    return n if weights is None else float(1 / np.sum(weights**2))


def arranged(x: Array, layout: str) -> Array:
    """Return the same numbers in another arrangement of memory."""
    match layout:
        case "F":
            return np.asfortranarray(x)
        case "strided":
            return np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3]
        case "reversed":
            return np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1]
        case "read-only":
            x = x.copy()
            x.flags.writeable = False
    return x


def draw_weights(kind: str, number: int, rng: np.random.Generator) -> Array | None:
    if kind == "uniform":
        return None
    weights = rng.uniform(0.2, 1.0, size=number)
    if kind == "one zero" and number > 1:
        weights[rng.integers(number)] = 0.0
    return weights / np.sum(weights)


def draw_mask(dim: int, rng: np.random.Generator) -> Array:
    mask = rng.uniform(size=dim) < 0.5
    mask[rng.integers(dim)] = True
    return mask


def make_features(
    kind: str, x: Array, y: Array, b: int, spread: float, width: float, rng: np.random.Generator
) -> Statistics:
    """Statistics of order one on the sample, whatever its spread, with anchors near the pooled sample."""
    d, dtype = x.shape[1], x.dtype
    pooled = np.concatenate([x, y])
    if kind == "rbf":
        anchors = pooled[
            rng.choice(len(pooled), b, replace=b > len(pooled))
        ] + 0.3 * spread * rng.normal(size=(b, d))
        return RBF(anchors.astype(dtype), float(width * spread * np.sqrt(d)))
    if kind == "polynomial":
        return Polynomial((rng.normal(size=(b, d)) / (spread * np.sqrt(d))).astype(dtype))
    if kind == "fourier":
        return Fourier(
            (rng.normal(size=(b, d)) / (spread * width)).astype(dtype),
            rng.uniform(0, 6, size=b).astype(dtype),
        )
    if kind == "pairwise" and d > 1:
        return Pairwise()
    return Monomials(degree=1 + b % 2)


def make_kernel(
    kind: str,
    d: int,
    spread: float,
    width: float,
    activation: str,
    dtype: str,
    rng: np.random.Generator,
) -> GradientKernel | ScalarKernel | TangentKernel:
    """Matrix kernel with lengths in units of the spread; for the tangent kernel a network d→4→3→d or a linear one d→d."""
    bandwidth = float(width * spread * np.sqrt(d))
    if kind == "gradient":
        return GradientKernel(bandwidth)
    if kind in ("scalar", "coordinatewise"):
        return ScalarKernel(bandwidth, kind == "coordinatewise")
    sizes = (d, 4, 3, d)[:: rng.choice([1, 3])]
    layers = tuple(
        (
            (rng.normal(size=(o, i)) / np.sqrt(i)).astype(dtype),
            0.5 * rng.normal(size=o).astype(dtype),
        )
        for i, o in pairwise(sizes)
    )
    return TangentKernel(layers, activation, kind.removeprefix("tangent-"))
