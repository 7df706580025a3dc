r"""The gamma function and its logarithmic derivatives, less their leading asymptotic terms.

Four functions of a > 0, all positive, carry the others (ψ is the digamma function, ψ′ the trigamma
function):

.. math::
    \varphi(a) &= \log a - \psi(a)                                    & \varphi(a) &= \varphi(a+1)
        + 1/a - \log(1 + 1/a) \\
    \chi(a) &= \psi'(a) - 1/a                                         & \chi(a) &= \chi(a+1)
        + 1/(a^2 (a+1)) \\
    J(a) &= \log\Gamma(a) - (a - ½)\log a + a - ½\log 2\pi            & J(a) &= J(a+1) + (a
        + ½)\log(1 + 1/a) - 1 \\
    S(a) &= \log\Gamma(a) - a\log a + a = ½\log(2\pi/a)
        + J(a)        & S'(a) &= -\varphi(a), \quad S''(a) = \chi(a)

The steps of the recurrences are positive too, so nothing cancels; from a = 10 on Stirling's series
is used. The Bregman remainder B(a, b) = S(b) − S(a) − (b − a) S′(a) is additive over the same
decomposition, and each of its parts is again a positive closed form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ingd_ref._special._compiled import compiled_when_large
from ingd_ref._special.logarithm import log_remainder
from ingd_ref.backend._namespace import Array, Namespace

__all__ = [
    "digamma",
    "inverse_digamma",
    "inverse_log_minus_digamma",
    "lgamma",
    "lgamma_bregman",
    "log_minus_digamma",
    "reduced_lgamma",
    "reduced_lgamma_bregman",
    "stirling_remainder",
    "tetragamma",
    "trigamma",
    "trigamma_excess",
]

# From a = 10 on, nine terms of Stirling's series leave a relative error of 2|B₂₀|/10¹⁹ = 1e-16 in
# χ, and less in φ and J.
SHIFT = 10
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
LOG_2PI = math.log(2.0 * math.pi)
# Newton's iterations below start within 1.5 % and 7 % of their roots. In logarithmic coordinates,
# where both functions are almost straight, the errors of the first are 4e-6, 4e-13 and rounding
# after one, two and three steps; those of the second 2e-3, 1e-6, 5e-13 and rounding.
GAP_STEPS = 3
DIGAMMA_STEPS = 4


@compiled_when_large
def log_minus_digamma(xp: Namespace, a: Array) -> Array:
    """Return φ(a) = log a − ψ(a) > 0: about 1/a for small a and 1/(2a) for large a.

    Examples
    --------
    >>> import numpy as np
    >>> log_minus_digamma(np, np.asarray([1.0, 1e8]))
    array([5.77215665e-01, 5.00000001e-09])
    """
    coefficients = [bernoulli / (2 * k) for k, bernoulli in enumerate(BERNOULLI, 1)]
    return _descend(
        xp,
        a,
        lambda x: 1.0 / x - xp.log1p(1.0 / x),
        lambda x: 0.5 / x + _even_series(xp, coefficients, x),
    )


@compiled_when_large
def trigamma_excess(xp: Namespace, a: Array) -> Array:
    """Return aψ′(a) − 1 > 0: about 1/a for small a and 1/(2a) for large a.

    It gives ψ′(a) = (1 + excess)/a.

    Examples
    --------
    >>> import numpy as np
    >>> trigamma_excess(np, np.asarray([1.0, 1e8]))
    array([6.44934067e-01, 5.00000002e-09])
    """
    return _descend(
        xp,
        a,
        lambda x: a / x / x / (x + 1.0),
        lambda x: a / x * (0.5 / x + _even_series(xp, BERNOULLI, x)),
    )


@compiled_when_large
def stirling_remainder(xp: Namespace, a: Array) -> Array:
    """Return Binet's function J(a) = log Γ(a) − (a − ½) log a + a − ½ log 2π > 0.

    It is what is added to terms of size one, so its error is a few units in the last place of 1,
    not of J.

    Examples
    --------
    >>> import numpy as np
    >>> stirling_remainder(np, np.asarray([1.0, 1e8]))
    array([8.10614668e-02, 8.33333333e-10])
    """
    coefficients = [bernoulli / (2 * k * (2 * k - 1)) for k, bernoulli in enumerate(BERNOULLI, 1)]
    return _descend(
        xp,
        a,
        lambda x: (x + 0.5) * xp.log1p(1.0 / x) - 1.0,
        lambda x: x * _even_series(xp, coefficients, x),
    )


def reduced_lgamma(xp: Namespace, a: Array) -> Array:
    """Return S(a) = log Γ(a) − a log a + a, which is convex with S′ = −φ and S″ = ψ′ − 1/a.

    Examples
    --------
    >>> import numpy as np
    >>> reduced_lgamma(np, np.asarray([1.0, 1e8]))
    array([ 1.        , -8.29140184])
    """
    return 0.5 * (LOG_2PI - xp.log(a)) + stirling_remainder(xp, a)


def lgamma(xp: Namespace, a: Array) -> Array:
    """Return log Γ(a) for a > 0, to a few units in the last place of max(1, |log Γ(a)|).

    Examples
    --------
    >>> import numpy as np
    >>> lgamma(np, np.asarray([0.5, 5.0])).round(12)
    array([0.57236494, 3.17805383])
    """
    return a * (xp.log(a) - 1.0) + reduced_lgamma(xp, a)


def digamma(xp: Namespace, a: Array) -> Array:
    """Return ψ(a) for a > 0, with an error of a few units in the last place of max(1, |ψ(a)|).

    Examples
    --------
    >>> import numpy as np
    >>> digamma(np, np.asarray([1.0, 10.0]))
    array([-0.57721566,  2.25175259])
    """
    return xp.log(a) - log_minus_digamma(xp, a)


def trigamma(xp: Namespace, a: Array) -> Array:
    """Return ψ′(a) for a > 0.

    Examples
    --------
    >>> import numpy as np
    >>> trigamma(np, np.asarray([1.0, 10.0]))
    array([1.64493407, 0.10516634])
    """
    return (1.0 + trigamma_excess(xp, a)) / a


def tetragamma(xp: Namespace, a: Array) -> Array:
    """Return ψ″(a) < 0 for a > 0: about −2/a³ for small a and −1/a² for large a.

    Examples
    --------
    >>> import numpy as np
    >>> tetragamma(np, np.asarray([1.0, 1e4]))  # −2ζ(3), −1/a² − 1/a³
    array([-2.40411381e+00, -1.00010001e-08])
    """
    coefficients = [(2 * k + 1) * bernoulli for k, bernoulli in enumerate(BERNOULLI, 1)]
    return -_descend(
        xp,
        a,
        lambda x: 2.0 / x / x / x,
        lambda x: (1.0 + (1.0 / x + _even_series(xp, coefficients, x))) / x / x,
    )


def reduced_lgamma_bregman(xp: Namespace, a: Array, b: Array) -> Array:
    r"""Return S(b) − S(a) + (b − a) φ(a) ≥ 0, the Bregman remainder of :func:`reduced_lgamma`.

    It is accurate however close a and b are.

    .. math:: B(a, b) = \sum_{k<n} (b+k+1)\, T\Big(\frac{b-a}{(a+k)(b+k+1)}\Big)
        + ½ T\Big(\frac{b-a}{a+n}\Big) + B_J(a+n, b+n)

    with T(t) = t − log(1 + t), n such that both a + n and b + n are in the range of Stirling's
    series, and B_J the remainder of that series, whose powers a⁻ᵖ have the remainder (b − a)²/(ab)
    Σ_{i<p} (p − i) aⁱ⁻ᵖ b⁻ⁱ.

    Examples
    --------
    >>> import numpy as np
    >>> remainder = reduced_lgamma_bregman(np, np.asarray(2.0), np.asarray(2.0 + 2.0**-40))
    >>> round(remainder.item() * 2.0**81, 9)  # ψ′(2) − 1/2
    0.144934067
    """
    difference = b - a
    total = xp.zeros_like(difference)
    for _ in range(SHIFT):
        low = (a < SHIFT) | (b < SHIFT)
        step = (b + 1.0) * log_remainder(
            xp, b / a * ((a + 1.0) / (b + 1.0)), difference / a / (b + 1.0)
        )
        total = xp.where(low, total + step, total)
        a = xp.where(low, a + 1.0, a)
        b = xp.where(low, b + 1.0, b)
    return (
        total
        + 0.5 * log_remainder(xp, b / a, difference / a)
        + _stirling_bregman(xp, a, b, difference)
    )


def lgamma_bregman(xp: Namespace, a: Array, b: Array) -> Array:
    """Return log Γ(b) − log Γ(a) − (b − a) ψ(a) ≥ 0, accurate however close a and b are.

    It is that of S plus that of a log a − a, which is b (a/b − 1 − log(a/b)).

    Examples
    --------
    >>> import numpy as np
    >>> remainder = lgamma_bregman(np, np.asarray(1.0), np.asarray(1.0 + 2.0**-40))
    >>> round(remainder.item() * 2.0**81, 9)  # ψ′(1) = π²/6
    1.644934067
    """
    return reduced_lgamma_bregman(xp, a, b) + b * log_remainder(xp, a / b, (a - b) / b)


@compiled_when_large
def inverse_log_minus_digamma(xp: Namespace, gap: Array) -> Array:
    """Return the a > 0 with log a − ψ(a) = ``gap`` > 0.

    The root lies between 1/(2 gap) and 1/gap. Newton's iteration starts at the positive root of
    6ga² + (g − 3)a − 1 for the gap g, which has the right limits at both ends, and the next order
    of φ(a) = 1/(2a) + 1/(12a²) + … too. In logarithmic coordinates the function is almost a
    straight line: the slope of log φ(eᵗ) is between −1.17 and −1, so each step would shrink the
    error fivefold from any start.

    Examples
    --------
    >>> import numpy as np
    >>> inverse_log_minus_digamma(np, log_minus_digamma(np, np.asarray([1e-6, 1.0, 1e6])))
    array([1.e-06, 1.e+00, 1.e+06])
    """
    # √((g − 3)² + 24g), without overflow
    root = xp.sqrt(gap + (9.0 - math.sqrt(72.0))) * xp.sqrt(gap + (9.0 + math.sqrt(72.0)))
    total = root + xp.abs(gap - 3.0)
    a = xp.where(gap < 3.0, total / 12.0 / gap, 2.0 / total)
    for _ in range(GAP_STEPS):
        value = log_minus_digamma(xp, a)
        a = a * xp.exp(xp.log(value / gap) * value / trigamma_excess(xp, a))
    return a


@compiled_when_large
def inverse_digamma(xp: Namespace, y: Array, steps: int = DIGAMMA_STEPS) -> Array:
    """Return the a > 0 with ψ(a) = ``y``.

    Newton's iteration on ψ(eᵗ), started at 1/log(1 + e⁻ʸ), which is eʸ + ½ for large y and −1/y
    near the pole. A caller who iterates himself may want fewer ``steps``: two leave a relative
    error of 1e-6.

    Examples
    --------
    >>> import numpy as np
    >>> inverse_digamma(np, digamma(np, np.asarray([1e-6, 1.0, 1e6])))
    array([1.e-06, 1.e+00, 1.e+06])
    """
    a = 1.0 / xp.where(y < 0, xp.log1p(xp.exp(-xp.abs(y))) - y, xp.log1p(xp.exp(-xp.abs(y))))
    for _ in range(steps):
        a = a * xp.exp((y - digamma(xp, a)) / (1.0 + trigamma_excess(xp, a)))
    return a


def _descend(
    xp: Namespace, a: Array, step: Callable[[Array], Array], series: Callable[[Array], Array]
) -> Array:
    """Evaluate f with f(a) = step(a) + f(a + 1), and f = ``series`` from :data:`SHIFT` on."""
    total = xp.zeros_like(a)
    for _ in range(SHIFT):
        low = a < SHIFT
        total = xp.where(low, total + step(a), total)
        a = xp.where(low, a + 1.0, a)
    return total + series(a)


def _even_series(xp: Namespace, coefficients: Sequence[float], a: Array) -> Array:
    """Sum of cₖ a⁻²ᵏ over k = 1, 2, … by Horner's rule."""
    inverse_square = 1.0 / a / a
    total = xp.zeros_like(a)
    for coefficient in reversed(coefficients):
        total = (total + coefficient) * inverse_square
    return total


def _stirling_bregman(xp: Namespace, a: Array, b: Array, difference: Array) -> Array:
    """Return the Bregman remainder of the series of J, term by term.

    The power a⁻ᵖ contributes (b − a)²/(ab) W_p, with W_p = p a⁻ᵖ + W_{p−1}/b.
    """
    remainders = []
    power, remainder = 1.0 / a, 1.0 / a + xp.zeros_like(difference)
    for k, bernoulli in enumerate(BERNOULLI, 1):
        p = 2 * k - 1
        remainders.append(bernoulli / (2 * k * p) * remainder)
        for following in (p + 1, p + 2):
            power = power / a
            remainder = following * power + remainder / b
    total = xp.zeros_like(difference)
    for term in reversed(remainders):
        total = total + term
    return total * (difference / a) * (difference / b)
