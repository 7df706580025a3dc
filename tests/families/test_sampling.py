"""Draws against exact moments and distribution functions, with seeds fixed and the chance of a
false alarm stated.
"""

import numpy as np
import pytest
from scipy import stats

from ingd_ref.errors import DomainError, OptionError
from ingd_ref.families import ExponentialFamily, Gamma, Gaussian

SIZE = 20_000
MEMBERS = [
    (Gaussian(), {"mean": 0.0, "variance": 1.0}),
    (Gaussian(), {"mean": -3.0, "variance": 0.01}),
    (Gamma(), {"shape": 0.2, "rate": 5.0}),
    (Gamma(), {"shape": 2.0, "rate": 3.0}),
    (Gamma(), {"shape": 500.0, "rate": 0.1}),
]
# All tests of this file make fewer than 100 comparisons; 1e-8 each leaves a chance below 1e-6 that
# a correct sampler fails for a new seed.
FALSE_ALARM = 1e-8
Z_LIMIT = stats.norm.isf(FALSE_ALARM / 2)


@pytest.mark.parametrize(("family", "classical"), MEMBERS)
@pytest.mark.parametrize("seed", [1, 2])
def test_moments_of_the_statistics(
    family: ExponentialFamily, classical: dict[str, float], seed: int
) -> None:
    """Sample means of f against μ(θ) in standard errors √(F_ii/n).

    Exact moments, so the z-score is standard normal to O(1/√n).
    """
    theta = family.natural(**classical)
    f = family.statistics(family.sample(theta, SIZE, np.random.default_rng(seed)))
    z = (np.mean(f, axis=0) - family.mean(theta)) / np.sqrt(np.diag(family.fisher(theta)) / SIZE)
    assert np.all(np.abs(z) < Z_LIMIT)


@pytest.mark.parametrize(("family", "classical"), MEMBERS)
@pytest.mark.parametrize("seed", [3, 4])
def test_distribution(family: ExponentialFamily, classical: dict[str, float], seed: int) -> None:
    """Kolmogorov-Smirnov against SciPy's distribution function."""
    x = family.sample(family.natural(**classical), SIZE, np.random.default_rng(seed))[:, 0]
    if family.name == "Gaussian":
        law = stats.norm(classical["mean"], np.sqrt(classical["variance"]))
    else:
        law = stats.gamma(classical["shape"], scale=1 / classical["rate"])
    assert stats.kstest(x, law.cdf).pvalue > FALSE_ALARM


def test_a_wrong_member_is_caught() -> None:
    """The same two tests reject a sample whose rate is off by 5 %, so they can fail."""
    family = Gamma()
    theta, wrong = family.natural(shape=2.0, rate=3.0), family.natural(shape=2.0, rate=3.15)
    x = family.sample(wrong, SIZE, np.random.default_rng(1))
    z = (np.mean(family.statistics(x), axis=0) - family.mean(theta)) / np.sqrt(
        np.diag(family.fisher(theta)) / SIZE
    )
    assert np.any(np.abs(z) > Z_LIMIT)
    assert stats.kstest(x[:, 0], stats.gamma(2.0, scale=1 / 3.0).cdf).pvalue < FALSE_ALARM


def test_batches_and_seeds() -> None:
    family = Gamma()
    theta = family.natural(shape=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], rate=1.0)
    x = family.sample(theta, 7, np.random.default_rng(5))
    assert x.shape == (2, 3, 7, 1)
    assert np.array_equal(x, family.sample(theta, 7, np.random.default_rng(5)))
    assert not np.array_equal(x, family.sample(theta, 7, np.random.default_rng(6)))
    assert family.fit(x).shape == (2, 3, 2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_draws_that_underflow_stay_in_the_support(dtype: type) -> None:
    """At shape 1e-3 half of the draws are below the smallest positive number.

    The statistics of each must still exist.
    """
    family = Gamma()
    x = family.sample(
        family.natural(shape=np.asarray(1e-3, dtype=dtype), rate=1.0),
        1000,
        np.random.default_rng(7),
    )
    assert x.dtype == dtype
    assert np.min(x) == np.finfo(dtype).smallest_normal
    assert np.all(np.isfinite(family.statistics(x)))


def test_global_random_state_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    Gaussian().sample(Gaussian().natural(mean=0.0, variance=1.0), 5, np.random.default_rng(0))
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_bad_arguments() -> None:
    family = Gaussian()
    theta = family.natural(mean=0.0, variance=1.0)
    with pytest.raises(OptionError, match=r"rng must be .* numpy\.random\.Generator, got '0'"):
        family.sample(theta, 5, "0")
    with pytest.raises(DomainError, match="size must be an integer of at least 1, got 0"):
        family.sample(theta, 0, np.random.default_rng(0))
