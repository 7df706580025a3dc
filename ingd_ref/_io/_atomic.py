"""Atomic writes: write a temporary file, force it to the disk, then rename it."""

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
    """Write ``data`` to ``path``, or raise :class:`CheckpointError` and keep an earlier file."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        reason = f"{error.strerror or error}; an earlier file is unchanged"
        raise CheckpointError(f"{path} cannot be written: {reason}") from error
    finally:
        if temporary.is_file():
            temporary.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, a list of numbers per line; NaN and infinity raise ValueError."""
    write_bytes(path, (_indented(value, "") + "\n").encode())


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as a compressed ``.npz``."""
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    write_bytes(path, packed.getvalue())


def make_directory(path: Path) -> None:
    """Make a directory and its parents, or raise :class:`CheckpointError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise CheckpointError(f"directory {path} cannot be made: {reason}") from error


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
