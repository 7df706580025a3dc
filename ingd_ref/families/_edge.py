"""What happens to arguments and results at the public edge of a family: checks and copies before the formulas, roundings after them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ingd_ref import _checks
from ingd_ref.backend._namespace import Array, Namespace, array_namespace, to_host
from ingd_ref.errors import ShapeError
from ingd_ref.families._formulas import Formulas
from ingd_ref.families._parameters import require

__all__ = [
    "broadcastable",
    "checked",
    "checked_mean",
    "checked_pair",
    "checked_points",
    "contained",
    "host_parameters",
    "matrix",
    "moved_inside",
    "rows",
]

# Whatever is checked is a copy, so that no result can share memory with an argument, not even where
# a formula is the identity.


def rows(xp: Namespace, x: Array, label: str, length: int, like: Array | None = None) -> Array:
    """Return a finite floating copy of ``x`` whose last axis has the given length."""
    if x.ndim == 0 or x.shape[-1] != length:
        hint = (
            f"; for one-dimensional points pass {label}[:, None]"
            if label == "x" and length == 1 and x.ndim == 1
            else ""
        )
        raise ShapeError(f"{label} must have shape (..., {length}), got {tuple(x.shape)}{hint}")
    return xp.asarray(_checks.finite(_checks.real_array(x, label, xp, like), label, xp), copy=True)


def broadcastable(**arrays: Array) -> None:
    """Raise :class:`ShapeError` unless the batch shapes (all axes but the last) broadcast."""
    try:
        np.broadcast_shapes(*(tuple(value.shape[:-1]) for value in arrays.values()))
    except ValueError:
        described = " and ".join(f"{name} {tuple(value.shape)}" for name, value in arrays.items())
        raise ShapeError(f"the batch shapes of {described} do not broadcast") from None


def checked(
    family: Formulas, theta: Array, label: str = "theta", like: Array | None = None
) -> tuple[Namespace, Array]:
    """Natural parameters of members, and their namespace."""
    xp = array_namespace(**{label: theta})
    theta = rows(xp, theta, label, family.number, like)
    require(
        xp, family._domain(xp, theta), label, f"the natural parameter space of {family.name}", theta
    )
    return xp, theta


def checked_pair(family: Formulas, theta1: Array, theta2: Array) -> tuple[Namespace, Array, Array]:
    """Natural parameters of two batches of members that broadcast."""
    array_namespace(theta1=theta1, theta2=theta2)
    xp, theta1 = family._checked(theta1, "theta1")
    _, theta2 = family._checked(theta2, "theta2", like=theta1)
    broadcastable(theta1=theta1, theta2=theta2)
    return xp, theta1, theta2


def checked_mean(family: Formulas, mu: Array) -> tuple[Namespace, Array]:
    """Mean parameters of members."""
    xp = array_namespace(mu=mu)
    mu = rows(xp, mu, "mu", family.number)
    require(xp, family._mean_domain(xp, mu), "mu", f"the mean parameter space of {family.name}", mu)
    return xp, mu


def checked_points(
    family: Formulas, x: Array, like: Array | None = None
) -> tuple[Namespace, Array]:
    """Points of the support."""
    xp = array_namespace(x=x)
    x = rows(xp, x, "x", family.dim, like)
    require(xp, family._support(xp, x), "x", f"the support of {family.name}", x)
    return xp, x


def contained(family: Formulas, xp: Namespace, theta: Array) -> Array:
    """Where finite vectors θ are natural parameters of members, (...)."""
    inside = xp.ones_like(theta[..., 0], dtype=xp.bool)
    for holds in family._domain(xp, theta).values():
        inside = inside & holds
    return inside


def host_parameters(family: Formulas, theta: Array) -> dict[str, np.ndarray]:
    """Classical parameters of checked natural ones, moved to the host, in float64."""
    values = family._classical(array_namespace(theta=theta), theta)
    return {
        parameter.name: to_host(values[parameter.name]).astype(np.float64)
        for parameter in family.parameters
    }


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
