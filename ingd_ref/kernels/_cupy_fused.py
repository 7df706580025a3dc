"""Kernels in one launch each, for CuPy arrays, with the names and signatures of ``readable``.

Each thread owns the numbers that it writes, and threads neither share memory nor wait for each
other, so results are the same on every run, and the source is plain C++ that any compiler can
check. Arithmetic is in the type of the input. CuPy is imported when a kernel first runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from ingd_ref.backend._namespace import Array
from ingd_ref.backend._operations import tiles

__all__ = [
    "REPAYS",
    "distance_gradient",
    "gaussian_kde_score",
    "gaussian_rbf",
    "gaussian_rbf_with_jacobian",
    "gradient_gaussian_contraction",
    "gradient_gaussian_gram",
    "squared_distances",
]

THREADS = 256  # threads to a block
TILE_BYTES = 256 * 2**20  # largest written-out kernel tile
# Up to this d the 2d² operations of one large matrix product are at most about 6d of small ones.
EXPANDED_DIMENSION = 4

SOURCE = """
#define EACH(index, count) \\
    const long long index = (long long)blockIdx.x * blockDim.x + threadIdx.x; \\
    if (index >= count) return

// ‖p − q‖² of two rows of length d
static __device__ real squared(const real* p, const real* q, long long d) {
    real sum = 0;
    for (long long a = 0; a < d; ++a) {
        const real r = p[a] - q[a];
        sum += r * r;
    }
    return sum;
}

// out_ij = ‖x_i − y_j‖²
extern "C" __global__ void squared_distances(
    const real* x, const real* y, real* out, long long n, long long m, long long d
) {
    EACH(pair, n * m);
    out[pair] = squared(x + (pair / m) * d, y + (pair % m) * d, d);
}

// out_j = Σ_i w_i (p_j − x_i) / ‖p_j − x_i‖
extern "C" __global__ void distance_gradient(
    const real* points, const real* x, const real* weights, real* out,
    long long m, long long n, long long d
) {
    EACH(j, m);
    const real* p = points + j * d;
    for (long long a = 0; a < d; ++a) out[j * d + a] = 0;
    for (long long i = 0; i < n; ++i) {
        const real distance = sqrt(squared(p, x + i * d, d));
        const real factor = distance > 0 ? weights[i] / distance : (real)0;
        for (long long a = 0; a < d; ++a) out[j * d + a] += factor * (p[a] - x[i * d + a]);
    }
}

// out_j = Σ_i r_ij (x_i − p_j) / σ², r the softmax over i of log w_i − ‖p_j − x_i‖² / 2σ² (W1)
extern "C" __global__ void gaussian_kde_score(
    const real* points, const real* x, const real* log_weights, real bandwidth, real* out,
    long long m, long long n, long long d
) {
    EACH(j, m);
    const real* p = points + j * d;
    const real scale = (real)(-0.5) / (bandwidth * bandwidth);
    real top = log_weights[0] + scale * squared(p, x, d);
    for (long long i = 1; i < n; ++i) {
        const real logit = log_weights[i] + scale * squared(p, x + i * d, d);
        top = logit > top ? logit : top;
    }
    real total = 0;
    for (long long a = 0; a < d; ++a) out[j * d + a] = 0;
    for (long long i = 0; i < n; ++i) {
        const real power = exp(log_weights[i] + scale * squared(p, x + i * d, d) - top);
        total += power;
        for (long long a = 0; a < d; ++a) out[j * d + a] += power * (x[i * d + a] - p[a]);
    }
    for (long long a = 0; a < d; ++a) out[j * d + a] /= total * (bandwidth * bandwidth);
}

// f_is = exp(−‖x_i − c_s‖² / 2σ²)
extern "C" __global__ void gaussian_rbf(
    const real* x, const real* centers, real bandwidth, real* values,
    long long n, long long b, long long d
) {
    EACH(pair, n * b);
    const real square = squared(x + (pair / b) * d, centers + (pair % b) * d, d);
    values[pair] = exp((real)(-0.5) * square / (bandwidth * bandwidth));
}

// f_is as above and ∂f_s/∂x_a = f_is (c_sa − x_ia) / σ²
extern "C" __global__ void gaussian_rbf_with_jacobian(
    const real* x, const real* centers, real bandwidth, real* values, real* jacobian,
    long long n, long long b, long long d
) {
    EACH(pair, n * b);
    const long long i = pair / b, s = pair % b;
    const real squares = bandwidth * bandwidth;
    const real value = exp((real)(-0.5) * squared(x + i * d, centers + s * d, d) / squares);
    values[pair] = value;
    for (long long a = 0; a < d; ++a)
        jacobian[(i * d + a) * b + s] = value / squares * (centers[s * d + a] - x[i * d + a]);
}

// out_jaic = w_i k/σ² (δ_ac − r_a r_c), r = (p_j − x_i)/σ (K5)
extern "C" __global__ void gradient_gaussian_tile(
    const real* points, const real* x, const real* weights, real bandwidth, real* out,
    long long m, long long n, long long d
) {
    EACH(pair, m * n);
    const long long j = pair / n, i = pair % n;
    const real* p = points + j * d;
    const real* q = x + i * d;
    const real squares = bandwidth * bandwidth;
    const real kernel = weights[i] * exp((real)(-0.5) * squared(p, q, d) / squares) / squares;
    for (long long a = 0; a < d; ++a) {
        const real along = -kernel * ((p[a] - q[a]) / bandwidth);
        real* row = out + ((j * d + a) * n + i) * d;
        for (long long c = 0; c < d; ++c) row[c] = along * ((p[c] - q[c]) / bandwidth);
        row[a] += kernel;
    }
}
"""
REAL = {"float32": "float", "float64": "double"}


def source(dtype: str) -> str:
    """Return the source of all kernels for arrays of type ``"float32"`` or ``"float64"``."""
    return f"typedef {REAL[dtype]} real;\n{SOURCE}"


@cache
def _module(dtype: str) -> Any:
    return import_module("cupy").RawModule(code=source(dtype))


def _launch(name: str, threads: int, dtype: Any, *arguments: Any) -> None:
    """Run a kernel on ``threads`` threads, with numbers in the types that its source declares."""
    convert = {float: dtype.type, int: np.int64}
    numbers_and_arrays = tuple(
        convert[type(value)](value) if type(value) in convert else value for value in arguments
    )
    _module(str(dtype)).get_function(name)(
        (-(-threads // THREADS),), (THREADS,), numbers_and_arrays
    )


def _contiguous(*arrays: Array) -> list[Array]:
    cupy = import_module("cupy")
    return [cupy.ascontiguousarray(array) for array in arrays]


def _empty(shape: tuple[int, ...], like: Array) -> Array:
    return import_module("cupy").empty(shape, dtype=like.dtype)


# --- distances ------------------------------------------------------------------------------------


def squared_distances(x: Array, y: Array) -> Array:
    """‖x_i − y_j‖² as an (n, m) array, in difference form."""
    (n, dim), m, out = x.shape, y.shape[0], _empty((x.shape[0], y.shape[0]), x)
    _launch("squared_distances", n * m, x.dtype, *_contiguous(x, y), out, n, m, dim)
    return out


def distance_gradient(points: Array, sample: Array, weights: Array) -> Array:
    """Σ_i π_i (p_j − x_i) / ‖p_j − x_i‖, the gradient of the mean distance to a sample, (m, d)."""
    (m, dim), n, out = points.shape, sample.shape[0], _empty(points.shape, points)
    _launch(
        "distance_gradient", m, points.dtype, *_contiguous(points, sample, weights), out, m, n, dim
    )
    return out


# --- Gaussian kernel sums and features ------------------------------------------------------------


def gaussian_kde_score(points: Array, sample: Array, weights: Array, bandwidth: float) -> Array:
    """∇ log p̂ of a Gaussian kernel density estimate (W1) at ``points`` (m, d)."""
    cupy = import_module("cupy")
    possible = weights > 0
    sample, log_weights = sample[possible], cupy.log(weights[possible])
    (m, dim), n, out = points.shape, sample.shape[0], _empty(points.shape, points)
    _launch(
        "gaussian_kde_score",
        m,
        points.dtype,
        *_contiguous(points, sample, log_weights),
        float(bandwidth),
        out,
        m,
        n,
        dim,
    )
    return out


def gaussian_rbf(x: Array, centers: Array, bandwidth: float) -> Array:
    """f_s(x_i) = exp(−‖x_i − c_s‖² / (2σ²)), shape (n, b)."""
    (n, dim), b, values = x.shape, centers.shape[0], _empty((x.shape[0], centers.shape[0]), x)
    _launch(
        "gaussian_rbf",
        n * b,
        x.dtype,
        *_contiguous(x, centers),
        float(bandwidth),
        values,
        n,
        b,
        dim,
    )
    return values


def gaussian_rbf_with_jacobian(x: Array, centers: Array, bandwidth: float) -> tuple[Array, Array]:
    """Gaussian RBF features f (n, b) and ∇f (n, d, b), ∂f_s/∂x_a = f_s (c_sa − x_ia) / σ²."""
    (n, dim), b = x.shape, centers.shape[0]
    values, jacobian = _empty((n, b), x), _empty((n, dim, b), x)
    _launch(
        "gaussian_rbf_with_jacobian",
        n * b,
        x.dtype,
        *_contiguous(x, centers),
        float(bandwidth),
        values,
        jacobian,
        n,
        b,
        dim,
    )
    return values, jacobian


# --- contractions with matrix-valued kernels (K4) -------------------------------------------------


def gradient_gaussian_contraction(
    points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float
) -> Array:
    """V_j = Σ_i π_i K(p_j, x_i) ∇f(x_i) (K4) for the gradient Gaussian kernel (K5), (m, d, b).

    K is written out, a tile of (j, a) by (i, c) at a time, and one matrix product with ∇f as (n·d,
    b) does the rest.
    """
    points, x, jacobian, weights = _contiguous(points, x, jacobian, weights)
    out = _empty((points.shape[0], *jacobian.shape[1:]), jacobian)
    for at in tiles(points.shape[0], _rows_per_tile(x)):
        out[at] = _row(points[at], x, jacobian, weights, float(bandwidth))
    return out


def gradient_gaussian_gram(x: Array, jacobian: Array, weights: Array, bandwidth: float) -> Array:
    """G = Σ_ij π_i π_j ∇f(x_i)ᵀ K(x_i, x_j) ∇f(x_j) (K3) for the kernel (K5), shape (b, b).

    G is symmetric, so only pairs i ≥ j are visited, those of a diagonal block with half their
    weight.
    """
    x, jacobian, weights = _contiguous(x, jacobian, weights)
    half = import_module("cupy").zeros((jacobian.shape[2],) * 2, dtype=jacobian.dtype)
    # At least four rows of tiles, so that much of the lower half is indeed left out.
    for at in tiles(x.shape[0], min(_rows_per_tile(x), max(1, x.shape[0] // 4))):
        once = weights[at.start :].copy()
        once[: at.stop - at.start] *= 0.5
        contraction = (
            _row(x[at], x[at.start :], jacobian[at.start :], once, float(bandwidth))
            * weights[at][:, None, None]
        )
        half += _as_matrix(jacobian[at]).T @ _as_matrix(contraction)
    return half + half.T


def _rows_per_tile(x: Array) -> int:
    """How many points make a row of kernel tiles that keeps to :data:`TILE_BYTES`."""
    n, dim = x.shape
    return max(1, int(TILE_BYTES // (n * dim * dim * x.dtype.itemsize)))


def _row(points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float) -> Array:
    (m, dim), n = points.shape, x.shape[0]
    kernel = _empty((m * dim, n * dim), jacobian)
    _launch(
        "gradient_gaussian_tile",
        m * n,
        jacobian.dtype,
        points,
        x,
        weights,
        bandwidth,
        kernel,
        m,
        n,
        dim,
    )
    return (kernel @ _as_matrix(jacobian)).reshape(m, dim, -1)


def _as_matrix(x: Array) -> Array:
    """(n, d, b) as (n·d, b)."""
    return x.reshape(-1, x.shape[2])


# --- when it repays -------------------------------------------------------------------------------

Rule = Callable[..., tuple[bool, str]]


def _always(*_: Any) -> tuple[bool, str]:
    return True, "one launch, and no array of differences"


def _few_dimensions(*arguments: Any) -> tuple[bool, str]:
    dim = next(array for array in arguments if array.ndim == 3).shape[1]
    if dim <= EXPANDED_DIMENSION:
        return (
            True,
            "in few dimensions one matrix product with the written-out kernel takes few operations",
        )
    return (
        False,
        f"in {dim} dimensions three smaller matrix products take "
        f"{math.floor(dim / 3)} times fewer operations",
    )


#: For each kernel whether it repays, by counting launches, memory traffic and operations.
REPAYS: dict[str, Rule] = {
    "squared_distances": _always,
    "distance_gradient": _always,
    "gaussian_kde_score": _always,
    "gaussian_rbf": _always,
    "gaussian_rbf_with_jacobian": _always,
    "gradient_gaussian_contraction": _few_dimensions,
    "gradient_gaussian_gram": _few_dimensions,
}
