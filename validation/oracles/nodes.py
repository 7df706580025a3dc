"""Expectations of every family of the package.

Weighted points that share neither statistics, base measure nor weights with it.

A rule gives points x with their statistics f, log h and probabilities. On a finite or countable set
these are the states; on a line they are trapezoidal nodes in a coordinate u in which exp(⟨θ, f⟩) h
dx is analytic and falls off on either side, so that the rule converges exponentially: it is cut
where the integrand is below e^−50 of its top, and the step is halved until the total settles, and
once more. Vectors and matrices have products of such rules, or Gauss rules where f is a polynomial
in variables with a classical weight. Statistics are computed from u, not from x, which may round to
an end of the support.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from validation.oracles.precise import Array

__all__ = ["Nodes", "nodes"]

CUT = 50.0
#: Change of a logarithm of a total by halving the step, from which on another halving is enough:
#: the error is about squared each time.
SETTLED = 1e-8
#: Nodes of a Gauss rule for a polynomial of degree four, a product of two squares, with one to
#: spare.
GAUSS = 4


@dataclass(frozen=True)
class Nodes:
    """Points (n, d), their statistics (n, b), log h (n,) and probabilities (n,) under q_θ.

    ``log_mass`` is A(θ) where the rule gives it.
    """

    x: Array
    statistics: Array
    log_h: Array
    weights: Array
    log_mass: float | None = None

    def mean(self) -> Array:
        """E f (b,)."""
        return self.weights @ self.statistics

    def covariance(self) -> Array:
        """Cov f (b, b), of centred statistics."""
        centred = self.statistics - self.mean()
        return (self.weights[:, None] * centred).T @ centred

    def entropy(self, theta: Array, log_partition: float) -> float:
        """−E log q (…) from the definition."""
        return float(-self.weights @ (self.log_h + self.statistics @ theta - log_partition))


def nodes(family: Any, theta: Array) -> Nodes | None:
    """Return nodes for q_θ, or None for a family that the table below does not know."""
    rule = TABLE.get(type(family).__name__)
    return None if rule is None else rule(family, np.asarray(theta, dtype=float))


def _summed(
    theta: Array, x: Array, statistics: Array, log_h: Array, log_dx: Array | float = 0.0
) -> Nodes:
    """Probabilities ∝ h exp(⟨θ, f⟩) dx."""
    exponents = statistics @ theta + log_h + log_dx
    log_mass = special.logsumexp(exponents)
    weights = np.exp(exponents - log_mass)
    return Nodes(x, statistics, log_h, weights / np.sum(weights), float(log_mass))


def _compressed(rule: Nodes) -> Nodes:
    """Return a rule on a few of the points with the same means of 1, f, f ⊗ f and log h.

    It exists by Carathéodory's theorem.
    """
    centred = (rule.statistics - rule.mean()) / np.sqrt(np.diag(rule.covariance()))
    i, j = np.triu_indices(len(rule.statistics[0]))
    moments = np.column_stack(
        [np.ones(len(centred)), centred, centred[:, i] * centred[:, j], rule.log_h]
    )
    kept, size = np.flatnonzero(rule.weights > 0), np.sqrt(rule.weights @ moments**2)
    moments = moments[kept][:, size > 0] / size[size > 0]
    wanted = rule.weights[kept] @ moments
    chosen, values = kept, rule.weights[kept]
    while len(chosen) > len(
        wanted
    ):  # drop points along directions that leave the means as they are
        subset = moments[: len(wanted) + 1]
        direction = np.linalg.svd(subset.T)[2][-1]
        with np.errstate(divide="ignore"):
            reach = np.where(direction > 0, values[: len(subset)] / direction, np.inf)
        out = int(np.argmin(reach))
        values[: len(subset)] -= reach[out] * direction
        chosen, values, moments = (
            np.delete(part, out, axis=0) for part in (chosen, values, moments)
        )
    values = values + np.linalg.lstsq(moments.T, wanted - values @ moments, rcond=None)[0]
    return Nodes(
        rule.x[chosen],
        rule.statistics[chosen],
        rule.log_h[chosen],
        values / np.sum(values),
        rule.log_mass,
    )


# --------------------------------------------------------------------------------------------------


def _finite(
    theta: Array, states: list[Any], statistics: list[Any], log_h: Array | None = None
) -> Nodes:
    table = np.array(statistics, dtype=float)
    return _summed(
        theta,
        np.array(states, dtype=float),
        table,
        np.zeros(len(table)) if log_h is None else log_h,
    )


def _categorical(family: Any, theta: Array) -> Nodes:
    k = family.categories
    return _finite(theta, [[i] for i in range(k)], np.eye(k)[:, :-1].tolist())


def _multinomial(family: Any, theta: Array) -> Nodes:
    n, k = family.trials, getattr(family, "categories", 2)
    free = [c for c in itertools.product(range(n + 1), repeat=k - 1) if sum(c) <= n]
    full = np.array([(*c, n - sum(c)) for c in free], dtype=float)
    log_h = special.gammaln(n + 1.0) - np.sum(special.gammaln(full + 1), axis=1)
    points = full[:, :1] if family.dim == 1 else full
    return _summed(theta, points, full[:, :-1], log_h)


def _ising(family: Any, theta: Array) -> Nodes:
    states = list(itertools.product((0, 1) if family.binary else (-1, 1), repeat=family.spins))
    return _finite(
        theta, states, [[*s, *(a * b for a, b in itertools.combinations(s, 2))] for s in states]
    )


def _counts(log_h: Callable[[Any, Array], Array]) -> Callable[[Any, Array], Nodes]:
    def rule(family: Any, theta: Array) -> Nodes:
        number = 64
        while True:  # until the last count is beyond doubt, and the largest term far before it
            x = np.arange(number, dtype=float)
            exponents = x * theta[0] + log_h(family, x)
            if exponents[-1] < np.max(exponents) - CUT:
                return _summed(theta, x[:, None], x[:, None], log_h(family, x))
            number *= 2

    return rule


def _negative_binomial_base(family: Any, x: Array) -> Array:
    r = getattr(family, "successes", 1.0)
    return special.gammaln(x + r) - special.gammaln(r) - special.gammaln(x + 1)


# --------------------------------------------------------------------------------------------------


def _trapezoid(exponent: Callable[[Array], Array]) -> tuple[Array, float]:
    """Equidistant nodes for the integral of exp(exponent(u)), and their step."""
    coarse = np.arange(-1000.0, 1000.0, 0.02)
    values = exponent(coarse)
    inside = coarse[values > np.max(values) - CUT]
    left, right = inside[0] - 0.02, inside[-1] + 0.02
    number, last = 32, -np.inf
    while True:
        step = (right - left) / number
        total = special.logsumexp(exponent(left + step * np.arange(number + 1))) + np.log(step)
        if abs(total - last) < SETTLED:
            return left + 0.5 * step * np.arange(2 * number + 1), 0.5 * step
        number, last = 2 * number, total


def _on_a_line(
    theta: Array,
    statistics: Callable[[Array], Array],
    log_h_dx: Callable[[Array], tuple[Array, Array]],
    point: Any,
) -> Nodes:
    """Nodes in u from f(u), from log h and log dx/du, and from x(u)."""

    def exponent(u: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            values = statistics(u) @ theta + sum(log_h_dx(u))
        return np.where(np.isnan(values), -np.inf, values)

    u, step = _trapezoid(exponent)
    log_h, log_dx = log_h_dx(u)
    return _summed(theta, point(u), statistics(u), log_h, log_dx + np.log(step))


def _columns(*columns: Array) -> Array:
    return np.stack(columns, axis=-1)


def _on_the_half_line(
    statistics: Callable[[Any, Array], Array],
    log_h: Callable[[Any, Array], Array],
    origin: Callable[[Any], float] = lambda family: 0.0,
) -> Callable[[Any, Array], Nodes]:
    """X = origin + e^u; ``statistics`` and ``log_h`` are functions of u."""

    def rule(family: Any, theta: Array) -> Nodes:
        return _on_a_line(
            theta,
            lambda u: statistics(family, u),
            lambda u: (log_h(family, u), u),
            lambda u: origin(family) + np.exp(u)[:, None],
        )

    return rule


def _pareto(family: Any, theta: Array) -> Nodes:
    """Log(x/m) = e^u, so that x = m exp(e^u), dx = x e^u du and h dx = e^u du."""

    def log_x(u: Any) -> Any:
        return np.log(family.minimum) + np.exp(u)

    return _on_a_line(
        theta,
        lambda u: np.exp(u)[:, None],
        lambda u: (-log_x(u), log_x(u) + u),
        lambda u: np.exp(log_x(u))[:, None],
    )


def _laplace(family: Any, theta: Array) -> Nodes:
    """|x − l| = e^u on either side."""
    half = _on_the_half_line(
        lambda f, u: np.exp(u)[:, None], lambda f, u: np.full_like(u, np.log(0.5))
    )(family, theta)
    x = np.concatenate([family.location + half.x, family.location - half.x])
    statistics, log_h, weights = (
        np.concatenate([part, part]) for part in (half.statistics, half.log_h, half.weights / 2)
    )
    return Nodes(
        x,
        statistics,
        log_h,
        weights,
        None if half.log_mass is None else half.log_mass + float(np.log(2)),
    )


def _gaussian(family: Any, theta: Array) -> Nodes:
    m, s = -theta[0] / (2 * theta[1]), np.sqrt(-0.5 / theta[1])

    def base(u: Array) -> tuple[Array, Array]:
        return np.full_like(u, -0.5 * np.log(2 * np.pi)), np.full_like(u, np.log(s))

    return _on_a_line(
        theta, lambda u: _columns(m + s * u, (m + s * u) ** 2), base, lambda u: (m + s * u)[:, None]
    )


def _log_gamma_base(family: Any, u: Array) -> Array:
    return -u


# --------------------------------------------------------------------------------------------------


def _beta(a: float, b: float) -> Nodes:
    """Beta(a, b) in the logit u of x, f = (log x, log(1 − x)); dx = x(1 − x) du cancels h."""

    def log_h_dx(u: Array) -> tuple[Array, Array]:
        log_dx = -np.logaddexp(0, -u) - np.logaddexp(0, u)
        return -log_dx, log_dx

    def point(u: Array) -> Array:
        return special.expit(u)[:, None]

    return _on_a_line(
        np.array([a, b]),
        lambda u: -_columns(np.logaddexp(0, -u), np.logaddexp(0, u)),
        log_h_dx,
        point,
    )


def _dirichlet(family: Any, theta: Array) -> Nodes:
    """Stick-breaking: x₁ = s₁, x₂ = (1 − s₁)s₂, …, with independent Beta fractions.

    A few points of each are enough.
    """
    log_x, rest, weights, log_mass = np.zeros((1, 0)), np.zeros(1), np.ones(1), 0.0
    for k in range(len(theta) - 1):
        part = _compressed(_beta(theta[k], np.sum(theta[k + 1 :])))
        i, j = (
            np.repeat(np.arange(len(rest)), len(part.x)),
            np.tile(np.arange(len(part.x)), len(rest)),
        )
        log_x = np.column_stack([log_x[i], rest[i] + part.statistics[j, 0]])
        rest, weights, log_mass = (
            rest[i] + part.statistics[j, 1],
            weights[i] * part.weights[j],
            log_mass + (part.log_mass or 0.0),
        )
    statistics = np.column_stack([log_x, rest])
    return Nodes(np.exp(statistics), statistics, -np.sum(statistics, axis=1), weights, log_mass)


def _von_mises(family: Any, theta: Array) -> Nodes:
    """The trapezoidal rule on the circle: moments of the n-th node are off by I_{n−2}(κ)."""
    number = 64 + 8 * int(np.linalg.norm(theta))
    angle = np.arange(number) * (2 * np.pi / number) - np.pi
    f = _columns(np.cos(angle), np.sin(angle))
    return _summed(
        theta, angle[:, None], f, np.full(number, -np.log(2 * np.pi)), np.log(2 * np.pi / number)
    )


def _von_mises_fisher(family: Any, theta: Array) -> Nodes:
    """Gauss-Jacobi nodes along the mean direction times a cross-polytope around it.

    They are exact for squares of coordinates.
    """
    d, kappa = len(theta), np.linalg.norm(theta)
    area = np.log(2) + d / 2 * np.log(np.pi) - special.gammaln(d / 2)
    t, w = special.roots_jacobi(40 + 2 * int(kappa), (d - 3) / 2, (d - 3) / 2)
    directions = np.linalg.qr(np.column_stack([theta / kappa, np.eye(d)]))[0]
    directions[:, 0] = theta / kappa
    around = np.concatenate([directions[:, 1:].T, -directions[:, 1:].T])
    x = (t[:, None, None] * directions[:, 0] + np.sqrt(1 - t * t)[:, None, None] * around).reshape(
        -1, d
    )
    log_dx = np.repeat(np.log(w / np.sum(w)), len(around)) - np.log(len(around)) + area
    return _summed(theta, x, x, np.full(len(x), -area), log_dx)


# --------------------------------------------------------------------------------------------------


def _normal(
    mean: Array,
    covariance: Array,
    base: Callable[[Array], Array],
    statistics: Callable[[Array], Array],
) -> Nodes:
    """Gauss-Hermite products: statistics are polynomials of second degree."""
    z, w = special.roots_hermitenorm(GAUSS)
    d = len(mean)
    grid = np.array(list(itertools.product(z, repeat=d)))
    weights = np.prod(np.array(list(itertools.product(w / np.sum(w), repeat=d))), axis=1)
    x = mean + grid @ np.linalg.cholesky(covariance).T
    return Nodes(x, statistics(x), base(x), weights / np.sum(weights))


def _matrix(vector: Array, d: int, doubled: bool) -> Array:
    matrix, (i, j) = np.zeros((d, d)), np.triu_indices(d)
    matrix[i, j] = matrix[j, i] = np.where((i != j) & doubled, vector / 2, vector)
    return matrix


def _second(x: Array) -> Array:
    i, j = np.triu_indices(x.shape[1])
    return x[:, i] * x[:, j]


def _lebesgue(x: Array) -> Array:
    return np.full(len(x), -0.5 * x.shape[1] * np.log(2 * np.pi))


def _multivariate(family: Any, theta: Array) -> Nodes:
    d = family.dimension
    covariance = np.linalg.inv(-2 * _matrix(theta[d:], d, doubled=True))
    return _normal(
        covariance @ theta[:d], covariance, _lebesgue, lambda x: np.hstack([x, _second(x)])
    )


def _centred(family: Any, theta: Array) -> Nodes:
    covariance = np.linalg.inv(-2 * _matrix(theta, family.dimension, doubled=True))
    return _normal(np.zeros(family.dimension), covariance, _lebesgue, _second)


def _diagonal(family: Any, theta: Array) -> Nodes:
    d = family.dimension
    variance = -0.5 / theta[d:]
    return _normal(
        variance * theta[:d], np.diag(variance), _lebesgue, lambda x: np.hstack([x, x * x])
    )


def _isotropic(family: Any, theta: Array) -> Nodes:
    variance = -0.5 / theta[-1]

    def statistics(x: Any) -> Any:
        return np.hstack([x, np.sum(x * x, axis=1, keepdims=True)])

    return _normal(
        variance * theta[:-1], variance * np.eye(family.dimension), _lebesgue, statistics
    )


def _known_covariance(family: Any, theta: Array) -> Nodes:
    covariance = np.array(family.covariance, dtype=float)

    def base(x: Array) -> Array:
        return (
            -0.5 * np.sum(x * np.linalg.solve(covariance, x.T).T, axis=1)
            - 0.5 * np.linalg.slogdet(2 * np.pi * covariance)[1]
        )

    return _normal(covariance @ theta, covariance, base, lambda x: x)


def _wishart(inverse: bool) -> Callable[[Any, Array], Nodes | None]:
    """Bartlett's factors of 2 × 2 matrices.

    X = C T Tᵀ Cᵀ with CCᵀ = B⁻¹, T₁₁² and T₂₂² Gamma distributed and T₂₁ normal.

    Squares of log det X and of X are polynomials of second degree in the logarithms and the values
    of these squares.
    """

    def rule(family: Any, theta: Array) -> Nodes | None:
        if family.dimension != 2:
            return None
        a, root = (
            abs(theta[0]),
            np.linalg.cholesky(np.linalg.inv(-_matrix(theta[1:], 2, doubled=True))),
        )
        squares = [
            _compressed(
                _on_the_half_line(lambda f, u: _columns(u, np.exp(u)), _log_gamma_base)(
                    None, np.array([shape, -1.0])
                )
            )
            for shape in (a, a - 0.5)
        ]
        (u1, w1), (u2, w2) = ((square.statistics[:, 0], square.weights) for square in squares)
        z, w = special.roots_hermitenorm(GAUSS)
        i, j, k = (
            index.ravel()
            for index in np.meshgrid(
                np.arange(len(u1)), np.arange(len(u2)), np.arange(GAUSS), indexing="ij"
            )
        )
        factor = np.zeros((len(i), 2, 2))
        factor[:, 0, 0], factor[:, 1, 1], factor[:, 1, 0] = (
            np.exp(u1[i] / 2),
            np.exp(u2[j] / 2),
            z[k] / np.sqrt(2),
        )
        weights = w1[i] * w2[j] * w[k] / np.sum(w)
        factor = root @ factor
        matrices = factor @ np.swapaxes(factor, 1, 2)
        log_det = u1[i] + u2[j] + 2 * np.sum(np.log(np.diag(root)))
        entries = matrices[:, (0, 0, 1), (0, 1, 1)]
        # The inverse of a 2 × 2 matrix, whose determinant is known without cancellation.
        points = (
            entries[:, (2, 1, 0)] * np.array([1.0, -1.0, 1.0]) * np.exp(-log_det)[:, None]
            if inverse
            else entries
        )
        log_det = -log_det if inverse else log_det
        return Nodes(
            points, np.column_stack([log_det, entries]), -1.5 * log_det, weights / np.sum(weights)
        )

    return rule


def _product(family: Any, theta: Array) -> Nodes | None:
    """All combinations of a few nodes of the factors."""
    joint = Nodes(np.zeros((1, 0)), np.zeros((1, 0)), np.zeros(1), np.ones(1))
    start = 0
    for part in family.families:
        found = nodes(part, theta[start : start + part.number])
        if found is None:
            return None
        start += part.number
        found = _compressed(found)
        i, j = (
            np.repeat(np.arange(len(joint.x)), len(found.x)),
            np.tile(np.arange(len(found.x)), len(joint.x)),
        )
        joint = Nodes(
            np.hstack([joint.x[i], found.x[j]]),
            np.hstack([joint.statistics[i], found.statistics[j]]),
            joint.log_h[i] + found.log_h[j],
            joint.weights[i] * found.weights[j],
        )
    return joint


def _spin(family: Any, theta: Array) -> Nodes | None:
    """States ±1 of probability a half before they are tilted."""
    return (
        _summed(
            theta, np.array([[-1.0], [1.0]]), np.array([[-1.0], [1.0]]), np.zeros(2), np.log(0.5)
        )
        if "spin" in family.name
        else None
    )


def _power(
    power: Callable[[Any], float], log_h: Callable[[Any, Array], Array]
) -> Callable[[Any, Array], Nodes]:
    """One statistic x^k of x = e^u."""
    return _on_the_half_line(lambda family, u: np.exp(power(family) * u)[:, None], log_h)


TABLE: dict[str, Callable[[Any, Array], Nodes | None]] = {
    "Bernoulli": lambda f, t: _finite(t, [[0], [1]], [[0], [1]]),
    "Beta": lambda f, t: _beta(*t),
    "Binomial": _multinomial,
    "Categorical": _categorical,
    "CentredGaussian": _centred,
    "ChiSquared": _on_the_half_line(lambda f, u: u[:, None], lambda f, u: -np.exp(u) / 2 - u),
    "DiagonalGaussian": _diagonal,
    "Dirichlet": _dirichlet,
    "Exponential": _power(lambda f: 1.0, lambda f, u: np.zeros_like(u)),
    "ExponentialTilt": _spin,
    "Gamma": _on_the_half_line(lambda f, u: _columns(u, np.exp(u)), _log_gamma_base),
    "Gaussian": _gaussian,
    "Geometric": _counts(lambda f, x: np.zeros_like(x)),
    "InverseGamma": _on_the_half_line(lambda f, u: _columns(u, np.exp(-u)), _log_gamma_base),
    "InverseGaussian": _on_the_half_line(
        lambda f, u: _columns(np.exp(u), np.exp(-u)),
        lambda f, u: -0.5 * np.log(2 * np.pi) - 1.5 * u,
    ),
    "InverseWishart": _wishart(inverse=True),
    "Ising": _ising,
    "IsotropicGaussian": _isotropic,
    "KnownCovarianceGaussian": _known_covariance,
    "Laplace": _laplace,
    "LogNormal": _on_the_half_line(
        lambda f, u: _columns(u, u * u), lambda f, u: -u - 0.5 * np.log(2 * np.pi)
    ),
    "Maxwell": _power(lambda f: 2.0, lambda f, u: 0.5 * np.log(2 / np.pi) + 2 * u),
    "Multinomial": _multinomial,
    "MultivariateGaussian": _multivariate,
    "NegativeBinomial": _counts(_negative_binomial_base),
    "Pareto": _pareto,
    "Poisson": _counts(lambda f, x: -special.gammaln(x + 1)),
    "Product": _product,
    "Rayleigh": _power(lambda f: 2.0, lambda f, u: u),
    "VonMises": _von_mises,
    "VonMisesFisher": _von_mises_fisher,
    "Weibull": _power(lambda f: f.shape, lambda f, u: np.log(f.shape) + (f.shape - 1) * u),
    "Wishart": _wishart(inverse=False),
}
