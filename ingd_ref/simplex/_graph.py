"""Directed acyclic graphs: order, Markov equivalence, and the rule that reads from a graph whether a network is cylindrical.

A graph is a mapping from each node to the set of its parents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from ingd_ref.errors import DomainError

__all__ = ["Graph", "equivalents", "ordered"]

Graph = Mapping[str, frozenset[str]]


def ordered(graph: Graph) -> tuple[str, ...] | None:
    """Nodes in an order in which parents come first; ``None`` for a graph with a cycle."""
    order: list[str] = []
    waiting = list(graph)
    while waiting:
        free = next((node for node in waiting if graph[node] <= set(order)), None)
        if free is None:
            return None
        order.append(free)
        waiting.remove(free)
    return tuple(order)


def edges(graph: Graph) -> list[tuple[str, str]]:
    """Edges (parent, child)."""
    return [(parent, child) for child in graph for parent in graph if parent in graph[child]]


def colliders(graph: Graph) -> frozenset[tuple[frozenset[str], str]]:
    """Pairs of parents that are no neighbours, with their common child: the v-structures."""
    return frozenset(
        (frozenset(pair), child)
        for child in graph
        for pair in combinations(sorted(graph[child]), 2)
        if pair[0] not in graph[pair[1]] and pair[1] not in graph[pair[0]]
    )


def equivalents(graph: Graph) -> Iterator[dict[str, frozenset[str]]]:
    """Yield every acyclic graph with the same skeleton and the same v-structures, which are those with the same Markov properties.

    Each undirected edge is given either direction, and an assignment is dropped as soon as it
    closes a cycle.
    """
    wanted, skeleton = colliders(graph), edges(graph)

    def directed(arrows: list[tuple[str, str]]) -> dict[str, frozenset[str]]:
        return {
            node: frozenset(parent for parent, child in arrows if child == node) for node in graph
        }

    def extended(arrows: list[tuple[str, str]]) -> Iterator[dict[str, frozenset[str]]]:
        candidate = directed(arrows)
        if ordered(candidate) is None:
            return
        if len(arrows) < len(skeleton):
            parent, child = skeleton[len(arrows)]
            yield from extended([*arrows, (parent, child)])
            yield from extended([*arrows, (child, parent)])
        elif colliders(candidate) == wanted:
            yield candidate

    yield from extended([])


def require_acyclic(graph: Graph) -> tuple[str, ...]:
    """Return the order of :func:`ordered`; raise :class:`DomainError` naming the nodes of a cycle."""
    order = ordered(graph)
    if order is None:
        raise DomainError(
            f"the graph must have no directed cycle, but it has {' → '.join(_cycle(graph))}"
        )
    return order


def _cycle(graph: Graph) -> Sequence[str]:
    """Nodes of one directed cycle, the first repeated at the end."""
    # Nodes without parents lie on no cycle; when none are left, each node has a parent, and going
    # back along parents must return.
    left = dict(graph)
    while True:
        roots = {node for node, parents in left.items() if not parents}
        if not roots:
            break
        left = {node: parents - roots for node, parents in left.items() if node not in roots}
    walk = [next(iter(left))]
    while walk.count(walk[-1]) < 2:
        walk.append(min(left[walk[-1]]))
    return walk[walk.index(walk[-1]) :][::-1]
