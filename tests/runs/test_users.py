"""Flows, generators, finite models, variational inference and Vadam keep the loop's promises."""

import json
import os
import signal
import time

import numpy as np
import pytest

from ingd_ref import variational as vi
from ingd_ref.errors import CheckpointError
from tests.runs.failures import FULL, Death, FailingDisk, finish, launch, trace_lines
from tests.runs.users import DESIGN, LABELS, RULE, SINGLE, USERS, contents, start, steps_done

NEW = [name for name in USERS if name != "flow"]  # tests/runs/test_checkpoint.py is about flows


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def same(one, two):
    assert contents(one) == contents(two)


def same_up_to(result, name):
    """``result`` is what a run of so many steps gives, but for its status."""
    done, held = steps_done(result), contents(result)
    whole = contents(start(name, steps=done)) if done else held
    assert {**held, "result.status": ""} == {**whole, "result.status": ""}


SINGLES = {"start": "float32", "model": SINGLE}
VARIANTS = {
    "flow": [{}],
    "generator": [{}, {"redraw": False, "integrator": "rk4"}],
    "evidence": [{}, {"keep_every": 4, "integrator": "adaptive"}],
    "bound": [{}, {"recognition": "held", "integrator": "heun"}, {"recognition": "substituted"}],
    "inference": [*({"start": name} for name in ("full", "mean field", "low rank")), SINGLES],
    "sampled": [{"start": "full"}, {"start": "low rank"}, SINGLES],
    "vadam": [{}, {"batch_size": None}, {"checkpoint_every": 4}],
}


@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name in VARIANTS for options in VARIANTS[name]]
)
def test_resumed_in_parts_equals_uninterrupted(tmp_path, name, options):
    path, whole = tmp_path / "run.npz", start(name, **options)
    for steps in (2, 3):
        start(name, path, steps=steps, **options)
    same(start(name, path, **options), whole)
    same(start(name, path, **options), whole)  # a finished run is only read


@pytest.mark.parametrize("name", USERS)
def test_ctrl_c_keeps_the_completed_steps(tmp_path, name):
    told = []

    def callback(info):
        told.append(info)
        if len(told) == 3:
            raise KeyboardInterrupt

    path = tmp_path / "run.npz"
    result = start(name, path, callback=callback, checkpoint_every=100)
    assert (result.status, steps_done(result)) == ("interrupted", 2)
    same_up_to(result, name)
    same(start(name, path, callback=callback), start(name))
    assert len(told) == 3 + 4  # the third step was done again


@pytest.mark.parametrize("name", USERS)
def test_a_callback_ends_a_run_that_goes_on_when_resumed(tmp_path, name):
    path = tmp_path / "run.npz"
    result = start(name, path, callback=lambda info: True)
    assert (result.status, steps_done(result)) == ("stopped", 1)
    same(start(name, path), start(name))


@pytest.mark.parametrize("name", USERS)
def test_progress_is_shown_or_told(capsys, monkeypatch, name):
    told, seen = [], []
    start(name, steps=2, progress=told.append, callback=lambda info: bool(seen.append(info)))
    assert len(told) == 2
    assert all(one is two for one, two in zip(told, seen, strict=True))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    start(name, steps=2, progress=True)
    assert "2/2" in capsys.readouterr().err


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize(
    "failure", [Death(), FULL, KeyboardInterrupt()], ids=["killed", "full", "interrupted"]
)
def test_disk_failing_at_each_operation(tmp_path, name, failure):
    whole = start(name, steps=3)
    with pytest.MonkeyPatch.context() as patch:
        disk = FailingDisk(patch, 10**9, Death())
        start(name, tmp_path / "counted.npz", steps=2)
    number = 10**9 - disk.left
    assert number > 20
    for good in range(number):
        path = tmp_path / f"{good}.npz"
        with pytest.MonkeyPatch.context() as patch:
            disk = FailingDisk(patch, good, failure, once=isinstance(failure, KeyboardInterrupt))
            try:
                result = start(name, path, steps=2)
                assert result.status == "interrupted"
                same_up_to(result, name)
            except KeyboardInterrupt:
                assert good < number / 3  # the very first checkpoint: there was nothing to return
            except Death:
                pass
            except CheckpointError as error:
                if "there is no earlier one" not in str(error):
                    same_up_to(error.partial, name)
        assert disk.failed
        same(start(name, path, steps=3), whole)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # as in test_checkpoint.py
@pytest.mark.parametrize("name", NEW)
def test_interrupt_at_any_line(tmp_path, name):
    whole = start(name, steps=3)
    lines = trace_lines(lambda: start(name, tmp_path / "counted.npz", steps=2))
    begun = next(index for index, stack in enumerate(lines) if "drive" in stack)
    assert len(lines) - begun > 100
    # A sample, denser where the state changes.
    every = {True: 3, False: 13}
    for at in range(begun + 1, len(lines)):
        if at % every[lines[at][0] in {"drive", "attempt", "step", "save"}]:
            continue
        path, results = tmp_path / f"{at}.npz", []
        trace_lines(
            lambda path=path, results=results: results.append(start(name, path, steps=2)),
            interrupt_at=at,
        )
        (result,) = results
        assert result.status == "interrupted"
        same_up_to(result, name)
        same(start(name, path, steps=3), whole)


class Broken(RuntimeError):
    """What a model raises."""


class Breaking(vi.LogisticRegression):
    """Raises at the call whose number is in ``BREAKS``."""

    def likelihood_gradients(self, x, rows):
        self.tick()
        return super().likelihood_gradients(x, rows)

    def expected_by_quadrature(self, q, method):
        self.tick()
        return super().expected_by_quadrature(q, method)

    def tick(self):
        CALLS.append(None)
        if len(CALLS) == 4:
            raise Broken


CALLS: list[None] = []


@pytest.mark.parametrize(("name", "done"), [("inference", 2), ("vadam", 3)])
def test_an_error_carries_what_was_done(tmp_path, name, done):
    """The fourth call; inference makes one before its first step."""
    CALLS.clear()
    model, path = Breaking(DESIGN, LABELS), tmp_path / "run.npz"
    with pytest.raises(Broken) as caught:
        start(name, path, model=model, checkpoint_every=100)
    partial = caught.value.partial
    assert (partial.status, steps_done(partial)) == ("interrupted", done)
    same_up_to(partial, name)
    same(start(name, path, model=model), start(name))


def test_a_flow_without_a_next_step_says_so_again_when_resumed(tmp_path):
    path = tmp_path / "run.npz"
    options = {"step_size": 3.0, "steps": 9, "integrator": "euler", "keep_every": 4}
    result = start("bound", path, **options)
    assert result.status == "stopped"
    assert result.reason.startswith(f"step {round(result.times[-1] / 3.0) + 1}: p(ξ) must be")
    same(result, start("bound", **options))
    same(result, start("bound", path, **options))


def test_a_converged_run_resumes_with_a_smaller_tolerance(tmp_path):
    path, options = tmp_path / "run.npz", {"steps": 90, "step": "standard"}
    first = start("inference", path, tolerance=1e-3, **options)
    assert first.status == "converged"
    same(start("inference", path, tolerance=1e-3, **options), first)
    second = start("inference", path, tolerance=1e-12, **options)
    assert (second.status, second.steps > first.steps) == ("converged", True)
    same(second, start("inference", tolerance=1e-12, **options))


OTHERS = {
    ("generator", "batch"): {"batch": 6},
    ("generator", "ridge"): {"ridge": 0.5},
    ("evidence", "step_size"): {"step_size": 0.2},
    ("evidence", "cut"): {"cut": 0.5},
    ("bound", "recognition"): {"recognition": "held"},
    ("bound", "keep_every"): {"keep_every": 2},
    ("inference", "start"): {"start": "mean field"},
    ("inference", "step"): {"step": "standard"},
    ("inference", "model.prior_precision"): {
        "model": vi.LogisticRegression(DESIGN, LABELS, prior_precision=3.0)
    },
    ("sampled", "expectation.number"): {"expectation": vi.Sampling(8)},
    ("sampled", "rng"): {"seed": 1},
    ("vadam", "batch_size"): {"batch_size": 5},
    ("vadam", "rule.learning_rate"): {"rule": vi.Vadam(20, 1.0, learning_rate=0.1)},
    ("vadam", "state.mean"): {"state": vi.Vadam(20, 1.0).start(np.ones(3))},
}


@pytest.mark.parametrize(("name", "part"), OTHERS)
def test_another_run_is_refused_by_the_name_of_what_differs(tmp_path, name, part):
    path = tmp_path / "run.npz"
    start(name, path, steps=2)
    with pytest.raises(CheckpointError, match=rf"run\.npz belongs to another run: {part}\b"):
        start(name, path, **OTHERS[name, part])


def test_a_run_that_changes_its_floating_type_has_no_checkpoint(tmp_path):
    """Single precision meets a model in double precision; the journal holds the former alone."""
    assert steps_done(start("inference", steps=2, start="float32")) == 2
    with pytest.raises(CheckpointError, match=r"is float64 of shape .* needs float32 of shape"):
        start("inference", tmp_path / "run.npz", steps=2, start="float32")


def test_vadam_keeps_the_floating_type_of_its_state(tmp_path):
    single = RULE.start(np.zeros(3, dtype=np.float32))
    found = start("vadam", tmp_path / "run.npz", steps=2, state=single)
    assert found.state.mean.dtype == found.means.dtype == np.float32


def test_vadam_goes_on_from_the_state_of_an_earlier_run():
    whole = start("vadam", steps=6)
    rng = np.random.default_rng(0)
    first = start("vadam", steps=2, rng=rng)
    second = start("vadam", steps=4, rng=rng, state=first.state)
    assert second.state.count == 6
    assert np.array_equal(second.means[-1], whole.means[-1])


# --- a process of its own: real signals -----------------------------------------------------------


def uninterrupted(name):
    whole = contents(start(name, steps=40))
    return {part: repr(value) for part, value in whole.items()}


@pytest.mark.parametrize("name", ["evidence", "sampled", "vadam"])
def test_killed_at_random_moments(tmp_path, name):
    moments, kills = np.random.default_rng(0), 0
    for _ in range(2):
        process = launch(tmp_path, name, 0)
        time.sleep(moments.uniform(0.0, 0.1))
        process.kill()
        finish(process)
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 1
    assert finish(launch(tmp_path, name, 0)) == "finished 40"
    assert json.loads((tmp_path / "result.npz").read_text()) == uninterrupted(name)


@pytest.mark.parametrize("name", ["evidence", "sampled", "vadam"])
def test_a_real_ctrl_c_keeps_what_was_done(tmp_path, name):
    process = launch(tmp_path, name, 0)
    while not (tmp_path / "run.npz").exists():
        time.sleep(0.001)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    status, steps = finish(process).split()
    assert process.returncode == 0
    assert status == "interrupted"
    assert 0 <= int(steps) < 40
    assert finish(launch(tmp_path, name, 0)) == "finished 40"
    assert json.loads((tmp_path / "result.npz").read_text()) == uninterrupted(name)
