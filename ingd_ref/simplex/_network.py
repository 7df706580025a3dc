"""Bayesian networks over finite variables, with the entries of their tables as parameters (B2)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.errors import DomainError
from ingd_ref.simplex._arguments import constant
from ingd_ref.simplex._graph import equivalents, require_acyclic
from ingd_ref.simplex._marginalisation import Marginalisation
from ingd_ref.simplex._model import FiniteModel
from ingd_ref.simplex._states import StateSpace, place_of

__all__ = ["BayesianNetwork", "independence_model", "naive_bayes"]

# Random tables keep this share of the uniform one, so that no entry comes close to zero.
UNIFORM_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class BayesianNetwork(FiniteModel):
    r"""Bayesian network with full tables on a directed acyclic graph.

    .. math:: p(x; \xi) = \prod_k p(x_k \mid x_{\mathrm{pa}(k)}; \xi)

    The parameters ξ are the entries of the tables, all but the last of each row: for each variable
    in the order of ``parents``, for each joint value of its parents (the last parent changing
    fastest), the probabilities of its values 0, 1, … except the last, which gets the rest. For
    binary variables the parameter is the probability of the *first* value.

    Parameters
    ----------
    parents : mapping of str to sequence of str
        Parents of each variable. Its order is that of the variables in a joint state: the last one
        changes fastest, so that with the hidden variables named first ``p.reshape(-1, m)`` has a
        row for each hidden and a column for each visible state.
    hidden : sequence of str
        The hidden variables. Default: none.
    cardinalities : int or mapping of str to int
        Number of values of all variables, or of each. Default: 2.

    Attributes
    ----------
    space : StateSpace
        ``space.values`` (n, variables) holds the values of all variables in each joint state.
    marginalisation : Marginalisation
        Map of the joint states onto those of the visible variables.
    parameters : int
        Number d of free table entries.

    Raises
    ------
    DomainError
        If the graph has a directed cycle, a variable is unknown, a parent is named twice, or a
        number of values is below one.

    Notes
    -----
    p is a polynomial of degree one in each parameter, defined for every ξ; it is a probability
    while all table entries are.

    Examples
    --------
    The model of [A25] that is not cylindrical, X → Y and X → Z with X hidden:

    >>> import numpy as np
    >>> network = BayesianNetwork({"X": (), "Y": ("X",), "Z": ("X",)}, hidden=["X"])
    >>> network.parameter_names
    ('X=0', 'Y=0|X=0', 'Y=0|X=1', 'Z=0|X=0', 'Z=0|X=1')
    >>> network.probabilities(np.array([0.5, 0.5, 0.5, 0.0, 1.0]))
    array([0.  , 0.25, 0.  , 0.25, 0.25, 0.  , 0.25, 0.  ])
    >>> network.is_cylindrical_by_graph()
    False
    """

    parents: Mapping[str, Sequence[str]]
    hidden: Sequence[str] = ()
    cardinalities: int | Mapping[str, int] = 2
    space: StateSpace = field(init=False, repr=False)
    marginalisation: Marginalisation = field(init=False, repr=False)
    parameters: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._require_names()
        names = tuple(self.parents)
        space = StateSpace(names, [self._number_of_values(name) for name in names])
        parents = {node: tuple(above) for node, above in self.parents.items()}
        fields = {"parents": parents, "hidden": tuple(self.hidden), "space": space}
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "marginalisation", space.marginalisation(self.hidden))
        object.__setattr__(self, "parameters", len(self._entries))
        require_acyclic(self._graph)

    def _require_names(self) -> None:
        """Raise DomainError unless parents, hidden variables and cardinalities name variables."""
        _checks.instance(self.parents, "parents", Mapping, "a mapping from names to names")
        hidden = _checks.sequence(self.hidden, "hidden", "names")
        for node, above in self.parents.items():
            above = _checks.sequence(above, f"parents of {node!r}", "names")
            if len(set(above)) < len(above):
                raise DomainError(f"a parent of {node!r} is named twice: {', '.join(above)}")
        numbered = self.cardinalities if isinstance(self.cardinalities, Mapping) else ()
        for name in (*itertools.chain(*self.parents.values()), *hidden, *numbered):
            place_of(name, tuple(self.parents))

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The event whose probability each parameter is, such as ``Y=0|X=1``."""

        def named(entry: _Entry) -> str:
            above = self.parents[entry.variable]
            given = ",".join(
                f"{parent}={value}" for parent, value in zip(above, entry.given, strict=True)
            )
            return f"{entry.variable}={entry.value}" + (f"|{given}" if above else "")

        return tuple(map(named, self._entries))

    def with_hidden(self, hidden: Sequence[str]) -> BayesianNetwork:
        """Return the network with other hidden variables, by name."""
        return replace(self, hidden=_checks.sequence(hidden, "hidden", "names"))

    def markov_equivalent(self) -> Iterator[BayesianNetwork]:
        """Yield every network that describes the same set of distributions, itself included.

        They are the acyclic graphs with the same skeleton and the same v-structures (two parents
        without an edge between them that share a child). Their number grows fast with that of the
        edges.

        Returns
        -------
        iterator of BayesianNetwork

        Examples
        --------
        >>> chain = BayesianNetwork({"X": (), "Y": ("X",), "Z": ("Y",)})
        >>> [network.parents for network in chain.markov_equivalent()][1]
        {'X': ('Y',), 'Y': (), 'Z': ('Y',)}
        """
        names = tuple(self.parents)
        for graph in equivalents(self._graph):
            yield replace(
                self, parents={node: tuple(sorted(graph[node], key=names.index)) for node in names}
            )

    def is_cylindrical_by_graph(self) -> bool:
        """Whether the graph makes the model cylindrical, equation (B5).

        It does if some Markov-equivalent graph has no edge from a hidden to a visible variable.
        Then the visible variables have a network of their own, and the hidden ones given the
        visible ones have separate parameters: p(v; a) p(h|v; b). The converse holds for all binary
        networks with three and four nodes, by enumeration, and is not proved.
        :func:`is_cylindrical` decides by numbers instead.

        Returns
        -------
        bool
        """
        hidden = set(self.hidden)
        return any(
            all(
                node in hidden or hidden.isdisjoint(above)
                for node, above in network.parents.items()
            )
            for network in self.markov_equivalent()
        )

    def random_parameters(self, size: int, rng: RandomSource) -> np.ndarray:
        """Draw table rows uniformly on their simplex, mixed with a tenth of the uniform one.

        Arguments are those of :class:`FiniteModel`.

        Examples
        --------
        >>> BayesianNetwork({"X": ()}).random_parameters(2, np.random.default_rng(0)).shape
        (2, 1)
        """
        size, rng = _checks.positive_integer(size, "size"), _checks.generator(rng)
        columns = [np.empty((size, 0))]
        for name, number in zip(self.space.names, self.space.cardinalities, strict=True):
            for _ in range(math.prod(self._shape_of_parents(name))):
                drawn = rng.dirichlet(np.ones(number), size)[:, :-1]
                columns.append((1.0 - UNIFORM_SHARE) * drawn + UNIFORM_SHARE / number)
        return np.concatenate(columns, axis=1)

    def _probabilities(self, xp: Namespace, xi: Array) -> Array:
        return xp.prod(self._factors(xp, xi), axis=-2)

    def _with_jacobian(self, xp: Namespace, xi: Array) -> tuple[Array, Array]:
        # Each parameter enters one factor, with slope −1, 0 or 1: ∂p/∂ξ_j is that slope times the
        # product of the other factors.
        factors = self._factors(xp, xi)
        owner, slopes = self._slopes
        others = xp.take(_other_products(xp, factors), constant(owner, xi), axis=-2)
        return xp.prod(factors, axis=-2), xp.matrix_transpose(others) * constant(slopes, xi)

    def _factors(self, xp: Namespace, xi: Array) -> Array:
        """p(x_k | parents) for each variable k and state x, (..., variables, n); linear in ξ."""
        slopes, offsets = self._linear
        flat = xp.matmul(xi, constant(slopes, xi)) + constant(offsets, xi)
        return xp.reshape(flat, (*xi.shape[:-1], len(self.parents), self.states))

    @property
    def _graph(self) -> dict[str, frozenset[str]]:
        return {node: frozenset(above) for node, above in self.parents.items()}

    def _number_of_values(self, name: str) -> int:
        if not isinstance(self.cardinalities, Mapping):
            return self.cardinalities
        if name not in self.cardinalities:
            raise DomainError(f"cardinalities lack the number of values of {name!r}")
        return self.cardinalities[name]

    def _shape_of_parents(self, name: str) -> tuple[int, ...]:
        return tuple(
            self.space.cardinalities[self.space.index(parent)] for parent in self.parents[name]
        )

    @cached_property
    def _entries(self) -> tuple[_Entry, ...]:
        """The parameters, in their order."""
        return tuple(
            _Entry(name, given, value)
            for name, number in zip(self.space.names, self.space.cardinalities, strict=True)
            for given in np.ndindex(*self._shape_of_parents(name))
            for value in range(number - 1)
        )

    @cached_property
    def _linear(self) -> tuple[np.ndarray, np.ndarray]:
        """Slopes (d, variables · n) and offsets (variables · n) of the factors in ξ."""
        space = self.space
        last = np.asarray(space.cardinalities) - 1
        is_last = space.values == last
        slopes = np.zeros((len(self._entries), len(space.names), space.size))
        for j, entry in enumerate(self._entries):
            k = space.index(entry.variable)
            above = [space.index(parent) for parent in self.parents[entry.variable]]
            in_row = np.all(space.values[:, above] == np.asarray(entry.given, dtype=int), axis=1)
            has_value = (space.values[:, k] == entry.value).astype(float)
            slopes[j, k] = in_row * (has_value - is_last[:, k])
        return slopes.reshape(len(self._entries), -1), is_last.T.astype(float).ravel()

    @cached_property
    def _slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """The variable of each parameter (d,), and its slope in each state (n, d)."""
        owner = np.array([self.space.index(entry.variable) for entry in self._entries], np.int64)
        slopes = self._linear[0].reshape(len(self._entries), len(self.parents), -1)
        return owner, slopes[np.arange(len(owner)), owner].T.copy()


@dataclass(frozen=True)
class _Entry:
    """A parameter: the probability that a variable has a value, given the values of its parents."""

    variable: str
    given: tuple[int, ...]
    value: int


def _other_products(xp: Namespace, factors: Array) -> Array:
    """Return the products of all factors but the k-th, for each k, without a division."""
    number = factors.shape[-2]
    before, after = [xp.ones_like(factors[..., 0, :])], [xp.ones_like(factors[..., 0, :])]
    for k in range(number - 1):
        before.append(before[-1] * factors[..., k, :])
        after.append(after[-1] * factors[..., number - 1 - k, :])
    return xp.stack([b * a for b, a in zip(before, reversed(after), strict=True)], axis=-2)


def _names(given: Any, name: str) -> tuple[str, ...]:
    """Return a sequence of words."""
    words = _checks.sequence(given, name, "names")
    return tuple(str(_checks.instance(word, name, str, "made of names")) for word in words)


def independence_model(
    names: Sequence[str] = ("X", "Y", "Z"), hidden: Sequence[str] = ("X",), cardinalities: int = 2
) -> BayesianNetwork:
    """Return the product model of independent variables, by default the cylindrical one of [A25].

    Parameters
    ----------
    names : sequence of str
        Variables. Default: X, Y and Z.
    hidden : sequence of str
        The hidden ones. Default: X.
    cardinalities : int
        Number of values of each. Default: 2.

    Returns
    -------
    BayesianNetwork
        Without edges.

    Examples
    --------
    >>> independence_model().parameter_names
    ('X=0', 'Y=0', 'Z=0')
    """
    return BayesianNetwork(dict.fromkeys(_names(names, "names"), ()), hidden, cardinalities)


def naive_bayes(
    cause: str = "X", effects: Sequence[str] = ("Y", "Z"), cardinalities: int = 2
) -> BayesianNetwork:
    """Return a hidden cause with visible effects, by default X → Y and X → Z.

    This is the model of [A25] that is not cylindrical.

    Parameters
    ----------
    cause : str
        The hidden variable. Default: X.
    effects : sequence of str
        The visible ones. Default: Y and Z.
    cardinalities : int
        Number of values of each. Default: 2.

    Returns
    -------
    BayesianNetwork

    Raises
    ------
    DomainError
        If a name occurs twice.

    Examples
    --------
    >>> naive_bayes().parameter_names
    ('X=0', 'Y=0|X=0', 'Y=0|X=1', 'Z=0|X=0', 'Z=0|X=1')
    """
    (cause,), effects = _names([cause], "cause"), _names(effects, "effects")
    if cause in effects or len(set(effects)) < len(effects):
        raise DomainError(f"names of variables must differ, got {', '.join((cause, *effects))}")
    return BayesianNetwork({cause: (), **dict.fromkeys(effects, (cause,))}, (cause,), cardinalities)
