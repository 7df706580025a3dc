"""Baseline flows: v at a point z, for particles x_k with weights π and a sample y_j with ρ."""

import numpy as np

from ingd_ref.equations._numbers import exp, log, norm
from ingd_ref.equations.kernels import gaussian


def kde_score(z, y, rho, sigma):
    """∇log p̂(z) = Σ_j r_j (y_j − z)/σ², r = softmax_j(log ρ_j − ‖z − y_j‖²/(2σ²))."""
    terms = [(w, c) for w, c in zip(rho, y, strict=True) if w != 0]
    logits = [log(w) - (z - c) @ (z - c) / (2 * sigma**2) for w, c in terms]
    r = [exp(logit - max(logits)) for logit in logits]
    return sum(w * (c - z) / sigma**2 for w, (_, c) in zip(r, terms, strict=True)) / sum(r)


def wasserstein_velocity(z, x, y, pi, rho, sigma):
    """(W1) v = ∇log p̂ − ∇log q̂ with Gaussian kernel density estimates [L25]."""
    return kde_score(z, y, rho, sigma) - kde_score(z, x, pi, sigma)


def energy_velocity(z, x, y, pi, rho):
    """(W2) v(z) = 2 Σ_k π_k (z − x_k)/‖z − x_k‖ − 2 Σ_j ρ_j (z − y_j)/‖z − y_j‖, 0/0 = 0 [L25]."""

    def mean_direction(points, weights):
        others = [(w, z - c) for w, c in zip(weights, points, strict=True) if np.any(z != c)]
        return sum((w * r / norm(r) for w, r in others), start=z * 0)

    return 2 * mean_direction(x, pi) - 2 * mean_direction(y, rho)


def mmd_velocity(z, x, y, pi, rho, sigma):
    """(W3) v(z) = 2 ∇_z [Σ_j ρ_j k(z, y_j) − Σ_k π_k k(z, x_k)], k Gaussian [L25]."""

    def slope(points, weights):
        terms = zip(weights, points, strict=True)
        return sum(w * gaussian(z, c, sigma) * (c - z) / sigma**2 for w, c in terms)

    return 2 * slope(y, rho) - 2 * slope(x, pi)


def stein_velocity(z, x, pi, score, sigma):
    """(W4) v(z) = Σ_i π_i [k(x_i, z) s(x_i) + ∇_{x_i} k(x_i, z)], s = ∇log p known [L25]."""
    return sum(
        w * gaussian(c, z, sigma) * (score(c) + (z - c) / sigma**2)
        for w, c in zip(pi, x, strict=True)
    )
