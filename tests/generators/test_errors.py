"""Wrong arguments of generators, and their messages."""

import numpy as np
import pytest

from ingd_ref.errors import BackendError, DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.generators import (
    Affine,
    GaussianMixtureQuantile,
    LocationScale,
    MultilayerPerceptron,
    TriangularPolynomial,
)

GENERATOR = Affine(2)
W, Z = GENERATOR.initial(), np.zeros((3, 2))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((W[:-1], Z), ShapeError, r"parameters must have shape \(6,\), got \(5,\)"),
        ((W[None], Z), ShapeError, r"parameters must have shape \(6,\)"),
        ((W, Z[:, :1]), ShapeError, r"latents must have shape \(n, 2\)"),
        ((W, Z[0]), ShapeError, "latents must have shape"),
        ((W, Z[:0]), ShapeError, "at least one point"),
        ((W * np.nan, Z), NonFiniteError, "parameters"),
        ((W, Z + np.inf), NonFiniteError, "latents"),
        ((set(W), Z), BackendError, "parameters must be an array"),
        ((W > 0, Z), BackendError, "real numbers"),
    ],
)
def test_arguments_that_do_not_fit(arguments, error, message):
    with pytest.raises(error, match=message):
        GENERATOR(*arguments)


@pytest.mark.parametrize(
    ("method", "vector", "error", "message"),
    [
        ("jvp", np.zeros(5), ShapeError, r"tangent must have shape \(6,\) or \(s, 6\), got \(5,\)"),
        ("jvp", np.zeros((1, 1, 6)), ShapeError, "tangent"),
        ("jvp", np.zeros((0, 6)), ShapeError, "tangent"),
        ("jvp", np.full(6, np.nan), NonFiniteError, "tangent"),
        ("vjp", np.zeros((2, 2)), ShapeError, r"cotangent must have shape \(3, 2\) or \(s, 3, 2\)"),
        ("vjp", np.full((3, 2), np.inf), NonFiniteError, "cotangent"),
        ("vjp", {0.0}, BackendError, "cotangent"),
        ("gram", np.zeros((3, 2)), ShapeError, r"cotangents must have shape \(s, 3, 2\)"),
        ("gram", np.zeros((1, 2, 2)), ShapeError, "cotangents"),
    ],
)
def test_tangents_and_cotangents_that_do_not_fit(method, vector, error, message):
    with pytest.raises(error, match=message):
        getattr(GENERATOR, method)(W, Z, vector)


def test_arrays_of_two_libraries():
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is a test dependency")
    with pytest.raises(BackendError, match="different array libraries"):
        GENERATOR(strict.asarray(W), Z)
    with pytest.raises(BackendError, match="different array libraries"):
        GENERATOR.vjp(W, Z, strict.zeros((3, 2)))
    with pytest.raises(BackendError, match="different devices"):
        GENERATOR(strict.asarray(W), strict.asarray(Z, device=strict.Device("device1")))


def test_the_parameters_decide_the_floating_type():
    single = W.astype(np.float32)
    assert GENERATOR(single, Z).dtype == np.float32
    assert GENERATOR(W, Z.astype(np.float32)).dtype == np.float64
    assert GENERATOR.vjp(single, Z, np.zeros((3, 2))).dtype == np.float32
    assert GENERATOR(W, np.zeros((3, 2), dtype=int)).dtype == np.float64


def test_architectures_that_do_not_exist():
    for make in (LocationScale, Affine, TriangularPolynomial, GaussianMixtureQuantile):
        for bad in (0, -1, 1.5, True):
            with pytest.raises(DomainError, match="integer"):
                make(bad)
    with pytest.raises(OptionError, match="kind"):
        Affine(2, "banded")
    with pytest.raises(DomainError, match="slope_degree"):
        TriangularPolynomial(2, 1, -1)
    with pytest.raises(DomainError, match="degree"):
        TriangularPolynomial(2, 0.5)
    with pytest.raises(ShapeError, match="at least two widths"):
        MultilayerPerceptron((2,))
    with pytest.raises(ShapeError, match="residual"):
        MultilayerPerceptron((2, 3), residual=True)
    with pytest.raises(OptionError, match="activation"):
        MultilayerPerceptron((2, 3), "sine")
    with pytest.raises(DomainError, match="sizes"):
        MultilayerPerceptron((2, 0, 2))


def test_parts_that_do_not_fit():
    with pytest.raises(OptionError, match="location, matrix; got location"):
        GENERATOR.pack(location=0.0)
    with pytest.raises(OptionError, match="got location, scale"):
        GENERATOR.pack(location=0.0, scale=1.0)
    with pytest.raises(ShapeError, match=r"matrix must have shape \(2, 2\), got \(3,\)"):
        GENERATOR.pack(location=0.0, matrix=np.zeros(3))
    with pytest.raises(ShapeError, match="location"):
        GENERATOR.pack(location=np.zeros((1, 2)), matrix=0.0)
    with pytest.raises(NonFiniteError, match="matrix"):
        GENERATOR.pack(location=0.0, matrix=np.nan)
    assert np.array_equal(
        GENERATOR.pack(location=1.0, matrix=np.array([2.0, 3.0])), [1.0, 1.0, 2.0, 3.0, 2.0, 3.0]
    )
    assert GENERATOR.pack(location=np.zeros(2, dtype=np.float32), matrix=1.0).dtype == np.float32


def test_random_starts_take_a_generator_or_a_seed():
    perceptron = MultilayerPerceptron((2, 3))
    start = perceptron.initial(np.random.default_rng(5))
    assert np.array_equal(perceptron.initial(5), start)
    assert not np.array_equal(perceptron.initial(), start)
    with pytest.raises(OptionError, match="rng"):
        perceptron.initial(np.random)
    with pytest.raises(DomainError, match="number"):
        GENERATOR.latents(0, np.random.default_rng(0))


def test_an_overflowing_sample_is_reported():
    generator = LocationScale(1, logarithmic=True)
    with pytest.raises(NonFiniteError, match="the sample"), np.errstate(over="ignore"):
        generator(generator.pack(location=0.0, log_scale=1000.0), np.ones((2, 1)))
