"""Matrix kernels against derivatives, explicit parameter Jacobians and dense sums written here."""

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import erf

from ingd_ref.errors import BackendError, DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.metrics import median_bandwidth
from ingd_ref.rkhs import (
    DivergenceFreeGaussian,
    GradientGaussian,
    GradientInverseMultiquadric,
    GradientMatern52,
    MedianBandwidth,
    NeuralTangent,
    RandomNeuralTangent,
    ScalarGaussian,
)

EPS = np.finfo(float).eps
FUNCTIONS = {
    "tanh": np.tanh,
    "relu": lambda a: np.where(a.real > 0, a, 0),
    "silu": lambda a: a / (1 + np.exp(-a)),
    "gelu": lambda a: a * 0.5 * (1 + erf(a / np.sqrt(2))),
}


def network(rng, sizes):
    return [(rng.normal(size=(o, i)), rng.normal(size=o)) for i, o in itertools.pairwise(sizes)]


def output(parameters, sizes, x, function):
    """h(x) of a flat complex parameter vector."""
    start = 0
    for number, (i, o) in enumerate(itertools.pairwise(sizes)):
        matrix, start = parameters[start : start + i * o].reshape(o, i), start + i * o
        offset, start = parameters[start : start + o], start + o
        x = matrix @ x + offset
        if number < len(sizes) - 2:
            x = function(x)
    return x


def parameter_jacobian(layers, sizes, x, function):
    """∂h/∂w at one point by the complex step, (d, p)."""
    flat = np.concatenate([part.ravel() for layer in layers for part in layer]).astype(complex)
    columns = []
    for k in range(flat.size):
        shifted = flat.copy()
        shifted[k] += 1e-150j
        columns.append(output(shifted, sizes, x, function).imag / 1e-150)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("activation", list(FUNCTIONS))
@pytest.mark.parametrize("hidden", [(), (3,), (4, 3), (3, 2, 4)])
def test_the_tangent_kernel_is_the_gram_matrix_of_parameter_jacobians(activation, hidden):
    rng = np.random.default_rng(len(hidden))
    sizes = (2, *hidden, 2)
    layers = network(rng, sizes)
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(2, 2))
    left = np.stack([parameter_jacobian(layers, sizes, p, FUNCTIONS[activation]) for p in x])
    right = np.stack([parameter_jacobian(layers, sizes, p, FUNCTIONS[activation]) for p in y])
    full = np.einsum("nap,mcp->nmac", left, right)
    diagonal = full * np.eye(2)
    trace = np.trace(full, axis1=2, axis2=3)[:, :, None, None] / 2 * np.eye(2)
    for mode, expected in (("full", full), ("diagonal", diagonal), ("trace", trace)):
        kernel = NeuralTangent(layers, activation, mode)
        # sums over at most 40 parameters, entries of moderate size
        assert np.abs(kernel(x, y) - expected).max() <= 200 * EPS * np.abs(full).max()


def test_the_gradient_kernel_is_the_mixed_derivative_of_the_gaussian():
    rng = np.random.default_rng(0)
    x, y, sigma = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), 0.8

    def k(p, q):
        return np.exp(-(((p - q) / sigma) ** 2).sum() / 2)

    step = 6e-5  # mixed central difference: truncation h²/6·|k⁗| ~ 1e-9·σ⁻⁴, rounding eps/h² ~ 6e-8
    expected = np.zeros((4, 5, 3, 3))
    axes = step * np.eye(3)
    for i, p in enumerate(x):
        for j, q in enumerate(y):
            for a in range(3):
                for c in range(3):
                    ahead = k(p + axes[a], q + axes[c]) - k(p + axes[a], q - axes[c])
                    behind = k(p - axes[a], q + axes[c]) - k(p - axes[a], q - axes[c])
                    expected[i, j, a, c] = (ahead - behind) / (4 * step**2)
    assert np.abs(GradientGaussian(sigma)(x, y) - expected).max() <= 3e-7


def kernels(rng, d):
    layers = network(rng, (d, 5, d))
    return [
        GradientGaussian(0.9),
        ScalarGaussian(0.9),
        GradientInverseMultiquadric(0.9),
        GradientMatern52(0.9),
        *([DivergenceFreeGaussian(0.9)] if d > 1 else []),
        *(NeuralTangent(layers, "silu", mode) for mode in ("full", "diagonal", "trace")),
    ]


@given(
    m=st.integers(1, 60),
    n=st.integers(1, 60),
    d=st.integers(1, 4),
    b=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
@example(m=1, n=1, d=1, b=1, seed=0)
@example(m=150, n=170, d=2, b=200, seed=1)  # several tiles in both directions
def test_contraction_is_the_weighted_sum_of_the_full_kernel(m, n, d, b, seed):
    rng = np.random.default_rng(seed)
    points, x, jacobian, weights = (
        rng.normal(size=(m, d)),
        rng.normal(size=(n, d)),
        rng.normal(size=(n, d, b)),
        rng.random(n),
    )
    for kernel in kernels(rng, d):
        expected = np.einsum("i,jiac,ics->jas", weights, kernel(points, x), jacobian, optimize=True)
        # a sum of n d products; the bound of its terms
        size = np.einsum(
            "i,jiac,ics->jas", weights, np.abs(kernel(points, x)), np.abs(jacobian), optimize=True
        ).max()
        for implementation in ("readable", "auto"):
            error = np.abs(
                kernel.contract(points, x, jacobian, weights, implementation) - expected
            ).max()
            assert error <= 20 * EPS * (10 + np.sqrt(n * d)) * size


@given(n=st.integers(1, 8), d=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_kernels_are_symmetric_and_positive_semidefinite(n, d, seed):
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(n, d)), 2, axis=0)
    for kernel in kernels(rng, d):
        gram = np.swapaxes(kernel(x, x), 1, 2).reshape(2 * n * d, 2 * n * d)
        values = np.linalg.eigvalsh((gram + gram.T) / 2)
        assert np.abs(gram - gram.T).max() <= 10 * EPS * np.abs(gram).max()
        assert values[0] >= -10 * gram.shape[0] * EPS * values[-1]


def test_rules_draw_what_they_say():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 3))
    assert MedianBandwidth(ScalarGaussian, "lower").draw(x, x, rng) == ScalarGaussian(
        median_bandwidth(x, "lower")
    )
    drawn = RandomNeuralTangent((7, 6), "relu", "full").draw(x.astype(np.float32), x, rng)
    assert [matrix.shape for matrix, _ in drawn.layers] == [(7, 3), (6, 7), (3, 6)]
    assert all(part.dtype == np.float32 for layer in drawn.layers for part in layer)
    assert all(
        np.abs(part).max() <= 1 / np.sqrt(layer[0].shape[1])
        for layer in drawn.layers
        for part in layer
    )
    again = [
        RandomNeuralTangent().draw(x, x, np.random.default_rng(3)).layers[0][0] for _ in range(2)
    ]
    assert np.array_equal(*again)
    fixed = GradientGaussian(1.0)
    assert fixed.draw(x, x, rng) is fixed


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: GradientGaussian(0.0), DomainError, "bandwidth"),
        (lambda: ScalarGaussian(float("nan")), NonFiniteError, "bandwidth"),
        (lambda: GradientGaussian("wide"), DomainError, "'wide'"),
        (
            lambda: GradientGaussian(1.0)(np.ones((2, 2)), np.ones((2, 3))),
            ShapeError,
            r"y must have shape \(n, 2\)",
        ),
        (lambda: NeuralTangent([]), ShapeError, "at least one"),
        (
            lambda: NeuralTangent([(np.ones((3, 2)), np.ones(3))]),
            ShapeError,
            "2 inputs and 3 outputs",
        ),
        (lambda: NeuralTangent([(np.ones((3, 2)), np.ones(2))]), ShapeError, r"layers\[0\] offset"),
        (
            lambda: NeuralTangent([(np.ones((3, 2)), np.ones(3)), (np.ones((2, 4)), np.ones(2))]),
            ShapeError,
            r"layers\[1\] matrix",
        ),
        (lambda: NeuralTangent([(np.eye(2), np.ones(2))], "sine"), OptionError, "'sine'"),
        (lambda: NeuralTangent([(np.eye(2), np.ones(2))], mode="half"), OptionError, "'half'"),
        (lambda: NeuralTangent([(1.0, np.ones(1))]), BackendError, r"layers\[0\] matrix"),
        (
            lambda: NeuralTangent([(np.eye(2), np.ones(2))])(np.ones((1, 3)), np.ones((1, 3))),
            ShapeError,
            "takes 2 numbers",
        ),
        (lambda: MedianBandwidth(rule="upper"), OptionError, "'upper'"),
        (lambda: RandomNeuralTangent((0,)), DomainError, "widths"),
    ],
)
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
