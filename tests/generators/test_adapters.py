"""Generators from functions, PyTorch modules and JAX functions."""

import numpy as np
import pytest

from ingd_ref.errors import BackendError, DomainError, NonFiniteError, OptionError, ShapeError
from ingd_ref.generators import MultilayerPerceptron, UserGenerator, from_jax, from_torch

EPS = np.finfo(float).eps
BLOCKS = {"location": (), "log_scale": ()}


def moved(w, z):
    return w[0] + np.exp(w[1]) * z


def moved_jvp(w, z, u):
    return u[0] + u[1] * np.exp(w[1]) * z


def moved_vjp(w, z, c):
    return np.stack([c.sum(), (c * np.exp(w[1]) * z).sum()])


W, Z = np.array([0.3, -0.2]), np.array([[0.5], [-1.0], [2.0]])
U, C = (
    np.array([[1.0, 0.5], [-0.3, 2.0]]),
    np.array([[[1.0], [2.0], [0.5]], [[0.1], [0.0], [-3.0]]]),
)
PUSHED = np.stack([moved_jvp(W, Z, u) for u in U])
PULLED = np.stack([moved_vjp(W, Z, c) for c in C])

# PyTorch's forward differentiation warns about its own use of a deprecated part of PyTorch, when it
# is first used.
torch_warns_about_itself = pytest.mark.filterwarnings(
    "ignore:`torch.jit.script` is deprecated:DeprecationWarning"
)


@pytest.mark.parametrize("supplied", [("jvp", "vjp"), ("jvp",), ("vjp",)], ids="+".join)
def test_a_missing_product_is_made_of_the_other(supplied):
    products = {"jvp": moved_jvp, "vjp": moved_vjp}
    generator = UserGenerator(moved, BLOCKS, 1, 1, **{name: products[name] for name in supplied})
    # sums of three products in another order
    assert np.abs(generator.jvp(W, Z, U) - PUSHED).max() <= 20 * EPS
    assert np.abs(generator.vjp(W, Z, C) - PULLED).max() <= 20 * EPS
    assert (
        np.abs(generator.gram(W, Z, C) - PULLED @ PULLED.T).max()
        <= 20 * EPS * (PULLED @ PULLED.T).max()
    )
    assert generator.product_error(W, Z) <= 1e-9


def test_numerical_products_when_there_is_none():
    generator = UserGenerator(moved, BLOCKS, 1, 1)
    # Richardson's extrapolation: O(h⁴) + O(eps/h) with h = eps^{1/3}, some eps^{2/3} = 4e-11
    assert np.abs(generator.jvp(W, Z, U) - PUSHED).max() <= 1e-9
    assert np.abs(generator.vjp(W, Z, C) - PULLED).max() <= 1e-9
    assert np.array_equal(generator.jvp(W, Z, np.zeros(2)), np.zeros((3, 1)))
    with pytest.raises(OptionError, match="no supplied product"):
        generator.product_error(W, Z)


@pytest.mark.parametrize("wrong", ["jvp", "vjp"])
def test_wrong_products_stand_out(wrong):
    products = {"jvp": moved_jvp, "vjp": moved_vjp}
    right = products[wrong]
    products[wrong] = lambda w, z, v: 1.001 * right(w, z, v)
    # One part in a thousand, of which the numerical Jacobian is not in doubt
    assert 5e-4 < UserGenerator(moved, BLOCKS, 1, 1, **products).product_error(W, Z) < 2e-3


def test_a_kink_has_no_numerical_derivative():
    generator = UserGenerator(lambda w, z: np.abs(w[0]) * z, {"slope": ()}, 1, 1)
    assert np.abs(generator.jvp(np.array([2.0]), Z, np.array([1.0])) - Z).max() <= 1e-9
    with pytest.raises(DomainError, match="no reliable numerical derivatives"):
        generator.jvp(np.array([4e-6]), Z, np.array([1.0]))


def test_products_of_the_wrong_shape():
    generator = UserGenerator(moved, BLOCKS, 1, 1, jvp=lambda w, z, u: u, vjp=lambda w, z, c: c)
    with pytest.raises(ShapeError, match=r"jvp returned has shape \(2,\), expected \(3, 1\)"):
        generator.jvp(W, Z, U)
    with pytest.raises(ShapeError, match=r"vjp returned has shape \(3, 1\), expected \(2,\)"):
        generator.vjp(W, Z, C)
    with pytest.raises(ShapeError, match=r"generator returned shape \(3,\), expected \(3, 1\)"):
        UserGenerator(lambda w, z: z[:, 0], BLOCKS, 1, 1)(W, Z)


def test_a_jacobian_that_is_not_finite_names_its_parameters():
    def undefined(w, z, u):
        return np.full_like(z, u[0]) + (np.inf * z if u[1] != 0 else 0.0)

    def undefined_back(w, z, c):
        return np.array([c.sum(), np.nan])

    generator = UserGenerator(moved, BLOCKS, 1, 1, jvp=undefined, vjp=undefined_back)
    for call in (
        lambda: generator.jvp(W, Z, U),
        lambda: generator.vjp(W, Z, C),
        lambda: generator.gram(W, Z, C),
        lambda: generator.jacobian(W, Z),
    ):
        with pytest.raises(NonFiniteError, match="'log_scale'"):
            call()
    assert np.array_equal(generator.jvp(W, Z, np.array([1.0, 0.0])), np.ones((3, 1)))
    with pytest.raises(NonFiniteError, match="the sample"):
        UserGenerator(lambda w, z: np.nan * z, BLOCKS, 1, 1)(W, Z)


def test_results_share_no_memory_with_what_functions_return_or_take():
    kept = Z.copy()
    generator = UserGenerator(lambda w, z: kept, BLOCKS, 1, 1, jvp=lambda w, z, u: kept)
    x = generator(W, Z)
    x[...] = 0.0
    generator.jvp(W, Z, U)[...] = 0.0
    assert np.array_equal(kept, Z)


def test_starts_and_latent_points_of_a_user():
    plain = UserGenerator(moved, BLOCKS, 1, 1)
    assert np.array_equal(plain.initial(), np.zeros(2))
    assert plain.latents(3, np.random.default_rng(0)).shape == (3, 1)
    own = UserGenerator(
        moved, BLOCKS, 1, 1, initial=lambda rng: W, latents=lambda rng, n: rng.uniform(size=(n, 1))
    )
    assert np.array_equal(own.initial(), W)
    assert np.array_equal(
        own.latents(3, np.random.default_rng(0)), np.random.default_rng(0).uniform(size=(3, 1))
    )
    bad = UserGenerator(
        moved, BLOCKS, 1, 1, initial=lambda rng: Z, latents=lambda rng, n: np.zeros(n)
    )
    with pytest.raises(ShapeError, match="initial"):
        bad.initial()
    with pytest.raises(ShapeError, match="latents"):
        bad.latents(3, np.random.default_rng(0))
    with pytest.raises(OptionError, match="blocks"):
        UserGenerator(moved, {}, 1, 1)


# --------------------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is optional")


@pytest.fixture
def module(torch):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)
    ).double()


@torch_warns_about_itself
def test_a_torch_module_agrees_with_the_perceptron(torch, module):
    generator, reference = from_torch(module, 2), MultilayerPerceptron((2, 5, 3))
    assert generator.blocks == {
        "0.weight": (5, 2),
        "0.bias": (5,),
        "2.weight": (3, 5),
        "2.bias": (3,),
    }
    assert (generator.dimension, generator.size) == (3, reference.size)
    rng = np.random.default_rng(0)
    w, z = generator.initial(), generator.latents(4, rng)
    u, c = rng.normal(size=(2, generator.size)), rng.normal(size=(2, 4, 3))
    host = [part.numpy() for part in (w, z)]
    found = {
        "value": generator(w, z),
        "jvp": generator.jvp(w, z, torch.asarray(u)),
        "vjp": generator.vjp(w, z, torch.asarray(c)),
        "jacobian": generator.jacobian(w, z),
        "gram": generator.gram(w, z, torch.asarray(c)),
        "one": generator.vjp(w, z, torch.asarray(c[0])),
    }
    expected = {
        "value": reference(*host),
        "jvp": reference.jvp(*host, u),
        "vjp": reference.vjp(*host, c),
        "jacobian": reference.jacobian(*host),
        "gram": reference.gram(*host, c),
        "one": reference.vjp(*host, c[0]),
    }
    for name, array in found.items():
        assert torch.is_tensor(array), name
        assert not array.requires_grad, name
        # two programs, sums of at most fifteen terms
        assert (
            np.abs(array.numpy() - expected[name]).max() <= 100 * EPS * np.abs(expected[name]).max()
        ), name


def test_a_torch_module_is_left_alone(torch, module):
    before = {name: part.clone() for name, part in module.state_dict().items()}
    generator = from_torch(module, 2)
    w, z = 2.0 * generator.initial(), generator.latents(3, np.random.default_rng(0))
    generator.vjp(w.requires_grad_(), z, torch.ones((3, 3), dtype=w.dtype))
    assert all(torch.equal(part, before[name]) for name, part in module.state_dict().items())
    assert all(part.grad is None for part in module.parameters())


@torch_warns_about_itself
def test_a_torch_module_with_buffers_in_single_precision(torch):
    module = torch.nn.Sequential(
        torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1)
    ).eval()
    generator = from_torch(module, 2)
    w, z = generator.initial(), generator.latents(3, np.random.default_rng(0))
    assert w.dtype == torch.float32
    assert generator.jacobian(w, z).dtype == torch.float32
    doubled = generator(w.double(), z.double())
    assert doubled.dtype == torch.float64
    # the single-precision network: some twenty roundings
    assert torch.max(torch.abs(doubled - generator(w, z))) <= 50 * np.finfo(np.float32).eps


def test_a_torch_module_refuses_other_arrays(torch, module):
    generator = from_torch(module, 2)
    w = generator.initial(like=np.zeros(1))
    with pytest.raises(BackendError, match="takes tensors"):
        generator(w, np.zeros((3, 2)))
    with pytest.raises(OptionError, match="no parameters"):
        from_torch(torch.nn.Tanh(), 2)


# --------------------------------------------------------------------------------------------------


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax", reason="JAX is optional")
    jax.config.update("jax_enable_x64", True)
    return jax


def test_a_jax_function_agrees_with_the_perceptron(jax):
    reference, rng = MultilayerPerceptron((2, 5, 3)), np.random.default_rng(0)
    parts = {
        name: jax.numpy.asarray(part)
        for name, part in reference.split(reference.initial(rng)).items()
    }

    def function(w, z):
        hidden = jax.numpy.tanh(z @ w["matrix_1"].T + w["offset_1"])
        return hidden @ w["matrix_2"].T + w["offset_2"]

    generator = from_jax(function, parts, 2)
    assert sorted(generator.blocks) == sorted(f"[{name!r}]" for name in reference.blocks)
    assert (generator.dimension, generator.size) == (3, reference.size)
    w, z = generator.initial(), generator.latents(4, rng)
    u, c = rng.normal(size=(2, generator.size)), rng.normal(size=(2, 4, 3))

    def ordered(flat):
        """Parameters in the order of the reference, from that of the tree, which sorts its keys."""
        split = {
            name.strip("[]'"): np.asarray(part)
            for name, part in generator.split(jax.numpy.asarray(flat)).items()
        }
        return reference.pack(**split)

    host, latents = ordered(w), np.asarray(z)
    tolerance = 100 * EPS  # two programs, sums of at most fifteen terms
    pairs = [
        (generator(w, z), reference(host, latents)),
        (
            generator.jvp(w, z, jax.numpy.asarray(u)),
            reference.jvp(host, latents, np.stack([ordered(row) for row in u])),
        ),
        (generator.gram(w, z, jax.numpy.asarray(c)), reference.gram(host, latents, c)),
    ]
    for found, expected in pairs:
        assert isinstance(found, jax.Array)
        assert np.abs(np.asarray(found) - expected).max() <= tolerance * np.abs(expected).max()
    rows = generator.vjp(w, z, jax.numpy.asarray(c))
    expected = reference.vjp(host, latents, c)
    assert (
        np.abs(np.stack([ordered(row) for row in rows]) - expected).max()
        <= tolerance * np.abs(expected).max()
    )
    assert generator.jacobian(w, z).shape == (4, 3, generator.size)


def test_generators_of_the_package_take_jax_arrays(jax):
    generator, rng = MultilayerPerceptron((2, 5, 3)), np.random.default_rng(0)
    w, z, c = generator.initial(rng), generator.latents(4, rng), rng.normal(size=(2, 4, 3))
    found = generator.gram(*(jax.numpy.asarray(part) for part in (w, z, c)))
    expected = generator.gram(w, z, c)
    assert np.abs(np.asarray(found) - expected).max() <= 100 * EPS * np.abs(expected).max()


def test_a_jax_function_refuses_other_arrays(jax):
    generator = from_jax(lambda w, z: w * z, jax.numpy.ones(()), 1)
    assert generator.blocks == {"parameters": ()}
    with pytest.raises(BackendError, match="function for JAX"):
        generator(np.ones(1), np.zeros((3, 1)))
    with pytest.raises(OptionError, match="no parameters"):
        from_jax(lambda w, z: z, {}, 1)
