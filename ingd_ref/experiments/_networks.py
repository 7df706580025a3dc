"""All small binary Bayesian networks: cylindrical or not, by the graph and by principal angles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import numpy as np

from ingd_ref.simplex import BayesianNetwork, cylindrical_defect

__all__ = ["classify_networks", "equivalence_classes", "hidden_sets"]


def equivalence_classes(nodes: int) -> Iterator[BayesianNetwork]:
    """Yield one binary network of each Markov-equivalence class of acyclic graphs.

    Parameters
    ----------
    nodes : int
        Number of nodes: 3 give 11 classes, 4 give 185.

    Returns
    -------
    iterator of BayesianNetwork

    Examples
    --------
    >>> sum(1 for _ in equivalence_classes(3))
    11
    """
    names = tuple(chr(ord("A") + place) for place in range(nodes))
    pairs = list(itertools.combinations(names, 2))
    seen = set()
    # Each pair has no edge, or one in either direction.
    for directions in itertools.product((None, 0, 1), repeat=len(pairs)):
        parents: dict[str, list[str]] = {name: [] for name in names}
        for pair, direction in zip(pairs, directions, strict=True):
            if direction is not None:
                parents[pair[1 - direction]].append(pair[direction])
        if _has_a_cycle(parents) or _key(parents) in seen:
            continue
        network = BayesianNetwork(parents)
        seen |= {_key(other.parents) for other in network.markov_equivalent()}
        yield network


def hidden_sets(nodes: int) -> list[tuple[str, ...]]:
    """List the sets of hidden nodes, neither none nor all: 6 sets for 3 nodes, 14 for 4."""
    names = tuple(chr(ord("A") + place) for place in range(nodes))
    return [hidden for size in range(1, nodes) for hidden in itertools.combinations(names, size)]


def classify_networks(nodes: int, points: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Decide by the graph and by principal angles which networks are cylindrical (B5).

    Parameters
    ----------
    nodes : int
        Number of binary nodes.
    points : int
        Number of random parameters at which to measure the angles of a network.
    rng : numpy.random.Generator
        Source of these points.

    Returns
    -------
    dict of str to array (cases,)
        ``edges`` and ``hidden`` (counts), ``by_graph`` (bool), ``defect`` (largest over points).

    Examples
    --------
    >>> import numpy as np
    >>> found = classify_networks(2, 3, np.random.default_rng(0))
    >>> found["by_graph"].tolist(), bool(np.all(found["defect"] < 1e-12))
    ([True, True, True, True], True)
    """
    rows = []
    for network in equivalence_classes(nodes):
        xi = network.random_parameters(points, rng)
        edges = sum(map(len, network.parents.values()))
        for hidden in hidden_sets(nodes):
            chosen = network.with_hidden(hidden)
            defect = float(np.max(cylindrical_defect(chosen, xi)))
            rows.append((edges, len(hidden), chosen.is_cylindrical_by_graph(), defect))
    names = ("edges", "hidden", "by_graph", "defect")
    return dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True))


def _key(parents: Mapping[str, Sequence[str]]) -> frozenset[tuple[str, tuple[str, ...]]]:
    return frozenset((name, tuple(sorted(above))) for name, above in parents.items())


def _has_a_cycle(parents: Mapping[str, Sequence[str]]) -> bool:
    try:
        TopologicalSorter(parents).prepare()
    except CycleError:
        return True
    return False
