"""Sparse changes in a graph: ROC curves, regularisation paths, and the graph itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import (
    INK,
    PALETTE,
    QUIET,
    as_host,
    legend_below,
    new_figure,
    place_legend,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_edges", "plot_regularisation_path", "plot_roc"]


def plot_roc(curves: Mapping[str, Sequence[tuple[Any, Any]]], title: str = "") -> Figure:
    """Draw receiver operating characteristics: thin lines for trials, a thick one for their mean.

    Parameters
    ----------
    curves : mapping of str to sequence of tuple of array (k,)
        By method, one curve per trial: false and true positive rates, both rising from 0 to 1.
    title : str
        Default: none.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> figure = plot_roc({"any": [([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])]})
    >>> figure.axes[0].get_xlabel()
    'false positive rate'
    """
    figure = new_figure(4.0, 3.8, title)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], ":", color=QUIET, linewidth=1.0, label="guessing")
    grid = np.linspace(0.0, 1.0, 401)
    for index, (name, trials) in enumerate(curves.items()):
        colour = PALETTE[index % len(PALETTE)]
        if len(trials) > 1:
            for alarms, found in trials:
                axes.plot(as_host(alarms), as_host(found), color=colour, linewidth=0.8, alpha=0.35)
        # `interp` takes the last of equal abscissae, so a step up counts from its abscissa on.
        heights = [np.interp(grid, as_host(alarms), as_host(found)) for alarms, found in trials]
        x, y = np.append(0.0, grid), np.append(0.0, np.mean(heights, axis=0))
        axes.plot(x, y, color=colour, linewidth=2.2, label=name)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    style_axes(axes, "false positive rate", "true positive rate")
    place_legend(axes, loc="lower right")
    return figure


def plot_regularisation_path(
    kappas: Any, coefficients: Any, changed: Any, chosen: float | None = None, title: str = ""
) -> Figure:
    """Draw coefficients against the penalty, with those that truly change in colour.

    Parameters
    ----------
    kappas : array (r,)
        Positive penalties.
    coefficients : array (r, q)
        Coefficients at each penalty.
    changed : array (q,) of bool
        Which coefficients truly change.
    chosen : float, optional
        A penalty to mark. Default: none.
    title : str
        Default: none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If ``coefficients`` has another shape.

    Examples
    --------
    >>> figure = plot_regularisation_path([1.0, 0.1], [[0.0, 0.0], [0.5, 0.0]], [True, False])
    >>> len(figure.axes[0].lines)
    2
    """
    penalties, values, mask = as_host(kappas), as_host(coefficients), as_host(changed) > 0
    if values.shape != (penalties.size, mask.size):
        raise ShapeError(
            f"coefficients must have shape {(penalties.size, mask.size)}, got {values.shape}"
        )
    figure = new_figure(4.8, 3.4, title)
    axes = figure.add_subplot(xscale="log")
    groups = ((~mask, "unchanged", QUIET, 0.8), (mask, "changed", PALETTE[1], 1.5))
    for group, name, colour, width in groups:
        for place, j in enumerate(np.flatnonzero(group)):
            label = name if place == 0 else None
            axes.plot(penalties, values[:, j], color=colour, linewidth=width, label=label)
    if chosen is not None:
        axes.axvline(chosen, color=INK, linewidth=1.0, linestyle=":", label="chosen penalty")
    axes.invert_xaxis()
    style_axes(axes, "penalty κ (falling)", "velocity θ̇ of the edge")
    legend_below(figure, [axes])
    return figure


def plot_edges(nodes: int, pairs: Any, changed: Any, found: Any, title: str = "") -> Figure:
    """Draw the edges of a graph that change, and those that were found, on two circles of nodes.

    Parameters
    ----------
    nodes : int
        Number of nodes.
    pairs : array (q, 2) of int
        Ends of each edge.
    changed, found : array (q,)
        True and estimated velocity of each edge, zero for none. Lines are as wide as velocities are
        large, and dashed where these are negative.
    title : str
        Default: none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If there are not as many velocities as edges.

    Examples
    --------
    >>> figure = plot_edges(3, [[0, 1], [1, 2]], [1.0, 0.0], [0.8, -0.1])
    >>> len(figure.axes)
    2
    """
    ends, true, estimated = as_host(pairs).astype(int), as_host(changed), as_host(found)
    if ends.ndim != 2 or ends.shape[1] != 2 or not true.shape == estimated.shape == ends.shape[:1]:
        shapes = f"pairs {ends.shape}, changed {true.shape} and found {estimated.shape}"
        raise ShapeError(f"{shapes} do not match")
    figure = new_figure(7.2, 4.2, title)
    left, right = figure.subplots(1, 2)
    angles = 2 * np.pi * np.arange(nodes) / nodes
    places = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    largest = float(np.max(np.abs([true, estimated]), initial=0.0)) or 1.0
    _circle(left, places, "edges that change")
    _lines(left, places, ends, true, PALETTE[0], largest)
    _circle(right, places, "edges found")
    groups = {
        "found": (PALETTE[2], np.where(true != 0, estimated, 0.0)),
        "false alarm": (PALETTE[1], np.where(true == 0, estimated, 0.0)),
        "missed": (QUIET, np.where(estimated == 0, true, 0.0)),
    }
    for colour, sizes in groups.values():
        _lines(right, places, ends, sizes, colour, largest)
    _key(left, [("positive velocity", PALETTE[0], "-"), ("negative velocity", PALETTE[0], "--")])
    counts = {f"{name} ({np.count_nonzero(sizes)})": c for name, (c, sizes) in groups.items()}
    _key(right, [(label, colour, "-") for label, colour in counts.items()])
    return figure


def _circle(axes: Axes, places: np.ndarray, title: str) -> None:
    style_axes(axes, title=title, grid=False)
    axes.set(xticks=[], yticks=[], xlim=(-1.25, 1.25), ylim=(-1.25, 1.25))
    axes.set_box_aspect(1)
    axes.spines[:].set_visible(False)
    x, y = places.T
    axes.scatter(x, y, 26, color="white", edgecolors=INK, linewidths=0.9, zorder=3)
    for number, (x, y) in enumerate(1.14 * places):
        axes.text(x, y, str(number + 1), fontsize=7, color=INK, ha="center", va="center")


def _lines(
    axes: Axes, places: np.ndarray, ends: np.ndarray, sizes: np.ndarray, colour: str, largest: float
) -> None:
    """Draw each edge whose size is not zero."""
    for e in np.flatnonzero(sizes):
        (x0, y0), (x1, y1) = places[ends[e]]
        width, style = 0.7 + 1.5 * abs(sizes[e]) / largest, "-" if sizes[e] > 0 else "--"
        axes.plot([x0, x1], [y0, y1], color=colour, linewidth=width, linestyle=style, zorder=2)


def _key(axes: Axes, entries: Sequence[tuple[str, str, Any]]) -> None:
    """Explain the labels, colours and line styles below a circle."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, linestyle=style, linewidth=2.0, label=label)
        for label, colour, style in entries
    ]
    where: Any = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.02), "ncols": len(entries)}
    axes.legend(handles=handles, frameon=False, fontsize=8, **where)
