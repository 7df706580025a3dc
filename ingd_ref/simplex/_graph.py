"""Directed acyclic graphs and their Markov equivalence; a graph maps each node to its parents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import combinations

from ingd_ref.errors import DomainError

__all__ = ["Graph", "equivalents", "require_acyclic"]

Graph = Mapping[str, frozenset[str]]


def require_acyclic(graph: Graph) -> None:
    """Raise DomainError, naming the nodes of a cycle, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = " → ".join(error.args[1])
        raise DomainError(f"the graph must have no directed cycle, but it has {cycle}") from None


def equivalents(graph: Graph) -> Iterator[dict[str, frozenset[str]]]:
    """Yield every acyclic graph with the same skeleton and the same v-structures.

    These are the graphs with the same Markov properties. Each undirected edge is given either
    direction, and a branch ends as soon as it closes a cycle.
    """
    wanted, skeleton = _v_structures(graph), _edges(graph)

    def extended(arrows: list[tuple[str, str]]) -> Iterator[dict[str, frozenset[str]]]:
        candidate = {
            node: frozenset(parent for parent, child in arrows if child == node) for node in graph
        }
        if not _is_acyclic(candidate):
            return
        if len(arrows) < len(skeleton):
            parent, child = skeleton[len(arrows)]
            yield from extended([*arrows, (parent, child)])
            yield from extended([*arrows, (child, parent)])
        elif _v_structures(candidate) == wanted:
            yield candidate

    yield from extended([])


def _is_acyclic(graph: Graph) -> bool:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return False
    return True


def _edges(graph: Graph) -> list[tuple[str, str]]:
    """Edges (parent, child)."""
    return [(parent, child) for child in graph for parent in graph if parent in graph[child]]


def _v_structures(graph: Graph) -> frozenset[tuple[frozenset[str], str]]:
    """Pairs of parents without an edge between them, each with their common child."""
    return frozenset(
        (frozenset(pair), child)
        for child in graph
        for pair in combinations(sorted(graph[child]), 2)
        if pair[0] not in graph[pair[1]] and pair[1] not in graph[pair[0]]
    )
