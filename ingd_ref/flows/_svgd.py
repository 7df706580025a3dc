"""Stein variational gradient descent, for a target whose score is known (W4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ingd_ref import _checks
from ingd_ref.backend._dispatch import kernel
from ingd_ref.backend._namespace import Array, Namespace, array_namespace
from ingd_ref.backend._scaling import quiet, representable
from ingd_ref.errors import OptionError, ShapeError
from ingd_ref.flows._arguments import Samples
from ingd_ref.flows._bandwidth import BandwidthFlow

__all__ = ["SVGD", "svgd_velocity"]

Score = Callable[[Array], Array]


@_checks.guarded
def svgd_velocity(
    x: Array,
    score: Score | Array,
    bandwidth: float,
    weights: Array | None = None,
    implementation: str = "auto",
) -> Array:
    r"""Velocity of Stein variational gradient descent, equation (W4).

    .. math:: v(x_j) = \sum_i \pi_i
              \bigl[ k(x_i, x_j)\, s(x_i) + \nabla_{x_i} k(x_i, x_j) \bigr], \qquad
              s = \nabla \log p, \quad k(x, y) = e^{-\|x-y\|^2/(2\sigma^2)}

    Parameters
    ----------
    x : array (n, d)
        Particles.
    score : callable or array (n, d)
        The score s of the target: a function of positions (n, d) with values (n, d), or its values
        at the particles; in units of 1/x.
    bandwidth : float > 0
        Standard deviation σ of the kernel, in the units of x.
    weights : array (n,), optional
        Weights π of the particles, non-negative, summing to one. Default: 1/n.
    implementation : {"auto", "readable", "fused"}
        Which kernels run. Default "auto".

    Returns
    -------
    array (n, d)
        Same namespace, device and dtype as x; in units of 1/x.

    Raises
    ------
    ShapeError
        If the score does not have the shape of x.
    NonFiniteError, DomainError, OptionError, BackendError
        As for :func:`wgf_velocity`.

    Notes
    -----
    Among the fields of unit norm in the reproducing kernel space, v lowers KL(q‖p) fastest. The
    second term equals −∇_{x_j} of the kernel mean at x_j and pushes particles apart.

    Examples
    --------
    >>> import numpy as np
    >>> svgd_velocity(np.array([[2.0]]), lambda x: -x, bandwidth=1.0)
    array([[-2.]])
    """
    xp = array_namespace(x=x, score=None if callable(score) else score, weights=weights)
    x = _checks.points(x, "x", xp)
    bandwidth = _checks.positive(bandwidth, "bandwidth")
    weights = _checks.weights(weights, "weights", x.shape[0], xp, x)
    return _velocity(x, _score_values(xp, score, x), bandwidth, weights, implementation)


def _velocity(
    x: Array, score: Array, bandwidth: float, weights: Array, implementation: str
) -> Array:
    """(W4) for checked arguments."""
    values = score[:, :, None]
    smooth = kernel(
        "scalar_gaussian_contraction", x, x, values, weights, implementation=implementation
    )
    gradient = kernel("gaussian_gradient", x, x, weights, implementation=implementation)
    attraction = smooth(x, x, values, weights, bandwidth)[:, :, 0]
    with quiet():
        velocity = attraction - gradient(x, x, weights, bandwidth)
    return representable(velocity, "the velocity")


def _score_values(xp: Namespace, score: Score | Array, x: Array) -> Array:
    """s(x_i), shape (n, d), checked."""
    values: Array = score(xp.asarray(x, copy=True)) if callable(score) else score
    values = _checks.returned(values, "score", x=x)
    if tuple(values.shape) != tuple(x.shape):
        raise ShapeError(
            f"score must have the shape of x, {tuple(x.shape)}, got {tuple(values.shape)}"
        )
    return _checks.points(values, "score", xp, like=x)


@dataclass(frozen=True)
class SVGD(BandwidthFlow):
    """The flow of :func:`svgd_velocity`, equation (W4).

    It knows its target by the score and ignores the target sample. Further parameters are those of
    :class:`BandwidthFlow`.

    Parameters
    ----------
    score : callable
        The score s = ∇ log p: positions (n, d) to values (n, d). Keyword only.

    Examples
    --------
    >>> import numpy as np
    >>> x, flow = np.array([[2.0]]), SVGD(score=lambda x: -x, bandwidth=1.0)
    >>> flow.prepare(x, np.array([[0.0]]), np.random.default_rng(0))(x)
    array([[-2.]])
    """

    score: Score = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.score):
            raise OptionError(
                "score must be a function of the positions, because they move; "
                f"got {type(self.score).__name__}"
            )

    @classmethod
    def example(cls) -> SVGD:
        return cls(score=lambda x: -x)

    def _velocity(self, samples: Samples, bandwidth: float) -> Array:
        score = _score_values(samples.xp, self.score, samples.x)
        return _velocity(samples.x, score, bandwidth, samples.weights, self.implementation)
