"""Closed forms of the Fisher-Rao distance, from the metric of a family in classical parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from validation.oracles.precise import MP, Array, precise

__all__ = ["fisher_rao_distance"]

Distance = Callable[[Array, Array], Any]


def fisher_rao_distance(family: Any) -> Distance | None:
    """Return the distance between two lists of classical parameters, or None if none is known."""
    stated = TABLE.get(type(family).__name__)
    return None if stated is None else stated(family)


def _half_plane(x: Callable[[Array], Any], y: Callable[[Array], Any]) -> Distance:
    """Distance for the metric 2 (dx² + dy²)/y²."""

    def distance(a: Array, b: Array) -> Any:
        square = (x(a) - x(b)) ** 2 + (y(a) - y(b)) ** 2
        return MP.sqrt(2) * MP.acosh(1 + square / (2 * y(a) * y(b)))

    return distance


def _scale(power: Any = 1, k: Any = 1) -> Distance:
    """Distance for the metric k (power · dξ/ξ)²."""
    return lambda a, b: MP.sqrt(k) * power * abs(MP.log(b[0] / a[0]))


def _gaussian(family: Any) -> Distance:
    return _half_plane(lambda c: c[0] / MP.sqrt(2), lambda c: MP.sqrt(c[1]))


TABLE: dict[str, Callable[[Any], Distance]] = {
    "Exponential": lambda f: _scale(),
    "Gaussian": _gaussian,
    "InverseGaussian": lambda f: _half_plane(
        lambda c: MP.sqrt(2 / c[0]), lambda c: 1 / MP.sqrt(c[1])
    ),
    "Laplace": lambda f: _scale(),
    "LogNormal": _gaussian,
    "Maxwell": lambda f: _scale(2, MP.mpf(3) / 2),
    "Pareto": lambda f: _scale(),
    "Rayleigh": lambda f: _scale(2),
    "Weibull": lambda f: _scale(precise(f.shape)),
}
