r"""The exponential integral E₁(t) = ∫_t^∞ e⁻ˢ/s ds, scaled by eᵗ against underflow.

Near zero it is −log t − γ and a remainder G; the parts are needed apart where another logarithm
cancels that of t:

.. math::
    e^t E_1(t) &= -\log t - \gamma + G(t), \quad
        G(t) = \sum_{k \ge 1} H_k \frac{t^k}{k!} - (\gamma + \log t)(e^t - 1), \quad
            H_k = 1 + ½ + \dots + 1/k \\
    e^t E_1(t) &= \cfrac{1}{t + \cfrac{1}{1 + \cfrac{1}{t + \cfrac{2}{1 + \cfrac{2}{t + \cdots}}}}}

All terms of the series and all those of the fraction are positive.
"""

from __future__ import annotations

import math

from ingd_ref.backend._namespace import Array, Namespace

__all__ = ["scaled_exponential_integral", "scaled_exponential_integral_excess"]

# Below 1 the series is used: its two parts leave half of the larger there, and the first term left
# out is H₂₀/20! = 1e-18.
SERIES_END = 1.0
SERIES_TERMS = 19
# From 1 on the fraction is used: k levels leave an error of about e^{−4√(kt)}, 1e-17 for 95 levels
# at t = 1.
FRACTION_LEVELS = 95
EULER_GAMMA = 0.5772156649015329


def scaled_exponential_integral(xp: Namespace, t: Array) -> Array:
    """Return eᵗE₁(t) for t > 0: between log(1 + 2/t)/2 and log(1 + 1/t).

    Examples
    --------
    >>> import numpy as np
    >>> scaled_exponential_integral(np, np.asarray([1e-8, 1.0, 1e8]))
    array([1.78434653e+01, 5.96347362e-01, 9.99999990e-09])
    """
    near = t < SERIES_END
    low = xp.where(near, t, xp.ones_like(t))
    return xp.where(near, _excess(xp, low) - (xp.log(low) + EULER_GAMMA), _fraction(t))


def scaled_exponential_integral_excess(xp: Namespace, t: Array) -> Array:
    """Return G(t) = eᵗE₁(t) + log t + γ > 0 for t > 0: about t (1 − γ − log t) for small t.

    Examples
    --------
    >>> import numpy as np
    >>> scaled_exponential_integral_excess(np, np.asarray([1e-8, 1.0]))
    array([1.88434652e-07, 1.17356303e+00])
    """
    near = t < SERIES_END
    return xp.where(
        near,
        _excess(xp, xp.where(near, t, xp.ones_like(t))),
        _fraction(t) + xp.log(t) + EULER_GAMMA,
    )


def _excess(xp: Namespace, t: Array) -> Array:
    """Series of G, by Horner's rule."""
    harmonic = [math.fsum(1.0 / i for i in range(1, k + 1)) for k in range(SERIES_TERMS + 1)]
    total = xp.zeros_like(t)
    for k in range(SERIES_TERMS, 0, -1):  # Σ_{j≥k} H_j t^{j−k} k!/j!
        total = harmonic[k] + total * t / (k + 1)
    return total * t - (xp.log(t) + EULER_GAMMA) * xp.expm1(t)


def _fraction(t: Array) -> Array:
    """Continued fraction, from the inside out."""
    tail = t
    for k in range(FRACTION_LEVELS, 0, -1):
        tail = t + k / (1.0 + k / tail)
    return 1.0 / tail
