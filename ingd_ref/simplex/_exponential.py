"""Exponential families on finitely many states: Boltzmann machines and their like (B2)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, to_backend, to_host
from ingd_ref.backend._operations import softmax
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.simplex._marginalisation import Marginalisation
from ingd_ref.simplex._model import FiniteModel
from ingd_ref.simplex._states import StateSpace

__all__ = ["LogLinearModel", "boltzmann_machine", "restricted_boltzmann_machine"]


@dataclass(frozen=True, eq=False)
class LogLinearModel(FiniteModel):
    r"""Exponential family on finitely many states, a model of (B2).

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
    ShapeError, NonFiniteError, BackendError
        For statistics that do not fit the states.

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
        xp = array_namespace(statistics=self.statistics)
        statistics = _checks.points(self.statistics, "statistics", xp)
        if statistics.shape[0] != self.marginalisation.states:
            raise ShapeError(
                f"statistics must have a row for each of {self.marginalisation.states} states, got {statistics.shape[0]}"
            )
        if self.names and len(self.names) != statistics.shape[1]:
            raise ShapeError(
                f"there must be one name for each of {statistics.shape[1]} parameters, got {len(self.names)}"
            )
        object.__setattr__(self, "statistics", np.array(to_host(statistics)))
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "parameters", int(statistics.shape[1]))

    def random_parameters(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw standard normal parameters.

        Parameters
        ----------
        size : int
            How many points.
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        numpy.ndarray (size, d)
            On the host.
        """
        return rng.normal(size=(_checks.positive_integer(size, "size"), self.parameters))

    def _probabilities(self, xp: Namespace, xi: Array) -> Array:
        return softmax(xp, xp.matmul(xi, xp.matrix_transpose(to_backend(self.statistics, xi))))

    def _with_jacobian(self, xp: Namespace, xi: Array) -> tuple[Array, Array]:
        p, statistics = self._probabilities(xp, xi), to_backend(self.statistics, xi)
        mean = xp.matmul(p, statistics)
        return p, p[..., :, None] * (statistics - mean[..., None, :])


def boltzmann_machine(
    visible: int, hidden: int, interactions: Collection[Sequence[int]] | None = None
) -> LogLinearModel:
    r"""Boltzmann machine with few units: :math:`p(s) \propto \exp \sum_A \xi_A \prod_{i \in A} s_i` with all units s_i in {0, 1}.

    Parameters
    ----------
    visible : int ≥ 1
        Number of visible units.
    hidden : int ≥ 0
        Number of hidden units.
    interactions : collection of sequences of int, optional
        The sets A, by the numbers of their units: 0, …, visible − 1 are visible, the following ones
        hidden. Default: every unit by itself (its bias) and every pair.

    Returns
    -------
    LogLinearModel
        Its states are those of the units (hidden ones first, each in order), the last unit changing
        fastest. The *first* value of each unit is 1 and the second one 0, as everywhere in this
        package.

    Raises
    ------
    DomainError
        For a unit that does not exist, or a set without units or that occurs twice.

    Examples
    --------
    >>> machine = boltzmann_machine(2, 1)
    >>> machine.names
    ('v0', 'v1', 'h0', 'v0 v1', 'v0 h0', 'v1 h0')
    >>> machine.statistics[:2].tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]]
    """
    visible = _checks.positive_integer(visible, "visible")
    hidden = _checks.positive_integer(hidden, "hidden") if hidden else 0
    units = [f"v{i}" for i in range(visible)] + [f"h{i}" for i in range(hidden)]
    if interactions is None:
        interactions = [(i,) for i in range(len(units))] + list(combinations(range(len(units)), 2))
    sets = [frozenset(members) for members in interactions]
    unknown = next((i for members in sets for i in members if i not in range(len(units))), None)
    if unknown is not None:
        raise DomainError(f"units must lie in 0, ..., {len(units) - 1}, got {unknown}")
    if not sets or frozenset() in sets or len(set(sets)) < len(sets):
        raise DomainError("interactions must be different sets of at least one unit each")
    space = StateSpace((*units[visible:], *units[:visible]), [2] * len(units))
    on = 1.0 - space.values[:, [space.index(unit) for unit in units]]
    statistics = np.stack([np.prod(on[:, sorted(members)], axis=1) for members in sets], axis=1)
    names = [" ".join(units[i] for i in sorted(members)) for members in sets]
    return LogLinearModel(statistics, space.marginalisation(units[visible:]), names)


def restricted_boltzmann_machine(visible: int, hidden: int) -> LogLinearModel:
    """Boltzmann machine whose pairs join a visible with a hidden unit.

    Parameters
    ----------
    visible : int ≥ 1
        Number of visible units.
    hidden : int ≥ 1
        Number of hidden units.

    Returns
    -------
    LogLinearModel
        As for :func:`boltzmann_machine`.

    Raises
    ------
    DomainError
        For numbers below one.

    Examples
    --------
    >>> restricted_boltzmann_machine(2, 1).names
    ('v0', 'v1', 'h0', 'v0 h0', 'v1 h0')
    """
    visible, hidden = (
        _checks.positive_integer(visible, "visible"),
        _checks.positive_integer(hidden, "hidden"),
    )
    biases = [(i,) for i in range(visible + hidden)]
    return boltzmann_machine(
        visible,
        hidden,
        [*biases, *((v, visible + h) for v in range(visible) for h in range(hidden))],
    )
