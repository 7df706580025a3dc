"""The command line: ``ingd-ref`` and ``python -m ingd_ref`` are the same."""

from ingd_ref.cli._main import main

__all__ = ["main"]
