"""The standard streams: any encoding will do, and a stream that fails is given up quietly."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata
from contextlib import suppress

import click

__all__ = ["discard_output", "print_in_any_encoding", "report"]

SPELLED = {
    "→": "->",
    "—": "-",
    "–": "-",
    "−": "-",
    "±": "+-",
    "≥": ">=",
    "≤": "<=",
    "…": "...",
    "×": "x",
    "·": "*",
    "′": "'",
    "‖": "||",
}


def print_in_any_encoding() -> None:
    """Let the standard streams spell out what their encoding lacks, instead of failing."""
    codecs.register_error("ingd_ref.spell", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(ValueError, OSError):
                stream.reconfigure(errors="ingd_ref.spell")


def report(line: str, error: BaseException | None = None) -> None:
    """Print a message and the notes of an exception to the standard error stream, if it works."""
    with suppress(OSError, ValueError):
        click.echo("\n".join([line, *getattr(error, "__notes__", [])]), err=True)


def discard_output() -> None:
    """Let nothing more go to the standard output, which the interpreter flushes at its end."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        return
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(map(_ascii, signs)), error.end


def _ascii(sign: str) -> str:
    """Return a sign in ASCII: spelled, without its accent, by the name of a letter, or as ``?``."""
    if sign in SPELLED:
        return SPELLED[sign]
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    if plain:
        return plain
    name = unicodedata.name(sign, "")
    if name.startswith("GREEK") and " LETTER " in name:
        letter = name.split(" LETTER ")[1].split()[0]
        return letter.capitalize() if "CAPITAL" in name else letter.lower()
    return "?"
