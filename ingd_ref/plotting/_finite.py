"""Flows and directions on the simplex of visible distributions."""

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
    TEXT_SIZE,
    as_host,
    legend_below,
    new_figure,
    place_legend,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_cosines", "plot_divergences", "plot_probabilities", "plot_visible_simplex"]

#: Corners of a regular tetrahedron, one for each of four visible states.
CORNERS = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
CORNER_NAMES = ("00", "01", "10", "11")
EDGES = [(i, j) for i in range(4) for j in range(i + 1, 4)]


def plot_divergences(times: Any, divergences: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw divergences against flow time: a panel per model, a colour per flow, a line per start.

    Parameters
    ----------
    times : array (k,)
        Flow times.
    divergences : mapping of str to mapping of str to array (k, starts)
        By model and flow.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> figure = plot_divergences([0.0, 1.0], {"model": {"a": [[1.0], [0.1]], "b": [[1.0], [0.5]]}})
    >>> len(figure.axes[0].lines)
    2
    """
    figure = new_figure(3.6 * len(divergences), 3.2)
    panels = figure.subplots(1, len(divergences), sharey=True, squeeze=False)[0]
    for axes, (model, flows) in zip(panels, divergences.items(), strict=True):
        for index, (name, values) in enumerate(flows.items()):
            look: Any = {"color": PALETTE[index], "linestyle": LINE_STYLES[index]}
            lines = axes.plot(as_host(times), as_host(values), linewidth=1.2, alpha=0.85, **look)
            lines[0].set_label(name)
        axes.set_yscale("log")
        axes.margins(x=0.02)
        ylabel = "KL of the visible distributions" if axes is panels[0] else ""
        style_axes(axes, "flow time", ylabel, model)
    place_legend(panels[0])
    return figure


def plot_probabilities(
    times: Any, paths: Mapping[str, Mapping[str, Any]], targets: Mapping[str, Any]
) -> Figure:
    """Draw visible probabilities against flow time, one row per model and one panel per flow.

    Parameters
    ----------
    times : array (k,)
        Flow times.
    paths : mapping of str to mapping of str to array (k, m)
        Visible probabilities by model and flow.
    targets : mapping of str to array (m,)
        Visible probabilities of the target by model, drawn as dotted lines.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> path = [[0.5, 0.5], [0.9, 0.1]]
    >>> figure = plot_probabilities([0.0, 1.0], {"model": {"a": path}}, {"model": [0.9, 0.1]})
    >>> len(figure.axes[0].lines)
    4
    """
    flows = list(next(iter(paths.values())))
    figure = new_figure(2.5 * len(flows) + 0.4, 2.2 * len(paths))
    panels = figure.subplots(len(paths), len(flows), sharex=True, sharey=True, squeeze=False)
    for number, (row, (model, by_flow)) in enumerate(zip(panels, paths.items(), strict=True)):
        for place, (axes, (name, path)) in enumerate(zip(row, by_flow.items(), strict=True)):
            _draw_probabilities(axes, as_host(times), as_host(path), as_host(targets[model]))
            below = "flow time" if number == len(paths) - 1 else ""
            left = f"{model}\nprobability" if place == 0 else ""
            style_axes(axes, below, left, name if number == 0 else "")
            axes.margins(x=0.02)
    place_legend(panels[-1, -1], ncols=2, loc="upper right")
    return figure


def _draw_probabilities(
    axes: Axes, times: np.ndarray, path: np.ndarray, target: np.ndarray
) -> None:
    """Draw each probability of a path (k, m) as a line, and the target (m,) as dotted ones."""
    for cell, values in enumerate(path.T):
        colour = PALETTE[cell % len(PALETTE)]
        axes.axhline(target[cell], color=colour, linestyle=":", linewidth=0.9)
        axes.plot(times, values, color=colour, linewidth=1.5, label=_state(cell, path.shape[1]))


def _state(cell: int, cells: int) -> str:
    """Name a visible state by the values of two binary variables, or by its number."""
    return f"state {cell:02b}" if cells == 4 else f"state {cell}"


def plot_visible_simplex(
    paths: Mapping[str, Mapping[str, Any]], targets: Mapping[str, Any]
) -> Figure:
    """Draw paths of distributions of two binary variables in their tetrahedron.

    The shaded surface holds the distributions under which the two are independent.

    Parameters
    ----------
    paths : mapping of str to mapping of str to array (k, 4)
        Visible probabilities by model and flow.
    targets : mapping of str to array (4,)
        Visible probabilities of the target by model.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If a path does not have four columns.

    Examples
    --------
    >>> path = [[0.25, 0.25, 0.25, 0.25], [0.7, 0.1, 0.1, 0.1]]
    >>> len(plot_visible_simplex({"model": {"a": path}}, {"model": path[1]}).axes)
    1
    """
    figure = new_figure(4.0 * len(paths), 3.9)
    for number, (model, by_flow) in enumerate(paths.items()):
        axes: Any = figure.add_subplot(1, len(paths), number + 1, projection="3d")
        _draw_tetrahedron(axes)
        for index, (name, path) in enumerate(by_flow.items()):
            if as_host(path).ndim != 2 or as_host(path).shape[1] != 4:
                shape = np.shape(path)
                raise ShapeError(f"path {name!r} of {model!r} must have shape (k, 4), got {shape}")
            points = as_host(path) @ CORNERS
            look: Any = {"color": PALETTE[index], "linestyle": LINE_STYLES[index]}
            axes.plot(*points.T, linewidth=1.8, label=name, **look)
            axes.scatter(*points[:1].T, color=INK, s=14, depthshade=False)
        end = as_host(targets[model])[None] @ CORNERS
        axes.scatter(*end.T, color=INK, marker="*", s=60, depthshade=False, label="target")
        axes.set_title(model, fontsize=TEXT_SIZE + 1, color=INK)
    legend_below(figure, figure.axes)
    return figure


def _draw_tetrahedron(axes: Any) -> None:
    """Draw edges, corners, and the surface p = (yz, y(1−z), (1−y)z, (1−y)(1−z))."""
    for i, j in EDGES:
        axes.plot(*np.stack([CORNERS[i], CORNERS[j]]).T, color=QUIET, linewidth=0.8)
    for corner, name in zip(CORNERS, CORNER_NAMES, strict=True):
        axes.text(*(1.12 * corner), name, fontsize=TEXT_SIZE, color=INK, ha="center", va="center")
    y, z = np.meshgrid(np.linspace(0, 1, 21), np.linspace(0, 1, 21))
    surface = np.stack([y * z, y * (1 - z), (1 - y) * z, (1 - y) * (1 - z)], axis=-1) @ CORNERS
    sheet, colour = np.moveaxis(surface, -1, 0), PALETTE[5]
    axes.plot_surface(*sheet, color=colour, alpha=0.18, linewidth=0, shade=False)
    axes.plot_wireframe(*sheet, color=colour, alpha=0.35, linewidth=0.4, rstride=5, cstride=5)
    axes.set_axis_off()
    axes.set_box_aspect((1, 1, 1), zoom=1.1)
    axes.view_init(elev=24, azim=-38)


def plot_cosines(cosines: Mapping[str, Mapping[str, Any]], width: float = 0.1) -> Figure:
    """Draw histograms of cosines, one row per target and one panel per direction.

    Parameters
    ----------
    cosines : mapping of str to mapping of str to array (n,)
        By target and direction. NaN, where a direction vanishes, is left out.
    width : float
        Width of the bins over [−1, 1]. Default 0.1.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> figure = plot_cosines({"target": {"ELBO": [0.95, 0.97, -0.2]}})
    >>> [int(patch.get_height()) for patch in figure.axes[0].patches if patch.get_height() > 0]
    [1, 2]
    """
    columns = list(next(iter(cosines.values())))
    figure = new_figure(3.3 * len(columns), 2.2 * len(cosines) + 0.2)
    panels: np.ndarray = figure.subplots(len(cosines), len(columns), sharex=True, squeeze=False)
    edges = np.linspace(-1.0, 1.0, round(2.0 / width) + 1)
    for number, (row, (target, directions)) in enumerate(zip(panels, cosines.items(), strict=True)):
        for place, (axes, (name, values)) in enumerate(zip(row, directions.items(), strict=True)):
            _draw_histogram(axes, as_host(values), edges, PALETTE[place])
            below = "cosine with the evidence" if number == len(cosines) - 1 else ""
            left = f"{target}\npoints" if place == 0 else ""
            style_axes(axes, below, left, name if number == 0 else "")
    return figure


def _draw_histogram(axes: Axes, values: np.ndarray, edges: np.ndarray, colour: str) -> None:
    finite = values[np.isfinite(values)]
    clipped, bins = np.clip(finite, -1.0, 1.0), edges.tolist()
    axes.hist(clipped, bins, color=colour, edgecolor="white", linewidth=0.6)
    text = "nowhere defined"
    if finite.size:
        negative = f"negative at {int(np.sum(finite < 0)):,} of {finite.size:,} points"
        text = f"mean {np.mean(finite):.3f}\n{negative}"
    look: Any = {"va": "top", "fontsize": TEXT_SIZE - 0.5, "color": INK}
    axes.text(0.03, 0.96, text, transform=axes.transAxes, **look)
