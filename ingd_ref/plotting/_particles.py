"""Particles in the plane before and after a flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import (
    INK,
    PALETTE,
    QUIET,
    as_host,
    new_figure,
    place_legend,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_particles"]


def plot_particles(
    before: Any,
    after: Any,
    target: Any = None,
    trajectory: Any = None,
    coordinates: tuple[int, int] = (0, 1),
    title: str = "",
) -> Figure:
    r"""Draw particles before and after a flow, side by side on equal axes.

    Parameters
    ----------
    before, after : array (n, d)
        Particles, d ≥ 2.
    target : array (m, d), optional
        Sample of the target, drawn in grey. Default: none.
    trajectory : array (k, n, d), optional
        Positions along the way, drawn as thin lines. Default: none.
    coordinates : (int, int)
        The two coordinates to draw. Default (0, 1).
    title : str
        Default: none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If an array has the wrong number of axes, or too few coordinates.

    Examples
    --------
    >>> figure = plot_particles([[0.0, 0.0]], [[1.0, 1.0]], target=[[1.0, 1.2]])
    >>> [axes.get_title() for axes in figure.axes]
    ['before', 'after']
    """
    start, end = _plane(before, "before", coordinates), _plane(after, "after", coordinates)
    aim = None if target is None else _plane(target, "target", coordinates)
    paths = None if trajectory is None else _plane(trajectory, "trajectory", coordinates, axes=3)
    # Constrained layout cannot shrink square panels to a height: leave enough for their width.
    figure = new_figure(6.6, 3.9 if title else 3.7, title)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, points, name in ((left, start, "before"), (right, end, "after")):
        _scatter(axes, points, aim)
        xlabel, ylabel = (f"$x_{{{coordinate + 1}}}$" for coordinate in coordinates)
        style_axes(axes, xlabel, ylabel if axes is left else "", name)
        axes.set_box_aspect(1.0)
    clouds = [points for points in (start, end, aim, paths) if points is not None]
    _square_limits(left, [points.reshape(-1, 2) for points in clouds])
    if paths is not None:
        right.plot(paths[:, :, 0], paths[:, :, 1], color=INK, alpha=0.25, linewidth=0.5, zorder=1.5)
    handles, labels = left.get_legend_handles_labels()
    place_legend(left, handles=handles, labels=labels, loc="best", handletextpad=0.2)
    return figure


def _plane(values: Any, name: str, coordinates: tuple[int, int], axes: int = 2) -> np.ndarray:
    """Return the two coordinates to draw."""
    points = as_host(values)
    if points.ndim != axes or points.shape[-1] <= max(coordinates) or points.size == 0:
        expected = f"{'(n, d)' if axes == 2 else '(k, n, d)'} with d > {max(coordinates)}"
        raise ShapeError(f"{name} must have shape {expected}, got {points.shape}")
    return points[..., list(coordinates)]


def _scatter(axes: Axes, points: np.ndarray, aim: np.ndarray | None) -> None:
    """Draw particles in colour above the target in grey; many dots are smaller than few."""
    if aim is not None:
        grey: Any = {"color": QUIET, "alpha": 0.5, "linewidths": 0, "zorder": 1}
        axes.scatter(aim[:, 0], aim[:, 1], _dot_area(len(aim)), label="target", **grey)
    look: Any = {"color": PALETTE[0], "alpha": 0.9, "linewidths": 0, "zorder": 2}
    axes.scatter(points[:, 0], points[:, 1], _dot_area(len(points)), label="particles", **look)


def _square_limits(axes: Axes, clouds: list[np.ndarray]) -> None:
    """Give both axes the same length, 1.1 times the spread of the points (1.1 if there is none)."""
    points = np.concatenate(clouds)
    middle = (np.min(points, axis=0) + np.max(points, axis=0)) / 2.0
    half = 0.55 * (float(np.max(np.ptp(points, axis=0))) or 1.0)
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half, middle[1] + half)


def _dot_area(number: int) -> float:
    return float(np.clip(3000.0 / number, 3.0, 20.0))
