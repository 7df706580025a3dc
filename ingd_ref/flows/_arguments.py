"""What the velocities have in common: samples with weights, and the numbers of a linear system."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Self

from ingd_ref import _checks
from ingd_ref.backend._dispatch import IMPLEMENTATIONS
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.errors import DomainError

__all__ = ["Samples", "System"]


@dataclass(frozen=True, eq=False)
class Samples:
    """Particles or latent points x (n, ·), a target sample y (m, d), and their weights, checked."""

    x: Array
    y: Array
    weights: Array
    target_weights: Array
    xp: Namespace = field(repr=False)

    @classmethod
    def checked(
        cls,
        x: Array,
        y: Array,
        weights: Array | None,
        target_weights: Array | None,
        **others: Array | None,
    ) -> Self:
        """Check the arguments of a public function; ``others`` must share their library."""
        xp = array_namespace(x=x, y=y, weights=weights, target_weights=target_weights, **others)
        x = _checks.points(x, "x", xp)
        y = _checks.points(y, "y", xp, dim=x.shape[1], like=x)
        weights = _checks.weights(weights, "weights", x.shape[0], xp, x)
        target_weights = _checks.weights(target_weights, "target_weights", y.shape[0], xp, x)
        return cls(x, y, weights, target_weights, xp)

    @classmethod
    def trusted(
        cls, x: Array, y: Array, weights: Array | None, target_weights: Array | None
    ) -> Self:
        """Take arrays that have been checked; weights are uniform where there are none."""
        xp = array_namespace(x=x)
        if weights is None:
            weights = _checks.weights(None, "weights", x.shape[0], xp, x)
        if target_weights is None:
            target_weights = _checks.weights(None, "target_weights", y.shape[0], xp, x)
        return cls(x, y, weights, target_weights, xp)


@dataclass(frozen=True)
class System:
    """Numbers of the linear system of (K3) or (N3), and how it is solved."""

    ridge: float
    jitter: float
    ddof: int
    solver: str
    implementation: str

    @classmethod
    def checked(
        cls,
        ridge: float,
        jitter: float,
        ddof: int,
        solver: str,
        implementation: str,
        solvers: Collection[str],
    ) -> Self:
        """Check each; ``solvers`` are the names that exist."""
        if _checks.nonnegative_integer(ddof, "ddof") > 1:
            raise DomainError(f"ddof must be 0 or 1, got {_checks.shown(ddof)}")
        return cls(
            _checks.nonnegative(ridge, "ridge"),
            _checks.nonnegative(jitter, "jitter"),
            int(ddof),
            _checks.choice(solver, "solver", solvers),
            _checks.choice(implementation, "implementation", IMPLEMENTATIONS),
        )

    def metric(self, xp: Namespace, fisher: Array) -> Array:
        """M = λF̂ + εI."""
        unit = xp.eye(fisher.shape[0], dtype=fisher.dtype, device=fisher.device)
        return self.ridge * fisher + self.jitter * unit
