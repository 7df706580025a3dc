"""Steps in any family: exact Bayes for conjugate likelihoods, gradients by means, damping."""

import math

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.variational import (
    conjugate_step,
    regression_gradient,
    reverse_divergence_gradient,
    scalar_nodes,
)

FAMILIES = ir.families
CASES = {
    "Gamma": (FAMILIES.Gamma(), {"shape": 2.5, "rate": 0.7}, {"shape": 1.5, "rate": 2.0}),
    "Gaussian": (
        FAMILIES.Gaussian(),
        {"mean": 0.5, "variance": 2.0},
        {"mean": -1.0, "variance": 0.7},
    ),
    "Beta": (FAMILIES.Beta(), {"alpha": 2.0, "beta": 3.0}, {"alpha": 1.5, "beta": 1.2}),
    "Bernoulli": (FAMILIES.Bernoulli(), {"probability": 0.3}, {"probability": 0.6}),
    "Poisson": (FAMILIES.Poisson(), {"rate": 3.0}, {"rate": 1.2}),
    "Dirichlet": (
        FAMILIES.Dirichlet(3),
        {"concentration": [1.0, 2.0, 3.0]},
        {"concentration": [2.0, 2.0, 1.0]},
    ),
    "multivariate Gaussian": (
        FAMILIES.MultivariateGaussian(2),
        {"mean": [0.3, -0.2], "covariance": [[1.0, 0.3], [0.3, 0.5]]},
        {"mean": [0.0, 1.0], "covariance": [[2.0, -0.5], [-0.5, 1.0]]},
    ),
    "Wishart": (
        FAMILIES.Wishart(2),
        {"degrees_of_freedom": 5.0, "scale": [[1.0, 0.2], [0.2, 0.5]]},
        {"degrees_of_freedom": 4.0, "scale": [[1.0, 0.0], [0.0, 1.0]]},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_that_of_the_divergence_through_the_mean_chart(name):
    """Differences of KL(q‖p) along the mean parameters, p a member of the family itself."""
    family, first, second = CASES[name]
    theta, prior = family.natural(**first), family.natural(**second)
    mu = family.mean(theta)
    found = reverse_divergence_gradient(family, theta, np.zeros(family.number), prior)
    np.testing.assert_array_equal(found, theta - prior)
    scale = 1e-3 * np.sqrt(np.diag(family.fisher(theta)))
    for k in range(family.number):
        h = np.zeros(family.number)
        h[k] = scale[k]

        def loss(t, h=h):
            return family.kl(family.natural_from_mean(mu + t * h), prior)

        slope = (8 * (loss(1) - loss(-1)) - (loss(2) - loss(-2))) / (12 * scale[k])
        # Fourth order in 1e-3 standard deviations of the statistics; the fifth derivative in these
        # units is below 1e3.
        assert slope == pytest.approx(found[k], abs=1e-7 * (1 + np.max(np.abs(theta))))


def test_conjugate_steps_are_bayes_rule():
    """Beta-Bernoulli, Gamma-Poisson, Dirichlet-categorical: posterior counts to the last digit."""
    beta = FAMILIES.Beta()
    prior = beta.natural(alpha=2.0, beta=3.0)
    theta = conjugate_step(
        beta, beta.natural(alpha=0.1, beta=9.0), prior, np.array([7.0, 4.0])
    ).theta
    assert {key: value.item() for key, value in beta.classical(theta).items()} == {
        "alpha": 9.0,
        "beta": 7.0,
    }
    dirichlet = FAMILIES.Dirichlet(3)
    theta = conjugate_step(
        dirichlet,
        dirichlet.natural(concentration=[5.0, 5.0, 5.0]),
        dirichlet.natural(concentration=[1.0, 1.0, 1.0]),
        np.array([4.0, 0.0, 2.0]),
    ).theta
    np.testing.assert_array_equal(dirichlet.classical(theta)["concentration"], [5.0, 1.0, 3.0])


def test_partial_steps_go_straight():
    gamma = FAMILIES.Gamma()
    theta, prior = gamma.natural(shape=4.0, rate=1.0), gamma.natural(shape=1.0, rate=1.0)
    step = conjugate_step(gamma, theta, prior, np.array([8.0, -2.0]), 0.25)
    np.testing.assert_array_equal(step.target, [9.0, -3.0])
    np.testing.assert_array_equal(step.theta, [5.25, -1.5])


@pytest.mark.parametrize(("name", "number"), [("Gamma", 201), ("Gaussian", 101), ("Beta", 201)])
def test_quadrature_gradient_solves_a_problem_that_is_not_conjugate(name, number):
    """ℓ = −½x² − 0.3 sin x on top of the prior: the fixed point is stationary for the ELBO."""
    family, first, second = CASES[name]
    theta, prior = family.natural(**first), family.natural(**second)

    def likelihood(x):
        return -0.5 * x[:, 0] ** 2 - 0.3 * np.sin(x[:, 0])

    for _ in range(60):
        x, weights = scalar_nodes(family, theta, number)
        theta = conjugate_step(
            family,
            theta,
            prior,
            regression_gradient(family, theta, likelihood(x), x, weights),
            0.7,
            damping=True,
        ).theta

    def bound(t):
        x, weights = scalar_nodes(family, t, 401)
        return weights @ likelihood(x) - family.kl(t, prior)

    best = bound(theta)
    scale = 1 / np.sqrt(np.diag(family.fisher(theta)))
    for k in range(2):
        h = 1e-3 * scale[k] * np.eye(2)[k]
        slope = (
            8 * (bound(theta + h) - bound(theta - h))
            - (bound(theta + 2 * h) - bound(theta - 2 * h))
        ) / 12e-3
        assert (
            abs(slope) < 1e-10
        )  # truncation 1e-12/30 of a fifth derivative below 100, rounding 1e-15/1e-3
        assert bound(theta + 100 * h) < best
        assert bound(theta - 100 * h) < best


def test_base_measure_belongs_to_the_gradient():
    """Without a prior, q = p is stationary only if log h is subtracted from ℓ: Gamma, h = 1/x."""
    family, theta = FAMILIES.Gamma(), FAMILIES.Gamma().natural(shape=2.5, rate=0.7)
    x, weights = scalar_nodes(family, theta)
    log_density = family.log_prob(theta, x)
    with_it, without = (
        reverse_divergence_gradient(
            family,
            theta,
            regression_gradient(family, theta, log_density, x, weights, base_measure=base),
        )
        for base in (True, False)
    )
    np.testing.assert_allclose(with_it, 0.0, atol=1e-11)
    np.testing.assert_allclose(
        without, [1.0, 0.0], atol=1e-11
    )  # −log h = log x, the first statistic


def test_draws_converge_to_quadrature():
    family, theta = FAMILIES.Gamma(), FAMILIES.Gamma().natural(shape=3.0, rate=2.0)
    x, weights = scalar_nodes(family, theta)
    exact = regression_gradient(family, theta, np.sin(x[:, 0]), x, weights)
    rng = np.random.default_rng(2)
    drawn = [family.sample(theta, 4000, rng) for _ in range(40)]
    estimates = np.array([regression_gradient(family, theta, np.sin(x[:, 0]), x) for x in drawn])
    error = estimates.std(axis=0, ddof=1) / math.sqrt(40)
    assert np.all(
        np.abs(estimates.mean(axis=0) - exact) < 4.5 * error + 5 / 4000
    )  # noise, and the bias of order 1/n
    assert np.all(error < 0.02)


@pytest.mark.parametrize("name", ["Gamma", "Gaussian", "Beta"])
@pytest.mark.parametrize("power", [1.0, 1e4])
def test_nodes_reproduce_the_moments(name, power):
    """Ordinary and very narrow members: Fisher information and mean by nodes and in closed form."""
    family, first, _ = CASES[name]
    theta = power * family.natural(**first)
    x, weights = scalar_nodes(family, theta)
    statistics = family.statistics(x)
    mean = weights @ statistics
    deviation = np.sqrt(np.diag(family.fisher(theta)))
    # 201 terms; a mean of many deviations keeps fewer digits of the deviation
    unit = 1e-13 * (1 + np.max(np.abs(mean) / deviation))
    np.testing.assert_allclose(
        mean / deviation, family.mean(theta) / deviation, rtol=0, atol=50 * unit
    )
    centred = (statistics - mean) / deviation
    np.testing.assert_allclose(
        (weights[:, None] * centred).T @ centred,
        family.fisher(theta) / np.outer(deviation, deviation),
        rtol=0,
        atol=50 * unit,
    )


def test_damping_halves_only_where_it_has_to():
    gamma = FAMILIES.Gamma()
    theta = gamma.natural(shape=np.array([1.0, 1.0]), rate=np.array([1.0, 1.0]))
    gradient = np.array([[1.0, -1.0], [0.0, 7.0]])
    step = conjugate_step(gamma, theta, theta, gradient, damping=True)
    np.testing.assert_array_equal(step.step_size, [1.0, 0.125])
    assert np.all(gamma.contains(step.theta))
    np.testing.assert_array_equal(step.theta[1], [1.0, -0.125])
    with pytest.raises(
        DomainError, match="leaves the natural parameter space of Gamma; take a smaller step_size"
    ):
        conjugate_step(gamma, theta, theta, gradient)


@pytest.mark.parametrize("seed", range(30))
def test_a_target_inside_never_needs_damping(seed):
    rng = np.random.default_rng(seed)
    family = FAMILIES.MultivariateGaussian(2)

    def member():
        root = rng.normal(size=(2, 2))
        return family.natural(mean=rng.normal(size=2), covariance=root @ root.T + 0.01 * np.eye(2))

    theta, target = member(), member()
    for rho in (1.0, 0.3, 0.01):
        step = conjugate_step(family, theta, None, target, rho, damping=True)
        assert step.step_size == rho


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda f, t: conjugate_step(f, t, None, t, 1.1),
            DomainError,
            r"step_size must lie in \(0, 1\]",
        ),
        (
            lambda f, t: conjugate_step(f, t, None, np.zeros(3)),
            ShapeError,
            "likelihood_gradient must have shape",
        ),
        (
            lambda f, t: conjugate_step(f, np.stack([t, t]), None, np.zeros((3, 2))),
            ShapeError,
            "do not broadcast",
        ),
        (
            lambda f, t: conjugate_step(f, -t, None, t),
            DomainError,
            "outside the natural parameter space",
        ),
        (
            lambda f, t: conjugate_step(f, t, -t, t),
            DomainError,
            "outside the natural parameter space",
        ),
        (
            lambda f, t: regression_gradient(f, np.stack([t, t]), np.zeros(5), np.ones((5, 1))),
            ShapeError,
            r"theta must have shape \(2,\)",
        ),
        (
            lambda f, t: regression_gradient(f, t, np.zeros(4), np.ones((5, 1))),
            ShapeError,
            "log_likelihood must have shape",
        ),
        (
            lambda f, t: regression_gradient(f, t, np.zeros(5), np.ones((5, 1))),
            DomainError,
            "do not determine",
        ),
        (
            lambda f, t: regression_gradient(f, t, np.zeros(2), np.array([[1.0], [2.0]])),
            DomainError,
            "2 points do not determine",
        ),
        (
            lambda f, t: regression_gradient(
                f, t, np.zeros(3), np.array([[1.0], [2.0], [2.0]]), np.array([0.5, 0.25, 0.25])
            ),
            DomainError,
            "depend on one another",
        ),
        (lambda f, t: scalar_nodes(f, np.stack([t, t])), ShapeError, "theta must have shape"),
        (lambda f, t: scalar_nodes(f, t, 1), DomainError, "number must be at least 2"),
        (lambda f, t: scalar_nodes(FAMILIES.Poisson(), np.zeros(1)), OptionError, "Poisson is not"),
        (
            lambda f, t: scalar_nodes(
                FAMILIES.DiagonalGaussian(2), np.array([0.0, 0.0, -1.0, -1.0])
            ),
            OptionError,
            "diagonal Gaussian is not",
        ),
    ],
)
def test_what_is_refused(call, error, message):
    family = FAMILIES.Gamma()
    with pytest.raises(error, match=message):
        call(family, family.natural(shape=2.0, rate=1.0))
