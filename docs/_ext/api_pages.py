"""One reference page for each public module, generated before Sphinx reads the pages."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from ingd_ref._paper import public_modules

PACKAGE = "ingd_ref"


def module_page(name: str, comments: dict[str, dict[Path, str]]) -> str:
    """Return the page of a module: its docstring, then its public names in alphabetical order."""
    parts = [f"{name}\n{'=' * len(name)}", f".. automodule:: {name}"]
    if name != PACKAGE:
        module = importlib.import_module(name)
        parts += [
            entry(module, offered, comments) for offered in sorted(module.__all__, key=str.lower)
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def entry(module: ModuleType, name: str, comments: dict[str, dict[Path, str]]) -> str:
    """Return the directive for an object; a constant shows the comment at its definition."""
    thing, full = getattr(module, name), f"{module.__name__}.{name}"
    if inspect.isclass(thing):
        # Bases such as ``object`` say nothing, and private ones have no page.
        bases = any(
            base.__module__.startswith(PACKAGE) and not base.__name__.startswith("_")
            for base in thing.__bases__
        )
        return f".. autoclass:: {full}\n   :members:\n   :special-members: __call__" + (
            "\n   :show-inheritance:" if bases else ""
        )
    if inspect.isroutine(thing):
        return f".. autofunction:: {full}"
    if name not in comments:
        return ""
    comment = comments[name].get(Path(module.__file__), next(iter(comments[name].values())))
    return f".. py:data:: {name}\n   :module: {module.__name__}\n{_value(thing)}\n   {comment}"


def _value(constant: Any) -> str:
    """Return the option that shows the value of a constant, if it fits on a line."""
    shown = repr(constant)
    return f"   :value: {shown}\n" if len(shown) < 100 else ""


def constant_comments(root: Path) -> dict[str, dict[Path, str]]:
    """Return the comments ``#: ...`` above constants, by name and by file."""
    found: dict[str, dict[Path, str]] = {}
    for source in sorted((root / PACKAGE).rglob("*.py")):
        for comment, name in re.findall(
            r"((?:^#: .*\n)+)^([A-Z][A-Z_]+)\b", source.read_text(encoding="utf-8"), re.MULTILINE
        ):
            found.setdefault(name, {})[source] = " ".join(
                line.removeprefix("#:").strip() for line in comment.splitlines()
            )
    return found


def index_page(modules: list[str]) -> str:
    listing = "\n".join(f"   {name}" for name in modules)
    title = "API reference\n=============\n\nAll public modules."
    return f"{title}\n\n.. toctree::\n   :maxdepth: 1\n\n{listing}\n"


def write_if_changed(path: Path, text: str) -> None:
    """Write a page unless it is unchanged, so that Sphinx does not read it again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _write_pages(app):
    folder, modules = Path(app.srcdir) / "_generated" / "api", public_modules()
    comments = constant_comments(Path(app.srcdir).parent)
    pages = {
        "index.rst": index_page(modules),
        **{f"{name}.rst": module_page(name, comments) for name in modules},
    }
    for name, text in pages.items():
        write_if_changed(folder / name, text)
    for stale in set(folder.glob("*.rst")) - {folder / name for name in pages}:
        stale.unlink()


def _resolve_other_home(app, env, node, contnode):
    """Resolve a reference to an object by its private module, or by its name in the package."""
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith(f"{PACKAGE}."):
        return None
    name = target.rpartition(".")[2]
    candidates = [
        re.sub(r"\._[a-z_]+", "", target),
        *(
            f"{module}.{name}"
            for module in _homes(getattr(importlib.import_module(PACKAGE), name, None))
        ),
    ]
    for public in candidates:
        found = env.domains.python_domain.resolve_xref(
            env, node["refdoc"], app.builder, node["reftype"], public, node, contnode
        )
        if found is not None:
            return found
    return None


def _homes(thing: Any) -> list[str]:
    """Return the public modules, apart from the package itself, that export an object."""
    offers = (name for name in public_modules() if name != PACKAGE)
    return [
        name
        for name in offers
        if thing is not None
        and any(value is thing for value in vars(importlib.import_module(name)).values())
    ]


def setup(app):
    app.connect("builder-inited", _write_pages)
    app.connect("missing-reference", _resolve_other_home)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
