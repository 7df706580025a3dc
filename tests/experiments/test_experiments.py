"""Tiny experiments: files, resuming, and results that depend on the options alone."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ingd_ref.backend import to_host
from ingd_ref.errors import BackendError, CheckpointError, DomainError, IngdError, OptionError
from ingd_ref.experiments import EXPERIMENTS, Piece, run_experiment
from ingd_ref.experiments import _experiment as module

TINY = {
    name: EXPERIMENTS[name].small
    for name in ("mixture", "s-curve", "digits", "ingd", "gaussian", "gamma")
}
TINY["gaussian"] = {"steps": (4, 8), "methods": ("euler", "heun", "rk4")}


def tiny(name, **options):
    return replace(EXPERIMENTS[name], **(TINY[name] | options))


def curves(results):
    """Return all that must be reproducible, that is, all but the seconds."""
    return {
        name: {key: value for key, value in entry.items() if key != "seconds"}
        for name, entry in results["methods"].items()
    }


@pytest.mark.parametrize("name", TINY)
def test_what_is_written(tmp_path, name):
    pytest.importorskip("sklearn") if name == "digits" else None
    experiment = tiny(name)
    returned = run_experiment(experiment, tmp_path)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results == {key: value for key, value in returned.items() if key != "lines"}
    assert results["experiment"] == name
    assert results["seed"] == 0
    assert results["config"] == experiment.config
    assert {"ingd_ref", "python", "numpy", "numba"} <= set(results["versions"])
    assert set(results["methods"]) == set(experiment.methods)
    for entry in results["methods"].values():
        assert all(value >= 0 for value in entry["seconds"])
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert all(np.all(np.isfinite(arrays[key])) for key in arrays.files)
    figures = list(tmp_path.glob("*.png"))
    assert figures
    assert all(figure.read_bytes().startswith(b"\x89PNG") for figure in figures)
    assert not list(tmp_path.rglob("*.tmp"))
    assert returned["lines"]


def test_mixture_schema(tmp_path):
    results = run_experiment(tiny("mixture"), tmp_path)
    for entry in results["methods"].values():
        values = np.array(entry["mmd"])
        assert values.shape == (2, 4)
        assert len(entry["seconds"]) == 2
        assert np.allclose(
            entry["mean"], values.mean(axis=0), rtol=1e-15
        )  # one rounding of a mean of two
        assert np.allclose(
            entry["standard_error"], np.abs(values[0] - values[1]) / 2, rtol=1e-12
        )  # s/√2 of two numbers, three roundings
    starts = np.array([entry["mmd"] for entry in results["methods"].values()])[:, :, 0]
    assert np.all(starts == starts[0])  # all methods start from the same particles in a trial
    assert 0 < results["noise_floor"]["mean"] < 1


def test_a_trial_does_not_depend_on_the_others(tmp_path):
    both = run_experiment(tiny("mixture"), tmp_path / "a")
    alone = run_experiment(tiny("mixture", trials=1, methods=("wgf",)), tmp_path / "b")
    assert alone["methods"]["wgf"]["mmd"][0] == both["methods"]["wgf"]["mmd"][0]
    other = run_experiment(tiny("mixture", trials=1, methods=("wgf",), seed=1), tmp_path / "c")
    assert other["methods"]["wgf"]["mmd"] != alone["methods"]["wgf"]["mmd"]


def test_processes_change_no_bit(tmp_path):
    here = run_experiment(tiny("mixture"), tmp_path / "here")
    there = run_experiment(tiny("mixture"), tmp_path / "there", jobs=2)
    assert curves(here) == curves(there)
    for name in ("mmd.png", "config.json"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_interrupted_and_resumed(tmp_path):
    def interrupt(piece, done, total):
        if done == 3 and piece is not None:
            raise KeyboardInterrupt

    whole = run_experiment(tiny("mixture"), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_experiment(tiny("mixture"), tmp_path / "parts", observer=interrupt)
    assert len(list((tmp_path / "parts" / "pieces").iterdir())) == 3
    assert not (tmp_path / "parts" / "results.json").exists()
    seen = []
    parts = run_experiment(
        tiny("mixture"),
        tmp_path / "parts",
        observer=lambda piece, done, total: seen.append((piece, done, total)),
    )
    assert curves(parts) == curves(whole)
    assert seen[0] == (None, 3, 8)
    assert len(seen) == 6


def test_finished_pieces_survive_a_failure(tmp_path, monkeypatch):
    experiment = tiny("gaussian")
    original = type(experiment).run

    def failing(self, piece, progress=False):
        if piece == Piece("rk4", 4):
            raise DomainError("the moon is in the wrong house")
        return original(self, piece, progress)

    monkeypatch.setattr(type(experiment), "run", failing)
    with pytest.raises(DomainError, match="gaussian, rk4-004: the moon"):
        run_experiment(experiment, tmp_path)
    assert len(list((tmp_path / "pieces").iterdir())) == 4


def test_another_run_in_the_same_directory_is_rejected(tmp_path):
    run_experiment(tiny("gaussian"), tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    with pytest.raises(CheckpointError, match=r"time is 2\.0, not 1\.0; choose another directory"):
        run_experiment(tiny("gaussian", time=1.0), tmp_path)
    with pytest.raises(CheckpointError, match="experiment is gaussian, not gamma"):
        run_experiment(tiny("gamma"), tmp_path)
    with pytest.raises(CheckpointError, match="already holds this run"):
        run_experiment(tiny("gaussian"), tmp_path, resume=False)
    assert (tmp_path / "results.json").read_bytes() == before


def test_damaged_directories_are_named(tmp_path):
    run_experiment(tiny("gaussian"), tmp_path)
    piece = tmp_path / "pieces" / "rk4-004.npz"
    piece.write_bytes(piece.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match=r"rk4-004\.npz is damaged"):
        run_experiment(tiny("gaussian"), tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"config\.json is damaged or does not describe"):
        run_experiment(tiny("gaussian"), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be created"):
        run_experiment(tiny("gaussian"), tmp_path / "file")


@pytest.mark.parametrize("name", ["gaussian", "gamma"])
def test_orders_of_integrators_on_the_exact_path(tmp_path, name):
    results = run_experiment(tiny(name, steps=(20, 40, 80)), tmp_path)
    for method, order in (("euler", 1), ("rk4", 4)):
        # The slope between step sizes h and h/2 is the order plus a term of order h; measured 1.03
        # to 1.09 and 4.05 to 4.11.
        assert abs(results["methods"][method]["slope"] - order) < 0.15


def test_a_generator_converges_at_the_order_of_its_integrator(tmp_path):
    results = run_experiment(tiny("ingd", path_steps=(20, 40)), tmp_path)
    for name, entry in results["path"].items():
        assert abs(entry["slope"] - entry["order"]) < 0.25, (
            name
        )  # the next term of the error, at a step of 1/10
    assert set(results["s_curve"]["methods"]) == {"ingd", "king", "ntking"}
    assert 0 < results["noise_floor"]["mean"] < 1


def test_default_steps_reach_eight_digits_on_the_exact_path(tmp_path):
    for name in ("gaussian", "gamma"):
        experiment = EXPERIMENTS[name]
        finest = max(experiment.steps)
        result = experiment.run(Piece("rk4", finest))
        assert np.max(experiment._errors(result)) < 1e-8


def test_samples_follow_the_exact_path_too(tmp_path):
    results = run_experiment(tiny("gaussian", particles="samples", number=15), tmp_path)
    assert (
        abs(results["methods"]["rk4"]["slope"] - 4) < 0.5
    )  # only two step sizes, 1/2 and 1/4: terms of higher order show


def test_a_gamma_particle_that_crosses_zero_is_named(tmp_path):
    with pytest.raises(
        DomainError, match=r"a step of 1 is too long; take more steps: .*x > 0 fails"
    ):
        run_experiment(tiny("gamma", start=(6.0, 2.0), target=(0.5, 1.0), steps=(2, 4)), tmp_path)


def test_digits_approach_digits(tmp_path):
    pytest.importorskip("sklearn")
    options = {"number": 16, "training": 200, "held_out": 100, "features": 150, "steps": 12}
    results = run_experiment(replace(EXPERIMENTS["digits"], **options), tmp_path)
    for entry in results["methods"].values():
        assert all(
            entry["after"][measure] < entry["before"][measure]
            for measure in ("pixel_error", "nearest", "mmd")
        )
    with np.load(tmp_path / "arrays.npz") as arrays:
        upper = np.arange(64) < 32
        assert np.array_equal(arrays["complete_after"][:, upper], arrays["original"][:, upper])


def test_digits_without_scikit_learn(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(OptionError, match=r"ingd-ref\[experiments\]"):
        run_experiment(tiny("digits"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_cupy_that_is_absent_or_unusable_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    with pytest.raises(BackendError, match="backend 'cupy' needs CuPy"):
        run_experiment(tiny("gaussian", backend="cupy"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mixture", {"dim": 0}, "dim must be an integer"),
        ("mixture", {"methods": ("king", "king")}, "must not repeat a name"),
        ("mixture", {"methods": ()}, "at least one of"),
        ("mixture", {"methods": ("queen",)}, "'queen'"),
        ("mixture", {"seed": -1}, "seed"),
        ("mixture", {"backend": "abacus"}, "'abacus'"),
        ("s-curve", {"noise": 0.0}, "noise must be greater than zero"),
        ("s-curve", {"ridge": -1.0}, "ridge must not be negative"),
        ("digits", {"steps": 0}, "steps"),
        ("gaussian", {"start": (0.0,)}, "start must give mean and variance"),
        ("gaussian", {"target": (0.0, -1.0)}, "variance"),
        ("gaussian", {"steps": (10,)}, "two or more"),
        ("gaussian", {"number": 1}, "at least 2"),
        ("ingd", {"step_size": 0.0}, "step_size"),
        ("ingd", {"jitter": -1.0}, "jitter"),
        ("ingd", {"width": 0}, "width"),
        ("ingd", {"path_steps": (10,)}, "two or more"),
        ("ingd", {"methods": ("wgf",)}, "'wgf'"),
        ("gamma", {"particles": "dust"}, "'dust'"),
    ],
)
def test_unusable_options(name, options, message):
    with pytest.raises(IngdError, match=message):
        replace(EXPERIMENTS[name], **options)


def test_too_many_digits(tmp_path):
    pytest.importorskip("sklearn")
    with pytest.raises(DomainError, match="ask for 2361 images; there are 1797"):
        run_experiment(replace(EXPERIMENTS["digits"], training=1797), tmp_path)


def test_equal_ends_have_no_path(tmp_path):
    with pytest.raises(DomainError, match="no path to follow"):
        run_experiment(tiny("gaussian", target=(0.0, 1.0)), tmp_path)


def test_standard_error_of_one_trial_is_undefined(tmp_path):
    mean, error = module.mean_and_error(np.array([[1.0, 2.0]]))
    assert mean.tolist() == [1.0, 2.0]
    assert np.all(np.isnan(error))
    results = run_experiment(tiny("mixture", trials=1, methods=("wgf",)), tmp_path)
    assert set(results["methods"]["wgf"]["standard_error"]) == {None}
    assert results["noise_floor"]["standard_error"] is None
    assert results["lines"][-1].endswith("±—")
    assert "±0.0000" not in "".join(results["lines"])


def test_standard_errors_are_written_with_their_means():
    assert module.with_error(0.5, 0.25) == "0.5000 ±0.2500"
    assert module.with_error(0.5, None).rstrip() == "0.5000 ±—"


@pytest.mark.parametrize("name", TINY)
def test_pieces_run_on_any_array_library(tmp_path, monkeypatch, name):
    """The strict library has NumPy's arithmetic, and rejects what goes beyond the standard."""
    pytest.importorskip("sklearn") if name == "digits" else None
    strict = pytest.importorskip("array_api_strict")
    monkeypatch.setattr("ingd_ref.experiments._s_curve.FRESH", 30)
    monkeypatch.setattr("ingd_ref.experiments._ingd.FRESH", 30)
    experiment = tiny(name)
    for piece in [
        piece for piece in experiment.pieces() if piece.trial == experiment.pieces()[0].trial
    ]:
        expected = experiment.run(piece)
        with monkeypatch.context() as patch:
            for owner in ("_mixture", "_s_curve", "_digits", "_exact_path", "_ingd"):
                patch.setattr(
                    f"ingd_ref.experiments.{owner}.on_backend",
                    lambda host, backend: strict.asarray(host),
                )
            found = experiment.run(piece)
        assert type(found.particles) is type(strict.asarray(0.0))
        # The routes add in different orders; at condition numbers up to 1e6, a few steps keep nine
        # of sixteen digits.
        scale = np.max(np.abs(expected.particles))
        assert np.max(np.abs(to_host(found.particles) - expected.particles)) < 1e-6 * scale
