"""The same numbers on every array library and device, in the caller's dtype, without a silent
transfer.
"""

import array_api_strict
import numpy as np
import pytest

from ingd_ref.backend._namespace import device, to_host
from ingd_ref.errors import BackendError
from tests.families.members import CASES, GAMMA, GAUSSIAN, IDS, Case

# Device2 of array-api-strict has float32 as its default type, as some accelerators do; arrays there
# are created in float32.
DEVICES = ("device2",)  # its default type is float32; test_laws has float64 on device1
SEED = 20250101


def operations(case: Case, theta, xp) -> dict:
    """Every public method on a batch of parameters, and on points that are drawn from it."""
    family = case.family
    mu = family.mean(theta)
    x = family.sample(theta, 6, np.random.default_rng(SEED))
    other = theta * 1.125
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
        "kl": family.kl(theta, other),
        "entropy": family.entropy(theta),
        "statistics": family.statistics(x),
        "statistics_jacobian": family.statistics_jacobian(x),
        "log_base_measure": family.log_base_measure(x),
        "log_prob": family.log_prob(theta[:, None, :], x),
        "fit": family.fit(x),
        "weighted fit": family.fit(
            x, xp.asarray([0.1, 0.2, 0.3, 0.2, 0.1, 0.1], dtype=theta.dtype, device=device(theta))
        ),
    }
    results |= {f"classical {name}": value for name, value in family.classical(theta).items()}
    return results


def members(case: Case) -> dict[str, list[float]]:
    return (
        {"shape": [0.3, 1.0, 40.0], "rate": [2.0, 1.0, 0.25]}
        if case is GAMMA
        else {"mean": [0.0, 1.5, -8.0], "variance": [1.0, 0.25, 4.0]}
    )


def assert_same(results: dict, expected: dict, unit: float) -> None:
    # Elementary functions of two libraries differ by a unit or two in the last place, which κ ≤ 200
    # of these moderate members magnifies: 2000 u covers every operation, far below any error of
    # substance. The exact types are compared elsewhere.
    for name, value in results.items():
        host, other = to_host(value), expected[name]
        np.testing.assert_allclose(host, other, rtol=2000 * unit, atol=2000 * unit, err_msg=name)


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("name", DEVICES)
def test_strict_arrays(case: Case, name: str) -> None:
    xp, place = array_api_strict, array_api_strict.Device(name)
    dtype = xp.float32 if name == "device2" else xp.float64
    theta = case.family.natural(
        **{
            key: xp.asarray(value, dtype=dtype, device=place)
            for key, value in members(case).items()
        }
    )
    results = operations(case, theta, xp)
    for value in results.values():
        assert device(value) == place
        assert value.dtype in (dtype, xp.bool)
    assert_same(
        results,
        operations(case, case.family.natural(**members(case)), np),
        2.0**-24 if name == "device2" else 2.0**-53,
    )


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_numbers_join_the_arrays(case: Case) -> None:
    """A Python number takes library, device and dtype of an array next to it, else float64."""
    first, second = members(case)
    place = array_api_strict.Device("device1")
    array = array_api_strict.asarray([0.5, 2.0], dtype=array_api_strict.float32, device=place)
    theta = case.family.natural(**{first: 2.0, second: array})
    assert (theta.shape, theta.dtype, device(theta)) == ((2, 2), array_api_strict.float32, place)
    alone = case.family.natural(**{first: 2, second: 1})
    assert isinstance(alone, np.ndarray)
    assert (alone.shape, alone.dtype) == ((2,), np.float64)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_results_in_float32(case: Case) -> None:
    """Float32 in, float32 out for every method.

    Accuracy at the floor of float32 is the subject of test_accuracy.
    """
    theta = case.family.natural(
        **{name: np.asarray(value, dtype=np.float32) for name, value in members(case).items()}
    )
    for name, value in operations(case, theta, np).items():
        assert value.dtype in (np.float32, np.bool_), name


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_first_argument_decides_the_dtype(case: Case) -> None:
    double = case.family.natural(**members(case))
    single = double.astype(np.float32)
    counts = np.asarray([[1], [2], [3]])
    for first, second in ((single, double), (double, single)):
        assert case.family.kl(first, second).dtype == first.dtype
        assert case.family.natural_gradient(first, second).dtype == first.dtype
        assert case.family.log_prob(first, np.ones((3, 1), dtype=second.dtype)).dtype == first.dtype
        assert case.family.log_prob(first, counts).dtype == first.dtype
    assert case.family.statistics(counts).dtype == np.float64


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_torch(case: Case, precision: str) -> None:
    torch = pytest.importorskip(
        "torch", reason="PyTorch is an optional library of a user who cross-checks"
    )
    dtype = getattr(torch, precision)
    theta = case.family.natural(
        **{name: torch.tensor(value, dtype=dtype) for name, value in members(case).items()}
    )
    results = operations(case, theta, torch)
    assert all(value.dtype in (dtype, torch.bool) for value in results.values())
    assert_same(
        results,
        operations(case, case.family.natural(**members(case)), np),
        2.0**-24 if precision == "float32" else 2.0**-53,
    )


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_cupy(case: Case) -> None:
    cupy = pytest.importorskip("cupy", reason="needs CuPy")
    theta = case.family.natural(
        **{name: cupy.asarray(value) for name, value in members(case).items()}
    )
    results = operations(case, theta, cupy)
    assert all(isinstance(value, cupy.ndarray) for value in results.values())
    assert_same(results, operations(case, case.family.natural(**members(case)), np), 2.0**-53)


def test_mixed_libraries_and_devices_are_refused() -> None:
    family = GAUSSIAN.family
    host = family.natural(mean=0.0, variance=1.0)
    one = array_api_strict.asarray([0.0, -0.5], device=array_api_strict.Device("device1"))
    cpu = array_api_strict.asarray([0.0, -0.5])
    with pytest.raises(BackendError, match="theta1 and theta2 come from different array libraries"):
        family.kl(host, cpu)
    with pytest.raises(BackendError, match="theta and grad lie on different devices"):
        family.natural_gradient(one, cpu)
    with pytest.raises(BackendError, match="theta must be an array"):
        family.mean({0.0, -0.5})
    with pytest.raises(BackendError, match="mean and variance lie on different devices"):
        family.natural(mean=one, variance=cpu)
    with pytest.raises(BackendError, match="x and weights come from different"):
        family.fit(np.zeros((2, 1)), cpu)
