"""The arithmetic of the direct evaluation: extended precision, and the complex step."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["COMPLEX", "REAL", "STEP", "Array", "real"]

Array = np.ndarray[Any, Any]

#: 64 bits of mantissa on x86 processors, about three decimal digits more than float64; on some
#: others it is float64 itself.
REAL = np.longdouble
COMPLEX = np.clongdouble
#: A complex step has no cancellation, so it may be so small that its truncation error, of relative
#: size h², is below any rounding error.
STEP = 1e-30


def real(x: Any) -> Array:
    """Convert to extended precision."""
    return np.asarray(x, dtype=REAL)
