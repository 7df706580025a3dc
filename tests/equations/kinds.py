"""Kinds of numbers, and one evaluation of each label that says nothing about the kind.

Inputs are drawn as floats, which every kind holds exactly, so that all kinds have the same values
to find.
"""

import itertools
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from ingd_ref.equations import LABELS, finite_models, kernels, statistics, variational

__all__ = [
    "CASES",
    "DIFFERENCES",
    "FLOAT",
    "LONG",
    "MP60",
    "PRECISE",
    "Kind",
    "balls",
    "evaluate",
]


@dataclass(frozen=True)
class Kind:
    """How to make numbers of one kind from floats, and what its functions are called."""

    name: str
    number: Any
    exp: Any
    log: Any
    log_gamma: Any
    precision: Any = nullcontext

    def array(self, values):
        """An array of such numbers."""
        values = np.asarray(values, dtype=float)
        made = [self.number(v) for v in values.reshape(-1).tolist()]
        if made and not isinstance(made[0], np.generic):
            result = np.empty(len(made), dtype=object)
            result[:] = made
            return result.reshape(values.shape)
        return np.array(made).reshape(values.shape)


MP60 = mpmath.MPContext()
MP60.dps = 60


def _refuse(x):
    raise TypeError(f"no log-gamma function of {type(x).__name__}")


def _float_log_gamma(x):
    from scipy.special import gammaln

    return gammaln(x)


FLOAT = Kind("float64", np.float64, np.exp, np.log, _float_log_gamma)
LONG = Kind("longdouble", np.longdouble, np.exp, np.log, _refuse)
PRECISE = Kind("mpf", MP60.mpf, MP60.exp, MP60.log, MP60.loggamma)


def balls(bits):
    """Balls at a precision in bits."""
    from flint import arb, ctx

    @contextmanager
    def precision():
        before, ctx.prec = ctx.prec, bits
        try:
            yield
        finally:
            ctx.prec = before

    return Kind(
        f"{bits}-bit balls",
        arb,
        lambda x: x.exp(),
        lambda x: x.log(),
        lambda x: x.lgamma(),
        precision,
    )


CASES: dict[str, Any] = {}
#: Labels whose functions take differences of step u^(1/9): they truncate as well as round.
DIFFERENCES = {"E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E11", "P1", "N1", "F1"}


def _case(*labels):
    """Register one evaluation for each label: a function of the kind, a generator, n and d."""

    def register(function):
        CASES.update(dict.fromkeys(labels, function))
        return function

    return register


def evaluate(label, kind, seed, n, d):
    """Flatten all that the case of a label returns into one list of numbers."""
    with kind.precision():
        results = CASES[label](LABELS[label], kind, np.random.default_rng(seed), n, d)
        parts = results if isinstance(results, tuple | list) else (results,)
        return [number for part in parts for number in np.asarray(part).reshape(-1)]


def _mass(rng, n):
    """Weights that sum to one exactly in binary fractions."""
    counts = rng.integers(1, 9, size=n)
    counts[-1] += 64 - counts.sum()
    return counts / 64


def _gaussian_partition(k):
    return lambda t: -(t[0] ** 2) / (4 * t[1]) - k.log(-2 * t[1]) / 2


def _gaussian_member(k, rng):
    return k.array([rng.uniform(0.5, 1.5), -rng.uniform(0.5, 2)])


def _natural_from_mean(mu):
    variance = mu[1] - mu[0] ** 2
    return np.array([mu[0] / variance, -1 / (2 * variance)])


# --------------------------------------------------------------------------------------------------


@_case("E1")
def _(function, k, rng, n, d):
    theta, x = _gaussian_member(k, rng), k.number(rng.normal())
    return function(x, theta, lambda x: np.array([x, x**2]), _gaussian_partition(k), lambda x: 1)


@_case("E2", "E3", "E6")
def _(function, k, rng, n, d):
    return function(_gaussian_member(k, rng), _gaussian_partition(k))


@_case("E4")
def _(function, k, rng, n, d):
    xi = k.array([rng.normal(), rng.uniform(0.5, 2)])
    return function(xi, lambda xi: np.array([xi[0], -(xi[1] ** 2)]), _gaussian_partition(k))


@_case("E5")
def _(function, k, rng, n, d):
    return function(_gaussian_member(k, rng), _gaussian_member(k, rng), _gaussian_partition(k))


@_case("E7")
def _(function, k, rng, n, d):
    def loss(t):
        return t[0] ** 3 + k.exp(t[1])

    return function(_gaussian_member(k, rng), loss, _gaussian_partition(k))


@_case("E8")
def _(function, k, rng, n, d):
    m = rng.uniform(0.25, 0.75)
    mu = k.array([m, m**2 + rng.uniform(1, 2)])
    return function(mu, lambda t: t[0] ** 3 + k.exp(t[1]), _natural_from_mean)


@_case("E9")
def _(function, k, rng, n, d):
    return function(_gaussian_member(k, rng), k.array(rng.normal(size=2)), _gaussian_partition(k))


@_case("E10")
def _(function, k, rng, n, d):
    start, target = k.array(rng.normal(size=d)), k.array(rng.normal(size=d))
    return function(k.number(rng.uniform(0, 3)), start, target)


@_case("E11")
def _(function, k, rng, n, d):
    theta, m = _gaussian_member(k, rng), rng.normal() + 1.5
    mu = k.array([m, m**2 + 1])
    P, H = (k.array(np.eye(d) * s) for s in (1.5, -0.7))
    step = variational.gaussian_step(
        P, k.array(rng.normal(size=d)), k.number(0.3), k.array(rng.normal(size=d)), H
    )
    return function(theta, mu, lambda mu: -k.exp(mu[0] / 2 + mu[1] / 8)), *step


@_case("E12", "E13")
def _(function, k, rng, n, d):
    closed = function(k.number(rng.uniform(0.5, 4)), k.number(rng.uniform(0.5, 4)))
    return closed.theta, closed.A, closed.mu, closed.F, closed.f(k.number(rng.uniform(0.5, 2)))


# --------------------------------------------------------------------------------------------------


def _line(k, rng):
    """Five samples on a line with weights, and f = (x, x²)."""
    return k.array(rng.normal(size=5)), lambda x: np.array([x, x**2]), k.array(_mass(rng, 5))


@_case("P1")
def _(function, k, rng, n, d):
    m = rng.uniform(0.25, 0.75)
    mu = k.array([m, m**2 + rng.uniform(1, 2)])
    return function(mu, _gaussian_partition(k), k.array([m, -0.5]))


@_case("P2")
def _(function, k, rng, n, d):
    return function(k.array(rng.normal(size=5)), *_line(k, rng))


@_case("P3")
def _(function, k, rng, n, d):
    return function(k.array(rng.normal(size=2)), *_line(k, rng))


@_case("P4")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    return function(p.x, k.array(rng.normal(size=(n, d))), p.df, p.pi)


@_case("P5")
def _(function, k, rng, n, d):
    factor = k.array(rng.normal(size=(3, d, d + 1)))
    return function(
        k.array(rng.uniform(size=3)),
        k.array(rng.normal(size=3)),
        k.array(rng.normal(size=(3, 2, d))),
        k.array(rng.normal(size=(3, 2, d))),
        k.array(rng.normal(size=(3, d))),
        [f @ f.T for f in factor],
        k.array(_mass(rng, 3)),
        k.number(0.25),
    )


@_case("P6")
def _(function, k, rng, n, d):
    factor = k.array(rng.normal(size=(d, d + 2)))
    C = factor @ factor.T + k.array(np.eye(d))
    return function(C, k.array(rng.normal(size=d)), k.number(0.25))


@_case("P7")
def _(function, k, rng, n, d):
    m, m_dot, s_dot, alpha_dot, beta_dot = k.array(rng.normal(size=5))
    return function(m, k.number(rng.uniform(0.5, 2)), m_dot, s_dot, alpha_dot, beta_dot)


# --------------------------------------------------------------------------------------------------


@_case("N1")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    w = k.array(rng.normal(size=2 * d))
    return function(p.x, w, lambda z, w: w[:d] * z + w[d:] ** 2, p.df, p.pi)


def _least_squares(k, rng, b, p):
    B, L = (
        k.array(rng.normal(size=(b, p))),
        k.array(np.tril(rng.normal(size=(b, b))) + 3 * np.eye(b)),
    )
    return B, k.array(rng.normal(size=b)), L


@_case("N2")
def _(function, k, rng, n, d):
    B, Delta, L = _least_squares(k, rng, n, d)
    return function(k.array(rng.normal(size=d)), B, Delta, L @ L.T)


@_case("N3")
def _(function, k, rng, n, d):
    B, Delta, L = _least_squares(k, rng, n, d)
    return function(B, Delta, L @ L.T)


@_case("N3′")
def _(function, k, rng, n, d):
    return function(*_least_squares(k, rng, n, d))


@_case("N4")
def _(function, k, rng, n, d):
    return function(k.array(rng.normal(size=d)), k.number(0.125), lambda w: w**3)


# --------------------------------------------------------------------------------------------------


class _Particles:
    """Particles with weights, two Gaussian statistics at centres, a bandwidth, Δ and M."""

    def __init__(self, k, rng, n, d):
        self.x, self.pi = k.array(rng.normal(size=(n, d))), k.array(_mass(rng, n))
        self.y, self.rho = k.array(rng.normal(size=(2, d))), k.array(_mass(rng, 2))
        self.sigma, centers = k.number(1.5), k.array(rng.normal(size=(2, d)))
        self.f = lambda x: statistics.gaussian_rbf(x, centers, self.sigma)
        self.df = lambda x: statistics.gaussian_rbf_jacobian(x, centers, self.sigma)
        self.K = lambda x, y: kernels.gradient_gaussian(x, y, self.sigma)
        self.Delta = statistics.mean(self.y, self.f, self.rho) - statistics.mean(
            self.x, self.f, self.pi
        )
        F = statistics.covariance(self.x, self.f, self.pi)
        self.M = statistics.regulariser(F, k.number(0.5), k.number(0.125))


@_case("K1")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    return function(k.array(rng.normal(size=(n, d))), p.x, p.df, p.K, p.pi, p.Delta, p.M)


@_case("K2")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    return function(k.array(rng.normal(size=d)), p.x, p.df, p.K, p.pi, k.array(rng.normal(size=2)))


@_case("K3")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    return function(p.x, p.df, p.K, p.pi, p.Delta, p.M)


@_case("K4")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    V, G = function(p.x, p.df, p.K, p.pi)
    return *V, G


@_case("K5", "K6")
def _(function, k, rng, n, d):
    x, y = k.array(rng.normal(size=(2, d)))
    return function(x, y, k.number(1.5))


@_case("K7")
def _(function, k, rng, n, d):
    sizes = (d, n + 1, d)
    layers = [
        (k.array(rng.normal(size=(o, i))), k.array(rng.normal(size=o)))
        for i, o in itertools.pairwise(sizes)
    ]
    x, y = k.array(rng.normal(size=(2, d)))
    return [function(x, y, layers, name) for name in ("tanh", "relu", "silu", "gelu")]


@_case("K8")
def _(function, k, rng, n, d):
    return function(k.array(rng.normal(size=(n + 1, d))))


@_case("K9")
def _(function, k, rng, n, d):
    x, free = k.array(rng.normal(size=(n, d))), np.arange(d) % 2
    return function(x, k.number(0.125), lambda z: z**2, free)


@_case("K10")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n + 1, d + 1)  # enough of them for an invertible G
    return function(p.x, p.df, p.K, p.pi, p.Delta)


@_case("K11")
def _(function, k, rng, n, d):
    p, turn = _Particles(k, rng, n, d), k.array(rng.normal(size=(d, d)))
    return function(
        lambda z, X, Y: z**2 + X[0] - Y[-1], turn, k.array(rng.normal(size=d)), p.x[0], p.x, p.y
    )


@_case("F1")
def _(function, k, rng, n, d):
    x, noise = k.array(rng.normal(size=(2, n, d)))
    return function(lambda z: -k.log(1 + z @ z), x, noise, k.number(1.5))


# --------------------------------------------------------------------------------------------------


@_case("W1", "W3")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    return function(p.x[0], p.x, p.y, p.pi, p.rho, p.sigma)


@_case("W2")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    return function(p.x[0], p.x, p.y, p.pi, p.rho)


@_case("W4")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    return function(p.x[0], p.x, p.pi, lambda z: -z - z**3, p.sigma)


@_case("Q1")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    return function(p.x, p.y + 2, p.pi, p.rho, p.sigma)


@_case("Q2")
def _(function, k, rng, n, d):
    p = _Particles(k, rng, n, d)
    return function(p.x, p.y, p.pi, p.rho)


@_case("Q3")
def _(function, k, rng, n, d):
    p, centers = _Particles(k, rng, n, d), k.array(rng.normal(size=(2, d)))
    return function(k.array(rng.uniform(0.5, 2, size=2)), p.x, p.y, p.pi, p.rho, centers, p.sigma)


@_case("Q4")
def _(function, k, rng, n, d):
    factor = k.array(rng.normal(size=(d, d)))
    return function(k.array(rng.normal(size=d)), factor @ factor.T, k.number(0.5))


@_case("Q5")
def _(function, k, rng, n, d):
    p, directions = _Particles(k, rng, n, d), k.array(rng.normal(size=(2, d)))
    return [function(p.x, p.y + 1, p.pi, p.rho, directions, power) for power in (1, 2, 3)]


# --------------------------------------------------------------------------------------------------


class _Joint:
    """A joint distribution of h hidden and two visible states, with a model around it."""

    def __init__(self, k, rng, n, d):
        self.p = k.array(_mass(rng, 2 * n).reshape(n, 2))
        J = rng.integers(1, 9, size=(2 * n, d)) / 8
        J[-1] -= J.sum(axis=0)
        self.J, self.dL = k.array(J), k.array(rng.normal(size=d))
        self.target = k.array(_mass(rng, 2))
        self.recognition = k.array(np.array([_mass(rng, n) for _ in range(2)]).T)


@_case("B1")
def _(function, k, rng, n, d):
    j = _Joint(k, rng, n, d)
    gradient = function(j.p, j.p**2)
    return gradient, finite_models.inner_product(gradient, gradient, j.p)


@_case("B2")
def _(function, k, rng, n, d):
    j = _Joint(k, rng, n, 1)
    return function(j.p.reshape(-1), j.J, j.dL)


@_case("B3", "B4")
def _(function, k, rng, n, d):
    j = _Joint(k, rng, n, d)
    return function(j.p, j.target, j.recognition)


@_case("B5")
def _(function, k, rng, n, d):
    j = _Joint(k, rng, n, 1)
    return function(j.p, j.J)


@_case("B6")
def _(function, k, rng, n, d):
    j = _Joint(k, rng, n + 1, 2)
    return function(j.p, j.J, j.dL, k.array(rng.normal(size=2)))
