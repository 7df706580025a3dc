"""Moment residual in the norm of the inverse Fisher information (Q4)."""

from __future__ import annotations

import math

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item
from ingd_ref.backend._scaling import (
    exponent,
    is_moderate,
    range_of,
    rescale,
    rescale_number,
)
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.metrics._value import discrepancy

__all__ = ["moment_residual"]


@_checks.guarded
def moment_residual(delta: Array, fisher: Array, jitter: float = 0.0) -> float:
    r"""Return the moment mismatch in the norm of the inverse Fisher information, equation (Q4).

    .. math:: \|\Delta\|_{\hat F^{-1}} = \sqrt{\Delta^\top (\hat F + \varepsilon I)^{-1} \Delta}

    Parameters
    ----------
    delta : array (b,)
        Moment mismatch Δ = E_p f − E_q f.
    fisher : array (b, b)
        Fisher information F̂ = Cov_q f, symmetric and positive semi-definite to rounding.
    jitter : float ≥ 0
        ε, in the units of F̂. Default 0.

    Returns
    -------
    float
        The norm, without units: the square root of twice the decrease of KL that a full
        natural-gradient step promises.

    Raises
    ------
    DomainError
        If F̂ is not symmetric and positive semi-definite up to rounding, or the jitter is negative.

    Notes
    -----
    Directions of F̂ + εI with eigenvalues below b·ulp times the largest are rounding and left out,
    so a singular F̂ gives the minimum-norm pseudo-inverse. The part of Δ in such directions then
    does not count, although no change of the natural parameters could remove it: set ε > 0 to see
    it.
    Source: [L25].

    Examples
    --------
    >>> import numpy as np
    >>> moment_residual(np.array([3.0, 5.0]), np.diag([9.0, 0.0]))
    1.0
    """
    xp, delta, fisher = _checks.arrays(delta=delta, fisher=fisher)
    if delta.ndim != 1 or delta.shape[0] == 0:
        raise ShapeError(f"delta must have shape (b,), got {tuple(delta.shape)}")
    number = delta.shape[0]
    delta = _checks.vector(_checks.real_array(delta, "delta", xp), "delta", number, xp)
    if tuple(fisher.shape) != (number, number):
        raise ShapeError(f"fisher must have shape ({number}, {number}), got {tuple(fisher.shape)}")
    fisher = _checks.finite(_checks.real_array(fisher, "fisher", xp, like=delta), "fisher", xp)
    jitter = _checks.nonnegative(jitter, "jitter")
    delta, fisher, jitter, unit = _in_units(delta, fisher, jitter)
    eigenvalues, eigenvectors = _spectrum(xp, fisher)
    shifted = eigenvalues + jitter
    kept = shifted > number * xp.finfo(delta.dtype).eps * xp.max(xp.abs(shifted))
    components = xp.matmul(xp.matrix_transpose(eigenvectors), delta)
    squares = components**2 / xp.where(kept, shifted, xp.ones_like(shifted))
    total = item(xp.sum(xp.where(kept, squares, xp.zeros_like(shifted))))
    return discrepancy(rescale_number(math.sqrt(total), unit), "moment residual")


def _in_units(delta: Array, fisher: Array, jitter: float) -> tuple[Array, Array, float, int]:
    """Return Δ / 2^a, F̂ / 2^2b, ε / 2^2b and a − b; a = b = 0 where squares and quotients fit."""
    moderate = is_moderate(fisher, 0.3) and is_moderate(delta, 0.3)
    if moderate and abs(exponent(jitter)) <= 0.3 * range_of(delta):
        return delta, fisher, jitter, 0
    xp = array_namespace(delta=delta)
    half = (exponent(fisher, jitter) + 1) // 2
    length = exponent(delta)
    # A jitter below the range of float32 would be lost in it.
    delta, fisher = (xp.astype(array, xp.float64, copy=False) for array in (delta, fisher))
    delta, fisher = rescale(delta, -length), rescale(fisher, -2 * half)
    return delta, fisher, rescale_number(jitter, -2 * half), length - half


def _spectrum(xp: Namespace, fisher: Array) -> tuple[Array, Array]:
    """Return eigenvalues and eigenvectors of F̂ if it is a covariance up to rounding."""
    scale = item(xp.max(xp.abs(fisher)))
    # A covariance computed as a product of matrices has errors of about √n units of rounding per
    # entry, and eigenvalues inherit them b-fold; half the digits admits any sample size and still
    # catches a matrix that is not a covariance.
    tolerance = math.sqrt(xp.finfo(fisher.dtype).eps) * scale
    asymmetry = item(xp.max(xp.abs(fisher - xp.matrix_transpose(fisher))))
    if asymmetry > tolerance:
        raise DomainError(
            f"fisher must be symmetric, but two mirrored entries differ by {asymmetry:g}"
        )
    eigenvalues, eigenvectors = xp.linalg.eigh(0.5 * (fisher + xp.matrix_transpose(fisher)))
    if item(eigenvalues[0]) < -fisher.shape[0] * tolerance:
        raise DomainError(
            "fisher must be positive semi-definite, but it has the eigenvalue "
            f"{item(eigenvalues[0]):g}"
        )
    return eigenvalues, eigenvectors
