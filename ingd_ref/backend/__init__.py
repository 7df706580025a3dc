"""Arrays decide where the work is done, ``implementation=`` decides how; no wrapper class, no global state."""

from ingd_ref.backend._dispatch import IMPLEMENTATIONS, Explanation, explain, kernel
from ingd_ref.backend._namespace import (
    Array,
    Namespace,
    array_namespace,
    backend_name,
    device,
    is_array,
    item,
    to_backend,
    to_host,
)
from ingd_ref.backend._operations import (
    contract,
    erf,
    logsumexp,
    softmax,
    symmetrise,
    tile_edge,
    tiles,
)
from ingd_ref.backend._threads import single_blas_thread

__all__ = [
    "IMPLEMENTATIONS",
    "Array",
    "Explanation",
    "Namespace",
    "array_namespace",
    "backend_name",
    "contract",
    "device",
    "erf",
    "explain",
    "is_array",
    "item",
    "kernel",
    "logsumexp",
    "single_blas_thread",
    "softmax",
    "symmetrise",
    "tile_edge",
    "tiles",
    "to_backend",
    "to_host",
]
