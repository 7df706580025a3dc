"""Benchmarks of the package.

The KiNG velocity is timed against a matrix product and against the published formulation, other
parts of the package against other implementations.
"""

from ingd_ref._bench._comparison import BENCHMARKS, Comparison, compare
from ingd_ref._bench._published import published_bytes, published_velocity
from ingd_ref._bench._run import SIZES, run
from ingd_ref._bench._table import comparison_table, table

__all__ = [
    "BENCHMARKS",
    "SIZES",
    "Comparison",
    "compare",
    "comparison_table",
    "published_bytes",
    "published_velocity",
    "run",
    "table",
]
