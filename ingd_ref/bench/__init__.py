"""How fast the KiNG velocity is, measured against the rate of the machine's own matrix product and against the published formulation."""

from ingd_ref.bench._published import published_bytes, published_velocity
from ingd_ref.bench._run import SIZES, run
from ingd_ref.bench._table import table

__all__ = ["SIZES", "published_bytes", "published_velocity", "run", "table"]
