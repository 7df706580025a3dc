"""Laws that hold for every family, over all families that the package holds.

a new file is tested here from its first day.

Members are convex combinations of the examples that each family proposes, which are members because
Θ is convex. Oracles are difference quotients, of functions one step simpler than the one under
test; each is allowed its own error: the change from step 2h to h in full, which is three times the
truncation error of a second-order quotient, and the rounding of its terms. That this allowance is
small is asserted, so that a law can fail. Identities are allowed roundings of the terms they sum,
in units of u = 2⁻⁵³.
"""

import array_api_strict
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import ingd_ref as ir
from ingd_ref.backend._namespace import array_namespace, device, to_host
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.families import ExponentialFamily
from ingd_ref.families._discovery import all_families

U = 2.0**-53
FAMILIES = all_families()
every_family = pytest.mark.parametrize(
    "family", FAMILIES, ids=[f"{type(f).__name__}-{f.name}-{f.number}" for f in FAMILIES]
)
# Two examples for each family and law, fifty in the profile "long".
few = settings(
    max_examples=max(2, settings.default.max_examples // 20), phases=(Phase.generate, Phase.shrink)
)

weights = st.lists(st.floats(0.02, 1.0), min_size=8, max_size=8).map(np.asarray)
directions = st.integers(0, 2**31).map(np.random.default_rng)


def members(family: ExponentialFamily, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two members, as different as the examples are."""
    theta = family.natural(**family.example_parameters())
    first, second = np.resize(w, len(theta)), np.resize(w[::-1] ** 2, len(theta))
    return first / first.sum() @ theta, second / second.sum() @ theta


def scales(family: ExponentialFamily, theta: np.ndarray) -> np.ndarray:
    """Standard deviations of the statistics.

    1/deviation is the natural unit of θ_i, and F_ij is of size deviation_i deviation_j.
    """
    return np.sqrt(np.diag(family.fisher(theta)))


def along(family: ExponentialFamily, theta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random direction of length one in the Fisher metric, shortened until ten times as much
    stays inside Θ on both sides.
    """
    direction = rng.standard_normal(family.number) / scales(family, theta)
    direction /= np.sqrt(direction @ family.fisher(theta) @ direction)
    while not (family.contains(theta + direction) and family.contains(theta - direction)):
        direction = 0.5 * direction
    return 0.1 * direction


def slope(function, step: float, size) -> tuple[np.ndarray, np.ndarray]:
    """Derivative of a function of one number at 0 by central differences with one extrapolation,
    and what it may be off.

    The error of the extrapolated value is far below the change that the extrapolation made;
    rounding: ``size`` bounds the terms that the function sums, each right to 16 u.
    """
    coarse, fine = (
        (np.asarray(function(h)) - np.asarray(function(-h))) / (2 * h) for h in (2 * step, step)
    )
    return (4 * fine - coarse) / 3, np.abs(fine - coarse) + 16 * U * np.asarray(size) / step


@every_family
@few
@given(weights, directions)
def test_mean_is_the_gradient_of_the_log_partition(
    family: ExponentialFamily, w: np.ndarray, rng: np.random.Generator
) -> None:
    """(E2): d/dt A(θ + tv) = ⟨μ, v⟩."""
    theta, _ = members(family, w)
    v = along(family, theta, rng)
    mu = family.mean(theta)
    size = abs(family.log_partition(theta)) + np.abs(theta) @ np.abs(mu) + 1
    value, allowed = slope(lambda t: family.log_partition(theta + t * v), 0.01, size)
    assert allowed <= 1e-3 * np.sqrt(v @ family.fisher(theta) @ v) + 1e-10 * size
    assert abs(value - mu @ v) <= allowed


@every_family
@few
@given(weights, directions)
def test_fisher_is_the_slope_of_the_mean(
    family: ExponentialFamily, w: np.ndarray, rng: np.random.Generator
) -> None:
    """(E3): d/dt μ(θ + tv) = F v, and F v is what fisher_vector_product says."""
    theta, _ = members(family, w)
    v = along(family, theta, rng)
    fisher, deviation = family.fisher(theta), scales(family, theta)
    product = family.fisher_vector_product(theta, v)
    assert np.all(
        np.abs(product - fisher @ v)
        <= 40 * U * (np.abs(fisher) @ np.abs(v)) + 40 * U * deviation * np.sqrt(v @ fisher @ v)
    )
    size = np.abs(family.mean(theta)) + deviation
    value, allowed = slope(lambda t: family.mean(theta + t * v), 0.01, size)
    assert np.all(allowed <= 0.01 * deviation * np.sqrt(v @ fisher @ v) + 1e-10 * size)
    assert np.all(np.abs(value - product) <= allowed)


@every_family
@few
@given(weights, directions)
def test_third_cumulant_is_the_slope_of_fisher(
    family: ExponentialFamily, w: np.ndarray, rng: np.random.Generator
) -> None:
    """∇³A: symmetric, and d/dt F(θ + tv) = ∇³A v."""
    theta, _ = members(family, w)
    v = along(family, theta, rng)
    deviation = scales(family, theta)
    tensor = family.third_cumulant(theta)
    size = deviation[:, None, None] * deviation[:, None] * deviation
    for axes in ((0, 2, 1), (1, 0, 2), (2, 1, 0)):
        assert np.all(
            np.abs(tensor - tensor.transpose(axes)) <= 100 * U * np.maximum(size, np.abs(tensor))
        )
    unit = deviation[:, None] * deviation
    value, allowed = slope(
        lambda t: family.fisher(theta + t * v), 0.01, np.maximum(unit, np.abs(family.fisher(theta)))
    )
    length = np.sqrt(v @ family.fisher(theta) @ v)
    assert np.all(
        allowed <= 0.05 * length * unit + 1e-10 * np.max(np.abs(family.fisher(theta)) / unit) * unit
    )
    # Families without a closed form differentiate by extrapolation: 1e-10 of the size of the terms.
    assert np.all(np.abs(value - tensor @ v) <= allowed + 1e-10 * size @ np.abs(v))


@every_family
@few
@given(weights, directions)
def test_fisher_and_its_inverse(
    family: ExponentialFamily, w: np.ndarray, rng: np.random.Generator
) -> None:
    """(E4), (E7), (E8): F is symmetric and positive definite, F⁻¹ its inverse, and the natural
    gradient of ⟨c, μ⟩ is c.
    """
    theta, _ = members(family, w)
    fisher, inverse, deviation = (
        family.fisher(theta),
        family.inverse_fisher(theta),
        scales(family, theta),
    )
    np.testing.assert_array_equal(fisher, family.fisher(theta, chart="natural"))
    np.testing.assert_array_equal(inverse, family.fisher(theta, chart="mean"))
    unit = deviation[:, None] * deviation
    assert np.all(np.abs(fisher - fisher.T) <= 16 * U * unit)
    values = np.linalg.eigvalsh(fisher / unit)
    assert values[0] > 0
    condition = values[-1] / values[0]
    b = family.number
    assert np.all(np.abs((fisher / unit) @ (inverse * unit) - np.eye(b)) <= 40 * U * b * condition)
    c = rng.standard_normal(b) / deviation
    natural = family.natural_gradient(theta, fisher @ c)
    assert np.all(np.abs(natural - c) * deviation <= 40 * U * b * condition)


@every_family
@few
@given(weights, directions, st.sampled_from([1e-3, 1e-6, 1e-9]))
def test_divergence(
    family: ExponentialFamily, w: np.ndarray, rng: np.random.Generator, size: float
) -> None:
    """(E5): the Bregman divergence of A.

    Zero at itself, positive elsewhere, and ½ δᵀFδ for small δ.
    """
    theta, other = members(family, w)
    terms = np.asarray(
        [
            family.log_partition(other),
            -family.log_partition(theta),
            *(-(other - theta) * family.mean(theta)),
        ]
    )
    divergence = family.kl(theta, other)
    assert abs(divergence - terms.sum()) <= 32 * U * (
        1 + np.abs(terms).sum() + np.abs(theta) @ np.abs(family.mean(theta))
    )
    assert family.kl(theta, theta) == 0
    assert divergence >= 0
    assert family.cross_entropy(theta, other) == family.entropy(theta) + divergence
    near = theta + size * along(family, theta, rng)
    difference = near - theta  # what is left of the step after rounding
    half = 0.5 * difference @ family.fisher(theta) @ difference
    # Third cumulants over F^{3/2} are of order one to ten; the direction is 0.1 long. Roundings: of
    # F, and of δ inside the divergence.
    assert abs(family.kl(theta, near) - half) <= (5 * size + 1e-13) * half + 1e-300


@every_family
@few
@given(weights)
def test_legendre_transform(family: ExponentialFamily, w: np.ndarray) -> None:
    """(E6): ∇A* inverts ∇A up to the roundings of μ times its condition number; A + A* = ⟨θ, μ⟩."""
    theta, _ = members(family, w)
    mu, deviation = family.mean(theta), scales(family, theta)
    sensitivity = np.abs(family.inverse_fisher(theta)) @ (np.abs(mu) + deviation * 0.0)
    error = np.abs(family.natural_from_mean(mu) - theta)
    assert np.all(error <= 20 * U * (np.abs(theta) + 1 / deviation) + 20 * U * sensitivity)
    terms = np.asarray([family.log_partition(theta), family.conjugate(mu), *(-theta * mu)])
    # A* moves by ⟨θ, δμ⟩ when μ does.
    assert abs(terms.sum()) <= 40 * U * (1 + np.abs(terms).sum())


@every_family
@few
@given(weights, directions)
def test_density_and_statistics(
    family: ExponentialFamily, w: np.ndarray, rng: np.random.Generator
) -> None:
    """(E1): log q = log h + ⟨θ, f⟩ − A at draws, and the Jacobian of f by differences where there
    is one.
    """
    theta, _ = members(family, w)
    x = family.sample(theta, 5, rng)
    f = family.statistics(x)
    base, log_partition = family.log_base_measure(x), family.log_partition(theta)
    terms = np.abs(base) + np.abs(f) @ np.abs(theta) + np.abs(log_partition) + 1
    assert np.all(
        np.abs(family.log_prob(theta, x) - (base + f @ theta - log_partition)) <= 40 * U * terms
    )
    try:
        jacobian = family.statistics_jacobian(x)
    except DomainError:
        return  # a discrete family
    xp = array_namespace(x=x)
    lower, upper = family.bounds
    reach = np.minimum.reduce([np.abs(x), np.ones_like(x), x - lower, upper - x])
    for axis in range(family.dim):
        step = np.eye(family.dim)[axis] * 1e-3 * reach

        def change(t: float, step: np.ndarray = step) -> np.ndarray:
            return family._statistics(xp, x + t * step)

        value, allowed = slope(change, 1.0, np.abs(f) + 1)
        # A statistic with a kink, |x − l|, has no difference quotient across it, where its slope
        # changes by more than its size.
        ahead, behind = (
            family._statistics_jacobian(xp, x + sign * 2 * step)[:, axis, :] for sign in (1, -1)
        )
        smooth = np.abs(ahead - behind) <= np.abs(jacobian[:, axis, :])
        assert np.all(
            (np.abs(value - jacobian[:, axis, :] * step[:, axis, None]) <= allowed) | ~smooth
        )


@every_family
@few
@given(weights, directions)
def test_classical_parameters(
    family: ExponentialFamily, w: np.ndarray, rng: np.random.Generator
) -> None:
    """Both ways, and the length of a curve in the classical chart of (E4) is that in the natural
    one.
    """
    theta, _ = members(family, w)
    classical = family.classical(theta)
    assert set(classical) == {parameter.name for parameter in family.parameters}
    back, deviation = family.natural(**classical), scales(family, theta)
    metric = family.fisher(theta, chart="classical")
    v = along(family, theta, rng)

    def entries(t: float) -> np.ndarray:
        return np.concatenate(
            [np.ravel(value) for value in family.classical(theta + t * v).values()]
        )

    velocity, allowed = slope(entries, 0.01, np.abs(entries(0.0)) + np.abs(entries(0.01)))
    length = v @ family.fisher(theta) @ v
    defect = 2 * np.abs(velocity) @ np.abs(metric) @ allowed + allowed @ np.abs(metric) @ allowed
    assert defect <= 0.05 * length + 1e-6 * np.abs(velocity) @ np.abs(metric) @ np.abs(velocity)
    assert abs(velocity @ metric @ velocity - length) <= defect + 1e-12 * np.abs(velocity) @ np.abs(
        metric
    ) @ np.abs(velocity)
    sensitivity = np.abs(family._natural_jacobian(array_namespace(x=theta), theta)) @ np.abs(
        entries(0.0)
    )
    assert np.all(np.abs(back - theta) <= 16 * U * (np.abs(theta) + sensitivity + 1 / deviation))


@every_family
@few
@given(weights, st.floats(0.0, 1.0))
def test_geodesics(family: ExponentialFamily, w: np.ndarray, t: float) -> None:
    """Each is straight in its own chart, and both end at their ends."""
    theta, other = members(family, w)
    e, m = (
        family.e_geodesic(theta, other, t),
        family.m_geodesic(theta, other, t),
    )
    assert np.all(
        np.abs(e - ((1 - t) * theta + t * other)) <= 4 * U * (np.abs(theta) + np.abs(other))
    )
    means = family.mean(theta), family.mean(other)
    spread = scales(family, m)
    expected = (1 - t) * means[0] + t * means[1]
    moved = np.abs(family.fisher(m)) @ np.abs(m) * U  # a rounding of θ moves μ by that much
    assert np.all(
        np.abs(family.mean(m) - expected)
        <= 40 * U * (np.abs(means[0]) + np.abs(means[1]) + spread) + 40 * moved
    )


@every_family
@few
@given(weights, directions)
def test_pythagoras(family: ExponentialFamily, w: np.ndarray, rng: np.random.Generator) -> None:
    """KL(p‖r) = KL(p‖q) + KL(q‖r) for the m-projection q of p onto an e-flat sub-family with the
    member r, and it is the nearest.
    """
    p, r = members(family, w)
    basis = (
        rng.standard_normal((family.number, max(1, family.number // 2))).T / scales(family, r)
    ).T
    found = family.m_projection(p, r, basis)
    q = found.theta
    one, two, whole = family.kl(p, q), family.kl(q, r), family.kl(p, r)
    # q is off by the last decrement, in standard deviations: the divergences move by that times √(2
    # KL) each.
    slack = float(found.decrement) * 4 * np.sqrt(whole) + 1e-11 * (1 + whole)
    assert abs(whole - one - two) <= slack
    assert found.decrement <= 1e-7
    again = family.e_projection(r, basis, family.mean(p) @ basis)
    np.testing.assert_allclose(again.theta, q, rtol=0, atol=1e-6 * np.max(1 / scales(family, q)))


@every_family
@few
@given(weights, directions)
def test_fisher_rao_distance(
    family: ExponentialFamily, w: np.ndarray, rng: np.random.Generator
) -> None:
    """Where it is closed: symmetric, zero at itself, the Fisher length of short steps, and at most
    the length of any curve.
    """
    theta, other = members(family, w)
    try:
        distance = family.fisher_rao_distance(theta, other)
    except OptionError:
        return
    assert family.fisher_rao_distance(theta, theta) == 0
    assert abs(distance - family.fisher_rao_distance(other, theta)) <= 40 * U * (1 + distance)
    near = theta + 1e-6 * along(family, theta, rng)
    short = np.sqrt((near - theta) @ family.fisher(theta) @ (near - theta))
    assert abs(family.fisher_rao_distance(theta, near) - short) <= 1e-5 * short
    path = family.m_geodesic(theta, other, np.linspace(0.0, 1.0, 33))
    steps = family.fisher_rao_distance(path[:-1], path[1:])
    assert distance <= steps.sum() * (1 + 1e-9) + 1e-12


@every_family
@few
@given(
    weights,
    st.sampled_from(
        ["log_partition", "mean", "natural_from_mean", "conjugate", "fisher", "inverse_fisher"]
    ),
)
def test_sensitivities(family: ExponentialFamily, w: np.ndarray, operation: str) -> None:
    """Σ_j |a_j ∂G/∂a_j| of with_error bounds what a change of the argument by 1e-6 relative does,
    and is reached to 30 % by some signs.
    """
    theta, _ = members(family, w)
    argument = family.mean(theta) if operation in ("natural_from_mean", "conjugate") else theta
    found = family.with_error(operation, argument)
    assert np.all(found.error >= 0)
    if np.max(found.sensitivity / (1 + np.abs(found.value))) > 1e4:
        return  # a relative change of 1e-6 would not be small
    changes = []
    for signs in np.stack(np.meshgrid(*[[-1.0, 1.0]] * min(family.number, 4)), axis=-1).reshape(
        -1, min(family.number, 4)
    ):
        moved = argument * (1 + 1e-6 * np.resize(signs, family.number))
        changes.append(np.abs(getattr(family, operation)(moved) - found.value) / 1e-6)
    floor = 1e-2 * (found.sensitivity + np.max(found.sensitivity)) + 1e-7
    assert np.all(np.max(changes, axis=0) <= found.sensitivity + floor)
    if family.number <= 4:
        assert np.all(np.max(changes, axis=0) >= 0.7 * found.sensitivity - floor)


@every_family
def test_draws_have_the_moments(family: ExponentialFamily) -> None:
    """Mean statistics in units of F (a χ² of b degrees) and mean surprise against the entropy, at
    a chance of 1e-9 each.
    """
    size = 4000
    for theta in family.natural(**family.example_parameters())[:3]:
        x = family.sample(theta, size, np.random.default_rng(20))
        f = family.statistics(x)
        deviation = scales(family, theta)
        gap = (f.mean(axis=0) - family.mean(theta)) / deviation
        assert (
            size * gap @ np.linalg.solve(family.fisher(theta) / deviation[:, None] / deviation, gap)
            < family.number + 12 * np.sqrt(2 * family.number) + 40
        )
        surprise = -family.log_prob(theta, x)
        assert (
            abs(surprise.mean() - family.entropy(theta))
            < 6.5 * surprise.std() / np.sqrt(size) + 1e-12
        )


@every_family
def test_fit_matches_the_moments(family: ExponentialFamily) -> None:
    """(E9) is stationary: μ(θ̂) is the mean of the statistics, weighted or not."""
    theta = family.natural(**family.example_parameters())[0]
    x = family.sample(theta, 60, np.random.default_rng(21))
    w = np.linspace(1.0, 2.0, 60)
    for weights_ in (None, w / w.sum()):
        moments = (
            np.full(60, 1 / 60) @ family.statistics(x)
            if weights_ is None
            else weights_ @ family.statistics(x)
        )
        fitted = family.fit(x, weights_)
        moved = np.abs(family.fisher(fitted)) @ np.abs(fitted)
        assert np.all(
            np.abs(family.mean(fitted) - moments)
            <= 100 * U * (np.abs(moments) + moved + scales(family, fitted))
        )


def operations(family: ExponentialFamily, theta, points) -> dict:
    """Every operation on two members, and on draws (2, n, d) from them."""
    mu, other = family.mean(theta), theta * 1.0625
    xp = array_namespace(theta=theta)
    results = {
        "mean": mu,
        "natural_from_mean": family.natural_from_mean(mu),
        "log_partition": family.log_partition(theta),
        "conjugate": family.conjugate(mu),
        "fisher": family.fisher(theta),
        "inverse_fisher": family.inverse_fisher(theta),
        "classical fisher": family.fisher(theta, chart="classical"),
        "fisher_vector_product": family.fisher_vector_product(theta, mu),
        "third_cumulant": family.third_cumulant(theta),
        "natural_gradient": family.natural_gradient(theta, mu),
        "kl": family.kl(theta, other),
        "cross_entropy": family.cross_entropy(theta, other),
        "entropy": family.entropy(theta),
        "statistics": family.statistics(points),
        "log_base_measure": family.log_base_measure(points),
        "log_prob": family.log_prob(theta[:, None, :], points),
        "fit": family.fit(xp.reshape(points, (-1, family.dim))),
        "m_geodesic": family.m_geodesic(theta, other, 0.25),
    }
    return results | {f"classical {name}": value for name, value in family.classical(theta).items()}


def two_members(family: ExponentialFamily, dtype: str) -> dict[str, np.ndarray]:
    return {
        name: np.asarray(value[:2], dtype=dtype)
        for name, value in family.example_parameters().items()
    }


@every_family
def test_strict_arrays(family: ExponentialFamily) -> None:
    """The array standard alone, on a device that rejects silent transfers, agrees with NumPy."""
    xp, place = array_api_strict, array_api_strict.Device("device1")
    host = two_members(family, "float64")
    theta = family.natural(
        **{name: xp.asarray(value, dtype=xp.float64, device=place) for name, value in host.items()}
    )
    draws = family.sample(theta, 12, np.random.default_rng(22))
    expected = operations(family, family.natural(**host), to_host(draws))
    for name, value in operations(family, theta, draws).items():
        assert device(value) == place, name
        assert value.dtype == xp.float64, name
        # Two libraries' elementary functions differ by a unit or two, which the condition numbers
        # of these ordinary members magnify.
        size = np.max(np.abs(expected[name])) + 1
        np.testing.assert_allclose(
            to_host(value), expected[name], rtol=0, atol=1e5 * U * size, err_msg=name
        )


@every_family
def test_single_precision(family: ExponentialFamily) -> None:
    """Float32 in, float32 out, and close to what float64 says of the same float32 parameters."""
    theta = family.natural(**two_members(family, "float32"))
    draws = family.sample(theta, 12, np.random.default_rng(22))
    found = operations(family, theta, draws)
    # The mean parameters and the neighbour are rounded to float32, as are the points.
    expected = operations(family, theta.astype(np.float64), draws.astype(np.float64))
    for name, value in found.items():
        assert value.dtype == np.float32, name
        size = np.max(np.abs(expected[name])) + 1
        # Third cumulants without a closed form are differences with two or three digits of float32.
        allowed = 1e-1 if name == "third_cumulant" else 1e4 * 2.0**-24
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=allowed * size, err_msg=name)


class Faulty(type(ir.families.Gamma())):
    """A Gamma family of which one formula is off by a factor."""

    fault = ""

    def __getattribute__(self, name: str):
        value = super().__getattribute__(name)
        if name != object.__getattribute__(self, "fault"):
            return value
        return lambda *args, **kwargs: 1.000001 * value(*args, **kwargs)


LAWS_THAT_CATCH = {
    "_log_partition": test_mean_is_the_gradient_of_the_log_partition,
    "_mean": test_fisher_is_the_slope_of_the_mean,
    "_fisher": test_fisher_and_its_inverse,
    "_inverse_fisher": test_fisher_and_its_inverse,
    "_natural_gradient": test_fisher_and_its_inverse,
    "_third_cumulant": test_third_cumulant_is_the_slope_of_fisher,
    "_kl": test_divergence,
    "_conjugate": test_legendre_transform,
    "_natural_from_mean": test_legendre_transform,
    "_statistics_jacobian": test_density_and_statistics,
    "_log_base_measure": test_density_and_statistics,
    "_log_prob": test_density_and_statistics,
    "_classical_fisher": test_classical_parameters,
    "_mixture": test_geodesics,
}


@pytest.mark.parametrize("fault", LAWS_THAT_CATCH)
def test_laws_catch_an_error_of_one_in_a_million(fault: str) -> None:
    law, family = LAWS_THAT_CATCH[fault].hypothesis.inner_test, Faulty()
    arguments = {
        "family": family,
        "w": np.linspace(0.1, 1.0, 8),
        "rng": np.random.default_rng(5),
        "size": 1e-6,
        "t": 0.3,
    }
    own = {
        name: value
        for name, value in arguments.items()
        if name in law.__code__.co_varnames[: law.__code__.co_argcount]
    }
    law(**own)
    object.__setattr__(family, "fault", fault)
    with pytest.raises(AssertionError):
        law(**{**own, "rng": np.random.default_rng(5)} if "rng" in own else own)
