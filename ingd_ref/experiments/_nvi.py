"""Variational inference for regression models: natural gradients beside plain ones, each with its best step size."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ingd_ref import _checks, plotting
from ingd_ref.backend import to_backend, to_host
from ingd_ref.errors import IngdError, OptionError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    chosen_methods,
    on_backend,
    option,
    stream,
)
from ingd_ref.variational import (
    BayesianLinearRegression,
    Expected,
    FullGaussian,
    GaussianApproximation,
    LogisticRegression,
    MeanFieldGaussian,
    PoissonRegression,
    Quadrature,
    elbo,
    expected_under,
    natural_step,
    plain_gradient_step,
    run_nvi,
)

__all__ = ["Nvi"]

PROBLEMS = ("linear", "logistic", "poisson")
NATURAL = ("natural", "positive", "mean-field")
PLAIN = ("cholesky", "covariance")
CAPTIONS = {
    "natural": "natural",
    "positive": "natural, positive step",
    "mean-field": "natural, mean field",
    "cholesky": "plain, Cholesky factor",
    "covariance": "plain, covariance",
}
#: Step sizes ρ that natural gradients choose from: steps of a tenth, and smaller ones by factors of
#: √½.
NATURAL_SIZES = (
    1.0,
    0.9,
    0.8,
    0.7,
    0.6,
    *(float(size) for size in 0.5 ** np.arange(1.0, 5.25, 0.5)),
)
#: Step sizes η that plain gradients choose from, by factors of √2; next to the best of them, 2^±¼
#: times it is tried as well.
PLAIN_SIZES = tuple(float(size) for size in 2.0 ** np.arange(-20.0, 0.25, 0.5))
# A run whose bound has fallen this many times as far below the start as the optimum is above it is
# lost.
LOST = 1e3
# Steps that every step size gets.
FIRST_ROUND = 64

StepRule = Callable[[Any, Expected, float], Any]


@dataclass(frozen=True)
class Nvi(Experiment[dict[str, np.ndarray]]):
    """Natural-gradient variational inference (E11) on Bayesian linear, logistic and Poisson regression, from the prior.

    Linear regression has 10 correlated coefficients and 100 data. The logistic one classifies the
    breast cancer data that scikit-learn ships (569 cases, 30 measurements, standardised, and an
    intercept). Poisson regression has 8 coefficients and 200 data.

    ``natural`` and ``positive`` are the two steps for a full precision, ``mean-field`` standard
    steps for independent coordinates; ``cholesky`` and ``covariance`` climb the same bound by plain
    gradients in (m, Cholesky factor of Σ) and in (m, Σ). Each method tries a grid of fixed step
    sizes, and the one counts that comes within the tolerance of the optimum first. Whenever the
    number of steps has doubled, only the better half of the sizes goes on.

    The optimum is that of a long run of natural gradients with a full precision, and that of L-BFGS
    with independent coordinates.
    """

    methods: tuple[str, ...] = option(
        NATURAL + PLAIN, f"which ways to climb: some of {','.join(NATURAL + PLAIN)}"
    )
    problems: tuple[str, ...] = option(PROBLEMS, f"which models: some of {','.join(PROBLEMS)}")
    tolerance: float = option(
        1e-6, "a run has arrived when it is within so many nats of the best bound"
    )
    steps: int = option(2048, "steps of each run at most")
    prior_precision: float = option(
        0.25, "precision of the prior of each coefficient of the logistic regression"
    )
    nodes: int = option(128, "quadrature nodes for each datum of the logistic regression")

    name = "nvi"
    summary = "variational inference by natural and by plain gradients"

    def check(self) -> None:
        chosen_methods(self.methods, NATURAL + PLAIN)
        for problem in self.problems:
            _checks.choice(problem, "problem", PROBLEMS)
        if not self.problems or len(set(self.problems)) < len(self.problems):
            raise OptionError(
                f"problems must name at least one of {', '.join(PROBLEMS)}, each once"
            )
        for label in ("steps", "nodes"):
            _checks.positive_integer(getattr(self, label), label)
        for label in ("tolerance", "prior_precision"):
            _checks.positive(getattr(self, label), label)

    def require(self) -> None:
        super().require()
        if "logistic" in self.problems:
            _breast_cancer()

    def pieces(self) -> list[Piece]:
        return [
            Piece(method, PROBLEMS.index(problem))
            for method in self.methods
            for problem in self.problems
        ]

    def run(self, piece: Piece, progress: Any = False) -> dict[str, np.ndarray]:
        problem = PROBLEMS[piece.trial]
        model, begun = self._model(problem), time.perf_counter()
        start, expectation = self._start(piece.method, model), self._expectation(problem)
        best = _optimum(model, expectation, start)
        optimum = float(to_host(elbo(model, best, expectation)))
        climb = _Climb(model, expectation, start, _rule(piece.method), optimum - self.tolerance)
        climbs = climb.by_size(
            NATURAL_SIZES if piece.method in NATURAL else PLAIN_SIZES, self.steps
        )
        climbs = climbs if piece.method in NATURAL else climb.refined(climbs, self.steps)
        size = min(climbs, key=lambda size: climbs[size].rank(climb.target))
        return {
            "elbo": np.array(climbs[size].elbo),
            "size": np.array(size),
            "sizes": np.array(list(climbs)),
            "arrived": np.array([found.arrival(climb.target) for found in climbs.values()]),
            "optimum": np.array(optimum),
            "mean": to_host(best.mean),
            "covariance": to_host(best.covariance),
            "seconds": np.array(time.perf_counter() - begun),
        }

    def report(self, results: Mapping[Piece, dict[str, np.ndarray]]) -> Report:
        methods: dict[str, dict[str, Any]] = {}
        for method in self.methods:
            found = [results[Piece(method, PROBLEMS.index(problem))] for problem in self.problems]
            methods[method] = {
                "problems": list(self.problems),
                "elbo": [entry["elbo"].tolist() for entry in found],
                "optimum": [float(entry["optimum"]) for entry in found],
                "step_size": [float(entry["size"]) for entry in found],
                "steps": [_arrived(entry) for entry in found],
                "sizes": [entry["sizes"].tolist() for entry in found],
                "arrived": [
                    [None if count < 0 else int(count) for count in entry["arrived"]]
                    for entry in found
                ],
                "seconds": [float(entry["seconds"]) for entry in found],
            }
        optima = {
            problem: max(methods[method]["optimum"][place] for method in self.methods)
            for place, problem in enumerate(self.problems)
        }
        findings = {"optimum": optima, "gap_of_form": _gaps(methods, optima)}
        arrays = {
            f"{PROBLEMS[piece.trial]}_{piece.method}_{key}": entry[key]
            for piece, entry in results.items()
            for key in ("elbo", "mean", "covariance")
        }
        return Report(
            methods, findings, arrays, self._figures(methods, optima), self._lines(methods, optima)
        )

    def _figures(
        self, methods: Mapping[str, Mapping[str, Any]], optima: Mapping[str, float]
    ) -> dict[str, Any]:
        panels = {
            f"{problem.capitalize()} regression": {
                CAPTIONS[method]: entry["elbo"][place] for method, entry in methods.items()
            }
            for place, problem in enumerate(self.problems)
        }
        best = dict(zip(panels, optima.values(), strict=True))
        shown = f"{'logistic' if 'logistic' in self.problems else self.problems[0]} regression".capitalize()
        return {
            "gap": plotting.plot_gaps(panels, best, self.tolerance),
            "elbo": plotting.plot_ascent(panels[shown], best[shown], title=shown),
        }

    def _lines(
        self, methods: Mapping[str, Mapping[str, Any]], optima: Mapping[str, float]
    ) -> list[str]:
        lines = [
            f"steps to within {self.tolerance:g} nats of where the method ends, with its best fixed step size; gap to the best bound"
        ]
        lines.append("  method      " + "".join(f"{problem:>34s}" for problem in self.problems))
        for method, entry in methods.items():
            cells = []
            for place, problem in enumerate(self.problems):
                count, gap = entry["steps"][place], optima[problem] - entry["optimum"][place]
                steps = f"{count}" if count is not None else f"> {self.steps}"
                cells.append(f"{steps} ({entry['step_size'][place]:.3g}), gap {gap:.1e}".rjust(34))
            lines.append(f"  {method:<12s}" + "".join(cells))
        return lines

    # The problems
    # -----------------------------------------------------------------------------------------------------------------------

    def _model(self, problem: str) -> Any:
        """The regression model on the chosen backend."""
        design, response = self.data(problem)
        a, y = on_backend(design, self.backend), on_backend(response, self.backend)
        if problem == "linear":
            return BayesianLinearRegression(a, y, noise_precision=4.0)
        if problem == "poisson":
            return PoissonRegression(a, y)
        return LogisticRegression(a, y, prior_precision=self.prior_precision)

    def data(self, problem: str) -> tuple[np.ndarray, np.ndarray]:
        """Design (n, d) and response (n,) of a problem, on the host."""
        if problem == "logistic":
            return _breast_cancer()
        rng = stream(self.seed, PROBLEMS.index(problem))
        if problem == "linear":
            # Every two columns have a correlation of 0.6.
            design = rng.normal(size=(100, 10)) @ (np.eye(10) + 0.3)
            return design, design @ rng.normal(size=10) + 0.5 * rng.normal(size=100)
        design = np.concatenate(
            [np.ones((200, 1)), rng.normal(size=(200, 7)) @ (np.eye(7) + 0.3) / 4.0], axis=1
        )
        return design, rng.poisson(np.exp(design @ rng.normal(size=8))).astype(float)

    def _expectation(self, problem: str) -> Any:
        return Quadrature(self.nodes) if problem == "logistic" else None

    def _start(self, method: str, model: Any) -> GaussianApproximation:
        """The prior, in the form that the method works with."""
        mean, precision = model.prior_mean, model.prior_precision
        if method == "mean-field":
            return MeanFieldGaussian(mean, precision)
        unit = on_backend(np.eye(mean.shape[0]), self.backend)
        return FullGaussian.from_precision(mean, precision[:, None] * unit)


class _Run(NamedTuple):
    """A run with one step size: where it is, the bound so far, and whether it can go on."""

    approximation: GaussianApproximation
    elbo: tuple[float, ...]
    alive: bool

    def arrival(self, target: float) -> int:
        """Steps until the bound exceeds the target for good, −1 if it does not."""
        below = np.nonzero(~(np.array(self.elbo) >= target))[0]
        first = int(below[-1]) + 1 if below.size else 0
        return first if first < len(self.elbo) else -1

    def rank(self, target: float) -> tuple[float, float]:
        """What is better is smaller: first the number of steps to the target, then how far it is."""
        count, last = self.arrival(target), self.elbo[-1]
        return (
            np.inf if count < 0 else float(count),
            -last if self.alive and np.isfinite(last) else np.inf,
        )


class _Climb(NamedTuple):
    """What all step sizes of a method have in common."""

    model: Any
    expectation: Any
    start: GaussianApproximation
    rule: StepRule
    target: float

    def extended(self, run: _Run | None, size: float, steps: int) -> _Run:
        """Continue a run up to so many steps; it ends where it arrives, where it is lost, and where a step fails."""
        q, bounds = (self.start, []) if run is None else (run.approximation, list(run.elbo))
        if run is not None and (not run.alive or bounds[-1] >= self.target):
            return run
        with np.errstate(all="ignore"):  # a step size that is too large may overflow
            try:
                expected = expected_under(self.model, q, self.expectation)
                if run is None:
                    bounds.append(float(to_host(expected.value + q.entropy)))
                while len(bounds) <= steps and self._lowest(bounds) < bounds[-1] < self.target:
                    q = self.rule(q, expected, size)
                    expected = expected_under(self.model, q, self.expectation)
                    bounds.append(float(to_host(expected.value + q.entropy)))
            except IngdError:
                return _Run(q, tuple(bounds), alive=False)
        return _Run(q, tuple(bounds), alive=bounds[-1] > self._lowest(bounds))

    def _lowest(self, bounds: Sequence[float]) -> float:
        """Bound at which a run is given up."""
        return bounds[0] - LOST * (self.target - bounds[0])

    def by_size(self, sizes: Sequence[float], limit: int) -> dict[float, _Run]:
        """Runs with each step size; whenever the number of steps has doubled, the better half of the sizes goes on."""
        steps = min(FIRST_ROUND, limit)
        runs = {size: self.extended(None, size, steps) for size in sizes}
        kept = list(sizes)
        while steps < limit and max(runs[size].arrival(self.target) for size in kept) < 0:
            steps = min(2 * steps, limit)
            kept = sorted(kept, key=lambda size: runs[size].rank(self.target))[
                : max(2, len(kept) // 2)
            ]
            runs |= {size: self.extended(runs[size], size, steps) for size in kept}
        return runs

    def refined(self, runs: dict[float, _Run], limit: int) -> dict[float, _Run]:
        """The same runs, and two more with step sizes beside the best one."""
        best = min(runs, key=lambda size: runs[size].rank(self.target))
        return runs | {
            factor * best: self.extended(None, factor * best, limit)
            for factor in (2.0**-0.25, 2.0**0.25)
        }


def _optimum(model: Any, expectation: Any, start: GaussianApproximation) -> GaussianApproximation:
    """The best Gaussian of the form of ``start``."""
    if isinstance(start, MeanFieldGaussian):
        return _best_mean_field(model, expectation, start)
    return run_nvi(
        model,
        start,
        expectation=expectation,
        step_size=0.7,
        steps=400,
        tolerance=1e-16,
        progress=False,
    ).approximation


def _best_mean_field(model: Any, expectation: Any, start: MeanFieldGaussian) -> MeanFieldGaussian:
    """L-BFGS in the mean and the logarithms of the precisions p, where the bound has the gradient (E ∇ℓ, ½(t/p − 1))."""
    from scipy.optimize import minimize

    def member(vector: np.ndarray) -> MeanFieldGaussian:
        mean, logarithms = np.split(vector, 2)
        return MeanFieldGaussian(
            to_backend(mean, like=start.mean), to_backend(np.exp(logarithms), like=start.mean)
        )

    def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
        q = member(vector)
        expected = expected_under(model, q, expectation)
        by_logarithm = 0.5 * (to_host(expected.curvature.diagonal()) / to_host(q.precisions) - 1.0)
        return -float(to_host(expected.value + q.entropy)), -np.concatenate(
            [to_host(expected.gradient), by_logarithm]
        )

    first = np.concatenate([to_host(start.mean), np.log(to_host(start.precisions))])
    options = {"maxiter": 5000, "maxfun": 10000, "ftol": 1e-15, "gtol": 1e-8, "maxcor": 50}
    return member(minimize(loss, first, jac=True, method="L-BFGS-B", options=options).x)


def _rule(method: str) -> StepRule:
    if method in PLAIN:
        return lambda q, expected, size: plain_gradient_step(q, expected, size, method)
    return lambda q, expected, size: natural_step(
        q, expected, size, "positive" if method == "positive" else "standard"
    )


def _arrived(entry: Mapping[str, np.ndarray]) -> int | None:
    """Steps of the best step size to the target, if it came there."""
    count = int(entry["arrived"][list(entry["sizes"]).index(entry["size"])])
    return count if count >= 0 else None


def _gaps(
    methods: Mapping[str, Mapping[str, Any]], optima: Mapping[str, float]
) -> dict[str, list[float]]:
    """What the best member of each form is short of the best of all, in nats."""
    return {
        method: [
            best - found for best, found in zip(optima.values(), entry["optimum"], strict=True)
        ]
        for method, entry in methods.items()
    }


@lru_cache(maxsize=1)
def _breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """Standardised measurements with a column of ones, and whether the tumour is benign."""
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError as error:
        raise OptionError(
            "experiment 'nvi' needs scikit-learn for its logistic regression: pip install 'ingd-ref[experiments]'"
        ) from error
    measured, benign = load_breast_cancer(return_X_y=True)
    standard = (measured - np.mean(measured, axis=0)) / np.std(measured, axis=0)
    return np.concatenate([np.ones((len(standard), 1)), standard], axis=1), benign.astype(
        np.float64
    )
