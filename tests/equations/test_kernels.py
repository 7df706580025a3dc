"""(K5)-(K8) against mpmath's derivatives of the scalar kernel and of a network's parameters."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from ingd_ref.equations import LABELS
from tests.equations.digits import MP, ROUNDING, close, exact, partial, random

SIGMA = MP.mpf("1.3")


def gaussian(x, y):
    return MP.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / (2 * SIGMA**2))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_gradient_kernel_is_the_mixed_derivative(d):
    x, y = random(1, d), random(2, d)
    both = np.concatenate([x, y])
    expected = [
        [partial(lambda z: gaussian(z[:d], z[d:]), both, a, d + c) for c in range(d)]
        for a in range(d)
    ]
    close(LABELS["K5"](x, y, SIGMA), expected, ROUNDING)


def test_gradient_kernel_is_free_of_curl():
    """∂_a K_ce = ∂_c K_ae in x, for each column e."""
    x, y = random(3, 2), random(4, 2)
    for e in range(2):
        slopes = [
            partial(lambda z, c=c, e=e: LABELS["K5"](z, y, SIGMA)[c, e], x, a)
            for a, c in ((0, 1), (1, 0))
        ]
        close(slopes[0], slopes[1], ROUNDING)


def test_gradient_kernel_at_one_point_is_a_multiple_of_the_identity():
    x = random(5, 3)
    close(LABELS["K5"](x, x, SIGMA), np.eye(3, dtype=int) / SIGMA**2, ROUNDING)


@pytest.mark.parametrize("d", [1, 3])
def test_scalar_kernel_is_a_multiple_of_the_identity(d):
    x, y = random(6, d), random(7, d)
    close(LABELS["K6"](x, y, SIGMA), gaussian(x, y) * np.eye(d, dtype=int), ROUNDING)


# --------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "tanh": MP.tanh,
    "relu": lambda a: a if a > 0 else a * 0,
    "silu": lambda a: a / (1 + MP.exp(-a)),
    "gelu": lambda a: a * MP.ncdf(a),
}


def output(parameters, sizes, activation, x):
    """Run the network whose weights and offsets are consecutive entries of one vector."""
    remaining, h = list(parameters), list(x)
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        rows = [[remaining.pop(0) for _ in range(inputs)] for _ in range(outputs)]
        sums = [remaining.pop(0) + sum(map(MP.fmul, row, h)) for row in rows]
        last = layer == len(sizes) - 2
        h = sums if last else [ACTIVATIONS[activation](a) for a in sums]
    return h


def parameter_jacobian(parameters, sizes, activation, x):
    return np.array(
        [
            [
                partial(lambda w, a=a: output(w, sizes, activation, x)[a], parameters, j)
                for j in range(len(parameters))
            ]
            for a in range(sizes[-1])
        ]
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(2, 2), (1, 3, 1), (2, 3, 2), (2, 2, 3, 2)], ids=str)
def test_tangent_kernel_is_the_product_of_parameter_jacobians(sizes, activation):
    layers = [
        (random(10 + i, o, n) / 2, random(20 + i, o))
        for i, (n, o) in enumerate(itertools.pairwise(sizes))
    ]
    flat = np.concatenate([part.reshape(-1) for layer in layers for part in layer])
    x, y = random(30, sizes[0]), random(31, sizes[0])
    at_x, at_y = (parameter_jacobian(flat, sizes, activation, z) for z in (x, y))
    close(LABELS["K7"](x, y, layers, activation), at_x @ at_y.T, 1e-40)


# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_bandwidth_is_the_median_of_all_ordered_pairs(n):
    """In fractions: squared distances of all n² pairs, of which each positive one stands twice."""
    x = np.random.default_rng(n).integers(-8, 8, size=(n, 2))
    x[-1] = x[0]  # a duplicate, whose zero does not count
    x[0, 0] += 9 if n == 2 else 0
    squares = sorted(s for a in x for b in x if (s := Fraction(int(np.sum((a - b) ** 2)))) > 0)
    middle = (squares[(len(squares) - 1) // 2] + squares[len(squares) // 2]) / 2
    expected = MP.sqrt(MP.mpf(middle.numerator) / middle.denominator / 2)
    close(LABELS["K8"](exact(x)), expected, ROUNDING)
