"""Exponential tilts of a user-defined measure: its statistics T and log-partition function A."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ingd_ref import _checks
from ingd_ref._special.cholesky import positive_definite
from ingd_ref.backend._namespace import Array, Namespace, device, item
from ingd_ref.errors import OptionError, ShapeError, SingularSystemError
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._common import any_mean
from ingd_ref.families._derivatives import complex_step_jacobian, extrapolated_derivative, half_size
from ingd_ref.families._parameters import Parameter, Requirements
from ingd_ref.families._projection import intersection
from ingd_ref.families._samples import reject_where

__all__ = ["ExponentialTilt"]

FUNCTIONS = (
    *("T", "A", "gradient", "hessian", "log_h", "mean_log_h"),
    *("jacobian", "domain", "support", "draw"),
)

Function = Callable[[Namespace, Array], Array]

# The divergence is an integral of the Fisher information along a straight line. This rule is exact
# for polynomials of degree 39.
NODES = 20
# While the Fisher information along the line changes by a factor of EVEN at most, the integral is
# as accurate as F: between −1.3 and 1.3 for log cosh, whose poles are at ±πi/2, and between t and
# 2t for log t, the rule leaves 2e-15. The three terms of (E5) are then used only where their sum
# is more than PLAIN of their sizes and of one, since a user's A may have lost what is small
# against one. Farther apart they are used wherever the sum is more than LITERAL of their sizes,
# which costs two digits at most.
EVEN = 4.0
PLAIN = 0.1
LITERAL = 1e-2
# Rounding errors of a mean, in units of ε, that reach a difference quotient of it.
NOISE = 1024.0


@dataclass(frozen=True)
class ExponentialTilt(ExponentialFamily):
    r"""User-defined family h(x) exp(⟨θ, T(x)⟩ − A(θ)).

    Every function takes the namespace of the arrays first, and arrays with any batch shape. Only T
    and A are needed. By default ∇A comes from a complex step, which is exact if A is made of
    analytic operations, and ∇²A from extrapolated differences of ∇A, with a relative error of about
    1e-12 in float64.

    .. math::
        (\nabla A)^{-1}(\mu) &= \operatorname{argmin}_\theta A(\theta) - \langle\theta, \mu\rangle
            & \text{(E6)} \\
        \mathrm{KL}(\theta\,\|\,\theta') &= \int_0^1 (1 - s)\, \delta^\top F(\theta
            + s\delta)\, \delta \,ds, \quad
            \delta = \theta' - \theta & \text{(E5)}

    Newton's method finds the minimum. The integral, by Gauss's rule, is used where F hardly changes
    between the members, or where the three terms of (E5) would cancel.

    Parameters
    ----------
    T : callable
        Statistics: maps points (..., d) to (..., b).
    A : callable
        Log-partition function: maps θ (..., b) to (...).
    origin : sequence of float
        Natural parameters of some member, from which Newton's method starts; its length is b.
    gradient : callable, optional
        ∇A: maps θ (..., b) to (..., b).
    hessian : callable, optional
        ∇²A: maps θ (..., b) to (..., b, b).
    dimension : int ≥ 1
        Dimension d of a point. Default 1.
    log_h : callable, optional
        Logarithm of the base measure: maps points (..., d) to (...). Default: 0.
    mean_log_h : callable, optional
        E_θ[log h]: maps θ (..., b) to (...). Needed for the entropy if ``log_h`` is given.
    jacobian : callable, optional
        ∇T: maps points (..., d) to (..., d, b). Default: by a complex step.
    domain : callable, optional
        Whether θ (..., b) is a natural parameter, (...) of bool. Default: every θ is.
    support : callable, optional
        Whether points (..., d) are in the support, (...) of bool. Default: all are.
    draw : callable, optional
        Maps a generator, a batch shape (...) and host parameters θ that broadcast with it, (...,
        b), to points (..., d); sampling needs it.
    label : str
        Name of the family in messages. Default "exponential tilt".

    Raises
    ------
    OptionError
        If an operation needs a function that was not given.

    Examples
    --------
    A spin, ±1 with equal weights, tilted by x itself:

    >>> import numpy as np
    >>> spin = ExponentialTilt(
    ...     T=lambda xp, x: x, A=lambda xp, theta: xp.log(xp.cosh(theta[..., 0])), origin=(0.0,)
    ... )
    >>> mu = spin.mean(np.array([0.5]))
    >>> mu.round(12), spin.natural_from_mean(mu).round(10)
    (array([0.46211716]), array([0.5]))
    """

    T: Function
    A: Function
    origin: tuple[float, ...]
    gradient: Function | None = None
    hessian: Function | None = None
    dimension: int = 1
    log_h: Function | None = None
    mean_log_h: Function | None = None
    jacobian: Function | None = None
    domain: Function | None = None
    support: Function | None = None
    draw: Callable[[np.random.Generator, tuple[int, ...], np.ndarray], np.ndarray] | None = None
    label: str = "exponential tilt"

    @classmethod
    def examples(cls) -> tuple[ExponentialTilt, ...]:
        """The spin of the example above: once with T and A alone, once with everything."""
        bare = cls(
            T=lambda xp, x: x,
            A=_log_cosh,
            origin=(0.0,),
            support=_is_spin,
            draw=_draw_spin,
            label="spin from T and A",
        )
        full = cls(
            T=lambda xp, x: x,
            A=_log_cosh,
            origin=(0.0,),
            gradient=lambda xp, theta: xp.tanh(theta),
            hessian=lambda xp, theta: (1.0 / xp.cosh(theta) ** 2)[..., None],
            support=_is_spin,
            draw=_draw_spin,
            label="spin",
        )
        return (bare, full)

    def example_parameters(self) -> dict[str, np.ndarray]:
        """Return four members, each parameter within one of the origin."""
        return {
            "theta": np.asarray(self.origin)
            + 0.5 * np.sin(np.arange(1.0, 4 * self.number + 1)).reshape(4, self.number)
        }

    def __post_init__(self) -> None:
        given = _checks.sequence(self.origin, "origin", "float")
        object.__setattr__(self, "origin", tuple(_checks.number(v, "origin") for v in given))
        if not given:
            raise ShapeError("origin must hold at least one natural parameter")
        for name in FUNCTIONS:
            if name in ("T", "A") or getattr(self, name) is not None:
                _checks.function(getattr(self, name), name)
        _checks.instance(self.label, "label", str, "a str")
        object.__setattr__(self, "dimension", _checks.positive_integer(self.dimension, "dimension"))

    @property
    def name(self) -> str:
        """The label."""
        return self.label

    @property
    def dim(self) -> int:
        """Dimension of a point."""
        return self.dimension

    @property
    def number(self) -> int:
        """Number of statistics."""
        return len(self.origin)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters themselves."""
        return (Parameter("theta", shape=(self.number,)),)

    _mean_domain = any_mean

    def _natural(self, xp: Namespace, theta: Array) -> Array:
        return theta

    def _classical(self, xp: Namespace, theta: Array) -> dict[str, Array]:
        return {"theta": theta}

    def _domain(self, xp: Namespace, theta: Array) -> Requirements:
        return (
            {} if self.domain is None else {"the condition that was given": self.domain(xp, theta)}
        )

    def _support(self, xp: Namespace, x: Array) -> Requirements:
        return {} if self.support is None else {"the condition that was given": self.support(xp, x)}

    def _statistics(self, xp: Namespace, x: Array) -> Array:
        return self.T(xp, x)

    def _statistics_jacobian(self, xp: Namespace, x: Array) -> Array:
        if self.jacobian is not None:
            return self.jacobian(xp, x)
        return xp.matrix_transpose(
            complex_step_jacobian(xp, lambda xp, x: self.T(xp, x), {"x": x}, {"x": (self.dim,)})
        )

    def _log_base_measure(self, xp: Namespace, x: Array) -> Array:
        return xp.zeros_like(x[..., 0]) if self.log_h is None else self.log_h(xp, x)

    def _log_partition(self, xp: Namespace, theta: Array) -> Array:
        return self.A(xp, theta)

    def _mean(self, xp: Namespace, theta: Array) -> Array:
        if self.gradient is not None:
            return self.gradient(xp, theta)

        def values(xp: Namespace, theta: Array) -> Array:
            return self.A(xp, theta)[..., None]

        shapes = {"theta": (self.number,)}
        return complex_step_jacobian(xp, values, {"theta": theta}, shapes)[..., 0, :]

    def _natural_from_mean(self, xp: Namespace, mu: Array) -> Array:
        start = xp.asarray(self.origin, dtype=mu.dtype, device=device(mu))
        return intersection(
            xp, self, start, xp.eye(self.number, dtype=mu.dtype, device=device(mu)), mu
        ).theta

    def _fisher(self, xp: Namespace, theta: Array) -> Array:
        if self.hessian is not None:
            return self.hessian(xp, theta)
        ones = xp.ones_like(theta)
        tensor = extrapolated_derivative(
            xp,
            lambda t: self._mean(xp, t)[..., None],
            lambda t: self._contains(xp, t),
            theta,
            half_size(xp, theta) * ones,
            ones[..., None],
        )[..., 0, :]
        return 0.5 * (tensor + xp.matrix_transpose(tensor))

    def _resolved_fisher(self, xp: Namespace, theta: Array) -> Array:
        """Return the Fisher matrix if its rounding errors leave it invertible."""
        fisher = self._fisher(xp, theta)
        if self.hessian is None:
            size = xp.max(xp.abs(self._mean(xp, theta)), axis=-1, keepdims=True)
            noise = NOISE * float(xp.finfo(theta.dtype).eps) * xp.maximum(size, xp.ones_like(size))
            kept = xp.all(xp.linalg.diagonal(fisher) > noise, axis=-1)
            if not item(xp.all(kept & positive_definite(xp, fisher))):
                raise SingularSystemError(
                    f"the Fisher matrix of {self.name}, a difference of means, is lost in their "
                    "rounding; give the hessian of A"
                )
        return fisher

    def _inverse_fisher(self, xp: Namespace, theta: Array) -> Array:
        return xp.linalg.inv(self._resolved_fisher(xp, theta))

    def _natural_gradient(self, xp: Namespace, theta: Array, grad: Array) -> Array:
        return xp.linalg.solve(self._resolved_fisher(xp, theta), grad[..., None])[..., 0]

    def _kl(self, xp: Namespace, theta1: Array, theta2: Array) -> Array:
        difference = theta2 - theta1
        integral = xp.zeros_like(difference[..., 0])
        most, least = integral, xp.full_like(integral, float("inf"))
        for node, weight in zip(*np.polynomial.legendre.leggauss(NODES), strict=True):
            s = 0.5 * (1.0 + float(node))
            curvature = xp.sum(
                difference * self._fisher_vector_product(xp, theta1 + s * difference, difference),
                axis=-1,
            )
            most, least = xp.maximum(most, curvature), xp.minimum(least, curvature)
            integral = integral + 0.5 * float(weight) * (1.0 - s) * curvature
        terms = (
            self.A(xp, theta2),
            -self.A(xp, theta1),
            -xp.sum(difference * self._mean(xp, theta1), axis=-1),
        )
        literal = terms[0] + terms[1] + terms[2]
        size = xp.abs(terms[0]) + xp.abs(terms[1]) + xp.abs(terms[2])
        kept = xp.where(
            most > EVEN * least, literal > LITERAL * size, literal > PLAIN * (1.0 + size)
        )
        return xp.where(kept, literal, integral)

    def _entropy(self, xp: Namespace, theta: Array) -> Array:
        if self.log_h is not None and self.mean_log_h is None:
            raise OptionError(f"the entropy of {self.name} needs mean_log_h, the mean of its log_h")
        return -self._conjugate(xp, theta) - (
            0.0 if self.mean_log_h is None else self.mean_log_h(xp, theta)
        )

    def _fit(self, xp: Namespace, x: Array, weights: Array) -> Array:
        """Estimate from the mean, unless rounding cannot tell it from means of no member.

        There the step of Newton's method that rounding asks for changes F by a factor.
        """
        mu = xp.sum(weights * self._statistics(xp, x), axis=-2)
        theta = self._natural_from_mean(xp, mu)
        rounding = float(xp.finfo(mu.dtype).eps) * xp.abs(mu)
        gap = mu - self._mean(xp, theta)
        step = self._natural_gradient(xp, theta, xp.where(gap < 0, gap - rounding, gap + rounding))
        inside = xp.all(xp.isfinite(step), axis=-1) & self._contains(xp, theta + step)
        moved = theta + xp.where(inside[..., None], step, xp.zeros_like(step))
        before, after = (
            xp.sum(step * self._fisher_vector_product(xp, place, step), axis=-1)
            for place in (theta, moved)
        )
        steady = inside & (after <= 2.0 * before) & (before <= 2.0 * after)
        reason = "its mean lies on the boundary of the possible means, up to rounding"
        reject_where(xp, self.name, {reason: ~steady})
        return theta

    def _draw(
        self, rng: np.random.Generator, size: tuple[int, ...], theta: np.ndarray
    ) -> np.ndarray:
        if self.draw is None:
            raise OptionError(f"samples of {self.name} need draw, a sampler")
        return self.draw(rng, size, theta)


def _log_cosh(xp: Namespace, theta: Array) -> Array:
    return xp.log(xp.cosh(theta[..., 0]))


def _is_spin(xp: Namespace, x: Array) -> Array:
    return xp.all(x * x == 1.0, axis=-1)


def _draw_spin(rng: np.random.Generator, size: tuple[int, ...], theta: np.ndarray) -> np.ndarray:
    return np.where(2.0 * rng.random((*size, 1)) < 1.0 + np.tanh(theta), 1.0, -1.0)
