"""Neural tangent kernels of multilayer perceptrons, without Jacobians over parameters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, array_namespace, to_backend
from ingd_ref.equations import kernels as equations
from ingd_ref.errors import ShapeError
from ingd_ref.kernels import _extreme
from ingd_ref.kernels._activations import ACTIVATIONS
from ingd_ref.rkhs._base import MatrixKernel

__all__ = ["NeuralTangent", "RandomNeuralTangent"]

MODES = ("full", "diagonal", "trace")


@dataclass(frozen=True, eq=False)
class NeuralTangent(MatrixKernel):
    r"""Neural tangent kernel of a multilayer perceptron h: R^d → R^d, equation (K7).

    .. math:: K_{aa'}(x,y) = \sum_l \langle \delta_l^a(x), \delta_l^{a'}(y) \rangle \,
              (1 + \langle h_{l-1}(x), h_{l-1}(y) \rangle),
              \quad \delta_l^a = \partial h_a / \partial a_l

    Parameters
    ----------
    layers : sequence of (array (out, in), array (out,))
        Weight matrix and offset of each layer, of any number of layers. The first takes d numbers;
        the last returns d, without activation.
    activation : {"tanh", "relu", "silu", "gelu"}
        Between the layers. Default ``"tanh"``.
    mode : {"diagonal", "full", "trace"}
        ``"full"`` is K itself; ``"diagonal"`` (default, the published variant) keeps its d diagonal
        entries; ``"trace"`` puts the mean of the diagonal, (1/d) tr K, in place of each, so that
        all three share one scale.

    Raises
    ------
    ShapeError
        If the layers do not fit each other or do not map R^d to R^d.
    NonFiniteError
        If a weight or an offset is not finite.
    OptionError
        If the activation or the mode is unknown.
    BackendError
        If the layers are not arrays of one library and device.

    Notes
    -----
    The sum over the parameters of layer l of ∂h_a(x) ∂h_a'(y) factorises, because ∂h_a/∂W_l = δ_l^a
    h_{l−1}ᵀ and ∂h_a/∂b_l = δ_l^a. Source: [L25] (ntKiNG).

    Examples
    --------
    >>> import numpy as np
    >>> linear = NeuralTangent([(np.eye(2), np.zeros(2))], mode="full")
    >>> linear(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]]))[0, 0]
    array([[4., 0.],
           [0., 4.]])
    """

    layers: Sequence[tuple[Array, Array]]
    activation: str = "tanh"
    mode: str = "diagonal"

    words: ClassVar = {f"tangent-{mode}": {"mode": mode} for mode in ("diagonal", "full", "trace")}

    def __post_init__(self) -> None:
        _checks.choice(self.activation, "activation", ACTIVATIONS)
        _checks.choice(self.mode, "mode", MODES)
        checked = _checks.layers(self.layers, "layers")
        if checked[0][0].shape[1] != checked[-1][0].shape[0]:
            raise ShapeError(
                "layers must map R^d to R^d, "
                f"got {checked[0][0].shape[1]} inputs and {checked[-1][0].shape[0]} outputs"
            )
        object.__setattr__(self, "layers", checked)

    def contract(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> Array:
        layers = self._layers_for(x)
        run = kernel(
            "neural_tangent_contraction", points, x, jacobian, implementation=implementation
        )
        return run(points, x, jacobian, weights, layers, self.activation, self.mode)

    def _matrix(self, x: Array, y: Array) -> Array:
        layers = self._layers_for(x)
        return kernel("neural_tangent_matrix", x, y)(x, y, layers, self.activation, self.mode)

    def contract_parts(
        self, points: Array, x: Array, jacobian: Array, weights: Array, implementation: str = "auto"
    ) -> tuple[Array, int]:
        layers = self._layers_for(x)
        return _extreme.tangent_parts(
            points, x, jacobian, weights, layers, self.activation, self.mode
        )

    def definition(self, x: Any, y: Any) -> Any:
        full = equations.neural_tangent(x, y, self.layers, self.activation)
        if self.mode == "full":
            return full
        identity = np.eye(len(x), dtype=int)
        return full * identity if self.mode == "diagonal" else np.trace(full) / len(x) * identity

    @classmethod
    def example(
        cls, like: Array, length: float, rng: np.random.Generator, activation: str = "tanh"
    ) -> Self:
        """Return a network d→4→3→d, or a linear one, with random normal weights."""
        sizes = (like.shape[1], 4, 3, like.shape[1])[:: rng.choice([1, 3])]
        layers = [
            (
                (rng.normal(size=(o, i)) / np.sqrt(i)).astype(like.dtype),
                0.5 * rng.normal(size=o).astype(like.dtype),
            )
            for i, o in itertools.pairwise(sizes)
        ]
        return cls(layers, activation)

    def _layers_for(self, x: Array) -> list[tuple[Array, Array]]:
        """Return the layers in the floating type of x."""
        xp = array_namespace(x=x, layers=self.layers[0][0])
        if x.shape[1] != self.layers[0][0].shape[1]:
            raise ShapeError(
                f"the network takes {self.layers[0][0].shape[1]} numbers, "
                f"but x has {x.shape[1]} coordinates"
            )
        return [
            (xp.astype(matrix, x.dtype, copy=False), xp.astype(offset, x.dtype, copy=False))
            for matrix, offset in self.layers
        ]


@dataclass(frozen=True)
class RandomNeuralTangent:
    """A :class:`NeuralTangent` kernel of a new random network at each step, as in ntKiNG [L25].

    Weights and offsets of a layer with k inputs are uniform on [−1/√k, 1/√k].

    Parameters
    ----------
    widths : sequence of int
        Widths of the hidden layers. Default (31, 31), as published.
    activation, mode : str
        As for :class:`NeuralTangent`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.zeros((3, 2))
    >>> drawn = RandomNeuralTangent(widths=(8,)).draw(x, x, np.random.default_rng(0))
    >>> [matrix.shape for matrix, _ in drawn.layers]
    [(8, 2), (2, 8)]
    """

    widths: Sequence[int] = (31, 31)
    activation: str = "tanh"
    mode: str = "diagonal"

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "widths",
            tuple(
                _checks.positive_integer(width, "widths")
                for width in _checks.sequence(self.widths, "widths", "int")
            ),
        )
        _checks.choice(self.activation, "activation", ACTIVATIONS)
        _checks.choice(self.mode, "mode", MODES)

    def draw(self, x: Array, y: Array, rng: RandomSource) -> NeuralTangent:
        """Return the kernel of a new random network on the space of the particles x (n, d)."""
        rng = _checks.generator(rng)
        x = _checks.table(x, "x", array_namespace(x=x))
        sizes = (x.shape[1], *self.widths, x.shape[1])
        layers = []
        for inputs, outputs in itertools.pairwise(sizes):
            bound = 1.0 / math.sqrt(inputs)
            matrix, offset = (
                rng.uniform(-bound, bound, (outputs, inputs)),
                rng.uniform(-bound, bound, outputs),
            )
            layers.append((to_backend(matrix, x), to_backend(offset, x)))
        return NeuralTangent(layers, self.activation, self.mode)
