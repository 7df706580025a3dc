"""Fifty-digit numbers for the tests of the equations, with closed forms of a few families."""

from typing import Any, NamedTuple

import mpmath
import numpy as np

__all__ = [
    "CURVATURE",
    "EXAMPLES",
    "MP",
    "ROUNDING",
    "SLOPE",
    "Example",
    "close",
    "cos",
    "exact",
    "exp",
    "gauss_hermite",
    "gauss_laguerre",
    "gauss_legendre",
    "linear_solve",
    "log",
    "partial",
    "random",
    "weights",
]

MP = mpmath.MPContext()  # a context of its own: the global precision of mpmath stays as it is
MP.dps = 50

exact = np.frompyfunc(MP.mpf, 1, 1)
exp, log, cos = (np.frompyfunc(getattr(MP, name), 1, 1) for name in ("exp", "log", "cos"))

#: A few thousand operations at u = 1e-50, and the condition of small random problems.
ROUNDING = 1e-44
#: The order-8 difference leaves u^(8/9) = 4e-45 of its scale, times |x⁹ f⁽⁹⁾|/630, below 1e3.
SLOPE = 1e-40
#: A difference of differences divides that by another step of u^(1/9): 1e-39, times as much.
CURVATURE = 1e-35


def close(actual, expected, tolerance):
    """Assert that no entry is off by more than the tolerance, relative to the largest entry."""
    actual, expected = np.asarray(actual, dtype=object), np.asarray(expected, dtype=object)
    assert actual.shape == expected.shape
    error = max((abs(a - e) for a, e in zip(actual.flat, expected.flat, strict=True)), default=0)
    scale = max((abs(e) for e in expected.flat), default=0)
    assert error <= tolerance * (scale if scale > 0 else 1), MP.nstr(MP.mpf(error), 3)


def random(seed, *shape):
    """Standard normal numbers, which fifty digits hold as they are."""
    return exact(np.random.default_rng(seed).normal(size=shape))


def weights(seed, number):
    """Positive weights that sum to one at fifty digits."""
    w = exact(np.random.default_rng(seed).uniform(0.5, 1.5, size=number))
    return w / np.sum(w)


def partial(function, x, *axes):
    """∂function/∂x_a… of a scalar function of an array, by mpmath's differences."""
    orders = np.zeros(x.size, dtype=int)
    np.add.at(orders, list(axes), 1)
    return MP.diff(
        lambda *flat: function(np.array(flat, dtype=object).reshape(x.shape)),
        tuple(x.flat),
        tuple(int(n) for n in orders),
    )


def linear_solve(matrix, rhs):
    """Solve a square system with mpmath's elimination."""
    solution = MP.lu_solve(MP.matrix(np.array(matrix).tolist()), MP.matrix(list(rhs)))
    return np.array(list(solution))


def gauss(diagonal, off_diagonal):
    """Nodes and weights of a Gauss rule from its three-term recurrence, by Golub and Welsch.

    The matrix of a recurrence has the nodes as eigenvalues; the weights, which sum to one, are
    squares of the first entries of its eigenvectors.
    """
    matrix = MP.diag(diagonal)
    for k, entry in enumerate(off_diagonal):
        matrix[k, k + 1] = matrix[k + 1, k] = entry
    nodes, vectors = MP.eigsy(matrix)
    return np.array(list(nodes)), np.array([vectors[0, k] ** 2 for k in range(len(nodes))])


def gauss_hermite(n):
    """Integrate polynomials below degree 2n over N(0, 1)."""
    return gauss([MP.mpf(0)] * n, [MP.sqrt(k) for k in range(1, n)])


def gauss_laguerre(n):
    """Integrate polynomials below degree 2n over e^{−x}, x > 0."""
    return gauss([MP.mpf(2 * k + 1) for k in range(n)], [MP.mpf(k) for k in range(1, n)])


def gauss_legendre(n, end):
    """Integrate polynomials below degree 2n over [0, end]."""
    nodes, rule = gauss([MP.mpf(0)] * n, [k / MP.sqrt(4 * k * k - 1) for k in range(1, n)])
    return end * (nodes + 1) / 2, end * rule


class Example(NamedTuple):
    """One member of a family: A as a function of θ, and θ, μ and F from a textbook."""

    A: Any
    theta: Any
    mu: Any
    F: Any


def _gaussian(m, s2):
    return Example(
        lambda t: -(t[0] ** 2) / (4 * t[1]) - MP.log(-2 * t[1]) / 2,
        np.array([m / s2, -1 / (2 * s2)]),
        np.array([m, m * m + s2]),
        np.array([[s2, 2 * m * s2], [2 * m * s2, 4 * m * m * s2 + 2 * s2 * s2]]),
    )


def _gamma(alpha, beta):
    return Example(
        lambda t: MP.loggamma(t[0]) - t[0] * MP.log(-t[1]),
        np.array([alpha, -beta]),
        np.array([MP.digamma(alpha) - MP.log(beta), alpha / beta]),
        np.array([[MP.psi(1, alpha), 1 / beta], [1 / beta, alpha / beta**2]]),
    )


def _dirichlet(alpha):
    total = sum(alpha)
    mu = [MP.digamma(a) - MP.digamma(total) for a in alpha]
    F = np.diag([MP.psi(1, a) for a in alpha]) - MP.psi(1, total)
    return Example(
        lambda t: sum(MP.loggamma(a) for a in t) - MP.loggamma(sum(t)), alpha, np.array(mu), F
    )


def _categorical(p):
    """All but the last of the probabilities; θ_k = log(p_k/p_K)."""
    p = np.array(p)
    return Example(
        lambda t: MP.log(1 + sum(MP.exp(a) for a in t)),
        log(p / (1 - np.sum(p))),
        p,
        np.diag(p) - np.outer(p, p),
    )


def _poisson(rate):
    return Example(
        lambda t: MP.exp(t[0]), log(np.array([rate])), np.array([rate]), np.array([[rate]])
    )


EXAMPLES = {
    "gaussian": _gaussian(MP.mpf("0.7"), MP.mpf("1.9")),
    "gamma": _gamma(MP.mpf("2.3"), MP.mpf("1.7")),
    "dirichlet": _dirichlet(exact(np.array(["1.2", "0.4", "3.1"]))),
    "categorical": _categorical(exact(np.array(["0.2", "0.5"]))),
    "poisson": _poisson(MP.mpf("3.7")),
}
