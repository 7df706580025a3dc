"""Samples whose likelihood has no maximum are rejected by name, and all others have their mean.

A fit solves ∇A(θ) = Σ w f(x). Its error is judged at 80 digits in units of

    u (Σ_j |F_ij| |θ_j| + Σ w |f_i(x)|),

what the rounding of θ moves the mean by, plus the rounding of the sample's own mean. Whether a
sample determines a member at all is known from how it was made.
"""

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from ingd_ref import families
from ingd_ref.errors import DomainError
from ingd_ref.families import ExponentialFamily
from validation.oracles.precise import precise
from validation.oracles.textbook import textbook

Family = ExponentialFamily
# Sums of sixty points, centring and the inversion take a few roundings each; 3 are the most seen.
ROUNDINGS = 8.0
SIZE = 60


def error_in_units(family: Family, theta: np.ndarray, x: np.ndarray, w: np.ndarray) -> float:
    """Distance of μ(θ) from the mean of the sample, in the units of the top of this file."""
    oracle, exact = textbook(family), precise(theta)
    weights = precise(w) / np.sum(precise(w))
    values = np.array([oracle.statistics(point) for point in precise(x)])
    scale = np.abs(oracle.fisher(exact)) @ np.abs(exact) + weights @ np.abs(values)
    unit = float(np.finfo(theta.dtype).eps) / 2
    off = np.abs(oracle.mean(exact) - weights @ values)
    return max(
        float(a / (unit * b)) if b else float(a > 0) for a, b in zip(off, scale, strict=True)
    )


# --- draws ----------------------------------------------------------------------------------------

MEMBERS: list[tuple[Family, dict[str, object]]] = [
    (families.Exponential(), {"rate": 3.0}),
    (families.Rayleigh(), {"scale": 1e-100}),
    (families.Maxwell(), {"scale": 1e100}),
    (families.Laplace(2.0), {"scale": 1e-3}),
    (families.Pareto(2.5), {"shape": 0.3}),
    (families.Weibull(0.75), {"scale": 7.0}),
    (families.ChiSquared(), {"degrees_of_freedom": 3.0}),
    (families.Gamma(), {"shape": 0.05, "rate": 1.0}),
    (families.Gamma(), {"shape": 1e10, "rate": 1e-100}),
    (families.InverseGamma(), {"shape": 2.0, "scale": 1e100}),
    (families.Gaussian(), {"mean": 1e8, "variance": 1.0}),
    (families.Gaussian(), {"mean": 0.0, "variance": 1e250}),
    (families.LogNormal(), {"log_mean": -300.0, "log_variance": 4.0}),
    (families.LogNormal(), {"log_mean": 1.0, "log_variance": 1e-20}),
    (families.InverseGaussian(), {"mean": 1e3, "shape": 1.0}),
    (families.InverseGaussian(), {"mean": 1.0, "shape": 1e12}),
    (families.Beta(), {"alpha": 0.5, "beta": 3.0}),
    (families.Beta(), {"alpha": 2.0, "beta": 1e30}),
    (families.Dirichlet(3), {"concentration": [0.5, 1.0, 7.0]}),
    (families.Bernoulli(), {"probability": 0.9}),
    (families.Binomial(12), {"probability": 0.99}),
    (families.Geometric(), {"probability": 0.1}),
    (families.NegativeBinomial(0.5), {"probability": 0.01}),
    (families.Poisson(), {"rate": 0.3}),
    (families.Poisson(), {"rate": 1e12}),
    (families.Categorical(3), {"probabilities": [0.2, 0.7, 0.1]}),
    (families.Multinomial(7, 3), {"probabilities": [0.2, 0.75, 0.05]}),
    (families.VonMises(), {"mean_direction": 3.0, "concentration": 2.0}),
    (families.VonMises(), {"mean_direction": 3.0, "concentration": 1e12}),
    (families.VonMisesFisher(3), {"mean_direction": [0.0, 0.6, 0.8], "concentration": 5.0}),
    (families.VonMisesFisher(3), {"mean_direction": [0.0, 0.6, 0.8], "concentration": 1e8}),
    (families.DiagonalGaussian(2), {"mean": [1e6, 0.0], "variance": [1e-4, 1e200]}),
    (families.IsotropicGaussian(2), {"mean": [1e-99, 2e-99], "variance": 1e-200}),
    (families.MultivariateGaussian(2), {"mean": [1.0, -1.0], "covariance": [[2, 1], [1, 1]]}),
    (families.CentredGaussian(2), {"covariance": [[2.0, 1.0], [1.0, 1.0]]}),
    (families.KnownCovarianceGaussian(np.eye(2)), {"mean": [1e5, 0.0]}),
    (families.Wishart(2), {"scale": [[2.0, 1.0], [1.0, 1.0]], "degrees_of_freedom": 3.0}),
    (families.InverseWishart(2), {"scale": [[2.0, 1.0], [1.0, 1.0]], "degrees_of_freedom": 5.0}),
    (families.Ising(3), {"field": [0.1, 0.0, -0.2], "coupling": 0.1 * (1 - np.eye(3))}),
]
NAMES = [f"{family.name}-{k}" for k, (family, _) in enumerate(MEMBERS)]


@pytest.mark.parametrize(("family", "classical"), MEMBERS, ids=NAMES)
@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
def test_a_fit_has_the_mean_of_the_sample(
    family: Family, classical: dict[str, object], weighted: bool
) -> None:
    rng = np.random.default_rng(20261)
    x = family.sample(family.natural(**classical), SIZE, rng)
    w = rng.exponential(size=SIZE) if weighted else np.ones(SIZE)
    w = w / np.sum(w)
    fitted = family.fit(x, w) if weighted else family.fit(x)
    assert error_in_units(family, fitted, x, w) < ROUNDINGS


# --- samples without a maximum --------------------------------------------------------------------

NORTH = np.asarray([0.1, 0.2, 0.5]) / np.linalg.norm([0.1, 0.2, 0.5])
CONSTANT: list[tuple[Family, list[float]]] = [
    *((families.Gaussian(), [value]) for value in (0.1, 1e8 + 0.1, -1e300, 5e-324)),
    *((families.LogNormal(), [value]) for value in (0.1, 0.3, 1e300, 1e-308)),
    *((families.InverseGaussian(), [value]) for value in (0.1, 0.7, 1e300)),
    *((families.Gamma(), [value]) for value in (0.1, 0.3, 1e300)),
    *((families.InverseGamma(), [value]) for value in (0.1, 0.7, 1e-300)),
    *((families.Beta(), [value]) for value in (0.1, 0.3, 1e-300, 1 - 2.0**-53)),
    (families.Dirichlet(3), [0.1, 0.2, 0.7]),
    (families.VonMises(), [0.1]),
    (families.VonMises(), [1e6 + 0.1]),
    (families.VonMisesFisher(3), NORTH.tolist()),
    (families.DiagonalGaussian(2), [0.1, 0.3]),
    (families.IsotropicGaussian(2), [0.1, 0.3]),
    (families.MultivariateGaussian(2), [0.1, 0.3]),
    (families.CentredGaussian(2), [0.1, 0.3]),
    (families.Wishart(2), [1.0, 0.35, 0.7]),
    (families.InverseWishart(2), [1.0, 0.35, 0.7]),
]


SINGLE = [
    case
    for case in CONSTANT
    if all(1e-30 < abs(value) < 1e30 and not 0.999 < value < 1.0 for value in case[1])
]
SAMPLES = [(*case, np.float64) for case in CONSTANT] + [(*case, np.float32) for case in SINGLE]


@pytest.mark.parametrize("number", [1, 2, 5, 7, 49])
@pytest.mark.parametrize(
    ("family", "point", "dtype"),
    SAMPLES,
    ids=[f"{f.name}-{p[0]:g}-{dtype.__name__}" for f, p, dtype in SAMPLES],
)
def test_constant_samples(family: Family, point: list[float], number: int, dtype: type) -> None:
    """However their mean rounds, and with another point that has no weight that counts."""
    one = np.asarray(point)
    x = np.tile(one.astype(dtype), (number, 1))
    with pytest.raises(DomainError, match=f"x determines no {family.name}"):
        family.fit(x)
    other = 0.5 * (x[:1] + x[:1, ::-1]) if family.name == "Dirichlet" else 0.75 * x[:1]
    if family.name == "von Mises-Fisher":
        other = x[:1, ::-1]
    subnormal = np.asarray(1e-310 if dtype is np.float64 else 1e-40, dtype=dtype)
    for weight in (np.asarray(0.0, dtype=dtype), subnormal):
        w = np.asarray([*np.full(number, 1.0 / number), weight], dtype=dtype)
        with pytest.raises(DomainError, match=f"x determines no {family.name}"):
            family.fit(np.concatenate([x, other]), w)


EDGE: list[tuple[Family, np.ndarray, str]] = [
    (families.Bernoulli(), np.ones((49, 1)), "no point that has weight holds a failure"),
    (families.Bernoulli(), np.zeros((49, 1)), "no point that has weight holds a success"),
    (families.Binomial(3), np.full((7, 1), 3.0), "no point that has weight holds a failure"),
    (families.Categorical(3), np.tile([[0.0], [1.0]], (7, 1)), "category 2 occurs in no point"),
    (families.Categorical(3), np.tile([[0.0], [2.0]], (7, 1)), "category 1 occurs in no point"),
    (families.Multinomial(7, 3), np.tile([[3.0, 4.0, 0.0]], (9, 1)), "category 2 occurs in no"),
    (families.Geometric(), np.zeros((3, 1)), r"mu\[0\] > 0 fails"),
    (families.NegativeBinomial(2.0), np.zeros((3, 1)), r"mu\[0\] > 0 fails"),
    (families.Poisson(), np.zeros((3, 1)), r"mu\[0\] > 0 fails"),
    (families.Exponential(), np.zeros((3, 1)), r"mu\[0\] > 0 fails"),
    (families.Laplace(1.5), np.full((3, 1), 1.5), r"mu\[0\] > 0 fails"),
    (families.Pareto(2.5), np.full((3, 1), 2.5), r"mu\[0\] > 0 fails"),
    (families.VonMises(), np.asarray([[0.1], [0.1 + 2 * np.pi], [0.1 - 20 * np.pi]]), "agree"),
    (families.VonMisesFisher(3), np.stack([NORTH, NORTH / np.linalg.norm(NORTH)]), "agree"),
    (families.DiagonalGaussian(2), np.asarray([[1.0, 0.1]] * 5 + [[2.0, 0.1]]), "coordinate 1 is"),
    (families.MultivariateGaussian(2), np.asarray([[1.0, 0.1], [2.0, 0.1]]), "coordinate 1 is 0.1"),
    (families.CentredGaussian(2), np.asarray([[1.0, 0.0], [2.0, 0.0]]), "coordinate 1 is 0"),
    (
        families.Product((families.Gamma(), families.Gaussian())),
        np.asarray([[1.0, 0.1], [2.0, 0.1]]),
        r"^factor 2 \(Gaussian\): x determines no Gaussian: coordinate 0 is 0.1",
    ),
    *((tilt, np.ones((5, 1)), "boundary") for tilt in families.ExponentialTilt.examples()),
]


@pytest.mark.parametrize(("family", "x", "reason"), EDGE, ids=[f"{f.name}-{r}" for f, _, r in EDGE])
def test_means_on_the_boundary(family: Family, x: np.ndarray, reason: str) -> None:
    with pytest.raises(DomainError, match=reason):
        family.fit(x)
    assert np.all(family.contains(family.fit(family.sample(family.fit(MIXED[family.name]), 20, 1))))


# Samples of the families of `EDGE` that determine a member.
MIXED = {
    "Bernoulli": np.asarray([[0.0], [1.0]]),
    "binomial": np.asarray([[1.0], [2.0]]),
    "categorical": np.asarray([[0.0], [1.0], [2.0]]),
    "multinomial": np.asarray([[2.0, 2.0, 3.0]]),
    "geometric": np.asarray([[5.0]]),
    "negative binomial": np.asarray([[5.0]]),
    "Poisson": np.asarray([[5.0]]),
    "exponential": np.asarray([[5.0]]),
    "Laplace": np.asarray([[5.0]]),
    "Pareto": np.asarray([[5.0]]),
    "von Mises": np.asarray([[0.1], [0.1 + 2.1 * np.pi]]),
    "von Mises-Fisher": np.eye(3),
    "diagonal Gaussian": np.asarray([[1.0, 0.1], [2.0, 0.2]]),
    "multivariate Gaussian": np.asarray([[1.0, 0.1], [2.0, 0.2], [3.0, 0.1]]),
    "centred Gaussian": np.asarray([[1.0, 0.1], [2.0, 0.1]]),
    "Gamma × Gaussian": np.asarray([[1.0, 0.1], [2.0, 0.2]]),
    "spin": np.asarray([[1.0], [-1.0]]),
    "spin from T and A": np.asarray([[1.0], [-1.0]]),
}


def test_a_whole_turn_apart_is_the_same_direction_only_up_to_rounding() -> None:
    """Within a turn angles that differ in the last digit do differ."""
    family = families.VonMises()
    near = family.fit(np.asarray([[0.1], [np.nextafter(0.1, 1.0)]]))
    assert family.classical(near)["concentration"] > 1e31
    apart = family.fit(np.asarray([[0.1], [0.1 + 2 * np.pi + 1e-14]]))
    assert 1e27 < family.classical(apart)["concentration"] < 1e29


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("spins", [2, 3])
def test_ising(spins: int, binary: bool) -> None:
    """Every set of states of two spins and many of three, against a linear program.

    It finds the largest t for which some distribution of the same mean gives every state t.
    """
    family = families.Ising(spins, binary=binary)
    states = np.asarray(list(itertools.product([0.0 if binary else -1.0, 1.0], repeat=spins)))
    number = len(states)
    table = family.statistics(states)
    sets = list(itertools.product([False, True], repeat=number))[1:]
    if spins == 3:
        sets = [sets[k] for k in np.random.default_rng(1).permutation(len(sets))[:30]]
        sets += [tuple(abs(np.sum(2 * (states - states.min()) - 1, axis=1)) < 3)]
    for chosen in sets:
        x = states[np.asarray(chosen)]
        rows = np.concatenate([table.T, np.ones((1, number))])
        mean = np.append(np.mean(family.statistics(x), axis=0), 1.0)
        found = linprog(
            -np.append(np.zeros(number), 1.0),
            A_ub=np.concatenate([-np.eye(number), np.ones((number, 1))], axis=1),
            b_ub=np.zeros(number),
            A_eq=np.concatenate([rows, np.zeros((len(rows), 1))], axis=1),
            b_eq=mean,
        )
        if -found.fun > 1e-6:
            even = np.full(len(x), 1.0 / len(x))
            assert error_in_units(family, family.fit(x), x, even) < ROUNDINGS
        else:
            with pytest.raises(DomainError, match="x determines no Ising"):
                family.fit(x)


# --- rank -----------------------------------------------------------------------------------------


def powers_of_two(rng: np.random.Generator, dim: int, dtype: type) -> np.ndarray:
    reach = int(rng.choice([0, 10, 400 if dtype is np.float64 else 30]))
    return 2.0 ** rng.integers(-reach, reach + 1, dim)


def dependent(
    seed: int, kind: str, dim: int, offset: float, dtype: type
) -> tuple[np.ndarray, set[int]]:
    """Points of which some columns are combinations of others but for rounding, and all of these.

    ``kind`` is whether the combination is rounded, of integers, or a copy.
    """
    rng = np.random.default_rng(seed)
    n, rank = int(rng.integers(dim + 2, 200)), int(rng.integers(1, dim))
    x = rng.standard_normal((n, dim)) if kind != "whole" else rng.integers(0, 3, (n, dim))
    x = (x + offset).astype(dtype)
    if kind == "copy":
        x[:, rank] = x[:, 0]
        columns = {0, rank}
    else:
        steps = rng.standard_normal(rank) if kind == "rounded" else rng.integers(1, 3, rank)
        x[:, rank] = x[:, :rank] @ steps.astype(dtype)
        columns = set(range(rank + 1))
    order = rng.permutation(dim)
    x = (x * powers_of_two(rng, dim, dtype)).astype(dtype)[:, order]
    return x, {int(np.flatnonzero(order == column)[0]) for column in columns}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["rounded", "whole", "copy"]),
    dim=st.integers(2, 7),
    offset=st.sampled_from([0.0, 1.0, 1e3]),
    weighted=st.booleans(),
)
@example(seed=1, kind="whole", dim=4, offset=0.0, weighted=False)
@example(seed=2, kind="rounded", dim=4, offset=1e8, weighted=False)
def test_dependent_columns(
    dtype: type, seed: int, kind: str, dim: int, offset: float, weighted: bool
) -> None:
    x, columns = dependent(seed, kind, dim, 0.0 if dtype is np.float32 else offset, dtype)
    w = None
    if weighted:
        w = np.random.default_rng(seed).exponential(size=len(x)).astype(dtype)
        w = w / np.sum(w)
    for family in (families.MultivariateGaussian(dim), families.CentredGaussian(dim)):
        if family.name.startswith("centred") and offset > 0:
            continue
        with pytest.raises(DomainError, match="linearly dependent") as error:
            family.fit(x, w)
        named = str(error.value).split("columns ")[1].split(" of x")[0]
        assert {int(k) for k in named.replace(" and ", ", ").split(", ")} <= columns


def test_the_message_names_columns_in_words() -> None:
    x = np.random.default_rng(3).integers(0, 2, (1000, 4)).astype(float)
    x[:, 3] = x[:, 0] + x[:, 1]
    with pytest.raises(
        DomainError,
        match=r"x determines no multivariate Gaussian: columns 0, 1 and 3 of x are linearly "
        r"dependent\. What column 3 has apart from the others is .*, and up to .* may be rounding",
    ):
        families.MultivariateGaussian(4).fit(x)
    with pytest.raises(DomainError, match=r"x at batch index \(1,\) determines no"):
        families.MultivariateGaussian(4).fit(np.stack([x + np.arange(4.0) * x**2 * x[::-1], x]))


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_no_more_points_than_columns(number: int) -> None:
    """n points span n − 1 directions at most, and n with a known centre."""
    x = np.random.default_rng(number).standard_normal((number, 4))
    with pytest.raises(DomainError, match="x determines no multivariate Gaussian"):
        families.MultivariateGaussian(4).fit(x)
    if number < 4:
        with pytest.raises(DomainError, match="x determines no centred Gaussian"):
            families.CentredGaussian(4).fit(x)
    more, w = np.concatenate([x, np.eye(4)]), np.append(np.full(number, 1.0 / number), np.zeros(4))
    with pytest.raises(DomainError, match="x determines no multivariate Gaussian"):
        families.MultivariateGaussian(4).fit(more, w)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(
    seed=st.integers(0, 2**32 - 1),
    dim=st.integers(2, 5),
    share=st.floats(0.0, 1.0),
    known=st.booleans(),
)
@example(seed=1, dim=2, share=1.0, known=False)
@example(seed=2, dim=4, share=0.99, known=True)
@settings(max_examples=25)
def test_nearly_dependent_columns(
    dtype: type, seed: int, dim: int, share: float, known: bool
) -> None:
    """Condition numbers of the correlations up to 1/(n eps), whatever the units of the columns."""
    rng = np.random.default_rng(seed)
    n, eps = int(rng.integers(2 * dim, 40)), float(np.finfo(dtype).eps)
    z = rng.standard_normal((n, dim))
    q = np.linalg.qr(z if known else z - np.mean(z, axis=0))[0]
    condition = (1.0 / (n * eps)) ** share
    spread = condition ** -np.linspace(0.0, 0.5, dim)
    x = q * spread @ np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    x = x / np.sqrt(np.mean(x * x, axis=0))
    # Scaling to equal variances raises the condition by a factor of d at most (van der Sluis).
    if np.linalg.cond(x) ** 2 > 1.0 / (n * eps):
        return
    x = (x * powers_of_two(rng, dim, dtype)).astype(dtype)
    family = families.CentredGaussian(dim) if known else families.MultivariateGaussian(dim)
    assert error_in_units(family, family.fit(x), x, np.full(n, 1.0 / n)) < ROUNDINGS


# --- extreme numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "x", "name", "value"),
    [
        (families.Gamma(), [[1e300], [2e300]], "shape", 8.653491431527864),
        (families.Gamma(), [[1e-300], [2e-300]], "shape", 8.653491431527864),
        (families.InverseGamma(), [[1e300], [2e300]], "shape", 8.653491431527864),
        (families.InverseGamma(), [[1e-300], [2e-300]], "shape", 8.653491431527864),
        (families.LogNormal(), [[1e300], [2e300]], "log_variance", np.log(2.0) ** 2 / 4),
        (families.InverseGaussian(), [[1e150], [2e150]], "shape", 1.2e151),
        (families.Gaussian(), [[1e153], [2e153]], "variance", 0.25e306),
        (families.Gaussian(), [[1e-153], [2e-153]], "variance", 0.25e-306),
    ],
    ids=lambda value: value.name if isinstance(value, ExponentialFamily) else None,
)
def test_extreme_points(family: Family, x: list[list[float]], name: str, value: float) -> None:
    """Of two points in the ratio 1 : 2, whose shape solves log α − ψ(α) = log 1.5 − ½ log 2."""
    theta = family.fit(np.asarray(x))
    np.testing.assert_allclose(family.classical(theta)[name], value, rtol=1e-12)


def test_estimates_that_the_type_cannot_hold() -> None:
    for x in ([[1e200], [2e200]], [[1e-170], [2e-170]]):
        with pytest.raises(
            DomainError, match="the natural parameters of Gaussian that float64 can"
        ):
            families.Gaussian().fit(np.asarray(x))
    x = np.random.default_rng(4).standard_normal((100, 2))
    x[:, 1] = x[:, 0] + 1e-9 * x[:, 1]
    with pytest.raises(DomainError, match="whose precision matrix float64 cannot hold: columns 0"):
        families.MultivariateGaussian(2).fit(x)


@pytest.mark.parametrize("weight", [0.0, 5e-324, 1e-320, 1e-300])
@pytest.mark.parametrize(
    "family",
    [families.Gamma(), families.InverseGamma(), families.Gaussian(), families.LogNormal()],
    ids=lambda family: family.name,
)
def test_tiny_weights(family: Family, weight: float) -> None:
    """They move the estimate by nothing, however far their point is."""
    x, w = np.asarray([[1.0], [2.0], [1e100]]), np.asarray([0.5, 0.5, weight])
    expected = family.fit(x[:2])
    np.testing.assert_allclose(family.fit(x, w), expected, rtol=1e-12)
