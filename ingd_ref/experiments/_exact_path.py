"""Flows whose path is known exactly: the mean parameters of a family move along a straight line (E10)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ingd_ref import _checks, plotting
from ingd_ref.backend._namespace import Array, to_host
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    chosen_methods,
    on_backend,
    option,
    stream,
)
from ingd_ref.families import ExponentialFamily, Gamma, Gaussian
from ingd_ref.features import FamilyStatistics
from ingd_ref.flows import KiNG
from ingd_ref.rkhs import GradientGaussian
from ingd_ref.runs import FlowResult, run_flow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ExactPath"]

FAMILIES: dict[str, Callable[[], ExponentialFamily]] = {"gaussian": Gaussian, "gamma": Gamma}
ORDERS = {"euler": 1, "heun": 2, "rk4": 4}
SAMPLINGS = ("quadrature", "samples")
START_STREAM, TARGET_STREAM = 0, 1


@dataclass(frozen=True)
class ExactPath(Experiment[FlowResult]):
    """KiNG with the statistics of a family and ridge = jitter = 0, by several integrators with several numbers of steps.

    The moments of the weighted particles obey d/dt E_q f = Δ exactly (K10), so μ(t) = μ* + e^{−t}
    (μ(0) − μ*) holds for them whatever the nodes and the kernel, and what remains is the error of
    the integrator: of order 1 for Euler, 2 for Heun and 4 for RK4.

    Points of a Gamma distribution are positive, and a step that is too long for the particle next
    to zero carries it across: that ends the run with a :class:`~ingd_ref.errors.DomainError`. In
    the flow itself log x repels from zero as long as the shape grows, which the default start and
    target see to; towards smaller shapes short steps are needed.
    """

    name: str = "gaussian"
    start: tuple[float, ...] = option(
        (0.0, 1.0), "classical parameters at the start, in the order of the family"
    )
    target: tuple[float, ...] = option((2.0, 0.25), "classical parameters of the target")
    methods: tuple[str, ...] = option(
        ("euler", "rk4"), f"which integrators: some of {','.join(ORDERS)}"
    )
    steps: tuple[int, ...] = option((20, 40, 80, 160), "numbers of steps, one run for each")
    time: float = option(2.0, "flow time of each run")
    particles: str = option("quadrature", "weighted Gauss nodes (quadrature) or random samples")
    number: int = option(20, "number of particles, and of points of the target")
    bandwidth: float = option(
        3.0, "standard deviation of the matrix kernel, in the units of the particles"
    )

    parallel = False

    @property
    def summary(self) -> str:
        """What is studied."""
        return f"error of integrators along the exact path of the {self.name.capitalize()} family"

    def check(self) -> None:
        chosen_methods(self.methods, tuple(ORDERS))
        _checks.choice(self.particles, "particles", SAMPLINGS)
        _checks.positive(self.time, "time")
        _checks.positive(self.bandwidth, "bandwidth")
        if _checks.positive_integer(self.number, "number") < 2:
            raise DomainError(
                f"number must be at least 2: one particle has no spread to fit, got {self.number}"
            )
        if len(self.steps) < 2 or len(set(self.steps)) < len(self.steps):
            raise OptionError(
                f"steps must be two or more different numbers, to see how the error falls, got {self.steps}"
            )
        for count in self.steps:
            _checks.positive_integer(count, "steps")
        for label in ("start", "target"):
            self._theta(label)

    def pieces(self) -> list[Piece]:
        return [Piece(method, count) for method in self.methods for count in self.steps]

    def run(self, piece: Piece, progress: Any = False) -> FlowResult:
        (x, weights), (y, target_weights) = self._points("start"), self._points("target")
        step_size = self.time / piece.trial
        flow = KiNG(
            FamilyStatistics(self._family()),
            GradientGaussian(self.bandwidth),
            ridge=0.0,
            jitter=0.0,
        )
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
            raise DomainError(
                f"a step of {step_size:g} is too long; take more steps: {error}"
            ) from error

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
                "slope": _slope(sizes, errors),
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
        return Report(
            methods, findings, arrays, self._figures(results, methods), self._lines(methods)
        )

    def _family(self) -> ExponentialFamily:
        _checks.choice(self.name, "name", tuple(FAMILIES))
        return FAMILIES[self.name]()

    def _theta(self, label: str) -> Array:
        """Natural parameters at the start or of the target."""
        family, values = self._family(), getattr(self, label)
        names = [parameter.name for parameter in family.parameters]
        if len(values) != len(names):
            raise OptionError(
                f"{label} must give {' and '.join(names)}, got {len(values)} number(s)"
            )
        return family.natural(**dict(zip(names, values, strict=True)))

    def _points(self, label: str) -> _Weighted:
        """Weighted particles of the start or of the target; the same in every run."""
        theta = self._theta(label)
        if self.particles == "samples":
            rng = stream(self.seed, START_STREAM if label == "start" else TARGET_STREAM)
            return _Weighted(
                to_host(self._family().sample(theta, self.number, rng)),
                np.full(self.number, 1.0 / self.number),
            )
        return _nodes(self.name, self.number, *getattr(self, label))

    def _moments(self, label: str) -> np.ndarray:
        points = self._points(label)
        return np.asarray(self._means(points.weights, points.nodes[None])[0])

    def _path(self, result: FlowResult) -> np.ndarray:
        """Moments of the particles in each frame, shape (k, b)."""
        return self._means(self._points("start").weights, result.trajectory)

    def _means(self, weights: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Weighted means of the statistics over frames (k, n, 1), shape (k, b)."""
        return np.stack([weights @ to_host(self._family().statistics(frame)) for frame in frames])

    def _exact(self, times: np.ndarray) -> np.ndarray:
        """(E10)."""
        start, target = self._moments("start"), self._moments("target")
        return np.asarray(target + np.exp(-times)[:, None] * (start - target))

    def _errors(self, result: FlowResult) -> np.ndarray:
        """Distance from the exact path in each frame, as a share of the whole way."""
        way = np.linalg.norm(self._moments("target") - self._moments("start"))
        if way == 0:
            raise DomainError("start and target have the same moments: there is no path to follow")
        return np.asarray(
            np.linalg.norm(self._path(result) - self._exact(result.times), axis=1) / way
        )

    def _figures(
        self, results: Mapping[Piece, FlowResult], methods: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Figure]:
        coarsest = min(self.steps)
        times = results[Piece(self.methods[0], coarsest)].times
        flows = {
            f"{method}, {coarsest} steps": self._path(results[Piece(method, coarsest)])
            for method in self.methods
        }
        errors = {
            f"{method} (slope {entry['slope']:.2f})": entry["error"]
            for method, entry in methods.items()
        }
        orders = {
            f"{method} (slope {entry['slope']:.2f})": entry["order"]
            for method, entry in methods.items()
        }
        sizes = [self.time / count for count in self.steps]
        title = f"{self.name.capitalize()} family"
        return {
            "path": plotting.plot_path_error(
                times, self._exact(times), flows, ylabel="mean parameters", title=title
            ),
            "convergence": plotting.plot_convergence(
                sizes, errors, orders, ylabel="largest error on the path", title=title
            ),
        }

    def _lines(self, methods: Mapping[str, Mapping[str, Any]]) -> list[str]:
        lines = ["largest relative error on the exact path (E10) by number of steps"]
        lines.append(
            "  integrator  " + "".join(f"{count:>11d}" for count in self.steps) + "   slope (order)"
        )
        for method, entry in methods.items():
            errors = "".join(f"{error:>11.2e}" for error in entry["error"])
            lines.append(f"  {method:<12s}{errors}   {entry['slope']:.2f} ({entry['order']})")
        return lines


class _Weighted(NamedTuple):
    """Points (n, 1) and their weights (n,)."""

    nodes: np.ndarray
    weights: np.ndarray


def _nodes(name: str, number: int, first: float, second: float) -> _Weighted:
    """Gauss nodes of the normal distribution (mean, variance) or of the Gamma distribution (shape, rate)."""
    from scipy.special import roots_genlaguerre, roots_hermitenorm

    if name == "gaussian":
        nodes, weights = roots_hermitenorm(number)
        nodes = first + math.sqrt(second) * nodes
    else:
        nodes, weights = roots_genlaguerre(number, first - 1.0)
        nodes = nodes / second
    return _Weighted(nodes[:, None], weights / np.sum(weights))


def _slope(sizes: Sequence[float], errors: Sequence[float]) -> float:
    """Slope of the straight line that fits log error over log step size best."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(errors, np.finfo(float).tiny)), 1)[0])
