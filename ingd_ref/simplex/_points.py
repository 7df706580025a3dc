"""Many parameter points in one call, in tiles of bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable

from ingd_ref.backend._namespace import Array, Namespace, backend_name
from ingd_ref.backend._operations import tiles
from ingd_ref.errors import ShapeError

__all__ = ["over_points"]

# Bytes of the arrays of one tile: some multiple of the second-level cache of a CPU core; enough
# work to fill a GPU.
CPU_TILE_BYTES = 8 * 2**20
GPU_TILE_BYTES = 512 * 2**20


def over_points(
    xp: Namespace,
    function: Callable[..., tuple[Array, ...]],
    width: int,
    xi: Array,
    **shared: Array | None,
) -> tuple[Array, ...]:
    """Call ``function`` on tiles of the points ``xi`` (..., d), and join its results.

    Parameters
    ----------
    function : callable
        Takes xi (k, d), and ``shared`` arrays by name, each (cells,) or (k, cells) or None; returns
        arrays with k rows.
    width : int
        How many numbers it holds for each point.
    xi : array (..., d)
        Parameters.
    **shared : array (cells,) or (..., cells) or None
        One for all points, or one for each.

    Returns
    -------
    tuple of array
        Each with the leading axes of ``xi`` in place of its rows.
    """
    batch = tuple(xi.shape[:-1])
    number = math.prod(batch)
    points = xp.reshape(xi, (number, xi.shape[-1]))
    rows = {name: _rows(xp, name, x, batch) for name, x in shared.items()}
    results = []
    for tile in tiles(number, _points_in_a_tile(xi, width)):
        arguments = {
            name: x[tile, ...] if x is not None and x.ndim == 2 else x for name, x in rows.items()
        }
        results.append(function(points[tile, :], **arguments))
    parts = [
        parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)
        for parts in map(list, zip(*results, strict=True))
    ]
    return tuple(xp.reshape(part, (*batch, *part.shape[1:])) for part in parts)


def _rows(xp: Namespace, name: str, x: Array | None, batch: tuple[int, ...]) -> Array | None:
    if x is None or x.ndim == 1:
        return x
    if tuple(x.shape[:-1]) != batch:
        wanted = dict.fromkeys((f"({x.shape[-1]},)", str((*batch, x.shape[-1]))))
        raise ShapeError(f"{name} must have shape {' or '.join(wanted)}, got {tuple(x.shape)}")
    return xp.reshape(x, (-1, x.shape[-1]))


def _points_in_a_tile(x: Array, width: int) -> int:
    budget = CPU_TILE_BYTES if backend_name(x) in ("numpy", "array_api_strict") else GPU_TILE_BYTES
    return max(1, budget // (8 * width))
