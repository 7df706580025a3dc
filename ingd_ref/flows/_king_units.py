"""(K3) in units in which everything is of order one, for lengths and statistics of any size.

With ∇f = 2^j ∇f′, K = 2^k K′ and Δ = 2^f Δ′ the system (G + M) c = Δ becomes (G′ + 2^−τ M) c′ = Δ′,
τ = k + 2j, and the velocity is 2^(f−j) V′c′: it may be an ordinary number where K, G and c are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ingd_ref.backend._namespace import Array, array_namespace
from ingd_ref.backend._scaling import (
    exponent,
    extent,
    is_moderate,
    quiet,
    range_of,
    representable,
    rescale,
    rescale_number,
)
from ingd_ref.flows._arguments import Samples, System
from ingd_ref.flows._moments import mean_difference, weighted_covariance
from ingd_ref.rkhs import MatrixKernel

__all__ = ["Statistics", "fits", "solved_in_units"]

NOTHING = -(10**6)  # exponent of zero


@dataclass(frozen=True, eq=False)
class Statistics:
    """F and ∇f at the particles, and f at the target sample."""

    values: Array
    jacobian: Array
    target_values: Array


def fits(statistics: Statistics, x: Array, kernel: MatrixKernel) -> bool:
    """Return whether K, G and F̂ stay within the range of their floating type.

    With |log₂ σ| ≤ 0.15 T and |log₂ ∇f| ≤ 0.25 T, G is between 2^−0.8T and 2^0.8T.
    """
    length = getattr(kernel, "bandwidth", None)
    if length is not None and abs(exponent(float(length))) > 0.15 * range_of(x):
        return False
    if length is None and extent(x) > 0.15 * range_of(x):
        return False  # a neural tangent kernel grows like the square of the points
    values = (statistics.values, statistics.target_values)
    return is_moderate(statistics.jacobian, 0.25) and all(
        extent(v) <= 0.4 * range_of(x) for v in values
    )


@dataclass(frozen=True, eq=False)
class _ScaledKernel(MatrixKernel):
    """The kernel K / 2^power."""

    kernel: MatrixKernel
    power: int
    coordinatewise: bool = False

    def contract(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> Array:
        parts, power = self.kernel.contract_parts(points, x, jacobian, weights, implementation)
        return rescale(parts, power - self.power)

    def _matrix(self, x: Array, y: Array) -> Array:
        raise AssertionError("velocities contract kernels and never form them")


@dataclass(frozen=True)
class _Units:
    """Exponents of ∇f, of K, of f at the particles and of f at all points."""

    slopes: int
    kernel: int
    values: int
    all_values: int

    @property
    def gram(self) -> int:
        """τ."""
        return self.kernel + 2 * self.slopes


def solved_in_units(
    problem: Callable[..., Any],
    statistics: Statistics,
    samples: Samples,
    kernel: MatrixKernel,
    projector: Array | None,
    system: System,
) -> Any:
    """Solve ``problem`` in units, and return its solution in those of the arguments."""
    xp, dtype = samples.xp, samples.x.dtype
    given = statistics.values, statistics.jacobian, statistics.target_values
    values, jacobian, target_values = (
        xp.astype(representable(array, "a feature or its Jacobian"), xp.float64) for array in given
    )
    x, weights, target_weights = (
        xp.astype(array, xp.float64)
        for array in (samples.x, samples.weights, samples.target_weights)
    )
    projector = None if projector is None else xp.astype(projector, xp.float64)
    with quiet():
        fisher = weighted_covariance(xp, _unit(values), weights, system.ddof)
        slopes = _unit(jacobian)
        _, power = kernel.contract_parts(x, x, slopes, weights, system.implementation)
        units = _Units(exponent(jacobian), power, exponent(values), exponent(values, target_values))
        units = _with_metric(units, system, fisher)
        there, here = (rescale(f, -units.all_values) for f in (target_values, values))
        delta = mean_difference(xp, there, target_weights, here, weights)
        scaled = replace(
            system,
            ridge=rescale_number(system.ridge, 2 * units.values - units.gram),
            jitter=rescale_number(system.jitter, -units.gram),
        )
        wrapped = _ScaledKernel(kernel, units.kernel, kernel.coordinatewise)
        parts = problem(xp, x, weights, slopes, wrapped, projector, scaled, delta, fisher)
        return _restored(parts.solve(), units, dtype)


def _unit(x: Array) -> Array:
    """Return ``x`` scaled to a largest magnitude of order one."""
    return rescale(x, -exponent(x))


def _with_metric(units: _Units, system: System, fisher: Array) -> _Units:
    """Return units in which M is at most of order one too, as G is; K is scaled down for it."""
    metric = _exponent(system.ridge) + 2 * units.values + _exponent(fisher)
    metric = max(metric, _exponent(system.jitter))
    return replace(units, kernel=max(units.kernel, metric - 2 * units.slopes))


def _restored(found: Any, units: _Units, dtype: Any) -> Any:
    """Return a solution in units as one in those of the arguments; G and c may overflow."""
    xp, length = array_namespace(velocity=found.velocity), units.all_values - units.slopes

    def restored(array: Array, power: int) -> Array:
        return xp.astype(rescale(array, power), dtype, copy=False)

    def field(points: Array) -> Array:
        with quiet():
            return representable(restored(found.field(points), length), "the velocity")

    return replace(
        found,
        velocity=representable(restored(found.velocity, length), "the velocity"),
        coefficients=restored(found.coefficients, units.all_values - units.gram),
        delta=restored(found.delta, units.all_values),
        moment_rate=restored(found.moment_rate, units.all_values),
        fisher=restored(found.fisher, 2 * units.values),
        gram=None if found.gram is None else restored(found.gram, units.gram),
        _field=field,
    )


def _exponent(x: Array | float) -> int:
    """Return the exponent of the largest magnitude, far below all others for zeros."""
    if isinstance(x, float):
        return exponent(x) if x else NOTHING
    return exponent(x) if extent(x) > -float("inf") else NOTHING
