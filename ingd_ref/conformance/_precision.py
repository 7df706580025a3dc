"""The arithmetic of the direct evaluation: extended precision."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["REAL", "Array", "real"]

Array = np.ndarray[Any, Any]

#: 64 bits of mantissa on x86 processors, about three decimal digits more than float64; on some
#: others it is float64 itself.
REAL = np.longdouble


def real(x: Any) -> Array:
    """Convert to extended precision."""
    return np.asarray(x, dtype=REAL)
