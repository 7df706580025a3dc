"""Tables of accuracy, from ``results/accuracy.json``.

``{accuracy} special`` compares the special functions with SciPy, ``{accuracy} families`` shows the
operations of the families, ``{accuracy} misses`` those outside the bound, and ``{accuracy}
exponents`` the sweep over all exponents. A note replaces the tables if the file is missing.
"""

from __future__ import annotations

import json
import re
from itertools import groupby
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

FILE = "accuracy.json"
COMMAND = "python -m validation --accuracy --out docs/results"
SCHEMA = 1
# The oracle differentiates at 150 digits, so an exact result shows an error of up to 1e-50.
RESOLVED = 1e-40


def special_page(content: dict[str, Any]) -> str:
    """Return a table for each group of functions."""
    parts = []
    for group, rows in groupby(content["special"], key=lambda row: row["group"]):
        lines = [
            "| function | tried at | error of | worst | SciPy, NumPy | worst |",
            "|---|---|---|--:|---|--:|",
        ]
        lines += [special_row(row) for row in rows]
        parts += [f"### {group[0].upper()}{group[1:]}", "\n".join(lines)]
    return "\n\n".join([*parts, described(content)])


def special_row(row: dict[str, Any]) -> str:
    cells = [
        f"`{row['name']}`",
        row["over"],
        row["relative_to"],
        number(row["error"]),
    ]
    peer = row.get("scipy")
    if peer is None:
        return f"| {' | '.join(map(escaped, cells))} | — | |"
    failures = f", {peer['failures']} of {row['points']} not finite" if peer["failures"] else ""
    form, error = peer["form"], number(peer["error"])
    return f"| {' | '.join(map(escaped, cells))} | `{form}` | {error}{failures} |"


def families_page(content: dict[str, Any]) -> str:
    """Return tables of the largest relative errors, and of these in units of (1 + κ)u."""
    operations = content["operations"]
    head = f"| family | {' | '.join(operations.values())} |\n|---{'|--:' * len(operations)}|"
    errors, units = [head], [head]
    for (family, instance), rows in groupby(
        content["families"], key=lambda row: (row["family"], row["instance"])
    ):
        found = {(row["operation"], row["grid"]): row for row in rows}
        link = f"{{py:class}}`~ingd_ref.families.{module(family)}.{family}`"
        name = link + instance_name(family, instance)
        errors.append(
            f"| {name} | {' | '.join(pair(found, operation) for operation in operations)} |"
        )
        in_units = (shown_units(found.get((operation, "extreme"))) for operation in operations)
        units.append(f"| {name} | {' | '.join(in_units)} |")
    missing = unmeasured(content)
    note = (
        [f"Not measured, because there is no reference: {', '.join(missing)}."] if missing else []
    )
    return "\n\n".join(
        [
            "### Worst relative error: moderate members, all members",
            "\n".join(errors),
            "### Worst error in units of $(1 + \\kappa)u$, all members",
            "\n".join(units),
            *note,
            described(content),
        ]
    )


def misses_page(content: dict[str, Any]) -> str:
    """Return a table of the operations whose error exceeds both 1e-13 and 10κu somewhere."""
    rows = [row for row in content["families"] if row["beyond"] and row["grid"] == "extreme"]
    if not rows:
        return "All operations are within the bound."
    lines = [
        "| family | operation | members outside | worst | in units of $(1 + \\kappa)u$ | at θ |",
        "|---|---|--:|--:|--:|---|",
    ]
    for row in rows:
        at = ", ".join(f"{value:.3g}" for value in row["at"][:6]) + (
            ", …" if len(row["at"]) > 6 else ""
        )
        operation = content["operations"][row["operation"]]
        counts = f"{row['beyond']} of {row['members']}"
        error, units = number(row["error"]), number(row["units"])
        lines.append(f"| {row['instance']} | {operation} | {counts} | {error} | {units} | ({at}) |")
    return "\n".join(lines)


def exponents_page(content: dict[str, Any]) -> str:
    """Return a table of the worst errors in units of the bound over all exponents."""
    known = content["exponents"]
    operations = list(dict.fromkeys(row["operation"] for row in known))
    lines = [
        f"| family | type | results | {' | '.join(f'`{name}`' for name in operations)} |",
        f"|---|---|--:{'|--:' * len(operations)}|",
    ]
    for (instance, dtype), rows in groupby(known, key=lambda row: (row["instance"], row["dtype"])):
        found = {row["operation"]: row for row in rows}
        units = " | ".join(shown_units(found.get(name)) for name in operations)
        members = sum(row["members"] for row in found.values())
        lines.append(f"| `{instance}` | {dtype} | {members} | {units} |")
    total = sum(row["members"] for row in known)
    beyond = sum(row["beyond"] for row in known)
    return "\n".join([*lines, "", f"{beyond} of {total} results are outside the bound."])


def unmeasured(content: dict[str, Any]) -> list[str]:
    """Return the families that the file does not contain."""
    from ingd_ref.families._discovery import family_classes

    known = {row["family"] for row in content["families"]}
    return [f"`{family.__name__}`" for family in family_classes() if family.__name__ not in known]


def instance_name(family: str, instance: str) -> str:
    """Return what the class name lacks: the size, and the name of the instance if it differs."""
    name, number_of_statistics = instance.rsplit(", ", 1)
    same = re.sub(r"\W", "", name).lower() == family.lower()
    return f", {number_of_statistics}" if same else f": {instance}"


def module(family: str) -> str:
    from ingd_ref import families

    return str(getattr(families, family).__module__).rsplit(".", 1)[1]


def pair(found: dict[tuple[str, str], dict[str, Any]], operation: str) -> str:
    """Return the errors of moderate and of all members, once if they are equal."""
    numbers = [
        number(found[operation, grid]["error"])
        for grid in ("moderate", "extreme")
        if (operation, grid) in found
    ]
    return ", ".join(dict.fromkeys(numbers)) or "—"


def shown_units(row: dict[str, Any] | None) -> str:
    return "—" if row is None else ("∞" if row["units"] is None else f"{row['units']:.2g}")


def number(value: float | None) -> str:
    """Return one digit of an error; a missing one is infinite, one below RESOLVED is zero."""
    if value is None:
        return "∞"
    return "0" if value < RESOLVED else re.sub(r"e\+?(-?)0*(?=\d)", r"e\1", f"{value:.0e}")


def escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def described(content: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in content["versions"].items())
    run = f"Measured on {content['date']} in {content['seconds']:.0f} s ({content['machine']})"
    return f"{run} with {versions}."


PAGES = {
    "special": special_page,
    "families": families_page,
    "misses": misses_page,
    "exponents": exponents_page,
}


class Accuracy(SphinxDirective):
    """Show a part of the file, or a note if there is none."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "results" / FILE
        self.env.note_dependency(str(path))
        if not path.exists():
            absence = f"`docs/results/{FILE}` does not exist. To measure: `{COMMAND}`."
            return self.parse_text_to_nodes(f"```{{note}}\n{absence}\n```")
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise self.error(f"{path} has schema {content['schema']}, not {SCHEMA}: {COMMAND}")
        return self.parse_text_to_nodes(
            PAGES[self.arguments[0]](content), allow_section_headings=True
        )


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("accuracy", Accuracy)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
