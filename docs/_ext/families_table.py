"""The table of families, generated from their classes.

Each family has a row with its parameters, whether points are numbers or vectors, the number of
sufficient statistics of its examples, which optional operations have a closed form, and its name in
scipy.stats.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

# Operations that the base class derives from others, and their names in the table.
OWN = {
    "_third_cumulant": "third cumulant",
    "_fisher_rao_distance": "Fisher-Rao distance",
    "_classical_fisher": "classical Fisher information",
    "_mixture": "mixture geodesic",
}


def table() -> str:
    """Return the table as MyST text."""
    from ingd_ref import families
    from ingd_ref.families._discovery import family_classes

    columns = ("family", "classical parameters", "points", "statistics", "also in closed form")
    head = "* - " + "\n  - ".join((*columns, "in SciPy"))
    rows = [row(c, families.ExponentialFamily) for c in family_classes()]
    return (
        "```{list-table}\n:header-rows: 1\n:widths: 24 24 12 10 18 12\n:class: evidence\n\n"
        f"{head}\n" + "\n".join(rows) + "\n```\n"
    )


def row(family: type, base: type) -> str:
    examples = family.examples()
    summary = inspect.cleandoc(family.__doc__ or "").splitlines()[0].rstrip(".:")
    parameters = [
        f"`{p.name}`" + (f" {shape(p.shape)}" if p.shape else "") for p in examples[-1].parameters
    ]
    own = [words for name, words in OWN.items() if getattr(family, name) is not getattr(base, name)]
    cells = [
        f"{{py:class}}`~{family.__module__}.{family.__name__}`: {summary}",
        ", ".join(parameters),
        " or ".join(sorted({"numbers" if example.dim == 1 else "vectors" for example in examples})),
        ", ".join(str(number) for number in sorted({example.number for example in examples})),
        ", ".join(own) or "—",
        f"`{family.scipy_name}`" if family.scipy_name else "—",
    ]
    return "* - " + "\n  - ".join(cells)


def shape(lengths: tuple[int, ...]) -> str:
    return "(" + ", ".join(str(length) for length in lengths) + ")"


def _write_table(app: Any) -> None:
    from api_pages import write_if_changed

    write_if_changed(Path(app.srcdir) / "_generated" / "families_table.md", table())


def setup(app: Any) -> dict[str, Any]:
    app.connect("builder-inited", _write_table)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
