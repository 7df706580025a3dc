"""Operations that the array standard lacks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module

from ingd_ref.backend._namespace import Array, Namespace, backend_name

__all__ = ["contract", "erf", "logsumexp", "softmax", "symmetrise", "tile_edge", "tiles"]

# Bytes of a pairwise tile: about the second-level cache of a CPU core, and enough to fill a GPU.
CPU_TILE_BYTES = 4 * 2**20
GPU_TILE_BYTES = 256 * 2**20


def contract(xp: Namespace, subscripts: str, left: Array, right: Array) -> Array:
    """Sum the products of two arrays as ``einsum`` does: ``contract(xp, "nda,nm->mda", x, y)``.

    One batched matrix product does the work: the standard has no ``einsum``, and NumPy's does not
    reach BLAS when operands and result share an index. An index is a single letter; if only one
    operand has it, the result must have it too.

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
        lengths = [math.prod(size[i] for i in group) for group in (first, second)]
        return xp.reshape(xp.permute_dims(x, order), (*(size[i] for i in batch), *lengths))

    product = xp.matmul(
        as_matrices(left, left_indices, rows, summed),
        as_matrices(right, right_indices, summed, columns),
    )
    order = [*batch, *rows, *columns]
    product = xp.reshape(product, tuple(size[i] for i in order))
    return xp.permute_dims(product, tuple(order.index(i) for i in output))


def logsumexp(xp: Namespace, x: Array, axis: int = -1) -> Array:
    """Return log Σ exp(x) along ``axis``, shifted by the largest entry to avoid overflow."""
    top = xp.max(x, axis=axis, keepdims=True)
    return xp.squeeze(top, axis=axis) + xp.log(xp.sum(xp.exp(x - top), axis=axis))


def softmax(xp: Namespace, x: Array, axis: int = -1) -> Array:
    """Return exp(x)/Σ exp(x) along ``axis``, shifted by the largest entry to avoid overflow."""
    powers = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return powers / xp.sum(powers, axis=axis, keepdims=True)


def symmetrise(xp: Namespace, x: Array) -> Array:
    """Return ½(x + xᵀ) over the last two axes, which makes a rounded Gram matrix symmetric."""
    return 0.5 * (x + xp.matrix_transpose(x))


def erf(xp: Namespace, x: Array) -> Array:
    """Return the error function: the library's own if there is one, else from two expansions.

    Up to 2.5 it is Kummer's series erf x = (2/√π) e^{−x²} Σ_k 2^k x^{2k+1} / (2k+1)!!, whose terms
    have one sign; beyond, one minus the continued fraction of erfc. Both are cut where the
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
    """Return the number of points per side of a tile with ``width`` numbers per pair.

    Memory is then bounded, whatever the number of points.
    """
    budget = CPU_TILE_BYTES if backend_name(x) in ("numpy", "array_api_strict") else GPU_TILE_BYTES
    return max(16, math.isqrt(budget // (8 * width)))


def tiles(length: int, edge: int) -> Iterator[slice]:
    """Yield slices that cut ``range(length)`` into consecutive tiles of at most ``edge``."""
    for start in range(0, length, edge):
        yield slice(start, min(start + edge, length))
