"""The directory of an experiment: its options, one sealed file per finished piece, and what was concluded from them.

``config.json`` says whose directory it is. ``pieces/METHOD-TRIAL.npz`` holds a finished piece.
``results.json``, ``arrays.npz`` and the figures are written at the end. Every file is written whole
or not at all, so that whatever is found counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ingd_ref._io import (
    make_directory,
    read_sealed,
    write_arrays,
    write_figure,
    write_json,
    write_sealed,
)
from ingd_ref.errors import CheckpointError
from ingd_ref.experiments._experiment import Experiment, Piece, Report
from ingd_ref.experiments._versions import versions
from ingd_ref.runs import FlowResult, load_result

__all__ = ["Store"]


class Store:
    """The directory ``out`` of one run of ``experiment``.

    Parameters
    ----------
    out : Path
        Made if it does not exist.
    experiment : Experiment
        What is run.
    resume : bool
        Whether a directory that already holds this run may be continued.

    Raises
    ------
    CheckpointError
        If the directory cannot be written, holds another run, or holds this one and ``resume`` is
        false.
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
        """Load the result of a piece; None if it has not been finished."""
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
            raise CheckpointError(
                f"result {path} cannot be written: {error.strerror or error}; an earlier file stands"
            ) from error

    def path(self, piece: Piece) -> Path:
        """File of a piece."""
        return self.out / "pieces" / f"{piece}.npz"

    def conclude(self, report: Report) -> dict[str, Any]:
        """Write what was concluded: arrays and figures first, ``results.json`` last; return what the latter holds."""
        write_arrays(self.out / "arrays.npz", report.arrays)
        for name, figure in report.figures.items():
            write_figure(self.out / f"{name}.png", figure)
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
            raise CheckpointError(
                f"{path} is damaged or does not describe an experiment; choose another directory"
            ) from error
        here = {"experiment": self.experiment.name, **self.experiment.config, **versions()}
        for name in dict.fromkeys((*there, *here)):
            if there.get(name) != here.get(name):
                difference = f"{name} is {there.get(name, 'absent')} there and {here.get(name, 'absent')} here"
                raise CheckpointError(
                    f"{self.out} holds another run: {difference}; choose another directory"
                )
        if not resume:
            raise CheckpointError(
                f"{self.out} already holds this run; choose another directory, or resume it"
            )
