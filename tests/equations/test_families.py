"""(E1)-(E13) against textbooks, quadrature and mpmath's own differences."""

import numpy as np
import pytest

from ingd_ref.equations import LABELS
from ingd_ref.equations.variational import gaussian_step
from tests.equations.digits import (
    CURVATURE,
    EXAMPLES,
    MP,
    ROUNDING,
    SLOPE,
    close,
    exact,
    linear_solve,
    partial,
)

M, V = MP.mpf("0.7"), MP.mpf("1.9")  # the Gaussian example
ALPHA, BETA = MP.mpf("2.3"), MP.mpf("1.7")  # the Gamma example
LINE, HALF_LINE = [-MP.inf, -2, 0, 2, 4, MP.inf], [0, MP.mpf("0.5"), 1, 2, 4, 8, MP.inf]
QUADRATURE = 1e-30  # of double-exponential quadrature over pieces: its own estimate is below 1e-40


def gaussian_statistics(x):
    return np.array([x, x**2])


def gamma_statistics(x):
    return np.array([MP.log(x), x])


CONTINUOUS = {
    "gaussian": (gaussian_statistics, lambda x: 1 / MP.sqrt(2 * MP.pi), LINE),
    "gamma": (gamma_statistics, lambda x: 1 / x, HALF_LINE),
}


def textbook_density(name, x):
    if name == "gaussian":
        return MP.exp(-((x - M) ** 2) / (2 * V)) / MP.sqrt(2 * MP.pi * V)
    return BETA**ALPHA * x ** (ALPHA - 1) * MP.exp(-BETA * x) / MP.gamma(ALPHA)


def expectation(name, function):
    return MP.quad(lambda x: textbook_density(name, x) * function(x), CONTINUOUS[name][2])


@pytest.fixture(params=EXAMPLES)
def example(request):
    return EXAMPLES[request.param]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_density_is_the_one_of_textbooks(name):
    f, h, _ = CONTINUOUS[name]
    for x in exact(np.array([0.1, 1.0, 7.5])):
        density = LABELS["E1"](x, EXAMPLES[name].theta, f, EXAMPLES[name].A, h)
        close(density, textbook_density(name, x), ROUNDING)


def test_mean_parameters_are_those_of_textbooks(example):
    close(LABELS["E2"](example.theta, example.A), example.mu, SLOPE)


def test_fisher_information_is_that_of_textbooks(example):
    close(LABELS["E3"](example.theta, example.A), example.F, CURVATURE)


def test_fisher_information_in_mean_parameters_is_the_inverse():
    """θ(μ) of a Gaussian is (μ₁, −½)/(μ₂ − μ₁²)."""
    example = EXAMPLES["gaussian"]
    found = LABELS["E4"](
        example.mu,
        lambda mu: np.array([mu[0], -MP.mpf(1) / 2]) / (mu[1] - mu[0] ** 2),
        example.A,
    )
    inverse = np.array([linear_solve(example.F, row) for row in np.eye(2, dtype=int)]).T
    close(found, inverse, CURVATURE)


def test_fisher_information_of_a_gaussian_in_mean_and_deviation():
    found = LABELS["E4"](
        np.array([M, MP.sqrt(V)]),
        lambda xi: np.array([xi[0] / xi[1] ** 2, -1 / (2 * xi[1] ** 2)]),
        EXAMPLES["gaussian"].A,
    )
    close(found, np.diag([1 / V, 2 / V]), CURVATURE)


def test_divergence_of_gaussians_is_the_integral():
    m, v = MP.mpf("-0.4"), MP.mpf("0.8")

    def log_ratio(x):
        return MP.log(v / V) / 2 - (x - M) ** 2 / (2 * V) + (x - m) ** 2 / (2 * v)

    other = np.array([m / v, -1 / (2 * v)])
    found = LABELS["E5"](EXAMPLES["gaussian"].theta, other, EXAMPLES["gaussian"].A)
    close(found, expectation("gaussian", log_ratio), QUADRATURE)


def test_divergence_of_gammas_is_the_integral():
    a, b = MP.mpf("3.9"), MP.mpf("0.6")
    constant = ALPHA * MP.log(BETA) - a * MP.log(b) - MP.loggamma(ALPHA) + MP.loggamma(a)

    def log_ratio(x):
        return constant + (ALPHA - a) * MP.log(x) - (BETA - b) * x

    other = np.array([a, -b])
    found = LABELS["E5"](EXAMPLES["gamma"].theta, other, EXAMPLES["gamma"].A)
    close(found, expectation("gamma", log_ratio), QUADRATURE)


def test_divergence_of_categories_is_the_sum():
    p, q = (exact(np.array(v)) for v in (["0.2", "0.5", "0.3"], ["0.6", "0.1", "0.3"]))
    theta = np.array([MP.log(x / q[2]) for x in q[:2]])
    expected = sum(a * MP.log(a / b) for a, b in zip(p, q, strict=True))
    found = LABELS["E5"](EXAMPLES["categorical"].theta, theta, EXAMPLES["categorical"].A)
    close(found, expected, SLOPE)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_conjugate_is_the_mean_of_the_log_density_over_the_base_measure(name):
    h = CONTINUOUS[name][1]
    expected = expectation(name, lambda x: MP.log(textbook_density(name, x) / h(x)))
    close(LABELS["E6"](EXAMPLES[name].theta, EXAMPLES[name].A), expected, QUADRATURE)


def test_conjugate_is_a_supremum_that_its_gradient_attains(example):
    """θ is a stationary point of ⟨θ, μ⟩ − A(θ), and no other θ gives more."""
    value = LABELS["E6"](example.theta, example.A)
    for stretch in ("0.9", "0.999", "1.001", "1.1"):
        other = example.theta * MP.mpf(stretch)
        assert other @ example.mu - example.A(other) < value


def test_gradient_of_the_conjugate_inverts_the_mean_map():
    """For the Gaussian A* = −½ − ½ log(μ₂ − μ₁²), and ∇A* = θ."""
    example = EXAMPLES["gaussian"]

    def conjugate(mu):
        return -(1 + MP.log(mu[1] - mu[0] ** 2)) / 2

    close(LABELS["E6"](example.theta, example.A), conjugate(example.mu), SLOPE)
    close([partial(conjugate, example.mu, a) for a in range(2)], example.theta, ROUNDING)


def loss(theta):
    """Any smooth function, with its gradient."""
    return MP.sin(theta[0]) + theta[-1] ** 3


def loss_gradient(theta):
    slope = np.zeros(len(theta), dtype=object)
    slope[0] += MP.cos(theta[0])
    slope[-1] += 3 * theta[-1] ** 2
    return slope


def test_natural_gradient_solves_with_the_fisher_information_of_textbooks(example):
    expected = linear_solve(example.F, loss_gradient(example.theta))
    close(LABELS["E7"](example.theta, loss, example.A), expected, CURVATURE)


def test_natural_gradient_is_the_gradient_in_mean_parameters():
    """For the Gaussian and the categorical family, whose maps from μ to θ are elementary."""
    maps = {
        "gaussian": lambda mu: np.array([mu[0], -MP.mpf(1) / 2]) / (mu[1] - mu[0] ** 2),
        "categorical": lambda mu: np.array([MP.log(m / (1 - np.sum(mu))) for m in mu]),
    }
    for name, natural_from_mean in maps.items():
        example = EXAMPLES[name]
        expected = linear_solve(example.F, loss_gradient(example.theta))
        close(LABELS["E8"](example.mu, loss, natural_from_mean), expected, SLOPE)


def test_flow_follows_the_straight_path_of_means():
    """d/dt θ(μ(t)) along (E10) is (E9) at every time, and (E10) starts where it should."""
    A, start = EXAMPLES["gaussian"].A, EXAMPLES["gaussian"].mu
    target = np.array([MP.mpf("-0.5"), MP.mpf("1.4")])

    def theta(t):
        mu = LABELS["E10"](t, start, target)
        return np.array([mu[0], -MP.mpf(1) / 2]) / (mu[1] - mu[0] ** 2)

    close(LABELS["E10"](MP.mpf(0), start, target), start, 0)
    for t in exact(np.array([0, 0.3, 2.5])):
        rate = [MP.diff(lambda s, a=a: theta(s)[a], t) for a in range(2)]
        close(LABELS["E9"](theta(t), target, A), rate, CURVATURE)


def test_flow_lands_where_the_path_of_means_says():
    """Bulirsch-Stoer over one step of length ¼, whose ninth column is of order 18."""
    example, goal = EXAMPLES["gamma"], np.array([MP.mpf("0.1"), MP.mpf("1.6")])
    length = MP.mpf("0.25")

    def midpoint(steps):
        h, before = length / steps, example.theta
        now = before + h * LABELS["E9"](before, goal, example.A)
        for _ in range(steps - 1):
            before, now = now, before + 2 * h * LABELS["E9"](now, goal, example.A)
        return (now + before + h * LABELS["E9"](now, goal, example.A)) / 2

    column = [midpoint(2 * k) for k in range(1, 10)]
    for k in range(1, 9):  # Richardson's extrapolation in h²
        ratios = [MP.mpf(j + k + 1) ** 2 / MP.mpf(j + 1) ** 2 for j in range(len(column) - 1)]
        column = [
            fine + (fine - coarse) / (r - 1)
            for coarse, fine, r in zip(column, column[1:], ratios, strict=False)
        ]
    theta = column[0]
    mean = np.array([MP.digamma(theta[0]) - MP.log(-theta[1]), -theta[0] / theta[1]])
    close(mean, LABELS["E10"](length, example.mu, goal), 1e-14)


def test_variational_gradient_of_a_gaussian_is_that_of_the_divergence():
    """For ℓ(x) = −eˣ the bound is −½ log(μ₂ − μ₁²) + E eˣ up to a constant, E eˣ = e^{m + s²/2}."""
    example = EXAMPLES["gaussian"]

    def mean_of_exponential(mu):
        return MP.exp(mu[0] + (mu[1] - mu[0] ** 2) / 2)

    def divergence(mu):
        return -MP.log(mu[1] - mu[0] ** 2) / 2 + mean_of_exponential(mu)

    found = LABELS["E11"](example.theta, example.mu, lambda mu: -mean_of_exponential(mu))
    close(found, [partial(divergence, example.mu, a) for a in range(2)], SLOPE)


def test_variational_gradient_counts_the_base_measure():
    """KL of Gamma(α, β) to p ∝ e^{−2x}, x > 0: h = 1/x adds E log x = μ₁ to the expectation."""
    example = EXAMPLES["gamma"]
    found = LABELS["E11"](example.theta, example.mu, lambda mu: -2 * mu[1] + mu[0])
    # p is Gamma(1, 2), so the gradient in μ is θ − (1, −2).
    close(found, example.theta - np.array([1, -2]), SLOPE)


def test_gaussian_step_is_the_step_in_natural_parameters():
    """θ = (Pm, −½P) moves to (1 − ρ)θ + ρ(g − Hm, ½H) with g = E∇ℓ and H = E∇²ℓ."""
    P, m = exact(np.array([[2.0, 0.3], [0.3, 1.5]])), exact(np.array([0.4, -1.1]))
    H, g = exact(np.array([[-3.0, 1.0], [1.0, -2.5]])), exact(np.array([0.7, 0.2]))
    rho = MP.mpf("0.3")
    P_new, m_new = gaussian_step(P, m, rho, g, H)
    close(P_new, (1 - rho) * P - rho * H, 0)
    close(P_new @ m_new, (1 - rho) * P @ m + rho * (g - H @ m), ROUNDING)


def test_full_gaussian_step_solves_a_quadratic():
    """ℓ = −½(x − a)ᵀT(x − a) is reached from anywhere with ρ = 1."""
    T, a = exact(np.array([[2.0, 0.3], [0.3, 1.5]])), exact(np.array([0.4, -1.1]))
    m = exact(np.array([5.0, 7.0]))
    P_new, m_new = gaussian_step(exact(np.eye(2)), m, 1, T @ (a - m), -T)
    close(P_new, T, 0)
    close(m_new, a, ROUNDING)


@pytest.mark.parametrize(
    ("label", "name", "parameters"),
    [("E12", "gaussian", (M, V)), ("E13", "gamma", (ALPHA, BETA))],
)
def test_closed_forms_are_integrals(label, name, parameters):
    """A, μ and F by quadrature of h e^{⟨θ, f⟩}, of f q and of (f − μ)(f − μ)ᵀ q."""
    closed = LABELS[label](*parameters)
    f, h, line = CONTINUOUS[name]
    close(closed.f(MP.mpf("1.3")), f(MP.mpf("1.3")), ROUNDING)
    density = h(MP.mpf("1.3")) * MP.exp(closed.theta @ f(MP.mpf("1.3")) - closed.A)
    close(density, textbook_density(name, MP.mpf("1.3")), ROUNDING)
    mass = MP.quad(lambda x: h(x) * MP.exp(closed.theta @ f(x)), line)
    close(closed.A, MP.log(mass), QUADRATURE)
    mu = [expectation(name, lambda x, a=a: f(x)[a]) for a in range(2)]
    close(closed.mu, mu, QUADRATURE)
    F = [
        [
            expectation(name, lambda x, a=a, c=c: (f(x)[a] - mu[a]) * (f(x)[c] - mu[c]))
            for c in (0, 1)
        ]
        for a in (0, 1)
    ]
    close(closed.F, F, QUADRATURE)
