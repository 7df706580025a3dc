"""The table from equation to code to evidence, put together at build time from what code, validation and tests say about themselves.

Nothing in it is typed: the statement comes from ``validation.labels``, the code from labels in
public docstrings, the evidence from the registered cases of ``validation`` with the figures of the
newest ``report.json``, the tests from labels in their text. A label that lacks code or evidence is
shown to lack it.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from api_pages import PACKAGE, public_modules, write_if_changed
from labelled_equations import defined_labels, labels_in, target

REPORTS = (
    "validation/report.json",
    "results/report.json",
    "results/*/report.json",
    "docs/results/validation.json",
)


@dataclass(frozen=True)
class Place:
    """A public object, by the name under which the reference documents it."""

    name: str
    role: str

    @property
    def link(self) -> str:
        return f"{{py:{self.role}}}`{self.name.removeprefix(PACKAGE + '.')} <{self.name}>`"


@dataclass(frozen=True)
class Evidence:
    """A validation case, and how it came out on each backend if a report says so."""

    name: str
    oracle: str
    outcome: str


# --- code -----------------------------------------------------------------------------------------


def code_places(modules: Iterable[str]) -> dict[str, list[Place]]:
    """For each label the public objects whose docstrings name it; an object offered by several modules appears once."""
    found: dict[str, list[Place]] = {}
    seen: set[int] = set()
    # Modules of the lowest floor come last, so that an object which a higher one offers too is
    # listed there. The package's own page only points to its parts.
    named = [module for module in modules if module != PACKAGE]
    for name in sorted(named, key=lambda module: (module.startswith(f"{PACKAGE}.kernels"), module)):
        for place, text in _documented(importlib.import_module(name), seen):
            for label in labels_in(text):
                found.setdefault(label, []).append(place)
    return found


def _documented(module: ModuleType, seen: set[int]) -> Iterator[tuple[Place, str]]:
    yield Place(module.__name__, "mod"), module.__doc__ or ""
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        if (
            id(value) in seen
            or inspect.ismodule(value)
            or not (inspect.isclass(value) or inspect.isroutine(value))
        ):
            continue
        seen.add(id(value))
        yield Place(f"{module.__name__}.{name}", "obj"), inspect.cleandoc(value.__doc__ or "")
        if inspect.isclass(value):
            for member, attribute in vars(value).items():
                function = getattr(attribute, "fget", getattr(attribute, "func", attribute))
                if (
                    (member == "__call__" or not member.startswith("_"))
                    and getattr(function, "__doc__", None)
                    and callable(function)
                ):
                    yield Place(f"{module.__name__}.{name}.{member}", "obj"), function.__doc__


# --- evidence -------------------------------------------------------------------------------------


def registered_cases() -> list[Any]:
    """Every case of the validation package; its modules register theirs when they are imported."""
    package = importlib.import_module("validation")
    for module in pkgutil.iter_modules(package.__path__, "validation."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return list(importlib.import_module("validation.registry").CASES)


def newest_report(root: Path) -> tuple[Path, dict[str, Any]] | None:
    """The report that was written last, if there is one."""
    reports = [path for pattern in REPORTS for path in root.glob(pattern)]
    if not reports:
        return None
    newest = max(reports, key=lambda path: path.stat().st_mtime)
    return newest, json.loads(newest.read_text(encoding="utf-8"))


def evidence(cases: Iterable[Any], report: dict[str, Any] | None) -> dict[str, list[Evidence]]:
    """For each label the cases that speak for it."""
    found: dict[str, list[Evidence]] = {}
    for case in cases:
        shown = Evidence(case.name, case.oracle, outcome(case, report))
        for label in case.labels:
            found.setdefault(label, []).append(shown)
    return found


def outcome(case: Any, report: dict[str, Any] | None) -> str:
    """How a case came out: for each backend the verdict and the worst error as a share of its tolerance; nothing without a report."""
    if report is None:
        return ""
    records = [
        record for record in report["records"] if record["case"] == f"{case.section}.{case.name}"
    ]
    return (
        ", ".join(f"{record['backend']} {verdict(record)}" for record in records)
        or "not run in this report"
    )


def verdict(record: dict[str, Any]) -> str:
    """Mark, and the worst share of a tolerance; a report spells infinity as a word."""
    shares = [float(measured["ratio"]) for measured in record["measured"]]
    worst = f" ({max(shares):.2g})" if shares else ""
    return ("✓" if record["verdict"] == "passed" else "✗ **failed**") + worst


def tests_naming(folder: Path) -> dict[str, list[str]]:
    """For each label the test files that name it."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        if folder / "docs" in path.parents:
            continue
        for label in labels_in(path.read_text(encoding="utf-8")):
            found.setdefault(label, []).append(path.relative_to(folder).as_posix())
    return found


# --- the table ------------------------------------------------------------------------------------


def table(
    labels: dict[str, Any],
    sections: dict[str, str],
    code: dict,
    proofs: dict,
    tests: dict,
    defined: Iterable[str],
) -> str:
    """The whole table as MyST text, a section for each letter."""
    parts = []
    for letter, title in sections.items():
        rows = [
            row(label, labels[label], code, proofs, tests, label in defined)
            for label in labels
            if label[0] == letter
        ]
        head = "* - label\n  - statement\n  - code\n  - evidence"
        parts.append(
            f"## {title}\n\n```{{list-table}}\n:header-rows: 1\n:widths: 8 26 31 35\n:class: evidence\n\n{head}\n"
            + "\n".join(rows)
            + "\n```"
        )
    return "\n\n".join(parts) + "\n"


def row(label: str, entry: Any, code: dict, proofs: dict, tests: dict, defined: bool) -> str:
    number = f"{{eq}}`{target(label)}`" if defined else f"({label})"
    places = [place.link for place in code.get(label, [])]
    cases = [
        f"{escaped(case.name.replace('_', ' '))}, against {escaped(case.oracle)}"
        + (f": {case.outcome}" if case.outcome else "")
        for case in proofs.get(label, [])
    ]
    cases += (
        [f"named in {', '.join(f'`{name}`' for name in tests[label])}"] if label in tests else []
    )
    missing = "not built yet" if entry.pending else "no code names it"
    cells = [
        number,
        f"{escaped(entry.statement)} [{entry.source}]",
        "\n    ".join(f"- {place}" for place in places) or missing,
        "\n    ".join(f"- {case}" for case in cases)
        or ("—" if entry.pending else "no evidence yet"),
    ]
    return "* - " + "\n  - ".join(cells)


def escaped(text: str) -> str:
    """Text as Markdown that shows it letter by letter."""
    return re.sub(r"([\\`*_{}\[\]<>$|~])", r"\\\1", text)


def summary(
    labels: dict[str, Any],
    code: dict,
    proofs: dict,
    report: tuple[Path, dict[str, Any]] | None,
    root: Path,
    obstacle: str,
) -> str:
    built = [label for label, entry in labels.items() if not entry.pending]
    named, proven = (sum(label in found for label in built) for found in (code, proofs))
    sentence = (
        f"{len(labels)} equations have a label; {len(built)} of them are built, and of these {named} are named in the docstring of\n"
        f"the code that computes them and {proven} have validation cases."
    )
    if obstacle:
        return f"{sentence}\n\n```{{warning}}\nThe validation cases could not be loaded for this build: {escaped(obstacle)}\n```"
    if report is None:
        return f"{sentence}\nNo report was at hand when this page was built; `python -m validation --out results` writes one."
    path, content = report
    return f"{sentence}\nThe figures are those of `{path.relative_to(root)}`, written {content.get('date', 'at an unknown date')}."


def _write_table(app):
    root = Path(app.srcdir).parent
    labels = importlib.import_module("validation.labels")
    code, obstacle, cases = code_places(public_modules()), "", []
    try:
        cases = registered_cases()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in {PACKAGE, "validation"}:
            raise
        obstacle = f"{error.name} is not installed"
    report = newest_report(root)
    proofs = evidence(cases, report[1] if report else None)
    defined = defined_labels(Path(app.srcdir))
    text = f"{summary(labels.LABELS, code, proofs, report, root, obstacle)}\n\n"
    text += table(
        labels.LABELS, labels.SECTIONS, code, proofs, tests_naming(root / "tests"), defined
    )
    write_if_changed(Path(app.srcdir) / "_generated" / "equation_table.md", text)


def setup(app):
    app.connect("builder-inited", _write_table)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
