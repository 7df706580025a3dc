"""Somebody's implementation behind the interface of the laws: what it supports, and what it does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ingd_ref import _checks
from ingd_ref.conformance._law import Solver
from ingd_ref.conformance._matrix_kernels import GradientKernel, Kernel, ScalarKernel, TangentKernel
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import FEATURES, KERNELS, Domain
from ingd_ref.conformance._statistics import (
    RBF,
    Fourier,
    Mapped,
    Monomials,
    Pairwise,
    Polynomial,
    Statistics,
)

__all__ = ["EVERYTHING", "Unsupported", "adapter", "guarded", "support"]

MANY = 1_000_000

#: Support for all that the laws ask for: also T f + c of given statistics ("mapped") and c·K of a
#: given kernel ("multiple").
EVERYTHING = Domain(
    n=(1, MANY),
    m=(1, MANY),
    d=(1, MANY),
    b=(1, MANY),
    features=(*FEATURES, "mapped"),
    kernels=(*KERNELS, "multiple"),
    dtypes=("float64", "float32"),
)

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class Unsupported(AttributeError):
    """An implementation does not do what a law needs; raise it in an adapter, and the law is not judged on that problem."""


def adapter(
    features: tuple[str, ...] = EVERYTHING.features,
    kernels: tuple[str, ...] = EVERYTHING.kernels,
    weights: bool = True,
    target_weights: bool = True,
    masks: bool = True,
    ddof: tuple[int, ...] = EVERYTHING.ddof,
    dtypes: tuple[str, ...] = EVERYTHING.dtypes,
) -> Callable[[FunctionT], FunctionT]:
    """Mark a function as an adapter that supports a part of the equations only; the laws then ask for no more.

    Parameters
    ----------
    features : tuple of str
        Some of ``"rbf"``, ``"polynomial"``, ``"monomials"``, ``"fourier"``, ``"pairwise"``, and
        ``"mapped"`` for T f + c of these.
    kernels : tuple of str
        Some of ``"gradient"`` (K5), ``"scalar"``, ``"coordinatewise"`` (K6),
        ``"tangent-diagonal"``, ``"tangent-full"``, ``"tangent-trace"`` (K7), and ``"multiple"`` for
        c·K of these.
    weights, target_weights : bool
        Whether particles, and points of the target, may carry weights.
    masks : bool
        Whether some coordinates may be held.
    ddof : tuple of int
        Divisors n − ddof of the covariance: (0,), (1,) or both.
    dtypes : tuple of str
        ``"float64"``, ``"float32"`` or both.

    Returns
    -------
    callable
        A decorator. It leaves the function as it is but for its attribute ``supports``.

    Raises
    ------
    OptionError
        For a word that no law uses.

    Examples
    --------
    >>> @adapter(features=("rbf",), kernels=("gradient",), weights=False, masks=False)
    ... def mine(problem):
    ...     return my_velocity(problem.x, problem.y, problem.features.centers, problem.features.bandwidth)
    >>> mine.supports.kernels
    ('gradient',)
    """
    for name, words, known in (
        ("features", features, EVERYTHING.features),
        ("kernels", kernels, EVERYTHING.kernels),
        ("dtypes", dtypes, EVERYTHING.dtypes),
    ):
        for word in words:
            _checks.choice(word, name, known)
    supported = replace(
        EVERYTHING,
        features=features,
        kernels=kernels,
        weights=EVERYTHING.weights if weights else ("uniform",),
        target_weights=EVERYTHING.target_weights if target_weights else ("uniform",),
        masks=EVERYTHING.masks if masks else (False,),
        ddof=ddof,
        dtypes=dtypes,
    )

    def mark(function: FunctionT) -> FunctionT:
        function.supports = supported  # type: ignore[attr-defined]  # functions have attributes of their own
        return function

    return mark


def support(function: Any) -> Domain:
    """What an adapter supports: its attribute ``supports``, or everything."""
    return getattr(function, "supports", EVERYTHING)


def guarded(function: Callable[[Problem], Any]) -> Solver:
    """The adapter behind a guard that turns away what it does not support, with a result that says what it lacks."""
    supported = support(function)

    def solve(p: Problem) -> Any:
        for what, kind, kinds in (
            ("statistics", kind_of_statistics(p.features), supported.features),
            ("kernel", kind_of_kernel(p.kernel), supported.kernels),
            ("weights", p.weights is not None, ("random" in supported.weights, False)),
            (
                "target weights",
                p.target_weights is not None,
                ("random" in supported.target_weights, False),
            ),
            ("mask", p.mask is not None, supported.masks),
            ("ddof", p.ddof, supported.ddof),
            ("dtype", str(p.x.dtype), supported.dtypes),
        ):
            if kind not in kinds:
                raise Unsupported(f"{what}: {kind}")
        return _Answer(function(p))

    return solve


def kind_of_statistics(spec: Statistics) -> str:
    """The word for statistics that adapters use."""
    kinds = {
        RBF: "rbf",
        Polynomial: "polynomial",
        Monomials: "monomials",
        Fourier: "fourier",
        Pairwise: "pairwise",
        Mapped: "mapped",
    }
    return kinds[type(spec)]


def kind_of_kernel(spec: Kernel) -> str:
    """The word for a kernel that adapters use."""
    match spec:
        case GradientKernel():
            return "gradient"
        case ScalarKernel():
            return "coordinatewise" if spec.coordinatewise else "scalar"
        case TangentKernel():
            return f"tangent-{spec.mode}"
        case _:
            return "multiple"


class _Answer:
    """A result: an object with attributes, a mapping, or the velocities alone."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def __getattr__(self, name: str) -> Any:
        result = self._result
        if isinstance(result, dict):
            found = result.get(name)
        elif hasattr(result, "velocity"):
            found = getattr(result, name, None)
        else:
            found = np.asarray(result) if name == "velocity" else None
        if found is None:
            raise Unsupported(f"the result has no {name}")
        return found
