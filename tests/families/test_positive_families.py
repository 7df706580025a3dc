"""The families on the half-line as objects.

Laws (E2)-(E8), samples, fits, other array libraries, and messages.
"""

import array_api_strict
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats

from ingd_ref.backend._namespace import device, to_host
from ingd_ref.errors import DomainError, NonFiniteError
from ingd_ref.families import (
    ChiSquared,
    Exponential,
    ExponentialFamily,
    InverseGamma,
    InverseGaussian,
    Laplace,
    LogNormal,
    Maxwell,
    Pareto,
    Rayleigh,
    Weibull,
)
from tests.families.judge import DIGITS, oracle_of
from tests.families.members import HALF_LINE, Case
from validation.oracles.precise import MP, precise
from validation.oracles.statement import slopes

UNIT = 2.0**-53
FAMILIES = [case.family for case in HALF_LINE]
IDS = [repr(family) for family in FAMILIES]
every_family = pytest.mark.parametrize("family", FAMILIES, ids=IDS)


def middle(family: ExponentialFamily, *values: float) -> np.ndarray:
    """A member with the given classical parameters, by position."""
    return family.natural(
        **{
            parameter.name: value
            for parameter, value in zip(family.parameters, values, strict=False)
        }
    )


# --- laws -----------------------------------------------------------------------------------------

exponents = st.floats(-8.0, 8.0)
signs = st.sampled_from([-1.0, 1.0])
entries = st.one_of(st.just(0.0), st.floats(1e-6, 1.0), st.floats(-1.0, -1e-6))
steps = st.sampled_from([1e-12, 1e-8, 1e-4, 1e-2, 0.3])


@st.composite
def members(draw: st.DrawFn) -> tuple[ExponentialFamily, np.ndarray]:
    family = draw(st.sampled_from(FAMILIES))
    values = [
        10.0 ** draw(exponents) * (draw(signs) if parameter.name == "log_mean" else 1.0)
        for parameter in family.parameters
    ]
    return family, middle(family, *values)


def extreme(family: ExponentialFamily, *values: float) -> tuple[ExponentialFamily, np.ndarray]:
    return family, middle(family, *values)


def sensitivity(family: ExponentialFamily, theta: np.ndarray) -> np.ndarray:
    """Σ_j |∂θ_i/∂μ_j μ_j| / |θ_i|: the condition numbers of mean -> natural at μ(θ), by (E4)."""
    return (
        np.abs(family.inverse_fisher(theta))
        @ np.abs(family.mean(theta))
        / np.where(theta == 0, 1.0, np.abs(theta))
    )


@given(members())
@example(extreme(InverseGamma(), 1e8, 1e8))
@example(extreme(InverseGamma(), 1e-8, 1e8))
@example(extreme(InverseGaussian(), 1e-8, 1e8))
@example(extreme(InverseGaussian(), 1e8, 1e-8))
@example(extreme(LogNormal(), -3.0, 1e-8))
@example(extreme(ChiSquared(), 1e-8))
@example(extreme(ChiSquared(), 1e8))
def test_mean_and_its_inverse(member: tuple[ExponentialFamily, np.ndarray]) -> None:
    """(E2), (E6): natural_from_mean ∘ mean is the identity, up to the roundings of μ (8 u at most)
    times its condition number.
    """
    family, theta = member
    kappa = sensitivity(family, theta)
    assume(
        np.max(kappa) * UNIT < 1e-3
    )  # beyond that the rounded μ may belong to no member, or to one that is far away
    error = np.abs(family.natural_from_mean(family.mean(theta)) - theta)
    assert np.all(error <= (10 + 8 * kappa) * UNIT * np.where(theta == 0, 1.0, np.abs(theta)))


@given(members(), st.tuples(entries, entries))
@example(extreme(InverseGamma(), 1e8, 1e8), (1.0, 1.0))
@example(extreme(InverseGaussian(), 1e8, 1e-8), (1.0, -1.0))
@example(extreme(InverseGaussian(), 1e-8, 1e8), (1.0, 1.0))
def test_fisher_its_inverse_and_the_natural_gradient(
    member: tuple[ExponentialFamily, np.ndarray], slope: tuple[float, float]
) -> None:
    """(E3), (E4), (E7), (E8) for L = ⟨c, μ(θ)⟩, of which ∇_θ L = F c and ∇_μ L = c.

    20 u of the magnitudes that meet.
    """
    family, theta = member
    fisher, inverse = family.fisher(theta), family.inverse_fisher(theta)
    deviation = np.sqrt(np.diag(fisher))
    assert np.all(deviation > 0)
    assert np.array_equal(fisher, fisher.T)
    assert np.array_equal(inverse, inverse.T)
    assert np.all(np.abs(fisher) <= deviation[:, None] * deviation * (1 + 8 * UNIT))
    defect = np.abs(fisher @ inverse - np.eye(family.number))
    assert np.all(defect <= 20 * UNIT * (np.abs(fisher) @ np.abs(inverse)))
    coefficient = np.asarray(slope[: family.number]) / deviation
    result = family.natural_gradient(theta, fisher @ coefficient)
    assert np.all(
        np.abs(result - coefficient)
        <= 20 * UNIT * (np.abs(inverse) @ np.abs(fisher) @ np.abs(coefficient))
    )


@given(members(), steps, st.tuples(entries, entries))
@example(extreme(InverseGamma(), 1e8, 1e8), 1e-8, (1.0, 1.0))
@example(extreme(InverseGaussian(), 1e8, 1e-8), 1e-12, (1.0, 0.0))
@example(extreme(InverseGaussian(), 1e-8, 1e8), 1e-12, (1.0, 1.0))
@example(extreme(ChiSquared(), 1e-8), 1e-8, (1.0, 0.0))
@example(extreme(ChiSquared(), 1e8), 1e-12, (1.0, 0.0))
def test_divergence(
    member: tuple[ExponentialFamily, np.ndarray], step: float, direction: tuple[float, float]
) -> None:
    """(E5) in all directions of θ, against its three terms at 160 digits.

    64 u relative, never negative, zero at the same parameters.
    """
    family, theta = member
    other = theta * (1 + step * np.asarray(direction[: family.number]))
    with MP.workdps(DIGITS):
        truth = oracle_of(Case(family)).kl(precise(theta), precise(other))
        value = precise(family.kl(theta, other))
        assert value >= 0
        if np.any(theta != other):
            assert abs(value - truth) <= 64 * UNIT * truth
    assert family.kl(theta, theta) == 0


@given(members(), steps)
@example(extreme(InverseGamma(), 1e8, 1e8), 1e-4)
@example(extreme(ChiSquared(), 1e8), 0.3)
def test_conjugate_functions(member: tuple[ExponentialFamily, np.ndarray], step: float) -> None:
    """(E6): A(θ) + A*(μ) = ⟨θ, μ⟩ at μ = μ(θ), and A(θ′) + A*(μ) − ⟨θ′, μ⟩ = KL(θ‖θ′) at any other
    θ′.
    """
    family, theta = member
    assume(np.max(sensitivity(family, theta)) * UNIT < 1e-3)
    mu = family.mean(theta)
    other = theta * (1 + step)
    conjugate = family.conjugate(mu)
    for parameter, divergence in ((theta, 0.0), (other, family.kl(theta, other))):
        terms = np.asarray(
            [family.log_partition(parameter), conjugate, *(-parameter * mu), -divergence]
        )
        # ∇A* = θ, so the error of μ changes A* by that much of |θ||μ|; the log-partition of a large
        # shape adds a few u of it.
        assert abs(np.sum(terms)) <= 20 * UNIT * (1 + np.sum(np.abs(terms)))


@given(members())
def test_classical_and_natural_parameters(member: tuple[ExponentialFamily, np.ndarray]) -> None:
    """There and back; a power with exponent k magnifies the roundings of the scale k-fold."""
    family, theta = member
    magnified = max(1.0, getattr(family, "shape", 1.0))
    assert np.all(
        np.abs(family.natural(**family.classical(theta)) - theta)
        <= 6 * magnified * UNIT * np.abs(theta)
    )
    assert family.contains(theta)
    assert not family.contains(-theta)


# --- points ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", HALF_LINE, ids=IDS)
def test_statistics_jacobian_and_base_measure(case: Case) -> None:
    """f and log h against their formulas, ∇f against differences: a few roundings of each term."""
    family, oracle = case.family, case.oracle
    for point in (2.625, 7.0, 1e3, 1e8):
        x = precise([point])
        found = [
            (family.statistics(np.asarray([point])), oracle.statistics(x)),
            (family.statistics_jacobian(np.asarray([point])), slopes(oracle.statistics, x)),
        ]
        for values, true in found:
            assert np.all(np.abs(precise(values) - true) <= 4 * UNIT * np.abs(true))
        log_h = oracle.log_base_measure(x)
        got = precise(family.log_base_measure(np.asarray([point])))
        assert abs(got - log_h) <= 4 * UNIT * max(1, abs(log_h))


def test_ends_of_the_support() -> None:
    """Where the density is finite at the end, the end belongs to the support."""
    assert Exponential().log_prob(middle(Exponential(), 2.0), np.asarray([0.0])) == np.log(2.0)
    assert Pareto(2.0).log_prob(middle(Pareto(2.0), 4.0), np.asarray([2.0])) == np.log(2.0)
    laplace = Laplace(3.0)
    assert laplace.log_prob(middle(laplace, 0.5), np.asarray([3.0])) == 0.0
    assert laplace.statistics_jacobian(np.asarray([[3.0], [2.0], [4.0]])).ravel().tolist() == [
        0.0,
        -1.0,
        1.0,
    ]
    for family in (
        Rayleigh(),
        Maxwell(),
        Weibull(2.0),
        ChiSquared(),
        InverseGamma(),
        LogNormal(),
        InverseGaussian(),
    ):
        with pytest.raises(
            DomainError,
            match=rf"x lies outside the support of {family.name}: x > 0 fails at batch "
            rf"index \(1,\)",
        ):
            family.statistics(np.asarray([[1.0], [0.0]]))
    with pytest.raises(
        DomainError,
        match=r"support of exponential: x >= 0 fails at batch index \(0,\), where x = \[-1\.\]",
    ):
        Exponential().statistics(np.asarray([[-1.0]]))
    with pytest.raises(
        DomainError,
        match=r"support of Pareto: x >= 2 fails at batch index \(0,\), where x = \[1\.5\]",
    ):
        Pareto(2.0).fit(np.asarray([[1.5]]))


@every_family
def test_fit_matches_the_moments(family: ExponentialFamily) -> None:
    """The estimate is where (E9) is stationary.

    μ(θ) = Σ w f(x), up to the roundings of the moments times the condition of μ(θ).
    """
    rng = np.random.default_rng(20260102)
    x = family.sample(middle(family, 1.5, 0.8), 200, rng)
    weights = rng.dirichlet(np.ones(200))
    for given_weights, used in ((None, np.full(200, 1 / 200)), (weights, weights)):
        theta = family.fit(x, given_weights)
        moments = used @ family.statistics(x)
        size = used @ np.abs(family.statistics(x)) + np.abs(family.fisher(theta)) @ np.abs(theta)
        assert np.all(np.abs(family.mean(theta) - moments) <= 40 * UNIT * size)
    batch = np.stack([x, 1.25 * x])
    np.testing.assert_array_equal(family.fit(batch)[0], family.fit(x))


def test_fits_see_a_spread_that_the_moments_have_lost() -> None:
    """Points whose second statistic keeps nothing of their spread.

    Expected values by expansion in the spread ε, error O(ε²).
    """
    x = np.asarray([[1e8 - 1], [1e8 + 1]])  # ε = 1e-8
    assert InverseGaussian().classical(InverseGaussian().fit(x))["shape"] == pytest.approx(
        1e24, rel=1e-12
    )  # m/ε²
    assert InverseGamma().classical(InverseGamma().fit(x))["shape"] == pytest.approx(
        1e16, rel=1e-7
    )  # gap ½ε² = 1/(2α)
    assert Pareto(1e8 - 1).classical(Pareto(1e8 - 1).fit(x))["shape"] == pytest.approx(
        1e8, rel=1e-7
    )  # mean of log(x/m) = ε
    centre = np.asarray([[np.exp(20.0) * (1 - 1e-6)], [np.exp(20.0) * (1 + 1e-6)]])
    # The logarithms round to u·20 each, of a difference of 2e-6: 1e-9 relative, and twice that of
    # its square.
    assert LogNormal().classical(LogNormal().fit(centre))["log_variance"] == pytest.approx(
        1e-12, rel=1e-8
    )


@pytest.mark.parametrize(
    "family", [InverseGamma(), LogNormal(), InverseGaussian(), Laplace(2.0), Pareto(2.0)], ids=repr
)
def test_samples_that_determine_no_member(family: ExponentialFamily) -> None:
    reason = r"(coordinate 0 is 2 in every point that has weight|mu\[0\] > 0 fails)"
    with pytest.raises(DomainError, match=f"x determines no {family.name}: {reason}"):
        family.fit(np.full((4, 1), 2.0))


# --- samples --------------------------------------------------------------------------------------

SIZE = 100_000
LAWS = [
    (Exponential(), (3.0,), stats.expon(scale=1 / 3)),
    (Rayleigh(), (0.2,), stats.rayleigh(scale=0.2)),
    (Maxwell(), (5.0,), stats.maxwell(scale=5.0)),
    (Weibull(0.75), (2.0,), stats.weibull_min(0.75, scale=2.0)),
    (Weibull(2.5), (0.1,), stats.weibull_min(2.5, scale=0.1)),
    (Laplace(-1.5), (0.3,), stats.laplace(-1.5, 0.3)),
    (Pareto(2.5), (3.0,), stats.pareto(3.0, scale=2.5)),
    (ChiSquared(), (0.6,), stats.chi2(0.6)),
    (ChiSquared(), (40.0,), stats.chi2(40.0)),
    (InverseGamma(), (0.3, 2.0), stats.invgamma(0.3, scale=2.0)),
    (InverseGamma(), (50.0, 2.0), stats.invgamma(50.0, scale=2.0)),
    (LogNormal(), (-2.0, 0.25), stats.lognorm(0.5, scale=np.exp(-2.0))),
    (InverseGaussian(), (3.0, 0.1), stats.invgauss(30.0, scale=0.1)),
    (InverseGaussian(), (0.5, 20.0), stats.invgauss(0.025, scale=20.0)),
]
LAW_IDS = [f"{family!r}{values}" for family, values, _ in LAWS]
# This section makes fewer than 100 comparisons; 1e-8 each leaves a chance below 1e-6 that a correct
# sampler fails for a new seed.
FALSE_ALARM = 1e-8
Z_LIMIT = stats.norm.isf(FALSE_ALARM / 2)


@pytest.mark.parametrize(("family", "values", "law"), LAWS, ids=LAW_IDS)
def test_draws(family: ExponentialFamily, values: tuple[float, ...], law: object) -> None:
    """Kolmogorov-Smirnov against SciPy, and means of f against μ(θ) in exact standard errors
    √(F_ii/n).
    """
    theta = middle(family, *values)
    x = family.sample(theta, SIZE, np.random.default_rng(1))
    assert stats.kstest(x[:, 0], law.cdf).pvalue > FALSE_ALARM
    f = family.statistics(x)
    z = (np.mean(f, axis=0) - family.mean(theta)) / np.sqrt(np.diag(family.fisher(theta)) / SIZE)
    assert np.all(np.abs(z) < Z_LIMIT)


@pytest.mark.parametrize(("family", "values", "law"), LAWS, ids=LAW_IDS)
def test_density_and_entropy_are_those_of_scipy(
    family: ExponentialFamily, values: tuple[float, ...], law: object
) -> None:
    """The classical parameters mean what SciPy's do.

    Log-densities at quantiles and entropies to 1e-10, far below any wrong convention.
    """
    theta = middle(family, *values)
    x = law.ppf([0.01, 0.3, 0.5, 0.99])
    np.testing.assert_allclose(
        family.log_prob(theta, x[:, None]), law.logpdf(x), rtol=1e-10, atol=1e-10
    )
    np.testing.assert_allclose(
        family.entropy(theta), law.entropy(), rtol=1e-6
    )  # SciPy integrates some entropies numerically


def test_a_wrong_member_is_caught() -> None:
    """The same two tests reject samples whose scale is off by 5 to 20 %, so they can fail."""
    for family, right, wrong, law in (
        (Maxwell(), 1.0, 1.05, stats.maxwell()),
        (Laplace(), 1.0, 1.2, stats.laplace()),
        (ChiSquared(), 4.0, 4.2, stats.chi2(4.0)),
    ):
        theta = middle(family, right)
        x = family.sample(middle(family, wrong), SIZE, np.random.default_rng(1))
        z = (np.mean(family.statistics(x), axis=0) - family.mean(theta)) / np.sqrt(
            np.diag(family.fisher(theta)) / SIZE
        )
        assert np.all(np.abs(z) > Z_LIMIT)
        assert stats.kstest(x[:, 0], law.cdf).pvalue < FALSE_ALARM


@every_family
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [1e-8, 1e8])
def test_draws_from_extreme_members_stay_in_the_support(
    family: ExponentialFamily, dtype: type, value: float
) -> None:
    """Draws that under- or overflow are the numbers next to the ends of the support.

    The density exists at each.
    """
    value = {"Weibull": min(max(value, 1e-3), 1e3)}.get(
        family.name, value
    )  # θ = λ⁻ᵏ in the range of float32
    theta = middle(family, *np.full(family.number, value, dtype=dtype))
    x = family.sample(theta, 200, np.random.default_rng(7))
    assert x.dtype == dtype
    assert x.shape == (200, 1)
    assert np.all(np.isfinite(x))
    assert np.all(np.isfinite(family.log_base_measure(x)))


def test_inverse_gaussian_draws_far_from_normal() -> None:
    """At m/λ = 1e12 most draws are near λ, where the textbook root is a difference of much larger
    numbers; the law there is Lévy's.
    """
    x = InverseGaussian().sample(
        middle(InverseGaussian(), 1e12, 1.0), SIZE, np.random.default_rng(3)
    )[:, 0]
    # The densities differ by the factor exp(λ/m − λx/(2m²)): next to nothing up to x = m, above
    # which Lévy's law has √(λ/m) = 1e-6 left.
    assert stats.kstest(x, stats.levy(scale=1.0).cdf).pvalue > FALSE_ALARM


# --- array libraries and precisions ---------------------------------------------------------------


def operations(family: ExponentialFamily, theta: object) -> dict[str, object]:
    """Every public method on a batch of parameters, and on points that are drawn from it."""
    mu = family.mean(theta)
    x = family.sample(theta, 6, np.random.default_rng(20250101))
    results = {
        "mean": mu,
        "sample": x,
        "contains": family.contains(theta),
        "natural_from_mean": family.natural_from_mean(mu),
        "log_partition": family.log_partition(theta),
        "conjugate": family.conjugate(mu),
        "fisher": family.fisher(theta),
        "inverse_fisher": family.inverse_fisher(theta),
        "natural_gradient": family.natural_gradient(theta, mu),
        "kl": family.kl(theta, theta * 1.125),
        "cross_entropy": family.cross_entropy(theta, theta * 1.125),
        "third_cumulant": family.third_cumulant(theta),
        "fisher_vector_product": family.fisher_vector_product(theta, mu),
        "fisher in classical parameters": family.fisher(theta, chart="classical"),
        "entropy": family.entropy(theta),
        "statistics": family.statistics(x),
        "statistics_jacobian": family.statistics_jacobian(x),
        "log_base_measure": family.log_base_measure(x),
        "log_prob": family.log_prob(theta[:, None, :], x),
        "fit": family.fit(x),
    }
    if family.name not in ("chi-squared", "inverse Gamma"):  # whose distance has no closed form
        results["fisher_rao_distance"] = family.fisher_rao_distance(theta, theta * 1.125)
    return results | {f"classical {name}": value for name, value in family.classical(theta).items()}


def batch(family: ExponentialFamily, convert: object) -> object:
    values = ([0.3, 1.0, 4.0], [2.0, 1.0, 0.25])
    return family.natural(
        **{p.name: convert(v) for p, v in zip(family.parameters, values, strict=False)}
    )


def assert_same(results: dict[str, object], family: ExponentialFamily, unit: float) -> None:
    # Elementary functions of two libraries differ by a unit or two in the last place, which κ ≤ 200
    # of these moderate members magnifies; statistics of float32 draws differ by the rounding of the
    # draws besides.
    expected = operations(family, batch(family, np.asarray))
    for name, value in results.items():
        np.testing.assert_allclose(
            to_host(value), expected[name], rtol=4000 * unit, atol=4000 * unit, err_msg=name
        )


@every_family
def test_strict_arrays(family: ExponentialFamily) -> None:
    """On a device whose default type is float32; test_laws has float64 on another device."""
    xp, where = array_api_strict, array_api_strict.Device("device2")
    dtype = xp.float32
    results = operations(family, batch(family, lambda v: xp.asarray(v, dtype=dtype, device=where)))
    for name, value in results.items():
        assert device(value) == where, name
        assert value.dtype in (dtype, xp.bool), name
    assert_same(results, family, 2.0**-24)


@every_family
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_torch(family: ExponentialFamily, precision: str) -> None:
    torch = pytest.importorskip(
        "torch", reason="PyTorch is an optional library of a user who cross-checks"
    )
    dtype = getattr(torch, precision)
    results = operations(family, batch(family, lambda v: torch.tensor(v, dtype=dtype)))
    assert all(value.dtype in (dtype, torch.bool) for value in results.values())
    assert_same(results, family, 2.0**-24 if precision == "float32" else UNIT)


@pytest.mark.gpu
@every_family
def test_cupy(family: ExponentialFamily) -> None:
    cupy = pytest.importorskip("cupy", reason="needs CuPy")
    results = operations(family, batch(family, cupy.asarray))
    assert all(isinstance(value, cupy.ndarray) for value in results.values())
    assert_same(results, family, UNIT)


@every_family
def test_results_in_float32(family: ExponentialFamily) -> None:
    results = operations(family, batch(family, lambda v: np.asarray(v, dtype=np.float32)))
    for name, value in results.items():
        assert value.dtype in (np.float32, np.bool_), name


@every_family
def test_arguments_are_never_changed_nor_shared(family: ExponentialFamily) -> None:
    theta = batch(family, np.asarray)
    x, mu, grad = np.asarray([[3.0], [4.0], [8.0]]), family.mean(theta), np.ones_like(theta)
    given_values = [np.asarray([1.0, 2.0]) for _ in family.parameters]
    arguments = (theta, x, mu, grad, *given_values)
    for argument in arguments:
        argument.flags.writeable = False
    before = [argument.copy() for argument in arguments]
    results = [
        family.natural(**{p.name: v for p, v in zip(family.parameters, given_values, strict=True)}),
        *family.classical(theta).values(),
        family.mean(theta),
        family.natural_from_mean(mu),
        family.natural_gradient(theta, grad),
        family.statistics(x),
        family.statistics_jacobian(x),
        family.log_base_measure(x),
        family.log_prob(theta, x),
        family.fit(x),
    ]
    for argument, copy in zip(arguments, before, strict=True):
        assert np.array_equal(argument, copy)
        assert not any(np.shares_memory(argument, result) for result in results)


# --- messages -------------------------------------------------------------------------------------


@every_family
def test_parameters_outside_their_space(family: ExponentialFamily) -> None:
    """The message names the parameter and the batch index, in every chart."""
    name = family.parameters[-1].name
    values = {parameter.name: [1.0, 1.0] for parameter in family.parameters} | {name: [1.0, -1.0]}
    with pytest.raises(
        DomainError, match=rf"^{name} must be positive, got -1\. at batch index \(1,\)$"
    ):
        family.natural(**values)
    theta = np.stack([middle(family, 1.0, 1.0), np.zeros(family.number)])
    with pytest.raises(
        DomainError,
        match=rf"outside the natural parameter space of {family.name}: .* > 0 fails at "
        rf"batch index \(1,\)",
    ):
        family.mean(theta)
    if family.name != "chi-squared":  # every real number is the mean logarithm of some χ²
        mu = np.stack([family.mean(theta[0]), np.zeros(family.number)])
        with pytest.raises(
            DomainError,
            match=rf"outside the mean parameter space of {family.name}: .* > 0 fails at "
            rf"batch index \(1,\)",
        ):
            family.natural_from_mean(mu)


def test_mean_parameters_on_the_wrong_side() -> None:
    with pytest.raises(DomainError, match=r"log\(mu\[1\]\) \+ mu\[0\] > 0 fails"):
        InverseGamma().natural_from_mean(np.asarray([0.0, 1.0]))
    with pytest.raises(DomainError, match=r"mean/shape = mu\[0\] mu\[1\] - 1 > 0 fails"):
        InverseGaussian().natural_from_mean(np.asarray([4.0, 0.25]))
    with pytest.raises(DomainError, match=r"log_variance = mu\[1\] - mu\[0\]\*\*2 > 0 fails"):
        LogNormal().natural_from_mean(np.asarray([2.0, 4.0]))


def test_known_parameters() -> None:
    with pytest.raises(DomainError, match="shape must be greater than zero, got -1"):
        Weibull(-1.0)
    with pytest.raises(DomainError, match="minimum must be greater than zero, got 0"):
        Pareto(0.0)
    with pytest.raises(NonFiniteError, match="location must be finite, got nan"):
        Laplace(np.nan)
    with pytest.raises(DomainError, match="location must be a number, got 'here'"):
        Laplace("here")
    assert Weibull(2) == Weibull(2.0)
    assert Laplace(1) == Laplace(1.0)
    assert hash(Pareto(2)) == hash(Pareto(2.0))


def test_families_are_related_as_textbooks_say() -> None:
    """Special cases that hold exactly.

    Divergences do not see a change of variable, and one family contains another.
    """
    first, second = 0.75, 2.0
    exponential = Exponential().kl(middle(Exponential(), first), middle(Exponential(), second))
    weibull = Weibull(1.0).kl(middle(Weibull(1.0), 1 / first), middle(Weibull(1.0), 1 / second))
    pareto = Pareto(3.0).kl(middle(Pareto(3.0), first), middle(Pareto(3.0), second))
    rayleigh = Rayleigh().kl(
        middle(Rayleigh(), (2 * first) ** -0.5), middle(Rayleigh(), (2 * second) ** -0.5)
    )
    squares = ChiSquared().entropy(middle(ChiSquared(), 2.0))
    np.testing.assert_allclose([weibull, pareto, rayleigh], exponential, rtol=32 * UNIT)
    np.testing.assert_allclose(
        squares, Exponential().entropy(middle(Exponential(), 0.5)), rtol=16 * UNIT
    )
