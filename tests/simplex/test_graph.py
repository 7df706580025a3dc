"""Markov equivalence of networks, and the rule that finds cylindrical graphs (B5)."""

import itertools

import numpy as np
import pytest

from ingd_ref import simplex


def graphs(names):
    """Every directed acyclic graph on these nodes, as node to parents, by permutations."""
    found = {}
    for order in itertools.permutations(names):
        earlier = [(a, b) for i, b in enumerate(order) for a in order[:i]]
        for chosen in itertools.product([False, True], repeat=len(earlier)):
            edges = frozenset(edge for edge, kept in zip(earlier, chosen, strict=True) if kept)
            found[edges] = {node: tuple(a for a in names if (a, node) in edges) for node in names}
    return list(found.values())


def by_covered_edges(parents):
    """The equivalence class by reversing covered edges, which reaches all of it (Chickering, 1995).

    An edge a → b is covered if its ends have the same other parents.
    """

    def key(graph):
        return frozenset((a, b) for b, above in graph.items() for a in above)

    start = {node: frozenset(above) for node, above in parents.items()}
    found, waiting = {key(start): start}, [start]
    while waiting:
        graph = waiting.pop()
        for a, b in key(graph):
            if graph[b] - {a} == graph[a]:
                turned = {**graph, b: graph[b] - {a}, a: graph[a] | {b}}
                if key(turned) not in found:
                    found[key(turned)] = turned
                    waiting.append(turned)
    return set(found)


def classes(names):
    """One network for each class."""
    seen, result = set(), []
    for parents in graphs(names):
        edges = frozenset((a, b) for b, above in parents.items() for a in above)
        if edges not in seen:
            seen |= by_covered_edges(parents)
            result.append(simplex.BayesianNetwork(parents))
    return result


def proper_subsets(names):
    return [
        hidden for size in range(1, len(names)) for hidden in itertools.combinations(names, size)
    ]


def test_number_of_graphs_and_classes():
    """25 acyclic graphs on three nodes in 11 classes, 543 on four."""
    assert (len(graphs("ABC")), len(classes("ABC")), len(graphs("ABCD"))) == (25, 11, 543)


@pytest.mark.parametrize("parents", graphs("ABC")[::3] + graphs("ABCD")[::25])
def test_equivalence_class_by_turning_covered_edges(parents):
    network = simplex.BayesianNetwork(parents)
    found = [
        frozenset((a, b) for b, above in other.parents.items() for a in above)
        for other in network.markov_equivalent()
    ]
    assert len(found) == len(set(found))
    assert set(found) == by_covered_edges(network.parents)


@pytest.mark.parametrize("network", classes("ABC"), ids=lambda network: str(dict(network.parents)))
def test_equivalent_networks_describe_the_same_distributions(network):
    """Any member's tables can be read off the joint of another member, and give it back."""
    xi = network.random_parameters(1, np.random.default_rng(1))[0]
    p = network.probabilities(xi).reshape(2, 2, 2)
    for other in network.markov_equivalent():
        entries = []
        for name, above in other.parents.items():
            for given in itertools.product((0, 1), repeat=len(above)):
                index = [slice(None)] * 3
                for parent, value in zip(above, given, strict=True):
                    index["ABC".index(parent)] = slice(value, value + 1)
                row = p[tuple(index)]
                first = np.take(row, [0], axis="ABC".index(name)).sum() / row.sum()
                entries.append(first)
        # A dozen roundings of tables with entries above 0.05.
        np.testing.assert_allclose(other.probabilities(np.array(entries)), p.ravel(), rtol=1e-13)


@pytest.mark.parametrize("hidden", proper_subsets("ABC"), ids="".join)
def test_rule_agrees_with_the_angles_on_three_nodes(hidden):
    """66 networks."""
    for network in classes("ABC"):
        chosen = network.with_hidden(hidden)
        assert chosen.is_cylindrical_by_graph() == simplex.is_cylindrical(
            chosen, rng=np.random.default_rng(2)
        ), chosen


@pytest.mark.long
def test_rule_agrees_with_the_angles_on_four_nodes():
    """2,590 networks: 185 classes with 14 hidden sets, of which 1,448 are cylindrical."""
    counted = {True: 0, False: 0}
    largest, smallest = 0.0, 1.0
    for network in classes("ABCD"):
        xi = network.random_parameters(3, np.random.default_rng(3))
        for hidden in proper_subsets("ABCD"):
            chosen = network.with_hidden(hidden)
            rule = chosen.is_cylindrical_by_graph()
            defect = simplex.cylindrical_defect(chosen, xi).max()
            counted[rule] += 1
            largest, smallest = (
                (max(largest, defect), smallest) if rule else (largest, min(smallest, defect))
            )
    print(f"largest defect of a cylindrical network {largest:.1e}, smallest other {smallest:.1e}")
    assert counted == {True: 1448, False: 1142}
    # Rounding times the condition of fifteen table entries on one side; far from it on the other.
    assert largest <= 1e-12
    assert smallest >= 1e-3


def test_rule_needs_the_equivalence_class():
    """X → Y with X hidden is cylindrical, since Y → X describes the same distributions."""
    assert simplex.BayesianNetwork({"X": (), "Y": ("X",)}, hidden=["X"]).is_cylindrical_by_graph()
    assert not simplex.naive_bayes().is_cylindrical_by_graph()
    assert simplex.naive_bayes().with_hidden(["Y"]).is_cylindrical_by_graph()


def test_names_may_be_in_any_order():
    network = simplex.BayesianNetwork({"Z": ("X",), "Y": ("X",), "X": ()}, hidden=["X"])
    assert not network.is_cylindrical_by_graph()
    assert not simplex.is_cylindrical(network, rng=np.random.default_rng(0))
