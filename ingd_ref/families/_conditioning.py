"""Values with the error that rounding can have made, from the condition number of the problem."""

from __future__ import annotations

from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._base import ExponentialFamily
from ingd_ref.families._edge import checked, checked_mean

__all__ = ["OPERATIONS", "WithError", "with_error"]

#: Operations whose derivative is known in closed form, and so their condition number.
OPERATIONS = ("log_partition", "mean", "natural_from_mean", "conjugate", "fisher", "inverse_fisher")
# Roundings of the longest formula, about twenty, add up like a random walk; the same factor judges
# the tests of accuracy.
ROUNDINGS = 10.0


@dataclass(frozen=True, eq=False)
class WithError:
    """A value, how sensitive it is, and how far rounding may have moved it.

    Parameters
    ----------
    value : array (...)
        The result.
    sensitivity : array (...)
        Σ_j |a_j ∂value/∂a_j| per entry, a the argument: by how much the entry changes, in first
        order, per relative change of the argument. Divided by |value| it is the condition number κ.
    error : array (...)
        10 u (|value| + sensitivity), that is, 10 (1 + κ) u relative, with u the unit of rounding of
        the dtype. Log-partition and conjugate, which pass through zero, count as 1 where they are
        smaller.
    """

    value: Array
    sensitivity: Array
    error: Array


def with_error(family: ExponentialFamily, operation: str, argument: Array) -> WithError:
    """Result of an operation with a bound of its rounding error.

    Each derivative is another operation of the family: ∇A = μ (E2), ∇μ = F (E3), ∇A* = θ and ∇θ =
    F⁻¹ (E4), (E6), ∇F = ∇³A.

    Parameters
    ----------
    family : ExponentialFamily
        Any family.
    operation : {"log_partition", "mean", "natural_from_mean", "conjugate", "fisher",
    "inverse_fisher"}
        Name of the method.
    argument : array (..., b)
        Its argument: natural parameters, or mean parameters for ``natural_from_mean`` and
        ``conjugate``.

    Returns
    -------
    WithError
        Its arrays have the shape of the result.

    Raises
    ------
    ShapeError, NonFiniteError, DomainError
    OptionError
        If there is no such operation.

    Examples
    --------
    >>> import numpy as np
    >>> import ingd_ref as ir
    >>> family = ir.families.Gaussian()
    >>> mu = family.mean(family.natural(mean=1e4, variance=1.0))
    >>> found = ir.families.with_error(family, "natural_from_mean", mu)  # the variance is the difference of two numbers of size 1e8
    >>> bool(1e-9 < found.error[1] < 1e-6), bool(abs(found.value[1] + 0.5) < found.error[1])
    (True, True)
    """
    _checks.choice(operation, "operation", OPERATIONS)
    value = getattr(family, operation)(argument)
    dual = operation in ("natural_from_mean", "conjugate")
    xp, argument = (checked_mean if dual else checked)(family, argument)
    sensitivity = _sensitivity(xp, family, operation, argument, value)
    size = xp.abs(value)
    if operation in ("log_partition", "conjugate"):
        size = xp.maximum(size, xp.ones_like(size))
    return WithError(
        value,
        sensitivity,
        ROUNDINGS * 0.5 * float(xp.finfo(value.dtype).eps) * (size + sensitivity),
    )


def _sensitivity(
    xp: Namespace, family: ExponentialFamily, operation: str, argument: Array, value: Array
) -> Array:
    if operation == "log_partition":
        return _summed(xp, family._mean(xp, argument), argument)
    if operation == "conjugate":
        return _summed(xp, family._natural_from_mean(xp, argument), argument)
    if operation == "mean":
        return _summed(xp, family._fisher(xp, argument), argument)
    if operation == "natural_from_mean":
        return _summed(xp, family._inverse_fisher(xp, value), argument)
    third = family._third_cumulant(xp, argument)
    if operation == "fisher":
        return _summed(xp, third, argument)
    moved = xp.permute_dims(
        third, (*range(argument.ndim - 1), argument.ndim + 1, argument.ndim - 1, argument.ndim)
    )  # (..., k, i, j)
    inverse = value[..., None, :, :]
    change = xp.matmul(inverse, xp.matmul(moved, inverse))
    return xp.sum(xp.abs(change * argument[..., :, None, None]), axis=-3)


def _summed(xp: Namespace, derivative: Array, argument: Array) -> Array:
    """Σ_j |∂/∂a_j a_j| over the last axis of the derivative (..., ·, b)."""
    extra = derivative.ndim - argument.ndim
    aligned = xp.reshape(argument, (*argument.shape[:-1], *(1,) * extra, argument.shape[-1]))
    return xp.sum(xp.abs(derivative * aligned), axis=-1)
