"""Judge an operation of a family against the textbook, by the condition number of its problem.

An operation is a function of the given doubles, and the oracle takes the same doubles. Its error
may be 10 (1 + κ) u: κ is the condition number of that entry, computed by differences where the
error exceeds 10 u and so only where it decides; u = 2⁻⁵³ (2⁻²⁴ in float32); 10 covers the roundings
of the formula itself, of which the longest path has about twenty, which add up like a random walk.
Values that pass through zero (log-partition, entropy, conjugate, log-density) are judged relative
to max(1, |value|). Divergences have no κ to hide behind.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import mpmath
import numpy as np

from ingd_ref.errors import DomainError
from tests.families.members import Case
from validation.oracles.distances import fisher_rao_distance
from validation.oracles.precise import MP, precise
from validation.oracles.statement import Textbook, slopes, units

DIGITS = 100
UNIT = 2.0**-53
UNITS = {np.float64: UNIT, np.float32: 2.0**-24}
ROUNDINGS = 10.0
# A remainder collects 3 roundings of a ratio near 1/2 whose logarithm is then taken, plus 3 of the
# excess, over a remainder of 0.19; 22 u is the most seen for Gamma and Gaussian distributions.
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
    "third_cumulant",
    "classical_fisher",
)
ABSOLUTE = ("log_partition", "entropy")
Kappa = Callable[[], np.ndarray]


@cache
def oracle_of(case: Case) -> Textbook:
    """The textbook, which remembers A, μ and F of parameters that it has just seen."""
    oracle = case.oracle

    def remembered(function):
        value = lru_cache(maxsize=1024)(lambda precision, *theta: function(np.asarray(theta)))
        return lambda theta: value(MP.prec, *theta)

    functions = {
        name: remembered(function)
        for name in ("log_partition", "mean", "stated_fisher")
        if (function := getattr(oracle, name)) is not None
    }
    return replace(oracle, **functions)


def condition(function, argument: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Σ_j |t_j ∂G_i/∂t_j| / scale_i of the entries of G, by differences."""
    rates = np.reshape(slopes(function, argument), (len(argument), -1))
    return (np.abs(argument) @ np.abs(rates) / np.where(scale == 0, 1, scale)).astype(float)


@dataclass
class Verdict:
    """The worst error of an operation as a share of what is allowed, and where it was seen."""

    share: float = 0.0
    worst: str = ""

    def add(self, got, truth, scale: np.ndarray, kappa: Kappa, where: object, least=0.0) -> None:
        """``least`` is a lower bound of κ that costs nothing.

        Where it is enough, κ is not computed.
        """
        unit, values = UNITS[got.dtype.type], np.ravel(got)
        assert np.all(np.isfinite(values)), (where, got)
        true = np.ravel(np.asarray(truth, dtype=object))
        errors = np.abs(precise(values) - true) / np.where(scale == 0, 1, scale)
        errors = errors.astype(float) / (ROUNDINGS * unit)
        shares = errors / (1.0 + least)
        if np.max(shares) > 1.0:
            shares = errors / (1.0 + kappa())
        k = int(np.argmax(shares))
        if shares[k] > self.share:
            self.share = float(shares[k])
            self.worst = f"at {where}: got {values[k]!r}, truth {mpmath.nstr(true[k], 20)}"


def judge(case: Case, theta: np.ndarray, operation: str) -> Verdict:
    """Compare one operation at every θ of the batch (n, b), or at its means, points, gradients."""
    verdict = Verdict()
    judged = JUDGED.get(operation, _functions_of_theta)
    for value, *judgement in judged(case, theta, operation):
        assert value.dtype == theta.dtype
        verdict.add(value, *judgement)
    return verdict


def _functions_of_theta(case: Case, theta: np.ndarray, operation: str) -> Iterator[tuple]:
    oracle = oracle_of(case)
    if operation == "classical_fisher":
        found = case.family.fisher(theta, chart="classical")
    else:
        found = getattr(case.family, operation)(theta)
    function = getattr(oracle, operation)
    # Dirichlet's A and entropy have as many terms of order one as there are coordinates.
    floor = case.family.number if case.kind == "Dirichlet" else 1
    for value, row in zip(found, theta, strict=True):
        exact = precise(row)
        truth = function(exact)
        size = np.abs(np.ravel(np.asarray(truth, dtype=object)))
        scale = np.maximum(size, floor) if operation in ABSOLUTE else size
        if case.kind == "Ising" and operation in ("mean", "fisher", "inverse_fisher"):
            scale = _natural_sizes(oracle, exact, truth, operation)
        yield value, truth, scale, lazily(function, exact, scale), row


def lazily(function, argument: np.ndarray, scale: np.ndarray) -> Kappa:
    return lambda: condition(function, argument, scale)


def _natural_sizes(oracle: Textbook, theta: np.ndarray, truth, operation: str) -> np.ndarray:
    """Sums of both signs over states: means in standard deviations, matrices in √(F_ii F_jj)."""
    roundings, fisher = _logit_roundings(theta), oracle.fisher(theta)
    if operation == "mean":
        return roundings * np.maximum(np.abs(truth), _roots(fisher))
    factor = _dependence(truth, fisher) if operation == "inverse_fisher" else 1
    return np.outer(_roots(truth), _roots(truth)).ravel() * factor * roundings


def _logit_roundings(theta: np.ndarray):
    """A state's weight is the exponential of its logit and rounds by as many u as that is large."""
    return 1 + np.sum(np.abs(theta)) / precise(ROUNDINGS)


def _roots(matrix: np.ndarray) -> np.ndarray:
    return np.asarray([MP.sqrt(x) for x in np.diag(matrix)])


def _dependence(inverse: np.ndarray, fisher: np.ndarray):
    """How close statistics are to linear dependence, 1/√(1 − R²) at worst.

    That is what an orthogonal factorisation of their states costs. The roundings of its
    reflections, one for each statistic, add up like a random walk.
    """
    return MP.sqrt(len(fisher) * max(np.diag(inverse) * np.diag(fisher)))


@lru_cache(maxsize=2)
def attainable(case: Case, values: bytes, dtype: type) -> list[tuple[np.ndarray, ...]]:
    """Rounded means μ, θ(μ) in floating point, and exactly, where rounding left μ a mean.

    A rejection must be due to the rounding: κu has to be of order one.
    """
    oracle, kept = oracle_of(case), []
    theta = np.frombuffer(values, dtype=dtype).reshape(-1, case.family.number)
    for row in precise(theta):
        mu = oracle.mean(row).astype(dtype)
        try:
            found = case.family.natural_from_mean(mu)
        except DomainError:
            moved = np.abs(oracle.inverse_fisher(row)) @ np.abs(precise(mu)) / units(row)
            assert UNITS[dtype] * max(moved) > 0.01, f"{mu} was rejected"
        else:
            kept.append((mu, found, oracle.natural_from_mean(precise(mu), precise(found))))
    # Two moments lose a deviation that is small next to the mean.
    assert len(kept) >= 0.5 * len(theta)
    return kept


def _functions_of_the_mean(case: Case, theta: np.ndarray, operation: str) -> Iterator[tuple]:
    """θ and A* of rounded means; their derivatives are F⁻¹ and θ."""
    oracle = oracle_of(case)
    for mean, found, true in attainable(case, theta.tobytes(), theta.dtype.type):
        mu = precise(mean)
        if operation == "conjugate":
            truth = np.sum(true * mu) - oracle.log_partition(true)
            scale = np.asarray([max(abs(truth), MP.mpf(1))])
            moved = np.asarray([np.sum(np.abs(true * mu))])
            yield case.family.conjugate(mean), truth, scale, _share(moved, scale), mean
            continue
        scale = np.maximum(np.abs(true), MP.mpf(10) ** -300)
        inverse = oracle.inverse_fisher(true)
        if case.kind == "Ising":
            factor = _dependence(inverse, oracle.fisher(true)) * _logit_roundings(true)
            scale = np.maximum(np.abs(true), factor * _roots(inverse))
        yield found, true, scale, _share(np.abs(inverse) @ np.abs(mu), scale), mean


def _share(moved: np.ndarray, scale: np.ndarray) -> Kappa:
    return lambda: (moved / scale).astype(float)


def _densities(case: Case, theta: np.ndarray, operation: str) -> Iterator[tuple]:
    """κ with respect to θ and, on a continuum, to x.

    For counts the rounding of the probabilities adds x − E x.
    """
    oracle, b, points = oracle_of(case), case.family.number, case.points(theta)
    found = case.family.log_prob(theta[:, None, :], points)
    for (i, j), value in np.ndenumerate(found):
        row, x = precise(theta[i]), precise(points[i, j])
        truth = oracle.log_prob(row, x)
        scale = np.asarray([max(abs(truth), MP.mpf(1))])

        def kappa(row=row, x=x, scale=scale) -> np.ndarray:
            if case.continuous:
                both = np.concatenate([row, x])
                return condition(lambda t: oracle.log_prob(t[:b], t[b:]), both, scale)
            gap = np.sum(np.abs(oracle.statistics(x) - oracle.mean(row)))
            return condition(lambda t: oracle.log_prob(t, x), row, scale) + float(gap / scale[0])

        yield value, truth, scale, kappa, (theta[i], points[i, j])


def _natural_gradients(case: Case, theta: np.ndarray, operation: str) -> Iterator[tuple]:
    """Gradients of mixed size and sign; κ with respect to θ and the gradient together.

    ∂G/∂g = F⁻¹ needs no differences.
    """
    oracle, b = oracle_of(case), case.family.number
    deviation = np.sqrt(np.linalg.diagonal(case.family.fisher(theta)))
    patterns = [1.0 + 0.0 * np.arange(b), (-0.5) ** np.arange(b), np.arange(b) % 2]
    for pattern in patterns[: 1 if b == 1 else 3]:
        gradients = (deviation * pattern).astype(theta.dtype)
        found = case.family.natural_gradient(theta, gradients)
        for value, row, gradient in zip(found, precise(theta), precise(gradients), strict=True):
            inverse = oracle.inverse_fisher(row)
            truth, moved = inverse @ gradient, np.abs(inverse) @ np.abs(gradient)
            scale = np.abs(truth)
            if case.kind == "Ising":
                scale = _length(oracle, row, gradient)
            least = _share(moved, np.where(scale == 0, 1, scale))()

            def kappa(row=row, gradient=gradient, scale=scale, least=least) -> np.ndarray:
                def function(t):
                    return oracle.natural_gradient(t, gradient)

                return condition(function, row, scale) + least

            yield value, truth, scale, kappa, row.astype(float), least


def _length(oracle: Textbook, theta: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """No entry of F⁻¹g of Ising's model is known better than to its natural size."""
    inverse = oracle.inverse_fisher(theta)
    terms = max(np.abs(inverse) @ np.abs(gradient))
    roots = _roots(inverse)
    factor = _logit_roundings(theta) * _dependence(inverse, oracle.fisher(theta))
    return factor * terms * roots / max(roots)


JUDGED = {
    "natural_from_mean": _functions_of_the_mean,
    "conjugate": _functions_of_the_mean,
    "log_prob": _densities,
    "natural_gradient": _natural_gradients,
}


# --- divergences ----------------------------------------------------------------------------------


def neighbours(case: Case, theta: np.ndarray, step: float) -> Iterator[np.ndarray]:
    """Parameters changed by a factor 1 + step, each alone, all alike, and oppositely.

    They are the classical ones of continuous families, and otherwise the natural ones, which also
    change by the step itself where they are logits. Means also move by a part of a deviation.
    """
    if case.continuous and case.kind not in ("Beta", "Dirichlet"):
        yield from _in_classical_parameters(case, theta, step)
        return
    b = theta.shape[-1]
    masks = [np.eye(b)[i] for i in range(min(b, 3))]
    masks += [np.ones(b), (-1.0) ** np.arange(b)] if b > 1 else []
    logits = case.kind not in ("Beta", "Dirichlet", "Geometric", "NegativeBinomial")
    others = [theta * (1.0 + step) ** mask for mask in masks]
    others += [theta + step * mask for mask in masks] if logits else []
    yield from (other.astype(theta.dtype) for other in others)


def _in_classical_parameters(case: Case, theta: np.ndarray, step: float) -> Iterator[np.ndarray]:
    classical = case.family.classical(theta)
    number = theta.dtype.type
    for sign in [(1,)] if len(classical) == 1 else [(1, 0), (0, 1), (1, 1), (1, -1)]:
        changed = {
            name: value * number((1.0 + step) ** power)
            for (name, value), power in zip(classical.items(), sign, strict=True)
        }
        yield case.family.natural(**changed)
    if case.kind == "Gaussian":
        shift = 30.0 if step == STEPS[-1] else step
        mean = classical["mean"] + np.sqrt(classical["variance"]) * number(shift)
        yield case.family.natural(mean=mean, variance=classical["variance"])


def judge_divergences(case: Case, theta: np.ndarray, steps: tuple[float, ...] = STEPS) -> float:
    """The worst relative error of KL and of the Fisher-Rao distance, in units u."""
    oracle, distance = oracle_of(case), fisher_rao_distance(case.family)

    def length(first: np.ndarray, second: np.ndarray):
        return distance(oracle.classical(first), oracle.classical(second))

    worst = 0.0
    for step in steps:
        for other in neighbours(case, theta, step):
            inside = case.family.contains(other)
            for pair in ((theta[inside], other[inside]), (other[inside], theta[inside])):
                worst = max(worst, _worst(case, oracle.kl, case.family.kl(*pair), *pair))
                if distance is not None:
                    found = case.family.fisher_rao_distance(*pair)
                    worst = max(worst, _worst(case, length, found, *pair))
    return worst


def _worst(case: Case, function, found: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Never negative, zero only at equal parameters, accurate at any distance (E5)."""
    assert found.dtype == first.dtype
    unit = UNITS[found.dtype.type]
    smallest = MP.mpf(float(np.finfo(found.dtype).smallest_normal)) / MP.mpf(unit)
    worst = 0.0
    for value, row1, row2 in zip(found, first, second, strict=True):
        true = function(precise(row1), precise(row2)) if np.any(row1 != row2) else MP.mpf(0)
        assert value >= 0
        if true < smallest and true != 0 and not case.continuous:
            continue  # what is left of such a number has fewer digits than a number of its type
        assert (value == 0) == (true == 0), (row1, row2, value, mpmath.nstr(true, 20))
        if true == 0:
            continue
        error = float(abs(precise(value) / true - 1)) / unit
        if not case.continuous:  # the exponential of a logit rounds by as many u as it is large
            size = float(np.sum(np.abs(row1) + np.abs(row2)))
            error /= 1.0 + size / DIVERGENCE_ROUNDINGS
        worst = max(worst, error)
    return worst
