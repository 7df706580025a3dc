"""Files: only a run's own are replaced, one run at a time writes, and links lead nowhere."""

import json
import multiprocessing
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ingd_ref as ir
from ingd_ref._io import Outputs, locked, read_points, read_regular, read_sealed, write_bytes
from ingd_ref.cli import main
from ingd_ref.errors import CheckpointError, DataFileError
from ingd_ref.experiments import EXPERIMENTS, run_experiment
from ingd_ref.plotting import plot_metric_curves, save_figure
from ingd_ref.runs import load_result

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and devices of POSIX systems")


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def tiny(**options):
    return replace(EXPERIMENTS["gaussian"], steps=(4, 8), methods=("rk4",), **options)


def flow(directory, *more):
    chosen = ["--features", 3, "--steps", 2, "--method", "wgf", "--step-size", 0.1]
    files = ["--particles", directory / "particles.npy", "--target", directory / "target.npy"]
    return call("flow", *files, *chosen, *more)


@pytest.fixture
def points(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "particles.npy", rng.normal(size=(5, 1)))
    np.save(tmp_path / "target.npy", rng.normal(size=(6, 1)))
    return tmp_path


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


# --- whose file it is -----------------------------------------------------------------------------


def test_inputs_in_the_directory_of_the_results_are_kept(points):
    before = contents(points)
    assert flow(points, "--out", points).exit_code == 0
    after = contents(points)
    assert {path: after[path] for path in before} == before
    assert flow(points, "--out", points).exit_code == 0  # its own files may be replaced


@pytest.mark.parametrize("name", ["flowed.npy", "results.json", "mmd.png"])
def test_a_file_of_the_user_stops_a_flow_before_it_starts(points, name):
    (points / name).write_text("mine")
    before = contents(points)
    result = flow(points, "--out", points)
    assert result.exit_code == 1
    assert f"{name} is not a file that this run made" in result.stderr
    assert contents(points) == before


def test_an_output_that_the_user_changed_is_kept(points):
    assert flow(points, "--out", points / "out").exit_code == 0
    (points / "out" / "results.json").write_text("mine now")
    assert "is not a file that this run made" in flow(points, "--out", points / "out").stderr
    assert (points / "out" / "results.json").read_text() == "mine now"


def test_an_output_is_no_input(points):
    assert flow(points, "--out", points).exit_code == 0
    (points / "flowed.npy").rename(points / "particles.npy")
    os.link(points / "particles.npy", points / "flowed.npy")
    result = flow(points, "--out", points)
    assert result.exit_code == 1
    assert "holds another run" in result.stderr


def test_another_flow_takes_another_directory(points):
    assert flow(points, "--out", points / "out", "--checkpoint", points / "a.npz").exit_code == 0
    again = flow(points, "--out", points / "out", "--checkpoint", points / "b.npz", "--seed", 1)
    assert "its seed is 0, not 1" in again.stderr


@pytest.mark.parametrize("name", ["results.json", "arrays.npz", "error.png", "config.json"])
def test_a_file_of_the_user_stops_an_experiment(tmp_path, name):
    run_experiment(tiny(), tmp_path / "seen")
    names = {path.name for path in (tmp_path / "seen").glob("*.*")}
    name = next(iter(names & {name} or {path for path in names if path.endswith("png")}))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(CheckpointError, match=r"is not a file that this run made|is damaged"):
        run_experiment(tiny(), tmp_path / "out")
    assert (tmp_path / "out" / name).read_text() == "mine"


def test_a_piece_of_another_run_is_refused(tmp_path):
    run_experiment(tiny(), tmp_path / "a")
    run_experiment(tiny(seed=1), tmp_path / "b")
    for piece in (tmp_path / "a" / "pieces").iterdir():
        piece.replace(tmp_path / "b" / "pieces" / piece.name)
    with pytest.raises(CheckpointError, match=r"rk4-00.\.npz holds another run: its seed is 0"):
        run_experiment(tiny(seed=1), tmp_path / "b")


def test_a_piece_under_the_name_of_another_is_refused(tmp_path):
    run_experiment(tiny(), tmp_path)
    pieces = sorted((tmp_path / "pieces").iterdir())
    pieces[0].write_bytes(pieces[1].read_bytes())
    with pytest.raises(CheckpointError, match="its piece is rk4-008, not rk4-004"):
        run_experiment(tiny(), tmp_path)


def test_results_replace_results_only(tmp_path):
    start, target = np.zeros((2, 1)), np.ones((3, 1))
    result = ir.run_flow(ir.flows.EnergyFlow(), start, target, steps=1, progress=False)
    for path in (tmp_path / "data.npz", tmp_path / "text.npz"):
        np.savez(path, mine=start) if path.stem == "data" else path.write_text("mine")
        before = path.read_bytes()
        with pytest.raises(CheckpointError, match="is not a result of this package"):
            result.save(path)
        assert path.read_bytes() == before
    result.save(tmp_path / "result.npz")
    result.save(tmp_path / "result.npz")
    assert load_result(tmp_path / "result.npz").steps_done == 1


def test_a_journal_of_the_user_stops_a_run(tmp_path):
    journal = tmp_path / "run.npz.journal"
    journal.write_text("dear diary")
    with pytest.raises(CheckpointError, match="is not of this run"):
        ir.run_flow(
            ir.flows.EnergyFlow(),
            np.zeros((2, 1)),
            np.ones((3, 1)),
            steps=1,
            progress=False,
            checkpoint=tmp_path / "run.npz",
        )
    assert journal.read_text() == "dear diary"


@pytest.mark.parametrize("form", ["png", "pdf", "svg"])
def test_figures_replace_figures_only(tmp_path, form):
    figure, path = plot_metric_curves({"a": [1.0, 0.5]}), tmp_path / f"a.{form}"
    save_figure(figure, path)
    first = path.read_bytes()
    save_figure(figure, path)
    assert path.read_bytes() == first
    path.write_bytes(b"mine")
    with pytest.raises(CheckpointError, match="is not a figure of this package"):
        save_figure(figure, path)
    assert path.read_bytes() == b"mine"


def test_an_earlier_measurement_is_kept(tmp_path):
    (tmp_path / "bench.json").write_text("mine")
    result = call("bench", "--size", "3,2,2", "--threads", 1, "--out", tmp_path)
    assert result.exit_code == 1
    assert "bench.json exists" in result.stderr
    assert (tmp_path / "bench.json").read_text() == "mine"


# --- one at a time --------------------------------------------------------------------------------


def _hold(path, held, end):
    with locked(path, "the place"):
        held.set()
        end.wait(60)


def test_a_lock_says_who_holds_it_and_ends_with_its_holder(tmp_path):
    path, context = tmp_path / "lock", multiprocessing.get_context("spawn")
    held, end = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(path, held, end))
    process.start()
    assert held.wait(60)
    with (
        pytest.raises(CheckpointError, match=rf"in use by process {process.pid} on .* since 20"),
        locked(path, "the place"),
    ):
        pass
    process.kill()
    process.join()
    assert path.exists()  # stale
    with locked(path, "the place"):
        pass
    assert not path.exists()


def test_a_lock_holds_within_a_process_and_spares_files_of_the_user(tmp_path):
    path = tmp_path / "lock"
    with (
        locked(path, "the place"),
        pytest.raises(CheckpointError, match=f"process {os.getpid()}"),
        locked(path, "the place"),
    ):
        pass
    path.write_text("mine")
    with pytest.raises(CheckpointError, match="is not a lock"), locked(path, "the place"):
        pass
    assert path.read_text() == "mine"


def test_a_run_keeps_others_out_of_its_checkpoint(tmp_path):
    def again(_):
        with pytest.raises(CheckpointError, match="is in use by process"):
            start(None)
        return True

    def start(callback):
        return ir.run_flow(
            ir.flows.EnergyFlow(),
            np.zeros((2, 1)),
            np.ones((3, 1)),
            steps=3,
            progress=False,
            callback=callback,
            checkpoint=tmp_path / "run.npz",
        )

    assert start(again).status == "stopped"
    assert start(None).steps_done == 3
    assert {path.name for path in tmp_path.iterdir()} == {"run.npz", "run.npz.journal"}


# --- links, pipes, devices, bombs -----------------------------------------------------------------


@posix
def test_links_lead_nowhere(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in ("a.json", "a.json.tmp", "run.npz.journal", "lock"):
        (tmp_path / name).symlink_to(victim)
    write_bytes(tmp_path / "a.json", b"{}")
    assert not (tmp_path / "a.json").is_symlink()
    with pytest.raises(CheckpointError), locked(tmp_path / "lock", "the place"):
        pass
    with pytest.raises(CheckpointError):
        ir.run_flow(
            ir.flows.EnergyFlow(),
            np.zeros((2, 1)),
            np.ones((3, 1)),
            steps=1,
            progress=False,
            checkpoint=tmp_path / "run.npz",
        )
    with Outputs(tmp_path / "out", {}) as outputs:
        (tmp_path / "out" / "b.json").symlink_to(victim)
        with pytest.raises(CheckpointError, match="is not a file that this run made"):
            outputs.write("b.json", b"{}")
    assert victim.read_text() == "mine"


@posix
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv"])
def test_pipes_and_devices_are_refused_unread(tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(DataFileError, match="it is not a regular file"):
            read_points(tmp_path / f"{name}{suffix}")
        with pytest.raises(CheckpointError, match="it is not a regular file"):
            read_sealed(tmp_path / f"{name}{suffix}", "result")


def test_large_files_are_refused_unread(tmp_path):
    for name, size in (("a.npy", (1 << 30) + 1), ("a.csv", (1 << 28) + 1)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)  # sparse
        with pytest.raises(DataFileError, match=f"it has {size:,} bytes, more than"):
            read_points(tmp_path / name)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("ingd_ref._io._points.LARGEST_ARRAY", 10_000)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros((50, 50)))
    with pytest.raises(DataFileError, match=r"unpacks to 20,128 bytes, more than the 10,000"):
        read_points(tmp_path / "a.npz")


def test_compressed_archives_are_no_checkpoints(tmp_path):
    import hashlib

    path = tmp_path / "a.npz"
    values = json.dumps({"kind": "result", "format": 1}).encode()
    np.savez_compressed(path, values=np.frombuffer(values, dtype=np.uint8))
    body = path.read_bytes()[:-2] + (64).to_bytes(2, "little")
    path.write_bytes(body + hashlib.sha256(body).hexdigest().encode())
    assert zipfile.is_zipfile(path)
    with pytest.raises(CheckpointError, match="is not a result of this package"):
        read_sealed(path, "result")


def test_array_of_arrays_is_refused(tmp_path):
    header = b"{'descr': ('<f8', (2,)), 'fortran_order': False, 'shape': (2,), }"
    header = header.ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(32)
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(DataFileError, match="real numbers"):
        read_points(tmp_path / "a.npy")


def test_an_earlier_file_is_mentioned_where_there_is_one(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CheckpointError, match=r"No space left on device$"):
        write_bytes(tmp_path / "a", b"")
    (tmp_path / "a").write_text("mine")
    with pytest.raises(CheckpointError, match=r"the earlier file is unchanged$"):
        write_bytes(tmp_path / "a", b"")
    assert [path.name for path in Path(tmp_path).iterdir()] == ["a"]
    assert read_regular(tmp_path / "a") == b"mine"
