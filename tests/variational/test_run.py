"""Runs find the optimum of a general optimiser, in batches too, and say how they ended."""

import io

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.errors import DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.variational import (
    BayesianLinearRegression,
    FullGaussian,
    LogisticRegression,
    LowRankGaussian,
    MeanFieldGaussian,
    PoissonRegression,
    Quadrature,
    Sampling,
    run_nvi,
)
from tests.variational import oracle

RNG = np.random.default_rng(31)
DESIGN = np.concatenate([np.ones((40, 1)), RNG.normal(size=(40, 2))], axis=1)
PREDICTOR = DESIGN @ np.array([0.5, 1.0, -0.7])
LABELS = np.where(RNG.random(40) < 1 / (1 + np.exp(-PREDICTOR)), 1.0, 0.0)
COUNTS = RNG.poisson(np.exp(0.5 * PREDICTOR)).astype(float)
LOGISTIC = LogisticRegression(DESIGN, LABELS, prior_precision=0.5)
POISSON = PoissonRegression(DESIGN, COUNTS, prior_precision=0.5)
PRIOR = FullGaussian.from_precision(np.zeros(3), 0.5 * np.eye(3))


@pytest.mark.parametrize("step", ["standard", "positive"])
@pytest.mark.parametrize("name", ["logistic", "poisson"])
def test_full_optimum_is_that_of_a_general_optimiser(name, step):
    """L-BFGS on (m, C) with reparametrisation gradients is the oracle.

    It stops at a gradient of 1e-8, where m and Σ are right to 1e-7.
    """
    model = LOGISTIC if name == "logistic" else POISSON
    likelihood = oracle.logistic(LABELS) if name == "logistic" else oracle.poisson(COUNTS)
    result = run_nvi(model, PRIOR, step=step, step_size=0.8, progress=False, steps=200)
    assert result.status == "converged"
    mean, covariance, bound, slope = oracle.Reparametrised(DESIGN, likelihood, 0.5).optimum()
    assert slope < 1e-4
    constant = (
        0.0
        if name == "logistic"
        else np.sum(np.array([np.sum(np.log(np.arange(1, c + 1))) for c in COUNTS]))
    )
    assert result.elbo[-1] == pytest.approx(bound - constant, abs=1e-9)
    assert result.elbo[-1] >= bound - constant - 1e-11  # there is no better one
    np.testing.assert_allclose(result.mean, mean, rtol=0, atol=2e-5)
    np.testing.assert_allclose(result.covariance, covariance, rtol=0, atol=2e-5)


def test_mean_field_optimum_is_that_of_a_general_optimiser():
    mean, covariance, bound, slope = oracle.Reparametrised(
        DESIGN, oracle.logistic(LABELS), 0.5, diagonal=True
    ).optimum()
    assert slope < 1e-4
    result = run_nvi(
        LOGISTIC,
        MeanFieldGaussian(np.zeros(3), np.full(3, 0.5)),
        step_size=0.7,
        progress=False,
        steps=300,
    )
    assert result.status == "converged"
    assert result.elbo[-1] == pytest.approx(bound, abs=1e-9)
    np.testing.assert_allclose(result.mean, mean, rtol=0, atol=2e-5)
    np.testing.assert_allclose(
        result.approximation.variance, np.diag(covariance), rtol=0, atol=2e-5
    )


def test_low_rank_lies_between():
    """Rank zero in effect, one, two and three: the ELBO rises from mean field to full."""
    full = run_nvi(LOGISTIC, PRIOR, step_size=0.8, progress=False).elbo[-1]
    diagonal = run_nvi(
        LOGISTIC,
        MeanFieldGaussian(np.zeros(3), np.full(3, 0.5)),
        step_size=0.7,
        progress=False,
        steps=300,
    ).elbo[-1]
    bounds = []
    for rank in (1, 2, 3):
        start = LowRankGaussian(np.zeros(3), np.full(3, 0.5), np.zeros((3, rank)))
        bounds.append(run_nvi(LOGISTIC, start, step_size=0.7, progress=False, steps=300).elbo[-1])
    assert diagonal < bounds[0] < full
    assert bounds[0] < bounds[1] < full + 1e-12
    assert bounds[2] == pytest.approx(full, abs=1e-10)


def test_gain_predicts_what_is_missing():
    """Near the optimum half the squared natural gradient is the gap of the ELBO, to first order."""
    result = run_nvi(LOGISTIC, PRIOR, step_size=0.5, progress=False)
    gap = result.elbo[-1] - result.elbo
    late = (gap > 1e-9) & (gap < 1e-4)
    assert late.sum() >= 3
    ratio = result.gain[late] / gap[late]
    assert np.all((ratio > 0.5) & (ratio < 2.0))


def test_batches_are_many_problems():
    """Two designs and three priors at once: each member of the batch is the run of its problem."""
    designs = np.stack([DESIGN, DESIGN[::-1] * 0.5])[:, None]
    responses = np.broadcast_to(LABELS, (2, 3, 40))
    priors = np.array([0.3, 1.0, 3.0])[:, None] * np.ones(3)
    model = LogisticRegression(
        np.broadcast_to(designs, (2, 3, 40, 3)), responses, prior_precision=priors
    )
    start = FullGaussian.from_precision(
        np.zeros((2, 3, 3)), np.broadcast_to(np.eye(3), (2, 3, 3, 3))
    )
    result = run_nvi(model, start, step_size=0.8, steps=12, tolerance=0.0, progress=False)
    assert result.elbo.shape == result.gain.shape == (13, 2, 3)
    for i in range(2):
        for j in range(3):
            alone = LogisticRegression(designs[i, 0], LABELS, prior_precision=priors[j])
            single = run_nvi(
                alone,
                FullGaussian.from_precision(np.zeros(3), np.eye(3)),
                step_size=0.8,
                steps=12,
                tolerance=0.0,
                progress=False,
            )
            np.testing.assert_allclose(result.mean[i, j], single.mean, rtol=1e-11)
            np.testing.assert_allclose(result.elbo[:, i, j], single.elbo, rtol=1e-12)


def test_samples_come_close():
    """Decreasing steps average the noise away.

    The mean is within a third of a standard deviation of the optimum.
    """
    best = run_nvi(LOGISTIC, PRIOR, step_size=0.8, progress=False)
    for curvature in ("hessian", "gradient"):
        result = run_nvi(
            LOGISTIC,
            best.approximation.moved_to(np.zeros(3)),
            expectation=Sampling(32, curvature=curvature),
            step="positive",
            step_size=lambda done: 1.0 / (done + 2),
            steps=300,
            rng=np.random.default_rng(0),
            progress=False,
        )
        assert result.status == "finished"
        shift = result.mean - best.mean
        assert shift @ best.precision @ shift < 0.1
        assert np.linalg.norm(result.precision - best.precision) < 0.2 * np.linalg.norm(
            best.precision
        )


def test_gauss_newton_runs_with_standard_steps():
    """A sine seen through noise: ℓ is not concave.

    With Gauss-Newton the standard step still stays positive definite.
    """
    grid = np.linspace(0.0, 3.0, 30)
    truth = np.array([1.2, 0.9])
    response = truth[0] * np.sin(truth[1] * grid) + 0.1 * np.random.default_rng(4).normal(size=30)

    def function(x):
        return x[..., :1] * np.sin(x[..., 1:] * grid)

    def jacobian(x):
        return np.stack(
            [np.sin(x[..., 1:] * grid), x[..., :1] * grid * np.cos(x[..., 1:] * grid)], axis=-1
        )

    model = ir.variational.NonlinearRegression(
        function, jacobian, response, dimension=2, noise_precision=100.0
    )
    start = FullGaussian.from_precision(np.array([0.5, 0.5]), 100.0 * np.eye(2))
    options = {
        "step_size": lambda done: 2.0 / (done + 3),
        "steps": 200,
        "rng": np.random.default_rng(1),
        "progress": False,
    }
    result = run_nvi(model, start, expectation=Sampling(16, curvature="gauss-newton"), **options)
    deviations = np.sqrt(np.diag(result.covariance))
    assert np.all(np.abs(result.mean - truth) < 4 * deviations)
    assert result.elbo[-1] > result.elbo[0]


# --- how runs end ---------------------------------------------------------------------------------


def test_a_quadratic_model_needs_one_step():
    model = BayesianLinearRegression(DESIGN, PREDICTOR)
    result = run_nvi(model, FullGaussian.from_precision(np.full(3, 9.0), np.eye(3)), progress=False)
    assert (result.status, result.steps) == ("converged", 1)
    np.testing.assert_allclose(result.precision, model.posterior_precision(), rtol=1e-13)
    assert result.condition == pytest.approx(np.linalg.cond(model.posterior_precision()), rel=1e-10)
    assert result.seconds > 0


def test_callbacks_and_steps():
    seen = []
    result = run_nvi(
        LOGISTIC,
        PRIOR,
        steps=50,
        callback=lambda info: seen.append(info.step) or info.step == 3,
        progress=False,
    )
    assert (result.status, result.steps, seen) == ("stopped", 3, [1, 2, 3])
    reported = []
    result = run_nvi(
        LOGISTIC, PRIOR, steps=2, progress=lambda info: reported.append((info.step, info.steps))
    )
    assert (result.status, reported) == ("finished", [(1, 2), (2, 2)])
    assert result.approximation.mean.shape == (3,)


def test_interruption_keeps_what_was_done():
    def interrupt(info):
        if info.step == 2:
            raise KeyboardInterrupt

    result = run_nvi(LOGISTIC, PRIOR, callback=interrupt, progress=False)
    # A step is complete once its callback has returned, as in every run.
    assert (result.status, result.steps) == ("interrupted", 1)
    again = run_nvi(LOGISTIC, PRIOR, steps=1, progress=False)
    np.testing.assert_array_equal(result.mean, again.mean)


def test_interruption_before_the_first_number_is_passed_on():
    class Slow(LogisticRegression):
        def expected_by_quadrature(self, q, method):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_nvi(Slow(DESIGN, LABELS), PRIOR, progress=False)


def test_progress_on_a_stream_that_is_no_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    run_nvi(LOGISTIC, PRIOR, steps=2)
    assert stream.getvalue().strip() == ""


class Spoilt(LogisticRegression):
    """The gradient is not a number from the third evaluation on."""

    def expected_by_quadrature(self, q, method):
        found = super().expected_by_quadrature(q, method)
        CALLS.append(1)
        return ir.variational.Expected(
            found.value, found.gradient * (np.nan if len(CALLS) > 2 else 1.0), found.curvature
        )


CALLS: list[int] = []


def test_the_step_of_a_gradient_that_is_not_finite_is_named():
    CALLS.clear()
    with pytest.raises(NonFiniteError, match="after 2 steps: the expected gradient holds 3"):
        run_nvi(Spoilt(DESIGN, LABELS), PRIOR, progress=False)


class Convex:
    """ℓ that is convex from the second evaluation on."""

    def __init__(self):
        self.calls = 0

    def expected(self, q):
        self.calls += 1
        sign = 1.0 if self.calls == 1 else -5.0
        return ir.variational.Expected(np.zeros(()), np.ones(2), sign * np.eye(2))


def test_the_step_that_leaves_the_cone_is_named():
    start = FullGaussian.from_precision(np.zeros(2), np.eye(2))
    with pytest.raises(
        DomainError,
        match="after 1 steps: the precision after a standard step is not positive definite",
    ):
        run_nvi(Convex(), start, progress=False, step_size=0.5)
    assert run_nvi(Convex(), start, progress=False, step="positive", steps=5).status == "finished"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"step": "newton"}, OptionError, "step must be one of"),
        ({"steps": 0}, DomainError, "steps must be an integer"),
        ({"tolerance": -1.0}, DomainError, "tolerance must not be negative"),
        ({"step_size": 1.5}, DomainError, r"step_size must lie in \(0, 1\]"),
        ({"step_size": lambda done: 0.0}, DomainError, "after 0 steps: step_size must be greater"),
        ({"expectation": "exact"}, OptionError, "expectation must be"),
    ],
)
def test_options_that_cannot_be_used(options, error, message):
    with pytest.raises(error, match=message):
        run_nvi(LOGISTIC, PRIOR, progress=False, **options)


class Short:
    """A gradient of another dimension."""

    def expected(self, q):
        return ir.variational.Expected(np.zeros(()), np.ones(2), np.eye(3))


def test_expectations_of_another_dimension():
    with pytest.raises(ShapeError, match=r"the expected gradient must have the shape \(3,\)"):
        run_nvi(Short(), PRIOR, progress=False)


def test_samples_need_no_generator():
    assert (
        run_nvi(
            LOGISTIC, PRIOR, expectation=Sampling(4), step_size=0.1, steps=2, progress=False
        ).status
        == "finished"
    )


def test_start_that_is_none():
    with pytest.raises(OptionError, match="start must be a FullGaussian"):
        run_nvi(LOGISTIC, np.zeros(3), progress=False)


@pytest.mark.long
def test_breast_cancer_optimum_is_that_of_a_general_optimiser():
    """The data of the experiment: 31 coordinates, 527 numbers to fit."""
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is a test dependency")
    x, y = datasets.load_breast_cancer(return_X_y=True)
    design = np.concatenate([np.ones((len(x), 1)), (x - x.mean(axis=0)) / x.std(axis=0)], axis=1)
    start = FullGaussian.from_precision(np.zeros(31), np.eye(31))
    found = run_nvi(
        LogisticRegression(design, y.astype(float)),
        start,
        step_size=0.8,
        expectation=Quadrature(256),
        progress=False,
    )
    climb = oracle.Reparametrised(design, oracle.logistic(y.astype(float)), 1.0, rule=oracle.EQUAL)
    mean, covariance, bound, slope = climb.optimum()
    # L-BFGS stops at its line search; what its gradient leaves open is slope² over the least
    # curvature, which is above the prior's one.
    assert slope < 1e-2
    assert 0 <= found.elbo[-1] - bound + 1e-10 <= slope**2 + 2e-10
    deviations = np.sqrt(np.diag(found.covariance))
    assert np.max(np.abs(found.mean - mean) / deviations) < 2 * slope
    assert np.max(np.abs(np.sqrt(np.diag(covariance)) / deviations - 1)) < 2 * slope
    print(f"ELBO {found.elbo[-1]:.10f} against {bound:.10f}, gradient {slope:.1e}")
