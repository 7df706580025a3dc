"""Compiled kernels are the readable ones, in any memory layout and on any number of threads."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingd_ref.backend._dispatch import explain, kernel
from ingd_ref.kernels import _numba_fused as numba_fused
from ingd_ref.kernels import readable
from tests.kernels.cases import (
    ARGUMENTS,
    FAR,
    FAR_SCORE,
    LAYOUTS,
    problems,
    random_problem,
    tolerance,
)
from tests.kernels.compare import as_tuple, assert_close

OPERATIONS = list(numba_fused.REPAYS)
EPS = {np.float32: 2.0**-23, np.float64: 2.0**-52}


def run(module, operation, problem):
    return getattr(module, operation)(*ARGUMENTS[operation](problem))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_names_and_signatures_are_those_of_the_specification(operation):
    compiled, specified = (
        inspect.signature(getattr(module, operation)) for module in (numba_fused, readable)
    )
    assert compiled == specified
    assert operation in numba_fused.__all__


@pytest.mark.parametrize("operation", OPERATIONS)
@given(
    problem=problems(),
    layout=st.sampled_from(list(LAYOUTS)),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_compiled_is_readable(operation, problem, layout, dtype):
    problem = problem.each(lambda a: a.astype(dtype))
    expected = run(readable, operation, problem.each(lambda a: a.astype(np.float64)))
    assert_close(
        run(numba_fused, operation, problem.each(LAYOUTS[layout])),
        expected,
        tolerance(operation, problem, EPS[dtype]),
        dtype,
    )


@pytest.mark.parametrize("dim", [3, 7])
@pytest.mark.parametrize(
    "operation", [name for name in OPERATIONS if "contraction" in name or "gram" in name]
)
def test_several_tiles_in_both_directions(operation, dim):
    # 150 points: more than a row of kernel tiles (128/d) and than both edges (64, 32) of the tiles
    # of small products.
    problem = random_problem(8, 150, 140, dim, 3, 1.2)
    assert_close(
        run(numba_fused, operation, problem),
        run(readable, operation, problem),
        tolerance(operation, problem, EPS[np.float64]),
    )


def test_columns_are_cut_too(monkeypatch):
    monkeypatch.setattr(numba_fused, "KERNEL_COLUMNS", 20)
    problem = random_problem(9, 35, 30, 2, 3, 1.2)
    for operation in ("gradient_gaussian_contraction", "gradient_gaussian_gram"):
        assert_close(
            run(numba_fused, operation, problem),
            run(readable, operation, problem),
            tolerance(operation, problem, EPS[np.float64]),
        )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_bitwise_equal_for_any_number_of_threads(operation, monkeypatch):
    monkeypatch.setattr(numba_fused, "REPAYING_WORK", 0.0)
    monkeypatch.setattr(numba_fused, "BLOCK", 16)
    results = []
    for dim in (2, 6):
        problem = random_problem(10, 150, 120, dim, 5, 1.0)
        for threads in (1, 2, 3, 7):
            monkeypatch.setattr(
                numba_fused.numba, "get_num_threads", lambda threads=threads: threads
            )
            results.append(as_tuple(run(numba_fused, operation, problem)))
        for other in results[1:]:
            for one, many in zip(results[0], other, strict=True):
                np.testing.assert_array_equal(one, many)
        results.clear()


def test_the_matrix_library_uses_one_thread_meanwhile(monkeypatch):
    from threadpoolctl import threadpool_info, threadpool_limits

    def counts():
        # SciPy and PyTorch may have loaded libraries of their own: NumPy's is the one that
        # multiplies.
        return {
            pool["num_threads"]
            for pool in threadpool_info()
            if pool["user_api"] == "blas" and "numpy" in pool["filepath"]
        }

    if not counts():
        pytest.skip("NumPy's matrix library is none whose threads can be counted")

    def watched(*arguments):
        seen.append(counts())
        original(*arguments)

    seen, original = [], numba_fused._gradient_gaussian_tile
    monkeypatch.setattr(numba_fused, "_gradient_gaussian_tile", watched)
    with threadpool_limits(2, user_api="blas"):
        before = counts()
        run(numba_fused, "gradient_gaussian_contraction", random_problem(11, 20, 20, 2, 2, 1.0))
        assert counts() == before
    assert seen == [{1}]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    "operation",
    [
        "squared_distances",
        "distance_gradient",
        "gaussian_gradient",
        "gaussian_rbf",
        "gaussian_rbf_with_jacobian",
    ],
)
def test_bad_numbers_spoil_the_same_results(operation, bad):
    problem = random_problem(12, 6, 5, 3, 4, 1.0)
    problem.x[2, 1] = bad
    with np.errstate(invalid="ignore"):
        compiled, expected = (
            as_tuple(run(module, operation, problem)) for module in (numba_fused, readable)
        )
    for one, other in zip(compiled, expected, strict=True):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
        np.testing.assert_array_equal(np.isinf(one), np.isinf(other))
    # exp(−∞) = 0 is the one right value among them: a statistic infinitely far away.
    assert not all(np.isfinite(one).all() for one in compiled) or (operation, bad) == (
        "gaussian_rbf",
        np.inf,
    )


@given(
    st.lists(st.tuples(*[st.integers(-3, 3)] * 2), min_size=1, max_size=12),
    st.sampled_from(["midpoint", "lower"]),
)
def test_the_median_is_exact_with_ties(points, rule):
    # Squared distances on a lattice are small integers: every value is exact and most occur many
    # times.
    x = np.array(points, dtype=np.float64)
    assert numba_fused.median_squared_distance(x, rule) == readable.median_squared_distance(x, rule)


@pytest.mark.parametrize("scale", [1e-120, 1.0, 1e120])
def test_the_median_is_exact_at_any_scale(scale):
    x = scale * np.random.default_rng(13).normal(size=(80, 1))
    for rule in ("midpoint", "lower"):
        assert numba_fused.median_squared_distance(x, rule) == readable.median_squared_distance(
            x, rule
        )


def test_the_exponential_is_good_to_one_unit_in_the_last_place():
    rng = np.random.default_rng(14)
    points = np.concatenate(
        [-np.logspace(-18, np.log10(708.0), 1500), -708.0 * rng.random(1500), [0.0]]
    )
    for x in points:
        exact = mpmath.exp(mpmath.mpf(float(x)))
        assert abs(mpmath.mpf(numba_fused._exp(float(x))) - exact) <= mpmath.mpf(2) ** -52 * exact
    assert numba_fused._exp(-709.0) == numba_fused._exp(-np.inf) == 0.0
    assert np.isnan(numba_fused._exp(np.nan))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_auto_takes_compiled_kernels_where_they_repay(operation):
    small, large = (
        [one for one in ARGUMENTS[operation](problem) if isinstance(one, np.ndarray)]
        for problem in (
            random_problem(15, 2, 2, 1, 1, 1.0),
            random_problem(15, 200, 200, 2, 200, 1.0),
        )
    )
    assert explain(operation, *small).reason == numba_fused.TOO_LITTLE
    assert _inner(kernel(operation, *small)) is getattr(readable, operation)
    assert explain(operation, *large).implementation == "fused"
    assert _inner(kernel(operation, *large)) is getattr(numba_fused, operation)


def _inner(function):
    """Return the kernel inside the guard that looks for extreme lengths."""
    return getattr(function, "__wrapped__", function)


def test_a_far_point_keeps_its_score():
    # one rounding of each of some numbers of the size of the score; the exponents, half a million,
    # only decide which point is nearest
    assert_close(numba_fused.gaussian_kde_score(*FAR), FAR_SCORE, 8 * EPS[np.float64] * 999.0)


# --- in processes of their own --------------------------------------------------------------------


def python(code, tmp_path, **environment):
    root = Path(numba_fused.__file__).parents[2]
    path = os.pathsep.join([str(tmp_path), str(root)])
    variables = (
        os.environ | {"PYTHONPATH": path, "NUMBA_CACHE_DIR": str(tmp_path / "cache")} | environment
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_edited_callee_is_compiled_anew(tmp_path):
    copy = tmp_path / "copied_kernels.py"
    source = Path(numba_fused.__file__).read_text(encoding="utf-8")
    code = (
        "import numpy, copied_kernels; "
        "print(copied_kernels.squared_distances(numpy.zeros((1, 1)), numpy.ones((1, 1))).item())"
    )
    copy.write_text(source, encoding="utf-8")
    assert float(python(code, tmp_path)) == 1.0
    edited = source.replace("(columns[a, j] - here) ** 2", "4.0 * (columns[a, j] - here) ** 2")
    assert edited != source
    copy.write_text(edited, encoding="utf-8")
    assert float(python(code, tmp_path)) == 4.0


def test_no_index_is_out_of_bounds(tmp_path):
    """Compiled code does not check its indices; the same code interpreted does."""
    code = """
from ingd_ref.kernels import _numba_fused as numba_fused, readable
from tests.kernels.cases import ARGUMENTS, random_problem, tolerance
from tests.kernels.compare import assert_close
for shape in ((4, 3, 2, 3), (3, 4, 6, 1), (1, 1, 1, 2)):
    problem = random_problem(0, *shape, 1.0)
    for operation in numba_fused.REPAYS:
        arguments = ARGUMENTS[operation](problem)
        results = [getattr(module, operation)(*arguments) for module in (numba_fused, readable)]
        assert_close(*results, tolerance(operation, problem, 2.0**-52))
print("done")
"""
    assert python(code, tmp_path, NUMBA_DISABLE_JIT="1").strip() == "done"
