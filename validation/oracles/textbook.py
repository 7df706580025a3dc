"""Every family of the package at eighty digits, from three lines of a textbook each.

What a family states is its log-partition function A, the mean of its statistics, and the mean of
log h; the sufficient statistics f and the base measure h that they belong to are those of its class
docstring. Everything else follows here by differences, elimination and Newton's method at the
precision at hand, of which nothing is shared with the package: the Fisher information is the
difference of the means, or the second difference of A; the divergence is the three terms of (E5),
whose cancellation only costs digits.

Steps are relative to a coordinate of θ. With D digits, first differences use 10^(−D/3), which
leaves 10^(−2D/3) from truncation and as much from rounding; second differences use 10^(−D/4), which
leaves 10^(−D/2) of either: forty digits of eighty.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from validation.oracles.precise import MP, Array, axes, exp, precise, solve

__all__ = ["Textbook", "textbook"]

#: Longest series that a mean of log h is summed by.
TERMS = 20000


class OutOfReach(ArithmeticError):
    """The oracle would need more terms than it is worth."""


@dataclass(frozen=True)
class Textbook:
    """One family at eighty digits; θ and μ are arrays (b,) of exact numbers."""

    family: Any
    log_partition: Callable[[Array], Any]
    mean: Callable[[Array], Array]
    mean_log_base_measure: Callable[[Array], Any]

    def fisher(self, theta: Array) -> Array:
        """F = ∂μ/∂θ (b, b) by first differences of the means."""
        return slopes(self.mean, theta)

    def curvature(self, theta: Array) -> Array:
        """F = ∇²A (b, b) by second differences of A."""
        return _second(self.log_partition, theta)

    def curvature_of_divergence(self, theta: Array) -> Array:
        """F (b, b) as the Hessian of δ ↦ KL(θ‖θ + δ) at 0."""
        return _second(lambda t: self.kl(theta, t), theta)

    def inverse_fisher(self, theta: Array) -> Array:
        """F⁻¹ (b, b) by elimination."""
        return np.array((MP.matrix(self.fisher(theta).tolist()) ** -1).tolist(), dtype=object)

    def kl(self, theta1: Array, theta2: Array) -> Any:
        """A(θ₂) − A(θ₁) − ⟨θ₂ − θ₁, μ(θ₁)⟩."""
        return (
            self.log_partition(theta2)
            - self.log_partition(theta1)
            - np.sum((theta2 - theta1) * self.mean(theta1))
        )

    def conjugate_at(self, theta: Array) -> Any:
        """A* at μ(θ): ⟨θ, μ⟩ − A."""
        return np.sum(theta * self.mean(theta)) - self.log_partition(theta)

    def entropy(self, theta: Array) -> Any:
        """−E log q = A − ⟨θ, μ⟩ − E log h."""
        return -self.conjugate_at(theta) - self.mean_log_base_measure(theta)

    def natural_from_mean(self, mu: Array, start: Array) -> Array:
        """The θ with mean μ by Newton's method from parameters close to it, to half of the digits."""
        theta, sizes = start, units(start)
        for _ in range(40):
            step = solve(slopes(self.mean, theta, sizes), mu - self.mean(theta))
            theta = theta + step
            if all(
                abs(s) <= size * MP.mpf(10) ** (-MP.dps // 2)
                for s, size in zip(step, sizes, strict=True)
            ):
                return theta
        raise OutOfReach(
            f"Newton's method found no parameters of {self.family.name} with the mean {mu}"
        )


def textbook(family: Any) -> Textbook | None:
    """Return the oracle of a family, or None for one that the table below does not know."""
    statement = TABLE.get(type(family).__name__)
    return None if statement is None else statement(family)


def units(theta: Array) -> Array:
    """Size of each coordinate; where it is zero, of the largest one, or one."""
    largest = max(abs(t) for t in theta)
    return np.array([abs(t) if t != 0 else (largest if largest != 0 else MP.mpf(1)) for t in theta])


def slopes(function: Callable[[Array], Any], theta: Array, sizes: Array | None = None) -> Array:
    """∂function/∂θ_a along the first axis, then the shape of the result."""
    h = MP.mpf(10) ** (-MP.dps // 3)
    sizes = units(theta) if sizes is None else sizes
    steps = [h * size * axis for size, axis in zip(sizes, axes(len(theta)), strict=True)]
    return np.array([(function(theta + s) - function(theta - s)) / (2 * np.sum(s)) for s in steps])


def _second(function: Callable[[Array], Any], theta: Array) -> Array:
    """All second derivatives of a scalar function by central differences."""
    h = MP.mpf(10) ** (-MP.dps // 4)
    sizes = units(theta) * h
    steps = [size * axis for size, axis in zip(sizes, axes(len(theta)), strict=True)]
    result = np.empty((len(theta), len(theta)), dtype=object)
    for a, c in itertools.combinations_with_replacement(range(len(theta)), 2):
        i, k = steps[a], steps[c]
        corners = (
            function(theta + i + k)
            - function(theta + i - k)
            - function(theta - i + k)
            + function(theta - i - k)
        )
        result[a, c] = result[c, a] = corners / (4 * sizes[a] * sizes[c])
    return result


# --------------------------------------------------------------------------------------------------


def _nothing(theta: Array) -> Any:
    """E log h of h = 1."""
    return MP.mpf(0)


def _constant(value: Callable[[], Any]) -> Callable[[Array], Any]:
    """E log h of a constant h, computed at the precision of the moment."""
    return lambda theta: value()


def _vector(*entries: Any) -> Array:
    return np.array(list(entries), dtype=object)


def _log_2pi() -> Any:
    return MP.log(2 * MP.pi)


def _sum(values: Any) -> Any:
    return MP.fsum(list(values))


def _symmetric(vector: Array, d: int, doubled: bool) -> Any:
    """Return the symmetric matrix of d(d + 1)/2 coordinates, row by row above the diagonal, off-diagonal ones perhaps doubled."""
    matrix, entries = MP.matrix(d), iter(vector)
    for i in range(d):
        for j in range(i, d):
            value = next(entries)
            matrix[i, j] = matrix[j, i] = value / 2 if doubled and i != j else value
    return matrix


def _entries(matrix: Any) -> list[Any]:
    return [matrix[i, j] for i in range(matrix.rows) for j in range(i, matrix.rows)]


def _inverse_and_determinant(matrix: Any) -> tuple[Any, Any]:
    """By elimination without pivoting, which a positive definite matrix does not need."""
    n = matrix.rows
    work = [
        [matrix[i, j] for j in range(n)] + [MP.mpf(int(i == j)) for j in range(n)] for i in range(n)
    ]
    determinant = MP.mpf(1)
    for k in range(n):
        pivot = work[k][k]
        determinant *= pivot
        work[k] = [value / pivot for value in work[k]]
        for i in range(n):
            if i != k:
                factor = work[i][k]
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return MP.matrix([row[n:] for row in work]), determinant


def _series(
    log_term: Any, ratio: Callable[[int], Any], statistic: Callable[[int], Any], above: Any
) -> Any:
    """Σ p_k s(k) of probabilities that begin with log p₀ and continue with quotients, until past ``above`` they are negligible."""
    if above > TERMS:
        raise OutOfReach(f"a series of more than {TERMS} terms")
    total, p, k = MP.mpf(0), MP.exp(log_term), 0
    while True:
        term = p * statistic(k)
        total += term
        if k > above and abs(term) <= abs(total) * MP.mpf(10) ** (-MP.dps // 2):
            return total
        p, k = p * ratio(k), k + 1


# --------------------------------------------------------------------------------------------------


def _finite(family: Any, table: list[list[int]], log_h: list[Any] | None = None) -> Textbook:
    """Finitely many states: every moment is a sum over them."""
    states = [_vector(*map(MP.mpf, row)) for row in table]
    base = log_h or [MP.mpf(0)] * len(table)

    def exponents(theta: Array) -> list[Any]:
        return [b + _sum(theta * f) for b, f in zip(base, states, strict=True)]

    def log_partition(theta: Array) -> Any:
        return MP.log(_sum(MP.exp(e) for e in exponents(theta)))

    def expectation(theta: Array, values: list[Any]) -> Any:
        weights = [MP.exp(e) for e in exponents(theta)]
        return sum(w * v for w, v in zip(weights, values, strict=True)) / _sum(weights)

    return Textbook(
        family, log_partition, lambda t: expectation(t, states), lambda t: expectation(t, base)
    )


def _categories(trials: int, categories: int) -> tuple[list[list[int]], list[Any]]:
    """Counts of all but the last category, and the logarithms of the multinomial coefficients."""
    counts = [
        c for c in itertools.product(range(trials + 1), repeat=categories - 1) if sum(c) <= trials
    ]
    full = [(*c, trials - sum(c)) for c in counts]
    log_h = [MP.loggamma(trials + 1) - _sum(MP.loggamma(k + 1) for k in c) for c in full]
    return [list(c) for c in counts], log_h


def _multinomial(family: Any) -> Textbook:
    n, k = family.trials, getattr(family, "categories", 2)
    single = _finite(family, _categories(1, k)[0])

    def mean_log_h(theta: Array) -> Any:
        table, log_h = _categories(n, k)
        if len(table) > TERMS:
            raise OutOfReach("too many states")
        return _finite(family, table, log_h).mean_log_base_measure(theta)

    return Textbook(
        family, lambda t: n * single.log_partition(t), lambda t: n * single.mean(t), mean_log_h
    )


def _ising(family: Any) -> Textbook:
    values = (0, 1) if family.binary else (-1, 1)
    states = itertools.product(values, repeat=family.spins)
    return _finite(
        family, [[*s, *(a * b for a, b in itertools.combinations(s, 2))] for s in states]
    )


def _poisson(family: Any) -> Textbook:
    def mean_log_h(theta: Array) -> Any:
        rate = MP.exp(theta[0])
        return -_series(-rate, lambda k: rate / (k + 1), lambda k: MP.loggamma(k + 1), rate + 2)

    return Textbook(family, lambda t: MP.exp(t[0]), exp, mean_log_h)


def _negative_binomial(family: Any) -> Textbook:
    r = precise(getattr(family, "successes", 1.0))

    def mean_log_h(theta: Array) -> Any:
        q = MP.exp(theta[0])
        p0, above = r * MP.log1p(-q), 2 + r * q / (1 - q)
        if r == 1:
            return MP.mpf(0)
        log_h = lambda k: MP.loggamma(k + r) - MP.loggamma(r) - MP.loggamma(k + 1)
        # The terms fall like q^k: a series that needs more of them than TERMS is out of reach.
        return _series(
            p0,
            lambda k: q * (k + r) / (k + 1),
            log_h,
            max(above, -MP.dps * MP.log(10) / theta[0] / 4),
        )

    return Textbook(
        family,
        lambda t: -r * MP.log1p(-MP.exp(t[0])),
        lambda t: _vector(r / MP.expm1(-t[0])),
        mean_log_h,
    )


# --------------------------------------------------------------------------------------------------


def _scale(family: Any, k: Any, factor: Any, mean_log_h: Callable[[Any], Any]) -> Textbook:
    """A statistic that is Gamma distributed with known shape k and rate −θ; A = −k log(−factor θ)."""
    return Textbook(
        family,
        lambda t: -k * MP.log(-factor * t[0]),
        lambda t: _vector(-MP.mpf(k) / t[0]),
        lambda t: mean_log_h(MP.log(-t[0])),
    )


def _maxwell(family: Any) -> Textbook:
    half = MP.mpf(1) / 2
    return _scale(
        family,
        3 * half,
        2,
        lambda log_rate: MP.log(2 / MP.pi) / 2 + MP.digamma(3 * half) - log_rate,
    )


def _weibull(family: Any) -> Textbook:
    k = precise(family.shape)
    return _scale(family, 1, 1, lambda log_rate: MP.log(k) + (1 - 1 / k) * (-MP.euler - log_rate))


def _pareto(family: Any) -> Textbook:
    minimum = precise(family.minimum)
    return _scale(family, 1, 1, lambda log_rate: -MP.log(minimum) - MP.exp(-log_rate))


def _gamma(family: Any, sign: int) -> Textbook:
    """Gamma for sign +1, inverse Gamma for −1: f = (log x, x) or (log x, 1/x), θ = (±α, −β)."""

    def log_partition(theta: Array) -> Any:
        return MP.loggamma(sign * theta[0]) - sign * theta[0] * MP.log(-theta[1])

    def mean(theta: Array) -> Array:
        a, b = sign * theta[0], -theta[1]
        return _vector(sign * (MP.digamma(a) - MP.log(b)), a / b)

    return Textbook(family, log_partition, mean, lambda t: -mean(t)[0])


def _chi_squared(family: Any) -> Textbook:
    def mean(theta: Array) -> Array:
        return _vector(MP.digamma(theta[0]) + MP.log(2))

    return Textbook(
        family, lambda t: MP.loggamma(t[0]) + t[0] * MP.log(2), mean, lambda t: -t[0] - mean(t)[0]
    )


def _inverse_gaussian(family: Any) -> Textbook:
    def mean(theta: Array) -> Array:
        m = MP.sqrt(theta[1] / theta[0])
        return _vector(m, 1 / m - 1 / (2 * theta[1]))

    def mean_log_h(theta: Array) -> Any:
        m, t = (
            MP.sqrt(theta[1] / theta[0]),
            4 * MP.sqrt(theta[0] * theta[1]),
        )  # t = 2λ/m; E log x = log m − eᵗE₁(t)
        return -_log_2pi() / 2 - 3 * (MP.log(m) - MP.exp(t) * MP.e1(t)) / 2

    return Textbook(
        family, lambda t: -2 * MP.sqrt(t[0] * t[1]) - MP.log(-2 * t[1]) / 2, mean, mean_log_h
    )


def _dirichlet(family: Any) -> Textbook:
    def log_partition(theta: Array) -> Any:
        return _sum(MP.loggamma(a) for a in theta) - MP.loggamma(_sum(theta))

    def mean(theta: Array) -> Array:
        total = MP.digamma(_sum(theta))
        return _vector(*(MP.digamma(a) - total for a in theta))

    return Textbook(family, log_partition, mean, lambda t: -_sum(mean(t)))


# --------------------------------------------------------------------------------------------------


def _gaussian(family: Any) -> Textbook:
    def log_partition(theta: Array) -> Any:
        return -(theta[0] ** 2) / (4 * theta[1]) - MP.log(-2 * theta[1]) / 2

    def mean(theta: Array) -> Array:
        m = -theta[0] / (2 * theta[1])
        return _vector(m, m * m - 1 / (2 * theta[1]))

    return Textbook(family, log_partition, mean, _constant(lambda: -_log_2pi() / 2))


def _log_normal(family: Any) -> Textbook:
    gaussian = _gaussian(family)
    return Textbook(
        family,
        gaussian.log_partition,
        gaussian.mean,
        lambda t: -gaussian.mean(t)[0] - _log_2pi() / 2,
    )


def _diagonal(family: Any) -> Textbook:
    d, one = family.dimension, _gaussian(family)

    def pairs(theta: Array) -> list[Array]:
        return [theta[[i, d + i]] for i in range(d)]

    def mean(theta: Array) -> Array:
        parts = [one.mean(pair) for pair in pairs(theta)]
        return _vector(*(p[0] for p in parts), *(p[1] for p in parts))

    return Textbook(
        family,
        lambda t: _sum(one.log_partition(p) for p in pairs(t)),
        mean,
        _constant(lambda: -d * _log_2pi() / 2),
    )


def _isotropic(family: Any) -> Textbook:
    d = family.dimension

    def mean(theta: Array) -> Array:
        m = -theta[:-1] / (2 * theta[-1])
        return _vector(*m, _sum(m * m) - d / (2 * theta[-1]))

    def log_partition(theta: Array) -> Any:
        return -_sum(theta[:-1] ** 2) / (4 * theta[-1]) - d * MP.log(-2 * theta[-1]) / 2

    return Textbook(family, log_partition, mean, _constant(lambda: -d * _log_2pi() / 2))


def _multivariate(family: Any, centred: bool) -> Textbook:
    d = family.dimension

    def parts(theta: Array) -> tuple[Any, Any, Any]:
        linear = MP.matrix([0] * d if centred else list(theta[:d]))
        covariance, determinant = _inverse_and_determinant(
            -2 * _symmetric(theta if centred else theta[d:], d, doubled=True)
        )
        return linear, covariance, determinant

    def log_partition(theta: Array) -> Any:
        linear, covariance, determinant = parts(theta)
        return ((linear.T * covariance * linear)[0] - MP.log(determinant)) / 2

    def mean(theta: Array) -> Array:
        linear, covariance, _ = parts(theta)
        m = covariance * linear
        return _vector(*([] if centred else m), *_entries(covariance + m * m.T))

    return Textbook(family, log_partition, mean, _constant(lambda: -d * _log_2pi() / 2))


def _known_covariance(family: Any) -> Textbook:
    covariance = MP.matrix([[precise(float(v)) for v in row] for row in family.covariance])

    def mean(theta: Array) -> Array:
        return _vector(*(covariance * MP.matrix(list(theta))))

    def mean_log_h(theta: Array) -> Any:
        precision, determinant = _inverse_and_determinant(covariance)
        m = MP.matrix(list(mean(theta)))
        return (
            -(
                (m.T * precision * m)[0]
                + covariance.rows
                + MP.log(determinant)
                + covariance.rows * _log_2pi()
            )
            / 2
        )

    return Textbook(family, lambda t: _sum(t * mean(t)) / 2, mean, mean_log_h)


def _wishart(family: Any, sign: int) -> Textbook:
    """Wishart for sign +1, inverse Wishart for −1: f = (log det X, X) or (log det X, X⁻¹), θ = (±a, −B)."""
    d = family.dimension

    def parts(theta: Array) -> tuple[Any, Any, Any]:
        inverse, determinant = _inverse_and_determinant(-_symmetric(theta[1:], d, doubled=True))
        return sign * theta[0], inverse, MP.log(determinant)

    def log_partition(theta: Array) -> Any:
        a, _, log_det = parts(theta)
        log_gamma = MP.mpf(d * (d - 1)) / 4 * MP.log(MP.pi) + _sum(
            MP.loggamma(a - MP.mpf(k) / 2) for k in range(d)
        )
        return log_gamma - a * log_det

    def mean(theta: Array) -> Array:
        a, inverse, log_det = parts(theta)
        return _vector(
            sign * (_sum(MP.digamma(a - MP.mpf(k) / 2) for k in range(d)) - log_det),
            *(a * v for v in _entries(inverse)),
        )

    return Textbook(family, log_partition, mean, lambda t: -MP.mpf(d + 1) / 2 * mean(t)[0])


# --------------------------------------------------------------------------------------------------


def _directional(family: Any) -> Textbook:
    """Densities on the sphere with respect to its uniform distribution, up to the constant in h."""
    circle = type(family).__name__ == "VonMises"
    d = 2 if circle else family.dimension

    def order() -> Any:
        return MP.mpf(d) / 2 - 1

    def length(theta: Array) -> Any:
        return MP.sqrt(_sum(theta * theta))

    def log_partition(theta: Array) -> Any:
        nu, kappa = order(), length(theta)
        return (
            MP.loggamma(nu + 1) + nu * MP.log(2 / kappa) + MP.log(MP.besseli(nu, kappa))
            if kappa
            else MP.mpf(0)
        )

    def mean(theta: Array) -> Array:
        nu, kappa = order(), length(theta)
        return (
            theta * (MP.besseli(nu + 1, kappa) / MP.besseli(nu, kappa) / kappa) if kappa else theta
        )

    def log_area() -> Any:
        return MP.log(2) + MP.mpf(d) / 2 * MP.log(MP.pi) - MP.loggamma(MP.mpf(d) / 2)

    return Textbook(family, log_partition, mean, _constant(lambda: -log_area()))


# --------------------------------------------------------------------------------------------------


def _product(family: Any) -> Textbook | None:
    parts = [textbook(part) for part in family.families]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    ends = list(itertools.accumulate([part.family.number for part in known], initial=0))

    def split(theta: Array) -> list[tuple[Textbook, Array]]:
        return [
            (part, theta[start:end])
            for part, (start, end) in zip(known, itertools.pairwise(ends), strict=True)
        ]

    return Textbook(
        family,
        lambda t: _sum(part.log_partition(s) for part, s in split(t)),
        lambda t: np.concatenate([part.mean(s) for part, s in split(t)]),
        lambda t: _sum(part.mean_log_base_measure(s) for part, s in split(t)),
    )


def _spin(family: Any) -> Textbook | None:
    """The spin that the class proposes, with A = log cosh θ: with respect to probabilities of a half, whence h = 1 stands for ½."""
    if not family.name.startswith("spin"):
        return None
    return Textbook(
        family, lambda t: MP.log(MP.cosh(t[0])), lambda t: _vector(MP.tanh(t[0])), _nothing
    )


TABLE: dict[str, Callable[[Any], Textbook | None]] = {
    "Bernoulli": lambda f: _finite(f, [[0], [1]]),
    "Beta": _dirichlet,
    "Binomial": _multinomial,
    "Categorical": lambda f: _finite(f, _categories(1, f.categories)[0]),
    "CentredGaussian": lambda f: _multivariate(f, centred=True),
    "ChiSquared": _chi_squared,
    "DiagonalGaussian": _diagonal,
    "Dirichlet": _dirichlet,
    "Exponential": lambda f: _scale(f, 1, 1, lambda log_rate: MP.mpf(0)),
    "ExponentialTilt": _spin,
    "Gamma": lambda f: _gamma(f, 1),
    "Gaussian": _gaussian,
    "Geometric": _negative_binomial,
    "InverseGamma": lambda f: _gamma(f, -1),
    "InverseGaussian": _inverse_gaussian,
    "InverseWishart": lambda f: _wishart(f, -1),
    "Ising": _ising,
    "IsotropicGaussian": _isotropic,
    "KnownCovarianceGaussian": _known_covariance,
    "Laplace": lambda f: _scale(f, 1, 1, lambda log_rate: -MP.log(2)),
    "LogNormal": _log_normal,
    "Maxwell": _maxwell,
    "Multinomial": _multinomial,
    "MultivariateGaussian": lambda f: _multivariate(f, centred=False),
    "NegativeBinomial": _negative_binomial,
    "Pareto": _pareto,
    "Poisson": _poisson,
    "Product": _product,
    "Rayleigh": lambda f: _scale(f, 1, 2, lambda log_rate: (-MP.euler - log_rate) / 2),
    "VonMises": _directional,
    "VonMisesFisher": _directional,
    "Weibull": _weibull,
    "Wishart": lambda f: _wishart(f, 1),
}
