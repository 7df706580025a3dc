"""The base carries families of other kinds.

Vectors, a dimension in the constructor, discrete sets, two-sided intervals.

Three small families, written here as a user would write them, lean on the formulas that the base
derives from others.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.families import POSITIVE, ExponentialFamily, Parameter

U = 2.0**-53


@dataclass(frozen=True)
class UnitGaussian(ExponentialFamily):
    """N(m, I) in ``dimension`` dimensions.

    f = x, θ = μ = m, A = ½‖θ‖², so that several formulas are the identity.
    """

    dimension: int
    name = "UnitGaussian"

    @property
    def dim(self):
        return self.dimension

    @property
    def number(self):
        return self.dimension

    @property
    def parameters(self):
        return (Parameter("mean", shape=(self.dimension,)),)

    def _natural(self, xp, mean):
        return mean

    def _classical(self, xp, theta):
        return {"mean": theta}

    def _domain(self, xp, theta):
        return {}

    def _mean_domain(self, xp, mu):
        return {}

    def _statistics(self, xp, x):
        return x

    def _statistics_jacobian(self, xp, x):
        return xp.broadcast_to(xp.eye(self.dimension, dtype=x.dtype), (*x.shape, self.dimension))

    def _log_base_measure(self, xp, x):
        return -0.5 * (xp.sum(x * x, axis=-1) + self.dimension * math.log(2 * math.pi))

    def _log_partition(self, xp, theta):
        return 0.5 * xp.sum(theta * theta, axis=-1)

    def _mean(self, xp, theta):
        return theta

    def _natural_from_mean(self, xp, mu):
        return mu

    def _fisher(self, xp, theta):
        return xp.broadcast_to(
            xp.eye(self.dimension, dtype=theta.dtype), (*theta.shape, self.dimension)
        )

    def _kl(self, xp, theta1, theta2):
        return 0.5 * xp.sum((theta1 - theta2) ** 2, axis=-1)

    def _entropy(self, xp, theta):
        return xp.full_like(theta[..., 0], 0.5 * self.dimension * math.log(2 * math.pi * math.e))

    def _draw(self, rng, size, mean):
        return mean + rng.standard_normal((*size, self.dimension))


@dataclass(frozen=True)
class Poisson(ExponentialFamily):
    """Poisson on 0, 1, 2, …: f = x, θ = log λ, A = λ, h = 1/x!."""

    name = "Poisson"
    dim = 1
    number = 1
    parameters = (Parameter("rate", POSITIVE),)

    def _natural(self, xp, rate):
        return xp.log(rate)[..., None]

    def _classical(self, xp, theta):
        return {"rate": xp.exp(theta[..., 0])}

    def _domain(self, xp, theta):
        return {}

    def _mean_domain(self, xp, mu):
        return {"mean = mu[0] > 0": mu[..., 0] > 0}

    def _support(self, xp, x):
        return {"x = 0, 1, 2, ...": xp.all((x >= 0) & (x == xp.floor(x)), axis=-1)}

    def _statistics(self, xp, x):
        return x

    def _log_base_measure(self, xp, x):
        return -np.vectorize(math.lgamma)(x[..., 0] + 1)

    def _log_partition(self, xp, theta):
        return xp.exp(theta[..., 0])

    def _mean(self, xp, theta):
        return xp.exp(theta)

    def _natural_from_mean(self, xp, mu):
        return xp.log(mu)

    def _fisher(self, xp, theta):
        return xp.exp(theta)[..., None]

    def _kl(self, xp, theta1, theta2):
        return xp.exp(theta1[..., 0]) * (
            xp.expm1(theta2[..., 0] - theta1[..., 0]) - (theta2[..., 0] - theta1[..., 0])
        )

    def _entropy(self, xp, theta):
        counts = np.arange(100.0)
        log_prob = counts * theta - xp.exp(theta) + self._log_base_measure(xp, counts[:, None])
        return -np.sum(np.exp(log_prob) * log_prob, axis=-1)

    def _draw(self, rng, size, rate):
        return rng.poisson(rate, size)[..., None]


@dataclass(frozen=True)
class PowerLaw(ExponentialFamily):
    """Density αxᵅ⁻¹ on (0, 1): f = log x, θ = α, A = −log α, h = 1/x; draws crowd at either end."""

    name = "PowerLaw"
    dim = 1
    number = 1
    parameters = (Parameter("power", POSITIVE),)
    bounds = (0.0, 1.0)

    def _natural(self, xp, power):
        return power[..., None]

    def _classical(self, xp, theta):
        return {"power": theta[..., 0]}

    def _domain(self, xp, theta):
        return {"power = theta[0] > 0": theta[..., 0] > 0}

    def _mean_domain(self, xp, mu):
        return {"mu[0] < 0": mu[..., 0] < 0}

    def _statistics(self, xp, x):
        return xp.log(x)

    def _log_base_measure(self, xp, x):
        return -xp.log(x[..., 0])

    def _log_partition(self, xp, theta):
        return -xp.log(theta[..., 0])

    def _mean(self, xp, theta):
        return -1 / theta

    def _natural_from_mean(self, xp, mu):
        return -1 / mu

    def _fisher(self, xp, theta):
        return (1 / theta**2)[..., None]

    def _kl(self, xp, theta1, theta2):
        excess = ((theta2 - theta1) / theta1)[..., 0]
        return excess - xp.log1p(excess)

    def _entropy(self, xp, theta):
        return 1 - 1 / theta[..., 0] - xp.log(theta[..., 0])

    def _draw(self, rng, size, power):
        return (rng.random(size) ** (1 / power))[..., None]


def test_a_family_of_vectors() -> None:
    family = UnitGaussian(3)
    theta = family.natural(mean=np.asarray([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]))
    assert theta.shape == (2, 3)
    x = family.sample(theta, 50_000, np.random.default_rng(1))
    assert x.shape == (2, 50_000, 3)
    # 6 standard errors of a mean over 50 000 points: a chance of 1e-8 for all six means.
    assert np.max(np.abs(family.fit(x) - theta)) < 6 / math.sqrt(50_000)
    assert family.statistics_jacobian(x[0]).shape == (50_000, 3, 3)
    grad = np.asarray([0.5, -1.0, 2.0])
    np.testing.assert_array_equal(family.natural_gradient(theta, grad), np.stack([grad, grad]))
    np.testing.assert_array_equal(family.inverse_fisher(theta), np.stack([np.eye(3)] * 2))
    # −½‖x − m‖² − (3/2) log 2π, formed by the base from terms below 20: a few roundings of those.
    expected = -0.5 * np.sum((x[:, :9] - theta[:, None]) ** 2, axis=-1) - 1.5 * math.log(
        2 * math.pi
    )
    np.testing.assert_allclose(
        family.log_prob(theta[:, None], x[:, :9]), expected, rtol=0, atol=200 * U
    )
    np.testing.assert_array_equal(family.conjugate(theta), family.log_partition(theta))


def test_identities_hand_out_copies() -> None:
    """Where a formula is the identity, the result is still a copy."""
    family = UnitGaussian(2)
    theta = np.asarray([1.0, 2.0])
    for result in (
        family.natural(mean=theta),
        family.classical(theta)["mean"],
        family.mean(theta),
        family.natural_from_mean(theta),
        family.statistics(theta),
    ):
        np.testing.assert_array_equal(result, theta)
        assert not np.shares_memory(result, theta)
        result[0] = 7.0
    np.testing.assert_array_equal(theta, [1.0, 2.0])


def test_vector_parameters_are_checked() -> None:
    with pytest.raises(ShapeError, match=r"mean must have shape \(\.\.\., 3\), got \(4, 2\)"):
        UnitGaussian(3).natural(mean=np.zeros((4, 2)))
    with pytest.raises(ShapeError, match=r"mean must have shape \(\.\.\., 3\), got \(\)"):
        UnitGaussian(3).natural(mean=1.0)
    with pytest.raises(ShapeError, match=r"x must have shape \(\.\.\., 3\), got \(5, 2\)"):
        UnitGaussian(3).statistics(np.zeros((5, 2)))


def test_a_discrete_family() -> None:
    family = Poisson()
    theta = family.natural(rate=[0.5, 4.0])
    x = family.sample(theta, 20_000, np.random.default_rng(2))
    assert x.dtype == np.float64
    # Rate λ and standard error √(λ/n): 6 of them, a chance of 4e-9.
    assert np.all(
        np.abs(family.classical(family.fit(x))["rate"] - [0.5, 4.0])
        < 6 * np.sqrt(np.asarray([0.5, 4.0]) / 20_000)
    )
    counts = np.arange(100)[:, None]
    # Probabilities of all counts sum to one; each logarithm is below 400 and rounds accordingly.
    np.testing.assert_allclose(
        np.sum(np.exp(family.log_prob(theta[0], counts))), 1.0, rtol=0, atol=400 * U
    )
    # A* = μ log μ − μ, by the base from ⟨θ, μ⟩ − A.
    np.testing.assert_allclose(
        family.conjugate(np.asarray([[0.5], [4.0]])),
        [0.5 * math.log(0.5) - 0.5, 4 * math.log(4) - 4],
        rtol=8 * U,
    )
    np.testing.assert_allclose(
        family.natural_gradient(theta, np.ones((2, 1))), [[2.0], [0.25]], rtol=8 * U
    )
    np.testing.assert_allclose(family.inverse_fisher(theta)[:, 0, 0], [2.0, 0.25], rtol=8 * U)
    with pytest.raises(
        DomainError, match="Poisson lives on a discrete set, where its statistics have no Jacobian"
    ):
        family.statistics_jacobian(counts)
    with pytest.raises(
        DomainError, match=r"x = 0, 1, 2, \.\.\. fails at batch index \(1,\), where x = \[0\.5\]"
    ):
        family.statistics(np.asarray([[1.0], [0.5]]))
    with pytest.raises(DomainError, match=r"x determines no Poisson: mean = mu\[0\] > 0 fails"):
        family.fit(np.zeros((5, 1)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_draws_stay_inside_an_interval(dtype: type) -> None:
    family = PowerLaw()
    theta = family.natural(power=np.asarray([1e-4, 1e18], dtype=dtype))
    x = family.sample(theta, 1000, np.random.default_rng(3))
    assert np.min(x) == np.finfo(dtype).smallest_normal
    assert np.max(x) == np.nextafter(dtype(1), dtype(0))
    assert np.all(family.statistics(x) < 0)
    with pytest.raises(DomainError, match=r"x < 1 fails at batch index \(0,\)"):
        family.statistics(np.asarray([[1.0]]))
    with pytest.raises(DomainError, match="x > 0 fails"):
        family.statistics(np.asarray([[0.0]]))


def test_a_family_must_be_complete() -> None:
    with pytest.raises(TypeError, match="abstract"):
        type("Nameless", (ExponentialFamily,), {})()
