"""Which edges of a time-varying Gaussian graphical model change: sparse window projections (P6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks, plotting
from ingd_ref.backend import to_host
from ingd_ref.errors import DomainError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    mean_and_error,
    on_backend,
    option,
    stream,
)
from ingd_ref.features import PairwiseProducts
from ingd_ref.projection import (
    Power,
    regularisation_path,
    sparse_window_projection,
    window_system,
)
from ingd_ref.projection._time_quadrature import trapezoid_weights

__all__ = ["Graph"]

SPARSE, CORRELATION = "sparse window", "change of covariance"


@dataclass(frozen=True)
class Graph(Experiment[dict[str, np.ndarray]]):
    """Few edges of a graph change with constant velocity; ℓ₁-penalised velocities of all edges have to tell which.

    The model is N(0, Λ(t)⁻¹) with Λ(t) = Λ₀ + tΔ, t from 0 to 1: natural parameters −Λ_ij of the
    products x_i x_j and −Λ_ii/2 of the squares. Squares go without a penalty. For comparison edges
    are ranked by the change of their covariance between the first and the second half of the
    samples, which indirect effects blur.
    """

    nodes: int = option(20, "number of nodes")
    times: int = option(5000, "number of times")
    samples: int = option(2, "samples at each time")
    changed: int = option(10, "edges that change")
    resting: int = option(20, "edges that are there and stay as they are")
    size: float = option(0.2, "change of the precision of an edge over the window")
    strength: float = option(0.5, "precision of the edges that stay")
    penalties: int = option(60, "number of penalties on the path")
    trials: int = option(5, "number of graphs")

    name = "graph"
    summary = "sparse changes in a time-varying Gaussian graphical model"

    def check(self) -> None:
        for label in ("nodes", "times", "samples", "changed", "resting", "penalties", "trials"):
            _checks.positive_integer(getattr(self, label), label)
        _checks.positive(self.size, "size")
        _checks.positive(self.strength, "strength")
        if self.changed + self.resting > self.nodes * (self.nodes - 1) // 2:
            raise DomainError(
                f"a graph of {self.nodes} nodes has no {self.changed + self.resting} edges"
            )
        if self.samples < 2 or self.times < 3:
            raise DomainError(
                "samples must be at least 2 at each of at least 3 times: each time needs a covariance"
            )

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
        chosen = self._noise_level(times, samples[:, :, pairs[:, 0]] * samples[:, :, pairs[:, 1]])
        found = sparse_window_projection(system, chosen, penalty_weights=free)
        halves = np.array_split(samples, 2)
        moved = [
            np.mean(half[:, :, pairs[:, 0]] * half[:, :, pairs[:, 1]], axis=(0, 1))
            for half in halves
        ]
        return {
            "truth": -slope[pairs[:, 0], pairs[:, 1]],
            "kappas": path.kappas,
            "coefficients": to_host(path.coefficients)[:, 0, ~diagonal],
            "entry": path.entry[~diagonal],
            "kkt_residuals": np.append(path.kkt_residuals, found.kkt_residual),
            "chosen": np.array(chosen),
            "found": to_host(found.coefficients)[0, ~diagonal],
            "covariance_change": np.abs(moved[1] - moved[0]),
        }

    def report(self, results: Mapping[Piece, dict[str, np.ndarray]]) -> Report:
        outcomes = [results[piece] for piece in self.pieces()]
        scores = {
            SPARSE: [_scores(one) for one in outcomes],
            CORRELATION: [one["covariance_change"] for one in outcomes],
        }
        methods: dict[str, dict[str, Any]] = {}
        curves: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for name, ranked in scores.items():
            curves[name] = [
                roc_curve(score, one["truth"] != 0)
                for score, one in zip(ranked, outcomes, strict=True)
            ]
            areas = np.array([np.trapezoid(found, alarms) for alarms, found in curves[name]])
            middle, error = mean_and_error(areas)
            methods[name] = {
                "area": areas.tolist(),
                "mean": float(middle),
                "standard_error": float(error),
                "seconds": [],
            }
        counts = [_counts(one["truth"] != 0, one["found"] != 0) for one in outcomes]
        worst = float(max(np.max(one["kkt_residuals"]) for one in outcomes))
        findings: dict[str, Any] = {
            "kkt_residual": worst,
            "found": [one[0] for one in counts],
            "false_alarms": [one[1] for one in counts],
            "changed": self.changed,
        }
        first = outcomes[0]
        labelled = {f"{name} (area {methods[name]['mean']:.3f})": curves[name] for name in curves}
        figures = {
            "roc": plotting.plot_roc(
                labelled, title=f"{self.changed} changing edges of {len(self._pairs())}"
            ),
            "path": plotting.plot_regularisation_path(
                first["kappas"], first["coefficients"], first["truth"] != 0, float(first["chosen"])
            ),
            "graph": plotting.plot_edges(self.nodes, self._pairs(), first["truth"], first["found"]),
        }
        arrays = {
            f"{key}_{trial}": value
            for trial, one in enumerate(outcomes)
            for key, value in one.items()
        }
        lines = ["area under the curve, mean over graphs"]
        lines += [
            f"  {name:<22s}{entry['mean']:.4f} ± {entry['standard_error']:.4f}"
            for name, entry in methods.items()
        ]
        hits, alarms = np.mean(np.array(counts), axis=0)
        lines.append(
            f"at the penalty of the noise level: {hits:.1f} of {self.changed} changes found on average,"
        )
        lines.append(
            f"  with {alarms:.1f} false alarms; largest violation of optimality {worst:.1e}"
        )
        return Report(methods, findings, arrays, figures, lines)

    def _pairs(self) -> np.ndarray:
        return np.array([(i, j) for i in range(self.nodes) for j in range(i + 1, self.nodes)])

    def _model(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Λ₀ and Δ. The smallest eigenvalue of Λ(t) is concave in t: a diagonal that keeps it at ½ at both ends keeps it above between."""
        pairs = self._pairs()
        picked = rng.choice(len(pairs), self.changed + self.resting, replace=False)
        signs = rng.choice([-1.0, 1.0], size=len(picked))
        rest, slope = np.zeros((self.nodes, self.nodes)), np.zeros((self.nodes, self.nodes))
        for place, (i, j) in enumerate(pairs[picked]):
            matrix, value = (slope, self.size) if place < self.changed else (rest, self.strength)
            matrix[i, j] = matrix[j, i] = signs[place] * value
        least = min(float(np.linalg.eigvalsh(rest + t * slope)[0]) for t in (0.0, 1.0))
        return rest + (0.5 - least) * np.eye(self.nodes), slope

    def _samples(
        self, rest: np.ndarray, slope: np.ndarray, times: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Samples (k, n, d): Λ = LLᵀ, x = L⁻ᵀ z."""
        factors = np.linalg.cholesky(rest + times[:, None, None] * slope)
        noise = rng.normal(size=(self.times, self.nodes, self.samples))
        return np.ascontiguousarray(
            np.swapaxes(np.linalg.solve(np.swapaxes(factors, 1, 2), noise), 1, 2)
        )

    def _noise_level(self, times: np.ndarray, products: np.ndarray) -> float:
        """Penalty that the gradient of no unchanged edge would exceed by noise alone: sqrt(2 log q) typical deviations of c."""
        loads = trapezoid_weights(times) * Power().derivative(times)
        deviation = np.sqrt(np.sum(loads**2) * np.var(products, axis=(0, 1)) / self.samples)
        return float(np.sqrt(2.0 * np.log(deviation.size)) * np.median(deviation))


def roc_curve(scores: np.ndarray, changed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of false alarms and of found changes as the threshold falls; equal scores are passed in one straight line."""
    thresholds = np.unique(scores)[::-1]
    passed = scores >= thresholds[:, None]
    alarms = np.sum(passed & ~changed, axis=1) / max(1, np.sum(~changed))
    found = np.sum(passed & changed, axis=1) / max(1, np.sum(changed))
    return np.append(0.0, alarms), np.append(0.0, found)


def _scores(outcome: dict[str, np.ndarray]) -> np.ndarray:
    """Rank by the penalty at which an edge enters; the size of its last coefficient parts those that enter together."""
    size = np.abs(outcome["coefficients"][-1])
    gap = np.min(-np.diff(outcome["kappas"]), initial=np.inf)
    return np.asarray(outcome["entry"] + 0.5 * gap * size / (1.0 + np.max(size)))


def _counts(changed: np.ndarray, found: np.ndarray) -> tuple[int, int]:
    return int(np.sum(changed & found)), int(np.sum(~changed & found))
