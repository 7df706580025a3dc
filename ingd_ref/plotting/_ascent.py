"""How far below its optimum a bound is, along several ways to climb it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import (
    INK,
    LINE_STYLES,
    PALETTE,
    QUIET,
    as_host,
    new_figure,
    place_legend,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_ascent", "plot_gaps"]


def plot_gaps(
    panels: Mapping[str, Mapping[str, Any]],
    optima: Mapping[str, float],
    target: float | None = None,
    floor: float = 1e-9,
    xlabel: str = "evaluations of the gradient",
    ylabel: str = "optimum − ELBO (nats)",
) -> Figure:
    """Draw what each method is short of the optimum, on logarithmic axes, a panel for each problem.

    Parameters
    ----------
    panels : mapping of str to mapping of str to array (k,)
        By problem and method, the bound at the start and after each step; lengths may differ.
    optima : mapping of str to float
        Best value of the bound by problem.
    target : float, optional
        Height of a dashed line. Default: none.
    floor : float > 0
        Gaps below this are drawn there, and the axis ends there. Default 1e-9.
    xlabel, ylabel : str
        Texts.

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
    figure = new_figure(3.1 * len(panels) + 0.4, 3.5, "")
    rows = np.atleast_1d(np.asarray(figure.subplots(1, len(panels), sharey=True), dtype=object))
    for axes, (problem, curves) in zip(rows, panels.items(), strict=True):
        for name, values in curves.items():
            gap = np.maximum(optima[problem] - _curve(name, values), floor)
            index = names.index(name)
            style = LINE_STYLES[index // len(PALETTE) % len(LINE_STYLES)]
            axes.plot(
                np.arange(1, len(gap) + 1),
                gap,
                color=PALETTE[index % len(PALETTE)],
                linestyle=style,
                linewidth=1.5,
                label=name,
            )
        if target is not None:
            axes.axhline(target, color=INK, linewidth=0.8, dashes=(3, 2))
        axes.set(xscale="log", yscale="log")
        axes.set_ylim(bottom=floor)
        axes.xaxis.set_major_formatter("{x:g}")
        style_axes(axes, xlabel, ylabel if axes is rows[0] else "", problem)
    handles = {
        label: handle
        for axes in rows
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        [handles[name] for name in names],
        names,
        loc="outside lower center",
        ncols=min(len(names), 6),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
    )
    return figure


def plot_ascent(
    curves: Mapping[str, Any],
    optimum: float,
    title: str = "",
    xlabel: str = "evaluations of the gradient",
    ylabel: str = "ELBO (nats)",
) -> Figure:
    """Draw a bound against the number of evaluations, with its optimum as a line.

    Parameters
    ----------
    curves : mapping of str to array (k,)
        By method, the bound at the start and after each step; lengths may differ. A curve that ends
        early stays where it ended.
    optimum : float
        Height of the line.
    title, xlabel, ylabel : str
        Texts.

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
        colour = PALETTE[index % len(PALETTE)]
        style = LINE_STYLES[index // len(PALETTE) % len(LINE_STYLES)]
        axes.plot(
            np.arange(1, len(values) + 1),
            values,
            color=colour,
            linestyle=style,
            linewidth=1.6,
            label=name,
        )
    axes.axhline(optimum, color=QUIET, linewidth=1.0, dashes=(3, 2), label="optimum", zorder=1)
    starts = np.array([values[0] for values in found.values()])
    # The start is worse by far than all that follows: the axis begins where a tenth of the first
    # climb is left.
    low = optimum - 0.1 * (optimum - float(np.min(starts)))
    axes.set_ylim(low, optimum + 0.05 * (optimum - low))
    axes.xaxis.set_major_formatter("{x:g}")
    style_axes(axes, xlabel, ylabel)
    place_legend(axes, loc="lower right")
    return figure


def _curve(name: str, values: Any) -> np.ndarray:
    curve = as_host(values)
    if curve.ndim != 1 or curve.size == 0:
        raise ShapeError(f"curve {name!r} must have shape (k,) with k ≥ 1, got {curve.shape}")
    return curve
