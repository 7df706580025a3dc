"""The command ``ingd-ref``, which fails with a message of one line and an exit status."""

from __future__ import annotations

import sys
from typing import Any

import click

from ingd_ref._version import __version__
from ingd_ref.cli._bench import bench
from ingd_ref.cli._check import check
from ingd_ref.cli._equation import equation
from ingd_ref.cli._flow import flow
from ingd_ref.cli._info import info
from ingd_ref.cli._run import run
from ingd_ref.errors import IngdError

__all__ = ["main"]

FAILED, INTERRUPTED = 1, 130


class _Commands(click.Group):
    """Commands that report a failure in one line, or with --debug by its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            _report("Interrupted.", interrupt)
            ctx.exit(INTERRUPTED)
        except IngdError as error:
            if ctx.params["debug"]:
                raise
            _report(f"Error: {error}", error)
            ctx.exit(FAILED)
        except BrokenPipeError:
            sys.stdout = None
            ctx.exit(FAILED)


def _report(line: str, error: BaseException) -> None:
    """Print a message and the notes of an exception to the standard error stream."""
    click.echo("\n".join([line, *getattr(error, "__notes__", [])]), err=True)


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
