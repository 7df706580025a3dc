"""Where the families are tried: members from ordinary to extreme, as natural parameters in float64.

The grids of Gamma, Beta, Dirichlet, von Mises-Fisher, negative binomial and multivariate Gaussian
distributions are those on which other libraries were measured; those of the other families are like
them. A member is *moderate* if its parameters, or its logits, are within [0.1, 100] or zero, means
of vectors at most 1, and condition numbers at most 10⁴.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import ingd_ref as ir
from ingd_ref.families._discovery import family_classes
from validation.oracles.precise import Array

__all__ = ["Grid", "grids"]

SHAPES = (1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 1.0, 2.0, 10.0, 1e2, 1e4, 1e6, 1e8)
RATES = (1e-8, 1e-4, 1.0, 1e4, 1e8)
SIDES = (1e-8, 1e-4, 1e-2, 0.5, 1.0, 2.0, 50.0, 1e4, 1e8)
SCALES = (1e-8, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e8)
UNEQUAL = (
    (1e-8, 1.0, 1e8),
    (1e-4, 1.0, 1e4),
    (0.5, 1.0, 2.0),
    (1e-2, 1.0, 1e2),
    (1.0, 1.0, 1e8),
    (1e-8, 1e-8, 1.0),
)
CONCENTRATIONS = (1e-8, 1e-4, 1e-2, 1.0, 10.0, 1e2, 3e2, 5e2, 7e2, 1e3, 1e4, 1e6, 1e8)
LOG_FAILURES = (-1e-17, -1e-12, -1e-8, -1e-4, -0.1, -1.0, -10.0, -30.0, -100.0, -700.0)
LOGITS = (
    -700.0,
    -100.0,
    -30.0,
    -10.0,
    -1.0,
    -0.1,
    -1e-4,
    -1e-8,
    1e-8,
    1e-4,
    0.1,
    1.0,
    10.0,
    30.0,
    100.0,
    700.0,
)
MEANS = (0.0, 1e-8, 1.0, -3.0, 1e4, 1e8)
VARIANCES = (1e-12, 1e-8, 1e-4, 1.0, 7.0, 1e4, 1e8)
CONDITIONS = (1.0, 1e4, 1e8, 1e12)
ABOVE = (1e-4, 0.1, 1.0, 10.0, 1e4)


@dataclass(frozen=True)
class Grid:
    """Members of one family, ``theta`` (k, b), and which of them are moderate.

    ``digits`` is how many an oracle needs for them.
    """

    family: Any
    theta: Array
    moderate: Array
    digits: int = 150


def grids() -> list[Grid]:
    """One grid for every instance of a family.

    For classes without a table below, the members that each example proposes.
    """
    found: list[Grid] = []
    for family_class in family_classes():
        tried = TABLE.get(family_class.__name__)
        found += (
            tried()
            if tried is not None
            else [_proposed(family) for family in family_class.examples()]
        )
    return found


def _proposed(family: Any) -> Grid:
    theta = family.natural(**family.example_parameters())
    return Grid(family, theta, np.ones(len(theta), dtype=bool))


def _moderate(values: Array) -> Array:
    """Whether all values of a row are zero or within [0.1, 100]."""
    size = np.abs(np.reshape(values, (len(values), -1)))
    return np.all((size == 0) | ((size >= 0.1) & (size <= 100)), axis=1)


def _classical(family: Any, classical: Mapping[str, Array], moderate: Array | None = None) -> Grid:
    if moderate is None:
        moderate = np.all([_moderate(np.asarray(v)) for v in classical.values()], axis=0)
    return Grid(family, family.natural(**classical), moderate)


def _natural(family: Any, theta: Any, digits: int = 150) -> Grid:
    rows = np.asarray(theta, dtype=float)
    return Grid(family, rows, _moderate(rows), digits)


#: Probabilities of 10⁻³⁰⁴ next to one, differentiated with steps of a third of the digits.
LOGIT_DIGITS = 1000


def _product(**axes: tuple[float, ...]) -> dict[str, Array]:
    values = np.array(list(itertools.product(*axes.values()))).T
    return dict(zip(axes, values, strict=True))


def _with_equal(first: str, second: str) -> dict[str, Array]:
    """Shapes by rates, and pairs of equal numbers."""
    crossed = _product(**{first: SHAPES, second: RATES})
    return {name: np.concatenate([values, SHAPES]) for name, values in crossed.items()}


def _decades(family: Any, name: str) -> list[Grid]:
    return [
        _classical(
            family,
            {name: np.sort(np.concatenate([np.logspace(-8, 8, 17), [0.3, 0.5, 2.0, 3.0, 30.0]]))},
        )
    ]


def _simple(name: str, parameter: str, *instances: Mapping[str, float]) -> Callable[[], list[Grid]]:
    """Families of one positive parameter."""

    def tried() -> list[Grid]:
        family_class = getattr(ir.families, name)
        return [
            grid
            for options in (instances or ({},))
            for grid in _decades(family_class(**options), parameter)
        ]

    return tried


def _dirichlet() -> list[Grid]:
    three = [[s] * 3 for s in SCALES] + [list(row) for row in UNEQUAL]
    ten = [[s] * 10 for s in SCALES]
    return [
        _classical(ir.families.Dirichlet(len(rows[0])), {"concentration": np.array(rows)})
        for rows in (three, ten)
    ]


def _von_mises_fisher() -> list[Grid]:
    found = []
    for d in (2, 3, 10):
        direction = np.arange(1.0, d + 1) / np.linalg.norm(np.arange(1.0, d + 1))
        kappas = np.array(CONCENTRATIONS)
        moderate = (kappas >= 0.1) & (kappas <= 100)
        found.append(Grid(ir.families.VonMisesFisher(d), kappas[:, None] * direction, moderate))
    return found


def _von_mises() -> list[Grid]:
    kappas = np.array(CONCENTRATIONS)
    direction = np.array([1.0, 2.0]) / np.sqrt(5.0)
    return [
        Grid(ir.families.VonMises(), kappas[:, None] * direction, (kappas >= 0.1) & (kappas <= 100))
    ]


def _with_condition(d: int, condition: float) -> Array:
    """Q diag(1 … condition) Qᵀ with Q from a seeded draw."""
    q = np.linalg.qr(np.random.default_rng(20260101 + d).standard_normal((d, d)))[0]
    matrix = q @ np.diag(np.geomspace(1, condition, d)) @ q.T
    return (matrix + matrix.T) / 2


def _multivariate() -> list[Grid]:
    found = []
    for d in (1, 2, 3):
        settings = [(c, m) for c in CONDITIONS for m in (0.0, 1.0, 1e4, 1e8) if d > 1 or c == 1.0]
        theta = []
        for condition, mean in settings:
            precision = _with_condition(d, condition)
            theta.append(np.concatenate([precision @ np.full(d, mean), _dual(-0.5 * precision)]))
        moderate = np.array([c <= 1e4 and m <= 1 for c, m in settings])
        found.append(Grid(ir.families.MultivariateGaussian(d), np.array(theta), moderate))
    return found


def _dual(matrix: Array) -> Array:
    i, j = np.triu_indices(len(matrix))
    return matrix[i, j] * np.where(i == j, 1.0, 2.0)


def _centred() -> list[Grid]:
    return [
        Grid(
            ir.families.CentredGaussian(d),
            np.array([_dual(-0.5 * _with_condition(d, c)) for c in CONDITIONS]),
            np.array(CONDITIONS) <= 1e4,
        )
        for d in (2, 3)
    ]


def _wishart(name: str, sign: int) -> Callable[[], list[Grid]]:
    def tried() -> list[Grid]:
        found = []
        for d in (2, 3):
            settings = list(itertools.product(ABOVE, CONDITIONS))
            theta = [
                np.append(sign * (d - 1 + n) / 2, _dual(-_with_condition(d, c)))
                for n, c in settings
            ]
            moderate = np.array([0.1 <= n <= 100 and c <= 1e4 for n, c in settings])
            found.append(Grid(getattr(ir.families, name)(d), np.array(theta), moderate))
        return found

    return tried


def _vectors(name: str, *options: Any) -> Callable[[], list[Grid]]:
    """Means and variances of vectors: equal means, unequal variances."""

    def tried() -> list[Grid]:
        family = getattr(ir.families, name)(*options)
        rows = list(itertools.product(MEANS, VARIANCES))
        classical: dict[str, Array] = {"mean": np.array([[m, -m] for m, _ in rows])}
        if name == "DiagonalGaussian":
            classical["variance"] = np.array([[v, 1.0] for _, v in rows])
        elif name == "IsotropicGaussian":
            classical["variance"] = np.array([v for _, v in rows])
        return [_classical(family, classical)]

    return tried


def _gaussian(name: str, mean: str, variance: str) -> Callable[[], list[Grid]]:
    return lambda: [
        _classical(getattr(ir.families, name)(), _product(**{mean: MEANS, variance: VARIANCES}))
    ]


def _categories(family: Any, k: int) -> Grid:
    """Logits of k categories: one far off, and seeded ones of every size."""
    rng = np.random.default_rng(11)
    one = [[t] + [0.0] * (k - 2) for t in LOGITS]
    return _natural(
        family,
        one
        + [
            (size * rng.standard_normal(k - 1)).tolist()
            for size in (1e-8, 1e-4, 0.3, 1.0, 10.0, 100.0)
        ],
        LOGIT_DIGITS,
    )


def _ising() -> list[Grid]:
    rng = np.random.default_rng(12)
    family = ir.families.Ising(3)
    draws = [
        (size * np.sign(z) * (0.2 + np.abs(z))).tolist()
        for size in (1e-8, 1e-4, 0.5, 1.0, 5.0, 10.0)
        for z in rng.standard_normal((3, 6))
    ]
    return [_natural(family, draws, 400)]


TABLE: dict[str, Callable[[], list[Grid]]] = {
    "Bernoulli": lambda: [_natural(ir.families.Bernoulli(), [[t] for t in LOGITS], LOGIT_DIGITS)],
    "Beta": lambda: [_classical(ir.families.Beta(), _product(alpha=SIDES, beta=SIDES))],
    "Binomial": lambda: [_natural(ir.families.Binomial(12), [[t] for t in LOGITS], LOGIT_DIGITS)],
    "Categorical": lambda: [_categories(ir.families.Categorical(4), 4)],
    "CentredGaussian": _centred,
    "ChiSquared": _simple("ChiSquared", "degrees_of_freedom"),
    "DiagonalGaussian": _vectors("DiagonalGaussian", 2),
    "Dirichlet": _dirichlet,
    "Exponential": _simple("Exponential", "rate"),
    "Gamma": lambda: [_classical(ir.families.Gamma(), _with_equal("shape", "rate"))],
    "Gaussian": _gaussian("Gaussian", "mean", "variance"),
    "Geometric": lambda: [_natural(ir.families.Geometric(), [[t] for t in LOG_FAILURES])],
    "InverseGamma": lambda: [_classical(ir.families.InverseGamma(), _with_equal("shape", "scale"))],
    "InverseGaussian": lambda: [
        _classical(ir.families.InverseGaussian(), _product(mean=SCALES, shape=SCALES))
    ],
    "InverseWishart": _wishart("InverseWishart", -1),
    "Ising": _ising,
    "IsotropicGaussian": _vectors("IsotropicGaussian", 2),
    "KnownCovarianceGaussian": _vectors("KnownCovarianceGaussian", ((2.0, 0.5), (0.5, 1.0))),
    "Laplace": _simple("Laplace", "scale"),
    "LogNormal": _gaussian("LogNormal", "log_mean", "log_variance"),
    "Maxwell": _simple("Maxwell", "scale"),
    "Multinomial": lambda: [_categories(ir.families.Multinomial(7, 3), 3)],
    "MultivariateGaussian": _multivariate,
    "NegativeBinomial": lambda: [
        _natural(ir.families.NegativeBinomial(r), [[t] for t in LOG_FAILURES])
        for r in (1.0, 5.0, 100.0)
    ],
    "Pareto": _simple("Pareto", "shape"),
    "Poisson": _simple("Poisson", "rate"),
    "Rayleigh": _simple("Rayleigh", "scale"),
    "VonMises": _von_mises,
    "VonMisesFisher": _von_mises_fisher,
    "Weibull": _simple("Weibull", "scale", {"shape": 0.75}, {"shape": 2.5}),
    "Wishart": _wishart("Wishart", 1),
}
