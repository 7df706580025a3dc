"""Write a file under another name, force it to the disk, then give it its name in one stroke."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ingd_ref.errors import CheckpointError

__all__ = ["make_directory", "write_arrays", "write_bytes", "write_json"]


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``; whatever fails on the way, a file that was there before stays as it was.

    Raises
    ------
    CheckpointError
        If the file cannot be written; the message names it.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror or error}; an earlier file of that name stands"
        ) from error
    finally:
        if temporary.is_file():
            temporary.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, with lists of numbers on one line each; NaN and infinity, which JSON has not, are refused."""
    write_bytes(path, (_indented(value, "") + "\n").encode())


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as a compressed ``.npz``."""
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    write_bytes(path, packed.getvalue())


def make_directory(path: Path) -> None:
    """Make the directory and its parents where they do not exist; :class:`CheckpointError` if that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"directory {path} cannot be made: {error.strerror or error}"
        ) from error


def _indented(value: Any, indent: str) -> str:
    """JSON of ``value`` in which whatever holds no mapping stays on one line."""
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
