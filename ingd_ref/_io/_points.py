"""Points from a user's ``.npy``, ``.npz`` or ``.csv`` file; an error names file and place."""

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

from ingd_ref._io._regular import read_regular
from ingd_ref.errors import DataFileError

__all__ = ["PointFile", "read_points"]

DELIMITERS = ("\t", ";", ",", " ")
SUFFIXES = (".npy", ".npz", ".csv")
# Bytes of an array, in a file or unpacked, and of a table: more than n × m interactions allow.
LARGEST_ARRAY, LARGEST_TABLE = 1 << 30, 1 << 28


@dataclass(frozen=True, eq=False)
class PointFile:
    """The contents of a file of points.

    Attributes
    ----------
    points : numpy.ndarray (n, d)
        Finite numbers, of type float32 if the file holds these, else float64.
    columns : tuple of str
        Names of the coordinates: those of the CSV header, else "0", "1", ...
    named : bool
        Whether the file names its columns.
    """

    points: np.ndarray
    columns: tuple[str, ...]
    named: bool = False


def read_points(path: str | os.PathLike[str], array: str | None = None) -> PointFile:
    r"""Read points from a file of any program.

    Parameters
    ----------
    path : str or path-like
        An ``.npy`` or ``.npz`` file, or ``.csv``: UTF-8 text, separated by commas, semicolons, tabs
        or spaces, with or without a line of column names. Empty lines and lines that begin with
        ``#`` are skipped.
    array : str, optional
        Name of the array in an ``.npz`` file. Default: the only one.

    Returns
    -------
    PointFile
        A file with one axis of numbers gives points with one coordinate.

    Raises
    ------
    DataFileError
        If the file cannot be read, has another format, is empty or ragged, or holds anything but
        finite real numbers. Pipes and devices are rejected, and so are arrays above 1 GiB and
        tables above 256 MiB, before they are read or unpacked.

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
        table = path.suffix.lower() == ".csv"
        data = read_regular(path, LARGEST_TABLE if table else LARGEST_ARRAY)
    except OSError as error:
        raise DataFileError(f"{path} cannot be read: {error.strerror or error}") from error
    if not data:
        raise DataFileError(f"{path} is empty")
    if table:
        return _from_text(path, data)
    found = (
        _from_npy(path, io.BytesIO(data), len(data))
        if path.suffix.lower() == ".npy"
        else _from_npz(path, data, array)
    )
    return _checked(path, found)


def _checked(path: Path, found: np.ndarray) -> PointFile:
    """Return an array of finite real numbers with one or two axes as points."""
    if found.ndim not in (1, 2) or 0 in found.shape:
        expected = "points of shape (n, d) with n ≥ 1 and d ≥ 1"
        raise DataFileError(f"{path} must hold {expected}, got shape {found.shape}")
    dtype = np.float32 if found.dtype == np.float32 else np.float64
    with np.errstate(over="ignore"):
        points = np.array(found, dtype=dtype, order="C")
    points = points[:, None] if points.ndim == 1 else points
    rows, columns = np.nonzero(~np.isfinite(points))
    if rows.size:
        place = f"row {rows[0]}, column {columns[0]} (counted from 0)"
        raise DataFileError(
            f"{path} holds {rows.size} value(s) that are NaN or infinite, the first in {place}"
        )
    return PointFile(points, tuple(map(str, range(points.shape[1]))))


def _from_npy(path: Path, file: IO[bytes], size: int) -> np.ndarray:
    """Read the array of a ``.npy`` stream of ``size`` bytes, without pickles or excess memory."""
    try:
        with warnings.catch_warnings(action="ignore"):
            readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
            shape, fortran_order, dtype = readers[npy.read_magic(file)](file)
        payload = file.read(size)
    # Arbitrary bytes make the parser of the header fail in a dozen ways.
    except Exception as error:
        raise DataFileError(f"{path} is not a NumPy array file: {_first_line(error)}") from error
    if dtype.hasobject:
        raise DataFileError(f"{path} holds Python objects, which are never loaded; save numbers")
    if dtype.kind not in "iuf":
        raise DataFileError(f"{path} must hold real numbers, got dtype {dtype}")
    expected = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or len(payload) < expected:
        needed = f"shape {shape} of {dtype} takes {expected} bytes, there are {len(payload)}"
        raise DataFileError(f"{path} is cut short: {needed}")
    if expected == 0:
        return np.empty((0,))
    flat = np.frombuffer(payload, dtype, math.prod(shape))
    return flat.reshape(shape, order="F" if fortran_order else "C")


def _from_npz(path: Path, data: bytes, array: str | None) -> np.ndarray:
    """Read one array of an archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [
                name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")
            ]
            chosen = f"{_chosen(path, names, array)}.npy"
            _require_size(path, archive.getinfo(chosen).file_size)
            packed = archive.read(chosen)
    except DataFileError:
        raise
    # A damaged archive fails in a dozen ways too.
    except Exception as error:
        raise DataFileError(f"{path} is not a NumPy archive: {_first_line(error)}") from error
    return _from_npy(path, io.BytesIO(packed), len(packed))


def _require_size(path: Path, size: int) -> None:
    if size > LARGEST_ARRAY:
        limit = f"more than the {LARGEST_ARRAY:,} that are read"
        raise DataFileError(f"{path} unpacks to {size:,} bytes, {limit}")


def _chosen(path: Path, names: list[str], array: str | None) -> str:
    listed = ", ".join(names) or "none"
    if array is None and len(names) != 1:
        raise DataFileError(f"{path} holds {len(names)} arrays ({listed}); name one of them")
    if array is not None and array not in names:
        raise DataFileError(f"{path} has no array {array!r}; it holds {listed}")
    return array or names[0]


def _from_text(path: Path, data: bytes) -> PointFile:
    """Read the points of a table."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"{error.reason} at byte {error.start}"
        raise DataFileError(f"{path} is not text in UTF-8: {reason}") from error
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
    columns = tuple(map(str, range(width)) if header is None else header)
    return PointFile(points, columns, named=header is not None)


def _fields(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number, counted from 1, and the fields of each line that is not skipped."""
    lines = [(number, line.strip(" \r\n")) for number, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    delimiter = next((mark for mark in DELIMITERS if lines and mark in lines[0][1]), ",")
    for number, line in lines:
        if delimiter == " ":
            yield number, line.split()
        else:
            yield number, [field.strip() for field in next(csv.reader([line], delimiter=delimiter))]


def _row(path: Path, line: int, fields: list[str], width: int) -> list[float]:
    if len(fields) != width:
        columns = f"line {line} has {len(fields)} column(s), the first has {width}"
        raise DataFileError(f"{path} is ragged: {columns}")
    numbers = []
    for column, field in enumerate(fields):
        number = _number(field)
        if number is None or not math.isfinite(number):
            expected = "numbers" if number is None else "finite numbers"
            place = f"line {line}, column {column} reads {field[:40]!r}"
            raise DataFileError(f"{path} must hold {expected}, but {place}")
        numbers.append(number)
    return numbers


def _number(field: str) -> float | None:
    """Return the number in a field; ``float`` alone would accept underscores."""
    try:
        return float(field) if "_" not in field else None
    except ValueError:
        return None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
