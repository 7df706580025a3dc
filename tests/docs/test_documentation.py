"""Test the documentation: labels, laws, examples, tables, and builds that must fail."""

import doctest
import json
import re
import runpy
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref import _paper
from ingd_ref.conformance import LAWS
from ingd_ref.equations import LABELS

pytest.importorskip("sphinx", reason="the documentation's extensions need the extra `docs`")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    page
    for page in DOCS.rglob("*.md")
    if not {"_build", "_generated"} & set(page.relative_to(DOCS).parts)
)


@pytest.fixture(scope="module", autouse=True)
def extensions():
    """The documentation's own extensions, importable as Sphinx finds them."""
    sys.path.insert(0, str(DOCS / "_ext"))
    yield
    sys.path.remove(str(DOCS / "_ext"))


# --- labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", LABELS)
def test_every_label_is_named_where_it_is_computed_or_judged(label):
    entry = _paper.entry(label)
    assert entry.fast or entry.laws, f"no public object and no law names ({label})"


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("K3", {"flows.king_velocity"}),
        ("E5", {"families.ExponentialFamily.kl"}),
        ("P3", {"projection.tangent_projection", "projection.paired_tangent_projection"}),
        ("B4", {"simplex.gap_gradient"}),
        ("N3", {"flows.ingd_velocity"}),
    ],
)
def test_the_fast_implementations_include_the_functions_of_a_label(label, names):
    assert {f"ingd_ref.{name}" for name in names} <= set(_paper.entry(label).fast)


def test_a_reference_in_the_text_of_a_docstring_is_no_implementation():
    """`KingVelocity` holds F̂ of (E3), whereas `m_geodesic` only refers to (E5)."""
    assert _paper.entry("E5").fast == ("ingd_ref.families.ExponentialFamily.kl",)
    assert "ingd_ref.flows.KingVelocity" in _paper.entry("E3").fast


def test_the_recorded_evidence_is_that_of_the_cases_there_are():
    registry = pytest.importorskip("validation.registry", reason="needs the extra `test`")
    registry.load()
    cases = {f"{case.section}.{case.name}": case for case in registry.CASES}
    recorded = json.loads(Path(_paper.__file__).with_name(_paper.EVIDENCE).read_text("utf-8"))
    assert {name: list(case.labels) for name, case in cases.items()} == {
        name: case["labels"] for name, case in recorded["cases"].items()
    }, "run `python -m validation --record`"


def test_the_pages_define_exactly_the_labels_that_are_functions(extensions):
    import labelled_equations

    assert set(labelled_equations.defined_labels(DOCS)) == set(LABELS)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("equation (K3)", ["K3"]),
        ("(N3′) and (N3)", ["N3′", "N3"]),
        ("equations (K1)-(K4)", ["K1", "K2", "K3", "K4"]),
        ("(Q1) to (Q3)", ["Q1", "Q2", "Q3"]),
        ("shape (n, d), (E) and (X1) and K3", []),
    ],
)
def test_labels_are_found_in_text(text, labels):
    assert sorted(_paper.labels_in(text)) == sorted(labels)


def test_labels_become_references_except_in_formulas_and_examples(extensions):
    import labelled_equations

    verbatim = [".. math:: x", "    = (K3)", "", ">>> f()  # (K3)", ""]
    lines = [
        "As in (K3).",
        "",
        *verbatim,
        "(K99) stays, |x| too",
        "",
        "a ``(K3)``, :math:`|x|",
        r"\|y\|` and |z|",
    ]
    linked = labelled_equations.link_labels(lines, {"K3"})
    assert linked[0] == r"As in \ :eq:`eq-K3`\ ."
    assert linked[2:7] == verbatim
    assert linked[7] == r"(K99) stays, \|x\| too"
    assert linked[9:] == ["a ``(K3)``, :math:`|x|", r"\|y\|` and \|z\|"]


# --- the paper in code ----------------------------------------------------------------------------


def test_the_page_shows_formula_function_and_evidence_of_every_label(extensions):
    import paper_in_code

    text = paper_in_code.page(DOCS)
    for label in LABELS:
        entry = _paper.entry(label)
        part = text.partition(f"### {label}: ")[2].partition("\n### ")[0]
        assert entry.code in part
        assert "```{math}" in part
        assert all(f"{figure.error:.1e}" in part for figure in entry.evidence)


@pytest.mark.parametrize("lacking", [{"evidence": ()}, {"fast": (), "laws": ()}])
def test_a_label_that_lacks_something_stops_the_build(extensions, lacking):
    import paper_in_code
    from sphinx.errors import ExtensionError

    with pytest.raises(ExtensionError, match=r"\(K3\) lacks"):
        paper_in_code.section(replace(_paper.entry("K3"), **lacking), "x")


# --- laws and examples ----------------------------------------------------------------------------


def test_the_page_of_laws_lists_the_laws_that_are_tested():
    listed = re.findall(
        r"^\| `(\w+)` \|", (DOCS / "laws.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(LAWS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_examples_on_pages_run(page):
    blocks = re.findall(
        r"^```\{doctest\}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    test = doctest.DocTestParser().get_doctest(
        "\n".join(blocks), {"np": np, "ir": ir}, page.name, str(page), 0
    )
    report = []
    results = doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert results.failed == 0, "".join(report)


def commands_shown():
    """Every command line that a page or a gallery script shows."""
    sources = [*PAGES, *sorted((DOCS / "gallery").glob("*.py"))]
    texts = [source.read_text(encoding="utf-8") for source in sources]
    return sorted(
        {
            line.split("#")[0].strip()
            for text in texts
            for line in re.findall(r"(?:\$ |`|^)(ingd-ref [^`\n]*)", text, re.MULTILINE)
        }
    )


@pytest.mark.parametrize("line", commands_shown())
def test_commands_shown_have_the_options_that_they_use(line):
    import click

    from ingd_ref.cli import main

    command, words = main, iter(shlex.split(line)[1:])
    for word in words:
        if word.startswith("--"):
            known = {
                name: parameter
                for parameter in command.params
                for name in (*parameter.opts, *parameter.secondary_opts)
            }
            assert word in known or word == "--help", f"{command.name} has no option {word}"
            if word in known and not known[word].is_flag:
                next(words)  # its value
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"{command.name} has no command {word}"
            command = found


# --- families -------------------------------------------------------------------------------------


def test_the_table_of_families_has_a_row_for_each(extensions):
    import families_table

    from ingd_ref.families._discovery import family_classes

    rows = families_table.table().count("* - {py:class}")
    assert rows == len(family_classes())


def test_the_family_of_the_gallery_obeys_the_laws(tmp_path, monkeypatch):
    """(E2), (E3), (E5) and (E6) hold for the family of the example, by differences."""
    monkeypatch.chdir(tmp_path)
    family = runpy.run_path(str(DOCS / "gallery" / "own_family.py"))["family"]
    theta, step = np.array([[1e-3], [0.7], [40.0]]), 1e-5
    ahead, behind = theta * (1 + step), theta * (1 - step)
    # central differences: truncation step²/3 relative to the derivative for powers and logarithms,
    # rounding eps/step of |A| ≤ 7
    slope = (family.log_partition(ahead) - family.log_partition(behind)) / (ahead - behind)[:, 0]
    assert np.abs(slope / family.mean(theta)[:, 0] - 1).max() <= step**2 + 7 * 4e-16 / step
    curvature = (family.mean(ahead) - family.mean(behind))[:, 0] / (ahead - behind)[:, 0]
    assert np.abs(curvature / family.fisher(theta)[:, 0, 0] - 1).max() <= step**2 + 4e-16 / step
    assert np.allclose(family.natural_from_mean(family.mean(theta)), theta, rtol=1e-15, atol=0)
    local = (
        0.5 * step**2
    )  # F δ² / 2 with F = 1/θ²; the next term of the expansion is smaller by (2/3) step
    assert np.abs(family.kl(theta, ahead) / local - 1).max() <= step
    assert (tmp_path / "own_family.png").exists()


# --- gallery and results --------------------------------------------------------------------------


def write_script(folder, code):
    path = folder / "example.py"
    path.write_text(f'"""A title.\n\nWhat it shows.\n"""\n\n{code}\n', encoding="utf-8")
    return path


def test_a_gallery_script_runs_once_and_saves_output_and_figures(extensions, tmp_path):
    import gallery_pages

    script = gallery_pages.read_script(
        write_script(tmp_path, "print('hello')\nopen('picture.png', 'wb').close()")
    )
    folder = tmp_path / "out"
    folder.mkdir()
    first = gallery_pages.fresh_result(script, folder, ROOT, "package")
    assert (first["output"], first["figures"]) == ("hello\n", ["example-picture.png"])
    page = gallery_pages.script_page(script, first)
    assert page.startswith("# A title\n\nWhat it shows.")
    assert "hello" in page
    record = folder / "example.json"
    record.write_text(json.dumps(first | {"output": "kept"}), encoding="utf-8")
    assert gallery_pages.fresh_result(script, folder, ROOT, "package")["output"] == "kept"
    assert (
        gallery_pages.fresh_result(script, folder, ROOT, "changed package")["output"] == "hello\n"
    )


def test_a_gallery_script_that_fails_fails_the_build(extensions, tmp_path):
    import gallery_pages
    from sphinx.errors import ExtensionError

    script = gallery_pages.read_script(write_script(tmp_path, "raise ValueError('broken example')"))
    with pytest.raises(ExtensionError, match="broken example"):
        gallery_pages.run_script(script, tmp_path, ROOT)
    hanging = gallery_pages.read_script(write_script(tmp_path, "import time\ntime.sleep(60)"))
    with pytest.raises(ExtensionError, match="did not end"):
        gallery_pages.run_script(hanging, tmp_path, ROOT, limit=0.5)


def test_every_gallery_script_has_a_title_and_a_text(extensions):
    import gallery_pages

    scripts = [gallery_pages.read_script(path) for path in sorted((DOCS / "gallery").glob("*.py"))]
    assert len(scripts) >= 8
    assert all(script.title and script.summary for script in scripts)


def study(dim):
    curve = np.linspace(1.0, 0.1, 101)
    methods = {
        "slow": {
            "mean": curve.tolist(),
            "standard_error": (0.01 * curve).tolist(),
            "seconds": [1.0, 3.0],
        },
        "fast": {
            "mean": (0.5 * curve).tolist(),
            "standard_error": (0.01 * curve).tolist(),
            "seconds": [0.5],
        },
    }
    return {
        "experiment": "mixture",
        "config": {"dim": dim},
        "methods": methods,
        "noise_floor": {"mean": 0.08, "standard_error": 0.001},
    }


def test_results_of_experiments_become_tables(extensions):
    import measured_results

    text = measured_results.study_page(
        {"date": "2026-01-02", "five": study(5), "twenty": study(20)}
    ).replace("\N{NO-BREAK SPACE}", " ")
    assert "5 dimensions" in text
    assert "20 dimensions" in text
    assert "| slow | 0.9550 ± 0.0095 |" in text
    assert "| fast | **0.4775 ± 0.0095** |" in text
    assert "0.0800 ± 0.0010" in text
    assert "2026-01-02" in text


def test_results_of_the_benchmark_become_a_table(extensions):
    import measured_results

    results = ir._bench.run(
        sizes=[(20, 2, 5)], threads=[1], repeats=1, baseline=False, growth=[], resident=False
    )
    text = measured_results.bench_page(results)
    assert "| n | d | b | threads | ms |" in text
    assert "| 20 | 2 | 5 | 1 | " in text
    assert "faster by" not in text


def test_comparisons_become_a_table(extensions):
    import measured_results

    row = {
        "case": "sums",
        "threads": 1,
        "method": "ingd_ref",
        "milliseconds": 2.0,
        "ratio": 1.0,
        "peak_bytes": 2**21,
        "error": 1e-16,
    }
    other = row | {"method": "slow", "milliseconds": 6.0, "ratio": 3.0, "error": None}
    results = {
        "benchmark": "sums",
        "backend": "numpy",
        "rows": [row, other],
        "machine": {"cores": 2},
        "method": "Medians.",
    }
    text = measured_results.bench_page(results)
    assert "### Sums, numpy arrays" in text
    assert "| sums | slow | 1 | 6 | 2 | 3 | — |" in text


def test_classified_networks_become_a_table(extensions):
    import measured_results

    content = json.loads((DOCS / "results" / "elbo-cosine.json").read_text(encoding="utf-8"))
    text = measured_results.networks_page(content)
    assert "| **3** | any | **66** | **54** | **0** |" in text
    assert "| **4** | any | **2,590** | **1,448** | **0** |" in text
    assert "options: seed 0" in text.lower()
