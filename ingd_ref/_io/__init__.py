"""Files: data files are checked when read; results are written completely or not at all."""

from ingd_ref._io._atomic import (
    make_directory,
    packed_arrays,
    packed_json,
    remove_leftovers,
    write_arrays,
    write_bytes,
    write_json,
)
from ingd_ref._io._lock import locked
from ingd_ref._io._outputs import Outputs, require_same
from ingd_ref._io._points import PointFile, read_points
from ingd_ref._io._regular import read_regular
from ingd_ref._io._sealed import read_sealed, write_at, write_sealed

__all__ = [
    "Outputs",
    "PointFile",
    "locked",
    "make_directory",
    "packed_arrays",
    "packed_json",
    "read_points",
    "read_regular",
    "read_sealed",
    "remove_leftovers",
    "require_same",
    "write_arrays",
    "write_at",
    "write_bytes",
    "write_json",
    "write_sealed",
]
