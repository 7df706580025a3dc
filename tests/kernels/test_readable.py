"""The readable kernels against loops over pairs, and on devices that reject silent transfers."""

import numpy as np
import pytest
from hypothesis import given

from ingd_ref.backend import to_host
from ingd_ref.backend._operations import tile_edge
from ingd_ref.kernels import readable
from tests.devices import DEVICES, ImplicitTransfer
from tests.kernels.cases import (
    ARGUMENTS,
    FAR,
    FAR_SCORE,
    LAYOUTS,
    ORACLES,
    problems,
    random_problem,
    tolerance,
)
from tests.kernels.compare import as_tuple, assert_close

EPS = {np.float32: 2.0**-23, np.float64: 2.0**-52}


@pytest.mark.parametrize("operation", list(ARGUMENTS))
@given(problem=problems())
def test_every_kernel_is_its_equation(operation, problem):
    result = getattr(readable, operation)(*ARGUMENTS[operation](problem))
    assert_close(
        result, ORACLES[operation](problem), tolerance(operation, problem, EPS[np.float64])
    )


@pytest.mark.parametrize("operation", list(ARGUMENTS))
def test_tiles_change_nothing(operation, monkeypatch):
    # The smallest tile has 16 points a side (or one row), so 40 points take several.
    problem = random_problem(3, 40, 37, 3, 2, 1.0)
    whole = getattr(readable, operation)(*ARGUMENTS[operation](problem))
    monkeypatch.setattr("ingd_ref.backend._operations.CPU_TILE_BYTES", 1)
    assert tile_edge(problem.x, 1) == 16
    assert_close(
        getattr(readable, operation)(*ARGUMENTS[operation](problem)),
        whole,
        tolerance(operation, problem, EPS[np.float64]),
    )


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("operation", list(ARGUMENTS))
def test_float32_stays_float32_and_memory_layout_changes_nothing(operation, layout):
    problem = random_problem(4, 6, 5, 3, 4, 1.3).each(lambda a: a.astype(np.float32))
    result = getattr(readable, operation)(*ARGUMENTS[operation](problem.each(LAYOUTS[layout])))
    expected = ORACLES[operation](problem.each(lambda a: a.astype(np.float64)))
    assert_close(result, expected, tolerance(operation, problem, EPS[np.float32]), np.float32)


@pytest.mark.parametrize("operation", list(ARGUMENTS))
def test_every_kernel_stays_on_its_device(operation, on_device):
    problem = random_problem(5, 6, 5, 3, 4, 1.1)
    moved = problem.each(on_device)
    for result, expected in zip(
        as_tuple(getattr(readable, operation)(*ARGUMENTS[operation](moved))),
        as_tuple(ORACLES[operation](problem)),
        strict=True,
    ):
        assert result.device == moved.x.device
        assert result.dtype == moved.x.dtype
        dtype = np.float32 if "float32" in str(result.dtype) else np.float64
        assert_close(
            to_host(result), np.asarray(expected), tolerance(operation, problem, EPS[dtype]), dtype
        )


def test_a_far_point_keeps_its_score():
    # one rounding of each of some numbers of the size of the score; the exponents, half a million,
    # only decide which point is nearest
    assert_close(readable.gaussian_kde_score(*FAR), FAR_SCORE, 8 * EPS[np.float64] * 999.0)


@pytest.mark.parametrize("mode", ["full", "diagonal", "trace"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "silu", "gelu"])
def test_the_neural_tangent_kernel_stays_on_its_device(activation, mode, on_device):
    problem, rng = random_problem(6, 5, 4, 3, 2, 1.0), np.random.default_rng(7)
    layers = [
        (rng.normal(size=(4, 3)), rng.normal(size=4)),
        (rng.normal(size=(3, 4)), rng.normal(size=3)),
    ]

    def run(p, network):
        return readable.neural_tangent_contraction(
            p.y, p.x, p.jacobian, p.x_weights, network, activation, mode
        )

    moved = problem.each(on_device)
    result = run(moved, [(on_device(matrix), on_device(offset)) for matrix, offset in layers])
    assert result.device == moved.x.device
    eps = EPS[np.float32 if "float32" in str(result.dtype) else np.float64]
    # A network of this size adds up some hundred terms of the size of the result.
    expected = run(problem, layers)
    assert np.max(np.abs(to_host(result) - expected)) <= 200 * eps * np.max(np.abs(expected))


@pytest.mark.parametrize("convert", [float, int, bool, complex, range])
def test_a_planted_conversion_is_caught(convert, guarded_devices):
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is a test dependency")
    for name, _ in DEVICES.values():
        number = strict.asarray(2, device=strict.Device(name))
        number = strict.astype(
            number,
            {float: strict.float64, complex: strict.complex128, bool: strict.bool}.get(
                convert, strict.int64
            ),
        )
        if name == "CPU_DEVICE":
            convert(number)
        else:
            with pytest.raises(ImplicitTransfer, match=r"use ingd_ref\.backend\.to_host"):
                convert(number)
