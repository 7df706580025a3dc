"""Comparison of kernel results."""

import numpy as np


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


def assert_close(actual, expected, tolerance, dtype=np.float64):
    """Shapes and types agree, and no number differs by more than ``tolerance``."""
    assert len(as_tuple(actual)) == len(as_tuple(expected))
    for a, e in zip(as_tuple(actual), as_tuple(expected), strict=True):
        assert a.dtype == dtype
        assert a.shape == np.shape(e)
        error = np.max(np.abs(np.asarray(a, dtype=np.float64) - e))
        assert error <= tolerance, f"largest error {error:.3e}, allowed {tolerance:.3e}"
