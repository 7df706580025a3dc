"""What counts as evidence, and what does not."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import ingd_ref
from ingd_ref import _paper
from ingd_ref.equations import LABELS
from validation import backends, registry
from validation.oracles.precise import precise
from validation.registry import EPS, Measured, compared

registry.load()


def made(function, **options):
    """A case that is not registered."""
    return registry.Case(
        ("K8",),
        function.__name__,
        "tests",
        "none",
        True,
        options.get("backends", tuple(backends.BACKENDS)),
        function,
    )


def test_case_refuses_labels_outside_the_table():
    with pytest.raises(ValueError, match="got K99"):
        registry.case("K4", "K99", oracle="none")
    with pytest.raises(ValueError, match="got none"):
        registry.case(oracle="none")


def test_exception_is_a_failure_and_keeps_what_was_measured():
    def half(arrays):
        yield Measured("first", 0.0, 1.0, "")
        raise ZeroDivisionError("second")

    record = registry.run(made(half), "numpy")
    assert not record.passed
    assert [m.quantity for m in record.measured] == ["first"]
    assert record.failure == "ZeroDivisionError: second"
    assert "in half" in record.trace


def test_case_that_measures_nothing_is_a_failure():
    def nothing(arrays):
        return
        yield

    record = registry.run(made(nothing), "numpy")
    assert not record.passed
    assert record.failure == "the case measured nothing"


def test_keyboard_interrupt_is_not_swallowed():
    def interrupted(arrays):
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        registry.run(made(interrupted), "strict")


@pytest.mark.parametrize(
    ("error", "tolerance", "passed"),
    [
        (1.0, 1.0, True),
        (1.1, 1.0, False),
        (0.0, 0.0, True),
        (1e-300, 0.0, False),
        (math.nan, 1.0, False),
        (math.inf, 1.0, False),
    ],
)
def test_verdict_of_a_measurement(error, tolerance, passed):
    assert Measured("", error, tolerance, "").passed is passed


def test_comparison_is_infinitely_off_for_wrong_shapes_and_numbers_that_are_none():
    assert compared("", np.zeros((2, 1)), np.zeros(2), 1.0, "").error == math.inf
    assert compared("", np.array([np.nan]), np.zeros(1), 1.0, "").error == math.inf
    assert compared("", np.array([1.0]), np.array([0.0]), 1.0, "").error == math.inf
    assert compared("", np.zeros(3), np.zeros(3), 0.0, "").passed


def test_comparison_sees_what_float64_cannot():
    third = precise(np.array([1.0])) / 3
    assert 0 < compared("", np.array([1 / 3]), third, 1.0, "").error < EPS / 2


def test_comparison_by_entries():
    found = compared(
        "", np.array([1.0, 101.0]), np.array([1.0, 100.0]), 1.0, "", scale=np.array([1.0, 100.0])
    )
    assert found.error == pytest.approx(0.01)


def test_table_of_labels_and_cases_agree():
    covered = {label for case in registry.CASES for label in case.labels}
    assert covered == set(LABELS)
    assert all(_paper.statement(label)[1] in _paper.SOURCES for label in LABELS)
    assert all(label[0] in _paper.SECTIONS for label in LABELS)


def test_labels_named_by_the_package_are_in_the_table():
    named = set()
    for path in Path(ingd_ref.__file__).parent.rglob("*.py"):
        named |= set(re.findall(r"\(([EPNKFWQB]\d{1,2}′?)\)", path.read_text(encoding="utf-8")))
    assert named
    assert named <= set(LABELS)


def test_names_of_cases_are_unique_and_documented():
    names = [case.name for case in registry.CASES]
    assert len(names) == len(set(names))
    assert all(case.oracle for case in registry.CASES)


def test_selection():
    chosen = registry.selected(["K8"])
    assert "median_bandwidth" in {case.name for case in chosen}
    assert all("K8" in case.labels for case in chosen)
    slow = {case.name for case in registry.selected()} - {
        case.name for case in registry.selected(quick=True)
    }
    assert "moments_move_straight" in slow


@pytest.mark.parametrize("name", backends.present())
def test_arrays_there_and_back(name):
    arrays = backends.BACKENDS[name]
    host = np.array([[1.0, 2.0], [3.0, 4.0]])
    on_device = arrays(host)
    assert np.array_equal(arrays.host(on_device), host)
    assert arrays.host(arrays(host, "float32")).dtype == np.float32
    assert arrays.host(arrays([True, False])).dtype == bool
    with pytest.raises(TypeError, match="left its library"):
        arrays.host([1.0])


def test_host_conversions_are_refused_inside_the_context_only():
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is a test dependency")
    x, on_host = backends.BACKENDS["strict"](1.5), strict.asarray(1.5)
    with backends.refusing_host_conversions():
        for convert in (float, bool, complex):
            with pytest.raises(backends.HostConversionError):
                convert(x)
        assert float(on_host) == 1.5
    assert float(x) == 1.5


def test_comparison_within_limits_reports_the_entry_that_comes_closest():
    found = registry.within(
        "", np.array([1.5, 10.1]), np.array([1.0, 10.0]), np.array([1.0, 0.15]), ""
    )
    assert (found.error, found.tolerance) == (pytest.approx(0.1), 0.15)
    assert registry.within("", np.zeros(2), np.zeros(3), 1.0, "").error == math.inf
