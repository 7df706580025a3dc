"""A generator tracks the natural gradient (N1)-(N4): onto two samples, beside the flows of particles, and along a path known exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ingd_ref import _checks, plotting
from ingd_ref.backend._namespace import Array
from ingd_ref.errors import OptionError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    chosen_methods,
    mean_and_error,
    on_backend,
    option,
    stream,
)
from ingd_ref.experiments._mixture import two_gaussians
from ingd_ref.experiments._s_curve import random_s_curve
from ingd_ref.families import Gaussian
from ingd_ref.features import FamilyStatistics, RandomCenters
from ingd_ref.flows import PUBLISHED, KiNG
from ingd_ref.generators import LocationScale, MultilayerPerceptron
from ingd_ref.metrics import MMD, median_bandwidth
from ingd_ref.rkhs import MedianBandwidth, RandomNeuralTangent
from ingd_ref.runs import FlowResult, run_flow, run_ingd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Ingd"]

METHODS = ("ingd", "king", "ntking")
PROBLEMS = ("mixture", "s-curve")
ORDERS = {"euler": 1, "heun": 2, "rk4": 4}
FRESH = 1000
# The shown sample is judged in so many parts, each as large as the particles of the other flows:
# one part alone is as noisy as they are.
PARTS = 10
NOISE_DRAWS = 20
DATA_STREAM, NOISE_STREAM, METHOD_STREAM = 0, 1, 2
# Detail that the statistics and the MMD see of the curve, whose radius is one; jitter and step of
# the flows as in the study of the curve.
CURVE_BANDWIDTH, CURVE_JITTER, CURVE_STEP = 0.3, 1e-4, 0.5
# The path: from N(0, 1) to N(2, 1/2²) in two units of flow time, with the nodes of a quadrature
# rule as latent points.
PATH_START, PATH_TARGET, PATH_TIME, PATH_NODES = (0.0, 1.0), (2.0, 0.5), 2.0, 20


class _Samples(NamedTuple):
    """The samples of one trial, the same for every method."""

    particles: np.ndarray
    target: np.ndarray
    fresh: np.ndarray


@dataclass(frozen=True)
class Ingd(Experiment[FlowResult]):
    """A perceptron turns noise into a mixture of two Gaussians and into an S-curve; location and scale follow their closed form.

    All methods start from standard normal points, see one sample of the target and take equally
    many steps, of their own size: iNGD (N4) moves the parameters of a residual perceptron, by fresh
    noise in every step, and is judged by noise that it has not seen; KiNG and ntKiNG move the
    particles themselves. The MMD (Q1) is to fresh samples of the target.
    """

    dim: int = option(5, "dimension d of the mixture")
    trials: int = option(3, "number of trials, each with its own samples")
    methods: tuple[str, ...] = option(METHODS, f"which methods: some of {','.join(METHODS)}")
    steps: int = option(100, "steps of each method")
    number: int = option(100, "particles of the flows, and points that an MMD judges")
    samples: int = option(1000, "samples of the target")
    latents: int = option(400, "noise points of a step of iNGD, drawn anew")
    features: int = option(200, "random centres of the statistics, drawn anew at each step")
    width: int = option(64, "width of the two hidden layers of the perceptron")
    step_size: float = option(
        0.2, "flow time of a step of iNGD: noise averages over 1/step_size steps"
    )
    ridge: float = option(1e-3, "ridge λ of iNGD")
    jitter: float = option(1e-4, "jitter ε of iNGD")
    path_steps: tuple[int, ...] = option(
        (20, 40, 80, 160), "numbers of steps along the path of location and scale"
    )

    name = "ingd"
    summary = "a generator tracks the natural gradient, beside flows of particles"

    def check(self) -> None:
        chosen_methods(self.methods, METHODS)
        for label in (
            "dim",
            "trials",
            "steps",
            "number",
            "samples",
            "latents",
            "features",
            "width",
        ):
            _checks.positive_integer(getattr(self, label), label)
        _checks.positive(self.step_size, "step_size")
        for label in ("ridge", "jitter"):
            _checks.nonnegative(getattr(self, label), label)
        if len(self.path_steps) < 2 or len(set(self.path_steps)) < len(self.path_steps):
            raise OptionError(
                f"path_steps must be two or more different numbers, to see how the error falls, got {self.path_steps}"
            )
        for count in self.path_steps:
            _checks.positive_integer(count, "path_steps")

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
        samples = _Samples(
            *(on_backend(points, self.backend) for points in self.problem(problem, piece.trial))
        )
        distance = self._distance(problem, samples.fresh)
        rng = stream(
            self.seed, piece.trial, METHOD_STREAM, PROBLEMS.index(problem), METHODS.index(method)
        )
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
                [
                    results[Piece(f"{problem}-{method}", trial)].particles
                    for trial in range(self.trials)
                ]
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
        return Report(
            mixture["methods"],
            findings,
            arrays,
            self._figures(results, studies, path),
            _lines(studies, path),
        )

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
            metrics={
                "mmd": lambda x: float(
                    np.mean(
                        [
                            distance(x[k * self.number : (k + 1) * self.number, :])
                            for k in range(PARTS)
                        ]
                    )
                )
            },
            keep_every=self.steps,
            progress=progress,
        )

    def _flow(self, problem: str, method: str) -> tuple[KiNG, float]:
        """The flow of particles, with the numbers and the step size of its own study."""
        kernel = MedianBandwidth(rule="lower") if method == "king" else RandomNeuralTangent()
        if problem == "mixture":
            return KiNG(self._features(problem), kernel, **PUBLISHED), 1.0
        return KiNG(self._features(problem), kernel, jitter=CURVE_JITTER), CURVE_STEP

    def _features(self, problem: str) -> RandomCenters:
        return RandomCenters(
            self.features, "median" if problem == "mixture" else CURVE_BANDWIDTH, rule="lower"
        )

    def _sample(self, problem: str, number: int, rng: np.random.Generator) -> np.ndarray:
        return (
            two_gaussians(number, self.dim, rng)
            if problem == "mixture"
            else random_s_curve(number, rng)
        )

    def _distance(self, problem: str, fresh: Array) -> Callable[[Array], float]:
        """MMD to fresh samples, at the bandwidth of the study that the problem comes from."""
        distance = MMD(fresh)
        return lambda x: distance(
            x, median_bandwidth(x, "lower") if problem == "mixture" else CURVE_BANDWIDTH
        )

    def _path(self, integrator: str, count: int, progress: Any) -> FlowResult:
        """Location and scale, with the statistics (x, x²), exact moments, and no regularisation."""
        from scipy.special import roots_hermitenorm

        nodes, weights = roots_hermitenorm(PATH_NODES)
        nodes, weights = (
            on_backend(nodes[:, None], self.backend),
            on_backend(weights / np.sum(weights), self.backend),
        )
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

    def _study(self, problem: str, results: Mapping[Piece, FlowResult]) -> dict[str, Any]:
        """MMD of each method, and the floor below which differences say nothing."""
        floor = self._noise_floor(problem)
        methods: dict[str, dict[str, Any]] = {}
        for method in self.methods:
            own = [results[Piece(f"{problem}-{method}", trial)] for trial in range(self.trials)]
            values = np.array([result.history["mmd"] for result in own])
            mean, error = mean_and_error(values)
            methods[method] = {
                "mmd": values.tolist(),
                "mean": mean.tolist(),
                "standard_error": error.tolist(),
                "in_noise_floors": float(mean[-1] / floor["mean"]),
                "seconds": [result.seconds for result in own],
            }
        return {"methods": methods, "noise_floor": floor}

    def _noise_floor(self, problem: str) -> dict[str, float]:
        """MMD of samples that come from the target itself, as many as there are particles."""
        values = []
        for trial in range(self.trials):
            distance = self._distance(problem, self.problem(problem, trial).fresh)
            rng = stream(self.seed, trial, NOISE_STREAM, PROBLEMS.index(problem))
            values.append(
                np.mean(
                    [distance(self._sample(problem, self.number, rng)) for _ in range(NOISE_DRAWS)]
                )
            )
        mean, error = mean_and_error(np.array(values))
        return {
            "mean": float(mean),
            "standard_error": float(error),
            "draws": self.trials * NOISE_DRAWS,
        }

    def _path_entry(self, integrator: str, results: Mapping[Piece, FlowResult]) -> dict[str, Any]:
        """Largest distance of location and scale from their closed form, by number of steps."""
        own = [results[Piece(f"path-{integrator}", count)] for count in self.path_steps]
        errors = [
            float(np.max(np.abs(result.parameter_trajectory - _closed_form(result.times))))
            for result in own
        ]
        slope = float(
            np.polyfit(
                np.log(self.path_steps), -np.log(np.maximum(errors, np.finfo(float).tiny)), 1
            )[0]
        )
        return {
            "steps": list(self.path_steps),
            "error": errors,
            "slope": slope,
            "order": ORDERS[integrator],
        }

    def _figures(
        self,
        results: Mapping[Piece, FlowResult],
        studies: Mapping[str, Mapping[str, Any]],
        path: Mapping[str, Mapping[str, Any]],
    ) -> dict[str, Figure]:
        figures = {}
        titles = {"mixture": f"Two Gaussians in {self.dim} dimensions", "s-curve": "S-curve"}
        for problem, study in studies.items():
            curves = {method: entry["mmd"] for method, entry in study["methods"].items()}
            figures[problem] = plotting.plot_metric_curves(
                curves, ylabel="MMD to fresh samples", title=titles[problem]
            )
            plotting.add_level(
                figures[problem], study["noise_floor"]["mean"], f"{self.number} fresh samples"
            )
        if "ingd" in self.methods:
            trajectory, target = (
                results[Piece("s-curve-ingd", 0)].trajectory,
                self.problem("s-curve", 0).target,
            )
            figures["generated"] = plotting.plot_particles(
                trajectory[0], trajectory[-1], target, title="What the generator makes of noise"
            )
        coarsest = min(self.path_steps)
        runs = {
            f"{name}, {coarsest} steps": results[Piece(f"path-{name}", coarsest)] for name in ORDERS
        }
        times = next(iter(runs.values())).times
        paths = {name: result.parameter_trajectory for name, result in runs.items()}
        figures["path"] = plotting.plot_path_error(
            times, _closed_form(times), paths, ylabel="location and scale", title="Exact path"
        )
        sizes = [PATH_TIME / count for count in self.path_steps]
        errors = {
            f"{name} (slope {entry['slope']:.2f})": entry["error"] for name, entry in path.items()
        }
        orders = {
            f"{name} (slope {entry['slope']:.2f})": entry["order"] for name, entry in path.items()
        }
        figures["convergence"] = plotting.plot_convergence(
            sizes, errors, orders, ylabel="largest error on the path", title="Exact path"
        )
        return figures


def _closed_form(times: np.ndarray) -> np.ndarray:
    """Location and scale (k, 2) along (E10): those of the distribution whose first two moments lie on the straight line."""
    start, target = (np.array([m, m**2 + s**2]) for m, s in (PATH_START, PATH_TARGET))
    moments = target + np.exp(-times)[:, None] * (start - target)
    return np.stack([moments[:, 0], np.sqrt(moments[:, 1] - moments[:, 0] ** 2)], axis=1)


def _lines(
    studies: Mapping[str, Mapping[str, Any]], path: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    lines = []
    for problem, study in studies.items():
        floor = study["noise_floor"]["mean"]
        lines.append(
            f"MMD to fresh samples on the {problem}, start → end (noise floor {floor:.4f})"
        )
        for method, entry in study["methods"].items():
            first, last, error = entry["mean"][0], entry["mean"][-1], entry["standard_error"][-1]
            lines.append(
                f"  {method:<8s} {first:.4f} → {last:.4f} ±{error:.4f}, {entry['in_noise_floors']:.2f} noise floors"
            )
    lines.append("largest error of location and scale on the exact path (E10) by number of steps")
    for integrator, entry in path.items():
        errors = "".join(f"{error:>11.2e}" for error in entry["error"])
        lines.append(f"  {integrator:<8s}{errors}   slope {entry['slope']:.2f} ({entry['order']})")
    return lines
