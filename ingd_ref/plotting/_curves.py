"""Metrics along a run, averaged over trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import (
    LINE_STYLES,
    PALETTE,
    as_host,
    new_figure,
    place_legend,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_metric_curves"]


def plot_metric_curves(
    curves: Mapping[str, Any],
    steps: Any = None,
    xlabel: str = "step",
    ylabel: str = "",
    title: str = "",
    log: bool = True,
) -> Figure:
    r"""Draw mean ± standard error over trials of one metric, a curve for each method.

    Parameters
    ----------
    curves : mapping of str to array (trials, k) or (k,)
        Values of the metric by method.
    steps : array (k,), optional
        Abscissa that all curves share. Default: 0, ..., k − 1.
    xlabel, ylabel, title : str
        Texts. Default: "step" and none.
    log : bool
        Logarithmic axis of values. A mean of zero is not drawn there, and a band that reaches below
        zero runs out of the picture. Default ``True``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If a curve has no values, more than two axes, or another length than ``steps``.

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
        colour = PALETTE[index % len(PALETTE)]
        mean = np.mean(trials, axis=0)
        drawn = np.where(mean > 0, mean, np.nan) if log else mean
        axes.plot(
            at,
            drawn,
            color=colour,
            linestyle=LINE_STYLES[index // len(PALETTE) % len(LINE_STYLES)],
            linewidth=1.6,
            label=name,
        )
        if len(trials) > 1:
            error = np.std(trials, axis=0, ddof=1) / np.sqrt(len(trials))
            axes.fill_between(at, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
    if log:
        axes.set_yscale("log")
        _fit_log_axis(axes, table)
    axes.margins(x=0.02)
    if steps is None:
        axes.locator_params(axis="x", integer=True)
    style_axes(axes, xlabel, ylabel)
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
    """Let the means decide the axis: a band that touches zero would stretch it over empty decades."""
    means = np.concatenate([np.mean(trials, axis=0) for trials in table.values()])
    means = means[means > 0]
    if means.size:
        tops = np.concatenate(
            [np.mean(t, axis=0) + np.std(t, axis=0) / np.sqrt(len(t)) for t in table.values()]
        )
        axes.set_ylim(np.min(means) / 1.6, np.max(tops) * 1.3)
