"""Derivatives by central differences with Richardson's extrapolation, and what they may be off.

A central difference has the error C₂h² + C₄h⁴ + …, and the rounding of its terms over h (first
derivatives) or h² (second ones). From steps h, 2h and 4h two extrapolations leave C₆h⁶. The step is
h = 2⁻⁷ ≈ (16u)^{1/8} standard units, at which C₆h⁶ and u/h² are both about 1e-11. The allowance is
the error of the values before the last extrapolation, as that extrapolation measures it, which is
far above what is left, and the rounding: weights of the extrapolation sum to less than 2 in
absolute value.
"""

from collections.abc import Callable

import numpy as np

U = 2.0**-53
STEP = 2.0**-7
LADDER = (1.0, 2.0, 4.0)
# What the package promises for one evaluation is a few u of its terms; sixteen covers the worst
# that its accuracy tests allow.
ROUNDINGS = 16.0


def extrapolated(
    fine: np.ndarray, middle: np.ndarray, coarse: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Value from differences at h, 2h and 4h, and the error of the last but one stage."""
    first, second = (4 * fine - middle) / 3, (4 * middle - coarse) / 3
    return (16 * first - second) / 15, np.abs(first - second) / 15


def units(family, theta: np.ndarray) -> np.ndarray:
    """A standard deviation's worth of each parameter, 1/√F_aa, shortened until so much of two at
    once stays inside Θ.
    """
    unit = 1 / np.sqrt(np.diag(family.fisher(theta)))
    corners = np.asarray([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])

    def inside() -> bool:
        shifts = [
            corner @ (unit[[a, c], None] * np.eye(len(theta))[[a, c]])
            for a in range(len(theta))
            for c in range(a)
            for corner in corners
        ]
        shifts += [
            sign * unit[a] * np.eye(len(theta))[a] for a in range(len(theta)) for sign in (-1, 1)
        ]
        return bool(np.all(family.contains(theta + np.asarray(shifts))))

    while not inside():
        unit = 0.5 * unit
    return unit


def slopes(
    function: Callable[[np.ndarray], np.ndarray], theta: np.ndarray, unit: np.ndarray, noise
) -> tuple[np.ndarray, np.ndarray]:
    """∂function/∂θ_a (b, ...) and what it may be off.

    ``function`` maps (k, b) to (k, ...), and ``noise`` bounds the error of a value.
    """
    b = len(theta)
    steps = np.asarray([m * STEP * unit[a] * np.eye(b)[a] for m in LADDER for a in range(b)])
    upper, lower = theta + steps, theta - steps
    width = np.asarray([(upper - lower)[k, k % b] for k in range(len(upper))])  # as it was rounded
    change = function(upper) - function(lower)
    quotient = change / width.reshape(-1, *[1] * (change.ndim - 1))
    value, truncation = extrapolated(*np.split(quotient, 3))
    return value, truncation + 2 * np.asarray(noise) / (
        STEP * unit.reshape(-1, *[1] * (change.ndim - 1))
    )


def hessian(
    function: Callable[[np.ndarray], np.ndarray], theta: np.ndarray, unit: np.ndarray, noise
) -> tuple[np.ndarray, np.ndarray]:
    """∇²function (b, b) and what it may be off.

    ``function`` maps (k, b) to (k,), and ``noise`` bounds the error of a value.
    """
    b = len(theta)
    pairs = [(a, c) for a in range(b) for c in range(a, b)]
    rows = []
    for m in LADDER:
        for a, c in pairs:
            i, j = (m * STEP * unit[k] * np.eye(b)[k] for k in (a, c))
            rows += [theta + i + j, theta + i - j, theta - i + j, theta - i - j]
    values = function(np.asarray(rows)).reshape(3, len(pairs), 4) @ np.asarray(
        [1.0, -1.0, -1.0, 1.0]
    )
    area = np.asarray([4 * STEP**2 * unit[a] * unit[c] for a, c in pairs])
    quotients = values / (np.asarray(LADDER)[:, None] ** 2 * area)
    value, truncation = extrapolated(*quotients)
    allowed = truncation + 8 * np.asarray(noise) / area
    full, error = np.empty((b, b)), np.empty((b, b))
    for k, (a, c) in enumerate(pairs):
        full[a, c] = full[c, a] = value[k]
        error[a, c] = error[c, a] = allowed[k]
    return full, error
