"""How a bound climbs to its optimum, for several methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import (
    INK,
    QUIET,
    as_host,
    legend_below,
    line_style,
    new_figure,
    place_legend,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_ascent", "plot_gaps"]

XLABEL = "gradient evaluations"


def plot_gaps(
    panels: Mapping[str, Mapping[str, Any]],
    optima: Mapping[str, float],
    target: float | None = None,
    floor: float = 1e-9,
) -> Figure:
    """Draw the gap between a bound and its optimum on logarithmic axes, one panel per problem.

    Parameters
    ----------
    panels : mapping of str to mapping of str to array (k,)
        By problem and method, the bound in nats at the start and after each step; k may differ.
    optima : mapping of str to float
        Best value of the bound by problem.
    target : float, optional
        Height of a dashed line. Default: none.
    floor : float > 0
        Bottom of the axis; smaller gaps are drawn there. Default 1e-9.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If there are no panels, or a curve is empty.

    Examples
    --------
    >>> figure = plot_gaps({"linear": {"natural": [-3.0, -1.0]}}, {"linear": -1.0})
    >>> figure.axes[0].lines[0].get_ydata().tolist()
    [2.0, 1e-09]
    """
    if not panels:
        raise ShapeError("panels must hold at least one problem")
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    figure = new_figure(3.1 * len(panels) + 0.4, 3.5)
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (problem, curves) in zip(row, panels.items(), strict=True):
        for name, values in curves.items():
            gap = np.maximum(optima[problem] - _curve(name, values), floor)
            look = line_style(names.index(name))
            axes.plot(np.arange(1, len(gap) + 1), gap, linewidth=1.5, label=name, **look)
        if target is not None:
            axes.axhline(target, color=INK, linewidth=0.8, dashes=(3, 2))
        axes.set(xscale="log", yscale="log")
        axes.set_ylim(bottom=floor)
        axes.xaxis.set_major_formatter("{x:g}")
        style_axes(axes, XLABEL, "optimum − ELBO (nats)" if axes is row[0] else "", problem)
    legend_below(figure, row)
    return figure


def plot_ascent(curves: Mapping[str, Any], optimum: float, title: str = "") -> Figure:
    """Draw a bound against the number of gradient evaluations, with a line at its optimum.

    Parameters
    ----------
    curves : mapping of str to array (k,)
        By method, the bound in nats at the start and after each step; k may differ.
    optimum : float
        Height of the line.
    title : str
        Default: none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If a curve is empty.

    Examples
    --------
    >>> figure = plot_ascent({"natural": [-3.0, -1.0], "plain": [-3.0, -2.0, -1.5]}, -1.0)
    >>> figure.axes[0].lines[0].get_xdata().tolist()
    [1, 2]
    """
    figure = new_figure(5.2, 3.4, title)
    axes = figure.add_subplot(xscale="log")
    found = {name: _curve(name, values) for name, values in curves.items()}
    for index, (name, values) in enumerate(found.items()):
        steps = np.arange(1, len(values) + 1)
        axes.plot(steps, values, linewidth=1.6, label=name, **line_style(index))
    axes.axhline(optimum, color=QUIET, linewidth=1.0, dashes=(3, 2), label="optimum", zorder=1)
    starts = np.array([values[0] for values in found.values()])
    # The start is far worse than all that follows: show the last tenth of the climb.
    low = optimum - 0.1 * (optimum - float(np.min(starts)))
    axes.set_ylim(low, optimum + 0.05 * (optimum - low))
    axes.xaxis.set_major_formatter("{x:g}")
    style_axes(axes, XLABEL, "ELBO (nats)")
    place_legend(axes, loc="lower right")
    return figure


def _curve(name: str, values: Any) -> np.ndarray:
    curve = as_host(values)
    if curve.ndim != 1 or curve.size == 0:
        raise ShapeError(f"curve {name!r} must have shape (k,) with k ≥ 1, got {curve.shape}")
    return curve
