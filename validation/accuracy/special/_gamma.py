"""The gamma function, its derivatives and their increments."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import special as sp

from validation.accuracy.special._entry import AT_LEAST_ONE, Entry, at_least_one
from validation.accuracy.special._functions import functions
from validation.oracles.precise import MP

__all__ = ["ABOVE_ZERO", "gamma_functions"]

SIXTEEN = np.concatenate(
    [
        np.logspace(-8, 8, 129),
        [0.3, 0.5, 0.7, 1.0, 1.4616321449683622, 1.5, 2.0, 2.5, 3.0, 9.9, 10.1, 12.0, 50.0],
    ]
)
DECADES = (1e-8, 1e-5, 1e-2, 0.3, 0.5, 1.0, 3.0, 9.9, 10.1, 50.0, 1e4, 1e8)
NEAR = (1e-12, 1e-8, 1e-4, 1e-2, -1e-2, 0.4, -0.4, 3.0, 1e3)
ABOVE_ZERO = "10⁻⁸ … 10⁸"
FAR_AND_NEAR = "pairs over 10⁻⁸ … 10⁸, and pairs at relative distances from 10⁻¹² to 10³"


def _pairs() -> tuple[Any, ...]:
    pairs = [(a, b) for a, b in itertools.product(DECADES, DECADES) if a != b] + [
        (a, a * (1 + d)) for a in DECADES for d in NEAR
    ]
    return tuple(np.array(pairs).T)


def _sums() -> tuple[Any, ...]:
    return tuple(np.array(list(itertools.product(DECADES, DECADES))).T)


PAIRS, SUMS = _pairs(), _sums()


def _excess(x: Any) -> Any:
    return x * MP.psi(1, x) - 1


def _gap(x: Any) -> Any:
    return MP.log(x) - MP.psi(0, x)


def reduced(x: Any) -> Any:
    """S(x) = log Γ(x) − x log x + x."""
    return MP.loggamma(x) - x * MP.log(x) + x


def _reduced_bregman(a: Any, b: Any) -> Any:
    return reduced(b) - reduced(a) + (b - a) * _gap(a)


def _bregman(a: Any, b: Any) -> Any:
    return MP.loggamma(b) - MP.loggamma(a) - (b - a) * MP.psi(0, a)


def _binet(x: Any) -> Any:
    return MP.loggamma(x) - (x - MP.mpf(1) / 2) * MP.log(x) + x - MP.log(2 * MP.pi) / 2


def _positive(name: str, exact: Callable[[Any], Any], **more: Any) -> Entry:
    return Entry(name, ABOVE_ZERO, (SIXTEEN,), partial(getattr(functions, name), np), exact, **more)


def _round_trip(name: str, forward: Callable[[Any], Any], over: str, **more: Any) -> Entry:
    """An inverse function where it should return the grid.

    κ of the rounding of its argument is what the value is judged by.
    """

    def size(y: Any, a: Any) -> Any:
        h = MP.mpf(10) ** -30
        slope = (forward(a * (1 + h)) - forward(a * (1 - h))) / (2 * h * a)
        return a + abs(y / slope)

    with MP.workdps(60):
        argument = np.array([float(forward(MP.mpf(float(a)))) for a in SIXTEEN])
    return Entry(
        name,
        over,
        (argument,),
        partial(getattr(functions, name), np),
        partial(_root, forward),
        size,
        "(1 + κ) times its value",
        **more,
    )


def _root(forward: Callable[[Any], Any], y: Any) -> Any:
    """The a > 0 of a monotone function, by Newton's method from the nearest point of the grid."""
    values = {a: forward(MP.mpf(float(a))) for a in (float(s) for s in SIXTEEN)}
    start = min(values, key=lambda a: abs(values[a] - y) / (abs(y) + abs(values[a])))
    log_a = MP.log(MP.mpf(start))
    for _ in range(60):
        h = MP.mpf(10) ** (-MP.dps // 3)
        slope = (forward(MP.exp(log_a + h)) - forward(MP.exp(log_a - h))) / (2 * h)
        step = (y - forward(MP.exp(log_a))) / slope
        log_a += max(min(step, MP.mpf(1)), MP.mpf(-1))
        if abs(step) < MP.mpf(10) ** -50:
            return MP.exp(log_a)
    raise ArithmeticError(f"no convergence at {MP.nstr(y, 20)}")


def gamma_functions() -> Iterator[Entry]:
    """Functions of one and two shapes."""
    half: dict[str, Any] = {"size": at_least_one, "relative_to": AT_LEAST_ONE}
    yield _positive("lgamma", MP.loggamma, scipy=sp.gammaln, peer="gammaln(a)", **half)
    yield _positive("digamma", MP.digamma, scipy=sp.digamma, peer="digamma(a)", **half)
    yield _positive(
        "trigamma",
        lambda x: MP.psi(1, x),
        scipy=lambda x: sp.polygamma(1, x),
        peer="polygamma(1, a)",
    )
    yield _positive(
        "tetragamma",
        lambda x: MP.psi(2, x),
        scipy=lambda x: sp.polygamma(2, x),
        peer="polygamma(2, a)",
    )
    yield _positive(
        "trigamma_excess",
        _excess,
        scipy=lambda x: x * sp.polygamma(1, x) - 1,
        peer="a*polygamma(1, a) - 1",
    )
    yield _positive(
        "log_minus_digamma",
        _gap,
        scipy=lambda x: np.log(x) - sp.digamma(x),
        peer="log(a) - digamma(a)",
    )
    yield _positive(
        "stirling_remainder",
        _binet,
        scipy=lambda x: sp.gammaln(x) - (x - 0.5) * np.log(x) + x - 0.5 * np.log(2 * np.pi),
        peer="gammaln(a) - (a - 0.5)*log(a) + …",
        size=lambda *_: MP.mpf(1),
        relative_to="1, the size of what it is added to",
    )
    yield _positive(
        "reduced_lgamma",
        reduced,
        scipy=lambda x: sp.gammaln(x) - x * np.log(x) + x,
        peer="gammaln(a) - a*log(a) + a",
        **half,
    )
    yield _round_trip("inverse_digamma", MP.digamma, "ψ(a) for a over 10⁻⁸ … 10⁸")
    yield _round_trip("inverse_log_minus_digamma", _gap, "log a − ψ(a) for a over 10⁻⁸ … 10⁸")

    def two(name: str, **more: Any) -> Entry:
        return Entry(name, rows=PAIRS, over=FAR_AND_NEAR, **more)

    yield two(
        "lgamma_bregman",
        ours=partial(functions.lgamma_bregman, np),
        exact=_bregman,
        scipy=lambda a, b: sp.gammaln(b) - sp.gammaln(a) - (b - a) * sp.digamma(a),
        peer="gammaln(b) - gammaln(a) - (b - a)*digamma(a)",
    )
    yield two(
        "reduced_lgamma_bregman",
        ours=partial(functions.reduced_lgamma_bregman, np),
        exact=_reduced_bregman,
    )

    def increments(name: str, **more: Any) -> Entry:
        return Entry(name, rows=SUMS, over="pairs over 10⁻⁸ … 10⁸", **more)

    yield increments(
        "digamma_increment",
        ours=partial(functions.digamma_increment, np),
        exact=lambda a, b: MP.psi(0, a + b) - MP.psi(0, a),
        scipy=lambda a, b: sp.digamma(a + b) - sp.digamma(a),
        peer="digamma(a + b) - digamma(a)",
    )
    yield increments(
        "trigamma_decrement",
        ours=partial(functions.trigamma_decrement, np),
        exact=lambda a, b: MP.psi(1, a) - MP.psi(1, a + b),
        scipy=lambda a, b: sp.polygamma(1, a) - sp.polygamma(1, a + b),
        peer="polygamma(1, a) - polygamma(1, a + b)",
    )
    yield increments(
        "tetragamma_increment",
        ours=partial(functions.tetragamma_increment, np),
        exact=lambda a, b: MP.psi(2, a + b) - MP.psi(2, a),
        scipy=lambda a, b: sp.polygamma(2, a + b) - sp.polygamma(2, a),
        peer="polygamma(2, a + b) - polygamma(2, a)",
    )
    yield increments(
        "log_minus_digamma_decrement",
        ours=partial(functions.log_minus_digamma_decrement, np),
        exact=lambda a, b: _gap(a) - _gap(a + b),
        scipy=lambda a, b: sp.digamma(a + b) - sp.digamma(a) - np.log1p(b / a),
        peer="digamma(a + b) - digamma(a) - log1p(b/a)",
    )
    yield increments(
        "trigamma_surplus",
        ours=partial(functions.trigamma_surplus, np),
        exact=lambda a, b: 1 / MP.psi(1, a + b) - 1 / MP.psi(1, a) - 1 / MP.psi(1, b),
    )
    yield _drop()
    yield Entry(
        "factorial_excess",
        "0, 1, 2, … 10⁸",
        (np.concatenate([np.arange(30.0), np.round(np.logspace(1.5, 8, 40))]),),
        partial(functions.factorial_excess, np),
        lambda x: MP.loggamma(x + 1) - (x * MP.log(x) if x else 0) + x,
        scipy=lambda x: sp.gammaln(x + 1) - sp.xlogy(x, x) + x,
        peer="gammaln(x + 1) - xlogy(x, x) + x",
        **half,
    )


def _drop() -> Entry:
    a, r = (x[SUMS[0] >= SUMS[1]] for x in SUMS)
    steps = np.resize([1e-12, 1e-6, -1e-2, -0.4, 9.0], len(a))
    b, s = a * (1 + steps), np.where(np.arange(len(a)) % 2 == 0, r, r * (1 - steps / 20))
    return Entry(
        "reduced_lgamma_bregman_drop",
        "Beta divergences over 10⁻⁸ … 10⁸",
        (a, b, r, s, s - r),
        partial(functions.reduced_lgamma_bregman_drop, np),
        lambda a, b, r, s, _: _reduced_bregman(a, b) - _reduced_bregman(a + r, b + s),
        lambda a, b, r, s, _, value: _bregman(a, b) + _bregman(r, s) - _bregman(a + r, b + s),
        "the divergence it is a part of",
    )
