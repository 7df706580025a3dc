"""The measurement of accuracy.

It sees planted faults, counts what is beyond the bar, and writes a file that can be read back.
"""

import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

import ingd_ref as ir
from validation import accuracy
from validation.__main__ import main
from validation.accuracy import families, grids, report, special

U = 2.0**-53


def entry(name: str) -> special.Entry:
    return next(entry for _, entry in special.entries() if entry.name == name)


def test_a_function_is_measured_where_it_is_worst():
    found = special.measured(entry("log_minus_digamma"))
    assert found["error"] < 20 * U
    assert found["scipy"]["error"] > 1e-9  # at shapes of 1e8 the difference keeps no more
    assert found["points"] > 100


@pytest.mark.parametrize(("factor", "expected"), [(1 + 1e-10, 1e-10), (np.nan, math.inf)])
def test_a_fault_in_a_function_is_seen(monkeypatch, factor, expected):
    original = special.functions.trigamma
    monkeypatch.setattr(special.functions, "trigamma", lambda xp, a: factor * original(xp, a))
    assert special.measured(entry("trigamma"))["error"] == pytest.approx(expected, rel=1e-4)


def test_a_result_of_the_wrong_length_is_infinitely_wrong(monkeypatch):
    monkeypatch.setattr(special.functions, "log_softmax", lambda xp, a: a[..., :-1])
    assert special.measured(entry("log_softmax"))["error"] == math.inf


def gamma(*shapes: float) -> grids.Grid:
    theta = np.asarray([[shape, -2.0] for shape in shapes])
    return grids.Grid(ir.families.Gamma(), theta, theta[:, 0] >= 0.1)


def rows(grid: grids.Grid) -> dict[tuple[str, str], dict]:
    return {(row["operation"], row["grid"]): row for row in families.measured(grid)}


def test_operations_of_a_family_are_within_the_bar():
    found = rows(gamma(1e-8, 2.0, 1e8))
    assert set(found) == {
        (operation, kind) for operation in families.OPERATIONS for kind in ("moderate", "extreme")
    }
    assert all(row["beyond"] == 0 for row in found.values())
    # The rounding of μ moves a shape of 1e8 by 1e8 times as much, which κ explains and the relative
    # error does not hide.
    assert found["natural_from_mean", "extreme"]["error"] > 1e-13
    assert found["natural_from_mean", "extreme"]["units"] < 10


@pytest.mark.parametrize(
    ("method", "operation"),
    [
        ("_mean", "mean"),
        ("_fisher", "fisher"),
        ("_entropy", "entropy"),
        ("_kl", "kl_near"),
        ("_natural_from_mean", "natural_from_mean"),
    ],
)
def test_a_fault_in_an_operation_is_beyond_the_bar(monkeypatch, method, operation):
    original = getattr(ir.families.Gamma, method)
    monkeypatch.setattr(
        ir.families.Gamma, method, lambda self, *arguments: (1 + 1e-11) * original(self, *arguments)
    )
    row = rows(gamma(2.0, 3.0))[operation, "extreme"]
    assert row["beyond"] == row["members"] > 0
    assert row["error"] == pytest.approx(1e-11, rel=0.1)


def test_what_is_not_finite_is_infinitely_wrong_and_counted(monkeypatch):
    monkeypatch.setattr(ir.families.Gamma, "_mean", lambda self, xp, theta: theta * float("nan"))
    row = rows(gamma(2.0))["mean", "extreme"]
    assert (row["error"], row["beyond"]) == (math.inf, 1)


def test_the_file_can_be_read_back(monkeypatch, tmp_path):
    chosen = [("gamma functions", entry("digamma"))]
    monkeypatch.setattr(report.special, "entries", lambda: iter(chosen))
    monkeypatch.setattr(report, "grids", lambda: [gamma(2.0, 1e4)])
    monkeypatch.setattr(report.exponents, "SWEEPS", ())
    stream = io.StringIO()
    assert main(["--accuracy", "--out", str(tmp_path)], Console(file=stream, width=200)) == 0
    content = json.loads((tmp_path / "accuracy.json").read_text(encoding="utf-8"))
    assert content["schema"] == accuracy.SCHEMA
    assert [row["name"] for row in content["special"]] == ["digamma"]
    assert len(content["families"]) == 2 * len(families.OPERATIONS)
    assert {"numpy", "scipy", "mpmath"} <= set(content["versions"])
    assert "accuracy.json" in stream.getvalue()


def test_infinities_are_written_as_null():
    assert b"[1, null]" in accuracy.dumped(report._finite({"at": {"x": [1, math.inf]}}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--accuracy"], "--accuracy needs --out DIR"),
        (["--accuracy", "--quick", "--out", "x"], "--accuracy takes no other option than --out"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
