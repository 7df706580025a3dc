"""(E1)-(E8) of every family against textbooks at eighty digits and sums over its points.

The families are those that the package discovers, with the members that each proposes;
`validation.oracles.textbook` and `validation.oracles.nodes` know all that the package now has. A
family that they do not know is left to the laws of the test suite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import groupby
from typing import Any

import numpy as np

import ingd_ref as ir
from ingd_ref.families._discovery import all_families
from validation.backends import Arrays
from validation.oracles.nodes import Nodes, nodes
from validation.oracles.precise import Array, axes, precise
from validation.oracles.statement import Textbook, slopes, units
from validation.oracles.textbook import textbook
from validation.registry import EPS, Measured, case, compared, within

ACCURATE = 1e-13
REASON = "1e-13 relative: a few hundred roundings"
#: A family given by T and A alone differentiates them by extrapolation, which says of itself that
#: it leaves about 1e-12.
BY_DIFFERENCES = 1e-11
#: Probabilities are exponentials of logarithms of size fifty, fifty half-eps each, and the rules
#: are settled to a few eps.
SUMMED = 1e-13
RELATIVE_STEPS = (1e-2, 1e-4, 1e-6, 1e-8, 1e-12)


@dataclass(frozen=True, eq=False)
class Member:
    """One distribution: a family, its oracle, and natural parameters θ (b,) in float64.

    No two are equal.
    """

    family: Any
    oracle: Textbook
    theta: Array
    place: int

    @property
    def name(self) -> str:
        """Family and place among its examples."""
        return f"{self.family.name} [{self.family.number}], member {self.place + 1}"

    @property
    def accuracy(self) -> float:
        """Relative error that derivatives of A may have."""
        bare = getattr(self.family, "hessian", self) is None
        return BY_DIFFERENCES if bare else ACCURATE

    @cached_property
    def exact(self) -> Array:
        """θ as exact numbers."""
        return precise(self.theta)

    @cached_property
    def mean(self) -> Array:
        """Mean parameters from the textbook."""
        return self.oracle.mean(self.exact)

    @cached_property
    def fisher(self) -> Array:
        """F by differences of the textbook means."""
        return self.oracle.fisher(self.exact)

    @cached_property
    def third_cumulant(self) -> Array:
        """∇³A by differences of F."""
        sizes = units(self.exact)
        return slopes(lambda t: slopes(self.oracle.mean, t, sizes), self.exact, sizes)

    @cached_property
    def curvature(self) -> Array:
        """F by second differences of the textbook A."""
        return self.oracle.curvature(self.exact)

    @cached_property
    def curvature_of_divergence(self) -> Array:
        """F as the Hessian of KL(θ‖θ + δ)."""
        return self.oracle.curvature_of_divergence(self.exact)

    @cached_property
    def gradient(self) -> Array:
        """∇A by differences."""
        return slopes(self.oracle.log_partition, self.exact)

    @cached_property
    def inverse_fisher(self) -> Array:
        """F⁻¹ by elimination."""
        return self.oracle.inverse_fisher(self.exact)

    @cached_property
    def deviation(self) -> Array:
        """Standard deviations of the statistics.

        F_aa is of size deviation², and θ_a counts in units of 1/deviation.
        """
        return np.sqrt(np.diag(self.fisher).astype(float))

    @cached_property
    def nodes(self) -> Nodes | None:
        """Points with probabilities."""
        return nodes(self.family, self.theta)

    def moved(self, delta: float, place: int) -> Array:
        """Parameters (b,) that differ from θ by a relative amount ``delta`` in one coordinate.

        After the last coordinate comes a change of all of them.
        """
        signs = np.where(np.arange(len(self.theta)) % 2 == 0, 1.0, -0.5)
        chosen = signs if place == len(self.theta) else np.eye(len(self.theta))[place]
        return self.theta + delta * chosen * units(self.exact).astype(float)


@cache
def members() -> tuple[Member, ...]:
    """Two members of every family that has an oracle."""
    found: list[Member] = []
    for family in all_families():
        oracle = textbook(family)
        if oracle is not None:
            theta = family.natural(**family.example_parameters())[:2]
            found += [Member(family, oracle, row, place) for place, row in enumerate(theta)]
    return tuple(found)


def families() -> Iterator[tuple[Any, list[Member]]]:
    """Return each family with its members, which one call of the package takes together."""
    for _, group in groupby(members(), key=lambda member: id(member.family)):
        found = list(group)
        yield found[0].family, found


def _evaluated(
    arrays: Arrays,
    operation: str,
    arguments: Callable[[Member], Array] = lambda member: member.theta,
) -> Iterator[Any]:
    """Each member with what the package's operation returns for its argument.

    Members of a family are evaluated in one call.
    """
    for family, group in families():
        results = arrays.host(
            getattr(family, operation)(arrays(np.stack([arguments(member) for member in group])))
        )
        yield from zip(group, results, strict=True)


@case(
    "E1",
    oracle="textbook densities at nodes and states, and their total by quadrature or summation",
)
def every_log_density(arrays: Arrays) -> Iterator[Measured]:
    """Log q_θ(x) = log h + ⟨θ, f⟩ − A and its parts in the bulk, and A as a log total."""
    for member, found in _evaluated(arrays, "log_partition"):
        rule, log_partition = member.nodes, float(member.oracle.log_partition(member.exact))
        yield compared(
            f"{member.name}: A",
            found,
            log_partition,
            ACCURATE,
            REASON,
            scale=max(1.0, abs(log_partition)),
        )
        if rule is None:
            continue
        if rule.log_mass is not None:
            yield compared(
                f"{member.name}: A by summation",
                found,
                rule.log_mass,
                SUMMED,
                "exponentials",
                scale=max(1.0, abs(found)),
            )
        bulk = np.flatnonzero(rule.weights >= 0.2 * np.max(rule.weights))
        chosen = bulk[np.linspace(0, len(bulk) - 1, 5).astype(int)]
        terms = member.theta * rule.statistics[chosen]
        expected = rule.log_h[chosen] + np.sum(terms, axis=1) - log_partition
        size = np.abs(rule.log_h[chosen]) + np.sum(np.abs(terms), axis=1) + abs(log_partition) + 1
        points = arrays(rule.x[chosen])
        unit = np.abs(rule.statistics[chosen]) + member.deviation
        statistics = arrays.host(member.family.statistics(points))
        yield compared(
            f"{member.name}: f",
            statistics,
            rule.statistics[chosen],
            ACCURATE,
            REASON + ", or of a deviation",
            scale=unit,
        )
        base = arrays.host(member.family.log_base_measure(points))
        unit = np.maximum(1.0, np.abs(rule.log_h[chosen]))
        yield compared(
            f"{member.name}: log h",
            base,
            rule.log_h[chosen],
            ACCURATE,
            REASON + ", of at least one",
            scale=unit,
        )
        values = arrays.host(member.family.log_prob(arrays(member.theta), points))
        yield compared(
            f"{member.name}: log q",
            values,
            expected,
            ACCURATE,
            REASON + ", of its terms",
            scale=size,
        )


@case(
    "E2",
    oracle="textbook means and differences of A at eighty digits, and sums over nodes and states",
)
def every_mean(arrays: Arrays) -> Iterator[Measured]:
    """μ = ∇A = E f three ways."""
    for member, found in _evaluated(arrays, "mean"):
        size = np.maximum(np.abs(member.mean.astype(float)), member.deviation)
        yield compared(
            f"{member.name}: textbook",
            found,
            member.mean,
            ACCURATE,
            REASON + ", of the mean or a deviation",
            scale=size,
        )
        yield compared(
            f"{member.name}: ∇A by differences",
            found,
            member.gradient,
            ACCURATE,
            REASON,
            scale=size,
        )
        if member.nodes is not None:
            yield compared(
                f"{member.name}: E f by summation",
                found,
                member.nodes.mean(),
                SUMMED,
                "exponentials",
                scale=size,
            )


@case(
    "E3",
    oracle="second differences of A, differences of μ, Cov f, Hessian of KL, mean of score scoreᵀ",
)
def every_fisher_five_ways(arrays: Arrays) -> Iterator[Measured]:
    """Three of them by differences at eighty digits, which leave forty.

    Two by sums over points in float64.
    """
    for member, found in _evaluated(arrays, "fisher"):
        unit = np.outer(member.deviation, member.deviation)
        ways: dict[str, tuple[Array, float]] = {
            "second differences of A": (member.curvature, member.accuracy),
            "differences of μ": (member.fisher, member.accuracy),
            "Hessian of KL(θ‖θ + δ)": (member.curvature_of_divergence, member.accuracy),
        }
        if member.nodes is not None:
            # The score is f − ∇A where the density is differentiated: A by differences, and not by
            # its mean over the same points.
            score = member.nodes.statistics - member.gradient.astype(float)
            ways["Cov f"] = (member.nodes.covariance(), max(SUMMED, member.accuracy))
            ways["E[score scoreᵀ]"] = (
                (member.nodes.weights[:, None] * score).T @ score,
                max(SUMMED, member.accuracy),
            )
        for way, (expected, tolerance) in ways.items():
            yield compared(
                f"{member.name}: {way}",
                found,
                expected,
                tolerance,
                "of √(F_aa F_bb); " + REASON,
                scale=unit,
            )


@case("E3", oracle="differences of the textbook F at eighty digits")
def every_third_cumulant(arrays: Arrays) -> Iterator[Measured]:
    """∇³A = ∂F/∂θ in units of its largest entry, in standard units.

    A standard unit is √(F_aa F_bb F_cc).
    """
    for member, found in _evaluated(arrays, "third_cumulant"):
        unit = np.einsum("i,j,k->ijk", member.deviation, member.deviation, member.deviation)
        size = max(1.0, float(np.max(np.abs(member.third_cumulant.astype(float)) / unit)))
        own = (
            type(member.family)._third_cumulant is not ir.families.ExponentialFamily._third_cumulant
        )
        # Families without a closed form extrapolate differences of F, to about 1e-12; a family
        # given by T and A alone does it twice.
        tolerance = 1e-11 if not own else ACCURATE
        tolerance = 1e-8 if member.accuracy > ACCURATE else tolerance
        yield compared(
            member.name, found, member.third_cumulant, tolerance, REASON, scale=size * unit
        )


@case("E4", oracle="the eighty-digit F inverted by elimination")
def every_inverse_fisher(arrays: Arrays) -> Iterator[Measured]:
    """F⁻¹ in units of √(F⁻¹_aa F⁻¹_bb)."""
    for member, found in _evaluated(arrays, "inverse_fisher"):
        size = np.sqrt(np.diag(member.inverse_fisher).astype(float))
        yield compared(
            member.name,
            found,
            member.inverse_fisher,
            member.accuracy,
            REASON,
            scale=np.outer(size, size),
        )


@case("E5", oracle="A(θ₂) − A(θ₁) − ⟨θ₂ − θ₁, μ(θ₁)⟩ at eighty digits")
def every_divergence(arrays: Arrays) -> Iterator[Measured]:
    """KL between members at relative distances from 1e-2 to 1e-12, and far apart."""
    for family, group in families():
        targets = [_targets(member, group) for member in group]
        bases = np.concatenate(
            [np.repeat(m.theta[None], len(t), axis=0) for m, t in zip(group, targets, strict=True)]
        )
        found = arrays.host(family.kl(arrays(bases), arrays(np.concatenate(targets))))
        for member, rows, values in zip(
            group, targets, np.split(found, np.cumsum([len(t) for t in targets])[:-1]), strict=True
        ):
            expected = _divergences(member, rows.tobytes())
            allowed = member.accuracy * np.abs(expected).astype(float)
            yield within(f"{member.name}: KL", values, expected, allowed, REASON)
            yield Measured(
                f"{member.name}: most negative",
                max(0.0, float(-np.min(values))),
                0.0,
                "Gibbs' inequality",
            )


def _targets(member: Member, group: list[Member]) -> Array:
    """Parameters (k, b) close to a member in each coordinate and in all, and other members."""
    places = range(member.family.number + 1)
    near = [member.moved(delta, place) for delta in RELATIVE_STEPS for place in places]
    rows = np.stack(near + [other.theta for other in group if other is not member])
    return rows[member.family.contains(rows)]


@cache
def _divergences(member: Member, targets: bytes) -> Array:
    """Divergences from a member to parameters given by their bytes, once for all backends."""
    rows = np.frombuffer(targets).reshape(-1, member.family.number)
    return np.array([member.oracle.kl(member.exact, precise(row)) for row in rows])


@case(
    "E6",
    oracle="eighty-digit means, rounded, inverted by Newton's method; −H − E log "
    "h, and −Σ q log q over nodes and states",
)
def every_conjugate_and_entropy(arrays: Arrays) -> Iterator[Measured]:
    """θ = ∇A*(μ), A*(μ), and the entropy."""
    inverted, conjugates = (
        _evaluated(arrays, name, lambda m: _inverted(m)[0])
        for name in ("natural_from_mean", "conjugate")
    )
    for (member, found), (_, value), (_, entropy) in zip(
        inverted, conjugates, _evaluated(arrays, "entropy"), strict=True
    ):
        rounded, expected, conjugate = _inverted(member)
        size = np.maximum(np.abs(member.theta), 1 / member.deviation)
        condition = np.abs(member.inverse_fisher).astype(float) @ np.abs(rounded)
        allowed = np.maximum(member.accuracy * size, 5 * EPS * condition)
        yield within(
            f"{member.name}: θ(μ)",
            found,
            expected,
            allowed,
            "1e-13, or ten times the condition number times half an eps",
        )
        scale = max(1.0, abs(float(conjugate)), float(np.sum(np.abs(member.theta * rounded))))
        yield compared(
            f"{member.name}: A*", value, conjugate, ACCURATE, REASON + ", of its terms", scale=scale
        )
        exact = member.oracle.entropy(member.exact)
        yield compared(
            f"{member.name}: H", entropy, exact, ACCURATE, REASON, scale=max(1.0, abs(float(exact)))
        )
        if member.nodes is not None:
            summed = member.nodes.entropy(
                member.theta, float(member.oracle.log_partition(member.exact))
            )
            yield compared(
                f"{member.name}: −Σ q log q",
                entropy,
                summed,
                SUMMED,
                "exponentials",
                scale=max(1.0, abs(summed)),
            )


@cache
def _inverted(member: Member) -> tuple[Array, Array, Any]:
    """Means rounded to float64, their exact natural parameters, and A* there."""
    rounded = member.mean.astype(float)
    theta = member.oracle.natural_from_mean(precise(rounded), member.exact)
    return rounded, theta, member.oracle.conjugate_at(theta)


# --------------------------------------------------------------------------------------------------


def losses(member: Member) -> dict[str, Callable[[Array], Any]]:
    """Losses as functions of θ.

    Two are linear in μ(θ) up to A or its conjugate, and two are not.
    """
    oracle = member.oracle
    goal = next(m for m in members() if m.family is member.family and m.place != member.place)
    data = goal.mean + precise(0.25 * goal.deviation)  # the mean statistics of some sample
    return {
        "KL(p‖q)": lambda t: oracle.kl(goal.exact, t),
        "−E log q over data": lambda t: oracle.log_partition(t) - np.sum(t * data),
        "½‖μ − μ*‖²": lambda t: np.sum((oracle.mean(t) - goal.mean) ** 2) / 2,
        "entropy relative to h": lambda t: -oracle.conjugate_at(t),
    }


@cache
def _gradients(member: Member) -> dict[str, tuple[Array, Array]]:
    """Return ∇_θ L, and ∇_μ L by differences along the mean chart.

    L of the parameters that Newton's method finds for moved means.
    """
    functions = losses(member)
    size = precise(member.deviation)
    # At 80 digits a step of 1e-20 deviations leaves 1e-40 from truncation and, of the 40 digits
    # that Newton's method finds θ to, 20.
    h = precise(1.0) / 10**20
    ends = []
    for axis, unit in zip(axes(len(size)), size, strict=True):
        ends.append(
            [
                member.oracle.natural_from_mean(member.mean + sign * h * unit * axis, member.exact)
                for sign in (1, -1)
            ]
        )
    by_mean = {
        name: np.array(
            [(L(up) - L(down)) / (2 * h * u) for (up, down), u in zip(ends, size, strict=True)]
        )
        for name, L in functions.items()
    }
    return {name: (slopes(L, member.exact), by_mean[name]) for name, L in functions.items()}


@case("E7", "E8", oracle="∇_μ L by differences along the mean chart at eighty digits")
def every_natural_gradient(arrays: Arrays) -> Iterator[Measured]:
    """F⁻¹ ∇_θ L = ∇_μ L for every family and four losses.

    For the oracles themselves, and for what the package returns.
    """
    for family, group in families():
        names = list(losses(group[0]))
        given = np.stack(
            [[_gradients(member)[name][0].astype(float) for name in names] for member in group]
        )
        thetas = np.repeat(
            np.stack([member.theta for member in group])[:, None], len(names), axis=1
        )
        found = arrays.host(family.natural_gradient(arrays(thetas), arrays(given)))
        for member, results in zip(group, found, strict=True):
            for name, result in zip(names, results, strict=True):
                by_theta, by_mean = _gradients(member)[name]
                terms = (np.abs(member.inverse_fisher) @ np.abs(by_theta)).astype(
                    float
                ) + 1e-3 / member.deviation
                where = f"{member.name}: {name}"
                yield compared(
                    f"{where}, the identity",
                    member.inverse_fisher @ by_theta,
                    by_mean,
                    1e-18,
                    "differences of forty digits",
                    scale=terms,
                )
                yield compared(
                    where,
                    result,
                    by_mean,
                    member.accuracy,
                    REASON + ", of the terms F⁻¹_ab g_b",
                    scale=terms,
                )
