"""Section 4, the kernels: K(x, y) ∈ R^{d×d} for a pair of points."""

import numpy as np

from ingd_ref.equations._numbers import atan, erf, exp, sqrt, tanh


def gaussian(x, y, sigma):
    """k(x, y) = exp(−‖x − y‖² / (2σ²))."""
    return exp(-(x - y) @ (x - y) / (2 * sigma**2))


def gradient_gaussian(x, y, sigma):
    """(K5) K(x, y) = ∇_x ∇_yᵀ k = k(x, y) [I/σ² − (x − y)(x − y)ᵀ/σ⁴], free of curl [L25]."""
    identity = np.eye(len(x), dtype=int)
    return gaussian(x, y, sigma) * (identity / sigma**2 - np.outer(x - y, x - y) / sigma**4)


def scalar_gaussian(x, y, sigma):
    """(K6) K(x, y) = k(x, y) I [L25]."""
    return gaussian(x, y, sigma) * np.eye(len(x), dtype=int)


def neural_tangent(x, y, layers, activation):
    """(K7) K_ac(x, y) = Σ_l ⟨δ_l^a(x), δ_l^c(y)⟩ (1 + ⟨h_{l−1}(x), h_{l−1}(y)⟩) [L25]."""
    at_x, at_y = sensitivities(x, layers, activation), sensitivities(y, layers, activation)
    return sum(
        delta_x @ delta_y.T * (1 + h_x @ h_y)
        for (delta_x, h_x), (delta_y, h_y) in zip(at_x, at_y, strict=True)
    )


def sensitivities(x, layers, activation):
    """Return (δ_l, h_{l−1}) of each layer a_l = W_l h_{l−1} + b_l; row a of δ_l is ∂h_a/∂a_l."""
    function, slope = ACTIVATIONS[activation]
    inputs, sums = [x], []
    for weight, bias in layers:
        sums.append(weight @ inputs[-1] + bias)
        inputs.append(function(sums[-1]))
    deltas = [np.eye(len(sums[-1]), dtype=int)]  # the last layer has no activation
    for (weight, _), a in zip(layers[:0:-1], sums[-2::-1], strict=True):
        deltas.append(deltas[-1] @ weight * slope(a))
    return list(zip(reversed(deltas), inputs[:-1], strict=True))


def sigmoid(a):
    """1 / (1 + e^{−a})."""
    return 1 / (1 + exp(-a))


def normal_distribution(a):
    """Φ(a), the distribution function of the standard normal."""
    return (1 + erf(a / sqrt(a * 0 + 2))) / 2


def normal_density(a):
    """Φ′(a) = exp(−a²/2) / sqrt(2π), with π = 4 atan 1."""
    return exp(-a * a / 2) / sqrt(8 * atan(a * 0 + 1))


#: Activation functions of the layers, with their derivatives.
ACTIVATIONS = {
    "tanh": (tanh, lambda a: 1 - tanh(a) * tanh(a)),
    "relu": (lambda a: a * (a > 0), lambda a: a * 0 + (a > 0)),
    "silu": (lambda a: a * sigmoid(a), lambda a: sigmoid(a) * (1 + a * (1 - sigmoid(a)))),
    "gelu": (
        lambda a: a * normal_distribution(a),
        lambda a: normal_distribution(a) + a * normal_density(a),
    ),
}


def median_bandwidth(x):
    """(K8) σ = sqrt(median {‖x_i − x_j‖² : i < j, positive} / 2) [L25]."""
    pairs = [(a - b) @ (a - b) for i, a in enumerate(x) for b in x[:i]]
    positive = sorted(square for square in pairs if square > 0)
    half = len(positive) // 2
    median = positive[half] if len(positive) % 2 else (positive[half - 1] + positive[half]) / 2
    return sqrt(median / 2)
