"""Laws of every metric in the index of metrics: a new one is tested from its first day.

A metric is a function of two samples, its first arguments x and y, that returns a float.
"""

import inspect

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.backend import to_host

METRICS = {
    name: getattr(ir.metrics, name)
    for name in ir.metrics.__all__
    if inspect.isfunction(getattr(ir.metrics, name))
    and list(inspect.signature(getattr(ir.metrics, name)).parameters)[:2] == ["x", "y"]
    and inspect.signature(getattr(ir.metrics, name)).return_annotation in ("float", float)
}
every_metric = pytest.mark.parametrize("name", METRICS)
# A metric is a root of differences of means of order one: they are known to some eps.
ROUNDING = {np.float64: 2e-7, np.float32: 5e-3}


def clouds(seed=0):
    """Return two samples and their weights."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 2)), rng.normal(0.5, 1.2, size=(9, 2))
    return x, y, rng.dirichlet(np.ones(12)), rng.dirichlet(np.ones(9))


def measure(name, x, y, pi=None, rho=None):
    """Call a metric, with values for what else it asks for."""
    known = {"bandwidth": 0.8, "rng": np.random.default_rng(1)}
    given = inspect.signature(METRICS[name]).parameters
    others = {key: value for key, value in known.items() if key in given}
    return METRICS[name](x, y, weights=pi, target_weights=rho, **others)


@every_metric
def test_a_metric_is_zero_between_equal_samples_and_positive_otherwise(name):
    x, y, pi, rho = clouds()
    assert 0 <= measure(name, x, x[::-1].copy(), pi, pi[::-1].copy()) <= ROUNDING[np.float64]
    assert measure(name, x, y, pi, rho) > 1e-2
    assert isinstance(measure(name, x, y, pi, rho), float)


@every_metric
def test_a_metric_is_symmetric(name):
    x, y, pi, rho = clouds()
    assert measure(name, x, y, pi, rho) == pytest.approx(measure(name, y, x, rho, pi), rel=1e-12)


@every_metric
def test_the_order_of_a_sample_does_not_matter(name):
    x, y, pi, rho = clouds()
    a, b = (np.random.default_rng(2).permutation(len(z)) for z in (x, y))
    moved = measure(name, x[a], y[b], pi[a], rho[b])
    assert moved == pytest.approx(measure(name, x, y, pi, rho), rel=1e-12)


@every_metric
def test_weights_are_multiplicities(name):
    x, y, _, _ = clouds()
    k, j = np.arange(1, 13), np.arange(1, 10)
    copies = measure(name, np.repeat(x, k, axis=0), np.repeat(y, j, axis=0))
    assert measure(name, x, y, k / k.sum(), j / j.sum()) == pytest.approx(copies, rel=1e-12)


@every_metric
def test_a_shift_of_both_samples_changes_nothing(name):
    x, y, pi, rho = clouds()
    moved = measure(name, x + 3.0, y + 3.0, pi, rho)
    assert moved == pytest.approx(measure(name, x, y, pi, rho), rel=1e-12)


@every_metric
def test_arguments_stay(name):
    arguments = clouds()
    before = [z.tobytes() for z in arguments]
    assert measure(name, *arguments) == measure(name, *arguments)
    assert [z.tobytes() for z in arguments] == before


@every_metric
def test_a_metric_is_the_same_number_on_a_device(name, on_device):
    moved = [on_device(z) for z in clouds()]
    dtype = to_host(moved[0]).dtype.type
    expected = measure(name, *clouds())
    assert measure(name, *moved) == pytest.approx(expected, rel=ROUNDING[dtype])


@every_metric
def test_bad_points_are_named(name):
    x, y, _, _ = clouds()
    with pytest.raises(ir.errors.ShapeError, match=r"pass x\[:, None\]"):
        measure(name, x[:, 0], y)
    with pytest.raises(ir.errors.ShapeError, match="y must have shape"):
        measure(name, x, y[:, :1])
    with pytest.raises(ir.errors.NonFiniteError, match="x holds"):
        measure(name, np.full_like(x, np.nan), y)
