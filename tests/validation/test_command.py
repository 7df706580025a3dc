"""The command line of the evidence: exit codes, messages, and the report."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from ingd_ref._paper import statement
from ingd_ref.equations import LABELS
from validation import figures, registry, report
from validation.__main__ import main
from validation.registry import Measured

registry.load()


def run(*arguments):
    """Exit code and output."""
    stream = io.StringIO()
    code = main(arguments, Console(file=stream, width=250))
    return code, stream.getvalue()


@pytest.fixture
def one_case(monkeypatch):
    """Replace all cases by one whose measurements the test chooses."""

    def install(*measured, label="K8"):
        def chosen(arrays):
            yield from measured

        case = registry.Case((label,), "chosen", "tests", "a choice", True, ("numpy",), chosen)
        monkeypatch.setattr(registry, "CASES", [case])
        monkeypatch.setattr(registry, "load", lambda: None)

    return install


def test_passing_case(one_case):
    one_case(Measured("x", 1e-17, 1e-16, "rounding"))
    code, output = run("--label", "K8", "--backend", "numpy")
    assert code == 0
    assert "1 passed, 0 failed; 1 measurements" in output


def test_failing_case_is_named_with_its_numbers(one_case):
    one_case(Measured("good", 0.0, 1.0, ""), Measured("bad", 2.0, 1.0, "one is allowed"))
    code, output = run("--label", "K8", "--backend", "numpy")
    assert code == 1
    assert (
        "tests.chosen on numpy: bad: error 2.000e+00 exceeds 1.000e+00 (one is allowed)" in output
    )


def test_label_with_code_and_without_case_fails(one_case):
    one_case(Measured("x", 0.0, 1.0, ""))
    code, output = run("--label", "K8", "K4", "--backend", "numpy")
    assert code == 1
    assert "have no case: K4" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "K99"], "there is no equation 'K99'; known labels: E1 E2"),
        (
            ["--backend", "fortran"],
            "there is no backend 'fortran'; choose from numpy, strict, torch, cupy, all-present",
        ),
    ],
)
def test_bad_usage_is_one_line(capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_absent_backend_is_refused_with_its_reason(capsys, monkeypatch):
    monkeypatch.setattr(
        type(registry.BACKENDS["cupy"]), "absence", lambda self: "CuPy finds no CUDA device"
    )
    with pytest.raises(SystemExit) as stopped:
        run("--backend", "cupy")
    assert stopped.value.code == 2
    assert "backend 'cupy' cannot be used: CuPy finds no CUDA device" in capsys.readouterr().err


def test_directory_that_cannot_be_made_is_refused_before_anything_runs(one_case, capsys, tmp_path):
    one_case(Measured("x", 0.0, 1.0, ""))
    file = tmp_path / "file"
    file.write_text("not a directory")
    with pytest.raises(SystemExit) as stopped:
        run("--out", str(file / "below"))
    assert stopped.value.code == 2
    assert f"cannot write to {file / 'below'}: Not a directory" in capsys.readouterr().err


def test_prime_may_be_an_apostrophe():
    code, output = run("--list", "--label", "N3'")
    assert code == 0
    assert "stacked_systems" in output


def test_list_shows_every_label_and_runs_nothing(monkeypatch):
    monkeypatch.setattr("validation.__main__.run", lambda *_: pytest.fail("a case was run"))
    code, output = run("--list")
    assert code == 0
    shown = {line.split()[0] for line in output.splitlines() if line and not line.startswith(" ")}
    assert set(LABELS) <= shown


def test_report_has_its_schema(tmp_path):
    code, _ = run("--label", "K8", "--backend", "numpy", "--out", str(tmp_path))
    assert code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "fisher_differences.png",
        "report.json",
        "trajectories.png",
    ]
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert set(found) == {
        "schema", "date", "passed", "seconds", "options", "platform", "versions", "backends",
        "sources", "labels", "records",
    }  # fmt: skip
    assert found["schema"] == report.SCHEMA
    assert found["passed"] is True
    assert set(found["versions"]) >= {"numpy", "scipy", "ingd-ref"}
    assert found["backends"]["numpy"] == "ran"
    assert all(state for state in found["backends"].values())
    assert found["labels"]["K8"] == {
        "statement": statement("K8")[0],
        "section": "Particle flows in a reproducing kernel space",
        "source": "L25",
        "verdict": "passed",
    }
    records = {record["case"]: record for record in found["records"]}
    record = records["kernels.median_bandwidth"]
    assert (record["case"], record["labels"], record["backend"], record["verdict"]) == (
        "kernels.median_bandwidth",
        ["K8"],
        "numpy",
        "passed",
    )
    assert {"quantity", "error", "tolerance", "ratio", "reason", "verdict"} == set(
        record["measured"][0]
    )


def test_report_of_a_failure_is_json_without_infinities(one_case, monkeypatch, tmp_path):
    one_case(Measured("x", float("nan"), 1.0, ""))
    for name in ("fisher_differences", "trajectories"):
        monkeypatch.setattr(figures, name, _blank)
    code, _ = run("--backend", "numpy", "--label", "K8", "--out", str(tmp_path))
    assert code == 1
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    (record,) = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))[
        "records"
    ]
    assert record["verdict"] == "failed"
    assert (record["measured"][0]["error"], record["measured"][0]["ratio"]) == ("nan", "inf")


def _blank():
    from matplotlib.figure import Figure

    return Figure()


def test_writing_is_whole_or_not_at_all(monkeypatch, tmp_path):
    path = tmp_path / "report.json"
    report.write_atomically(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        report.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_module_runs_from_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "validation", "--label", "E4", "--backend", "numpy"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "fisher_in_mean_parameters" in done.stdout
