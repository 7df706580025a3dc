"""The families on vectors and matrices at 100 digits, written literally from (E1), (E2) and (E6): an oracle that shares no code.

Only log-partition, mean parameters, their inverse, classical parameters and log-densities are
written down. The Fisher information is the central difference of the mean parameters (step 1e-25 of
the scale of a parameter, error 1e-50 times the squared condition number), and the third cumulant
that of the Fisher information once more, whose smooth error is again of the order of the squared
step; the inverse is that matrix inverted by elimination, the divergence is the three terms of (E5),
the entropy is A(θ) − ⟨θ, μ⟩ − E[log h], and the metric in classical parameters is JᵀFJ of (E4),
with differences of θ for J.
"""

from dataclasses import dataclass

import mpmath
from mpmath import mpf

Vector = list[mpf]
Rows = list[Vector]
STEP = mpf(10) ** -25


def inverse_and_determinant(rows: Rows) -> tuple[Rows, mpf]:
    """Gauss-Jordan elimination without pivoting, which a positive definite matrix does not need."""
    n, work, determinant = (
        len(rows),
        [list(row) + [mpf(i == j) for j in range(len(rows))] for i, row in enumerate(rows)],
        mpf(1),
    )
    for k in range(n):
        pivot = work[k][k]
        determinant *= pivot
        work[k] = [value / pivot for value in work[k]]
        for i in range(n):
            if i != k and work[i][k] != 0:
                factor = work[i][k]
                work[i] = [a - factor * b for a, b in zip(work[i], work[k], strict=True)]
    return [row[n:] for row in work], determinant


def unpack(vector: Vector, d: int, doubled: bool) -> Rows:
    rows, k = [[mpf(0)] * d for _ in range(d)], 0
    for i in range(d):
        for j in range(i, d):
            rows[i][j] = rows[j][i] = vector[k] / 2 if doubled and i != j else vector[k]
            k += 1
    return rows


def pack(rows: Rows, doubled: bool) -> Vector:
    return [
        rows[i][j] * (2 if doubled and i != j else 1)
        for i in range(len(rows))
        for j in range(i, len(rows))
    ]


def scaled(rows: Rows, factor: mpf) -> Rows:
    return [[factor * value for value in row] for row in rows]


def times(rows: Rows, vector: Vector) -> Vector:
    return [dot(row, vector) for row in rows]


def flat(rows: Rows) -> list[tuple[mpf, mpf]]:
    """All entries of a positive definite matrix, and their sizes √(M_ii M_jj)."""
    size = [mpmath.sqrt(rows[i][i]) for i in range(len(rows))]
    return [(value, size[i] * size[j]) for i, row in enumerate(rows) for j, value in enumerate(row)]


def symmetric(entries: Vector, d: int) -> Rows:
    """The symmetric part of the matrix with these entries."""
    return [[(entries[i * d + j] + entries[j * d + i]) / 2 for j in range(d)] for i in range(d)]


def dot(a: Vector, b: Vector) -> mpf:
    return sum((x * y for x, y in zip(a, b, strict=True)), mpf(0))


def log_2pi() -> mpf:
    return mpmath.log(2 * mpmath.pi)


@dataclass(frozen=True)
class Oracle:
    d: int

    def fisher(self, theta: Vector) -> Rows:
        rows = []
        for j, scale in enumerate(self.scales(theta)):
            upper, lower = (
                self.mean([t + sign * STEP * scale if k == j else t for k, t in enumerate(theta)])
                for sign in (1, -1)
            )
            rows.append(
                [(u - low) / (2 * STEP * scale) for u, low in zip(upper, lower, strict=True)]
            )
        return rows

    def third_cumulant(self, theta: Vector) -> list[Rows]:
        slabs = []
        for j, scale in enumerate(self.scales(theta)):
            upper, lower = (
                self.fisher([t + sign * STEP * scale if k == j else t for k, t in enumerate(theta)])
                for sign in (1, -1)
            )
            slabs.append(
                [
                    [(u - low) / (2 * STEP * scale) for u, low in zip(*rows, strict=True)]
                    for rows in zip(upper, lower, strict=True)
                ]
            )
        return slabs

    def classical_fisher(self, theta: Vector) -> Rows:
        """In all entries of the classical parameters, of which ``classical`` returns values and the sizes in which steps are counted."""
        values, sizes = zip(*self.classical(theta), strict=True)
        columns = []
        for j, size in enumerate(sizes):
            upper, lower = (
                self.natural(
                    [v + sign * STEP * size if k == j else v for k, v in enumerate(values)]
                )
                for sign in (1, -1)
            )
            columns.append(
                [(u - low) / (2 * STEP * size) for u, low in zip(upper, lower, strict=True)]
            )
        fisher = self.fisher(theta)
        return [[dot(left, times(fisher, right)) for right in columns] for left in columns]

    def kl(self, theta1: Vector, theta2: Vector) -> mpf:
        linear = dot([b - a for a, b in zip(theta1, theta2, strict=True)], self.mean(theta1))
        return self.log_partition(theta2) - self.log_partition(theta1) - linear

    def entropy(self, theta: Vector) -> mpf:
        return (
            self.log_partition(theta)
            - dot(theta, self.mean(theta))
            - self.mean_log_base_measure(theta)
        )

    def mean_log_base_measure(self, theta: Vector) -> mpf:
        return -self.d * log_2pi() / 2

    def log_prob(self, theta: Vector, x: Vector) -> mpf:
        return dot(theta, self.statistics(x)) - self.log_partition(theta) + self.log_base_measure(x)

    def log_base_measure(self, x: Vector) -> mpf:
        return -self.d * log_2pi() / 2


def matrix_scales(rows: Rows) -> Vector:
    """√(T_ii T_jj) for i ≤ j."""
    d = len(rows)
    return [mpmath.sqrt(abs(rows[i][i] * rows[j][j])) for i in range(d) for j in range(i, d)]


class CentredGaussian(Oracle):
    def scales(self, theta: Vector) -> Vector:
        return matrix_scales(unpack(theta, self.d, doubled=True))

    def log_partition(self, theta: Vector) -> mpf:
        return (
            -mpmath.log(
                inverse_and_determinant(scaled(unpack(theta, self.d, doubled=True), mpf(-2)))[1]
            )
            / 2
        )

    def mean(self, theta: Vector) -> Vector:
        return pack(
            inverse_and_determinant(scaled(unpack(theta, self.d, doubled=True), mpf(-2)))[0],
            doubled=False,
        )

    def natural_from_mean(self, mu: Vector) -> Vector:
        return pack(
            scaled(inverse_and_determinant(unpack(mu, self.d, doubled=False))[0], mpf(-1) / 2),
            doubled=True,
        )

    def classical(self, theta: Vector) -> list[tuple[mpf, mpf]]:
        return flat(unpack(self.mean(theta), self.d, doubled=False))

    def natural(self, values: Vector) -> Vector:
        return self.natural_from_mean(pack(symmetric(values, self.d), doubled=False))

    def statistics(self, x: Vector) -> Vector:
        return pack([[a * b for b in x] for a in x], doubled=False)


class MultivariateGaussian(Oracle):
    def scales(self, theta: Vector) -> Vector:
        rows = unpack(theta[self.d :], self.d, doubled=True)
        size = [mpmath.sqrt(abs(rows[i][i])) for i in range(self.d)]
        covariance = inverse_and_determinant(scaled(rows, mpf(-2)))[0]
        length = mpmath.sqrt(1 + dot(theta[: self.d], times(covariance, theta[: self.d])))
        return [s * length for s in size] + [s / length for s in matrix_scales(rows)]

    def parts(self, theta: Vector) -> tuple[Vector, Rows, mpf]:
        covariance, determinant = inverse_and_determinant(
            scaled(unpack(theta[self.d :], self.d, doubled=True), mpf(-2))
        )
        return theta[: self.d], covariance, determinant

    def log_partition(self, theta: Vector) -> mpf:
        linear, covariance, determinant = self.parts(theta)
        return (dot(linear, times(covariance, linear)) - mpmath.log(determinant)) / 2

    def mean(self, theta: Vector) -> Vector:
        linear, covariance, _ = self.parts(theta)
        m = times(covariance, linear)
        return m + pack(
            [[c + m[i] * m[j] for j, c in enumerate(row)] for i, row in enumerate(covariance)],
            doubled=False,
        )

    def natural_from_mean(self, mu: Vector) -> Vector:
        m, second = mu[: self.d], unpack(mu[self.d :], self.d, doubled=False)
        precision, _ = inverse_and_determinant(
            [[s - m[i] * m[j] for j, s in enumerate(row)] for i, row in enumerate(second)]
        )
        return times(precision, m) + pack(scaled(precision, mpf(-1) / 2), doubled=True)

    def classical(self, theta: Vector) -> list[tuple[mpf, mpf]]:
        linear, covariance, _ = self.parts(theta)
        sizes = [mpmath.sqrt(covariance[i][i]) for i in range(self.d)]
        return [*zip(times(covariance, linear), sizes, strict=True), *flat(covariance)]

    def natural(self, values: Vector) -> Vector:
        precision, _ = inverse_and_determinant(symmetric(values[self.d :], self.d))
        return times(precision, values[: self.d]) + pack(
            scaled(precision, mpf(-1) / 2), doubled=True
        )

    def statistics(self, x: Vector) -> Vector:
        return list(x) + pack([[a * b for b in x] for a in x], doubled=False)


class DiagonalGaussian(Oracle):
    def scales(self, theta: Vector) -> Vector:
        d = self.d
        length = [
            1 + abs(t) / mpmath.sqrt(-2 * q) for t, q in zip(theta[:d], theta[d:], strict=True)
        ]
        pairs = list(zip(length, theta[d:], strict=True))
        return [n * mpmath.sqrt(-q) for n, q in pairs] + [-q / n for n, q in pairs]

    def log_partition(self, theta: Vector) -> mpf:
        d = self.d
        return sum(
            -(t**2) / (4 * q) - mpmath.log(-2 * q) / 2
            for t, q in zip(theta[:d], theta[d:], strict=True)
        )

    def mean(self, theta: Vector) -> Vector:
        d = self.d
        m = [-t / (2 * q) for t, q in zip(theta[:d], theta[d:], strict=True)]
        return m + [a**2 - 1 / (2 * q) for a, q in zip(m, theta[d:], strict=True)]

    def natural_from_mean(self, mu: Vector) -> Vector:
        d = self.d
        variance = [s - m**2 for m, s in zip(mu[:d], mu[d:], strict=True)]
        return self.natural([*mu[:d], *variance])

    def classical(self, theta: Vector) -> list[tuple[mpf, mpf]]:
        d = self.d
        variance = [-1 / (2 * q) for q in theta[d:]]
        return [(t * v, mpmath.sqrt(v)) for t, v in zip(theta[:d], variance, strict=True)] + [
            (v, v) for v in variance
        ]

    def natural(self, values: Vector) -> Vector:
        pairs = list(zip(values[: self.d], values[self.d :], strict=True))
        return [m / v for m, v in pairs] + [-1 / (2 * v) for _, v in pairs]

    def statistics(self, x: Vector) -> Vector:
        return list(x) + [a**2 for a in x]


class IsotropicGaussian(Oracle):
    def scales(self, theta: Vector) -> Vector:
        size = mpmath.sqrt(-theta[-1])
        length = 1 + mpmath.sqrt(dot(theta[:-1], theta[:-1])) / size
        return [size * length] * self.d + [-theta[-1] / length]

    def log_partition(self, theta: Vector) -> mpf:
        return (
            -dot(theta[:-1], theta[:-1]) / (4 * theta[-1]) - self.d * mpmath.log(-2 * theta[-1]) / 2
        )

    def mean(self, theta: Vector) -> Vector:
        m = [-t / (2 * theta[-1]) for t in theta[:-1]]
        return [*m, dot(m, m) - self.d / (2 * theta[-1])]

    def natural_from_mean(self, mu: Vector) -> Vector:
        variance = (mu[-1] - dot(mu[:-1], mu[:-1])) / self.d
        return self.natural([*mu[:-1], variance])

    def classical(self, theta: Vector) -> list[tuple[mpf, mpf]]:
        variance = -1 / (2 * theta[-1])
        return [(t * variance, mpmath.sqrt(variance)) for t in theta[:-1]] + [(variance, variance)]

    def natural(self, values: Vector) -> Vector:
        return [m / values[-1] for m in values[:-1]] + [-1 / (2 * values[-1])]

    def statistics(self, x: Vector) -> Vector:
        return [*x, dot(x, x)]


@dataclass(frozen=True)
class KnownCovarianceGaussian(Oracle):
    covariance: tuple[tuple[float, ...], ...] = ()

    def rows(self) -> Rows:
        return [[mpf(value) for value in row] for row in self.covariance]

    def scales(self, theta: Vector) -> Vector:
        return [mpf(1)] * self.d

    def log_partition(self, theta: Vector) -> mpf:
        return dot(theta, times(self.rows(), theta)) / 2

    def mean(self, theta: Vector) -> Vector:
        return times(self.rows(), theta)

    def natural_from_mean(self, mu: Vector) -> Vector:
        return times(inverse_and_determinant(self.rows())[0], mu)

    def classical(self, theta: Vector) -> list[tuple[mpf, mpf]]:
        return [(m, mpf(1)) for m in self.mean(theta)]

    def natural(self, values: Vector) -> Vector:
        return self.natural_from_mean(values)

    def statistics(self, x: Vector) -> Vector:
        return list(x)

    def log_base_measure(self, x: Vector) -> mpf:
        precision, determinant = inverse_and_determinant(self.rows())
        return -(dot(x, times(precision, x)) + mpmath.log(determinant) + self.d * log_2pi()) / 2

    def mean_log_base_measure(self, theta: Vector) -> mpf:
        m = self.mean(theta)
        return self.log_base_measure(m) - mpf(self.d) / 2


class Wishart(Oracle):
    sign = 1  # of log det X⁻¹ or log det X among the statistics

    def scales(self, theta: Vector) -> Vector:
        boundary = abs(theta[0]) - mpf(self.d - 1) / 2
        return [boundary, *matrix_scales(unpack(theta[1:], self.d, doubled=True))]

    def log_gamma(self, a: mpf) -> mpf:
        return mpf(self.d * (self.d - 1)) / 4 * mpmath.log(mpmath.pi) + sum(
            mpmath.loggamma(a - mpf(k) / 2) for k in range(self.d)
        )

    def digamma(self, a: mpf) -> mpf:
        return sum(mpmath.psi(0, a - mpf(k) / 2) for k in range(self.d))

    def log_partition(self, theta: Vector) -> mpf:
        a = self.sign * theta[0]
        return self.log_gamma(a) - a * mpmath.log(
            inverse_and_determinant(scaled(unpack(theta[1:], self.d, doubled=True), mpf(-1)))[1]
        )

    def mean(self, theta: Vector) -> Vector:
        a = self.sign * theta[0]
        inverse, determinant = inverse_and_determinant(
            scaled(unpack(theta[1:], self.d, doubled=True), mpf(-1))
        )
        return [
            self.sign * (self.digamma(a) - mpmath.log(determinant)),
            *pack(scaled(inverse, a), doubled=False),
        ]

    def residual(self, mu: Vector, a: mpf) -> mpf:
        """The correction that Newton's step, from a, makes to the root a of d log a − ψ_d(a) = log det μ₂ − μ₁: minus the error of a."""
        gap = (
            mpmath.log(inverse_and_determinant(unpack(mu[1:], self.d, doubled=False))[1])
            - self.sign * mu[0]
        )
        slope = self.d / a - sum(mpmath.psi(1, a - mpf(k) / 2) for k in range(self.d))
        return -(self.d * mpmath.log(a) - self.digamma(a) - gap) / slope

    def natural_from_mean(self, mu: Vector) -> Vector:
        gap = (
            mpmath.log(inverse_and_determinant(unpack(mu[1:], self.d, doubled=False))[1])
            - self.sign * mu[0]
        )
        top = mpf(self.d - 1) / 2
        low, high = (
            mpmath.log(1 / (2 * gap)),
            mpmath.log((self.d + 1) ** 2 / gap),
        )  # 1/(2c) ≤ φ_d ≤ …
        root = mpmath.findroot(
            lambda t: (
                mpmath.log(gap)
                - mpmath.log(
                    self.d * mpmath.log(mpmath.exp(t) + top) - self.digamma(mpmath.exp(t) + top)
                )
            ),
            (low, high),
            solver="anderson",
            tol=mpf(10) ** -60,
        )
        a = mpmath.exp(root) + top
        inverse, _ = inverse_and_determinant(unpack(mu[1:], self.d, doubled=False))
        return [self.sign * a, *pack(scaled(inverse, -a), doubled=True)]

    def classical(self, theta: Vector) -> list[tuple[mpf, mpf]]:
        rate = scaled(unpack(theta[1:], self.d, doubled=True), mpf(-1))
        return [
            *flat(scaled(inverse_and_determinant(rate)[0], mpf(1) / 2)),
            (2 * theta[0], 2 * theta[0] - self.d + 1),
        ]

    def natural(self, values: Vector) -> Vector:
        inverse, _ = inverse_and_determinant(symmetric(values[:-1], self.d))
        return [values[-1] / 2, *pack(scaled(inverse, mpf(-1) / 2), doubled=True)]

    def matrix(self, x: Vector) -> tuple[Rows, Rows, mpf]:
        rows = unpack(x, self.d, doubled=False)
        return (rows, *inverse_and_determinant(rows))

    def statistics(self, x: Vector) -> Vector:
        rows, _, determinant = self.matrix(x)
        return [mpmath.log(determinant), *pack(rows, doubled=False)]

    def log_base_measure(self, x: Vector) -> mpf:
        return -mpf(self.d + 1) / 2 * mpmath.log(self.matrix(x)[2])

    def mean_log_base_measure(self, theta: Vector) -> mpf:
        return -mpf(self.d + 1) / 2 * self.mean(theta)[0]


class InverseWishart(Wishart):
    sign = -1

    def classical(self, theta: Vector) -> list[tuple[mpf, mpf]]:
        return [
            *flat(scaled(unpack(theta[1:], self.d, doubled=True), mpf(-2))),
            (-2 * theta[0], -2 * theta[0] - self.d + 1),
        ]

    def natural(self, values: Vector) -> Vector:
        return [
            -values[-1] / 2,
            *pack(scaled(symmetric(values[:-1], self.d), mpf(-1) / 2), doubled=True),
        ]

    def statistics(self, x: Vector) -> Vector:
        _, inverse, determinant = self.matrix(x)
        return [mpmath.log(determinant), *pack(inverse, doubled=False)]
