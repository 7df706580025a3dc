"""Each floor of the package imports only from the floors below it, and no imports form a cycle."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "ingd_ref"
ROOT = Path(__file__).parents[1] / PACKAGE

# From the ground up. `plotting` draws arrays and `metrics` measures samples: both know little and
# are used by many, so they are near the bottom.
FLOORS = [
    *("_version", "errors", "equations"),
    *("backend", "_checks", "_special", "kernels", "least_squares", "_io", "plotting"),
    *("families", "features", "rkhs", "fisher", "metrics", "generators", "projection"),
    *("flows", "runs", "simplex", "variational"),
    *("_bench", "experiments", "conformance", "strategies", "_paper", "cli", "__main__"),
]


@cache
def modules():
    """The syntax tree of each module, by its dotted name; the package's own file is left out."""
    found = {}
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        found[name] = ast.parse(file.read_text(encoding="utf-8"))
    del found[PACKAGE]  # it loads every floor when the floor is first used
    return found


def imported(tree):
    """Names in the package that a module imports, inside functions and for type checkers too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE)


def module_of(name):
    """The module that an imported name is, or lies in."""
    while name not in modules() and name != PACKAGE:
        name = name.rpartition(".")[0]
    return name


def floor_of(module):
    return module.split(".")[1]


def arrows(tree):
    return {module_of(name) for name in imported(tree)}


def upward(module, tree):
    """The modules of higher floors, or the whole package, that a module imports."""
    level = FLOORS.index(floor_of(module))
    return {
        other for other in arrows(tree) if other == PACKAGE or FLOORS.index(floor_of(other)) > level
    }


def test_every_module_stands_on_a_floor():
    assert {floor_of(module) for module in modules()} <= set(FLOORS)


def test_imports_point_downwards():
    found = {module: upward(module, tree) for module, tree in modules().items()}
    assert {module: others for module, others in found.items() if others} == {}


def test_imports_form_no_cycle():
    graph = {module: arrows(tree) - {module} for module, tree in modules().items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


def test_equations_stand_alone():
    """They are what everything else is judged by, so they share nothing with it."""
    equations = [tree for module, tree in modules().items() if floor_of(module) == "equations"]
    others = {floor_of(other) for tree in equations for other in arrows(tree)}
    assert others <= {"equations", "errors"}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("def f():\n    from ingd_ref.cli import main", {"ingd_ref.cli"}),
        ("import ingd_ref.flows", {"ingd_ref.flows"}),
        ("import ingd_ref", {"ingd_ref"}),
        ("from ingd_ref import __version__", {"ingd_ref"}),
        ("from ingd_ref import _checks, errors", set()),
    ],
)
def test_upward_imports_are_seen(statement, found):
    assert upward("ingd_ref.families._gamma", ast.parse(statement)) == found
