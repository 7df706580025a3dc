"""iNGD (N1)-(N4) against flows of particles on two samples, and along a known path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ingd_ref.backend._namespace import Array
from ingd_ref.experiments._exact_path import convergence_figure
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    check_fields,
    check_methods,
    check_several,
    mean_and_error,
    noise_floor,
    on_backend,
    option,
    or_null,
    slope,
    stream,
    with_error,
)
from ingd_ref.experiments._mixture import two_gaussians
from ingd_ref.experiments._s_curve import random_s_curve
from ingd_ref.families import Gaussian
from ingd_ref.features import FamilyStatistics, RandomCenters
from ingd_ref.flows import PUBLISHED, KiNG
from ingd_ref.generators import LocationScale, MultilayerPerceptron
from ingd_ref.metrics import MMD, median_bandwidth
from ingd_ref.plotting._curves import add_level, plot_metric_curves
from ingd_ref.plotting._particles import plot_particles
from ingd_ref.plotting._paths import plot_path_error
from ingd_ref.rkhs import MedianBandwidth, RandomNeuralTangent
from ingd_ref.runs import FlowResult, run_flow, run_ingd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Ingd"]

METHODS = ("ingd", "king", "ntking")
PROBLEMS = ("mixture", "s-curve")
ORDERS = {"euler": 1, "heun": 2, "rk4": 4}
FRESH = 1000
# The MMD of iNGD is averaged over this many generated samples, each as large as the particles of
# the other flows.
PARTS = 10
NOISE_DRAWS = 20
DATA_STREAM, NOISE_STREAM, METHOD_STREAM = 0, 1, 2
# Bandwidth σ of features and MMD on the curve, whose radius is one; jitter and step size of its
# flows, as in the experiment s-curve.
CURVE_BANDWIDTH, CURVE_JITTER, CURVE_STEP = 0.3, 1e-4, 0.5
# The path from N(0, 1) to N(2, 1/2²) in two units of flow time, with quadrature nodes as latent
# points.
PATH_START, PATH_TARGET, PATH_TIME, PATH_NODES = (0.0, 1.0), (2.0, 0.5), 2.0, 20


class _Samples(NamedTuple):
    """The samples of one trial, shared by all methods."""

    particles: np.ndarray
    target: np.ndarray
    fresh: np.ndarray


@dataclass(frozen=True)
class Ingd(Experiment[FlowResult]):
    """Train a perceptron to generate a mixture of two Gaussians and an S-curve.

    All methods start from standard normal points, see one sample of the target and take the same
    number of steps. iNGD (N4) moves the parameters of a residual perceptron, with fresh noise in
    every step, and is measured on noise that it has not seen; KiNG and ntKiNG move particles. The
    MMD (Q1) is to fresh samples of the target. A second study follows location and scale along
    their closed form.
    """

    dim: int = option(5, "dimension d of the mixture")
    trials: int = option(3, "number of trials, each with its own samples")
    methods: tuple[str, ...] = option(METHODS, f"methods to compare, from {', '.join(METHODS)}")
    steps: int = option(100, "number of steps of each method")
    number: int = option(100, "number of particles, and of points per MMD")
    samples: int = option(1000, "number of samples of the target")
    latents: int = option(400, "number of latent points, redrawn at each step of iNGD")
    features: int = option(200, "number of random RBF features, redrawn at each step")
    width: int = option(64, "width of the two hidden layers")
    step_size: float = option(0.2, "flow time of a step of iNGD; noise averages over its inverse")
    ridge: float = option(1e-3, "ridge λ of iNGD")
    jitter: float = option(1e-4, "jitter ε of iNGD")
    path_steps: tuple[int, ...] = option((20, 40, 80, 160), "numbers of steps along the known path")

    name = "ingd"
    summary = "iNGD of generators, against flows of particles"
    small: ClassVar = {
        "dim": 2,
        "trials": 1,
        "number": 6,
        "samples": 20,
        "latents": 10,
        "features": 8,
        "width": 4,
        "steps": 2,
        "path_steps": (4, 8),
    }

    def check(self) -> None:
        check_methods(self.methods, METHODS)
        sizes = ("dim", "trials", "steps", "number", "samples", "latents", "features", "width")
        check_fields(self, sizes, ("step_size",), ("ridge", "jitter"))
        check_several(self.path_steps, "path_steps")

    def pieces(self) -> list[Piece]:
        runs = [
            Piece(f"{problem}-{method}", trial)
            for problem in PROBLEMS
            for trial in range(self.trials)
            for method in self.methods
        ]
        return runs + [
            Piece(f"path-{integrator}", count) for integrator in ORDERS for count in self.path_steps
        ]

    def run(self, piece: Piece, progress: Any = False) -> FlowResult:
        problem, method = piece.method.rsplit("-", 1)
        if problem == "path":
            return self._path(method, piece.trial, progress)
        host = self.problem(problem, piece.trial)
        samples = _Samples(*(on_backend(points, self.backend) for points in host))
        distance = self._distance(problem, samples.fresh)
        key = METHOD_STREAM, PROBLEMS.index(problem), METHODS.index(method)
        rng = stream(self.seed, piece.trial, *key)
        if method == "ingd":
            return self._generate(problem, samples, distance, rng, progress)
        flow, step_size = self._flow(problem, method)
        return run_flow(
            flow,
            samples.particles,
            samples.target,
            steps=self.steps,
            step_size=step_size,
            rng=rng,
            metrics={"mmd": distance},
            keep_every=self.steps,
            progress=progress,
        )

    def problem(self, problem: str, trial: int) -> _Samples:
        """Draw the samples of a trial."""
        rng = stream(self.seed, trial, DATA_STREAM, PROBLEMS.index(problem))
        dim = self.dim if problem == "mixture" else 2
        return _Samples(
            rng.standard_normal((self.number, dim)),
            self._sample(problem, self.samples, rng),
            self._sample(problem, FRESH, rng),
        )

    def report(self, results: Mapping[Piece, FlowResult]) -> Report:
        studies = {problem: self._study(problem, results) for problem in PROBLEMS}
        path = {integrator: self._path_entry(integrator, results) for integrator in ORDERS}
        mixture = studies["mixture"]
        findings = {
            "noise_floor": mixture["noise_floor"],
            "s_curve": studies["s-curve"],
            "path": path,
        }
        arrays = {
            f"{problem}_{method}": np.stack(
                [result.particles for result in self._trials(problem, method, results)]
            )
            for problem in PROBLEMS
            for method in self.methods
        }
        arrays |= {f"{problem}_target": self.problem(problem, 0).target for problem in PROBLEMS}
        arrays |= {
            f"path_{integrator}_{count}": np.asarray(
                results[Piece(f"path-{integrator}", count)].parameter_trajectory
            )
            for integrator in ORDERS
            for count in self.path_steps
        }
        figures = self._study_figures(results, studies) | self._path_figures(results, path)
        return Report(mixture["methods"], findings, arrays, figures, _lines(studies, path))

    # --- runs -------------------------------------------------------------------------------------

    def _generate(
        self,
        problem: str,
        samples: _Samples,
        distance: Callable[[Array], float],
        rng: np.random.Generator,
        progress: Any,
    ) -> FlowResult:
        """Train the perceptron."""
        dim = samples.target.shape[1]
        generator = MultilayerPerceptron((dim, self.width, self.width, dim), residual=True)

        def mmd(x: Array) -> float:
            starts = range(0, PARTS * self.number, self.number)
            return float(np.mean([distance(x[k : k + self.number, :]) for k in starts]))

        return run_ingd(
            generator,
            generator.initial(rng, like=samples.target),
            samples.target,
            features=self._features(problem),
            latents=self.latents,
            shown=PARTS * self.number,
            steps=self.steps,
            step_size=self.step_size,
            ridge=self.ridge,
            jitter=self.jitter,
            rng=rng,
            metrics={"mmd": mmd},
            keep_every=self.steps,
            progress=progress,
        )

    def _flow(self, problem: str, method: str) -> tuple[KiNG, float]:
        """Return the flow of particles and its step size, as in its own experiment."""
        kernel = MedianBandwidth(rule="lower") if method == "king" else RandomNeuralTangent()
        if problem == "mixture":
            return KiNG(self._features(problem), kernel, **PUBLISHED), 1.0
        return KiNG(self._features(problem), kernel, jitter=CURVE_JITTER), CURVE_STEP

    def _features(self, problem: str) -> RandomCenters:
        bandwidth = "median" if problem == "mixture" else CURVE_BANDWIDTH
        return RandomCenters(self.features, bandwidth, rule="lower")

    def _sample(self, problem: str, number: int, rng: np.random.Generator) -> np.ndarray:
        if problem == "mixture":
            return two_gaussians(number, self.dim, rng)
        return random_s_curve(number, rng)

    def _distance(self, problem: str, fresh: Array) -> Callable[[Array], float]:
        """Return the MMD to fresh samples, with the bandwidth of the problem's own experiment."""
        distance = MMD(fresh)
        if problem == "mixture":
            return lambda x: distance(x, median_bandwidth(x, "lower"))
        return lambda x: distance(x, CURVE_BANDWIDTH)

    def _path(self, integrator: str, count: int, progress: Any) -> FlowResult:
        """Flow location and scale with features (x, x²), exact moments and no regularisation."""
        from scipy.special import roots_hermitenorm

        nodes, weights = roots_hermitenorm(PATH_NODES)
        nodes = on_backend(nodes[:, None], self.backend)
        weights = on_backend(weights / np.sum(weights), self.backend)
        return run_ingd(
            LocationScale(1),
            on_backend(np.array(PATH_START), self.backend),
            PATH_TARGET[0] + PATH_TARGET[1] * nodes,
            features=FamilyStatistics(Gaussian()),
            latents=nodes,
            weights=weights,
            target_weights=weights,
            ridge=0.0,
            jitter=0.0,
            steps=count,
            step_size=PATH_TIME / count,
            integrator=integrator,
            rng=stream(self.seed),
            progress=progress,
        )

    # --- report -----------------------------------------------------------------------------------

    def _trials(
        self, problem: str, method: str, results: Mapping[Piece, FlowResult]
    ) -> list[FlowResult]:
        return [results[Piece(f"{problem}-{method}", trial)] for trial in range(self.trials)]

    def _study(self, problem: str, results: Mapping[Piece, FlowResult]) -> dict[str, Any]:
        """MMD of each method, and the noise floor."""
        floor = self._noise_floor(problem)
        methods: dict[str, dict[str, Any]] = {}
        for method in self.methods:
            own = self._trials(problem, method, results)
            values = np.array([result.history["mmd"] for result in own])
            mean, error = mean_and_error(values)
            methods[method] = {
                "mmd": values.tolist(),
                "mean": mean.tolist(),
                "standard_error": or_null(error),
                "in_noise_floors": float(mean[-1] / floor["mean"]),
                "seconds": [result.seconds for result in own],
            }
        return {"methods": methods, "noise_floor": floor}

    def _noise_floor(self, problem: str) -> dict[str, Any]:
        """MMD of as many samples of the target itself as there are particles."""
        values = []
        for trial in range(self.trials):
            distance = self._distance(problem, self.problem(problem, trial).fresh)
            rng = stream(self.seed, trial, NOISE_STREAM, PROBLEMS.index(problem))
            samples = (self._sample(problem, self.number, rng) for _ in range(NOISE_DRAWS))
            values.append(float(np.mean([distance(sample) for sample in samples])))
        return noise_floor(values, self.trials * NOISE_DRAWS)

    def _path_entry(self, integrator: str, results: Mapping[Piece, FlowResult]) -> dict[str, Any]:
        """Largest error of location and scale, by number of steps."""
        own = [results[Piece(f"path-{integrator}", count)] for count in self.path_steps]
        errors = [
            float(np.max(np.abs(result.parameter_trajectory - _closed_form(result.times))))
            for result in own
        ]
        return {
            "steps": list(self.path_steps),
            "error": errors,
            "slope": -slope(self.path_steps, errors),
            "order": ORDERS[integrator],
        }

    def _study_figures(
        self, results: Mapping[Piece, FlowResult], studies: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Figure]:
        figures = {}
        titles = {"mixture": f"Two Gaussians in {self.dim} dimensions", "s-curve": "S-curve"}
        for problem, study in studies.items():
            curves = {method: entry["mmd"] for method, entry in study["methods"].items()}
            ylabel, title = "MMD to fresh samples", titles[problem]
            figures[problem] = plot_metric_curves(curves, ylabel=ylabel, title=title)
            floor = study["noise_floor"]["mean"]
            add_level(figures[problem], floor, f"{self.number} fresh samples")
        if "ingd" in self.methods:
            frames = results[Piece("s-curve-ingd", 0)].trajectory
            target, title = self.problem("s-curve", 0).target, "Generated points"
            figures["generated"] = plot_particles(frames[0], frames[-1], target, title=title)
        return figures

    def _path_figures(
        self, results: Mapping[Piece, FlowResult], path: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Figure]:
        count, title = min(self.path_steps), "Exact path"
        runs = {name: results[Piece(f"path-{name}", count)] for name in ORDERS}
        times = next(iter(runs.values())).times
        paths = {f"{name}, {count} steps": run.parameter_trajectory for name, run in runs.items()}
        sizes = [PATH_TIME / count for count in self.path_steps]
        ylabel = "location and scale"
        return {
            "path": plot_path_error(times, _closed_form(times), paths, ylabel, title),
            "convergence": convergence_figure(sizes, path, title),
        }


def _closed_form(times: np.ndarray) -> np.ndarray:
    """Return location and scale (k, 2) along the straight line of the first two moments (E10)."""
    start, target = (np.array([m, m**2 + s**2]) for m, s in (PATH_START, PATH_TARGET))
    moments = target + np.exp(-times)[:, None] * (start - target)
    return np.stack([moments[:, 0], np.sqrt(moments[:, 1] - moments[:, 0] ** 2)], axis=1)


def _lines(
    studies: Mapping[str, Mapping[str, Any]], path: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    lines = []
    for problem, study in studies.items():
        floor = study["noise_floor"]["mean"]
        lines.append(f"{problem}: MMD to fresh samples, start → end (noise floor {floor:.4f})")
        for method, entry in study["methods"].items():
            first, last, error = entry["mean"][0], entry["mean"][-1], entry["standard_error"][-1]
            change = f"{first:.4f} → {with_error(last, error).rstrip()}"
            floors = f"{entry['in_noise_floors']:.2f} noise floors"
            lines.append(f"  {method:<8s} {change}, {floors}")
    lines.append("largest error of location and scale on the exact path (E10) by number of steps")
    for integrator, entry in path.items():
        errors = "".join(f"{error:>11.2e}" for error in entry["error"])
        lines.append(f"  {integrator:<8s}{errors}   slope {entry['slope']:.2f} ({entry['order']})")
    return lines


EXPERIMENTS = [Ingd()]
