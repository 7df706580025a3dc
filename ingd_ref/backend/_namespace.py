"""Which array library, which device: asked of the arrays, once, at the public edge."""

from __future__ import annotations

from typing import Any

import array_api_compat as compat
import numpy as np

from ingd_ref.errors import BackendError

__all__ = [
    "Array",
    "Namespace",
    "array_namespace",
    "backend_name",
    "device",
    "is_array",
    "item",
    "to_backend",
    "to_host",
]

type_of = type
Array = Any  # an array of any library that follows the array API standard
Namespace = Any  # the module of functions that goes with it


def device(x: Array) -> Any:
    """Return the device on which ``x`` lies, as its library names devices."""
    return compat.device(x)


def is_array(x: object) -> bool:
    """Whether ``x`` is an array of a library that follows the standard; its classes are not."""
    return not isinstance(x, type_of) and bool(compat.is_array_api_obj(x))


def array_namespace(**arrays: Array | None) -> Namespace:
    """Return the array-API namespace that all given arrays share.

    Parameters
    ----------
    **arrays : array or None
        The arguments of the calling function by name, so that an error can name the culprit.
        ``None`` is ignored.

    Returns
    -------
    module
        The array-API namespace (``array_api_compat.numpy`` for NumPy arrays, and so on).

    Raises
    ------
    BackendError
        If an argument is not an array, or if two arguments come from different libraries or lie on
        different devices.

    Examples
    --------
    >>> import numpy as np
    >>> array_namespace(x=np.zeros(3), weights=None).__name__
    'array_api_compat.numpy'
    """
    given = {name: value for name, value in arrays.items() if value is not None}
    for name, value in given.items():
        if not is_array(value):
            raise BackendError(
                f"{name} must be an array (NumPy, CuPy, PyTorch, ...), got {type_of(value).__name__}"
            )
    (first, reference), *others = given.items()
    namespace = compat.array_namespace(reference)
    for name, value in others:
        if compat.array_namespace(value) is not namespace:
            raise BackendError(
                f"{first} and {name} come from different array libraries "
                f"({backend_name(reference)} and {backend_name(value)}); convert one of them first"
            )
        if device(value) != device(reference):
            raise BackendError(
                f"{first} and {name} lie on different devices ({device(reference)} and {device(value)}); move one of them first"
            )
    return namespace


def backend_name(x: Array) -> str:
    """Return the short name of the library that ``x`` belongs to: ``"numpy"``, ``"cupy"``, ``"torch"``, ..."""
    namespace = compat.array_namespace(x)
    return str(namespace.__name__.removeprefix("array_api_compat.").split(".")[0])


def to_host(x: Array) -> np.ndarray:
    """Copy or view ``x`` as a NumPy array: the only place where data leave a device, and always on request."""
    if compat.is_numpy_array(x):
        return np.asarray(x)
    if compat.is_cupy_array(x):
        return np.asarray(x.get())
    if compat.is_torch_array(x):
        return np.asarray(x.detach().cpu().numpy())
    return np.from_dlpack(x)


def to_backend(host: np.ndarray, like: Array) -> Array:
    """Move a host array to the library and device of ``like``, in the floating type of ``like`` if ``host`` is floating."""
    namespace = compat.array_namespace(like)
    dtype = (
        like.dtype
        if np.issubdtype(host.dtype, np.floating) and namespace.isdtype(like.dtype, "real floating")
        else None
    )
    return namespace.asarray(host, dtype=dtype, device=device(like), copy=True)


def item(x: Array) -> Any:
    """Return the one number in ``x`` as a Python scalar, by an explicit transfer from its device."""
    return to_host(x).item()
