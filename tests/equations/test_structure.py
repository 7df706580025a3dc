"""The equations are complete, short, documented and tested: each label once, in plain sight."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from ingd_ref import equations
from ingd_ref._paper import SOURCES
from ingd_ref.equations import LABELS

PACKAGE = Path(equations.__file__).parent
PAGES = Path(__file__).parents[2] / "docs" / "mathematics"
TREES = {file.name: ast.parse(file.read_text("utf-8")) for file in PACKAGE.glob("*.py")}
FUNCTIONS = {
    f"{name}:{node.name}": node
    for name, tree in TREES.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.FunctionDef)
}


def test_every_label_of_the_pages_is_a_function():
    text = "".join(page.read_text("utf-8") for page in PAGES.glob("*.md"))
    assert set(re.findall(r"^```\{equation\} (\S+)$", text, re.MULTILINE)) == set(LABELS)


def test_no_two_labels_share_a_function():
    assert len(set(LABELS.values())) == len(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_docstring_begins_with_the_label_and_ends_with_the_source(label):
    """So that `_paper` can take both from it."""
    summary = inspect.getdoc(LABELS[label]).splitlines()[0]
    found = re.fullmatch(r"\((\w+′?)\) \S.* \[(\w+)\]\.", summary)
    assert found[1] == label
    assert found[2] in SOURCES


@pytest.mark.parametrize("label", LABELS)
def test_the_label_has_evidence_of_its_own(label):
    """Some module of tests but the one that compares kinds of numbers calls its function."""
    modules = [
        file.read_text("utf-8")
        for file in Path(__file__).parent.glob("test_*.py")
        if file.name != "test_kinds_of_numbers.py"
    ]
    by_name = f'LABELS["{label}"](' in "".join(modules)
    assert by_name or f'"{label}", "' in "".join(modules)


def code_lines(function):
    """Lines of a function that hold code: without docstring, comments and blank lines."""
    body = function.body
    if ast.get_docstring(function):
        body = body[1:]
    lines = {
        line
        for statement in body
        for node in ast.walk(statement)
        if hasattr(node, "lineno")
        for line in (node.lineno, node.end_lineno)
    }
    return len(lines)


def test_no_function_is_long():
    lines = {name: code_lines(function) for name, function in FUNCTIONS.items()}
    assert {name: count for name, count in lines.items() if count > 15} == {}


def test_every_function_of_a_module_is_documented():
    outermost = [node for tree in TREES.values() for node in tree.body]
    public = {
        name: function
        for name, function in FUNCTIONS.items()
        if function in outermost and not function.name.startswith("_")
    }
    assert [name for name, function in public.items() if not ast.get_docstring(function)] == []


def test_the_package_is_short():
    assert sum(len((PACKAGE / name).read_text("utf-8").splitlines()) for name in TREES) <= 900


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_the_package_stands_alone():
    """It shares nothing with what it judges, and needs numbers only: NumPy, SciPy and balls."""
    allowed = r"ingd_ref\.(equations|errors)\b|numpy$|scipy$|flint$|itertools$|typing$"
    found = {module for tree in TREES.values() for module in imports(tree)}
    assert {module for module in found if not re.match(allowed, module)} == set()
