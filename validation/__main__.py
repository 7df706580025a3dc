"""``python -m validation``: run the evidence and write the report."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ingd_ref.equations import LABELS
from validation.backends import BACKENDS, present
from validation.registry import Case, Record, load, run, selected
from validation.report import RECORD, Report, dump, evidence, list_cases, show, write_atomically

__all__ = ["main"]

ALL = "all-present"


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run the command line; return 0 if everything passed, 1 if something failed.

    Bad usage exits with 2.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    console = console or Console(width=None if sys.stdout.isatty() else 200)
    if options.accuracy:
        return _measure_accuracy(parser, options, console)
    load()
    asked = _labels(parser, options.label)
    chosen = selected(asked, quick=options.quick)
    labels = tuple(asked or LABELS)
    if options.list:
        list_cases(chosen, labels, console)
        return 0
    backends = _backends(parser, options.backend)
    out = None if options.out is None else _prepared(parser, options.out)
    if options.record and (asked or options.quick):
        parser.error("--record keeps the figures of all cases; leave out --label and --quick")
    start = time.perf_counter()
    records = _run_all(chosen, backends, console)
    states = {
        name: "ran" if name in backends else (arrays.absence() or "not requested")
        for name, arrays in BACKENDS.items()
    }
    given = {"quick": options.quick, "backend": options.backend, "label": asked}
    report = Report(records, states, given, labels, time.perf_counter() - start)
    show(report, console)
    if out is not None:
        _write(parser, report, out, console)
    if options.record:
        write_atomically(RECORD, evidence(report))
        console.print(f"recorded the evidence in {RECORD}", markup=False, highlight=False)
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m validation",
        description="Measure every equation of the package against an independent oracle.",
    )
    parser.add_argument("--quick", action="store_true", help="leave out the slow cases")
    parser.add_argument(
        "--backend", default=ALL, help=f"one of {', '.join(BACKENDS)}, or {ALL} (default)"
    )
    parser.add_argument(
        "--label",
        nargs="+",
        action="extend",
        default=[],
        metavar="LABEL",
        help="only cases for these equations, for instance K4 N3'",
    )
    parser.add_argument("--list", action="store_true", help="show labels and cases, run nothing")
    parser.add_argument(
        "--accuracy",
        action="store_true",
        help="measure the errors of special functions and families instead, and "
        "write accuracy.json; minutes",
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="keep the worst figure of each case in the package, for `ingd-ref equation` and docs",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write report.json and figures there"
    )
    return parser


def _measure_accuracy(
    parser: argparse.ArgumentParser, options: argparse.Namespace, console: Console
) -> int:
    """Write accuracy.json, which no options but --out concern."""
    if options.out is None:
        parser.error("--accuracy needs --out DIR")
    if options.quick or options.label or options.list or options.backend != ALL:
        parser.error("--accuracy takes no other option than --out")
    from validation import accuracy  # its tables of functions take a second to set up

    out = _prepared(parser, options.out)
    with console.status("") as status:
        content = accuracy.measure(status.update)
    write_atomically(out / "accuracy.json", accuracy.dumped(content))
    console.print(
        f"wrote accuracy.json to {out}, measured in {content['seconds']:.0f} s",
        markup=False,
        highlight=False,
    )
    return 0


def _labels(parser: argparse.ArgumentParser, given: list[str]) -> list[str]:
    """Labels of the table; an apostrophe can replace the prime."""
    found = [label.replace("'", "′") for label in given]
    for label in found:
        if label not in LABELS:
            parser.error(f"there is no equation {label!r}; known labels: {' '.join(LABELS)}")
    return found


def _backends(parser: argparse.ArgumentParser, given: str) -> list[str]:
    if given == ALL:
        return present()
    if given not in BACKENDS:
        parser.error(f"there is no backend {given!r}; choose from {', '.join(BACKENDS)}, {ALL}")
    absence = BACKENDS[given].absence()
    if absence:
        parser.error(f"backend {given!r} cannot be used: {absence}")
    return [given]


def _prepared(parser: argparse.ArgumentParser, out: Path) -> Path:
    """Make the directory and try to write to it before anything is computed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        parser.error(f"cannot write to {out}: {error.strerror or error}")
    return out


def _run_all(chosen: Sequence[Case], backends: Sequence[str], console: Console) -> list[Record]:
    """Run every case on every backend that it is defined for."""
    records = []
    with console.status("") as status:
        for case in chosen:
            for backend in backends:
                if backend in case.backends:
                    status.update(f"{case.section}.{case.name} on {backend}")
                    records.append(run(case, backend))
    return records


def _require_own(path: Path, content: bytes) -> None:
    """Raise OSError if the file is there and has other entries than what is to be written."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        found = None
    if not isinstance(found, dict) or set(found) != set(json.loads(content)):
        raise OSError(f"{path.name} was not written by this command; it is unchanged")


def _write(parser: argparse.ArgumentParser, report: Report, out: Path, console: Console) -> None:
    """Write report and figures; the report first, since the figures only illustrate it."""
    from ingd_ref.plotting import save_figure
    from validation import figures  # matplotlib takes a second, and only this needs it

    try:
        content = dump(report)
        _require_own(out / "report.json", content)
        write_atomically(out / "report.json", content)
        for name, figure in {
            "fisher_differences.png": figures.fisher_differences,
            "trajectories.png": figures.trajectories,
        }.items():
            save_figure(figure(), out / name, dpi=150)
    except OSError as error:
        parser.error(f"cannot write to {out}: {error.strerror or error}")
    console.print(f"wrote report.json and figures to {out}", markup=False, highlight=False)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
