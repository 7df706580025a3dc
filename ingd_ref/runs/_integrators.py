"""Explicit Runge-Kutta steps of ẋ = v(x): named tableaux, one step, one error-controlled span.

The field is autonomous: what depends on time or chance is settled before a step, so no stage needs
a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, array_namespace, item
from ingd_ref.errors import DomainError, NonFiniteError
from ingd_ref.flows._flow import VelocityFunction

__all__ = ["INTEGRATORS", "TABLEAUX", "StepMemory", "Stepping", "Tableau", "advance"]


@dataclass(frozen=True)
class Tableau:
    r"""Coefficients of an explicit Runge-Kutta method.

    .. math:: k_i = v\Big(x + h\sum_{j<i} a_{ij} k_j\Big), \qquad x^+ = x + h\sum_i b_i k_i

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


class StepMemory(NamedTuple):
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


@dataclass(frozen=True)
class Stepping:
    """How positions are carried along a velocity: the arguments of :func:`advance`, checked."""

    step_size: float
    integrator: str
    rtol: float
    atol: float

    def __post_init__(self) -> None:
        _checks.choice(self.integrator, "integrator", INTEGRATORS)
        object.__setattr__(self, "step_size", _checks.positive(self.step_size, "step_size"))
        object.__setattr__(self, "rtol", _checks.nonnegative(self.rtol, "rtol"))
        object.__setattr__(self, "atol", _checks.positive(self.atol, "atol"))

    def over(self, steps: int) -> Stepping:
        """Return this, if the time after so many steps is a number."""
        _checks.number(steps * self.step_size, "the time, steps times step_size,")
        return self

    def advance(
        self, velocity: VelocityFunction, x: Array, memory: Any
    ) -> tuple[Array, StepMemory | None]:
        """Take one step from ``x``; ``memory`` is what the last one returned, also as a list."""
        memory = None if memory is None else StepMemory(*memory)
        return advance(self.integrator, velocity, x, self.step_size, memory, self.rtol, self.atol)

    def parts(self) -> dict[str, Any]:
        """Settings that change the numbers; tolerances count for the adaptive method alone."""
        if self.integrator == "adaptive":
            return dict(vars(self))
        return {"step_size": self.step_size, "integrator": self.integrator}


def advance(
    integrator: str,
    velocity: VelocityFunction,
    x: Array,
    span: float,
    memory: StepMemory | None,
    rtol: float,
    atol: float,
) -> tuple[Array, StepMemory | None]:
    """Carry ``x`` through ``span`` of flow time, equation (K9).

    A fixed method takes one step, the adaptive one as many error-controlled sub-steps as it needs.

    Parameters
    ----------
    integrator : {"euler", "heun", "rk4", "adaptive"}
        Name of the method.
    velocity : callable
        Maps positions to velocities of the same shape.
    x : array
        Positions of any shape; they are not changed.
    span : float > 0
        Flow time to cover.
    memory : StepMemory or None
        What the last span returned; None in the first one.
    rtol : float ≥ 0
    atol : float > 0
        Tolerances of the adaptive method for one sub-step.

    Returns
    -------
    array
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
    """Largest ratio, over all coordinates, of the estimated error to the tolerated one."""
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
        if not error <= 1:  # NaN counts as too large
            rejected, trial = True, h * _shrinking(error)
            if trial < SMALLEST_PART * span:
                raise failure or DomainError(
                    f"{tolerance}: the error of a sub-step of {h:.3g} is still too large"
                )
            continue
        memory = _remembered(memory, trial, h, error, 1.0 if rejected else LARGEST_FACTOR)
        # Rounding must not leave a sliver of the span.
        done = span if h == span - done else done + h
        x, first, trial, rejected = new, slopes[-1], memory.step, False
        if done == span:
            return x, memory
    raise DomainError(f"{tolerance} in {MOST_SUBSTEPS} sub-steps")


def _remembered(
    memory: StepMemory, trial: float, h: float, error: float, largest: float
) -> StepMemory:
    """What an accepted sub-step of length ``h`` leaves behind, where ``trial`` was planned."""
    grown = h * _factor(error, memory.error, largest)
    if h < trial:
        # Cut short by the end of the span: that says nothing against the longer one.
        return StepMemory(max(grown, trial), memory.error)
    return StepMemory(grown, max(error, SMALLEST_ERROR))


def _shrinking(error: float) -> float:
    """Ratio of the next trial to a rejected sub-step."""
    if not math.isfinite(error):
        return SMALLEST_FACTOR
    return SAFETY * max(SMALLEST_FACTOR, math.pow(error, -0.2))


def _factor(error: float, error_before: float, largest: float) -> float:
    """Ratio of the next sub-step to the accepted one."""
    if error == 0:
        return largest
    wanted = SAFETY * math.pow(error, -PROPORTIONAL) * math.pow(error_before, INTEGRAL)
    return min(largest, max(SMALLEST_FACTOR, wanted))
