"""Arrays of eighty-digit numbers, and derivatives by differences at that precision.

The oracles differentiate no formula by hand. At eighty digits a central difference with a step of
1e-27 is off by 1e-54 (truncation) and 1e-53 (rounding), relative to the function's own scale: far
below anything that float64 can show, even after the thirty-two digits that a textbook formula loses
for a mean 1e8 deviations from zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

__all__ = [
    "MP",
    "Array",
    "differences",
    "exp",
    "jacobian",
    "log",
    "mixed_differences",
    "precise",
    "solve",
    "sqrt",
    "tanh",
]

Array = Any  # a NumPy array of floats or of eighty-digit numbers

MP = mpmath.MPContext()  # a context of its own: the global precision of mpmath stays as it is
MP.dps = 80

_elementwise = np.frompyfunc
exp, log, sqrt, tanh, erf = (
    _elementwise(getattr(MP, name), 1, 1) for name in ("exp", "log", "sqrt", "tanh", "erf")
)
_convert = _elementwise(MP.mpf, 1, 1)

FIRST_STEP = MP.mpf(10) ** -27
# A mixed second difference divides by h², so h = 1e-20 balances 1e-40 of truncation against 1e-40
# of rounding.
SECOND_STEP = MP.mpf(10) ** -20


def precise(x: Any) -> Any:
    """Return the numbers of ``x`` exactly, as a mpf or an object array of them."""
    return (
        _convert(np.asarray(x))
        if np.ndim(x)
        else MP.mpf(x.item() if isinstance(x, np.generic | np.ndarray) else x)
    )


def differences(function: Callable[[Array], Any], x: Array) -> Array:
    """Gradient or Jacobian of ``function`` at x (k,).

    ∂/∂x_a along the first axis, then the shape of the result.
    """
    return np.array(
        [
            (function(x + FIRST_STEP * axis) - function(x - FIRST_STEP * axis)) / (2 * FIRST_STEP)
            for axis in axes(len(x))
        ]
    )


def jacobian(function: Callable[[Array], Any], x: Array) -> Array:
    """Another name for :func:`differences` where the result is a vector: shape (k, b)."""
    return differences(function, x)


def mixed_differences(function: Callable[[Array, Array], Any], x: Array, y: Array) -> Array:
    """∂²/∂x_a∂y_c of a scalar function of two points, shape (k, k)."""
    h = SECOND_STEP
    rows = []
    for a in axes(len(x)):
        corners = [
            sum(i * j * function(x + i * h * a, y + j * h * c) for i in (1, -1) for j in (1, -1))
            for c in axes(len(y))
        ]
        rows.append([corner / (4 * h * h) for corner in corners])
    return np.array(rows)


def axes(number: int) -> list[Array]:
    """The unit vectors, in exact numbers."""
    return [np.array([MP.mpf(int(a == c)) for c in range(number)]) for a in range(number)]


def solve(matrix: Array, rhs: Array) -> Array:
    """Solution of a square system by elimination at eighty digits."""
    solution = MP.lu_solve(
        MP.matrix(np.asarray(matrix).tolist()), MP.matrix(np.asarray(rhs).tolist())
    )
    return np.array(list(solution))
