"""Inputs are looked at once: each array that can hold NaN is searched for it exactly one time."""

from collections import Counter

import array_api_compat.numpy as compat
import numpy as np
import pytest

import ingd_ref as ir

X = np.random.default_rng(1).normal(size=(12, 2))
Y = np.random.default_rng(2).normal(2.0, 1.0, size=(15, 2))
WEIGHTS = np.arange(1.0, 13.0) / 78
GAUSSIAN = ir.families.MultivariateGaussian(2)

FEATURES = {
    "radial": ir.features.GaussianRBF(Y[:5], 1.0),
    "polynomial": ir.features.Polynomial(Y[:5]),
    "monomials": ir.features.Monomials(2),
    "family": ir.features.FamilyStatistics(GAUSSIAN),
}
KERNELS = {
    "gradient": ir.rkhs.GradientGaussian(1.0),
    "scalar": ir.rkhs.ScalarGaussian(1.0),
    "coordinatewise": ir.rkhs.ScalarGaussian(1.0, coordinatewise=True),
    "network": ir.rkhs.NeuralTangent([(np.ones((2, 2)), np.zeros(2))], mode="diagonal"),
}
FLOWS = {
    "king": ir.flows.KiNG(ir.features.RandomCenters(6)),
    "ntking": ir.flows.published_ntking(6),
    "fixed": ir.flows.KiNG(FEATURES["family"], KERNELS["gradient"]),
    "wgf": ir.flows.WGF(),
    "mmd": ir.flows.MMDFlow(),
    "energy": ir.flows.EnergyFlow(),
    "svgd": ir.flows.SVGD(score=lambda x: -x),
}


@pytest.fixture
def looks(monkeypatch):
    """Count how often each array is searched for numbers that are not finite, by its contents."""
    seen, genuine = Counter(), np.isfinite

    def isfinite(x, *arguments, **options):
        if np.ndim(x) > 0:  # NumPy itself looks at the bounds that it draws between
            seen[np.asarray(x).tobytes()] += 1
        return genuine(x, *arguments, **options)

    for namespace in (np, compat):
        monkeypatch.setattr(namespace, "isfinite", isfinite)
    return seen


def test_the_counter_counts(looks):
    for _ in range(2):
        ir.metrics.energy_distance(X, Y)
    assert looks[X.tobytes()] == looks[Y.tobytes()] == 2


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("features", FEATURES.values(), ids=FEATURES)
def test_a_velocity_looks_once_at_each_argument(looks, features, kernel):
    options = {"features": features, "kernel": kernel, "weights": WEIGHTS}
    ir.flows.king_velocity(X, Y, **options)
    assert looks[X.tobytes()] == looks[Y.tobytes()] == looks[WEIGHTS.tobytes()] == 1
    # The systems of the coordinates share their right-hand side, and each solver looks at it.
    assert max(looks.values()) == (X.shape[1] if kernel.coordinatewise else 1)


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
@pytest.mark.parametrize("integrator", ["euler", "heun"])
def test_a_run_looks_once_at_each_position_and_velocity(looks, flow, integrator):
    options = {"steps": 3, "integrator": integrator, "step_size": 0.1, "weights": WEIGHTS}
    result = ir.run_flow(flow, X, Y, rng=np.random.default_rng(0), progress=False, **options)
    assert [looks[frame.tobytes()] for frame in result.trajectory] == [1, 1, 1, 1]
    assert looks[Y.tobytes()] == looks[WEIGHTS.tobytes()] == 1
    assert max(looks.values()) == 1
    stages = {"euler": 1, "heun": 2}[integrator]
    assert len(looks) >= 4 + 3 * stages + 2  # the velocity of each stage is looked at, too
