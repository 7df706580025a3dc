"""The parameter grids that every accuracy test of the families runs over: extremes first."""

from dataclasses import dataclass

from ingd_ref.families import ExponentialFamily, Gamma, Gaussian
from tests.families import reference

SHAPES = (1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 1.0, 2.0, 10.0, 1e2, 1e4, 1e6, 1e8)
RATES = (1e-8, 1e-4, 1.0, 1e4, 1e8)
MEANS = (0.0, 1e-8, 1.0, -3.0, 1e4, 1e8)
VARIANCES = (1e-12, 1e-8, 1e-4, 1.0, 7.0, 1e4, 1e8)


@dataclass(frozen=True)
class Case:
    """A family, its oracle, and classical parameters: ``extreme`` for float64, ``single`` within the range of float32."""

    family: ExponentialFamily
    oracle: type
    extreme: dict[str, list[float]]
    single: dict[str, list[float]]


def grid(**axes: tuple[float, ...]) -> dict[str, list[float]]:
    (first, first_values), (second, second_values) = axes.items()
    return {
        first: [a for a in first_values for _ in second_values],
        second: list(second_values) * len(first_values),
    }


def joined(*grids: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [value for part in grids for value in part[name]] for name in grids[0]}


GAMMA = Case(
    Gamma(),
    reference.Gamma,
    joined(grid(shape=SHAPES, rate=RATES), {"shape": list(SHAPES), "rate": list(SHAPES)}),
    grid(shape=(1e-4, 0.1, 1.0, 2.0, 50.0, 1e3), rate=(1e-3, 1.0, 1e3)),
)
GAUSSIAN = Case(
    Gaussian(),
    reference.Gaussian,
    grid(mean=MEANS, variance=VARIANCES),
    grid(mean=(0.0, 1.0, -3.0, 1e3), variance=(1e-4, 1.0, 1e4)),
)
CASES = (GAMMA, GAUSSIAN)
IDS = tuple(case.family.name for case in CASES)
