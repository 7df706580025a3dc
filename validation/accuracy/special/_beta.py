"""The multivariate beta function of concentrations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import special as sp
from scipy import stats

from validation.accuracy.special._entry import Entry
from validation.accuracy.special._functions import functions
from validation.accuracy.special._gamma import reduced as _reduced
from validation.oracles.precise import MP, Array

__all__ = ["beta_functions"]


def _concentrations() -> Array:
    rng = np.random.default_rng(7)
    equal = np.repeat(np.logspace(-8, 8, 17)[:, None], 3, axis=1)
    return np.concatenate(
        [
            equal,
            10.0 ** rng.uniform(-8, 8, (60, 3)),
            np.array([[1e-8, 1, 1e8], [1e-4, 1, 1e4], [0.5, 1, 2], [1, 1, 1e8], [1e-8, 1e-8, 1]]),
        ]
    )


def beta_functions() -> Iterator[Entry]:
    """Functions of three concentrations, those of the Dirichlet family."""
    alpha = _concentrations()

    def log_beta(a: list[Any]) -> Any:
        return MP.fsum([MP.loggamma(x) for x in a]) - MP.loggamma(MP.fsum(a))

    def gradient(a: list[Any]) -> list[Any]:
        total = MP.psi(0, MP.fsum(a))
        return [MP.psi(0, x) - total for x in a]

    def hessian(a: list[Any]) -> list[list[Any]]:
        total = MP.psi(1, MP.fsum(a))
        return [
            [(MP.psi(1, x) if i == j else 0) - total for j in range(len(a))]
            for i, x in enumerate(a)
        ]

    def conjugate(a: list[Any]) -> Any:
        return MP.fsum([x * g for x, g in zip(a, gradient(a), strict=True)]) - log_beta(a)

    def entropy(a: list[Any]) -> Any:
        return log_beta(a) - MP.fsum([(x - 1) * g for x, g in zip(a, gradient(a), strict=True)])

    def terms(a: list[Any], value: Any) -> Any:
        total = MP.fsum(a)
        return max(
            MP.mpf(1),
            abs(value),
            MP.fsum([abs(_reduced(x)) + abs(x * MP.log(x / total)) for x in a])
            + abs(_reduced(total)),
        )

    def logarithms(a: list[Any], value: Any) -> Any:
        return max(MP.mpf(1), abs(value), MP.fsum([abs(MP.log(x)) for x in a]))

    def three(name: str, **more: Any) -> Entry:
        return Entry(
            name,
            over="three concentrations over 10⁻⁸ … 10⁸, equal and random",
            rows=(alpha,),
            **more,
        )

    yield three(
        "log_beta",
        ours=partial(functions.log_beta, np),
        exact=log_beta,
        size=terms,
        relative_to="its terms",
        scipy=lambda a: np.sum(sp.gammaln(a), axis=-1) - sp.gammaln(np.sum(a, axis=-1)),
        peer="sum(gammaln(a)) - gammaln(sum(a))",
    )
    yield three(
        "reduced_log_beta",
        ours=partial(functions.reduced_log_beta, np),
        exact=lambda a: log_beta(a) - MP.fsum([x * MP.log(x / MP.fsum(a)) for x in a]),
        size=logarithms,
        relative_to="Σ|log α|, or its value",
    )
    yield three(
        "log_beta_conjugate",
        ours=partial(functions.log_beta_conjugate, np),
        exact=conjugate,
        size=logarithms,
        relative_to="Σ|log α|, or its value",
    )
    yield three(
        "dirichlet_entropy",
        ours=partial(functions.dirichlet_entropy, np),
        exact=entropy,
        size=logarithms,
        relative_to="Σ|log α|, or its value",
        scipy=lambda a: np.array([stats.dirichlet.entropy(row) for row in a]),
        peer="stats.dirichlet.entropy(a)",
    )
    yield three(
        "log_beta_gradient",
        ours=partial(functions.log_beta_gradient, np),
        exact=gradient,
        scipy=lambda a: sp.digamma(a) - sp.digamma(np.sum(a, axis=-1, keepdims=True)),
        peer="digamma(a) - digamma(sum(a))",
    )
    yield three(
        "log_beta_hessian",
        ours=partial(functions.log_beta_hessian, np),
        exact=hessian,
        scipy=lambda a: (
            sp.polygamma(1, a)[:, :, None] * np.eye(3)
            - sp.polygamma(1, np.sum(a, axis=-1))[:, None, None]
        ),
        peer="diag(polygamma(1, a)) - polygamma(1, sum(a))",
    )
    near = np.concatenate([np.repeat(alpha, 4, axis=0), alpha])
    steps = np.array([1e-12, 1e-8, 1e-4, -1e-2])
    moved = near.copy()
    moved[: 4 * len(alpha), 0] *= 1 + np.tile(steps, len(alpha))
    moved[4 * len(alpha) :] = alpha[::-1]
    distinct = np.any(moved != near, axis=1)
    near, moved = near[distinct], moved[distinct]
    yield Entry(
        "log_beta_bregman",
        "the same, near and far",
        (near, moved),
        partial(functions.log_beta_bregman, np),
        lambda a, b: (
            log_beta(b)
            - log_beta(a)
            - MP.fsum([(y - x) * g for x, y, g in zip(a, b, gradient(a), strict=True)])
        ),
        scipy=lambda a, b: (
            np.sum(sp.gammaln(b), -1)
            - sp.gammaln(np.sum(b, -1))
            - np.sum(sp.gammaln(a), -1)
            + sp.gammaln(np.sum(a, -1))
            - np.sum((b - a) * (sp.digamma(a) - sp.digamma(np.sum(a, -1, keepdims=True))), -1)
        ),
        peer="(E5) with gammaln and digamma",
    )
    with MP.workdps(60):
        mu = np.array(
            [[float(g) for g in gradient([MP.mpf(float(x)) for x in row])] for row in alpha]
        )
    possible = [k for k, row in enumerate(mu) if _gap_of(row) > 2.0**-50]
    yield Entry(
        "mean_log_gap",
        "mean logarithms of the same",
        (mu[possible],),
        partial(functions.mean_log_gap, np),
        lambda m: 1 - MP.fsum([MP.exp(x) for x in m]),
        lambda m, value: -MP.expm1(max(m)),
        "1 − e^max",
    )

    def newton(m: list[Any]) -> list[Any]:
        """Concentrations by Newton's method from those whose means these are up to rounding."""
        start = alpha[
            possible[
                int(
                    np.argmin(
                        [
                            np.max(np.abs(row / np.array([float(x) for x in m]) - 1))
                            for row in mu[possible]
                        ]
                    )
                )
            ]
        ]
        a = [MP.mpf(float(x)) for x in start]
        for _ in range(30):
            residual = MP.matrix([x - g for x, g in zip(m, gradient(a), strict=True)])
            step = MP.lu_solve(MP.matrix(hessian(a)), residual)
            a = [x + s for x, s in zip(a, step, strict=True)]
            if all(abs(s) < abs(x) * MP.mpf(10) ** -40 for s, x in zip(step, a, strict=True)):
                return a
        raise ArithmeticError("no convergence")

    def condition(m: list[Any], a: list[Any]) -> list[Any]:
        inverse = MP.matrix(hessian(a)) ** -1
        return [
            x + MP.fsum([abs(inverse[i, j] * m[j]) for j in range(len(m))]) for i, x in enumerate(a)
        ]

    yield Entry(
        "inverse_log_beta_gradient",
        "mean logarithms of the same",
        (mu[possible],),
        partial(functions.inverse_log_beta_gradient, np),
        newton,
        condition,
        "(1 + κ) times its value",
    )
    vectors = np.random.default_rng(8).standard_normal((len(alpha), 1, 3))

    def solved(a: list[Any], v: list[list[Any]]) -> list[Any]:
        return list(MP.lu_solve(MP.matrix(hessian(a)), MP.matrix(v[0])))

    def sizes(a: list[Any], v: list[list[Any]], value: list[Any]) -> list[Any]:
        inverse = MP.matrix(hessian(a)) ** -1
        return [
            MP.fsum([abs(inverse[i, j] * v[0][j]) for j in range(len(a))]) for i in range(len(a))
        ]

    yield Entry(
        "inverse_log_beta_hessian_product",
        "the same and a random vector",
        (alpha, vectors),
        partial(functions.inverse_log_beta_hessian_product, np),
        solved,
        sizes,
        "the terms of the product",
    )
    yield three(
        "log_beta_curvatures",
        ours=partial(functions.log_beta_curvatures, np),
        exact=lambda a: [
            *(1 / MP.psi(1, x) for x in a),
            1 / MP.psi(1, MP.fsum(a)) - MP.fsum([1 / MP.psi(1, x) for x in a]),
        ],
    )

    def third(a: list[Any]) -> list[Any]:
        total, places = MP.psi(2, MP.fsum(a)), range(len(a))
        return [
            (MP.psi(2, a[i]) if i == j == k else 0) - total
            for i in places
            for j in places
            for k in places
        ]

    yield three(
        "log_beta_third_derivative",
        ours=partial(functions.log_beta_third_derivative, np),
        exact=third,
    )
    yield from _fits(alpha)


def _fits(alpha: Array) -> Iterator[Entry]:
    """Concentrations from means c near α/α₀ and what mean logarithms lack from log c."""
    centre = alpha / np.sum(alpha, axis=-1, keepdims=True)
    gap, defect = np.empty_like(alpha), np.empty(len(alpha))
    with MP.workdps(80):
        for row, (a, c) in enumerate(zip(alpha.tolist(), centre.tolist(), strict=True)):
            total = MP.psi(0, MP.fsum([MP.mpf(x) for x in a]))
            gap[row] = [
                float(MP.log(MP.mpf(y)) - MP.psi(0, MP.mpf(x)) + total)
                for x, y in zip(a, c, strict=True)
            ]
            defect[row] = float(MP.fsum([MP.mpf(y) for y in c]) - 1)
    # A gap that the rounding of c has made negative belongs to no member.
    kept = np.all(gap >= 0, axis=1)
    rows = (centre[kept], gap[kept], defect[kept])
    starts = {tuple(g): a for g, a in zip(gap.tolist(), alpha.tolist(), strict=True)}

    def fitted(c: list[Any], g: list[Any], _: Any) -> list[Any]:
        a = [MP.mpf(x) for x in starts[tuple(float(y) for y in g)]]
        for _ in range(40):
            total = MP.psi(0, MP.fsum(a))
            residual = [
                MP.log(y) - z - MP.psi(0, x) + total for x, y, z in zip(a, c, g, strict=True)
            ]
            step = MP.lu_solve(_hessian(a), MP.matrix(residual))
            a = [x + s for x, s in zip(a, step, strict=True)]
            if all(abs(s) < abs(x) * MP.mpf(10) ** -40 for s, x in zip(step, a, strict=True)):
                return a
        raise ArithmeticError("no convergence")

    def condition(c: list[Any], g: list[Any], _: Any, a: list[Any]) -> list[Any]:
        inverse = _hessian(a) ** -1
        return [
            x + MP.fsum([abs(inverse[i, j] * g[j]) for j in range(len(g))]) for i, x in enumerate(a)
        ]

    over = "means and gaps of the same"
    yield Entry(
        "fitted_concentrations",
        over,
        rows,
        partial(functions.fitted_concentrations, np),
        fitted,
        condition,
        "(1 + κ) times its value",
    )
    yield Entry(
        "concentration_gap",
        over,
        rows,
        partial(functions.concentration_gap, np),
        lambda c, g, d: MP.fsum([x * -MP.expm1(-y) for x, y in zip(c, g, strict=True)]) - d,
        lambda c, g, d, value: (
            MP.fsum([x * -MP.expm1(-y) for x, y in zip(c, g, strict=True)]) + abs(d)
        ),
        "its terms",
    )


def _hessian(a: list[Any]) -> Any:
    total = MP.psi(1, MP.fsum(a))
    return MP.matrix(
        [[(MP.psi(1, x) if i == j else 0) - total for j in range(len(a))] for i, x in enumerate(a)]
    )


def _gap_of(mu: Array) -> float:
    with MP.workdps(40):
        return float(1 - MP.fsum([MP.exp(MP.mpf(float(m))) for m in mu]))
