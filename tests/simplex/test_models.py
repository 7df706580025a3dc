"""Models of (B2): probabilities and Jacobians against loops and differences, wrong arguments."""

import numpy as np
import pytest

from ingd_ref import errors, simplex
from tests.simplex.cases import MODELS, TWO_BY_TWO, exact_joint, factored
from validation.oracles.precise import differences, precise

EPS = np.finfo(float).eps
WITH_ORACLE = {name: model for name, model in MODELS.items() if exact_joint(model) is not None}


@pytest.mark.parametrize("model", WITH_ORACLE.values(), ids=WITH_ORACLE)
def test_probabilities_and_jacobian(model):
    xi = model.random_parameters(1, np.random.default_rng(3))[0]
    joint = exact_joint(model)
    # Products of at most four rounded factors, or a softmax of at most ten terms of order one.
    np.testing.assert_allclose(
        model.probabilities(xi), joint(precise(xi)).astype(float), rtol=40 * EPS, atol=4 * EPS
    )
    slopes = differences(joint, precise(xi)).T.astype(float)
    np.testing.assert_allclose(
        model.jacobian(xi), slopes, rtol=40 * EPS, atol=10 * EPS * np.abs(slopes).max()
    )


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_probabilities_sum_to_one_and_slopes_to_zero(model):
    xi = model.random_parameters(4, np.random.default_rng(4))
    p, jacobian = model.with_jacobian(xi)
    assert p.shape == (4, model.states)
    assert jacobian.shape == (4, model.states, model.parameters)
    assert np.all(p > 0)
    np.testing.assert_allclose(p.sum(axis=-1), 1.0, rtol=20 * EPS)
    np.testing.assert_allclose(
        jacobian.sum(axis=-2), 0.0, atol=20 * EPS * np.abs(jacobian).sum(axis=-2).max()
    )
    np.testing.assert_array_equal(p, model.probabilities(xi))


@pytest.mark.parametrize("shared", [False, True])
def test_complex_steps_are_as_good_as_a_derivative(shared):
    model = factored(shared)
    xi = np.random.default_rng(5).normal(size=(3, 4))
    found = model.jacobian(xi)
    step = (
        6e-6  # the cube root of eps: truncation step² / 6 and rounding eps/step are both near 3e-11
    )
    central = np.stack(
        [
            (model.function(xi + step * e) - model.function(xi - step * e)) / (2 * step)
            for e in np.eye(4)
        ],
        axis=-1,
    )
    np.testing.assert_allclose(found, central, atol=1e-10)
    supplied = simplex.UserModel(
        model.function, 4, model.marginalisation, derivative=lambda xi: central
    )
    np.testing.assert_array_equal(supplied.jacobian(xi), central)


def test_jacobian_of_a_table_entry_of_zero_is_right():
    """No division by the factor that is left out."""
    jacobian = simplex.naive_bayes().jacobian(np.array([0.5, 0.0, 1.0, 0.25, 0.5]))
    np.testing.assert_array_equal(jacobian[:, 1], [0.125, 0.375, -0.125, -0.375, 0, 0, 0, 0])


def test_tables_go_on_outside_the_unit_box():
    p = simplex.naive_bayes().probabilities(np.array([0.5, 1.5, 0.5, 0.5, 0.5]))
    np.testing.assert_array_equal(p, [0.375, 0.375, -0.125, -0.125, 0.125, 0.125, 0.125, 0.125])


def test_networks_of_many_values_have_minimal_tables():
    network = simplex.BayesianNetwork({"A": (), "B": ("A",)}, cardinalities={"A": 3, "B": 2})
    assert network.parameter_names == ("A=0", "A=1", "B=0|A=0", "B=0|A=1", "B=0|A=2")
    p = network.probabilities(np.array([0.5, 0.25, 0.5, 1.0, 0.0]))
    np.testing.assert_array_equal(p, [0.25, 0.25, 0.25, 0.0, 0.0, 0.25])


def test_order_of_declaration_is_no_order_of_the_graph():
    """A child may be declared before its parent."""
    network = simplex.BayesianNetwork({"Y": ("X",), "X": ()}, hidden=["X"])
    np.testing.assert_array_equal(
        network.probabilities(np.array([0.5, 0.0, 0.25])), [0.125, 0.0, 0.125, 0.75]
    )
    assert network.with_hidden(["Y"]).marginalisation.cells == (0, 1, 0, 1)


def test_boltzmann_machine_by_its_energy():
    machine = simplex.boltzmann_machine(2, 1, [(0,), (2,), (0, 1, 2)])
    assert machine.names == ("v0", "h0", "v0 v1 h0")
    xi = np.array([0.3, -0.7, 1.1])
    units = [(h, a, b) for h in (1, 0) for a in (1, 0) for b in (1, 0)]
    weights = np.exp([0.3 * a - 0.7 * h + 1.1 * a * b * h for h, a, b in units])
    np.testing.assert_allclose(machine.probabilities(xi), weights / weights.sum(), rtol=10 * EPS)
    assert machine.marginalisation.cells == (0, 1, 2, 3, 0, 1, 2, 3)


def test_results_do_not_share_memory():
    components = np.eye(4)
    model = simplex.MixtureModel(components, TWO_BY_TWO)
    components[0, 0] = 0.5
    assert model.components[0, 0] == 1.0
    first = model.jacobian(np.array([0.25, 0.25, 0.25]))
    first[...] = 7.0
    assert np.max(model.jacobian(np.array([0.25, 0.25, 0.25]))) == 1.0


@pytest.mark.parametrize(
    ("parents", "options", "words"),
    [
        ({"A": ("B",), "B": ("A",)}, {}, "no directed cycle, but it has (A → B → A|B → A → B)"),
        ({"A": ("A",)}, {}, "A → A"),
        (
            {"R": (), "A": ("C", "R"), "B": ("A",), "C": ("B",), "D": ("C",)},
            {},
            "A → B → C → A|B → C → A → B|C → A → B → C",
        ),
        ({"A": ("Q",)}, {}, "no variable 'Q'"),
        ({"A": (), "B": ("A", "A")}, {}, "named twice"),
        ({"A": (), "B": ("A", "Q")}, {}, "no variable 'Q'"),
        ({"A": ()}, {"hidden": ["Q"]}, "no variable 'Q'"),
        ({"A": ()}, {"cardinalities": {"Q": 2}}, "no variable 'Q'"),
        ({"A": (), "B": ()}, {"cardinalities": {"A": 2}}, "lack the number of values of 'B'"),
        ({"A": ()}, {"cardinalities": 0}, "number of values of 'A'"),
    ],
)
def test_networks_that_are_none(parents, options, words):
    with pytest.raises(errors.DomainError, match=words):
        simplex.BayesianNetwork(parents, **options)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: simplex.naive_bayes("X", ("X",)), errors.DomainError, "must differ"),
        (
            lambda: simplex.boltzmann_machine(1, 1, [(2,)]),
            errors.DomainError,
            "units must lie in 0, ..., 1, got 2",
        ),
        (
            lambda: simplex.boltzmann_machine(1, 1, [(0,), (0,)]),
            errors.DomainError,
            "different sets",
        ),
        (lambda: simplex.boltzmann_machine(1, 1, []), errors.DomainError, "different sets"),
        (lambda: simplex.boltzmann_machine(1, 1, "some"), errors.OptionError, "interactions"),
        (
            lambda: simplex.LogLinearModel(np.ones((3, 1)), TWO_BY_TWO),
            errors.ShapeError,
            "row for each of 4 states, got 3",
        ),
        (
            lambda: simplex.LogLinearModel(np.ones((4, 1)), TWO_BY_TWO, ["a", "b"]),
            errors.ShapeError,
            "one name for each of 1",
        ),
        (
            lambda: simplex.MixtureModel(np.eye(4)[:1], TWO_BY_TWO),
            errors.DomainError,
            "at least two components",
        ),
        (lambda: simplex.MixtureModel(np.eye(4)[0], TWO_BY_TWO), errors.ShapeError, r"\(K, 4\)"),
        (
            lambda: simplex.MixtureModel(np.eye(3), TWO_BY_TWO),
            errors.ShapeError,
            r"\(..., 4\), got \(3, 3\)",
        ),
        (
            lambda: simplex.MixtureModel(2 * np.eye(4), TWO_BY_TWO),
            errors.DomainError,
            "sum of point 0 is 2",
        ),
        (
            lambda: simplex.MixtureModel(np.eye(4) - 0.1, TWO_BY_TWO),
            errors.DomainError,
            "cell 1 of point 0 is -0.1",
        ),
    ],
)
def test_models_that_are_none(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("function", "derivative", "error", "words"),
    [
        (
            lambda xi: xi,
            None,
            errors.ShapeError,
            r"function must return an array of shape \(4,\), got \(1,\)",
        ),
        (
            lambda xi: np.full(4, 0.5),
            None,
            errors.DomainError,
            "result of function must sum to 1, but the sum is 2",
        ),
        (lambda xi: np.full(4, np.nan), None, errors.NonFiniteError, "result of function"),
        (lambda xi: np.full(4, 0.25), None, errors.BackendError, "must return complex numbers"),
        (
            lambda xi: np.full(4, 0.25),
            lambda xi: np.ones(4),
            errors.ShapeError,
            r"derivative must return an array of shape \(4, 1\)",
        ),
        (
            lambda xi: np.full(4, 0.25),
            lambda xi: np.ones((4, 1)),
            errors.DomainError,
            "sum to zero",
        ),
    ],
)
def test_own_functions_are_checked(function, derivative, error, words):
    model = simplex.UserModel(function, 1, TWO_BY_TWO, derivative)
    with pytest.raises(error, match=words):
        model.jacobian(np.zeros(1))
    with pytest.raises(errors.OptionError, match="sampler"):
        model.random_parameters(1, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("xi", "error", "words"),
    [
        (np.zeros(4), errors.ShapeError, r"\(..., 5\), got \(4,\)"),
        (np.zeros((0, 5)), errors.ShapeError, r"got \(0, 5\)"),
        (np.array(0.5), errors.ShapeError, r"got \(\)"),
        (np.array([0.5, np.nan, 0.5, 0.5, 0.5]), errors.NonFiniteError, "xi"),
        ("0.5", errors.BackendError, "xi must be an array"),
    ],
)
def test_parameters_are_checked(xi, error, words):
    with pytest.raises(error, match=words):
        simplex.naive_bayes().probabilities(xi)
