"""Particle problems drawn for property tests: conditioned by construction, so that a law is judged and not the rounding of its inputs.

:func:`build` makes one problem from a few plain numbers; :func:`problems` lets hypothesis draw those numbers within a :class:`Domain`; and
:func:`edges` lists the corners (one particle, one dimension, one statistic, more statistics than nd, duplicates, unusual memory) that a
random search meets too seldom to be trusted with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests import oracles

Array = np.ndarray[Any, Any]

FEATURES = ("rbf", "polynomial", "monomials", "fourier", "pairwise")
RADIAL_FEATURES = ("rbf", "polynomial")
KERNELS = ("gradient", "scalar", "coordinatewise", "tangent-diagonal", "tangent-full", "tangent-trace")
RADIAL_KERNELS = ("gradient", "scalar")
ONE_SYSTEM = ("gradient", "scalar", "tangent-diagonal", "tangent-full", "tangent-trace")
LAYOUTS = ("C", "F", "strided", "reversed", "read-only")
WEIGHTS = ("uniform", "random", "one zero")
ACTIVATIONS = ("tanh", "relu", "silu", "gelu")


@dataclass(frozen=True)
class Domain:
    """Problems among which a law holds: closed ranges of sizes, and the values that each option may take."""

    n: tuple[int, int] = (1, 8)
    m: tuple[int, int] = (1, 8)
    d: tuple[int, int] = (1, 3)
    b: tuple[int, int] = (1, 7)
    features: tuple[str, ...] = FEATURES
    kernels: tuple[str, ...] = KERNELS
    ridge: tuple[float, ...] = (0.0, 1e-3, 1e-1, 1.0)
    jitter: tuple[float, ...] = (1e-4, 1e-3, 1e-1)
    ddof: tuple[int, ...] = (0, 1)
    weights: tuple[str, ...] = WEIGHTS
    target_weights: tuple[str, ...] = ("uniform", "random")
    masks: tuple[bool, ...] = (False, True)
    duplicates: tuple[bool, ...] = (False, True)
    layouts: tuple[str, ...] = LAYOUTS
    dtypes: tuple[str, ...] = ("float64",)


# More statistics than the d velocities of a particle could move would make G singular; seven or more well separated particles per
# statistic-triple keep it, and the covariance, invertible, so that laws may be tried without jitter.
REGULAR = Domain(
    n=(7, 10), b=(1, 3), features=("rbf", "fourier"), ridge=(1e-2, 1.0), jitter=(0.0,), duplicates=(False,), weights=("uniform", "random")
)


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
) -> oracles.Problem:
    """Make a problem whose lengths are in units of ``spread``, away from the origin by ``location`` spreads, from one seed."""
    rng = np.random.default_rng(seed)
    x = spread * (location + rng.normal(size=(n, d)))
    y = spread * (location + rng.uniform(-1, 1, size=d) + rng.uniform(0.5, 1.5) * rng.normal(size=(m, d)))
    if duplicates:
        x[(n + 1) // 2 :] = x[: n // 2]
    x, y = (arranged(z.astype(dtype), layout) for z in (x, y))
    pi, rho = draw_weights(weights, n, rng), draw_weights(target_weights, m, rng)
    return oracles.Problem(
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


def make_features(kind: str, x: Array, y: Array, b: int, spread: float, width: float, rng: np.random.Generator) -> oracles.Statistics:
    """Statistics of order one on the sample, whatever its spread, with anchors near the pooled sample."""
    d, dtype = x.shape[1], x.dtype
    pooled = np.concatenate([x, y])
    if kind == "rbf":
        anchors = pooled[rng.choice(len(pooled), b, replace=b > len(pooled))] + 0.3 * spread * rng.normal(size=(b, d))
        return oracles.RBF(anchors.astype(dtype), float(width * spread * np.sqrt(d)))
    if kind == "polynomial":
        return oracles.Polynomial((rng.normal(size=(b, d)) / (spread * np.sqrt(d))).astype(dtype))
    if kind == "fourier":
        return oracles.Fourier((rng.normal(size=(b, d)) / (spread * width)).astype(dtype), rng.uniform(0, 6, size=b).astype(dtype))
    if kind == "pairwise" and d > 1:
        return oracles.Pairwise()
    return oracles.Monomials(degree=1 + b % 2)


def make_kernel(
    kind: str, d: int, spread: float, width: float, activation: str, dtype: str, rng: np.random.Generator
) -> oracles.GradientKernel | oracles.ScalarKernel | oracles.TangentKernel:
    """Matrix kernel with lengths in units of the spread; for the tangent kernel a network d→4→3→d or a linear one d→d."""
    bandwidth = float(width * spread * np.sqrt(d))
    if kind == "gradient":
        return oracles.GradientKernel(bandwidth)
    if kind in ("scalar", "coordinatewise"):
        return oracles.ScalarKernel(bandwidth, kind == "coordinatewise")
    sizes = (d, 4, 3, d)[:: rng.choice([1, 3])]
    layers = tuple(
        ((rng.normal(size=(o, i)) / np.sqrt(i)).astype(dtype), 0.5 * rng.normal(size=o).astype(dtype)) for i, o in pairwise(sizes)
    )
    return oracles.TangentKernel(layers, activation, kind.removeprefix("tangent-"))


@st.composite
def problems(draw: st.DrawFn, domain: Domain) -> oracles.Problem:
    """Draw a problem of ``domain``; hypothesis shrinks sizes and options, and keeps the seed that fills the arrays."""
    features = draw(st.sampled_from(domain.features), label="features")
    kernel = draw(st.sampled_from(domain.kernels), label="kernel")
    # Monomials, pairwise products and networks have lengths of their own, so the sample must have theirs.
    free = features in ("rbf", "polynomial", "fourier") and not kernel.startswith("tangent")
    return build(
        features=features,
        kernel=kernel,
        n=draw(st.integers(*domain.n), label="n"),
        m=draw(st.integers(*domain.m), label="m"),
        d=draw(st.integers(*domain.d), label="d"),
        b=draw(st.integers(*domain.b), label="b"),
        seed=draw(st.integers(0, 2**16), label="seed"),
        spread=draw(st.sampled_from([1.0, 0.2, 5.0] if free else [1.0]), label="spread"),
        location=draw(st.sampled_from([0.0, 2.0]), label="location"),
        feature_width=draw(st.sampled_from([1.0, 0.7, 2.0]), label="feature width"),
        kernel_width=draw(st.sampled_from([1.0, 0.7, 2.0]), label="kernel width"),
        ridge=draw(st.sampled_from(domain.ridge), label="ridge"),
        jitter=draw(st.sampled_from(domain.jitter), label="jitter"),
        ddof=draw(st.sampled_from(domain.ddof), label="ddof"),
        weights=draw(st.sampled_from(domain.weights), label="weights"),
        target_weights=draw(st.sampled_from(domain.target_weights), label="target weights"),
        mask=draw(st.sampled_from(domain.masks), label="mask"),
        duplicates=draw(st.sampled_from(domain.duplicates), label="duplicates"),
        layout=draw(st.sampled_from(domain.layouts), label="layout"),
        dtype=draw(st.sampled_from(domain.dtypes), label="dtype"),
        activation=draw(st.sampled_from(ACTIVATIONS), label="activation"),
    )


def sample(domain: Domain, number: int) -> list[oracles.Problem]:
    """Problems of ``domain`` without a search: the same ones in every run, for judging faulty implementations."""
    rng = np.random.default_rng(0)
    found = []
    for seed in range(number):
        options: dict[str, Any] = {size: int(rng.integers(*getattr(domain, size), endpoint=True)) for size in ("n", "m", "d", "b")}
        for option, values in vars(domain).items():
            if option not in options:
                options[SINGULAR.get(option, option)] = values[rng.integers(len(values))]
        found.append(build(seed=seed, **options))
    return found


# Fields of a domain that hold several values of an option whose own name is singular.
SINGULAR = {"kernels": "kernel", "masks": "mask", "layouts": "layout", "dtypes": "dtype"}

CORNERS: tuple[dict[str, Any], ...] = (
    {"n": 1, "m": 1, "d": 1, "b": 1},
    {"n": 1, "m": 4, "d": 3, "b": 2},
    {"n": 2, "m": 1, "d": 1, "b": 7},
    {"n": 6, "m": 3, "d": 2, "b": 1, "duplicates": True},
    {"n": 7, "m": 2, "d": 1, "b": 2, "layout": "strided", "weights": "random"},
    {"n": 5, "m": 6, "d": 3, "b": 4, "layout": "F", "weights": "one zero", "target_weights": "random"},
    {"n": 4, "m": 5, "d": 2, "b": 3, "layout": "reversed", "mask": True, "ddof": 1},
    {"n": 8, "m": 8, "d": 2, "b": 3, "layout": "read-only", "location": 2.0, "spread": 5.0},
)


def edges(domain: Domain) -> list[oracles.Problem]:
    """The corners, brought into ``domain``, each with the next of its features and kernels."""
    found = []
    for k, corner in enumerate(CORNERS):
        options = {
            "features": domain.features[k % len(domain.features)],
            "kernel": domain.kernels[k % len(domain.kernels)],
            "ridge": domain.ridge[k % len(domain.ridge)],
            "jitter": domain.jitter[k % len(domain.jitter)],
            "dtype": domain.dtypes[k % len(domain.dtypes)],
            "seed": k,
            **corner,
        }
        for size in ("n", "m", "d", "b"):
            low, high = getattr(domain, size)
            options[size] = min(max(options[size], low), high)
        for option, allowed in (("mask", domain.masks), ("duplicates", domain.duplicates), ("ddof", domain.ddof)):
            options[option] = options.get(option, allowed[0]) if options.get(option) in allowed else allowed[0]
        for option in ("weights", "target_weights"):
            allowed = getattr(domain, option)
            options[option] = options.get(option) if options.get(option) in allowed else allowed[0]
        if options["features"] in ("monomials", "pairwise") or options["kernel"].startswith("tangent"):
            options["spread"] = 1.0
        found.append(build(**options))
    return found
