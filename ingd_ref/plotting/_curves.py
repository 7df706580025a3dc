"""Metrics along a run, averaged over trials, and a level to compare them with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import INK, as_host, line_style, new_figure, place_legend, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["add_level", "plot_metric_curves"]


def plot_metric_curves(
    curves: Mapping[str, Any],
    steps: Any = None,
    xlabel: str = "step",
    ylabel: str = "",
    title: str = "",
    log: bool = True,
) -> Figure:
    r"""Draw the mean ± standard error of one metric over trials, one curve per method.

    Parameters
    ----------
    curves : mapping of str to array (trials, k) or (k,)
        Values of the metric by method.
    steps : array (k,), optional
        Abscissae shared by all curves. Default: 0, ..., k − 1.
    xlabel, ylabel, title : str
        Default: "step" and none.
    log : bool
        Use a logarithmic axis, on which a mean of zero is not drawn. Default ``True``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If a curve is empty, has more than two axes, or differs in length from ``steps``.

    Notes
    -----
    The standard error is s/√trials with s the sample standard deviation (divisor trials − 1); a
    single trial has no band.

    Examples
    --------
    >>> figure = plot_metric_curves({"KiNG": [[1.0, 0.1], [3.0, 0.3]]}, ylabel="MMD")
    >>> figure.axes[0].lines[0].get_ydata().tolist()
    [2.0, 0.2]
    """
    table = {name: _trials(name, values, steps) for name, values in curves.items()}
    figure = new_figure(5.2, 3.4, title)
    axes = figure.add_subplot()
    for index, (name, trials) in enumerate(table.items()):
        at = np.arange(trials.shape[1]) if steps is None else as_host(steps)
        look, mean = line_style(index), np.mean(trials, axis=0)
        drawn = np.where(mean > 0, mean, np.nan) if log else mean
        axes.plot(at, drawn, linewidth=1.6, label=name, **look)
        if len(trials) > 1:
            error = np.std(trials, axis=0, ddof=1) / np.sqrt(len(trials))
            band: Any = {"color": look["color"], "alpha": 0.2, "linewidth": 0}
            axes.fill_between(at, mean - error, mean + error, **band)
    if log:
        axes.set_yscale("log")
        _fit_log_axis(axes, table)
    axes.margins(x=0.02)
    if steps is None:
        axes.locator_params(axis="x", integer=True)
    style_axes(axes, xlabel, ylabel)
    place_legend(axes)
    return figure


def add_level(figure: Figure, value: float, label: str) -> Figure:
    """Draw a dashed horizontal line through the first axes of a figure, and name it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure, changed in place.
    value : float
        Height of the line, in the units of the axis.
    label : str
        Its name in the legend.

    Returns
    -------
    matplotlib.figure.Figure
        The same figure.

    Examples
    --------
    >>> len(add_level(plot_metric_curves({"KiNG": [1.0, 0.1]}), 0.05, "noise").axes[0].lines)
    2
    """
    axes = figure.axes[0]
    axes.axhline(value, color=INK, linewidth=1.0, dashes=(3, 2), label=label)
    if axes.get_yscale() == "log":
        axes.set_ylim(bottom=min(axes.get_ylim()[0], value / 1.6))
    place_legend(axes)
    return figure


def _trials(name: str, values: Any, steps: Any) -> np.ndarray:
    """Values as (trials, k)."""
    trials = np.atleast_2d(as_host(values))
    if trials.ndim != 2 or trials.size == 0:
        raise ShapeError(
            f"curve {name!r} must have shape (trials, k) or (k,), got {np.shape(values)}"
        )
    if steps is not None and trials.shape[1] != len(as_host(steps)):
        raise ShapeError(
            f"curve {name!r} has {trials.shape[1]} values, but steps has {len(as_host(steps))}"
        )
    return trials


def _fit_log_axis(axes: Any, table: Mapping[str, np.ndarray]) -> None:
    """Fit the axis to the means: a band that touches zero would add empty decades."""
    means = np.concatenate([np.mean(trials, axis=0) for trials in table.values()])
    means = means[means > 0]
    if means.size:
        tops = np.concatenate(
            [np.mean(t, axis=0) + np.std(t, axis=0) / np.sqrt(len(t)) for t in table.values()]
        )
        axes.set_ylim(np.min(means) / 1.6, np.max(tops) * 1.3)
