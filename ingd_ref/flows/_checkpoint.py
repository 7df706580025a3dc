"""The checkpoint of a run: a small sealed file for the last completed step, and a journal of the trajectory that only grows.

After step s the journal holds, for each step from 0 to s, the frame and the metrics that are kept
of it, as plain numbers without any framing. Its bytes are therefore a function of the run alone:
whoever writes a stretch of it a second time writes the same bytes. A save first extends the
journal, then replaces the sealed file, which says how many bytes of the journal count and what
their SHA-256 is. Killed at any moment, the two that are on the disk belong together, and each byte
of the trajectory is written once.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingd_ref._io import read_sealed, write_at, write_sealed
from ingd_ref.backend._namespace import Array, to_backend, to_host
from ingd_ref.errors import CheckpointError
from ingd_ref.flows._fingerprint import first_difference
from ingd_ref.flows._integrators import StepMemory

__all__ = ["Checkpoint", "Layout", "Record", "Saved", "Snapshot", "json_state", "set_json_state"]


@dataclass(frozen=True)
class Snapshot:
    """Everything from which a run goes on after a completed step.

    Attributes
    ----------
    step : int
        Steps completed.
    position : array (n, d) or (p,)
        Where the particles, or the parameters of a generator, are.
    memory : StepMemory or None
        What the integrator carries to the next step.
    rng_state : str
        State of the random bit generator, as JSON.
    seconds : float
        Time that the run has taken.
    """

    step: int
    position: Array
    memory: StepMemory | None
    rng_state: str
    seconds: float


@dataclass(frozen=True)
class Record:
    """What is kept of one step: its frame, which is a position, and its metrics, each None where the step is thinned out."""

    frame: Array | None
    metrics: tuple[float, ...] | None


@dataclass(frozen=True)
class Layout:
    """Which steps keep a frame and which keep metrics; how a record becomes bytes.

    Attributes
    ----------
    shape : tuple of int
        Shape of a frame, (n, d) or (p,).
    metrics : int
        Number of metrics.
    keep_every, record_every : int
        A frame is kept of every so many steps, and metrics likewise.
    name : str
        What a position is called in the sealed file. Default "particles".
    """

    shape: tuple[int, ...]
    metrics: int
    keep_every: int
    record_every: int
    name: str = "particles"

    def keeps_frame(self, step: int) -> bool:
        """Whether the frame of ``step`` is kept."""
        return step % self.keep_every == 0

    def keeps_metrics(self, step: int) -> bool:
        """Whether metrics are evaluated after ``step``."""
        return self.metrics > 0 and step % self.record_every == 0

    def encode(self, record: Record) -> bytes:
        """Bytes of a record, little-endian: the frame in C order, in its own floating type, then the metrics as float64."""
        frame = b"" if record.frame is None else _little_endian(to_host(record.frame)).tobytes()
        return frame + (
            b"" if record.metrics is None else np.array(record.metrics, dtype="<f8").tobytes()
        )

    def decode(self, data: bytes, steps: int, dtype: np.dtype[Any], like: Array) -> list[Record]:
        """Records of the steps 0 to ``steps``, whose frames have floating type ``dtype`` and go to the device of ``like``."""
        records, offset = [], 0

        def take(dtype: np.dtype[Any], count: int) -> np.ndarray:
            nonlocal offset
            taken = np.frombuffer(data, dtype, count, offset)
            offset += taken.nbytes
            return taken

        for step in range(steps + 1):
            frame = metrics = None
            if self.keeps_frame(step):
                frame = to_backend(
                    np.reshape(take(dtype.newbyteorder("<"), math.prod(self.shape)), self.shape),
                    like,
                )
            if self.keeps_metrics(step):
                metrics = tuple(take(np.dtype("<f8"), self.metrics).tolist())
            records.append(Record(frame, metrics))
        return records


@dataclass(frozen=True)
class Saved:
    """What a checkpoint held: the last completed step, what was kept of all steps, and how the random generator stood at the start."""

    snapshot: Snapshot
    records: list[Record]
    rng_start: str


class Checkpoint:
    """The two files of a run: ``path`` and ``<path>.journal``.

    Parameters
    ----------
    path : str or path-like
        The sealed file.
    fingerprint : mapping of str to str
        What the run is made of.
    layout : Layout
        What is kept of it.
    """

    def __init__(
        self, path: str | os.PathLike[str], fingerprint: Mapping[str, str], layout: Layout
    ) -> None:
        self.path = Path(path)
        self.journal = self.path.with_name(self.path.name + ".journal")
        self._fingerprint = dict(fingerprint)
        self._layout = layout
        # The steps that the files hold, the length of the journal up to there, and its SHA-256 so
        # far: replaced as one.
        self._written = (0, 0, hashlib.sha256())

    def load(self, like: Array) -> Saved | None:
        """Read the run back, onto the device of ``like``; None if there is no checkpoint yet.

        Raises
        ------
        CheckpointError
            If a file is damaged, is something else, or belongs to another run. No file is changed.
        """
        found = read_sealed(self.path, "checkpoint")
        if found is None:
            return None
        values, arrays = found
        difference = first_difference(values["fingerprint"], self._fingerprint)
        if difference is not None:
            raise CheckpointError(f"checkpoint {self.path} belongs to another run: {difference}")
        step, length = values["step"], values["journal_bytes"]
        data = self._read_journal(length)
        digest = hashlib.sha256(data)
        if len(data) < length or digest.hexdigest() != values["journal_sha256"]:
            raise CheckpointError(
                f"{self.journal} is damaged or does not belong to {self.path}; both were left as they are"
            )
        memory = None if values["memory"] is None else StepMemory(*values["memory"])
        position = arrays[self._layout.name]
        snapshot = Snapshot(
            step, to_backend(position, like), memory, values["rng_state"], values["seconds"]
        )
        saved = Saved(
            snapshot, self._layout.decode(data, step, position.dtype, like), values["rng_start"]
        )
        self._written = (step + 1, length, digest)
        return saved

    def save(self, snapshot: Snapshot, records: list[Record], rng_start: str) -> None:
        """Write the run as it stands after a completed step.

        Raises
        ------
        CheckpointError
            If it cannot be written. An earlier checkpoint stands.
        """
        steps, length, digest = self._written
        data = b"".join(
            self._layout.encode(record) for record in records[steps : snapshot.step + 1]
        )
        digest = digest.copy()
        digest.update(data)
        values = {
            "fingerprint": self._fingerprint,
            "step": snapshot.step,
            "memory": None
            if snapshot.memory is None
            else [snapshot.memory.step, snapshot.memory.error],
            "rng_start": rng_start,
            "rng_state": snapshot.rng_state,
            "seconds": snapshot.seconds,
            "journal_bytes": length + len(data),
            "journal_sha256": digest.hexdigest(),
        }
        try:
            write_at(self.journal, length, data, fresh=steps == 0)
            write_sealed(
                self.path, "checkpoint", values, {self._layout.name: to_host(snapshot.position)}
            )
        except OSError as error:
            earlier = (
                "there is no earlier one"
                if steps == 0
                else f"the earlier one, of step {steps - 1}, stands"
            )
            reason = error.strerror or error
            raise CheckpointError(
                f"checkpoint {self.path} of step {snapshot.step} cannot be written: {reason}; {earlier}"
            ) from error
        self._written = (snapshot.step + 1, length + len(data), digest)

    def _read_journal(self, length: int) -> bytes:
        try:
            with self.journal.open("rb") as file:
                return file.read(length)
        except OSError as error:
            raise CheckpointError(
                f"{self.journal}, which belongs to checkpoint {self.path}, cannot be read: {error.strerror}"
            ) from error


def _little_endian(x: np.ndarray) -> np.ndarray:
    return x.astype(x.dtype.newbyteorder("<"))


def json_state(rng: np.random.Generator) -> str:
    """State of the bit generator of ``rng`` as JSON, to its last bit."""
    return json.dumps(rng.bit_generator.state, default=np.ndarray.tolist)


def set_json_state(rng: np.random.Generator, state: str) -> None:
    """Put the bit generator of ``rng`` into a state that :func:`json_state` returned."""
    rng.bit_generator.state = json.loads(state)
