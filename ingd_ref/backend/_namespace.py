"""The array library and the device of arrays, and explicit moves between them."""

from __future__ import annotations

from typing import Any

import array_api_compat as compat
import array_api_compat.numpy as numpy_namespace
import numpy as np

from ingd_ref.errors import BackendError

__all__ = [
    "Array",
    "Namespace",
    "array_namespace",
    "backend_name",
    "device",
    "is_array",
    "is_array_like",
    "item",
    "not_an_array",
    "to_backend",
    "to_host",
]

Array = Any  # an array of any library that follows the array API standard
Namespace = Any  # the module of functions that goes with it

HOST = np.zeros(())  # a sample of whatever becomes a NumPy array


def device(x: Array) -> Any:
    """Return the device of ``x``, as its library names devices."""
    return compat.device(x)


def is_array(x: object) -> bool:
    """Return whether ``x`` is an array of a library that follows the standard."""
    # A class of arrays would pass for an array.
    return type(x) is np.ndarray or (not isinstance(x, type) and bool(compat.is_array_api_obj(x)))


def is_array_like(x: object) -> bool:
    """Return whether NumPy can convert ``x``: a list, a tuple, or a column of a data frame."""
    return isinstance(x, list | tuple) or (not isinstance(x, type) and hasattr(x, "__array__"))


def array_namespace(**arrays: Array | None) -> Namespace:
    """Return the array-API namespace that all given arrays share.

    Parameters
    ----------
    **arrays : array or None
        Arguments by name, for the message of an error. ``None`` is ignored. A list, a tuple, or an
        object that NumPy can convert, such as a column of pandas or polars, counts as an array of
        NumPy.

    Returns
    -------
    module
        The array-API namespace (``array_api_compat.numpy`` for NumPy arrays, and so on).

    Raises
    ------
    BackendError
        If an argument is neither an array nor a list, or if two arguments come from different
        libraries or lie on different devices.

    Examples
    --------
    >>> import numpy as np
    >>> array_namespace(x=np.zeros(3), weights=None).__name__
    'array_api_compat.numpy'
    """
    given = {name: value for name, value in arrays.items() if value is not None}
    if all(type(value) is np.ndarray for value in given.values()):
        return numpy_namespace  # what the checks below return, in a sixth of their time
    found = {name: _array_or_host(value, name) for name, value in given.items()}
    (first, reference), *others = found.items()
    namespace = compat.array_namespace(reference)
    for name, value in others:
        if compat.array_namespace(value) is not namespace:
            libraries = f"{backend_name(reference)} and {backend_name(value)}"
            raise BackendError(
                f"{first} and {name} come from different array libraries "
                f"({libraries}); convert one of them first"
            )
        if device(value) != device(reference):
            devices = f"{device(reference)} and {device(value)}"
            raise BackendError(
                f"{first} and {name} lie on different devices ({devices}); move one of them first"
            )
    return namespace


def _array_or_host(value: Any, name: str) -> Array:
    """Return ``value`` if it is an array, and some NumPy array if it can be converted to one."""
    if is_array(value):
        return value
    if is_array_like(value):
        return HOST
    raise BackendError(not_an_array(value, name))


def not_an_array(value: object, name: str) -> str:
    """Return the message for an argument that is not an array and cannot become one."""
    return (
        f"{name} must be an array (NumPy, CuPy, PyTorch, ...) or a list of numbers, "
        f"got {type(value).__name__}"
    )


def backend_name(x: Array) -> str:
    """Return the short name of the library of ``x``: ``"numpy"``, ``"cupy"``, ``"torch"``, ..."""
    if type(x) is np.ndarray:
        return "numpy"
    namespace = compat.array_namespace(x)
    return str(namespace.__name__.removeprefix("array_api_compat.").split(".")[0])


def to_host(x: Array) -> np.ndarray:
    """Return ``x`` as a NumPy array, and so copy it from its device if it lies on another.

    Examples
    --------
    >>> import numpy as np
    >>> to_host(np.zeros(2))
    array([0., 0.])
    """
    if compat.is_numpy_array(x):
        return np.asarray(x)
    if not is_array(x):
        raise BackendError(not_an_array(x, "x"))
    if compat.is_cupy_array(x):
        return np.asarray(x.get())
    if compat.is_torch_array(x):
        return np.asarray(x.detach().cpu().numpy())
    return np.from_dlpack(x)


def to_backend(host: np.ndarray, like: Array) -> Array:
    """Copy a NumPy array to the library and device of ``like``, in its floating type.

    An array of integers or booleans keeps its type.

    Examples
    --------
    >>> import numpy as np
    >>> to_backend(np.zeros(2), like=np.ones(1, dtype=np.float32)).dtype
    dtype('float32')
    """
    if not is_array(like):
        raise BackendError(not_an_array(like, "like"))
    namespace = compat.array_namespace(like)
    if not isinstance(host, np.ndarray | np.generic):
        raise BackendError(f"host must be a NumPy array, got {type(host).__name__}")
    floating = np.issubdtype(host.dtype, np.floating)
    floating = floating and namespace.isdtype(like.dtype, "real floating")
    dtype = like.dtype if floating else None
    return namespace.asarray(host, dtype=dtype, device=device(like), copy=True)


def item(x: Array) -> Any:
    """Return the one number in ``x`` as a Python scalar, copied from its device."""
    return to_host(x).item()
