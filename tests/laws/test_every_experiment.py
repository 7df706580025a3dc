"""Laws of every experiment in the index: a new one is tested from its first day."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from click.testing import CliRunner

from ingd_ref.cli import main
from ingd_ref.errors import DomainError
from ingd_ref.experiments import EXPERIMENTS, Piece, run_experiment

every_experiment = pytest.mark.parametrize("name", EXPERIMENTS)


def small(name):
    """Return the experiment with its options for a short run."""
    if name == "digits":
        pytest.importorskip("sklearn", reason="the images of digits are those of scikit-learn")
    return replace(EXPERIMENTS[name], **EXPERIMENTS[name].small)


def arrays_of(result):
    """Return what a piece found, without the seconds that it took."""
    found = result if isinstance(result, dict) else {"particles": result.particles}
    return {key: value for key, value in found.items() if "seconds" not in key}


@every_experiment
def test_options_describe_themselves(name):
    experiment = EXPERIMENTS[name]
    assert experiment.small, "an experiment lists the options of a short run in `small`"
    assert json.loads(json.dumps(experiment.config)).keys() == {f.name for f in fields(experiment)}
    with pytest.raises(DomainError, match="seed"):
        replace(experiment, seed=-1)
    shown = CliRunner().invoke(main, ["run", name, "--help"]).output
    assert all(f"--{f.name.replace('_', '-')}" in shown for f in fields(experiment) if f.metadata)
    assert f"{name} " in CliRunner().invoke(main, ["run", "--list"]).output


@every_experiment
def test_pieces_are_seeded_one_by_one(name):
    experiment = small(name)
    pieces = experiment.pieces()
    assert len(set(pieces)) == len(pieces) > 0
    assert all(isinstance(piece, Piece) for piece in pieces)
    first, again = (arrays_of(experiment.run(pieces[0])) for _ in range(2))
    for key, value in first.items():
        np.testing.assert_array_equal(value, again[key])


@every_experiment
def test_an_experiment_writes_its_results(name, tmp_path):
    returned = run_experiment(small(name), tmp_path)
    stored = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert stored == {key: value for key, value in returned.items() if key != "lines"}
    assert stored["experiment"] == name
    assert returned["lines"]
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert all(np.all(np.isfinite(arrays[key])) for key in arrays.files)
