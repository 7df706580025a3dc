"""A directory that one run fills: locked while it runs, and no other file is replaced."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from ingd_ref._io._atomic import make_directory, packed_json, remove_leftovers, write_bytes
from ingd_ref._io._lock import locked
from ingd_ref._io._regular import read_regular
from ingd_ref.errors import CheckpointError

__all__ = ["Outputs", "require_same"]

LEDGER, LOCK = ".ingd-ref.json", ".ingd-ref.lock"
LARGEST_LEDGER = 1 << 24


class Outputs:
    """The directory of a run, which keeps a ledger of what it writes there.

    A file may be replaced if the ledger names it and its content is what the run wrote.

    Parameters
    ----------
    directory : Path
        Created if it does not exist.
    run : mapping of str to JSON values
        The description of the run. The directory accepts no other run.
    inputs : sequence of Path
        Files that the run reads; none of its outputs may be one of them.

    Raises
    ------
    CheckpointError
        If the directory cannot be written, or is that of another run or of one that still runs.
    """

    def __init__(
        self, directory: Path, run: Mapping[str, Any], inputs: Iterable[Path] = ()
    ) -> None:
        self.directory, self.run, self.inputs = directory, dict(run), list(inputs)
        self.held = ExitStack()

    def __enter__(self) -> Self:
        make_directory(self.directory)
        with ExitStack() as stack:
            stack.enter_context(locked(self.directory / LOCK, str(self.directory)))
            self.digests = self._ledger()
            self.held = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self.held.close()

    def require_free(self, *names: str) -> None:
        """Raise :class:`CheckpointError` if a file of these names is not this run's to replace."""
        for path in (self.directory / name for name in names):
            if any(_same(path, other) for other in self.inputs):
                raise CheckpointError(f"{path} is read, and would be replaced; {ADVICE}")
            if os.path.lexists(path) and _digest(path) not in self.digests.get(path.name, ()):
                raise CheckpointError(f"{path} is not a file that this run made; {ADVICE}")

    def write(self, name: str, data: bytes) -> None:
        """Write a file of this run; the ledger knows of it first, whenever the run is killed."""
        self.require_free(name)
        path, new = self.directory / name, hashlib.sha256(data).hexdigest()
        before = [_digest(path)] if os.path.lexists(path) else []
        self.digests[name] = list(dict.fromkeys([*before, new]))
        ledger = self.directory / LEDGER
        remove_leftovers(ledger)
        write_bytes(ledger, packed_json({"run": self.run, "files": self.digests}))
        remove_leftovers(path)
        write_bytes(path, data)

    def _ledger(self) -> dict[str, list[str]]:
        path = self.directory / LEDGER
        try:
            found = json.loads(read_regular(path, LARGEST_LEDGER))
            run, digests = dict(found["run"]), dict(found["files"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{path} is damaged; choose another directory") from error
        require_same(self.directory, run, json.loads(json.dumps(self.run)))
        return digests


ADVICE = "move it away, or choose another directory"


def require_same(place: Path, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Raise :class:`CheckpointError` that names the first difference of two runs."""
    for name in dict.fromkeys((*there, *here)):
        old, new = there.get(name, "absent"), here.get(name, "absent")
        if old != new:
            difference = f"its {name} is {old}, not {new}"
            raise CheckpointError(
                f"{place} holds another run: {difference}; choose another directory"
            )


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file; empty for a link and for anything but a regular file."""
    try:
        return "" if path.is_symlink() else hashlib.sha256(read_regular(path)).hexdigest()
    except OSError:
        return ""


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False
