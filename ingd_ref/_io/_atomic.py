"""Atomic writes: write a temporary file, force it to the disk, then rename it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ingd_ref.errors import CheckpointError

__all__ = [
    "make_directory",
    "packed_arrays",
    "packed_json",
    "remove_leftovers",
    "replace_file",
    "write_arrays",
    "write_bytes",
    "write_json",
]

# Flags that some systems lack: never through a link, never in text mode.
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
PLAIN = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, or raise :class:`CheckpointError` and keep an earlier file."""
    try:
        replace_file(path, data)
    except OSError as error:
        earlier = "; the earlier file is unchanged" if os.path.lexists(path) else ""
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror or error}{earlier}"
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, a list of numbers per line; NaN and infinity raise ValueError."""
    write_bytes(path, packed_json(value))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as a compressed ``.npz``."""
    write_bytes(path, packed_arrays(arrays))


def packed_json(value: Any) -> bytes:
    """Return what :func:`write_json` writes."""
    return (_indented(value, "") + "\n").encode()


def packed_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return what :func:`write_arrays` writes."""
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    return packed.getvalue()


def replace_file(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` whole or not at all; raise OSError if the system cannot.

    The temporary file is new, in the same directory, and has a random name, so that no link leads
    the data elsewhere.
    """
    temporary = path.with_name(f"{_prefix(path)}{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK | PLAIN
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files of killed writers of ``path``; there must be no other writer now."""
    for leftover in path.parent.glob(f"{_prefix(path)}*.tmp"):
        with suppress(OSError):
            leftover.unlink()


def make_directory(path: Path) -> None:
    """Make a directory and its parents, or raise :class:`CheckpointError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"directory {path} cannot be created: {reason}") from error


def _prefix(path: Path) -> str:
    """Return how temporary files of ``path`` begin: short, for any length of its name."""
    return f".ingd-ref-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]}-"


def _sync_directory(directory: Path) -> None:
    """Force the new name to the disk, on systems where a directory can be opened."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _indented(value: Any, indent: str) -> str:
    """Return JSON that breaks the lines of mappings, and of lists of mappings or lists."""
    if isinstance(value, Mapping) and value:
        deeper = indent + "  "
        lines = [
            f"{deeper}{json.dumps(str(key))}: {_indented(part, deeper)}"
            for key, part in value.items()
        ]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(part, Mapping | list) for part in value):
        deeper = indent + "  "
        return (
            "[\n" + ",\n".join(deeper + _indented(part, deeper) for part in value) + f"\n{indent}]"
        )
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
