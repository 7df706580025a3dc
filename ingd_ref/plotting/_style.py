"""One look for every figure: colours that colour-blind readers can tell apart, quiet axes, direct sizes, no global state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref.backend._namespace import is_array, to_host
from ingd_ref.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "INK",
    "LINE_STYLES",
    "PALETTE",
    "QUIET",
    "as_host",
    "new_figure",
    "place_legend",
    "save_figure",
    "style_axes",
]

#: Colours of Okabe and Ito, in an order in which neighbours differ in lightness too; yellow is left
#: out because it fades on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
#: Line styles change once the colours are used up, so that a grey print of few curves and a colour
#: print of many stay readable.
LINE_STYLES = ("-", "--", ":", "-.")
INK = "#222222"
QUIET = "#9A9A9A"
TEXT_SIZE = 9.0
WRITES_NO_DATE: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None},
}


def as_host(values: Any) -> np.ndarray:
    """Return array of any library, or a nested sequence of numbers, as a floating NumPy array."""
    return np.asarray(to_host(values) if is_array(values) else values, dtype=float)


def new_figure(width: float, height: float, title: str) -> Figure:
    """Make an empty figure of ``width`` by ``height`` inches that arranges its own axes; it belongs to the caller alone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    if title:
        figure.suptitle(title, fontsize=TEXT_SIZE + 2, color=INK)
    return figure


def style_axes(
    axes: Axes, xlabel: str = "", ylabel: str = "", title: str = "", grid: bool = True
) -> None:
    """Open frame, faint grid behind the data, small labels in dark grey."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(which="both", labelsize=TEXT_SIZE - 1, color=QUIET, labelcolor=INK)
    axes.set_xlabel(xlabel, fontsize=TEXT_SIZE, color=INK)
    axes.set_ylabel(ylabel, fontsize=TEXT_SIZE, color=INK)
    axes.set_title(title, fontsize=TEXT_SIZE + 1, color=INK)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(True, which="major", color="#E6E6E6", linewidth=0.6)


def place_legend(axes: Axes, **options: Any) -> None:
    """Legend without a frame, where there is something to name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=TEXT_SIZE - 0.5, labelcolor=INK, **options)


def save_figure(figure: Figure, path: str | Path, dpi: int = 200) -> Path:
    """Write a figure to a file; the same figure gives the same bytes, because no date or program version is written.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : str or Path
        Where to; the suffix, .png, .pdf or .svg, decides the format. The directory must exist.
    dpi : int
        Pixels per inch of a PNG. Default 200.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    OptionError
        If the suffix is another one.

    Examples
    --------
    >>> import tempfile
    >>> figure = new_figure(2.0, 1.0, "")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(figure, Path(folder) / "empty.svg").name
    'empty.svg'
    """
    path = Path(path)
    form = path.suffix.removeprefix(".").lower()
    if form not in WRITES_NO_DATE:
        raise OptionError(
            f"a figure can be written as {', '.join(WRITES_NO_DATE)}, got {path.name!r}"
        )
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "ingd_ref"}):
        figure.savefig(path, format=form, dpi=dpi, metadata=WRITES_NO_DATE[form])
    return path
