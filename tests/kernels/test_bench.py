"""The benchmark: the baseline velocity is the same, numbers fit JSON, memory stays bounded."""

import json
import sys
import types

import numpy as np
import pytest
from click.testing import CliRunner

from ingd_ref import _bench
from ingd_ref._bench import _machine, _measure, _problem, _published, _run
from ingd_ref._bench._measure import limited_threads, paired_seconds, peak_bytes, resident_bytes
from ingd_ref.cli._bench import _command
from ingd_ref.cli._bench import bench as velocity_command
from ingd_ref.errors import BackendError, DomainError, OptionError

SMALL = {
    "sizes": [(20, 2, 5), (12, 3, 4)],
    "threads": [1],
    "repeats": 2,
    "growth": [],
    "resident": False,
}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    """No time is judged: small products, and no pause in which other threads go to sleep."""
    monkeypatch.setattr(_run, "MATRIX", 50)
    monkeypatch.setattr(_measure, "PAUSE", 0.0)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_the_baseline_is_the_same_velocity(library, monkeypatch):
    if library == "torch":
        pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.setattr(_published, "PUBLISHED_LIBRARY", library)
    problem = _problem.Problem.draw(30, 3, 6)
    from ingd_ref.features import GaussianRBF
    from ingd_ref.flows import king_velocity
    from ingd_ref.rkhs import GradientGaussian

    features = GaussianRBF(problem.centers, problem.bandwidth)
    solution = king_velocity(
        problem.x, problem.y, features=features, kernel=GradientGaussian(problem.bandwidth)
    )
    # float32 arithmetic: its unit roundoff times the condition number of the system, and some terms
    # of the size of the largest.
    allowed = 10 * 2.0**-24 * solution.condition
    error = (
        np.abs(np.asarray(problem.published()) - solution.velocity).max()
        / np.abs(solution.velocity).max()
    )
    assert error <= allowed < 0.1


def test_results_go_into_json_and_a_table():
    lines = []
    results = _bench.run(**SMALL, progress=lines.append)
    assert json.loads(json.dumps(results)) == results
    assert _bench.table(results).row_count == len(lines) == 2
    for row, (n, d, b) in zip(results["rows"], SMALL["sizes"], strict=True):
        assert row["flops"] == 6 * n * n * b * d + 2 * n * d * b * b
        # the ratio of paired medians is near, not equal to, the median of paired ratios
        assert row["multiple_of_bound"] > 0
        assert row["gflops"] == pytest.approx(1e-6 * row["flops"] / row["milliseconds"])
        assert row["published_difference"] < 1e-3  # float32, at a condition number below a thousand


def test_what_does_not_fit_is_left_out(monkeypatch):
    assert (
        _bench.published_bytes(200, 20, 200)
        < _run.PUBLISHED_LIMIT
        < _bench.published_bytes(1000, 2, 200)
    )
    monkeypatch.setattr(_run, "PUBLISHED_LIMIT", 0)
    row = _bench.run(**SMALL)["rows"][0]
    assert row["published_milliseconds"] is row["speedup"] is None


@pytest.mark.parametrize("implementation", ["readable", "fused"])
def test_memory_stays_near_that_of_the_jacobian(implementation):
    n, d, b = 800, 3, 50
    velocity = _problem.Problem.draw(n, d, b).velocity("numpy", implementation)
    velocity()  # compiled before memory is traced, which would slow that down tenfold
    peak = peak_bytes(velocity, "numpy")
    assert peak <= 4 * n * d * b * 8 + 64 * 2**20
    assert peak < n * n * d * d * 8  # the matrix of the kernel is never held


def test_memory_grows_no_faster_than_the_number_of_particles():
    results = _bench.run(**SMALL | {"growth": [400, 800], "baseline": False, "sizes": [(10, 1, 2)]})
    assert results["growth"]["memory"] <= 1.05


def test_the_resident_set_is_measured_in_a_process_of_its_own():
    measured = resident_bytes((400, 2, 20), "auto")
    assert measured is None or 0 <= measured <= 64 * 2**20


def test_rounds_take_turns_and_the_first_is_not_counted():
    calls = []
    seconds = paired_seconds(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2, "numpy"
    )
    assert calls == ["a", "b"] * 3
    assert [len(times) for times in seconds.values()] == [2, 2]


def test_thread_counts_are_given_back():
    import numba

    before = numba.get_num_threads()
    with limited_threads(1):
        assert numba.get_num_threads() == 1
    assert numba.get_num_threads() == before


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"backend": "jax"}, OptionError),
        ({"implementation": "fast"}, OptionError),
        ({"repeats": 0}, DomainError),
    ],
)
def test_bad_options_are_named(options, error):
    with pytest.raises(error):
        _bench.run(**SMALL | options)


def test_a_missing_device_is_named(monkeypatch):
    monkeypatch.setattr(_machine, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match="CUDA device"):
        _bench.run(**SMALL | {"backend": "cupy"})


@pytest.fixture
def sums(monkeypatch):
    """A benchmark of its own: sums of numbers in two ways, one of them a little wrong."""
    numbers = np.arange(1000.0)
    comparison = _bench.Comparison(
        "sum of 1000",
        lambda: np.sum(numbers),
        {"off": lambda: np.sum(numbers) + 1.0},
        lambda found: abs(float(found) / 499500.0 - 1),
    )
    module = types.ModuleType("sums")
    module.comparisons = lambda backend: iter([comparison])
    monkeypatch.setitem(sys.modules, "ingd_ref._bench._sums", module)
    monkeypatch.setitem(_bench.BENCHMARKS, "sums", "how fast sums are")


def test_comparisons_give_a_row_for_each_method(sums):
    lines = []
    results = _bench.compare("sums", threads=[1, 2], repeats=2, progress=lines.append)
    assert json.loads(json.dumps(results)) == results
    assert _bench.comparison_table(results).row_count == 4
    assert lines == ["sum of 1000, 1 thread", "sum of 1000, 2 threads"]
    assert [(row["method"], row["threads"]) for row in results["rows"]] == [
        ("ingd_ref", 1),
        ("off", 1),
        ("ingd_ref", 2),
        ("off", 2),
    ]
    assert [row["error"] for row in results["rows"][:2]] == [0.0, pytest.approx(1 / 499500)]
    assert results["rows"][0]["ratio"] == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"name": "products"}, OptionError),
        ({"repeats": 0}, DomainError),
        ({"backend": "jax"}, OptionError),
    ],
)
def test_bad_options_of_comparisons_are_named(sums, options, error):
    with pytest.raises(error):
        _bench.compare(**{"name": "sums"} | options)


def test_a_benchmark_of_comparisons_on_the_command_line(sums, tmp_path):
    outcome = CliRunner().invoke(
        _command("sums", "how fast sums are"),
        ["--threads", "1", "--repeats", "1", "--out", str(tmp_path)],
    )
    assert outcome.exit_code == 0, outcome.output
    assert "sum of 1000" in outcome.output
    assert (
        json.loads((tmp_path / "bench-sums.json").read_text(encoding="utf-8"))["benchmark"]
        == "sums"
    )


def test_options_of_the_velocity_do_not_go_with_a_command(monkeypatch):
    monkeypatch.setitem(velocity_command.commands, "sums", _command("sums", "how fast sums are"))
    outcome = CliRunner().invoke(velocity_command, ["--repeats", "3", "sums"])
    assert outcome.exit_code == 2
    assert "after its name" in outcome.output
