"""Sufficient statistics f(x) ∈ R^b with ∇f(x) ∈ R^{d×b} at a point x, and their moments."""

import itertools

import numpy as np

from ingd_ref.equations._numbers import cos, derivative, exp, sin, sqrt


def mean(x, f, pi):
    """E f = Σ_i π_i f(x_i)."""
    return sum(w * f(z) for w, z in zip(pi, x, strict=True))


def covariance(x, f, pi):
    """F̂ = Σ_i π_i (f(x_i) − E f)(f(x_i) − E f)ᵀ."""
    centre = mean(x, f, pi)
    return sum(w * np.outer(f(z) - centre, f(z) - centre) for w, z in zip(pi, x, strict=True))


def regulariser(fisher, ridge, jitter):
    """M = λF̂ + εI."""
    return ridge * fisher + jitter * np.eye(len(fisher), dtype=int)


def denoising_loss(E, x, noise, s):
    """(F1) Denoising score matching: the mean of ‖∇E(x + ϵ) + ϵ/s²‖² over the samples [L25]."""
    residuals = [derivative(E, z + e) + e / s**2 for z, e in zip(x, noise, strict=True)]
    return sum(r @ r for r in residuals) / len(x)


def gaussian_rbf(x, centers, sigma):
    """f_s(x) = exp(−‖x − c_s‖² / (2σ²))."""
    return np.array([exp(-(x - c) @ (x - c) / (2 * sigma**2)) for c in centers])


def gaussian_rbf_jacobian(x, centers, sigma):
    """∇f_s(x) = f_s(x) (c_s − x) / σ²."""
    f = gaussian_rbf(x, centers, sigma)
    return np.array([f[s] * (c - x) / sigma**2 for s, c in enumerate(centers)]).T


def polynomial(x, centers, degree, offset):
    """f_s(x) = (⟨x, c_s⟩ + o)^q."""
    return np.array([(x @ c + offset) ** degree for c in centers])


def polynomial_jacobian(x, centers, degree, offset):
    """∇f_s(x) = q (⟨x, c_s⟩ + o)^(q−1) c_s."""
    return np.array([degree * (x @ c + offset) ** (degree - 1) * c for c in centers]).T


def monomial_indices(dim, degree):
    """Return the coordinates in each product, in graded lexicographic order."""
    degrees = range(1, degree + 1)
    indices = (itertools.combinations_with_replacement(range(dim), total) for total in degrees)
    return list(itertools.chain.from_iterable(indices))


def monomials(x, degree):
    """f(x) = x_a, x_a x_c, …: all products of coordinates up to a degree."""
    return np.array([np.prod(x[list(index)]) for index in monomial_indices(len(x), degree)])


def monomials_jacobian(x, degree):
    """∇f(x) by the product rule."""
    indices = monomial_indices(len(x), degree)
    jacobian = np.zeros((len(x), len(indices)), dtype=x.dtype)
    for s, index in enumerate(indices):
        for place, a in enumerate(index):
            jacobian[a, s] += np.prod(x[list(index[:place] + index[place + 1 :])])
    return jacobian


def pairwise_products(x):
    """f(x) = x_a x_c for a < c."""
    return np.array([x[a] * x[c] for a, c in itertools.combinations(range(len(x)), 2)])


def pairwise_products_jacobian(x):
    """∇f(x) by the product rule."""
    pairs = list(itertools.combinations(range(len(x)), 2))
    jacobian = np.zeros((len(x), len(pairs)), dtype=x.dtype)
    for s, (a, c) in enumerate(pairs):
        jacobian[a, s], jacobian[c, s] = x[c], x[a]
    return jacobian


def random_fourier(x, frequencies, phases):
    """f_s(x) = sqrt(2/b) cos(⟨ω_s, x⟩ + φ_s)."""
    scale = sqrt((phases[0] * 0 + 2) / len(phases))
    return np.array([scale * cos(w @ x + p) for w, p in zip(frequencies, phases, strict=True)])


def random_fourier_jacobian(x, frequencies, phases):
    """∇f_s(x) = −sqrt(2/b) sin(⟨ω_s, x⟩ + φ_s) ω_s."""
    scale = sqrt((phases[0] * 0 + 2) / len(phases))
    angles = [w @ x + p for w, p in zip(frequencies, phases, strict=True)]
    return np.array([-scale * sin(t) * w for t, w in zip(angles, frequencies, strict=True)]).T
