"""What a run leaves behind: a table in the terminal, and ``report.json``."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ingd_ref import _paper
from ingd_ref._paper import SECTIONS, SOURCES, statement
from validation.registry import Case, Record, selected

__all__ = [
    "RECORD",
    "SCHEMA",
    "Report",
    "evidence",
    "list_cases",
    "show",
    "versions",
    "write_atomically",
]

#: Version of the layout of ``report.json``; a reader must reject one that it does not know.
SCHEMA = 1
#: Where ``--record`` keeps the figures that the package shows.
RECORD = Path(_paper.__file__).with_name(_paper.EVIDENCE)
CUPY = ("cupy-cuda12x", "cupy-cuda13x")
LIBRARIES = (
    "ingd-ref",
    "numpy",
    "scipy",
    "numba",
    "mpmath",
    "array-api-compat",
    "array-api-strict",
    "torch",
    *CUPY,
)
NO_EVIDENCE = "no evidence yet"


@dataclass(frozen=True)
class Report:
    """Records of a run, with where and how it was made.

    Attributes
    ----------
    records : sequence of Record
    backends : dict of str to str
        "ran", or why a backend was left out.
    options : dict
        Command-line options.
    labels : tuple of str
        Labels that were requested.
    seconds : float
    """

    records: Sequence[Record]
    backends: dict[str, str]
    options: dict[str, Any]
    labels: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing failed, and every label has evidence."""
        return all(record.passed for record in self.records) and not self.unproven

    @property
    def unproven(self) -> list[str]:
        """Labels that have no case at all."""
        covered = {label for case in selected() for label in case.labels}
        return [label for label in self.labels if label not in covered]

    def verdict(self, label: str) -> str:
        """Return "passed", "failed" or "no evidence yet" for one label in this run."""
        found = [record.passed for record in self.records if label in record.case.labels]
        if not found:
            return NO_EVIDENCE
        return "passed" if all(found) else "failed"

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data, infinities written as strings."""
        return {
            "schema": SCHEMA,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "passed": self.passed,
            "seconds": round(self.seconds, 3),
            "options": self.options,
            "platform": {
                "system": platform.platform(),
                "machine": platform.machine(),
                "python": platform.python_version(),
                "cores": os.cpu_count(),
            },
            "versions": versions(),
            "backends": self.backends,
            "sources": dict(SOURCES),
            "labels": {
                label: {
                    "statement": statement(label)[0],
                    "section": SECTIONS[label[0]],
                    "source": statement(label)[1],
                    "verdict": self.verdict(label),
                }
                for label in self.labels
            },
            "records": [_as_json(record) for record in self.records],
        }


def show(report: Report, console: Console) -> None:
    """Print one line for each case and backend, then what failed, then labels without evidence."""
    table = Table(
        title="Evidence", title_justify="left", caption_justify="left", pad_edge=False, box=None
    )
    for column in ("label", "case", "oracle", "backend"):
        table.add_column(column, overflow="fold")
    for column in ("error", "tolerance", "ratio", "seconds"):
        table.add_column(column, justify="right")
    table.add_column("verdict")
    for record in report.records:
        table.add_row(*_row(record))
    console.print(table)
    for record in report.records:
        for line in _faults(record):
            console.print(line, style="red", markup=False, highlight=False)
    missing = [label for label in report.labels if report.verdict(label) == NO_EVIDENCE]
    if missing:
        console.print(f"{NO_EVIDENCE}: {', '.join(missing)}", markup=False, highlight=False)
    if report.unproven:
        console.print(
            f"have no case: {', '.join(report.unproven)}",
            style="red",
            markup=False,
            highlight=False,
        )
    failed = sum(not record.passed for record in report.records)
    measured = sum(len(record.measured) for record in report.records)
    absent = "; ".join(
        f"{name}: {state}" for name, state in report.backends.items() if state != "ran"
    )
    summary = (
        f"{len(report.records) - failed} passed, {failed} failed; {measured} "
        f"measurements in {report.seconds:.1f} s"
    )
    style = "bold green" if report.passed else "bold red"
    console.print(
        summary + (f" ({absent})" if absent else ""), style=style, markup=False, highlight=False
    )


def list_cases(cases: Iterable[Case], labels: Sequence[str], console: Console) -> None:
    """Print what there is without running it."""
    table = Table(pad_edge=False, box=None)
    for column in ("label", "statement", "case", "oracle", "quick"):
        table.add_column(column, overflow="fold")
    chosen = list(cases)
    for label in labels:
        rows = [case for case in chosen if label in case.labels]
        for case in rows:
            table.add_row(
                label,
                statement(label)[0],
                f"{case.section}.{case.name}",
                case.oracle,
                "yes" if case.quick else "no",
            )
        if not rows:
            table.add_row(label, statement(label)[0], NO_EVIDENCE, "", "")
    console.print(table)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; raises OSError and leaves no trace if it cannot be done."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def dump(report: Report) -> bytes:
    """Return the JSON text of a report."""
    return (
        json.dumps(report.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    ).encode()


def evidence(report: Report) -> bytes:
    """Return the JSON text of the worst figure of each case on NumPy."""
    cases = {}
    for record in report.records:
        if record.backend == "numpy" and record.worst is not None:
            cases[f"{record.case.section}.{record.case.name}"] = {
                "labels": list(record.case.labels),
                "oracle": record.case.oracle,
                "quantity": record.worst.quantity,
                "error": record.worst.error,
                "tolerance": record.worst.tolerance,
            }
    content = {"date": datetime.now(UTC).date().isoformat(), "cases": cases}
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _row(record: Record) -> list[str]:
    worst = record.worst
    numbers = (
        ["", "", ""]
        if worst is None
        else [f"{worst.error:.1e}", f"{worst.tolerance:.1e}", f"{worst.ratio:.3f}"]
    )
    verdict = "[green]passed[/]" if record.passed else "[red]FAILED[/]"
    return [
        ", ".join(record.case.labels),
        record.case.name,
        record.case.oracle,
        record.backend,
        *numbers,
        f"{record.seconds:.2f}",
        verdict,
    ]


def _faults(record: Record) -> list[str]:
    where = f"{record.case.section}.{record.case.name} on {record.backend}"
    found = [
        f"{where}: {m.quantity}: error {m.error:.3e} exceeds {m.tolerance:.3e} ({m.reason})"
        for m in record.measured
        if not m.passed
    ]
    return [*found, f"{where}: {record.failure}"] if record.failure else found


def _as_json(record: Record) -> dict[str, Any]:
    return {
        "labels": list(record.case.labels),
        "case": f"{record.case.section}.{record.case.name}",
        "oracle": record.case.oracle,
        "backend": record.backend,
        "seconds": round(record.seconds, 4),
        "verdict": "passed" if record.passed else "failed",
        "failure": record.failure,
        "trace": record.trace,
        "measured": [
            {
                "quantity": m.quantity,
                "error": _number(m.error),
                "tolerance": _number(m.tolerance),
                "ratio": _number(m.ratio),
                "reason": m.reason,
                "verdict": "passed" if m.passed else "failed",
            }
            for m in record.measured
        ],
    }


def _number(value: float) -> float | str:
    """JSON has no infinity."""
    return value if math.isfinite(value) else str(value)


def versions() -> dict[str, str]:
    """Versions of the package and of what it was measured with."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if "ingd-ref" not in found:
        module = sys.modules.get("ingd_ref")
        found["ingd-ref"] = str(getattr(module, "__version__", "unknown"))
    return found
