"""Sparse changes: the window projection with an ℓ₁ penalty (P6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    item,
    to_backend,
    to_host,
)
from ingd_ref.errors import DomainError, ShapeError
from ingd_ref.projection._l1_path import Problem, l1_minima, largest_penalty
from ingd_ref.projection._window import WindowSystem

__all__ = [
    "RegularisationPath",
    "SparseMinimum",
    "SparseWindowProjection",
    "regularisation_path",
    "sparse_minimum",
    "sparse_window_projection",
]


class SparseMinimum(NamedTuple):
    """Minimum of (P6).

    Attributes
    ----------
    coefficients : array (q,)
        a; zeros are exact.
    kkt_residual : float
        Largest violation of the optimality conditions, in units of the largest |c|.
    """

    coefficients: Array
    kkt_residual: float


@dataclass(frozen=True, eq=False)
class SparseWindowProjection:
    """Velocity θ̇(t) of natural parameters of which few change.

    Attributes
    ----------
    coefficients : array (k, b)
        a of (P6): θ̇_s(t) = Σ_j φ_j(t) a_js; zeros are exact.
    kappa : float
        κ.
    kkt_residual : float
        Largest violation of the optimality conditions, in units of the largest |c|.
    system : WindowSystem
        C and c, the basis and the window.
    """

    coefficients: Array
    kappa: float
    kkt_residual: float
    system: WindowSystem

    @property
    def support(self) -> Array:
        """Which coefficients are not zero, (k, b) of bool."""
        return self.coefficients != 0

    def rate(self, times: Any) -> Array:
        """Return θ̇(t), shape (b,) for a number and (m, b) for times (m,) in the window."""
        return self.system.rate(self.coefficients, times)


@dataclass(frozen=True, eq=False)
class RegularisationPath:
    """Solutions of (P6) for falling penalties.

    Attributes
    ----------
    kappas : numpy.ndarray (r,)
        Penalties κ, falling.
    coefficients : array (r, k, b)
        a for each of them.
    kkt_residuals : numpy.ndarray (r,)
        Largest violation of the optimality conditions, in units of the largest |c|.
    system : WindowSystem
        C and c, the basis and the window.
    """

    kappas: np.ndarray
    coefficients: Array
    kkt_residuals: np.ndarray
    system: WindowSystem

    @property
    def entry(self) -> np.ndarray:
        """Largest κ at which each statistic has a coefficient other than zero, (b,); 0 if none.

        It ranks the changes.
        """
        active = np.any(to_host(self.coefficients) != 0, axis=1)
        return np.asarray(np.max(np.where(active, self.kappas[:, None], 0.0), axis=0))


@_checks.guarded
def sparse_minimum(
    matrix: Array, vector: Array, kappa: float, *, penalty_weights: Array | None = None
) -> SparseMinimum:
    r"""Minimise a quadratic function with an ℓ₁ penalty, equation (P6).

    .. math:: \tfrac12 a^\top C a + c^\top a + \kappa \sum_j w_j |a_j|

    Parameters
    ----------
    matrix : array (q, q)
        C, symmetric and positive semi-definite.
    vector : array (q,)
        c.
    kappa : float ≥ 0
        κ.
    penalty_weights : array (q,), optional
        w ≥ 0; zero leaves a coefficient without a penalty. Default: ones.

    Returns
    -------
    SparseMinimum
        ``coefficients`` (q,), with exact zeros, and ``kkt_residual``, the largest violation of the
        optimality conditions in units of the largest \|c\|.

    Raises
    ------
    OptionError
        If scikit-learn is not installed.
    SingularSystemError
        If C is singular and the penalty too weak to determine the minimum.

    Notes
    -----
    The path of minima comes from ``sklearn.linear_model.lars_path_gram``, on the host. Source
    of the problem: [W25].

    Examples
    --------
    With C = I the minimum is the soft threshold of −c:

    >>> import numpy as np
    >>> sparse_minimum(np.eye(3), np.array([-3.0, 0.5, 2.0]), 1.0).coefficients + 0.0
    array([ 2.,  0., -1.])
    """
    xp, matrix, vector, penalty_weights = _checks.arrays(
        ("penalty_weights",), matrix=matrix, vector=vector, penalty_weights=penalty_weights
    )
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise ShapeError(f"matrix must be square, got shape {tuple(matrix.shape)}")
    matrix = _checks.finite(_checks.real_array(matrix, "matrix", xp), "matrix", xp)
    vector = _checks.vector(vector, "vector", matrix.shape[0], xp, like=matrix)
    weights = _weights(xp, penalty_weights, vector)
    kappas = np.array([_checks.nonnegative(kappa, "kappa")])
    found, residuals = l1_minima(Problem.on_host(matrix, vector, weights), kappas)
    return SparseMinimum(to_backend(found[0], vector), float(residuals[0]))


@_checks.guarded
def sparse_window_projection(
    system: WindowSystem, kappa: float, *, penalty_weights: Array | None = None
) -> SparseWindowProjection:
    """Project over a window with an ℓ₁ penalty, equation (P6).

    The penalty keeps the velocity of most natural parameters at exactly zero.

    Parameters
    ----------
    system : WindowSystem
        C and c, from :func:`window_system`.
    kappa : float ≥ 0
        κ.
    penalty_weights : array (b,) or (k, b), optional
        Factors of κ for each statistic, or for each coefficient; zero leaves it without a penalty.
        Default: ones.

    Returns
    -------
    SparseWindowProjection

    Raises
    ------
    OptionError, SingularSystemError
        As for :func:`sparse_minimum`.

    Notes
    -----
    Source: [W25].

    Examples
    --------
    Of two coordinates the first moves. The penalty shrinks its velocity and keeps the other at
    zero:

    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> times = np.linspace(0.0, 1.0, 3)
    >>> corners = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    >>> samples = corners + times[:, None, None] * np.array([2.0, 0.0])
    >>> means = ir.features.Monomials(1)
    >>> system = ir.projection.window_system(means, times, samples, time_weights="simpson")
    >>> sparse_window_projection(system, kappa=0.1).rate(0.5).round(12) + 0.0
    array([1.4, 0. ])
    """
    path = regularisation_path(system, kappas=[kappa], penalty_weights=penalty_weights)
    residual = float(path.kkt_residuals[0])
    return SparseWindowProjection(path.coefficients[0, ...], float(kappa), residual, system)


@_checks.guarded
def regularisation_path(
    system: WindowSystem,
    *,
    kappas: Sequence[float] | None = None,
    number: int = 50,
    ratio: float = 1e-2,
    penalty_weights: Array | None = None,
) -> RegularisationPath:
    """Solve equation (P6) for falling penalties, from the one at which nothing changes.

    Parameters
    ----------
    system : WindowSystem
        C and c, from :func:`window_system`.
    kappas : sequence of float, optional
        Penalties κ ≥ 0. Default: ``number`` of them in geometric progression, from the smallest κ
        at which every penalised coefficient is zero to ``ratio`` times it.
    number : int ≥ 1
        Default 50.
    ratio : float, between 0 and 1
        Default 0.01.
    penalty_weights : array (b,) or (k, b), optional
        As for :func:`sparse_window_projection`.

    Returns
    -------
    RegularisationPath

    Raises
    ------
    OptionError, SingularSystemError
        As for :func:`sparse_minimum`.

    Notes
    -----
    Source: [W25].

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> times = np.linspace(0.0, 1.0, 3)
    >>> corners = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    >>> samples = corners + times[:, None, None] * np.array([2.0, 0.0])
    >>> means = ir.features.Monomials(1)
    >>> system = ir.projection.window_system(means, times, samples, time_weights="simpson")
    >>> path = regularisation_path(system, number=3)
    >>> (path.coefficients[:, 0, :].round(3) + 0.0).tolist()
    [[0.0, 0.0], [1.8, 0.0], [1.98, 0.0]]
    """
    weights = _statistic_weights(system, penalty_weights)
    problem = Problem.on_host(system.matrix, system.vector, weights)
    if kappas is None:
        ratio = _checks.positive(ratio, "ratio")
        if ratio >= 1:
            raise DomainError(f"ratio must lie between 0 and 1, got {ratio:g}")
        shares = np.geomspace(1.0, ratio, _checks.positive_integer(number, "number"))
        penalties = largest_penalty(problem) * shares
    else:
        given = _checks.sequence(kappas, "kappas", "float")
        penalties = np.sort([_checks.nonnegative(kappa, "kappas") for kappa in given])[::-1].copy()
        if penalties.size == 0:
            raise DomainError("kappas must hold at least one penalty")
    found, residuals = l1_minima(problem, penalties)
    coefficients = to_backend(found.reshape(len(penalties), -1, system.statistics), system.vector)
    return RegularisationPath(penalties, coefficients, residuals, system)


# Coefficients are divided by their weights, whose ratio must stay far from overflow.
LEAST = 1e-100


def _weights(xp: Namespace, weights: Array | None, like: Array) -> Array:
    if weights is None:
        return xp.ones_like(like)
    weights = _checks.vector(weights, "penalty_weights", like.shape[0], xp, like=like)
    if item(xp.any(weights < 0)):
        raise DomainError(f"penalty_weights must not be negative, got {item(xp.min(weights)):g}")
    if item(xp.any((weights > 0) & (weights < LEAST * xp.max(weights)))):
        raise DomainError(f"penalty_weights must be zero or at least {LEAST:g} of the largest")
    return weights


def _statistic_weights(system: WindowSystem, weights: Array | None) -> Array:
    """Weights of statistics (b,), or of all coefficients (k, b), as a vector (k·b,)."""
    _checks.instance(system, "system", WindowSystem, "a WindowSystem")
    xp, _, weights = _checks.arrays(
        ("penalty_weights",), matrix=system.matrix, penalty_weights=weights
    )
    if weights is not None:
        shape = (system.matrix.shape[0] // system.statistics, system.statistics)
        if tuple(weights.shape) not in (shape, shape[1:]):
            raise ShapeError(
                f"penalty_weights must have shape {shape[1:]} or {shape}, "
                f"got {tuple(weights.shape)}"
            )
        weights = xp.reshape(xp.asarray(xp.broadcast_to(weights, shape), copy=True), (-1,))
    return _weights(xp, weights, system.vector)
