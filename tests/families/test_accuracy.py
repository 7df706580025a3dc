"""Every operation against 100 digits over extreme grids, judged by the condition number of the problem it was given.

An operation is a function of the given doubles, and the oracle takes the same doubles. Its relative
error may be 10 (1 + κ) u: κ is the condition number of that entry, computed by differences at 100
digits, u = 2⁻⁵³ (2⁻²⁴ in float32); 10 covers the roundings of the formula itself, of which the
longest path has about twenty, which add up like a random walk. Values that pass through zero
(log-partition, entropy, conjugate, log-density) are judged relative to max(1, |value|).
"""

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from tests.families import reference
from tests.families.cases import CASES, IDS, Case
from tests.families.reference import UNIT

UNITS = {np.float64: UNIT, np.float32: 2.0**-24}
ROUNDINGS = 10.0
# A divergence has no condition number to hide behind: 22 u is the most seen over the grid, from the
# 3 roundings of a ratio near 1/2 whose logarithm is then taken, plus 3 of the excess, over a
# remainder of 0.19.
DIVERGENCE_ROUNDINGS = 64.0
ABSOLUTE = ("log_partition", "entropy", "conjugate", "log_prob")

pytestmark = pytest.mark.parametrize("case", CASES, ids=IDS)


@pytest.fixture(autouse=True)
def _hundred_digits():
    with mpmath.workdps(reference.DIGITS):
        yield


@pytest.fixture(params=[np.float64, np.float32], ids=["float64", "float32"])
def theta(request, case: Case) -> np.ndarray:
    dtype = request.param
    classical = case.extreme if dtype is np.float64 else case.single
    return case.family.natural(
        **{name: np.asarray(values, dtype=dtype) for name, values in classical.items()}
    )


def exact(row) -> list[mpf]:
    return [mpf(float(value)) for value in row]


def assert_conditioned(
    got: np.ndarray, function, arguments: np.ndarray, floor: float = 0.0
) -> None:
    """Compare each row of ``got`` with ``function`` of the same row of ``arguments``."""
    unit = UNITS[got.dtype.type]
    for values, argument in zip(np.reshape(got, (len(arguments), -1)), arguments, strict=True):
        truth = reference.flatten(function(exact(argument)))
        scale = [max(abs(value), mpf(floor)) for value in truth]
        kappas = reference.condition(function, exact(argument), scale)
        for value, true, size, kappa in zip(values, truth, scale, kappas, strict=True):
            error = float(abs(mpf(float(value)) - true))
            allowed = ROUNDINGS * (1.0 + kappa) * unit * float(size)
            assert error <= allowed, (
                f"at {argument!r}: got {value!r}, truth {mpmath.nstr(true, 20)}, error {error:.2e} > {allowed:.2e}"
            )


@pytest.mark.parametrize(
    "operation", ["log_partition", "mean", "fisher", "inverse_fisher", "entropy"]
)
def test_functions_of_theta(case: Case, theta: np.ndarray, operation: str) -> None:
    oracle = case.oracle
    function = {"inverse_fisher": lambda t: reference.inverse_fisher(oracle, t)}.get(
        operation
    ) or getattr(oracle, operation)
    got = getattr(case.family, operation)(theta)
    assert got.dtype == theta.dtype
    assert_conditioned(got, function, theta, floor=1.0 if operation in ABSOLUTE else 0.0)


def attainable(case: Case, theta: np.ndarray) -> np.ndarray:
    """Correctly rounded mean parameters of those θ whose rounded means still belong to a member of the family."""
    rounded = np.asarray(
        [[float(m) for m in case.oracle.mean(exact(row))] for row in theta], dtype=theta.dtype
    )
    kept = rounded[np.asarray([case.oracle.is_mean(exact(row)) for row in rounded])]
    assert len(kept) >= 0.7 * len(
        theta
    )  # a narrow Gaussian far from 0 has no variance left in its second moment
    return kept


def test_natural_from_mean(case: Case, theta: np.ndarray) -> None:
    mu = attainable(case, theta)
    got = case.family.natural_from_mean(mu)
    assert got.dtype == theta.dtype
    assert_conditioned(got, case.oracle.natural_from_mean, mu)


def test_conjugate(case: Case, theta: np.ndarray) -> None:
    def conjugate(mu: list[mpf]) -> mpf:
        natural = case.oracle.natural_from_mean(mu)
        return -case.oracle.entropy(natural) - case.oracle.mean_log_base_measure(natural)

    mu = attainable(case, theta)
    assert_conditioned(case.family.conjugate(mu), conjugate, mu, floor=1.0)


def test_log_prob(case: Case, theta: np.ndarray) -> None:
    """Points within a few standard deviations and far tails, as exact doubles: κ with respect to θ and x together."""
    spread = np.asarray([0.0, 1.0, -1e-3, 5.0])
    if case.family.name == "Gaussian":
        m, variance = case.family.classical(theta).values()
        x = m[:, None] + np.sqrt(variance)[:, None] * spread
    else:
        shape, rate = case.family.classical(theta).values()
        x = (shape / rate)[:, None] * np.exp(spread)
    x = x.astype(theta.dtype)
    got = case.family.log_prob(theta[:, None, :], x[..., None])
    arguments = np.reshape(
        np.concatenate([np.repeat(theta[:, None, :], len(spread), axis=1), x[..., None]], axis=-1),
        (-1, 3),
    )
    assert got.dtype == theta.dtype
    assert_conditioned(
        np.reshape(got, (-1, 1)), lambda t: case.oracle.log_prob(t[:2], t[2]), arguments, floor=1.0
    )


def test_natural_gradient(case: Case, theta: np.ndarray) -> None:
    """Gradients of mixed size and sign; κ with respect to the gradient and θ together."""
    fisher = case.family.fisher(theta)
    size = np.sqrt(np.stack([fisher[:, 0, 0], fisher[:, 1, 1]], axis=-1))
    for factors in ((1.0, 1.0), (1.0, -1.0), (0.0, 1.0)):
        grad = (size * np.asarray(factors)).astype(theta.dtype)
        got = case.family.natural_gradient(theta, grad)
        assert got.dtype == theta.dtype
        assert_conditioned(
            got,
            lambda t: naive_natural_gradient(case.oracle, t),
            np.concatenate([theta, grad], axis=-1),
        )


def naive_natural_gradient(oracle: type, argument: list[mpf]) -> list[mpf]:
    inverse, grad = reference.inverse_fisher(oracle, argument[:2]), argument[2:]
    return [sum(entry * g for entry, g in zip(row, grad, strict=True)) for row in inverse]


def perturbed(classical: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """One parameter, or both alike, or both oppositely, changed by 1e-12 … 1e-2 and by much more."""
    steps = (1e-2, -1e-4, 1e-6, -1e-8, 1e-10, 1e-12, -0.5, 9.0)
    names = tuple(classical)
    changed = []
    for step in steps:
        for signs in ((1, 0), (0, 1), (1, 1), (1, -1)):
            factors = [(1.0 + step) ** sign for sign in signs]
            changed.append(
                {
                    name: classical[name] * classical[name].dtype.type(f)
                    for name, f in zip(names, factors, strict=True)
                }
            )
    if names[0] == "mean":
        deviation = np.sqrt(classical["variance"])
        changed += [
            {**classical, "mean": classical["mean"] + deviation * deviation.dtype.type(z)}
            for z in (1e-12, 1e-6, 1e-2, 30.0)
        ]
    return changed


def test_kl(case: Case, theta: np.ndarray) -> None:
    """Never negative, zero only at the same parameters, and accurate to 64 u whatever the distance (E5)."""
    unit = UNITS[theta.dtype.type]
    for other in perturbed(case.family.classical(theta)):
        theta2 = case.family.natural(**other)
        for first, second in ((theta, theta2), (theta2, theta)):
            for value, row1, row2 in zip(case.family.kl(first, second), first, second, strict=True):
                true = reference.kl(case.oracle, exact(row1), exact(row2))
                assert value.dtype == theta.dtype
                assert value >= 0
                assert (value == 0) == (true == 0), (
                    f"{row1!r} {row2!r}: got {value!r}, truth {mpmath.nstr(true, 20)}"
                )
                assert abs(mpf(float(value)) - true) <= DIVERGENCE_ROUNDINGS * unit * true, (
                    row1,
                    row2,
                    value,
                    true,
                )
