"""Compiled functions around the gamma function for NumPy arrays, with the formulas of ``special``.

On whole arrays every element takes all ten steps of a recurrence, each a pass over memory, and
every row as many Newton steps as the slowest. Here an element takes the steps that it needs.

The rules are those of ``_numba_fused``: float64 arithmetic whatever the input, rounded once at the
end; no ``fastmath``; a result depends on its own row alone, and so not on threads or the rest of
the batch; every compiled function that another one calls is in this file, with its constants, so
that the compile cache, which looks at the date of one file, is never stale.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from ingd_ref.backend._namespace import Array

__all__ = [
    "digamma_increment",
    "inverse_digamma",
    "inverse_log_beta_gradient",
    "inverse_log_minus_digamma",
    "log_minus_digamma",
    "stirling_remainder",
    "trigamma_decrement",
    "trigamma_excess",
]

compiled = njit(cache=True, nogil=True, error_model="numpy")

SHIFT = 10.0  # from here on Stirling's series, as in the readable functions
TERMS = 9
BERNOULLI = np.array(
    [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798]
)
ORDER = np.arange(1.0, TERMS + 1.0)
DIGAMMA_SERIES = BERNOULLI / (2.0 * ORDER)
LGAMMA_SERIES = BERNOULLI / (2.0 * ORDER * (2.0 * ORDER - 1.0))
GAP_STEPS = 3
DIGAMMA_STEPS = 4
# Newton's iteration for the mean logarithms: along one curve until a step is short enough for the
# iteration in all entries, whose error then falls to its square, 1e-2, 1e-4, 1e-8; a step of 1e-8
# leaves 1e-16. The limits, and what follows them, are for rows whose scale is left to rounding: see
# the readable function.
SCALAR_STEPS, SCALAR_ENOUGH = 6, 0.1
VECTOR_STEPS, VECTOR_ENOUGH = 4, 1e-8
UNDECIDED = 1e-2
SETTLING_STEPS = 2
EPS = 2.0**-53


# --- one number -----------------------------------------------------------------------------------


@compiled
def _log_minus_digamma(a: float) -> float:
    """φ(a) = log a − ψ(a)."""
    total = 0.0
    while a < SHIFT:
        inverse = 1.0 / a
        total += inverse - math.log1p(inverse)
        a += 1.0
    inverse = 1.0 / a
    return total + 0.5 * inverse + _even_series(DIGAMMA_SERIES, inverse * inverse)


@compiled
def _trigamma_excess(a: float) -> float:
    """aψ′(a) − 1."""
    total, x = 0.0, a
    while x < SHIFT:
        inverse = 1.0 / x
        total += a * inverse * inverse / (x + 1.0)
        x += 1.0
    inverse = 1.0 / x
    return total + a * inverse * (0.5 * inverse + _even_series(BERNOULLI, inverse * inverse))


@compiled
def _gap_and_excess(a: float) -> tuple[float, float]:
    """φ(a) and aψ′(a) − 1, which share their divisions."""
    gap, excess, x = 0.0, 0.0, a
    while x < SHIFT:
        inverse = 1.0 / x
        gap += inverse - math.log1p(inverse)
        excess += a * inverse * inverse / (x + 1.0)
        x += 1.0
    inverse = 1.0 / x
    square = inverse * inverse
    gap += 0.5 * inverse + _even_series(DIGAMMA_SERIES, square)
    return gap, excess + a * inverse * (0.5 * inverse + _even_series(BERNOULLI, square))


@compiled
def _stirling_remainder(a: float) -> float:
    """J(a)."""
    total = 0.0
    while a < SHIFT:
        total += (a + 0.5) * math.log1p(1.0 / a) - 1.0
        a += 1.0
    inverse = 1.0 / a
    return total + a * _even_series(LGAMMA_SERIES, inverse * inverse)


@compiled
def _even_series(coefficients: Array, inverse_square: float) -> float:
    total = 0.0
    for k in range(TERMS - 1, -1, -1):
        total = (total + coefficients[k]) * inverse_square
    return total


@compiled
def _digamma_increment(a: float, b: float) -> float:
    """ψ(a + b) − ψ(a)."""
    total = 0.0
    while a < SHIFT:
        total += b / a / (a + b)
        a += 1.0
    c = a + b
    first = b / a / c
    square_drop = first * (1.0 / a + 1.0 / c)
    series = _power_drops(DIGAMMA_SERIES, a, c, 1.0 / a / a, square_drop, square_drop)
    return total + math.log1p(b / a) + 0.5 * first + series


@compiled
def _trigamma_decrement(a: float, b: float) -> float:
    """ψ′(a) − ψ′(a + b)."""
    total = 0.0
    while a < SHIFT:
        inverse_a, inverse_c = 1.0 / a, 1.0 / (a + b)
        total += b * inverse_a * inverse_c * (inverse_a + inverse_c)
        a += 1.0
    c = a + b
    first = b / a / c
    second = first * (1.0 / a + 1.0 / c)
    third = second / c + first / a / a
    return (
        total + first + 0.5 * second + _power_drops(BERNOULLI, a, c, 1.0 / a / a / a, third, second)
    )


@compiled
def _power_drops(
    coefficients: Array, a: float, c: float, power: float, drop: float, square_drop: float
) -> float:
    """Σ_k coefficient_k (aᵐ⁻²ᵏ − cᵐ⁻²ᵏ), given aᵐ, its drop aᵐ − cᵐ and a⁻² − c⁻²."""
    inverse_a, inverse_c = 1.0 / a, 1.0 / c
    total = 0.0
    for k in range(TERMS):
        total += coefficients[k] * drop
        drop = drop * inverse_c * inverse_c + power * square_drop
        power = power * inverse_a * inverse_a
    return total


@compiled
def _inverse_log_minus_digamma(gap: float) -> float:
    """The a with φ(a) = ``gap``."""
    root = math.sqrt(gap + (9.0 - math.sqrt(72.0))) * math.sqrt(gap + (9.0 + math.sqrt(72.0)))
    total = root + abs(gap - 3.0)
    a = total / 12.0 / gap if gap < 3.0 else 2.0 / total
    for _ in range(GAP_STEPS):
        value, excess = _gap_and_excess(a)
        a *= math.exp(math.log(value / gap) * value / excess)
    return a


@compiled
def _near_inverse_digamma(y: float) -> float:
    """The a with ψ(a) = ``y`` to 7 %."""
    soft = math.log1p(math.exp(-abs(y)))
    return 1.0 / (soft - y if y < 0.0 else soft)


@compiled
def _towards_inverse_digamma(a: float, y: float) -> float:
    """One of Newton's steps from a."""
    gap, excess = _gap_and_excess(a)
    return a * math.exp((y - (math.log(a) - gap)) / (1.0 + excess))


@compiled
def _inverse_digamma(y: float) -> float:
    """The a with ψ(a) = ``y``."""
    a = _near_inverse_digamma(y)
    for _ in range(DIGAMMA_STEPS):
        a = _towards_inverse_digamma(a, y)
    return a


# --- one row of mean logarithms -------------------------------------------------------------------


@compiled
def _surplus(a: float, excess_a: float, b: float, excess_b: float, excess_sum: float) -> float:
    """1/ψ′(a + b) − 1/ψ′(a) − 1/ψ′(b), given xψ′(x) − 1 at the three."""
    if a < b:
        a, excess_a, b, excess_b = b, excess_b, a, excess_a
    if b < 0.5:
        increment = (
            _trigamma_decrement(a, b) * (a / (1.0 + excess_a)) * ((a + b) / (1.0 + excess_sum))
        )
        return increment - b / (1.0 + excess_b)
    width_sum, width_a = (
        (a + b) * (excess_sum / (1.0 + excess_sum)),
        a * (excess_a / (1.0 + excess_a)),
    )
    return b * (excess_b / (1.0 + excess_b)) - (width_sum - width_a)


@compiled
def _weigh(alpha, weights):  # type: ignore[no-untyped-def]
    """Fill weights_i = 1/ψ′(α_i); return 1/ψ′(α₀) less their sum, term by term, and ψ′(α₀)."""
    partial = alpha[0]
    excess = _trigamma_excess(partial)
    weights[0] = partial / (1.0 + excess)
    total = 0.0
    for i in range(1, alpha.shape[0]):
        following = _trigamma_excess(alpha[i])
        weights[i] = alpha[i] / (1.0 + following)
        both = _trigamma_excess(partial + alpha[i])
        total += _surplus(partial, excess, alpha[i], following, both)
        partial += alpha[i]
        excess = both
    return total, (1.0 + excess) / partial


@compiled
def _residuals(mu, alpha, out):  # type: ignore[no-untyped-def]
    """out_i = μ_i − ψ(α_i) + ψ(α₀); the other entries of α are summed and not subtracted."""
    out[-1] = 0.0
    for i in range(alpha.shape[0] - 2, -1, -1):
        out[i] = out[i + 1] + alpha[i + 1]
    before = 0.0
    for i in range(alpha.shape[0]):
        out[i] = mu[i] + _digamma_increment(alpha[i], before + out[i])
        before += alpha[i]


@compiled
def _follow_curve(mu, largest, alpha, weights):  # type: ignore[no-untyped-def]
    """Iterate Newton's method in the largest entry; ψ(α_i) − ψ(a) = μ_i − μ_a gives the others."""
    y, share, others = -mu[largest], 0.0, 0.0
    for i in range(mu.shape[0]):
        share += math.exp(mu[i])
        others += 0.0 if i == largest else math.exp(mu[i])
    # What was positive for the caller, who summed in another order, may be nothing but rounding.
    gap = max(-math.expm1(-y) - others, EPS * -math.expm1(-y))
    most = mu.shape[0] / gap
    a = max(0.5 * (mu.shape[0] - share) / gap * math.exp(-y), 1.0 / (1.0 + 2.0 * y))
    for number in range(SCALAR_STEPS):
        height = math.log(a) - _log_minus_digamma(a) + y
        rest = 0.0
        for i in range(mu.shape[0]):
            if i != largest:
                begin = _near_inverse_digamma(height + mu[i]) if number == 0 else alpha[i]
                alpha[i] = _towards_inverse_digamma(begin, height + mu[i])
                alpha[i] = (
                    _towards_inverse_digamma(alpha[i], height + mu[i]) if number == 0 else alpha[i]
                )
                rest += alpha[i]
        alpha[largest] = a
        surplus, trigamma = _weigh(alpha, weights)
        increment = _digamma_increment(a, rest)
        inverse_slope = increment * weights[largest] / a / trigamma / surplus
        step = _log_ratio(increment, y) * inverse_slope
        if not (step > 0.0 or inverse_slope < 2.0):
            step = -math.log1p(abs(step))
        step = min(step, math.log(most / a))
        # dα_i/da = ψ′(a)/ψ′(α_i) along the curve
        for i in range(mu.shape[0]):
            if i != largest:
                alpha[i] *= math.exp(
                    min(max(step * (a / weights[largest]) * (weights[i] / alpha[i]), -2.0), 2.0)
                )
        a *= math.exp(step)
        alpha[largest] = a
        if abs(step) < SCALAR_ENOUGH:
            break


@compiled
def _log_ratio(a: float, b: float) -> float:
    """log(a/b)."""
    excess = (a - b) / b
    return math.log1p(excess) if abs(excess) < 0.5 else math.log(a / b)


@compiled
def _step_in_all_entries(mu, alpha, weights, residual):  # type: ignore[no-untyped-def]
    """One of Newton's steps in log α; return the longest change of an entry."""
    surplus, _ = _weigh(alpha, weights)
    _residuals(mu, alpha, residual)
    common, noise = 0.0, 0.0
    for i in range(alpha.shape[0]):
        common += weights[i] * residual[i]
        noise -= weights[i] * mu[i]
    common /= surplus
    if EPS * noise > UNDECIDED * surplus:
        common = 0.0
    longest = 0.0
    for i in range(alpha.shape[0]):
        step = min(max(weights[i] / alpha[i] * (residual[i] + common), -1.0), 1.0)
        alpha[i] *= math.exp(step)
        longest = max(longest, abs(step))
    return longest


@compiled
def _settle(mu, alpha, residual):  # type: ignore[no-untyped-def]
    """One of Newton's steps of each entry for itself, with α₀ nearly as it is."""
    _residuals(mu, alpha, residual)
    for i in range(alpha.shape[0]):
        alpha[i] *= math.exp(min(max(residual[i] / (1.0 + _trigamma_excess(alpha[i])), -1.0), 1.0))


@compiled
def _invert_rows(mu, alpha):  # type: ignore[no-untyped-def]
    weights, residual = np.empty(mu.shape[1]), np.empty(mu.shape[1])
    for row in range(mu.shape[0]):
        _follow_curve(mu[row], np.argmax(mu[row]), alpha[row], weights)
        longest = math.inf
        for _ in range(VECTOR_STEPS):
            longest = _step_in_all_entries(mu[row], alpha[row], weights, residual)
            if longest < VECTOR_ENOUGH:
                break
        if longest >= VECTOR_ENOUGH:
            for _ in range(SETTLING_STEPS):
                _settle(mu[row], alpha[row], residual)


# --- all numbers of an array ----------------------------------------------------------------------


@compiled
def _each_log_minus_digamma(a, out):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        out[i] = _log_minus_digamma(a[i])


@compiled
def _each_trigamma_excess(a, out):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        out[i] = _trigamma_excess(a[i])


@compiled
def _each_stirling_remainder(a, out):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        out[i] = _stirling_remainder(a[i])


@compiled
def _each_inverse_log_minus_digamma(gap, out):  # type: ignore[no-untyped-def]
    for i in range(gap.shape[0]):
        out[i] = _inverse_log_minus_digamma(gap[i])


@compiled
def _each_inverse_digamma(y, out):  # type: ignore[no-untyped-def]
    for i in range(y.shape[0]):
        out[i] = _inverse_digamma(y[i])


@compiled
def _each_digamma_increment(a, b, out):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        out[i] = _digamma_increment(a[i], b[i])


@compiled
def _each_trigamma_decrement(a, b, out):  # type: ignore[no-untyped-def]
    for i in range(a.shape[0]):
        out[i] = _trigamma_decrement(a[i], b[i])


def _each(loop: Callable[..., None], *arrays: Array) -> Array:
    """Run ``loop`` over arrays that broadcast; the result has their floating type."""
    whole = np.broadcast_arrays(*arrays)
    out = np.empty(whole[0].size)
    loop(*(np.ascontiguousarray(x, dtype=np.float64).reshape(-1) for x in whole), out)
    return out.reshape(whole[0].shape).astype(np.result_type(*arrays), copy=False)


def log_minus_digamma(a: Array) -> Array:
    """φ(a) = log a − ψ(a) > 0."""
    return _each(_each_log_minus_digamma, a)


def trigamma_excess(a: Array) -> Array:
    """aψ′(a) − 1 > 0."""
    return _each(_each_trigamma_excess, a)


def stirling_remainder(a: Array) -> Array:
    """J(a) = log Γ(a) − (a − ½) log a + a − ½ log 2π > 0."""
    return _each(_each_stirling_remainder, a)


def inverse_log_minus_digamma(gap: Array) -> Array:
    """The a > 0 with log a − ψ(a) = ``gap`` > 0."""
    return _each(_each_inverse_log_minus_digamma, gap)


def inverse_digamma(y: Array) -> Array:
    """The a > 0 with ψ(a) = ``y``."""
    return _each(_each_inverse_digamma, y)


def digamma_increment(a: Array, b: Array) -> Array:
    """ψ(a + b) − ψ(a) > 0."""
    return _each(_each_digamma_increment, a, b)


def trigamma_decrement(a: Array, b: Array) -> Array:
    """ψ′(a) − ψ′(a + b) > 0."""
    return _each(_each_trigamma_decrement, a, b)


def inverse_log_beta_gradient(mu: Array) -> Array:
    """The α (..., K) with ∇ log B(α) = ``mu``, by rows."""
    rows = np.ascontiguousarray(mu, dtype=np.float64).reshape(-1, mu.shape[-1])
    alpha = np.empty(rows.shape)
    _invert_rows(rows, alpha)
    return alpha.reshape(mu.shape).astype(mu.dtype, copy=False)
