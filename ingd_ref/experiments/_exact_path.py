"""Flows with a known path: the mean parameters move along a straight line (E10)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, to_host
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    check_fields,
    check_methods,
    check_several,
    on_backend,
    option,
    slope,
    stream,
)
from ingd_ref.families import ExponentialFamily, Gamma, Gaussian
from ingd_ref.features import FamilyStatistics
from ingd_ref.flows import KiNG
from ingd_ref.plotting._convergence import plot_convergence
from ingd_ref.plotting._paths import plot_path_error
from ingd_ref.rkhs import GradientGaussian
from ingd_ref.runs import FlowResult, run_flow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ExactPath", "convergence_figure"]

FAMILIES: dict[str, Callable[[], ExponentialFamily]] = {"gaussian": Gaussian, "gamma": Gamma}
ORDERS = {"euler": 1, "heun": 2, "rk4": 4}
SAMPLINGS = ("quadrature", "samples")
START_STREAM, TARGET_STREAM = 0, 1


@dataclass(frozen=True)
class ExactPath(Experiment[FlowResult]):
    """KiNG with the sufficient statistics of a family, ridge = jitter = 0, and several integrators.

    The moments of the weighted particles obey d/dt E_q f = Δ exactly (K10), so that μ(t) = μ* +
    e^{−t} (μ(0) − μ*) for any nodes and kernel. What remains is the error of the integrator, of
    order 1 for Euler, 2 for Heun and 4 for RK4.

    A step that carries a particle of the Gamma family across zero ends the run with a
    :class:`~ingd_ref.errors.DomainError`. While the shape grows, as by default, log x repels
    particles from zero; towards smaller shapes take short steps.
    """

    name: str = "gaussian"
    start: tuple[float, ...] = option((0.0, 1.0), "classical parameters at the start")
    target: tuple[float, ...] = option((2.0, 0.25), "classical parameters of the target")
    methods: tuple[str, ...] = option(("euler", "rk4"), f"integrators, from {', '.join(ORDERS)}")
    steps: tuple[int, ...] = option((20, 40, 80, 160), "numbers of steps to compare")
    time: float = option(2.0, "flow time of each run")
    particles: str = option("quadrature", "quadrature (weighted Gauss nodes) or samples (random)")
    number: int = option(20, "number of particles, and of target points")
    bandwidth: float = option(3.0, "bandwidth σ of the matrix kernel, in units of the particles")

    parallel = False

    small: ClassVar = {"steps": (8, 16), "methods": ("euler", "rk4")}

    @property
    def summary(self) -> str:
        """Its question in a few words."""
        return f"errors of integrators on an exact {self.name.capitalize()} path"

    def check(self) -> None:
        check_methods(self.methods, tuple(ORDERS))
        _checks.choice(self.particles, "particles", SAMPLINGS)
        check_fields(self, ("number",), ("time", "bandwidth"))
        if self.number < 2:
            raise DomainError(f"number must be at least 2, to have a spread, got {self.number}")
        check_several(self.steps, "steps")
        for label in ("start", "target"):
            self._theta(label)

    def pieces(self) -> list[Piece]:
        return [Piece(method, count) for method in self.methods for count in self.steps]

    def run(self, piece: Piece, progress: Any = False) -> FlowResult:
        (x, weights), (y, target_weights) = self._points("start"), self._points("target")
        step_size = self.time / piece.trial
        features, kernel = FamilyStatistics(self._family()), GradientGaussian(self.bandwidth)
        flow = KiNG(features, kernel, ridge=0.0, jitter=0.0)
        try:
            return run_flow(
                flow,
                on_backend(x, self.backend),
                on_backend(y, self.backend),
                weights=on_backend(weights, self.backend),
                target_weights=on_backend(target_weights, self.backend),
                steps=piece.trial,
                step_size=step_size,
                integrator=piece.method,
                rng=stream(self.seed),
                progress=progress,
            )
        except DomainError as error:
            advice = f"a step of {step_size:g} is too long; take more steps"
            raise DomainError(f"{advice}: {error}") from error

    def report(self, results: Mapping[Piece, FlowResult]) -> Report:
        methods: dict[str, dict[str, Any]] = {}
        sizes = [self.time / count for count in self.steps]
        for method in self.methods:
            curves = [self._errors(results[Piece(method, count)]) for count in self.steps]
            errors = [float(np.max(curve)) for curve in curves]
            methods[method] = {
                "steps": list(self.steps),
                "step_size": sizes,
                "error": errors,
                "slope": slope(sizes, errors),
                "order": ORDERS[method],
                "curves": [curve.tolist() for curve in curves],
                "seconds": [results[Piece(method, count)].seconds for count in self.steps],
            }
        start, target = self._moments("start"), self._moments("target")
        findings = {"start_moments": start.tolist(), "target_moments": target.tolist()}
        arrays = {
            f"{piece.method}_{piece.trial}": result.trajectory for piece, result in results.items()
        }
        arrays |= {
            f"{label}_{part}": value
            for label in ("start", "target")
            for part, value in self._points(label)._asdict().items()
        }
        figures = self._figures(results, methods)
        return Report(methods, findings, arrays, figures, self._lines(methods))

    def _family(self) -> ExponentialFamily:
        _checks.choice(self.name, "name", tuple(FAMILIES))
        return FAMILIES[self.name]()

    def _theta(self, label: str) -> Array:
        """Natural parameters of the start or of the target."""
        family, values = self._family(), getattr(self, label)
        names = [parameter.name for parameter in family.parameters]
        if len(values) != len(names):
            expected = " and ".join(names)
            raise OptionError(f"{label} must give {expected}, got {len(values)} number(s)")
        return family.natural(**dict(zip(names, values, strict=True)))

    def _points(self, label: str) -> _Weighted:
        """Weighted particles of the start or of the target, the same in every run."""
        theta = self._theta(label)
        if self.particles == "samples":
            rng = stream(self.seed, START_STREAM if label == "start" else TARGET_STREAM)
            samples = to_host(self._family().sample(theta, self.number, rng))
            return _Weighted(samples, np.full(self.number, 1.0 / self.number))
        return _nodes(self.name, self.number, *getattr(self, label))

    def _moments(self, label: str) -> np.ndarray:
        points = self._points(label)
        return np.asarray(self._means(points.weights, points.nodes[None])[0])

    def _path(self, result: FlowResult) -> np.ndarray:
        """Moments of the particles in each frame, shape (k, b)."""
        return self._means(self._points("start").weights, result.trajectory)

    def _means(self, weights: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Weighted means of the sufficient statistics over frames (k, n, 1), shape (k, b)."""
        return np.stack([weights @ to_host(self._family().statistics(frame)) for frame in frames])

    def _exact(self, times: np.ndarray) -> np.ndarray:
        """Moments along the exact path (E10), shape (k, b)."""
        start, target = self._moments("start"), self._moments("target")
        return np.asarray(target + np.exp(-times)[:, None] * (start - target))

    def _errors(self, result: FlowResult) -> np.ndarray:
        """Distance from the exact path in each frame, relative to its length."""
        length = np.linalg.norm(self._moments("target") - self._moments("start"))
        if length == 0:
            raise DomainError("start and target have the same moments: there is no path to follow")
        gaps = self._path(result) - self._exact(result.times)
        return np.asarray(np.linalg.norm(gaps, axis=1) / length)

    def _figures(
        self, results: Mapping[Piece, FlowResult], methods: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Figure]:
        coarsest = min(self.steps)
        times = results[Piece(self.methods[0], coarsest)].times
        flows = {
            f"{method}, {coarsest} steps": self._path(results[Piece(method, coarsest)])
            for method in self.methods
        }
        exact, title = self._exact(times), f"{self.name.capitalize()} family"
        sizes = [self.time / count for count in self.steps]
        path = plot_path_error(times, exact, flows, ylabel="mean parameters", title=title)
        return {"path": path, "convergence": convergence_figure(sizes, methods, title)}

    def _lines(self, methods: Mapping[str, Mapping[str, Any]]) -> list[str]:
        counts = "".join(f"{count:>11d}" for count in self.steps)
        lines = ["largest relative error on the exact path (E10) by number of steps"]
        lines.append(f"  integrator  {counts}   slope (order)")
        for method, entry in methods.items():
            errors = "".join(f"{error:>11.2e}" for error in entry["error"])
            lines.append(f"  {method:<12s}{errors}   {entry['slope']:.2f} ({entry['order']})")
        return lines


class _Weighted(NamedTuple):
    """Points (n, 1) and their weights (n,)."""

    nodes: np.ndarray
    weights: np.ndarray


def _nodes(name: str, number: int, first: float, second: float) -> _Weighted:
    """Gauss nodes of the normal (mean, variance) or the Gamma distribution (shape, rate)."""
    from scipy.special import roots_genlaguerre, roots_hermitenorm

    if name == "gaussian":
        nodes, weights = roots_hermitenorm(number)
        nodes = first + math.sqrt(second) * nodes
    else:
        nodes, weights = roots_genlaguerre(number, first - 1.0)
        nodes = nodes / second
    return _Weighted(nodes[:, None], weights / np.sum(weights))


def convergence_figure(
    sizes: Sequence[float], methods: Mapping[str, Mapping[str, Any]], title: str
) -> Figure:
    """Draw the errors of integrators against step sizes, with the measured slopes as labels."""
    label = {name: f"{name} (slope {entry['slope']:.2f})" for name, entry in methods.items()}
    errors = {label[name]: entry["error"] for name, entry in methods.items()}
    orders = {label[name]: entry["order"] for name, entry in methods.items()}
    return plot_convergence(sizes, errors, orders, "largest error on the path", title)


EXPERIMENTS = [
    ExactPath(),
    ExactPath(name="gamma", start=(2.0, 1.0), target=(6.0, 2.0)),
]
