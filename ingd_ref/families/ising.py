"""The Ising model and the Boltzmann machine of a few spins, exact by enumeration of all states."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.exponential import log_mean_exp_excess, log_softmax, log_sum_exp
from ingd_ref.backend._namespace import Array, Namespace, device, item
from ingd_ref.backend._operations import softmax
from ingd_ref.errors import DomainError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._categories import require_inverse, third_moment
from ingd_ref.families._common import constant_base_measure, everywhere
from ingd_ref.families._draws import draw_index
from ingd_ref.families._parameters import Constraint, Parameter, Requirements, require
from ingd_ref.families._samples import reject_where, require_fit

__all__ = ["Ising"]

LARGEST = 16  # spins: 65 536 states
# Damped Newton steps of the inverse of ∇A. Each moves the logits by log(1 + ρ) where a full step
# would move them by ρ, so 200 steps reach far beyond ±700, where probabilities underflow.
NEWTON_STEPS = 200

SYMMETRIC_HOLLOW = Constraint(
    "symmetric with zeros on the diagonal",
    lambda xp, value: xp.all(
        (value == xp.matrix_transpose(value))
        & ((value == 0) | (xp.eye(value.shape[-1], dtype=value.dtype, device=device(value)) == 0)),
        axis=(-2, -1),
    ),
)


@dataclass(frozen=True)
class Ising(ExponentialFamily):
    r"""Pairwise model of n spins x ∈ {−1, 1}ⁿ (Ising) or n units x ∈ {0, 1}ⁿ (Boltzmann machine).

    Classical parameters are the ``field`` a ∈ Rⁿ and the ``coupling`` C, symmetric (n, n) with
    zeros on the diagonal. With p the probabilities of the 2ⁿ states s, which are summed over,

    .. math::
        f(x) &= (x_1, \dots, x_n,\, x_1x_2,\, x_1x_3, \dots, x_{n-1}x_n), \quad h(x) = 1, \quad
            \theta = (a,\, C_{12},\, C_{13}, \dots, C_{n-1,n}) & \text{(E1)} \\
        A(\theta) &= \log\textstyle\sum_s e^{\langle\theta, f(s)\rangle} & \text{(E1)} \\
        \nabla A(\theta) &= \textstyle\sum_s p_s f(s) & \text{(E2)} \\
        F = \nabla^2 A(\theta) &= \textstyle\sum_s p_s (f(s) - \mu)(f(s) - \mu)^\top
            & \text{(E3)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \log\big(1 + \textstyle\sum_s p_s (e^{\delta_s} - 1
            - \delta_s)\big), \quad
            \delta_s = \langle\theta' - \theta, f(s) - \mu\rangle & \text{(E5)}

    The inverse of ∇A (E6) is found by a damped Newton iteration, which converges from anywhere: by
    |d³A(v)| ≤ ρ d²A(v), where ρ is the range of ⟨v, f⟩, a step of log(1 + ρ)/ρ always decreases
    A(θ) − ⟨θ, μ⟩.

    Means of nearly independent, nearly fair spins are small, and sums over p of numbers ±1 would
    leave little of them. They are summed from the means of single spins given all others, which are
    as small:

    .. math::
        E\,x_i = E\tanh g_i(x), \quad E\,x_i x_j = E\,x_j\tanh g_i(x), \quad
            g_i(x) = a_i + \textstyle\sum_j C_{ij}x_j

    Where one state has nearly all the probability, central moments and F⁻¹ are those of the others:
    f − μ comes from the probabilities of both values of a statistic, and F⁻¹ from coordinates in
    which the most probable states that are independent are the unit vectors.

    Parameters
    ----------
    spins : int, 1 ≤ n ≤ 16
        Number n of spins.
    binary : bool
        Whether x ∈ {0, 1}ⁿ instead of {−1, 1}ⁿ. Default: False.

    Examples
    --------
    >>> import numpy as np
    >>> family = Ising(spins=2)
    >>> theta = family.natural(field=[0.0, 0.0], coupling=[[0.0, 0.5], [0.5, 0.0]])
    >>> round(family.mean(theta)[2].item(), 12), round(np.tanh(0.5).item(), 12)
    (0.46211715726, 0.46211715726)
    """

    spins: int
    binary: bool = False

    name = "Ising"

    def __post_init__(self) -> None:
        object.__setattr__(self, "binary", _checks.flag(self.binary, "binary"))
        object.__setattr__(self, "spins", _checks.positive_integer(self.spins, "spins"))
        if self.spins > LARGEST:
            raise DomainError(
                f"spins must be at most {LARGEST}, since all 2**spins states are visited, "
                f"got {self.spins}"
            )

    @property
    def dim(self) -> int:
        """Number n of spins."""
        return self.spins

    @property
    def number(self) -> int:
        """Number n + n(n − 1)/2 of spins and pairs."""
        return self.spins * (self.spins + 1) // 2

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Field and coupling."""
        return (
            Parameter("field", shape=(self.spins,)),
            Parameter("coupling", SYMMETRIC_HOLLOW, (self.spins, self.spins)),
        )

    @classmethod
    def examples(cls) -> Sequence[Ising]:
        """Spins and binary units."""
        return (cls(3), cls(2, binary=True))

    def example_parameters(self) -> Mapping[str, np.ndarray]:
        """Free spins, and a field with couplings of both signs."""
        n = self.spins
        index = np.arange(n)
        coupling = 0.5 * np.cos(1.0 + index[:, None] * index) * (1.0 - np.eye(n))
        return {
            "field": np.stack([np.zeros(n), 0.3 * np.cos(index)]),
            "coupling": np.stack([np.zeros((n, n)), coupling]),
        }

    _domain = everywhere
    _log_base_measure = constant_base_measure

    def _natural(self, xp: Namespace, field: Array, coupling: Array) -> Array:
        entries = [field[..., i] for i in range(self.spins)]
        entries += [0.5 * (coupling[..., i, j] + coupling[..., j, i]) for i, j in self._pairs()]
        return xp.stack(entries, axis=-1)

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        n = self.spins
        place = {pair: n + k for k, pair in enumerate(self._pairs())}
        zero = xp.zeros_like(theta[..., 0])
        rows = [
            xp.stack(
                [zero if i == j else theta[..., place[min(i, j), max(i, j)]] for j in range(n)],
                axis=-1,
            )
            for i in range(n)
        ]
        return {"field": theta[..., :n], "coupling": xp.stack(rows, axis=-2)}

    def _mean_domain(self, xp: Namespace, mu: Array) -> Requirements:
        low = 0.0 if self.binary else -1.0
        width = 1.0 - low
        up = [(mu[..., i] - low) / width for i in range(self.spins)]  # P(x_i = 1)
        inside = {f"{low:g} < mu[{i}] < 1": (p > 0) & (p < 1) for i, p in enumerate(up)}
        for k, (i, j) in enumerate(self._pairs(), self.spins):
            # P(x_i = x_j = 1)
            both = (mu[..., k] - low * (mu[..., i] + mu[..., j]) + low * low) / width**2
            inside[f"positive probabilities of the four states of the pair ({i}, {j})"] = (
                (both > 0) & (both < up[i]) & (both < up[j]) & (up[i] + up[j] - both < 1)
            )
        return inside

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        low = 0 if self.binary else -1
        return {f"x = {low} or x = 1": xp.all((x == low) | (x == 1), axis=-1)}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        pairs = [x[..., i] * x[..., j] for i, j in self._pairs()]
        return xp.stack([*(x[..., i] for i in range(self.spins)), *pairs], axis=-1)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return log_sum_exp(xp, self._logits(xp, theta))

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        p = softmax(xp, self._logits(xp, theta))
        if self.binary:
            return xp.matmul(p, self._table(xp, theta))
        states = xp.asarray(self._states(), dtype=theta.dtype, device=device(theta))
        classical = self._classical(xp, theta)
        conditional = xp.tanh(
            classical["field"][..., None, :] + xp.matmul(states, classical["coupling"])
        )
        size = xp.matmul(p[..., None, :], xp.abs(conditional))[..., 0, :]
        single = xp.matmul(p[..., None, :], conditional)[..., 0, :]
        # E x_j tanh g_i = E x_i tanh g_j
        both = xp.matmul(xp.matrix_transpose(p[..., None] * conditional), states)
        entries = [single[..., i] for i in range(self.spins)]
        # Of the two, the sum of the smaller terms rounds less.
        entries += [
            xp.where(size[..., i] <= size[..., j], both[..., i, j], both[..., j, i])
            for i, j in self._pairs()
        ]
        return xp.stack(entries, axis=-1)

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        theta = xp.zeros_like(mu)
        for _ in range(NEWTON_STEPS):
            residual = mu - self._mean(xp, theta)
            step = self._solve(xp, theta, residual)
            logits = self._logits(xp, step)
            reach = xp.max(logits, axis=-1) - xp.min(logits, axis=-1)
            damping = xp.where(
                reach > 0,
                xp.log1p(reach) / xp.where(reach > 0, reach, xp.ones_like(reach)),
                xp.ones_like(reach),
            )
            theta = theta + damping[..., None] * step
            if item(xp.all(reach < 1e-7)):
                break
        step = self._solve(xp, theta, mu - self._mean(xp, theta))
        found = {
            "mean parameters of a member": xp.all(xp.abs(self._logits(xp, step)) < 0.1, axis=-1)
        }
        require(xp, found, "mu", f"the mean parameter space of {self.name}", mu)
        return theta + step  # whole, so that parameters far below 1e-7 have all their digits too

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        p, centred = self._centred(xp, theta)
        return xp.matmul(xp.matrix_transpose(p[..., None] * centred), centred)

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        root = self._inverse_root(xp, theta)
        return xp.matmul(root, xp.matrix_transpose(root))

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        root = self._inverse_root(xp, theta)
        return xp.matmul(root, xp.matmul(xp.matrix_transpose(root), grad[..., None]))[..., 0]

    def _inverse_root(self, xp: Namespace, theta: Array) -> Array:
        """Return W (..., b, b) with F⁻¹ = WWᵀ, its rows accurate relative to their lengths.

        In the coordinates y of :meth:`_coordinates`, scaled by the roots of the probabilities of
        the states that are the unit vectors, the covariance is about one: its condition number does
        not grow with the fields.
        """
        p = softmax(xp, self._logits(xp, theta))
        y, transform, weight = self._coordinates(xp, theta, p)
        smallest = float(xp.finfo(theta.dtype).smallest_normal) / float(xp.finfo(theta.dtype).eps)
        invertible = {"every variance > 0 in this precision": xp.all(weight > smallest, axis=-1)}
        require_inverse(xp, invertible, theta)
        scale = xp.sqrt(weight)[..., None, :]
        centred = (y - xp.matmul(p[..., None, :], y)) / scale
        return xp.matmul(
            transform / scale, xp.linalg.inv(xp.linalg.qr(xp.sqrt(p)[..., None] * centred)[1])
        )

    def _coordinates(self, xp: Namespace, theta: Array, p: Array) -> tuple[Array, Array, Array]:
        """Return coordinates y (..., 2ⁿ, b), the matrix T, and probabilities of b states (..., b).

        y = (f − f*)T with f* the mode; in y the b states are the unit vectors.

        Gauss-Jordan elimination on integers picks in turn the state whose part outside the
        span of those before it weighs most. So any other state has coordinates along none but
        states about as probable, or more.
        """
        number, dtype, place = self.number, theta.dtype, device(theta)
        table = self._table(xp, theta)
        # The numbers are multiples of ½ up to rounding.
        negligible = float(xp.finfo(theta.dtype).eps) ** 0.5
        mode = xp.astype(
            xp.arange(p.shape[-1], device=place) == xp.argmax(p, axis=-1, keepdims=True), dtype
        )
        one = xp.eye(number, dtype=dtype, device=place) + xp.zeros_like(p[..., :1])[..., None]
        # The rows of y, followed by those of T, which are eliminated together.
        rows = xp.concat([table - xp.matmul(mode[..., None, :], table), one], axis=-2)
        candidates = xp.concat([p, xp.zeros_like(one[..., 0])], axis=-1)
        free, weight = xp.ones_like(one[..., 0]), xp.zeros_like(one[..., 0])
        for _ in range(number):
            outside = xp.max(xp.abs(rows) * free[..., None, :], axis=-1)
            state = _first_largest(
                xp, xp.where(outside > negligible, candidates * outside, xp.zeros_like(outside))
            )
            chosen = xp.matmul(state[..., None, :], rows)[..., 0, :]
            column = _first_largest(xp, xp.abs(chosen) * free)
            pivot = xp.sum(chosen * column, axis=-1, keepdims=True)
            usable = xp.abs(pivot) > negligible
            factor = xp.where(
                usable,
                (chosen - column) / xp.where(usable, pivot, xp.ones_like(pivot)),
                xp.zeros_like(chosen),
            )
            rows = rows - xp.matmul(rows, column[..., None]) * factor[..., None, :]
            free = free - column
            weight = weight + column * xp.sum(state * candidates, axis=-1, keepdims=True)
        return rows[..., :-number, :], rows[..., -number:, :], weight

    def _third_cumulant(self, xp: Namespace, theta: Array) -> Array:
        return third_moment(xp, *self._centred(xp, theta))

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        return log_mean_exp_excess(xp, self._logits(xp, theta1), self._logits(xp, theta2 - theta1))

    def _conjugate(self, xp: Namespace, theta: Array) -> Array:
        logits = self._logits(xp, theta)
        return xp.sum(softmax(xp, logits) * log_softmax(xp, logits), axis=-1)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        return -self._conjugate(xp, theta)

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        """Estimate from the mean, unless it lies on the boundary of the possible means.

        Nothing says beforehand which inequalities bound them. On the boundary the iteration drives
        the probabilities of all states off a face to zero, and of as many independent states as
        there are statistics one is among these.
        """
        mu = xp.sum(weights * self._statistics(xp, x), axis=-2)
        require_fit(xp, self.name, self._mean_domain(xp, mu))
        reason = "its mean lies on the boundary of the possible means, up to rounding"
        try:
            theta = self._natural_from_mean(xp, mu)
        except DomainError:
            raise DomainError(f"x determines no {self.name}: {reason}") from None
        least = 2.0**self.spins * float(xp.finfo(x.dtype).eps)
        weight = self._coordinates(xp, theta, softmax(xp, self._logits(xp, theta)))[2]
        reject_where(xp, self.name, {reason: xp.min(weight, axis=-1) < least})
        return theta

    def _draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        field: np.ndarray,
        coupling: np.ndarray,
    ) -> np.ndarray:
        states = self._states()
        energy = field @ states.T + 0.5 * np.sum((states @ coupling) * states, axis=-1)
        powers = np.exp(energy - np.max(energy, axis=-1, keepdims=True))
        return states[
            draw_index(rng, size, powers / np.sum(powers, axis=-1, keepdims=True)).astype(np.int64)
        ]

    def _pairs(self) -> list[tuple[int, int]]:
        return list(itertools.combinations(range(self.spins), 2))

    def _states(self) -> np.ndarray:
        """All states (2ⁿ, n)."""
        return np.asarray(
            list(itertools.product((0.0 if self.binary else -1.0, 1.0), repeat=self.spins))
        )

    def _table(self, xp: Namespace, like: Array) -> Array:
        """Statistics of all states (2ⁿ, b)."""
        return self._statistics(
            xp, xp.asarray(self._states(), dtype=like.dtype, device=device(like))
        )

    def _logits(self, xp: Namespace, theta: Array) -> Array:
        return xp.matmul(theta, xp.matrix_transpose(self._table(xp, theta)))

    def _centred(self, xp: Namespace, theta: Array) -> tuple[Array, Array]:
        """Return probabilities (..., 2ⁿ) and centred statistics (..., 2ⁿ, b) of all states.

        f − μ is (1 − P(1)) − (1 − f), without a difference of close numbers.
        """
        p, table = softmax(xp, self._logits(xp, theta)), self._table(xp, theta)
        width = 1.0 if self.binary else 2.0
        high = xp.astype(table == 1, theta.dtype)
        low = 1.0 - high
        above, below = xp.matmul(p, low), xp.matmul(p, high)
        return p, width * (high * above[..., None, :] - low * below[..., None, :])

    def _solve(self, xp: Namespace, theta: Array, residual: Array) -> Array:
        """Return F⁻¹ times the residual, with a tiny ridge on the correlation matrix.

        The ridge is the rounding of an elimination of as many columns. Directions of less variance
        are lost in the rounding of μ.
        """
        fisher = self._fisher(xp, theta)
        scale = xp.sqrt(xp.linalg.diagonal(fisher) + float(xp.finfo(theta.dtype).smallest_normal))
        unit = xp.eye(self.number, dtype=theta.dtype, device=device(theta))
        ridge = self.number * float(xp.finfo(theta.dtype).eps) * unit
        correlation = fisher / scale[..., :, None] / scale[..., None, :] + ridge
        return xp.linalg.solve(correlation, (residual / scale)[..., None])[..., 0] / scale


def _first_largest(xp: Namespace, x: Array) -> Array:
    """Indicator of the largest entry along the last axis, the first of several."""
    return xp.astype(
        xp.arange(x.shape[-1], device=device(x)) == xp.argmax(x, axis=-1, keepdims=True), x.dtype
    )
