"""The families of counts, categories and proportions at 100 digits, written literally from (E1)-(E6): an oracle that shares no code.

Cancellation is paid for with digits. The inverse of ∇A is not repeated: what a family returns is
refined by Newton's iteration at 100 digits, and the solution is unique, since A is strictly convex.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath
from mpmath import mpf

from ingd_ref.families import ExponentialFamily
from ingd_ref.families.bernoulli import Bernoulli
from ingd_ref.families.beta import Beta
from ingd_ref.families.binomial import Binomial
from ingd_ref.families.categorical import Categorical
from ingd_ref.families.dirichlet import Dirichlet
from ingd_ref.families.geometric import Geometric
from ingd_ref.families.ising import Ising
from ingd_ref.families.multinomial import Multinomial
from ingd_ref.families.negative_binomial import NegativeBinomial
from ingd_ref.families.poisson import Poisson

DIGITS = 100
Vector = list[mpf]


@dataclass(frozen=True)
class Oracle:
    """A family and its functions of θ at many digits; ``log_h`` is a function of a point."""

    family: ExponentialFamily
    log_partition: Callable[[Vector], mpf]
    mean: Callable[[Vector], Vector]
    fisher: Callable[[Vector], list[Vector]]
    entropy: Callable[[Vector], mpf]
    statistics: Callable[[Vector], Vector]
    log_h: Callable[[Vector], mpf]

    def log_prob(self, theta: Vector, x: Vector) -> mpf:
        linear = mpmath.fsum(t * f for t, f in zip(theta, self.statistics(x), strict=True))
        return self.log_h(x) + linear - self.log_partition(theta)

    def inverse_fisher(self, theta: Vector) -> list[Vector]:
        return (mpmath.matrix(self.fisher(theta)) ** -1).tolist()

    def natural_gradient(self, theta: Vector, grad: Vector) -> Vector:
        return [
            mpmath.fsum(f * g for f, g in zip(row, grad, strict=True))
            for row in self.inverse_fisher(theta)
        ]

    def kl(self, theta1: Vector, theta2: Vector) -> mpf:
        linear = mpmath.fsum(
            (t2 - t1) * m for t1, t2, m in zip(theta1, theta2, self.mean(theta1), strict=True)
        )
        return self.log_partition(theta2) - self.log_partition(theta1) - linear

    def refined(self, theta: Vector, mu: Vector) -> Vector:
        """The parameters with mean ``mu``, from parameters that are close to them."""
        for _ in range(12):
            residual = [m - got for m, got in zip(mu, self.mean(theta), strict=True)]
            step = self.natural_gradient(theta, residual)
            theta = [t + s for t, s in zip(theta, step, strict=True)]
            if all(abs(s) <= abs(t) * mpf(10) ** -30 for s, t in zip(step, theta, strict=True)):
                return theta
        raise AssertionError(f"no parameters near {theta} have the mean {mu}")


def softmax(logits: Sequence[mpf]) -> Vector:
    powers = [mpmath.exp(a) for a in logits]
    total = mpmath.fsum(powers)
    return [p / total for p in powers]


def log_sum(logits: Sequence[mpf]) -> mpf:
    return mpmath.log(mpmath.fsum(mpmath.exp(a) for a in logits))


def enumerated(
    family: ExponentialFamily,
    table: list[Vector],
    log_h: Callable[[Vector], mpf],
    statistics: Callable,
) -> Oracle:
    """A family on finitely many states, all of whose moments are sums over the statistics of the states."""

    def probabilities(theta: Vector) -> Vector:
        return softmax(
            [mpmath.fsum(t * f for t, f in zip(theta, row, strict=True)) for row in table]
        )

    def mean(theta: Vector) -> Vector:
        p = probabilities(theta)
        return [
            mpmath.fsum(w * row[i] for w, row in zip(p, table, strict=True))
            for i in range(len(table[0]))
        ]

    def fisher(theta: Vector) -> list[Vector]:
        p, mu = probabilities(theta), mean(theta)
        size = range(len(mu))
        return [
            [
                mpmath.fsum(
                    w * (row[i] - mu[i]) * (row[j] - mu[j]) for w, row in zip(p, table, strict=True)
                )
                for j in size
            ]
            for i in size
        ]

    return Oracle(
        family,
        lambda theta: log_sum(
            [mpmath.fsum(t * f for t, f in zip(theta, row, strict=True)) for row in table]
        ),
        mean,
        fisher,
        lambda theta: -mpmath.fsum(w * mpmath.log(w) for w in probabilities(theta)),
        statistics,
        log_h,
    )


def bernoulli() -> Oracle:
    return enumerated(Bernoulli(), [[mpf(0)], [mpf(1)]], lambda x: mpf(0), lambda x: x)


def categorical(categories: int) -> Oracle:
    table = [[mpf(i == k) for i in range(categories - 1)] for k in range(categories)]
    return enumerated(Categorical(categories), table, lambda x: mpf(0), lambda x: table[int(x[0])])


def ising(spins: int, binary: bool = False) -> Oracle:
    def statistics(x: Vector) -> Vector:
        return [*x, *(a * b for a, b in itertools.combinations(x, 2))]

    values = (mpf(0), mpf(1)) if binary else (mpf(-1), mpf(1))
    table = [statistics(list(state)) for state in itertools.product(values, repeat=spins)]
    return enumerated(Ising(spins, binary), table, lambda x: mpf(0), statistics)


def multinomial(trials: int, categories: int) -> Oracle:
    single = categorical(categories)

    def log_h(x: Vector) -> mpf:
        return mpmath.loggamma(trials + 1) - mpmath.fsum(mpmath.loggamma(count + 1) for count in x)

    def entropy(theta: Vector) -> mpf:
        logits = [*theta, mpf(0)]
        total = single.log_partition(theta)
        counts = (
            c
            for c in itertools.product(range(trials + 1), repeat=categories - 1)
            if sum(c) <= trials
        )
        logs = []
        for state in counts:
            x = [*state, trials - sum(state)]
            logs.append(
                log_h(x)
                + mpmath.fsum(count * (a - total) for count, a in zip(x, logits, strict=True))
            )
        return -mpmath.fsum(mpmath.exp(log_p) * log_p for log_p in logs)

    return Oracle(
        Multinomial(trials, categories),
        lambda theta: trials * single.log_partition(theta),
        lambda theta: [trials * m for m in single.mean(theta)],
        lambda theta: [[trials * entry for entry in row] for row in single.fisher(theta)],
        entropy,
        lambda x: x[:-1],
        log_h,
    )


def binomial(trials: int) -> Oracle:
    pair = multinomial(trials, 2)

    def entropy(theta: Vector) -> mpf:
        """Sum over all counts within 25 standard deviations and 60 of the mean; beyond them lies less than 10⁻⁴⁰."""
        (p, q), spread = (
            softmax([theta[0], mpf(0)]),
            25 * mpmath.sqrt(pair.fisher(theta)[0][0]) + 60,
        )
        first, last = max(0, int(trials * p - spread)), min(trials, int(trials * p + spread))
        log_p = (
            pair.log_h([first, trials - first])
            + first * mpmath.log(p)
            + (trials - first) * mpmath.log(q)
        )
        total = mpf(0)
        for count in range(first, last + 1):
            total -= mpmath.exp(log_p) * log_p
            log_p += (
                mpmath.log(mpf(trials - count) / (count + 1)) + theta[0] if count < trials else 0
            )
        return total

    return Oracle(
        Binomial(trials),
        pair.log_partition,
        pair.mean,
        pair.fisher,
        entropy,
        lambda x: x,
        lambda x: pair.log_h([x[0], trials - x[0]]),
    )


def poisson() -> Oracle:
    def entropy(theta: Vector) -> mpf:
        rate = mpmath.exp(theta[0])
        if rate > 10**4:  # the error of this expansion is below 1/rate⁴
            return (
                mpmath.log(2 * mpmath.pi * mpmath.e * rate) / 2
                - 1 / (12 * rate)
                - 1 / (24 * rate**2)
                - mpf(19) / (360 * rate**3)
            )
        total, log_p, count = mpf(0), -rate, 0
        while True:
            term = -mpmath.exp(log_p) * log_p
            total += term
            if count > rate and term < total * mpf(10) ** -40:
                return total
            count += 1
            log_p += theta[0] - mpmath.log(count)

    power = lambda theta: mpmath.exp(theta[0])
    return Oracle(
        Poisson(),
        power,
        lambda theta: [power(theta)],
        lambda theta: [[power(theta)]],
        entropy,
        lambda x: x,
        lambda x: -mpmath.loggamma(x[0] + 1),
    )


def negative_binomial(successes: float | None) -> Oracle:
    """The geometric family for ``None``."""
    r = mpf(1 if successes is None else successes)

    def odds(theta: Vector) -> mpf:
        return 1 / mpmath.expm1(-theta[0])

    def entropy(theta: Vector) -> mpf:
        m = odds(theta)
        if r == 1:
            return mpmath.log(1 + m) - m * theta[0]
        if r * m * (1 + m) > 10**5:
            raise OverflowError("too many terms")
        total, log_p, count = mpf(0), -r * mpmath.log(1 + m), 0
        while True:
            term = -mpmath.exp(log_p) * log_p
            total += term
            if count > r * m and term < total * mpf(10) ** -30:
                return total
            count += 1
            log_p += theta[0] + mpmath.log((count - 1 + r) / count)

    return Oracle(
        Geometric() if successes is None else NegativeBinomial(successes),
        lambda theta: -r * mpmath.log1p(-mpmath.exp(theta[0])),
        lambda theta: [r * odds(theta)],
        lambda theta: [[r * odds(theta) * (1 + odds(theta))]],
        entropy,
        lambda x: x,
        lambda x: mpmath.loggamma(x[0] + r) - mpmath.loggamma(r) - mpmath.loggamma(x[0] + 1),
    )


def dirichlet(categories: int | None) -> Oracle:
    """The Beta family for ``None``, with x and 1 − x as the coordinates."""

    def log_partition(theta: Vector) -> mpf:
        return mpmath.fsum(mpmath.loggamma(a) for a in theta) - mpmath.loggamma(mpmath.fsum(theta))

    def mean(theta: Vector) -> Vector:
        total = mpmath.psi(0, mpmath.fsum(theta))
        return [mpmath.psi(0, a) - total for a in theta]

    def fisher(theta: Vector) -> list[Vector]:
        total = mpmath.psi(1, mpmath.fsum(theta))
        return [
            [(mpmath.psi(1, a) if i == j else 0) - total for j in range(len(theta))]
            for i, a in enumerate(theta)
        ]

    def entropy(theta: Vector) -> mpf:
        return log_partition(theta) - mpmath.fsum(
            (a - 1) * m for a, m in zip(theta, mean(theta), strict=True)
        )

    def statistics(x: Vector) -> Vector:
        return [mpmath.log(entry) for entry in ([x[0], 1 - x[0]] if categories is None else x)]

    return Oracle(
        Beta() if categories is None else Dirichlet(categories),
        log_partition,
        mean,
        fisher,
        entropy,
        statistics,
        lambda x: -mpmath.fsum(statistics(x)),
    )
