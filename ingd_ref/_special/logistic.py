"""The logistic function and the geometric series: Bernoulli and geometric distributions."""

from __future__ import annotations

import math

from ingd_ref._special.exponential import expm1_remainder
from ingd_ref._special.logarithm import log_remainder
from ingd_ref.backend._namespace import Array, Namespace

__all__ = [
    "geometric_distance",
    "geometric_divergence",
    "geometric_odds",
    "logistic",
    "logistic_distance",
]


def logistic(xp: Namespace, theta: Array) -> Array:
    """Return 1/(1 + e^−θ), to full relative accuracy where it is small too.

    Examples
    --------
    >>> import numpy as np
    >>> logistic(np, np.asarray([0.0, -700.0]))
    array([5.00000000e-001, 9.85967654e-305])
    """
    power = xp.exp(-xp.abs(theta))
    return xp.where(theta > 0, xp.ones_like(power), power) / (1.0 + power)


def logistic_distance(xp: Namespace, theta1: Array, theta2: Array) -> Array:
    r"""Return the Fisher-Rao distance of two Bernoulli distributions.

    It is 2 |arctan e^{θ₂/2} − arctan e^{θ₁/2}|, here without a difference:

    .. math:: 2 \arctan\frac{|\sinh((θ_2 - θ_1)/4)|}{\cosh((θ_1 + θ_2)/4)}

    Examples
    --------
    >>> import numpy as np
    >>> logistic_distance(np, np.asarray(-1e9), np.asarray(1e9)).item() == np.pi
    True
    """
    change, total = xp.abs(theta2 - theta1), xp.abs(theta1 + theta2)
    scale = xp.exp(
        xp.clip(0.25 * (change - total), max=0.25 * math.log(float(xp.finfo(change.dtype).max)))
    )
    return 2.0 * xp.atan(scale * (-xp.expm1(-0.5 * change) / (1.0 + xp.exp(-0.5 * total))))


def geometric_odds(xp: Namespace, theta: Array) -> Array:
    """Return e^θ/(1 − e^θ) for θ < 0: the mean of the geometric distribution.

    Examples
    --------
    >>> import numpy as np
    >>> geometric_odds(np, np.asarray([-1e-20, -700.0]))
    array([1.00000000e+020, 9.85967654e-305])
    """
    return xp.exp(theta) / -xp.expm1(theta)


def geometric_divergence(xp: Namespace, theta1: Array, theta2: Array) -> Array:
    r"""Return the divergence of two geometric distributions, accurate however close they are.

    It is the Bregman remainder of −log(1 − e^θ):

    .. math:: T(-y) + m (e^d - 1 - d), \qquad y = m (e^d - 1), \quad T(t) = t - \log(1 + t)

    with d = θ₂ − θ₁ and m the mean of the first; 1 − y = (1 − e^{θ₂})/(1 − e^{θ₁}), so both terms
    are positive.

    Examples
    --------
    >>> import numpy as np
    >>> value = geometric_divergence(np, np.asarray(-1.0), np.asarray(-1.0 + 2.0**-40))
    >>> round(value.item() * 2.0**81, 9), round(float(1 / (4 * np.sinh(0.5) ** 2)), 9)
    (0.920673594, 0.920673594)
    """
    change = theta2 - theta1
    odds = geometric_odds(xp, theta1)
    near = xp.abs(change) < 1.0
    small = xp.where(near, change, xp.zeros_like(change))
    excess = xp.where(
        near, odds * xp.expm1(small), (xp.exp(theta2) - xp.exp(theta1)) / -xp.expm1(theta1)
    )
    growth = xp.where(near, odds * expm1_remainder(xp, small), excess - odds * change)
    return log_remainder(xp, xp.expm1(theta2) / xp.expm1(theta1), -excess) + growth


def geometric_distance(xp: Namespace, theta1: Array, theta2: Array) -> Array:
    r"""Return the Fisher-Rao distance of two geometric distributions, θ < 0.

    It is |log tanh(θ₂/4) − log tanh(θ₁/4)|, here without a difference:

    Examples
    --------
    >>> import numpy as np
    >>> round(geometric_distance(np, np.asarray(-1e-9), np.asarray(-2e-9)).item(), 12)  # log 2
    0.69314718056
    """
    far, near = -0.25 * xp.minimum(theta1, theta2), -0.25 * xp.maximum(theta1, theta2)
    # tanh(far)/tanh(near) − 1 = sinh(far − near)/(cosh(far) sinh(near)), in exponentials that do
    # not overflow
    gap = 0.25 * xp.abs(theta2 - theta1)
    return xp.log1p(
        2.0
        * xp.expm1(-2.0 * gap)
        / (1.0 + xp.exp(-2.0 * far))
        / xp.expm1(-2.0 * near)
        * xp.exp(-2.0 * near)
    )
