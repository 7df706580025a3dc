"""Tables of measured results, from the JSON files in ``results/`` as the command line wrote them.

``{measured} mixture`` shows ``results/mixture.json``, which holds one or several ``results.json``
of an experiment. ``{measured} bench`` shows the output of ``ingd-ref bench``, and ``{measured}
bench-NAME`` that of ``ingd-ref bench NAME``. A note replaces the table if the file is missing.
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
    """Yield the experiments in a file: all mappings with methods and a configuration."""
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
    """Return mean ± standard error of each method at some steps, with the best in bold."""
    length = min(len(method["mean"]) for method in study["methods"].values())
    steps = [step for step in STEPS if step < length] or [length - 1]
    best = {
        step: min(method["mean"][step] for method in study["methods"].values()) for step in steps
    }
    lines = [
        f"| method | {' | '.join(f'step {step}' for step in steps)} |",
        "|---" * (len(steps) + 1) + "|",
    ]
    for name, method in study["methods"].items():
        values = [
            (method["mean"][step], method["standard_error"][step], best[step]) for step in steps
        ]
        cells = (_mean_and_error(mean, error, mean == least) for mean, error, least in values)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def remarks(study: dict[str, Any]) -> str:
    """Return the noise floor and the time of a trial."""
    parts = []
    if "noise_floor" in study:
        floor = _mean_and_error(
            study["noise_floor"]["mean"], study["noise_floor"]["standard_error"]
        )
        parts.append(f"Noise floor, the value for fresh samples of the target: {floor}.")
    seconds = {
        name: method["seconds"]
        for name, method in study["methods"].items()
        if method.get("seconds")
    }
    if seconds:
        parts.append(
            "Seconds per trial: "
            + ", ".join(f"{name} {sum(spent) / len(spent):.2g}" for name, spent in seconds.items())
            + "."
        )
    return " ".join(parts)


def _mean_and_error(mean: float, error: float, best: bool = False) -> str:
    text = f"{mean:.4f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{error:.4f}"
    return f"**{text}**" if best else text


def described(content: dict[str, Any], study: dict[str, Any]) -> str:
    """Return options, versions and date of a run."""
    parts = [
        "Options: "
        + ", ".join(f"{name} {_shown(value)}" for name, value in study["config"].items())
    ]
    versions = study.get("versions", content.get("versions", {}))
    if versions:
        parts.append(
            "versions: " + ", ".join(f"{name} {number}" for name, number in versions.items())
        )
    date = study.get("date", content.get("date"))
    if date:
        parts.append(f"measured on {date}")
    return "; ".join(parts) + "."


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def study_page(content: Any) -> str:
    parts = []
    for study in studies(content):
        dim = study["config"].get("dim")
        parts.append(
            f"### {dim} dimensions" if dim else f"### {study.get('experiment', 'experiment')}"
        )
        parts += [
            study_table(study),
            remarks(study),
            described(content if isinstance(content, dict) else {}, study),
        ]
    return "\n\n".join(part for part in parts if part)


BENCH_COLUMNS = {
    "case": ("case", "{}"),
    "method": ("method", "{}"),
    "n": ("n", "{:d}"),
    "d": ("d", "{:d}"),
    "b": ("b", "{:d}"),
    "threads": ("threads", "{:d}"),
    "milliseconds": ("ms", "{:.3g}"),
    "gflops": ("GFLOP/s", "{:.3g}"),
    "multiple_of_bound": ("times the bound", "{:.2f}"),
    "peak_bytes": ("extra memory, MiB", "{:.3g}"),
    "published_milliseconds": ("published form, ms", "{:.3g}"),
    "speedup": ("faster by", "{:.3g}×"),
    "ratio": ("time relative to ingd_ref", "{:.3g}"),
    "error": ("relative error", "{:.1e}"),
}
SCALE = {"peak_bytes": 2.0**-20}


def bench_page(content: Any) -> str:
    """Return tables of the benchmarks in a file, with growth rates, method and machine."""
    return "\n\n".join(part for bench in benches(content) for part in _bench_parts(content, bench))


def benches(content: Any) -> Iterator[dict[str, Any]]:
    """Yield the benchmarks in a file: all mappings with rows and a machine."""
    if isinstance(content, dict):
        if "rows" in content and "machine" in content:
            yield content
        else:
            for value in content.values():
                yield from benches(value)


def _bench_parts(content: dict[str, Any], bench: dict[str, Any]) -> Iterator[str]:
    yield (
        f"### {bench['benchmark'].capitalize()}, {bench['backend']} arrays"
        if "benchmark" in bench
        else f"### {bench['backend']} arrays"
    )
    columns = {
        key: shown
        for key, shown in BENCH_COLUMNS.items()
        if any(row.get(key) is not None for row in bench["rows"])
    }
    lines = [
        f"| {' | '.join(title for title, _ in columns.values())} |",
        "|--:" * len(columns) + "|",
    ]
    lines += [
        f"| {' | '.join(_cell(row.get(key), key, form) for key, (_, form) in columns.items())} |"
        for row in bench["rows"]
    ]
    yield "\n".join(lines)
    growth = bench.get("growth")
    if growth:
        sizes = f"{_shown(growth['particles'])}; d = {growth['d']}, b = {growth['b']}"
        yield (
            f"Growth with the number of particles ({sizes}): time as n to the power "
            f"{growth['time']:.2f}, memory as n to the power {growth['memory']:.2f}."
        )
    date = bench.get("date", content.get("date"))
    machine = ", ".join(f"{name} {_shown(value)}" for name, value in bench["machine"].items())
    yield f"{bench['method']} Machine: {machine}." + (f" Measured on {date}." if date else "")


def _cell(value: Any, key: str, form: str) -> str:
    return "—" if value is None else form.format(value * SCALE[key] if key in SCALE else value)


def networks_page(content: dict[str, Any]) -> str:
    """Return a table of cylindrical networks by the numbers of nodes and hidden nodes."""
    lines = [
        "| nodes | hidden | networks | cylindrical | rule and angles disagree |",
        "|--:|--:|--:|--:|--:|",
    ]
    remarks = []
    for number, table in content["networks"].items():
        lines += [
            f"| {number} | {hidden} | {cases:,} | {cylindrical:,} | |"
            for hidden, (cases, cylindrical) in table["hidden"].items()
        ]
        totals = (f"{table[key]:,}" for key in ("cases", "cylindrical", "disagreements"))
        lines.append(f"| **{number}** | any | **{'** | **'.join(totals)}** |")
        remarks.append(
            f"With {number} nodes the largest defect of a cylindrical network is "
            f"{table['largest_defect_of_cylindrical']:.1e}, the smallest of the others "
            f"{table['smallest_defect_of_others']:.1e}."
        )
    return "\n".join(lines) + "\n\n" + " ".join([*remarks, described(content, content)])


def nvi_page(content: dict[str, Any]) -> str:
    """Return a table of steps to the optimum, and of the loss of each form of Gaussian."""
    problems = content["config"]["problems"]
    lines = [f"| method | {' | '.join(problems)} |", "|---" + "|--:" * len(problems) + "|"]
    for name, method in content["methods"].items():
        cells = []
        for place in range(len(problems)):
            count, gap = method["steps"][place], content["gap_of_form"][name][place]
            steps = (
                f"> {content['config']['steps']:,}"
                if count is None
                else f"{count:,} ({method['step_size'][place]:.2g})"
            )
            cells.append(
                steps + (f", {gap:.1f} nats below" if gap > content["config"]["tolerance"] else "")
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n\n" + described(content, content)


RENDERERS = {
    "mixture": study_page,
    "ingd": study_page,
    "elbo-cosine": networks_page,
    "nvi": nvi_page,
}


class Measured(SphinxDirective):
    """Show a file of results, or a note if there is none."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        path = Path(self.env.srcdir) / "results" / f"{name}.json"
        self.env.note_dependency(str(path))
        if not path.exists():
            command = " ".join(self.content) or "the command line"
            absence = f"`docs/results/{name}.json` does not exist. To measure: `{command}`."
            return self.parse_text_to_nodes(f"```{{note}}\n{absence}\n```")
        # Headings in a file become subsections.
        render = bench_page if name.startswith("bench") else RENDERERS[name]
        return self.parse_text_to_nodes(
            render(json.loads(path.read_text(encoding="utf-8"))), allow_section_headings=True
        )


def setup(app):
    app.add_directive("measured", Measured)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
