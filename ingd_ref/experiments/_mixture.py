"""Four flows to a mixture of two Gaussians, compared by their speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ingd_ref.backend._namespace import Array
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    check_fields,
    check_methods,
    mean_and_error,
    noise_floor,
    on_backend,
    option,
    or_null,
    stream,
    with_error,
)
from ingd_ref.flows import WGF, EnergyFlow, Flow, published_king, published_ntking
from ingd_ref.metrics import MMD, median_bandwidth
from ingd_ref.plotting._curves import add_level, plot_metric_curves
from ingd_ref.runs import FlowResult, run_flow

__all__ = ["Mixture", "two_gaussians"]

METHODS = ("ntking", "king", "wgf", "mmd")
MODE, SPREAD = 2.0, 0.5
# Step size of [L25] for the plain gradient of the energy distance, which is 1/n of the velocity
# (W2).
ENERGY_STEP = 100.0
NOISE_DRAWS = 20
DATA_STREAM, NOISE_STREAM, METHOD_STREAM = 0, 1, 2
REPORTED_STEPS = (5, 10, 20, 50, 100)


class _Problem(NamedTuple):
    """The samples of one trial, shared by all methods."""

    particles: np.ndarray
    target: np.ndarray
    fresh: np.ndarray


def two_gaussians(number: int, dim: int, rng: np.random.Generator) -> np.ndarray:
    """Sample (number, dim) of the mixture."""
    signs = rng.choice([-1.0, 1.0], number)
    return MODE * signs[:, None] + SPREAD * rng.standard_normal((number, dim))


@dataclass(frozen=True)
class Mixture(Experiment[FlowResult]):
    """Flow standard normal particles to a sample of ½ N(2·1, I/4) + ½ N(−2·1, I/4) [L25].

    The MMD (Q1) to fresh samples is taken after every step.
    """

    dim: int = option(5, "dimension d of the particles")
    trials: int = option(10, "number of trials, each with its own samples")
    methods: tuple[str, ...] = option(METHODS, f"flows to compare, from {', '.join(METHODS)}")
    steps: int = option(100, "number of steps of each flow")
    number: int = option(100, "number of particles, and of samples of the target")
    features: int = option(200, "number of random RBF features, redrawn at each step")
    fresh: int = option(1000, "number of fresh target samples for the MMD")

    name = "mixture"
    summary = "fastest flow from a Gaussian to a mixture of two"
    small: ClassVar = {"dim": 2, "trials": 2, "number": 12, "features": 10, "fresh": 20, "steps": 3}

    def check(self) -> None:
        check_methods(self.methods, METHODS)
        check_fields(self, ("dim", "trials", "steps", "number", "features", "fresh"))

    def pieces(self) -> list[Piece]:
        return [Piece(method, trial) for trial in range(self.trials) for method in self.methods]

    def run(self, piece: Piece, progress: Any = False) -> FlowResult:
        particles, target, fresh = (
            on_backend(samples, self.backend) for samples in self.problem(piece.trial)
        )
        distance = MMD(fresh)

        def mmd(x: Array) -> float:
            return distance(x, median_bandwidth(x, "lower"))

        flow, step_size = self._flow(piece.method)
        rng = stream(self.seed, piece.trial, METHOD_STREAM + METHODS.index(piece.method))
        return run_flow(
            flow,
            particles,
            target,
            steps=self.steps,
            step_size=step_size,
            rng=rng,
            metrics={"mmd": mmd},
            keep_every=self.steps,
            progress=progress,
        )

    def problem(self, trial: int) -> _Problem:
        """Draw the samples of a trial."""
        rng = stream(self.seed, trial, DATA_STREAM)
        particles = rng.standard_normal((self.number, self.dim))
        return _Problem(particles, self._sample(self.number, rng), self._sample(self.fresh, rng))

    def report(self, results: Mapping[Piece, FlowResult]) -> Report:
        floor = self._noise_floor()
        own = {
            method: [results[Piece(method, trial)] for trial in range(self.trials)]
            for method in self.methods
        }
        curves = {
            method: np.array([result.history["mmd"] for result in flows])
            for method, flows in own.items()
        }
        methods: dict[str, dict[str, Any]] = {}
        for method, values in curves.items():
            mean, error = mean_and_error(values)
            methods[method] = {
                "mmd": values.tolist(),
                "mean": mean.tolist(),
                "standard_error": or_null(error),
                "seconds": [result.seconds for result in own[method]],
            }
        title = f"Two Gaussians in {self.dim} dimensions"
        figure = plot_metric_curves(curves, ylabel="MMD to fresh samples", title=title)
        add_level(figure, floor["mean"], f"{self.number} fresh samples")
        arrays = {
            f"{method}_particles": np.stack([result.particles for result in flows])
            for method, flows in own.items()
        }
        problems = [self.problem(trial) for trial in range(self.trials)]
        arrays["start"] = np.stack([problem.particles for problem in problems])
        arrays["target"] = np.stack([problem.target for problem in problems])
        lines = self._lines(curves, floor)
        return Report(methods, {"noise_floor": floor}, arrays, {"mmd": figure}, lines)

    def _flow(self, method: str) -> tuple[Flow, float]:
        """Return the published flow of a method, and its step size."""
        if method == "mmd":
            return EnergyFlow(), ENERGY_STEP / self.number
        if method == "wgf":
            return WGF(median_rule="lower"), 1.0
        return (published_ntking if method == "ntking" else published_king)(self.features), 1.0

    def _sample(self, number: int, rng: np.random.Generator) -> np.ndarray:
        return two_gaussians(number, self.dim, rng)

    def _noise_floor(self) -> dict[str, Any]:
        """MMD of as many samples of the target itself as there are particles."""
        values = []
        for trial in range(self.trials):
            distance, rng = MMD(self.problem(trial).fresh), stream(self.seed, trial, NOISE_STREAM)
            samples = [self._sample(self.number, rng) for _ in range(NOISE_DRAWS)]
            found = [distance(sample, median_bandwidth(sample, "lower")) for sample in samples]
            values.append(float(np.mean(found)))
        return noise_floor(values, self.trials * NOISE_DRAWS)

    def _lines(self, curves: Mapping[str, np.ndarray], floor: Mapping[str, float]) -> list[str]:
        shown = sorted({step for step in REPORTED_STEPS if step <= self.steps} | {self.steps})
        lines = ["MMD after step " + "".join(f"{step:>17d}" for step in shown)]
        for method, values in curves.items():
            mean, error = mean_and_error(values)
            columns = [f"   {with_error(mean[step], error[step])}" for step in shown]
            lines.append(f"  {method:<12s} {''.join(columns)}".rstrip())
        level = with_error(floor["mean"], floor["standard_error"]).rstrip()
        return [*lines, f"  noise floor of {self.number} samples: {level}"]


EXPERIMENTS = [Mixture()]
