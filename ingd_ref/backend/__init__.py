"""The arrays say where work is done, ``implementation=`` says how; there is no global state."""

from ingd_ref.backend._dispatch import (
    IMPLEMENTATIONS,  # noqa: F401
    Explanation,
    explain,
    kernel,  # noqa: F401
)
from ingd_ref.backend._namespace import (
    Array,  # noqa: F401
    Namespace,  # noqa: F401
    array_namespace,
    backend_name,  # noqa: F401
    device,  # noqa: F401
    is_array,  # noqa: F401
    item,  # noqa: F401
    to_backend,
    to_host,
)
from ingd_ref.backend._operations import (  # noqa: F401
    contract,
    erf,
    logsumexp,
    softmax,
    symmetrise,
    tile_edge,
    tiles,
)
from ingd_ref.backend._threads import single_blas_thread  # noqa: F401

__all__ = ["Explanation", "array_namespace", "explain", "to_backend", "to_host"]
