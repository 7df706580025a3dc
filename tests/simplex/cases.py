"""Models of every kind: which are cylindrical (B5), and formulas for their probabilities."""

from types import SimpleNamespace

import numpy as np

from ingd_ref import simplex
from validation.oracles import simplex as oracle

PAIRS = [(0,), (1,), (2,), (3,), (0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
TWO_BY_TWO = simplex.Marginalisation.hiding((2, 2), [0])


def mixture_components(kind):
    """Four joints of two hidden and three visible values: generic, one p(h|v), or one p_V."""
    rng = np.random.default_rng(17)
    p = rng.dirichlet(np.full(6, 2.0), 4).reshape(4, 2, 3)
    conditional, visible = p / p.sum(axis=1, keepdims=True), p.sum(axis=1, keepdims=True)
    joints = {
        "generic": p,
        "conditional": conditional[:1] * visible,
        "marginal": conditional * visible[:1],
    }
    return joints[kind].reshape(4, 6)


def component_is_hidden():
    """The hidden value names the component, each with a fixed distribution of the visible one."""
    rows = np.random.default_rng(18).dirichlet(np.ones(3), 2)
    return np.stack(
        [np.concatenate([rows[0], np.zeros(3)]), np.concatenate([np.zeros(3), rows[1]])]
    )


def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


def factored(shared):
    """p(v; a) p(h|v; b) with two parameters each, where p(h|v) may also depend on a."""

    def function(xi):
        a, b = xi[..., :2], xi[..., 2:]
        weights = np.concatenate([np.exp(a), np.ones_like(a[..., :1])], axis=-1)
        visible = weights / weights.sum(axis=-1, keepdims=True)
        features = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, -0.5]])
        first = logistic(
            b @ features + (a[..., :1] * np.array([1.0, -1.0, 0.3]) if shared else 0.0)
        )
        return np.concatenate([visible * first, visible * (1.0 - first)], axis=-1)

    return simplex.UserModel(
        function,
        4,
        simplex.Marginalisation.hiding((2, 3), [0]),
        sampler=lambda size, rng: rng.normal(size=(size, 4)),
    )


def network(edges, hidden):
    nodes = "XYZ"
    return simplex.BayesianNetwork(
        {node: [a for a, b in edges if b == node] for node in nodes}, list(hidden)
    )


CYLINDRICAL = {
    "product": simplex.independence_model(),
    "full simplex 2×4": simplex.full_simplex(simplex.Marginalisation.hiding((2, 4), [0])),
    "full simplex 3×5": simplex.full_simplex(simplex.Marginalisation.hiding((3, 5), [0])),
    "independence, two hidden": simplex.independence_model(tuple("WXYZ"), ("X", "Z")),
    "independence of three values": simplex.independence_model(hidden=("Y",), cardinalities=3),
    "common cause, effect hidden": network(["XY", "XZ"], "Y"),
    "chain, end hidden": network(["XY", "YZ"], "Z"),
    "chain, start hidden": network(["XY", "YZ"], "X"),
    "collider hidden": network(["XY", "ZY"], "Y"),
    "Boltzmann 2+1, all pairs": simplex.boltzmann_machine(2, 1),
    "Boltzmann 3+1, pairs and the visible triple": simplex.boltzmann_machine(
        3, 1, [*PAIRS, (0, 1, 2)]
    ),
    "mixture of common p(h|v)": simplex.MixtureModel(
        mixture_components("conditional"), simplex.Marginalisation.hiding((2, 3), [0])
    ),
    "mixture of common p(v)": simplex.MixtureModel(
        mixture_components("marginal"), simplex.Marginalisation.hiding((2, 3), [0])
    ),
    "separate parameters": factored(shared=False),
}
OTHERS = {
    "naive Bayes": simplex.naive_bayes(),
    "naive Bayes of three values": simplex.naive_bayes(cardinalities=3),
    "chain, middle hidden": network(["XY", "YZ"], "Y"),
    "collider, parent hidden": network(["XY", "ZY"], "X"),
    "restricted Boltzmann 2+1": simplex.boltzmann_machine(2, 1, "restricted"),
    "restricted Boltzmann 3+1": simplex.boltzmann_machine(3, 1, "restricted"),
    "Boltzmann 3+1, pairs": simplex.boltzmann_machine(3, 1),
    "generic mixture": simplex.MixtureModel(
        mixture_components("generic"), simplex.Marginalisation.hiding((2, 3), [0])
    ),
    "weights of hidden components": simplex.MixtureModel(
        component_is_hidden(), simplex.Marginalisation.hiding((2, 3), [0])
    ),
    "shared parameters": factored(shared=True),
}
MODELS = {**CYLINDRICAL, **OTHERS}


def exact_joint(model):
    """The joint of a model as the oracle computes it; None for a function of a user's."""
    if isinstance(model, simplex.BayesianNetwork):
        return oracle.network(
            model.parents, dict(zip(model.space.names, model.space.cardinalities, strict=True))
        )
    if isinstance(model, simplex.LogLinearModel):
        return oracle.log_linear(model.statistics)
    return oracle.mixture(model.components) if isinstance(model, simplex.MixtureModel) else None


def problem(model, seed, size=None):
    """Parameters, a visible target and a recognition at random."""
    rng = np.random.default_rng(seed)
    xi = model.random_parameters(1 if size is None else size, rng)
    q = rng.dirichlet(np.full(model.states, 2.0))
    marginal = model.marginalisation
    return SimpleNamespace(
        xi=xi[0] if size is None else xi,
        q=q,
        target=marginal.push(q),
        recognition=marginal.conditional(q),
        marginal=marginal,
    )
