"""Every operation of the families of counts, categories and proportions against 100 digits: extreme grids and, on request, random members.

An operation is a function of the given doubles, and the oracle takes the same doubles. Its error
may be 10 (1 + κ) u, κ being the condition number of that entry (at 100 digits, where the error
exceeds 10 u and so only where it decides), u = 2⁻⁵³, or 2⁻²⁴ in float32. Values that pass through
zero are judged relative to max(1, |value|), entries of F relative to √(F_ii F_jj). Divergences have
no κ to hide behind.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from tests.families import reference, simplex
from tests.families.simplex import Oracle, Vector

UNITS = {np.float64: 2.0**-53, np.float32: 2.0**-24}
ROUNDINGS = 10.0
# The centred change, the probabilities and the sum take some ten roundings each, of a remainder
# that is quadratic in the change; and the exponential of a logit, or of its change, rounds by as
# many u as it is large.
DIVERGENCE_ROUNDINGS = 64.0
STEPS = (1e-2, -1e-4, 1e-6, -1e-8, 1e-10, 1e-12, -0.5, 9.0)
OPERATIONS = (
    "log_partition",
    "mean",
    "fisher",
    "inverse_fisher",
    "entropy",
    "natural_from_mean",
    "conjugate",
    "log_prob",
    "natural_gradient",
)


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    with mpmath.workdps(simplex.DIGITS):
        yield


def exact(row: np.ndarray) -> Vector:
    return [mpf(float(value)) for value in np.ravel(row)]


@dataclass
class Verdict:
    """The worst error of an operation: relative, where κ ≤ 10, and as a share of what is allowed."""

    relative: float = 0.0
    share: float = 0.0
    worst: str = field(default="", repr=False)

    def add(
        self,
        got: np.ndarray,
        truth: object,
        scale: Vector,
        kappa: Callable[[], list[float]],
        unit: float,
        where: object,
    ) -> None:
        values, true_values = np.ravel(got), reference.flatten(truth)
        assert np.all(np.isfinite(values)), (where, got)
        errors = [
            float(abs(mpf(float(v)) - t) / s)
            for v, t, s in zip(values, true_values, scale, strict=True)
        ]
        kappas = kappa() if max(errors) > ROUNDINGS * unit else [0.0] * len(errors)
        for value, true, error, condition in zip(values, true_values, errors, kappas, strict=True):
            if condition <= 10.0:
                self.relative = max(self.relative, error)
            share = error / (ROUNDINGS * (1.0 + condition) * unit)
            if share > self.share:
                self.share, self.worst = (
                    share,
                    f"at {where}: got {value!r}, truth {mpmath.nstr(true, 20)}, κ = {condition:.2g}",
                )


def judge(oracle: Oracle, theta: np.ndarray, operation: str) -> Verdict:
    verdict, unit, family = Verdict(), UNITS[theta.dtype.type], oracle.family
    if operation in ("natural_from_mean", "conjugate"):
        judge_inverse(verdict, oracle, theta, operation, unit)
    elif operation == "log_prob":
        judge_density(verdict, oracle, theta, unit)
    elif operation == "natural_gradient":
        deviation = np.sqrt(np.linalg.diagonal(family.fisher(theta)))
        for sign in (1.0, -0.5):
            grad = (deviation * sign ** np.arange(family.number)).astype(theta.dtype)
            got = family.natural_gradient(theta, grad)
            assert got.dtype == theta.dtype
            for value, row, direction in zip(got, theta, grad, strict=True):
                b, argument = family.number, exact(row) + exact(direction)

                def function(t: Vector, b: int = b) -> Vector:
                    return oracle.natural_gradient(t[:b], t[b:])

                truth = function(argument)
                # against the size of the terms that a sum of both signs is made of
                inverse = oracle.inverse_fisher(argument[:b])
                scale = [
                    mpmath.fsum(abs(e * g) for e, g in zip(r, argument[b:], strict=True))
                    for r in inverse
                ]
                if (
                    family.name == "Ising"
                ):  # no entry of its inverse is known better than to its natural size
                    roundings = 1 + mpmath.fsum(abs(t) for t in argument[:b]) / ROUNDINGS
                    length = (
                        roundings
                        * dependence(inverse, oracle.fisher(argument[:b]))
                        * mpmath.norm(scale, mpmath.inf)
                    )
                    scale = [
                        length
                        * mpmath.sqrt(r[i])
                        / max(mpmath.sqrt(row[j]) for j, row in enumerate(inverse))
                        for i, r in enumerate(inverse)
                    ]
                verdict.add(
                    value,
                    truth,
                    scale,
                    lambda f=function, a=argument, s=scale: reference.condition(f, a, s),
                    unit,
                    row,
                )
    else:
        got = getattr(family, operation)(theta)
        assert got.dtype == theta.dtype
        function = getattr(oracle, operation)
        for value, row in zip(got, theta, strict=True):
            argument = exact(row)
            truth = function(argument)
            entries = reference.flatten(truth)
            floor = mpf(
                family.number if family.name == "Dirichlet" else 1
            )  # as many terms of order one
            scale = [
                max(abs(t), floor) if operation in ("log_partition", "entropy") else abs(t)
                for t in entries
            ]
            if oracle.family.name == "Ising" and operation in ("mean", "fisher", "inverse_fisher"):
                scale = natural_sizes(oracle, argument, truth, operation)
            verdict.add(
                value,
                truth,
                scale,
                lambda f=function, a=argument, s=scale: reference.condition(f, a, s),
                unit,
                row,
            )
    return verdict


def dependence(inverse: list[Vector], fisher: list[Vector]) -> mpf:
    """How close statistics are to linear dependence, 1/√(1 − R²) at worst: what an orthogonal factorisation of their states costs.

    The roundings of its reflections, one for each statistic, add up like a random walk.
    """
    return mpmath.sqrt(
        len(fisher)
        * max(row[i] * f[i] for i, (row, f) in enumerate(zip(inverse, fisher, strict=True)))
    )


def natural_sizes(oracle: Oracle, theta: Vector, truth: list, operation: str) -> Vector:
    """Sums of both signs over states: means relative to standard deviations, matrices to the roots of their diagonals.

    The weight of a state is the exponential of its logit, which rounds by as many u as it is large.
    """
    roundings = 1 + mpmath.fsum(abs(t) for t in theta) / ROUNDINGS
    if operation == "mean":
        return [
            roundings * max(abs(m), mpmath.sqrt(row[i]))
            for i, (m, row) in enumerate(zip(truth, oracle.fisher(theta), strict=True))
        ]
    size = [mpmath.sqrt(row[i]) for i, row in enumerate(truth)]
    factor = dependence(truth, oracle.fisher(theta)) if operation == "inverse_fisher" else mpf(1)
    return [a * b * factor * roundings for a, b in itertools.product(size, size)]


def judge_inverse(
    verdict: Verdict, oracle: Oracle, theta: np.ndarray, operation: str, unit: float
) -> None:
    """Mean parameters, rounded to numbers that still belong to a member; κ from the inverse Fisher information, which is ∂θ/∂μ."""
    rounded = np.asarray([[float(m) for m in oracle.mean(exact(row))] for row in theta]).astype(
        theta.dtype
    )
    kept = [
        bool(np.all(np.asarray(list(oracle.family._mean_domain(np, row).values()))))
        for row in rounded
    ]
    mu = rounded[np.asarray(kept)]
    assert len(mu) >= 0.6 * len(theta)
    solved = oracle.family.natural_from_mean(mu)
    got = solved if operation == "natural_from_mean" else oracle.family.conjugate(mu)
    assert got.dtype == theta.dtype
    for value, start, row in zip(got, solved, mu, strict=True):
        given = exact(row)
        true = oracle.refined(exact(start), given)
        if operation == "conjugate":
            truth = mpmath.fsum(
                t * m for t, m in zip(true, given, strict=True)
            ) - oracle.log_partition(true)
            size = mpmath.fsum(abs(t * m) for t, m in zip(true, given, strict=True))
            scale = [max(abs(truth), mpf(1))]
            verdict.add(value, truth, scale, lambda z=size, s=scale: [float(z / s[0])], unit, row)
            continue
        scale = [max(abs(t), mpf(10) ** -300) for t in true]
        if oracle.family.name == "Ising":
            inverse = oracle.inverse_fisher(true)
            factor = dependence(inverse, oracle.fisher(true)) * (
                1 + mpmath.fsum(abs(t) for t in true) / ROUNDINGS
            )
            scale = [max(abs(t), factor * mpmath.sqrt(inverse[i][i])) for i, t in enumerate(true)]

        def kappa(t: Vector = true, m: Vector = given, s: Vector = scale) -> list[float]:
            inverse = oracle.inverse_fisher(t)
            return [
                float(mpmath.fsum(abs(e * g) for e, g in zip(r, m, strict=True)) / z)
                for r, z in zip(inverse, s, strict=True)
            ]

        verdict.add(value, true, scale, kappa, unit, row)


def points(oracle: Oracle, theta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws from every member, and for counts what lies far out."""
    x = oracle.family.sample(theta, 3, rng)
    if oracle.family.name in ("Poisson", "geometric", "negative binomial"):
        far = np.floor(
            oracle.family.mean(theta)[:, None] * np.asarray([0.0, 0.5, 3.0])[:, None]
            + np.asarray([0.0, 0.0, 20.0])[:, None]
        )
        x = np.concatenate([x, np.minimum(far, 1e15).astype(x.dtype)], axis=1)
    return x


def judge_density(verdict: Verdict, oracle: Oracle, theta: np.ndarray, unit: float) -> None:
    """κ with respect to θ, and to points of a continuum; for multinomial counts it includes the rounding of the probabilities, x − np."""
    x = points(oracle, theta, np.random.default_rng(9))
    got = oracle.family.log_prob(theta[:, None, :], x)
    assert got.dtype == theta.dtype
    b, continuous = oracle.family.number, oracle.family.name in ("Beta", "Dirichlet")
    for (i, j), value in np.ndenumerate(got):
        argument, point = exact(theta[i]), exact(x[i, j])
        truth = oracle.log_prob(argument, point)
        scale = [max(abs(truth), mpf(1))]

        def kappa(a: Vector = argument, p: Vector = point, s: Vector = scale) -> list[float]:
            if continuous:
                return reference.condition(lambda t: oracle.log_prob(t[:b], t[b:]), a + p, s)
            gap = mpmath.fsum(
                abs(f - m) for f, m in zip(oracle.statistics(p), oracle.mean(a), strict=True)
            )
            return [
                reference.condition(lambda t: oracle.log_prob(t, p), a, s)[0] + float(gap / s[0])
            ]

        verdict.add(value, truth, scale, kappa, unit, (theta[i], x[i, j]))


def changed(oracle: Oracle, theta: np.ndarray, step: float) -> list[np.ndarray]:
    """Natural parameters changed by a factor 1 + step: each alone, all alike, and alternately; logits also by the step itself."""
    b = theta.shape[-1]
    masks = [np.eye(b)[i] for i in range(min(b, 3))] + (
        [np.ones(b), (-1.0) ** np.arange(b)] if b > 1 else []
    )
    others = [theta * (1.0 + step) ** mask for mask in masks]
    if oracle.family.name not in ("Beta", "Dirichlet", "geometric", "negative binomial"):
        others += [theta + step * mask for mask in masks]
    return [other.astype(theta.dtype) for other in others]


def judge_divergences(oracle: Oracle, theta: np.ndarray, steps: tuple[float, ...]) -> float:
    """The worst relative error of KL, in units u."""
    unit, worst = UNITS[theta.dtype.type], 0.0
    for step in steps:
        for other in changed(oracle, theta, step):
            inside = oracle.family.contains(other)
            for first, second in ((theta[inside], other[inside]), (other[inside], theta[inside])):
                for value, row1, row2 in zip(
                    oracle.family.kl(first, second), first, second, strict=True
                ):
                    true = oracle.kl(exact(row1), exact(row2)) if np.any(row1 != row2) else mpf(0)
                    assert value.dtype == theta.dtype
                    assert value >= 0
                    tiny = true < mpf(float(np.finfo(theta.dtype).smallest_normal)) / unit
                    assert tiny or (value == 0) == (true == 0), (
                        f"{row1!r} {row2!r}: got {value!r}, truth {mpmath.nstr(true, 20)}"
                    )
                    if not tiny:
                        error = float(abs(mpf(float(value)) / true - 1)) / unit
                        if oracle.family.name not in ("Beta", "Dirichlet"):
                            error /= (
                                1.0
                                + float(np.sum(np.abs(row1) + np.abs(row2))) / DIVERGENCE_ROUNDINGS
                            )
                        if error > DIVERGENCE_ROUNDINGS:
                            print(
                                f"kl: {row1!r} {row2!r}: got {value!r}, truth {mpmath.nstr(true, 20)}, {error:.3g} u"
                            )
                        worst = max(worst, error)
    return worst


# --- grids ----------------------------------------------------------------------------------------

EXTREME = (1e-8, 1e-4, 1e-2, 0.5, 1.0, 2.0, 50.0, 1e4, 1e8)
SINGLE = (1e-3, 0.1, 1.0, 2.0, 50.0, 1e3)
CONCENTRATIONS = [(s, s, s) for s in (1e-8, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e8)] + [
    (1e-8, 1.0, 1e8),
    (1e-4, 1.0, 1e4),
    (0.5, 1.0, 2.0),
    (1e-2, 1.0, 1e2),
    (1.0, 1.0, 1e8),
    (1e-8, 1e-8, 1.0),
]
LOGITS = (-700.0, -30.0, -10.0, -1.0, -0.1, -1e-4, -1e-8, -1e-12, -1e-17)


def members(oracle: Oracle, dtype: type) -> np.ndarray:
    name, b = oracle.family.name, oracle.family.number
    values = EXTREME if dtype is np.float64 else SINGLE
    if name == "Beta":
        return np.asarray(list(itertools.product(values, values)), dtype=dtype)
    if name == "Dirichlet":
        rows = (
            CONCENTRATIONS
            if dtype is np.float64
            else [row for row in CONCENTRATIONS if max(row) < 1e5 and min(row) > 1e-5]
        )
        return np.asarray([[row[i % 3] for i in range(b)] for row in rows], dtype=dtype)
    if name == "Poisson":
        return oracle.family.natural(rate=np.asarray(values, dtype=dtype))
    if name in ("geometric", "negative binomial"):
        lower, upper = (-1e3, -1e-20) if dtype is np.float64 else (-50.0, -1e-5)
        return np.asarray([[t] for t in LOGITS if lower < t < upper], dtype=dtype)
    if name == "Ising":
        rng = np.random.default_rng(20260103)
        return np.concatenate(
            [scale * rng.standard_normal((3, b)) for scale in (1e-8, 0.3, 2.0)]
        ).astype(dtype)
    logs = np.log(values)
    rows = [[logs[(k * (i + 1) + i) % len(logs)] for i in range(b)] for k in range(len(logs))]
    return np.asarray([*rows, [0.0] * b], dtype=dtype)


ORACLES = (
    simplex.dirichlet(None),
    simplex.dirichlet(3),
    simplex.dirichlet(10),
    simplex.poisson(),
    simplex.negative_binomial(None),
    simplex.negative_binomial(5.0),
    simplex.negative_binomial(0.3),
    simplex.bernoulli(),
    simplex.binomial(12),
    simplex.binomial(10_000),
    simplex.categorical(2),
    simplex.categorical(5),
    simplex.multinomial(7, 3),
    simplex.ising(3),
    simplex.ising(2, binary=True),
)
IDS = [repr(oracle.family) for oracle in ORACLES]
precisions = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
every_oracle = pytest.mark.parametrize("oracle", ORACLES, ids=IDS)


def feasible(oracle: Oracle, theta: np.ndarray, operation: str) -> np.ndarray:
    """Members whose entropy the oracle can sum; those of a negative binomial of large mean are the subject of another test."""
    if operation == "entropy" and oracle.family.name == "negative binomial":
        return theta[oracle.family.fisher(theta)[:, 0, 0] < 1e4]
    if oracle.family.name == "negative binomial" and operation in (
        "inverse_fisher",
        "natural_gradient",
    ):
        return theta[theta[:, 0] > -680.0]
    return theta


@every_oracle
@precisions
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation(oracle: Oracle, dtype: type, operation: str) -> None:
    verdict = judge(oracle, feasible(oracle, members(oracle, dtype), operation), operation)
    assert verdict.share <= 1.0, verdict.worst
    assert verdict.relative <= 1e-13 * UNITS[dtype] / UNITS[np.float64], verdict.worst


@every_oracle
@precisions
def test_kl(oracle: Oracle, dtype: type) -> None:
    """Never negative, zero only at the same parameters, and accurate whatever the distance (E5)."""
    theta = members(oracle, dtype)
    thinned = theta[:: max(1, len(theta) // 8)]
    assert judge_divergences(oracle, thinned, STEPS) <= DIVERGENCE_ROUNDINGS


# --- random members -------------------------------------------------------------------------------

MANY = 10_000


def random_members(oracle: Oracle, rng: np.random.Generator, count: int) -> np.ndarray:
    """Log-uniform parameters, rates or odds in [1e-8, 1e8]; couplings and fields of Ising's model up to 5."""
    name, b = oracle.family.name, oracle.family.number
    if name in ("Beta", "Dirichlet"):
        return 10.0 ** rng.uniform(-8, 8, (count, b))
    if name in ("geometric", "negative binomial"):
        return -np.log1p(1.0 / 10.0 ** rng.uniform(-8, 8, (count, b)))
    if name == "Ising":
        return rng.choice([-1.0, 1.0], (count, b)) * 10.0 ** rng.uniform(
            -8, math.log10(5.0), (count, b)
        )
    return np.log(10.0) * rng.uniform(-8, 8, (count, b))


@pytest.mark.long
@pytest.mark.parametrize(
    "oracle",
    [
        o
        for o in ORACLES
        if repr(o.family) not in ("Dirichlet(categories=10)", "Binomial(trials=10000)")
    ],
    ids=lambda o: repr(o.family),
)
def test_random_members(oracle: Oracle, capsys: pytest.CaptureFixture[str]) -> None:
    """Entropies that the oracle must sum, and divergences at each of 1e-2 … 1e-12, for every tenth member; all else for every member."""
    theta = random_members(oracle, np.random.default_rng(20260102), MANY)
    with mpmath.workdps(60):
        slow = oracle.family.name in (
            "Poisson",
            "negative binomial",
            "multinomial",
            "binomial",
            "Ising",
        )
        report = {}
        for operation in OPERATIONS:
            chosen = theta[::100] if operation == "entropy" and slow else theta
            chosen = chosen[::10] if oracle.family.name == "Ising" else chosen
            report[operation] = judge(oracle, feasible(oracle, chosen, operation), operation)
    divergence = judge_divergences(oracle, theta[::100], (1e-2, -1e-4, 1e-6, -1e-8, 1e-12))
    with capsys.disabled():
        shown = "  ".join(
            f"{operation} {v.relative:.1e}/{v.share:.2f}" for operation, v in report.items()
        )
        print(f"\n{oracle.family!r}: {shown}  kl {divergence * UNITS[np.float64]:.1e}")
    for operation, verdict in report.items():
        assert verdict.share <= 1.0, (operation, verdict.worst)
        assert verdict.relative <= 1e-13, (operation, verdict.worst)
    assert divergence <= DIVERGENCE_ROUNDINGS
