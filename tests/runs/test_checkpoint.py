"""Checkpoints survive kills, Ctrl-C, full disks and damage, and resumed runs are exact.

A resumed run equals an uninterrupted one bit for bit.
"""

import errno
import io
import os
import signal
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingd_ref._io import _sealed
from ingd_ref.errors import CheckpointError
from ingd_ref.flows import Flow
from ingd_ref.runs import load_result, run_flow
from ingd_ref.runs._fingerprint import describe, first_difference
from tests.runs.failures import FULL, Death, FailingDisk, finish, launch, trace_lines


@dataclass(frozen=True)
class Windy(Flow):
    """Attraction to the target's mean in a random wind, as strong as the particles were spread."""

    rate: float = 1.0

    def prepare(self, particles, target, rng, weights=None, target_weights=None, mask=None):
        goal, wind = (
            np.mean(target, axis=0),
            np.std(particles) * rng.normal(size=particles.shape[1]),
        )
        return lambda x: self.rate * (goal - x) + wind * np.cos(x)


PARTICLES = np.random.default_rng(1).normal(size=(5, 2))
TARGET = np.random.default_rng(2).normal(3.0, 1.0, size=(7, 2))


def spread(x):
    return float(np.std(x))


def start(path, steps=3, seed=0, **options):
    arguments = {
        "flow": Windy(),
        "particles": PARTICLES,
        "target": TARGET,
        "step_size": 0.2,
        "progress": False,
        "metrics": {"spread": spread},
    }
    rng = np.random.default_rng(seed)
    return run_flow(**{**arguments, "steps": steps, "rng": rng, "checkpoint": path, **options})


def same(one, two):
    """Bit-for-bit equality of everything but the time taken."""
    assert (one.status, one.steps_done) == (two.status, two.steps_done)
    assert list(one.history) == list(two.history)
    for left, right in zip(everything(one), everything(two), strict=True):
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        assert left.tobytes() == right.tobytes()


def everything(result):
    return [
        result.particles,
        result.trajectory,
        result.times,
        result.steps_kept,
        result.history_steps,
        *result.history.values(),
    ]


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    """Do not force bytes to the disk: that guards against a power cut, which no test can stage.

    The separate programs below do force them.
    """
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def files(directory):
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


# --- resuming -------------------------------------------------------------------------------------


VARIANTS = {
    "plain": {},
    "heun": {"integrator": "heun"},
    "adaptive": {"integrator": "adaptive", "step_size": 2.0, "rtol": 1e-6},
    "settled once": {"redraw": False},
    "minibatches": {"target": lambda rng: rng.normal(size=(4, 2))},
    "minibatch settled once": {"target": lambda rng: rng.normal(size=(4, 2)), "redraw": False},
    "thinned": {"keep_every": 3, "record_every": 2},
    "no metrics": {"metrics": None},
    "float32": {"particles": PARTICLES.astype(np.float32)},
    "mask and weights": {"mask": [True, False], "weights": np.array([0.1, 0.2, 0.3, 0.2, 0.2])},
    "rare checkpoints": {"checkpoint_every": 4},
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_resumed_in_three_parts_equals_uninterrupted(tmp_path, options):
    whole = start(None, steps=7, **options)
    start(tmp_path / "run.npz", steps=2, **options)
    start(tmp_path / "run.npz", steps=5, **options)
    same(start(tmp_path / "run.npz", steps=7, **options), whole)
    same(start(tmp_path / "run.npz", steps=7, **options), whole)  # a finished run is only read


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_bit_generator_is_resumed(tmp_path, kind):
    def rng():
        return np.random.Generator(getattr(np.random, kind)(5))

    used = rng()
    whole = start(None, steps=4, rng=used)
    start(tmp_path / "run.npz", steps=2, rng=rng())
    resumed = rng()
    same(start(tmp_path / "run.npz", steps=4, rng=resumed), whole)
    assert (
        resumed.bit_generator.state["state"].__repr__()
        == used.bit_generator.state["state"].__repr__()
    )
    start(
        tmp_path / "run.npz", steps=4, rng=None
    )  # a run may be resumed without a generator: the stored one continues


def test_without_a_generator_the_stored_one_goes_on(tmp_path):
    start(tmp_path / "one.npz", steps=2, rng=None)
    for suffix in ("", ".journal"):
        (tmp_path / f"two.npz{suffix}").write_bytes((tmp_path / f"one.npz{suffix}").read_bytes())
    same(
        start(tmp_path / "one.npz", steps=5, rng=None),
        start(tmp_path / "two.npz", steps=5, rng=None),
    )


def test_the_same_generator_object_may_go_on(tmp_path):
    rng = np.random.default_rng(0)
    start(tmp_path / "run.npz", steps=2, rng=rng)
    same(start(tmp_path / "run.npz", steps=4, rng=rng), start(None, steps=4))


def test_a_stopped_run_goes_on(tmp_path):
    stopped = start(
        tmp_path / "run.npz", steps=5, callback=lambda info: info.step == 2, checkpoint_every=100
    )
    assert (stopped.status, stopped.steps_done) == ("stopped", 2)
    same(start(tmp_path / "run.npz", steps=5), start(None, steps=5))


def test_seconds_add_up_and_callbacks_see_the_rest(tmp_path):
    first = start(tmp_path / "run.npz", steps=3, callback=lambda info: time.sleep(0.1))
    seen = []
    second = start(tmp_path / "run.npz", steps=4, callback=lambda info: seen.append(info.step))
    assert seen == [4]
    assert (
        second.seconds > first.seconds > 0.2
    )  # the last nap comes after the last reading of the clock


def test_an_interrupted_run_is_saved_though_no_checkpoint_was_due(tmp_path):
    def callback(info):
        if info.step == 3:
            raise KeyboardInterrupt

    assert (
        start(tmp_path / "run.npz", steps=5, checkpoint_every=100, callback=callback).status
        == "interrupted"
    )
    seen = []
    same(
        start(tmp_path / "run.npz", steps=5, callback=lambda info: seen.append(info.step)),
        start(None, steps=5),
    )
    assert seen == [3, 4, 5]


def test_a_checkpoint_is_a_plain_npz_and_leaves_no_litter(tmp_path):
    result = start(tmp_path / "run.npz", steps=3)
    assert sorted(files(tmp_path)) == ["run.npz", "run.npz.journal"]
    with np.load(tmp_path / "run.npz", allow_pickle=False) as packed:
        assert np.array_equal(packed["particles"], result.particles)
    journal = np.fromfile(tmp_path / "run.npz.journal").reshape(
        4, 11
    )  # five particles in the plane, one metric
    assert np.array_equal(journal[:, :10].reshape(4, 5, 2), result.trajectory)
    assert np.array_equal(journal[:, 10], result.history["spread"])


def test_each_byte_of_the_trajectory_is_written_once(tmp_path, monkeypatch):
    journal, sealed = [], []
    write_at, replace_file = _sealed.write_at, _sealed.replace_file

    def journalled(path, offset, data, fresh):
        journal.append((offset, len(data)))
        write_at(path, offset, data, fresh)

    def replaced(path, data):
        sealed.append(len(data))
        replace_file(path, data)

    monkeypatch.setattr("ingd_ref.runs._checkpoint.write_at", journalled)
    monkeypatch.setattr("ingd_ref._io._sealed.replace_file", replaced)
    start(tmp_path / "run.npz", steps=30)
    assert journal == [(88 * step, 88) for step in range(31)]
    assert (
        max(sealed) - min(sealed) < 60
    )  # only the digits of the step, of the seconds and of the random state vary


# --- a run that is another one --------------------------------------------------------------------


@dataclass(frozen=True)
class Calm(Flow):
    """Attraction to the target's mean."""

    rate: float = 1.0

    def prepare(self, particles, target, rng, weights=None, target_weights=None, mask=None):
        return lambda x: self.rate * (np.mean(target, axis=0) - x)


OTHERS = {
    "flow": {"flow": Calm()},
    "flow.rate": {"flow": Windy(0.5)},
    "particles": {"particles": np.nextafter(PARTICLES, np.inf)},
    "particles is numpy array of float64": {"particles": PARTICLES.astype(np.float32)},
    "target": {"target": TARGET[::-1]},
    "weights": {"weights": np.full(5, 0.2)},
    "target_weights": {"target_weights": np.full(7, 1 / 7)},
    "mask": {"mask": np.array([True, False])},
    "step_size": {"step_size": 0.1},
    "integrator": {"integrator": "rk4"},
    "redraw": {"redraw": False},
    "metrics": {"metrics": {"width": spread}},
    "record_every": {"record_every": 2},
    "keep_every": {"keep_every": 2},
    "rng": {"rng": np.random.default_rng(1)},
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_run_is_refused_by_the_name_of_what_differs(tmp_path, name):
    start(tmp_path / "run.npz", steps=2)
    before = files(tmp_path)
    with pytest.raises(CheckpointError, match=rf"run\.npz belongs to another run: {name}\b"):
        start(tmp_path / "run.npz", steps=4, **OTHERS[name])
    assert files(tmp_path) == before


def test_another_tolerance_counts_where_it_is_used(tmp_path):
    start(tmp_path / "euler.npz", steps=1, rtol=1e-3)
    start(tmp_path / "euler.npz", steps=2, rtol=1e-5)
    start(tmp_path / "adaptive.npz", steps=1, integrator="adaptive", rtol=1e-3)
    with pytest.raises(CheckpointError, match=r"rtol is 0\.001 there and 1e-05 here"):
        start(tmp_path / "adaptive.npz", steps=2, integrator="adaptive", rtol=1e-5)


def test_fewer_steps_than_done_are_refused(tmp_path):
    start(tmp_path / "run.npz", steps=3)
    with pytest.raises(CheckpointError, match=r"has reached step 3, beyond steps = 2"):
        start(tmp_path / "run.npz", steps=2)


@dataclass(frozen=True)
class Nested:
    """Something with parts of every kind."""

    layers: list
    options: dict
    function: object
    cache: object = None


def test_descriptions_name_the_differing_part():
    one = Nested([np.zeros(2), (1.0, "a")], {"k": None, 3: int}, np.linalg.norm, io.StringIO())
    assert (
        first_difference(
            describe("flow", one), describe("flow", replace(one, layers=[np.zeros(2), (1.0, "a")]))
        )
        is None
    )
    other = replace(one, layers=[np.zeros(2), (2.0, "a")])
    assert (
        first_difference(describe("flow", one), describe("flow", other))
        == "flow.layers[1][0] is 1.0 there and 2.0 here"
    )
    longer = replace(one, options={"k": None, 3: int, "new": 1})
    assert (
        first_difference(describe("flow", one), describe("flow", longer))
        == "flow.options is mapping of 2 there and mapping of 3 here"
    )
    assert not any(
        "0x" in line for line in describe("flow", one).values()
    )  # an address would differ in the next process


def test_descriptions_end_where_an_object_holds_itself():
    loop = []
    loop.append(loop)
    assert describe("loop", loop) == {"loop": "list of 1", "loop[0]": "itself"}


# --- damaged and foreign files --------------------------------------------------------------------


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    directory = tmp_path_factory.mktemp("intact")
    start(directory / "run.npz", steps=3)
    return files(directory), start(None, steps=5)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["run.npz", "run.npz.journal"]),
    kind=st.sampled_from(["cut", "flip", "grow"]),
    data=st.data(),
)
def test_damage_is_noticed_or_harmless(tmp_path_factory, intact, name, kind, data):
    contents, whole = intact
    damaged = bytearray(contents[name])
    if kind == "cut":
        del damaged[data.draw(st.integers(0, len(damaged) - 1), "kept bytes") :]
    elif kind == "flip":
        damaged[data.draw(st.integers(0, len(damaged) - 1), "byte")] ^= 1 << data.draw(
            st.integers(0, 7), "bit"
        )
    else:
        damaged += data.draw(st.binary(min_size=1, max_size=100), "tail")
    directory = tmp_path_factory.mktemp("damaged")
    for other, content in contents.items():
        (directory / other).write_bytes(bytes(damaged) if other == name else content)
    before = files(directory)
    if (
        kind == "grow" and name == "run.npz.journal"
    ):  # what a killed run may leave: bytes that no checkpoint speaks of
        same(start(directory / "run.npz", steps=5), whole)
        return
    with pytest.raises(CheckpointError, match=rf"{name} (is|does) .*unchanged|{name} is damaged"):
        start(directory / "run.npz", steps=5)
    assert files(directory) == before


def test_missing_journal_is_named(tmp_path):
    start(tmp_path / "run.npz", steps=2)
    (tmp_path / "run.npz.journal").unlink()
    with pytest.raises(
        CheckpointError,
        match=r"run\.npz\.journal, which belongs to .*run\.npz, cannot be read: No such file",
    ):
        start(tmp_path / "run.npz", steps=4)


def test_journal_without_checkpoint_is_written_anew(tmp_path):
    start(tmp_path / "run.npz", steps=9, seed=4)
    (tmp_path / "run.npz").unlink()
    same(start(tmp_path / "run.npz", steps=2), start(None, steps=2))
    same(start(tmp_path / "run.npz", steps=4), start(None, steps=4))


def test_foreign_files_are_refused_and_left_alone(tmp_path):
    np.savez(tmp_path / "arrays.npz", x=PARTICLES)
    np.savez(tmp_path / "objects.npz", values=np.array([{}], dtype=object))
    (tmp_path / "text.npz").write_text("a diary")
    (tmp_path / "empty.npz").touch()
    before = files(tmp_path)
    for name in before:
        with pytest.raises(
            CheckpointError,
            match=rf"{name} is damaged, or is not a checkpoint of this package; it is unchanged",
        ):
            start(tmp_path / name)
        with pytest.raises(CheckpointError, match=rf"{name} is damaged, or is not a result"):
            load_result(tmp_path / name)
    assert files(tmp_path) == before


def test_sealed_files_of_another_kind_or_format_are_refused(tmp_path, monkeypatch):
    start(None, steps=1).save(tmp_path / "result.npz")
    with pytest.raises(CheckpointError, match=r"result\.npz holds a result, not a checkpoint"):
        start(tmp_path / "result.npz")
    start(tmp_path / "run.npz", steps=1)
    with pytest.raises(CheckpointError, match=r"run\.npz holds a checkpoint, not a result"):
        load_result(tmp_path / "run.npz")
    monkeypatch.setattr(_sealed, "FORMAT", 2)
    with pytest.raises(CheckpointError, match=r"has format 1, this package reads format 2"):
        start(tmp_path / "run.npz", steps=1)


def test_unusable_places_are_named_before_any_step(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "directory.npz").mkdir()
    for path, reason in [
        (tmp_path / "file" / "run.npz", "Not a directory"),
        (tmp_path / "directory.npz", "Is a directory"),
        (tmp_path / "missing" / "run.npz", "No such file"),
    ]:
        steps = []
        with pytest.raises(CheckpointError, match=rf"{path} .*{reason}"):
            start(path, callback=lambda info, steps=steps: steps.append(info.step))
        assert steps == []


# --- results on disk ------------------------------------------------------------------------------


def test_result_returns_from_disk(tmp_path):
    result = start(None, steps=4, keep_every=3, record_every=2)
    result.save(tmp_path / "result.npz")
    loaded = load_result(tmp_path / "result.npz")
    same(loaded, result)
    assert loaded.seconds == result.seconds
    assert (
        load_result(tmp_path / "result.npz", like=np.zeros(1, dtype=np.float32)).particles.dtype
        == np.float32
    )
    with pytest.raises(CheckpointError, match=r"there is no result .*absent\.npz"):
        load_result(tmp_path / "absent.npz")


def test_result_that_cannot_be_written_leaves_the_earlier_one(tmp_path, monkeypatch):
    result = start(None, steps=1)
    result.save(tmp_path / "result.npz")
    before = files(tmp_path)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        CheckpointError, match=r"result\.npz cannot be written: No space left on device"
    ):
        start(None, steps=2).save(tmp_path / "result.npz")
    assert files(tmp_path) == before


# --- a disk that fails at every one of its operations in turn -------------------------------------


def operations(tmp_path, **options):
    with pytest.MonkeyPatch.context() as patch:
        disk = FailingDisk(patch, 10**9, Death())
        start(tmp_path / "counted.npz", **options)
    return 10**9 - disk.left


@pytest.mark.parametrize(
    "failure", [Death(), FULL, KeyboardInterrupt()], ids=["killed", "full", "interrupted"]
)
def test_disk_failing_at_each_operation(tmp_path, failure):
    whole = start(None, steps=3)
    number = operations(tmp_path, steps=2)
    assert number > 20
    for good in range(number):
        path = tmp_path / f"{good}.npz"
        with pytest.MonkeyPatch.context() as patch:
            disk = FailingDisk(patch, good, failure, once=isinstance(failure, KeyboardInterrupt))
            try:
                result = start(path, steps=2)
                assert result.status == "interrupted"
                assert (
                    result.trajectory.tobytes()
                    == whole.trajectory[: result.steps_done + 1].tobytes()
                )
            except KeyboardInterrupt:
                assert (
                    good < number / 3
                )  # while the very first checkpoint was being written: there was nothing to return
            except Death:
                pass
            except CheckpointError as error:
                check_full_disk(path, error, whole)
        assert disk.failed
        same(start(path, steps=3), whole)


def check_full_disk(path, error, whole):
    message, partial = str(error), getattr(error, "partial", None)
    assert f"checkpoint {path} of step" in message
    assert "No space left on device; " in message
    assert (partial is None) == ("there is no earlier one" in message)
    if partial is not None:
        assert f"the earlier one, of step {partial.steps_done - 1}, is kept" in message
        assert partial.trajectory.tobytes() == whole.trajectory[: partial.steps_done + 1].tobytes()


# An interrupt on the last line of a `with` block leaves the file to the garbage collector, which
# closes it and says so.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_interrupt_at_any_line(tmp_path):
    """Raise KeyboardInterrupt at line after line of the package.

    Once stepping has begun, a result comes back, and the run resumes exactly.
    """
    whole = start(None, steps=3, integrator="heun")
    lines = trace_lines(lambda: start(tmp_path / "counted.npz", steps=2, integrator="heun"))
    begun = next(index for index, stack in enumerate(lines) if "drive" in stack)
    assert len(lines) - begun > 300
    # The first line of the loop's function, `try:`, is not yet inside it. Where the state changes
    # each line counts, elsewhere a sample.
    critical = {"drive", "attempt", "step", "save"}
    for at in range(begun + 1, len(lines)):
        if at % 5 and lines[at][0] not in critical:
            continue
        path = tmp_path / f"{at}.npz"
        results = []
        trace_lines(
            lambda path=path, results=results: results.append(
                start(path, steps=2, integrator="heun")
            ),
            interrupt_at=at,
        )
        (result,) = results
        assert result.status == "interrupted"
        assert result.trajectory.tobytes() == whole.trajectory[: result.steps_done + 1].tobytes()
        assert len(result.history["spread"]) == result.steps_done + 1
        same(start(path, steps=3, integrator="heun"), whole)


# --- a process of its own: real signals and real limits -------------------------------------------


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Results of the program where it was left alone, by seed."""
    results = {}

    def of(seed):
        if seed not in results:
            directory = tmp_path_factory.mktemp("alone")
            assert finish(launch(directory, "flow", seed)) == "finished 40"
            results[seed] = load_result(directory / "result.npz")
        return results[seed]

    return of


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_random_moments(tmp_path, uninterrupted, seed):
    moments = np.random.default_rng(seed)
    kills = 0
    for _ in range(3):
        process = launch(tmp_path, "flow", seed)
        time.sleep(moments.uniform(0.0, 0.12))
        process.kill()
        finish(process)
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 2
    assert finish(launch(tmp_path, "flow", seed)) == "finished 40"
    same(load_result(tmp_path / "result.npz"), uninterrupted(seed))


def test_ctrl_c_keeps_what_was_done(tmp_path, uninterrupted):
    process = launch(tmp_path, "flow", 0)
    while not (tmp_path / "run.npz").exists():
        time.sleep(0.001)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    status, steps = finish(process).split()
    assert process.returncode == 0
    assert status == "interrupted"
    assert 0 <= int(steps) < 40
    part, whole = load_result(tmp_path / "result.npz"), uninterrupted(0)
    assert part.trajectory.tobytes() == whole.trajectory[: part.steps_done // 2 + 1].tobytes()
    assert finish(launch(tmp_path, "flow", 0)) == "finished 40"
    same(load_result(tmp_path / "result.npz"), whole)


def test_file_size_limit_stands_for_a_full_disk(tmp_path, uninterrupted):
    # A frame takes 4800 bytes and every second step has one: the journal reaches the limit near
    # step 12, the sealed file never does.
    process = launch(tmp_path, "flow", 0, 30_000)
    message, steps = finish(process).split(" | ")
    assert process.returncode == 3
    assert "cannot be written: File too large; the earlier one, of step" in message
    assert 5 < int(steps) < 20
    assert sorted(files(tmp_path)) == ["run.npz", "run.npz.journal"]
    assert finish(launch(tmp_path, "flow", 0)) == "finished 40"
    same(load_result(tmp_path / "result.npz"), uninterrupted(0))
