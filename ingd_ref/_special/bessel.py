r"""Modified Bessel functions I_ν(κ) through their ratio R = I_{ν+1}/I_ν, for ν ≥ 0 and κ ≥ 0.

Two numbers carry everything, t and e > 0 below; with α = ν + ½ nothing that is built from them
cancels (the form is Amos's, 1974):

.. math::
    R(\kappa) &= \frac{\kappa}{\alpha + t}, \quad
        t = \sqrt{\kappa^2 + \alpha(\alpha + 1) + e}, \qquad 0 < e \le \alpha + 1 \\
    R'(\kappa) &= \frac{\alpha + e}{(\alpha + t)^2}, \qquad
        1 - R = \frac{\alpha + (\alpha^2 + \alpha + e)/(t + \kappa)}{\alpha + t}

The recurrence R_ν = 1/(2(ν+1)/κ + R_{ν+1}) becomes, with c = ν + 3/2 and g = (c + e₊)/(c + t₊) from
the order above,

.. math:: t = t_+ - g, \qquad e = \frac{2c^2 - (t_+ - c)\, e_+}{t_+ + c} + g^2

and damps errors. It starts at an order where the expansion in powers of 1/s, s² = κ² + m², holds
for every κ: the formal solution of Riccati's equation y² + κy′ = s² of y = κ (log I_m)′, which is t
− ½ of the order m − 1.

The logarithm is L(κ) = log(Γ(ν+1) (2/κ)^ν I_ν(κ)), the one that vanishes at κ = 0; L′ = R. It is
close to M(κ) = T − α log(α + T) with T² = κ² + α(α + 1), and J = L − M − const tends to 0 for large
κ, steadily from order to order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

from ingd_ref._special.logarithm import log_remainder
from ingd_ref.backend._namespace import Array, Namespace, to_backend

__all__ = [
    "BesselRatio",
    "bessel_ratio",
    "bessel_ratio_curvature",
    "inverse_bessel_ratio",
    "log_bessel",
    "reduced_log_bessel",
    "reduced_log_bessel_bregman",
]

# From order 20 on, fourteen terms of the series leave 1e-16 in log I and less in e.
SERIES_ORDER = 20
SERIES_TERMS = 14
# Gauss's rule on [a, b] converges like ρ⁻²ⁿ, where (ρ + 1/ρ)/2 is the sum of the distances of the
# nearest singularity of R′ from a and b over b − a. The singularities are zeros of I_ν, which are
# imaginary and larger than √((ν+1)(ν+5)). For 2.2: ρ = 4.2, ρ⁻²⁸ = 5e-18.
NODES = 14
NEAR = 2.2
# The start is within 2 % of the root; Newton's iteration brings that to 8e-5 and 4e-9 at ν = 0, the
# third step to rounding.
NEWTON_STEPS = 3


@dataclass(frozen=True)
class BesselRatio:
    """The ratio R = I_{ν+1}/I_ν at κ and what follows from it, to a few units in the last place.

    Parameters
    ----------
    value : array (...)
        R in [0, 1).
    complement : array (...)
        1 − R, about (ν + ½)/κ for large κ.
    over_argument : array (...)
        R/κ, also at κ = 0, where it is 1/(2ν + 2).
    slope : array (...)
        R′, about (ν + ½)/κ² for large κ.
    anisotropy : array (...)
        R/κ − R′ ≥ 0, about κ²/(4(ν + 1)²(ν + 2)) for small κ.
    """

    value: Array
    complement: Array
    over_argument: Array
    slope: Array
    anisotropy: Array


def bessel_ratio(xp: Namespace, order: float, kappa: Array) -> BesselRatio:
    """Return I_{ν+1}(κ)/I_ν(κ) for κ ≥ 0, with its derivative, complement and quotients.

    Examples
    --------
    >>> import numpy as np
    >>> ratio = bessel_ratio(np, 0.5, np.asarray([1e-300, 1.0, 1e300]))  # coth κ − 1/κ
    >>> ratio.value, ratio.complement[-1].item()
    (array([3.33333333e-301, 3.13035285e-001, 1.00000000e+000]), 1e-300)
    """
    alpha = order + 0.5
    t, e, above, drop = _ratio_state(xp, order, kappa)
    # The recurrence 1/(2ν + 2 + κR₊).
    over = 1.0 / (2.0 * order + 2.0 + kappa * (kappa * above))
    ratio = kappa * over
    return BesselRatio(
        value=ratio,
        complement=(alpha + (alpha * (alpha + 1.0) + e) / (t + kappa)) / (alpha + t),
        over_argument=over,
        slope=(alpha + e) / (alpha + t) / (alpha + t),
        anisotropy=ratio * ratio * (1.0 + drop) * above,  # R² (R₊/κ + R₊′)
    )


def bessel_ratio_curvature(xp: Namespace, order: float, kappa: Array) -> Array:
    """Return the second derivative R″ ≤ 0 of R = I_{ν+1}/I_ν.

    It is about −3κ/(4(ν + 1)²(ν + 2)) for small κ and −(2ν + 1)/κ³ for large κ.

    It is R′ (e′/(α + e) − 2t′/(α + t)), where neither term is positive; e′ and t′ go through the
    recurrence of e and t.

    Examples
    --------
    >>> import numpy as np
    >>> bessel_ratio_curvature(np, 0.5, np.asarray([1e-6, 1.0, 1e6]))  # of coth κ − 1/κ
    array([-1.33333333e-07, -9.85629805e-02, -2.00000000e-18])
    """
    m = order + _start(order)
    s = xp.hypot(kappa, xp.full_like(kappa, m))
    e = _excess(xp, m, kappa)
    e_rate = kappa / s / s * (_series(xp, _rate_coefficients(), m, kappa) - m * (m / s))
    for step in range(_start(order) - 1, -1, -1):
        c = order + step + 0.5
        t = xp.hypot(kappa, xp.sqrt(c * (c + 1.0) + e))
        t_rate, inverse = kappa / t + 0.5 * e_rate / t, 1.0 / (t + c)
        if step > 0:
            drop, part = (c + e) * inverse, (2.0 * c * c - (t - c) * e) * inverse
            drop_rate = (e_rate - drop * t_rate) * inverse
            e_rate = 2.0 * drop * drop_rate - ((e + part) * t_rate + (t - c) * e_rate) * inverse
            e = part + drop * drop
    return (e_rate - 2.0 * (c + e) * inverse * t_rate) * inverse * inverse


def inverse_bessel_ratio(xp: Namespace, order: float, ratio: Array, complement: Array) -> Array:
    """Return the κ ≥ 0 with I_{ν+1}(κ)/I_ν(κ) = ``ratio`` in [0, 1).

    Near 1 the result depends on ``complement`` = 1 − ratio > 0 alone.

    With q = α + e the definition of t reads κ = R (α + √(α² + q (1 − R²)))/(1 − R²), where q
    between α and 2α + 1 hardly matters. Newton's iteration in log κ starts there.

    Examples
    --------
    >>> import numpy as np
    >>> known = bessel_ratio(np, 0.0, np.asarray([0.0, 1e-6, 2.0, 1e20]))
    >>> inverse_bessel_ratio(np, 0.0, known.value, known.complement)
    array([0.e+00, 1.e-06, 2.e+00, 1.e+20])
    """
    alpha = order + 0.5
    width = complement * (1.0 + ratio)  # 1 − R²
    kappa = (
        ratio * (alpha + xp.sqrt(alpha * alpha + (alpha + (alpha + 1.0) * width) * width)) / width
    )
    some = ratio > 0
    for _ in range(NEWTON_STEPS):
        t, e, _, _ = _ratio_state(xp, order, kappa)
        over = 1.0 / (alpha + t)
        value = kappa * over
        excess = (alpha + (alpha * (alpha + 1.0) + e) / (t + kappa)) * over - complement
        missing = xp.where(ratio < 0.5, ratio - value, excess)
        rate = (alpha + e) * over * value  # κR′
        kappa = kappa * xp.exp(missing / xp.where(some, rate, xp.ones_like(rate)))
    return kappa


def reduced_log_bessel(xp: Namespace, order: float, kappa: Array) -> Array:
    """Return L(κ) = log(Γ(ν+1) (2/κ)^ν I_ν(κ)) ≥ 0 for κ ≥ 0.

    It is about κ²/(4ν + 4) for small κ and κ for large κ.

    Examples
    --------
    >>> import numpy as np
    >>> reduced_log_bessel(np, 0.5, np.asarray([0.0, 1e-10, 1.0, 1e10]))  # log(sinh κ / κ)
    array([0.00000000e+00, 1.66666667e-21, 1.61439362e-01, 9.99999998e+09])
    """
    return reduced_log_bessel_bregman(xp, order, xp.zeros_like(kappa), kappa, kappa)


def log_bessel(xp: Namespace, order: float, kappa: Array) -> Array:
    """Return log I_ν(κ) for κ > 0.

    The error is a few units in the last place of the larger of log Γ(ν + 1) and ν log κ.

    Examples
    --------
    >>> import numpy as np
    >>> log_bessel(np, 0.0, np.asarray([1.0, 1000.0])).round(8)
    array([2.35914360e-01, 9.95627309e+02])
    """
    return (
        reduced_log_bessel(xp, order, kappa)
        + order * xp.log(0.5 * kappa)
        - math.lgamma(order + 1.0)
    )


def reduced_log_bessel_bregman(
    xp: Namespace, order: float, a: Array, b: Array, difference: Array
) -> Array:
    r"""Return L(b) − L(a) − (b − a) R(a) ≥ 0 for a, b ≥ 0, given also b − a = ``difference``.

    It is accurate however close a and b are, if the difference is. Near each other, by Gauss's rule
    with a positive integrand; else by the same remainder of M, which is closed, and the remainder
    of J, which is small next to it:

    .. math::
        B_L(a, b) &= (b - a)^2 \int_0^1 (1 - \sigma)\, R'(a + \sigma(b - a))\, d\sigma \\
                  &= \alpha\,\tau\Big(\frac{T_b - T_a}{\alpha + T_a}\Big)
                      + \frac{\alpha(\alpha+1)(b - a)^2}{(\alpha + T_a)(T_a T_b + ab
                     + \alpha(\alpha+1))} + J(b) - J(a) - (b - a) J'(a), \quad
                         \tau(y) = y - \log(1 + y)

    Examples
    --------
    >>> import numpy as np
    >>> a = np.asarray(1e8)
    >>> b = np.asarray([1e8 - 2.0**-13, 1e8, 2e8])  # about ½ (b/a − 1 − log(b/a))
    >>> [f"{value:.4e}" for value in reduced_log_bessel_bregman(np, 0.0, a, b, b - a).tolist()]
    ['3.7253e-25', '0.0000e+00', '1.5343e-01']
    """
    alpha = order + 0.5
    zero = math.sqrt((order + 1.0) * (order + 5.0))
    bound = xp.full_like(difference, zero)
    near = xp.hypot(a, bound) + xp.hypot(b, bound) > NEAR * xp.abs(difference)
    (low_t, low_j), (high_t, high_j) = _log_state(xp, order, a), _log_state(xp, order, b)
    square = alpha * (alpha + 1.0)
    (t, e, _, _), step = _ratio_state(xp, order, a), difference / (alpha + low_t)
    growth = difference * ((a + b) / (low_t + high_t)) / (alpha + low_t)  # (T_b − T_a)/(α + T_a)
    main = alpha * log_remainder(xp, (alpha + high_t) / (alpha + low_t), growth)
    main = main + square * step * (difference / low_t / (high_t + b * (a / low_t) + square / low_t))
    rest = high_j - low_j + step * (a / (alpha + t)) * (e / (low_t + t))  # −J′(a) = M′(a) − R(a)
    return xp.where(near, _gauss(xp, order, a, difference), main + rest)


def _gauss(xp: Namespace, order: float, a: Array, difference: Array) -> Array:
    """(b − a)² ∫ (1 − σ) R′(a + σ(b − a)) dσ."""
    nodes, weights = (to_backend(host, like=a) for host in _rule())
    t, e, _, _ = _ratio_state(xp, order, a[..., None] + nodes * difference[..., None])
    step = difference[..., None] / (order + 0.5 + t)
    return xp.sum(weights * (order + 0.5 + e) * step * step, axis=-1)


@cache
def _rule() -> tuple[np.ndarray, np.ndarray]:
    """Nodes σ on [0, 1], and weights times 1 − σ."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return 0.5 + 0.5 * nodes, 0.25 * weights * (1.0 - nodes)


def _start(order: float) -> int:
    """Number of steps of the recurrence; two at least, for what is needed of order ν + 1."""
    return max(2, math.ceil(SERIES_ORDER - order))


def _ratio_state(xp: Namespace, order: float, kappa: Array) -> tuple[Array, Array, Array, Array]:
    """Return t and e of order ν, and 1/(c + t₊) and g of the order above it."""
    steps = _start(order)
    e = _excess(xp, order + steps, kappa)
    c = order + steps - 0.5
    t = xp.hypot(kappa, xp.sqrt(c * (c + 1.0) + e))
    lead = kappa * (kappa / (t + c)) + (c + e) / (t + c)  # t − c, which is about 1 where κ is small
    for step in range(steps - 1, 0, -1):
        c = order + step + 0.5
        inverse = 1.0 / (2.0 * c + lead)
        drop = (c + e) * inverse
        e = (2.0 * c * c - lead * e) * inverse + drop * drop
        lead = lead + (1.0 - drop)
    c = order + 0.5
    return xp.hypot(kappa, xp.sqrt(c * (c + 1.0) + e)), e, inverse, drop


def _log_state(xp: Namespace, order: float, kappa: Array) -> tuple[Array, Array]:
    """Return T and J of order ν.

    In J₋ − J = (T − T₋) − α₋ log((α + T)/(α₋ + T₋)) − log((α + T)/(α₋ + t₋)) every term is small
    for large κ, and so it is in J itself at the order where the series starts.
    """
    m = order + _start(order)
    s, upper = xp.hypot(kappa, xp.full_like(kappa, m)), _main(xp, m, kappa)
    gap = (2.0 * m + 0.75) / (s + upper)  # T − s
    j = 0.5 * xp.log1p((m + 0.5 + gap) / s) + m * xp.log1p((0.5 + gap) / (m + s)) - gap
    j = j + _series(xp, _log_coefficients(), m, kappa) / s
    e = _excess(xp, m, kappa)
    for step in range(_start(order) - 1, -1, -1):
        alpha = order + step + 0.5
        lower = _main(xp, order + step, kappa)
        t = xp.hypot(kappa, xp.sqrt(alpha * (alpha + 1.0) + e))
        gap = 2.0 * (alpha + 1.0) / (upper + lower)
        loss = xp.log1p((1.0 + (2.0 * (alpha + 1.0) - e) / (upper + t)) / (alpha + t))
        j = j + (gap - alpha * xp.log1p((1.0 + gap) / (alpha + lower)) - loss)
        drop = (alpha + e) / (alpha + t)
        e = (2.0 * alpha * alpha - (t - alpha) * e) / (alpha + t) + drop * drop
        upper = lower
    return upper, j


def _main(xp: Namespace, order: float, kappa: Array) -> Array:
    """T of any order."""
    return xp.hypot(kappa, xp.full_like(kappa, math.sqrt((order + 0.5) * (order + 1.5))))


# The expansion in powers of 1/s: y = Σ s^{1−k} f_k(b), b = m²/s², with polynomials f_k by
# recurrence
# ----------------------------------------

Polynomial = tuple[Fraction, ...]


def _excess(xp: Namespace, m: float, kappa: Array) -> Array:
    """The e of order m − 1, where the series holds."""
    return m * (m / xp.hypot(kappa, xp.full_like(kappa, m))) + _series(
        xp, _ratio_coefficients(), m, kappa
    )


def _series(
    xp: Namespace, coefficients: tuple[tuple[float, ...], ...], m: float, kappa: Array
) -> Array:
    """Sum of s⁻ᵏ P_k(m²/s²) over k = 0, 1, …, by Horner's rule in both."""
    inverse = 1.0 / xp.hypot(kappa, xp.full_like(kappa, m))
    b = (m * inverse) ** 2
    total = xp.zeros_like(kappa)
    for polynomial in reversed(coefficients):
        value = xp.zeros_like(kappa)
        for coefficient in reversed(polynomial):
            value = value * b + coefficient
        total = total * inverse + value
    return total


@cache
def _riccati(terms: int) -> tuple[Polynomial, ...]:
    """f₀ … f_terms of the formal solution y of y² + κy′ = s²."""
    found: list[Polynomial] = [(Fraction(1),)]
    for k in range(1, terms + 1):
        products = [_times(found[i], found[k - i]) for i in range(1, k)]
        total = _plus(_derivative(k - 1, found[k - 1]), *products)
        found.append(tuple(-c / 2 for c in total))
    return tuple(found)


@cache
def _ratio_coefficients() -> tuple[tuple[float, ...], ...]:
    """Return the coefficients of s⁰, s⁻¹, … in e = y + ½ − κy′ below order m; that of s is b."""
    powers = []
    for k, f in enumerate(_riccati(SERIES_TERMS)[1:], 1):
        negative = tuple(-c for c in _derivative(k, f))
        powers.append(_plus(f, negative, (Fraction(1, 2),) if k == 1 else ()))
    return tuple(tuple(float(c) for c in p) for p in powers)


@cache
def _rate_coefficients() -> tuple[tuple[float, ...], ...]:
    """Coefficients of e′ s²/κ: those of s d/ds, at a given m, of the powers of e."""
    return tuple(
        tuple(-(k + 2 * i) * c for i, c in enumerate(p))
        for k, p in enumerate(_ratio_coefficients())
    )


@cache
def _log_coefficients() -> tuple[tuple[float, ...], ...]:
    """Return the coefficients of s⁻¹, s⁻², … in log I_m = ∫ y dκ/κ = ∫ y ds/(s (1 − b)).

    Each f_k but the first has the factor 1 − b.
    """
    powers = []
    for k, f in enumerate(_riccati(SERIES_TERMS)[2:], 2):
        quotient = [sum(f[: i + 1], Fraction(0)) for i in range(len(f))]
        powers.append(tuple(float(-c / (k - 1 + 2 * i)) for i, c in enumerate(quotient)))
    return tuple(powers)


def _derivative(k: int, f: Polynomial) -> Polynomial:
    """The polynomial of κ d/dκ (s^{1−k} f(b)), which is s^{1−k} (1 − b) ((1 − k) f − 2bf′)."""
    return _times((Fraction(1), Fraction(-1)), tuple((1 - k - 2 * i) * c for i, c in enumerate(f)))


def _times(p: Polynomial, q: Polynomial) -> Polynomial:
    product = [Fraction(0)] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return tuple(product)


def _plus(*polynomials: Polynomial) -> Polynomial:
    size = max(len(p) for p in polynomials)
    return tuple(sum((p[i] for p in polynomials if i < len(p)), Fraction(0)) for i in range(size))
