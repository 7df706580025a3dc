"""Test the tables of accuracy: the file covers the package, and the pages show the file."""

import json
import sys
from pathlib import Path

import pytest

from ingd_ref.families._discovery import family_classes

pytest.importorskip("sphinx", reason="the documentation's extensions need the extra `docs`")

DOCS = Path(__file__).parents[2] / "docs"
AGAIN = "measure again: python -m validation --accuracy --out docs/results"


@pytest.fixture(scope="module")
def tables():
    sys.path.insert(0, str(DOCS / "_ext"))
    import accuracy_tables

    yield accuracy_tables
    sys.path.remove(str(DOCS / "_ext"))


@pytest.fixture(scope="module")
def content():
    return json.loads((DOCS / "results" / "accuracy.json").read_text(encoding="utf-8"))


def test_every_special_function_is_measured(content):
    pytest.importorskip("mpmath", reason="the definitions need the extra `test`")
    from validation.accuracy.special import entries, functions

    known = set(vars(functions))
    assert len(known) >= 99
    assert {entry.name for _, entry in entries()} == known
    measured = {row["name"] for row in content["special"]}
    assert measured == known, f"{measured ^ known} differ; {AGAIN}"


def test_every_family_with_a_reference_is_measured_in_every_operation(content, tables):
    from validation.accuracy.families import OPERATIONS
    from validation.oracles.textbook import TABLE

    known = {row["family"] for row in content["families"]}
    assert known >= {family.__name__ for family in family_classes()} & set(TABLE), AGAIN
    assert len(known) >= 33
    found = {
        (row["instance"], row["operation"])
        for row in content["families"]
        if row["grid"] == "extreme"
    }
    assert content["operations"] == OPERATIONS
    for instance in {instance for instance, _ in found}:
        assert {operation for name, operation in found if name == instance} == set(OPERATIONS), (
            instance
        )


def test_grids_hold_extremes_and_members_alone():
    pytest.importorskip("mpmath", reason="the oracles need the extra `test`")
    from validation.accuracy.grids import TABLE, grids

    tried = grids()
    assert {type(grid.family) for grid in tried} == set(family_classes())
    for grid in tried:
        assert grid.family.contains(grid.theta).all(), grid.family.name
        assert grid.moderate.any(), grid.family.name
        assert type(grid.family).__name__ not in TABLE or not grid.moderate.all(), grid.family.name


def test_measured_errors_are_within_the_bound_except_those_on_the_page(content, tables):
    """The page lists the operations with errors above 1e-13 and 10κu, and no others."""
    beyond = [row for row in content["families"] if row["beyond"] and row["grid"] == "extreme"]
    page = tables.misses_page(content)
    assert page.count("\n") == (len(beyond) + 1 if beyond else 0)
    for row in beyond:
        assert row["error"] is None or row["error"] > content["accurate"]
        assert f"| {row['instance']} | {content['operations'][row['operation']]} |" in page


def example():
    """A file with one function and one family, one of whose operations is outside the bound."""
    row = {
        "family": "Gamma",
        "instance": "Gamma, b = 2",
        "members": 3,
        "skipped": 0,
        "units": 2.5,
        "beyond": 0,
        "at": [1.0, -2.0],
    }
    return {
        "schema": 1,
        "date": "2026-01-02",
        "seconds": 3.0,
        "machine": "a machine",
        "versions": {"numpy": "2.0"},
        "operations": {"mean": "θ → μ", "fisher": "F"},
        "special": [
            {
                "group": "gamma functions",
                "name": "digamma",
                "over": "all | sides",
                "points": 5,
                "relative_to": "its value",
                "error": 1.2e-16,
                "at": [1.0],
                "scipy": {"form": "digamma(a)", "error": 3e-10, "failures": 2},
            },
            {
                "group": "matrices",
                "name": "Factor",
                "over": "some",
                "points": 5,
                "relative_to": "1",
                "error": None,
                "at": [1.0],
            },
        ],
        "families": [
            row | {"operation": "mean", "grid": "moderate", "error": 1e-16},
            row | {"operation": "mean", "grid": "extreme", "error": 4e-16},
            row
            | {"operation": "fisher", "grid": "extreme", "error": None, "units": None, "beyond": 2},
        ],
    }


def test_special_functions_become_tables(tables):
    text = tables.special_page(example())
    assert "### Gamma functions" in text
    assert (
        "| `digamma` | all \\| sides | its value | 1e-16 | `digamma(a)` | 3e-10, 2 of 5 not "
        in text
    )
    assert "`Factor` | some | 1 | ∞ | — | |" in text
    assert "Measured on 2026-01-02 in 3 s (a machine) with numpy 2.0." in text


def test_families_become_tables(tables):
    text = tables.families_page(example())
    assert "{py:class}`~ingd_ref.families.gamma.Gamma`, b = 2 | 1e-16, 4e-16 | ∞ |" in text
    assert "| 2.5 | ∞ |" in text
    assert "Not measured, because there is no reference:" in text
    assert "`Beta`" in text


def test_an_instance_is_named_by_its_size_and_its_own_name(tables):
    assert tables.instance_name("InverseWishart", "inverse Wishart, b = 4") == ", b = 4"
    product = "Gaussian × Gaussian, b = 4"
    assert tables.instance_name("Product", product) == f": {product}"


def test_operations_outside_the_bound_are_listed(tables):
    text = tables.misses_page(example())
    assert "| Gamma, b = 2 | F | 2 of 3 | ∞ | ∞ | (1, -2) |" in text
    without = example()
    without["families"][2]["beyond"] = 0
    assert tables.misses_page(without) == "All operations are within the bound."
