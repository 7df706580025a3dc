"""``ingd-ref check MODULE:OBJECT``: test an implementation against laws and reference vectors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ingd_ref.errors import OptionError

__all__ = ["check"]


@click.command()
@click.argument("target", metavar="MODULE:OBJECT")
@click.option(
    "--law",
    "laws",
    multiple=True,
    metavar="NAME",
    help="Test this law only; repeatable.  [default: all]",
)
@click.option(
    "--problems",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Number of problems per law and kernel.",
)
@click.option(
    "--vectors/--no-vectors",
    default=True,
    show_default=True,
    help="Compare with the reference vectors.",
)
@click.option(
    "--expect-failure",
    "expected",
    multiple=True,
    metavar="NAME",
    help="Law, or vector:NAME, that is known to fail; repeatable.",
)
@click.option("--list", "listing", is_flag=True, help="Show all verdicts.")
@click.pass_context
def check(
    ctx: click.Context,
    /,
    target: str,
    listing: bool,
    expected: tuple[str, ...],
    laws: tuple[str, ...],
    **options: Any,
) -> None:
    """Test an implementation of a velocity against laws and vectors.

    OBJECT is an adapter in the importable MODULE, a function of a problem of (K1)-(K7). The exit
    status is 0 if all verdicts are as expected, and 1 otherwise.
    """
    from ingd_ref.conformance import Verdict, check_velocity

    def show(verdict: Verdict) -> None:
        if listing:
            message = f"  ({verdict.message})" if verdict.message else ""
            click.echo(f"{verdict.outcome:<20s}{verdict.name}{message}")

    report = check_velocity(
        _adapter(target),
        expected_failures=dict.fromkeys(expected, "expected on the command line"),
        laws=laws or None,
        observer=show,
        **options,
    )
    click.echo(str(report))
    ctx.exit(0 if report.passed else 1)


def _adapter(target: str) -> Callable[..., Any]:
    """Import the object, from the current directory too, as ``python -m`` does."""
    name, _, attribute = target.partition(":")
    if not name or not attribute:
        message = "write MODULE:OBJECT, for instance my_package.flows:adapter"
        raise click.BadParameter(message, param_hint="MODULE:OBJECT")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = _imported(name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise OptionError(f"module {name!r} has no {attribute!r}") from error
    if not callable(found):
        raise OptionError(f"{target} must be a function of a problem, got {type(found).__name__}")
    adapter: Callable[..., Any] = found
    return adapter


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    # A module may fail in any way while it is imported, and even end the interpreter.
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OptionError(f"module {name!r} cannot be imported: {reason}") from error
