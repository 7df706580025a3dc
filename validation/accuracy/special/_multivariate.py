"""The multivariate gamma function."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import special as sp

from validation.accuracy.special._entry import Entry
from validation.accuracy.special._functions import functions
from validation.oracles.precise import MP, Array

__all__ = ["multivariate_gamma"]


def _shapes(d: int) -> Array:
    return (d - 1) / 2 + np.logspace(-8, 8, 65)


DIMENSION = 3


def multivariate_gamma() -> Iterator[Entry]:
    """The same for 3 × 3 matrices."""
    d = DIMENSION
    halves = [MP.mpf(k) / 2 for k in range(d)]

    def log_gamma(a: Any) -> Any:
        return MP.mpf(d * (d - 1)) / 4 * MP.log(MP.pi) + MP.fsum(
            [MP.loggamma(a - h) for h in halves]
        )

    def gap(a: Any) -> Any:
        return d * MP.log(a) - MP.fsum([MP.psi(0, a - h) for h in halves])

    def excess(a: Any) -> Any:
        return a * MP.fsum([MP.psi(1, a - h) for h in halves]) - d

    def reduced(a: Any) -> Any:
        return log_gamma(a) - d * (a * MP.log(a) - a)

    def terms(a: Any, value: Any) -> Any:
        return max(abs(value), MP.fsum([(1 + h) * (1 + abs(MP.log(a - h))) for h in halves]))

    over = "10⁻⁸ … 10⁸ above 1, d = 3"

    def one(name: str, **more: Any) -> Entry:
        return Entry(name, over=over, rows=(_shapes(d),), **more)

    def ours(name: str) -> Callable[..., Any]:
        return lambda *arguments: getattr(functions, name)(np, *arguments, d)

    logarithms: dict[str, Any] = {
        "size": terms,
        "relative_to": "Σ (1 + |log|) of its shapes, or its value",
    }
    yield one(
        "multivariate_lgamma",
        ours=ours("multivariate_lgamma"),
        exact=log_gamma,
        scipy=lambda a: np.array([sp.multigammaln(x, d) for x in a]),
        peer="multigammaln(a, 3)",
        **logarithms,
    )
    yield one(
        "multivariate_reduced_lgamma",
        ours=ours("multivariate_reduced_lgamma"),
        exact=reduced,
        **logarithms,
    )
    yield one(
        "multivariate_log_minus_digamma", ours=ours("multivariate_log_minus_digamma"), exact=gap
    )
    yield one(
        "multivariate_trigamma_excess", ours=ours("multivariate_trigamma_excess"), exact=excess
    )
    yield one(
        "multivariate_tetragamma",
        ours=ours("multivariate_tetragamma"),
        exact=lambda a: MP.fsum([MP.psi(2, a - h) for h in halves]),
    )
    shapes = _shapes(d)[::8]
    near = [
        (a, 1 + (a - 1) * (1 + s)) for a in shapes for s in (1e-12, 1e-8, 1e-4, -1e-2, 0.3, -0.5)
    ]
    pairs = [(a, b) for a, b in itertools.product(shapes, shapes) if a != b] + near
    yield Entry(
        "multivariate_reduced_lgamma_bregman",
        over + ", near and far",
        tuple(np.array(pairs).T),
        ours("multivariate_reduced_lgamma_bregman"),
        lambda a, b: reduced(b) - reduced(a) + (b - a) * gap(a),
    )

    def inverse(y: Any) -> Any:
        """Newton's method in log(a − 1) from the grid."""
        start = min(_shapes(d), key=lambda a: abs(MP.log(gap(MP.mpf(float(a))) / y)))
        t = MP.log(MP.mpf(float(start)) - 1)
        for _ in range(60):
            a = 1 + MP.exp(t)
            step = MP.log(gap(a) / y) / (-excess(a) / a * (a - 1) / gap(a))
            t -= step
            if abs(step) < MP.mpf(10) ** -50:
                return 1 + MP.exp(t)
        raise ArithmeticError("no convergence")

    with MP.workdps(60):
        gaps = np.array([float(gap(MP.mpf(float(a)))) for a in _shapes(d)])
    yield Entry(
        "inverse_multivariate_log_minus_digamma",
        "its function at " + over,
        (gaps,),
        ours("inverse_multivariate_log_minus_digamma"),
        inverse,
        lambda y, a: a + y * a / excess(a),
        "(1 + κ) times its value",
    )
