"""Section 5, finite models: p(h, v) is an array with a row for each hidden state h."""

import numpy as np

from ingd_ref.equations._numbers import log, orthonormal_columns, pseudo_inverse_times, sqrt


def inner_product(a, b, p):
    """(B1) ⟨a, b⟩_p = Σ_x a_x b_x / p_x on vectors that sum to zero [A25]."""
    return np.sum(a * b / p)


def simplex_gradient(p, dL):
    """(B1) grad L = p ∘ (∂L − E_p ∂L) [A25]."""
    return p * (dL - np.sum(p * dL))


def natural_gradient(p, J, dL):
    """(B2) G = Jᵀ diag(1/p) J; G⁺ ∂_ξL in coordinates, J G⁺ ∂_ξL as a tangent vector [A25]."""
    G = J.T @ (J / p[:, None])
    coordinates = pseudo_inverse_times(G, dL)
    return coordinates, J @ coordinates


def divergence(q, p):
    """KL(q‖p) = Σ q log(q/p)."""
    return np.sum(q * log(q / p))


def losses(p, target, recognition):
    """(B3) L_V = KL(p*_V‖Πp), L = KL(q‖p) with q = p*_V(v) q(h|v), the gap L − L_V ≥ 0 [A25]."""
    evidence = divergence(target, p.sum(axis=0))
    bound = divergence(target * recognition, p)
    return evidence, bound, bound - evidence


def gap_gradient(p, target, recognition):
    """(B4) grad(L − L_V) = p*_V(v) (p(h|v) − q(h|v)), which is vertical: Π of it is 0 [A25]."""
    return target * (p / p.sum(axis=0) - recognition)


def cylindrical_defect(p, J):
    """(B5) S − S², S with the cos² of the principal angles of T_pM and H_p: 0 if cylindrical [A25].

    J has a row for each state (h, v), v changing fastest.
    """
    Q = orthonormal_columns(J / sqrt(p).ravel()[:, None])
    lift = sqrt(p / p.sum(axis=0))  # the whitened horizontal space is spanned by its columns
    cosines = (lift[..., None] * Q.reshape(*p.shape, -1)).sum(axis=0)
    S = cosines.T @ cosines
    return S - S @ S


def direction_cosine(p, J, dL, dL_V):
    """(B6) cos in the visible metric of ΠJ G⁺ ∂L and ΠJ G_V⁺ ∂L_V [A25]."""
    J_V = J.reshape(*p.shape, -1).sum(axis=0)
    p_V = p.sum(axis=0)
    a = J_V @ natural_gradient(p.ravel(), J, dL)[0]
    b = J_V @ natural_gradient(p_V, J_V, dL_V)[0]
    lengths = sqrt(inner_product(a, a, p_V)) * sqrt(inner_product(b, b, p_V))
    return inner_product(a, b, p_V) / lengths
