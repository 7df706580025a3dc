"""Exponentials, logarithms and counts: what NumPy has as a difference of two."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import special as sp

from validation.accuracy.special._entry import Entry
from validation.accuracy.special._functions import functions
from validation.accuracy.special._gamma import ABOVE_ZERO
from validation.oracles.precise import MP, Array

__all__ = ["BOTH_SIGNS", "elementary"]

SMALL = 10.0 ** np.arange(-18.0, 0.0)
BOTH_SIGNS = np.concatenate(
    [SMALL, -SMALL, [0.5, 1.01, 3.0, 30.0, 300.0], [-0.5, -1.01, -3.0, -30.0, -300.0]]
)
NEGATIVE = np.concatenate([BOTH_SIGNS[BOTH_SIGNS < 0], [-700.0, -0.6931]])


def elementary() -> Iterator[Entry]:
    """Functions that NumPy has as a difference of two."""

    def one(name: str, grid: Array, exact: Callable[[Any], Any], over: str, **more: Any) -> Entry:
        return Entry(
            name, over, (grid,), partial(getattr(functions, name), np), exact, digits=420, **more
        )

    signed, negative = "±10⁻¹⁸ … ±300", "−10⁻¹⁸ … −700"
    positive = np.concatenate([SMALL, [0.6, 0.8, 1.01, 3.0, 30.0, 300.0, 700.0]])
    yield one(
        "expm1_remainder",
        BOTH_SIGNS,
        lambda x: MP.exp(x) - 1 - x,
        signed,
        scipy=lambda x: np.expm1(x) - x,
        peer="expm1(x) - x",
    )
    yield one(
        "log1mexp",
        NEGATIVE,
        lambda x: MP.log(1 - MP.exp(x)),
        negative,
        scipy=lambda x: np.log1p(-np.exp(x)),
        peer="log1p(-exp(x))",
    )
    yield one(
        "log_expm1",
        positive,
        lambda x: MP.log(MP.exp(x) - 1),
        "10⁻¹⁸ … 700, away from its zero",
        scipy=lambda x: np.log(np.expm1(x)),
        peer="log(expm1(x))",
    )
    yield one(
        "geometric_odds",
        NEGATIVE,
        lambda x: MP.exp(x) / (1 - MP.exp(x)),
        negative,
        scipy=lambda x: np.exp(x) / (1 - np.exp(x)),
        peer="exp(x)/(1 - exp(x))",
    )
    yield one(
        "logistic",
        np.concatenate([BOTH_SIGNS, [0.0, 700.0, -700.0]]),
        lambda x: 1 / (1 + MP.exp(-x)),
        "±10⁻¹⁸ … ±700",
        scipy=sp.expit,
        peer="expit(x)",
    )
    above = np.concatenate([SMALL, -SMALL, [0.39, 0.41, 0.5, 3.0, 1e3, 1e8, -0.5, -0.9, -0.999]])
    yield one(
        "t_minus_log1p",
        above,
        lambda t: t - MP.log1p(t),
        "−0.999 … 10⁸",
        scipy=lambda t: t - np.log1p(t),
        peer="t - log1p(t)",
    )
    a = np.concatenate([b * (1 + above[np.abs(above) > 1e-15]) for b in (1e-8, 0.3, 1.0, 7e8)])
    b = np.repeat((1e-8, 0.3, 1.0, 7e8), int(np.sum(np.abs(above) > 1e-15)))
    yield Entry(
        "log_ratio",
        "quotients from 10⁻³ to 10⁸, near and far from one",
        (a, b),
        partial(functions.log_ratio, np),
        lambda a, b: MP.log(a / b),
        scipy=lambda a, b: np.log(a / b),
        peer="log(a/b)",
    )
    ratios = 1 + np.concatenate(
        [2.0 ** -np.arange(1.0, 40.0), -(2.0 ** -np.arange(1.0, 40.0)), [1e3, 1e8]]
    )  # r − 1 is exact
    yield Entry(
        "log_remainder",
        "10⁻²⁰ … 10²⁰, near and far from one",
        (np.append(ratios, [1e-20, 1e20]), np.append(ratios - 1, [-1.0, 1e20])),
        partial(functions.log_remainder, np),
        lambda r, e: r - 1 - MP.log(r),
        scipy=lambda r, e: e - np.log(r),
        peer="r - 1 - log(r)",
    )
    t = np.logspace(-8, 8, 129)

    def e1(t: Any) -> Any:
        return MP.exp(t) * MP.e1(t)

    yield Entry(
        "scaled_exponential_integral",
        ABOVE_ZERO,
        (t,),
        partial(functions.scaled_exponential_integral, np),
        lambda t: _scaled_e1(t),
        scipy=lambda t: np.exp(t) * sp.exp1(t),
        peer="exp(t)*exp1(t)",
    )
    yield Entry(
        "scaled_exponential_integral_excess",
        "10⁻⁸ … 10²",
        (t[t <= 1e2],),
        partial(functions.scaled_exponential_integral_excess, np),
        lambda t: e1(t) + MP.log(t) + MP.euler,
        scipy=lambda t: np.exp(t) * sp.exp1(t) + np.log(t) + np.euler_gamma,
        peer="exp(t)*exp1(t) + log(t) + γ",
    )
    yield _two_products()
    yield _jensen()
    counts = tuple(
        np.array(
            list(
                itertools.product(
                    (1.0, 2.0, 7.0, 1e4, 1e8), (1e-300, 1e-3, 1.0, 7.5, 1e4 + 1e-3, 1e8 + 1)
                )
            )
        ).T
    )
    yield Entry(
        "count_deviance",
        "counts to 10⁸, means from 10⁻³⁰⁰",
        counts,
        partial(functions.count_deviance, np),
        lambda x, m: x * MP.log(x / m) - x + m,
        scipy=lambda x, m: sp.kl_div(x, m),
        peer="kl_div(x, m)",
    )
    geometric = np.array(
        [
            (t, t * f)
            for t in (-1e-17, -1e-8, -1e-3, -0.5, -1.0, -3.0, -30.0, -200.0)
            for f in (1 + 1e-12, 1 + 1e-8, 1 - 1e-4, 1.01, 0.5, 3.0)
        ]
    ).T
    near = "θ from −10⁻¹⁷ to −600, near and far"
    yield Entry(
        "geometric_divergence",
        near,
        tuple(geometric),
        partial(functions.geometric_divergence, np),
        lambda a, b: (
            MP.log((1 - MP.exp(a)) / (1 - MP.exp(b))) - MP.exp(a) / (1 - MP.exp(a)) * (b - a)
        ),
        digits=700,
    )
    yield Entry(
        "geometric_distance",
        near,
        tuple(geometric),
        partial(functions.geometric_distance, np),
        lambda a, b: abs(MP.log(MP.tanh(b / 4) / MP.tanh(a / 4))),
        digits=700,
    )
    logits = np.array(
        [
            (a, a + s)
            for a in (0.0, 3.0, -3.0, -30.0, 30.0)
            for s in BOTH_SIGNS[(np.abs(BOTH_SIGNS) > 1e-13) & (np.abs(BOTH_SIGNS) < 40)]
        ]
    ).T
    yield Entry(
        "logistic_distance",
        "logits to ±60, near and far",
        tuple(logits),
        partial(functions.logistic_distance, np),
        lambda a, b: 2 * abs(MP.atan(MP.exp(b / 2)) - MP.atan(MP.exp(a / 2))),
        lambda a, b, value: value * (1 + (abs(a) + abs(b)) / 16),
        "(1 + Σ|θ|/16) times its value",
    )


def _scaled_e1(t: Any) -> Any:
    """eᵗE₁(t), by its asymptotic series where exponentials would overflow."""
    if t < 200:
        return MP.exp(t) * MP.e1(t)
    total, term = MP.mpf(0), 1 / t
    for k in range(1, 80):
        total += term
        term *= -k / t
    return total


def _jensen() -> Entry:
    """Four points that are as close together as may be.

    Their excesses over the centre are exact in float64.
    """
    signs = np.array([1.0, -1.0, 0.5, -0.25])
    excess = np.array([2.0**-k * signs for k in range(1, 50)])[:, :, None]
    weights = np.full((len(excess), 4, 1), 0.25)

    def definition(ratio: list[Any], _: Any, weights: list[Any]) -> Any:
        pairs = [(w[0], x[0]) for w, x in zip(weights, ratio, strict=True)]
        return MP.log(MP.fsum([w * x for w, x in pairs])) - MP.fsum(
            [w * MP.log(x) for w, x in pairs]
        )

    return Entry(
        "jensen_gap",
        "four points at relative distances from 1 to 10⁻¹⁵",
        (1.0 + excess, excess, weights),
        partial(functions.jensen_gap, np),
        definition,
        scipy=lambda r, e, w: np.log(np.sum(w * r, axis=-2)) - np.sum(w * np.log(r), axis=-2),
        peer="log(mean(x)) - mean(log(x))",
    )


def _two_products() -> Entry:
    rng = np.random.default_rng(5)
    a, b, c = rng.standard_normal((3, 200))
    d = a * b / c * (1 + rng.choice([0.0, 1e-16, 1e-12, 1e-6, 1.0], 200))
    return Entry(
        "difference_of_products",
        "random factors, products from equal to unequal",
        (a, b, c, d),
        partial(functions.difference_of_products, np),
        lambda a, b, c, d: a * b - c * d,
        scipy=lambda a, b, c, d: a * b - c * d,
        peer="a*b - c*d",
    )
