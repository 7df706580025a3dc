"""Check the English of pages, docstrings, comments and messages with proselint and our own words.

Give it files and folders, or nothing for the whole project. ``tools/prose.toml`` lists the words to
avoid, with what to write instead.
"""

import ast
import io
import os
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

from proselint.checks import __register__
from proselint.config import DEFAULT
from proselint.registry import CheckRegistry
from proselint.registry.checks import Check, CheckFlags, types
from proselint.tools import LintFile

ROOT = Path(__file__).parents[1]
STYLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

# What is not prose: code fences, examples with their output, formulas, code, targets of links.
CODE = re.compile(
    r"^(?P<fence>`{3,}).*?^(?P=fence)|^ *>>> .*?(?=^ *$|\Z)|^ *\.\. math::.*?(?=^ *$|\Z)"
    r"|\$\$.*?\$\$|\$[^$]+\$|``.*?``|`[^`]*`|\]\([^)]*\)|<!--.*?-->",
    re.MULTILINE | re.DOTALL,
)


def pieces(path: Path) -> list[tuple[int, str]]:
    """Return the first line and the text of each piece of prose in a page or module."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return [(1, source)]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            found.append((node.lineno, node.value))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            found.append((token.start[0], token.string.lstrip("#! ")))
    return sorted(found)


def prose(path: Path) -> tuple[str, list[int]]:
    """Return the prose of a file, and the line of the file from which each of its lines comes."""
    lines, numbers = [""], [0]
    for first, text in pieces(path):
        if first != numbers[-1] + 1:  # comments may continue on the next line; all else ends
            lines, numbers = [*lines, ""], [*numbers, first]
        parts = CODE.sub(lambda found: " X " + "\n" * found[0].count("\n"), text).splitlines()
        lines, numbers = lines + parts, [*numbers, *range(first, first + len(parts))]
    return "\n".join(lines), numbers


def complaints(path: Path, checks: dict[str, bool]) -> Iterator[str]:
    """Yield what to write differently in a file."""
    text, numbers = prose(path)
    for found in LintFile(str(path), text).lint({"max_errors": 1000, "checks": checks}):
        message = " ".join(found.check_result.message.split())
        yield f"{os.path.relpath(path, ROOT)}:{numbers[found.pos[0] - 1]}: {message}"


def main(names: list[str]) -> int:
    """Print what to write differently, and return 1 if there is anything."""
    forms = {f"({bad})".replace(" ", r"\s+"): better for bad, better in STYLE["instead"].items()}
    message, quoted = "write '{}' instead of '{}'.", CheckFlags(allow_quotes=True)
    ours = Check(types.PreferredForms(forms), path="house", message=message, flags=quoted)
    CheckRegistry().register_many((*__register__, ours))
    off = dict.fromkeys(STYLE["ignore"], False)
    on = {name: value for name, value in DEFAULT["checks"].items() if name not in off}
    tops = [(ROOT / name).resolve() for name in names or STYLE["files"]]
    paths = [path for top in tops for path in ([top] if top.is_file() else sorted(top.rglob("*")))]
    pages = [p for p in paths if p.suffix in (".md", ".py") and "_generated" not in p.parts]
    checks = {**off, "house": True, **on}
    found = [complaint for path in pages for complaint in complaints(path, checks)]
    print(*found, sep="\n", end="\n" if found else "")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
