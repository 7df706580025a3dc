"""Sparse changes: the window projection with an ℓ₁ penalty (P6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    device,
    item,
    to_backend,
    to_host,
)
from ingd_ref.errors import DomainError, ShapeError, SingularSystemError
from ingd_ref.projection._window import WindowSystem, basis_at

__all__ = [
    "RegularisationPath",
    "SparseMinimum",
    "SparseWindowProjection",
    "largest_penalty",
    "regularisation_path",
    "sparse_minimum",
    "sparse_window_projection",
]

METHODS = ("coordinate", "fista")
# FISTA looks at the optimality conditions, which costs a transfer from the device, once in so many
# steps.
STEPS_BETWEEN_CHECKS = 20


@dataclass(frozen=True, eq=False)
class SparseMinimum:
    """Minimum of ½aᵀCa + cᵀa + κ Σ_j w_j |a_j|.

    Attributes
    ----------
    coefficients : array (q,)
        a; zeros are exact.
    kkt_residual : float
        Largest violation of the optimality conditions, in units of the largest |c|: |(Ca + c)_j + κ
        w_j sign a_j| where a_j ≠ 0, and the excess of |(Ca + c)_j| over κ w_j elsewhere.
    iterations : int
        Sweeps of coordinate descent, or steps of FISTA.
    """

    coefficients: Array
    kkt_residual: float
    iterations: int


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
        Largest violation of the optimality conditions, as of :class:`SparseMinimum`.
    iterations : int
        Sweeps or steps.
    system : WindowSystem
        C and c, the basis and the window.
    """

    coefficients: Array
    kappa: float
    kkt_residual: float
    iterations: int
    system: WindowSystem

    @property
    def support(self) -> Array:
        """Which coefficients are not zero, (k, b) of bool."""
        return self.coefficients != 0

    def rate(self, times: Any) -> Array:
        """Velocity θ̇(t), shape (b,) for a number and (m, b) for times (m,); DomainError outside the window."""
        xp = array_namespace(coefficients=self.coefficients)
        functions, alone = basis_at(self.system, times)
        rates = xp.matmul(to_backend(functions, self.coefficients), self.coefficients)
        return rates[0, :] if alone else rates


@dataclass(frozen=True, eq=False)
class RegularisationPath:
    """Solutions of (P6) for falling penalties, each the start of the next.

    Attributes
    ----------
    kappas : numpy.ndarray (r,)
        Penalties κ, falling.
    coefficients : array (r, k, b)
        a for each of them.
    kkt_residuals : numpy.ndarray (r,)
        Largest violation of the optimality conditions.
    iterations : numpy.ndarray (r,)
        Sweeps or steps.
    system : WindowSystem
        C and c, the basis and the window.
    """

    kappas: np.ndarray
    coefficients: Array
    kkt_residuals: np.ndarray
    iterations: np.ndarray
    system: WindowSystem

    @property
    def entry(self) -> np.ndarray:
        """Largest κ at which each statistic has a coefficient that is not zero, (b,); 0 if none has one: a ranking of the changes."""
        active = np.any(to_host(self.coefficients) != 0, axis=1)
        return np.asarray(np.max(np.where(active, self.kappas[:, None], 0.0), axis=0))


def sparse_minimum(
    matrix: Array,
    vector: Array,
    kappa: float,
    *,
    penalty_weights: Array | None = None,
    start: Array | None = None,
    method: str = "coordinate",
    tolerance: float = 1e-10,
    max_iterations: int = 20_000,
) -> SparseMinimum:
    r"""Minimise the quadratic function of equation (P6).

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
    start : array (q,), optional
        Where to start. Default: zero.
    method : {"coordinate", "fista"}
        ``"coordinate"`` (default) minimises in one coordinate after the other, on the host, and
        exactly for the signs that it arrives at. ``"fista"`` takes accelerated proximal gradient
        steps with restarts, on the device of the matrix.
    tolerance : float > 0
        Largest violation of the optimality conditions that is accepted, in units of the largest
        |c|. Default 1e-10; in float32, where FISTA cannot get as far, 30 times its eps if that is
        more.
    max_iterations : int ≥ 1
        Default 20 000.

    Returns
    -------
    SparseMinimum

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, OptionError, BackendError
        For arguments that do not fit.
    SingularSystemError
        If the conditions are not met after ``max_iterations``: C is singular where the penalty is
        too weak to hold the minimum.

    Notes
    -----
    Source: [W25] for the problem; the methods are standard.

    Examples
    --------
    With C = I the minimum is the soft threshold of −c:

    >>> import numpy as np
    >>> sparse_minimum(np.eye(3), np.array([-3.0, 0.5, 2.0]), 1.0).coefficients + 0.0
    array([ 2.,  0., -1.])
    """
    xp = array_namespace(matrix=matrix, vector=vector, penalty_weights=penalty_weights, start=start)
    matrix, vector = _quadratic(xp, matrix, vector)
    penalties = _checks.nonnegative(kappa, "kappa") * _weights(xp, penalty_weights, vector)
    begin = (
        xp.zeros_like(vector)
        if start is None
        else _checks.vector(start, "start", vector.shape[0], xp, like=vector)
    )
    _checks.choice(method, "method", METHODS)
    tolerance = _checks.positive(tolerance, "tolerance")
    limit = _checks.positive_integer(max_iterations, "max_iterations")
    if method == "coordinate":
        c, fixed, a = (
            np.array(to_host(one), dtype=np.float64) for one in (vector, penalties, begin)
        )
        found, residual, iterations = _coordinate_descent(
            np.asarray(to_host(matrix), dtype=np.float64), c, fixed, a, tolerance, limit
        )
        return SparseMinimum(to_backend(found, vector), residual, iterations)
    tolerance = max(tolerance, 30 * float(xp.finfo(vector.dtype).eps))
    return SparseMinimum(*_fista(xp, matrix, vector, penalties, begin, tolerance, limit))


def largest_penalty(matrix: Array, vector: Array, penalty_weights: Array | None = None) -> float:
    """Smallest κ at which every penalised coefficient of equation (P6) is zero: where a regularisation path begins.

    Parameters
    ----------
    matrix : array (q, q)
        C.
    vector : array (q,)
        c.
    penalty_weights : array (q,), optional
        w ≥ 0; zero leaves a coefficient without a penalty. Default: ones.

    Returns
    -------
    float
        0 if no coefficient is penalised.

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, BackendError, SingularSystemError

    Examples
    --------
    >>> import numpy as np
    >>> largest_penalty(np.eye(3), np.array([-3.0, 0.5, 2.0]))
    3.0
    """
    xp = array_namespace(matrix=matrix, vector=vector, penalty_weights=penalty_weights)
    matrix, vector = _quadratic(xp, matrix, vector)
    c, weights = to_host(vector), to_host(_weights(xp, penalty_weights, vector))
    free, penalised = np.flatnonzero(weights == 0), np.flatnonzero(weights)
    blocks = to_host(matrix)[:, free]
    try:
        gradient = c - blocks @ np.linalg.solve(blocks[free, :], c[free])
    except np.linalg.LinAlgError:
        raise SingularSystemError(
            "the coefficients without a penalty are not determined: their block of C is singular"
        ) from None
    return float(np.max(np.abs(gradient[penalised]) / weights[penalised], initial=0.0))


def sparse_window_projection(
    system: WindowSystem,
    kappa: float,
    *,
    penalty_weights: Array | None = None,
    method: str = "coordinate",
    tolerance: float = 1e-10,
    max_iterations: int = 20_000,
) -> SparseWindowProjection:
    """Project over a window with an ℓ₁ penalty, which keeps the velocity of most natural parameters at exactly zero (P6).

    Parameters
    ----------
    system : WindowSystem
        C and c, from :func:`window_system`.
    kappa : float ≥ 0
        κ.
    penalty_weights : array (b,) or (k, b), optional
        Factors of κ for each statistic, or for each coefficient; zero leaves it without a penalty.
        Default: ones.
    method, tolerance, max_iterations
        As for :func:`sparse_minimum`.

    Returns
    -------
    SparseWindowProjection

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, OptionError, BackendError, SingularSystemError
        As :func:`sparse_minimum`.

    Notes
    -----
    Source: [W25].

    Examples
    --------
    Two coordinates of which the first moves; the penalty shrinks its velocity and leaves the other
    at zero:

    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> times = np.linspace(0.0, 1.0, 3)
    >>> corners = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    >>> samples = corners + times[:, None, None] * np.array([2.0, 0.0])
    >>> system = ir.projection.window_system(ir.features.Monomials(1), times, samples, time_weights="simpson")
    >>> sparse_window_projection(system, kappa=0.1).rate(0.5).round(12) + 0.0
    array([1.4, 0. ])
    """
    weights = _statistic_weights(system, penalty_weights)
    options: dict[str, Any] = {
        "method": method,
        "tolerance": tolerance,
        "max_iterations": max_iterations,
    }
    found = sparse_minimum(system.matrix, system.vector, kappa, penalty_weights=weights, **options)
    return SparseWindowProjection(
        system.coefficients(found.coefficients),
        float(kappa),
        found.kkt_residual,
        found.iterations,
        system,
    )


def regularisation_path(
    system: WindowSystem,
    *,
    kappas: Sequence[float] | None = None,
    number: int = 50,
    ratio: float = 1e-2,
    penalty_weights: Array | None = None,
    method: str = "coordinate",
    tolerance: float = 1e-10,
    max_iterations: int = 20_000,
) -> RegularisationPath:
    """Solve (P6) for falling penalties, from the one at which nothing changes; each solution starts the next.

    Parameters
    ----------
    system : WindowSystem
        C and c, from :func:`window_system`.
    kappas : sequence of float, optional
        Penalties. Default: ``number`` of them in geometric progression from :func:`largest_penalty`
        to ``ratio`` times it.
    number : int ≥ 1
        Default 50.
    ratio : float, between 0 and 1
        Default 0.01.
    penalty_weights : array (b,) or (k, b), optional
        As for :func:`sparse_window_projection`.
    method, tolerance, max_iterations
        As for :func:`sparse_minimum`.

    Returns
    -------
    RegularisationPath

    Raises
    ------
    ShapeError, NonFiniteError, DomainError, OptionError, BackendError, SingularSystemError
        As :func:`sparse_minimum`.

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
    >>> system = ir.projection.window_system(ir.features.Monomials(1), times, samples, time_weights="simpson")
    >>> path = regularisation_path(system, number=3)
    >>> (path.coefficients[:, 0, :].round(3) + 0.0).tolist()
    [[0.0, 0.0], [1.8, 0.0], [1.98, 0.0]]
    """
    weights = _statistic_weights(system, penalty_weights)
    if kappas is None:
        if not 0 < _checks.positive(ratio, "ratio") < 1:
            raise DomainError(f"ratio must lie between 0 and 1, got {ratio:g}")
        top = largest_penalty(system.matrix, system.vector, weights)
        penalties = top * np.geomspace(1.0, ratio, _checks.positive_integer(number, "number"))
    else:
        penalties = np.sort(np.array([_checks.nonnegative(kappa, "kappas") for kappa in kappas]))[
            ::-1
        ].copy()
        if penalties.size == 0:
            raise DomainError("kappas must hold at least one penalty")
    options: dict[str, Any] = {
        "method": method,
        "tolerance": tolerance,
        "max_iterations": max_iterations,
    }
    found: list[SparseMinimum] = []
    for kappa in penalties:
        start = found[-1].coefficients if found else None
        found.append(
            sparse_minimum(
                system.matrix,
                system.vector,
                float(kappa),
                penalty_weights=weights,
                start=start,
                **options,
            )
        )
    xp = array_namespace(matrix=system.matrix)
    coefficients = xp.stack([system.coefficients(one.coefficients) for one in found])
    residuals, iterations = (
        np.array([one.kkt_residual for one in found]),
        np.array([one.iterations for one in found]),
    )
    return RegularisationPath(penalties, coefficients, residuals, iterations, system)


# --- arguments ------------------------------------------------------------------------------------


def _quadratic(xp: Namespace, matrix: Array, vector: Array) -> tuple[Array, Array]:
    """C and c, checked."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise ShapeError(f"matrix must be square, got shape {tuple(matrix.shape)}")
    matrix = _checks.finite(_checks.real_array(matrix, "matrix", xp), "matrix", xp)
    return matrix, _checks.vector(vector, "vector", matrix.shape[0], xp, like=matrix)


def _weights(xp: Namespace, weights: Array | None, like: Array) -> Array:
    if weights is None:
        return xp.ones_like(like)
    weights = _checks.vector(weights, "penalty_weights", like.shape[0], xp, like=like)
    if item(xp.any(weights < 0)):
        raise DomainError(f"penalty_weights must not be negative, got {item(xp.min(weights)):g}")
    return weights


def _statistic_weights(system: WindowSystem, weights: Array | None) -> Array | None:
    """Weights of statistics (b,), or of all coefficients (k, b), as a vector (k·b,)."""
    if weights is None:
        return None
    xp = array_namespace(matrix=system.matrix, penalty_weights=weights)
    shape = (system.matrix.shape[0] // system.statistics, system.statistics)
    if tuple(weights.shape) not in (shape, shape[1:]):
        raise ShapeError(
            f"penalty_weights must have shape {shape[1:]} or {shape}, got {tuple(weights.shape)}"
        )
    return xp.reshape(xp.asarray(xp.broadcast_to(weights, shape), copy=True), (-1,))


# --- coordinate descent, on the host --------------------------------------------------------------


def _coordinate_descent(
    matrix: np.ndarray,
    vector: np.ndarray,
    penalties: np.ndarray,
    a: np.ndarray,
    tolerance: float,
    limit: int,
) -> tuple[np.ndarray, float, int]:
    """Cyclic minimisation in single coordinates; after each sweep the minimum for the present signs is tried, and taken if it is better."""
    scale = float(np.max(np.abs(vector))) or 1.0
    diagonal = np.diagonal(matrix)
    gradient = matrix @ a + vector
    residual = _violation(gradient, a, penalties) / scale
    for sweep in range(limit):
        if residual <= tolerance:
            return a, residual, sweep
        for j in range(a.size):
            if diagonal[j] <= 0:
                continue  # a constant statistic: nothing pulls its coefficient away from where it is
            pull = diagonal[j] * a[j] - gradient[j]
            moved = np.sign(pull) * max(abs(pull) - penalties[j], 0.0) / diagonal[j]
            if moved != a[j]:
                gradient += matrix[:, j] * (moved - a[j])
                a[j] = moved
        gradient = matrix @ a + vector  # anew, so that rounding does not add up
        residual = _violation(gradient, a, penalties) / scale
        better = _minimum_for_signs(matrix, vector, penalties, a)
        if better is not None:
            there = _violation(matrix @ better + vector, better, penalties) / scale
            if there < residual:
                a, residual, gradient = better, there, matrix @ better + vector
    raise SingularSystemError(_not_optimal(limit, "sweeps", residual))


def _minimum_for_signs(
    matrix: np.ndarray, vector: np.ndarray, penalties: np.ndarray, a: np.ndarray
) -> np.ndarray | None:
    """Stationary point among the coefficients with the support and signs of ``a``; None where it changes a sign that is penalised."""
    support = np.flatnonzero(a)
    signs = np.sign(a[support])
    try:
        inside = np.linalg.solve(
            matrix[np.ix_(support, support)], -(vector[support] + penalties[support] * signs)
        )
    except np.linalg.LinAlgError:
        return None
    if not np.all(np.isfinite(inside)) or np.any(
        (np.sign(inside) != signs) & (penalties[support] > 0)
    ):
        return None
    found = np.zeros_like(a)
    found[support] = inside
    return found


def _violation(gradient: np.ndarray, a: np.ndarray, penalties: np.ndarray) -> float:
    """Largest distance of −(Ca + c) from the subgradient of the penalty."""
    active = np.abs(gradient + penalties * np.sign(a))
    passive = np.maximum(np.abs(gradient) - penalties, 0.0)
    return float(np.max(np.where(a != 0, active, passive)))


# --- accelerated proximal gradients, on the device ------------------------------------------------


def _fista(
    xp: Namespace,
    matrix: Array,
    vector: Array,
    penalties: Array,
    a: Array,
    tolerance: float,
    limit: int,
) -> tuple[Array, float, int]:
    """Proximal gradient steps of length 1/L with Nesterov's momentum, which starts anew whenever it points uphill."""
    curvature = item(xp.linalg.eigvalsh(matrix)[-1])
    scale = item(xp.max(xp.abs(vector))) or 1.0
    if not curvature > 0:
        raise SingularSystemError("C has no positive eigenvalue: all statistics are constant")
    one, zero = (
        xp.asarray(number, dtype=vector.dtype, device=device(vector)) for number in (1.0, 0.0)
    )
    ahead, momentum = a, one
    residual = float("inf")
    for step in range(limit + 1):
        if step % STEPS_BETWEEN_CHECKS == 0:
            gradient = xp.matmul(matrix, a) + vector
            active = xp.abs(gradient + penalties * xp.sign(a))
            passive = xp.maximum(xp.abs(gradient) - penalties, zero)
            residual = float(item(xp.max(xp.where(a != 0, active, passive)))) / scale
            if residual <= tolerance:
                return a, residual, step
        moved = ahead - (xp.matmul(matrix, ahead) + vector) / curvature
        moved = xp.sign(moved) * xp.maximum(xp.abs(moved) - penalties / curvature, zero)
        uphill = xp.sum((ahead - moved) * (moved - a)) > 0
        grown = xp.where(uphill, one, 0.5 * (1.0 + xp.sqrt(1.0 + 4.0 * momentum * momentum)))
        share = xp.where(uphill, zero, (momentum - 1.0) / grown)
        ahead, a, momentum = moved + share * (moved - a), moved, grown
    raise SingularSystemError(_not_optimal(limit, "steps", residual))


def _not_optimal(limit: int, unit: str, residual: float) -> str:
    return (
        f"optimality conditions are violated by {residual:.1e} after {limit} {unit}: C is nearly singular for this penalty; "
        "raise kappa, or allow more iterations or a larger tolerance"
    )
