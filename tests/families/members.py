"""The families whose every operation is judged at many digits, and the members: extremes first.

Known parameters are exact in float32 as well, so that both precisions face the same family.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ingd_ref import families
from ingd_ref.families import ExponentialFamily
from validation.oracles.statement import Textbook
from validation.oracles.textbook import textbook

SHAPES = (1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 1.0, 2.0, 10.0, 1e2, 1e4, 1e6, 1e8)
RATES = (1e-8, 1e-4, 1.0, 1e4, 1e8)
MEANS = (0.0, 1e-8, 1.0, -3.0, 1e4, 1e8)
VARIANCES = (1e-12, 1e-8, 1e-4, 1.0, 7.0, 1e4, 1e8)
POSITIVE = (1e-8, 1e-4, 0.1, 1.0, 3.0, 1e4, 1e8)
REAL = (0.0, 1e-8, -3.0, 1e4, 1e8)
SINGLE = (1e-3, 0.3, 1.0, 7.0, 1e3)
COUNTED = (1e-8, 1e-4, 1e-2, 0.5, 1.0, 2.0, 50.0, 1e4, 1e8)
COUNTED_SINGLE = (1e-3, 0.1, 1.0, 2.0, 50.0, 1e3)
CONCENTRATIONS = (
    *((s, s, s) for s in (1e-8, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e8)),
    (1e-8, 1.0, 1e8),
    (1e-4, 1.0, 1e4),
    (0.5, 1.0, 2.0),
    (1e-2, 1.0, 1e2),
    (1.0, 1.0, 1e8),
    (1e-8, 1e-8, 1.0),
)
LOG_FAILURES = (-700.0, -30.0, -10.0, -1.0, -0.1, -1e-4, -1e-8, -1e-12, -1e-17)

# Values of each classical parameter within the range of float32.
SINGLES = {
    "Pareto": ((0.05, 0.3, 1.0, 7.0, 1e3),),
    "ChiSquared": ((1e-3, 0.3, 1.0, 2.0, 7.0, 1e3),),
    "InverseGamma": ((1e-3, 0.1, 1.0, 2.0, 50.0, 1e3), (1e-3, 1.0, 30.0)),
    "LogNormal": ((0.0, 1.0, -3.0, 40.0), (1e-4, 1.0, 1e3)),
    "InverseGaussian": ((1e-2, 0.3, 1.0, 50.0), (1e-2, 1.0, 7.0, 1e3)),
    "Gamma": ((1e-4, 0.1, 1.0, 2.0, 50.0, 1e3), (1e-3, 1.0, 1e3)),
    "Gaussian": ((0.0, 1.0, -3.0, 1e3), (1e-4, 1.0, 1e4)),
    "Beta": (COUNTED_SINGLE, COUNTED_SINGLE),
    "Poisson": (COUNTED_SINGLE,),
}
DOUBLES = {
    "LogNormal": (REAL, POSITIVE),
    "Gaussian": (MEANS, VARIANCES),
    "Beta": (COUNTED, COUNTED),
    "Poisson": (COUNTED,),
}


def spread(centre: np.ndarray, deviation) -> np.ndarray:
    """The centre, a point close to it, and one far out on either side (..., 4)."""
    width = np.asarray(deviation)[..., None]
    factors = [1 + 0 * width, 1 + width / 1000, 1 + 5 * width, 1 / (1 + 5 * width)]
    return np.asarray(centre)[..., None] * np.concatenate(factors, axis=-1)


def around(centre: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    return centre[..., None] + np.asarray(deviation)[..., None] * [0.0, 1.0, -1e-3, 5.0]


# Points where the density of a continuous family is compared, from its classical parameters.
POINTS: dict[str, Callable[..., np.ndarray]] = {
    "Exponential": lambda f, rate: spread(1 / rate, np.ones_like(rate)),
    "Rayleigh": lambda f, s: spread(s, np.ones_like(s)),
    "Maxwell": lambda f, s: spread(s, np.ones_like(s)),
    "Weibull": lambda f, s: spread(s, np.full_like(s, 1 / f.shape)),
    "Laplace": lambda f, s: f.location + s[..., None] * [0.0, 1.0, -1e-3, -7.0],
    "Pareto": lambda f, a: (
        f.minimum * np.exp(np.minimum(1 / a, 12.0)[..., None] * [0.0, 1.0, 0.001, 5.0])
    ),
    "ChiSquared": lambda f, n: spread(n, np.sqrt(2 / n)),
    "InverseGamma": lambda f, a, b: spread(b / a, 1 / np.sqrt(a)),
    "LogNormal": lambda f, m, v: np.exp(np.clip(around(m, np.sqrt(v)), -80.0, 80.0)),
    "InverseGaussian": lambda f, m, s: spread(m, np.sqrt(m / s)),
    "Gaussian": lambda f, m, v: around(m, np.sqrt(v)),
    "Gamma": lambda f, a, b: (a / b)[..., None] * np.exp([0.0, 1.0, -1e-3, 5.0]),
}


@dataclass(frozen=True)
class Case:
    """A family and its oracle; ``extreme`` and ``single`` are natural parameters (n, b)."""

    family: ExponentialFamily

    @property
    def oracle(self) -> Textbook:
        return textbook(self.family)

    @property
    def kind(self) -> str:
        return type(self.family).__name__

    @property
    def continuous(self) -> bool:
        return self.kind in POINTS or self.kind in ("Beta", "Dirichlet")

    def members(self, dtype: type = np.float64) -> np.ndarray:
        """The grid of float64, or the one within the range of float32."""
        if self.kind in NATURAL:
            return NATURAL[self.kind](self.family, dtype)
        number = len(self.family.parameters)
        if dtype is np.float32:
            axes = SINGLES.get(self.kind, (SINGLE,) * number)
        else:
            axes = DOUBLES.get(self.kind, (POSITIVE,) * number)
        rows = list(itertools.product(*axes))
        if self.kind == "Gamma" and dtype is np.float64:
            rows = [*itertools.product(SHAPES, RATES), *zip(SHAPES, SHAPES, strict=True)]
        return self.natural(np.asarray(rows, dtype=dtype))

    def natural(self, rows: np.ndarray) -> np.ndarray:
        names = (parameter.name for parameter in self.family.parameters)
        return self.family.natural(**dict(zip(names, rows.T, strict=True)))

    def points(self, theta: np.ndarray) -> np.ndarray:
        """Points (n, k, d) of each member.

        The centre and far out, or draws and what lies far out.
        """
        if self.kind in POINTS:
            wide = self.family.classical(theta.astype(np.float64)).values()
            return POINTS[self.kind](self.family, *wide)[..., None].astype(theta.dtype)
        x = self.family.sample(theta, 3, np.random.default_rng(9))
        if self.kind in ("Poisson", "Geometric", "NegativeBinomial"):
            mean = self.family.mean(theta)[:, None]
            far = np.floor(mean * np.asarray([[0.0], [0.5], [3.0]]) + [[0.0], [0.0], [20.0]])
            x = np.concatenate([x, np.minimum(far, 1e15).astype(x.dtype)], axis=1)
        return x


def _dirichlet(family, dtype: type) -> np.ndarray:
    rows = CONCENTRATIONS
    if dtype is np.float32:
        rows = [row for row in rows if max(row) < 1e5 and min(row) > 1e-5]
    return np.asarray([[row[i % 3] for i in range(family.number)] for row in rows], dtype=dtype)


def _log_failures(family, dtype: type) -> np.ndarray:
    low, high = (-1e3, -1e-20) if dtype is np.float64 else (-50.0, -1e-5)
    return np.asarray([[t] for t in LOG_FAILURES if low < t < high], dtype=dtype)


def _spins(family, dtype: type) -> np.ndarray:
    rng = np.random.default_rng(20260103)
    rows = [scale * rng.standard_normal((3, family.number)) for scale in (1e-8, 0.3, 2.0)]
    return np.concatenate(rows).astype(dtype)


def _logits(family, dtype: type) -> np.ndarray:
    logs, b = np.log(COUNTED if dtype is np.float64 else COUNTED_SINGLE), family.number
    rows = [[logs[(k * (i + 1) + i) % len(logs)] for i in range(b)] for k in range(len(logs))]
    return np.asarray([*rows, [0.0] * b], dtype=dtype)


NATURAL: dict[str, Callable[[ExponentialFamily, type], np.ndarray]] = {
    "Dirichlet": _dirichlet,
    "Geometric": _log_failures,
    "NegativeBinomial": _log_failures,
    "Ising": _spins,
    "Bernoulli": _logits,
    "Binomial": _logits,
    "Categorical": _logits,
    "Multinomial": _logits,
}

GAMMA, GAUSSIAN = Case(families.Gamma()), Case(families.Gaussian())
CASES = (GAMMA, GAUSSIAN)
IDS = tuple(case.family.name for case in CASES)
HALF_LINE = tuple(
    Case(family)
    for family in (
        families.Exponential(),
        families.Rayleigh(),
        families.Maxwell(),
        families.Weibull(0.75),
        families.Weibull(2.5),
        families.Laplace(0.0),
        families.Laplace(-1.5),
        families.Pareto(1.0),
        families.Pareto(2.5),
        families.ChiSquared(),
        families.InverseGamma(),
        families.LogNormal(),
        families.InverseGaussian(),
    )
)
COUNTS = tuple(
    Case(family)
    for family in (
        families.Beta(),
        families.Dirichlet(3),
        families.Dirichlet(10),
        families.Poisson(),
        families.Geometric(),
        families.NegativeBinomial(5.0),
        families.NegativeBinomial(0.3),
        families.Bernoulli(),
        families.Binomial(12),
        families.Binomial(10_000),
        families.Categorical(2),
        families.Categorical(5),
        families.Multinomial(7, 3),
        families.Ising(3),
        families.Ising(2, binary=True),
    )
)
ALL = (*CASES, *HALF_LINE, *COUNTS)

# --- random members -------------------------------------------------------------------------------

# Beyond these λᵏ of a Weibull distribution leaves the range of float64.
KNOWN: dict[str, Callable[[np.random.Generator], ExponentialFamily]] = {
    "Weibull": lambda rng: families.Weibull(10.0 ** rng.uniform(-1, 1)),
    "Laplace": lambda rng: families.Laplace(rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-8, 8)),
    "Pareto": lambda rng: families.Pareto(10.0 ** rng.uniform(-8, 8)),
}


def random_members(case: Case, rng: np.random.Generator, many: int) -> Iterator[tuple]:
    """Log-uniform classical parameters, rates or odds in [1e-8, 1e8], in a hundred groups.

    Each group has known parameters of its own, where there are any. Couplings and fields of
    Ising's model are at most 5.
    """
    groups = 100 if case.kind in KNOWN else 1
    for _ in range(groups):
        drawn = Case(KNOWN[case.kind](rng)) if case.kind in KNOWN else case
        yield drawn, _drawn(drawn, rng, many // groups)


def _drawn(case: Case, rng: np.random.Generator, count: int) -> np.ndarray:
    shape = (count, case.family.number)
    if case.kind == "Ising":
        return rng.choice([-1.0, 1.0], shape) * 10.0 ** rng.uniform(-8, math.log10(5.0), shape)
    values = 10.0 ** rng.uniform(-8, 8, shape)
    if case.kind in ("Beta", "Dirichlet"):
        return values
    if case.kind in ("Geometric", "NegativeBinomial"):
        return -np.log1p(1.0 / values)
    if not case.continuous:
        return np.log(values)
    if case.kind in ("Gaussian", "LogNormal"):
        values[:, 0] *= rng.choice([-1.0, 1.0], count)
    return case.natural(values)
