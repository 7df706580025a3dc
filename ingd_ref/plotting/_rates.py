"""Estimated velocities of natural parameters over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import INK, PALETTE, as_host, legend_below, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_rates"]


def plot_rates(
    times: Any,
    truth: Any,
    points: tuple[Any, Any, Any],
    band: tuple[Any, Any] | None = None,
    names: Sequence[str] = (),
    labels: tuple[str, str] = ("tangent", "window"),
    title: str = "",
) -> Figure:
    """Draw velocities θ̇(t), one panel per component: truth, points with error bars, and a band.

    Parameters
    ----------
    times : array (m,)
        Times of truth and band.
    truth : array (m, b)
        True velocities.
    points : tuple of array (k,), (k, b), (k, b)
        Times, estimates and half-widths of their 95 % intervals.
    band : tuple of array (m, b), optional
        Estimates and half-widths of their 95 % intervals at ``times``. Default: none.
    names : sequence of str
        Label of the vertical axis of each panel. Default: θ̇ with its index.
    labels : tuple of str
        Names of points and band. Default: "tangent" and "window".
    title : str
        Default: none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If truth, estimates and bars do not fit ``times``.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0.0, 1.0, 5)
    >>> figure = plot_rates(t, np.ones((5, 2)), (t, np.ones((5, 2)), np.full((5, 2), 0.1)))
    >>> len(figure.axes)
    2
    """
    grid, true = as_host(times), as_host(truth)
    moments, estimates, bars = (as_host(part) for part in points)
    _check(grid, true, moments, estimates, bars)
    number = true.shape[1]
    figure = new_figure(4.2 * number, 3.2, title)
    panels = figure.subplots(1, number, squeeze=False)[0]
    for s, axes in enumerate(panels):
        if band is not None:
            middle, half = (as_host(part)[:, s] for part in band)
            _draw_band(axes, grid, middle, half, f"{labels[1]}, 95 % band")
        axes.plot(grid, true[:, s], "--", color=INK, linewidth=1.2, label="truth", zorder=4)
        look: Any = {"fmt": "o", "markersize": 3.5, "color": PALETTE[1], "elinewidth": 1.0}
        label = f"{labels[0]}, 95 %"
        axes.errorbar(moments, estimates[:, s], bars[:, s], label=label, zorder=3, **look)
        _fit_axis(axes, true[:, s], estimates[:, s], bars[:, s])
        style_axes(axes, "time t", names[s] if names else f"θ̇{'₁₂₃₄₅₆₇₈₉'[s] if s < 9 else s + 1}")
    legend_below(figure, panels)
    return figure


def _check(
    grid: np.ndarray, true: np.ndarray, moments: np.ndarray, estimates: np.ndarray, bars: np.ndarray
) -> None:
    fits = true.ndim == 2 and true.shape[0] == grid.size
    if not fits or not bars.shape == estimates.shape == (moments.size, true.shape[1]):
        shapes = f"truth {true.shape}, estimates {estimates.shape} and bars {bars.shape}"
        raise ShapeError(f"{shapes} do not fit times {grid.shape}")


def _draw_band(
    axes: Axes, grid: np.ndarray, middle: np.ndarray, half: np.ndarray, label: str
) -> None:
    look: Any = {"color": PALETTE[5], "alpha": 0.35, "linewidth": 0, "zorder": 1}
    axes.fill_between(grid, middle - half, middle + half, **look)
    axes.plot(grid, middle, color=PALETTE[0], linewidth=1.4, label=label, zorder=2)


def _fit_axis(axes: Axes, true: np.ndarray, estimates: np.ndarray, bars: np.ndarray) -> None:
    """Fit the axis to truth and points: a band may open wide at the ends of a window."""
    shown = np.concatenate([true, estimates - bars, estimates + bars])
    low, high = float(np.min(shown)), float(np.max(shown))
    margin = 0.15 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)
