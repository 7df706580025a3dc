"""Kernels for lengths whose squares leave the range of their floating type.

:func:`guarded` looks at the points and the bandwidth of each call. Where squares and their
quotients fit, the chosen implementation runs as it is. Elsewhere the forms below take lengths in
units that keep every square near one: differences in units of the bandwidth, or of the distance to
the nearest point. They compute in float64, and give back the type of the points.

A kernel value below the smallest normal number counts as zero, so gradients carry an error of that
number divided by the bandwidth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from array_api_compat import array_namespace as _namespace

from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.backend._operations import contract, softmax, symmetrise, tile_edge, tiles
from ingd_ref.backend._scaling import (
    all_finite,
    exponent,
    extent,
    quiet,
    range_of,
    rescale,
    rescale_number,
    smallest,
)
from ingd_ref.errors import DomainError
from ingd_ref.kernels import readable

__all__ = [
    "fits",
    "gradient_profile",
    "guarded",
    "median_bandwidth",
    "radial_parts",
    "scalar_profile",
    "scaled_squares",
    "separated",
    "tangent_parts",
]

# Shares of the exponent range within which each implementation computes without overflow: with
# |log₂ σ| ≤ 0.3 T, sizes ≤ 2^0.4T and x/σ ≤ 2^0.3T, the products that occur, such as ‖x‖²/σ²,
# 1/σ² and ∇f ‖x − y‖²/σ², stay below 2^0.9T.
BANDWIDTH, SIZE, RATIO, SLOPE = 0.3, 0.4, 0.3, 0.3
# Profiles may decay like the fifth power of σ/x, which is to be a normal number.
POWER_LAW = 0.15

Form = Callable[..., Any]


# --- when -----------------------------------------------------------------------------------------


def guarded(operation: str, function: Form) -> Form:
    """Return ``function``, with the form of this file where its arguments are extreme."""
    if operation in TANGENT_FORMS:
        return _finite_or(function, TANGENT_FORMS[operation])
    form, points, slopes, bandwidth = FORMS.get(operation, (function, 0, None, None))
    if form is function:
        return function
    share = POWER_LAW if operation.startswith("radial") else RATIO

    def run(*arguments: Any) -> Any:
        lengths = arguments[:points]
        if bandwidth is None:
            ordinary = separated(*lengths)
        else:
            jacobian = None if slopes is None else arguments[slopes]
            ordinary = fits(*lengths, bandwidth=arguments[bandwidth], slopes=jacobian, share=share)
        return function(*arguments) if ordinary else _evaluate(form, arguments, lengths[0].dtype)

    run.__wrapped__ = function  # type: ignore[attr-defined]
    return run


def _finite_or(function: Form, form: Form) -> Form:
    """Return ``function``, with ``form`` where its result is not finite."""

    def run(*arguments: Any) -> Any:
        with quiet():
            result = function(*arguments)
        if all_finite(result):
            return result
        return _evaluate(form, arguments, arguments[0].dtype)

    return run


def fits(
    *points: Array, bandwidth: float, slopes: Array | None = None, share: float = RATIO
) -> bool:
    """Return whether squares of lengths fit, in the units of the points and in bandwidths."""
    width, unit = range_of(points[0]), exponent(float(bandwidth))
    if abs(unit) > BANDWIDTH * width:
        return False
    limit = min(SIZE * width, share * width + unit)
    if any(extent(x) > limit for x in _distinct(points)):
        return False
    return slopes is None or extent(slopes) <= SLOPE * width


def separated(*points: Array) -> bool:
    """Return whether squares of all differences between the points are normal numbers or zero.

    Numbers of at least 2^e differ by a multiple of 2^(e−52).
    """
    width = range_of(points[0])
    least = 2.0 ** (-RATIO * width)
    return all(extent(x) <= SIZE * width and smallest(x) >= least for x in _distinct(points))


def _distinct(points: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the arrays, one of them if both are the same."""
    return points[:1] if points[0] is points[-1] else points


def _evaluate(form: Form, arguments: tuple[Any, ...], dtype: Any) -> Any:
    """Return ``form`` of the arguments in float64, in the type of the points, if it fits."""
    xp = _namespace(arguments[0])
    with quiet():
        result = form(xp, *(_wide(xp, argument) for argument in arguments))
        parts = result if isinstance(result, tuple) else (result,)
        parts = tuple(xp.astype(part, dtype, copy=False) for part in parts)
    if not all(all_finite(part) for part in parts):
        numbers = [argument for argument in arguments if isinstance(argument, float)]
        cause = f"bandwidth = {numbers[0]:g} and these points" if numbers else "these points"
        raise DomainError(f"{cause} give a result beyond the largest {dtype} number")
    return parts if isinstance(result, tuple) else parts[0]


def _wide(xp: Namespace, argument: Any) -> Any:
    if isinstance(argument, list):
        return [tuple(_wide(xp, part) for part in layer) for layer in argument]
    is_array = getattr(argument, "ndim", 0) > 0
    return xp.astype(argument, xp.float64, copy=False) if is_array else argument


# --- distances ------------------------------------------------------------------------------------


def median_bandwidth(x: Array, rule: str) -> float:
    """σ of rule (K8) from distances, whose squares are never formed; 1 if all points coincide."""
    xp = _namespace(x)
    with quiet():
        wide = _wide(xp, x)
        half, unit = _halved(xp, wide, wide)
        rows = [xp.reshape(_lengths(xp, *half(at))[0], (-1,)) for at in _tiles(wide, wide)]
        ordered = xp.sort(xp.concat(rows))
        count = int(item(xp.sum(xp.astype(ordered > 0, xp.int64))))
        if count == 0:
            return 1.0
        first = ordered.shape[0] - count
        lower = float(item(ordered[first + (count - 1) // 2]))
        upper = lower if rule == "lower" else float(item(ordered[first + count // 2]))
    sigma = math.hypot(lower, upper) / (2.0 * unit)
    if not math.isfinite(sigma):
        raise DomainError("the median distance between the points of x exceeds the largest number")
    return sigma


def _distance_gradient(xp: Namespace, points: Array, sample: Array, weights: Array) -> Array:
    half, _ = _halved(xp, points, sample)

    def row(at: slice) -> Array:
        size, direction = _lengths(xp, *half(at), directions=True)
        factor = xp.where(size > 0, weights * xp.ones_like(size), xp.zeros_like(size))
        return contract(xp, "ji,jia->ja", factor, direction)

    return xp.concat([row(at) for at in _tiles(points, sample)], axis=0)


def _halved(xp: Namespace, x: Array, y: Array) -> tuple[Callable[[slice], tuple[Array]], float]:
    """Return differences of a tile of x with y, and the unit that keeps them finite: 1 or ½."""
    unit = 1.0 if exponent(x, y) < range_of(x) - 1 else 0.5
    return lambda at: ((unit * x[at, ...])[:, None, :] - (unit * y)[None, :, :],), unit


def _lengths(
    xp: Namespace, difference: Array, directions: bool = False
) -> tuple[Array, Array | None]:
    """Return norms along the last axis, or sizes and unit vectors, of differences of any size."""
    size = xp.max(xp.abs(difference), axis=-1)
    unit = xp.where(size > 0, size, xp.ones_like(size))
    scaled = difference / unit[..., None]
    norm = xp.sqrt(xp.sum(scaled * scaled, axis=-1))
    if not directions:
        return size * norm, None
    return size, scaled / xp.where(size > 0, norm, xp.ones_like(norm))[..., None]


# --- Gaussian kernel sums and features ------------------------------------------------------------


def scaled_squares(x: Array, y: Array, bandwidth: float) -> Array:
    """‖x_i − y_j‖²/σ², shape (n, m); ∞ where it is beyond the largest number."""
    xp = _namespace(x)
    with quiet():
        left, right = _wide(xp, x), _wide(xp, y)
        half, unit = _halved(xp, left, right)
        rows = [
            xp.sum((half(at)[0] / bandwidth / unit) ** 2, axis=-1) for at in _tiles(left, right)
        ]
        return xp.astype(xp.concat(rows, axis=0), x.dtype, copy=False)


def _mean_gaussian(
    xp: Namespace, x: Array, y: Array, x_weights: Array, y_weights: Array, bandwidth: float
) -> Array:
    rows = [
        xp.matmul(_gaussian_rbf(xp, x[at, ...], y, bandwidth), y_weights) for at in _tiles(x, y)
    ]
    return xp.sum(x_weights * xp.concat(rows))


def _gaussian_gradient(
    xp: Namespace, points: Array, sample: Array, weights: Array, bandwidth: float
) -> Array:
    def row(at: slice) -> Array:
        rho = readable.scaled_differences(points[at, ...], sample, bandwidth)
        k = weights * xp.exp(-0.5 * xp.sum(rho * rho, axis=-1))
        return -contract(xp, "ji,jia->ja", k, rho) / bandwidth

    return xp.concat([row(at) for at in _tiles(points, sample)], axis=0)


def _gaussian_kde_score(
    xp: Namespace, points: Array, sample: Array, weights: Array, bandwidth: float
) -> Array:
    """(W1) with differences in units of the nearest point or of σ, whichever is larger.

    In these units the least square is of order one, so that what the others exceed it by keeps its
    digits however small σ is.
    """
    possible = weights > 0
    log_weights = xp.log(xp.where(possible, weights, xp.ones_like(weights)))
    log_weights = xp.where(possible, log_weights, xp.full_like(weights, -xp.inf))
    halved, half = _halved(xp, points, sample)
    sigma, edge = half * bandwidth, 2.0**480

    def row(at: slice) -> Array:
        (difference,) = halved(at)
        size = xp.max(xp.abs(difference), axis=-1)
        size = xp.where(possible, size, xp.full_like(size, xp.inf))
        unit = xp.maximum(xp.min(size, axis=-1, keepdims=True), xp.full_like(size[:, :1], sigma))
        rho = xp.clip(difference / unit[..., None], -edge, edge)
        squares = xp.sum(rho * rho, axis=-1)
        least = xp.min(
            xp.where(possible, squares, xp.full_like(squares, xp.inf)), axis=-1, keepdims=True
        )
        ratio = xp.maximum(sigma / unit, xp.full_like(unit, 1e-160))
        shares = softmax(xp, log_weights - 0.5 * ((squares - least) / ratio / ratio))
        mean = -contract(xp, "ji,jia->ja", shares, rho)
        # The order of the factors follows the size of σ, so that no intermediate overflows.
        mean = mean * (unit / sigma) if bandwidth > 1.0 else mean * unit / sigma
        return mean / bandwidth

    return xp.concat([row(at) for at in _tiles(points, sample)], axis=0)


def _gaussian_rbf(xp: Namespace, x: Array, centers: Array, bandwidth: float) -> Array:
    rho = readable.scaled_differences(x, centers, bandwidth)
    return xp.exp(-0.5 * xp.sum(rho * rho, axis=-1))


def _gaussian_rbf_with_jacobian(
    xp: Namespace, x: Array, centers: Array, bandwidth: float
) -> tuple[Array, Array]:
    rho = readable.scaled_differences(x, centers, bandwidth)
    values = xp.exp(-0.5 * xp.sum(rho * rho, axis=-1))
    return values, xp.permute_dims(-values[:, :, None] * rho, (0, 2, 1)) / bandwidth


# --- contractions with matrix-valued kernels (K4) -------------------------------------------------


def radial_parts(
    points: Array,
    x: Array,
    jacobian: Array,
    weights: Array,
    bandwidth: float,
    profile: readable.Profile,
    power: int = -2,
) -> tuple[Array, int]:
    """Return V / 2^e in float64, and e, for a kernel σ^power [a(q) I + b(q) ρρᵀ]; V may not fit."""
    xp = _namespace(x)
    steep, unit = exponent(jacobian), exponent(float(bandwidth))
    points, x, weights = (_wide(xp, array) for array in (points, x, weights))
    slopes = rescale(_wide(xp, jacobian), -steep)
    sigma = rescale_number(bandwidth, -unit) if power else 1.0
    parts = readable.radial_contraction(points, x, slopes, weights, bandwidth, profile, sigma)
    return parts, steep + power * unit


def gradient_profile(xp: Namespace, q: Array, dim: int) -> tuple[Array, Array]:
    """Return a and b of the gradient Gaussian kernel (K5)."""
    k = xp.exp(-0.5 * q)
    return k, -k


def scalar_profile(xp: Namespace, q: Array, dim: int) -> tuple[Array, Array]:
    """Return a and b of the scalar Gaussian kernel (K6)."""
    return xp.exp(-0.5 * q), xp.zeros_like(q)


def _radial_contraction(
    xp: Namespace,
    points: Array,
    x: Array,
    jacobian: Array,
    weights: Array,
    bandwidth: float,
    profile: readable.Profile = gradient_profile,
    power: int = -2,
) -> Array:
    return rescale(*radial_parts(points, x, jacobian, weights, bandwidth, profile, power))


def _scalar_gaussian_contraction(
    xp: Namespace, points: Array, x: Array, jacobian: Array, weights: Array, bandwidth: float
) -> Array:
    return rescale(*radial_parts(points, x, jacobian, weights, bandwidth, scalar_profile, 0))


def _gradient_gaussian_gram(
    xp: Namespace, x: Array, jacobian: Array, weights: Array, bandwidth: float
) -> Array:
    steep = exponent(jacobian)
    slopes = rescale(jacobian, -steep)
    parts, power = radial_parts(x, x, slopes, weights, bandwidth, gradient_profile)
    gram = contract(xp, "jas,jat->st", weights[:, None, None] * slopes, parts)
    return rescale(symmetrise(xp, gram), power + 2 * steep)


def _radial_matrix(
    xp: Namespace, x: Array, y: Array, bandwidth: float, profile: readable.Profile, power: int = -2
) -> Array:
    unit = exponent(float(bandwidth))
    sigma = rescale_number(bandwidth, -unit) if power else 1.0
    return rescale(readable.radial_matrix(x, y, bandwidth, profile, sigma), power * unit)


def _gradient_gaussian_matrix(xp: Namespace, x: Array, y: Array, bandwidth: float) -> Array:
    return _radial_matrix(xp, x, y, bandwidth, gradient_profile)


def _scalar_gaussian_matrix(xp: Namespace, x: Array, y: Array, bandwidth: float) -> Array:
    return _radial_matrix(xp, x, y, bandwidth, scalar_profile, 0)


def tangent_parts(
    points: Array,
    x: Array,
    jacobian: Array,
    weights: Array,
    layers: readable.Layers,
    activation: str,
    mode: str,
) -> tuple[Array, int]:
    """Return V / 2^e in float64, and e, for the neural tangent kernel (K7)."""
    xp = _namespace(x)
    with quiet():
        points, x, weights, layers = (_wide(xp, array) for array in (points, x, weights, layers))
        steep, unit = exponent(jacobian), _tangent_unit(points, x, layers, activation)
        slopes = rescale(_wide(xp, jacobian), -steep)
        parts = readable.neural_tangent_contraction(
            points, x, slopes, weights, layers, activation, mode, 2.0**unit
        )
    return parts, steep + 2 * unit


def _tangent_unit(x: Array, y: Array, layers: readable.Layers, activation: str) -> int:
    """Return e ≥ 0 so that the inputs of all layers, in units of 2^e, are at most of order one."""
    largest = max(readable.largest_input(points, layers, activation) for points in (x, y))
    return max(0, exponent(largest) - 1) if largest < math.inf else 0


def _tangent_contraction(xp: Namespace, *arguments: Any) -> Array:
    return rescale(*tangent_parts(*arguments))


def _tangent_matrix(
    xp: Namespace, x: Array, y: Array, layers: readable.Layers, activation: str, mode: str
) -> Array:
    unit = _tangent_unit(x, y, layers, activation)
    matrices = readable.neural_tangent_matrix(x, y, layers, activation, mode, 2.0**unit)
    return rescale(matrices, 2 * unit)


# --- tiles ----------------------------------------------------------------------------------------


def _tiles(x: Array, y: Array) -> list[slice]:
    """Return slices of x so that arrays (tile, m, d) of differences stay small."""
    edge = tile_edge(x, x.shape[1])
    return list(tiles(x.shape[0], max(1, edge * edge // int(y.shape[0]))))


#: For each kernel its form, how many leading arguments are points, and where the Jacobian and the
#: bandwidth stand, if there are any.
FORMS: dict[str, tuple[Form, int, int | None, int | None]] = {
    "distance_gradient": (_distance_gradient, 2, None, None),
    "mean_gaussian": (_mean_gaussian, 2, None, 4),
    "gaussian_gradient": (_gaussian_gradient, 2, None, 3),
    "gaussian_kde_score": (_gaussian_kde_score, 2, None, 3),
    "gaussian_rbf": (_gaussian_rbf, 2, None, 2),
    "gaussian_rbf_with_jacobian": (_gaussian_rbf_with_jacobian, 2, None, 2),
    "gradient_gaussian_contraction": (_radial_contraction, 2, 2, 4),
    "gradient_gaussian_gram": (_gradient_gaussian_gram, 1, 1, 3),
    "gradient_gaussian_matrix": (_gradient_gaussian_matrix, 2, None, 2),
    "radial_contraction": (_radial_contraction, 2, 2, 4),
    "radial_matrix": (_radial_matrix, 2, None, 2),
    "scalar_gaussian_contraction": (_scalar_gaussian_contraction, 2, 2, 4),
    "scalar_gaussian_matrix": (_scalar_gaussian_matrix, 2, None, 2),
}

#: Forms of kernels without a bandwidth, for results that are not finite.
TANGENT_FORMS: dict[str, Form] = {
    "neural_tangent_contraction": _tangent_contraction,
    "neural_tangent_matrix": _tangent_matrix,
}
