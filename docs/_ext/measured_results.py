"""Tables of measured results, from the JSON files in ``results/`` as the command line wrote them.

``{measured} mixture`` shows ``results/mixture.json``, an experiment's ``results.json`` or several of them in one file; ``{measured} bench`` shows
lists of records. Where the file is missing the page says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

STEPS = (5, 10, 20, 50, 100)


def studies(content: Any) -> Iterator[dict[str, Any]]:
    """Every experiment in a file: whatever holds both methods and a configuration."""
    if isinstance(content, dict):
        if "methods" in content and "config" in content:
            yield content
        else:
            for value in content.values():
                yield from studies(value)
    elif isinstance(content, list):
        for value in content:
            yield from studies(value)


def study_table(study: dict[str, Any]) -> str:
    """Mean ± standard error of each method at the reported steps, best value of each column in bold, and the noise floor."""
    length = min(len(method["mean"]) for method in study["methods"].values())
    steps = [step for step in STEPS if step < length] or [length - 1]
    best = {step: min(method["mean"][step] for method in study["methods"].values()) for step in steps}
    lines = [f"| method | {' | '.join(f'step {step}' for step in steps)} | seconds per trial |", "|---" * (len(steps) + 2) + "|"]
    for name, method in study["methods"].items():
        cells = [_mean_and_error(method["mean"][step], method["standard_error"][step], method["mean"][step] == best[step]) for step in steps]
        seconds = sum(method["seconds"]) / len(method["seconds"]) if method.get("seconds") else float("nan")
        lines.append(f"| {name} | {' | '.join(cells)} | {seconds:.2g} |")
    floor = study.get("noise_floor")
    if floor:
        lines.append(f"| *fresh samples of the target* | {_mean_and_error(floor['mean'], floor['standard_error'])} |{' |' * len(steps)}")
    return "\n".join(lines)


def _mean_and_error(mean: float, error: float, best: bool = False) -> str:
    text = f"{mean:.4f} ± {error:.4f}"
    return f"**{text}**" if best else text


def described(content: dict[str, Any], study: dict[str, Any]) -> str:
    """What was run, when and with what."""
    config = ", ".join(f"{name} {_shown(value)}" for name, value in study["config"].items())
    versions = ", ".join(f"{name} {number}" for name, number in study.get("versions", content.get("versions", {})).items())
    date = study.get("date", content.get("date"))
    return "; ".join(part for part in (f"Options: {config}", f"versions: {versions}" if versions else "", f"measured on {date}" if date else "") if part) + "."


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def study_page(content: Any) -> str:
    parts = []
    for study in studies(content):
        dim = study["config"].get("dim")
        parts.append(f"### {study.get('experiment', 'experiment')}" + (f", {dim} dimensions" if dim else ""))
        parts += [study_table(study), described(content if isinstance(content, dict) else {}, study)]
    return "\n\n".join(parts)


def record_tables(content: Any, title: str = "") -> Iterator[str]:
    """A table for every list of records in a file, and a line for the plain values beside it."""
    if not isinstance(content, dict):
        return
    plain = {name: value for name, value in content.items() if not isinstance(value, dict | list)}
    if plain:
        yield (f"*{title}*: " if title else "") + ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in plain.items()) + "."
    for name, value in content.items():
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            columns = [column for column in dict.fromkeys(key for row in value for key in row) if not isinstance(value[0].get(column), dict | list)]
            lines = [f"| {' | '.join(column.replace('_', ' ') for column in columns)} |", "|---" * len(columns) + "|"]
            lines += [f"| {' | '.join(_number(row.get(column)) for column in columns)} |" for row in value]
            yield f"**{name.replace('_', ' ')}**\n\n" + "\n".join(lines)
        else:
            yield from record_tables(value, name.replace("_", " "))


def _number(value: Any) -> str:
    if value is None:
        return "—"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


RENDERERS = {"mixture": study_page, "bench": lambda content: "\n\n".join(record_tables(content))}


class Measured(SphinxDirective):
    """Show a file of results, or say that there is none."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        path = Path(self.env.srcdir) / "results" / f"{name}.json"
        self.env.note_dependency(str(path))
        if not path.exists():
            command = " ".join(self.content) or "the command line"
            return self.parse_text_to_nodes(
                f"```{{note}}\nThere is no `docs/results/{name}.json` in this checkout, so there is nothing to show. To measure: `{command}`.\n```"
            )
        # The headings of a file become parts of the section that shows it.
        return self.parse_text_to_nodes(RENDERERS[name](json.loads(path.read_text(encoding="utf-8"))), allow_section_headings=True)


def setup(app):
    app.add_directive("measured", Measured)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
