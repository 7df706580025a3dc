"""Compiled kernels for NumPy arrays, with the names and signatures of ``readable``.

They save memory traffic: no (n, m, d) array of differences is ever written. Four rules keep the
results exact.

- Arithmetic is float64 whatever the input; float32 is rounded once, at the end. Only the matrix
  products of the contractions run in the type of the input, where its speed counts.
- Inner loops run over points, outer loops over the sample, so that the compiler vectorises without
  reordering a sum: no ``fastmath``, which would also break ``isnan``.
- Work is shared among ``numba.get_num_threads()`` threads by blocks of points; each number of the
  result is computed by one thread, in an order that no thread count changes: results are bitwise
  equal on one thread and on many.
- Every compiled function that another one calls is in this file, so that the compile cache, which
  looks at one file's date, is never stale.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numba import njit

from ingd_ref.backend._namespace import Array
from ingd_ref.backend._operations import tiles
from ingd_ref.backend._threads import single_blas_thread

__all__ = [
    "REPAYS",
    "distance_gradient",
    "gaussian_gradient",
    "gaussian_kde_score",
    "gaussian_rbf",
    "gaussian_rbf_with_jacobian",
    "gradient_gaussian_contraction",
    "gradient_gaussian_gram",
    "mean_distance",
    "mean_gaussian",
    "median_squared_distance",
    "scalar_gaussian_contraction",
    "squared_distances",
]

compiled = njit(cache=True, nogil=True, error_model="numpy")

BLOCK = 256  # points to a block: its rows of work space stay in the first-level cache
# Largest written-out tile of a kernel: one matrix product at full rate, 4 MiB.
KERNEL_ROWS, KERNEL_COLUMNS = 128, 4096
# Up to this d, 2d² operations in one large matrix product are faster than 6d in many small ones.
EXPANDED_DIMENSION = 4
# Points in a tile of small matrix products: at n = 200, enough tiles to balance two threads.
BATCH_ROWS, BATCH_COLUMNS = 32, 32
# Elementwise operations that repay starting threads: half a millisecond or more.
REPAYING_WORK = 1.5e6
PRODUCT_SPEED = 25.0  # operations of a matrix product in the time of one elementwise operation


# --- how work is shared ---------------------------------------------------------------------------


def _share(task: Callable[[slice], Any], length: int, edge: int, work: float) -> list[Any]:
    """Return the results of ``task`` on the blocks of ``range(length)``, in order.

    They are computed on several threads if ``work``, the number of operations, repays these.
    """
    blocks = list(tiles(length, edge))
    threads = min(numba.get_num_threads(), len(blocks))
    if threads == 1 or work < REPAYING_WORK:
        return [task(block) for block in blocks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(task, blocks))


def _share_products(task: Callable[[slice], Any], length: int, edge: int, work: float) -> list[Any]:
    """Do the same as :func:`_share` for matrix products, with one BLAS thread for each.

    Several BLAS threads inside each of several products would mostly wait for each other.
    """
    with single_blas_thread():
        return _share(task, length, edge, work / PRODUCT_SPEED)


def _columns(x: Array) -> Array:
    """Return x as a contiguous float64 (d, n) array, the order in which inner loops read it."""
    return np.ascontiguousarray(x.T, dtype=np.float64)


def _rows(x: Array) -> Array:
    return np.ascontiguousarray(x, dtype=np.float64)


# --- compiled pieces ------------------------------------------------------------------------------


@compiled
def _exp(x: float) -> float:
    """Return exp(x) for x ≤ 0 to one unit in the last place, by arithmetic that vectorises.

    Below −708, where results would be subnormal, it is 0.
    """
    shifted = (
        x * 1.4426950408889634 + 6755399441055744.0
    )  # + 3·2^51: the low bits of the sum are round(x / log 2)
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
def _squared(point, columns, first, out):  # type: ignore[no-untyped-def]
    """out_j = Σ_a (columns_aj − point_a)² for j ≥ first."""
    out[first:] = 0.0
    for a in range(point.shape[0]):
        here = point[a]
        for j in range(first, out.shape[0]):
            out[j] += (columns[a, j] - here) ** 2


@compiled
def _squared_distance_rows(x, columns, out):  # type: ignore[no-untyped-def]
    row = np.empty(columns.shape[1])
    for i in range(x.shape[0]):
        _squared(x[i], columns, 0, row)
        out[i] = row


@compiled
def _gaussian_rows(x, columns, weights, bandwidth, out):  # type: ignore[no-untyped-def]
    """out_ij = w_j exp(−‖x_i − y_j‖² / 2σ²)."""
    scale = -0.5 / (bandwidth * bandwidth)
    row = np.empty(columns.shape[1])
    for i in range(x.shape[0]):
        _squared(x[i], columns, 0, row)
        for j in range(row.shape[0]):
            out[i, j] = weights[j] * _exp(scale * row[j])


@compiled
def _gaussian_rows_with_jacobian(x, columns, bandwidth, values, jacobian):  # type: ignore[no-untyped-def]
    scale = -0.5 / (bandwidth * bandwidth)
    row = np.empty(columns.shape[1])
    for i in range(x.shape[0]):
        _squared(x[i], columns, 0, row)
        for s in range(row.shape[0]):
            row[s] = _exp(scale * row[s])
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
        _squared(sample[i], points, 0, row)
        w = weights[i]
        for j in range(out.shape[0]):
            out[j] += w * math.sqrt(row[j])


@compiled
def _gaussian_sums(points, sample, weights, bandwidth, out):  # type: ignore[no-untyped-def]
    """out_j = Σ_i w_i k(p_j, x_i), points as columns."""
    scale = -0.5 / (bandwidth * bandwidth)
    row = np.empty(out.shape[0])
    out[:] = 0.0
    for i in range(sample.shape[0]):
        _squared(sample[i], points, 0, row)
        w = weights[i]
        for j in range(out.shape[0]):
            out[j] += w * _exp(scale * row[j])


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
        _squared(sample[i], points, 0, row)
        w = weights[i]
        for j in range(row.shape[0]):
            distance = math.sqrt(row[j])
            row[j] = w / distance if distance > 0.0 else 0.0
        _add_differences(sample[i], points, row, out)


@compiled
def _gaussian_gradients(points, sample, weights, bandwidth, out):  # type: ignore[no-untyped-def]
    scale = -0.5 / (bandwidth * bandwidth)
    row = np.empty(out.shape[1])
    out[:] = 0.0
    for i in range(sample.shape[0]):
        _squared(sample[i], points, 0, row)
        w = -weights[i] / (bandwidth * bandwidth)
        for j in range(row.shape[0]):
            row[j] = w * _exp(scale * row[j])
        _add_differences(sample[i], points, row, out)


@compiled
def _kde_scores(points, sample, log_weights, bandwidth, out):  # type: ignore[no-untyped-def]
    """Find the largest logit of each point, then the sums scaled by it, which cannot overflow."""
    scale = -0.5 / (bandwidth * bandwidth)
    row = np.empty(out.shape[1])
    top = np.full(out.shape[1], -np.inf)
    for i in range(sample.shape[0]):
        _squared(sample[i], points, 0, row)
        for j in range(row.shape[0]):
            logit = log_weights[i] + scale * row[j]
            top[j] = logit if logit > top[j] else top[j]
    total = np.zeros(out.shape[1])
    out[:] = 0.0
    for i in range(sample.shape[0]):
        _squared(sample[i], points, 0, row)
        for j in range(row.shape[0]):
            row[j] = _exp((log_weights[i] + scale * row[j]) - top[j])
            total[j] += row[j]
        _add_differences(sample[i], points, row, out)
    for a in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[a, j] = -(out[a, j] / total[j]) / (bandwidth * bandwidth)


@compiled
def _count_keys(x, columns, start, stop, prefix, shift, counts):  # type: ignore[no-untyped-def]
    """Count bits shift…shift+15 of positive ‖x_i − x_j‖², i < j, with higher bits ``prefix``."""
    row = np.empty(columns.shape[1])
    for i in range(start, stop):
        _squared(x[i], columns, i + 1, row)
        for j in range(i + 1, row.shape[0]):
            key = np.float64(row[j]).view(np.int64)
            if key > 0 and (key >> shift) >> 16 == prefix:
                counts[(key >> shift) & 0xFFFF] += 1


@compiled
def _least_above(x, columns, start, stop, bound):  # type: ignore[no-untyped-def]
    """Smallest ‖x_i − x_j‖², i < j, above ``bound``."""
    row = np.empty(columns.shape[1])
    least = np.inf
    for i in range(start, stop):
        _squared(x[i], columns, i + 1, row)
        for j in range(i + 1, row.shape[0]):
            if bound < row[j] < least:
                least = row[j]
    return least


@compiled
def _gradient_gaussian_tile(points, columns, weights, bandwidth, out):  # type: ignore[no-untyped-def]
    """out_jaic = w_i k/σ² (δ_ac − r_a r_c), r = (p_j − x_i)/σ (K5), (j, a) by (i, c)."""
    dim = points.shape[1]
    inverse = 1.0 / bandwidth
    row = np.empty(columns.shape[1])
    for j in range(points.shape[0]):
        _squared(points[j], columns, 0, row)
        for i in range(row.shape[0]):
            row[i] = weights[i] * _exp(-0.5 * inverse * inverse * row[i]) * (inverse * inverse)
        for a in range(dim):
            for i in range(row.shape[0]):
                along = -row[i] * (inverse * (points[j, a] - columns[a, i]))
                for c in range(dim):
                    out[j, a, i, c] = along * (inverse * (points[j, c] - columns[c, i]))
                out[j, a, i, a] += row[i]


@compiled
def _gradient_gaussian_pieces(points, columns, kernel, bandwidth, along, back):  # type: ignore[no-untyped-def]
    """along_ija = r_a and back_jai = −kernel_ji r_a, r = (p_j − x_i)/σ (K5)."""
    inverse = 1.0 / bandwidth
    for j in range(points.shape[0]):
        for a in range(points.shape[1]):
            here = points[j, a]
            for i in range(columns.shape[1]):
                r = inverse * (here - columns[a, i])
                along[i, j, a] = r
                back[j, a, i] = -kernel[j, i] * r


@compiled
def _gradient_gaussian_sums(points, sample, sources, weights, bandwidth, out):  # type: ignore[no-untyped-def]
    """out_aj = Σ_i w_i k/σ² [u_i − r (rᵀu_i)]_a for vectors u_i at x_i; points in columns."""
    inverse = 1.0 / bandwidth
    row, along = np.empty(out.shape[1]), np.empty(out.shape[1])
    out[:] = 0.0
    for i in range(sample.shape[0]):
        _squared(sample[i], points, 0, row)
        along[:] = 0.0
        for a in range(out.shape[0]):
            here, source = sample[i, a], inverse * inverse * sources[i, a]
            for j in range(row.shape[0]):
                along[j] += source * (points[a, j] - here)
        for j in range(row.shape[0]):
            row[j] = weights[i] * _exp(-0.5 * inverse * inverse * row[j]) * (inverse * inverse)
        for a in range(out.shape[0]):
            here, source = sample[i, a], sources[i, a]
            for j in range(row.shape[0]):
                out[a, j] += row[j] * (source - along[j] * (points[a, j] - here))


# --- distances ------------------------------------------------------------------------------------


def squared_distances(x: Array, y: Array) -> Array:
    """‖x_i − y_j‖² as an (n, m) array, in difference form."""
    rows, columns, out = _rows(x), _columns(y), np.empty((x.shape[0], y.shape[0]), dtype=x.dtype)
    _share(
        lambda at: _squared_distance_rows(rows[at], columns, out[at]),
        x.shape[0],
        BLOCK,
        3.0 * out.size * x.shape[1],
    )
    return out


def median_squared_distance(x: Array, rule: str) -> Array:
    """Median of the positive entries of ‖x_i − x_j‖² (K8), ``rule`` "midpoint" or "lower".

    The entries are found again in each pass and never held: the bits of a positive float order as
    it does, so the median's are settled sixteen at a time, from the highest, by counting. Each pair
    is seen once; every entry of the full matrix occurs twice.
    """
    rows, columns = _rows(x), _columns(x)
    counts = _pair_counts(rows, columns, 0, 48)
    pairs = int(counts.sum())
    if pairs == 0:
        return np.asarray(2.0, dtype=x.dtype)
    prefix, rank = _digit(counts, (pairs - 1) // 2)
    for shift in (32, 16, 0):
        counts = _pair_counts(rows, columns, prefix, shift)
        digit, rank = _digit(counts, rank)
        prefix = (prefix << 16) | digit
    lower = np.int64(prefix).view(np.float64)
    if rule == "lower" or pairs % 2 == 1 or rank + 1 < counts[prefix & 0xFFFF]:
        return np.asarray(lower, dtype=x.dtype)
    return np.asarray(0.5 * (lower + _next_distance(rows, columns, lower)), dtype=x.dtype)


def _digit(counts: Array, rank: int) -> tuple[int, int]:
    """Which digit the entry of the given rank has, and its rank among the entries of that digit."""
    reached = np.cumsum(counts)
    digit = int(np.searchsorted(reached, rank, side="right"))
    return digit, rank - int(reached[digit] - counts[digit])


def _pair_counts(rows: Array, columns: Array, prefix: int, shift: int) -> Array:
    def task(at: slice) -> Array:
        counts = np.zeros(2**16, dtype=np.int64)
        _count_keys(rows, columns, at.start, at.stop, prefix, shift, counts)
        return counts

    return sum(_share(task, *_pair_blocks(rows)))


def _next_distance(rows: Array, columns: Array, bound: float) -> float:
    return float(
        min(
            _share(
                lambda at: _least_above(rows, columns, at.start, at.stop, bound),
                *_pair_blocks(rows),
            )
        )
    )


def _pair_blocks(rows: Array) -> tuple[int, int, float]:
    """Return length, edge and work of a pass over pairs in few blocks, each with its counts."""
    return rows.shape[0], max(BLOCK, rows.shape[0] // 8), 1.5 * rows.shape[0] * rows.size


def mean_distance(x: Array, y: Array, x_weights: Array, y_weights: Array) -> Array:
    """Σ_ij π_i ρ_j ‖x_i − y_j‖, the building block of the energy distance (Q2)."""
    sample, weights = _rows(y), _rows(y_weights)
    sums = _by_points(lambda p, out: _distance_sums(p, sample, weights, out[0]), x, 1, sample)
    return np.asarray(np.sum(x_weights * sums[0]), dtype=x.dtype)


def distance_gradient(points: Array, sample: Array, weights: Array) -> Array:
    """Σ_i π_i (p_j − x_i) / ‖p_j − x_i‖, the gradient of the mean distance to a sample, (m, d)."""
    rows, w = _rows(sample), _rows(weights)
    out = _by_points(
        lambda p, out: _distance_gradients(p, rows, w, out), points, points.shape[1], rows
    )
    return np.ascontiguousarray(out.T, dtype=points.dtype)


def _by_points(
    rule: Callable[[Array, Array], None], points: Array, width: int, sample: Array
) -> Array:
    """Let ``rule(points as columns, out)`` fill a (width, m) float64 array in blocks of points."""
    columns, out = _columns(points), np.empty((width, points.shape[0]))

    def task(at: slice) -> None:
        block = np.empty((width, at.stop - at.start))
        rule(np.ascontiguousarray(columns[:, at]), block)
        out[:, at] = block

    _share(
        task, points.shape[0], BLOCK, (3.0 * points.size + 10.0 * points.shape[0]) * sample.shape[0]
    )
    return out


# --- Gaussian kernel sums -------------------------------------------------------------------------


def mean_gaussian(
    x: Array, y: Array, x_weights: Array, y_weights: Array, bandwidth: float
) -> Array:
    """Σ_ij π_i ρ_j k(x_i, y_j) with k = exp(−‖x − y‖² / (2σ²)), the building block of MMD (Q1)."""
    sample, weights, sigma = _rows(y), _rows(y_weights), float(bandwidth)
    sums = _by_points(
        lambda p, out: _gaussian_sums(p, sample, weights, sigma, out[0]), x, 1, sample
    )
    return np.asarray(np.sum(x_weights * sums[0]), dtype=x.dtype)


def gaussian_gradient(points: Array, sample: Array, weights: Array, bandwidth: float) -> Array:
    """∇_p Σ_i π_i k(p_j, x_i) = −Σ_i π_i k(p_j, x_i) (p_j − x_i) / σ², shape (m, d)."""
    rows, w, sigma = _rows(sample), _rows(weights), float(bandwidth)
    out = _by_points(
        lambda p, out: _gaussian_gradients(p, rows, w, sigma, out), points, points.shape[1], rows
    )
    return np.ascontiguousarray(out.T, dtype=points.dtype)


def gaussian_kde_score(points: Array, sample: Array, weights: Array, bandwidth: float) -> Array:
    """∇ log p̂ of a Gaussian kernel density estimate (W1) at ``points`` (m, d)."""
    possible = weights > 0
    rows, sigma = _rows(sample[possible]), float(bandwidth)
    log_weights = np.log(_rows(weights[possible]))
    out = _by_points(
        lambda p, out: _kde_scores(p, rows, log_weights, sigma, out), points, points.shape[1], rows
    )
    return np.ascontiguousarray(out.T, dtype=points.dtype)


# --- features -------------------------------------------------------------------------------------


def gaussian_rbf(x: Array, centers: Array, bandwidth: float) -> Array:
    """f_s(x_i) = exp(−‖x_i − c_s‖² / (2σ²)), shape (n, b)."""
    rows, columns, out = (
        _rows(x),
        _columns(centers),
        np.empty((x.shape[0], centers.shape[0]), dtype=x.dtype),
    )
    ones, sigma = np.ones(centers.shape[0]), float(bandwidth)
    _share(
        lambda at: _gaussian_rows(rows[at], columns, ones, sigma, out[at]),
        x.shape[0],
        BLOCK,
        out.size * (3.0 * x.shape[1] + 10.0),
    )
    return out


def gaussian_rbf_with_jacobian(x: Array, centers: Array, bandwidth: float) -> tuple[Array, Array]:
    """Gaussian RBF features f (n, b) and ∇f (n, d, b), ∂f_s/∂x_a = f_s (c_sa − x_ia) / σ²."""
    (n, dim), b = x.shape, centers.shape[0]
    rows, columns, sigma = _rows(x), _columns(centers), float(bandwidth)
    values, jacobian = np.empty((n, b), dtype=x.dtype), np.empty((n, dim, b), dtype=x.dtype)
    _share(
        lambda at: _gaussian_rows_with_jacobian(rows[at], columns, sigma, values[at], jacobian[at]),
        n,
        32,
        6.0 * jacobian.size,
    )
    return values, jacobian


# --- contractions with matrix-valued kernels (K4) -------------------------------------------------


def gradient_gaussian_contraction(
    points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float
) -> Array:
    """V_j = Σ_i π_i K(p_j, x_i) ∇f(x_i) (K4) for the gradient Gaussian kernel (K5), (m, d, b).

    In few dimensions K is written out, a tile of (j, a) by (i, c) at a time, and one matrix product
    with ∇f as (n·d, b) does the rest: 2d² operations for each pair and statistic at the full rate
    of the library. In many, ∇f − r (rᵀ∇f) takes 6d in three smaller products. One statistic alone
    (a velocity field) needs no matrix product.
    """
    if jacobian.shape[2] == 1:
        return _gradient_gaussian_field(points, x, jacobian, weights, float(bandwidth))
    row, edge = _gradient_gaussian_plan(x.shape[1])
    rows, columns, w, values = (
        _rows(points),
        _columns(x),
        _rows(weights),
        np.ascontiguousarray(jacobian),
    )
    out = np.empty((points.shape[0], *jacobian.shape[1:]), dtype=jacobian.dtype)

    def task(at: slice) -> None:
        out[at] = row(rows[at], columns, values, w, float(bandwidth))

    _share_products(task, points.shape[0], edge, 6.0 * points.shape[0] * jacobian.size)
    return out


def gradient_gaussian_gram(x: Array, jacobian: Array, weights: Array, bandwidth: float) -> Array:
    """G = Σ_ij π_i π_j ∇f(x_i)ᵀ K(x_i, x_j) ∇f(x_j) (K3) for the kernel (K5), shape (b, b).

    G is symmetric, so only pairs i ≥ j are visited, those of a diagonal block with half their
    weight: half the operations of V, and V is never held.
    """
    row, edge = _gradient_gaussian_plan(x.shape[1])
    rows, columns, w, values = _rows(x), _columns(x), _rows(weights), np.ascontiguousarray(jacobian)

    def task(at: slice) -> Array:
        later = slice(at.start, None)
        once = w[later].copy()
        once[: at.stop - at.start] *= 0.5
        contraction = row(
            rows[at], np.ascontiguousarray(columns[:, later]), values[later], once, float(bandwidth)
        )
        contraction *= weights[at, None, None]
        return np.matmul(_as_matrix(values[at]).T, _as_matrix(contraction))

    half = sum(_share_products(task, x.shape[0], edge, 3.0 * x.shape[0] * jacobian.size))
    return half + half.T


Row = Callable[[Array, Array, Array, Array, float], Array]


def _gradient_gaussian_plan(dim: int) -> tuple[Row, int]:
    """Which form a row of V takes in ``dim`` dimensions, and how many points make a row."""
    return (
        (_expanded_row, max(1, KERNEL_ROWS // dim))
        if dim <= EXPANDED_DIMENSION
        else (_batched_row, BATCH_ROWS)
    )


def _as_matrix(x: Array) -> Array:
    """(n, d, b) as (n·d, b)."""
    return x.reshape(-1, x.shape[2])


def _expanded_row(
    points: Array, columns: Array, jacobian: Array, weights: Array, bandwidth: float
) -> Array:
    m, dim = points.shape
    value = np.zeros((m, dim, jacobian.shape[2]), dtype=jacobian.dtype)
    for at in tiles(columns.shape[1], max(1, KERNEL_COLUMNS // dim)):
        block = np.ascontiguousarray(columns[:, at])
        kernel = np.empty((m, dim, block.shape[1], dim), dtype=jacobian.dtype)
        _gradient_gaussian_tile(points, block, weights[at], bandwidth, kernel)
        value += np.matmul(kernel.reshape(m * dim, -1), _as_matrix(jacobian[at])).reshape(
            value.shape
        )
    return value


def _batched_row(
    points: Array, columns: Array, jacobian: Array, weights: Array, bandwidth: float
) -> Array:
    (m, dim), n = points.shape, columns.shape[1]
    kernel = np.empty((m, n), dtype=jacobian.dtype)
    _gaussian_rows(points, columns, weights / bandwidth**2, bandwidth, kernel)
    value = np.matmul(kernel, jacobian.reshape(n, -1)).reshape(m, dim, -1)
    for at in tiles(n, BATCH_COLUMNS):
        block = np.ascontiguousarray(columns[:, at])
        along = np.empty((block.shape[1], m, dim), dtype=jacobian.dtype)
        back = np.empty((m, dim, block.shape[1]), dtype=jacobian.dtype)
        _gradient_gaussian_pieces(points, block, kernel[:, at], bandwidth, along, back)
        value += np.matmul(back, np.matmul(along, jacobian[at]).transpose(1, 0, 2))
    return value


def _gradient_gaussian_field(
    points: Array, x: Array, sources: Array, weights: Array, bandwidth: float
) -> Array:
    """Evaluate V for one statistic, shape (m, d, 1)."""
    rows, vectors, w = _rows(x), _rows(sources[:, :, 0]), _rows(weights)
    out = _by_points(
        lambda p, out: _gradient_gaussian_sums(p, rows, vectors, w, bandwidth, out),
        points,
        x.shape[1],
        rows,
    )
    return np.ascontiguousarray(out.T, dtype=sources.dtype)[:, :, None]


def scalar_gaussian_contraction(
    points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float
) -> Array:
    """V_j = Σ_i π_i k(p_j, x_i) ∇f(x_i) (K4) for the scalar Gaussian kernel (K6), (m, d, b)."""
    rows, columns, w, sigma = _rows(points), _columns(x), _rows(weights), float(bandwidth)
    matrix = np.ascontiguousarray(jacobian).reshape(x.shape[0], -1)
    out = np.empty((points.shape[0], matrix.shape[1]), dtype=jacobian.dtype)

    def task(at: slice) -> None:
        kernel = np.empty((at.stop - at.start, x.shape[0]), dtype=jacobian.dtype)
        _gaussian_rows(rows[at], columns, w, sigma, kernel)
        np.matmul(kernel, matrix, out=out[at])

    _share_products(task, points.shape[0], KERNEL_ROWS, 2.0 * points.shape[0] * jacobian.size)
    return out.reshape(points.shape[0], *jacobian.shape[1:])


# --- when it repays -------------------------------------------------------------------------------

Rule = Callable[..., tuple[bool, str]]

TOO_LITTLE = "too little work to repay a compiled kernel"


def _pairs_at_least(least: int) -> Rule:
    """Rule for kernels of two samples (the first two arguments), or of one against itself."""

    def rule(x: Array, y: Array | None = None, *_: Any) -> tuple[bool, str]:
        pairs = x.shape[0] * (x.shape[0] if y is None or isinstance(y, str) else y.shape[0])
        return (
            (True, f"{pairs} pairs without an array of their differences")
            if pairs >= least
            else (False, TOO_LITTLE)
        )

    return rule


def _products_at_least(least: int) -> Rule:
    """Rule for contractions with a Jacobian: (points, x, jacobian, ...) or (x, jacobian, ...)."""

    def rule(points: Array, *others: Array) -> tuple[bool, str]:
        jacobian = next(array for array in others if array.ndim == 3)
        work = points.shape[0] * math.prod(jacobian.shape)
        return (
            (True, "compiled code writes the kernel, matrix products do the rest")
            if work >= least
            else (False, TOO_LITTLE)
        )

    return rule


#: For each kernel the size from which it repays, measured against ``readable``; below it both take
#: some microseconds.
REPAYS: dict[str, Rule] = {
    "squared_distances": _pairs_at_least(4_000),
    "median_squared_distance": _pairs_at_least(20_000),
    "mean_distance": _pairs_at_least(4_000),
    "distance_gradient": _pairs_at_least(4_000),
    "mean_gaussian": _pairs_at_least(4_000),
    "gaussian_gradient": _pairs_at_least(4_000),
    "gaussian_kde_score": _pairs_at_least(4_000),
    "gaussian_rbf": _pairs_at_least(4_000),
    "gaussian_rbf_with_jacobian": _pairs_at_least(4_000),
    "gradient_gaussian_contraction": _products_at_least(5_000),
    "gradient_gaussian_gram": _products_at_least(5_000),
    "scalar_gaussian_contraction": _products_at_least(5_000),
}
