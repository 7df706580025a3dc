"""One look for all figures: colours safe for the colour-blind, quiet axes, no global state."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ingd_ref._io import read_regular, write_bytes
from ingd_ref.backend._namespace import is_array, to_host
from ingd_ref.errors import CheckpointError, OptionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "INK",
    "LINE_STYLES",
    "PALETTE",
    "QUIET",
    "TEXT_SIZE",
    "as_host",
    "drawn_figure",
    "legend_below",
    "line_style",
    "new_figure",
    "place_legend",
    "save_figure",
    "style_axes",
]

# Okabe and Ito's colours, ordered so that neighbours differ in lightness too; their yellow fades
# on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINE_STYLES = ("-", "--", ":", "-.")
INK = "#222222"
QUIET = "#9A9A9A"
TEXT_SIZE = 9.0
# The maker marks a file as one that may be replaced. Dates and program versions would make two
# writes of one figure differ.
MAKER = "ingd_ref"
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": MAKER},
    "pdf": {"CreationDate": None, "Creator": MAKER, "Producer": None},
    "svg": {"Date": None, "Creator": MAKER},
}
MARKS = {
    "png": b"Software\x00ingd_ref",
    "pdf": b"/Creator (ingd_ref)",
    "svg": b"<dc:title>ingd_ref</dc:title>",
}


def as_host(values: Any) -> np.ndarray:
    """Return an array of any library, or nested sequences, as a floating NumPy array."""
    return np.asarray(to_host(values) if is_array(values) else values, dtype=float)


def line_style(index: int) -> dict[str, Any]:
    """Return colour and line style of a curve; styles change once the colours are used up."""
    style = LINE_STYLES[index // len(PALETTE) % len(LINE_STYLES)]
    return {"color": PALETTE[index % len(PALETTE)], "linestyle": style}


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """Make an empty figure of ``width`` by ``height`` inches that lays out its own axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    if title:
        figure.suptitle(title, fontsize=TEXT_SIZE + 2, color=INK)
    return figure


def style_axes(
    axes: Axes, xlabel: str = "", ylabel: str = "", title: str = "", grid: bool = True
) -> None:
    """Open the frame, put a faint grid behind the data, and label the axes in dark grey."""
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
    """Add a legend without a frame, if there is anything to name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=TEXT_SIZE - 0.5, labelcolor=INK, **options)


def legend_below(figure: Figure, panels: Sequence[Axes]) -> None:
    """Name the curves of all panels, each once, below them."""
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    where: Any = {"loc": "outside lower center", "ncols": min(len(handles), 6)}
    text: Any = {"fontsize": TEXT_SIZE - 0.5, "labelcolor": INK}
    figure.legend(handles.values(), handles.keys(), frameon=False, **where, **text)


def save_figure(figure: Figure, path: str | Path, dpi: int = 200) -> Path:
    """Write a figure to a file; the same figure always gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    path : str or Path
        The file. Its suffix, .png, .pdf or .svg, chooses the format; its directory must exist. A
        figure of this package is replaced, no other file.
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
    CheckpointError
        If the file cannot be written, or exists and is not a figure of this package.

    Examples
    --------
    >>> import tempfile
    >>> from ingd_ref.plotting import plot_metric_curves
    >>> figure = plot_metric_curves({"KiNG": [1.0, 0.1]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(figure, Path(folder) / "mmd.svg").name
    'mmd.svg'
    """
    path = Path(path)
    form = path.suffix.removeprefix(".").lower()
    if form not in METADATA:
        raise OptionError(f"figures are written as {', '.join(METADATA)}, got {path.name!r}")
    if os.path.lexists(path) and not _made_here(path, MARKS[form]):
        raise CheckpointError(f"{path} is not a figure of this package; it is unchanged")
    write_bytes(path, drawn_figure(figure, form, dpi))
    return path


def drawn_figure(figure: Figure, form: str, dpi: int) -> bytes:
    """Return the file of a figure in the format "png", "pdf" or "svg"."""
    from matplotlib import rc_context

    drawn = io.BytesIO()
    with rc_context({"svg.hashsalt": "ingd_ref"}):
        figure.savefig(drawn, format=form, dpi=dpi, metadata=METADATA[form])
    return drawn.getvalue()


def _made_here(path: Path, mark: bytes) -> bool:
    try:
        return not path.is_symlink() and mark in read_regular(path)
    except OSError:
        return False
