"""What may go wrong in a run: a failing disk, Ctrl-C at a chosen line, the death of the process."""

import errno
import os
import pathlib
import subprocess
import sys

from ingd_ref import runs, simplex, variational
from ingd_ref._io import _atomic, _sealed

# The files of the loop and of everything that it drives.
FOLDER = pathlib.Path(runs.__file__).parent
OWN = {
    *map(str, FOLDER.glob("*.py")),
    simplex._flow.__file__,
    variational._run.__file__,
    variational._vadam.__file__,
    _sealed.__file__,
    _atomic.__file__,
}
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Death(BaseException):
    """The process is killed: nothing that it would do afterwards happens."""


class FailingDisk:
    """Lets ``good`` operations pass, then fails, always or ``once``. A failing write is torn."""

    def __init__(self, monkeypatch, good, failure, once=False):
        self.left, self.failure, self.once, self.failed = good, failure, once, False
        open_file, wrap = os.open, os.fdopen

        def guarded(function):
            def call(*arguments, **options):
                # The lock is the system's, and lives in the file's descriptor alone.
                if not str(arguments[0]).endswith(".lock"):
                    self.tick()
                return function(*arguments, **options)

            return call

        for module, name in [
            (os, "fsync"),
            (os, "replace"),
            (pathlib.Path, "unlink"),
        ]:
            monkeypatch.setattr(module, name, guarded(getattr(module, name)))
        monkeypatch.setattr(
            os,
            "open",
            lambda path, flags, *mode: (guarded(open_file) if flags & os.O_CREAT else open_file)(
                path, flags, *mode
            ),
        )
        monkeypatch.setattr(
            os, "fdopen", lambda handle, mode: self.opened(wrap(handle, mode), mode)
        )

    def tick(self):
        if self.left == 0 and not (self.once and self.failed):
            self.failed = True
            raise self.failure
        self.left -= self.left > 0

    def opened(self, file, mode):
        return file if mode in ("r", "rb") else TornFile(self, file)


class TornFile:
    """A file whose failing write leaves the first half of its bytes."""

    def __init__(self, disk, file):
        self.disk, self.file = disk, file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, data):
        try:
            self.disk.tick()
        except BaseException:
            self.file.write(data[: len(data) // 2])
            raise
        self.file.write(data)

    def __getattr__(self, name):
        return getattr(self.file, name)


def trace_lines(call, interrupt_at=None):
    """Functions on the stack at each line that ``call`` executes in the modules of a run.

    Raises KeyboardInterrupt at the line numbered ``interrupt_at``.
    """
    lines = []

    def trace(frame, event, _):
        if frame.f_code.co_filename not in OWN:
            return None
        if event == "line":
            if len(lines) == interrupt_at:
                lines.append(())
                raise KeyboardInterrupt
            names, outer = [], frame
            while outer is not None:
                names.append(outer.f_code.co_name)
                outer = outer.f_back
            lines.append(names)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines


def launch(directory, kind, seed, *limit):
    """Start ``slow_run.py`` in ``directory``; its files are run.npz and result.npz."""
    here = pathlib.Path(__file__).parent
    program = [sys.executable, str(here / "slow_run.py"), kind, "run.npz", "result.npz"]
    path = os.pathsep.join([str(here.parents[1]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [*program, str(seed), *map(str, limit)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "running\n"
    return process


def finish(process):
    output, _ = process.communicate(timeout=60)
    return output.strip()
