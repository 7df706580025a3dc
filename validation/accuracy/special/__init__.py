"""The special functions against their definitions, a file for each group of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from validation.accuracy.special._bessel import bessel_functions
from validation.accuracy.special._beta import beta_functions
from validation.accuracy.special._categories import categories, entropies
from validation.accuracy.special._distributions import distributions
from validation.accuracy.special._elementary import elementary
from validation.accuracy.special._entry import Entry, measured
from validation.accuracy.special._functions import functions
from validation.accuracy.special._gamma import gamma_functions
from validation.accuracy.special._matrices import matrices, vectors
from validation.accuracy.special._multivariate import multivariate_gamma

__all__ = ["GROUPS", "Entry", "entries", "functions", "measured"]

#: Titles of the groups.
GROUPS: dict[str, Callable[[], Iterator[Entry]]] = {
    "gamma functions": gamma_functions,
    "multivariate gamma functions": multivariate_gamma,
    "beta functions": beta_functions,
    "distribution functions": distributions,
    "Bessel functions": bessel_functions,
    "exponentials, logarithms and counts": elementary,
    "categories": categories,
    "entropies": entropies,
    "vectors": vectors,
    "matrices and double words": matrices,
}


def entries() -> Iterator[tuple[str, Entry]]:
    """All functions, with the group that each belongs to."""
    for title, group in GROUPS.items():
        for entry in group():
            yield title, entry
