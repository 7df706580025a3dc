"""Files: those of users are checked when read, our own are written whole or not at all."""

from ingd_ref._io._atomic import make_directory, write_arrays, write_bytes, write_json
from ingd_ref._io._points import PointFile, read_points
from ingd_ref._io._sealed import read_sealed, write_at, write_sealed

__all__ = [
    "PointFile",
    "make_directory",
    "read_points",
    "read_sealed",
    "write_arrays",
    "write_at",
    "write_bytes",
    "write_json",
    "write_sealed",
]
