"""The specification: every numerical kernel as its equation reads, in the array API standard only.

Shapes use one letter each: n particles (index i), m points or target samples (index j), d
coordinates (a, c), b statistics (s, t). Pairwise work is cut into tiles, so that memory does not
grow with the number of pairs. Differences x − y are formed before anything is squared or
multiplied: points far from the origin lose nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from array_api_compat import array_namespace as _namespace

from ingd_ref.backend._namespace import Array, Namespace, device, item
from ingd_ref.backend._operations import contract, softmax, symmetrise, tile_edge, tiles
from ingd_ref.kernels._activations import ACTIVATIONS

__all__ = [
    "distance_gradient",
    "gaussian_gradient",
    "gaussian_kde_score",
    "gaussian_rbf",
    "gaussian_rbf_with_jacobian",
    "gradient_gaussian_contraction",
    "gradient_gaussian_gram",
    "gradient_gaussian_matrix",
    "mean_distance",
    "mean_gaussian",
    "median_squared_distance",
    "neural_tangent_contraction",
    "neural_tangent_matrix",
    "radial_contraction",
    "radial_matrix",
    "scalar_gaussian_contraction",
    "scalar_gaussian_matrix",
    "squared_distances",
]

Layers = list[tuple[Array, Array]]
#: a(q) and b(q) of a radial kernel, from the namespace, q and the dimension.
Profile = Callable[[Namespace, Array, int], tuple[Array, Array]]


# --- distances ------------------------------------------------------------------------------------


def squared_distances(x: Array, y: Array) -> Array:
    """‖x_i − y_j‖² as an (n, m) array, in difference form."""
    xp = _namespace(x)
    rows = [
        xp.sum(_differences(x[rows, ...], y) ** 2, axis=-1)
        for rows in tiles(x.shape[0], _rows_per_tile(x, y))
    ]
    return xp.concat(rows, axis=0)


def median_squared_distance(x: Array, rule: str) -> Array:
    """Median of the positive entries of ‖x_i − x_j‖² (K8), ``rule`` "midpoint" or "lower".

    Distances that are exactly zero do not count, so repeating every point changes nothing. If all
    points coincide there is no scale: the value 2 then gives the bandwidth 1.
    """
    xp = _namespace(x)
    ordered = xp.sort(xp.reshape(squared_distances(x, x), (-1,)))
    zeros = xp.sum(xp.astype(ordered <= 0, xp.int64))
    count = ordered.shape[0] - zeros
    last = ordered.shape[0] - 1
    lower = zeros + xp.maximum(count - 1, xp.zeros_like(count)) // 2
    upper = lower if rule == "lower" else zeros + count // 2
    at = xp.minimum(xp.stack([lower, upper]), xp.full_like(xp.stack([lower, upper]), last))
    return xp.where(count > 0, xp.mean(xp.take(ordered, at)), xp.full_like(ordered[0], 2.0))


def mean_distance(x: Array, y: Array, x_weights: Array, y_weights: Array) -> Array:
    """Σ_ij π_i ρ_j ‖x_i − y_j‖, the building block of the energy distance (Q2)."""
    xp = _namespace(x)
    total = xp.zeros((), dtype=x.dtype, device=device(x))
    for rows in tiles(x.shape[0], _rows_per_tile(x, y)):
        distance = xp.sqrt(squared_distances(x[rows, ...], y))
        total = total + xp.sum(x_weights[rows] * xp.matmul(distance, y_weights))
    return total


def distance_gradient(points: Array, sample: Array, weights: Array) -> Array:
    """Σ_i π_i (p_j − x_i) / ‖p_j − x_i‖, the gradient of the mean distance to a sample, (m, d).

    0/0 counts as 0.
    """
    xp = _namespace(points)
    rows = []
    for tile in tiles(points.shape[0], _rows_per_tile(points, sample)):
        difference = _differences(points[tile, ...], sample)
        distance = xp.sqrt(xp.sum(difference * difference, axis=-1))
        inverse = xp.where(
            distance > 0,
            weights / xp.where(distance > 0, distance, xp.ones_like(distance)),
            xp.zeros_like(distance),
        )
        rows.append(contract(xp, "ji,jia->ja", inverse, difference))
    return xp.concat(rows, axis=0)


# --- Gaussian kernel sums -------------------------------------------------------------------------


def mean_gaussian(
    x: Array, y: Array, x_weights: Array, y_weights: Array, bandwidth: float
) -> Array:
    """Σ_ij π_i ρ_j k(x_i, y_j) with k = exp(−‖x − y‖² / (2σ²)), the building block of MMD (Q1)."""
    xp = _namespace(x)
    total = xp.zeros((), dtype=x.dtype, device=device(x))
    for rows in tiles(x.shape[0], _rows_per_tile(x, y)):
        total = total + xp.sum(
            x_weights[rows] * xp.matmul(gaussian_rbf(x[rows, ...], y, bandwidth), y_weights)
        )
    return total


def gaussian_gradient(points: Array, sample: Array, weights: Array, bandwidth: float) -> Array:
    """∇_p Σ_i π_i k(p_j, x_i) = −Σ_i π_i k(p_j, x_i) (p_j − x_i) / σ², shape (m, d)."""
    xp = _namespace(points)
    rows = []
    for tile in tiles(points.shape[0], _rows_per_tile(points, sample)):
        difference = _differences(points[tile, ...], sample)
        kernel = xp.exp(-0.5 * xp.sum((difference / bandwidth) ** 2, axis=-1))
        rows.append(-contract(xp, "ji,jia->ja", weights * kernel, difference) / bandwidth**2)
    return xp.concat(rows, axis=0)


def gaussian_kde_score(points: Array, sample: Array, weights: Array, bandwidth: float) -> Array:
    """∇ log p̂ of a Gaussian kernel density estimate (W1) at ``points`` (m, d).

    Responsibilities are a softmax over the sample, so that a point far from all of it keeps its
    true score instead of 0/0.
    """
    xp = _namespace(points)
    possible = weights > 0
    log_weights = xp.where(
        possible,
        xp.log(xp.where(possible, weights, xp.ones_like(weights))),
        xp.full_like(weights, -xp.inf),
    )
    rows = []
    for tile in tiles(points.shape[0], _rows_per_tile(points, sample)):
        difference = _differences(points[tile, ...], sample)
        responsibilities = softmax(
            xp, log_weights - 0.5 * xp.sum((difference / bandwidth) ** 2, axis=-1)
        )
        rows.append(-contract(xp, "ji,jia->ja", responsibilities, difference) / bandwidth**2)
    return xp.concat(rows, axis=0)


# --- features -------------------------------------------------------------------------------------


def gaussian_rbf(x: Array, centers: Array, bandwidth: float) -> Array:
    """f_s(x_i) = exp(−‖x_i − c_s‖² / (2σ²)), shape (n, b)."""
    xp = _namespace(x)
    return xp.exp(-0.5 * squared_distances(x, centers) / bandwidth**2)


def gaussian_rbf_with_jacobian(x: Array, centers: Array, bandwidth: float) -> tuple[Array, Array]:
    """Gaussian RBF features f (n, b) and ∇f (n, d, b), ∂f_s/∂x_a = f_s (c_sa − x_ia) / σ²."""
    xp = _namespace(x)
    values = gaussian_rbf(x, centers, bandwidth)
    toward = xp.matrix_transpose(centers)[None, :, :] - x[:, :, None]
    return values, toward * (values / bandwidth**2)[:, None, :]


# --- contractions with matrix-valued kernels (K4) -------------------------------------------------


def gradient_gaussian_matrix(x: Array, y: Array, bandwidth: float) -> Array:
    """K(x_i, y_j) = k [I/σ² − r rᵀ/σ⁴] with r = x_i − y_j (K5), shape (n, m, d, d)."""
    xp = _namespace(x)
    r = scaled_differences(x, y, bandwidth)
    k = xp.exp(-0.5 * xp.sum(r * r, axis=-1))
    identity = xp.eye(x.shape[1], dtype=x.dtype, device=device(x))
    return (k / bandwidth**2)[:, :, None, None] * (identity - r[:, :, :, None] * r[:, :, None, :])


def gradient_gaussian_contraction(
    points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float
) -> Array:
    """V_j = Σ_i π_i K(p_j, x_i) ∇f(x_i) (K4) for the gradient Gaussian kernel (K5), (m, d, b).

    K acts as k/σ² [∇f − r (rᵀ∇f)] with r = (p_j − x_i)/σ, so the d×d matrix is never formed: 6 m n
    d b operations.
    """
    xp = _namespace(x)

    def tile(rows: slice, columns: slice) -> Array:
        r = _differences(points[rows, ...], x[columns, ...]) / bandwidth
        k = weights[columns] * xp.exp(-0.5 * xp.sum(r * r, axis=-1)) / bandwidth**2
        along = contract(xp, "jic,ics->jis", r, jacobian[columns, ...])
        return contract(xp, "ji,ias->jas", k, jacobian[columns, ...]) - contract(
            xp, "jia,jis->jas", k[:, :, None] * r, along
        )

    return _sum_of_tiles(points, x, jacobian, tile, width=jacobian.shape[2] + 2 * x.shape[1])


def gradient_gaussian_gram(x: Array, jacobian: Array, weights: Array, bandwidth: float) -> Array:
    """G = Σ_ij π_i π_j ∇f(x_i)ᵀ K(x_i, x_j) ∇f(x_j) (K3) for (K5), through V (K4); (b, b)."""
    xp = _namespace(x)
    contraction = gradient_gaussian_contraction(x, x, jacobian, weights, bandwidth)
    return symmetrise(
        xp, contract(xp, "jas,jat->st", weights[:, None, None] * jacobian, contraction)
    )


def scalar_gaussian_contraction(
    points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float
) -> Array:
    """V_j = Σ_i π_i k(p_j, x_i) ∇f(x_i) (K4) for the scalar Gaussian kernel (K6), (m, d, b)."""
    xp = _namespace(x)

    def tile(rows: slice, columns: slice) -> Array:
        k = weights[columns] * gaussian_rbf(points[rows, ...], x[columns, ...], bandwidth)
        return contract(xp, "ji,ias->jas", k, jacobian[columns, ...])

    return _sum_of_tiles(points, x, jacobian, tile, width=x.shape[1] + 2)


def scalar_gaussian_matrix(x: Array, y: Array, bandwidth: float) -> Array:
    """K(x_i, y_j) = k(x_i, y_j) I (K6), shape (n, m, d, d)."""
    xp = _namespace(x)
    return gaussian_rbf(x, y, bandwidth)[:, :, None, None] * xp.eye(
        x.shape[1], dtype=x.dtype, device=device(x)
    )


def radial_matrix(
    x: Array, y: Array, bandwidth: float, profile: Profile, unit: float | None = None
) -> Array:
    """K(x_i, y_j) = [a(q) I + b(q) ρρᵀ]/σ², ρ = (x_i − y_j)/σ, q = ‖ρ‖²; shape (n, m, d, d).

    ``unit`` replaces the σ of the factor 1/σ², but not that of ρ.
    """
    xp, unit = _namespace(x), bandwidth if unit is None else unit
    rho = scaled_differences(x, y, bandwidth)
    a, b = profile(xp, xp.sum(rho * rho, axis=-1), x.shape[1])
    identity = xp.eye(x.shape[1], dtype=x.dtype, device=device(x))
    outer = (b[:, :, None] * rho)[:, :, :, None] * rho[:, :, None, :]
    return (a[:, :, None, None] * identity + outer) / unit / unit


def radial_contraction(
    points: Array,
    x: Array,
    jacobian: Array,
    weights: Array,
    bandwidth: float,
    profile: Profile,
    unit: float | None = None,
) -> Array:
    """V_j = Σ_i π_i K(p_j, x_i) ∇f(x_i) (K4) for the kernel of :func:`radial_matrix`, (m, d, b).

    ``unit`` replaces the σ of the factor 1/σ², but not that of ρ.
    """
    xp, unit = _namespace(x), bandwidth if unit is None else unit

    def tile(rows: slice, columns: slice) -> Array:
        rho = scaled_differences(points[rows, ...], x[columns, ...], bandwidth)
        a, b = profile(xp, xp.sum(rho * rho, axis=-1), x.shape[1])
        a, b = (weights[columns] * part / unit / unit for part in (a, b))
        along = contract(xp, "jic,ics->jis", rho, jacobian[columns, ...])
        return contract(xp, "ji,ias->jas", a, jacobian[columns, ...]) + contract(
            xp, "jia,jis->jas", b[:, :, None] * rho, along
        )

    return _sum_of_tiles(points, x, jacobian, tile, width=jacobian.shape[2] + 2 * x.shape[1])


def neural_tangent_matrix(
    x: Array, y: Array, layers: Layers, activation: str, mode: str, unit: float = 1.0
) -> Array:
    """K(x_i, y_j) of (K7), shape (n, m, d, d), in the given mode: "full", "diagonal" or "trace".

    It is divided by the square of ``unit``, in which the inputs of layers are measured.
    """
    xp, one = _namespace(x), 1.0 / unit / unit
    left, right = (_layer_terms(points, layers, activation, unit) for points in (x, y))
    if mode == "full":
        return _full_tangent_tile(xp, left, right, one)
    identity = xp.eye(x.shape[1], dtype=x.dtype, device=device(x))
    diagonal = _diagonal_tangent_tile(xp, left, right, mode, one)
    return xp.permute_dims(diagonal, (1, 2, 0))[..., None] * identity


def neural_tangent_contraction(
    points: Array,
    x: Array,
    jacobian: Array,
    weights: Array,
    layers: Layers,
    activation: str,
    mode: str,
    unit: float = 1.0,
) -> Array:
    """V_j = Σ_i π_i K(p_j, x_i) ∇f(x_i) (K4) for the neural tangent kernel (K7), (m, d, b).

    It is divided by the square of ``unit``, in which the inputs of layers are measured.
    """
    xp, one = _namespace(x), 1.0 / unit / unit
    left, right = (_layer_terms(ends, layers, activation, unit) for ends in (points, x))

    def full_tile(rows: slice, columns: slice) -> Array:
        matrices = (
            _full_tangent_tile(xp, _cut(left, rows), _cut(right, columns), one)
            * weights[columns][:, None, None]
        )
        return contract(xp, "jiac,ics->jas", matrices, jacobian[columns, ...])

    def diagonal_tile(rows: slice, columns: slice) -> Array:
        k = (
            _diagonal_tangent_tile(xp, _cut(left, rows), _cut(right, columns), mode, one)
            * weights[columns]
        )
        return contract(xp, "aji,ias->jas", k, jacobian[columns, ...])

    dim = x.shape[1]
    if mode == "full":
        return _sum_of_tiles(points, x, jacobian, full_tile, width=3 * dim * dim)
    return _sum_of_tiles(points, x, jacobian, diagonal_tile, width=3 * dim)


def _full_tangent_tile(
    xp: Namespace, left: list[tuple[Array, Array]], right: list[tuple[Array, Array]], one: float
) -> Array:
    """Σ_l ⟨δ_l^a(x), δ_l^c(y)⟩ (1 + ⟨h_{l−1}(x), h_{l−1}(y)⟩) (K7), shape (j, i, a, c)."""
    return sum(
        (one + contract(xp, "jp,ip->ji", h_x, h_y))[:, :, None, None]
        * contract(xp, "jaq,icq->jiac", delta_x, delta_y)
        for (h_x, delta_x), (h_y, delta_y) in zip(left, right, strict=True)
    )


def _diagonal_tangent_tile(
    xp: Namespace,
    left: list[tuple[Array, Array]],
    right: list[tuple[Array, Array]],
    mode: str,
    one: float,
) -> Array:
    """The diagonal entries of (K7), shape (a, j, i); "trace" puts their mean in place of each."""
    diagonal = sum(
        (one + contract(xp, "jp,ip->ji", h_x, h_y)) * contract(xp, "jaq,iaq->aji", delta_x, delta_y)
        for (h_x, delta_x), (h_y, delta_y) in zip(left, right, strict=True)
    )
    return (
        diagonal
        if mode == "diagonal"
        else xp.broadcast_to(xp.mean(diagonal, axis=0), diagonal.shape)
    )


def _layer_terms(
    x: Array, layers: Layers, activation: str, unit: float
) -> list[tuple[Array, Array]]:
    """Return (h_{l−1}, δ_l) of each layer (K7): its input (n, in), and ∂h_a/∂a_l (n, d, out)."""
    xp = _namespace(x)
    inputs, slopes = [x], []
    for matrix, offset in layers[:-1]:
        value, slope = ACTIVATIONS[activation](
            xp, xp.matmul(inputs[-1], xp.matrix_transpose(matrix)) + offset
        )
        inputs.append(value)
        slopes.append(slope)
    outputs = layers[-1][0].shape[0]
    identity = xp.eye(outputs, dtype=x.dtype, device=device(x))
    sensitivities = [xp.broadcast_to(identity, (x.shape[0], outputs, outputs))]
    for (matrix, _), slope in zip(reversed(layers[1:]), reversed(slopes), strict=True):
        sensitivities.append(xp.matmul(sensitivities[-1], matrix) * slope[:, None, :])
    if unit != 1.0:
        inputs = [h / unit for h in inputs]
    return list(zip(inputs, reversed(sensitivities), strict=True))


def largest_input(x: Array, layers: Layers, activation: str) -> float:
    """Return the largest magnitude among the inputs h_{l−1} of all layers (K7)."""
    xp = _namespace(x)
    terms = _layer_terms(x, layers, activation, 1.0)
    return max(float(item(xp.max(xp.abs(h)))) for h, _ in terms)


# --- tiles ----------------------------------------------------------------------------------------


def _cut(terms: list[tuple[Array, Array]], rows: slice) -> list[tuple[Array, Array]]:
    return [(h[rows, ...], delta[rows, ...]) for h, delta in terms]


def _sum_of_tiles(
    points: Array, x: Array, jacobian: Array, tile: Callable[[slice, slice], Array], width: int
) -> Array:
    """Return V (m, d, b): each row of tiles is the sum over columns of ``tile(rows, columns)``."""
    xp = _namespace(x)
    edge = tile_edge(x, width)
    stack = []
    for rows in tiles(points.shape[0], edge):
        first, *others = tiles(x.shape[0], edge)
        row = tile(rows, first)
        for columns in others:
            row = row + tile(rows, columns)
        stack.append(row)
    return stack[0] if len(stack) == 1 else xp.concat(stack, axis=0)


def _differences(x: Array, y: Array) -> Array:
    """x_i − y_j for every pair, shape (n, m, d)."""
    return x[:, None, :] - y[None, :, :]


def scaled_differences(x: Array, y: Array, bandwidth: float) -> Array:
    """(x_i − y_j)/σ, cut off so that squares do not overflow; a kernel has underflowed by then."""
    xp = _namespace(x)
    largest = float(xp.finfo(x.dtype).max)
    edge = min(1e-3 * math.sqrt(largest) * bandwidth, largest)
    return xp.clip(_differences(x, y), -edge, edge) / bandwidth


def _rows_per_tile(x: Array, y: Array) -> int:
    """How many rows of an (n, m, d) array of differences make one tile."""
    edge = tile_edge(x, x.shape[1])
    return max(1, edge * edge // int(y.shape[0]))
