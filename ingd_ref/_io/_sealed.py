"""Sealed files: arrays and named values in an ``.npz`` with a checksum, replaced atomically.

The zip comment at the end of the file holds the SHA-256 of everything before it, and other programs
read the file as a plain ``.npz``.
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

from ingd_ref._io._atomic import NO_LINK, PLAIN, replace_file
from ingd_ref._io._regular import read_regular
from ingd_ref.errors import CheckpointError, with_article

__all__ = ["read_sealed", "write_at", "write_sealed"]

FORMAT = 1
SEAL_LENGTH = 64


def write_sealed(
    path: Path, kind: str, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a sealed file completely or not at all.

    The bytes go to a temporary file, which is forced to the disk and renamed to ``path``. A failure
    leaves an earlier file unchanged.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        Its kind, such as ``"checkpoint"``, which :func:`read_sealed` compares.
    values : mapping
        Values for JSON, which keeps floats to the last bit.
    arrays : mapping of str to numpy.ndarray
        Arrays of numbers by name; the name ``values`` is reserved.

    Raises
    ------
    OSError
        If the system cannot write the file.
    """
    described = json.dumps({"kind": kind, "format": FORMAT, **values}).encode()
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, values=np.frombuffer(described, dtype=np.uint8), **arrays)
    # The last two bytes of a zip file without a comment are the length of the comment: zero.
    body = packed.getvalue()[:-2] + SEAL_LENGTH.to_bytes(2, "little")
    replace_file(path, body + _seal(body))


def read_sealed(path: Path, *kinds: str) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Read a sealed file, or return None if there is none.

    Parameters
    ----------
    path : Path
        The file.
    *kinds : str
        Acceptable kinds.

    Returns
    -------
    dict
        The values, among them ``"kind"``.
    dict of str to numpy.ndarray
        The arrays.

    Raises
    ------
    CheckpointError
        If the file cannot be read, is damaged, or has another kind or format.
    """
    kind = " or ".join(kinds)
    try:
        data = read_regular(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"{kind} {path} cannot be read: {error.strerror or error}") from error
    body, seal = data[:-SEAL_LENGTH], data[-SEAL_LENGTH:]
    if _seal(body) != seal:
        raise CheckpointError(
            f"{path} is damaged, or is not a {kind} of this package; it is unchanged"
        )
    try:
        _require_stored(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as packed:
            arrays = {name: packed[name] for name in packed.files}
        values = json.loads(arrays.pop("values").tobytes())
        found, version = values["kind"], values["format"]
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is not a {kind} of this package; it is unchanged") from error
    if found not in kinds:
        raise CheckpointError(
            f"{path} holds {with_article(str(found)[:40])}, not a {kind}; it is unchanged"
        )
    if version != FORMAT:
        raise CheckpointError(f"{path} has format {version}, this package reads format {FORMAT}")
    return values, arrays


def write_at(path: Path, offset: int, data: bytes, fresh: bool) -> None:
    """Write ``data`` at ``offset`` of a file, and force it to the disk; earlier bytes stay.

    With ``fresh``, create the file if it does not exist. A symbolic link is an error.
    """
    flags = os.O_RDWR | NO_LINK | PLAIN | (os.O_CREAT if fresh else 0)
    with os.fdopen(os.open(path, flags, 0o666), "r+b") as file:
        file.seek(offset)
        file.write(data)
        if offset == 0:
            file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _require_stored(data: bytes) -> None:
    """Raise BadZipFile unless an archive holds its arrays as they are: few bytes unpack to few."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
            raise zipfile.BadZipFile("it is compressed")


def _seal(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
