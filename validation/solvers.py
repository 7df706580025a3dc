"""Solvers of (N3) and (K3), and of the stacked least-squares problem (N3′)."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import partial

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.oracles.precise import Array, precise, solve
from validation.registry import EPS, Measured, case, compared

SPARSE = ("numpy", "cupy")  # libraries with matrix-free solvers

# A backward stable solver errs by a modest polynomial in b times the unit roundoff eps/2 times the
# condition number; the bounds of Cholesky, QR and eigenvectors have b^{3/2}, here 15, for each of
# two triangular or orthogonal factors.
FACTOR = 15.0


def factor(condition: float, rng: np.random.Generator, rows: int = 6, columns: int = 14) -> Array:
    """A (b, q) with singular values in geometric progression: κ(A Aᵀ) = κ(A)²."""
    left, _ = np.linalg.qr(rng.normal(size=(rows, rows)))
    right, _ = np.linalg.qr(rng.normal(size=(columns, rows)))
    return left * np.geomspace(1.0, 1.0 / condition, rows) @ right.T


def relative(found: Array, expected: Array) -> float:
    """Normwise relative error."""
    exact = expected.astype(float)
    return float(
        np.linalg.norm((found.astype(object) - expected).astype(float)) / np.linalg.norm(exact)
    )


@case("N3", "K3", oracle="elimination at eighty digits")
def symmetric_systems(arrays: Arrays) -> Iterator[Measured]:
    """Direct solvers of G + M, over twelve decades of its condition number."""
    rng = np.random.default_rng(11)
    for condition in (1e0, 1e4, 1e8, 1e12):
        a, rhs = factor(np.sqrt(condition), rng), rng.normal(size=6)
        matrix = a @ a.T
        matrix = 0.5 * (matrix + matrix.T)
        expected = solve(precise(matrix), precise(rhs))
        for method in ("cholesky", "eigh"):
            solution = ir.least_squares.solve_symmetric(arrays(matrix), arrays(rhs), method)
            error = relative(arrays.host(solution.coefficients), expected)
            allowed = FACTOR * EPS * float(np.linalg.cond(matrix))
            yield Measured(
                f"{method}, condition {condition:.0e}",
                error,
                allowed,
                "eps times the condition number",
            )


@case("N3", oracle="Bᵀ times elimination at eighty digits")
def generator_velocity(arrays: Arrays) -> Iterator[Measured]:
    """The velocity Bᵀ(BBᵀ + λF̂ + εI)⁻¹Δ, with M of full rank by its jitter alone."""
    rng = np.random.default_rng(12)
    b, delta, samples = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=(3, 4))
    fisher = np.cov(samples.T, ddof=0)
    matrix = b @ b.T + 0.1 * fisher + 1e-3 * np.eye(4)
    exact_matrix = (
        precise(b) @ precise(b).T
        + precise(0.1) * precise(fisher)
        + precise(1e-3) * precise(np.eye(4))
    )
    expected = precise(b).T @ solve(exact_matrix, precise(delta))
    c = arrays.host(ir.least_squares.solve_symmetric(arrays(matrix), arrays(delta)).coefficients)
    allowed = FACTOR * EPS * float(np.linalg.cond(matrix))
    yield Measured(
        "u", relative(b.T @ c, expected), allowed, "eps times the condition number of BBᵀ + M"
    )


@case("N3′", oracle="elimination at eighty digits")
def stacked_systems(arrays: Arrays) -> Iterator[Measured]:
    """The shortest z with A z = Δ errs by κ(A), not by κ(A Aᵀ) = κ(A)²."""
    rng = np.random.default_rng(13)
    for condition in (1e0, 1e3, 1e6):
        a, rhs = factor(condition, rng), rng.normal(size=6)
        expected = precise(a).T @ solve(precise(a) @ precise(a).T, precise(rhs))
        for method in ("qr", "svd"):
            solution = ir.least_squares.solve_factored(arrays(a), arrays(rhs), method)
            assert solution.shortest is not None
            error = relative(arrays.host(solution.shortest), expected)
            yield Measured(
                f"{method}, condition {condition:.0e}",
                error,
                FACTOR * EPS * condition,
                "eps times the condition number of A",
            )


@case("N3′", oracle="agreement of two solvers that share no step")
def normal_equations_and_stacked_system_agree(arrays: Arrays) -> Iterator[Measured]:
    """B, λF̂ and εI stacked as [B, √λ Φ, √ε I] give the u of (N3)."""
    rng = np.random.default_rng(14)
    b, samples, delta = rng.normal(size=(4, 3)), rng.normal(size=(9, 4)), rng.normal(size=4)
    centred = (samples - np.mean(samples, axis=0)) / 3
    ridge, jitter = 0.1, 1e-3
    stacked = np.concatenate([b, np.sqrt(ridge) * centred.T, np.sqrt(jitter) * np.eye(4)], axis=1)
    matrix = b @ b.T + ridge * centred.T @ centred + jitter * np.eye(4)
    short = ir.least_squares.solve_factored(arrays(stacked), arrays(delta)).shortest
    c = arrays.host(ir.least_squares.solve_symmetric(arrays(matrix), arrays(delta)).coefficients)
    u, reason = b.T @ c, "eps times the condition number of the normal equations"
    allowed = FACTOR * EPS * float(np.linalg.cond(matrix))
    yield compared("u", arrays.host(short)[:3], u, allowed, reason, scale=np.linalg.norm(u))


@case("N3", "K3", oracle="elimination at eighty digits", backends=SPARSE)
def conjugate_gradients(arrays: Arrays) -> Iterator[Measured]:
    """Products with G + M alone."""
    rng = np.random.default_rng(15)
    for condition in (1e1, 1e4, 1e6):
        a, rhs = factor(np.sqrt(condition), rng), rng.normal(size=6)
        matrix = a @ a.T
        solution = ir.least_squares.solve_operator(
            partial(operator.matmul, arrays(matrix)), arrays(rhs)
        )
        error = relative(arrays.host(solution.coefficients), solve(precise(matrix), precise(rhs)))
        yield Measured(
            f"condition {condition:.0e}",
            error,
            1e-12 * condition,
            "the requested residual, 1e-12, times the condition number",
        )


@case("N3′", oracle="elimination at eighty digits", backends=SPARSE)
def least_squares_minimal_residual(arrays: Arrays) -> Iterator[Measured]:
    """Products with A and Aᵀ alone."""
    rng = np.random.default_rng(16)
    for condition in (1e1, 1e3):
        a, rhs = factor(condition, rng), rng.normal(size=6)
        product, adjoint = (
            partial(operator.matmul, arrays(a)),
            partial(operator.matmul, arrays(a.T)),
        )
        solution = ir.least_squares.solve_factored_operator(product, adjoint, 14, arrays(rhs))
        assert solution.shortest is not None
        expected = precise(a).T @ solve(precise(a) @ precise(a).T, precise(rhs))
        # LSMR stops when ‖Aᵀr‖ ≤ eps ‖A‖‖r‖ or when the residual reaches eps: z is then off by the
        # condition number, twice over at worst.
        error, allowed = (
            relative(arrays.host(solution.shortest), expected),
            FACTOR * EPS * condition**2,
        )
        yield Measured(f"condition {condition:.0e}", error, allowed, "its stopping rule at eps")


@case("N3", oracle="minimum-norm solution from a known eigenbasis")
def singular_systems(arrays: Arrays) -> Iterator[Measured]:
    """``eigh`` and ``svd`` give the shortest solution of a singular system, and the rank."""
    rng = np.random.default_rng(17)
    basis, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    values = np.array([3.0, 2.0, 1.0, 0.5, 0.0, 0.0])
    wanted = basis[:, :4] @ rng.normal(size=4)
    matrix = basis * values @ basis.T
    rhs = basis @ (values * (basis.T @ wanted))
    solution = ir.least_squares.solve_symmetric(
        arrays(0.5 * (matrix + matrix.T)), arrays(rhs), "eigh"
    )
    yield compared(
        "eigh",
        arrays.host(solution.coefficients),
        wanted,
        6 * FACTOR * EPS * 6,
        "b roundings times the condition number, 6",
    )
    yield compared("rank", solution.rank, 4, 0.0, "an integer")
    root = basis * np.sqrt(values)
    factored = ir.least_squares.solve_factored(arrays(root), arrays(rhs), "svd")
    yield compared(
        "svd",
        arrays.host(factored.coefficients),
        wanted,
        6 * FACTOR * EPS * 6,
        "b roundings times the condition number, 6",
    )
