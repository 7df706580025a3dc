"""Section 1, exponential families: everything follows from the log-partition function A(θ)."""

from typing import Any, NamedTuple

import numpy as np

from ingd_ref.equations._numbers import derivative, digamma, exp, log, log_gamma, solve, trigamma


def density(x, theta, f, A, h):
    """(E1) q_θ(x) = h(x) exp(⟨θ, f(x)⟩ − A(θ)) [S19]."""
    return h(x) * exp(theta @ f(x) - A(theta))


def mean_parameters(theta, A):
    """(E2) μ(θ) = ∇A(θ) = E_θ f [S19]."""
    return derivative(A, theta)


def fisher(theta, A):
    """(E3) F(θ) = ∇²A(θ) = ∂μ/∂θ = Cov_θ f [S19]."""
    return derivative(lambda t: mean_parameters(t, A), theta)


def fisher_in_parameters(xi, natural, A):
    """(E4) F_ξ = Jᵀ F(θ) J with J = ∂θ/∂ξ; in mean parameters it is F⁻¹ [S19]."""
    J = derivative(natural, xi)
    return J.T @ fisher(natural(xi), A) @ J


def kl_divergence(theta1, theta2, A):
    """(E5) KL(θ₁‖θ₂) = A(θ₂) − A(θ₁) − ⟨θ₂ − θ₁, μ(θ₁)⟩ [S19]."""
    return A(theta2) - A(theta1) - (theta2 - theta1) @ mean_parameters(theta1, A)


def conjugate(theta, A):
    """(E6) A*(μ) = sup_θ ⟨θ, μ⟩ − A(θ) = −H − E log h, attained where μ = μ(θ) [S19]."""
    return theta @ mean_parameters(theta, A) - A(theta)


def natural_gradient(theta, L, A):
    """(E7) ∇̃L = F(θ)⁻¹ ∇_θ L [S19]."""
    return solve(fisher(theta, A), derivative(L, theta))


def gradient_in_mean_parameters(mu, L, natural_from_mean):
    """(E8) F⁻¹ ∇_θ L = ∇_μ L, here the right side: no inverse is needed [S19]."""
    return derivative(lambda m: L(natural_from_mean(m)), mu)


def natural_gradient_flow(theta, target_mean, A):
    """(E9) For L = KL(p‖q_θ): ∇_θ L = μ(θ) − E_p f, and θ̇ = F⁻¹ (E_p f − μ(θ)) [L25]."""
    return solve(fisher(theta, A), target_mean - mean_parameters(theta, A))


def mean_path(t, start, target_mean):
    """(E10) Along that flow μ(t) = E_p f + e^{−t} (μ(0) − E_p f), a straight line [L25]."""
    return target_mean + exp(-t) * (start - target_mean)


class ClosedForm(NamedTuple):
    """A family in closed form at one member: f as a function, the others as numbers."""

    f: Any
    theta: Any
    A: Any
    mu: Any
    F: Any


def gaussian(m, s2):
    """(E12) Gaussian N(m, s²): f = (x, x²), and its θ, A, μ, F, with h = 1/sqrt(2π) [S19]."""
    theta = np.array([m / s2, -1 / (2 * s2)])
    return ClosedForm(
        f=lambda x: np.array([x, x * x]),
        theta=theta,
        A=-(theta[0] ** 2) / (4 * theta[1]) - log(-2 * theta[1]) / 2,
        mu=np.array([m, m * m + s2]),
        F=np.array([[s2, 2 * m * s2], [2 * m * s2, 4 * m * m * s2 + 2 * s2**2]]),
    )


def gamma(alpha, beta):
    """(E13) Gamma(α, rate β): f = (log x, x), and its θ, A, μ, F, with h = 1/x [S19]."""
    return ClosedForm(
        f=lambda x: np.array([log(x), x]),
        theta=np.array([alpha, -beta]),
        A=log_gamma(alpha) - alpha * log(beta),
        mu=np.array([digamma(alpha) - log(beta), alpha / beta]),
        F=np.array([[trigamma(alpha), 1 / beta], [1 / beta, alpha / beta**2]]),
    )
