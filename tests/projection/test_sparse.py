"""(P6): sparse minima, their optimality, paths of penalties, and the recovery of few changes among many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingd_ref as ir
from ingd_ref.backend import to_host
from ingd_ref.errors import (
    BackendError,
    DomainError,
    NonFiniteError,
    OptionError,
    ShapeError,
    SingularSystemError,
)

minimum = ir.projection.sparse_minimum


def problem(seed, size=8, rows=20):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(rows, size))
    return root.T @ root / rows, rng.normal(size=size)


def violation(matrix, vector, penalties, a):
    """Distance of the gradient from the subdifferential, written from its definition."""
    worst = 0.0
    for gradient, kappa, entry in zip(matrix @ a + vector, penalties, a, strict=True):
        worst = max(
            worst, abs(gradient) - kappa if entry == 0 else abs(gradient + kappa * np.sign(entry))
        )
    return worst


@given(
    st.integers(0, 2**31),
    st.sampled_from([0.0, 0.01, 0.1, 0.5, 2.0]),
    st.sampled_from(["coordinate", "fista"]),
)
def test_optimality(seed, kappa, method):
    matrix, vector = problem(seed)
    weights = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 2.0], size=8)
    found = minimum(matrix, vector, kappa, penalty_weights=weights, method=method)
    # 1e-10 is what the search ends with, and the residual is formed by rounding sums of eight terms
    assert (
        violation(matrix, vector, kappa * weights, found.coefficients)
        <= 1.1e-10 * np.abs(vector).max()
    )
    assert found.kkt_residual <= 1e-10


@given(st.integers(0, 2**31))
def test_no_step_goes_down(seed):
    rng = np.random.default_rng(seed)
    matrix, vector = problem(seed)
    a = minimum(matrix, vector, 0.3).coefficients

    def value(b):
        return 0.5 * b @ matrix @ b + vector @ b + 0.3 * np.abs(b).sum()

    for size in (1e-1, 1e-3):
        assert (
            value(a + size * rng.normal(size=8)) >= value(a) - 1e-12
        )  # rounding of values of order one, and 1e-10 times the step


def test_a_strong_penalty_leaves_nothing_and_none_leaves_the_plain_solution():
    matrix, vector = problem(1)
    top = ir.projection.largest_penalty(matrix, vector)
    assert top == np.abs(vector).max()
    assert np.all(minimum(matrix, vector, top).coefficients == 0)
    assert np.count_nonzero(minimum(matrix, vector, 0.99 * top).coefficients) == 1
    np.testing.assert_allclose(
        minimum(matrix, vector, 0.0).coefficients, -np.linalg.solve(matrix, vector), rtol=1e-8
    )


def test_free_coefficients_have_no_gradient_and_start_the_path_later():
    matrix, vector = problem(2)
    weights = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    top = ir.projection.largest_penalty(matrix, vector, weights)
    at_top = minimum(matrix, vector, top * (1 + 1e-9), penalty_weights=weights).coefficients
    assert np.all(at_top[2:] == 0)
    np.testing.assert_allclose(at_top[:2], -np.linalg.solve(matrix[:2, :2], vector[:2]), rtol=1e-8)
    below = minimum(matrix, vector, 0.99 * top, penalty_weights=weights).coefficients
    assert np.count_nonzero(below[2:]) == 1
    assert ir.projection.largest_penalty(matrix, vector, np.zeros(8)) == 0.0


def moving_points(rng, number=60, dim=5):
    """Samples whose first coordinate drifts with velocity 2 and whose last one with −1; the others rest."""
    times = np.linspace(0.0, 1.0, 21)
    drift = np.zeros(dim)
    drift[0], drift[-1] = 2.0, -1.0
    return times, rng.normal(size=(21, number, dim)) + times[:, None, None] * drift, drift


def test_path_finds_what_moves():
    times, samples, drift = moving_points(np.random.default_rng(3))
    system = ir.projection.window_system(ir.features.Monomials(1), times, samples)
    path = ir.projection.regularisation_path(system, number=20, ratio=0.05)
    assert path.coefficients.shape == (20, 1, 5)
    assert np.all(np.diff(path.kappas) < 0)
    assert np.all(path.kkt_residuals <= 1e-10)
    assert path.entry[0] == path.kappas[1] > path.entry[4] > path.entry[1:4].max()
    found = ir.projection.sparse_window_projection(system, path.kappas[12])
    np.testing.assert_allclose(
        found.coefficients, path.coefficients[12], atol=1e-8
    )  # from another start, to the same violation
    assert found.support.sum() == 2
    assert np.all(np.sign(found.rate(0.5)) == np.sign(drift))
    again = ir.projection.regularisation_path(system, kappas=[path.kappas[12], path.kappas[3]])
    assert list(again.kappas) == [path.kappas[3], path.kappas[12]]


def test_statistics_without_a_penalty_and_functions_of_time():
    times, samples, _ = moving_points(np.random.default_rng(4))
    basis = ir.projection.Polynomial(1)
    system = ir.projection.window_system(ir.features.Monomials(1), times, samples, basis=basis)
    weights = np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    found = ir.projection.sparse_window_projection(system, 1e3, penalty_weights=weights)
    assert np.array_equal(found.support, np.array([[False, True, False, False, False]] * 2))
    full = ir.projection.sparse_window_projection(
        system, 1e3, penalty_weights=np.stack([1.0 - weights, np.ones(5)])
    )
    assert np.array_equal(full.support, np.array([[True, False, True, True, True], [False] * 5]))
    assert full.rate(np.array([0.1, 0.9])).shape == (2, 5)


def test_results_are_on_the_device_of_the_matrix(on_device):
    matrix, vector = problem(5)
    for method in ("coordinate", "fista"):
        expected = minimum(matrix, vector, 0.3, method=method)
        found = minimum(on_device(matrix), on_device(vector), 0.3, method=method)
        assert found.coefficients.device == on_device(vector).device
        eps = np.finfo(to_host(found.coefficients).dtype).eps
        # the violation that FISTA ends with in float32, 30 eps, and the rounding of the matrix,
        # times the condition
        tolerance = (100 * eps + 1e-10) * np.linalg.cond(matrix)
        np.testing.assert_allclose(
            to_host(found.coefficients), expected.coefficients, atol=tolerance
        )


def test_arguments_that_do_not_fit_are_refused():
    matrix, vector = problem(6)
    with pytest.raises(ShapeError, match="square"):
        minimum(matrix[:3], vector, 0.1)
    with pytest.raises(ShapeError, match="vector"):
        minimum(matrix, vector[:3], 0.1)
    with pytest.raises(NonFiniteError, match="matrix"):
        minimum(matrix * np.nan, vector, 0.1)
    with pytest.raises(DomainError, match="kappa"):
        minimum(matrix, vector, -0.1)
    with pytest.raises(DomainError, match="penalty_weights must not be negative"):
        minimum(matrix, vector, 0.1, penalty_weights=-np.ones(8))
    with pytest.raises(OptionError, match="method"):
        minimum(matrix, vector, 0.1, method="simplex")
    with pytest.raises(BackendError, match="vector"):
        minimum(matrix, list(vector), 0.1)
    with pytest.raises(ShapeError, match="vector"):
        ir.projection.largest_penalty(matrix, vector[:3])
    with pytest.raises(NonFiniteError, match="matrix"):
        ir.projection.largest_penalty(matrix * np.nan, vector)
    times, samples, _ = moving_points(np.random.default_rng(7))
    system = ir.projection.window_system(ir.features.Monomials(1), times, samples)
    with pytest.raises(ShapeError, match="penalty_weights"):
        ir.projection.sparse_window_projection(system, 0.1, penalty_weights=np.ones(3))
    with pytest.raises(DomainError, match="ratio"):
        ir.projection.regularisation_path(system, ratio=1.0)
    with pytest.raises(DomainError, match="at least one"):
        ir.projection.regularisation_path(system, kappas=[])


@pytest.mark.parametrize("method", ["coordinate", "fista"])
def test_a_minimum_that_does_not_exist_is_reported(method):
    """C = 0 along (1, −1), where c pulls harder than the penalty: the function falls for ever."""
    with pytest.raises(SingularSystemError, match="optimality conditions are violated"):
        minimum(np.ones((2, 2)), np.array([1.0, -1.0]), 0.1, method=method, max_iterations=300)


def area_under_curve(ranks, changed):
    """Share of pairs (changed, unchanged) in which the first ranks higher; ties count half."""
    above = ranks[changed][:, None] - ranks[~changed][None, :]
    return np.mean((above > 0) + 0.5 * (above == 0))


def test_few_changes_among_many_edges_are_found():
    """Twenty nodes, 5000 times, two samples at each: of 190 edges ten change."""
    rng = np.random.default_rng(8)
    dim, number = 20, 5000
    pairs = np.array([(i, j) for i in range(dim) for j in range(i + 1, dim)])
    changed = np.zeros(len(pairs), dtype=bool)
    changed[rng.choice(len(pairs), 10, replace=False)] = True
    precision, slope = 2.0 * np.eye(dim), np.zeros((dim, dim))
    for i, j in pairs[changed]:
        slope[i, j] = slope[j, i] = 0.4 * rng.choice([-1.0, 1.0])
    for i, j in pairs[rng.choice(len(pairs), 30, replace=False)]:
        precision[i, j] = precision[j, i] = 0.25
    times = np.linspace(0.0, 1.0, number)
    factors = np.linalg.cholesky(precision + times[:, None, None] * slope)
    noise = rng.normal(size=(number, dim, 2))
    samples = np.swapaxes(np.linalg.solve(np.swapaxes(factors, 1, 2), noise), 1, 2)
    features = ir.features.PairwiseProducts(squares=True)
    system = ir.projection.window_system(features, times, samples, ddof=1)
    diagonal = np.array([i == j for i in range(dim) for j in range(i, dim)])
    path = ir.projection.regularisation_path(
        system, number=20, ratio=0.05, penalty_weights=np.where(diagonal, 0.0, 1.0)
    )
    assert np.all(path.kkt_residuals <= 1e-8)
    assert area_under_curve(path.entry[~diagonal], changed) >= 0.9
