"""Members of a family, found from the constraints of its classical parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ingd_ref.backend import array_namespace
from ingd_ref.families._parameters import Parameter

__all__ = ["guessed_parameters"]

MEMBERS = 4
NUMBERS = (0.5, 3.0, 1.5, 0.25, -8.0, 0.875, 40.0, 0.0625, -0.75, 12.0)


def guessed_parameters(family: str, parameters: Sequence[Parameter]) -> Mapping[str, np.ndarray]:
    """Return four values (4, ...) of each parameter, combined differently in each member."""
    return {
        parameter.name: np.roll(_values(family, parameter), place, axis=0)
        for place, parameter in enumerate(parameters)
    }


def _values(family: str, parameter: Parameter) -> np.ndarray:
    xp = array_namespace(numbers=np.zeros(()))
    found = [
        value
        for value in _candidates(parameter.shape)
        if np.all(parameter.constraint.holds(xp, value))
    ]
    if not found:
        raise TypeError(
            f"no example of the parameter {parameter.name} was found; "
            f"{family} must override example_parameters"
        )
    return np.stack([found[k % len(found)] for k in range(MEMBERS)])


def _candidates(shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Yield numbers; vectors of several kinds; positive definite matrices."""
    size = shape[0] if shape else 1
    for k in range(len(NUMBERS)):
        vector = np.asarray([NUMBERS[(k + 3 * i) % len(NUMBERS)] for i in range(size)])
        if len(shape) == 0:
            yield vector[0]
        elif len(shape) == 1:
            yield from (
                vector,
                np.abs(vector),
                np.abs(vector) / np.sum(np.abs(vector)),
                vector / np.sqrt(np.sum(vector * vector)),
            )
        else:
            small = np.cos(vector)
            yield np.diag(np.abs(vector)) + small[:, None] * small
