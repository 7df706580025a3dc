"""Flows and the closed form that they should follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import (
    INK,
    as_host,
    line_style,
    new_figure,
    place_legend,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_path_error"]


def plot_path_error(
    times: Any,
    exact: Any,
    flows: Mapping[str, Any],
    ylabel: str = r"$\mu(t)$",
    title: str = "",
) -> Figure:
    r"""Draw paths of parameters above, and their distance from the exact path below.

    Parameters
    ----------
    times : array (k,)
        Flow time.
    exact : array (k, b) or (k,)
        The closed form, e.g. (E10); dashed.
    flows : mapping of str to array (k, b) or (k,)
        The path of each flow, at the same times.
    ylabel, title : str
        Default: "μ(t)" and none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If lengths or numbers of components differ.

    Notes
    -----
    The distance is the largest over components; zero is not drawn.

    Examples
    --------
    >>> figure = plot_path_error([0.0, 1.0], [1.0, 0.5], {"Euler": [1.0, 0.25]})
    >>> figure.axes[1].lines[0].get_ydata().tolist()
    [nan, 0.25]
    """
    at, truth = as_host(times), _path("exact", exact, len(as_host(times)))
    paths = {name: _path(name, values, len(at), truth.shape[1]) for name, values in flows.items()}
    figure = new_figure(5.2, 4.6, title)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for index, (name, path) in enumerate(paths.items()):
        look = line_style(index)
        upper.plot(at, path, linewidth=1.8, **look)[0].set_label(name)
        error = np.max(np.abs(path - truth), axis=1)
        lower.plot(at, np.where(error > 0, error, np.nan), linewidth=1.6, **look)
    upper.plot(at, truth, color=INK, linewidth=1.0, dashes=(3, 2))[0].set_label("exact")
    lower.set_yscale("log")
    upper.margins(x=0.02)
    style_axes(upper, "", ylabel)
    style_axes(lower, "flow time", "largest error")
    figure.align_ylabels()
    place_legend(upper)
    return figure


def _path(name: str, values: Any, length: int, components: int | None = None) -> np.ndarray:
    """Return a path as (k, b)."""
    path = as_host(values)
    path = path[:, None] if path.ndim == 1 else path
    if path.ndim != 2 or path.shape != (length, components or path.shape[1]):
        expected = f"({length}, {components or 'b'})"
        raise ShapeError(f"path {name!r} must have shape {expected}, got {np.shape(values)}")
    return path
