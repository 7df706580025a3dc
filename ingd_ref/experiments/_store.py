"""The directory of an experiment.

``config.json`` holds its options and versions, ``pieces/METHOD-TRIAL.npz`` a finished piece;
``results.json``, ``arrays.npz`` and the figures follow at the end. Files are written whole or not
at all, so every file found is complete. Each piece says what run it belongs to, and a file that the
run did not make is never replaced.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ingd_ref._io import (
    Outputs,
    make_directory,
    packed_arrays,
    packed_json,
    read_regular,
    read_sealed,
    remove_leftovers,
    require_same,
)
from ingd_ref.errors import CheckpointError
from ingd_ref.experiments._experiment import Experiment, Piece, Report
from ingd_ref.experiments._versions import versions
from ingd_ref.plotting._style import drawn_figure
from ingd_ref.runs import FlowResult, load_result
from ingd_ref.runs._result import write_result

__all__ = ["Store", "identity"]

DOTS_PER_INCH = 150
LARGEST_CONFIG = 1 << 20


def identity(experiment: Experiment[Any]) -> dict[str, Any]:
    """Return what a run of an experiment is made of, by name."""
    return {"experiment": experiment.name, **experiment.config, **versions()}


class Store:
    """What one run of ``experiment`` keeps in a directory.

    Parameters
    ----------
    outputs : Outputs
        The directory, which is locked.
    experiment : Experiment
        The experiment.
    resume : bool
        Continue a run that the directory already holds, instead of raising.

    Raises
    ------
    CheckpointError
        If the directory cannot be written or holds another run, or holds this run and ``resume``
        is false.
    """

    def __init__(self, outputs: Outputs, experiment: Experiment[Any], resume: bool) -> None:
        self.outputs, self.experiment, self.out = outputs, experiment, outputs.directory
        path = self.out / "config.json"
        if path.exists():
            self._compare(path, resume)
        outputs.require_free("arrays.npz", "results.json")
        make_directory(self.out / "pieces")
        if not path.exists():
            config = {"experiment": experiment.name, "config": experiment.config}
            outputs.write("config.json", packed_json({**config, "versions": versions()}))

    def load(self, piece: Piece) -> Any:
        """Load the result of a piece, or None if it has not finished."""
        path = self.path(piece)
        remove_leftovers(path)
        found = read_sealed(path, "piece", "result")
        if found is None:
            return None
        values, arrays = found
        require_same(path, values.get("run", {}), self._identity(piece))
        return arrays if values["kind"] == "piece" else load_result(path)

    def save(self, piece: Piece, result: FlowResult | Mapping[str, np.ndarray]) -> None:
        """Keep the result of a finished piece."""
        path, run = self.path(piece), self._identity(piece)
        if isinstance(result, FlowResult):
            result._write(path, run=run)
        else:
            write_result(path, "piece", {"run": run}, result)

    def path(self, piece: Piece) -> Path:
        """Return the file of a piece."""
        return self.out / "pieces" / f"{piece}.npz"

    def conclude(self, report: Report) -> dict[str, Any]:
        """Write arrays and figures, then ``results.json``; return the contents of the latter."""
        figures = [f"{name}.png" for name in report.figures]
        self.outputs.require_free("arrays.npz", *figures, "results.json")
        self.outputs.write("arrays.npz", packed_arrays(report.arrays))
        for name, figure in report.figures.items():
            self.outputs.write(f"{name}.png", drawn_figure(figure, "png", DOTS_PER_INCH))
        results = {
            "experiment": self.experiment.name,
            "config": self.experiment.config,
            "seed": self.experiment.seed,
            "versions": versions(),
            "methods": report.methods,
            **report.findings,
        }
        self.outputs.write("results.json", packed_json(results))
        return results

    def _identity(self, piece: Piece) -> dict[str, Any]:
        # As JSON gives it back: tuples become lists.
        described: dict[str, Any] = json.loads(json.dumps(identity(self.experiment)))
        return described | {"piece": str(piece)}

    def _compare(self, path: Path, resume: bool) -> None:
        try:
            found = json.loads(read_regular(path, LARGEST_CONFIG))
            there = {"experiment": found["experiment"], **found["config"], **found["versions"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = "is damaged or does not describe an experiment"
            raise CheckpointError(f"{path} {reason}; choose another directory") from error
        require_same(self.out, there, identity(self.experiment))
        if not resume:
            raise CheckpointError(
                f"{self.out} already holds this run; choose another directory, or resume it"
            )
