"""Multilayer perceptrons as generators: forward tangents and back-propagation, written out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, device
from ingd_ref.backend._operations import contract, tiles
from ingd_ref.errors import ShapeError
from ingd_ref.generators._base import Generator, Linearisation, Product
from ingd_ref.kernels._activations import ACTIVATIONS

__all__ = ["MultilayerPerceptron"]

# Bytes of one intermediate array (tile, n, width) of a batch of products: a few of them stay within
# the last-level cache.
LAYER_BYTES = 2**20

# Mean square of σ(a) for standard normal a, by which the variance of the weights behind it is
# divided so that every layer starts with outputs of about unit size: 1/2 for relu exactly, the
# others to two digits.
MEAN_SQUARES = {"tanh": 0.39, "relu": 0.5, "silu": 0.36, "gelu": 0.43}


@dataclass(frozen=True)
class MultilayerPerceptron(Generator):
    r"""A multilayer perceptron as a generator.

    .. math::
        a_l &= W_l h_{l-1} + b_l, \quad h_l = \sigma(a_l), \quad h_0 = z, \quad
            x = a_L \;[\,+\, z\,] \\
        \dot a_l &= W_l \dot h_{l-1} + \dot W_l h_{l-1} + \dot b_l, \quad
            \dot h_l = \sigma'(a_l) \circ \dot a_l, \quad J u = \dot a_L \\
        \delta_L &= c, \quad \delta_{l-1} = \sigma'(a_{l-1}) \circ W_l^\top \delta_l, \quad
            (J^\top c)_{W_l} = \delta_l h_{l-1}^\top, \quad (J^\top c)_{b_l} = \delta_l

    Parameters
    ----------
    sizes : sequence of int
        Widths (k, h_1, …, d) from the latent points to the samples; two of them make an affine map.
    activation : {"tanh", "relu", "silu", "gelu"}
        σ between the layers, none behind the last. Default ``"tanh"``.
    residual : bool
        Whether z is added to the output, for which k = d. Default False.

    Attributes
    ----------
    blocks : dict
        ``matrix_1`` (h_1, k), ``offset_1`` (h_1,), ``matrix_2`` and so on.

    Raises
    ------
    ShapeError
        If there are fewer than two sizes, or the perceptron is residual and k ≠ d.
    DomainError
        If a size is not an integer of at least 1.

    Notes
    -----
    Memory: the forward pass keeps h_l and σ'(a_l), 2n numbers for each unit. Products of s tangents
    or cotangents go through the layers in tiles of about 1 MiB for each layer, so that ``vjp``
    peaks at twice its result (s, p), and ``gram`` at 24 MiB whatever s is: neither J (n, d, p) nor
    an array (s, n, width) is formed. For n = 500, d = 5, p = 18 000 and s = 200 ``gram`` peaks at
    30 MiB, where J alone would hold 343 MiB.

    The start has zero offsets and normal matrices that give each layer outputs of about unit size;
    the last matrix of a residual perceptron is zero, so that x = z. The derivative of relu at 0 is
    taken as 0. Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> generator = MultilayerPerceptron((2, 16, 1))
    >>> generator.size
    65
    >>> rng = np.random.default_rng(0)
    >>> w, z = generator.initial(rng), generator.latents(4, rng)
    >>> generator(w, z).shape, generator.vjp(w, z, np.ones((3, 4, 1))).shape
    ((4, 1), (3, 65))
    """

    sizes: Sequence[int]
    activation: str = "tanh"
    residual: bool = False
    dimension: int = field(init=False, repr=False)
    latent_dimension: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _checks.flag(self.residual, "residual")
        given = _checks.sequence(self.sizes, "sizes", "int")
        sizes = tuple(_checks.positive_integer(size, "sizes") for size in given)
        if len(sizes) < 2:
            raise ShapeError(
                "sizes must hold at least two widths, of the latent points and of the samples, "
                f"got {sizes}"
            )
        if self.residual and sizes[0] != sizes[-1]:
            raise ShapeError(
                "a residual perceptron needs samples as wide as its latent points, "
                f"got {sizes[0]} and {sizes[-1]}"
            )
        _checks.choice(self.activation, "activation", ACTIVATIONS)
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "latent_dimension", sizes[0])
        object.__setattr__(self, "dimension", sizes[-1])

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """``matrix_l`` and ``offset_l`` of each layer."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(self.sizes), 1):
            shapes |= {f"matrix_{layer}": (outputs, inputs), f"offset_{layer}": (outputs,)}
        return shapes

    def _value(self, xp: Namespace, w: Array, z: Array) -> Array:
        hidden = z
        for layer, (matrix, offset) in enumerate(self._layers(xp, w), 1):
            output = xp.matmul(hidden, xp.matrix_transpose(matrix)) + offset
            last = layer == len(self.sizes) - 1
            hidden = output if last else ACTIVATIONS[self.activation](xp, output)[0]
        return hidden + z if self.residual else hidden

    def _linearise(self, xp: Namespace, w: Array, z: Array) -> Linearisation:
        run = self._forward(xp, w, z)

        def push(tangents: Array) -> Array:
            moved = xp.zeros_like(z)[None, ...]
            for layer, (matrix_dot, offset_dot) in enumerate(self._layers(xp, tangents)):
                moved = xp.matmul(moved, xp.matrix_transpose(run.layers[layer][0]))
                moved = moved + offset_dot[:, None, :]
                moved = moved + xp.matmul(run.inputs[layer], xp.matrix_transpose(matrix_dot))
                moved = run.slopes[layer] * moved if layer < len(run.slopes) else moved
            return moved

        def pull(cotangents: Array) -> Array:
            parts: list[Array] = []
            for layer, delta in run.backward(xp, cotangents):
                matrix_part = contract(xp, "sno,ni->soi", delta, run.inputs[layer])
                flat = xp.reshape(matrix_part, (delta.shape[0], -1))
                parts = [flat, xp.sum(delta, axis=1), *parts]
            return xp.concat(parts, axis=1)

        tile = max(1, LAYER_BYTES // (8 * z.shape[0] * max(self.sizes)))
        value = run.output + z if self.residual else run.output
        return Linearisation(value, _in_tiles(xp, push, tile), _in_tiles(xp, pull, tile))

    def _jacobian(self, xp: Namespace, w: Array, z: Array, linear: Linearisation) -> Array:
        """Return Jacobians (n, d, p) from unit covectors: ∂x_a/∂W_l = δ_l^a h_{l−1}ᵀ."""
        run = self._forward(xp, w, z)
        units = xp.eye(self.dimension, dtype=w.dtype, device=device(w))
        covectors = xp.broadcast_to(units[:, None, :], (self.dimension, *run.output.shape))
        parts: list[Array] = []
        for layer, delta in run.backward(xp, covectors):
            matrix_part = contract(xp, "ano,ni->naoi", delta, run.inputs[layer])
            flat = xp.reshape(matrix_part, (z.shape[0], self.dimension, -1))
            parts = [flat, xp.permute_dims(delta, (1, 0, 2)), *parts]
        return xp.concat(parts, axis=2)

    def _forward(self, xp: Namespace, w: Array, z: Array) -> _ForwardPass:
        layers, inputs, slopes, output = self._layers(xp, w), [z], [], z
        for layer, (matrix, offset) in enumerate(layers, 1):
            output = xp.matmul(inputs[-1], xp.matrix_transpose(matrix)) + offset
            if layer < len(layers):
                hidden, slope = ACTIVATIONS[self.activation](xp, output)
                inputs.append(hidden)
                slopes.append(slope)
        return _ForwardPass(layers, inputs, slopes, output)

    def _layers(self, xp: Namespace, w: Array) -> list[tuple[Array, Array]]:
        """Return matrix (..., out, in) and offset (..., out) of each layer, from w (..., p)."""
        parts = self._parts(xp, w)
        return [
            (parts[f"matrix_{layer}"], parts[f"offset_{layer}"])
            for layer in range(1, len(self.sizes))
        ]

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        parts: dict[str, np.ndarray] = {}
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(self.sizes), 1):
            mean_square = 1.0 if layer == 1 else MEAN_SQUARES[self.activation]
            silent = self.residual and layer == len(self.sizes) - 1
            scale = 0.0 if silent else 1.0 / math.sqrt(inputs * mean_square)
            parts |= {
                f"matrix_{layer}": scale * rng.normal(size=(outputs, inputs)),
                f"offset_{layer}": np.zeros(outputs),
            }
        return parts


@dataclass(frozen=True, eq=False)
class _ForwardPass:
    """What back-propagation needs.

    These are the layers (W_l, b_l), their inputs h_{l−1} (n, in), the slopes σ'(a_l) (n, out) of
    all but the last, and the output a_L.
    """

    layers: list[tuple[Array, Array]]
    inputs: list[Array]
    slopes: list[Array]
    output: Array

    def backward(self, xp: Namespace, delta: Array) -> Iterator[tuple[int, Array]]:
        """Yield the layers from the last to the first, with δ_l (s, n, out) of each."""
        for layer in range(len(self.layers) - 1, -1, -1):
            yield layer, delta
            if layer > 0:
                delta = xp.matmul(delta, self.layers[layer][0]) * self.slopes[layer - 1]


def _in_tiles(xp: Namespace, product: Product, tile: int) -> Product:
    """Return the same product, over a few members of the batch at a time."""
    return lambda batch: xp.concat(
        [product(batch[cut, ...]) for cut in tiles(batch.shape[0], tile)], axis=0
    )
