"""Changing edges of a Gaussian graphical model, found by sparse window projections (P6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ingd_ref.backend import to_host
from ingd_ref.errors import DomainError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    check_fields,
    mean_and_error,
    on_backend,
    option,
    or_null,
    stream,
    with_error,
)
from ingd_ref.features import PairwiseProducts
from ingd_ref.plotting._edges import plot_edges, plot_regularisation_path, plot_roc
from ingd_ref.projection import (
    Power,
    regularisation_path,
    sparse_window_projection,
    window_system,
)
from ingd_ref.projection._time_quadrature import trapezoid_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Graph"]

SPARSE, COVARIANCE = "sparse window", "change of covariance"


@dataclass(frozen=True)
class Graph(Experiment[dict[str, np.ndarray]]):
    """Find the few edges of a graph that change, by ℓ₁-penalised velocities of all edges.

    The model is N(0, Λ(t)⁻¹) with Λ(t) = Λ₀ + tΔ, 0 ≤ t ≤ 1. Its natural parameters are −Λ_ij for
    the products x_i x_j and −Λ_ii/2 for the squares, which bear no penalty. The baseline ranks
    edges by the change of their covariance between the halves of the samples, which indirect
    effects blur.
    """

    nodes: int = option(20, "number of nodes")
    times: int = option(5000, "number of times")
    samples: int = option(2, "samples at each time")
    changed: int = option(10, "number of edges that change")
    resting: int = option(20, "number of edges that stay constant")
    size: float = option(0.2, "change in the precision of a changing edge")
    strength: float = option(0.5, "precision of a constant edge")
    penalties: int = option(60, "number of penalties on the regularisation path")
    trials: int = option(5, "number of graphs")

    name = "graph"
    summary = "changing edges of a Gaussian graphical model"
    small: ClassVar = {
        "nodes": 8,
        "times": 1500,
        "changed": 4,
        "resting": 6,
        "size": 0.5,
        "penalties": 15,
        "trials": 2,
    }

    def check(self) -> None:
        counts = ("nodes", "times", "samples", "changed", "resting", "penalties", "trials")
        check_fields(self, counts, ("size", "strength"))
        edges = self.changed + self.resting
        if edges > self.nodes * (self.nodes - 1) // 2:
            raise DomainError(f"a graph of {self.nodes} nodes has fewer than {edges} edges")
        if self.samples < 2 or self.times < 3:
            raise DomainError("samples must be at least 2, for a covariance, and times at least 3")

    def pieces(self) -> list[Piece]:
        return [Piece("graph", trial) for trial in range(self.trials)]

    def run(self, piece: Piece, progress: Any = False) -> dict[str, np.ndarray]:
        rng = stream(self.seed, piece.trial)
        pairs = self._pairs()
        rest, slope = self._model(rng)
        times = np.linspace(0.0, 1.0, self.times)
        samples = self._samples(rest, slope, times, rng)
        features = PairwiseProducts(squares=True)
        diagonal = np.array([i == j for i in range(self.nodes) for j in range(i, self.nodes)])
        system = window_system(features, times, on_backend(samples, self.backend), ddof=1)
        free = on_backend(np.where(diagonal, 0.0, 1.0), self.backend)
        path = regularisation_path(system, number=self.penalties, ratio=0.02, penalty_weights=free)
        products = samples[:, :, pairs[:, 0]] * samples[:, :, pairs[:, 1]]
        chosen = self._noise_level(times, products)
        found = sparse_window_projection(system, chosen, penalty_weights=free)
        before, after = (np.mean(half, axis=(0, 1)) for half in np.array_split(products, 2))
        return {
            "truth": -slope[pairs[:, 0], pairs[:, 1]],
            "kappas": path.kappas,
            "coefficients": to_host(path.coefficients)[:, 0, ~diagonal],
            "entry": path.entry[~diagonal],
            "kkt_residuals": np.append(path.kkt_residuals, found.kkt_residual),
            "chosen": np.array(chosen),
            "found": to_host(found.coefficients)[0, ~diagonal],
            "covariance_change": np.abs(after - before),
        }

    def report(self, results: Mapping[Piece, dict[str, np.ndarray]]) -> Report:
        outcomes = [results[piece] for piece in self.pieces()]
        changed = [outcome["truth"] != 0 for outcome in outcomes]
        scores = {
            SPARSE: [_scores(outcome) for outcome in outcomes],
            COVARIANCE: [outcome["covariance_change"] for outcome in outcomes],
        }
        curves = {
            name: [roc_curve(*pair) for pair in zip(ranked, changed, strict=True)]
            for name, ranked in scores.items()
        }
        methods = {name: _areas(trials) for name, trials in curves.items()}
        found = [outcome["found"] != 0 for outcome in outcomes]
        hits = [int(np.sum(true & own)) for true, own in zip(changed, found, strict=True)]
        alarms = [int(np.sum(~true & own)) for true, own in zip(changed, found, strict=True)]
        findings: dict[str, Any] = {
            "kkt_residual": float(max(np.max(outcome["kkt_residuals"]) for outcome in outcomes)),
            "found": hits,
            "false_alarms": alarms,
            "changed": self.changed,
        }
        arrays = {
            f"{key}_{trial}": value
            for trial, outcome in enumerate(outcomes)
            for key, value in outcome.items()
        }
        labelled = {f"{name} (area {methods[name]['mean']:.3f})": curves[name] for name in curves}
        figures = self._figures(outcomes[0], labelled)
        return Report(methods, findings, arrays, figures, self._lines(methods, findings))

    def _figures(
        self,
        first: Mapping[str, np.ndarray],
        curves: Mapping[str, list[tuple[np.ndarray, np.ndarray]]],
    ) -> dict[str, Figure]:
        """ROC curves of all trials, and regularisation path and graph of the first."""
        pairs, changed, chosen = self._pairs(), first["truth"] != 0, float(first["chosen"])
        title = f"{self.changed} changing edges of {len(pairs)}"
        path = plot_regularisation_path(first["kappas"], first["coefficients"], changed, chosen)
        graph = plot_edges(self.nodes, pairs, first["truth"], first["found"])
        return {"roc": plot_roc(curves, title), "path": path, "graph": graph}

    def _lines(
        self, methods: Mapping[str, Mapping[str, Any]], findings: Mapping[str, Any]
    ) -> list[str]:
        lines = ["area under the ROC curve, mean over graphs"]
        for name, entry in methods.items():
            lines.append(
                f"  {name:<22s}{with_error(entry['mean'], entry['standard_error'])}".rstrip()
            )
        hits, alarms = np.mean(findings["found"]), np.mean(findings["false_alarms"])
        return [
            *lines,
            f"at the penalty of the noise level: {hits:.1f} of {self.changed} changes found on",
            f"  average, with {alarms:.1f} false alarms",
            f"largest violation of optimality: {findings['kkt_residual']:.1e}",
        ]

    def _pairs(self) -> np.ndarray:
        return np.array([(i, j) for i in range(self.nodes) for j in range(i + 1, self.nodes)])

    def _model(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw Λ₀ and Δ so that the smallest eigenvalue of Λ(t) is at least ½."""
        pairs = self._pairs()
        picked = rng.choice(len(pairs), self.changed + self.resting, replace=False)
        signs = rng.choice([-1.0, 1.0], size=len(picked))
        rest, slope = np.zeros((self.nodes, self.nodes)), np.zeros((self.nodes, self.nodes))
        for place, (i, j) in enumerate(pairs[picked]):
            matrix, value = (slope, self.size) if place < self.changed else (rest, self.strength)
            matrix[i, j] = matrix[j, i] = signs[place] * value
        # The smallest eigenvalue is concave in t, so its bound at both ends holds between them.
        least = min(float(np.linalg.eigvalsh(rest + t * slope)[0]) for t in (0.0, 1.0))
        return rest + (0.5 - least) * np.eye(self.nodes), slope

    def _samples(
        self, rest: np.ndarray, slope: np.ndarray, times: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw samples (k, n, d): Λ = LLᵀ, x = L⁻ᵀ z."""
        factors = np.linalg.cholesky(rest + times[:, None, None] * slope)
        noise = rng.normal(size=(self.times, self.nodes, self.samples))
        return np.ascontiguousarray(
            np.swapaxes(np.linalg.solve(np.swapaxes(factors, 1, 2), noise), 1, 2)
        )

    def _noise_level(self, times: np.ndarray, products: np.ndarray) -> float:
        """Penalty that noise alone does not exceed: √(2 log q) typical standard deviations of c."""
        loads = trapezoid_weights(times) * Power().derivative(times)
        deviation = np.sqrt(np.sum(loads**2) * np.var(products, axis=(0, 1)) / self.samples)
        return float(np.sqrt(2.0 * np.log(deviation.size)) * np.median(deviation))


def roc_curve(scores: np.ndarray, changed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return false and true positive rates as the threshold falls; ties form a straight line."""
    thresholds = np.unique(scores)[::-1]
    passed = scores >= thresholds[:, None]
    alarms = np.sum(passed & ~changed, axis=1) / max(1, np.sum(~changed))
    found = np.sum(passed & changed, axis=1) / max(1, np.sum(changed))
    return np.append(0.0, alarms), np.append(0.0, found)


def _scores(outcome: dict[str, np.ndarray]) -> np.ndarray:
    """Rank edges by the penalty at which they enter, and ties by the last coefficient."""
    size = np.abs(outcome["coefficients"][-1])
    gap = np.min(-np.diff(outcome["kappas"]), initial=np.inf)
    return np.asarray(outcome["entry"] + 0.5 * gap * size / (1.0 + np.max(size)))


def _areas(curves: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Areas under the ROC curves of a method, one per trial."""
    areas = np.array([np.trapezoid(found, alarms) for alarms, found in curves])
    mean, error = mean_and_error(areas)
    spread = {"mean": float(mean), "standard_error": or_null(error)}
    return {"area": areas.tolist(), **spread, "seconds": []}


EXPERIMENTS = [Graph()]
