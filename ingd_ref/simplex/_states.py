"""The joint states of named variables with finitely many values, and their order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ingd_ref import _checks
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.simplex._marginalisation import Marginalisation

__all__ = ["StateSpace", "place_of"]


@dataclass(frozen=True)
class StateSpace:
    """Joint states of named variables.

    State i is the i-th entry of an array with one axis for each variable: the last variable changes
    fastest. With the hidden variables named first, i = h m + v, so that ``p.reshape(-1, m)`` has a
    row for each hidden state and a column for each visible one.

    Parameters
    ----------
    names : sequence of str
        Names of the variables, all different.
    cardinalities : sequence of int
        Number of values of each.

    Raises
    ------
    ShapeError
        If there are no variables, or not one number for each.
    DomainError
        If a name occurs twice, or a number is below one.

    Examples
    --------
    >>> space = StateSpace(("X", "Y"), (2, 3))
    >>> space.size, space.values[4].tolist()
    (6, [1, 1])
    >>> space.marginalisation(hidden=["X"]).cells
    (0, 1, 2, 0, 1, 2)
    """

    names: Sequence[str]
    cardinalities: Sequence[int]

    def __post_init__(self) -> None:
        names, numbers = tuple(self.names), tuple(self.cardinalities)
        if not names or len(names) != len(numbers):
            raise ShapeError(
                "there must be one number of values for each of at least one variable, "
                f"got {len(numbers)} for {len(names)}"
            )
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise DomainError(
                f"names of variables must differ, but {twice!r} occurs more than once"
            )
        object.__setattr__(self, "names", names)
        object.__setattr__(
            self,
            "cardinalities",
            tuple(
                _checks.positive_integer(number, f"the number of values of {name!r}")
                for name, number in zip(names, numbers, strict=True)
            ),
        )

    @property
    def size(self) -> int:
        """Number n of joint states."""
        return math.prod(self.cardinalities)

    @cached_property
    def values(self) -> np.ndarray:
        """Value 0, 1, … of each variable in each state (n, variables)."""
        return np.stack([axis.ravel() for axis in np.indices(self.cardinalities)], axis=1)

    def index(self, name: str) -> int:
        """Return the place of a variable; DomainError if there is none of this name."""
        return place_of(name, self.names)

    def marginalisation(self, hidden: Sequence[str]) -> Marginalisation:
        """Return the map onto the joint states of the variables that are not hidden."""
        return Marginalisation.hiding(self.cardinalities, [self.index(name) for name in hidden])


def place_of(name: str, names: Sequence[str]) -> int:
    """Return the place of ``name`` among ``names``."""
    if not isinstance(name, str) or name not in names:
        raise DomainError(
            f"there is no variable {_checks.shown(name)}; there are {', '.join(map(repr, names))}"
        )
    return tuple(names).index(name)
