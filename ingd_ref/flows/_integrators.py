"""Explicit Runge-Kutta steps of ẋ = v(x): tableaux with names, one step function, one error-controlled span.

The field is autonomous: what depends on time or chance was settled by
:meth:`~ingd_ref.flows._flow.Flow.prepare`, so no stage needs a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ingd_ref.backend._namespace import Array, array_namespace, item
from ingd_ref.errors import DomainError, NonFiniteError
from ingd_ref.flows._flow import VelocityFunction

__all__ = ["INTEGRATORS", "TABLEAUX", "StepMemory", "Tableau", "advance"]


@dataclass(frozen=True)
class Tableau:
    r"""Coefficients of an explicit Runge-Kutta method: :math:`k_i = v(x + h\sum_{j<i} a_{ij} k_j)`, :math:`x^+ = x + h\sum_i b_i k_i`.

    Attributes
    ----------
    order : int
        Order of the global error in the step size.
    stages : tuple of tuple of float
        Rows of a strictly lower triangular matrix a; the first row is empty.
    weights : tuple of float
        b, one for each stage.
    error_weights : tuple of float
        b − b̂, the difference to the embedded lower-order method; empty where there is none.
    """

    order: int
    stages: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    error_weights: tuple[float, ...] = ()


TABLEAUX = {
    "euler": Tableau(1, ((),), (1.0,)),
    "heun": Tableau(2, ((), (1.0,)), (1 / 2, 1 / 2)),
    "rk4": Tableau(4, ((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
    # Dormand and Prince, J. Comput. Appl. Math. 6 (1980), their pair of orders 5 and 4; the last
    # stage is the first of the next step.
    "dormand-prince": Tableau(
        5,
        (
            (),
            (1 / 5,),
            (3 / 40, 9 / 40),
            (44 / 45, -56 / 15, 32 / 9),
            (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
            (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
            (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
        ),
        (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0.0),
        (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40),
    ),
}
INTEGRATORS = ("euler", "heun", "rk4", "adaptive")

# Step-size control by proportional and integral terms: Hairer and Wanner, Solving Ordinary
# Differential Equations II, section IV.2.
PROPORTIONAL, INTEGRAL = 0.7 / 5, 0.4 / 5
SAFETY, SMALLEST_FACTOR, LARGEST_FACTOR = 0.9, 0.2, 5.0
# A remembered error below this would let one lucky step dictate the next factor.
SMALLEST_ERROR = 1e-4
# A sub-step this small a part of its span, times a velocity of order one, is lost in the rounding
# of the positions.
SMALLEST_PART = 1e-12
# Where rounding makes up the error estimate, sub-steps of any length may pass or fail by chance,
# and no end would come.
MOST_SUBSTEPS = 10_000


@dataclass(frozen=True)
class StepMemory:
    """What the adaptive integrator carries from one span to the next.

    Attributes
    ----------
    step : float
        Sub-step that it would try next, in flow time.
    error : float
        Scaled error of the last accepted sub-step, at most one.
    """

    step: float
    error: float


def advance(
    integrator: str,
    velocity: VelocityFunction,
    x: Array,
    span: float,
    memory: StepMemory | None,
    rtol: float,
    atol: float,
) -> tuple[Array, StepMemory | None]:
    """Carry ``x`` through ``span`` of flow time, equation (K9): one step of a fixed method, or error-controlled sub-steps.

    Parameters
    ----------
    integrator : {"euler", "heun", "rk4", "adaptive"}
        Name of the method.
    velocity : callable
        Maps positions (n, d) to velocities (n, d).
    x : array (n, d)
        Positions; left as they are.
    span : float > 0
        Flow time to cover.
    memory : StepMemory or None
        What the last span returned; None in the first one.
    rtol : float ≥ 0
    atol : float > 0
        Tolerances of the adaptive method for one sub-step.

    Returns
    -------
    array (n, d)
        New positions.
    StepMemory or None
        For the next span; None for the fixed methods.

    Raises
    ------
    DomainError
        If the adaptive method cannot meet its tolerance.
    NonFiniteError
        From ``velocity``, where the adaptive method cannot avoid it by shorter sub-steps.

    Examples
    --------
    >>> import numpy as np
    >>> advance("heun", lambda x: -x, np.array([[1.0]]), 0.5, None, 0.0, 0.0)
    (array([[0.625]]), None)
    """
    if integrator == "adaptive":
        return _adaptive_span(velocity, x, span, memory, rtol, atol)
    tableau = TABLEAUX[integrator]
    slopes = _slopes(tableau, velocity, x, span, velocity(x))
    return _shifted(x, span, tableau.weights, slopes), memory


def _slopes(
    tableau: Tableau, velocity: VelocityFunction, x: Array, h: float, first: Array
) -> list[Array]:
    """Velocities k_i at the stages of one step of length ``h``, of which the first is known."""
    slopes = [first]
    for row in tableau.stages[1:]:
        slopes.append(velocity(_shifted(x, h, row, slopes)))
    return slopes


def _shifted(x: Array, h: float, coefficients: tuple[float, ...], slopes: list[Array]) -> Array:
    """``x + h Σ c_i k_i``, in the floating type of ``x``."""
    for coefficient, slope in zip(coefficients, slopes, strict=True):
        if coefficient != 0:
            x = x + (h * coefficient) * slope
    return x


def _scaled_error(
    x: Array, new: Array, h: float, slopes: list[Array], rtol: float, atol: float
) -> float:
    """Largest ratio, over all coordinates of all particles, of the estimated error of a sub-step to what is tolerated there."""
    xp = array_namespace(x=x)
    error = _shifted(xp.zeros_like(x), h, TABLEAUX["dormand-prince"].error_weights, slopes)
    tolerated = atol + rtol * xp.maximum(xp.abs(x), xp.abs(new))
    return float(item(xp.max(xp.abs(error) / tolerated)))


def _adaptive_span(
    velocity: VelocityFunction,
    x: Array,
    span: float,
    memory: StepMemory | None,
    rtol: float,
    atol: float,
) -> tuple[Array, StepMemory]:
    """Dormand-Prince sub-steps through ``span``, each with an estimated error within the tolerance.

    A velocity that is not finite at an inner stage counts as an error too large: a shorter sub-step
    may avoid it. At the start of the span nothing can.
    """
    tableau = TABLEAUX["dormand-prince"]
    memory = StepMemory(span, 1.0) if memory is None else memory
    tolerance = f"rtol = {rtol:g} and atol = {atol:g} cannot be met in {x.dtype}"
    trial, done, rejected = memory.step, 0.0, False
    first = velocity(x)
    for _ in range(MOST_SUBSTEPS):
        h = min(trial, span - done)
        failure: NonFiniteError | None = None
        try:
            slopes = _slopes(tableau, velocity, x, h, first)
            new = _shifted(x, h, tableau.weights, slopes)
            error = _scaled_error(x, new, h, slopes, rtol, atol)
        except NonFiniteError as bad_stage:
            failure, error = bad_stage, math.inf
        if error <= 1:
            grown = h * _factor(error, memory.error, largest=1.0 if rejected else LARGEST_FACTOR)
            # A sub-step cut short by the end of the span says nothing against the longer one that
            # was planned.
            cut_short = h < trial
            trial = max(grown, trial) if cut_short else grown
            memory = StepMemory(trial, memory.error if cut_short else max(error, SMALLEST_ERROR))
            done = span if h == span - done else done + h
            x, first, rejected = new, slopes[-1], False
            if done == span:
                return x, memory
            continue
        rejected = True
        trial = h * (
            SAFETY * max(SMALLEST_FACTOR, math.pow(error, -0.2))
            if math.isfinite(error)
            else SMALLEST_FACTOR
        )
        if trial < SMALLEST_PART * span:
            raise failure or DomainError(f"{tolerance}: a sub-step of {h:.3g} still errs too much")
    raise DomainError(f"{tolerance} in {MOST_SUBSTEPS} sub-steps")


def _factor(error: float, error_before: float, largest: float) -> float:
    """Ratio of the next sub-step to the accepted one."""
    if error == 0:
        return largest
    wanted = SAFETY * math.pow(error, -PROPORTIONAL) * math.pow(error_before, INTEGRAL)
    return min(largest, max(SMALLEST_FACTOR, wanted))
