"""What the families on vectors and matrices share with all others.

Libraries, devices, dtypes, errors, draws, fits and limiting cases.
"""

import array_api_strict
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from ingd_ref._special.symmetric import entries, from_entries
from ingd_ref.backend._namespace import device, to_host
from ingd_ref.errors import DomainError, NonFiniteError, ShapeError
from ingd_ref.families import ExponentialFamily, Gamma, Gaussian
from ingd_ref.families.centred_gaussian import CentredGaussian
from ingd_ref.families.diagonal_gaussian import DiagonalGaussian
from ingd_ref.families.inverse_wishart import InverseWishart
from ingd_ref.families.isotropic_gaussian import IsotropicGaussian
from ingd_ref.families.known_covariance_gaussian import KnownCovarianceGaussian
from ingd_ref.families.multivariate_gaussian import MultivariateGaussian
from ingd_ref.families.wishart import Wishart
from tests.families.judge import UNIT
from tests.families.matrix_cases import KINDS, case, random_classical

KIND = pytest.mark.parametrize("kind", KINDS)
# Fewer than 200 comparisons with sampling noise; 1e-9 each leaves a chance below 1e-6 that a
# correct sampler fails for a new seed.
FALSE_ALARM = 1e-9
Z_LIMIT = stats.norm.isf(FALSE_ALARM / 2)
SIZE = 20_000


def moderate(kind: str, d: int, number: int) -> dict[str, np.ndarray]:
    return random_classical(
        np.random.default_rng([7, KINDS.index(kind)]),
        kind,
        d,
        number,
        decades=0.5,
        condition_decades=1.0,
    )


def operations(family: ExponentialFamily, theta, x) -> dict:
    """Every public method on a batch of parameters and points of it."""
    mu = family.mean(theta)
    results = {
        "mean": mu,
        "contains": family.contains(theta),
        "natural_from_mean": family.natural_from_mean(mu),
        "log_partition": family.log_partition(theta),
        "conjugate": family.conjugate(mu),
        "fisher": family.fisher(theta),
        "inverse_fisher": family.inverse_fisher(theta),
        "natural_gradient": family.natural_gradient(theta, mu),
        "kl": family.kl(theta, theta * 1.125),
        "kl nearby": family.kl(theta, theta * (1 + 2**-10)),
        "entropy": family.entropy(theta),
        "statistics": family.statistics(x),
        "statistics_jacobian": family.statistics_jacobian(x),
        "log_base_measure": family.log_base_measure(x),
        "log_prob": family.log_prob(theta[:, None, :], x),
        "fit": family.fit(x),
        "sample": family.sample(theta, 3, np.random.default_rng(0)),
    }
    return results | {f"classical {name}": value for name, value in family.classical(theta).items()}


@KIND
def test_strict_arrays(kind: str) -> None:
    """On a device whose default type is float32; test_laws has float64 on another device."""
    xp, where = array_api_strict, array_api_strict.Device("device2")
    dtype, host_dtype = xp.float32, np.float32
    family = case(kind, 2).family
    host = {name: value.astype(host_dtype) for name, value in moderate(kind, 2, 4).items()}
    theta = family.natural(**host)
    x = family.sample(theta, 9, np.random.default_rng(1))
    expected = operations(family, theta, x)
    strict = family.natural(
        **{name: xp.asarray(value, dtype=dtype, device=where) for name, value in host.items()}
    )
    results = operations(family, strict, xp.asarray(x, dtype=dtype, device=where))
    unit = 2.0**-24
    for name, value in results.items():
        assert device(value) == where
        assert value.dtype in (dtype, xp.bool), name
        # Elementary functions of two libraries differ by a unit or two, which condition numbers
        # below 200 magnify.
        np.testing.assert_allclose(
            to_host(value), expected[name], rtol=2000 * unit, atol=2000 * unit, err_msg=name
        )


@KIND
def test_torch(kind: str) -> None:
    torch = pytest.importorskip(
        "torch", reason="PyTorch is an optional library of a user who cross-checks"
    )
    family = case(kind, 2).family
    host = moderate(kind, 2, 4)
    theta = family.natural(**host)
    x = family.sample(theta, 9, np.random.default_rng(1))
    results = operations(
        family, family.natural(**{k: torch.tensor(v) for k, v in host.items()}), torch.tensor(x)
    )
    expected = operations(family, theta, x)
    for name, value in results.items():
        assert isinstance(value, torch.Tensor)
        np.testing.assert_allclose(
            to_host(value), expected[name], rtol=2000 * UNIT, atol=2000 * UNIT, err_msg=name
        )


@pytest.mark.gpu
@KIND
def test_cupy(kind: str) -> None:
    cupy = pytest.importorskip("cupy", reason="needs CuPy")
    family = case(kind, 2).family
    host = moderate(kind, 2, 4)
    theta = family.natural(**host)
    x = family.sample(theta, 9, np.random.default_rng(1))
    results = operations(
        family, family.natural(**{k: cupy.asarray(v) for k, v in host.items()}), cupy.asarray(x)
    )
    expected = operations(family, theta, x)
    for name, value in results.items():
        assert isinstance(value, cupy.ndarray)
        np.testing.assert_allclose(
            to_host(value), expected[name], rtol=2000 * UNIT, atol=2000 * UNIT, err_msg=name
        )


@KIND
def test_batches_are_members_side_by_side(kind: str) -> None:
    """Leading axes of any shape, an empty batch among them.

    Each member as if it were alone, to the last bit.
    """
    family = case(kind, 2).family
    theta = family.natural(
        **{k: np.reshape(v, (2, 3, *v.shape[1:])) for k, v in moderate(kind, 2, 6).items()}
    )
    x = family.sample(theta, 4, np.random.default_rng(0))
    assert x.shape == (2, 3, 4, family.dim)
    together = operations(family, theta[0], x[0])
    for name, value in operations(family, theta[0, 1:2], x[0, 1:2]).items():
        if name != "sample":
            assert np.array_equal(value[0], together[name][1]), name
    empty = theta[:0]
    assert family.kl(empty, empty).shape == (0, 3)
    assert family.fisher(empty).shape == (0, 3, family.number, family.number)
    assert family.kl(theta[:1], theta[:, :1]).shape == (2, 3)
    assert family.natural_gradient(theta[0, 0], family.mean(theta)).shape == theta.shape


@KIND
def test_arguments_are_never_changed_nor_shared(kind: str) -> None:
    family = case(kind, 2).family
    classical = moderate(kind, 2, 4)
    theta = family.natural(**classical)
    x = family.sample(theta, 9, np.random.default_rng(1))
    arguments = [theta, x, *classical.values()]
    copies = [a.copy() for a in arguments]
    for argument in arguments:
        argument.flags.writeable = False
    results = [family.natural(**classical), *operations(family, theta, x).values()]
    for argument, copy in zip(arguments, copies, strict=True):
        assert np.array_equal(argument, copy)
        assert not any(np.shares_memory(argument, result) for result in results)


@KIND
def test_statistics_jacobian_is_the_derivative_of_the_statistics(kind: str) -> None:
    """Central differences with step 1e-5 of points of size one.

    Truncation 1e-10 times third derivatives below 1000, rounding 1e-11.
    """
    family = case(kind, 3).family
    x = np.random.default_rng(2).uniform(-0.2, 0.2, (5, family.dim))
    x = x + entries(np, np.eye(3)) if kind in ("wishart", "inverse_wishart") else x
    jacobian = family.statistics_jacobian(x)
    for a in range(family.dim):
        step = 1e-5 * np.eye(family.dim)[a]
        difference = (family.statistics(x + step) - family.statistics(x - step)) / 2e-5
        np.testing.assert_allclose(
            jacobian[:, a], difference, rtol=1e-6, atol=1e-6 * np.max(np.abs(difference))
        )


# Identities
# --------------------------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)


@given(st.sampled_from(KINDS), st.integers(1, 4), seeds, st.sampled_from([0.5, 3.0, 8.0]))
@example("multivariate", 4, 0, 8.0)
@example("wishart", 3, 1, 8.0)
def test_identities(kind: str, d: int, seed: int, decades: float) -> None:
    """(E3), (E6)-(E8) on drawn members.

    Each defect in roundings of the magnitudes that meet in it.
    """
    family = case(kind, d).family
    rng = np.random.default_rng(seed)
    theta = family.natural(**random_classical(rng, kind, d, 1, decades, min(decades, 6.0)))[0]
    assert family.contains(theta)
    fisher, inverse = family.fisher(theta), family.inverse_fisher(theta)
    assert np.array_equal(fisher, fisher.T)
    assert np.array_equal(inverse, inverse.T)
    magnitude = np.abs(fisher) @ np.abs(inverse)
    assert np.all(
        np.abs(fisher @ inverse - np.eye(family.number)) <= 32 * family.number * UNIT * magnitude
    )
    # (E8): for L = ⟨c, μ(θ)⟩ the gradient is Fc and the natural gradient c.
    slope = rng.standard_normal(family.number) / np.sqrt(np.diag(fisher))
    natural = family.natural_gradient(theta, fisher @ slope)
    assert np.all(
        np.abs(natural - slope)
        <= 32 * family.number * UNIT * (np.abs(inverse) @ np.abs(fisher) @ np.abs(slope))
    )
    # (E6): A + A* = ⟨θ, μ⟩; the conjugate at the rounded μ moves by |θ| times that rounding.
    mu = family.mean(theta)
    try:
        conjugate = family.conjugate(mu)
    except DomainError:
        return  # the rounded second moments hold no covariance any more
    terms = np.asarray([family.log_partition(theta), conjugate, *(-theta * mu)])
    kappa = np.abs(mu) @ np.abs(inverse) @ np.abs(mu) * UNIT + np.abs(theta) @ np.abs(mu) + 40 * d
    assert abs(np.sum(terms)) <= 64 * UNIT * (np.sum(np.abs(terms)) + kappa)


@KIND
def test_natural_and_classical_parameters(kind: str) -> None:
    """Back to the same numbers where nothing is ill-conditioned.

    Condition numbers below 100 here.
    """
    family = case(kind, 3).family
    classical = moderate(kind, 3, 20)
    back = family.classical(family.natural(**classical))
    for name, value in classical.items():
        np.testing.assert_allclose(back[name], value, rtol=2000 * UNIT, atol=2000 * UNIT)


@pytest.mark.parametrize(
    ("kind", "other"),
    [("multivariate", Gaussian()), ("diagonal", Gaussian()), ("isotropic", Gaussian())],
)
def test_one_dimensional_gaussians(kind: str, other: Gaussian) -> None:
    family = case(kind, 1).family
    theta, nearby = np.asarray([3.0, -0.25]), np.asarray([3.0, -0.2500001])
    for name in ("mean", "log_partition", "entropy", "fisher", "inverse_fisher"):
        np.testing.assert_allclose(
            getattr(family, name)(theta), getattr(other, name)(theta), rtol=8 * UNIT
        )
    assert family.kl(theta, nearby) == pytest.approx(other.kl(theta, nearby), rel=64 * UNIT)


def test_one_dimensional_wishart_is_gamma() -> None:
    family, other = Wishart(1), Gamma()
    theta, nearby = np.asarray([3.0, -0.25]), np.asarray([3.00001, -0.2500001])
    x = np.asarray([[0.5], [2.0], [100.0]])
    for name in ("mean", "log_partition", "entropy", "fisher", "inverse_fisher"):
        np.testing.assert_allclose(
            getattr(family, name)(theta), getattr(other, name)(theta), rtol=64 * UNIT
        )
    np.testing.assert_allclose(family.log_prob(theta, x), other.log_prob(theta, x), rtol=64 * UNIT)
    np.testing.assert_allclose(family.fit(x), other.fit(x), rtol=64 * UNIT)
    assert family.kl(theta, nearby) == pytest.approx(other.kl(theta, nearby), rel=64 * UNIT)


def test_gaussians_with_more_structure_are_members_of_the_full_family() -> None:
    """The same densities, entropies and divergences, whatever the coordinates of θ."""
    full, mean, other = MultivariateGaussian(3), [1.0, -2.0, 0.5], [0.0, 1.0, 0.5]
    x = np.random.default_rng(0).standard_normal((6, 3))
    covariance = np.asarray([[2.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 1.0]])
    pairs = [
        (DiagonalGaussian(3), {"variance": [1.0, 2.0, 3.0]}, np.diag([1.0, 2.0, 3.0])),
        (IsotropicGaussian(3), {"variance": 2.0}, 2.0 * np.eye(3)),
        (KnownCovarianceGaussian(covariance), {}, covariance),
    ]
    for family, classical, matrix in pairs:
        theta, theta2 = (family.natural(mean=m, **classical) for m in (mean, other))
        wide, wide2 = (full.natural(mean=m, covariance=matrix) for m in (mean, other))
        np.testing.assert_allclose(
            family.log_prob(theta, x), full.log_prob(wide, x), rtol=64 * UNIT
        )
        np.testing.assert_allclose(family.entropy(theta), full.entropy(wide), rtol=16 * UNIT)
        np.testing.assert_allclose(family.kl(theta, theta2), full.kl(wide, wide2), rtol=64 * UNIT)
    centred = CentredGaussian(3).natural(covariance=covariance)
    wide = full.natural(mean=np.zeros(3), covariance=covariance)
    np.testing.assert_allclose(
        CentredGaussian(3).log_prob(centred, x), full.log_prob(wide, x), rtol=64 * UNIT
    )


def test_densities_against_scipy() -> None:
    scale = np.asarray([[2.0, 0.5], [0.5, 1.0]])
    x = np.asarray([[1.5, 0.3, 0.7], [4.0, -1.0, 2.0]])
    matrices = from_entries(np, x, 2)
    for family, law in ((Wishart(2), stats.wishart), (InverseWishart(2), stats.invwishart)):
        theta = family.natural(scale=scale, degrees_of_freedom=4.5)
        expected = [law.logpdf(m, df=4.5, scale=scale) for m in matrices]
        np.testing.assert_allclose(family.log_prob(theta, x), expected, rtol=1e-13)
    # Not so the inverse Wishart entropy: SciPy 1.18 gives 1.837 here, but the mean of its own
    # log-densities says 0.81 ± 0.02, as (E1) does.
    theta = Wishart(2).natural(scale=scale, degrees_of_freedom=4.5)
    np.testing.assert_allclose(
        Wishart(2).entropy(theta), stats.wishart.entropy(df=4.5, scale=scale), rtol=1e-13
    )


# Draws and fits
# --------------------------------------------------------------------------------------------------


@KIND
@pytest.mark.parametrize("seed", [1, 2])
def test_moments_of_the_draws(kind: str, seed: int) -> None:
    """Means of f against μ(θ) in exact standard errors √(F_ii/n), and one random combination of
    them, which sees the correlations.
    """
    family = case(kind, 3).family
    theta = family.natural(**moderate(kind, 3, 1))[0]
    rng = np.random.default_rng(seed)
    f = family.statistics(family.sample(theta, SIZE, rng))
    fisher, deviation = family.fisher(theta), np.mean(f, axis=0) - family.mean(theta)
    assert np.all(np.abs(deviation) < Z_LIMIT * np.sqrt(np.diag(fisher) / SIZE))
    weights = rng.standard_normal((5, family.number)) / np.sqrt(np.diag(fisher))
    assert np.all(
        np.abs(weights @ deviation)
        < Z_LIMIT * np.sqrt(np.einsum("kb,bc,kc->k", weights, fisher, weights) / SIZE)
    )
    wrong = family.natural(**{k: v * 1.15 for k, v in moderate(kind, 3, 1).items()})[0]
    assert np.any(
        np.abs(np.mean(f, axis=0) - family.mean(wrong)) > Z_LIMIT * np.sqrt(np.diag(fisher) / SIZE)
    )


@pytest.mark.parametrize("kind", ["multivariate", "diagonal", "isotropic", "known", "centred"])
def test_projections_of_gaussian_draws(kind: str) -> None:
    """Kolmogorov-Smirnov: every linear combination is Gaussian with the mean and variance that
    μ(θ) says.
    """
    family = case(kind, 3).family
    theta = family.natural(**moderate(kind, 3, 1))[0]
    classical = {"mean": np.zeros(3), **family.classical(theta)}
    covariance = classical.get(
        "covariance", np.diag(np.broadcast_to(classical.get("variance", 1.0), 3))
    )
    covariance = np.asarray(family.covariance) if kind == "known" else covariance
    direction = np.asarray([1.0, -2.0, 0.5])
    x = family.sample(theta, SIZE, np.random.default_rng(5)) @ direction
    law = stats.norm(direction @ classical["mean"], np.sqrt(direction @ covariance @ direction))
    assert stats.kstest(x, law.cdf).pvalue > FALSE_ALARM


@pytest.mark.parametrize("degrees", [2.3, 3.0, 40.0])
def test_quadratic_forms_of_random_matrices(degrees: float) -> None:
    """Kolmogorov-Smirnov: vᵀXv/vᵀVv is χ² of n degrees of freedom, vᵀΨv/vᵀXv of ν − d + 1."""
    scale, v = (
        np.asarray([[2.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 1.0]]),
        np.asarray([1.0, -2.0, 0.5]),
    )
    rng = np.random.default_rng(6)
    for family, law in (
        (Wishart(3), stats.chi2(degrees)),
        (InverseWishart(3), stats.chi2(degrees - 2)),
    ):
        x = from_entries(
            np, family.sample(family.natural(scale=scale, degrees_of_freedom=degrees), SIZE, rng), 3
        )
        ratio = np.einsum("i,nij,j->n", v, x, v) / (v @ scale @ v)
        assert (
            stats.kstest(ratio if law.args[0] == degrees else 1 / ratio, law.cdf).pvalue
            > FALSE_ALARM
        )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "family", [Wishart(3), InverseWishart(3)], ids=["Wishart", "inverse Wishart"]
)
def test_almost_singular_draws_stay_in_the_support(family: ExponentialFamily, dtype: type) -> None:
    """Degrees of freedom 2.001 for 3 × 3 matrices.

    Half of the draws are singular to double precision. Their statistics must exist.
    """
    theta = family.natural(scale=np.eye(3, dtype=dtype), degrees_of_freedom=2.001)
    x = family.sample(theta, 500, np.random.default_rng(0))
    assert x.dtype == dtype
    assert np.all(np.isfinite(family.statistics(x)))
    assert np.all(np.isfinite(family.log_prob(theta, x)))


def test_draws_from_an_ill_conditioned_gaussian() -> None:
    """Variances 1e-16 and 1e16, correlation 1 − 1e-12.

    Each coordinate keeps its own scale, and their difference its small variance.
    """
    covariance = np.asarray([[1e-16, 1.0 - 1e-12], [1.0 - 1e-12, 1e16]])
    family = CentredGaussian(2)
    theta = family.natural(covariance=covariance)
    x = family.sample(theta, SIZE, np.random.default_rng(3)) * np.asarray([1e8, 1e-8])
    assert abs(np.var(x[:, 0]) - 1) < Z_LIMIT * np.sqrt(2 / SIZE)
    # The correlation known to the roundings of Σ: 8 u of 1 against a difference of variance 2e-12.
    assert abs(np.var(x[:, 0] - x[:, 1]) / 2e-12 - 1) < Z_LIMIT * np.sqrt(2 / SIZE) + 1e-3


@KIND
def test_fit_matches_the_moments(kind: str) -> None:
    """μ at the estimate is the weighted mean of f (E9), up to the roundings of well-conditioned
    samples.
    """
    family = case(kind, 2).family
    rng = np.random.default_rng(4)
    x = family.sample(family.natural(**moderate(kind, 2, 1))[0], 30, rng)
    weights = rng.uniform(0.5, 1.5, 30)
    weights = weights / weights.sum()
    for given_weights, used in ((None, np.full(30, 1 / 30)), (weights, weights)):
        moments = used @ family.statistics(x)
        np.testing.assert_allclose(
            family.mean(family.fit(x, given_weights)), moments, rtol=2000 * UNIT, atol=2000 * UNIT
        )


def test_fit_sees_a_spread_that_the_moments_have_lost() -> None:
    x = np.asarray([[1e8 - 1, 0.0], [1e8 + 1, 0.0], [1e8, 1.0], [1e8, -1.0]])
    expected = 0.5 * np.eye(2)
    assert np.array_equal(
        MultivariateGaussian(2).classical(MultivariateGaussian(2).fit(x))["covariance"], expected
    )
    assert np.array_equal(
        DiagonalGaussian(2).classical(DiagonalGaussian(2).fit(x))["variance"], [0.5, 0.5]
    )
    assert IsotropicGaussian(2).classical(IsotropicGaussian(2).fit(x))["variance"] == 0.5
    # Matrices c(1 ± 1e-8): the mean log-determinant is below that of the mean by 2 · ½ 1e-16, so a
    # ≈ d(d + 1)/4 / 1e-16.
    close = np.asarray([[1.0, 0.0, 1.0]]) * np.asarray([[1 + 2.0**-26], [1 - 2.0**-26]])
    degrees = Wishart(2).classical(Wishart(2).fit(close))["degrees_of_freedom"]
    assert degrees == pytest.approx(2 * 1.5 / 2.0**-52, rel=1e-9)


# Errors
# --------------------------------------------------------------------------------------------------


def test_matrices_that_are_no_covariance() -> None:
    family = MultivariateGaussian(2)
    good = np.eye(2)
    with pytest.raises(
        DomainError,
        match=r"(?s)^covariance must be a symmetric positive definite matrix, got .* "
        r"at batch index \(1,\)$",
    ):
        family.natural(mean=np.zeros(2), covariance=np.stack([good, [[1.0, 2.0], [2.0, 1.0]]]))
    with pytest.raises(
        DomainError, match="covariance must be a symmetric positive definite matrix"
    ):
        family.natural(mean=np.zeros(2), covariance=[[1.0, 0.5], [0.25, 1.0]])
    with pytest.raises(DomainError, match="covariance must be"):
        CentredGaussian(2).natural(covariance=np.zeros((2, 2)))
    with pytest.raises(
        ShapeError, match=r"covariance must have shape \(\.\.\., 2, 2\), got \(3, 3\)"
    ):
        family.natural(mean=np.zeros(2), covariance=np.eye(3))
    with pytest.raises(NonFiniteError, match="covariance holds 1 value"):
        family.natural(mean=np.zeros(2), covariance=[[np.nan, 0.0], [0.0, 1.0]])
    with pytest.raises(
        DomainError, match="covariance must be a symmetric positive definite matrix"
    ):
        KnownCovarianceGaussian([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(ShapeError, match="covariance must have shape"):
        KnownCovarianceGaussian([[1.0, 2.0]])
    for kind in (
        MultivariateGaussian,
        CentredGaussian,
        DiagonalGaussian,
        IsotropicGaussian,
        Wishart,
        InverseWishart,
    ):
        with pytest.raises(DomainError, match="dimension must be an integer of at least 1, got 0"):
            kind(0)


def test_parameters_outside_their_space() -> None:
    with pytest.raises(
        DomainError,
        match=r"precision = .* positive definite fails at batch index \(1,\), where theta = ",
    ):
        MultivariateGaussian(1).mean(np.asarray([[0.0, -1.0], [0.0, 1.0]]))
    with pytest.raises(DomainError, match=r"covariance = .* positive definite fails"):
        MultivariateGaussian(1).natural_from_mean(np.asarray([2.0, 4.0]))
    with pytest.raises(DomainError, match="precision = -2 theta positive definite fails"):
        CentredGaussian(2).entropy(np.asarray([-1.0, 4.0, -1.0]))
    with pytest.raises(DomainError, match=r"variance = -1/\(2 theta\[d:\]\) > 0 fails"):
        DiagonalGaussian(2).mean(np.asarray([0.0, 0.0, -1.0, 0.0]))
    with pytest.raises(
        DomainError, match=r"variance = \(mu\[d\] - \|mu\[:d\]\|\*\*2\)/d > 0 fails"
    ):
        IsotropicGaussian(2).natural_from_mean(np.asarray([3.0, 4.0, 25.0]))
    with pytest.raises(DomainError, match=r"degrees_of_freedom must be greater than 2, got 2\."):
        Wishart(3).natural(scale=np.eye(3), degrees_of_freedom=2.0)
    with pytest.raises(DomainError, match=r"degrees_of_freedom = 2 theta\[0\] > 1 fails"):
        Wishart(2).mean(np.asarray([0.5, -1.0, 0.0, -1.0]))
    with pytest.raises(DomainError, match=r"rate = -theta\[1:\] positive definite fails"):
        Wishart(2).mean(np.asarray([1.5, -1.0, 4.0, -1.0]))
    with pytest.raises(DomainError, match=r"degrees_of_freedom = -2 theta\[0\] > 1 fails"):
        InverseWishart(2).mean(np.asarray([1.5, -1.0, 0.0, -1.0]))
    with pytest.raises(DomainError, match=r"log det mu\[1:\] - mu\[0\] > 0 fails"):
        Wishart(2).natural_from_mean(np.asarray([0.0, 1.0, 0.0, 1.0]))
    with pytest.raises(DomainError, match=r"mu\[1:\] positive definite fails"):
        InverseWishart(2).natural_from_mean(np.asarray([0.0, 1.0, 2.0, 1.0]))
    with pytest.raises(
        DomainError,
        match="x lies outside the support of Wishart: x positive definite fails at batch index",
    ):
        Wishart(2).statistics(np.asarray([[1.0, 0.0, 1.0], [1.0, 2.0, 1.0]]))


@KIND
def test_samples_that_determine_no_member(kind: str) -> None:
    if kind == "known":
        return  # one point determines the mean
    family = case(kind, 2).family
    x = np.tile([1.0, 0.5, 1.0], (4, 1)) if family.dim == 3 else np.tile([1.0, 0.5], (4, 1))
    with pytest.raises(DomainError, match=f"x determines no {family.name}"):
        family.fit(x)


@KIND
def test_families_are_values(kind: str) -> None:
    family, again = case(kind, 2).family, case(kind, 2).family
    assert family == again
    assert hash(family) == hash(again)
    assert family != case(kind, 3).family
    theta = family.natural(**moderate(kind, 2, 1))
    assert theta.shape[-1] == family.number
    assert family.sample(theta, 1, np.random.default_rng(0)).shape[-1] == family.dim
