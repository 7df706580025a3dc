"""The page of the command line, from the help texts of all commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from api_pages import write_if_changed


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and all its subcommands by their full names."""
    yield name, command
    if isinstance(command, click.Group):
        for part in sorted(command.commands):
            yield from commands(command.commands[part], f"{name} {part}")


def page(command: click.Command, name: str) -> str:
    """Return the page."""
    parts = ["# Command line", f"`{name}` and `python -m ingd_ref` are the same."]
    for full, part in commands(command, name):
        context = click.Context(part, info_name=full, terminal_width=100, max_content_width=100)
        parts.append(f"## `{full}`\n\n```text\n{part.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"


def _write_page(app):
    from ingd_ref.cli import main

    write_if_changed(Path(app.srcdir) / "_generated" / "command_line.md", page(main, "ingd-ref"))


def setup(app):
    app.connect("builder-inited", _write_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
