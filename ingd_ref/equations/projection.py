"""Section 2: projecting a time-varying model, known by its samples, on the manifold."""

import numpy as np

from ingd_ref.equations._numbers import midpoints, norm, solve, unit
from ingd_ref.equations.families import fisher, mean_parameters
from ingd_ref.equations.statistics import covariance, mean


def m_projection(moments, A, theta):
    """(P1) θ with μ(θ) = E_{q_t} f, by Newton's method from θ, with halved steps [L25]."""

    def miss(theta):
        return moments - mean_parameters(theta, A)

    step = solve(fisher(theta, A), miss(theta))
    negligible = unit(theta) * (norm(theta) + norm(step))
    while norm(step) > negligible:
        if norm(miss(theta + step)) < norm(miss(theta)):
            theta = midpoints(theta + step)
            step = solve(fisher(theta, A), miss(theta))
        else:
            step = step / 2
    return theta + step


def tangent_projection(time_scores, x, f, pi):
    """(P2) θ̇ = argmin_δ E (∂_t log q_t − ⟨δ, f − E f⟩)², a linear regression [L25]."""
    centre = mean(x, f, pi)
    scored = (w * s * (f(z) - centre) for w, s, z in zip(pi, time_scores, x, strict=True))
    return solve(covariance(x, f, pi), sum(scored))


def natural_velocity(moment_rate, x, f, pi):
    """(P3) θ̇ = Cov[f]⁻¹ ∂_t E f: the density is not needed [L25]."""
    return solve(covariance(x, f, pi), moment_rate)


def moment_rate(x, v, df, pi):
    """(P4) ∂_t E f = Σ_i π_i ∇f(x_i)ᵀ v(x_i) [L25]."""
    return sum(w * df(z).T @ u for w, z, u in zip(pi, x, v, strict=True))


def window_coefficients(g, g_dot, Phi, Phi_dot, moments, covariances, dt, jitter):
    """(P5) a = −(C + εI)⁻¹ c, C = ∫ g Φ Cov Φᵀ dt, c = ∫ (g′Φ + gΦ′) E f dt [W25].

    All arguments are sequences over the times of a quadrature rule with the weights dt.
    """
    C = sum(w * u * P @ cov @ P.T for w, u, P, cov in zip(dt, g, Phi, covariances, strict=True))
    c = sum(
        w * (u_dot * P + u * P_dot) @ m
        for w, u, u_dot, P, P_dot, m in zip(dt, g, g_dot, Phi, Phi_dot, moments, strict=True)
    )
    return -solve(C + jitter * np.eye(len(C), dtype=int), c)


def sparse_coefficients(C, c, kappa):
    """(P6) argmin_a ½ aᵀCa + cᵀa + κ‖a‖₁, one coordinate after the other until none moves [W25]."""
    a = c * 0
    while True:
        before = midpoints(a)
        a = before.copy()
        for j in range(len(a)):
            slope = C[j] @ a - C[j, j] * a[j] + c[j]  # at a_j = 0, without the penalty
            shrunk = abs(slope) - kappa
            a[j] = -shrunk / C[j, j] * (1 if slope > 0 else -1) if shrunk > 0 else slope * 0
        if not norm(a - before) > 4 * unit(a) * norm(a):
            return a


def exact_rates(m, s, m_dot, s_dot, alpha_dot, beta_dot):
    """(P7) θ̇ of x = m + s z: (ṁ/s² − 2mṡ/s³, ṡ/s³); of Gamma(α, β): (α̇, −β̇) [L25]."""
    gaussian = np.array([m_dot / s**2 - 2 * m * s_dot / s**3, s_dot / s**3])
    return gaussian, np.array([alpha_dot, -beta_dot])
