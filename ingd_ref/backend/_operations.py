"""The few operations that the array standard lacks, written with those that it has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module

from ingd_ref.backend._namespace import Array, Namespace, backend_name

__all__ = ["contract", "erf", "logsumexp", "softmax", "symmetrise", "tile_edge", "tiles"]

# Bytes of one pairwise tile: near the second-level cache of a CPU core; enough work to fill a GPU.
CPU_TILE_BYTES = 4 * 2**20
GPU_TILE_BYTES = 256 * 2**20


def contract(xp: Namespace, subscripts: str, left: Array, right: Array) -> Array:
    """Sum of products of two arrays, written as in Einstein's convention: ``contract(xp, "nda,nm->mda", x, y)``.

    One batched matrix product does the work, on every library: the standard has no ``einsum``, and
    NumPy's own does not reach BLAS when an index is shared by both operands and the result. Every
    index is a single letter; one that occurs in a single operand must occur in the result.

    Examples
    --------
    >>> import numpy as np
    >>> contract(np, "ij,jk->ik", np.eye(2), np.ones((2, 1)))
    array([[1.],
           [1.]])
    """
    inputs, output = subscripts.split("->")
    left_indices, right_indices = inputs.split(",")
    size = dict(zip(left_indices + right_indices, (*left.shape, *right.shape), strict=True))
    batch = [i for i in output if i in left_indices and i in right_indices]
    summed = [i for i in left_indices if i in right_indices and i not in output]
    rows = [i for i in output if i not in right_indices]
    columns = [i for i in output if i not in left_indices]

    def as_matrices(x: Array, indices: str, first: list[str], second: list[str]) -> Array:
        order = tuple(indices.index(i) for i in [*batch, *first, *second])
        lengths = [[size[i] for i in group] for group in (batch, first, second)]
        return xp.reshape(
            xp.permute_dims(x, order), (*lengths[0], _product(lengths[1]), _product(lengths[2]))
        )

    product = xp.matmul(
        as_matrices(left, left_indices, rows, summed),
        as_matrices(right, right_indices, summed, columns),
    )
    order = [*batch, *rows, *columns]
    product = xp.reshape(product, tuple(size[i] for i in order))
    return xp.permute_dims(product, tuple(order.index(i) for i in output))


def _product(lengths: list[int]) -> int:
    result = 1
    for length in lengths:
        result *= length
    return result


def logsumexp(xp: Namespace, x: Array, axis: int = -1) -> Array:
    """Logarithm of the sum of exponentials along ``axis``, shifted by the largest entry so that it cannot overflow."""
    top = xp.max(x, axis=axis, keepdims=True)
    return xp.squeeze(top, axis=axis) + xp.log(xp.sum(xp.exp(x - top), axis=axis))


def softmax(xp: Namespace, x: Array, axis: int = -1) -> Array:
    """Exponentials along ``axis``, normalised to sum to one, shifted by the largest entry so that they cannot overflow."""
    powers = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return powers / xp.sum(powers, axis=axis, keepdims=True)


def symmetrise(xp: Namespace, x: Array) -> Array:
    """Return ½(x + xᵀ) over the last two axes: removes the rounding by which a computed Gram matrix fails to be symmetric."""
    return 0.5 * (x + xp.matrix_transpose(x))


def erf(xp: Namespace, x: Array) -> Array:
    """Error function: the library's own where it has one, else two series that do not cancel.

    Below 2.5 Kummer's series erf x = (2/√π) e^{−x²} Σ_k 2^k x^{2k+1} / (2k+1)!!, whose terms all
    have one sign; above it one minus the continued fraction of erfc. Both are cut where the
    remainder is below 2^-53.
    """
    library = {"numpy": "scipy.special", "cupy": "cupyx.scipy.special", "torch": "torch"}.get(
        backend_name(x)
    )
    if library is not None:
        return import_module(library).erf(x)
    small = xp.clip(x, -2.5, 2.5)
    term = small
    series = term
    for k in range(1, 60):
        term = term * (2.0 * small * small) / (2 * k + 1)
        series = series + term
    near = 2.0 / math.sqrt(math.pi) * xp.exp(-small * small) * series
    large = xp.clip(xp.abs(x), 2.5, 30.0)
    fraction = large
    for k in range(40, 0, -1):
        fraction = large + 0.5 * k / fraction
    far = 1.0 - xp.exp(-large * large) / (math.sqrt(math.pi) * fraction)
    return xp.where(xp.abs(x) <= 2.5, near, xp.sign(x) * far)


def tile_edge(x: Array, width: int) -> int:
    """Number of points along one side of a pairwise tile that holds ``width`` numbers for each pair.

    Memory then stays the same however many points there are.
    """
    budget = CPU_TILE_BYTES if backend_name(x) in ("numpy", "array_api_strict") else GPU_TILE_BYTES
    return max(16, math.isqrt(budget // (8 * width)))


def tiles(length: int, edge: int) -> Iterator[slice]:
    """Yield the slices that cut ``range(length)`` into consecutive tiles of at most ``edge``."""
    for start in range(0, length, edge):
        yield slice(start, min(start + edge, length))
