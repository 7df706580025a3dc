"""Adapters: what an implementation supports, and the guard that asks it for no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ingd_ref import _checks
from ingd_ref.conformance._kinds import FEATURES, KERNELS, Kind
from ingd_ref.conformance._law import Solver
from ingd_ref.conformance._problem import Problem
from ingd_ref.conformance._problems import LAW_ONLY, Domain
from ingd_ref.errors import OptionError

__all__ = ["EVERYTHING", "Unsupported", "adapter", "guarded", "support"]

MANY = 1_000_000

#: Support for all problems.
EVERYTHING = Domain(
    n=(1, MANY),
    m=(1, MANY),
    d=(1, MANY),
    b=(1, MANY),
    dtypes=("float64", "float32"),
)

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class Unsupported(AttributeError):
    """Raise this in an adapter for a problem that the implementation cannot solve.

    The law is then not tested on that problem.
    """


def adapter(
    features: tuple[Kind, ...] | None = None,
    kernels: tuple[Kind, ...] | None = None,
    weights: bool = True,
    target_weights: bool = True,
    masks: bool = True,
    ddof: tuple[int, ...] = EVERYTHING.ddof,
    dtypes: tuple[str, ...] = EVERYTHING.dtypes,
) -> Callable[[FunctionT], FunctionT]:
    """Declare what an adapter supports; the laws then ask for no more.

    Parameters
    ----------
    features : tuple of str or type, optional
        Some of ``"rbf"``, ``"polynomial"``, ``"monomials"``, ``"fourier"``, ``"pairwise"``, and
        ``"mapped"`` for T f + c of these; or features of your own, by their class. Default: all of
        the package.
    kernels : tuple of str or type, optional
        Some of ``"gradient"`` (K5), ``"scalar"``, ``"coordinatewise"`` (K6),
        ``"tangent-diagonal"``, ``"tangent-full"``, ``"tangent-trace"`` (K7),
        ``"gradient-inverse-multiquadric"``, ``"gradient-matern52"``, ``"divergence-free"``, and
        ``"multiple"`` for c·K of these; or kernels of your own, by their class. Default: all of the
        package.
    weights, target_weights : bool
        Whether the particles, and the target sample, may carry weights. Default ``True``.
    masks : bool
        Whether some coordinates may be fixed. Default ``True``.
    ddof : tuple of int
        Divisors n − ddof of the covariance: (0,), (1,) or both (default).
    dtypes : tuple of str
        ``"float64"``, ``"float32"`` or both (default).

    Returns
    -------
    callable
        A decorator that gives the function the attribute ``supports``.

    Raises
    ------
    OptionError
        If a word is unknown.

    Examples
    --------
    >>> @adapter(features=("rbf",), kernels=("gradient",), weights=False, masks=False)
    ... def mine(problem):
    ...     anchors, width = problem.features.centers, problem.features.bandwidth
    ...     return my_velocity(problem.x, problem.y, anchors, width)
    >>> mine.supports.kernels
    ('gradient',)
    """
    for name, words, known in (
        ("features", features, (*FEATURES, LAW_ONLY[0])),
        ("kernels", kernels, (*KERNELS, LAW_ONLY[1])),
        ("dtypes", dtypes, EVERYTHING.dtypes),
    ):
        for word in words or ():
            if not isinstance(word, type):
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
        function.supports = supported  # type: ignore[attr-defined]  # functions take attributes
        return function

    return mark


def support(function: Any) -> Domain:
    """Return what an adapter supports: its attribute ``supports``, or everything."""
    return getattr(function, "supports", EVERYTHING)


def guarded(function: Callable[[Problem], Any]) -> Solver:
    """Return an adapter that raises :class:`Unsupported` for what it does not support."""
    supported = support(function)

    def solve(p: Problem) -> Any:
        require_support("statistics", p.features, supported.features)
        require_support("kernel", p.kernel, supported.kernels)
        for what, value, values in (
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
            if value not in values:
                raise Unsupported(f"{what}: {value}")
        return _Answer(function(p))

    return solve


def require_support(what: str, thing: Any, kinds: tuple[Kind, ...] | None) -> None:
    """Raise unless a kernel or statistics are among the kinds, where None means all."""
    word = thing.word
    if not word:
        raise OptionError(f"the laws do not know the {what} {type(thing).__name__}: set its word")
    if kinds is not None and word not in kinds and type(thing) not in kinds:
        raise Unsupported(f"{what}: {word}")


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
