"""The arrays say where work is done, ``implementation=`` says how; there is no global state."""

from ingd_ref.backend._dispatch import Explanation, explain
from ingd_ref.backend._namespace import array_namespace, to_backend, to_host

__all__ = ["Explanation", "array_namespace", "explain", "to_backend", "to_host"]
