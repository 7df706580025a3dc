"""How far particles x with weights π are from a sample y with weights ρ."""

import numpy as np

from ingd_ref.equations._numbers import log, nonnegative, norm, solve, sqrt
from ingd_ref.equations.kernels import gaussian


def pair_mean(k, x, y, pi, rho):
    """Σ_ij π_i ρ_j k(x_i, y_j)."""
    return sum(
        w * v * k(a, b) for w, a in zip(pi, x, strict=True) for v, b in zip(rho, y, strict=True)
    )


def maximum_mean_discrepancy(x, y, pi, rho, sigma):
    """(Q1) MMD² = Σ π_i π_j k(x_i, x_j) + Σ ρ_i ρ_j k(y_i, y_j) − 2 Σ π_i ρ_j k(x_i, y_j) [L25]."""

    def k(a, b):
        return gaussian(a, b, sigma)

    square = pair_mean(k, x, x, pi, pi) + pair_mean(k, y, y, rho, rho)
    return sqrt(nonnegative(square - 2 * pair_mean(k, x, y, pi, rho)))


def energy_distance(x, y, pi, rho):
    """(Q2) E = 2 Σ π_i ρ_j ‖x_i − y_j‖ − Σ π_i π_j ‖x_i − x_j‖ − Σ ρ_i ρ_j ‖y_i − y_j‖ [L25]."""

    def k(a, b):
        return norm(a - b)

    within = pair_mean(k, x, x, pi, pi) + pair_mean(k, y, y, rho, rho)
    return 2 * pair_mean(k, x, y, pi, rho) - within


def kliep_divergence(alpha, x, held_out, pi, rho, centers, sigma):
    """(Q3) KL(p‖q) ≈ Σ_j ρ_j log r(y_j), r = Σ_l α_l k(·, c_l) scaled to E_q r = 1 [L25]."""

    def r(z):
        return sum(a * gaussian(z, c, sigma) for a, c in zip(alpha, centers, strict=True))

    scale = sum(w * r(z) for w, z in zip(pi, x, strict=True))
    return sum(w * log(r(z) / scale) for w, z in zip(rho, held_out, strict=True))


def moment_residual(Delta, fisher, jitter):
    """(Q4) sqrt(Δᵀ (F̂ + εI)⁻¹ Δ) [L25]."""
    return sqrt(Delta @ solve(fisher + jitter * np.eye(len(fisher), dtype=int), Delta))


def sliced_wasserstein(x, y, pi, rho, directions, p):
    """(Q5) SW^p = mean over ω of ∫₀¹ |Q(t) − R(t)|^p dt, quantiles of ⟨ω, x⟩ and ⟨ω, y⟩ [L25]."""
    total = sum(line_transport(x @ w, y @ w, pi, rho, p) for w in directions)
    return nonnegative(total / len(directions)) ** ((total * 0 + 1) / p)  # 1/3 to all digits


def line_transport(x, y, pi, rho, p):
    """∫₀¹ |Q(t) − R(t)|^p dt: Q is x_i on a step of length π_i, R is y_j on one of length ρ_j."""

    def steps(points, weights):
        order = np.argsort(points)
        ends = np.cumsum(weights[order])
        return list(zip(points[order], [ends[0] * 0, *ends[:-1]], ends, strict=True))

    return sum(
        max(0, min(end_x, end_y) - max(start_x, start_y)) * nonnegative(abs(a - b)) ** p
        for a, start_x, end_x in steps(x, pi)
        for b, start_y, end_y in steps(y, rho)
    )
