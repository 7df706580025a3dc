"""Values and Jacobian products of all generators against complex steps of the same formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingd_ref.backend import to_host
from ingd_ref.generators import (
    Affine,
    GaussianMixtureQuantile,
    LocationScale,
    MultilayerPerceptron,
    QuantileGenerator,
    TriangularPolynomial,
    UserGenerator,
)
from tests.generators.independent import ANALYTIC, jacobian, value

EPS = np.finfo(float).eps
QUANTILES = [QuantileGenerator(), GaussianMixtureQuantile(1), GaussianMixtureQuantile(3)]


def problem(generator, n=4, s=3, seed=0):
    """Parameters near the start, latent points, tangents and cotangents."""
    rng = np.random.default_rng(seed)
    w = generator.initial(rng) + 0.3 * rng.uniform(-1.0, 1.0, size=generator.size)
    return (
        w,
        generator.latents(n, rng),
        rng.normal(size=(s, generator.size)),
        rng.normal(size=(s, n, generator.dimension)),
    )


def relative(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("generator", ANALYTIC, ids=repr)
def test_values_and_products_are_those_of_the_formula(generator):
    w, z, u, c = problem(generator)
    exact = jacobian(generator, w, z)
    # a dozen operations in a row with sums over at most fifteen terms, of moderate size; the
    # complex step itself only rounds
    tolerance = 100 * EPS
    assert relative(generator(w, z), value(generator, w, z)) <= tolerance
    assert relative(generator.jacobian(w, z), exact) <= tolerance
    assert relative(generator.jvp(w, z, u), np.einsum("ndp,sp->snd", exact, u)) <= tolerance
    assert relative(generator.vjp(w, z, c), np.einsum("ndp,snd->sp", exact, c)) <= tolerance
    rows = np.einsum("ndp,snd->sp", exact, c)
    assert relative(generator.gram(w, z, c), rows @ rows.T) <= tolerance


@pytest.mark.parametrize("generator", [*ANALYTIC, *QUANTILES], ids=repr)
def test_products_are_adjoint_to_each_other_and_to_the_jacobian(generator):
    w, z, u, c = problem(generator, n=5)
    matrix = generator.jacobian(w, z)
    pushed, pulled = generator.jvp(w, z, u), generator.vjp(w, z, c)
    # ⟨c, Ju⟩ and ⟨Jᵀc, u⟩ are sums of the same products in another order, each bounded by the sum
    # of their magnitudes
    magnitude = np.einsum("snd,ndp,sp->s", np.abs(c), np.abs(matrix), np.abs(u)).max()
    inner = np.einsum("snd,snd->s", c, pushed) - np.einsum("sp,sp->s", pulled, u)
    assert np.abs(inner).max() <= 50 * EPS * magnitude
    assert relative(pushed, np.einsum("ndp,sp->snd", matrix, u)) <= 100 * EPS
    assert relative(pulled, np.einsum("ndp,snd->sp", matrix, c)) <= 100 * EPS


@pytest.mark.parametrize("generator", [*ANALYTIC, *QUANTILES], ids=repr)
def test_forward_pass_is_shared_and_single_products_are_rows_of_batches(generator):
    w, z, u, c = problem(generator)
    x, push = generator.value_and_jvp(w, z)
    y, pull = generator.value_and_vjp(w, z)
    # matrix products of another shape may sum in another order
    tolerance = 50 * EPS
    for sample in (x, y):
        assert relative(sample, generator(w, z)) <= tolerance
    assert relative(push(u[1]), generator.jvp(w, z, u)[1]) <= tolerance
    assert relative(pull(c[1]), generator.vjp(w, z, c)[1]) <= tolerance
    assert push(u[1]).shape == x.shape
    assert pull(c[1]).shape == w.shape


@pytest.mark.parametrize("generator", [*ANALYTIC, *QUANTILES], ids=repr)
def test_single_precision_stays_and_is_close(generator):
    w, z, u, c = problem(generator)
    single = [part.astype(np.float32) for part in (w, z, u, c)]
    doubled = [part.astype(float) for part in single]
    eps = float(np.finfo(np.float32).eps)
    # relative to the largest entry: a dozen roundings; the quantiles are solved to some eps of log
    # F, which is up to 17, times x
    tolerance = (1000 if generator in QUANTILES else 50) * eps
    for method, arguments in (
        ("__call__", ()),
        ("jvp", (2,)),
        ("vjp", (3,)),
        ("jacobian", ()),
        ("gram", (3,)),
    ):
        found = getattr(generator, method)(*single[:2], *(single[k] for k in arguments))
        assert found.dtype == np.float32
        assert (
            relative(
                found, getattr(generator, method)(*doubled[:2], *(doubled[k] for k in arguments))
            )
            <= tolerance
        )


@pytest.mark.parametrize("generator", [*ANALYTIC, *QUANTILES], ids=repr)
def test_generators_run_on_every_device_without_silent_transfers(generator, on_device):
    w, z, u, c = problem(generator)
    moved = [on_device(part) for part in (w, z, u, c)]
    eps = np.finfo(to_host(moved[0]).dtype).eps
    found = {
        "value": generator(*moved[:2]),
        "jvp": generator.jvp(*moved[:3]),
        "vjp": generator.vjp(*moved[:2], moved[3]),
        "jacobian": generator.jacobian(*moved[:2]),
        "gram": generator.gram(*moved[:2], moved[3]),
        "initial": generator.initial(np.random.default_rng(1), like=moved[0]),
        "latents": generator.latents(4, np.random.default_rng(1), like=moved[0]),
    }
    expected = {
        "value": generator(w, z),
        "jvp": generator.jvp(w, z, u),
        "vjp": generator.vjp(w, z, c),
        "jacobian": generator.jacobian(w, z),
        "gram": generator.gram(w, z, c),
        "initial": generator.initial(np.random.default_rng(1)),
        "latents": generator.latents(4, np.random.default_rng(1)),
    }
    for name, array in found.items():
        assert array.device == moved[0].device
        assert array.dtype == moved[0].dtype
        # inputs and results are rounded to the type of the device: as in single precision above,
        # and once more for the inputs
        size = max(1.0, np.abs(expected[name]).max())
        assert np.abs(to_host(array).astype(float) - expected[name]).max() <= 2000 * eps * size, (
            name
        )


@pytest.mark.parametrize("generator", [*ANALYTIC, *QUANTILES], ids=repr)
def test_names_lead_to_parts_and_back(generator):
    w, z, _, _ = problem(generator)
    parts = generator.split(w)
    assert {name: part.shape for name, part in parts.items()} == generator.blocks
    assert np.array_equal(generator.pack(**parts), w)
    for part in parts.values():
        part[...] = 0.0
    before = w.copy(), z.copy()
    generator.vjp(w, z, np.ones((4, generator.dimension)))
    assert np.array_equal(w, before[0])
    assert np.array_equal(z, before[1])


SHAPES = st.tuples(
    st.integers(1, 6),
    st.integers(1, 4),
    st.lists(st.integers(1, 4), min_size=2, max_size=4),
    st.integers(0, 10**6),
)


@given(SHAPES, st.sampled_from(["tanh", "silu"]))
def test_perceptrons_of_any_shape(shape, activation):
    n, s, sizes, seed = shape
    generator = MultilayerPerceptron(tuple(sizes), activation, residual=sizes[0] == sizes[-1])
    w, z, u, c = problem(generator, n, s, seed)
    exact = jacobian(generator, w, z)
    assert relative(generator.jacobian(w, z), exact) <= 200 * EPS
    pushed, pulled = generator.jvp(w, z, u), generator.vjp(w, z, c)
    # relative to the sums of magnitudes, as a product of random vectors may cancel
    assert (
        np.abs(pushed - np.einsum("ndp,sp->snd", exact, u)).max()
        <= 200 * EPS * np.einsum("ndp,sp->snd", *map(np.abs, (exact, u))).max()
    )
    assert (
        np.abs(pulled - np.einsum("ndp,snd->sp", exact, c)).max()
        <= 200 * EPS * np.einsum("ndp,snd->sp", *map(np.abs, (exact, c))).max()
    )


@given(
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 10**6),
)
@settings(max_examples=25)
def test_polynomials_of_any_degree(n, dimension, degree, slope_degree, seed):
    generator = TriangularPolynomial(dimension, degree, slope_degree)
    w, z, _, _ = problem(generator, n, 1, seed)
    assert np.abs(generator(w, z) - value(generator, w, z)).max() <= 100 * EPS * max(
        1.0, np.abs(z).max()
    ) ** max(degree, 2 * slope_degree + 1)
    assert relative(generator.jacobian(w, z), jacobian(generator, w, z)) <= 100 * EPS


@given(st.integers(0, 10**6))
@settings(max_examples=25)
def test_polynomials_increase_in_their_own_coordinate(seed):
    generator = TriangularPolynomial(2, 2, 2)
    rng = np.random.default_rng(seed)
    w = rng.normal(size=generator.size)
    z = np.stack([np.full(50, rng.normal()), np.linspace(-2.0, 2.0, 50)], axis=1)
    assert np.all(np.diff(generator(w, z)[:, 1]) > 0)


def test_one_point_is_enough():
    for generator in [*ANALYTIC, *QUANTILES]:
        w, z, u, c = problem(generator, n=1, s=1)
        assert generator(w, z).shape == (1, generator.dimension)
        assert generator.jvp(w, z, u).shape == c.shape
        assert generator.vjp(w, z, c).shape == u.shape
        assert generator.gram(w, z, c).shape == (1, 1)


def test_gram_matrices_do_not_depend_on_how_much_is_held(monkeypatch):
    generator = MultilayerPerceptron((2, 8, 2))
    w, z, _, c = problem(generator, n=6, s=11)
    whole = generator.gram(w, z, c)
    for held, tile in (
        (1, 1),
        (2 * 8 * generator.size, 8 * generator.size),
        (5 * 8 * generator.size, 2 * 8 * generator.size),
    ):
        monkeypatch.setattr("ingd_ref.generators._base.HELD_BYTES", held)
        monkeypatch.setattr("ingd_ref.generators._base.TILE_BYTES", tile)
        # the same inner products of rows of 42 numbers, each row rounded alike
        assert relative(generator.gram(w, z, c), whole) <= 50 * EPS


def test_starts_are_the_identity_where_there_is_one():
    rng = np.random.default_rng(0)
    for generator in (
        LocationScale(2),
        LocationScale(2, logarithmic=True),
        Affine(2),
        Affine(2, "triangular"),
        TriangularPolynomial(2),
    ):
        z = generator.latents(5, rng)
        assert np.array_equal(generator(generator.initial(), z), z)
    residual = MultilayerPerceptron((2, 8, 2), residual=True)
    z = residual.latents(5, rng)
    assert np.array_equal(residual(residual.initial(rng), z), z)


@pytest.mark.parametrize("activation", ["tanh", "relu", "silu", "gelu"])
def test_perceptrons_start_with_outputs_of_unit_size(activation):
    generator = MultilayerPerceptron((8, 64, 64, 8), activation)
    squares = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        squares.append((generator(generator.initial(rng), generator.latents(50, rng)) ** 2).mean())
    # Deep layers are only roughly normal and of unit size; what must not happen is that outputs
    # vanish or explode.
    assert 0.7 < np.mean(squares) < 1.4


def test_a_function_without_products_gets_numerical_ones():
    reference = MultilayerPerceptron((2, 3, 2))
    generator = UserGenerator(lambda w, z: value(reference, w, z), reference.blocks, 2, 2)
    w, z, u, c = problem(reference)
    # Richardson's extrapolation is off by O(h⁴) + O(eps/h), h = eps^{1/3}: some eps^{2/3} = 4e-11
    assert relative(generator.jvp(w, z, u), reference.jvp(w, z, u)) <= 1e-9
    assert relative(generator.vjp(w, z, c), reference.vjp(w, z, c)) <= 1e-9
