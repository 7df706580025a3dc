r"""Increments of log Γ and its derivatives from a to a + b: the parts of the beta function.

ψ(a + b) − ψ(a) for b ≪ a, or 1/ψ′(a + b) − 1/ψ′(a) − 1/ψ′(b) for small or for large arguments, are
small differences of large numbers when they are written so. Here b is never added to a and taken
off again: every step of the recurrence a → a + 1, and every power of Stirling's series, is
differenced in closed form, with b as a factor.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingd_ref._special._compiled import compiled_when_large
from ingd_ref._special.gamma import BERNOULLI, SHIFT, trigamma, trigamma_excess
from ingd_ref._special.logarithm import log_remainder, t_minus_log1p
from ingd_ref._special.products import difference_of_products
from ingd_ref.backend._namespace import Array, Namespace

__all__ = [
    "digamma_increment",
    "log_minus_digamma_decrement",
    "reduced_lgamma_bregman_drop",
    "tetragamma_increment",
    "trigamma_decrement",
    "trigamma_surplus",
]


@compiled_when_large
def digamma_increment(xp: Namespace, a: Array, b: Array) -> Array:
    """Return ψ(a + b) − ψ(a) > 0 to full relative accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> digamma_increment(np, np.asarray([1.0, 1e8]), np.asarray([1.0, 1e-8]))
    array([1.e+00, 1.e-16])
    """
    total = xp.zeros_like(a + b)
    for _ in range(SHIFT):
        low = a < SHIFT
        total = xp.where(low, total + b / a / (a + b), total)
        a = xp.where(low, a + 1.0, a)
    first = b / a / (a + b)  # 1/a − 1/(a + b)
    coefficients = [bernoulli / (2 * k) for k, bernoulli in enumerate(BERNOULLI, 1)]
    square_drop = _square_drop(a, a + b, first)
    return (
        total
        + xp.log1p(b / a)
        + 0.5 * first
        + _power_drops(xp, coefficients, a, a + b, 1.0 / a / a, square_drop, square_drop)
    )


@compiled_when_large
def trigamma_decrement(xp: Namespace, a: Array, b: Array) -> Array:
    """Return ψ′(a) − ψ′(a + b) > 0 to full relative accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> trigamma_decrement(np, np.asarray([1.0, 1e8]), np.asarray([1.0, 1e-8]))
    array([1.00000000e+00, 1.00000001e-24])
    """
    total = xp.zeros_like(a + b)
    for _ in range(SHIFT):
        low = a < SHIFT
        total = xp.where(low, total + _square_drop(a, a + b, b / a / (a + b)), total)
        a = xp.where(low, a + 1.0, a)
    first, second, third = _drops(a, b)
    return (
        total
        + first
        + 0.5 * second
        + _power_drops(xp, BERNOULLI, a, a + b, 1.0 / a / a / a, third, second)
    )


def tetragamma_increment(xp: Namespace, a: Array, b: Array) -> Array:
    """Return ψ″(a + b) − ψ″(a) > 0 to full relative accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> tetragamma_increment(np, np.asarray([1.0, 1e8]), np.asarray([1.0, 1e-8]))
    array([2.00000000e+00, 2.00000003e-32])
    """
    total = xp.zeros_like(a + b)
    for _ in range(SHIFT):
        low = a < SHIFT
        total = xp.where(low, total + 2.0 * _drops(a, b)[2], total)
        a = xp.where(low, a + 1.0, a)
    _, second, third = _drops(a, b)
    fourth = third / (a + b) + b / a / (a + b) / a / a / a
    coefficients = [(2 * k + 1) * bernoulli for k, bernoulli in enumerate(BERNOULLI, 1)]
    return (
        total
        + second
        + third
        + _power_drops(xp, coefficients, a, a + b, 1.0 / a / a / a / a, fourth, second)
    )


def log_minus_digamma_decrement(xp: Namespace, a: Array, b: Array) -> Array:
    """Return φ(a) − φ(a + b) > 0 to full relative accuracy, φ(a) = log a − ψ(a).

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.asarray([1.0, 1e8]), np.asarray([1.0, 1e-8])
    >>> log_minus_digamma_decrement(np, a, b)  # 1 − log 2, b/(2a²)
    array([3.06852819e-01, 5.00000002e-25])
    """
    total = xp.zeros_like(a + b)
    for _ in range(SHIFT):
        low = a < SHIFT
        change = b / a / (a + b + 1.0)  # of the ratio (a + 1)/a
        total = xp.where(low, total + change / (a + b) + t_minus_log1p(xp, change), total)
        a = xp.where(low, a + 1.0, a)
    first, second, _ = _drops(a, b)
    coefficients = [bernoulli / (2 * k) for k, bernoulli in enumerate(BERNOULLI, 1)]
    return (
        total + 0.5 * first + _power_drops(xp, coefficients, a, a + b, 1.0 / a / a, second, second)
    )


def trigamma_surplus(xp: Namespace, a: Array, b: Array) -> Array:
    r"""Return 1/ψ′(a + b) − 1/ψ′(a) − 1/ψ′(b) > 0, a divisor of the Beta family's F⁻¹.

    With a ≥ b, it is 1/ψ′(a + b) − 1/ψ′(a), an increment, less 1/ψ′(b) ≈ b² where b < 1/2;
    elsewhere 1/ψ′(a) = a − w(a), where w = a c/(1 + c) with c = aψ′(a) − 1 grows from 0 to 1/2, and
    the surplus is w(a) + w(b) − w(a + b).

    Examples
    --------
    >>> import numpy as np
    >>> trigamma_surplus(np, np.asarray([1e8, 1e-8]), np.asarray([1e8, 1e-8])).round(20)
    array([4.99999999e-01, 2.00000000e-16])
    """
    larger, smaller = xp.maximum(a, b), xp.minimum(a, b)
    both = larger + smaller
    increment = (trigamma_decrement(xp, larger, smaller) / trigamma(xp, larger)) / trigamma(
        xp, both
    )
    width = _width(xp, smaller)
    return xp.where(
        smaller < 0.5,
        increment - 1.0 / trigamma(xp, smaller),
        width - (_width(xp, both) - _width(xp, larger)),
    )


def reduced_lgamma_bregman_drop(
    xp: Namespace, a: Array, b: Array, r: Array, s: Array, change_of_shift: Array
) -> Array:
    r"""Return B(a, b) − B(a + r, b + s), B that of :func:`reduced_lgamma_bregman`.

    It is accurate also for r ≪ a and s ≪ b.

    Each term of B is a function R(ρ) = ρ − 1 − log ρ of a ratio, and with ρ = ρ′(1 + τ), R(ρ) −
    R(ρ′) = (ρ′ − 1) τ + (τ − log(1 + τ)): no difference of nearly equal terms is left, since τ is
    known as a product with r and s. ``change_of_shift`` is s − r as accurately as the caller knows
    it.

    Examples
    --------
    >>> import numpy as np
    >>> arguments = (1.0, 1.0 + 2.0**-30, 2.0**-40, 2.0**-40, 0.0)
    >>> drop = reduced_lgamma_bregman_drop(np, *(np.asarray(x) for x in arguments))
    >>> round(drop.item() * 2.0**101, 6)  # −(ψ″(1) + 1)
    1.404114
    """
    change = b - a
    shifted_change = change + change_of_shift
    total = xp.zeros_like(shifted_change)
    for _ in range(SHIFT):
        low = (a < SHIFT) | (b < SHIFT)
        total = xp.where(
            low, total + _recurrence_drop(xp, a, b, r, s, change, change_of_shift), total
        )
        a = xp.where(low, a + 1.0, a)
        b = xp.where(low, b + 1.0, b)
    # br − as from the changes where these are smaller, and otherwise from b and s, of which a
    # change keeps only some digits
    near = xp.abs(change) * r + a * xp.abs(change_of_shift) < b * r + a * s
    moved, moved_shift = xp.where(near, change, b), xp.where(near, change_of_shift, s)
    tau = difference_of_products(xp, moved, r, a, moved_shift) / a / (b + s)
    excess = shifted_change / (a + r)
    half = _remainder_drop(xp, b / a, change / a, (b + s) / (a + r), excess, tau)
    return total + 0.5 * half + _stirling_drop(xp, a, b, r, s, change, change_of_shift)


def _recurrence_drop(
    xp: Namespace, a: Array, b: Array, r: Array, s: Array, change: Array, change_of_shift: Array
) -> Array:
    """Return (b + 1) R(ρ) − (b + s + 1) R(ρ′) for one step of the recurrence.

    ρ = b(a + 1)/(a(b + 1)), and ρ′ is the same of a + r and b + s.
    """
    c, d = a + r, b + s
    excess, shifted_excess = change / a / (b + 1.0), (change + change_of_shift) / c / (d + 1.0)
    ratio, shifted_ratio = b / a * ((a + 1.0) / (b + 1.0)), d / c * ((c + 1.0) / (d + 1.0))
    # ρ − ρ′, from the changes where a and b are close; far apart these are of order one, and leave
    # only what b and d keep of it
    close = (change / a * ((r * (d + 1.0) + s * a) / (b + 1.0)) - change_of_shift) / c / (d + 1.0)
    apart = difference_of_products(xp, b / a, r, s / (d + 1.0), c + 1.0) / c / (b + 1.0)
    near = xp.abs(change) * r + a * xp.abs(change_of_shift) < b * r + a * s
    gap = xp.where(near, close, apart)
    drop = _remainder_drop(xp, ratio, excess, shifted_ratio, shifted_excess, gap / shifted_ratio)
    return (b + 1.0) * drop - s * log_remainder(xp, shifted_ratio, shifted_excess)


def _remainder_drop(
    xp: Namespace, ratio: Array, excess: Array, other: Array, other_excess: Array, tau: Array
) -> Array:
    """Return R(ρ) − R(ρ′) for ρ = ``ratio`` = ρ′(1 + τ) and ρ′ = ``other``."""
    near = xp.abs(tau) < 0.4
    small = xp.where(near, tau, xp.zeros_like(tau))
    far = log_remainder(xp, ratio, excess) - log_remainder(xp, other, other_excess)
    return xp.where(near, other_excess * small + log_remainder(xp, 1.0 + small, small), far)


def _stirling_drop(
    xp: Namespace, a: Array, b: Array, r: Array, s: Array, change: Array, change_of_shift: Array
) -> Array:
    """Return the drop of (b − a)²/(ab) Σ c_p W_p, the Stirling part, with W_p = p a⁻ᵖ + W_{p−1}/b.

    It uses the product rule for differences.
    """
    c, d = a + r, b + s
    first, second = r / a / c, s / b / d  # drops of 1/a and 1/b
    power, power_drop = 1.0 / a, first
    weight, weight_drop = 1.0 / a, first
    total, total_drop = xp.zeros_like(c + d), xp.zeros_like(c + d)
    for k, bernoulli in enumerate(BERNOULLI, 1):
        p = 2 * k - 1
        total = total + bernoulli / (2 * k * p) * weight
        total_drop = total_drop + bernoulli / (2 * k * p) * weight_drop
        for following in (p + 1, p + 2):
            power, power_drop = power / a, power_drop / c + power * first
            weight, weight_drop = (
                following * power + weight / b,
                following * power_drop + weight_drop / d + weight * second,
            )
    shifted_change = change + change_of_shift
    outer_drop = (
        (change / a * (change / b) * (r * d + s * a) - change_of_shift * (change + shifted_change))
        / c
        / d
    )
    return outer_drop * total + shifted_change / c * (shifted_change / d) * total_drop


def _drops(a: Array, b: Array) -> tuple[Array, Array, Array]:
    """a⁻ᵖ − (a + b)⁻ᵖ for p = 1, 2, 3."""
    c = a + b
    first = b / a / c
    second = _square_drop(a, c, first)
    return first, second, second / c + first / a / a


def _square_drop(a: Array, c: Array, first: Array) -> Array:
    """a⁻² − c⁻², given a⁻¹ − c⁻¹."""
    return first * (1.0 / a + 1.0 / c)


def _power_drops(
    xp: Namespace,
    coefficients: Sequence[float],
    a: Array,
    c: Array,
    power: Array,
    drop: Array,
    square_drop: Array,
) -> Array:
    """Σ_k coefficient_k (aᵐ⁻²ᵏ − cᵐ⁻²ᵏ), k = 0, 1, …, given aᵐ, its drop aᵐ − cᵐ and a⁻² − c⁻²."""
    total = xp.zeros_like(drop)
    for coefficient in coefficients:
        total = total + coefficient * drop
        power, drop = power / a / a, drop / c / c + power * square_drop
    return total


def _width(xp: Namespace, a: Array) -> Array:
    """w(a) = a − 1/ψ′(a)."""
    excess = trigamma_excess(xp, a)
    return a * (excess / (1.0 + excess))
