"""Expectations: closed forms, quadrature and samples against each other and against SciPy's."""

import math

import numpy as np
import pytest
from scipy import integrate, special

from ingd_ref.errors import DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.variational import (
    BayesianLinearRegression,
    Exact,
    Expected,
    FullGaussian,
    LogDensity,
    LogisticRegression,
    LowRankGaussian,
    MeanFieldGaussian,
    NonlinearRegression,
    PoissonRegression,
    Quadrature,
    Sampling,
    expected_under,
    natural_step,
    normal_rule,
)
from ingd_ref.variational._curvature import DenseCurvature

RNG = np.random.default_rng(21)
DESIGN = RNG.normal(size=(9, 3))
COUNTS = RNG.poisson(2.0, size=9).astype(float)
LABELS = np.array([0.0, 1, 1, 0, 1, 0, 0, 1, 1])
PRIOR_MEAN = np.array([0.1, 0.2, 0.3])
MODELS = {
    "linear": BayesianLinearRegression(
        DESIGN,
        DESIGN[:, 0],
        noise_precision=2.0,
        prior_precision=0.5,
        prior_mean=np.array([0.1, 0.2, 0.3]),
    ),
    "logistic": LogisticRegression(DESIGN, LABELS, prior_precision=np.array([0.5, 1.0, 2.0])),
    "poisson": PoissonRegression(
        0.5 * DESIGN, COUNTS, exposure=RNG.uniform(0.5, 2.0, size=9), prior_mean=0.1
    ),
}
SQUARE = RNG.normal(size=(3, 6))
FORMS = {
    "full": FullGaussian.from_precision(RNG.normal(size=3), SQUARE @ SQUARE.T),
    "mean field": MeanFieldGaussian(RNG.normal(size=3), RNG.uniform(1.0, 3.0, size=3)),
    "low rank": LowRankGaussian(
        RNG.normal(size=3), RNG.uniform(1.0, 3.0, size=3), RNG.normal(size=(3, 1))
    ),
}


def parts(expected):
    return np.atleast_1d(expected.value), expected.gradient, expected.curvature.matrix()


# --- rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["gauss-hermite", "trapezoidal"])
def test_rules_integrate_polynomials(rule):
    nodes, weights = normal_rule(64, rule)
    for power in range(0, 21, 2):
        moment = math.prod(range(1, power, 2))  # (2k − 1)!!
        # 64 weighted powers, each with as many roundings as its exponent; the trapezoidal rule cuts
        # 9²⁰e^{−40} ≈ 50 of 6e8
        cut = 0.0 if rule == "gauss-hermite" else 9.0**power * math.exp(-40.5) * 10
        assert weights @ nodes**power == pytest.approx(moment, abs=64 * 20 * 2.3e-16 * moment + cut)
        assert abs(weights @ nodes ** (power + 1)) <= 1e-13 * moment * 9 + cut
    assert weights.sum() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("deviation", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("rule", ["gauss-hermite", "trapezoidal"])
def test_rules_converge_as_documented(rule, deviation):
    """Errors for log(1 + e^t) fall like e^{−2a√K} and e^{−2πaK/18}, a = π/s, up to powers of K."""
    exact = scalar(lambda t: np.logaddexp(0.0, t), 0.3, deviation)
    strip = math.pi / deviation
    for number in (8, 16, 32, 64):
        if rule == "gauss-hermite" and number < strip**2:
            continue
        nodes, weights = normal_rule(number, rule)
        error = abs(weights @ np.logaddexp(0.0, 0.3 + deviation * nodes) - exact)
        rate = (
            2 * strip * math.sqrt(number)
            if rule == "gauss-hermite"
            else 2 * math.pi * strip * number / 18
        )
        aliased = (
            math.exp(-0.5 * (2 * math.pi * (number - 1) / 18) ** 2)
            if rule == "trapezoidal"
            else 0.0
        )
        assert (
            error <= 30 * math.exp(-rate) + 30 * aliased + 2e-13
        )  # what the adaptive rule may be off


def scalar(function, centre, deviation):
    """E[function(N(centre, deviation²))] by adaptive quadrature, to 1e-13 or so."""

    def integrand(z):
        return function(centre + deviation * z) * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)

    return integrate.quad(integrand, -12, 12, epsabs=1e-14, epsrel=1e-13, limit=400)[0]


# --- closed forms and quadrature ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "poisson"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rule", ["gauss-hermite", "trapezoidal"])
def test_closed_forms_and_quadrature_agree(name, form, rule):
    q, model = FORMS[form], MODELS[name]
    deviation = np.max(np.sqrt(q.predictor_variance(model.design)))
    cut = special.ndtr(deviation - 9.0) if (name, rule) == ("poisson", "trapezoidal") else 0.0
    for found, exact in zip(
        parts(Quadrature(64, rule)(model, q)), parts(Exact()(model, q)), strict=True
    ):
        np.testing.assert_allclose(found, exact, rtol=0, atol=(1e-12 + cut) * np.max(np.abs(exact)))


@pytest.mark.parametrize("form", FORMS)
def test_logistic_quadrature_against_adaptive_quadrature(form):
    q, model = FORMS[form], MODELS["logistic"]
    covariance, mean = np.linalg.inv(q.precision), q.mean
    centres, deviations = (
        DESIGN @ mean,
        np.sqrt(np.einsum("na,ab,nb->n", DESIGN, covariance, DESIGN)),
    )
    likelihood = sum(
        scalar(lambda t, y=y: -np.logaddexp(0.0, (1 - 2 * y) * t), c, s)
        for y, c, s in zip(LABELS, centres, deviations, strict=True)
    )
    slopes = [
        scalar(lambda t, y=y: y - 1 / (1 + np.exp(-t)), c, s)
        for y, c, s in zip(LABELS, centres, deviations, strict=True)
    ]
    bends = [
        scalar(lambda t: 0.25 / np.cosh(0.5 * t) ** 2, c, s)
        for c, s in zip(centres, deviations, strict=True)
    ]
    prior = np.diag([0.5, 1.0, 2.0])
    log_prior = 0.5 * np.linalg.slogdet(prior / (2 * np.pi))[1] - 0.5 * (
        mean @ prior @ mean + np.trace(prior @ covariance)
    )
    value, gradient, matrix = parts(Quadrature(256)(model, q))
    assert value[0] == pytest.approx(likelihood + log_prior, abs=1e-12)
    np.testing.assert_allclose(
        gradient, DESIGN.T @ np.array(slopes) - prior @ mean, rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(
        matrix, (DESIGN.T * np.array(bends)) @ DESIGN + prior, rtol=0, atol=1e-12
    )


def test_logistic_terms_keep_their_digits_far_out():
    """P(y ≠ observed) = e^−600 keeps all its digits on either side."""
    terms = LogisticRegression(np.eye(2), np.array([1.0, 0.0])).terms(np.array([[600.0], [-600.0]]))
    tiny = math.exp(-600.0)
    np.testing.assert_allclose(terms.value[:, 0], -tiny, rtol=1e-15)
    np.testing.assert_allclose(terms.slope[:, 0], [tiny, -tiny], rtol=1e-15)
    np.testing.assert_allclose(terms.bend[:, 0], tiny, rtol=1e-15)


# --- derivatives of the models --------------------------------------------------------------------


def spiral(x):
    return np.stack([np.sin(x[..., 0]) * x[..., 1], x[..., 0] ** 2 - x[..., 1]], axis=-1)


def spiral_jacobian(x):
    first = np.stack([np.cos(x[..., 0]) * x[..., 1], np.sin(x[..., 0])], axis=-1)
    return np.stack([first, np.stack([2 * x[..., 0], -np.ones_like(x[..., 0])], axis=-1)], axis=-2)


NONLINEAR = NonlinearRegression(
    spiral, spiral_jacobian, np.array([0.4, -0.2]), dimension=2, noise_precision=3.0, prior_mean=0.2
)


@pytest.mark.parametrize("model", [*MODELS.values(), NONLINEAR], ids=[*MODELS, "nonlinear"])
def test_gradients_and_hessians_are_derivatives(model):
    dim = 2 if model is NONLINEAR else 3
    x, h = RNG.normal(size=(4, dim)), 1e-5
    shifts = h * np.eye(dim)
    # central differences: truncation h² of a third derivative below 1e3, rounding 1e-15 · |ℓ| / h
    # below 1e-8
    slope = np.stack(
        [(model.log_density(x + s) - model.log_density(x - s)) / (2 * h) for s in shifts], axis=-1
    )
    np.testing.assert_allclose(model.gradient(x), slope, rtol=1e-6, atol=1e-6)
    if hasattr(model, "hessian"):
        second = np.stack(
            [(model.gradient(x + s) - model.gradient(x - s)) / (2 * h) for s in shifts], axis=-1
        )
        np.testing.assert_allclose(model.hessian(x), second, rtol=1e-6, atol=1e-6)
    assert isinstance(model, LogDensity)


def test_log_densities_are_normalised():
    """Against SciPy's distributions."""
    from scipy import stats

    x = RNG.normal(size=(4, 3))
    t = x @ DESIGN.T
    linear = stats.norm(t, math.sqrt(0.5)).logpdf(DESIGN[:, 0]).sum(axis=1) + stats.norm(
        [0.1, 0.2, 0.3], math.sqrt(2)
    ).logpdf(x).sum(axis=1)
    np.testing.assert_allclose(MODELS["linear"].log_density(x), linear, rtol=1e-13)
    rate = MODELS["poisson"].exposure * np.exp(0.5 * t)
    counts = stats.poisson(rate).logpmf(COUNTS).sum(axis=1) + stats.norm(0.1, 1.0).logpdf(x).sum(
        axis=1
    )
    np.testing.assert_allclose(MODELS["poisson"].log_density(x), counts, rtol=1e-13)
    labels = stats.bernoulli(1 / (1 + np.exp(-t))).logpmf(LABELS).sum(axis=1) + stats.norm(
        0, [2**0.5, 1, 0.5**0.5]
    ).logpdf(x).sum(axis=1)
    np.testing.assert_allclose(MODELS["logistic"].log_density(x), labels, rtol=1e-13)


def test_gradients_per_datum_add_up():
    model, x = MODELS["poisson"], RNG.normal(size=3)
    each = model.likelihood_gradients(x, np.arange(9))
    prior = -(x - 0.1)
    np.testing.assert_allclose(
        each.sum(axis=0) + prior, model.gradient(x[None])[0], rtol=1e-12, atol=1e-12
    )
    np.testing.assert_array_equal(model.likelihood_gradients(x, np.array([4, 2])), each[[4, 2]])


# --- samples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("antithetic", [True, False])
@pytest.mark.parametrize("curvature", ["hessian", "gradient"])
def test_samples_are_unbiased(form, antithetic, curvature):
    """Means over 200 estimates lie within 4.5 standard errors of the quadrature: 1 in 1e5."""
    q, model, rng = FORMS[form], MODELS["logistic"], np.random.default_rng(5)
    exact = parts(Quadrature(96)(model, q))
    estimates = [parts(Sampling(20, antithetic, curvature)(model, q, rng)) for _ in range(200)]
    for index, target in enumerate(exact):
        drawn = np.array([estimate[index] for estimate in estimates])
        if form == "mean field" and index == 2 and curvature == "gradient":
            target, drawn = (
                np.diag(target),
                np.einsum("...ii->...i", drawn),
            )  # only the diagonal is compared
        error = np.std(drawn, axis=0, ddof=1) / math.sqrt(len(drawn))
        assert np.all(np.abs(drawn.mean(axis=0) - target) <= 4.5 * error + 1e-12)


def test_antithetic_pairs_are_exact_for_quadratic_models():
    q, model = FORMS["full"], MODELS["linear"]
    found, exact = Sampling(2)(model, q, np.random.default_rng(0)), model.expected(q)
    np.testing.assert_allclose(found.gradient, exact.gradient, rtol=1e-12)
    np.testing.assert_allclose(found.curvature.matrix(), exact.curvature.matrix(), rtol=1e-13)


def test_gauss_newton_is_definite_where_the_hessian_is_not():
    """Far from the data the curvature of g, times the residual, outweighs JᵀJ."""
    q, rng = FullGaussian.from_precision(np.zeros(2), 50.0 * np.eye(2)), np.random.default_rng(6)
    model = NonlinearRegression(
        spiral, spiral_jacobian, np.array([0.4, 5.0]), dimension=2, noise_precision=3.0
    )
    sampled = {
        kind: Sampling(2000, curvature=kind)(model, q, rng).curvature.matrix()
        for kind in ("gradient", "gauss-newton")
    }
    assert np.linalg.eigvalsh(sampled["gradient"])[0] < -20
    assert np.linalg.eigvalsh(sampled["gauss-newton"])[0] >= 1.0  # the prior precision
    x = RNG.normal(size=(1, 2))
    jacobian = spiral_jacobian(x)[0]
    np.testing.assert_allclose(
        NONLINEAR.gauss_newton(x)[0], 3.0 * jacobian.T @ jacobian + np.eye(2), rtol=1e-13
    )


def test_same_generator_same_numbers():
    first, second = (
        Sampling(4)(MODELS["logistic"], FORMS["full"], np.random.default_rng(1)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.gradient, second.gradient)


# --- a log density of the user's ------------------------------------------------------------------


class Banana:
    """ℓ(x) = −x₁²/2 − (x₂ − x₁²)²/2, gradients alone."""

    def log_density(self, x):
        return -0.5 * x[..., 0] ** 2 - 0.5 * (x[..., 1] - x[..., 0] ** 2) ** 2

    def gradient(self, x):
        gap = x[..., 1] - x[..., 0] ** 2
        return np.stack([-x[..., 0] + 2 * x[..., 0] * gap, -gap], axis=-1)


def test_a_log_density_needs_two_methods():
    q = FullGaussian.from_precision(np.zeros(2), np.eye(2))
    found = Sampling(20000, curvature="gradient")(Banana(), q, np.random.default_rng(2))
    # By hand under N(0, I): E ∇ℓ = (0, 1), and −E∇²ℓ = diag(1 + 6 − 0, 1), where 6 = E[6x₁² − 2x₂]
    np.testing.assert_allclose(found.gradient, [0.0, 1.0], atol=0.1)
    np.testing.assert_allclose(found.curvature.matrix(), [[7.0, 0.0], [0.0, 1.0]], atol=0.7)
    with pytest.raises(OptionError, match="Banana has no method hessian"):
        Sampling(4)(Banana(), q, np.random.default_rng(2))
    with pytest.raises(OptionError, match="not a model of linear predictors"):
        Quadrature()(Banana(), q)


# --- what raises ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LogisticRegression(DESIGN, LABELS + 0.5), DomainError, r"must lie in \[0, 1\]"),
        (lambda: PoissonRegression(DESIGN, -COUNTS), DomainError, "must not be negative"),
        (
            lambda: PoissonRegression(DESIGN, COUNTS, exposure=np.zeros(9)),
            DomainError,
            "exposure must be positive",
        ),
        (
            lambda: BayesianLinearRegression(DESIGN, COUNTS, noise_precision=0.0),
            DomainError,
            "noise_precision must be greater",
        ),
        (
            lambda: BayesianLinearRegression(
                DESIGN, COUNTS, prior_precision=np.array([1.0, 0.0, 1.0])
            ),
            DomainError,
            "prior_precision",
        ),
        (
            lambda: BayesianLinearRegression(DESIGN, COUNTS, prior_precision=np.ones(4)),
            ShapeError,
            "prior_precision must be a number",
        ),
        (
            lambda: BayesianLinearRegression(DESIGN, COUNTS, prior_mean=np.nan),
            NonFiniteError,
            "prior_mean",
        ),
        (
            lambda: BayesianLinearRegression(DESIGN, COUNTS[1:]),
            ShapeError,
            r"response must have shape \(9,\)",
        ),
        (lambda: BayesianLinearRegression(DESIGN[0], COUNTS), ShapeError, "design must have shape"),
        (
            lambda: LogisticRegression(np.full((2, 1), np.nan), np.zeros(2)),
            NonFiniteError,
            "design holds 2",
        ),
        (
            lambda: Exact()(MODELS["logistic"], FORMS["full"]),
            OptionError,
            "LogisticRegression has no closed form",
        ),
        (lambda: Sampling(3), OptionError, "must be even"),
        (lambda: Sampling(0), DomainError, "number must be an integer"),
        (lambda: Sampling(curvature="exact"), OptionError, "curvature must be one of"),
        (lambda: Sampling()(MODELS["linear"], FORMS["full"], "7"), OptionError, "rng must be None"),
        (
            lambda: Sampling(curvature="gauss-newton")(
                MODELS["linear"], FORMS["full"], np.random.default_rng(0)
            ),
            OptionError,
            "gauss_newton",
        ),
        (lambda: Quadrature(0), DomainError, "number must be an integer"),
        (lambda: Quadrature(rule="Simpson"), OptionError, "rule must be one of"),
        (lambda: normal_rule(1, "trapezoidal"), DomainError, "number"),
        (
            lambda: NonlinearRegression(spiral, spiral_jacobian, np.zeros(2), dimension=0),
            DomainError,
            "dimension",
        ),
    ],
)
def test_errors_name_the_culprit(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_default_choices():
    q = FORMS["full"]
    for name, chosen in (("linear", Exact()), ("poisson", Exact()), ("logistic", Quadrature())):
        np.testing.assert_array_equal(
            expected_under(MODELS[name], q).gradient, chosen(MODELS[name], q).gradient
        )
    fine = FullGaussian.from_precision(np.zeros(2), np.eye(2))
    with pytest.raises(OptionError, match="NonlinearRegression has no method hessian"):
        expected_under(NONLINEAR, fine, rng=3)  # by Sampling, whose default needs one


# --- batches of models ----------------------------------------------------------------------------


@pytest.mark.parametrize("points", [1, 2, 5])
def test_each_model_of_a_batch_has_its_own_prior(points):
    """Values, slopes and curvatures at points of a batch are those of its members."""
    designs, labels = np.stack([DESIGN, -0.5 * DESIGN]), np.stack([LABELS, 1.0 - LABELS])
    precisions, means = (
        np.array([[0.5, 1.0, 2.0], [3.0, 0.2, 0.7]]),
        np.array([[0.0, 1.0, -1.0], [2.0, 0.3, 0.5]]),
    )
    batch = LogisticRegression(designs, labels, prior_precision=precisions, prior_mean=means)
    x = np.random.default_rng(4).normal(size=(2, points, 3))
    for k in range(2):
        alone = LogisticRegression(
            designs[k], labels[k], prior_precision=precisions[k], prior_mean=means[k]
        )
        for found, expected in (
            (batch.log_density(x)[k], alone.log_density(x[k])),
            (batch.gradient(x)[k], alone.gradient(x[k])),
        ):
            np.testing.assert_allclose(
                found, expected, rtol=1e-13
            )  # the same operations in another order of summation
        np.testing.assert_allclose(batch.hessian(x)[k], alone.hessian(x[k]), rtol=1e-13)
        step = 1e-6  # central differences: truncation h², rounding eps/h, both below 1e-9
        slopes = [
            (alone.log_density(x[k] + step * e) - alone.log_density(x[k] - step * e)) / (2 * step)
            for e in np.eye(3)
        ]
        np.testing.assert_allclose(batch.gradient(x)[k], np.stack(slopes, axis=-1), atol=1e-7)


@pytest.mark.parametrize("curvature", ["hessian", "gradient"])
def test_samples_of_a_batch_of_models(curvature):
    """Many samples agree with quadrature, member by member."""
    precisions = np.array([[0.5, 1.0, 2.0], [3.0, 0.2, 0.7]])
    model = LogisticRegression(
        np.stack([DESIGN, -0.5 * DESIGN]), np.stack([LABELS, LABELS]), prior_precision=precisions
    )
    q = MeanFieldGaussian(np.zeros((2, 3)), np.full((2, 3), 4.0))
    drawn = expected_under(
        model, q, Sampling(20_000, curvature=curvature), np.random.default_rng(0)
    )
    exact = expected_under(model, q, Quadrature())
    # standard errors are at most the standard deviations, about 3 for gradients and 10 for P(x - m)
    # g, over the root of 20 000
    np.testing.assert_allclose(drawn.gradient, exact.gradient, atol=4 * 3 / math.sqrt(20_000))
    np.testing.assert_allclose(
        drawn.curvature.diagonal(), exact.curvature.diagonal(), atol=4 * 10 / math.sqrt(20_000)
    )


def test_dimensions_that_do_not_fit_are_named():
    model, q = (
        LogisticRegression(DESIGN, LABELS),
        FullGaussian.from_precision(np.zeros(2), np.eye(2)),
    )
    with pytest.raises(
        ShapeError, match="the design has 3 columns, but the approximation has dimension 2"
    ):
        expected_under(model, q)
    with pytest.raises(ShapeError, match=r"x must have shape \(..., s, 3\), got \(4, 2\)"):
        expected_under(model, q, Sampling(4), np.random.default_rng(0))
    with pytest.raises(ShapeError, match="the expected curvature must have dimension 2"):
        natural_step(q, Expected(np.zeros(()), np.zeros(2), DenseCurvature(np.eye(3))))
    with pytest.raises(DomainError, match="prior_mean must be a number"):
        LogisticRegression(DESIGN, LABELS, prior_mean="zero")
    with pytest.raises(ShapeError, match="no empty axis"):
        FullGaussian.from_precision(np.zeros((0, 2)), np.zeros((0, 2, 2)))
