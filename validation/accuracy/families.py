"""The operations of every family over its grid.

Worst relative error, and worst error in units of what conditioning explains.

An operation is a function G of the doubles θ (or μ) that it is given. κ = Σ_j |θ_j ∂G_i/∂θ_j| /
|G_i| is how much a relative change of its arguments by one changes entry i, so that (1 + κ)u, u =
2⁻⁵³, is what correct rounding of the arguments and of the result leaves. Entries of F and F⁻¹ are
measured in units of √(F_ii F_jj); A and the entropy, which pass through zero, in units of max(1,
|value|); a divergence in units of itself, with nothing allowed for its conditioning, since it is a
function of differences that are exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ingd_ref.errors import DomainError
from validation.accuracy.grids import Grid
from validation.oracles.precise import MP, Array, precise
from validation.oracles.statement import OutOfReach, Textbook, slopes, units
from validation.oracles.textbook import textbook

__all__ = ["ACCURATE", "OPERATIONS", "measured"]

U = 2.0**-53
#: The smallest number with all its digits: what is below it has an absolute accuracy only.
SMALLEST = 2.0**-1022
#: What every operation should reach where its problem is well conditioned; elsewhere ten units of
#: κu.
ACCURATE, ROUNDINGS = 1e-13, 10.0
NEAR = (1e-2, 1e-4, 1e-6, 1e-8, 1e-12)

OPERATIONS = {
    "mean": "θ → μ",
    "natural_from_mean": "μ → θ",
    "log_partition": "A",
    "entropy": "H",
    "fisher": "F",
    "inverse_fisher": "F⁻¹",
    "kl_near": "KL, near",
    "kl_far": "KL, far",
}


@dataclass
class Worst:
    """The worst of what was seen."""

    error: float = 0.0
    units: float = 0.0
    at: list[float] = field(default_factory=list)
    members: int = 0
    beyond: int = 0
    skipped: int = 0

    def see(self, errors: list[float], kappas: Callable[[], list[float]], at: Array) -> None:
        """Take entries of one result; κ is computed only where it matters, as (1 + κ)u ≥ u."""
        self.members += 1
        worst = max(errors)
        if worst > self.error:
            self.error, self.at = worst, [float(t) for t in at]
        if worst / U > self.units or worst > ACCURATE:
            known = kappas()
            self.units = max(
                self.units, *(e / ((1 + k) * U) for e, k in zip(errors, known, strict=True))
            )
            self.beyond += any(
                e > max(ACCURATE, ROUNDINGS * k * U) for e, k in zip(errors, known, strict=True)
            )


def measured(grid: Grid) -> list[dict[str, Any]]:
    """Worst errors of every operation over the moderate members of a grid, and over all."""
    oracle = textbook(grid.family)
    if oracle is None:
        return []
    found = []
    with MP.workdps(grid.digits), np.errstate(all="ignore"):
        for operation in OPERATIONS:
            seen = {"moderate": Worst(), "extreme": Worst()}
            for place, theta in enumerate(grid.theta):
                kinds = [
                    seen[kind]
                    for kind in ("moderate", "extreme")
                    if kind == "extreme" or grid.moderate[place]
                ]
                try:
                    results = list(_results(operation, grid, oracle, place, theta))
                except (OutOfReach, ZeroDivisionError):
                    results = []
                for worst in kinds:
                    worst.skipped += not results
                    for errors, kappas, at in results:
                        worst.see(errors, kappas, at)
            found += [
                _row(grid.family, operation, kind, worst)
                for kind, worst in seen.items()
                if worst.members
            ]
    return found


def _row(family: Any, operation: str, kind: str, worst: Worst) -> dict[str, Any]:
    return {
        "family": type(family).__name__,
        "instance": f"{family.name}, b = {family.number}",
        "operation": operation,
        "grid": kind,
        "members": worst.members,
        "skipped": worst.skipped,
        "error": worst.error,
        "units": worst.units,
        "beyond": worst.beyond,
        "at": worst.at,
    }


Result = tuple[list[float], Callable[[], list[float]], Array]


def _results(
    operation: str, grid: Grid, oracle: Textbook, place: int, theta: Array
) -> Iterator[Result]:
    """Errors of the entries of one operation at one member, and their condition numbers."""
    family, exact = grid.family, precise(theta)
    if operation in ("kl_near", "kl_far"):
        for other in _others(operation, grid, place):
            yield _judged(
                family.kl(theta, other),
                oracle.kl(exact, precise(other)),
                None,
                lambda: [0.0],
                theta,
            )
    elif operation == "natural_from_mean":
        yield from _inverse(family, oracle, theta, exact)
    else:
        function = {
            "mean": oracle.mean,
            "log_partition": oracle.log_partition,
            "entropy": oracle.entropy,
        }.get(operation)
        function = function or (oracle.fisher if operation == "fisher" else oracle.inverse_fisher)
        truth = function(exact)
        scale = _scale(operation, truth)
        found = getattr(family, operation)(theta)
        yield _judged(found, truth, scale, lambda: _condition(function, exact, scale), theta)


def _inverse(family: Any, oracle: Textbook, theta: Array, exact: Array) -> Iterator[Result]:
    """Natural parameters of rounded means, if those still tell θ from its neighbours."""
    rounded = oracle.mean(exact).astype(float)
    condition = (np.abs(oracle.inverse_fisher(exact)) @ np.abs(precise(rounded))) / units(exact)
    if not np.all(np.isfinite(rounded)) or max(condition) * U > 0.1:
        raise OutOfReach("the rounding of μ has lost θ")
    truth = oracle.natural_from_mean(precise(rounded), exact)
    kappas = [
        float(c * u / abs(t)) if t else 0.0
        for c, u, t in zip(condition, units(exact), truth, strict=True)
    ]
    try:
        found = family.natural_from_mean(rounded)
    except DomainError:
        found = np.full_like(theta, np.nan)
    yield _judged(found, truth, None, lambda: kappas, theta)


def _others(operation: str, grid: Grid, place: int) -> list[Array]:
    """Parameters close to one member in each coordinate in turn, or two other members."""
    theta, family = grid.theta[place], grid.family
    if operation == "kl_far":
        rows = [grid.theta[(place + step) % len(grid.theta)] for step in (1, len(grid.theta) // 2)]
        return [row for row in rows if np.any(row != theta)]
    rows = []
    for k, delta in enumerate(NEAR):
        row = theta.copy()
        row[k % len(theta)] *= 1 + delta
        rows.append(row)
    return [row for row in rows if np.any(row != theta) and bool(family.contains(row))]


def _scale(operation: str, truth: Any) -> Any:
    """What errors are measured in units of; None for the value itself."""
    if operation in ("fisher", "inverse_fisher"):
        roots = np.array([MP.sqrt(truth[a, a]) for a in range(len(truth))])
        return np.multiply.outer(roots, roots)
    return max(MP.mpf(1), abs(truth)) if operation in ("log_partition", "entropy") else None


def _judged(
    found: Any, truth: Any, scale: Any, kappas: Callable[[], list[float]], at: Array
) -> Result:
    expected = np.ravel(np.asarray(truth, dtype=object))
    size = (
        np.abs(expected)
        if scale is None
        else np.broadcast_to(np.ravel(np.asarray(scale, dtype=object)), expected.shape)
    )
    errors = []
    for value, true, unit in zip(np.ravel(np.asarray(found)).tolist(), expected, size, strict=True):
        error = abs(MP.mpf(value) - true) if math.isfinite(value) else MP.inf
        errors.append(float(error / max(unit, SMALLEST)))
    return errors, kappas, at


def _condition(function: Callable[[Array], Any], theta: Array, scale: Any) -> list[float]:
    """κ of every entry, by differences."""
    value = np.ravel(np.asarray(function(theta), dtype=object))
    size = (
        np.abs(value)
        if scale is None
        else np.broadcast_to(np.ravel(np.asarray(scale, dtype=object)), value.shape)
    )
    rates = np.reshape(slopes(function, theta), (len(theta), -1))
    change = np.abs(theta) @ np.abs(rates)
    return [float(c / s) if s else 0.0 for c, s in zip(change, size, strict=True)]
