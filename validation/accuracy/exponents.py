"""Every operation of every family over the whole range of exponents, in float64 and float32.

Parameters, points and gradients are log-uniform from the smallest subnormal number to the largest
one, with the extremes in every coordinate. A result that is representable must be finite and within
the bar of :mod:`validation.accuracy.families`; one beyond the largest number may be infinite; none
may be NaN. Entropies of discrete families are not negative, and are relative to themselves.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import ingd_ref as ir
from ingd_ref.errors import DomainError
from validation.accuracy.families import ACCURATE, ROUNDINGS
from validation.oracles.distances import fisher_rao_distance
from validation.oracles.precise import MP, Array, precise
from validation.oracles.statement import OutOfReach, Textbook, slopes, units
from validation.oracles.textbook import textbook

__all__ = ["DTYPES", "OPERATIONS", "SWEEPS", "Sweep", "measured"]

DTYPES = ("float64", "float32")
OPERATIONS = (
    "log_prob",
    "entropy",
    "kl",
    "log_partition",
    "mean",
    "natural_from_mean",
    "fisher",
    "inverse_fisher",
    "natural_gradient",
    "fisher_rao_distance",
)
#: Digits of a reference: those of the sums, and more for each decade between the arguments. They
#: are rounded up to one of a few numbers, for which constants of the gamma function are kept.
DIGITS, PER_DECADE = 80, 1.5
LADDER = (160, 320, 600, 1100, 2100)

Draw = Callable[[np.random.Generator, "Numbers"], Array]


@dataclass(frozen=True)
class Numbers:
    """The positive numbers of a floating type, log-uniform."""

    dtype: np.dtype[Any]

    @property
    def ends(self) -> tuple[float, ...]:
        """Smallest subnormal, smallest normal, one, and largest number."""
        info = np.finfo(self.dtype)
        return tuple(map(float, (info.smallest_subnormal, info.smallest_normal, 1.0, info.max)))

    def positive(self, rng: np.random.Generator, size: int) -> Array:
        """Return numbers of every exponent, one of five an end."""
        low, high = math.log(self.ends[0]), math.log(self.ends[-1])
        drawn = np.exp(rng.uniform(low, high, size))
        drawn = np.clip(drawn, self.ends[0], self.ends[-1])
        return np.where(rng.random(size) < 0.2, rng.choice(self.ends, size), drawn)

    def signed(self, rng: np.random.Generator, signs: str) -> Array:
        """Return a vector with the signs + or −, or either for *."""
        values = self.positive(rng, len(signs))
        either = rng.choice([-1.0, 1.0], len(signs))
        fixed = np.array([{"+": 1.0, "-": -1.0}.get(sign, 0.0) for sign in signs])
        return values * np.where(fixed == 0, either, fixed)


@dataclass(frozen=True)
class Sweep:
    """One instance of a family: how its natural parameters and its points are drawn."""

    family: Any
    members: Draw
    points: Draw
    discrete: bool = False

    @property
    def slow(self) -> bool:
        """Whether the reference takes seconds: digammas of a thousand digits."""
        return type(self.family).__name__ in ("Beta", "Dirichlet", "Gamma", "InverseGamma")


@dataclass
class Seen:
    """What was seen of one operation."""

    members: int = 0
    skipped: int = 0
    units: float = 0.0
    error: float = 0.0
    beyond: int = 0
    at: list[Any] = field(default_factory=list)


def _vector(signs: str) -> Draw:
    return lambda rng, numbers: numbers.signed(rng, signs)


def _matrix(dim: int, sign: float, before: str = "") -> Draw:
    """Entries of a definite matrix D(1 + r)D/(1 + |r|): its scales are of every exponent."""

    def draw(rng: np.random.Generator, numbers: Numbers) -> Array:
        scale = np.sqrt(numbers.positive(rng, dim))
        i, j = np.triu_indices(dim)
        entries = scale[i] * scale[j] * np.where(i == j, 1.0, rng.uniform(-0.9, 0.9) / (dim - 1))
        dual = entries * np.where(i == j, 1.0, 2.0 if sign < 0 else 1.0)
        return np.append(numbers.signed(rng, before), sign * dual)

    return draw


def _direction(dim: int, unit: bool = False) -> Draw:
    def draw(rng: np.random.Generator, numbers: Numbers) -> Array:
        vector = rng.standard_normal(dim)
        length = 1.0 if unit else float(numbers.positive(rng, 1)[0])
        return vector / np.linalg.norm(vector) * length

    return draw


def _unit_interval(rng: np.random.Generator, numbers: Numbers) -> Array:
    x = min(numbers.positive(rng, 1)[0], 1.0 / numbers.positive(rng, 1)[0], 0.5)
    return np.array([x if rng.random() < 0.5 else 1.0 - x])


def _simplex(dim: int) -> Draw:
    def draw(rng: np.random.Generator, numbers: Numbers) -> Array:
        x = np.minimum(numbers.positive(rng, dim), 1.0 / dim)
        x[rng.integers(dim)] = 0.0
        return np.where(x == 0, 1.0 - np.sum(x), x)

    return draw


def _counts(rng: np.random.Generator, numbers: Numbers) -> Array:
    return np.floor(np.array([rng.choice([0.0, 1.0, numbers.positive(rng, 1)[0]])]))


def _integers(high: int) -> Draw:
    return lambda rng, numbers: np.array([float(rng.integers(high))])


def _above(minimum: float) -> Draw:
    return lambda rng, numbers: np.maximum(numbers.positive(rng, 1), minimum)


def _product(family: Any) -> tuple[str, str]:
    return "-*", "**"


F = ir.families
#: Signs of θ and of the points of families of numbers and vectors.
SIGNED: tuple[tuple[Callable[[], Any], str, Draw], ...] = (
    (lambda: F.Gaussian(), "*-", _vector("*")),
    (lambda: F.Gamma(), "+-", _vector("+")),
    (lambda: F.Beta(), "++", _unit_interval),
    (lambda: F.Exponential(), "-", _vector("+")),
    (lambda: F.Dirichlet(3), "+++", _simplex(3)),
    (lambda: F.LogNormal(), "*-", _vector("+")),
    (lambda: F.InverseGamma(), "--", _vector("+")),
    (lambda: F.Laplace(), "-", _vector("*")),
    (lambda: F.Laplace(-1e300), "-", _vector("*")),
    *((lambda k=k: F.Weibull(k), "-", _vector("+")) for k in (0.01, 0.75, 2.0, 100.0)),
    *((lambda m=m: F.Pareto(m), "-", _above(m)) for m in (1.0, 1e-30, 1e30)),
    (lambda: F.ChiSquared(), "+", _vector("+")),
    (lambda: F.InverseGaussian(), "--", _vector("+")),
    (lambda: F.Rayleigh(), "-", _vector("+")),
    (lambda: F.Maxwell(), "-", _vector("+")),
    (lambda: F.DiagonalGaussian(2), "**--", _vector("**")),
    (lambda: F.IsotropicGaussian(2), "**-", _vector("**")),
    (lambda: F.KnownCovarianceGaussian(((2.0, 0.5), (0.5, 1.0))), "**", _vector("**")),
)
DISCRETE: tuple[tuple[Callable[[], Any], str, Draw], ...] = (
    (lambda: F.Poisson(), "*", _counts),
    (lambda: F.Bernoulli(), "*", _integers(2)),
    (lambda: F.Categorical(3), "**", _integers(3)),
    (lambda: F.Binomial(1), "*", _integers(2)),
    (lambda: F.Binomial(12), "*", _integers(13)),
    (lambda: F.Geometric(), "-", _counts),
    *(
        (lambda r=r: F.NegativeBinomial(r), "-", _counts)
        for r in (0.5, 5.0, 1e-4, 1e-300, 1e155, 1e200)
    ),
    (
        lambda: F.Multinomial(7, 3),
        "**",
        lambda rng, n: rng.multinomial(7, [0.3, 0.3, 0.4])[:2].astype(float),
    ),
    (lambda: F.Ising(2), "***", lambda rng, n: rng.choice([-1.0, 1.0], 2)),
)


def _sweeps() -> list[Sweep]:
    found = [Sweep(make(), _vector(signs), points) for make, signs, points in SIGNED]
    found += [Sweep(make(), _vector(signs), points, True) for make, signs, points in DISCRETE]
    found += [
        Sweep(F.MultivariateGaussian(2), _matrix(2, -1.0, "**"), _vector("**")),
        Sweep(F.CentredGaussian(2), _matrix(2, -1.0), _vector("**")),
        Sweep(F.VonMises(), _direction(2), lambda rng, n: rng.uniform(-3.0, 3.0, 1)),
        Sweep(F.VonMisesFisher(3), _direction(3), _direction(3, unit=True)),
        Sweep(F.Wishart(2), _matrix(2, -1.0, "+"), _matrix(2, 1.0)),
        Sweep(F.InverseWishart(2), _matrix(2, -1.0, "-"), _matrix(2, 1.0)),
    ]
    return found


SWEEPS = _sweeps()


def measured(
    sweep: Sweep, dtype: str, number: int, operations: tuple[str, ...] = OPERATIONS
) -> list[dict[str, Any]]:
    """Return a row for every operation of a family: the worst of ``number`` members or pairs."""
    oracle = textbook(sweep.family)
    if oracle is None:
        return []
    number = -(-number // 4) if sweep.slow else number
    numbers, rows = Numbers(np.dtype(dtype)), []
    for operation in operations:
        seen = Seen()
        for arguments in _drawn(sweep, numbers, number):
            try:
                with MP.workdps(_digits(arguments)):
                    _see(seen, operation, sweep, oracle, arguments)
            except (OutOfReach, ZeroDivisionError, ValueError, MP.NoConvergence):
                seen.skipped += 1
        if seen.members:
            rows.append(
                {"instance": repr(sweep.family), "dtype": dtype, "operation": operation}
                | {name: getattr(seen, name) for name in Seen.__dataclass_fields__}
            )
    return rows


def _drawn(sweep: Sweep, numbers: Numbers, number: int) -> Iterator[dict[str, Array]]:
    """Members, others, points and gradients; the same for every operation."""
    rng = np.random.default_rng(20260703)
    with np.errstate(all="ignore"):
        members: list[Array] = []
        while len(members) < number:
            theta = sweep.members(rng, numbers).astype(numbers.dtype)
            if np.all(np.isfinite(theta)) and bool(sweep.family.contains(theta)):
                members.append(theta)
        for theta, other in zip(members, members[1:] + members[:1], strict=True):
            point = sweep.points(rng, numbers).astype(numbers.dtype)
            grad = numbers.signed(rng, "*" * len(theta)).astype(numbers.dtype)
            yield {"theta": theta, "other": other, "x": point, "grad": grad}


def _digits(arguments: dict[str, Array]) -> int:
    sizes = np.abs(np.concatenate([np.ones(1), *map(np.ravel, arguments.values())]))
    logs = np.log10(sizes[sizes > 0].astype(float))
    # Logits of −t have probabilities e^−t, of which sums keep nothing at fewer digits.
    logits = float(np.clip(np.max(np.abs(arguments["theta"])), 0.0, 800.0))
    needed = DIGITS + PER_DECADE * np.ptp(logs) + logits
    return next(digits for digits in LADDER if digits >= min(needed, LADDER[-1]))


def _see(
    seen: Seen, operation: str, sweep: Sweep, oracle: Textbook, arguments: dict[str, Array]
) -> None:
    for found, function, at in _cases(operation, sweep, oracle, arguments):
        truth = np.ravel(np.asarray(function(precise(at)), dtype=object))
        scale = _scale(operation, sweep, truth)
        dtype = arguments["theta"].dtype
        errors = _errors(np.ravel(found()), truth, scale, dtype)
        seen.members += 1
        u = float(np.finfo(dtype).eps) / 2
        accurate = ACCURATE / 2.0**-53 * u
        worst = max(errors)
        if worst > accurate and math.isfinite(worst):
            kappas = _condition(function, precise(at), scale)
            worst_units = max(
                e / max(accurate, ROUNDINGS * k * u) for e, k in zip(errors, kappas, strict=True)
            )
        else:
            worst_units = worst / accurate
        seen.beyond += worst_units > 1
        if worst_units >= seen.units:
            seen.units, seen.error, seen.at = worst_units, worst, [float(t) for t in at]


Case = tuple[Callable[[], Array], Callable[[Array], Any], Array]


def _cases(
    operation: str, sweep: Sweep, oracle: Textbook, given: dict[str, Array]
) -> Iterator[Case]:
    """What the package finds, the same as a function of exact arguments, and these."""
    family, b = sweep.family, sweep.family.number
    theta, other, x, grad = (given[name] for name in ("theta", "other", "x", "grad"))
    if operation == "kl":
        both = np.concatenate([theta, other])
        yield _asked(family.kl, theta, other), lambda z: oracle.kl(z[:b], z[b:]), both
    elif operation == "fisher_rao_distance":
        distance, classical = fisher_rao_distance(family), oracle.classical
        if distance is not None and classical is not None:
            yield (
                _asked(family.fisher_rao_distance, theta, other),
                lambda z: distance(classical(z[:b]), classical(z[b:])),
                np.concatenate([theta, other]),
            )
    elif operation == "log_prob":
        try:
            family.log_base_measure(x)
        except DomainError:
            return
        if sweep.discrete:
            exact = precise(x)
            yield _asked(family.log_prob, theta, x), lambda t: oracle.log_prob(t, exact), theta
        else:
            both = np.concatenate([theta, x])
            yield (
                _asked(family.log_prob, theta, x),
                lambda z: oracle.log_prob(z[:b], z[b:]),
                both,
            )
    elif operation == "natural_gradient":
        both = np.concatenate([theta, grad])
        yield (
            _asked(family.natural_gradient, theta, grad),
            lambda z: oracle.natural_gradient(z[:b], z[b:]),
            both,
        )
    elif operation == "natural_from_mean":
        yield from _inverse(family, oracle, theta)
    else:
        yield _asked(getattr(family, operation), theta), getattr(oracle, operation), theta


def _inverse(family: Any, oracle: Textbook, theta: Array) -> Iterator[Case]:
    """Natural parameters of rounded means, if those still tell θ from its neighbours."""
    exact = precise(theta)
    mean, u = oracle.mean(exact), float(np.finfo(theta.dtype).eps) / 2
    with np.errstate(over="ignore"):
        rounded = mean.astype(float).astype(theta.dtype)
    if not np.all(np.isfinite(rounded)):
        raise OutOfReach("μ is not representable")
    kept = all(abs(precise(r) - m) <= 2 * u * abs(m) for r, m in zip(rounded, mean, strict=True))
    condition = (np.abs(oracle.inverse_fisher(exact)) @ np.abs(precise(rounded))) / units(exact)
    if not kept or max(condition) * u > 0.01:
        raise OutOfReach("the rounding of μ has lost θ")
    start = exact
    yield (
        _asked(family.natural_from_mean, rounded),
        lambda mu: oracle.natural_from_mean(mu, start),
        rounded,
    )


def _asked(method: Callable[..., Array], *arguments: Array) -> Callable[[], Array]:
    """The result of the package: infinite where it rejects θ, NaN for other errors and warnings."""

    def ask() -> Array:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                return np.asarray(method(*arguments))
        except DomainError:
            return np.full(1, np.inf)
        except Exception:
            return np.full(1, np.nan)

    return ask


def _scale(operation: str, sweep: Sweep, truth: Array) -> Array:
    """What errors are measured in units of."""
    if operation in ("fisher", "inverse_fisher"):
        b = math.isqrt(len(truth))
        roots = np.array([MP.sqrt(abs(truth[a * (b + 1)])) for a in range(b)])
        return np.ravel(np.multiply.outer(roots, roots))
    floor = operation in ("log_partition", "log_prob") or (
        operation == "entropy" and not sweep.discrete
    )
    return np.array([max(MP.mpf(1), abs(t)) if floor else abs(t) for t in truth], dtype=object)


def _errors(found: Array, truth: Array, scale: Array, dtype: np.dtype[Any]) -> list[float]:
    info = np.finfo(dtype)
    largest, smallest = float(info.max), float(info.smallest_normal)
    if len(found) == 1 and np.isposinf(found[0]):  # what is almost out of range may be rejected
        beyond = max(map(abs, truth)) > largest / 64
        return [0.0 if beyond else math.inf] * len(truth)
    if len(found) != len(truth):
        return [math.inf] * len(truth)
    errors = []
    for value, true, unit in zip(found.tolist(), truth, scale, strict=True):
        if abs(true) > largest * (1 - 2.0**-20):
            right = value * (1 if true > 0 else -1) > largest / 2
            errors.append(0.0 if right else math.inf)
        elif math.isfinite(value):
            errors.append(float(abs(MP.mpf(value) - true) / max(unit, smallest)))
        else:
            errors.append(math.inf)
    return errors


def _condition(function: Callable[[Array], Any], at: Array, scale: Array) -> list[float]:
    """κ of every entry, by differences."""
    rates = np.reshape(slopes(function, at), (len(at), -1))
    change = np.abs(at) @ np.abs(rates)
    return [float(c / s) if s else 0.0 for c, s in zip(change, scale, strict=True)]
