"""Velocities of natural parameters estimated from samples, on paths of known velocity (P7)."""

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
    check_methods,
    check_several,
    on_backend,
    option,
    stream,
)
from ingd_ref.families import Gamma, Gaussian
from ingd_ref.features import FamilyStatistics
from ingd_ref.plotting._convergence import plot_sample_error
from ingd_ref.plotting._rates import plot_rates
from ingd_ref.projection import (
    BSpline,
    TangentProjection,
    paired_tangent_projection,
    tangent_projection,
    window_projection,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Projection"]

PATHS = ("gaussian", "gamma")
TURN = 2.0 * np.pi
# Half step h of the central differences of the Gamma path. Its relative bias, h² (2π)²/6 = 7e-6,
# is a tenth of the error of 1e8 samples.
HALF_STEP = 1e-3
# Time at which errors and coverage are measured, away from the turning points of the parameters.
TIME = 0.3
# A normal variable lies within this many standard deviations of its mean with probability 95 %.
NORMAL_95 = 1.959964
STUDIES = ("rates", "error", "coverage")
# Labels of the components of θ̇ in figures.
NAMES = {"gaussian": ("d/dt (m/s²)", "d/dt (−1/(2s²))"), "gamma": ("d/dt α", "d/dt (−β)")}


@dataclass(frozen=True)
class Projection(Experiment[dict[str, np.ndarray]]):
    """Compare tangent and window projections of a Gaussian and a Gamma path with the truth.

    The Gaussian particles x = m(t) + s(t) z have known velocities, and the tangent is (P4). The
    Gamma particles are the quantiles x = F⁻¹(u; α(t))/β(t) of fixed u, and the tangent comes from
    pairs at t ± h. A window sees only independent samples at each time (P5).
    """

    paths: tuple[str, ...] = option(PATHS, f"paths, from {', '.join(PATHS)}")
    tangents: int = option(17, "number of tangents")
    samples: int = option(2000, "number of samples per tangent, and for the coverage")
    times: int = option(65, "number of times in the window")
    window_samples: int = option(500, "number of samples at each time of the window")
    functions: int = option(9, "number of cubic B-splines in the window")
    numbers: tuple[int, ...] = option(
        (100, 1000, 10_000, 100_000, 1_000_000), "numbers of samples at which to measure errors"
    )
    replications: int = option(400, "largest number of replications for each of these")
    draws: int = option(40_000_000, "largest total number of samples for each of these")
    intervals: int = option(2000, "number of replications for the coverage")

    name = "projection"
    summary = "natural velocities, estimated from moving samples"
    small: ClassVar = {
        "tangents": 5,
        "samples": 300,
        "times": 17,
        "window_samples": 40,
        "functions": 5,
        "numbers": (200, 800),
        "replications": 60,
        "intervals": 40,
    }

    def check(self) -> None:
        check_methods(self.paths, PATHS, "paths")
        check_fields(self, ("tangents", "samples", "times", "window_samples", "functions"))
        check_fields(self, ("replications", "draws", "intervals"))
        if min(self.times, self.samples, self.window_samples) < 10 or self.functions < 4:
            least = "at least 10, and functions at least 4"
            raise DomainError(f"times, samples and window_samples must be {least}")
        check_several(self.numbers, "numbers")
        if min(self.numbers) < 10:
            raise DomainError(f"numbers must be at least 10 each, got {min(self.numbers)}")

    def pieces(self) -> list[Piece]:
        found = []
        for path in self.paths:
            found += [Piece(f"{path}-rates", 0), Piece(f"{path}-coverage", 0)]
            found += [Piece(f"{path}-error", number) for number in self.numbers]
        return found

    def run(self, piece: Piece, progress: Any = False) -> dict[str, np.ndarray]:
        path, study = piece.method.split("-")
        rng = stream(self.seed, PATHS.index(path), STUDIES.index(study), piece.trial)
        if study == "rates":
            return self._rates(path, rng)
        number = piece.trial if study == "error" else self.samples
        most = min(self.replications, max(1, self.draws // number))
        replications = most if study == "error" else self.intervals
        estimates, errors = [], []
        batch = max(1, 1_000_000 // number)
        for first in range(0, replications, batch):
            found = self._tangent(path, TIME, (min(batch, replications - first), number), rng)
            estimates.append(to_host(found.rate))
            if study == "coverage":
                errors.append(to_host(found.standard_error))
        result = {"estimates": np.concatenate(estimates)}
        return result | ({"errors": np.concatenate(errors)} if errors else {})

    def report(self, results: Mapping[Piece, dict[str, np.ndarray]]) -> Report:
        methods: dict[str, dict[str, Any]] = {}
        figures: dict[str, Figure] = {}
        arrays: dict[str, np.ndarray] = {}
        for path in self.paths:
            truth = true_rate(path, np.array([TIME]))[0]
            gaps = [
                results[Piece(f"{path}-error", number)]["estimates"] - truth
                for number in self.numbers
            ]
            errors = [float(np.sqrt(np.mean(np.sum(gap**2, axis=1)))) for gap in gaps]
            slope = float(np.polyfit(np.log(self.numbers), np.log(errors), 1)[0])
            intervals = results[Piece(f"{path}-coverage", 0)]
            covered = np.mean(
                np.abs(intervals["estimates"] - truth) <= NORMAL_95 * intervals["errors"], axis=0
            )
            rates = results[Piece(f"{path}-rates", 0)]
            methods[path] = {
                "numbers": list(self.numbers),
                "error": errors,
                "replications": [len(gap) for gap in gaps],
                "slope": slope,
                "coverage": covered.tolist(),
                "window_error": float(np.sqrt(np.mean((rates["window"] - rates["truth"]) ** 2))),
                "seconds": [],
            }
            arrays |= {f"{path}_{key}": value for key, value in rates.items()}
            figures[path] = self._figure(path, rates)
        curves = {
            f"{path} (slope {entry['slope']:.3f})": entry["error"]
            for path, entry in methods.items()
        }
        figures["errors"] = plot_sample_error(self.numbers, curves, title="Tangent projection")
        return Report(methods, {}, arrays, figures, self._lines(methods))

    def _figure(self, path: str, rates: Mapping[str, np.ndarray]) -> Figure:
        windows = f"{self.times} × {self.window_samples}"
        return plot_rates(
            rates["grid"],
            rates["truth"],
            (rates["times"], rates["tangent"], 1.96 * rates["tangent_error"]),
            band=(rates["window"], 1.96 * rates["window_error"]),
            names=NAMES[path],
            labels=(f"tangent, N = {self.samples}", f"window, {windows}"),
            title=f"{path.capitalize()} path",
        )

    def _rates(self, path: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Tangents at some times, and one window over all times."""
        points, times, grid = (
            np.linspace(0.0, 1.0, number) for number in (self.tangents, self.times, 101)
        )
        tangents = [self._tangent(path, float(t), (self.samples,), rng) for t in points]
        fresh = np.stack(
            [_particles(path, float(t), _noise(path, (self.window_samples,), rng)) for t in times]
        )
        window = window_projection(
            _statistics(path),
            times,
            on_backend(fresh, self.backend),
            basis=BSpline(self.functions),
            time_weights="simpson",
        )
        return {
            "times": points,
            "grid": grid,
            "truth": true_rate(path, grid),
            "tangent": np.stack([to_host(one.rate) for one in tangents]),
            "tangent_error": np.stack([to_host(one.standard_error) for one in tangents]),
            "window": to_host(window.rate(grid)),
            "window_error": to_host(window.standard_error(grid)),
        }

    def _tangent(
        self, path: str, t: float, shape: tuple[int, ...], rng: np.random.Generator
    ) -> TangentProjection:
        noise = _noise(path, shape, rng)
        if path == "gaussian":
            _, _, m_rate, s_rate = gaussian_path(t)
            velocities = m_rate + s_rate * noise
            particles = on_backend(_particles(path, t, noise), self.backend)
            velocities = on_backend(velocities, self.backend)
            return tangent_projection(_statistics(path), particles, velocities=velocities)
        before, after = (
            on_backend(_particles(path, t + step, noise), self.backend)
            for step in (-HALF_STEP, HALF_STEP)
        )
        return paired_tangent_projection(_statistics(path), before, after, HALF_STEP)

    def _lines(self, methods: Mapping[str, Mapping[str, Any]]) -> list[str]:
        numbers = "".join(f"{number:>11d}" for number in self.numbers)
        lines = ["root-mean-square error of the natural velocity by number of samples"]
        lines.append(f"  path      {numbers}   slope    coverage of 95 % intervals")
        for path, entry in methods.items():
            errors = "".join(f"{error:>11.2e}" for error in entry["error"])
            covered = ", ".join(f"{100 * share:.1f} %" for share in entry["coverage"])
            lines.append(f"  {path:<10s}{errors}   {entry['slope']:.3f}   {covered}")
        return lines


def gaussian_path(t: Any) -> tuple[Any, Any, Any, Any]:
    """Return mean and standard deviation of the Gaussian at time t, and their rates."""
    return (
        0.8 * np.sin(TURN * t),
        1.0 + 0.3 * np.cos(TURN * t),
        0.8 * TURN * np.cos(TURN * t),
        -0.3 * TURN * np.sin(TURN * t),
    )


def gamma_path(t: Any) -> tuple[Any, Any, Any, Any]:
    """Return shape and rate of the Gamma distribution at time t, and their rates."""
    return (
        3.0 + np.sin(TURN * t),
        1.5 + 0.5 * np.cos(TURN * t),
        TURN * np.cos(TURN * t),
        -0.5 * TURN * np.sin(TURN * t),
    )


def true_rate(path: str, t: np.ndarray) -> np.ndarray:
    """Return θ̇ (m, 2) of (P7) at times (m,)."""
    if path == "gaussian":
        m, s, m_rate, s_rate = gaussian_path(t)
        return np.stack([m_rate / s**2 - 2.0 * m * s_rate / s**3, s_rate / s**3], axis=-1)
    _, _, shape_rate, rate_rate = gamma_path(t)
    return np.stack([shape_rate, -rate_rate], axis=-1)


def _noise(path: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw what stays fixed along the path, (..., n, 1): normal numbers, or ranks in (0, 1]."""
    return rng.normal(size=(*shape, 1)) if path == "gaussian" else 1.0 - rng.random((*shape, 1))


def _particles(path: str, t: float, noise: np.ndarray) -> np.ndarray:
    """Particles at time t, of the shape of the noise."""
    if path == "gaussian":
        m, s, _, _ = gaussian_path(t)
        return np.asarray(m + s * noise)
    from scipy.special import gammainccinv

    shape, rate, _, _ = gamma_path(t)
    return np.asarray(gammainccinv(shape, noise) / rate)


def _statistics(path: str) -> FamilyStatistics:
    return FamilyStatistics(Gaussian() if path == "gaussian" else Gamma())


EXPERIMENTS = [Projection()]
