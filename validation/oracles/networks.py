"""Networks with complex parameters, so that derivatives come from the complex step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# A complex step has no cancellation, and its truncation error, of relative size STEP², is far
# below rounding
STEP = 1e-30
Layer = tuple[np.ndarray, np.ndarray]


def activation(name: str, a: complex) -> tuple[complex, complex]:
    """The activation and its derivative by textbook formulas, for a complex number."""
    if name == "tanh":
        return complex(np.tanh(a)), complex(1 / np.cosh(a) ** 2)
    if name == "silu":
        logistic = 1 / (1 + np.exp(-a))
        return complex(a * logistic), complex(logistic + a * np.exp(-a) * logistic**2)
    return (a, 1.0) if a.real > 0 else (0.0, 0.0)


def energy_gradient(
    layers: Sequence[Layer], head: np.ndarray, name: str, x: np.ndarray
) -> np.ndarray:
    """∇E at one point by the chain rule from the input to the output."""
    values = np.asarray(x, dtype=complex)
    jacobian = np.eye(len(x), dtype=complex)
    for matrix, offset in layers:
        pairs = [
            activation(name, sum(w * v for w, v in zip(row, values, strict=True)) + b)
            for row, b in zip(matrix, offset, strict=True)
        ]
        jacobian = np.array(
            [slope * (row @ jacobian) for (_, slope), row in zip(pairs, matrix, strict=True)]
        )
        values = np.array([value for value, _ in pairs])
    return np.asarray(head @ jacobian)


def denoising_loss(
    layers: Sequence[Layer],
    head: np.ndarray,
    name: str,
    x: np.ndarray,
    disturbance: np.ndarray,
    noise: float,
) -> complex:
    """(F1) as it stands; squares, not squared moduli, so that it is analytic."""
    total = 0.0 + 0.0j
    for point, epsilon in zip(x, disturbance, strict=True):
        total += np.sum(
            (energy_gradient(layers, head, name, point + epsilon) + epsilon / noise**2) ** 2
        )
    return complex(total / len(x))


def denoising_gradient(
    layers: Sequence[Layer],
    head: np.ndarray,
    name: str,
    x: np.ndarray,
    disturbance: np.ndarray,
    noise: float,
) -> list[np.ndarray]:
    """Gradient over every matrix, offset and the head, one complex step for each entry."""
    parts = [np.asarray(part, dtype=complex) for layer in layers for part in layer] + [
        np.asarray(head, dtype=complex)
    ]
    gradients = []
    for part in parts:
        gradient = np.zeros(part.shape)
        for index in np.ndindex(part.shape):
            part[index] += 1j * STEP
            changed = list(zip(parts[:-1:2], parts[1:-1:2], strict=True))
            gradient[index] = (
                denoising_loss(changed, parts[-1], name, x, disturbance, noise).imag / STEP
            )
            part[index] -= 1j * STEP
        gradients.append(gradient)
    return gradients
