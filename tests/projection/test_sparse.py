"""(P6): sparse minima, their optimality, paths of penalties, and few changes among many."""

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


@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.01, 0.1, 0.5, 2.0]))
def test_optimality(seed, kappa):
    matrix, vector = problem(seed)
    weights = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 2.0], size=8)
    found = minimum(matrix, vector, kappa, penalty_weights=weights)
    # a backward error of some eps of a system of eight, and a gradient of sums of eight terms: both
    # in units of C a, which a weak penalty and a small eigenvalue make larger than c
    size = np.abs(vector).max() + (np.abs(matrix) @ np.abs(found.coefficients)).max()
    worst = violation(matrix, vector, kappa * weights, found.coefficients)
    assert worst <= 64 * np.finfo(float).eps * size
    assert abs(found.kkt_residual * np.abs(vector).max() - worst) <= 16 * np.finfo(float).eps * size


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
        )  # rounding of values of order one to a hundred


def test_a_strong_penalty_leaves_nothing_and_none_leaves_the_plain_solution():
    matrix, vector = problem(1)
    top = np.abs(vector).max()
    assert np.all(minimum(matrix, vector, top).coefficients == 0)
    assert np.count_nonzero(minimum(matrix, vector, 0.99 * top).coefficients) == 1
    np.testing.assert_allclose(
        minimum(matrix, vector, 0.0).coefficients, -np.linalg.solve(matrix, vector), rtol=1e-12
    )


def test_free_coefficients_have_no_gradient_and_start_the_path_later():
    matrix, vector = problem(2)
    weights = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    free = np.linalg.solve(matrix[:2, :2], vector[:2])
    top = np.abs(vector[2:] - matrix[2:, :2] @ free).max()
    at_top = minimum(matrix, vector, top * (1 + 1e-9), penalty_weights=weights).coefficients
    assert np.all(at_top[2:] == 0)
    np.testing.assert_allclose(at_top[:2], -free, rtol=1e-12)
    below = minimum(matrix, vector, 0.99 * top, penalty_weights=weights).coefficients
    assert np.count_nonzero(below[2:]) == 1
    plain = minimum(matrix, vector, 1.0, penalty_weights=np.zeros(8)).coefficients
    np.testing.assert_allclose(plain, -np.linalg.solve(matrix, vector), rtol=1e-12)


def moving_points(rng, number=60, dim=5):
    """Samples whose first coordinate drifts with velocity 2 and the last one with −1."""
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
    assert np.all(path.kkt_residuals <= 1e-13)
    assert path.entry[0] == path.kappas[1] > path.entry[4] > path.entry[1:4].max()
    found = ir.projection.sparse_window_projection(system, path.kappas[12])
    # solved again for the same signs, whatever other penalties the path has
    np.testing.assert_array_equal(found.coefficients, path.coefficients[12])
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
    expected = minimum(matrix, vector, 0.3)
    found = minimum(on_device(matrix), on_device(vector), 0.3)
    assert found.coefficients.device == on_device(vector).device
    # the rounding of matrix and vector to their floating type, times the condition
    tolerance = 10 * np.finfo(to_host(found.coefficients).dtype).eps * np.linalg.cond(matrix)
    np.testing.assert_allclose(to_host(found.coefficients), expected.coefficients, atol=tolerance)


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
    with pytest.raises(BackendError, match="vector"):
        minimum(matrix, set(vector), 0.1)
    times, samples, _ = moving_points(np.random.default_rng(7))
    system = ir.projection.window_system(ir.features.Monomials(1), times, samples)
    with pytest.raises(ShapeError, match="penalty_weights"):
        ir.projection.sparse_window_projection(system, 0.1, penalty_weights=np.ones(3))
    with pytest.raises(DomainError, match="ratio"):
        ir.projection.regularisation_path(system, ratio=1.0)
    with pytest.raises(DomainError, match="at least one"):
        ir.projection.regularisation_path(system, kappas=[])


def test_a_minimum_that_does_not_exist_is_reported():
    """C = 0 along (1, −1), where c pulls harder than the penalty: there is no lower bound."""
    matrix, vector = np.ones((2, 2)), np.array([1.0, -1.0])
    with pytest.raises(SingularSystemError, match="optimality conditions are violated"):
        minimum(matrix, vector, 0.1)
    with pytest.raises(SingularSystemError, match="without a penalty are not determined"):
        minimum(matrix, vector, 0.1, penalty_weights=np.zeros(2))


def test_the_penalty_decides_where_the_matrix_is_singular():
    """Three statistics from two samples: C has rank two, and the penalty picks among the minima."""
    root = np.array([[1.0, 0.5, -0.3], [0.2, -1.0, 0.7]])
    matrix, vector = root.T @ root, root.T @ np.array([0.4, -0.9])
    for kappa in (0.5, 0.1, 0.01):
        a = minimum(matrix, vector, kappa).coefficients
        assert np.count_nonzero(a) <= 2
        assert violation(matrix, vector, np.full(3, kappa), a) <= 1e-14  # entries of order one


def test_coefficients_that_leave_the_support_are_exactly_zero():
    """Along this path one coefficient enters, leaves and stays away."""
    rng = np.random.default_rng(149)
    size, rows = int(rng.integers(1, 25)), int(rng.integers(9, 26))
    root = rng.normal(size=(rows, size)) * 10.0 ** rng.uniform(-1, 1, size)
    matrix = root.T @ root / rows
    vector = rng.normal(size=size) * np.sqrt(np.diag(matrix))
    path = [minimum(matrix, vector, kappa).coefficients for kappa in np.geomspace(3.0, 0.01, 60)]
    active = np.array(path) != 0
    assert np.any(active[:-1] & ~active[1:])
    assert np.all(np.abs(np.array(path)[active]) > 1e-9)


def test_a_missing_scikit_learn_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.linear_model", None)
    with pytest.raises(OptionError, match=r"ingd-ref\[sparse\]"):
        minimum(*problem(9), 0.1)


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
    assert np.all(path.kkt_residuals <= 1e-12)  # 210 coefficients, of which c holds sums
    assert area_under_curve(path.entry[~diagonal], changed) >= 0.9
