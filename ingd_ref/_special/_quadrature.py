"""Gauss-Legendre quadrature on the unit interval, accurate next to its ends too."""

from __future__ import annotations

import numpy as np

__all__ = ["unit_legendre"]

# The start is within 1e-2 of the distance between two nodes, and each Newton step squares the
# error.
STEPS = 5


def unit_legendre(number: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return nodes and weights (number,) for integrals over (0, 1), nodes in increasing order.

    Near x = 1 the Legendre polynomials P_k(x) are followed in y = 1 − x, by the differences D_k =
    P_k − P_{k−1}:

    .. math:: (k+1)\, D_{k+1} = k D_k - (2k+1)\, y P_k, \qquad
        y (2-y)\, \frac{dP_n}{dy} = -n\, (y P_n - D_n),

    in which the smallest nodes ½y and their weights y(2 − y)/(n D_n)² keep their relative accuracy.
    The usual form in x loses up to four digits of the outermost of 48 weights, the ones that decide
    an integral which decays quickly.

    Examples
    --------
    >>> nodes, weights = unit_legendre(2)
    >>> nodes.round(6), weights.round(6)  # (1 ∓ 1/√3)/2
    (array([0.211325, 0.788675]), array([0.5, 0.5]))
    """
    half = (number + 1) // 2
    angles = np.pi * (np.arange(half) + 0.75) / (number + 0.5)
    y = 2.0 * np.sin(0.5 * angles) ** 2
    for _ in range(STEPS):
        value, difference = _legendre(number, y)
        y = y + value * y * (2.0 - y) / (number * (y * value - difference))
    _, difference = _legendre(number, y)
    nodes, weights = 0.5 * y, y * (2.0 - y) / (number * difference) ** 2
    rest = number - half
    return np.concatenate([nodes, 1.0 - nodes[:rest][::-1]]), np.concatenate(
        [weights, weights[:rest][::-1]]
    )


def _legendre(degree: int, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P_n(1 − y) and P_n(1 − y) − P_{n−1}(1 − y)."""
    value, difference = 1.0 - y, -y
    for k in range(1, degree):
        difference = (k * difference - (2 * k + 1) * y * value) / (k + 1)
        value = value + difference
    return value, difference
