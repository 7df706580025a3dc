"""Functions of logits and probabilities, and entropies."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import special as sp
from scipy import stats

from validation.accuracy.special._elementary import BOTH_SIGNS
from validation.accuracy.special._entry import AT_LEAST_ONE, Entry, at_least_one, flat
from validation.accuracy.special._functions import functions
from validation.oracles.precise import MP

__all__ = ["categories", "entropies"]

LOGITS = np.array(
    [
        [0.0, 0.0, 0.0],
        [3.0, 0.0, -1.0],
        [-30.0, 0.0, 2.0],
        [1.0, -2.0, 0.5],
        [-40.0, 40.0, 3.0],
        [0.0, -200.0, -3.0],
    ]
)


def _softmax(a: list[Any]) -> list[Any]:
    powers = [MP.exp(x) for x in a]
    total = MP.fsum(powers)
    return [p / total for p in powers]


def _log_sum(a: list[Any]) -> Any:
    return MP.log(MP.fsum([MP.exp(x) for x in a]))


def categories() -> Iterator[Entry]:
    """Functions of logits and of probabilities."""

    def one(name: str, **more: Any) -> Entry:
        return Entry(name, over="three logits to ±200", rows=(LOGITS,), digits=420, **more)

    yield one(
        "log_softmax",
        ours=partial(functions.log_softmax, np),
        exact=lambda a: [x - _log_sum(a) for x in a],
        scipy=lambda a: sp.log_softmax(a, axis=-1),
        peer="log_softmax(a)",
    )
    yield one(
        "log_sum_exp",
        ours=partial(functions.log_sum_exp, np),
        exact=_log_sum,
        scipy=lambda a: sp.logsumexp(a, axis=-1),
        peer="logsumexp(a)",
        size=at_least_one,
        relative_to=AT_LEAST_ONE,
    )
    steps = BOTH_SIGNS[(np.abs(BOTH_SIGNS) > 1e-13) & (np.abs(BOTH_SIGNS) < 40)]
    a = np.repeat(LOGITS, len(steps), axis=0)
    change = np.zeros_like(a)
    change[:, 0] = np.tile(steps, len(LOGITS))
    b = a + change
    moved = np.any(b != a, axis=1) & (np.abs(b - a)[:, 0] > 1e-12)
    a, b, change = a[moved], b[moved], change[moved]

    def excess(a: list[Any], d: list[Any]) -> Any:
        p = _softmax(a)
        return MP.log(MP.fsum([q * MP.exp(x) for q, x in zip(p, d, strict=True)])) - MP.fsum(
            [q * x for q, x in zip(p, d, strict=True)]
        )

    def exponents(*arguments: Any) -> Any:
        return arguments[-1] * (1 + MP.fsum([abs(x) for x in flat(list(arguments[:-1]))]) / 16)

    near = "logits to ±200 that differ by 10⁻¹² to 30"
    sized: dict[str, Any] = {"size": exponents, "relative_to": "(1 + Σ|logits|/16) times its value"}

    def difference(a: Any, b: Any) -> Any:
        return [y - x for x, y in zip(a, b, strict=True)]

    yield Entry(
        "log_sum_exp_bregman",
        near,
        (a, b),
        partial(functions.log_sum_exp_bregman, np),
        lambda a, b: excess(a, difference(a, b)),
        scipy=lambda a, b: (
            sp.logsumexp(b, axis=-1)
            - sp.logsumexp(a, axis=-1)
            - np.sum(sp.softmax(a, axis=-1) * (b - a), axis=-1)
        ),
        peer="logsumexp(b) - logsumexp(a) - …",
        digits=420,
        **sized,
    )
    yield Entry(
        "log_mean_exp_excess",
        near,
        (a, change),
        partial(functions.log_mean_exp_excess, np),
        excess,
        digits=420,
        **sized,
    )
    yield Entry(
        "log_softmax_change",
        near,
        (a, b),
        partial(functions.log_softmax_change, np),
        lambda a, b: [(y - x) - (_log_sum(b) - _log_sum(a)) for x, y in zip(a, b, strict=True)],
        lambda a, b, value: (
            max(abs(v) for v in value) * (1 + MP.fsum([abs(x) for x in a + b]) / 16)
        ),
        "(1 + Σ|logits|/16) times the largest entry",
        digits=420,
    )

    def angle(a: list[Any], b: list[Any]) -> Any:
        p, q = _softmax(a), _softmax(b)
        chord = MP.sqrt(
            MP.fsum([(MP.sqrt(y) - MP.sqrt(x)) ** 2 for x, y in zip(p, q, strict=True)])
        )
        return 4 * MP.asin(chord / 2)

    yield Entry(
        "simplex_distance",
        near,
        (a, b),
        partial(functions.simplex_distance, np),
        angle,
        scipy=lambda a, b: (
            2
            * np.arccos(
                np.minimum(
                    1, np.sum(np.sqrt(sp.softmax(a, axis=-1) * sp.softmax(b, axis=-1)), axis=-1)
                )
            )
        ),
        peer="2*arccos(sum(sqrt(p*q)))",
        digits=420,
        **sized,
    )
    rng = np.random.default_rng(4)
    rows = 10.0 ** rng.uniform(-20, 5, (60, 5))
    yield Entry(
        "other_sums",
        "five numbers from 10⁻²⁰ to 10⁵",
        (rows,),
        partial(functions.other_sums, np),
        lambda x: [MP.fsum(x[:i] + x[i + 1 :]) for i in range(len(x))],
        scipy=lambda x: np.sum(x, axis=-1, keepdims=True) - x,
        peer="sum(x) - x",
    )
    parts = rng.dirichlet(np.ones(5), 60) * (1 - 2.0**-50)
    yield Entry(
        "remaining",
        "five probabilities that nearly sum to one",
        (parts,),
        lambda parts: functions.remaining(np, 1.0, parts),
        lambda parts: 1 - MP.fsum(parts),
        scipy=lambda parts: 1 - np.sum(parts, axis=-1),
        peer="1 - sum(parts)",
    )
    yield Entry(
        "with_reference",
        "three logits",
        (LOGITS,),
        partial(functions.with_reference, np),
        lambda a: [*a, MP.mpf(0)],
    )


def entropies() -> Iterator[Entry]:
    """Entropies that are series, where the series is short enough to be summed."""
    rates = np.logspace(-8, 3, 45)

    def poisson(rate: Any) -> Any:
        total, p, k = MP.mpf(0), MP.exp(-rate), 0
        while True:
            term = -p * MP.log(p)
            total += term
            if k > rate and term < total * MP.mpf(10) ** -40:
                return total
            k += 1
            p *= rate / k

    yield Entry(
        "poisson_entropy",
        "rates 10⁻⁸ … 10³",
        (rates,),
        partial(functions.poisson_entropy, np),
        poisson,
        scipy=lambda r: stats.poisson.entropy(r),
        peer="stats.poisson.entropy(rate)",
        digits=60,
    )

    def binomial(odds: Any) -> Any:
        r, q = MP.mpf("2.5"), odds / (1 + odds)
        total, p, k = MP.mpf(0), (1 + odds) ** -r, 0
        while True:
            term = -p * MP.log(p)
            total += term
            if k > r * odds and abs(term) < total * MP.mpf(10) ** -40:
                return total
            p *= q * (k + r) / (k + 1)
            k += 1

    odds = np.logspace(-8, 2, 31)
    yield Entry(
        "negative_binomial_entropy",
        "r = 2.5, odds 10⁻⁸ … 10²",
        (odds,),
        lambda odds: functions.negative_binomial_entropy(np, 2.5, odds),
        binomial,
        scipy=lambda o: stats.nbinom.entropy(2.5, 1 / (1 + o)),
        peer="stats.nbinom.entropy(r, p)",
        digits=60,
    )

    def multinomial(p: list[Any]) -> Any:
        n, total = 9, MP.mpf(0)
        for counts in itertools.product(range(n + 1), repeat=2):
            last = n - sum(counts)
            if last >= 0:
                full = [*counts, last]
                log_p = MP.loggamma(n + 1) + MP.fsum(
                    [c * MP.log(q) - MP.loggamma(c + 1) for c, q in zip(full, p, strict=True)]
                )
                total -= MP.exp(log_p) * log_p
        return total

    probabilities = np.random.default_rng(6).dirichlet(np.ones(3) / 2, 40)

    def judged(p: list[Any], value: Any) -> Any:
        return max(abs(value), MP.mpf(1))

    yield Entry(
        "multinomial_entropy",
        "9 trials, three random probabilities",
        (probabilities,),
        lambda p: functions.multinomial_entropy(np, 9, p),
        lambda p: multinomial([x / MP.fsum(p) for x in p]),
        judged,
        AT_LEAST_ONE,
        scipy=lambda p: np.array([stats.multinomial.entropy(9, row) for row in p]),
        peer="stats.multinomial.entropy(n, p)",
        digits=40,
    )
