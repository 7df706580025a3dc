"""Evidence for learned features (F1)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ingd_ref.features import EnergyNetwork, denoising_loss
from validation.backends import Arrays
from validation.oracles import networks as oracle
from validation.registry import EPS, Measured, case, compared

Problem = tuple[list[oracle.Layer], np.ndarray, np.ndarray, np.ndarray]


def problem(seed: int, sizes: tuple[int, ...], number: int = 4) -> Problem:
    """Layers, head, points and disturbances of order one."""
    rng = np.random.default_rng(seed)
    layers = [
        (rng.normal(size=(o, i)) / np.sqrt(i), 0.3 * rng.normal(size=o)) for i, o in pairwise(sizes)
    ]
    return (
        layers,
        rng.normal(size=sizes[-1]),
        rng.normal(size=(number, sizes[0])),
        0.5 * rng.normal(size=(number, sizes[0])),
    )


@case("F1", oracle="complex step through networks of complex numbers", quick=True)
def denoising_score_matching(arrays: Arrays) -> Iterator[Measured]:
    """Loss and gradient, for three activations and depths of one to three layers."""
    for seed, (name, sizes) in enumerate(
        (("tanh", (2, 4)), ("silu", (1, 5, 3)), ("relu", (3, 4, 4)), ("tanh", (2, 3, 4, 3)))
    ):
        layers, head, x, disturbance = problem(seed, sizes)
        network = EnergyNetwork([(arrays(w), arrays(b)) for w, b in layers], arrays(head), name)
        loss, gradient = denoising_loss(network, arrays(x), arrays(disturbance), 0.5)
        exact = oracle.denoising_loss(layers, head, name, x, disturbance, 0.5).real
        # Sums over points, coordinates and at most five units in three layers: a few dozen
        # roundings of terms of one size.
        reason = "fifty rounded operations on terms of the size of the largest"
        yield compared(f"loss, {name} {sizes}", np.array(loss), np.array(exact), 50 * EPS, reason)
        parts = [part for layer in gradient.layers for part in layer] + [gradient.head]
        expected = oracle.denoising_gradient(layers, head, name, x, disturbance, 0.5)
        scale = max(float(np.max(np.abs(value))) for value in expected)
        found = np.concatenate([np.ravel(arrays.host(part)) for part in parts]) / scale
        yield compared(
            f"gradient, {name} {sizes}",
            found,
            np.concatenate([np.ravel(value) for value in expected]) / scale,
            50 * EPS,
            reason,
        )
