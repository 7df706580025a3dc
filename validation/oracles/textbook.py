"""Every family of the package at eighty digits or more, from a few lines of a textbook each.

A family states its log-partition function A, the mean μ of its statistics f, log h and E log h;
f and the base measure h are those of the class's docstring. `validation.oracles.statement` derives
everything else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from validation.oracles.precise import MP, Array, exp, log, precise, sqrt
from validation.oracles.statement import OutOfReach, Textbook, inverse_and_determinant

__all__ = ["TABLE", "gamma", "gaussian", "symmetric", "textbook", "upper"]

#: Longest series that a mean of log h is summed by.
TERMS = 20000

Classical = tuple[Callable[[Array], Array], Callable[[Array], Array]]


def textbook(family: Any) -> Textbook | None:
    """Return the oracle of a family, or None for one that the table below does not know."""
    statement = TABLE.get(type(family).__name__)
    return None if statement is None else statement(family)


def _vector(*entries: Any) -> Array:
    return np.array(list(entries), dtype=object)


def _log_2pi() -> Any:
    return MP.log(2 * MP.pi)


def _sum(values: Any) -> Any:
    return MP.fsum(list(values))


def _zero(_: Array) -> Any:
    """Return log h, or its mean, of h = 1."""
    return MP.mpf(0)


def _itself(x: Array) -> Array:
    """Return f = x."""
    return x


# --- finite and countable sets --------------------------------------------------------------------


def _finite(
    family: Any, states: Sequence[Any], statistics: Callable[[Array], Array] | None = None
) -> Textbook:
    """Return a family with h = 1 on finitely many states, all of whose moments are sums."""
    value = _itself if statistics is None else statistics
    table = np.array([value(precise(np.array(state))) for state in states])

    def probabilities(theta: Array) -> Array:
        weights = exp(table @ theta)
        return weights / _sum(weights)

    def covariance(theta: Array) -> Array:
        p = probabilities(theta)
        centred = table - p @ table
        return centred.T @ (p[:, None] * centred)

    return Textbook(
        family,
        log_partition=lambda t: MP.log(_sum(exp(table @ t))),
        mean=lambda t: probabilities(t) @ table,
        mean_log_base_measure=_zero,
        statistics=value,
        log_base_measure=_zero,
        stated_fisher=covariance,
    )


def _categorical(family: Any) -> Textbook:
    k = family.categories
    rows = precise(np.eye(k)[:, :-1])
    return _finite(family, [[i] for i in range(k)], lambda x: rows[int(x[0])])


def _ising(family: Any) -> Textbook:
    values = (0, 1) if family.binary else (-1, 1)
    pairs = np.array(list(itertools.combinations(range(family.spins), 2))).reshape(-1, 2).T
    states = list(itertools.product(values, repeat=family.spins))
    return _finite(family, states, lambda x: np.concatenate([x, x[pairs[0]] * x[pairs[1]]]))


def _multinomial(family: Any) -> Textbook:
    """Sums of n draws from the categories; Binomial's point holds the first count alone."""
    n, k = family.trials, getattr(family, "categories", 2)
    single = _finite(family, np.eye(k)[:, :-1].tolist())

    def log_h(counts: Array) -> Any:
        rest = n - np.sum(counts)
        return MP.loggamma(n + 1) - _sum(MP.loggamma(c + 1) for c in [*counts, rest])

    def mean_log_h(theta: Array) -> Any:
        return _binomial_mean(theta, log_h) if k == 2 else _enumerated_mean(theta, log_h)

    def _enumerated_mean(theta: Array, value: Callable[[Array], Any]) -> Any:
        counts = itertools.product(range(n + 1), repeat=k - 1)
        states = precise(np.array([c for c in counts if sum(c) <= n]))
        if len(states) > TERMS:
            raise OutOfReach("too many states")
        total = n * single.log_partition(theta)
        return _sum(value(c) * MP.exp(value(c) + np.sum(theta * c) - total) for c in states)

    def _binomial_mean(theta: Array, value: Callable[[Array], Any]) -> Any:
        """Sum over counts within 14 deviations and 60 of the mean, beyond which lies < 1e-40."""
        mean, variance = n * single.mean(theta)[0], n * covariance(theta)[0, 0]
        spread = 14 * MP.sqrt(variance) + 60
        first, last = max(0, int(mean - spread)), min(n, int(mean + spread))
        log_h = value(_vector(MP.mpf(first)))
        log_rest = first * theta[0] - n * single.log_partition(theta)
        total = MP.mpf(0)
        for count in range(first, last + 1):
            total += log_h * MP.exp(log_h + log_rest)
            log_h += MP.log(MP.mpf(n - count) / (count + 1)) if count < n else 0
            log_rest += theta[0]
        return total

    covariance = single.fisher
    return Textbook(
        family,
        log_partition=lambda t: n * single.log_partition(t),
        mean=lambda t: n * single.mean(t),
        mean_log_base_measure=mean_log_h,
        statistics=lambda x: x[: k - 1],
        log_base_measure=lambda x: log_h(x[: k - 1]),
        stated_fisher=lambda t: n * covariance(t),
    )


def _series(p: Any, ratio: Callable[[int], Any], value: Callable[[int], Any], above: Any) -> Any:
    """Sum p_k value(k) from p₀ and p_{k+1}/p_k until terms past ``above`` are negligible."""
    if above > TERMS:
        raise OutOfReach(f"a series of more than {TERMS} terms")
    total, k = MP.mpf(0), 0
    while True:
        term = p * value(k)
        total += term
        if k > above and abs(term) <= abs(total) * MP.mpf(10) ** (-MP.dps // 2):
            return total
        p, k = p * ratio(k), k + 1


def _poisson(family: Any) -> Textbook:
    def mean_log_h(theta: Array) -> Any:
        rate = MP.exp(theta[0])
        if rate > 10**4:  # entropy by its expansion, whose error is below rate⁻⁴
            terms = (12 * rate) ** -1 + (24 * rate**2) ** -1 + 19 / (360 * rate**3)
            return rate - rate * theta[0] - (_log_2pi() + 1 + theta[0]) / 2 + terms

        def value(k: Any) -> Any:
            return -MP.loggamma(k + 1)

        return _series(MP.exp(-rate), lambda k: rate / (k + 1), value, rate + 2)

    return Textbook(
        family,
        log_partition=lambda t: MP.exp(t[0]),
        mean=exp,
        mean_log_base_measure=mean_log_h,
        statistics=_itself,
        log_base_measure=lambda x: -MP.loggamma(x[0] + 1),
        stated_fisher=lambda t: exp(t)[:, None],
    )


def _negative_binomial(family: Any) -> Textbook:
    r = precise(getattr(family, "successes", 1.0))

    def log_h(x: Any) -> Any:
        return MP.loggamma(x + r) - MP.loggamma(r) - MP.loggamma(x + 1)

    def mean_log_h(theta: Array) -> Any:
        q = MP.exp(theta[0])
        if r == 1:
            return MP.mpf(0)
        # The terms fall like q^k: a series that needs more of them than TERMS is out of reach.
        above = max(2 + r * q / (1 - q), -MP.dps * MP.log(10) / theta[0] / 4)
        return _series(MP.exp(r * MP.log1p(-q)), lambda k: q * (k + r) / (k + 1), log_h, above)

    def odds(theta: Array) -> Any:
        return 1 / MP.expm1(-theta[0])

    return Textbook(
        family,
        log_partition=lambda t: -r * MP.log1p(-MP.exp(t[0])),
        mean=lambda t: _vector(r * odds(t)),
        mean_log_base_measure=mean_log_h,
        statistics=_itself,
        log_base_measure=lambda x: log_h(x[0]),
        stated_fisher=lambda t: _vector(r * odds(t) * (1 + odds(t)))[:, None],
    )


# --- the half-line --------------------------------------------------------------------------------


def _scale(
    family: Any,
    statistic: Callable[[Any], Any],
    log_h: Callable[[Any], Any],
    mean_log_h: Callable[[Any], Any],
    classical: Classical,
    k: Any = 1,
    factor: int = 1,
) -> Textbook:
    """Gamma distributed f with known shape k and rate −θ; A = −k log(−factor θ)."""
    to_natural, to_classical = classical
    return Textbook(
        family,
        log_partition=lambda t: -k * MP.log(-factor * t[0]),
        mean=lambda t: _vector(-k / t[0]),
        mean_log_base_measure=lambda t: mean_log_h(MP.log(-t[0])),
        statistics=lambda x: _vector(statistic(x[0])),
        log_base_measure=lambda x: log_h(x[0]),
        natural=to_natural,
        classical=to_classical,
    )


RATE: Classical = (lambda c: -c, lambda t: -t)
SCALE: Classical = (lambda c: -1 / c, lambda t: -1 / t)
DEVIATION: Classical = (lambda c: -1 / (2 * c * c), lambda t: sqrt(-1 / (2 * t)))


def _exponential(family: Any) -> Textbook:
    return _scale(family, lambda x: x, _zero, _zero, RATE)


def _rayleigh(family: Any) -> Textbook:
    def mean(log_rate: Any) -> Any:
        return (-MP.euler - log_rate) / 2

    return _scale(family, lambda x: x**2, MP.log, mean, DEVIATION, factor=2)


def _maxwell(family: Any) -> Textbook:
    k = MP.mpf(3) / 2

    def log_h(x: Any) -> Any:
        return MP.log(2 / MP.pi) / 2 + 2 * MP.log(x)

    def mean(log_rate: Any) -> Any:
        return MP.log(2 / MP.pi) / 2 + MP.digamma(k) - log_rate

    return _scale(family, lambda x: x**2, log_h, mean, DEVIATION, k, factor=2)


def _weibull(family: Any) -> Textbook:
    k = precise(family.shape)

    def log_h(x: Any) -> Any:
        return MP.log(k) + (k - 1) * MP.log(x)

    def mean(log_rate: Any) -> Any:
        return MP.log(k) + (1 - 1 / k) * (-MP.euler - log_rate)

    classical = (lambda c: -(c**-k), lambda t: (-t) ** (-1 / k))
    return _scale(family, lambda x: x**k, log_h, mean, classical)


def _pareto(family: Any) -> Textbook:
    minimum = precise(family.minimum)

    def mean(log_rate: Any) -> Any:
        return -MP.log(minimum) - MP.exp(-log_rate)

    return _scale(family, lambda x: MP.log(x / minimum), lambda x: -MP.log(x), mean, RATE)


def _laplace(family: Any) -> Textbook:
    location = precise(family.location)

    def half(_: Any) -> Any:
        return -MP.log(2)

    return _scale(family, lambda x: abs(x - location), half, half, SCALE)


def gamma(family: Any, sign: int = 1) -> Textbook:
    """Gamma for sign +1, inverse Gamma for −1: f = (log x, x) or (log x, 1/x), θ = (±α, −β)."""
    signs = _vector(sign, -1)

    def mean(theta: Array) -> Array:
        a, b = signs * theta
        return _vector(sign * (MP.digamma(a) - MP.log(b)), a / b)

    def fisher(theta: Array) -> Array:
        a, b = signs * theta
        return np.array([[MP.psi(1, a), sign / b], [sign / b, a / b**2]])

    return Textbook(
        family,
        log_partition=lambda t: MP.loggamma(sign * t[0]) - sign * t[0] * MP.log(-t[1]),
        mean=mean,
        mean_log_base_measure=lambda t: -mean(t)[0],
        statistics=lambda x: _vector(MP.log(x[0]), x[0] ** sign),
        log_base_measure=lambda x: -MP.log(x[0]),
        natural=lambda c: signs * c,
        classical=lambda t: signs * t,
        stated_fisher=fisher,
    )


def _chi_squared(family: Any) -> Textbook:
    def mean(theta: Array) -> Array:
        return _vector(MP.digamma(theta[0]) + MP.log(2))

    return Textbook(
        family,
        log_partition=lambda t: MP.loggamma(t[0]) + t[0] * MP.log(2),
        mean=mean,
        mean_log_base_measure=lambda t: -t[0] - mean(t)[0],
        statistics=log,
        log_base_measure=lambda x: -x[0] / 2 - MP.log(x[0]),
        natural=lambda c: c / 2,
        classical=lambda t: 2 * t,
        stated_fisher=lambda t: _vector(MP.psi(1, t[0]))[:, None],
    )


def _inverse_gaussian(family: Any) -> Textbook:
    def mean(theta: Array) -> Array:
        m = MP.sqrt(theta[1] / theta[0])
        return _vector(m, 1 / m - 1 / (2 * theta[1]))

    def mean_log_h(theta: Array) -> Any:
        """E log x = log m − eᵗ E₁(t) with t = 2λ/m."""
        m, t = MP.sqrt(theta[1] / theta[0]), 4 * MP.sqrt(theta[0] * theta[1])
        return -_log_2pi() / 2 - 3 * (MP.log(m) - MP.exp(t) * MP.e1(t)) / 2

    return Textbook(
        family,
        log_partition=lambda t: -2 * MP.sqrt(t[0] * t[1]) - MP.log(-2 * t[1]) / 2,
        mean=mean,
        mean_log_base_measure=mean_log_h,
        statistics=lambda x: _vector(x[0], 1 / x[0]),
        log_base_measure=lambda x: -_log_2pi() / 2 - 3 * MP.log(x[0]) / 2,
        natural=lambda c: _vector(-c[1] / (2 * c[0] ** 2), -c[1] / 2),
        classical=lambda t: _vector(MP.sqrt(t[1] / t[0]), -2 * t[1]),
    )


def _dirichlet(family: Any) -> Textbook:
    """Dirichlet, and Beta, whose point holds x alone of (x, 1 − x)."""
    beta = type(family).__name__ == "Beta"

    def mean(theta: Array) -> Array:
        return _vector(*map(MP.digamma, theta)) - MP.digamma(_sum(theta))

    def fisher(theta: Array) -> Array:
        return np.diag([MP.psi(1, a) for a in theta]) - MP.psi(1, _sum(theta))

    def statistics(x: Array) -> Array:
        return log(_vector(x[0], 1 - x[0]) if beta else x)

    return Textbook(
        family,
        log_partition=lambda t: _sum(map(MP.loggamma, t)) - MP.loggamma(_sum(t)),
        mean=mean,
        mean_log_base_measure=lambda t: -_sum(mean(t)),
        statistics=statistics,
        log_base_measure=lambda x: -_sum(statistics(x)),
        natural=lambda c: c,
        classical=lambda t: t,
        stated_fisher=fisher,
    )


# --- Gaussians ------------------------------------------------------------------------------------


def gaussian(family: Any, dimension: int = 1) -> Textbook:
    """Independent coordinates, θ = (m/s², −1/(2s²)) of each: Gaussian, diagonal Gaussian."""
    d = dimension

    def parts(theta: Array) -> tuple[Array, Array]:
        return -theta[:d] / (2 * theta[d:]), -1 / (2 * theta[d:])

    def log_partition(theta: Array) -> Any:
        return _sum(-(theta[:d] ** 2) / (4 * theta[d:]) - log(-2 * theta[d:]) / 2)

    def mean(theta: Array) -> Array:
        m, variance = parts(theta)
        return np.concatenate([m, m * m + variance])

    def fisher(theta: Array) -> Array:
        m, v = parts(theta)
        cross = np.diag(2 * m * v)
        return np.block([[np.diag(v), cross], [cross, np.diag(4 * m * m * v + 2 * v * v)]])

    def constant(_: Any) -> Any:
        return -d * _log_2pi() / 2

    return Textbook(
        family,
        log_partition,
        mean,
        mean_log_base_measure=constant,
        statistics=lambda x: np.concatenate([x, x * x]),
        log_base_measure=constant,
        natural=lambda c: np.concatenate([c[:d] / c[d:], -1 / (2 * c[d:])]),
        classical=lambda t: np.concatenate(parts(t)),
        stated_fisher=fisher,
    )


def _log_normal(family: Any) -> Textbook:
    normal = gaussian(family)
    return Textbook(
        family,
        normal.log_partition,
        normal.mean,
        mean_log_base_measure=lambda t: -normal.mean(t)[0] - _log_2pi() / 2,
        statistics=lambda x: _vector(MP.log(x[0]), MP.log(x[0]) ** 2),
        log_base_measure=lambda x: -MP.log(x[0]) - _log_2pi() / 2,
        natural=normal.natural,
        classical=normal.classical,
        stated_fisher=normal.stated_fisher,
    )


def _isotropic(family: Any) -> Textbook:
    d = family.dimension

    def classical(theta: Array) -> Array:
        return _vector(*theta[:-1], MP.mpf(1)) / (-2 * theta[-1])

    def mean(theta: Array) -> Array:
        *m, variance = classical(theta)
        return _vector(*m, _sum(a * a for a in m) + d * variance)

    def log_partition(theta: Array) -> Any:
        return -_sum(theta[:-1] ** 2) / (4 * theta[-1]) - d * MP.log(-2 * theta[-1]) / 2

    def constant(_: Any) -> Any:
        return -d * _log_2pi() / 2

    return Textbook(
        family,
        log_partition,
        mean,
        mean_log_base_measure=constant,
        statistics=lambda x: _vector(*x, _sum(x * x)),
        log_base_measure=constant,
        natural=lambda c: _vector(*c[:-1], -MP.mpf(1) / 2) / c[-1],
        classical=classical,
    )


def symmetric(vector: Array, d: int, doubled: bool = False) -> Array:
    """Return the matrix (d, d) of entries i ≤ j, row by row, off-diagonal ones perhaps doubled."""
    matrix, (i, j) = np.empty((d, d), dtype=object), np.triu_indices(d)
    matrix[i, j] = matrix[j, i] = np.where((i != j) & doubled, vector / 2, vector)
    return matrix


def upper(matrix: Array, doubled: bool = False) -> Array:
    """Return the entries i ≤ j of a symmetric matrix, off-diagonal ones perhaps doubled."""
    i, j = np.triu_indices(len(matrix))
    return np.where((i != j) & doubled, 2 * matrix[i, j], matrix[i, j])


def _part(entries: Array, d: int) -> Array:
    """Return the symmetric part of the matrix with all d² entries."""
    matrix = entries.reshape(d, d)
    return (matrix + matrix.T) / 2


def _multivariate(family: Any, centred: bool) -> Textbook:
    d = family.dimension
    means = 0 if centred else d

    def parts(theta: Array) -> tuple[Array, Array, Any]:
        covariance, determinant = inverse_and_determinant(-2 * symmetric(theta[means:], d, True))
        linear = _vector(*[MP.mpf(0)] * d) if centred else theta[:d]
        return linear, covariance, determinant

    def log_partition(theta: Array) -> Any:
        linear, covariance, determinant = parts(theta)
        return (linear @ covariance @ linear - MP.log(determinant)) / 2

    def mean(theta: Array) -> Array:
        linear, covariance, _ = parts(theta)
        m = covariance @ linear
        return np.concatenate([m[:means], upper(covariance + np.outer(m, m))])

    def natural(classical: Array) -> Array:
        precision, _ = inverse_and_determinant(_part(classical[means:], d))
        return np.concatenate([precision[:means] @ classical[:d], upper(-precision / 2, True)])

    def classical(theta: Array) -> Array:
        linear, covariance, _ = parts(theta)
        return np.concatenate([(covariance @ linear)[:means], covariance.ravel()])

    def constant(_: Any) -> Any:
        return -d * _log_2pi() / 2

    return Textbook(
        family,
        log_partition,
        mean,
        mean_log_base_measure=constant,
        statistics=lambda x: np.concatenate([x[:means], upper(np.outer(x, x))]),
        log_base_measure=constant,
        natural=natural,
        classical=classical,
    )


def _known_covariance(family: Any) -> Textbook:
    covariance = precise(np.array(family.covariance, dtype=float))
    d = len(covariance)

    def log_h(x: Array) -> Any:
        precision, determinant = inverse_and_determinant(covariance)
        return -(x @ precision @ x + MP.log(determinant) + d * _log_2pi()) / 2

    return Textbook(
        family,
        log_partition=lambda t: t @ covariance @ t / 2,
        mean=lambda t: covariance @ t,
        mean_log_base_measure=lambda t: log_h(covariance @ t) - MP.mpf(d) / 2,
        statistics=_itself,
        log_base_measure=log_h,
        natural=lambda c: inverse_and_determinant(covariance)[0] @ c,
        classical=lambda t: covariance @ t,
        stated_fisher=lambda t: covariance,
    )


# --- matrices and directions ----------------------------------------------------------------------


def _wishart(family: Any, sign: int) -> Textbook:
    """Wishart for +1, inverse Wishart for −1: f = (log det X, X or X⁻¹), θ = (±a, −B)."""
    d = family.dimension

    def arguments(a: Any) -> Any:
        return [a - MP.mpf(k) / 2 for k in range(d)]

    def parts(theta: Array) -> tuple[Any, Array, Any]:
        inverse, determinant = inverse_and_determinant(-symmetric(theta[1:], d, True))
        return sign * theta[0], inverse, MP.log(determinant)

    def log_partition(theta: Array) -> Any:
        a, _, log_det = parts(theta)
        log_pi = MP.mpf(d * (d - 1)) / 4 * MP.log(MP.pi)
        return log_pi + _sum(map(MP.loggamma, arguments(a))) - a * log_det

    def mean(theta: Array) -> Array:
        a, inverse, log_det = parts(theta)
        return _vector(sign * (_sum(map(MP.digamma, arguments(a))) - log_det), *upper(a * inverse))

    def fisher(theta: Array) -> Array:
        """Stack Var log det X = ψ_d′(a), ±B⁻¹, and a/2 (B⁻¹_ik B⁻¹_jl + B⁻¹_il B⁻¹_jk)."""
        (a, s, _), (i, j) = parts(theta), np.triu_indices(d)
        variance = _sum(MP.psi(1, x) for x in arguments(a))
        inner = a / 2 * (s[i][:, i] * s[j][:, j] + s[i][:, j] * s[j][:, i])
        border = sign * upper(s)
        return np.block([[_vector(variance)[:, None], border[None]], [border[:, None], inner]])

    def statistics(x: Array) -> Array:
        matrix = symmetric(x, d)
        inverse, determinant = inverse_and_determinant(matrix)
        return _vector(MP.log(determinant), *upper(matrix if sign > 0 else inverse))

    def natural(classical: Array) -> Array:
        rate = _part(classical[:-1], d) / 2  # B = Ψ/2, or V⁻¹/2
        rate = inverse_and_determinant(4 * rate)[0] if sign > 0 else rate
        return _vector(sign * classical[-1] / 2, *upper(-rate, True))

    def classical(theta: Array) -> Array:
        a, inverse, _ = parts(theta)
        scale = inverse / 2 if sign > 0 else -2 * symmetric(theta[1:], d, True)
        return _vector(*scale.ravel(), 2 * a)

    return Textbook(
        family,
        log_partition,
        mean,
        mean_log_base_measure=lambda t: -MP.mpf(d + 1) / 2 * mean(t)[0],
        statistics=statistics,
        log_base_measure=lambda x: -MP.mpf(d + 1) / 2 * statistics(x)[0],
        natural=natural,
        classical=classical,
        stated_fisher=fisher,
    )


def _directional(family: Any) -> Textbook:
    """Densities on the sphere, relative to its area; points of von Mises's are angles."""
    circle = type(family).__name__ == "VonMises"
    d = 2 if circle else family.dimension
    nu = MP.mpf(d) / 2 - 1

    def length(theta: Array) -> Any:
        return MP.sqrt(_sum(theta * theta))

    def ratio(kappa: Any) -> Any:
        """R = E⟨x, m⟩ = I_{ν+1}/I_ν."""
        return MP.besseli(nu + 1, kappa) / MP.besseli(nu, kappa)

    def log_partition(theta: Array) -> Any:
        kappa = length(theta)
        if kappa == 0:
            return MP.mpf(0)
        return MP.loggamma(nu + 1) + nu * MP.log(2 / kappa) + MP.log(MP.besseli(nu, kappa))

    def mean(theta: Array) -> Array:
        kappa = length(theta)
        return theta * (ratio(kappa) / kappa) if kappa else theta

    def radial(theta: Array, power: int) -> Array:
        """F or F⁻¹, with eigenvalues R′ along θ and R/κ across, R′ = 1 − R² − (d − 1)R/κ."""
        kappa, identity = length(theta), np.array(precise(np.eye(d)))
        if kappa == 0:
            return identity * MP.mpf(d) ** -power
        across = ratio(kappa) / kappa
        along = 1 - (across * kappa) ** 2 - (d - 1) * across
        projector = np.outer(theta, theta) / kappa**2
        result: Array = across**power * identity + (along**power - across**power) * projector
        return result

    def log_area(_: Array) -> Any:
        return MP.log(2) + MP.mpf(d) / 2 * MP.log(MP.pi) - MP.loggamma(MP.mpf(d) / 2)

    def statistics(x: Array) -> Array:
        return _vector(MP.cos(x[0]), MP.sin(x[0])) if circle else x / length(x)

    return Textbook(
        family,
        log_partition,
        mean,
        mean_log_base_measure=lambda t: -log_area(t),
        statistics=statistics,
        log_base_measure=lambda x: -log_area(x),
        stated_fisher=lambda t: radial(t, 1),
        stated_inverse=lambda t: radial(t, -1),
    )


# --- compositions ---------------------------------------------------------------------------------


def _product(family: Any) -> Textbook | None:
    parts = [textbook(part) for part in family.families]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None

    def split(vector: Array, sizes: Sequence[int]) -> list[tuple[Textbook, Array]]:
        return list(zip(known, np.split(vector, np.cumsum(sizes)[:-1]), strict=True))

    numbers = [part.family.number for part in known]
    dimensions = [part.family.dim for part in known]
    return Textbook(
        family,
        lambda t: _sum(part.log_partition(s) for part, s in split(t, numbers)),
        lambda t: np.concatenate([part.mean(s) for part, s in split(t, numbers)]),
        lambda t: _sum(part.mean_log_base_measure(s) for part, s in split(t, numbers)),
        lambda x: np.concatenate([part.statistics(s) for part, s in split(x, dimensions)]),
        lambda x: _sum(part.log_base_measure(s) for part, s in split(x, dimensions)),
    )


def _spin(family: Any) -> Textbook | None:
    """Return the example of the class: a spin with A = log cosh θ, relative to a fair coin."""
    if not family.name.startswith("spin"):
        return None
    return Textbook(
        family,
        lambda t: MP.log(MP.cosh(t[0])),
        lambda t: _vector(MP.tanh(t[0])),
        mean_log_base_measure=_zero,
        statistics=_itself,
        log_base_measure=_zero,
    )


TABLE: dict[str, Callable[[Any], Textbook | None]] = {
    "Bernoulli": lambda f: _finite(f, [[0], [1]]),
    "Beta": _dirichlet,
    "Binomial": _multinomial,
    "Categorical": _categorical,
    "CentredGaussian": lambda f: _multivariate(f, centred=True),
    "ChiSquared": _chi_squared,
    "DiagonalGaussian": lambda f: gaussian(f, f.dimension),
    "Dirichlet": _dirichlet,
    "Exponential": _exponential,
    "ExponentialTilt": _spin,
    "Gamma": gamma,
    "Gaussian": gaussian,
    "Geometric": _negative_binomial,
    "InverseGamma": lambda f: gamma(f, -1),
    "InverseGaussian": _inverse_gaussian,
    "InverseWishart": lambda f: _wishart(f, -1),
    "Ising": _ising,
    "IsotropicGaussian": _isotropic,
    "KnownCovarianceGaussian": _known_covariance,
    "Laplace": _laplace,
    "LogNormal": _log_normal,
    "Maxwell": _maxwell,
    "Multinomial": _multinomial,
    "MultivariateGaussian": lambda f: _multivariate(f, centred=False),
    "NegativeBinomial": _negative_binomial,
    "Pareto": _pareto,
    "Poisson": _poisson,
    "Product": _product,
    "Rayleigh": _rayleigh,
    "VonMises": _directional,
    "VonMisesFisher": _directional,
    "Weibull": _weibull,
    "Wishart": lambda f: _wishart(f, 1),
}
