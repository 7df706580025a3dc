"""Equations with labels, and links to them from every docstring that names one.

``{equation} K3`` sets a displayed formula whose number is K3 and whose address is ``#eq-K3``.
Anywhere in the pages ``{eq}`eq-K3``` links to it; in docstrings a plain (K3), (N3′) or the range
(K1)-(K4) becomes that link.
"""

from __future__ import annotations

import re
from pathlib import Path

from docutils import nodes
from docutils.nodes import make_id
from sphinx.directives.patches import MathDirective

from ingd_ref._paper import LABEL

DEFINITION = re.compile(r"^[`:]{3,}\{equation\}\s*(\S+)\s*$", re.MULTILINE)


def target(label: str) -> str:
    """Return the name of a label in references: ``eq-K3``; a prime becomes p."""
    return "eq-" + label.replace("′", "p")


def defined_labels(folder: Path) -> dict[str, Path]:
    """Return the labels that the pages under ``folder`` define, with the page of each."""
    pages = sorted(
        page
        for page in folder.rglob("*.md")
        if "_build" not in page.parts and "_generated" not in page.parts
    )
    return {
        label: page
        for page in pages
        for label in DEFINITION.findall(page.read_text(encoding="utf-8"))
    }


class Equation(MathDirective):
    """A displayed formula that is numbered by its label."""

    required_arguments = 1
    optional_arguments = 0

    def run(self) -> list[nodes.Node]:
        label = self.arguments[0]
        self.arguments = [""]
        self.options["label"] = target(label)
        self.number = label
        return super().run()

    def add_target(self, ret: list[nodes.Node]) -> None:
        block, domain, name = ret[0], self.env.domains.math_domain, self.options["label"]
        domain.note_equation(self.env.current_document.docname, name, location=block)
        domain.equations[name] = (self.env.current_document.docname, self.number)
        block["number"] = self.number
        for identifier in (make_id(f"equation-{name}"), name):
            anchor = nodes.target("", "", ids=[identifier])
            self.state.document.note_explicit_target(anchor)
            ret.insert(0, anchor)


def link_labels(lines: list[str], known: set[str]) -> list[str]:
    """Turn (K3) in a docstring into a reference, and escape |x|, outside formulas and code."""
    linked, formula, quoted = [], None, False
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if formula is not None and line.strip() and depth <= formula:
            formula = None
        if formula is None and line.strip().startswith(".. math::"):
            formula = depth
        quoted = quoted and bool(line.strip())
        if formula is not None or line.lstrip().startswith((">>>", "...")):
            linked.append(line)
            continue
        parts = re.split(r"(`+)", line)
        # Code or a formula between backticks can continue on the next line of the paragraph.
        for number, part in enumerate(parts):
            if number % 2 == 1:
                quoted = not quoted
            elif not quoted:
                parts[number] = _plain(part, known)
        linked.append("".join(parts))
    return linked


def _plain(text: str, known: set[str]) -> str:
    return LABEL.sub(lambda match: _reference(match, known), text).replace("|", r"\|")


def _reference(match: re.Match[str], known: set[str]) -> str:
    # The reference includes the brackets; the escaped blanks separate the role from adjacent text.
    return rf"\ :eq:`{target(match[1])}`\ " if match[1] in known else match[0]


def _link_docstring(app, what, name, obj, options, lines):
    lines[:] = link_labels(lines, app.env.labelled_equations)


def _find_labels(app, env, docnames):
    env.labelled_equations = set(defined_labels(Path(app.srcdir)))


def setup(app):
    app.add_directive("equation", Equation)
    app.connect("env-before-read-docs", _find_labels)
    app.connect("autodoc-process-docstring", _link_docstring, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
