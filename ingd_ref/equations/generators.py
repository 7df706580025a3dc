"""Section 3: tracking the natural gradient with a generator x = g(z; w), iNGD."""

import numpy as np

from ingd_ref.equations._numbers import derivative, orthonormal_columns, solve


def moment_jacobian(z, w, g, df, pi):
    """(N1) B = Σ_i π_i ∇f(x_i)ᵀ J_i with J_i = ∂g(z_i; w)/∂w; u moves the moments by Bu [L25]."""
    J = [derivative(lambda v, latent=latent: g(latent, v), w) for latent in z]
    return sum(
        weight * df(g(latent, w)).T @ J_i for weight, latent, J_i in zip(pi, z, J, strict=True)
    )


def objective(u, B, Delta, M):
    """(N2) u minimises ‖M^{−1/2}(Bu − Δ)‖² + ‖u‖² with M = λF̂ + εI; here its value [L25]."""
    return (B @ u - Delta) @ solve(M, B @ u - Delta) + u @ u


def velocity(B, Delta, M):
    """(N3) u = Bᵀ (BBᵀ + M)⁻¹ Δ [L25]."""
    return B.T @ solve(B @ B.T + M, Delta)


def velocity_by_stacking(B, Delta, L):
    """(N3′) The first p entries of the shortest z with [B, L] z = Δ, where LLᵀ = M [L25]."""
    A = np.hstack([B, L])
    Q = orthonormal_columns(A.T)
    z = Q @ solve(A @ Q, Delta)
    return z[: B.shape[1]]


def step(w, eta, u):
    """(N4) w ← w + η u(w) [L25]."""
    return w + eta * u(w)
