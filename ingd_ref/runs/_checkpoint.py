"""The checkpoint of a run: a small sealed file of the last step, and a journal that only grows.

After step s the journal holds what is kept of each step from 0 to s, as plain numbers without any
framing. Its bytes are therefore a function of the run alone: writing a stretch of it a second time
writes the same bytes. A save first extends the journal, then replaces the sealed file, which says
how many bytes of the journal count and what their SHA-256 is. Killed at any moment, the two that
are on the disk belong together, and each byte of the trajectory is written once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingd_ref._io import read_regular, read_sealed, remove_leftovers, write_at, write_sealed
from ingd_ref.backend._namespace import to_backend, to_host
from ingd_ref.errors import CheckpointError
from ingd_ref.runs._fingerprint import first_difference
from ingd_ref.runs._state import Record, Series, Snapshot, State, decode, encode

__all__ = ["Checkpoint", "Saved"]


@dataclass(frozen=True, eq=False)
class Saved:
    """What a checkpoint held: the last step, the records, and the random state at the start."""

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
        The text that identifies the run.
    series : sequence of Series
        What is kept of it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fingerprint: Mapping[str, str],
        series: Sequence[Series],
    ) -> None:
        self.path = Path(path)
        self.journal = self.path.with_name(self.path.name + ".journal")
        self._fingerprint = dict(fingerprint)
        self._series = series
        # The steps that the files hold, the length of the journal up to there, and its SHA-256 so
        # far: replaced as one.
        self._written = (0, 0, hashlib.sha256())

    def load(self, like: State) -> Saved | None:
        """Read the run back, onto the devices of ``like``; None if there is no checkpoint yet.

        Raises
        ------
        CheckpointError
            If a file is damaged, is something else, or belongs to another run. No file is changed.
        """
        remove_leftovers(self.path)
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
                f"{self.journal} is damaged or does not belong to {self.path}; both are unchanged"
            )
        moved = {name: to_backend(array, like.arrays[name]) for name, array in arrays.items()}
        state = State(moved, values["memory"])
        snapshot = Snapshot(step, state, values["rng_state"], values["seconds"])
        self._written = (step + 1, length, digest)
        return Saved(snapshot, decode(self._series, step, data), values["rng_start"])

    def save(self, snapshot: Snapshot, records: list[Record], rng_start: str) -> None:
        """Write the run after a completed step.

        Raises
        ------
        CheckpointError
            If it cannot be written, and before the first one if the journal's file is there and is
            not that of this run. An earlier checkpoint is kept.
        """
        steps, length, digest = self._written
        new = range(steps, snapshot.step + 1)
        data = b"".join(encode(self._series, step, records[step]) for step in new)
        if steps == 0:
            self._require_own_journal(data)
        digest = digest.copy()
        digest.update(data)
        values = {
            "fingerprint": self._fingerprint,
            "step": snapshot.step,
            "memory": snapshot.state.memory,
            "rng_start": rng_start,
            "rng_state": snapshot.rng_state,
            "seconds": snapshot.seconds,
            "journal_bytes": length + len(data),
            "journal_sha256": digest.hexdigest(),
        }
        arrays = {name: to_host(array) for name, array in snapshot.state.arrays.items()}
        try:
            write_at(self.journal, length, data, fresh=steps == 0)
            write_sealed(self.path, "checkpoint", values, arrays)
        except OSError as error:
            earlier = f"the earlier one, of step {steps - 1}, is kept"
            raise CheckpointError(
                f"checkpoint {self.path} of step {snapshot.step} cannot be written: "
                f"{error.strerror or error}; {earlier if steps else 'there is no earlier one'}"
            ) from error
        self._written = (snapshot.step + 1, length + len(data), digest)

    def _require_own_journal(self, first: bytes) -> None:
        """Raise if a journal without checkpoint is not what a killed start of this run leaves."""
        try:
            found = read_regular(self.journal)
        except FileNotFoundError:
            return
        except OSError:
            found = b"?"
        own = first.startswith(found) or (first and found.startswith(first))
        if not own or self.journal.is_symlink():
            raise CheckpointError(
                f"{self.journal} exists, and is not of this run; move it away, or choose another "
                "checkpoint"
            )

    def _read_journal(self, length: int) -> bytes:
        try:
            with self.journal.open("rb") as file:
                return file.read(length)
        except OSError as error:
            raise CheckpointError(
                f"{self.journal}, which belongs to checkpoint {self.path}, cannot be read: "
                f"{error.strerror}"
            ) from error
