"""The families of counts, categories and proportions as objects.

Conventions, relations, samples, other libraries, and messages.
"""

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from mpmath import mpf
from scipy import stats

from ingd_ref.errors import DomainError, OptionError
from ingd_ref.families import ExponentialFamily
from ingd_ref.families.bernoulli import Bernoulli
from ingd_ref.families.beta import Beta
from ingd_ref.families.binomial import Binomial
from ingd_ref.families.categorical import Categorical
from ingd_ref.families.dirichlet import Dirichlet
from ingd_ref.families.geometric import Geometric
from ingd_ref.families.ising import Ising
from ingd_ref.families.multinomial import Multinomial
from ingd_ref.families.negative_binomial import NegativeBinomial
from ingd_ref.families.poisson import Poisson
from validation.oracles.precise import MP, precise
from validation.oracles.textbook import textbook

UNIT = 2.0**-53
HALF = [0.5, 0.5]
THIRDS = np.asarray([0.2, 0.5, 0.3])
COUPLING = [[0.0, 0.4, -0.2], [0.4, 0.0, 0.3], [-0.2, 0.3, 0.0]]

# --- conventions ----------------------------------------------------------------------------------

SCIPY = [
    (Poisson(), {"rate": 3.5}, stats.poisson(3.5)),
    (Geometric(), {"probability": 0.3}, stats.geom(0.3, loc=-1)),
    (NegativeBinomial(4.5), {"probability": 0.3}, stats.nbinom(4.5, 0.3)),
    (Bernoulli(), {"probability": 0.3}, stats.bernoulli(0.3)),
    (Binomial(9), {"probability": 0.3}, stats.binom(9, 0.3)),
    (Beta(), {"alpha": 2.5, "beta": 0.7}, stats.beta(2.5, 0.7)),
]


@pytest.mark.parametrize(("family", "classical", "law"), SCIPY, ids=[repr(row[0]) for row in SCIPY])
def test_classical_parameters_are_those_of_scipy(
    family: ExponentialFamily, classical: dict, law: object
) -> None:
    """Log-densities and entropies to 1e-12, far below any wrong convention.

    SciPy sums some entropies to 1e-9.
    """
    theta = family.natural(**classical)
    if isinstance(family, Beta):
        x = np.asarray([0.01, 0.4, 0.99])
        expected = law.logpdf(x)
        np.testing.assert_allclose(family.mean(theta)[0], law.expect(np.log), rtol=1e-7)
    else:
        x = np.asarray([0.0, 1.0]) if isinstance(family, Bernoulli) else np.arange(9.0)
        expected = law.logpmf(x)
        np.testing.assert_allclose(family.mean(theta)[0], law.mean(), rtol=1e-12)
        np.testing.assert_allclose(family.fisher(theta)[0, 0], law.var(), rtol=1e-12)
    np.testing.assert_allclose(family.log_prob(theta, x[:, None]), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(family.entropy(theta), law.entropy(), rtol=1e-9)
    for name, value in classical.items():
        np.testing.assert_allclose(family.classical(theta)[name], value, rtol=4 * UNIT)


def test_vectors_are_those_of_scipy() -> None:
    alpha = np.asarray([2.5, 0.7, 4.0])
    family, law = Dirichlet(3), stats.dirichlet(alpha)
    theta = family.natural(concentration=alpha)
    assert family.log_prob(theta, THIRDS) == pytest.approx(law.logpdf(THIRDS), rel=1e-12)
    assert family.entropy(theta) == pytest.approx(law.entropy(), rel=1e-12)
    family, law = Multinomial(6, 3), stats.multinomial(6, THIRDS)
    theta = family.natural(probabilities=THIRDS)
    for x in ([1, 3, 2], [6, 0, 0], [0, 0, 6]):
        assert family.log_prob(theta, np.asarray(x)) == pytest.approx(law.logpmf(x), rel=1e-12)
    assert family.entropy(theta) == pytest.approx(law.entropy(), rel=1e-12)
    np.testing.assert_allclose(family.fisher(theta), law.cov()[:2, :2], rtol=1e-12)


@pytest.mark.parametrize(
    "family",
    [Poisson(), Geometric(), NegativeBinomial(0.5), Binomial(40), Multinomial(5, 3)],
    ids=repr,
)
def test_base_measure_completes_the_probability(family: ExponentialFamily) -> None:
    """log h + ⟨θ, f⟩ − A is the log-probability that the family forms otherwise.

    a few roundings of terms below 200.
    """
    theta = family.natural(**family.example_parameters())
    x = family.sample(theta, 20, np.random.default_rng(1))
    linear = (
        np.sum(theta[:, None] * family.statistics(x), axis=-1)
        - family.log_partition(theta)[:, None]
    )
    np.testing.assert_allclose(
        family.log_base_measure(x) + linear,
        family.log_prob(theta[:, None], x),
        rtol=0,
        atol=800 * UNIT,
    )


# --- relations ------------------------------------------------------------------------------------

OPERATIONS = ("log_partition", "mean", "fisher", "inverse_fisher", "entropy", "third_cumulant")
SAME = [
    (Beta(), Dirichlet(2), [3.5, 0.2]),
    (Bernoulli(), Binomial(1), [0.7]),
    (Bernoulli(), Categorical(2), [0.7]),
    (Binomial(9), Multinomial(9, 2), [-1.2]),
    (Categorical(4), Multinomial(1, 4), [0.5, -1.0, 2.0]),
    (Geometric(), NegativeBinomial(1.0), [-0.3]),
    (Bernoulli(), Ising(1, binary=True), [0.7]),
]


@pytest.mark.parametrize(
    ("first", "second", "theta"), SAME, ids=[f"{a!r} {b!r}" for a, b, _ in SAME]
)
def test_families_that_are_the_same(
    first: ExponentialFamily, second: ExponentialFamily, theta: list[float]
) -> None:
    """They agree to the roundings of two ways to compute the same.

    Third cumulants that the base differentiates, to 1e-9.
    """
    parameter, other = np.asarray(theta), np.asarray(theta) * 1.25
    for operation in OPERATIONS:
        rounding = 1e-9 if operation == "third_cumulant" else 64 * UNIT
        got, expected = (
            np.ravel(getattr(family, operation)(parameter)) for family in (first, second)
        )
        np.testing.assert_allclose(
            got,
            expected,
            rtol=rounding,
            atol=rounding * np.max(np.abs(expected)),
            err_msg=operation,
        )
    np.testing.assert_allclose(
        first.kl(parameter, other), second.kl(parameter, other), rtol=64 * UNIT
    )
    mu = first.mean(parameter)
    np.testing.assert_allclose(
        first.natural_from_mean(mu), second.natural_from_mean(mu), rtol=64 * UNIT
    )
    np.testing.assert_allclose(first.conjugate(mu), second.conjugate(mu), rtol=64 * UNIT)


@given(st.floats(-8.0, 8.0), st.floats(-8.0, 8.0), st.sampled_from([1e-12, 1e-8, 1e-4, 1e-2, 0.3]))
@example(8.0, -8.0, 1e-12)
@example(-8.0, -8.0, 1e-8)
@example(8.0, 8.0, 1e-12)
def test_beta_is_its_own_mirror_image(first: float, second: float, step: float) -> None:
    """x → 1 − x exchanges the parameters and changes nothing else.

    To the last digits, at any unequal pair.
    """
    family = Beta()
    theta, mirrored = (
        np.asarray([10.0**first, 10.0**second]),
        np.asarray([10.0**second, 10.0**first]),
    )
    np.testing.assert_allclose(family.mean(theta), family.mean(mirrored)[::-1], rtol=16 * UNIT)
    np.testing.assert_allclose(
        family.inverse_fisher(theta), family.inverse_fisher(mirrored)[::-1, ::-1], rtol=32 * UNIT
    )
    changed = np.asarray([1 + step, 1.0])
    np.testing.assert_allclose(
        family.kl(theta, theta * changed),
        family.kl(mirrored, mirrored * changed[::-1]),
        rtol=128 * UNIT,
    )
    defect = np.abs(family.fisher(theta) @ family.inverse_fisher(theta) - np.eye(2))
    assert np.all(
        defect <= 64 * UNIT * (np.abs(family.fisher(theta)) @ np.abs(family.inverse_fisher(theta)))
    )


@given(
    st.lists(st.floats(-8.0, 8.0), min_size=3, max_size=3),
    st.permutations(range(3)),
    st.sampled_from([1e-12, 1e-6, 1e-2]),
)
@example([8.0, -8.0, 0.0], [2, 0, 1], 1e-12)
def test_coordinates_of_the_simplex_may_be_exchanged(
    exponents: list[float], order: list[int], step: float
) -> None:
    family, alpha = Dirichlet(3), 10.0 ** np.asarray(exponents)
    np.testing.assert_allclose(family.mean(alpha[order]), family.mean(alpha)[order], rtol=32 * UNIT)
    other = alpha * (1 + step * np.asarray([1.0, 0.0, -1.0]))
    np.testing.assert_allclose(
        family.kl(alpha[order], other[order]), family.kl(alpha, other), rtol=128 * UNIT
    )


@given(
    st.lists(st.integers(-30720, 30720), min_size=3, max_size=3),
    st.integers(0, 2),
    st.sampled_from([2.0**-33, 2.0**-16, 0.125, 3.0]),
)
@example([30720, -30720, 0], 0, 2.0**-33)
def test_any_category_may_be_the_reference(logits: list[int], index: int, step: float) -> None:
    """Divergence and distance do not change when the categories are exchanged.

    Differences of these logits are exact.
    """
    family = Categorical(4)
    a = np.asarray([*logits, 0]) / 1024
    b = a + step * np.eye(4)[index]
    order = [3, 1, 2, 0]
    first, second = a[:3] - a[3], b[:3] - b[3]
    swapped = [(row[order] - row[0])[:3] for row in (a, b)]
    # The exponential of a logit of size 60 rounds to 60 u.
    np.testing.assert_allclose(family.kl(*swapped), family.kl(first, second), rtol=400 * UNIT)
    np.testing.assert_allclose(
        family.fisher_rao_distance(*swapped),
        family.fisher_rao_distance(first, second),
        rtol=400 * UNIT,
    )


# --- entropies that no sum reaches ----------------------------------------------------------------


def test_entropy_of_wide_counts() -> None:
    """A count of large mean m differs from m times a Gamma variate by nothing but its unit.

    H = log m + H(Gamma) + O(1/m).
    """
    for size in (1.0, 5.0, 100.0):
        for odds in (1e9, 1e13, 1e20):
            theta = np.asarray([-math.log1p(1 / odds)])
            gamma = size + math.lgamma(size) + (1 - size) * float(mpmath.psi(0, size))
            got = NegativeBinomial(size).entropy(theta)
            assert got == pytest.approx(math.log(odds) + gamma, rel=1e-13, abs=20 / odds)


@pytest.mark.parametrize(("size", "odds"), [(0.3, 500.0), (5.0, 500.0), (2.5, 2000.0)])
def test_entropy_of_many_counts_by_summation(size: float, odds: float) -> None:
    """All counts up to 60 times the mean or more, where the tail is below 1e-20.

    SciPy's log Γ limits the sum to 1e-11.
    """
    x = np.arange(int(100 * (size + 1) * odds))
    law = stats.nbinom(size, 1 / (1 + odds))
    log_p = law.logpmf(x)
    expected = -math.fsum(np.exp(log_p) * log_p)
    family = NegativeBinomial(size)
    assert family.entropy(family.natural(probability=1 / (1 + odds))) == pytest.approx(
        expected, rel=1e-10
    )


def test_entropy_of_rare_events() -> None:
    """−λ log λ + λ, and nothing is lost next to one."""
    for rate in (1e-300, 1e-20, 1e-17):
        expected = rate * (1 - math.log(rate))
        assert Poisson().entropy(Poisson().natural(rate=rate)) == pytest.approx(expected, rel=1e-13)
        theta = np.asarray([math.log(rate / 3)])
        assert NegativeBinomial(3.0).entropy(theta) == pytest.approx(expected, rel=1e-13)
        assert Bernoulli().entropy(np.asarray([math.log(rate)])) == pytest.approx(
            expected, rel=1e-13
        )


# --- the far ends ---------------------------------------------------------------------------------


def test_logits_beyond_the_range_of_exponentials() -> None:
    """Results are finite at |θ| = 1e8, or the error names the place."""
    theta = np.asarray([[1e8], [-1e8], [0.0]])
    family = Bernoulli()
    np.testing.assert_array_equal(family.log_partition(theta), [1e8, 0.0, math.log(2)])
    np.testing.assert_array_equal(family.mean(theta)[:, 0], [1.0, 0.0, 0.5])
    np.testing.assert_array_equal(
        family.log_prob(theta, np.asarray([0.0])), [-1e8, 0.0, -math.log(2)]
    )
    np.testing.assert_array_equal(family.kl(theta, -theta), [1e8, 1e8, 0.0])
    np.testing.assert_array_equal(family.entropy(theta)[:2], [0.0, 0.0])
    assert family.fisher_rao_distance(theta[0], theta[1]) == math.pi
    message = (
        r"theta lies outside the members whose Fisher information has an "
        r"inverse: p\(1 - p\) > 0 .* index \(0,\)"
    )
    for call in (family.inverse_fisher, lambda t: family.natural_gradient(t, np.ones(1))):
        with pytest.raises(DomainError, match=message):
            call(theta)
    np.testing.assert_allclose(
        Binomial(5).log_prob(theta, np.asarray([2.0]))[:2], [-3e8, -2e8], rtol=1e-7
    )
    far = np.asarray([1e8, -1e8])
    assert Multinomial(5, 3).log_prob(far, np.asarray([1.0, 2.0, 2.0])) == pytest.approx(
        -6e8, rel=1e-7
    )
    assert Multinomial(5, 3).log_prob(far, np.asarray([5.0, 0.0, 0.0])) == 0.0
    assert Categorical(3).log_prob(far, np.asarray([1.0])) == -2e8
    with pytest.raises(
        DomainError,
        match="the members whose Fisher information has an inverse: every "
        "probability > 0 in this precision",
    ):
        Categorical(3).inverse_fisher(far)
    with pytest.raises(
        DomainError, match="the members whose Fisher information has an inverse: every variance > 0"
    ):
        Ising(2).inverse_fisher(np.asarray([800.0, 800.0, 0.0]))


def test_parameters_outside_the_family() -> None:
    with pytest.raises(
        DomainError,
        match=r"theta lies outside .* Poisson: \|theta\[0\]\| < 709\.783.* at batch index \(1,\)",
    ):
        Poisson().mean(np.asarray([[1.0], [710.0]]))
    with pytest.raises(DomainError, match=r"Poisson: \|theta\[0\]\| < 88\.7228"):
        Poisson().mean(np.asarray([89.0], dtype=np.float32))
    for family in (Geometric(), NegativeBinomial(2.0)):
        with pytest.raises(DomainError, match=r"theta\[0\] < 0 fails, where theta = \[0\.\]"):
            family.mean(np.asarray([0.0]))
        with pytest.raises(DomainError, match=r"theta\[0\] > -709\.783"):
            family.mean(np.asarray([-800.0]))
    with pytest.raises(DomainError, match=r"concentration = theta > 0 fails at batch index \(1,\)"):
        Dirichlet(2).mean(np.asarray([[1.0, 2.0], [1.0, 0.0]]))
    with pytest.raises(DomainError, match=r"beta = theta\[1\] > 0 fails"):
        Beta().mean(np.asarray([1.0, -1.0]))
    for bad in (0.0, 1.0, -0.5):
        with pytest.raises(DomainError, match="probability must be between 0 and 1"):
            Bernoulli().natural(probability=bad)
    for probabilities in ([0.5, 0.6], [1.0, 0.0]):
        with pytest.raises(DomainError, match="probabilities must be positive and sum to one"):
            Categorical(2).natural(probabilities=probabilities)
    for coupling in ([[0.0, 1.0], [2.0, 0.0]], [[1.0, 0.5], [0.5, 0.0]]):
        with pytest.raises(
            DomainError, match="coupling must be symmetric with zeros on the diagonal"
        ):
            Ising(2).natural(field=[0.0, 0.0], coupling=coupling)


def test_mean_parameters_that_no_member_has() -> None:
    for family, mu, reason in (
        (Beta(), [-0.1, -0.2], r"1 - exp\(mu\[0\]\) - exp\(mu\[1\]\) > 0"),
        (Beta(), [0.1, -2.0], "mu < 0"),
        (Dirichlet(3), [-1.0, -1.0, -1.0], r"1 - sum\(exp\(mu\)\) > 0"),
        (Poisson(), [0.0], r"mu\[0\] > 0"),
        (Bernoulli(), [1.0], r"mu\[0\] < 1"),
        (Binomial(3), [3.0], r"mu\[0\] < 3"),
        (Categorical(3), [0.5, 0.5], r"1 - sum\(mu\) > 0"),
        (Multinomial(4, 3), [2.0, 2.5], r"4 - sum\(mu\) > 0"),
        (
            Ising(2),
            [0.5, 0.5, -0.9],
            r"positive probabilities of the four states of the pair \(0, 1\)",
        ),
    ):
        with pytest.raises(
            DomainError, match=f"mean parameter space of {family.name}: {reason} fails"
        ):
            family.natural_from_mean(np.asarray(mu))
    # Every pair of these three spins is possible, but not all at once: E (x₁ + x₂ + x₃)² ≥ 1 needs
    # a sum of at least −1.
    with pytest.raises(
        DomainError, match="mean parameter space of Ising: mean parameters of a member fails"
    ):
        Ising(3).natural_from_mean(np.asarray([0.0, 0.0, 0.0, -0.5, -0.5, -0.5]))


def test_points_outside_the_support() -> None:
    for family, x, reason in (
        (Poisson(), [0.5], "x = 0, 1, 2, ..."),
        (Geometric(), [-1.0], "x = 0, 1, 2, ..."),
        (NegativeBinomial(2.0), [0.5], "x = 0, 1, 2, ..."),
        (Bernoulli(), [2.0], "x = 0 or x = 1"),
        (Binomial(3), [4.0], "x = 0, 1, ..., 3"),
        (Categorical(3), [3.0], "x = 0, ..., 2"),
        (Multinomial(4, 2), [1.0, 2.0], r"sum\(x\) = 4"),
        (Dirichlet(2), [0.5, 0.6], r"sum\(x\) = 1"),
        (Dirichlet(2), [0.0, 1.0], "0 < x < 1"),
        (Beta(), [1.0], "x < 1"),
        (Ising(2), [1.0, 0.0], "x = -1 or x = 1"),
        (Ising(2, binary=True), [1.0, -1.0], "x = 0 or x = 1"),
    ):
        with pytest.raises(
            DomainError, match=f"x lies outside the support of {family.name}: {reason} fails"
        ):
            family.statistics(np.asarray(x))
    for family in (Poisson(), Geometric(), Bernoulli(), Categorical(2), Ising(1)):
        with pytest.raises(DomainError, match=f"{family.name} lives on a discrete set"):
            family.statistics_jacobian(
                np.zeros((1, 1)) if not isinstance(family, Ising) else np.ones((1, 1))
            )


def test_constructors() -> None:
    for make in (lambda: Binomial(0), lambda: Binomial(2.5), lambda: Multinomial(0, 2)):
        with pytest.raises(DomainError, match="trials must be an integer of at least 1"):
            make()
    for make in (lambda: Categorical(1), lambda: Multinomial(3, 1), lambda: Dirichlet(1)):
        with pytest.raises(DomainError, match="categories must be at least 2, got 1"):
            make()
    with pytest.raises(DomainError, match="successes must be greater than zero"):
        NegativeBinomial(0.0)
    with pytest.raises(DomainError, match="spins must be at most 16, since all"):
        Ising(17)
    with pytest.raises(OptionError, match="Ising takes the parameters field, coupling, got field"):
        Ising(2).natural(field=[0.0, 0.0])
    assert Binomial(3) == Binomial(np.int64(3))
    assert Binomial(3) != Binomial(4)


def test_samples_that_determine_no_member() -> None:
    for family, x in (
        (Poisson(), np.zeros((4, 1))),
        (Bernoulli(), np.ones((4, 1))),
        (Categorical(3), np.zeros((4, 1))),
        (Beta(), np.full((4, 1), 0.25)),
        (Dirichlet(2), np.full((4, 2), 0.5)),
    ):
        with pytest.raises(DomainError, match=f"x determines no {family.name}"):
            family.fit(x)


# --- samples --------------------------------------------------------------------------------------

SIZE = 100_000
# This section makes fewer than 100 comparisons; 1e-8 each leaves a chance below 1e-6 that a correct
# sampler fails for a new seed.
FALSE_ALARM = 1e-8
Z_LIMIT = stats.norm.isf(FALSE_ALARM / 2)
DRAWN = [
    (Poisson(), {"rate": 0.3}),
    (Poisson(), {"rate": 200.0}),
    (Geometric(), {"probability": 0.02}),
    (NegativeBinomial(0.7), {"probability": 0.1}),
    (NegativeBinomial(6.0), {"probability": 0.9}),
    (Bernoulli(), {"probability": 0.03}),
    (Binomial(30), {"probability": 0.4}),
    (Categorical(3), {"probabilities": THIRDS}),
    (Multinomial(20, 3), {"probabilities": THIRDS}),
    (Beta(), {"alpha": 0.4, "beta": 3.0}),
    (Beta(), {"alpha": 1e8, "beta": 1e4}),
    (Dirichlet(3), {"concentration": [0.05, 2.0, 30.0]}),
    (Ising(3), {"field": [0.2, -0.5, 0.0], "coupling": COUPLING}),
    (Ising(3, binary=True), {"field": [0.2, -0.5, 0.0], "coupling": COUPLING}),
]


def deviations(family: ExponentialFamily, drawn: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Means of f against μ(θ) in exact standard errors √(F_ii/n)."""
    f = family.statistics(drawn)
    return (np.mean(f, axis=0) - family.mean(theta)) / np.sqrt(
        np.diag(family.fisher(theta)) / len(drawn)
    )


@pytest.mark.parametrize(
    ("family", "classical"), DRAWN, ids=[f"{f!r}{i}" for i, (f, _) in enumerate(DRAWN)]
)
def test_draws(family: ExponentialFamily, classical: dict) -> None:
    """First moments in standard errors; all probabilities by χ² for discrete families.

    Kolmogorov-Smirnov for Beta marginals.
    """
    theta = family.natural(**classical)
    x = family.sample(theta, SIZE, np.random.default_rng(1))
    assert np.all(np.abs(deviations(family, x, theta)) < Z_LIMIT)
    if isinstance(family, Beta | Dirichlet):
        alpha = np.ravel(list(classical.values()))
        for i, a in enumerate(alpha if len(alpha) > 2 else alpha[:1]):
            assert stats.kstest(x[:, i], stats.beta(a, alpha.sum() - a).cdf).pvalue > FALSE_ALARM
        return
    points, counts = np.unique(x, axis=0, return_counts=True)
    expected = SIZE * np.exp(family.log_prob(theta, points))
    common = expected > 10
    observed, wanted = counts[common], expected[common]
    others = SIZE - np.asarray([observed.sum(), wanted.sum()])
    statistic = np.sum((observed - wanted) ** 2 / wanted) + (others[0] - others[1]) ** 2 / max(
        others[1], 10.0
    )
    assert stats.chi2.sf(statistic, len(wanted)) > FALSE_ALARM


def test_a_wrong_member_is_caught() -> None:
    """The same deviations reject samples whose parameter is off by a few percent, so they can
    fail.
    """
    for family, right, wrong in (
        (Poisson(), {"rate": 4.0}, {"rate": 4.2}),
        (Beta(), {"alpha": 2.0, "beta": 3.0}, {"alpha": 2.0, "beta": 3.2}),
        (Categorical(3), {"probabilities": THIRDS}, {"probabilities": [0.23, 0.47, 0.3]}),
        (
            Ising(2),
            {"field": [0.1, 0.0], "coupling": np.zeros((2, 2))},
            {"field": [0.1, 0.0], "coupling": [[0.0, 0.05], [0.05, 0.0]]},
        ),
    ):
        x = family.sample(family.natural(**wrong), SIZE, np.random.default_rng(1))
        assert np.max(np.abs(deviations(family, x, family.natural(**right)))) > Z_LIMIT


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_draws_from_extreme_members_stay_in_the_support(dtype: type) -> None:
    rng = np.random.default_rng(7)
    for family, theta in (
        (Beta(), [[1e-8, 1e-8], [1e8, 1e-8], [1e-3, 1e-3], [1e8, 1e8]]),
        (Dirichlet(3), [[1e-8, 1e-8, 1e-8], [1e8, 1e-8, 1.0]]),
        (Poisson(), [[-80.0], [18.0], [45.0]]),
        (Geometric(), [[-1e-20], [-80.0]]),
        (NegativeBinomial(0.01), [[-1e-12], [-80.0]]),
        (Bernoulli(), [[-1e3], [1e3]]),
        (Binomial(1000), [[-1e3], [30.0]]),
        (Multinomial(9, 3), [[-1e3, 1e3], [40.0, 40.0]]),
        (Categorical(3), [[-1e3, 1e3], [40.0, 40.0]]),
        (Ising(2), [[100.0, -100.0, 50.0]]),
    ):
        parameters = np.asarray(theta, dtype=dtype)
        x = family.sample(parameters, 200, rng)
        assert (x.dtype, x.shape) == (dtype, (len(theta), 200, family.dim))
        assert np.all(np.isfinite(family.log_prob(parameters[:, None], x)))


# --- Ising ----------------------------------------------------------------------------------------


def test_ising_by_hand() -> None:
    """Two spins: E x₁x₂ = tanh J without a field; a product when they do not interact.

    Sums over eight states for three.
    """
    family = Ising(2)
    for j in (1e-3, 0.5, 3.0, 15.0):
        theta = np.asarray([0.0, 0.0, j])
        assert family.mean(theta)[2] == pytest.approx(math.tanh(j), rel=8 * UNIT / j)
        inverse = family.natural_from_mean(np.asarray([0.0, 0.0, math.tanh(j)]))[2]
        assert inverse == pytest.approx(j, rel=1e-15 * math.cosh(j) ** 2 + 8 * UNIT)
    free = family.mean(np.asarray([0.7, -0.2, 0.0]))
    np.testing.assert_allclose(
        free, [math.tanh(0.7), math.tanh(-0.2), math.tanh(0.7) * math.tanh(-0.2)], rtol=16 * UNIT
    )
    field, coupling = np.asarray([0.2, -0.5, 0.1]), np.asarray(COUPLING)
    for binary in (False, True):
        family = Ising(3, binary)
        theta = family.natural(field=field, coupling=coupling)
        states = np.asarray(list(itertools.product([0.0 if binary else -1.0, 1.0], repeat=3)))
        energy = states @ field + 0.5 * np.einsum("si,ij,sj->s", states, coupling, states)
        np.testing.assert_allclose(
            family.log_prob(theta, states), energy - np.log(np.sum(np.exp(energy))), rtol=1e-14
        )
        for name, value in (("field", field), ("coupling", coupling)):
            np.testing.assert_array_equal(family.classical(theta)[name], value)


@given(
    st.integers(0, 2**31), st.sampled_from([1e-6, 0.1, 1.0, 4.0]), st.integers(1, 4), st.booleans()
)
@example(3, 4.0, 4, False)
def test_ising_mean_and_its_inverse(seed: int, scale: float, spins: int, binary: bool) -> None:
    """(E2), (E6) in the Fisher metric: the mean reached differs from the given one by roundings of
    order one.
    """
    family = Ising(spins, binary)
    theta = scale * np.random.default_rng(seed).standard_normal(family.number)
    mu = family.mean(theta)
    # Where states are so rare that the rounding of μ moves θ by more than this, the rounded μ may
    # belong to no member.
    assume(np.max(np.abs(family.inverse_fisher(theta)) @ np.abs(mu)) * UNIT < 1e-3)
    found = family.natural_from_mean(mu)
    assert np.all(np.abs(family.mean(found) - mu) <= 64 * UNIT * 2**spins)


@pytest.mark.parametrize("scale", [1e-12, 1e-8, 1e-4])
def test_means_of_nearly_free_spins(scale: float) -> None:
    """(E2), (E6) of the longest entry, in both directions: 3 u are seen.

    Sums over p of ±1 would leave a relative error of u/scale.
    """
    family, oracle = Ising(3), textbook(Ising(3))
    for theta in scale * np.random.default_rng(5).standard_normal((4, 6)):
        truth, mu = oracle.mean(precise(theta)), precise(family.mean(theta))
        assert max(np.abs(mu - truth)) <= 8 * UNIT * max(np.abs(truth))
        found = precise(family.natural_from_mean(mu.astype(float)))
        exact = oracle.natural_from_mean(mu, found)
        assert max(np.abs(found - exact)) <= 8 * UNIT * max(np.abs(exact))


def test_mean_of_one_nearly_free_spin() -> None:
    """A mean much smaller than others keeps its digits too: 7 u are seen.

    A spin of field 1e-10 stands next to two that are neither free nor frozen.
    """
    theta = np.asarray([1.0, 1e-10, -0.5, 0.0, 0.75, 0.0])
    truth = textbook(Ising(3)).mean(precise(theta))
    assert np.all(np.abs(precise(Ising(3).mean(theta)) - truth) <= 8 * UNIT * np.abs(truth))


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0, 40.0])
def test_fisher_information_of_frozen_spins(scale: float, binary: bool) -> None:
    """F, F⁻¹ and F⁻¹v in units of the roots of their diagonals, where one state has all the
    probability but 10⁻¹⁰⁰ at most.

    Logits of size 6 scale round by as many u, and with them the probabilities; on top of that some
    fifty roundings of sums and of a factorisation that is conditioned alike at all scales. 70 u are
    seen at scale 10, 350 u at 40, where a factorisation of correlations leaves F⁻¹ errors of 3e-4
    and no digit at all.
    """
    family, vector = Ising(3, binary), np.asarray([1.0, -0.5, 0.25, 2.0, -1.0, 0.5])
    oracle, tolerance = textbook(family), (64 + 12 * scale) * UNIT
    for theta in scale * np.random.default_rng(6).standard_normal((4, 6)):
        with MP.workdps(400):
            for operation in ("fisher", "inverse_fisher"):
                truth = getattr(oracle, operation)(precise(theta))
                size = np.asarray([MP.sqrt(value) for value in np.diag(truth)])
                errors = np.abs(precise(getattr(family, operation)(theta)) - truth)
                assert np.all(errors <= tolerance * np.outer(size, size)), (operation, theta)
            found = precise(family.natural_gradient(theta, vector))
            length = size * np.sum(size * np.abs(vector))
            assert np.all(np.abs(found - truth @ precise(vector)) <= tolerance * length)


# --- other array libraries ------------------------------------------------------------------------

EVERY = [
    *(
        family
        for kind in (Beta, Dirichlet, Poisson, Geometric, NegativeBinomial, Bernoulli, Binomial)
        for family in kind.examples()
    ),
    *(family for kind in (Categorical, Multinomial, Ising) for family in kind.examples()),
]


@pytest.mark.parametrize("family", EVERY, ids=repr)
def test_torch(family: ExponentialFamily) -> None:
    """The same numbers as NumPy's, to elementary functions that differ by a unit or two, and what
    κ ≤ 100 makes of them.
    """
    torch = pytest.importorskip(
        "torch", reason="PyTorch is an optional library of a user who cross-checks"
    )
    host = family.natural(**family.example_parameters())
    theta = torch.asarray(host)
    x = family.sample(host, 8, np.random.default_rng(2))
    for operation in ("log_partition", "mean", "fisher", "inverse_fisher", "entropy"):
        got, expected = getattr(family, operation)(theta), getattr(family, operation)(host)
        np.testing.assert_allclose(
            got.numpy(),
            expected,
            rtol=2000 * UNIT,
            atol=2000 * UNIT * np.max(np.abs(expected)),
            err_msg=operation,
        )
    solved = family.natural_from_mean(family.mean(theta))
    np.testing.assert_allclose(solved.numpy(), host, rtol=2000 * UNIT, atol=2000 * UNIT)
    np.testing.assert_allclose(
        family.kl(theta, 1.25 * theta).numpy(), family.kl(host, 1.25 * host), rtol=2000 * UNIT
    )
    density = family.log_prob(theta[:, None], torch.asarray(x))
    np.testing.assert_allclose(
        density.numpy(), family.log_prob(host[:, None], x), rtol=2000 * UNIT, atol=2000 * UNIT
    )


@pytest.mark.parametrize("family", EVERY, ids=repr)
def test_batches(family: ExponentialFamily) -> None:
    """A batch of any shape is its members one by one; members and points broadcast."""
    theta = family.natural(**family.example_parameters())
    batch = np.stack([theta, theta[::-1]])
    np.testing.assert_allclose(
        family.kl(batch, theta[0]),
        [[family.kl(t, theta[0]) for t in row] for row in batch],
        rtol=16 * UNIT,
        atol=0,
    )
    np.testing.assert_allclose(
        family.natural_from_mean(family.mean(batch)), batch, rtol=2000 * UNIT, atol=64 * UNIT
    )
    assert family.fisher(batch).shape == (*batch.shape, family.number)
    assert family.sample(batch, 5, np.random.default_rng(0)).shape == (
        *batch.shape[:-1],
        5,
        family.dim,
    )
    assert family.entropy(batch).shape == batch.shape[:-1]


def test_probabilities_close_to_one_keep_what_is_left() -> None:
    """1 − p is never formed from p.

    Variance, entropy and log-probability of what all but never happens.
    """
    theta = np.asarray([40.0, 0.0])
    with mpmath.workdps(40):
        rest = 2 * mpmath.exp(-40) / (1 + 2 * mpmath.exp(-40))
        family = Categorical(3)
        assert abs(mpf(float(family.fisher(theta)[0, 0])) / (rest * (1 - rest)) - 1) < 16 * UNIT
        assert (
            abs(mpf(float(family.log_prob(theta, np.asarray([0.0])))) / mpmath.log1p(-rest) - 1)
            < 16 * UNIT
        )
