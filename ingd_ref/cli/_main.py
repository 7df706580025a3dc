"""The command ``ingd-ref`` and how it fails: one line that names the culprit, and an exit status that says what kind of failure it was."""

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
    """Commands whose failures are told in one line, unless the traceback is asked for."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            click.echo(
                "\n".join(["Interrupted.", *map(str, getattr(interrupt, "__notes__", []))]),
                err=True,
            )
            ctx.exit(INTERRUPTED)
        except IngdError as error:
            if ctx.params["debug"]:
                raise
            click.echo(
                "\n".join([f"Error: {error}", *map(str, getattr(error, "__notes__", []))]), err=True
            )
            ctx.exit(FAILED)
        except BrokenPipeError:
            sys.stdout = None
            ctx.exit(FAILED)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(__version__, prog_name="ingd-ref")
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
def main(debug: bool) -> None:
    """Natural-gradient particle flows on exponential-family manifolds: a reference implementation.

    Exit status: 0 all is well, 1 failure (one line says what), 2 wrong usage, 130 interrupted.
    """


for command in (run, flow, equation, check, bench, info):
    main.add_command(command)
