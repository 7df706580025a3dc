"""``ingd-ref run NAME``: a command per experiment, with an option per field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

import click

from ingd_ref.cli._options import OUT, QUIET, values
from ingd_ref.cli._progress import pieces_bar
from ingd_ref.errors import IngdError
from ingd_ref.experiments import EXPERIMENTS, Experiment, run_experiment
from ingd_ref.experiments._runner import default_jobs

__all__ = ["run"]

PLURALS: dict[type, str] = {int: "integers", float: "numbers", str: "names"}


@click.group(invoke_without_command=True)
@click.option("--list", "listing", is_flag=True, help="List the experiments.")
@click.pass_context
def run(ctx: click.Context, listing: bool) -> None:
    """Run an experiment; NAME --help lists its options."""
    if listing or ctx.invoked_subcommand is None:
        for name, experiment in EXPERIMENTS.items():
            click.echo(f"{name:<12s} {experiment.summary}")
        ctx.exit(0 if listing else 2)


def _command(name: str, experiment: Experiment[Any]) -> click.Command:
    """Make the command of one experiment."""

    @click.command(name, help=_sentence(experiment.summary))
    @OUT
    @click.option(
        "--jobs",
        type=click.IntRange(min=1),
        help="Number of processes; results do not depend on it.  [default: all cores if it pays]",
    )
    @click.option(
        "--resume/--no-resume",
        default=True,
        show_default=True,
        help="Continue a run that --out holds.",
    )
    @QUIET
    def command(out: Path, jobs: int | None, resume: bool, quiet: bool, **options: Any) -> None:
        try:
            chosen = replace(experiment, **options)
        except IngdError as error:
            raise click.UsageError(str(error)) from error
        _run(chosen, out, jobs, resume, quiet)

    command.params[:0] = [
        _option(field, getattr(experiment, field.name))
        for field in fields(experiment)
        if "help" in field.metadata
    ]
    return command


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _option(field: Field[Any], default: Any) -> click.Option:
    """Make the option of one field; the values of a tuple are separated by commas."""
    first = type(default[0]) if isinstance(default, tuple) else None
    kind: Any = type(default) if first is None else values(first, PLURALS[first])
    text = ",".join(map(str, default)) if isinstance(default, tuple) else default
    names = ["--" + field.name.replace("_", "-"), field.name]
    described = _sentence(field.metadata["help"])
    return click.Option(names, type=kind, default=text, show_default=True, help=described)


def _run(
    experiment: Experiment[Any], out: Path, jobs: int | None, resume: bool, quiet: bool
) -> None:
    chosen_jobs = default_jobs(experiment) if jobs is None else jobs
    total = len(experiment.pieces())
    with _advice(out, experiment), pieces_bar(experiment.name, total, quiet) as advance:
        results = run_experiment(
            experiment,
            out,
            jobs=chosen_jobs,
            resume=resume,
            observer=lambda piece, done, _: advance(done, str(piece or "")),
        )
    if not quiet:
        click.echo("\n".join(results["lines"]))
        click.echo(f"results, arrays and figures: {out}")


@contextmanager
def _advice(out: Path, experiment: Experiment[Any]) -> Iterator[None]:
    """Say on Ctrl-C what has been kept, and how to continue."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        pieces = experiment.pieces()
        kept = sum((out / "pieces" / f"{piece}.npz").exists() for piece in pieces)
        interrupt.add_note(f"{kept} of {len(pieces)} pieces are kept in {out}.")
        interrupt.add_note("The same command continues from there.")
        raise


for _name, _experiment in EXPERIMENTS.items():
    run.add_command(_command(_name, _experiment))
