"""A level that curves are compared with, such as the noise of a finite sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingd_ref.plotting._style import INK, place_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["add_level"]


def add_level(figure: Figure, value: float, label: str) -> Figure:
    """Draw a horizontal dashed line through the first axes of a figure and name it in the legend.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        It is changed.
    value : float
        Height of the line, in the units of the axis.
    label : str
        Its name.

    Returns
    -------
    matplotlib.figure.Figure
        The same figure.

    Examples
    --------
    >>> from ingd_ref.plotting import plot_metric_curves
    >>> len(add_level(plot_metric_curves({"KiNG": [1.0, 0.1]}), 0.05, "noise").axes[0].lines)
    2
    """
    axes = figure.axes[0]
    axes.axhline(value, color=INK, linewidth=1.0, dashes=(3, 2), label=label)
    if axes.get_yscale() == "log":
        axes.set_ylim(bottom=min(axes.get_ylim()[0], value / 1.6))
    place_legend(axes)
    return figure
