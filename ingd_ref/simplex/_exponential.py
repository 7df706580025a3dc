"""Exponential families on finitely many states, such as Boltzmann machines (B2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, to_host
from ingd_ref.backend._operations import softmax
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.simplex._arguments import constant
from ingd_ref.simplex._marginalisation import Marginalisation, required_map
from ingd_ref.simplex._model import FiniteModel
from ingd_ref.simplex._states import StateSpace

__all__ = ["LogLinearModel", "boltzmann_machine"]

INTERACTIONS = ("all", "restricted")


@dataclass(frozen=True, eq=False)
class LogLinearModel(FiniteModel):
    r"""Exponential family on finitely many states.

    .. math:: p(x; \xi) = \exp\big(\langle \xi, f(x)\rangle - A(\xi)\big), \qquad
              \partial p(x)/\partial\xi = p(x)\,\big(f(x) - \mathbb E_\xi f\big)

    Parameters
    ----------
    statistics : array (n, d)
        f(x) of each state.
    marginalisation : Marginalisation
        Of the n states.
    names : sequence of str
        Names of the parameters. Default: none.

    Raises
    ------
    ShapeError
        If the statistics do not have a row for each state, or the names do not fit them.

    Examples
    --------
    >>> import numpy as np
    >>> model = LogLinearModel(np.array([[1.0], [0.0]]), Marginalisation([0, 1]))
    >>> model.probabilities(np.array([np.log(3.0)]))
    array([0.75, 0.25])
    """

    statistics: Array
    marginalisation: Marginalisation
    names: Sequence[str] = ()
    parameters: int = field(init=False)

    def __post_init__(self) -> None:
        required_map(self.marginalisation)
        names = _checks.sequence(self.names, "names", "str")
        xp = array_namespace(statistics=self.statistics)
        statistics = _checks.points(self.statistics, "statistics", xp)
        if statistics.shape[0] != self.marginalisation.states:
            raise ShapeError(
                f"statistics must have a row for each of {self.marginalisation.states} states, "
                f"got {statistics.shape[0]}"
            )
        if names and len(names) != statistics.shape[1]:
            raise ShapeError(
                f"there must be one name for each of {statistics.shape[1]} parameters, "
                f"got {len(names)}"
            )
        object.__setattr__(self, "statistics", np.array(to_host(statistics)))
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "parameters", int(statistics.shape[1]))

    def random_parameters(self, size: int, rng: RandomSource) -> np.ndarray:
        """Draw standard normal parameters; arguments as for :class:`FiniteModel`."""
        number = _checks.positive_integer(size, "size")
        return _checks.generator(rng).normal(size=(number, self.parameters))

    def _probabilities(self, xp: Namespace, xi: Array) -> Array:
        return softmax(xp, xp.matmul(xi, xp.matrix_transpose(constant(self.statistics, xi))))

    def _with_jacobian(self, xp: Namespace, xi: Array) -> tuple[Array, Array]:
        p, statistics = self._probabilities(xp, xi), constant(self.statistics, xi)
        mean = xp.matmul(p, statistics)
        return p, p[..., :, None] * (statistics - mean[..., None, :])


def boltzmann_machine(
    visible: int, hidden: int, interactions: str | Collection[Sequence[int]] = "all"
) -> LogLinearModel:
    r"""Return a Boltzmann machine, :math:`p(s) \propto \exp \sum_A \xi_A \prod_{i \in A} s_i`.

    All units s_i are in {0, 1}.

    Parameters
    ----------
    visible : int ≥ 1
        Number of visible units.
    hidden : int ≥ 0
        Number of hidden units.
    interactions : {"all", "restricted"} or collection of sequences of int
        The sets A. ``"all"`` (default): every single unit (its bias) and every pair,
        ``"restricted"``: every unit and every pair of a visible with a hidden one. Otherwise
        numbers of units: 0, …, visible − 1 are visible, the following ones hidden.

    Returns
    -------
    LogLinearModel
        Its states are those of the units (hidden ones first, each in order), the last unit changing
        fastest. The *first* value of each unit is 1 and the second one 0, as everywhere in this
        package.

    Raises
    ------
    DomainError
        If a unit does not exist, or if a set is empty or occurs twice.

    Examples
    --------
    >>> machine = boltzmann_machine(2, 1)
    >>> machine.names
    ('v0', 'v1', 'h0', 'v0 v1', 'v0 h0', 'v1 h0')
    >>> machine.statistics[:2].tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]]
    >>> boltzmann_machine(2, 1, "restricted").names
    ('v0', 'v1', 'h0', 'v0 h0', 'v1 h0')
    """
    visible = _checks.positive_integer(visible, "visible")
    hidden = _checks.nonnegative_integer(hidden, "hidden")
    units = [f"v{i}" for i in range(visible)] + [f"h{i}" for i in range(hidden)]
    if isinstance(interactions, str):
        interactions = _interactions(visible, hidden, interactions)
    sets = [_units(members, len(units)) for members in _sequence(interactions)]
    if not sets or frozenset() in sets or len(set(sets)) < len(sets):
        raise DomainError("interactions must be different sets of at least one unit each")
    space = StateSpace((*units[visible:], *units[:visible]), [2] * len(units))
    on = 1.0 - space.values[:, [space.index(unit) for unit in units]]
    statistics = np.stack([np.prod(on[:, sorted(members)], axis=1) for members in sets], axis=1)
    names = [" ".join(units[i] for i in sorted(members)) for members in sets]
    return LogLinearModel(statistics, space.marginalisation(units[visible:]), names)


def _sequence(interactions: Any) -> tuple[Any, ...]:
    many = isinstance(interactions, set | frozenset)
    given = tuple(interactions) if many else interactions
    return _checks.sequence(given, "interactions", "sets of units")


def _units(members: Any, number: int) -> frozenset[int]:
    """Return a set of units that exist."""
    chosen = _sequence(members)
    for unit in chosen:
        if _checks.nonnegative_integer(unit, "a unit of interactions") >= number:
            raise DomainError(f"units must lie in 0, ..., {number - 1}, got {unit}")
    return frozenset(map(int, chosen))


def _interactions(visible: int, hidden: int, kind: str) -> list[tuple[int, ...]]:
    """Return the biases, and all pairs or those that join a visible with a hidden unit."""
    _checks.choice(kind, "interactions", INTERACTIONS)
    units = range(visible + hidden)
    pairs = combinations(units, 2) if kind == "all" else product(units[:visible], units[visible:])
    return [*((i,) for i in units), *pairs]
