"""The result of a run of a flow, and its file on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref._io import read_sealed, write_sealed
from ingd_ref.backend._namespace import Array, to_backend, to_host
from ingd_ref.errors import CheckpointError

__all__ = ["FlowResult", "load_result"]

# Fields of a result: arrays of the caller's library (the last two only of a generator's run),
# arrays on the host, single values.
MOVED = ("particles", "trajectory", "parameters", "parameter_trajectory")
STEPS = ("times", "steps_kept", "history_steps")
VALUES = ("status", "steps_done", "seconds")


@dataclass(frozen=True, eq=False)
class FlowResult:
    """Result of :func:`~ingd_ref.runs.run_flow` or :func:`~ingd_ref.runs.run_ingd`.

    n particles in d dimensions, k kept frames, r recorded steps, p parameters of a generator.

    Attributes
    ----------
    particles : array (n, d)
        Particles after the last completed step.
    trajectory : array (k, n, d)
        Particles at the start and after every ``keep_every``-th step.
    times : numpy.ndarray (k,)
        Flow time of each frame.
    steps_kept : numpy.ndarray (k,)
        Step of each frame.
    history : dict of str to numpy.ndarray (r,)
        Metrics at the start and after every ``record_every``-th step.
    history_steps : numpy.ndarray (r,)
        Step of each entry of the history.
    status : {"finished", "interrupted", "stopped"}
        All steps were done; Ctrl-C or an error came first; the callback ended the run.
    steps_done : int
        Completed steps.
    seconds : float
        Time that the run took, earlier parts of a resumed run included.
    parameters : array (p,) or None
        Parameters of the generator after the last completed step; None for a flow of particles.
    parameter_trajectory : array (k, p) or None
        Parameters at the start and after every ``keep_every``-th step; None for a flow of
        particles.
    """

    particles: Array = field(repr=False)
    trajectory: Array = field(repr=False)
    times: np.ndarray = field(repr=False)
    steps_kept: np.ndarray = field(repr=False)
    history: dict[str, np.ndarray] = field(repr=False)
    history_steps: np.ndarray = field(repr=False)
    status: str
    steps_done: int
    seconds: float
    parameters: Array | None = field(default=None, repr=False)
    parameter_trajectory: Array | None = field(default=None, repr=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to an ``.npz`` file; :func:`load_result` reads it back.

        Parameters
        ----------
        path : str or path-like
            The file; an earlier result is replaced, no other file.

        Raises
        ------
        CheckpointError
            If it cannot be written, or exists and is not a result. An earlier file is kept.
        """
        place = _checks.path(path, "path")
        _require_result(place)
        self._write(place)

    def _write(self, path: Path, **more: Any) -> None:
        """Write the file, with ``more`` values for JSON."""
        names = list(self.history)
        history = {f"history_{index}": self.history[name] for index, name in enumerate(names)}
        arrays = {name: getattr(self, name) for name in (*MOVED, *STEPS)} | history
        held = {name: to_host(array) for name, array in arrays.items() if array is not None}
        values = {name: getattr(self, name) for name in VALUES} | {"history": names} | more
        write_result(path, "result", values, held)


def write_result(
    path: Path, kind: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a sealed file, or raise :class:`CheckpointError`."""
    try:
        write_sealed(path, kind, values, arrays)
    except OSError as error:
        earlier = "; the earlier file is unchanged" if os.path.lexists(path) else ""
        raise CheckpointError(
            f"result {path} cannot be written: {error.strerror or error}{earlier}"
        ) from error


def _require_result(path: Path) -> None:
    """Raise :class:`CheckpointError` if the file is there and is something else."""
    if os.path.lexists(path):
        read_sealed(path, "result")


def load_result(path: str | os.PathLike[str], like: Array | None = None) -> FlowResult:
    """Read back what :meth:`FlowResult.save` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.
    like : array, optional
        Particles, parameters and their trajectories go to the library, device and floating type of
        this array. Default: NumPy, as they were saved.

    Returns
    -------
    FlowResult

    Raises
    ------
    CheckpointError
        If there is no such file, or it is damaged or something else.
    """
    if like is not None:
        like = _checks.arrays(like=like)[1]
    found = read_sealed(_checks.path(path, "path"), "result")
    if found is None:
        raise CheckpointError(f"there is no result {path}")
    values, arrays = found
    moved: dict[str, Any] = {
        name: arrays[name] if like is None else to_backend(arrays[name], like)
        for name in MOVED
        if name in arrays
    }
    history = {name: arrays[f"history_{index}"] for index, name in enumerate(values["history"])}
    plain: dict[str, Any] = {name: arrays[name] for name in STEPS} | {
        name: values[name] for name in VALUES
    }
    return FlowResult(**moved, **plain, history=history)
