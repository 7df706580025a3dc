"""The page "The paper in code": each formula next to the function that is this formula.

Everything on it comes from ``ingd_ref._paper`` and from the formulas of the mathematics pages. A
label without formula, function, fast form or evidence stops the build.
"""

from __future__ import annotations

import re
from pathlib import Path

from api_pages import write_if_changed
from labelled_equations import defined_labels, target
from sphinx.errors import ExtensionError

from ingd_ref import _paper
from ingd_ref.equations import LABELS

BODY = r"^```\{{equation\}} {label}\n(.*?)^```"


def formula(label: str, page: Path) -> str:
    """Return the formula of a label as the page of the mathematics sets it."""
    text = page.read_text(encoding="utf-8")
    found = re.search(BODY.format(label=re.escape(label)), text, re.MULTILINE | re.DOTALL)
    if not found:
        raise ExtensionError(f"{page.name} does not set ({label}) in a block of backticks")
    latex = found[1].strip()
    # The column next to the code is wide enough for one formula per line.
    lines = [part.strip() for part in latex.split(r"\qquad")]
    if len(lines) == 1 or r"\begin" in latex:
        return latex
    return "\\begin{gathered}\n" + " \\\\\n".join(lines) + "\n\\end{gathered}"


def section(entry: _paper.Entry, latex: str) -> str:
    """Return the part of the page about one label, as MyST text."""
    if not entry.evidence or not (entry.fast or entry.laws):
        raise ExtensionError(f"({entry.label}) lacks evidence, or no public object or law names it")
    module, _, function = entry.place.partition(":")
    about = [
        f"**Formula**: {{eq}}`{target(entry.label)}` [{entry.source}]",
        f"**Literal**: `{module}.{function}`",
    ]
    if entry.fast:
        about.append("**Fast implementations**: " + ", ".join(_link(name) for name in entry.fast))
    if entry.laws:
        about.append("**Tested by the laws** " + ", ".join(f"`{law}`" for law in entry.laws))
    return "\n\n".join(
        [
            f"(paper-{target(entry.label)})=\n### {entry.label}: {function.replace('_', ' ')}",
            "::::{container} equation-and-code",
            f":::{{container}} formula\n```{{math}}\n{latex}\n```\n:::",
            f":::{{container}} code\n```{{code-block}} python\n{entry.code}```\n:::",
            "::::",
            "\\\n".join(about),
            "**Evidence**:\n\n" + "\n".join(_measured(figure) for figure in entry.evidence),
        ]
    )


def _link(name: str) -> str:
    return f"{{py:obj}}`{name.removeprefix('ingd_ref.')} <{name}>`"


def _measured(figure: _paper.Figure) -> str:
    case = figure.case.partition(".")[2].replace("_", " ")
    return _escaped(
        f"- {case}, against {figure.oracle}: {figure.quantity} off by {figure.error:.1e}, "
        f"tolerance {figure.tolerance:.1e}"
    )


def _escaped(text: str) -> str:
    """Return text as Markdown that shows it letter by letter."""
    return re.sub(r"([\\`*_{}\[\]<>$|~])", r"\\\1", text)


def page(folder: Path) -> str:
    """Return the generated part of the page, in the order of the sections."""
    pages = defined_labels(folder)
    unknown = set(pages) ^ set(LABELS)
    if unknown:
        raise ExtensionError(f"formula or function is missing: {', '.join(sorted(unknown))}")
    parts = []
    for letter, title in _paper.SECTIONS.items():
        own = [label for label in LABELS if label[0] == letter]
        parts.append(f"## {title}")
        parts += [section(_paper.entry(label), formula(label, pages[label])) for label in own]
    return "\n\n".join(parts) + "\n"


def _write_page(app):
    folder = Path(app.srcdir)
    write_if_changed(folder / "_generated" / "paper_in_code.md", page(folder))


def setup(app):
    app.connect("builder-inited", _write_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
