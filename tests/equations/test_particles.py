"""(K1)-(K4), (K9)-(K11): big matrices, brute-force minima and generators with the same kernel."""

from types import SimpleNamespace

import numpy as np
import pytest

from ingd_ref.equations import LABELS, kernels, particles, statistics
from tests.equations.digits import (
    MP,
    ROUNDING,
    close,
    exact,
    linear_solve,
    random,
    weights,
)

SIGMA, WIDTH, JITTER = exact(np.array(["1.3", "0.9", "0.01"]))


def kernel(x, y):
    """(K5) in the plane, as a matrix of numbers."""
    a, c = (x - y) / SIGMA
    k = MP.exp(-(a * a + c * c) / 2) / SIGMA**2
    return np.array([[k * (1 - a * a), -k * a * c], [-k * a * c, k * (1 - c * c)]])


def jacobian(x):
    """∇f of f = (x₁, x₁x₂, x₂³)."""
    one, zero = MP.mpf(1), MP.mpf(0)
    return np.array([[one, x[1], zero], [zero, x[0], 3 * x[1] ** 2]])


def big_matrices():
    """Five particles in the plane and three statistics, with everything flattened.

    D stacks π_i ∇f(x_i), and K has the blocks K(x_i, x_j): G = DᵀKD and V = KD.
    """
    x, pi, Delta = random(1, 5, 2), weights(2, 5), random(3, 3)
    factor = random(4, 3, 4)
    M = factor @ factor.T / 10
    D = np.concatenate([w * jacobian(z) for w, z in zip(pi, x, strict=True)])
    K = np.block([[kernel(a, b) for b in x] for a in x])
    G = D.T @ K @ D
    c = linear_solve(G + M, Delta)
    return SimpleNamespace(x=x, pi=pi, Delta=Delta, M=M, D=D, K=K, G=G, c=c)


PROBLEM = big_matrices()


def objective(a):
    return LABELS["K1"](
        a.reshape(5, 2), PROBLEM.x, jacobian, kernel, PROBLEM.pi, PROBLEM.Delta, PROBLEM.M
    )


def test_coefficients_solve_the_system_of_big_matrices():
    p = PROBLEM
    found = LABELS["K3"](p.x, jacobian, kernel, p.pi, p.Delta, p.M)
    close(found, p.c, 1e-42)


def test_contraction_gives_the_same_gram_matrix_and_field():
    p = PROBLEM
    V, G = LABELS["K4"](p.x, jacobian, kernel, p.pi)
    close(np.concatenate(V), p.K @ p.D, ROUNDING)
    close(G, p.G, ROUNDING)


def test_field_at_particles_and_elsewhere():
    p = PROBLEM
    at_particles = [LABELS["K2"](z, p.x, jacobian, kernel, p.pi, p.c) for z in p.x]
    close(np.concatenate(at_particles), p.K @ p.D @ p.c, ROUNDING)
    z = random(5, 2)
    rows = np.hstack([kernel(z, b) for b in p.x])
    close(LABELS["K2"](z, p.x, jacobian, kernel, p.pi, p.c), rows @ p.D @ p.c, ROUNDING)


def test_objective_is_its_two_terms():
    """v = Ka at the particles: ‖M^{−1/2}(DᵀKa − Δ)‖² + aᵀKa."""
    p, a = PROBLEM, random(6, 10)
    miss = p.D.T @ p.K @ a - p.Delta
    close(objective(a), miss @ linear_solve(p.M, miss) + a @ p.K @ a, ROUNDING)


def test_field_minimises_the_objective():
    """Away from a = Dc the objective grows by exactly δᵀ(K D M⁻¹ Dᵀ K + K)δ, which is positive."""
    p = PROBLEM
    best = p.D @ LABELS["K3"](p.x, jacobian, kernel, p.pi, p.Delta, p.M)
    least = objective(best)
    close(least, p.Delta @ linear_solve(p.G + p.M, p.Delta), 1e-42)
    for nudge in random(7, 4, 10):
        moved = p.D.T @ p.K @ nudge
        growth = moved @ linear_solve(p.M, moved) + nudge @ p.K @ nudge
        assert growth > 0
        close(objective(best + nudge) - least, growth, 1e-40)


def test_particles_of_a_generator_move_as_its_parameters_do():
    """With K(x_i, x_j) = J_i J_jᵀ the coefficients are those of (N3) and v(x_i) = J_i u."""
    p = PROBLEM
    J = dict(zip(map(tuple, p.x), random(8, 5, 2, 4), strict=True))
    B = sum(w * jacobian(z).T @ J[tuple(z)] for w, z in zip(p.pi, p.x, strict=True))
    u = LABELS["N3"](B, p.Delta, p.M)

    def tangent(x, y):
        return J[tuple(x)] @ J[tuple(y)].T

    c = LABELS["K3"](p.x, jacobian, tangent, p.pi, p.Delta, p.M)
    for z in p.x:
        close(LABELS["K2"](z, p.x, jacobian, tangent, p.pi, c), J[tuple(z)] @ u, 1e-42)


def test_step_moves_only_free_coordinates():
    p, eta = PROBLEM, MP.mpf("0.1")
    moved = LABELS["K9"](p.x, eta, lambda z: z**2, np.array([1, 0]))
    close(np.array(moved)[:, 0], p.x[:, 0] + eta * p.x[:, 0] ** 2, ROUNDING)
    close(np.array(moved)[:, 1], p.x[:, 1], 0)


def test_moments_move_exactly_without_regularisation():
    p = PROBLEM
    rate = LABELS["K10"](p.x, jacobian, kernel, p.pi, p.Delta)
    close(rate, p.Delta, 1e-40)
    # The velocity itself, put into the time derivative of the moments, says the same.
    c = linear_solve(p.G, p.Delta)
    v = [LABELS["K2"](z, p.x, jacobian, kernel, p.pi, c) for z in p.x]
    close(LABELS["P4"](p.x, v, jacobian, p.pi), p.Delta, 1e-40)


def test_regularised_moments_approach_that_linearly():
    p = PROBLEM
    miss = []
    for size in ("1e-12", "1e-14"):
        M = MP.mpf(size) * p.M
        c = LABELS["K3"](p.x, jacobian, kernel, p.pi, p.Delta, M)
        miss.append(MP.norm(list(p.G @ c - p.Delta)))
    close(miss[0] / miss[1], 100, 1e-6)  # the next term is 1e-12 ‖G⁻¹M‖ of the first


# --------------------------------------------------------------------------------------------------


def velocity(points, X, Y, features, pi, rho, jitter=JITTER):
    """KiNG with statistics that are functions of the particles and the target sample."""
    f, df = features(X, Y)
    Delta = statistics.mean(Y, f, rho) - statistics.mean(X, f, pi)
    M = statistics.regulariser(statistics.covariance(X, f, pi), MP.mpf("0.1"), jitter)
    c = LABELS["K3"](X, df, kernel, pi, Delta, M)
    return LABELS["K2"](points, X, df, kernel, pi, c)


def radial(X, Y):
    centers = np.concatenate([X[:1], Y[:2]])
    return (
        lambda x: statistics.gaussian_rbf(x, centers, WIDTH),
        lambda x: statistics.gaussian_rbf_jacobian(x, centers, WIDTH),
    )


def cubic(X, Y):
    return lambda x: np.array([x[0], x[0] * x[1], x[1] ** 3]), jacobian


R = np.array([[MP.cos(1), -MP.sin(1)], [MP.sin(1), MP.cos(1)]])
SHIFT = random(9, 2)
X, Y = random(10, 5, 2), random(11, 4, 2) + 1
PI, RHO = weights(12, 5), weights(13, 4)


def test_radial_velocities_turn_with_the_points():
    def v(z, X, Y):
        return velocity(z, X, Y, radial, PI, RHO)

    z = random(14, 2)
    defect = LABELS["K11"](v, R, SHIFT, z, X, Y)
    assert max(abs(defect)) < 1e-40 * max(abs(v(z, X, Y)))


def test_defect_sees_statistics_that_are_not_radial():
    def v(z, X, Y):
        return velocity(z, X, Y, cubic, PI, RHO)

    z = random(14, 2)
    assert max(abs(LABELS["K11"](v, R, SHIFT, z, X, Y))) > 0.01 * max(abs(v(z, X, Y)))


def test_defect_is_the_difference_of_both_sides():
    """For v = z + 2X₁ − Y₁ it is 2t, since z, X and Y have shares that sum to 2."""

    def v(z, X, Y):
        return z + 2 * X[0] - Y[0]

    close(LABELS["K11"](v, R, SHIFT, random(14, 2), X, Y), 2 * SHIFT, ROUNDING)


def test_repeated_particles_move_alike():
    z = random(14, 2)
    doubled = np.concatenate([X, X]), np.concatenate([PI, PI]) / 2

    def features(X, Y):
        return cubic(X, Y)

    once = velocity(z, X, Y, features, PI, RHO)
    close(velocity(z, doubled[0], Y, features, doubled[1], RHO), once, 1e-42)


def test_mixed_statistics_give_the_same_field_without_jitter():
    T = random(15, 3, 3)

    def mixed(X, Y):
        f, df = cubic(X, Y)
        return lambda x: T @ f(x) + 3, lambda x: df(x) @ T.T

    z = random(14, 2)
    plain = velocity(z, X, Y, cubic, PI, RHO, jitter=0)
    close(velocity(z, X, Y, mixed, PI, RHO, jitter=0), plain, 1e-40)


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("d", [1, 3])
def test_the_whole_method_is_its_steps(n, d):
    """`king_velocity` with one centre: b = 1, so c = Δ/(G + λF̂ + ε) is a quotient of sums."""
    x, y, pi, rho = random(n, n, d), random(d, 2, d), weights(n, n), weights(d, 2)
    center, ridge, jitter = exact(np.full(d, 0.3)), MP.mpf("0.2"), MP.mpf("0.05")

    def f(z):
        return MP.exp(-sum((a - b) ** 2 for a, b in zip(z, center, strict=True)) / (2 * WIDTH**2))

    def k(z, w):
        return MP.exp(-sum((a - b) ** 2 for a, b in zip(z, w, strict=True)) / (2 * SIGMA**2))

    slopes = [f(z) * (center - z) / WIDTH**2 for z in x]
    mean = sum(w * f(z) for w, z in zip(pi, x, strict=True))
    Delta = sum(w * f(z) for w, z in zip(rho, y, strict=True)) - mean
    variance = sum(w * (f(z) - mean) ** 2 for w, z in zip(pi, x, strict=True))
    G = sum(
        pi[i]
        * pi[j]
        * k(x[i], x[j])
        * sum(a * b for a, b in zip(slopes[i], slopes[j], strict=True))
        for i in range(n)
        for j in range(n)
    )
    c = Delta / (G + ridge * variance + jitter)
    expected = [sum(pi[i] * k(z, x[i]) * slopes[i] * c for i in range(n)) for z in x]
    found = particles.king_velocity(
        x,
        y,
        lambda z: statistics.gaussian_rbf(z, [center], WIDTH),
        lambda z: statistics.gaussian_rbf_jacobian(z, [center], WIDTH),
        lambda z, w: kernels.scalar_gaussian(z, w, SIGMA),
        pi,
        rho,
        ridge,
        jitter,
    )
    close(found, expected, 1e-42)
