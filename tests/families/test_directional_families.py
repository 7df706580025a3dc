"""The von Mises and von Mises-Fisher families.

Laws on drawn members, samples, points, messages, other libraries.
"""

import array_api_strict
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from ingd_ref.backend._namespace import device, to_host
from ingd_ref.errors import DomainError
from ingd_ref.families.von_mises import VonMises
from ingd_ref.families.von_mises_fisher import VonMisesFisher
from tests.families.judge import UNIT
from tests.families.test_directional_accuracy import DIGITS, direction
from validation.oracles.precise import MP, precise
from validation.oracles.statement import slopes
from validation.oracles.textbook import textbook

MEMBERS = [
    (VonMises(), {"mean_direction": 1.0, "concentration": 0.0}),
    (VonMises(), {"mean_direction": -3.0, "concentration": 2.5}),
    (VonMises(), {"mean_direction": 0.4, "concentration": 1e7}),
    (VonMisesFisher(2), {"mean_direction": [0.0, -1.0], "concentration": 0.7}),
    (VonMisesFisher(3), {"mean_direction": [0.6, 0.0, 0.8], "concentration": 0.0}),
    (VonMisesFisher(3), {"mean_direction": [0.6, 0.0, 0.8], "concentration": 4.0}),
    (VonMisesFisher(3), {"mean_direction": [0.6, 0.0, 0.8], "concentration": 1e6}),
    (VonMisesFisher(10), {"mean_direction": list(direction(10)), "concentration": 20.0}),
]
SIZE = 20_000
# All tests of this file make fewer than 200 comparisons; 1e-8 each leaves a chance below 2e-6 that
# a correct sampler fails for a new seed.
FALSE_ALARM = 1e-8
Z_LIMIT = stats.norm.isf(FALSE_ALARM / 2)

exponents = st.floats(-8.0, 8.0)
dimensions = st.sampled_from([2, 3, 4, 9])


@st.composite
def members(draw) -> np.ndarray:
    """A θ of log-uniform length, or of length zero, in any direction."""
    d = draw(dimensions)
    # Entries are zero or of ordinary size: the rounding models hold where no product falls into the
    # subnormal range.
    entries = st.one_of(st.just(0.0), st.floats(1e-6, 1.0), st.floats(-1.0, -1e-6))
    vector = np.asarray(draw(st.lists(entries, min_size=d, max_size=d)))
    size = np.linalg.norm(vector)
    kappa = draw(st.one_of(st.just(0.0), exponents.map(lambda exponent: 10.0**exponent)))
    return kappa * (vector / size if size > 1e-3 else np.eye(d)[0])


@given(members())
@example(np.asarray([6e7, 8e7]))
@example(np.asarray([0.0, 0.0, 1e-8]))
@example(np.zeros(4))
def test_mean_and_its_inverse(theta: np.ndarray) -> None:
    """(E2), (E6): the inverse returns θ up to the roundings of μ, which R/(κR′) magnifies along θ.

    8 u of them.
    """
    family = VonMisesFisher(len(theta))
    mu = family.mean(theta)
    assert np.linalg.norm(mu) < 1
    kappa = np.linalg.norm(theta)
    inverse = family.inverse_fisher(theta)
    error = np.abs(family.natural_from_mean(mu) - theta)
    assert np.all(
        error
        <= 60 * UNIT * np.abs(theta) + 8 * UNIT * (np.abs(inverse) @ np.abs(mu)) + 4 * UNIT * kappa
    )


@given(members())
@example(np.asarray([6e7, 8e7]))
@example(np.zeros(3))
def test_fisher_and_its_inverse(theta: np.ndarray) -> None:
    """(E3), (E4), (E7), (E8): F is symmetric, F⁻¹ its inverse, and F⁻¹F c = c.

    40 u of the products of magnitudes.
    """
    family = VonMisesFisher(len(theta))
    fisher, inverse = family.fisher(theta), family.inverse_fisher(theta)
    assert np.array_equal(fisher, fisher.T)
    assert np.array_equal(inverse, inverse.T)
    assert np.all(
        np.abs(fisher @ inverse - np.eye(len(theta)))
        <= 40 * UNIT * (np.abs(fisher) @ np.abs(inverse))
    )
    slope = np.cos(np.arange(len(theta))) / np.sqrt(np.diag(fisher))
    result = family.natural_gradient(theta, fisher @ slope)
    assert np.all(
        np.abs(result - slope) <= 60 * UNIT * (np.abs(inverse) @ np.abs(fisher) @ np.abs(slope))
    )


@given(members(), st.sampled_from([1e-12, 1e-8, 1e-4, 1e-2, 0.3, 3.0]), st.integers(0, 2**32 - 1))
@example(np.asarray([6e7, 8e7]), 1e-12, 0)
@example(np.asarray([1e-8, 0.0, 0.0]), 1e-8, 1)
def test_divergence(theta: np.ndarray, step: float, seed: int) -> None:
    """(E5) against its three terms at 120 digits.

    Never negative, 64 u relative whatever the distance and its direction.
    """
    family = VonMisesFisher(len(theta))
    other = theta * (1.0 + step * np.random.default_rng(seed).uniform(-1.0, 1.0, len(theta)))
    value = family.kl(theta, other)
    with MP.workdps(DIGITS):
        truth = textbook(family).kl(precise(theta), precise(other))
        assert value >= 0
        assert abs(precise(value) - truth) <= 64 * UNIT * truth
    assert family.kl(theta, theta) == 0


@given(members(), members())
@example(np.asarray([6e7, 8e7]), np.asarray([1e-8, 0.0]))
def test_conjugate_functions(theta: np.ndarray, other: np.ndarray) -> None:
    """(E6): A(θ) + A*(μ) = ⟨θ, μ⟩, and A(θ′) + A*(μ) − ⟨θ′, μ⟩ = KL(θ‖θ′).

    60 u of the terms, and of κ for the roundings of μ.
    """
    if len(other) != len(theta):
        other = np.resize(other, len(theta))
    family = VonMisesFisher(len(theta))
    mu = family.mean(theta)
    conjugate = family.conjugate(mu)
    for parameter, divergence in ((theta, 0.0), (other, family.kl(theta, other))):
        terms = np.asarray(
            [family.log_partition(parameter), conjugate, *(-parameter * mu), -divergence]
        )
        rounding = np.abs(theta) @ np.abs(mu)
        assert abs(np.sum(terms)) <= 60 * UNIT * (np.sum(np.abs(terms)) + rounding)


@pytest.mark.parametrize("d", [2, 3, 5])
def test_fisher_and_third_cumulant_are_derivatives(d: int) -> None:
    """(E3) F = ∂μ/∂θ and ∇³A = ∂F/∂θ by central differences at 120 digits (error 1e-50).

    64 u of the diagonal roots.
    """
    family = VonMisesFisher(d)
    oracle = textbook(family)
    with MP.workdps(DIGITS):
        for kappa in (1e-6, 0.3, 4.0, 60.0, 1e5):
            theta = kappa * direction(d)
            fisher, third = family.fisher(theta), family.third_cumulant(theta)
            root, exact = np.sqrt(np.diag(fisher)), precise(theta)
            true = slopes(oracle.mean, exact)
            assert np.all(np.abs(precise(fisher) - true) <= 64 * UNIT * np.outer(root, root))
            # The third cumulant of a concentrated member is R″ ~ κ⁻³ along θ next to R/κ² across:
            # relative to the largest.
            curvature = oracle.third_cumulant(exact)
            assert np.all(np.abs(precise(third) - curvature) <= 64 * UNIT * np.max(np.abs(third)))
            np.testing.assert_allclose(
                third,
                np.transpose(third, (2, 0, 1)),
                rtol=0,
                atol=16 * UNIT * np.max(np.abs(third)),
            )


@pytest.mark.parametrize("kappa", [1e-8, 1.0, 1e8, 1e12])
def test_third_cumulant_along_and_across(kappa: float) -> None:
    """R″, and (R/κ)′ across, each to 40 u of itself at θ = κe₁."""
    third = VonMisesFisher(3).third_cumulant(np.asarray([kappa, 0.0, 0.0]))
    with MP.workdps(DIGITS):
        k = precise(kappa)
        along = 2 / k**3 * -1 + 2 * MP.cosh(k) / MP.sinh(k) ** 3 if kappa < 1e6 else -2 / k**3
        across = (
            MP.diff(lambda x: (MP.coth(x) - 1 / x) / x, k, h=k * MP.mpf(10) ** -40)
            if kappa < 1e6
            else -1 / k**2 + 2 / k**3
        )
        assert abs(precise(third[0, 0, 0]) - along) <= 40 * UNIT * abs(along)
        for index in ((0, 1, 1), (1, 0, 1), (1, 1, 0), (2, 2, 0)):
            assert abs(precise(third[index]) - across) <= 40 * UNIT * abs(across)
    assert third[1, 1, 1] == third[0, 1, 2] == third[0, 0, 1] == 0


def test_the_uniform_law() -> None:
    """At κ = 0 every operation has its limit: the direction is e₁, F = I/d, H = log S."""
    for d in (2, 3, 10):
        family, theta = VonMisesFisher(d), np.zeros(d)
        assert np.array_equal(family.classical(theta)["mean_direction"], np.eye(d)[0])
        assert np.array_equal(family.mean(theta), theta)
        assert np.array_equal(family.natural_from_mean(theta), theta)
        np.testing.assert_allclose(family.fisher(theta), np.eye(d) / d, rtol=0, atol=20 * UNIT)
        np.testing.assert_allclose(
            family.inverse_fisher(theta), np.eye(d) * d, rtol=0, atol=20 * UNIT * d
        )
        np.testing.assert_array_equal(family.third_cumulant(theta), 0.0)
        assert (
            family.log_partition(theta) == family.conjugate(theta) == family.kl(theta, theta) == 0
        )
        assert family.entropy(theta) == -family.log_prob(theta, np.eye(d)[0]) == family.log_area
    assert VonMises().classical(np.zeros(2))["mean_direction"] == 0


def test_the_circle_against_the_textbook() -> None:
    """The density of angles integrates to one and has the entropy that it integrates to.

    Trapezoidal rule, exact to rounding.
    """
    family = VonMises()
    x = np.linspace(-np.pi, np.pi, 400, endpoint=False)[:, None]
    for kappa in (0.0, 0.5, 5.0, 50.0):
        theta = family.natural(mean_direction=0.3, concentration=kappa)
        log_prob = family.log_prob(theta, x)
        # The logarithm is below 100 and rounds accordingly.
        np.testing.assert_allclose(
            2 * np.pi * np.mean(np.exp(log_prob)), 1.0, rtol=0, atol=200 * UNIT
        )
        np.testing.assert_allclose(
            -2 * np.pi * np.mean(np.exp(log_prob) * log_prob),
            family.entropy(theta),
            rtol=0,
            atol=1000 * UNIT,
        )
        np.testing.assert_allclose(
            log_prob, stats.vonmises.logpdf(x[:, 0], kappa, loc=0.3), rtol=0, atol=1000 * UNIT
        )
        # x + 2π rounds to 8 u, 2π itself is off by 2 u, and each logarithm, of size 100, by a few u
        # of that.
        np.testing.assert_allclose(
            family.log_prob(theta, x + 2 * np.pi), log_prob, rtol=0, atol=(50 * 16 + 100 * 4) * UNIT
        )
    third = VonMisesFisher(3).natural(mean_direction=[0.0, 0.0, 1.0], concentration=7.0)
    points = np.asarray([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]])
    expected = 7.0 * points[:, 2] - np.log(4 * np.pi * np.sinh(7.0) / 7.0)
    np.testing.assert_allclose(
        VonMisesFisher(3).log_prob(third, points), expected, rtol=0, atol=64 * UNIT
    )


def test_jacobians_are_gradients_along_the_sphere() -> None:
    """Differences of f with step h.

    Truncation h² and rounding u/h, 1e-10 together at h = 1e-6 (of angles), 1e-7 (next to the
    sphere).
    """
    x = np.asarray([[-2.0], [0.3], [3.0]])
    slope = (VonMises().statistics(x + 1e-6) - VonMises().statistics(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(VonMises().statistics_jacobian(x)[:, 0], slope, rtol=0, atol=1e-9)
    family = VonMisesFisher(4)
    point = np.asarray([0.1, -0.7, 0.1, 0.7])
    jacobian = family.statistics_jacobian(point)
    for a in range(4):
        step = 1e-7 * np.eye(4)[a]
        slope = (family.statistics(point + step) - family.statistics(point - step)) / 2e-7
        np.testing.assert_allclose(jacobian[a], slope, rtol=0, atol=1e-8)
    np.testing.assert_allclose(jacobian @ point, 0.0, rtol=0, atol=4 * UNIT)


@pytest.mark.parametrize(("family", "classical"), MEMBERS)
def test_samples(family: VonMises | VonMisesFisher, classical: dict) -> None:
    """Means of the statistics in exact standard errors, and the angle to the mean direction by
    Kolmogorov-Smirnov.
    """
    theta = family.natural(**classical)
    for seed in (1, 2):
        x = family.sample(theta, SIZE, np.random.default_rng(seed))
        f = family.statistics(x)
        fisher = family.fisher(theta)
        z = (np.mean(f, axis=0) - family.mean(theta)) / np.sqrt(np.diag(fisher) / SIZE)
        assert np.all(np.abs(z) < Z_LIMIT)
        np.testing.assert_allclose(np.linalg.norm(f, axis=-1), 1.0, rtol=0, atol=4 * UNIT)
        kappa = classical["concentration"]
        if family == VonMisesFisher(3):
            scale = -np.expm1(-2 * kappa) if kappa else 2.0
            loss = (
                np.sum((f - np.asarray(classical["mean_direction"])) ** 2, axis=-1) / 2
            )  # 1 − ⟨m, x⟩
            share = -np.expm1(-kappa * loss) / scale if kappa else loss / scale
        elif family == VonMises():
            angle = (x[:, 0] - classical["mean_direction"] + np.pi) % (2 * np.pi) - np.pi
            share = stats.vonmises(kappa).cdf(angle) if kappa else (angle + np.pi) / (2 * np.pi)
        else:
            continue
        assert stats.kstest(share, stats.uniform().cdf).pvalue > FALSE_ALARM


def test_a_wrong_member_is_caught() -> None:
    """The same comparisons reject a concentration that is off by 10 %, so they can fail."""
    family = VonMisesFisher(3)
    theta, wrong = (
        family.natural(mean_direction=[0.0, 0.0, 1.0], concentration=kappa) for kappa in (4.0, 4.4)
    )
    x = family.sample(wrong, SIZE, np.random.default_rng(1))
    z = (np.mean(x, axis=0) - family.mean(theta)) / np.sqrt(np.diag(family.fisher(theta)) / SIZE)
    assert abs(z[2]) > Z_LIMIT
    assert (
        stats.kstest(1 - x[:, 2], lambda v: -np.expm1(-4.0 * v) / -np.expm1(-8.0)).pvalue
        < FALSE_ALARM
    )


def test_extreme_samples_and_their_fits() -> None:
    """Points stay on the sphere and differ from each other however large κ is, and the fit finds κ
    from how far: 6 standard errors.
    """
    for family, d in ((VonMisesFisher(3), 3), (VonMisesFisher(50), 50), (VonMises(), 2)):
        towards = {"mean_direction": 0.5} if d == 2 else {"mean_direction": direction(d)}
        for kappa in (1e2, 1e8, 1e14):
            x = family.sample(
                family.natural(**towards, concentration=kappa), 4000, np.random.default_rng(5)
            )
            fitted = family.classical(family.fit(x))["concentration"]
            assert abs(fitted / kappa - 1) < 6 * np.sqrt(2 / (4000 * (d - 1)))
        x = family.sample(
            family.natural(**towards, concentration=1e300), 5, np.random.default_rng(5)
        )
        assert np.all(np.isfinite(x))


def test_weighted_fit_is_the_member_with_the_mean_of_the_statistics() -> None:
    for family, x in (
        (VonMises(), np.asarray([[0.2], [1.0], [-2.5]])),
        (VonMisesFisher(3), np.asarray([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8], [0.0, 0.0, -1.0]])),
    ):
        weights = np.asarray([0.5, 0.3, 0.2])
        theta = family.fit(x, weights)
        np.testing.assert_allclose(
            family.mean(theta), weights @ family.statistics(x), rtol=0, atol=16 * UNIT
        )
    # Angles 2⁻⁵⁰ apart: the gap is half their variance, and κ its inverse by R = 1 − 1/(2κ), but
    # for terms of order 2⁻¹⁰⁰.
    close = 1.0 + 2.0**-50 * np.asarray([[0.0], [1.0], [4.0]])
    variance = np.var([0.0, 1.0, 4.0]) * 2.0**-100
    np.testing.assert_allclose(
        VonMises().classical(VonMises().fit(close))["concentration"], 1 / variance, rtol=64 * UNIT
    )
    antipodes = np.asarray([[0.6, 0.8], [-0.6, -0.8]])
    np.testing.assert_array_equal(VonMisesFisher(2).fit(antipodes), 0.0)


def test_mixtures_keep_the_spread() -> None:
    """The m-geodesic between concentrated members next to each other, against 120 digits.

    80 u (twice the inverse's 40 u).
    """
    family = VonMisesFisher(3)
    oracle, towards = textbook(family), direction(3)
    theta1 = family.natural(mean_direction=towards, concentration=1e8)
    theta2 = family.natural(
        mean_direction=towards + np.asarray([1e-5, -1e-5, 3e-6]) / 40, concentration=3e12
    )
    for t in (0.0, 0.25, 0.5, 1.0):
        value = family.m_geodesic(theta1, theta2, t)
        with MP.workdps(DIGITS):
            mu = (1 - precise(t)) * oracle.mean(precise(theta1)) + t * oracle.mean(precise(theta2))
            true = oracle.natural_from_mean(mu, precise(value))
            assert np.all(np.abs(precise(value) - true) <= 80 * UNIT * np.abs(true))


def test_messages() -> None:
    family = VonMisesFisher(3)
    with pytest.raises(
        DomainError,
        match=r"^mean_direction must be a unit vector, got \[1\., 1\., 0\.\] at batch "
        r"index \(1,\)$",
    ):
        family.natural(mean_direction=[[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]], concentration=1.0)
    with pytest.raises(DomainError, match=r"^concentration must be zero or positive, got -1\.$"):
        VonMises().natural(mean_direction=0.0, concentration=-1.0)
    with pytest.raises(
        DomainError,
        match=r"mean parameter space of von Mises-Fisher: norm of mu < 1 fails at "
        r"batch index \(1,\)",
    ):
        family.natural_from_mean(np.asarray([[0.0, 0.0, 0.5], [0.6, 0.0, 0.8000000000000002]]))
    with pytest.raises(DomainError, match="norm of mu < 1 fails"):
        VonMises().natural_from_mean(np.asarray([1e200, -1e300]))
    with pytest.raises(
        DomainError, match=r"support of von Mises-Fisher: norm of x = 1 fails at batch index \(1,\)"
    ):
        family.statistics(np.asarray([[0.0, 0.0, 1.0], [0.0, 0.0, 1.1]]))
    with pytest.raises(DomainError, match="x determines no von Mises-Fisher: all directions that"):
        family.fit(np.asarray([[0.0, 1.0, 0.0]] * 3))
    with pytest.raises(DomainError, match=r"x at batch index \(1,\) determines no von Mises: all"):
        VonMises().fit(np.asarray([[[0.5], [0.7], [1.0]], [[2.3]] * 3]))
    with pytest.raises(DomainError, match="dimension must be an integer of at least 2, got 1"):
        VonMisesFisher(1)
    with pytest.raises(DomainError, match=r"dimension must be an integer .* got 2\.5"):
        VonMisesFisher(2.5)


def test_families_are_values() -> None:
    assert VonMisesFisher(3) == VonMisesFisher()
    assert VonMisesFisher(3) != VonMisesFisher(2)
    assert repr(VonMisesFisher(4)) == "VonMisesFisher(dimension=4)"
    assert [(f.dim, f.number, f.order) for f in VonMisesFisher.examples()] == [
        (2, 2, 0.0),
        (3, 3, 0.5),
        (7, 7, 2.5),
    ]


def operations(family: VonMises | VonMisesFisher, theta) -> dict:
    """Every public method on a batch of parameters, and on points that are drawn from it."""
    mu, x = family.mean(theta), family.sample(theta, 5, np.random.default_rng(3))
    other = theta * 1.125
    results = {
        "mean": mu,
        "natural_from_mean": family.natural_from_mean(mu),
        "log_partition": family.log_partition(theta),
        "conjugate": family.conjugate(mu),
        "fisher": family.fisher(theta),
        "classical fisher": family.fisher(theta, chart="classical"),
        "inverse_fisher": family.inverse_fisher(theta),
        "natural_gradient": family.natural_gradient(theta, mu),
        "third_cumulant": family.third_cumulant(theta),
        "kl": family.kl(theta, other),
        "entropy": family.entropy(theta),
        "cross_entropy": family.cross_entropy(theta, other),
        "m_geodesic": family.m_geodesic(theta, other, 0.25),
        "statistics": family.statistics(x),
        "statistics_jacobian": family.statistics_jacobian(x),
        "log_base_measure": family.log_base_measure(x),
        "log_prob": family.log_prob(theta[:, None, :], x),
        "fit": family.fit(x),
    }
    return results | {f"classical {name}": value for name, value in family.classical(theta).items()}


def batch(family: VonMises | VonMisesFisher) -> np.ndarray:
    directions = np.asarray([np.roll(direction(family.number), k) for k in range(3)])
    return directions * np.asarray([[0.25], [2.0], [30.0]])


@pytest.mark.parametrize(
    ("library", "family"),
    [
        ("float32 accelerator", VonMisesFisher(5)),
        ("torch", VonMises()),
        ("torch", VonMisesFisher(3)),
        ("float32", VonMises()),
        ("float32", VonMisesFisher(5)),
    ],
)
def test_other_libraries(library: str, family: VonMises | VonMisesFisher, guarded_devices) -> None:
    """Namespace, device and dtype are those of the argument.

    Values differ by roundings that κ ≤ 100 of these members magnifies.
    """
    host = batch(family)
    if library == "torch":
        torch = pytest.importorskip(
            "torch", reason="PyTorch is an optional library of a user who cross-checks"
        )
        theta = torch.tensor(host)
    elif library == "float32":
        theta = host.astype(np.float32)
    else:
        place = array_api_strict.Device("device2")  # test_laws has float64 on another device
        theta = array_api_strict.asarray(host, dtype=array_api_strict.float32, device=place)
    expected = operations(family, host)
    unit = 2.0**-24 if "32" in library else UNIT
    for name, value in operations(family, theta).items():
        assert value.dtype == theta.dtype, name
        assert device(value) == device(theta), name
        np.testing.assert_allclose(
            to_host(value), expected[name], rtol=4000 * unit, atol=4000 * unit, err_msg=name
        )


@pytest.mark.gpu
@pytest.mark.parametrize("family", [VonMises(), VonMisesFisher(5)], ids=repr)
def test_cupy(family: VonMises | VonMisesFisher) -> None:
    cupy = pytest.importorskip("cupy", reason="needs CuPy")
    host = batch(family)
    for name, value in operations(family, cupy.asarray(host)).items():
        assert isinstance(value, cupy.ndarray), name
        np.testing.assert_allclose(
            cupy.asnumpy(value),
            operations(family, host)[name],
            rtol=4000 * UNIT,
            atol=4000 * UNIT,
            err_msg=name,
        )
