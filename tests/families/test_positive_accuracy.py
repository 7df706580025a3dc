"""Every operation of the families on the half-line against 160 digits, over extreme grids and, on request, 10,000 random parameters.

An operation is a function of the given doubles, and the oracle takes the same doubles. Its relative
error may be 10 (1 + κ) u: κ is the condition number of that entry, computed by differences at 160
digits where the error exceeds 10 u and so only where it decides, u = 2⁻⁵³ (2⁻²⁴ in float32); 10
covers the roundings of the formula itself. Values that pass through zero (log-partition, entropy,
conjugate, log-density) are judged relative to max(1, |value|).
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from tests.families import positive
from tests.families.positive import IDS, ORACLES, Oracle, Vector

UNITS = {np.float64: 2.0**-53, np.float32: 2.0**-24}
ROUNDINGS = 10.0
# A divergence has no condition number to hide behind; 64 u is 7e-15. See test_accuracy for how a
# remainder collects its roundings.
DIVERGENCE_ROUNDINGS = 64.0
STEPS = (1e-2, -1e-4, 1e-6, -1e-8, 1e-10, 1e-12, -0.5, 9.0)

POSITIVE = (1e-8, 1e-4, 0.1, 1.0, 3.0, 1e4, 1e8)
REAL = (0.0, 1e-8, -3.0, 1e4, 1e8)
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
    "third_cumulant",
    "classical_fisher",
)


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    with mpmath.workdps(positive.DIGITS):
        yield


def exact(row: np.ndarray) -> Vector:
    return [mpf(float(value)) for value in np.ravel(row)]


def flatten(value: object) -> Vector:
    return (
        [entry for part in value for entry in flatten(part)] if isinstance(value, list) else [value]
    )


def condition(function: Callable[[Vector], object], argument: Vector, scale: Vector) -> list[float]:
    """Σ_j |t_j ∂G_i/∂t_j| / scale_i of the entries of G, by central differences."""
    step = mpf(10) ** -20
    total = [mpf(0)] * len(scale)
    for j, value in enumerate(argument):
        if value != 0:
            shifted = [
                [v * (1 + sign * step) if k == j else v for k, v in enumerate(argument)]
                for sign in (1, -1)
            ]
            upper, lower = (flatten(function(point)) for point in shifted)
            total = [
                t + abs(u - low) / (2 * step) for t, u, low in zip(total, upper, lower, strict=True)
            ]
    return [float(t / s) if s != 0 else 0.0 for t, s in zip(total, scale, strict=True)]


@dataclass
class Verdict:
    """The worst error of an operation: relative, where the problem is well conditioned, and as a share of what is allowed."""

    relative: float = 0.0
    share: float = 0.0
    worst: str = ""

    def add(
        self,
        got: np.ndarray,
        function: Callable[[Vector], object],
        argument: Vector,
        floor: float,
        unit: float,
    ) -> None:
        truth = flatten(function(argument))
        scale = [max(abs(value), mpf(floor)) for value in truth]
        errors = [
            abs(mpf(float(value)) - true) for value, true in zip(np.ravel(got), truth, strict=True)
        ]
        if not np.all(np.isfinite(got)):
            self.share, self.worst = math.inf, f"{argument}: {got}"
            return
        kappas = [0.0] * len(truth)
        if any(error > ROUNDINGS * unit * size for error, size in zip(errors, scale, strict=True)):
            kappas = condition(function, argument, scale)
        for value, true, error, size, kappa in zip(
            np.ravel(got), truth, errors, scale, kappas, strict=True
        ):
            relative = float(error / size) if size != 0 else float(error)
            share = relative / (ROUNDINGS * (1.0 + kappa) * unit)
            if kappa <= 10.0:
                self.relative = max(self.relative, relative)
            if share > self.share:
                self.share = share
                self.worst = f"at {[float(a) for a in argument]}: got {value!r}, truth {mpmath.nstr(true, 20)}, κ = {kappa:.2g}"


def judge(oracle: Oracle, theta: np.ndarray, operation: str) -> Verdict:
    """Compare one operation at every θ of the batch (n, b), or what belongs to it: its mean parameters, points, gradients."""
    family, verdict, unit = oracle.family, Verdict(), UNITS[theta.dtype.type]
    if operation in ("natural_from_mean", "conjugate"):
        mu = attainable(oracle, theta)
        got = getattr(family, operation)(mu)
        cases = [(g, getattr(oracle, operation), exact(m)) for g, m in zip(got, mu, strict=True)]
    elif operation == "log_prob":
        x = np.asarray(
            [[float(p) for p in oracle.points(*oracle.classical(exact(row)))] for row in theta]
        ).astype(theta.dtype)
        got = family.log_prob(theta[:, None, :], x[..., None])
        flat = [
            (got[i, j], [*exact(theta[i]), mpf(float(x[i, j]))]) for i, j in np.ndindex(x.shape)
        ]
        cases = [
            (value, lambda t: oracle.log_prob(t[:-1], t[-1]), argument) for value, argument in flat
        ]
    elif operation == "natural_gradient":
        size = np.sqrt(
            np.stack([family.fisher(theta)[:, i, i] for i in range(family.number)], axis=-1)
        )
        signs = np.asarray([[1.0, -1.0][: family.number], [0.5, 1.0][: family.number]])
        cases = []
        for sign in signs:
            grad = (size * sign).astype(theta.dtype)
            got = family.natural_gradient(theta, grad)
            b = family.number
            function = lambda t, b=b: oracle.natural_gradient(t[:b], t[b:])
            cases += [
                (g, function, exact(row) + exact(direction))
                for g, row, direction in zip(got, theta, grad, strict=True)
            ]
    else:
        got = (
            family.fisher(theta, chart="classical")
            if operation == "classical_fisher"
            else getattr(family, operation)(theta)
        )
        function = oracle.entropy_at if operation == "entropy" else getattr(oracle, operation)
        cases = [(g, function, exact(row)) for g, row in zip(got, theta, strict=True)]
    assert got.dtype == theta.dtype
    floor = 1.0 if operation in ("log_partition", "entropy", "conjugate", "log_prob") else 0.0
    for value, function, argument in cases:
        verdict.add(np.asarray(value), function, argument, floor, unit)
    return verdict


def attainable(oracle: Oracle, theta: np.ndarray) -> np.ndarray:
    """Correctly rounded mean parameters of those θ whose rounded means still belong to a member of the family."""
    rounded = np.asarray(
        [[float(m) for m in oracle.mean(exact(row))] for row in theta], dtype=theta.dtype
    )
    kept = rounded[np.asarray([oracle.is_mean(exact(row)) for row in rounded])]
    assert len(kept) >= 0.5 * len(
        theta
    )  # two moments lose a deviation that is small next to the mean
    return kept


def judge_divergences(oracle: Oracle, theta: np.ndarray, steps: tuple[float, ...]) -> float:
    """The worst relative error of KL and of the Fisher-Rao distance, in units u, over perturbations of classical parameters.

    Each is perturbed alone, then both alike and both oppositely.
    """
    family, unit, worst = oracle.family, UNITS[theta.dtype.type], 0.0
    classical = family.classical(theta)

    def compare(
        function: Callable[[Vector, Vector], mpf],
        got: np.ndarray,
        first: np.ndarray,
        second: np.ndarray,
    ) -> None:
        nonlocal worst
        assert got.dtype == theta.dtype
        for value, row1, row2 in zip(got, first, second, strict=True):
            true = function(exact(row1), exact(row2)) if np.any(row1 != row2) else mpf(0)
            assert value >= 0
            assert (value == 0) == (true == 0), (
                f"{row1!r} {row2!r}: got {value!r}, truth {mpmath.nstr(true, 20)}"
            )
            if true != 0:
                worst = max(worst, float(abs(mpf(float(value)) / true - 1)) / unit)

    signs = [(1,)] if len(classical) == 1 else [(1, 0), (0, 1), (1, 1), (1, -1)]
    for step, sign in itertools.product(steps, signs):
        changed = {
            name: value * value.dtype.type((1.0 + step) ** power)
            for (name, value), power in zip(classical.items(), sign, strict=True)
        }
        theta2 = family.natural(**changed)
        for first, second in ((theta, theta2), (theta2, theta)):
            compare(oracle.kl, family.kl(first, second), first, second)
            if oracle.distance is not None:
                compare(
                    oracle.distance_at, family.fisher_rao_distance(first, second), first, second
                )
    return worst


def grid(oracle: Oracle, dtype: type) -> np.ndarray:
    axes = (
        oracle.single
        if dtype is np.float32
        else tuple(REAL if name == "log_mean" else POSITIVE for name in oracle.names)
    )
    columns = np.asarray(list(itertools.product(*axes)), dtype=dtype).T
    return oracle.family.natural(**dict(zip(oracle.names, columns, strict=True)))


@pytest.mark.parametrize("oracle", ORACLES, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation(oracle: Oracle, dtype: type, operation: str) -> None:
    verdict = judge(oracle, grid(oracle, dtype), operation)
    assert verdict.share <= 1.0, verdict.worst
    assert verdict.relative <= 1e-13 * UNITS[dtype] / UNITS[np.float64]


# Members that random searches such as the one below found: what is left of logarithms of size 9 to
# 40, or of log Γ and log x of size 18.
FOUND = [
    (
        "inverse Gaussian",
        "entropy",
        [[-1813.275324781387, -718547.7571743454], [-0.5, -1e12], [-1e-24, -0.1], [-1e-16, -2.0]],
    ),
    ("chi-squared", "log_prob", [[6.779117006452711e-09], [1e-8], [3e-6]]),
    (
        "inverse Gamma",
        "log_prob",
        [[-1.3052492390714292e-08, -2.1686662438697494e-17], [-1e-8, -1.0]],
    ),
]


@pytest.mark.parametrize(("name", "operation", "rows"), FOUND, ids=[name for name, _, _ in FOUND])
def test_found_members(name: str, operation: str, rows: list[list[float]]) -> None:
    oracle = next(oracle for oracle in ORACLES if oracle.family.name == name)
    verdict = judge(oracle, np.asarray(rows), operation)
    assert verdict.share <= 1.0, verdict.worst


@pytest.mark.parametrize(
    "oracle",
    [oracle for oracle in ORACLES if oracle.family.number == 2],
    ids=lambda oracle: oracle.family.name,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
def test_mixtures(oracle: Oracle, dtype: type) -> None:
    """The member whose mean parameters lie between those of two members, of which rounded mean parameters have lost the spread."""
    theta, t, verdict = grid(oracle, dtype), np.asarray([0.25], dtype=dtype), Verdict()

    def mixture(argument: Vector) -> Vector:
        first, second = oracle.mean(argument[:2]), oracle.mean(argument[2:])
        return oracle.natural_from_mean(
            [(3 * a + b) / 4 for a, b in zip(first, second, strict=True)]
        )

    others = [(theta * 1.25).astype(dtype)]
    if (
        oracle.family.name != "log-normal"
    ):  # where a spread between the ends far above either variance would leave nothing of those
        others.append(np.roll(theta, 5, axis=0))
    for other in others:
        got = oracle.family._mixture(np, theta, other, t)
        assert got.dtype == dtype
        for value, row1, row2 in zip(got, theta, other, strict=True):
            verdict.add(value, mixture, exact(row1) + exact(row2), 0.0, UNITS[dtype])
    assert verdict.share <= 1.0, verdict.worst


@pytest.mark.parametrize("oracle", ORACLES, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
def test_classical(oracle: Oracle, dtype: type) -> None:
    """To 10 u, with κ ≤ 2 everywhere."""
    theta = grid(oracle, dtype)
    got = oracle.family.classical(theta)
    for i, row in enumerate(theta):
        for name, true in zip(oracle.names, oracle.classical(exact(row)), strict=True):
            value = got[name][i]
            assert value.dtype == dtype
            assert abs(mpf(float(value)) - true) <= 10 * UNITS[dtype] * abs(true), (
                row,
                name,
                value,
                true,
            )


@pytest.mark.parametrize("oracle", ORACLES, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
def test_kl_and_distance(oracle: Oracle, dtype: type) -> None:
    """Never negative, zero only at the same parameters, and accurate to 64 u whatever the distance (E5); so is the Fisher-Rao distance."""
    assert judge_divergences(oracle, grid(oracle, dtype)[::2], STEPS) <= DIVERGENCE_ROUNDINGS


# --- ten thousand random parameters ---------------------------------------------------------------

MANY = 10_000


def random_members(name: str, rng: np.random.Generator) -> Iterator[tuple[Oracle, np.ndarray]]:
    """Log-uniform classical parameters in [1e-8, 1e8], and as many known parameters as there are groups of a hundred."""
    known = {
        "Weibull": lambda: positive.weibull(
            10.0 ** rng.uniform(-1, 1)
        ),  # beyond that λᵏ leaves the range of float64
        "Laplace": lambda: positive.laplace(rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-8, 8)),
        "Pareto": lambda: positive.pareto(10.0 ** rng.uniform(-8, 8)),
    }
    fixed = {oracle.family.name: oracle for oracle in ORACLES}
    groups = 100 if name in known else 1
    for _ in range(groups):
        oracle = known[name]() if name in known else fixed[name]
        count = MANY // groups
        drawn = {parameter: 10.0 ** rng.uniform(-8, 8, count) for parameter in oracle.names}
        if "log_mean" in drawn:
            drawn["log_mean"] *= rng.choice([-1.0, 1.0], count)
        yield oracle, oracle.family.natural(**drawn)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted({oracle.family.name for oracle in ORACLES}))
def test_random_parameters(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Divergences at each of 1e-2 … 1e-12 for every tenth member; all else for every member."""
    report = {operation: Verdict() for operation in OPERATIONS}
    divergence = 0.0
    for oracle, theta in random_members(name, np.random.default_rng(20260101)):
        for operation in OPERATIONS:
            found, total = judge(oracle, theta, operation), report[operation]
            total.relative = max(total.relative, found.relative)
            if found.share > total.share:
                total.share, total.worst = found.share, found.worst
        divergence = max(
            divergence, judge_divergences(oracle, theta[::10], (1e-2, -1e-4, 1e-6, -1e-8, 1e-12))
        )
    with capsys.disabled():
        shown = "  ".join(
            f"{operation} {v.relative:.1e}/{v.share:.2f}" for operation, v in report.items()
        )
        print(f"\n{name}: {shown}  kl {divergence * UNITS[np.float64]:.1e}")
    for operation, verdict in report.items():
        assert verdict.share <= 1.0, (operation, verdict.worst)
        assert verdict.relative <= 1e-13, operation
    assert divergence <= DIVERGENCE_ROUNDINGS
