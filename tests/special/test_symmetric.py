"""Minimal coordinates of symmetric matrices against loops over all entries."""

import numpy as np
import pytest

from ingd_ref._special.symmetric import (
    dual_entries,
    dual_wick,
    entries,
    from_dual_entries,
    from_entries,
    triple_wick,
    wick,
)

U = 2.0**-53
DIMENSIONS = pytest.mark.parametrize("d", [1, 2, 3, 5])


def symmetric(d: int, seed: int) -> np.ndarray:
    a = np.random.default_rng(seed).standard_normal((2, 4, d, d))
    return a + np.swapaxes(a, -1, -2)


@DIMENSIONS
def test_round_trips_and_the_trace(d: int) -> None:
    m, t = symmetric(d, 1), symmetric(d, 2)
    assert entries(np, m).shape == (2, 4, d * (d + 1) // 2)
    assert np.array_equal(from_entries(np, entries(np, m), d), m)
    assert np.array_equal(from_dual_entries(np, dual_entries(np, t), d), t)
    trace = np.einsum("...ij,...ji->...", t, m)
    pairing = np.sum(dual_entries(np, t) * entries(np, m), axis=-1)
    np.testing.assert_allclose(
        pairing, trace, rtol=0, atol=4 * d * d * U * np.max(np.abs(t)) * np.max(np.abs(m)) * d
    )


@DIMENSIONS
def test_wick_products(d: int) -> None:
    a, b = symmetric(d, 3)[0, 0], symmetric(d, 4)[0, 0]
    pairs = [(i, j) for i in range(d) for j in range(i, d)]
    expected = [
        [
            a[i, k] * b[j, m] + a[j, m] * b[i, k] + a[i, m] * b[j, k] + a[j, k] * b[i, m]
            for k, m in pairs
        ]
        for i, j in pairs
    ]
    np.testing.assert_allclose(
        wick(np, a, b), expected, rtol=1e-14, atol=1e-13
    )  # four products of size 10
    covariance = a @ a.T + np.eye(d)
    product = 0.5 * wick(np, covariance, covariance) @ dual_wick(np, np.linalg.inv(covariance))
    # Inverse of a matrix with condition number 100 at most, squared.
    np.testing.assert_allclose(product, np.eye(len(pairs)), atol=1e-9)


@DIMENSIONS
def test_rings_of_three_pairs(d: int) -> None:
    """Contracted with linear forms S, T, U it is 8 tr(SATBUC).

    To a thousand roundings of the sum of the absolute values of all terms.
    """
    a, b, c, s, t, u = (symmetric(d, seed)[0, 0] for seed in range(5, 11))
    found = np.einsum(
        "ijk,i,j,k", triple_wick(np, a, b, c), *(dual_entries(np, form) for form in (s, t, u))
    )
    expected = 8 * np.trace(s @ a @ t @ b @ u @ c)
    terms = 8 * np.trace(abs(s) @ abs(a) @ abs(t) @ abs(b) @ abs(u) @ abs(c))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * terms)
    assert triple_wick(np, np.stack([a] * 4), np.stack([b] * 4), np.stack([c] * 4)).shape == (
        4,
        *(d * (d + 1) // 2,) * 3,
    )
