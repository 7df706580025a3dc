"""Finite models with hidden states.

Geometry of the simplex (B1), natural gradients (B2), losses (B3), and where they agree (B4)-(B6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.oracles import precise as hp
from validation.oracles import simplex as oracle
from validation.oracles.precise import MP, Array, differences, precise
from validation.registry import EPS, Measured, case, compared, within

SUMS = "twenty roundings of sums of a few positive terms"
WHITENED = (
    "twenty eps times the condition of the whitened Jacobian, the norm of "
    "its pseudo-inverse and that of the gradient"
)


@dataclass(frozen=True, eq=False)
class Problem:
    """A model of the package with the oracle's distribution, a target and a recognition."""

    name: str
    model: Any
    joint: oracle.Joint
    xi: Array
    target: Array
    recognition: Array

    @property
    def cells(self) -> Array:
        """Visible cell of each state."""
        return list(self.model.marginalisation.cells)

    @property
    def exact(self) -> Array:
        """The parameters as eighty-digit numbers."""
        return precise(self.xi)

    def completed(self) -> Array:
        """The joint q of the fixed recognition."""
        return precise(self.target)[self.cells] * precise(self.recognition)

    def perfect(self) -> Array:
        """The joint q of the perfect recognition at the parameters."""
        return precise(self.target)[self.cells] * oracle.conditional(
            self.cells, self.joint(self.exact)
        )

    def evidence(self, xi: Array) -> Array:
        """KL(p*_V‖Πp(ξ))."""
        return oracle.divergence(precise(self.target), oracle.marginal(self.cells, self.joint(xi)))

    def bound(self, q: Array) -> Callable[[Array], Array]:
        """ξ ↦ KL(q‖p(ξ))."""
        return lambda xi: oracle.divergence(q, self.joint(xi))

    def allowed(self, w: Array, g: Array) -> float:
        """Error model of W⁺g, in float64."""
        values = np.linalg.svd(w, compute_uv=False)
        kept = values[values > 1e-10 * values[0]]
        return float(20 * EPS * (kept[0] / kept[-1]) / kept[-1] * np.linalg.norm(g))

    def whitened(self, q: Array) -> tuple[Array, Array]:
        """W and the whitened gradient of KL(q‖p(ξ)), in float64."""
        p = self.joint(self.exact)
        return (
            (differences(self.joint, self.exact) / hp.sqrt(p)).T.astype(float),
            ((p - q) / hp.sqrt(p)).astype(float),
        )


def problems() -> list[Problem]:
    """Networks, a Boltzmann machine, a mixture and a full simplex, all of full rank."""
    rng = np.random.default_rng(20250811)
    collider = {"A": (), "H": (), "B": ("A", "H")}
    machine = ir.simplex.boltzmann_machine(2, 1, "restricted")
    components = rng.dirichlet(np.ones(6), 3)
    halves = ir.simplex.Marginalisation.hiding((2, 3), [0])
    made: list[tuple[str, Any, oracle.Joint]] = [
        (
            "product",
            ir.simplex.independence_model(),
            oracle.network({"X": (), "Y": (), "Z": ()}, dict.fromkeys("XYZ", 2)),
        ),
        (
            "naive Bayes",
            ir.simplex.naive_bayes(),
            oracle.network({"X": (), "Y": ("X",), "Z": ("X",)}, dict.fromkeys("XYZ", 2)),
        ),
        (
            "ternary collider",
            ir.simplex.BayesianNetwork(collider, ["H"], {"A": 2, "H": 3, "B": 2}),
            oracle.network(collider, {"A": 2, "H": 3, "B": 2}),
        ),
        ("restricted Boltzmann machine", machine, oracle.log_linear(machine.statistics)),
        ("mixture", ir.simplex.MixtureModel(components, halves), oracle.mixture(components)),
        ("full simplex", ir.simplex.full_simplex(halves), oracle.mixture(np.eye(6))),
    ]
    result = []
    for name, model, joint in made:
        xi = model.random_parameters(1, rng)[0]
        marginal = model.marginalisation
        q = rng.dirichlet(np.full(marginal.states, 3.0))
        result.append(Problem(name, model, joint, xi, marginal.push(q), marginal.conditional(q)))
    return result


@case("B1", oracle="definitions at eighty digits, and differences of a loss along tangent vectors")
def geometry_of_the_simplex(arrays: Arrays) -> Iterator[Measured]:
    """Inner product, gradient, and geodesics with their length, for far and for near points."""
    rng = np.random.default_rng(1)
    p, other = rng.dirichlet(np.ones(5), 2)
    a, b = other - p, np.roll(other, 1) - p
    exact_p, exact_a, exact_b = (precise(x) for x in (p, a, b))
    terms = np.abs(a * b / p).sum()
    found = arrays.number(ir.simplex.fisher_metric(arrays(p), arrays(a), arrays(b)))
    yield compared(
        "inner product", found, np.sum(exact_a * exact_b / exact_p), 20 * EPS, SUMS, scale=terms
    )

    derivative = rng.normal(size=5)
    gradient = precise(arrays.host(ir.simplex.simplex_gradient(arrays(p), arrays(derivative))))
    slopes = np.array([np.sum(gradient * u / exact_p) for u in (exact_a, exact_b)])
    expected = np.array([np.sum(precise(derivative) * u) for u in (exact_a, exact_b)])
    # The tangent vectors sum to zero within rounding only, and the gradient leaves out what a
    # constant adds.
    expected = expected - np.array([np.sum(u) for u in (exact_a, exact_b)]) * np.sum(
        exact_p * precise(derivative)
    )
    yield compared(
        "gradient against the derivative",
        slopes,
        expected,
        40 * EPS,
        SUMS,
        scale=np.abs(derivative * a).sum(),
    )

    for name, q in (("far", other), ("near", p + 2.0**-30 * a)):
        exact_q = precise(q) / np.sum(precise(q))
        start = exact_p / np.sum(exact_p)
        length = 2 * MP.acos(np.sum(hp.sqrt(start * exact_q)))
        found = arrays.number(ir.simplex.fisher_rao_distance(arrays(p), arrays(q)))
        # Normalising moves either point by a rounding of its entries, and so the distance by as
        # much: little, unless they are near.
        yield compared(
            f"{name}: distance", found, length, 20 * EPS, SUMS, scale=float(length) + 1.0
        )
        for t in (0.25, 0.75):
            middle = arrays.host(ir.simplex.geodesic(arrays(p), arrays(q), t))
            parts = [
                2 * MP.acos(np.sum(hp.sqrt(end * precise(middle) / np.sum(precise(middle)))))
                for end in (start, exact_q)
            ]
            yield compared(
                f"{name}: parts of the geodesic at {t}",
                parts,
                [t * length, (1 - t) * length],
                40 * EPS,
                SUMS,
                scale=1.0,
            )
            mixed = arrays.host(ir.simplex.geodesic(arrays(p), arrays(q), t, "mixture"))
            yield compared(
                f"{name}: m-geodesic at {t}", mixed, (1 - t) * start + t * exact_q, 20 * EPS, SUMS
            )
            power = hp.exp((1 - t) * hp.log(start) + t * hp.log(exact_q))
            tilted = arrays.host(ir.simplex.geodesic(arrays(p), arrays(q), t, "exponential"))
            yield compared(
                f"{name}: e-geodesic at {t}",
                tilted,
                power / np.sum(power),
                40 * EPS,
                SUMS + ", and of logarithms",
            )


@case("B2", oracle="loops over states and differences at eighty digits")
def models_and_their_jacobians(arrays: Arrays) -> Iterator[Measured]:
    """p(ξ), J and the Fisher information, from scores by differences."""
    for problem in problems():
        xi = arrays(problem.xi)
        p, jacobian = problem.model.with_jacobian(xi)
        yield compared(
            f"{problem.name}: p", arrays.host(p), problem.joint(problem.exact), 40 * EPS, SUMS
        )
        yield compared(
            f"{problem.name}: J",
            arrays.host(jacobian),
            differences(problem.joint, problem.exact).T,
            40 * EPS,
            SUMS,
        )
        fisher = arrays.host(ir.simplex.fisher_information(problem.model, xi))
        # Where table entries are small, 1/p magnifies nothing: each term is a quotient of products.
        yield compared(
            f"{problem.name}: G",
            fisher,
            oracle.fisher(problem.joint, problem.exact),
            80 * EPS,
            SUMS,
        )


@case("B2", oracle="G⁻¹ times a difference of the loss, at eighty digits")
def natural_gradient_of_a_model(arrays: Arrays) -> Iterator[Measured]:
    """Any loss: here a linear one and Σ p²."""
    for problem in problems():
        p = problem.joint(problem.exact)
        weights = np.linspace(-1.0, 2.0, len(p))
        losses: list[tuple[str, Callable[[Array], Array], Array]] = [
            ("linear", partial(np.dot, precise(weights)), weights),
            ("Σp²", lambda x: np.sum(x * x), 2 * p.astype(float)),
        ]
        for name, loss, derivative in losses:
            exact = oracle.natural_gradient(problem.joint, loss, problem.exact)
            found = ir.simplex.natural_gradient(
                problem.model, arrays(problem.xi), arrays(derivative)
            )
            w, _ = problem.whitened(p)
            centred = derivative - np.sum(p.astype(float) * derivative)
            allowed = problem.allowed(w, np.sqrt(p.astype(float)) * centred) + 4 * EPS * float(
                np.max(np.abs(exact))
            )
            yield within(
                f"{problem.name}: {name}", arrays.host(found.coordinates), exact, allowed, WHITENED
            )
            pushed = oracle.pushforward(problem.joint, problem.exact, exact)
            yield within(
                f"{problem.name}: {name}, pushed",
                arrays.host(found.tangent),
                pushed,
                4 * allowed,
                WHITENED,
            )


@case("B3", oracle="definitions and their differences at eighty digits")
def losses_and_their_gradients(arrays: Arrays) -> Iterator[Measured]:
    """Values and plain gradients.

    Evidence, fixed recognition, perfect recognition held or substituted.
    """
    for problem in problems():
        model, xi, target, recognition = (
            problem.model,
            arrays(problem.xi),
            arrays(problem.target),
            arrays(problem.recognition),
        )
        simplex = ir.simplex
        fixed, held = problem.completed(), problem.perfect()
        pieces = [
            (
                "evidence",
                simplex.evidence_loss(model, xi, target),
                simplex.evidence_gradient(model, xi, target),
                problem.evidence,
            ),
            (
                "fixed",
                simplex.elbo_loss(model, xi, target, recognition),
                simplex.elbo_gradient(model, xi, target, recognition),
                problem.bound(fixed),
            ),
            (
                "held",
                simplex.elbo_loss(model, xi, target, "held"),
                simplex.elbo_gradient(model, xi, target, "held"),
                problem.bound(held),
            ),
            (
                "substituted",
                simplex.elbo_loss(model, xi, target, "substituted"),
                simplex.elbo_gradient(model, xi, target, "substituted"),
                problem.evidence,
            ),
        ]
        for name, value, solution, loss in pieces:
            yield compared(
                f"{problem.name}: {name}",
                arrays.number(value),
                loss(problem.exact),
                40 * EPS,
                SUMS,
                scale=1.0,
            )
            gradient = differences(loss, problem.exact)
            size = float(np.max(np.abs(gradient.astype(float)))) + float(
                np.linalg.norm(problem.whitened(fixed)[0], 2)
            )
            yield compared(
                f"{problem.name}: {name}, gradient",
                arrays.host(solution.gradient),
                gradient,
                40 * EPS,
                SUMS,
                scale=size,
            )


@case("B4", oracle="p_V − p*_V at eighty digits")
def gap_is_vertical_on_the_full_simplex(arrays: Arrays) -> Iterator[Measured]:
    """Up to 2×4 and 3×5 states, at random points.

    The visible parts of both natural gradients are p_V − p*_V.
    """
    rng = np.random.default_rng(4)
    for hidden, visible in ((2, 2), (2, 4), (3, 5)):
        marginal = ir.simplex.Marginalisation.hiding((hidden, visible), [0])
        model = ir.simplex.full_simplex(marginal)
        p, q = rng.dirichlet(np.ones(marginal.states), (2, 40))
        target, recognition = marginal.push(q), marginal.conditional(q)
        bound = ir.simplex.elbo_gradient(
            model, arrays(p[:, :-1]), arrays(target), arrays(recognition)
        )
        evidence = ir.simplex.evidence_gradient(model, arrays(p[:, :-1]), arrays(target))
        states = precise(p)
        states[:, -1] = 1 - states[:, :-1].sum(axis=1)
        exact = np.array([oracle.marginal(marginal.cells, row) for row in states]) - precise(target)
        # The projector on the tangent space is as uncertain as its singular vectors: eps times the
        # condition, which grows like 1/√min p.
        allowed = np.minimum(8 * EPS * arrays.host(bound.condition), 1e-12)[:, None]
        reason = "eight eps times the condition of the whitened chart, at most 1e-12"
        yield within(
            f"{hidden}×{visible}: ELBO", arrays.host(bound.visible), exact, allowed, reason
        )
        yield within(
            f"{hidden}×{visible}: evidence", arrays.host(evidence.visible), exact, allowed, reason
        )
        gap = ir.simplex.gap_gradient(model, arrays(p[:, :-1]), arrays(target), arrays(recognition))
        yield within(
            f"{hidden}×{visible}: gap", arrays.host(gap.visible), 0 * exact, 2 * allowed, reason
        )
        literal = [
            aim[list(marginal.cells)] * (oracle.conditional(marginal.cells, row) - q)
            for row, aim, q in zip(states, precise(target), precise(recognition), strict=True)
        ]
        yield within(
            f"{hidden}×{visible}: gap on all states",
            arrays.host(gap.tangent),
            np.array(literal),
            2 * allowed,
            reason,
        )


@case("B5", oracle="spectrum of the product of both projectors at eighty digits")
def principal_angles_of_models(arrays: Arrays) -> Iterator[Measured]:
    """Cosines of the principal angles and the defect, for cylindrical models and others."""
    for problem in problems():
        found = ir.simplex.principal_angles(problem.model, arrays(problem.xi))
        squares = oracle.commutator_spectrum(problem.joint, problem.cells, problem.exact)
        squares = [min(max(value, MP.mpf(0)), MP.mpf(1)) for value in squares]
        number = min(len(squares), problem.model.parameters)
        allowed = 40 * EPS * float(np.max(arrays.host(found.condition)))
        reason = "forty eps times the condition of the whitened Jacobian"
        cosines = [MP.sqrt(value) for value in squares[:number]]
        yield within(
            f"{problem.name}: cosines",
            arrays.host(found.cosines)[:number],
            cosines,
            allowed,
            reason,
        )
        defect = max(MP.sqrt(value * (1 - value)) for value in squares)
        yield within(f"{problem.name}: defect", arrays.host(found.defect), defect, allowed, reason)


@case("B5", oracle="sums over fibres at eighty digits")
def horizontal_and_vertical_parts(arrays: Arrays) -> Iterator[Measured]:
    """A tangent vector is a vertical part plus the lift of its image under Π."""
    rng = np.random.default_rng(5)
    marginal = ir.simplex.Marginalisation([0, 1, 1, 0, 2, 1])
    p, q = rng.dirichlet(np.ones(6), 2)
    u = q - p
    exact = (
        oracle.conditional(marginal.cells, precise(p))
        * oracle.marginal(marginal.cells, precise(u))[list(marginal.cells)]
    )
    horizontal, vertical = (
        marginal.horizontal(arrays(p), arrays(u)),
        marginal.vertical(arrays(p), arrays(u)),
    )
    yield compared("horizontal", arrays.host(horizontal), exact, 20 * EPS, SUMS, scale=1.0)
    yield compared("vertical", arrays.host(vertical), precise(u) - exact, 20 * EPS, SUMS, scale=1.0)


@case("B6", oracle="natural gradients in closed form at eighty digits")
def cosines_of_naive_bayes(arrays: Arrays) -> Iterator[Measured]:
    """Directions of the three natural gradients on X → Y, X → Z; the visible one is p_V − p*_V."""
    problem = problems()[1]
    rng = np.random.default_rng(6)
    points = problem.model.random_parameters(6, rng)
    found = ir.simplex.direction_cosines(
        problem.model, arrays(points), arrays(problem.target), arrays(problem.recognition)
    )
    for name, actual, (first, second) in (
        ("ELBO", found.elbo, (0, 2)),
        ("perfect", found.perfect, (1, 2)),
        ("gap", found.gap, (0, 1)),
    ):
        expected = []
        for xi in precise(points):
            at = Problem("", problem.model, problem.joint, xi, problem.target, problem.recognition)
            visible = oracle.marginal(problem.cells, problem.joint(xi))
            directions = [
                oracle.marginal(
                    problem.cells,
                    oracle.pushforward(problem.joint, xi, oracle.naive_bayes_gradient(xi, q)),
                )
                for q in (at.completed(), at.perfect())
            ]
            directions.append(visible - precise(problem.target))
            expected.append(oracle.cosine(visible, directions[first], directions[second]))
        yield compared(
            name,
            arrays.host(actual),
            expected,
            100 * EPS,
            "ten roundings, times conditions below ten",
            scale=1.0,
        )


@case("B6", oracle="the Euler recursions at eighty digits, in closed form")
def euler_flows(arrays: Arrays) -> Iterator[Measured]:
    """Twenty steps of the product model and of naive Bayes.

    Visible parameters follow (1 − dt)^k, N/P recursions and shortest steps.
    """
    steps, dt = 20, 0.05
    product, network = problems()[:2]
    options: dict[str, Any] = {"steps": steps, "step_size": dt, "keep_every": steps}
    reason = "a rounding or two at each of twenty steps, times conditions below ten"

    best = precise([0.3, 0.6, 0.2])
    q = product.joint(best)
    marginal = product.model.marginalisation
    target = marginal.push(arrays(q.astype(float)))
    flow = ir.simplex.run_evidence_flow(product.model, arrays(product.xi), target, **options)
    decay = (1 - precise(dt)) ** steps
    end = np.concatenate([product.exact[:1], best[1:] + decay * (product.exact - best)[1:]])
    yield compared("product, evidence", arrays.host(flow.parameters)[-1], end, 200 * EPS, reason)

    target, recognition = arrays(network.target), arrays(network.recognition)
    for name, recognise in (
        ("fixed", recognition),
        ("held", "held"),
        ("substituted", "substituted"),
    ):
        flow = ir.simplex.run_elbo_flow(
            network.model, arrays(network.xi), target, recognise, **options
        )
        xi = network.exact
        for _ in range(steps):
            at = Problem("", network.model, network.joint, xi, network.target, network.recognition)
            xi = xi - precise(dt) * oracle.naive_bayes_gradient(
                xi, at.completed() if name == "fixed" else at.perfect()
            )
        yield compared(
            f"naive Bayes, {name}", arrays.host(flow.parameters)[-1], xi, 200 * EPS, reason
        )
    flow = ir.simplex.run_evidence_flow(network.model, arrays(network.xi), target, **options)
    xi = network.exact
    for _ in range(steps):
        xi = xi - precise(dt) * oracle.shortest_visible_gradient(
            network.joint, network.cells, precise(network.target), xi
        )
    yield compared(
        "naive Bayes, evidence",
        arrays.host(flow.parameters)[-1],
        xi,
        1000 * EPS,
        reason + "; the visible metric is conditioned worse",
    )
