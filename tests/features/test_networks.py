"""Networks as features: values, Jacobians, energies and denoising score matching (F1)."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import ingd_ref as ir
from ingd_ref.backend import to_host
from ingd_ref.errors import DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.features import EnergyNetwork, NetworkFeatures, denoising_loss, train_energy_network
from ingd_ref.kernels._activations import ACTIVATIONS, CURVATURES
from validation.oracles import networks as oracle

EPS = np.finfo(float).eps
NAMES = ("tanh", "silu", "relu")


def drawn(seed, sizes, dtype=float):
    rng = np.random.default_rng(seed)
    layers = [
        (
            (rng.normal(size=(o, i)) / np.sqrt(i)).astype(dtype),
            (0.3 * rng.normal(size=o)).astype(dtype),
        )
        for i, o in pairwise(sizes)
    ]
    return layers, rng.normal(size=sizes[-1]).astype(dtype), rng


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivatives_of_activations(name):
    a = np.concatenate([np.linspace(-6, 6, 41) + 0.01, [-40.0, 40.0, 700.0, -700.0]])
    h = 1e-4
    slopes = [ACTIVATIONS[name](np, a + shift * h)[1] for shift in (-2, -1, 1, 2)]
    expected = (slopes[0] - 8 * slopes[1] + 8 * slopes[2] - slopes[3]) / (12 * h)
    # Truncation h⁴ times a fifth derivative below 30; rounding over h, of slopes that a·(1 − s) of
    # SiLU makes as large as |a|.
    assert np.all(
        np.abs(CURVATURES[name](np, a) - expected) <= 30 * h**4 + 10 * EPS * (1 + np.abs(a)) / h
    )


@settings(max_examples=30)
@given(
    st.sampled_from(NAMES),
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    st.integers(1, 4),
    st.integers(0, 2**16),
)
@example("tanh", [1, 1], 1, 0)
def test_values_jacobians_and_scores(name, sizes, number, seed):
    layers, head, rng = drawn(seed, sizes)
    x = rng.normal(size=(number, sizes[0]))
    network = EnergyNetwork(layers, head, name)
    values, jacobian = network.features.values_and_jacobian(x)
    assert np.array_equal(values, network.features(x))
    for unit in range(sizes[-1]):
        expected = [
            oracle.energy_gradient(layers, np.eye(sizes[-1])[unit], name, point).real for point in x
        ]
        assert np.allclose(
            jacobian[:, :, unit],
            expected,
            rtol=0,
            atol=50 * EPS * np.max(np.abs(expected), initial=1),
        )
    assert np.allclose(
        network.score(x), jacobian @ head, rtol=0, atol=50 * EPS * max(1, np.max(np.abs(head)))
    )
    assert np.allclose(
        network.energy(x),
        values @ head,
        rtol=0,
        atol=50 * EPS * (1 + np.max(np.abs(values)) * np.sum(np.abs(head))),
    )


@settings(max_examples=20)
@given(
    st.sampled_from(NAMES),
    st.lists(st.integers(1, 4), min_size=2, max_size=4),
    st.integers(1, 4),
    st.integers(0, 2**16),
)
@example("silu", [1, 1], 1, 3)
@example("relu", [3, 4, 4, 2], 2, 5)
def test_gradient_of_the_loss_is_that_of_the_complex_step(name, sizes, number, seed):
    layers, head, rng = drawn(seed, sizes)
    x, disturbance = rng.normal(size=(number, sizes[0])), 0.4 * rng.normal(size=(number, sizes[0]))
    loss, gradient = denoising_loss(EnergyNetwork(layers, head, name), x, disturbance, 0.4)
    assert loss == pytest.approx(
        oracle.denoising_loss(layers, head, name, x, disturbance, 0.4).real, rel=50 * EPS
    )
    expected = oracle.denoising_gradient(layers, head, name, x, disturbance, 0.4)
    found = [part for layer in gradient.layers for part in layer] + [gradient.head]
    # Terms of the sums may cancel: rounding is in units of the loss's own terms, residuals of size
    # 1/s = 2.5 or more times slopes.
    scale = max(1.0, loss, *(float(np.max(np.abs(part))) for part in expected))
    for ours, theirs in zip(found, expected, strict=True):
        assert np.max(np.abs(ours - theirs)) <= 200 * EPS * scale


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(0)
    sample = np.array([1.0, -2.0]) + 0.8 * rng.normal(size=(4000, 2))
    return train_energy_network(sample, 0.5, rng, widths=(32, 16), steps=1500, learning_rate=3e-3)


def test_training_finds_the_score_of_a_gaussian(trained):
    # Of N(m, S²I) disturbed by N(0, s²I) the score is −(x − m)/(S² + s²), and the least possible
    # loss is d (1/s² − 1/(S² + s²)).
    least = 2 * (1 / 0.25 - 1 / (0.64 + 0.25))
    # Each loss is a mean over 128 points of squares with a relative spread of one: 200 of them have
    # a standard error below 1 %.
    assert np.mean(trained.losses[-200:]) == pytest.approx(least, rel=0.04)
    x = np.array([1.0, -2.0]) + 0.7 * np.random.default_rng(1).normal(size=(500, 2))
    exact = -(x - np.array([1.0, -2.0])) / 0.89
    error = np.sqrt(np.mean((trained.network.score(x) - exact) ** 2) / np.mean(exact**2))
    assert error < 0.12  # what 4000 points and 1500 steps teach; without training it is above one


def test_learned_statistics_carry_a_flow(trained):
    rng = np.random.default_rng(2)
    target, start = (
        np.array([1.0, -2.0]) + 0.8 * rng.normal(size=(200, 2)),
        rng.normal(size=(100, 2)),
    )
    result = ir.run_flow(
        ir.flows.KiNG(trained.network.features, ir.rkhs.GradientGaussian(1.5)),
        start,
        target,
        steps=20,
        rng=rng,
    )
    assert ir.metrics.energy_distance(result.particles, target) < 0.1 * ir.metrics.energy_distance(
        start, target
    )


def test_training_is_reproducible_and_goes_on(trained):
    sample = np.random.default_rng(3).normal(size=(50, 1))
    first, second = (
        train_energy_network(sample, 0.5, np.random.default_rng(4), widths=(6,), steps=20, batch=10)
        for _ in range(2)
    )
    assert np.array_equal(first.losses, second.losses)
    seen = []
    longer = train_energy_network(
        sample,
        0.5,
        np.random.default_rng(5),
        start=first.network,
        steps=5,
        batch=10,
        progress=lambda step, loss: seen.append((step, loss)),
    )
    assert longer.network.features.layers[0][0].shape == (6, 1)
    assert seen == list(enumerate(longer.losses))


def test_points_without_weight_are_never_drawn():
    sample = np.array([[0.0], [1e6]])
    losses = train_energy_network(
        sample, 0.5, np.random.default_rng(0), weights=np.array([1.0, 0.0]), widths=(4,), steps=30
    ).losses
    assert np.max(losses) < 1e3


def test_types_and_devices(on_device):
    layers, head, rng = drawn(0, (2, 3, 4))
    x, disturbance = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    network = EnergyNetwork(
        [(on_device(w), on_device(b)) for w, b in layers], on_device(head), "silu"
    )
    loss, gradient = denoising_loss(network, on_device(x), on_device(disturbance), 0.5)
    expected_loss, expected = denoising_loss(
        EnergyNetwork(layers, head, "silu"), x, disturbance, 0.5
    )
    eps = float(
        np.finfo(to_host(gradient.head).dtype).eps
    )  # as coarse as the device computes; inputs are rounded to it as well
    assert loss == pytest.approx(expected_loss, rel=100 * eps)
    scale = np.max(np.abs(expected.layers[0][0]))
    assert np.allclose(
        to_host(gradient.layers[0][0]), expected.layers[0][0], rtol=0, atol=200 * eps * scale
    )
    learned = train_energy_network(
        on_device(x), 0.5, np.random.default_rng(0), widths=(3,), steps=3, batch=4
    )
    assert learned.network.head.dtype == gradient.head.dtype


def test_single_precision_stays():
    layers, head, _ = drawn(0, (2, 3))
    network = EnergyNetwork(
        [(w.astype(np.float32), b.astype(np.float32)) for w, b in layers], head.astype(np.float32)
    )
    x = np.zeros((3, 2), dtype=np.float32)
    assert network.score(x).dtype == network.energy(x).dtype == np.float32
    assert denoising_loss(network, x, x, 0.5)[1].layers[0][1].dtype == np.float32
    assert (
        train_energy_network(
            x, 0.5, np.random.default_rng(0), widths=(2,), steps=2
        ).network.head.dtype
        == np.float32
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NetworkFeatures([]), ShapeError, "at least one"),
        (lambda: NetworkFeatures([(np.eye(2), np.zeros(3))]), ShapeError, r"layers\[0\] offset"),
        (
            lambda: NetworkFeatures([(np.eye(2), np.zeros(2)), (np.eye(3), np.zeros(3))]),
            ShapeError,
            r"layers\[1\] matrix",
        ),
        (lambda: NetworkFeatures([(np.eye(2), np.zeros(2))], "sine"), OptionError, "'sine'"),
        (
            lambda: NetworkFeatures([(np.eye(2) * np.nan, np.zeros(2))]),
            NonFiniteError,
            r"layers\[0\] matrix",
        ),
        (
            lambda: NetworkFeatures([(np.eye(2), np.zeros(2))])(np.zeros((1, 3))),
            ShapeError,
            "layers",
        ),
        (lambda: EnergyNetwork([(np.eye(2), np.zeros(2))], np.ones(3)), ShapeError, "head"),
        (
            lambda: denoising_loss(LINEAR, np.zeros((2, 1)), np.zeros((3, 1)), 1.0),
            ShapeError,
            "a row for each of the 2 points",
        ),
        (
            lambda: denoising_loss(LINEAR, np.zeros((2, 1)), np.zeros((2, 1)), 0.0),
            DomainError,
            "noise",
        ),
        (
            lambda: train_energy_network(
                np.zeros((2, 1)), 1.0, np.random.default_rng(0), widths=(0,)
            ),
            DomainError,
            "widths",
        ),
        (
            lambda: train_energy_network(np.zeros((2, 1)), 1.0, np.random.default_rng(0), steps=0),
            DomainError,
            "steps",
        ),
        (
            lambda: train_energy_network(
                np.zeros((2, 1)), 1.0, np.random.default_rng(0), widths=()
            ),
            ShapeError,
            "at least one",
        ),
    ],
)
def test_unusable_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


LINEAR = EnergyNetwork([(np.eye(1), np.zeros(1))], np.ones(1), "relu")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_is_named():
    with pytest.raises(NonFiniteError, match="training diverged in step 1; try a smaller"):
        train_energy_network(
            np.ones((3, 1)),
            1e-3,
            np.random.default_rng(0),
            widths=(2,),
            learning_rate=1e200,
            steps=50,
        )


def test_weights_in_single_precision_are_probabilities_all_the_same():
    """Three times float32(1/3) is 1 + 3e-8, too much for the probabilities of NumPy's draws."""
    rng = np.random.default_rng(16)
    x = rng.normal(size=(3, 1)).astype(np.float32)
    trained = train_energy_network(
        x, 0.5, rng, widths=(2,), steps=1, weights=np.full(3, 1.0 / 3.0, dtype=np.float32)
    )
    assert trained.network.head.dtype == np.float32


def test_training_refuses_old_generators():
    with pytest.raises(OptionError, match=r"rng must be None, a seed .* got RandomState"):
        train_energy_network(np.ones((3, 1)), 0.5, np.random.RandomState(0))
