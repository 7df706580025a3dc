"""(B1)-(B6): orthogonality and projection at fifty digits, singular values in float64."""

import numpy as np
import pytest

from ingd_ref.equations import LABELS, finite_models
from tests.equations.digits import (
    MP,
    ROUNDING,
    close,
    exact,
    linear_solve,
    log,
    partial,
    random,
    weights,
)


def tangent(seed, *shape):
    """A random vector that sums to zero."""
    a = random(seed, *shape)
    return a - np.sum(a) / a.size


def product(a, b, p):
    return sum(s * t / w for s, t, w in zip(a.flat, b.flat, p.flat, strict=True))


def test_simplex_gradient_represents_the_derivative():
    """⟨grad L, a⟩_p = ∂L·a for every a that sums to zero, and grad L sums to zero itself."""
    p, dL = weights(1, 5), random(2, 5)
    gradient = LABELS["B1"](p, dL)
    assert abs(np.sum(gradient)) < ROUNDING
    for seed in range(3, 6):
        a = tangent(seed, 5)
        close(finite_models.inner_product(gradient, a, p), dL @ a, ROUNDING)
        close(finite_models.inner_product(gradient, a, p), product(gradient, a, p), ROUNDING)


def test_simplex_gradient_of_the_divergence_points_away_from_the_target():
    p, q = weights(1, 5), weights(2, 5)
    dL = np.array([partial(lambda r: q @ log(q / r), p, a) for a in range(5)])
    close(LABELS["B1"](p, dL), p - q, 1e-42)


def model_jacobian(seed, states, parameters):
    return np.array([tangent(seed + j, states) for j in range(parameters)]).T


def test_natural_gradient_is_the_projection_of_the_simplex_gradient():
    p, J, dL = weights(1, 6), model_jacobian(10, 6, 3), random(2, 6)
    coordinates, vector = LABELS["B2"](p, J, J.T @ dL)
    rest = LABELS["B1"](p, dL) - vector
    assert max(abs(product(rest, column, p)) for column in J.T) < 1e-42
    close(J @ coordinates, vector, ROUNDING)


def test_natural_gradient_of_too_many_parameters_is_the_shortest():
    """A column that repeats, and one that is a sum: the tangent vector is that of fewer columns."""
    p, J, dL = weights(1, 6), model_jacobian(10, 6, 3), random(2, 6)
    more = np.column_stack([J, J[:, 0], J[:, 1] + J[:, 2]])
    coordinates, vector = LABELS["B2"](p, more, more.T @ dL)
    close(vector, LABELS["B2"](p, J, J.T @ dL)[1], 1e-40)
    for null in ([1, 0, 0, -1, 0], [0, 1, 1, 0, -1]):
        assert abs(coordinates @ np.array(null)) < 1e-40
    W = (more / np.sqrt(p.astype(float))[:, None]).astype(float)
    expected = np.linalg.pinv(W.T @ W, rcond=1e-10) @ (more.T @ dL).astype(float)
    close(coordinates, expected, 1e-11)  # float64, with the condition of WᵀW below 1e3


def test_natural_gradient_of_a_constant_model_is_zero():
    coordinates, vector = LABELS["B2"](weights(1, 4), exact(np.zeros((4, 2))), exact(np.zeros(2)))
    assert not np.any(coordinates)
    assert not np.any(vector)


# --------------------------------------------------------------------------------------------------


class Joint:
    """p(h, v) with three hidden and four visible states, a target and a recognition."""

    p = weights(20, 12).reshape(3, 4)
    target = weights(21, 4)
    recognition = np.array([weights(22 + v, 3) for v in range(4)]).T


def test_losses_are_sums_over_states():
    p, target, q = Joint.p, Joint.target, Joint.recognition
    evidence = bound = gap = 0
    for v in range(4):
        p_v = sum(p[h, v] for h in range(3))
        evidence += target[v] * MP.log(target[v] / p_v)
        for h in range(3):
            joint = target[v] * q[h, v]
            bound += joint * MP.log(joint / p[h, v])
            gap += joint * MP.log(q[h, v] * p_v / p[h, v])  # KL of the conditionals
    close(LABELS["B3"](p, target, q), [evidence, bound, gap], ROUNDING)
    assert gap > 0


def test_gap_closes_for_the_perfect_recognition():
    p = Joint.p
    gap = LABELS["B3"](p, Joint.target, p / np.sum(p, axis=0))[2]
    assert abs(gap) < ROUNDING


def test_gap_gradient_is_that_of_the_two_losses_and_vertical():
    def loss(p, number):
        return LABELS["B3"](p, Joint.target, Joint.recognition)[number]

    def gradient(number):
        slope = [partial(lambda p: loss(p, number), Joint.p, a) for a in range(12)]
        return LABELS["B1"](Joint.p, np.array(slope).reshape(3, 4))

    found = LABELS["B4"](Joint.p, Joint.target, Joint.recognition)
    close(found, gradient(1) - gradient(0), 1e-42)
    assert max(abs(np.sum(found, axis=0))) < ROUNDING
    # So the evidence and the bound push the visible marginal alike: p_V − p*_V.
    for number in (0, 1):
        visible = np.sum(gradient(number), axis=0)
        close(visible, np.sum(Joint.p, axis=0) - Joint.target, 1e-42)


# --------------------------------------------------------------------------------------------------


def binary(t):
    return np.array([t, 1 - t])


def cylindrical_model(xi):
    """p(h, v) = p(v; a) p(h|v; b): two binary variables, three parameters."""
    return np.array([binary(xi[1 + v]) for v in range(2)]).T * binary(xi[0])


def naive_bayes(xi):
    """X → Y and X → Z with X hidden, all binary: rows are values of X, columns pairs (Y, Z)."""
    rows = [
        binary(xi[0])[x] * np.outer(binary(xi[1 + x]), binary(xi[3 + x])).reshape(-1)
        for x in range(2)
    ]
    return np.array(rows)


def independent(xi):
    """X, Y and Z independent and binary, with X hidden."""
    return np.outer(binary(xi[0]), np.outer(binary(xi[1]), binary(xi[2])).reshape(-1))


def jacobian(model, xi):
    states = model(xi).size
    return np.array(
        [
            [partial(lambda t, s=s: model(t).flat[s], xi, a) for a in range(len(xi))]
            for s in range(states)
        ]
    )


XI = exact(np.array(["0.453", "0.609", "0.776", "0.642", "0.722"]))


@pytest.mark.parametrize(("model", "number"), [(cylindrical_model, 3), (independent, 3)])
def test_models_whose_parameters_are_visible_or_hidden_are_cylindrical(model, number):
    xi = XI[:number]
    defect = LABELS["B5"](model(xi), jacobian(model, xi))
    assert np.max(abs(defect)) < 1e-42


def cosines(p, J):
    """Cosines of the principal angles of T_pM and H_p, by singular values in float64."""
    p, J = p.astype(float), J.astype(float)
    Q = np.linalg.qr(J / np.sqrt(p).reshape(-1, 1))[0]
    lift = np.sqrt(p / p.sum(axis=0))
    K = np.concatenate([np.diag(row) for row in lift])
    return np.linalg.svd(K.T @ Q, compute_uv=False)


def test_defect_of_naive_bayes_has_the_eigenvalues_of_its_principal_angles():
    p, J = naive_bayes(XI), jacobian(naive_bayes, XI)
    squares = np.append(cosines(p, J), np.zeros(1)) ** 2  # K has one row less than Q has columns
    found = np.linalg.eigvalsh(LABELS["B5"](p, J).astype(float))
    expected = np.sort(squares - squares**2)
    assert expected[-1] > 1e-3  # far from cylindrical
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_defect_of_columns_in_coordinates_of_the_pair():
    """One column at the angle φ to H_p: S = cos²φ, and the defect is ¼ sin² 2φ."""
    p = exact(np.full((2, 2), 0.25))  # K has the columns (1, 0, 1, 0)/√2 and (0, 1, 0, 1)/√2
    phi = MP.mpf("0.4")
    horizontal, vertical = exact(np.array([1, -1, 1, -1])) / 2, exact(np.array([1, 1, -1, -1])) / 2
    J = (MP.cos(phi) * horizontal + MP.sin(phi) * vertical)[:, None] / 2
    close(LABELS["B5"](p, J), [[MP.sin(2 * phi) ** 2 / 4]], ROUNDING)


def directions(p, J, target, recognition):
    """Both directions on the visible simplex, with pseudo-inverses of whitened Jacobians."""
    p, J, target, recognition = (a.astype(float) for a in (p, J, target, recognition))
    p_V, J_V = p.sum(axis=0), J.reshape(*p.shape, -1).sum(axis=0)
    W, W_V = J / np.sqrt(p).reshape(-1, 1), J_V / np.sqrt(p_V)[:, None]
    dL, dL_V = -(target * recognition / p).reshape(-1), -target / p_V
    bound = np.linalg.pinv(W.T @ W) @ (J.T @ dL)
    evidence = np.linalg.pinv(W_V.T @ W_V, rcond=1e-12) @ (J_V.T @ dL_V)
    return J_V @ bound / np.sqrt(p_V), J_V @ evidence / np.sqrt(p_V), J.T @ dL, J_V.T @ dL_V


@pytest.mark.parametrize("perfect", [True, False])
def test_cosine_of_directions(perfect):
    p, J = naive_bayes(XI), jacobian(naive_bayes, XI)
    target = weights(31, 4)
    q = p / np.sum(p, axis=0) if perfect else np.array([weights(32 + v, 2) for v in range(4)]).T
    a, b, dL, dL_V = directions(p, J, target, q)
    expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert abs(expected) < 0.999
    found = LABELS["B6"](p, J, exact(dL), exact(dL_V))
    np.testing.assert_allclose(float(found), expected, rtol=1e-10)  # conditions of 1e3, in float64


def test_cosine_is_one_on_a_cylindrical_model():
    p, J = cylindrical_model(XI[:3]), jacobian(cylindrical_model, XI[:3])
    target, q = weights(33, 2), np.array([weights(34 + v, 2) for v in range(2)]).T
    dL = J.T @ (-(target * q / p)).reshape(-1)
    J_V = J.reshape(2, 2, 3).sum(axis=0)
    dL_V = J_V.T @ (-target / np.sum(p, axis=0))
    close(LABELS["B6"](p, J, dL, dL_V), 1, 1e-40)


def test_visible_gradient_of_the_full_simplex_is_straight():
    """With all states free the bound's natural gradient is p − q, whose marginal is p_V − p*_V."""
    p, target, q = Joint.p, Joint.target, Joint.recognition
    J = np.vstack([np.eye(11, dtype=int), -np.ones(11, dtype=int)]) * MP.mpf(1)
    dL = J.T @ (-(target * q / p)).reshape(-1)
    vector = LABELS["B2"](p.reshape(-1), J, dL)[1]
    close(vector, (p - target * q).reshape(-1), 1e-40)
    G = J.T @ (J / p.reshape(-1, 1))
    close(LABELS["B2"](p.reshape(-1), J, dL)[0], linear_solve(G, dL), 1e-40)
