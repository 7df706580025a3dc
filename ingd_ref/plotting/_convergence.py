"""How errors fall with the step size, and with the number of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import (
    QUIET,
    as_host,
    line_style,
    new_figure,
    place_legend,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_convergence", "plot_sample_error"]


def plot_convergence(
    step_sizes: Any,
    errors: Mapping[str, Any],
    orders: Mapping[str, int] | None = None,
    ylabel: str = "largest error",
    title: str = "",
) -> Figure:
    r"""Draw errors against step sizes on logarithmic axes, with the slope of each order.

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
        Default: "largest error" and none.

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
    largest = np.argmax(sizes)
    for index, (name, heights) in enumerate(_by_method(errors, sizes).items()):
        if orders and name in orders:
            slope = heights[largest] * (sizes / sizes[largest]) ** orders[name]
            axes.plot(sizes, slope, color=QUIET, linewidth=1.0, zorder=1)
        _draw(axes, sizes, np.where(heights > 0, heights, np.nan), name, index)
    axes.set_xticks(sizes, labels=[f"{size:g}" for size in sizes])
    axes.minorticks_off()
    style_axes(axes, "step size", ylabel)
    place_legend(axes)
    return figure


def plot_sample_error(numbers: Any, errors: Mapping[str, Any], title: str = "") -> Figure:
    """Draw root-mean-square errors against numbers of samples, with lines of slope −½.

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
    found = _by_method(errors, sizes)
    for index, (name, heights) in enumerate(found.items()):
        _draw(axes, sizes, heights, name, index)
    for index, heights in enumerate(found.values()):
        guide = np.exp(np.mean(np.log(heights * np.sqrt(sizes)))) / np.sqrt(sizes)
        label = None if index else "slope −½"
        axes.plot(sizes, guide, color=QUIET, linewidth=1.0, zorder=1, label=label)
    style_axes(axes, "samples N", "root-mean-square error of θ̇")
    place_legend(axes)
    return figure


def _by_method(errors: Mapping[str, Any], sizes: np.ndarray) -> dict[str, np.ndarray]:
    found = {name: as_host(values) for name, values in errors.items()}
    for name, heights in found.items():
        if heights.shape != sizes.shape:
            raise ShapeError(f"errors {name!r} must have shape {sizes.shape}, got {heights.shape}")
    return found


def _draw(axes: Axes, sizes: np.ndarray, heights: np.ndarray, name: str, index: int) -> None:
    look = line_style(index)
    axes.plot(sizes, heights, marker="o", markersize=4, linewidth=1.6, label=name, **look)
