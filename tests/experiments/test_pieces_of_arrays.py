"""Experiments whose pieces yield named arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from ingd_ref.errors import CheckpointError
from ingd_ref.experiments import Experiment, Piece, Report, option, run_experiment
from ingd_ref.experiments import _experiment as module


@dataclass(frozen=True)
class Squares(Experiment[dict[str, np.ndarray]]):
    """Squares of random numbers; ``CALLS`` counts the pieces that ran."""

    number: int = option(3, "how many")
    name = "squares"
    summary = "squares"

    def check(self):
        """Accept any number."""

    def pieces(self):
        return [Piece("square", trial) for trial in range(2)]

    def run(self, piece, progress=False):
        CALLS.append(piece)
        drawn = module.stream(self.seed, piece.trial).normal(size=self.number)
        return {"drawn": drawn, "square": drawn**2}

    def report(self, results: Mapping[Piece, dict[str, np.ndarray]]) -> Report:
        return Report(
            {},
            {"sum": float(sum(np.sum(result["square"]) for result in results.values()))},
            {},
            {},
            ["done"],
        )


CALLS: list[Piece] = []


def test_pieces_of_arrays_are_kept_and_read_back(tmp_path):
    CALLS.clear()
    first = run_experiment(Squares(), tmp_path)
    assert len(CALLS) == 2
    (tmp_path / "results.json").unlink()
    again = run_experiment(Squares(), tmp_path)
    assert len(CALLS) == 2  # nothing was computed twice
    assert again == first
    assert first["sum"] == sum(
        np.sum(module.stream(0, trial).normal(size=3) ** 2) for trial in range(2)
    )
    with np.load(tmp_path / "pieces" / "square-001.npz") as piece:
        assert set(piece.files) == {"values", "drawn", "square"}


def test_a_damaged_piece_is_named(tmp_path):
    run_experiment(Squares(), tmp_path)
    path = tmp_path / "pieces" / "square-001.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        CheckpointError, match=r"square-001\.npz is damaged, or is not a piece or result"
    ):
        run_experiment(Squares(), tmp_path)


def test_a_piece_that_cannot_be_written_is_named(tmp_path):
    def block(piece, done, total):
        if piece is None:
            (tmp_path / "pieces" / "square-000.npz").mkdir()

    with pytest.raises(CheckpointError, match=r"square-000\.npz cannot be written: Is a directory"):
        run_experiment(Squares(), tmp_path, observer=block)
