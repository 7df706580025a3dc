r"""The inverse of ∇ log B at the mean logarithms of a sample, however concentrated it is.

Written as log c_i − g_i, with c the mean of the sample and g_i what the logarithm of the mean
exceeds the mean of the logarithms by, a mean logarithm keeps g_i ≈ 1/α_i apart from log c_i ≈ −1,
in which it would drown. With φ(a) = log a − ψ(a) and p = α/α₀ = c e^d/Z,

.. math::
    \mu_i - \partial_i\log B(\alpha) = \log Z - d_i + \big(\varphi(\alpha_i)
        - \varphi(\alpha_0)\big) - g_i, \qquad
    Z = \textstyle\sum_j c_j e^{d_j}

is a sum of terms of that size, d and α₀ being what is iterated.
"""

from __future__ import annotations

import math

from ingd_ref._special.beta import inverse_log_beta_gradient, log_beta_curvatures
from ingd_ref._special.exponential import other_sums
from ingd_ref._special.gamma import digamma, inverse_digamma
from ingd_ref._special.gamma_increments import log_minus_digamma_decrement
from ingd_ref.backend._namespace import Array, Namespace, item
from ingd_ref.errors import DomainError

__all__ = ["concentration_gap", "fitted_concentrations"]

# The iteration starts from the inverse of ∇ log B if 1 − Σ e^{μ_i} is at least this large, where
# the relative error is below 1e-16/10⁻¹². Otherwise it starts from a guess of α₀, which is off by a
# factor of 2 at most unless entries are small, and of about 1e8 if they are tiny.
CONCENTRATED = 1e-12
# Newton's steps in log α are cut to one and later square the error, so one more is enough after a
# step below √eps. Where rounding itself moves log α by more than that, steps stop shrinking. An
# iteration whose last step is longer than LOST has not converged.
MOST_STEPS = 80
LOST = 1e-2


def fitted_concentrations(xp: Namespace, centre: Array, gap: Array, defect: Array) -> Array:
    """Return the α (..., K) with ∇ log B(α)_i = log c_i − g_i, accurate however large α is.

    Parameters
    ----------
    xp : module
        Namespace of the arrays.
    centre : array (..., K)
        Means c_i > 0, which sum to 1 + ``defect``.
    gap : array (..., K)
        The g_i ≥ 0.
    defect : array (...)
        Σ c_i − 1 as accurately as the caller knows it; it counts for no less than what ``gap``
        does.

    Returns
    -------
    array (..., K)

    Raises
    ------
    DomainError
        If the iteration does not converge: there may be no such concentrations.

    Examples
    --------
    >>> import numpy as np
    >>> from ingd_ref._special.gamma_increments import log_minus_digamma_decrement
    >>> alpha = np.asarray([1e12, 3e12])
    >>> gap = log_minus_digamma_decrement(np, alpha, alpha[::-1])  # of those of which c is the mean
    >>> fitted_concentrations(np, np.asarray([0.25, 0.75]), gap, np.asarray(0.0))
    array([1.e+12, 3.e+12])
    """
    alpha = _start(xp, centre, gap, defect)
    total = xp.sum(alpha, axis=-1, keepdims=True)
    d = xp.log(alpha / total / centre)
    close, arrived, step = float(xp.finfo(gap.dtype).eps) ** 0.5, False, xp.ones_like(d)
    for _ in range(MOST_STEPS):
        excess = xp.sum(centre * xp.expm1(d), axis=-1, keepdims=True) + defect[..., None]  # Z − 1
        share = centre * xp.exp(d) / (1.0 + excess)
        alpha = total * share
        residual = (
            xp.log1p(excess)
            - d
            + log_minus_digamma_decrement(xp, alpha, other_sums(xp, alpha))
            - gap
        )
        weights, surplus = log_beta_curvatures(xp, alpha)
        common = xp.sum(weights * residual, axis=-1, keepdims=True) / surplus[..., None]
        step = xp.clip(weights / alpha * (residual + common), -1.0, 1.0)
        growth = xp.log1p(xp.sum(share * xp.expm1(step), axis=-1, keepdims=True))
        total, d = total * xp.exp(growth), d + (step - growth)
        if arrived:
            break
        arrived = bool(item(xp.all(xp.abs(step) < close)))
    if not item(xp.all(xp.abs(step) < LOST)):
        raise DomainError(
            "x determines no concentrations, up to the rounding of its points: none with their "
            f"mean logarithms were found in {MOST_STEPS} steps"
        )
    excess = xp.sum(centre * xp.expm1(d), axis=-1, keepdims=True) + defect[..., None]
    return total * (centre * xp.exp(d) / (1.0 + excess))


def concentration_gap(xp: Namespace, centre: Array, gap: Array, defect: Array) -> Array:
    """Return 1 − Σ e^{μ_i} = Σ c_i (1 − e^{−g_i}) − defect, positive for points of the simplex."""
    return xp.sum(centre * -xp.expm1(-gap), axis=-1) - defect


def _start(xp: Namespace, centre: Array, gap: Array, defect: Array) -> Array:
    """Concentrations to start from."""
    left, size = concentration_gap(xp, centre, gap, defect)[..., None], centre.shape[-1]
    mu, concentrated = xp.log(centre) - gap, left < CONCENTRATED
    harmless = xp.full_like(mu, -1.0 - math.log(size))
    broad = inverse_log_beta_gradient(xp, xp.where(concentrated, harmless, mu))
    # A guess of α₀: the remainder is (K − 1)/(2α₀) if all entries are large, and at most K/α₀.
    guess = 0.5 * (size - 1) / left
    return xp.where(concentrated, inverse_digamma(xp, digamma(xp, guess) + mu), broad)
