"""Vadam against a loop over its equations, against Adam without a prior, on quadratics."""

import numpy as np
import pytest

from ingd_ref.errors import DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.variational import BayesianLinearRegression, LogisticRegression, Vadam, run_vadam
from tests.variational.oracle import vadam_loop

RNG = np.random.default_rng(41)
DESIGN = RNG.normal(size=(60, 3))
LABELS = np.where(RNG.random(60) < 1 / (1 + np.exp(-DESIGN[:, 0])), 1.0, 0.0)


def test_steps_follow_the_published_equations():
    rule = Vadam(data_size=60, prior_precision=0.5, learning_rate=0.02, decay=(0.8, 0.99))
    noises = RNG.normal(size=(40, 3))

    def gradient(x):
        return -DESIGN.T @ (LABELS - 1 / (1 + np.exp(-DESIGN @ x))) / 60

    settings = {"size": 60, "prior": 0.5, "rate": 0.02, "first": 0.8, "second": 0.99}
    expected = vadam_loop(
        gradient, np.full(3, 0.3), noises, first_scale=(2.0 - 0.5) / 60, **settings
    )
    state = rule.start(np.full(3, 0.3), initial_precision=2.0)
    for noise, row in zip(noises, expected, strict=True):
        state = rule.step(state, gradient(rule.perturbed(state, noise)))
        np.testing.assert_allclose(
            state.mean, row, rtol=1e-12, atol=1e-14
        )  # forty steps of some twenty roundings
    assert state.count == 40
    np.testing.assert_allclose(
        rule.approximation(state).precisions, 60 * state.scale + 0.5, rtol=1e-15
    )


def test_run_is_the_sum_of_its_steps():
    """Minibatches and noise come from one generator: rows first, then noise."""
    model, rule = (
        LogisticRegression(DESIGN, LABELS),
        Vadam(data_size=60, prior_precision=0.5, learning_rate=0.02),
    )
    result = run_vadam(
        model, rule, rule.start(np.zeros(3)), steps=15, batch_size=7, rng=np.random.default_rng(3)
    )
    rng, state = np.random.default_rng(3), rule.start(np.zeros(3))
    for row in result.means[1:]:
        rows, noise = rng.permutation(60)[:7], rng.standard_normal(3)
        x = rule.perturbed(state, noise)
        slopes = LABELS[rows] - 1 / (1 + np.exp(-DESIGN[rows] @ x))
        state = rule.step(state, -(slopes[:, None] * DESIGN[rows]).mean(axis=0))
        np.testing.assert_allclose(row, state.mean, rtol=1e-12, atol=1e-14)
    assert (result.status, result.means.shape) == ("finished", (16, 3))
    on = run_vadam(model, rule, result.state, steps=5, rng=np.random.default_rng(4))
    assert on.state.count == 20


def test_without_noise_and_prior_it_is_adam():
    """λ/N is the small number in Adam's denominator, and the weight decay of the mean.

    Both vanish with λ.
    """
    rule = Vadam(data_size=1, prior_precision=1e-300, learning_rate=0.1, decay=(0.9, 0.999))
    state = rule.start(np.array([1.0]), initial_precision=1e-300)
    mean, first, second = 1.0, 0.0, 0.0
    for t in range(1, 30):
        gradient = 2.0 * mean + 1.0
        state = rule.step(state, np.array([2.0 * state.mean[0] + 1.0]))
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        mean -= 0.1 * (first / (1 - 0.9**t)) / np.sqrt(second / (1 - 0.999**t))
        assert state.mean[0] == pytest.approx(mean, rel=1e-12)


def test_without_noise_it_ends_at_the_posterior_mean_of_a_quadratic():
    """The mean is stationary where g + λm/N = 0: for quadratic ℓ the exact posterior mean."""
    model = BayesianLinearRegression(
        DESIGN, DESIGN @ np.array([1.0, -1.0, 0.5]) + 0.1 * RNG.normal(size=60), prior_precision=2.0
    )
    posterior = np.linalg.solve(model.posterior_precision(), DESIGN.T @ model.response)
    rule = Vadam(data_size=60, prior_precision=2.0, learning_rate=0.01, decay=(0.9, 0.99))
    state = rule.start(np.zeros(3))
    for _ in range(3000):
        state = rule.step(
            state, -model.likelihood_gradients(state.mean, np.arange(60)).mean(axis=0)
        )
    np.testing.assert_allclose(state.mean, posterior, rtol=0, atol=1e-9)


def test_with_noise_it_stays_around_the_posterior_mean_of_a_quadratic():
    """Averages over the second half; the standard error is taken from ten blocks."""
    model = BayesianLinearRegression(
        DESIGN, DESIGN @ np.array([1.0, -1.0, 0.5]) + RNG.normal(size=60), prior_precision=2.0
    )
    posterior = np.linalg.solve(model.posterior_precision(), DESIGN.T @ model.response)
    rule = Vadam(data_size=60, prior_precision=2.0, learning_rate=0.005)
    result = run_vadam(
        model,
        rule,
        rule.start(np.zeros(3)),
        steps=6000,
        batch_size=20,
        rng=np.random.default_rng(1),
    )
    blocks = result.means[-4000:].reshape(10, 400, 3).mean(axis=1)
    error = blocks.std(axis=0, ddof=1) / np.sqrt(10)
    assert np.all(np.abs(blocks.mean(axis=0) - posterior) < 5 * error + 1e-3)
    assert np.all(error < 0.05)


def test_callback_ends_a_run():
    model, rule = LogisticRegression(DESIGN, LABELS), Vadam(data_size=60, prior_precision=0.5)
    result = run_vadam(
        model, rule, rule.start(np.zeros(3)), steps=50, callback=lambda state: state.count == 4
    )
    assert (result.status, len(result.means)) == ("stopped", 5)

    def interrupt(state):
        raise KeyboardInterrupt

    interrupted = run_vadam(model, rule, rule.start(np.zeros(3)), steps=50, callback=interrupt)
    assert (interrupted.status, len(interrupted.means)) == ("interrupted", 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Vadam(data_size=0, prior_precision=1.0), DomainError, "data_size"),
        (lambda: Vadam(data_size=1, prior_precision=0.0), DomainError, "prior_precision"),
        (
            lambda: Vadam(data_size=1, prior_precision=1.0, decay=(0.9, 1.0)),
            DomainError,
            r"decay must lie in \[0, 1\)",
        ),
        (
            lambda: Vadam(1, 1.0).start(np.zeros(2), initial_precision=0.5),
            DomainError,
            "initial_precision must be at least",
        ),
        (
            lambda: Vadam(1, 1.0).step(Vadam(1, 1.0).start(np.zeros(2)), np.zeros(3)),
            ShapeError,
            "gradient must have the shape",
        ),
        (
            lambda: Vadam(1, 1.0).step(Vadam(1, 1.0).start(np.zeros(1)), np.full(1, np.nan)),
            NonFiniteError,
            "after 0 steps",
        ),
        (
            lambda: run_vadam(None, Vadam(1, 1.0), Vadam(1, 1.0).start(np.zeros(1))),
            OptionError,
            "likelihood_gradients",
        ),
        (
            lambda: run_vadam(
                LogisticRegression(DESIGN, LABELS),
                Vadam(60, 1.0),
                Vadam(60, 1.0).start(np.zeros(3)),
                batch_size=61,
            ),
            OptionError,
            "batch_size must be at most",
        ),
        (
            lambda: run_vadam(
                LogisticRegression(DESIGN, LABELS),
                Vadam(60, 1.0),
                Vadam(60, 1.0).start(np.zeros((2, 3))),
            ),
            ShapeError,
            "state.mean must have shape",
        ),
        (
            lambda: run_vadam(
                LogisticRegression(DESIGN, LABELS),
                Vadam(59, 1.0),
                Vadam(59, 1.0).start(np.zeros(3)),
            ),
            OptionError,
            "made for 59 data, but the model has 60",
        ),
        (
            lambda: run_vadam(
                LogisticRegression(DESIGN, LABELS),
                Vadam(60, 1.0),
                Vadam(60, 1.0).start(np.zeros(2)),
            ),
            ShapeError,
            r"x must have shape \(..., s, 3\), got \(1, 2\)",
        ),
        (
            lambda: run_vadam(
                LogisticRegression(DESIGN, LABELS),
                Vadam(60, 1.0),
                Vadam(60, 1.0).start(np.zeros(3)),
                rng=-5,
            ),
            OptionError,
            "rng must be None, a seed .* got -5",
        ),
        (lambda: Vadam(60, 1.0, decay=(0.9,)), OptionError, "decay must be a pair"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
