"""Ten thousand random members of each family on vectors and matrices, over sixteen decades.

The bar: 1e-13 whatever the condition number, or 10 κ u where that is more, with κ the condition
number of the result as a function of the given doubles, by differences at 200 digits. It is only
computed where 1e-13 fails. The worst error of each operation is printed (``-s``).
"""

from functools import partial

import numpy as np
import pytest

from tests.families.judge import UNIT, condition
from tests.families.matrix_cases import (
    DELTAS,
    KINDS,
    Case,
    case,
    cumulant_error,
    mean_error,
    metric_error,
    natural_gradient_error,
    perturbed,
    random_classical,
    random_matrices,
    relative_error,
    roots,
    shape_condition,
)
from validation.oracles.precise import MP, precise
from validation.oracles.statement import inverse_and_determinant
from validation.oracles.textbook import symmetric, upper

pytestmark = pytest.mark.long

BAR = 1e-13
DIGITS = 200
NUMBER = 5000  # in two and in three dimensions each
# Of which third cumulants and the metric in classical parameters, each some metrics of the
# oracle
CUMULANTS = 100
METRICS = 500  # of which the metric, that takes the oracle a second for ten
PAIRS = 1500  # of which divergences to each of five neighbours and to a distant member
DIMENSIONS = pytest.mark.parametrize(("kind", "d"), [(kind, d) for kind in KINDS for d in (2, 3)])


@pytest.fixture(autouse=True)
def _digits():
    with MP.workdps(DIGITS):
        yield


class Judge:
    """Collects the worst error of each operation, and fails at the first that the bar does not
    allow.
    """

    def __init__(self, label: str) -> None:
        self.label, self.worst = label, {}

    def __call__(
        self, operation: str, error: float, function=None, argument=None, floor: float = 0.0
    ) -> None:
        self.worst[operation] = max(error, self.worst.get(operation, 0.0))
        if error > BAR:
            truth = np.abs(np.ravel(np.asarray(function(argument), dtype=object)))
            kappa = max(condition(function, argument, np.maximum(truth, floor)))
            assert error <= 10 * kappa * UNIT, (
                f"{self.label} {operation}: error {error:.2e}, κ {kappa:.2e} at {argument}"
            )

    def report(self) -> None:
        print(
            f"\n{self.label}: "
            + ", ".join(f"{name} {error:.1e}" for name, error in self.worst.items())
        )


def drawn(kind: str, d: int) -> tuple[Case, dict[str, np.ndarray], np.ndarray, np.random.Generator]:
    rng = np.random.default_rng([2026, KINDS.index(kind), d])
    covariance = random_matrices(rng, 1, d, 8.0, 12.0)[0] if kind == "known" else None
    member = case(kind, d, covariance)
    classical = random_classical(rng, kind, d, NUMBER)
    return member, classical, member.family.natural(**classical), rng


@DIMENSIONS
def test_potentials_means_and_densities(kind: str, d: int) -> None:
    member, _, theta, rng = drawn(kind, d)
    family, oracle, judge = member.family, member.oracle, Judge(f"{kind} d={d}")
    assert np.all(family.contains(theta))
    values = {name: getattr(family, name)(theta) for name in ("log_partition", "entropy")}
    means, x = family.mean(theta), family.sample(theta, 1, rng)[:, 0]
    densities = family.log_prob(theta, x)
    b = theta.shape[-1]
    for i, row in enumerate(theta):
        point = precise(row)
        for name, got in values.items():
            judge(
                name,
                relative_error(got[i], [getattr(oracle, name)(point)], floor=1.0),
                getattr(oracle, name),
                point,
                floor=1.0,
            )
        judge("mean", mean_error(member, means[i], oracle.mean(point)), oracle.mean, point)
        both = np.concatenate([point, precise(x[i])])
        error = relative_error(densities[i], [oracle.log_prob(point, precise(x[i]))], floor=1.0)
        judge("log_prob", error, lambda t: oracle.log_prob(t[:b], t[b:]), both, floor=1.0)
    judge.report()


@DIMENSIONS
def test_metrics(kind: str, d: int) -> None:
    member, _, theta, rng = drawn(kind, d)
    judge = Judge(f"{kind} d={d}")
    theta = theta[:METRICS]
    fisher, inverse = member.family.fisher(theta), member.family.inverse_fisher(theta)
    for i, row in enumerate(theta):
        truth = member.oracle.fisher(precise(row))
        inverted, _ = inverse_and_determinant(truth)
        judge("fisher", metric_error(fisher[i], truth), member.oracle.fisher, precise(row))
        judge(
            "inverse_fisher", metric_error(inverse[i], inverted), member.oracle.fisher, precise(row)
        )
        grad = rng.standard_normal(len(row)) * roots(truth).astype(float)
        error = natural_gradient_error(member, row, grad, inverted)
        judge("natural_gradient", error, member.oracle.fisher, precise(row))
    judge.report()


@DIMENSIONS
def test_third_cumulants_and_classical_metrics(kind: str, d: int) -> None:
    member, _, theta, _ = drawn(kind, d)
    theta, judge, oracle = theta[:CUMULANTS], Judge(f"{kind} d={d}"), member.oracle
    tensors, metrics = (
        member.family.third_cumulant(theta),
        member.family.fisher(theta, chart="classical"),
    )
    for tensor, metric, row in zip(tensors, metrics, precise(theta), strict=True):
        judge(
            "third_cumulant",
            cumulant_error(tensor, oracle.third_cumulant(row), oracle.fisher(row)),
            oracle.fisher,
            row,
        )
        judge(
            "classical fisher",
            metric_error(metric, oracle.classical_fisher(row)),
            oracle.classical_fisher,
            row,
        )
    judge.report()


@DIMENSIONS
def test_natural_from_mean(kind: str, d: int) -> None:
    member, _, theta, _ = drawn(kind, d)
    judge, oracle = Judge(f"{kind} d={d}"), member.oracle
    rounded = np.asarray([[float(m) for m in oracle.mean(precise(row))] for row in theta])
    kept = 0
    for mu in rounded:
        try:
            got = member.family.natural_from_mean(mu)
        except ValueError:
            # The rounded second moments of a narrow Gaussian far from zero hold no covariance
            continue
        kept += 1
        exact, start = precise(mu), precise(got)
        true = oracle.natural_from_mean(exact, start)
        if kind in ("wishart", "inverse_wishart"):
            allowed = max(BAR, 10 * (1 + shape_condition(member, exact, abs(true[0]))) * UNIT)
            assert relative_error(got[0], true[0]) <= allowed, mu
            inverse, _ = inverse_and_determinant(symmetric(exact[1:], d))
            rate = upper(-abs(start[0]) * inverse, doubled=True)
            judge("rate given shape", relative_error(got[1:], rate))
        else:
            inverted = partial(oracle.natural_from_mean, start=start)
            judge("natural_from_mean", relative_error(got, true), inverted, exact)
    assert kept >= 0.8 * len(theta)
    judge.report()


@DIMENSIONS
def test_divergence(kind: str, d: int) -> None:
    member, classical, theta, rng = drawn(kind, d)
    judge = Judge(f"{kind} d={d}")
    kept = {name: value[:PAIRS] for name, value in classical.items()}
    neighbours = {
        f"{delta:g}": member.family.natural(**perturbed(rng, kind, d, kept, delta))
        for delta in DELTAS
    }
    neighbours["stranger"] = theta[PAIRS : 2 * PAIRS]
    theta, b = theta[:PAIRS], theta.shape[-1]
    for label, other in neighbours.items():
        for first, second in ((theta, other), (other, theta)):
            values = member.family.kl(first, second)
            assert np.all(values >= 0)
            for value, row1, row2 in zip(values, first, second, strict=True):
                both = precise(np.concatenate([row1, row2]))
                truth = member.oracle.kl(both[:b], both[b:])
                judge(
                    f"kl {label}",
                    relative_error(value, [truth]),
                    lambda t: member.oracle.kl(t[:b], t[b:]),
                    both,
                )
                assert (
                    label == "stranger" or relative_error(value, [truth]) <= BAR
                )  # no condition number excuses a neighbour
    judge.report()
