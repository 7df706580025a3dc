"""Formulas that unrelated families share, as methods."""

from __future__ import annotations

from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._formulas import Formulas
from ingd_ref.families._parameters import Requirements

__all__ = [
    "any_mean",
    "constant_base_measure",
    "counts",
    "everywhere",
    "identity",
    "positive_mean",
    "reciprocal_base_measure",
]


def everywhere(family: Formulas, xp: Namespace, theta: Array) -> Requirements:
    """All of R^b as the natural parameter space."""
    return {}


def any_mean(family: Formulas, xp: Namespace, mu: Array) -> Requirements:
    """All of R^b as the mean parameter space."""
    return {}


def positive_mean(family: Formulas, xp: Namespace, mu: Array) -> Requirements:
    """All positive numbers as the mean parameter space."""
    return {"mu[0] > 0": mu[..., 0] > 0}


def counts(family: Formulas, xp: Namespace, x: Array) -> Requirements:
    """The support of all counts."""
    return {"x = 0, 1, 2, ...": xp.all((x >= 0) & (x == xp.floor(x)), axis=-1)}


def identity(family: Formulas, xp: Namespace, x: Array) -> Array:
    """Statistics f(x) = x."""
    return x


def constant_base_measure(family: Formulas, xp: Namespace, x: Array) -> Array:
    """Base measure h(x) = 1."""
    return xp.zeros_like(x[..., 0])


def reciprocal_base_measure(family: Formulas, xp: Namespace, x: Array) -> Array:
    """Base measure h(x) = 1/x."""
    return -xp.log(x[..., 0])
