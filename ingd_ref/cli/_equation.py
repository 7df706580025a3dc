"""``ingd-ref equation LABEL``: the paper in code, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ingd_ref._paper import Entry

__all__ = ["equation"]


@click.command()
@click.argument("label", required=False)
def equation(label: str | None) -> None:
    """Show the equation LABEL, such as K3: formula, code, fast implementations, laws and evidence.

    Without LABEL, list all equations.
    """
    from ingd_ref import _paper
    from ingd_ref.equations import LABELS

    if label is None:
        for name in LABELS:
            click.echo(f"{name:<5}{_paper.statement(name)[0]}")
        return
    name = label.strip("()").upper().replace("'", "′")
    if name not in LABELS:
        raise click.BadParameter(
            f"there is no equation {label!r}; `ingd-ref equation` lists them", param_hint="LABEL"
        )
    click.echo(described(_paper.entry(name)))


def described(entry: Entry) -> str:
    """Return an entry as text."""
    from ingd_ref._paper import SOURCES

    evidence = [
        f"{figure.case}, against {figure.oracle}: {figure.quantity} off by "
        f"{figure.error:.1e}, tolerance {figure.tolerance:.1e}"
        for figure in entry.evidence
    ]
    parts = [
        click.style(f"({entry.label})  {entry.statement}", bold=True),
        f"[{entry.source}] {SOURCES[entry.source]}",
        click.style(f"# {entry.place}", dim=True) + f"\n{entry.code.rstrip()}",
        _listed("Fast implementations", entry.fast),
        _listed("Tested by the laws", entry.laws),
        _listed("Evidence", evidence),
    ]
    return "\n\n".join(part for part in parts if part)


def _listed(title: str, lines: list[str] | tuple[str, ...]) -> str:
    """Return a titled list, or nothing for an empty one."""
    return "\n  ".join([click.style(title, bold=True), *lines]) if lines else ""
