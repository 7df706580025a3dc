"""The tableaux satisfy the order conditions of all rooted trees, and the orders show in flows."""

import itertools
import math

import numpy as np
import pytest

from ingd_ref.errors import DomainError, NonFiniteError
from ingd_ref.runs._integrators import TABLEAUX, StepMemory, advance

ORDERS = {"euler": 1, "heun": 2, "rk4": 4}


# --- order conditions: sum_i b_i phi_i(tree) = 1/gamma(tree) for every rooted tree with at most `or


def rooted_trees(nodes):
    """All rooted trees with ``nodes`` nodes; a tree is the sorted tuple of its branches."""
    if nodes == 1:
        return {()}
    return {tuple(sorted(branches)) for branches in _forests(nodes - 1)}


def _forests(nodes):
    if nodes == 0:
        yield ()
    for first in range(1, nodes + 1):
        for tree, rest in itertools.product(rooted_trees(first), _forests(nodes - first)):
            yield (tree, *rest)


def size(tree):
    return 1 + sum(size(branch) for branch in tree)


def density(tree):
    return size(tree) * math.prod(density(branch) for branch in tree)


def elementary_weights(matrix, tree):
    return math.prod(
        (matrix @ elementary_weights(matrix, branch) for branch in tree), start=np.ones(len(matrix))
    )


def worst_defect(tableau, weights, nodes):
    stages = len(tableau.stages)
    matrix = np.array([row + (0.0,) * (stages - len(row)) for row in tableau.stages])
    return max(
        abs(np.dot(weights, elementary_weights(matrix, tree)) - 1 / density(tree))
        for tree in rooted_trees(nodes)
    )


def test_there_are_as_many_rooted_trees_as_known():
    assert [len(rooted_trees(nodes)) for nodes in range(1, 7)] == [1, 1, 2, 4, 9, 20]


@pytest.mark.parametrize("name", TABLEAUX)
def test_order_conditions(name):
    tableau = TABLEAUX[name]
    weights = np.array(tableau.weights)
    # Products of at most five coefficients of size up to 12, each rounded once: about 1e3 units in
    # the last place of one.
    for nodes in range(1, tableau.order + 1):
        assert worst_defect(tableau, weights, nodes) < 1000 * np.finfo(float).eps
    assert worst_defect(tableau, weights, tableau.order + 1) > 1e-4


def test_embedded_method_is_of_order_four():
    tableau = TABLEAUX["dormand-prince"]
    embedded = np.array(tableau.weights) - np.array(tableau.error_weights)
    for nodes in range(1, 5):
        assert worst_defect(tableau, embedded, nodes) < 1000 * np.finfo(float).eps
    assert worst_defect(tableau, embedded, 5) > 1e-4


def test_last_stage_of_the_pair_is_the_first_of_the_next_step():
    tableau = TABLEAUX["dormand-prince"]
    assert tableau.stages[-1] == tableau.weights[:-1]
    assert tableau.weights[-1] == 0


# --- flows with closed forms ----------------------------------------------------------------------


START = np.array([[1.0, 0.3], [-0.4, 2.0], [0.7, -1.1]])


def linear(t=None):
    """ẋ = −Dx in rotated axes: x(t) = Q exp(−Dt) Qᵀ x(0)."""
    axes = np.array([[0.6, -0.8], [0.8, 0.6]])
    rates = np.array([1.0, 0.3])
    return (
        (lambda x: -x @ (axes * rates) @ axes.T)
        if t is None
        else START @ (axes * np.exp(-rates * t)) @ axes.T
    )


def rotation(t=None):
    """ẋ = Ωx turns the plane: no contraction hides an error."""
    if t is None:
        return lambda x: np.stack([-x[:, 1], x[:, 0]], axis=1)
    return START @ np.array([[math.cos(t), math.sin(t)], [-math.sin(t), math.cos(t)]])


def moments(t=None):
    """The least-norm affine field whose moments of f = (x, x²) obey (E10), in each coordinate.

    That is μ(t) = μ* + e^{−t}(μ(0) − μ*).
    """
    goal = np.array([[0.5, -0.2], [1.5, 2.0]])
    if t is not None:
        mean, second = goal + math.exp(-t) * (np.stack([START.mean(0), (START**2).mean(0)]) - goal)
        return mean + np.sqrt(second - mean**2) * (START - START.mean(0)) / START.std(0)

    def velocity(x):
        mean, second = x.mean(0), (x**2).mean(0)
        gap = goal - np.stack([mean, second])
        # v = a + b x with a + b m = gap_1 and 2 (a m + b E[x²]) = gap_2
        slope = (gap[1] / 2 - mean * gap[0]) / (second - mean**2)
        return gap[0] - slope * mean + slope * x

    return velocity


FIELDS = [linear, rotation, moments]


def travel(integrator, field, t, spans, rtol=0.0, atol=1.0):
    x, memory = START, None
    for _ in range(spans):
        x, memory = advance(integrator, field(), x, t / spans, memory, rtol, atol)
    return x


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("integrator", "spans"), [("euler", 256), ("heun", 64), ("rk4", 16)])
def test_convergence_order(integrator, spans, field):
    coarse, fine = (
        np.max(np.abs(travel(integrator, field, 1.0, n) - field(1.0))) for n in (spans, 2 * spans)
    )
    assert fine > 1e-12  # well above rounding, or the ratio means nothing
    # The next term of the error expansion is smaller by the step, at most 1/16, times a constant of
    # order one.
    assert abs(math.log2(coarse / fine) - ORDERS[integrator]) < 0.2


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7, 1e-9])
def test_adaptive_meets_its_tolerance(field, tolerance):
    evaluations = 0

    def counted():
        velocity = field()

        def count(x):
            nonlocal evaluations
            evaluations += 1
            return velocity(x)

        return count

    x, memory = START, None
    for _ in range(3):
        x, memory = advance("adaptive", counted(), x, 1.0, memory, tolerance, tolerance)
    error = np.max(np.abs(x - field(3.0)) / (tolerance + tolerance * np.abs(field(3.0))))
    # Each of at most evaluations/6 sub-steps adds at most one tolerated error, which these flows do
    # not amplify by more than e.
    assert error < math.e * evaluations / 6
    # An error of order h⁵ costs 10^(2/5) = 2.5 times the sub-steps for a hundredth of the
    # tolerance; one of lower order costs more.
    assert evaluations < 40 * tolerance**-0.2


def test_adaptive_minds_the_one_particle_that_moves():
    start = np.zeros((1000, 2))
    start[17] = 1.0

    def velocity(x):
        return 10 * np.stack([-x[:, 1], x[:, 0]], axis=1)

    new, _ = advance("adaptive", velocity, start, 1.0, None, 0.0, 1e-6)
    exact = np.array([math.cos(10) - math.sin(10), math.cos(10) + math.sin(10)])
    # A turn by ten radians takes some hundred sub-steps at most, and a rotation passes each
    # tolerated error on unchanged.
    assert np.max(np.abs(new[17] - exact)) < 100 * 1e-6


def test_adaptive_remembers_its_step():
    _, memory = advance("adaptive", rotation(), START, 10.0, None, 1e-6, 1e-6)
    assert 0 < memory.step < 10
    assert memory.error <= 1
    _, shorter = advance("adaptive", rotation(), START, memory.step / 10, memory, 1e-6, 1e-6)
    assert shorter.step >= memory.step  # a short span says nothing against the long sub-step


def test_adaptive_grows_out_of_a_tiny_step():
    calls = 0

    def velocity(x):
        nonlocal calls
        calls += 1
        return -x

    x, _ = advance("adaptive", velocity, START, 1.0, StepMemory(1e-6, 1.0), 1e-6, 1e-6)
    assert np.allclose(x, START * math.exp(-1), rtol=1e-5)
    # Doubling at least, twenty sub-steps reach the length of the span; ten more for those at the
    # length that the tolerance asks for.
    assert calls < 6 * 30


def test_adaptive_passes_over_stages_that_leave_the_domain():
    def velocity(x):
        if np.any(x < 0):
            raise NonFiniteError("the root of a negative number")
        return -np.sqrt(x)

    x, _ = advance("adaptive", velocity, np.ones((2, 1)), 1.9, None, 1e-8, 1e-8)
    assert np.allclose(x, (1 - 1.9 / 2) ** 2, atol=1e-6)


def test_adaptive_gives_up_where_the_flow_ends():
    def velocity(x):
        if np.any(x < 0):
            raise NonFiniteError("the root of a negative number")
        return -1 - np.sqrt(x)

    with pytest.raises(NonFiniteError, match="root of a negative"):
        advance("adaptive", velocity, np.ones((2, 1)), 5.0, None, 1e-8, 1e-8)


def test_adaptive_says_which_tolerance_is_out_of_reach(monkeypatch):
    monkeypatch.setattr("ingd_ref.runs._integrators.MOST_SUBSTEPS", 500)
    with pytest.raises(DomainError, match=r"rtol = 0 and atol = 1e-12 cannot be met in float32"):
        advance(
            "adaptive", lambda x: np.sin(x * 1e6), START.astype(np.float32), 1.0, None, 0.0, 1e-12
        )


@pytest.mark.parametrize("integrator", [*ORDERS, "adaptive"])
def test_floating_type_and_input_stay(integrator):
    start = START.astype(np.float32)
    start.flags.writeable = False
    new, _ = advance(integrator, lambda x: -x, start, 0.5, None, 1e-4, 1e-6)
    assert new.dtype == np.float32
    assert not np.shares_memory(new, start)
    assert np.array_equal(start, START.astype(np.float32))


def test_constant_field_is_exact_and_takes_one_sub_step():
    calls = 0

    def velocity(x):
        nonlocal calls
        calls += 1
        return np.ones_like(x)

    x, _ = advance("adaptive", velocity, np.zeros((2, 2)), 0.5, None, 0.0, 1e-14)
    assert np.allclose(x, 0.5, rtol=4 * np.finfo(float).eps)  # seven rounded products
    assert calls == 7
