"""Quadrature in time. Times are few, so they live on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.errors import DomainError, ShapeError

__all__ = ["checked_times", "gauss_legendre_times", "simpson_weights", "trapezoid_weights"]


def trapezoid_weights(times: np.ndarray) -> np.ndarray:
    """Return weights (k,) of the trapezoidal rule, of order two in the largest gap."""
    gaps = np.diff(times)
    return np.asarray(0.5 * (np.append(gaps, 0.0) + np.append(0.0, gaps)))


def simpson_weights(times: np.ndarray) -> np.ndarray:
    """Return weights (k,) of Simpson's rule: of order four for equal gaps, three otherwise.

    A parabola goes through each three consecutive times; with an even number of times the last
    interval has the parabola before it. Very unequal gaps give negative weights, which the
    projections reject where they make a covariance indefinite.
    """
    if times.size < 3:
        raise DomainError("Simpson's rule needs at least three times; use the trapezoidal rule")
    weights = np.zeros(times.size)
    for first in range(0, times.size - 2, 2):
        left, right = times[first + 1] - times[first], times[first + 2] - times[first + 1]
        both = left + right
        parabola = [2.0 - right / left, both * both / (left * right), 2.0 - left / right]
        weights[first : first + 3] += both / 6.0 * np.array(parabola)
    if times.size % 2 == 0:
        left, right = times[-2] - times[-3], times[-1] - times[-2]
        both = left + right
        ends = [
            -right * right / (left * both),
            (right + 3.0 * left) / left,
            (2.0 * right + 3.0 * left) / both,
        ]
        weights[-3:] += right / 6.0 * np.array(ends)
    return weights


def gauss_legendre_times(start: float, end: float, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return times and weights of Gauss's rule, exact for polynomials of degree below 2k.

    :func:`window_projection` uses both to integrate over time in equation (P5).

    Parameters
    ----------
    start, end : float
        The window, start < end.
    number : int ≥ 1
        Number k of times.

    Returns
    -------
    tuple of numpy.ndarray (k,)
        Times and weights.

    Raises
    ------
    DomainError
        If the window is empty.

    Examples
    --------
    >>> times, weights = gauss_legendre_times(0.0, 1.0, 3)
    >>> round((weights * times**5).sum().item(), 12)  # 1/6
    0.166666666667
    """
    start, end = _checks.number(start, "start"), _checks.number(end, "end")
    length = _checks.positive(end - start, "end − start")
    nodes, weights = np.polynomial.legendre.leggauss(_checks.positive_integer(number, "number"))
    return start + 0.5 * length * (nodes + 1.0), 0.5 * length * weights


def checked_times(times: Any) -> np.ndarray:
    """Return two or more increasing times as a float64 host vector."""
    host = _checks.host_numbers(times, "times")
    if host.ndim != 1:
        raise ShapeError(f"times must have shape (k,), got {host.shape}")
    if host.size < 2:
        raise DomainError(f"a window needs samples at two times or more, got {host.size}")
    gaps = np.diff(host)
    if not np.all(gaps > 0):
        place = int(np.argmin(gaps > 0))
        fault = "twice" if gaps[place] == 0 else "out of order"
        late = f"{host[place + 1]:g} at index {place + 1}"
        raise DomainError(f"times must increase: {late} comes {fault}")
    return host
