"""Particles that are images, such as 8×8 digits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref import _checks
from ingd_ref.errors import ShapeError
from ingd_ref.plotting._style import INK, TEXT_SIZE, as_host, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_images"]

GAP = 1  # pixels of white between two images


def plot_images(
    groups: Mapping[str, Any], shape: tuple[int, int] = (8, 8), columns: int = 10, title: str = ""
) -> Figure:
    r"""Draw groups of small images in blocks of rows, all on one grey scale.

    Parameters
    ----------
    groups : mapping of str to array (k, h·w) or (k, h, w)
        Images by caption, e.g. "before" and "after".
    shape : (int, int)
        Height h and width w of flat images. Default (8, 8).
    columns : int
        Images in a row. Default 10.
    title : str
        Default: none.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeError
        If there are no images, or they do not have h·w pixels each.
    DomainError
        If ``columns`` is not a positive integer.

    Examples
    --------
    >>> figure = plot_images({"before": [[0.0] * 64], "after": [[1.0] * 64]})
    >>> len(figure.axes)
    2
    """
    columns = _checks.positive_integer(columns, "columns")
    blocks = {name: _as_images(name, values, shape) for name, values in groups.items()}
    if not blocks:
        raise ShapeError("groups must hold at least one group of images")
    low = min(float(np.min(images)) for images in blocks.values())
    high = max(float(np.max(images)) for images in blocks.values())
    rows = [math.ceil(len(images) / columns) for images in blocks.values()]
    widest = min(columns, max(len(images) for images in blocks.values()))
    height = 0.55 * sum(rows) + 0.3 * len(rows) + (0.35 if title else 0.0)
    figure = new_figure(0.55 * widest + 0.2, height, title)
    grid = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=rows)
    for axes, (name, images) in zip(grid[:, 0], blocks.items(), strict=True):
        _draw_block(axes, name, _mosaic(images, widest), low, high)
    return figure


def _as_images(name: str, values: Any, shape: tuple[int, int]) -> np.ndarray:
    """Images as (k, h, w)."""
    images = as_host(values)
    if images.ndim == 2 and images.shape[1] == shape[0] * shape[1]:
        images = images.reshape(-1, *shape)
    if images.ndim != 3 or images.size == 0:
        expected = f"(k, {shape[0] * shape[1]}) or (k, h, w)"
        raise ShapeError(f"images {name!r} must have shape {expected}, got {np.shape(values)}")
    return images


def _mosaic(images: np.ndarray, columns: int) -> np.ndarray:
    """Put images side by side in one array, with NaN between them and in empty places."""
    number, height, width = images.shape
    rows = math.ceil(number / columns)
    canvas = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP), np.nan)
    for index, image in enumerate(images):
        top, left = index // columns * (height + GAP), index % columns * (width + GAP)
        canvas[top : top + height, left : left + width] = image
    return canvas


def _draw_block(axes: Axes, name: str, canvas: np.ndarray, low: float, high: float) -> None:
    """Draw a block in which the largest value is black."""
    scale: Any = {"cmap": "gray_r", "vmin": low, "vmax": high if high > low else low + 1.0}
    axes.imshow(np.ma.masked_invalid(canvas), interpolation="nearest", **scale)
    axes.set_axis_off()
    axes.set_title(name, fontsize=TEXT_SIZE, color=INK, loc="left", pad=3)
