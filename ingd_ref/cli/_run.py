"""``ingd-ref run NAME``: one command for each experiment, with one option for each of its fields."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

import click

from ingd_ref.cli._options import values
from ingd_ref.cli._progress import progress_bar
from ingd_ref.errors import IngdError
from ingd_ref.experiments import EXPERIMENTS, Experiment, run_experiment
from ingd_ref.experiments._runner import default_jobs

__all__ = ["run"]

PLURALS: dict[type, str] = {int: "integers", float: "numbers", str: "names"}


@click.group(invoke_without_command=True)
@click.option("--list", "listing", is_flag=True, help="List the experiments and end.")
@click.pass_context
def run(ctx: click.Context, listing: bool) -> None:
    """Run an experiment: NAME --help tells its options."""
    if listing or ctx.invoked_subcommand is None:
        for name, experiment in EXPERIMENTS.items():
            click.echo(f"{name:<10s} {experiment.summary}")
        ctx.exit(0 if listing else 2)


def _command(name: str, experiment: Experiment[Any]) -> click.Command:
    """The command of one experiment."""

    def callback(out: Path, jobs: int | None, resume: bool, quiet: bool, **options: Any) -> None:
        try:
            chosen = replace(experiment, **options)
        except IngdError as error:
            raise click.UsageError(str(error)) from error
        _run(chosen, out, jobs, resume, quiet)

    options = [
        _option(field, getattr(experiment, field.name))
        for field in fields(experiment)
        if "help" in field.metadata
    ]
    options += [
        click.Option(
            ["--out"],
            type=click.Path(file_okay=False, path_type=Path),
            required=True,
            help="Directory for the results.",
        ),
        click.Option(
            ["--jobs"],
            type=click.IntRange(min=1),
            help="Processes; the numbers do not depend on it.  [default: chosen]",
        ),
        click.Option(
            ["--resume/--no-resume"],
            default=True,
            help="Go on where this run was left in --out.",
            show_default=True,
        ),
        click.Option(["--quiet"], is_flag=True, help="Show neither progress nor results."),
    ]
    summary = experiment.summary[0].upper() + experiment.summary[1:] + "."
    return click.Command(name, callback=callback, params=list(options), help=summary)


def _option(field: Field[Any], default: Any) -> click.Option:
    """The option of one field; of a tuple, its values with commas between them."""
    first = type(default[0]) if isinstance(default, tuple) else None
    kind: Any = type(default) if first is None else values(first, PLURALS[first])
    text = ",".join(map(str, default)) if isinstance(default, tuple) else default
    description = field.metadata["help"]
    names = ["--" + field.name.replace("_", "-"), field.name]
    return click.Option(
        names,
        type=kind,
        default=text,
        show_default=True,
        help=f"{description[0].upper()}{description[1:]}.",
    )


def _run(
    experiment: Experiment[Any], out: Path, jobs: int | None, resume: bool, quiet: bool
) -> None:
    chosen_jobs = default_jobs(experiment) if jobs is None else jobs
    total = len(experiment.pieces())
    with _advice(out, experiment), progress_bar(experiment.name, total, quiet) as advance:
        results = run_experiment(
            experiment,
            out,
            jobs=chosen_jobs,
            resume=resume,
            observer=lambda piece, done, _: advance(done, str(piece or "")),
        )
    if not quiet:
        click.echo("\n".join(results["lines"]))
        click.echo(f"results, arrays and figures are in {out}")


@contextmanager
def _advice(out: Path, experiment: Experiment[Any]) -> Iterator[None]:
    """Say on Ctrl-C what is kept and how to go on."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        kept = len(
            [piece for piece in experiment.pieces() if (out / "pieces" / f"{piece}.npz").exists()]
        )
        interrupt.add_note(
            f"{kept} of {len(experiment.pieces())} pieces are kept in {out}; the same command goes on from there."
        )
        raise


for _name, _experiment in EXPERIMENTS.items():
    run.add_command(_command(_name, _experiment))
