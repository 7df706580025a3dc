"""Experiments on the ELBO: published settings, theorems behind the numbers, files, bad options."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ingd_ref.errors import DataFileError, DomainError, OptionError
from ingd_ref.experiments import EXPERIMENTS, run_experiment
from ingd_ref.experiments._networks import classify_networks, equivalence_classes, hidden_sets

SMALL = EXPERIMENTS["elbo-cosine"].small


def flow(**options):
    return replace(EXPERIMENTS["elbo-flow"], **options)


def cosine(**options):
    return replace(EXPERIMENTS["elbo-cosine"], **(SMALL | options))


def test_flows_show_what_the_theory_says(tmp_path):
    results = run_experiment(flow(**EXPERIMENTS["elbo-flow"].small), tmp_path)
    # On the cylindrical model the three flows move the visible distribution alike: to the rounding
    # of sixty steps.
    assert results["spread"]["product"] < 1e-13
    assert results["spread"]["naive-bayes"] > 0.01
    for entry in results["methods"].values():
        curves = np.array([entry["product_divergence"], *entry["network_divergence"]])
        assert np.all(np.diff(curves, axis=1) < 0)  # at so short a step no divergence rises
    assert (
        results["methods"]["elbo"]["states_outside_the_box"]
        == results["methods"]["perfect"]["states_outside_the_box"]
        == [0] * 8
    )
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["naive_bayes_evidence_parameters"].shape == (61, 8, 5)
        start, target = arrays["product_elbo_visible"][0], arrays["product_elbo_target"]
        # Marginals of the product model relax by one part in a hundred a step: y_k = y* + 0.99^k
        # (y_0 - y*).
        y = arrays["product_elbo_visible"][:, 0, :2].sum(axis=1)
        exact = target[:2].sum() + 0.99 ** np.arange(61) * (start[0, :2].sum() - target[:2].sum())
        assert np.allclose(y, exact, rtol=0, atol=1e-14)


def test_published_starts_come_from_the_published_seed(tmp_path):
    run_experiment(flow(steps=1, methods=("elbo",)), tmp_path)
    drawn = np.random.RandomState(13)
    drawn.random_sample(5)
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert np.array_equal(
            arrays["naive_bayes_elbo_parameters"][0], drawn.random_sample(40).reshape(8, 5)
        )


@pytest.mark.parametrize("integrator", ["rk4", "adaptive"])
def test_other_integrators_agree_with_short_steps(tmp_path, integrator):
    exact = run_experiment(flow(steps=20, methods=("elbo",), integrator=integrator), tmp_path / "a")
    with np.load(tmp_path / "a" / "arrays.npz") as arrays:
        y, target = (
            arrays["product_elbo_visible"][:, 0, :2].sum(axis=1),
            arrays["product_elbo_target"][:2].sum(),
        )
    # Twenty steps of RK4 with local errors of h⁵/120 of the remaining distance; the adaptive
    # integrator has a relative tolerance of 1e-6.
    allowed = 20 * 0.01**5 / 120 + 1e-14 if integrator == "rk4" else 1e-5
    assert np.allclose(
        y, target + np.exp(-0.01 * np.arange(21)) * (y[0] - target), rtol=0, atol=allowed
    )
    assert exact["config"]["integrator"] == integrator


def test_cosines_and_networks(tmp_path):
    results = run_experiment(cosine(), tmp_path)
    for entry in results["cosines"].values():
        assert entry["negative"]["perfect"] == 0  # never, by the spectral bound
        assert sum(entry["counts"]["elbo"]) == sum(entry["counts"]["perfect"]) == 300
        assert entry["mean"]["elbo"] < entry["mean"]["perfect"] < 1
    table = results["networks"]["3"]
    assert (table["cases"], table["cylindrical"], table["disagreements"]) == (66, 54, 0)
    assert sum(cases for cases, _ in table["hidden"].values()) == 66
    assert (tmp_path / "cosines.png").exists()


def test_points_from_a_file(tmp_path):
    points = np.random.default_rng(0).uniform(0.1, 0.9, size=(40, 5))
    np.savez(tmp_path / "stored.npz", theta=points, other=np.zeros(3))
    results = run_experiment(
        cosine(methods=("cosines",), samples=str(tmp_path / "stored.npz"), array="theta"),
        tmp_path / "out",
    )
    assert {entry["points"] for entry in results["cosines"].values()} == {40}
    assert json.loads((tmp_path / "out" / "config.json").read_text())["config"]["array"] == "theta"


@pytest.mark.parametrize(
    ("values", "array", "error", "message"),
    [
        (np.full((3, 4), 0.5), "", DomainError, "five columns, got 4"),
        (np.array([[0.5] * 5, [0.5, 0.5, 1.0, 0.5, 0.5]]), "", DomainError, "row 1 "),
        (np.full((3, 5), 0.5), "absent", DataFileError, "absent"),
    ],
)
def test_unsuitable_files_are_named(tmp_path, values, array, error, message):
    np.savez(tmp_path / "stored.npz", theta=values)
    with pytest.raises(error, match=message):
        run_experiment(
            cosine(methods=("cosines",), samples=str(tmp_path / "stored.npz"), array=array),
            tmp_path / "out",
        )


@pytest.mark.parametrize(
    ("make", "options", "error", "message"),
    [
        (flow, {"methods": ("gap",)}, OptionError, "'gap'"),
        (flow, {"shown": 9}, DomainError, "one of the starts 1 to 8"),
        (flow, {"start": (0.5, 0.5)}, DomainError, "three numbers"),
        (flow, {"target": (0.5, 0.5, 1.0)}, DomainError, "three numbers"),
        (flow, {"integrator": "leapfrog"}, OptionError, "'leapfrog'"),
        (cosine, {"nodes": (5,)}, DomainError, "from 2 to 4"),
        (cosine, {"points": 0}, DomainError, "points"),
        (cosine, {"array": "theta"}, DomainError, "not given"),
    ],
)
def test_unusable_options(make, options, error, message):
    with pytest.raises(error, match=message):
        make(**options)


def test_numbers_of_equivalence_classes_are_the_known_ones():
    # Numbers of Markov-equivalence classes of labelled acyclic graphs: 1, 2, 11, 185.
    assert [sum(1 for _ in equivalence_classes(nodes)) for nodes in (1, 2, 3, 4)] == [1, 2, 11, 185]
    assert [len(hidden_sets(nodes)) for nodes in (2, 3, 4)] == [2, 6, 14]


def test_defects_are_rounding_or_large():
    found = classify_networks(3, 3, np.random.default_rng(5))
    assert np.max(found["defect"][found["by_graph"]]) < 1e-12
    assert np.min(found["defect"][~found["by_graph"]]) > 1e-3


def test_pieces_run_on_any_array_library(monkeypatch):
    strict = pytest.importorskip("array_api_strict")
    for owner, experiment in (
        ("_elbo_flow", flow(steps=3)),
        ("_elbo_cosine", cosine(methods=("cosines",), points=20)),
    ):
        for piece in experiment.pieces():
            expected = experiment.run(piece)
            with monkeypatch.context() as patch:
                patch.setattr(
                    f"ingd_ref.experiments.{owner}.on_backend",
                    lambda host, backend: strict.asarray(host),
                )
                found = experiment.run(piece)
            for name in expected.keys() - {"seconds"}:
                # The same formulas in another library: a few dozen roundings, times condition
                # numbers below 1e6 at these points.
                assert np.allclose(found[name], expected[name], rtol=1e-8, atol=1e-10), name


def test_a_flow_that_leaves_its_model_fails(tmp_path):
    with pytest.raises(DomainError, match=r"leaves the model at step 1: .* take shorter steps"):
        run_experiment(flow(steps=5, step_size=50.0), tmp_path)


def test_all_networks_with_two_nodes_are_cylindrical(tmp_path):
    lines = run_experiment(cosine(methods=("networks",), nodes=(2,)), tmp_path)["lines"]
    assert lines[0] == "2 nodes: 4 of 4 networks are cylindrical"
    assert "others" not in " ".join(lines)
