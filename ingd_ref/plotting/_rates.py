"""Estimated velocities of natural parameters over time, and how their error falls with the number of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

__all__ = ["plot_rates", "plot_sample_error"]


def plot_rates(
    times: Any,
    truth: Any,
    points: tuple[Any, Any, Any],
    band: tuple[Any, Any] | None = None,
    names: Sequence[str] = (),
    labels: tuple[str, str] = ("tangent", "window"),
    level: str = "95 %",
    title: str = "",
) -> Figure:
    """Draw velocities θ̇(t) in one panel for each component: the truth, estimates with error bars, and estimates with a band.

    Parameters
    ----------
    times : array (m,)
        Times of truth and band.
    truth : array (m, b)
        True velocities.
    points : tuple of array (k,), (k, b), (k, b)
        Times, estimates and half-widths of their error bars.
    band : tuple of array (m, b), optional
        Estimates and half-widths at ``times``. Default: none.
    names : sequence of str
        Label of the vertical axis of each panel. Default: θ̇ with its index.
    labels : tuple of str
        Names of the two kinds of estimate. Default: "tangent" and "window".
    level : str
        What bars and band cover, for the legend. Default "95 %".
    title : str
        Default: none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If the shapes do not belong together.

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
    if (
        true.ndim != 2
        or true.shape[0] != grid.size
        or estimates.shape != (moments.size, true.shape[1])
        or bars.shape != estimates.shape
    ):
        raise ShapeError(
            f"truth {true.shape}, estimates {estimates.shape} and bars {bars.shape} do not fit times {grid.shape}"
        )
    number = true.shape[1]
    figure = new_figure(4.2 * number, 3.2, title)
    panels = figure.subplots(1, number, squeeze=False)[0]
    for s, axes in enumerate(panels):
        if band is not None:
            middle, half = as_host(band[0])[:, s], as_host(band[1])[:, s]
            axes.fill_between(
                grid,
                middle - half,
                middle + half,
                color=PALETTE[5],
                alpha=0.35,
                linewidth=0,
                zorder=1,
            )
            axes.plot(
                grid,
                middle,
                color=PALETTE[0],
                linewidth=1.4,
                label=f"{labels[1]}, {level} band",
                zorder=2,
            )
        axes.plot(
            grid, true[:, s], color=INK, linewidth=1.2, linestyle="--", label="truth", zorder=4
        )
        axes.errorbar(
            moments,
            estimates[:, s],
            yerr=bars[:, s],
            fmt="o",
            markersize=3.5,
            color=PALETTE[1],
            elinewidth=1.0,
            label=f"{labels[0]}, {level}",
            zorder=3,
        )
        # Bands may open wide at the ends of a window, where it has no data; the axis is that of the
        # truth and of the points.
        shown = np.concatenate(
            [true[:, s], estimates[:, s] - bars[:, s], estimates[:, s] + bars[:, s]]
        )
        margin = 0.15 * (float(np.max(shown)) - float(np.min(shown))) or 1.0
        axes.set_ylim(float(np.min(shown)) - margin, float(np.max(shown)) + margin)
        style_axes(axes, "time t", names[s] if names else f"θ̇{'₁₂₃₄₅₆₇₈₉'[s] if s < 9 else s + 1}")
    handles, texts = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, texts, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8.5
    )
    return figure


def plot_sample_error(numbers: Any, errors: Mapping[str, Any], title: str = "") -> Figure:
    """Draw root-mean-square errors against numbers of samples on logarithmic axes, beside lines of slope −½.

    Parameters
    ----------
    numbers : array (k,)
        Numbers of samples.
    errors : mapping of str to array (k,)
        Errors by method.
    title : str
        Default: none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If a method has another number of errors than there are numbers of samples.

    Examples
    --------
    >>> figure = plot_sample_error([100, 1000], {"tangent": [0.1, 0.03]})
    >>> len(figure.axes[0].lines)
    2
    """
    sizes = as_host(numbers)
    figure = new_figure(4.6, 3.4, title)
    axes = figure.add_subplot(xscale="log", yscale="log")
    for index, (name, values) in enumerate(errors.items()):
        heights = as_host(values)
        if heights.shape != sizes.shape:
            raise ShapeError(f"errors {name!r} must have shape {sizes.shape}, got {heights.shape}")
        style = LINE_STYLES[index // len(PALETTE) % len(LINE_STYLES)]
        axes.plot(
            sizes,
            heights,
            color=PALETTE[index % len(PALETTE)],
            linestyle=style,
            marker="o",
            markersize=4,
            linewidth=1.6,
            label=name,
        )
    for index, values in enumerate(errors.values()):
        level = np.exp(np.mean(np.log(as_host(values) * np.sqrt(sizes))))
        axes.plot(
            sizes,
            level / np.sqrt(sizes),
            color=QUIET,
            linewidth=1.0,
            zorder=1,
            label=None if index else "slope −½",
        )
    style_axes(axes, "samples N", "root-mean-square error of θ̇")
    place_legend(axes)
    return figure
