"""Minima of a quadratic function with an ℓ₁ penalty (P6), for many penalties at once."""

from __future__ import annotations

import warnings

import numpy as np

from ingd_ref.errors import OptionError, SingularSystemError

__all__ = ["l1_minima", "largest_penalty"]

# Violations of the optimality conditions come out at 1e-15 to 1e-13 of the largest |c|; anything
# above this is a path that broke off because C is singular.
TOLERANCE = 1e-9
# A coefficient that leaves the support ends at a rounding error of its former size, not at zero.
ROUNDING = 1e-13


def l1_minima(
    matrix: np.ndarray, vector: np.ndarray, weights: np.ndarray, kappas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Minimise ½aᵀCa + cᵀa + κ Σ_j w_j |a_j| for each κ.

    The minimum is piecewise linear in κ, so one path by least-angle regression serves all of them.

    Returns
    -------
    coefficients : array (r, q)
        Zeros are exact.
    violations : array (r,)
        See :func:`_violation`.
    """
    found = np.stack(
        [_refined(matrix, vector, kappa * weights, a)
         for kappa, a in zip(kappas, _path(matrix, vector, weights, kappas), strict=True)]
    )  # fmt: skip
    scale = float(np.max(np.abs(vector))) or 1.0
    violations = np.array(
        [_violation(matrix @ a + vector, a, kappa * weights) / scale
         for kappa, a in zip(kappas, found, strict=True)]
    )  # fmt: skip
    if not np.max(violations) <= TOLERANCE:
        raise SingularSystemError(
            f"the optimality conditions are violated by {np.max(violations):.1e}: C is singular "
            "and this penalty is too weak to determine the minimum; raise kappa"
        )
    return found, violations


def largest_penalty(matrix: np.ndarray, vector: np.ndarray, weights: np.ndarray) -> float:
    """Return the smallest κ at which every penalised coefficient of (P6) is zero."""
    _, pull = _penalised(matrix, vector, weights)
    return float(np.max(np.abs(pull), initial=0.0))


def _path(
    matrix: np.ndarray, vector: np.ndarray, weights: np.ndarray, kappas: np.ndarray
) -> np.ndarray:
    """Minima (r, q) for penalties (r,), to rounding."""
    penalised, free = weights > 0, weights == 0
    curvature, pull = _penalised(matrix, vector, weights)
    found = np.zeros((kappas.size, vector.size))
    if pull.size:
        found[:, penalised] = _lars(curvature, pull, kappas) / weights[penalised]
    if np.any(free):
        rest = vector[free] + found[:, penalised] @ matrix[np.ix_(penalised, free)]
        found[:, free] = -np.linalg.solve(matrix[np.ix_(free, free)], rest.T).T
    return found


def _penalised(
    matrix: np.ndarray, vector: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """C and c of the penalised coefficients w_j a_j once the free ones are eliminated."""
    penalised, free = np.flatnonzero(weights > 0), np.flatnonzero(weights == 0)
    block, scale = matrix[np.ix_(penalised, free)], weights[penalised]
    try:
        solved = np.linalg.solve(
            matrix[np.ix_(free, free)], np.column_stack([block.T, vector[free]])
        )
    except np.linalg.LinAlgError:
        raise SingularSystemError(
            "the coefficients without a penalty are not determined: their block of C is singular"
        ) from None
    curvature = matrix[np.ix_(penalised, penalised)] - block @ solved[:, :-1]
    pull = vector[penalised] - block @ solved[:, -1]
    return curvature / np.outer(scale, scale), pull / scale


def _lars(matrix: np.ndarray, vector: np.ndarray, kappas: np.ndarray) -> np.ndarray:
    """Minima (r, q) for unit weights, read off the knots of scikit-learn's path."""
    try:
        from sklearn.linear_model import lars_path_gram
    except ImportError:
        raise OptionError(
            "an ℓ₁ penalty needs scikit-learn: pip install 'ingd-ref[sparse]'"
        ) from None
    with warnings.catch_warnings():  # what it warns of shows in the optimality conditions
        warnings.simplefilter("ignore")
        knots, _, values = lars_path_gram(
            -vector, matrix, n_samples=1, method="lasso", alpha_min=float(np.min(kappas)),
            max_iter=100 * vector.size, copy_Gram=True,
        )  # fmt: skip
    return np.stack([np.interp(kappas, knots[::-1], row[::-1]) for row in values], axis=1)


def _refined(
    matrix: np.ndarray, vector: np.ndarray, penalties: np.ndarray, a: np.ndarray
) -> np.ndarray:
    """Return ``a`` with exact zeros, and with the other entries solved again for their signs."""
    size = np.abs(a) * np.sqrt(np.maximum(np.diagonal(matrix), 0.0))
    support = np.flatnonzero(size > ROUNDING * np.max(size))
    signs = np.sign(a[support])
    found = np.zeros_like(a)
    try:
        found[support] = np.linalg.solve(
            matrix[np.ix_(support, support)], -(vector[support] + penalties[support] * signs)
        )
    except np.linalg.LinAlgError:
        found[support] = a[support]
    # Next to a knot rounding may turn a sign; the path itself is right to rounding there.
    turned = (np.sign(found[support]) != signs) & (penalties[support] > 0)
    found[support] = np.where(np.any(turned), a[support], found[support])
    return found


def _violation(gradient: np.ndarray, a: np.ndarray, penalties: np.ndarray) -> float:
    """Largest violation of the optimality conditions by a gradient Ca + c.

    It is |(Ca + c)_j + κ w_j sign a_j| where a_j ≠ 0, and the excess of |(Ca + c)_j| over κ w_j
    elsewhere.
    """
    active = np.abs(gradient + penalties * np.sign(a))
    passive = np.maximum(np.abs(gradient) - penalties, 0.0)
    return float(np.max(np.where(a != 0, active, passive)))
