"""(B1): the simplex, its metric, geodesics and distances."""

from functools import partial

import array_api_compat.numpy as host_namespace
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingd_ref import errors, simplex
from ingd_ref.simplex._geometry import CONNECTIONS, relative_entropy
from validation.oracles.precise import MP, precise
from validation.oracles.precise import log as exact_log
from validation.oracles.precise import sqrt as exact_sqrt

EPS = np.finfo(float).eps


def points(seed, number=2, cells=5, concentration=1.0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(cells, concentration), number)


seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(2, 7))
def test_gradient_represents_the_derivative(seed, cells):
    p, q = points(seed, cells=cells, concentration=3.0)
    derivative = np.random.default_rng(seed).normal(size=cells)
    gradient = simplex.simplex_gradient(p, derivative)
    # Sums of at most seven products, each rounded a few times; the sum of the tangent vector's
    # rounding counts with the derivative.
    assert abs(gradient.sum()) <= 20 * EPS * np.abs(derivative).max()
    assert (
        abs(simplex.fisher_metric(p, gradient, q - p) - derivative @ (q - p))
        <= 100 * EPS * np.abs(derivative).sum()
    )


@given(seeds)
def test_gradient_of_the_divergence_points_from_the_target(seed):
    p, q = points(seed, concentration=2.0)
    # −q/p · p = −q up to two roundings, plus p times a sum that is one up to a few.
    np.testing.assert_allclose(simplex.simplex_gradient(p, -q / p), p - q, atol=20 * EPS)


def test_constant_in_the_derivative_changes_nothing():
    p, derivative = points(1)
    shifted = simplex.simplex_gradient(p, derivative + 3.0)
    np.testing.assert_allclose(shifted, simplex.simplex_gradient(p, derivative), atol=20 * EPS)


@given(seeds, st.floats(-14, 0))
def test_distance_keeps_its_digits_for_near_points(seed, exponent):
    p, other = points(seed, concentration=2.0)
    q = p + 10.0**exponent * (other - p)
    exact_p, exact_q = (precise(x) / np.sum(precise(x)) for x in (p, q))
    expected = 2 * MP.acos(np.sum(exact_sqrt(exact_p * exact_q)))
    # Dividing by the sum moves each point by a rounding of its entries; that is all that
    # distinguishes near points from it.
    assert abs(simplex.fisher_rao_distance(p, q) - expected) <= 8 * EPS * (1 + expected)


@given(seeds, st.floats(-7, 0))
def test_divergence_keeps_its_digits_for_near_points(seed, exponent):
    q, other = points(seed, concentration=2.0)
    p = q + 10.0**exponent * (other - q)
    exact_q, exact_p = (precise(x) / np.sum(precise(x)) for x in (q, p))
    expected = np.sum(exact_q * exact_log(exact_q / exact_p))
    # A relative perturbation δ ~ eps of either point changes it by Σ q (1 − p/q) δ, first order in
    # how far the points are apart.
    allowed = 8 * EPS * (float(np.sum(np.abs(p - q))) + float(expected))
    assert abs(relative_entropy(host_namespace, q, p) - expected) <= allowed


def test_distance_between_corners_is_pi():
    corners = np.eye(3)
    np.testing.assert_allclose(
        simplex.fisher_rao_distance(corners[0], corners), [0.0, np.pi, np.pi], rtol=4 * EPS
    )


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_geodesics_meet_their_ends_and_take_batches(connection):
    geodesic = partial(simplex.geodesic, connection=connection)
    p, q = points(3)
    t = np.linspace(0.0, 1.0, 5)
    curve = geodesic(p, q, t)
    assert curve.shape == (5, 5)
    np.testing.assert_allclose(curve[[0, -1]], [p, q], rtol=20 * EPS)
    np.testing.assert_allclose(curve.sum(axis=1), 1.0, rtol=10 * EPS)
    np.testing.assert_allclose(curve[1], geodesic(p, q, 0.25), rtol=4 * EPS)
    np.testing.assert_allclose(geodesic(p, p, 0.5), p, rtol=8 * EPS)


@given(seeds, st.floats(0, 1), st.floats(-12, 0))
def test_fisher_rao_geodesic_divides_its_length(seed, t, exponent):
    p, other = points(seed, concentration=2.0)
    q = p + 10.0**exponent * (other - p)
    length = simplex.fisher_rao_distance(p, q)
    middle = simplex.geodesic(p, q, t)
    # The curve and both distances round their points, by some eps of the square roots, whose
    # entries are of order one.
    assert abs(simplex.fisher_rao_distance(p, middle) - t * length) <= 20 * EPS
    assert abs(simplex.fisher_rao_distance(middle, q) - (1 - t) * length) <= 20 * EPS


def test_e_geodesic_is_straight_in_logarithms():
    p, q = points(5)
    logs = np.log(simplex.geodesic(p, q, np.array([0.0, 0.3, 1.0]), "exponential"))
    contrasts = logs[:, 1:] - logs[:, :1]
    np.testing.assert_allclose(
        contrasts[1], 0.7 * contrasts[0] + 0.3 * contrasts[2], rtol=1e-13
    )  # logarithms up to ten, thirty roundings


def test_cosine_of_opposite_orthogonal_and_vanishing_directions():
    p = points(7)[0]
    a = points(8)[0] - p
    assert simplex.fisher_cosine(p, a, 1e-200 * a) == pytest.approx(1.0, abs=4 * EPS)
    assert simplex.fisher_cosine(p, a, -1e6 * a) == pytest.approx(-1.0, abs=4 * EPS)
    for zero in (0.0 * a, np.stack([a, 0.0 * a])):
        with pytest.raises(errors.DomainError, match="b must not be zero"):
            simplex.fisher_cosine(p, a, zero)
    score = np.arange(5.0) - p @ np.arange(5.0)
    other = np.arange(5.0) ** 2
    other = other - p @ other
    other = other - (p @ (other * score)) / (p @ score**2) * score
    assert simplex.fisher_cosine(p, p * score, p * other) == pytest.approx(
        0.0, abs=100 * EPS
    )  # squares up to 16, five terms


def test_metric_matches_mpmath():
    p, q = points(11)
    a, b = q - p, q[::-1] - p
    with mpmath.workdps(40):
        expected = mpmath.fsum(
            mpmath.mpf(x) * mpmath.mpf(y) / mpmath.mpf(r) for x, y, r in zip(a, b, p, strict=True)
        )
    assert abs(simplex.fisher_metric(p, a, b) - float(expected)) <= 10 * EPS * np.sum(
        np.abs(a * b / p)
    )
