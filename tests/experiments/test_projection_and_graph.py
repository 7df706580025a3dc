"""The experiments `projection` and `graph` at tiny sizes."""

from dataclasses import replace

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.errors import DomainError, OptionError
from ingd_ref.experiments import EXPERIMENTS, run_experiment
from ingd_ref.experiments._graph import roc_curve
from ingd_ref.experiments._projection import gamma_path, gaussian_path, true_rate

SMALL_PROJECTION, SMALL_GRAPH = (EXPERIMENTS[name].small for name in ("projection", "graph"))


def test_true_rates_are_derivatives_of_natural_parameters():
    t, h = np.array([0.1, 0.45, 0.9]), 1e-5

    def theta(name, t):
        if name == "gaussian":
            m, s, _, _ = gaussian_path(t)
            return ir.families.Gaussian().natural(mean=m, variance=s**2)
        shape, rate, _, _ = gamma_path(t)
        return ir.families.Gamma().natural(shape=shape, rate=rate)

    for name in ("gaussian", "gamma"):
        differences = (theta(name, t + h) - theta(name, t - h)) / (2 * h)
        # truncation h²/6 of third derivatives up to 1e4, rounding eps/h of numbers up to 3
        np.testing.assert_allclose(true_rate(name, t), differences, atol=2e-7 + 1e-10)


def test_projection_reports_errors_slopes_and_coverage(tmp_path):
    results = run_experiment(replace(EXPERIMENTS["projection"], **SMALL_PROJECTION), tmp_path)
    for path in ("gaussian", "gamma"):
        entry = results["methods"][path]
        assert entry["error"][0] > entry["error"][1] > 0
        assert entry["slope"] == pytest.approx(-0.5, abs=0.25)  # of 60 replications each
        assert all(0.8 < share <= 1 for share in entry["coverage"])
        assert (tmp_path / f"{path}.png").exists()
    with np.load(tmp_path / "arrays.npz") as arrays:
        gap = arrays["gaussian_tangent"] - true_rate("gaussian", arrays["gaussian_times"])
        assert np.mean(np.abs(gap) <= 4.5 * arrays["gaussian_tangent_error"]) > 0.8
    (tmp_path / "results.json").unlink()
    (tmp_path / "pieces" / "gamma-error-800.npz").unlink()
    assert (
        run_experiment(replace(EXPERIMENTS["projection"], **SMALL_PROJECTION), tmp_path)["methods"]
        == results["methods"]
    )


def test_graph_finds_changes_and_reports_optimality(tmp_path):
    results = run_experiment(replace(EXPERIMENTS["graph"], **SMALL_GRAPH), tmp_path)
    assert results["methods"]["sparse window"]["mean"] > 0.9
    assert results["kkt_residual"] <= 1e-8
    assert len(results["found"]) == len(results["false_alarms"]) == 2
    assert {path.name for path in tmp_path.glob("*.png")} == {"roc.png", "path.png", "graph.png"}


def test_roc_curve_of_a_known_ranking():
    alarms, found = roc_curve(np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, True, False, False]))
    assert list(alarms) == [0.0, 0.0, 0.5, 1.0]
    assert list(found) == [0.0, 0.5, 1.0, 1.0]
    assert np.trapezoid(found, alarms) == 0.875  # of four pairs three are right, and one is a tie


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("projection", {"paths": ("poisson",)}, OptionError),
        ("projection", {"numbers": (100,)}, OptionError),
        ("projection", {"numbers": (5, 100)}, DomainError),
        ("projection", {"functions": 3}, DomainError),
        ("projection", {"samples": 0}, DomainError),
        ("graph", {"nodes": 3}, DomainError),
        ("graph", {"samples": 1}, DomainError),
        ("graph", {"size": 0.0}, DomainError),
    ],
)
def test_unusable_options(name, options, error):
    with pytest.raises(error):
        replace(EXPERIMENTS[name], **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [("projection", SMALL_PROJECTION), ("graph", SMALL_GRAPH | {"times": 200, "trials": 1})],
)
def test_pieces_run_on_any_array_library(monkeypatch, name, options):
    """The strict library has NumPy's arithmetic, and rejects what goes beyond the standard."""
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is a test dependency")
    experiment = replace(EXPERIMENTS[name], **options)
    for piece in experiment.pieces():
        expected = experiment.run(piece)
        with monkeypatch.context() as patch:
            patch.setattr(
                f"ingd_ref.experiments._{name}.on_backend",
                lambda host, backend: strict.asarray(host),
            )
            found = experiment.run(piece)
        for key, value in expected.items():
            # other orders of summation, times conditions of the windows up to 1e5
            np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-9, err_msg=key)
