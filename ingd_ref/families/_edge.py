"""Checks of arguments at the public edge of a family, and what rounding requires of its results."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from operator import and_

import numpy as np

from ingd_ref import _checks
from ingd_ref._special._extremes import moderate
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item, to_host
from ingd_ref.errors import ShapeError, SingularSystemError
from ingd_ref.families._blocks import in_blocks
from ingd_ref.families._formulas import Formulas
from ingd_ref.families._parameters import Requirements, require

__all__ = [
    "batch_shape",
    "checked",
    "checked_mean",
    "checked_pair",
    "checked_points",
    "checked_sample",
    "checked_vector",
    "contained",
    "host_parameters",
    "matrix",
    "moved_inside",
    "require_estimate",
    "require_member",
    "require_support",
    "rows",
    "solved",
]


def rows(xp: Namespace, x: Array, label: str, length: int, like: Array | None = None) -> Array:
    """Return ``x`` in a floating type if it is finite and its last axis has the given length."""
    x = _checks.as_array(x, label)
    if x.ndim == 0 or x.shape[-1] != length:
        one_dimensional = label == "x" and length == 1 and x.ndim == 1
        hint = f"; for one-dimensional points pass {label}[:, None]" if one_dimensional else ""
        raise ShapeError(f"{label} must have shape (..., {length}), got {tuple(x.shape)}{hint}")
    return _checks.finite(_checks.real_array(x, label, xp, like), label, xp)


def batch_shape(**arrays: Array) -> tuple[int, ...]:
    """Return the shape to which the batch shapes (all axes but the last) broadcast."""
    shapes = [tuple(value.shape[:-1]) for value in arrays.values()]
    if all(shape == shapes[0] for shape in shapes):
        return shapes[0]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        described = " and ".join(f"{name} {tuple(value.shape)}" for name, value in arrays.items())
        raise ShapeError(f"the batch shapes of {described} do not broadcast") from None


def require_member(xp: Namespace, family: Formulas, theta: Array, label: str = "theta") -> None:
    """Raise :class:`DomainError` unless θ are natural parameters of members."""
    space = f"the natural parameter space of {family.name}"
    require(xp, family._domain(xp, theta), label, space, theta)


def checked(family: Formulas, theta: Array) -> tuple[Namespace, Array]:
    """Return the namespace, and natural parameters of members."""
    xp = array_namespace(theta=theta)
    theta = rows(xp, theta, "theta", family.number)
    require_member(xp, family, theta)
    return xp, theta


def checked_pair(
    family: Formulas, theta1: Array, theta2: Array, labels: tuple[str, str] = ("theta1", "theta2")
) -> tuple[Namespace, Array, Array]:
    """Return the namespace, and natural parameters of two batches of members that broadcast."""
    xp = array_namespace(**dict(zip(labels, (theta1, theta2), strict=True)))
    theta1 = rows(xp, theta1, labels[0], family.number)
    theta2 = rows(xp, theta2, labels[1], family.number, like=theta1)
    require_member(xp, family, theta1, labels[0])
    require_member(xp, family, theta2, labels[1])
    batch_shape(**dict(zip(labels, (theta1, theta2), strict=True)))
    return xp, theta1, theta2


def checked_vector(
    family: Formulas, theta: Array, vector: Array, label: str
) -> tuple[Namespace, Array, Array]:
    """Return the namespace, natural parameters of members, and vectors (..., b) at them."""
    xp = array_namespace(**{"theta": theta, label: vector})
    theta = rows(xp, theta, "theta", family.number)
    vector = rows(xp, vector, label, family.number, like=theta)
    require_member(xp, family, theta)
    batch_shape(**{"theta": theta, label: vector})
    return xp, theta, vector


def checked_mean(family: Formulas, mu: Array, label: str = "mu") -> tuple[Namespace, Array]:
    """Return the namespace, and mean parameters of members."""
    xp = array_namespace(**{label: mu})
    mu = rows(xp, mu, label, family.number)

    def inside(xp: Namespace, mu: Array) -> Array:
        everywhere = xp.ones_like(mu[..., 0], dtype=xp.bool)
        return reduce(and_, family._mean_domain(xp, mu).values(), everywhere)

    # Some of these conditions cost as much as a formula, so large batches use all cores.
    if mu.ndim == 1 or not item(xp.all(in_blocks(xp, inside, mu))):
        space = f"the mean parameter space of {family.name}"
        require(xp, _requirements(xp, family._mean_domain, mu), label, space, mu)
    return xp, mu


def checked_points(family: Formulas, x: Array) -> tuple[Namespace, Array]:
    """Return the namespace, and points of the support."""
    xp = array_namespace(x=x)
    return xp, _supported(xp, family, x)


def checked_sample(family: Formulas, theta: Array, x: Array) -> tuple[Namespace, Array, Array]:
    """Return the namespace, natural parameters of members, and points in the type of these."""
    xp = array_namespace(theta=theta, x=x)
    theta = rows(xp, theta, "theta", family.number)
    require_member(xp, family, theta)
    x = _supported(xp, family, x, like=theta)
    batch_shape(theta=theta, x=x)
    return xp, theta, x


def _supported(xp: Namespace, family: Formulas, x: Array, like: Array | None = None) -> Array:
    x = rows(xp, x, "x", family.dim, like)
    require_support(xp, family, x)
    return x


def require_estimate(xp: Namespace, family: Formulas, theta: Array) -> None:
    """Raise :class:`DomainError` unless the θ of a fit is a member in its floating type."""
    finite = xp.all(xp.isfinite(theta), axis=-1)
    if item(xp.all(finite)) and item(xp.all(contained(family, xp, theta))):
        return
    safe = xp.where(finite[..., None], theta, xp.zeros_like(theta))
    requirements = {"every number is finite": finite, **family._domain(xp, safe)}
    space = f"the natural parameters of {family.name} that {theta.dtype} can hold"
    require(xp, requirements, "the estimate of theta from x", space, theta)


def require_support(xp: Namespace, family: Formulas, x: Array) -> None:
    """Raise :class:`DomainError` unless finite points (..., d) lie in the support."""
    require(xp, family._support(xp, x), "x", f"the support of {family.name}", x)


def contained(family: Formulas, xp: Namespace, theta: Array) -> Array:
    """Where finite vectors θ are natural parameters of members (...)."""
    inside = xp.ones_like(theta[..., 0], dtype=xp.bool)
    for holds in family._domain(xp, theta).values():
        inside = inside & holds
    return inside


def _requirements(
    xp: Namespace, conditions: Callable[[Namespace, Array], Requirements], vector: Array
) -> Requirements:
    """Return where each of the conditions holds for finite vectors (..., b) of any size."""
    if moderate(xp, vector):
        return conditions(xp, vector)
    names: list[str] = []

    def stacked(xp: Namespace, vector: Array) -> Array:
        found = conditions(xp, vector)
        names[:] = found
        return xp.stack([xp.ones_like(vector[..., 0], dtype=xp.bool), *found.values()], axis=-1)

    holds = in_blocks(xp, stacked, vector)
    return {name: holds[..., k] for k, name in enumerate(names, 1)}


def host_parameters(family: Formulas, theta: Array) -> dict[str, np.ndarray]:
    """Classical parameters of checked natural ones, on the host, in float64.

    Some are not numbers in float32, such as the square of a scale.
    """
    host = to_host(theta).astype(np.float64)
    values = family._classical(array_namespace(theta=host), host)
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}


def solved(function: Callable[..., Array], fisher: Array, *others: Array) -> Array:
    """Return an inverse of the Fisher information, or what it is applied to."""
    try:
        return function(fisher, *others)
    except np.linalg.LinAlgError:
        raise SingularSystemError(
            "the Fisher information of theta is singular to working precision"
        ) from None


def matrix(xp: Namespace, entries: Sequence[Sequence[Array]]) -> Array:
    """Stack entries of shape (...) into matrices (..., r, c)."""
    return xp.stack([xp.stack(list(row), axis=-1) for row in entries], axis=-2)


def moved_inside(xp: Namespace, x: Array, lower: float, upper: float) -> Array:
    """Move points that rounded to an end of the open interval to the number next to it."""
    info = xp.finfo(x.dtype)
    if not math.isinf(lower):
        x = xp.clip(x, min=lower + max(float(info.smallest_normal), abs(lower) * float(info.eps)))
    if not math.isinf(upper):
        x = xp.clip(
            x, max=upper - max(float(info.smallest_normal), abs(upper) * float(info.eps) / 2)
        )
    return x
