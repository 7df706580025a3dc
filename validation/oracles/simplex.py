"""Finite models with hidden states at eighty digits.

Loops over states, derivatives by differences, linear algebra by elimination.

A model is a function from parameters to the probabilities of its states; ``cells`` names the
visible cell of each state.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from validation.oracles import precise as hp
from validation.oracles.precise import MP, Array, differences, precise, solve

__all__ = [
    "Joint",
    "commutator_spectrum",
    "conditional",
    "cosine",
    "divergence",
    "fisher",
    "log_linear",
    "marginal",
    "mixture",
    "naive_bayes_gradient",
    "natural_gradient",
    "network",
    "pushforward",
    "shortest_visible_gradient",
]

Joint = Callable[[Array], Array]


def network(parents: Mapping[str, Sequence[str]], values: Mapping[str, int]) -> Joint:
    """Joint of a Bayesian network.

    Parameters are the table rows without their last entry, variable by variable.
    """

    def joint(xi: Array) -> Array:
        entries = iter(xi)
        tables = {}
        for name, above in parents.items():
            for given in itertools.product(*(range(values[parent]) for parent in above)):
                row = [next(entries) for _ in range(values[name] - 1)]
                tables[name, given] = [*row, 1 - sum(row)]
        states = itertools.product(*(range(values[name]) for name in parents))
        return np.array(
            [_product(tables, parents, dict(zip(parents, state, strict=True))) for state in states]
        )

    return joint


def _product(
    tables: Mapping[tuple[str, tuple[int, ...]], list[Array]],
    parents: Mapping[str, Sequence[str]],
    state: dict[str, int],
) -> Array:
    result = MP.mpf(1)
    for name, above in parents.items():
        result *= tables[name, tuple(state[parent] for parent in above)][state[name]]
    return result


def log_linear(statistics: Array) -> Joint:
    """Exponential family with the statistics (n, d) of each state."""

    def joint(xi: Array) -> Array:
        powers = hp.exp(precise(statistics) @ xi)
        return powers / np.sum(powers)

    return joint


def mixture(components: Array) -> Joint:
    """Mixture of the rows; parameters are all weights but the last."""
    return lambda xi: np.append(xi, 1 - np.sum(xi)) @ precise(components)


def marginal(cells: Sequence[int], p: Array) -> Array:
    """Sums over the states of each visible cell."""
    return np.array(
        [
            sum(x for x, cell in zip(p, cells, strict=True) if cell == v)
            for v in range(max(cells) + 1)
        ]
    )


def conditional(cells: Sequence[int], p: Array) -> Array:
    """p(h|v) of each state."""
    return p / marginal(cells, p)[list(cells)]


def divergence(q: Array, p: Array) -> Array:
    """KL(q‖p) as it is defined."""
    return np.sum(q * hp.log(q / p))


def cosine(p: Array, a: Array, b: Array) -> Array:
    """Cosine of the angle between two tangent vectors at p."""
    return np.sum(a * b / p) / hp.sqrt(np.sum(a * a / p) * np.sum(b * b / p))


def fisher(joint: Joint, xi: Array) -> Array:
    """E[score scoreᵀ] with the scores ∂ log p by differences."""
    scores = differences(lambda x: hp.log(joint(x)), xi)
    return (scores * joint(xi)) @ scores.T


def natural_gradient(joint: Joint, loss: Callable[[Array], Array], xi: Array) -> Array:
    """G⁻¹ ∂L for a loss of the probabilities."""
    return solve(fisher(joint, xi), differences(lambda x: loss(joint(x)), xi))


def pushforward(joint: Joint, xi: Array, velocity: Array) -> Array:
    """d/dt p(ξ + t velocity)."""
    return velocity @ differences(joint, xi)


def shortest_visible_gradient(
    joint: Joint, cells: Sequence[int], target: Array, xi: Array
) -> Array:
    """Shortest parameter velocity that moves the visible probabilities by p_V − p*_V."""
    slopes = differences(lambda x: marginal(cells, joint(x)), xi).T[:-1]
    excess = (marginal(cells, joint(xi)) - target)[:-1]
    shortest: Array = slopes.T @ solve(slopes @ slopes.T, excess)
    return shortest


def commutator_spectrum(joint: Joint, cells: Sequence[int], xi: Array) -> list[Array]:
    """Squared cosines of the principal angles between tangent and horizontal space.

    The spectrum of Kᵀ W (WᵀW)⁻¹ Wᵀ K, descending.
    """
    p = joint(xi)
    whitened = (differences(joint, xi) / hp.sqrt(p)).T
    roots = hp.sqrt(conditional(cells, p))
    fibres = np.array(
        [
            [root if cell == v else MP.mpf(0) for v in range(max(cells) + 1)]
            for root, cell in zip(roots, cells, strict=True)
        ]
    )
    crossed = whitened.T @ fibres
    gram = whitened.T @ whitened
    inverse = np.array([solve(gram, column) for column in crossed.T]).T
    values = MP.eigsy(MP.matrix((crossed.T @ inverse).tolist()), eigvals_only=True)
    return sorted(values, reverse=True)


def naive_bayes_gradient(xi: Array, completed: Array) -> Array:
    """Natural gradient for X → Y, X → Z in closed form.

    (x, y_h, z_h) minus the completed frequencies, times N_h/P(h) for the latter.

    ``completed`` is the distribution q(x, y, z) that the loss compares with; states of X come
    first, Z changes fastest.
    """
    counts = completed.reshape(2, 2, 2)
    weight = np.array([xi[0], 1 - xi[0]])
    number = counts.sum(axis=(1, 2))
    y = (number * xi[1:3] - counts[:, 0, :].sum(axis=1)) / weight
    z = (number * xi[3:5] - counts[:, :, 0].sum(axis=1)) / weight
    return np.concatenate([[xi[0] - number[0]], y, z])
