"""The same numbers on every array library and device, in the dtype of the arguments."""

import numpy as np
import pytest

import ingd_ref as ir
from ingd_ref.backend._namespace import device, to_host
from ingd_ref.errors import BackendError
from ingd_ref.variational import (
    BayesianLinearRegression,
    Exact,
    FullGaussian,
    LogisticRegression,
    LowRankGaussian,
    MeanFieldGaussian,
    PoissonRegression,
    Quadrature,
    Sampling,
    Vadam,
    conjugate_step,
    mean_gradient,
    natural_step,
    plain_gradient_step,
    regression_gradient,
    run_nvi,
    run_vadam,
    scalar_nodes,
)

RNG = np.random.default_rng(51)
DESIGN, RESPONSE = RNG.normal(size=(7, 3)), np.array([0.0, 1, 1, 0, 1, 0, 1])
MEAN, DIAGONAL, FACTOR = (
    RNG.normal(size=(2, 3)),
    RNG.uniform(1.0, 2.0, size=(2, 3)),
    RNG.normal(size=(2, 3, 2)),
)
PRECISION = np.einsum("bar,bcr->bac", FACTOR, FACTOR) + DIAGONAL[..., None] * np.eye(3)


def forms(move):
    return [
        FullGaussian.from_precision(move(MEAN), move(PRECISION)),
        FullGaussian.from_covariance(move(MEAN), move(PRECISION)),
        MeanFieldGaussian(move(MEAN), move(DIAGONAL)),
        LowRankGaussian(move(MEAN), move(DIAGONAL), move(FACTOR)),
    ]


def operations(move):
    """Every public operation of a step, by name."""
    models = [
        (BayesianLinearRegression(move(DESIGN), move(RESPONSE), noise_precision=2.0), Exact()),
        (
            LogisticRegression(
                move(DESIGN), move(RESPONSE), prior_precision=move(np.array([1.0, 2.0, 3.0]))
            ),
            Quadrature(32),
        ),
        (PoissonRegression(move(0.3 * DESIGN), move(RESPONSE), exposure=0.5), Exact()),
        (LogisticRegression(move(DESIGN), move(RESPONSE)), Sampling(4)),
        (
            LogisticRegression(move(DESIGN), move(RESPONSE)),
            Sampling(8, antithetic=False, curvature="gradient"),
        ),
    ]
    results = {}
    for place, q in enumerate(forms(move)):
        results |= {
            f"{place} {name}": getattr(q, name)
            for name in ("precision", "covariance", "variance", "entropy", "condition")
        }
        for index, (model, expectation) in enumerate(models):
            expected = expectation(model, q, np.random.default_rng(1))
            for step in ("positive", "standard")[: 1 if isinstance(expectation, Sampling) else 2]:
                moved = natural_step(q, expected, 0.6, step)
                results[f"{place} {index} {step} mean"] = moved.mean
                results[f"{place} {index} {step} precision"] = moved.precision
            results[f"{place} {index} value"] = expected.value
            results[f"{place} {index} length"] = q.squared_gradient(expected)
            if not isinstance(q, LowRankGaussian):
                results[f"{place} {index} mean gradient"] = mean_gradient(q, expected)
            if isinstance(q, FullGaussian) and not isinstance(expectation, Sampling):
                for chart in ("cholesky", "covariance"):
                    results[f"{place} {index} {chart}"] = plain_gradient_step(
                        q, expected, 1e-3, chart
                    ).precision
    family = ir.families.Gamma()
    theta = move(np.array([2.0, -1.5]))
    x, weights = scalar_nodes(family, theta, 41)
    gradient = regression_gradient(family, theta, -(x[:, 0] ** 2), x, weights)
    step = conjugate_step(family, theta, theta, gradient, 0.5, damping=True)
    rule = Vadam(data_size=7, prior_precision=1.0, learning_rate=0.1)
    run = run_vadam(
        models[1][0],
        rule,
        rule.start(move(MEAN[0])),
        steps=3,
        batch_size=4,
        rng=np.random.default_rng(2),
    )
    return results | {
        "nodes": x,
        "weights": weights,
        "regression": gradient,
        "conjugate": step.theta,
        "step size": step.step_size,
        "vadam": run.state.mean,
        "vadam scale": run.state.scale,
        "run": run_nvi(models[1][0], forms(move)[0], steps=3, progress=False).mean,
    }


def test_strict_devices(on_device):
    found, expected = operations(on_device), operations(lambda x: x)
    sample = on_device(MEAN)
    # Some thirty operations with matrices of condition below 100, of numbers up to a few dozen.
    unit = 2e-5 if "32" in str(sample.dtype) else 1e-11
    for name, value in found.items():
        assert device(value) == device(sample), name
        assert value.dtype == sample.dtype, name
        scale = max(1.0, np.max(np.abs(expected[name])))
        np.testing.assert_allclose(
            to_host(value), expected[name], rtol=0, atol=unit * scale, err_msg=name
        )


def test_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not among the dependencies")
    found, expected = operations(lambda x: torch.asarray(x.copy())), operations(lambda x: x)
    for name, value in found.items():
        assert isinstance(value, torch.Tensor), name
        scale = max(1.0, np.max(np.abs(expected[name])))
        np.testing.assert_allclose(
            to_host(value), expected[name], rtol=0, atol=1e-11 * scale, err_msg=name
        )


def test_float32_stays_float32():
    for name, value in operations(lambda x: x.astype(np.float32)).items():
        assert value.dtype == np.float32, name


def test_libraries_do_not_mix():
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is a test dependency")
    with pytest.raises(BackendError, match="different array libraries"):
        FullGaussian.from_precision(strict.asarray(MEAN), PRECISION)
    model = LogisticRegression(strict.asarray(DESIGN), strict.asarray(RESPONSE))
    with pytest.raises(BackendError, match="different array libraries"):
        run_nvi(model, MeanFieldGaussian(MEAN, DIAGONAL), progress=False)


def test_inputs_are_left_alone():
    read_only = [MEAN, PRECISION, DIAGONAL, FACTOR, DESIGN, RESPONSE]
    before = [x.copy() for x in read_only]
    for x in read_only:
        x.flags.writeable = False
    try:
        results = operations(lambda x: x)
    finally:
        for x in read_only:
            x.flags.writeable = True
    for x, copy in zip(read_only, before, strict=True):
        np.testing.assert_array_equal(x, copy)
    assert not any(np.shares_memory(value, x) for value in results.values() for x in read_only)
