"""The CUDA kernels: compiled for the host, checked by nvcc, and on a GPU if there is one."""

import inspect
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingd_ref.kernels import _cupy_fused as cupy_fused
from ingd_ref.kernels import readable
from tests.kernels import host_cupy
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

OPERATIONS = list(cupy_fused.REPAYS)
EPS = {np.float32: 2.0**-23, np.float64: 2.0**-52}


@pytest.fixture(scope="module")
def on_the_host(tmp_path_factory):
    if host_cupy.COMPILER is None:
        pytest.skip("no C++ compiler to check the text of the kernels with")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", host_cupy.HostCupy(tmp_path_factory.mktemp("kernels")))
        cupy_fused._module.cache_clear()
        yield
        cupy_fused._module.cache_clear()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_names_and_signatures_are_those_of_the_specification(operation):
    assert inspect.signature(getattr(cupy_fused, operation)) == inspect.signature(
        getattr(readable, operation)
    )
    assert operation in cupy_fused.__all__


@pytest.mark.parametrize("operation", OPERATIONS)
@given(
    problem=problems(),
    layout=st.sampled_from(list(LAYOUTS)),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_the_text_is_readable_on_the_host(operation, problem, layout, dtype, on_the_host):
    problem = problem.each(lambda a: a.astype(dtype))
    expected = getattr(readable, operation)(
        *ARGUMENTS[operation](problem.each(lambda a: a.astype(np.float64)))
    )
    result = getattr(cupy_fused, operation)(*ARGUMENTS[operation](problem.each(LAYOUTS[layout])))
    assert_close(result, expected, tolerance(operation, problem, EPS[dtype]), dtype)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_several_blocks_and_tiles(operation, on_the_host, monkeypatch):
    # 70 × 60 pairs take several blocks of 256 threads; a tile of 20 KiB holds a few points of 70.
    monkeypatch.setattr(cupy_fused, "TILE_BYTES", 20 * 2**10)
    problem = random_problem(16, 70, 60, 3, 5, 1.1)
    expected = getattr(readable, operation)(*ARGUMENTS[operation](problem))
    result = getattr(cupy_fused, operation)(*ARGUMENTS[operation](problem))
    assert_close(result, expected, tolerance(operation, problem, EPS[np.float64]))


def test_a_far_point_keeps_its_score(on_the_host):
    # one rounding of each of some numbers of the size of the score; the exponents, half a million,
    # only decide which point is nearest
    assert_close(cupy_fused.gaussian_kde_score(*FAR), FAR_SCORE, 8 * EPS[np.float64] * 999.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nvcc_accepts_the_text(dtype, tmp_path):
    if shutil.which("nvcc") is None:
        pytest.skip("no nvcc to check the text of the kernels with")
    text = tmp_path / "kernels.cu"
    text.write_text(cupy_fused.source(dtype), encoding="utf-8")
    done = subprocess.run(
        ["nvcc", "--ptx", "-o", tmp_path / "kernels.ptx", text],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name, _ in host_cupy.KERNEL.findall(text.read_text(encoding="utf-8")):
        assert f".entry {name}(" in (tmp_path / "kernels.ptx").read_text(encoding="utf-8")


def test_import_needs_no_cupy():
    code = "import sys; import ingd_ref.kernels._cupy_fused; assert 'cupy' not in sys.modules"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )


def test_many_dimensions_are_left_to_the_readable_kernel():
    for operation in ("gradient_gaussian_contraction", "gradient_gaussian_gram"):
        for dim, repays in ((2, True), (4, True), (5, False), (20, False)):
            assert (
                cupy_fused.REPAYS[operation](
                    *ARGUMENTS[operation](random_problem(17, 4, 3, dim, 2, 1.0))
                )[0]
                is repays
            )


@pytest.mark.gpu
@pytest.mark.parametrize("operation", OPERATIONS)
@given(
    problem=problems(),
    layout=st.sampled_from(["C", "Fortran"]),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_a_gpu_agrees_with_the_readable_kernels(operation, problem, layout, dtype):
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    if not cupy.is_available():
        pytest.skip("CuPy finds no CUDA device")
    problem = problem.each(lambda a: a.astype(dtype))
    expected = getattr(readable, operation)(
        *ARGUMENTS[operation](problem.each(lambda a: a.astype(np.float64)))
    )
    moved = problem.each(lambda a: cupy.asarray(a, order=layout[0]))
    result = getattr(cupy_fused, operation)(*ARGUMENTS[operation](moved))
    fetched = tuple(part.get() for part in as_tuple(result))
    assert_close(fetched, as_tuple(expected), tolerance(operation, problem, EPS[dtype]), dtype)
