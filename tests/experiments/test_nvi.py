"""The experiment `nvi` at tiny sizes: step counts, and where its sweeps of step sizes end."""

from dataclasses import replace

import numpy as np
import pytest

from ingd_ref.errors import BackendError, DomainError, OptionError
from ingd_ref.experiments import EXPERIMENTS, Piece, run_experiment
from ingd_ref.experiments import _nvi as module

TINY = replace(EXPERIMENTS["nvi"], **EXPERIMENTS["nvi"].small)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nvi")
    return folder, run_experiment(TINY, folder)


def test_what_is_written(results):
    folder, found = results
    assert found["experiment"] == "nvi"
    assert set(found["methods"]) == set(TINY.methods)
    assert {path.name for path in folder.glob("*.png")} == {"gap.png", "elbo.png"}
    with np.load(folder / "arrays.npz") as arrays:
        assert arrays["linear_natural_mean"].shape == (10,)
        assert arrays["poisson_mean-field_covariance"].shape == (8, 8)
        assert all(np.all(np.isfinite(arrays[key])) for key in arrays.files)
    assert len(found["lines"]) == 3 + len(TINY.methods)


def test_what_is_found(results):
    """One natural step solves linear regression; plain gradients need at least twenty."""
    methods = results[1]["methods"]
    assert methods["natural"]["steps"][0] == 1
    assert methods["natural"]["step_size"][0] == 1.0
    assert 1 < methods["natural"]["steps"][1] <= 30
    for place in (0, 1):
        steps = methods["cholesky"]["steps"][place]
        assert steps is None or steps >= 20 * methods["natural"]["steps"][place]
    gaps = results[1]["gap_of_form"]
    assert gaps["natural"] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert min(gaps["mean-field"]) > 0.1
    for entry in methods.values():
        for elbo, optimum in zip(entry["elbo"], entry["optimum"], strict=True):
            assert max(elbo) <= optimum + 1e-7


def test_pieces_are_reproducible():
    experiment = replace(TINY, problems=("linear",))
    first, second = (experiment.run(Piece("natural", 0)) for _ in range(2))
    for key in set(first) - {"seconds"}:
        np.testing.assert_array_equal(first[key], second[key])
    other = replace(experiment, seed=1).run(Piece("natural", 0))
    assert other["optimum"] != first["optimum"]


def test_arrival_is_for_good():
    run = module._Run(None, (-5.0, -1.0, -3.0, -1.0, -0.5), alive=True)
    assert (run.steps_to(-2.0), run.steps_to(-10.0), run.steps_to(0.0)) == (3, 0, -1)
    assert run.rank(0.0) == (np.inf, 0.5)
    assert module._Run(None, (-5.0, np.nan), alive=False).rank(0.0) == (np.inf, np.inf)
    assert module._Run(None, (-5.0, np.nan), alive=False).steps_to(-9.0) == -1


def test_mean_field_optimum_is_the_fixed_point_of_natural_steps():
    """The optimum of L-BFGS is a fixed point of natural gradients: E ∇ℓ = 0 and p = t."""
    model = TINY._model("poisson")
    q = module._optimum(model, None, TINY._start("mean-field", model))
    assert q.squared_gradient(module.expected_under(model, q)) < 1e-8


def test_breast_cancer_data():
    pytest.importorskip("sklearn", reason="scikit-learn is a test dependency")
    design, response = module.Nvi().data("logistic")
    assert design.shape == (569, 31)
    np.testing.assert_allclose(design[:, 1:].mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(design[:, 1:].std(axis=0), 1.0, rtol=1e-12)
    assert set(response) == {0.0, 1.0}


def test_natural_gradients_on_breast_cancer_data_converge_within_thirty_steps():
    pytest.importorskip("sklearn", reason="scikit-learn is a test dependency")
    experiment = module.Nvi(steps=30, problems=("logistic",), methods=("natural",), nodes=64)
    found = experiment.run(Piece("natural", 1))
    assert 0 < found["arrived"].max() <= 30
    assert float(found["optimum"]) - found["elbo"][-1] <= 1e-6


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"methods": ("newton",)}, OptionError, "method must be one of"),
        ({"problems": ("probit",)}, OptionError, "problem must be one of"),
        ({"problems": ()}, OptionError, "problems must name at least one"),
        ({"problems": ("linear", "linear")}, OptionError, "must not repeat a name"),
        ({"steps": 0}, DomainError, "steps"),
        ({"tolerance": 0.0}, DomainError, "tolerance"),
        ({"prior_precision": -1.0}, DomainError, "prior_precision"),
    ],
)
def test_unusable_options(options, error, message):
    with pytest.raises(error, match=message):
        module.Nvi(**options)


def test_missing_packages_are_named(monkeypatch, tmp_path):
    def absent(*args, **kwargs):
        raise OptionError("experiment 'nvi' needs scikit-learn")

    monkeypatch.setattr(module, "_breast_cancer", absent)
    with pytest.raises(OptionError, match="needs scikit-learn"):
        run_experiment(module.Nvi(), tmp_path)
    with pytest.raises(BackendError, match="cupy"):
        run_experiment(replace(TINY, backend="cupy"), tmp_path)
