"""The last hidden layer of a network as features, and the energy-based network around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.backend._scaling import quiet, representable
from ingd_ref.features._base import Features
from ingd_ref.kernels._activations import ACTIVATIONS

__all__ = ["EnergyNetwork", "NetworkFeatures"]

Layers = Sequence[tuple[Array, Array]]


@dataclass(frozen=True, eq=False)
class NetworkFeatures(Features):
    r"""The last layer of a network, after its activation, as features (section 4, F1).

    .. math:: f(x) = h_L(x), \quad h_l = \varphi(W_l h_{l-1} + b_l),\ h_0 = x, \qquad
              \nabla f(x)^\top = D_L W_L \cdots D_1 W_1,
              \ D_l = \mathrm{diag}\,\varphi'(W_l h_{l-1} + b_l)

    Parameters
    ----------
    layers : sequence of (array (out, in), array (out,))
        Weight matrix and offset of each layer, of any number of layers. The first takes d numbers,
        the last returns the b features.
    activation : {"tanh", "relu", "silu", "gelu"}
        After each layer, the last one too. Default ``"tanh"``.

    Raises
    ------
    ShapeError, NonFiniteError
        If the layers do not fit each other, or a weight is not finite.
    OptionError
        If the activation is unknown.
    BackendError
        If the layers are not arrays of one library and device.

    Notes
    -----
    Layers trained by :func:`train_energy_network` make the statistics those of the model that
    explains the sample [L25].

    Examples
    --------
    >>> import numpy as np
    >>> layers = [(np.array([[1.0, 0.0], [1.0, 1.0]]), np.zeros(2))]
    >>> features = NetworkFeatures(layers, activation="relu")
    >>> features(np.array([[2.0, -1.0]]))
    array([[2., 1.]])
    >>> features.jacobian(np.array([[2.0, 3.0]]))[0]
    array([[1., 1.],
           [0., 1.]])
    """

    layers: Layers
    activation: str = "tanh"

    def __post_init__(self) -> None:
        _checks.choice(self.activation, "activation", ACTIVATIONS)
        object.__setattr__(self, "layers", _checks.layers(self.layers, "layers"))

    def _values(self, x: Array, implementation: str) -> Array:
        xp, layers = self._layers_for(x)
        for matrix, offset in layers:
            x, _ = ACTIVATIONS[self.activation](
                xp, xp.matmul(x, xp.matrix_transpose(matrix)) + offset
            )
        return x

    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        xp, layers = self._layers_for(x)
        jacobian = None  # (n, d, width)
        for matrix, offset in layers:
            transposed = xp.matrix_transpose(matrix)
            x, slope = ACTIVATIONS[self.activation](xp, xp.matmul(x, transposed) + offset)
            jacobian = slope[:, None, :] * (
                transposed[None, :, :] if jacobian is None else xp.matmul(jacobian, transposed)
            )
        return x, jacobian

    def _layers_for(self, x: Array) -> tuple[Namespace, list[tuple[Array, Array]]]:
        """Return the layers in the floating type of x."""
        xp = array_namespace(x=x, layers=self.layers[0][0])
        _checks.same_dimension(x, "x", self.layers[0][0], "layers")
        return xp, [
            (xp.astype(matrix, x.dtype, copy=False), xp.astype(offset, x.dtype, copy=False))
            for matrix, offset in self.layers
        ]


@dataclass(frozen=True, eq=False)
class EnergyNetwork:
    r"""An unnormalised log density :math:`E(x) = \langle w, f(x) \rangle`, f the last hidden layer.

    Parameters
    ----------
    layers : sequence of (array (out, in), array (out,))
        The hidden layers, as for :class:`NetworkFeatures`.
    head : array (b,)
        w. An additive constant would change no score and is left out.
    activation : {"tanh", "relu", "silu", "gelu"}
        After each hidden layer. Default ``"tanh"``.

    Raises
    ------
    ShapeError, NonFiniteError, OptionError, BackendError
        As for :class:`NetworkFeatures`, for layers or head.

    Notes
    -----
    The model is the exponential family q ∝ exp⟨w, f(x)⟩ in the last layer's parameters, so its
    score is +∇E.

    Examples
    --------
    >>> import numpy as np
    >>> layers, head = [(np.eye(2), np.zeros(2))], np.array([1.0, -1.0])
    >>> network = EnergyNetwork(layers, head, activation="relu")
    >>> network.energy(np.array([[3.0, 1.0]])), network.score(np.array([[3.0, 1.0]]))
    (array([2.]), array([[ 1., -1.]]))
    """

    layers: Layers
    head: Array
    activation: str = "tanh"

    def __post_init__(self) -> None:
        features = NetworkFeatures(self.layers, self.activation)
        last = features.layers[-1][0]
        xp = array_namespace(layers=last, head=self.head)
        head = _checks.vector(self.head, "head", last.shape[0], xp, like=last)
        object.__setattr__(self, "layers", features.layers)
        object.__setattr__(self, "head", xp.asarray(head, copy=True))

    @property
    def features(self) -> NetworkFeatures:
        """The last hidden layer as features."""
        return NetworkFeatures(self.layers, self.activation)

    @_checks.guarded
    def energy(self, x: Array) -> Array:
        """Return E at points x (n, d), shape (n,); errors as for calling :attr:`features`."""
        return self._through_head(self.features(x))

    @_checks.guarded
    def score(self, x: Array) -> Array:
        """Return ∇E at points x (n, d), shape (n, d); errors as for calling :attr:`features`."""
        return self._through_head(self.features.jacobian(x))

    def _through_head(self, features: Array) -> Array:
        """Return ⟨w, ·⟩ along the last axis."""
        xp = array_namespace(features=features)
        with quiet():
            result = xp.matmul(features, xp.astype(self.head, features.dtype, copy=False))
        return representable(result, "the energy or score")
