"""Weights g of a window (P5): non-negative, and zero at both ends.

Integration by parts then leaves no boundary terms.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ingd_ref import _checks
from ingd_ref.errors import DomainError

__all__ = ["Bump", "Power", "Sine", "UserWeight", "WindowWeight"]


class WindowWeight(ABC):
    """A function g ≥ 0 of τ = (t − t₀)/(t₁ − t₀) with g(0) = g(1) = 0.

    A factor of g does not matter. Times are few, so g and its derivative are NumPy float64 arrays
    whatever library the samples are in.
    """

    @abstractmethod
    def __call__(self, tau: np.ndarray) -> np.ndarray:
        """Values g (m,) at the times τ (m,)."""

    @abstractmethod
    def derivative(self, tau: np.ndarray) -> np.ndarray:
        """Derivatives dg/dτ (m,) at the times τ (m,)."""


@dataclass(frozen=True)
class Power(WindowWeight):
    """g = (τ(1 − τ))^p; by default the parabola (t − t₀)(t₁ − t), up to a factor.

    The trapezoidal rule gains orders with p, because derivatives at the ends vanish.

    Parameters
    ----------
    power : float ≥ 1
        p. Default 1.

    Examples
    --------
    >>> import numpy as np
    >>> Power()(np.array([0.0, 0.5])), Power().derivative(np.array([0.0, 0.5]))
    (array([0.  , 0.25]), array([1., 0.]))
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "power", _checks.positive(self.power, "power"))
        if self.power < 1:
            raise DomainError(
                "power must be at least 1, or the slope of the weight is infinite at the ends, "
                f"got {self.power:g}"
            )

    @_checks.guarded
    def __call__(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        return np.asarray((tau * (1.0 - tau)) ** self.power)

    @_checks.guarded
    def derivative(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        inner = (tau * (1.0 - tau)) ** (self.power - 1.0)
        return np.asarray(self.power * inner * (1.0 - 2.0 * tau))


@dataclass(frozen=True)
class Sine(WindowWeight):
    """g = sin πτ.

    Examples
    --------
    >>> import numpy as np
    >>> Sine()(np.array([0.0, 0.5, 1.0]))
    array([0., 1., 0.])
    """

    @_checks.guarded
    def __call__(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        # By symmetry: sin π is not zero.
        return np.asarray(np.sin(np.pi * np.minimum(tau, 1.0 - tau)))

    @_checks.guarded
    def derivative(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        return np.pi * np.cos(np.pi * tau)


@dataclass(frozen=True)
class Bump(WindowWeight):
    """g = exp(1 − 1/(4τ(1 − τ))); all its derivatives vanish at the ends.

    With equal spacing the error of the trapezoidal rule falls faster than any power of it.

    Examples
    --------
    >>> import numpy as np
    >>> Bump()(np.array([0.0, 0.5, 1.0]))
    array([0., 1., 0.])
    """

    @_checks.guarded
    def __call__(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        inside = self._inside(tau)
        return np.where(tau * (1.0 - tau) > 0, np.exp(1.0 - 0.25 / inside), 0.0)

    @_checks.guarded
    def derivative(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        inside = self._inside(tau)
        return np.asarray(self(tau) * (0.25 - 0.5 * tau) / (inside * inside))

    @staticmethod
    def _inside(tau: np.ndarray) -> np.ndarray:
        """Return τ(1 − τ), but no less than where g underflows."""
        return np.maximum(tau * (1.0 - tau), 1e-9)


@dataclass(frozen=True)
class UserWeight(WindowWeight):
    """A weight given by functions.

    Parameters
    ----------
    function : callable
        g: maps τ (m,) to (m,).
    slope : callable
        dg/dτ: maps τ (m,) to (m,).

    Examples
    --------
    >>> import numpy as np
    >>> weight = UserWeight(lambda tau: tau**2 * (1 - tau), lambda tau: 2 * tau - 3 * tau**2)
    >>> weight(np.array([0.0, 0.5, 1.0]))
    array([0.   , 0.125, 0.   ])
    """

    function: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        _checks.function(self.function, "function")
        _checks.function(self.slope, "slope")

    @_checks.guarded
    def __call__(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        return _checks.host_numbers(self.function(tau), "the result of function")

    @_checks.guarded
    def derivative(self, tau: np.ndarray) -> np.ndarray:
        tau = _checks.host_numbers(tau, "tau", axes=1)
        return _checks.host_numbers(self.slope(tau), "the result of slope")
