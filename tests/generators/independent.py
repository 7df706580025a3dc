"""Generators written again from their formulas in plain NumPy, for complex parameters, too."""

import itertools

import numpy as np

from ingd_ref.generators import Affine, LocationScale, MultilayerPerceptron, TriangularPolynomial

ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda a: np.where(a.real > 0, a, 0),
    "silu": lambda a: a / (1 + np.exp(-a)),
}
STEP = 1e-150  # of the complex step, whose truncation error is its square


def location_scale(generator, w, z):
    d = generator.dimension
    scale = np.exp(w[d:]) if generator.logarithmic else w[d:]
    return np.array(
        [[w[a] + scale[0 if generator.shared else a] * point[a] for a in range(d)] for point in z]
    )


def affine(generator, w, z):
    d, entries = generator.dimension, iter(w[generator.dimension :])
    matrix = np.zeros((d, d), dtype=w.dtype)
    for row, column in itertools.product(range(d), repeat=2):
        if {"full": True, "triangular": column <= row, "diagonal": column == row}[generator.kind]:
            matrix[row, column] = next(entries)
    return np.array([w[:d] + matrix @ point for point in z])


def perceptron(generator, w, z):
    rows = []
    for point in z:
        hidden, start = point, 0
        for layer, (i, o) in enumerate(itertools.pairwise(generator.sizes), 1):
            matrix, start = w[start : start + i * o].reshape(o, i), start + i * o
            offset, start = w[start : start + o], start + o
            hidden = matrix @ hidden + offset
            if layer < len(generator.sizes) - 1:
                hidden = ACTIVATIONS[generator.activation](hidden)
        rows.append(hidden + point if generator.residual else hidden)
    return np.array(rows)


def triangular_polynomial(generator, w, z):
    d, q, r = generator.dimension, generator.degree, generator.slope_degree
    slopes, start = w[w.size - d * (r + 1) :].reshape(d, r + 1), 0
    columns = []
    for j in range(d):
        total = np.zeros(len(z), dtype=w.dtype)
        # exponents of the coordinates before, by degree, and within a degree in the order of
        # combinations with repetition
        exponents = [e for e in itertools.product(range(q + 1), repeat=j) if sum(e) <= q]
        for exponent in sorted(exponents, key=lambda e: (sum(e), tuple(-k for k in e))):
            total = total + w[start] * np.prod(z[:, :j] ** np.array(exponent, dtype=int), axis=1)
            start += 1
        square = np.convolve(slopes[j], slopes[j])
        integral = np.concatenate([[0], square / np.arange(1, square.size + 1)])
        columns.append(total + sum(c * z[:, j] ** m for m, c in enumerate(integral)))
    return np.stack(columns, axis=1)


FORMULAS = {
    LocationScale: location_scale,
    Affine: affine,
    MultilayerPerceptron: perceptron,
    TriangularPolynomial: triangular_polynomial,
}

ANALYTIC = [
    LocationScale(1),
    LocationScale(3),
    LocationScale(3, shared=False),
    LocationScale(2, logarithmic=True),
    LocationScale(2, shared=False, logarithmic=True),
    Affine(1),
    Affine(3),
    Affine(3, "triangular"),
    Affine(3, "diagonal"),
    TriangularPolynomial(1, 0, 0),
    TriangularPolynomial(2, 3, 2),
    TriangularPolynomial(3, 2, 1),
    TriangularPolynomial(3, 0, 1),
    MultilayerPerceptron((2, 3)),
    MultilayerPerceptron((2, 2), residual=True),
    MultilayerPerceptron((1, 4, 1)),
    MultilayerPerceptron((3, 4, 2), "silu"),
    MultilayerPerceptron((2, 4, 3, 2), "relu", residual=True),
    MultilayerPerceptron((2, 3, 4, 3, 1), "tanh"),
]


def value(generator, w, z):
    return FORMULAS[type(generator)](generator, np.asarray(w), np.asarray(z))


def jacobian(generator, w, z):
    """(n, d, p), column by column by the complex step."""
    columns = []
    for k in range(w.size):
        shifted = np.array(w, dtype=complex)
        shifted[k] += 1j * STEP
        columns.append(value(generator, shifted, z).imag / STEP)
    return np.stack(columns, axis=2)
