"""Bases for the velocity θ̇(t) of (P5), on the unit interval to which a window is mapped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.errors import DomainError, OptionError

__all__ = ["BSpline", "Fourier", "Polynomial", "TimeBasis"]


class TimeBasis(ABC):
    """Functions φ_1, …, φ_k of τ = (t − t₀)/(t₁ − t₀) ∈ [0, 1] and their derivatives.

    Derive from this class to define your own basis. Times are few, so both are NumPy float64 arrays
    whatever library the samples are in.
    """

    @abstractmethod
    def __call__(self, tau: np.ndarray) -> np.ndarray:
        """Values (m, k) at the times τ (m,)."""

    @abstractmethod
    def derivative(self, tau: np.ndarray) -> np.ndarray:
        """Derivatives dφ/dτ (m, k) at the times τ (m,)."""


@dataclass(frozen=True)
class Polynomial(TimeBasis):
    """Legendre polynomials in 2τ − 1, orthogonal on the window so that C is well conditioned.

    Parameters
    ----------
    degree : int ≥ 0
        Largest degree q; there are q + 1 functions. With degree 0 natural parameters move with
        constant velocity.

    Examples
    --------
    >>> import numpy as np
    >>> Polynomial(2)(np.array([0.0, 0.5, 1.0]))
    array([[ 1. , -1. ,  1. ],
           [ 1. ,  0. , -0.5],
           [ 1. ,  1. ,  1. ]])
    """

    degree: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "degree", _checks.nonnegative_integer(self.degree, "degree"))

    @_checks.guarded
    def __call__(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        return np.polynomial.legendre.legvander(2.0 * tau - 1.0, self.degree)

    @_checks.guarded
    def derivative(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        if self.degree == 0:
            return np.zeros((tau.size, 1))
        slopes = np.polynomial.legendre.legder(np.eye(self.degree + 1), axis=0)
        return 2.0 * np.polynomial.legendre.legvander(2.0 * tau - 1.0, self.degree - 1) @ slopes


@dataclass(frozen=True)
class Fourier(TimeBasis):
    """Trigonometric functions 1, cos 2πjτ, sin 2πjτ for j = 1, …, harmonics.

    Parameters
    ----------
    harmonics : int ≥ 1
        Number h of harmonics; there are 2h + 1 functions.

    Examples
    --------
    >>> import numpy as np
    >>> Fourier(1)(np.array([0.0, 0.25])).round(12) + 0.0
    array([[1., 1., 0.],
           [1., 0., 1.]])
    """

    harmonics: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "harmonics", _checks.positive_integer(self.harmonics, "harmonics"))

    @_checks.guarded
    def __call__(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        phase = tau[:, None] * self._frequencies()
        return np.concatenate([np.ones((tau.size, 1)), np.cos(phase), np.sin(phase)], axis=1)

    @_checks.guarded
    def derivative(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        phase = tau[:, None] * self._frequencies()
        waves = [-np.sin(phase) * self._frequencies(), np.cos(phase) * self._frequencies()]
        return np.concatenate([np.zeros((tau.size, 1)), *waves], axis=1)

    def _frequencies(self) -> np.ndarray:
        return 2.0 * np.pi * np.arange(1, self.harmonics + 1)


@dataclass(frozen=True)
class BSpline(TimeBasis):
    """B-splines, each zero outside a few knot intervals; together they sum to one.

    Parameters
    ----------
    number : int
        Number k of functions, at least degree + 1, on equal knot intervals; or give ``knots``.
    degree : int ≥ 1
        Degree of the pieces. Default 3.
    knots : tuple of float, optional
        Increasing interior knots, 0 < τ < 1, instead of ``number``: there are len(knots) + degree +
        1 functions.

    Raises
    ------
    DomainError
        If there are too few functions, or the knots do not increase inside the window.
    OptionError
        If both or neither of ``number`` and ``knots`` are given.

    Examples
    --------
    >>> import numpy as np
    >>> BSpline(3, degree=1)(np.array([0.0, 0.25, 1.0]))
    array([[1. , 0. , 0. ],
           [0.5, 0.5, 0. ],
           [0. , 0. , 1. ]])
    """

    number: int | None = None
    degree: int = 3
    knots: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "degree", _checks.positive_integer(self.degree, "degree"))
        if (self.number is None) == (self.knots is None):
            raise OptionError("give either number or knots")
        least = self.degree + 1
        if self.number is not None and _checks.positive_integer(self.number, "number") < least:
            raise DomainError(f"number must be at least degree + 1 = {least}, got {self.number}")
        if self.knots is not None:
            knots = _checks.sequence(self.knots, "knots", "float")
            knots = tuple(_checks.number(knot, "knots") for knot in knots)
            object.__setattr__(self, "knots", knots)
            if not np.all(np.diff(np.array([0.0, *self.knots, 1.0])) > 0):
                raise DomainError(f"knots must increase strictly between 0 and 1, got {self.knots}")

    @_checks.guarded
    def __call__(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        return np.asarray(self._splines()(self._inside(tau)))

    @_checks.guarded
    def derivative(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        return np.asarray(self._splines().derivative()(self._inside(tau)))

    @staticmethod
    def _inside(tau: np.ndarray) -> np.ndarray:
        """Return τ if it lies in the window, beyond which there are no splines."""
        if not np.all((tau >= 0) & (tau <= 1)):
            raise DomainError("tau must lie between 0 and 1")
        return tau

    def _splines(self) -> Any:
        from scipy import interpolate

        equal = np.linspace(0.0, 1.0, (self.number or self.degree + 1) - self.degree + 1)[1:-1]
        interior = equal if self.knots is None else np.asarray(self.knots)
        knots = np.concatenate([np.zeros(self.degree + 1), interior, np.ones(self.degree + 1)])
        return interpolate.BSpline(knots, np.eye(knots.size - self.degree - 1), self.degree)
