"""``ingd-ref bench``: times of the velocity and of other parts of the package."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import click

from ingd_ref._bench import BENCHMARKS
from ingd_ref._io import Outputs, packed_json
from ingd_ref.cli._options import BACKEND, QUIET, values
from ingd_ref.cli._progress import say
from ingd_ref.errors import CheckpointError

__all__ = ["bench"]


threads_option = click.option(
    "--threads",
    type=values(int, "integers"),
    default=(1, 2),
    show_default="1,2",
    help="Numbers of threads.",
)
repeats_option = click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Number of timed rounds; the median is reported.",
)
out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for the results.  [default: none]",
)


@click.group(invoke_without_command=True)
@click.option(
    "--size",
    "sizes",
    type=values(int, "integers"),
    multiple=True,
    metavar="N,D,B",
    help="Particles, dimension, features; repeatable.",
)
@BACKEND
@click.option(
    "--implementation",
    type=click.Choice(["auto", "readable", "fused"]),
    default="auto",
    show_default=True,
    help="Implementation of the kernels.",
)
@threads_option
@repeats_option
@click.option(
    "--baseline/--no-baseline",
    default=True,
    show_default=True,
    help="Time the published formulation too.",
)
@click.option(
    "--growth/--no-growth",
    default=True,
    show_default=True,
    help="Fit the growth of time and memory with the number of particles.",
)
@out_option
@QUIET
@click.pass_context
def bench(
    ctx: click.Context,
    /,
    sizes: tuple[tuple[int, ...], ...],
    growth: bool,
    out: Path | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Time the KiNG velocity; a COMMAND times another part of the package."""
    from ingd_ref._bench import run, table

    if ctx.invoked_subcommand is not None:
        given = [
            name
            for name in ctx.params
            if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
        ]
        if given:
            raise click.UsageError(f"give the options of {ctx.invoked_subcommand} after its name")
        return
    if any(len(size) != 3 or min(size) < 1 for size in sizes):
        message = "a size is three positive integers: particles, dimension, features"
        raise click.BadParameter(message, param_hint="--size")
    _check(options["threads"])
    options["sizes"] = [(n, d, b) for n, d, b in sizes] or None
    options |= {} if growth else {"growth": ()}
    _show(partial(run, **options), table, "bench", out, quiet)


def _command(name: str, asks: str) -> click.Command:
    """Make the command of a benchmark that compares implementations."""

    @click.command(name, help=asks[0].upper() + asks[1:] + ".")
    @BACKEND
    @threads_option
    @repeats_option
    @out_option
    @QUIET
    def command(out: Path | None, quiet: bool, **options: Any) -> None:
        from ingd_ref._bench import compare, comparison_table

        _check(options["threads"])
        measure = partial(compare, name, **options)
        _show(measure, comparison_table, f"bench-{name}", out, quiet)

    return command


def _check(threads: tuple[int, ...]) -> None:
    if min(threads) < 1:
        raise click.BadParameter("a number of threads is at least 1", param_hint="--threads")


def _show(
    measure: Callable[..., dict[str, Any]],
    table: Any,
    file: str,
    out: Path | None,
    quiet: bool,
) -> None:
    """Measure, write the result to ``out``, if any, and print it unless ``quiet``."""
    name = f"{file}.json"
    with nullcontext() if out is None else Outputs(out, {"command": "bench"}) as outputs:
        if outputs is not None:
            _require_absent(outputs.directory / name)
        results = measure(progress=None if quiet else say)
        if outputs is not None:
            _require_absent(outputs.directory / name)
            outputs.write(name, packed_json(results))
    if not quiet:
        from rich.console import Console

        Console().print(table(results))


def _require_absent(path: Path) -> None:
    """Raise :class:`CheckpointError`: an earlier measurement is not made again."""
    if os.path.lexists(path):
        raise CheckpointError(f"{path} exists; choose another directory")


for _name, _asks in BENCHMARKS.items():
    bench.add_command(_command(_name, _asks))
