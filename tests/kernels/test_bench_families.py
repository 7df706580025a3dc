"""The benchmark of families: others compute the same, errors are those of 40 digits."""

from pathlib import Path

import numpy as np
import pytest

from ingd_ref import _bench
from ingd_ref._bench import _families
from ingd_ref._io import write_json

CASES = [
    f"{family} {case}, 6e2"
    for family in ("Gamma", "Beta")
    for case in ("mean → natural", "natural → mean", "Fisher")
]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_families, "COUNT", 600)
    monkeypatch.setattr(_families, "JUDGED", 6)
    monkeypatch.setattr("ingd_ref._bench._measure.PAUSE", 0.0)


def test_every_case_against_scipy() -> None:
    comparisons = list(_families.comparisons("numpy"))
    assert [comparison.case for comparison in comparisons] == CASES
    for comparison in comparisons:
        assert comparison.error is not None
        # Means and Fisher matrices are well conditioned; the inverses at shapes up to 1e3 have
        # condition numbers up to 1e4.
        assert comparison.error(comparison.function()) <= (
            1e-11 if "→ natural" in comparison.case else 1e-13
        ), comparison.case
        name, other = next(iter(comparison.others.items()))
        assert name.startswith("SciPy")
        if (
            comparison.case.startswith("Gamma") or "→ natural" not in comparison.case
        ):  # six steps of Newton's need not reach Beta's root
            assert comparison.error(other()) <= 1e-8


def test_an_error_is_seen_where_it_is() -> None:
    comparison = next(iter(_families.comparisons("numpy")))
    found = comparison.function()
    assert comparison.error(found * (1.0 + 1e-6)) == pytest.approx(1e-6, rel=1e-4)
    assert comparison.error(lambda: found) == comparison.error(found)
    assert comparison.error(np.full_like(found, np.nan)) == 1.0


def test_results_go_into_json_and_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_families, "COUNT", 60)
    results = _bench.compare("families", threads=[1], repeats=1)
    write_json(tmp_path / "results.json", results)  # which rejects NaN and infinity
    assert _bench.comparison_table(results).row_count == len(results["rows"]) >= 12


def test_efax_computes_the_same() -> None:
    pytest.importorskip("efax", reason="efax is not installed")
    for comparison in _families.comparisons("numpy"):
        if "Beta mean" not in comparison.case:  # of which efax returns NaN for some
            assert comparison.error(comparison.others["efax"]()) < 1e-5
