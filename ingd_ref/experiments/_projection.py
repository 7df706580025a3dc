"""Velocities of natural parameters estimated from samples, on paths whose velocity is known (P7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref import _checks, plotting
from ingd_ref.backend import to_host
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
from ingd_ref.families import Gamma, Gaussian
from ingd_ref.features import FamilyStatistics
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
# Half step of the central differences of the Gamma path: a bias of h² (2π)² / 6 = 7e-6 of θ̇, a
# tenth of the error of 1e8 samples.
HALF_STEP = 1e-3
# Where on the path errors and coverage are measured: no turning point of either parameter.
TIME = 0.3
STUDIES = ("rates", "error", "coverage")
#: Natural velocity of each path in the legend of figures.
NAMES = {"gaussian": ("d/dt (m/s²)", "d/dt (−1/(2s²))"), "gamma": ("d/dt α", "d/dt (−β)")}


@dataclass(frozen=True)
class Projection(Experiment[dict[str, np.ndarray]]):
    """Tangent and window projections of a Gaussian and a Gamma distribution that move, against the truth.

    The Gaussian particles x = m(t) + s(t) z have velocities, the tangent is (P4). The Gamma
    particles are quantiles, x = F⁻¹(u; α(t))/β(t) with u kept fixed, and the tangent comes from
    pairs at t ± h. Windows see independent samples at each time and nothing else (P5).
    """

    paths: tuple[str, ...] = option(PATHS, f"which paths: some of {','.join(PATHS)}")
    tangents: int = option(17, "number of times at which tangents are estimated")
    samples: int = option(2000, "samples of each tangent, and in the study of coverage")
    times: int = option(65, "number of times of the window")
    window_samples: int = option(500, "samples at each time of the window")
    functions: int = option(9, "number of cubic B-splines in the window")
    numbers: tuple[int, ...] = option(
        (100, 1000, 10_000, 100_000, 1_000_000), "numbers of samples for which errors are measured"
    )
    replications: int = option(400, "replications for each number of samples")
    draws: int = option(
        40_000_000, "samples in all for each number, which limits the replications of large numbers"
    )
    intervals: int = option(2000, "replications of the study of coverage")

    name = "projection"
    summary = "natural velocities estimated from samples of moving distributions"

    def check(self) -> None:
        chosen_methods(self.paths, PATHS)
        for label in (
            "tangents",
            "samples",
            "times",
            "window_samples",
            "functions",
            "replications",
            "draws",
            "intervals",
        ):
            _checks.positive_integer(getattr(self, label), label)
        if min(self.times, self.samples, self.window_samples) < 10 or self.functions < 4:
            raise DomainError(
                "times, samples and window_samples must be at least 10, and functions at least 4"
            )
        if len(self.numbers) < 2 or len(set(self.numbers)) < len(self.numbers):
            raise OptionError(
                f"numbers must be two or more different numbers, to see how the error falls, got {self.numbers}"
            )
        for number in self.numbers:
            if _checks.positive_integer(number, "numbers") < 10:
                raise DomainError(f"numbers must be at least 10 each, got {number}")

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
        replications = (
            min(self.replications, max(1, self.draws // number))
            if study == "error"
            else self.intervals
        )
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
                np.abs(intervals["estimates"] - truth) <= 1.959964 * intervals["errors"], axis=0
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
            figures[path] = plotting.plot_rates(
                rates["grid"],
                rates["truth"],
                (rates["times"], rates["tangent"], 1.96 * rates["tangent_error"]),
                band=(rates["window"], 1.96 * rates["window_error"]),
                names=NAMES[path],
                labels=(
                    f"tangent, N = {self.samples}",
                    f"window, {self.times} × {self.window_samples}",
                ),
                title=f"{path.capitalize()} path",
            )
        curves = {
            f"{path} (slope {entry['slope']:.3f})": entry["error"]
            for path, entry in methods.items()
        }
        figures["errors"] = plotting.plot_sample_error(
            self.numbers, curves, title="Tangent projection"
        )
        return Report(methods, {}, arrays, figures, self._lines(methods))

    def _rates(self, path: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Tangents at some times, and one window over all of time."""
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
            return tangent_projection(
                _statistics(path), particles, velocities=on_backend(velocities, self.backend)
            )
        before, after = (
            on_backend(_particles(path, t + step, noise), self.backend)
            for step in (-HALF_STEP, HALF_STEP)
        )
        return paired_tangent_projection(_statistics(path), before, after, HALF_STEP)

    def _lines(self, methods: Mapping[str, Mapping[str, Any]]) -> list[str]:
        lines = ["root-mean-square error of the natural velocity by number of samples"]
        lines.append(
            "  path      "
            + "".join(f"{number:>11d}" for number in self.numbers)
            + "   slope    95 % intervals cover"
        )
        for path, entry in methods.items():
            errors = "".join(f"{error:>11.2e}" for error in entry["error"])
            covered = ", ".join(f"{100 * share:.1f} %" for share in entry["coverage"])
            lines.append(f"  {path:<10s}{errors}   {entry['slope']:.3f}   {covered}")
        return lines


def gaussian_path(t: Any) -> tuple[Any, Any, Any, Any]:
    """Mean and deviation of the Gaussian at time t, and their rates."""
    return (
        0.8 * np.sin(TURN * t),
        1.0 + 0.3 * np.cos(TURN * t),
        0.8 * TURN * np.cos(TURN * t),
        -0.3 * TURN * np.sin(TURN * t),
    )


def gamma_path(t: Any) -> tuple[Any, Any, Any, Any]:
    """Shape and rate of the Gamma distribution at time t, and their rates."""
    return (
        3.0 + np.sin(TURN * t),
        1.5 + 0.5 * np.cos(TURN * t),
        TURN * np.cos(TURN * t),
        -0.5 * TURN * np.sin(TURN * t),
    )


def true_rate(path: str, t: np.ndarray) -> np.ndarray:
    """θ̇ (m, 2) of (P7) at times (m,)."""
    if path == "gaussian":
        m, s, m_rate, s_rate = gaussian_path(t)
        return np.stack([m_rate / s**2 - 2.0 * m * s_rate / s**3, s_rate / s**3], axis=-1)
    _, _, shape_rate, rate_rate = gamma_path(t)
    return np.stack([shape_rate, -rate_rate], axis=-1)


def _noise(path: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """What stays fixed while particles move, (..., n, 1): standard normal numbers, or ranks between 0 and 1."""
    return rng.normal(size=(*shape, 1)) if path == "gaussian" else 1.0 - rng.random((*shape, 1))


def _particles(path: str, t: float, noise: np.ndarray) -> np.ndarray:
    """Particles at time t."""
    if path == "gaussian":
        m, s, _, _ = gaussian_path(t)
        return np.asarray(m + s * noise)
    from scipy.special import gammainccinv

    shape, rate, _, _ = gamma_path(t)
    return np.asarray(gammainccinv(shape, noise) / rate)


def _statistics(path: str) -> FamilyStatistics:
    return FamilyStatistics(Gaussian() if path == "gaussian" else Gamma())
