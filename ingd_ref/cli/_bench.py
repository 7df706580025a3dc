"""``ingd-ref bench``: how fast the velocity, and other parts of the package, are on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ingd_ref._bench import BENCHMARKS
from ingd_ref._io import make_directory, write_json
from ingd_ref.cli._options import values
from ingd_ref.cli._progress import say

__all__ = ["bench"]


threads_option = click.option(
    "--threads",
    type=values(int, "integers"),
    default=(1, 2),
    show_default="1,2",
    help="Numbers of threads.",
)
backend_option = click.option(
    "--backend",
    type=click.Choice(["numpy", "cupy"]),
    default="numpy",
    show_default=True,
    help="Array library.",
)
repeats_option = click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Timed rounds; the median counts.",
)
out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for the results.  [default: none]",
)
quiet_option = click.option("--quiet", is_flag=True, help="Show neither progress nor results.")


@click.group(invoke_without_command=True)
@click.option(
    "--size",
    "sizes",
    type=values(int, "integers"),
    multiple=True,
    metavar="N,D,B",
    help="Particles, dimension, statistics; repeatable.",
)
@backend_option
@click.option(
    "--implementation",
    type=click.Choice(["auto", "readable", "fused"]),
    default="auto",
    show_default=True,
    help="Which kernels.",
)
@threads_option
@repeats_option
@click.option(
    "--baseline/--no-baseline",
    default=True,
    show_default=True,
    help="Time the published formulation as well.",
)
@click.option(
    "--growth/--no-growth",
    default=True,
    show_default=True,
    help="Fit how time and memory grow with the particles.",
)
@out_option
@quiet_option
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
    """Time the KiNG velocity against the machine's own matrix product; with a COMMAND, another part beside other ways to compute it."""
    from ingd_ref._bench import run, table

    if ctx.invoked_subcommand is not None:
        given = [
            name
            for name in ctx.params
            if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
        ]
        if given:
            raise click.UsageError(
                f"options before {ctx.invoked_subcommand} are those of the velocity alone: give them after it"
            )
        return
    if any(len(size) != 3 or min(size) < 1 for size in sizes):
        raise click.BadParameter(
            "a size is three whole numbers of at least 1: particles, dimension, statistics",
            param_hint="--size",
        )
    _check(options["threads"])
    options["sizes"] = [(n, d, b) for n, d, b in sizes] or None
    options |= {} if growth else {"growth": ()}
    _show(lambda say: run(**options, progress=say), table, "bench", out, quiet)


def _command(name: str, asks: str) -> click.Command:
    """The command of one benchmark that is made of comparisons."""

    @click.command(name, help=asks[0].upper() + asks[1:] + ".")
    @backend_option
    @threads_option
    @repeats_option
    @out_option
    @quiet_option
    def command(out: Path | None, quiet: bool, **options: Any) -> None:
        from ingd_ref._bench import compare, comparison_table

        _check(options["threads"])
        _show(
            lambda say: compare(name, **options, progress=say),
            comparison_table,
            f"bench-{name}",
            out,
            quiet,
        )

    return command


def _check(threads: tuple[int, ...]) -> None:
    if min(threads) < 1:
        raise click.BadParameter("a number of threads is at least 1", param_hint="--threads")


def _show(
    measure: Callable[[Callable[[str], None] | None], dict[str, Any]],
    table: Any,
    file: str,
    out: Path | None,
    quiet: bool,
) -> None:
    """Measure, keep the result where that is asked for, and print it unless that is not wanted."""
    if out is not None:
        make_directory(out)
    results = measure(None if quiet else say)
    if out is not None:
        write_json(out / f"{file}.json", results)
    if not quiet:
        from rich.console import Console

        Console().print(table(results))


for _name, _asks in BENCHMARKS.items():
    bench.add_command(_command(_name, _asks))
