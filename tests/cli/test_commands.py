"""The commands: what they print and write, and how they fail."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

from ingd_ref.cli import main
from ingd_ref.experiments import EXPERIMENTS

TINY_MIXTURE = [
    "run",
    "mixture",
    "--dim",
    "2",
    "--trials",
    "1",
    "--number",
    "12",
    "--features",
    "10",
    "--fresh",
    "20",
    "--steps",
    "3",
    "--jobs",
    "1",
]


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def fails(code, message, *arguments):
    result = call(*arguments)
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def files(tmp_path):
    """Write particles as a table with names, and the target as an array."""
    rng = np.random.default_rng(0)
    np.savetxt(
        tmp_path / "a.csv",
        rng.normal(size=(20, 2)),
        delimiter=",",
        header="east,north",
        comments="",
    )
    np.save(tmp_path / "b.npy", rng.normal(1.0, 1.0, size=(25, 2)))
    return tmp_path


def flow(files, *more, out="out"):
    return [
        "flow",
        "--particles",
        files / "a.csv",
        "--target",
        files / "b.npy",
        "--features",
        10,
        "--steps",
        4,
        "--out",
        files / out,
        *more,
    ]


def test_version_and_help():
    assert "0.1" in call("--version").output
    for command in (
        [],
        ["run"],
        ["flow"],
        ["bench"],
        ["info"],
        *(["run", name] for name in EXPERIMENTS),
    ):
        assert call(*command, "--help").exit_code == 0


def test_list():
    result = call("run", "--list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(EXPERIMENTS)
    assert call("run").exit_code == 2


def test_run_writes_and_prints(tmp_path):
    result = call(*TINY_MIXTURE, "--methods", "king,wgf", "--out", tmp_path)
    assert result.exit_code == 0
    assert "MMD after step" in result.stdout
    assert result.stderr == ""
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert set(results["methods"]) == {"king", "wgf"}
    assert results["config"]["dim"] == 2
    again = call(*TINY_MIXTURE, "--methods", "king,wgf", "--out", tmp_path, "--quiet")
    assert (again.exit_code, again.output) == (0, "")


def test_exact_path_options_reach_the_experiment(tmp_path):
    result = call(
        "run", "gamma", "--start", "3,1.5", "--steps", "4,8", "--methods", "heun", "--out", tmp_path
    )
    assert result.exit_code == 0
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))["config"]
    assert (config["start"], config["steps"], config["methods"]) == ([3.0, 1.5], [4, 8], ["heun"])


def test_wrong_usage_is_2(tmp_path):
    fails(2, "No such command", "run", "nothing")
    fails(2, "Missing option '--out'", "run", "gamma")
    fails(2, "method must be one of", *TINY_MIXTURE, "--methods", "queen", "--out", tmp_path)
    fails(2, "not a list of integers", "run", "gamma", "--steps", "4,x", "--out", tmp_path)
    fails(
        2,
        "dim must be an integer of at least 1",
        "run",
        "mixture",
        "--dim",
        "0",
        "--out",
        tmp_path,
    )
    fails(2, "a size is three positive integers", "bench", "--size", "3,4")
    fails(2, "a number of threads is at least 1", "bench", "--threads", "0")


def test_failures_are_1_and_one_line(tmp_path):
    call("run", "gamma", "--steps", "4,8", "--out", tmp_path)
    result = fails(
        1,
        "its time is 2.0, not 1.0",
        "run",
        "gamma",
        "--steps",
        "4,8",
        "--time",
        "1",
        "--out",
        tmp_path,
    )
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: ")
    fails(
        1,
        "already holds this run",
        "run",
        "gamma",
        "--steps",
        "4,8",
        "--no-resume",
        "--out",
        tmp_path,
    )
    (tmp_path / "file").write_text("")
    fails(1, "cannot be created", "run", "gamma", "--out", tmp_path / "file" / "below")


def test_debug_shows_the_traceback(tmp_path):
    call("run", "gamma", "--steps", "4,8", "--out", tmp_path)
    result = call("--debug", "run", "gamma", "--steps", "4,8", "--no-resume", "--out", tmp_path)
    assert type(result.exception).__name__ == "CheckpointError"


def test_ctrl_c_in_this_process(tmp_path, monkeypatch):
    original = type(EXPERIMENTS["gamma"]).run

    def interrupted(self, piece, progress=False):
        if piece.method == "rk4":
            raise KeyboardInterrupt
        return original(self, piece, progress)

    monkeypatch.setattr(type(EXPERIMENTS["gamma"]), "run", interrupted)
    command = ["run", "gamma", "--steps", "4,8", "--out", str(tmp_path)]
    result = call(*command)
    assert result.exit_code == 130
    assert "2 of 4 pieces are kept" in result.stderr
    assert "The same command continues from there." in result.stderr
    monkeypatch.undo()
    assert call(*command).exit_code == 0


@pytest.mark.skipif(
    os.name != "posix", reason="signals to a process group exist on POSIX systems only"
)
def test_ctrl_c_with_several_processes(tmp_path):
    arguments = [
        *TINY_MIXTURE[:-1],
        "2",
        "--steps",
        "400",
        "--methods",
        "wgf,mmd",
        "--trials",
        "100",
        "--out",
        str(tmp_path),
    ]
    run = subprocess.Popen(
        [sys.executable, "-m", "ingd_ref", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pieces = tmp_path / "pieces"
    while not (pieces.is_dir() and list(pieces.glob("*.npz"))) and run.poll() is None:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    _, complaints = run.communicate(timeout=60)
    assert run.returncode == 130, complaints
    assert complaints.startswith("Interrupted.\n")
    assert f"{len(list(pieces.glob('*.npz')))} of 200 pieces are kept" in complaints


def test_flow_writes(files):
    result = call(*flow(files))
    assert result.exit_code == 0, result.output
    out = files / "out"
    assert np.load(out / "flowed.npy").shape == (20, 2)
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["columns"] == ["east", "north"]
    assert results["status"] == "finished"
    assert len(results["methods"]["king"]["mmd"][0]) == 5
    assert {path.name for path in out.glob("*.png")} == {"mmd.png", "flowed.png"}
    first = np.load(out / "flowed.npy")
    assert call(*flow(files, "--quiet")).output == ""
    assert np.array_equal(np.load(out / "flowed.npy"), first)


@pytest.mark.parametrize("method", ["ntking", "wgf", "energy", "gaussian-mmd"])
def test_flow_by_other_methods(files, method):
    result = call(
        *flow(
            files,
            "--method",
            method,
            "--bandwidth",
            "0.8",
            "--step-size",
            "0.1",
            "--integrator",
            "heun",
        )
    )
    assert result.exit_code == 0, result.output


def test_flow_moves_only_named_columns(files):
    start = np.loadtxt(files / "a.csv", delimiter=",", skiprows=1)
    for out, move in (("name", "north"), ("number", "1")):
        assert call(*flow(files, "--move", move, out=out)).exit_code == 0
        moved = np.load(files / out / "flowed.npy")
        assert np.array_equal(moved[:, 0], start[:, 0])
        assert not np.any(moved[:, 1] == start[:, 1])
    fails(2, "no column 'up'; there are east, north", *flow(files, "--move", "up"))


def test_flow_of_one_column(files):
    np.savez(files / "c.npz", a=np.arange(5.0), b=np.arange(6.0) + 3)
    arguments = [
        "flow",
        "--particles",
        files / "c.npz",
        "--target",
        files / "c.npz",
        "--particles-array",
        "a",
        "--target-array",
        "b",
    ]
    result = call(*arguments, "--steps", "2", "--out", files / "out")
    assert result.exit_code == 0, result.output
    assert np.load(files / "out" / "flowed.npy").shape == (5, 1)
    assert not (files / "out" / "flowed.png").exists()
    fails(
        1,
        "name one of them",
        "flow",
        "--particles",
        files / "c.npz",
        "--target",
        files / "c.npz",
        "--out",
        files / "out",
    )


def test_flow_failures(files):
    np.save(files / "wide.npy", np.zeros((3, 3)))
    fails(
        1,
        "has 2 column(s), but",
        "flow",
        "--particles",
        files / "a.csv",
        "--target",
        files / "wide.npy",
        "--out",
        files / "out",
    )
    (files / "named.csv").write_text("north,east\n1,2\n")
    fails(
        1,
        "has columns east, north, but",
        "flow",
        "--particles",
        files / "a.csv",
        "--target",
        files / "named.csv",
        "--out",
        files / "out",
    )
    fails(
        1,
        "No such file",
        "flow",
        "--particles",
        files / "none.csv",
        "--target",
        files / "b.npy",
        "--out",
        files / "out",
    )
    fails(2, "neither 'median' nor a positive number", *flow(files, "--bandwidth", "-1"))
    fails(2, "is not in the range x>0", *flow(files, "--step-size", "0"))
    call(*flow(files))
    fails(1, "holds another run: its step_size is 1.0, not 0.5", *flow(files, "--step-size", "0.5"))


def test_flow_goes_on_after_ctrl_c(files, monkeypatch):
    from ingd_ref.flows import EnergyFlow

    whole = call(*flow(files, "--method", "energy", "--step-size", "0.1", out="whole"))
    assert whole.exit_code == 0
    calls, original = [], EnergyFlow.prepare

    def interrupted(self, *arguments, **options):
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, *arguments, **options)

    monkeypatch.setattr(EnergyFlow, "prepare", interrupted)
    result = call(*flow(files, "--method", "energy", "--step-size", "0.1"))
    assert result.exit_code == 130
    assert "2 of 4 steps are kept" in result.stderr
    monkeypatch.undo()
    assert call(*flow(files, "--method", "energy", "--step-size", "0.1")).exit_code == 0
    assert np.array_equal(
        np.load(files / "out" / "flowed.npy"), np.load(files / "whole" / "flowed.npy")
    )


def test_info():
    text = call("info")
    assert text.exit_code == 0
    assert "backend    numpy: CPU" in text.output
    found = json.loads(call("info", "--json").output)
    assert set(found) == {"versions", "platform", "backends", "threads", "kernels"}
    assert {
        choice["implementation"] for choices in found["kernels"].values() for choice in choices
    } == {"readable", "fused"}


def test_bench(tmp_path):
    arguments = [
        "bench",
        "--size",
        "10,2,5",
        "--threads",
        "1",
        "--repeats",
        "1",
        "--no-baseline",
        "--no-growth",
    ]
    result = call(*arguments, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["rows"][0]["n"] == 10
    assert "KiNG velocity" in result.output


def test_module_and_entry_point_are_the_same():
    shown = subprocess.run(
        [sys.executable, "-m", "ingd_ref", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert shown.startswith("Usage: ingd-ref [OPTIONS] COMMAND [ARGS]...")
