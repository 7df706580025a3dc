"""What a piece of evidence is, and how it is run.

A case is a generator function that is registered with the labels that it speaks for:

    @case("K8", oracle="sorted distances at eighty digits", quick=True)
    def median_bandwidth(arrays: Arrays) -> Iterator[Measured]:
        ...
        yield compared("midpoint", actual, expected, 8 * EPS, "three rounded operations")

It runs once on every backend, makes its inputs with ``arrays(host)`` and reads results with
``arrays.host(x)``. An exception is a failure, and so is a case that measures nothing.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from ingd_ref.equations import LABELS
from validation.backends import BACKENDS, Arrays

__all__ = [
    "CASES",
    "EPS",
    "SECTIONS",
    "Case",
    "Measured",
    "Record",
    "case",
    "compared",
    "load",
    "run",
    "selected",
    "within",
]

EPS = float(np.finfo(np.float64).eps)

#: Modules that hold cases, in the order in which they run.
SECTIONS = (
    "equations",
    "families",
    "every_family",
    "geometry",
    "solvers",
    "kernels",
    "projection",
    "generators",
    "flows",
    "ingd",
    "baselines",
    "metrics",
    "simplex",
    "variational",
    "networks",
)

CaseFunction = Callable[[Arrays], Iterator["Measured"]]


@dataclass(frozen=True)
class Measured:
    """One number that was measured against one that is allowed.

    Attributes
    ----------
    quantity : str
        What was compared.
    error : float
        How far it is off; NaN counts as infinitely far.
    tolerance : float
        How far it may be off.
    reason : str
        Where the tolerance comes from.
    """

    quantity: str
    error: float
    tolerance: float
    reason: str

    @property
    def ratio(self) -> float:
        """Error in units of the tolerance; infinite if there is none to speak of."""
        if math.isnan(self.error):
            return math.inf
        return (
            self.error / self.tolerance
            if self.tolerance > 0
            else (0.0 if self.error == 0 else math.inf)
        )

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance."""
        return self.ratio <= 1


@dataclass(frozen=True)
class Case:
    """A registered case.

    Attributes
    ----------
    labels : tuple of str
        The equations that it speaks for.
    name : str
        Name of its function.
    section : str
        Module that holds it.
    oracle : str
        What it is judged by.
    quick : bool
        Whether ``--quick`` includes it.
    backends : tuple of str
        Where it can run; all backends unless the code under test is defined for some only.
    function : callable
        The measurement.
    """

    labels: tuple[str, ...]
    name: str
    section: str
    oracle: str
    quick: bool
    backends: tuple[str, ...]
    function: CaseFunction


@dataclass(frozen=True)
class Record:
    """Outcome of one case on one backend.

    Attributes
    ----------
    case : Case
    backend : str
    measured : tuple of Measured
        In the order in which they came; those before an exception are kept.
    seconds : float
    failure : str
        The exception, or what else made the case worthless; empty if there was nothing.
    trace : str
        Its traceback.
    """

    case: Case
    backend: str
    measured: tuple[Measured, ...]
    seconds: float
    failure: str = ""
    trace: str = ""

    @property
    def passed(self) -> bool:
        """Whether the case ran to its end, measured something, and was within every tolerance."""
        return not self.failure and bool(self.measured) and all(m.passed for m in self.measured)

    @property
    def worst(self) -> Measured | None:
        """The measurement closest to its tolerance, or furthest beyond it."""
        return max(self.measured, key=lambda m: m.ratio, default=None)


CASES: list[Case] = []


def case(
    *labels: str, oracle: str, quick: bool = True, backends: Sequence[str] = tuple(BACKENDS)
) -> Callable[[CaseFunction], CaseFunction]:
    """Register a generator of :class:`Measured` as evidence for ``labels``."""
    unknown = [label for label in labels if label not in LABELS]
    if unknown or not labels:
        raise ValueError(f"a case needs labels of the table, got {', '.join(unknown) or 'none'}")

    def register(function: CaseFunction) -> CaseFunction:
        section = function.__module__.removeprefix("validation.")
        CASES.append(
            Case(labels, function.__name__, section, oracle, quick, tuple(backends), function)
        )
        return function

    return register


def compared(
    quantity: str, actual: Any, expected: Any, tolerance: float, reason: str, scale: Any = None
) -> Measured:
    """Measure the largest deviation of ``actual`` from ``expected``, in units of ``scale``.

    The default scale is the largest expected entry.

    Where ``expected`` holds eighty-digit numbers, the subtraction is done at eighty digits too.
    """
    deviation = _deviation(actual, expected)
    unit = (
        np.max(np.abs(np.asarray(expected, dtype=float)), initial=0.0)
        if scale is None
        else np.asarray(scale, dtype=float)
    )
    return Measured(quantity, float(np.max(_in_units(deviation, unit))), tolerance, reason)


def within(quantity: str, actual: Any, expected: Any, allowed: Any, reason: str) -> Measured:
    """Measure the entry that deviates most in units of what is ``allowed`` for it.

    Error and tolerance are those of this entry.
    """
    deviation = _deviation(actual, expected)
    limits = np.broadcast_to(np.asarray(allowed, dtype=float), deviation.shape)
    worst = np.unravel_index(int(np.argmax(_in_units(deviation, limits))), deviation.shape)
    return Measured(quantity, float(deviation[worst]), float(limits[worst]), reason)


def _deviation(actual: Any, expected: Any) -> Any:
    """|actual − expected| entry by entry.

    Infinite for a wrong shape and for results that are not finite.
    """
    target, found = np.atleast_1d(expected), np.atleast_1d(actual)
    if found.shape != target.shape or not np.all(np.isfinite(found.astype(float))):
        return np.full(target.shape, math.inf)
    return np.abs((found.astype(object) - target.astype(object)).astype(float))


def _in_units(deviation: Any, unit: Any) -> Any:
    """Quotient with 0/0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(deviation == 0, 0.0, deviation / unit)


def load() -> None:
    """Import the modules that hold cases, which registers them."""
    for section in SECTIONS:
        import_module(f"validation.{section}")


def selected(labels: Sequence[str] = (), *, quick: bool = False) -> list[Case]:
    """Cases for any of ``labels`` (default: all), without the slow ones if ``quick``."""
    return [
        c for c in CASES if (c.quick or not quick) and (not labels or set(labels) & set(c.labels))
    ]


def run(chosen: Case, backend: str) -> Record:
    """Run one case on one backend; no exception but a keyboard interrupt leaves this function."""
    arrays = BACKENDS[backend]
    measured: list[Measured] = []
    failure = trace = ""
    start = time.perf_counter()
    try:
        with arrays.guarded():
            for measurement in chosen.function(arrays):
                measured.append(measurement)  # those before an exception are kept
        if not measured:
            failure = "the case measured nothing"
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
        trace = traceback.format_exc()
    return Record(chosen, backend, tuple(measured), time.perf_counter() - start, failure, trace)
