"""What a caller learns from a wrong argument, and that arguments stay as they were."""

import numpy as np
import pytest

from ingd_ref.errors import BackendError, DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.families import ExponentialFamily, Gamma, Gaussian
from tests.families.members import CASES, IDS, Case

GAMMA, GAUSSIAN = Gamma(), Gaussian()


def test_classical_parameters_outside_their_constraints() -> None:
    with pytest.raises(DomainError, match=r"^rate must be positive, got -1\.$"):
        GAMMA.natural(shape=1.0, rate=-1.0)
    with pytest.raises(
        DomainError, match=r"^shape must be positive, got 0\. at batch index \(1, 2\)$"
    ):
        GAMMA.natural(shape=[[1.0, 2.0, 3.0], [4.0, 5.0, 0.0]], rate=1.0)
    with pytest.raises(DomainError, match=r"^variance must be positive, got 0\.$"):
        GAUSSIAN.natural(mean=0.0, variance=0.0)
    with pytest.raises(NonFiniteError, match=r"^mean must be finite, got inf"):
        GAUSSIAN.natural(mean=np.inf, variance=1.0)


def test_classical_parameters_that_are_none() -> None:
    with pytest.raises(OptionError, match=r"^Gamma takes the parameters shape, rate, got shape$"):
        GAMMA.natural(shape=1.0)
    with pytest.raises(
        OptionError, match=r"^Gamma takes the parameters shape, rate, got shape, rate, scale$"
    ):
        GAMMA.natural(shape=1.0, rate=1.0, scale=1.0)
    with pytest.raises(OptionError, match="got none"):
        GAMMA.natural()
    with pytest.raises(DomainError, match=r"^rate must be a number, got 'fast'$"):
        GAMMA.natural(shape=1.0, rate="fast")
    with pytest.raises(BackendError, match="must hold real numbers"):
        GAMMA.natural(shape=np.asarray([1.0 + 1.0j]), rate=1.0)
    with pytest.raises(ShapeError, match=r"do not broadcast: mean \(2,\), variance \(3,\)"):
        GAUSSIAN.natural(mean=np.zeros(2), variance=np.ones(3))


def test_natural_parameters_outside_their_space() -> None:
    theta = np.asarray([[1.0, -1.0], [2.0, -1.0], [3.0, 0.5]])
    message = (
        r"theta lies outside the natural parameter space of Gamma: rate = "
        r"-theta\[1\] > 0 fails at batch index \(2,\), where theta = "
    )
    for method in ("mean", "classical", "log_partition", "fisher", "inverse_fisher", "entropy"):
        with pytest.raises(DomainError, match=message + r"\[3\. , 0\.5\]"):
            getattr(GAMMA, method)(theta)
    with pytest.raises(DomainError, match="theta1 lies outside"):
        GAMMA.kl(theta, theta[:2])
    with pytest.raises(DomainError, match=r"theta2 lies .* rate .* index \(0, 2\)"):
        GAMMA.kl(theta[0], theta[None])
    with pytest.raises(
        DomainError, match=r"shape = theta\[0\] > 0 fails, where theta = \[ 0\., -1\.\]"
    ):
        GAMMA.mean(np.asarray([0.0, -1.0]))
    with pytest.raises(DomainError, match=r"variance = -1/\(2 theta\[1\]\) > 0 fails"):
        GAUSSIAN.mean(np.asarray([0.0, 0.0]))
    assert np.array_equal(GAMMA.contains(theta), [True, True, False])
    assert not GAMMA.contains(np.asarray([0.0, -1.0]))


def test_mean_parameters_that_no_member_has() -> None:
    with pytest.raises(
        DomainError,
        match=r"mean parameter space of Gaussian: variance = mu\[1\] - mu\[0\]\*\*2 > "
        r"0 fails at batch index \(1,\)",
    ):
        GAUSSIAN.natural_from_mean(np.asarray([[0.0, 1.0], [2.0, 4.0]]))
    with pytest.raises(DomainError, match=r"mu\[1\] > 0 fails, where mu = \[ 0\., -1\.\]"):
        GAMMA.natural_from_mean(np.asarray([0.0, -1.0]))
    with pytest.raises(DomainError, match=r"log\(mu\[1\]\) - mu\[0\] > 0 fails"):
        GAMMA.conjugate(np.asarray([0.0, 1.0]))


def test_points_outside_the_support() -> None:
    x = np.asarray([[1.0], [0.0], [-2.0]])
    theta = GAMMA.natural(shape=1.0, rate=1.0)
    for call in (
        GAMMA.statistics,
        GAMMA.statistics_jacobian,
        GAMMA.log_base_measure,
        GAMMA.fit,
        lambda points: GAMMA.log_prob(theta, points),
    ):
        with pytest.raises(
            DomainError,
            match=r"x lies outside the support of Gamma: x > 0 fails at batch index "
            r"\(1,\), where x = \[0\.\]",
        ):
            call(x)


@pytest.mark.parametrize("family", [GAMMA, GAUSSIAN], ids=IDS)
def test_shapes_and_numbers(family: ExponentialFamily) -> None:
    first, second = (parameter.name for parameter in family.parameters)
    theta = family.natural(**{first: 1.0, second: 1.0})
    with pytest.raises(ShapeError, match=r"theta must have shape \(\.\.\., 2\), got \(3,\)"):
        family.mean(np.ones(3))
    with pytest.raises(
        ShapeError,
        match=r"x must have shape \(\.\.\., 1\), got \(5,\); for one-dimensional "
        r"points pass x\[:, None\]",
    ):
        family.statistics(np.ones(5))
    with pytest.raises(ShapeError, match=r"theta \(3, 2\) and grad \(2, 2\) do not broadcast"):
        family.natural_gradient(np.stack([theta] * 3), np.ones((2, 2)))
    with pytest.raises(ShapeError, match=r"theta1 .* theta2 .* do not broadcast"):
        family.kl(np.stack([theta] * 3), np.stack([theta] * 2))
    with pytest.raises(ShapeError, match=r"theta .* x .* do not broadcast"):
        family.log_prob(np.stack([theta] * 3), np.ones((5, 1)))
    with pytest.raises(
        ShapeError, match=r"x must have shape \(\.\.\., n, 1\) with n ≥ 1, got \(0, 1\)"
    ):
        family.fit(np.ones((0, 1)))
    with pytest.raises(
        NonFiniteError,
        match=r"theta holds 1 value\(s\) that are NaN or infinite, the first at index \(1,\)",
    ):
        family.mean(np.asarray([1.0, np.nan]))
    with pytest.raises(NonFiniteError, match="grad holds 2"):
        family.natural_gradient(theta, np.asarray([np.inf, np.nan]))


@pytest.mark.parametrize("family", [GAMMA, GAUSSIAN], ids=IDS)
def test_samples_that_determine_no_member(family: ExponentialFamily) -> None:
    with pytest.raises(DomainError, match=f"x determines no {family.name}: coordinate 0 is 2 in"):
        family.fit(np.full((4, 1), 2.0))
    with pytest.raises(DomainError, match="weights must sum to 1"):
        family.fit(np.asarray([[1.0], [2.0]]), np.ones(2))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_arguments_are_never_changed_nor_shared(case: Case) -> None:
    """Read-only and strided arguments work, and no result shares memory with them."""
    family = case.family
    storage = np.zeros((6, 4))
    storage[::2, ::3] = family.natural(
        **{parameter.name: [1.0, 2.0, 3.0] for parameter in family.parameters}
    )
    theta = storage[::2, ::3]
    theta.flags.writeable = False
    x = np.asarray([[1.0], [2.0], [4.0]])
    x.flags.writeable = False
    given = [np.asarray([1.0, 2.0]), np.asarray([2.0, 4.0])]
    mu, grad = family.mean(theta), np.ones((3, 2))
    arguments = (theta, x, mu, grad, storage, *given)
    before = [argument.copy() for argument in arguments]
    results = [
        family.natural(
            **{
                parameter.name: value
                for parameter, value in zip(family.parameters, given, strict=True)
            }
        ),
        *family.classical(theta).values(),
        family.mean(theta),
        family.natural_from_mean(mu),
        family.natural_gradient(theta, grad),
        family.kl(theta, theta),
        family.statistics(x),
        family.statistics_jacobian(x),
        family.log_base_measure(x),
        family.log_prob(theta, x),
        family.fit(x),
    ]
    for argument, copy in zip(arguments, before, strict=True):
        assert np.array_equal(argument, copy)
        assert not any(np.shares_memory(argument, result) for result in results)


def test_families_are_values() -> None:
    assert Gamma() == Gamma()
    assert Gamma() != Gaussian()
    assert repr(Gamma()) == "Gamma()"
    assert hash(Gamma()) == hash(Gamma())
    assert [(f.name, f.dim, f.number) for f in (GAMMA, GAUSSIAN)] == [
        ("Gamma", 1, 2),
        ("Gaussian", 1, 2),
    ]
