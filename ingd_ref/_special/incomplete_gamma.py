r"""Quantiles of the gamma distribution, with their derivative by the shape.

Both tails of the distribution with shape a, and how they change with a, are integrals of positive
functions over s > 0. With the density p and y = log x,

.. math::
    P(a, x) &= x\,p(x) \int e^{-(a-x)s - x(e^{-s} - 1 + s)}\, ds, &
    \frac{\partial y}{\partial a} &= \int (\psi(a) - y + s)\, e^{-(a-x)s - x(e^{-s} - 1
        + s)}\, ds, \\
    Q(a, x) &= x\,p(x) \int e^{-(x-a)s - x(e^{s} - 1 - s)}\, ds, &
    \frac{\partial y}{\partial a} &= \int (y - \psi(a) + s)\, e^{-(x-a)s - x(e^{s} - 1 - s)}\, ds,

from t = x e^{∓s} in the integral of p(t) and of its derivative p(t)(log t − ψ(a)). The lower form
is used for y < ψ(a) and the upper one above, so that nothing cancels. The lower integrand is slow
where a < 1; there one step of the recurrence to b = a + 1 leads away:

.. math::
    \frac{P(a, x)}{x\,p_a(x)} = \frac 1a + \frac xa \frac{P(b, x)}{x\,p_b(x)}, \qquad
    \frac{\partial y}{\partial a} = \frac{\psi(b) - y}{a} + \frac xa \frac{\partial y}{\partial b},

with the branches now divided at y = ψ(b). The unknown is t = log(x/a), which has all its digits
where x is close to a large a.
"""

from __future__ import annotations

import math

from ingd_ref._special._quadrature import unit_legendre
from ingd_ref._special.exponential import expm1_remainder
from ingd_ref._special.gamma import lgamma, log_minus_digamma, stirling_remainder
from ingd_ref.backend._namespace import Array, Namespace, to_backend
from ingd_ref.backend._operations import tiles

__all__ = ["gamma_quantile"]

# The integrals end where the exponent is −37, e⁻³⁷ = 2⁻⁵³. In s relative to that length the
# integrand is e^{−37 v} at the steepest, and Gauss-Legendre quadrature with 48 nodes integrates it
# and what lies between it and e^{−37 v²} to rounding.
END = 37.0
NODES, WEIGHTS = unit_legendre(48)
# The exponent is convex, so Newton's iteration for the end of the integral comes from above after
# its first step. The error after four steps makes the interval slightly longer, which costs no
# accuracy.
END_STEPS = 4
# Halley's iteration on the logarithm of a tail starts within 7 of the root at worst. Its errors are
# 1e-2, 3e-7 and rounding after three steps; the fourth is spare.
STEPS = 4
# Points evaluated together, with an array of 48 numbers for each.
TILE = 2048
# Left of a factor e⁻⁷, the approximation by a cubed normal variable is too poor a start.
SMALLEST_ROOT = 0.1
LOG_2PI = math.log(2.0 * math.pi)


def gamma_quantile(xp: Namespace, shape: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """Return the x with P(shape, x) = ``lower``, Q(shape, x) = ``upper``, and ∂ log x/∂shape.

    Parameters
    ----------
    xp : module
        Array namespace of the arguments.
    shape : array (n,)
        Shapes a > 0.
    lower, upper : array (n,)
        Probabilities in (0, 1) on either side of x; they sum to one, and the smaller of them is
        what decides x in its tail.

    Returns
    -------
    quantile, slope : array (n,)
        x, which is zero where it is below the range of floating numbers, and ∂ log x/∂a > 0.

    Notes
    -----
    Relative errors against forty digits, for shapes from 1e-2 to 1e6 and probabilities from 1e-12
    on: below 1e-14 where x is not tiny, and below 2e-13 where the exponential of log x is what
    rounds.

    Examples
    --------
    >>> import numpy as np
    >>> one, half = np.asarray([1.0]), np.asarray([0.5])
    >>> quantile, slope = gamma_quantile(np, one, half, half)
    >>> quantile, slope.round(6)  # log 2
    (array([0.69314718]), array([1.396593]))
    """
    parts = [
        _in_one_tile(xp, shape[cut], lower[cut], upper[cut]) for cut in tiles(shape.shape[0], TILE)
    ]
    quantiles, slopes = zip(*parts, strict=True)
    return xp.concat(quantiles), xp.concat(slopes)


def _in_one_tile(xp: Namespace, a: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    divide = _divide(xp, a)
    mass, _ = _tail(xp, a, divide, a < 0)
    above = lower > xp.exp(_log_density(xp, a, divide)) * mass
    goal = xp.log(xp.where(above, upper, lower))
    t = _within(xp, _start(xp, a, lower, upper, above), divide, above)
    for _ in range(STEPS):
        mass, _ = _tail(xp, a, t, above)
        slope = xp.where(above, -1.0, xp.ones_like(a)) / mass  # of the logarithm of the tail, by t
        newton = (goal - _log_density(xp, a, t) - xp.log(mass)) / slope
        # The second derivative of that logarithm is slope · (a − x − slope).
        bend = 1.0 - 0.5 * (a * xp.expm1(t) + slope) * newton
        t = _within(xp, t + newton / xp.where(bend < 0.5, 0.5, bend), divide, above)
    _, by_shape = _tail(xp, a, t, above)
    return a * xp.exp(t), by_shape


def _tail(xp: Namespace, a: Array, t: Array, above: Array) -> tuple[Array, Array]:
    """Return the tail over x p(x) and ∂ log x/∂a at x = a eᵗ.

    The tail is the upper one where ``above``, and the lower one elsewhere.
    """
    x, shifted = a * xp.exp(t), (a < 1.0) & ~above
    base = xp.where(shifted, a + 1.0, a)
    excess = a * xp.expm1(t) - xp.astype(shifted, a.dtype)  # x − base
    mass, first = _integrals(xp, x, excess, xp.where(above, 1.0, -xp.ones_like(a)))
    log_ratio = xp.where(shifted, t + xp.log(a) - xp.log1p(a), t)  # log(x/base)
    gap = xp.abs(log_ratio + log_minus_digamma(xp, base))  # |y − ψ(base)|
    by_shape = gap * mass + first
    return xp.where(shifted, (1.0 + x * mass) / a, mass), xp.where(
        shifted, (gap + x * by_shape) / a, by_shape
    )


def _integrals(xp: Namespace, x: Array, excess: Array, sign: Array) -> tuple[Array, Array]:
    """Return the integrals of e^{−E(s)} and s e^{−E(s)} over s > 0.

    E(s) = sign (x − a) s + x (e^{± s} − 1 ∓ s), for ``excess`` = x − a.
    """
    decay = sign * excess
    end = 2.0 * END / (decay + xp.sqrt(decay * decay + 2.0 * END * x))
    for _ in range(END_STEPS):
        exponent = decay * end + x * expm1_remainder(xp, sign * end)
        end = end + (END - exponent) / (decay + x * sign * xp.expm1(sign * end))
    s = end[:, None] * to_backend(NODES, x)
    exponent = decay[:, None] * s + x[:, None] * expm1_remainder(xp, sign[:, None] * s)
    powers = xp.exp(-exponent) * to_backend(WEIGHTS, x)
    return end * xp.sum(powers, axis=1), end * xp.sum(s * powers, axis=1)


def _log_density(xp: Namespace, a: Array, t: Array) -> Array:
    """Logarithm of x p(x) at x = a eᵗ, which is ½ log(a/2π) − J(a) − a (eᵗ − 1 − t)."""
    return 0.5 * (xp.log(a) - LOG_2PI) - stirling_remainder(xp, a) - a * expm1_remainder(xp, t)


def _divide(xp: Namespace, a: Array) -> Array:
    """The t = log(x/a) at which log x = ψ(a), or ψ(a + 1) for a < 1."""
    small = a < 1.0
    return xp.where(small, xp.log1p(a) - xp.log(a), xp.zeros_like(a)) - log_minus_digamma(
        xp, xp.where(small, a + 1.0, a)
    )


def _within(xp: Namespace, t: Array, divide: Array, above: Array) -> Array:
    """T, moved to its side of the divide."""
    return xp.where(above == (t > divide), t, divide)


def _start(xp: Namespace, a: Array, lower: Array, upper: Array, above: Array) -> Array:
    """Where to start the search for t = log(x/a).

    For a ≥ 1 the cube of a normal variable (Wilson and Hilferty) is close. On its left x ≥ (P Γ(a +
    1))^{1/a}, which takes over in the tail; and for a < 1 Q Γ(a) ≤ e⁻ˣ from x = 1 on, so that x is
    less than 0.6 + max(0, −log Q Γ(a)).
    """
    small, log_gamma = a < 1.0, lgamma(xp, a + 1.0)
    root = 1.0 - 1.0 / (9.0 * a) + _rough_normal_quantile(xp, lower, upper) / (3.0 * xp.sqrt(a))
    cubed = 3.0 * xp.log(xp.where(root < SMALLEST_ROOT, SMALLEST_ROOT, root))
    left = (xp.log(lower) + log_gamma) / a - xp.log(a)
    bound = xp.log(a) - log_gamma - xp.log(upper)
    right = xp.log(0.6 + xp.where(bound > 0, bound, xp.zeros_like(bound))) - xp.log(a)
    below = xp.where(small | (left > cubed) | (root < SMALLEST_ROOT), left, cubed)
    return xp.where(above, xp.where(small, right, cubed), below)


def _rough_normal_quantile(xp: Namespace, lower: Array, upper: Array) -> Array:
    """Return the normal quantile to 5e-4, by Hastings' formula (Abramowitz and Stegun 26.2.23)."""
    r = xp.sqrt(-2.0 * xp.log(xp.where(lower < upper, lower, upper)))
    z = r - (2.515517 + r * (0.802853 + r * 0.010328)) / (
        1.0 + r * (1.432788 + r * (0.189269 + r * 0.001308))
    )
    return xp.where(lower < upper, -z, z)
