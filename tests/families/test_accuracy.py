"""Every operation of the univariate families, of counts and of proportions against 100 digits.

The grids are extreme; on request there are 10,000 random members. `tests.families.judge` says what
an operation may be off.
"""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.families.judge import (
    DIGITS,
    DIVERGENCE_ROUNDINGS,
    OPERATIONS,
    UNIT,
    UNITS,
    Verdict,
    judge,
    judge_divergences,
    lazily,
    oracle_of,
)
from tests.families.members import ALL, CASES, COUNTS, HALF_LINE, Case, random_members
from validation.oracles.precise import MP, precise

every_case = pytest.mark.parametrize("case", ALL, ids=lambda case: repr(case.family))
precisions = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    with MP.workdps(DIGITS):
        yield


def feasible(case: Case, theta: np.ndarray, operation: str) -> np.ndarray:
    """Members whose entropy the oracle can sum, and whose F⁻¹ is a number of float64."""
    if case.kind == "NegativeBinomial" and operation == "entropy":
        return theta[case.family.fisher(theta)[:, 0, 0] < 1e4]
    if case.kind == "NegativeBinomial" and operation in ("inverse_fisher", "natural_gradient"):
        return theta[theta[:, 0] > -680.0]
    return theta


@pytest.mark.parametrize(
    ("case", "operation"),
    [
        (case, operation)
        for case in ALL
        for operation in OPERATIONS
        if case not in COUNTS or operation not in ("third_cumulant", "classical_fisher")
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value.family),
)
@precisions
def test_operation(case: Case, operation: str, dtype: type) -> None:
    verdict = judge(case, feasible(case, case.members(dtype), operation), operation)
    assert verdict.share <= 1.0, verdict.worst


@every_case
@precisions
def test_kl_and_distance(case: Case, dtype: type) -> None:
    """Accurate to 64 u whatever the distance (E5); so is the Fisher-Rao distance."""
    theta = case.members(dtype)
    every = max(1, len(theta) // 8) if case in COUNTS else 2
    every = 3 if case.family.number == 10 else every  # ten terms like those of three categories
    assert judge_divergences(case, theta[::every]) <= DIVERGENCE_ROUNDINGS


# Members that random searches such as the one below found: what is left of logarithms of size 9 to
# 40, or of log Γ and log x of size 18.
FOUND = [
    (
        "InverseGaussian",
        "entropy",
        [[-1813.275324781387, -718547.7571743454], [-0.5, -1e12], [-1e-24, -0.1], [-1e-16, -2.0]],
    ),
    ("ChiSquared", "log_prob", [[6.779117006452711e-09], [1e-8], [3e-6]]),
    (
        "InverseGamma",
        "log_prob",
        [[-1.3052492390714292e-08, -2.1686662438697494e-17], [-1e-8, -1.0]],
    ),
]


@pytest.mark.parametrize(("kind", "operation", "rows"), FOUND, ids=[kind for kind, _, _ in FOUND])
def test_found_members(kind: str, operation: str, rows: list[list[float]]) -> None:
    case = next(case for case in HALF_LINE if case.kind == kind)
    verdict = judge(case, np.asarray(rows), operation)
    assert verdict.share <= 1.0, verdict.worst


@pytest.mark.parametrize(
    "case",
    [case for case in HALF_LINE if case.family.number == 2],
    ids=lambda case: case.family.name,
)
@precisions
def test_mixtures(case: Case, dtype: type) -> None:
    """The member between two in mean parameters, which lose the spread when they are rounded."""
    oracle, theta, verdict = oracle_of(case), case.members(dtype), Verdict()
    others = [(theta * 1.25).astype(dtype)]
    # A spread between the ends far above either variance leaves nothing of those.
    if case.kind != "LogNormal":
        others.append(np.roll(theta, 5, axis=0))
    for other in others:
        found = case.family._mixture(np, theta, other, np.asarray([0.25], dtype=dtype))
        assert found.dtype == dtype
        for value, row1, row2 in zip(found, theta, other, strict=True):
            start, argument = precise(value), precise(np.concatenate([row1, row2]))

            def mixture(t: np.ndarray, start=start) -> np.ndarray:
                mu = (3 * oracle.mean(t[:2]) + oracle.mean(t[2:])) / 4
                return oracle.natural_from_mean(mu, start)

            truth = mixture(argument)
            scale = np.abs(truth)
            verdict.add(value, truth, scale, lazily(mixture, argument, scale), (row1, row2))
    assert verdict.share <= 1.0, verdict.worst


@pytest.mark.parametrize("case", [*CASES, *HALF_LINE], ids=lambda case: repr(case.family))
@precisions
def test_classical(case: Case, dtype: type) -> None:
    """To 10 u, with κ ≤ 2 everywhere."""
    theta = case.members(dtype)
    found = np.stack([*case.family.classical(theta).values()], axis=1)
    assert found.dtype == dtype
    for values, row in zip(precise(found), precise(theta), strict=True):
        true = case.oracle.classical(row)
        assert np.all(np.abs(values - true) <= 10 * precise(UNITS[dtype]) * np.abs(true)), row


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.family.name)
def test_third_cumulants_to_the_last_digits(case: Case) -> None:
    """No condition number enters: 16 u of each entry, or of the two terms whose sum it is."""
    theta = case.members()
    for row, tensor in zip(theta, case.family.third_cumulant(theta), strict=True):
        true = case.oracle.third_cumulant(precise(row))
        assert np.all(np.abs(precise(tensor) - true) <= 16 * UNIT * np.abs(true)), row


# --- ten thousand random parameters ---------------------------------------------------------------

MANY = 10_000
# Entropies that the oracle sums, or a factorisation for each entry: fewer members.
SLOW = ("Poisson", "NegativeBinomial", "Multinomial", "Binomial", "Ising")
SKIPPED = ("Dirichlet(categories=10)", "Binomial(trials=10000)")


def thinned(case: Case, theta: np.ndarray, operation: str) -> np.ndarray:
    chosen = theta[::100] if operation == "entropy" and case.kind in SLOW else theta
    return feasible(case, chosen[::10] if case.kind == "Ising" else chosen, operation)


@pytest.mark.long
@pytest.mark.parametrize(
    "case",
    [case for case in ALL if repr(case.family) not in SKIPPED],
    ids=lambda case: repr(case.family),
)
def test_random_members(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """Divergences at 1e-2 … 1e-12 for every hundredth member; all else for every member."""
    operations = OPERATIONS[:-2] if case in COUNTS else OPERATIONS
    report = {operation: Verdict() for operation in operations}
    divergence = 0.0
    for drawn, theta in random_members(case, np.random.default_rng(20260101), MANY):
        for operation in operations:
            found = judge(drawn, thinned(drawn, theta, operation), operation)
            if found.share > report[operation].share:
                report[operation] = found
        some = theta[:: 100 if case in COUNTS else 10]
        steps = (1e-2, -1e-4, 1e-6, -1e-8, 1e-12)
        divergence = max(divergence, judge_divergences(drawn, some, steps))
    with capsys.disabled():
        shown = "  ".join(f"{name} {verdict.share:.2f}" for name, verdict in report.items())
        print(f"\n{case.family!r}: {shown}  kl {divergence * UNIT:.1e}")
    for operation, verdict in report.items():
        assert verdict.share <= 1.0, (operation, verdict.worst)
    assert divergence <= DIVERGENCE_ROUNDINGS
