"""Marginalisation, horizontal lifts, and the two parts of a tangent vector (B5)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingd_ref import errors, simplex
from ingd_ref.simplex._states import StateSpace

EPS = np.finfo(float).eps


@st.composite
def partitions(draw):
    """An onto map of some states onto some cells, with a generator."""
    visible = draw(st.integers(1, 4))
    extra = draw(st.lists(st.integers(0, visible - 1), max_size=6))
    order = draw(st.permutations([*range(visible), *extra]))
    return simplex.Marginalisation(order), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


@given(partitions())
def test_lift_is_a_section_and_an_isometry(drawn):
    marginal, rng = drawn
    p, q = rng.dirichlet(np.full(marginal.states, 3.0), 2)
    w = marginal.push(q - p)
    w = w - marginal.push(p) * w.sum()
    lifted = marginal.lift(p, w)
    # Ten terms at most, a division and two products each.
    np.testing.assert_allclose(marginal.push(lifted), w, atol=20 * EPS)
    visible = marginal.push(p)
    np.testing.assert_allclose(
        simplex.fisher_metric(p, lifted, lifted),
        np.sum(w * w / visible),
        rtol=50 * EPS,
        atol=50 * EPS,
    )


@given(partitions())
def test_parts_are_orthogonal_and_add_up(drawn):
    marginal, rng = drawn
    p, q = rng.dirichlet(np.full(marginal.states, 3.0), 2)
    u = q - p
    horizontal, vertical = marginal.horizontal(p, u), marginal.vertical(p, u)
    np.testing.assert_allclose(horizontal + vertical, u, atol=4 * EPS)
    np.testing.assert_allclose(marginal.push(vertical), 0.0, atol=20 * EPS)
    inner = np.sum(horizontal * vertical / p)
    assert abs(inner) <= 50 * EPS * (1 + np.sum(u * u / p))
    np.testing.assert_allclose(marginal.horizontal(p, horizontal), horizontal, atol=20 * EPS)


def test_push_and_conditional_match_a_table():
    p = np.random.default_rng(0).dirichlet(np.ones(24)).reshape(2, 3, 4)
    marginal = simplex.Marginalisation.hiding((2, 3, 4), [0, 2])
    np.testing.assert_allclose(marginal.push(p.ravel()), p.sum(axis=(0, 2)), rtol=10 * EPS)
    np.testing.assert_allclose(
        marginal.conditional(p.ravel()).reshape(p.shape),
        p / p.sum(axis=(0, 2), keepdims=True),
        rtol=10 * EPS,
    )


def test_completion_undoes_itself():
    marginal = simplex.Marginalisation.hiding((2, 3), [0])
    p = np.random.default_rng(1).dirichlet(np.ones(6), 7)
    np.testing.assert_allclose(
        marginal.complete(marginal.push(p), marginal.conditional(p)), p, rtol=10 * EPS
    )


def test_nothing_or_everything_may_be_hidden():
    p = np.array([0.25, 0.75])
    np.testing.assert_array_equal(simplex.Marginalisation.hiding((2,), []).push(p), p)
    np.testing.assert_array_equal(simplex.Marginalisation.hiding((2,), [0]).push(p), [1.0])


def test_hidden_first_makes_rows_of_hidden_states():
    marginal = StateSpace(("X", "Y", "Z"), (2, 2, 2)).marginalisation(["X"])
    assert marginal.cells == (0, 1, 2, 3, 0, 1, 2, 3)
    p = np.random.default_rng(2).dirichlet(np.ones(8))
    np.testing.assert_allclose(marginal.push(p), p.reshape(2, 4).sum(axis=0), rtol=4 * EPS)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0, 2],), errors.DomainError, "no state belongs to cell 1"),
        (([0, 1], 3), errors.DomainError, "no state belongs to cell 2"),
        (([0, -1],), errors.DomainError, "cells must be an integer .* got -1"),
        (([0, 3], 2), errors.DomainError, "state 1 is 3"),
        (([],), errors.ShapeError, "at least one state"),
    ],
)
def test_maps_that_are_not_onto_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        simplex.Marginalisation(*arguments)


def test_unknown_axes_and_names_are_refused():
    with pytest.raises(errors.DomainError, match=r"hidden axes must lie in 0, \.\.\., 1, got 2"):
        simplex.Marginalisation.hiding((2, 2), [2])
    with pytest.raises(errors.DomainError, match="no variable 'W'"):
        StateSpace(("X",), (2,)).marginalisation(["W"])
    with pytest.raises(errors.DomainError, match="'X' occurs more than once"):
        StateSpace(("X", "X"), (2, 2))
    with pytest.raises(errors.ShapeError, match="got 1 for 2"):
        StateSpace(("X", "Y"), (2,))
    with pytest.raises(errors.DomainError, match="number of values of 'X'"):
        StateSpace(("X",), (0,))
