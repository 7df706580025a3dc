"""Cosines (B6) at many points of naive Bayes, against single points and the closed form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from ingd_ref._bench._comparison import Comparison
from ingd_ref.backend._namespace import Array, array_namespace, to_host
from ingd_ref.simplex import direction_cosines, naive_bayes

__all__ = ["comparisons"]

# Numbers of points; single points are timed for the first only.
SIZES = (5_000, 50_000)
# Smallest distance of probabilities from zero and one.
MARGIN = 1e-3


def comparisons(backend: str) -> Iterator[Comparison]:
    """Compare ELBO (fixed recognition) and evidence at points from the model's Jeffreys prior."""
    library = import_module(backend)
    rng = np.random.default_rng(20230721)
    # √det G is proportional to x(1 − x) over the root of the product of all y(1 − y) and z(1 − z).
    shapes = np.array([1.5, 0.5, 0.5, 0.5, 0.5])
    q = rng.dirichlet(np.full(8, 0.5))
    for number in SIZES:
        points = np.clip(rng.beta(shapes, shapes, size=(number, 5)), MARGIN, 1.0 - MARGIN)
        yield _comparison(library, points, q, loop=number == SIZES[0])


def _comparison(library: Any, points: np.ndarray, q: np.ndarray, loop: bool) -> Comparison:
    model = naive_bayes()
    expected = _closed_form(points, q)
    host = (points, model.marginalisation.push(q), model.marginalisation.conditional(q))
    arrays, single = (
        [library.asarray(array.astype(dtype)) for array in host]
        for dtype in (np.float64, np.float32)
    )
    joint = library.asarray(q)
    others: dict[str, Callable[[], Any]] = {
        "float32": lambda: direction_cosines(model, *single).elbo,
        "closed form (this model only)": lambda: _closed_form(arrays[0], joint),
    }
    if loop:
        others["one at a time, by pseudo-inverses"] = lambda: _one_at_a_time(
            arrays[0], arrays[1], joint
        )

    def error(found: Any) -> float:
        return float(np.max(np.abs(to_host(found) - expected)))

    return Comparison(
        f"{len(points):,} cosines, naive Bayes",
        lambda: direction_cosines(model, *arrays).elbo,
        others,
        error,
    )


def _directions(xp: Any, xi: Array) -> tuple[Array, Array]:
    """Return p(ξ) as (..., 2, 2, 2), and the Jacobian of the visible probabilities (..., 4, 5)."""
    x, y, z = xi[..., 0:1], xi[..., 1:3], xi[..., 3:5]
    weight = xp.concat([x, 1.0 - x], axis=-1)
    ys, zs = xp.stack([y, 1.0 - y], axis=-1), xp.stack([z, 1.0 - z], axis=-1)
    pairs = ys[..., :, None] * zs[..., None, :]
    sign = xp.asarray([1.0, -1.0], dtype=xi.dtype)
    by_x = pairs[..., 0, :, :] - pairs[..., 1, :, :]
    by_y = weight[..., :, None, None] * sign[:, None] * zs[..., None, :]
    by_z = weight[..., :, None, None] * ys[..., :, None] * sign
    slopes = xp.concat([by_x[..., None, :, :], by_y, by_z], axis=-3)
    return weight[..., None, None] * pairs, xp.matrix_transpose(
        xp.reshape(slopes, (*xi.shape[:-1], 5, 4))
    )


def _closed_form(xi: Array, q: Array) -> Array:
    """Return the cosine from the diagonal G of this model, and p_V − p*_V."""
    xp = array_namespace(xi=xi)
    p, slopes = _directions(xp, xi)
    counts = xp.reshape(q, (2, 2, 2))
    number, first_y, first_z = (
        xp.sum(counts, axis=(1, 2)),
        xp.sum(counts[:, 0, :], axis=-1),
        xp.sum(counts[:, :, 0], axis=-1),
    )
    weight = xp.concat([xi[..., 0:1], 1.0 - xi[..., 0:1]], axis=-1)
    moves = [
        xi[..., 0:1] - number[0],
        (number * xi[..., 1:3] - first_y) / weight,
        (number * xi[..., 3:5] - first_z) / weight,
    ]
    visible = xp.reshape(xp.sum(p, axis=-3), (*xi.shape[:-1], 4))
    a = xp.matmul(slopes, xp.concat(moves, axis=-1)[..., None])[..., 0]
    b = visible - xp.reshape(xp.sum(counts, axis=0), (4,))
    product, squares = (
        xp.sum(a * b / visible, axis=-1),
        xp.sum(a * a / visible, axis=-1) * xp.sum(b * b / visible, axis=-1),
    )
    return product / xp.sqrt(squares)


def _one_at_a_time(points: Array, target: Array, q: Array) -> Array:
    """Loop over points, with two 5×5 pseudo-inverses each as in the equations."""
    xp = array_namespace(points=points)
    model = naive_bayes()
    pi = model.marginalisation.matrix(points)
    p, jacobian = model.with_jacobian(points)
    cosines = []
    for place in range(points.shape[0]):
        state, slopes = p[place, :], jacobian[place, :, :]
        visible, seen = xp.matmul(pi, state), xp.matmul(pi, slopes)
        g = xp.matmul(slopes.T, slopes / state[:, None])
        g_visible = xp.matmul(seen.T, seen / visible[:, None])
        by_bound = xp.matmul(xp.linalg.pinv(g), xp.matmul(slopes.T, -q / state))
        by_evidence = xp.matmul(xp.linalg.pinv(g_visible), xp.matmul(seen.T, -target / visible))
        a, b = xp.matmul(seen, by_bound), xp.matmul(seen, by_evidence)
        cosines.append(
            xp.sum(a * b / visible) / xp.sqrt(xp.sum(a * a / visible) * xp.sum(b * b / visible))
        )
    return xp.stack(cosines)
