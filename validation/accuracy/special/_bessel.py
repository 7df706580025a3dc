"""Bessel ratios and logarithms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import special as sp

from validation.accuracy.special._entry import Entry
from validation.accuracy.special._functions import functions
from validation.oracles.precise import MP, Array

__all__ = ["bessel_functions"]


def bessel_functions() -> Iterator[Entry]:
    """Functions of the concentration at the orders 0, ½, 4 and 49.

    They are those of circles, spheres, and spheres in 10 and 100 dimensions.
    """
    orders = (0.0, 0.5, 4.0, 49.0)
    kappas = np.concatenate(
        [np.logspace(-8, 8, 33), [0.3, 3.0, 5.0, 7.0, 12.0, 18.0, 20.0, 30.0, 45.0]]
    )
    order, kappa = (np.ravel(part) for part in np.meshgrid(orders, kappas, indexing="ij"))
    over = "orders 0, ½, 4, 49 and κ over 10⁻⁸ … 10⁸"

    def by_order(function: Callable[..., Any]) -> Callable[..., Any]:
        """Call a function of one order for each of them."""

        def called(order: Array, *arguments: Array) -> Any:
            parts = [function(float(nu), *(a[order == nu] for a in arguments)) for nu in orders]
            return (
                tuple(map(np.concatenate, zip(*parts, strict=True)))
                if isinstance(parts[0], tuple)
                else np.concatenate(parts)
            )

        return called

    def ratio(nu: Any, x: Any) -> Any:
        return MP.besseli(nu + 1, x) / MP.besseli(nu, x)

    def slope(nu: Any, x: Any) -> Any:
        return 1 - ratio(nu, x) ** 2 - (2 * nu + 1) * ratio(nu, x) / x

    def fields(nu: Any, x: Any) -> list[Any]:
        r, s = ratio(nu, x), slope(nu, x)
        return [r, 1 - r, r / x, s, r / x - s]

    def reduced(nu: Any, x: Any) -> Any:
        return (
            MP.loggamma(nu + 1) + nu * MP.log(2 / x) + MP.log(MP.besseli(nu, x)) if x else MP.mpf(0)
        )

    def ours(nu: float, x: Array) -> tuple[Any, ...]:
        r = functions.bessel_ratio(np, nu, x)
        return r.value, r.complement, r.over_argument, r.slope, r.anisotropy

    def scipy_ratio(nu: Array, x: Array) -> tuple[Any, ...]:
        r = sp.ive(nu + 1, x) / sp.ive(nu, x)
        s = 1 - r**2 - (2 * nu + 1) * r / x
        return r, 1 - r, r / x, s, r / x - s

    both: dict[str, Any] = {"rows": (order, kappa), "over": over, "digits": 160}
    form = "ive(ν + 1, κ)/ive(ν, κ), and differences of it"
    yield Entry(
        "bessel_ratio", ours=by_order(ours), exact=fields, scipy=scipy_ratio, peer=form, **both
    )
    yield Entry(
        "BesselRatio", ours=by_order(ours), exact=fields, scipy=scipy_ratio, peer=form, **both
    )
    yield Entry(
        "bessel_ratio_curvature",
        ours=by_order(partial(functions.bessel_ratio_curvature, np)),
        exact=lambda nu, x: (
            (2 * nu + 1) * (ratio(nu, x) / x - slope(nu, x)) / x - 2 * ratio(nu, x) * slope(nu, x)
        ),
        **both,
    )
    yield Entry(
        "log_bessel",
        ours=by_order(partial(functions.log_bessel, np)),
        exact=lambda nu, x: MP.log(MP.besseli(nu, x)),
        size=lambda nu, x, value: max(1, x, abs(nu * MP.log(x / 2)), MP.loggamma(nu + 1)),
        relative_to="its largest term",
        scipy=lambda nu, x: np.log(sp.ive(nu, x)) + x,
        peer="log(ive(ν, κ)) + κ",
        **both,
    )
    yield Entry(
        "reduced_log_bessel",
        ours=by_order(partial(functions.reduced_log_bessel, np)),
        exact=reduced,
        scipy=lambda nu, x: sp.gammaln(nu + 1) + nu * np.log(2 / x) + np.log(sp.ive(nu, x)) + x,
        peer="gammaln(ν + 1) + ν*log(2/κ) + log(ive(ν, κ)) + κ",
        **both,
    )
    steps = np.array([1e-12, 1e-8, 1e-4, -1e-2, 0.5, 9.0])
    nu2, a = np.repeat(order, len(steps))[::3], np.repeat(kappa, len(steps))[::3]
    b = a * (1 + np.resize(steps, len(order) * len(steps))[::3])
    yield Entry(
        "reduced_log_bessel_bregman",
        "the same, near and far",
        (nu2, a, b, b - a),
        by_order(partial(functions.reduced_log_bessel_bregman, np)),
        lambda nu, a, b, _: reduced(nu, b) - reduced(nu, a) - (b - a) * ratio(nu, a),
        digits=160,
    )
    with MP.workdps(60):
        pairs = np.array(
            [
                [float(r), float(1 - r)]
                for r in (
                    ratio(MP.mpf(float(nu)), MP.mpf(float(x)))
                    for nu, x in zip(order, kappa, strict=True)
                )
            ]
        )
    known = {
        (float(nu), float(r), float(c)): float(x)
        for nu, x, (r, c) in zip(order, kappa, pairs, strict=True)
    }

    def inverse(nu: Any, r: Any, c: Any) -> Any:
        """Concentration of a ratio below a half, and of its complement elsewhere.

        Newton's method starts where the ratios came from.
        """
        x = MP.mpf(known[float(nu), float(r), float(c)])
        for _ in range(30):
            step = (r - ratio(nu, x) if r < MP.mpf(1) / 2 else 1 - ratio(nu, x) - c) / slope(nu, x)
            x += step
            if abs(step) < x * MP.mpf(10) ** -30:
                return x
        raise ArithmeticError("no convergence")

    yield Entry(
        "inverse_bessel_ratio",
        "ratios and complements of the same",
        (order, pairs[:, 0], pairs[:, 1]),
        by_order(partial(functions.inverse_bessel_ratio, np)),
        inverse,
        digits=160,
    )
