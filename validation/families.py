"""Exponential families: (E1)-(E10), and the closed forms of Gaussian (E12) and Gamma (E13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

import ingd_ref as ir
from validation.backends import Arrays
from validation.oracles.fisher import estimates, float_family
from validation.oracles.precise import MP, Array, axes, differences, precise, solve
from validation.oracles.quadrature import gamma_nodes, gaussian_nodes, laguerre_nodes
from validation.oracles.statement import Textbook
from validation.oracles.textbook import textbook
from validation.registry import EPS, Measured, case, compared, within

#: Largest relative error that an evaluation may have where the problem is well conditioned.
ACCURATE = 1e-13
REASON = "1e-13 relative: a few hundred roundings"
CONDITIONED = "1e-13, or ten times the condition number times half an eps"


@dataclass(frozen=True)
class Pair:
    """A family of the package and that of the oracle, with natural parameters to try."""

    ours: Any
    theirs: Textbook
    thetas: tuple[tuple[float, float], ...]

    @property
    def name(self) -> str:
        """Name of the family."""
        name: str = self.ours.name
        return name

    def rows(self) -> Array:
        """All θ, (k, 2)."""
        return np.array(self.thetas)


@cache
def pairs() -> tuple[Pair, Pair]:
    """Ordinary and extreme members: means up to 1e8 deviations, shapes from 1e-8 to 1e8."""
    gaussian = [
        (m / v, -0.5 / v)
        for m, v in (
            (0.0, 1.0),
            (1.5, 0.25),
            (-3.0, 4.0),
            (1e4, 1.0),
            (1e8, 1.0),
            (0.0, 1e-8),
            (1e-8, 1e8),
        )
    ]
    gamma = [
        (a, -b)
        for a, b in (
            (2.0, 3.0),
            (0.5, 0.1),
            (1.0, 1.0),
            (40.0, 1.0),
            (1e-8, 1.0),
            (1e-4, 1e4),
            (1e4, 1e-4),
            (1e8, 1.0),
            (1e8, 1e8),
        )
    ]
    return _pair(ir.families.Gaussian(), gaussian), _pair(ir.families.Gamma(), gamma)


def _shown(theta: Any) -> str:
    """Return parameters as text, such as ``(0.5, -1)``."""
    return f"({', '.join(f'{float(t):g}' for t in theta)})"


def _pair(family: Any, thetas: list[tuple[float, float]]) -> Pair:
    oracle = textbook(family)
    assert oracle is not None
    return Pair(family, oracle, tuple(thetas))


def over(pair: Pair, function: Callable[[Array], Any]) -> Array:
    """An oracle's function at every θ."""
    return np.array([function(theta) for theta in precise(pair.rows())])


def sensitivity(function: Callable[[Array], Any], theta: Array) -> Array:
    """Σ_a |θ_a ∂function/∂θ_a|, the change of a value by a relative change of its arguments."""
    return np.abs(differences(function, theta)).T @ np.abs(theta)


def judged(
    name: str, found: Array, pair: Pair, function: Callable[[Array], Any]
) -> Iterator[Measured]:
    """Compare entry by entry, each allowed 1e-13 or ten half-eps times its condition."""
    for row, theta in zip(found, precise(pair.rows()), strict=True):
        expected = np.atleast_1d(function(theta))
        condition = np.atleast_1d(sensitivity(function, theta))
        allowed = np.maximum(
            (ACCURATE * np.abs(expected)).astype(float), (5 * EPS * condition).astype(float)
        )
        yield within(
            f"{pair.name}: {name} at θ = {_shown(theta)}",
            np.atleast_1d(row),
            expected,
            allowed,
            CONDITIONED,
        )


# --------------------------------------------------------------------------------------------------


@case("E1", "E12", "E13", oracle="textbook densities at eighty digits")
def log_density(arrays: Arrays) -> Iterator[Measured]:
    """Values of log q_θ(x) from the far left to the far right, and its two ingredients."""
    for pair in pairs():
        theta = pair.rows()[:4]
        mean, spread = location(pair, theta)
        x = mean[:, None] + spread[:, None] * (
            np.array([-0.9, -0.2, 0.0, 0.5, 3.0])
            if pair.name == "Gaussian"
            else np.array([-0.4, 0.0, 0.5, 3.0])
        )
        if pair.name == "Gamma":
            x = np.where(x > 0, x, mean[:, None] / 7)
        for row, points in zip(theta, x, strict=True):
            found = arrays.host(pair.ours.log_prob(arrays(row), arrays(points[:, None])))
            expected = np.array([pair.theirs.log_prob(precise(row), precise([p])) for p in points])
            # The deviation (x − m)/s is conditioned like m/s, and log q like its square: a unit of
            # rounding in x or θ moves it by m/s.
            size = np.array([_sensitivity_at(pair.theirs, row, p) for p in points])
            allowed = np.maximum(
                ACCURATE * np.maximum(1.0, np.abs(expected).astype(float)),
                5 * EPS * size.astype(float),
            )
            yield within(f"{pair.name} at θ = {_shown(row)}", found, expected, allowed, CONDITIONED)


def _sensitivity_at(family: Textbook, theta: Array, x: float) -> Any:
    """Condition of log q_θ(x) with respect to θ, in absolute terms."""
    return sensitivity(lambda t: family.log_prob(t, precise([x])), precise(theta))


def location(pair: Pair, theta: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of x, from θ."""
    if pair.name == "Gaussian":
        return -theta[:, 0] / (2 * theta[:, 1]), np.sqrt(-0.5 / theta[:, 1])
    return -theta[:, 0] / theta[:, 1], -np.sqrt(theta[:, 0]) / theta[:, 1]


@case("E1", oracle="total mass by quadrature")
def densities_integrate_to_one(arrays: Arrays) -> Iterator[Measured]:
    """∫ q_θ over nodes of another member of the family: E_{θ'}[q_θ/q_{θ'}] = 1."""
    # The ratio of two Gaussians of the same variance, or of two Gammas of the same rate, has
    # moments that the nodes integrate exactly.
    settings = [
        (pairs()[0], gaussian_nodes(0.0, 1.0, 40), np.array([0.0, -0.5]), np.array([0.7, -0.5])),
        (pairs()[1], gamma_nodes(4.0, 2.0), np.array([4.0, -2.0]), np.array([5.5, -2.5])),
    ]
    for pair, (x, weights), base, theta in settings:
        ratio = arrays.host(pair.ours.log_prob(arrays(theta), arrays(x))) - np.array(
            [float(pair.theirs.log_prob(precise(base), precise([p]))) for p in x[:, 0]]
        )
        total = weights @ np.exp(ratio)
        # Logarithms of size up to 30 where weights count, each off by that many half-eps.
        yield compared(pair.name, total, 1.0, 60 * EPS, "exponentials of logarithms of size thirty")


@case("E2", "E12", "E13", oracle="textbook moments at eighty digits")
def mean_parameters(arrays: Arrays) -> Iterator[Measured]:
    """μ(θ) from ordinary to extreme members."""
    for pair in pairs():
        yield from judged(
            "μ", arrays.host(pair.ours.mean(arrays(pair.rows()))), pair, pair.theirs.mean
        )


@case("E2", oracle="differences of the textbook A at eighty digits")
def mean_is_the_gradient_of_the_log_partition(arrays: Arrays) -> Iterator[Measured]:
    """μ = ∇A, with A from the textbook."""
    for pair in pairs():
        gradient = np.array(
            [differences(pair.theirs.log_partition, t) for t in precise(pair.rows()[:4])]
        )
        found = arrays.host(pair.ours.mean(arrays(pair.rows()[:4])))
        yield compared(
            pair.name,
            found,
            gradient,
            ACCURATE,
            REASON,
            scale=np.maximum(np.abs(gradient).astype(float), 1e-300),
        )


@case("E2", oracle="Gauss-Hermite, generalised Gauss-Laguerre and trapezoidal quadrature")
def mean_is_the_expectation_of_the_statistics(arrays: Arrays) -> Iterator[Measured]:
    """E_θ f by weighted particles, through the package's statistics."""
    gaussian, gamma = pairs()
    for m, s in ((0.0, 1.0), (-2.0, 0.5)):
        x, weights = gaussian_nodes(m, s, 10)
        yield _expectation(
            arrays, gaussian, np.array([m / s**2, -0.5 / s**2]), x, weights, slice(None)
        )
    for shape, rate in ((4.0, 2.0), (0.7, 3.0)):
        x, weights = gamma_nodes(shape, rate)
        yield _expectation(arrays, gamma, np.array([shape, -rate]), x, weights, slice(None))
        x, weights = laguerre_nodes(shape, rate, 10)
        yield _expectation(arrays, gamma, np.array([shape, -rate]), x, weights, slice(1, 2))


def _expectation(
    arrays: Arrays, pair: Pair, theta: Array, x: Array, weights: Array, chosen: slice
) -> Measured:
    found = arrays.host(pair.ours.mean(arrays(theta)))[chosen]
    values = arrays.host(pair.ours.statistics(arrays(x)))[:, chosen]
    size = weights @ np.abs(values)
    reason = "nodes and weights are good to some ten eps, and n terms are added"
    return compared(
        f"{pair.name} at θ = {_shown(theta)}",
        found,
        weights @ values,
        (20 + len(x)) * EPS,
        reason,
        scale=size,
    )


# --------------------------------------------------------------------------------------------------


@case("E3", "E12", "E13", oracle="differences of the textbook moments at eighty digits")
def fisher_information(arrays: Arrays) -> Iterator[Measured]:
    """F from ordinary to extreme members."""
    for pair in pairs():
        found = arrays.host(pair.ours.fisher(arrays(pair.rows())))
        for matrix, theta in zip(found, precise(pair.rows()), strict=True):
            exact = pair.theirs.fisher(theta)
            scale = np.sqrt(np.outer(np.diag(exact), np.diag(exact)).astype(float))
            yield compared(
                f"{pair.name} at θ = {_shown(theta)}",
                matrix,
                exact,
                ACCURATE,
                REASON + ", in units of √(F_aa F_bb)",
                scale=scale,
            )


@case("E3", oracle="five float64 estimates, each at the step of its error model")
def five_estimates_of_fisher(arrays: Arrays) -> Iterator[Measured]:
    """F by differences of A and μ, quadrature, the Hessian of KL, and scores."""
    for kind, first, second in (
        ("Gaussian", 0.0, 1.0),
        ("Gaussian", 1.5, 0.5),
        ("Gamma", 2.0, 3.0),
        ("Gamma", 0.5, 0.1),
        ("Gamma", 40.0, 1.0),
    ):
        family = float_family(kind, first, second)
        ours = ir.families.Gaussian() if kind == "Gaussian" else ir.families.Gamma()
        scale = family.scale
        found = arrays.host(ours.fisher(arrays(family.theta))) * np.outer(scale, scale)
        for estimate in estimates(family):
            reason = (
                f"truncation and rounding at step {estimate.step:.1e}, twice for the "
                f"terms that the model leaves out"
            )
            yield compared(
                f"{kind}({first:g}, {second:g}): {estimate.method}",
                found,
                estimate.fisher,
                2 * estimate.error,
                reason,
                scale=1.0,
            )


@case("E4", "E12", "E13", oracle="inverse of the eighty-digit F")
def fisher_in_mean_parameters(arrays: Arrays) -> Iterator[Measured]:
    """F⁻¹ entry by entry.

    For Gamma at large shapes F is nearly singular: inverting its rounded entries would lose
    everything.
    """
    for pair in pairs():

        def inverse(theta: Array, pair: Pair = pair) -> Array:
            fisher = pair.theirs.fisher(theta)
            return np.array([solve(fisher, axis) for axis in axes(2)]).reshape(-1)

        found = arrays.host(pair.ours.inverse_fisher(arrays(pair.rows()))).reshape(-1, 4)
        for row, theta in zip(found, precise(pair.rows()), strict=True):
            expected = inverse(theta)
            diagonal = expected[[0, 3]].astype(float)
            scale = np.sqrt(np.outer(diagonal, diagonal)).reshape(-1)
            yield compared(
                f"{pair.name} at θ = {_shown(theta)}",
                row,
                expected,
                ACCURATE,
                REASON + ", in units of √(F⁻¹_aa F⁻¹_bb)",
                scale=scale,
            )


@case("E4", oracle="textbook information in classical parameters")
def fisher_in_classical_parameters(arrays: Arrays) -> Iterator[Measured]:
    """Jᵀ F J with J = ∂θ/∂ξ: diag(1/s², 2/s²) for (m, s); [[ψ′, −1/β], [−1/β, α/β²]] for (α, β)."""
    gaussian, gamma = pairs()
    for m, s in ((0.0, 1.0), (1.5, 0.5)):
        slopes = np.array([[1 / s**2, -2 * m / s**3], [0.0, 1 / s**3]])
        fisher = arrays.host(gaussian.ours.fisher(arrays(np.array([m / s**2, -0.5 / s**2]))))
        yield compared(
            f"Gaussian({m}, {s})",
            slopes.T @ fisher @ slopes,
            np.diag([1, 2]) / s**2,
            100 * EPS,
            "sums of terms up to 36 times the result",
        )
    for shape, rate in ((2.0, 3.0), (0.5, 0.1)):
        fisher = arrays.host(gamma.ours.fisher(arrays(np.array([shape, -rate]))))
        slopes = np.diag([1.0, -1.0])
        expected = np.array(
            [
                [MP.psi(1, shape), -1 / MP.mpf(rate)],
                [-1 / MP.mpf(rate), MP.mpf(shape) / MP.mpf(rate) ** 2],
            ]
        )
        yield compared(
            f"Gamma({shape}, {rate})",
            slopes.T @ fisher @ slopes,
            expected,
            20 * EPS,
            "a special function and a few products",
        )


@case("E13", oracle="ψ′ at eighty digits")
def gamma_determinant_does_not_cancel(arrays: Arrays) -> Iterator[Measured]:
    """The entries of F⁻¹ carry det F = (αψ′(α) − 1)/β², 1/(2α) of what it is a difference of."""
    shapes = np.array([1e-6, 0.5, 10.0, 1e4, 1e8])
    inverse = arrays.host(
        ir.families.Gamma().inverse_fisher(arrays(np.stack([shapes, -np.ones(5)], axis=1)))
    )
    expected = np.array([a * MP.psi(1, a) - 1 for a in precise(shapes)])
    # With β = 1 both off-diagonal entries of F are one, and those of F⁻¹ are −1/det F.
    yield compared(
        "det F",
        -1.0 / inverse[:, 0, 1],
        expected,
        ACCURATE,
        REASON,
        scale=np.abs(expected).astype(float),
    )


# --------------------------------------------------------------------------------------------------


@case("E5", "E12", "E13", oracle="textbook divergences at eighty digits")
def divergence(arrays: Arrays) -> Iterator[Measured]:
    """KL(θ‖θ(1 + δ)) for δ from 1e-2 to 1e-12, where the three terms of (E5) lose every digit."""
    for pair in pairs():
        for delta in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12):
            for place in (0, 1):
                near = pair.rows().copy()
                near[:, place] *= 1 + delta
                moved = near[:, place] != pair.rows()[:, place]
                here, there = pair.rows()[moved], near[moved]
                found = arrays.host(pair.ours.kl(arrays(here), arrays(there)))
                expected = np.array(
                    [
                        pair.theirs.kl(t, u)
                        for t, u in zip(precise(here), precise(there), strict=True)
                    ]
                )
                scale = np.abs(expected).astype(float)
                yield compared(
                    f"{pair.name}, δ = {delta:g} in θ_{place + 1}",
                    found,
                    expected,
                    ACCURATE,
                    REASON,
                    scale=scale,
                )


@case("E5", oracle="the sign: a divergence is never negative, and zero at itself")
def divergence_is_not_negative(arrays: Arrays) -> Iterator[Measured]:
    """Pairs that differ by relative amounts from 1e-16 to a tenth."""
    rng = np.random.default_rng(31)
    for pair in pairs():
        rows = np.repeat(pair.rows(), 200, axis=0)
        near = rows * (
            1 + rng.normal(size=rows.shape) * 10.0 ** rng.uniform(-16, -1, size=rows.shape)
        )
        found = arrays.host(pair.ours.kl(arrays(rows), arrays(near)))
        yield Measured(
            f"{pair.name}: most negative", max(0.0, float(-np.min(found))), 0.0, "Gibbs' inequality"
        )
        yield compared(
            f"{pair.name}: at itself",
            arrays.host(pair.ours.kl(arrays(rows), arrays(rows))),
            np.zeros(len(rows)),
            0.0,
            "equal arguments",
            scale=1.0,
        )


@case("E5", oracle="A(θ₂) − A(θ₁) − ⟨θ₂ − θ₁, μ(θ₁)⟩ at eighty digits")
def divergence_is_bregman(arrays: Arrays) -> Iterator[Measured]:
    """Between members that are far apart."""
    for pair in pairs():
        here, there = pair.rows()[:3], pair.rows()[1:4]

        def bregman(t: Array, u: Array, pair: Pair = pair) -> Any:
            gradient = differences(pair.theirs.log_partition, t)
            return (
                pair.theirs.log_partition(u)
                - pair.theirs.log_partition(t)
                - np.sum((u - t) * gradient)
            )

        expected = np.array(
            [bregman(t, u) for t, u in zip(precise(here), precise(there), strict=True)]
        )
        found = arrays.host(pair.ours.kl(arrays(here), arrays(there)))
        yield compared(
            pair.name, found, expected, ACCURATE, REASON, scale=np.abs(expected).astype(float)
        )


@case("E6", "E12", "E13", oracle="eighty-digit means rounded to float64, and the inverse of F")
def natural_from_mean(arrays: Arrays) -> Iterator[Measured]:
    """θ = ∇A*(μ).

    The rounding of μ to float64 alone moves θ by F⁻¹ times half an eps of μ, which the tolerance
    admits ten times.
    """
    for pair in pairs():
        for theta in precise(pair.rows()):
            mean = pair.theirs.mean(theta)
            rounded = mean.astype(float)
            inverse = np.array([solve(pair.theirs.fisher(theta), axis) for axis in axes(2)])
            condition = (np.abs(inverse) @ np.abs(mean)).astype(float)
            if np.any(5 * EPS * condition > 0.1 * np.abs(theta).astype(float)):
                # These mean parameters no longer tell θ from its neighbours: N(1e8, 1) has no
                # digits of s² left in m² + s²
                continue
            found = arrays.host(pair.ours.natural_from_mean(arrays(rounded)))
            allowed = np.maximum(ACCURATE * np.abs(theta).astype(float), 5 * EPS * condition)
            yield within(f"{pair.name} at θ = {_shown(theta)}", found, theta, allowed, CONDITIONED)


@case("E6", oracle="⟨θ, μ⟩ − A and −H − E log h at eighty digits")
def conjugate_function(arrays: Arrays) -> Iterator[Measured]:
    """A*(μ), the two textbook forms of which must agree before they may judge."""
    for pair in pairs():
        for theta in precise(pair.rows()[:4]):
            mean = pair.theirs.mean(theta)
            expected = -pair.theirs.entropy(theta) - pair.theirs.mean_log_base_measure(theta)
            legendre = np.sum(theta * mean) - pair.theirs.log_partition(theta)
            yield compared(
                f"{pair.name}: the oracles, θ = {_shown(theta)}",
                float(expected - legendre),
                0.0,
                1e-40,
                "eighty digits",
                scale=1.0,
            )
            found = arrays.number(pair.ours.conjugate(arrays(mean.astype(float))))
            # ∇A* = θ, so the rounding of μ moves A* by θ times half an eps of μ.
            allowed = max(
                ACCURATE * max(1.0, abs(float(expected))),
                float(5 * EPS * np.sum(np.abs(theta * mean))),
            )
            yield within(
                f"{pair.name} at θ = {_shown(theta)}", found, expected, allowed, CONDITIONED
            )


@case("E6", "E12", "E13", oracle="textbook entropies at eighty digits")
def entropy(arrays: Arrays) -> Iterator[Measured]:
    """H from ordinary to extreme members."""
    for pair in pairs():
        found, expected = (
            arrays.host(pair.ours.entropy(arrays(pair.rows()))),
            over(pair, pair.theirs.entropy),
        )
        # Shannon entropy has zeros, where only its absolute error says anything.
        yield compared(
            pair.name,
            found,
            expected,
            ACCURATE,
            REASON + ", of at least one",
            scale=np.maximum(1.0, np.abs(expected).astype(float)),
        )


@case("E1", "E12", "E13", oracle="textbook A at eighty digits")
def log_partition(arrays: Arrays) -> Iterator[Measured]:
    """A from ordinary to extreme members."""
    for pair in pairs():
        found = arrays.host(pair.ours.log_partition(arrays(pair.rows())))
        for value, theta in zip(found, precise(pair.rows()), strict=True):
            expected = pair.theirs.log_partition(theta)
            condition = float(sensitivity(pair.theirs.log_partition, theta))
            allowed = max(ACCURATE * max(1.0, abs(float(expected))), 5 * EPS * condition)
            yield within(
                f"{pair.name} at θ = {_shown(theta)}",
                value,
                expected,
                allowed,
                CONDITIONED,
            )


@case("E12", "E13", oracle="textbook parametrisations at eighty digits")
def classical_parameters(arrays: Arrays) -> Iterator[Measured]:
    """From classical to natural parameters and back."""
    gaussian, gamma = pairs()
    settings = [
        (gaussian, {"mean": np.array([0.0, 3.0, -1e8]), "variance": np.array([1.0, 0.25, 4.0])}),
        (gamma, {"shape": np.array([2.0, 1e-8, 1e8]), "rate": np.array([3.0, 1e4, 1e-4])}),
    ]
    for pair, classical in settings:
        theta = pair.ours.natural(**{name: arrays(value) for name, value in classical.items()})
        assert pair.theirs.natural is not None
        expected = np.array(
            [pair.theirs.natural(row) for row in precise(np.stack([*classical.values()], axis=1))]
        )
        scale = np.maximum(np.abs(expected).astype(float), 1e-300)
        yield compared(
            f"{pair.name}: θ",
            arrays.host(theta),
            expected,
            2 * EPS,
            "one division and one product",
            scale=scale,
        )
        for name, value in pair.ours.classical(theta).items():
            yield compared(
                f"{pair.name}: {name}",
                arrays.host(value),
                classical[name],
                6 * EPS,
                "there and back in a few roundings",
                scale=np.maximum(np.abs(classical[name]), 1e-300),
            )


@case(
    "E2",
    "E3",
    "E5",
    oracle="textbook formulas at eighty digits, judged at the precision of float32",
)
def single_precision_families(arrays: Arrays) -> Iterator[Measured]:
    """Float32 in, float32 out, and no digit lost that float32 has."""
    reason = "the relative error of float64, 1e-13, times the ratio of the epsilons"
    allowed = ACCURATE * float(np.finfo(np.float32).eps) / EPS
    for pair in pairs():
        theta = pair.rows()[:4].astype(np.float32).astype(float)
        near = (theta * (1 + 1e-3)).astype(np.float32).astype(float)
        on_device = arrays(theta, "float32")
        mean = np.array([pair.theirs.mean(t) for t in precise(theta)])
        fisher = np.array([pair.theirs.fisher(t) for t in precise(theta)])
        divergence = np.array(
            [pair.theirs.kl(t, u) for t, u in zip(precise(theta), precise(near), strict=True)]
        )
        found = {
            "μ": (pair.ours.mean(on_device), mean, np.maximum(np.abs(mean), 1e-3)),
            "F": (
                pair.ours.fisher(on_device),
                fisher,
                np.max(np.abs(fisher), axis=(1, 2))[:, None, None],
            ),
            "KL": (
                pair.ours.kl(on_device, arrays(near, "float32")),
                divergence,
                np.abs(divergence),
            ),
        }
        for name, (result, expected, scale) in found.items():
            yield Measured(
                f"{pair.name}: type of {name}",
                float(arrays.host(result).dtype != np.float32),
                0.0,
                "the type of the parameters",
            )
            yield compared(
                f"{pair.name}: {name}", arrays.host(result), expected, allowed, reason, scale=scale
            )


# --------------------------------------------------------------------------------------------------


@case("E7", oracle="elimination with the eighty-digit F")
def natural_gradient(arrays: Arrays) -> Iterator[Measured]:
    """F(θ)⁻¹ g for gradients in general position, in units of the terms F⁻¹_ab g_b."""
    rng = np.random.default_rng(32)
    for pair in pairs():
        for theta in precise(pair.rows()):
            fisher = pair.theirs.fisher(theta)
            inverse = np.array([solve(fisher, axis) for axis in axes(2)])
            gradient = (
                np.array([MP.sqrt(fisher[a, a]) for a in range(2)]) * precise(rng.normal(size=2))
            ).astype(float)
            expected = inverse @ precise(gradient)
            terms = (np.abs(inverse) @ np.abs(precise(gradient))).astype(float)
            found = arrays.host(
                pair.ours.natural_gradient(arrays(theta.astype(float)), arrays(gradient))
            )
            yield compared(
                f"{pair.name} at θ = {_shown(theta)}",
                found,
                expected,
                ACCURATE,
                REASON,
                scale=terms,
            )


@case("E8", oracle="gradient of a loss in mean parameters, by differences at eighty digits")
def natural_gradient_is_the_mean_gradient(arrays: Arrays) -> Iterator[Measured]:
    """F⁻¹ ∇_θ L(μ(θ)) = ∇_μ L for a loss that is curved in μ."""
    for pair in pairs():
        for theta in precise(pair.rows()[:3]):

            def loss(mu: Array) -> Any:
                return MP.sin(mu[0]) + mu[0] * mu[1] / 3 + MP.exp(-mu[1] / 5)

            by_theta = differences(_composed(loss, pair.theirs.mean), theta).astype(float)
            by_mean = differences(loss, pair.theirs.mean(theta))
            inverse = np.array([solve(pair.theirs.fisher(theta), axis) for axis in axes(2)])
            terms = (np.abs(inverse) @ np.abs(precise(by_theta))).astype(float)
            found = arrays.host(
                pair.ours.natural_gradient(arrays(theta.astype(float)), arrays(by_theta))
            )
            yield compared(
                f"{pair.name} at θ = {_shown(theta)}",
                found,
                by_mean,
                ACCURATE,
                REASON,
                scale=terms,
            )


def _composed(
    outer: Callable[[Array], Any], inner: Callable[[Array], Array]
) -> Callable[[Array], Any]:
    """Return t → outer(inner(t))."""
    return lambda t: outer(inner(t))


@case("E9", oracle="gradient of KL(p‖q_θ) by differences at eighty digits")
def gradient_of_the_divergence(arrays: Arrays) -> Iterator[Measured]:
    """∇_θ KL(θ*‖θ) = μ(θ) − μ(θ*), and F⁻¹ of it is the flow."""
    for pair in pairs():
        goal = precise(pair.rows()[1])
        for theta in precise(pair.rows()[[0, 2]]):
            expected = differences(partial(pair.theirs.kl, goal), theta)
            ours = [arrays.host(pair.ours.mean(arrays(t.astype(float)))) for t in (theta, goal)]
            size = np.maximum(np.abs(ours[0]), np.abs(ours[1]))
            yield compared(
                f"{pair.name}: ∇L",
                ours[0] - ours[1],
                expected,
                ACCURATE,
                REASON + ", of the larger mean",
                scale=size,
            )
            velocity = arrays.host(
                pair.ours.natural_gradient(
                    arrays(theta.astype(float)), arrays(-expected.astype(float))
                )
            )
            inverse = np.array([solve(pair.theirs.fisher(theta), axis) for axis in axes(2)])
            terms = (np.abs(inverse) @ np.abs(expected)).astype(float)
            yield compared(
                f"{pair.name}: θ̇", velocity, -inverse @ expected, ACCURATE, REASON, scale=terms
            )


@case("E10", oracle="the straight line μ(t) = E_p f + e^{−t}(μ(0) − E_p f)")
def exact_flow_in_natural_parameters(arrays: Arrays) -> Iterator[Measured]:
    """θ̇ = F⁻¹(E_p f − μ(θ)) by the classical Runge-Kutta method.

    Fourth order, and straight in μ.
    """
    for pair, start, goal in (
        (pairs()[0], (0.0, -0.5), (1.0, -0.7)),
        (pairs()[1], (2.0, -3.0), (4.0, -5.0)),
    ):
        target = pair.theirs.mean(precise(np.array(goal)))
        first = pair.theirs.mean(precise(np.array(start)))
        expected = (target + MP.exp(-1) * (first - target)).astype(float)
        size = float(np.max(np.abs((first - target).astype(float))))
        errors = []
        for steps in (32, 64):
            theta = _runge_kutta(
                pair.ours, arrays(np.array(start)), arrays(target.astype(float)), steps
            )
            errors.append(
                float(np.max(np.abs(arrays.host(pair.ours.mean(theta)) - expected))) / size
            )
        # The next term of the error is smaller by a factor of a few h: log2(1 + 2h) = 0.09 at h =
        # 1/32.
        yield Measured(
            f"{pair.name}: order",
            abs(float(np.log2(errors[0] / errors[1])) - 4),
            0.1,
            "the next term of the error at h = 1/32",
        )
        # On ẏ = −y the method errs by e^{−1} h⁴/120 = 2e-10 at h = 1/64; the curvature of μ(θ) may
        # add a few dozen times as much.
        yield Measured(
            f"{pair.name}: distance from the line",
            errors[1],
            6e-9,
            "thirty times its error on ẏ = −y",
        )


def _runge_kutta(family: Any, theta: Any, goal: Any, steps: int) -> Any:
    """Integrate θ̇ = F⁻¹(goal − μ(θ)) over a unit of time."""
    h = 1.0 / steps

    def velocity(t: Any) -> Any:
        return family.natural_gradient(t, goal - family.mean(t))

    for _ in range(steps):
        k1 = velocity(theta)
        k2 = velocity(theta + 0.5 * h * k1)
        k3 = velocity(theta + 0.5 * h * k2)
        k4 = velocity(theta + h * k3)
        theta = theta + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return theta
