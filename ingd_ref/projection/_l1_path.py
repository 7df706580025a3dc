"""Minima of a quadratic function with an ℓ₁ penalty (P6), for many penalties."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from ingd_ref.backend._namespace import Array, to_host
from ingd_ref.errors import OptionError, SingularSystemError

__all__ = ["Problem", "l1_minima", "largest_penalty"]

# Violations of the optimality conditions are 1e-15 to 1e-13 of the largest |c|. Above this the path
# ended early because C is singular.
TOLERANCE = 1e-9
# A coefficient that leaves the support ends at a rounding error of its former size, not at zero.
ROUNDING = 1e-13


class Problem(NamedTuple):
    """The function ½aᵀCa + cᵀa + κ Σ_j w_j |a_j| on the host, in float64."""

    matrix: np.ndarray
    vector: np.ndarray
    weights: np.ndarray

    @classmethod
    def on_host(cls, *arrays: Array) -> Problem:
        return cls(*(np.array(to_host(array), dtype=np.float64) for array in arrays))

    def gradient(self, a: np.ndarray) -> np.ndarray:
        """Return Ca + c."""
        return np.asarray(self.matrix @ a + self.vector)


def l1_minima(problem: Problem, kappas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the minima (r, q) for penalties κ (r,), and their violations of optimality (r,).

    Minima are piecewise linear in κ, so one path by least-angle regression gives all of them.
    Zeros are exact.
    """
    path = zip(kappas, _path(problem, kappas), strict=True)
    found = np.stack([_refined(problem, kappa, a) for kappa, a in path])
    scale = float(np.max(np.abs(problem.vector))) or 1.0
    minima = zip(kappas, found, strict=True)
    violations = np.array([_violation(problem, kappa, a) / scale for kappa, a in minima])
    if not np.max(violations) <= TOLERANCE:
        raise SingularSystemError(
            f"the optimality conditions are violated by {np.max(violations):.1e}: C is singular "
            "and this penalty is too weak to determine the minimum; raise kappa"
        )
    return found, violations


def largest_penalty(problem: Problem) -> float:
    """Return the smallest κ at which every penalised coefficient of (P6) is zero."""
    return float(np.max(np.abs(_penalised(problem)[1]), initial=0.0))


def _path(problem: Problem, kappas: np.ndarray) -> np.ndarray:
    """Return minima (r, q) for penalties (r,), to rounding."""
    matrix, vector, weights = problem
    penalised, free = weights > 0, weights == 0
    curvature, pull = _penalised(problem)
    found = np.zeros((kappas.size, vector.size))
    if pull.size:
        found[:, penalised] = _lars(curvature, pull, kappas) / weights[penalised]
    if np.any(free):
        rest = vector[free] + found[:, penalised] @ matrix[np.ix_(penalised, free)]
        found[:, free] = -np.linalg.solve(matrix[np.ix_(free, free)], rest.T).T
    return found


def _penalised(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return C and c of the penalised coefficients w_j a_j once the free ones are eliminated."""
    matrix, vector, weights = problem
    penalised, free = np.flatnonzero(weights > 0), np.flatnonzero(weights == 0)
    block, scale = matrix[np.ix_(penalised, free)], weights[penalised]
    columns = np.column_stack([block.T, vector[free]])
    try:
        solved = np.linalg.solve(matrix[np.ix_(free, free)], columns)
    except np.linalg.LinAlgError:
        raise SingularSystemError(
            "the coefficients without a penalty are not determined: their block of C is singular"
        ) from None
    curvature = matrix[np.ix_(penalised, penalised)] - block @ solved[:, :-1]
    pull = vector[penalised] - block @ solved[:, -1]
    return curvature / np.outer(scale, scale), pull / scale


def _lars(matrix: np.ndarray, vector: np.ndarray, kappas: np.ndarray) -> np.ndarray:
    """Return minima (r, q) for unit weights, by interpolation between the knots of the path."""
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


def _refined(problem: Problem, kappa: float, a: np.ndarray) -> np.ndarray:
    """Return ``a`` with exact zeros, and with the other entries solved again for their signs."""
    matrix, vector, penalties = problem.matrix, problem.vector, kappa * problem.weights
    size = np.abs(a) * np.sqrt(np.maximum(np.diagonal(matrix), 0.0))
    support = np.flatnonzero(size > ROUNDING * np.max(size))
    signs = np.sign(a[support])
    load = -(vector[support] + penalties[support] * signs)
    found = np.zeros_like(a)
    found[support] = a[support]
    try:
        solved = np.linalg.solve(matrix[np.ix_(support, support)], load)
    except np.linalg.LinAlgError:
        return found
    # Next to a knot rounding may turn a sign; the path itself is right to rounding there.
    if not np.any((np.sign(solved) != signs) & (penalties[support] > 0)):
        found[support] = solved
    return found


def _violation(problem: Problem, kappa: float, a: np.ndarray) -> float:
    """Return the largest violation of the optimality conditions.

    It is |(Ca + c)_j + κ w_j sign a_j| where a_j ≠ 0, and the excess of |(Ca + c)_j| over κ w_j
    elsewhere.
    """
    gradient, penalties = problem.gradient(a), kappa * problem.weights
    active = np.abs(gradient + penalties * np.sign(a))
    passive = np.maximum(np.abs(gradient) - penalties, 0.0)
    return float(np.max(np.where(a != 0, active, passive)))
