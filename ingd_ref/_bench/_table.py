"""Tables of the results of benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["comparison_table", "table"]

COLUMNS = ("n, d, b", "threads", "ms", "GF/s", "share", "×bound", "MiB", "RSS", "publ. ms", "speed")


def table(results: dict[str, Any]) -> Table:
    """Lay out the result of :func:`run` as a table.

    Parameters
    ----------
    results : dict
        The result of :func:`run`.

    Returns
    -------
    rich.table.Table
        Print it with ``rich.print``.

    Examples
    --------
    >>> from ingd_ref._bench import run
    >>> quick = {"threads": [1], "repeats": 1, "growth": []}
    >>> results = run(sizes=[(20, 2, 5)], baseline=False, resident=False, **quick)
    >>> table(results).row_count
    1
    """
    from rich.table import Table

    growth = results["growth"]
    fitted = ""
    if growth:
        fitted = f" Time grows as n^{growth['time']:.2f}, memory as n^{growth['memory']:.2f}."
    layout = Table(
        box=None,
        pad_edge=False,
        title=f"KiNG velocity, {results['backend']}, {results['implementation']}",
        caption=results["method"] + fitted,
    )
    for name in COLUMNS:
        layout.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for row in results["rows"]:
        published, speedup = row.get("published_milliseconds"), row.get("speedup")
        layout.add_row(
            f"{row['n']}, {row['d']}, {row['b']}",
            str(row["threads"]),
            f"{row['milliseconds']:.1f}",
            f"{row['gflops']:.1f}",
            f"{row['gflops'] / row['product_gflops']:.0%}",
            f"{row['multiple_of_bound']:.2f}",
            _mebibytes(row["peak_bytes"]),
            _mebibytes(row["resident_bytes"]),
            "–" if published is None else f"{published:.0f}",
            "–" if speedup is None else f"{speedup:.0f}×",
        )
    return layout


def comparison_table(results: dict[str, Any]) -> Table:
    """Lay out the result of :func:`compare` as a table.

    Parameters
    ----------
    results : dict
        The result of :func:`compare`.

    Returns
    -------
    rich.table.Table
        Print it with ``rich.print``.
    """
    from rich.table import Table

    layout = Table(
        box=None,
        pad_edge=False,
        title=f"{results['benchmark']}, {results['backend']}",
        caption=results["method"],
    )
    layout.add_column("case")
    layout.add_column("method", no_wrap=True)
    for name in ("threads", "ms", "ratio", "MiB", "error"):
        layout.add_column(name, justify="right", no_wrap=True)
    for row in results["rows"]:
        layout.add_row(
            row["case"],
            row["method"],
            str(row["threads"]),
            f"{row['milliseconds']:.4g}",
            f"{row['ratio']:.3g}",
            _mebibytes(row["peak_bytes"]),
            "–" if row["error"] is None else f"{row['error']:.1e}",
        )
    return layout


def _mebibytes(number: int | None) -> str:
    return "–" if number is None else f"{number / 2**20:.0f}"
