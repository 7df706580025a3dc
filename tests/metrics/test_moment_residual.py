"""(Q4): the norm of the moment mismatch against fifty digits and pseudo-inverses."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingd_ref as ir

EPS = np.finfo(float).eps


def problem(seed, b, condition):
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(b, b)))[0]
    fisher = basis @ np.diag(np.geomspace(1.0, 1.0 / condition, b)) @ basis.T
    return rng.normal(size=b), (fisher + fisher.T) / 2


@given(
    seed=st.integers(0, 2**32 - 1),
    b=st.integers(1, 6),
    condition=st.sampled_from([1.0, 1e3, 1e8]),
    jitter=st.sampled_from([0.0, 1e-3]),
)
def test_it_is_the_norm_in_the_inverse_fisher_metric(seed, b, condition, jitter):
    delta, fisher = problem(seed, b, condition)
    system = mpmath.matrix(fisher.tolist()) + mpmath.mpf(jitter) * mpmath.eye(b)
    with mpmath.workdps(50):
        solution = mpmath.lu_solve(system, mpmath.matrix(delta.tolist()))
        expected = float(mpmath.sqrt(mpmath.fdot(delta.tolist(), list(solution))))
    # eigh is backward stable: eigenvalues err by b·EPS of the largest one, which changes the
    # smallest by condition·b·EPS of itself.
    assert (
        abs(ir.metrics.moment_residual(delta, fisher, jitter) / expected - 1)
        <= 4 * b * condition * EPS
    )


@given(seed=st.integers(0, 2**32 - 1), b=st.integers(2, 6), rank=st.integers(1, 5))
def test_a_singular_matrix_has_its_pseudo_inverse(seed, b, rank):
    rng = np.random.default_rng(seed)
    root, delta = rng.normal(size=(b, min(rank, b))), rng.normal(size=b)
    left, values, _ = np.linalg.svd(root, full_matrices=False)
    # ‖Δ‖² = Σ (uᵀΔ)²/s² by the singular values of the root, which have half the exponent of the
    # eigenvalues and keep twice the digits.
    expected = np.sqrt(np.sum((left.T @ delta / values) ** 2))
    # The range turns by b·EPS·condition against the null space, so uᵀΔ errs by that share of |Δ|,
    # even where it is itself small.
    error = 20 * b * EPS * (values[0] / values[-1]) ** 2
    if error < 1e-4:
        assert (
            abs(ir.metrics.moment_residual(delta, root @ root.T) - expected)
            <= error * np.linalg.norm(delta) / values[-1]
        )


def test_it_does_not_depend_on_how_the_statistics_are_written():
    rng = np.random.default_rng(0)
    delta, fisher = problem(0, 4, 100.0)
    transform = rng.normal(size=(4, 4))
    moved = ir.metrics.moment_residual(transform @ delta, transform @ fisher @ transform.T)
    assert (
        abs(moved / ir.metrics.moment_residual(delta, fisher) - 1)
        <= 100 * 20 * np.linalg.cond(transform) ** 2 * EPS
    )


def test_zero_mismatch_and_zero_information():
    assert ir.metrics.moment_residual(np.zeros(3), np.eye(3)) == 0.0
    assert ir.metrics.moment_residual(np.ones(3), np.zeros((3, 3))) == 0.0
    assert ir.metrics.moment_residual(np.array([3.0, 4.0]), np.zeros((2, 2)), jitter=1.0) == 5.0


@pytest.mark.parametrize(
    ("delta", "fisher", "jitter", "error", "message"),
    [
        (np.ones((2, 1)), np.eye(2), 0.0, ir.errors.ShapeError, r"delta must have shape \(b,\)"),
        (np.ones(0), np.eye(1), 0.0, ir.errors.ShapeError, r"delta must have shape \(b,\)"),
        (np.ones(2), np.eye(3), 0.0, ir.errors.ShapeError, r"fisher must have shape \(2, 2\)"),
        (np.ones(2), np.array([[1.0, 0.0], [0.5, 1.0]]), 0.0, ir.errors.DomainError, "symmetric"),
        (np.ones(2), np.diag([1.0, -0.5]), 0.0, ir.errors.DomainError, "positive semi-definite"),
        (np.array([1.0, np.nan]), np.eye(2), 0.0, ir.errors.NonFiniteError, "delta"),
        (np.ones(2), np.diag([1.0, np.inf]), 0.0, ir.errors.NonFiniteError, "fisher"),
        (np.ones(2), np.eye(2), -1.0, ir.errors.DomainError, "jitter"),
    ],
)
def test_bad_arguments_are_named(delta, fisher, jitter, error, message):
    with pytest.raises(error, match=message):
        ir.metrics.moment_residual(delta, fisher, jitter)
