"""Read regular files of bounded size; pipes, devices and oversized files are rejected unread."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ingd_ref._io._atomic import PLAIN

__all__ = ["read_regular"]


def read_regular(path: Path, limit: int | None = None) -> bytes:
    """Return the bytes of a regular file of at most ``limit`` bytes, or raise OSError."""
    try:
        # A pipe without a writer would block the opening.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | PLAIN)
    except ValueError as error:  # a name with a null byte
        raise OSError(errno.EINVAL, str(error)) from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if limit is not None and found.st_size > limit:
            raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes, more than {limit:,}")
        return file.read() if limit is None else file.read(limit)
