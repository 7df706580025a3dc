"""Solvers of the b×b systems of (N3) and (K3), and of the stacked least-squares problem (N3′).

The system is (G + M) c = Δ with G + M symmetric and positive semi-definite. Where a factor A with A
Aᵀ = G + M is known, for instance A = [B, √λ Φ, √ε I] with centred statistics Φ, the same c comes
from the shortest solution z = Aᵀc of A z = Δ, and its first p entries are u of (N2). That stacked
form never squares the condition number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib import import_module
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    backend_name,
    item,
    to_host,
)
from ingd_ref.backend._scaling import common_unit, representable, rescale
from ingd_ref.errors import BackendError, ShapeError, SingularSystemError

__all__ = [
    "LinearSolution",
    "solve_factored",
    "solve_factored_operator",
    "solve_operator",
    "solve_symmetric",
]

SPARSE_SOLVERS = {"numpy": "scipy.sparse.linalg", "cupy": "cupyx.scipy.sparse.linalg"}
TRIANGULAR_SOLVERS = {"numpy": "scipy.linalg", "cupy": "cupyx.scipy.linalg"}


@dataclass(frozen=True, eq=False)
class LinearSolution:
    """Coefficients c of a linear system, with residual, condition and rank.

    Attributes
    ----------
    coefficients : array (b,)
        The solution c.
    residual : float
        ‖(G + M) c − Δ‖ / ‖Δ‖; 0 where Δ = 0.
    method : str
        Name of the solver.
    matrix : array (b, b) or (b, q) or None
        What was factorised: G + M, or the factor A. ``None`` for a matrix-free solver.
    shortest : array (q,) or None
        z = Aᵀc, the shortest solution of A z = Δ, from the stacked solvers.
    iterations : int or None
        Iterations of an iterative solver.
    estimate : callable or None
        Estimates the condition number of the operator of an iterative solver, on first use.
    """

    coefficients: Array
    residual: float
    method: str
    matrix: Array | None = None
    shortest: Array | None = None
    iterations: int | None = None
    estimate: Callable[[], float] | None = field(default=None, repr=False)

    @cached_property
    def singular_values(self) -> Array:
        """Singular values of :attr:`matrix`, descending, computed on first use."""
        if self.matrix is None:
            raise BackendError(f"a matrix-free solver ({self.method}) has no matrix to decompose")
        return array_namespace(matrix=self.matrix).linalg.svdvals(self.matrix)

    @cached_property
    def condition(self) -> float:
        """2-norm condition number of G + M, or of the factor A, for which it is the square root.

        Infinite for a singular matrix; an estimate for a matrix-free solver.
        """
        if self.estimate is not None:
            return self.estimate()
        largest, smallest = item(self.singular_values[0]), item(self.singular_values[-1])
        return float(largest / smallest) if smallest > 0 else math.inf

    @cached_property
    def rank(self) -> int | None:
        """Number of singular values above b·eps times the largest.

        ``None`` if a matrix-free solver does not know it.
        """
        number = self.coefficients.shape[0]
        xp = array_namespace(coefficients=self.coefficients)
        cut = number * xp.finfo(self.coefficients.dtype).eps
        if self.matrix is None:
            return number if self.condition < 1.0 / cut else None
        values = self.singular_values
        return int(item(xp.sum(xp.astype(values > cut * values[0], xp.int64))))


@_checks.guarded
def solve_symmetric(matrix: Array, rhs: Array, method: str = "cholesky") -> LinearSolution:
    """Solve (G + M) c = Δ for a symmetric positive (semi-)definite matrix, equations (N3) and (K3).

    Parameters
    ----------
    matrix : array (b, b)
        G + M, symmetric.
    rhs : array (b,)
        Δ.
    method : {"cholesky", "eigh"}
        ``"cholesky"`` needs a positive definite matrix. ``"eigh"`` drops eigenvalues below b·eps
        times the largest and returns the shortest of the least-squares solutions; the velocity V c
        does not depend on the dropped directions.

    Returns
    -------
    LinearSolution

    Raises
    ------
    ShapeError, NonFiniteError
        If matrix and right-hand side do not fit, or hold NaN or infinity.
    OptionError
        If the method is unknown.
    SingularSystemError
        If the matrix is indefinite, or (``"cholesky"``) singular to working precision.
    DomainError
        If the solution is beyond the largest number.

    Examples
    --------
    >>> import numpy as np
    >>> solution = solve_symmetric(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
    >>> solution.coefficients, round(solution.condition, 12), solution.rank
    (array([1. , 0.5]), 2.0, 2)
    """
    xp, matrix, rhs = _checks.arrays(matrix=matrix, rhs=rhs)
    _checks.choice(method, "method", ("cholesky", "eigh"))
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(f"matrix must be square, got shape {tuple(matrix.shape)}")
    matrix = _checks.finite(_checks.real_array(matrix, "matrix", xp), "matrix", xp)
    rhs = _checks.vector(rhs, "rhs", matrix.shape[0], xp, like=matrix)
    a, b = _units(matrix, rhs)
    scaled, right = rescale(matrix, -a), rescale(rhs, -b)
    solve = _by_cholesky if method == "cholesky" else _by_eigenvectors
    coefficients = solve(xp, scaled, right)
    residual = _relative_residual(xp, xp.matmul(scaled, coefficients), right)
    return LinearSolution(_restored(coefficients, b - a), residual, method, matrix)


@_checks.guarded
def solve_factored(factor: Array, rhs: Array, method: str = "qr") -> LinearSolution:
    """Solve A Aᵀ c = Δ from A alone, by orthogonal factorisation of the stacked system (N3′).

    Parameters
    ----------
    factor : array (b, q)
        A, for instance [B, √λ Φ, √ε I].
    rhs : array (b,)
        Δ.
    method : {"qr", "svd"}
        ``"qr"`` needs full row rank. ``"svd"`` drops singular values below max(b, q)·eps times the
        largest.

    Returns
    -------
    LinearSolution
        With :attr:`~LinearSolution.shortest` = Aᵀc. Its condition is that of A: the square root of
        that of A Aᵀ.

    Raises
    ------
    ShapeError, NonFiniteError
        If factor and right-hand side do not fit, or hold NaN or infinity.
    OptionError
        If the method is unknown.
    SingularSystemError
        If A lacks full row rank (``"qr"``).
    DomainError
        If the solution is beyond the largest number.

    Examples
    --------
    >>> import numpy as np
    >>> solve_factored(np.array([[1.0, 1.0]]), np.array([4.0])).shortest
    array([2., 2.])
    """
    xp = array_namespace(factor=factor, rhs=rhs)
    _checks.choice(method, "method", ("qr", "svd"))
    factor = _checks.points(factor, "factor", xp)
    rhs = _checks.vector(rhs, "rhs", factor.shape[0], xp, like=factor)
    a, b = _units(factor, rhs)
    scaled, right = rescale(factor, -a), rescale(rhs, -b)
    coefficients, shortest = (_by_qr if method == "qr" else _by_svd)(xp, scaled, right)
    residual = _relative_residual(xp, xp.matmul(scaled, shortest), right)
    return LinearSolution(
        _restored(coefficients, b - 2 * a), residual, method, factor, _restored(shortest, b - a)
    )


def _units(matrix: Array, rhs: Array) -> tuple[int, int]:
    """Return a and b so that squares of matrix / 2^a and of rhs / 2^b fit; 0 where they do."""
    return common_unit(matrix), common_unit(rhs)


def _restored(solution: Array, power: int) -> Array:
    return representable(rescale(solution, power), "the solution of the system")


@_checks.guarded
def solve_operator(
    product: Callable[[Array], Array],
    rhs: Array,
    tolerance: float = 1e-12,
    max_iterations: int | None = None,
) -> LinearSolution:
    """Solve (G + M) c = Δ by conjugate gradients, from products with G + M alone.

    Parameters
    ----------
    product : callable
        Maps c (b,) to (G + M) c (b,).
    rhs : array (b,)
        Δ, NumPy or CuPy.
    tolerance : float > 0
        Largest relative residual. Default 1e-12, or 10 eps of the floating type if that is larger.
    max_iterations : int, optional
        Default 10 b + 100; in exact arithmetic b would do.

    Returns
    -------
    LinearSolution
        The condition number comes from a Lanczos run on the same products, on first use.

    Raises
    ------
    SingularSystemError
        If the tolerance is not reached.
    DomainError
        If the solution is beyond the largest number.
    BackendError
        For a library without sparse solvers.

    Examples
    --------
    >>> import numpy as np
    >>> solve_operator(lambda c: 2.0 * c, np.ones(3)).coefficients
    array([0.5, 0.5, 0.5])
    """
    xp, sparse = _sparse_solvers(_checks.arrays(rhs=rhs)[1])
    max_iterations = _iterations(max_iterations)
    rhs = _checks.as_array(rhs, "rhs")
    rhs = _checks.vector(rhs, "rhs", rhs.shape[0], xp)
    product = _mapped(product, "product", rhs, rhs.shape[0])
    tolerance = max(_checks.positive(tolerance, "tolerance"), 10 * xp.finfo(rhs.dtype).eps)
    b = common_unit(rhs)
    image = product(rescale(rhs, -b))
    a = common_unit(image)
    if a or b:
        right = rescale(rhs, -b)
        solved = solve_operator(lambda c: rescale(product(c), -a), right, tolerance, max_iterations)
        return replace(solved, coefficients=_restored(solved.coefficients, b - a))
    return _by_conjugate_gradients(xp, sparse, product, image, rhs, tolerance, max_iterations)


def _by_conjugate_gradients(
    xp: Namespace,
    sparse: Any,
    product: Callable[[Array], Array],
    image: Array,
    rhs: Array,
    tolerance: float,
    max_iterations: int | None,
) -> LinearSolution:
    """Solve (G + M) c = Δ; ``image`` is (G + M) Δ."""
    number = rhs.shape[0]

    def finite_product(c: Array) -> Array:
        """Return the product, unless conjugate gradients broke down to a direction of NaN."""
        if not item(xp.all(xp.isfinite(c))):
            raise SingularSystemError(
                "conjugate gradients stopped at a direction that is not finite: the system is "
                "singular or indefinite; raise the jitter or use solver='eigh'"
            )
        return product(c)

    operator = sparse.LinearOperator((number, number), matvec=finite_product, dtype=rhs.dtype)
    steps = _Counter()
    limit = 10 * number + 100 if max_iterations is None else max_iterations
    with np.errstate(all="ignore"):  # a breakdown on a singular operator shows in the residual
        coefficients, failed = sparse.cg(
            operator,
            rhs,
            atol=0.0,
            maxiter=limit,
            callback=steps,
            **{_tolerance_name(rhs): tolerance},
        )
        residual = _relative_residual(xp, finite_product(coefficients), rhs)
    # The recursive residual of CG leaves the true one behind by rounding, some eps ‖G + M‖ ‖c‖; a
    # product with Δ shows the size of G + M.
    size = item(xp.linalg.vector_norm(rhs)) or 1.0
    rounding = (
        xp.finfo(rhs.dtype).eps
        * item(xp.linalg.vector_norm(image) * xp.linalg.vector_norm(coefficients))
        / size**2
    )
    if failed or not residual <= 10 * tolerance + 100 * rounding:
        raise SingularSystemError(
            f"conjugate gradients stopped after {steps.count} iterations with relative residual "
            f"{residual:.1e} instead of {tolerance:.1e}: the system is singular, indefinite or too "
            "ill-conditioned; raise the jitter or use solver='eigh'"
        )
    estimate = partial(_lanczos_condition, xp, sparse, operator, number)
    return LinearSolution(coefficients, residual, "cg", iterations=steps.count, estimate=estimate)


@_checks.guarded
def solve_factored_operator(
    product: Callable[[Array], Array],
    adjoint: Callable[[Array], Array],
    width: int,
    rhs: Array,
    max_iterations: int | None = None,
) -> LinearSolution:
    """Solve A Aᵀ c = Δ by LSMR on A z = Δ, from products with A and Aᵀ alone (N3′).

    LSMR started at zero converges to the shortest solution z, which lies in the range of Aᵀ; a
    second run on Aᵀc = z gives c.

    Parameters
    ----------
    product : callable
        Maps z (q,) to A z (b,).
    adjoint : callable
        Maps c (b,) to Aᵀc (q,).
    width : int
        q.
    rhs : array (b,)
        Δ, NumPy or CuPy.
    max_iterations : int, optional
        Default 10 min(b, q) + 100 for each run.

    Returns
    -------
    LinearSolution

    Raises
    ------
    SingularSystemError
        If LSMR does not converge, or A z = Δ has no solution.
    DomainError
        If the solution is beyond the largest number.
    BackendError
        For a library without sparse solvers.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[1.0, 1.0]])
    >>> solve_factored_operator(lambda z: A @ z, lambda c: A.T @ c, 2, np.array([4.0])).coefficients
    array([2.])
    """
    xp, sparse = _sparse_solvers(_checks.arrays(rhs=rhs)[1])
    width, max_iterations = _checks.positive_integer(width, "width"), _iterations(max_iterations)
    rhs = _checks.as_array(rhs, "rhs")
    rhs = _checks.vector(rhs, "rhs", rhs.shape[0], xp)
    product = _mapped(product, "product", rhs, rhs.shape[0])
    adjoint = _mapped(adjoint, "adjoint", rhs, width)
    b = common_unit(rhs)
    a = common_unit(adjoint(rescale(rhs, -b)))
    if a or b:
        solved = solve_factored_operator(
            lambda z: rescale(product(z), -a),
            lambda c: rescale(adjoint(c), -a),
            width,
            rescale(rhs, -b),
            max_iterations,
        )
        return replace(
            solved,
            coefficients=_restored(solved.coefficients, b - 2 * a),
            shortest=_restored(solved.shortest, b - a),
        )
    return _by_lsmr(xp, sparse, product, adjoint, width, rhs, max_iterations)


def _by_lsmr(
    xp: Namespace,
    sparse: Any,
    product: Callable[[Array], Array],
    adjoint: Callable[[Array], Array],
    width: int,
    rhs: Array,
    max_iterations: int | None,
) -> LinearSolution:
    """Solve A z = Δ and then Aᵀc = z."""
    number = rhs.shape[0]
    operator = sparse.LinearOperator(
        (number, width),
        matvec=product,
        rmatvec=adjoint,
        dtype=rhs.dtype,
    )
    limit = 10 * min(number, width) + 100 if max_iterations is None else max_iterations
    eps = xp.finfo(rhs.dtype).eps
    with np.errstate(over="ignore"):  # SciPy starts a minimum at 1e100, infinite in float32
        shortest, stop, iterations, *_ = sparse.lsmr(
            operator, rhs, atol=eps, btol=eps, conlim=0.0, maxiter=limit
        )
        coefficients, _, more, _, _, _, condition, _ = sparse.lsmr(
            operator.T, shortest, atol=eps, btol=eps, conlim=0.0, maxiter=limit
        )
    shortest, coefficients = (
        xp.astype(found, rhs.dtype, copy=False) for found in (shortest, coefficients)
    )  # SciPy answers in float64
    if stop == 7:
        raise SingularSystemError(
            f"LSMR did not converge in {iterations} iterations: the system is too ill-conditioned"
        )
    residual = _relative_residual(xp, product(shortest), rhs)
    # Where A has full row rank rounding leaves eps times the condition number at most; a larger
    # residual is that of a least-squares answer.
    if not residual <= 1000 * eps * max(1.0, float(condition)):
        raise SingularSystemError(
            f"LSMR leaves a relative residual of {residual:.1e}: the factor lacks full row rank, "
            "and the system has no solution; raise the jitter or use fewer features"
        )
    return LinearSolution(
        coefficients,
        residual,
        "lsmr",
        shortest=shortest,
        iterations=iterations + more,
        estimate=lambda: float(condition),
    )


# --- direct solvers -------------------------------------------------------------------------------


def _by_cholesky(xp: Namespace, matrix: Array, rhs: Array) -> Array:
    try:
        lower = xp.linalg.cholesky(matrix)
    except Exception as error:  # each library has its own exception for a pivot below zero
        if type(error).__name__ not in ("LinAlgError", "_LinAlgError"):
            raise
        raise SingularSystemError(_advice("is not positive definite")) from None
    pivots = xp.linalg.diagonal(lower)
    # CuPy returns NaN instead of raising. Squared pivots carry rounding errors of a few eps times
    # the largest one: one that is not above ten of them is nothing but rounding.
    ratio = item(xp.min(pivots) / xp.max(pivots))
    if not ratio * ratio > 10 * xp.finfo(matrix.dtype).eps:
        raise SingularSystemError(_advice("is singular to working precision"))
    return _triangular(
        xp, xp.matrix_transpose(lower), _triangular(xp, lower, rhs, lower=True), lower=False
    )


def _by_eigenvectors(xp: Namespace, matrix: Array, rhs: Array) -> Array:
    values, vectors = xp.linalg.eigh(matrix)
    cut = matrix.shape[0] * xp.finfo(matrix.dtype).eps * xp.max(xp.abs(values))
    if item(values[0] < -cut):
        raise SingularSystemError(
            f"the system matrix is indefinite: its smallest eigenvalue is {item(values[0]):.3e}"
        )
    kept = values > cut
    inverse = xp.where(
        kept, 1.0 / xp.where(kept, values, xp.ones_like(values)), xp.zeros_like(values)
    )
    return xp.matmul(vectors, inverse * xp.matmul(xp.matrix_transpose(vectors), rhs))


def _by_qr(xp: Namespace, factor: Array, rhs: Array) -> tuple[Array, Array]:
    if factor.shape[1] < factor.shape[0]:
        raise SingularSystemError(
            f"the factor has {factor.shape[1]} columns, too few for {factor.shape[0]} equations; "
            "use method='svd'"
        )
    q, r = xp.linalg.qr(xp.matrix_transpose(factor))
    pivots = xp.abs(xp.linalg.diagonal(r))
    if not item(xp.min(pivots)) > xp.finfo(factor.dtype).eps * item(xp.max(pivots)):
        raise SingularSystemError(
            "the factor lacks full row rank to working precision; "
            "use method='svd' for the shortest solution"
        )
    half = _triangular(xp, xp.matrix_transpose(r), rhs, lower=True)
    return _triangular(xp, r, half, lower=False), xp.matmul(q, half)


def _by_svd(xp: Namespace, factor: Array, rhs: Array) -> tuple[Array, Array]:
    left, values, right = xp.linalg.svd(factor, full_matrices=False)
    kept = values > max(factor.shape) * xp.finfo(factor.dtype).eps * values[0]
    inverse = xp.where(
        kept, 1.0 / xp.where(kept, values, xp.ones_like(values)), xp.zeros_like(values)
    )
    half = inverse * xp.matmul(xp.matrix_transpose(left), rhs)
    return xp.matmul(left, inverse * half), xp.matmul(xp.matrix_transpose(right), half)


def _triangular(xp: Namespace, matrix: Array, rhs: Array, *, lower: bool) -> Array:
    """Solve a triangular system, by a general solver if the library has no triangular one."""
    library = TRIANGULAR_SOLVERS.get(backend_name(matrix))
    if library is not None:
        return import_module(library).solve_triangular(matrix, rhs, lower=lower, check_finite=False)
    return xp.linalg.solve(matrix, rhs[:, None])[:, 0]


def _relative_residual(xp: Namespace, product: Array, rhs: Array) -> float:
    size = item(xp.linalg.vector_norm(rhs))
    return float(item(xp.linalg.vector_norm(product - rhs)) / size) if size > 0 else 0.0


def _advice(fault: str) -> str:
    return (
        f"the system matrix {fault}; raise the jitter, use fewer features, "
        "or use solver='eigh' for the minimum-norm solution"
    )


# --- iterative solvers ----------------------------------------------------------------------------


class _Counter:
    """Callback that counts iterations."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _: Array) -> None:
        self.count += 1


def _mapped(function: Callable[[Array], Array], name: str, like: Array, length: int) -> Any:
    """Return the function with a check of what it returns: a vector that goes with ``like``."""
    _checks.function(function, name)

    def product(vector: Array) -> Array:
        result = _checks.returned(function(vector), f"the result of {name}", rhs=like)
        if result.size != length:
            raise ShapeError(f"{name} must return {length} numbers, got {tuple(result.shape)}")
        return result

    return product


def _iterations(number: int | None) -> int | None:
    return None if number is None else _checks.positive_integer(number, "max_iterations")


def _sparse_solvers(rhs: Array) -> tuple[Namespace, Any]:
    xp = array_namespace(rhs=rhs)
    library = SPARSE_SOLVERS.get(backend_name(rhs))
    if library is None:
        raise BackendError(
            f"matrix-free solvers need NumPy or CuPy arrays, got {backend_name(rhs)}"
        )
    if rhs.ndim != 1 or rhs.shape[0] == 0:
        raise ShapeError(f"rhs must have shape (b,), got {tuple(rhs.shape)}")
    return xp, import_module(library)


def _tolerance_name(rhs: Array) -> str:
    """Return the name of the relative tolerance: CuPy has SciPy's former one."""
    return "rtol" if backend_name(rhs) == "numpy" else "tol"


def _lanczos_condition(xp: Namespace, sparse: Any, operator: Any, number: int) -> float:
    """Return the ratio of the extreme eigenvalues of a symmetric operator.

    A small operator is formed column by column.
    """
    if number <= 64:
        values = xp.linalg.eigvalsh(
            xp.stack([operator.matvec(column) for column in xp.eye(number, dtype=operator.dtype)])
        )
        largest, smallest = item(values[-1]), item(values[0])
    else:
        largest = to_host(
            sparse.eigsh(operator, k=1, which="LA", return_eigenvectors=False, tol=1e-3)
        ).item()
        smallest = to_host(
            sparse.eigsh(
                operator, k=1, which="SA", return_eigenvectors=False, tol=1e-3, maxiter=100 * number
            )
        ).item()
    return float(largest / smallest) if smallest > 0 else math.inf
