"""Factors, inverses and divergences of positive definite matrices against 100 digits, at condition
numbers up to 1e15.

Errors are relative to the entry and in units of u = 2⁻⁵³ alone: working in double words the
condition number does not matter.
"""

import numpy as np
import pytest

from ingd_ref._special.cholesky import factor, log_det_divergence, matmul, matvec, positive_definite
from ingd_ref._special.double_words import double_word
from validation.oracles.precise import MP, precise
from validation.oracles.statement import inverse_and_determinant

U = 2.0**-53
CONDITIONS = (1.0, 1e4, 1e8, 1e12, 1e15)
EVERY = pytest.mark.parametrize(
    ("d", "condition"), [(d, c) for d in (1, 2, 3, 8) for c in CONDITIONS]
)


@pytest.fixture(autouse=True)
def _hundred_digits():
    with MP.workdps(100):
        yield


def matrix(d: int, condition: float) -> np.ndarray:
    directions = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]
    a = directions @ np.diag(np.geomspace(1, condition, d)) @ directions.T
    return (a + a.T) / 2


@EVERY
def test_inverse_and_determinant(d: int, condition: float) -> None:
    a = matrix(d, condition)
    inverse, determinant = inverse_and_determinant(precise(a))
    got = factor(np, a).inverse().rounded()
    assert np.array_equal(got, got.T)
    assert np.all(np.abs(precise(got) - inverse) <= 2 * U * np.abs(inverse))
    # d logarithms, each to 1 u of itself and 1 u of its argument.
    allowed = 2 * U * d * (1 + np.log(condition))
    assert abs(precise(factor(np, a).log_det()) - MP.log(determinant)) <= allowed


@EVERY
def test_quadratic_forms(d: int, condition: float) -> None:
    """Sums of squares: 2 roundings per term and d sums."""
    a, v = matrix(d, condition), np.random.default_rng(1).standard_normal(d)
    vector, (inverse, _) = precise(v), inverse_and_determinant(precise(a))
    factors, wide = factor(np, a), double_word(np, v)
    for value, form in (
        (factors.square(wide), precise(a)),
        (factors.inverse_square(wide), inverse),
    ):
        truth = vector @ form @ vector
        assert abs(precise(value) - truth) <= (4 + d) * U * truth


def divergence(a: np.ndarray, b: np.ndarray):
    inverse, first = inverse_and_determinant(precise(a))
    second = precise(b)
    trace = np.sum(inverse * second.T)
    return trace - len(a) - MP.log(inverse_and_determinant(second)[1] / first)


@EVERY
@pytest.mark.parametrize("size", [1e-14, 1e-10, 1e-6, 1e-2, 1.0, 1e3, 1e9])
def test_log_det_divergence(d: int, condition: float, size: float) -> None:
    """Changes in units of the matrix itself, B = R(I + size S)Rᵀ with A = RRᵀ.

    64 u of the divergence, as for the univariate families.
    """
    a, rng = matrix(d, condition), np.random.default_rng(3)
    root = np.linalg.cholesky(a)
    s = rng.standard_normal((d, d))
    b = a + size * root @ (s @ s.T if size > 1e-3 else s + s.T) @ root.T
    b = (b + b.T) / 2
    if size * condition < 1e-15 or not positive_definite(np, b):
        return  # the change is lost in the rounding of B
    for first, second in ((a, b), (b, a)):
        value = log_det_divergence(
            np, factor(np, first), factor(np, second), double_word(np, second) - first
        )
        truth = divergence(first, second)
        assert value >= 0
        assert abs(precise(value) - truth) <= 64 * U * truth
    assert log_det_divergence(np, factor(np, a), factor(np, a), double_word(np, a) - a) == 0


def test_divergence_of_matrices_of_very_different_size() -> None:
    """Ratios of 1e80 and 1e-80, where elimination of the difference would leave nothing but
    rounding.
    """
    a = matrix(3, 1e6)
    for scale in (1e80, 1e-80):
        b = a * scale
        value = log_det_divergence(np, factor(np, a), factor(np, b), double_word(np, b) - a)
        assert abs(precise(value) - divergence(a, b)) <= 64 * U * divergence(a, b)


def test_positive_definite_to_the_last_digit() -> None:
    """[[1, 1], [1, 1 + u]] is positive definite and [[1, 1], [1, 1]] is not, nor is any with a
    pivot below zero; none warns.
    """
    eps = 2.0**-52
    matrices = np.asarray(
        [
            [[1.0, 1.0], [1.0, 1.0 + eps]],
            [[1.0, 1.0], [1.0, 1.0]],
            [[1.0, 1.0 + eps], [1.0 + eps, 1.0]],
            [[0.0, 0.0], [0.0, 1.0]],
            [[-1.0, 0.0], [0.0, 1.0]],
            [[1e-200, 0.0], [0.0, 1e200]],
        ]
    )
    assert positive_definite(np, matrices).tolist() == [True, False, False, False, False, True]
    assert np.all(np.isfinite(factor(np, matrices).log_det()))


def test_products_and_the_triangular_factor() -> None:
    a = matrix(4, 1e8)
    factors = factor(np, a)
    lower = factors.lower()
    assert np.array_equal(np.triu(lower.high), np.eye(4))
    product = matmul(lower * factors.pivots[..., None, :], lower.transposed).rounded()
    np.testing.assert_allclose(product, a, rtol=2 * U)
    v = np.arange(4.0)
    # Relative to the terms: a plain product has 4 roundings of each.
    np.testing.assert_allclose(
        matvec(double_word(np, a), double_word(np, v)).rounded(),
        a @ v,
        rtol=0,
        atol=8 * U * np.max(np.abs(a) @ v),
    )
