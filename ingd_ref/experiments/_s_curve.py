"""Noisy particles flow to an S-shaped curve in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import checks, plotting
from ingd_ref.backend import Array, array_namespace, item, kernel, to_backend
from ingd_ref.experiments._experiment import Experiment, Piece, Report, chosen_methods, mean_and_error, on_backend, option, stream
from ingd_ref.features import RandomCenters
from ingd_ref.flows import WGF, EnergyFlow, Flow, FlowResult, KiNG, run_flow
from ingd_ref.metrics import MMD, median_bandwidth
from ingd_ref.rkhs import MedianBandwidth, RandomNeuralTangent

__all__ = ["SCurve"]

METHODS = ("king", "ntking", "wgf", "mmd")
FRESH = 1000
# The curve as a polygon so fine that a distance to its nearest corner is a distance to the curve within (3π/4000)²/8 of its length.
CORNERS = 4000
DATA_STREAM, METHOD_STREAM = 0, 1


@dataclass(frozen=True)
class SCurve(Experiment):
    """Points of the S-curve (sin t, sign(t)(cos t − 1)), |t| ≤ 3π/2, with Gaussian noise on them, flow to other points of the curve."""

    trials: int = option(3, "number of trials, each with its own samples")
    methods: tuple[str, ...] = option(METHODS, f"which flows: some of {','.join(METHODS)}")
    steps: int = option(60, "steps of each flow")
    number: int = option(200, "noisy particles, and samples of the curve")
    noise: float = option(0.4, "standard deviation of the noise, in units of the radius of the curve")
    features: int = option(200, "random centres of the statistics, drawn anew at each step")
    ridge: float = option(1e-3, "ridge λ of the natural gradient")
    jitter: float = option(1e-5, "jitter ε of the natural gradient")

    name = "s-curve"
    summary = "noisy particles are drawn back to a curve in the plane"

    def check(self) -> None:
        chosen_methods(self.methods, METHODS)
        for label in ("trials", "steps", "number", "features"):
            checks.positive_integer(getattr(self, label), label)
        checks.positive(self.noise, "noise")
        for label in ("ridge", "jitter"):
            checks.nonnegative(getattr(self, label), label)

    def pieces(self) -> list[Piece]:
        return [Piece(method, trial) for trial in range(self.trials) for method in self.methods]

    def run(self, piece: Piece, progress: Any = False) -> FlowResult:
        particles, target, fresh = (on_backend(samples, self.backend) for samples in self.problem(piece.trial))
        distance = MMD(fresh)
        corners = to_backend(s_curve(np.linspace(-1.5 * np.pi, 1.5 * np.pi, CORNERS)), particles)

        def mmd(x: Array) -> float:
            return distance(x, median_bandwidth(x))

        def distance_to_curve(x: Array) -> float:
            xp = array_namespace(x=x)
            squares = kernel("squared_distances", x, corners)(x, corners)
            return float(item(xp.mean(xp.sqrt(xp.min(squares, axis=1)))))

        return run_flow(
            self._flow(piece.method),
            particles,
            target,
            steps=self.steps,
            step_size=0.5,
            rng=stream(self.seed, piece.trial, METHOD_STREAM + METHODS.index(piece.method)),
            metrics={"mmd": mmd, "distance": distance_to_curve},
            keep_every=self.steps if piece.trial else 1,
            progress=progress,
        )

    def problem(self, trial: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw noisy particles, the sample of the target, and fresh samples for the MMD."""
        rng = stream(self.seed, trial, DATA_STREAM)
        clean, target, fresh = (s_curve(rng.uniform(-1.5 * np.pi, 1.5 * np.pi, n)) for n in (self.number, self.number, FRESH))
        return clean + self.noise * rng.standard_normal(clean.shape), target, fresh

    def report(self, results: Mapping[Piece, FlowResult]) -> Report:
        methods: dict[str, dict[str, Any]] = {}
        lines = ["mean distance to the curve, and MMD to fresh samples of it: before → after"]
        for method in self.methods:
            histories = [results[Piece(method, trial)].history for trial in range(self.trials)]
            values = {metric: np.array([history[metric] for history in histories]) for metric in ("mmd", "distance")}
            seconds = [results[Piece(method, trial)].seconds for trial in range(self.trials)]
            methods[method] = {**{metric: curves.tolist() for metric, curves in values.items()}, "seconds": seconds}
            mean = {metric: mean_and_error(curves)[0] for metric, curves in values.items()}
            change = "   ".join(f"{metric} {mean[metric][0]:.3f} → {mean[metric][-1]:.3f}" for metric in ("distance", "mmd"))
            lines.append(f"  {method:<8s} {change}")
        curves = {method: entry["mmd"] for method, entry in methods.items()}
        figures = {"mmd": plotting.plot_metric_curves(curves, ylabel="MMD to fresh samples", title="S-curve")}
        curves = {method: entry["distance"] for method, entry in methods.items()}
        figures["distance"] = plotting.plot_metric_curves(curves, ylabel="mean distance to the curve", title="S-curve")
        _, target, _ = self.problem(0)
        arrays = {"target": target}
        for method in self.methods:
            trajectory = results[Piece(method, 0)].trajectory
            arrays[f"{method}_trajectory"] = trajectory
            figures[f"particles_{method}"] = plotting.plot_particles(trajectory[0], trajectory[-1], target, trajectory, title=method)
        return Report(methods, {}, arrays, figures, lines)

    def _flow(self, method: str) -> Flow:
        if method in ("wgf", "mmd"):
            return WGF() if method == "wgf" else EnergyFlow()
        kernel_rule = MedianBandwidth() if method == "king" else RandomNeuralTangent()
        return KiNG(RandomCenters(self.features), kernel_rule, ridge=self.ridge, jitter=self.jitter)


def s_curve(t: np.ndarray) -> np.ndarray:
    """Points (n, 2) of the S-curve at parameters t (n,)."""
    return np.stack([np.sin(t), np.sign(t) * (np.cos(t) - 1.0)], axis=1)
