"""Blocks and threads change when numbers are computed, not what they are."""

import threading

import numpy as np
import pytest

from ingd_ref.families import Gamma, _blocks


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_blocks, "NUMBERS", 64)


def members(shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(11)
    return Gamma().natural(
        shape=10.0 ** rng.uniform(-8, 8, shape), rate=10.0 ** rng.uniform(-8, 8, shape)
    )


def results(theta: np.ndarray) -> list[np.ndarray]:
    family = Gamma()
    mu, x = family.mean(theta), family.sample(theta, 1, np.random.default_rng(3))[..., 0, :]
    return [
        mu,
        family.natural_from_mean(mu),
        family.log_partition(theta),
        family.conjugate(mu),
        family.fisher(theta),
        family.inverse_fisher(theta),
        family.natural_gradient(theta, np.asarray([1.0, -1.0])),
        family.natural_gradient(theta, mu),
        family.kl(theta, theta * 1.25),
        family.kl(theta, theta.reshape(-1, 2)[0]),
        family.entropy(theta),
        family.log_prob(theta, x),
    ]


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("shape", [(1000,), (10, 103), (64,), (65,)])
def test_same_bits(monkeypatch: pytest.MonkeyPatch, cores: int, shape: tuple[int, ...]) -> None:
    theta = members(shape)
    whole = results(theta)
    monkeypatch.setattr(_blocks, "NUMBERS", 64)
    monkeypatch.setattr(_blocks, "_cores", lambda: cores)
    for value, expected in zip(results(theta), whole, strict=True):
        assert value.shape == expected.shape
        np.testing.assert_array_equal(value, expected)


@pytest.mark.usefixtures("small_blocks")
def test_batches_that_broadcast_are_evaluated_whole() -> None:
    theta = members((100, 1))
    expected = np.stack([Gamma().kl(theta[:, 0], other) for other in theta[:7, 0]], axis=1)
    np.testing.assert_array_equal(Gamma().kl(theta, theta[:7, 0]), expected)


@pytest.mark.usefixtures("small_blocks")
def test_more_than_one_thread_takes_part_and_errors_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second thread waits for the first, so a single one would never finish the two blocks
    between them.
    """
    monkeypatch.setattr(_blocks, "_cores", lambda: 2)
    meeting = threading.Barrier(2, timeout=30)

    def formula(xp, theta: np.ndarray) -> np.ndarray:
        if threading.current_thread() is not threading.main_thread():
            meeting.wait()
        return theta[:, 0]

    theta = members((32 * 5,))
    np.testing.assert_array_equal(_blocks.in_blocks(np, formula, theta), theta[:, 0])

    def broken(xp, theta: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("in a block")

    with pytest.raises(ZeroDivisionError, match="in a block"):
        _blocks.in_blocks(np, broken, theta)


@pytest.mark.usefixtures("small_blocks")
def test_infinite_results_are_no_warnings_in_any_thread() -> None:
    theta = members((32 * 5,))
    with np.errstate(divide="raise"):
        found = _blocks.in_blocks(np, lambda xp, theta: theta[:, 0] / 0.0, theta)
    assert np.all(np.isinf(found))
