"""``ingd-ref bench``: how fast the velocity is on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ingd_ref.cli._options import values
from ingd_ref.cli._progress import say
from ingd_ref.io import make_directory, write_json

__all__ = ["bench"]


@click.command()
@click.option(
    "--size", "sizes", type=values(int, "integers"), multiple=True, metavar="N,D,B", help="Particles, dimension, statistics; repeatable."
)
@click.option("--backend", type=click.Choice(["numpy", "cupy"]), default="numpy", show_default=True, help="Array library.")
@click.option(
    "--implementation", type=click.Choice(["auto", "readable", "fused"]), default="auto", show_default=True, help="Which kernels."
)
@click.option("--threads", type=values(int, "integers"), default=(1, 2), show_default="1,2", help="Numbers of threads.")
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Timed rounds; the median counts.")
@click.option("--baseline/--no-baseline", default=True, show_default=True, help="Time the published formulation as well.")
@click.option("--growth/--no-growth", default=True, show_default=True, help="Fit how time and memory grow with the particles.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Directory for bench.json.  [default: none]")
@click.option("--quiet", is_flag=True, help="Show neither progress nor results.")
def bench(sizes: tuple[tuple[int, ...], ...], growth: bool, out: Path | None, quiet: bool, **options: Any) -> None:
    """Time the KiNG velocity against the machine's own matrix product."""
    from ingd_ref.bench import run, table

    if any(len(size) != 3 or min(size) < 1 for size in sizes):
        raise click.BadParameter("a size is three whole numbers of at least 1: particles, dimension, statistics", param_hint="--size")
    if min(options["threads"]) < 1:
        raise click.BadParameter("a number of threads is at least 1", param_hint="--threads")
    if out is not None:
        make_directory(out)
    options["sizes"] = [(n, d, b) for n, d, b in sizes] or None
    options |= {} if growth else {"growth": ()}
    results = run(**options, progress=None if quiet else say)
    if out is not None:
        write_json(out / "bench.json", results)
    if not quiet:
        from rich.console import Console

        Console().print(table(results))
