"""Quantiles and tails."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import special as sp

from validation.accuracy.special._entry import Entry
from validation.accuracy.special._functions import functions
from validation.oracles.precise import MP

__all__ = ["distributions"]


def distributions() -> Iterator[Entry]:
    """Quantiles and tails."""
    z = np.concatenate([-np.logspace(-8, np.log10(37.0), 40), np.logspace(-8, np.log10(8.0), 20)])
    yield Entry(
        "normal_tail",
        "−37 … 8",
        (z,),
        partial(functions.normal_tail, np),
        lambda z: MP.erfc(-z / MP.sqrt(2)) / 2,
        lambda z, value: value * (1 + min(z, MP.mpf(0)) ** 2),
        "(1 + z²) times its value",
        scipy=sp.ndtr,
        peer="ndtr(z)",
    )
    shapes, levels = (0.01, 0.3, 1.0, 5.0, 50.0, 1e3), (1e-12, 1e-3, 0.3, 0.5)
    shape, level = np.array(list(itertools.product(shapes, levels))).T
    lower = np.concatenate([level, 1 - level])
    upper, shape = np.concatenate([1 - level, level]), np.concatenate([shape, shape])
    # What underflows has no digits: quantiles of small shapes below 10⁻³⁰⁰ are left out.
    kept = sp.gammaincinv(shape, lower) > 1e-290

    def both(a: Any, low: Any, high: Any) -> list[Any]:
        return [_gamma_quantile(a, low, high), _slope(a, low, high)]

    yield Entry(
        "gamma_quantile",
        "shapes 10⁻² … 10³, probabilities from 10⁻¹² on either side",
        (shape[kept], lower[kept], upper[kept]),
        partial(functions.gamma_quantile, np),
        both,
        lambda a, low, high, value: [value[0] * (1 + abs(MP.log(value[0]))), value[1]],
        "(1 + |log x|) times the quantile x, and the derivative of log x by the shape",
        digits=40,
    )


def _gamma_quantile(a: Any, low: Any, high: Any) -> Any:
    """Newton's method on log P or log Q, whichever is smaller, in log x, from SciPy's quantile."""
    below = low < high
    start = (
        sp.gammaincinv(float(a), float(low)) if below else sp.gammainccinv(float(a), float(high))
    )
    t = MP.log(MP.mpf(float(start)))
    for _ in range(40):
        x = MP.exp(t)
        value = (
            MP.gammainc(a, 0, x, regularized=True) if below else MP.gammainc(a, x, regularized=True)
        )
        density = MP.exp(a * t - x - MP.loggamma(a))
        step = MP.log(value / (low if below else high)) * value / density * (1 if below else -1)
        t -= max(min(step, MP.mpf(1)), MP.mpf(-1))
        if abs(step) < MP.mpf(10) ** (-MP.dps // 2 - 4):
            return MP.exp(t)
    raise ArithmeticError("no convergence")


def _slope(a: Any, low: Any, high: Any) -> Any:
    h = a * MP.mpf(10) ** -8
    return (
        MP.log(_gamma_quantile(a + h, low, high)) - MP.log(_gamma_quantile(a - h, low, high))
    ) / (2 * h)
