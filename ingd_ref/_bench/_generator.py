"""A step of iNGD (N3) with a perceptron, against an explicit parameter Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from ingd_ref._bench._comparison import Comparison
from ingd_ref.backend._namespace import Array, array_namespace, device
from ingd_ref.features import GaussianRBF
from ingd_ref.flows import ingd_velocity
from ingd_ref.generators import MultilayerPerceptron
from ingd_ref.metrics import median_bandwidth

__all__ = ["comparisons"]

RIDGE = JITTER = 1e-3
SIZES = (5, 128, 128, 5)
# (latent points n, features b)
PROBLEMS = ((500, 200), (100, 50))


def comparisons(backend: str) -> Iterator[Comparison]:
    """Compare velocities of the parameters of a perceptron with Gaussian RBF features."""
    library = import_module(backend)
    rng = np.random.default_rng(20250207)
    generator = MultilayerPerceptron(SIZES)
    for number, statistics in PROBLEMS:
        w, z = generator.initial(rng), generator.latents(number, rng)
        y = 0.5 + rng.normal(size=(number, SIZES[-1]))
        centers = np.concatenate([generator(w, z), y])[rng.permutation(2 * number)[:statistics]]
        arrays = [library.asarray(array) for array in (w, z, y)]
        features = GaussianRBF(library.asarray(centers), median_bandwidth(y))
        yield _comparison(generator, arrays, features)


def _comparison(
    generator: MultilayerPerceptron, arrays: list[Array], features: GaussianRBF
) -> Comparison:
    def solver(name: str) -> Callable[[], Array]:
        return lambda: (
            ingd_velocity(
                *arrays,
                generator=generator,
                features=features,
                ridge=RIDGE,
                jitter=JITTER,
                solver=name,
            ).velocity
        )

    reference: list[Array] = []

    def error(u: Array) -> float:
        xp = array_namespace(u=u)
        if not reference:
            reference.append(solver("stacked")())
        return float(xp.linalg.vector_norm(u - reference[0]) / xp.linalg.vector_norm(reference[0]))

    widths = "→".join(str(size) for size in generator.sizes)
    n, b = arrays[1].shape[0], features.centers.shape[0]
    case = f"perceptron {widths}, p = {generator.size}, n = {n}, b = {b}"
    others = {
        "stacked (N3′)": solver("stacked"),
        "Jacobian (n, d, p)": lambda: _by_jacobian(generator, arrays, features),
    }
    return Comparison(case, solver("normal"), others, error)


def _by_jacobian(
    generator: MultilayerPerceptron, arrays: list[Array], features: GaussianRBF
) -> Any:
    """Return the same velocity from the full J (n, d, p)."""
    w, z, y = arrays
    xp = array_namespace(w=w)
    x = generator(w, z)
    values, slopes = features.values_and_jacobian(x)
    jacobian = generator.jacobian(w, z)
    rows = xp.reshape(slopes, (-1, slopes.shape[2])), xp.reshape(jacobian, (-1, jacobian.shape[2]))
    moments = xp.matmul(xp.matrix_transpose(rows[0]), rows[1]) / x.shape[0]
    centred = values - xp.mean(values, axis=0)
    metric = RIDGE * xp.matmul(xp.matrix_transpose(centred), centred) / x.shape[0]
    metric = metric + JITTER * xp.eye(metric.shape[0], dtype=w.dtype, device=device(w))
    delta = xp.mean(features(y), axis=0) - xp.mean(values, axis=0)
    c = xp.linalg.solve(xp.matmul(moments, xp.matrix_transpose(moments)) + metric, delta[:, None])[
        :, 0
    ]
    return xp.matmul(c, moments)
