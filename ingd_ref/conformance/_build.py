"""Make a problem from a few plain numbers.

Problems are well conditioned by construction, so that a law tests the implementation and not the
rounding of its inputs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingd_ref import _checks
from ingd_ref.conformance._kinds import Kind, kernel_type, statistics_type
from ingd_ref.conformance._precision import Array
from ingd_ref.conformance._problem import Problem
from ingd_ref.features import Features, Setting
from ingd_ref.rkhs import MatrixKernel

__all__ = ["LAYOUTS", "WEIGHTS", "build"]

LAYOUTS = ("C", "F", "strided", "reversed", "read-only")
WEIGHTS = ("uniform", "random", "one zero")


def build(
    *,
    n: int = 5,
    m: int = 5,
    d: int = 2,
    b: int = 3,
    features: Kind = "rbf",
    kernel: Kind = "gradient",
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
    """Make a problem from one seed.

    Lengths are in units of ``spread``, and the particles lie ``location`` spreads from the origin.
    The dimension d is raised to the least one of the features and the kernel.

    Raises
    ------
    OptionError
        If a word is unknown, or a class does not describe itself to the laws.
    """
    _checks.choice(layout, "layout", LAYOUTS)
    _checks.choice(weights, "weights", WEIGHTS)
    _checks.choice(target_weights, "target_weights", WEIGHTS)
    d = max(d, statistics_type(features).least_dimension, kernel_type(kernel)[0].least_dimension)
    rng = np.random.default_rng(seed)
    x = spread * (location + rng.normal(size=(n, d)))
    y = spread * (
        location + rng.uniform(-1, 1, size=d) + rng.uniform(0.5, 1.5) * rng.normal(size=(m, d))
    )
    if duplicates:
        x[(n + 1) // 2 :] = x[: n // 2]
    x, y = (arranged(z.astype(dtype), layout) for z in (x, y))
    pi, rho = draw_weights(weights, n, rng), draw_weights(target_weights, m, rng)
    setting = Setting(np.concatenate([x, y]), b, rng, spread, feature_width)
    return Problem(
        x,
        y,
        make_features(features, setting),
        make_kernel(kernel, x, spread * kernel_width, activation, rng),
        ridge=ridge,
        jitter=jitter,
        ddof=ddof if effective_number(pi, n) > 1.2 else 0,
        weights=None if pi is None else pi.astype(dtype),
        target_weights=None if rho is None else rho.astype(dtype),
        mask=draw_mask(d, rng) if mask else None,
        seed=seed,
    )


def make_features(kind: Kind, setting: Setting) -> Features:
    """Make features of order one at the points of the setting."""
    return statistics_type(kind).example(setting)


def make_kernel(
    kind: Kind, x: Array, length: float, activation: str, rng: np.random.Generator
) -> MatrixKernel:
    """Make a kernel of the given length along each coordinate."""
    found, word = kernel_type(kind)
    example = found.example(x, float(length * np.sqrt(x.shape[1])), rng, activation)
    fields = found.words[word]
    return replace(example, **fields) if fields else example  # type: ignore[type-var]


def effective_number(weights: Array | None, n: int) -> float:
    """Return 1/Σπ²; where it is 1, the unbiased covariance does not exist."""
    return n if weights is None else float(1 / np.sum(weights**2))


def arranged(x: Array, layout: str) -> Array:
    """Return the same numbers in another memory layout."""
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
    """Draw weights that sum to one, or None for uniform ones."""
    if kind == "uniform":
        return None
    weights = rng.uniform(0.2, 1.0, size=number)
    if kind == "one zero" and number > 1:
        weights[rng.integers(number)] = 0.0
    return weights / np.sum(weights)


def draw_mask(dim: int, rng: np.random.Generator) -> Array:
    """Draw which coordinates are free, at least one."""
    mask = rng.uniform(size=dim) < 0.5
    mask[rng.integers(dim)] = True
    return mask
