"""Bayesian networks over finite variables, with the entries of their tables as parameters (B2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, to_backend
from ingd_ref.errors import DomainError
from ingd_ref.simplex._graph import equivalents, require_acyclic
from ingd_ref.simplex._marginalisation import Marginalisation
from ingd_ref.simplex._model import FiniteModel
from ingd_ref.simplex._states import StateSpace, place_of

__all__ = ["BayesianNetwork", "independence_model", "naive_bayes"]

# Random tables keep this share of the uniform one, so that no entry comes close to zero.
UNIFORM_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class BayesianNetwork(FiniteModel):
    r"""Bayesian network with full tables on a directed acyclic graph, a model of (B2).

    .. math:: p(x; \xi) = \prod_k p(x_k \mid x_{\mathrm{pa}(k)}; \xi)

    The parameters ξ are the entries of the tables, all but the last of each row: for each variable
    in the order of ``parents``, for each joint value of its parents (the last parent changing
    fastest), the probabilities of its values 0, 1, …, but not of its last one, which gets what is
    left. For binary variables the parameter is the probability of the *first* value.

    Parameters
    ----------
    parents : mapping of str to sequence of str
        Parents of each variable. Its order is that of the variables in a joint state: the last one
        changes fastest (see :class:`StateSpace`).
    hidden : sequence of str
        Variables that are not seen. Default: none.
    cardinalities : int or mapping of str to int
        Number of values of all variables, or of each. Default: 2.

    Attributes
    ----------
    space : StateSpace
        The joint states and their order.
    marginalisation : Marginalisation
        Map of the joint states onto those of the visible variables.
    parameters : int
        Number d of free table entries.

    Raises
    ------
    DomainError
        For a directed cycle, an unknown variable, a parent named twice, or a number of values below
        one.

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
        names = tuple(self.parents)
        for node, above in self.parents.items():
            if isinstance(above, str):
                raise DomainError(
                    f"parents of {node!r} must be a sequence of names, got the string {above!r}"
                )
            for parent in above:
                place_of(parent, names)
            if len(set(above)) < len(above):
                raise DomainError(f"a parent of {node!r} is named twice: {', '.join(above)}")
        for node in (
            *self.hidden,
            *(self.cardinalities if isinstance(self.cardinalities, Mapping) else ()),
        ):
            place_of(node, names)
        object.__setattr__(
            self, "parents", {node: tuple(above) for node, above in self.parents.items()}
        )
        object.__setattr__(self, "hidden", tuple(self.hidden))
        object.__setattr__(
            self, "space", StateSpace(names, [self._number_of_values(name) for name in names])
        )
        object.__setattr__(self, "marginalisation", self.space.marginalisation(self.hidden))
        object.__setattr__(self, "parameters", len(self._entries))
        require_acyclic(self._graph)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """For each parameter the event whose probability it is."""

        def named(entry: _Entry) -> str:
            above = self.parents[entry.variable]
            given = ",".join(
                f"{parent}={value}" for parent, value in zip(above, entry.given, strict=True)
            )
            return f"{entry.variable}={entry.value}" + (f"|{given}" if above else "")

        return tuple(map(named, self._entries))

    def with_hidden(self, hidden: Sequence[str]) -> BayesianNetwork:
        """Hide other variables.

        Parameters
        ----------
        hidden : sequence of str
            Their names.

        Returns
        -------
        BayesianNetwork

        Raises
        ------
        DomainError
            For an unknown variable.
        """
        return replace(self, hidden=tuple(hidden))

    def markov_equivalent(self) -> Iterator[BayesianNetwork]:
        """Yield every network that describes the same set of distributions, this one included.

        They are the acyclic graphs with the same skeleton and the same v-structures (two parents
        without an edge between them that share a child). All of them are enumerated; their number
        grows fast with that of the edges.

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
        """Whether the graph makes the model cylindrical (B5): some Markov-equivalent graph has no edge from a hidden to a visible variable.

        In such a graph the visible variables have a network of their own, and the tables of the
        hidden ones given the visible ones have parameters of their own: p(v; a) p(h|v; b). The rule
        knows nothing of numbers; :func:`is_cylindrical` decides by them. That it also holds in the
        other direction was found by enumerating all binary networks with three and four nodes, and
        is not proved here.

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

    def random_parameters(self, size: int, rng: np.random.Generator) -> np.ndarray:
        """Draw tables at random: each row uniform on its simplex, mixed with one part in ten of the uniform distribution.

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

        Examples
        --------
        >>> BayesianNetwork({"X": ()}).random_parameters(2, np.random.default_rng(0)).shape
        (2, 1)
        """
        size = _checks.positive_integer(size, "size")
        columns = [np.empty((size, 0))]
        for name, number in zip(self.space.names, self.space.cardinalities, strict=True):
            for _ in range(math.prod(self._shape_of_parents(name))):
                row = (1.0 - UNIFORM_SHARE) * rng.dirichlet(
                    np.ones(number), size
                ) + UNIFORM_SHARE / number
                columns.append(row[:, :-1])
        return np.concatenate(columns, axis=1)

    def _probabilities(self, xp: Namespace, xi: Array) -> Array:
        return xp.prod(self._factors(xp, xi), axis=-2)

    def _with_jacobian(self, xp: Namespace, xi: Array) -> tuple[Array, Array]:
        """Each parameter enters one factor, with slope −1, 0 or 1: ∂p/∂ξ_j is that slope times the product of the other factors."""
        factors = self._factors(xp, xi)
        owner, slopes = self._slopes
        others = xp.take(_other_products(xp, factors), to_backend(owner, xi), axis=-2)
        return xp.prod(factors, axis=-2), xp.matrix_transpose(others) * to_backend(slopes, xi)

    def _factors(self, xp: Namespace, xi: Array) -> Array:
        """p(x_k | parents) for each variable k and state x, (..., variables, n); linear in ξ."""
        slopes, offsets = self._linear
        flat = xp.matmul(xi, to_backend(slopes, xi)) + to_backend(offsets, xi)
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
            slopes[j, k] = in_row * (
                (space.values[:, k] == entry.value).astype(float) - is_last[:, k]
            )
        return slopes.reshape(len(self._entries), -1), is_last.T.astype(float).ravel()

    @cached_property
    def _slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """For each parameter the variable that it belongs to (d,), and its slope in each state (n, d)."""
        owner = np.array(
            [self.space.index(entry.variable) for entry in self._entries], dtype=np.int64
        )
        slopes = self._linear[0].reshape(len(self._entries), len(self.parents), -1)
        return owner, slopes[np.arange(len(owner)), owner].T.copy()


@dataclass(frozen=True)
class _Entry:
    """A parameter: the probability that a variable has a value, given the values of its parents."""

    variable: str
    given: tuple[int, ...]
    value: int


def _other_products(xp: Namespace, factors: Array) -> Array:
    """For each k the product of all factors but the k-th, without a division: what comes before times what comes after."""
    number = factors.shape[-2]
    before, after = [xp.ones_like(factors[..., 0, :])], [xp.ones_like(factors[..., 0, :])]
    for k in range(number - 1):
        before.append(before[-1] * factors[..., k, :])
        after.append(after[-1] * factors[..., number - 1 - k, :])
    return xp.stack([b * a for b, a in zip(before, reversed(after), strict=True)], axis=-2)


def independence_model(
    names: Sequence[str] = ("X", "Y", "Z"), hidden: Sequence[str] = ("X",), cardinalities: int = 2
) -> BayesianNetwork:
    """Independent variables, the product model: with the default names the cylindrical model of [A25].

    Parameters
    ----------
    names : sequence of str
        Variables. Default: X, Y and Z.
    hidden : sequence of str
        Those that are not seen. Default: X.
    cardinalities : int
        Number of values of each. Default: 2.

    Returns
    -------
    BayesianNetwork
        Without edges.

    Raises
    ------
    DomainError
        For an unknown variable or a wrong number of values.

    Examples
    --------
    >>> independence_model().parameter_names
    ('X=0', 'Y=0', 'Z=0')
    """
    return BayesianNetwork(dict.fromkeys(names, ()), hidden, cardinalities)


def naive_bayes(
    cause: str = "X", effects: Sequence[str] = ("Y", "Z"), cardinalities: int = 2
) -> BayesianNetwork:
    """A hidden cause with visible effects: by default X → Y, X → Z, the model of [A25] that is not cylindrical.

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
        For a name that occurs twice or a wrong number of values.

    Examples
    --------
    >>> naive_bayes().parameter_names
    ('X=0', 'Y=0|X=0', 'Y=0|X=1', 'Z=0|X=0', 'Z=0|X=1')
    """
    if cause in effects or len(set(effects)) < len(effects):
        raise DomainError(f"names of variables must differ, got {', '.join((cause, *effects))}")
    return BayesianNetwork({cause: (), **dict.fromkeys(effects, (cause,))}, (cause,), cardinalities)
