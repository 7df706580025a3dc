"""Members as distributions of scipy.stats and back, over all families that the package holds.

a new file is tested from its first day.

SciPy's densities share no code with ours, and they are the oracle. They lose digits where ours do
not, so the members are ordinary ones, and roundings are counted in units of u = 2⁻⁵³ times the
sizes of the terms that the textbook formula (E1) sums.
"""

import re

import numpy as np
import pytest
from scipy import stats

import ingd_ref as ir
from ingd_ref._special.symmetric import from_entries
from ingd_ref.errors import DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.families import ExponentialFamily, from_scipy
from ingd_ref.families._discovery import all_families

U = 2.0**-53
FAMILIES = all_families()
CONVERTED = [family for family in FAMILIES if family.scipy_name is not None]
every_family = pytest.mark.parametrize(
    "family", CONVERTED, ids=[f"{type(f).__name__}-{f.name}-{f.number}" for f in CONVERTED]
)
# Families on vectors and matrices, and what a category becomes.
MULTIVARIATE = {
    "multivariate_normal",
    "dirichlet",
    "multinomial",
    "vonmises_fisher",
    "wishart",
    "invwishart",
}


def members(family: ExponentialFamily) -> np.ndarray:
    return family.natural(**family.example_parameters())


def points(family: ExponentialFamily, x: np.ndarray) -> np.ndarray:
    """Points (n, d) of a family as SciPy writes them."""
    if family.scipy_name in ("wishart", "invwishart"):
        return np.moveaxis(from_entries(np, x, family.dimension), 0, -1)
    if family.scipy_name == "dirichlet":
        return x.T
    if family.name == "categorical":
        return np.eye(family.categories)[x[:, 0].astype(int)]
    return x if family.scipy_name in MULTIVARIATE else x[:, 0]


def sizes(family: ExponentialFamily, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What the terms of (E1) add up to.

    Log-determinants by way of a Cholesky factor, as SciPy has them, lose the condition number.
    """
    size = (
        np.abs(family.statistics(x)) @ np.abs(theta)
        + np.abs(family.log_partition(theta))
        + np.abs(family.log_base_measure(x))
        + 1
    )
    if family.scipy_name in ("wishart", "invwishart"):
        size = size * np.linalg.cond(from_entries(np, x, family.dimension))
    return size


def test_every_family_but_a_few_has_a_counterpart() -> None:
    assert {type(family).__name__ for family in FAMILIES if family.scipy_name is None} == {
        "ExponentialTilt",
        "Ising",
        "Product",
    }


def density(frozen, x: np.ndarray) -> np.ndarray:
    return getattr(frozen, "logpdf" if hasattr(frozen, "logpdf") else "logpmf")(x)


@every_family
def test_densities_are_those_of_scipy(family: ExponentialFamily) -> None:
    """64 u of the terms: sums of a dozen of them, and of lgamma and powers that are right to a few
    units in the last place.
    """
    for theta in members(family):
        x = family.sample(theta, 20, np.random.default_rng(1))
        error = np.abs(
            family.log_prob(theta, x) - density(family.to_scipy(theta), points(family, x))
        )
        assert np.all(error <= 64 * U * sizes(family, theta, x)), (
            theta,
            np.max(error / U / sizes(family, theta, x)),
        )


@every_family
def test_there_and_back(family: ExponentialFamily) -> None:
    """The same family with the same parameters, where no other family is converted to SciPy's
    distribution; the same distribution in any case.

    An inverse, a square and its root, an exponential and its logarithm: 8 u of the largest
    parameter, times the condition number of a matrix that is inverted twice.
    """
    for theta in members(family):
        frozen = family.to_scipy(theta)
        back, returned = from_scipy(frozen)
        if family._from_scipy is not None:
            assert back == family
            matrices = [value for value in family.classical(theta).values() if value.ndim == 2]
            condition = max(1.0, *map(np.linalg.cond, matrices)) if matrices else 1.0
            np.testing.assert_allclose(
                returned, theta, rtol=0, atol=8 * U * condition * np.max(np.abs(theta))
            )
        x = points(family, family.sample(theta, 5, np.random.default_rng(2)))
        # A density in float64 changes with its parameters; 1e-9 holds for members this ordinary,
        # and no exchanged parameter keeps to it.
        np.testing.assert_allclose(
            density(back.to_scipy(returned), x), density(frozen, x), rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize(
    "family", [family for family in CONVERTED if family.scipy_name not in MULTIVARIATE]
)
def test_batches_of_numbers_become_batches_in_scipy(family: ExponentialFamily) -> None:
    theta = members(family)
    frozen = family.to_scipy(theta)
    x = family.sample(theta, 1, np.random.default_rng(3))[:, 0]
    np.testing.assert_array_equal(
        density(frozen, x[:, 0]),
        [density(family.to_scipy(t), point)[0] for t, point in zip(theta, x, strict=True)],
    )
    back, returned = from_scipy(frozen)
    assert back == family
    assert returned.shape == theta.shape


@pytest.mark.parametrize(
    "family", [family for family in CONVERTED if family.scipy_name in MULTIVARIATE]
)
def test_batches_of_vectors_are_refused(family: ExponentialFamily) -> None:
    with pytest.raises(
        ShapeError,
        match=rf"scipy\.stats\.{family.scipy_name} takes one member at a time: theta "
        rf"must have shape",
    ):
        family.to_scipy(members(family))


@pytest.mark.parametrize(
    ("frozen", "family", "classical"),
    [
        (stats.norm(3.0, 2.0), ir.families.Gaussian(), {"mean": 3.0, "variance": 4.0}),
        (stats.norm(scale=2.0), ir.families.Gaussian(), {"mean": 0.0, "variance": 4.0}),
        (stats.gamma(2.0, 0.0, 4.0), ir.families.Gamma(), {"shape": 2.0, "rate": 0.25}),
        (stats.gamma(2.0), ir.families.Gamma(), {"shape": 2.0, "rate": 1.0}),
        (
            stats.gamma(a=[2.0, 3.0], scale=0.5),
            ir.families.Gamma(),
            {"shape": [2.0, 3.0], "rate": 2.0},
        ),
        (stats.expon(scale=4.0), ir.families.Exponential(), {"rate": 0.25}),
        (
            stats.invgauss(mu=0.5, scale=4.0),
            ir.families.InverseGaussian(),
            {"mean": 2.0, "shape": 4.0},
        ),
        (
            stats.lognorm(2.0, scale=1.0),
            ir.families.LogNormal(),
            {"log_mean": 0.0, "log_variance": 4.0},
        ),
        (stats.pareto(3.0, scale=2.0), ir.families.Pareto(minimum=2.0), {"shape": 3.0}),
        (stats.laplace(-1.0, 2.0), ir.families.Laplace(location=-1.0), {"scale": 2.0}),
        (stats.weibull_min(2, scale=4.0), ir.families.Weibull(shape=2.0), {"scale": 4.0}),
        (stats.geom(0.25, loc=-1), ir.families.Geometric(), {"probability": 0.25}),
        (stats.nbinom(2, 0.25), ir.families.NegativeBinomial(successes=2.0), {"probability": 0.25}),
        (stats.binom(n=3, p=0.25), ir.families.Binomial(trials=3), {"probability": 0.25}),
        (
            stats.vonmises(2.0, loc=0.5),
            ir.families.VonMises(),
            {"mean_direction": 0.5, "concentration": 2.0},
        ),
        (
            stats.multinomial(1, [0.25, 0.75]),
            ir.families.Multinomial(trials=1, categories=2),
            {"probabilities": [0.25, 0.75]},
        ),
        (
            stats.wishart(3, np.eye(2)),
            ir.families.Wishart(2),
            {"scale": np.eye(2), "degrees_of_freedom": 3.0},
        ),
        (
            stats.invwishart(3, np.eye(2)),
            ir.families.InverseWishart(2),
            {"scale": np.eye(2), "degrees_of_freedom": 3.0},
        ),
    ],
    ids=lambda value: "",
)
def test_distributions_of_scipy_however_their_arguments_are_given(
    frozen, family: ExponentialFamily, classical: dict
) -> None:
    found, theta = from_scipy(frozen)
    assert found == family
    np.testing.assert_allclose(
        theta, family.natural(**classical), rtol=4 * U
    )  # an inverse or a square


@pytest.mark.parametrize(
    ("frozen", "error", "message"),
    [
        (
            stats.gamma(2.0, loc=3.0),
            DomainError,
            r"scipy\.stats\.gamma has loc = 3\.0, and Gamma has no parameter for that",
        ),
        (
            stats.beta(2.0, 3.0, scale=2.0),
            DomainError,
            r"scipy\.stats\.beta has scale = 2\.0, and Beta has no parameter for that",
        ),
        (
            stats.chi2(2.0, 0.0, 2.0),
            DomainError,
            r"scipy\.stats\.chi2 has scale = 2\.0, and ChiSquared has no parameter",
        ),
        (
            stats.poisson(2.0, 1),
            DomainError,
            r"scipy\.stats\.poisson has loc = 1, and Poisson has no parameter for that",
        ),
        (
            stats.geom(0.25),
            DomainError,
            "counts trials, and this family failures: they are the same with loc = -1",
        ),
        (
            stats.binom([2, 3], 0.25),
            DomainError,
            "n belongs to the family, so it must be the same in all members of a batch",
        ),
        (stats.bernoulli(1.0), DomainError, "probability must be between 0 and 1"),
        (stats.gamma(np.nan), NonFiniteError, "shape holds 1"),
        (
            stats.multivariate_normal([0.0, 0.0], np.ones((2, 2)), allow_singular=True),
            DomainError,
            "covariance must be a symmetric positive",
        ),
        (stats.cauchy(), OptionError, r"no family has the distributions of scipy\.stats\.cauchy"),
        (
            stats.special_ortho_group(3),
            OptionError,
            r"no family has the distributions of scipy\.stats\.special_ortho_group",
        ),
        (
            stats.gamma,
            OptionError,
            r"expected a frozen distribution such as scipy\.stats\.gamma\(2\.0\), got gamma_gen",
        ),
        (3.0, OptionError, "expected a frozen distribution such as .*, got float"),
    ],
    ids=lambda value: "",
)
def test_distributions_that_are_of_no_family(frozen, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        from_scipy(frozen)


def test_a_distribution_is_not_known_by_its_name_alone() -> None:
    class Gamma(stats.rv_continuous):
        def _pdf(self, x):
            return np.exp(-x)

    with pytest.raises(
        OptionError, match=r"no family has the distributions of Gamma, which is not of scipy\.stats"
    ):
        from_scipy(Gamma(a=0.0, name="gamma")())


def test_members_that_scipy_does_not_take() -> None:
    for family in (f for f in FAMILIES if f.scipy_name is None):
        with pytest.raises(
            OptionError, match=re.escape(f"scipy.stats has no counterpart of {family.name}")
        ):
            family.to_scipy(members(family)[0])
    gaussian = ir.families.MultivariateGaussian(2)
    with pytest.raises(
        DomainError,
        match=r"scipy\.stats\.multivariate_normal rejects this member of multivariate Gaussian: ",
    ):
        gaussian.to_scipy(gaussian.natural(mean=[0.0, 0.0], covariance=np.diag([1.0, 1e-16])))
    with pytest.raises(
        DomainError, match="theta lies outside the natural parameter space of Gamma"
    ):
        ir.families.Gamma().to_scipy(np.asarray([1.0, 1.0]))


def test_parameters_are_moved_to_the_host_in_float64() -> None:
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is a test dependency")
    theta = strict.asarray([2.0, -4.0], dtype=strict.float32, device=strict.Device("device1"))
    assert ir.families.Gamma().to_scipy(theta).kwds == {"a": 2.0, "scale": 0.25}
