"""``ingd-ref check MODULE:OBJECT``: every law and reference vector against somebody's implementation."""

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
    help="Judge this law only; repeatable.  [default: all]",
)
@click.option(
    "--problems",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Problems drawn for each law and kernel.",
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
    help="A law, or vector:NAME, known to fail; repeatable.",
)
@click.option("--list", "listing", is_flag=True, help="Show every verdict, not only what is wrong.")
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
    """Judge an implementation of the velocity (K1)-(K7), named as an importable MODULE and its adapter, a function of a problem.

    The exit status is 0 if nothing is wrong and 1 otherwise.
    """
    from ingd_ref.conformance import Verdict, check_velocity

    def show(verdict: Verdict) -> None:
        if listing:
            click.echo(
                f"{verdict.outcome:<20s}{verdict.name}"
                + (f"  ({verdict.message})" if verdict.message else "")
            )

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
    """Import the object; modules of the current directory count, as they do for ``python -m``."""
    name, _, attribute = target.partition(":")
    if not name or not attribute:
        raise click.BadParameter(
            "write MODULE:OBJECT, for instance my_package.flows:adapter", param_hint="MODULE:OBJECT"
        )
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = import_module(name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise OptionError(f"module {name!r} cannot be imported: {error}") from error
    except AttributeError as error:
        raise OptionError(f"module {name!r} has no {attribute!r}") from error
    if not callable(found):
        raise OptionError(
            f"{target} is not a function of a problem, but of type {type(found).__name__}"
        )
    return found
