"""Gradient flows of the evidence and of its lower bound on the two models of [A25]."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, to_host
from ingd_ref.errors import DomainError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    check_fields,
    check_methods,
    on_backend,
    option,
)
from ingd_ref.plotting._finite import plot_divergences, plot_probabilities, plot_visible_simplex

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ingd_ref.simplex import BayesianNetwork

__all__ = ["ElboFlow"]

METHODS = ("elbo", "perfect", "evidence")
PRODUCT, NAIVE_BAYES = 0, 1
# Names of the models, by the trial of their piece.
MODELS = ("product", "naive-bayes")
INTEGRATORS = ("euler", "heun", "rk4", "adaptive")


@dataclass(frozen=True)
class ElboFlow(Experiment[dict[str, np.ndarray]]):
    """Natural gradient flows of the evidence, and of the ELBO with fixed and perfect recognition.

    On the product model, which is cylindrical, all three move the visible distribution alike; on
    the network X → Y, X → Z they do not. A target and eight starts of the network are drawn as in
    [A25], by NumPy's legacy generator; seed 13 gives the published ones.
    """

    seed: int = option(13, "seed of target and starts of the network; 13 gives the published ones")
    methods: tuple[str, ...] = option(METHODS, f"flows to compare, from {', '.join(METHODS)}")
    steps: int = option(499, "number of steps")
    step_size: float = option(0.01, "flow time of a step")
    integrator: str = option("euler", f"integrator: {', '.join(INTEGRATORS)}")
    start: tuple[float, ...] = option(
        (0.02, 0.95, 0.02), "P(X=0), P(Y=0), P(Z=0) of the product model at the start"
    )
    target: tuple[float, ...] = option(
        (0.95, 0.1, 0.9), "P(X=0), P(Y=0), P(Z=0) of the product model at the target"
    )
    shown: int = option(2, "start (1 to 8) that figures of single flows show")

    name = "elbo-flow"
    summary = "flows of evidence and ELBO on two small models"
    small: ClassVar = {"steps": 60}
    parallel = False

    def check(self) -> None:
        check_methods(self.methods, METHODS)
        check_fields(self, ("steps", "shown"), ("step_size",))
        _checks.choice(self.integrator, "integrator", INTEGRATORS)
        if self.shown > 8:
            raise DomainError(f"shown must be one of the starts 1 to 8, got {self.shown}")
        for label in ("start", "target"):
            values = getattr(self, label)
            if len(values) != 3 or not all(0 < value < 1 for value in values):
                raise DomainError(f"{label} must be three numbers between 0 and 1, got {values}")

    def pieces(self) -> list[Piece]:
        return [Piece(method, model) for method in self.methods for model in (PRODUCT, NAIVE_BAYES)]

    def run(self, piece: Piece, progress: Any = False) -> dict[str, np.ndarray]:
        from ingd_ref.simplex import run_elbo_flow, run_evidence_flow

        model, best, start = self._problem(piece.trial)
        joint = model.probabilities(on_backend(best, self.backend))
        visible, begin = model.marginalisation.push(joint), on_backend(start, self.backend)
        options: dict[str, Any] = {
            "steps": self.steps,
            "step_size": self.step_size,
            "integrator": self.integrator,
            "progress": progress,
        }
        began = time.perf_counter()
        if piece.method == "evidence":
            flow = run_evidence_flow(model, begin, visible, **options)
        else:
            recognition: Array | str = (
                model.marginalisation.conditional(joint) if piece.method == "elbo" else "held"
            )
            flow = run_elbo_flow(model, begin, visible, recognition, **options)
        if flow.status != "finished":  # the last state is not that after all steps
            advice = "take shorter steps or another integrator"
            raise DomainError(f"the flow leaves the model at {flow.reason}; {advice}")
        probabilities = to_host(flow.probabilities)
        return {
            "parameters": to_host(flow.parameters),
            "probabilities": probabilities,
            "visible": to_host(model.marginalisation.push(flow.probabilities)),
            "divergence": to_host(flow.evidence),
            "times": flow.times,
            "target": to_host(visible),
            "seconds": np.array(time.perf_counter() - began),
        }

    def report(self, results: Mapping[Piece, dict[str, np.ndarray]]) -> Report:
        methods = {}
        for method in self.methods:
            product, network = (results[Piece(method, model)] for model in (PRODUCT, NAIVE_BAYES))
            outside = np.any((network["parameters"] < 0) | (network["parameters"] > 1), axis=-1)
            methods[method] = {
                "product_divergence": product["divergence"][:, 0].tolist(),
                "network_divergence": network["divergence"].T.tolist(),
                "final": network["divergence"][-1].tolist(),
                "states_outside_the_box": np.sum(outside, axis=0).tolist(),
                "smallest_visible_probability": float(np.min(network["visible"])),
                "seconds": [float(result["seconds"]) for result in (product, network)],
            }
        findings = {
            "times": results[Piece(self.methods[0], PRODUCT)]["times"].tolist(),
            "spread": {name: self._spread(results, model) for model, name in enumerate(MODELS)},
        }
        arrays = {
            f"{MODELS[piece.trial].replace('-', '_')}_{piece.method}_{name}": value
            for piece, result in results.items()
            for name, value in result.items()
            if name != "seconds"
        }
        lines = self._lines(methods, findings["spread"])
        return Report(methods, findings, arrays, self._figures(results), lines)

    def _problem(self, number: int) -> tuple[BayesianNetwork, np.ndarray, np.ndarray]:
        """Return the model, parameters of the target, and starts (k, d)."""
        from ingd_ref.simplex import independence_model, naive_bayes

        if number == PRODUCT:
            return independence_model(), np.array(self.target), np.array([self.start])
        drawn = np.random.RandomState(self.seed)
        best = np.round(drawn.random_sample(5), 2)
        return naive_bayes(), best, drawn.random_sample(40).reshape(8, 5)

    def _spread(self, results: Mapping[Piece, dict[str, np.ndarray]], model: int) -> float:
        """Largest difference between the flows in a visible probability at equal times."""
        paths = np.stack([results[Piece(method, model)]["visible"] for method in self.methods])
        return float(np.max(np.ptp(paths, axis=0)))

    def _figures(self, results: Mapping[Piece, dict[str, np.ndarray]]) -> dict[str, Figure]:
        first = results[Piece(self.methods[0], PRODUCT)]
        own = {
            name: {method: results[Piece(method, model)] for method in self.methods}
            for model, name in enumerate(MODELS)
        }
        divergences = {
            name: {method: flow["divergence"] for method, flow in flows.items()}
            for name, flows in own.items()
        }
        shown = dict(zip(MODELS, (0, self.shown - 1), strict=True))
        paths = {
            name: {method: flow["visible"][:, shown[name]] for method, flow in flows.items()}
            for name, flows in own.items()
        }
        targets = {name: flows[self.methods[0]]["target"] for name, flows in own.items()}
        return {
            "divergence": plot_divergences(first["times"], divergences),
            "probabilities": plot_probabilities(first["times"], paths, targets),
            "simplex": plot_visible_simplex(paths, targets),
        }

    def _lines(
        self, methods: Mapping[str, Mapping[str, Any]], spread: Mapping[str, float]
    ) -> list[str]:
        lines = [f"KL(p*_V‖p_V) after {self.steps} steps of {self.step_size:g}"]
        for name, entry in methods.items():
            product = f"{entry['product_divergence'][-1]:.2e}"
            network = ", ".join(f"{value:.2e}" for value in entry["final"])
            lines.append(f"  {name:<9s} product {product}; network, eight starts: {network}")
        if "evidence" in methods:
            outside = sum(count > 0 for count in methods["evidence"]["states_outside_the_box"])
            least = methods["evidence"]["smallest_visible_probability"]
            lines.append(f"parameters of {outside} of 8 evidence flows leave the unit box")
            lines.append(f"smallest visible probability: {least:.2g}")
        if len(methods) > 1:
            apart = f"{spread['product']:.1e} (product), {spread['naive-bayes']:.2f} (network)"
            lines.append(f"largest difference between visible distributions of flows: {apart}")
        return lines


EXPERIMENTS = [ElboFlow()]
