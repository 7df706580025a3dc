"""Odd values for every option of every command: an answer, or one line and an exit status."""

from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from ingd_ref.cli import main
from ingd_ref.experiments import EXPERIMENTS

ODD = [
    *("", " ", "\n", "-", "--", ",", "1,,2", "1,2", "a,b", "a:b", "..:x", "None", "True", "%s{}"),
    *("nan", "inf", "-inf", "-1", "0", "-0.0", "0.5", "1.5", "1e308", "1e-308", "5e-324", "1e400"),
    *("0x10", "1_0", "१", "²", "½", "😀", "K3′", "\ufeff1", "e\u0301"),
    *("9" * 5000, "9" * 400, "1000000000000", "9223372036854775808", "x" * 5000),
    *("/dev/null", "/dev/zero", "/dev/full", "no/such/place"),
]  # fmt: skip
# By default each option gets every eighth value, another share for each option; `-m long` all.
shares = pytest.mark.parametrize("stride", [8, pytest.param(1, marks=pytest.mark.long)])
# A great number of these is a request for hours, not an error.
ENDLESS = {"steps", "repeats", "problems", "jobs"}
LONG = ("1000000000000", "9" * 400, "9223372036854775808")


def some(stride, option):
    return ODD[len(option) % stride :: stride]


def options(command):
    """Return the names that are written on the command line, and what they are called inside."""
    found = [one for one in command.params if isinstance(one, click.Option) and not one.is_flag]
    return [(one.opts[0], one.name) for one in found]


def one_line_at_most(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    shown = [str(argument)[:60] for argument in arguments]
    assert result.exception is None or isinstance(result.exception, SystemExit), shown
    assert result.exit_code in (0, 1, 2), shown
    assert "Traceback" not in result.output, shown
    assert "--debug shows where" not in result.output, (shown, result.output[-300:])
    if result.exit_code == 1:
        assert result.stderr.startswith("Error: "), shown
        assert result.stderr.count("\n") == 1, (shown, result.stderr)
    if result.exit_code == 2:
        assert "Error: " in result.stderr or shown in (["run", ""], ["run", "--"]), shown
    return result


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("a.npy", rng.normal(size=(5, 2)))
    np.save("b.npy", rng.normal(size=(6, 2)) + 1.0)
    return tmp_path


FLOW = {
    "--particles": "a.npy",
    "--target": "b.npy",
    "--features": "3",
    "--steps": "2",
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@shares
@pytest.mark.parametrize(("option", "name"), options(main.commands["flow"]))
def test_flow(home, option, name, stride, monkeypatch):
    # Drawing takes most of the time, and depends on no option.
    monkeypatch.setattr("ingd_ref.plotting._style.drawn_figure", lambda *_: b"")
    monkeypatch.setattr("ingd_ref.plotting.plot_metric_curves", lambda *_, **options: None)
    monkeypatch.setattr("ingd_ref.plotting.plot_particles", lambda *_, **options: None)
    for number, odd in enumerate(some(stride, option)):
        if name in ENDLESS and odd in LONG:
            continue
        chosen = FLOW | {"--out": f"out-{number}", option: odd}
        one_line_at_most("flow", *(word for pair in chosen.items() for word in pair))
    assert np.load("a.npy").shape == (5, 2)
    assert np.load("b.npy").shape == (6, 2)


@shares
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_refuse_or_accept_options(home, name, stride, monkeypatch):
    def counted(experiment, out, **_):
        assert len(experiment.pieces()) <= 10_000_000
        return {"lines": []}

    monkeypatch.setattr("ingd_ref.cli._run.run_experiment", counted)
    command = main.commands["run"].commands[name]
    for option, inside in options(command):
        if inside == "jobs":
            continue
        for odd in some(stride, option):
            one_line_at_most("run", name, "--out", "out", option, odd)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_run_with_odd_options(home, name):
    small = [
        word
        for key, value in EXPERIMENTS[name].small.items()
        for word in (
            "--" + key.replace("_", "-"),
            ",".join(map(str, value)) if isinstance(value, tuple) else str(value),
        )
    ]
    for option, inside in options(main.commands["run"].commands[name]):
        for number, odd in enumerate(ODD):
            if inside in ("jobs", "backend") or (odd in LONG and inside != "dim"):
                continue
            chosen = [*small, "--jobs", "1", "--out", f"{option[2:]}-{number}", option, odd]
            one_line_at_most("run", name, *chosen)


@shares
def test_other_commands(home, stride, monkeypatch):
    monkeypatch.setattr("ingd_ref._bench.run", lambda **_: {})
    monkeypatch.setattr("ingd_ref._bench.table", lambda _: "")
    for odd in some(stride, ""):
        one_line_at_most(odd)
        one_line_at_most("run", odd)
        one_line_at_most("equation", odd)
        one_line_at_most("info", odd)
        one_line_at_most("check", odd)
        one_line_at_most("check", f"math:{odd}")
        one_line_at_most("check", f"{odd}:sin")
        one_line_at_most("check", "math:sin", "--law", odd)
        for option, _ in options(main.commands["bench"]):
            if odd not in LONG:
                one_line_at_most("bench", option, odd)


def test_modules_that_fail_while_they_are_imported(home):
    for name, text in {
        "ends": "import sys; sys.exit(3)",
        "divides": "1 / 0",
        "misspelt": "def",
        "deep": "(" * 1000,
        "empty": "",
    }.items():
        Path(f"{name}.py").write_text(text)
        assert one_line_at_most("check", f"{name}:adapter").exit_code == 1
