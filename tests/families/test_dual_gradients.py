"""(E8) for every family: F⁻¹ ∇_θ L = ∇_μ L, for losses that are linear in θ or μ up to A or A*,
and for one that is neither.

Both gradients are differences: ∇_θ L in the natural chart, solved with the family's F at eighty
digits, and ∇_μ L in the mean chart, through `natural_from_mean`. The formula of
`natural_gradient` must agree with both. A difference in the mean chart inherits the errors of
the inverse map, which are those of rounding μ: δθ = 10 F⁻¹ u|μ|.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from ingd_ref.errors import DomainError
from ingd_ref.families._discovery import all_families
from tests.families.differences import ROUNDINGS, U, slopes, units
from validation.oracles.precise import precise, solve

FAMILIES = all_families()
every_family = pytest.mark.parametrize(
    "family", FAMILIES, ids=[f"{type(f).__name__}-{f.name}-{f.number}" for f in FAMILIES]
)
LOSSES = ("divergence", "likelihood", "distance", "entropy")

Loss = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray], float]


def loss(name: str, family, theta: np.ndarray, goal: np.ndarray) -> Loss:
    """A loss as a function of θ (k, b), its gradient at θ by a formula, and the size of terms."""
    mean, target, fisher = family.mean(theta), family.mean(goal), family.fisher(theta)
    deviation = np.sqrt(np.diag(fisher))
    terms = float(abs(family.log_partition(theta)) + 2 * np.abs(theta) @ np.abs(mean) + 1)
    if name == "divergence":  # KL(p‖q_θ) (E9)
        return lambda t: family.kl(goal, t), mean - target, float(family.kl(goal, theta)) + terms
    data = family.mean(goal) + 0.1 * deviation  # mean statistics of a sample
    if name == "likelihood":  # −E log q_θ over the sample, up to E log h
        return (
            lambda t: family.log_partition(t) - t @ data,
            mean - data,
            terms + float(np.abs(theta) @ np.abs(data)),
        )
    if name == "distance":  # of mean parameters, in standard deviations

        def scaled(t):
            return (family.mean(t) - target) / deviation

        size = float(
            np.sum(
                (np.abs(scaled(theta)) + 1)
                * (np.abs(mean) + np.abs(target) + deviation)
                / deviation
            )
        )
        return (
            lambda t: 0.5 * np.sum(scaled(t) ** 2, axis=-1),
            fisher @ (scaled(theta) / deviation),
            size,
        )
    # Entropy relative to h, −A*(μ(θ)) (E6), whose gradient in μ is −θ.
    return (
        lambda t: family.log_partition(t) - np.sum(t * family.mean(t), axis=-1),
        -fisher @ theta,
        terms,
    )


def units_of_mean(family, theta: np.ndarray) -> np.ndarray:
    """1/√F⁻¹_aa, shortened until so much on either side belongs to members."""
    mean, unit = family.mean(theta), 1 / np.sqrt(np.diag(family.inverse_fisher(theta)))
    while True:
        try:
            family.natural_from_mean(mean + np.concatenate([np.diag(unit), -np.diag(unit)]))
        except DomainError:
            unit = 0.5 * unit
        else:
            return unit


@every_family
def test_natural_gradient_is_the_gradient_in_mean_parameters(family) -> None:
    goal, theta = family.natural(**family.example_parameters())[:2]
    fisher, inverse, mean = family.fisher(theta), family.inverse_fisher(theta), family.mean(theta)
    unit, unit_of_mean = units(family, theta), units_of_mean(family, theta)
    # ∇_μ L of a loss that changes by one over a standard deviation; families given by T and A alone
    # invert and differentiate to 1e-12.
    size_of_result = np.sqrt(np.diag(inverse))
    own = 1e-10 * size_of_result if getattr(family, "hessian", family) is None else 0.0

    @cache
    def natural(mu: bytes) -> np.ndarray:
        return family.natural_from_mean(np.frombuffer(mu).reshape(-1, family.number))

    for name in LOSSES:
        function, gradient, size = loss(name, family, theta, goal)
        by_theta, rough = slopes(function, theta, unit, ROUNDINGS * U * size)
        solved = solve(precise(fisher), precise(by_theta)).astype(float)
        noise = ROUNDINGS * U * size + 10 * U * np.abs(gradient) @ np.abs(inverse) @ np.abs(mean)
        by_mean, rougher = slopes(
            lambda mu, function=function: function(natural(mu.tobytes())), mean, unit_of_mean, noise
        )
        rounding = 100 * U * np.abs(inverse) @ (np.abs(gradient) + np.sqrt(np.diag(fisher)))
        allowed = rougher + np.abs(inverse) @ rough + rounding
        assert np.all(allowed <= 1e-4 * (size_of_result + np.abs(by_mean))), (
            f"{name}: the oracle itself is too rough to judge anything"
        )
        assert np.all(np.abs(solved - by_mean) <= allowed + own), name
        assert np.all(
            np.abs(family.natural_gradient(theta, gradient) - by_mean) <= rougher + rounding + own
        ), name
