"""The directory of an experiment.

``config.json`` holds its options and versions, ``pieces/METHOD-TRIAL.npz`` a finished piece;
``results.json``, ``arrays.npz`` and the figures follow at the end. Files are written whole or not
at all, so every file found is complete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ingd_ref._io import make_directory, read_sealed, write_arrays, write_json, write_sealed
from ingd_ref.errors import CheckpointError
from ingd_ref.experiments._experiment import Experiment, Piece, Report
from ingd_ref.experiments._versions import versions
from ingd_ref.plotting import save_figure
from ingd_ref.runs import FlowResult, load_result

__all__ = ["Store"]

DOTS_PER_INCH = 150


class Store:
    """The directory ``out`` of one run of ``experiment``.

    Parameters
    ----------
    out : Path
        Created if it does not exist.
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

    def __init__(self, out: Path, experiment: Experiment[Any], resume: bool) -> None:
        self.out, self.experiment = out, experiment
        self.identity = {
            "experiment": experiment.name,
            "config": experiment.config,
            "versions": versions(),
        }
        path = out / "config.json"
        if path.exists():
            self._compare(path, resume)
        make_directory(out / "pieces")
        if not path.exists():
            write_json(path, self.identity)

    def load(self, piece: Piece) -> Any:
        """Load the result of a piece, or None if it has not finished."""
        path = self.path(piece)
        found = read_sealed(path, "piece", "result")
        if found is None:
            return None
        values, arrays = found
        return arrays if values["kind"] == "piece" else load_result(path)

    def save(self, piece: Piece, result: FlowResult | Mapping[str, np.ndarray]) -> None:
        """Keep the result of a finished piece."""
        path = self.path(piece)
        if isinstance(result, FlowResult):
            result.save(path)
            return
        try:
            write_sealed(path, "piece", {}, result)
        except OSError as error:
            reason = f"{error.strerror or error}; an earlier file is unchanged"
            raise CheckpointError(f"result {path} cannot be written: {reason}") from error

    def path(self, piece: Piece) -> Path:
        """Return the file of a piece."""
        return self.out / "pieces" / f"{piece}.npz"

    def conclude(self, report: Report) -> dict[str, Any]:
        """Write arrays and figures, then ``results.json``; return the contents of the latter."""
        write_arrays(self.out / "arrays.npz", report.arrays)
        for name, figure in report.figures.items():
            save_figure(figure, self.out / f"{name}.png", dpi=DOTS_PER_INCH)
        results = {
            "experiment": self.experiment.name,
            "config": self.experiment.config,
            "seed": self.experiment.seed,
            "versions": self.identity["versions"],
            "methods": report.methods,
            **report.findings,
        }
        write_json(self.out / "results.json", results)
        return results

    def _compare(self, path: Path, resume: bool) -> None:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            there = {"experiment": found["experiment"], **found["config"], **found["versions"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = "is damaged or does not describe an experiment"
            raise CheckpointError(f"{path} {reason}; choose another directory") from error
        here = {"experiment": self.experiment.name, **self.experiment.config, **versions()}
        for name in dict.fromkeys((*there, *here)):
            old, new = there.get(name, "absent"), here.get(name, "absent")
            if old != new:
                difference = f"its {name} is {old}, not {new}"
                raise CheckpointError(
                    f"{self.out} holds another run: {difference}; choose another directory"
                )
        if not resume:
            raise CheckpointError(
                f"{self.out} already holds this run; choose another directory, or resume it"
            )
