"""Lengths and angles of vectors against mpmath."""

import array_api_strict
import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mpmath import mpf

from ingd_ref._special.sphere import ball_gap, norm, versine

UNIT = 2.0**-53


@pytest.fixture(autouse=True)
def _digits():
    with mpmath.workdps(120):
        yield


def exact(vector: np.ndarray) -> list[mpf]:
    return [mpf(float(entry)) for entry in vector]


def length(vector: list[mpf]) -> mpf:
    return mpmath.sqrt(mpmath.fsum(entry**2 for entry in vector))


def literal_versine(a: np.ndarray, b: np.ndarray) -> mpf:
    with mpmath.workdps(120):
        x, y = exact(a), exact(b)
        return 1 - mpmath.fsum(p * q for p, q in zip(x, y, strict=True)) / (length(x) * length(y))


sizes = st.sampled_from([1e-300, 1e-8, 1.0, 1e8, 1e300])
vectors = (
    st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3)
    .map(np.asarray)
    .filter(lambda v: np.max(np.abs(v)) > 1e-3)
)
steps = st.sampled_from([0.0, 1e-15, 1e-12, 1e-8, 1e-4, 0.3, 3.0])


@given(vectors, sizes)
@example(np.asarray([1.0, 0.0, 0.0]), 1e300)
@example(np.asarray([1.0, -1.0, 1.0]), 5e-324)
def test_norm(vector: np.ndarray, size: float) -> None:
    """A sum of three squares and a root: 3 u; a subnormal length is rounded to its last place."""
    scaled = vector * size
    with mpmath.workdps(700):
        truth = length(exact(scaled))
        assert abs(mpf(float(norm(np, scaled))) - truth) <= 4 * UNIT * truth + mpf(2) ** -1074


@given(vectors, vectors, steps, sizes, sizes)
@example(np.asarray([1.0, 2.0, 3.0]) / 4, np.asarray([1.0, -2.0, 1.0]) / 4, 1e-15, 1e8, 1e300)
@example(
    np.asarray([0.65625, 0.23413546, 0.23413546]),
    np.asarray([0.65625, 0.23413546, 0.23413546]),
    1e-12,
    1e8,
    1e8,
)
@example(np.asarray([1.0, 0.0, 0.0]), np.asarray([1.0, 0.0, 0.0]), 0.0, 1.0, 3e-5)
@example(np.asarray([0.1, 0.2, 0.3]), np.asarray([-0.1, -0.2, -0.3]), 1.0 - 1e-9, 1.0, 1.0)
def test_versine(
    base: np.ndarray, change: np.ndarray, step: float, size: float, other: float
) -> None:
    """1 − cos φ = v ≈ ½ sin²φ to 32 u relative, whatever the lengths.

    An error of 8u² in sin φ, which is √(2v), counts below φ ~ u.
    """
    a, b = base * size, (base + step * change) * other
    if not np.any(b):
        assert versine(np, a, b) == 0
        return
    truth = literal_versine(a, b)
    assert (
        abs(mpf(float(versine(np, a, b))) - truth)
        <= 32 * UNIT * truth + mpmath.sqrt(2 * abs(truth)) * 8 * UNIT**2 + (8 * UNIT**2) ** 2
    )


def test_versine_of_degenerate_vectors() -> None:
    zero, one = np.zeros(3), np.asarray([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(
        versine(np, np.stack([zero, one, one, one]), np.stack([one, zero, one, 2.0 * one])), 0.0
    )
    assert versine(np, one, -one) == 2.0
    assert versine(np, np.asarray([1.0, 0.0]), np.asarray([0.0, 1.0])) == 1.0


@pytest.mark.parametrize("d", [2, 3, 10, 100])
def test_gap_to_the_sphere(d: int) -> None:
    """1 − ‖x‖ down to the last digit of the entries: 4 u relative."""
    rng = np.random.default_rng(d)
    for gap in (0.9, 1e-3, 1e-8, 1e-14, 1e-16, -1e-15, -1e-5):
        direction = rng.standard_normal(d)
        vector = direction / np.linalg.norm(direction) * (1.0 - gap)
        truth = 1 - length(exact(vector))
        assert abs(mpf(float(ball_gap(np, vector))) - truth) <= 4 * UNIT * abs(truth)
    assert ball_gap(np, np.zeros(d)) == 1.0
    assert ball_gap(np, np.full(d, 1e300)) < 0


@pytest.mark.parametrize("name", ["device1", "device2"])
def test_strict_arrays(name: str) -> None:
    xp, place = array_api_strict, array_api_strict.Device(name)
    dtype = xp.float32 if name == "device2" else xp.float64
    x = xp.asarray([[0.6, -0.3], [0.0, 0.25]], dtype=dtype, device=place)
    y = xp.asarray([[0.6, -0.2999], [1.0, 0.0]], dtype=dtype, device=place)
    for value in (norm(xp, x), ball_gap(xp, x), versine(xp, x, y)):
        assert (value.device, value.dtype, value.shape) == (place, dtype, (2,))
