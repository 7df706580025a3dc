"""How the error of an integrator falls with its step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import (
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

__all__ = ["plot_convergence"]


def plot_convergence(
    step_sizes: Any,
    errors: Mapping[str, Any],
    orders: Mapping[str, int] | None = None,
    ylabel: str = "largest error",
    title: str = "",
) -> Figure:
    r"""Draw errors against step sizes on logarithmic axes, beside the slope that each order of convergence promises.

    Parameters
    ----------
    step_sizes : array (k,)
        Positive step sizes.
    errors : mapping of str to array (k,)
        Errors by method. An error of exactly zero is not drawn.
    orders : mapping of str to int, optional
        Order p of a method: a grey line ∝ h^p goes through its error at the largest step. Default:
        none.
    ylabel, title : str
        Texts. Default: "largest error" and none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If a method has another number of errors than there are step sizes.

    Examples
    --------
    >>> figure = plot_convergence([0.1, 0.2], {"Euler": [0.01, 0.02]}, {"Euler": 1})
    >>> len(figure.axes[0].lines)
    2
    """
    sizes = as_host(step_sizes)
    figure = new_figure(4.6, 3.4, title)
    axes = figure.add_subplot(xscale="log", yscale="log")
    for index, (name, values) in enumerate(errors.items()):
        heights = as_host(values)
        if heights.shape != sizes.shape:
            raise ShapeError(f"errors {name!r} must have shape {sizes.shape}, got {heights.shape}")
        if orders and name in orders:
            largest = np.argmax(sizes)
            axes.plot(
                sizes,
                heights[largest] * (sizes / sizes[largest]) ** orders[name],
                color=QUIET,
                linewidth=1.0,
                zorder=1,
            )
        style = LINE_STYLES[index // len(PALETTE) % len(LINE_STYLES)]
        drawn = np.where(heights > 0, heights, np.nan)
        axes.plot(
            sizes,
            drawn,
            color=PALETTE[index % len(PALETTE)],
            linestyle=style,
            marker="o",
            markersize=4,
            linewidth=1.6,
            label=name,
        )
    axes.set_xticks(sizes, labels=[f"{size:g}" for size in sizes])
    axes.minorticks_off()
    style_axes(axes, "step size", ylabel)
    place_legend(axes)
    return figure
