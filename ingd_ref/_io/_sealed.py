"""Sealed files: arrays and a few named values in one ``.npz``, replaced in one stroke and checked before a byte of it is believed.

The zip comment at the very end of the file holds the SHA-256 of everything before it. Other
programs read the file as a plain ``.npz``.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ingd_ref.errors import CheckpointError

__all__ = ["read_sealed", "write_at", "write_sealed"]

FORMAT = 1
SEAL_LENGTH = 64


def write_sealed(
    path: Path, kind: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a sealed file: whole, or not at all.

    The bytes go to ``<path>.tmp`` beside it, are forced to the disk, and take the name of ``path``
    in one stroke. Whatever fails before that leaves an earlier file as it was.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What it is, e.g. ``"checkpoint"``; :func:`read_sealed` asks for it.
    values : mapping
        Whatever JSON can hold, including every float to its last bit.
    arrays : mapping of str to numpy.ndarray
        Arrays of numbers, by name; ``values`` is taken.

    Raises
    ------
    OSError
        As it comes from the system.
    """
    described = json.dumps({"kind": kind, "format": FORMAT, **values}).encode()
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, values=np.frombuffer(described, dtype=np.uint8), **arrays)
    # The last two bytes of a zip file without a comment are the length of the comment: zero.
    body = packed.getvalue()[:-2] + SEAL_LENGTH.to_bytes(2, "little")
    temporary = path.with_name(path.name + ".tmp")
    try:
        write_at(temporary, 0, body + _seal(body), fresh=True)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def read_sealed(path: Path, *kinds: str) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Read a sealed file back; None if there is no such file.

    Parameters
    ----------
    path : Path
        The file, which is only read.
    *kinds : str
        What it should be: one of these.

    Returns
    -------
    dict
        The values, among them ``"kind"``.
    dict of str to numpy.ndarray
        The arrays.

    Raises
    ------
    CheckpointError
        If the file cannot be read, is damaged, is something else, or was written in another format.
    """
    kind = " or ".join(kinds)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{kind} {path} cannot be read: {error.strerror or error}") from error
    body, seal = data[:-SEAL_LENGTH], data[-SEAL_LENGTH:]
    if _seal(body) != seal:
        raise CheckpointError(
            f"{path} is damaged, or is not a {kind} of this package; it was left as it is"
        )
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as packed:
            arrays = {name: packed[name] for name in packed.files}
        values = json.loads(arrays.pop("values").tobytes())
        found, version = values["kind"], values["format"]
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} is not a {kind} of this package; it was left as it is"
        ) from error
    if found not in kinds:
        raise CheckpointError(f"{path} holds a {found}, not a {kind}; it was left as it is")
    if version != FORMAT:
        raise CheckpointError(
            f"{path} is written in format {version}, this version of the package reads format {FORMAT}"
        )
    return values, arrays


def write_at(path: Path, offset: int, data: bytes, fresh: bool) -> None:
    """Write ``data`` at ``offset`` and force it to the disk; the bytes before it, and a file that exists, stay.

    ``fresh`` says that nothing relies on the file, so that it is made where it does not exist.
    """
    if fresh:
        path.touch()
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)
        if offset == 0:
            file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _seal(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def _sync_directory(directory: Path) -> None:
    """Force the new name to the disk, on systems where a directory can be opened."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
