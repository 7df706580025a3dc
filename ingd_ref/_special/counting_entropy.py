r"""Entropies of counting distributions, as integrals of non-negative functions.

With the generating function G(s) = E e^{−sX} and the Laplace transforms of the functions that occur
in −log P(X = x),

.. math::
    \log x! - x\log x + x = \int_0^\infty (1 - e^{-xs})\, k(s)\, ds, \quad
    x\log x = \int_0^\infty \big(e^{-xs} - 1 + x (1 - e^{-s})\big)\, \frac{ds}{s^2}, \quad
    \log x = \int_0^\infty (e^{-s} - e^{-xs})\, \frac{ds}s

where k(s) = (1/s)(1/s − 1/(e^s − 1)), the entropies are, term by term,

.. math::
    H_\mathrm{Poisson} &= \int_0^\infty (1 - G)\, k + (G - e^{-λs}) s^{-2}\, ds \\
    H_\mathrm{NB} &= \int_0^\infty (1 - e^{-rs}) \big[(1 - G)\, k + (G - e^{-μs}) s^{-2}\big]
        + e^{-rs} (1 - G) s^{-1}\, ds \\
    H_\mathrm{multinomial} &= \int_0^\infty \big[\textstyle\sum_i (1 - G_i) - (1 - e^{-ns})\big] k
        + \sum_i (G_i - e^{-n p_i s}) s^{-2}\, ds

where G_i belongs to the count i, which is binomial. In w = log s every integrand is analytic for
|Im w| < π/2 and falls off exponentially at both ends, so that the trapezoidal rule with step h has
an error of e^{−π²/h}.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ingd_ref._special.double_words import two_sum
from ingd_ref._special.logarithm import t_minus_log1p
from ingd_ref.backend._namespace import Array, Namespace, device, item

__all__ = ["multinomial_entropy", "negative_binomial_entropy", "poisson_entropy"]

# Numbers of successes beyond which the limits of the entropy are exact in floats.
FEW, MANY = 1e-25, 1e40
# Sums of probabilities below which the counts of these categories take larger s to resolve.
RARE = 1e-3
# From here on e^{−s} is far below any sum of probabilities that the integral is used for.
LONG = 80.0


def poisson_entropy(xp: Namespace, rate: Array) -> Array:
    """Return the entropy of the Poisson distribution with mean ``rate`` > 0.

    Examples
    --------
    >>> import numpy as np
    >>> poisson_entropy(np, np.asarray([1.0, 1e8])).round(10)
    array([ 1.30484224, 10.6292789 ])
    """
    eps = float(xp.finfo(rate.dtype).eps)
    inner = xp.clip(rate, eps, 1.0 / eps)

    def integrand(s: float) -> Array:
        lost = -inner * math.expm1(-s)  # −log G
        return (
            -xp.expm1(-lost) * _kernel(s)
            + _above(xp, lost, inner * s, inner * _remainder(s)) / s / s
        )

    entropy = _integral(xp, integrand, inner, smallest=eps, largest=1.0 / eps) + 0.5 * xp.log(
        xp.maximum(rate / inner, xp.ones_like(rate))
    )
    return xp.where(rate < eps, rate * (1.0 - xp.log(rate)), entropy)


def negative_binomial_entropy(xp: Namespace, size: float, odds: Array) -> Array:
    """Return the entropy of the negative binomial distribution with r = ``size`` and mean r · odds.

    Examples
    --------
    >>> import numpy as np
    >>> odds = np.asarray([1.0, 1e8])  # geometric: 2 log 2, and 1 + log(10⁸)
    >>> negative_binomial_entropy(np, 1.0, odds).round(10)
    array([ 1.38629436, 19.42068075])
    """
    if size > MANY:
        return _entropy_of_many_successes(xp, size, odds)
    if size < FEW:
        return _entropy_of_few_successes(xp, size, odds)
    info = xp.finfo(odds.dtype)
    lower = float(info.eps) / max(size, 1.0)
    # Below r = 1 the probability of 0, about odds⁻ʳ, delays the limit of a continuous quantity.
    upper = 1.0 / float(info.eps)
    if size < 1.0:
        upper = float(info.max) ** (0.8 if item(xp.any(odds > float(info.max) ** 0.2)) else 0.2)
    inner = xp.clip(odds, lower, upper)
    mean = size * inner

    def integrand(s: float) -> Array:
        z = -inner * math.expm1(-s)
        lost = size * xp.log1p(z)
        above = _above(xp, lost, mean * s, size * (inner * _remainder(s) + t_minus_log1p(xp, z)))
        below = -xp.expm1(-lost)
        return (
            -math.expm1(-size * s) * (below * _kernel(s) + above / s / s)
            + math.exp(-size * s) * below / s
        )

    entropy = _integral(
        xp,
        integrand,
        odds,
        smallest=1.0 / upper / upper / size if size >= 1.0 else 1.0 / upper,
        largest=1.0 / (size * lower),
    )
    entropy = entropy + xp.log(xp.maximum(odds / inner, xp.ones_like(odds)))
    return xp.where(odds < lower, size * odds * (1.0 - xp.log(size * odds)), entropy)


def _entropy_of_many_successes(xp: Namespace, size: float, odds: Array) -> Array:
    """A Poisson entropy up to means of 1/u, and a normal one beyond, for r above 1/u²."""
    eps = float(xp.finfo(odds.dtype).eps)
    mean = size * xp.minimum(odds, xp.full_like(odds, 1.0 / eps / size))
    normal = 0.5 * (
        math.log(2.0 * math.pi * math.e) + math.log(size) + xp.log(odds) + xp.log1p(odds)
    )
    return xp.where(size * odds < 1.0 / eps, poisson_entropy(xp, mean), normal)


def _entropy_of_few_successes(xp: Namespace, size: float, odds: Array) -> Array:
    """First order in r: r [L (1 − log r) + m log(1 + 1/m) + Σ qˣ log(x)/x], L = log(1 + m).

    The sum is the integral of (log(1 + m (1 − e^{−s})) − (1 − e^{−s}) L)/s.
    """
    most = float(xp.finfo(odds.dtype).max) ** 0.8
    inner = xp.clip(odds, max=most)
    logarithm = xp.log1p(inner)

    def integrand(s: float) -> Array:
        share = -math.expm1(-s)
        return (xp.log1p(inner * share) - share * logarithm) / s

    total = _integral(xp, integrand, odds, smallest=1.0 / most, largest=1.0)
    excess = xp.log1p(odds) - logarithm
    # Beyond, the derivative of the sum by L is L − γ.
    total = total + excess * (logarithm + 0.5 * excess - np.euler_gamma)
    total = xp.maximum(total, xp.zeros_like(total))
    logarithm = xp.log1p(odds)
    return size * (logarithm * (1.0 - math.log(size)) + odds * xp.log1p(1.0 / odds) + total)


def multinomial_entropy(xp: Namespace, trials: int, probabilities: Array) -> Array:
    """Return the entropy of the multinomial distribution, ``probabilities`` (..., K) > 0.

    Its error is a few units in the last place: the generating function of the most probable count
    is written in the sum r of the other probabilities, G = e^{−ns} (1 + r (eˢ − 1))ⁿ.

    Examples
    --------
    >>> import numpy as np
    >>> round(multinomial_entropy(np, 2, np.asarray([0.5, 0.5])).item(), 12)  # 3/2 log 2
    1.03972077084
    >>> multinomial_entropy(np, 1, np.asarray([1.0, 1e-30])).item()  # 1e-30 (1 + log 10³⁰)
    7.007755278982137e-29
    """
    eps = float(xp.finfo(probabilities.dtype).eps)
    index = xp.arange(probabilities.shape[-1], device=device(probabilities))
    largest = index == xp.argmax(probabilities, axis=-1, keepdims=True)
    none = xp.zeros_like(probabilities)
    others = xp.where(largest, none, probabilities)
    rest = xp.sum(others, axis=-1)

    def integrand(s: float) -> Array:
        parts = _multinomial_integrand(xp, trials, others, s)
        return parts + _largest_integrand(xp, trials, rest, s)

    entropy = _integral(xp, integrand, rest, smallest=1.0 / trials, largest=1.0)
    rare = rest < RARE
    if item(xp.any(rare)):
        # The counts of rare categories differ from a Poisson variable's only beyond s = 1/r.
        longer = _integral(xp, integrand, rest, smallest=1.0 / trials, largest=1.0 / eps)
        entropy = xp.where(rare, longer, entropy)
    means = trials * xp.where(others > 0, others, xp.ones_like(others))
    single = xp.where(others > 0, means * (1.0 - xp.log(means)), none)
    return xp.where(trials * rest < eps, xp.sum(single, axis=-1), entropy)


def _multinomial_integrand(xp: Namespace, trials: int, probabilities: Array, s: float) -> Array:
    """Σ_i (1 − G_i) k + (G_i − e^{−n p_i s}) s⁻²."""
    z = probabilities * math.expm1(-s)
    lost = -trials * xp.log1p(z)
    difference = trials * (probabilities * _remainder(s) - t_minus_log1p(xp, z))
    above = _above(xp, lost, trials * probabilities * s, difference)
    return xp.sum(-xp.expm1(-lost) * _kernel(s) + above / s / s, axis=-1)


def _largest_integrand(xp: Namespace, trials: int, rest: Array, s: float) -> Array:
    """Return (e^{−ns} − G) k + (G − e^{−nps}) s⁻² for p = 1 − ``rest``."""
    if s > LONG:
        power = trials * xp.log(rest)
        below, above = -xp.exp(power), xp.exp(power) - xp.exp(-trials * s * (1.0 - rest))
    else:
        z = rest * math.expm1(s)
        gain = trials * xp.log1p(z)
        small = gain < 1.0
        below = -(xp.exp(gain - trials * s) - math.exp(-trials * s))
        near = xp.expm1(xp.where(small, gain, xp.zeros_like(gain)))
        below = xp.where(small, -math.exp(-trials * s) * near, below)
        difference = trials * (rest * (math.expm1(s) - s) - t_minus_log1p(xp, z))
        if s < 1.0:
            difference = trials * (rest * _growth(s) - t_minus_log1p(xp, z))
        else:
            difference = xp.where(z < 0.5, difference, gain - trials * s * rest)
        above = _above(xp, trials * s - gain, trials * s * (1.0 - rest), difference)
    return below * _kernel(s) + above / s / s


def _integral(
    xp: Namespace, integrand: Callable[[float], Array], like: Array, smallest: float, largest: float
) -> Array:
    """Integrate by the trapezoidal rule in log s.

    Beyond s = ``smallest`` and ``largest`` the integrand falls off like s and 1/s.
    """
    digits = -math.log(xp.finfo(like.dtype).eps) + 2.0
    # Multiples of 2⁻¹⁰, so that the nodes are exact. The poles of k at ±2πi, on the edge of the
    # strip, multiply the error by thirty.
    step = math.floor(math.pi**2 / (digits + 4.0) * 1024.0) / 1024.0
    start = math.floor((math.log(smallest) - digits) * 1024.0) / 1024.0
    end = math.log(largest) + digits
    total, error = xp.zeros_like(like), xp.zeros_like(like)
    for node in range(math.ceil((end - start) / step)):
        s = math.exp(start + step * node)
        total, lost = two_sum(total, integrand(s) * (s * step))
        error = error + lost
    return total + error


def _above(xp: Namespace, lost: Array, mean: Array, difference: Array) -> Array:
    """G − e^{−μs} ≥ 0, given −log G, μs and their difference μs + log G ≥ 0."""
    near = difference < 1.0
    return xp.where(
        near,
        xp.exp(-mean) * xp.expm1(xp.where(near, difference, xp.zeros_like(difference))),
        xp.exp(-lost) - xp.exp(-mean),
    )


def _kernel(s: float) -> float:
    """k(s) = (e^s − 1 − s)/(s² (e^s − 1))."""
    if s > 40.0:
        return 1.0 / s / s
    remainder = (
        math.expm1(s) - s if s > 1.0 else sum(s**k / math.factorial(k) for k in range(20, 1, -1))
    )
    return remainder / s / s / math.expm1(s)


def _growth(s: float) -> float:
    """eˢ − 1 − s for s < 1."""
    return sum(s**k / math.factorial(k) for k in range(20, 1, -1))


def _remainder(s: float) -> float:
    """e^{−s} − 1 + s."""
    return (
        math.expm1(-s) + s
        if s > 1.0
        else sum((-s) ** k / math.factorial(k) for k in range(20, 1, -1))
    )
