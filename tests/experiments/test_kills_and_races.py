"""Processes that are killed, that compete and that are orphaned: nothing is lost, no bit changes.

The children are forked, so that a start takes milliseconds and hundreds are affordable.
"""

import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref._io import read_sealed
from ingd_ref._io._atomic import _prefix
from ingd_ref.errors import CheckpointError
from ingd_ref.experiments import Experiment, Piece, Report, run_experiment
from ingd_ref.experiments._experiment import option

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]
STEPS, PIECES = 15, 12


@dataclass(frozen=True)
class Sleepy(Experiment):
    """A dozen pieces of a millisecond."""

    pause: float = option(0.001, "seconds of a piece")
    name = "sleepy"
    summary = "random numbers, slowly"

    def check(self): ...

    def pieces(self):
        return [Piece("draw", trial) for trial in range(PIECES)]

    def run(self, piece, progress=False):
        time.sleep(self.pause)
        return {"drawn": np.random.default_rng([self.seed, piece.trial]).normal(size=20)}

    def report(self, results):
        drawn = np.stack([result["drawn"] for result in results.values()])
        return Report({}, {"total": float(np.sum(drawn))}, {"drawn": drawn}, {}, [])


def experiment(directory):
    run_experiment(Sleepy(), directory)


def flow(directory):
    directory.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    ir.run_flow(
        ir.flows.WGF(0.7),
        rng.normal(size=(6, 2)),
        rng.normal(size=(7, 2)),
        steps=STEPS,
        step_size=0.1,
        rng=np.random.default_rng(1),
        progress=False,
        callback=lambda info: time.sleep(0.001),
        checkpoint=directory / "run.npz",
    ).save(directory / "result.npz")


def finished(task, directory):
    return (directory / ("results.json" if task is experiment else "result.npz")).exists()


def progress(task, directory):
    """Count what has been kept, each of which must be whole."""
    if task is flow:
        found = read_sealed(directory / "run.npz", "checkpoint")
        return 0 if found is None else found[0]["step"]
    return sum(read_sealed(path, "piece") is not None for path in directory.glob("pieces/*.npz"))


def outcome(task, directory):
    """Return all that must be the same to the last bit."""
    if task is flow:
        result = ir.runs.load_result(directory / "result.npz")
        return result.trajectory.tobytes(), result.status
    with np.load(directory / "arrays.npz") as arrays:
        total = json.loads((directory / "results.json").read_text(encoding="utf-8"))["total"]
        return arrays["drawn"].tobytes(), total


def start(task, *arguments):
    process = multiprocessing.get_context("fork").Process(target=task, args=arguments)
    process.start()
    return process


def killed(task, directory, kills, rng):
    """Kill run after run, each continued by the next until one comes through; return the number."""
    task(directory / "whole")
    began = time.monotonic()
    start(task, directory / "timed").join()
    longest = 1.3 * (time.monotonic() - began)
    expected, done, run = outcome(task, directory / "whole"), 0, 0
    while done < kills:
        place, kept, run = directory / f"run-{run}", 0, run + 1
        while not finished(task, place):
            process = start(task, place)
            process.join(float(rng.uniform(0.0, longest)))
            done += process.is_alive()
            process.kill()
            process.join()
            assert process.exitcode in (0, -9)
            assert progress(task, place) >= kept
            kept = progress(task, place)
        task(place)
        assert outcome(task, place) == expected
        left = {path.name for path in place.rglob("*") if path.suffix in (".tmp", ".lock")}
        # `save` has no lock, so that it cannot know whether another writer still needs its file.
        saved = _prefix(place / "result.npz")
        assert not {name for name in left if not name.startswith(saved)}
    return done


@pytest.mark.parametrize("task", [experiment, flow])
def test_a_few_kills(tmp_path, task):
    assert killed(task, tmp_path, 6, np.random.default_rng(0)) >= 6


@pytest.mark.long
@pytest.mark.parametrize("task", [experiment, flow])
def test_a_hundred_kills(tmp_path, task):
    assert killed(task, tmp_path, 100, np.random.default_rng(1)) >= 100


def compete(task, directory, ready, outcomes):
    ready.wait()
    try:
        task(directory)
        outcomes.put("finished")
    except CheckpointError as error:
        outcomes.put(str(error))


def raced(task, directory, races):
    """Start pairs of runs in one place; return how many were kept out."""
    context = multiprocessing.get_context("fork")
    task(directory / "whole")
    expected, kept_out = outcome(task, directory / "whole"), 0
    for race in range(races):
        place, ready, outcomes = directory / f"race-{race}", context.Barrier(2), context.Queue()
        pair = [start(compete, task, place, ready, outcomes) for _ in range(2)]
        said = sorted([outcomes.get(timeout=60) for _ in pair])
        for process in pair:
            process.join()
        assert "finished" in said
        for line in said:
            assert line == "finished" or "is in use by process" in line
        kept_out += sum(line != "finished" for line in said)
        assert outcome(task, place) == expected
    return kept_out


@pytest.mark.parametrize("task", [experiment, flow])
def test_two_runs_in_one_place(tmp_path, task):
    assert raced(task, tmp_path, 2) > 0


@pytest.mark.long
@pytest.mark.parametrize("task", [experiment, flow])
def test_twenty_five_races(tmp_path, task):
    assert raced(task, tmp_path, 25) > 0


PARENT = """
import sys
from tests.experiments.test_kills_and_races import Sleepy
from ingd_ref.experiments import run_experiment
if __name__ == "__main__":
    run_experiment(Sleepy(pause=float(sys.argv[2])), sys.argv[1], jobs=2)
"""


def children(parent):
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(status.read_text().rsplit(")", 1)[1].split()[1]) == parent:
                found.append(int(status.parent.name))
    return found


def alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def orphans(directory, delay, patience=10.0):
    """Kill a run of two workers ``delay`` seconds after its first piece; count what is left."""
    script, out = directory / "parent.py", directory / "out"
    script.write_text(PARENT)
    root = str(Path(ir.__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, str(script), str(out), "1.0"], env={**os.environ, "PYTHONPATH": root}
    )
    end = time.monotonic() + 60
    while not list(out.glob("pieces/*.npz")) and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(delay)
    workers = children(parent.pid)
    assert len(workers) >= 2
    parent.kill()
    parent.wait()
    end = time.monotonic() + patience
    while any(map(alive, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    return sum(map(alive, workers))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes by /proc")
def test_workers_end_with_their_parent(tmp_path):
    assert orphans(tmp_path, 0.0) == 0


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes by /proc")
def test_workers_end_with_their_parent_at_any_time(tmp_path):
    for number, delay in enumerate(np.random.default_rng(2).uniform(0.0, 1.0, 19)):
        (tmp_path / str(number)).mkdir()
        assert orphans(tmp_path / str(number), float(delay)) == 0
