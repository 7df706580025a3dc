"""A lock on disk that says who holds it, and that the system lifts when its holder ends."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingd_ref._io._atomic import NO_LINK, PLAIN
from ingd_ref.errors import CheckpointError

__all__ = ["locked"]

MAGIC = b"ingd-ref lock: "
# Windows locks a range of bytes, which no other process can read then: one far behind the text.
FAR = 1 << 30
PATIENCE = 50
BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
UNSUPPORTED = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` for ``what``; raise CheckpointError if another run holds it.

    The file says who holds it. The lock is the system's and ends with its process, so that what a
    killed run leaves behind locks no other run out.
    """
    try:
        descriptor = _acquired(path, what)
    except (OSError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{what} cannot be locked by {path}: {reason}") from error
    try:
        yield
    finally:
        _let_go(path, descriptor)


def _acquired(path: Path, what: str) -> int:
    """Return the descriptor of the locked file."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK | PLAIN, 0o666)
        try:
            _try_lock(path, descriptor, what)
            if _still(path, descriptor):
                _sign(path, descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # The last holder removed the file between our opening and locking it.
        os.close(descriptor)


def _try_lock(path: Path, descriptor: int, what: str) -> None:
    try:
        _lock(descriptor)
    except OSError as error:
        if error.errno in BUSY:
            holder = _holder(descriptor)
            raise CheckpointError(
                f"{what} is in use by {holder}; wait for it to end, or choose another place"
            ) from error
        if error.errno not in UNSUPPORTED:
            raise
        message = f"this file system has no locks: nothing keeps another run out of {what}"
        warnings.warn(message, RuntimeWarning, stacklevel=6)


def _still(path: Path, descriptor: int) -> bool:
    """Whether the locked file is the one that has the name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sign(path: Path, descriptor: int) -> None:
    """Write who holds the lock, unless the file is something else than a lock."""
    earlier = _text(descriptor)
    if not (earlier.startswith(MAGIC) or MAGIC.startswith(earlier)):
        raise CheckpointError(f"{path} is not a lock of this package; it is unchanged")
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, MAGIC + json.dumps(holder).encode() + b"\n")


def _text(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.read(descriptor, 4096)


def _holder(descriptor: int) -> str:
    """Return who holds the lock, and wait for a moment until that is written."""
    for _ in range(PATIENCE):
        time.sleep(0.02)
        try:
            holder = json.loads(_text(descriptor).removeprefix(MAGIC))
            return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
        except (ValueError, KeyError, TypeError):
            continue
    return "another process"


def _let_go(path: Path, descriptor: int) -> None:
    """Remove the file and close it, which lifts the lock."""
    try:
        if os.name == "posix":
            # While it is locked: afterwards it may be the lock of another run.
            path.unlink(missing_ok=True)
            _unlock(descriptor)
    except OSError:
        pass  # the directory is gone or read-only; closing the file lifts the lock
    finally:
        os.close(descriptor)


_lock: Callable[[int], None]
_unlock: Callable[[int], None]
if os.name == "posix":
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        # A child process that was forked meanwhile holds the same lock; this lifts it for both.
        fcntl.flock(descriptor, fcntl.LOCK_UN)

else:
    import msvcrt

    windows: Any = msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, FAR, os.SEEK_SET)
        windows.locking(descriptor, windows.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, FAR, os.SEEK_SET)
        windows.locking(descriptor, windows.LK_UNLCK, 1)
