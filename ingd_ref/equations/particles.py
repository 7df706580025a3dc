"""Section 4: the natural gradient carried by particles, KiNG and ntKiNG.

x are particles with weights π, f(x) statistics with Jacobian ∇f(x) = df(x) ∈ R^{d×b}, K(x, y) a
matrix kernel, Δ = E_p f − E_q f and M = λF̂ + εI.
"""

from ingd_ref.equations._numbers import solve
from ingd_ref.equations.projection import moment_rate
from ingd_ref.equations.statistics import covariance, mean, regulariser


def king_velocity(x, y, f, df, K, pi, rho, ridge, jitter):
    """KiNG in full: v(x_i) for particles x towards a sample y, (K3) and then (K2)."""
    Delta = mean(y, f, rho) - mean(x, f, pi)
    M = regulariser(covariance(x, f, pi), ridge, jitter)
    c = coefficients(x, df, K, pi, Delta, M)
    return [field(z, x, df, K, pi, c) for z in x]


def objective(a, x, df, K, pi, Delta, M):
    """(K1) v minimises ‖M^{−1/2}(E[∇fᵀv] − Δ)‖² + ‖v‖²; here for v = Σ_i K(·, x_i) a_i [L25]."""
    v = [sum(K(z, x_i) @ a_i for x_i, a_i in zip(x, a, strict=True)) for z in x]
    miss = moment_rate(x, v, df, pi) - Delta
    return miss @ solve(M, miss) + sum(a_i @ v_i for a_i, v_i in zip(a, v, strict=True))


def field(z, x, df, K, pi, c):
    """(K2) v(z) = Σ_i π_i K(z, x_i) ∇f(x_i) c [L25]."""
    return sum(w * K(z, x_i) @ df(x_i) @ c for w, x_i in zip(pi, x, strict=True))


def coefficients(x, df, K, pi, Delta, M):
    """(K3) (G + M) c = Δ with G = Σ_ij π_i π_j ∇f(x_i)ᵀ K(x_i, x_j) ∇f(x_j) [L25]."""
    return solve(gram(x, df, K, pi) + M, Delta)


def gram(x, df, K, pi):
    """G = Σ_ij π_i π_j ∇f(x_i)ᵀ K(x_i, x_j) ∇f(x_j), the double sum of (K3)."""
    return sum(
        w_i * w_j * df(x_i).T @ K(x_i, x_j) @ df(x_j)
        for w_i, x_i in zip(pi, x, strict=True)
        for w_j, x_j in zip(pi, x, strict=True)
    )


def contraction(x, df, K, pi):
    """(K4) V_j = Σ_i π_i K(x_j, x_i) ∇f(x_i), G = Σ_j π_j ∇f(x_j)ᵀ V_j, v(x_j) = V_j c [L25]."""
    V = [sum(w * K(z, x_i) @ df(x_i) for w, x_i in zip(pi, x, strict=True)) for z in x]
    G = sum(w * df(x_j).T @ V_j for w, x_j, V_j in zip(pi, x, V, strict=True))
    return V, G


def particle_step(x, eta, v, free):
    """(K9) x_i ← x_i + η v(x_i) on the free coordinates, a vector of ones and zeros [L25]."""
    return [x_i + eta * free * v(x_i) for x_i in x]


def unregularised_moment_rate(x, df, K, pi, Delta):
    """(K10) As M → 0, with G invertible: ∂_t E_q f = Gc → Δ [L25]."""
    c = coefficients(x, df, K, pi, Delta, M=0)
    return gram(x, df, K, pi) @ c


def equivariance_defect(v, R, t, z, X, Y):
    """(K11) v(Rz + t; RX + t, RY + t) − R v(z; X, Y), zero for radial f and K [L25]."""
    return v(R @ z + t, X @ R.T + t, Y @ R.T + t) - R @ v(z, X, Y)
