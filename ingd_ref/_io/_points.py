"""Read points from somebody's ``.npy``, ``.npz`` or ``.csv`` file; whatever is wrong with it is one sentence that names the place."""

from __future__ import annotations

import csv
import io
import math
import os
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from ingd_ref.errors import DataFileError

__all__ = ["PointFile", "read_points"]

DELIMITERS = ("\t", ";", ",", " ")
SUFFIXES = (".npy", ".npz", ".csv")


@dataclass(frozen=True, eq=False)
class PointFile:
    """What a file of points held.

    Attributes
    ----------
    points : numpy.ndarray (n, d)
        Finite numbers, float32 where the file holds these, else float64.
    columns : tuple of str
        Names of the coordinates: those of the CSV header, else "0", "1", ...
    named : bool
        Whether the file itself names them.
    """

    points: np.ndarray
    columns: tuple[str, ...]
    named: bool = False


def read_points(path: str | os.PathLike[str], array: str | None = None) -> PointFile:
    r"""Read points from a file that somebody made with any program.

    Parameters
    ----------
    path : str or path-like
        ``.npy``; ``.npz``; or ``.csv``: text in UTF-8, separated by comma, semicolon, tab or
        spaces, with or without a first line of column names; empty lines and lines that begin with
        ``#`` do not count.
    array : str, optional
        Which array of an ``.npz`` file. Default: the only one.

    Returns
    -------
    PointFile
        A file with one axis of numbers gives points with one coordinate.

    Raises
    ------
    DataFileError
        If the file cannot be read, is no such file, is empty, ragged, or holds something else than
        finite real numbers.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "points.csv"
    >>> _ = path.write_text("east,north\n1,2\n3,4\n")
    >>> read_points(path).columns
    ('east', 'north')
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise DataFileError(f"{path} must end in {', '.join(SUFFIXES)}")
    if array is not None and path.suffix.lower() != ".npz":
        raise DataFileError(f"{path} holds a single array, so there is no array {array!r} in it")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror or error}") from error
    if not data:
        raise DataFileError(f"{path} is empty")
    if path.suffix.lower() == ".csv":
        return _from_text(path, data)
    found = (
        _from_npy(path, io.BytesIO(data), len(data))
        if path.suffix.lower() == ".npy"
        else _from_npz(path, data, array)
    )
    return _checked(path, found)


def _checked(path: Path, found: np.ndarray) -> PointFile:
    """The array as points, if it is an array of finite real numbers with one or two axes."""
    if found.dtype.kind not in "iuf":
        raise DataFileError(f"{path} must hold real numbers, got dtype {found.dtype}")
    if found.ndim not in (1, 2) or 0 in found.shape:
        raise DataFileError(
            f"{path} must hold points of shape (n, d), at least one with at least one coordinate, got shape {found.shape}"
        )
    with np.errstate(over="ignore"):
        points = np.array(
            found, dtype=np.float32 if found.dtype == np.float32 else np.float64, order="C"
        )
    points = points[:, None] if points.ndim == 1 else points
    rows, columns = np.nonzero(~np.isfinite(points))
    if rows.size:
        place = f"row {rows[0]}, column {columns[0]} (counted from 0)"
        raise DataFileError(
            f"{path} holds {rows.size} value(s) that are NaN or infinite, the first in {place}"
        )
    return PointFile(points, tuple(map(str, range(points.shape[1]))))


def _from_npy(path: Path, file: IO[bytes], size: int) -> np.ndarray:
    """The array of a ``.npy`` stream of ``size`` bytes, which is never unpickled and never asks for more memory than it has bytes."""
    try:
        with warnings.catch_warnings(action="ignore"):
            read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[
                npy.read_magic(file)
            ]
            shape, fortran_order, dtype = read_header(file)
        payload = file.read(size)
    except Exception as error:  # arbitrary bytes make the parsers of the header and of the archive fail in a dozen ways
        raise DataFileError(f"{path} is not a NumPy array file: {_first_line(error)}") from error
    if dtype.hasobject:
        raise DataFileError(
            f"{path} holds Python objects, which are never loaded from a file; save numbers instead"
        )
    expected = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or len(payload) < expected:
        raise DataFileError(
            f"{path} is cut short: shape {shape} of {dtype} takes {expected} bytes, there are {len(payload)}"
        )
    if expected == 0:
        return np.empty(0)
    return np.frombuffer(payload, dtype, math.prod(shape)).reshape(
        shape, order="F" if fortran_order else "C"
    )


def _from_npz(path: Path, data: bytes, array: str | None) -> np.ndarray:
    """One array of an archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [
                name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")
            ]
            chosen = _chosen(path, names, array)
            packed = archive.read(f"{chosen}.npy")
    except DataFileError:
        raise
    except (
        Exception
    ) as error:  # as for the header of an array: a damaged archive fails in a dozen ways
        raise DataFileError(f"{path} is not a NumPy archive: {_first_line(error)}") from error
    return _from_npy(path, io.BytesIO(packed), len(packed))


def _chosen(path: Path, names: list[str], array: str | None) -> str:
    listed = ", ".join(names) or "none"
    if array is None and len(names) != 1:
        raise DataFileError(f"{path} holds {len(names)} arrays ({listed}); say which one is meant")
    if array is not None and array not in names:
        raise DataFileError(f"{path} has no array {array!r}; it holds {listed}")
    return array or names[0]


def _from_text(path: Path, data: bytes) -> PointFile:
    """Points of a table in text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{path} is not text in UTF-8: {error.reason} at byte {error.start}"
        ) from error
    try:
        lines = list(_fields(text))
    except csv.Error as error:
        raise DataFileError(f"{path} is not a table: {error}") from error
    if not lines:
        raise DataFileError(f"{path} holds no line of numbers")
    header: list[str] | None = None
    if all(_number(field) is None for field in lines[0][1]):
        header = lines.pop(0)[1]
        if not lines:
            raise DataFileError(f"{path} holds column names or text, but no line of numbers")
    width = len(lines[0][1] if header is None else header)
    points = np.array([_row(path, line, fields, width) for line, fields in lines])
    return PointFile(
        points,
        tuple(map(str, range(width)) if header is None else header),
        named=header is not None,
    )


def _fields(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number, counted from 1, and fields of each line that counts."""
    lines = [(number, line.strip(" \r\n")) for number, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    delimiter = next((mark for mark in DELIMITERS if lines and mark in lines[0][1]), ",")
    for number, line in lines:
        yield (
            number,
            line.split()
            if delimiter == " "
            else [field.strip() for field in next(csv.reader([line], delimiter=delimiter))],
        )


def _row(path: Path, line: int, fields: list[str], width: int) -> list[float]:
    if len(fields) != width:
        raise DataFileError(
            f"{path} is ragged: line {line} has {len(fields)} column(s), the first has {width}"
        )
    numbers = []
    for column, field in enumerate(fields):
        number = _number(field)
        if number is None:
            raise DataFileError(
                f"{path} must hold numbers, but line {line}, column {column} reads {field[:40]!r}"
            )
        if not math.isfinite(number):
            raise DataFileError(
                f"{path} must hold finite numbers, but line {line}, column {column} reads {field[:40]!r}"
            )
        numbers.append(number)
    return numbers


def _number(field: str) -> float | None:
    """The number that a field reads, with a decimal point and no underscores."""
    try:
        return float(field) if "_" not in field else None
    except ValueError:
        return None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
