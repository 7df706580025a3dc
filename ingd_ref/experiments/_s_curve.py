"""Flows of noisy points to an S-shaped curve in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, array_namespace, item, to_backend
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    check_fields,
    check_methods,
    mean_and_error,
    on_backend,
    option,
    stream,
)
from ingd_ref.features import RandomCenters
from ingd_ref.flows import WGF, EnergyFlow, Flow, KiNG
from ingd_ref.metrics import MMD
from ingd_ref.plotting._curves import add_level, plot_metric_curves
from ingd_ref.plotting._particles import plot_particles
from ingd_ref.rkhs import MedianBandwidth, RandomNeuralTangent
from ingd_ref.runs import FlowResult, run_flow

__all__ = ["SCurve", "random_s_curve", "s_curve"]

METHODS = ("king", "ntking", "wgf", "mmd")
FRESH = 1000
# The corners of a polygon so fine that the distance to the nearest one is that to the curve, within
# (3π/4000)²/8.
CORNERS = 4000
DATA_STREAM, METHOD_STREAM = 0, 1


@dataclass(frozen=True)
class SCurve(Experiment[FlowResult]):
    """Flow noisy points of the curve (sin t, sign(t)(cos t − 1)), |t| ≤ 3π/2, to clean ones."""

    trials: int = option(3, "number of trials, each with its own samples")
    methods: tuple[str, ...] = option(METHODS, f"flows to compare, from {', '.join(METHODS)}")
    steps: int = option(60, "number of steps of each flow")
    number: int = option(200, "number of noisy particles, and of samples of the curve")
    noise: float = option(0.4, "standard deviation of the noise; the curve has radius 1")
    features: int = option(200, "number of random RBF features, redrawn at each step")
    bandwidth: float = option(0.3, "bandwidth σ of features, densities (WGF) and MMD")
    ridge: float = option(1e-3, "ridge λ of the natural gradient")
    jitter: float = option(1e-4, "jitter ε of the natural gradient")

    name = "s-curve"
    summary = "flows of noisy points to a curve in the plane"
    small: ClassVar = {"trials": 2, "number": 15, "features": 10, "steps": 2}

    def check(self) -> None:
        check_methods(self.methods, METHODS)
        integers = ("trials", "steps", "number", "features")
        check_fields(self, integers, ("noise", "bandwidth"), ("ridge", "jitter"))

    def pieces(self) -> list[Piece]:
        return [Piece(method, trial) for trial in range(self.trials) for method in self.methods]

    def run(self, piece: Piece, progress: Any = False) -> FlowResult:
        particles, target, fresh = (
            on_backend(samples, self.backend) for samples in self.problem(piece.trial)
        )
        distance = MMD(fresh)
        corners = to_backend(s_curve(np.linspace(-1.5 * np.pi, 1.5 * np.pi, CORNERS)), particles)

        def mmd(x: Array) -> float:
            return distance(x, self.bandwidth)

        def distance_to_curve(x: Array) -> float:
            xp = array_namespace(x=x)
            squares = kernel("squared_distances", x, corners)(x, corners)
            return float(item(xp.mean(xp.sqrt(xp.min(squares, axis=1)))))

        flow, step_size = self._flow(piece.method)
        return run_flow(
            flow,
            particles,
            target,
            steps=self.steps,
            step_size=step_size,
            rng=stream(self.seed, piece.trial, METHOD_STREAM + METHODS.index(piece.method)),
            metrics={"mmd": mmd, "distance": distance_to_curve},
            keep_every=self.steps if piece.trial else 1,
            progress=progress,
        )

    def problem(self, trial: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw noisy particles, a sample of the target, and fresh samples for the MMD."""
        rng = stream(self.seed, trial, DATA_STREAM)
        clean, target, fresh = (random_s_curve(n, rng) for n in (self.number, self.number, FRESH))
        return clean + self.noise * rng.standard_normal(clean.shape), target, fresh

    def report(self, results: Mapping[Piece, FlowResult]) -> Report:
        methods = {method: self._entry(method, results) for method in self.methods}
        figures = {}
        labels = {"mmd": "MMD to fresh samples", "distance": "mean distance to the curve"}
        for metric, ylabel in labels.items():
            curves = {method: entry[metric] for method, entry in methods.items()}
            figures[metric] = plot_metric_curves(curves, ylabel=ylabel, title="S-curve")
        floor = self._noise_floor()
        add_level(figures["mmd"], floor, f"{self.number} samples of the curve")
        _, target, _ = self.problem(0)
        arrays = {"target": target}
        for method in self.methods:
            path = results[Piece(method, 0)].trajectory
            arrays[f"{method}_trajectory"] = path
            figure = plot_particles(path[0], path[-1], target, path, title=method)
            figures[f"particles_{method}"] = figure
        return Report(methods, {"noise_floor": floor}, arrays, figures, _lines(methods, floor))

    def _entry(self, method: str, results: Mapping[Piece, FlowResult]) -> dict[str, Any]:
        own = [results[Piece(method, trial)] for trial in range(self.trials)]
        curves = {
            metric: [result.history[metric].tolist() for result in own]
            for metric in ("mmd", "distance")
        }
        return {**curves, "seconds": [result.seconds for result in own]}

    def _noise_floor(self) -> float:
        """MMD between the target samples and fresh ones, averaged over trials."""
        problems = [self.problem(trial) for trial in range(self.trials)]
        return float(np.mean([MMD(fresh)(target, self.bandwidth) for _, target, fresh in problems]))

    def _flow(self, method: str) -> tuple[Flow, float]:
        """Return the flow of a method and a stable step size: (W1) pulls at rates up to 1/σ²."""
        if method == "mmd":
            return EnergyFlow(), 0.5
        if method == "wgf":
            return WGF(self.bandwidth), 0.5 * self.bandwidth**2
        features = RandomCenters(self.features, self.bandwidth)
        rule = MedianBandwidth() if method == "king" else RandomNeuralTangent()
        return KiNG(features, rule, ridge=self.ridge, jitter=self.jitter), 0.5


def s_curve(t: np.ndarray) -> np.ndarray:
    """Return the points (n, 2) of the S-curve at parameters t (n,)."""
    return np.stack([np.sin(t), np.sign(t) * (np.cos(t) - 1.0)], axis=1)


def random_s_curve(number: int, rng: np.random.Generator) -> np.ndarray:
    """Draw points (number, 2) of the S-curve, uniform in its length."""
    return s_curve(rng.uniform(-1.5 * np.pi, 1.5 * np.pi, number))


def _lines(methods: Mapping[str, Mapping[str, Any]], floor: float) -> list[str]:
    lines = [
        "mean distance to the curve and MMD to fresh samples, before → after",
        f"(MMD of samples of the curve: {floor:.3f})",
    ]
    for method, entry in methods.items():
        mean = {name: mean_and_error(np.array(entry[name]))[0] for name in ("distance", "mmd")}
        changes = [f"{metric} {curve[0]:.3f} → {curve[-1]:.3f}" for metric, curve in mean.items()]
        lines.append(f"  {method:<8s} {'   '.join(changes)}")
    return lines


EXPERIMENTS = [SCurve()]
