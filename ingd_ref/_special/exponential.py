"""Exponentials less their leading terms, and logarithms of sums of exponentials.

With p = softmax(a), log Σ e^{a + d} − log Σ e^a − Σ p d is the divergence of two categorical
distributions. It does not change when one number is added to all of d. So d may be centred until Σ
p d = 0, which leaves log(1 + Σ p (e^d − 1 − d)), whose terms are never negative.
"""

from __future__ import annotations

import math

from ingd_ref.backend._namespace import Array, Namespace, device, item
from ingd_ref.backend._operations import softmax

__all__ = [
    "expm1_remainder",
    "log1mexp",
    "log_expm1",
    "log_mean_exp_excess",
    "log_softmax",
    "log_softmax_change",
    "log_sum_exp",
    "log_sum_exp_bregman",
    "other_sums",
    "simplex_distance",
    "with_reference",
]

# The first term left out of the series at |x| = 1 is 2/21! ≤ 4e-20 of a sum of at least 0.7.
SERIES_TERMS = 19
# Changes of logits beyond which their rounding errors would be those of the divergence.
FAR = 32.0
VERY_FAR = 1024.0


def expm1_remainder(xp: Namespace, x: Array) -> Array:
    """Return eˣ − 1 − x ≥ 0 without the cancellation near x = 0.

    Examples
    --------
    >>> import numpy as np
    >>> expm1_remainder(np, np.asarray([1e-10, -1e-10, 1.0]))
    array([5.00000000e-21, 5.00000000e-21, 7.18281828e-01])
    """
    near = xp.abs(x) < 1.0
    small = xp.where(near, x, xp.zeros_like(x))
    series = xp.zeros_like(x)
    for k in range(SERIES_TERMS, 0, -1):
        series = (1.0 + series) * small / (k + 2)
    return xp.where(near, 0.5 * small * small * (1.0 + series), xp.expm1(x) - x)


def log1mexp(xp: Namespace, x: Array) -> Array:
    """Return log(1 − eˣ) for x < 0, to full relative accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> log1mexp(np, np.asarray([-1e-20, -50.0]))
    array([-4.60517019e+01, -1.92874985e-22])
    """
    near, one = x > -math.log(2.0), xp.ones_like(x)
    return xp.where(
        near, xp.log(-xp.expm1(xp.where(near, x, -one))), xp.log1p(-xp.exp(xp.where(near, -one, x)))
    )


def log_expm1(xp: Namespace, x: Array) -> Array:
    """Return log(eˣ − 1) for x > 0, which neither overflows nor loses small x.

    Examples
    --------
    >>> import numpy as np
    >>> log_expm1(np, np.asarray([1e-20, 1e3]))
    array([ -46.05170186, 1000.        ])
    """
    return x + log1mexp(xp, -x)


def other_sums(xp: Namespace, x: Array) -> Array:
    """Return Σ_{j≠i} x_j for every i along the last axis, summed and not subtracted.

    Examples
    --------
    >>> import numpy as np
    >>> other_sums(np, np.asarray([1.0, 1e-20, 2e-20]))
    array([3.e-20, 1.e+00, 1.e+00])
    """
    length = x.shape[-1]
    return xp.matmul(x, 1.0 - xp.eye(length, dtype=x.dtype, device=device(x)))


def with_reference(xp: Namespace, theta: Array) -> Array:
    """Return θ with a zero appended to its last axis: logits, with the last category as reference.

    Examples
    --------
    >>> import numpy as np
    >>> with_reference(np, np.asarray([2.0, 3.0]))
    array([2., 3., 0.])
    """
    return xp.concat([theta, xp.zeros_like(theta[..., :1])], axis=-1)


def log_softmax(xp: Namespace, a: Array) -> Array:
    """Return log(e^{a_i} / Σ e^{a_j}) along the last axis, accurate near 0 too.

    Examples
    --------
    >>> import numpy as np
    >>> log_softmax(np, np.asarray([50.0, 0.0]))
    array([-1.92874985e-22, -5.00000000e+01])
    """
    shifted = a - xp.max(a, axis=-1, keepdims=True)
    return shifted - _log1p_others(xp, shifted)


def log_sum_exp(xp: Namespace, a: Array) -> Array:
    """Return log Σ e^{a_i} along the last axis.

    It is accurate also where one a_i is 0 and the others are far below.

    Examples
    --------
    >>> import numpy as np
    >>> log_sum_exp(np, np.asarray([-50.0, 0.0]))
    array(1.92874985e-22)
    """
    top = xp.max(a, axis=-1, keepdims=True)
    return (top + _log1p_others(xp, a - top))[..., 0]


def log_sum_exp_bregman(xp: Namespace, a: Array, b: Array) -> Array:
    r"""Return log Σ e^{b_i} − log Σ e^{a_i} − Σ p_i (b_i − a_i) ≥ 0 with p = softmax(a).

    It is accurate however close a and b are:

    .. math:: \log\Big(1 + \sum_i p_i \big(e^{δ_i} - 1 - δ_i\big)\Big), \qquad
        δ_i = (b_i - a_i) - \sum_j p_j (b_j - a_j)

    Where an exponential would be large, the logarithm of the sum of p_i e^{δ_i}, all terms of which
    are then below 1, is as accurate.

    Examples
    --------
    >>> import numpy as np
    >>> value = log_sum_exp_bregman(np, np.asarray([0.0, 0.0]), np.asarray([2.0**-40, 0.0]))
    >>> value.item() * 2.0**83  # variance 1/4, halved
    1.0
    """
    change = _centred_change(xp, a, *_difference(b, a))
    close = _centred_log_mean_exp(xp, a, change)
    # A small divergence would be lost in the difference of logarithms of the far form, so the
    # other form keeps it as long as rounding of the changes is small.
    widest = xp.max(xp.abs(change), axis=-1)
    far = (widest > VERY_FAR) | ((widest > FAR) & ~(close <= 1.0))
    return xp.where(far, _far_bregman(xp, a, b), close) if item(xp.any(far)) else close


def _far_bregman(xp: Namespace, a: Array, b: Array) -> Array:
    """Return the divergence from exponents relative to those of the most probable category of a.

    Its probability is left out of the mean, so that large changes are multiplied by small numbers.
    """
    index = xp.arange(a.shape[-1], device=device(a))
    largest, none = index == xp.argmax(a, axis=-1, keepdims=True), xp.zeros_like(a + b)
    a = a - xp.max(a, axis=-1, keepdims=True)
    b = b - xp.sum(xp.where(largest, b, none), axis=-1, keepdims=True)
    linear = xp.sum(xp.where(largest, none, softmax(xp, a) * (a - b)), axis=-1)
    return (log_sum_exp(xp, b) - log_sum_exp(xp, a)) + linear


def log_mean_exp_excess(xp: Namespace, a: Array, change: Array) -> Array:
    """Return log Σ p e^d − Σ p d ≥ 0 with p = softmax(a) and d = ``change``.

    This is :func:`log_sum_exp_bregman` for a caller who knows b − a.

    Examples
    --------
    >>> import numpy as np
    >>> change = np.asarray([2.0**-40, 0.0])
    >>> log_mean_exp_excess(np, np.zeros(2), change).item() * 2.0**83
    1.0
    """
    return _centred_log_mean_exp(xp, a, _centred_change(xp, a, change, xp.zeros_like(change)))


def log_softmax_change(xp: Namespace, a: Array, b: Array) -> Array:
    """Return log softmax(b) − log softmax(a), accurate however close a and b are.

    It is δ less the divergence, in the notation of :func:`log_sum_exp_bregman`.

    Examples
    --------
    >>> import numpy as np
    >>> log_softmax_change(np, np.asarray([3.0, 0.0]), np.asarray([3.0 + 2.0**-40, 0.0])) * 2.0**40
    array([ 0.04742587, -0.95257413])
    """
    change = _centred_change(xp, a, *_difference(b, a))
    return change - _centred_log_mean_exp(xp, a, change)[..., None]


def simplex_distance(xp: Namespace, a: Array, b: Array) -> Array:
    r"""Return 2 arccos Σ √(p_i q_i) of p = softmax(a) and q = softmax(b).

    It is the length of a great circle on the sphere of radius 2.

    It is 4 arcsin(½‖√q − √p‖), which is accurate for the closest p and q too, with √q − √p = √p
    (e^{½ log(q/p)} − 1).

    Examples
    --------
    >>> import numpy as np
    >>> near = np.asarray([2.0**-40, 0.0])
    >>> simplex_distance(np, np.zeros(2), near).item() * 2.0**41  # standard deviation 1/2
    1.0
    """
    ratio = 0.5 * log_softmax_change(xp, a, b)
    root_p, root_q = xp.sqrt(softmax(xp, a)), xp.sqrt(softmax(xp, b))
    near = xp.abs(ratio) < 1.0
    step = xp.where(
        near, root_p * xp.expm1(xp.where(near, ratio, xp.zeros_like(ratio))), root_q - root_p
    )
    chord = xp.sqrt(xp.sum(step * step, axis=-1))
    return 4.0 * xp.asin(xp.minimum(0.5 * chord, xp.full_like(chord, math.sqrt(0.5))))


def _difference(b: Array, a: Array) -> tuple[Array, Array]:
    """Return b − a, rounded, and its rounding error (Knuth)."""
    change = b - a
    shift = change - b
    return change, (b - (change - shift)) - (a + shift)


def _centred_change(xp: Namespace, a: Array, change: Array, error: Array) -> Array:
    """Return the change less its mean.

    The mean is taken off twice, so that its rounding error is that of the result.
    """
    p = softmax(xp, a)
    change = (change - xp.sum(p * change, axis=-1, keepdims=True)) + error
    return change - xp.sum(p * change, axis=-1, keepdims=True)


def _centred_log_mean_exp(xp: Namespace, a: Array, change: Array) -> Array:
    """Logarithm of Σ p e^δ for δ with mean zero, p = softmax(a)."""
    p = softmax(xp, a)
    exponent = log_softmax(xp, a) + change
    near = xp.max(exponent, axis=-1, keepdims=True) < 1.0
    small = xp.abs(change) < 1.0
    none = xp.zeros_like(change)
    growth = xp.exp(xp.where(near, exponent, none))
    excess = xp.where(
        small, p * expm1_remainder(xp, xp.where(small, change, none)), growth - p * (1.0 + change)
    )
    total = xp.sum(xp.where(near, excess, none), axis=-1)
    return xp.where(near[..., 0], xp.log1p(total), log_sum_exp(xp, exponent))


def _log1p_others(xp: Namespace, shifted: Array) -> Array:
    """Return log Σ e^{s_i} for exponents of which the largest is 0, with the last axis kept."""
    index = xp.arange(shifted.shape[-1], device=device(shifted))
    largest = index == xp.argmax(shifted, axis=-1, keepdims=True)
    return xp.log1p(
        xp.sum(xp.where(largest, xp.zeros_like(shifted), xp.exp(shifted)), axis=-1, keepdims=True)
    )
