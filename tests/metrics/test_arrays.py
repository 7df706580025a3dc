"""Metrics and baseline velocities on other libraries, devices and types: the same numbers."""

import array_api_strict as strict
import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.backend import to_host

RNG = np.random.default_rng(0)
X, Y, DIRECTIONS = (
    RNG.normal(size=(12, 2)),
    RNG.normal(0.5, 1.2, size=(9, 2)),
    RNG.normal(size=(4, 2)),
)
PI, RHO = RNG.dirichlet(np.ones(12)), RNG.dirichlet(np.ones(9))
DELTA, FISHER = RNG.normal(size=3), np.cov(RNG.normal(size=(3, 20)))

METRICS = {
    "median_bandwidth": lambda a: ir.metrics.median_bandwidth(a(X)),
    "mmd": lambda a: ir.metrics.mmd(a(X), a(Y), 0.8, a(PI), a(RHO)),
    "MMD": lambda a: ir.metrics.MMD(a(Y), a(RHO))(a(X), 0.8, a(PI)),
    "energy_distance": lambda a: ir.metrics.energy_distance(a(X), a(Y), a(PI), a(RHO)),
    "kliep": lambda a: (
        ir.metrics.kliep(
            a(X), a(Y), bandwidth=1.5, weights=a(PI), target_weights=a(RHO), tolerance=1e-3
        ).kl
    ),
    "moment_residual": lambda a: ir.metrics.moment_residual(a(DELTA), a(FISHER), 1e-2),
    "sliced_wasserstein": lambda a: ir.metrics.sliced_wasserstein(
        a(X), a(Y), a(DIRECTIONS), 2, None, a(PI), a(RHO)
    ),
    "sliced_wasserstein, drawn": lambda a: ir.metrics.sliced_wasserstein(
        a(X), a(Y), 5, rng=np.random.default_rng(0)
    ),
}
ARRAYS = {
    "gaussian_kde_score": lambda a: ir.flows.gaussian_kde_score(a(X), a(Y), 0.8, a(RHO)),
    "wgf": lambda a: ir.flows.wgf_velocity(a(X), a(Y), 0.8, a(PI), a(RHO)),
    "energy": lambda a: ir.flows.energy_velocity(a(X), a(Y), a(PI), a(RHO)),
    "mmd velocity": lambda a: ir.flows.mmd_velocity(a(X), a(Y), 0.8, a(PI), a(RHO)),
    "svgd": lambda a: ir.flows.svgd_velocity(a(X), lambda x: -x, 0.8, a(PI)),
    "density ratio": lambda a: ir.metrics.kliep(a(X), a(Y), bandwidth=1.5, tolerance=1e-3).ratio(
        a(X)
    ),
}
every_metric = pytest.mark.parametrize("evaluate", METRICS.values(), ids=METRICS)
every_array = pytest.mark.parametrize("evaluate", ARRAYS.values(), ids=ARRAYS)


def in_double(host):
    return np.asarray(host, dtype=float)


def in_single(host):
    return np.asarray(host, dtype=np.float32)


def tolerances(dtype):
    """A few roundings of numbers of order one; libraries differ in the order of their sums."""
    return {"rtol": 200 * float(np.finfo(dtype).eps), "atol": 200 * float(np.finfo(dtype).eps)}


SAME = tolerances(float)


@every_metric
def test_a_metric_is_the_same_number_on_a_device(evaluate, on_device):
    dtype = to_host(on_device(X)).dtype
    np.testing.assert_allclose(evaluate(on_device), evaluate(in_double), **tolerances(dtype))


@every_array
def test_an_array_stays_on_its_device(evaluate, on_device):
    result, given = evaluate(on_device), on_device(X)
    assert result.device == given.device
    assert result.dtype == given.dtype
    np.testing.assert_allclose(
        to_host(result), evaluate(in_double), **tolerances(to_host(given).dtype)
    )


@every_metric
def test_a_metric_is_the_same_number_in_torch(evaluate):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    np.testing.assert_allclose(evaluate(torch.asarray), evaluate(in_double), **SAME)


@every_array
def test_an_array_is_the_same_in_torch(evaluate):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    result = evaluate(torch.asarray)
    assert result.dtype == torch.float64
    np.testing.assert_allclose(to_host(result), evaluate(in_double), **SAME)


@every_metric
def test_a_metric_in_single_precision_has_its_accuracy(evaluate):
    # None of the metrics drawn here is small enough to lose digits.
    np.testing.assert_allclose(evaluate(in_single), evaluate(in_double), **tolerances(np.float32))


@every_array
def test_an_array_in_single_precision_stays_so(evaluate):
    result = evaluate(in_single)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, evaluate(in_double), **tolerances(np.float32))


@every_metric
def test_integers_are_points_too(evaluate):
    # Coordinates only: weights and moments are not integers.
    def rounded(dtype):
        return lambda host: (
            np.round(10 * host).astype(dtype) if host.shape in {X.shape, Y.shape} else host
        )

    np.testing.assert_allclose(evaluate(rounded(np.int64)), evaluate(rounded(float)), **SAME)


@pytest.mark.parametrize("evaluate", [*METRICS.values(), *ARRAYS.values()], ids=[*METRICS, *ARRAYS])
def test_arguments_are_only_read_and_memory_layout_does_not_matter(evaluate):
    def read_only(host):
        view = np.repeat(np.asfortranarray(host), 2, axis=0)[::2]
        view.flags.writeable = False
        return view

    np.testing.assert_allclose(evaluate(read_only), evaluate(in_double), **SAME)


def test_libraries_do_not_mix():
    with pytest.raises(ir.errors.BackendError, match="x and y come from different array libraries"):
        ir.metrics.mmd(X, strict.asarray(Y), 1.0)
    with pytest.raises(ir.errors.BackendError, match="x and projections come from different"):
        ir.metrics.sliced_wasserstein(X, Y, strict.asarray(DIRECTIONS))
    with pytest.raises(ir.errors.BackendError, match="x and target"):
        ir.metrics.MMD(strict.asarray(Y))(X, 1.0)


@pytest.mark.parametrize(
    "metric",
    [
        lambda x, y: ir.metrics.mmd(x, y, 1.0),
        ir.metrics.energy_distance,
        ir.metrics.sliced_wasserstein,
        ir.metrics.kliep,
    ],
)
def test_bad_points_are_named(metric):
    with pytest.raises(ir.errors.ShapeError, match=r"pass x\[:, None\]"):
        metric(X[:, 0], Y)
    with pytest.raises(ir.errors.ShapeError, match=r"y must have shape \(n, 2\), got \(9, 1\)"):
        metric(X, Y[:, :1])
    with pytest.raises(ir.errors.ShapeError, match="x must hold at least one point"):
        metric(X[:0], Y)
    with pytest.raises(ir.errors.NonFiniteError, match=r"x holds 1 value.* index \(3, 1\)"):
        metric(np.where(np.arange(24).reshape(12, 2) == 7, np.inf, X), Y)
    with pytest.raises(ir.errors.BackendError, match="y must be an array"):
        metric(X, "points")


def test_a_bandwidth_must_be_a_positive_number():
    for bandwidth, error in (
        (0.0, ir.errors.DomainError),
        (np.nan, ir.errors.NonFiniteError),
        ("wide", ir.errors.DomainError),
    ):
        for evaluate in (
            ir.metrics.mmd,
            lambda x, y, b: ir.metrics.MMD(y)(x, b),
            ir.flows.wgf_velocity,
            ir.flows.mmd_velocity,
        ):
            with pytest.raises(error, match="bandwidth"):
                evaluate(X, Y, bandwidth)
