"""Bounds of rounding errors, from the condition numbers of the operations.

:func:`with_error` is the method of :class:`~ingd_ref.families.ExponentialFamily`, and ``family``
is the object it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace
from ingd_ref.families._edge import checked, checked_mean
from ingd_ref.families._formulas import Formulas

__all__ = ["OPERATIONS", "WithError", "with_error"]

# Operations whose derivatives, and so condition numbers, have a closed form.
OPERATIONS = ("log_partition", "mean", "natural_from_mean", "conjugate", "fisher", "inverse_fisher")
# The roundings of the longest formula, about twenty, add up like a random walk. The tests of
# accuracy use the same factor.
ROUNDINGS = 10.0


@dataclass(frozen=True, eq=False)
class WithError:
    """A value, its sensitivity, and a bound of its rounding error.

    Parameters
    ----------
    value : array (...)
        The result.
    sensitivity : array (...)
        Σ_j |a_j ∂value/∂a_j| for each entry, where a is the argument: the change of the entry, to
        first order, per relative change of the argument. Divided by |value| it is the condition
        number κ.
    error : array (...)
        10 u (|value| + sensitivity), with u the unit roundoff of the dtype: 10 (1 + κ) u relative
        to the value. Log-partition and conjugate functions pass through zero, so there |value| is
        at least 1.
    """

    value: Array
    sensitivity: Array
    error: Array


@_checks.guarded
def with_error(family: Formulas, operation: str, argument: Array) -> WithError:
    """Return the result of an operation with a bound of its rounding error.

    Each derivative is another operation of the family: ∇A = μ (E2), ∇μ = F (E3), ∇A* = θ and
    ∇θ = F⁻¹ (E4), (E6), ∇F = ∇³A.

    Parameters
    ----------
    operation : str
        "log_partition", "mean", "natural_from_mean", "conjugate", "fisher" or "inverse_fisher".
    argument : array (..., b)
        Mean parameters for "natural_from_mean" and "conjugate", natural parameters otherwise.

    Returns
    -------
    WithError
        ``value``, ``sensitivity`` and ``error``, arrays of the shape of the result.

    Raises
    ------
    OptionError
        If there is no such operation.
    DomainError
        If no member of the family has these parameters.

    Examples
    --------
    The variance is a difference of two numbers of size 1e8:

    >>> from ingd_ref.families import Gaussian
    >>> family = Gaussian()
    >>> mu = family.mean(family.natural(mean=1e4, variance=1.0))
    >>> found = family.with_error("natural_from_mean", mu)
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
    xp: Namespace, family: Formulas, operation: str, argument: Array, value: Array
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
    # (..., k, i, j)
    moved = xp.permute_dims(
        third, (*range(argument.ndim - 1), argument.ndim + 1, argument.ndim - 1, argument.ndim)
    )
    inverse = value[..., None, :, :]
    change = xp.matmul(inverse, xp.matmul(moved, inverse))
    return xp.sum(xp.abs(change * argument[..., :, None, None]), axis=-3)


def _summed(xp: Namespace, derivative: Array, argument: Array) -> Array:
    """Return Σ_j |a_j ∂/∂a_j| from the derivative (..., ·, b)."""
    extra = derivative.ndim - argument.ndim
    aligned = xp.reshape(argument, (*argument.shape[:-1], *(1,) * extra, argument.shape[-1]))
    return xp.sum(xp.abs(derivative * aligned), axis=-1)
