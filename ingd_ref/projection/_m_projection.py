"""The m-projection (P1): the member of a family that has the moments of a sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item
from ingd_ref.errors import DomainError, OptionError, ShapeError, SingularSystemError
from ingd_ref.families import ExponentialFamily
from ingd_ref.projection._samples import sample_batch, sample_weights, weighted_mean
from ingd_ref.projection._system import System, positive_system

__all__ = ["MProjection", "m_projection", "match_moments"]

METHODS = ("inverse", "newton")
LARGEST_NUMBER_OF_STEPS = 200
HALVINGS = 60
# A Newton step is short if it is below this share of 1 + ‖θ‖.
SHORT = 1e-3
SUBJECT = "the Hessian of the log-partition function"
# Share of the predicted decrease that a step has to bring (Armijo); any number below one half keeps
# Newton's quadratic convergence.
SUFFICIENT = 1e-4

Function = Callable[[Array], Array]


class MProjection(NamedTuple):
    """A member of a family, found by its moments (P1).

    Attributes
    ----------
    theta : array (..., b)
        Natural parameters with ∇A(θ) = E f.
    moments : array (..., b)
        The moments E f.
    residual : array (...)
        ‖∇A(θ) − E f‖ in the norm of F(θ)⁻¹: how many standard deviations of f the moments are off.
    iterations : int
        Newton steps, the largest number in a batch; 0 where the family has its own inverse.
    condition : array (...)
        2-norm condition number of F(θ) with each statistic scaled to unit variance.
    """

    theta: Array
    moments: Array
    residual: Array
    iterations: int
    condition: Array


@_checks.guarded
def m_projection(
    family: ExponentialFamily,
    samples: Array,
    weights: Array | None = None,
    *,
    method: str = "inverse",
    start: Array | None = None,
) -> MProjection:
    r"""Project samples onto a family by moment matching, equation (P1).

    .. math:: \nabla A(\theta) = \mathbb E_{q_t} f = \sum_i \pi_i f(x_i)

    Of all members this one is closest to the sample in KL(q_t ‖ q_θ).

    Parameters
    ----------
    family : ExponentialFamily
        The family, with its statistics f.
    samples : array (..., n, d)
        Samples, or a batch of them: one for each time, say.
    weights : array (n,) or (..., n), optional
        Weights π, non-negative with sum one. Default: 1/n.
    method : {"inverse", "newton"}
        ``"inverse"`` (default) uses the family's own inverse of ∇A. ``"newton"`` minimises A(θ) −
        ⟨θ, E f⟩ by :func:`match_moments`.
    start : array (b,), optional
        Natural parameters at which Newton's method starts; it needs one.

    Returns
    -------
    MProjection
        ``theta`` (..., b); ``moments`` (..., b), the E f; ``residual`` (...), ‖∇A(θ) − E f‖ in the
        norm of F(θ)⁻¹; ``iterations``, the Newton steps, 0 for "inverse"; ``condition`` (...), the
        condition number of F(θ) with each statistic scaled to unit variance.

    Raises
    ------
    OptionError
        If method "newton" has no start.
    DomainError
        If samples lie outside the support, or no member has their moments, for instance if all
        samples are equal.
    SingularSystemError
        If the Fisher information there is singular to working precision.

    Notes
    -----
    Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> family = ir.families.Gaussian()
    >>> found = m_projection(family, np.array([[1.0], [3.0]]))
    >>> {name: value.item() for name, value in family.classical(found.theta).items()}
    {'mean': 2.0, 'variance': 1.0}
    """
    xp = array_namespace(samples=samples, weights=weights, start=start)
    _checks.choice(method, "method", METHODS)
    _checks.instance(family, "family", ExponentialFamily, "an ExponentialFamily")
    samples = sample_batch(samples, "samples", xp)
    weights = sample_weights(weights, xp, samples)
    moments = weighted_mean(xp, family.statistics(samples), weights)
    if method == "newton":
        if start is None:
            raise OptionError("method='newton' needs start, the natural parameters of some member")
        return _newton_batch(xp, family, moments, start)
    try:
        theta = family.natural_from_mean(moments)
    except DomainError as error:
        raise DomainError(f"the samples have moments that no {family.name} has: {error}") from error
    fisher = family._fisher(xp, theta)
    system = positive_system(xp, fisher, 0.0, f"the Fisher information of {family.name}")
    residual = _distance(xp, system, family._mean(xp, theta) - moments)
    return MProjection(theta, moments, residual, 0, system.condition)


@_checks.guarded
def match_moments(
    moments: Array,
    *,
    log_partition: Function,
    gradient: Function,
    hessian: Function,
    start: Array,
    contains: Callable[[Array], Array] | None = None,
    tolerance: float | None = None,
) -> MProjection:
    r"""Find θ with given moments, equation (P1), by Newton's method on its dual.

    .. math:: \theta = \operatorname{argmax}_\theta\; \langle \theta, \mu \rangle - A(\theta)

    The dual is concave. Newton steps δ = F⁻¹(μ − ∇A) are halved until they stay in the parameter
    space and the dual rises enough.

    Parameters
    ----------
    moments : array (b,)
        The moments μ = E f.
    log_partition : callable
        A: maps θ (b,) to ().
    gradient : callable
        ∇A: maps θ (b,) to (b,).
    hessian : callable
        ∇²A: maps θ (b,) to (b, b).
    start : array (b,)
        Natural parameters to start from.
    contains : callable, optional
        Whether θ (b,) is a natural parameter, () of bool. Default: every θ is.
    tolerance : float > 0, optional
        Newton decrement sqrt(δᵀFδ), in standard deviations of f, at which the search ends. Default:
        the square root of eps; convergence is quadratic, so the last step leaves an error of order
        eps.

    Returns
    -------
    MProjection
        As for :func:`m_projection`.

    Raises
    ------
    DomainError
        If no member has these moments: they lie outside the set of possible means, or on its
        boundary, and θ runs away.
    SingularSystemError
        If the Hessian is singular at the start.

    Notes
    -----
    Source: [L25] for the projection; the search is Newton's method with Armijo's rule.

    Examples
    --------
    Two spins with an unknown coupling, of mean product ½:

    >>> import numpy as np
    >>> found = match_moments(
    ...     np.array([0.5]),
    ...     log_partition=lambda theta: np.log(2.0 * np.cosh(theta[0])),
    ...     gradient=np.tanh,
    ...     hessian=lambda theta: (1.0 / np.cosh(theta) ** 2)[:, None],
    ...     start=np.zeros(1),
    ... )
    >>> found.theta.round(12), np.arctanh(0.5).round(12)
    (array([0.54930614]), np.float64(0.549306144334))
    """
    xp, moments, start = _checks.arrays(moments=moments, start=start)
    given = {"log_partition": log_partition, "gradient": gradient, "hessian": hessian}
    given |= {} if contains is None else {"contains": contains}
    for name, function in given.items():
        _checks.function(function, name)
    if moments.ndim != 1 or moments.shape[0] == 0:
        raise ShapeError(f"moments must have shape (b,), got {tuple(moments.shape)}")
    moments = xp.asarray(_checks.vector(moments, "moments", moments.shape[0], xp), copy=True)
    theta = xp.asarray(
        _checks.vector(start, "start", moments.shape[0], xp, like=moments), copy=True
    )
    enough = (
        float(xp.finfo(moments.dtype).eps) ** 0.5
        if tolerance is None
        else _checks.positive(tolerance, "tolerance")
    )
    if contains is not None and not item(contains(theta)):
        raise DomainError("start is not a natural parameter")
    dual = _Dual(
        xp,
        moments,
        _returning(log_partition, "log_partition", moments, ()),
        _returning(gradient, "gradient", moments, moments.shape),
        _returning(hessian, "hessian", moments, moments.shape * 2),
        contains,
    )
    # θ may run away; values that are not finite are found and reported.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return dual.minimised(theta, enough)


def _returning(function: Function, name: str, like: Array, shape: tuple[int, ...]) -> Function:
    """Return the function with a check of the shape and the type of what it returns."""
    what = f"the result of {name}"

    def checked(theta: Array) -> Array:
        value = function(theta)
        if shape == () and isinstance(value, int | float):
            return value
        value = _checks.returned(value, what, moments=like)
        if tuple(value.shape) != shape:
            raise ShapeError(f"{what} must have shape {shape}, got {tuple(value.shape)}")
        return _checks.real_array(value, what, array_namespace(moments=like), like)

    return checked


@dataclass(frozen=True, eq=False)
class _Dual:
    """The convex function A(θ) − ⟨θ, μ⟩; its minimum is minus the conjugate (E6)."""

    xp: Namespace
    moments: Array
    log_partition: Function
    gradient: Function
    hessian: Function
    contains: Callable[[Array], Array] | None

    def minimised(self, theta: Array, enough: float) -> MProjection:
        """Minimise by Newton's method from ``theta`` until the decrement is ``enough``."""
        xp, moments = self.xp, self.moments
        system = positive_system(xp, self.hessian(theta), 0.0, SUBJECT)
        for iterations in range(1, LARGEST_NUMBER_OF_STEPS + 1):
            gap = moments - self.gradient(theta)
            step = system.solve(gap)
            decrement = math.sqrt(max(0.0, item(xp.sum(gap * step))))
            theta = theta + self.step_length(theta, step, decrement * decrement) * step
            system = self.metric(theta, iterations)
            size = 1.0 + item(xp.linalg.vector_norm(theta))
            # On the boundary of the possible means the decrement falls too, but steps keep their
            # size: θ goes to infinity.
            if decrement <= enough and item(xp.linalg.vector_norm(step)) <= SHORT * size:
                self.require_determined(system, size, iterations)
                residual = _distance(xp, system, self.gradient(theta) - moments)
                return MProjection(theta, moments, residual, iterations, system.condition)
        raise DomainError(self.failure(LARGEST_NUMBER_OF_STEPS))

    def metric(self, theta: Array, iterations: int) -> System:
        """Return F(θ) at an iterate; DomainError if it is not positive definite there."""
        hessian = self.hessian(theta)
        if not item(self.xp.all(self.xp.isfinite(hessian))):
            raise DomainError(self.failure(iterations))
        try:
            return positive_system(self.xp, hessian, 0.0, SUBJECT)
        except SingularSystemError as error:
            raise DomainError(f"{self.failure(iterations)}: {error}") from error

    def require_determined(self, system: System, size: float, iterations: int) -> None:
        """Raise DomainError where rounding of the moments moves θ by a tenth of its size."""
        rounding = float(self.xp.finfo(self.moments.dtype).eps) * self.xp.abs(self.moments)
        if item(self.xp.linalg.vector_norm(system.solve(rounding))) > 0.1 * size:
            raise DomainError(f"{self.failure(iterations)}, to working precision")

    def value(self, theta: Array) -> float:
        return float(item(self.log_partition(theta)) - item(self.xp.sum(theta * self.moments)))

    def step_length(self, theta: Array, step: Array, slope: float) -> float:
        """Return the first of 1, ½, ¼, … at which the step is legal and descends enough.

        ``slope`` is the descent per length at length 0.
        """
        if not item(self.xp.all(self.xp.isfinite(step))):
            raise DomainError(self.failure(0))
        here = self.value(theta)
        # Values are differences of terms of the size of A: below that much rounding they mean
        # nothing, and a full step is right.
        size = 1.0 + abs(here) + abs(item(self.log_partition(theta)))
        rounding = 8 * float(self.xp.finfo(theta.dtype).eps) * size
        length = 1.0
        for _ in range(HALVINGS):
            moved = theta + length * step
            inside = self.contains is None or item(self.contains(moved))
            if inside and self.value(moved) <= here - SUFFICIENT * length * slope + rounding:
                return length
            length *= 0.5
        raise DomainError(self.failure(0))

    def failure(self, iterations: int) -> str:
        after = f" in {iterations} Newton steps" if iterations else ""
        return (
            f"no member with these moments was found{after}: they lie outside the set of possible "
            "means, or on its boundary"
        )


def _newton_batch(
    xp: Namespace, family: ExponentialFamily, moments: Array, start: Array
) -> MProjection:
    """Run :func:`match_moments` for each member of a batch (..., b)."""
    rows = xp.reshape(moments, (-1, moments.shape[-1]))
    found = [
        match_moments(
            rows[k, :],
            log_partition=family.log_partition,
            gradient=family.mean,
            hessian=family.fisher,
            start=start,
            contains=family.contains,
        )
        for k in range(rows.shape[0])
    ]
    batch = tuple(moments.shape[:-1])

    def gathered(name: str, *shape: int) -> Array:
        return xp.reshape(xp.stack([getattr(one, name) for one in found]), (*batch, *shape))

    iterations = max(one.iterations for one in found)
    return MProjection(
        gathered("theta", moments.shape[-1]),
        moments,
        gathered("residual"),
        iterations,
        gathered("condition"),
    )


def _distance(xp: Namespace, system: System, gap: Array) -> Array:
    """Return the norm (...) of a difference of moments in the metric F⁻¹."""
    return xp.sqrt(xp.abs(xp.sum(gap * system.solve(gap), axis=-1)))
