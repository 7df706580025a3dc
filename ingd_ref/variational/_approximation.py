"""The interface of Gaussian approximations, whatever the form of their precision."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Self

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, device, is_array, item
from ingd_ref.errors import DomainError, OptionError, ShapeError
from ingd_ref.variational._curvature import Curvature, DenseCurvature
from ingd_ref.variational._linear_algebra import matvec

__all__ = [
    "STEPS",
    "Expected",
    "ExpectedError",
    "GaussianApproximation",
    "as_vectors",
    "require_positive",
]

# How a step changes a precision: along a straight line in natural parameters, or so that it stays
# positive definite.
STEPS = ("standard", "positive")


@dataclass(frozen=True, eq=False)
class ExpectedError:
    r"""Estimates of the errors of expectations over data, larger than the errors.

    They are sums over data of quadrature and rounding errors, whatever their signs. The rounding of
    the sums themselves, and of the prior, is not in them.

    Attributes
    ----------
    value : array (...)
        Of E_q[ℓ], in nats.
    gradient : array (..., d)
        Of the entries of E_q[∇ℓ].
    curvature : array (..., d)
        Of the diagonal of T = −E_q[∇²ℓ]; the error of the entry (a, b) is at most
        :math:`\sqrt{c_a c_b}` for entries c of this vector.
    length : array (...)
        Of the Fisher norm of the natural gradient, whose square is
        ``squared_gradient`` of the approximation.
    """

    value: Array
    gradient: Array
    curvature: Array
    length: Array


@dataclass(frozen=True, eq=False)
class Expected:
    """Expectations of ℓ under the current approximation q, the input of a natural-gradient step.

    Attributes
    ----------
    value : array (...)
        E_q[ℓ], in nats.
    gradient : array (..., d)
        E_q[∇ℓ].
    curvature : array (..., d, d)
        T = −E_q[∇²ℓ], symmetric; the average with its transpose is taken. Models of the package
        give objects that keep its structure instead.
    estimate : callable, optional
        Computes :attr:`error`. Models of linear predictors give one.
    """

    value: Array
    gradient: Array
    curvature: Curvature
    estimate: Callable[[], ExpectedError] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        xp = array_namespace(value=self.value, gradient=self.gradient)
        value = _checks.real_array(self.value, "value", xp)
        gradient = _checks.real_array(self.gradient, "gradient", xp)
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "gradient", gradient)
        if isinstance(self.curvature, type) or not (
            is_array(self.curvature) or hasattr(self.curvature, "diagonal")
        ):
            found = _checks.shown(self.curvature)
            raise OptionError(f"curvature must be an array or a Curvature, got {found}")
        if is_array(self.curvature):
            object.__setattr__(self, "curvature", DenseCurvature(self.curvature))

    @cached_property
    def error(self) -> ExpectedError | None:
        """How far the expectations may be off, computed at the first access.

        ``None`` for :class:`Sampling`, whose errors are those of means of random numbers, and for
        models that give no estimate.
        """
        return None if self.estimate is None else self.estimate()


class GaussianApproximation(ABC):
    r"""A Gaussian q = N(m, P⁻¹) on R^d, or a batch of them, that natural-gradient steps change.

    Results have the library, the device and the floating-point type of the mean. Subclasses decide
    how the precision P is kept.
    """

    mean: Array

    @property
    def dim(self) -> int:
        """Dimension d."""
        return int(self.mean.shape[-1])

    @property
    def batch(self) -> tuple[int, ...]:
        """Batch shape."""
        return tuple(self.mean.shape[:-1])

    @property
    @abstractmethod
    def precision(self) -> Array:
        """P as a matrix (..., d, d)."""

    @property
    @abstractmethod
    def variance(self) -> Array:
        """Diagonal of P⁻¹ (..., d)."""

    @property
    @abstractmethod
    def log_det_precision(self) -> Array:
        """Logarithm of det P (...)."""

    @property
    @abstractmethod
    def condition(self) -> Array:
        """Condition number of P (...): its largest eigenvalue over its smallest."""

    @abstractmethod
    def solve(self, columns: Array) -> Array:
        """Return P⁻¹X (..., d, k) for columns X (..., d, k)."""

    @abstractmethod
    def product(self, columns: Array) -> Array:
        """Return PX (..., d, k) for columns X (..., d, k)."""

    @abstractmethod
    def predictor_variance(self, design: Array) -> Array:
        """Return the variances a_iᵀP⁻¹a_i (..., n) of predictors, for rows a_i of (..., n, d)."""

    @abstractmethod
    def coloured(self, noise: Array) -> Array:
        """Return deviations (..., s, d) with covariance P⁻¹ from standard normal numbers."""

    @abstractmethod
    def curvature_gap(self, curvature: Curvature) -> Array:
        """Return the squared Fisher norm ½ tr[(P⁻¹(T − P))²] (...) of the change to T."""

    @abstractmethod
    def with_precision_towards(self, curvature: Curvature, step_size: float, step: str) -> Self:
        """Return the same mean, with a precision moved towards T by ``step_size``."""

    def moved_to(self, mean: Array) -> Self:
        """Return the same precision, with another mean (..., d)."""
        return self._changed(mean=mean)

    @classmethod
    def _made(cls, **values: Array) -> Self:
        """Return an approximation of checked arrays."""
        made = object.__new__(cls)
        for name, value in values.items():
            object.__setattr__(made, name, value)
        return made

    def _changed(self, **values: Array) -> Self:
        """Return a copy with other fields, which only have to be finite and of the same shape."""
        xp = array_namespace(mean=self.mean)
        kept = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        for name, value in values.items():
            if tuple(value.shape) != tuple(kept[name].shape):
                shapes = tuple(kept[name].shape), tuple(value.shape)
                raise ShapeError(f"{name} must keep its shape {shapes[0]}, got {shapes[1]}")
            _checks.finite(value, name, xp)
        return self._made(**(kept | values))

    @property
    def covariance(self) -> Array:
        """P⁻¹ (..., d, d)."""
        xp = array_namespace(mean=self.mean)
        unit = xp.eye(self.dim, dtype=self.mean.dtype, device=device(self.mean))
        found = self.solve(xp.broadcast_to(unit, (*self.batch, self.dim, self.dim)))
        return 0.5 * (found + xp.matrix_transpose(found))

    @property
    def entropy(self) -> Array:
        """Entropy ½d(1 + log 2π) − ½ log det P (...), in nats."""
        return 0.5 * (self.dim * (1.0 + math.log(2.0 * math.pi)) - self.log_det_precision)

    def predictor_mean(self, design: Array) -> Array:
        """Return the means a_iᵀm (..., n) of predictors, for rows a_i of a design (..., n, d)."""
        if design.shape[-1] != self.dim:
            raise ShapeError(
                f"the design has {design.shape[-1]} columns, but the approximation has dimension "
                f"{self.dim}"
            )
        return matvec(array_namespace(mean=self.mean, design=design), design, self.mean)

    def squared_gradient(self, expected: Expected) -> Array:
        r"""Return the squared Fisher length (...) of the natural gradient (E7) of the ELBO.

        .. math:: \mathbb E[\nabla\ell]^\top P^{-1}\, \mathbb E[\nabla\ell]
                  + ½\operatorname{tr}[(P^{-1}(T - P))^2]

        To second order a full step gains half of it, in nats. For :class:`LowRankGaussian` the
        trace is that of the diagonals, since the projection on low rank keeps the rest of T − P
        from vanishing.
        """
        xp = array_namespace(mean=self.mean, gradient=expected.gradient)
        column = expected.gradient[..., None]
        gap = self.curvature_gap(expected.curvature)
        return xp.sum(column * self.solve(column), axis=(-2, -1)) + gap


def required(q: object) -> GaussianApproximation:
    """Return ``q`` if it is a Gaussian approximation."""
    what = "a FullGaussian, MeanFieldGaussian or LowRankGaussian"
    checked: GaussianApproximation = _checks.instance(q, "q", GaussianApproximation, what)
    return checked


def required_expectations(expected: object) -> Expected:
    """Return ``expected`` if it holds expectations."""
    checked: Expected = _checks.instance(expected, "expected", Expected, "an Expected")
    return checked


def as_vectors(xp: Namespace, values: Array, name: str, like: Array | None = None) -> Array:
    """Return a finite floating-point copy of vectors (..., d), d ≥ 1."""
    values = _checks.as_array(values, name)
    if values.ndim == 0 or 0 in values.shape:
        raise ShapeError(
            f"{name} must have shape (..., d) with d ≥ 1 and no empty axis, "
            f"got {tuple(values.shape)}"
        )
    return xp.asarray(
        _checks.finite(_checks.real_array(values, name, xp, like), name, xp), copy=True
    )


def require_positive(xp: Namespace, values: Array, name: str) -> None:
    """Raise DomainError unless every entry is positive."""
    if not item(xp.all(values > 0)):
        smallest = item(xp.min(values))
        raise DomainError(f"{name} must be positive, got a smallest entry of {smallest:g}")
