"""The generator of a location-scale family."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.generators._base import Generator, Linearisation

__all__ = ["LocationScale"]


@dataclass(frozen=True)
class LocationScale(Generator):
    r"""The generator x = m + s ∘ z: with standard normal z, of N(m, diag s²).

    .. math:: J u = \dot m + \dot s \circ z, \qquad \text{or, with } s = e^r, \qquad
              J u = \dot m + \dot r \circ s \circ z

    Parameters
    ----------
    dimension : int
        Number d of coordinates of x and of z. Default 1.
    shared : bool
        Whether one number s scales all coordinates (default) or each has its own.
    logarithmic : bool
        Whether the parameter is r = log s instead of s, so that s stays positive whatever the step.
        Default: s, which may become negative or zero; x is then reflected or constant.

    Attributes
    ----------
    blocks : dict
        ``location`` (d,), and ``scale`` or ``log_scale``, of shape () if shared and (d,) if not.

    Raises
    ------
    DomainError
        If ``dimension`` is not an integer of at least 1.

    Notes
    -----
    The start is at m = 0 and s = 1. The velocity (N3) with these generators, Gaussian statistics
    and no regularisation follows the flow (E10) of the Gaussian family exactly. Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> generator = LocationScale(2)
    >>> w = generator.pack(location=np.array([1.0, 0.0]), scale=3.0)
    >>> z = np.array([[1.0, -1.0]])
    >>> generator(w, z)
    array([[ 4., -3.]])
    >>> generator.jvp(w, z, generator.pack(location=0.0, scale=1.0))
    array([[ 1., -1.]])
    """

    dimension: int = 1
    shared: bool = True
    logarithmic: bool = False
    latent_dimension: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))
        object.__setattr__(self, "latent_dimension", self.dimension)
        _checks.flag(self.shared, "shared")
        _checks.flag(self.logarithmic, "logarithmic")

    @property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """``location``, and ``scale`` or ``log_scale``."""
        return {
            "location": (self.dimension,),
            self._scale_name: () if self.shared else (self.dimension,),
        }

    @property
    def _scale_name(self) -> str:
        return "log_scale" if self.logarithmic else "scale"

    def _linearise(self, xp: Namespace, w: Array, z: Array) -> Linearisation:
        location, scale = self._location_and_scale(xp, w)
        moving = xp.exp(scale) * z if self.logarithmic else z  # ∂x/∂s or ∂x/∂r, in each coordinate
        value = location + (moving if self.logarithmic else scale * z)

        def push(tangents: Array) -> Array:
            location, scale = self._location_and_scale(xp, tangents)
            return location[:, None, :] + scale[:, None, :] * moving

        def pull(cotangents: Array) -> Array:
            scale = xp.sum(cotangents * moving, axis=1)
            scale = xp.sum(scale, axis=1, keepdims=True) if self.shared else scale
            return xp.concat([xp.sum(cotangents, axis=1), scale], axis=1)

        return Linearisation(value, push, pull)

    def _location_and_scale(self, xp: Namespace, w: Array) -> tuple[Array, Array]:
        """Return two arrays (..., d) or (..., 1)."""
        return w[..., : self.dimension], w[..., self.dimension :]

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        scale = np.zeros if self.logarithmic else np.ones
        return {
            "location": np.zeros(self.dimension),
            self._scale_name: scale(self.blocks[self._scale_name]),
        }
