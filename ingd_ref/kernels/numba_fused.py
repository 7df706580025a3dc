"""The kernels that gain from being compiled, for NumPy arrays: same names, signatures and equations as in ``readable``.

What is gained is memory traffic: no (n, m, d) array of differences is ever written. Four rules keep the results trustworthy.

- Arithmetic is float64 whatever the input; float32 is rounded once, at the end. Only the matrix products of the contractions run in the
  type of the input, because that is where its speed is wanted.
- Inner loops run over points, outer loops over the sample, so that the compiler vectorises without reordering a sum: no ``fastmath``, which
  would also break ``isnan``.
- Work is shared among ``numba.get_num_threads()`` threads by blocks of points; each number of the result is computed by one thread, in an
  order that no thread count changes: results are bitwise equal on one thread and on many.
- Every compiled function that another one calls is in this file, so that the compile cache, which looks at one file's date, is never stale.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import njit

from ingd_ref.backend import Array, tiles

__all__ = [
    "REPAYS",
    "distance_gradient",
    "gaussian_gradient",
    "gaussian_kde_score",
    "gaussian_rbf",
    "gaussian_rbf_with_jacobian",
    "gradient_gaussian_contraction",
    "mean_distance",
    "mean_gaussian",
    "median_squared_distance",
    "scalar_gaussian_contraction",
    "squared_distances",
]

compiled = njit(cache=True, nogil=True, error_model="numpy")

BLOCK = 256  # points to a block: the rows of work space of a block stay in the first-level cache
TILE_ROWS = 96  # rows of a kernel tile that one matrix product takes: enough for its full rate
TILE_COLUMNS = 1536  # columns of it, so that a tile stays in the second-level cache
EXPANDED_DIMENSION = 5  # up to here 2d² operations in one large matrix product are faster than 6d in many small ones
BATCH_EDGE = 48  # points along the side of a tile of small matrix products


# --- how work is shared ------------------------------------------------------------------------------------------------------------------


def _share(task: Callable[[slice], None], length: int, edge: int, work: float) -> None:
    """Call ``task`` on the blocks of ``range(length)``, on several threads if ``work`` (operations in all) repays starting them."""
    blocks = list(tiles(length, edge))
    threads = min(numba.get_num_threads(), len(blocks))
    if threads == 1 or work < 2e6:
        for block in blocks:
            task(block)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(task, blocks))


_blas_lock = threading.Lock()


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _share_products(task: Callable[[slice], None], length: int, edge: int, work: float) -> None:
    """Like :func:`_share` for tasks that multiply matrices: the library's own threads rest meanwhile.

    The lock is held because the library's thread count belongs to the process: two calls at once could restore it in the wrong order.
    """
    single: AbstractContextManager[Any] = _blas().limit(limits=1, user_api="blas")
    with _blas_lock, single:
        _share(task, length, edge, work)


def _columns(x: Array) -> Array:
    """Return x as a contiguous float64 (d, n) array: one coordinate after the other, as the inner loops read it."""
    return np.ascontiguousarray(x.T, dtype=np.float64)


def _rows(x: Array) -> Array:
    return np.ascontiguousarray(x, dtype=np.float64)


# --- compiled pieces ---------------------------------------------------------------------------------------------------------------------


@compiled
def _exp(x: float) -> float:
    """exp(x) for x ≤ 0 to one unit in the last place, as arithmetic that vectorises; 0 below −708, where results turn subnormal."""
    shifted = x * 1.4426950408889634 + 6755399441055744.0  # + 3·2^51: the low bits of the sum are round(x / log 2)
    power = shifted - 6755399441055744.0
    r = (x - power * 6.93147180369123816490e-01) - power * 1.90821492927058770002e-10
    tail = 1.0 / 6227020800.0
    tail = tail * r + 1.0 / 479001600.0
    tail = tail * r + 1.0 / 39916800.0
    tail = tail * r + 1.0 / 3628800.0
    tail = tail * r + 1.0 / 362880.0
    tail = tail * r + 1.0 / 40320.0
    tail = tail * r + 1.0 / 5040.0
    tail = tail * r + 1.0 / 720.0
    tail = tail * r + 1.0 / 120.0
    tail = tail * r + 1.0 / 24.0
    tail = tail * r + 1.0 / 6.0
    tail = tail * r + 0.5
    scale = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)
    value = (1.0 + (r + r * r * tail)) * scale
    return 0.0 if x < -708.0 else value


@compiled
def _squared(point, columns, unit, out):  # type: ignore[no-untyped-def]
    """out_j = Σ_a ((columns_aj − point_a) / unit)²."""
    out[:] = 0.0
    for a in range(point.shape[0]):
        here = point[a]
        for j in range(out.shape[0]):
            r = (columns[a, j] - here) / unit
            out[j] += r * r


@compiled
def _squared_distance_rows(x, columns, out):  # type: ignore[no-untyped-def]
    row = np.empty(columns.shape[1])
    for i in range(x.shape[0]):
        _squared(x[i], columns, 1.0, row)
        out[i] = row


@compiled
def _gaussian_rows(x, columns, weights, bandwidth, out):  # type: ignore[no-untyped-def]
    """out_ij = w_j exp(−‖x_i − y_j‖² / 2σ²)."""
    row = np.empty(columns.shape[1])
    for i in range(x.shape[0]):
        _squared(x[i], columns, bandwidth, row)
        for j in range(row.shape[0]):
            out[i, j] = weights[j] * _exp(-0.5 * row[j])


@compiled
def _gaussian_rows_with_jacobian(x, columns, bandwidth, values, jacobian):  # type: ignore[no-untyped-def]
    row = np.empty(columns.shape[1])
    for i in range(x.shape[0]):
        _squared(x[i], columns, bandwidth, row)
        for s in range(row.shape[0]):
            row[s] = _exp(-0.5 * row[s])
        values[i] = row
        row /= bandwidth * bandwidth
        for a in range(x.shape[1]):
            here = x[i, a]
            for s in range(row.shape[0]):
                jacobian[i, a, s] = (columns[a, s] - here) * row[s]


@compiled
def _distance_sums(points, sample, weights, out):  # type: ignore[no-untyped-def]
    """out_j = Σ_i w_i ‖p_j − x_i‖, points as columns."""
    row = np.empty(out.shape[0])
    out[:] = 0.0
    for i in range(sample.shape[0]):
        _squared(sample[i], points, 1.0, row)
        w = weights[i]
        for j in range(out.shape[0]):
            out[j] += w * math.sqrt(row[j])


@compiled
def _gaussian_sums(points, sample, weights, bandwidth, out):  # type: ignore[no-untyped-def]
    """out_j = Σ_i w_i k(p_j, x_i), points as columns."""
    row = np.empty(out.shape[0])
    out[:] = 0.0
    for i in range(sample.shape[0]):
        _squared(sample[i], points, bandwidth, row)
        w = weights[i]
        for j in range(out.shape[0]):
            out[j] += w * _exp(-0.5 * row[j])


@compiled
def _add_differences(point, columns, factors, out):  # type: ignore[no-untyped-def]
    """out_aj += factor_j (columns_aj − point_a)."""
    for a in range(out.shape[0]):
        here = point[a]
        for j in range(out.shape[1]):
            out[a, j] += factors[j] * (columns[a, j] - here)


@compiled
def _distance_gradients(points, sample, weights, out):  # type: ignore[no-untyped-def]
    row = np.empty(out.shape[1])
    out[:] = 0.0
    for i in range(sample.shape[0]):
        _squared(sample[i], points, 1.0, row)
        w = weights[i]
        for j in range(row.shape[0]):
            distance = math.sqrt(row[j])
            row[j] = 0.0 if distance == 0.0 else w / distance
        _add_differences(sample[i], points, row, out)


@compiled
def _gaussian_gradients(points, sample, weights, bandwidth, out):  # type: ignore[no-untyped-def]
    row = np.empty(out.shape[1])
    out[:] = 0.0
    for i in range(sample.shape[0]):
        _squared(sample[i], points, bandwidth, row)
        w = -weights[i] / (bandwidth * bandwidth)
        for j in range(row.shape[0]):
            row[j] = w * _exp(-0.5 * row[j])
        _add_differences(sample[i], points, row, out)


@compiled
def _kde_scores(points, sample, log_weights, bandwidth, out):  # type: ignore[no-untyped-def]
    """Two passes over the sample: the largest logit of each point, then the sums that it keeps from over- and underflow."""
    row = np.empty(out.shape[1])
    top = np.full(out.shape[1], -np.inf)
    for i in range(sample.shape[0]):
        _squared(sample[i], points, bandwidth, row)
        for j in range(row.shape[0]):
            logit = log_weights[i] - 0.5 * row[j]
            top[j] = logit if logit > top[j] else top[j]
    total = np.zeros(out.shape[1])
    out[:] = 0.0
    for i in range(sample.shape[0]):
        _squared(sample[i], points, bandwidth, row)
        for j in range(row.shape[0]):
            row[j] = _exp((log_weights[i] - 0.5 * row[j]) - top[j])
            total[j] += row[j]
        _add_differences(sample[i], points, row, out)
    for a in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[a, j] = -(out[a, j] / total[j]) / (bandwidth * bandwidth)


@compiled
def _count_keys(x, columns, start, stop, prefix, shift, counts):  # type: ignore[no-untyped-def]
    """Count bits shift…shift+15 of ‖x_i − x_j‖², i < j, among the positive ones whose higher bits are ``prefix``."""
    row = np.empty(columns.shape[1])
    for i in range(start, stop):
        later = row[i + 1 :]
        _squared(x[i], columns[:, i + 1 :], 1.0, later)
        keys = later.view(np.int64)
        for j in range(keys.shape[0]):
            key = keys[j]
            if key > 0 and (key >> shift) >> 16 == prefix:
                counts[(key >> shift) & 0xFFFF] += 1


@compiled
def _least_above(x, columns, start, stop, bound):  # type: ignore[no-untyped-def]
    """Smallest ‖x_i − x_j‖², i < j, above ``bound``."""
    row = np.empty(columns.shape[1])
    least = np.inf
    for i in range(start, stop):
        later = row[i + 1 :]
        _squared(x[i], columns[:, i + 1 :], 1.0, later)
        for j in range(later.shape[0]):
            if bound < later[j] < least:
                least = later[j]
    return least


@compiled
def _gradient_gaussian_tile(points, columns, weights, bandwidth, out):  # type: ignore[no-untyped-def]
    """out_jaic = w_i k/σ² (δ_ac − r_a r_c), r = (p_j − x_i)/σ (K5): one matrix of the pairs (j, a) and (i, c)."""
    dim = points.shape[1]
    row = np.empty(columns.shape[1])
    for j in range(points.shape[0]):
        _squared(points[j], columns, bandwidth, row)
        for i in range(row.shape[0]):
            row[i] = weights[i] * _exp(-0.5 * row[i]) / (bandwidth * bandwidth)
        for a in range(dim):
            for i in range(row.shape[0]):
                along = row[i] * (points[j, a] - columns[a, i]) / bandwidth
                for c in range(dim):
                    out[j, a, i, c] = -along * ((points[j, c] - columns[c, i]) / bandwidth)
                out[j, a, i, a] += row[i]


@compiled
def _gradient_gaussian_pieces(points, columns, weights, bandwidth, kernel, along, back):  # type: ignore[no-untyped-def]
    """kernel_ji = w_i k/σ², along_ija = r_a and back_jai = −w_i k r_a/σ², r = (p_j − x_i)/σ (K5)."""
    row = np.empty(columns.shape[1])
    for j in range(points.shape[0]):
        _squared(points[j], columns, bandwidth, row)
        for i in range(row.shape[0]):
            row[i] = weights[i] * _exp(-0.5 * row[i]) / (bandwidth * bandwidth)
        kernel[j] = row
        for a in range(points.shape[1]):
            for i in range(row.shape[0]):
                r = (points[j, a] - columns[a, i]) / bandwidth
                along[i, j, a] = r
                back[j, a, i] = -row[i] * r


# --- distances ---------------------------------------------------------------------------------------------------------------------------


def squared_distances(x: Array, y: Array) -> Array:
    """‖x_i − y_j‖² as an (n, m) array, in difference form."""
    rows, columns, out = _rows(x), _columns(y), np.empty((x.shape[0], y.shape[0]), dtype=x.dtype)
    _share(lambda at: _squared_distance_rows(rows[at], columns, out[at]), x.shape[0], BLOCK, 3.0 * out.size * x.shape[1])
    return out


def median_squared_distance(x: Array, rule: str) -> Array:
    """Median of the positive entries of ‖x_i − x_j‖² (K8), ``rule`` "midpoint" or "lower"; 2 if there are none.

    The entries are found again in each pass and never held: the bits of a positive float order as it does, so the median's are settled
    sixteen at a time, from the highest, by counting. Each pair is seen once; every entry of the full matrix occurs twice.
    """
    rows, columns = _rows(x), _columns(x)
    prefix, rank, found = 0, -1, 0
    for shift in (48, 32, 16, 0):
        counts = _pair_counts(rows, columns, prefix, shift)
        if rank < 0:
            pairs = int(counts.sum())
            rank = (pairs - 1) // 2
            if pairs == 0:
                return np.asarray(2.0, dtype=x.dtype)
        reached = np.cumsum(counts)
        digit = int(np.searchsorted(reached, rank, side="right"))
        found, rank = int(counts[digit]), rank - int(reached[digit] - counts[digit])
        prefix = (prefix << 16) | digit
    lower = np.int64(prefix).view(np.float64)
    if rule == "lower" or pairs % 2 == 1 or rank + 1 < found:
        return np.asarray(lower, dtype=x.dtype)
    return np.asarray(0.5 * lower + 0.5 * _next_distance(rows, columns, lower), dtype=x.dtype)


def _pair_counts(rows: Array, columns: Array, prefix: int, shift: int) -> Array:
    total, lock = np.zeros(2**16, dtype=np.int64), threading.Lock()

    def task(at: slice) -> None:
        counts = np.zeros(2**16, dtype=np.int64)
        _count_keys(rows, columns, at.start, at.stop, prefix, shift, counts)
        with lock:
            np.add(total, counts, out=total)

    _share(task, rows.shape[0], max(BLOCK, rows.shape[0] // 16), 3.0 * rows.shape[0] * rows.size)
    return total


def _next_distance(rows: Array, columns: Array, bound: float) -> float:
    least: list[float] = []
    length = rows.shape[0]
    _share(
        lambda at: least.append(_least_above(rows, columns, at.start, at.stop, bound)), length, max(BLOCK, length // 16), 3.0 * length * rows.size
    )
    return min(least)


def mean_distance(x: Array, y: Array, x_weights: Array, y_weights: Array) -> Array:
    """Σ_ij π_i ρ_j ‖x_i − y_j‖, the building block of the energy distance (Q2)."""
    points, sample, weights, sums = _columns(x), _rows(y), _rows(y_weights), np.empty(x.shape[0])
    _share(lambda at: _distance_sums(points[:, at], sample, weights, sums[at]), x.shape[0], BLOCK, 3.0 * x.size * y.shape[0])
    return np.asarray(np.sum(x_weights * sums), dtype=x.dtype)


def distance_gradient(points: Array, sample: Array, weights: Array) -> Array:
    """Σ_i π_i (p_j − x_i) / ‖p_j − x_i‖, the gradient of the mean distance from ``points`` (m, d) to ``sample`` (n, d); 0/0 counts as 0."""
    return _gradients(lambda p, x, w, out: _distance_gradients(p, x, w, out), points, sample, weights)


def _gradients(rule: Callable[[Array, Array, Array, Array], None], points: Array, sample: Array, weights: Array) -> Array:
    """Apply a rule that fills (d, block) gradients to blocks of points, and return them as (m, d)."""
    columns, rows, w, out = _columns(points), _rows(sample), _rows(weights), np.empty(points.shape[::-1])
    _share(lambda at: rule(columns[:, at], rows, w, out[:, at]), points.shape[0], BLOCK, 6.0 * points.size * sample.shape[0])
    return np.ascontiguousarray(out.T, dtype=points.dtype)


# --- Gaussian kernel sums ----------------------------------------------------------------------------------------------------------------


def mean_gaussian(x: Array, y: Array, x_weights: Array, y_weights: Array, bandwidth: float) -> Array:
    """Σ_ij π_i ρ_j k(x_i, y_j) with k = exp(−‖x − y‖² / (2σ²)), the building block of MMD (Q1)."""
    points, sample, weights, sums = _columns(x), _rows(y), _rows(y_weights), np.empty(x.shape[0])
    sigma = float(bandwidth)
    _share(lambda at: _gaussian_sums(points[:, at], sample, weights, sigma, sums[at]), x.shape[0], BLOCK, 3.0 * x.size * y.shape[0])
    return np.asarray(np.sum(x_weights * sums), dtype=x.dtype)


def gaussian_gradient(points: Array, sample: Array, weights: Array, bandwidth: float) -> Array:
    """∇_p Σ_i π_i k(p_j, x_i) = −Σ_i π_i k(p_j, x_i) (p_j − x_i) / σ², shape (m, d)."""
    return _gradients(lambda p, x, w, out: _gaussian_gradients(p, x, w, float(bandwidth), out), points, sample, weights)


def gaussian_kde_score(points: Array, sample: Array, weights: Array, bandwidth: float) -> Array:
    """∇ log p̂ of a Gaussian kernel density estimate (W1) at ``points`` (m, d)."""
    possible = weights > 0
    log_weights = np.log(weights[possible].astype(np.float64))
    return _gradients(lambda p, x, w, out: _kde_scores(p, x, w, float(bandwidth), out), points, sample[possible], log_weights)


# --- features ----------------------------------------------------------------------------------------------------------------------------


def gaussian_rbf(x: Array, centers: Array, bandwidth: float) -> Array:
    """f_s(x_i) = exp(−‖x_i − c_s‖² / (2σ²)), shape (n, b)."""
    rows, columns, out = _rows(x), _columns(centers), np.empty((x.shape[0], centers.shape[0]), dtype=x.dtype)
    ones, sigma = np.ones(centers.shape[0]), float(bandwidth)
    _share(lambda at: _gaussian_rows(rows[at], columns, ones, sigma, out[at]), x.shape[0], BLOCK, 3.0 * out.size * (x.shape[1] + 8))
    return out


def gaussian_rbf_with_jacobian(x: Array, centers: Array, bandwidth: float) -> tuple[Array, Array]:
    """Gaussian RBF statistics f (n, b) and their Jacobian ∇f (n, d, b), ∂f_s/∂x_a = f_s (c_sa − x_ia) / σ²."""
    (n, dim), b = x.shape, centers.shape[0]
    rows, columns, sigma = _rows(x), _columns(centers), float(bandwidth)
    values, jacobian = np.empty((n, b), dtype=x.dtype), np.empty((n, dim, b), dtype=x.dtype)
    _share(lambda at: _gaussian_rows_with_jacobian(rows[at], columns, sigma, values[at], jacobian[at]), n, 16, 6.0 * jacobian.size)
    return values, jacobian


# --- contractions with matrix-valued kernels (K4) ----------------------------------------------------------------------------------------


def gradient_gaussian_contraction(points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float) -> Array:
    """V_j = Σ_i π_i K(p_j, x_i) ∇f(x_i) (K4) for the gradient Gaussian kernel (K5), shape (m, d, b).

    In few dimensions K is written out, a tile of (j, a) by (i, c) at a time, and one matrix product with ∇f as (n·d, b) does the rest: 2d²
    operations for each pair and statistic at the full rate of the library. In many, ∇f − r (rᵀ∇f) takes 6d in three smaller products.
    """
    tile, edge = (_expanded_tile, TILE_ROWS) if x.shape[1] <= EXPANDED_DIMENSION else (_batched_tile, BATCH_EDGE)
    return _contraction(tile, points, x, jacobian, weights, float(bandwidth), edge // x.shape[1] if tile is _expanded_tile else edge)


def scalar_gaussian_contraction(points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float) -> Array:
    """V_j = Σ_i π_i k(p_j, x_i) ∇f(x_i) (K4) for the scalar Gaussian kernel (K6), shape (m, d, b)."""
    return _contraction(_scalar_tile, points, x, jacobian, weights, float(bandwidth), TILE_ROWS)


Tile = Callable[[Array, Array, Array, Array, float], Array]


def _contraction(tile: Tile, points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float, edge: int) -> Array:
    """Put V (m, d, b) together from rows of tiles, each row the sum over columns of ``tile(points, columns of x, ∇f, π, σ)``."""
    rows, columns, w = _rows(points), _columns(x), _rows(weights)
    values = np.ascontiguousarray(jacobian)
    out = np.empty((points.shape[0], *jacobian.shape[1:]), dtype=jacobian.dtype)
    width = BATCH_EDGE if tile is _batched_tile else max(1, TILE_COLUMNS // (x.shape[1] if tile is _expanded_tile else 1))

    def task(at: slice) -> None:
        first, *others = tiles(x.shape[0], width)
        out[at] = tile(rows[at], columns[:, first], values[first], w[first], bandwidth)
        for block in others:
            out[at] += tile(rows[at], columns[:, block], values[block], w[block], bandwidth)

    _share_products(task, points.shape[0], edge, 6.0 * points.shape[0] * jacobian.size)
    return out


def _expanded_tile(points: Array, columns: Array, jacobian: Array, weights: Array, bandwidth: float) -> Array:
    (m, dim), n, b = points.shape, columns.shape[1], jacobian.shape[2]
    kernel = np.empty((m, dim, n, dim), dtype=jacobian.dtype)
    _gradient_gaussian_tile(points, columns, weights, bandwidth, kernel)
    return np.matmul(kernel.reshape(m * dim, n * dim), jacobian.reshape(n * dim, b)).reshape(m, dim, b)


def _batched_tile(points: Array, columns: Array, jacobian: Array, weights: Array, bandwidth: float) -> Array:
    (m, dim), n, b = points.shape, columns.shape[1], jacobian.shape[2]
    kernel, along, back = (np.empty(shape, dtype=jacobian.dtype) for shape in ((m, n), (n, m, dim), (m, dim, n)))
    _gradient_gaussian_pieces(points, columns, weights, bandwidth, kernel, along, back)
    value = np.matmul(back, np.matmul(along, jacobian).transpose(1, 0, 2))
    value += np.matmul(kernel, jacobian.reshape(n, dim * b)).reshape(m, dim, b)
    return value


def _scalar_tile(points: Array, columns: Array, jacobian: Array, weights: Array, bandwidth: float) -> Array:
    (m, dim), n, b = points.shape, columns.shape[1], jacobian.shape[2]
    kernel = np.empty((m, n), dtype=jacobian.dtype)
    _gaussian_rows(points, columns, weights, bandwidth, kernel)
    return np.matmul(kernel, jacobian.reshape(n, dim * b)).reshape(m, dim, b)
