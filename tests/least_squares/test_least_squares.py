"""Solvers against constructions with known answers, mpmath, and each other."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingd_ref.errors import (
    BackendError,
    NonFiniteError,
    OptionError,
    ShapeError,
    SingularSystemError,
)
from ingd_ref.least_squares import (
    solve_factored,
    solve_factored_operator,
    solve_operator,
    solve_symmetric,
)

EPS = np.finfo(float).eps


def orthogonal(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def spectrum_matrix(rng, values):
    """A symmetric matrix with the given eigenvalues."""
    q = orthogonal(rng, len(values))
    return (q * values) @ q.T


def mpmath_solution(matrix, rhs):
    with mpmath.workdps(50):
        return np.array(
            [
                float(v)
                for v in mpmath.lu_solve(
                    mpmath.matrix(matrix.tolist()), mpmath.matrix(rhs.tolist())
                )
            ]
        )


def every_solution(factor, rhs):
    """All solvers on A Aᵀ c = Δ, the symmetric ones with the product formed."""
    matrix = factor @ factor.T
    return {
        "cholesky": solve_symmetric(matrix, rhs, "cholesky"),
        "eigh": solve_symmetric(matrix, rhs, "eigh"),
        "qr": solve_factored(factor, rhs, "qr"),
        "svd": solve_factored(factor, rhs, "svd"),
        "cg": solve_operator(lambda c: matrix @ c, rhs),
        "lsmr": solve_factored_operator(
            lambda z: factor @ z, lambda c: factor.T @ c, factor.shape[1], rhs
        ),
    }


@given(
    number=st.integers(1, 12),
    extra=st.integers(0, 30),
    log_condition=st.floats(0, 4),
    seed=st.integers(0, 2**32 - 1),
)
@example(number=1, extra=0, log_condition=0.0, seed=0)
@example(number=12, extra=0, log_condition=4.0, seed=1)
def test_all_solvers_agree_within_the_condition_number(number, extra, log_condition, seed):
    rng = np.random.default_rng(seed)
    values = np.geomspace(1.0, 10.0**-log_condition, number)
    wide = np.hstack([orthogonal(rng, number) * values, np.zeros((number, extra))]) @ orthogonal(
        rng, number + extra
    )
    rhs = rng.standard_normal(number)
    solutions = every_solution(wide, rhs)
    reference = mpmath_solution(wide @ wide.T, rhs)
    # Backward-stable solvers of the formed system err by about n eps cond(A)²; CG stops at a
    # residual of 1e-11 ‖Δ‖ ≤ 1e-11 ‖AAᵀ‖ ‖c‖ at worst, LSMR at eps, and a residual costs cond(A)²
    # times itself. The reference solves the rounded product, which moves it by as much.
    condition = (values[0] / values[-1]) ** 2
    for name, solution in solutions.items():
        tolerance = (
            condition * (1e-11 if name == "cg" else 100 * number * EPS) * np.linalg.norm(reference)
        )
        assert np.linalg.norm(solution.coefficients - reference) <= tolerance, name
        assert solution.rank == number, name
        factored = name in ("qr", "svd")
        expected = np.sqrt(condition) if factored else condition
        # LSMR reports a Frobenius-norm estimate: an upper bound by up to √n, and a lower one where
        # it stops early.
        if name != "lsmr":
            assert solution.condition == pytest.approx(
                expected, rel=1e-3 + 10 * number * EPS * condition
            ), name


def test_the_stacked_form_survives_where_the_formed_matrix_does_not():
    """At cond(A) = 1e9 Cholesky of A Aᵀ raises, and QR of A keeps seven digits (N3′)."""
    rng = np.random.default_rng(5)
    number = 10
    left, right, values = (
        orthogonal(rng, number),
        orthogonal(rng, 25)[:number],
        np.geomspace(1.0, 1e-9, number),
    )
    factor = (left * values) @ right
    z = right.T @ rng.standard_normal(
        number
    )  # in the row space, hence the shortest solution of A z = Δ
    rhs = factor @ z
    with pytest.raises(SingularSystemError, match=r"jitter.*eigh"):
        solve_symmetric(factor @ factor.T, rhs)
    for method in ("qr", "svd"):
        solution = solve_factored(factor, rhs, method)
        # One factor cond(A) = 1e9, times eps and a modest constant.
        assert np.linalg.norm(solution.shortest - z) <= 100 * EPS * 1e9 * np.linalg.norm(z)
        # svdvals errs by about n eps times the largest singular value: relative to the smallest
        # one, 1e9 times that.
        assert solution.condition == pytest.approx(1e9, rel=10 * number * EPS * 1e9)


def test_minimum_norm_answers_of_a_singular_system():
    rng = np.random.default_rng(7)
    q = orthogonal(rng, 6)
    values = np.array([3.0, 2.0, 1.0, 0.0, 0.0, 0.0])
    matrix, rhs = (q * values) @ q.T, rng.standard_normal(6)
    expected = np.linalg.pinv(matrix, rcond=1e-10) @ rhs
    solution = solve_symmetric(matrix, rhs, "eigh")
    assert np.allclose(
        solution.coefficients, expected, rtol=0, atol=1e-13
    )  # condition 3 on the range: a few eps
    assert solution.rank == 3
    assert solution.residual > 0.1  # the part of Δ outside the range cannot be met, and that shows
    assert solution.condition > 1e14
    factored = solve_factored(q[:, :3] * np.sqrt(values[:3]), rhs, "svd")
    assert np.allclose(factored.coefficients, expected, rtol=0, atol=1e-13)
    assert factored.rank == 3
    with pytest.raises(SingularSystemError, match="too few"):
        solve_factored(q[:, :3], rhs, "qr")
    with pytest.raises(SingularSystemError, match="row rank"):
        solve_factored(np.vstack([q[:2], q[1:2]]), rhs[:3], "qr")


def test_conjugate_gradients_on_a_consistent_singular_system_gives_the_shortest_solution():
    rng = np.random.default_rng(8)
    q = orthogonal(rng, 6)
    matrix = (q * np.array([3.0, 2.0, 1.0, 0.0, 0.0, 0.0])) @ q.T
    rhs = matrix @ rng.standard_normal(6)
    solution = solve_operator(lambda c: matrix @ c, rhs)
    assert np.allclose(
        solution.coefficients, np.linalg.pinv(matrix, rcond=1e-10) @ rhs, rtol=0, atol=1e-11
    )  # stops at residual 1e-12
    assert solution.rank is None  # a matrix-free solver cannot tell the rank of a singular operator


@pytest.mark.parametrize("method", ["cholesky", "eigh"])
def test_an_indefinite_matrix_is_refused(method):
    with pytest.raises(SingularSystemError, match="definite"):
        solve_symmetric(np.diag([1.0, -1.0]), np.ones(2), method)


def test_conjugate_gradients_refuse_what_they_cannot_solve():
    # A singular inconsistent system: no c has a small residual.
    with pytest.raises(SingularSystemError, match="conjugate gradients stopped"):
        solve_operator(lambda c: np.array([1.0, 0.0]) * c, np.ones(2))


def test_lsmr_refuses_to_stop_early():
    factor = spectrum_matrix(np.random.default_rng(0), np.geomspace(1, 1e-6, 40))
    with pytest.raises(SingularSystemError, match="LSMR did not converge"):
        solve_factored_operator(
            lambda z: factor @ z, lambda c: factor.T @ c, 40, np.ones(40), max_iterations=3
        )


def test_large_operators_report_their_condition():
    values = np.geomspace(1.0, 1e-3, 100)
    solution = solve_operator(lambda c: values * c, np.ones(100))
    assert solution.condition == pytest.approx(
        1e3, rel=0.01
    )  # Lanczos runs to a relative tolerance of 1e-3 at each end
    assert solution.rank == 100
    with pytest.raises(BackendError, match="matrix-free"):
        _ = solution.singular_values


def test_a_zero_right_side_has_the_zero_answer():
    solution = solve_symmetric(np.eye(3), np.zeros(3))
    assert not solution.coefficients.any()
    assert solution.residual == 0.0


def test_float32_stays_float32():
    rng = np.random.default_rng(3)
    matrix = spectrum_matrix(rng, np.geomspace(1, 1e-2, 5))
    rhs = rng.standard_normal(5)
    for method in ("cholesky", "eigh"):
        solution = solve_symmetric(matrix.astype(np.float32), rhs.astype(np.float32), method)
        assert solution.coefficients.dtype == np.float32
        error = np.linalg.norm(solution.coefficients - mpmath_solution(matrix, rhs))
        # condition 100, entries rounded to float32
        assert error <= 10 * 100 * np.finfo(np.float32).eps * np.linalg.norm(solution.coefficients)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: solve_symmetric(np.ones((2, 3)), np.ones(2)), ShapeError, "square"),
        (lambda: solve_symmetric(np.eye(2), np.ones(3)), ShapeError, "rhs"),
        (lambda: solve_symmetric(np.eye(2), np.array([1.0, np.nan])), NonFiniteError, "rhs"),
        (lambda: solve_symmetric(np.diag([1.0, np.inf]), np.ones(2)), NonFiniteError, "matrix"),
        (lambda: solve_symmetric(np.eye(2), np.ones(2), "magic"), OptionError, "'magic'"),
        (lambda: solve_factored(np.eye(2), np.ones(2), "cholesky"), OptionError, "'cholesky'"),
        (lambda: solve_factored(np.eye(2), {1.0}), BackendError, "rhs"),
        (lambda: solve_operator(lambda c: c, np.ones((2, 1))), ShapeError, "rhs"),
    ],
)
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_other_libraries_solve_directly_but_not_matrix_free():
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device1")
    matrix = np.array([[2.0, 1.0], [1.0, 3.0]])
    arrays = strict.asarray(matrix, device=device), strict.asarray(np.ones(2), device=device)
    for method in ("cholesky", "eigh"):
        assert str(solve_symmetric(*arrays, method).coefficients.device) == str(device)
    assert solve_factored(arrays[0], arrays[1]).rank == 2
    with pytest.raises(BackendError, match="NumPy or CuPy"):
        solve_operator(lambda c: c, arrays[1])


def test_lsmr_keeps_single_precision():
    rng = np.random.default_rng(12)
    factor, rhs = rng.normal(size=(4, 9)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    found = solve_factored_operator(lambda z: factor @ z, lambda c: factor.T @ c, 9, rhs)
    assert found.coefficients.dtype == found.shortest.dtype == np.float32
    exact = np.linalg.lstsq(factor.astype(float), rhs.astype(float))[0]
    # a least-squares answer is right to the rounding of single precision times the condition of the
    # factor
    np.testing.assert_allclose(
        found.shortest,
        exact,
        atol=100 * np.finfo(np.float32).eps * np.linalg.cond(factor) * np.linalg.norm(exact),
    )


def test_conjugate_gradients_break_down_by_name():
    """The product rejects vectors of NaN, as those of generators do; the error names the system."""

    def product(c):
        assert np.all(np.isfinite(c))
        return np.array([c[0], 0.0])

    with pytest.raises(SingularSystemError, match="conjugate gradients"):
        solve_operator(product, np.array([0.0, 1.0]))
