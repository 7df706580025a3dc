"""The command ``ingd-ref``, which fails with a message of one line and an exit status."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from ingd_ref._version import __version__
from ingd_ref.cli._bench import bench
from ingd_ref.cli._check import check
from ingd_ref.cli._equation import equation
from ingd_ref.cli._flow import flow
from ingd_ref.cli._info import info
from ingd_ref.cli._run import run
from ingd_ref.cli._streams import discard_output, print_in_any_encoding, report
from ingd_ref.errors import IngdError

__all__ = ["main"]

FAILED, INTERRUPTED = 1, 130


class _Commands(click.Group):
    """Commands that report a failure in one line, or with --debug by its traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        print_in_any_encoding()
        # Figures go to files: no window toolkit, and no nonsense from the environment.
        os.environ["MPLBACKEND"] = "agg"
        try:
            return super().main(*args, **kwargs)
        # Help and messages about wrong usage are printed outside of a command.
        except OSError as error:
            if getattr(error, "shown", False):
                raise
            discard_output()
            report(f"Error: the output cannot be written: {error.strerror or error}")
            sys.exit(FAILED)

    def invoke(self, ctx: click.Context) -> None:
        try:
            _require_directory()
            super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt as interrupt:
            report("Interrupted.", interrupt)
            ctx.exit(INTERRUPTED)
        except (click.exceptions.Exit, click.exceptions.Abort, click.ClickException):
            raise
        except BrokenPipeError:
            discard_output()
            ctx.exit(FAILED)
        except Exception as error:
            if ctx.params["debug"]:
                vars(error)["shown"] = True
                raise
            report(f"Error: {_reason(error)}", error)
            discard_output()
            ctx.exit(FAILED)


def _require_directory() -> None:
    try:
        Path.cwd()
    except OSError:
        raise click.ClickException("the working directory no longer exists") from None


def _reason(error: Exception) -> str:
    """Say in one line what went wrong."""
    if isinstance(error, IngdError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"there is not enough memory: {' '.join(str(error).split()) or 'none left'}"
    if isinstance(error, ArithmeticError):
        cause = error.args[-1] if error.args else type(error).__name__
        return f"a number is too large or too small for floating point: {cause}"
    if isinstance(error, OSError):
        # Errors of files name these, and errors of the package's own files are IngdErrors.
        place = "the output cannot be written" if error.filename is None else error.filename
        return f"{place}: {error.strerror or error}"
    text = " ".join(str(error).split())
    return f"unexpected {type(error).__name__}: {text}; ingd-ref --debug shows where"


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="ingd-ref")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Reference implementation of natural-gradient particle flows on exponential families.

    Exit status: 0 success, 1 failure, 2 wrong usage, 130 interrupted.
    """


for command in (run, flow, equation, check, bench, info):
    main.add_command(command)
