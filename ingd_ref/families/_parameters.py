"""Classical parameters of a family: names, shapes, constraints, and conversion to arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    is_array,
    item,
    to_host,
)
from ingd_ref.errors import DomainError, OptionError, ShapeError

__all__ = [
    "POSITIVE",
    "PROBABILITY",
    "REAL",
    "Constraint",
    "Parameter",
    "Requirements",
    "gather",
    "require",
]

# What must hold, by description, and where it holds: boolean arrays over the batch.
Requirements = Mapping[str, Array]


@dataclass(frozen=True)
class Constraint:
    """A condition on one classical parameter.

    Parameters
    ----------
    description : str
        Completes the sentence "the parameter must be ...".
    holds : callable
        Maps (namespace, value) to a boolean array: over the batch, or over the batch and the
        entries of the value.
    """

    description: str
    holds: Callable[[Namespace, Array], Array]

    def __post_init__(self) -> None:
        _checks.instance(self.description, "description", str, "a str")
        _checks.function(self.holds, "holds")


REAL = Constraint("a finite number", lambda xp, value: xp.isfinite(value))
POSITIVE = Constraint("positive", lambda xp, value: value > 0)


@dataclass(frozen=True)
class Parameter:
    """A classical parameter of a family.

    Parameters
    ----------
    name : str
        Keyword in ``natural`` and key in ``classical``.
    constraint : Constraint
        Default: any finite number.
    shape : tuple of int
        Shape of one value: ``()`` a number, ``(d,)`` a vector, ``(d, d)`` a matrix. Default ``()``.
    """

    name: str
    constraint: Constraint = REAL
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _checks.instance(self.name, "name", str, "a str")
        _checks.instance(self.constraint, "constraint", Constraint, "a Constraint")
        shape = _checks.sequence(self.shape, "shape", "int")
        lengths = tuple(_checks.nonnegative_integer(length, "shape") for length in shape)
        object.__setattr__(self, "shape", lengths)


PROBABILITY = Parameter(
    "probability", Constraint("between 0 and 1", lambda xp, value: (value > 0) & (value < 1))
)


def gather(
    family: str, parameters: Sequence[Parameter], given: Mapping[str, Any]
) -> tuple[Namespace, dict[str, Array]]:
    """Return classical parameters as arrays of one library, device, dtype and batch shape.

    Each is checked against its constraint.
    """
    names = [parameter.name for parameter in parameters]
    if set(given) != set(names):
        raise OptionError(
            f"{family} takes the parameters {', '.join(names)}, got {', '.join(given) or 'none'}"
        )
    arrays = {name: value for name, value in given.items() if is_array(value)}
    reference = next(iter(arrays.values())) if arrays else np.zeros(())
    xp = array_namespace(**(arrays or {"reference": reference}))
    reference = _checks.real_array(reference, next(iter(arrays), "reference"), xp)
    values = {
        parameter.name: _value(xp, parameter, given[parameter.name], reference)
        for parameter in parameters
    }
    shapes = {p.name: _batch_shape(values[p.name], p) for p in parameters}
    if len(set(shapes.values())) == 1:
        return xp, values
    batch = _broadcast(shapes)
    return xp, {p.name: xp.broadcast_to(values[p.name], (*batch, *p.shape)) for p in parameters}


def _value(xp: Namespace, parameter: Parameter, given: Any, reference: Array) -> Array:
    """Return one checked parameter, in the dtype and on the device of ``reference``."""
    name, axes = parameter.name, len(parameter.shape)
    value = _checks.number_or_array(given, name, xp, like=reference)
    if tuple(value.shape[value.ndim - axes :]) != parameter.shape or value.ndim < axes:
        raise ShapeError(
            f"{name} must have shape {_shown_shape(parameter.shape)}, got {tuple(value.shape)}"
        )
    if parameter.constraint is REAL:
        return value
    good = parameter.constraint.holds(xp, value)
    if not item(xp.all(good)):
        index = _checks.first_false(xp, good)
        raise DomainError(
            f"{name} must be {parameter.constraint.description}, "
            f"got {_shown(value, index)}{_place(index)}"
        )
    return value


def _batch_shape(value: Array, parameter: Parameter) -> tuple[int, ...]:
    return tuple(value.shape[: value.ndim - len(parameter.shape)])


def _broadcast(shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        described = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ShapeError(
            f"the batch shapes of the parameters do not broadcast: {described}"
        ) from None


def require(
    xp: Namespace, requirements: Requirements, subject: str, space: str, value: Array | None = None
) -> None:
    """Raise :class:`DomainError` for the first requirement that fails, with place and value."""
    if not requirements or item(xp.all(reduce(and_, requirements.values()))):
        return
    for description, good in requirements.items():
        if not item(xp.all(good)):
            index = _checks.first_false(xp, good)
            where = "" if value is None else f", where {subject} = {_shown(value, index)}"
            raise DomainError(
                f"{subject} lies outside {space}: {description} fails{_place(index)}{where}"
            )


def _place(index: tuple[int, ...]) -> str:
    return f" at batch index {index}" if index else ""


def _shown(value: Array, index: tuple[int, ...]) -> str:
    return np.array2string(to_host(value[(*index, ...)]), separator=", ", threshold=8)


def _shown_shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['...', *map(str, shape)])})"
