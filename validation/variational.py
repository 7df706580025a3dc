"""Natural-gradient variational inference (E11).

Gradients through the mean chart, Gaussian steps, posteriors, expectations, Vadam.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import ingd_ref as ir
from ingd_ref.variational._curvature import FactoredCurvature
from validation.backends import Arrays
from validation.families import pairs
from validation.oracles import variational as oracle
from validation.oracles.precise import MP, Array, differences, precise
from validation.oracles.quadrature import gamma_nodes, gaussian_nodes
from validation.registry import EPS, Measured, case, compared, within

vi = ir.variational

RNG, RNG_VADAM = np.random.default_rng(71), np.random.default_rng(72)
DESIGN = RNG.normal(size=(6, 3))
LABELS = np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
COUNTS = np.array([0.0, 3.0, 1.0, 2.0, 0.0, 7.0])
PRIOR = np.array([0.5, 1.0, 2.0])
MEAN = np.array([0.3, -0.8, 0.5])
ROOT = RNG.normal(size=(3, 6))
PRECISION = 0.5 * (ROOT @ ROOT.T + (ROOT @ ROOT.T).T)


# --------------------------------------------------------------------------------------------------


@case(
    "E11",
    "E8",
    oracle="differences of textbook divergences at eighty digits, and F⁻¹ of the textbook",
)
def divergence_through_the_mean_chart(arrays: Arrays) -> Iterator[Measured]:
    """∇_μ KL(q_θ‖p) = F⁻¹ ∇_θ KL for p a posterior in the family.

    Prior times a conjugate likelihood.
    """
    for pair in pairs():
        prior = np.array([2.0, -1.0]) if pair.name == "Gaussian" else np.array([2.5, -1.5])
        gained = np.array([3.0, -2.0])
        for theta in pair.thetas:
            row = np.array(theta)
            found = arrays.host(
                vi.reverse_divergence_gradient(
                    pair.ours, arrays(row), arrays(gained), arrays(prior)
                )
            )
            posterior = precise(prior) + precise(gained)
            slope = differences(partial(_divergence, pair.theirs, posterior), precise(row))
            expected = pair.theirs.natural_gradient(precise(row), slope)
            allowed = 4 * EPS * (np.abs(row) + np.abs(posterior.astype(float)))
            yield within(
                f"{pair.name} at θ = ({theta[0]:g}, {theta[1]:g})",
                found,
                expected,
                allowed,
                "two sums of two numbers",
            )


def _divergence(family: Any, second: Array, first: Array) -> Any:
    return family.kl(first, second)


@case(
    "E11",
    "E8",
    oracle="differences of closed-form expectations at eighty digits, and F⁻¹ of the textbook",
)
def gradient_of_an_expectation(arrays: Arrays) -> Iterator[Measured]:
    """∇_μ E[ℓ] by regression over quadrature nodes.

    The integrands are cos x under a Gaussian and x² under a Gamma, with and without h.
    """
    gaussian, gamma = pairs()
    assert gaussian.theirs.classical is not None
    for theta in gaussian.thetas[:3]:
        mean, variance = (float(v) for v in gaussian.theirs.classical(precise(np.array(theta))))
        x, weights = gaussian_nodes(mean, variance**0.5, 60)
        yield _gradient(arrays, gaussian, theta, np.cos(x[:, 0]), x, weights, _mean_cosine)
    for theta in gamma.thetas[:4]:
        x, weights = gamma_nodes(theta[0], -theta[1])
        yield _gradient(
            arrays, gamma, theta, x[:, 0] ** 2, x, weights, lambda t: t[0] * (t[0] + 1) / t[1] ** 2
        )
    x, weights = gamma_nodes(2.0, 3.0)
    values = (arrays(np.array([2.0, -3.0])), arrays(np.zeros(len(x))), arrays(x), arrays(weights))
    found = arrays.host(vi.regression_gradient(gamma.ours, *values, base_measure=True))
    yield compared(
        "Gamma: −log h = log x",
        found,
        np.array([1.0, 0.0]),
        1e-12,
        "a regression on itself; condition below 100",
    )


def _mean_cosine(theta: Array) -> Any:
    """E cos x = cos(m) e^{−s²/2}, m = −θ₁/(2θ₂) and s² = −1/(2θ₂)."""
    return MP.cos(-theta[0] / (2 * theta[1])) * MP.exp(1 / (4 * theta[1]))


def _gradient(
    arrays: Arrays, pair: Any, theta: Any, values: Array, x: Array, weights: Array, mean_value: Any
) -> Measured:
    found = arrays.host(
        vi.regression_gradient(
            pair.ours, arrays(np.array(theta)), arrays(values), arrays(x), arrays(weights)
        )
    )
    exact = precise(np.array(theta))
    expected = pair.theirs.natural_gradient(exact, differences(mean_value, exact))
    # A regression solves with the condition of the correlations of f, which is that of F scaled to
    # a unit diagonal.
    fisher = pair.theirs.fisher(exact).astype(float)
    scale = np.sqrt(np.diag(fisher))
    condition = float(np.linalg.cond(fisher / np.outer(scale, scale)))
    allowed = 4 * len(x) ** 0.5 * EPS * condition * float(np.sqrt(weights @ values**2)) / scale
    return within(
        f"{pair.name} at θ = {theta}",
        found,
        expected,
        allowed,
        "roundings of n terms, times the condition of the correlations",
    )


# --------------------------------------------------------------------------------------------------


@case("E11", oracle="the steps written out at eighty digits")
def gaussian_steps(arrays: Arrays) -> Iterator[Measured]:
    """New precision and mean of full, mean-field and low-rank Gaussians.

    Steps are standard and positive, for a curvature that is indefinite.
    """
    gradient = np.array([1.0, -2.0, 0.5])
    concave = 3.0 * PRECISION + np.diag([1.0, 0.0, 2.0])
    convex = np.diag([5.0, -4.0, 1.0]) + 0.5
    for step, target, rho in (
        ("standard", concave, 0.3),
        ("standard", concave, 1.0),
        ("positive", convex, 0.7),
        ("positive", convex, 1.0),
    ):
        moved_by = oracle.standard_step if step == "standard" else oracle.positive_step
        expected = vi.Expected(arrays(np.zeros(())), arrays(gradient), arrays(target))
        full = vi.FullGaussian.from_precision(arrays(MEAN), arrays(PRECISION))
        yield from _judged(
            arrays,
            f"full, {step}, ρ = {rho}",
            vi.natural_step(full, expected, rho, step),
            moved_by(precise(PRECISION), precise(target), rho),
            gradient,
            rho,
        )
        own = np.array([1.0, 2.0, 0.25])
        field = vi.MeanFieldGaussian(arrays(MEAN), arrays(own))
        moved = moved_by(precise(np.diag(own)), precise(np.diag(np.diag(target))), rho)
        yield from _judged(
            arrays,
            f"mean field, {step}, ρ = {rho}",
            vi.natural_step(field, expected, rho, step),
            moved,
            gradient,
            rho,
        )
    yield from _low_rank(arrays, gradient)


def _low_rank(arrays: Arrays, gradient: Array) -> Iterator[Measured]:
    """Rank three of three: where M − Ω is positive semi-definite the projection loses nothing."""
    base, factor, weights = np.array([1.0, 2.0, 0.5]), ROOT[:, :4], np.array([0.5, 1.0, 2.0, 0.1])
    diagonal, columns = (
        np.array([1.0, 2.0, 0.5]),
        np.array([[1.0, 0.0, 0.5], [-0.5, 1.0, 0.0], [0.0, 0.3, 1.0]]),
    )
    target = (
        precise(np.diag(base)) + precise(factor) @ precise(np.diag(weights)) @ precise(factor).T
    )
    curvature = FactoredCurvature(arrays(base), arrays(factor), arrays(weights))
    expected = vi.Expected(arrays(np.zeros(())), arrays(gradient), curvature)
    for step, moved_by in (("standard", oracle.standard_step), ("positive", oracle.positive_step)):
        q = vi.LowRankGaussian(arrays(MEAN), arrays(diagonal), arrays(columns))
        exact = precise(np.diag(diagonal)) + precise(columns) @ precise(columns).T
        moved = vi.natural_step(q, expected, 0.6, step)
        yield from _judged(
            arrays, f"low rank, {step}", moved, moved_by(exact, target, 0.6), gradient, 0.6
        )


def _judged(
    arrays: Arrays, name: str, moved: Any, precision: Array, gradient: Array, rho: float
) -> Iterator[Measured]:
    """Entries of P in units of the largest, and the mean in units of the condition of P."""
    condition = float(np.linalg.cond(precision.astype(float)))
    reason = "some fifty roundings of products of three small matrices"
    yield compared(f"P, {name}", arrays.host(moved.precision), precision, 50 * EPS, reason)
    mean = oracle.moved_mean(precise(MEAN), precision, precise(gradient), rho)
    yield compared(
        f"m, {name}",
        arrays.host(moved.mean),
        mean,
        100 * EPS * max(condition, 10.0),
        "fifty roundings times the condition of P",
    )


@case("E11", oracle="normal equations and the evidence at eighty digits")
def one_step_to_a_gaussian_posterior(arrays: Arrays) -> Iterator[Measured]:
    """One standard step with ρ = 1 is exact for quadratic ℓ, and the ELBO the log evidence."""
    response, noise, prior_mean = (
        DESIGN @ np.array([1.0, -1.0, 0.5]) + 0.1,
        2.0,
        np.array([0.1, 0.0, -0.2]),
    )
    mean, precision = oracle.posterior(DESIGN, response, noise, PRIOR, prior_mean)
    model = vi.BayesianLinearRegression(
        arrays(DESIGN), arrays(response), noise, arrays(PRIOR), arrays(prior_mean)
    )
    for distance in (0.0, 1.0, 1e3):
        q = vi.FullGaussian.from_precision(arrays(distance * np.ones(3)), arrays(PRECISION))
        moved = vi.natural_step(q, vi.expected_under(model, q))
        yield compared(
            f"P from {distance:g}",
            arrays.host(moved.precision),
            precision,
            10 * EPS,
            "sums of seven products",
        )
        reason = (
            "roundings of a gradient of the size of the way, times a condition number below 100"
        )
        yield compared(
            f"m from {distance:g}",
            arrays.host(moved.mean),
            mean,
            100 * EPS * max(1.0, distance),
            reason,
            scale=1.0,
        )
    evidence = oracle.log_evidence(DESIGN, response, noise, PRIOR, prior_mean)
    yield compared(
        "ELBO",
        arrays.host(vi.elbo(model, moved)),
        evidence,
        20 * EPS,
        "sums of ten terms",
        scale=10.0,
    )


# --------------------------------------------------------------------------------------------------


@case("E11", oracle="trapezoidal rule with 513 nodes for each datum at eighty digits")
def regression_elbo_and_gradients(arrays: Arrays) -> Iterator[Measured]:
    """ELBO, E ∇ℓ and −E ∇²ℓ of logistic and Poisson regression."""
    q = vi.FullGaussian.from_precision(arrays(MEAN), arrays(PRECISION))
    logistic = vi.LogisticRegression(arrays(DESIGN), arrays(LABELS), arrays(PRIOR))
    poisson = vi.PoissonRegression(arrays(DESIGN), arrays(COUNTS), prior_precision=arrays(PRIOR))
    ways = (
        (
            "logistic, Gauss-Hermite",
            logistic,
            vi.Quadrature(128, "gauss-hermite"),
            oracle.logistic_terms,
            LABELS,
        ),
        ("logistic, trapezoidal", logistic, vi.Quadrature(128), oracle.logistic_terms, LABELS),
        ("logistic, adaptive", logistic, vi.Quadrature(), oracle.logistic_terms, LABELS),
        ("Poisson, closed form", poisson, vi.Exact(), oracle.poisson_terms, COUNTS),
        (
            "Poisson, Gauss-Hermite",
            poisson,
            vi.Quadrature(64, "gauss-hermite"),
            oracle.poisson_terms,
            COUNTS,
        ),
    )
    reason = "the quadrature has converged to rounding; sums of up to 128 times six terms"
    for name, model, way, terms, response in ways:
        exact = oracle.regression_expectations(terms, DESIGN, response, PRIOR, MEAN, PRECISION)
        found = vi.expected_under(model, q, way)
        yield compared(
            f"ELBO, {name}", arrays.host(vi.elbo(model, q, way)), exact.elbo, 40 * EPS, reason
        )
        yield compared(
            f"E ∇ℓ, {name}", arrays.host(found.gradient), exact.gradient, 40 * EPS, reason
        )
        yield compared(
            f"−E ∇²ℓ, {name}",
            arrays.host(found.curvature.matrix()),
            exact.curvature,
            40 * EPS,
            reason,
        )


@case("E11", oracle="trapezoidal rule in sinh u, t = sinh u, at eighty digits")
def wide_predictors(arrays: Arrays) -> Iterator[Measured]:
    """E φ, E φ′ and −E φ″ of one logistic datum under Gaussians from narrow to very wide.

    The estimated errors are at least the errors.
    """
    least = 1e-200  # a prior that adds nothing to the sums
    for deviation in (1.0, 5.0, 30.0, 1e3, 1e4):
        for mean in (0.0, 0.5 * deviation, -3.0 * deviation):
            model = vi.LogisticRegression(arrays(np.ones((1, 1))), arrays(np.ones(1)), least)
            precision = np.array([deviation**-2.0])
            q = vi.MeanFieldGaussian(arrays(np.array([mean])), arrays(precision))
            found, name = vi.expected_under(model, q), f"{mean:g} ± {deviation:g}"
            spread = 1 / MP.sqrt(precise(precision)[0])
            _, slope, bend = oracle.predictor_expectations(
                oracle.logistic_terms, mean, spread, precise(1.0)
            )
            reason = "the target of the quadrature, and the rounding of the deviation"
            gradient, weight = arrays.host(found.gradient), arrays.host(found.curvature.diagonal())
            yield compared(f"E φ′ at {name}", gradient, np.array([slope]), 1e-12, reason)
            yield compared(f"−E φ″ at {name}", weight, np.array([bend]), 1e-12, reason)
            assert found.error is not None
            estimated = arrays.host(found.error.curvature)
            allowed = float(estimated[0]) + 10 * EPS * float(bend)
            yield within(f"estimate at {name}", weight, np.array([bend]), allowed, "its own word")


@case("E11", oracle="stationarity at eighty digits", quick=False)
def optimum_of_a_regression(arrays: Arrays) -> Iterator[Measured]:
    """Where a run ends E ∇ℓ = 0 and P = −E ∇²ℓ, by the oracle's own expectations."""
    for name, model, terms, response in (
        (
            "logistic",
            vi.LogisticRegression(arrays(DESIGN), arrays(LABELS), arrays(PRIOR)),
            oracle.logistic_terms,
            LABELS,
        ),
        (
            "Poisson",
            vi.PoissonRegression(arrays(DESIGN), arrays(COUNTS), prior_precision=arrays(PRIOR)),
            oracle.poisson_terms,
            COUNTS,
        ),
    ):
        for step in ("standard", "positive"):
            start = vi.FullGaussian.from_precision(arrays(np.zeros(3)), arrays(np.diag(PRIOR)))
            result = vi.run_nvi(
                model, start, step=step, step_size=0.8, progress=False, steps=300, tolerance=1e-24
            )
            mean, precision = arrays.host(result.mean), arrays.host(result.precision)
            exact = oracle.regression_expectations(terms, DESIGN, response, PRIOR, mean, precision)
            reason = (
                "a gain of 1e-24 nats leaves 1e-12 of a standard deviation; roundings "
                "of the expectations"
            )
            yield compared(
                f"E ∇ℓ, {name}, {step}",
                exact.gradient.astype(float),
                np.zeros(3),
                3e-12,
                reason,
                scale=np.max(precision) ** 0.5,
            )
            yield compared(f"P + E ∇²ℓ, {name}, {step}", precision, exact.curvature, 3e-12, reason)


# --------------------------------------------------------------------------------------------------


@case("E11", oracle="the published update equations at eighty digits")
def vadam_steps(arrays: Arrays) -> Iterator[Measured]:
    """Means and running squares over twenty gradients, and perturbed weights."""
    gradients, noise = RNG_VADAM.normal(size=(20, 2)), np.array([0.7, -1.3])
    rule = vi.Vadam(data_size=50, prior_precision=0.4, learning_rate=0.05, decay=(0.9, 0.99))
    state = rule.start(arrays(np.array([0.2, -0.1])), initial_precision=3.0)
    means, squares = oracle.vadam_path(
        gradients, [0.2, -0.1], 50, 0.4, (3.0 - 0.4) / 50, 0.05, (0.9, 0.99)
    )
    for row in gradients:
        state = rule.step(state, arrays(row))
    reason = "twenty steps of some twenty roundings each, which do not add up all in one direction"
    yield compared("m", arrays.host(state.mean), means[-1], 40 * EPS, reason)
    yield compared("s", arrays.host(state.scale), squares[-1], 40 * EPS, reason)
    perturbed = means[-1] + precise(noise) / np.array(
        [MP.sqrt(50 * s + precise(0.4)) for s in squares[-1]]
    )
    yield compared(
        "perturbed weights",
        arrays.host(rule.perturbed(state, arrays(noise))),
        perturbed,
        40 * EPS,
        reason,
    )
