"""Variational inference for regression by natural and plain gradients with the best step size."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ingd_ref.backend import to_backend, to_host
from ingd_ref.errors import IngdError, OptionError
from ingd_ref.experiments._experiment import (
    Experiment,
    Piece,
    Report,
    check_fields,
    check_methods,
    on_backend,
    option,
    stream,
)
from ingd_ref.plotting._ascent import plot_ascent, plot_gaps
from ingd_ref.variational import (
    BayesianLinearRegression,
    Expected,
    FullGaussian,
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
from ingd_ref.variational._approximation import GaussianApproximation

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
# Step sizes ρ of natural gradients: in steps of a tenth, then by factors of √½.
SMALLER = (float(size) for size in 0.5 ** np.arange(1.0, 5.25, 0.5))
NATURAL_SIZES = (1.0, 0.9, 0.8, 0.7, 0.6, *SMALLER)
# Step sizes η of plain gradients, by factors of √2; 2^±¼ times the best of them is tried as well.
PLAIN_SIZES = tuple(float(size) for size in 2.0 ** np.arange(-20.0, 0.25, 0.5))
# A run is lost once its bound is this many times as far below the start as the optimum is above.
LOST = 1e3
# Number of steps before the first step sizes are dropped.
FIRST_ROUND = 64

StepRule = Callable[[Any, Expected, float], Any]


@dataclass(frozen=True)
class Nvi(Experiment[dict[str, np.ndarray]]):
    """Natural-gradient variational inference (E11) for linear, logistic and Poisson regression.

    Linear regression has 10 correlated coefficients and 100 data. Logistic regression classifies
    the breast cancer data of scikit-learn (569 cases, 30 standardised measurements and an
    intercept). Poisson regression has 8 coefficients and 200 data. All runs start at the prior.

    ``natural`` and ``positive`` are the two steps for a full precision, ``mean-field`` is the
    standard step for independent coordinates; ``cholesky`` and ``covariance`` follow plain
    gradients in (m, Cholesky factor of Σ) and in (m, Σ). Each method tries a grid of fixed step
    sizes and reports the one that comes within the tolerance of the optimum first. Whenever the
    number of steps doubles, the worse half of the sizes is dropped.

    The optimum comes from a long run of natural gradients for a full precision, and from L-BFGS for
    independent coordinates.
    """

    methods: tuple[str, ...] = option(
        NATURAL + PLAIN, f"methods to compare, from {', '.join(NATURAL + PLAIN)}"
    )
    problems: tuple[str, ...] = option(PROBLEMS, f"models, from {', '.join(PROBLEMS)}")
    tolerance: float = option(1e-6, "gap to the best bound, in nats, at which a run has converged")
    steps: int = option(2048, "largest number of steps of a run")
    prior_precision: float = option(0.25, "prior precision of the logistic coefficients")
    nodes: int = option(128, "quadrature nodes per datum of the logistic regression")

    name = "nvi"
    summary = "variational inference by natural and plain gradients"
    small: ClassVar = {
        "problems": ("linear", "poisson"),
        "methods": ("natural", "mean-field", "cholesky"),
        "steps": 128,
    }

    def check(self) -> None:
        check_methods(self.methods, NATURAL + PLAIN)
        check_methods(self.problems, PROBLEMS, "problems")
        check_fields(self, ("steps", "nodes"), ("tolerance", "prior_precision"))

    def require(self) -> None:
        super().require()
        if "logistic" in self.problems:
            _breast_cancer()

    def pieces(self) -> list[Piece]:
        trials = [PROBLEMS.index(problem) for problem in self.problems]
        return [Piece(method, trial) for method in self.methods for trial in trials]

    def run(self, piece: Piece, progress: Any = False) -> dict[str, np.ndarray]:
        problem = PROBLEMS[piece.trial]
        model, begun = self._model(problem), time.perf_counter()
        start, expectation = self._start(piece.method, model), self._expectation(problem)
        best = _optimum(model, expectation, start)
        optimum = float(to_host(elbo(model, best, expectation)))
        climb = _Climb(model, expectation, start, _rule(piece.method), optimum - self.tolerance)
        natural = piece.method in NATURAL
        climbs = climb.by_size(NATURAL_SIZES if natural else PLAIN_SIZES, self.steps)
        climbs = climbs if natural else climb.refined(climbs, self.steps)
        size = min(climbs, key=lambda size: climbs[size].rank(climb.target))
        return {
            "elbo": np.array(climbs[size].elbo),
            "size": np.array(size),
            "sizes": np.array(list(climbs)),
            "arrived": np.array([found.steps_to(climb.target) for found in climbs.values()]),
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
                "steps": [_steps_to_target(entry) for entry in found],
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
        figures = self._figures(methods, optima)
        return Report(methods, findings, arrays, figures, self._lines(methods, optima))

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
        problem = "logistic" if "logistic" in self.problems else self.problems[0]
        shown = f"{problem.capitalize()} regression"
        return {
            "gap": plot_gaps(panels, best, self.tolerance),
            "elbo": plot_ascent(panels[shown], best[shown], title=shown),
        }

    def _lines(
        self, methods: Mapping[str, Mapping[str, Any]], optima: Mapping[str, float]
    ) -> list[str]:
        lines = [
            f"steps to within {self.tolerance:g} nats of the optimum of the method,",
            "with its best step size, and the gap between this optimum and the best bound",
            "  method      " + "".join(f"{problem:>34s}" for problem in self.problems),
        ]
        for method, entry in methods.items():
            cells = []
            for place, problem in enumerate(self.problems):
                count, gap = entry["steps"][place], optima[problem] - entry["optimum"][place]
                steps = f"{count}" if count is not None else f"> {self.steps}"
                cells.append(f"{steps} ({entry['step_size'][place]:.3g}), gap {gap:.1e}".rjust(34))
            lines.append(f"  {method:<12s}" + "".join(cells))
        return lines

    # --- problems ---------------------------------------------------------------------------------

    def _model(self, problem: str) -> Any:
        """Return the regression model on the chosen backend."""
        design, response = self.data(problem)
        a, y = on_backend(design, self.backend), on_backend(response, self.backend)
        if problem == "linear":
            return BayesianLinearRegression(a, y, noise_precision=4.0)
        if problem == "poisson":
            return PoissonRegression(a, y)
        return LogisticRegression(a, y, prior_precision=self.prior_precision)

    def data(self, problem: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the design (n, d) and the response (n,) of a problem, on the host."""
        if problem == "logistic":
            return _breast_cancer()
        rng = stream(self.seed, PROBLEMS.index(problem))
        if problem == "linear":
            # Every two columns have a correlation of 0.6.
            design = rng.normal(size=(100, 10)) @ (np.eye(10) + 0.3)
            return design, design @ rng.normal(size=10) + 0.5 * rng.normal(size=100)
        slopes = rng.normal(size=(200, 7)) @ (np.eye(7) + 0.3) / 4.0
        design = np.concatenate([np.ones((200, 1)), slopes], axis=1)
        return design, rng.poisson(np.exp(design @ rng.normal(size=8))).astype(float)

    def _expectation(self, problem: str) -> Any:
        return Quadrature(self.nodes) if problem == "logistic" else None

    def _start(self, method: str, model: Any) -> GaussianApproximation:
        """Return the prior in the parametrisation of the method."""
        mean, precision = model.prior_mean, model.prior_precision
        if method == "mean-field":
            return MeanFieldGaussian(mean, precision)
        unit = on_backend(np.eye(mean.shape[0]), self.backend)
        return FullGaussian.from_precision(mean, precision[:, None] * unit)


class _Run(NamedTuple):
    """A run with one step size: its state, the bounds so far, and whether it can continue."""

    approximation: GaussianApproximation
    elbo: tuple[float, ...]
    alive: bool

    def steps_to(self, target: float) -> int:
        """Return the number of steps until the bound stays above the target, −1 if it does not."""
        below = np.nonzero(~(np.array(self.elbo) >= target))[0]
        first = int(below[-1]) + 1 if below.size else 0
        return first if first < len(self.elbo) else -1

    def rank(self, target: float) -> tuple[float, float]:
        """Sort key, best first: the number of steps to the target, then the last bound."""
        count, last = self.steps_to(target), self.elbo[-1]
        shortfall = -last if self.alive and np.isfinite(last) else np.inf
        return np.inf if count < 0 else float(count), shortfall


class _Climb(NamedTuple):
    """The data shared by all step sizes of a method."""

    model: Any
    expectation: Any
    start: GaussianApproximation
    rule: StepRule
    target: float

    def extended(self, run: _Run | None, size: float, steps: int) -> _Run:
        """Continue a run up to ``steps``, unless it converges, is lost, or a step fails."""
        q, bounds = (self.start, []) if run is None else (run.approximation, list(run.elbo))
        if run is not None and (not run.alive or bounds[-1] >= self.target):
            return run
        with np.errstate(all="ignore"):  # too large a step size may overflow
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
        """Bound below which a run is lost."""
        return bounds[0] - LOST * (self.target - bounds[0])

    def by_size(self, sizes: Sequence[float], limit: int) -> dict[float, _Run]:
        """Run all step sizes, and drop the worse half whenever the number of steps doubles."""
        steps = min(FIRST_ROUND, limit)
        runs = {size: self.extended(None, size, steps) for size in sizes}
        kept = list(sizes)
        while steps < limit and max(runs[size].steps_to(self.target) for size in kept) < 0:
            steps = min(2 * steps, limit)
            kept.sort(key=lambda size: runs[size].rank(self.target))
            kept = kept[: max(2, len(kept) // 2)]
            runs |= {size: self.extended(runs[size], size, steps) for size in kept}
        return runs

    def refined(self, runs: dict[float, _Run], limit: int) -> dict[float, _Run]:
        """Add two runs with step sizes next to the best one."""
        best = min(runs, key=lambda size: runs[size].rank(self.target))
        sizes = (2.0**-0.25 * best, 2.0**0.25 * best)
        return runs | {size: self.extended(None, size, limit) for size in sizes}


def _optimum(model: Any, expectation: Any, start: GaussianApproximation) -> GaussianApproximation:
    """Return the best Gaussian of the form of ``start``."""
    if isinstance(start, MeanFieldGaussian):
        return _best_mean_field(model, expectation, start)
    long: Any = {"step_size": 0.7, "steps": 400, "tolerance": 1e-16, "progress": False}
    return run_nvi(model, start, expectation=expectation, **long).approximation


def _best_mean_field(model: Any, expectation: Any, start: MeanFieldGaussian) -> MeanFieldGaussian:
    """Maximise the bound over m and log p by L-BFGS; its gradient is (E ∇ℓ, ½(t/p − 1))."""
    from scipy.optimize import minimize

    def member(vector: np.ndarray) -> MeanFieldGaussian:
        mean, logarithms = np.split(vector, 2)
        parts = (to_backend(part, like=start.mean) for part in (mean, np.exp(logarithms)))
        return MeanFieldGaussian(*parts)

    def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
        q = member(vector)
        expected = expected_under(model, q, expectation)
        by_logarithm = 0.5 * (to_host(expected.curvature.diagonal()) / to_host(q.precisions) - 1.0)
        gradient = np.concatenate([to_host(expected.gradient), by_logarithm])
        return -float(to_host(expected.value + q.entropy)), -gradient

    first = np.concatenate([to_host(start.mean), np.log(to_host(start.precisions))])
    options = {"maxiter": 5000, "maxfun": 10000, "ftol": 1e-15, "gtol": 1e-8, "maxcor": 50}
    return member(minimize(loss, first, jac=True, method="L-BFGS-B", options=options).x)


def _rule(method: str) -> StepRule:
    if method in PLAIN:
        return lambda q, expected, size: plain_gradient_step(q, expected, size, method)
    kind = "positive" if method == "positive" else "standard"
    return lambda q, expected, size: natural_step(q, expected, size, kind)


def _steps_to_target(entry: Mapping[str, np.ndarray]) -> int | None:
    """Return the number of steps of the best step size to the target, None if it fell short."""
    count = int(entry["arrived"][list(entry["sizes"]).index(entry["size"])])
    return count if count >= 0 else None


def _gaps(
    methods: Mapping[str, Mapping[str, Any]], optima: Mapping[str, float]
) -> dict[str, list[float]]:
    """Return the gap in nats between the optimum of each method and the best of all."""
    return {
        method: [
            best - found for best, found in zip(optima.values(), entry["optimum"], strict=True)
        ]
        for method, entry in methods.items()
    }


@lru_cache(maxsize=1)
def _breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """Load standardised measurements with a column of ones, and whether the tumour is benign."""
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError as error:
        advice = "pip install 'ingd-ref[experiments]', or leave out the logistic regression"
        raise OptionError(f"experiment 'nvi' needs scikit-learn: {advice}") from error
    measured, benign = load_breast_cancer(return_X_y=True)
    standard = (measured - np.mean(measured, axis=0)) / np.std(measured, axis=0)
    design = np.concatenate([np.ones((len(standard), 1)), standard], axis=1)
    return design, benign.astype(np.float64)


EXPERIMENTS = [Nvi()]
