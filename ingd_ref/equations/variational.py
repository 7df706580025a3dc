"""Section 1, continued: natural-gradient variational inference, L(θ) = KL(q_θ‖p), p ∝ e^ℓ."""

from ingd_ref.equations._numbers import derivative, solve


def variational_gradient(theta, mu, expectation):
    """(E11) ∇_μ L = θ − ∇_μ E_θ[ℓ − log h], the expectation as a function of μ [K18]."""
    return theta - derivative(expectation, mu)


def gaussian_step(P, m, rho, gradient, hessian):
    """(E11) for N(m, P⁻¹): P ← (1−ρ)P − ρ E∇²ℓ, m ← m + ρ P⁻¹ E∇ℓ with the new P [K18]."""
    P = (1 - rho) * P - rho * hessian
    return P, m + rho * solve(P, gradient)
