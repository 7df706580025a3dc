"""Every Bayesian network with a given number of binary nodes and every choice of hidden ones: the graphical rule beside the angles."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ingd_ref.simplex import BayesianNetwork, cylindrical_defect

__all__ = ["classify_networks", "equivalence_classes", "hidden_sets"]


def equivalence_classes(nodes: int) -> Iterator[BayesianNetwork]:
    """Yield one network of binary variables for each Markov-equivalence class of acyclic graphs.

    Parameters
    ----------
    nodes : int
        Number of nodes: 11 classes for three of them, 185 for four.

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
    """Every set of hidden nodes that hides something and leaves something to see: 6 for three nodes, 14 for four."""
    names = tuple(chr(ord("A") + place) for place in range(nodes))
    return [
        chosen for number in range(1, nodes) for chosen in itertools.combinations(names, number)
    ]


def classify_networks(nodes: int, points: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Decide by the graph and by principal angles which networks are cylindrical (B5).

    Parameters
    ----------
    nodes : int
        Number of binary nodes.
    points : int
        Random points at which the angles are taken, the same for all hidden sets of a network.
    rng : numpy.random.Generator
        Draws the points.

    Returns
    -------
    dict of str to array (cases,)
        ``edges``, ``hidden`` (how many), ``by_graph`` (bool), ``defect`` (the largest over the
        points).

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
            rows.append(
                (
                    edges,
                    len(hidden),
                    chosen.is_cylindrical_by_graph(),
                    float(np.max(cylindrical_defect(chosen, xi))),
                )
            )
    return {
        name: np.array(column)
        for name, column in zip(
            ("edges", "hidden", "by_graph", "defect"), zip(*rows, strict=True), strict=True
        )
    }


def _key(parents: Mapping[str, Sequence[str]]) -> frozenset[tuple[str, tuple[str, ...]]]:
    return frozenset((name, tuple(sorted(above))) for name, above in parents.items())


def _has_a_cycle(parents: Mapping[str, Sequence[str]]) -> bool:
    """Whether taking away nodes without parents, again and again, gets stuck."""
    left = {name: set(above) for name, above in parents.items()}
    while left:
        free = {name for name, above in left.items() if not above & left.keys()}
        if not free:
            return True
        left = {name: above for name, above in left.items() if name not in free}
    return False
