"""Random Fourier features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ingd_ref import _checks
from ingd_ref._checks import RandomSource
from ingd_ref.backend._namespace import Array, array_namespace, to_backend
from ingd_ref.backend._scaling import all_finite, quiet
from ingd_ref.equations import statistics as equations
from ingd_ref.errors import DomainError
from ingd_ref.features._base import Features, Setting

__all__ = ["RandomFourier"]


@dataclass(frozen=True, eq=False)
class RandomFourier(Features):
    r"""Cosines at given frequencies and phases (section 4).

    .. math:: f_s(x) = \sqrt{2/b} \cos(\langle \omega_s, x \rangle + \varphi_s), \qquad
              \nabla f_s(x) = -\sqrt{2/b} \sin(\langle \omega_s, x \rangle + \varphi_s)\, \omega_s

    Parameters
    ----------
    frequencies : array (b, d)
        ω, in radians per unit of x.
    phases : array (b,)
        φ, in radians.

    Raises
    ------
    ShapeError, NonFiniteError
        If frequencies or phases are not finite numbers of these shapes.
    BackendError
        If they are not arrays of one library and device.

    Notes
    -----
    With normal frequencies of standard deviation 1/σ and uniform phases, ⟨f(x), f(y)⟩ tends to
    exp(−‖x−y‖²/(2σ²)) as b grows: see :meth:`gaussian`.

    Examples
    --------
    >>> import numpy as np
    >>> RandomFourier(np.array([[1.0], [2.0]]), np.zeros(2))(np.array([[0.0]]))
    array([[1., 1.]])
    """

    frequencies: Array
    phases: Array

    word: ClassVar[str] = "fourier"
    moves: ClassVar[frozenset[str]] = frozenset({"shift", "rotation", "scale"})
    full_rank: ClassVar[bool] = True

    def __post_init__(self) -> None:
        xp = array_namespace(frequencies=self.frequencies, phases=self.phases)
        frequencies = _checks.points(self.frequencies, "frequencies", xp)
        phases = _checks.vector(self.phases, "phases", frequencies.shape[0], xp, like=frequencies)
        object.__setattr__(self, "frequencies", xp.asarray(frequencies, copy=True))
        object.__setattr__(self, "phases", xp.asarray(phases, copy=True))

    @classmethod
    @_checks.guarded
    def gaussian(
        cls, number: int, bandwidth: float, rng: RandomSource, like: Array
    ) -> RandomFourier:
        """Draw features that approximate a Gaussian kernel.

        They live where ``like`` (n, d) does.
        """
        number, bandwidth = (
            _checks.positive_integer(number, "number"),
            _checks.positive(bandwidth, "bandwidth"),
        )
        rng, like = _checks.generator(rng), _checks.table(like, "like", array_namespace(like=like))
        with quiet():
            normal = rng.standard_normal((number, like.shape[1])) / bandwidth
            frequencies = to_backend(normal, like)
        if not all_finite(frequencies):
            raise DomainError(
                f"bandwidth = {bandwidth:g} gives frequencies beyond the largest number of "
                f"type {like.dtype}"
            )
        return cls(frequencies, to_backend(rng.uniform(0.0, 2.0 * math.pi, number), like))

    def _values(self, x: Array, implementation: str) -> Array:
        return self._scale() * array_namespace(x=x).cos(self._angles(x)[0])

    def _values_and_jacobian(self, x: Array, implementation: str) -> tuple[Array, Array]:
        xp = array_namespace(x=x)
        angles, frequencies = self._angles(x)
        slopes = -self._scale() * xp.sin(angles)
        return self._scale() * xp.cos(angles), slopes[:, None, :] * xp.matrix_transpose(
            frequencies
        )[None, :, :]

    def definition(self, x: Any) -> tuple[Any, Any]:
        arguments = x, x * 0 + self.frequencies, x[0] * 0 + self.phases
        return equations.random_fourier(*arguments), equations.random_fourier_jacobian(*arguments)

    def moved(self, scale: float = 1.0, rotation: Any = None, shift: Any = 0.0) -> Self:
        turned = self.frequencies if rotation is None else self.frequencies @ rotation
        return type(self)(turned / scale, self.phases - (turned / scale * shift).sum(axis=1))

    @classmethod
    def example(cls, setting: Setting) -> RandomFourier:
        """Return normal frequencies of standard deviation one over the width."""
        normal, dtype = setting.normal(setting.number, setting.dim), setting.points.dtype
        phases = setting.rng.uniform(0, 6, size=setting.number)
        return cls((normal / (setting.spread * setting.width)).astype(dtype), phases.astype(dtype))

    def _scale(self) -> float:
        return math.sqrt(2.0 / self.frequencies.shape[0])

    def _angles(self, x: Array) -> tuple[Array, Array]:
        xp = array_namespace(x=x, frequencies=self.frequencies)
        _checks.same_dimension(x, "x", self.frequencies, "frequencies")
        frequencies = xp.astype(self.frequencies, x.dtype, copy=False)
        return xp.matmul(x, xp.matrix_transpose(frequencies)) + xp.astype(
            self.phases, x.dtype, copy=False
        ), frequencies
