"""Terms that overflow far out while they still outgrow the density, so that nothing is known."""

from __future__ import annotations

import math

import numpy as np

from ingd_ref.backend._namespace import Array, Namespace, array_namespace, item, to_backend
from ingd_ref.errors import NonFiniteError
from ingd_ref.variational._terms import Predictors

__all__ = ["require_no_overflow"]

# Standard deviations within which terms are watched.
FAR = 27648.0
# Bisections until the place of the overflow is known to rounding.
ROUNDS = 60


def require_no_overflow(given: Predictors) -> None:
    """Raise if a term is not finite from some place on, and outgrows the density up to there.

    e^t overflows at 709. For t ~ N(0, s²) its weight is at s², so the expectation is lost if that
    is larger. A term that overflows where it falls off already is harmless.
    """
    xp = array_namespace(mean=given.mean)
    sides = to_backend(np.array([-1.0, 1.0]), like=given.mean)
    finite = _finite(xp, given, FAR * sides)
    if item(xp.all(finite)):
        return
    inner, outer = (xp.zeros_like(given.mean)[..., None] * sides + z for z in (0.0, FAR))
    for _ in range(ROUNDS):
        middle = 0.5 * (inner + outer)
        below = _finite(xp, given, middle * sides)
        inner, outer = xp.where(below, middle, inner), xp.where(below, outer, middle)
    last, before = (_logarithms(xp, given, z * sides) for z in (inner, (1.0 - 1e-3) * inner))
    # The logarithm of the density falls by z²/1000.
    rising = ~finite[..., None] & (last - before > 1e-3 * (inner * inner)[..., None])
    # A pole or the end of the domain of a logarithm is no overflow.
    rising = rising & (last > 0.5 * math.log(float(xp.finfo(last.dtype).max)))
    bad = xp.any(rising, axis=(-2, -1))
    if item(xp.any(bad)):
        raise NonFiniteError(
            f"the terms of {int(item(xp.sum(xp.astype(bad, xp.int64))))} data are not finite or "
            "overflow where the predictor has weight, or may have; a narrower Gaussian may help"
        )


def _at(xp: Namespace, given: Predictors, z: Array) -> Array:
    """Return the terms (..., n, k, 3) at z (..., n, k) standard deviations from the means."""
    places = given.mean[..., None] + given.deviation[..., None] * z
    return xp.stack(list(given.terms(places)), axis=-1)


def _finite(xp: Namespace, given: Predictors, z: Array) -> Array:
    """Return where all three terms are finite (..., n, k)."""
    return xp.all(xp.isfinite(_at(xp, given, z)), axis=-1)


def _logarithms(xp: Namespace, given: Predictors, z: Array) -> Array:
    """Return the logarithms of the sizes of the terms (..., n, k, 3)."""
    return xp.log(xp.abs(_at(xp, given, z)))
