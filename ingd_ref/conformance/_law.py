"""Laws: a statement, the problems for which it holds, and a check of any implementation.

``law.check(solve, problem)`` raises :class:`LawViolation`. ``solve(problem)`` returns an object
with the attributes of :class:`Solution`, of which a law uses those that it is about. Random
choices, such as a rotation, come from the seed of the problem, so a check is deterministic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref.conformance._precision import Array, real
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import Domain

__all__ = [
    "Law",
    "LawViolation",
    "Solver",
    "compare",
    "fresh_points",
    "law",
    "random",
    "require",
    "take",
]

Solver = Callable[[Problem], Any]


class LawViolation(AssertionError):
    """An implementation broke a law by more than rounding."""


@dataclass(frozen=True)
class Law:
    """A statement, the problems for which it holds, and its check.

    Attributes
    ----------
    name : str
        Name of the function that checks it.
    statement : str
        What holds.
    domain : Domain
        The problems for which it holds.
    check : callable
        ``check(solve, problem)`` raises :class:`LawViolation` if the law is broken.
    cost : float
        Divides the number of problems that are tried, for a slow check. Default 1.
    """

    name: str
    statement: str
    domain: Domain
    check: Callable[[Solver, Problem], None]
    cost: float = 1.0


def law(domain: Domain, cost: float = 1.0) -> Callable[[Callable[[Solver, Problem], None]], Law]:
    """Turn a check into a law, named by the function and stated by its docstring."""

    def make(check: Callable[[Solver, Problem], None]) -> Law:
        assert check.__doc__ is not None
        return Law(check.__name__, check.__doc__, domain, check, cost)

    return make


def compare(actual: Any, expected: Any, tolerance: Any, what: str) -> None:
    """Raise unless ``actual`` has the shape of ``expected`` and is within ``tolerance`` of it.

    The distance is Euclidean; one that is not finite counts as too large.
    """
    actual, expected = real(actual), real(expected)
    if actual.shape != expected.shape:
        raise LawViolation(f"{what}: shape {actual.shape} instead of {expected.shape}")
    error = float(np.linalg.norm((actual - expected).astype(float)))
    if not error <= tolerance:
        raise LawViolation(
            f"{what}: differs by {error:.3g}, rounding explains {tolerance:.3g}; "
            f"size {float(np.max(np.abs(expected))):.3g}"
        )


def require(condition: Any, what: str) -> None:
    """Raise unless the condition holds."""
    if not condition:
        raise LawViolation(what)


def random(p: Problem) -> np.random.Generator:
    """Return the generator of a law's own choices."""
    return np.random.default_rng([p.seed, 1])


def fresh_points(p: Problem, number: int = 3) -> Array:
    """Draw points near the particles."""
    rng = random(p)
    scale = np.maximum(np.std(p.x, axis=0), np.std(p.y, axis=0)) + 0.1
    return np.asarray(np.mean(p.x, axis=0) + scale * rng.normal(size=(number, p.dim)))


def take(weights: Array | None, order: Array) -> Array | None:
    """Return weights in another order, if there are any."""
    return None if weights is None else weights[order]
