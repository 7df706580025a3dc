"""Domains of problems, and the problems that a law is tried on.

A random search rarely meets the corners: one particle, one dimension, one statistic, more
statistics than nd, duplicates, unusual memory. So a plan has both. The names of the law and the
kernel are the seed of its problems. Each kind of statistics has a random number, seeded by its own
name as well, and the highest number wins. So a new kernel or new statistics change no problem of
the others, except those that the new statistics win.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ingd_ref.conformance._build import LAYOUTS, WEIGHTS
from ingd_ref.conformance._kinds import (
    FEATURES,
    KERNELS,
    Kind,
    has_units,
    kernel_fits,
    statistics_fit,
    word_of,
)

__all__ = [
    "ACTIVATIONS",
    "ANY",
    "EQUAL_DIVISOR",
    "RADIAL",
    "REGULAR",
    "SINGLE",
    "Domain",
    "Options",
    "common",
    "kernels_of",
    "plan",
    "smaller",
    "statistics_of",
]

ACTIVATIONS = ("tanh", "relu", "silu", "gelu")


@dataclass(frozen=True)
class Domain:
    """The problems for which a law holds, or that an implementation solves.

    Attributes
    ----------
    n, m, d, b : (int, int)
        Smallest and largest sizes.
    features, kernels : tuple or None
        Words, or classes that describe themselves. None (default) for all of the package.
    needs : tuple of str
        Properties of the kernel (``"one system"``, ``"radial"``, ``"curl-free"``,
        ``"divergence-free"``, ``"same in subspaces"``, ``"units"``) and of the statistics
        (``"shift"``, ``"rotation"``, ``"scale"``, ``"full rank"``).
    ridge, jitter, ddof, weights, target_weights, masks, duplicates, layouts, dtypes : tuple
        Values of the options.
    """

    n: tuple[int, int] = (1, 8)
    m: tuple[int, int] = (1, 8)
    d: tuple[int, int] = (1, 3)
    b: tuple[int, int] = (1, 7)
    features: tuple[Kind, ...] | None = None
    kernels: tuple[Kind, ...] | None = None
    needs: tuple[str, ...] = ()
    ridge: tuple[float, ...] = (0.0, 1e-3, 1e-1, 1.0)
    jitter: tuple[float, ...] = (1e-4, 1e-3, 1e-1)
    ddof: tuple[int, ...] = (0, 1)
    weights: tuple[str, ...] = WEIGHTS
    target_weights: tuple[str, ...] = ("uniform", "random")
    masks: tuple[bool, ...] = (False, True)
    duplicates: tuple[bool, ...] = (False, True)
    layouts: tuple[str, ...] = LAYOUTS
    dtypes: tuple[str, ...] = ("float64",)


ANY = Domain()
SINGLE = Domain(needs=("one system",))
EQUAL_DIVISOR = Domain(ddof=(0,))
RADIAL = Domain(needs=("radial", "rotation"), masks=(False,))
# More statistics than the d velocities of a particle could move would make G singular. Seven or
# more separate particles for at most three statistics keep G and the covariance invertible, so laws
# may be tried without jitter.
REGULAR = Domain(
    n=(7, 10),
    b=(1, 3),
    needs=("full rank",),
    ridge=(1e-2, 1.0),
    jitter=(0.0,),
    duplicates=(False,),
    weights=("uniform", "random"),
)

Options = dict[str, Any]
SIZES = ("n", "m", "d", "b")
KINDS = ("features", "kernels", "needs")
# Fields of a domain that hold several values of an option whose own name is singular.
SINGULAR = {"masks": "mask", "layouts": "layout", "dtypes": "dtype"}
TAKING_TURNS = ("ridge", "jitter", "dtype")

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


def kernels_of(domain: Domain) -> tuple[Kind, ...]:
    """Return the kernels of a domain that have what it needs."""
    known = tuple(KERNELS) if domain.kernels is None else domain.kernels
    return tuple(kind for kind in known if all(kernel_fits(kind, need) for need in domain.needs))


def statistics_of(domain: Domain) -> tuple[Kind, ...]:
    """Return the statistics of a domain that have what it needs."""
    known = tuple(FEATURES) if domain.features is None else domain.features
    return tuple(kind for kind in known if all(statistics_fit(kind, need) for need in domain.needs))


def plan(domain: Domain, name: str, number: int) -> list[Options]:
    """Return the options of the problems on which the law ``name`` is tried.

    For each kernel there are as many drawn problems as ``number``, and at most as many corners.
    """
    return [
        options
        for kernel in kernels_of(domain)
        for options in _plan_of_one(domain, name, kernel, number)
    ]


def _plan_of_one(domain: Domain, name: str, kernel: Kind, number: int) -> list[Options]:
    rng = np.random.default_rng([_code(name), _code(word_of(kernel))])
    order = rng.permutation(len(CORNERS))[:number]
    corners = [_corner(domain, CORNERS[k], kernel, rng) for k in sorted(order)]
    return corners + [_draw(domain, kernel, rng) for _ in range(number)]


def _code(word: str) -> int:
    return zlib.crc32(word.encode())


def _choices(domain: Domain) -> dict[str, tuple[Any, ...]]:
    """Return the values of each option of :func:`build` that is neither a size nor a kind."""
    return {
        SINGULAR.get(name, name): values
        for name, values in vars(domain).items()
        if name not in (*SIZES, *KINDS)
    }


def _draw(domain: Domain, kernel: Kind, rng: np.random.Generator) -> Options:
    options: Options = {}
    for size in SIZES:
        low, high = getattr(domain, size)
        options[size] = int(rng.integers(low, high, endpoint=True))
    options |= {
        name: values[rng.integers(len(values))] for name, values in _choices(domain).items()
    }
    seed = int(rng.integers(2**16))
    return options | {
        "features": _highest_ranked(statistics_of(domain), seed),
        "kernel": kernel,
        "seed": seed,
    }


def _corner(domain: Domain, corner: Options, kernel: Kind, rng: np.random.Generator) -> Options:
    """Bring a corner into the domain."""
    values, seed = _choices(domain), int(rng.integers(2**16))
    turns = {name: values[name][rng.integers(len(values[name]))] for name in TAKING_TURNS}
    options = {**turns, "seed": seed, "kernel": kernel, **corner}
    options["features"] = _highest_ranked(statistics_of(domain), seed)
    for size in SIZES:
        low, high = getattr(domain, size)
        options[size] = min(max(options[size], low), high)
    for name, allowed in values.items():
        if options.get(name) not in allowed:
            options[name] = allowed[0]
    if not has_units(options["features"], kernel):
        options["spread"] = 1.0
    return options


def _highest_ranked(kinds: Sequence[Kind], seed: int) -> Kind:
    """Choose the statistics with the highest random number drawn from their word and the seed."""

    def rank(kind: Kind) -> float:
        return np.random.default_rng([seed, _code(word_of(kind))]).random()

    return max(kinds, key=rank)


def common(domain: Domain, supported: Domain) -> Domain | None:
    """Return the part of ``domain`` that lies within ``supported``, or None.

    Ridges, jitters and duplicates are those of ``domain``.
    """
    changes: dict[str, Any] = {}
    for field in fields(Domain):
        own, other = getattr(domain, field.name), getattr(supported, field.name)
        if field.name in SIZES:
            changes[field.name] = (max(own[0], other[0]), min(own[1], other[1]))
            if changes[field.name][0] > changes[field.name][1]:
                return None
        elif field.name in ("features", "kernels"):
            changes[field.name] = _shared(own, other)
        elif field.name not in ("ridge", "jitter", "duplicates", "needs"):
            changes[field.name] = tuple(value for value in own if value in other)
            if not changes[field.name]:
                return None
    found = replace(domain, **changes)
    return found if kernels_of(found) and statistics_of(found) else None


def _shared(
    own: tuple[Kind, ...] | None, other: tuple[Kind, ...] | None
) -> tuple[Kind, ...] | None:
    """Return the kinds of both; None means all."""
    if own is None or other is None:
        return own if other is None else tuple(kind for kind in other if kind not in LAW_ONLY)
    return tuple(kind for kind in own if kind in other)


#: Words for what the laws make themselves: T f + c of given statistics and c·K of a given kernel.
LAW_ONLY = ("mapped", "multiple")


def smaller(options: Options, domain: Domain, fails: Callable[[Options], bool]) -> Options:
    """Shrink a failing problem of a kernel: smaller sizes, and the first of each other choice."""
    for candidate in _simpler(options, domain):
        if fails(candidate):
            return smaller(candidate, domain, fails)
    return options


def _simpler(options: Options, domain: Domain) -> Iterator[Options]:
    """Yield options that are one step simpler, the largest steps first."""
    for size in SIZES:
        low = getattr(domain, size)[0]
        for value in dict.fromkeys((low, (low + options[size]) // 2, options[size] - 1)):
            if low <= value < options[size]:
                yield options | {size: value}
    for name, values in ({"features": statistics_of(domain)} | _choices(domain)).items():
        if options.get(name, values[0]) != values[0]:
            yield options | {name: values[0]}
    for name, plain in (("location", 0.0), ("spread", 1.0)):
        if options.get(name, plain) != plain:
            yield options | {name: plain}
