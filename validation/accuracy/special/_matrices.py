"""Vectors, double words, and symmetric matrices."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from validation.accuracy.special._entry import AT_LEAST_ONE, Entry, at_least_one, flat
from validation.accuracy.special._functions import functions
from validation.oracles.precise import MP, Array

__all__ = ["matrices", "vectors"]


def _norm(x: list[Any]) -> Any:
    return MP.sqrt(MP.fsum([v * v for v in x]))


def vectors() -> Iterator[Entry]:
    """Lengths and angles."""
    rng = np.random.default_rng(9)
    directions = rng.standard_normal((60, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = np.resize([1e-300, 1e-8, 1.0, 1e8, 1e300], 60)[:, None]
    yield Entry(
        "norm",
        "three entries, lengths from 10⁻³⁰⁰ to 10³⁰⁰",
        (directions * lengths,),
        partial(functions.norm, np),
        _norm,
        scipy=lambda x: np.linalg.norm(x, axis=-1),
        peer="numpy.linalg.norm(x)",
        digits=700,
    )
    gaps = np.resize([0.9, 1e-3, 1e-8, 1e-14, 1e-16], 60)[:, None]
    yield Entry(
        "ball_gap",
        "distances to the sphere from 0.9 to 10⁻¹⁶",
        (directions * (1 - gaps),),
        partial(functions.ball_gap, np),
        lambda x: 1 - _norm(x),
        scipy=lambda x: 1 - np.linalg.norm(x, axis=-1),
        peer="1 - numpy.linalg.norm(x)",
    )
    steps = np.resize([1e-15, 1e-12, 1e-8, 1e-4, 0.3, 3.0], 60)[:, None]
    a, b = directions * 3.0, directions * 0.7 + steps * rng.standard_normal((60, 3))

    def versine(a: list[Any], b: list[Any]) -> Any:
        return 1 - MP.fsum([x * y for x, y in zip(a, b, strict=True)]) / (_norm(a) * _norm(b))

    yield Entry(
        "versine",
        "angles from 10⁻¹⁵",
        (a, b),
        partial(functions.versine, np),
        versine,
        lambda a, b, v: v + MP.sqrt(2 * v) * MP.mpf(2) ** -52,
        "its value, or √(2·value) u",
        scipy=lambda a, b: (
            1 - np.sum(a * b, axis=-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
        ),
        peer="1 - a @ b/(norm(a)*norm(b))",
    )


def _matrices(d: int, conditions: Sequence[float]) -> Array:
    found = []
    for k, condition in enumerate(conditions):
        q = np.linalg.qr(np.random.default_rng(k).standard_normal((d, d)))[0]
        a = q @ np.diag(np.geomspace(1, condition, d)) @ q.T
        found.append((a + a.T) / 2)
    return np.array(found)


def _product(a: list[list[Any]], b: list[list[Any]]) -> list[list[Any]]:
    return [
        [
            MP.fsum([x * y for x, y in zip(row, column, strict=True)])
            for column in zip(*b, strict=True)
        ]
        for row in a
    ]


def _vech(a: list[list[Any]]) -> list[Any]:
    return [a[i][j] for i in range(len(a)) for j in range(i, len(a))]


def _places() -> list[tuple[int, int]]:
    return [(i, j) for i in range(3) for j in range(i, 3)]


def matrices() -> Iterator[Entry]:
    """Double words, factors and coordinates of symmetric 3 × 3 matrices up to κ = 10¹²."""
    a = _matrices(3, [1.0, 1e2, 1e4, 1e8, 1e12] * 4)
    b = _matrices(3, [1e3, 1.0, 1e6, 1e2, 1e4] * 4)[::-1]
    v = np.random.default_rng(10).standard_normal((len(a), 3))
    word = partial(functions.double_word, np)
    over = "3 × 3 matrices with condition numbers to 10¹²"

    def m(name: str, **more: Any) -> Entry:
        return Entry(name, over=over, **more)

    def parts(x: Any) -> Any:
        return functions.DoubleWord(np, x.high, x.low)

    def terms(a: Any, b: Any, value: Any) -> Any:
        matrix = [
            [
                MP.fsum([abs(x * y) for x, y in zip(row, column, strict=True)])
                for column in zip(*b, strict=True)
            ]
            for row in a
        ]
        return flat(matrix)

    def column(v: Any) -> Any:
        return [[x] for x in v]

    inner: dict[str, Any] = {"relative_to": "the sum of |terms|"}
    yield m(
        "matmul",
        rows=(a, b),
        ours=lambda a, b: functions.matmul(word(a), word(b)).rounded(),
        exact=_product,
        size=terms,
        scipy=lambda a, b: a @ b,
        peer="a @ b",
        **inner,
    )
    yield m(
        "matvec",
        rows=(a, v),
        ours=lambda a, v: functions.matvec(word(a), word(v)).rounded(),
        exact=lambda a, v: _product(a, column(v)),
        size=lambda a, v, value: terms(a, column(v), value),
        scipy=lambda a, v: (a @ v[..., None])[..., 0],
        peer="a @ v",
        **inner,
    )
    yield m(
        "outer",
        rows=(v, v[::-1]),
        ours=lambda a, b: functions.outer(word(a), word(b)).rounded(),
        exact=lambda a, b: [[x * y for y in b] for x in a],
        scipy=lambda a, b: a[:, :, None] * b[:, None, :],
        peer="outer(a, b)",
    )
    yield m(
        "symmetric",
        rows=(a + 1e-9 * v[:, :, None],),
        ours=lambda a: functions.symmetric(word(a)).rounded(),
        exact=lambda a: [[(a[i][j] + a[j][i]) / 2 for j in range(3)] for i in range(3)],
        scipy=lambda a: (a + np.swapaxes(a, 1, 2)) / 2,
        peer="(a + a.T)/2",
    )
    yield m(
        "double_word",
        rows=(a, b),
        ours=lambda a, b: (word(a) * word(b) + word(b)).rounded(),
        exact=lambda a, b: [x * y + y for x, y in zip(flat(a), flat(b), strict=True)],
        scipy=lambda a, b: a * b + b,
        peer="a*b + b",
    )
    yield m(
        "DoubleWord",
        rows=(a, b),
        ours=lambda a, b: (parts(word(a)) / (word(a) + b)).rounded(),
        exact=lambda a, b: [x / (x + y) for x, y in zip(flat(a), flat(b), strict=True)],
        scipy=lambda a, b: a / (a + b),
        peer="a/(a + b)",
    )
    yield m(
        "two_sum",
        rows=(v[:, 0], v[:, 1] * 1e-9),
        ours=lambda a, b: _added(functions.two_sum(a, b), a, b),
        exact=lambda a, b: MP.mpf(0),
        size=lambda *_: MP.mpf(1),
        relative_to="nothing: s + e = a + b exactly",
    )
    yield m(
        "two_product",
        rows=(v[:, 0], v[:, 1]),
        ours=lambda a, b: _multiplied(functions.two_product(np, a, b), a, b),
        exact=lambda a, b: MP.mpf(0),
        size=lambda *_: MP.mpf(1),
        relative_to="nothing: p + e = ab exactly",
    )

    def inverse(a: Any) -> Any:
        return flat((MP.matrix(a) ** -1).tolist())

    yield m(
        "factor",
        rows=(a,),
        ours=lambda a: functions.factor(np, a).inverse().rounded(),
        exact=inverse,
        scipy=np.linalg.inv,
        peer="numpy.linalg.inv(a)",
    )
    yield m(
        "Factor",
        rows=(a,),
        ours=lambda a: functions.factor(np, a).log_det(),
        exact=lambda a: MP.log(MP.det(MP.matrix(a))),
        size=at_least_one,
        relative_to=AT_LEAST_ONE,
        scipy=lambda a: np.linalg.slogdet(a)[1],
        peer="numpy.linalg.slogdet(a)",
    )
    near = np.concatenate(
        [a * (1 + d * np.sign(v[:, :, None] * v[:, None, :])) for d in (1e-12, 1e-8, 1e-4)] + [b]
    )
    near, first = (near + np.swapaxes(near, 1, 2)) / 2, np.tile(a, (4, 1, 1))
    kept = functions.positive_definite(np, near) & np.any(near != first, axis=(1, 2))

    def divergence(a: Any, b: Any) -> Any:
        x = MP.matrix(a) ** -1 * MP.matrix(b)
        return MP.fsum([x[i, i] for i in range(3)]) - 3 - MP.log(MP.det(x))

    def ours(a: Array, b: Array) -> Any:
        return functions.log_det_divergence(
            np, functions.factor(np, a), functions.factor(np, b), word(b) - a
        )

    def plain(a: Array, b: Array) -> Any:
        x = np.linalg.solve(a, b)
        return np.trace(x, axis1=1, axis2=2) - 3 - np.linalg.slogdet(x)[1]

    yield m(
        "log_det_divergence",
        rows=(first[kept], near[kept]),
        ours=ours,
        exact=divergence,
        scipy=plain,
        peer="trace(x) - 3 - slogdet(x), x = solve(a, b)",
    )
    shifted = np.array([[[1.0, 1.0], [1.0, 1.0 + k * 2.0**-52]] for k in (-2, -1, 0, 1, 2)])
    yield Entry(
        "positive_definite",
        "[[1, 1], [1, 1 + k·2⁻⁵²]] for k = −2 … 2",
        (shifted,),
        lambda a: functions.positive_definite(np, a).astype(float),
        lambda a: MP.mpf(int(a[0][0] * a[1][1] > a[0][1] * a[1][0])),
        lambda *_: MP.mpf(1),
        "right or wrong",
        scipy=lambda a: (np.linalg.eigvalsh(a)[:, 0] > 0).astype(float),
        peer="eigvalsh(a) > 0",
    )
    yield from coordinates(a, b)


def coordinates(a: Array, b: Array) -> Iterator[Entry]:
    """Minimal coordinates of symmetric matrices and sums over pairings."""
    m, places = partial(Entry, over="symmetric 3 × 3 matrices"), _places()
    packed = functions.entries(np, a)

    def double(i: Any, j: Any) -> Any:
        return 1 if i == j else 2

    yield m("entries", rows=(a,), ours=partial(functions.entries, np), exact=_vech)
    yield m(
        "dual_entries",
        rows=(a,),
        ours=partial(functions.dual_entries, np),
        exact=lambda a: [a[i][j] * double(i, j) for i, j in places],
    )
    at = {place: k for k, place in enumerate(places)}

    def back(v: Any) -> Any:
        return [[v[at[min(i, j), max(i, j)]] for j in range(3)] for i in range(3)]

    def halved(v: Any) -> Any:
        return [[v[at[min(i, j), max(i, j)]] / double(i, j) for j in range(3)] for i in range(3)]

    yield m(
        "from_entries", rows=(packed,), ours=lambda v: functions.from_entries(np, v, 3), exact=back
    )
    yield m(
        "from_dual_entries",
        rows=(packed,),
        ours=lambda v: functions.from_dual_entries(np, v, 3),
        exact=halved,
    )

    def wick(a: Any, b: Any) -> list[list[Any]]:
        return [
            [
                a[i][k] * b[j][n] + a[j][n] * b[i][k] + a[i][n] * b[j][k] + a[j][k] * b[i][n]
                for k, n in places
            ]
            for i, j in places
        ]

    def largest(*arguments: Any) -> Any:
        return max(abs(x) for x in flat(arguments[-1]))

    of_largest: dict[str, Any] = {"size": largest, "relative_to": "its largest entry"}
    yield m("wick", rows=(a, b), ours=partial(functions.wick, np), exact=wick, **of_largest)
    yield m(
        "dual_wick",
        rows=(a,),
        ours=partial(functions.dual_wick, np),
        exact=lambda p: [
            [
                double(i, j) * double(k, n) * (p[i][k] * p[j][n] + p[i][n] * p[j][k]) / 4
                for k, n in places
            ]
            for i, j in places
        ],
        **of_largest,
    )

    def ring(a: Any, b: Any, c: Any) -> list[Any]:
        orders = list(itertools.product((0, 1), repeat=3))

        def flip(pair: Any, o: Any) -> Any:
            return pair[::-1] if o else pair

        found = []
        for triple in itertools.product(places, repeat=3):
            total = MP.mpf(0)
            for order in orders:
                (i, j), (k, n), (s, t) = (flip(p, o) for p, o in zip(triple, order, strict=True))
                total += a[j][k] * b[n][s] * c[t][i]
            found.append(total)
        return found

    yield m(
        "triple_wick",
        rows=(a[:6], b[:6], a[6:12]),
        ours=lambda a, b, c: functions.triple_wick(np, a, b, c),
        exact=ring,
        **of_largest,
    )


def _added(result: tuple[Any, Any], a: Array, b: Array) -> Array:
    """S + e − (a + b), exactly."""
    return np.array(
        [
            float(Fraction(s) + Fraction(e) - Fraction(x) - Fraction(y))
            for s, e, x, y in zip(*(p.tolist() for p in (*result, a, b)), strict=True)
        ]
    )


def _multiplied(result: tuple[Any, Any], a: Array, b: Array) -> Array:
    """P + e − ab, exactly."""
    return np.array(
        [
            float(Fraction(p) + Fraction(e) - Fraction(x) * Fraction(y))
            for p, e, x, y in zip(*(q.tolist() for q in (*result, a, b)), strict=True)
        ]
    )
