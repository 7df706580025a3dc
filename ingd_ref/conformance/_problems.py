"""Where problems come from: domains to draw them from, and the corners that a random search meets too seldom to be trusted with them.

The corners are one particle, one dimension, one statistic, more statistics than nd, duplicates and
unusual memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ingd_ref.conformance._build import FEATURES, KERNELS, LAYOUTS, WEIGHTS, build
from ingd_ref.conformance._problem import Problem

__all__ = [
    "ACTIVATIONS",
    "ANY",
    "EQUAL_DIVISOR",
    "FEATURES",
    "KERNELS",
    "LAYOUTS",
    "ONE_SYSTEM",
    "RADIAL",
    "RADIAL_FEATURES",
    "RADIAL_KERNELS",
    "REGULAR",
    "SINGLE",
    "WEIGHTS",
    "Domain",
    "Options",
    "choices",
    "common",
    "corners",
    "draws",
    "edges",
    "sample",
    "smaller",
]

RADIAL_FEATURES = ("rbf", "polynomial")
RADIAL_KERNELS = ("gradient", "scalar")
ONE_SYSTEM = ("gradient", "scalar", "tangent-diagonal", "tangent-full", "tangent-trace")
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


# More statistics than the d velocities of a particle could move would make G singular; seven or
# more well separated particles per statistic-triple keep it, and the covariance, invertible, so
# that laws may be tried without jitter.
REGULAR = Domain(
    n=(7, 10),
    b=(1, 3),
    features=("rbf", "fourier"),
    ridge=(1e-2, 1.0),
    jitter=(0.0,),
    duplicates=(False,),
    weights=("uniform", "random"),
)

ANY = Domain()
SINGLE = replace(ANY, kernels=ONE_SYSTEM)
EQUAL_DIVISOR = replace(ANY, ddof=(0,))
RADIAL = Domain(features=RADIAL_FEATURES, kernels=RADIAL_KERNELS, masks=(False,))

Options = dict[str, Any]
SIZES = ("n", "m", "d", "b")
# Fields of a domain that hold several values of an option whose own name is singular.
SINGULAR = {"kernels": "kernel", "masks": "mask", "layouts": "layout", "dtypes": "dtype"}

CORNERS: tuple[Options, ...] = (
    {"n": 1, "m": 1, "d": 1, "b": 1},
    {"n": 1, "m": 4, "d": 3, "b": 2},
    {"n": 2, "m": 1, "d": 1, "b": 7},
    {"n": 6, "m": 3, "d": 2, "b": 1, "duplicates": True},
    {"n": 7, "m": 2, "d": 1, "b": 2, "layout": "strided", "weights": "random"},
    {
        "n": 5,
        "m": 6,
        "d": 3,
        "b": 4,
        "layout": "F",
        "weights": "one zero",
        "target_weights": "random",
    },
    {"n": 4, "m": 5, "d": 2, "b": 3, "layout": "reversed", "mask": True, "ddof": 1},
    {"n": 8, "m": 8, "d": 2, "b": 3, "layout": "read-only", "location": 2.0, "spread": 5.0},
)


def choices(domain: Domain) -> dict[str, tuple[Any, ...]]:
    """The values that each option of :func:`build`, other than a size, may take."""
    return {
        SINGULAR.get(name, name): values
        for name, values in vars(domain).items()
        if name not in SIZES
    }


def draws(domain: Domain, number: int) -> list[Options]:
    """Options of problems of ``domain``: the same ones in every run, for judging implementations without a search."""
    rng = np.random.default_rng(0)
    found = []
    for seed in range(number):
        options: Options = {
            size: int(
                rng.integers(getattr(domain, size)[0], getattr(domain, size)[1], endpoint=True)
            )
            for size in SIZES
        }
        options |= {
            name: values[rng.integers(len(values))] for name, values in choices(domain).items()
        }
        found.append(options | {"seed": seed})
    return found


def corners(domain: Domain) -> list[Options]:
    """Options of the corners, brought into ``domain``, each with the next of its features and kernels."""
    found = []
    for k, corner in enumerate(CORNERS):
        turns = {
            name: values[k % len(values)]
            for name, values in choices(domain).items()
            if name in TAKING_TURNS
        }
        options = {**turns, "seed": k, **corner}
        for size in SIZES:
            low, high = getattr(domain, size)
            options[size] = min(max(options[size], low), high)
        for name, values in choices(domain).items():
            if options.get(name) not in values:
                options[name] = values[0]
        if options["features"] in ("monomials", "pairwise") or options["kernel"].startswith(
            "tangent"
        ):
            options["spread"] = 1.0
        found.append(options)
    return found


TAKING_TURNS = ("features", "kernel", "ridge", "jitter", "dtype")


def sample(domain: Domain, number: int) -> list[Problem]:
    """Problems of :func:`draws`."""
    return [build(**options) for options in draws(domain, number)]


def edges(domain: Domain) -> list[Problem]:
    """Problems of :func:`corners`."""
    return [build(**options) for options in corners(domain)]


def common(domain: Domain, supported: Domain) -> Domain | None:
    """The part of ``domain`` that lies within ``supported``; None where there is none.

    Ridges, jitters and duplicates are those of ``domain``: an implementation of the equations has
    no say in them.
    """
    changes: dict[str, Any] = {}
    for field in fields(Domain):
        own, other = getattr(domain, field.name), getattr(supported, field.name)
        if field.name in SIZES:
            changes[field.name] = (max(own[0], other[0]), min(own[1], other[1]))
            empty = changes[field.name][0] > changes[field.name][1]
        elif field.name not in ("ridge", "jitter", "duplicates"):
            changes[field.name] = tuple(value for value in own if value in other)
            empty = not changes[field.name]
        else:
            empty = False
        if empty:
            return None
    return replace(domain, **changes)


def smaller(options: Options, domain: Domain, fails: Callable[[Options], bool]) -> Options:
    """Shrink the options of a failing problem: smaller sizes and the first of each choice, as long as it still fails."""
    for candidate in _simpler(options, domain):
        if fails(candidate):
            return smaller(candidate, domain, fails)
    return options


def _simpler(options: Options, domain: Domain) -> Iterator[Options]:
    """Options one step simpler, the largest steps first."""
    for size in SIZES:
        low = getattr(domain, size)[0]
        for value in dict.fromkeys((low, (low + options[size]) // 2, options[size] - 1)):
            if low <= value < options[size]:
                yield options | {size: value}
    for name, values in choices(domain).items():
        if options.get(name, values[0]) != values[0]:
            yield options | {name: values[0]}
    for name, plain in (("location", 0.0), ("spread", 1.0)):
        if options.get(name, plain) != plain:
            yield options | {name: plain}
