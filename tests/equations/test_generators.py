"""(N1)-(N4): derivatives of moments by mpmath, and least squares by its elimination."""

import numpy as np
import pytest

from ingd_ref.equations import LABELS
from tests.equations.digits import (
    MP,
    ROUNDING,
    SLOPE,
    close,
    exact,
    linear_solve,
    partial,
    random,
    weights,
)


def jacobian(x):
    """∇f of f = (x₁, x₂, x₁x₂)."""
    one, zero = MP.mpf(1), MP.mpf(0)
    return np.array([[one, zero, x[1]], [zero, one, x[0]]])


def generator(z, w):
    return np.array([w[0] + w[1] * z[0], MP.tanh(w[2] * z[1]) + w[3] * z[0] * z[1]])


def test_moment_jacobian_is_the_derivative_of_the_moments():
    z, w, pi = random(1, 5, 2), random(2, 4), weights(3, 5)

    def moment(w, s):
        x = [generator(latent, w) for latent in z]
        return sum(p * (a, b, a * b)[s] for p, (a, b) in zip(pi, x, strict=True))

    expected = [[partial(lambda v, s=s: moment(v, s), w, a) for a in range(4)] for s in range(3)]
    close(LABELS["N1"](z, w, generator, jacobian, pi), expected, SLOPE)


def test_moment_jacobian_of_location_and_scale():
    """x = m + sz moves E(x, x²) by (1, 2m) ṁ + (0, 2s) ṡ when z has mean 0 and variance 1."""
    z, w = exact(np.array([[-1], [1]])), exact(np.array([0.7, 1.3]))
    half = np.array([MP.mpf(1) / 2] * 2)
    found = LABELS["N1"](
        z,
        w,
        lambda latent, w: np.array([w[0] + w[1] * latent[0]]),
        lambda x: np.array([[MP.mpf(1), 2 * x[0]]]),
        half,
    )
    close(found, [[1, 0], [2 * w[0], 2 * w[1]]], SLOPE)


@pytest.fixture(
    params=[(3, 5), (3, 3), (4, 2), (1, 1), (1, 4), (2, 1)], ids="b={0[0]},p={0[1]}".format
)
def problem(request):
    """B (b, p), Δ, and M = LLᵀ with more columns in L than rows."""
    b, p = request.param
    L = random(b + p, b, b + 2) / 2
    return random(10 * b + p, b, p), random(b, b), L @ L.T, L


def test_velocity_minimises_the_objective(problem):
    """The objective is quadratic: away from its minimum it grows by δᵀ(BᵀM⁻¹B + I)δ exactly."""
    B, Delta, M, _ = problem
    u = LABELS["N3"](B, Delta, M)
    least = LABELS["N2"](u, B, Delta, M)
    for nudge in random(5, 4, len(u)):
        moved = B @ nudge
        growth = moved @ linear_solve(M, moved) + nudge @ nudge
        close(LABELS["N2"](u + nudge, B, Delta, M) - least, growth, 1e-40)


def test_objective_is_its_two_terms(problem):
    B, Delta, M, L = problem
    u = random(6, B.shape[1])
    miss = B @ u - Delta
    expected = miss @ linear_solve(M, miss) + sum(a * a for a in u)
    close(LABELS["N2"](u, B, Delta, M), expected, ROUNDING)
    close(LABELS["N2"](u * 0, B, Delta, L @ L.T), Delta @ linear_solve(M, Delta), ROUNDING)


def test_velocity_solves_the_normal_equations_in_parameters(problem):
    """The p×p form: (BᵀM⁻¹B + I) u = BᵀM⁻¹Δ."""
    B, Delta, M, _ = problem
    whitened = np.array([linear_solve(M, column) for column in B.T]).T
    expected = linear_solve(B.T @ whitened + np.eye(B.shape[1], dtype=int), whitened.T @ Delta)
    close(LABELS["N3"](B, Delta, M), expected, 1e-42)


def test_stacked_velocity_is_the_same(problem):
    B, Delta, M, L = problem
    close(LABELS["N3′"](B, Delta, L), LABELS["N3"](B, Delta, M), 1e-42)


def test_stacked_velocity_keeps_digits_where_the_normal_equations_lose_them():
    """B = diag(1, 1e-6) with L = 1e-8: the condition 1e6 of the stack is 1e12 in BBᵀ + M."""
    B, Delta, L = np.diag([1.0, 1e-6]), np.array([1.0, 1.0]), 1e-8 * np.eye(2)
    rotation = np.array([[0.6, 0.8], [-0.8, 0.6]])
    B, L = rotation @ B, rotation @ L
    reference = LABELS["N3"](exact(B), exact(Delta), exact(L) @ exact(L).T)
    stacked = LABELS["N3′"](B, Delta, L)
    # 1e-9 is 1e6 u times ten; the normal equations are off by 1e-4 here, 1e12 u
    close(stacked, reference, 1e-9)


def test_step_is_eulers():
    """On u = −w after k steps of length η the weights have shrunk by (1 − η)^k."""
    start = w = random(7, 3)
    for _ in range(4):
        w = LABELS["N4"](w, MP.mpf("0.25"), lambda w: -w)
    close(w, start * MP.mpf("0.75") ** 4, ROUNDING)
